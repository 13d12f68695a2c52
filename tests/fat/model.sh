#!/usr/bin/env bash
# model.sh - random operations on FAT volumes, by library, against the model
#
# Each kind of volume, several seeds. A failure is shrunk, and printed as a
# list of operations that model_run --replay takes.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/proof.sh
. "$(dirname "$0")/../support/proof.sh"

need_tools mkfs.fat fsck.fat

if is_long; then
    seeds=40 ops=20000
elif is_quick; then
    seeds=1 ops=4000
else
    seeds=4 ops=6000
fi

# run SEED ARGUMENT...
run()
{
    local seed=$1

    shift
    prove model "$MODEL_RUN" --seed "$seed" --ops "$ops" --shrink \
        --save "$work/failed" "$@"
}

for ((seed = 1; seed <= seeds; seed++)); do
    run "$seed" --type fat12
    run "$seed" --type fat16 --cache 16384
    run "$seed" --type fat32
    run "$seed" --type fat12-2k --max 200000 --cache 16384
    run "$seed" --type fat12-4096 --long-names
    run "$seed" --type fat16-2k --max 300000 --long-names
    run "$seed" --type fat16-1024 --cache 16384
    run "$seed" --type fat16-3fats
    is_quick || run "$seed" --type fat32-4k --max 500000 --long-names
done
finish
