/*
 * fuzz_ext2.c - any bytes at all, as an ext2 volume that is written to
 *
 * Probe, mount, replay of a journal, walk, read, attributes, look-ups, maps,
 * seeks, changes, unmount, and mount again, over a device in memory. The work
 * is bounded, so that a slow input is a finding and not the fuzzer's own doing;
 * a leak is one too.
 *
 * An input is the start of the volume. If there are 96 bytes more than whole
 * sectors, they say what is to be done (scribble.h); else nothing is changed.
 * The device is larger, with zeros behind: a volume that claims a size has it,
 * and small inputs reach as deep as large ones.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bootwalk.h"
#include "exercise.h"
#include "scribble.h"
#include "volume.h"

enum { SCRIPT = 96 };

static const size_t device_size = (size_t)8 << 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* With a SCRIPT, or NULL: only to look. */
static void mount_and_walk(uint8_t *device, const uint8_t *script)
{
    struct exercise x = {
        .max_entries = 500, .max_bytes = 1 << 18, .max_file_bytes = 1 << 16,
        .max_steps = 1000,
    };
    struct scribble did;
    struct volume volume;
    int err = script ? volume_to_write(&volume, device, device_size)
                     : volume_of_bytes(&volume, device, device_size);

    if (err)
        abort();
    bootwalk_exercise(volume.dev, 200, 1 << 16);
    /* Little memory, so that eviction is part of what is tried. */
    volume.cache_bytes = 64 << 10;
    volume.vnode_max = 8;
    volume.type = "ext2";
    if (volume_mount(&volume, NULL) == 0) {
        exercise(volume.fs, &x);
        if (script) {
            scribble(volume.fs, script, SCRIPT, &did);
            /* Where the volume is corrupt it may not be possible to sync. */
            shale_sync(volume.fs);
            shale_unmount(volume.fs);
            volume.fs = NULL;
        }
    }
    if (volume_close(&volume) > 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *device;
    const uint8_t *script = NULL;

    if (!device)
        device = mmap(NULL, device_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (device == MAP_FAILED)
        abort();
    if (size > device_size)
        return 0;
    if (size % 512 == SCRIPT) {
        size -= SCRIPT;
        script = data + size;
    }
    madvise(device, device_size, MADV_DONTNEED);
    memcpy(device, data, size);
    if (script)
        mount_and_walk(device, script);
    mount_and_walk(device, NULL);
    return 0;
}
