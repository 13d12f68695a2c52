#!/usr/bin/env bash
# small.sh - FAT32, ext2 and NTFS mounted at once in 96 KiB of memory
#
# Volumes as their own programs make them, with a few directories and files, are
# read and written in turns. They hold the same as with plenty of memory, and
# those programs find nothing wrong with them.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

for program in mkfs.fat mke2fs mkntfs ntfscp; do
    have "$program" || skip_all "needs $program"
done

fill_source()
{
    local i

    mkdir -p "$work/source/directory/below"
    for ((i = 0; i < 60; i++)); do
        echo "$i" >"$work/source/directory/a file with a long name $i"
    done
    seq 1 60000 >"$work/source/a longer file"
    seq 1 500 >"$work/source/directory/below/file"
    : >"$work/source/empty"
}

# make_volume FORMAT: its image, with files.
make_volume()
{
    local image=$work/$1.img

    rm -f "$image"
    case $1 in
    fat)
        truncate -s 300M "$image"
        mkfs.fat -F 32 -s 8 "$image" >"$work/log"
        "$SHALE" put -r "$image" "$work/source/." >>"$work/log" 2>&1
        ;;
    ext2)
        make_image "$image" 16M -b 1024 -d "$work/source"
        ;;
    ext2-4k)
        make_image "$image" 32M -b 4096 -d "$work/source"
        ;;
    ntfs)
        truncate -s 16M "$image"
        mkntfs -F -Q -q -f -p 0 -H 0 -S 0 "$image" >"$work/log" 2>&1
        ntfscp -q "$image" "$work/source/a longer file" /long
        ntfscp -q "$image" "$work/source/directory/below/file" /file
        ntfscp -q "$image" "$work/source/empty" /empty
        ;;
    esac
}

# judge FORMAT: its own checker, which changes nothing.
judge()
{
    local image=$work/$1.img

    local checker=(fsck.fat -n)

    case $1 in
    ext2*) checker=(e2fsck -fn) ;;
    ntfs) return 0 ;;           # which was not changed
    esac
    if "${checker[@]}" "$image" >"$work/judged" 2>&1; then
        ok
    else
        fail "$1: ${checker[0]}"
        head -n 10 "$work/judged"
    fi
}

# at_work KIB CACHE FORMAT...: all of them at once in that much memory, CACHE of
# it for blocks of each.
at_work()
{
    local kib=$1 cache=$2 format images=()

    shift 2
    for format in "$@"; do
        make_volume "$format"
        images+=("$work/$format.img")
    done
    if ! timeout 300 "$SMALL_RUN" --write "$kib" "$cache" "${images[@]}" \
        >"$work/small" 2>"$work/errors"; then
        fail "$* in $kib KiB"
        cat "$work/errors"
        return
    fi
    "$SMALL_RUN" 4096 64 "${images[@]}" >"$work/plenty"
    same "$* in $kib KiB: contents" "$work/plenty" "$work/small"
    for format in "$@"; do
        judge "$format"
        is_sound "$format" "$work/$format.img"
    done
}

fill_source
at_work 96 2 fat ext2 ntfs
at_work 48 8 fat
at_work 48 8 ext2
at_work 56 8 ntfs
at_work 96 8 ext2-4k
finish
