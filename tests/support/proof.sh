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

# prove WHAT COMMAND...: run it to its end, and show what it says then.
prove()
{
    local what=$1 status=0

    shift
    "$@" >"$work/log" 2>&1 || status=$?
    if [ "$status" = 0 ]; then
        ok
        tail -n 1 "$work/log"
        return
    fi
    fail "$what: ${*##*/} (status $status)"
    tail -n 60 "$work/log"
    # What a program that failed has left mounted.
    left_mounts "$work" | while read -r at; do
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
