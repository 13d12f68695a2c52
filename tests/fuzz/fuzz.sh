#!/usr/bin/env bash
# fuzz.sh BUILD SECONDS [CORPUS] - fuzz every driver for a bounded time
#
# BUILD is a build directory of the preset `fuzz`. Seeds are small images made
# on the spot by mke2fs, the goldens, and what of SHALE_CORPORA is small. What
# the fuzzer learns is kept in CORPUS, if that is given. A crash, a leak, a
# report or an input that takes ten seconds fails, and its input is kept in
# BUILD.
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
mkdir -p "$work/seeds" "$work/tree/dir/below" "$corpus"

# Longest input: the fuzzer slows down with every byte.
max=131072

# One small tree, in volumes of different shapes.
make_seeds()
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
        mke2fs -q -F -t ext2 $line -d "$work/tree" "$work/seeds/$n" 256k \
            </dev/null >/dev/null 2>&1 || rm -f "$work/seeds/$n"
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
    cp "$work/seeds/3" "$work/seeds/indexed"
    e2fsck -fyD "$work/seeds/indexed" >/dev/null 2>&1 || true
}

make_seeds
if [ -e "$corpora/images.tar.zst" ] && command -v zstd >/dev/null; then
    mkdir "$work/others"
    tar --zstd -xSf "$corpora/images.tar.zst" -C "$work/others" images/ext2
    n=0
    while IFS= read -r -d '' image; do
        n=$((n + 1))
        head -c "$max" "$image" >"$work/seeds/other-$n"
    done < <(find "$work/others" -type f -size -4M -print0)
fi
seeds=$(find "$work/seeds" -type f | wc -l)
[ "$seeds" -ge 5 ] || { echo "fuzz: could not make seeds"; exit 1; }

for program in "$build"/tests/fuzz/fuzz_*; do
    if [ ! -x "$program" ] || [ ! -f "$program" ]; then
        continue
    fi
    name=$(basename "$program")
    status=0
    "$program" -max_total_time="$seconds" -max_len="$max" -timeout=10 \
        -rss_limit_mb=1024 -dict="$here/${name#fuzz_}.dict" \
        -artifact_prefix="$build/$name-" -print_final_stats=1 \
        "$corpus" "$work/seeds" >"$work/log" 2>&1 || status=$?
    awk -v name="$name" -v seeds="$seeds" '
        / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
        /number_of_executed_units/ { runs = $2 }
        END { print name ": " seeds " seeds, " runs " runs, coverage " cov }
    ' "$work/log"
    if [ "$status" != 0 ]; then
        grep -E -A 30 'ERROR|SUMMARY|timeout|runtime error' "$work/log" |
            head -n 60
        tail -n 5 "$work/log"
        exit 1
    fi
done
