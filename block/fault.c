/*
 * fault.c - a device that fails on request and remembers what was written
 *
 * The lock covers the counters and the list of records, never the request to
 * the lower device: overlapping requests stay overlapping. A record is added
 * before its request is passed on, and taken out again if that fails, so that
 * a write made during a flush comes after it in the list: not known durable.
 */
#include "shale/fault.h"

#include "lock.h"
#include "memfn.h"
#include "shale/err.h"
#include "shale/mem.h"

static struct shale_fault_bdev *fault_of(struct shale_bdev *dev)
{
    return (struct shale_fault_bdev *)dev;
}

/* Count one request. Its error if it is to fail, else 0. */
static int count_request(struct shale_fault_bdev *fault,
                         enum shale_request_kind kind, uint64_t offset,
                         size_t len)
{
    uint64_t number;
    int err = 0;

    if (fault->watch)
        fault->watch(fault->watch_context, kind, offset, len);

    lock_exclusive(fault->locks, fault->lock);
    number = fault->requests++;
    if (number >= fault->fail_first &&
        number - fault->fail_first < fault->fail_count) {
        fault->failed = true;
        err = fault->fail_err;
    }
    lock_release(fault->locks, fault->lock);
    return err;
}

static void record_free(struct shale_fault_bdev *fault,
                        struct shale_fault_record *record)
{
    shale_free(fault->mem, record, sizeof *record + record->len);
}

/* Append a record, stored in *OUT; NULL there if none are kept. */
static int record_add(struct shale_fault_bdev *fault,
                      enum shale_request_kind kind, uint64_t offset,
                      const void *buf, size_t len,
                      struct shale_fault_record **out)
{
    struct shale_fault_record *record;

    *out = NULL;
    if (!fault->mem)
        return 0;
    if (len > SIZE_MAX - sizeof *record)
        return SHALE_ENOMEM;
    record = shale_alloc(fault->mem, sizeof *record + len);
    if (!record)
        return SHALE_ENOMEM;

    record->next = NULL;
    record->kind = kind;
    record->offset = offset;
    record->len = len;
    if (len > 0)
        memcpy(record->bytes, buf, len);

    lock_exclusive(fault->locks, fault->lock);
    *fault->records_end = record;
    fault->records_end = &record->next;
    lock_release(fault->locks, fault->lock);
    *out = record;
    return 0;
}

/* Take RECORD, which may be NULL, off the list: it did not go through. */
static void record_remove(struct shale_fault_bdev *fault,
                          struct shale_fault_record *record)
{
    struct shale_fault_record **at = &fault->records;

    if (!record)
        return;
    lock_exclusive(fault->locks, fault->lock);
    while (*at != record)
        at = &(*at)->next;
    *at = record->next;
    if (fault->records_end == &record->next)
        fault->records_end = at;
    lock_release(fault->locks, fault->lock);
    record_free(fault, record);
}

static int fault_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                      size_t len)
{
    struct shale_fault_bdev *fault = fault_of(dev);
    int err = count_request(fault, SHALE_REQUEST_READ, offset, len);

    return err ? err : shale_bdev_read(fault->lower, offset, buf, len);
}

static int fault_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                       size_t len)
{
    struct shale_fault_bdev *fault = fault_of(dev);
    struct shale_fault_record *record;
    int err = count_request(fault, SHALE_REQUEST_WRITE, offset, len);

    if (err)
        return err;
    err = record_add(fault, SHALE_REQUEST_WRITE, offset, buf, len, &record);
    if (err)
        return err;
    err = shale_bdev_write(fault->lower, offset, buf, len);
    if (err)
        record_remove(fault, record);
    return err;
}

static int fault_flush(struct shale_bdev *dev)
{
    struct shale_fault_bdev *fault = fault_of(dev);
    struct shale_fault_record *record;
    int err = count_request(fault, SHALE_REQUEST_FLUSH, 0, 0);

    if (err)
        return err;
    err = record_add(fault, SHALE_REQUEST_FLUSH, 0, NULL, 0, &record);
    if (err)
        return err;
    err = shale_bdev_flush(fault->lower);
    if (err)
        record_remove(fault, record);
    return err;
}

static int fault_discard(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    return shale_bdev_discard(fault_of(dev)->lower, offset, len);
}

/*
 * Counted in the order in which they are asked for. Reads go on to the lower
 * device and may come back in any; a write is done at once, so that its record
 * is there if and only if it went through.
 */
static size_t fault_submit(struct shale_bdev *dev,
                           struct shale_bdev_request *const *requests,
                           size_t count)
{
    struct shale_fault_bdev *fault = fault_of(dev);

    for (size_t i = 0; i < count; i++) {
        struct shale_bdev_request *request = requests[i];
        int err;

        if (request->write) {
            err = fault_write(dev, request->offset, request->buf,
                              request->len);
        } else {
            err = count_request(fault, SHALE_REQUEST_READ, request->offset,
                                request->len);
            if (!err && shale_bdev_submit(fault->lower, &request, 1) == 1)
                continue;
            if (!err)           /* it has no room now */
                err = shale_bdev_read(fault->lower, request->offset,
                                      request->buf, request->len);
        }
        shale_bdev_complete(request, err);
    }
    return count;
}

static void fault_wait(struct shale_bdev *dev, const struct shale_queue *done)
{
    shale_bdev_wait(fault_of(dev)->lower, done);
}

static const struct shale_bdev_ops fault_ops = {
    .read    = fault_read,
    .write   = fault_write,
    .flush   = fault_flush,
    .discard = fault_discard,
    .submit  = fault_submit,
    .wait    = fault_wait,
};

static const struct shale_bdev_ops fault_read_only_ops = {
    .read   = fault_read,
    .submit = fault_submit,
    .wait   = fault_wait,
};

int shale_fault_bdev_init(struct shale_fault_bdev *fault,
                          struct shale_bdev *lower, struct shale_mem *mem,
                          const struct shale_lock_ops *locks)
{
    void *lock = NULL;

    if (locks) {
        int err;

        lock = shale_alloc(mem, locks->size);
        if (!lock)
            return SHALE_ENOMEM;
        err = locks->init(lock);
        if (err) {
            shale_free(mem, lock, locks->size);
            return err;
        }
    }

    *fault = (struct shale_fault_bdev){
        .base = {
            .ops = lower->ops->write ? &fault_ops : &fault_read_only_ops,
            .size = lower->size,
            .block_size = lower->block_size,
            .fd = -1,
            .at_once = lower->at_once,
        },
        .lower = lower,
        .mem = mem,
        .locks = locks,
        .lock = lock,
    };
    fault->records_end = &fault->records;
    return 0;
}

void shale_fault_bdev_fini(struct shale_fault_bdev *fault)
{
    shale_fault_forget(fault);
    if (fault->locks) {
        fault->locks->fini(fault->lock);
        shale_free(fault->mem, fault->lock, fault->locks->size);
    }
}

void shale_fault_at(struct shale_fault_bdev *fault, uint64_t first,
                    uint64_t count, int err)
{
    lock_exclusive(fault->locks, fault->lock);
    fault->requests = 0;
    fault->fail_first = first;
    fault->fail_count = count;
    fault->fail_err = err;
    fault->failed = false;
    lock_release(fault->locks, fault->lock);
}

bool shale_fault_failed(struct shale_fault_bdev *fault)
{
    bool failed;

    lock_shared(fault->locks, fault->lock);
    failed = fault->failed;
    lock_release(fault->locks, fault->lock);
    return failed;
}

uint64_t shale_fault_requests(struct shale_fault_bdev *fault)
{
    uint64_t requests;

    lock_shared(fault->locks, fault->lock);
    requests = fault->requests;
    lock_release(fault->locks, fault->lock);
    return requests;
}

int shale_fault_mark(struct shale_fault_bdev *fault, uint64_t number)
{
    struct shale_fault_record *record;

    return record_add(fault, SHALE_REQUEST_MARK, number, NULL, 0, &record);
}

void shale_fault_forget(struct shale_fault_bdev *fault)
{
    struct shale_fault_record *record, *next;

    lock_exclusive(fault->locks, fault->lock);
    record = fault->records;
    fault->records = NULL;
    fault->records_end = &fault->records;
    lock_release(fault->locks, fault->lock);

    for (; record; record = next) {
        next = record->next;
        record_free(fault, record);
    }
}
