#!/usr/bin/env bash
# failalloc.sh - in a kernel, each allocation of a session fails in turn
#
# All of them with SHALE_TEST_LEVEL=long, else a sample.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for program in mke2fs mkfs.fat mkntfs; do
    have "$program" || skip_all "needs $program"
done

step=7
! is_long || step=1

make_image "$work/ext2.new" 2M
truncate -s 2M "$work/fat.new" "$work/ntfs.new"
mkfs.fat "$work/fat.new" >/dev/null
mkntfs -q -F -f -s 512 -c 512 "$work/ntfs.new" >/dev/null 2>&1

for machine in x86_64 riscv64; do
    can_run "$machine" || continue
    build_kernel "$machine" || {
        fail "$machine: the kernel is not built"
        continue
    }
    for volume in ext2 fat ntfs; do
        cp "$work/$volume.new" "$work/$volume"
    done
    if boot "$machine" "$work/out" "$work/ext2" "$work/fat" "$work/ntfs" <<END
failalloc ext2: $step
failalloc fat: $step
failalloc ntfs: $step
check ext2:
check fat:
check ntfs:
mem
poweroff
END
    then
        ok
    else
        fail "$machine: status $?"
        trouble "$work/out"
        continue
    fi
    awk '$3 == "rounds" && $2 > 5 { good++ } END { exit good != 3 }' \
        "$work/out" || fail "$machine: too few rounds"
    e2fsck -fn "$work/ext2" >"$work/log" 2>&1 || fail "$machine: e2fsck"
    fsck.fat -n "$work/fat" >"$work/log" 2>&1 || fail "$machine: fsck.fat"
done
finish
