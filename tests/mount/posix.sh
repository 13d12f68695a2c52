#!/bin/sh
# posix.sh - what POSIX and Linux say of files: the same answers as the
# kernel's own ext2, call by call, by root and by ordinary users
#
# The questions are commands to posix.c, most of them made in loops: every kind
# of file by every call, every permission by every user. The same ones are
# asked on a mount of the kernel's and on one of ours, and what is answered has
# to be the same, line by line.
. "$(dirname "$0")/lib.sh"
need_root
need e2fsck
: "${POSIX:?the posix program}"

chmod 755 "$work"
owner="user 1000 1000"
member="user 1001 1001 1000"
other="user 1002 1002"
root="user 0 0"

# One of each kind, called by it.
make_kinds() {
    echo "open file O_CREAT|O_RDWR 0644"
    echo "write file 100"
    echo "mkdir dir 0755"
    echo "mkdir full 0755"
    echo "open full/in O_CREAT|O_RDWR 0644"
    echo "mkfifo fifo 0644"
    echo "symlink file link"
    echo "symlink dir dirlink"
    echo "symlink nothing dangling"
    echo "symlink loop loop"
    echo "mknod socket socket 0644 0 0"
    echo "mknod device block 0644 259 70000"
    echo "mknod tty char 0644 4 300"
}

kinds="file dir full fifo link dirlink dangling loop socket device tty nothing"

remove_all() {
    for name in file dir fifo link dirlink dangling loop socket device tty \
        full/in full nothing new nothing/new full/new; do
        echo "unlink $name"
        echo "rmdir $name"
    done
}

state() {
    for name; do
        echo "lstat $name"
    done
}

# Every call on every kind of file.
each_kind() {
    for kind in $kinds; do
        make_kinds
        for how in O_RDONLY O_WRONLY O_RDWR "O_RDWR|O_TRUNC" \
            "O_RDONLY|O_DIRECTORY" "O_RDONLY|O_NOFOLLOW" \
            "O_WRONLY|O_NONBLOCK" "O_PATH" "O_PATH|O_NOFOLLOW"; do
            case $kind:$how in
            device:* | tty:*) continue ;;    # which options may forbid
            fifo:*NONBLOCK | fifo:*PATH* | fifo:*DIRECTORY) ;;
            fifo:*) continue ;;              # it waits
            esac
            echo "open $kind $how"
        done
        cat <<END
open $kind O_WRONLY|O_CREAT|O_EXCL 0644
mkdir $kind 0755
mkfifo $kind 0644
mknod $kind socket 0644 0 0
symlink x $kind
truncate $kind 50
truncate $kind 5000
chmod $kind 0750
chown $kind 5 6
lchown $kind 7 8
utimensat $kind 1200000000 1300000000 AT_SYMLINK_NOFOLLOW
utimensat $kind 1000000000.5 1100000000.123456789 0
utimensat $kind 1000000001 omit AT_SYMLINK_NOFOLLOW
times $kind
readlink $kind
access $kind R_OK|W_OK
access $kind X_OK
stat $kind
lstat $kind
link $kind new
lstat new
unlink new
linkat $kind new AT_SYMLINK_FOLLOW
lstat new
unlink new
rename $kind new
lstat new
rename new $kind
unlink $kind/
rmdir $kind/
mkdir $kind/ 0755
open $kind/ O_RDONLY
open $kind/. O_RDONLY
mkdir $kind/new 0700
rmdir $kind/new
stat $kind/new
link file $kind
link $kind full
unlinkat $kind AT_REMOVEDIR
unlink $kind
rmdir $kind
lstat $kind
END
        remove_all
    done
}

# Every kind over every kind, in every way.
renames() {
    for how in 0 NOREPLACE EXCHANGE; do
        for from in $kinds; do
            for to in $kinds; do
                make_kinds
                echo "renameat2 $from $to $how"
                state "$from" "$to"
                remove_all
            done
        done
    done
    make_kinds
    cat <<END
link file twin
rename file twin
lstat file
renameat2 file twin EXCHANGE
renameat2 file twin NOREPLACE
rename file file
rename dir dir
rename dir dir/below
rename full full/in
rename full/in full
renameat2 full full/in EXCHANGE
rename dir/. new
rename dir new/
rename new dir
rename file new/
rename dir/.. new
rename . new
rename new .
rename full/.. new
renameat2 file new EXCHANGE
renameat2 file new NOREPLACE
renameat2 new file NOREPLACE|EXCHANGE
mkdir dir/deep 0755
rename dir/deep full
rename dir/deep full/deep
lstat dir
lstat full
rename full/deep dir/deep
lstat dir
lstat full
renameat2 dir/deep full EXCHANGE
lstat dir/deep
lstat full
unlink twin
unlink dir/deep/in
rmdir dir/deep
END
    remove_all
}

# Who may do what in a directory of which mode; the sticky bit.
permissions() {
    for mode in 0000 0100 0200 0300 0400 0500 0700 0010 0020 0030 0070 0001 \
        0002 0003 0007 0711 0755 0777 1777 1070 2775 1755; do
        cat <<END
mkdir dir 0755
open dir/owners O_CREAT|O_RDWR 0644
chown dir/owners 1000 1000
open dir/others O_CREAT|O_RDWR 0644
chown dir/others 1002 1002
open dir/roots O_CREAT|O_RDWR 0600
mkdir dir/sub 0755
chown dir/sub 1002 1002
open file O_CREAT|O_RDWR 0666
chown file 1002 1002
chown dir 1000 1000
chmod dir $mode
END
        for who in "$owner" "$member" "$other"; do
            cat <<END
$who
access dir R_OK
access dir W_OK
access dir X_OK
open dir O_RDONLY
stat dir/owners
open dir/owners O_RDONLY
open dir/others O_RDWR
open dir/roots O_RDONLY
open dir/new O_CREAT|O_RDWR 0666
lstat dir/new
mkdir dir/made 0777
lstat dir/made
symlink x dir/sym
mkfifo dir/pipe 0666
mknod dir/node block 0666 1 1
link file dir/twin
rename dir/others dir/renamed
rename dir/renamed dir/others
rename dir/owners file2
rename file2 dir/owners
rename dir/sub dir/sub2
rename dir/sub2 dir/sub
rename dir/owners dir/roots
renameat2 dir/owners dir/others EXCHANGE
unlink dir/new
unlink dir/sym
unlink dir/pipe
unlink dir/twin
rmdir dir/made
rmdir dir/sub
unlink dir/others
unlink dir/owners
unlink dir/roots
END
        done
        echo "$root"
        for name in new sym pipe node twin others owners roots renamed; do
            echo "unlink dir/$name"
        done
        printf 'rmdir dir/%s\n' made sub sub2
        printf '%s\n' "unlink file" "unlink file2" "rmdir dir"
    done
}

# Modes and owners: who may change them, and what else changes then.
owners() {
    for mode in 0644 4755 2755 6777 2644 1644; do
        for kind in "open file O_CREAT|O_RDWR 0600" "mkdir file 0700"; do
            for who in "$root" "$owner" "$member" "$other"; do
                for what in "chown file 1000 1000" "chown file 1001 1001" \
                    "chown file -1 1000" "chown file -1 1001" \
                    "chown file 1000 -1" "chown file -1 -1" \
                    "lchown file -1 4294967295" "chmod file 7777" \
                    "chmod file 2711" "chmod file 0" "write file 3" \
                    "truncate file 3" "truncate file 0" \
                    "open file O_WRONLY|O_TRUNC" \
                    "utimensat file now now 0" \
                    "utimensat file omit omit 0" \
                    "utimensat file 1000 2000 0" \
                    "utimensat file now omit 0" \
                    "open file O_RDONLY|O_NOATIME"; do
                    # Which FUSE answers by itself, without a look at set-id
                    # bits, if it is neither owner nor group.
                    case "$what" in
                    *-1\ -1 | *4294967295) [ "$mode" = 0644 ] || continue ;;
                    esac
                    printf '%s\n' "$kind" "chown file 1000 1000" \
                        "chmod file $mode" "$who" "$what" "$root" \
                        "lstat file" "unlink file" "rmdir file"
                done
            done
        done
    done
}

# Set-group-id directories, umasks, modes of what is made.
inheritance() {
    for mode in 0777 2777; do
        for mask in 000 022 077 0777; do
            printf '%s\n' "mkdir dir 0755" "chown dir 1002 1000" \
                "chmod dir $mode" "umask $mask"
            for who in "$root" "$owner" "$other"; do
                cat <<END
$who
open dir/file O_CREAT|O_RDWR 0666
open dir/set O_CREAT|O_RDWR 6777
mkdir dir/dir 0777
mkdir dir/sticky 7777
mkfifo dir/fifo 0666
symlink x dir/link
lstat dir/file
lstat dir/set
lstat dir/dir
lstat dir/sticky
lstat dir/fifo
lstat dir/link
$root
END
                printf 'unlink dir/%s\n' file set fifo link
                printf 'rmdir dir/%s\n' dir sticky
            done
            printf '%s\n' "rmdir dir" "umask 022"
        done
    done
}

# Names and paths at their ends; symlinks that lead nowhere, or far.
limits() {
    for name in "{254}" "{255}" "{256}" "{/4094}" "{/4095}" "{/4096}" "''" . \
        .. / "{255}/{255}" "{/3800}{255}"; do
        cat <<END
open $name O_CREAT|O_RDWR 0644
mkdir $name 0755
lstat $name
mkfifo $name 0644
symlink x $name
symlink $name link
lstat link
readlink link
stat link
unlink link
mkdir dir 0755
rename dir $name
rename $name dir
lstat dir
link $name dir/new
link dir $name
truncate $name 10
chmod $name 0755
unlink $name
rmdir $name
unlink dir/new
rmdir dir
END
    done
    for target in "{59}" "{60}" "{61}" "{255}" "{/1022}" "{/1023}" "{/1024}" \
        "{/4094}" "{/4095}" "{/4096}"; do
        printf '%s\n' "symlink $target link" "lstat link" "readlink link" \
            "unlink link"
    done
    for length in 1 39 40 41; do
        echo "chain link $length"
        printf '%s\n' "stat link.1" "open link.1 O_RDONLY" \
            "open link.1/new O_CREAT|O_RDWR 0644" "unlink link.1/new" \
            "chmod link.1 0755" "lstat link.1"
        i=1
        while [ $i -le $length ]; do
            echo "unlink link.$i"
            i=$((i + 1))
        done
    done
    printf '%s\n' "truncate . 0" "open file O_CREAT|O_RDWR 0644" \
        "truncate file -1" "truncate file 9223372036854775807" \
        "truncate file 2147483648" "stat file" "truncate file 4294967297" \
        "stat file" "truncate file 17179869184" "stat file" "unlink file" \
        "open file O_CREAT|O_DIRECTORY 0644" "open . O_TMPFILE|O_RDWR 0644" \
        "open . O_TMPFILE|O_RDONLY 0644" "open file O_TMPFILE|O_RDWR 0644" \
        "renameat2 file new WHITEOUT" "unlink file" "rmdir ." "rmdir .." \
        "unlink ." "rmdir /" "rmdir lost+found/.."
}

# Which times change, of a file and of its directory.
stamps() {
    for what in "open dir/file O_RDONLY" "open dir/file O_WRONLY|O_TRUNC" \
        "open dir/new O_CREAT|O_WRONLY 0644" "write dir/file 1" \
        "write dir/file 0" "truncate dir/file 50" "truncate dir/file 100" \
        "truncate dir/file 200" "chmod dir/file 0600" \
        "chown dir/file 1 1" "chown dir/file -1 -1" "link dir/file dir/new" \
        "unlink dir/file" "rename dir/file dir/new" "rename dir/file new" \
        "rename dir/sub new" "rename dir/file dir/file2" \
        "renameat2 dir/file dir/file2 EXCHANGE" "mkdir dir/new 0755" \
        "rmdir dir/sub" "symlink x dir/new" "mkfifo dir/new 0644" \
        "unlink dir/file2" "mkdir dir/sub 0755" "rmdir dir" \
        "utimensat dir/file now omit 0" "utimensat dir/file omit now 0" \
        "utimensat dir/file omit omit 0" "readlink dir/link" \
        "rename dir/file nowhere/x"; do
        cat <<END
mkdir dir 0755
mkdir dir/sub 0755
open dir/file O_CREAT|O_RDWR 0644
write dir/file 100
open dir/file2 O_CREAT|O_RDWR 0644
symlink x dir/link
old dir/file2
old dir/file
old dir/sub
old .
old dir
$what
changed dir/file
changed dir/file2
changed dir/sub
changed dir
changed .
changed new
unlink dir/file
unlink dir/file2
unlink dir/new
unlink dir/link
unlink new
rmdir new
rmdir dir/new
rmdir dir/sub
rmdir dir
END
    done
    for time in 0 1.5 -1 -1.25 2147483647.999999999 2147483648 4294967296.5 \
        15032385535 15032385536 -2147483648 -2147483649; do
        printf '%s\n' "open file O_CREAT|O_RDWR 0644" \
            "utimensat file $time $time 0" "times file" "unlink file"
    done
}

# Programs that run are not written to, and what is written to does not run.
programs() {
    cat <<END
run program
busy program open program O_WRONLY
busy program open program O_RDONLY
busy program open program O_RDWR|O_TRUNC
busy program truncate program 0
busy program write program 1
busy program chmod program 0700
busy program rename program renamed
busy renamed unlink renamed
run renamed
held script run script
held script open script O_WRONLY
run script
chmod script 0644
run script
$other
chmod script 0755
run script
$root
chmod script 4711
chown script 1000 1000
$other
run script
open script O_RDONLY
$root
run dir
run nothing
END
}

questions() {
    if [ "${SHALE_TEST_LEVEL:-normal}" != quick ]; then
        renames
        owners
    fi
    each_kind
    permissions
    inheritance
    limits
    stamps
    programs
}
questions >questions

# ask NAME: on what is mounted at dir.
ask() {
    cp "$(command -v sleep)" dir/program
    cp "$(command -v sleep)" dir/script
    chmod 755 dir/program dir/script
    timeout $limit "$POSIX" dir <questions >"$1.answers" 2>&1 ||
        fail "$1: status $?"
}

for image in "kernel -b 1024 -I 256" "shale -b 1024 -I 256"; do
    name=${image%% *}
    truncate -s 24M "$name.img"
    # shellcheck disable=SC2086
    mke2fs -q -F -t ext2 ${image#* } "$name.img"
done
mount -t ext2 -o loop kernel.img dir 2>/dev/null ||
    skip "the kernel has no ext2, or no loop devices"
ask kernel
umount dir
must "$SHALE" mount shale.img dir -o allow_other,suid,dev
ask shale
must "$SHALE" umount dir
run e2fsck -fn shale.img
[ "$status" = 0 ] || fail "e2fsck: $said"
checked shale.img "after the calls"

wanted=$(wc -l <questions)
got=$(grep -c . kernel.answers)
expect "questions answered" "$wanted" "$got"
if ! cmp -s kernel.answers shale.answers; then
    fail "not the same answers: $(diff kernel.answers shale.answers |
        grep -c '^>') of $wanted"
    diff kernel.answers shale.answers | head -n 40 >&2
fi
finish
