#!/usr/bin/env bash
# matrix.sh - NTFS trees over sizes of sectors and clusters
#
# Each volume gets files of every kind through ntfs-3g; then every byte, name,
# stream, attribute, time and link count that a read-only mount by ntfs-3g
# shows, a mount of ours has to show, and so does the library.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_ntfs
parts=(names many sizes holes links special times streams flags dos_names
    object_ids compressed)

# volume SECTOR CLUSTER SIZE [ARGUMENT...]: one of the matrix.
volume()
{
    local what="sectors $1, clusters $2" image=$work/image sector=$1 \
        cluster=$2 size=$3

    shift 3
    make_ntfs "$image" "$size" -s "$sector" -c "$cluster" -L "matrix $cluster" \
        "$@" || return 0
    fill "$image" "streams_interface=xattr,compression" "${parts[@]}"
    same_view "$what" "$image" ""
    # The library, as the tree that the mount showed.
    "$DUMPTREE" -d "$image" >"$work/tree" 2>"$work/log" || {
        fail "$what: dumptree"
        head -n 3 "$work/log"
    }
    [ "$(wc -l <"$work/tree")" = "$(cut -f 1 "$work/got" | uniq | wc -l)" ] ||
        fail "$what: $(wc -l <"$work/tree") files by the library, and" \
            "$(cut -f 1 "$work/got" | uniq | wc -l) by a mount"
    is_sound "$what" "$image"
    status=0
    "$SHALE" info "$image" >"$work/info" 2>&1 || status=$?
    if [ "$status" = 0 ] && grep -q '^  state: *clean$' "$work/info" &&
        grep -q "^  label: *matrix $cluster$" "$work/info"; then
        ok
    else
        fail "$what: info"
        head -n 20 "$work/info"
    fi
}

volume 512 512 16M
volume 512 4096 32M
volume 512 65536 64M
volume 4096 4096 32M
if ! is_quick; then
    volume 256 2048 32M
    volume 512 1024 32M
    volume 1024 16384 48M
    volume 2048 2048 32M
    volume 4096 65536 64M
fi
if is_long; then
    volume 512 2048 32M
    volume 512 8192 48M
    volume 1024 1024 32M
    volume 2048 32768 64M
    volume 512 131072 160M
    volume 4096 131072 160M
    volume 512 2097152 1G
fi
finish
