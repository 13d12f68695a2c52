#!/usr/bin/env bash
# bad.sh PROGRAM...: hold every patch in this folder against the library
#
# PROGRAM is bad_run, perhaps with an emulator before it. A patch is explained
# in bad_run.c; each is a bug that was, or one that a check prevents.
set -euo pipefail

cd "$(dirname "$0")"
patches=(*.bad)
failed=0
# Many at a time: under an emulator or with sanitizers, it is the start of a
# program that takes long.
for ((i = 0; i < ${#patches[@]}; i += 40)); do
    timeout 900 "$@" "${patches[@]:i:40}" || {
        failed=1
        echo "FAILED: (status $?) among ${patches[i]} and 39 more"
    }
done
echo "bad: ${#patches[@]} patches"
[ "$failed" = 0 ] && [ "${#patches[@]}" -gt 1 ]
