/*
 * known.c - counts of the nodes that the kernel knows (known.h)
 *
 * A chunk is where the counts of its numbers are, or a sum is, never both:
 * chunk_make() makes none while the sum has anything. So a chunk whose counts
 * grow past four bytes, or find no memory for two, becomes part of its sum, and
 * may be a chunk again when that is 0.
 */
#include <pthread.h>
#include <string.h>

#include "fuse/known.h"
#include "fuse/recent.h"
#include "shale/fs.h"
#include "shale/shale.h"

enum { CHUNK = 64, CHUNK_BITS = 6, SUMS = 256, BITS_FIRST = 6, LOAD = 2 };

struct chunk {
    struct chunk *next;         /* in its bucket */
    uint64_t number;            /* of the first node, by CHUNK */
    uint64_t held;              /* bit I: node I is remembered by the core */
    uint8_t width;              /* bytes of a count: 1, 2 or 4 */
    uint8_t used;               /* counts that are not 0 */
    uint8_t counts[];           /* CHUNK of them; then as many names */
};

/* More than so many, and one for so many bytes of room, are many to hold. */
enum { HELD_LEAST = 8, HELD_SHARE = 1024 };

struct sum {
    uint64_t count;
    size_t held;                /* nodes of it that are, or more */
};

struct known {
    pthread_mutex_t lock;       /* guards all below */
    struct shale_fs *fs;
    struct shale_mem *mem;
    bool named;
    size_t bytes, room;         /* of chunks and buckets */
    uint64_t nodes;
    struct chunk **buckets;     /* 1 << bits of them */
    unsigned bits;
    size_t chunks;
    struct sum sums[SUMS];
    size_t held;                /* for all of these */
    struct recent recent;
    known_gone_fn *is_gone;     /* with CONTEXT; or NULL */
    void *context;
    bool handles;               /* have answers been asked for by handle? */
};

/* --------------------------------------------------------------- chunks */

static uint64_t mix(uint64_t number)
{
    return number * 0x9e3779b97f4a7c15u;
}

static struct chunk **bucket_of(const struct known *known, uint64_t number)
{
    return &known->buckets[mix(number) >> (64 - known->bits)];
}

static struct sum *sum_of(struct known *known, uint64_t number)
{
    return &known->sums[mix(number) >> 32 & (SUMS - 1)];
}

static struct chunk *chunk_find(const struct known *known, uint64_t number)
{
    struct chunk *chunk = *bucket_of(known, number);

    while (chunk && chunk->number != number)
        chunk = chunk->next;
    return chunk;
}

/* Where the names of a chunk begin, past its head. */
static size_t names_at(unsigned width)
{
    size_t end = offsetof(struct chunk, counts) + (size_t)CHUNK * width;

    return (end + sizeof(uint32_t) - 1) & ~(sizeof(uint32_t) - 1);
}

static size_t chunk_size(const struct known *known, unsigned width)
{
    return names_at(width) + (known->named ? CHUNK * sizeof(uint32_t) : 0);
}

static uint32_t *name_in(struct chunk *chunk, unsigned i)
{
    return (uint32_t *)(void *)((char *)chunk + names_at(chunk->width)) + i;
}

static void *room_take(struct known *known, size_t size)
{
    void *got = NULL;

    if (size <= known->room - known->bytes)
        got = shale_zalloc(known->mem, size);
    if (got)
        known->bytes += size;
    return got;
}

static void room_give(struct known *known, void *what, size_t size)
{
    shale_free(known->mem, what, size);
    known->bytes -= size;
}

static void buckets_grow(struct known *known)
{
    struct chunk **old = known->buckets, **fresh;
    size_t count = (size_t)1 << known->bits;

    fresh = room_take(known, 2 * count * sizeof *fresh);
    if (!fresh)
        return;
    known->buckets = fresh;
    known->bits++;
    for (size_t i = 0; i < count; i++)
        for (struct chunk *chunk = old[i], *next; chunk; chunk = next) {
            struct chunk **bucket = bucket_of(known, chunk->number);

            next = chunk->next;
            chunk->next = *bucket;
            *bucket = chunk;
        }
    room_give(known, old, count * sizeof *old);
}

/* A chunk for numbers that are counted nowhere; NULL: count them in the sum. */
static struct chunk *chunk_make(struct known *known, uint64_t number)
{
    struct chunk *chunk, **bucket;

    if (sum_of(known, number)->count > 0)
        return NULL;
    if (known->chunks >= (size_t)LOAD << known->bits)
        buckets_grow(known);
    chunk = room_take(known, chunk_size(known, 1));
    if (!chunk)
        return NULL;
    bucket = bucket_of(known, number);
    chunk->number = number;
    chunk->width = 1;
    chunk->next = *bucket;
    *bucket = chunk;
    known->chunks++;
    return chunk;
}

/* Put OTHER, or nothing, in the place of CHUNK, which is freed. */
static void chunk_replace(struct known *known, struct chunk *chunk,
                          struct chunk *other)
{
    struct chunk **link = bucket_of(known, chunk->number);

    while (*link != chunk)
        link = &(*link)->next;
    *link = other ? other : chunk->next;
    if (!other)
        known->chunks--;
    room_give(known, chunk, chunk_size(known, chunk->width));
}

/* --------------------------------------------------------------- counts */

static uint32_t count_get(const struct chunk *chunk, unsigned i)
{
    const uint8_t *at = chunk->counts + (size_t)i * chunk->width;
    uint16_t half;
    uint32_t whole;

    if (chunk->width == 1)
        return *at;
    if (chunk->width == 2) {
        memcpy(&half, at, sizeof half);
        return half;
    }
    memcpy(&whole, at, sizeof whole);
    return whole;
}

/* COUNT fits. */
static void count_set(struct chunk *chunk, unsigned i, uint32_t count)
{
    uint8_t *at = chunk->counts + (size_t)i * chunk->width;
    uint16_t half = (uint16_t)count;

    if (chunk->width == 1)
        *at = (uint8_t)count;
    else if (chunk->width == 2)
        memcpy(at, &half, sizeof half);
    else
        memcpy(at, &count, sizeof count);
}

static uint32_t count_max(unsigned width)
{
    return (uint32_t)((UINT64_C(1) << 8 * width) - 1);
}

static void sum_hold(struct known *known, struct sum *sum, unsigned more)
{
    sum->held += more;
    known->held += more;
}

/* From now on what CHUNK counts is part of its sum. */
static void chunk_to_sum(struct known *known, struct chunk *chunk)
{
    struct sum *sum = sum_of(known, chunk->number);

    for (unsigned i = 0; i < CHUNK; i++)
        sum->count += count_get(chunk, i);
    sum_hold(known, sum, (unsigned)__builtin_popcountll(chunk->held));
    known->nodes -= chunk->used;
    chunk_replace(known, chunk, NULL);
}

/* A chunk with wider counts in the place of CHUNK; NULL: it has become sum. */
static struct chunk *chunk_widen(struct known *known, struct chunk *chunk)
{
    unsigned width = chunk->width * 2u;
    struct chunk *wide = NULL;

    if (width <= sizeof(uint32_t))
        wide = room_take(known, chunk_size(known, width));
    if (!wide) {
        chunk_to_sum(known, chunk);
        return NULL;
    }
    memcpy(wide, chunk, offsetof(struct chunk, counts));
    wide->width = (uint8_t)width;
    for (unsigned i = 0; i < CHUNK; i++)
        count_set(wide, i, count_get(chunk, i));
    if (known->named)
        memcpy(name_in(wide, 0), name_in(chunk, 0), CHUNK * sizeof(uint32_t));
    chunk_replace(known, chunk, wide);
    return wide;
}

/* ----------------------------------------------------------- what is kept */

void known_wrote(struct known *known, struct shale_vnode *vn)
{
    struct shale_vnode *oldest;

    if (!known)
        return;
    pthread_mutex_lock(&known->lock);
    oldest = recent_add(&known->recent, vn);
    pthread_mutex_unlock(&known->lock);
    shale_vnode_put(oldest);
}

void known_settle(struct known *known, struct shale_vnode *vn)
{
    struct shale_vnode *recent = NULL;
    uint64_t ino = shale_vnode_ino(vn);
    unsigned i = ino % CHUNK;
    struct chunk *chunk;
    struct sum *sum;

    if (!known || shale_vnode_stays(vn))
        return;
    pthread_mutex_lock(&known->lock);
    chunk = chunk_find(known, ino >> CHUNK_BITS);
    sum = sum_of(known, ino >> CHUNK_BITS);
    if (chunk && count_get(chunk, i) > 0 && !(chunk->held >> i & 1)) {
        chunk->held |= UINT64_C(1) << i;
        shale_vnode_remember(vn);
    } else if (!chunk && sum->count > 0) {
        sum_hold(known, sum, 1);
        shale_vnode_remember(vn);
    }
    recent = recent_take(&known->recent, ino);
    pthread_mutex_unlock(&known->lock);
    shale_vnode_put(recent);
}

/* ------------------------------------------------------ known, forgotten */

static void name_note(uint32_t *at, uint32_t name, bool first)
{
    if (first)
        *at = name;
    else if (name != KNOWN_NO_NAME && *at != name)
        *at = *at == KNOWN_NO_NAME ? name : KNOWN_SEVERAL;
}

void known_add(struct known *known, uint64_t ino, uint32_t name)
{
    uint64_t number = ino >> CHUNK_BITS;
    unsigned i = ino % CHUNK;
    struct chunk *chunk;
    uint32_t count = 0;

    if (!known)
        return;
    pthread_mutex_lock(&known->lock);
    chunk = chunk_find(known, number);
    if (!chunk)
        chunk = chunk_make(known, number);
    while (chunk && (count = count_get(chunk, i)) == count_max(chunk->width))
        chunk = chunk_widen(known, chunk);
    if (chunk) {
        count_set(chunk, i, count + 1);
        chunk->used = (uint8_t)(chunk->used + (count == 0));
        known->nodes += count == 0;
        if (known->named)
            name_note(name_in(chunk, i), name, count == 0);
    } else {
        sum_of(known, number)->count++;
    }
    pthread_mutex_unlock(&known->lock);
}

/* Take COUNT from node I of CHUNK. True if it is not known any more. */
static bool chunk_drop(struct known *known, struct chunk *chunk, unsigned i,
                       uint64_t count, bool *held)
{
    uint32_t old = count_get(chunk, i);

    if (old == 0)
        return false;
    if (count < old) {
        count_set(chunk, i, old - (uint32_t)count);
        return false;
    }
    count_set(chunk, i, 0);
    *held = chunk->held >> i & 1;
    chunk->held &= ~(UINT64_C(1) << i);
    known->nodes--;
    if (--chunk->used == 0)
        chunk_replace(known, chunk, NULL);
    return true;
}

struct whose {
    struct known *known;
    const struct sum *sum;
};

static bool of_sum(void *context, uint64_t ino)
{
    const struct whose *whose = context;
    uint64_t number = ino >> CHUNK_BITS;

    return sum_of(whose->known, number) == whose->sum &&
           !chunk_find(whose->known, number);
}

/*
 * Take COUNT from SUM. The core is told with our lock held, so that none of
 * those is known again meanwhile; that is rare. Those of it that were written
 * lately go to RECENT, for the caller to put. Returns how many.
 */
static unsigned sum_drop(struct known *known, struct sum *sum, uint64_t count,
                         struct shale_vnode **recent)
{
    struct whose whose = { .known = known, .sum = sum };
    unsigned taken;

    sum->count -= count < sum->count ? count : sum->count;
    if (sum->count > 0)
        return 0;
    taken = recent_take_some(&known->recent, of_sum, &whose, recent);
    if (sum->held)
        shale_vnode_forget_some(known->fs, of_sum, &whose);
    known->held -= sum->held;
    sum->held = 0;
    return taken;
}

/* Are so many held for sums that all memory might soon be theirs? */
static bool many_held(const struct known *known, const struct sum *sum)
{
    return sum->held > 0 &&
           known->held > HELD_LEAST + known->room / HELD_SHARE;
}

/*
 * VN, a removed file that is held for a sum, is in nobody's hands, the kernel
 * says. So it is let go, unless an answer may be on its way that leads there.
 */
static void sum_let_go(struct known *known, struct shale_vnode *vn)
{
    uint64_t ino = shale_vnode_ino(vn);
    struct shale_vnode *recent;
    struct sum *sum;

    pthread_mutex_lock(&known->lock);
    recent = recent_take(&known->recent, ino);
    pthread_mutex_unlock(&known->lock);
    shale_vnode_put(recent);

    pthread_mutex_lock(&known->lock);
    sum = sum_of(known, ino >> CHUNK_BITS);
    if (!known->handles && !chunk_find(known, ino >> CHUNK_BITS) &&
        sum->held > 0 &&
        shale_vnode_forget_unused(vn)) {
        sum->held--;
        known->held--;
    }
    pthread_mutex_unlock(&known->lock);
}

/*
 * The kernel has given back some of what it has of INO, or all: of a sum nobody
 * can tell but itself. Once it has none of a removed file it never gets any:
 * while an answer by name is under way, it keeps changes of the directory away,
 * so the file is not removed. An answer by handle may come at any time.
 */
static void sum_ask(struct known *known, uint64_t ino)
{
    struct shale_vnode *vn;
    struct shale_attr attr;

    if (!known->is_gone || !shale_vnode_in_memory(known->fs, ino) ||
        shale_vnode_get(known->fs, ino, &vn))
        return;
    if (!shale_getattr(vn, &attr) && attr.links == 0 &&
        known->is_gone(known->context, ino))
        sum_let_go(known, vn);
    shale_vnode_put(vn);
}

void known_drop(struct known *known, uint64_t ino, uint64_t count)
{
    struct shale_vnode *recent[RECENT];
    bool held = false, many = false;
    unsigned taken = 0;
    struct chunk *chunk;
    struct sum *sum;

    if (!known || count == 0)
        return;
    pthread_mutex_lock(&known->lock);
    chunk = chunk_find(known, ino >> CHUNK_BITS);
    sum = sum_of(known, ino >> CHUNK_BITS);
    if (!chunk) {
        taken = sum_drop(known, sum, count, recent);
        many = many_held(known, sum);
    } else if (chunk_drop(known, chunk, ino % CHUNK, count, &held)) {
        recent[taken++] = recent_take(&known->recent, ino);
    }
    pthread_mutex_unlock(&known->lock);

    /* Should it be held again by now, it is remembered twice. */
    if (held)
        shale_vnode_forget(known->fs, ino, 1);
    while (taken > 0)
        shale_vnode_put(recent[--taken]);
    if (many)
        sum_ask(known, ino);
}

uint32_t known_name(struct known *known, uint64_t ino)
{
    uint32_t name = KNOWN_NO_NAME;
    unsigned i = ino % CHUNK;
    struct chunk *chunk;

    if (!known || !known->named)
        return name;
    pthread_mutex_lock(&known->lock);
    chunk = chunk_find(known, ino >> CHUNK_BITS);
    if (chunk)
        name = count_get(chunk, i) > 0 ? *name_in(chunk, i) : KNOWN_NO_NAME;
    else if (sum_of(known, ino >> CHUNK_BITS)->count > 0)
        name = KNOWN_SEVERAL;
    pthread_mutex_unlock(&known->lock);
    return name;
}

void known_rename(struct known *known, uint64_t ino, uint32_t name)
{
    unsigned i = ino % CHUNK;
    struct chunk *chunk;

    if (!known || !known->named)
        return;
    pthread_mutex_lock(&known->lock);
    chunk = chunk_find(known, ino >> CHUNK_BITS);
    if (chunk && count_get(chunk, i) > 0)
        *name_in(chunk, i) = name;
    pthread_mutex_unlock(&known->lock);
}

/* ----------------------------------------------------------- as a whole */

struct known *known_create(struct shale_fs *fs, struct shale_mem *mem,
                           size_t room, bool named)
{
    struct known *known = shale_zalloc(mem, sizeof *known);

    if (!known)
        return NULL;
    known->fs = fs;
    known->mem = mem;
    known->room = room;
    known->named = named;
    known->bits = BITS_FIRST;
    known->buckets = room_take(known, sizeof *known->buckets << known->bits);
    if (!known->buckets || pthread_mutex_init(&known->lock, NULL)) {
        if (known->buckets)
            room_give(known, known->buckets,
                      sizeof *known->buckets << known->bits);
        shale_free(mem, known, sizeof *known);
        return NULL;
    }
    return known;
}

void known_ask(struct known *known, known_gone_fn *is_gone, void *context)
{
    known->is_gone = is_gone;
    known->context = context;
}

void known_by_handle(struct known *known)
{
    if (!known)
        return;
    pthread_mutex_lock(&known->lock);
    known->handles = true;
    pthread_mutex_unlock(&known->lock);
}

static bool anyone(void *context, uint64_t ino)
{
    (void)context, (void)ino;
    return true;
}

void known_destroy(struct known *known)
{
    struct shale_vnode *recent[RECENT];

    if (!known)
        return;
    for (unsigned i = recent_take_some(&known->recent, anyone, NULL, recent);
         i > 0; i--)
        shale_vnode_put(recent[i - 1]);
    for (size_t i = 0; i < (size_t)1 << known->bits; i++)
        while (known->buckets[i])
            chunk_replace(known, known->buckets[i], NULL);
    shale_vnode_forget_some(known->fs, anyone, NULL);
    room_give(known, known->buckets, sizeof *known->buckets << known->bits);
    pthread_mutex_destroy(&known->lock);
    shale_free(known->mem, known, sizeof *known);
}

void known_stats(struct known *known, struct known_stats *out)
{
    *out = (struct known_stats){ .nodes = 0 };
    if (!known)
        return;
    pthread_mutex_lock(&known->lock);
    out->nodes = known->nodes;
    out->bytes = known->bytes + sizeof *known;
    out->room = known->room;
    for (unsigned i = 0; i < SUMS; i++)
        out->summed += known->sums[i].count;
    pthread_mutex_unlock(&known->lock);
}
