#!/bin/sh
# check_symbols.sh LIBRARY [NM] - fail if the core needs more than mem* from
# outside (32-bit targets also borrow the compiler's own 64-bit division), if
# it has a variable that two volumes could share, or if it exports a name that
# is not ours.
#
# A build with sanitizers or with a profiler in it proves nothing: 77, skipped.
set -eu
export LC_ALL=C

library=$1
nm=${2:-nm}
status=0

if "$nm" -gu "$library" | grep -qE '__(asan|ubsan|tsan|sanitizer|llvm|gcov)'
then
    echo "skipped: built with sanitizers"
    exit 77
fi

defined=$("$nm" -g --defined-only "$library" |
          awk 'NF == 3 { print $3 }' | sort -u)
needed=$("$nm" -gu "$library" | awk 'NF == 2 { print $2 }' | sort -u)
[ -n "$defined" ] || { echo "no symbols in $library"; exit 1; }

lent='mem(cpy|move|set|cmp)|__[a-z]+di[0-9]|_GLOBAL_OFFSET_TABLE_'
extra=$(printf '%s\n' "$needed" | grep -vxF "$defined" |
        grep -vxE "$lent" || true)
[ -z "$extra" ] || { echo "core calls outside itself: $extra"; status=1; }

# Tables of pointers are constant too, once the loader is through with them.
shared=$("$nm" -f sysv "$library" |
         awk -F '|' '$7 ~ /^\.data\.rel\.ro/ { next }
                     $7 ~ /^(\.data|\.bss|\*COM\*)/ { print $1 }' | sort -u)
[ -z "$shared" ] || { echo "core has variables: $shared"; status=1; }
exit "$status"
