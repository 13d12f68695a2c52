#!/usr/bin/env bash
# test.sh - everything that proves Shale, in one command
#
#     ./test.sh             all tests, sampled where all would take hours
#     ./test.sh --quick     the everyday part, less than four minutes
#     ./test.sh --long      nothing sampled, an hour of fuzzing
#     ./test.sh ... BUILD   of each, only that build (or several)
#
# What each of them runs, by build:
#
#               --quick       by itself                  --long
#     release   most tests    all                        all
#     asan      unit tests    what is not a judge's      all
#     fuzz                    24 s, on all cores         an hour
#     tsan                    threads and the daemon     all of those
#     clang                   the core on all images     as before
#     s390x                   the core, big-endian       as before
#     debug                                              all
#
# tests/levels.txt has it by test; the tests themselves do less of their own at
# a lower level, which they know from SHALE_TEST_LEVEL. Sanitizers are slow, and
# run samples of the size that --quick has, but with --long.
#
# Installs what is missing from Debian packages, and builds in build/. What
# cannot be tested here is skipped, and named at the end with the reason. The
# last line is `N passed, N failed, N skipped`; the exit status is 0 if nothing
# failed. Logs are in build/logs/.
set -euo pipefail
export LC_ALL=C
umask 022

cd "$(dirname "$0")"
. scripts/setup.sh
. tests/support/levels.sh
. tests/support/tidy.sh
PATH=$PATH:/usr/sbin:/sbin

level=normal
builds=()
for argument; do
    case $argument in
    --quick) level=quick ;;
    --long) level=long ;;
    release | asan | fuzz | tsan | clang | s390x | debug)
        builds+=("$argument") ;;
    *)
        echo 'usage: ./test.sh [--quick | --long] [BUILD...]' >&2
        exit 2
        ;;
    esac
done
if [ ${#builds[@]} = 0 ]; then
    builds=(release asan fuzz tsan clang s390x debug)
    case $level in
    quick) builds=(release asan) ;;
    normal) unset 'builds[-1]' ;;
    esac
fi
export SHALE_TEST_LEVEL=$level
export UBSAN_OPTIONS=print_stacktrace=1
export E2FSCK_CONFIG=$PWD/tests/support/e2fsck.conf

logs=build/logs
passed=0
failed=0
skipped=0
failures=()                     # their names
# More than there are cores: tests wait, for a disk, a mount or a second.
test_jobs=$(($(nproc) + 2))
# For a test, in seconds: what takes as long has come to a stop, however slow the
# machine is.
timeout=1800
[ "$level" != long ] || timeout=40000
mkdir -p "$logs"
: >"$logs/skipped"
: >"$logs/slowest"

# Tests work below this, and what outlives them is known by it (tidy.sh).
TMPDIR=$(mktemp -d "${TMPDIR:-/tmp}/shale-test.XXXXXX")
chmod 755 "$TMPDIR"             # some are run by other users
export TMPDIR SHALE_TEST_WORK=$TMPDIR
trap 'tidy_up "$TMPDIR"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

finish()
{
    if [ -s "$logs/slowest" ]; then
        echo
        echo "What took longest, in seconds:"
        sed 's/^/  /' "$logs/slowest"
    fi
    if [ -s "$logs/skipped" ]; then
        echo
        echo "Skipped:"
        sort -u "$logs/skipped" | sed 's/^/  /'
    fi
    echo
    [ ${#failures[@]} = 0 ] || echo "Failed: ${failures[*]}"
    echo "Took $((SECONDS / 60)) min $((SECONDS % 60)) s"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

# brief ARGUMENT...: what tests that failed have said, in a few lines.
brief() { awk -v margin='         ' -f tests/support/brief.awk "$@"; }

# run NAME COMMAND...: one test, whose output is shown if it fails.
run()
{
    local name=$1 status=0 since=$SECONDS

    shift
    "$@" >"$logs/$name.log" 2>&1 </dev/null || status=$?
    case $status in
    0)
        passed=$((passed + 1))
        echo "ok       $name ($((SECONDS - since)) s)"
        ;;
    77)
        skipped=$((skipped + 1))
        echo "skipped  $name"
        ;;
    *)
        failed=$((failed + 1))
        failures+=("$name")
        echo "FAILED   $name (status $status)"
        brief "$logs/$name.log"
        ;;
    esac
    grep -hiE '^skipped: ' "$logs/$name.log" | sed "s/^[^:]*: /$name: /" \
        >>"$logs/skipped" || true
    [ "$status" = 0 ] || [ "$status" = 77 ]
}

# nothing_stays PRESET: what its tests have left is a failure, and names them.
nothing_stays()
{
    local left

    nothing_left "$TMPDIR" && return
    left=$(left_over "$TMPDIR")
    echo "FAILED   tests of $1 have left behind:"
    echo "         ${left//$'\n'/$'\n'         }"
    failed=$((failed + 1))
    failures+=("$1/left")
    tidy_up "$TMPDIR"
    [ -d "$TMPDIR" ] || mkdir -m 755 "$TMPDIR"
}

# slowest PRESET: the ten tests that took longest, in two lines.
slowest()
{
    sed -nE 's/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: ([^ ]+) .* ([0-9]+)\.[0-9]+ sec.*/\2 \1/p' \
        "$logs/ctest-$1.log" | sort -rn | head -n 10 |
        awk -v preset="$1" '
            NR % 5 == 1 { printf "%-9s", NR == 1 ? preset ":" : "" }
            { printf " %s %s%s", $2, $1, NR % 5 ? "," : "\n" }
            END { if (NR % 5) print "" }' | sed 's/,$//' >>"$logs/slowest"
}

# run_ctest PRESET TEST...: these tests of a build, each counted.
run_ctest()
{
    local preset=$1 log=$logs/ctest-$1.log since=$SECONDS good bad none names
    local samples=$level

    case $level-$preset in
    normal-asan | normal-tsan) samples=quick ;;
    esac
    shift
    names="^($(IFS='|'; echo "$*"))\$"
    (cd "build/$preset" && export SHALE_TEST_LEVEL=$samples &&
        ctest -j "$test_jobs" --timeout "$timeout" --output-on-failure \
            -R "$names") \
        >"$log" 2>&1 </dev/null || true
    good=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log" || true)
    none=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*Skipped' "$log" || true)
    bad=$(grep -E '^ *[0-9]+/[0-9]+ Test .*\*\*\*' "$log" |
          grep -cv 'Skipped' || true)
    # Neither more nor fewer than were asked for.
    if [ $((good + none + bad)) != $# ]; then
        echo "FAILED   $# tests of $preset, of which" \
            "$((good + none + bad)) ran"
        failed=$((failed + 1))
        failures+=("$preset/ctest")
        tail -n 5 "$log"
    fi
    passed=$((passed + good))
    failed=$((failed + bad))
    skipped=$((skipped + none))
    if [ "$bad" = 0 ]; then
        echo "ok       tests of $preset: $good passed, $none skipped" \
            "($((SECONDS - since)) s)"
    else
        echo "FAILED   tests of $preset: $bad"
        brief -v ctest=1 "$log"
        mapfile -t -O ${#failures[@]} failures < <(sed -nE \
            "/Skipped/d; s|^ *[0-9]+/[0-9]+ Test +#[0-9]+: ([^ ]+) .*\\*\\*\\*.*|$preset/\\1|p" \
            "$log")
    fi
    nothing_stays "$preset"
    slowest "$preset"
    # LastTest.log has the output of those that passed, too.
    awk -v preset="$preset" '
        /^[0-9]+\/[0-9]+ Test(ing)?: / { name = $3 }
        tolower($0) ~ /^skipped: / {
            sub(/^[^:]*: /, "")
            print name " (" preset "): " $0
        }' "build/$preset/Testing/Temporary/LastTest.log" >>"$logs/skipped"
}

# build PRESET [TEST...]: a build, which counts as a test: no warnings. Of a
# build that is for these tests only, just what they are made of.
build()
{
    local preset=$1 tests=ON programs=()

    shift
    [ "$preset" != fuzz ] || tests=OFF
    if [ $# -gt 0 ]; then
        mapfile -t programs < <(printf 'test_%s: phony\n' "$@" |
            grep -xFf - <(ninja -C "build/$preset" -t targets all))
        programs=("${programs[@]%: phony}")
        # Some are scripts.
        [ ${#programs[@]} = $# ] || programs+=(test-programs)
    fi
    run "build-$preset" build_preset "$preset" "$tests" "${programs[@]}"
}

# try PRESET: build it, and run the tests of it that are due.
try()
{
    local preset=$1 names=()

    if ! configure_preset "$preset" ON >/dev/null 2>&1; then
        build "$preset" || return 0     # which says why
    fi
    mapfile -t names < <(due_tests "$preset" "$level")
    case $preset in
    release | debug) build "$preset" || return 0 ;;
    *) build "$preset" "${names[@]}" || return 0 ;;
    esac
    run_ctest "$preset" "${names[@]}"
    [ "$preset" != release ] || run levels levels_are_right release || true
}

lint()
{
    find . -path ./build -prune -o -path ./.git -prune -o -name '*.sh' -print0 |
        xargs -0 -n 8 -P "$(nproc)" \
            shellcheck -x -P SCRIPTDIR -S warning
}

# fuzz: all fuzzers, for so many seconds.
fuzz()
{
    local seconds=24

    [ "$level" != long ] || seconds=3600
    build fuzz || return 0
    run fuzz tests/fuzz/fuzz.sh build/fuzz "${SHALE_FUZZ_SECONDS:-$seconds}" ||
        true
    tail -n 1 "$logs/fuzz.log" | sed 's/^/         /'
}

main()
{
    local preset

    [ "$level" = quick ] || test_packages+=("${other_packages[@]}")
    run packages need_packages "${build_packages[@]}" "${test_packages[@]}" || {
        # Without a network some may still be there.
        echo "         going on with what is installed"
    }
    [ "$level" = quick ] || run shellcheck lint || true
    for preset in "${builds[@]}"; do
        case $preset in
        fuzz) fuzz ;;
        *) try "$preset" ;;
        esac
    done
    finish
}

# In one piece, so that editing this file does not change a run under way.
main; exit
