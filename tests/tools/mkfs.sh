#!/usr/bin/env bash
# mkfs.sh - shale mkfs: every kind of FAT, judged by fsck.fat and mtools
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have fsck.fat || skip_all "needs fsck.fat (dosfstools)"
have mdir || skip_all "needs mdir (mtools)"
have jq || skip_all "needs jq"
export TZ=UTC
img=$work/disk.img

# mkfs ARGUMENT...: make $img.
mkfs() { "$SHALE" mkfs -t fat "$@" "$img" 2>"$work/err"; }

# details FILTER: what `shale info` says of $img's volume.
details() { "$SHALE" info --json "$img" | jq -r ".volume.details | $1"; }

# detail KEY...: some of it as it is.
detail() { "$SHALE" info --json "$img" | value "$@"; }

# judge NAME: fsck.fat and mtools find nothing wrong with $img, and see as many
# clusters as we do.
judge()
{
    local clusters want

    if ! fsck.fat -n "$img" >"$work/fsck" 2>&1; then
        fail "$1: fsck.fat"
        head -n 5 "$work/fsck"
        return
    fi
    want=$(detail clusters)
    clusters=$(sed -n 's,.*/\([0-9]*\) clusters$,\1,p' "$work/fsck")
    expect "$1: clusters by fsck.fat" "$want" "$clusters"
    # Two lines: its version, and the count. Anything else is a complaint.
    expect "$1: fsck.fat is silent" 2 "$(wc -l <"$work/fsck")"
    check "$1: mdir" mdir -i "$img" :: >/dev/null 2>&1
    is_sound "$1" "$img"
}

# ---- by size alone: Microsoft's tables
while read -r size type cluster media roots; do
    rm -f "$img"
    if mkfs --size "$size"; then
        expect "$size" "$type $cluster $media $roots" "$(details \
            '"\(.type) \(.cluster_size) \(.media) \(.root_entries // 0)"')"
        # fsck.fat holds FATs in memory.
        [[ $size == *0*G ]] || judge "$size"
    else
        fail "$size: $(cat "$work/err")"
    fi
done <<'END'
160K    FAT12   512 254  64
180K    FAT12   512 252  64
320K    FAT12  1024 255 112
360K    FAT12  1024 253 112
720K    FAT12  1024 249 112
1200K   FAT12   512 249 224
1440K   FAT12   512 240 224
2880K   FAT12  1024 240 240
32K     FAT12   512 248 512
1M      FAT12   512 248 512
2M      FAT12   512 248 512
3M      FAT12  1024 248 512
8400s   FAT12  2048 248 512
8401s   FAT16  1024 248 512
16M     FAT16  2048 248 512
128M    FAT16  2048 248 512
129M    FAT16  4096 248 512
256M    FAT16  4096 248 512
257M    FAT16  8192 248 512
512M    FAT16  8192 248 512
513M    FAT32  4096 248   0
8G      FAT32  4096 248   0
9G      FAT32  8192 248   0
17G     FAT32 16384 248   0
33G     FAT32 32768 248   0
2047G   FAT32 32768 248   0
END

# ---- as mkfs.fat has floppies, and the sizes it chooses
for size in 360 720 1200 1440; do
    rm -f "$img"
    mkfs --size ${size}K -i 1234-abcd
    details 'del(.oem_name)' >"$work/ours"
    mkfs.fat -C -i 1234abcd "$work/theirs.img" $size >/dev/null 2>&1
    "$SHALE" info --json "$work/theirs.img" |
        jq -r '.volume.details | del(.oem_name)' >"$work/theirs"
    same "the floppy of $size KiB is mkfs.fat's" "$work/theirs" "$work/ours"
    rm -f "$work/theirs.img"
done

# ---- type by sector by cluster by FATs by count, at the limits of each type
# fit BITS SECTOR CLUSTER FATS COUNT: bytes of a volume with COUNT clusters of
# CLUSTER sectors, laid out without alignment.
fit()
{
    local fat root=$(((512 * 32 + $2 - 1) / $2)) reserved=1

    fat=$(((($5 + 2) * $1 + 8 * $2 - 1) / (8 * $2)))
    [ "$1" != 32 ] || root=0 reserved=32
    echo $(((reserved + $4 * fat + root + $5 * $3) * $2))
}

declare -A limits=(
    [12]="1 4083 4084 4085 4086 4087"
    [16]="4085 4086 4087 65523 65524 65525"
    [32]="65524 65525 65526"
)
sectors="512 1024 2048 4096"
clusters="1 8 128"
counts="1 2"
! is_quick || sectors="512 4096" clusters="1 8" counts=2
! is_long || clusters="1 2 4 8 16 32 64 128"
turn=0
for bits in 12 16 32; do
    for sector in $sectors; do for cluster in $clusters; do
        [ $((sector * cluster)) -le 262144 ] || continue
        turn=$((turn + 1))
        for fats in $counts; do for count in ${limits[$bits]}; do
            # Each with one FAT or with two, if there is no time for both.
            is_long || [ $(((fats + count + turn) % 2)) = 0 ] || continue
            what="FAT$bits, sector $sector, cluster $cluster, $fats FATs"
            what="$what, $count clusters"
            rm -f "$img"
            want=$count
            case $bits-$count in
                12-4085 | 12-4086) want=4084 ;; # left out, see geometry.c
                12-4087 | 16-408[56] | 16-65525 | 32-65524) want= ;;
            esac
            got=
            size=$(fit $bits "$sector" "$cluster" $fats "$count")
            if mkfs -a -F $bits -S "$sector" -s $((sector * cluster)) \
                -f $fats --size "$size"; then
                read -r got type < <(detail clusters type)
                expect "$what: type" FAT$bits "$type"
                judge "$what"
            else
                check "$what: the reason" grep -q "the volume is too" \
                    "$work/err"
                check "$what: no file is left" test ! -e "$img"
            fi
            expect "$what" "$want" "$got"
        done; done
    done; done
done

# ---- sizes that divide badly; aligned
for extra in 1 511 513 1000 4097 31337; do
    for size in 100000 5000000 40000000 600000000; do
        rm -f "$img"
        check "$((size + extra)) bytes" mkfs --size $((size + extra))
        judge "$((size + extra)) bytes"
        expect "$((size + extra)) bytes: aligned" 0 \
            "$(details '.data_offset % .cluster_size')"
    done
done
for fats in 1 2 3 4; do for reserved in 1 7 33; do
    rm -f "$img"
    check "$fats FATs behind $reserved" \
        mkfs --size 20M -f $fats -R $reserved -s 4K
    expect "$fats FATs behind $reserved" "$fats $reserved" \
        "$(detail fats reserved_sectors)"
    # fsck.fat knows two at most.
    [ $fats -gt 2 ] || judge "$fats FATs behind $reserved"
done; done

# ---- what was asked for is what is there
rm -f "$img"
check "all options" mkfs --size 64M -F 16 -s 4096 -S 1024 -n "my disk 1" \
    -i 0xDEADBEEF -f 2 -R 5 -r 100 -M 0xfa -a
json "all options" '.volume.details | "\(.type) \(.cluster_size) " +
    "\(.sector_size) \(.label) \(.volume_id) \(.fats) \(.reserved_sectors) " +
    "\(.root_entries) \(.media)"' \
    "FAT16 4096 1024 MY DISK 1 DEAD-BEEF 2 5 128 250" \
    "$SHALE" info --json "$img"
judge "all options"
json "its 0xaa55 is no table of partitions" .table null \
    "$SHALE" info --json "$img"
check "mtools reads the label" \
    grep -q "MY DISK 1" <(mlabel -s -i "$img" ::)
minfo -i "$img" :: >"$work/minfo"
check "minfo: id" grep -qi "serial number: DEADBEEF" "$work/minfo"
check "minfo: cluster" grep -q "cluster size: 4 sectors" "$work/minfo"
rm -f "$img"
check "FAT32 with few reserved sectors" mkfs -F 32 --size 64M -s 512 -R 2
check "FAT32 with few reserved sectors: fsck.fat" \
    fsck.fat -n "$img" >/dev/null
rm -f "$img"
check "FAT32" mkfs -F 32 --size 64M -n BACKUP
# The copy of the boot sector is one, and FSInfo's too.
same "the boot sector's copy" <(head -c 512 "$img") \
    <(tail -c +$((6 * 512 + 1)) "$img" | head -c 512)
same "FSInfo's copy" <(tail -c +513 "$img" | head -c 512) \
    <(tail -c +$((7 * 512 + 1)) "$img" | head -c 512)

# ---- equal input, equal images
export SOURCE_DATE_EPOCH=1000000000
for zone in UTC Asia/Kolkata; do
    rm -f "$img"
    TZ=$zone mkfs --size 40M -F 32 -n SAME
    cp --sparse=always "$img" "$work/$(basename $zone).img"
done
check "SOURCE_DATE_EPOCH" cmp "$work/UTC.img" "$work/Kolkata.img"
# 2001-09-09 01:46:40, as an entry has it.
expect "... is the label's time" "0dd4 2b29" \
    "$(od -An -v -tx2 --endian=little -j $(($(detail data_offset) + 22)) \
        -N 4 "$img" | xargs)"
SOURCE_DATE_EPOCH=never status "a SOURCE_DATE_EPOCH that is none" 2 \
    "$SHALE" mkfs -t fat "$img"
says "a SOURCE_DATE_EPOCH that is none" "SOURCE_DATE_EPOCH"
unset SOURCE_DATE_EPOCH
rm -f "$img"
mkfs --size 1440K
first=$(detail volume_id)
mkfs --force
check "without it, another serial number" \
    test "$first" != "$(detail volume_id)"

# ---- what is there stays there
make_image "$img" 8M
before=$(cksum <"$img")
status "over ext2" 2 "$SHALE" mkfs -t fat "$img"
says "over ext2" "$img: holds ext2 already (--force overwrites it)"
status "over ext2, with a size" 2 "$SHALE" mkfs -t fat --size 20M "$img"
expect "over ext2: nothing was done" "$before" "$(cksum <"$img")"
status "over ext2 with --force" 0 "$SHALE" mkfs -t fat --force "$img"
judge "over ext2 with --force"
if have blkid; then
    expect "no trace of ext2" vfat "$(blkid -p -o value -s TYPE "$img")"
fi
status "over FAT" 2 "$SHALE" mkfs -t fat "$img"
says "over FAT" "holds fat already"
if have mkswap; then
    truncate -s 0 "$img"
    truncate -s 8M "$img"
    mkswap "$img" >/dev/null 2>&1
    status "over what we do not know" 2 "$SHALE" mkfs -t fat "$img"
    says "over what we do not know" "holds swap already"
fi
if have sfdisk; then
    make_disk "$img" gpt
    status "over a partition table" 2 "$SHALE" mkfs -t fat "$img"
    says "over a partition table" "holds a partition table already"
    status "in a partition" 0 "$SHALE" mkfs -t fat -p 2 -n TWO "$img"
    check "the table is still there" sfdisk -q -d "$img" >/dev/null
    expect "the partition's place is in the volume" 34816 \
        "$("$SHALE" info -p 2 --json "$img" |
           jq .volume.details.hidden_sectors)"
    status "in a partition: mtools" 0 mdir -i "$img@@17M" ::
    status "in a partition, again" 2 "$SHALE" mkfs -t fat -p 2 "$img"
    status "no such partition" 2 "$SHALE" mkfs -t fat -p 9 "$img"
    expect "the partition's label" TWO "$("$SHALE" label -p 2 "$img")"
fi
rm -f "$img"
status "at an offset" 0 "$SHALE" mkfs -t fat --size 20M --offset 3M \
    --size-limit 10M "$img"
expect "at an offset: its size" 20480 \
    "$("$SHALE" info --offset 3M --json "$img" | jq .volume.details.sectors)"
expect "at an offset: nothing before it" "" \
    "$(head -c 3145728 "$img" | tr -d '\0')"

# ---- images that will not do
status "no such file" 2 "$SHALE" mkfs -t fat "$work/none"
says "no such file" "$work/none: no such file (--size SIZE would make it)"
status "a directory" 2 "$SHALE" mkfs -t fat "$work"
status "no size for a device" 2 "$SHALE" mkfs -t fat --size 1M /dev/null
: >"$work/empty"
status "an empty file" 2 "$SHALE" mkfs -t fat "$work/empty"
says "an empty file" empty
status "an empty file, with a size" 0 \
    "$SHALE" mkfs -t fat --size 2M "$work/empty"
status "a longer file" 2 "$SHALE" mkfs -t fat --force --size 1M "$work/empty"
says "a longer file" "does not make it shorter"
status "a longer one is wanted" 0 \
    "$SHALE" mkfs -t fat --force --size 4M "$work/empty"
expect "a longer one is wanted" 4194304 "$(stat -c %s "$work/empty")"
if have flock; then
    status "a locked image" 2 flock -s "$work/empty" \
        "$SHALE" mkfs -t fat --force "$work/empty"
    says "a locked image" "in use"
fi
if can_loop; then
    loop=$(losetup -f --show "$work/empty")
    status "a loop device is on it" 2 "$SHALE" mkfs -t fat --force "$work/empty"
    says "a loop device is on it" "in use"
    losetup -d "$loop"
    # A disk of larger sectors: the volume's are as large.
    truncate -s 40M "$work/large"
    loop=$(losetup -f --show -b 4096 "$work/large")
    status "a device" 0 "$SHALE" mkfs -t fat "$loop"
    losetup -d "$loop"
    expect "a device: its sectors" 4096 \
        "$("$SHALE" info --json "$work/large" |
           jq .volume.details.sector_size)"
else
    skip "a loop device on the image" "needs loop devices"
fi
if [ -e /dev/full ]; then
    status "no volume so small" 2 "$SHALE" mkfs -t fat --size 10K "$work/tiny"
    says "no volume so small" "leaves no room for a cluster"
    check "no volume so small: no file is left" test ! -e "$work/tiny"
fi
chmod 444 "$work/empty"
if ! is_root; then
    status "not ours to write" 2 "$SHALE" mkfs -t fat --force "$work/empty"
fi
chmod 644 "$work/empty"

# ---- what cannot be
while IFS='|' read -r arguments reason; do
    # shellcheck disable=SC2086
    status "$arguments" 2 "$SHALE" mkfs $arguments "$work/wrong"
    says "$arguments" "$reason"
    check "$arguments: no file is left" test ! -e "$work/wrong"
done <<'END'
--size 1M|which filesystem
-t fat -F 13 --size 1M|there is no FAT13
-t fat -s 3000 --size 1M|no such cluster size
-t fat -s 512 -S 1024 --size 1M|no such cluster size
-t fat -S 700 --size 1M|no such sector size
-t fat -s 128K -S 512 --size 1G|no such cluster size
-t fat -s 1M --size 1M|cluster size: not from 512 to 262144
-t fat -f 5 --size 1M|FATs: not from 1 to 4
-t fat -M 0x12 --size 1M|media descriptor: not from 240 to 255
-t fat -M 0xf5 --size 1M|no such media descriptor
-t fat -F 32 -r 100 --size 100M|no root entries
-t fat -F 32 -R 1 --size 100M|no such reserved area
-t fat -F 32 --size 10M|too small for FAT32
-t fat -F 12 -s 512 --size 10M|too large for FAT12
-t fat -F 16 -s 512 --size 100M|too large for FAT16
-t fat -F 16 --size 1M|too small for FAT16
-t fat -S 512 --size 2049G|the volume is too large
-t fat -n 123456789012 --size 1M|the label is too long
-t fat -n a/b --size 1M|the label has a character
-t fat -i 123456789 --size 1M|not a serial number
-t fat -i xyz --size 1M|not a serial number
-t fat --size 0|not a size
-t fat --size 1M -d /no/such/dir|/no/such/dir
END
rm -f "$img"
status "large sectors hold more" 0 \
    "$SHALE" mkfs -t fat -S 4096 --size 2049G "$img"

# ---- a large volume is sparse and quick
rm -f "$img"
status "1 TiB" 0 "$SHALE" mkfs -t fat --size 1T "$img"
check "1 TiB: hardly a block" test "$(stat -c %b "$img")" -lt 500
finish
