#!/usr/bin/env bash
# deleted.sh - files deleted on NTFS: found, and brought back
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../tools/common.sh
. "$(dirname "$0")/../tools/common.sh"

need_ntfs
have jq || skip_all "needs jq"
image=$work/image
make_ntfs "$image" 16M -c 512 || finish

mount_3g "$image" "$work/mnt" rw
mkdir -p "$work/mnt/dir/below" "$work/mnt/whole/tree"
seq 1 20000 >"$work/mnt/dir/below/large"
cp "$work/mnt/dir/below/large" "$work/want"
echo small >"$work/mnt/dir/small"
echo twin 1 >"$work/mnt/dir/twin"
seq 1 5000 >"$work/mnt/whole/tree/file"
cp "$work/mnt/whole/tree/file" "$work/want2"
touch -d '2001-02-03 04:05:06 UTC' "$work/mnt/dir/below/large"
sync -f "$work/mnt"
rm "$work/mnt/dir/below/large" "$work/mnt/dir/small" "$work/mnt/dir/twin"
rm -r "$work/mnt/whole"
unmount_3g "$work/mnt"

status "ls --deleted" 0 "$SHALE" ls --deleted "$image"
check "ls --deleted: path" grep -q ' 0% .* /dir/below/large$' "$work/out"
json "ls --deleted --json" '.[] | select(.path == "/dir/below/large") |
    "\(.name) \(.type) \(.size) \(.lost) \(.mtime)"' \
    "large file $(stat -c %s "$work/want") 0 2001-02-03T04:05:06.000000000Z" \
    "$SHALE" ls --deleted --json "$image"
json "ls --deleted DIR" 'map(.name) | sort | join(" ")' "large small twin" \
    "$SHALE" ls --deleted --json "$image:/dir"
json "ls --deleted DIR, other case" 'map(.name) | sort | join(" ")' \
    "large small twin" "$SHALE" ls --deleted --json "$image:/DIR/"
json "ls --deleted FILE, other case" 'map(.name) | join(" ")' "large" \
    "$SHALE" ls --deleted --json "$image:Dir/BELOW/large"
record=$("$SHALE" ls --deleted --json "$image" |
    jq '.[] | select(.name == "large") | .record')

mkdir "$work/to"
status "cp --deleted PATH" 0 "$SHALE" cp --deleted "$image:/dir/below/large" \
    "$work/to"
same "cp --deleted PATH" "$work/want" "$work/to/large"
expect "cp --deleted: time" "$(date -d '2001-02-03 04:05:06 UTC' +%s)" \
    "$(stat -c %Y "$work/to/large")"
status "cp --deleted NUMBER" 0 "$SHALE" cp --deleted "$image" "$record" \
    "$work/by-number"
same "cp --deleted NUMBER" "$work/want" "$work/by-number"
expect "cp --deleted: small" small \
    "$("$SHALE" cp --deleted "$image:/dir/small" "$work/to" >/dev/null &&
       cat "$work/to/small")"
status "cp --deleted of a tree" 0 "$SHALE" cp --deleted "$image:/whole" \
    "$work/to"
same "cp --deleted of a tree" "$work/want2" "$work/to/file"
mkdir "$work/all"
status "cp --deleted of all" 0 "$SHALE" cp --deleted "$image" "$work/all"
check "cp --deleted of all" test -s "$work/all/large" -a -s "$work/all/small"
status "a taken name" 0 "$SHALE" cp --deleted "$image:/dir/below/large" \
    "$work/to"
same "a taken name" "$work/want" "$work/to/large.$record"
status "cp --deleted of nothing" 1 "$SHALE" cp --deleted "$image:/nothing" \
    "$work/to"
says "cp --deleted of nothing" "no deleted file"
status "cp --deleted of several into a file" 1 "$SHALE" cp --deleted \
    "$image:/dir" "$work/not there"
status "what is there is not deleted" 1 "$SHALE" cp --deleted \
    "$image:/dir/below" "$work/not there"
expect "nothing is written" "" "$("$SHALE" ls "$image:/dir/small" 2>/dev/null)"

# Others use the space: told, and in the end refused.
mount_3g "$image" "$work/mnt" rw
dd if=/dev/zero of="$work/mnt/filler" bs=64K 2>/dev/null || true
unmount_3g "$work/mnt"
lost=$("$SHALE" ls --deleted --json "$image" |
    jq "[.[] | select(.record == $record and .name == \"large\")][0].lost")
if [ "$lost" != null ]; then
    check "lost" test "$lost" -gt 100000
    status "cp of what is lost" 1 "$SHALE" cp --deleted "$image" "$record" \
        "$work/lost"
    says "cp of what is lost" "used by others now"
    check "nothing is copied" test ! -e "$work/lost"
else
    skip "lost" "the record was used again"
fi

if have mke2fs; then
    make_image "$work/ext2.img" 4M
    status "on ext2" 2 "$SHALE" ls --deleted "$work/ext2.img"
    says "on ext2" "keeps nothing of deleted files"
    status "streams on ext2" 2 "$SHALE" ls --streams "$work/ext2.img"
    says "streams on ext2" "have no streams"
fi

# Streams.
mount_3g "$image" "$work/mnt" rw,streams_interface=windows
rm "$work/mnt/filler"
echo unnamed >"$work/mnt/file"
echo first >"$work/mnt/file:one"
seq 1 100000 >"$work/mnt/file:big one"
cp "$work/mnt/file:big one" "$work/want"
echo of a directory >"$work/mnt/dir:stream"
unmount_3g "$work/mnt"
expect "ls --streams" "dir dir:stream file file:big one file:one" \
    "$("$SHALE" ls --streams "$image" | sort | tr '\n' ' ' | sed 's/ $//')"
json "ls --streams --json" '.[] | select(.stream == "big one") |
    "\(.name) \(.type) \(.size)"' \
    "file:big one file $(stat -c %s "$work/want")" \
    "$SHALE" ls --streams --json "$image"
status "cat of a stream" 0 "$SHALE" cat "$image:file:big one"
same "cat of a stream" "$work/want" "$work/out"
expect "cat of a directory's stream" "of a directory" \
    "$("$SHALE" cat "$image:/dir:stream")"
expect "cat of several" "unnamed first " \
    "$("$SHALE" cat "$image" file file:one | tr '\n' ' ')"
status "cp of a stream" 0 "$SHALE" cp "$image:/file:big one" "$work/stream"
same "cp of a stream" "$work/want" "$work/stream"
status "no such stream" 1 "$SHALE" cat "$image:/file:two"
says "no such stream" "no such file"
finish
