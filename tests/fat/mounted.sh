#!/usr/bin/env bash
# mounted.sh - FAT by way of the daemon: the model again, and sudden ends
#
# Random operations through a mount, half of the data by shared mappings, are
# compared with the model; and the daemon is killed under load, at random
# moments: what was synced by then is in the image, and the image is whole.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

for tool in mkfs.fat fsck.fat; do
    have "$tool" || skip_all "needs $tool"
done
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

# run ARGUMENT...
run()
{
    local status=0

    timeout 900 "$@" >"$work/log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        ok
        tail -n 1 "$work/log"
    else
        fail "$*"
        tail -n 40 "$work/log"
        awk -v at="$work/" 'index($5, at) == 1 { print $5 }' \
            /proc/self/mountinfo | while read -r at; do
            umount -l "$at" || true
        done
    fi
}

for type in fat12 fat16 fat32; do
    run "$MODEL_RUN" --type $type --ops "$ops" --exact-case --mount "$SHALE"
    run "$KILL_RUN" "$SHALE" $type 1 "$kills"
done
finish
