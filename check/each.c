/*
 * each.c - the same work for many, by all workers
 *
 * Whoever has nothing to do takes the next few. A few, because taking costs a
 * lock; few, because the last one is waited for by the others.
 */
#include "check/state.h"

enum { TAKEN_MAX = 64 };

struct each {
    struct check *check;
    int (*work)(struct check *check, uint64_t index, void *context);
    void *context;
    uint64_t count;

    /* The state's `turn` guards: */
    uint64_t next;
    int err;
};

void check_together(struct check *check, bool alone, void (*job)(void *arg),
                    void *arg)
{
    struct shale_workers *workers = check->config->workers;

    if (!alone && !check->state->alone && check->workers > 1 &&
        workers->run(workers, job, arg) == 0)
        return;
    job(arg);
}

void check_alone(struct check *check, bool alone)
{
    check->state->alone = alone;
}

/* Take the next few: *FIRST and how many; 0 if there is nothing to do. */
static uint64_t take(struct each *each, uint64_t *first)
{
    struct check_lock *turn = &each->check->state->turn;
    uint64_t left, n;

    check_lock(each->check, turn);
    left = each->err ? 0 : each->count - each->next;
    n = left / ((uint64_t)each->check->workers * 8) + 1;
    if (n > TAKEN_MAX)
        n = TAKEN_MAX;
    if (n > left)
        n = left;
    *first = each->next;
    each->next += n;
    check_unlock(each->check, turn);
    return n;
}

static void fail(struct each *each, int err)
{
    struct check_lock *turn = &each->check->state->turn;

    check_lock(each->check, turn);
    if (!each->err)
        each->err = err;
    check_unlock(each->check, turn);
}

static void each_job(void *arg)
{
    struct each *each = arg;
    uint64_t first, n;

    while ((n = take(each, &first)) > 0)
        for (uint64_t i = first; i < first + n; i++) {
            int err = check_going(each->check);

            if (!err)
                err = each->work(each->check, i, each->context);
            if (err) {
                fail(each, err);
                return;
            }
        }
}

int check_each(struct check *check, uint64_t count,
               int (*work)(struct check *check, uint64_t index,
                           void *context),
               void *context)
{
    struct each each = {
        .check = check, .work = work, .context = context, .count = count,
    };

    check_together(check, count < 2, each_job, &each);
    return each.err;
}
