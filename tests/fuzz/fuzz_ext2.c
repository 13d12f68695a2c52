/*
 * fuzz_ext2.c - any bytes at all, as an ext2 volume
 *
 * Probe, mount, walk, read, attributes, look-ups, maps, seeks, unmount, over a
 * memory device. The work is bounded, so that a slow input is a finding and not
 * the fuzzer's own doing; a leak is one too.
 *
 * The device is larger than the input: a volume that claims a size has it, with
 * zeros behind, and small inputs reach as deep as large ones.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "exercise.h"
#include "volume.h"

enum { DEVICE = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t device[DEVICE];
    static size_t used;
    struct exercise x = {
        .max_entries = 500, .max_bytes = 1 << 18, .max_file_bytes = 1 << 16,
        .max_steps = 1000,
    };
    struct volume volume;

    if (size > DEVICE)
        return 0;
    memset(device, 0, used);
    memcpy(device, data, size);
    used = size;
    if (volume_of_bytes(&volume, device, DEVICE))
        abort();
    /* Little memory, so that eviction is part of what is tried. */
    volume.cache_bytes = 64 << 10;
    volume.vnode_max = 8;
    volume.type = "ext2";
    if (volume_mount(&volume, NULL) == 0)
        exercise(volume.fs, &x);
    if (volume_close(&volume) > 0)
        abort();
    return 0;
}
