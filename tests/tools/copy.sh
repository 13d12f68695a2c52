#!/usr/bin/env bash
# copy.sh - shale cp
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have mke2fs || skip_all "needs mke2fs (e2fsprogs)"

tree=$work/tree
img=$work/disk.img

fill()
{
    local dir=$1

    mkdir -p "$dir/a/b/c" "$dir/empty"
    head -c 2500000 /dev/urandom >"$dir/a/random"
    echo text >"$dir/a/text"
    : >"$dir/a/nothing"
    ln "$dir/a/text" "$dir/a/b/hard"
    ln -s ../text "$dir/a/b/link"
    ln -s /etc/passwd "$dir/absolute"
    ln -s "$(printf 't%.0s' {1..300})" "$dir/long-link"
    mkfifo "$dir/a/fifo"
    truncate -s 9M "$dir/sparse"
    echo island | dd of="$dir/sparse" bs=4096 seek=1000 conv=notrunc status=none
    truncate -s 50M "$dir/all-hole"
    echo x >"$dir/$(printf 'odd\377\nname')"
    mkdir -p "$dir/$(printf 'deep/%.0s' {1..100})"
    chmod 6755 "$dir/a/random"
    chmod 600 "$dir/a/text"
    chmod 1777 "$dir/empty"
    chmod 555 "$dir/a/b/c"
    if is_root; then
        mknod "$dir/a/null" c 1 3
        mknod "$dir/a/loop" b 7 300
        chown 1234:4321 "$dir/a/random" "$dir/a/b"
        chmod 6755 "$dir/a/random"
        chown -h 77:88 "$dir/absolute"
    fi
    touch -h -d '2011-12-13 14:15:16.123456789' "$dir/absolute" "$dir/a/text" \
        "$dir/a/fifo"
    touch -d '1999-01-02 03:04:05.000000001' "$dir/a/b" "$dir/empty"
}

# metadata DIR FILE: all that find(1) knows, directories' sizes left out.
metadata()
{
    (cd "$1" && find . -mindepth 1 -name lost+found -prune -o -mindepth 1 \
        -printf '%P %y %m %U %G %n %T@ %l\n' , ! -type d -printf '%P %s\n' |
        sort) >"$2"
}

xattrs()
{
    # shellcheck disable=SC2016
    (cd "$1" && find . -mindepth 1 -name lost+found -prune -o -print0 |
        LC_ALL=C sort -z | xargs -0 getfattr -h -d -m - -- 2>/dev/null) >"$2"
}

# compare NAME WANT GOT: two directories, in all that there is.
compare()
{
    metadata "$2" "$work/want"
    metadata "$3" "$work/got"
    same "$1: metadata" "$work/want" "$work/got"
    (cd "$2" && find . -name lost+found -prune -o -type f -print0 | sort -z |
        xargs -0 sha256sum) >"$work/want"
    (cd "$3" && find . -name lost+found -prune -o -type f -print0 | sort -z |
        xargs -0 sha256sum) >"$work/got"
    same "$1: contents" "$work/want" "$work/got"
}

# By mke2fs -d, which keeps no nanoseconds: compare whole seconds.
fill "$tree"
find "$tree" -exec touch -h -d '2015-05-05 05:05:05' {} +
make_image "$img" 32M -b 1024 -I 256 -d "$tree"
status "cp -r of the root" 0 "$SHALE" cp -r "$img" "$work/out1"
compare "root" "$tree" "$work/out1"
expect "holes: allocated" "yes" "$([ "$(stat -c %b "$work/out1/sparse")" -le \
    64 ] && [ "$(stat -c %b "$work/out1/all-hole")" -eq 0 ] && echo yes)"
expect "hard links" "$(stat -c %i "$work/out1/a/text")" \
    "$(stat -c %i "$work/out1/a/b/hard")"

# Where it goes.
mkdir "$work/dir"
status "into a directory" 0 "$SHALE" cp -r "$img:a" "$work/dir"
compare "into a directory" "$tree/a" "$work/dir/a"
status "once more" 0 "$SHALE" cp -r "$img:/a/" "$work/dir/"
compare "once more" "$tree/a" "$work/dir/a"
status "to a new name" 0 "$SHALE" cp -r "$img:a" "$work/dir/new"
compare "to a new name" "$tree/a" "$work/dir/new"
status "contents into a directory" 0 "$SHALE" cp -r "$img:a/." "$work/dir"
check "contents into a directory" test -f "$work/dir/text"
status "several" 0 "$SHALE" cp "$img" a/text a/nothing "$work/dir"
status "several to a file" 2 \
    "$SHALE" cp "$img" a/text a/nothing "$work/dir/text"
says "several to a file" "not a directory"
status "a file to a name" 0 "$SHALE" cp "$img:a/text" "$work/name"
same "a file to a name" "$tree/a/text" "$work/name"
expect "a file to a name: its time" "$(stat -c %Y "$tree/a/text")" \
    "$(stat -c %Y "$work/name")"
status "a link is followed" 0 "$SHALE" cp "$img:a/b/link" "$work/followed"
same "a link is followed" "$tree/a/text" "$work/followed"
status "a link is copied" 0 "$SHALE" cp -r "$img:a/b/link" "$work/link"
expect "a link is copied" ../text "$(readlink "$work/link")"
status "no -r" 1 "$SHALE" cp "$img:a" "$work/dir"
says "no -r" "-r"
status "no parent" 2 "$SHALE" cp "$img:a/text" "$work/none/x"
says "no parent" "$work/none"
status "an empty destination" 2 "$SHALE" cp "$img:a/text" ""
says "an empty destination" "No such file"
status "a file to a directory that is not there" 1 \
    "$SHALE" cp "$img:a/text" "$work/none/"
says "a file to a directory that is not there" "$work/none/: no such directory"
check "... which is not made" test ! -e "$work/none"
status "a directory to a name with a slash" 0 \
    "$SHALE" cp -r "$img:a/b" "$work/slash/"
same "a directory to a name with a slash" "$tree/a/text" "$work/slash/hard"
mkdir "$work/twice"
status "two of one name" 1 "$SHALE" cp "$img" a/text a/b/../text "$work/twice"
says "two of one name" "a/b/../text: another file to copy has the same name"
same "... the first stays" "$tree/a/text" "$work/twice/text"
status "missing source" 1 "$SHALE" cp "$img" none a/text "$work/dir"
says "missing source" "none: no such file"

# What is in the way.
mkdir -p "$work/way/text" "$work/clob"
echo mine >"$work/clob/text"
status "a directory in the way" 1 "$SHALE" cp "$img:a/text" "$work/way"
says "a directory in the way" "a directory is in the way"
status "-n" 0 "$SHALE" cp -n "$img:a/text" "$work/clob"
expect "-n" mine "$(cat "$work/clob/text")"
ln "$work/clob/text" "$work/clob/other"
status "a file in the way" 0 "$SHALE" cp "$img:a/text" "$work/clob"
same "a file in the way" "$tree/a/text" "$work/clob/text"
expect "its other name keeps its bytes" mine "$(cat "$work/clob/other")"
mkdir "$work/trap" "$work/victim"
ln -s "$work/victim/file" "$work/trap/text"
ln -s "$work/victim" "$work/trap/a"
status "a link in the way of a file" 0 "$SHALE" cp "$img:a/text" "$work/trap"
check "... is replaced" test -f "$work/trap/text" -a ! -L "$work/trap/text"
status "a link in the way of a directory" 1 "$SHALE" cp -r "$img:a" "$work/trap"
says "a link in the way of a directory" "no directory is in the way"
expect "... is not followed" "" "$(ls -A "$work/victim")"
ln -s /dev/null "$work/trap/null"
status "a link to a device" 2 "$SHALE" cp "$img:a/text" "$work/trap/null"
says "a link to a device" "neither a file nor a directory"
if is_root; then
    mknod "$work/trap/device" c 1 3
    status "a device in the way" 1 "$SHALE" cp "$img:a/text" "$work/trap/device"
    says "a device in the way" "a device is in the way"
    check "... stays" test -c "$work/trap/device"
    status "a device for a device" 0 \
        "$SHALE" cp -r "$img:a/loop" "$work/trap/device"
    check "a device for a device" test -b "$work/trap/device"
fi
cp "$img" "$work/clob/text"
status "the image itself" 1 "$SHALE" cp "$work/clob/text:a/text" "$work/clob"
says "the image itself" "the image itself"
same "... is as it was" "$img" "$work/clob/text"

# Talk.
status "-v" 0 "$SHALE" cp -rv "$img:a/b" "$work/verbose"
check "-v" grep -qF "a/b/link -> $work/verbose/link" "$work/out"
status "--progress" 0 "$SHALE" cp -r --progress "$img" "$work/bar"
check "--progress" grep -q '\[#*\] 100%.*/s' "$work/err"
compare "--progress" "$tree" "$work/bar"
status "--progress counts what was copied" 1 \
    "$SHALE" cp --progress "$img" a/text a/nothing "$work/way"
says "--progress counts what was copied" "1 of 2 files copied"
status "no bar without a terminal" 0 "$SHALE" cp -r "$img" "$work/nobar"
expect "no bar without a terminal" "" "$(cat "$work/err")"
if have script; then
    all_on_terminal "$work/out" "'$SHALE' cp -r '$img' '$work/tty'"
    check "a bar on a terminal" grep -q '100%' "$work/out"
    all_on_terminal "$work/out" \
        "stty cols 24; '$SHALE' cp -r '$img' '$work/narrow'"
    sed -i -e 's/\r/\n/g' -e 's/\x1b\[K//g' "$work/out"
    check "a narrow terminal: how far" grep -q '100%' "$work/out"
    check "a narrow terminal: in one line" \
        bash -c "! grep -E '^.{24}' '$work/out'"
fi
status "a full disk" 1 bash -c "ulimit -f 1000; trap '' XFSZ
    '$SHALE' cp '$img:a/random' '$work/limited'"
says "a full disk" "$work/limited: File too large"

# Hostile: damage in one file, a cycle; the rest is copied.
if have debugfs; then
    cp "$img" "$work/bad.img"
    debugfs -w -R "set_inode_field /a/random block[5] 99999999" \
        "$work/bad.img" >/dev/null 2>&1
    debugfs -w -R "ln /a /a/b/again" "$work/bad.img" >/dev/null 2>&1
    status "a damaged volume" 1 "$SHALE" cp -r "$work/bad.img" "$work/rest"
    says "a damaged volume" "/a/random: the volume is corrupt"
    says "a damaged volume" "/a/b/again: the same directory again"
    check "a damaged volume: the rest" cmp -s "$tree/sparse" "$work/rest/sparse"
    expect "a damaged volume: what precedes" 5120 \
        "$(stat -c %s "$work/rest/a/random")"
fi

# Not as root: what is ours to set is set, setuid is not.
if is_root && have setpriv; then
    mkdir "$work/user"
    chmod 755 "$work"
    chown 1000:1000 "$work/user"
    status "as a user" 1 setpriv --reuid 1000 --regid 1000 --clear-groups \
        "$SHALE" cp -r "$img" "$work/user/copy"
    says "as a user" "only root may make a device"
    expect "as a user: no setuid" 755 "$(stat -c %a "$work/user/copy/a/random")"
    expect "as a user: owner" 1000 "$(stat -c %u "$work/user/copy/a/random")"
    same "as a user: contents" "$tree/a/random" "$work/user/copy/a/random"
    expect "as a user: a read-only directory" 555 \
        "$(stat -c %a "$work/user/copy/a/b/c")"
else
    skip "as a user" "needs root and setpriv"
fi

# A tree that the kernel wrote: nanoseconds, attributes, ACLs.
if can_loop; then
    make_image "$work/kernel.img" 64M -b 4096 -I 256
    mount_kernel "$work/kernel.img" "$work/mnt" user_xattr,acl
    fill "$work/mnt"
    if have setfacl && have setfattr; then
        setfacl -m u:5:rw,g:6:r "$work/mnt/a/text"
        setfacl -d -m u:7:rx "$work/mnt/empty"
        setfattr -n user.big -v "$(printf 'v%.0s' {1..1000})" "$work/mnt/a/b"
        setfattr -h -n trusted.link -v yes "$work/mnt/absolute"
        setfattr -n trusted.fifo -v yes "$work/mnt/a/fifo"
        setfattr -n security.capability \
            -v 0x0100000200040000000000000000000000000000 "$work/mnt/a/nothing"
    else
        skip "ACLs and attributes" "needs setfacl (acl) and setfattr (attr)"
    fi
    touch -d '1999-01-02 03:04:05.000000001' "$work/mnt/a/b" "$work/mnt/empty"
    sync -f "$work/mnt"
    status "kernel's tree" 0 "$SHALE" cp -r "$work/kernel.img" "$work/kernel"
    compare "kernel's tree" "$work/mnt" "$work/kernel"
    if have getfattr; then
        xattrs "$work/mnt" "$work/want"
        xattrs "$work/kernel" "$work/got"
        check "kernel's tree has attributes" grep -q user.big "$work/want"
        same "kernel's tree: attributes" "$work/want" "$work/got"
    fi
    # A destination that hands out ACLs: the copy has none but its own.
    if have setfacl; then
        mkdir "$work/acl"
        if setfacl -d -m u:9:rwx "$work/acl" 2>/dev/null; then
            status "below a default ACL" 0 \
                "$SHALE" cp -r "$work/kernel.img" "$work/acl/copy"
            xattrs "$work/acl/copy" "$work/got"
            same "below a default ACL" "$work/want" "$work/got"
            compare "below a default ACL" "$work/mnt" "$work/acl/copy"
        fi
    fi
    unmount "$work/mnt"

    # Deeper than any path can say, and with few descriptors.
    if have python3; then
        make_image "$work/deep.img" 32M -b 1024 -N 6000
        mount_kernel "$work/deep.img" "$work/mnt" rw
        (cd "$work/mnt" && python3 -c '
import os
for i in range(5000):
    os.mkdir("d")
    os.chdir("d")
open("end", "w").close()')
        unmount "$work/mnt"
        status "5000 levels" 0 bash -c \
            "ulimit -n 20; exec '$SHALE' cp -r '$work/deep.img' '$work/deep'"
        expect "5000 levels: all of them" 5003 "$(find "$work/deep" | wc -l)"
        status "5000 levels: ls -R" 1 "$SHALE" ls -R "$work/deep.img"
        says "5000 levels: ls -R" "nested too deep"
    else
        skip "5000 levels" "needs python3"
    fi
else
    skip "kernel's tree" "cannot mount ext2 by loop"
fi
finish
