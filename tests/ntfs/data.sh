#!/usr/bin/env bash
# data.sh - what NTFS does with data, byte for byte
#
# ntfs-3g writes compressed, sparse, encrypted and large files; packed files are
# put together of what wimlib makes, and a reparse point. Ours has to read what
# went in, also in random pieces, and to say so where it cannot.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_ntfs
have setfattr || skip_all "needs setfattr (attr)"

image=$work/image
theirs=$work/theirs
source=$work/source
mkdir -p "$source"

# volume OPTIONS SIZE [ARGUMENT...]: an empty one, which ntfs-3g has mounted.
volume()
{
    local options=$1

    shift
    make_ntfs "$image" "$@" && mount_3g "$image" "$theirs" "$options"
}

# reads WHAT PATH FILE [OPTIONS]
reads()
{
    if "$NTFS_READS" -o "${4:-}" "$image" "$2" "$3" 200 >"$work/log" 2>&1; then
        ok
    else
        fail "$1"
        tail -n 2 "$work/log"
    fi
}

# refused WHAT PATH PATTERN: no byte can be read, and the reason is told.
refused()
{
    if "$NTFS_READS" "$image" "$2" - >"$work/log" 2>&1 &&
        grep -q "$3" "$work/log"; then
        ok
    else
        fail "$1"
        tail -n 2 "$work/log"
    fi
}

# Files at the edges of chunks, clusters and units; easy, hard and mixed.
make_source()
{
    local size

    seq 1 400000 >"$work/text"
    head -c 1500000 /dev/urandom >"$work/noise"
    for size in 0 1 600 4095 4096 4097 8191 16384 32768 65535 65536 65537 \
        131072 200001; do
        head -c "$size" "$work/text" >"$source/text-$size"
    done
    for size in 5000 65536 66000 300000; do
        head -c "$size" "$work/noise" >"$source/noise-$size"
        head -c "$size" /dev/zero >"$source/zeros-$size"
    done
    cat "$work/text" >"$source/long"
    # Units of every kind in one file, and chunks of every kind in a unit.
    {
        head -c 70000 "$work/text"
        head -c 70000 "$work/noise"
        head -c 200000 /dev/zero
        head -c 5000 "$work/noise"
        head -c 3000 "$work/text"
        head -c 5000 "$work/noise"
        head -c 100000 "$work/text"
        head -c 140000 /dev/zero
        echo end
    } >"$source/mixed"
    if ! is_quick; then
        cat "$SHALE" >"$source/program"
    fi
}

# ------------------------------------------------------------- compressed

compressed()
{
    local file

    volume compression 96M "$@" || return 0
    mkdir "$theirs/c"
    setfattr -h -v 0x10080000 -n system.ntfs_attrib "$theirs/c"
    cp "$source"/* "$theirs/c/"
    # In pieces that do not end where units do.
    dd if="$source/mixed" of="$theirs/c/pieces" bs=7001 status=none
    cp "$source/mixed" "$source/pieces"
    # A hole, which nobody wrote, between units.
    truncate -s 1000000 "$source/gap" "$theirs/c/gap"
    for file in "$source/gap" "$theirs/c/gap"; do
        head -c 30000 "$work/text" |
            dd of="$file" bs=1000 seek=777 conv=notrunc status=none
    done
    unmount_3g "$theirs"
    ntfsinfo -F c/long "$image" >"$work/log" 2>&1 || true
    grep -q COMPRESSED "$work/log" ||
        fail "compressed $*: ntfs-3g did not compress"
    for file in "$source"/*; do
        reads "compressed $*: ${file##*/}" "/c/${file##*/}" "$file"
    done
    rm "$source/pieces" "$source/gap"
}

# ------------------------------------------------------ sparse, and large

islands()
{
    local file=$1 at

    truncate -s "$2" "$file"
    for at in 0 1 1048575 268435456 4294967295 4294967296 5368709119; do
        head -c 9000 "$work/noise" |
            dd of="$file" bs=4096 seek="$at" oflag=seek_bytes conv=notrunc \
                status=none
    done
}

sparse()
{
    volume rw 64M || return 0
    islands "$work/islands" 5G
    islands "$theirs/islands" 5G
    truncate -s 100000 "$theirs/hole" "$work/hole"
    truncate -s 1T "$theirs/vast" "$work/vast"
    unmount_3g "$theirs"
    reads "sparse: islands past 4 GiB" /islands "$work/islands"
    reads "sparse: nothing but a hole" /hole "$work/hole"
    reads "sparse: a hole of 1 TiB" /vast "$work/vast"
    rm "$work/islands" "$work/vast"
}

# Clusters of any size: by the largest ones a small file has two MiB.
clusters()
{
    local size=$1 file

    volume rw "$2" -c "$size" || return 0
    cp "$source"/* "$theirs/"
    islands "$work/islands" 5G
    islands "$theirs/islands" 5G
    unmount_3g "$theirs"
    for file in "$source"/text-* "$source/mixed" "$work/islands"; do
        reads "clusters of $size: ${file##*/}" "/${file##*/}" "$file"
    done
    rm "$work/islands"
}

# A file in hundreds of runs, which need more than one record.
pieces()
{
    local i

    volume rw 64M -c 512 || return 0
    for ((i = 0; i < 600; i++)); do
        dd if="$work/noise" bs=512 skip="$i" count=1 status=none \
            >>"$theirs/one"
        dd if="$work/noise" bs=512 skip="$((i + 600))" count=1 status=none \
            >>"$theirs/two"
    done
    unmount_3g "$theirs"
    head -c 307200 "$work/noise" >"$work/one"
    reads "pieces: a file in many runs" /one "$work/one"
}

# ------------------------------------------------------------------ packed

# blobs WIM: for each that is compressed: SHA-1, size, packed size, offset
blobs()
{
    wiminfo "$1" --blobs | awk '
        /^Hash/ { hash = substr($3, 3) }
        /^Uncompressed size/ { size = $4 }
        /^Compressed size/ { packed = $4 }
        /^Offset in WIM/ { at = $5 }
        /^Flags/ && /COMPRESSED/ && !/METADATA/ {
            print tolower(hash), size, packed, at
        }'
}

# pack_put FILE ALGORITHM NAME: FILE, as the archive has it, to the volume.
pack_put()
{
    local hash size packed at

    hash=$(sha1sum "$1" | cut -c 1-40)
    read -r size packed at < <(sed -n "s/^$hash //p" "$work/blobs") || return
    truncate -s "$size" "$theirs/$3"
    tail -c "+$((at + 1))" "$work/wim" | head -c "$packed" \
        >"$theirs/$3:WofCompressedData" || true
    setfattr -h -n system.ntfs_reparse_data -v \
        "0x1700008010000000010000000200000001000000${2}000000" "$theirs/$3"
}

# packed WHAT ALGORITHM CHUNK TYPE
packed()
{
    local file done=()

    rm -f "$work/wim"
    wimcapture "$source" "$work/wim" --compress="$4" --chunk-size="$3" \
        --no-acls >"$work/log" 2>&1 || {
        fail "$1: wimcapture"
        return
    }
    blobs "$work/wim" >"$work/blobs"
    volume streams_interface=windows 64M || return 0
    for file in "$source"/*; do
        if pack_put "$file" "$2" "${file##*/}"; then
            done+=("$file")
        fi
    done
    unmount_3g "$theirs"
    [ ${#done[@]} -ge 10 ] || fail "$1: only ${#done[@]} files were packed"
    for file in "${done[@]}"; do
        reads "$1: ${file##*/}" "/${file##*/}" "$file"
    done
}

packed_all()
{
    if ! have wimcapture; then
        skip packed "needs wimcapture (wimtools)"
        return
    fi
    packed XPRESS4K 00 4096 XPRESS
    packed XPRESS8K 02 8192 XPRESS
    packed XPRESS16K 03 16384 XPRESS
    packed LZX 01 32768 LZX
}

# What wimlib puts into a volume by itself.
applied()
{
    local file

    have wimapply || return 0
    make_ntfs "$image" 64M || return 0
    rm -f "$work/wim"
    wimcapture "$source" "$work/wim" --no-acls >"$work/log" 2>&1
    wimapply "$work/wim" 1 "$image" >"$work/log" 2>&1 || {
        fail "wimapply"
        return
    }
    for file in "$source"/*; do
        reads "applied: ${file##*/}" "/${file##*/}" "$file"
    done
}

# The last byte that has entries of four bytes, and the first that has not.
packed_wide()
{
    local size

    is_long && have wimcapture || return 0
    for size in 4294967295 4294967296; do
        rm -rf "$work/wide" "$work/wim"
        mkdir "$work/wide"
        head -c 5000 "$work/text" >"$work/wide/file"
        truncate -s "$size" "$work/wide/file"
        wimcapture "$work/wide" "$work/wim" --compress=XPRESS \
            --chunk-size=16384 --no-acls >/dev/null 2>&1
        blobs "$work/wim" >"$work/blobs"
        volume streams_interface=windows 256M || continue
        pack_put "$work/wide/file" 03 file || fail "wide $size: not packed"
        unmount_3g "$theirs"
        reads "wide $size" /file "$work/wide/file"
    done
}

# --------------------------------------------------- elsewhere, encrypted

# reparse NAME TAG DATA: a file of 5000 bytes with that, in hexadecimal
reparse()
{
    truncate -s 5000 "$theirs/$1"
    setfattr -h -n system.ntfs_reparse_data -v \
        "0x$2$(printf '%02x000000' $((${#3} / 2)))$3" "$theirs/$1"
}

elsewhere()
{
    volume rw 16M || return 0
    reparse dedup 13000080 01020304
    reparse hsm 040000c0 01020304
    reparse cloud 1a700090 01020304
    setfattr -h -n system.ntfs_attrib -v 0x20144000 "$theirs/cloud"
    reparse wimboot 17000080 \
        010000000100000000000000000000000000000000000000
    reparse unpacked 17000080 01000000020000000100000000000000
    reparse newer 17000080 01000000020000000100000009000000
    unmount_3g "$theirs"
    refused "a deduplicated file" /dedup "chunk store"
    refused "a migrated file" /hsm hierarchical
    refused "a placeholder of a cloud's" /cloud "in a cloud"
    refused "a file in an archive" /wimboot WIMBoot
    refused "a packed file without data" /unpacked "lacks the data"
    refused "a packed file of another kind" /newer "not known"
}

# ntfs-3g takes raw data as it gives it: whole sectors, and what is too much.
encrypted()
{
    volume efs_raw 16M || return 0
    {
        head -c 5120 "$work/noise"
        printf '\30\0'
    } >"$work/raw"
    cp "$work/raw" "$theirs/secret"
    setfattr -n system.ntfs_efsinfo -v "0x$(printf '60%0190d' 0)" \
        "$theirs/secret"
    unmount_3g "$theirs"
    ntfsinfo -F secret "$image" >"$work/log" 2>&1 || true
    if ! grep -q ENCRYPTED "$work/log"; then
        skip encrypted "ntfs-3g does not make such files"
        return
    fi
    refused "an encrypted file" /secret "is encrypted"
    "$SHALE" cat "$image:/secret" >/dev/null 2>"$work/log" || true
    if grep -q "option efs_raw" "$work/log"; then
        ok
    else
        fail "an encrypted file: $(tail -n 1 "$work/log")"
    fi
    reads "an encrypted file, raw" /secret "$work/raw" efs_raw
}

make_source
compressed -c 4096
compressed -c 512
if ! is_quick; then
    compressed -c 1024
    compressed -c 2048
fi
sparse
pieces
clusters 65536 256M
clusters 131072 256M
is_quick || clusters 2097152 1G
packed_all
applied
packed_wide
elsewhere
encrypted
finish
