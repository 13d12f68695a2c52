#!/usr/bin/env bash
# ext2-sample.sh OUTPUT - forces: nothing; a friendly little tree, for the demo
set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

out=${1:?usage: ext2-sample.sh OUTPUT}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/tree" "$work/tree/letters" "$work/tree/numbers"
echo 'This file is inside an ext2 volume.' >"$work/tree/README"
for letter in a b c; do
    echo "The letter $letter." >"$work/tree/letters/$letter"
done
ln "$work/tree/letters/a" "$work/tree/letters/also-a"
ln -s ../README "$work/tree/letters/read-me"
seq 1 10000 >"$work/tree/numbers/ten-thousand"
truncate -s 1G "$work/tree/sparse"
mke2fs -q -F -t ext2 -L sample -d "$work/tree" "$out" 8m \
    </dev/null >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
