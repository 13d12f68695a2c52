/*
 * bdev.h - the block device a filesystem is mounted on
 *
 * Shale never opens anything. The embedder fills a struct shale_bdev, usually
 * as the first member of its own struct, and lends it to shale_mount().
 * Devices stack: a slice of a memory device is a device.
 */
#ifndef SHALE_BDEV_H
#define SHALE_BDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_bdev;
struct shale_mem;
struct shale_queue;

/*
 * A request of a device that works on several at once: its submit() takes it,
 * and some time later it is completed (shale_bdev_complete()).
 *
 * Ownership  from submit() until it is completed the request and BUF are the
 *            device's, which does not touch them any more afterwards
 */
struct shale_bdev_request {
    uint64_t offset;            /* bytes; devices that stack change it */
    void *buf;                  /* a write only reads it */
    size_t len;                 /* bytes; not 0 */
    bool write;
    int err;                    /* the answer, once it is completed */
    struct shale_queue *done;   /* where it is pushed then: one that has room
                                   for all requests that name it */
    void *device;               /* for the device to use meanwhile */
};

/*
 * What a device can do.
 *
 * Units      bytes; OFFSET and LEN are multiples of dev->block_size
 * Ownership  BUF belongs to the caller and is not kept after the call returns
 * Errors     0 or a negative enum shale_err; no partial success
 * Locking    calls may overlap, unless the embedder lends no locks
 * Absent     a NULL slot means the device cannot
 */
struct shale_bdev_ops {
    /*
     * Read LEN bytes at OFFSET into BUF. The range has been checked against
     * dev->size. On error the contents of BUF are unspecified. A device that
     * turns out to be shorter than dev->size answers SHALE_EIO: never zeros.
     */
    int (*read)(struct shale_bdev *dev, uint64_t offset, void *buf, size_t len);

    /*
     * Write LEN bytes at OFFSET. May be buffered until flush(). NULL on a
     * read-only device; the core then answers SHALE_EROFS itself.
     */
    int (*write)(struct shale_bdev *dev, uint64_t offset, const void *buf,
                 size_t len);

    /* Make every earlier write durable. NULL if writes already are. */
    int (*flush)(struct shale_bdev *dev);

    /* The range holds nothing worth keeping. A hint; NULL to ignore it. */
    int (*discard)(struct shale_bdev *dev, uint64_t offset, uint64_t len);

    /*
     * Make the range read as zeros, in less time than writing them would take:
     * SHALE_ENOTSUP, and nothing is done, if the device has no such way.
     */
    int (*zero)(struct shale_bdev *dev, uint64_t offset, uint64_t len);

    /*
     * The device's own memory at OFFSET, LEN bytes, for as long as the device
     * lives; NULL if that range is not in memory. For RAM disks.
     */
    const void *(*direct)(struct shale_bdev *dev, uint64_t offset, size_t len);

    /*
     * The first byte at or after OFFSET that may be other than zero: what lies
     * before it reads as zeros. dev->size if none is. For sparse images, whose
     * holes are not worth reading.
     */
    uint64_t (*data_from)(struct shale_bdev *dev, uint64_t offset);

    /*
     * The range is going to be read soon: bring it near, if that takes no time
     * now. A hint, of any range of the device; NULL to ignore it.
     */
    void (*soon)(struct shale_bdev *dev, uint64_t offset, uint64_t len);

    /*
     * Begin the COUNT requests, whose ranges have been checked, and return
     * without waiting for any. Returns how many have been taken, the first ones
     * of them, as many as there was room for; 0 perhaps. Each one taken is
     * completed once, by any thread or in an interrupt, perhaps before this
     * returns. Those under way at the same time are done in any order, and so
     * is what read() and write() do meanwhile: who needs an order waits for the
     * first to be completed before he asks for the second. flush() is for those
     * that have been completed by when it is called. May be called by several
     * threads at once, but not in an interrupt.
     */
    size_t (*submit)(struct shale_bdev *dev,
                     struct shale_bdev_request *const *requests, size_t count);

    /*
     * Return when DONE is not empty, or earlier: sleep, or look whether the
     * device has completed anything. Only called for a queue that requests
     * under way name. Who sleeps looks at DONE again when nothing can be pushed
     * there unnoticed: with interrupts off, or a lock held that completing
     * takes. Present if submit is.
     */
    void (*wait)(struct shale_bdev *dev, const struct shale_queue *done);
};

struct shale_bdev {
    const struct shale_bdev_ops *ops;
    uint64_t size;              /* bytes; a multiple of block_size */
    uint32_t block_size;        /* bytes; a power of two from 512 to 4096, or 1
                                   for a device that takes any range: a file */
    int fd;                     /* on a hosted system, a descriptor through
                                   which the same bytes are readable; or -1 */
    uint64_t fd_offset;         /* where byte 0 of this device is in fd */
    uint32_t at_once;           /* requests that submit() has room for, and that
                                   are worth having under way at once; 0 if
                                   there is no submit() */
};

/*
 * The checked calls, which everything above a device uses. A range that runs
 * past dev->size is SHALE_EIO (a truncated image, not a bug of the caller's);
 * one that is not aligned to dev->block_size is SHALE_EINVAL; no write slot is
 * SHALE_EROFS. LEN 0 succeeds and calls nothing.
 */
int shale_bdev_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                    size_t len);
int shale_bdev_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                     size_t len);
int shale_bdev_flush(struct shale_bdev *dev);
int shale_bdev_discard(struct shale_bdev *dev, uint64_t offset, uint64_t len);
int shale_bdev_zero(struct shale_bdev *dev, uint64_t offset, uint64_t len);
const void *shale_bdev_direct(struct shale_bdev *dev, uint64_t offset,
                              size_t len);

/* Any OFFSET; the answer is OFFSET itself where a device does not know. */
uint64_t shale_bdev_data_from(struct shale_bdev *dev, uint64_t offset);

/* Any range; what of it is past the end of DEV is left out. */
void shale_bdev_soon(struct shale_bdev *dev, uint64_t offset, uint64_t len);

/*
 * Read any LEN bytes at any OFFSET: the aligned middle goes straight to BUF,
 * ragged ends through a bounce block taken from MEM (SHALE_ENOMEM if that
 * fails). Aligned ranges need no memory.
 */
int shale_bdev_read_bytes(struct shale_bdev *dev, struct shale_mem *mem,
                          uint64_t offset, void *buf, size_t len);

/*
 * Write any LEN bytes at any OFFSET, as above: a block at a ragged end is read,
 * changed and written, so nobody else may write to it meanwhile.
 */
int shale_bdev_write_bytes(struct shale_bdev *dev, struct shale_mem *mem,
                           uint64_t offset, const void *buf, size_t len);

/*
 * As submit(), with ranges that are checked: those of them that cannot be done
 * are completed with the error. A device without submit() does them one by one
 * here, and they are completed on return. flight.h is the easy way to use this.
 */
size_t shale_bdev_submit(struct shale_bdev *dev,
                         struct shale_bdev_request *const *requests,
                         size_t count);
void shale_bdev_wait(struct shale_bdev *dev, const struct shale_queue *done);

/*
 * For a device: REQUEST has been done, with ERR, 0 or a negative enum
 * shale_err. Its owner may free it, and the queue, at once. Takes no lock.
 */
void shale_bdev_complete(struct shale_bdev_request *request, int err);

/* A device over an array, which stays the caller's. */
struct shale_memory_bdev {
    struct shale_bdev base;
    uint8_t *bytes;
};

/*
 * Make MEMORY a device over the SIZE bytes at BYTES. SIZE is rounded down to
 * BLOCK_SIZE. A read-only device never writes to BYTES.
 */
void shale_memory_bdev_init(struct shale_memory_bdev *memory, void *bytes,
                            uint64_t size, uint32_t block_size, bool read_only);

/* A device that is a range of another one: a partition, an offset. */
struct shale_slice_bdev {
    struct shale_bdev base;
    struct shale_bdev *lower;
    uint64_t start;             /* where byte 0 is on LOWER */
};

/*
 * Make SLICE the SIZE bytes of LOWER at START. SHALE_EINVAL if START is not
 * aligned to LOWER's blocks or lies past its end. A SIZE that runs past the
 * end is kept, so that a truncated image reports SHALE_EIO where its bytes are
 * missing; UINT64_MAX means "to the end".
 */
int shale_slice_bdev_init(struct shale_slice_bdev *slice,
                          struct shale_bdev *lower, uint64_t start,
                          uint64_t size);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_BDEV_H */
