#!/bin/sh
# check_symbols.sh LIBRARY [NM] - fail if the core needs more than mem* from
# outside, or if it has a variable that two volumes could share.
#
# On 32-bit machines it also borrows the division of 64-bit numbers, which the
# compiler brings along.
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

lent='mem(cpy|move|set|cmp)|_GLOBAL_OFFSET_TABLE_'
# An address is as wide as the machine's: eight digits of 32 bits.
if "$nm" -g --defined-only "$library" | grep -qE '^[0-9a-f]{8} '; then
    lent="$lent|__u?(div|mod)di3|__u?divmoddi4|__aeabi_u?ldivmod"
fi
extra=$(printf '%s\n' "$needed" | grep -vxF "$defined" |
        grep -vxE "$lent" || true)
[ -z "$extra" ] || { echo "core calls outside itself: $extra"; status=1; }

# Tables of pointers are constant too, once the loader is through with them.
shared=$("$nm" -f sysv "$library" |
         awk -F '|' '$7 ~ /^\.data\.rel\.ro/ { next }
                     $7 ~ /^(\.data|\.bss|\*COM\*)/ { print $1 }' | sort -u)
[ -z "$shared" ] || { echo "core has variables: $shared"; status=1; }
exit "$status"
