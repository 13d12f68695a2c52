/* callfaults.c - see callfaults.h */
#include "callfaults.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "model/run.h"
#include "shale/fault.h"
#include "shale/mem.h"
#include "shale/shale.h"
#include "shape.h"
#include "suite.h"

/* One shape's part of the plan. */
struct callfaults {
    const struct shape *shape;
    const struct op *setup;
    size_t setup_count;
    const struct op *calls;
    const unsigned *few;
    size_t few_count;

    struct image image;         /* made by begin */
};

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
    const struct callfaults *of;
    char what[300];             /* for messages */
};

static void round_begin(struct round *r, const struct callfaults *of,
                        const struct lib_options *options)
{
    r->of = of;
    r->bytes = mmap(NULL, of->image.size, PROT_READ | PROT_WRITE, MAP_PRIVATE,
                    of->image.fd, 0);
    ck_assert(r->bytes != MAP_FAILED);
    r->backend = backend_lib(r->bytes, of->image.size, of->shape->sector,
                             options);
    ck_assert_msg(run_init(&r->run, r->backend, of->shape), "%s", r->run.why);
    for (size_t i = 0; i < of->setup_count; i++)
        model_op(&r->run.model, &of->setup[i], true, of->setup[i].b);
}

static void round_end(struct round *r)
{
    backend_lib_free(r->backend);
    run_fini(&r->run);
    munmap(r->bytes, r->of->image.size);
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
    bool clears = call->kind == OP_ALLOCATE &&
                  (call->c & ~(uint64_t)SHALE_ALLOCATE_KEEP_SIZE) != 0;
    struct node *file;

    return (call->kind == OP_WRITE || call->kind == OP_COPY || clears) &&
           model_walk(model, path, &file) == 0 && at < file->size;
}

/*
 * One round. A write or copy may have been done in part, and says so: then
 * that part is there. Returns whether anything was left to fail.
 */
static bool one_round(const struct callfaults *of, const struct op *call,
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

    round_begin(&r, of, &options);
    snprintf(r.what, sizeof r.what, "%s: %s %s (%llu, %llu) with %s %s %llu "
             "failing", of->shape->name, op_name(call->kind), call->path,
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
    /* What could not be freed is, by the next mount, if the format can tell. */
    r.run.tolerated = failed && of->shape->kind->heals ? FOUND_LEFT : 0;
    must(&r, run_remount(&r.run), "unmounted");
    must(&r, run_compare(&r.run), "mounted again");
    if (r.run.tolerated) {
        r.run.tolerated = 0;
        must(&r, run_remount(&r.run), "unmounted again");
    }
    round_end(&r);
    return failed;
}

/* Each allocation, or else request, of call number CALL fails in turn; COLD:
   with nothing cached. */
static void faults_of_call(const struct callfaults *of, int call,
                           bool allocation, bool cold)
{
    struct trouble trouble = { .allocation = allocation, .cold = cold };

    while (one_round(of, &of->calls[call], &trouble)) {
        trouble.nth++;
        ck_assert_uint_lt(trouble.nth, 20000);
    }
}

/*
 * A few calls, and then what was done is to be written, while one request
 * after the other fails: sync says so, and works the next time.
 */
static void sync_round(const struct callfaults *of, uint64_t nth, bool go_on,
                       bool *failed)
{
    const struct lib_options options = { .errors_continue = go_on };
    struct trouble trouble = { .nth = nth };
    struct op sync = { .kind = OP_SYNC };
    struct round r;
    int64_t got;

    round_begin(&r, of, &options);
    snprintf(r.what, sizeof r.what, "%s: sync, request %llu failing",
             of->shape->name, (unsigned long long)nth);
    for (size_t i = 0; i < of->few_count; i++)
        must(&r, run_op(&r.run, &of->calls[of->few[i]]), "before");
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
        got = r.backend->op(r.backend, &of->calls[0], NULL);
        ck_assert_msg(got == SHALE_EROFS, "%s, of kind %d: then %lld", r.what,
                      (int)r.kind, (long long)got);
        got = r.backend->op(r.backend, &sync, NULL);
        ck_assert_msg(got == SHALE_EIO, "%s: then sync %lld", r.what,
                      (long long)got);
    }
    round_end(&r);
}

/* The few calls, and then what was done is to be written, while one request
   after the other fails: sync says so and, if errors are to be survived
   (GO_ON), works the next time. */
static void faults_of_sync(const struct callfaults *of, bool go_on)
{
    bool failed = true;

    for (uint64_t nth = 0; failed; nth++)
        sync_round(of, nth, go_on, &failed);
}

/* Make the image, and give it back. */
static void faults_begin(struct callfaults *of)
{
    static const struct lib_options options = { .cache_bytes = 0 };
    struct backend *backend;
    struct run run;

    shape_make(&of->image, of->shape);
    backend = backend_lib(of->image.bytes, of->image.size, of->shape->sector,
                          &options);
    ck_assert_msg(run_init(&run, backend, of->shape), "%s", run.why);
    for (size_t i = 0; i < of->setup_count; i++)
        ck_assert_msg(run_op(&run, &of->setup[i]), "%s", run.why);
    backend_lib_free(backend);
    run_fini(&run);
}

static void faults_end(struct callfaults *of)
{
    image_free(&of->image);
}

/*
 * Is it CALL's turn on VOLUME, one of so many? Every call is tried on each, if
 * there is time. Or else on one of them; or only a third of the calls, where
 * each access is checked.
 */
static bool is_picked(int call, int volume, int volumes)
{
    if (suite_is("long"))
        return true;
#ifdef SHALE_MEM_DEBUG
    if (suite_is("quick") && call / volumes % 3 != 0)
        return false;
#endif
    return call % volumes == volume;
}

/* ------------------------------------------------------------- the suite */

enum { VOLUMES_MAX = 8 };

static const struct callfaults_plan *plan;
static struct callfaults volumes[VOLUMES_MAX];
static int volume_count;
static bool possible;

START_TEST(a_call_survives_each_allocation_failing)
{
    int call = _i % plan->call_count, volume = _i / plan->call_count;

    if (!possible || !is_picked(call, volume, volume_count))
        return;
    faults_of_call(&volumes[volume], call, true, true);
    if (suite_is("long"))
        faults_of_call(&volumes[volume], call, true, false);
}
END_TEST

START_TEST(a_call_survives_each_request_failing)
{
    int call = _i % plan->call_count, volume = _i / plan->call_count;

#ifdef SHALE_MEM_DEBUG
    if (!is_picked(call, volume, volume_count))
        return;
#endif
    if (possible)
        faults_of_call(&volumes[volume], call, false, true);
}
END_TEST

START_TEST(sync_survives_each_request_failing)
{
    if (possible)
        faults_of_sync(&volumes[_i % volume_count], _i < volume_count);
}
END_TEST

static void prepare(void)
{
    possible = shape_possible(shape_named(plan->shapes[0]));
    for (int i = 0; possible && i < volume_count; i++) {
        volumes[i] = (struct callfaults){
            .shape = shape_named(plan->shapes[i]), .setup = plan->setup,
            .setup_count = plan->setup_count, .calls = plan->calls,
            .few = plan->few, .few_count = plan->few_count,
        };
        faults_begin(&volumes[i]);
    }
}

static void finish(void)
{
    for (int i = 0; possible && i < volume_count; i++)
        faults_end(&volumes[i]);
}

Suite *callfaults_suite(const struct callfaults_plan *of)
{
    Suite *s = suite_create(of->name);
    TCase *tc = tcase_create("calls");

    plan = of;
    for (; of->shapes[volume_count]; volume_count++)
        if (volume_count == VOLUMES_MAX)
            abort();
    tcase_add_unchecked_fixture(tc, prepare, finish);
    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, a_call_survives_each_allocation_failing, 0,
                        volume_count * of->call_count);
    tcase_add_loop_test(tc, a_call_survives_each_request_failing, 0,
                        volume_count * of->call_count);
    tcase_add_loop_test(tc, sync_survives_each_request_failing, 0,
                        2 * volume_count);
    suite_add_tcase(s, tc);
    return s;
}
