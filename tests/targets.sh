#!/usr/bin/env bash
# targets.sh SOURCE BUILD - the core builds for machines that are not this one,
# without a warning, and asks nothing of them but what check_symbols.sh lets it
#
# Builds in BUILD, so that a second run is quick. A machine whose compiler is
# not there is skipped. (A big-endian one is the preset s390x, which runs the
# unit tests as well; a microcontroller's core is built by sizes/sizes.sh.)
set -euo pipefail
export LC_ALL=C

source=$1 build=$2
passed=0
failed=0

# target PRESET COMPILER: by the preset of that name.
target()
{
    local preset=$1 compiler=$2 dir=$build/$1

    if ! command -v "$compiler" >/dev/null; then
        echo "skipped: targets: $preset needs $compiler"
        return
    fi
    mkdir -p "$dir"
    if ! { [ -e "$dir/build.ninja" ] ||
            (cd "$source" && cmake --preset "$preset" -B "$dir"); } \
            >"$dir/log" 2>&1 ||
       ! ninja -C "$dir" shale-core >"$dir/log" 2>&1 ||
       ! "$source/tests/check_symbols.sh" "$dir/libshale-core.a" \
            "${compiler%gcc}nm" >"$dir/log" 2>&1; then
        failed=$((failed + 1))
        echo "FAILED: $preset"
        grep -A 5 -E 'error:|warning:|^core ' "$dir/log" | head -n 30 ||
            tail -n 20 "$dir/log"
        return
    fi
    passed=$((passed + 1))
}

target i386 i686-linux-gnu-gcc
target aarch64 aarch64-linux-gnu-gcc
target riscv32 riscv64-linux-gnu-gcc
echo "targets: $passed passed, $failed failed"
[ "$failed" = 0 ] || exit 1
[ "$passed" -gt 0 ] || exit 77
