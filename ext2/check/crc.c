/*
 * crc.c - checksums of everything, so sixteen bytes at a time
 *
 * "Slicing by 16": table[k][b] is the checksum of byte b with k zero bytes
 * after it, so the sum of sixteen bytes is that of sixteen entries.
 */
#include "ext2/check/check.h"
#include "ext2/write.h"

#define TABLES 16

int ext2_check_crc_begin(struct ext2_check *c)
{
    c->crc = check_alloc(c->check, TABLES * sizeof *c->crc);
    if (!c->crc)
        return SHALE_ENOMEM;
    for (unsigned b = 0; b < 256; b++) {
        const uint8_t byte = (uint8_t)b;

        c->crc[0][b] = ext2_crc32c(0, &byte, 1);
    }
    for (unsigned k = 1; k < TABLES; k++)
        for (unsigned b = 0; b < 256; b++) {
            uint32_t before = c->crc[k - 1][b];

            c->crc[k][b] = before >> 8 ^ c->crc[0][before & 0xff];
        }
    return 0;
}

void ext2_check_crc_end(struct ext2_check *c)
{
    check_free(c->check, c->crc, TABLES * sizeof *c->crc);
    c->crc = NULL;
}

static uint32_t load(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

/* Four bytes, of which the last has no zeros after it in table T. */
static uint32_t word(uint32_t (*t)[256], uint32_t w)
{
    return t[3][w & 0xff] ^ t[2][w >> 8 & 0xff] ^ t[1][w >> 16 & 0xff] ^
           t[0][w >> 24];
}

uint32_t ext2_check_crc(const struct ext2_check *c, uint32_t crc,
                        const void *bytes, size_t len)
{
    uint32_t (*t)[256] = c->crc;
    const uint8_t *b = bytes;

    for (; len >= 16; b += 16, len -= 16) {
        uint32_t w0 = crc ^ load(b), w1 = load(b + 4);
        uint32_t w2 = load(b + 8), w3 = load(b + 12);

        crc = word(t + 12, w0) ^ word(t + 8, w1) ^ word(t + 4, w2) ^
              word(t, w3);
    }
    for (; len > 0; b++, len--)
        crc = crc >> 8 ^ t[0][(crc ^ *b) & 0xff];
    return crc;
}

uint32_t ext2_check_crc_without(const struct ext2_check *c, uint32_t crc,
                                const void *bytes, size_t size, size_t offset,
                                size_t len)
{
    static const uint8_t zeros[8];
    const uint8_t *b = bytes;

    crc = ext2_check_crc(c, crc, b, offset);
    crc = ext2_check_crc(c, crc, zeros, len);
    return ext2_check_crc(c, crc, b + offset + len, size - offset - len);
}
