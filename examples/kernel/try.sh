#!/bin/bash
# try.sh - build the kernel, and boot it with a disk of each format
#
#     try.sh [MACHINE]
#
# MACHINE is x86_64, or riscv64. The disks have this directory on them, are in
# build/, and stay there as the kernel leaves them. A format whose own program
# (mke2fs, mkfs.fat, mkntfs) is not installed is left out.
set -euo pipefail

machine=${1-x86_64}
cd "$(dirname "$0")"
PATH=$PATH:/usr/sbin:/sbin      # not on everybody's
build=../../build/kernel-$machine
disks=()

# new_disk NAME PROGRAM: a blank file to make a disk of, unless there is one.
new_disk()
{
    local image=$build/$1.img

    command -v "$2" >/dev/null || return 1
    disks+=("$image")
    [ ! -e "$image" ] && truncate -s 40M "$image"
}

cmake --preset "$machine" >/dev/null
cmake --build --preset "$machine"

if new_disk ext2 mke2fs; then
    mke2fs -q -t ext2 -d . "$build/ext2.img"
fi
if new_disk fat mkfs.fat; then
    mkfs.fat -F 32 "$build/fat.img" >/dev/null
    ! command -v mcopy >/dev/null || mcopy -s -i "$build/fat.img" ./* ::
fi
if new_disk ntfs mkntfs; then
    mkntfs -q -F -f "$build/ntfs.img" >/dev/null 2>&1
    ntfscp -q "$build/ntfs.img" README.md README.md
fi
echo "Try: help; ls ext2:/; cat fat:/README.md; check ntfs:; poweroff"
exec ./run.sh "$machine" "$build/shale-kernel.elf" "${disks[@]}"
