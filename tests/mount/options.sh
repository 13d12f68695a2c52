#!/bin/sh
# options.sh - what each mount option does
. "$(dirname "$0")/lib.sh"

mkdir tree
plant tree
image disk.img tree 8M -b 1024

# mounted LIST - mount with these options; unmount with: done_with
mounted() {
    must "$SHALE" mount disk.img dir -o "ro,$1"
}
done_with() {
    must "$SHALE" umount dir
}
mode() {
    stat -c %a "dir/$1"
}
flags() {
    awk -v at="$dir" '$5 == at { print "," $6 "," }' /proc/self/mountinfo
}
super_options() {
    awk -v at="$dir" '$5 == at { print "," $NF "," }' /proc/self/mountinfo
}

# Owners and permissions put in place of the volume's.
mounted uid=1234,gid=4321
expect uid 1234:4321 "$(stat -c %u:%g dir/hello)"
expect "uid of root" 1234:4321 "$(stat -c %u:%g dir)"
expect "mode stays" 4751 "$(mode sub/data)"
done_with
mounted umask=027
expect "umask, file" 750 "$(mode sub/data)"
expect "umask, directory" 750 "$(mode sub)"
expect "umask, symlink" 777 "$(mode sub/link)"
done_with
mounted fmask=0133,dmask=077
expect fmask 644 "$(mode sub/data)"
expect dmask 700 "$(mode sub)"
expect "dmask, root" 700 "$(mode .)"
expect "listed with the same" 644 \
    "$(find dir/sub -name data -printf %m)"
done_with

# Memory.
for size in 1M 1048576 1024k 64G; do
    mounted "cache=$size"
    cmp tree/sub/data dir/sub/data || fail "cache=$size: data differ"
    done_with
done
for size in 1023K 65G 0 1; do
    refuse 1 'cache= can be from 1M to 64G' \
        "$SHALE" mount disk.img dir -o "cache=$size"
done
for size in -1M 1Q '' 99999999999999999999; do
    refuse 1 'option "cache" cannot be "'"$size"'"' \
        "$SHALE" mount disk.img dir -o "cache=$size"
done
refuse 1 'option "cache" needs a value' "$SHALE" mount disk.img dir -o cache

# The mount's flags.
mounted ro
expect_match "default flags" '*,ro,*nosuid,nodev,*' "$(flags)"
done_with
mounted noexec,noatime
expect_match "flags" '*,ro,*noexec,*noatime,*' "$(flags)"
done_with
mounted nodiratime,dirsync
done_with
if [ "$(id -u)" = 0 ]; then
    mounted nosymfollow
    expect_match "nosymfollow" '*,nosymfollow,*' "$(flags)"
    expect_match "a symlink then" '*Too many levels of symbolic links' \
        "$(cat dir/sub/link 2>&1)"
    done_with
    mounted suid,dev
    case $(flags) in
    *nosuid* | *nodev*) fail "suid,dev: $(flags)" ;;
    esac
    done_with
fi
mounted default_permissions,max_read=65536
expect_match "FUSE's options" '*,default_permissions,*max_read=65536,*' \
    "$(super_options)"
cmp tree/sub/data dir/sub/data || fail "max_read: data differ"
done_with
mounted max_readahead=65536,max_background=3,congestion_threshold=2,sync_read
cmp tree/sub/data dir/sub/data || fail "max_readahead: data differ"
done_with
mounted entry_timeout=0,attr_timeout=0,negative_timeout=0
list dir '%P %s\n' >/dev/null
[ ! -e dir/nothing ] || fail "a file out of nothing"
done_with
if [ "$(id -u)" = 0 ]; then
    mounted allow_other
    expect_match "allow_other" '*,default_permissions,allow_other,*' \
        "$(super_options)"
    done_with
fi
mounted 'fsname=a\,name'
expect_match fsname '* fuse.shale a,name *' \
    "$(awk -v at="$dir" '$5 == at' /proc/self/mountinfo)"
done_with
mounted subtype=other
expect_match subtype "* fuse.other $work/disk.img *" \
    "$(awk -v at="$dir" '$5 == at' /proc/self/mountinfo)"
done_with
must "$SHALE" mount disk.img dir -o ro
expect_match source "* fuse.shale $work/disk.img *" \
    "$(awk -v at="$dir" '$5 == at' /proc/self/mountinfo)"
done_with

# What others put in; nobody minds.
mounted nofail,noauto,x-systemd.automount,X-any=1,_netdev,nonempty,relatime,defaults,users,loop,uhelper=udisks2,auto_unmount,kernel_cache,noauto_cache,remember=0,user=somebody,comment=x,nolazytime
cmp tree/hello dir/hello || fail "injected options: data differ"
done_with

# What cannot be written to is mounted read-only, and one line says why; but
# who insists is refused.
image kept.img tree 8M -O quota
run "$SHALE" mount kept.img dir
expect "status by default" 0 "$status"
expect_match "message by default" \
    'shale: kept.img: mounted read-only: ext2: read-only, * quota *' "$said"
expect_match "flags by default" '*,ro,*' "$(flags)"
done_with
refuse 32 'kept.img: cannot be mounted to be written to: ext2: * quota *' \
    "$SHALE" mount kept.img dir -o rw

# Where the volume is. 300 KiB in, as bytes, K, sectors; then a partition.
truncate -s 10M moved.img
dd if=disk.img of=moved.img bs=1K seek=300 conv=notrunc status=none
for at in offset=307200 offset=300K offset=600s img_offset=300k offset=0x4b000
do
    must "$SHALE" mount moved.img dir -o "ro,$at"
    cmp tree/hello dir/hello || fail "$at: data differ"
    done_with
done
must "$SHALE" mount moved.img dir -o ro --offset 300K -o sizelimit=8M -t ext2
cmp tree/sub/data dir/sub/data || fail "sizelimit: data differ"
done_with
must "$SHALE" mount moved.img dir -o ro,img_offset=300K,img_sizelimit=16384s
done_with
if command -v sfdisk >/dev/null; then
    truncate -s 20M parts.img
    printf '%s\n' 'label: dos' '2048,2048,83' '4096,16384,83' |
        sfdisk -q parts.img
    dd if=disk.img of=parts.img bs=1M seek=2 conv=notrunc status=none
    for how in '-p 2' '-o part=2' ''; do
        # shellcheck disable=SC2086
        must "$SHALE" mount parts.img dir -o ro $how
        cmp tree/hello dir/hello || fail "partition ($how): data differ"
        done_with
    done
else
    note "no sfdisk: partitions not tried"
fi

# A backup superblock.
dd if=/dev/zero of=disk.img bs=1K seek=1 count=1 conv=notrunc status=none
refuse 32 'disk.img: *' "$SHALE" mount disk.img dir
image big.img tree 12M -b 1024
dd if=/dev/zero of=big.img bs=1K seek=1 count=1 conv=notrunc status=none
run "$SHALE" mount big.img dir -o ro,type=ext2,sb=8193
expect "status with sb=" 0 "$status"
cmp tree/hello dir/hello || fail "sb: data differ"
done_with
finish
