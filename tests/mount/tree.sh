#!/bin/sh
# tree.sh - the mount shows what was put in, and what the kernel shows
. "$(dirname "$0")/lib.sh"

# What mke2fs -d keeps of a tree: times in seconds, and no directory's size.
kept() {
    list "$1" '%y|%s|%P|%m|%U|%G|%n|%Ts|%l\n' | sed 's/^d|[0-9]*/d/' | sort
}

# All that stat(2) tells.
all='%P|%y|%m|%U|%G|%n|%s|%T@|%A@|%C@|%l|%i|%b\n'

mkdir tree kernel
plant tree
mkdir tree/many
(cd tree/many && seq -f 'a name that is rather long, number %05g' 1 2000 |
    xargs -d '\n' touch)
long=$(printf '%0255d' 0)
echo long >"tree/$long"
if [ "$(id -u)" = 0 ]; then
    mknod tree/null c 1 3
    mknod tree/disk b 4095 1048575
    chown 4242:70000 tree/sub/data
    setfacl -m u:1234:rw tree/hello 2>/dev/null || note "no ACLs here"
    setfattr -n trusted.secret -v 0xdeadbeef tree/sub 2>/dev/null
fi

compare_with_kernel() {
    [ "$(id -u)" = 0 ] || return 0
    if ! mount -t ext2 -o loop,ro "$1" kernel 2>/dev/null; then
        note "no loop mount: not compared with the kernel's ext2"
        return 0
    fi
    list kernel "$all" >kernel.list
    list "$dir" "$all" >shale.list
    cmp kernel.list shale.list || {
        diff kernel.list shale.list | head -5
        fail "$2: metadata differs from the kernel's"
    }
    contents kernel >kernel.contents
    contents "$dir" >shale.contents
    cmp kernel.contents shale.contents ||
        fail "$2: contents differ from the kernel's"
    for device in null disk; do
        expect "$2: $device" "$(stat -c %t:%T "kernel/$device")" \
            "$(stat -c %t:%T "$dir/$device")"
    done
    # Not the total: ext2 and ext4 subtract different metadata from it.
    expect "$2: statfs" "$(stat -f -c '%f %a %c %d %s %l' kernel)" \
        "$(stat -f -c '%f %a %c %d %s %l' "$dir")"
    umount kernel
}

# The hole map is the block map's, so one block finer than the host's file.
check_holes() {
    expect "$1: holes" "1998848-2002944 ENXIO size 5000000" \
        "$("$PROBE" map "$dir/sparse")"
    expect "$1: blocks of a sparse file" 1 \
        "$(($(stat -c %b "$dir/sparse") < 100))"
}

while read -r name options; do
    # shellcheck disable=SC2086
    image "$name.img" tree 24M $options
    must "$SHALE" mount "$name.img" "$dir" -o ro
    kept tree >tree.list
    kept "$dir" >shale.list
    cmp tree.list shale.list || {
        diff tree.list shale.list | head -5
        fail "$name: differs from the tree"
    }
    contents tree >tree.contents
    contents "$dir" >shale.contents
    cmp tree.contents shale.contents || fail "$name: contents differ"
    compare_with_kernel "$name.img" "$name"
    [ "$name" != k4 ] || check_holes "$name"
    expect "$name: telldir" "2002 entries, 0 wrong" \
        "$("$PROBE" telldir "$dir/many")"
    # Once more, now from the kernel's caches.
    kept "$dir" >shale.list
    cmp tree.list shale.list || fail "$name: the second look differs"
    must "$SHALE" umount "$dir"
done <<'END'
k1 -b 1024 -I 128
k2 -b 2048 -I 256
k4 -b 4096 -I 256
linear -b 1024 -I 1024 -O ^dir_index
meta -b 1024 -O meta_bg,^resize_inode
old -b 1024 -I 128 -O none,ext_attr
END
finish
