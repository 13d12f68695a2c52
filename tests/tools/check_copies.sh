#!/usr/bin/env bash
# check_copies.sh - shale check: a group descriptor that is damaged has a copy,
# and nothing is wrong but what is wrong in it
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
if ! have mke2fs || ! have jq; then
    skip_all "needs mke2fs (e2fsprogs), jq"
fi

# codes IMAGE: all that is told of it, but for advice, each once.
codes()
{
    "$SHALE" check --json "$1" | jq -r '[.volumes[0].findings[] |
        select(.severity != "advice") | .code] | unique | join(" ")'
}

# break_desc HOW GROUP: the first bytes of its descriptor, or all of them.
break_desc()
{
    local len=$size

    [ "$1" = place ] && len=4
    head -c "$len" /dev/zero | tr '\0' '\377' |
        dd of="$work/bad.img" bs=1 seek=$((2048 + $2 * size)) conv=notrunc \
            status=none
}

place="ext2.group.backup_used ext2.group.place"
while read -r size sums features; do
    whole="ext2.group.backup_used ext2.group.checksum ext2.group.place"
    # Where there is no checksum, the rest is what the descriptor says.
    [ "$sums" = yes ] || whole=
    rm -f "$work/good.img"
    # shellcheck disable=SC2086
    mke2fs -q -F -b 1024 -g 1024 -N 512 $features "$work/good.img" 16M \
        >/dev/null 2>&1
    expect "$features: sound" "" "$(codes "$work/good.img")"
    for group in 0 1 2 6; do
        cp --sparse=always "$work/good.img" "$work/bad.img"
        break_desc place $group
        expect "$features: $group: a place" "$place" \
            "$(codes "$work/bad.img")"
        [ -n "$whole" ] || continue
        break_desc whole $group
        expect "$features: $group: all" "$whole" "$(codes "$work/bad.img")"
    done
done <<'END'
32 no -t ext2 -O ^resize_inode
32 yes -t ext2 -O ^resize_inode,uninit_bg
32 yes -t ext4 -O ^64bit,^metadata_csum,uninit_bg,^flex_bg,^resize_inode
32 yes -t ext4 -O ^64bit,^resize_inode
64 yes -t ext4 -O ^resize_inode
END
finish
