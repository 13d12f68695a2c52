#!/usr/bin/env bash
# map.sh - shale map: layouts, pictures, whose a byte is, where a file lies
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
if ! have mke2fs || ! have debugfs || ! have jq; then
    skip_all "needs mke2fs, debugfs (e2fsprogs), jq"
fi

tree=$work/tree
img=$work/disk.img
mkdir -p "$tree/etc/<&>" "$tree/home"
head -c 300000 /dev/urandom >"$tree/home/data"
echo ok >"$tree/etc/hosts"
seq 100 >"$tree/etc/<&>/odd \"name\""
make_image "$img" 8M -b 1024 -L wurzel -d "$tree"

# usage
status "no image" 2 "$SHALE" map
status "two images" 2 "$SHALE" map a b
status "not a place" 2 "$SHALE" map --owner 12q "$img"
says "not a place" "not a place: '12q'"
status "no such image" 2 "$SHALE" map "$work/no.img"
status "owner and file" 2 "$SHALE" map --owner 1 --file /etc/hosts "$img"
status "the image as picture" 2 "$SHALE" map --picture "$img" "$img"
says "the image as picture" "the image itself"
truncate -s 1M "$work/zeros.img"
status "zeros" 2 "$SHALE" map "$work/zeros.img"

# one screen
status "text" 0 "$SHALE" map "$img"
check "text: head" \
    grep -q "^$img: ext2 'wurzel', 8.0 MiB, [0-9]* of 8192 blocks of 1.0 KiB" \
    "$work/out"
check "text: legend" grep -q "  # data  *[0-9.]* KiB" "$work/out"
check "text: starts at 0" grep -q "^ *0 [ST]*B*[Ii]" "$work/out"
check "text: fits" bash -c "! tail -n +2 '$work/out' | grep -qE '^.{81}'"
check "text: screen" test "$(wc -l <"$work/out")" -le 24
check "text: fragments" grep -q "with data, none fragmented" "$work/out"

check "text: names of the format" grep -q "  S superblocks  *2.0 KiB *< 0.1 %" \
    "$work/out"

# A terminal may be narrow: nothing but sentences runs on.
if have script; then
    for columns in 20 30 40 79 200; do
        on_terminal "$work/tty" "stty cols $columns rows 24
            env TERM=xterm LC_ALL=C.UTF-8 '$SHALE' map '$img'"
        sed -i 's/\x1b\[[0-9;]*m//g' "$work/tty"
        check "$columns columns" env LC_ALL=C.UTF-8 bash -c "! tail -n +3 \
            '$work/tty' | head -n -1 | grep -E '^.{$((columns + 1))}'"
        check "$columns columns: there" grep -q superblocks "$work/tty"
    done
else
    skip "columns" "needs script (bsdutils)"
fi

# JSON: what there is adds up
json "json: bytes" '[.bytes[]] | add' 8388608 "$SHALE" map --json "$img"
json "json: cells are as the totals" \
    '([.cells[].used.data // 0] | add) == .bytes.data' true \
    "$SHALE" map --json "$img"
json "json: units" '.units_used * .unit_size + .bytes.free == .size' true \
    "$SHALE" map --json "$img"
json "json: label, type, verdict" '.label, .type, .verdict' \
    $'wurzel\next2\nsound' "$SHALE" map --json "$img"
json "json: paths" '[.cells[].path] | index("/home/data") != null' true \
    "$SHALE" map --json "$img"

# Every document is as shale-map(1) says.
here=$(cd "$(dirname "$0")" && pwd)
# document KIND ARGUMENT...
document()
{
    local kind=$1

    shift
    if ! have python3; then
        skip "document: $*" "needs python3"
    elif "$SHALE" map --json "$@" >"$work/json" &&
        python3 "$here/map_json.py" "$kind" <"$work/json" 2>"$work/why"; then
        ok
    else
        fail "document: $*: $(tail -n 1 "$work/why")"
    fi
}
truncate -s 100000 "$tree/home/hole"
odd=$(printf 'caf\xe9')
seq 5000 >"$tree/home/$odd"
make_image "$work/odd.img" 8M -b 1024 -d "$tree"
document layout "$img"
document layout "$work/odd.img"
document owner --owner 0 --owner 1K --owner 8M --owner 8191b "$img"
document file --file /home/data --file /etc/hosts "$img"
document file --file /home/hole "$work/odd.img"
document file --file "/home/$odd" "$work/odd.img"
if have mkfs.fat; then
    truncate -s 8M "$work/small.fat"
    mkfs.fat "$work/small.fat" >/dev/null
    document layout "$work/small.fat"
    document owner --owner 0 --owner 2c "$work/small.fat"
fi
block=$(debugfs -R "blocks /home/$odd" "$work/odd.img" 2>/dev/null |
    awk '{ print $1 }')
json "names are bytes" '.answers[0].owners[0].path_hex' \
    "$(printf '/home/%s' "$odd" | od -An -v -tx1 | tr -d ' \n')" \
    "$SHALE" map --json --owner "${block}b" "$work/odd.img"
status "names are bytes: text" 0 "$SHALE" map --owner "${block}b" \
    "$work/odd.img"
check "names are bytes: text" grep -qF '/home/caf\xe9, byte 0 of it' \
    "$work/out"
for how in --json "--picture -" "--owner 1" "--file /etc/hosts"; do
    # shellcheck disable=SC2086
    status "full: $how" 1 bash -c "'$SHALE' map $how '$img' >/dev/full"
    says "full: $how" "cannot write the output: No space left on device"
done

# whose: debugfs knows as well
block=$(debugfs -R "blocks /home/data" "$img" 2>/dev/null | awk '{ print $3 }')
ino=$(debugfs -R "stat /home/data" "$img" 2>/dev/null |
    sed -n 's/^Inode: \([0-9]*\).*/\1/p')
answer='.answers[0] | "\(.offset) \(.unit) \(.owners[0].use)
    \(.owners[0].object) \(.owners[0].number) \(.owners[0].path)
    \(.owners[0].position)"'
want="$((block * 1024 + 5)) $block data
    inode $ino /home/data
    2053"
json "owner: a byte" "$answer" "$want" \
    "$SHALE" map --json --owner $((block * 1024 + 5)) "$img"
want="$((block * 1024)) $block data
    inode $ino /home/data
    2048"
for place in "${block}b" "${block}c" "$((block * 2))s" "${block}K"; do
    json "owner: $place" "$answer" "$want" \
        "$SHALE" map --json --owner "$place" "$img"
done
status "owner: text" 0 "$SHALE" map --owner "${block}b" --owner 1024 "$img"
check "owner: text: block" grep -q "block $block\$" "$work/out"
check "owner: text: path" \
    grep -qx "  data: inode $ino, /home/data, byte 2048 of it" "$work/out"
check "owner: text: superblock" grep -q "^  boot" "$work/out"
json "owner: free" '.answers[0].owners | length' 0 \
    "$SHALE" map --json --owner 8191b "$img"
json "owner: outside" '.answers[].inside' $'false\nfalse\ntrue' \
    "$SHALE" map --json --owner 8M --owner 8192b --owner 8388607 "$img"
# every block of the file, and no other, is the file's
mapfile -t blocks < <(debugfs -R "blocks /etc/hosts" "$img" 2>/dev/null |
    tr ' ' '\n' | grep .)
json "owner: /etc/hosts" '.answers[0].owners[0].path' "/etc/hosts" \
    "$SHALE" map --json --owner "${blocks[0]}b" "$img"

# where: debugfs again
json "file: blocks" '.[0].extents | map([range(.unit; .unit + .units)]) |
    add | map(tostring) | join(" ")' \
    "$(debugfs -R "stat /home/data" "$img" 2>/dev/null |
        sed -n '/^BLOCKS:/,/^TOTAL/p' | tr ',' '\n' |
        sed -n 's/.*([0-9-]*):\([0-9-]*\)$/\1/p' |
        while IFS=- read -r from to; do seq "$from" "${to:-$from}"; done |
        tr '\n' ' ' | sed 's/ $//')" \
    "$SHALE" map --json --file /home/data "$img"
status "file: text" 0 "$SHALE" map --file /etc/hosts "$img"
check "file: text" grep -q "^1 piece: not fragmented" "$work/out"
same "file: or IMAGE:PATH" "$work/out" <("$SHALE" map "$img:/etc/hosts")
status "file: missing" 1 "$SHALE" map --file /none "$img"
status "file: directory" 1 "$SHALE" map --file /etc "$img"

# a file in fragments: its neighbours were there first
mkdir "$work/frag"
make_image "$work/frag.img" 4M -b 1024
for i in $(seq 40); do
    head -c 20000 /dev/urandom >"$work/frag/$i"
    "$SHALE" put "$work/frag.img" "$work/frag/$i"
done
for i in $(seq 1 2 40); do "$SHALE" rm "$work/frag.img:/$i"; done
head -c 3200000 /dev/urandom >"$work/frag/long"
"$SHALE" put "$work/frag.img" "$work/frag/long"
pieces=$("$SHALE" map --json --file /long "$work/frag.img" | jq '.[0].pieces')
check "fragments: pieces" test "$pieces" -gt 5
json "fragments: files" '.fragmentation | .fragmented_files, (.gaps > 5),
    (.bytes_after_gaps > 0)' $'1\ntrue\ntrue' \
    "$SHALE" map --json "$work/frag.img"

# a picture: well-formed, self-contained, no bytes of names as they are
status "picture" 0 "$SHALE" map --picture "$work/map.svg" "$img"
check "picture: says what" grep -q "wurzel" "$work/map.svg"
check "picture: a path" grep -q "/home/data" "$work/map.svg"
check "picture: says how much of what" grep -q '"k0"/>.*superblocks' \
    "$work/map.svg"
check "picture: needs nothing else" \
    bash -c "! grep -E '(href|src|url|@import)' '$work/map.svg'"
same "picture: to standard output" "$work/map.svg" \
    <("$SHALE" map --picture - "$img")
if have xmllint; then
    check "picture: XML" xmllint --noout "$work/map.svg"
elif have python3; then
    check "picture: XML" python3 -c \
        'import sys, xml.dom.minidom as x; x.parse(sys.argv[1])' "$work/map.svg"
else
    skip "picture: XML" "needs xmllint or python3"
fi
status "picture: nowhere" 1 "$SHALE" map --picture "$work/no/map.svg" "$img"

# damage is in the picture, and in the text
cp "$img" "$work/bad.img"
debugfs -w -R "set_inode_field /etc/hosts links_count 7" "$work/bad.img" \
    2>/dev/null
status "damaged" 0 "$SHALE" map "$work/bad.img"
check "damaged: text" grep -q "! damaged: 1 finding; shale check" "$work/out"
json "damaged: json" '.verdict, ([.cells[].findings // 0] | add) +
    .unplaced_findings' \
    $'damaged\n1' "$SHALE" map --json "$work/bad.img"
"$SHALE" map --picture "$work/bad.svg" "$work/bad.img"
check "damaged: picture" grep -q "damaged: 1 finding" "$work/bad.svg"

# a byte of an inode table: the group's, and whose inode it is
data=$(debugfs -R 'imap /home/data' "$img" 2>/dev/null |
       sed -n 's/.*block \([0-9]*\), offset \(0x[0-9a-f]*\).*/\1 \2/p')
read -r table offset <<<"$data"
json "inode: who" '.answers[0].owners | map("\(.use) \(.object) \(.path)") |
        sort | join(",")' \
    "inodes group null,inodes inode /home/data" \
    "$SHALE" map --json --owner $((table * 1024 + offset + 5)) "$img"

# with bigalloc blocks and clusters are two things
mke2fs -q -F -t ext4 -O bigalloc -b 1024 -C 16384 -d "$tree" \
    "$work/clusters.img" 16M >"$work/mke2fs.log" 2>&1
first=$(debugfs -R "blocks /etc/hosts" "$work/clusters.img" 2>/dev/null |
    cut -d ' ' -f 1)
json "bigalloc: a block" '.answers[] |
    "\(.offset) \(.unit) \(.owners[0].path) \(.owners[0].position)"' \
    "$((first * 1024)) $((first / 16)) /etc/hosts 0
$((first / 16 * 16384)) $((first / 16)) /etc/hosts 0" \
    "$SHALE" map --json --owner "${first}b" --owner "$((first / 16))c" \
    "$work/clusters.img"
status "bigalloc" 0 "$SHALE" map "$work/clusters.img"
check "bigalloc: clusters" grep -q " of 1024 clusters of 16.0 KiB in use" \
    "$work/out"

# a block of two files has two owners
debugfs -w -R "set_inode_field /etc/hosts block[0] $block" "$work/bad.img" \
    2>/dev/null
json "shared: both" '[.answers[0].owners[].path] | sort | join(" ")' \
    "/etc/hosts /home/data" "$SHALE" map --json --owner "${block}b" \
    "$work/bad.img"

json "shared: counted once" '([.bytes[]] | add) == .size, .shared,
    ([.cells[].used[]] | add) + .bytes.free == .size' $'true\n1024\ntrue' \
    "$SHALE" map --json "$work/bad.img"
document layout "$work/bad.img"

# Which thread claims first is nobody's choice, and shows nowhere: groups, which
# threads share out, are smaller here than cells. Many files have one block.
mkdir "$work/many"
for i in $(seq 100 299); do
    echo "$i" >"$work/many/$i"
    mkdir "$work/many/$i.d"
done
make_image "$work/many.img" 256M -b 1024 -g 256 -N 16384 -d "$work/many"
cp --sparse=always "$work/many.img" "$work/claims.img"
block=$(debugfs -R "blocks /100" "$work/many.img" 2>/dev/null |
    awk '{ print $1 }')
for i in $(seq 101 199); do
    echo "set_inode_field /$i block[0] $block"
done >"$work/commands"
debugfs -w -f "$work/commands" "$work/claims.img" >/dev/null 2>&1
taskset -c 0 true 2>/dev/null && one=(taskset -c 0) || one=()
for image in "$work/frag.img" "$work/many.img" "$work/claims.img"; do
    for how in --json "--picture -" "--json --owner ${block}b"; do
        read -ra words <<<"$how"
        words=("$SHALE" map "${words[@]}" "$image")
        "${one[@]}" "${words[@]}" >"$work/first" 2>&1
        for _ in $(seq 10); do
            "${words[@]}" >"$work/again" 2>&1
            cmp -s "$work/again" "$work/first" || break
        done
        same "always the same: ${image##*/} $how" "$work/first" "$work/again"
    done
done

# Of pieces as large, the lowest use has the cell: never a file, where there is
# a directory.
make_image "$work/tie.img" 8M -b 1024 -d "$work/many"
json "ties: a directory's" '[.cells[] | select(.used | keys ==
    ["data", "directory"]) | .path | test("^/[0-9]+$") | not] |
    length > 9, all' \
    $'true\ntrue' "$SHALE" map --json "$work/tie.img"

# The lowest 64 of 100 owners, and how many there are besides.
seq -f "stat /%g" 100 199 >"$work/commands"
mapfile -t inodes < <(debugfs -f "$work/commands" "$work/claims.img" \
    2>/dev/null | sed -n 's/^Inode: \([0-9]*\).*/\1/p' | sort -n |
    sed 64q)
json "many owners: the lowest" \
    '.answers[0] | .more_owners, (.owners | map(.number | tostring) |
    join(" "))' $'36\n'"${inodes[*]}" \
    "$SHALE" map --json --owner "${block}b" "$work/claims.img"
document owner --owner "${block}b" "$work/claims.img"
status "many owners: text" 0 "$SHALE" map --owner "${block}b" "$work/claims.img"
check "many owners: text" grep -qx "  and 36 more" "$work/out"
json "few owners: no more" '.answers[0].more_owners' 0 \
    "$SHALE" map --json --owner "${block}b" "$work/many.img"

# FAT counts clusters from 2, behind its tables
if have mkfs.fat && have mcopy; then
    fat=$work/fat.img
    truncate -s 16M "$fat"
    mkfs.fat -F 16 -s 4 "$fat" >/dev/null
    mcopy -i "$fat" "$tree/home/data" ::/DATA
    json "fat: file" '.[0].extents[0].unit' 2 \
        "$SHALE" map --json --file /DATA "$fat"
    json "fat: owner" '.answers[0] | "\(.unit) \(.owners[0].use)
        \(.owners[0].path) \(.owners[0].position)"' "3 data
        /DATA 2048" "$SHALE" map --json --owner 3c "$fat"
    json "fat: owner of a FAT" '.answers[0] | "\(.unit) \(.owners[0].use)"' \
        "null table" "$SHALE" map --json --owner 4s "$fat"
    # in a partition, bytes and sectors are the image's
    { head -c 1048576 /dev/zero; cat "$fat"; } >"$work/later.img"
    json "fat: at an offset" '.answers[0].owners[0] | .path, .start' \
        "$(printf '/DATA\n%s' "$("$SHALE" map --json --file /DATA \
            --offset 1M "$work/later.img" | jq '.[0].extents[0].start')")" \
        "$SHALE" map --json --offset 1M --owner 3c "$work/later.img"
fi

# a disk with several volumes: a byte says which is meant
if have sfdisk; then
    make_disk "$work/two.img" gpt
    put "$img" "$work/two.img" 2048
    put "$img" "$work/two.img" 34816
    for part in 1 2; do
        at=$((part == 1 ? 1048576 : 17825792))
        json "two: --owner: $part" \
            '.partition, .answers[1].owners[0].start' "$part"$'\n'"$at" \
            "$SHALE" map --json --owner $((at + 2048)) --owner "$at" \
            "$work/two.img"
        status "two: -p $part" 0 "$SHALE" map -p $part --owner 0 \
            "$work/two.img"
        expect "two: -p $part" "" "$(cat "$work/err")"
    done
    status "two: said once" 2 "$SHALE" map --owner 0 "$work/no.img"
    expect "two: said once" 1 "$(wc -l <"$work/err")"
    # none has it: where it is, then, and nothing is read for that
    status "two: none" 0 "$SHALE" map --owner 0 --owner 16M --owner 2s \
        --owner 40M "$work/two.img"
    expect "two: none" "0: byte 0 of the image, sector 0
  the partition table, outside of all volumes
16M: byte 16777216 of the image, sector 32768
  outside of all volumes
2s: byte 1024 of the image, sector 2
  outside of all volumes
40M: outside of the image" "$(cat "$work/out")"
    document owner --owner 0 --owner 39M "$work/two.img"
    json "two: none: --json" '.partition, .type, .answers[].inside' \
        $'null\nnull\nfalse\nfalse' \
        "$SHALE" map --json --owner 0 --owner 39M "$work/two.img"
    json "two: one has some of them" '.partition, .answers[].inside' \
        $'2\nfalse\ntrue' \
        "$SHALE" map --json --owner 0 --owner 17M "$work/two.img"
    cp --sparse=always "$work/two.img" "$work/half.img"
    dd if=/dev/zero of="$work/half.img" bs=1M seek=1 count=9 conv=notrunc \
        status=none
    status "two: one is empty" 0 "$SHALE" map --owner 2M "$work/half.img"
    check "two: one is empty" grep -qx \
        "  in partition 1, which holds no filesystem that Shale knows" \
        "$work/out"
    for how in "--owner 1M --owner 17M" "--owner 5b" ""; do
        # shellcheck disable=SC2086
        status "two: which? $how" 2 "$SHALE" map $how "$work/two.img"
        says "two: which? $how" "choose with --part N"
    done
else
    skip "two" "needs sfdisk"
fi

# a disk that is cut off: what is not there is not drawn
if have sfdisk; then
    make_disk "$work/cut.img" dos
    put "$img" "$work/cut.img" 2048
    truncate -s 6M "$work/cut.img"
    status "cut" 0 "$SHALE" map "$work/cut.img"
    end="he image ends here, 3.0 MiB before the volume does"
    check "cut" grep -qx "   5.0 MiB t$end" "$work/out"
    json "cut: --json" '"\(.size) \(.missing) \(.volume_size) \(
        [.cells[].length] | add <= 5242880)"' \
        "5242880 10485760 8388608 true" "$SHALE" map --json "$work/cut.img"
    "$SHALE" map --picture "$work/cut.svg" "$work/cut.img"
    check "cut: picture" grep -q ">T$end\.</text>" "$work/cut.svg"
    check "cut: picture: its mark" grep -q "<title>t$end</title>" \
        "$work/cut.svg"
    # a volume without a table; one that is larger than its partition; one that
    # ends before the image does
    cp "$img" "$work/bare.img"
    truncate -s 5M "$work/bare.img"
    status "cut: bare" 0 "$SHALE" map "$work/bare.img"
    check "cut: bare" grep -qx "   5.0 MiB t$end" "$work/out"
    truncate -s 8M "$work/small.img"
    echo 'start=2048, size=8192' |
        sfdisk -q "$work/small.img" >/dev/null 2>&1
    put "$img" "$work/small.img" 2048
    status "cut: by the partition" 0 "$SHALE" map "$work/small.img"
    says_out="the partition ends here, 4.0 MiB before the volume does"
    check "cut: by the partition" grep -qx "   4.0 MiB $says_out" "$work/out"
    truncate -s 10M "$work/cut.img"
    status "cut: behind the volume" 0 "$SHALE" map "$work/cut.img"
    check "cut: behind the volume" grep -qx \
        "   9.0 MiB the image ends here, 6.0 MiB before the partition does" \
        "$work/out"
    truncate -s 6M "$work/cut.img"
    status "cut: not" 0 "$SHALE" map "$img"
    check "cut: not" bash -c "! grep -q 'ends here' '$work/out'"
    document layout "$work/cut.img"
    json "cut: --owner" '.answers[].inside' $'true\nfalse' \
        "$SHALE" map --json --owner 5M --owner 6M "$work/cut.img"
    status "past" 1 "$SHALE" map -p 2 "$work/cut.img"
    says "past" "partition 2: all of it lies past the end of the image"
    status "past: --owner" 1 "$SHALE" map -p 2 --owner 20M "$work/cut.img"
    says "past: --owner" "all of it lies past the end of the image"
else
    skip "cut" "needs sfdisk"
fi

# what cannot be looked at has no layout, and nothing of it is free
cp "$img" "$work/alien.img"
printf '\x10' | dd of="$work/alien.img" bs=1 seek=1123 conv=notrunc status=none
for how in -q --json "--owner 5000" "--owner 5b"; do
    # shellcheck disable=SC2086 # an option, or one with its value
    status "alien: $how" 1 "$SHALE" map $how "$work/alien.img"
    says "alien: $how" "what it holds cannot be told"
    check "alien: $how: nothing" test ! -s "$work/out"
done
finish
