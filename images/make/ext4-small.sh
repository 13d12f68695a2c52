#!/usr/bin/env bash
# ext4-small.sh OUTPUT.img.gz [FEATURE...] - forces: what ext4 has that ext2 has
# not, in a few KiB
#
# Extents, data in inodes, values of attributes in inodes, a journal, a file of
# orphans; checksums only if FEATURE says metadata_csum, so that a patch of one
# byte breaks one rule. As ext2-small.sh, with fixed times and identifiers.
# shellcheck source=debugfs.sh
. "$(dirname "$0")/debugfs.sh"

out=${1:?usage: ext4-small.sh OUTPUT.img.gz [FEATURE...]}
shift
more=$(printf ',%s' "$@")

cd "$work"
features=has_journal,orphan_file,ext_attr,dir_index,filetype,sparse_super
features+=,large_file,huge_file,dir_nlink,extra_isize,extents,flex_bg
features+=,inline_data,ea_inode,64bit
mke2fs -q -F -t ext4 -b 1024 -I 256 -N 256 -g 2048 -G 2 -L golden4 \
    -U 5a1e5a1e-0000-4000-8000-00005a1e0004 -J size=1 \
    -E hash_seed=5a1e5a1e-0000-4000-8000-00005a1e0005,lazy_itable_init=0 \
    -O "none,$features${more%,}" "$image" 4096 >log

echo 'Hello from ext4.' >hello.txt
printf '%0100d' 4 >inline-ea
: >empty
bytes 12289 >blocks
# Extents that are no neighbours: more than an inode has room for.
for n in $(seq 0 2 40); do
    printf x | dd of=holes bs=1024 seek="$n" conv=notrunc status=none
done
printf '%0600d' 7 >long-value
printf '%03000d' 9 >large-value

{
    for file in hello.txt inline-ea empty blocks holes; do
        echo "write $file $file"
    done
    echo 'mkdir inline-dir'
    echo 'cd /inline-dir'
    echo 'ln /hello.txt a'
    echo 'ln /hello.txt b'
    echo 'mkdir sub'
    echo 'cd /'
    echo 'sif hello.txt links_count 3'
    echo 'mkdir symlinks'
    echo 'cd /symlinks'
    echo 'symlink fast ../hello.txt'
    echo "symlink inline-70 $(printf '%070d' 0)"
    echo "symlink slow-900 $(printf '%0900d' 0)"
    echo 'cd /'
    echo 'mkdir xattrs'
    echo 'cd /xattrs'
    for file in in-block in-inode large; do
        echo "write hello.txt $file"
    done
    echo 'ea_set in-inode user.a b'
    echo 'ea_set -f long-value in-block user.long'
    echo 'ea_set -f large-value large user.large'
    echo 'cd /'
    make_many
} | change
make_indexes

{
    # shellcheck disable=SC2046 # names without spaces
    stamp / /hello.txt /inline-ea /empty /blocks /holes /inline-dir \
        /inline-dir/sub /symlinks /symlinks/fast /symlinks/inline-70 \
        /symlinks/slow-900 /xattrs /xattrs/in-block /xattrs/in-inode \
        /xattrs/large /many /lost+found \
        $(many_names)
} | change
cd - >/dev/null
gzip -9nc "$image" >"$out"
