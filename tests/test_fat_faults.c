/*
 * test_fat_faults.c - every call that changes a FAT volume fails, everywhere
 */
#include "callfaults.h"
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

static const unsigned few[] = { 1, 4, 11, 18 };

static const char *const shapes[] = { "fat12", "fat16", "fat32", NULL };

static const struct callfaults_plan plan = {
    .name = "fat/faults", .shapes = shapes,
    .setup = setup, .setup_count = sizeof setup / sizeof setup[0],
    .calls = calls, .call_count = sizeof calls / sizeof calls[0],
    .few = few, .few_count = sizeof few / sizeof few[0],
};

Suite *suite(void)
{
    return callfaults_suite(&plan);
}
