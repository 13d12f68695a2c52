#!/usr/bin/env bash
# matrix.sh - trees by mke2fs -d, over block sizes, inode sizes and features
#
# Every block size with every inode size, and every set of features; each of
# these with each of those only in a long run.
#
# The source directory is the truth: every byte, name, mode, owner, time, link
# count and attribute that the kernel sees there has to be in the image, seen
# by the library and, for a part of the matrix, through a mount.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/tree.sh
. "$(dirname "$0")/../support/tree.sh"

have mke2fs || skip_all "needs mke2fs (e2fsprogs)"

entries=2000
! is_quick || entries=300
mounts=0                        # images compared through a mount too
may_mount=1
can_fuse || { may_mount=0; skip "mounts" "/dev/fuse cannot be used"; }

# normal XATTRS: drop what mke2fs does not take over from the source: the
# root's times and owner, the access time of a file with several names and,
# where XATTRS is 0 because the feature ext_attr is off, attributes.
normal()
{
    awk -v xattrs="$1" '
        BEGIN { FS = OFS = "\t" }
        $NF == "" { $3 = $4 = $7 = $8 = $9 = "*" }
        $5 ~ /=/ { $8 = "*" }
        !xattrs { $11 = "*" }
        { print }'
}

# source_for BLOCK: make $work/source-BLOCK and its dump, once.
source_for()
{
    [ ! -d "$work/source-$1" ] || return 0
    make_tree "$work/source-$1" "$1" "$entries"
    "$DUMPDIR" -s -d "$work/source-$1" >"$work/source-$1.dump"
}

# compare NAME BLOCK IMAGE: the library's opinion, and now and then a mount's.
compare()
{
    local what=$1 block=$2 image=$3 want=$work/want xattrs=0

    ! dumpe2fs -h "$image" 2>/dev/null |
        grep '^Filesystem f.* ext_attr' >/dev/null || xattrs=1
    normal "$xattrs" <"$work/source-$block.dump" >"$want"
    "$DUMPTREE" -s -d "$image" 2>&1 | normal "$xattrs" >"$work/got" || true
    same "$what" "$want" "$work/got"
    is_sound "$what" "$image"
    [ "$may_mount" = 1 ] || return 0
    mounts=$((mounts + 1))
    is_long || [ $((mounts % ($(is_quick && echo 12 || echo 4)))) = 1 ] ||
        return 0
    if mount_shale "$image" "$work/mnt" -o ro; then
        "$DUMPDIR" -s -d "$work/mnt" 2>&1 | normal "$xattrs" >"$work/got" ||
            true
        same "$what, mounted" "$want" "$work/got"
        unmount "$work/mnt"
    else
        fail "$what: cannot be mounted"
    fi
}

# try NAME BLOCK [ARGUMENT...]: an image with blocks of BLOCK bytes.
try()
{
    local what=$1 block=$2 size=24m

    shift 2
    [ "$block" -le 4096 ] || size=64m
    source_for "$block"
    if ! make_image "$work/image" "$size" -b "$block" \
         -d "$work/source-$block" "$@"; then
        fail "$what: mke2fs"
        return
    fi
    case " $* " in
    *quota*)
        # mke2fs -d does not count what it copies in; e2fsck does.
        e2fsck -fy "$work/image" >"$work/log" 2>&1 || [ $? = 1 ] ||
            fail "$what: e2fsck"
        ;;
    esac
    compare "$what" "$block" "$work/image"
}

sizes()
{
    local block inode

    for block in 1024 2048 4096 8192 16384 32768 65536; do
        for inode in 128 256 512 1024 2048 4096; do
            [ "$inode" -le "$block" ] || continue
            # Every block size and every inode size, but not each with each.
            if is_quick; then
                case $block:$inode in
                1024:128 | 1024:1024 | 4096:256 | 8192:512 | 65536:4096) ;;
                *) continue ;;
                esac
            fi
            try "blocks of $block, inodes of $inode" "$block" -I "$inode" \
                -N 4096
        done
    done
}

# product LINE: as LINE says, over all block and inode sizes that mke2fs takes
# it with; some it must take.
product()
{
    local line=$1 block inode made=0

    for block in 1024 2048 4096 8192 16384 32768 65536; do
        source_for "$block"
        for inode in 128 256 512 1024 2048 4096; do
            [ "$inode" -le "$block" ] || continue
            # A line may have an inode size of its own.
            [[ $line != *-I* || $inode = 128 ]] || continue
            # shellcheck disable=SC2086 # the line is a list of arguments
            make_image "$work/image" 128m -b "$block" -I "$inode" -N 4096 \
                -d "$work/source-$block" $line || continue
            made=$((made + 1))
            compare "$line, blocks of $block, inodes of $inode" "$block" \
                "$work/image"
        done
    done
    [ "$made" -ge 7 ] || fail "mke2fs $line: only $made sizes"
}

features()
{
    local line

    while read -r line; do
        # shellcheck disable=SC2086 # the line is a list of arguments
        try "mke2fs $line" 1024 $line
        ! is_long || product "$line"
    done <<'LIST'
-r 0
-O none
-O none,dir_index
-O ^filetype
-O ^ext_attr -I 128
-O ^ext_attr -I 256
-O ^resize_inode
-O ^large_file
-O ^sparse_super,^resize_inode -g 512
-O meta_bg,^resize_inode -g 256
-O meta_bg,^resize_inode,^sparse_super -g 1024
-O sparse_super2,^resize_inode -g 1024
-g 256 -N 8192
-g 8192 -i 2048
-O has_journal
-O has_journal -I 128 -g 2048
-O quota
-O project,quota
-O huge_file,dir_nlink,extra_isize
-O uninit_bg
-O metadata_csum
-E packed_meta_blocks=1
-m 0 -E stride=4,stripe-width=16
LIST
}

# Directories indexed by e2fsck -D, with each hash and each sign of char.
indexes()
{
    local hash flags

    for hash in legacy half_md4 tea; do
        for flags in 1 2; do
            source_for 1024
            make_image "$work/image" 24m -b 1024 -d "$work/source-1024"
            tune2fs -E "hash_alg=$hash" "$work/image" >/dev/null
            debugfs -w -R "set_super_value flags $flags" "$work/image" \
                >/dev/null 2>&1
            e2fsck -fyD "$work/image" >/dev/null 2>&1 || true
            debugfs -R 'htree_dump /many' "$work/image" 2>&1 |
                grep -q 'Number of entries' ||
                fail "$hash, flags $flags: e2fsck made no index"
            # e2fsck sets change times of what it touches; it touches none.
            compare "index by $hash, flags $flags" 1024 "$work/image"
        done
    done
}

# Incompatible features: refused, and each by its name.
refusals()
{
    local feature

    for feature in extent flex_bg mmp encrypt casefold inline_data ea_inode \
                   extent,64bit extent,bigalloc; do
        make_image "$work/image" 8m -O "$feature" || continue
        if "$DUMPTREE" "$work/image" >"$work/got" 2>&1; then
            fail "$feature was not refused"
        elif grep -qw "${feature##*,}" "$work/got" ||
             { [ "$feature" = extent,bigalloc ] &&
               grep -qw extents "$work/got"; } ||
             grep -qw "${feature}s" "$work/got"; then
            ok
        else
            fail "$feature is not named: $(cat "$work/got")"
        fi
    done
}

sizes
features
indexes
refusals
finish
