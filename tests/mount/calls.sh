#!/bin/sh
# calls.sh - calls that are asked for less often: the same answers as the
# kernel's own ext2
. "$(dirname "$0")/lib.sh"
need_root
need e2fsck
: "${CALLS:?the calls program}"

chmod 755 "$work"
for layout in '-b 1024 -I 128' '-b 4096 -I 256' '-b 2048 -I 256 -j'; do
    truncate -s 0 ours.img
    truncate -s 24M ours.img
    # shellcheck disable=SC2086
    mke2fs -q -F -t ext2 $layout ours.img 2>/dev/null && cp ours.img theirs.img
    mount -t ext2 -o loop,acl,user_xattr theirs.img dir 2>/dev/null ||
        skip "the kernel has no ext2, or no loop devices"
    run "$CALLS" dir
    expect "status" 0 "$status"
    echo "$said" >theirs.said
    umount dir
    must "$SHALE" mount ours.img dir -o allow_other,acl,dev,suid
    run "$CALLS" dir
    expect "status" 0 "$status"
    echo "$said" >ours.said
    must "$SHALE" umount dir
    diff theirs.said ours.said >said.diff ||
        fail "$layout: other answers: $(head -40 said.diff)"
    run e2fsck -fn ours.img
    [ "$status" = 0 ] || fail "$layout: e2fsck: $said"
    checked ours.img "$layout"
done
[ "$(wc -l <ours.said)" -gt 300 ] || fail "the calls were not made"
finish
