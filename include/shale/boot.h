/*
 * boot.h - files of a volume for who has no memory to lend: boot loaders
 *
 *     static uint8_t sector[512];
 *     struct shale_boot boot;
 *     struct shale_boot_file kernel;
 *     int err = shale_boot_open(&boot, &shale_boot_fat, dev, sector,
 *                               sizeof sector);
 *
 *     if (!err)
 *         err = shale_boot_find(&boot, "/boot/kernel.img", &kernel);
 *     if (!err)
 *         count = shale_boot_read(&boot, &kernel, to, kernel.size, 0);
 *
 * There is no allocator here, no cache but one sector, and no vnode: all that
 * is known is in the structs below, which the caller has. Nothing is written.
 * The formats' bytes are decoded by what decodes them for the drivers. A
 * journal that was not replayed is not minded: what only it has is not seen.
 *
 * shale_boot_ext2 reads ext3 and ext4, too: extents, descriptors of 64 bytes,
 * what is in an inode. Not on a volume of 2^32 blocks or more, and no file or
 * directory that is encrypted: SHALE_ENOTSUP. Checksums are not looked at, and
 * names in a directory that folds case are found as they are written.
 *
 * Units      offsets, sizes and lengths are bytes
 * Names      UTF-8. On ext2 a symlink in a path is followed, the last one, too,
 *            up to SHALE_BOOT_LINKS of them (SHALE_ELOOP), as long as where it
 *            leads, with what comes after it, is SHALE_BOOT_PATH bytes or less
 *            (SHALE_ENAMETOOLONG); and "." and ".." are what they are. On FAT
 *            these are no names
 * Errors     0 or a negative enum shale_err; SHALE_ECORRUPT for a volume that
 *            breaks a rule, SHALE_ENOTSUP for one that needs more than is here.
 *            All work is bounded, whatever a volume says: a call looks at
 *            SHALE_BOOT_DIRS bytes of ext2's directories and no more
 *            (SHALE_EFBIG), which is half a million names
 * Locking    none; one thread at a time uses a volume
 */
#ifndef SHALE_BOOT_H
#define SHALE_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/err.h"
#include "shale/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Formats are chosen by naming them; the linker drops the rest. */
struct shale_boot_format;
extern const struct shale_boot_format shale_boot_fat, shale_boot_ext2;

#define SHALE_BOOT_STATE 1600u  /* bytes; the most that a format needs */
#define SHALE_BOOT_NAME 765u    /* bytes of the longest name */
#define SHALE_BOOT_PATH 760u
#define SHALE_BOOT_LINKS 8u
#define SHALE_BOOT_DIRS (UINT32_C(16) << 20)

/* An open volume. Nothing is to be closed. */
struct shale_boot {
    const struct shale_boot_format *format;
    struct shale_bdev *dev;
    uint8_t *sector;            /* the caller's buffer, ... */
    uint32_t sector_size;       /* ... of so many bytes, ... */
    uint64_t sector_at;         /* ... has those from here; UINT64_MAX: none */
    uint32_t left;              /* bytes of directories to look at, of this
                                   call */
    union {
        uint64_t align;
        uint8_t bytes[SHALE_BOOT_STATE];
    } state;                    /* the format's */
};

/* A file or directory that has been found. Can be copied. */
struct shale_boot_file {
    enum shale_type type;
    uint64_t size;              /* of a file; else the format's business */
    uint32_t where[17];         /* the format's */
};

struct shale_boot_entry {
    struct shale_boot_file file;
    size_t len;
    char name[SHALE_BOOT_NAME + 1];     /* terminated */
};

/*
 * Open the volume on DEV, which is of FORMAT. BUF, of LEN bytes, is used as
 * long as BOOT is: one block of DEV, or 512 bytes if those are smaller (or of
 * any size); SHALE_EINVAL if LEN is less.
 */
int shale_boot_open(struct shale_boot *boot,
                    const struct shale_boot_format *format,
                    struct shale_bdev *dev, void *buf, size_t len);

/* The file or directory at PATH, from the root on; "" or "/" is the root. */
int shale_boot_find(struct shale_boot *boot, const char *path,
                    struct shale_boot_file *out);

/*
 * Read up to LEN bytes of FILE at OFFSET. Returns the count, short only at the
 * end of the file. Takes note in FILE of where it was, so that reading on is
 * quick.
 */
int64_t shale_boot_read(struct shale_boot *boot, struct shale_boot_file *file,
                        void *buf, size_t len, uint64_t offset);

/*
 * The next entry of directory DIR from *COOKIE on, which is 0 to begin with.
 * Returns 1, and 0 at the end. "." and ".." are left out.
 */
int shale_boot_list(struct shale_boot *boot, struct shale_boot_file *dir,
                    uint64_t *cookie, struct shale_boot_entry *out);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_BOOT_H */
