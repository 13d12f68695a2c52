#!/usr/bin/env bash
# matrix.sh - FAT trees by mkfs.fat and mtools, over types and geometries
#
# Every type of FAT with sizes of sectors and clusters, and with one to three
# FATs. A tree is put in with mcopy and taken out again with it: what mtools
# then has is the truth, and the library, and for a part of the matrix a mount,
# have to show the same names, bytes, and times.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"

have mkfs.fat || skip_all "needs mkfs.fat (dosfstools)"
have mcopy || skip_all "needs mcopy (mtools)"
export MTOOLS_SKIP_CHECK=1 TZ=UTC
locale -a | grep -ix 'c.utf-\?8' >/dev/null ||
    skip_all "needs the locale C.UTF-8"

files=300
! is_quick || files=60
count=0

# make_source DIR: names and sizes at the edges of what FAT has.
make_source()
{
    local dir=$1 i

    mkdir -p "$dir/SHORT" "$dir/lower" "$dir/A long directory name/deep/er" \
        "$dir/many" "$dir/empty"
    echo short >"$dir/SHORT/FILE.TXT"
    echo lower >"$dir/lower/file.txt"
    echo mixed >"$dir/lower/Mixed.Txt"
    echo noext >"$dir/SHORT/NOEXT"
    : >"$dir/lower/nothing"
    # Units: 13 fill a piece of a long name, 14 begin another, 255 fill all.
    echo 13 >"$dir/thirteen unit"
    echo 14 >"$dir/fourteen units"
    echo 26 >"$dir/$(printf '%.26d' 0)"
    echo 27 >"$dir/$(printf '%.27d' 0)"
    echo 255 >"$dir/$(printf '%.255d' 0)"
    echo unicode >"$dir/A long directory name/Grüße aus Köln ☃.text"
    echo cyrillic >"$dir/A long directory name/Привет мир"
    echo cjk >"$dir/A long directory name/日本語のファイル名.txt"
    echo dots >"$dir/lower/.hidden"
    echo dots >"$dir/lower/a.b.c.d"
    echo signs >"$dir/lower/+,;=[] & co"
    for ((i = 1; i <= files; i++)); do
        echo "$i" >"$dir/many/file number $i of many"
    done
    # Around sectors and clusters of every size.
    for i in 511 512 513 2047 4096 4097 32769 65536; do
        seq -f '%-63.0f' 1 "$i" | head -c "$i" >"$dir/SHORT/S$i.BIN" || true
    done
    find "$dir" -exec touch -d '2021-12-31 23:59:58 UTC' {} +
    touch -d '1980-01-01 00:00:00 UTC' "$dir/SHORT/FILE.TXT"
    touch -d '2099-06-30 12:34:56 UTC' "$dir/lower/file.txt"
}

# seen TIMES: what both can know of a tree: type, size, time, hash, path. Of
# directories mtools keeps no time on the way out, and they have no size.
seen()
{
    awk 'BEGIN { FS = OFS = "\t" }
         $NF != "" && $1 == "d" { print $1, "-", "-", "-", $NF }
         $1 == "f" { print $1, $6, $7, $8, $NF }' | sort
}

# check WHAT IMAGE
check()
{
    local what=$1 image=$2

    rm -rf "$work/out"
    mkdir "$work/out"
    if ! LC_ALL=C.UTF-8 mcopy -s -Q -n -m -i "$image" :: "$work/out" \
        2>"$work/log" </dev/null; then
        fail "$what: mcopy out"
        head -n 3 "$work/log"
        return
    fi
    "$DUMPDIR" -b "$work/out" | seen >"$work/want"
    [ "$(wc -l <"$work/want")" -gt $((files / 2)) ] || {
        fail "$what: mtools found too little"
        return
    }
    "$DUMPTREE" -b "$image" 2>"$work/log" | seen >"$work/got" || true
    same "$what" "$work/want" "$work/got"
    head -n 3 "$work/log"
    is_sound "$what" "$image"
    count=$((count + 1))
    can_fuse && [ $((count % 5)) = 1 ] || return 0
    if mount_shale "$image" "$work/mnt" -o ro; then
        "$DUMPDIR" -b "$work/mnt" | seen >"$work/got" || true
        same "$what, mounted" "$work/want" "$work/got"
        unmount "$work/mnt"
    else
        fail "$what: cannot be mounted"
    fi
}

# volume BITS SECTOR CLUSTER-SECTORS FATS SIZE: one of the matrix.
volume()
{
    local what="FAT$1, sectors $2, clusters of $3, $4 FATs" image=$work/image

    rm -f "$image"
    truncate -s "$5" "$image"
    if ! mkfs.fat -F "$1" -S "$2" -s "$3" -f "$4" -n MATRIX "$image" \
        >"$work/log" 2>&1; then
        fail "$what: mkfs.fat"
        head -n 3 "$work/log"
        return
    fi
    if ! LC_ALL=C.UTF-8 mcopy -s -Q -m -i "$image" "$work/source/"* :: \
        2>"$work/log" </dev/null; then
        fail "$what: mcopy in"
        head -n 3 "$work/log"
        return
    fi
    # Holes in directories, and files in pieces.
    mdel -i "$image" '::many/file number 2*' '::SHORT/S513.BIN'
    LC_ALL=C.UTF-8 mcopy -m -i "$image" "$work/source/SHORT/S65536.BIN" \
        ::in-the-holes
    check "$what" "$image"
}

can_fuse || skip "mounts" "/dev/fuse cannot be used"
make_source "$work/source"
for fats in 1 2 3; do
    volume 12 512 1 $fats 2000K
    volume 16 512 1 $fats 8M
    volume 32 512 1 $fats 40M
    ! is_quick || break
done
volume 12 512 8 2 8M
volume 12 4096 1 2 8M
volume 16 512 4 2 32M
volume 16 1024 2 2 32M
volume 16 2048 1 2 32M
volume 16 4096 1 1 32M
volume 16 512 128 2 512M
volume 32 512 8 2 300M
volume 32 4096 1 2 300M
if ! is_quick; then
    volume 12 1024 4 2 8M
    volume 12 2048 2 1 8M
    volume 16 4096 64 2 1200M   # clusters of 256 KiB
    volume 32 512 64 2 2200M
    volume 32 1024 1 3 80M
    volume 32 2048 16 1 2200M
fi
finish
