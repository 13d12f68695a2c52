#!/bin/sh
# errors.sh - each failure: one line with its cause, the right exit status, and
# nothing left mounted
. "$(dirname "$0")/lib.sh"

mkdir tree
plant tree
image disk.img tree 8M -b 1024

# Wrong usage: 1.
refuse 1 'mount what, and where?*' "$SHALE" mount
refuse 1 'mount what, and where?*' "$SHALE" mount disk.img
refuse 1 'more than an image and a directory*' "$SHALE" mount disk.img dir x
refuse 1 'unknown mount option "frobnicate"*' \
    "$SHALE" mount disk.img dir -o ro,frobnicate
refuse 1 'unknown mount option "Ro"*' "$SHALE" mount disk.img dir -o Ro
refuse 1 'option "uid" cannot be "root"*' \
    "$SHALE" mount disk.img dir -o uid=root
refuse 1 'option "uid" needs a value' "$SHALE" mount disk.img dir -o uid
refuse 1 'option "umask" cannot be "088"' \
    "$SHALE" mount disk.img dir -o umask=088
refuse 1 'option "offset" cannot be "12q"' \
    "$SHALE" mount disk.img dir -o offset=12q
refuse 1 'option "offset" cannot be "9999999999G"' \
    "$SHALE" mount disk.img dir -o offset=9999999999G
refuse 1 'option "part" cannot be "0"' "$SHALE" mount disk.img dir -p 0
refuse 1 'option "noexec" cannot be "0"' "$SHALE" mount disk.img dir -o noexec=0
refuse 1 'unknown mount option ""*' "$SHALE" mount disk.img dir -o ro,=3
refuse 1 'option "remount" is not supported: *mount -i*' \
    "$SHALE" mount disk.img dir -o remount,ro
refuse 1 'option "allow_root" is not supported: *' \
    "$SHALE" mount disk.img dir -o allow_root
refuse 1 'part= and offset= exclude each other*' \
    "$SHALE" mount disk.img dir -p 1 --offset 1M
refuse 1 'option "errors" cannot be "panic"' \
    "$SHALE" mount disk.img dir -o errors=panic
refuse 1 'option "iocharset" cannot be "iso8859-1"' \
    "$SHALE" mount disk.img dir -o iocharset=iso8859-1
refuse 1 '--ready-fd x: not a descriptor' \
    "$SHALE" mount disk.img dir --ready-fd x

# The mount point: 32.
refuse 32 'missing: no such directory; *' "$SHALE" mount disk.img missing
refuse 32 'disk.img: not a directory*' "$SHALE" mount disk.img disk.img

# The image: 32.
refuse 32 'missing.img: *' "$SHALE" mount missing.img dir
refuse 32 'tree: *' "$SHALE" mount tree dir
head -c 1M /dev/zero >zeros.img
refuse 32 'zeros.img: *' "$SHALE" mount zeros.img dir
: >empty.img
refuse 32 'empty.img: *' "$SHALE" mount empty.img dir
refuse 32 'disk.img: *' "$SHALE" mount disk.img dir --offset 1M
refuse 32 'disk.img: *' "$SHALE" mount disk.img dir -p 1
refuse 32 'disk.img: *' "$SHALE" mount disk.img dir -t ntfs
cp disk.img bad.img
printf '\377\377\377\377' | dd of=bad.img bs=1 seek=1064 conv=notrunc \
    status=none
refuse 32 'bad.img: *' "$SHALE" mount bad.img dir

# Cut off: a warning if that may do, one line if it does not; and the byte is
# the image's, also in a partition.
cp disk.img cut.img
truncate -s 3000 cut.img
refuse 32 'cut.img: *(byte * of the image)' "$SHALE" mount cut.img dir
truncate -s 1M moved.img
dd if=disk.img of=moved.img bs=1M seek=1 count=7 conv=notrunc status=none
run "$SHALE" mount moved.img dir -o ro --offset 1M
expect "status of an image cut off" 0 "$status"
expect_match "warning" \
    'shale: moved.img: *truncated*(byte 8388608 of the image)' "$said"
must "$SHALE" umount dir
refuse 32 'missing: no such directory*' \
    "$SHALE" mount moved.img missing --offset 1M
if [ "$(id -u)" = 0 ]; then
    refuse 32 'dir: cannot mount: *' \
        "$SHALE" mount moved.img dir -o offset=1M,context=none
fi

# An image that somebody writes to.
exec 8<disk.img
flock --exclusive 8
refuse 32 'disk.img: *' "$SHALE" mount disk.img dir
exec 8<&-

# The system: 2.
refuse 2 'no/such/file: *' "$SHALE" mount disk.img dir --pid-file no/such/file

# No room for the stack of a thread, which is told by its own error alone.
# (A sanitizer's threads have stacks of their own.)
if [ -z "${SANITIZED:-}" ]; then
    refuse 2 'cannot start a thread: Resource temporarily unavailable' \
        sh -c 'ulimit -s 100000000000 && exec "$0" mount disk.img dir' "$SHALE"
fi

# A pid file is removed at the end, which a device had better not be.
if [ "$(id -u)" = 0 ]; then
    mknod null c 1 3
    refuse 1 'null: not a regular file*' \
        "$SHALE" mount disk.img dir --pid-file null
    [ -c null ] || fail "a device given as pid file is gone"
fi
mkfifo fifo
refuse 2 'fifo: *' "$SHALE" mount disk.img dir --pid-file fifo

# Already there.
must "$SHALE" mount disk.img dir -o ro
refuse 32 'disk.img: already mounted on dir*' "$SHALE" mount disk.img dir
must "$SHALE" umount dir

# umount's own.
refuse 1 'unmount what?*' "$SHALE" umount
refuse 32 'dir: not mounted' "$SHALE" umount dir
refuse 32 'disk.img: not mounted' "$SHALE" umount disk.img
refuse 32 '/proc: not ours: a mount of type proc*' "$SHALE" umount /proc
mkdir other
must "$SHALE" mount disk.img dir -o ro
must "$SHALE" mount disk.img other -o ro
refuse 32 'disk.img: mounted on */dir and on */other; say which' \
    "$SHALE" umount disk.img
must "$SHALE" umount dir other

expect "left mounted" "" "$(left_mounts "$work")"
wait_until unlocked disk.img || fail "the image stayed locked"
finish
