#!/usr/bin/env bash
# mkfs_ext2.sh - shale mkfs -t ext2: judged by e2fsck, compared with mke2fs,
# mounted by the kernel
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have e2fsck || skip_all "needs e2fsck (e2fsprogs)"
have jq || skip_all "needs jq"
unset SOURCE_DATE_EPOCH
export TZ=UTC
img=$work/disk.img

# mkfs ARGUMENT...: make $img anew.
mkfs()
{
    rm -f "$img"
    "$SHALE" mkfs -t ext2 "$@" "$img" 2>"$work/err"
}

# detail KEY...: what `shale info` says of $img's volume.
detail() { "$SHALE" info --json "$img" | value "$@"; }

# field NAME: what dumpe2fs says of $img.
field() { dumpe2fs -h "$img" 2>/dev/null | sed -n "s/^$1: *//p"; }

# ---- what is not asked for is as mke2fs has it
settled='Block size|Inode size|Blocks per group|Reserved GDT blocks|Block count'
settled="$settled|First block|Reserved block count|Filesystem features"
settled="$settled|Filesystem flags|Default mount options|Errors behavior"
settled="$settled|Maximum mount count|Check interval|Default directory hash"
settled="$settled|Required extra isize|Desired extra isize|First inode"
for size in 256K 3M 8M 40M 100M 511M 512M 2G 17G; do
    mkfs --size $size || fail "$size: $(cat "$work/err")"
    judge_ext2 $size "$img"
    dumpe2fs -h "$img" 2>/dev/null | grep -E "^($settled):" >"$work/ours"
    make_image "$work/theirs.img" $size
    dumpe2fs -h "$work/theirs.img" 2>/dev/null | grep -E "^($settled):" \
        >"$work/theirs"
    same "$size: as mke2fs" "$work/theirs" "$work/ours"
done
rm -f "$work/theirs.img"

# ---- blocks by inodes by size by features
blocks="1024 2048 4096 8192 16384 32768 65536"
inodes="128 256 512 1024 4096"
sizes="64K 1000000 8400000 20000000 700000000"
! is_quick || blocks="1024 4096 65536" inodes="128 256 4096"
turn=0
for block in $blocks; do for inode in $inodes; do
    [ "$inode" -le "$block" ] || continue
    for size in $sizes; do for features in "^none" "^resize_inode" "none" \
        "has_journal" "^sparse_super,^resize_inode,^dir_index"; do
        # Each with each other one, if there is time; or else one in eight.
        is_long || [ $((turn++ % 8)) = 0 ] || continue
        what="$size, blocks of $block, inodes of $inode, $features"
        [ "$features" != "^none" ] || features=dir_index
        if mkfs --size "$size" -b "$block" -I "$inode" -O "$features"; then
            judge_ext2 "$what" "$img"
            expect "$what: mounted by us" "$block $inode clean" \
                "$(detail block_size inode_size state)"
        else
            check "$what: $(cat "$work/err")" grep -qE \
                'too small|no room for data' "$work/err"
            check "$what: no file is left" test ! -e "$img"
        fi
    done; done
done; done

# ---- over something else: nothing of that is left
head -c 9000000 /dev/urandom >"$work/noise"
for arguments in "-b 1024 -j" "-b 4096 -j" "-b 65536"; do
    cp "$work/noise" "$img"
    # shellcheck disable=SC2086
    status "over noise" 0 "$SHALE" mkfs -t ext2 --force $arguments "$img"
    judge_ext2 "over noise, $arguments" "$img"
done

# ---- how many inodes, how large groups
while read -r size arguments; do
    # shellcheck disable=SC2086
    check "$size $arguments" mkfs --size "$size" $arguments
    judge_ext2 "$size $arguments" "$img"
    case $arguments in
        *-N*) check "$size $arguments: enough" test "$(field 'Inode count')" \
            -ge "${arguments##*-N }" ;;
    esac
done <<'END'
8389632 -i 1024
8400896 -i 1024 -I 128
33554432 -b 4096 -i 1024
100M -b 4096 -i 1000000
1G -b 65536 -g 256
100M -b 1024 -g 256 -O ^resize_inode
1G -b 4096 -g 1024 -N 12
1G -b 4096 -N 200000
100M -b 1024 -N 1
16M -g 8192 -j
16M -b 4096 -O ^large_file
16M -b 65536 -I 512 -O ^ext_attr,^large_file
64M -g 512 -J 4M
END
check "one lost+found block is enough for a tiny one" mkfs --size 32K
judge_ext2 "32 KiB" "$img"

# ---- large, and sparse
check "1 TiB" mkfs --size 1T
check "1 TiB: little of it is written" \
    test "$(stat -c %b "$img")" -lt $((200 * 2048))
expect "1 TiB: described" 268435456 "$(detail block_count)"
check "50 GiB of 1 KiB blocks" mkfs --size 50G -b 1024 -N 100000
judge_ext2 "50 GiB of 1 KiB blocks" "$img"

# ---- what was asked for is what is there
uuid=01234567-89ab-cdef-0123-456789abcdef
check "all options" mkfs --size 64M -L "a label, longes" -b 2048 -I 512 \
    -i 8192 -m 1.25 -U $uuid --hash-seed $uuid --root-owner 5:6 -g 8192 \
    -J 4M -O ^resize_inode,^ext_attr
judge_ext2 "all options" "$img"
expect "its label" "a label, longes" "$(field 'Filesystem volume name')"
expect "its UUID" $uuid "$(field 'Filesystem UUID')"
expect "its seed" $uuid "$(field 'Directory Hash Seed')"
expect "its reserved blocks" 409 "$(field 'Reserved block count')"
expect "its groups" 8192 "$(field 'Blocks per group')"
expect "its features" \
    "has_journal dir_index filetype sparse_super large_file" \
    "$(field 'Filesystem features')"
expect "its journal" 4096k "$(field 'Total journal size')"
expect "its root" "5 6" "$("$SHALE" stat --json "$img" / |
    jq -r '.[0] | "\(.uid) \(.gid)"')"
check "16 bytes of label" mkfs --size 1M -n 1234567890123456
expect "16 bytes of label" 1234567890123456 "$("$SHALE" label "$img")"
check "without reserved blocks" mkfs --size 8M -m 0
expect "without reserved blocks" 0 "$(field 'Reserved block count')"
check "ext3" mkfs -t ext3 --size 8M
check "ext3" grep -q has_journal <<<"$(field 'Filesystem features')"
check "no UUID" mkfs --size 1M -U clear
expect "no UUID" "<none>" "$(field 'Filesystem UUID')"

# ---- equal input, equal images
for i in 1 2; do
    SOURCE_DATE_EPOCH=1000000000 mkfs --size 40M -L SAME
    cp --sparse=always "$img" "$work/same$i"
done
check "SOURCE_DATE_EPOCH" cmp "$work/same1" "$work/same2"
expect "... is its time" "Sun Sep  9 01:46:40 2001" \
    "$(field 'Filesystem created')"
first=$(field 'Filesystem UUID')
SOURCE_DATE_EPOCH=1000000000 mkfs --size 40M -L OTHER
check "another label, another UUID" test "$first" != "$(field 'Filesystem UUID')"
mkfs --size 1M
first=$(field 'Filesystem UUID')
mkfs --size 1M
check "by chance" test "$first" != "$(field 'Filesystem UUID')"

# ---- what cannot be
while IFS='|' read -r arguments reason; do
    # shellcheck disable=SC2086
    status "$arguments" 2 "$SHALE" mkfs $arguments "$work/wrong"
    says "$arguments" "$reason"
    check "$arguments: no file is left" test ! -e "$work/wrong"
done <<'END'
-t ext2 --size 1M -b 3000|no such block size
-t ext2 --size 1M -b 512|block size: not from 1024 to 65536
-t ext2 --size 1M -I 300|no such inode size
-t ext2 --size 1M -b 1024 -I 2048|no such inode size
-t ext2 --size 10K|too small
-t ext2 --size 1M -O extents|no feature that Shale makes: extents
-t ext2 --size 1M -O frobs|no feature that Shale makes: frobs
-t ext2 --size 1M -O ^sparse_super|there can be no resize_inode
-t ext2 --size 1M -j|too small for a journal
-t ext2 --size 8M -J 1K|journal size: not from 1 MiB
-t ext2 --size 1M -N 100000|too many inodes
-t ext2 --size 8M -b 1024 -N 60000|too many inodes
-t ext2 --size 1M -g 1000000|blocks per group: not from 256
-t ext2 --size 1M -g 300|no such number of blocks per group
-t ext2 --size 1M -m 51|reserved blocks: not from 0 to 50 percent
-t ext2 --size 1M -m x|reserved blocks: not from 0 to 50 percent
-t ext2 --size 1M -U 123|not a UUID
-t ext2 --size 1M -L 12345678901234567|the label is too long
-t ext2 --size 5T -b 1024|the volume is too large
-t ext2 --size 1M -s 4096|-s: not for ext2
-t ext2 --size 1M --fats 1|-f: not for ext2
-t fat --size 1M -b 4096|-b: not for fat
-t fat --size 1M --hash-seed 1|--hash-seed: not for fat
-t ext2 --size 1M --owner me|not an owner
-t ext2 --size 1M -p 1|--size is the image's
END

# ---- the kernel takes it, changes it, and we read that
if can_loop; then
    for block in 1024 2048 4096; do for inode in 128 256; do
        what="by the kernel, blocks of $block, inodes of $inode"
        mkfs --size 20M -b $block -I $inode
        mount_kernel "$img" "$work/mnt" rw || { fail "$what"; continue; }
        mkdir "$work/mnt/dir"
        cp /etc/services "$work/mnt/dir/" 2>/dev/null ||
            seq 10000 >"$work/mnt/dir/services"
        for i in {1..500}; do echo "$i" >"$work/mnt/dir/file $i"; done
        cp "$work/mnt/dir/services" "$work/services"
        unmount "$work/mnt"
        judge_ext2 "$what" "$img"
        check "$what: read by us" cmp "$work/services" \
            <("$SHALE" cat "$img:/dir/services")
        expect "$what: as many as there are" 501 \
            "$("$SHALE" ls "$img:/dir" | wc -l)"
    done; done

    # A disk, with noise on it; one of larger sectors has larger blocks.
    for sector in 512 4096; do
        cp "$work/noise" "$work/disk"
        truncate -s 20M "$work/disk"
        loop=$(losetup -f --show -b $sector "$work/disk")
        status "a device of $sector" 0 "$SHALE" mkfs -t ext2 --force -j "$loop"
        losetup -d "$loop"
        judge_ext2 "a device of $sector" "$work/disk"
        expect "a device of $sector: its blocks" \
            "$([ $sector = 512 ] && echo 1024 || echo 4096)" \
            "$("$SHALE" info --json "$work/disk" |
                jq .volume.details.block_size)"
    done
else
    skip "mounts by the kernel" "needs loop devices"
fi
if have resize2fs; then
    mkfs --size 40M
    truncate -s 400M "$img"
    status "grown" 0 resize2fs "$img"
    judge_ext2 "grown by resize2fs" "$img"
fi
finish
