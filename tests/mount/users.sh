#!/bin/sh
# users.sh - random calls of several users: the same as on the kernel's ext2
. "$(dirname "$0")/lib.sh"
need_root
need e2fsck
: "${USERS:?the users program}"

truncate -s 8M try.img
mke2fs -q -F -t ext2 try.img
mount -t ext2 -o loop try.img dir 2>/dev/null ||
    skip "the kernel has no ext2, or no loop devices"
umount dir

mkdir theirs ours
seed=${SEED:-1}
last=$((seed + ${ROUNDS:-12}))
while [ "$seed" -lt "$last" ]; do
    case $((seed % 4)) in
    0) layout='-b 1024 -I 128' ;;
    1) layout='-b 4096 -I 256' ;;
    2) layout='-b 1024 -I 256 -O ^dir_index' ;;
    3) layout='-b 2048 -I 512 -j' ;;
    esac
    truncate -s 0 ours.img
    truncate -s 24M ours.img
    # shellcheck disable=SC2086
    mke2fs -q -F -t ext2 $layout ours.img 2>/dev/null
    cp ours.img theirs.img
    mount -o loop,suid,dev theirs.img theirs || fail "cannot mount: $layout"
    must "$SHALE" mount ours.img ours -o allow_other,suid,dev
    chmod 777 theirs ours
    run "$USERS" "$seed" 2000 "$work/theirs" "$work/ours"
    [ "$status" = 0 ] || fail "seed $seed: $said"
    umount theirs
    must "$SHALE" umount ours
    run e2fsck -fn ours.img
    [ "$status" = 0 ] || fail "seed $seed: e2fsck: $said"
    checked ours.img "seed $seed"
    seed=$((seed + 1))
done
finish
