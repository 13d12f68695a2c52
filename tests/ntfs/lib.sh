# lib.sh - what the NTFS test scripts share; sourced after support/lib.sh
# shellcheck shell=bash disable=SC2154
#
# Volumes are made by mkntfs and filled through ntfs-3g (fill.py). The other
# opinion is ntfs-3g's view of them, read-only (view.py).
ntfs=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# need_ntfs: what every one of the scripts needs.
need_ntfs()
{
    have mkntfs && have ntfs-3g || skip_all "needs mkntfs and ntfs-3g (ntfs-3g)"
    have python3 || skip_all "needs python3"
    is_root || skip_all "not root, for whom ntfs-3g mounts"
    can_fuse || skip_all "/dev/fuse cannot be used"
}

# make_ntfs IMAGE SIZE [ARGUMENT...]: an empty volume.
make_ntfs()
{
    local image=$1 size=$2

    shift 2
    rm -f "$image"
    truncate -s "$size" "$image"
    mkntfs -F -Q -q -f -p 0 -H 0 -S 0 "$@" "$image" </dev/null \
        >"$work/mkntfs.log" 2>&1 || {
        fail "mkntfs $*"
        head -n 5 "$work/mkntfs.log"
        return 1
    }
}

# mount_3g IMAGE DIR OPTIONS: by ntfs-3g.
mount_3g()
{
    mkdir -p "$2"
    ntfs-3g -o "$3" "$1" "$2" </dev/null >"$work/3g.log" 2>&1 || {
        fail "ntfs-3g -o $3"
        head -n 5 "$work/3g.log"
        return 1
    }
    mounted+=("$2")
}

# is_closed FILE: has no process of ours opened it?
is_closed()
{
    [ -z "$(find /proc/[0-9]*/fd -lname "$1" 2>/dev/null)" ]
}

# unmount_3g DIR: and wait, until its daemon has written all and let go of the
# image: for the kernel, unmounting is over before that begins.
unmount_3g()
{
    local dir=$1 left=() at image

    image=$(awk -v at="$dir" '$2 == at { print $1 }' /proc/mounts)
    wait_until umount "$dir" 2>/dev/null || return
    wait_until is_closed "$image" || return
    for at in "${mounted[@]}"; do
        [ "$at" = "$dir" ] || left+=("$at")
    done
    mounted=(${left[@]+"${left[@]}"})
}

# fill IMAGE OPTIONS PART...: through ntfs-3g.
fill()
{
    local image=$1 options=$2

    shift 2
    mount_3g "$image" "$work/fill" "rw,$options" || return
    python3 "$ntfs/fill.py" "$work/fill" "$@" >"$work/log" 2>&1 || {
        fail "fill.py $*"
        tail -n 5 "$work/log"
    }
    unmount_3g "$work/fill"
}

# view_3g IMAGE OUT OPTIONS [FLAG...]: what ntfs-3g shows. The link count is
# without DOS names, which it counts otherwise, and Windows and we do not.
view_3g()
{
    local image=$1 out=$2 options=$3

    shift 3
    mount_3g "$image" "$work/3g" "ro,posix_nlink,$options" || return
    python3 "$ntfs/view.py" "$@" "$work/3g" >"$out" || fail "view of ntfs-3g"
    unmount_3g "$work/3g"
}

# view_shale IMAGE OUT OPTIONS [FLAG...]: what we show.
view_shale()
{
    local image=$1 out=$2 options=$3

    shift 3
    if ! mount_shale "$image" "$work/ours" -o "ro,$options" \
        2>"$work/mount.log"; then
        fail "shale mount -o $options"
        head -n 3 "$work/mount.log"
        return 1
    fi
    python3 "$ntfs/view.py" "$@" "$work/ours" >"$out" || fail "view of ours"
    unmount "$work/ours"
}

# same_view WHAT IMAGE OPTIONS [FLAG...]: both show the same, but for lines that
# the pattern $differ matches.
differ='^$'
same_view()
{
    local what=$1 image=$2 options=$3

    shift 3
    view_3g "$image" "$work/want" "$options" "$@" || return 0
    view_shale "$image" "$work/got" "$options" "$@" || return 0
    # By design: permissions of special files by $LXMOD are ours alone; $MFT,
    # whose number is 0, does not get through libfuse; and files that are only
    # an index are empty.
    sed -i -e '/^\/wsl\/.*\tmode=/d' -e '/^\/\$MFT\t/d' \
        -e '/^\/\$Extend\/\$\(ObjId\|Quota\|Reparse\)\tdata=/d' \
        -e "/$differ/d" "$work/want" "$work/got"
    same "$what" "$work/want" "$work/got"
}
