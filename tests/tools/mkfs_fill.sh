#!/usr/bin/env bash
# mkfs_fill.sh - shale mkfs for who comes from mke2fs: inodes for the tree of
# -d, what does not fit, --dry-run, and its letters
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have e2fsck || skip_all "needs e2fsck (e2fsprogs)"
have jq || skip_all "needs jq"
unset SOURCE_DATE_EPOCH
export TZ=UTC
img=$work/disk.img
tree=$work/tree

# info FILTER: what `shale info` says of $img's volume.
info() { "$SHALE" info --json "$img" | jq -r ".volume | $1"; }

# ---- more files than an inode for each 4 KiB: 4 MiB have 1024 by themselves
mkdir -p "$tree/many" "$tree/names"
(cd "$tree/many" && seq -f 'file %g' 2500 | xargs -d '\n' touch)
echo linked >"$tree/names/1"
for i in {2..900}; do ln "$tree/names/1" "$tree/names/$i"; done
files=2503                      # many, names, 2500, and 1 of 900 names
status "many files" 0 "$SHALE" mkfs -t ext2 --size 4M -d "$tree" "$img"
expect "many files: it says nothing" "" "$(cat "$work/err")"
judge_ext2 "many files" "$img"
expect "many files: all are there" 3402 \
    "$("$SHALE" ls -AR --json "$img" / | jq -r '.[].path' |
        grep -vc 'lost+found')"
expect "many files: inodes" "$files" \
    "$(info "(.usage.files - .usage.files_free) - 11")"
check "many files: some are left" test "$(info .usage.files_free)" -gt 200
check "many files: not many" test "$(info .usage.files_free)" -lt 500
rm -f "$img"
status "room as usual" 0 "$SHALE" mkfs -t ext2 --size 64M -d "$tree" "$img"
expect "room as usual" 16384 "$(info .details.inode_count)"
rm -f "$img"
status "-L counts what is led to" 0 "$SHALE" mkfs -t ext2 --size 4M \
    --dereference -d "$tree" "$img"
judge_ext2 "-L counts what is led to" "$img"

# ---- told how many: too few is an error, before anything is written
for few in "-N 2504" "-N 1000" "-i 4096" "--inodes 12"; do
    rm -f "$img"
    # shellcheck disable=SC2086
    status "$few" 2 "$SHALE" mkfs -t ext2 --size 4M $few -d "$tree" "$img"
    says "$few" "too few inodes for the files"
    says "$few: how many" " free, for $files"
    check "$few: no file is left" test ! -e "$img"
    head -c 4194304 /dev/zero | tr '\0' x >"$img"
    before=$(cksum <"$img")
    # shellcheck disable=SC2086
    status "$few, over something" 2 "$SHALE" mkfs -t ext2 --force $few \
        -d "$tree" "$img"
    expect "$few: nothing is written" "$before" "$(cksum <"$img")"
done
rm -f "$img"
status "just enough" 0 "$SHALE" mkfs -t ext2 --size 4M -N $((files + 11)) \
    -d "$tree" "$img"
judge_ext2 "just enough" "$img"
rm -f "$img"
status "more than can be" 2 "$SHALE" mkfs -t ext2 --size 512K -d "$tree" "$img"
check "more than can be: no file is left" test ! -e "$img"

# ---- what does not fit
mkdir "$work/large"
head -c 3000000 /dev/urandom >"$work/large/a"
head -c 4000000 /dev/urandom >"$work/large/b"
ln "$work/large/b" "$work/large/c"
for block in 1024 4096; do
    rm -f "$img"
    status "too large, blocks of $block" 2 "$SHALE" mkfs -t ext2 --size 6M \
        -b $block -d "$work/large" "$img"
    says "too large" "the tree does not fit: it needs 6.7 MiB"
    says "too large" "room for 5."
    check "too large: no file is left" test ! -e "$img"
    status "it does fit, blocks of $block" 0 "$SHALE" mkfs -t ext2 --size 8M \
        -b $block -d "$work/large" "$img"
    judge_ext2 "it does fit, blocks of $block" "$img"
done
# What only copying can tell; the volume is whole, and the numbers are told.
rm -f "$img"
status "too large, found late" 1 env SOURCE_DATE_EPOCH=1000000000 "$SHALE" \
    mkfs -t ext2 --size 6M -d "$work/large" "$img"
says "too large, found late" "/b: no space left"
says "too large, found late" "does not fit: it has 10.5 MiB in"
expect "too large, found late: only once" 1 \
    "$(grep -c 'no space left' "$work/err")"
judge_ext2 "too large, found late" "$img"
rm -f "$img"
status "holes need no space" 0 bash -c "truncate -s 1G '$work/large/hole' &&
    '$SHALE' mkfs -t ext2 --size 8M -d '$work/large' '$img'"
judge_ext2 "holes need no space" "$img"
rm -f "$img" "$work/large/hole"
status "FAT, too large" 1 "$SHALE" mkfs -t fat --size 6M -d "$work/large" "$img"
says "FAT, too large" "the tree does not fit"

# ---- --dry-run
rm -f "$img"
"$SHALE" mkfs -t ext2 --size 100M -L label -b 2048 -j "$img"
"$SHALE" info "$img" |
    grep -E '^  (label|block|inode|group|reserved|features)' |
    grep -v free >"$work/want"
rm -f "$img"
status "--dry-run" 0 "$SHALE" mkfs -t ext2 --size 100M -L label -b 2048 -j \
    --dry-run "$img"
check "--dry-run: no file is made" test ! -e "$img"
same "--dry-run" "$work/want" <(grep -Ff <(cut -d : -f 1 "$work/want" |
    sed 's/$/:/') "$work/out")
status "--dry-run of what cannot be" 2 "$SHALE" mkfs -t ext2 --size 1M -j \
    --dry-run "$img"
says "--dry-run of what cannot be" "too small for a journal"
status "--dry-run of nothing" 2 "$SHALE" mkfs -t ext2 --dry-run "$img"
head -c 5000000 /dev/zero >"$img"
chmod 444 "$img"
before=$(cksum <"$img")
status "--dry-run on a file" 0 "$SHALE" mkfs -t fat --dry-run "$img"
check "--dry-run on a file" grep -q 'type: *FAT16' "$work/out"
status "--dry-run with a tree" 0 "$SHALE" mkfs -t ext2 --dry-run -d "$tree" \
    "$img"
check "--dry-run with a tree" grep -q 'inode count: *28' "$work/out"
expect "--dry-run: nothing is written" "$before" "$(cksum <"$img")"
for bits in 12 16 32; do
    size=$([ $bits = 12 ] && echo 3M || echo 300M)
    rm -f "$img"
    "$SHALE" mkfs -t fat -F $bits --size $size "$img"
    "$SHALE" info "$img" |
        grep -E '^  (type|sector|cluster|reserved|fat|root e|data)' |
        sort >"$work/want"
    rm -f "$img"
    status "--dry-run, FAT$bits" 0 "$SHALE" mkfs -t fat -F $bits --size $size \
        --dry-run "$img"
    same "--dry-run, FAT$bits" "$work/want" <(grep -v hidden "$work/out" | sort)
done

# ---- mke2fs's letters
seed=01234567-89ab-cdef-0123-456789abcdef
rm -f "$img"
status "-E" 0 "$SHALE" mkfs -t ext2 --size 8M \
    -E "root_owner=3:4,hash_seed=$seed,lazy_itable_init=0,nodiscard" "$img"
judge_ext2 "-E" "$img"
expect "-E: the root" "3 4" "$("$SHALE" stat --json "$img" / |
    jq -r '.[0] | "\(.uid) \(.gid)"')"
expect "-E: the seed" $seed "$(dumpe2fs -h "$img" 2>/dev/null |
    sed -n 's/^Directory Hash Seed: *//p')"
rm -f "$img"
status "-E root_owner" 0 "$SHALE" mkfs -t ext2 --size 8M -E root_owner "$img"
expect "-E root_owner" "$(id -u)" "$("$SHALE" stat --json "$img" / |
    jq '.[0].uid')"
rm -f "$img"
status "-J size=" 0 "$SHALE" mkfs -t ext2 --size 32M -J size=2 "$img"
expect "-J size=" 2048k "$(dumpe2fs -h "$img" 2>/dev/null |
    sed -n 's/^Total journal size: *//p')"
rm -f "$img"
status "-O" 0 "$SHALE" mkfs -t ext2 --size 32M \
    -O "^64bit,^metadata_csum,^extents,large_dir,dir_nlink,extra_isize" "$img"
judge_ext2 "-O" "$img"
expect "-O" "ext_attr resize_inode dir_index filetype large_dir sparse_super \
large_file dir_nlink extra_isize" "$(dumpe2fs -h "$img" 2>/dev/null |
    sed -n 's/^Filesystem features: *//p')"
"$SHALE" put -r "$img" "$tree"
judge_ext2 "-O, and used" "$img"
rm -f "$img"
while IFS='|' read -r arguments reason; do
    # shellcheck disable=SC2086
    status "$arguments" 2 "$SHALE" mkfs -t ext2 --size 8M $arguments "$img"
    says "$arguments" "$reason"
    check "$arguments: no file is left" test ! -e "$img"
done <<'END'
-E stride=4|no extended option that Shale has: 'stride=4'
-E root_owner=me|not an owner
-E hash_seed=1|not a UUID
-O ^frobs|no feature that Shale makes: ^frobs
-J size=0|journal size
-J size=4M|journal size
-F 32|-F: not for ext2; to overwrite what is there: --force
END

# ---- any size, twice the same
# sum FILE: of its bytes, without reading the holes between them.
sum()
{
    tar -cSf - --mtime=@0 -C "$(dirname "$1")" "$(basename "$1")" | cksum
}
mkdir "$work/1" "$work/2"
for size in 64K 1M 100M 8G; do
    for i in 1 2; do
        rm -f "$work/$i/same"
        SOURCE_DATE_EPOCH=1234567890 "$SHALE" mkfs -t ext2 --size $size \
            "$work/$i/same" || fail "$size"
    done
    expect "$size: twice the same" "$(sum "$work/1/same")" \
        "$(sum "$work/2/same")"
    judge_ext2 "$size" "$work/1/same"
done
finish
