#!/usr/bin/env bash
# names.sh - names of NTFS: their case and their order, and without an index
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_ntfs
# Names that are not ASCII have to be the same for all.
export LC_ALL=C.UTF-8
names=$ntfs/names.py
image=$work/image

# numbers WHAT [OPTION]: our mount has the names of $work/want, and each leads
# to the same file.
numbers()
{
    if mount_shale "$image" "$work/mnt" -o "ro${2:+,$2}" 2>"$work/log"; then
        python3 "$names" numbers "$work/mnt/dir" >"$work/got" 2>"$work/log" ||
            fail "$1: $(tail -n 1 "$work/log")"
        unmount "$work/mnt"
        same "$1" "$work/want" "$work/got"
    else
        fail "$1: mount"
    fi
}

# 4 KiB of an index are one cluster, several, or a part of one.
for cluster in 4096 512 65536; do
    make_ntfs "$image" 64M -c "$cluster" || continue
    mount_3g "$image" "$work/fill" rw
    mkdir "$work/fill/dir"
    python3 "$names" fill "$work/fill/dir"
    directory=$(stat -c %i "$work/fill/dir")
    unmount_3g "$work/fill"
    mount_3g "$image" "$work/3g" ro
    python3 "$names" numbers "$work/3g/dir" >"$work/want"
    unmount_3g "$work/3g"

    numbers "clusters of $cluster"
    numbers "clusters of $cluster, with case" case_sensitive
    numbers "clusters of $cluster, sound, with recover" recover

    python3 "$names" spoil "$image" "$directory" 17
    if "$SHALE" ls "$image:/dir" >"$work/got" 2>"$work/log"; then
        fail "clusters of $cluster: a bad block goes unnoticed"
    elif grep -q 'found damaged before' "$work/log"; then
        ok
    else
        fail "clusters of $cluster: $(head -n 1 "$work/log")"
    fi
    numbers "clusters of $cluster, one block lost" recover
    python3 "$names" spoil "$image" "$directory" all
    numbers "clusters of $cluster, all blocks lost" recover
done

# Short names lead to their file in any case, and are not listed.
make_ntfs "$image" 16M -c 4096
mount_3g "$image" "$work/fill" rw
long="A long name, of a file.text"
echo text >"$work/fill/$long"
python3 - "$work/fill/$long" <<'END'
import os, sys
os.setxattr(sys.argv[1], "system.ntfs_dos_name", b"ALONGN~1.TEX")
END
unmount_3g "$work/fill"
for spelling in ALONGN~1.TEX alongn~1.tex "a LONG name, of a file.TEXT"; do
    same "$spelling" <(echo text) <("$SHALE" cat "$image:/$spelling" 2>&1)
done
same "no short names" <(echo "$long") <("$SHALE" ls "$image")
same "not without their case" <(echo 1) <(
    status=0
    "$SHALE" cat -o case_sensitive "$image:/alongn~1.tex" >"$work/got" 2>&1 ||
        status=$?
    echo $status
)
finish
