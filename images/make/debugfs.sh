# debugfs.sh - what the recipes share that write with debugfs; sourced
#
# Everything has a fixed time, so that two runs are bit for bit the same:
# tests/bad/ patches bytes of these images. Works in the fresh directory $work,
# which goes away with the recipe, on $image.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C E2FSPROGS_FAKE_TIME=1700000000
PATH=$PATH:/usr/sbin:/sbin
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/image

# bytes N: text no two blocks of which are alike, but which packs well.
bytes() { seq -f '%-1023.0f' 1 "$1" | head -c "$1" || true; }

# many_names: the paths of a directory that is large enough for an index.
many_names()
{
    local n

    for n in $(seq -w 1 90); do
        echo "/many/name-$n-$(printf "%040d" "$((10#$n))")"
    done
}

# make_many: commands that make them.
make_many()
{
    echo 'mkdir many'
    echo 'cd /many'
    many_names | sed 's,^/many/,write empty ,'
}

# stamp FILE...: commands that give these a fixed time, in all fields but those
# that $but says (FILE:FIELD, between spaces).
stamp()
{
    local file field

    # When this ran must not be in a golden.
    echo 'set_super_value lastcheck @1700000000'
    for file; do
        for field in atime mtime ctime crtime; do
            [[ " ${but:-} " == *" $file:$field "* ]] ||
                echo "sif $file $field @1700000000"
        done
    done
}

# change: carry out the commands on standard input.
change()
{
    cat >script
    debugfs -w -f script "$image" >log 2>&1
    if grep -v '^debugfs' log | grep -v '^Allocated inode' | grep .; then
        exit 1
    fi
}

# make_indexes: e2fsck does, for what is large enough.
make_indexes() { e2fsck -fyD "$image" >log 2>&1 || [ $? = 1 ]; }
