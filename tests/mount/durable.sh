#!/bin/sh
# durable.sh - when what was written is on the image
. "$(dirname "$0")/lib.sh"
need mkfs.fat fsck.fat mcopy mdir

start() {
    must "$SHALE" mount disk.img dir --pid-file pid ${1:+-o "$1"}
    pid=$(cat pid)
}
# on_image NAME TEXT - is the file there, for who looks at the image itself?
on_image() {
    [ "$(MTOOLS_SKIP_CHECK=1 mcopy -i disk.img "::$1" - 2>/dev/null)" = "$2" ]
}
# The daemon is gone, by its own death or a signal; is the mount?
ended() {
    wait_until gone "$pid" || fail "$1: process $pid is still there"
    wait_until unless is_mounted "$dir" || fail "$1: still mounted"
    unlocked disk.img || fail "$1: the image is still locked"
}
# After a crash: nothing but space that is lost, or reserved behind a file's
# end, a copy of the FAT not yet written, two names of what was being renamed
# from one directory to another, and the mark of one in use.
harmless() {
    fsck.fat -n disk.img >fsck.said 2>&1
    # It takes the chain away from the second name, and then misses it.
    twin='share clusters'
    ! grep -q "$twin" fsck.said || twin='cluster chain length is 0 '
    grep -v -e "$twin" -e '^fsck.fat ' -e '^disk.img: ' -e 'Dirty bit is set' \
        -e 'data may be corrupt' -e 'boot sector and its backup' \
        -e 'This is mostly harmless' -e 'Not automatically fixing' -e '^ *65:01/00' \
        -e 'Automatically removing dirty bit' \
        -e 'Reclaimed [0-9]* unused cluster' -e 'Free cluster summary' \
        -e 'Auto-correcting' -e 'Leaving filesystem unchanged' \
        -e '^/' -e 'cluster chain length is > ' -e 'Truncating file to ' \
        -e 'FATs differ but appear' -e 'Using first FAT' \
        -e 'share clusters' -e 'Truncating second to 0 bytes' \
        -e '^Fs was not properly unmounted' -e '^ *$' fsck.said >fsck.bad
    [ ! -s fsck.bad ] || fail "$1: fsck.fat: $(head -3 fsck.bad)"
}

fat disk.img 40M -F 32 -s 1

# By itself, in a while.
start
echo by itself >dir/itself
mkdir dir/sub
wait_until on_image itself 'by itself' ||
    fail "not on the image: $(mdir -i disk.img)"
harmless "written back"
must "$SHALE" umount dir
sound disk.img "unmounted"

# Changes that never pause do not put it off.
changed_on() {
    : >>dir/busy
    mv dir/busy dir/busy2
    mv dir/busy2 dir/busy
    on_image early early
}
start
echo early >dir/early
wait_until changed_on || fail "changes without a pause put off writing back"
must "$SHALE" umount dir
sound disk.img "busy"

# With -o flush sooner than a change before it without, which waits for as long
# as others follow; should the machine stand still for that long, once more.
fat slow.img 8M
mkdir slow
overtakes() {
    echo "$1" >"slow/$1"
    echo "$1" >"dir/$1"
    until on_image "$1" "$1"; do
        echo "$1" >slow/busy
        MTOOLS_SKIP_CHECK=1 mcopy -i slow.img "::$1" - >/dev/null 2>&1 &&
            return 1
    done
    return 0
}
start flush
must "$SHALE" mount slow.img slow
overtakes 1 || overtakes 2 || overtakes 3 || overtakes 4 || overtakes 5 ||
    fail "-o flush: no sooner on the image than without"
must "$SHALE" umount slow
must "$SHALE" umount dir

for option in sync dirsync; do
    start $option
    mkdir dir/$option
    MTOOLS_SKIP_CHECK=1 mdir -b -i disk.img "::$option" >/dev/null 2>&1 ||
        fail "-o $option: a new directory is not on the image"
    if [ $option = sync ]; then
        echo text >dir/$option/file
        on_image $option/file text || fail "-o sync: data is not on the image"
    fi
    rm -r dir/$option
    MTOOLS_SKIP_CHECK=1 mdir -b -i disk.img "::$option" >/dev/null 2>&1 &&
        fail "-o $option: a removed directory is on the image"
    must "$SHALE" umount dir
    sound disk.img "-o $option"
done

# What was synced survives that the worker is killed the moment after.
for how in file directory; do
    start
    for i in 1 2 3 4 5 6 7 8; do
        mkdir "dir/$how $i"
        echo "synced $i" >"dir/$how $i/file"
    done
    [ $how = directory ] || sync "dir/$how 8/file"
    [ $how = file ] || sync "dir/$how 8/file" "dir/$how 8"
    kill -KILL "$(worker_of "$pid")"
    ended "killed after fsync of a $how"
    harmless "killed after fsync of a $how"
    for i in 1 2 3 4 5 6 7 8; do
        on_image "$how $i/file" "synced $i" || fail "$how $i: synced, and lost"
    done
done
fsck.fat -a disk.img >/dev/null 2>&1
sound disk.img repaired

# Killed at any moment, while several write.
churn() {
    while [ -e dir/lost.txt ]; do
        mkdir -p "dir/churn-$1"
        seq 1 3000 >"dir/churn-$1/a"
        cp "dir/churn-$1/a" "dir/churn-$1/b"
        mv "dir/churn-$1/b" "dir/churn-$1/a long name for it"
        truncate -s 100 "dir/churn-$1/a"
        mv "dir/churn-$1/a" "dir/moved-$1"
        rm -rf "dir/churn-$1"
    done 2>/dev/null
}
for round in 1 2 3 4 5 6; do
    start
    echo here >dir/lost.txt
    sync dir/lost.txt
    churn 1 &
    churn 2 &
    churn 3 &
    sleep "$((round / 4)).$((round * 37 % 10))"         # the moment
    kill -KILL "$(worker_of "$pid")"
    ended "round $round"
    wait
    harmless "killed in round $round"
    on_image lost.txt here || fail "round $round: what was synced is lost"
    must "$SHALE" mount disk.img dir
    find dir -type f -exec cat {} + >/dev/null || fail "round $round: reading"
    must "$SHALE" umount dir
    fsck.fat -a disk.img >/dev/null 2>&1
    sound disk.img "repaired in round $round"
done

# Signals: all is written, and marked clean. Also if somebody has it open, and
# the kernel has what it has not told us yet.
for signal in TERM INT HUP; do
    start
    echo "by $signal" >"dir/by-$signal"
    kill -s $signal "$pid"
    ended "SIG$signal"
    sound disk.img "SIG$signal"
    on_image "by-$signal" "by $signal" || fail "SIG$signal: lost"
done
mkfifo hold
start
"$PROBE" late dir/open 'still open' <hold >held &
exec 7>hold
wait_until test -s held || fail "probe did not start"
kill -TERM "$pid"
ended "SIGTERM while a file is open"
sound disk.img "SIGTERM while a file is open"
on_image open 'still open' || fail "SIGTERM while a file is open: lost"
exec 7>&-
wait
expect_match "what its user is told then" 'write ok*fsync E*' \
    "$(xargs <held)"

# Also of a file that has no name any more: its space is free.
start
"$PROBE" late dir/nameless 'gone' <hold >held2 &
exec 7>hold
wait_until test -s held2 || fail "probe did not start"
rm dir/nameless
kill -TERM "$pid"
ended "SIGTERM while a file without a name is open"
sound disk.img "SIGTERM while a file without a name is open"
exec 7>&-
wait

# Somebody else unmounts.
start
head -c 5000000 /dev/urandom >data
cp data dir/data
fusermount3 -u dir 2>/dev/null || umount dir
ended "umount by somebody else"
sound disk.img "umount by somebody else"
MTOOLS_SKIP_CHECK=1 mcopy -n -i disk.img ::data copy
cmp data copy || fail "umount by somebody else: data differ"
finish
