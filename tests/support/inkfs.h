/*
 * inkfs.h - a filesystem that writes, to test the VFS without a format
 *
 * Small enough to be checked at a glance, and real: it lives on a device, in
 * blocks of 1 KiB, and changes them through transactions.
 *
 *     block 0      "INK", whether it is in use, its label
 *     block 1      for each unit of data: is it free?         rank MAP
 *     16 blocks    a file each: type, links, size, units      rank NODE
 *     8 blocks     16 names each: directory, file, name       rank NAME
 *     the rest     units of data, 1 KiB each
 *
 * A volume is made in memory, with a device that fails on request above it,
 * and locks that watch over their order.
 */
#ifndef SUPPORT_INKFS_H
#define SUPPORT_INKFS_H

#include <check.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arenas.h"
#include "shale/fault.h"
#include "shale/fs.h"
#include "shale/shale.h"

#define INK_BLOCK 1024u         /* also a unit of data */
#define INK_ROOT 1u
#define INK_FILES 16u           /* numbered from 1 */
#define INK_NAMES 128u
#define INK_NAME_MAX 40u        /* bytes */
#define INK_UNITS 200u
#define INK_FILE_UNITS 100u     /* at most, of one file */
#define INK_BLOCKS (2u + INK_FILES + INK_NAMES / 16u + INK_UNITS)
#define INK_SIZE ((size_t)INK_BLOCKS * INK_BLOCK)

/* What the driver can be told to answer instead of doing it. */
enum ink_op {
    INK_CREATE, INK_LINK, INK_REMOVE, INK_RENAME, INK_SETATTR, INK_ALLOCATE,
    INK_RESIZE, INK_TRIM, INK_RELEASE, INK_RECLAIM, INK_MARK, INK_PURGE,
    INK_LOAD, INK_OPS,
};

struct ink {
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;      /* what is mounted */
    uint8_t *bytes;             /* INK_SIZE of them */
    struct test_source source, fault_source;
    struct shale_mem *mem, *fault_mem;  /* the volume's; the records' */
    struct shale_log log;
    struct shale_clock clock;
    struct shale_config config; /* for the next ink_mount() */
    struct shale_fs *fs;        /* NULL while not mounted */
    struct shale_vnode *root;

    atomic_uint calls[INK_OPS];
    int fail[INK_OPS];          /* the error that it answers, or 0 */
    unsigned fail_times[INK_OPS];       /* ... so often */
    unsigned fail_after[INK_OPS];       /* ... but so many calls first do it */
    bool fold_case;             /* lookup takes "A" for "a" */
    uint64_t piece;             /* allocate() tells no more bytes; 0: all */
    int64_t now;                /* seconds; the clock's */
    atomic_uint events;
    struct shale_event said;    /* the last one */
};

/* Without holes, and with. */
extern const struct shale_fs_ops ink_ops;
extern const struct shale_fs_ops ink_hole_ops;

/* Make a volume with an empty root. HOLES: which of the two drivers. */
void ink_init(struct ink *ink, bool holes);

/* Unmount if mounted, and assert that nothing is left of it and all is well. */
void ink_fini(struct ink *ink);

/* Assert that nothing is left of it, unmounted, in whatever state it is. */
void ink_discard(struct ink *ink);

void ink_mount(struct ink *ink);
void ink_unmount(struct ink *ink);

/*
 * What is wrong with the volume on the device, or NULL. A file without a name,
 * or a unit that nobody has, is wrong unless LEAKS.
 */
const char *ink_check(const struct ink *ink, bool leaks);

/* Is it marked as in use on the device? */
bool ink_marked(const struct ink *ink);

unsigned ink_calls(struct ink *ink, enum ink_op op);

/* Units that are free on the device. */
unsigned ink_free_units(const struct ink *ink);

/* From now on the next TIMES calls of OP answer ERR. */
void ink_fail(struct ink *ink, enum ink_op op, unsigned times, int err);

/* Create a file or directory of the root, which has to work; to be put. */
struct shale_vnode *ink_create(struct ink *ink, const char *name);
struct shale_vnode *ink_mkdir(struct ink *ink, const char *name);

/* The file at PATH, which has to exist; to be put. */
struct shale_vnode *ink_get(struct ink *ink, const char *path);

/* The inode number at PATH, or an error. */
int64_t ink_find(struct ink *ink, const char *path);

/* Calls with terminated names; DIR may be NULL for the root. */
int ink_make(struct ink *ink, struct shale_vnode *dir, const char *name,
             uint32_t mode, struct shale_vnode **out);
int ink_unlink(struct ink *ink, const char *name);
int ink_rename(struct ink *ink, const char *from, const char *to,
               unsigned flags);

/* Byte number AT of the pattern numbered SEED. */
uint8_t ink_byte(unsigned seed, uint64_t at);

/* Write LEN bytes of SEED's pattern to FILE at OFFSET. As shale_write(). */
int64_t ink_write(struct shale_vnode *file, unsigned seed, uint64_t offset,
                  size_t len);

/* Assert that the LEN bytes of FILE at OFFSET are SEED's; 0: zeros. */
void ink_expect(struct shale_vnode *file, unsigned seed, uint64_t offset,
                size_t len);

#endif /* SUPPORT_INKFS_H */
