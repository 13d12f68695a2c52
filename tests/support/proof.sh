# proof.sh - what the scripts that run the proofs share; sourced after lib.sh
# shellcheck shell=bash disable=SC2154,SC2034

# need_tools TOOL...: or nothing in this script can be tested.
need_tools()
{
    local tool

    for tool; do
        have "$tool" || skip_all "needs $tool"
    done
}

# prove WHAT SECONDS COMMAND...: run it, for at most so many seconds, or ten times
# as many if there is time; shows what it says in the end.
prove()
{
    local what=$1 seconds=$2 status=0

    shift 2
    ! is_long || seconds=$((10 * seconds))
    timeout "$seconds" "$@" >"$work/log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        ok
        tail -n 1 "$work/log"
        return
    fi
    fail "$what: ${*##*/} (status $status)"
    tail -n 60 "$work/log"
    take_mounts_away
}

# What a program that failed has left mounted.
take_mounts_away()
{
    awk -v at="$work/" 'index($5, at) == 1 { print $5 }' \
        /proc/self/mountinfo | while read -r at; do
        umount -l "$at" || true
    done
}

# ace_workloads: fill the array $workloads with those of ACE; false if they
# are not there.
ace_workloads()
{
    local corpora=${SHALE_CORPORA:-$(dirname "$0")/../../../shared/corpora}

    workloads=()
    [ -e "$corpora/images.tar.zst" ] && have zstd || return
    tar --zstd -xSf "$corpora/images.tar.zst" -C "$work" ace-jlang
    mapfile -t workloads < <(find "$work/ace-jlang" -type f | sort)
}
