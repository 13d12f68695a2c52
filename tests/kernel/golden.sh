#!/usr/bin/env bash
# golden.sh - in a kernel, every golden image shows its recorded names and data
#
# As conformance.sh, which has the attributes as well.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

# The files of the tree that TREE records, under DISK: their names, and the
# digests of those that it has.
recorded()
{
    awk -F '\t' -v disk="$1:/" '
        $NF == "" { next }
        { print "name " disk $NF }
        $1 == "f" && length($(NF - 1)) == 64 { print $(NF - 1), disk $NF }' \
        "$2"
}

# What the kernel is to say of DISK, whose names are in WANT.
commands()
{
    echo "echo \"disk $1\""
    echo "find $1:/"
    sed -nE 's/^[0-9a-f]{64} (.*)/sha256 "\1"/p' "$2"
}

disks=()
letters=(a b c d e f g h)
: >"$work/script"
: >"$work/want"
for golden in "$root"/images/*.img.gz; do
    disk=vd${letters[${#disks[@]}]}
    image=$work/$disk
    gzip -dc "$golden" >"$image"
    # A disk is whole sectors.
    truncate -s %512 "$image"
    recorded "$disk" "${golden%.img.gz}.tree" >"$work/here"
    commands "$disk" "$work/here" >>"$work/script"
    cat "$work/here" >>"$work/want"
    disks+=("$image")
done
echo poweroff >>"$work/script"
sort -o "$work/want" "$work/want"
[ ${#disks[@]} -ge 6 ] || fail "where are the images?"

for machine in x86_64 riscv64; do
    can_run "$machine" || continue
    build_kernel "$machine" || {
        fail "$machine: the kernel is not built"
        continue
    }
    boot "$machine" "$work/out" "${disks[@]}" <"$work/script" || {
        fail "$machine: status $?"
        trouble "$work/out"
        continue
    }
    awk '/^disk vd/ { disk = $2 }
         /^\// { print "name " disk ":" $0 }
         /^[0-9a-f]+  vd/ { sub(/  /, " "); print }' "$work/out" |
        sort >"$work/got"
    same "$machine" "$work/want" "$work/got"
done
finish
