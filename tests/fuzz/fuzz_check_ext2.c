/*
 * fuzz_check_ext2.c - any bytes at all, checked as an ext2, 3 or 4 volume
 *
 * An input is the start of the volume, as in fuzz_ext2.c: if it is longer than
 * whole sectors, its last byte says how it is checked. The device is larger,
 * with zeros behind.
 */
#include <string.h>

#include "fuzz_check.h"

static const size_t device_size = (size_t)8 << 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *device = fuzz_check_device(device_size);
    unsigned how = 0;

    if (size > device_size)
        return -1;
    if (size % 512 != 0) {
        how = data[size - 1];
        size -= size % 512;
    }
    memcpy(device, data, size);
    fuzz_check("ext2", device, device_size, how);
    return 0;
}
