#!/usr/bin/env bash
# roundtrip.sh - what libwim packs with XPRESS and LZX, unpacked by ours
#
# Programs, text and data made up, in chunks of every size, whole and damaged.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

[ -n "${ROUNDTRIP_WIM:-}" ] || skip_all "needs libwim's headers (libwim-dev)"

here=$(dirname "$0")
files=("$SHALE" "$here/../../ntfs/lzx.c" "$here/../../README.md")
is_quick || files+=("$(command -v bash)" "$(command -v awk)")
if "$ROUNDTRIP_WIM" "${files[@]}" >"$work/log" 2>&1; then
    ok
else
    fail "what libwim packed"
fi
tail -n 3 "$work/log"
finish
