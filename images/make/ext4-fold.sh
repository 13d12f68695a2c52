#!/usr/bin/env bash
# ext4-fold.sh OUTPUT.img.gz - forces: directories that fold case
#
# One of a block, one of several, one with an index: names of ASCII, of
# characters that become several or are left out, of Hangul, of no text at all.
# Fixed times and identifiers, as in ext4-small.sh.
set -euo pipefail
export LC_ALL=C E2FSPROGS_FAKE_TIME=1700000000
PATH=$PATH:/usr/sbin:/sbin

out=${1:?usage: ext4-fold.sh OUTPUT.img.gz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/image
umask 022

cd "$work"
mke2fs -q -F -t ext4 -b 1024 -I 256 -N 256 -L golden4f \
    -U 5a1e5a1e-0000-4000-8000-00005a1e0008 \
    -E hash_seed=5a1e5a1e-0000-4000-8000-00005a1e0009,encoding=utf8 \
    -O none,ext_attr,dir_index,filetype,sparse_super,extent,casefold \
    "$image" 512 >log

: >empty
# strasse, cafe, Istanbul and so on, as bytes of UTF-8.
names=(
    $'Hello'
    $'stra\xc3\x9fe'
    $'caf\xc3\xa9'
    $'\xc4\xb0stanbul'
    $'\xed\x95\x9c\xea\xb8\x80'
    $'\xe1\xba\x9b\xcc\xa3'
    $'a\xe2\x80\x8bb'
    $'\xc7\x85'
    $'\xef\xac\x83x'
    $'\xce\xa3\xcf\x83'
)
{
    for dir in short long index; do
        echo "mkdir $dir"
        echo "sif $dir flags 0x40080000"
        echo "cd /$dir"
        for name in "${names[@]}"; do
            echo "write empty $name"
        done
        if [ "$dir" = short ]; then
            # e2fsck would not sort a directory with this in it.
            echo $'write empty no\xfftext'
        else
            for n in $(seq 11 70); do
                echo "write empty Name-$n-$(printf "%060d" "$((n * n * n))")"
            done
        fi
        echo 'cd /'
    done
} >script
debugfs -w -f script "$image" >log 2>&1
if grep -v '^debugfs' log | grep -v '^Allocated inode' | grep .; then
    exit 1
fi
# Directories of several blocks get an index from e2fsck, by folded names;
# /long loses it again.
e2fsck -fyD "$image" >log 2>&1 || [ $? = 1 ]
{
    echo 'sif long flags 0x40080000'
    # When this ran must not be in a golden.
    echo 'set_super_value lastcheck @1700000000'
    for n in 2 $(seq 11 165); do
        for field in atime mtime ctime crtime; do
            echo "sif <$n> $field @1700000000"
        done
    done
} >script
debugfs -w -f script "$image" >log 2>&1
cd - >/dev/null
gzip -9nc "$image" >"$out"
