/*
 * fuzz_ntfs.c - any bytes at all, as an NTFS volume
 *
 * Mount, walk, read, look up, ask for attributes, find what is deleted, over a
 * device in memory. The parts of even an empty volume are far apart, so an
 * input is a list of pieces of a device that is zeros elsewhere:
 *
 *     the bytes of all pieces, one after the other
 *     4 bytes for each piece      sector at which it goes, how many sectors
 *     1 byte                      how many pieces
 *     1 byte                      mount options, from the table below
 *
 * So small inputs reach as deep as large ones, and a change at the end moves
 * whole parts about. ntfs_seed.py makes such inputs of images.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "exercise.h"
#include "volume.h"

enum { SECTOR = 512, PIECE = 4 };

static const size_t device_size = (size_t)8 << 20;

static const char *const options[] = {
    NULL, "permissions", "streams_interface=windows", "efs_raw,show_sys_files",
    "recover", "recover,show_sys_files,streams_interface=windows",
    "mft=4,cluster=512", "mft=4,cluster=4096", "case_sensitive,permissions",
    "hide_hid_files,hide_dot_files,streams_interface=none", "show_sys_files",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned number(const uint8_t *at)
{
    return at[0] | (unsigned)at[1] << 8;
}

/* Lay out the pieces that DATA, SIZE bytes, has in COUNT entries at TABLE. */
static void lay_out(uint8_t *device, const uint8_t *data, size_t size,
                    const uint8_t *table, unsigned count)
{
    for (unsigned i = 0; i < count && size > 0; i++) {
        size_t at = (size_t)number(table + PIECE * i) * SECTOR;
        size_t len = (size_t)number(table + PIECE * i + 2) * SECTOR;

        if (len > size)
            len = size;
        if (at >= device_size || len > device_size - at)
            continue;
        memcpy(device + at, data, len);
        data += len;
        size -= len;
    }
}

static void mount_and_walk(uint8_t *device, const char *how)
{
    struct exercise x = {
        .max_entries = 300, .max_bytes = 1 << 19, .max_file_bytes = 1 << 17,
        .max_steps = 600,
    };
    struct volume volume;

    if (volume_of_bytes(&volume, device, device_size))
        abort();
    /* Little memory, so that eviction is part of what is tried. */
    volume.cache_bytes = 64 << 10;
    volume.vnode_max = 8;
    volume.type = "ntfs";
    if (volume_mount(&volume, how) == 0)
        exercise(volume.fs, &x);
    if (volume_close(&volume) > 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *device;
    const char *how;
    unsigned count;

    if (!device)
        device = mmap(NULL, device_size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (device == MAP_FAILED)
        abort();
    if (size < 2 || size > (size_t)1 << 20)
        return -1;
    how = options[data[size - 1] % (sizeof options / sizeof options[0])];
    count = data[size - 2];
    size -= 2;
    if (size < (size_t)PIECE * count)
        return -1;
    size -= (size_t)PIECE * count;
    madvise(device, device_size, MADV_DONTNEED);
    lay_out(device, data, size, data + size, count);
    mount_and_walk(device, how);
    return 0;
}
