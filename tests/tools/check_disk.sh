#!/usr/bin/env bash
# check_disk.sh - shale check: partitions, and fsck.shale as fsck(8) runs it
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
for program in mke2fs debugfs sfdisk mkfs.fat; do
    have "$program" || skip_all "needs $program"
done

# found COMMAND...: a check that finds damage is a success.
found()
{
    local got=0

    "$@" || got=$?
    [ "$got" = 4 ]
}

make_image "$work/one" 15M -b 1024
cp "$work/one" "$work/bad"
debugfs -w -R "set_inode_field <2> links_count 7" "$work/bad" 2>/dev/null
truncate -s 15M "$work/fat"
mkfs.fat "$work/fat" >/dev/null

# one partition that is known: no need to say which
make_disk "$work/single.img" gpt
put "$work/one" "$work/single.img" 2048
status "the only one" 0 "$SHALE" check "$work/single.img"
check "the only one: title" \
    grep -q "^$work/single.img, partition 1: ext2: sound" "$work/out"

for label in dos gpt; do
    disk=$work/$label.img
    make_disk "$disk" "$label"
    put "$work/bad" "$disk" 2048
    put "$work/fat" "$disk" 34816
    status "$label: which?" 8 "$SHALE" check "$disk"
    says "$label: which?" "--part N"
    says "$label: which?" "2 (fat, 15.0 MiB)"
    status "$label: --part 1" 4 "$SHALE" check --part 1 "$disk"
    status "$label: --part 2" 0 "$SHALE" check --part 2 "$disk"
    status "$label: --part 3" 8 "$SHALE" check --part 3 "$disk"
    status "$label: --offset" 4 "$SHALE" check --offset 2048s "$disk"
    status "$label: --all" 4 "$SHALE" check --all "$disk"
    check "$label: --all: first" \
        grep -q "^$disk, partition 1: ext2: damaged" "$work/out"
    check "$label: --all: second" \
        grep -q "^$disk, partition 2: fat: sound" "$work/out"
    status "$label: --all of a type" 0 "$SHALE" check --all -t fat "$disk"
    expect "$label: --all of a type: one" 1 "$(wc -l <"$work/out")"
    json "$label: --all --json" '.exit, (.volumes[] |
        "\(.partition) \(.type) \(.exit)")' $'4\n1 ext2 4\n2 fat 0' \
        found "$SHALE" check --all --json "$disk"
    json "$label: offsets" '.volumes[0].findings |
        all(.offset == null or .offset >= 1048576)' true \
        found "$SHALE" check --all --json "$disk"
done

# what cannot be checked is passed over; where nothing can be, that is said
dd if=/dev/zero of="$work/dos.img" bs=512 seek=34816 count=64 conv=notrunc \
    status=none
status "passed over" 4 "$SHALE" check --all "$work/dos.img"
check "passed over" grep -qx "$work/dos.img, partition 2: Linux: not checked" \
    "$work/out"
make_disk "$work/lost.img" dos
put "$work/one" "$work/lost.img" 2048
dd if=/dev/zero of="$work/lost.img" bs=512 seek=2048 count=64 conv=notrunc \
    status=none
status "lost among partitions" 8 "$SHALE" check "$work/lost.img"
says "lost among partitions" "--part N"
status "lost, but named" 4 "$SHALE" check --part 1 "$work/lost.img"
status "lost, but all are meant" 4 "$SHALE" check --all "$work/lost.img"

# a boot sector that is damaged, and has something like a table
truncate -s 64M "$work/fat32"
mkfs.fat -F 32 "$work/fat32" >/dev/null
cp "$work/fat32" "$work/boot"
dd if=/dev/zero of="$work/boot" bs=512 count=1 conv=notrunc status=none
dd if="$work/dos.img" of="$work/boot" bs=1 skip=446 seek=446 count=66 \
    conv=notrunc status=none
status "a table in a boot sector" 4 "$SHALE" check "$work/boot"
check "a table in a boot sector" grep -q "^$work/boot: fat: " "$work/out"

make_disk "$work/blank.img" gpt
status "nothing to check" 8 "$SHALE" check --all "$work/blank.img"
says "nothing to check" "no volume that Shale can check"

# fsck(8) calls us by name
ln -s "$SHALE" "$work/fsck.shale"
ln -s "$SHALE" "$work/fsck.shale.ext2"
ln -s "$SHALE" "$work/fsck.shale.fat"
ln -s "$SHALE" "$work/fsck.fuse.shale"
for link in fsck.shale fsck.fuse.shale fsck.shale.ext2; do
    status "$link" 0 "$work/$link" "$work/one"
    status "$link -a" 4 "$work/$link" -a "$work/bad"
    says "$link -a" "nothing is repaired"
    status "$link: usage" 16 "$work/$link"
    status "$link: no image" 8 "$work/$link" "$work/none"
done
status "fsck.shale.fat of ext2" 4 "$work/fsck.shale.fat" "$work/one"
status "fsck.shale.xfs" 16 bash -c \
    "ln -s '$SHALE' '$work/fsck.shale.xfs'; '$work/fsck.shale.xfs' '$work/one'"
if have fsck; then
    fstab=$work/fstab
    echo "$work/one /mnt/one fuse.shale ro 0 2" >"$fstab"
    echo "$work/bad /mnt/bad shale ro 0 2" >>"$fstab"
    for args in "" -n -a -y "-C5 -T" "-f -v" "-M -R" -V; do
        status "fsck $args" 0 env FSTAB_FILE="$fstab" PATH="$work:$PATH" \
            bash -c "fsck $args '$work/one' 5>&1"
        check "fsck $args: it is us" grep -q "ext2: sound" "$work/out"
        status "fsck $args of damage" 4 env FSTAB_FILE="$fstab" \
            PATH="$work:$PATH" bash -c "fsck $args '$work/bad' 5>&1"
    done
    status "fsck -A" 4 env FSTAB_FILE="$fstab" PATH="$work:$PATH" fsck -A -n
    expect "fsck -A: both" 2 "$(grep -c "ext2: " "$work/out")"
else
    skip "fsck" "needs fsck (util-linux)"
fi
finish
