/*
 * boot.h - what a format does for shale/boot.h, and what it may use
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "shale/boot.h"

struct shale_boot_format {
    /* Read and check what is needed of the volume, into boot->state. */
    int (*open)(struct shale_boot *boot);

    int (*root)(struct shale_boot *boot, struct shale_boot_file *out);

    /* Find NAME, LEN bytes and at least 1, in DIR. SHALE_ENOENT. */
    int (*find)(struct shale_boot *boot, struct shale_boot_file *dir,
                const char *name, size_t len, struct shale_boot_file *out);

    /*
     * LINK has been found, with *PATH still to go: make *PATH, which may have
     * come from here before, where it leads with that behind it. NULL: there
     * are no symlinks. Such a format finds ".." by find(), too.
     */
    int (*follow)(struct shale_boot *boot, struct shale_boot_file *link,
                  const char **path);

    /* As shale_boot_list(), but for the name's terminator. */
    int (*list)(struct shale_boot *boot, struct shale_boot_file *dir,
                uint64_t *cookie, struct shale_boot_entry *out);

    /*
     * What is at byte OFFSET of FILE, which is below its size: as shale_map(),
     * but perhaps longer than WANT bytes, or than the file; and what is inline
     * is at .device, too.
     */
    int (*map)(struct shale_boot *boot, struct shale_boot_file *file,
               uint64_t offset, uint64_t want, struct shale_extent *out);
};

/* shale_boot_open() but for what the format does. */
int boot_begin(struct shale_boot *boot, const struct shale_boot_format *format,
               struct shale_bdev *dev, void *buf, size_t len);

/*
 * Read LEN bytes at byte AT of the volume: through the sector, but for what is
 * whole blocks of the device.
 */
int boot_bytes(struct shale_boot *boot, uint64_t at, void *buf, size_t len);

/* As shale_boot_read(), of FILE of any type. */
int64_t boot_read(struct shale_boot *boot, struct shale_boot_file *file,
                  void *buf, size_t len, uint64_t offset);

#endif /* BOOT_BOOT_H */
