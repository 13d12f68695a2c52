/*
 * guess.c - what a volume probably is, for people to read
 *
 * Never a reason to do anything: only drivers decide what Shale mounts. But
 * "looks like xfs" is a better error than "unknown".
 */
#include <blkid.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "host/guess.h"
#include "host/library.h"
#include "host/text.h"
#include "shale/bdev.h"
#include "shale/host.h"

/*
 * What is used of libblkid. Most programs never have to guess, so it is loaded
 * when one does, and where it is missing nobody knows.
 */
struct library {
    void *handle;
    blkid_probe (*new_probe)(void);
    void (*free_probe)(blkid_probe);
    int (*set_device)(blkid_probe, int, blkid_loff_t, blkid_loff_t);
    int (*enable)(blkid_probe, int);
    int (*set_flags)(blkid_probe, int);
    int (*do_safeprobe)(blkid_probe);
    int (*lookup)(blkid_probe, const char *, const char **, size_t *);
};

static bool library_open(struct library *lib)
{
    const struct library_call calls[] = {
        { "blkid_new_probe", &lib->new_probe },
        { "blkid_free_probe", &lib->free_probe },
        { "blkid_probe_set_device", &lib->set_device },
        { "blkid_probe_enable_superblocks", &lib->enable },
        { "blkid_probe_set_superblocks_flags", &lib->set_flags },
        { "blkid_do_safeprobe", &lib->do_safeprobe },
        { "blkid_probe_lookup_value", &lib->lookup },
    };

    lib->handle = dlopen("libblkid.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!lib->handle)
        return false;
    if (library_find(lib->handle, calls, sizeof calls / sizeof calls[0]))
        return true;
    dlclose(lib->handle);
    return false;
}

static void copy_value(const struct library *lib, blkid_probe probe,
                       const char *name, char *buf, size_t size)
{
    const char *value;

    if (lib->lookup(probe, name, &value, NULL) == 0)
        text_add(buf, size, "%s", value);
}

/* Have it look for superblocks; it says what it found if that is one only. */
static void ask_library(struct shale_bdev *dev, struct guess *out)
{
    struct library lib;
    blkid_probe probe;

    if (!library_open(&lib))
        return;
    probe = lib.new_probe();
    if (probe &&
        lib.set_device(probe, dev->fd, (blkid_loff_t)dev->fd_offset,
                       (blkid_loff_t)dev->size) == 0 &&
        lib.enable(probe, 1) == 0 &&
        lib.set_flags(probe, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL) == 0 &&
        lib.do_safeprobe(probe) == 0) {
        copy_value(&lib, probe, "TYPE", out->type, sizeof out->type);
        copy_value(&lib, probe, "LABEL", out->label, sizeof out->label);
    }
    if (probe)
        lib.free_probe(probe);
    dlclose(lib.handle);

    /* libblkid turned reading ahead off for the whole open file. */
    posix_fadvise(dev->fd, 0, 0, POSIX_FADV_NORMAL);
}

/*
 * What stands where NTFS and FAT have the name of who formatted: formats by
 * Microsoft that libblkid knows only where all else is right, too.
 */
static const struct {
    char magic[8];
    const char *type;
} relatives[] = {
    { { '-', 'F', 'V', 'E', '-', 'F', 'S', '-' }, "BitLocker" },
    { { 'R', 'e', 'F', 'S', 0, 0, 0, 0 }, "ReFS" },
    { { 'E', 'X', 'F', 'A', 'T', ' ', ' ', ' ' }, "exfat" },
};

static void guess_relative(struct shale_bdev *dev, struct guess *out)
{
    char head[512];

    if (dev->size < sizeof head || dev->block_size > sizeof head ||
        shale_bdev_read(dev, 0, head, sizeof head))
        return;
    for (size_t i = 0; i < sizeof relatives / sizeof relatives[0]; i++)
        if (memcmp(head + 3, relatives[i].magic,
                   sizeof relatives[i].magic) == 0)
            snprintf(out->type, sizeof out->type, "%s", relatives[i].type);
}

bool guess_volume(struct shale_bdev *dev, struct guess *out)
{
    *out = (struct guess){ .type = "" };
    if (dev->fd < 0 || dev->size == 0)
        return false;
    ask_library(dev, out);
    if (!out->type[0])
        guess_relative(dev, out);
    return out->type[0] != '\0';
}

bool shale_guess_type(struct shale_bdev *dev, char *buf, size_t size)
{
    struct guess guess;

    if (!guess_volume(dev, &guess))
        return false;
    snprintf(buf, size, "%s", guess.type);
    return true;
}

static const struct {
    const char *name;
    uint8_t magic[6];
    size_t len;
    const char *how;
} containers[] = {
    { "qcow2", { 'Q', 'F', 'I', 0xfb }, 4, "qemu-img convert -O raw" },
    { "VMDK",  { 'K', 'D', 'M', 'V' }, 4,  "qemu-img convert -O raw" },
    { "VHDX",  { 'v', 'h', 'd', 'x', 'f', 'i' }, 6, "qemu-img convert -O raw" },
    { "VDI",   { '<', '<', '<', ' ' }, 4,  "qemu-img convert -O raw" },
    { "gzip",  { 0x1f, 0x8b, 0x08 }, 3,    "gunzip" },
    { "bzip2", { 'B', 'Z', 'h' }, 3,       "bunzip2" },
    { "xz",    { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, "unxz" },
    { "zstd",  { 0x28, 0xb5, 0x2f, 0xfd }, 4, "unzstd" },
};

const char *guess_container(struct shale_bdev *dev, const char **how)
{
    uint8_t head[sizeof containers[0].magic];

    if (dev->block_size != 1 || shale_bdev_read(dev, 0, head, sizeof head))
        return NULL;
    for (size_t i = 0; i < sizeof containers / sizeof containers[0]; i++)
        if (memcmp(head, containers[i].magic, containers[i].len) == 0) {
            *how = containers[i].how;
            return containers[i].name;
        }
    return NULL;
}
