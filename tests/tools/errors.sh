#!/usr/bin/env bash
# errors.sh - messages and exit statuses
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have mke2fs || skip_all "needs mke2fs (e2fsprogs)"

tree=$work/tree
img=$work/disk.img
mkdir -p "$tree/etc"
head -c 400000 /dev/urandom >"$tree/etc/data"
echo ok >"$tree/etc/fine"
ln -s /nowhere "$tree/dangling"
ln -s loop "$tree/loop"
mkfifo "$tree/fifo"
make_image "$img" 8M -b 1024 -d "$tree"

# usage
for verb in ls tree cat stat cp extents info rm mv attr label; do
    status "$verb: no image" 2 "$SHALE" "$verb"
    status "$verb: no such image" 2 "$SHALE" "$verb" "$work/no.img" /x "$work/y"
    status "$verb: -p 0" 2 "$SHALE" "$verb" -p 0 "$img" x
    says "$verb: -p 0" "no such partition number: '0'"
    status "$verb: --offset x" 2 "$SHALE" "$verb" --offset 12q "$img" x
    says "$verb: --offset x" "not an offset: '12q'"
    status "$verb: -p and --offset" 2 "$SHALE" "$verb" -p 1 --offset 0 "$img" x
    status "$verb: -t" 2 "$SHALE" "$verb" -t xfs "$img" x
    says "$verb: -t" "unknown filesystem type 'xfs'"
    status "$verb: -o" 2 "$SHALE" "$verb" -o sb=1,frob=2 "$img" x
    says "$verb: -o" "unknown filesystem option 'frob'"
done
status "an offset that wraps" 2 "$SHALE" ls --offset 18014398509481984K "$img"
says "an offset that wraps" "not an offset"
status "an offset past the end" 2 "$SHALE" ls --offset 1G "$img"
says "an offset past the end" "past the image's end"
status "a superblock past the end" 2 "$SHALE" ls -o sb=131072 "$img"
says "a superblock past the end" "superblock would lie past the volume's end"
status "a superblock nowhere" 2 "$SHALE" ls -o sb=first "$img"
says "a superblock nowhere" "not a place for a superblock"
status "a directory for an image" 2 "$SHALE" ls "$work"
says "a directory for an image" "directory"
status "a device for an image" 2 "$SHALE" ls /dev/null
for verb in ls tree cat stat extents; do
    status "$verb: no such image, and a path" 2 "$SHALE" "$verb" "$work/no:/x"
    expect "$verb: no such image, and a path" \
        "shale: $work/no:/x: No such file or directory" "$(cat "$work/err")"
done
status "a number that looks octal" 2 "$SHALE" ls -p 010 "$img"
says "a number that looks octal" "no partition 10:"
status "cat without a path" 2 "$SHALE" cat "$img"
status "stat without a path" 2 "$SHALE" stat "$img"
status "cp without a destination" 2 "$SHALE" cp "$img:/etc/fine"

# files: each failure is told, and the others are done
status "missing" 1 "$SHALE" cat "$img" /etc/none /etc/fine
expect "missing: the message" \
    "shale: $img: /etc/none: no such file or directory" "$(cat "$work/err")"
same "missing: the other file" "$tree/etc/fine" "$work/out"
for verb in ls stat tree extents; do
    status "$verb: missing" 1 "$SHALE" "$verb" "$img:/none"
    says "$verb: missing" "$img: /none: no such file or directory"
done
status "directory" 1 "$SHALE" cat "$img:/etc"
says "directory" "/etc: is a directory"
status "fifo" 1 "$SHALE" cat "$img:/fifo"
says "fifo" "/fifo: not a regular file"
status "dangling link" 1 "$SHALE" cat "$img:dangling"
says "dangling link" "no such file"
status "loop of links" 1 "$SHALE" cat "$img:loop"
says "loop of links" "too many"
status "not a directory" 1 "$SHALE" ls "$img:/etc/fine/x"
says "not a directory" "not a directory"
status "long name" 1 "$SHALE" ls "$img:/$(printf 'n%.0s' {1..256})"
says "long name" "name too long"
status "tree of a file" 1 "$SHALE" tree "$img:/etc/fine"
expect "control characters" \
    "shale: $img: a\\033[1m\\nb: no such file or directory" \
    "$("$SHALE" cat "$img" "$(printf 'a\033[1m\nb')" 2>&1 || true)"

# a truncated image: what is there is read, the rest is an I/O error
size=$(stat -c %s "$img")
if have debugfs; then
    last=$(debugfs -R "blocks /etc/data" "$img" 2>/dev/null | tr ' ' '\n' |
        grep . | sort -n | tail -1)
    head -c $((last * 1024)) "$img" >"$work/cut.img"
    truncate -s "$size" "$work/whole.img"
    status "truncated" 1 "$SHALE" cat -q "$work/cut.img:/etc/data"
    says "truncated" "$work/cut.img: /etc/data: "
    says "truncated: place" "byte $((last * 1024)) of the image"
    got=$(stat -c %s "$work/out")
    check "truncated: a prefix" test "$got" -gt 100000
    check "truncated: the right one" \
        cmp -s -n "$got" "$tree/etc/data" "$work/out"

    # a block number off the volume: the message has the inode and the byte
    cp "$img" "$work/bad.img"
    debugfs -w -R "set_inode_field /etc/data block[5] 99999999" \
        "$work/bad.img" >/dev/null 2>&1
    ino=$(debugfs -R "stat /etc/data" "$img" 2>/dev/null |
        sed -n 's/^Inode: \([0-9]*\).*/\1/p')
    for verb in cat extents; do
        status "corrupt: $verb" 1 "$SHALE" "$verb" "$work/bad.img" /etc/data
        says "corrupt: $verb: file and reason" \
            "$work/bad.img: /etc/data: the volume is corrupt: ext2: "
        check "corrupt: $verb: place" grep -Eq \
            "\(inode $ino, byte [0-9]+ of the image\)" "$work/err"
    done
    "$SHALE" cat "$work/bad.img:/etc/data" 2>/dev/null >"$work/got" || true
    same "corrupt: what precedes" <(head -c 5120 "$tree/etc/data") "$work/got"
    # the byte is the image's, not the volume's
    byte=$(grep -oE 'byte [0-9]+' "$work/err" | cut -d ' ' -f 2)
    { head -c 1048576 /dev/zero; cat "$work/bad.img"; } >"$work/later.img"
    status "corrupt: at an offset" 1 "$SHALE" cat --offset 1M \
        "$work/later.img:/etc/data"
    says "corrupt: at an offset" "byte $((byte + 1048576)) of the image"
    # and the fault is not pinned on the next file
    status "one corrupt, one missing" 1 "$SHALE" cat "$work/bad.img" \
        /etc/data /none
    expect "one corrupt, one missing" \
        "shale: $work/bad.img: /none: no such file or directory" \
        "$(tail -n 1 "$work/err")"
    # an inode that cannot be used: ls says whose, from the root on
    cp "$img" "$work/inode.img"
    debugfs -w -R "set_inode_field /etc/fine extra_isize 9999" \
        "$work/inode.img" >/dev/null 2>&1
    status "corrupt inode: ls" 1 "$SHALE" ls -lR "$work/inode.img"
    says "corrupt inode: ls" "$work/inode.img: /etc/fine: the volume is corrupt"
    # attributes that cannot be listed: the rest is told
    cp "$img" "$work/xattr.img"
    debugfs -w -R "set_inode_field /etc/data file_acl $last" \
        "$work/xattr.img" >/dev/null 2>&1
    status "corrupt xattrs: stat" 1 "$SHALE" stat --json \
        "$work/xattr.img:/etc/data"
    says "corrupt xattrs: stat" "$work/xattr.img: /etc/data: the volume is corr"
    check "corrupt xattrs: stat" grep -q '"xattrs": *\[\]' "$work/out"
else
    skip "damage" "needs debugfs"
fi

# nothing is written, ever
chmod 444 "$img"
before=$(cksum <"$img")
for verb in info ls tree; do "$SHALE" "$verb" "$img" >/dev/null; done
expect "the image is as it was" "$before" "$(cksum <"$img")"
finish
