#!/usr/bin/env python3
"""patch.py - change a volume in ways that its own programs do not

    patch.py IMAGE flags NUMBER         $Volume's flags, and their copy
    patch.py IMAGE log WHAT [WHAT]      $LogFile's restart pages; one of clean,
                                        open, nobody, cached, chkdsk, junk,
                                        zeros, ones
    patch.py IMAGE oem NAME             who formatted it, in the boot sector
    patch.py IMAGE sequence RECORD NUMBER       a record's sequence number
    patch.py IMAGE boot                 no boot sector at the start
    patch.py IMAGE boots                ... nor its copy at the end
    patch.py IMAGE geometry             print MFT cluster and cluster size
"""
import struct
import sys


class Volume:
    def __init__(self, path):
        self.file = open(path, "r+b")
        boot = self.read(0, 512)
        sector, = struct.unpack_from("<H", boot, 11)
        self.cluster = sector * boot[13]
        self.sectors, self.mft, self.mirror = struct.unpack_from("<3Q", boot,
                                                                 40)
        self.size = self.sectors * sector
        self.record = 1 << (256 - boot[64]) if boot[64] > 127 \
            else boot[64] * self.cluster

    def read(self, at, size):
        self.file.seek(at)
        return self.file.read(size)

    def write(self, at, data):
        self.file.seek(at)
        self.file.write(data)

    def places(self, number):
        """Where record NUMBER of the first four is: in $MFT, and its copy."""
        return [lcn * self.cluster + number * self.record
                for lcn in (self.mft, self.mirror)]

    def attr(self, at, wanted):
        """The offset in the record at AT of its first attribute WANTED."""
        record = self.read(at, self.record)
        offset, = struct.unpack_from("<H", record, 20)
        while struct.unpack_from("<I", record, offset)[0] != wanted:
            offset += struct.unpack_from("<I", record, offset + 4)[0]
        return record, offset


def flags(volume, value):
    for at in volume.places(3):
        record, offset = volume.attr(at, 0x70)
        value_at, = struct.unpack_from("<H", record, offset + 20)
        volume.write(at + offset + value_at + 10,
                     struct.pack("<H", int(value, 0)))


def restart(what):
    if what in ("junk", "zeros", "ones"):
        return {"junk": b"junk", "zeros": bytes(4),
                "ones": b"\xff" * 4}[what] * 1024
    page = bytearray(4096)
    major, closed, client = {
        "clean": (1, 2, 0), "open": (1, 0, 0), "nobody": (1, 0, 0xffff),
        "cached": (2, 2, 0), "chkdsk": (1, 2, 0xffff)}[what]
    struct.pack_into("<4sHHQIIHHH", page, 0,
                     b"CHKD" if what == "chkdsk" else b"RSTR", 30, 9, 0, 4096,
                     4096, 0x30, 1 if major == 1 else 0, major)
    struct.pack_into("<QHHHHI", page, 0x30, 0x100000 + (what == "open"), 1,
                     0xffff if client == 0 else 0, client, closed, 45)
    struct.pack_into("<H", page, 30, 1)
    for i in range(8):
        struct.pack_into("<H", page, 512 * i + 510, 1)
    return bytes(page)


def log(volume, first, second=None):
    record, offset = volume.attr(volume.places(2)[0], 0x80)
    runs, = struct.unpack_from("<H", record, offset + 32)
    head = record[offset + runs]
    at = offset + runs + 1 + (head & 15)
    lcn = int.from_bytes(record[at:at + (head >> 4)], "little")
    volume.write(lcn * volume.cluster, restart(first) +
                 restart(second or first))


def oem(volume, name):
    volume.write(3, name.encode().ljust(8, b"\0"))


def sequence(volume, record, number):
    volume.write(volume.mft * volume.cluster + int(record) * volume.record + 16,
                 struct.pack("<H", int(number)))


def boot(volume):
    volume.write(0, bytes(512))


def boots(volume):
    boot(volume)
    volume.write(volume.size, bytes(512))


def geometry(volume):
    print(volume.mft, volume.cluster)


def main():
    globals()[sys.argv[2]](Volume(sys.argv[1]), *sys.argv[3:])


main()
