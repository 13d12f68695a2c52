#!/bin/sh
# check_exports.sh SHARED_LIBRARY - fail if it exports more than shale_*
set -eu

names=$(nm -D --defined-only "$1" | awk '{ print $NF }' |
        grep -vxE 'shale_[a-z0-9_]+(@@SHALE_[0-9]+)?|SHALE_[0-9]+(@@.*)?' ||
        true)
count=$(nm -D --defined-only "$1" | grep -c ' shale_')
[ -z "$names" ] || { echo "exported too: $names"; exit 1; }
[ "$count" -gt 20 ] || { echo "only $count names are exported"; exit 1; }
