/*
 * test_check_rig.h - a checker made of a test's own function
 *
 * The volume is a small device in memory that a fault device stands on. The
 * checker knows it by its first byte, 'T'; what it finds is what the test tells
 * in `run`. Findings come out as lines: "code object number at path sentence".
 */
#ifndef TEST_CHECK_RIG_H
#define TEST_CHECK_RIG_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "check/check.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { RIG_SIZE = 4 << 20, RIG_TEXT = 1 << 16 };

enum {
    RIG_BAD, RIG_ODD, RIG_NAMED, RIG_NUMBERS, RIG_COUNTS, RIG_RUNS, RIG_CODES
};

static const struct shale_check_code rig_codes[RIG_CODES] = {
    [RIG_BAD] = { "rig.bad", SHALE_CORRUPTION, "{object} is bad", "m", "d" },
    [RIG_ODD] = { "rig.odd", SHALE_ADVICE, "{object} is odd", "m", "d" },
    [RIG_NAMED] = { "rig.named", SHALE_INCONSISTENCY,
                    "{object} is called '{name}'", "m", "d" },
    [RIG_NUMBERS] = { "rig.numbers", SHALE_INCONSISTENCY,
                      "{n} {o} {e} {f} {n:x} {o:x} {e:x} {f:x} {x} {n:y} {",
                      "m", "d" },
    [RIG_COUNTS] = { "rig.counts", SHALE_ADVICE,
                     "{o} free blocks are {name}, {o} of {o} entries, "
                     "{o} {name} are; there are {o} more files; 2^{o} "
                     "clusters, {o:x} bytes, block {o} of bytes, {o} ", "m",
                     "d" },
    [RIG_RUNS] = { "rig.runs", SHALE_ADVICE,
                   "{o} clusters from {f} on are free, {o} MFT records from "
                   "{f} on are not", "m", "d" },
};

static struct {
    uint8_t *bytes;             /* RIG_SIZE */
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct shale_mem *mem;
    struct shale_workers *workers;
    struct shale_check_config config;
    struct shale_check_result result;
    int (*run)(struct check *check);
    int (*paths)(struct check *check, struct check_path *paths, size_t count);
    unsigned done;              /* calls of the checker's done() */
    char told[RIG_TEXT];
} rig;

static bool rig_probe(const uint8_t *head, size_t len)
{
    return len > 0 && head[0] == 'T';
}

static bool rig_probe_backup(struct check *check)
{
    uint8_t byte = 0;

    return check_read(check, RIG_SIZE - 1, &byte, 1) == 0 && byte == 'T';
}

static int rig_run(struct check *check)
{
    return rig.run(check);
}

static int rig_paths(struct check *check, struct check_path *paths,
                     size_t count)
{
    return rig.paths ? rig.paths(check, paths, count) : 0;
}

static void rig_done(struct check *check)
{
    (void)check;
    rig.done++;
}

static const struct shale_checker rig_checker = {
    .name = "rig",
    .codes = rig_codes,
    .code_count = RIG_CODES,
    .phases = 3,
    .memory = "what the test takes",
    .probe = rig_probe,
    .probe_backup = rig_probe_backup,
    .run = rig_run,
    .paths = rig_paths,
    .done = rig_done,
};

static const struct shale_checker *const rig_checkers[] = {
    &rig_checker, NULL,
};

/* Append the finding as a line. */
static inline int rig_finding(void *context,
                              const struct shale_finding *finding)
{
    size_t len = strlen(rig.told);

    (void)context;
    snprintf(rig.told + len, sizeof rig.told - len, "%s %s %llu %lld %s %s\n",
             finding->code->name, shale_object_name(finding->object),
             (unsigned long long)finding->number, (long long)finding->at,
             finding->path ? finding->path : "-", finding->sentence);
    return 0;
}

/* A device with a mark at its beginning, and COUNT workers. */
static inline void rig_open(unsigned count)
{
    memset(&rig, 0, sizeof rig);
    rig.bytes = calloc(1, RIG_SIZE);
    ck_assert_ptr_nonnull(rig.bytes);
    rig.bytes[0] = 'T';
    shale_memory_bdev_init(&rig.memory, rig.bytes, RIG_SIZE, 512, true);
    rig.mem = shale_host_mem_create(0);
    rig.workers = shale_host_workers_create(count);
    ck_assert_ptr_nonnull(rig.mem);
    ck_assert_ptr_nonnull(rig.workers);
    ck_assert_int_eq(shale_fault_bdev_init(&rig.fault, &rig.memory.base,
                                           rig.mem, &shale_host_locks), 0);
    rig.config = (struct shale_check_config){
        .dev = &rig.fault.base, .mem = rig.mem, .checkers = rig_checkers,
        .locks = &shale_host_locks, .workers = rig.workers,
        .finding = rig_finding,
    };
}

/* Nothing may be left of what was checked. */
static inline void rig_close(void)
{
    const char *wrong = shale_mem_check(rig.mem);

    ck_assert_msg(!wrong, "%s", wrong ? wrong : "");
    shale_fault_bdev_fini(&rig.fault);
    ck_assert_uint_eq(shale_mem_destroy(rig.mem), 0);
    shale_host_workers_destroy(rig.workers);
    free(rig.bytes);
}

static inline int rig_check(int (*run)(struct check *check))
{
    rig.run = run;
    rig.told[0] = '\0';
    rig.done = 0;
    return shale_check(&rig.config, &rig.result);
}

/*
 * RUN again and again, each time with another allocation failing, until it gets
 * through: there is an error each time, and nothing is left.
 */
static inline void rig_fail_allocations(int (*run)(struct check *check))
{
    bool failed = true;
    uint64_t nth = 0;

    for (; failed; nth++) {
        struct shale_mem_stats before, after;
        int err;

        shale_mem_stats(rig.mem, &before);
        shale_mem_fail_at(rig.mem, nth);
        err = rig_check(run);
        failed = shale_mem_failed(rig.mem);
        shale_mem_stats(rig.mem, &after);
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
        ck_assert_int_eq(rig.result.complete, !failed);
        ck_assert_uint_eq(after.live, before.live);
    }
    shale_mem_fail_at(rig.mem, UINT64_MAX);
    ck_assert_uint_gt(nth, 3);
}

/* The same few numbers whichever thread asks: for tests that are repeated. */
static inline uint64_t rig_random(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return *state >> 33;
}

#endif /* TEST_CHECK_RIG_H */
