/*
 * test_ext2_faults.c - every call that changes an ext2 volume fails, everywhere
 */
#include "callfaults.h"
#include "shale/shale.h"
#include "suite.h"

#define LONG_NAME "a name that takes more than a few bytes of its directory"

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
    { OP_LINK, (char[]){ "/dir/below/other" },
      (char[]){ "/dir/twin" }, 0, 0, 0 },
    { OP_SYMLINK, (char[]){ "/fast" }, (char[]){ "dir/below/other" }, 0, 0, 0 },
    { OP_SYMLINK, (char[]){ "/slow" },
      (char[]){ "dir/../dir/../dir/../dir/../dir/../dir/below/other/no" }, 0, 0,
      0 },
    { OP_CREATE, (char[]){ "/sparse" }, NULL, 0, 0, 0 },
    { OP_WRITE, (char[]){ "/sparse" }, NULL, 400000, 3000, 4 },
    { OP_SETXATTR, (char[]){ "/file" }, (char[]){ "user.large" }, 5, 600, 0 },
    { OP_SETXATTR, (char[]){ "/sparse" }, (char[]){ "user.large" }, 5, 600, 0 },
    { OP_SETXATTR, (char[]){ "/dir" }, (char[]){ "user.small" }, 6, 20, 0 },
    { OP_MKNOD, (char[]){ "/fifo" }, NULL, SHALE_S_IFIFO, 0, 0 },
};

/* The calls. */
static const struct op calls[] = {
    { OP_CREATE, (char[]){ "/new" }, NULL, 0, 0, 0 },
    { OP_CREATE, (char[]){ "/dir/" LONG_NAME " 4" }, NULL, 0, 0, 0 },
    { OP_CREATE, (char[]){ "/empty/" LONG_NAME }, NULL, 0, 0, 0 },
    { OP_MKDIR, (char[]){ "/dir/below/new directory" }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/file" }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/dir/" LONG_NAME }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/dir/twin" }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/sparse" }, NULL, 0, 0, 0 },
    { OP_UNLINK, (char[]){ "/slow" }, NULL, 0, 0, 0 },
    { OP_RMDIR, (char[]){ "/empty" }, NULL, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/" LONG_NAME }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/dir/moved" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" }, (char[]){ "/sparse" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/dir/below" },
      (char[]){ "/empty/below" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/dir/below" }, (char[]){ "/empty" }, 0, 0, 0 },
    { OP_RENAME, (char[]){ "/file" },
      (char[]){ "/dir/below" }, SHALE_RENAME_EXCHANGE, 0, 0 },
    { OP_LINK, (char[]){ "/file" }, (char[]){ "/dir/another" }, 0, 0, 0 },
    { OP_SYMLINK, (char[]){ "/dir/new" }, (char[]){ "file" }, 0, 0, 0 },
    { OP_SYMLINK, (char[]){ "/dir/new" },
      (char[]){ "a/place/that/is/further/away/than/sixty/bytes/can/say"
      "/which/is/slow" }, 0, 0, 0 },
    { OP_MKNOD, (char[]){ "/device" }, NULL, SHALE_S_IFBLK, 259, 70000 },
    { OP_CHMOD, (char[]){ "/dir" }, NULL, 0700, 0, 0 },
    { OP_CHOWN, (char[]){ "/slow" }, NULL, 70000, 1, 0 },
    { OP_SETXATTR, (char[]){ "/file" }, (char[]){ "user.small" }, 7, 30, 0 },
    { OP_SETXATTR, (char[]){ "/file" }, (char[]){ "user.large" }, 8, 500, 0 },
    { OP_SETXATTR, (char[]){ "/dir" }, (char[]){ "user.large" }, 5, 600, 0 },
    { OP_REMOVEXATTR, (char[]){ "/sparse" },
      (char[]){ "user.large" }, 0, 0, 0 },
    { OP_REMOVEXATTR, (char[]){ "/dir" }, (char[]){ "user.small" }, 0, 0, 0 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 100, 3000, 10 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 4000, 30000, 11 },
    { OP_WRITE, (char[]){ "/file" }, NULL, 9999, 1, 12 },
    { OP_WRITE, (char[]){ "/sparse" }, NULL, 100000, 2000, 13 },
    { OP_WRITE, (char[]){ "/sparse" }, NULL, 0, 30000, 14 },
    { OP_APPEND, (char[]){ "/dir/" LONG_NAME }, NULL, 0, 5, 14 },
    { OP_TRUNCATE, (char[]){ "/dir/below/other" }, NULL, 0, 0, 0 },
    { OP_TRUNCATE, (char[]){ "/dir/below/other" }, NULL, 20001, 0, 0 },
    { OP_TRUNCATE, (char[]){ "/file" }, NULL, 20001, 0, 0 },
    { OP_TRUNCATE, (char[]){ "/sparse" }, NULL, 401000, 0, 0 },
    { OP_ALLOCATE, (char[]){ "/file" }, NULL, 4000, 20000, 0 },
    { OP_ALLOCATE, (char[]){ "/sparse" },
      NULL, 10000, 20000, SHALE_ALLOCATE_KEEP_SIZE },
    { OP_ALLOCATE, (char[]){ "/dir/below/other" },
      NULL, 3000, 20000, SHALE_ALLOCATE_KEEP_SIZE | SHALE_ALLOCATE_PUNCH_HOLE },
    { OP_ALLOCATE, (char[]){ "/sparse" },
      NULL, 390000, 12000, SHALE_ALLOCATE_ZERO_RANGE },
    { OP_COPY, (char[]){ "/dir/below/other" },
      (char[]){ "/file" }, 100, 20000, 4000 },
    { OP_TOUCH, (char[]){ "/dir/below/other" }, NULL, 1234567890, 5, 0 },
    { OP_TOUCH, (char[]){ "/dir/below" }, NULL, 1234567890, 6, 0 },
};

static const unsigned few[] = { 1, 4, 13, 32, 21 };

static const char *const shapes[] = { "ext2", "ext2-4k", "ext3", NULL };

static const struct callfaults_plan plan = {
    .name = "ext2/faults", .shapes = shapes,
    .setup = setup, .setup_count = sizeof setup / sizeof setup[0],
    .calls = calls, .call_count = sizeof calls / sizeof calls[0],
    .few = few, .few_count = sizeof few / sizeof few[0],
};

Suite *suite(void)
{
    return callfaults_suite(&plan);
}
