#!/usr/bin/env bash
# ext2-small.sh OUTPUT.img.gz - forces: one of everything ext2 has, in a few KiB
#
# Three block groups of 1 KiB blocks and 256-byte inodes. Written by debugfs
# alone, with fixed times and identifiers, so that two runs are bit for bit
# the same: tests/bad/ patches bytes of it.
# shellcheck source=debugfs.sh
. "$(dirname "$0")/debugfs.sh"

out=${1:?usage: ext2-small.sh OUTPUT.img.gz}

cd "$work"
mke2fs -q -F -t ext2 -b 1024 -I 256 -N 384 -g 512 -L golden \
    -U 5a1e5a1e-0000-4000-8000-00005a1e0001 \
    -E hash_seed=5a1e5a1e-0000-4000-8000-00005a1e0002 \
    -O ext_attr,dir_index,filetype,sparse_super,large_file,resize_inode \
    "$image" 1536 >log

echo 'Hello from ext2.' >hello.txt
: >empty
bytes 12288 >direct
bytes 12289 >indirect
bytes 280000 >double
printf x | dd of=triple bs=1 seek=67383297 status=none
printf x | dd of=hole-first bs=1 seek=5000 status=none
printf '%0600d' 7 >long-value
# POSIX ACL: version 2; user::rw- user:1000:r-- group::r-- mask::r-- other::---
none='\377\377\377\377'
# shellcheck disable=SC2059 # escapes in a variable, on purpose
{
    printf '\2\0\0\0'
    printf '\1\0\6\0'"$none"'\2\0\4\0\350\3\0\0\4\0\4\0'"$none"
    printf '\20\0\4\0'"$none"'\40\0\0\0'"$none"
} >acl

{
    for file in hello.txt empty direct indirect double triple hole-first; do
        echo "write $file $file"
    done
    echo 'mkdir dir'
    echo 'mkdir dir/sub'
    echo 'mkdir dir/sub/deep'
    echo 'cd /dir/sub/deep'
    echo 'write hello.txt bottom'
    echo 'cd /'
    echo 'mkdir links'
    echo 'cd /links'
    echo 'write hello.txt one'
    echo 'ln one two'
    echo 'ln one three'
    echo 'sif one links_count 3'
    echo 'cd /'
    echo 'mkdir symlinks'
    echo 'cd /symlinks'
    echo 'symlink fast ../hello.txt'
    echo "symlink fast-59 $(printf '%059d' 0)"
    echo "symlink slow-60 $(printf '%060d' 0)"
    echo "symlink slow-1000 $(printf '%01000d' 0)"
    echo 'symlink loop loop'
    echo 'cd /'
    echo 'mkdir special'
    echo 'cd /special'
    echo 'mknod fifo p'
    echo 'mknod null c 1 3'
    echo 'mknod disk b 259 60000'
    echo 'cd /'
    echo 'mkdir xattrs'
    echo 'cd /xattrs'
    for file in in-inode in-block both acl; do
        echo "write hello.txt $file"
    done
    echo 'ea_set in-inode user.small value'
    echo 'ea_set -f long-value in-block user.long'
    echo 'ea_set both user.a first'
    echo 'ea_set -f long-value both user.b'
    echo 'ea_set both trusted.c third'
    echo 'ea_set -f acl acl system.posix_acl_access'
    echo 'cd /'
    make_many
} | change
make_indexes

# What comes after it stays as it is: a directory of three blocks without an
# index, some of its entries deleted.
{
    echo 'mkdir linear'
    echo 'expand_dir linear'
    echo 'expand_dir linear'
    echo 'cd /linear'
    for n in $(seq -w 1 40); do
        echo "ln /empty name-$n-$(printf "%050d" "$((10#$n))")"
    done
    for n in 02 03 17 40; do
        echo "unlink name-$n-$(printf "%050d" "$((10#$n))")"
    done
    echo 'sif /empty links_count 37'
    for field in 'mode 0104711' 'uid 70000' 'gid 4000000000' \
                 'mtime @0x80000000' 'mtime_extra 0x3b9ac9fd' \
                 'atime @0x7fffffff' 'atime_extra 0x00000004'; do
        echo "sif /hello.txt $field"
    done
    but='/hello.txt:atime /hello.txt:mtime'
    # shellcheck disable=SC2046 # names without spaces
    stamp / /hello.txt /empty /direct /indirect /double /triple /hole-first \
        /dir /dir/sub /dir/sub/deep /dir/sub/deep/bottom /links /links/one \
        /symlinks /symlinks/fast /symlinks/fast-59 /symlinks/slow-60 \
        /symlinks/slow-1000 /symlinks/loop /special /special/fifo \
        /special/null /special/disk /xattrs /xattrs/in-inode \
        /xattrs/in-block /xattrs/both /xattrs/acl /many /linear \
        /lost+found \
        $(many_names)
} | change
cd - >/dev/null
gzip -9nc "$image" >"$out"
