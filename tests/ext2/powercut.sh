#!/usr/bin/env bash
# powercut.sh - the power is cut at every moment, on ext2 volumes
#
# Random operations, and the workloads of ACE for crash consistency, from
# $SHALE_CORPORA if that is there. After a cut `e2fsck -fp` has to succeed by
# itself, and so has our own mount. On volumes without room for a journal
# (ext2-tiny) it may ask about a directory that was being moved, and our mount
# is tried on what it has put right; see DESIGN.md.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/proof.sh
. "$(dirname "$0")/../support/proof.sh"

need_tools mke2fs e2fsck

# How much: random sequences of each kind of volume, within ten minutes, states
# of each of them, and one state in so many for e2fsck and our own mount.
if is_long; then
    count=1000000 states=0 few=0 sample=40
elif is_quick; then
    count=12 states=300 few=20 sample=100
else
    count=30 states=500 few=30 sample=80
fi

types=(ext2 ext3 ext2-tiny)
is_quick || types+=(ext2-4k ext2-groups ext2-plain ext2-tiny-4k)
! is_long || types+=(ext2-2k)
for type in "${types[@]}"; do
    prove "random" "$POWERCUT_RUN" --type $type --count "$count" \
        --seconds 600 --states "$states" --sample "$sample" --shrink
done
if ace_workloads; then
    types=(ext2)
    is_quick || types+=(ext3 ext2-tiny)
    ! is_long || types+=(ext2-4k)
    for type in "${types[@]}"; do
        prove "workloads of ACE" "$POWERCUT_RUN" --type "$type" \
            --states "$few" --sample 200 "${workloads[@]}"
    done
else
    skip "workloads of ACE" "no corpora (set SHALE_CORPORA to their folder)"
fi
finish
