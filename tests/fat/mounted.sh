#!/usr/bin/env bash
# mounted.sh - FAT by way of the daemon: the model again, and sudden ends
#
# Random operations through a mount, half of the data by shared mappings, are
# compared with the model; and the daemon is killed under load, at random
# moments: what was synced by then is in the image, and the image is whole.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=../support/proof.sh
. "$(dirname "$0")/../support/proof.sh"

need_tools mkfs.fat fsck.fat
can_fuse || skip_all "/dev/fuse cannot be used"
is_root || skip_all "not root, who can take a dead mount away"

if is_long; then
    ops=20000 kills=200
elif is_quick; then
    ops=1500 kills=8
else
    ops=4000 kills=25
fi
export TMPDIR=$work

for type in fat12 fat16 fat32; do
    prove model "$MODEL_RUN" --type $type --ops "$ops" --exact-case \
        --mount "$SHALE"
    prove kill "$KILL_RUN" "$SHALE" $type 1 "$kills"
done
finish
