/*
 * test_fat_faults.c - every call that changes a FAT volume fails, everywhere
 *
 * A round mounts a volume with a few files, and does one call while one thing
 * fails: the first allocation, the second, ..., or the first request to the
 * device, and so on until the call gets through untouched. Whatever fails, the
 * call has failed whole: the tree is what it was, or, for a call that found a
 * way around, what it should be. The same call then works, and the volume that
 * is left has no fault.
 *
 * The volume is a private mapping of one image, so a round costs only what it
 * touches.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fatimage.h"
#include "run.h"
#include "shale/fault.h"
#include "shale/mem.h"
#include "shale/shale.h"
#include "suite.h"

#define LONG_NAME "a name of several entries, which is not short at all"

/* What is on the volume. */
static const struct op setup[] = {
    { OP_MKDIR, (char[]){ "/dir" }, NULL, 0, 0, 0 },
    { OP_MKDIR, (char[]){ "/dir/below" }, NULL, 0, 0, 0 },
    { OP_MKDIR, (char[]){ "/empty" }, NULL, 0, 0, 0 },
    { OP_CREATE, (char[]){ "/file" }, NULL, 0, 0, 0 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 0, 5000, 1 },
    { OP_CREATE, (char[]){ "/dir/" LONG_NAME }, NULL, 0, 0, 0 },
    { OP_WRITE, (char[]){ "/dir/" LONG_NAME }, NULL, 0, 700, 2 },
    { OP_CREATE, (char[]){ "/dir/below/other" }, NULL, 0, 0, 0 },
    { OP_WRITE, (char[]){ "/dir/below/other" }, NULL, 0, 40000, 3 },
    /* The directory's first cluster is full of names. */
    { OP_CREATE, (char[]){ "/dir/" LONG_NAME " 2" }, NULL, 0, 0, 0 },
    { OP_CREATE, (char[]){ "/dir/" LONG_NAME " 3" }, NULL, 0, 0, 0 },
};

enum { SETUP = sizeof setup / sizeof setup[0] };

/* The calls. */
static const struct op calls[] = {
    { OP_CREATE, (char[]){ "/new" }, NULL, 0, 0, 0 },
    { OP_CREATE, (char[]){ "/dir/" LONG_NAME " 4" }, NULL, 0, 0, 0 },
    { OP_CREATE, (char[]){ "/empty/" LONG_NAME }, NULL, 0, 0, 0 },
    { OP_MKDIR, (char[]){ "/dir/below/new directory" }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/file" }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/dir/" LONG_NAME }, NULL, 0, 0, 0 },
    { OP_RMDIR, (char[]){ "/empty" }, NULL, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/FILE" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/" LONG_NAME }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/dir/moved" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/dir/below/other" }, 0, 0,
      0 },
    { OP_RENAME, (char[]){ "/dir/below" }, (char[]){ "/empty/below" }, 0, 0,
      0 },
    { OP_RENAME, (char[]){ "/dir/below" }, (char[]){ "/empty" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/dir/below" },
      SHALE_RENAME_EXCHANGE, 0, 0 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 100, 3000, 10 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 4000, 30000, 11 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 9999, 1, 12 },
    { OP_WRITE, (char[]){ "/dir/" LONG_NAME " 2" }, NULL, 0, 2000, 13 },
    { OP_APPEND, (char[]){ "/dir/" LONG_NAME }, NULL, 0, 5, 14 },
    { OP_TRUNCATE, (char[]){ "/dir/below/other" }, NULL, 0, 0, 0 },
    { OP_TRUNCATE, (char[]){ "/dir/below/other" }, NULL, 20001, 0, 0 },
    { OP_TRUNCATE, (char[]){ "/file" }, NULL, 20001, 0, 0 },
    { OP_ALLOCATE, (char[]){ "/file" }, NULL, 4000, 20000, 0 },
    { OP_ALLOCATE, (char[]){ "/file" }, NULL, 4000, 20000,
      SHALE_ALLOCATE_KEEP_SIZE },
    { OP_COPY, (char[]){ "/dir/below/other" }, (char[]){ "/file" }, 100,
      20000, 4000 },
    { OP_TOUCH, (char[]){ "/dir/below/other" }, NULL, 1234567890, 0, 0 },
    { OP_TOUCH, (char[]){ "/dir/below" }, NULL, 1234567890, 0, 0 },
};

enum { CALLS = sizeof calls / sizeof calls[0] };

static const char *const shapes[] = { "fat12", "fat16", "fat32" };

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static struct image images[SHAPES];
static const struct fat_shape *shape_of[SHAPES];
static bool possible;

/* What is going wrong in a round. */
struct trouble {
    bool allocation;            /* or else a request */
    uint64_t nth;
    bool cold;                  /* nothing is cached */
};

struct round {
    uint64_t requests;          /* since the trouble began */
    uint64_t nth;
    enum shale_request_kind kind;       /* of the nth */
    struct run run;
    struct backend *backend;
    uint8_t *bytes;
    int shape;
    char what[200];             /* for messages */
};

static void round_begin(struct round *r, int shape,
                        const struct lib_options *options)
{
    r->shape = shape;
    r->bytes = mmap(NULL, images[shape].size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE, images[shape].fd, 0);
    ck_assert(r->bytes != MAP_FAILED);
    r->backend = backend_lib(r->bytes, images[shape].size,
                             shape_of[shape]->sector, options);
    ck_assert_msg(run_init(&r->run, r->backend,
                           shape_named(shapes[shape])), "%s", r->run.why);
    for (unsigned i = 0; i < SETUP; i++)
        model_op(&r->run.model, &setup[i], true, setup[i].b);
}

static void round_end(struct round *r)
{
    backend_lib_free(r->backend);
    run_fini(&r->run);
    munmap(r->bytes, images[r->shape].size);
}

static void watch(void *context, enum shale_request_kind kind,
                  uint64_t offset, size_t len)
{
    struct round *r = context;

    (void)offset;
    (void)len;
    if (r->requests++ == r->nth)
        r->kind = kind;
}

static void arm(struct round *r, const struct trouble *trouble)
{
    if (trouble->cold) {
        struct op shrink = { .kind = OP_SHRINK };

        r->backend->op(r->backend, &shrink, NULL);
    }
    r->requests = 0;
    r->nth = trouble->nth;
    backend_lib_fault(r->backend)->watch = watch;
    backend_lib_fault(r->backend)->watch_context = r;
    if (trouble->allocation)
        shale_mem_fail_at(backend_lib_mem(r->backend), trouble->nth);
    else
        shale_fault_at(backend_lib_fault(r->backend), trouble->nth, 1,
                       SHALE_EIO);
}

/* Stop what is going wrong. Has it? */
static bool disarm(struct round *r, const struct trouble *trouble)
{
    bool failed;

    if (trouble->allocation) {
        failed = shale_mem_failed(backend_lib_mem(r->backend));
        shale_mem_fail_at(backend_lib_mem(r->backend), UINT64_MAX);
    } else {
        failed = shale_fault_failed(backend_lib_fault(r->backend));
        shale_fault_at(backend_lib_fault(r->backend), 0, 0, SHALE_EIO);
    }
    return failed;
}

static void must(struct round *r, bool good, const char *when)
{
    ck_assert_msg(good, "%s, %s: %s", r->what, when, r->run.why);
}

/* Does CALL put other bytes in the place of some? */
static bool overwrites(const struct model *model, const struct op *call)
{
    const char *path = call->kind == OP_COPY ? call->to : call->path;
    uint64_t at = call->kind == OP_COPY ? call->c : call->a;
    struct node *file;

    return (call->kind == OP_WRITE || call->kind == OP_COPY) &&
           model_walk(model, path, &file) == 0 && at < file->size;
}

/*
 * One round. A write or copy may have been done in part, and says so: then
 * that part is there. Returns whether anything was left to fail.
 */
static bool one_round(int shape, const struct op *call,
                      const struct trouble *trouble)
{
    /* A file is forgotten when nobody holds it: not before a call is over. */
    static const struct lib_options options = {
        .vnode_max = 1, .errors_continue = true,
    };
    int right = trouble->allocation ? SHALE_ENOMEM : SHALE_EIO;
    struct op again = *call;
    struct round r;
    int64_t want, got;
    bool failed;

    round_begin(&r, shape, &options);
    snprintf(r.what, sizeof r.what, "%s: %s %s (%llu, %llu) with %s %s %llu "
             "failing", shapes[shape], op_name(call->kind), call->path,
             (unsigned long long)call->a, (unsigned long long)call->b,
             trouble->cold ? "cold" : "warm",
             trouble->allocation ? "allocation" : "request",
             (unsigned long long)trouble->nth);
    want = model_op(&r.run.model, call, false, 0);
    arm(&r, trouble);
    got = r.backend->op(r.backend, call, NULL);
    failed = disarm(&r, trouble);
    ck_assert_msg(got == want || (failed && got == right) ||
                  (failed && got > 0 && got < want),
                  "%s: %lld", r.what, (long long)got);
    if (got >= 0)
        model_op(&r.run.model, call, true, (uint64_t)got);
    /* Bytes that were to be overwritten may be so. */
    r.run.names_only = got < 0 && overwrites(&r.run.model, call);
    must(&r, run_compare(&r.run), "afterwards");
    r.run.names_only = false;

    if (got > 0 && got < want) {
        again.a += call->kind == OP_APPEND ? 0 : (uint64_t)got;
        again.c += call->kind == OP_COPY ? (uint64_t)got : 0;
        again.b -= (uint64_t)got;
    }
    if (got < want)
        must(&r, run_op(&r.run, &again), "again");
    must(&r, run_compare(&r.run), "in the end");
    /* A write that failed is told to whoever syncs next, once. */
    if (failed && !trouble->allocation) {
        struct op sync = { .kind = OP_SYNC };

        got = r.backend->op(r.backend, &sync, NULL);
        ck_assert_msg(got == 0 || got == SHALE_EIO, "%s: sync said %lld",
                      r.what, (long long)got);
    }
    must(&r, run_remount(&r.run), "unmounted");
    must(&r, run_compare(&r.run), "mounted again");
    round_end(&r);
    return failed;
}

static void all_rounds(int which, bool allocation, bool cold)
{
    int shape = which / CALLS;
    const struct op *call = &calls[which % CALLS];
    struct trouble trouble = { .allocation = allocation, .cold = cold };

    if (!possible)
        return;
    while (one_round(shape, call, &trouble)) {
        trouble.nth++;
        ck_assert_uint_lt(trouble.nth, 20000);
    }
}

/*
 * Every call on every type of volume, if there is time. Or else each call on
 * one of them; or a third of the calls, where each access is checked.
 */
static bool is_picked(int which)
{
    int call = which % CALLS;

    if (suite_is("long"))
        return true;
#ifdef SHALE_MEM_DEBUG
    if (suite_is("quick") && call / SHAPES % 3 != 0)
        return false;
#endif
    return call % SHAPES == which / CALLS;
}

START_TEST(a_call_survives_each_allocation_failing)
{
    if (!is_picked(_i))
        return;
    all_rounds(_i, true, true);
    if (suite_is("long"))
        all_rounds(_i, true, false);
}
END_TEST

START_TEST(a_call_survives_each_request_failing)
{
#ifdef SHALE_MEM_DEBUG
    if (!is_picked(_i))
        return;
#endif
    all_rounds(_i, false, true);
}
END_TEST

/*
 * A few calls, and then what was done is to be written, while one request
 * after the other fails: sync says so, and works the next time.
 */
static void sync_round(int shape, uint64_t nth, bool go_on, bool *failed)
{
    const struct lib_options options = { .errors_continue = go_on };
    struct trouble trouble = { .nth = nth };
    struct op sync = { .kind = OP_SYNC };
    struct round r;
    int64_t got;

    round_begin(&r, shape, &options);
    snprintf(r.what, sizeof r.what, "%s: sync, request %llu failing",
             shapes[shape], (unsigned long long)nth);
    must(&r, run_op(&r.run, &calls[1]), "before");
    must(&r, run_op(&r.run, &calls[4]), "before");
    must(&r, run_op(&r.run, &calls[11]), "before");
    must(&r, run_op(&r.run, &calls[18]), "before");
    arm(&r, &trouble);
    got = r.backend->op(r.backend, &sync, NULL);
    *failed = disarm(&r, &trouble);
    /* What cannot be read from the first FAT is read from the second. */
    ck_assert_msg(got == (*failed ? SHALE_EIO : 0) ||
                  (got == 0 && r.kind == SHALE_REQUEST_READ), "%s: %lld",
                  r.what, (long long)got);
    must(&r, run_compare(&r.run), "afterwards");
    if (go_on) {
        must(&r, run_op(&r.run, &sync), "again");
        must(&r, run_remount(&r.run), "unmounted");
    } else if (got) {
        /* Read-only from now on, and every sync says why. */
        got = r.backend->op(r.backend, &calls[0], NULL);
        ck_assert_msg(got == SHALE_EROFS, "%s: then %lld", r.what,
                      (long long)got);
        got = r.backend->op(r.backend, &sync, NULL);
        ck_assert_msg(got == SHALE_EIO, "%s: then sync %lld", r.what,
                      (long long)got);
    }
    round_end(&r);
}

START_TEST(sync_survives_each_request_failing)
{
    bool failed = true;

    for (uint64_t nth = 0; failed && possible; nth++)
        sync_round(_i % SHAPES, nth, _i < SHAPES, &failed);
}
END_TEST

static void prepare(void)
{
    static const struct lib_options options = { .cache_bytes = 0 };

    possible = fatimage_possible();
    if (!possible) {
        puts("skipped: needs mkfs.fat and fsck.fat");
        return;
    }
    for (int i = 0; i < SHAPES; i++) {
        struct backend *backend;
        struct run run;

        shape_of[i] = fat_shape_named(shapes[i]);
        fatimage_make(&images[i], shape_of[i]);
        backend = backend_lib(images[i].bytes, images[i].size,
                              shape_of[i]->sector, &options);
        ck_assert_msg(run_init(&run, backend,
                               shape_named(shapes[i])), "%s", run.why);
        for (unsigned k = 0; k < SETUP; k++)
            ck_assert_msg(run_op(&run, &setup[k]), "%s", run.why);
        backend_lib_free(backend);
        run_fini(&run);
    }
}

static void finish(void)
{
    for (int i = 0; possible && i < SHAPES; i++)
        fatimage_free(&images[i]);
}

Suite *suite(void)
{
    Suite *s = suite_create("fat/faults");
    TCase *tc = tcase_create("calls");

    tcase_add_unchecked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, a_call_survives_each_allocation_failing, 0,
                        SHAPES * CALLS);
    tcase_add_loop_test(tc, a_call_survives_each_request_failing, 0,
                        SHAPES * CALLS);
    tcase_add_loop_test(tc, sync_survives_each_request_failing, 0,
                        2 * SHAPES);
    suite_add_tcase(s, tc);
    return s;
}
