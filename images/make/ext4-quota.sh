#!/usr/bin/env bash
# ext4-quota.sh OUTPUT.img.gz - forces: files of quotas, in a few KiB
#
# Twenty users, so that there are two blocks of entries; numbers that need one
# byte, two and three; a value of an attribute in an inode of its own, which
# counts. Fixed times and identifiers, as in ext4-small.sh.
set -euo pipefail
export LC_ALL=C E2FSPROGS_FAKE_TIME=1700000000
PATH=$PATH:/usr/sbin:/sbin

out=${1:?usage: ext4-quota.sh OUTPUT.img.gz}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
image=$work/image
umask 022

cd "$work"
features=has_journal,ext_attr,dir_index,filetype,sparse_super,large_file
features+=,huge_file,extra_isize,extent,ea_inode,quota,project
extended=hash_seed=5a1e5a1e-0000-4000-8000-00005a1e0007,lazy_itable_init=0
mke2fs -q -F -t ext4 -b 1024 -I 256 -N 128 -L golden4q \
    -U 5a1e5a1e-0000-4000-8000-00005a1e0006 -J size=1 \
    -E "$extended,quotatype=usrquota:grpquota:prjquota" \
    -O "none,$features" "$image" 2560 >log

echo 'Hello from quotas.' >hello.txt
seq -f '%-99.0f' 1 60 >large
printf '%03000d' 9 >large-value
{
    for n in $(seq 1 20); do
        echo "write hello.txt u$n"
        echo "sif u$n uid $((n * n * n * 10))"
        echo "sif u$n gid $((n % 3))"
        echo "sif u$n projid $((n % 2 * 300))"
    done
    for file in large value; do
        echo "write large $file"
        echo "sif $file uid 5"
        echo "sif $file gid 70000"
    done
    echo 'ea_set -f large-value value user.large'
    echo 'mkdir dir'
    echo 'sif dir uid 5'
} >script
debugfs -w -f script "$image" >log 2>&1
if grep -v '^debugfs' log | grep -v '^Allocated inode' | grep .; then
    exit 1
fi
# The files of quotas get their contents from e2fsck.
e2fsck -fy "$image" >log 2>&1 || [ $? = 1 ]

{
    # When this ran must not be in a golden.
    echo 'set_super_value lastcheck @1700000000'
    for file in '<3>' '<4>' '<12>' / /lost+found /large /value /dir \
                $(seq -f '/u%.0f' 1 20); do
        for field in atime mtime ctime crtime; do
            echo "sif $file $field @1700000000"
        done
    done
} >script
debugfs -w -f script "$image" >log 2>&1
if grep -v '^debugfs' log | grep .; then
    exit 1
fi
cd - >/dev/null
gzip -9nc "$image" >"$out"
