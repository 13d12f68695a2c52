/*
 * test_ext2_check.h - the checker, asked about an image in memory
 *
 * Findings come out as lines: "code number path", in the order in which they
 * are told.
 */
#ifndef TEST_EXT2_CHECK_H
#define TEST_EXT2_CHECK_H

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "shale/check.h"
#include "suite.h"
#include "test_check_failing.h"

enum { CHECKED_TEXT = 1 << 18 };

struct checked {
    unsigned workers;           /* 0: one */
    uint64_t fail_read;         /* of the device: the Nth; 0: none */
    uint64_t fail_alloc;        /* likewise */

    struct shale_check_result result;
    bool failed;                /* what was to fail has failed */
    char told[CHECKED_TEXT];
};

static inline int checked_finding(void *context,
                                  const struct shale_finding *finding)
{
    struct checked *checked = context;
    size_t len = strlen(checked->told);

    snprintf(checked->told + len, sizeof checked->told - len, "%s %llu %s\n",
             finding->code->name, (unsigned long long)finding->number,
             finding->path ? finding->path : "-");
    return 0;
}

static const struct shale_checker *const checked_by[] = {
    &shale_ext2_checker, NULL,
};

/* Check SIZE bytes. Nothing may be left. */
static inline int checked_run(struct checked *checked, uint8_t *bytes,
                              size_t size)
{
    struct failing failing = {
        .workers = checked->workers,
        .fail_read = checked->fail_read, .fail_alloc = checked->fail_alloc,
    };
    struct shale_check_config config = {
        .checkers = checked_by, .type = "ext2",
        .context = checked, .finding = checked_finding,
    };
    int err;

    checked->told[0] = '\0';
    err = failing_run(&failing, config, bytes, size);
    checked->result = failing.result;
    checked->failed = failing.failed;
    return err;
}

#endif /* TEST_EXT2_CHECK_H */
