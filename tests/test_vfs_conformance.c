/*
 * test_vfs_conformance.c - the list of conformance/, on new volumes in memory
 *
 * The same list runs in a kernel without an operating system; see
 * kernel/cmd_test.c.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "conformance/conform.h"
#include "golden.h"
#include "shale/check.h"
#include "shale/ntfs.h"
#include "suite.h"
#include "volume.h"

/* The volumes: what mkfs is asked for, or an image that is kept. */
static const struct {
    const char *name;
    const struct shale_fs_ops *driver;
    size_t size;
    struct shale_format format;
    const char *golden;
} volumes[] = {
    { "fat12", &shale_fat, 1440 << 10, { .fat_bits = 12 }, NULL },
    { "fat16", &shale_fat, 8 << 20, { .fat_bits = 16 }, NULL },
    { "fat32", &shale_fat, 34 << 20, { .fat_bits = 32, .block_size = 512 },
      NULL },
    { "ext2, 1 KiB", &shale_ext2, 2 << 20, { .block_size = 1024 }, NULL },
    { "ext2, 4 KiB", &shale_ext2, 8 << 20, { .block_size = 4096 }, NULL },
    { "ext3", &shale_ext2, 8 << 20, { .features = "has_journal" }, NULL },
    { "small ext2", &shale_ext2, 512 << 10,
      { .block_size = 1024, .inodes = 200 }, NULL },
    { "ntfs", &shale_ntfs, 0, { .block_size = 0 }, "ntfs-small" },
    { "ntfs, in little code", &shale_ntfs_small, 0, { .block_size = 0 },
      "ntfs-small" },
};

enum { VOLUMES = sizeof volumes / sizeof volumes[0], CASES = 64 };

/* A volume that is made and, by the runner, mounted. */
static struct {
    struct conform c;
    struct volume v;
    const struct shale_fs_ops *drivers[2];
    struct golden golden;
    uint8_t *bytes;
} on;

static int mount(struct conform *c)
{
    int err = volume_mount(&on.v, NULL);

    c->fs = on.v.fs;
    return err;
}

static int unmount(struct conform *c)
{
    int err = shale_unmount(c->fs);

    c->fs = on.v.fs = NULL;
    return err;
}

static void volume_make(int which)
{
    size_t size = volumes[which].size;

    memset(&on, 0, sizeof on);
    if (volumes[which].golden) {
        golden_load(&on.golden, volumes[which].golden);
        ck_assert_int_eq(volume_of_bytes(&on.v, on.golden.bytes,
                                         on.golden.size), 0);
    } else {
        on.bytes = calloc(1, size);
        ck_assert_ptr_nonnull(on.bytes);
        ck_assert_int_eq(volume_to_write(&on.v, on.bytes, size), 0);
        ck_assert_int_eq(shale_mkfs(volumes[which].driver, on.v.dev, on.v.mem,
                                    NULL, &volumes[which].format), 0);
    }
    on.drivers[0] = volumes[which].driver;
    on.v.drivers = on.drivers;
    on.c = (struct conform){ .mem = on.v.mem, .mount = mount,
                             .unmount = unmount };
}

/* What is left is sound, and nothing is left in memory. */
static void volume_free(const char *what)
{
    struct shale_check_config config = {
        .dev = on.v.dev, .mem = on.v.mem, .checkers = shale_all_checkers,
    };
    struct shale_check_result result;

    ck_assert_int_eq(shale_check(&config, &result), 0);
    ck_assert_msg(result.findings[SHALE_CORRUPTION] +
                      result.findings[SHALE_INCONSISTENCY] == 0,
                  "%s: the volume is damaged", what);
    ck_assert_msg(volume_close(&on.v) == 0, "%s: memory is left", what);
    free(on.bytes);
    if (on.golden.bytes)
        golden_free(&on.golden);
}

START_TEST(does_what_all_do)
{
    int which = _i;
    const struct conform_case *one;
    size_t count = 0;

    volume_make(which);
    ck_assert_int_eq(mount(&on.c), 0);
    for (; (one = conform_case(count, shale_fs_read_only(on.c.fs))); count++) {
        const char *wrong = conform_run(&on.c, one);

        ck_assert_msg(!wrong, "%s: %s: %s", volumes[which].name, one->name,
                      wrong);
    }
    ck_assert_uint_ge(count, shale_fs_read_only(on.c.fs) ? 8 : 30);
    ck_assert_int_eq(unmount(&on.c), 0);
    volume_free(volumes[which].name);
}
END_TEST

START_TEST(does_without_each_allocation)
{
    uint64_t rounds;
    const char *wrong;

    volume_make(_i);
    wrong = conform_failalloc(&on.c, 1, &rounds);
    ck_assert_msg(!wrong, "%s: round %u: %s", volumes[_i].name,
                  (unsigned)rounds, wrong);
    ck_assert_uint_gt(rounds, 20);
    volume_free(volumes[_i].name);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/conformance");
    TCase *tc = tcase_create("volumes");

    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, does_what_all_do, 0, VOLUMES);
    tcase_add_loop_test(tc, does_without_each_allocation, 0, VOLUMES);
    suite_add_tcase(s, tc);
    return s;
}
