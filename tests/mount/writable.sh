#!/bin/sh
# writable.sh - which mounts can be written to, and what they lock
. "$(dirname "$0")/lib.sh"
need mkfs.fat fsck.fat flock

fat disk.img 8M
mkdir other
flags() {
    awk -v at="$dir" '$5 == at { print "," $6 "," }' /proc/self/mountinfo
}

# By default, and if asked.
for options in '' '-o rw' '-o sync' '-o nofail,rw,user'; do
    # shellcheck disable=SC2086
    must "$SHALE" mount disk.img dir $options
    expect_match "flags with '$options'" '*,rw,*' "$(flags)"
    echo "$options" >dir/file || fail "$options: cannot write"
    flock --nonblock --shared disk.img true &&
        fail "$options: others may read the image"
    refuse 32 "disk.img: in use*" "$SHALE" mount disk.img other
    must "$SHALE" umount dir
    sound disk.img "$options"
done

# Asked for read-only: not a byte.
touch -d '2001-01-01' disk.img
before=$(sha256sum disk.img; stat -c '%Y %Z' disk.img)
must "$SHALE" mount disk.img dir -o ro
expect_match "flags with ro" '*,ro,*' "$(flags)"
expect_match "write" '*Read-only file system*' "$(touch dir/x 2>&1)"
cat dir/file >/dev/null
if [ "$(id -u)" = 0 ] && mount -o remount,rw "$dir" 2>/dev/null; then
    for change in 'touch dir/new' 'rm dir/file' 'mkdir dir/new' \
        'truncate -s 1 dir/file' 'mv dir/file dir/other' 'chmod 555 dir/file'; do
        # shellcheck disable=SC2086
        run $change
        expect_match "remounted rw: $change" '*Read-only file system*' "$said"
    done
    expect "set attributes" EROFS "$("$PROBE" dos dir/file 0x01)"
fi
must "$SHALE" umount dir
expect "the image" "$before" "$(sha256sum disk.img; stat -c '%Y %Z' disk.img)"

# Somebody reads it: then we read, too, unless asked to write.
exec 8<disk.img
flock --shared 8
run "$SHALE" mount disk.img dir
expect "beside a reader" "0 shale: disk.img: mounted read-only: in use: another program holds a lock on it; unmount it there first" "$status $said"
expect_match "flags beside a reader" '*,ro,*' "$(flags)"
must "$SHALE" umount dir
refuse 32 'disk.img: cannot be mounted to be written to: in use*' \
    "$SHALE" mount disk.img dir -o rw
exec 8<&-

# It cannot be opened to be written to.
chmod 444 disk.img
if [ "$(id -u)" = 0 ]; then
    mkdir bound
    : >bound/disk.img
    mount --bind disk.img bound/disk.img &&
        mount -o remount,ro,bind bound/disk.img ||
        skip "no read-only bind mounts"
    image=bound/disk.img
    why='Read-only file system'
else
    image=disk.img
    why='Permission denied'
fi
run "$SHALE" mount $image dir
expect "an image not to be written to" \
    "0 shale: $image: mounted read-only: $why" "$status $said"
expect_match "its flags" '*,ro,*' "$(flags)"
must "$SHALE" umount dir
refuse 32 "$image: cannot be mounted to be written to: $why" \
    "$SHALE" mount $image dir -o rw
[ "$(id -u)" != 0 ] || umount bound/disk.img
chmod 644 disk.img

# What is no filesystem at all is one line, too.
head -c 1M /dev/zero >zeros.img
refuse 32 'zeros.img: *' "$SHALE" mount zeros.img dir
refuse 32 'zeros.img: *' "$SHALE" mount zeros.img dir -o rw

# In a partition, and at an offset: the rest of the image stays.
if command -v sfdisk >/dev/null; then
    truncate -s 24M parts.img
    printf '%s\n' 'label: dos' '2048,16384,6' '20480,16384,6' |
        sfdisk -q parts.img
    for part in 1 2; do
        dd if=disk.img of=parts.img bs=1M seek=$((part * 9 - 8)) status=none \
            conv=notrunc
    done
    must "$SHALE" mount parts.img dir -p 2
    head -c 5000000 /dev/urandom >dir/data
    must "$SHALE" umount dir
    dd if=parts.img of=part1.img bs=1M skip=1 count=8 status=none
    cmp disk.img part1.img || fail "the other partition has changed"
    dd if=parts.img of=part2.img bs=1M skip=10 count=8 status=none
    sound part2.img "partition 2"
else
    note "no sfdisk: partitions not tried"
fi
finish
