/*
 * asked.c - single blocks that are asked for before anybody takes them
 *
 * Who knows of blocks here and there that will be needed, such as a long file's
 * arrays of pointers, says so (shale_buf_ahead_each()). On a device that works
 * on several requests they are asked for together, each is read right into the
 * buffer that it is going to be, and nobody waits. Who comes to one of them,
 * holding its load lock as to read it, waits for that one request, and has it.
 *
 * A slot is free (no buffer), or planned (not given to the device yet), or out,
 * and then what is in its queue tells whether the request has been done.
 *
 * (1) What is out is waited for, and its slot freed, by who holds the load lock
 *     of its block. A planned slot is only its asker's, of whom there is one.
 * (2) A block that comes into the cache otherwise, or is changed past it, is
 *     struck: what is read is not for use. As with a pending run (ahead.c), who
 *     keeps what was read has the volume's lock, shared at least.
 */
#include "readrun.h"
#include "shale/bdev.h"
#include "shale/mem.h"
#include "shale/queue.h"

#define ASKED_MAX 16u
#define ASKED_BUDGET 4u         /* no more than this part of it is asked for */

/* Under the state lock; but what is out is changed by (1) only. */
struct asked {
    struct cache_buf *buf;      /* where it is read to; NULL: free */
    uint64_t block;
    bool out, struck;
    struct shale_bdev_request request;
    struct shale_queue done;
    struct shale_queue_slot slot[1];
};

struct cache_asked {
    bool asking;                /* somebody is, under the state lock */
    struct asked *planned[ASKED_MAX];       /* these two are the asker's */
    struct shale_bdev_request *requests[ASKED_MAX];
    struct asked slots[ASKED_MAX];
};

/* The slot of BLOCK, if it is wanted still. Under the state lock. */
static struct asked *slot_of(const struct shale_cache *cache, uint64_t block)
{
    struct cache_asked *all = cache->asked;

    for (unsigned i = 0; all && i < ASKED_MAX; i++)
        if (all->slots[i].buf && all->slots[i].block == block &&
            !all->slots[i].struck)
            return &all->slots[i];
    return NULL;
}

void asked_strike(struct shale_cache *cache, uint64_t block)
{
    struct asked *slot = slot_of(cache, block);

    if (slot)
        slot->struck = true;
}

struct asked *asked_find(struct shale_cache *cache, uint64_t block)
{
    struct asked *slot = slot_of(cache, block);

    if (slot && !slot->out) {   /* it may be long before it is */
        slot->struck = true;
        slot = NULL;
    }
    return slot;
}

static void wait_for(struct shale_cache *cache, struct asked *slot)
{
    while (!shale_queue_pop(&slot->done))
        shale_bdev_wait(cache->dev, &slot->done);
}

struct cache_buf *asked_take(struct shale_cache *cache, struct asked *slot,
                             bool keep)
{
    struct cache_buf *buf = slot->buf;
    uint64_t block = slot->block;

    wait_for(cache, slot);
    cache_lock(cache);
    keep = keep && !slot->struck && !slot->request.err;
    slot->buf = NULL;
    cache_unlock(cache);
    if (keep) {
        cache_insert(cache, buf, block);
        return buf;
    }
    cache_buf_free(cache, buf);
    return NULL;
}

/* ------------------------------------------------- those that nobody took */

/* Is SLOT out, for *BLOCK, which is stored? */
static bool is_out(struct shale_cache *cache, const struct asked *slot,
                   uint64_t *block)
{
    bool out;

    cache_lock(cache);
    out = slot->buf && slot->out;
    *block = slot->block;
    cache_unlock(cache);
    return out;
}

/* Take what has come back, or, with ALL, what is out; as ahead_end(). */
static size_t settle(struct shale_cache *cache, bool all, bool keep)
{
    size_t dropped = 0;

    for (unsigned i = 0; i < ASKED_MAX; i++) {
        struct asked *slot = &cache->asked->slots[i];
        struct cache_buf *buf = NULL;
        uint64_t block, again;
        void *lock;

        if (!is_out(cache, slot, &block) ||
            (!all && shale_queue_is_empty(&slot->done)))
            continue;
        lock = run_lock(cache, block >> cache->run_shift);
        if (is_out(cache, slot, &again) && block == again) {
            buf = asked_take(cache, slot, keep);
            dropped += buf ? 0 : cache->block_size;
        }
        lock_release(cache->locks, lock);
        if (buf)
            shale_buf_put(&buf->base);
    }
    return dropped;
}

static bool is_any(struct shale_cache *cache)
{
    bool any;

    cache_lock(cache);
    any = cache->asked != NULL;
    cache_unlock(cache);
    return any;
}

size_t asked_end(struct shale_cache *cache, bool keep)
{
    return is_any(cache) ? settle(cache, true, keep) : 0;
}

void asked_fini(struct shale_cache *cache)
{
    if (!cache->asked)
        return;
    settle(cache, true, false);
    shale_free(cache->mem, cache->asked, sizeof *cache->asked);
}

/* ---------------------------------------------------------------- asking */

/* How many blocks may be out at once; 0: it is not worth it. */
static unsigned room_of(const struct shale_cache *cache)
{
    size_t room = cache->budget / ASKED_BUDGET / cache->block_size;

    if (room > cache->dev->at_once)
        room = cache->dev->at_once;
    if (room > ASKED_MAX)
        room = ASKED_MAX;
    if (cache->block_size < cache->dev->block_size)
        room = 0;
    return room > 1 ? (unsigned)room : 0;
}

static void slots_make(struct shale_cache *cache)
{
    struct cache_asked *all = shale_zalloc(cache->mem, sizeof *all);

    for (unsigned i = 0; all && i < ASKED_MAX; i++)
        shale_queue_init(&all->slots[i].done, all->slots[i].slot, 1);
    cache_lock(cache);
    if (!cache->asked) {
        cache->asked = all;
        all = NULL;
    }
    cache_unlock(cache);
    shale_free(cache->mem, all, sizeof *all);
}

/* Neither there nor on its way? Under the state lock. */
static bool is_missing(const struct shale_cache *cache, uint64_t block)
{
    return block < cache->block_count && !cache_find(cache, block) &&
           !slot_of(cache, block);
}

/* Be the one who asks, if BLOCK is missing. */
static bool asker_begin(struct shale_cache *cache, uint64_t block)
{
    bool missing;

    cache_lock(cache);
    missing = is_missing(cache, block) && cache->asked &&
              !cache->asked->asking;
    if (missing)
        cache->asked->asking = true;
    cache_unlock(cache);
    return missing;
}

/* Note in a free one of the first ROOM slots that BLOCK is read to BUF. */
static struct asked *slot_plan(struct shale_cache *cache, uint64_t block,
                               unsigned room, struct cache_buf *buf)
{
    struct asked *slot = NULL;

    cache_lock(cache);
    for (unsigned i = 0; i < room && !slot; i++)
        if (!cache->asked->slots[i].buf)
            slot = &cache->asked->slots[i];
    if (slot && is_missing(cache, block)) {
        slot->buf = buf;
        slot->block = block;
        slot->out = false;
        slot->struck = false;
        cache->reads++;
    } else {
        slot = NULL;
    }
    cache_unlock(cache);
    if (slot)
        slot->request = (struct shale_bdev_request){
            .offset = block * cache->block_size, .buf = buf->base.data,
            .len = cache->block_size, .done = &slot->done,
        };
    return slot;
}

/* A slot for BLOCK, if it is missing, and there is room and memory. */
static struct asked *plan(struct shale_cache *cache, uint64_t block,
                          unsigned room)
{
    struct asked *slot = NULL;
    struct cache_buf *buf = NULL;
    bool missing;

    cache_lock(cache);
    missing = is_missing(cache, block);
    cache_unlock(cache);
    if (missing)
        buf = cache_buf_new(cache);
    if (buf)
        slot = slot_plan(cache, block, room, buf);
    if (buf && !slot)
        cache_buf_free(cache, buf);
    return slot;
}

/* SLOT is out, if the device has TAKEN it. If not it is free. */
static void slot_begun(struct shale_cache *cache, struct asked *slot,
                       bool taken)
{
    struct cache_buf *buf = slot->buf;

    cache_lock(cache);
    if (taken)
        slot->out = true;
    else
        slot->buf = NULL;
    cache_unlock(cache);
    if (!taken)
        cache_buf_free(cache, buf);
}

void shale_buf_ahead_each(struct shale_cache *cache, const uint64_t *blocks,
                          size_t count, size_t needed)
{
    unsigned room = room_of(cache), planned = 0, taken;
    struct cache_asked *all;

    if (room == 0 || count < 2 || needed == 0)
        return;
    if (!is_any(cache))
        slots_make(cache);
    if (!asker_begin(cache, blocks[(needed < count ? needed : count) - 1]))
        return;
    all = cache->asked;
    settle(cache, false, true);
    for (size_t i = 0; i < count && planned < room; i++) {
        all->planned[planned] = plan(cache, blocks[i], room);
        if (all->planned[planned]) {
            all->requests[planned] = &all->planned[planned]->request;
            planned++;
        }
    }
    taken = (unsigned)shale_bdev_submit(cache->dev, all->requests, planned);
    for (unsigned i = 0; i < planned; i++)
        slot_begun(cache, all->planned[i], i < taken);
    cache_lock(cache);
    all->asking = false;
    cache_unlock(cache);
}
