#!/usr/bin/env bash
# check.sh - shale check: what it prints, and what it exits with
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! have mke2fs || ! have debugfs; then
    skip_all "needs mke2fs, debugfs (e2fsprogs)"
fi

# usage, and what cannot be checked
status "no image" 16 "$SHALE" check
says "no image" "which image?"
status "two images" 16 "$SHALE" check a b
status "unknown option" 16 "$SHALE" check --frobnicate x
status "unknown type" 16 "$SHALE" check -t xfs x
status "limit" 16 "$SHALE" check --limit 0 x
status "threads" 16 "$SHALE" check --threads none x
status "descriptor" 16 "$SHALE" check -C x y
status "all and part" 16 "$SHALE" check --all --part 1 x
status "no such image" 8 "$SHALE" check "$work/no.img"
says "no such image" "No such file"
status "a directory" 8 "$SHALE" check "$work"
truncate -s 1M "$work/zeros.img"
status "zeros" 8 "$SHALE" check "$work/zeros.img"
says "zeros" "nothing that Shale can check"
: >"$work/empty.img"
status "empty" 8 "$SHALE" check "$work/empty.img"

# a sound volume
tree=$work/tree
img=$work/disk.img
mkdir -p "$tree/etc"
head -c 300000 /dev/urandom >"$tree/etc/data"
echo ok >"$tree/etc/hosts"
make_image "$img" 16M -b 1024 -d "$tree"
before=$(cksum <"$img")
status "sound" 0 "$SHALE" check "$img"
check "sound: verdict" grep -qE \
    "^$img: ext2: sound; [0-9]+ files, .*, [0-9]+/16384 blocks$" \
    "$work/out"
expect "sound: one line" 1 "$(wc -l <"$work/out")"
for options in -n -f -nf "-t ext2" "-t ext3" "--offset 0" --all --summary \
    --jsonl --stats -v "--threads 1" "--superblock 8193" "-b 8193" -q; do
    # shellcheck disable=SC2086
    status "sound: $options" 0 "$SHALE" check $options "$img"
done
status "version" 0 "$SHALE" check -V
check "version" grep -q "^shale [0-9]" "$work/out"
status "stats" 0 "$SHALE" check --stats "$img"
for word in read memory bound time; do
    check "stats: $word" grep -q "^$word " "$work/out"
done
check "stats: the verdict is last" bash -c "tail -1 '$work/out' | grep -q sound"
status "phases" 0 "$SHALE" check -v "$img"
check "phases" grep -qE "^Phase 1 of [0-9]+: " "$work/out"

# repair is refused in a line, and the check is done
for letter in a p y r; do
    status "repair -$letter" 0 "$SHALE" check "-$letter" "$img"
    expect "repair -$letter: one line" 1 "$(wc -l <"$work/err")"
    says "repair -$letter" "nothing is repaired"
    check "repair -$letter: checked" grep -q "sound" "$work/out"
done

# progress, as fsck(8) and systemd-fsck(8) read it
status "progress" 0 bash -c "'$SHALE' check -C 5 '$img' 5>'$work/progress'"
check "progress: lines" test -s "$work/progress"
check "progress: nothing else" \
    bash -c "! grep -vE '^[1-5] [0-9]+ [0-9]+ $img$' '$work/progress'"
expect "progress: rises" "$(cut -d ' ' -f 1 "$work/progress")" \
    "$(cut -d ' ' -f 1 "$work/progress" | sort -n)"
status "progress: nowhere" 0 "$SHALE" check -C -5 "$img"
if have python3; then
    status "progress: nobody reads" 0 python3 -c "import os, subprocess, sys
r, w = os.pipe()
os.close(r)
sys.exit(subprocess.call(sys.argv[1:3] + ['-C', str(w), sys.argv[3]],
                         pass_fds=[w]))" "$SHALE" check "$img"
else
    skip "progress: nobody reads" "needs python3"
fi
status "progress: not open" 16 "$SHALE" check -C 77 "$img"
says "progress: not open" "no descriptor is open as 77"

# a superblock that is none is the user's mistake, and not the volume's
for options in "-b 5" "-b 99999999999999" "-b 8192" "-o sb=99"; do
    # shellcheck disable=SC2086
    status "no superblock: $options" 8 "$SHALE" check $options "$img"
    check "no superblock: $options" grep -q "finished; there is no superblock" \
        "$work/out"
done
status "superblock: the first" 0 "$SHALE" check -b 0 "$img"
status "superblock: a backup, in KiB" 0 "$SHALE" check -o sb=8193 "$img"

# found COMMAND...: a check that finds damage is a success.
found()
{
    local got=0

    "$@" || got=$?
    [ "$got" = 4 ]
}

# damage: an inode of a bad mode, a link count, and a block of two files
bad=$work/bad.img
cp "$img" "$bad"
debugfs -w -R "set_inode_field /etc/hosts links_count 7" "$bad" 2>/dev/null
status "damaged" 4 "$SHALE" check "$bad"
ino=$(debugfs -R "stat /etc/hosts" "$img" 2>/dev/null |
    sed -n 's/^Inode: \([0-9]*\).*/\1/p')
check "damaged: the object" grep -qx "inode $ino, /etc/hosts" "$work/out"
check "damaged: code and values" \
    grep -qE "^ +ext2\.[a-z_.]+(, byte [0-9]+)?: expected 1, found 7" \
    "$work/out"
check "damaged: the verdict is last" \
    bash -c "tail -1 '$work/out' | grep -q '^$bad: ext2: damaged: .*; '"
json "json: verdict" '.exit, .volumes[0].verdict, (.volumes | length) |
    tostring' $'4\ndamaged\n1' found "$SHALE" check --json "$bad"
json "json: finding" ".volumes[0].findings[] |
    select(.found == 7 and .number == $ino) |
    \"\(.object) \(.path) \(.expected)\"" "inode /etc/hosts 1" \
    found "$SHALE" check --json "$bad"
json "json: counts" '.volumes[0] | (.findings | length) ==
    (.summary | .corruptions + .inconsistencies + .advice)' true \
    found "$SHALE" check --json "$bad"
json "json: codes" '.volumes[0] | (.summary.codes | add) ==
    (.findings | length)' true found "$SHALE" check --json "$bad"
json "json: stats" '.volumes[0].stats | .bytes_read > 0 and .seconds >= 0' \
    true found "$SHALE" check --json --stats "$bad"
json "jsonl: kinds" '.kind' \
    "$(found "$SHALE" check --json "$bad" |
        jq -r '(.volumes[0].findings[] | "finding"), "volume", "image"')" \
    found "$SHALE" check --jsonl "$bad"
status "summary" 4 "$SHALE" check --summary "$bad"
check "summary: a code" grep -qE "^ +1  [a-z]+ +ext2\." "$work/out"
check "summary: no sentences" bash -c "! grep -q 'inode $ino' '$work/out'"
code=$(found "$SHALE" check --summary "$bad" |
    awk '/ext2\./ { print $3; exit }')
status "explain" 0 "$SHALE" check --explain "$code"
check "explain: the code" grep -q "^$code (" "$work/out"
check "explain: at stake" grep -q "^  At stake: " "$work/out"
status "explain a group" 0 "$SHALE" check --explain "${code%.*}"
check "explain a group" grep -q "^$code (" "$work/out"
status "explain nothing" 16 "$SHALE" check --explain no.such.code

# colours are for eyes
status "a pipe" 4 "$SHALE" check "$bad"
check "a pipe: no colours" bash -c "! grep -q $'\\033' '$work/out'"
if have script; then
    on_terminal "$work/tty" "env -u NO_COLOR TERM=xterm '$SHALE' check '$bad'"
    check "a terminal: colours" grep -q $'\033\[1minode' "$work/tty"
    on_terminal "$work/tty" "env NO_COLOR=1 '$SHALE' check '$bad'"
    check "a terminal: NO_COLOR" bash -c "! grep -q $'\\033\\[1m' '$work/tty'"
    for columns in 20 40 60 100; do
        on_terminal "$work/tty" "stty cols $columns; cd '$work'
            env TERM=xterm '$SHALE' check bad.img"
        sed -i 's/\x1b\[[0-9;]*m//g' "$work/tty"
        # Words longer than that stay whole; so does the verdict.
        check "$columns columns" bash -c "! grep -v '^bad.img:' '$work/tty' |
            grep -E '^.{$((columns + 1))}' | grep -q '[^ ] [^ ]'"
        check "$columns columns: all of it" \
            bash -c "tr -s ' \n' ' ' <'$work/tty' | grep -q 'found 7'"
    done
else
    skip "colours" "needs script (bsdutils)"
fi

# many findings: the limit counts on
cp "$img" "$work/many.img"
debugfs -w -R "clri /etc" "$work/many.img" 2>/dev/null
status "many" 4 "$SHALE" check "$work/many.img"
status "limit" 4 "$SHALE" check --limit 1 "$work/many.img"
expect "limit: one finding" 1 "$(grep -c '^                 ext2' "$work/out")"
check "limit: the rest" grep -qE "^[0-9]+ more findings" "$work/out"

# no beginning: the backups tell
cp "$img" "$work/headless.img"
dd if=/dev/zero of="$work/headless.img" bs=1024 count=4 conv=notrunc status=none
status "headless" 4 "$SHALE" check "$work/headless.img"
check "headless: type" grep -q ": ext2: damaged" "$work/out"

# bytes are the image's, whatever the volume's place
{ head -c 1048576 /dev/zero; cat "$bad"; } >"$work/later.img"
json "offset" '[.volumes[0].findings[].offset // empty] ==
    ([.volumes[0].findings[].volume_offset // empty | . + 1048576])' true \
    found "$SHALE" check --offset 1M --json "$work/later.img"

# interrupted, while it waits for somebody to read how far it is: the pipe is
# full when it starts
mkfifo "$work/pipe"
exec 6<>"$work/pipe"
dd if=/dev/zero bs=64k count=1 status=none >&6
"$SHALE" check -C 6 "$img" >"$work/out" 2>"$work/err" &
pid=$!
wait_until catches "$pid" 15 || fail "interrupted: not begun"
kill -TERM "$pid"
dd bs=64k count=1 status=none <&6 >/dev/null
got=0
wait "$pid" || got=$?
exec 6<&-
expect "interrupted: status" 32 "$got"
check "interrupted: verdict" grep -q "ext2: interrupted" "$work/out"

# with bigalloc a bit of a block bitmap is a cluster, and blocks are blocks
mke2fs -q -F -t ext4 -O bigalloc,^metadata_csum -b 4096 -C 16384 \
    "$work/clusters.img" 64M >"$work/mke2fs.log" 2>&1
at=$(dumpe2fs "$work/clusters.img" 2>/dev/null |
    sed -n 's/.*Block bitmap at \([0-9]*\).*/\1/p' | head -n 1)
printf '\377' | dd of="$work/clusters.img" bs=1 seek=$((at * 4096 + 200)) \
    conv=notrunc status=none
debugfs -w -R "ssv free_blocks_count 4000" "$work/clusters.img" \
    >"$work/debugfs.log" 2>&1
status "clusters" 4 "$SHALE" check "$work/clusters.img"
check "clusters: marked" grep -q \
    "marks 8 of its clusters as in use that nobody has, from block 6400 on" \
    "$work/out"
check "clusters: the superblock's count is of blocks" grep -q \
    "the superblock counts 4000 free blocks, where [0-9]*80 are" "$work/out"

check "clusters: are named" grep -qE "[0-9]+/4096 clusters$" "$work/out"

# the journal of another volume has no files that could be damaged
mke2fs -q -F -O journal_dev -b 4096 "$work/journal.img" 8M \
    >"$work/mke2fs.log" 2>&1
status "a journal" 8 "$SHALE" check "$work/journal.img"
says "a journal" "journal_dev"
status "a journal, for a volume" 4 "$SHALE" check -t ext2 "$work/journal.img"
expect "a journal, for a volume" "ext2.journal.device" \
    "$(grep -oE '\b(ext2|read)\.[a-z._]+' "$work/out")"

# where too little is known to look at the rest, nothing is counted
make_image "$work/alien.img" 4M
printf '\x10' | dd of="$work/alien.img" bs=1 seek=1123 conv=notrunc status=none
status "alien" 4 "$SHALE" check "$work/alien.img"
check "alien: the verdict" grep -q \
    ": damaged: 1 inconsistency; the rest of it cannot be looked at$" \
    "$work/out"
status "alien: --json" 4 "$SHALE" check --json "$work/alien.img"
json "alien: --json" '.volumes[0] | "\(.complete) \(.counted)"' \
    "true false" cat "$work/out"
json "sound: --json" '.volumes[0] | "\(.complete) \(.counted)"' \
    "true true" "$SHALE" check --json "$img"

# the list of codes in docs is what the command says
status "explain all" 0 "$SHALE" check --explain all
same "docs/check-codes.md is up to date (ninja check-codes)" \
    "$root/docs/check-codes.md" "$work/out"
codes=$(grep '^### ' "$work/out" | sort)
expect "codes are told apart" "$codes" "$(uniq <<<"$codes")"
check "codes are three words" \
    bash -c "! grep '^### ' '$work/out' |
        grep -qvE '\`[a-z0-9]+(\.[a-z0-9_]+){1,2}\`'"
expect "nothing was written" "$before" "$(cksum <"$img")"
finish
