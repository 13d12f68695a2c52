/*
 * utf16.c - UTF-8 and UTF-16
 *
 * On a volume a name is any sequence of 16-bit units. Surrogates that are not
 * paired are kept as three bytes of what looks like UTF-8 ("WTF-8"), so that
 * each name on a volume has one spelling here, and leads back to itself.
 */
#include "utf16.h"

#include <stdbool.h>

#include "shale/err.h"

#define SURROGATE_HIGH 0xd800u
#define SURROGATE_LOW  0xdc00u

static bool is_high(uint32_t unit)
{
    return (unit & 0xfc00) == SURROGATE_HIGH;
}

static bool is_low(uint32_t unit)
{
    return (unit & 0xfc00) == SURROGATE_LOW;
}

/*
 * Decode the character that begins the LEFT bytes at AT. Returns its bytes, or
 * 0 if that is no UTF-8: cut short, longer than need be, or too large.
 */
static size_t utf8_decode(const uint8_t *at, size_t left, uint32_t *out)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t c = at[0];
    size_t len;

    if (c < 0x80) {
        *out = c;
        return 1;
    }
    if (c < 0xc0 || c > 0xf7)
        return 0;
    len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (len > left)
        return 0;
    c &= 0x7fu >> len;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (at[i] & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff)
        return 0;
    *out = c;
    return len;
}

int utf16_from_utf8(const char *text, size_t size, uint16_t *out, size_t max)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t count = 0;

    while (size > 0) {
        uint32_t c = 0;
        size_t len = utf8_decode(at, size, &c);

        if (len == 0)
            return SHALE_EINVAL;
        /* A pair spelt as two characters would be a second name for it. */
        if (is_low(c) && count > 0 && is_high(out[count - 1]))
            return SHALE_EINVAL;
        if (count + (c > 0xffff ? 2u : 1u) > max)
            return SHALE_ENAMETOOLONG;
        if (c > 0xffff) {
            out[count++] = (uint16_t)(SURROGATE_HIGH | (c - 0x10000) >> 10);
            c = SURROGATE_LOW | (c & 0x3ff);
        }
        out[count++] = (uint16_t)c;
        at += len;
        size -= len;
    }
    return (int)count;
}

/* Store character C at OUT. Returns the bytes it took. */
static size_t utf8_encode(uint32_t c, char *out)
{
    unsigned len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    static const uint8_t first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

    for (unsigned i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(first[len] | c);
    return len;
}

size_t utf16_to_utf8(const uint16_t *units, size_t len, char *out)
{
    size_t size = 0;

    for (size_t i = 0; i < len; i++) {
        uint32_t c = units[i];

        if (c < 0x80) {
            out[size++] = (char)c;
            continue;
        }
        if (is_high(c) && i + 1 < len && is_low(units[i + 1])) {
            c = 0x10000 + ((c & 0x3ff) << 10) + (units[i + 1] & 0x3ff);
            i++;
        }
        size += utf8_encode(c, out + size);
    }
    return size;
}
