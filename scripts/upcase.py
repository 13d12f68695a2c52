#!/usr/bin/env python3
"""upcase.py - ntfs/upcase_table.c, from the $UpCase of a volume

    ntfscat -i 10 IMAGE | scripts/upcase.py >ntfs/upcase_table.c
"""
import struct
import sys

HEAD = '''/*
 * upcase_table.c - the upper case of 16-bit units, as NTFS has it
 *
 * What $UpCase says on volumes that Windows has made since Vista, mkntfs too:
 * written by scripts/upcase.py from one. It is the simple upper case of Unicode
 * 5.0, but for some letters whose upper case is that of another one (the long
 * s, the dotless i), which stay as they are.
 */
#include "upcase.h"

const struct ntfs_case_range ntfs_case_ranges[] = {
'''
TAIL = '''};

const unsigned ntfs_case_range_count =
    sizeof ntfs_case_ranges / sizeof ntfs_case_ranges[0];
'''


def ranges(table):
    """(first, count, stride, delta), which together are all that changes."""
    left = {unit: upper - unit for unit, upper in enumerate(table)
            if upper != unit}
    while left:
        first = min(left)
        delta = left[first]
        best = max(((stride, next(
            n for n in range(1, 256)
            if left.get(first + n * stride) != delta))
            for stride in (1, 2)), key=lambda x: x[1])
        for i in range(best[1]):
            del left[first + i * best[0]]
        yield first, best[1], best[0], delta


def main():
    table = struct.unpack("<65536H", sys.stdin.buffer.read())
    out, line = HEAD, "   "
    for row in ranges(table):
        text = " { 0x%04x, %d, %d, %d }," % row
        if len(line + text) > 80:
            out += line + "\n"
            line = "   "
        line += text
    sys.stdout.write(out + line + "\n" + TAIL)


if __name__ == "__main__":
    main()
