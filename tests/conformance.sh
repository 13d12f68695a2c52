#!/usr/bin/env bash
# conformance.sh PROGRAM...: every golden image shows its recorded tree
#
# PROGRAM is dumptree, perhaps with an emulator before it. images/NAME.tree is
# what an independent reader found in images/NAME.img.gz: the kernel or, for the
# names, bytes and times on FAT, mtools. On NTFS that is ntfs-3g, but for what is
# by design ours: a directory has one link, owners and modes by WSL's EAs, holes,
# and where junctions lead is said from them on.
set -euo pipefail
export LC_ALL=C

images=$(cd "$(dirname "$0")/../images" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/shale-conformance.XXXXXX")
trap 'rm -rf "$work"' EXIT
count=0
failed=0

# check NAME [ARGUMENT...]: one way to open one image.
check()
{
    local name=$1

    shift
    count=$((count + 1))
    "${program[@]}" -H "$@" "$work/image" >"$work/got" || true
    cmp -s "$images/$name.tree" "$work/got" || {
        failed=$((failed + 1))
        echo "FAILED: $name $*"
        diff "$images/$name.tree" "$work/got" | head -n 10 | cut -c 1-300
    }
}

program=("$@")
for golden in "$images"/*.img.gz; do
    name=$(basename "$golden" .img.gz)
    gzip -dc "$golden" >"$work/image"
    case $name in
    ntfs-packed)
        # What is packed would be shown once more, as extended attributes. Of
        # these trees the recipe knows the hashes; ntfs-3g does not unpack.
        check "$name" -o streams_interface=none
        continue
        ;;
    esac
    check "$name"
    case $name in
    ext2-small)
        # By its backup superblock, and as a part of something bigger.
        check "$name" -o sb=513
        { head -c 1048576 /dev/zero; gzip -dc "$golden"; } >"$work/image"
        check "$name" -O 1048576
        ;;
    ntfs-small)
        check "$name" -o efs_raw,case_sensitive
        # By its backup boot sector, and by what the options say.
        { head -c 512 /dev/zero; gzip -dc "$golden" | tail -c +513; } \
            >"$work/image"
        check "$name" -t ntfs
        check "$name" -t ntfs -o mft=32,cluster=512
        ;;
    fat12-small)
        { head -c 1536 /dev/zero; gzip -dc "$golden"; } >"$work/image"
        check "$name" -O 1536
        ;;
    esac
done
echo "conformance: $((count - failed)) passed, $failed failed"
[ "$failed" = 0 ] && [ "$count" -gt 0 ]
