#!/usr/bin/env bash
# meta.sh - extended attributes, descriptors and links, beside ntfs-3g
#
# getfattr has to say the same of both mounts, byte for byte: of streams of
# every size and kind, of descriptors so many that $Secure's index has levels
# and its data a second pair of copies, of EAs. Lists of access made at random
# have to come to the same modes. Links have to lead to the same
# files from wherever they are, and from wherever the volume is mounted.
# shellcheck source=../support/lib.sh
. "$(dirname "$0")/../support/lib.sh"
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=../tools/common.sh
. "$(dirname "$0")/../tools/common.sh"

need_ntfs
have getfattr || skip_all "needs getfattr (attr)"
image=$work/image
unlisted=(attrib attrib_be times times_be crtime crtime_be acl reparse_data
    object_id dos_name efsinfo ea)

# attributes DIR OUT: all that getfattr says of all below DIR, and errors.
attributes()
{
    local dir=$1 out=$2 at

    (
        cd "$dir" || exit
        find . -mindepth 1 | sort | while read -r at; do
            getfattr -h -d -m - -e hex "$at" || true
        done
        for at in "${unlisted[@]}"; do
            find . -mindepth 1 -print0 | sort -z |
                xargs -0 getfattr -h -e hex -n "system.ntfs_$at" || true
        done
    ) >"$out" 2>&1
}

# owners DIR OUT: who owns what below DIR, and may what.
owners()
{
    (cd "$1" && find . -printf '%p %M %U:%G\n' | sort) >"$2"
}

# compare WHAT OPTIONS FUNCTION: by both mounts.
compare()
{
    local what=$1 options=$2 function=$3

    mount_3g "$image" "$work/3g" "ro,$options" || return 0
    "$function" "$work/3g" "$work/want"
    unmount_3g "$work/3g"
    if mount_shale "$image" "$work/ours" -o "ro,$options"; then
        "$function" "$work/ours" "$work/got"
        unmount "$work/ours"
        same "$what" "$work/want" "$work/got"
        [ -s "$work/want" ] || fail "$what: nothing"
    else
        fail "$what: mount -o $options"
    fi
}

# ---------------------------------------------------------------- attributes

make_ntfs "$image" 128M || finish
mount_3g "$image" "$work/fill" rw,streams_interface=xattr,compression
cat >"$work/streams.py" <<'END'
import os, struct, sys

top = sys.argv[1]
packed = top + "/packed"
os.mkdir(packed)
os.setxattr(packed, "system.ntfs_attrib", struct.pack("<I", 0x810))


def noise(size, seed=1):
    out = bytearray()
    while len(out) < size:
        seed = seed * 1103515245 + 12345 & 0xffffffff
        out.append(seed >> 16 & 0xff)
    return bytes(out)


def text(size):
    return (b"the quick brown fox " * (size // 20 + 1))[:size]


for folder in (top, packed):
    for number, size in enumerate((0, 1, 100, 700, 4095, 4096, 4097, 20000,
                                   65535, 65536)):
        path = "%s/stream %d" % (folder, number)
        open(path, "w").close()
        os.setxattr(path, "user.noise", noise(size, number + 1))
        os.setxattr(path, "user.text", text(size))
        os.setxattr(path, "user.zeros", bytes(size))
many = top + "/many"
open(many, "w").close()
for number in range(60):
    os.setxattr(many, "user.stream number %d" % number, text(number * 40))
os.setxattr(many, "security.own", b"of another name space")
os.setxattr(many, "trusted.own", b"of another name space")


def ea(*pairs):
    out = b""
    for name, value in pairs:
        one = struct.pack("<BBH", 0, len(name), len(value)) + name + b"\0" + \
            value
        one += bytes(-len(one) % 4)
        out += struct.pack("<I", 4 + len(one)) + one
    return out


for number, value in enumerate((
        ea((b"A", b"1")), ea((b"A", b""), (b"BB", b"22")),
        ea((b"N" * 254, b"v" * 300)),
        ea(*[(b"EA%03d" % i, b"%d" % i * i) for i in range(100)]))):
    path = "%s/ea %d" % (top, number)
    open(path, "w").close()
    os.setxattr(path, "system.ntfs_ea", value)
for number in range(40):
    path = "%s/id %d" % (top, number)
    open(path, "w").close()
    os.setxattr(path, "system.ntfs_object_id",
                struct.pack("<II", number * 77 % 41, number) +
                noise(8 if number % 2 else 56, number + 3))
END
python3 "$work/streams.py" "$work/fill" || fail "streams.py"
unmount_3g "$work/fill"
compare "attributes" "" attributes

# What is encrypted, which only efs_raw shows.
mount_3g "$image" "$work/fill" rw,efs_raw
cat >"$work/efs.py" <<'END'
import os, struct, sys

path = sys.argv[1] + "/encrypted"
with open(path, "wb") as file:
    file.write(bytes(1024) + b"\x18\0")
os.setxattr(path, "system.ntfs_efsinfo",
            struct.pack("<I", 0x60) + bytes(0x5c))
END
python3 "$work/efs.py" "$work/fill" || fail "efs.py"
unmount_3g "$work/fill"
compare "attributes, raw" efs_raw attributes

# --------------------------------------------------------------- descriptors

make_ntfs "$image" 128M || finish
mount_3g "$image" "$work/fill" rw,permissions
count=2700
is_quick && count=300
cat >"$work/owners.py" <<'END'
import os, sys

top, count = sys.argv[1], int(sys.argv[2])
for number in range(count):
    path = "%s/%04d" % (top, number)
    open(path, "w").close()
    os.chown(path, 1000 + number, 5000 + number * 3)
    os.chmod(path, number * 13 & 0o7777)
for mode in range(0o1000):
    path = "%s/root's %03o" % (top, mode)
    open(path, "w").close()
    os.chmod(path, mode)
END
python3 "$work/owners.py" "$work/fill" "$count" || fail "owners.py"
unmount_3g "$work/fill"
compare "owners" permissions owners
compare "descriptors" "" attributes
cat >"$work/mapping" <<'END'
# An account of its own; the base that ntfs-3g writes by, but ten ids on; and
# what comes too late.
7:8:S-1-5-21-3141592653-589793238-462843383-12100
::S-1-5-21-3141592653-589793238-462843383-10020
9:9:S-1-5-21-3141592653-589793238-462843383-12200
END
compare "mapped owners" "usermapping=$work/mapping" owners
mount_3g "$image" "$work/fill" rw
mkdir "$work/fill/.NTFS-3G"
cp "$work/mapping" "$work/fill/.NTFS-3G/UserMapping"
unmount_3g "$work/fill"
compare "owners by the volume's mapping" permissions owners
compare "owners by the volume's mapping, by itself" "" owners

# Lists of access of all kinds: owner, group and mode by rights.c.
make_ntfs "$image" 128M || finish
mount_3g "$image" "$work/fill" rw
count=1500
is_quick && count=500
cat >"$work/lists.py" <<'END'
import os, random, struct, sys

top, count = sys.argv[1], int(sys.argv[2])
dice = random.Random(3)
user, group, both = ("S-1-5-21-1-2-3-%d" % n for n in (1000, 1001, 1010))
admin, system = "S-1-5-32-544", "S-1-5-18"
others = ["S-1-1-0", "S-1-5-11", "S-1-5-32-545"]


def sid(text):
    parts = [int(part) for part in text.split("-")[2:]]
    return struct.pack(">BBHI", 1, len(parts) - 1, 0, parts[0]) + \
        struct.pack("<%dI" % (len(parts) - 1), *parts[1:])


def entry(who):
    rights = sum(dice.choice((0, part)) for part in (1, 6, 0x20)) | \
        dice.choice((0x120088, 0x100008, 0))
    denies = dice.random() < 0.25
    if not denies and dice.random() < 0.3:
        rights |= 0x80000
    who = sid(dice.choice(who))
    return struct.pack("<BBHI", denies, dice.choice((0, 0, 0, 16, 8)),
                       8 + len(who), rights) + who


for number in range(count):
    owner = dice.choice((user, user, both, admin, system))
    its = dice.choice((group, group, both, admin, system, owner))
    who = dice.choice(([owner, its] + others, [owner, its, others[0]],
                       [user, group, both, admin, system] + others))
    entries = [entry(who) for _ in range(dice.randint(1, 5))]
    acl = struct.pack("<BBHHH", 2, 0, 8 + sum(map(len, entries)),
                      len(entries), 0) + b"".join(entries)
    at = 20 + len(acl)
    value = struct.pack("<BBHIIII", 1, 0, 0x8004, at, at + len(sid(owner)), 0,
                        20) + acl + sid(owner) + sid(its)
    path = "%s/%04d" % (top, number)
    open(path, "w").close()
    os.setxattr(path, "system.ntfs_acl", value)
END
python3 "$work/lists.py" "$work/fill" "$count" || fail "lists.py"
unmount_3g "$work/fill"
printf '%s\n' 1000::S-1-5-21-1-2-3-1000 :1001:S-1-5-21-1-2-3-1001 \
    1010:1010:S-1-5-21-1-2-3-1010 >"$work/mapping"
compare "lists of access" "usermapping=$work/mapping" owners

# --------------------------------------------------------------------- links

make_ntfs "$image" 32M || finish
mount_3g "$image" "$work/fill" rw
cat >"$work/links.py" <<'END'
import os, struct, sys

top = sys.argv[1]


def reparse(tag, data):
    return struct.pack("<IHH", tag, len(data), 0) + data


def symlink(name, how):
    name = name.encode("utf-16le")
    return reparse(0xa000000c, struct.pack("<HHHHI", 0, len(name), len(name),
                                           len(name), how) + name + name)


def junction(name):
    name = name.encode("utf-16le")
    size = len(name)
    return reparse(0xa0000003, struct.pack("<HHHH", 0, size, size + 2, size) +
                   name + b"\0\0" + name + b"\0\0")


def make(path, value, folder):
    if folder:
        os.mkdir(path)
    else:
        open(path, "w").close()
    os.setxattr(path, "system.ntfs_reparse_data", value)


os.makedirs(top + "/here/and/there")
os.makedirs(top + "/goal/below")
for path in ("/goal/file", "/goal/below/file", "/file"):
    with open(top + path, "w") as file:
        file.write(path)
for number, folder in enumerate(("", "/here", "/here/and",
                                 "/here/and/there")):
    at = top + folder
    up = "..\\" * number
    make(at + "/relative", symlink(up + "goal\\file", 1), False)
    make(at + "/relative dir", symlink(up + "goal\\below", 1), True)
    make(at + "/rooted", symlink("\\goal\\below\\file", 1), False)
    make(at + "/letter", symlink("\\??\\C:\\goal\\file", 0), False)
    make(at + "/letter dir", symlink("\\??\\X:\\goal", 0), True)
    make(at + "/junction", junction("\\??\\C:\\goal\\below"), True)
    make(at + "/junction to the end", junction("\\??\\C:\\goal\\"), True)
    make(at + "/through", symlink("\\??\\C:\\junction\\file", 0), False)
    make(at + "/elsewhere", junction("\\??\\D:\\other volume\\x"), True)
    make(at + "/volume", junction("\\??\\Volume{6ba7b810-9dad}\\"), True)
END
python3 "$work/links.py" "$work/fill" || fail "links.py"
unmount_3g "$work/fill"

# ends DIR OUT: where each link ends, from the root of the mount on, and what
# can be read there.
ends()
{
    local dir=$1 out=$2 at top end

    top=$(realpath "$dir")
    find "$dir" -type l | sort | while read -r at; do
        end=$(realpath -m "$at")
        printf '%s: %s\n' "${at#"$dir"}" "${end#"$top"}"
        if [ -f "$at" ]; then cat "$at"; echo; fi
    done >"$out"
}

compare "links" "" ends
mkdir -p "$work/deeper/down"
mount_shale "$image" "$work/deeper/down" -o ro
expect "link from elsewhere" /goal/file \
    "$(cat "$work/deeper/down/here/and/letter")"
expect "link's text" ../../goal/file \
    "$(readlink "$work/deeper/down/here/and/letter")"
expect "link to another volume" "../.NTFS-3G/D:/other volume/x" \
    "$(readlink "$work/deeper/down/here/elsewhere")"
unmount "$work/deeper/down"
finish
