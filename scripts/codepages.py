#!/usr/bin/env python3
"""codepages.py DIR - write the tables of code pages and of letter case

    scripts/codepages.py fat32

What it writes is kept with the sources, so building needs no Python. Python's
own codecs and character data are the source: cp437 and its like are those of
Microsoft's "MultiByte" tables, case is the simple folding of Unicode.
"""
import os
import sys

SINGLE = [437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 864,
          865, 866, 869, 874, 1250, 1251, 1252, 1253, 1254, 1255, 1256, 1257,
          1258]
DOUBLE = [932, 936, 949, 950]

HEAD = """/*
 * %s - %s
 *
 * Written by scripts/codepages.py; do not edit.
 */
#include "codepage.h"

"""


def decode(page, raw):
    """The one BMP character that RAW is, or 0."""
    try:
        text = bytes(raw).decode('cp%d' % page)
    except UnicodeDecodeError:
        return 0
    if len(text) != 1 or ord(text) > 0xffff:
        return 0
    return ord(text)


def array(out, kind, name, values):
    out.write('%s %s[%d] = {\n' % (kind, name, len(values)))
    line = '   '
    for v in values:
        item = ' %d,' % v
        if len(line) + len(item) > 80:
            out.write(line + '\n')
            line = '   '
        line += item
    out.write(line + '\n};\n\n')


def high_half(page):
    return [decode(page, [b]) for b in range(0x80, 0x100)]


def single_pages(path):
    with open(path, 'w', encoding='ascii') as out:
        out.write(HEAD % (os.path.basename(path),
                          'code pages of one byte a character'))
        for page in SINGLE:
            array(out, 'static const uint16_t', 'high_%d' % page,
                  high_half(page))
        for page in SINGLE:
            out.write('const struct shale_codepage shale_codepage_%d = {\n'
                      '    .number = %d, .high = high_%d,\n};\n\n' %
                      (page, page, page))
        out.write('const struct shale_codepage *const '
                  'shale_all_codepages[] = {\n')
        for page in SINGLE + DOUBLE:
            out.write('    &shale_codepage_%d,\n' % page)
        out.write('    NULL,\n};\n')


def double_page(path, page):
    leads = [b for b in range(0x80, 0x100)
             if any(decode(page, [b, t]) for t in range(0x40, 0x100))]
    trails = [t for t in range(0x40, 0x100)
              if any(decode(page, [b, t]) for b in leads)]
    pairs, where = [], {}
    for lead in range(leads[0], leads[-1] + 1):
        for trail in range(trails[0], trails[-1] + 1):
            unit = decode(page, [lead, trail])
            pairs.append(unit)
            if unit:
                where.setdefault(unit, []).append(bytes([lead, trail]))
    # Characters with two codes: the one that is not the first is written.
    other = []
    for unit, codes in sorted(where.items()):
        code = chr(unit).encode('cp%d' % page)
        # Windows writes IBM's extensions of 932 as IBM did, Python as NEC.
        if page == 932 and code[0] in (0xed, 0xee) and codes[-1][0] >= 0xfa:
            code = codes[-1]
        if code != codes[0]:
            other += [unit, code[0] << 8 | code[1]]
    with open(path, 'w', encoding='ascii') as out:
        out.write(HEAD % (os.path.basename(path), 'code page %d' % page))
        array(out, 'static const uint16_t', 'high', high_half(page))
        array(out, 'static const uint16_t', 'pairs', pairs)
        if other:
            array(out, 'static const uint16_t', 'other', other)
        out.write('const struct shale_codepage shale_codepage_%d = {\n' % page)
        out.write('    .number = %d, .high = high, .pairs = pairs,\n' % page)
        out.write('    .pair_decode = fat_pair_decode, '
                  '.pair_encode = fat_pair_encode,\n')
        out.write('    .lead_first = 0x%02x, .lead_last = 0x%02x,\n' %
                  (leads[0], leads[-1]))
        out.write('    .trail_first = 0x%02x, .trail_last = 0x%02x,\n' %
                  (trails[0], trails[-1]))
        if other:
            out.write('    .other = other, .other_count = %d,\n' %
                      (len(other) // 2))
        out.write('};\n')


def fold(c):
    text = chr(c).casefold()
    if len(text) != 1:
        text = chr(c).lower()
    if len(text) != 1 or ord(text) > 0xffff:
        return c
    return ord(text)


def upper(c):
    text = chr(c).upper()
    if len(text) != 1 or ord(text) > 0xffff:
        return c
    return ord(text)


def ranges(change):
    """[first, last, step, delta] for all that CHANGE changes."""
    found = []
    for c in range(0x80, 0x10000):
        if 0xd800 <= c < 0xe000 or change(c) == c:
            continue
        delta = (change(c) - c) & 0xffff
        if found and found[-1][3] == delta:
            r = found[-1]
            step = c - r[1]
            if step <= 2 and (r[0] == r[1] or step == r[2]):
                r[1], r[2] = c, step
                continue
        found.append([c, c, 1, delta])
    return found


def case_tables(path):
    with open(path, 'w', encoding='ascii') as out:
        head = HEAD.replace('codepage.h', 'fold.h')
        out.write(head % (os.path.basename(path), 'letter case beyond ASCII'))
        for name, change in (('fold', fold), ('upper', upper)):
            found = ranges(change)
            out.write('const struct fat_case fat_%s_ranges[] = {\n' % name)
            for r in found:
                out.write('    { 0x%04x, 0x%04x, %d, 0x%04x },\n' %
                          (r[0], r[1], r[2], r[3]))
            out.write('};\n\nconst size_t fat_%s_count = %d;\n' %
                      (name, len(found)))
            if name == 'fold':
                out.write('\n')


def main():
    folder = sys.argv[1]
    single_pages(os.path.join(folder, 'codepage_tables.c'))
    for page in DOUBLE:
        double_page(os.path.join(folder, 'codepage_%d.c' % page), page)
    case_tables(os.path.join(folder, 'fold_tables.c'))


if __name__ == '__main__':
    main()
