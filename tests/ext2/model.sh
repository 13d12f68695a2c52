#!/usr/bin/env bash
# model.sh - random operations on ext2 volumes, by library, against the model
#
# Each kind of volume, several seeds; e2fsck has nothing to say at any remount.
# A failure is shrunk, and printed as a list of operations that model_run
# --replay takes.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/proof.sh
. "$(dirname "$0")/../support/proof.sh"

need_tools mke2fs e2fsck

if is_long; then
    seeds=40 ops=20000
elif is_quick; then
    seeds=1 ops=3000
else
    seeds=4 ops=6000
fi

# run SEED ARGUMENT...
run()
{
    local seed=$1

    shift
    prove model "$MODEL_RUN" --seed "$seed" --ops "$ops" --shrink \
        --fsck 2 --save "$work/failed" "$@"
}

for ((seed = 1; seed <= seeds; seed++)); do
    run "$seed" --type ext2
    run "$seed" --type ext2-4k --cache 16384 --max 300000
    run "$seed" --type ext2-2k --long-names
    run "$seed" --type ext3 --max 400000
    run "$seed" --type ext2-groups --cache 16384 --long-names
    run "$seed" --type ext2-plain --cache 16384
    run "$seed" --type ext2-tiny
done
finish
