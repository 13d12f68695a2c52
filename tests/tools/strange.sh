#!/usr/bin/env bash
# strange.sh - names that are meant to do harm: to terminals, to JSON, to logs
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
have mke2fs || skip_all "needs mke2fs (e2fsprogs)"

# A title, a colour, C1 controls in both forms, a line of one's own; and what is
# not UTF-8.
odd=$'a\033]0;title\007b\033[31mc\x9bd\xc2\x9be\nshale: f\xffg'
mkdir "$work/tree" "$work/tree/$odd.d"
echo text >"$work/tree/$odd"
echo text >"$work/tree/plain"
ln -s "$odd" "$work/tree/link"
truncate -s 100K "$work/tree/sparse"
img=$work/$odd.img
make_image "$work/one.img" 4M -d "$work/tree"
cp "$work/one.img" "$img"
truncate -s 4M "$work/fat.img"
"$SHALE" mkfs -q -t fat "$work/fat.img"
cp "$work/fat.img" "$work/$odd.fat"
export SHALE img odd work

# What is run, a line each; all of it names what should not be shown as it is.
cat >"$work/commands" <<'END'
ls "$img"
ls -lR "$img"
ls -la "$img" "$odd.d" "/no$odd"
tree "$img"
stat "$img:/$odd" link
cat "$img:/no$odd"
extents "$img:/$odd"
info "$img"
info --mem "$img"
check -v "$img"
check --stats "$img"
map "$img"
map --owner 5000 "$img"
map --file "/$odd" "$img"
map --picture "$work/no/$odd" "$img"
cp -v "$img:/$odd" "$work/copy$odd"
cp -rv "$img" "$work/all$odd"
put -rv "$img:/new" "$work/all$odd/$odd.d" "$work/no$odd"
put -v "$work/$odd.fat:/" "$work/copy$odd" "$work/all$odd/plain"
mkdir "$img:/$odd/x"
mkdir -m "$odd" "$img:/x"
mv -v "$img:/$odd" "/z$odd"
ln "$img:/z$odd" "/y$odd"
ln -s "$odd" "$img:/link"
rm -rv "$img:/z$odd" "$odd.d"
mknod "$img:/$odd" "$odd"
touch -d "$odd" "$img:/plain"
chmod "$odd" "$img:/plain"
chown "$odd" "$img:/plain"
attr "+$odd" "$work/$odd.fat:/plain"
label "$img" "$odd"
label "$work/$odd.fat" "$odd"
mkfs -t "$odd" "$work/new"
mkfs -t ext2 -L "$odd$odd" --size 4M "$work/new$odd"
mkfs -t ext2 "$img"
ls --"$odd" "$img"
ls --part "$odd" "$img"
ls -o "$odd" "$img"
ls -t "$odd" "$img"
check --explain "$odd"
help "$odd"
"$odd"
mount "$img" "$work/no$odd"
mount "$work/no$odd" "$work"
mount "$img" "$work" -o "$odd"
mount "$img" "$work" --"$odd"
mount "$img" "$work" --ready-fd "$odd"
umount "$odd"
umount --"$odd"
END

# clean FILE COMMAND: no control character but those that draw, and no line that
# begins as one of ours does, with what a name says.
clean()
{
    sed -e 's/\r//g' -e 's/\x1b\[[0-9;]*[mK]//g' "$1" >"$work/seen"
    check "no harm: $2" bash -c "! LC_ALL=C grep -qaP \
        '[\x01-\x09\x0b-\x1f\x7f\xff\x9b]' '$work/seen'"
    check "no line of its own: $2" \
        bash -c "! grep -qa '^shale: f' '$work/seen'"
}

# Its colour is one that nothing of ours has.
colourless() { ! grep -qa $'\033\\[31mc' "$1"; }

if have script; then
    while read -r line; do
        (cd "$work" && all_on_terminal "$work/tty" "\"\$SHALE\" $line")
        clean "$work/tty" "$line"
        check "no colour: $line" colourless "$work/tty"
        check "something is said: $line" grep -q . "$work/tty"
    done < <(grep -v '^ln "\|^mkfs -t ext2 -L' "$work/commands")
else
    skip "terminal" "needs script (bsdutils)"
fi

# A message is one line, and harmless, wherever it goes.
while read -r line; do
    (cd "$work" && eval "\"\$SHALE\" $line") >/dev/null 2>"$work/err" \
        </dev/null || true
    clean "$work/err" "errors of: $line"
done <"$work/commands"

# JSON is UTF-8, and says all the bytes.
cp "$work/one.img" "$img"
documents='ls --json -R "$img"
ls --json "$img:/$odd.d"
stat --json "$img:/$odd" link
extents --json "$img:/$odd"
info --json "$img"
info --mem --json "$img"
check --json "$img"
check --jsonl "$img"
map --json "$img"
map --json --owner 5000 "$img"
map --json --file "/$odd" "$img"
attr --json "$work/$odd.fat:/a"'
"$SHALE" mkdir "$work/$odd.fat:/a"
if have jq; then
    while read -r line; do
        eval "\"\$SHALE\" $line" >"$work/out" 2>"$work/err" </dev/null ||
            fail "$line: $(cat "$work/err")"
        check "JSON: $line" jq -e . "$work/out" >/dev/null
        check "UTF-8: $line" iconv -f UTF-8 -t UTF-8 "$work/out" >/dev/null
    done <<<"$documents"
    expect "all bytes of a name" "$(printf %s "$odd" | od -An -v -tx1 |
        tr -d ' \n')" "$("$SHALE" stat --json "$img:/$odd" |
        jq -r '.[0].path_hex' | sed 's/^2f//')"
else
    skip "JSON" "needs jq"
fi
finish
