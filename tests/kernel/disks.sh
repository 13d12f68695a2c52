#!/usr/bin/env bash
# disks.sh - a kernel with Shale in it reads and writes three volumes, and the
# formats' own programs read what it wrote
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"

for program in mke2fs debugfs mkfs.fat mcopy mkntfs ntfscp; do
    have "$program" || skip_all "needs $program"
done

# ---- the disks: a tree, on ext2 and FAT, and one file on NTFS
tree=$work/tree
mkdir -p "$tree/d/e"
head -c 1500000 /dev/urandom >"$tree/big"
head -c 70001 /dev/urandom >"$tree/d/a name that is longer"
printf 'hello\n' >"$tree/d/e/hello.txt"
: >"$tree/d/empty"
make_image "$work/ext2.new" 16M -d "$tree"
truncate -s 40M "$work/fat.new"
mkfs.fat -F 32 -s 1 "$work/fat.new" >/dev/null
mcopy -s -i "$work/fat.new" "$tree/big" "$tree/d" ::
truncate -s 8M "$work/ntfs.new"
mkntfs -q -F -f "$work/ntfs.new" >/dev/null 2>&1
ntfscp -q "$work/ntfs.new" "$tree/big" big

files=(big "d/a name that is longer" d/e/hello.txt d/empty)

# digests VOLUME FILE...: as the kernel prints them.
digests()
{
    local volume=$1 file

    shift
    for file; do
        echo "$(sha256sum <"$tree/$file" | cut -d ' ' -f 1)  $volume:/$file"
    done
}

# script FIRST DISK: everything is read, much is written, and is looked at. DISK
# is the one that ext2 is on.
script()
{
    local volume file

    echo "$1"
    echo df
    for volume in ext2 fat; do
        echo "tree $volume:/"
        for file in "${files[@]}"; do
            echo "sha256 \"$volume:/$file\""
        done
    done
    echo 'ls -l ntfs:/'
    echo 'sha256 ntfs:/big'
    for volume in ext2 fat; do
        echo "write $volume:/hello Hello from a kernel"
        echo "append $volume:/hello and once more"
        echo "cat $volume:/hello"
        echo "mkdir $volume:/new $volume:/new/deep $volume:/old"
        echo "fill $volume:/new/deep/noise 300001 7"
        echo "write $volume:/old/x x"
        echo "rename $volume:/new/deep \"$volume:/a longer name for it\""
        echo "sha256 \"$volume:/a longer name for it/noise\""
        echo "truncate $volume:/hello 10"
        echo "rm -r $volume:/old"
        echo "rm $volume:/d/e/hello.txt"
        echo "! cat $volume:/old/x"
        echo "! mkdir $volume:/new"
        echo "cp ntfs:/big $volume:/copy"
        echo "sha256 $volume:/copy"
        echo "stat $volume:/copy"
    done
    echo '! write ntfs:/no thing'
    echo 'symlink /big ext2:/link'
    echo 'ln ext2:/big "ext2:/another big"'
    echo 'sha256 ext2:/link "ext2:/another big"'
    echo 'sync'
    for volume in ext2 fat ntfs; do
        echo "speed $volume:/big"
        echo "conformance $volume:"
        [ $volume = ntfs ] || echo "threads $volume:"
        echo "check $volume:"
    done
    echo "umount $2"
    echo "! ls $2:/"
    echo "mount $2 ro"
    echo "! write $2:/no thing"
    echo mem
    echo poweroff
}

# wrote_all WHAT: what the kernel has written is what programs find.
wrote_all()
{
    local at=$work/found volume

    rm -rf "$at"
    mkdir -p "$at"
    e2fsck -fn "$work/ext2" >"$at/log" 2>&1 || {
        fail "$1: e2fsck"
        cat "$at/log"
    }
    fsck.fat -n "$work/fat" >"$at/log" 2>&1 || {
        fail "$1: fsck.fat"
        cat "$at/log"
    }
    is_sound "$1: ext2" "$work/ext2"
    is_sound "$1: FAT" "$work/fat"

    debugfs -R "dump /copy $at/copy" "$work/ext2" >/dev/null 2>&1
    debugfs -R "dump \"/a longer name for it/noise\" $at/noise" \
        "$work/ext2" >/dev/null 2>&1
    same "$1: by debugfs" "$tree/big" "$at/copy"
    mcopy -n -i "$work/fat" ::copy "$at/copy2"
    mcopy -n -i "$work/fat" "::a longer name for it/noise" "$at/noise2"
    same "$1: by mcopy" "$tree/big" "$at/copy2"
    same "$1: noise" "$at/noise" "$at/noise2"
    [ "$(wc -c <"$at/noise")" = 300001 ] || fail "$1: the noise is too short"
    grep -qF "$(sha256sum <"$at/noise" | cut -c 1-64)  ext2:" "$work/out" ||
        fail "$1: the noise has another digest"
    "$SHALE" cat "$work/ext2" /hello >"$at/hello"
    "$SHALE" cat "$work/fat" /hello >>"$at/hello"
    printf 'Hello fromHello from' | cmp -s - "$at/hello" ||
        fail "$1: the text that was cut"
    for volume in ext2 fat; do
        "$SHALE" ls "$work/$volume" / >"$at/root"
        grep -qx new "$at/root" || fail "$1: no new directory on $volume"
        ! grep -qx old "$at/root" || fail "$1: the old directory on $volume"
    done
}

# one_boot WHAT MACHINE FIRST [-i]
one_boot()
{
    local what=$1 machine=$2 first=$3 volume disk=vda

    shift 3
    [ "${1-}" != -i ] || disk=hda
    for volume in ext2 fat ntfs; do
        cp --sparse=always "$work/$volume.new" "$work/$volume"
    done
    script "$first" "$disk" >"$work/script"
    if boot "$machine" "$work/out" "$@" "$work/ext2" "$work/fat" \
            "$work/ntfs" <"$work/script"; then
        ok
    else
        fail "$what: status $?"
        trouble "$work/out"
        return 0
    fi
    {
        digests ext2 "${files[@]}"
        digests fat "${files[@]}"
        digests ntfs big
    } >"$work/want"
    grep -F -f <(cut -d ' ' -f 3- "$work/want" | sed 's/^/  /') "$work/out" |
        grep -E '^[0-9a-f]{64}  ' | sed -n "1,$(wc -l <"$work/want")p" \
        >"$work/got"
    same "$what: digests" "$work/want" "$work/got"
    [ "$(grep -c "^$(sha256sum <"$tree/big" | cut -c 1-64)  " \
        "$work/out")" = 7 ] || fail "$what: a copy has another digest"
    [ "$(grep -c ' cases passed, 0 failed$' "$work/out")" = 3 ] ||
        fail "$what: the conformance list"
    # Each when `mem` is said, and when it is unmounted; one of them twice.
    [ "$(grep -c '^[vh]d.: memory: .* at most, by the formula ' \
        "$work/out")" = 7 ] || fail "$what: memory, and the formula"
    wrote_all "$what"
}

# ends_with MACHINE STATUS LINE...: a script of these lines powers off so.
ends_with()
{
    local machine=$1 want=$2 status=0

    shift 2
    cp --sparse=always "$work/ext2.new" "$work/ext2"
    printf '%s\n' "$@" poweroff >"$work/script"
    boot "$machine" "$work/out" "$work/ext2" <"$work/script" || status=$?
    if [ "$status" = "$want" ]; then
        ok
    else
        fail "$machine: status $status and not $want after: $*"
        trouble "$work/out"
    fi
}

# says_why MACHINE STATUS TEXT LINE: ... and it is told.
says_why()
{
    ends_with "$1" "$2" "$4"
    grep -qF "$3" "$work/out" "$work/out.err" || {
        fail "$1: does not say \"$3\" after: $4"
        trouble "$work/out"
    }
}

# tells_once MACHINE: what a command cannot do is told in one line, by a name
# that has one colon behind it.
tells_once()
{
    ends_with "$1" 0 '! cat ext2:/none' '! ls /none' '! ls ext2:/none' \
        '! fill ext2:/none/x 5' '! write ext2:/none/x y' '! fill ext2:/x y' \
        '! mkdir ext2:/none/x' '! mkdir ext2:/lost+found' '! rm ext2:/none' \
        '! cp ext2:/none ext2:/x' '! cp ext2:/big ext2:/none/x' \
        '! ln ext2:/none ext2:/x' '! rename ext2:/big ext2:/none/x' \
        '! symlink x ext2:/big' '! truncate ext2:/none 1' '! sha256 x:/none' \
        '! speed ext2:/none' '! check x:' '! mount x' '! mount vda' \
        '! mount vda wo' '! sync x:' '! poll x' '! nonsense' \
        'check ext2:' 'check ext2' 'check vda:' 'umount ext2:' \
        '! ls vda:/' '! umount vda:' '! threads vda:' '! speed vda:/big' \
        'check vda' '# cat ext2:/none'
    awk '/^> / { if (asked != "" && lines != 1) print asked ": " lines
                 asked = /^> !/ ? $0 : ""; lines = 0; next }
         /::/ { print }
         { lines++ }' "$work/out" >"$work/told"
    [ ! -s "$work/told" ] || {
        fail "$1: what is told, and in how many lines"
        cat "$work/told"
    }
    [ "$(grep -c '^vda: ext2, [0-9]* files, .* 0 corruptions,' \
        "$work/out")" = 4 ] || fail "$1: what a check tells"
}

# by HOW: that is how the disks of the last boot have interrupted.
by()
{
    [ "$(grep -c "^virtio: a disk that interrupts by $1 [0-9]*\$" \
        "$work/out")" = 3 ] || {
        fail "x86_64: disks do not interrupt by $1"
        grep '^virtio: ' "$work/out" || true
    }
}

# lines: a PC's disks that have no messages interrupt by lines, and share them.
lines()
{
    local volume

    for volume in ext2 fat ntfs; do
        cp --sparse=always "$work/$volume.new" "$work/$volume"
        echo "sha256 $volume:/big"
        [ $volume = ntfs ] || echo "cp ntfs:/big $volume:/copy"
    done >"$work/script"
    echo 'sha256 ext2:/copy fat:/copy' >>"$work/script"
    echo poweroff >>"$work/script"
    if boot x86_64 "$work/out" "$work/ext2" "$work/fat" "$work/ntfs" -- \
            -global virtio-blk-pci.vectors=0 <"$work/script"; then
        ok
    else
        fail "x86_64: status $? with lines"
        trouble "$work/out"
    fi
    by line
    [ "$(grep -c "^$(sha256sum <"$tree/big" | cut -c 1-64)  " \
        "$work/out")" = 5 ] || fail "x86_64: another digest with lines"
}

# old_disk MACHINE OPTION...: one that QEMU makes as of before the standard is
# not used, and that is told.
old_disk()
{
    local machine=$1

    shift
    truncate -s 1M "$work/old"
    echo poweroff >"$work/script"
    if boot "$machine" "$work/out" -- \
            -drive "file=$work/old,format=raw,if=none,id=old" "$@" \
            <"$work/script"; then
        ok
    else
        fail "$machine: status $? with an old disk"
        trouble "$work/out"
    fi
    grep -q '^virtio: a disk of before the standard' "$work/out" || {
        fail "$machine: says nothing of an old disk"
        trouble "$work/out"
    }
}

for machine in x86_64 riscv64; do
    can_run "$machine" || continue
    build_kernel "$machine" || {
        fail "$machine: the kernel is not built"
        continue
    }
    one_boot "$machine, virtio" "$machine" 'poll off'
    [ "$machine" != x86_64 ] || by message
    # What is quick ends here, with one machine.
    ! is_quick || break
    tells_once "$machine"
    ends_with "$machine" 1 'cat ext2:/none' 'df'
    ends_with "$machine" 1 '! df'
    ends_with "$machine" 42 'cat ext2:/none' 'poweroff 42'
    says_why "$machine" 99 'panic in thread main: asked for' 'crash panic'
    says_why "$machine" 99 'exception' 'crash pointer'
    says_why "$machine" 99 'exception' 'crash print'
    says_why "$machine" 99 'thread main: its stack is too small' 'crash stack'
    [ "$machine" != x86_64 ] ||
        says_why x86_64 98 'the machine was reset' 'crash reset'
    one_boot "$machine, virtio, polling" "$machine" 'poll on'
    if [ "$machine" = x86_64 ]; then
        lines
        one_boot "$machine, IDE" "$machine" 'poll off' -i
        old_disk x86_64 -device virtio-blk-pci,disable-modern=on,drive=old
    else
        old_disk riscv64 -global virtio-mmio.force-legacy=true \
            -device virtio-blk-device,drive=old
    fi
done
finish
