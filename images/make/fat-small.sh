#!/usr/bin/env bash
# fat-small.sh BITS OUTPUT.img.gz - forces: one of everything FAT has
#
# BITS is 12, 16 or 32; clusters are a sector each. Written by mkfs.fat and
# mtools, with fixed times and identifiers, so that two runs are bit for bit
# the same: tests/bad/ patches bytes of it.
set -euo pipefail
export LC_ALL=C.UTF-8 TZ=UTC SOURCE_DATE_EPOCH=1700000000
export MTOOLS_SKIP_CHECK=1 MTOOLSRC=/dev/null
PATH=$PATH:/usr/sbin:/sbin

bits=${1:?usage: fat-small.sh BITS OUTPUT.img.gz}
out=${2:?usage: fat-small.sh BITS OUTPUT.img.gz}
out=$(realpath "$out")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/image
case $bits in
12) size=1440K ;;
16) size=4M ;;
32) size=34M ;;
*) echo "fat-small.sh: 12, 16 or 32 bits" >&2; exit 2 ;;
esac

# bytes N: text no two sectors of which are alike, but which packs well.
bytes() { seq -f '%-511.0f' 1 "$1" | head -c "$1" || true; }

# put FILE NAME: with the time of FILE, which is always the same.
put() { touch -d @1600000000 "$1"; mcopy -m -Q -i "$image" "$1" "::$2"; }

cd "$work"
truncate -s "$size" "$image"
mkfs.fat -F "$bits" -s 1 -S 512 -i 5a1e5a1e -n GOLDEN --invariant "$image" \
    >log
echo 'Hello from FAT.' >hello
: >empty
bytes 512 >one
bytes 513 >two
bytes 20000 >many

put hello HELLO.TXT
put empty empty
put one 'exactly one cluster'
put two 'one cluster and a byte'
put hello 'thirteen unit'
put hello 'fourteen units'
put hello 'twenty-six units, as it is'
put empty "$(printf '%.255d' 0)"
put hello 'Grüße ☃.txt'
put hello lower.txt
put hello 'a  b'

# A file in pieces: between others, which go.
for i in 1 2 3 4 5 6 7 8; do
    bytes 1024 >"hole$i"
    put "hole$i" "HOLE$i"
done
mdel -i "$image" ::HOLE1 ::HOLE3 ::HOLE5 ::HOLE7
put many 'in pieces'
mdel -i "$image" ::HOLE2

# A directory of several clusters, with gaps; one that is deep; an empty one.
mmd -i "$image" ::directory ::directory/deep ::directory/deep/er ::EMPTYDIR
for i in $(seq 100 139); do
    put empty "directory/file number $i"
done
mdel -i "$image" '::directory/file number 11*'
put hello directory/deep/er/hello
mattrib -i "$image" +r ::HELLO.TXT
mattrib -i "$image" +h +s ::empty
mattrib -i "$image" +r ::EMPTYDIR

gzip -9 -n <"$image" >"$out"
