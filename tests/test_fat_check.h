/*
 * test_fat_check.h - the checker, asked about a volume put together by hand
 *
 * Findings come out as lines: "code at path", in the order in which they are
 * told.
 */
#ifndef TEST_FAT_CHECK_H
#define TEST_FAT_CHECK_H

#include "shale/check.h"
#include "test_check_failing.h"
#include "test_fat_image.h"

enum { CHECKED_TEXT = 1 << 16 };

struct checked {
    unsigned workers;
    uint32_t findings_max;
    int64_t now;                /* 0: there is no clock */
    bool sentences;             /* told too, behind the path */
    bool unnamed;               /* it is not said that it is FAT */
    void (*claim)(void *context, const struct shale_claim *claim);
    struct failing_range bad[4];        /* bytes that cannot be read */
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
    struct checked_clock clock = { { .now = checked_now }, checked->now };
    struct failing failing = {
        .workers = checked->workers,
        .fail_read = checked->fail_read, .fail_alloc = checked->fail_alloc,
    };
    struct shale_check_config config = {
        .checkers = checked_by, .type = checked->unnamed ? NULL : "fat",
        .clock = checked->now ? &clock.base : NULL,
        .findings_max = checked->findings_max,
        .context = checked, .finding = checked_finding,
        .claim = checked->claim,
    };
    int err;

    checked->told[0] = '\0';
    memcpy(failing.bad, checked->bad, sizeof failing.bad);
    err = failing_run(&failing, config, bytes, size);
    checked->result = failing.result;
    checked->failed = failing.failed;
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
