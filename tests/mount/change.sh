#!/bin/sh
# change.sh - names that come, go and move, on FAT through the mount
#
# The same commands are run in a folder of the host's; then the mount, and what
# mtools reads from the image, have to be the same tree.
. "$(dirname "$0")/lib.sh"
need mkfs.fat fsck.fat mcopy

# both COMMAND - in the mount and beside it
both() {
    (cd "$dir" && eval "$1") >said.mount 2>&1
    in_mount=$?
    (cd "$work/ref" && eval "$1") >said.ref 2>&1
    in_ref=$?
    expect "status of: $1 ($(head -2 said.mount))" $in_ref $in_mount
}

check() {
    (cd ref && find . -printf '%P %y %s\n' | grep -v ' d ' | sort) >ref.list
    (cd dir && find . -printf '%P %y %s\n' | grep -v ' d ' | sort) >dir.list
    cmp -s ref.list dir.list ||
        fail "$1: listed: $(diff ref.list dir.list | head -3)"
    diff -r ref dir >tree.diff || fail "$1: $(head -3 tree.diff)"
}

changes() {
    both 'touch a b c'
    both 'mkdir d d/e "a directory with a long name"'
    both 'echo hello >d/hello; echo again >>d/hello'
    both 'seq 1 20000 >d/e/numbers; cp d/e/numbers d/copy'
    both 'mv a z; mv z d/moved; mv d/moved d/e/MOVED'
    both 'cp d/hello d/victim; mv d/copy d/victim'
    both 'mv d/e up; mv up d/e2; mv d/e2 "a directory with a long name/e"'
    both 'rm b; rmdir d/nothing; mkdir d/nothing; rmdir d/nothing'
    both 'mkdir full; touch full/x; rmdir full; rm full; rm -r full'
    both 'touch c; [ -e c ] && [ ! -e C2 ]; mkdir c; rm d; rmdir c'
    both 'mkdir m; for i in $(seq 1 300); do echo $i >"m/file number $i"; done'
    both 'for i in $(seq 1 3 300); do rm "m/file number $i"; done'
    both 'for i in $(seq 2 3 300); do mv "m/file number $i" "m/f$i"; done'
    both 'echo x >"grüße aus köln.txt"; echo y >日本語; mkdir ΑΒΓ'
    both 'mv -T d ΑΒΓ/d; echo 1 >ΑΒΓ/d/1; mv ΑΒΓ/d d'
    both 'truncate -s 100000 d/hello; truncate -s 3 d/victim; truncate -s 0 c'
    both 'mv d d/inside'
    # To the kernel these are one file and the same directory.
    both 'mkdir p q; touch p/1 q/1; mv -T p q; rm -r q; mv -T p q'
}

while read -r name size options; do
    # shellcheck disable=SC2086
    fat "$name.img" "$size" $options
    rm -rf ref
    mkdir ref
    must "$SHALE" mount "$name.img" dir
    changes
    check "$name"
    echo 3 2>/dev/null >/proc/sys/vm/drop_caches || :
    check "$name, read anew"
    must "$SHALE" umount dir
    sound "$name.img" "$name"
    same_by_mtools "$name.img" ref "$name"
    must "$SHALE" mount "$name.img" dir
    check "$name, mounted again"
    must "$SHALE" umount dir
done <<'END'
fat12 4M -F 12
fat16 20M -F 16 -f 1
fat32 40M -F 32 -s 1
big-sectors 300M -F 32 -S 4096
END

# renameat2's flags, and names that only case tells apart.
fat flags.img 8M
must "$SHALE" mount flags.img dir
echo 1 >dir/one
echo 2 >dir/two
expect "NOREPLACE" EEXIST "$("$PROBE" rename dir/one dir/two 1)"
expect "NOREPLACE, in another case" EEXIST "$("$PROBE" rename dir/one dir/TWO 1)"
expect "NOREPLACE, free" ok "$("$PROBE" rename dir/one dir/eins 1)"
expect "EXCHANGE" ok "$("$PROBE" rename dir/eins dir/two 2)"
expect "exchanged" "2 1" "$(cat dir/eins dir/two | xargs)"
mkdir dir/sub dir/sub/deep
expect "EXCHANGE with a directory" ok "$("$PROBE" rename dir/eins dir/sub 2)"
expect "exchanged" "2 deep" "$(cat dir/sub) $(ls dir/eins)"
expect "WHITEOUT" EINVAL "$("$PROBE" rename dir/two dir/three 4)"
expect "below itself" EINVAL "$("$PROBE" rename dir/eins dir/eins/deep/x 0)"
expect "hard link" 1 "$(ln dir/two dir/zwei 2>/dev/null; echo $?)"
expect_match "hard link" '*not permitted*' "$(ln dir/two dir/zwei 2>&1)"
expect_match "symlink" '*not permitted*' "$(ln -s two dir/zwei 2>&1)"
expect_match "fifo" '*not permitted*' "$(mkfifo dir/zwei 2>&1)"
expect_match "bad name" '*nvalid argument*' "$(mkdir 'dir/a:b' 2>&1)"
long=$(printf '%0255d' 0)
touch "dir/$long" || fail "a name of 255"
expect_match "256" '*File name too long*' "$(touch "dir/${long}0" 2>&1)"

# Found by any case, and gone from all of them at once.
echo content >"dir/A Long Name"
for name in 'a long name' 'A LONG NAME' 'ALONGN~1' 'alongn~1'; do
    expect "$name" content "$(cat "dir/$name")"
done
rm 'dir/A LONG name'
for name in 'a long name' 'A LONG NAME' 'ALONGN~1' 'A Long Name'; do
    [ -e "dir/$name" ] && fail "$name is still there"
done
[ -e dir/missing ] && fail "something out of nothing"
touch dir/Missing
[ -e dir/missing ] || fail "missing: not found in another case"
mkdir dir/Case
ls dir/CASE dir/case dir/Case >/dev/null || fail "a directory in many cases"
mv dir/CASE dir/other
for name in case Case CASE; do
    [ -e "dir/$name" ] && fail "$name: still there after it moved"
done
touch dir/victim dir/source
cat dir/VICTIM dir/SOURCE
mv dir/Source dir/Victim
[ -e dir/source ] && fail "source: still there after it moved"
expect "one victim" 1 "$(find dir -iname victim | wc -l)"
must "$SHALE" umount dir
sound flags.img flags

# Many at once in one directory, and in several.
fat many.img 64M -F 32
must "$SHALE" mount many.img dir
mkdir dir/1 dir/2 dir/3
for who in 1 2 3 4 5 6; do
    (for i in $(seq 1 150); do
        echo "$who $i" >"dir/shared-$who-$i"
        mv "dir/shared-$who-$i" "dir/$((i % 3 + 1))/moved $who $i"
        [ $((i % 4)) != 0 ] || rm "dir/$((i % 3 + 1))/moved $who $i"
    done) &
done
wait
expect "files left by six at once" 678 "$(find dir -type f | wc -l)"
for file in dir/2/*; do
    [ "moved $(cat "$file")" = "${file##*/}" ] || fail "$file: $(cat "$file")"
done
must "$SHALE" umount dir
sound many.img many
finish
