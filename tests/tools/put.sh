#!/usr/bin/env bash
# put.sh - shale put, shale cp into an image, shale mkfs -d
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have fsck.fat || skip_all "needs fsck.fat (dosfstools)"
have mdir || skip_all "needs mdir (mtools)"
export TZ=Asia/Kolkata          # not UTC, and not a whole hour from it
unset SOURCE_DATE_EPOCH
img=$work/disk.img
tree=$work/tree

# fresh [ARGUMENT...]: an empty volume.
fresh()
{
    rm -f "$img"
    "$SHALE" mkfs -t fat --size 64M "$@" "$img"
}

# What a FAT volume can keep of a tree: names, sizes, times by two seconds.
metadata()
{
    (cd "$1" && find . -mindepth 1 -printf '%P %y %T@\n' |
        awk '{ $NF = int($NF / 2) * 2; print }' | sort) >"$2"
    (cd "$1" && find . -type f -printf '%P %s\n' | sort) >>"$2"
}

# compare NAME WANT GOT: two directories.
compare()
{
    metadata "$2" "$work/want"
    metadata "$3" "$work/got"
    same "$1: metadata" "$work/want" "$work/got"
    check "$1: contents" diff -r "$2" "$3"
}

mkdir -p "$tree/a/b/c" "$tree/empty" "$tree/.hidden"
head -c 3000001 /dev/urandom >"$tree/a/random"
echo text >"$tree/a/text"
: >"$tree/a/nothing"
echo dot >"$tree/.hidden/.dot"
truncate -s 5M "$tree/sparse"
echo island | dd of="$tree/sparse" bs=4096 seek=700 conv=notrunc status=none
for i in {1..300}; do
    echo "$i" >"$tree/a/b/file number $i with a long name"
done
for i in {1..40}; do echo "$i" >"$tree/a/b/c/S$i.TXT"; done
echo x >"$tree/$(printf 'n%.0s' {1..250}).txt"
mkdir -p "$tree/$(printf 'deep/%.0s' {1..60})"
find "$tree" -exec touch -d '2011-12-13 14:15:17.5' {} +
touch -d '1999-12-31 23:59:59' "$tree/a/text" "$tree/a/b"

# ---- there and back
for bits in 12 16 32; do
    case $bits in
        12) options="-s 32K" ;;
        16) options= ;;
        32) options="-s 512" ;;
    esac
    # shellcheck disable=SC2086
    fresh -F $bits $options
    status "FAT$bits: put" 0 "$SHALE" put -r "$img" "$tree"/* "$tree/.hidden"
    expect "FAT$bits: put says nothing" "" "$(cat "$work/out" "$work/err")"
    judge_fat "FAT$bits: put" "$img"
    same "FAT$bits: mtools sees the tree" <(host_tree "$tree") \
        <(fat_tree "$img")
    rm -rf "$work/out1"
    status "FAT$bits: and out" 0 "$SHALE" cp -r "$img" "$work/out1"
    compare "FAT$bits" "$tree" "$work/out1"
    rm -rf "$work/out2"
    mkdir "$work/out2"
    status "FAT$bits: out by mtools" 0 mcopy -smQ -i "$img" '::*' "$work/out2"
    check "FAT$bits: mtools reads the same" diff -r "$tree" "$work/out2"
    # Once more over itself: all is replaced.
    status "FAT$bits: again" 0 "$SHALE" put -r "$img" "$tree"/*
    judge_fat "FAT$bits: again" "$img"
    # shellcheck disable=SC2086
    status "FAT$bits: mkfs -d" 0 \
        "$SHALE" mkfs -t fat --force -F $bits $options -d "$tree" "$img"
    judge_fat "FAT$bits: mkfs -d" "$img"
    rm -rf "$work/out1"
    status "FAT$bits: and out" 0 "$SHALE" cp -r "$img" "$work/out1"
    compare "FAT$bits: mkfs -d" "$tree" "$work/out1"
done

# ---- equal trees, equal images
export SOURCE_DATE_EPOCH=1300000000
rm -f "$img"
"$SHALE" mkfs -t fat --size 64M -d "$tree" "$img"
mv "$img" "$work/first.img"
cp -a "$tree" "$work/copy"      # other times of access, order, inode numbers
find "$work/copy" -type f -exec cat {} + >/dev/null
TZ=UTC "$SHALE" mkfs -t fat --size 64M -d "$work/copy" "$img"
check "SOURCE_DATE_EPOCH: equal images" cmp "$work/first.img" "$img"
judge_fat "SOURCE_DATE_EPOCH" "$img"
expect "... with nothing younger than that" "2011-03-13T07:06:40.000000000Z" \
    "$(TZ=UTC "$SHALE" stat --json "$img:sparse" | jq -r '.[0].mtime')"
expect "... and what is older as old" "1999-12-31T18:29:58.000000000Z" \
    "$(TZ=UTC "$SHALE" stat --json "$img:a/text" | jq -r '.[0].mtime')"
fresh
"$SHALE" put -r "$img" "$tree/a"
expect "put, too" "1300000000" \
    "$(TZ=UTC "$SHALE" stat --json "$img:a/nothing" |
       jq -r '.[0].mtime | sub("\\.0*Z"; "Z") | fromdate')"
unset SOURCE_DATE_EPOCH
rm -rf "$work/copy" "$work/first.img"

# ---- where it goes
fresh
status "a file to the root" 0 "$SHALE" put "$img" "$tree/a/text"
same "a file to the root" "$tree/a/text" <("$SHALE" cat "$img:text")
status "a file to a name" 0 "$SHALE" put "$img:/other" "$tree/a/text"
same "a file to a name" "$tree/a/text" <("$SHALE" cat "$img:other")
status "a tree" 0 "$SHALE" put -r "$img" "$tree/a"
status "a tree to a new name" 0 "$SHALE" put -r "$img:z" "$tree/a"
same "a tree to a new name" <("$SHALE" tree "$img:a" | tail -n +2) \
    <("$SHALE" tree "$img:z" | tail -n +2)
status "a tree into a directory" 0 "$SHALE" put -r "$img:z/" "$tree/a/b"
status "contents into a directory" 0 \
    "$SHALE" put -r "$img:/z" "$tree/empty/../a/."
check "contents into a directory" "$SHALE" cat "$img:z/text" >/dev/null
status "several" 0 "$SHALE" put "$img:a" "$tree/sparse" "$tree/a/text"
status "several to a file" 1 "$SHALE" put "$img:a/text" "$tree/sparse" \
    "$tree/a/text"
says "several to a file" "not a directory, and there are several"
status "no -r" 1 "$SHALE" put "$img" "$tree/a"
says "no -r" "-r only"
status "no parent" 1 "$SHALE" put "$img:none/x" "$tree/a/text"
says "no parent" "no such file or directory"
status "no source" 1 "$SHALE" put "$img" "$work/none" "$tree/a/text"
says "no source" "$work/none: No such file"
status "a file to a directory that is not there" 1 \
    "$SHALE" put "$img:none/" "$tree/a/text"
says "a file to a directory that is not there" "no such directory"
status "cp into the image" 0 "$SHALE" cp "$tree/a/text" "$tree/sparse" "$img:z"
same "cp into the image" "$tree/sparse" <("$SHALE" cat "$img:z/sparse")
status "cp -r into the image" 0 "$SHALE" cp -r "$tree/a/b" "$img:y"
same "cp -r into the image" "$tree/a/b/c/S7.TXT" \
    <("$SHALE" cat "$img:y/c/S7.TXT")
status "cp to the image's root" 0 "$SHALE" cp "$tree/a/random" "$img:"
same "cp to the image's root" "$tree/a/random" <("$SHALE" cat "$img:random")
status "cp out is as before" 0 "$SHALE" cp "$img:random" "$work/random"
same "cp out is as before" "$tree/a/random" "$work/random"
judge_fat "places" "$img"

status "from image to image" 2 "$SHALE" cp "$img:random" "$img:z"
says "from image to image" "copy it out first"

# ---- standard input
got=0
"$SHALE" put "$img:/stream" - <"$tree/a/random" || got=$?
expect "standard input" 0 "$got"
same "standard input" "$tree/a/random" <("$SHALE" cat "$img:stream")
status "standard input without a name" 1 "$SHALE" put "$img" -
says "standard input without a name" "needs a name"
status "standard input, empty" 0 "$SHALE" put "$img:z/none" -
expect "standard input, empty" 0 "$("$SHALE" cat "$img:z/none" | wc -c)"
mkfifo "$work/pipe"
"$SHALE" put "$img:/cut" - <"$work/pipe" >/dev/null 2>"$work/err" &
pid=$!
exec 7>"$work/pipe"
head -c 200000 /dev/zero >&7    # more than a pipe holds: some has been read
kill -TERM $pid
(echo the rest >&7) 2>/dev/null || true
got=0
wait $pid || got=$?
exec 7>&-
expect "interrupted" 1 "$got"
says "interrupted" "$img: interrupted"
status "interrupted: no half of a file" 1 "$SHALE" stat "$img:cut"
judge_fat "interrupted" "$img"

# ---- what is in the way
echo mine >"$work/text"
status "-n" 0 "$SHALE" put -n "$img" "$work/text"
same "-n" "$tree/a/text" <("$SHALE" cat "$img:text")
status "replaced" 0 "$SHALE" put "$img" "$work/text"
same "replaced" "$work/text" <("$SHALE" cat "$img:text")
mkdir "$work/way"
echo new >"$work/way/TEXT"
status "replaced, in another case" 0 "$SHALE" put "$img" "$work/way/TEXT"
expect "replaced, in another case" TEXT \
    "$("$SHALE" ls "$img" | grep -i '^text$')"
mkdir "$work/way/random"
status "a file in the way of a directory" 1 \
    "$SHALE" put -r "$img" "$work/way/random"
says "a file in the way of a directory" "no directory is in the way"
echo x >"$work/way/a"
status "a directory in the way of a file" 1 "$SHALE" put "$img" "$work/way/a"
says "a directory in the way of a file" "a directory is in the way"
judge_fat "in the way" "$img"

# ---- what the volume cannot have: told, and the rest is copied
mkdir -p "$work/odd/case" "$work/odd/later"
touch "$work/odd/a:b" "$work/odd/case/Name" "$work/odd/case/nAME" \
    "$work/odd/later/fine" "$work/odd/$(printf 'bad\377')"
ln -s later/fine "$work/odd/link"
mkfifo "$work/odd/fifo"
fresh
status "odd" 1 "$SHALE" put -r "$img" "$work/odd"
says "odd: a character" "/odd/a:b: not a name that this volume can have"
says "odd: not UTF-8" "/odd/bad\\377: not a name that this volume can have"
says "odd: case" "/odd/case/nAME: another file to copy has the same name"
says "odd: a link" "/odd/link: a symbolic link, which this volume cannot have"
says "odd: a fifo" "/odd/fifo: neither file nor directory"
says "odd: counted" "$img: 5 not copied, 5 copied"
check "odd: the rest" "$SHALE" stat "$img:odd/later/fine" >/dev/null
judge_fat "odd" "$img"
rm "$work/odd/fifo"
status "-L" 1 "$SHALE" put -rL "$img:l" "$work/odd"
check "-L: what the link leads to" "$SHALE" stat "$img:l/link" >/dev/null
status "without -r links are followed" 0 "$SHALE" put "$img" "$work/odd/link"
ln -s ../.. "$work/odd/later/loop"
status "a loop of links" 1 "$SHALE" put -rL "$img:m" "$work/odd/later"
says "a loop of links" "leads back to a directory"
judge_fat "odd, again" "$img"

# ---- modes: what FAT has of them
echo x >"$work/read-only"
chmod 444 "$work/read-only"
"$SHALE" put "$img" "$work/read-only" "$work/text"
expect "read-only" "-r-" \
    "$("$SHALE" ls -l "$img:read-only" | cut -c 1-3)"
expect "and not" "-rw" "$("$SHALE" ls -l "$img:text" | cut -c 1-3)"
expect "mtools sees it" R \
    "$(mattrib -i "$img" ::read-only | cut -c 1-11 | tr -d ' A')"

# ---- no room
fresh -F 12
"$SHALE" mkfs -t fat --force --size-limit 1M "$img"
mkdir -p "$work/full"
echo small >"$work/full/a"
head -c 2M /dev/zero | tr '\0' z >"$work/full/b"
echo small >"$work/full/c"
status "no room" 1 "$SHALE" put -r "$img" "$work/full"
says "no room" "/full/b: no space left"
expect "no room: no half of a file, and the rest" "a c" \
    "$("$SHALE" ls "$img:full" | xargs)"
judge_fat "no room" "$img"
status "no room: a retry of what fits" 0 "$SHALE" put "$img" "$work/full/a"

# A directory with all that FAT12's and FAT16's root may have.
fresh -F 16 -r 32
mkdir "$work/many"
for i in {1..40}; do : >"$work/many/F$i"; done
status "a full root" 1 "$SHALE" put "$img" "$work/many"/*
says "a full root" "no space left"
judge_fat "a full root" "$img"

# ---- larger than a file can be
rm -f "$img"
"$SHALE" mkfs -t fat --size 6G "$img"
truncate -s 4G "$work/giant"
status "4 GiB" 1 "$SHALE" put "$img" "$work/giant" "$work/text"
says "4 GiB" "/giant: larger than a file of this volume can be"
expect "4 GiB: the other one" text "$("$SHALE" ls "$img")"
judge_fat "4 GiB" "$img"
rm "$work/giant"

# ---- a limit for the sizes of the host's files, below the image's
fresh
head -c 3000000 /dev/zero | tr '\0' x >"$work/large"
got=0
(ulimit -f 2000 && "$SHALE" put "$img" "$work/text" "$work/large") \
    2>"$work/err" || got=$?
expect "ulimit -f" 1 "$got"
expect "ulimit -f: what fits" text "$("$SHALE" ls "$img")"
judge_fat "ulimit -f" "$img"
rm "$work/large"

# ---- images that will not do
status "no image" 2 "$SHALE" put "$work/none.img" "$work/text"
status "nothing to put" 2 "$SHALE" put "$img"
if have flock; then
    status "locked" 2 flock -s "$img" "$SHALE" put "$img" "$work/text"
    says "locked" "in use"
fi
if have mke2fs; then
    make_image "$work/ext2.img" 4M -O uninit_bg
    before=$(cksum <"$work/ext2.img")
    status "ext2" 2 "$SHALE" put "$work/ext2.img" "$work/text"
    says "ext2" "cannot be changed"
    expect "ext2: is as it was" "$before" "$(cksum <"$work/ext2.img")"
fi
fresh
"$SHALE" put "$img" "$work/text"
cp "$img" "$work/image"
status "the image into itself" 1 "$SHALE" put "$img" "$img"
says "the image into itself" "that is the image itself"
dd if=/dev/zero of="$img" bs=512 count=1 conv=notrunc status=none
status "no volume" 2 "$SHALE" put "$img" "$work/text"

# ---- what the volume cannot have takes nobody's place
fresh
echo old >"$work/taken"
"$SHALE" put "$img" "$work/taken"
mkdir "$work/links"
ln -s text "$work/links/taken"
status "a symlink for a file" 1 "$SHALE" put "$img" "$work/links/taken"
says "a symlink for a file" "cannot have"
expect "a symlink for a file" old "$("$SHALE" cat "$img:/taken")"
status "ln -sf" 1 "$SHALE" ln -s -f text "$img:/taken"
expect "ln -sf" old "$("$SHALE" cat "$img:/taken")"

# ---- talk
fresh
status "-v" 0 "$SHALE" put -rv "$img" "$tree/a/b/c"
check "-v" grep -qF "$tree/a/b/c/S1.TXT -> $img:/c/S1.TXT" "$work/out"
status "--progress" 0 "$SHALE" put -r --progress "$img" "$tree/a"
check "--progress" grep -q '\[#*\] 100%.*/s' "$work/err"
finish
