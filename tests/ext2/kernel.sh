#!/usr/bin/env bash
# kernel.sh - trees written by the kernel's own ext2, through a loop mount
#
# What the kernel shows before it unmounts is the truth; the library and a
# mount of ours have to show the same, down to nanoseconds and to where the
# holes are. Needs root and loop devices.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/tree.sh
. "$(dirname "$0")/../support/tree.sh"

is_root || skip_all "needs root, to mount images with the kernel"
can_loop || skip_all "this kernel has no loop devices or no ext2"
can_fuse || skip "mounts" "/dev/fuse cannot be used"

mnt=$work/kernel
entries=40000
! is_quick || entries=20000
! is_long || entries=100000

# The kernel's opinion of the filesystem's counters, for statfs.
counters() { stat -f -c '%s %S %b %f %a %c %d %l' "$1"; }

# compare NAME IMAGE: unmount the kernel and look at IMAGE in our two ways.
compare()
{
    local what=$1 image=$2

    sync -f "$mnt"
    "$DUMPDIR" -H "$mnt" >"$work/want"
    counters "$mnt" >"$work/want.counters"
    unmount "$mnt"

    "$DUMPTREE" -H "$image" >"$work/got" 2>&1 || true
    same "$what" "$work/want" "$work/got"
    can_fuse || return 0
    if ! mount_shale "$image" "$work/mnt" -o ro; then
        fail "$what: cannot be mounted"
        return
    fi
    "$DUMPDIR" -H "$work/mnt" >"$work/got" 2>&1 || true
    same "$what, mounted" "$work/want" "$work/got"
    # And again, by now from what the kernel keeps of us.
    "$DUMPDIR" -H "$work/mnt" >"$work/got" 2>&1 || true
    same "$what, mounted, once more" "$work/want" "$work/got"
    counters "$work/mnt" >"$work/got"
    same "$what, statfs" "$work/want.counters" "$work/got"
    unmount "$work/mnt"
}

# begin SIZE [ARGUMENT...]: a fresh image on the kernel's mount.
begin()
{
    make_image "$work/image" "$@"
    mount_kernel "$work/image" "$mnt" noatime
}

# The longest file that the mounted volume takes, found by asking.
longest()
{
    local low=1 high=$((1 << 46)) mid

    while [ $((high - low)) -gt 1 ]; do
        mid=$(((low + high) / 2))
        if truncate -s "$mid" "$mnt/longest" 2>/dev/null; then
            low=$mid
        else
            high=$mid
        fi
    done
    truncate -s "$low" "$mnt/longest"
    poke "$mnt/longest" $((low - 1))
    poke "$mnt/longest" $((low / 2))
    poke "$mnt/longest" 0
}

# Two files that grow in turns lie in pieces all over the volume.
fragments()
{
    local n

    for ((n = 0; n < 700; n++)); do
        printf '%01000d' "$n" >>"$mnt/odd"
        printf '%01500d' "$n" >>"$mnt/even"
        [ $((n % 50)) -ne 0 ] || sync -f "$mnt"
    done
}

big_attributes()
{
    local dir=$mnt/big-attributes n

    mkdir "$dir"
    for n in 1 2 3 4 5 6; do
        echo "$n" >"$dir/shared-$n"
        setfattr -n user.same -v "$(printf '%0600d' 1)" "$dir/shared-$n"
    done
    echo both >"$dir/inode-and-block"
    setfattr -n user.small -v in-the-inode "$dir/inode-and-block"
    setfattr -n user.large -v "$(printf '%0700d' 2)" "$dir/inode-and-block"
    setfattr -n trusted.md5 -v 0x00ff00ff "$dir/inode-and-block"
    setfattr -n user.gone -v x "$dir/shared-1"
    setfattr -x user.gone "$dir/shared-1"
    mkdir "$dir/dir"
    setfattr -n user.dir -v "$(printf '%0100d' 3)" "$dir/dir"
    if have setfacl; then
        setfacl -m u:4000000000:rwx,u:7:-,g:100:r,g:4000000000:x,m::rw \
            "$dir/dir"
        setfacl -d -m u:8:rwx,g::r,o::- "$dir/dir"
    else
        skip "ACLs" "needs setfacl (acl)"
    fi
}

times()
{
    local dir=$mnt/times when n=0

    mkdir "$dir"
    for when in '1901-12-13 20:45:52' '1969-12-31 23:59:59.999999999' \
                '1970-01-01 00:00:00.000000001' '2001-09-09 01:46:40.5' \
                '2038-01-19 03:14:07.999999999' '2038-01-19 03:14:08' \
                '2106-02-07 06:28:16.000000001' '2242-03-16 12:56:32' \
                '2446-05-10 22:38:55.123456789'; do
        n=$((n + 1))
        touch -m -d "$when UTC" "$dir/m-$n"
        touch -a -d "$when UTC" "$dir/a-$n"
    done
}

special_files()
{
    local dir=$mnt/special

    mkdir "$dir"
    mkfifo "$dir/fifo"
    mknod "$dir/char" c 4 64
    mknod "$dir/block" b 8 255
    mknod "$dir/new-char" c 4095 1048575
    mknod "$dir/new-block" b 256 0
    perl -e 'use Socket; socket(S, PF_UNIX, SOCK_STREAM, 0) or die;
             chdir $ARGV[0] or die; bind(S, pack_sockaddr_un("socket"))
             or die' "$dir" || skip "sockets" "perl cannot make one"
}

deep()
{
    local n

    (
        cd "$mnt"
        for ((n = 0; n < 500; n++)); do
            mkdir "level-$n-$(printf '%040d' "$n")"
            cd "level-$n-$(printf '%040d' "$n")"
        done
        echo bottom >bottom
        ln bottom bottom-too
    )
}

# One directory with many names, a third of them deleted, some made again.
many_names()
{
    local dir=$mnt/many

    mkdir "$dir"
    (
        cd "$dir"
        seq -f 'entry-%06g' 1 "$entries" | xargs touch
        seq -f 'entry-%06g' 1 3 "$entries" | xargs rm
        seq -f "again-%06g-$(printf '%0100d' 0)" 1 $((entries / 10)) |
            xargs touch
    )
}

# One of everything, copied by cp: the kernel puts it where it likes.
everything()
{
    make_tree "$work/source" "$1" 300
    rmdir "$work/source/lost+found"
    cp -a --sparse=always "$work/source/." "$mnt/"
    rm -rf "$work/source"
    rm "$mnt/sizes/65537" "$mnt/names/-dash"
}

case_everything()
{
    local block=$1

    shift
    begin 300m -b "$block" "$@"
    everything "$block"
    special_files
    fragments
    longest
    compare "everything, mke2fs -b $block $*" "$work/image"
}

case_everything 1024 -I 256
case_everything 4096 -I 128
if ! is_quick; then
    case_everything 2048 -I 256
    case_everything 4096 -I 256
    case_everything 1024 -I 1024 -O meta_bg,^resize_inode -g 512
    case_everything 1024 -I 128 -r 0
    case_everything 4096 -I 256 -O ^filetype,^dir_index
    case_everything 4096 -I 256 -O ^large_file,^sparse_super,^resize_inode
fi

begin 64m -b 1024 -I 256
big_attributes
times
deep
compare "attributes, times, depth" "$work/image"

begin 128m -b 4096 -I 256
big_attributes
compare "attributes in blocks of 4 KiB" "$work/image"

begin 200m -b 4096 -N $((entries * 2))
many_names
compare "$entries names in one directory" "$work/image"
if ! is_quick; then
    begin 200m -b 1024 -I 128 -N $((entries * 2))
    many_names
    compare "$entries names, two levels of index" "$work/image"
fi

# ext3: the journal is there, and clean once unmounted.
if grep -qw ext3 /proc/filesystems; then
    make_image "$work/image" 64m -O has_journal
    mkdir -p "$mnt"
    mount -t ext3 -o loop,noatime "$work/image" "$mnt"
    mounted+=("$mnt")
    big_attributes
    fragments
    compare "ext3, cleanly unmounted" "$work/image"
else
    skip "ext3" "this kernel has no ext3"
fi
finish
