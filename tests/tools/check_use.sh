#!/usr/bin/env bash
# check_use.sh - shale check, shale map: a warning where somebody may be writing
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
for program in mke2fs jq flock; do
    have "$program" || skip_all "needs $program"
done

img=$work/disk.img
dir="$work/a mount"
mkdir "$dir"
make_image "$img" 4M -b 1024
warning="may look like damage"

# in_use NAME TEXT IMAGE: a check is done, with a warning that has TEXT in it;
# or none, and no more is known, if TEXT is empty.
in_use()
{
    local got=0

    "$SHALE" check "$3" >"$work/out" 2>"$work/err" || got=$?
    check "$1: checked" test "$got" = 0 -o "$got" = 4
    if [ -n "$2" ]; then
        says "$1" "warning: $2"
        says "$1" "$warning"
    else
        expect "$1: no warning" "" "$(cat "$work/err")"
    fi
    expect "$1: JSON" "${2:-null}" "$({ "$SHALE" check --json "$3" \
        2>/dev/null || true; } | jq -r .in_use)"
    expect "$1: -q" "" "$({ "$SHALE" check -q "$3" 2>&1 >/dev/null || true; })"
    "$SHALE" map "$3" >"$work/out" 2>"$work/err" || fail "$1: map"
    expect "$1: map" "$(grep -c . <<<"$2")" "$(grep -c "$warning" "$work/err")"
}

in_use "nobody" "" "$img"
exec 9<"$img"
flock -s 9
in_use "a reader" "" "$img"
flock -x 9
in_use "a lock" "opened by another program, to be written to" "$img"
exec 9<&-

# locker CALL BYTE IMAGE: hold a lock of fcntl(2), on one byte if any is named.
locker()
{
    : >"$work/locker"
    python3 -c 'import fcntl, signal, sys
file = open(sys.argv[3], "r+b")
fcntl.lockf(file, getattr(fcntl, sys.argv[1]), *map(int, sys.argv[2].split()))
print("locked", flush=True)
signal.pause()' "$1" "$2" "$3" >"$work/locker" &
    wait_until grep -q locked "$work/locker" || fail "no lock"
}
locked="opened by another program, to be written to"
if have python3; then
    for lock in "LOCK_EX::$locked" "LOCK_SH::" "LOCK_EX:1 4000:$locked" \
        "LOCK_SH:1 101:$locked" "LOCK_SH:2 100:$locked" "LOCK_SH:1 100:"; do
        IFS=: read -r call bytes want <<<"$lock"
        locker "$call" "$bytes" "$img"
        in_use "a lock of a program: $lock" "$want" "$img"
        kill $!
        wait $! || true
    done
else
    skip "a lock of a program" "needs python3"
fi

if can_fuse; then
    mount_shale "$img" "$dir"
    in_use "served by shale" "mounted on $dir" "$img"
    unmount "$dir"
    mount_shale "$img" "$dir" -o ro
    in_use "served, but only to be read" "" "$img"
    unmount "$dir"
else
    skip "served by shale" "needs /dev/fuse"
fi

if can_loop && loop=$(losetup --find --show "$img" 2>/dev/null); then
    in_use "a loop device" "" "$img"
    if mount -t ext2 "$loop" "$dir"; then
        mounted+=("$dir")
        in_use "mounted" "mounted on $dir" "$img"
        in_use "mounted: the device" "mounted on $dir" "$loop"
        mount -o remount,ro "$dir"
        in_use "mounted, but only to be read" "" "$img"
        unmount "$dir"
    fi
    losetup -d "$loop"
    loop=$(losetup -r --find --show "$img")
    in_use "a read-only device" "" "$loop"
    losetup -d "$loop"
    # Of a partition of it.
    if have sfdisk; then
        make_disk "$work/parts.img" gpt
        put "$img" "$work/parts.img" 2048
        loop=$(losetup -P --find --show "$work/parts.img")
        if [ -b "${loop}p1" ] && mount -t ext2 "${loop}p1" "$dir"; then
            mounted+=("$dir")
            in_use "a partition" "mounted on $dir" "$work/parts.img"
            in_use "a partition: the device" "mounted on $dir" "$loop"
            unmount "$dir"
        fi
        losetup -d "$loop"
    fi
else
    skip "loop devices" "needs root, losetup, ext2 in the kernel"
fi
finish
