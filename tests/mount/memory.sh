#!/bin/sh
# memory.sh - a budget of memory holds, and what is in it can be seen
#
# Trees that do not fit the budget are made, walked, changed and removed, with
# the kernel remembering all of them, unless it is short of memory itself. Ours
# never takes more, and nothing fails.
. "$(dirname "$0")/lib.sh"
need e2fsck fsck.fat

DIRS=100
EACH=200                # 20,000 files

# value KEY - of the mount's memory
value() {
    "$SHALE" info --mem --json dir | awk -v key="\"$1\":" \
        '$1 == key { sub(/,$/, "", $2); print $2 }'
}

# within BYTES WHEN
within() {
    for key in heap_bytes heap_peak_bytes live_peak_bytes; do
        got=$(value $key)
        [ "${got:--1}" -ge 1 ] && [ "$got" -le "$1" ] ||
            fail "$2: $key is '$got', and $1 is the budget"
    done
}

# Names of directories, and of files, one a line.
names() {
    awk -v dirs=$DIRS -v each=$EACH 'BEGIN {
        for (d = 0; d < dirs; d++)
            for (f = 0; f < each; f++)
                printf "d%03d/a file of some length %05d\n", d, d * each + f
    }'
}

# fill, walk, change and remove what is in dir, which has BUDGET
live_in() {
    budget=$1
    awk -v dirs=$DIRS 'BEGIN { for (d = 0; d < dirs; d++)
        printf "d%03d\n", d }' | (cd dir && xargs mkdir) || fail "mkdir"
    names | (cd dir && tr '\n' '\0' | xargs -0 touch) || fail "touch"
    within "$budget" "$2, filled"
    expect "$2: files" $((DIRS * EACH)) "$(find dir -type f -size 0 | wc -l)"
    known=$(($(value known_nodes) + $(value known_in_sums)))
    [ "$known" -gt 0 ] || fail "$2: the kernel knows nothing"
    [ "$known" -gt $((DIRS * EACH)) ] ||
        note "$2: the kernel has forgotten all but $known"
    within "$budget" "$2, walked"
}

change_in() {
    budget=$1
    exec 3<"dir/d001/a file of some length 00200"
    for f in dir/d002/*7; do
        mv "$f" "$f-moved" || fail "$2: mv $f"
        echo "${f##*/}" >>"$f-moved" || fail "$2: write to $f-moved"
    done
    rm -r dir/d000 dir/d001 || fail "$2: rm -r"
    expect "$2: an open file that was removed" 0 "$(wc -c <&3)"
    exec 3<&-
    for f in dir/d002/*-moved; do
        grep -q length "$f" || fail "$2: $f has lost its contents"
    done
    expect "$2: files left" $(((DIRS - 2) * EACH)) \
        "$(find dir -type f | wc -l)"
    within "$budget" "$2, changed"
}

# ------------------------------------------------------------------ budgets

# mounted IMAGE LIST - in the foreground, so that all it says is in `said`
mounted() {
    "$SHALE" mount -f "$1" dir -o "$2" 2>said &
    daemon=$!
    for _ in $(seq 600); do
        is_mounted "$dir" && return
        kill -0 $daemon 2>/dev/null || break
        sleep 0.1
    done
    fail "no mount of $1 with $2: $(cat said)"
}
# unmounted - and nothing was said, of memory still in use for one
unmounted() {
    must "$SHALE" umount dir
    wait $daemon || fail "its exit status is not 0"
    [ ! -s said ] || fail "it said: $(cat said)"
}

MIB=1048576
truncate -s 64M ext2.img
must mke2fs -q -F -t ext2 -b 1024 -N 24000 ext2.img
mounted ext2.img cache=1M
live_in $MIB ext2
unmounted
mounted ext2.img cache=1M
expect "ext2, again" $((DIRS * EACH)) "$(find dir -type f -size 0 | wc -l)"
change_in $MIB ext2
unmounted
e2fsck -fn ext2.img >fsck.out 2>&1 || fail "e2fsck: $(cat fsck.out)"
mounted ext2.img ro,cache=1M
expect "ext2, read-only" $(((DIRS - 2) * EACH)) "$(find dir -type f | wc -l)"
expect "counted where nothing changes" 0 "$(value known_nodes)"
within $MIB "ext2, read-only"
unmounted

# Fewer, as each takes three entries of 32 bytes and its time.
DIRS=20
truncate -s 64M fat.img
must "$SHALE" mkfs -q -t fat fat.img
mounted fat.img cache=1M
live_in $MIB fat
change_in $MIB fat
unmounted
fsck.fat -n fat.img >fsck.out 2>&1 || fail "fsck.fat: $(cat fsck.out)"

# What the kernel knows is true when it has left our memory: a file by its
# names, and one that has moved by its number.
mounted fat.img cache=1M
echo one >dir/Foo
expect "by other names" "one one" "$(cat dir/foo dir/FOO | xargs)"
echo old >dir/moving
exec 3<dir/moving
mv dir/moving dir/d003/moved
echo new >dir/moving            # where the other one was
expect "files that pass by" $(((DIRS - 2) * EACH + 3)) \
    "$(find dir -type f | wc -l)"
[ "$(value vnodes_unused)" -lt 1000 ] || fail "all vnodes are in memory"
expect "a file that has moved" old "$(cat <&3)"
expect "the one in its place" new "$(cat dir/moving)"
rm dir/foo
for name in Foo foo FOO fOO; do
    [ ! -e "dir/$name" ] || fail "$name is there without being there"
done
rm dir/moving dir/d003/moved
expect "a file without a name" "0 4" "$(stat -L -c '%h %s' /proc/self/fd/3)"
exec 3<&-
unmounted
fsck.fat -n fat.img >fsck.out 2>&1 || fail "fsck.fat: $(cat fsck.out)"

# Large blocks need more, and say so.
if mke2fs -q -F -t ext2 -b 65536 large.img 256M >/dev/null 2>&1 </dev/null; then
    refuse 1 'large.img: cache= has to be 4M at least, *65536 bytes' \
        "$SHALE" mount large.img dir -o cache=3M
    DIRS=10
    mounted large.img cache=4M
    live_in $((4 * MIB)) "large blocks"
    change_in $((4 * MIB)) "large blocks"
    unmounted
    e2fsck -fn large.img >fsck.out 2>&1 || fail "e2fsck: $(cat fsck.out)"
fi

# ----------------------------------------------------------- to be seen

mounted ext2.img cache=2M
"$SHALE" info --mem dir >people
for line in 'dir: ext2, mounted' '  from the system  .*  2\.0 MiB' \
    '  metadata  .*  1\.0 MiB  .* [0-9.]*%' '  known to the kernel  *[0-9]*' \
    '  changes  .* [KM]iB' '  all together  .* MiB'; do
    grep -qx "$line" people || fail "for people: no '$line' in $(cat people)"
done
# Each key has its place there, and none is shown as it came.
! grep -E '_|Besides|besides' people || fail "for people: keys"
! grep -E '.{81}' people || fail "for people: long lines"
expect "filesystem" '"ext2"' "$(value filesystem)"
expect "budget" 2097152 "$(value heap_budget_bytes)"
ls dir/d002 >/dev/null
[ "$(value metadata_hits)" -gt 0 ] || fail "no hits"
[ "$(value bound_bytes)" -gt $MIB ] || fail "no bound"
case $(getfattr -d -m - dir 2>&1) in
*shale*) fail "the attribute is listed" ;;
esac
expect_match "below the root" '*: Operation not supported' \
    "$(getfattr -n system.shale.memory dir/d002 2>&1)"
refuse 2 "$work: not where shale has mounted something" \
    "$SHALE" info --mem "$work"
refuse 2 'no-such-image: *' "$SHALE" info --mem no-such-image
refuse 2 "dir/d002: is in what is mounted at $dir, which is to be asked" \
    "$SHALE" info --mem dir/d002
refuse 2 "dir/d002/x: the image is empty*what is mounted at $dir is asked *" \
    sh -c ': >dir/d002/x && exec "$0" info --mem dir/d002/x' "$SHALE"
for option in -p1 --offset=0 --size-limit=1M -text2 -osb=8193; do
    refuse 2 'info: dir is a directory: an option that chooses a volume *' \
        "$SHALE" info --mem $option dir
done

# Asked by a signal, as often as one likes.
for n in 1 2 3; do
    kill -USR1 $daemon
    for _ in $(seq 600); do
        [ "$(wc -l <said)" -ge $n ] && break
        sleep 0.1
    done
done
expect_match "after signals" 'shale: ext2.img: memory: *metadata*vnodes*' \
    "$(head -n 1 said)"
expect "lines" 3 "$(grep -c ': memory: ' said)"
must "$SHALE" umount dir
wait $daemon || fail "its exit status is not 0 after signals"
expect "lines at the end" 3 "$(wc -l <said)"

# By who has mounted it, and root, alone.
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
    mounted ext2.img allow_other
    chmod 755 "$work"
    expect_match "somebody else" \
        'shale: *: only who has mounted it, and root, may see that' \
        "$(setpriv --reuid 1000 --clear-groups "$SHALE" info --mem dir 2>&1)"
    unmounted
fi

# Of an image: what mounting it would take.
"$SHALE" info --mem ext2.img >people
for line in 'ext2.img: ext2, an image, as just mounted read-only' \
    '  from the system  .*  no limit' '  all together  .* MiB' \
    '  \.\.\. changes, besides  .* MiB'; do
    grep -qx "$line" people || fail "an image: no '$line' in $(cat people)"
done
! grep -E '_|Besides' people || fail "an image: keys"
bound=$("$SHALE" info --mem --json ext2.img | awk '$1 == "\"bound_bytes\":" {
    sub(/,$/, "", $2); print $2 }')
[ "${bound:-0}" -gt 8388608 ] || fail "the bound of an image is '$bound'"

# What programs read stays as it is.
expect "keys" "bound_bytes bound_changes_bytes bound_decoded_bytes \
bound_metadata_bytes bound_names_bytes bound_passing_bytes bound_vnodes_bytes \
bound_volume_bytes filesystem heap_budget_bytes heap_bytes heap_peak_bytes \
image live_bytes live_peak_bytes memory metadata_block_size \
metadata_budget_bytes metadata_bytes metadata_hits metadata_misses \
metadata_pinned_blocks \
metadata_reads metadata_unwritten_blocks pages_bytes pages_peak_bytes slabs \
vnode_hits vnode_misses vnode_size vnodes_unused vnodes_unused_max vnodes_used" \
    "$("$SHALE" info --mem --json ext2.img |
        sed -n 's/^ *"\([a-z_]*\)":.*/\1/p' | sort | xargs)"
finish
