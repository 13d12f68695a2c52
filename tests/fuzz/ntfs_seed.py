#!/usr/bin/env python3
"""ntfs_seed.py - an image of NTFS as an input for fuzz_ntfs.c

    ntfs_seed.py IMAGE OPTIONS OUT [MAX]

Keeps the sectors that are not all the same byte, but for the table of upper
case, which the driver can do without. OPTIONS is the number of a set of mount
options there. Nothing is written if the input would be longer than MAX bytes,
or the image than the fuzzer's device.
"""
import struct
import sys

SECTOR = 512
DEVICE = 8 << 20
UPCASE = struct.pack("<64H", *range(64))


def pieces_of(image):
    """[(sector, bytes), ...]; a small gap is not worth a piece."""
    table = image.find(UPCASE)
    while table >= 0 and table % SECTOR:
        table = image.find(UPCASE, table + 1)
    pieces = []
    for at in range(0, len(image), SECTOR):
        sector = image[at:at + SECTOR]
        if sector.count(sector[:1]) == len(sector):
            continue
        if table >= 0 and table <= at < table + 131072:
            continue
        number = at // SECTOR
        if pieces:
            first, data = pieces[-1]
            gap = number - first - len(data) // SECTOR
            if gap <= 4:
                data += image[at - gap * SECTOR:at] + sector
                continue
        pieces.append((number, bytearray(sector)))
    return pieces


def main():
    path, options, out = sys.argv[1:4]
    most = int(sys.argv[4]) if len(sys.argv) > 4 else 262144
    with open(path, "rb") as file:
        image = file.read(DEVICE + 1)
    pieces = pieces_of(image) if len(image) <= DEVICE else []
    seed = b"".join(bytes(data) for _, data in pieces)
    seed += b"".join(struct.pack("<HH", at, len(data) // SECTOR)
                     for at, data in pieces)
    seed += bytes([len(pieces) & 255, int(options)])
    if 0 < len(pieces) < 256 and len(seed) <= most:
        with open(out, "wb") as file:
            file.write(seed)


main()
