/*
 * fuzz_check_ntfs.c - any bytes at all, checked as an NTFS volume
 *
 * An input is a list of pieces, laid out as in fuzz_ntfs.c, but that its last
 * byte says how the volume is checked.
 */
#include <string.h>

#include "fuzz_check.h"

enum { SECTOR = 512, PIECE = 4 };

static const size_t device_size = (size_t)8 << 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t number(const uint8_t *at)
{
    return at[0] | (size_t)at[1] << 8;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *device = fuzz_check_device(device_size);
    const uint8_t *table;
    unsigned how, count;

    if (size < 2 || size > (size_t)1 << 20)
        return -1;
    how = data[size - 1];
    count = data[size - 2];
    size -= 2;
    if (size < (size_t)PIECE * count)
        return -1;
    size -= (size_t)PIECE * count;
    table = data + size;
    for (unsigned i = 0; i < count && size > 0; i++) {
        size_t at = number(table + PIECE * i) * SECTOR;
        size_t len = number(table + PIECE * i + 2) * SECTOR;

        len = len > size ? size : len;
        if (at >= device_size || len > device_size - at)
            continue;
        memcpy(device + at, data, len);
        data += len;
        size -= len;
    }
    fuzz_check("ntfs", device, device_size, how);
    return 0;
}
