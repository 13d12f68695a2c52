#!/usr/bin/env bash
# ntfs-small.sh OUTPUT.img.gz - forces: one of everything NTFS has, in a few KiB
#
# Needs root, for a mount by ntfs-3g. Clusters of 512 bytes, so that small files
# have runs. Times and identifiers are those of the day that it is made: what
# patches bytes of it, in tests/bad/, goes by the image that is kept.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC
PATH=$PATH:/usr/sbin:/sbin

out=${1:?usage: ntfs-small.sh OUTPUT.img.gz}
out=$(realpath "$out")
here=$(cd "$(dirname "$0")" && pwd)
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

mkdir "$work/mnt"
truncate -s 4M "$work/image"
mkntfs -F -Q -q -s 512 -c 512 -p 0 -H 0 -S 0 -L golden "$work/image" >"$work/log"
through streams_interface=xattr,compression \
    python3 "$here/../../tests/ntfs/fill.py" "$work/mnt" golden
through special_files=wsl \
    python3 "$here/../../tests/ntfs/fill.py" "$work/mnt" golden_wsl
through permissions \
    python3 "$here/../../tests/ntfs/fill.py" "$work/mnt" golden_owners
gzip -9n <"$work/image" >"$out"
