/*
 * crc.c - the two checksums that journals have
 *
 * Both work on four bits at a time: journals are replayed seldom, and a table
 * of 16 is soon read.
 */
#include "write.h"

/* CRC-32C, reflected: polynomial 0x1edc6f41. */
static const uint32_t castagnoli[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
    0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
    0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

/* CRC-32, most significant bit first: polynomial 0x04c11db7. */
static const uint32_t ethernet[16] = {
    0x00000000, 0x04c11db7, 0x09823b6e, 0x0d4326d9, 0x130476dc, 0x17c56b6b,
    0x1a864db2, 0x1e475005, 0x2608edb8, 0x22c9f00f, 0x2f8ad6d6, 0x2b4bcb61,
    0x350c9b64, 0x31cd86d3, 0x3c8ea00a, 0x384fbdbd,
};

uint32_t ext2_crc32c(uint32_t crc, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ castagnoli[crc & 15];
        crc = crc >> 4 ^ castagnoli[crc & 15];
    }
    return crc;
}

uint32_t ext2_crc32_be(uint32_t crc, const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        crc ^= (uint32_t)bytes[i] << 24;
        crc = crc << 4 ^ ethernet[crc >> 28];
        crc = crc << 4 ^ ethernet[crc >> 28];
    }
    return crc;
}
