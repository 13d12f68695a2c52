#!/usr/bin/env bash
# posix.sh - what a Unix tree has, in an ext2 image: put, cp, mkfs -d, and the
# verbs chmod, chown, ln, mknod; each judged by e2fsck
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

# fresh [ARGUMENT...]: an empty volume.
fresh()
{
    rm -f "$img"
    "$SHALE" mkfs -t ext2 --size 100M "$@" "$img"
}

# seen: a dump without what copying cannot keep: the time of the last change of
# attributes, when directories and links were last read, and, where it is the
# image's, lost+found and the root's link from there.
seen()
{
    grep -vE "	lost\\+found\$" | cut -f 1-8,10- |
        awk -F '\t' -v OFS='\t' '$1 == "d" || $1 == "l" { $8 = "-" }
            $NF == "." || $NF == "" { $5 = "-" } { print }'
}

# volume_is NAME [OPTION]: the volume holds the tree, by us and by the kernel.
volume_is()
{
    "$DUMPDIR" -d ${2:+$2} "$tree" | seen >"$work/want"
    "$DUMPTREE" -d ${2:+$2} "$img" 2>&1 | seen >"$work/got" || true
    same "$1" "$work/want" "$work/got"
    judge_ext2 "$1" "$img"
    can_loop || return 0
    if mount_kernel "$img" "$work/mnt" ro,noatime; then
        "$DUMPDIR" -d ${2:+$2} "$work/mnt" 2>&1 | seen >"$work/got" || true
        unmount "$work/mnt"
        same "$1: by the kernel" "$work/want" "$work/got"
    fi
}

# ---- a tree with one of everything
mkdir -p "$tree/a/b/c" "$tree/dir" "$tree/sp ace"
echo hello >"$tree/a/f"
printf x >"$tree/a/b/one"
ln -s /etc/passwd "$tree/absolute"
ln -s a/f "$tree/relative"
ln -s "$(printf 'x%.0s' {1..200})" "$tree/slow"
ln -s "$(printf 'y%.0s' {1..60})" "$tree/slow60"
ln -s "$(printf 'z%.0s' {1..59})" "$tree/fast59"
ln "$tree/a/f" "$tree/a/hard"
ln "$tree/a/f" "$tree/dir/hard too"
mkfifo "$tree/fifo"
ln "$tree/fifo" "$tree/fifo too"
head -c 3000000 /dev/urandom >"$tree/big"
truncate -s 50M "$tree/sparse"
echo end | dd of="$tree/sparse" bs=4096 seek=7000 conv=notrunc status=none
truncate -s 3G "$tree/huge"
echo zz | dd of="$tree/huge" bs=4096 seek=700000 conv=notrunc status=none
for i in {1..300}; do echo "$i" >"$tree/dir/file number $i"; done
chmod 4755 "$tree/big"
chmod 1777 "$tree/dir"
chmod 2755 "$tree/a"
chmod 640 "$tree/a/f"
if is_root; then
    mknod "$tree/null" c 1 3
    mknod "$tree/disk" b 259 1000
    ln "$tree/null" "$tree/null too"
    chown 1000:1001 "$tree/a/f"
    chown 70000:80000 "$tree/sparse"
    chown -h 5:6 "$tree/relative"
    chown 0:7 "$tree/a"
    chmod 2755 "$tree/a"
fi
if have setfattr && setfattr -n user.x -v y "$tree/a/f" 2>/dev/null; then
    setfattr -n user.long -v "$(printf 'v%.0s' {1..300})" "$tree/a/b/one"
    ! is_root || setfattr -n trusted.t -v q "$tree/dir"
    ! is_root || setfattr -n security.foo -v bar "$tree/fifo"
fi
if have setfacl && setfacl -m u:1000:rw "$tree/a/b/one" 2>/dev/null; then
    setfacl -d -m u:55:rwx "$tree/dir"
    setfacl -m u:55:rwx,g:9:- "$tree/dir"
fi
touch -d '2001-02-03 04:05:06.123456789' "$tree/a/f" "$tree/a/b" "$tree/dir"
touch -h -d '1999-01-01 00:00:00.5' "$tree/relative"
touch -d '2040-01-01 00:00:00.25' "$tree/big"
touch -d '1960-06-06 06:06:06.75' "$tree/a/b/one"
touch -d '2012-11-10 09:08:07.06' "$tree"

# ---- into a new volume, in three ways
for block in 1024 4096; do
    fresh -b $block -d "$tree"
    # Holes are as large as blocks, and this machine's are of 4 KiB.
    volume_is "mkfs -d, blocks of $block" "$([ $block != 4096 ] || echo -H)"
done
fresh
check "put" "$SHALE" put -a "$img" "$tree"/*
"$SHALE" chmod "$(stat -c %a "$tree")" "$img:/" 
"$SHALE" touch -r "$tree" "$img:/"
"$SHALE" chown "$(stat -c %u:%g "$tree")" "$img:/"
volume_is "put -a"
fresh
check "cp" "$SHALE" cp -a "$tree" "$img:/copy"
rm -rf "$work/copied"
check "and back" "$SHALE" cp -a "$img:/copy" "$work/copied"
"$DUMPDIR" -d "$tree" | seen >"$work/want"
if is_root; then
    "$DUMPDIR" -d "$work/copied" | seen >"$work/got"
    same "out again" "$work/want" "$work/got"
fi
judge_ext2 "cp -a" "$img"
# Again, over what is there: nothing changes, nothing is lost.
check "cp again" "$SHALE" cp -a "$tree/." "$img:/copy"
rm -rf "$work/copied"
"$SHALE" cp -a "$img:/copy" "$work/copied"
if is_root; then
    "$DUMPDIR" -d "$work/copied" | seen >"$work/got"
    same "over itself" "$work/want" "$work/got"
fi
judge_ext2 "over itself" "$img"
check "no clobber" "$SHALE" put -r -n "$img:/copy" "$tree/a"
judge_ext2 "no clobber" "$img"

# What is in a directory brings the directory's own attributes along.
fresh
check "put of contents" "$SHALE" put -a "$img" "$tree/."
volume_is "put of contents"

# ---- equal trees, equal images
for i in 1 2; do
    SOURCE_DATE_EPOCH=1500000000 fresh -d "$tree" -L SAME
    mv "$img" "$work/same$i"
    # Where this machine keeps holes does not matter.
    cp --sparse=never --preserve=all "$tree/sparse" "$work/dense"
    mv "$work/dense" "$tree/sparse"
    touch -d '2012-11-10 09:08:07.06' "$tree"
done
check "SOURCE_DATE_EPOCH" cmp "$work/same1" "$work/same2"
rm -f "$work/same1" "$work/same2"

# ---- another owner
fresh -d "$tree" --owner 12:34
expect "--owner" 12:34 "$("$SHALE" ls -lR --json "$img" / |
    jq -r '.[] | select(.path | test("lost") | not) | "\(.uid):\(.gid)"' |
    sort -u)"
judge_ext2 "--owner" "$img"
fresh
check "put --owner" "$SHALE" put --owner 77 "$img" "$tree/big"
expect "put --owner" "77 $(stat -c %g "$tree/big")" \
    "$("$SHALE" stat --json "$img" /big | jq -r '.[0] | "\(.uid) \(.gid)"')"

# ---- the tree does not fit
rm -f "$img"
status "too small" 2 "$SHALE" mkfs -t ext2 --size 2M -d "$tree" "$img"
says "too small" "the tree does not fit"
check "too small: no file is left" test ! -e "$img"
status "too few inodes" 2 "$SHALE" mkfs -t ext2 --size 60M -N 100 -d "$tree" \
    "$img"
says "too few inodes" "too few inodes for the files"
check "too few inodes: no file is left" test ! -e "$img"

# ---- chmod, as chmod(1) does it
fresh
: >"$work/file"
mkdir "$work/dir"
"$SHALE" put -r "$img" "$work/file" "$work/dir"
for start in 0 644 755 4711 7777 1777; do
    for change in u+x g-w,o-r a+rwx +x +w -- = a= u=rwx,go=rx ug=o o=g u=g \
        g+s u+s,g-s o+t +t u+t a+t a-t u+X a=rX,u+w g=u-w u=rws 0 7 0644 \
        2755 07777 a+rwxst =rwx,+s; do
        [ "$change" != -- ] || continue
        for what in file dir; do
            chmod $start "$work/$what"
            # GNU's keeps a directory's set-id bits against fewer digits.
            [ "$what" = file ] || chmod u-s,g-s "$work/$what"
            from=$(stat -c %a "$work/$what")
            (umask 022 && chmod "$change" "$work/$what")
            "$SHALE" chmod "$from" "$img:/$what"
            "$SHALE" chmod "$change" "$img:/$what"
            expect "chmod $change on $what $from" \
                "$(printf %04o "0$(stat -c %a "$work/$what")")" \
                "$("$SHALE" stat --json "$img" "/$what" | value mode)"
        done
    done
    ! is_quick || break
done
judge_ext2 "chmod" "$img"
for wrong in 8 u+q 17777 u '' x=r 'u=r,' 0x1; do
    status "chmod '$wrong'" 2 "$SHALE" chmod "$wrong" "$img:/file"
    says "chmod '$wrong'" "not a mode"
done
status "chmod of nothing" 1 "$SHALE" chmod 644 "$img:/none"
says "chmod of nothing" "none"
status "chmod without a file" 2 "$SHALE" chmod 644

# ---- trees of them, and symlinks
fresh -d "$tree"
check "chown -R" "$SHALE" chown -R 3:4 "$img:/a" /sparse
expect "chown -R" 3:4 "$("$SHALE" ls -lR --json "$img:/a" |
    jq -r '.[] | "\(.uid):\(.gid)"' | sort -u)"
check "chown of a link" "$SHALE" chown -h 8: "$img:/relative"
expect "chown of a link" "8:8 3:4" "$("$SHALE" stat --json "$img" \
    /relative /a/f | jq -r '.[] | "\(.uid):\(.gid)"' | xargs)"
check "chown through a link" "$SHALE" chown :9 "$img:/relative"
expect "chown through a link" "8:8 3:9" "$("$SHALE" stat --json "$img" \
    /relative /a/f | jq -r '.[] | "\(.uid):\(.gid)"' | xargs)"
check "large numbers" "$SHALE" chown 4294967294:4000000000 "$img:/big"
expect "large numbers" "4294967294 4000000000 0755" "$("$SHALE" stat --json \
    "$img" /big | jq -r '.[0] | "\(.uid) \(.gid) \(.mode[-4:])"')"
check "chmod -R" "$SHALE" chmod -R go-rwx "$img:/dir"
expect "chmod -R" "" "$("$SHALE" ls -lR --json "$img:/dir" |
    jq -r '.[] | .mode' | grep -v '00$' || true)"
for wrong in me -1 1:2:3 4294967295 : 1:x ""; do
    status "chown '$wrong'" 2 "$SHALE" chown -- "$wrong" "$img:/big"
done
# Names are the image's: none of them is this machine's.
says "chown" "not an owner: ''"
status "chown by name, without names" 2 "$SHALE" chown us "$img:/big"
says "chown by name, without names" "/etc/passwd: no such file"
mkdir -p "$work/etc"
printf '%s\n' root:x:0:0::/:/bin/sh usual:x:9:9 us:x:4001:4002:Us:/:/bin/sh \
    nobody:x:no:1 >"$work/etc/passwd"
printf '%s' $'root:x:0:\nthem:x:4003:us,usual\nwe:x:4004:' >"$work/etc/group"
"$SHALE" put -r "$img" "$work/etc"
while read -r spec want; do
    "$SHALE" chown 1:2 "$img:/big"
    check "chown $spec" "$SHALE" chown "$spec" "$img:/big"
    expect "chown $spec" "$want" "$("$SHALE" stat --json "$img" /big |
        jq -r '.[0] | "\(.uid):\(.gid)"')"
done <<'END'
us 4001:2
us: 4001:4002
us:them 4001:4003
us:7 4001:7
7:we 7:4004
:we 1:4004
END
for wrong in them us:us nobody u usu x:them; do
    status "chown $wrong" 2 "$SHALE" chown "$wrong" "$img:/big"
    says "chown $wrong" "has no '"
done
judge_ext2 "chown" "$img"

# ---- ln
fresh -d "$tree"
check "ln" "$SHALE" ln "$img:/big" /big2
check "ln to a directory" "$SHALE" ln "$img:/big" /a/f /sp\ ace
expect "ln" "3 3 4" "$("$SHALE" stat --json "$img" /big2 "/sp ace/big" \
    "/sp ace/f" | jq -r '.[].links' | xargs)"
expect "ln: one file" 1 "$("$SHALE" stat --json "$img" /big /big2 \
    "/sp ace/big" | jq -r '.[].ino' | sort -u | wc -l)"
status "ln over something" 1 "$SHALE" ln "$img:/big" /a/f
says "ln over something" "exists"
check "ln -f" "$SHALE" ln -f "$img:/big" /a/f
check "ln -f over itself" "$SHALE" ln -f "$img:/big" /big2
expect "ln -f" 4 "$("$SHALE" stat --json "$img" /a/f | jq -r '.[0].links')"
status "ln of a directory" 1 "$SHALE" ln "$img:/dir" /dir2
says "ln of a directory" "one name only"
status "ln of nothing" 1 "$SHALE" ln "$img:/none" /x
status "ln into nothing" 1 "$SHALE" ln "$img:/big" /none/x
status "ln to no directory" 1 "$SHALE" ln "$img:/big" /huge /a/f
status "ln without a name" 2 "$SHALE" ln "$img:/big"
check "ln -s" "$SHALE" ln -s ../else "$img:/sp ace/link"
expect "ln -s" "../else" "$("$SHALE" stat --json "$img" "/sp ace/link" |
    jq -r '.[0].target')"
check "ln -s into a directory" "$SHALE" ln -s /x/yz "$img:/dir"
expect "ln -s into a directory" "/x/yz" "$("$SHALE" stat --json "$img" \
    /dir/yz | jq -r '.[0].target')"
status "ln -s over something" 1 "$SHALE" ln -s x "$img:/big"
check "ln -sf" "$SHALE" ln -sf x "$img:/huge"
expect "ln -sf" x "$("$SHALE" stat --json "$img" /huge | jq -r '.[0].target')"
check "ln of a symlink" "$SHALE" ln "$img:/slow" /slow2
judge_ext2 "ln" "$img"
fresh -b 4096
long=$(printf 'l%.0s' {1..4095})
check "ln -s, the longest" "$SHALE" ln -s "$long" "$img:/longest"
status "ln -s, too long" 1 "$SHALE" ln -s "${long}l" "$img:/toolong"
judge_ext2 "ln -s, the longest" "$img"

# ---- mknod
fresh
check "mknod c" "$SHALE" mknod -m 600 "$img:/console" c 5 1
check "mknod b" "$SHALE" mknod "$img" /disk b 259 70000
check "mknod p" "$SHALE" mknod -m u=rw,g=r,o= "$img:/pipe" p
check "mknod, by letters" "$SHALE" mknod -m g+w,o= "$img:/pipe2" p
expect "mknod, by letters" 0660 "$("$SHALE" stat --json "$img" /pipe2 |
    jq -r '.[0].mode')"
expect "mknod" "char 0600 5 1,block 0644 259 70000,fifo 0640" \
    "$("$SHALE" stat --json "$img" /console /disk /pipe | jq -r '[.[] |
        "\(.type) \(.mode[-4:]) \(.rdev_major // "") \(.rdev_minor // "")" |
        sub(" +$"; "")] | join(",")')"
status "mknod again" 1 "$SHALE" mknod "$img:/pipe" p
for wrong in "p 1" "c" "c 1" "b 1 x" "q" "b 1 2 3" "c -1 2"; do
    # shellcheck disable=SC2086
    status "mknod $wrong" 2 "$SHALE" mknod "$img:/wrong" $wrong
done
status "mknod nowhere" 1 "$SHALE" mknod "$img:/none/x" p
judge_ext2 "mknod" "$img"
if can_loop && mount_kernel "$img" "$work/mnt" ro; then
    expect "mknod: by the kernel" "5,1 259,70000" \
        "$(stat -c %Hr,%Lr "$work/mnt/console" "$work/mnt/disk" | xargs)"
    unmount "$work/mnt"
fi

# ---- mkdir
fresh
# mode_of PATH: as stat(1) has it.
mode_of()
{
    local mode

    mode=$("$SHALE" stat --json "$img" "$1" | value mode)
    echo "${mode#0}"
}
for mode in 700 1777 2750 u=rwx,go= g-w go-w u+s =rx +x; do
    rmdir "$work/made" 2>/dev/null || true
    (umask 022 && mkdir -m "$mode" "$work/made")
    check "mkdir -m $mode" "$SHALE" mkdir -m "$mode" "$img:/m $mode"
    expect "mkdir -m $mode" "$(stat -c %a "$work/made")" "$(mode_of "/m $mode")"
    # Below one of a group's, and for the last of several only.
    mkdir -p "$work/group"
    chmod 2755 "$work/group"
    rm -rf "$work/group/p"
    # shellcheck disable=SC2174
    (umask 022 && mkdir -p -m "$mode" "$work/group/p/q")
    "$SHALE" mkdir -p -m 2755 "$img:/group"
    check "mkdir -pm $mode" "$SHALE" mkdir -pm "$mode" "$img:/group/p/q/"
    expect "mkdir -pm $mode" \
        "$(stat -c %a "$work/group/p" "$work/group/p/q" | xargs)" \
        "$(mode_of /group/p) $(mode_of /group/p/q)"
    check "mkdir -p of what is there" "$SHALE" mkdir -p -m 0 "$img:/group/p/q"
    expect "... changes nothing" "$(stat -c %a "$work/group/p/q")" \
        "$(mode_of /group/p/q)"
    "$SHALE" rm -r "$img:/group/p"
done
status "mkdir -m of no mode" 2 "$SHALE" mkdir -m 8 "$img:/x"
says "mkdir -m of no mode" "not a mode: '8'"
judge_ext2 "mkdir" "$img"

# ---- label
fresh -L first
expect "label" first "$("$SHALE" label "$img")"
check "label" "$SHALE" label "$img" "sixteen bytes..."
expect "label" "sixteen bytes..." "$("$SHALE" label "$img")"
! have e2label || expect "label: e2label" "sixteen bytes..." "$(e2label "$img")"
status "label: too long" 1 "$SHALE" label "$img" "seventeen bytes.."
says "label: too long" "too long (16 bytes at most)"
check "label: none" "$SHALE" label "$img" ""
expect "label: none" "" "$("$SHALE" label "$img")"
judge_ext2 "label" "$img"

# ---- all of it as an ordinary user
if is_root && have setpriv; then
    chmod 755 "$work"
    mkdir -m 777 "$work/his"
    img=$work/his/disk.img
    user=(setpriv --reuid 65534 --regid 65534 --clear-groups)
    if "${user[@]}" "$SHALE" version >/dev/null 2>&1; then
        "${user[@]}" cp -r /etc/skel "$work/his/tree"
        "${user[@]}" mkdir -m 700 "$work/his/tree/private"
        echo secret | "${user[@]}" tee "$work/his/tree/private/key" >/dev/null
        status "a user's" 0 "${user[@]}" "$SHALE" mkfs -t ext2 --size 20M \
            -d "$work/his/tree" --owner 0:0 "$img"
        status "a user's device" 0 "${user[@]}" "$SHALE" mknod -m 622 \
            "$img:/console" c 5 1
        status "a user's owner" 0 "${user[@]}" "$SHALE" chown 12:13 \
            "$img:/private/key"
        status "a user's mode" 0 "${user[@]}" "$SHALE" chmod u+s \
            "$img:/private/key"
        expect "a user's image" "0:0 0700,12:13 4644,0:0 0622" \
            "$("$SHALE" stat --json "$img" /private /private/key /console |
                jq -r '[.[] | "\(.uid):\(.gid) \(.mode[-4:])"] | join(",")')"
        # What he may not read is told, and the rest is there.
        chown 0:0 "$work/his/tree/private/key"
        chmod 600 "$work/his/tree/private/key"
        status "a user's put" 1 "${user[@]}" "$SHALE" put -r "$img:/again" \
            "$work/his/tree"
        says "a user's put" "ermission denied"
        check "a user's put: the rest" "$SHALE" ls "$img:/again/private"
        judge_ext2 "a user's image" "$img"
    else
        skip "as an ordinary user" "the command is not theirs to run"
    fi
fi
img=$work/disk.img

# ---- where there is no such thing
rm -f "$img"
"$SHALE" mkfs -t fat --size 4M "$img"
"$SHALE" touch "$img:/file"
status "ln on FAT" 1 "$SHALE" ln "$img:/file" /other
says "ln on FAT" "one name only"
status "ln -s on FAT" 1 "$SHALE" ln -s x "$img:/link"
says "ln -s on FAT" "cannot have symbolic links"
status "mknod on FAT" 1 "$SHALE" mknod "$img:/pipe" p
says "mknod on FAT" "files and directories only"
status "chown on FAT" 1 "$SHALE" chown 1:1 "$img:/file"
says "chown on FAT" "have no owners"
status "chmod of more on FAT" 1 "$SHALE" chmod 4711 "$img:/file"
says "chmod of more on FAT" "/file: files of this volume can be writable or not"
status "label: too long on FAT" 1 "$SHALE" label "$img" "twelve bytes"
says "label: too long on FAT" "too long (11 characters at most)"
check "chmod on FAT" "$SHALE" chmod a-w "$img:/file"
expect "chmod on FAT" "r--- " "$("$SHALE" attr "$img:/file" | head -c 5 |
    sed 's/^r--a/r---/')"
check "mkdir -m on FAT" "$SHALE" mkdir -p -m 700 "$img:/a/b"
judge_fat "verbs on FAT" "$img"
finish
