#!/bin/sh
# requests.sh - single requests and their answers at the edges
. "$(dirname "$0")/lib.sh"

mkdir tree
plant tree
setfattr -n user.long -v "$(printf '%0200d' 0)" tree/hello
image disk.img tree 8M -b 1024
must "$SHALE" mount disk.img dir -o ro

expect "ioctl on a file" ENOTTY "$("$PROBE" ioctl dir/hello)"
expect "ioctl on a directory" ENOTTY "$("$PROBE" ioctl dir/sub)"

expect "255 bytes" ENOENT "$("$PROBE" name dir 255)"
for len in 256 257 511 1023 1024 1025 4000; do
    expect "$len bytes" ENAMETOOLONG "$("$PROBE" name dir $len)"
done

expect "no such file, twice" "ENOENT ENOENT" \
    "$("$PROBE" map dir/none) $("$PROBE" map dir/none)"
expect "in a file" ENOTDIR "$("$PROBE" map dir/hello/x)"

expect "past the end" 0 "$("$PROBE" read dir/hello 6 10)"
expect "across the end" 4 "$("$PROBE" read dir/hello 2 10)"
expect "a hole" 100000 "$("$PROBE" read dir/sparse 3000000 100000)"
expect "all zeros" "$(head -c 100000 /dev/zero | sha256sum)" \
    "$(tail -c +3000001 dir/sparse | head -c 100000 | sha256sum)"
expect "holes" "1999872-2000896 ENXIO size 5000000" \
    "$("$PROBE" map dir/sparse)"
expect "no holes" "0-300000 ENXIO size 300000" "$("$PROBE" map dir/sub/data)"
dd if=dir/sub/data of=direct bs=4096 iflag=direct status=none &&
    { cmp tree/sub/data direct || fail "O_DIRECT: data differ"; }

expect "xattr sizes" "200 200 ERANGE ERANGE" \
    "$("$PROBE" xattr dir/hello user.long)"
expect "no such xattr" ENODATA "$("$PROBE" xattr dir/hello user.none)"
expect "hard links" "$(stat -c %i:%h dir/hello)" \
    "$(stat -c %i:%h dir/sub/twin)"
expect "the root" 2 "$(stat -c %i dir)"
expect "symlink" ../hello "$(readlink dir/sub/link)"
expect "through it" hello "$(cat dir/sub/link)"
expect "access" "ok" "$([ -r dir/hello ] && echo ok)"

# The kernel lets root say this, and then it is the daemon who must say no.
if [ "$(id -u)" = 0 ] && mount -o remount,rw "$dir" 2>/dev/null; then
    for change in 'touch dir/new' 'rm dir/hello' 'mkdir dir/new' \
        'rmdir dir/empty' 'mv dir/hello dir/other' 'ln dir/hello dir/other' \
        'ln -s x dir/other' 'chmod 600 dir/hello' 'truncate -s 1 dir/hello' \
        'mkfifo dir/other' 'setfattr -n user.x -v y dir/hello' \
        'setfattr -x user.long dir/hello' 'fallocate -l 9 dir/hello'; do
        # shellcheck disable=SC2086
        run $change
        expect_match "remounted rw: $change" '*Read-only file system*' "$said"
    done
    run dd if=/dev/zero of=dir/hello bs=1 count=1 conv=notrunc
    expect_match "remounted rw: write" '*Read-only file system*' "$said"
fi
must "$SHALE" umount dir

# The image shrinks under the mount: what is missing is an error, not zeros.
"$SHALE" mount -f -o ro disk.img dir 2>log &
wait_until is_mounted "$dir" || fail "not mounted"
truncate -s 100K disk.img
expect "data cut off" EIO "$("$PROBE" read dir/sub/data 290000 1000)"
run cat dir/sub/data
expect_match "cat of it" '*Input/output error*' "$said"
kill -TERM $!
wait

# The image turns hostile under the mount: errors, but no end.
image disk.img tree 8M -b 1024
"$SHALE" mount -f -o ro,attr_timeout=0,entry_timeout=0 disk.img dir 2>log &
child=$!
wait_until is_mounted "$dir" || fail "not mounted"
for fill in /dev/urandom /dev/zero; do
    dd if=$fill of=disk.img bs=64K count=128 conv=notrunc status=none
    timeout $limit find dir -type f -exec cat {} + >/dev/null 2>&1
    timeout $limit find dir -ls >/dev/null 2>&1
    timeout $limit getfattr -R -d -m - dir >/dev/null 2>&1
    [ "$(stat -c %d dir)" != "$(stat -c %d .)" ] || fail "the daemon died"
done
kill -0 $child || fail "the daemon died"
kill -TERM $child
wait $child
expect "status at the end" 0 $?
[ "$(wc -l <log)" -lt 100 ] || fail "$(wc -l <log) lines of log: no limit?"
finish
