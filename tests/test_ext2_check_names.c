/*
 * test_ext2_check_names.c - names that a directory has twice, in any of its
 * blocks, and when more directories are read at a time than are told apart
 */
#include "test_ext2_check.h"
#include "test_ext2_rig.h"

enum {
    DIRS = 600,                 /* more than are told apart */
    FILES = 6,                  /* of which a block holds four */
    LEN = 200,                  /* bytes of a name */
    SIZE = 8 << 20,
};

static struct checked checked;

/* "d001-f2nnn...": LEN bytes. */
static void file_name(unsigned dir, unsigned file, char *out)
{
    int len = snprintf(out, LEN, "d%03u-f%u", dir, file);

    memset(out + len, 'n', (size_t)(LEN - len));
    out[LEN] = '\0';
}

static struct shale_vnode *dir_get(struct rig *rig, unsigned dir)
{
    struct shale_vnode *vn;
    char name[16];

    snprintf(name, sizeof name, "/%03u", dir);
    ck_assert_int_eq(shale_walk(rig->v.fs, NULL, name, 0, &vn), 0);
    return vn;
}

/* Directories whose blocks lie between each other's: all first ones, then all
   second ones. */
static void build(struct rig *rig)
{
    const struct shale_node file = { .mode = SHALE_S_IFREG | 0644 };
    char name[LEN + 1];

    rig_init(rig, SIZE, "-b 1024 -N 4800 -O ^dir_index");
    rig_mount(rig);
    for (unsigned d = 0; d < DIRS; d++) {
        struct shale_vnode *vn;

        snprintf(name, sizeof name, "%03u", d);
        vn = rig_create(rig, name, SHALE_S_IFDIR | 0755);
        shale_vnode_put(vn);
    }
    for (unsigned f = 0; f < FILES; f++) {
        for (unsigned d = 0; d < DIRS; d++) {
            struct shale_vnode *dir = dir_get(rig, d), *vn;

            file_name(d, f, name);
            ck_assert_int_eq(shale_create(dir, name, LEN, &file, &vn), 0);
            shale_vnode_put(vn);
            shale_vnode_put(dir);
        }
    }
    rig_unmount(rig);
}

/* On the volume, file FROM of directory DIR gets the name of file TO; so it does
   where blocks hold what was once in a directory. */
static void give_name(struct rig *rig, unsigned dir, unsigned from, unsigned to)
{
    char old[LEN + 1], name[LEN + 1];
    uint8_t *at = rig->bytes;
    unsigned count = 0;

    file_name(dir, from, old);
    file_name(dir, to, name);
    while ((at = memmem(at, rig->size - (size_t)(at - rig->bytes), old, LEN))) {
        memcpy(at, name, LEN);
        count++;
    }
    ck_assert_uint_gt(count, 0);
}

START_TEST(finds_names_that_are_there_twice)
{
    static const struct {
        unsigned dir, from, to;
    } twice[] = {
        { 0, 0, 1 }, { 7, 0, 5 }, { 511, 5, 1 }, { 512, 4, 3 },
        { 513, 1, 5 }, { 599, 0, 5 },
    };
    struct rig rig;
    char expected[1000] = "";

    build(&rig);
    for (checked.workers = 1; checked.workers < 4; checked.workers++) {
        ck_assert_int_eq(checked_run(&checked, rig.bytes, rig.size), 0);
        ck_assert_str_eq(checked.told, "");
    }
    for (size_t i = 0; i < sizeof twice / sizeof twice[0]; i++) {
        size_t len = strlen(expected);

        give_name(&rig, twice[i].dir, twice[i].from, twice[i].to);
        snprintf(expected + len, sizeof expected - len,
                 "ext2.name.twice %u /%03u\n", 12 + twice[i].dir,
                 twice[i].dir);
    }
    for (checked.workers = 1; checked.workers < 4; checked.workers++) {
        ck_assert_int_eq(checked_run(&checked, rig.bytes, rig.size), 0);
        ck_assert_str_eq(checked.told, expected);
    }
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_check_names");
    TCase *t = tcase_create("names");

    rig_need_programs();
    tcase_set_timeout(t, 60);
    tcase_add_test(t, finds_names_that_are_there_twice);
    suite_add_tcase(s, t);
    return s;
}
