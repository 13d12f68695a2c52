#!/usr/bin/env bash
# small.sh - a kernel uses FAT32, ext2 and NTFS at once in 96 KiB of memory
#
# The volumes are as their own programs make them, which then find nothing wrong
# with them, and read what the kernel has written.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for program in mke2fs e2fsck debugfs mkfs.fat fsck.fat mcopy mkntfs ntfscp; do
    have "$program" || skip_all "needs $program"
done

KIB=96

tree=$work/tree
mkdir -p "$tree/d/below"
seq 1 60000 >"$tree/long"
for ((i = 0; i < 40; i++)); do
    echo "$i" >"$tree/d/a file with a long name $i"
done
seq 1 500 >"$tree/d/below/file"
make_image "$work/ext2.new" 16M -b 1024 -d "$tree"
truncate -s 300M "$work/fat.new"
mkfs.fat -F 32 -s 8 "$work/fat.new" >/dev/null
mcopy -s -i "$work/fat.new" "$tree/long" "$tree/d" ::
truncate -s 16M "$work/ntfs.new"
mkntfs -q -F -f "$work/ntfs.new" >/dev/null 2>&1
ntfscp -q "$work/ntfs.new" "$tree/long" long
ntfscp -q "$work/ntfs.new" "$tree/d/below/file" file

# All three in turns, from the first command on.
script()
{
    local volume round

    echo "share $KIB"
    for volume in ext2 fat ntfs; do
        echo "ls -l $volume:/"
        echo "tree $volume:/"
        echo "sha256 $volume:/long"
    done
    for ((round = 0; round < 12; round++)); do
        for volume in ext2 fat; do
            echo "write \"$volume:/a file longer than eight $round\" of $round"
            echo "fill $volume:/noise$round $((20000 + 7000 * round)) 7"
            echo "sha256 $volume:/noise$round"
            echo "mkdir $volume:/new$round"
            echo "rename $volume:/noise$round $volume:/new$round/noise"
            [ $((round % 3)) != 0 ] || echo "rm -r $volume:/new$round"
            [ $((round % 4)) != 0 ] || echo "sync"
        done
        echo "sha256 ntfs:/file"
    done
    for volume in ext2 fat; do
        echo "cp ntfs:/long $volume:/copy"
        echo "sha256 $volume:/copy $volume:/d/below/file"
        echo "append $volume:/copy and one more line"
        echo "ls -l $volume:/d"
    done
    echo sync
    for volume in ext2 fat ntfs; do
        echo "check $volume:"
    done
    echo mem
    # The memory is free again: less of it will not do, and tells so.
    echo "! share 24"
    echo "share off"
    echo "sha256 ext2:/long"
    echo poweroff
}

digest() { sha256sum <"$1" | cut -d ' ' -f 1; }

# read_back WHAT: what the kernel has written, by others.
read_back()
{
    local at=$work/found

    rm -rf "$at"
    mkdir "$at"
    e2fsck -fn "$work/ext2" >"$at/log" 2>&1 || {
        fail "$1: e2fsck"
        cat "$at/log"
    }
    fsck.fat -n "$work/fat" >"$at/log" 2>&1 || {
        fail "$1: fsck.fat"
        cat "$at/log"
    }
    is_sound "$1: ext2" "$work/ext2"
    is_sound "$1: FAT" "$work/fat"
    debugfs -R "dump /copy $at/ext2" "$work/ext2" >/dev/null 2>&1
    mcopy -n -i "$work/fat" ::copy "$at/fat"
    { cat "$tree/long"; echo "and one more line"; } >"$at/want"
    same "$1: by debugfs" "$at/want" "$at/ext2"
    same "$1: by mcopy" "$at/want" "$at/fat"
    debugfs -R "dump /new10/noise $at/noise" "$work/ext2" >/dev/null 2>&1
    mcopy -n -i "$work/fat" ::new10/noise "$at/noise2"
    same "$1: noise" "$at/noise" "$at/noise2"
    grep -qF "$(digest "$at/noise")  ext2:/noise10" "$work/out" ||
        fail "$1: the noise has another digest"
}

for machine in x86_64 riscv64; do
    can_run "$machine" || continue
    build_kernel "$machine" || {
        fail "$machine: the kernel is not built"
        continue
    }
    for volume in ext2 fat ntfs; do
        cp --sparse=always "$work/$volume.new" "$work/$volume"
    done
    script >"$work/script"
    boot "$machine" "$work/out" "$work/ext2" "$work/fat" "$work/ntfs" \
            <"$work/script" || {
        fail "$machine: status $?"
        trouble "$work/out"
        continue
    }
    [ "$(grep -c "^$(digest "$tree/long")  " "$work/out")" = 6 ] ||
        fail "$machine: a long file has another digest"
    [ "$(grep -c "^$(digest "$tree/d/below/file")  " "$work/out")" = 14 ] ||
        fail "$machine: a file has another digest"
    grep '^all volumes: ' "$work/out" | head -n 2
    # Less than the formula says is what the kernel looks at; and all of it was
    # in that much.
    awk -v kib=$KIB '
        /^all volumes: memory: / && !at_most { at_most = $7 }
        END { exit !(at_most > 0 && at_most <= kib) }' "$work/out" ||
        fail "$machine: how much memory was there?"
    read_back "$machine"
done
finish
