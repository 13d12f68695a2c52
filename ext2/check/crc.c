/*
 * crc.c - checksums of everything, so eight bytes at a time
 *
 * "Slicing by 8": table[k][b] is the checksum of byte b with k zero bytes after
 * it, so the sum of eight bytes is that of eight entries.
 */
#include "ext2/check/check.h"
#include "ext2/write.h"

#define TABLES 8

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

uint32_t ext2_check_crc(const struct ext2_check *c, uint32_t crc,
                        const void *bytes, size_t len)
{
    uint32_t (*t)[256] = c->crc;
    const uint8_t *b = bytes;

    for (; len >= 8; b += 8, len -= 8) {
        uint32_t low = crc ^ load(b), high = load(b + 4);

        crc = t[7][low & 0xff] ^ t[6][low >> 8 & 0xff] ^
              t[5][low >> 16 & 0xff] ^ t[4][low >> 24] ^
              t[3][high & 0xff] ^ t[2][high >> 8 & 0xff] ^
              t[1][high >> 16 & 0xff] ^ t[0][high >> 24];
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
