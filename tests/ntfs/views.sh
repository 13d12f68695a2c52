#!/usr/bin/env bash
# views.sh - the same NTFS volume by different mount options, beside ntfs-3g
#
# Streams as attributes, as names, and not at all; system files and hidden ones
# shown and not; owners and modes by option and by descriptor; links, devices
# and fifos of three kinds; encrypted files raw.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../tools/common.sh
. "$(dirname "$0")/../tools/common.sh"

need_ntfs
image=$work/image
make_ntfs "$image" 32M -L views || finish
fill "$image" "streams_interface=xattr" names streams flags dos_names \
    reparse_points object_ids links special times
fill "$image" "special_files=wsl" wsl_special
fill "$image" "permissions" owners

same_view "streams as attributes" "$image" "streams_interface=xattr"
same_view "no streams" "$image" "streams_interface=none"
# There ntfs-3g finds no file with a colon in its own name; we look for that
# first.
differ='^\/names\/a:b\t'
same_view "streams by name" "$image" "streams_interface=windows"
differ='^$'
same_view "system files" "$image" "show_sys_files"
same_view "no hidden files" "$image" "hide_hid_files"
same_view "no hidden files, system files" "$image" \
    "hide_hid_files,show_sys_files"
same_view "uid, gid" "$image" "uid=1000,gid=100"
same_view "umask" "$image" "umask=027"
same_view "fmask, dmask" "$image" "fmask=0133,dmask=022"
same_view "umask, then fmask" "$image" "umask=077,fmask=0177"
same_view "fmask, then umask" "$image" "fmask=0177,umask=077"
same_view "permissions" "$image" "permissions"

# By name, what no listing shows.
mount_3g "$image" "$work/3g" "ro,streams_interface=windows"
mount_shale "$image" "$work/ours" -o ro,streams_interface=windows
for path in streams/file:a streams/file:size60000 streams/folder:B \
    streams/file:ü "streams/file:with space" streams/empty:empty streams/file: \
    streams/folder: 'dos names/ALONGF~1.TEX' streams/file:nothing; do
    for at in 3g ours; do
        {
            stat -c '%F %s %a %Y' "$work/$at/$path" &&
                { [ -d "$work/$at/$path" ] || cat "$work/$at/$path"; }
        } >"$work/$at.out" 2>/dev/null || echo none >"$work/$at.out"
    done
    same "by name: $path" "$work/3g.out" "$work/ours.out"
done
unmount "$work/ours"
unmount_3g "$work/3g"

# Not as ntfs-3g: names are found in any case of letters, unless told.
mount_shale "$image" "$work/ours" -o ro
check "other case" test -e "$work/ours/NAMES/upper"
check "other case, beyond ASCII" test -e "$work/ours/names/GRÜSSE AUS KÖLN" \
    -o -e "$work/ours/names/GRÜßE AUS KÖLN"
check "DOS name, other case" test -e "$work/ours/dos names/alongf~1.tex"
unmount "$work/ours"
mount_shale "$image" "$work/ours" -o ro,case_sensitive
check "case_sensitive" test ! -e "$work/ours/NAMES"
check "case_sensitive: exact" test -e "$work/ours/names/UPPER"
unmount "$work/ours"

# Owners and modes as WSL keeps them, which ntfs-3g does not look at.
fill "$image" "streams_interface=xattr" eas
expect "\$LXUID, \$LXGID, \$LXMOD" "104755 1000 1001" \
    "$("$SHALE" stat --json "$image:/eas/setuid" |
        jq -r '.[0] | "10\(.mode) \(.uid) \(.gid)"')"
expect "no EAs of WSL" "100777" \
    "$("$SHALE" stat --json "$image:/eas/other" | jq -r '"10\(.[0].mode)"')"

# What nobody knows stays visible, with its data.
fill "$image" "streams_interface=xattr" unknown_tags
for tag in 9000001a 80000013 80000021 8000001b 00001234; do
    value=$("$SHALE" stat --json "$image:/unknown/$tag" |
        jq -r '.[0].ntfs.reparse_tag' || true)
    expect "tag $tag" "$((16#$tag))" "$value"
done
status "cat of a deduplicated file" 1 "$SHALE" cat "$image:/unknown/80000013"
says "cat of a deduplicated file" "dedup"

# A mapping of users, ours in a file of this machine.
cat >"$work/mapping" <<'END'
# uid:gid:SID
7777::S-1-5-21-1-2-3-1001
:77:S-1-5-21-1-2-3-1002
::S-1-5-21-3141592653-589793238-462843383-10000
END
mount_3g "$image" "$work/3g" "ro,usermapping=$work/mapping"
python3 "$ntfs/view.py" "$work/3g" >"$work/want3"
unmount_3g "$work/3g"
if mount_shale "$image" "$work/ours" -o "ro,usermapping=$work/mapping"; then
    python3 "$ntfs/view.py" "$work/ours" >"$work/got3"
    unmount "$work/ours"
    for which in want3 got3; do
        grep '^/owners' "$work/$which" | cut -f 1,2 >"$work/$which.owners"
    done
    same "usermapping" "$work/want3.owners" "$work/got3.owners"
else
    fail "usermapping"
fi
status "usermapping of nothing" 32 "$SHALE" mount "$image" "$work/ours" \
    -o "ro,usermapping=$work/missing"
says "usermapping of nothing" "$work/missing: No such file"
status "usermapping of a directory" 2 "$SHALE" ls \
    -o "usermapping=$work/ours" "$image"
says "usermapping of a directory" "$work/ours: Is a directory"
finish
