/*
 * test_fat_check.h - the checker, asked about a volume put together by hand
 *
 * Findings come out as lines: "code at path", in the order in which they are
 * told.
 */
#ifndef TEST_FAT_CHECK_H
#define TEST_FAT_CHECK_H

#include "shale/check.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "test_fat_image.h"

enum { CHECKED_TEXT = 1 << 16 };

struct checked {
    unsigned workers;
    uint32_t findings_max;
    int64_t now;                /* 0: there is no clock */
    bool sentences;             /* told too, behind the path */
    void (*claim)(void *context, const struct shale_claim *claim);
    uint64_t fail_read;         /* of the device: the Nth; 0: none */
    uint64_t fail_alloc;        /* likewise, from 1 on */

    struct shale_check_result result;
    bool failed;                /* what was to fail has failed */
    char told[CHECKED_TEXT];
};

static inline int checked_finding(void *context,
                                  const struct shale_finding *finding)
{
    struct checked *checked = context;
    size_t len = strlen(checked->told);

    snprintf(checked->told + len, sizeof checked->told - len,
             "%s %lld %s%s%s\n", finding->code->name, (long long)finding->at,
             finding->path ? finding->path : "-",
             checked->sentences ? " " : "",
             checked->sentences ? finding->sentence : "");
    return 0;
}

struct checked_clock {
    struct shale_clock base;
    int64_t now;
};

static inline void checked_now(struct shale_clock *clock,
                               struct shale_time *out)
{
    *out = (struct shale_time){ .sec = ((struct checked_clock *)clock)->now };
}

static const struct shale_checker *const checked_by[] = {
    &shale_fat_checker, NULL,
};

/* Check SIZE bytes. Nothing may be left. */
static inline int checked_run(struct checked *checked, uint8_t *bytes,
                              size_t size)
{
    struct shale_workers *workers =
        shale_host_workers_create(checked->workers ? checked->workers : 1);
    struct checked_clock clock = { { .now = checked_now }, checked->now };
    struct shale_mem *mem = shale_host_mem_create(0);
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct shale_mem_stats before, after;
    struct shale_check_config config = {
        .dev = &fault.base, .mem = mem, .checkers = checked_by, .type = "fat",
        .locks = &shale_host_locks, .workers = workers,
        .clock = checked->now ? &clock.base : NULL,
        .findings_max = checked->findings_max,
        .context = checked, .finding = checked_finding,
        .claim = checked->claim,
    };
    int err;

    ck_assert_ptr_nonnull(workers);
    ck_assert_ptr_nonnull(mem);
    shale_memory_bdev_init(&memory, bytes, size, 512, true);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &memory.base, mem,
                                           &shale_host_locks), 0);
    checked->told[0] = '\0';
    shale_mem_stats(mem, &before);
    if (checked->fail_alloc)
        shale_mem_fail_at(mem, checked->fail_alloc - 1);
    if (checked->fail_read)
        shale_fault_at(&fault, checked->fail_read - 1, 1, SHALE_EIO);
    err = shale_check(&config, &checked->result);
    checked->failed = checked->fail_alloc ? shale_mem_failed(mem)
                                          : shale_fault_failed(&fault);
    shale_mem_stats(mem, &after);
    ck_assert_uint_eq(after.live, before.live);
    shale_fault_bdev_fini(&fault);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    shale_host_workers_destroy(workers);
    return err;
}

/* The same for a volume; its check is to come to an end. */
static inline void checked_image(struct checked *checked, struct image *image)
{
    int err = checked_run(checked, image->bytes,
                          (size_t)image->sectors * SECTOR);

    ck_assert_int_eq(err, 0);
    ck_assert(checked->result.complete);
}

/* An image as image_init() makes it, but without its label: a sound one. */
static inline void checked_init(struct image *image, unsigned bits)
{
    size_t label = bits == 32 ? 71 : 43;

    image_init(image, bits);
    memcpy(image->bytes + label, "NO NAME    ", 11);
    if (bits == 32)
        memcpy(image->bytes + 6 * SECTOR + label, "NO NAME    ", 11);
}

#endif /* TEST_FAT_CHECK_H */
