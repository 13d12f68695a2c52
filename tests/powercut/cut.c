/*
 * cut.c - one sequence of operations, cut everywhere, judged
 *
 * Every state is looked at by the format's checker in memory, and by history.
 * On a sample of them its checking program is asked too, which repairs a copy
 * if that is its way; our own driver reads all of it, if need be after it has
 * repaired a copy by mounting it for writing; and goes on with a copy.
 */
#include "cut.h"

#include <stdlib.h>
#include <string.h>

#include "exercise.h"
#include "history.h"
#include "model/gen.h"
#include "model/run.h"
#include "powercut.h"
#include "shale/fault.h"
#include "volume.h"

/* ------------------------------------------------------------- judging */

struct judging {
    const struct cut_settings *settings;
    struct image *image, copy;  /* COPY has no bytes until it is needed */
    struct history history;
    struct found found, later;  /* LATER: in the copy */
    struct rng rng;
    size_t mark;                /* of the state that is judged */
    char why[2000];
};

/* What batches in steps leave is for the checking program to put right. */
static bool is_repaired_first(const struct judging *j)
{
    return j->settings->shape->in_steps && j->found.kind->heals;
}

/* A program that repairs it has to find it in a file. */
static void make_copy(struct judging *j)
{
    if (!j->found.kind->heals) {
        if (j->copy.bytes)
            image_free(&j->copy);
        image_view(&j->copy, j->image);
        return;
    }
    if (!j->copy.bytes)
        image_make(&j->copy, j->image->size);
    memcpy(j->copy.bytes, j->image->bytes, j->image->size);
}

/* May the copy be there, now that WHO has repaired it? But for FAULTS. */
static bool judge_copy(struct judging *j, const char *who, unsigned faults)
{
    const char *why = NULL;

    if (found_look(&j->later, j->copy.bytes, j->copy.size) & ~faults)
        why = j->later.said;
    else if (!history_judge(&j->history, &j->later, j->mark))
        why = j->history.why;
    if (why)
        snprintf(j->why, sizeof j->why, "after %s: %s", who, why);
    return !why;
}

static bool ask_checker(struct judging *j)
{
    const struct shape_kind *kind = j->found.kind;
    const struct image *image = j->image;
    char said[4096];

    if (kind->heals) {
        make_copy(j);
        image = &j->copy;
    }
    if (!kind->repair(image->path, &j->found, said, sizeof said)) {
        snprintf(j->why, sizeof j->why, "%s: %.1500s", kind->needs, said);
        return false;
    }
    if (!kind->heals || (j->found.faults & FOUND_RENAMED))
        return true;
    return judge_copy(j, kind->needs, 0);
}

static bool read_everything(struct judging *j)
{
    bool heals = j->found.kind->heals;
    struct exercise x = { 0 };
    struct image *image = heals ? &j->copy : j->image;
    struct volume v;
    int err;

    if (heals && !is_repaired_first(j))
        make_copy(j);
    err = heals ? volume_to_write(&v, image->bytes, image->size)
                : volume_of_bytes(&v, image->bytes, image->size);
    if (err)
        abort();
    err = volume_mount(&v, NULL);
    if (!err)
        err = exercise(v.fs, &x);
    /* Of a directory with two names it may refuse one. */
    if (err == SHALE_ECORRUPT && (j->found.faults & FOUND_RENAMED))
        err = 0;
    if (err)
        snprintf(j->why, sizeof j->why, "our own reader: %s: %s",
                 shale_strerror(err), v.said);
    if (volume_close(&v) > 0)
        abort();
    /* What was marked as unclean before any change stays so. */
    return !err && (!heals || judge_copy(j, "our own mount", FOUND_LEFT));
}

/* Some operations, on whatever is there: only damage is a failure. */
static int work_on(struct judging *j, struct backend *backend)
{
    struct gen gen = { .rng = { rng_next(&j->rng) }, .stamp = 1u << 30,
                       .file_max = 4000, .no_whole = true };
    struct model model;
    int err = 0;

    model_init(&model, &j->settings->shape->can);
    for (unsigned i = 0; !err && i < 12; i++) {
        struct op op = gen_next(&gen, &model);
        uint8_t *buf = need(op.kind == OP_READ ? op.b : 0);
        int64_t got = backend->op(backend, &op, buf);

        if (got == SHALE_ECORRUPT || got == SHALE_EIO || got == SHALE_EROFS)
            err = (int)got;
        else if (got >= 0 && model_op(&model, &op, false, 0) >= 0)
            model_op(&model, &op, true, (uint64_t)got);
        free(buf);
        op_free(&op);
    }
    model_fini(&model);
    return err;
}

/* Go on with a copy, without another repair: nothing may become worse. */
static bool go_on(struct judging *j)
{
    static const struct lib_options options = { .cache_bytes = 0 };
    unsigned before = j->found.faults, faults;
    struct backend *backend;
    int err;

    if (!is_repaired_first(j))
        make_copy(j);
    backend = backend_lib(j->copy.bytes, j->copy.size,
                          j->settings->shape->sector, &options);
    err = backend->start(backend);
    if (!err)
        err = work_on(j, backend);
    if (!err)
        err = backend->stop(backend);
    if (err)
        snprintf(j->why, sizeof j->why, "going on: %s: %s",
                 shale_strerror(err), backend->why);
    backend_lib_free(backend);
    if (err)
        return false;

    /* A name too many may have had its file deleted, which is the end of the
       other one: that is what a checker is for. */
    if (before & FOUND_RENAMED)
        return true;
    faults = found_look(&j->later, j->copy.bytes, j->copy.size);
    faults &= (unsigned)~FOUND_LEFT;
    if (!j->found.kind->heals)
        faults &= FOUND_BAD & ~before;
    if (faults)
        snprintf(j->why, sizeof j->why, "having gone on: %s", j->later.said);
    return !faults;
}

static bool judge(void *context, const struct powercut_state *state)
{
    struct judging *j = context;
    bool good;

    j->settings->totals->states++;
    j->mark = (size_t)state->mark;
    found_look(&j->found, state->image, state->size);
    good = history_judge(&j->history, &j->found, j->mark);
    if (!good)
        snprintf(j->why, sizeof j->why, "%s", j->history.why);
    if (good && rng_below(&j->rng, j->settings->sample) == 0) {
        j->settings->totals->looks++;
        good = ask_checker(j);
        /* Where it asks somebody, that is the end of it. */
        if (good && !(is_repaired_first(j) &&
                      (j->found.faults & FOUND_RENAMED)))
            good = read_everything(j) && go_on(j);
    }
    if (!good) {
        char what[sizeof j->why];

        memcpy(what, j->why, sizeof what);
        snprintf(j->why, sizeof j->why, "state %llu (%s), after operation "
                 "%llu: %.1500s", (unsigned long long)state->number,
                 state->what, (unsigned long long)state->mark, what);
    }
    return good;
}

/* ------------------------------------------------------- one sequence */

static bool is_flush(const struct op *op)
{
    return op->kind == OP_FSYNC || op->kind == OP_SYNC ||
           op->kind == OP_WRITEBACK || op->kind == OP_REMOUNT;
}

/* Do the operations, with a mark after each, and unmount. */
static bool record(struct judging *j, const struct ops *ops, struct run *run)
{
    struct shale_fault_bdev *fault = backend_lib_fault(run->backend);
    struct op last = { .kind = OP_REMOUNT };

    history_init(&j->history, &run->model);
    j->history.in_steps = j->settings->shape->in_steps;
    /* Without a journal a file's pointers and its size go separate ways. */
    j->history.in_parts = j->history.in_steps && j->found.kind->heals;
    for (size_t i = 0; i <= ops->count; i++) {
        const struct op *op = i < ops->count ? &ops->list[i] : &last;
        struct node *file;
        bool synced = is_flush(op) &&
                      (op->kind != OP_FSYNC ||
                       model_walk(&run->model, op->path, &file) == 0);

        if (!run_op(run, op)) {
            snprintf(j->why, sizeof j->why, "operation %zu: %s", i + 1,
                     run->why);
            return false;
        }
        history_note(&j->history, &run->model, op, synced);
        if (shale_fault_mark(fault, i + 1))
            abort();
    }
    return true;
}

/* What the device was asked for, as the states are described by. */
static void print_records(const struct shale_fault_record *record)
{
    for (size_t i = 0; record; record = record->next, i++)
        fprintf(stderr, "%zu %s %llu %zu\n", i,
                record->kind == SHALE_REQUEST_WRITE ? "write" :
                record->kind == SHALE_REQUEST_FLUSH ? "flush" : "mark",
                (unsigned long long)record->offset, record->len);
}

bool cut_sequence(const struct cut_settings *settings, const struct ops *ops,
                  char *why, size_t size)
{
    struct lib_options options = {
        .record = true,
        .cache_bytes = settings->seed % 2 ? 0 : 16 << 10,
    };
    struct powercut_options visit = { .seed = settings->seed,
                                      .max_states = settings->states };
    struct judging j = { .settings = settings,
                         .found = { .kind = settings->shape->kind },
                         .later = { .kind = settings->shape->kind },
                         .rng = { settings->seed + 1 } };
    struct image image, changed;
    struct backend *backend;
    struct run run;
    bool good;

    image_copy(&image, settings->image);
    j.image = &image;
    image_view(&changed, &image);
    backend = backend_lib(changed.bytes, changed.size,
                          settings->shape->sector, &options);
    good = run_init(&run, backend, settings->shape);
    if (!good)
        snprintf(j.why, sizeof j.why, "%s", run.why);
    good = good && record(&j, ops, &run);
    if (good) {
        powercut_visit(image.bytes, image.size,
                       backend_lib_fault(backend)->records, &visit, judge,
                       &j);
        good = j.why[0] == '\0';
        if (!good && getenv("CUT_RECORDS"))
            print_records(backend_lib_fault(backend)->records);
    }
    if (!good) {
        snprintf(why, size, "%s", j.why);
        return false;
    }
    settings->totals->sequences++;
    backend_lib_free(backend);
    run_fini(&run);
    history_fini(&j.history);
    found_free(&j.found);
    found_free(&j.later);
    if (j.copy.bytes)
        image_free(&j.copy);
    image_free(&changed);
    image_free(&image);
    return true;
}
