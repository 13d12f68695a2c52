#!/bin/sh
# private-names.sh - rename what is not public in an installed archive
#
#     private-names.sh NM OBJCOPY ARCHIVE
#
# The core's files call each other by names such as ext2_inode_load, which a
# program that also links libext2fs may have of its own. Here every global name
# that ARCHIVE defines and that does not begin with shale_ gets a prefix. The
# archive keeps its members, so that a linker still drops unused drivers, which
# joining all into one object and hiding the names would prevent.
set -eu

nm=$1 objcopy=$2 archive=$3
names=$(mktemp)
trap 'rm -f "$names"' EXIT

"$nm" -g --defined-only "$archive" |
    awk 'NF == 3 && $3 !~ /^shale_/ { print $3, "shale__" $3 }' |
    sort -u >"$names"
[ ! -s "$names" ] || "$objcopy" --redefine-syms="$names" "$archive"
