#!/bin/sh
# ext2.sh - attributes, permissions and odd files: the same answers as the
# kernel's own ext2
#
# A list of commands is run twice, by root and by an ordinary user: on a mount
# of the kernel's and on one of ours. What they print has to be the same, line
# by line; then e2fsck looks at our volume, and the kernel at what is on it.
. "$(dirname "$0")/lib.sh"
need_root
need setfacl getfacl chattr lsattr setpriv e2fsck fallocate

truncate -s 8M try.img
mke2fs -q -F -t ext2 try.img
mount -t ext2 -o loop try.img dir 2>/dev/null ||
    skip "the kernel has no ext2, or no loop devices"
umount dir

# as USER COMMAND... - as one with no rights, in group 2000 as well.
as() {
    who=$1
    shift
    setpriv --reuid "$who" --regid "$who" --groups "$who,2000" "$@"
}

# say COMMAND... - its words and its status, on one line each.
say() {
    echo "\$ $*"
    "$@" 2>&1 | sed "s|$PWD/||g; s|'||g"
}

mode() {
    stat -c '%n %A %u:%g %h %s %t:%T' "$@"
}

acl() {
    say getfacl -c -n -E "$@"
}

# The questions; run in the root of the volume.
questions() {
    umask 022
    # Attributes of every kind, in both places.
    mkdir x
    echo file >x/file
    ln -s file x/link
    mkfifo x/pipe
    say setfattr -n user.one -v 1 x/file
    say setfattr -n trusted.two -v 22 x/file
    say setfattr -n security.three -v 333 x/file
    say setfattr -n user.big -v "$(printf '%0700d' 1)" x/file
    say setfattr -n user.bigger -v "$(printf '%05000d' 1)" x/file
    say setfattr -n user.on -v link -h x/link
    say setfattr -n trusted.on -v link -h x/link
    say setfattr -n user.on -v pipe x/pipe
    say setfattr -n user.on -v dir x
    say setfattr -n system.nothing -v x x/file
    say setfattr -n nothing -v x x/file
    say setfattr -n "user.$(printf '%0255d' 1)" -v long x/file
    say setfattr -n "user.$(printf '%0256d' 1)" -v longer x/file
    say setfattr -x user.one x/file
    say setfattr -x user.one x/file
    for f in x x/file x/link x/pipe; do
        getfattr -h -d -m - -e text $f 2>&1 | sort
    done
    say as 1000 setfattr -n user.his -v 1 x/file
    say as 1000 setfattr -n trusted.his -v 1 x/file

    # Set-id bits and who takes them away.
    mkdir -m 1777 t
    for f in a b c e; do
        as 1000 sh -c "echo $f >t/$f"
    done
    chmod 6755 t/a t/b t/c t/e
    mode t/?
    as 1000 sh -c 'echo more >>t/a'
    echo more >>t/b
    as 1000 truncate -s 1 t/c
    chown 1000 t/e
    mode t/?
    chmod 2644 t/a
    as 1000 sh -c 'echo more >>t/a'
    mode t/a
    as 1000 chmod 2755 t/a
    mode t/a
    chgrp 4000 t/a
    as 1000 chmod 2755 t/a
    say as 1000 chown 0 t/a
    say as 1000 chgrp 2000 t/a
    say as 1000 chgrp 3000 t/a
    mode t/a

    # Sticky directories, and other people's files.
    say as 1001 rm -f t/a
    say as 1001 mv t/a t/z
    say as 1000 rm -f t/a
    mkdir -m 755 closed
    echo mine >closed/mine
    chmod 600 closed/mine
    say as 1000 touch closed/new
    say as 1000 cat closed/mine
    say as 1000 chmod 777 closed
    say as 1000 rm -f closed/mine

    # A group's directory.
    mkdir -m 2775 g
    chgrp 2000 g
    as 1000 mkdir g/sub
    as 1000 touch g/file
    as 1000 mkfifo g/pipe
    as 1000 sh -c 'umask 077; mkdir g/private; mkfifo g/private/p'
    mode g/* g/private/p

    # ACLs: what they give, what they take, what is inherited.
    echo secret >secret
    chmod 600 secret
    say as 1000 cat secret
    say setfacl -m u:1000:r secret
    say as 1000 cat secret
    say as 1001 cat secret
    acl secret
    mode secret
    chmod 640 secret
    acl secret
    chmod 600 secret
    say as 1000 cat secret
    acl secret
    say as 1000 setfacl -m u:1000:rw secret
    say setfacl -m g:2000:rw secret
    as 1000 sh -c 'echo his >>secret'
    cat secret
    say setfacl -b secret
    acl secret
    mode secret
    mkdir h
    say setfacl -d -m u:1000:rwx,g:2000:r-x h
    say setfacl -d -m u::rwx h/..//secret
    acl h
    (umask 077; echo x >h/file; mkdir h/dir; mkfifo h/pipe; ln -s x h/link)
    acl h/file h/dir h/pipe
    mode h/file h/dir h/pipe h/link
    mkdir -m 700 h/dir/700
    acl h/dir/700
    cp -p h/file h/copy
    acl h/copy
    say setfacl -k h
    acl h
    echo ls-acl >h/dir/f
    chmod g-w h/dir/f
    acl h/dir/f
    mkdir -m 2777 k
    chgrp 4000 k
    as 1000 mkdir k/d
    as 1000 setfacl -m u:1001:rwx k/d
    mode k/d

    # Flags.
    echo fixed >i
    echo grows >j
    mkdir m n
    touch m/f n/f
    chattr +i i m
    chattr +a j n
    chattr +d +A +S x/file
    lsattr -d i j m n x/file x | sed 's/ *$//'
    say rm -f i j m/f n/f
    say mv i i2
    say ln i i2
    say chmod 600 i
    say chown 1 j
    say touch m/g n/g
    say setfattr -n user.x -v x i
    # The kernel's own refuses to open it; opening does not come to us.
    say truncate -s 0 j | sed 's/truncate: .*: Op/truncate: Op/'
    echo more >>j
    cat i j
    say as 1000 chattr +i x/file
    say as 1000 chattr -A x/file
    chattr -i i m
    chattr -a j n
    rm -rf i j m n
    mkdir p
    chattr +A +T p
    touch p/f
    mkdir p/d
    lsattr p | sed 's/ *$//' | sort
    lsattr -d p p/d

    # Devices, sockets' cousins, links.
    mknod c c 1 3
    mknod b b 259 70000
    mode c b
    say as 1000 mknod t/dev c 1 3
    say as 1000 mknod t/pipe p
    ln c c2
    mode c c2
    say ln x x2
    say ln -s "$(printf '%0300d' 7)" long
    readlink long
    say ln -s "$(printf '%05000d' 7)" longer
    mode long
    mkdir deep
    (cd deep && touch "$(printf '%0255d' 3)" && ls)
    say touch "$(printf '%0256d' 3)"
}

# What is on the volume in the end.
inventory() {
    find . -path ./lost+found -prune -o -printf '%p %M %U:%G %n %s %l\n' | sort
    find . -path ./lost+found -prune -o -print0 | sort -z |
        xargs -0 getfattr -h -d -m - -e hex 2>&1
    find . -path ./lost+found -prune -o -type f -print0 | sort -z |
        xargs -0 sha256sum
    lsattr -R . 2>/dev/null | sort
}

# questions_on WHAT: ask, in dir, and note what was said and made.
questions_on() {
    (cd dir && questions) >"$1.said" 2>&1
    (cd dir && inventory) >"$1.made" 2>&1
}

chmod 755 "$work"
for layout in '-b 1024 -I 128' '-b 4096 -I 256' '-b 2048 -I 256 -j'; do
    truncate -s 24M ours.img theirs.img
    # shellcheck disable=SC2086
    mke2fs -q -F -t ext2 $layout ours.img 2>/dev/null && cp ours.img theirs.img
    mount -o loop theirs.img dir || fail "cannot mount $layout"
    questions_on theirs
    umount dir
    must "$SHALE" mount ours.img dir -o allow_other,acl,dev,suid
    questions_on ours
    must "$SHALE" umount dir
    diff theirs.said ours.said >said.diff ||
        fail "$layout: other answers: $(head -40 said.diff)"
    diff theirs.made ours.made >made.diff ||
        fail "$layout: other files: $(head -40 made.diff)"
    run e2fsck -fn ours.img
    [ "$status" = 0 ] || fail "$layout: e2fsck: $said"
    checked ours.img "$layout"
    mount -o loop,ro ours.img dir || fail "the kernel cannot mount it"
    (cd dir && inventory) >kernel.made 2>&1
    umount dir
    diff ours.made kernel.made >made.diff ||
        fail "$layout: the kernel finds other files: $(head -20 made.diff)"
done
[ "$(wc -l <ours.said)" -gt 150 ] || fail "the questions were not asked"

# What the kernel's own does not have, or cannot be asked about so.
truncate -s 24M ours.img
mke2fs -q -F -t ext2 -b 1024 -I 256 ours.img
must "$SHALE" mount ours.img dir -o allow_other
head -c 100000 /dev/urandom >dir/data
cp dir/data data
must fallocate -p -o 10000 -l 50000 dir/data
dd if=/dev/zero of=data bs=1000 seek=10 count=50 conv=notrunc status=none
cmp data dir/data || fail "data around a hole"
[ "$(stat -c %b dir/data)" -lt 110 ] || fail "a hole takes space"
must fallocate -z -o 70000 -l 5001 dir/data
dd if=/dev/zero of=data bs=1 seek=70000 count=5001 conv=notrunc status=none
cmp data dir/data || fail "data around zeros"
must fallocate -l 300000 dir/data
expect "after allocation" 300000 "$(stat -c %s dir/data)"
cp dir/data dir/setid
chmod 6777 dir/setid
must setpriv --reuid 1000 --clear-groups fallocate -l 400000 dir/setid
expect "set-id bits after fallocate" 777 "$(stat -c %a dir/setid)"
expect "a file without a name" "4 bytes, 0 names, then 1" \
    "$("$PROBE" tmpfile dir dir/named)"
expect "its data" temp "$(cat dir/named)"
expect "a generation" 2 "$("$PROBE" version dir/named | wc -w)"
expect "the same by both commands" "" \
    "$("$PROBE" version dir/named | awk '$1 != $2 || $1 == 0')"
touch -d '2001-01-01' dir/data dir/named
chattr +A dir/named
must "$SHALE" umount dir

# When files were read; then with noatime.
accessed() {
    if [ "$(stat -c %X "$1")" -gt 1500000000 ]; then
        echo yes
    else
        echo no
    fi
}
must "$SHALE" mount ours.img dir
cat dir/data dir/named >/dev/null
expect "reading shows" yes "$(accessed dir/data)"
expect "not with chattr +A" no "$(accessed dir/named)"
touch -a -d '2001-01-01' dir/data
must "$SHALE" umount dir
must "$SHALE" mount ours.img dir -o noatime
cat dir/data >/dev/null
expect "nor with noatime" no "$(accessed dir/data)"
must "$SHALE" umount dir
run e2fsck -fn ours.img
[ "$status" = 0 ] || fail "e2fsck: $said"
checked ours.img "after all"

# What is kept for root, and for whom else.
truncate -s 2M small.img
mke2fs -q -F -t ext2 -b 1024 -m 20 small.img
fill() {
    rm -f dir/full
    wait_until has_free dir "$free" || fail "space is lost"
    setpriv --reuid "$1" --regid "$1" --clear-groups \
        sh -c 'cat /dev/zero >dir/full' 2>/dev/null
    filled=$(stat -c %s dir/full)
}
must "$SHALE" mount small.img dir -o allow_other,resuid=1001
chmod 777 dir
free=$(stat -f -c %f dir)
fill 1000
ordinary=$filled
expect "blocks left to others" 0 "$(stat -f -c %a dir)"
fill 1001
chosen=$filled
fill 0
root=$filled
[ "$chosen" = "$root" ] || fail "resuid: $chosen of $root bytes"
[ $((root - ordinary)) -gt 300000 ] ||
    fail "reserved blocks: $ordinary, and root $root"
must "$SHALE" umount dir
run e2fsck -fn small.img
[ "$status" = 0 ] || fail "e2fsck: $said"
checked small.img "full"

# Owners that options name.
must "$SHALE" mount small.img dir -o uid=1234,gid=2345,default_permissions
rm dir/full
expect "the owner shown" 1234:2345 "$(stat -c %u:%g dir/lost+found)"
touch dir/made
run chown 1 dir/made
expect "the owner that cannot change" 1 "$status"
must chown 1234:2345 dir/made
must "$SHALE" umount dir
must "$SHALE" mount small.img dir -o fakeroot,uid=55,gid=66
expect "the owner made" 1234:2345 "$(stat -c %u:%g dir/made)"
touch dir/mine
chown 77:88 dir/made
expect "the owner named" 55:66 "$(stat -c %u:%g dir/mine)"
expect "the owner given" 77:88 "$(stat -c %u:%g dir/made)"
must "$SHALE" umount dir
refuse 1 'fakeroot *' "$SHALE" mount small.img dir -o fakeroot,allow_other
finish
