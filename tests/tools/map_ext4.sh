#!/usr/bin/env bash
# map_ext4.sh - shale map --file: ext4, which cannot be mounted, as debugfs says
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
if ! have mke2fs || ! have debugfs || ! have jq; then
    skip_all "needs mke2fs, debugfs (e2fsprogs), jq"
fi

# make_ext4 IMAGE SIZE [ARGUMENT...]
make_ext4()
{
    local image=$1 size=$2

    shift 2
    rm -f "$image"
    mke2fs -q -F -t ext4 "$@" "$image" "$size" >/dev/null 2>&1
}

# debug IMAGE COMMAND...: debugfs, its commands one by one.
debug()
{
    local image=$1

    shift
    printf '%s\n' "$@" >"$work/commands"
    debugfs -w -f "$work/commands" "$image" >/dev/null 2>&1
}

# Of each extent: first block of the file, of the volume, how many, kind.
debugfs_extents()
{
    debugfs -R "dump_extents -l $2" "$1" 2>/dev/null |
        sed -n 's,^ *[0-9]*/ *[0-9]* *[0-9]*/ *[0-9]* ,,p' |
        awk '{ print $1, $4, $7, /Uninit/ ? "unwritten" : "data" }'
}

# by_debugfs NAME IMAGE PATH: is every extent of the file, and no other, told?
by_debugfs()
{
    local pieces

    debugfs_extents "$2" "$3" >"$work/want"
    "$SHALE" map --json --file "$3" "$2" >"$work/json"
    jq -r '.[0] | .unit_size as $size | .extents[] | select(.unit) |
        "\(.position / $size) \(.unit) \(.units) \(.kind)"' \
        <"$work/json" >"$work/got"
    check "$1: $3: some" test -s "$work/want"
    same "$1: $3" "$work/want" "$work/got"
    pieces=$(awk '$2 != end { n++ } { end = $2 + $3 } END { print n }' \
        "$work/want")
    expect "$1: $3: pieces" "$pieces" "$(jq '.[0].pieces' <"$work/json")"
    expect "$1: $3: inode, size" \
        "$(debugfs -R "stat $3" "$2" 2>/dev/null |
            awk '/^Inode:/ { ino = $2 } /^User:/ { print ino, $NF }')" \
        "$(jq -r '.[0] | "\(.ino) \(.size)"' <"$work/json")"
    expect "$1: $3: from its beginning to its end" true \
        "$(jq '.[0] | .size as $size | .unit_size as $unit |
            reduce .extents[] as $e (0; if . == $e.position and
                ($e.unit == null) == ($e.kind == "hole") and
                ($e.unit == null or $e.start == $e.unit * $unit)
                then . + $e.length else -1 end) | . == $size' <"$work/json")"
}

tree=$work/tree
mkdir -p "$tree/dir/sub" "$tree/many"
echo ok >"$tree/small"
head -c 3000001 /dev/urandom >"$tree/dir/sub/data"
truncate -s 5G "$tree/hole"
for at in 1000 2000000000 4999999999; do
    printf x | dd of="$tree/hole" bs=1 seek=$at conv=notrunc status=none
done
# 4096 bytes, and none; 1024 times: a tree, where these are four blocks or one
{ printf 'x%.0s' $(seq 4096); head -c 4096 /dev/zero; } >"$tree/holes"
for _ in $(seq 10); do
    cat "$tree/holes" "$tree/holes" >"$work/twice"
    mv "$work/twice" "$tree/holes"
done
seq -f "$tree/many/a rather long name, so that there are blocks %g" 200 |
    tr '\n' '\0' | xargs -0 touch
echo last >"$tree/many/zz"
ln -s sub/../sub/data "$tree/dir/link"
ln -s "/$(printf './%.0s' $(seq 40))dir/link" "$tree/long"
ln -s loop "$tree/loop"

for how in "-b 1024" "-b 4096 -O bigalloc -C 16384" "-b 2048 -O ^64bit" \
    "-b 1024 -g 1024 -N 1024 -O meta_bg,^resize_inode,^flex_bg"; do
    read -ra words <<<"$how"
    make_ext4 "$work/e4.img" 64M "${words[@]}" -d "$tree"
    for path in /small /dir/sub/data /hole /holes /many/zz; do
        by_debugfs "$how" "$work/e4.img" "$path"
    done
done
make_ext4 "$work/e4.img" 64M -b 1024 -d "$tree"
check "a deep tree" bash -c "debugfs -R 'dump_extents /holes' '$work/e4.img' \
    2>/dev/null | grep -q '^ 2/ 2 '"

# What was reserved is not written; what was taken away, a hole; and a file that
# had to take what others left.
commands=("fallocate /small 1 9" "sif /small size 10240" "punch /holes 20 999")
for i in $(seq 40); do
    head -c 20000 /dev/urandom >"$work/$i"
    commands+=("write $work/$i $i")
done
for i in $(seq 1 2 40); do commands+=("rm $i"); done
head -c 20000000 /dev/urandom >"$work/big"
debug "$work/e4.img" "${commands[@]}" "write $work/big big"
for path in /small /holes /big; do
    by_debugfs changed "$work/e4.img" "$path"
done
json "unwritten" '.[0].extents | map("\(.kind) \(.position)") | join(",")' \
    "data 0,unwritten 1024" "$SHALE" map --json --file /small "$work/e4.img"
check "fragments" test "$("$SHALE" map --json --file /big "$work/e4.img" |
    jq '.[0].pieces')" -gt 1

# paths: as for a volume that is mounted
for path in /dir/link /long dir/./sub//data; do
    json "path: $path" '.[0].ino' "$(debugfs -R 'stat /dir/sub/data' \
        "$work/e4.img" 2>/dev/null | sed -n 's/^Inode: \([0-9]*\).*/\1/p')" \
        "$SHALE" map --json --file "$path" "$work/e4.img"
done
while IFS='|' read -r path why; do
    status "path: $path" 1 "$SHALE" map --file "$path" "$work/e4.img"
    says "path: $path" "$path: $why"
done <<'END'
/none|no such file or directory
/dir|is a directory
/small/|not a directory
/loop|too many symbolic links
END
"$SHALE" map --file /small "$work/e4.img" >"$work/text"
check "text" grep -q "^/small: 10240 bytes, inode [0-9]*, blocks of 1024" \
    "$work/text"
same "IMAGE:PATH" "$work/text" <("$SHALE" map "$work/e4.img:/small")

# an old file on a new volume, and one of ext3, have block maps
make_image "$work/old.img" 64M -j -b 1024 -d "$tree"
for path in /dir/link /hole /holes; do
    "$SHALE" map --file $path "$work/old.img" >"$work/want-$(basename $path)"
done
tune2fs -O extents "$work/old.img" >/dev/null 2>&1
for path in /dir/link /hole /holes; do
    same "block map: $path" "$work/want-$(basename $path)" \
        <("$SHALE" map --file $path "$work/old.img")
done

# in the inode: files, directories and symlinks of both sizes
rm -rf "$tree"
mkdir -p "$tree/dir"
for i in $(seq 9); do echo "$i" >"$tree/dir/f$i"; done
head -c 120 /dev/urandom >"$tree/rest"
ln -s "$(printf './%.0s' $(seq 40))dir/f9" "$tree/link"
make_ext4 "$work/in.img" 8M -I 256 -O inline_data -d "$tree"
for path in /dir/f1 /dir/f9 /dir/../rest /link; do
    json "inline: $path" '.[0] | .pieces, (.extents | length),
        .extents[0].kind, .extents[0].start' $'0\n1\ninline\nnull' \
        "$SHALE" map --json --file "$path" "$work/in.img"
done
json "inline: size" '.[0].extents[0].length' 120 \
    "$SHALE" map --json --file /rest "$work/in.img"

# on a disk; what cannot be told, and why
if have sfdisk; then
    make_disk "$work/disk.img" gpt
    make_ext4 "$work/part.img" 8M -b 1024 -d "$tree"
    put "$work/part.img" "$work/disk.img" 2048
    json "partition" '.[0].extents[0] | .start - .unit * 1024' 1048576 \
        "$SHALE" map --json --file /rest "$work/disk.img"
fi
debug "$work/in.img" "feature needs_recovery"
status "journal" 0 "$SHALE" map --file /rest "$work/in.img"
says "journal" "warning: its journal was not replayed"
make_ext4 "$work/sum.img" 8M
patch_byte()
{
    printf '%b' "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
patch_byte "$work/sum.img" $((1024 + 0x63)) '\x80'
status "features" 2 "$SHALE" map --file /a "$work/sum.img"
says "features" "ext4 with features that Shale does not know"

# by a copy of a superblock that is gone
"$SHALE" map --file /holes "$work/e4.img" >"$work/want"
cp --sparse=always "$work/e4.img" "$work/copy.img"
dd if=/dev/zero of="$work/copy.img" bs=1024 seek=1 count=1 conv=notrunc \
    status=none
status "no superblock" 2 "$SHALE" map --file /holes "$work/copy.img"
same "a copy of the superblock" "$work/want" \
    <("$SHALE" map -o sb=8193 --file /holes "$work/copy.img")

# a tree that is damaged: what can be told of the file is
ino=$(debugfs -R 'stat /holes' "$work/e4.img" 2>/dev/null |
    sed -n 's/^Inode: \([0-9]*\).*/\1/p')
node=$(debugfs -R "dump_extents /holes" "$work/e4.img" 2>/dev/null |
    awk '$1 == "0/" { print $(NF - 1); exit }')
check "damaged: $ino has a node" test -n "$node"
patch_byte "$work/e4.img" $((node * 1024)) 'x'
status "damaged" 1 "$SHALE" map --file /holes "$work/e4.img"
says "damaged" "/holes: "
finish
