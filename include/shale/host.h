/*
 * host.h - Linux under the core: image files, memory, locks
 *
 * What libshale adds to libshale-core. An embedder without an operating system
 * does not include this header; a program that works with image files needs
 * little else: shale_image_open() does all of the steps below in one call.
 */
#ifndef SHALE_HOST_H
#define SHALE_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/check.h"
#include "shale/clock.h"
#include "shale/lock.h"
#include "shale/log.h"
#include "shale/mem.h"
#include "shale/once.h"
#include "shale/partition.h"
#include "shale/shale.h"

#ifdef __cplusplus
extern "C" {
#endif

/* pthread reader-writer locks. */
extern const struct shale_lock_ops shale_host_locks;

/* How threads wait for what another one does once (see once.h): asleep. */
extern struct shale_once_wait shale_host_once_wait;

/*
 * Threads told apart, for shale_mem_set_places(): the first 32 at any time. One
 * that finds all taken stays without.
 */
extern struct shale_places shale_host_places;

/* The system's clock, and its time zone (tzset(3) as of the first use). */
extern struct shale_clock shale_host_clock;

/*
 * An allocator over anonymous mmap, growing on demand up to BUDGET bytes (0:
 * no bound), safe for threads. shale_mem_destroy() returns its memory.
 */
struct shale_mem *shale_host_mem_create(size_t budget);

/*
 * COUNT threads for what several can do, 16 at most; 0: one for each CPU that
 * this process may run on. NULL if there is no memory.
 */
struct shale_workers *shale_host_workers_create(unsigned count);
void shale_host_workers_destroy(struct shale_workers *workers);

/* ----------------------------------------------------------- image files */

struct shale_file_bdev;

#define SHALE_FILE_WRITE 1u     /* open for writing, with an exclusive lock */
#define SHALE_FILE_NOLOCK 2u    /* take no lock */

/*
 * Open the image file or block-special device at PATH and lock it (flock(2)):
 * shared to read, exclusive to write. SHALE_EAGAIN if somebody else's lock is
 * in the way; SHALE_EISDIR for a directory and SHALE_EINVAL for what else is
 * neither a file nor a block device; SHALE_EBUSY, to write, if Linux has it
 * mounted or a loop device on it; else open(2)'s errors. The device takes
 * any offset, exposes its descriptor, and answers SHALE_EIO where the file has
 * become shorter than it was.
 */
int shale_file_bdev_open(const char *path, unsigned flags,
                         struct shale_file_bdev **out);
struct shale_bdev *shale_file_bdev(struct shale_file_bdev *file);

/* Close it, which releases the lock. */
void shale_file_bdev_close(struct shale_file_bdev *file);

/* --------------------------------------------- an image and its volume */

/* The driver NAME, which may be mount(8)'s name for it ("vfat"); or NULL. */
const struct shale_fs_ops *shale_driver_named(const char *name);

/* Which volume of which image, and how. All but path may be left zero. */
struct shale_image_config {
    const char *path;
    unsigned part;              /* partition number; 0: not said */
    bool has_offset;            /* the volume is at offset, whatever a table
                                   says */
    uint64_t offset;            /* bytes */
    uint64_t size_limit;        /* bytes; 0: to the partition's or image's
                                   end */
    bool write;                 /* open for writing, if the driver can; what the
                                   volume allows, shale_fs_read_only() tells */
    bool errors_continue;       /* as in struct shale_config */
    bool unreplayed;            /* to be read without what only a journal has,
                                   if that was not replayed */
    bool no_lock;
    const char *type;           /* driver name; NULL: probe */
    const char *options;        /* the driver's; where one names a file, that
                                   is one of this machine */
    bool streams;               /* "file:stream" is a stream of a file, in
                                   formats that have streams */
    bool has_owner;             /* owner_... own what has no owner, in formats
                                   that may say one */
    uint32_t owner_uid, owner_gid;
    const char *place;          /* where it is going to be mounted: absolute,
                                   for formats that keep it; or NULL */
    struct shale_clock *clock;  /* NULL: shale_host_clock */
    struct shale_log *log;      /* gets the volume's events as well, with their
                                   places as bytes of the image */
    size_t memory_budget;       /* bytes; 0: no bound */
    size_t cache_bytes, decoded_bytes, vnode_max;   /* as in struct
                                   shale_config */
};

/* Room for an error in words. */
#define SHALE_WHY_MAX 1024

struct shale_image {
    struct shale_file_bdev *file;
    struct shale_mem *mem;
    struct shale_slice_bdev volume;     /* the part of the file mounted */
    unsigned part;              /* partition chosen; 0 if none */
    struct shale_fs *fs;        /* NULL if opened without mounting */

    /* The last error event of the volume in words, or "". Not for programs
       that use the image from several threads. */
    char fault[SHALE_WHY_MAX];

    struct shale_log log;       /* the library's */
    struct shale_log *next_log;
};

/*
 * Open CONFIG->path, choose a volume in it, mount that, and store the lot in
 * *OUT. The volume is: the one at the offset given; else the partition given;
 * else the whole image if a driver knows it; else the only partition that a
 * driver knows. Several are an error that lists them.
 *
 * On failure stores in WHY (SHALE_WHY_MAX bytes) one line, without the path,
 * that says what is wrong and what to try next.
 */
int shale_image_open(const struct shale_image_config *config,
                     struct shale_image **out, char *why);

/*
 * As above, but without a mount: fs is NULL, nothing is probed, and where
 * CONFIG names no place the volume is the whole image. For what reads tables.
 */
int shale_image_open_raw(const struct shale_image_config *config,
                         struct shale_image **out, char *why);

/*
 * Tell TO (fs.h) what FS takes of MEM, now and at most so far, what its caches
 * have and how well they do, and the memory formula for CALLS at once.
 */
void shale_describe_memory(struct shale_fs *fs, struct shale_mem *mem,
                           unsigned calls, struct shale_describe *to);

/* Unmount and close. Errors are shale_unmount()'s; IMAGE is gone anyway. */
int shale_image_close(struct shale_image *image);

/*
 * Put EVENT into words, in the SIZE bytes of BUF: "ext2: block map leaves the
 * volume (inode 12, byte 4096 of the image)". BASE is the byte of the image at
 * which the volume starts.
 */
void shale_event_text(const struct shale_event *event, uint64_t base,
                      char *buf, size_t size);

/*
 * What the volume at the start of DEV probably is, by libblkid's opinion, for
 * an error that names it ("xfs", "crypto_LUKS"). False if nobody knows.
 */
bool shale_guess_type(struct shale_bdev *dev, char *buf, size_t size);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_HOST_H */
