/*
 * virtio_blk.c - virtio block devices, several requests at a time
 *
 * VIRTIO 1.2, 5.2. A request is a chain of up to three descriptors: a header
 * that says what and where, the data, and a byte for the device's answer. There
 * are SLOTS places for requests, and the Nth has the descriptors from 3N on for
 * good, so that nothing about descriptors is left to manage: a slot is free or
 * taken, a bit each.
 *
 *     slot    0                       1
 *     desc    0       1       2       3       4       5       6 ...
 *             header  data    status  header  data    status
 *                NEXT -> NEXT ->|
 *
 * What comes through the device's submit() is many requests under way; read(),
 * write() and the others are one request and the wait for it. Whoever sees that
 * the device has completed some, a thread that looks or an interrupt's handler,
 * collects them for everybody.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"
#include "shale/queue.h"
#include "virtio.h"

#define SLOTS      32u
#define ALL_FREE   UINT32_MAX
#define SECTOR     512u
#define PIECE      ((size_t)1 << 20)    /* bytes of one request at most */

_Static_assert(3 * SLOTS <= VIRTQ_SIZE, "each slot has its descriptors");

/* 5.2.3: features, as bits. */
#define F_RO           (UINT64_C(1) << 5)
#define F_BLK_SIZE     (UINT64_C(1) << 6)
#define F_FLUSH        (UINT64_C(1) << 9)
#define F_DISCARD      (UINT64_C(1) << 13)
#define F_WRITE_ZEROES (UINT64_C(1) << 14)

/* 5.2.4: the configuration. */
#define CONFIG_CAPACITY         0u      /* sectors, 64 bits */
#define CONFIG_BLK_SIZE         20u
#define CONFIG_MAX_DISCARD      36u     /* sectors of one request */
#define CONFIG_MAX_WRITE_ZEROES 48u     /* sectors of one request */

/* 5.2.6: a request. */
#define TYPE_IN           0u
#define TYPE_OUT          1u
#define TYPE_FLUSH        4u
#define TYPE_DISCARD      11u
#define TYPE_WRITE_ZEROES 13u

#define STATUS_OK      0u
#define STATUS_UNSUPP  2u

struct header {
    uint32_t type;
    uint32_t reserved;
    uint64_t sector;
};

struct range {                  /* data of the last two types */
    uint64_t sector;
    uint32_t sectors;
    uint32_t flags;
};

struct slot {
    struct header header;
    uint8_t status;
    struct shale_bdev_request *request;
};

struct virtio_blk {
    struct shale_bdev base;
    struct shale_bdev_ops ops;  /* without what this device cannot do */
    struct virtio *virtio;
    struct spinlock lock;       /* of all below */
    uint32_t free;              /* slots, a bit each */
    unsigned taken;             /* how many are not */
    unsigned sleepers;          /* threads that want an interrupt */
    struct waiters waiters;     /* ... and sleep until there was one */
    struct slot slots[SLOTS];
    struct virtqueue queue;
    uint32_t discard_max, zero_max;     /* sectors */
};

static struct virtio_blk *blk_of(struct shale_bdev *dev)
{
    return (struct virtio_blk *)dev;
}

/* --------------------------------------------- the queue, with the lock */

static void describe(struct virtio_blk *blk, unsigned at, const void *addr,
                     size_t len, unsigned flags)
{
    blk->queue.desc[at] = (struct virtq_desc){
        .addr = (uintptr_t)addr,
        .len = (uint32_t)len,
        .flags = (uint16_t)flags,
        .next = (uint16_t)(at + 1),
    };
}

/*
 * Put REQUEST into a slot, of which one is free: to do TYPE at SECTOR with the
 * LEN bytes at BUF. The device is not told yet.
 */
static void start(struct virtio_blk *blk, struct shale_bdev_request *request,
                  uint32_t type, uint64_t sector, const void *buf, size_t len)
{
    struct virtq_avail *avail = &blk->queue.avail;
    struct slot *slot;
    unsigned n = 0, at;

    while (!(blk->free & 1u << n))
        n++;
    at = 3 * n;
    slot = &blk->slots[n];
    blk->free &= ~(1u << n);
    disk_work.requests++;
    if (++blk->taken > disk_requests_peak)
        disk_requests_peak = blk->taken;
    slot->request = request;
    slot->header = (struct header){ .type = type, .sector = sector };
    describe(blk, at, &slot->header, sizeof slot->header, VIRTQ_DESC_NEXT);
    describe(blk, at + 1, buf, len,
             VIRTQ_DESC_NEXT | (type == TYPE_IN ? VIRTQ_DESC_WRITE : 0));
    describe(blk, at + 2, &slot->status, 1, VIRTQ_DESC_WRITE);
    if (len == 0)
        blk->queue.desc[at].next = (uint16_t)(at + 2);

    /* 2.7.13: the ring's entry is there before the index that counts it. */
    avail->ring[avail->idx % VIRTQ_SIZE] = (uint16_t)at;
    atomic_thread_fence(memory_order_release);
    *(volatile uint16_t *)&avail->idx = (uint16_t)(avail->idx + 1);
}

/*
 * Tell the device, even if it says that it is looking anyway (2.7.10): it may
 * just have stopped to, and no barrier helps; see be_seen().
 */
static void notify(struct virtio_blk *blk)
{
    device_barrier();           /* 2.7.13.4.1 */
    disk_work.told++;
    blk->virtio->ops->notify(blk->virtio);
}

static int error_of(uint8_t status)
{
    if (status == STATUS_OK)
        return 0;
    return status == STATUS_UNSUPP ? SHALE_ENOTSUP : SHALE_EIO;
}

/* Take note of all that the device has completed (2.7.14). */
static void collect(struct virtio_blk *blk)
{
    struct virtqueue *queue = &blk->queue;

    while (queue->seen != *(volatile uint16_t *)&queue->used.idx) {
        unsigned n;

        atomic_thread_fence(memory_order_acquire);
        n = queue->used.ring[queue->seen++ % VIRTQ_SIZE].id / 3;
        if (n >= SLOTS || blk->free & 1u << n)
            panic("virtio: the device completes what nobody asked for");
        blk->free |= 1u << n;
        blk->taken--;
        shale_bdev_complete(blk->slots[n].request,
                            error_of(blk->slots[n].status));
        wake_all(&blk->waiters);
    }
}

/* The device may spare us interrupts that nobody sleeps for (2.7.7). */
static void count_sleeper(struct virtio_blk *blk, int more)
{
    blk->sleepers += (unsigned)more;
    *(volatile uint16_t *)&blk->queue.avail.flags =
        (uint16_t)(blk->sleepers > 0 ? 0 : VIRTQ_AVAIL_NO_INTERRUPT);
}

/*
 * What was stored is seen by the device before what is looked at next. QEMU
 * leaves out the barriers of a processor that is the only one, though its
 * devices are other threads; but a register is read with a lock of theirs.
 */
static void be_seen(struct virtio_blk *blk)
{
    device_barrier();
    blk->virtio->ops->status(blk->virtio);
}

/* Has what is waited for come: something in DONE or, if NULL, a free slot? */
static bool has_come(const struct virtio_blk *blk,
                     const struct shale_queue *done)
{
    return done ? !shale_queue_is_empty(done) : blk->free != 0;
}

/*
 * Wait for that, or less. What the device completed before it was told that
 * somebody sleeps comes without an interrupt: so look once more after that.
 */
static void wait_for(struct virtio_blk *blk, const struct shale_queue *done)
{
    collect(blk);
    if (has_come(blk, done) || disk_polling)
        return;
    count_sleeper(blk, 1);
    be_seen(blk);
    collect(blk);
    if (!has_come(blk, done)) {
        disk_work.sleeps++;
        wait_on(&blk->waiters, &blk->lock);
    }
    count_sleeper(blk, -1);
}

static void interrupt(void *arg)
{
    struct virtio_blk *blk = arg;

    if (!blk->virtio->ops->interrupted(blk->virtio))
        return;
    device_barrier();           /* ... and after that look at the queue */
    spin_lock(&blk->lock);
    collect(blk);
    spin_unlock(&blk->lock);
}

/* --------------------------------------------------------- many requests */

static size_t blk_submit(struct shale_bdev *dev,
                         struct shale_bdev_request *const *requests,
                         size_t count)
{
    struct virtio_blk *blk = blk_of(dev);
    size_t taken = 0;

    spin_lock(&blk->lock);
    collect(blk);
    for (; taken < count && blk->free != 0; taken++) {
        struct shale_bdev_request *request = requests[taken];

        start(blk, request, request->write ? TYPE_OUT : TYPE_IN,
              request->offset / SECTOR, request->buf, request->len);
    }
    if (taken > 0)
        notify(blk);
    spin_unlock(&blk->lock);
    return taken;
}

static void blk_wait(struct shale_bdev *dev, const struct shale_queue *done)
{
    struct virtio_blk *blk = blk_of(dev);

    spin_lock(&blk->lock);
    wait_for(blk, done);
    spin_unlock(&blk->lock);
}

/* ----------------------------------------------------------- one request */

static int do_one(struct virtio_blk *blk, uint32_t type, uint64_t sector,
                  const void *buf, size_t len)
{
    struct shale_queue_slot place;
    struct shale_queue done;
    struct shale_bdev_request request = { .done = &done };

    shale_queue_init(&done, &place, 1);
    spin_lock(&blk->lock);
    while (blk->free == 0)
        wait_for(blk, NULL);
    start(blk, &request, type, sector, buf, len);
    notify(blk);
    spin_unlock(&blk->lock);

    while (!shale_queue_pop(&done))
        blk_wait(&blk->base, &done);
    return request.err;
}

/* The LEN bytes at BUF, as TYPE says, in requests that are not too long. */
static int move(struct virtio_blk *blk, uint32_t type, uint64_t offset,
                const unsigned char *buf, size_t len)
{
    int err = 0;

    while (!err && len > 0) {
        size_t count = len < PIECE ? len : PIECE;

        err = do_one(blk, type, offset / SECTOR, buf, count);
        offset += count;
        buf += count;
        len -= count;
    }
    return err;
}

static int blk_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                    size_t len)
{
    return move(blk_of(dev), TYPE_IN, offset, buf, len);
}

static int blk_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                     size_t len)
{
    return move(blk_of(dev), TYPE_OUT, offset, buf, len);
}

static int blk_flush(struct shale_bdev *dev)
{
    return do_one(blk_of(dev), TYPE_FLUSH, 0, NULL, 0);
}

/* TYPE for the LEN bytes at OFFSET, at most MAX sectors a time (5.2.6.2). */
static int do_range(struct virtio_blk *blk, uint32_t type, uint32_t max,
                    uint64_t offset, uint64_t len)
{
    uint64_t sector = offset / SECTOR, left = len / SECTOR;
    int err = 0;

    while (!err && left > 0) {
        uint32_t count = left < max ? (uint32_t)left : max;
        struct range range = { .sector = sector, .sectors = count };

        err = do_one(blk, type, 0, &range, sizeof range);
        sector += count;
        left -= count;
    }
    return err;
}

static int blk_discard(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    return do_range(blk_of(dev), TYPE_DISCARD, blk_of(dev)->discard_max,
                    offset, len);
}

static int blk_zero(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    return do_range(blk_of(dev), TYPE_WRITE_ZEROES, blk_of(dev)->zero_max,
                    offset, len);
}

/* -------------------------------------------------------------- finding */

/* What the device is like, of what it offers: HAS. */
static void configure(struct virtio_blk *blk, uint64_t has)
{
    struct virtio *virtio = blk->virtio;
    uint32_t (*config)(struct virtio *dev, unsigned offset) =
        virtio->ops->config;
    uint64_t sectors = config(virtio, CONFIG_CAPACITY) |
                       (uint64_t)config(virtio, CONFIG_CAPACITY + 4) << 32;

    blk->ops = (struct shale_bdev_ops){
        .read = blk_read, .submit = blk_submit, .wait = blk_wait,
    };
    if (!(has & F_RO))
        blk->ops.write = blk_write;
    if (has & F_FLUSH)
        blk->ops.flush = blk_flush;
    if (has & F_DISCARD && !(has & F_RO)) {
        blk->discard_max = config(virtio, CONFIG_MAX_DISCARD);
        blk->ops.discard = blk->discard_max > 0 ? blk_discard : NULL;
    }
    if (has & F_WRITE_ZEROES && !(has & F_RO)) {
        blk->zero_max = config(virtio, CONFIG_MAX_WRITE_ZEROES);
        blk->ops.zero = blk->zero_max > 0 ? blk_zero : NULL;
    }
    blk->base = (struct shale_bdev){
        .ops = &blk->ops,
        .block_size = has & F_BLK_SIZE ? config(virtio, CONFIG_BLK_SIZE)
                                       : SECTOR,
        .fd = -1,
        .at_once = SLOTS,
    };
    blk->base.size = sectors * SECTOR / blk->base.block_size *
                     blk->base.block_size;
}

void virtio_blk_found(struct virtio *dev)
{
    struct virtio_blk *blk = shale_zalloc(heap, sizeof *blk);
    uint64_t has;

    if (!blk)
        panic("no memory for a disk");
    blk->virtio = dev;
    blk->free = ALL_FREE;
    count_sleeper(blk, 0);
    if (virtio_start(dev, &blk->queue,
                     F_RO | F_BLK_SIZE | F_FLUSH | F_DISCARD | F_WRITE_ZEROES,
                     &has)) {
        print("virtio-blk: a device that speaks another version\n");
        shale_free(heap, blk, sizeof *blk);
        return;
    }
    configure(blk, has);
    if (interrupt_add(dev->irq, interrupt, blk))
        panic("no room for a disk's interrupt");
    virtio_go(dev);
    disk_add("vd", "virtio-blk", &blk->base);
}
