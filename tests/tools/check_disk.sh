#!/usr/bin/env bash
# check_disk.sh - shale check: partitions, and fsck.shale as fsck(8) runs it
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
for program in mke2fs debugfs sfdisk mkfs.fat; do
    have "$program" || skip_all "needs $program"
done

# found COMMAND...: a check that finds damage is a success.
found()
{
    local got=0

    "$@" || got=$?
    [ "$got" = 4 ]
}

make_image "$work/one" 15M -b 1024
cp "$work/one" "$work/bad"
debugfs -w -R "set_inode_field <2> links_count 7" "$work/bad" 2>/dev/null
truncate -s 15M "$work/fat"
mkfs.fat "$work/fat" >/dev/null

# one partition that is known: no need to say which
make_disk "$work/single.img" gpt
put "$work/one" "$work/single.img" 2048
status "the only one" 0 "$SHALE" check "$work/single.img"
check "the only one: title" \
    grep -q "^$work/single.img, partition 1: ext2: sound" "$work/out"

for label in dos gpt; do
    disk=$work/$label.img
    make_disk "$disk" "$label"
    put "$work/bad" "$disk" 2048
    put "$work/fat" "$disk" 34816
    status "$label: which?" 8 "$SHALE" check "$disk"
    says "$label: which?" "--part N"
    says "$label: which?" "2 (fat, 15.0 MiB)"
    status "$label: --part 1" 4 "$SHALE" check --part 1 "$disk"
    status "$label: --part 2" 0 "$SHALE" check --part 2 "$disk"
    status "$label: --part 3" 8 "$SHALE" check --part 3 "$disk"
    status "$label: --offset" 4 "$SHALE" check --offset 2048s "$disk"
    status "$label: --all" 4 "$SHALE" check --all "$disk"
    check "$label: --all: first" \
        grep -q "^$disk, partition 1: ext2: damaged" "$work/out"
    check "$label: --all: second" \
        grep -q "^$disk, partition 2: fat: sound" "$work/out"
    status "$label: --all of a type" 0 "$SHALE" check --all -t fat "$disk"
    expect "$label: --all of a type: one" 1 "$(wc -l <"$work/out")"
    json "$label: --all --json" '.exit, (.volumes[] |
        "\(.partition) \(.type) \(.exit)")' $'4\n1 ext2 4\n2 fat 0' \
        found "$SHALE" check --all --json "$disk"
    json "$label: offsets" '.volumes[0].findings |
        all(.offset == null or .offset >= 1048576)' true \
        found "$SHALE" check --all --json "$disk"
done

# verdicts of one line stand together, those with findings apart
make_disk "$work/lines.img" dos
put "$work/one" "$work/lines.img" 2048
put "$work/fat" "$work/lines.img" 34816
status "lines: sound" 0 "$SHALE" check --all "$work/lines.img"
expect "lines: sound" 2 "$(wc -l <"$work/out")"
status "lines: --stats" 0 "$SHALE" check --all --stats "$work/lines.img"
expect "lines: --stats" 1 "$(grep -c '^$' "$work/out")"
put "$work/bad" "$work/lines.img" 34816
status "lines: the second" 4 "$SHALE" check --all "$work/lines.img"
expect "lines: the second" 2 "$(head -n 3 "$work/out" | grep -n '^$' |
    cut -d: -f1)"
put "$work/bad" "$work/lines.img" 2048
put "$work/fat" "$work/lines.img" 34816
status "lines: the first" 4 "$SHALE" check --all "$work/lines.img"
expect "lines: the first" "" "$(tail -n 2 "$work/out" | head -n 1)"

# what cannot be checked is passed over; where nothing can be, that is said
dd if=/dev/zero of="$work/dos.img" bs=512 seek=34816 count=64 conv=notrunc \
    status=none
status "passed over" 12 "$SHALE" check --all "$work/dos.img"
none="it is meant for a filesystem, and begins with zeros"
check "passed over" grep -qx \
    "$work/dos.img, partition 2: Linux: not checked; $none" "$work/out"
make_disk "$work/lost.img" dos
put "$work/one" "$work/lost.img" 2048
dd if=/dev/zero of="$work/lost.img" bs=512 seek=2048 count=64 conv=notrunc \
    status=none
status "lost among partitions" 8 "$SHALE" check "$work/lost.img"
says "lost among partitions" "--part N"
status "lost, but named" 4 "$SHALE" check --part 1 "$work/lost.img"
status "lost, but all are meant" 12 "$SHALE" check --all "$work/lost.img"

# a boot sector that is damaged, and has something like a table
truncate -s 64M "$work/fat32"
mkfs.fat -F 32 "$work/fat32" >/dev/null
cp "$work/fat32" "$work/boot"
dd if=/dev/zero of="$work/boot" bs=512 count=1 conv=notrunc status=none
dd if="$work/dos.img" of="$work/boot" bs=1 skip=446 seek=446 count=66 \
    conv=notrunc status=none
status "a table in a boot sector" 4 "$SHALE" check "$work/boot"
check "a table in a boot sector" grep -q "^$work/boot: fat: " "$work/out"

make_disk "$work/blank.img" gpt
status "nothing to check" 8 "$SHALE" check --all "$work/blank.img"
says "nothing to check" "no volume that Shale can check"

# ... unless it is meant for what could be: then it may have been wiped
for row in "7:8:NTFS or exFAT" c:8:FAT ef:8:FAT "83:8:a filesystem" 82:0 8e:0 \
    fd:0 a5:0; do
    IFS=: read -r type want what <<<"$row"
    truncate -s 40M "$work/wiped.img"
    printf 'label: dos\nstart=2048, size=30720\n%s\n' \
        "start=34816, size=30720, type=$type" |
        sfdisk -q "$work/wiped.img" >/dev/null 2>&1
    put "$work/one" "$work/wiped.img" 2048
    for holds in "begins with zeros" "holds none that is known"; do
        status "wiped: $type" "$want" "$SHALE" check --all "$work/wiped.img"
        text=".* 2: .*: not checked; it is meant for \(.*\), and $holds"
        expect "wiped: $type: $holds" "$what" \
            "$(sed -n "s/$text\$/\1/p" "$work/out")"
        json "wiped: $type: --json" '.volumes[1].exit' "$want" bash -c \
            "'$SHALE' check --json --all '$work/wiped.img' || [ $want = 8 ]"
        printf 'something else' | dd of="$work/wiped.img" bs=512 seek=34820 \
            conv=notrunc status=none
    done
    rm "$work/wiped.img"
done

# what is known to be something else is that, whatever the type says
if have mkswap; then
    make_disk "$work/other.img" dos
    put "$work/one" "$work/other.img" 2048
    truncate -s 10M "$work/swap"
    mkswap "$work/swap" >/dev/null 2>&1
    put "$work/swap" "$work/other.img" 34816
    status "swap" 0 "$SHALE" check --all "$work/other.img"
    check "swap" grep -qx "$work/other.img, partition 2: swap: not checked" \
        "$work/out"
else
    skip "swap" "needs mkswap"
fi

# an image that is cut off: a partition has what the image has of it
for label in dos gpt; do
    disk=$work/cut.$label
    make_disk "$disk" "$label"
    put "$work/one" "$disk" 2048
    put "$work/fat" "$disk" 34816
    truncate -s 24M "$disk"
    status "$label: cut: --part 1" 0 "$SHALE" check --part 1 "$disk"
    status "$label: cut: --part 2" 4 "$SHALE" check --part 2 "$disk"
    check "$label: cut: --part 2" grep -q \
        "fat: damaged: .*; the image ends 8.0 MiB before the partition does" \
        "$work/out"
    status "$label: cut: --all" 4 "$SHALE" check --all "$disk"
    check "$label: cut: --all" grep -q "fat.boot.size" "$work/out"
    json "$label: cut: --json" '.volumes[] |
        "\(.size) \(.missing) \(.exit)"' $'15728640 0 0\n7340032 8388608 4' \
        found "$SHALE" check --all --json "$disk"

    # of the first one a part is left, of the second one nothing
    truncate -s 10M "$disk"
    past="$disk, partition 2: Linux: damaged; all of it lies past the end of"
    for how in "" --all "--all -t fat" "-t ext2" "--part 2"; do
        # shellcheck disable=SC2086
        status "$label: past: $how" 4 "$SHALE" check $how "$disk"
        check "$label: past: $how" grep -qx "$past the image" "$work/out"
    done
    status "$label: past: --part 1" 4 "$SHALE" check --part 1 "$disk"
    check "$label: past: --part 1" grep -q "ext2.super.truncated" "$work/out"
    json "$label: past: --json" '.exit, (.volumes[1] |
        .size, .missing, .verdict, .error)' \
        $'4\n0\n15728640\ndamaged\nall of it lies past the end of the image' \
        found "$SHALE" check --all --json "$disk"
    json "$label: past: --part --json" '.volumes[].missing' 15728640 \
        found "$SHALE" check --part 2 --json "$disk"
    if have python3; then
        for form in json jsonl; do
            found "$SHALE" check "--$form" --all "$disk" >"$work/$form"
            found=$(jq -s '[.[].volumes[].findings[]] | length' "$work/json")
            printf '%s\n' "$work/$form" "$form" "4 2 $found" "past" |
                python3 "$(dirname "$0")/check_json.py" >"$work/why"
            expect "$label: past: --$form" "" "$(cat "$work/why")"
        done
    else
        skip "past: documents" "needs python3"
    fi

    # of neither, whatever is looked for
    truncate -s 1M "$disk"
    for how in "" --all "-t ext2" "-t fat --all"; do
        # shellcheck disable=SC2086
        status "$label: all past: $how" 4 "$SHALE" check $how "$disk"
        expect "$label: all past: $how" 2 \
            "$(grep -c "damaged; all of it lies past the end" "$work/out")"
        expect "$label: all past: $how: no more" 2 "$(wc -l <"$work/out")"
    done
done

# what is unknown and cut off is damaged as well; what ends before that is not
make_disk "$work/swap.img" dos
truncate -s 24M "$work/swap.img"
make_image "$work/short" 4M -b 1024
put "$work/one" "$work/swap.img" 2048
status "unknown and cut" 12 "$SHALE" check --all "$work/swap.img"
check "unknown and cut" grep -q \
    "Linux: not checked; it is .* zeros; the image ends 8.0 MiB before" \
    "$work/out"
status "unknown, cut, alone" 12 "$SHALE" check --part 2 "$work/swap.img"
says "unknown, cut, alone" "; the image ends 8.0 MiB before the partition does"
put "$work/short" "$work/swap.img" 34816
status "short and cut" 0 "$SHALE" check --all "$work/swap.img"
check "short and cut" \
    grep -q "ext2: sound; .*; the image ends 8.0 MiB before" "$work/out"

# logical partitions that are not even known of
truncate -s 40M "$work/chain.img"
printf '%s\n' 'label: dos' 'start=2048, size=30720' \
    'start=34816, size=45056, type=5' 'start=36864, size=2048' \
    'start=61440, size=2048' | sfdisk -q "$work/chain.img" >/dev/null 2>&1
put "$work/one" "$work/chain.img" 2048
status "chain" 8 "$SHALE" check --all "$work/chain.img"
truncate -s 20M "$work/chain.img"
for how in "" --all; do
    # shellcheck disable=SC2086
    status "chain: $how" $((${#how} > 0 ? 12 : 4)) "$SHALE" check $how \
        "$work/chain.img"
    says "chain: $how" "logical partitions go on past the end of the image"
done
json "chain: --json" '.exit, .error' \
    $'4\nlogical partitions go on past the end of the image' \
    found "$SHALE" check --json "$work/chain.img"

# fsck(8) calls us by name
ln -s "$SHALE" "$work/fsck.shale"
ln -s "$SHALE" "$work/fsck.shale.ext2"
ln -s "$SHALE" "$work/fsck.shale.fat"
ln -s "$SHALE" "$work/fsck.fuse.shale"
for link in fsck.shale fsck.fuse.shale fsck.shale.ext2; do
    status "$link" 0 "$work/$link" "$work/one"
    status "$link -a" 4 "$work/$link" -a "$work/bad"
    says "$link -a" "nothing is repaired"
    status "$link: usage" 16 "$work/$link"
    status "$link: no image" 8 "$work/$link" "$work/none"
done
status "fsck.shale.fat of ext2" 4 "$work/fsck.shale.fat" "$work/one"
status "fsck.shale.xfs" 16 bash -c \
    "ln -s '$SHALE' '$work/fsck.shale.xfs'; '$work/fsck.shale.xfs' '$work/one'"
if have fsck; then
    fstab=$work/fstab
    echo "$work/one /mnt/one fuse.shale ro 0 2" >"$fstab"
    echo "$work/bad /mnt/bad shale ro 0 2" >>"$fstab"
    for args in "" -n -a -y "-C5 -T" "-f -v" "-M -R" -V; do
        status "fsck $args" 0 env FSTAB_FILE="$fstab" PATH="$work:$PATH" \
            bash -c "fsck $args '$work/one' 5>&1"
        check "fsck $args: it is us" grep -q "ext2: sound" "$work/out"
        status "fsck $args of damage" 4 env FSTAB_FILE="$fstab" \
            PATH="$work:$PATH" bash -c "fsck $args '$work/bad' 5>&1"
    done
    status "fsck -A" 4 env FSTAB_FILE="$fstab" PATH="$work:$PATH" fsck -A -n
    expect "fsck -A: both" 2 "$(grep -c "ext2: " "$work/out")"
else
    skip "fsck" "needs fsck (util-linux)"
fi
finish
