#!/usr/bin/env bash
# kill.sh - the machine is lost while its kernel writes, and what was synced is
# there when the volumes have been repaired
#
#     kill.sh [SEED [COUNT]]
#
# Nothing ends before it is killed, however slow the machine or this script is.
# 50 times with SHALE_TEST_LEVEL=long, else a few.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for program in mke2fs e2fsck debugfs mkfs.fat fsck.fat mcopy; do
    have "$program" || skip_all "needs $program"
done

count=6
! is_long || count=50
seed=${1:-1}
count=${2:-$count}
machines=()
for machine in x86_64 riscv64; do
    can_run "$machine" || continue
    build_kernel "$machine" || fail "$machine: the kernel is not built"
    machines+=("$machine")
done
[ ${#machines[@]} -gt 0 ] || finish

make_image "$work/ext2.new" 64M
truncate -s 64M "$work/fat.new"
mkfs.fat -s 4 "$work/fat.new" >/dev/null

# What the kernel is to do. Whatever has been synced is left alone; what comes
# between changes all the time. There is room for all of it, and no end: a
# kernel that has done everything waits for more, and is killed then.
script()
{
    local round dir volume

    for ((round = 1; round <= 400; round++)); do
        dir=d$((round / 8))
        for volume in ext2 fat; do
            [ $((round % 8)) != 0 ] && [ "$round" != 1 ] ||
                echo "mkdir $volume:/$dir"
            echo "fill $volume:/$dir/f$round" \
                "$((RANDOM * 3 + 1)) $((RANDOM + 1))"
            echo "sha256 $volume:/$dir/f$round"
        done
        echo "sync"
        echo "echo synced $round"
        for volume in ext2 fat; do
            echo "fill $volume:/t$((round % 3)) $((RANDOM * 2)) 5"
            echo "append $volume:/log round $round"
            echo "mkdir $volume:/x$round"
            echo "rename $volume:/t$((round % 3)) $volume:/x$round/moved"
            echo "truncate $volume:/x$round/moved 1000"
            [ "$round" -lt 3 ] || echo "rm -r $volume:/x$((round - 2))"
        done
    done
}

# synced: how often has the kernel said so?
synced() { grep -ac '^synced' "$work/out.raw" || true; }

# run_and_kill WHAT MACHINE ROUNDS MILLISECONDS: so long after so many rounds.
run_and_kill()
{
    local what=$1 machine=$2 rounds=$3 wait=$4 pid status=0

    rm -f "$work/pid"
    boot_begin "$machine" "$work/out" "$work/ext2" "$work/fat" -- \
        -pidfile "$work/pid" <"$work/script"
    until { [ -s "$work/pid" ] && [ "$(synced)" -ge "$rounds" ]; } ||
            has_ended; do
        sleep 0.02
    done
    sleep "0.$(printf %03d "$wait")"
    # QEMU removes the file when it ends by itself, which it has no reason to.
    if { read -r pid <"$work/pid" && kill -KILL "$pid"; } 2>/dev/null; then
        boot_end "$work/out" 2>/dev/null || true
    else
        boot_end "$work/out" || status=$?
        fail "$what: ended by itself, with status $status"
        trouble "$work/out"
        return
    fi
    # All that it was asked for was possible.
    if has_trouble "$work/out"; then
        fail "$what: a command failed"
        trouble "$work/out"
    fi
}

# synced_files VOLUME: a line of digest and path for each that has to be there.
synced_files()
{
    awk -v volume="$1:" '
        /^[0-9a-f]+  / && index($2, volume) == 1 { line[++n] = $0 }
        /^synced / { whole = n }
        END { for (i = 1; i <= whole; i++) print line[i] }' "$work/out" |
        sed "s/  $1:/ /"
}

# judge WHAT: what is on the disks now.
judge()
{
    local status digest path

    status=0
    e2fsck -fy "$work/ext2" >"$work/log" 2>&1 || status=$?
    [ "$status" -le 1 ] && e2fsck -fn "$work/ext2" >"$work/log2" 2>&1 || {
        fail "$1: e2fsck, status $status"
        cat "$work/log"
    }
    status=0
    fsck.fat -a "$work/fat" >"$work/log" 2>&1 || status=$?
    [ "$status" -le 1 ] && fsck.fat -n "$work/fat" >"$work/log2" 2>&1 || {
        fail "$1: fsck.fat, status $status"
        cat "$work/log"
    }
    while read -r digest path; do
        rm -f "$work/file"
        debugfs -R "dump $path $work/file" "$work/ext2" >/dev/null 2>&1
        [ "$(sha256sum <"$work/file" | cut -c 1-64)" = "$digest" ] ||
            fail "$1: $path is not as it was synced on ext2"
        files=$((files + 1))
    done < <(synced_files ext2)
    while read -r digest path; do
        rm -f "$work/file"
        mcopy -n -i "$work/fat" "::$path" "$work/file" || : >"$work/file"
        [ "$(sha256sum <"$work/file" | cut -c 1-64)" = "$digest" ] ||
            fail "$1: $path is not as it was synced on FAT"
    done < <(synced_files fat)
    is_sound "$1: ext2" "$work/ext2"
    is_sound "$1: FAT" "$work/fat"
}

files=0
RANDOM=$seed
script >"$work/script"
for ((i = 0; i < count; i++)); do
    machine=${machines[i % ${#machines[@]}]}
    rounds=$((RANDOM % 24))
    wait=$((RANDOM % 200))
    cp "$work/ext2.new" "$work/ext2"
    cp "$work/fat.new" "$work/fat"
    what="seed $seed, kill $i, $machine, $wait ms after $rounds rounds"
    run_and_kill "$what" "$machine" "$rounds" "$wait"
    judge "$what"
done
echo "$files synced files of ext2 looked at"
[ "$files" -gt 0 ] || fail "nothing was synced"
finish
