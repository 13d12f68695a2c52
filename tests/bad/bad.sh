#!/usr/bin/env bash
# bad.sh PROGRAM...: hold every patch in this folder against the library
#
# PROGRAM is bad_run, perhaps with an emulator before it. A patch is explained
# in bad_run.c; each is a bug that was, or one that a check prevents.
set -euo pipefail

cd "$(dirname "$0")"
count=0
failed=0
for patch in *.bad; do
    count=$((count + 1))
    timeout 60 "$@" "$patch" || {
        failed=$((failed + 1))
        echo "FAILED: $patch"
    }
done
echo "bad: $((count - failed)) passed, $failed failed"
[ "$failed" = 0 ] && [ "$count" -gt 0 ]
