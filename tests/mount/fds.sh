#!/bin/sh
# fds.sh - an image, and a mount point, handed over as descriptors
. "$(dirname "$0")/lib.sh"
export SHALE

mkdir tree
plant tree
image disk.img tree 8M -b 1024

# The image by a descriptor; its name is gone.
cp disk.img gone.img
exec 6<gone.img
rm gone.img
must "$SHALE" mount /proc/self/fd/6 dir -o ro
exec 6<&-
cmp tree/sub/data dir/sub/data || fail "/proc/self/fd: data differ"
must "$SHALE" umount dir

# Started without stdin, stdout and stderr: the image must not take their place.
"$SHALE" mount disk.img dir -o ro <&- >&- 2>&-
expect "status without descriptors" 0 $?
cmp tree/sub/data dir/sub/data || fail "without descriptors: data differ"
must "$SHALE" umount dir

# Descriptors that are something else.
refuse 1 '/dev/fd/77: that descriptor is not open' \
    "$SHALE" mount disk.img /dev/fd/77
for what in disk.img dir /dev/zero; do
    refuse 1 '/dev/fd/6: that descriptor is not /dev/fuse' \
        sh -c '"$SHALE" mount disk.img /dev/fd/6 6<"$0"' "$what"
done
refuse 1 '--ready-fd 77: that descriptor is not open' \
    "$SHALE" mount disk.img dir --ready-fd 77
is_mounted "$dir" && fail "mounted after a refusal"

# Someone with the right to mounts, and leaves the rest to us.
by_hand() {
    mount -i -t fuse -o "fd=$1,rootmode=40000,user_id=0,group_id=0,ro" \
        someone "$dir" || fail "cannot mount by hand"
}
handed_over() {
    cmp tree/sub/data dir/sub/data || fail "$1: data differ"
    pid=$(cat pid)
    umount dir
    wait_until gone "$pid" || fail "$1: did not end with the mount"
}
if [ "$(id -u)" = 0 ]; then
    exec 9<>/dev/fuse
    by_hand 9
    must "$SHALE" mount disk.img /dev/fd/9 -o ro --pid-file pid
    exec 9<&-
    handed_over /dev/fd/9
    exec 8<&0 <>/dev/fuse
    by_hand 0
    "$SHALE" mount disk.img /dev/fd/0 -o ro --pid-file pid || fail "/dev/fd/0"
    exec 0<&8 8<&-
    handed_over /dev/fd/0
fi
finish
