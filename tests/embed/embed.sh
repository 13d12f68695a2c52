#!/usr/bin/env bash
# embed.sh SOURCE PROGRAMS - the code in docs/embedding.md is that of the
# files it names, word for word; and those programs, built in PROGRAMS, work
set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

source=$1 programs=$2
work=$(mktemp -d "${TMPDIR:-/tmp}/shale-embed.XXXXXX")
trap 'rm -rf "$work"' EXIT
failed=0

fail() { echo "FAILED: $*"; failed=1; }

# Each block of code after a line <!-- FILE: what -->.
perl -0777 -ne '
    BEGIN { $root = pop @ARGV }
    my $count = 0;
    while (/<!-- (\S+): [^\n]* -->\n```c\n(.*?)```\n/sg) {
        my ($file, $code) = ($1, $2);
        open(my $in, "<", "$root/$file") or die "no $file\n";
        my $text = do { local $/; <$in> };
        $count++;
        next if index($text, $code) >= 0;
        print "not in $file: ", (split /\n/, $code)[0], "\n";
    }
    my $blocks = () = /```c\n/g;
    print "$count blocks of $blocks name their file\n" if $count != $blocks;
' "$source/docs/embedding.md" "$source" 2>&1 | head -n 20 >"$work/blocks" || true
[ ! -s "$work/blocks" ] || fail "docs/embedding.md: $(cat "$work/blocks")"

# The driver of one's own.
"$programs/example_toyfs" >"$work/toyfs" || fail "toyfs: status $?"
diff "$source/examples/toyfs/expected" "$work/toyfs" ||
    fail "toyfs says something else"

# A device of one's own, and what was written, by a loader and by a judge.
for format in fat ext2; do
    image=$work/$format.img
    truncate -s 4M "$image"
    if [ "$format" = fat ]; then
        mkfs.fat "$image" >/dev/null
    else
        mke2fs -qF -t ext2 "$image"
    fi
    "$programs/example_device" "$image" "/a file of $format.txt" "some text" ||
        fail "$format: cannot be written to"
    [ "$("$programs/example_boot" "$image" "/a file of $format.txt")" = \
        "some text" ] || fail "$format: not what was written"
    "$programs/example_boot" "$image" /none 2>/dev/null &&
        fail "$format: a file that is not there"
    if [ "$format" = fat ]; then
        fsck.fat -n "$image" >"$work/log" || fail "$(cat "$work/log")"
    else
        e2fsck -fn "$image" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
    fi
done
exit "$failed"
