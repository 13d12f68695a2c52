/*
 * run.c - shale_check(): who knows this volume, what came of it
 *
 * A checker is one whose mark is at the volume's beginning or, if nobody's is
 * there, one that finds a backup of what ought to be. A beginning that cannot
 * be read counts as zeros: the backups are asked then, too.
 *
 * Whatever a checker's run() answers, what it found until then is told.
 */
#include "check/state.h"

enum { HEAD_SIZE = 4096, SECTOR = 512 };

/* All that one call keeps, in one piece of memory. */
struct whole {
    struct check check;
    struct check_state state;
};

/* ------------------------------------------------------ choosing a checker */

static bool same_name(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static const struct shale_checker *
checker_named(const struct shale_checker *const *checkers, const char *name)
{
    while (*checkers && !same_name((*checkers)->name, name))
        checkers++;
    return *checkers;
}

/*
 * Read the beginning of the volume, sector by sector if it must be. *GOOD:
 * has all of it been read?
 */
static int read_head(struct check *check, uint8_t *head, size_t len,
                     bool *good)
{
    int err = check_read(check, 0, head, len);

    *good = err == 0;
    if (err != SHALE_EIO)
        return err;
    for (size_t at = 0; at < len; at += SECTOR) {
        size_t part = len - at < SECTOR ? len - at : SECTOR;

        err = check_read(check, at, head + at, part);
        if (err && err != SHALE_EIO)
            return err;
        if (err)
            memset(head + at, 0, part);
    }
    return 0;
}

/* Ask all, for their marks and then for their backups. */
static int probe(struct check *check, const uint8_t *head, size_t len)
{
    const struct shale_checker *const *all = check->config->checkers;
    int err;

    for (size_t i = 0; all[i]; i++)
        if (all[i]->probe(head, len)) {
            check->state->checker = all[i];
            return 0;
        }
    for (size_t i = 0; all[i]; i++) {
        if (!all[i]->probe_backup)
            continue;
        check->state->checker = all[i];
        if (all[i]->probe_backup(check))
            return 0;
        err = check_going(check);
        if (err)
            return err;
    }
    return SHALE_ENODEV;
}

/* Set state->checker. */
static int choose(struct check *check)
{
    const struct shale_check_config *config = check->config;
    size_t len = config->dev->size < HEAD_SIZE ? (size_t)config->dev->size :
                                                 HEAD_SIZE;
    bool good = true;
    uint8_t *head;
    int err;

    if (config->type) {
        check->state->checker = checker_named(config->checkers, config->type);
        return check->state->checker ? 0 : SHALE_ENODEV;
    }
    head = check_zalloc(check, HEAD_SIZE);
    if (!head)
        return SHALE_ENOMEM;
    err = read_head(check, head, len, &good);
    if (!err)
        err = probe(check, head, len);
    check_free(check, head, HEAD_SIZE);
    return err == SHALE_ENODEV && !good ? SHALE_EIO : err;
}

/* --------------------------------------------------------------- the check */

static int tell_all(struct check *check, int err)
{
    int found = check_notes_paths(check, err == 0);
    int told = check_notes_tell(check);

    if (!err)
        err = found;
    return err ? err : told;
}

/* Run state->checker, which is chosen. */
static int run(struct check *check)
{
    const struct shale_checker *checker = check->state->checker;
    int err;

    check->result->type = checker->name;
    check->result->memory_formula = checker->memory;
    err = checker->run(check);
    if (!err)
        err = check_going(check);
    check_phases_end(check);
    err = tell_all(check, err);
    if (checker->done)
        checker->done(check);
    if (check->result->size == 0)
        check->result->size = check->dev->size;
    check->result->complete = err == 0;
    check->result->counted = check->result->counted && err == 0;
    return err;
}

static int check_all(struct check *check)
{
    int err = check_state_init(check);

    if (!err)
        err = choose(check);
    if (!err)
        err = check_notes_create(check);
    if (!err)
        err = run(check);
    check_notes_destroy(check);
    check_state_fini(check);
    return err;
}

static int64_t time_now(struct shale_clock *clock)
{
    struct shale_time now = { 0 };

    if (clock)
        clock->now(clock, &now);
    return now.sec;
}

/* Several need locks, or there is one. */
static unsigned count_workers(const struct shale_check_config *config)
{
    if (!config->workers || !config->locks || config->workers->count < 2)
        return 1;
    return config->workers->count;
}

int shale_check(const struct shale_check_config *config,
                struct shale_check_result *out)
{
    struct whole *whole;
    int err;

    *out = (struct shale_check_result){ 0 };
    whole = shale_zalloc(config->mem, sizeof *whole);
    if (!whole)
        return SHALE_ENOMEM;
    whole->check = (struct check){
        .dev = config->dev, .mem = config->mem, .config = config,
        .result = out, .workers = count_workers(config),
        .now = time_now(config->clock), .state = &whole->state,
    };
    whole->state.memory = whole->state.memory_peak = sizeof *whole;

    err = check_all(&whole->check);
    out->memory_peak = whole->state.memory_peak;
    shale_free(config->mem, whole, sizeof *whole);
    return err;
}
