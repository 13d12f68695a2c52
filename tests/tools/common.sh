# common.sh - what the tests of the command share; sourced, after lib.sh
# shellcheck shell=bash

: "${SHALE:?}" "${work:?}"

# check NAME COMMAND...: a case that passes if the command does.
check()
{
    local what=$1

    shift
    if "$@"; then ok; else fail "$what"; fi
}

# expect NAME WANT GOT: two equal strings.
expect()
{
    if [ "$2" = "$3" ]; then
        ok
    else
        fail "$1: want '$2', got '$3'"
    fi
}

# status NAME WANT COMMAND...: the exit status; output is in $work/out and err.
status()
{
    local what=$1 want=$2 got=0

    shift 2
    timeout 600 "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
    if [ "$got" = "$want" ]; then
        ok
    else
        fail "$what: exit status $got, not $want"
        head -n 5 "$work/err"
    fi
}

# on_terminal OUT COMMANDS: by sh, with what they write to a terminal in OUT.
# Standard error is none: a bar, which comes if the machine is slow, would be in
# the first line.
on_terminal() { all_on_terminal "$1" "exec 2>'$work/err'; $2"; }

# all_on_terminal OUT COMMANDS: standard error as well. It has 80 columns and 24
# lines, whatever has called this. script(1) leaves soon after the commands do,
# whether it has seen all or not: so they stay until it has.
all_on_terminal()
{
    script -qec "stty cols 80 rows 24
        $2
        echo; echo that was all
        tries=0
        until grep -q '^that was all' '$1' || [ \$tries = 2400 ]; do
            sleep 0.05
            tries=\$((tries + 1))
        done" /dev/null </dev/null >"$1"
    sed -i -e 's/\r$//' -e '/^that was all/d' "$1"
    sed -i '$d' "$1"
}

# json NAME FILTER WANT COMMAND...: what jq makes of the command's output.
json()
{
    local what=$1 filter=$2 want=$3 got

    shift 3
    if ! have jq; then
        skip "$what" "needs jq"
        return
    fi
    if got=$("$@" | jq -r "$filter"); then
        expect "$what" "$want" "$got"
    else
        fail "$what: no JSON"
    fi
}

# value KEY...: what JSON on standard input first calls so, in a line. For loops:
# jq takes longer to begin than anything that they look at.
value()
{
    local key all words=()

    IFS= read -rd '' all || true
    for key; do
        [[ ! $all =~ \"$key\":\ *\"?([^\",}[:cntrl:]]*) ]] ||
            words+=("${BASH_REMATCH[1]}")
    done
    echo "${words[*]}"
}

# says NAME TEXT: the last status's messages have TEXT in them.
says()
{
    if grep -qF -- "$2" "$work/err"; then
        ok
    else
        fail "$1: no '$2' in: $(cat "$work/err")"
    fi
}

# make_disk IMAGE LABEL: 40 MiB with two 15 MiB Linux partitions, by sfdisk.
make_disk()
{
    truncate -s 40M "$1"
    printf 'label: %s\nstart=2048, size=30720\nstart=34816, size=30720\n' \
        "$2" | sfdisk -q "$1" >/dev/null 2>&1
}

# put VOLUME IMAGE SECTOR: write a volume into a disk.
put()
{
    dd if="$1" of="$2" bs=512 seek="$3" conv=notrunc,sparse status=none
}

# judge_fat NAME IMAGE: fsck.fat has nothing to say about it. Two lines it
# always has: its version, and what it counted.
judge_fat()
{
    if fsck.fat -n "$2" >"$work/fsck" 2>&1 &&
        [ "$(wc -l <"$work/fsck")" = 2 ]; then
        is_sound "$1" "$2"
    else
        fail "$1: fsck.fat"
        head -n 10 "$work/fsck"
    fi
}

# fat_tree IMAGE: every path on it, by mtools; directories end in a slash.
fat_tree() { mdir -/ -a -b -i "$1" :: | sed 's,^::,,' | sort; }

# host_tree DIR: the same of a directory.
host_tree()
{
    (cd "$1" && find . -mindepth 1 \( -type d -printf '/%P/\n' -o \
        -type f -printf '/%P\n' \) | sort)
}

# judge_ext2 NAME IMAGE: e2fsck -fn has nothing to say about it. What it always
# says: its version, its passes, what it counted.
judge_ext2()
{
    if e2fsck -fn "$2" >"$work/fsck" 2>&1 &&
        ! grep -qvE '^(e2fsck [0-9]|Pass [1-5]|.*: [0-9]+/[0-9]+ files )' \
            "$work/fsck"; then
        is_sound "$1" "$2"
    else
        fail "$1: e2fsck"
        head -n 10 "$work/fsck"
    fi
}
