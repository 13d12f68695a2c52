#!/bin/sh
# write.sh - data that changes, on FAT through the mount
. "$(dirname "$0")/lib.sh"
need mkfs.fat fsck.fat mcopy

# zeros N, and fill CHAR N
zeros() {
    head -c "$1" /dev/zero
}
fill() {
    zeros "$2" | tr '\0' "$1"
}
# is FILE - whose content comes on stdin
is() {
    cat >wanted
    cmp -s wanted "$1" ||
        fail "$1: $(cmp wanted "$1" 2>&1 | head -1)"
}
# What the kernel has of the files is written and forgotten; of these alone, as
# others need what it has of theirs.
drop() {
    sync -f dir 2>said
    for file in dir/*; do
        dd if="$file" iflag=nocache count=0 status=none || fail "drop $file"
    done
}

data() {
    head -c 3000000 /dev/urandom >data
    cp data dir/data
    is dir/data <data
    printf middle | dd of=dir/data bs=1 seek=123456 conv=notrunc status=none
    printf middle | dd of=data bs=1 seek=123456 conv=notrunc status=none
    drop
    is dir/data <data

    # Past the end: zeros between.
    printf end | dd of=dir/gap bs=1 seek=70000 status=none
    drop
    { zeros 70000; printf end; } | is dir/gap
    truncate -s 10 dir/gap
    truncate -s 50000 dir/gap
    drop
    zeros 50000 | is dir/gap
    for i in 1 2 3 4 5 6 7 8 9; do
        echo "line $i" >>dir/appended
    done
    drop
    seq -f 'line %g' 9 | is dir/appended

    # The other ways to write.
    zeros 9000 >dir/mapped
    expect "mmap" ok "$("$PROBE" mmap dir/mapped 4090 across-the-page)"
    drop
    { zeros 4090; printf across-the-page; zeros 4895; } | is dir/mapped
    for len in 512 4096 1000 1 65537 1048576 1500000; do
        at=$((len / 2 + 1))
        expect "O_DIRECT, $len" $len "$("$PROBE" direct dir/direct 0 $len)"
        expect "O_DIRECT, $len at $at" $len \
            "$("$PROBE" direct dir/direct $at $len)"
        fill d $((len + at)) | is dir/direct
        rm dir/direct
    done
    expect "copy_file_range" 2000000 \
        "$("$PROBE" copy dir/data 1000 dir/copy 77 2000000)"
    { zeros 77; tail -c +1001 data | head -c 2000000; } | is dir/copy
    expect "the rest by copy_file_range" 500000 \
        "$("$PROBE" copy dir/data 2500000 dir/copy 2000077 9999999)"
    { zeros 77; tail -c +1001 data | head -c 2000000
      tail -c +2500001 data; } | is dir/copy
    drop
    expect "size of the copy" 2500077 "$(stat -c %s dir/copy)"
    expect "overlapping" EINVAL "$("$PROBE" copy dir/data 0 dir/data 10 100)"

    # Space ahead of the data.
    expect "fallocate" ok "$("$PROBE" allocate dir/ahead 0 0 100000)"
    zeros 100000 | is dir/ahead
    expect "keep size" ok "$("$PROBE" allocate dir/kept 1 0 200000)"
    expect "size then" 0 "$(stat -c %s dir/kept)"
    expect "punch a hole" EOPNOTSUPP "$("$PROBE" allocate dir/ahead 3 0 4096)"
    expect "collapse" EOPNOTSUPP "$("$PROBE" allocate dir/ahead 8 0 4096)"
    expect "SEEK_HOLE sees what is not written yet" \
        "0-5 ENXIO size 5" "$(printf 12345 >dir/fresh
            "$PROBE" map dir/fresh)"

    # Without a name.
    exec 7<>dir/unnamed
    rm dir/unnamed
    fill u 300000 >&7
    touch dir/unnamed
    fill u 300000 | cmp -s - /proc/self/fd/7 || fail "an unlinked file's data"
    expect "a new one of that name" 0 "$(stat -c %s dir/unnamed)"
    exec 8<dir/data
    mv dir/appended dir/data
    tail -c 100 data >wanted
    tail -c 100 <&8 | cmp -s wanted - || fail "data of a file renamed over"
    seq -f 'line %g' 9 | is dir/data
    exec 7>&- 8<&-
}

while read -r size how options; do
    # One of each kind, if there is no time.
    case ${SHALE_TEST_LEVEL:-normal}:$size in
    quick:15M | quick:300M) ;;
    quick:*) continue ;;
    esac
    # shellcheck disable=SC2086
    fat disk.img "$size" $options
    must "$SHALE" mount disk.img dir -o "$how"
    data
    cp -r dir ref
    must "$SHALE" umount dir
    sound disk.img "mkfs.fat $options"
    same_by_mtools disk.img ref "mkfs.fat $options"
    rm -rf ref
done <<'END'
15M rw -F 12
64M rw -F 16
64M rw -F 32 -s 1
64M writeback_cache -F 32 -s 1
300M writeback_cache -F 32 -s 8
64M rw -F 16 -S 2048
END

# Many writers: to files of their own, and to one file.
fat disk.img 128M -F 32
must "$SHALE" mount disk.img dir
zeros 800000 >dir/shared
for who in a b c d e f g h; do
    (for i in 1 2 3 4 5 6 7 8 9 10; do
        fill $who 50000 >>dir/own-$who
    done
    at=$(printf %d "'$who")
    for i in 0 1 2 3 4 5 6 7 8 9; do
        fill $who 10000 | dd of=dir/shared bs=10000 conv=notrunc status=none \
            seek=$((i * 8 + at - 97))
    done) &
done
wait
drop
for who in a b c d e f g h; do
    fill $who 500000 | is dir/own-$who
done
for i in 0 1 2 3 4 5 6 7 8 9; do
    for who in a b c d e f g h; do
        fill $who 10000
    done
done | is dir/shared
must "$SHALE" umount dir
sound disk.img "many writers"

# Full. Who writes on and on is told, and what was removed can be used again.
fat disk.img 8M
for round in rw rw,sync writeback_cache; do
    must "$SHALE" mount disk.img dir -o $round
    free=$(stat -f -c %f dir)
    expect_match "$round: filling" '*ENOSPC' \
        "$(timeout $limit "$PROBE" fill dir/full 1000000000000)"
    expect_match "$round: fallocate" '*ENOSPC' \
        "$("$PROBE" allocate dir/more 0 0 1000000)"
    expect_match "$round: mkdir" '*No space left*' "$(mkdir dir/sub 2>&1)"
    rm -f dir/full dir/more
    wait_until has_free dir "$free" || fail "$round: space is lost"
    head -c 7000000 /dev/urandom >data
    cp data dir/data || fail "$round: cp after rm"
    sync dir/data || fail "$round: fsync after rm"
    drop
    is dir/data <data
    rm dir/data
    must "$SHALE" umount dir
    sound disk.img "full, $round"
done

# The largest file there can be.
truncate -s 5G disk.img
mkfs.fat -F 32 disk.img >/dev/null
must "$SHALE" mount disk.img dir
expect_match "truncate" '*File too large*' "$(truncate -s 4G dir/large 2>&1)"
expect "fallocate" EFBIG "$("$PROBE" allocate dir/large 0 4294967000 1000)"
printf x | dd of=dir/large bs=1 seek=4294967294 status=none 2>said ||
    fail "the last byte: $(cat said)"
expect "size" 4294967295 "$(stat -c %s dir/large)"
expect "one more" EFBIG "$("$PROBE" direct dir/large 4294967295 1)"
rm dir/large
must "$SHALE" umount dir
sound disk.img "4 GiB"
finish
