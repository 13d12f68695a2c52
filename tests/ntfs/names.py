#!/usr/bin/env python3
"""names.py - directories of names that are hard to tell apart

    names.py fill DIR           make the names below DIR
    names.py numbers DIR        print each name of a listing of DIR, with
                                the number of what looking it up leads to
    names.py spoil IMAGE NUMBER WHICH       spoil index blocks of directory
                                NUMBER: all, or the one of that number

A volume's blocks of indexes are found by their mark, and told by the parent
that their first name says.
"""
import os
import random
import struct
import sys

LETTERS = "aAbBzZ_[{~-.0äÄßÿŸжЖ中\U0001f600ıſ"


def fill(top):
    """Thousands of names of few letters; and pairs that case alone tells."""
    chance = random.Random(5)
    names = set()
    while len(names) < 3000:
        names.add("".join(chance.choice(LETTERS)
                          for _ in range(chance.randint(1, 5))))
    names -= {".", ".."}
    names |= {c * 255 for c in "xX"} | {"\U0001f600" * 127, "Ab" * 127}
    for name in sorted(names, key=lambda _: chance.random()):
        with open(os.path.join(top, name), "w"):
            pass


def numbers(top):
    for name in sorted(os.listdir(os.fsencode(top))):
        at = os.lstat(os.path.join(os.fsencode(top), name))
        print(at.st_ino, repr(name))


def blocks(image):
    """Where index blocks are, and of which directory."""
    image.seek(0)
    at = 0
    while head := image.read(512):
        if head[:4] == b"INDX":
            first, = struct.unpack_from("<I", head, 24)
            flags, = struct.unpack_from("<H", head, 24 + first + 12)
            parent, = struct.unpack_from("<Q", head, 24 + first + 16)
            if not flags & 2:
                yield at, parent & 0xffffffffffff
        at += 512


def spoil(path, number, which):
    with open(path, "r+b") as image:
        own = [at for at, parent in blocks(image) if parent == int(number)]
        for at in own if which == "all" else [own[int(which)]]:
            image.seek(at)
            image.write(b"BAAD")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
