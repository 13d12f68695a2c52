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
    timeout -k 1 10 "$CORPORA_RUN" "$@" >"$work/got" 2>&1 || status=$?
    if [ "$status" = 124 ] || [ "$status" = 137 ]; then
        fail "$what: took more than 10 seconds"
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
    if [ "$1" = fat ]; then
        awk -F '\t' -v OFS='\t' '{ print $1, $1 == "d" ? "-" : $6, $8, $9 }'
    else
        cat
    fi | sort
}

# tree PATH FS: the listing, by the library and, if it can be had, by a mount.
tree()
{
    local path=$1 fs=$2 image=$work/images/$1

    grep -v -e '^#' -e '^$' "$work/TREES/$path.tree" | sort >"$work/want" ||
        true
    "$DUMPTREE" -b "$image" 2>"$work/log" | as_recorded "$fs" >"$work/got" ||
        true
    same_tree "$path: tree"
    head -n 3 "$work/log"
    can_fuse || return 0
    if ! mount_shale "$image" "$work/mnt" -o ro; then
        fail "$path: cannot be mounted"
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
    # Some of each kind, if there is no time.
    ! is_quick || [ $((seen++ % 4)) = 0 ] || continue
    images=$((images + 1))
    exercise "$path" "$fs" "$mountable"
    [ "$fs" != ntfs ] && [ "$mountable" != no ] &&
        [ -e "$work/TREES/$path.tree" ] || continue
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
