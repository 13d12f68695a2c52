#!/usr/bin/env bash
# mutate.sh - changed bytes of metadata: what the format's checker finds, we do
#
# On the small images, a sample of all bytes; with SHALE_TEST_LEVEL=long, all.
# The differences that are as they should be are in mutate.known; each is
# explained in docs/check-agreement.md.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

here=$(dirname "$0")
images=$here/../../images
case $SHALE_TEST_LEVEL in
quick) count=100 ;;
long) count=0 ;;
*) count=400 ;;
esac

# mutate NAME TYPE JUDGE: without a judge, six times as many take no longer.
mutate()
{
    local name=$1 type=$2 judge=$3 status=0
    local arguments=(-k "$here/mutate.known" -n "$count" -s "${SEED:-1}")

    if [ "$judge" = none ]; then
        arguments[3]=$((count * 6))
    elif have "$judge"; then
        arguments+=(-j "$judge")
    else
        skip "$name" "needs $judge"
        return
    fi
    gzip -dc "$images/$name.img.gz" >"$work/image"
    TMPDIR=$work "$MUTATE" "${arguments[@]}" "$type" "$work/image" \
        >"$work/log" || status=$?
    grep -v '^only ' "$work/log" | sed "s|^$work/image|$name|"
    # Of those of a kind some are enough.
    awk '/^only / {
             kind = $0
             sub(/.* -> ..: /, "", kind)
             if (/^only ours/)
                 sub(/:.*/, "", kind)
             gsub(/[0-9]+/, "N", kind)
             if (seen[kind]++ < 3)
                 print
         }
         END {
             for (kind in seen)
                 print seen[kind] " of: " substr(kind, 1, 100)
         }' "$work/log" | cut -c 1-250
    if [ "$status" = 0 ]; then
        ok
    else
        fail "$name"
    fi
}

mutate ext2-small ext2 e2fsck
mutate check/ext4-small ext2 e2fsck
mutate check/ext4-sums ext2 e2fsck
mutate fat12-small fat fsck.fat
mutate fat16-small fat fsck.fat
mutate fat32-small fat fsck.fat
mutate ntfs-small ntfs none
mutate ntfs-packed ntfs none
finish
