/*
 * cache.h - the buffer cache that all metadata goes through
 *
 * A volume has one cache, of blocks of one size. A block is taken (get), which
 * pins it in memory, used, perhaps changed (by a transaction, see tx.h), and
 * released (put). Blocks that nobody has pinned and that do not wait to be
 * written are kept for as long as the byte budget allows, and then leave in
 * least-recently-used order. File data does not come here: the host caches it.
 *
 * Ownership  a buffer stored through OUT carries one pin, the caller's; its
 *            data stays valid and in place until that pin is put
 * Errors     SHALE_ENOMEM if not one block can be found room for,
 *            SHALE_EIO (or what the device answers) if it cannot be read,
 *            SHALE_EINVAL for a block past the end the cache was made with
 * Locking    calls may overlap. The cache's own locks are leaves below the
 *            volume's; the device is read with no lock held that a hit needs.
 *            Who may change a buffer's data, and when, is the volume lock's
 *            business: shared to read it, exclusive to change it
 */
#ifndef SHALE_CACHE_H
#define SHALE_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_bdev;
struct shale_cache;
struct shale_lock_ops;
struct shale_log;
struct shale_mem;

struct shale_buf {
    struct shale_cache *cache;
    uint8_t *data;              /* one block */
    uint64_t block;             /* its number */
};

struct shale_cache_config {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    const struct shale_lock_ops *locks;     /* or NULL */
    struct shale_log *log;      /* told where a read fails; or NULL */
    uint32_t block_size;        /* bytes; a power of two from 512 to 65536 */
    uint64_t block_count;       /* blocks of the volume; no get goes past it */
    size_t budget;              /* bytes of block data to keep; pinned and
                                   dirty blocks may take it beyond */
};

/* Make a cache. Everything in *CONFIG is copied. */
int shale_cache_create(const struct shale_cache_config *config,
                       struct shale_cache **out);

/*
 * Free the cache, whose transactions have been destroyed. Returns the number of
 * buffers still pinned: anything but 0 is a leak in the caller (they are gone
 * too).
 */
size_t shale_cache_destroy(struct shale_cache *cache);

/* Pin BLOCK, reading it if it is not there. */
int shale_buf_get(struct shale_cache *cache, uint64_t block,
                  struct shale_buf **out);

/*
 * As shale_buf_get(), and if the device has to be read, read with the same
 * request as many as possible of the COUNT blocks starting at FIRST, a range
 * that contains BLOCK and that is known to be read soon: an inode table, a
 * directory's extent. At most 128 KiB are read, around BLOCK. If the run fails
 * (no memory, an I/O error anywhere in it) BLOCK alone decides the answer. A
 * run that was read not long ago, and evicted since, is not read again: BLOCK
 * alone is.
 */
int shale_buf_get_run(struct shale_cache *cache, uint64_t block,
                      uint64_t first, uint64_t count, struct shale_buf **out);

/*
 * Read what is missing of the LEN blocks starting at BLOCK, all of which are
 * going to be taken one by one, with as few requests as possible. FIRST and
 * COUNT are the range around them as of shale_buf_get_run(): what of it has not
 * been read not long ago is read as well. Nothing is pinned, and no error
 * matters: who takes a block that could not be read will meet it.
 */
void shale_buf_ahead(struct shale_cache *cache, uint64_t block, uint64_t len,
                     uint64_t first, uint64_t count);

/*
 * The COUNT blocks at BLOCKS, which lie here and there, are going to be taken
 * one by one, in this order. If number NEEDED of them (the last, if there are
 * fewer) is neither there nor on its way, and the device works on several
 * requests at once, all that are not are asked for, as far as there is room,
 * and not waited for: who takes one waits for that one. As of
 * shale_buf_ahead(), no error matters.
 */
void shale_buf_ahead_each(struct shale_cache *cache, const uint64_t *blocks,
                          size_t count, size_t needed);

/*
 * Pin BLOCK, which was free and is going to have new contents: all zeros, and
 * nothing is read. Whoever changes it by a transaction changes at least one
 * byte, else it counts as unchanged and is not written. With the volume's lock
 * exclusive.
 */
int shale_buf_get_new(struct shale_cache *cache, uint64_t block,
                      struct shale_buf **out);

/* Release a pin. BUF may be NULL. */
void shale_buf_put(struct shale_buf *buf);

/*
 * The COUNT blocks from FIRST are written to the device past the cache: drop
 * what it has of them. None of them is pinned or dirty. With the volume's lock
 * exclusive.
 */
void shale_cache_forget(struct shale_cache *cache, uint64_t first,
                        uint64_t count);

/*
 * Drop what is being read ahead, and unpinned clean blocks until WANT bytes are
 * freed. Returns how many. The volume's lock need not be held.
 */
size_t shale_cache_shrink(struct shale_cache *cache, size_t want);

struct shale_cache_stats {
    size_t budget;              /* bytes */
    size_t bytes;               /* block data held now */
    uint32_t block_size;        /* bytes */
    size_t pinned, dirty;       /* blocks, now */
    uint64_t hits, misses;      /* of get */
    uint64_t reads;             /* requests to the device */
};

void shale_cache_stats(struct shale_cache *cache,
                       struct shale_cache_stats *out);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_CACHE_H */
