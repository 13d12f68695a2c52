# lib.sh - the kernel of examples/kernel, built and booted; sourced after
# ../support/lib.sh
#
# KERNELS is the folder where the kernels are built, once for all tests.
# shellcheck shell=bash disable=SC2154

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${KERNELS:=$work/kernels}"

# can_run MACHINE: is there all that it takes?
can_run()
{
    local compiler=gcc program

    [ "$1" = x86_64 ] || compiler=$1-linux-gnu-gcc
    for program in "$compiler" "qemu-system-$1" cmake ninja flock; do
        have "$program" || {
            skip "$name: $1" "needs $program"
            return 1
        }
    done
}

# kernel_path MACHINE
kernel_path() { echo "$KERNELS/$1/shale-kernel.elf"; }

# build_kernel MACHINE: with the commands that only tests want. Made quickly
# rather than to be quick.
build_kernel()
{
    local dir=$KERNELS/$1 more

    mkdir -p "$dir"
    more=$(printf '%s;' "$root"/tests/conformance/*.c \
        "$root/tests/kernel/cmd_test.c")
    (
        flock 9
        cd "$root/examples/kernel"
        { [ -e "$dir/build.ninja" ] ||
            cmake --preset "$1" -B "$dir" "-DSHALE_KERNEL_MORE=${more%;}" \
                "-DCMAKE_C_FLAGS_RELEASE=-O1 -DNDEBUG" </dev/null; } &&
            ninja -C "$dir" kernel </dev/null
    ) 9>"$dir/lock" >"$dir/log" 2>&1 || {
        tail -n 20 "$dir/log"
        return 1
    }
}

# boot MACHINE OUT [ARGUMENT...] <SCRIPT: what the console said goes to OUT.
# The status is the machine's.
boot()
{
    local machine=$1 out=$2 status=0 bus=()

    shift 2
    [ "${1-}" != -i ] || { bus=(-i); shift; }
    timeout 300 "$root/examples/kernel/run.sh" "${bus[@]}" "$machine" \
        "$(kernel_path "$machine")" "$@" >"$out.raw" 2>"$out.err" || status=$?
    tr -d '\r' <"$out.raw" >"$out"
    return "$status"
}
