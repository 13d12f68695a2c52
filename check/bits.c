/*
 * bits.c - a set of blocks or inodes, small where it is simple
 *
 * An array of chunks (chunk.h), each guarded by one of a few locks, by turns:
 * workers that are at different places of the volume seldom meet.
 */
#include "check/chunk.h"
#include "check/state.h"

enum { LOCKS = 16 };

struct check_bits {
    struct check *check;
    uint64_t count, chunks;
    struct check_lock locks[LOCKS];
    chunk *chunk;
};

/* A part of a range, in one chunk. */
struct part {
    uint64_t index;             /* of the chunk */
    uint32_t first, last;       /* within it */
};

static uint64_t part_len(const struct part *part)
{
    return part->last - part->first + 1;
}

/* What of *LEN numbers from *FIRST on is in one chunk; moves past it. */
static struct part next_part(uint64_t *first, uint64_t *len)
{
    struct part part = { .index = *first / CHUNK_SIZE };
    uint64_t room;

    part.first = (uint32_t)(*first % CHUNK_SIZE);
    room = CHUNK_SIZE - part.first;
    part.last = part.first + (uint32_t)((*len < room ? *len : room) - 1);
    *first += part_len(&part);
    *len -= part_len(&part);
    return part;
}

/* How many of LEN numbers from FIRST on there are in the set's range. */
static uint64_t clip(const struct check_bits *bits, uint64_t first,
                     uint64_t len)
{
    if (first >= bits->count)
        return 0;
    return len < bits->count - first ? len : bits->count - first;
}

static void lock_chunk(struct check_bits *bits, uint64_t index)
{
    check_lock(bits->check, &bits->locks[index % LOCKS]);
}

static void unlock_chunk(struct check_bits *bits, uint64_t index)
{
    check_unlock(bits->check, &bits->locks[index % LOCKS]);
}

/* ------------------------------------------------------ create and destroy */

static size_t chunks_size(const struct check_bits *bits)
{
    return (size_t)bits->chunks * sizeof *bits->chunk;
}

struct check_bits *check_bits_create(struct check *check, uint64_t count)
{
    struct check_bits *bits = check_zalloc(check, sizeof *bits);
    uint64_t chunks = count / CHUNK_SIZE + 1;
    bool good;

    if (!bits)
        return NULL;
    bits->check = check;
    bits->count = count;
    if (chunks > SIZE_MAX / sizeof *bits->chunk) {
        check_fail(check);
    } else {
        bits->chunks = chunks;
        bits->chunk = check_zalloc(check, chunks_size(bits));
        if (!bits->chunk)
            bits->chunks = 0;
    }
    good = bits->chunk != NULL;
    for (size_t i = 0; good && i < LOCKS; i++)
        good = !check_lock_init(check, &bits->locks[i]);
    if (good)
        return bits;
    check_bits_destroy(bits);
    return NULL;
}

void check_bits_destroy(struct check_bits *bits)
{
    struct check *check;

    if (!bits)
        return;
    check = bits->check;
    for (uint64_t i = 0; i < bits->chunks; i++)
        chunk_clear(check, &bits->chunk[i]);
    check_free(check, bits->chunk, chunks_size(bits));
    for (size_t i = 0; i < LOCKS; i++)
        check_lock_fini(check, &bits->locks[i]);
    check_free(check, bits, sizeof *bits);
}

uint64_t check_bits_size(const struct check_bits *bits)
{
    return bits->count;
}

/* ---------------------------------------------------------------- changes */

int check_bits_add(struct check_bits *bits, uint64_t first, uint64_t len,
                   uint64_t *already)
{
    uint64_t before = 0;
    int err = 0;

    len = clip(bits, first, len);
    while (!err && len > 0) {
        struct part part = next_part(&first, &len);
        chunk *c = &bits->chunk[part.index];

        lock_chunk(bits, part.index);
        if (already)
            before += chunk_sum(*c, part.first, part.last);
        err = chunk_add(bits->check, c, part.first, part.last);
        unlock_chunk(bits, part.index);
    }
    if (already)
        *already = before;
    return err;
}

/* Enter in TWICE what of PART is in chunk C. With the chunk's lock. */
static int note_twice(struct check_bits *twice, const struct part *part,
                      chunk c)
{
    uint64_t base = part->index * CHUNK_SIZE;
    uint32_t n = chunk_next(c, part->first, part->last, true);
    int err = 0;

    while (!err && n <= part->last) {
        uint32_t end = chunk_next(c, n, part->last, false);

        err = check_bits_add(twice, base + n, end - n, NULL);
        n = end > part->last ? end : chunk_next(c, end, part->last, true);
    }
    return err;
}

int check_bits_claim(struct check_bits *bits, uint64_t first, uint64_t len,
                     struct check_bits *twice)
{
    int err = 0;

    len = clip(bits, first, len);
    while (!err && len > 0) {
        struct part part = next_part(&first, &len);
        chunk *c = &bits->chunk[part.index];

        lock_chunk(bits, part.index);
        err = note_twice(twice, &part, *c);
        if (!err)
            err = chunk_add(bits->check, c, part.first, part.last);
        unlock_chunk(bits, part.index);
    }
    return err;
}

int check_bits_remove(struct check_bits *bits, uint64_t first, uint64_t len)
{
    int err = 0;

    len = clip(bits, first, len);
    while (!err && len > 0) {
        struct part part = next_part(&first, &len);

        lock_chunk(bits, part.index);
        err = chunk_remove(bits->check, &bits->chunk[part.index], part.first,
                           part.last);
        unlock_chunk(bits, part.index);
    }
    return err;
}

/* ---------------------------------------------------------------- questions */

bool check_bits_has(struct check_bits *bits, uint64_t n)
{
    return check_bits_sum(bits, n, 1) > 0;
}

uint64_t check_bits_sum(struct check_bits *bits, uint64_t first, uint64_t len)
{
    uint64_t sum = 0;

    len = clip(bits, first, len);
    while (len > 0) {
        struct part part = next_part(&first, &len);

        lock_chunk(bits, part.index);
        sum += chunk_sum(bits->chunk[part.index], part.first, part.last);
        unlock_chunk(bits, part.index);
    }
    return sum;
}

uint64_t check_bits_next(struct check_bits *bits, uint64_t at, bool in)
{
    uint64_t len = clip(bits, at, UINT64_MAX);

    while (len > 0) {
        struct part part = next_part(&at, &len);
        uint32_t n;

        lock_chunk(bits, part.index);
        n = chunk_next(bits->chunk[part.index], part.first, part.last, in);
        unlock_chunk(bits, part.index);
        if (n <= part.last)
            return part.index * CHUNK_SIZE + n;
    }
    return bits->count;
}

void check_bits_store(struct check_bits *bits, uint64_t first, uint64_t len,
                      uint8_t *out)
{
    uint64_t at = 0;

    memset(out, 0, (size_t)(len / 8 + (len % 8 != 0)));
    len = clip(bits, first, len);
    while (len > 0) {
        struct part part = next_part(&first, &len);

        lock_chunk(bits, part.index);
        chunk_store(bits->chunk[part.index], part.first, part.last, out, at);
        unlock_chunk(bits, part.index);
        at += part_len(&part);
    }
}
