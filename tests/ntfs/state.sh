#!/usr/bin/env bash
# state.sh - how NTFS volumes were left, and what is no NTFS after all
#
# Dirty, log not closed, hibernated: mounted all the same, read-only, with one
# line that says so; and told by info. Boot sectors that are gone. BitLocker,
# ReFS and exFAT by their names.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../tools/common.sh
. "$(dirname "$0")/../tools/common.sh"

need_ntfs
have jq || skip_all "needs jq"
clean=$work/clean.img
image=$work/image
make_ntfs "$clean" 16M -c 4096 -L 'Таблица ☃' || finish
fill "$clean" streams_interface=xattr gone sizes

# patched ARGUMENT...: $image is $clean with that.
patched()
{
    cp --sparse=always "$clean" "$image"
    python3 "$ntfs/patch.py" "$image" "$@"
}

# hibernated TEXT: $image is $clean with that in hiberfil.sys.
hibernated()
{
    cp --sparse=always "$clean" "$image"
    mount_3g "$image" "$work/fill" rw
    { printf '%s' "$1"; head -c 8000 /dev/zero; } >"$work/fill/hiberfil.sys"
    unmount_3g "$work/fill"
}

# told WHAT STATE LOG HIBERNATION WORDS: what info and mount say of $image.
# Without WORDS, nothing.
told()
{
    local lines=0

    json "$1: info" '.volume.details | "\(.state)|\(.log)|\(.hibernation)"' \
        "$2|$3|$4" "$SHALE" info --json -q "$image"
    status "$1: ls" 0 "$SHALE" ls "$image"
    [ -z "$5" ] || says "$1: ls" "$5"
    [ -z "$5" ] || lines=1
    expect "$1: ls: lines" "$lines" "$(wc -l <"$work/err")"
    status "$1: mount" 0 "$SHALE" mount -o ro "$image" "$work/mnt"
    mounted+=("$work/mnt")
    expect "$1: mount: lines" "$lines" "$(wc -l <"$work/err")"
    [ -z "$5" ] || says "$1: mount" "$5"
    check "$1: read-only" bash -c "! touch '$work/mnt/new' 2>/dev/null"
    unmount "$work/mnt"
}

mkdir -p "$work/mnt"
cp --sparse=always "$clean" "$image"
told "clean" clean empty none ""
patched flags 1
told "dirty" "not clean" empty none "marked dirty"
patched flags 0x4001
told "chkdsk" "not clean" empty none "chkdsk was under way"
patched flags 0x0080
told "Windows 10" clean empty none ""
patched log clean
told "log closed" clean clean none ""
patched log nobody
told "log of nobody" clean clean none ""
patched log chkdsk
told "log after chkdsk" clean clean none ""
patched log open
told "log open" "not clean" "needs replay" none "log was not replayed"
patched log clean open
told "second page newer" "not clean" "needs replay" none "log was not replayed"
patched log open clean
told "first page newer" "not clean" "needs replay" none "log was not replayed"
patched log zeros clean
told "first page gone" clean clean none ""
patched log junk
told "log damaged" "not clean" damaged none "log is damaged"
patched log ones
told "log blank" clean empty none ""
patched log cached
told "fast startup by the log" "not clean" clean none "fast startup"
if ! is_quick; then
    for text in hibr HIBR; do
        hibernated $text
        told "hiberfil.sys: $text" "not clean" empty \
            "hibernated, or fast startup" "Windows is hibernated"
        expect "check: hiberfil.sys: $text" ntfs.volume.hibernated \
            "$("$SHALE" check --jsonl "$image" |
                jq -r '.code // empty')"
    done
    for text in wake WAKE; do
        hibernated $text
        told "hiberfil.sys: $text" clean empty resumed ""
    done
    hibernated RSTR
    told "hiberfil.sys: RSTR" clean empty none ""
fi

# Geometry and use are what ntfsinfo and ntfs-3g say.
"$SHALE" info --json "$clean" >"$work/info"
info() { jq -r ".volume.$1" "$work/info"; }
expect "label" 'Таблица ☃' "$(info details.label)"
expect "version" "NTFS 3.1" "$(info details.type)"
expect "cluster size" 4096 "$(info details.cluster_size)"
mount_3g "$clean" "$work/3g" ro
expect "blocks, free" "$(stat -f -c '%b %f' "$work/3g")" \
    "$(info usage.blocks) $(info usage.blocks_free)"
expect "names" 255 "$(stat -f -c %l "$work/3g")"
expect "MFT" "$(stat -c %s "$work/3g/\$MFT")" "$(info details.mft_size)"
unmount_3g "$work/3g"
if have blkid; then
    expect "serial" "$(blkid -p -s UUID -o value "$clean")" \
        "$(info details.serial)"
fi

# To be written to: a clear answer.
status "rw" 32 "$SHALE" mount -o rw "$clean" "$work/mnt"
says "rw" "ntfs is not a format that shale writes"
status "put" 2 "$SHALE" put "$clean:/" "$work/info"
says "put" "Shale reads ntfs, but does not write it"

# Boot sectors.
patched boot
status "no boot sector" 2 "$SHALE" ls "$image"
says "no boot sector" "try -t ntfs"
status "its copy" 0 "$SHALE" ls -t ntfs "$image"
check "its copy" grep -q '^sizes$' "$work/out"
json "its copy: info" '.volume.details.boot_sector' backup \
    "$SHALE" info --json -q -t ntfs "$image"
patched boots
status "neither" 2 "$SHALE" ls -t ntfs "$image"
says "neither" "options mft and cluster can say where"
read -r mft cluster < <(python3 "$ntfs/patch.py" "$clean" geometry)
status "by hand" 0 "$SHALE" ls -o "mft=$mft,cluster=$cluster" "$image"
check "by hand" grep -q '^sizes$' "$work/out"
json "by hand: info" '.volume.details | [.boot_sector, .mirror_cluster] | @csv' \
    '"none, by options",' "$SHALE" info --json -q \
    -o "mft=$mft,cluster=$cluster" "$image"

# Relatives, with a partition table and without.
for oem in -FVE-FS- ReFS 'EXFAT   '; do
    case $oem in
    -*) type=BitLocker ;;
    R*) type=ReFS ;;
    *) type=exfat ;;
    esac
    patched oem "$oem"
    status "$type" 2 "$SHALE" ls "$image"
    says "$type" "$type"
    status "$type: -t ntfs" 2 "$SHALE" ls -t ntfs "$image"
    says "$type: -t ntfs" "volume"
    status "$type: info" 2 "$SHALE" info "$image"
    says "$type: info" "looks like $type"
    expect "$type: info --json" "$type" \
        "$("$SHALE" info --json "$image" 2>/dev/null | jq -r .content)"
done
finish
