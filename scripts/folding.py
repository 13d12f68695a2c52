#!/usr/bin/env python3
"""folding.py FILE - write the tables of how ext4 folds names

    scripts/folding.py ext2/check/folding_table.c

What it writes is kept with the sources, so building needs no Python. A name is
decomposed (NFD), its case folded (the full folding of Unicode), and what is to
be ignored left out, as the kernel's "utf8" encoding of version 12.1 does.
Python's own character data are the source; what Unicode 13 and 14 added to them
(DerivedAge) is taken away.
"""
import sys
import unicodedata

LATER = [
    (0x898, 0x89f), (0x8ca, 0x8d2), (0xc3c, 0xc3c), (0x1715, 0x1715),
    (0x1abf, 0x1ace), (0x1dfa, 0x1dfa), (0x2c2f, 0x2c2f), (0xa7c0, 0xa7c0),
    (0xa7c7, 0xa7c7), (0xa7c9, 0xa7c9), (0xa7d0, 0xa7d0), (0xa7d6, 0xa7d6),
    (0xa7d8, 0xa7d8), (0xa7f5, 0xa7f5), (0xa82c, 0xa82c), (0x10570, 0x10595),
    (0x10eab, 0x10eac), (0x10f82, 0x10f85), (0x11070, 0x11070),
    (0x11938, 0x11943), (0x16ff0, 0x16ff1), (0x1e2ae, 0x1e2ae),
]

# Default_Ignorable_Code_Point
IGNORED = [
    (0xad, 0xad), (0x34f, 0x34f), (0x61c, 0x61c), (0x115f, 0x1160),
    (0x17b4, 0x17b5), (0x180b, 0x180e), (0x200b, 0x200f), (0x202a, 0x202e),
    (0x2060, 0x206f), (0x3164, 0x3164), (0xfe00, 0xfe0f), (0xfeff, 0xfeff),
    (0xffa0, 0xffa0), (0xfff0, 0xfff8), (0x1bca0, 0x1bca3),
    (0x1d173, 0x1d17a), (0xe0000, 0xe07ff), (0xe0800, 0xe0fff),
]

HEAD = """/*
 * folding_table.c - how characters are decomposed and folded
 *
 * Written by scripts/folding.py; do not edit.
 */
#include "ext2/check/folding.h"

"""


def within(c, ranges):
    return any(first <= c <= last for first, last in ranges)


def folded(c):
    """The text that character C becomes; '' if it is ignored."""
    if within(c, IGNORED):
        return ''
    text, before = chr(c), None
    while text != before:
        before = text
        text = unicodedata.normalize(
            'NFD', unicodedata.normalize('NFD', text).casefold())
        text = ''.join(x for x in text if not within(ord(x), IGNORED))
    return text


def characters():
    """All that have tables; syllables of Hangul are computed."""
    for c in range(0x110000):
        if 0xac00 <= c <= 0xd7a3 or 0xd800 <= c <= 0xdfff:
            continue
        if not within(c, LATER):
            yield c


def runs_of(single):
    """[first, count, step, to] of characters that become one other each."""
    runs = []
    for c, to in single:
        if runs:
            first, count, step, base = run = runs[-1]
            gap = c - (first + (count - 1) * step)
            if to - base == c - first and count < 1024 and \
                    (gap == step or (count == 1 and gap <= 2)):
                run[1], run[2] = count + 1, gap
                continue
        runs.append([c, 1, 1, to])
    return runs


def array(out, kind, name, values, form='0x%x'):
    out.write('const %s %s[%d] = {\n' % (kind, name, len(values)))
    line = '   '
    for v in values:
        item = ' ' + form % v + ','
        if len(line) + len(item) > 80:
            out.write(line + '\n')
            line = '   '
        line += item
    out.write(line + '\n};\n\n')


def main():
    assert unicodedata.unidata_version == '14.0.0', 'see LATER'
    single, many, pool, marks = [], [], b'', []
    for c in characters():
        text = folded(c)
        mark = unicodedata.combining(chr(c))
        if mark and marks and marks[-1][2] == mark and \
                marks[-1][0] + marks[-1][1] == c:
            marks[-1][1] += 1
        elif mark:
            marks.append([c, 1, mark])
        if len(text) == 1 and ord(text) != c:
            single.append((c, ord(text)))
        elif len(text) > 1:
            raw = text.encode()
            if raw not in pool:
                pool += raw
            many.append((c, len(raw), pool.index(raw)))
    runs = runs_of(single)
    with open(sys.argv[1], 'w', encoding='ascii') as out:
        out.write(HEAD)
        out.write('const size_t folding_runs_count = %d;\n' % len(runs))
        out.write('const size_t folding_many_count = %d;\n' % len(many))
        out.write('const size_t folding_marks_count = %d;\n' % len(marks))
        out.write('const size_t folding_ignored_count = %d;\n\n'
                  % len(IGNORED))
        array(out, 'uint32_t', 'folding_runs',
              [first | (count - 1) << 21 | (step - 1) << 31
               for first, count, step, _ in runs])
        array(out, 'uint32_t', 'folding_runs_to', [r[3] for r in runs])
        array(out, 'uint32_t', 'folding_many',
              [c | size << 21 for c, size, _ in many])
        array(out, 'uint16_t', 'folding_many_at', [at for _, _, at in many],
              '%d')
        array(out, 'uint8_t', 'folding_pool', list(pool), '%d')
        array(out, 'uint32_t', 'folding_marks',
              [first | (count - 1) << 21 for first, count, _ in marks])
        array(out, 'uint8_t', 'folding_marks_class', [m[2] for m in marks],
              '%d')
        array(out, 'uint32_t', 'folding_ignored',
              [first | (last - first) << 21 for first, last in IGNORED])


if __name__ == '__main__':
    main()
