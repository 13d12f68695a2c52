#!/bin/sh
# fstab.sh - as mount(8) and fstab do it
#
# mount(8) finds its helpers in /sbin and nowhere else, so they are put there,
# in a mount namespace of our own.
. "$(dirname "$0")/lib.sh"
need_root
need unshare

if [ -z "${INSIDE:-}" ]; then
    unshare -m true 2>/dev/null || skip "no mount namespaces"
    cd / && rm -rf "$work"      # the next one makes its own
    INSIDE=1 exec unshare -m sh "$here/fstab.sh"
fi
sbin=$(realpath /sbin)
mkdir real
mount --bind "$sbin" real || skip "no bind mounts"
mount -t tmpfs none "$sbin" || skip "no tmpfs"
for tool in real/*; do
    ln -s "$work/$tool" "$sbin/${tool##*/}"
done
ln -sf "$SHALE" "$sbin/mount.shale"
ln -sf "$SHALE" "$sbin/mount.fuse.shale"

mkdir tree
plant tree
image disk.img tree 8M -b 1024
image kept.img tree 8M -b 1024 -O quota

check() {
    is_mounted "$dir" || fail "$1: not mounted"
    cmp tree/sub/data dir/sub/data || fail "$1: data differ"
    expect_match "$1: type and source" "* fuse.shale $work/disk.img *" \
        "$(awk -v at="$dir" '$5 == at' /proc/self/mountinfo)"
    must "$SHALE" umount dir
}
for how in '-t fuse.shale' '-t shale' '-r -t fuse.shale'; do
    # shellcheck disable=SC2086
    run mount $how -o ro "$work/disk.img" "$dir"
    expect "status of mount $how" 0 "$status"
    check "mount $how"
done
run mount -t fuse.shale -n -v -s "$work/kept.img" "$dir"
expect "status of mount -n -v -s" 0 "$status"
expect_match "warning" '*mounted read-only: *quota*' "$said"
is_mounted "$dir" || fail "mount -n -v -s: not mounted"
must "$SHALE" umount dir
run mount -f -t fuse.shale "$work/disk.img" "$dir"
expect "status of mount -f" 0 "$status"
is_mounted "$dir" && fail "mount -f has mounted"
run mount.shale disk.img dir -o ro,nosuid
expect "mount.shale" "0 " "$status $said"
check mount.shale
run mount -t fuse.shale -o frobnicate "$work/disk.img" "$dir"
expect "status of an unknown option" 1 "$status"
run mount -t fuse.shale "$work/tree" "$dir"
expect "status of what is no image" 32 "$status"

# fstab, with partitions' and offsets' spellings that survive it.
truncate -s 10M moved.img
dd if=disk.img of=moved.img bs=1K seek=300 conv=notrunc status=none
mkdir moved again
cat >fstab <<END
$work/disk.img $work/dir fuse.shale ro,defaults,nofail,x-test,user 0 0
$work/moved.img $work/moved shale ro,img_offset=300K,umask=022 0 0
$work/disk.img $work/again fuse.shale ro,noauto,allow_other 0 0
END
run mount -T fstab -a
expect "mount -a" "0 " "$status $said"
cmp tree/sub/data moved/sub/data || fail "img_offset: data differ"
run mount -T fstab -a
expect "mount -a again" "0 " "$status $said"
is_mounted "$work/again" && fail "noauto is mounted"
must "$SHALE" umount moved
check "mount -a"
run mount -T fstab "$work/again"
expect "mount by its directory" "0 " "$status $said"
umount again || fail "umount(8)"
wait_until unlocked disk.img || fail "the daemon did not end after umount(8)"
umount "$sbin" && umount real
finish
