#!/bin/sh
# late.sh - errors that come after write(2) has said that all is well
#
# The image may not grow past a limit (RLIMIT_FSIZE), and what lies behind it is
# still a hole: writing there fails.
. "$(dirname "$0")/lib.sh"
need mkfs.fat fsck.fat mcopy mmd

# A volume whose directory "far", and all that is free, are behind 20 MiB.
truncate -s 64M disk.img
mkfs.fat -F 32 -s 1 disk.img >/dev/null
export MTOOLS_SKIP_CHECK=1
truncate -s 21M filler
mcopy -i disk.img filler ::filler
mmd -i disk.img ::far
mcopy -i disk.img filler ::far/old
fallocate -d disk.img 2>/dev/null
cp --sparse=always disk.img fresh.img

# limited KIB OPTIONS - mount in the foreground, with that limit for the image
limited() {
    cp --sparse=always fresh.img disk.img
    (ulimit -f "$(($1 * 2))"
     exec "$SHALE" mount -f disk.img dir ${2:+-o "$2"} 2>log) &
    daemon=$!
    wait_until is_mounted "$dir" || fail "not mounted: $(cat log)"
}
# The shell's unit for ulimit -f is 512 bytes; see that it is.
sh -c 'trap "" XFSZ; ulimit -f 4; head -c 3000 /dev/zero >limit' 2>/dev/null
expect "ulimit -f 4" 2048 "$(stat -c %s limit)"

# Data: the write that meets the error tells.
limited 20480
expect_match "write" 'write E*' "$("$PROBE" fill dir/data 100000000000)"
expect_match "one write" 'write E*' "$("$PROBE" fill dir/small 4096)"
"$SHALE" umount dir >said 2>&1
wait $daemon
rm -f said

# If the kernel puts writes off: close, or fsync; and so does the next write.
limited 20480 writeback_cache
expect_match "write and close" 'write E*' \
    "$(timeout $limit "$PROBE" fill dir/data 100000000000)"
expect_match "close" 'close E*' "$("$PROBE" fill dir/small 4096)"
expect_match "fsync" 'write ok fsync E* close *' \
    "$("$PROBE" late dir/other text </dev/null | xargs)"
"$SHALE" umount dir >said 2>&1
wait $daemon
rm -f said

# Names: nobody waits for the error when it comes.
limited 20480
: >dir/far/new || fail "a new file: status $?"
run sync dir/far/new
expect_match "fsync" '*sync*' "$said"
expect "status of fsync" 1 "$status"
run sync dir/far
expect "fsync again, of something else" 1 "$status"
expect_match "touch, after the error" '*Read-only file system*' \
    "$(touch dir/another 2>&1)"
expect_match "mkdir, after the error" '*Read-only file system*' \
    "$(mkdir dir/another 2>&1)"
expect "reading, after the error" "2 names" \
    "$(find dir/far -type f | wc -l) names"
refuse 32 "$dir: unmounted, but the last changes could not be written: *" \
    "$SHALE" umount dir
wait $daemon
expect "status of the daemon" 32 $?
expect_match "log" 'shale: disk.img: *' "$(head -1 log)"

# The same, found by the thread that writes back.
limited 20480
touch dir/far/new
wait_until test -s log || fail "no error in the log"
expect_match "touch, after the error" '*Read-only file system*' \
    "$(touch dir/another 2>&1)"
expect_match "writing, after the error" '*EROFS' \
    "$("$PROBE" fill dir/far/old 4096)"
expect "fsync, after the error" 1 "$(sync dir/far/old 2>/dev/null; echo $?)"
refuse 32 "$dir: unmounted, but *" "$SHALE" umount dir
wait $daemon

# errors=continue: told, but it goes on.
limited 20480 errors=continue
touch dir/far/new
run sync dir/far/new
expect "status of fsync" 1 "$status"
touch dir/here || fail "errors=continue: touch after the error"
rm dir/far/new || fail "errors=continue: rm after the error"
refuse 32 "$dir: unmounted, but *" "$SHALE" umount dir
wait $daemon

# A daemon in the background says it to syslog, and umount's status tells.
cp --sparse=always fresh.img disk.img
(ulimit -f 40960; exec "$SHALE" mount disk.img dir) || fail "not mounted"
touch dir/far/new
refuse 32 "$dir: unmounted, but the last changes could not be written: *" \
    "$SHALE" umount dir

# Nothing of all this without an error.
cp --sparse=always fresh.img disk.img
must "$SHALE" mount disk.img dir
touch dir/far/new
must sync dir/far/new
must "$SHALE" umount dir
sound disk.img "without an error"
finish
