#!/usr/bin/env bash
# turns.sh - a volume that we and the kernel change in turns
#
# In each turn names come, go and are renamed in a directory with an index (or
# without one, where the volume has none), files are written and cut, and one of
# everything is made. The other one then has to see the very same tree, each
# name found by its own lookup, and e2fsck nothing to say, after each turn.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

is_root || skip_all "needs root, to mount images with the kernel"
can_loop || skip_all "this kernel has no loop devices or no ext2"
can_fuse || skip_all "/dev/fuse cannot be used"
have e2fsck || skip_all "no e2fsck"

at=$work/mnt
if is_long; then
    names=20000 turns=6
elif is_quick; then
    names=2000 turns=2
else
    names=3000 turns=2
fi

# One of everything, called after turn $1.
everything()
{
    mkdir -m 2755 "dir$1"
    mkfifo "dir$1/fifo"
    mknod "dir$1/char" c 1 3
    mknod "dir$1/block" b 259 70000
    ln -s "a short target" "dir$1/fast"
    ln -s "$(printf '%0900d' "$1")" "dir$1/slow"
    seq 20000 >"dir$1/file"
    ln "dir$1/file" "dir$1/link"
    chown 1000:70000 "dir$1/file"
    chmod 4711 "dir$1/file"
    printf x | dd of="dir$1/holes" bs=1 seek=3000000 status=none
    truncate -s 5000 "dir$1/link"
    cp --sparse=never "dir$1/holes" "dir$1/solid"
    setfattr -n user.turn -v "$1" "dir$1/solid" || true
}

# What happens in turn $1.
turn()
{
    mkdir -p big
    everything "$1"
    (
        cd big || exit
        seq $(($1 * 100000)) $(($1 * 100000 + names)) |
            sed 's/^/a name that takes some room /' | tr '\n' '\0' |
            xargs -0 touch
        find . -name "*[37]" -print0 | xargs -0 rm -f
        find . -name "*$1[24]" | while read -r name; do
            mv "$name" "$name, renamed in turn $1"
        done
    )
    if [ -d "dir$(($1 - 1))" ]; then
        mv "dir$(($1 - 1))" "dir$1/before"
        rm "dir$1/before/link"
        seq 3000 >>"dir$1/before/file"
        rm -rf "dir$1/before/before"
    fi
}

mount_of()
{
    if [ "$1" = ours ]; then
        mount_shale "$work/image" "$at"
    elif [ "$kernel" = ext2 ]; then
        mount_kernel "$work/image" "$at" noatime
    else
        mount -t "$kernel" -o loop,noatime "$work/image" "$at" &&
            mounted+=("$at")
    fi
}

# What is on the mount, but for times of access and where the holes are, which
# to look at changes, and which the kernel's ext2 does not tell.
look() { "$DUMPDIR" -H "$at" 2>&1 | cut -f 1-7,9-11,13- || true; }

# see WHO WHAT: WHO sees what was there when the last turn ended.
see()
{
    mount_of "$1" || { fail "$2: $1 cannot mount it"; return; }
    look >"$work/got"
    unmount "$at"
    same "$2, as $1 sees it" "$work/want" "$work/got"
}

# take_turns WHAT FIRST SECOND ARGUMENT...
take_turns()
{
    local what=$1 who=$2 other=$3 swap n

    shift 3
    make_image "$work/image" 80m -N 60000 "$@"
    for ((n = 1; n <= turns; n++)); do
        mount_of "$who" || { fail "$what: $who cannot mount it"; return; }
        (cd "$at" && turn "$n") >"$work/log" 2>&1 ||
            fail "$what, turn $n of $who: $(tail -n 3 "$work/log")"
        look >"$work/want"
        unmount "$at"
        if e2fsck -fn "$work/image" >"$work/log" 2>&1; then
            is_sound "$what, turn $n of $who" "$work/image"
        else
            fail "$what, turn $n of $who: $(grep -v ^Pass "$work/log" |
                                            head -n 5)"
        fi
        see "$other" "$what, turn $n"
        swap=$who who=$other other=$swap
    done
    see "$other" "$what, in the end"
}

kinds=("-b 1024 -I 128" "-b 4096 -I 256" "-b 2048 -I 256 -O ^dir_index"
       "-b 1024 -I 256 -O has_journal")
is_quick || kinds+=("-b 4096 -I 128 -O ^filetype" "-b 1024 -r 0"
                    "-b 1024 -I 512 -O meta_bg,^resize_inode"
                    "-b 4096 -I 1024 -O large_dir,dir_nlink,huge_file")
number=0
for kind in "${kinds[@]}"; do
    # The kernel's ext2 has no journals, and no larger indexes.
    kernel=ext2
    case $kind in
    *has_journal*|*large_dir*)
        kernel=ext4
        grep -qw ext4 /proc/filesystems || continue ;;
    esac
    read -ra arguments <<<"$kind"
    # Who begins matters little: of each kind one does, if there is no time.
    first=ours second=kernel
    [ $((number++ % 2)) = 0 ] || first=kernel second=ours
    take_turns "$kind" $first $second "${arguments[@]}"
    ! is_long || take_turns "$kind" $second $first "${arguments[@]}"
done
finish
