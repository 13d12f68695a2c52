#!/usr/bin/env bash
# powercut.sh - the power is cut at every moment, on FAT volumes
#
# Random operations, short workloads written by hand (workloads/*.ops), and
# those of others for crash consistency, from $SHALE_CORPORA if that is there.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/proof.sh
. "$(dirname "$0")/../support/proof.sh"

here=$(cd "$(dirname "$0")" && pwd)
need_tools mkfs.fat fsck.fat

# How much: random sequences for each kind of volume, within so many seconds,
# and states of each of them. But for --long the same ones on every machine.
if is_long; then
    count=1000000 seconds=600 states=0
elif is_quick; then
    count=24 seconds=60 states=800
else
    count=60 seconds=60 states=1500
fi

for workload in "$here"/workloads/*.ops; do
    for type in fat12 fat16 fat32; do
        prove "$(basename "$workload")" "$POWERCUT_RUN" --type $type \
            --replay "$workload" --states "$states" --sample 200
    done
done
for type in fat12 fat16 fat32 fat12-2k fat12-4096; do
    case $type in
    fat32) share=3 ;;           # its table is that much larger
    *) share=1 ;;
    esac
    prove random "$POWERCUT_RUN" --type $type --count $((count / share)) \
        --seconds "$seconds" --states "$states" --shrink
done

if ace_workloads; then
    few=120
    ! is_quick || few=40
    ! is_long || few=0
    types=(fat12)
    is_quick || types+=(fat32)
    ! is_long || types+=(fat16)
    for type in "${types[@]}"; do
        prove "workloads of ACE" "$POWERCUT_RUN" --type "$type" \
            --states $few --sample 200 "${workloads[@]}"
    done
else
    skip "workloads of ACE" "no corpora (set SHALE_CORPORA to their folder)"
fi
finish
