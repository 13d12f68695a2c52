#!/usr/bin/env bash
# ext2-disk.sh OUTPUT VOLUME - forces: a partition table; VOLUME is its second
#
# An MBR by hand: 16 bytes an entry, which are active, CHS begin (unused), type,
# CHS end (unused), first sector, sectors. Partition 1 is 1 MiB of swap type.
set -euo pipefail

out=${1:?usage: ext2-disk.sh OUTPUT VOLUME}
volume=${2:?usage: ext2-disk.sh OUTPUT VOLUME}
start=4096                      # sectors of 512 bytes
sectors=$(($(stat -c %s "$volume") / 512))

# le32 NUMBER: its bytes, as printf's escapes.
le32()
{
    printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) \
        $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# entry TYPE FIRST COUNT
entry()
{
    printf '\\0\\0\\0\\0\\x%s\\0\\0\\0%s%s' "$1" "$(le32 "$2")" "$(le32 "$3")"
}

rm -f "$out"
truncate -s $(((start + sectors + 2048) * 512)) "$out"
# shellcheck disable=SC2059 # the escapes are the point
printf "$(entry 82 2048 2048)$(entry 83 $start $sectors)" |
    dd of="$out" bs=1 seek=446 conv=notrunc status=none
printf '\x55\xaa' | dd of="$out" bs=1 seek=510 conv=notrunc status=none
dd if="$volume" of="$out" bs=512 seek=$start conv=notrunc,sparse status=none
