# lib.sh - what the test scripts share; sourced, with bash
#
# CTest tells in the environment where things are:
#
#     SHALE               the command
#     DUMPTREE DUMPDIR    the programs of that name in tests/support
#     SHALE_TEST_LEVEL    quick, normal (the default) or long
#
# A script works in the fresh directory $work, which goes away with it, and so
# does whatever it mounted there, however it ends; should anything else be left
# then (tidy.sh), the test has failed. It runs all of its cases, says what
# failed, and `finish` gives the exit status: 0, 1, or 77 if nothing at all could
# be tested.
#
# Nothing is a matter of speed: what takes a while is waited for, and the limits
# are for what would never come.
# shellcheck shell=bash

set -euo pipefail
export LC_ALL=C
E2FSCK_CONFIG=$(realpath "$(dirname "${BASH_SOURCE[0]}")")/e2fsck.conf
export E2FSCK_CONFIG

: "${SHALE_TEST_LEVEL:=normal}"
name=$(basename "$0" .sh)
# shellcheck source=tidy.sh
. "$(dirname "${BASH_SOURCE[0]}")/tidy.sh"
work=$(mktemp -d "${TMPDIR:-/tmp}/shale-$name.XXXXXX")
export SHALE_TEST_WORK=$work
passed=0
failed=0
mounted=()                      # mount points of ours, innermost last

# mke2fs and friends are not on everybody's path.
PATH=$PATH:/usr/sbin:/sbin

clean_up()
{
    local status=$? at

    trap - EXIT
    cd /
    for ((at = ${#mounted[@]} - 1; at >= 0; at--)); do
        unmount "${mounted[at]}" || umount -l "${mounted[at]}" || true
    done
    case $status in
    0 | 77)
        nothing_left "$work" || {
            echo "FAILED: $(left_over "$work")"
            status=1
        }
        ;;
    esac
    tidy_up "$work"
    exit "$status"
}
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

is_root() { [ "$(id -u)" = 0 ]; }
is_quick() { [ "$SHALE_TEST_LEVEL" = quick ]; }
is_long() { [ "$SHALE_TEST_LEVEL" = long ]; }
have() { command -v "$1" >/dev/null; }

ok() { passed=$((passed + 1)); }

# fail WHAT...: count and show a failed case.
fail()
{
    failed=$((failed + 1))
    echo "FAILED: $*"
}

# skip NAME REASON: show what is left out; the test's driver collects these.
skip() { echo "skipped: $1: $2"; }

# skip_all REASON: nothing in this script can be tested.
skip_all()
{
    skip "$name" "$1"
    exit 77
}

finish()
{
    echo "$name: $passed passed, $failed failed"
    [ "$failed" -eq 0 ] || exit 1
    [ "$passed" -gt 0 ] || exit 77
    exit 0
}

# same NAME WANT GOT: two files with equal text, or a failed case.
same()
{
    if cmp -s "$2" "$3"; then
        ok
    else
        fail "$1"
        diff "$2" "$3" | head -n 10 | cut -c 1-300 || true
    fi
}

# is_sound WHAT IMAGE: a check of ours finds nothing but advice, or a failed
# case.
is_sound()
{
    if "$SHALE" check "$2" >"$work/checked" 2>&1; then
        ok
    else
        fail "$1: shale check"
        head -n 10 "$work/checked"
    fi
}

can_fuse() { [ -r /dev/fuse ] && [ -w /dev/fuse ] && [ -n "${SHALE:-}" ]; }

# Can this machine mount an ext2 image by itself?
can_loop()
{
    is_root && [ -e /dev/loop-control ] && have losetup &&
        grep -qw ext2 /proc/filesystems
}

# mount_shale IMAGE DIR [ARGUMENT...]
mount_shale()
{
    local image=$1 dir=$2

    shift 2
    mkdir -p "$dir"
    timeout 600 "$SHALE" mount "$@" "$image" "$dir" </dev/null || return
    mounted+=("$dir")
}

# mount_kernel IMAGE DIR OPTIONS
mount_kernel()
{
    mkdir -p "$2"
    mount -t ext2 -o "loop,$3" "$1" "$2" || return
    mounted+=("$2")
}

# wait_until COMMAND...: until it succeeds, for at most two minutes.
wait_until()
{
    local tries

    for ((tries = 0; tries < 2400; tries++)); do
        ! "$@" || return 0
        sleep 0.05
    done
    return 1
}

# catches PROCESS SIGNAL: has it said what it does with signal number SIGNAL?
catches()
{
    local mask

    # The shell has handlers of its own, until it has become the program.
    [ ! "/proc/$1/exe" -ef "/proc/$$/exe" ] || return 1
    mask=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status" 2>/dev/null)
    [ $((0x${mask:-0} >> ($2 - 1) & 1)) = 1 ]
}

# unmount DIR: one that either of the above mounted.
unmount()
{
    local dir=$1 left=() at

    if mountpoint -q "$dir"; then
        if is_fuse "$dir"; then
            timeout 600 "$SHALE" umount "$dir" || return
        else
            # Somebody who looks at every new mount may do so now.
            wait_until umount "$dir" 2>/dev/null || umount "$dir" || return
        fi
    fi
    for at in "${mounted[@]}"; do
        [ "$at" = "$dir" ] || left+=("$at")
    done
    mounted=(${left[@]+"${left[@]}"})
}

# is_fuse DIR: whose name may have a space in it, which is \040 there.
is_fuse()
{
    awk -v dir="$1" '{ gsub(/\\040/, " ", $2) }
                     $2 == dir { type = $3 }
                     END { exit type !~ /^fuse/ }' /proc/mounts
}

# make_image IMAGE SIZE [ARGUMENT...]: mke2fs, silent unless it fails.
make_image()
{
    local image=$1 size=$2

    shift 2
    rm -f "$image"
    mke2fs -q -F -t ext2 "$@" "$image" "$size" </dev/null \
        >"$work/mke2fs.log" 2>&1 || {
        cat "$work/mke2fs.log"
        return 1
    }
}
