/*
 * cut.c - one sequence of operations, cut everywhere, judged
 *
 * Every state is looked at by fatcheck and by history. On a sample of them
 * fsck.fat is asked too, our own driver reads all of it, and mounts a copy for
 * writing and goes on.
 */
#include "cut.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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
    struct fatimage *image;
    struct history history;
    struct fatcheck check;
    struct rng rng;
    char why[2000];
};

static bool read_everything(struct judging *j)
{
    struct exercise x = { 0 };
    struct volume v;
    int err;

    if (volume_of_bytes(&v, j->image->bytes, j->image->size))
        abort();
    err = volume_mount(&v, NULL);
    if (!err)
        err = exercise(v.fs, &x);
    /* Of a directory with two names it may refuse one. */
    if (err == SHALE_ECORRUPT && (j->check.faults & FATCHECK_TWINS))
        err = 0;
    if (err)
        snprintf(j->why, sizeof j->why, "our own reader: %s: %s",
                 shale_strerror(err), v.said);
    if (volume_close(&v) > 0)
        abort();
    return !err;
}

/* What would ruin a volume that is used on after the cut: space that is lost
   is not, and neither is a name too many. */
enum {
    SEVERE = FATCHECK_BAD | FATCHECK_ORPHAN,
};

/* Go on with a copy, without a repair: nothing may become worse. */
static bool go_on(struct judging *j)
{
    static const struct lib_options options = { .cache_bytes = 0 };
    struct gen gen = { .rng = { rng_next(&j->rng) }, .stamp = 1u << 30,
                       .file_max = 4000, .no_whole = true };
    unsigned before = j->check.faults;
    struct backend *backend;
    struct model model;
    bool good = true;
    uint8_t *copy = mmap(NULL, j->image->size, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE, j->image->fd, 0);
    int err;

    if (copy == MAP_FAILED)
        abort();
    backend = backend_lib(copy, j->image->size, j->settings->shape->sector,
                          &options);
    err = backend->start(backend);
    model_init(&model);
    for (unsigned i = 0; !err && i < 12; i++) {
        struct op op = gen_next(&gen, &model);
        uint8_t *buf = need(op.kind == OP_READ ? op.b : 0);
        int64_t got = backend->op(backend, &op, buf);

        /* Names collide with what is there; only damage is a failure. */
        if (got == SHALE_ECORRUPT || got == SHALE_EIO || got == SHALE_EROFS)
            err = (int)got;
        else if (got >= 0)
            model_op(&model, &op, true, (uint64_t)got);
        free(buf);
        op_free(&op);
    }
    model_fini(&model);
    if (!err)
        err = backend->stop(backend);
    if (err) {
        snprintf(j->why, sizeof j->why, "going on: %s: %s",
                 shale_strerror(err), backend->why);
        good = false;
    }
    backend_lib_free(backend);
    /* A name too many may have had its file deleted, which is the end of the
       other one: that is what fsck.fat is for. */
    if (good && !(before & FATCHECK_TWINS) &&
        (fatcheck_run(&j->check, copy, j->image->size) & SEVERE & ~before)) {
        snprintf(j->why, sizeof j->why, "having gone on: %s", j->check.said);
        good = false;
    }
    munmap(copy, j->image->size);
    return good;
}

static bool ask_fsck(struct judging *j)
{
    char said[4096];
    bool twins = (j->check.faults & (FATCHECK_TWINS | FATCHECK_DOTDOT)) != 0;

    fatimage_fsck(j->image, said, sizeof said);
    if (twins || fatimage_fsck_harmless(said))
        return true;
    snprintf(j->why, sizeof j->why, "fsck.fat: %.1500s", said);
    return false;
}

static bool judge(void *context, const struct powercut_state *state)
{
    struct judging *j = context;
    bool good;

    j->settings->totals->states++;
    fatcheck_run(&j->check, state->image, state->size);
    good = history_judge(&j->history, &j->check, (size_t)state->mark);
    if (!good)
        snprintf(j->why, sizeof j->why, "%s", j->history.why);
    if (good && rng_below(&j->rng, j->settings->sample) == 0) {
        j->settings->totals->looks++;
        good = ask_fsck(j) && read_everything(j) && go_on(j);
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
                         .rng = { settings->seed + 1 } };
    struct fatimage image;
    struct backend *backend;
    struct run run;
    uint8_t *base;
    bool good;

    fatimage_make(&image, settings->shape);
    j.image = &image;
    base = need(image.size);
    memcpy(base, image.bytes, image.size);
    backend = backend_lib(image.bytes, image.size, settings->shape->sector,
                          &options);
    good = run_init(&run, backend);
    if (!good)
        snprintf(j.why, sizeof j.why, "%s", run.why);
    good = good && record(&j, ops, &run);
    if (good) {
        memcpy(image.bytes, base, image.size);
        powercut_visit(image.bytes, image.size,
                       backend_lib_fault(backend)->records, &visit, judge,
                       &j);
        good = j.why[0] == '\0';
    }
    if (!good) {
        snprintf(why, size, "%s", j.why);
        return false;
    }
    settings->totals->sequences++;
    backend_lib_free(backend);
    run_fini(&run);
    history_fini(&j.history);
    fatcheck_free(&j.check);
    fatimage_free(&image);
    free(base);
    return true;
}
