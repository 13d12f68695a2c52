# lib.sh - the kernel of examples/kernel, built and booted; sourced after
# ../support/lib.sh
#
# KERNELS is the folder where the kernels are built, once for all tests.
#
# Nothing here depends on how fast the machine is: what limits a boot is there
# for a kernel that hangs. A kernel ends with the test that has started it: it
# is told to when the test ends, and by the system when the test is killed.
# shellcheck shell=bash disable=SC2154

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
: "${KERNELS:=$work/kernels}"
PATIENCE=1200                   # seconds
booted=                         # the process that ends QEMU when it is told to

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

# boot_begin MACHINE OUT [ARGUMENT...] <SCRIPT: what the console says goes to
# OUT.raw. Nobody waits for it.
boot_begin()
{
    local machine=$1 out=$2 bus=() start=()

    shift 2
    [ "${1-}" != -i ] || { bus=(-i); shift; }
    ! have setpriv || start=(setpriv --pdeathsig TERM)
    # timeout passes on a signal, to all that it has started.
    : >"$out.raw"
    "${start[@]}" timeout "$PATIENCE" "$root/examples/kernel/run.sh" \
        "${bus[@]}" "$machine" "$(kernel_path "$machine")" "$@" \
        <&0 >>"$out.raw" 2>"$out.err" &
    booted=$!
}

# boot_end OUT: wait for it. The status is the machine's.
boot_end()
{
    local status=0

    wait "$booted" || status=$?
    booted=
    tr -d '\r' <"$1.raw" >"$1"
    return "$status"
}

# boot MACHINE OUT [ARGUMENT...] <SCRIPT; not in a pipe: who cleans up has to
# know of it.
boot()
{
    boot_begin "$@"
    boot_end "$2"
}

# has_ended: ... what boot_begin() began?
has_ended() { ! kill -0 "$booted" 2>/dev/null; }

# has_trouble OUT: has a command failed there, or the kernel?
has_trouble() { grep -aq '^failed: \|^panic \|^exception ' "$1"; }

# trouble OUT: what went wrong first there, and the end of it.
trouble()
{
    echo "what failed first:"
    grep -a -n -m 1 -B 6 '^failed: \|^panic \|^exception ' "$1" ||
        echo "    nothing"
    echo "the end, and what QEMU said:"
    tail -n 6 "$1" "$1.err"
}

kernel_clean_up()
{
    local status=$?

    set +e
    if [ -n "$booted" ] && kill "$booted" 2>/dev/null; then
        wait "$booted" 2>/dev/null
    fi
    (exit "$status")
    clean_up
}
trap kernel_clean_up EXIT
