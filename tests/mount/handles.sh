#!/bin/sh
# handles.sh - file handles, as an NFS server uses them, outlive every cache
. "$(dirname "$0")/lib.sh"
need_root
need debugfs

mkdir -p tree/one/two
echo data >tree/one/two/file
image disk.img tree 4M -b 1024
must "$SHALE" mount disk.img dir -o ro
file=$("$PROBE" handle dir/one/two/file)
two=$("$PROBE" handle dir/one/two)
root=$("$PROBE" handle dir)
expect_match "a handle" '*:*' "$file"
of_file=$(stat -c %i dir/one/two/file)
of_two=$(stat -c %i dir/one/two)
of_one=$(stat -c %i dir/one)

drop() {
    sync
    echo 3 >/proc/sys/vm/drop_caches
}
open_all() {
    expect "$1: file" "ino $of_file" "$("$PROBE" open dir "$file")"
    expect "$1: directory" "ino $of_two parent $of_one" \
        "$("$PROBE" open dir "$two" | xargs)"
    expect_match "$1: root" "ino 2 *" "$("$PROBE" open dir "$root" | xargs)"
}
open_all "cached"
drop
open_all "after dropping caches"
must "$SHALE" umount dir

# The number belongs to another file now, or to none.
debugfs -w -R "set_inode_field <$of_file> generation 4711" disk.img \
    2>/dev/null
must "$SHALE" mount disk.img dir -o ro
expect "a reused number" ESTALE "$("$PROBE" open dir "$file")"
must "$SHALE" umount dir
debugfs -w -R "rm one/two/file" disk.img 2>/dev/null
must "$SHALE" mount disk.img dir -o ro
expect "a freed number" ESTALE "$("$PROBE" open dir "$file")"
open_two=$("$PROBE" open dir "$two" | xargs)
expect "its directory" "ino $of_two parent $of_one" "$open_two"
must "$SHALE" umount dir
finish
