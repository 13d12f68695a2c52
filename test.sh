#!/usr/bin/env bash
# test.sh - everything that proves Shale, in one command
#
#     ./test.sh             all tests, sampled where all would take hours
#     ./test.sh --quick     the everyday part, a few minutes
#     ./test.sh --long      nothing sampled, an hour of fuzzing
#
# Installs what is missing from Debian packages, and builds in build/. What
# cannot be tested here is skipped, and named at the end with the reason. The
# last line is `N passed, N failed, N skipped`; the exit status is 0 if nothing
# failed. Logs are in build/logs/.
set -euo pipefail
export LC_ALL=C

cd "$(dirname "$0")"
. scripts/setup.sh
PATH=$PATH:/usr/sbin:/sbin

level=normal
for argument; do
    case $argument in
    --quick) level=quick ;;
    --long) level=long ;;
    *)
        echo 'usage: ./test.sh [--quick | --long]' >&2
        exit 2
        ;;
    esac
done
export SHALE_TEST_LEVEL=$level
export UBSAN_OPTIONS=print_stacktrace=1
export E2FSCK_CONFIG=$PWD/tests/support/e2fsck.conf

logs=build/logs
passed=0
failed=0
skipped=0
mkdir -p "$logs"
: >"$logs/skipped"

finish()
{
    if [ -s "$logs/skipped" ]; then
        echo
        echo "Skipped:"
        sort -u "$logs/skipped" | sed 's/^/  /'
    fi
    echo
    echo "Took $((SECONDS / 60)) min $((SECONDS % 60)) s"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}

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
        echo "FAILED   $name (status $status)"
        tail -n 60 "$logs/$name.log" | sed 's/^/         /'
        ;;
    esac
    grep -hiE '^skipped: ' "$logs/$name.log" | sed "s/^[^:]*: /$name: /" \
        >>"$logs/skipped" || true
    [ "$status" = 0 ] || [ "$status" = 77 ]
}

# run_ctest PRESET [ARGUMENT...]: the tests of a build, each counted.
run_ctest()
{
    local preset=$1 log=$logs/ctest-$1.log since=$SECONDS good bad none

    shift
    (cd "build/$preset" && ctest -j "$(nproc)" --output-on-failure "$@") \
        >"$log" 2>&1 </dev/null || true
    good=$(grep -cE '^ *[0-9]+/[0-9]+ Test .* Passed ' "$log" || true)
    none=$(grep -cE '^ *[0-9]+/[0-9]+ Test .*\*\*\*Skipped' "$log" || true)
    bad=$(grep -E '^ *[0-9]+/[0-9]+ Test .*\*\*\*' "$log" |
          grep -cv 'Skipped' || true)
    if [ $((good + none + bad)) = 0 ]; then
        bad=1
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
        awk '/^ *[0-9]+\/[0-9]+ Test / { show = /\*\*\*/ && !/Skipped/ }
             /^ *Start +[0-9]+:/ { next }
             /^[0-9]+% tests passed/ { exit }
             show && lines++ < 150 { print "         " $0 }' "$log"
    fi
    # LastTest.log has the output of those that passed, too.
    awk -v preset="$preset" '
        /^[0-9]+\/[0-9]+ Test(ing)?: / { name = $3 }
        tolower($0) ~ /^skipped: / {
            sub(/^[^:]*: /, "")
            print name " (" preset "): " $0
        }' "build/$preset/Testing/Temporary/LastTest.log" >>"$logs/skipped"
}

# build PRESET: a build, which counts as a test: no warnings.
build()
{
    local tests=ON

    [ "$1" != fuzz ] || tests=OFF
    run "build-$1" build_preset "$1" "$tests"
}

lint()
{
    find . -path ./build -prune -o -path ./.git -prune -o -name '*.sh' -print0 |
        xargs -0 shellcheck -x -P SCRIPTDIR -S warning
}

main()
{
    run packages need_packages "${build_packages[@]}" "${test_packages[@]}" || {
        # Without a network some may still be there.
        echo "         going on with what is installed"
    }
    run shellcheck lint || true

    local slow='^(ext2_matrix|ext2_kernel|ntfs_matrix|ntfs_big)$'
    local cuts='^(fat|ext2)_(mounted|powercut)$'
    local texts='^tools_(help|mkfs|mkfs_ext2|mkfs_fill)$'

    # What takes longest, and is not for every day.
    local long='^tools_mkfs(_fill|_ext2)?$|^mount_(durable|write)$'
    long="$long|^ext2_(turns|kernel|journal|replay|powercut|mounted)\$"
    long="$long|^ntfs_roundtrip\$|^fat_(powercut|mounted)\$"
    long="$long|^check_(agree|mutate)\$"
    local besides=
    [ "$level" != quick ] || besides="|$long"

    build release && run_ctest release -E "^corpora\$$besides"
    if build asan; then
        case $level in
        quick)
            # The daemon's and the command's tests have run once, by release;
            # so have those of failures.
            run_ctest asan -E "$slow|$cuts|$long|^(mount|tools)_|^install$|\
faults$|^bad$|^corpora$|^ext2_(file|dir_write|edges|log|htree_write)$|\
^ntfs_(views|data|names|meta|state)$|^fat_(model|grow|regressions)$"
            ;;
        normal)
            # What they run, the others run too.
            run_ctest asan -E "$slow|$cuts|^install$|^ext2_turns$|$texts|\
^ntfs_roundtrip$|^tools_posix$|^mount_durable$"
            ;;
        *)
            run_ctest asan -E '^install$'
            ;;
        esac
    fi

    case $level in
    quick) fuzz_seconds=6 ;;
    normal) fuzz_seconds=75 ;;
    long) fuzz_seconds=3600 ;;
    esac
    if build fuzz; then
        run fuzz tests/fuzz/fuzz.sh build/fuzz "$fuzz_seconds" || true
        tail -n 1 "$logs/fuzz.log" | sed 's/^/         /'
    fi

    if [ "$level" != quick ]; then
        build tsan && run_ctest tsan -R 'threads|_lock|torture|workers|^ext2_names$|^mount_'
        build clang && run_ctest clang -R '^(conformance|bad|core_|library_)'
        build s390x && run_ctest s390x -E '^(vfs_change_)?faults$|^ext2_edges$'
    fi
    if [ "$level" = long ]; then
        build debug && run_ctest debug -E '^corpora$'
    fi
    finish
}

# In one piece, so that editing this file does not change a run under way.
main; exit
