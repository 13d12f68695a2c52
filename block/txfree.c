/*
 * txfree.c - what transactions have freed, until it may be used again
 *
 * Runs of units are kept in the order in which they were freed, neighbours as
 * one; they are free when the batch they are of is on the device. Where that
 * goes through a log whole, what is noted of them on the volume can be part of
 * the batch itself, as long as nobody takes them before it is there.
 */
#include "assert.h"
#include "batch.h"
#include "memfn.h"
#include "shale/err.h"
#include "shale/mem.h"

#define ROOM_MIN 64u            /* runs */

void *tx_array_grow(struct shale_mem *mem, void *array, size_t *room,
                    size_t count, size_t size, size_t room_min)
{
    size_t more = *room ? *room * 2 : room_min;
    void *grown;

    if (count < *room)
        return array;
    if (more > SIZE_MAX / size)
        return NULL;
    grown = shale_alloc(mem, more * size);
    if (!grown)
        return NULL;
    if (array)
        memcpy(grown, array, count * size);
    shale_free(mem, array, *room * size);
    *room = more;
    return grown;
}

/*
 * Make *LAST, which was freed just before RUN, one with it if they are
 * neighbours. A run of no units is the driver's own sign, and stays by itself.
 */
static bool run_join(struct shale_tx_run *last, struct shale_tx_run run)
{
    if (last->count == 0 || run.count == 0 ||
        run.count > UINT64_MAX - last->count)
        return false;
    if (run.first > last->first && run.first - last->first == last->count) {
        last->count += run.count;
        return true;
    }
    if (last->first > run.first && last->first - run.first == run.count) {
        last->first = run.first;
        last->count += run.count;
        return true;
    }
    return false;
}

/* Take the runs that are taken out of the array, so that it can be refilled. */
static void runs_close_up(struct tx_runs *runs)
{
    size_t gone = runs->taken;

    if (gone == 0)
        return;
    memmove(runs->list, runs->list + gone,
            (runs->count - gone) * sizeof *runs->list);
    runs->taken = 0;
    runs->ready -= gone;
    runs->early -= runs->early < gone ? runs->early : gone;
    runs->committed -= gone;
    runs->count -= gone;
}

int shale_tx_free(struct shale_tx *tx, struct shale_tx_run run)
{
    struct tx_runs *runs = &tx->runs;
    struct shale_tx_run *list;

    SHALE_ASSERT(tx->open);
    if (runs->count > runs->committed &&
        run_join(&runs->list[runs->count - 1], run))
        return 0;
    if (runs->count == runs->room)
        runs_close_up(runs);
    list = tx_array_grow(tx->mem, runs->list, &runs->room, runs->count,
                         sizeof *list, ROOM_MIN);
    if (!list)
        return SHALE_ENOMEM;
    runs->list = list;
    list[runs->count++] = run;
    return 0;
}

void tx_runs_commit(struct tx_runs *runs)
{
    size_t end = runs->committed;

    for (size_t i = runs->committed; i < runs->count; i++) {
        struct shale_tx_run run = runs->list[i];

        if (end == runs->ready || end <= runs->early ||
            !run_join(&runs->list[end - 1], run))
            runs->list[end++] = run;
    }
    runs->committed = end;
    runs->count = end;
}

/* Which of the runs is the first that has not been seen to? */
static size_t runs_first(const struct tx_runs *runs)
{
    return runs->taken > runs->early ? runs->taken : runs->early;
}

bool shale_tx_frees_pending(const struct shale_tx *tx)
{
    return runs_first(&tx->runs) < tx->runs.count;
}

uint64_t shale_tx_freed(const struct shale_tx *tx, uint64_t below)
{
    const struct tx_runs *runs = &tx->runs;
    uint64_t units = 0;

    for (size_t i = runs_first(runs); i < runs->count; i++)
        if (runs->list[i].first < below)
            units += runs->list[i].count;
    return units;
}

bool shale_tx_take_free(struct shale_tx *tx, struct shale_tx_run *out)
{
    struct tx_runs *runs = &tx->runs;
    bool any;

    SHALE_ASSERT(!tx->open);
    runs->taken = runs_first(runs);
    any = runs->taken < runs->ready;
    if (any)
        *out = runs->list[runs->taken++];
    if (runs->taken == runs->count) {
        shale_free(tx->mem, runs->list, runs->room * sizeof *runs->list);
        *runs = (struct tx_runs){ .list = NULL };
    }
    return any;
}

bool shale_tx_early(const struct shale_tx *tx, struct shale_tx_run *out)
{
    const struct tx_runs *runs = &tx->runs;
    size_t first = runs_first(runs);

    /* What is ready goes first. */
    if (!tx->logs.now || first < runs->ready || first == runs->committed)
        return false;
    *out = runs->list[first];
    return true;
}

void shale_tx_early_done(struct shale_tx *tx)
{
    struct tx_runs *runs = &tx->runs;

    SHALE_ASSERT(!tx->open && runs_first(runs) < runs->committed);
    runs->early = runs_first(runs) + 1;
}
