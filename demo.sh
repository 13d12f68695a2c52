#!/usr/bin/env bash
# demo.sh - Shale on this machine, in one command
#
#     ./demo.sh             make sample images, mount them, look at the files
#     ./demo.sh IMAGE DIR   mount your own image (read-only) on DIR
#
# Installs what is missing from Debian packages, and builds. As any user.
set -euo pipefail

start=$PWD
cd "$(dirname "$0")"
. scripts/setup.sh
PATH=$PATH:/usr/sbin:/sbin

case $#:${1:-} in
0: | 2:[!-]*) ;;
*)
    echo 'usage: ./demo.sh [IMAGE DIR]' >&2
    exit 2
    ;;
esac

need_packages "${build_packages[@]}"
[ -e build/release/build.ninja ] || echo "Building (a minute or so)"
build_preset release OFF tools/shale
shale=build/release/tools/shale

if [ ! -r /dev/fuse ] || [ ! -w /dev/fuse ]; then
    echo "Mounting needs /dev/fuse, which $(id -un) cannot open here." >&2
    echo "Without mounting: $PWD/$shale ls IMAGE, cat, cp, info ..." >&2
    exit 1
fi

# ------------------------------------------------------- the user's own image

# in_start PATH: as the user meant it, who was in another directory.
in_start()
{
    case $1 in
    /*) echo "$1" ;;
    *) echo "$start/$1" ;;
    esac
}

if [ $# = 2 ]; then
    image=$(in_start "$1")
    dir=$(in_start "$2")
    [ -d "$dir" ] || { mkdir -p "$dir" && made=$dir; }
    "$shale" mount -o ro "$image" "$dir" || {
        status=$?
        [ -z "${made:-}" ] || rmdir "$made"
        exit "$status"
    }
    echo "$1 is mounted on $2:"
    # shellcheck disable=SC2012 # for eyes
    ls -la "$dir" | sed -n 1,12p        # all of it is read: no SIGPIPE
    echo
    printf 'To unmount it:  %q umount %q\n' "$PWD/$shale" "$dir"
    echo 'To change it, where its format can be: the same mount with -o rw.'
    exit 0
fi

# --------------------------------------------------------------- our own images

work=$(mktemp -d "${TMPDIR:-/tmp}/shale-demo.XXXXXX")
finish()
{
    for dir in "$work"/mnt-*; do
        [ -d "$dir" ] && mountpoint -q "$dir" && "$shale" umount "$dir"
    done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

# show COMMAND...: what the reader would type, and what comes of it.
show()
{
    local words=("$@")

    [ "${words[0]}" != "$shale" ] || words[0]=shale
    echo "\$ ${words[*]//$work\//}" | sed "s|$work|.|g"
    "$@" | sed -n "s|$work/||g; 1,14p"
}

say "A sample ext2 volume, made by mke2fs"
images/make/ext2-sample.sh "$work/sample.img"
show "$shale" info "$work/sample.img"
say "Mounted"
mkdir "$work/mnt-sample"
show "$shale" mount -o ro "$work/sample.img" "$work/mnt-sample"
show ls -la "$work/mnt-sample"
show cat "$work/mnt-sample/README"
show ls -l "$work/mnt-sample/letters"
show stat -c '%n: %s bytes, of which %b blocks of %B are on the volume' \
    "$work/mnt-sample/sparse"
say "Unmounted"
show "$shale" umount "$work/mnt-sample"

say "The same volume as partition 2 of a disk: found without being told"
images/make/ext2-disk.sh "$work/disk.img" "$work/sample.img"
show "$shale" info "$work/disk.img"
mkdir "$work/mnt-disk"
show "$shale" mount -o ro "$work/disk.img" "$work/mnt-disk"
show cat "$work/mnt-disk/letters/a"
show "$shale" umount "$work/mnt-disk"

say "And without mounting"
show "$shale" tree "$work/sample.img"

say "Is it sound, and what are its bytes used for?"
show "$shale" check "$work/sample.img"
show "$shale" map "$work/sample.img"

say "A FAT32 volume, made by mkfs.fat, and written to"
truncate -s 64M "$work/card.img"
mkfs.fat -F 32 -n CARD "$work/card.img" >/dev/null
mkdir "$work/mnt-card"
show "$shale" mount "$work/card.img" "$work/mnt-card"
show cp -r images/make "$work/mnt-card/"
show mv "$work/mnt-card/make" "$work/mnt-card/Scripts, each with its long name"
show ls -lR "$work/mnt-card"
show "$shale" umount "$work/mnt-card"
show fsck.fat -n "$work/card.img"

say "Your turn:  ./demo.sh IMAGE DIR"
