#!/bin/sh
# fatmodes.sh - owners, permissions and attributes on FAT, as Linux's vfat has
# them
. "$(dirname "$0")/lib.sh"
need mkfs.fat fsck.fat

fat disk.img 8M -i 1234abcd
mode() {
    stat -c %a "dir/$1"
}
mounted() {
    must "$SHALE" mount disk.img dir -o "$1"
}
done_with() {
    must "$SHALE" umount dir
}

mounted rw
mkdir dir/sub
touch dir/file dir/run.exe dir/RUN.COM dir/text.txt
expect "owner" "$(id -u):$(id -g)" "$(stat -c %u:%g dir/file)"
expect "file" 755 "$(mode file)"
expect "directory" 755 "$(mode sub)"
expect "root" 755 "$(mode .)"

# A permission that cannot be kept is not set, and only the s bits complain.
chmod 600 dir/file || fail "chmod 600: status $?"
expect "chmod 600" 755 "$(mode file)"
chmod 555 dir/file || fail "chmod 555"
expect "chmod 555" 555 "$(mode file)"
expect "its attribute" 0x21 "$("$PROBE" dos dir/file)"
chmod u+w dir/file
expect "chmod u+w" 755 "$(mode file)"
expect "its attribute" 0x20 "$("$PROBE" dos dir/file)"
expect_match "chmod u+s" '*Operation not permitted' \
    "$(chmod u+s dir/file 2>&1)"
chmod 555 dir/sub || fail "chmod 555 of a directory: status $?"
expect "chmod 555 of a directory" 755 "$(mode sub)"
chown "$(id -u):$(id -g)" dir/file || fail "chown to the same"
if [ "$(id -u)" = 0 ]; then
    expect_match "chown" '*Operation not permitted' "$(chown 1 dir/file 2>&1)"
    expect_match "chgrp" '*Operation not permitted' "$(chgrp 1 dir/file 2>&1)"
fi

# The DOS attributes, three ways.
expect "of a directory" 0x10 "$("$PROBE" dos dir/sub)"
expect "set" ok "$("$PROBE" dos dir/file 0x27)"
expect "then" 0x27 "$("$PROBE" dos dir/file)"
expect "its mode" 555 "$(mode file)"
expect "set all" ok "$("$PROBE" dos dir/file 0xff)"
expect "but what is fixed" 0x27 "$("$PROBE" dos dir/file)"
expect "set none" ok "$("$PROBE" dos dir/sub 0)"
expect "but that it is a directory" 0x10 "$("$PROBE" dos dir/sub)"
expect "xattr" 0x27000000 \
    "$(getfattr -e hex -n system.ntfs_attrib dir/file | sed -n 's/.*=//p')"
setfattr -n system.ntfs_attrib_be -v 0x00000020 dir/file || fail "setfattr"
expect "after setfattr" "0x20 755" "$("$PROBE" dos dir/file) $(mode file)"
expect_match "another xattr" '*not supported' \
    "$(setfattr -n user.x -v y dir/file 2>&1)"
expect "volume id" 1234abcd "$("$PROBE" volume dir)"
expect "an ioctl of nobody's" ENOTTY "$("$PROBE" ioctl dir/file)"
if command -v fatattr >/dev/null; then
    fatattr +hs dir/file || fail "fatattr +hs"
    expect_match "fatattr" '*hs*a*' "$(fatattr dir/file)"
    fatattr -hs dir/file || fail "fatattr -hs"
else
    note "no fatattr"
fi
done_with
sound disk.img attributes

mounted uid=1234,gid=4321,umask=0
expect "uid, gid" 1234:4321 "$(stat -c %u:%g dir/file)"
expect "umask=0" "777 777" "$(mode file) $(mode sub)"
chmod 444 dir/file
expect "x is missing" 777 "$(mode file)"
chmod 555 dir/file
expect "all but w" 555 "$(mode file)"
chmod 755 dir/file
expect "some w" 555 "$(mode file)"
chmod 777 dir/file
expect "every w" 777 "$(mode file)"
done_with
mounted fmask=0133,dmask=077
expect "fmask, dmask" "644 700" "$(mode file) $(mode sub)"
done_with
mounted showexec
expect "showexec" "644 755 755 644" \
    "$(mode file) $(mode run.exe) $(mode RUN.COM) $(mode text.txt)"
done_with
mounted rodir
chmod 555 dir/sub
expect "rodir" 555 "$(mode sub)"
chmod 755 dir/sub
done_with
mounted quiet
if [ "$(id -u)" = 0 ]; then
    chown 1 dir/file || fail "quiet: chown"
    expect "quiet: owner" 0 "$(stat -c %u dir/file)"
fi
chmod u+s dir/file || fail "quiet: chmod u+s"
expect "quiet: mode" 755 "$(mode file)"
done_with
"$SHALE" mount disk.img dir -o sys_immutable || fail "sys_immutable"
expect "+s" ok "$("$PROBE" dos dir/text.txt 0x24)"
for change in 'rm dir/text.txt' 'mv dir/text.txt dir/other' \
    'mv dir/file dir/text.txt' 'touch dir/text.txt' \
    'truncate -s 5 dir/text.txt' 'cp dir/run.exe dir/text.txt'; do
    # shellcheck disable=SC2086
    expect_match "system file: $change" '*Operation not permitted' \
        "$($change 2>&1)"
done
expect "write to a system file" "write EPERM" "$("$PROBE" fill dir/text.txt 9)"
mkdir dir/kept && echo in >dir/kept/in
expect "+s of a directory" ok "$("$PROBE" dos dir/kept 0x4)"
for change in 'touch dir/kept/new' 'mkdir dir/kept/new' 'rm dir/kept/in' \
    'mv dir/kept/in dir/out' 'mv dir/file dir/kept/file' 'rmdir dir/kept'; do
    # shellcheck disable=SC2086
    expect_match "system directory: $change" '*Operation not permitted' \
        "$($change 2>&1)"
done
echo more >>dir/kept/in || fail "a file in a system directory"
if [ "$(id -u)" = 0 ]; then
    expect "-s" ok "$("$PROBE" dos dir/text.txt 0x20)"
    touch dir/text.txt || fail "not a system file any more, and EPERM"
fi
done_with

# What udisks, fstab and mount(8) put in.
mounted rw,uid=0,gid=0,iocharset=utf8,shortname=mixed,utf8=1,showexec,flush,errors=remount-ro,codepage=437,uhelper=udisks2,nodev,nosuid,relatime
done_with
# Local time, by a zone whose rules are in a file: the daemon reads it in time.
if [ -f /usr/share/zoneinfo/America/New_York ]; then
    fat zone.img 8M
    export TZ=America/New_York
    must "$SHALE" mount zone.img dir
    touch -d '2024-07-01 12:00:00' dir/noon
    done_with
    export TZ=UTC
    expect_match "local time" '*2024-07-01 12:00*' "$("$SHALE" ls -l zone.img)"
    unset TZ
else
    note "no zones"
fi

mounted tz=UTC,shortname=winnt,check=n,allow_utime=20,nonumtail
done_with
refuse 1 'option "utf8" cannot be "0"' "$SHALE" mount disk.img dir -o utf8=0
refuse 32 'disk.img: *codepage*' "$SHALE" mount disk.img dir -o codepage=99999
must "$SHALE" mount -t vfat disk.img dir
done_with

# Times: two seconds for what is modified, and what the kernel shows is near.
mounted tz=UTC
touch -d '2001-02-03 04:05:06 UTC' dir/file
expect "mtime" '2001-02-03 04:05:06 UTC' \
    "$(TZ=UTC stat -c %y dir/file | sed 's/\..*/ UTC/')"
done_with
mounted tz=UTC
expect "mtime, read anew" '2001-02-03 04:05:06 UTC' \
    "$(TZ=UTC stat -c %y dir/file | sed 's/\..*/ UTC/')"
done_with

# Others, who are let in: permissions count.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    chmod 755 "$work"
    mounted allow_other,uid=1234,umask=022
    other() {
        setpriv --reuid "$1" --regid "$1" --clear-groups \
            sh -c "$2" 2>&1
    }
    expect "his" "" "$(other 1234 'echo x >dir/his && rm dir/his')"
    expect_match "not his" '*Permission denied*' \
        "$(other 4321 'echo x >dir/his')"
    "$PROBE" dos dir/file 0x21 >/dev/null
    expect_match "read-only" '*Permission denied*' \
        "$(other 1234 'echo x >dir/file')"
    cp "$PROBE" probe
    expect "not his attributes" EPERM "$(other 4321 './probe dos dir/file 0')"
    expect "his attributes" ok "$(other 1234 './probe dos dir/file 0x20')"
    expect_match "not his xattr" '*not permitted*' \
        "$(other 4321 'setfattr -n system.ntfs_attrib -v 0x01000000 dir/file')"
    done_with
fi
sound disk.img "at the end"
finish
