#!/usr/bin/env bash
# ntfs-packed.sh OUTPUT.img.gz - forces: data that has to be unpacked
#
# Needs root, for mounts by ntfs-3g, and wimlib. The same files, compressed by
# NTFS in c/, and packed by WOF in all four ways, as wimlib's archives have them
# for WIMs. What goes in is printed: its SHA-256, and where. Clusters have 512
# bytes, so that units have 8 KiB. What patches bytes of the image, in
# tests/bad/, goes by the one that is kept.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
PATH=$PATH:/usr/sbin:/sbin

out=${1:?usage: ntfs-packed.sh OUTPUT.img.gz}
out=$(realpath "$out")
work=$(mktemp -d)
trap 'umount "$work/mnt" 2>/dev/null || true; rm -rf "$work"' EXIT

# through OPTIONS COMMAND...: with the volume mounted so.
through()
{
    local options=$1

    shift
    ntfs-3g -o "$options" "$work/image" "$work/mnt"
    "$@"
    sync -f "$work/mnt"
    umount "$work/mnt"
    while fuser -s "$work/image" 2>/dev/null; do sleep 0.1; done
}

make_source()
{
    seq 1 5000 >"$work/source/text"
    head -c 70000 /dev/zero >"$work/source/zeros"
    {
        head -c 9000 "$work/source/text"
        seq 1 9000 | gzip -9n | head -c 9000
        head -c 50000 /dev/zero
        echo end
    } >"$work/source/mixed"
    echo short >"$work/source/short"
}

compress()
{
    mkdir "$work/mnt/c"
    setfattr -h -v 0x10080000 -n system.ntfs_attrib "$work/mnt/c"
    cp "$work/source"/* "$work/mnt/c/"
}

# blobs: for each one packed in the archive: SHA-1, size, packed size, offset
blobs()
{
    wiminfo "$work/wim" --blobs | awk '
        /^Hash/ { hash = substr($3, 3) }
        /^Uncompressed size/ { size = $4 }
        /^Compressed size/ { packed = $4 }
        /^Offset in WIM/ { at = $5 }
        /^Flags/ && /COMPRESSED/ && !/METADATA/ {
            print tolower(hash), size, packed, at
        }'
}

# pack DIR ALGORITHM
pack()
{
    local file name hash size packed at

    mkdir "$work/mnt/$1"
    for file in "$work/source"/*; do
        name=$work/mnt/$1/${file##*/}
        hash=$(sha1sum "$file" | cut -c 1-40)
        read -r size packed at < <(blobs | sed -n "s/^$hash //p") || continue
        truncate -s "$size" "$name"
        tail -c "+$((at + 1))" "$work/wim" >"$work/tail"
        head -c "$packed" "$work/tail" >"$name:WofCompressedData"
        setfattr -h -n system.ntfs_reparse_data -v \
            "0x1700008010000000010000000200000001000000${2}000000" "$name"
        echo "$(sha256sum <"$file" | cut -c 1-64)  $1/${file##*/}"
    done
}

mkdir "$work/mnt" "$work/source"
make_source
truncate -s 2M "$work/image"
mkntfs -F -Q -q -s 512 -c 512 -p 0 -H 0 -S 0 -L packed "$work/image" \
    >"$work/log"
through compression compress
while read -r dir algorithm kind chunk; do
    rm -f "$work/wim"
    wimcapture "$work/source" "$work/wim" --compress="$kind" \
        --chunk-size="$chunk" --no-acls >"$work/log"
    through streams_interface=windows pack "$dir" "$algorithm"
done <<'LIST'
xpress4k 00 XPRESS 4096
xpress8k 02 XPRESS 8192
xpress16k 03 XPRESS 16384
lzx 01 LZX 32768
LIST
(cd "$work/source" && sha256sum ./*)
gzip -9n <"$work/image" >"$out"
