/*
 * fault.h - a device that fails on request and remembers what was written
 *
 * For tests. A fault device stands on another device and passes every request
 * on. It counts them, can fail the Nth, and keeps what was written and flushed
 * in order, with marks that the test sets, so that it can rebuild what a power
 * cut at any moment would have left. It has neither a descriptor nor direct
 * memory: nothing goes past it. Discards are passed on, neither counted nor
 * recorded. On a device that works on several requests at once it passes reads
 * on as they come, counted in the order in which they were asked for; writes it
 * does one by one.
 *
 * A power cut after the Nth request is "fail all from N on" while the work
 * runs; what the medium then holds is the old image plus every recorded write
 * before the last flush, plus any choice of those after it.
 */
#ifndef SHALE_FAULT_H
#define SHALE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"

#ifdef __cplusplus
extern "C" {
#endif

struct shale_lock_ops;
struct shale_mem;

enum shale_request_kind {
    SHALE_REQUEST_READ,
    SHALE_REQUEST_WRITE,
    SHALE_REQUEST_FLUSH,
    SHALE_REQUEST_MARK,         /* no request: see shale_fault_mark() */
};

/* A write or flush that went through, or a mark. */
struct shale_fault_record {
    struct shale_fault_record *next;    /* the one after it; NULL if last */
    enum shale_request_kind kind;
    uint64_t offset;            /* bytes; 0 for a flush; a mark's number */
    size_t len;                 /* bytes; 0 for a flush or mark */
    uint8_t bytes[];            /* what was written */
};

struct shale_fault_bdev {
    struct shale_bdev base;
    struct shale_bdev *lower;

    /*
     * Called for every request before it is counted, if not NULL, on the
     * thread that makes it and with no lock held. Not to be changed while
     * requests are under way.
     */
    void (*watch)(void *context, enum shale_request_kind kind, uint64_t offset,
                  size_t len);
    void *watch_context;

    /* What was written since init or forget, oldest first; read it only when
       no request is under way. NULL if nothing, or if nothing is kept. */
    struct shale_fault_record *records;

    /* The device's own. */
    struct shale_fault_record **records_end;
    struct shale_mem *mem;
    const struct shale_lock_ops *locks;
    void *lock;
    uint64_t requests;
    uint64_t fail_first, fail_count;    /* by number of request */
    int fail_err;
    bool failed;
};

/*
 * Make FAULT a device on LOWER, which must outlive it. With MEM, writes and
 * flushes are recorded in memory from there (SHALE_ENOMEM, and nothing is
 * written, if it runs out). LOCKS may be NULL for use by one thread; with them
 * MEM must not be NULL. SHALE_ENOMEM or LOCKS' own error if no lock is to be
 * had.
 */
int shale_fault_bdev_init(struct shale_fault_bdev *fault,
                          struct shale_bdev *lower, struct shale_mem *mem,
                          const struct shale_lock_ops *locks);

/* Free the records and the lock. */
void shale_fault_bdev_fini(struct shale_fault_bdev *fault);

/*
 * From now on count requests from 0, and answer ERR instead of passing on COUNT
 * of them, starting with number FIRST; UINT64_MAX is "all from there on", and
 * a COUNT of 0 fails nothing.
 */
void shale_fault_at(struct shale_fault_bdev *fault, uint64_t first,
                    uint64_t count, int err);

/* Has a request failed since shale_fault_at()? */
bool shale_fault_failed(struct shale_fault_bdev *fault);

/* Requests since shale_fault_at() or init, failed ones included. */
uint64_t shale_fault_requests(struct shale_fault_bdev *fault);

/*
 * Record that something has happened by now that NUMBER stands for, "fsync of
 * that file has returned". SHALE_ENOMEM.
 */
int shale_fault_mark(struct shale_fault_bdev *fault, uint64_t number);

/* Free the records and start a new list. */
void shale_fault_forget(struct shale_fault_bdev *fault);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_FAULT_H */
