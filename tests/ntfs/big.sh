#!/usr/bin/env bash
# big.sh - a directory of 100,000 names on NTFS: listed, and each looked up
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

need_ntfs
count=100000
! is_quick || count=20000
image=$work/image
make_ntfs "$image" 300M -c 4096 || finish
mount_3g "$image" "$work/fill" rw
mkdir "$work/fill/many"
(cd "$work/fill/many" && seq -f 'Entry %.0f of many' "$count" |
    xargs -d '\n' touch)
unmount_3g "$work/fill"
seq -f 'Entry %.0f of many' "$count" | sort >"$work/want"

"$SHALE" ls "$image:/many" >"$work/got"
same "listed" "$work/want" "$work/got"
mount_shale "$image" "$work/mnt" -o ro
# In no order, and each with its own record.
sort -R --random-source=<(yes) "$work/want" >"$work/names"
(cd "$work/mnt/many" && xargs -d '\n' stat -c '%n' <"$work/names") \
    >"$work/got" 2>"$work/log" || fail "look-ups"
same "looked up" "$work/names" "$work/got"
(cd "$work/mnt/many" && xargs -d '\n' stat -c '%i' <"$work/names" | sort -u |
    wc -l) >"$work/got"
echo "$count" >"$work/want"
same "records of their own" "$work/want" "$work/got"
(cd "$work/mnt/many" && head -n 2000 "$work/names" |
    sed 's/^E/e/; s/many$/MANY/' | xargs -d '\n' stat -c '%i' | sort -u |
    wc -l) >"$work/got"
echo 2000 >"$work/want"
same "in other cases" "$work/want" "$work/got"
unmount "$work/mnt"
finish
