#!/usr/bin/env bash
# mounted.sh - ext2 by way of the daemon: the model, the kernel, sudden ends
#
# Random operations through a mount are compared with the model, and every
# answer with that of the kernel's own ext2, which does the same; and the
# daemon is killed under load, at random moments: what was synced by then is
# in the image, and e2fsck puts the rest right by itself.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/proof.sh
. "$(dirname "$0")/../support/proof.sh"

need_tools mke2fs e2fsck
can_fuse || skip_all "/dev/fuse cannot be used"
is_root || skip_all "not root, who can take a dead mount away"

if is_long; then
    seeds=20 ops=20000 kills=200
elif is_quick; then
    seeds=1 ops=1500 kills=4
else
    seeds=2 ops=4000 kills=15
fi
export TMPDIR=$work

# both SEED TYPE: the same operations on our mount and on the kernel's, which
# does not reserve space in files with block maps.
both()
{
    local arguments=(--type "$2" --seed "$1" --ops "$ops" --exact-case
                     --long-names --no-allocate)

    prove "ours, seed $1" "$MODEL_RUN" "${arguments[@]}" \
        --answers "$work/ours" --mount "$SHALE"
    prove "the kernel's, seed $1" "$MODEL_RUN" "${arguments[@]}" \
        --answers "$work/kernels" --kernel ext2
    same "$2, seed $1: every answer" "$work/kernels" "$work/ours"
}

for type in ext2 ext2-4k ext3; do
    prove "model" "$MODEL_RUN" --type $type --ops "$ops" --exact-case \
        --mount "$SHALE"
    prove "kill" "$KILL_RUN" "$SHALE" $type 1 "$kills"
done
if can_loop; then
    for ((seed = 1; seed <= seeds; seed++)); do
        both "$seed" ext2-large
        both "$seed" ext2-large-1k
    done
else
    skip "the kernel's answers" "this kernel has no loop devices or no ext2"
fi
finish
