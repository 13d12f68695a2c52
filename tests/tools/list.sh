#!/usr/bin/env bash
# list.sh - shale ls and shale tree
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have mke2fs || skip_all "needs mke2fs (e2fsprogs)"
export TZ=UTC
uid=$(id -u)
gid=$(id -g)

tree=$work/tree
img=$work/disk.img
odd=$(printf 'odd\377\033[31m\nname')
mkdir -p "$tree/b/c/d" "$tree/.hidden" "$tree/a b"
echo hello >"$tree/file"
ln "$tree/file" "$tree/b/again"
ln -s ../file "$tree/b/link"
ln -s b "$tree/dirlink"
truncate -s 3000000 "$tree/big"
echo x >"$tree/$odd"
echo x >"$tree/b/é"
touch "$tree/.dot" "$tree/b/c/d/deep"
chmod 4755 "$tree/big"
chmod 1777 "$tree/a b"
chmod 640 "$tree/file"
touch -d '2001-02-03 04:05:06' "$tree/file"
make_image "$img" 16M -I 256 -d "$tree"

# names DIR [LS OPTION...]: the same question to ls(1) and to us.
names()
{
    local dir=$1

    shift
    (cd "$tree" && ls -1 "$@" "./$dir") | sed 's,^\./,,' >"$work/want"
    "$SHALE" ls "$@" "$img:$dir" | { grep -v '^lost+found$' || true; } \
        >"$work/got"
    same "ls $* $dir" "$work/want" "$work/got"
}

for options in "" -a -A -1 -AR -R; do
    # shellcheck disable=SC2086
    [[ $options == *R* ]] || names / $options
    # shellcheck disable=SC2086
    names b/c $options
done
(cd "$tree" && find . -mindepth 1 -printf '/%P\0') | sort -z >"$work/want"
"$SHALE" ls -AR --json "$img" >"$work/all.json"
if have jq; then
    jq -j '.[] | select(.name != "lost+found") | (if .path_hex
        then "odd" else .path end) + "\u0000"' "$work/all.json" |
        sort -z >"$work/got"
    sed -z "s,^/odd.*,odd," "$work/want" | sort -z >"$work/want2"
    # The odd name holds a newline, which sed -z keeps within one record.
    tr '\0' '\n' <"$work/want2" | grep -v '^name$' >"$work/want"
    tr '\0' '\n' <"$work/got" >"$work/got2"
    same "ls -AR --json: every path" <(sort "$work/want") <(sort "$work/got2")
    expect "name_hex is reversible" "$(printf %s "$odd" | od -An -tx1 |
        tr -d ' \n')" \
        "$(jq -r '.[] | select(.name_hex) | .name_hex' "$work/all.json")"
    expect "no hex for UTF-8" "é" "$(jq -r '.[] | select(.path |
        startswith("/b/")) | select(.name_hex | not) | .name |
        select(test("[^a-z]"))' "$work/all.json")"
    json "json: attributes" '.[0] | [.name, .path, .type, .mode, .uid, .gid,
        .links, .size, .mtime] | map(tostring) | join(" ")' \
        "file file file 0640 $uid $gid 2 6 2001-02-03T04:05:06.000000000Z" \
        "$SHALE" ls -d --json "$img:file"
    json "json: link" '.[] | select(.type == "symlink") | .target' "../file" \
        "$SHALE" ls --json "$img:b"
    json "json: hard links share an inode" \
        '[.[] | select(.links == 2 and .type == "file") | .ino] |
         unique | length' 1 "$SHALE" ls -AR --json "$img"
    json "json: an empty directory" '. | length' 0 \
        "$SHALE" ls --json "$img:/a b"
else
    skip "ls --json" "needs jq"
fi

expect "ls -l" "-rw-r----- 2 $(id -u) $(id -g) 6 2001-02-03 04:05 file" \
    "$("$SHALE" ls -l "$img:file")"
expect "ls -lh" "2.9M" "$("$SHALE" ls -lh "$img:big" | awk '{ print $5 }')"
expect "ls -l: setuid" "-rwsr-xr-x" \
    "$("$SHALE" ls -l "$img:big" | cut -d ' ' -f 1)"
expect "ls -ld: sticky" "drwxrwxrwt" \
    "$("$SHALE" ls -ld "$img:/a b" | cut -d ' ' -f 1)"
expect "ls -l: target" "b/link -> ../file" \
    "$("$SHALE" ls -l "$img:b/link" | sed 's/.* b/b/')"
expect "ls -i" "$("$SHALE" ls -i "$img:file" | cut -d ' ' -f 1)" \
    "$("$SHALE" ls -i "$img:b" | awk '$2 == "again" { print $1 }')"
expect "ls -b" 'odd\377\033[31m\nname' "$("$SHALE" ls -b "$img" | grep odd)"
expect "ls: a link to a directory is followed" "again c link é" \
    "$("$SHALE" ls "$img:dirlink" | tr '\n' ' ' | sed 's/ $//')"
expect "ls -d: and not" dirlink "$("$SHALE" ls -d "$img:dirlink")"
expect "ls: several" "file  a b: b/c: d " \
    "$("$SHALE" ls "$img" file "a b" b/c | tr '\n' ' ' | sed 's/   */  /g' |
       sed 's/a b:  b/a b: b/')"
expect "ls: root by an empty path" "$("$SHALE" ls "$img")" \
    "$("$SHALE" ls "$img:")"

# Escaped on a terminal, raw elsewhere.
if have script; then
    on_terminal "$work/tty" "'$SHALE' ls '$img'"
    check "terminal: escaped" grep -qF 'odd\377\033[31m\nname' "$work/tty"
    check "terminal: no escape character" \
        bash -c "! grep -q $'\\033' '$work/tty'"
else
    skip "ls on a terminal" "needs script(1)"
fi

# A big directory: all names, sorted; unsorted in pieces, nothing twice.
mkdir "$work/many"
count=10000
! is_quick || count=1000
(cd "$work/many" && seq -f 'entry-%.0f' $count | xargs touch)
make_image "$work/many.img" 16M -N $((count + 100)) -d "$work/many"
"$SHALE" ls "$work/many.img" | grep entry >"$work/got"
seq -f 'entry-%.0f' $count | sort >"$work/want"
same "ls of $count entries" "$work/want" "$work/got"
"$SHALE" ls -U "$work/many.img" | grep entry | sort >"$work/got"
same "ls -U of $count entries" "$work/want" "$work/got"

cat >"$work/want" <<'END'
b
├── again
├── c
│   └── d
│       └── deep
├── link -> ../file
└── é

2 directories, 4 files
END
"$SHALE" tree "$img:b" >"$work/got"
same "tree" "$work/want" "$work/got"
cat >"$work/want" <<'END'
b
`-- c
    `-- d

2 directories
END
"$SHALE" tree -d --ascii "$img" b >"$work/got"
same "tree -d --ascii" "$work/want" "$work/got"
expect "tree -L" "1 directory, 3 files" \
    "$("$SHALE" tree -L 1 "$img:b" | tail -1)"
"$SHALE" tree "$img" >"$work/got"
check "tree hides dots" bash -c "! grep -q hidden '$work/got'"
"$SHALE" tree -a "$img" >"$work/got"
check "tree -a does not" grep -q hidden "$work/got"

# A directory that is its own descendant: told, not entered, and no hang.
if have debugfs; then
    cp "$img" "$work/cycle.img"
    debugfs -w -R "ln b b/c/d/up" "$work/cycle.img" >/dev/null 2>&1
    status "ls -R of a cycle" 1 "$SHALE" ls -R "$work/cycle.img"
    says "ls -R of a cycle" "b/c/d/up: the same directory again"
    status "tree of a cycle" 1 "$SHALE" tree "$work/cycle.img"
    says "tree of a cycle" "b/c/d/up: the same directory again"
else
    skip "cycles" "needs debugfs"
fi
finish
