/*
 * progress.c - how far it is, and whose bytes are whose
 *
 * Progress is told about a thousand times a phase at most: whoever draws it
 * need not be fast, and workers do not wait for each other to tell little.
 */
#include "check/state.h"

enum { REPORTS = 1024 };        /* of a phase, at most */

/* Tell how far it is. With the sinks' lock. */
static void report(struct check *check)
{
    const struct check_state *state = check->state;
    const struct shale_check_config *config = check->config;
    unsigned phases = state->checker->phases;

    config->progress(config->context, state->phase,
                     phases < state->phase ? state->phase : phases,
                     state->what, state->done, state->total);
}

/* The phase that runs is over. With the sinks' lock. */
static void phase_end(struct check *check)
{
    struct check_state *state = check->state;

    if (state->phase == 0 || (state->done == state->total && state->total > 0))
        return;                 /* which has been told */
    state->done = state->total;
    report(check);
}

void check_phase(struct check *check, const char *what, uint64_t total)
{
    struct check_state *state = check->state;

    if (!check->config->progress)
        return;
    check_lock(check, &state->sinks);
    phase_end(check);
    state->phase++;
    state->what = what;
    state->total = total;
    state->done = 0;
    state->report_at = total / REPORTS + 1;
    report(check);
    check_unlock(check, &state->sinks);
}

void check_phases_end(struct check *check)
{
    if (!check->config->progress)
        return;
    check_lock(check, &check->state->sinks);
    phase_end(check);
    check_unlock(check, &check->state->sinks);
}

/* N more are done; no more than were promised. With the sinks' lock. */
static void advance(struct check *check, uint64_t n)
{
    struct check_state *state = check->state;
    uint64_t left = state->total - state->done;

    if (left == 0 || n == 0)
        return;
    state->done += n < left ? n : left;
    if (state->done < state->report_at && state->done < state->total)
        return;
    state->report_at = state->done + state->total / REPORTS + 1;
    report(check);
}

void check_done(struct check *check, uint64_t n)
{
    if (!check->config->progress || check->state->phase == 0)
        return;
    check_lock(check, &check->state->sinks);
    advance(check, n);
    check_unlock(check, &check->state->sinks);
}

void check_claim(struct check *check, const struct shale_claim *claim)
{
    const struct shale_check_config *config = check->config;

    if (!config->claim || claim->length == 0)
        return;
    check_lock(check, &check->state->sinks);
    config->claim(config->context, claim);
    check_unlock(check, &check->state->sinks);
}
