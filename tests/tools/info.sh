#!/usr/bin/env bash
# info.sh - shale info, and choosing a volume
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have mke2fs || skip_all "needs mke2fs (e2fsprogs)"

mkdir "$work/one" "$work/two"
echo first >"$work/one/file"
echo second >"$work/two/file"
make_image "$work/one.img" 15M -b 1024 -L eins -d "$work/one" \
    -U 11111111-2222-3333-4444-555555555555
make_image "$work/two.img" 15M -b 4096 -L zwei -d "$work/two"

status "info" 0 "$SHALE" info "$work/one.img"
for line in "label: *eins" "uuid: *11111111-2222-3333-4444-555555555555" \
    "block size: *1.0 KiB (1024 bytes)" "state: *clean" \
    "features incompat: .*filetype" "files: *1[0-9] of"; do
    check "info: $line" grep -q "^  $line" "$work/out"
done
json "info --json" '[.size, .content, .table, .volume.filesystem,
    .volume.partition, .volume.start, .volume.details.label,
    .volume.details.block_size] | map(tostring) | join(" ")' \
    "15728640 ext2 null ext2 null 0 eins 1024" \
    "$SHALE" info --json "$work/one.img"
if have dumpe2fs && have jq; then
    dumpe2fs -h "$work/one.img" 2>/dev/null >"$work/dump"
    json "usage is dumpe2fs's" \
        '.volume.usage | "\(.blocks_free) \(.files) \(.files_free)"' \
        "$(awk -F': *' '/^Free blocks/ { b = $2 } /^Inode count/ { i = $2 }
            /^Free inodes/ { f = $2 } END { print b, i, f }' "$work/dump")" \
        "$SHALE" info --json "$work/one.img"
    json "features are dumpe2fs's" '.volume.details |
        [.features_compat, .features_incompat, .features_ro_compat] | add |
        sort | join(" ")' \
        "$(sed -n 's/^Filesystem features: *//p' "$work/dump" | tr ' ' '\n' |
            sort | tr '\n' ' ' | sed 's/ $//')" \
        "$SHALE" info --json "$work/one.img"
    json "times are ISO 8601" '.volume.details.created' \
        "$(date -u -d "$(sed -n 's/^Filesystem created: *//p' "$work/dump")" \
            +%Y-%m-%dT%H:%M:%S.000000000Z)" \
        "$SHALE" info --json "$work/one.img"
else
    skip "dumpe2fs's opinion" "needs dumpe2fs and jq"
fi

# Nothing to see.
truncate -s 1M "$work/blank"
status "info of zeros" 2 "$SHALE" info "$work/blank"
check "info of zeros: size" grep -q '1.0 MiB (1048576 bytes)' "$work/out"
says "info of zeros" "$work/blank: "
truncate -s 600 "$work/little"
status "info of a few bytes" 2 "$SHALE" info "$work/little"
expect "info of a few bytes" "$work/little: 600 bytes" "$(cat "$work/out")"
status "info of nothing" 2 "$SHALE" info "$work/missing"
says "info of nothing" "No such file"

have sfdisk || {
    skip "partitions" "needs sfdisk (fdisk)"
    finish
}
size=15728640                   # of each partition, bytes
for label in dos gpt; do
    disk=$work/$label.img
    make_disk "$disk" "$label" || { fail "sfdisk: $label"; continue; }
    status "$label: empty partitions" 0 "$SHALE" info "$disk"
    status "$label: ls of it" 2 "$SHALE" ls "$disk"

    put "$work/one.img" "$disk" 2048
    status "$label: the only one" 0 "$SHALE" cat "$disk:file"
    same "$label: the only one" "$work/one/file" "$work/out"
    json "$label: info says which" '.volume.partition' 1 \
        "$SHALE" info --json "$disk"

    put "$work/two.img" "$disk" 34816
    status "$label: several" 2 "$SHALE" ls "$disk"
    says "$label: several" "part"
    status "$label: memory of which?" 2 "$SHALE" info --mem --json "$disk"
    says "$label: memory of which?" "choose with -p"
    expect "$label: memory of none" "" "$(cat "$work/out")"
    status "$label: table of several" 0 "$SHALE" info "$disk"
    expect "$label: rows" 2 "$(grep -c ' ext2 .* Linux' "$work/out")"
    json "$label: rows in JSON" '[.table.kind, .volume,
        (.table.partitions[] | .number, .start, .size, .content, .supported)] |
        map(tostring) | join(" ")' \
        "${label/dos/mbr} null 1 1048576 $size ext2 true 2 17825792 $size ext2 true" \
        "$SHALE" info --json "$disk"
    status "$label: -p 2" 0 "$SHALE" cat -p 2 "$disk:file"
    same "$label: -p 2" "$work/two/file" "$work/out"
    status "$label: --part=1" 0 "$SHALE" cat --part=1 "$disk:file"
    same "$label: --part=1" "$work/one/file" "$work/out"
    json "$label: info -p 2" '.volume | "\(.details.label) \(.start)"' \
        "zwei 17825792" "$SHALE" info --json -p 2 "$disk"
    status "$label: -p 3" 2 "$SHALE" ls -p 3 "$disk"
    says "$label: -p 3" "partition 3"
    for offset in 17825792 34816s 17M 0x1100000 17408K; do
        status "$label: --offset $offset" 0 \
            "$SHALE" cat --offset "$offset" "$disk:file"
        same "$label: --offset $offset" "$work/two/file" "$work/out"
    done
    status "$label: --size-limit" 0 "$SHALE" cat --offset 17M \
        --size-limit 15M "$disk:file"
done
mkswap -q "$work/blank" 2>/dev/null && put "$work/blank" "$work/gpt.img" 2048
if blkid -p "$work/blank" >/dev/null 2>&1; then
    json "another filesystem is named" \
        '.table.partitions[0] | "\(.content) \(.supported)"' "swap false" \
        "$SHALE" info --json "$work/gpt.img"
    status "and the other is the only one" 0 "$SHALE" cat "$work/gpt.img:file"
    same "and the other is the only one" "$work/two/file" "$work/out"
else
    skip "another filesystem" "needs mkswap and blkid"
fi

# A journal to be replayed: all is told, and nothing is written.
if have debugfs; then
    make_image "$work/torn.img" 15M -j -L torn -d "$work/one"
    json "an empty journal" '.volume.details |
        "\(.state), \(.journal_state)"' "clean, empty" \
        "$SHALE" info --json "$work/torn.img"
    debugfs -w -R "feature needs_recovery" "$work/torn.img" >/dev/null 2>&1
    before=$(cksum <"$work/torn.img")
    status "unreplayed: info" 0 "$SHALE" info "$work/torn.img"
    for line in "label: *torn" "state: *not unmounted" \
        "journal state: *needs replay" "files: *1[0-9] of"; do
        check "unreplayed: $line" grep -q "^  $line" "$work/out"
    done
    says "unreplayed: info" "warning: ext2: the journal is left alone"
    status "unreplayed: info -q" 0 "$SHALE" info -q "$work/torn.img"
    expect "unreplayed: info -q" "" "$(cat "$work/err")"
    json "unreplayed: JSON" '.volume | "\(.details.state), " +
        "\(.details.journal_state), \(.details.label), \(.usage.files)"' \
        "not unmounted, needs replay, torn, 3840" \
        "$SHALE" info -q --json "$work/torn.img"
    for verb in ls stat cat tree extents; do
        status "unreplayed: $verb" 2 "$SHALE" $verb "$work/torn.img:/file"
        says "unreplayed: $verb" "$work/torn.img: ext2: the journal needs"
        says "unreplayed: $verb" "the option norecovery reads without"
    done
    status "unreplayed: cp" 2 "$SHALE" cp "$work/torn.img:/file" "$work/got"
    status "unreplayed: cat -o norecovery" 0 \
        "$SHALE" cat -o norecovery "$work/torn.img:/file"
    same "unreplayed: cat -o norecovery" "$work/one/file" "$work/out"
    status "unreplayed: cp -o norecovery" 0 "$SHALE" cp -q -o norecovery \
        "$work/torn.img:/file" "$work/got"
    same "unreplayed: cp -o norecovery" "$work/one/file" "$work/got"
    expect "unreplayed: nothing is written" "$before" \
        "$(cksum <"$work/torn.img")"
    # Who may write replays it, and then all is as ever.
    status "replayed" 0 "$SHALE" touch "$work/torn.img:/more"
    json "replayed" '.volume.details | "\(.state), \(.journal_state)"' \
        "clean, empty" "$SHALE" info --json "$work/torn.img"
else
    skip "a journal to be replayed" "needs debugfs"
fi

# sb=: the first superblock destroyed, the backup asked for.
cp "$work/one.img" "$work/hurt.img"
dd if=/dev/zero of="$work/hurt.img" bs=1024 seek=1 count=1 conv=notrunc \
    status=none
status "no superblock" 2 "$SHALE" cat "$work/hurt.img:file"
status "-o sb=" 0 "$SHALE" cat -o sb=8193 "$work/hurt.img:file"
same "-o sb=" "$work/one/file" "$work/out"
status "-t" 0 "$SHALE" cat -t ext2 "$work/one.img:file"
finish
