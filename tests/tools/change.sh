#!/usr/bin/env bash
# change.sh - shale mkdir, rm, mv, touch, attr and label
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have fsck.fat || skip_all "needs fsck.fat (dosfstools)"
have mdir || skip_all "needs mdir (mtools)"
export TZ=UTC
unset SOURCE_DATE_EPOCH
img=$work/disk.img
echo hello >"$work/hello"
echo other >"$work/other"

fresh()
{
    rm -f "$img"
    "$SHALE" mkfs -t fat --size 40M "$@" "$img"
}

# list [DIR]: what is there, on one line.
list() { "$SHALE" ls -A "$img:${1:-/}" | xargs; }

# the KEY of PATH, by stat.
stat_of() { "$SHALE" stat --json "$img:$2" | jq -r ".[0].$1"; }

# ---- mkdir
fresh
status "mkdir" 0 "$SHALE" mkdir "$img:one" two "/with a long name"
expect "mkdir" "one two with a long name" "$(list)"
status "mkdir below" 0 "$SHALE" mkdir "$img" one/a one/b/ two/../one/c
expect "mkdir below" "a b c" "$(list one)"
status "mkdir of what is there" 1 "$SHALE" mkdir "$img" one three
says "mkdir of what is there" "$img: one: file exists"
check "... the rest is made" "$SHALE" stat "$img:three" >/dev/null
status "mkdir without a parent" 1 "$SHALE" mkdir "$img:x/y/z"
says "mkdir without a parent" "x/y/z: no such file or directory"
status "mkdir -p" 0 "$SHALE" mkdir -p "$img:x/y/z" /x/y/w one x//v/
expect "mkdir -p" "w z" "$(list x/y)"
"$SHALE" put "$img" "$work/hello"
status "mkdir -p over a file" 1 "$SHALE" mkdir -p "$img:hello/x"
says "mkdir -p over a file" "hello: file exists"
status "mkdir of the root" 1 "$SHALE" mkdir "$img:/"
says "mkdir of the root" "/: file exists"
status "each path with the image's name" 0 "$SHALE" mkdir "$img:u" "$img:u/v"
status "... to remove, too" 0 "$SHALE" rm -r "$img" "$img:u"
status "mkdir -p of the root" 0 "$SHALE" mkdir -p "$img:/"
status "mkdir of no name" 1 "$SHALE" mkdir "$img" 'a*b' 'a<b' "$(printf '\1')"
says "mkdir of no name" "a*b: not a name that this volume can have"
status "mkdir of a long name" 1 "$SHALE" mkdir "$img:$(printf 'n%.0s' {1..256})"
says "mkdir of a long name" "name too long"
status "mkdir --part" 2 "$SHALE" mkdir --part 3 "$img:x"
judge_fat "mkdir" "$img"
expect "mtools sees it" "::/x/y/w/ ::/x/y/z/" \
    "$(mdir -b -i "$img" ::/x/y | sort | xargs)"

# ---- rm
status "rm" 0 "$SHALE" rm "$img:hello"
status "rm of a directory" 1 "$SHALE" rm "$img:one"
says "rm of a directory" "one: a directory; removed with -r only"
"$SHALE" put "$img" "$work/other"
status "rm of a file with a slash" 1 "$SHALE" rm "$img:other/"
says "rm of a file with a slash" "other/: not a directory"
status "rm of the file" 0 "$SHALE" rm "$img:other"
status "rm of what is not there" 1 "$SHALE" rm "$img" none /two/none
says "rm of what is not there" "none: no such file"
status "rm -f of it" 0 "$SHALE" rm -f "$img" none /two/none
status "rm -r" 0 "$SHALE" rm -rv "$img:x" one/a
same "rm -rv" <(printf '%s\n' x/v x/y/w x/y/z x/y x one/a) "$work/out"
expect "rm -r" "one three two with a long name" "$(list)"
status "rm -r of the root" 1 "$SHALE" rm -r "$img:/"
status "rm -r of dots" 1 "$SHALE" rm -r "$img:one/.."
expect "... has removed nothing" "b c" "$(list one)"
mkdir -p "$work/many/deep/$(printf 'd/%.0s' {1..80})"
for i in {1..500}; do : >"$work/many/file with a number $i"; done
"$SHALE" put -r "$img" "$work/many"
status "rm -r of many" 0 "$SHALE" rm -r "$img:many"
judge_fat "rm" "$img"
"$SHALE" rm -r "$img" one two three "with a long name"
expect "rm: all is free again" "$("$SHALE" info --json "$img" |
    jq .volume.usage.blocks)" "$("$SHALE" info --json "$img" |
    jq .volume.usage.blocks_free)"

# ---- mv
fresh
"$SHALE" mkdir "$img" a b a/sub
"$SHALE" put "$img" "$work/hello" "$work/other"
status "mv" 0 "$SHALE" mv "$img:hello" "/new name"
same "mv" "$work/hello" <("$SHALE" cat "$img:new name")
status "mv, with the image's name" 0 "$SHALE" mv "$img:new name" "$img:hello"
status "mv into a directory" 0 "$SHALE" mv "$img:hello" a
status "mv several" 0 "$SHALE" mv -v "$img" a/hello other b
same "mv -v" <(printf '%s\n' 'a/hello -> b/hello' 'other -> b/other') \
    "$work/out"
expect "mv several" "hello other" "$(list b)"
status "mv over a file" 0 "$SHALE" mv "$img:b/hello" b/other
same "mv over a file" "$work/hello" <("$SHALE" cat "$img:b/other")
expect "mv over a file: it is gone" other "$(list b)"
"$SHALE" put "$img" "$work/other"
status "mv -n" 0 "$SHALE" mv -n "$img:other" b/other
same "mv -n" "$work/hello" <("$SHALE" cat "$img:b/other")
status "mv to another case" 0 "$SHALE" mv "$img:b/other" b/OTHER
expect "mv to another case" OTHER "$(list b)"
status "mv of a directory to another case" 0 "$SHALE" mv "$img:b" B
expect "mv of a directory to another case" "B a other" \
    "$("$SHALE" ls "$img" | sort | xargs)"
status "mv of a directory" 0 "$SHALE" mv "$img:B" a/sub
expect "mv of a directory" OTHER "$(list a/sub/B)"
status "mv below itself" 1 "$SHALE" mv "$img:a" a/sub/B
says "mv below itself" "a: a directory cannot go below itself"
status "mv to no name" 1 "$SHALE" mv "$img:other" 'a:b'
says "mv to no name" "a:b: not a name that this volume can have"
status "mv of what is not there" 1 "$SHALE" mv "$img" none a/sub
status "mv several to a file" 1 "$SHALE" mv "$img" a other other
says "mv several to a file" "not a directory"
status "mv of the root" 1 "$SHALE" mv "$img:/" a
status "mv over a directory with something in it" 1 \
    "$SHALE" mv "$img:other" a/sub/B/OTHER/x
status "mv nowhere" 2 "$SHALE" mv "$img:other"
before=$(list)
status "mv of a file with a slash" 1 "$SHALE" mv "$img:other/" new
says "mv of a file with a slash" "other/: not a directory"
status "mv of a file to a directory's name" 1 "$SHALE" mv "$img:other" none/
says "mv of a file to a directory's name" "none/: not a directory"
status "mv of a file to itself with a slash" 1 "$SHALE" mv "$img:other" other/
expect "mv with slashes changes nothing" "$before" "$(list)"
status "mv of a directory with slashes" 0 "$SHALE" mv "$img:a/" z/
status "... and back" 0 "$SHALE" mv "$img:z" a/
judge_fat "mv" "$img"

# ---- touch
fresh
before=$(date +%s)
status "touch makes files" 0 "$SHALE" touch "$img:new" "another new one"
expect "touch makes files" "another new one new" "$(list)"
made=$(date -d "$(stat_of mtime new)" +%s)
# FAT has every second second.
check "touch: now" test "$made" -ge $((before - 1)) -a "$made" -le "$(date +%s)"
status "touch of a directory that is not there" 1 "$SHALE" touch "$img:none/"
says "touch of a directory that is not there" "none/: no such file or directory"
status "touch of a file with a slash" 1 "$SHALE" touch "$img:new/"
says "touch of a file with a slash" "new/: not a directory"
status "touch -c of a directory that is not there" 0 \
    "$SHALE" touch -c "$img:none/"
status "touch -c" 0 "$SHALE" touch -c "$img:not-made"
expect "touch -c" "another new one new" "$(list)"
while IFS='|' read -r option date want; do
    status "touch $option $date" 0 "$SHALE" touch "$option" "$date" "$img:new"
    expect "touch $option $date" "$want" "$(stat_of mtime new)"
done <<'END'
-d|2001-02-03|2001-02-03T00:00:00.000000000Z
-d|2001-02-03 04:05|2001-02-03T04:05:00.000000000Z
-d|2001-02-03T04:05:06.9Z|2001-02-03T04:05:06.000000000Z
-d|2001-02-03 04:05:06 +02:00|2001-02-03T02:05:06.000000000Z
-d|@1000000000|2001-09-09T01:46:40.000000000Z
-d|1970-01-01|1980-01-01T00:00:00.000000000Z
-d|2300-01-01|2107-12-31T23:59:58.000000000Z
-t|0203040506|2002-03-04T05:06:00.000000000Z
-t|9903040506.08|1999-03-04T05:06:08.000000000Z
-t|200903040506.08|2009-03-04T05:06:08.000000000Z
END
for date in tomorrow 2001-02-30 2001-13-01 '2001-01-01 25:00' @ 2001-01-01x; do
    status "touch -d $date" 2 "$SHALE" touch -d "$date" "$img:new"
    says "touch -d $date" "not a date: '$date'"
done
status "touch -t of none" 2 "$SHALE" touch -t 123 "$img:new"
touch -d '2012-03-04 05:06:08' "$work/reference"
status "touch -r" 0 "$SHALE" touch -r "$work/reference" "$img:new"
expect "touch -r" 2012-03-04T05:06:08.000000000Z "$(stat_of mtime new)"
status "touch -r of nothing" 2 "$SHALE" touch -r "$work/none" "$img:new"
"$SHALE" touch -d 2003-03-03 "$img:new"
status "touch -a" 0 "$SHALE" touch -a -d 2004-04-04 "$img:new"
expect "touch -a" "2004-04-04 2003-03-03" \
    "$(stat_of atime[:10] new) $(stat_of mtime[:10] new)"
status "touch -m" 0 "$SHALE" touch -m -d 2005-05-05 "$img:new"
expect "touch -m" "2004-04-04 2005-05-05" \
    "$(stat_of atime[:10] new) $(stat_of mtime[:10] new)"
SOURCE_DATE_EPOCH=1200000000 status "touch, at SOURCE_DATE_EPOCH" 0 \
    "$SHALE" touch "$img:new"
expect "touch, at SOURCE_DATE_EPOCH" 2008-01-10T21:20:00.000000000Z \
    "$(stat_of mtime new)"
status "touch without a parent" 1 "$SHALE" touch "$img:no/such"
judge_fat "touch" "$img"
check "mtools has that date" grep -q "new .*2008-01-10  21:20" \
    <(mdir -i "$img" ::new)

# ---- attr
status "attr" 0 "$SHALE" attr "$img" new "another new one"
same "attr" <(printf '%s\n' '---a  new' '---a  another new one') "$work/out"
status "attr +h" 0 "$SHALE" attr +h "$img:new"
status "attr +rs -a" 0 "$SHALE" attr +rs -a "$img" new
expect "attr +rs -a" "rhs-  new" "$("$SHALE" attr "$img:new")"
expect "mtools has them" "SHR" \
    "$(mattrib -i "$img" ::new | cut -c 1-10 | tr -d ' ')"
status "attr -r -h" 0 "$SHALE" attr -r -h "$img" new
expect "attr -r -h" "--s-  new" "$("$SHALE" attr "$img:new")"
json "attr --json" '.[0] | "\(.path) \(.flags) \(.system) \(.archive)"' \
    "new 4 true false" "$SHALE" attr --json "$img:new"
status "attr of nothing" 1 "$SHALE" attr +h "$img" none new
says "attr of nothing" "none: no such file"
expect "attr: and the other" "-hs-  new" "$("$SHALE" attr "$img:new")"
"$SHALE" mkdir -p "$img:dir/sub"
"$SHALE" touch "$img:dir/sub/file"
status "attr -R" 0 "$SHALE" attr -R +h "$img:dir"
expect "attr -R" "-h-- dir -h-- dir/sub -h-a dir/sub/file" \
    "$("$SHALE" attr -R "$img:dir" | xargs)"
status "attr of the root" 1 "$SHALE" attr "$img:/"
status "attr -R of the root" 0 "$SHALE" attr -R +a "$img:/"
status "attr, both" 2 "$SHALE" attr +h -h "$img:new"
status "attr, no image" 2 "$SHALE" attr +h
judge_fat "attr" "$img"
ours=$("$SHALE" attr "$img:new")
if have fatattr && can_fuse && mount_shale "$img" "$work/mnt"; then
    theirs=$(fatattr "$work/mnt/new")
    expect "fatattr agrees" "$(cut -c 1-4 <<<"$ours" | tr -d -)" \
        "$(cut -c 1-6 <<<"$theirs" | tr -d ' ')"
    unmount "$work/mnt"
fi

# ---- label
expect "no label" "" "$("$SHALE" label "$img")"
status "label" 0 "$SHALE" label "$img" "New Label"
expect "label" "NEW LABEL" "$("$SHALE" label "$img")"
check "mtools has it" grep -q "NEW LABEL" <(mlabel -s -i "$img" ::)
if have blkid; then
    expect "blkid has it" "NEW_LABEL" \
        "$(blkid -p -o udev "$img" | sed -n 's/^ID_FS_LABEL=//p')"
fi
status "label again" 0 "$SHALE" label "$img" "É 2"
expect "label again" "É 2" "$("$SHALE" label "$img")"
status "label once more" 0 "$SHALE" label "$img" "ABC 1"
judge_fat "label" "$img"        # which takes ASCII only
status "a long label" 1 "$SHALE" label "$img" 123456789012
says "a long label" "too long"
status "no label so" 1 "$SHALE" label "$img" 'a*b'
says "no label so" "a character"
status "remove the label" 0 "$SHALE" label "$img" ""
expect "remove the label" "" "$("$SHALE" label "$img")"
judge_fat "remove the label" "$img"

# ---- images that will not do: nothing is changed, status 2
cp "$img" "$work/before.img"
for verb in "mkdir $img:q" "rm $img:new" "mv $img:new q" "touch $img:q" \
    "attr +h $img:new" "label $img Q"; do
    # shellcheck disable=SC2086
    set -- $verb
    if have flock; then
        status "$1: locked" 2 flock -s "$img" "$SHALE" "$@"
        says "$1: locked" "$img: in use"
    fi
    status "$1: no such image" 2 "$SHALE" "${@//$img/$work/none.img}"
done
same "nothing was changed" "$work/before.img" "$img"
if have mke2fs; then
    make_image "$work/ext2.img" 4M -O uninit_bg
    for verb in "mkdir %:q" "rm -r %:lost+found" "mv %:lost+found q" \
        "touch %:q" "label % Q"; do
        # shellcheck disable=SC2086
        status "ext2: $verb" 2 "$SHALE" ${verb//%/$work/ext2.img}
        says "ext2: $verb" "cannot be changed"
    done
    status "ext2: attr" 2 "$SHALE" attr "$work/ext2.img:lost+found"
    says "ext2: attr" "have no DOS attributes"
fi

# A volume whose first boot sector is bad is read by its copy, and not written.
rm -f "$img"
"$SHALE" mkfs -t fat -F 32 --size 40M -s 512 "$img"
dd if=/dev/zero of="$img" bs=512 count=1 conv=notrunc status=none
before=$(cksum <"$img")
status "by the copy of the boot sector" 2 "$SHALE" mkdir -t fat "$img:x" ||
    true
expect "... nothing is written" "$before" "$(cksum <"$img")"

# A directory that begins outside the volume: told, with the place, and the
# rest is done.
fresh -F 16
"$SHALE" mkdir "$img:D"
root=$("$SHALE" info --json "$img" | jq '.volume.details |
    (.reserved_sectors + .fats * .fat_sectors) * .sector_size')
printf '\360\377' | dd of="$img" bs=1 seek=$((root + 26)) conv=notrunc \
    status=none
for verb in "touch %:D/x new" "mkdir % D/x made" "mv %:made D"; do
    # shellcheck disable=SC2086
    status "damage: $verb" 1 "$SHALE" ${verb//%/$img}
    says "damage: $verb" "the volume is corrupt"
    check "damage: $verb: the place" \
        grep -Eq "byte [0-9]+ of the image" "$work/err"
done
expect "damage: the rest" "D made new" "$("$SHALE" ls "$img" 2>&1 | xargs)"
finish
