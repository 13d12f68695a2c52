#!/usr/bin/env bash
# async.sh - what other tests prove, on a device that works on several requests
#
# It does them in an order of its own (support/asyncdisk.h): reading the golden
# volumes, failing requests and allocations, and cutting the power.
# shellcheck source=support/lib.sh
. "$(dirname "$0")/support/lib.sh"
# shellcheck source=support/proof.sh
. "$(dirname "$0")/support/proof.sh"

export SHALE_TEST_ASYNC=8

count=12
! is_quick || count=4
! is_long || count=500

prove "golden volumes" "$(dirname "$0")/conformance.sh" "$DUMPTREE"
for program in $FAULT_TESTS; do
    prove "faults" "$program"
done
if have mke2fs && have e2fsck; then
    for type in ext2 ext3 ext2-tiny; do
        prove "power cuts" "$POWERCUT_RUN" --type "$type" \
            --count "$count" --states 300 --sample 100
    done
else
    skip "power cuts on ext2" "needs mke2fs and e2fsck"
fi
if have mkfs.fat && have fsck.fat; then
    prove "power cuts" "$POWERCUT_RUN" --type fat32 --count "$count" \
        --states 300 --sample 100
else
    skip "power cuts on FAT" "needs mkfs.fat and fsck.fat"
fi
finish
