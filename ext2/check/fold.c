/*
 * fold.c - names in directories that fold case
 *
 * Where the volume is strict about its encoding, such names are UTF-8 (RFC
 * 3629): no byte sequence longer than need be, no surrogate, nothing past
 * U+10FFFF. Whether two names fold to one is not judged: that needs Unicode's
 * tables.
 */
#include "ext2/check/tree.h"

#define ENCODING_FLAGS  0x27eu  /* s_encoding_flags, in the superblock */
#define ENCODING_STRICT 0x1u

bool ext2_fold_is_strict(const struct ext2_check *c)
{
    const uint8_t *raw = (const uint8_t *)&c->super.raw;

    return c->super.casefold &&
           (le16_get(*(const le16 *)(raw + ENCODING_FLAGS)) & ENCODING_STRICT);
}

/* Bytes of the character that begins at TEXT, of LEN left; 0: there is none. */
static unsigned character_length(const uint8_t *text, unsigned len)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    unsigned count = text[0] < 0x80 ? 1 :
                     (text[0] & 0xe0) == 0xc0 ? 2 :
                     (text[0] & 0xf0) == 0xe0 ? 3 :
                     (text[0] & 0xf8) == 0xf0 ? 4 : 0;
    uint32_t value = count == 1 ? text[0] : text[0] & (0x7fu >> count);

    if (count == 0 || count > len)
        return 0;
    for (unsigned i = 1; i < count; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text[i] & 0x3f);
    }
    if (value < least[count] || value > 0x10ffff ||
        (value >= 0xd800 && value < 0xe000))
        return 0;
    return count;
}

bool ext2_fold_is_text(const uint8_t *text, unsigned len)
{
    while (len > 0) {
        unsigned count = character_length(text, len);

        if (count == 0)
            return false;
        text += count;
        len -= count;
    }
    return true;
}
