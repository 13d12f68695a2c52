/*
 * boot.h - what a format does for shale/boot.h, and what it may use
 */
#ifndef BOOT_BOOT_H
#define BOOT_BOOT_H

#include "shale/boot.h"

/* Where there is nothing, and it reads as zeros; or in file->where. */
#define BOOT_HOLE UINT64_MAX
#define BOOT_INSIDE (UINT64_MAX - 1)

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
     * Where is byte OFFSET of FILE, which is below its size? Stores that, or
     * BOOT_HOLE or BOOT_INSIDE, in *AT, and how many follow there in *LEN: at
     * least 1, and perhaps more than WANT.
     */
    int (*map)(struct shale_boot *boot, struct shale_boot_file *file,
               uint64_t offset, uint64_t want, uint64_t *at, uint64_t *len);
};

/*
 * Read LEN bytes at byte AT of the volume: through the sector, but for what is
 * whole blocks of the device.
 */
int boot_bytes(struct shale_boot *boot, uint64_t at, void *buf, size_t len);

/* As shale_boot_read(), of FILE of any type. */
int64_t boot_read(struct shale_boot *boot, struct shale_boot_file *file,
                  void *buf, size_t len, uint64_t offset);

#endif /* BOOT_BOOT_H */
