#!/usr/bin/env bash
# corpora.sh - images that others made: sound, odd and broken
#
# $SHALE_CORPORA is a folder with images.tar.zst, which holds MANIFEST.tsv,
# images/ and TREES/ (listings by an independent reader). Where it is missing
# this test is skipped. Says of each image what the manifest says:
#
#   mountable rw or ro, with a listing    shows exactly that tree
#   mountable no                          is refused, with a reason
#   any, however corrupt                  no crash, no report, no leak, 10 s,
#                                         and likewise when written to
#
# CORPORA_RUN is tests/corpora_run.c, best built with sanitizers.
# shellcheck source=support/lib.sh
. "$(dirname "$0")/support/lib.sh"

corpora=${SHALE_CORPORA:-$(dirname "$0")/../../shared/corpora}
[ -e "$corpora/images.tar.zst" ] ||
    skip_all "no corpora (set SHALE_CORPORA to their folder)"
have zstd || skip_all "needs zstd, to unpack the corpora"

tar --zstd -xSf "$corpora/images.tar.zst" -C "$work"
[ -e "$work/MANIFEST.tsv" ] || skip_all "the corpora have no manifest"

# watched WHAT ARGUMENT...: CORPORA_RUN, with an eye on the clock. Fails if that
# does not end well, and leaves what it said in $work/got.
watched()
{
    local what=$1 status=0

    shift
    timeout -k 1 120 "$CORPORA_RUN" "$@" >"$work/got" 2>&1 || status=$?
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        fail "$what: took more than 120 seconds"
    elif [ "$status" != 0 ]; then
        fail "$what: exit status $status"
        head -n 20 "$work/got"
    fi
    return $status
}

# exercise PATH FS MOUNTABLE: everything at once.
exercise()
{
    local path=$1

    watched "$path" "$work/images/$path" || return 0
    if [ "$2" = ext2 ] && [ "$3" = no ] && grep -q '^mounted' "$work/got"; then
        fail "$path: mounted, though its features forbid it"
    else
        ok
    fi
    if [ "$2" != ntfs ] &&
        watched "$path, written" --write "$work/images/$path"; then
        ok
    fi
}

# The recorder stopped at so many lines.
cut_at=20000

# same_tree WHAT: $work/got against $work/want.
same_tree()
{
    if [ "$(wc -l <"$work/want")" -lt "$cut_at" ]; then
        same "$1" "$work/want" "$work/got"
    else
        # As far as the listing goes: nothing of it may be missing.
        comm -12 "$work/want" "$work/got" >"$work/common"
        same "$1 (its first $cut_at entries)" "$work/want" "$work/common"
    fi
}

# as_recorded FS: a listing of ours, as the recorder of FS's trees writes it.
# FAT's has no modes, owners, links, times, and no sizes of directories.
as_recorded()
{
    case $1 in
    fat)
        awk -F '\t' -v OFS='\t' \
            '{ print $1, $1 == "d" ? "-" : $6, $8, $9 }'
        ;;
    ntfs)
        by_design "$work/want"
        ;;
    *)
        cat
        ;;
    esac | sort
}

# by_design WANT: a listing of NTFS without what its recorder, ntfs-3g, sees in
# its own way and we in ours:
#
#     links counted with DOS names        without; both left out here
#     $MFT, number 0, cannot be listed    it is
#     $ObjId, $Quota, $Reparse: no open   empty
#     what it did not hash ("-")          hashed
#     a link that leads off the volume    its target
#     0777 what Linux has made            the mode that an EA keeps
by_design()
{
    awk -F '\t' -v OFS='\t' -v want="$1" '
        function even(    data) {
            if ($1 == "f") $5 = "-"
            if ($2 == "0755") $2 = "0777"
            if ($8 == "EIO2") $8 = empty
            if ($1 == "l" && $8 ~ /unsupported reparse tag/) $6 = $8 = "-"
        }
        BEGIN {
            empty = "e3b0c44298fc1c149afbf4c8996fb924" \
                "27ae41e4649b934ca495991b7852b855"
            while ((getline line <want) > 0) {
                $0 = line
                even()
                size[$9] = $6
                data[$9] = $8
            }
        }
        {
            even()
            if ($9 == "$MFT") next
            if (data[$9] == "-") $8 = "-"
            if ($1 == "l" && size[$9] == "-") $6 = "-"
            print
        }'
}

# tree PATH FS: the listing, by the library and, if it can be had, by a mount.
tree()
{
    local path=$1 fs=$2 image=$work/images/$1 options=

    grep -v -e '^#' -e '^$' "$work/TREES/$path.tree" | sort >"$work/want" ||
        true
    if [ "$fs" = ntfs ]; then
        options=show_sys_files,streams_interface=none
        as_recorded ntfs <"$work/want" >"$work/even"
        mv "$work/even" "$work/want"
    fi
    "$DUMPTREE" -b -o "$options" "$image" 2>"$work/log" |
        as_recorded "$fs" >"$work/got" || true
    same_tree "$path: tree"
    head -n 3 "$work/log"
    can_fuse || return 0
    if ! mount_shale "$image" "$work/mnt" -o "ro,$options" 2>"$work/log"; then
        fail "$path: cannot be mounted"
        cat "$work/log"
        return
    fi
    "$DUMPDIR" -b "$work/mnt" 2>"$work/log" | as_recorded "$fs" >"$work/got" ||
        true
    same_tree "$path: tree, mounted"
    head -n 3 "$work/log"
    unmount "$work/mnt"
}

can_fuse || skip "mounts" "/dev/fuse cannot be used"
images=0
seen=0
while IFS=$'\t' read -r path fs _ mountable _ _ _ _ _ features _; do
    [ "$path" != path ] || continue
    images=$((images + 1))
    exercise "$path" "$fs" "$mountable"
    [ "$mountable" != no ] && [ -e "$work/TREES/$path.tree" ] || continue
    # The trees of some of each kind, if there is no time.
    ! is_quick || [ $((seen++ % 4)) = 0 ] || continue
    case $features in
    *FAT32-BPB-with-few-clusters*)
        # The recorder took these for FAT12, and so found nothing. The checker
        # of dosfstools, and Linux, go by the BPB as we do.
        ;;
    *)
        tree "$path" "$fs"
        ;;
    esac
done <"$work/MANIFEST.tsv"
echo "$images images"
finish
