#!/usr/bin/env python3
"""fill.py - files of every kind for a volume that ntfs-3g has mounted

    fill.py DIR PART...

The same calls make the same files: what a test compares with is another
driver's view of them. The parts are the functions below.
"""
import os
import random
import socket
import stat
import struct
import sys

EPOCH = 11644473600             # seconds from 1601 to 1970


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


def text(size, seed=0):
    """What compresses about as a source text does."""
    dice = random.Random(seed)
    words = [b"%05x" % dice.getrandbits(20) for _ in range(200)]
    out = bytearray()
    while len(out) < size:
        out += dice.choice(words) + b" "
    return bytes(out[:size])


def noise(size, seed=0):
    return random.Random(seed).randbytes(size)


def set_attr(path, name, value):
    os.setxattr(path, "system.ntfs_" + name, value, follow_symlinks=False)


# ------------------------------------------------------------------- names

def names(top):
    os.makedirs(top + b"/names/empty")
    at = top + b"/names/"
    for name in ["a", "UPPER", "mixedCase.Txt", "with space", " leading",
                 "trailing ", "trailing.", "tab\there", "new\nline",
                 "Grüße aus Köln", "Привет мир", "日本語のファイル名.txt",
                 "ﬀﬁﬂ", "ıİßẞ", "\U0001f600 emoji", "a:b", "q?*<>|\"",
                 "back\\slash", "$dollar", "CON", "aux.h", ".hidden", "..x",
                 "x" * 255, "\U0001f600" * 127, "é" * 127]:
        put(at + name.encode(), name.encode())
    put(at + b"lone \xed\xa0\x80 half", b"half of a pair")
    # Collation is by upper case: these interleave.
    for letter in "bCdEfGhIjK":
        put(at + b"case-" + letter.encode(), b"")
    os.makedirs(top + b"/deep" + b"/level of a tree" * 12)
    put(top + b"/deep" + b"/level of a tree" * 12 + b"/bottom", b"bottom\n")


def many(top):
    """A directory of more blocks than one, with holes in them."""
    os.mkdir(top + b"/many")
    for i in range(300):
        put(top + b"/many/file number %d of many" % i, b"%d\n" % i)
    for i in range(0, 300, 3):
        os.unlink(top + b"/many/file number %d of many" % i)
    for i in range(0, 300, 9):
        put(top + b"/many/another %d" % i, b"")


# -------------------------------------------------------------------- data

def sizes(top):
    os.mkdir(top + b"/sizes")
    for size in [0, 1, 2, 7, 8, 100, 500, 600, 650, 700, 750, 800, 1000, 1024,
                 4095, 4096, 4097, 65535, 65536, 65537, 100001, 300000]:
        put(top + b"/sizes/%d" % size, noise(size, size))
    # Two that grow in turns have many runs.
    with open(top + b"/sizes/turn1", "wb", 0) as one, \
            open(top + b"/sizes/turn2", "wb", 0) as two:
        for i in range(60):
            one.write(text(5000, i))
            two.write(text(5000, 100 + i))


def holes(top):
    os.mkdir(top + b"/holes")
    with open(top + b"/holes/all", "wb") as file:
        file.truncate(1000000)
    with open(top + b"/holes/some", "wb") as file:
        for at in (0, 300000, 1000000, 5000000000):
            file.seek(at)
            file.write(noise(5000, at & 0xffff))
    with open(top + b"/holes/end", "wb") as file:
        file.write(b"begin")
        file.truncate(777777)


def compressed(top):
    """Directories whose files ntfs-3g compresses, if clusters allow it."""
    at = top + b"/compressed/"
    os.mkdir(at)
    set_attr(at, "attrib", struct.pack("<I", 0x810))
    for size in [0, 100, 600, 4096, 65535, 65536, 65537, 200000, 1000001]:
        put(at + b"text%d" % size, text(size, size))
    put(at + b"zeros", bytes(300000))
    put(at + b"noise", noise(300000))
    put(at + b"mixed", text(70000) + noise(70000) + bytes(70000) +
        text(70000, 3))
    with open(at + b"holes", "wb") as file:
        file.write(text(70000))
        file.seek(400000)
        file.write(text(70000, 1))
    with open(at + b"appended", "wb", 0) as file:
        for i in range(40):
            file.write(text(3333, i))


# -------------------------------------------------------------- attributes

def links(top):
    os.makedirs(top + b"/links/below")
    put(top + b"/links/one", b"linked")
    for i in range(20):
        os.link(top + b"/links/one", top + b"/links/below/name %d" % i)
    os.link(top + b"/links/one", top + b"/links/in the same directory")


def special(top):
    """What ntfs-3g makes of what Windows does not have."""
    at = top + b"/special/"
    os.mkdir(at)
    os.mkfifo(at + b"fifo")
    os.mknod(at + b"null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(at + b"disk", stat.S_IFBLK | 0o660, os.makedev(259, 70000))
    os.symlink(b"../links/one", at + b"link")
    os.symlink(b"nowhere/at/all", at + b"dangling")
    os.symlink("Grüße".encode(), at + b"umlaut")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(at + b"socket")


def times(top):
    os.mkdir(top + b"/times")
    for i, at in enumerate([0, 1, 999999999, 2147483647, 2147483648,
                            4294967296, 15000000000]):
        path = top + b"/times/%d" % i
        put(path, b"")
        os.utime(path, ns=(at * 10**9 + 123456700, at * 10**9 + 987654300))
    path = top + b"/times/raw"
    put(path, b"")
    set_attr(path, "times", struct.pack("<4Q", *[
        (EPOCH + 10**9 + i) * 10**7 + 1234567 for i in range(4)]))


def streams(top):
    os.mkdir(top + b"/streams")
    file, folder = top + b"/streams/file", top + b"/streams/folder"
    put(file, b"unnamed")
    os.mkdir(folder)
    put(top + b"/streams/empty", b"")
    for path in (file, folder, top + b"/streams/empty"):
        for name in ["a", "B", "dotted.name", "with space", "ü", "empty",
                     "Zone.Identifier"]:
            value = b"" if name == "empty" else name.encode() * 9
            os.setxattr(path, "user." + name, value)
    for size in (1000, 5000, 60000, 65536):
        os.setxattr(file, "user.size%d" % size, noise(size, size))
    # So many that the attributes need records of their own, and a list.
    put(top + b"/streams/many", text(20000))
    for i in range(150):
        os.setxattr(top + b"/streams/many", "user.stream %d" % i,
                    b"value %d " % i * (i % 40))


def flags(top):
    os.mkdir(top + b"/flags")
    for value in (0x1, 0x2, 0x20, 0x27, 0x80, 0x100, 0x1000, 0x2000):
        path = top + b"/flags/%x" % value
        put(path, b"flags")
        set_attr(path, "attrib", struct.pack("<I", value))
    os.mkdir(top + b"/flags/hidden dir")
    put(top + b"/flags/hidden dir/inside", b"")
    set_attr(top + b"/flags/hidden dir", "attrib", struct.pack("<I", 0x12))


def dos_names(top):
    at = top + b"/dos names/"
    os.mkdir(at)
    put(at + b"A long file name.text", b"long")
    set_attr(at + b"A long file name.text", "dos_name", b"ALONGF~1.TEX")
    os.mkdir(at + b"A long directory name")
    put(at + b"A long directory name/inside", b"inside")
    set_attr(at + b"A long directory name", "dos_name", b"ALONGD~1")
    put(at + b"short.txt", b"short")
    set_attr(at + b"short.txt", "dos_name", b"SHORT.TXT")
    put(at + b"linked and long.text", b"both")
    set_attr(at + b"linked and long.text", "dos_name", b"LINKED~1.TEX")
    os.link(at + b"linked and long.text", top + b"/another name of it")


def object_ids(top):
    put(top + b"/object 16", b"")
    set_attr(top + b"/object 16", "object_id", bytes(range(16)))
    put(top + b"/object 64", b"")
    set_attr(top + b"/object 64", "object_id", bytes(range(64, 128)))


def reparse(tag, data):
    return struct.pack("<IHH", tag, len(data), 0) + data


def symlink(target, how):
    name = target.encode("utf-16le")
    return reparse(0xa000000c, struct.pack("<HHHHI", 0, len(name), len(name),
                                           len(name), how) + name + name)


def junction(target):
    name = target.encode("utf-16le")
    return reparse(0xa0000003, struct.pack("<HHHH", 0, len(name),
                                           len(name) + 2, len(name)) +
                   name + b"\0\0" + name + b"\0\0")


def reparse_points(top):
    at = top + b"/reparse/"
    os.makedirs(at + b"target/below")
    put(at + b"target/file", b"reached")
    for name, tag in [("relative", symlink("target\\file", 1)),
                      ("up", symlink("..\\reparse\\target\\file", 1)),
                      ("rooted", symlink("\\reparse\\target\\file", 1)),
                      ("absolute",
                       symlink("\\??\\C:\\reparse\\target\\file", 0))]:
        put(at + name.encode(), b"")
        set_attr(at + name.encode(), "reparse_data", tag)
    for name, tag in [("relative dir", symlink("target", 1)),
                      ("absolute dir", symlink("\\??\\C:\\reparse\\target", 0)),
                      ("junction", junction("\\??\\C:\\reparse\\target"))]:
        os.mkdir(at + name.encode())
        set_attr(at + name.encode(), "reparse_data", tag)
    # The kernel would take it for what it was for a second.
    put(at + b"wsl link", b"")
    set_attr(at + b"wsl link", "reparse_data",
             reparse(0xa000001d, struct.pack("<I", 2) + b"target/file"))


def unknown_tags(top):
    """What ntfs-3g shows as symlinks that say that they are unsupported."""
    at = top + b"/unknown/"
    os.mkdir(at)
    for tag in (0x9000001a, 0x80000013, 0x80000021, 0x8000001b, 0x00001234):
        put(at + b"%08x" % tag, b"what it has")
        guid = b"" if tag & 0x80000000 else bytes(range(16))
        value = struct.pack("<IHH", tag, 8, 0) + guid + b"whatever"
        set_attr(at + b"%08x" % tag, "reparse_data", value)


def wsl_special(top):
    """With the mount option special_files=wsl."""
    at = top + b"/wsl/"
    os.mkdir(at)
    os.mkfifo(at + b"fifo", 0o640)
    os.mknod(at + b"null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.mknod(at + b"disk", stat.S_IFBLK | 0o660, os.makedev(8, 17))
    os.symlink(b"../names/a", at + b"link")


def ea(*pairs):
    out = b""
    for name, value in pairs:
        entry = struct.pack("<BBH", 0, len(name), len(value)) + name + b"\0" + \
            value
        size = (len(entry) + 4 + 3) // 4 * 4
        out += struct.pack("<I", size) + entry + bytes(size - 4 - len(entry))
    return out


def eas(top):
    """Owner and mode as the Linux of Windows keeps them."""
    at = top + b"/eas/"
    os.mkdir(at)
    for name, mode in [(b"plain", 0o100640), (b"setuid", 0o104755)]:
        put(at + name, name)
        set_attr(at + name, "ea", ea(
            (b"$LXUID", struct.pack("<I", 1000)),
            (b"$LXGID", struct.pack("<I", 1001)),
            (b"$LXMOD", struct.pack("<I", mode))))
    put(at + b"other", b"")
    set_attr(at + b"other", "ea", ea((b"SOMETHING", b"else"),
                                     (b"MORE", b"of it")))


def owners(top):
    """With the mount option permissions."""
    at = top + b"/owners/"
    os.mkdir(at)
    for i, mode in enumerate([0o0, 0o400, 0o644, 0o755, 0o777, 0o4755, 0o2755,
                              0o1777, 0o640, 0o123]):
        path = at + b"%04o" % mode
        put(path, b"")
        os.chown(path, (0, 1000, 12345)[i % 3], (0, 100, 54321)[i // 3 % 3])
        os.chmod(path, mode)
        os.mkdir(path + b" dir")
        os.chown(path + b" dir", 1000 + i, 100 + i)
        os.chmod(path + b" dir", mode)


def gone(top):
    """Files that are deleted again."""
    os.mkdir(top + b"/gone")
    for name, data in [(b"small", b"resident and gone"),
                       (b"large", text(50000, 7)), (b"empty", b"")]:
        put(top + b"/gone/" + name, data)
    os.sync()
    for name in (b"small", b"large", b"empty"):
        os.unlink(top + b"/gone/" + name)


# ------------------------------------------- images/make/ntfs-small.sh

def lines(size):
    """What packs well, with no two sectors alike."""
    return b"".join(b"%-63d\n" % i for i in range(size // 64 + 1))[:size]


def golden(top):
    """One of everything, small."""
    put(top + b"/hello", b"Hello from NTFS.\n")
    os.makedirs(top + b"/dir/below/it")
    put(top + b"/dir/below/it/end", b"")
    for size in (0, 1, 511, 512, 513, 700, 5000, 20000):
        put(top + b"/dir/%d" % size, lines(size))
    os.link(top + b"/hello", top + b"/dir/again")
    with open(top + b"/holes", "wb") as file:
        file.seek(30000)
        file.write(lines(3000))
        file.truncate(90000)
    os.mkdir(top + b"/many")
    for i in range(60):
        put(top + b"/many/a file among many %d" % i, b"%d" % i)
    for i in range(0, 60, 4):
        os.unlink(top + b"/many/a file among many %d" % i)
    os.mkdir(top + b"/packed")
    set_attr(top + b"/packed", "attrib", struct.pack("<I", 0x810))
    put(top + b"/packed/text", lines(30000))
    put(top + b"/packed/noise and text", noise(3000, 3) + lines(15000))
    put(top + b"/streams", b"unnamed")
    os.setxattr(top + b"/streams", "user.small", b"small stream")
    os.setxattr(top + b"/streams", "user.large", lines(3000))
    put(top + b"/list", lines(3000))
    for i in range(30):
        os.setxattr(top + b"/list", "user.stream %d" % i, b"value %d" % i)
    put(top + b"/A long file name.text", b"long")
    set_attr(top + b"/A long file name.text", "dos_name", b"ALONGF~1.TEX")
    set_attr(top + b"/A long file name.text", "object_id", bytes(range(16)))
    put(top + b"/relative", b"")
    set_attr(top + b"/relative", "reparse_data", symlink("dir\\5000", 1))
    os.mkdir(top + b"/junction")
    set_attr(top + b"/junction", "reparse_data",
             junction("\\??\\C:\\dir\\below"))
    os.symlink(b"dir/below", top + b"/interix")
    os.mkfifo(top + b"/fifo")
    put(top + "/Grüße ☃".encode(), b"unicode")
    put(top + b"/eas", b"")
    set_attr(top + b"/eas", "ea", ea(
        (b"$LXUID", struct.pack("<I", 1000)),
        (b"$LXGID", struct.pack("<I", 1001)),
        (b"$LXMOD", struct.pack("<I", 0o100640))))


def golden_wsl(top):
    os.mkfifo(top + b"/wsl fifo", 0o640)
    os.mknod(top + b"/wsl null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    os.symlink(b"hello", top + b"/wsl link")


def golden_owners(top):
    put(top + b"/owned", b"")
    os.chown(top + b"/owned", 1000, 100)
    os.chmod(top + b"/owned", 0o640)
    put(top + b"/dir/gone", lines(4000))
    put(top + b"/dir/resident and gone", b"gone")
    os.sync()
    os.unlink(top + b"/dir/gone")
    os.unlink(top + b"/dir/resident and gone")


def main():
    top = os.fsencode(sys.argv[1])
    for part in sys.argv[2:]:
        globals()[part](top)


main()
