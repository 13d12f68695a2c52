# tree.sh - a tree of files that holds one of everything, for mke2fs -d
#
# Sourced after lib.sh. What needs root, or a filesystem with attributes, is
# left out where they are missing: the source is compared with, as it is.
# shellcheck shell=bash

# bytes N FILE: N bytes no two blocks of which are alike.
bytes() { seq 1 $(($1 / 4 + 10)) | head -c "$1" >"$2" || true; }

# poke FILE OFFSET: one byte there, holes before.
poke() { printf x | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }

# Files whose sizes and holes lie at the ends of what a block map's levels
# reach with blocks of $2 bytes: direct, indirect, double, triple.
boundary_files()
{
    local dir=$1 block=$2 per=$(($2 / 4)) edge at
    local edges=("$block" $((block * 12)) $((block * (12 + per)))
                 $((block * (12 + per + per * per))))

    mkdir "$dir"
    for edge in "${edges[@]}"; do
        # What the format or the machine's own filesystem may not hold.
        [ "$edge" -lt $((1 << 40)) ] || continue
        for at in $((edge - 2)) $((edge - 1)) "$edge"; do
            poke "$dir/only-$at" "$at"
        done
        poke "$dir/both-$edge" $((edge - 1))
        poke "$dir/both-$edge" "$edge"
        poke "$dir/first-$edge" 0
        truncate -s $((edge + 1)) "$dir/first-$edge"
    done
    truncate -s $((block * 40)) "$dir/all-hole"
}

names()
{
    local dir=$1 long name

    long=$(printf '%0255d' 7)
    mkdir "$dir"
    for name in a "$long" 'with space' $'new\nline' $'tab\tand \\' \
                $'caf\xc3\xa9' $'not-utf8-\xff\xfe' '*' '-dash' '...' .dot; do
        echo "$name" >"$dir/$name"
    done
    mkdir "$dir/dir-${long:4}"
}

symlinks()
{
    local dir=$1 max=$2 len

    mkdir "$dir"
    ln -s ../names/a "$dir/works"
    ln -s . "$dir/dot"
    ln -s loop "$dir/loop"
    ln -s /absolute/nowhere "$dir/absolute"
    for len in 1 58 59 60 61 200 1022 1023 2047 4094 4095; do
        [ "$len" -lt "$max" ] || continue
        ln -s "$(printf "%0${len}d" 0)" "$dir/long-$len"
    done
}

# Attributes, in all as much as one block of 1 KiB holds for any file.
attributes()
{
    local dir=$1 file

    mkdir "$dir"
    for file in one many long empty acl secure; do
        echo "$file" >"$dir/$file"
    done
    mkdir "$dir/inherits"
    if ! setfattr -n user.test -v 1 "$dir/one" 2>/dev/null; then
        skip "attributes" "this directory's filesystem has none"
        return
    fi
    for n in 1 2 3 4 5 6 7 8; do
        setfattr -n "user.number$n" -v "value $n" "$dir/many"
    done
    setfattr -n "user.long" -v "$(printf '%0800d' 5)" "$dir/long"
    setfattr -n user.empty "$dir/empty"
    setfacl -m u:1000:rw,g:70000:r,m::r "$dir/acl" 2>/dev/null || true
    setfacl -d -m u:1001:rwx "$dir/inherits" 2>/dev/null || true
    is_root || return 0
    setfattr -n trusted.test -v deep "$dir/secure"
    setfattr -n security.test -v sealed "$dir/secure"
}

# make_tree DIR BLOCK ENTRIES: the lot; one directory has ENTRIES names.
make_tree()
{
    local dir=$1 block=$2 entries=$3 size n deep

    mkdir "$dir" "$dir/lost+found" "$dir/sizes" "$dir/many" "$dir/modes"
    chmod 700 "$dir/lost+found"
    for size in 0 1 511 512 1023 1024 1025 4095 4096 4097 65535 65536 65537 \
                300000 1234567; do
        bytes "$size" "$dir/sizes/$size"
    done
    boundary_files "$dir/edges" "$block"
    names "$dir/names"
    symlinks "$dir/symlinks" "$block"
    attributes "$dir/attributes"

    (cd "$dir/many" && seq -f 'entry number %05g' 1 "$entries" |
        xargs -d '\n' touch)
    mkdir "$dir/links"
    echo linked >"$dir/links/one"
    ln "$dir/links/one" "$dir/links/two"
    ln "$dir/links/one" "$dir/sizes/three"
    mkfifo "$dir/modes/fifo"
    for n in 0600 0644 0777 1755 2755 4755 7777; do
        echo "$n" >"$dir/modes/$n"
        chmod "$n" "$dir/modes/$n"
    done
    deep=$dir
    for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
        deep=$deep/level-$n
        mkdir "$deep"
    done
    echo bottom >"$deep/bottom"
    if is_root; then
        echo closed >"$dir/modes/0000"
        chmod 0 "$dir/modes/0000"
        mknod "$dir/modes/null" c 1 3
        mknod "$dir/modes/big-minor" b 259 70000
        chown 65536:4000000000 "$dir/modes/0600"
        chown 4294967294:65535 "$dir/modes/0644"
    fi
    # Before the epoch and just before the end of 32 bits.
    touch -h -m -d '1901-12-13 20:45:53 UTC' "$dir/names/a"
    touch -h -m -d '1969-12-31 23:59:59 UTC' "$dir/symlinks/works"
    touch -h -m -d '2038-01-19 03:14:07 UTC' "$dir/links/one"
    # Reading must not move access times any more: put them in the future.
    find "$dir" -print0 | xargs -0 touch -h -a -d '2031-05-06 07:08:09 UTC'
}
