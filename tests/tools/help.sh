#!/usr/bin/env bash
# help.sh - help, version, the manual page and the completion
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=common.sh
. "$(dirname "$0")/common.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)

own="info ls tree cat stat cp put mkdir rm mv ln mknod touch chmod chown attr"
own="$own label extents check map mkfs"
verbs="$own mount umount version help"  # ... and with no table of ours

status "no command" 2 "$SHALE"
says "no command" Usage
status "unknown command" 2 "$SHALE" frobnicate
says "unknown command" "no such command: frobnicate"
status "help" 0 "$SHALE" help
cp "$work/out" "$work/overview"
status "--help" 0 "$SHALE" --help
same "help and --help" "$work/overview" "$work/out"
for verb in $verbs; do
    check "overview has $verb" grep -q "^  $verb " "$work/overview"
    status "help $verb" 0 "$SHALE" help "$verb"
    mv "$work/out" "$work/help"
    status "$verb --help" 0 "$SHALE" "$verb" --help
    same "$verb: help and --help" "$work/help" "$work/out"
    check "manual has $verb" grep -q "^\.It Cm $verb\$" "$root/docs/man/shale.1"
done
status "help of nothing" 2 "$SHALE" help frobnicate
if [ -e /dev/full ]; then
    for verb in $verbs; do
        want=1
        [ "$verb" != check ] || want=8          # fsck(8)'s number for it
        status "$verb --help to a full disk" "$want" \
            bash -c "'$SHALE' '$verb' --help >/dev/full"
    done
    for option in --help --version; do
        status "$option to a full disk" 1 \
            bash -c "'$SHALE' '$option' >/dev/full"
    done
fi

status "version" 0 "$SHALE" version
check "version: number" grep -Eq '^shale [0-9]+\.[0-9]+\.[0-9]+$' "$work/out"
check "version: drivers" grep -q '^filesystems:.* ext2' "$work/out"
check "version: libraries" grep -Eq 'libblkid [0-9.]+(, libfuse [0-9.]+|; no FUSE)$' "$work/out"
cp "$work/out" "$work/version"
status "--version" 0 "$SHALE" --version
same "version and --version" "$work/version" "$work/out"

# Each letter that getopt accepts is in the help, and the other way round:
# an option that is refused names itself on stderr, one that is taken does not.
for verb in $own; do
    "$SHALE" "$verb" --help >"$work/help"
    check "$verb: help of 80 columns" bash -c "! grep -E '.{81}' '$work/help'"
    manual=$root/docs/man/shale.1
    refused=2
    case $verb in
        check) manual=$root/docs/man/shale-check.1 refused=16 ;;
        map) manual=$root/docs/man/shale-map.1 ;;
    esac
    for letter in {a..z} {A..Z} {0..9}; do
        "$SHALE" "$verb" "-$letter" </dev/null >/dev/null 2>"$work/err" || true
        known=1
        ! grep -q "invalid option -- '$letter'" "$work/err" || known=0
        listed=0
        ! grep -Eq "^  -$letter(,| )" "$work/help" || listed=1
        expect "$verb -$letter: known and listed" "$known" "$listed"
    done
    while read -r long; do
        "$SHALE" "$verb" "$long" x </dev/null >/dev/null 2>"$work/err" || true
        check "$verb $long is accepted" \
            bash -c "! grep -q 'unrecognized option' '$work/err'"
        check "manual has $long" grep -qe "Fl -\?${long#-}\|${long#--}" \
            "$manual" "$root/docs/man/shale.1"
    done < <(grep -oE '^  (-.,|   ) --[a-z-]+' "$work/help" |
        grep -oE -- '--.*')
    status "$verb: unknown long option" "$refused" "$SHALE" "$verb" --frobnicate x
    says "$verb: unknown long option" "'--frobnicate' (try: shale $verb --help)"
    expect "$verb: in one line" 1 "$(wc -l <"$work/err")"
done

# refused TEXT OPTION...: in words of ours, which name it.
refused()
{
    local want=$1

    shift
    status "ls $*" 2 "$SHALE" ls "$@"
    expect "ls $*" "shale: ls: $want (try: shale ls --help)" "$(cat "$work/err")"
}
refused "invalid option -- 'Z'" -lZ x
refused "invalid option -- 'Z'" --json -Zl x
refused "option requires an argument -- 'p'" x -lp
refused "option '--part' requires an argument" x --part
refused "option '--json' takes no argument" --json=5 x
refused "option '--quiet' takes no argument" --quiet=5 x
refused "option '--s' is ambiguous" --s x
refused "unrecognized option '--sx=1'" --sx=1 x
if [ -e /dev/fuse ]; then
    for verb in mount umount; do
        status "$verb: unknown option" 1 "$SHALE" "$verb" --frobnicate
        expect "$verb: unknown option" "shale: unrecognized option \
'--frobnicate'; see shale $verb --help" "$(cat "$work/err")"
    done
fi

if have mandoc; then
    for page in shale shale-check shale-map; do
        status "manual: lint: $page" 0 \
            mandoc -Tlint -Wwarning "$root/docs/man/$page.1"
        status "manual: quotes: $page" 0 \
            mandoc -Tascii "$root/docs/man/$page.1"
        check "manual: quotes: $page" \
            bash -c "! sed 's,.\x08,,g' '$work/out' | grep -F '\"\"'"
    done
else
    skip "manual: lint" "needs mandoc"
fi

# The completion, as bash calls it: complete LINE's end.
complete_line()
{
    PATH=$(dirname "$SHALE"):$PATH bash --norc -c '
        . "$1"
        COMP_LINE=$2 COMP_POINT=${#2} COMPREPLY=()
        _shale 2>/dev/null
        printf "%s\n" "${COMPREPLY[@]}"' - \
        "$root/tools/completion/shale.bash" "$1" | sort | tr '\n' ' '
}

mkdir -p "$work/tree/etc/conf.d"
touch "$work/tree/etc/fstab" "$work/tree/etc/fonts"
if have mke2fs; then
    make_image "$work/disk.img" 4M -d "$work/tree"
    expect "complete a verb" "stat " "$(complete_line 'shale st')"
    expect "complete an image" "$work/disk.img " \
        "$(complete_line "shale ls $work/di")"
    expect "complete inside" "/etc/fonts /etc/fstab " \
        "$(complete_line "shale cat $work/disk.img:/etc/f")"
    expect "complete a second path" "etc/conf.d " \
        "$(complete_line "shale ls -l $work/disk.img etc/c")"
    expect "complete an option" "--inode " \
        "$(complete_line "shale ls --i")"
    expect "complete a type" "ext2 " "$(complete_line "shale ls -t e")"
    expect "complete a type for mkfs" "fat " \
        "$(complete_line "shale mkfs -t f")"
    expect "complete a file to put" "$work/overview " \
        "$(complete_line "shale put $work/disk.img $work/ov")"
    expect "complete what to remove" "/etc/fstab " \
        "$(complete_line "shale rm $work/disk.img:/etc/fs")"
    expect "complete a code" "read.failed " \
        "$(complete_line "shale check --explain read")"
    expect "complete an image to check" "$work/disk.img " \
        "$(complete_line "shale check -p $work/di")"
    expect "complete a type for check" "ext2 " \
        "$(complete_line "shale check -f -t e")"
    expect "complete a file to map" "/etc/fonts /etc/fstab " \
        "$(complete_line "shale map $work/disk.img:/etc/f")"
    expect "complete a stamp: nothing" " " \
        "$(complete_line "shale touch -t 20")"
fi
finish
