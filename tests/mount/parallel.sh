#!/bin/sh
# parallel.sh - many at once get what one gets
. "$(dirname "$0")/lib.sh"

mkdir tree
plant tree
for d in 1 2 3 4 5 6 7 8; do
    mkdir "tree/$d"
    for f in 1 2 3 4 5 6 7 8 9 10 11 12; do
        head -c $((f * f * 3001)) /dev/urandom >"tree/$d/$f"
    done
done
image disk.img tree 64M -b 1024
(cd tree && find . -type f -exec sha256sum {} + | sort) >wanted

look() {
    (cd dir && find . -type f -exec sha256sum {} + | sort) >"got.$1"
    find dir -exec getfattr -h -d -m - {} + >/dev/null 2>&1
    "$PROBE" map dir/sparse >/dev/null
}
# Nothing is cached for long, so that the daemon has to answer all of them.
for options in entry_timeout=0,attr_timeout=0,max_threads=8 max_threads=2; do
    for round in 1 2 3; do
        must "$SHALE" mount disk.img dir -o "ro,$options"
        lookers=
        for n in 1 2 3 4 5 6; do
            look $n &
            lookers="$lookers $!"
        done
        # shellcheck disable=SC2086
        wait $lookers
        for n in 1 2 3 4 5 6; do
            cmp wanted got.$n || fail "$options, round $round: look $n differs"
        done
        must "$SHALE" umount dir
    done
done

# Unmounted by force in the middle of it: an end, and no dead mount.
for _ in 1 2 3 4; do
    must "$SHALE" mount disk.img dir -o ro --pid-file pid \
        -o entry_timeout=0,attr_timeout=0
    pid=$(cat pid)
    look 1 2>/dev/null &
    look 2 2>/dev/null &
    sleep 0.05                  # the moment
    kill -TERM "$pid"
    wait_until gone "$pid" || fail "SIGTERM under load: still there"
    is_mounted "$dir" && fail "SIGTERM under load: still mounted"
    wait
done
finish
