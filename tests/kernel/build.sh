#!/usr/bin/env bash
# build.sh - the kernels that the other tests boot, so that these do not wait for
# each other
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for machine in x86_64 riscv64; do
    can_run "$machine" || continue
    if build_kernel "$machine"; then
        ok
    else
        fail "$machine: the kernel is not built"
    fi
    # As disks.sh has it.
    ! is_quick || break
done
finish
