#!/usr/bin/env bash
# without_fuse.sh CMAKE SOURCE CC - what differs where there is no libfuse
#
# Configures a build of the command alone, and compiles the two files of it
# that know whether there is a daemon.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/shale-without.XXXXXX")
trap 'rm -rf "$work"' EXIT

"$1" -G Ninja -S "$2" -B "$work" -DCMAKE_C_COMPILER="$3" \
    -DSHALE_FUSE=OFF -DSHALE_TESTS=OFF >"$work/log" 2>&1 ||
    { cat "$work/log" && exit 1; }
objects=tools/CMakeFiles/shale-command.dir
"$1" --build "$work" --target $objects/shale.c.o $objects/cmd_version.c.o
grep -q 'no FUSE' "$work/$objects/cmd_version.c.o"
