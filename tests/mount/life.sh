#!/bin/sh
# life.sh - the daemon starts, is signalled, is killed, and ends; nothing stays
. "$(dirname "$0")/lib.sh"

mkdir tree
plant tree
image disk.img tree 8M -b 1024

start() {
    must "$SHALE" mount disk.img dir -o ro --pid-file pid
    pid=$(cat pid)
    is_mounted "$dir" || fail "start: not mounted"
}
# What must be true after every end.
ended() {
    wait_until gone "$pid" || fail "$1: process $pid is still there"
    is_mounted "$dir" && fail "$1: still mounted"
    [ ! -e pid ] || fail "$1: the pid file is still there"
    unlocked disk.img || fail "$1: the image is still locked"
}

# umount returns when all is over, not a moment before.
for _ in 1 2 3 4 5 6 7 8; do
    start
    cmp -s tree/sub/data dir/sub/data || fail "data differ"
    must "$SHALE" umount dir
    gone "$pid" || fail "umount returned before the daemon ended"
    unlocked disk.img || fail "umount returned before the lock was gone"
    [ ! -e pid ] || fail "umount left the pid file"
done
start
must "$SHALE" umount disk.img
ended "umount by image"

# Somebody else unmounts.
start
fusermount3 -u dir 2>/dev/null || umount dir
ended "fusermount3 -u"

for signal in INT TERM HUP QUIT; do
    start
    kill -s "$signal" "$pid"
    ended "SIG$signal"
done

# The worker dies: no dead mount stays.
start
kill -KILL "$(worker_of "$pid")"
ended "worker killed"
start
kill -SEGV "$(worker_of "$pid")"
ended "worker crashed"

# The supervisor dies, perhaps while it keeps the worker on one processor: the
# worker goes on without, on any of them, and ends with the mount.
must "$SHALE" mount disk.img dir -o ro,entry_timeout=0,attr_timeout=0 \
    --pid-file pid
pid=$(cat pid)
worker=$(worker_of "$pid")
may_run_on() {
    grep Cpus_allowed: "/proc/$1/status"
}
is_free() {
    # From SCHED_IDLE there is a way back only where RLIMIT_NICE could be raised.
    [ "$(may_run_on "$worker")" = "$(may_run_on $$)" ] &&
        { grep -q 'Max nice priority *0' "/proc/$worker/limits" ||
          [ "$(cut -d ' ' -f 41 "/proc/$worker/stat")" = 0 ]; }
}
is_kept() {
    [ "$(may_run_on "$worker")" != "$(may_run_on $$)" ]
}
while [ -e dir/hello ]; do
    :
done &
asking=$!
# It is not, where others compute; that cannot be waited for.
tries=0
until is_kept || [ "$tries" = 20 ]; do
    tries=$((tries + 1))
    sleep 0.02
done
name=$(cat "/proc/$pid/comm")
kill -KILL "$pid"
cmp tree/sub/data dir/sub/data || fail "supervisor killed: data differ"
wait_until is_free || fail "supervisor killed: the worker is kept:" \
    "$(may_run_on "$worker"), policy $(cut -d ' ' -f 41 "/proc/$worker/stat")"
kill $asking
wait $asking 2>/dev/null
# It goes by its name from then on; there is no such thing on one processor.
one=$([ "$(getconf _NPROCESSORS_ONLN)" -gt 1 ] || echo 1)
[ -n "$one" ] || wait_until grep -qxF "$name" "/proc/$worker/comm" ||
    fail "supervisor killed: the worker has no name"
must "$SHALE" umount dir
gone "$worker" || [ -n "$one" ] ||
    fail "supervisor killed: umount returned before the worker ended"
pid=$worker
rm pid
ended "supervisor killed"

# A folder above the mount is renamed meanwhile.
mkdir -p above/dir
for end in TERM KILL; do
    must "$SHALE" mount disk.img above/dir -o ro --pid-file pid
    pid=$(cat pid)
    mv above moved
    process=$pid
    [ $end = TERM ] || process=$(worker_of "$pid")
    kill -s $end "$process"
    ended "SIG$end after a renaming"
    wait_until unless is_mounted "$work/moved/dir" ||
        fail "SIG$end after a renaming: still mounted"
    mv moved above
done

# Bind mounts of it end with it.
if [ "$(id -u)" = 0 ]; then
    mkdir bound
    for end in TERM KILL; do
        start
        mount --bind dir bound
        mount --bind dir/sub bound
        process=$pid
        [ $end = TERM ] || process=$(worker_of "$pid")
        kill -s $end "$process"
        ended "SIG$end with bind mounts"
        is_mounted "$work/bound" && fail "SIG$end: a bind mount stays"
    done
    start
    mount --bind dir bound
    refuse 32 "$dir: unmounted, but *; it is also mounted on $work/bound" \
        "$SHALE" umount dir
    cmp tree/sub/data bound/sub/data || fail "the bind mount broke"
    must "$SHALE" umount bound
    ended "umount of the bind mount"
fi

# In use: umount refuses, -l detaches, a signal ends it all the same.
start
mkfifo hold
"$PROBE" hold dir/hello <hold >held &
exec 7>hold
wait_until test -s held || fail "probe did not start"
refuse 32 "$dir: in use*" "$SHALE" umount dir
is_mounted "$dir" || fail "a refused umount unmounted"
must "$SHALE" umount -l dir
is_mounted "$dir" && fail "umount -l: still mounted"
gone "$pid" && fail "umount -l: ended while in use"
exec 7>&-
ended "umount -l, once unused"
start
"$PROBE" hold dir/hello <hold >held2 &
exec 7>hold
wait_until test -s held2 || fail "probe did not start"
kill -TERM "$pid"
ended "SIGTERM while in use"
exec 7>&-
wait

# In the foreground, with -f, -d and -s.
for how in -f '-f -s' -d; do
    # shellcheck disable=SC2086
    "$SHALE" mount $how disk.img dir -o ro --pid-file pid >out 2>&1 &
    child=$!
    wait_until is_mounted "$dir" || fail "$how: not mounted"
    wait_until test -s pid || fail "$how: no pid file"
    pid=$(cat pid)
    expect "$how: pid" "$child" "$pid"
    cmp -s tree/sub/data dir/sub/data || fail "$how: data differ"
    kill -INT "$pid"
    wait "$child"
    expect "$how: status after SIGINT" 0 $?
    ended "$how"
    case $how in
    -d) grep -q LOOKUP out || fail "-d does not show requests" ;;
    *) [ ! -s out ] || fail "$how said: $(cat out)" ;;
    esac
done
# Keys of a terminal reach both processes.
for signal in INT QUIT HUP; do
    "$SHALE" mount -f disk.img dir -o ro --pid-file pid &
    wait_until test -s pid || fail "no pid file"
    pid=$(cat pid)
    kill -s $signal "$(worker_of "$pid")" "$pid"
    ended "SIG$signal to both"
    wait
done
"$SHALE" mount -f disk.img dir -o ro --pid-file pid >out 2>&1 &
child=$!
wait_until test -s pid || fail "no pid file"
pid=$child
kill -KILL "$(worker_of "$child")"
wait "$child"
expect "status after the worker was killed" 2 $?
expect_match "message then" 'shale: *killed by signal 9*' "$(cat out)"
ended "worker killed in the foreground"

# --ready-fd: a newline, and then the end, with the mount there already.
"$SHALE" mount disk.img dir -o ro --ready-fd 5 5>ready
expect "bytes on --ready-fd" 1 "$(wc -c <ready)"
must "$SHALE" umount dir
for fd in 1 2; do
    "$SHALE" mount disk.img dir -o ro --ready-fd $fd >ready 2>&1
    is_mounted "$dir" || fail "--ready-fd $fd: not mounted"
    expect "bytes on --ready-fd $fd" 1 "$(wc -c <ready)"
    must "$SHALE" umount dir
done
# A reader of --ready-fd meets the end of the file although the daemon lives.
timeout $limit sh -c '"$SHALE" mount disk.img dir -o ro --ready-fd 6 6>&1 | cat' >out ||
    fail "--ready-fd is kept open"
must "$SHALE" umount dir

# Two mounts of an image live side by side; a writer is kept out by either.
mkdir other
must "$SHALE" mount disk.img dir -o ro
must "$SHALE" mount disk.img other -o ro
cmp dir/sub/data other/sub/data || fail "two mounts differ"
must "$SHALE" umount dir
unlocked disk.img && fail "the second mount does not lock the image"
cmp -s tree/sub/data other/sub/data || fail "the second mount broke"
must "$SHALE" umount other
unlocked disk.img || fail "the image stayed locked"

# A mount reads only, whatever is done to it.
before=$(sha256sum disk.img; stat -c %y disk.img)
must "$SHALE" mount disk.img dir -o ro
list dir '%P %s\n' >/dev/null
contents dir >/dev/null
(: >dir/new) 2>/dev/null && fail "made a file"
must "$SHALE" umount dir
expect "the image" "$before" "$(sha256sum disk.img; stat -c %y disk.img)"

# What the worker has given up, before it answers the first listing.
start
ls dir >/dev/null || fail "ls: status $?"
worker=$(worker_of "$pid")
for line in 'NoNewPrivs:	1' 'Seccomp:	2' 'CapEff:	0000000000000000'; do
    [ -n "${SANITIZED:-}" ] || grep -q "^$line" "/proc/$worker/status" ||
        fail "the worker's $line: $(grep "${line%%:*}" "/proc/$worker/status")"
done
if [ "$(id -u)" = 0 ]; then
    expect "open files of the worker" "" \
        "$(find "/proc/$worker/fd" -printf '%l\n' |
            grep -v -e '^/dev/fuse$' -e '^/dev/null$' -e '^socket:' \
                -e "^$work/disk.img$" -e '^$' |
            awk '{ n[$0]++ }    # of its own pipes it has both ends
                 END { for (l in n) if (l !~ /^pipe:/ || n[l] != 2) print l }')"
    expect "its folder" / "$(readlink "/proc/$worker/cwd")"
fi
must "$SHALE" umount dir
finish
