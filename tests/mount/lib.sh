# lib.sh - what the mounted tests share
#
# Sourced by each test, which is called with SHALE (the command) and PROBE (the
# helper) in its environment. Every test works in a folder of its own, $work,
# and whatever is left of it is ended with it (../support/tidy.sh), however it
# ends; but one that ends by itself has to have left nothing.
#
# Nothing here is a matter of speed: what takes a while is waited for, and the
# limits are for what would never come.
# shellcheck shell=sh
set -u
export LC_ALL=C

: "${SHALE:?the shale command}" "${PROBE:?the probe program}"
SHALE=$(realpath "$SHALE")
PROBE=$(realpath "$PROBE")
# shellcheck disable=SC2034 # for those who source this
here=$(cd "$(dirname "$0")" && pwd)
failures=0
limit=600                       # seconds, for one command

skip() {
    echo "SKIPPED: $*" >&2
    exit 77
}

# Remember a failure, and go on: one run shows all of them.
fail() {
    echo "FAILED: $*" >&2
    failures=$((failures + 1))
}

note() {
    echo "note: $*" >&2
}

# expect WHAT WANTED GOT
expect() {
    [ "$2" = "$3" ] || fail "$1: wanted '$2', got '$3'"
}

# expect_match WHAT PATTERN GOT - a pattern as in case
expect_match() {
    # shellcheck disable=SC2254
    case $3 in
    $2) ;;
    *) fail "$1: wanted '$2', got '$3'" ;;
    esac
}

need() {
    for tool; do
        command -v "$tool" >/dev/null || skip "needs $tool"
    done
}

need_root() {
    [ "$(id -u)" = 0 ] || skip "needs root"
}

[ -e /dev/fuse ] || skip "no /dev/fuse"
(: <>/dev/fuse) 2>/dev/null || skip "cannot open /dev/fuse"
need mke2fs getfattr setfattr

E2FSCK_CONFIG=$(realpath "$(dirname "$0")/../support/e2fsck.conf")
export E2FSCK_CONFIG

# shellcheck source=../support/tidy.sh
. "$(dirname "$0")/../support/tidy.sh"

work=$(mktemp -d "${TMPDIR:-/tmp}/shale-mount-$(basename "$0" .sh)-XXXXXX")
export SHALE_TEST_WORK="$work"
dir=$work/dir
mkdir "$dir"
cd "$work" || exit 1

clean_up() {
    cd /
    tidy_up "$work"
}
trap clean_up EXIT
trap 'exit 1' INT TERM HUP

# A daemon has no stderr, so a sanitizer of its writes a file.
if [ -n "${SANITIZED:-}" ]; then
    mkdir -m 777 reports
    reports="log_path=$work/reports/r:handle_segv=0"
    export ASAN_OPTIONS="$reports" TSAN_OPTIONS="$reports"
    export UBSAN_OPTIONS="$reports:print_stacktrace=1"
fi

# Call at the end of a test.
finish() {
    cd /
    nothing_left "$work" || fail "$(left_over "$work")"
    cd "$work" || exit 1
    for report in reports/r.*; do
        [ -e "$report" ] || continue
        cat "$report" >&2
        fail "a sanitizer's report"
    done
    [ "$failures" = 0 ] || exit 1
    exit 0
}

# run COMMAND... - to its end; sets $status and $said (both streams).
run() {
    said=$(timeout $limit "$@" 2>&1)
    status=$?
    [ "$status" != 124 ] || fail "no end within $limit s: $*"
}

# must COMMAND... - which is expected to succeed and to be silent.
must() {
    run "$@"
    [ "$status" = 0 ] && [ -z "$said" ] ||
        fail "$*: status $status, said '$said'"
}

# refuse STATUS PATTERN COMMAND... - with one line that begins with "shale: ".
refuse() {
    wanted=$1
    pattern=$2
    shift 2
    run "$@"
    expect "status of: $*" "$wanted" "$status"
    expect_match "message of: $*" "shale: $pattern" "$said"
    expect "lines said by: $*" 1 "$(printf '%s\n' "$said" | wc -l)"
}

is_mounted() {
    awk -v at="$1" '$5 == at { found = 1 } END { exit !found }' \
        /proc/self/mountinfo
}

# Wait until a condition holds, for at most two minutes.
wait_until() {
    waits=0
    until "$@"; do
        waits=$((waits + 1))
        [ "$waits" -lt 2400 ] || return 1
        sleep 0.05
    done
}

unless() {
    ! "$@"
}

# has_free DIR BLOCKS - are as many free? What is removed is so when the daemon
# has been told that nobody has it any more, which takes a moment.
has_free() {
    [ "$(stat -f -c %f "$1")" = "$2" ]
}

# Has process $1 ended? It may wait for somebody to collect its status.
gone() {
    case $(cut -d ' ' -f 3 "/proc/$1/stat" 2>/dev/null) in
    '' | Z) return 0 ;;
    *) return 1 ;;
    esac
}

# The worker of the daemon that goes by process id $1.
worker_of() {
    tr -d ' ' <"/proc/$1/task/$1/children"
}

# unlocked IMAGE - does nobody hold its lock?
unlocked() {
    flock --nonblock --exclusive "$1" true
}

# A small tree with one file of each kind, in $1.
plant() {
    mkdir -p "$1/sub/deep" "$1/empty"
    echo hello >"$1/hello"
    head -c 300000 /dev/urandom >"$1/sub/data"
    ln "$1/hello" "$1/sub/twin"
    ln -s ../hello "$1/sub/link"
    ln -s "$(printf '%0100d' 7)" "$1/slow-link"
    truncate -s 5000000 "$1/sparse"
    printf x | dd of="$1/sparse" bs=1 seek=2000000 conv=notrunc status=none
    mkfifo "$1/fifo"
    setfattr -n user.colour -v green "$1/hello" 2>/dev/null ||
        note "no user xattrs below ${TMPDIR:-/tmp}"
    touch -d '1999-12-31 23:59:59.123456789' "$1/hello"
    chmod 4751 "$1/sub/data"
}

# image FILE TREE SIZE [mke2fs options]
image() {
    file=$1 tree=$2 size=$3
    shift 3
    rm -f "$file"
    mke2fs -q -t ext2 -d "$tree" "$@" "$file" "$size" >/dev/null 2>&1 ||
        fail "mke2fs $* $file $size"
}

# fat FILE SIZE [mkfs.fat options]
fat() {
    file=$1 size=$2
    shift 2
    rm -f "$file"
    truncate -s "$size" "$file"
    mkfs.fat "$@" "$file" >/dev/null 2>&1 || fail "mkfs.fat $* $file"
}

# checked IMAGE WHEN - have we nothing to say about it?
checked() {
    run "$SHALE" check "$1"
    [ "$status" = 0 ] || fail "$2: shale check: status $status, $said"
}

# sound IMAGE WHEN - has fsck.fat nothing to say about it?
sound() {
    run fsck.fat -n "$1"
    [ "$status" = 0 ] && [ "$(printf '%s\n' "$said" | wc -l)" = 2 ] ||
        fail "$2: fsck.fat: status $status, $said"
    checked "$1" "$2"
}

# same_by_mtools IMAGE TREE WHEN - does somebody else read the same from it?
same_by_mtools() {
    rm -rf by-mtools
    mkdir by-mtools
    LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 \
        mcopy -s -n -Q -i "$1" '::*' by-mtools 2>mtools.said </dev/null
    diff -r "$2" by-mtools >mtools.diff ||
        fail "$3: mtools reads something else: $(head -3 mtools.diff)" \
            "$(cat mtools.said)"
}

# list DIR [times] - everything visible about a tree, a line a file.
list() {
    (cd "$1" && find . -mindepth 1 -not -path ./lost+found \
        -printf "$2" | sort)
}

# contents DIR - every byte, hole and extended attribute.
contents() {
    (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum
     find . -mindepth 1 -not -path ./lost+found -print0 | sort -z |
        xargs -0 -r getfattr -h -d -m - -e hex -- 2>/dev/null)
}

maps() {
    (cd "$1" && find . -type f | sort | while read -r file; do
        printf '%s: ' "$file"
        "$PROBE" map "$file"
    done)
}
