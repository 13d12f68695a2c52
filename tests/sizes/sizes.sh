#!/bin/sh
# sizes.sh SOURCE BUILD - what Shale takes on a microcontroller, against what is
# noted in sizes.tsv and the goals there; builds in BUILD. The table of
# docs/embedding.md says what sizes.tsv does.
#
# Also: both cores build without a warning, and neither asks for more than
# check_symbols.sh lets it.
set -eu
export LC_ALL=C

source=$1 build=$2
command -v python3 >/dev/null || {
    echo "skipped: sizes: python3 is not there"
    exit 77
}
"$source/tools/size-report" --baseline "$source/tests/sizes/sizes.tsv" --doc
for program in arm-none-eabi-gcc ninja; do
    command -v "$program" >/dev/null || {
        echo "skipped: sizes: $program is not there"
        exit 77
    }
done
status=0
"$source/tools/size-report" --build "$build" --werror --json "$build.json" \
    --baseline "$source/tests/sizes/sizes.tsv" || status=1

for library in "$build"/*/libshale-core.a; do
    sh "$source/tests/check_symbols.sh" "$library" arm-none-eabi-nm || status=1
done
exit "$status"
