#!/bin/sh
# fds.sh - an image, and a mount point, handed over as descriptors
. "$(dirname "$0")/lib.sh"

mkdir tree
plant tree
image disk.img tree 8M -b 1024

# The image by a descriptor; its name is gone.
cp disk.img gone.img
exec 6<gone.img
rm gone.img
must "$SHALE" mount /proc/self/fd/6 dir
exec 6<&-
cmp tree/sub/data dir/sub/data || fail "/proc/self/fd: data differ"
must "$SHALE" umount dir

# Someone with the right to mounts, and leaves the rest to us.
if [ "$(id -u)" = 0 ]; then
    exec 9<>/dev/fuse
    mount -i -t fuse -o fd=9,rootmode=40000,user_id=0,group_id=0,ro \
        someone "$dir" || fail "cannot mount by hand"
    must "$SHALE" mount disk.img /dev/fd/9 --pid-file pid
    exec 9<&-
    cmp tree/sub/data dir/sub/data || fail "/dev/fd: data differ"
    pid=$(cat pid)
    umount dir
    wait_until gone "$pid" ||
        fail "/dev/fd: did not end with the mount"
fi
finish
