#!/bin/sh
# run.sh - build the core's queue and once beside their peers, and measure
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../..
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

${CC:-cc} -std=c11 -D_GNU_SOURCE -O2 -I"$root/include" -I"$root/vfs" \
    "$here/sync.c" "$root/mem/queue.c" "$root/mem/once.c" \
    -o "$work/sync" -pthread
"$work/sync"
