#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS [CORPUS] - fuzz the drivers, for SECONDS in all
#
# One fuzzer on each core at a time, and each for an equal share of the time.
# BUILD is a build directory of the preset `fuzz`. Seeds are small images made
# on the spot by the formats' own programs, and what of SHALE_CORPORA is small.
# What the fuzzers learn is kept below CORPUS, if that is given. A crash, a
# leak, a report or an input that takes a minute fails, and its input is
# kept in BUILD.
set -euo pipefail
export LC_ALL=C
PATH=$PATH:/usr/sbin:/sbin

build=$(cd "$1" && pwd)
seconds=$2
here=$(cd "$(dirname "$0")" && pwd)
corpora=${SHALE_CORPORA:-$here/../../../shared/corpora}
work=$(mktemp -d "${TMPDIR:-/tmp}/shale-fuzz.XXXXXX")
trap 'rm -rf "$work"' EXIT
corpus=${3:-$work/corpus}
seeds=$work/seeds
mkdir -p "$seeds/ext2" "$seeds/fat" "$seeds/ntfs" "$work/tree/dir/below"

# Longest input: the fuzzer slows down with every byte.
max=131072
ntfs_max=262144                 # whose records are far apart, and a KiB each

# One small tree, in volumes of different shapes.
make_ext2_seeds()
{
    local n=0 line

    echo content >"$work/tree/file"
    seq 1 9000 >"$work/tree/dir/larger"
    ln -s ../file "$work/tree/dir/link"
    ln -s "$(printf '%080d' 0)" "$work/tree/dir/slow"
    mkfifo "$work/tree/dir/fifo"
    (cd "$work/tree/dir/below" && seq -f 'some name %030g' 1 60 |
        xargs -d '\n' touch)
    setfattr -n user.seed -v "$(printf '%0200d' 0)" "$work/tree/file" \
        2>/dev/null || true
    while read -r line; do
        n=$((n + 1))
        # shellcheck disable=SC2086 # the line is a list of arguments
        mke2fs -q -F -t ext2 $line -d "$work/tree" "$seeds/ext2/$n" 256k \
            </dev/null >/dev/null 2>&1 || rm -f "$seeds/ext2/$n"
    done <<'LIST'
-b 1024 -I 128 -N 96 -r 0
-b 1024 -I 128 -N 96 -O none
-b 1024 -I 256 -N 96 -O ext_attr,filetype,dir_index,^resize_inode
-b 1024 -I 256 -N 96 -O ^filetype,^resize_inode
-b 1024 -I 512 -N 96 -O ^resize_inode
-b 1024 -I 128 -N 96 -g 256 -O meta_bg,^resize_inode
-b 2048 -I 256 -N 80 -O ^resize_inode
-b 4096 -I 128 -N 80 -O ^resize_inode
LIST
    cp "$seeds/ext2/3" "$seeds/ext2/indexed"
    e2fsck -fyD "$seeds/ext2/indexed" >/dev/null 2>&1 || true
    make_journals
    # Each again, with something to do.
    for n in "$seeds"/ext2/*; do
        {
            cat "$n"
            head -c 96 /dev/urandom
        } >"$n-written"
    done
}

# Volumes with a journal, one of them with transactions in it; their starts.
make_journals()
{
    mke2fs -q -F -t ext3 -b 1024 -N 96 -J size=1 -d "$work/tree" \
        "$work/journal" 8m </dev/null >/dev/null 2>&1 || return 0
    head -c "$((max - 512))" "$work/journal" >"$seeds/ext2/journal"
    head -c 3072 "$work/journal" | tail -c 2048 >"$work/blocks"
    debugfs -w -f - "$work/journal" >/dev/null 2>&1 <<END || true
jo
jw -b 1,2 $work/blocks
jw -r 50,60
jw -b 1 $work/blocks
jc
END
    head -c "$((max - 512))" "$work/journal" >"$seeds/ext2/journal-full"
}

# The number of SIZE bytes at OFFSET of file IMAGE.
number() { od -An -v -t "u$3" -j "$2" -N "$3" "$1" | tr -d ' '; }

# fat_seed IMAGE SEED: what fuzz_fat.c takes: the volume's start, its first
# directories and files, something to do, and where the second piece is.
fat_seed()
{
    local image=$1 fat data

    fat=$(number "$image" 22 2)
    [ "$fat" != 0 ] || fat=$(number "$image" 36 4)
    data=$(($(number "$image" 14 2) + $(number "$image" 16 1) * fat))
    if [ "$data" -lt 64 ] || [ "$data" -gt 65535 ]; then
        data=64
    fi
    {
        head -c 32768 "$image"
        # What is missing of a small image is zeros on the device, too.
        head -c $((32768 - $(head -c 32768 "$image" | wc -c))) /dev/zero
        dd if="$image" bs=512 skip="$data" count=32 status=none
        head -c 96 /dev/urandom
        printf '%b' "\\x$(printf %02x $((data & 255)))"
        printf '%b' "\\x$(printf %02x $((data >> 8)))"
    } >"$2"
}

make_fat_seeds()
{
    local n=0 size line

    while read -r size line; do
        n=$((n + 1))
        rm -f "$work/image"
        # shellcheck disable=SC2086 # the line is a list of arguments
        mkfs.fat -C --invariant $line "$work/image" "$size" >/dev/null 2>&1 ||
            continue
        {
            mcopy -i "$work/image" "$work/tree/file" ::FILE.TXT
            mcopy -i "$work/image" "$work/tree/file" "::a long name.text"
            mmd -i "$work/image" "::a directory" ::DIR
            mcopy -i "$work/image" "$work/tree/dir/larger" "::a directory"
            mcopy -i "$work/image" "$work"/tree/dir/below/* ::DIR
        } >/dev/null 2>&1 </dev/null || true
        for ((i = 0; i < 4; i++)); do
            fat_seed "$work/image" "$seeds/fat/$n.$i"
        done
    done <<'LIST'
64 -F 12 -s 1 -f 1 -r 32
160 -F 12 -s 1 -f 2 -r 64 -n LABEL
720 -F 12 -s 2 -f 2
360 -F 12 -s 4 -f 1 -S 1024
2400 -F 16 -s 1 -f 1 -r 64
2400 -F 16 -s 1 -f 2 -n LABEL
9000 -F 16 -s 4 -f 1
600 -F 32 -s 1 -f 1
34000 -F 32 -s 1 -f 1 -n LABEL
34000 -F 32 -s 1 -f 2
LIST
}

# Small inputs of the decoders of NTFS: two bytes about the length, then what
# is packed. The fuzzers find the rest by themselves.
make_decoder_seeds()
{
    local dir=$seeds/ntfs_lznt1

    mkdir -p "$dir" "$seeds/ntfs_xpress" "$seeds/ntfs_lzx"
    printf '\1\1\3\260\2a\374\17' >"$dir/run"
    printf '\1\1\3\260\2a\374\17\3\260\2b\374\17' >"$dir/two"
    printf '\0\0\3\60abcd' >"$dir/stored"
    printf '\0\0\5\260\0abcde' >"$dir/bytes"
    printf '\0\0\13\260\10abc\1\20defgh' >"$dir/match"

    dir=$seeds/ntfs_xpress
    # Lengths of codes, two in a byte; then words of bits, the lowest last.
    {
        printf '\377\177'
        head -c 60 /dev/zero
        printf '\1'
        head -c 67 /dev/zero
        printf '\2\0\0\0\0\0\0\40'
        head -c 120 /dev/zero
    } >"$dir/run"
    { cat "$dir/run"; printf '\0\70\0\0\377\373\177'; } >"$dir/long"
    { cat "$dir/run"; printf '\0\70\0\0\20'; } >"$dir/short"
    { printf '\0\1'; head -c 256 /dev/zero | tr '\0' '\231'; } >"$dir/nine"
    { printf '\0\1'; head -c 300 /dev/zero | tr '\0' '\210'; } >"$dir/eight"

    dir=$seeds/ntfs_lzx
    # Kinds of blocks are the first three bits, the highest of a word first.
    printf '\0\1\0\60\0\0\0\0\0\0' >"$dir/verbatim"
    printf '\0\1\0\120\0\0\0\0\0\0' >"$dir/aligned"
    printf '\3\0\0\140\100\0\1\0\0\0\1\0\0\0\1\0\0\0abcd' >"$dir/stored"
    head -c 200 /dev/urandom >"$dir/any"
    head -c 4000 /dev/urandom >"$dir/more"
}

# Small volumes, whole: the golden one, by each set of mount options, and empty
# ones of other shapes.
make_ntfs_seeds()
{
    local n=0 options line

    gzip -dc "$here/../../images/ntfs-small.img.gz" >"$work/image"
    for options in 0 1 2 3 4 5 6 8 9 10; do
        "$here/ntfs_seed.py" "$work/image" "$options" \
            "$seeds/ntfs/golden-$options" "$ntfs_max"
    done
    gzip -dc "$here/../../images/ntfs-packed.img.gz" >"$work/image"
    for options in 0 3 9; do
        "$here/ntfs_seed.py" "$work/image" "$options" \
            "$seeds/ntfs/packed-$options" "$ntfs_max"
    done
    command -v mkntfs >/dev/null || return 0
    while read -r line; do
        n=$((n + 1))
        rm -f "$work/image"
        truncate -s 2M "$work/image"
        # shellcheck disable=SC2086 # the line is a list of arguments
        mkntfs -F -Q -q -f -p 0 -H 0 -S 0 $line "$work/image" </dev/null \
            >/dev/null 2>&1 || continue
        "$here/ntfs_seed.py" "$work/image" 0 "$seeds/ntfs/$n" "$ntfs_max"
    done <<'LIST'
-s 512 -c 512
-s 512 -c 1024
-s 512 -c 4096
-s 256 -c 512
-s 1024 -c 1024
-s 2048 -c 2048
-s 4096 -c 4096
LIST
}

make_ext2_seeds
make_decoder_seeds
if command -v python3 >/dev/null; then
    make_ntfs_seeds
fi
if command -v mkfs.fat >/dev/null && command -v mcopy >/dev/null; then
    make_fat_seeds
fi
if [ -e "$corpora/images.tar.zst" ] && command -v zstd >/dev/null; then
    mkdir "$work/others"
    tar --zstd -xSf "$corpora/images.tar.zst" -C "$work/others" images/ext2 \
        images/fat
    n=0
    while IFS= read -r -d '' image; do
        n=$((n + 1))
        head -c "$max" "$image" >"$seeds/ext2/other-$n"
    done < <(find "$work/others/images/ext2" -type f -size -4M -print0)
    while IFS= read -r -d '' image; do
        n=$((n + 1))
        fat_seed "$image" "$seeds/fat/other-$n"
    done < <(find "$work/others/images/fat" -type f -size +1k -print0)
fi

# fuzz PROGRAM SECONDS: says in a line what it did; false if it found something.
fuzz()
{
    local program=$1 name target seed count longest=$max dict=() status=0 log

    name=$(basename "$program")
    log=$work/$name.log
    target=${name#fuzz_}
    # What is mounted by one is checked by another.
    seed=${target#check_}
    count=$(find "$seeds/$seed" -type f | wc -l)
    [ "$count" -ge 5 ] || { echo "$name: could not make seeds"; return 1; }
    mkdir -p "$corpus/$target"
    [ "$seed" != ntfs ] || longest=$ntfs_max
    [ ! -e "$here/$seed.dict" ] || dict=("-dict=$here/$seed.dict")
    "$program" -max_total_time="$2" -max_len="$longest" -timeout=60 \
        -rss_limit_mb=1024 ${dict[@]+"${dict[@]}"} \
        -artifact_prefix="$build/$name-" -print_final_stats=1 \
        "$corpus/$target" "$seeds/$seed" >"$log" 2>&1 || status=$?
    awk -v name="$name" -v seeds="$count" '
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /number_of_executed_units/ { runs = $2 }
        END { print name ": " seeds " seeds, " runs " runs, coverage " cov }
    ' "$log"
    [ "$status" != 0 ] || return 0
    grep -E -A 30 'ERROR|SUMMARY|timeout|runtime error' "$log" | head -n 60
    tail -n 5 "$log"
    return 1
}

programs=()
for program in "$build"/tests/fuzz/fuzz_*; do
    if [ -x "$program" ] && [ -f "$program" ]; then
        programs+=("$program")
    fi
done
[ ${#programs[@]} -gt 0 ] || { echo "no fuzzers in $build"; exit 1; }
cores=$(nproc)
# A second at least: to libFuzzer, none is without end.
share=$((seconds * cores / ${#programs[@]} + 1))
status=0
running=0
for program in "${programs[@]}"; do
    if [ "$running" -ge "$cores" ]; then
        wait -n || status=1
        running=$((running - 1))
    fi
    fuzz "$program" "$share" &
    running=$((running + 1))
done
while [ "$running" -gt 0 ]; do
    wait -n || status=1
    running=$((running - 1))
done
exit "$status"
