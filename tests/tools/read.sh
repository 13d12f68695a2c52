#!/usr/bin/env bash
# read.sh - shale cat, shale stat and shale extents
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have mke2fs || skip_all "needs mke2fs (e2fsprogs)"
export TZ=UTC

tree=$work/tree
img=$work/disk.img
mkdir -p "$tree/d"
head -c 3000001 /dev/urandom >"$tree/random"
echo one >"$tree/one"
echo two >"$tree/d/two"
: >"$tree/empty"
ln -s d/two "$tree/link"
mkfifo "$tree/fifo"
truncate -s 4M "$tree/sparse"
echo middle | dd of="$tree/sparse" bs=4096 seek=300 conv=notrunc status=none
touch -d '2001-02-03 04:05:06' "$tree/one"
xattrs=1
setfattr -n user.color -v blue "$tree/one" 2>/dev/null || xattrs=0
make_image "$img" 16M -b 1024 -I 256 -d "$tree"
cp "$img" "$work/with:colon.img"
cp "$img" "$work/with:/colon" 2>/dev/null || true

for file in random sparse empty one link; do
    "$SHALE" cat "$img:$file" >"$work/got"
    same "cat $file" "$tree/$file" "$work/got"
done
cat "$tree/one" "$tree/d/two" "$tree/one" >"$work/want"
"$SHALE" cat "$img" one /d/two ./one >"$work/got"
same "cat several" "$work/want" "$work/got"
"$SHALE" cat "$work/with:colon.img" one >"$work/got"
same "cat, colon in the image's name" "$tree/one" "$work/got"
"$SHALE" cat "$work/with:colon.img:d/two" >"$work/got"
same "cat, one colon more" "$tree/d/two" "$work/got"
status "cat into a closed pipe" 0 bash -c \
    "'$SHALE' cat '$img:random' | head -c 10"
expect "... is quiet" "" "$(cat "$work/err")"
if [ -e /dev/full ]; then
    status "cat to a full disk" 1 bash -c "'$SHALE' cat '$img:one' >/dev/full"
    says "cat to a full disk" "No space left"
    status "ls to a full disk" 1 bash -c "'$SHALE' ls '$img' >/dev/full"
    says "ls to a full disk" "No space left"
fi

status "stat" 0 "$SHALE" stat "$img:one"
check "stat: size" grep -q '^  Size: 4 .* regular file$' "$work/out"
check "stat: mode" grep -q '^Access: (0[0-7]*/-rw' "$work/out"
check "stat: time" grep -q '^Modify: 2001-02-03 04:05:06.000000000 +0000$' \
    "$work/out"
check "stat: extents" grep -q '^Extent: 1, and 0 holes$' "$work/out"
status "stat of a link" 0 "$SHALE" stat "$img" link
check "stat: link" grep -q 'File: link -> d/two$' "$work/out"
status "stat -L" 0 "$SHALE" stat -L "$img" link
check "stat -L" grep -q 'regular file' "$work/out"
json "stat --json: two" '[.[].type] | join(" ")' "file fifo" \
    "$SHALE" stat --json "$img" one fifo
json "stat --json: sparse" '.[0] | "\(.size) \(.extents) \(.holes)"' \
    "4194304 1 2" "$SHALE" stat --json "$img" sparse
json "stat --json: times" '.[0].mtime' "2001-02-03T04:05:06.000000000Z" \
    "$SHALE" stat --json "$img" one
if [ "$xattrs" = 1 ]; then
    json "stat --json: xattr" '.[0].xattrs[] | select(.name == "user.color") |
        "\(.name)=\(.value) \(.size)"' "user.color=blue 4" \
        "$SHALE" stat --json "$img" one
    status "stat: xattr" 0 "$SHALE" stat "$img:one"
    check "stat: xattr" grep -q '^ Xattr: user.color (4 bytes)$' "$work/out"
else
    skip "extended attributes" "$work takes none"
fi

# debugfs(8) as the other opinion on inode numbers and blocks.
if have debugfs && have jq; then
    ino=$("$SHALE" stat --json "$img:random" | jq '.[0].ino')
    expect "inode number" "$ino" "$(debugfs -R "stat /random" "$img" \
        2>/dev/null | sed -n 's/^Inode: \([0-9]*\).*/\1/p')"
    debugfs -R "blocks /random" "$img" 2>/dev/null | tr ' ' '\n' |
        grep . | sort -n >"$work/theirs"
    "$SHALE" extents --json "$img:random" | jq -r '.[0].extents[] |
        select(.kind == "data") | "\(.volume_offset) \(.length)"' |
        while read -r at len; do
            seq $((at / 1024)) $(((at + len + 1023) / 1024 - 1))
        done | sort -n >"$work/ours"
    # Theirs has the indirect blocks, too.
    expect "extents are blocks of the file" "" \
        "$(comm -23 <(sort "$work/ours") <(sort "$work/theirs"))"
    expect "extents: all blocks" $(((3000001 + 1023) / 1024)) \
        "$(wc -l <"$work/ours")"
else
    skip "debugfs's opinion" "needs debugfs and jq"
fi

# Put together by hand what the extents say.
if have jq; then
    truncate -s 16M "$work/shifted"
    cat "$img" >>"$work/shifted"
    "$SHALE" extents --json --offset 16M "$work/shifted:sparse" >"$work/json"
    truncate -s "$(jq '.[0].size' "$work/json")" "$work/made"
    jq -r '.[0].extents[] | select(.kind == "data") |
        "\(.offset) \(.length) \(.image_offset)"' "$work/json" |
        while read -r to len from; do
            dd if="$work/shifted" of="$work/made" bs=1 count="$len" \
                skip="$from" seek="$to" conv=notrunc status=none
        done
    same "image offsets" "$tree/sparse" "$work/made"
    json "extents of an empty file" '.[0].extents | length' 0 \
        "$SHALE" extents --json "$img:empty"
fi
status "extents" 0 "$SHALE" extents "$img:sparse"
expect "extents: kinds" "hole data hole " \
    "$(awk 'NR > 2 { printf "%s ", $NF }' "$work/out")"
finish
