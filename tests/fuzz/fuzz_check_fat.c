/*
 * fuzz_check_fat.c - any bytes at all, checked as a FAT volume
 *
 * An input is laid out as in fuzz_fat.c; of the 96 bytes before the sector of
 * the later piece, the last says how the volume is checked.
 */
#include <string.h>

#include "fuzz_check.h"

enum { START = 32 << 10, REST = 98 };

static const size_t device_size = (size_t)40 << 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *device = fuzz_check_device(device_size);
    size_t start, at;

    if (size < REST || size > (size_t)1 << 20)
        return -1;
    at = (size_t)(data[size - 2] | data[size - 1] << 8) * 512;
    size -= REST;
    start = size < START ? size : START;
    memcpy(device, data, start);
    memcpy(device + at, data + start, size - start);
    fuzz_check("fat", device, device_size, data[size + REST - 3]);
    return 0;
}
