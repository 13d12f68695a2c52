/*
 * fuzz_fat.c - any bytes at all, as a FAT volume that is written to
 *
 * Mount, walk, change, write, unmount, mount again, walk, over a device in
 * memory. An input ends with what is to be done:
 *
 *     the start of the volume     up to 32 KiB
 *     a later piece               which a FAT32 volume has its root in
 *     script                      up to 96 bytes: see scribble()
 *     2 bytes                     sector at which the later piece goes
 *
 * The device is much larger, with zeros where nothing is said.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bootwalk.h"
#include "exercise.h"
#include "scribble.h"
#include "volume.h"

enum { START = 32 << 10, SCRIPT = 96 };

static const size_t device_size = (size_t)40 << 20;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mount_and_walk(struct volume *volume, const uint8_t *script,
                           size_t len)
{
    struct exercise x = {
        .max_entries = 80, .max_bytes = 1 << 17, .max_file_bytes = 1 << 15,
        .max_steps = 120,
    };
    struct scribble did;

    volume->cache_bytes = 64 << 10;
    volume->vnode_max = 8;
    volume->type = "fat";
    if (volume_mount(volume, NULL) == 0) {
        exercise(volume->fs, &x);
        scribble(volume->fs, script, len, &did);
        /* Where the volume is corrupt it may not be possible to sync. */
        shale_sync(volume->fs);
        shale_unmount(volume->fs);
        volume->fs = NULL;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *device;
    struct volume volume;
    const uint8_t *script;
    size_t script_len, start, at;

    if (!device)
        device = mmap(NULL, device_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (device == MAP_FAILED)
        abort();
    if (size < 2 + SCRIPT || size > (size_t)1 << 20)
        return -1;
    madvise(device, device_size, MADV_DONTNEED);
    at = (size_t)(data[size - 2] | data[size - 1] << 8) * 512;
    size -= 2;
    script_len = SCRIPT;
    script = data + size - script_len;
    size -= script_len;
    start = size < START ? size : START;
    memcpy(device, data, start);
    memcpy(device + at, data + start, size - start);

    if (volume_to_write(&volume, device, device_size))
        abort();
    bootwalk_exercise(volume.dev, 80, 1 << 15);
    mount_and_walk(&volume, script, script_len);
    mount_and_walk(&volume, script, 0);
    if (volume_close(&volume) > 0)
        abort();
    return 0;
}
