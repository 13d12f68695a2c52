#!/usr/bin/env bash
# boot.sh - the reader for boot loaders, on ext2, ext3 and ext4 as they are made
#
# Every file, and every file that a symlink leads to, has the digest that it has
# in the directory that mke2fs took it from.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

have mke2fs || skip_all "needs mke2fs (e2fsprogs)"
source=$work/source

fill_source()
{
    local i

    mkdir -p "$source/boot/grub" "$source/many" "$source/a/b"
    for ((i = 0; i < 700; i++)); do
        echo "$i" >"$source/many/a file with quite a long name $i"
    done
    seq 1 300000 >"$source/boot/vmlinuz-6.1.0"
    seq 1 900 >"$source/boot/grub/grub.cfg"
    : >"$source/empty"
    for ((i = 0; i < 400; i += 2)); do      # holes, and many extents
        echo "$i" | dd of="$source/holes" bs=4096 seek="$i" conv=notrunc \
            status=none
    done
    truncate -s 3000000 "$source/nothing"
    ln -s boot/vmlinuz-6.1.0 "$source/vmlinuz"
    ln -s ../../boot/./grub "$source/a/b/grub"
    ln -s /a/b/grub/grub.cfg "$source/a/absolute"
    ln -s "../$(printf './%.0s' {1..60})boot/vmlinuz-6.1.0" \
        "$source/boot/in-a-block"
    ln -s ../a/absolute "$source/a/twice"
}

# Within the directory, where absolute symlinks lead from it.
digests()
{
    (
        cd "$source" || exit
        find . -type f -exec sha256sum {} +
        for link in vmlinuz:boot/vmlinuz-6.1.0 a/absolute:boot/grub/grub.cfg \
            a/twice:boot/grub/grub.cfg \
            boot/in-a-block:boot/vmlinuz-6.1.0; do
            sha256sum "${link#*:}" | sed "s, .*,  ./${link%%:*},"
        done
    ) | sort
}

# check NAME ARGUMENT...: a volume made so.
check()
{
    local what=$1

    shift
    rm -f "$work/image"
    mke2fs -q -F -d "$source" "$@" "$work/image" 64M </dev/null \
        >"$work/log" 2>&1 || {
        skip "$what" "mke2fs does not know it"
        return 0
    }
    "$BOOT_RUN" "$work/image" | sort >"$work/got" || true
    same "$what" "$work/want" "$work/got"
}

fill_source
digests >"$work/want"
check ext2 -t ext2 -b 1024
check ext3 -t ext3 -b 4096
check ext4 -t ext4
check "ext4, 1 KiB" -t ext4 -b 1024
check "ext4, 32 bits" -t ext4 -b 2048 \
    -O ^64bit,^flex_bg,uninit_bg,^metadata_csum
check "ext4, many groups" -t ext4 -b 1024 -g 1024 -O meta_bg,^resize_inode
check "ext4, one group" -t ext4 -b 4096 -O bigalloc,casefold,ea_inode,mmp
is_quick || check "ext4, blocks" -t ext4 -O ^extents,^64bit
finish
