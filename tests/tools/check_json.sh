#!/usr/bin/env bash
# check_json.sh - shale check --json, --jsonl: always a document, always valid
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
here=$(cd "$(dirname "$0")" && pwd)
for program in mke2fs debugfs sfdisk mkfs.fat mkswap python3 jq; do
    have "$program" || skip_all "needs $program"
done

# document FORM "EXIT VOLUMES FINDINGS" NAME: $work/out has one to be judged,
# with all others, by check_json.py.
documents=0
document()
{
    documents=$((documents + 1))
    cp "$work/out" "$work/document.$documents"
    printf '%s\n' "$work/document.$documents" "$@" >>"$work/documents"
}

# both NAME "EXIT VOLUMES FINDINGS" ARGUMENT...: --json and --jsonl are as
# shale-check(1) says, and so is the exit status.
both()
{
    local what=$1 want=$2 form

    shift 2
    for form in json jsonl; do
        status "$what: --$form" "${want%% *}" "$SHALE" check "--$form" "$@"
        document "$form" "$want" "$what: --$form"
    done
}

# What cannot be checked is told in JSON, too.
both "no such image" "8 0 0" "$work/none.img"
json "no such image: why" .error "No such file or directory" \
    cat <("$SHALE" check --json "$work/none.img" 2>/dev/null)
both "a directory" "8 0 0" "$work"
mkfifo "$work/fifo"
both "a FIFO" "8 0 0" "$work/fifo"
both "a device for characters" "8 0 0" /dev/null
both "no image" "16 0 0"
both "two images" "16 0 0" a b
both "unknown option" "16 0 0" --frobnicate x
both "unknown type" "16 0 0" -t xfs x
both "a limit of nothing" "16 0 0" --limit 0 x
status "both forms" 16 "$SHALE" check --json --jsonl x
: >"$work/empty"
both "an empty file" "8 0 0" "$work/empty"
echo >"$work/byte"
both "a byte" "8 1 0" "$work/byte"
truncate -s 1M "$work/zeros"
both "zeros" "8 1 0" "$work/zeros"
truncate -s 8E "$work/huge" 2>/dev/null || truncate -s 8T "$work/huge"
both "a huge hole" "8 1 0" "$work/huge"
json "zeros: verdict" '.volumes[0] | .verdict, .error == null' \
    $'not checked\nfalse' cat \
    <("$SHALE" check --json "$work/zeros" 2>/dev/null)
if ! is_root; then
    install -m 0 /dev/null "$work/secret"
    both "unreadable" "8 0 0" "$work/secret"
fi

# Partitions that are passed over are there.
disk=$work/disk.img
truncate -s 40M "$disk"
bios=21686148-6449-6E6F-744E-656564454649
printf 'label: gpt\nsize=10M\nsize=10M, type=%s\nsize=4M, type=%s\nsize=12M\n' \
    swap "$bios" |
    sfdisk -q "$disk" >/dev/null 2>&1
make_image "$work/ext2" 10M -b 1024
truncate -s 10M "$work/swap"
mkswap "$work/swap" >/dev/null 2>&1
truncate -s 12M "$work/fat"
mkfs.fat "$work/fat" >/dev/null
put "$work/ext2" "$disk" 2048
put "$work/swap" "$disk" 22528
put "$work/fat" "$disk" 51200
both "a disk" "0 4 0" --all "$disk"
both "a disk: which?" "8 0 0" "$disk"
json "a disk: contents" '.volumes[] |
    "\(.partition) \(.type) \(.content) \(.verdict) \(.exit)"' \
    "$(printf '%s\n' "1 ext2 ext2 sound 0" "2 null swap not checked 0" \
        "3 null null not checked 0" "4 fat fat sound 0")" \
    "$SHALE" check --all --json "$disk"
status "a disk: text" 0 "$SHALE" check --all "$disk"
for line in "2: swap: not checked" "3: BIOS boot: not checked"; do
    check "a disk: text: $line" grep -qx "$disk, partition $line" "$work/out"
done
expect "a disk: text: a line each" 4 "$(grep -c . "$work/out")"
both "a disk of a type" "0 1 0" --all -t ext2 "$disk"
truncate -s 40M "$work/blank"
printf 'label: gpt\nsize=10M\nsize=10M\n' | sfdisk -q "$work/blank" \
    >/dev/null 2>&1
both "a disk of nothing" "8 2 0" --all "$work/blank"

# Findings, counts of them, the limit.
cp "$work/ext2" "$work/bad"
debugfs -w -R "set_inode_field <2> links_count 7" "$work/bad" 2>/dev/null
debugfs -w -R "set_inode_field <11> links_count 7" "$work/bad" 2>/dev/null
both "damage" "4 1 2" "$work/bad"
both "damage: limit" "4 1 1" --limit 1 "$work/bad"
both "damage: statistics" "4 1 2" --stats "$work/bad"
both "damage: -v is silent" "4 1 2" -v "$work/bad"
both "damage: summary" "4 1 0" --summary "$work/bad"
both "damage: summary, limit" "4 1 0" --summary --limit 1 "$work/bad"
expect "damage: summary: whatever the limit" \
    "$("$SHALE" check --summary --limit 100 "$work/bad")" \
    "$("$SHALE" check --summary --limit 1 "$work/bad")"
check "damage: summary: nothing is left out" \
    bash -c "! '$SHALE' check --summary --limit 1 '$work/bad' | grep limit"
check "damage: the limit is told of" \
    bash -c "'$SHALE' check --limit 1 '$work/bad' | grep -q -e --limit"
json "damage: nothing is untold that was not to be told" \
    '.volumes[0].summary.untold' 0 \
    cat <("$SHALE" check --json --summary --limit 1 "$work/bad" || true)
json "damage: summary has counts" '.volumes[0] |
    .findings, .summary.inconsistencies' $'null\n2' \
    cat <("$SHALE" check --json --summary "$work/bad" || true)

# Names are bytes; in JSON they are so again, in text they harm nobody.
mkdir "$work/tree"
odd=$'line\nfeed \e[31mred\\ \x9b31m "quoted" \xff\xfe \xe2\x80\xae'
echo x >"$work/tree/$odd"
printf 'caf\xc3\xa9' >"$work/tree/$(printf 'caf\xc3\xa9')"
make_image "$work/odd" 2M -b 1024 -d "$work/tree"
for ino in 12 13; do
    debugfs -w -R "set_inode_field <$ino> links_count 7" "$work/odd" \
        2>/dev/null
done
both "odd names" "4 1 2" "$work/odd"
json "odd names: the bytes are there" '.volumes[0].findings[] |
    select(.path_hex) | .path_hex' \
    "$(printf '/%s' "$odd" | od -An -v -tx1 | tr -d ' \n')" \
    cat <("$SHALE" check --json "$work/odd" || true)
json "odd names: what is UTF-8 is itself" '.volumes[0].findings[] |
    select(.path_hex | not) | .path' "$(printf '/caf\xc3\xa9')" \
    cat <("$SHALE" check --json "$work/odd" || true)
status "odd names: text" 4 "$SHALE" check "$work/odd"
check "odd names: text: in one line" grep -qF \
    '/line\x0afeed \x1b[31mred\\ \x9b31m "quoted" \xff\xfe \xe2\x80\xae' \
    "$work/out"
check "odd names: text: nothing else" \
    bash -c "! LC_ALL=C grep -q $'[\\001-\\010\\013-\\037\\377]' '$work/out'"

# A name that is an image's, too.
cp "$work/bad" "$work/$odd"
both "an odd image" "4 1 2" "$work/$odd"
status "an odd image: text" 4 "$SHALE" check "$work/$odd"
expect "an odd image: text: one verdict" 1 "$(grep -c ext2: "$work/out")"
status "an odd image: message" 8 "$SHALE" check "$work/no$odd"
expect "an odd image: message: one line" 1 "$(wc -l <"$work/err")"
check "an odd image: message: no escapes" \
    bash -c "! grep -q $'\\033' '$work/err'"

# Interrupted, while it waits for somebody to read how far it is: the pipe is
# full when it starts. What comes after is not checked, and named.
mkfifo "$work/pipe"
for form in json jsonl; do
    exec 6<>"$work/pipe"
    dd if=/dev/zero bs=64k count=1 status=none >&6
    "$SHALE" check "--$form" --all -C 6 "$disk" >"$work/out" 2>/dev/null &
    pid=$!
    wait_until catches "$pid" 15 || fail "interrupted: --$form: not begun"
    kill -TERM "$pid"
    dd bs=64k count=1 status=none <&6 >/dev/null
    got=0
    wait "$pid" || got=$?
    exec 6<&-
    expect "interrupted: --$form: status" 32 "$got"
    document "$form" "32 4 0" "interrupted: --$form"
    check "interrupted: --$form: the others" \
        grep -q '"error": *"interrupted"' "$work/out"
done

# A full disk is called so.
for how in "" --json --jsonl --summary -v "--explain all"; do
    # shellcheck disable=SC2086
    status "full: $how" "$([ "$how" = "--explain all" ] && echo 8 || echo 12)" \
        bash -c "'$SHALE' check $how '$work/bad' >/dev/full"
    says "full: $how" "cannot write the output: No space left on device"
done
# More than a buffer: the error is met on the way.
make_image "$work/many" 20M -b 1024 -N 4000
head -c 2000000 /dev/urandom | dd of="$work/many" bs=1024 seek=100 \
    conv=notrunc status=none
status "full: much to say" 12 bash -c "'$SHALE' check '$work/many' >/dev/full"
says "full: much to say" "No space left on device"
check "full: much to say: nothing else" \
    bash -c "! grep -q 'Input/output' '$work/err'"
status "nobody reads" 0 bash -c "'$SHALE' check '$work/many' | head -n 1"

expect "documents: as shale-check(1) says" "" \
    "$(python3 "$here/check_json.py" <"$work/documents")"
check "documents: all of them" test "$documents" -ge 50
finish
