/*
 * chunk.c - 32,768 members of a set, in as little memory as they take
 *
 * Bitmaps are kept as bytes, lowest bit first, and worked on in words of 64
 * bits, which le64_get() makes of them on any machine: so a piece of one can be
 * copied to where a volume's own bitmap is to be compared.
 *
 * A bitmap that has become full or empty is given up. To see that, it is looked
 * through from the beginning when a word of it has become so: it ends at the
 * first one that has not.
 */
#include "check/chunk.h"

#include "bits.h"
#include "check/state.h"
#include "le.h"

enum {
    FULL = 1,
    RUNS_TAG = 2,
    RUNS_MAX = 15,
    MAP_BYTES = CHUNK_SIZE / 8,
    WORD = 64,
    WORDS = CHUNK_SIZE / WORD,
    LAST = CHUNK_SIZE - 1,
};

struct run {
    uint16_t first, last;
};

struct runs {
    uint16_t count, spare;
    struct run run[RUNS_MAX];
};

_Static_assert(sizeof(struct runs) == 64, "runs fit a small size class");

static bool is_runs(chunk c)
{
    return c & RUNS_TAG;
}

static struct runs *runs_of(chunk c)
{
    return (struct runs *)(c & ~(chunk)RUNS_TAG);
}

static le64 *map_of(chunk c)
{
    return (le64 *)c;
}

/* Bits FIRST to LAST of a word. */
static uint64_t mask(uint32_t first, uint32_t last)
{
    return UINT64_MAX >> (WORD - 1 - (last - first)) << first;
}

void chunk_clear(struct check *check, chunk *c)
{
    if (is_runs(*c))
        check_free(check, runs_of(*c), sizeof(struct runs));
    else if (*c > FULL)
        check_free(check, map_of(*c), MAP_BYTES);
    *c = 0;
}

/* ---------------------------------------------------------------- bitmaps */

/* Set or clear the bits FIRST to LAST of MAP. True if MAP became all IN. */
static bool map_put(le64 *map, uint32_t first, uint32_t last, bool in)
{
    const uint64_t whole = in ? UINT64_MAX : 0;
    bool became = false;

    for (uint32_t i = first / WORD; i <= last / WORD; i++) {
        uint32_t from = i == first / WORD ? first % WORD : 0;
        uint32_t to = i == last / WORD ? last % WORD : WORD - 1;
        uint64_t word = le64_get(map[i]);

        word = in ? word | mask(from, to) : word & ~mask(from, to);
        map[i] = le64_make(word);
        became |= word == whole;
    }
    for (uint32_t i = 0; became && i < WORDS; i++)
        became = le64_get(map[i]) == whole;
    return became;
}

static uint32_t map_sum(const le64 *map, uint32_t first, uint32_t last)
{
    uint32_t sum = 0;

    for (uint32_t i = first / WORD; i <= last / WORD; i++) {
        uint32_t from = i == first / WORD ? first % WORD : 0;
        uint32_t to = i == last / WORD ? last % WORD : WORD - 1;
        uint64_t word = le64_get(map[i]) & mask(from, to);

        /* Not the builtin, which calls libgcc where there is no such
           instruction. The sums of 2, 4, 8 and then all bits at once. */
        word -= word >> 1 & 0x5555555555555555;
        word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
        word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
        sum += (uint32_t)(word * 0x0101010101010101 >> 56);
    }
    return sum;
}

static uint32_t map_next(const le64 *map, uint32_t first, uint32_t last,
                         bool in)
{
    for (uint32_t i = first / WORD; i <= last / WORD; i++) {
        uint32_t from = i == first / WORD ? first % WORD : 0;
        uint64_t word = le64_get(map[i]);

        word = (in ? word : ~word) & mask(from, WORD - 1);
        if (word) {
            uint32_t n = i * WORD + bit_lowest(word);

            return n <= last ? n : last + 1;
        }
    }
    return last + 1;
}

/* ------------------------------------------------------------------- runs */

/* The first run that ends at or after N; the count if none does. */
static uint32_t run_from(const struct runs *runs, uint32_t n)
{
    uint32_t i = 0;

    while (i < runs->count && runs->run[i].last < n)
        i++;
    return i;
}

/* Take out the runs from I up to END, and put COUNT of those at IN there. */
static void splice(struct runs *runs, uint32_t i, uint32_t end,
                   const struct run *in, uint32_t count)
{
    memmove(&runs->run[i + count], &runs->run[end],
            (runs->count - end) * sizeof runs->run[0]);
    if (count > 0)
        memcpy(&runs->run[i], in, count * sizeof runs->run[0]);
    runs->count = (uint16_t)(runs->count - (end - i) + count);
}

/* Make a bitmap of the runs of C. */
static int to_map(struct check *check, chunk *c)
{
    const struct runs *runs = runs_of(*c);
    le64 *map = check_zalloc(check, MAP_BYTES);

    if (!map)
        return SHALE_ENOMEM;
    for (uint32_t i = 0; i < runs->count; i++)
        map_put(map, runs->run[i].first, runs->run[i].last, true);
    chunk_clear(check, c);
    *c = (chunk)map;
    return 0;
}

/*
 * Replace all that C has from FIRST to LAST, which are not in the middle of a
 * run, or are in one of IN's: runs I up to END. A bitmap if they get too many.
 */
static int replace(struct check *check, chunk *c, uint32_t i, uint32_t end,
                   const struct run *in, uint32_t count)
{
    struct runs *runs = runs_of(*c);

    if (runs->count - (end - i) + count > RUNS_MAX)
        return to_map(check, c);
    splice(runs, i, end, in, count);
    return 0;
}

/* Put FIRST to LAST in. Runs that touch it become one with it. */
static int runs_add(struct check *check, chunk *c, uint32_t first,
                    uint32_t last)
{
    struct runs *runs = runs_of(*c);
    struct run run = { (uint16_t)first, (uint16_t)last };
    uint32_t i = run_from(runs, first > 0 ? first - 1 : 0), end = i;

    while (end < runs->count && runs->run[end].first <= last + 1) {
        if (runs->run[end].first < run.first)
            run.first = runs->run[end].first;
        if (runs->run[end].last > run.last)
            run.last = runs->run[end].last;
        end++;
    }
    if (run.first == 0 && run.last == LAST) {
        chunk_clear(check, c);
        *c = FULL;
        return 0;
    }
    return replace(check, c, i, end, &run, 1);
}

static int runs_remove(struct check *check, chunk *c, uint32_t first,
                       uint32_t last)
{
    struct runs *runs = runs_of(*c);
    uint32_t i = run_from(runs, first), end = i, count = 0;
    struct run left[2];
    int err;

    while (end < runs->count && runs->run[end].first <= last) {
        if (runs->run[end].first < first)
            left[count++] = (struct run){ runs->run[end].first,
                                          (uint16_t)(first - 1) };
        if (runs->run[end].last > last)
            left[count++] = (struct run){ (uint16_t)(last + 1),
                                          runs->run[end].last };
        end++;
    }
    err = replace(check, c, i, end, left, count);
    if (!err && is_runs(*c) && runs->count == 0)
        chunk_clear(check, c);
    return err;
}

static uint32_t runs_sum(const struct runs *runs, uint32_t first,
                         uint32_t last)
{
    uint32_t sum = 0;

    for (uint32_t i = run_from(runs, first);
         i < runs->count && runs->run[i].first <= last; i++) {
        uint32_t from = runs->run[i].first, to = runs->run[i].last;

        sum += (to < last ? to : last) - (from > first ? from : first) + 1;
    }
    return sum;
}

static uint32_t runs_next(const struct runs *runs, uint32_t first,
                          uint32_t last, bool in)
{
    uint32_t i = run_from(runs, first), n = first;

    if (in)
        n = i == runs->count ? last + 1 :
            runs->run[i].first > first ? runs->run[i].first : first;
    else if (i < runs->count && runs->run[i].first <= first)
        n = runs->run[i].last + 1u;
    return n <= last ? n : last + 1;
}

/* ------------------------------------------------------------------ chunks */

/* Make C, which is empty or full, one that can have runs. */
static int to_runs(struct check *check, chunk *c)
{
    struct runs *runs = check_zalloc(check, sizeof *runs);

    if (!runs)
        return SHALE_ENOMEM;
    if (*c == FULL) {
        runs->run[0] = (struct run){ 0, LAST };
        runs->count = 1;
    }
    *c = (chunk)runs | RUNS_TAG;
    return 0;
}

static int put(struct check *check, chunk *c, uint32_t first, uint32_t last,
               bool in)
{
    const chunk done = in ? FULL : 0;
    int err;

    if (*c == done)
        return 0;
    if (first == 0 && last == LAST) {
        chunk_clear(check, c);
        *c = done;
        return 0;
    }
    if (*c <= FULL) {
        err = to_runs(check, c);
        if (err)
            return err;
    }
    if (is_runs(*c)) {
        err = in ? runs_add(check, c, first, last) :
                   runs_remove(check, c, first, last);
        if (err || is_runs(*c) || *c <= FULL)
            return err;         /* else it has become a bitmap, unchanged */
    }
    if (map_put(map_of(*c), first, last, in)) {
        chunk_clear(check, c);
        *c = done;
    }
    return 0;
}

int chunk_add(struct check *check, chunk *c, uint32_t first, uint32_t last)
{
    return put(check, c, first, last, true);
}

int chunk_remove(struct check *check, chunk *c, uint32_t first, uint32_t last)
{
    return put(check, c, first, last, false);
}

uint32_t chunk_sum(chunk c, uint32_t first, uint32_t last)
{
    if (c <= FULL)
        return c == FULL ? last - first + 1 : 0;
    if (is_runs(c))
        return runs_sum(runs_of(c), first, last);
    return map_sum(map_of(c), first, last);
}

uint32_t chunk_next(chunk c, uint32_t first, uint32_t last, bool in)
{
    if (c <= FULL)
        return (c == FULL) == in ? first : last + 1;
    if (is_runs(c))
        return runs_next(runs_of(c), first, last, in);
    return map_next(map_of(c), first, last, in);
}

/* ---------------------------------------------------------------- storing */

/* Set COUNT bits of OUT from AT on. */
static void bits_set(uint8_t *out, uint64_t at, uint64_t count)
{
    while (count > 0 && (at % 8 != 0 || count < 8)) {
        out[at / 8] |= (uint8_t)(1u << at % 8);
        at++;
        count--;
    }
    memset(out + at / 8, 0xff, (size_t)(count / 8));
    for (at += count / 8 * 8, count %= 8; count > 0; at++, count--)
        out[at / 8] |= (uint8_t)(1u << at % 8);
}

/* COUNT bits of MAP from FIRST on, 8 at most. */
static uint8_t bits_get(const le64 *map, uint32_t first, uint32_t count)
{
    uint64_t word = le64_get(map[first / WORD]) >> first % WORD;

    if (first % WORD + count > WORD)
        word |= le64_get(map[first / WORD + 1]) << (WORD - first % WORD);
    return (uint8_t)(word & 0xffu >> (8 - count));
}

static void map_store(const le64 *map, uint32_t first, uint32_t last,
                      uint8_t *out, uint64_t at)
{
    uint32_t count = last - first + 1;

    if (first % 8 == 0 && at % 8 == 0) {
        memcpy(out + at / 8, (const uint8_t *)map + first / 8, count / 8);
        first += count / 8 * 8;
        at += count / 8 * 8;
        count %= 8;
    }
    while (count > 0) {
        uint32_t part = 8 - (uint32_t)(at % 8);

        if (part > count)
            part = count;
        out[at / 8] |= (uint8_t)(bits_get(map, first, part) << at % 8);
        first += part;
        at += part;
        count -= part;
    }
}

void chunk_store(chunk c, uint32_t first, uint32_t last, uint8_t *out,
                 uint64_t at)
{
    const struct runs *runs;

    if (c == FULL)
        bits_set(out, at, last - first + 1);
    if (c <= FULL)
        return;
    if (!is_runs(c)) {
        map_store(map_of(c), first, last, out, at);
        return;
    }
    runs = runs_of(c);
    for (uint32_t i = run_from(runs, first);
         i < runs->count && runs->run[i].first <= last; i++) {
        uint32_t from = runs->run[i].first, to = runs->run[i].last;

        if (from < first)
            from = first;
        if (to > last)
            to = last;
        bits_set(out, at + (from - first), to - from + 1);
    }
}
