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
    runs->early -= gone;
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

        if (end <= runs->early || !run_join(&runs->list[end - 1], run))
            runs->list[end++] = run;
    }
    runs->committed = end;
    runs->count = end;
}

/* Forget the array, if all of it has been taken. */
static void runs_trim(struct shale_tx *tx)
{
    struct tx_runs *runs = &tx->runs;

    if (runs->taken < runs->count)
        return;
    shale_free(tx->mem, runs->list, runs->room * sizeof *runs->list);
    *runs = (struct tx_runs){ .list = NULL };
}

void tx_runs_ready(struct shale_tx *tx)
{
    struct tx_runs *runs = &tx->runs;

    if (runs->early > runs->ready)
        runs->taken = runs->early;
    runs->ready = runs->early = runs->committed;
    runs_trim(tx);
}

bool shale_tx_frees_pending(const struct shale_tx *tx)
{
    return tx->runs.taken < tx->runs.count;
}

uint64_t shale_tx_freed(const struct shale_tx *tx, uint64_t below)
{
    const struct tx_runs *runs = &tx->runs;
    uint64_t units = 0;

    for (size_t i = runs->taken; i < runs->count; i++)
        if (runs->list[i].first < below &&
            !(i >= runs->ready && i < runs->early))
            units += runs->list[i].count;
    return units;
}

bool shale_tx_take_free(struct shale_tx *tx, struct shale_tx_run *out)
{
    struct tx_runs *runs = &tx->runs;

    SHALE_ASSERT(!tx->open);
    if (runs->taken == runs->ready)
        return false;
    *out = runs->list[runs->taken++];
    runs_trim(tx);
    return true;
}

bool shale_tx_early(const struct shale_tx *tx, struct shale_tx_run *out)
{
    const struct tx_runs *runs = &tx->runs;

    if (!tx->logs.now || runs->taken < runs->ready ||
        runs->early == runs->committed)
        return false;
    *out = runs->list[runs->early];
    return true;
}

void shale_tx_early_done(struct shale_tx *tx)
{
    SHALE_ASSERT(!tx->open && tx->runs.early < tx->runs.committed);
    tx->runs.early++;
}
