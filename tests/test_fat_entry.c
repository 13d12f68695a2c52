/* test_fat_entry.c - where the slots of a name go, and which are used again */
#include "fat32/dir.h"
#include "fat32/dirent.h"
#include "fat32/fat.h"
#include "fat32/node.h"
#include "fat32/write.h"
#include "suite.h"
#include "test_fat_rig.h"

/* A name of LEN characters that begins with the number N. */
static const char *name_of(unsigned n, unsigned len)
{
    static char name[300];

    snprintf(name, sizeof name, "%0*u", (int)len, n);
    return name;
}

/* Call LOOK for each set of DIR. Returns how many. */
static unsigned each_set(struct shale_vnode *dir,
                         void (*look)(const struct fat_set *set))
{
    struct fat_set *set = fat_set_get(rig_volume());
    struct fat_walk walk;
    unsigned count = 0;

    fat_walk_start(&walk, fat_vnode_of(dir), 0);
    while (fat_walk_next(&walk, set) > 0) {
        if (look)
            look(set);
        count++;
    }
    fat_walk_stop(&walk);
    fat_set_put(rig_volume(), set);
    return count;
}

/* The kind of each slot of ROW of DIR: "." the end, "-" free, "l", "f" ... */
static const char *row_text(struct shale_vnode *dir, uint32_t row)
{
    static char text[FAT_ROW_SLOTS + 1];
    static const char kinds[] = {
        [FAT_SLOT_END] = '.', [FAT_SLOT_FREE] = '-', [FAT_SLOT_LONG] = 'l',
        [FAT_SLOT_LABEL] = 'v', [FAT_SLOT_DOTS] = 'd', [FAT_SLOT_FILE] = 'f',
    };

    for (unsigned i = 0; i < FAT_ROW_SLOTS; i++) {
        struct fat_spot spot;

        ck_assert_int_eq(fat_dir_slot(fat_vnode_of(dir),
                                      row * FAT_ROW_SLOTS + i, &spot),
                         1);
        text[i] = kinds[fat_slot_kind(spot.raw)];
        shale_buf_put(spot.buf);
    }
    return text;
}

/* ------------------------------------------------------------------ rows */

static void is_in_a_row(const struct fat_set *set)
{
    if (set->count <= FAT_ROW_SLOTS)
        ck_assert_msg(set->slot / FAT_ROW_SLOTS ==
                      (set->slot + set->count - 1) / FAT_ROW_SLOTS,
                      "%u slots at %u", set->count, set->slot);
}

START_TEST(a_name_is_in_one_row)
{
    struct shale_vnode *dir;

    rig_make(16, 9000, 512, 2048, NULL);
    dir = rig_mkdir(rig.root, "dir");
    for (unsigned i = 0; i < 400; i++)
        rig_touch(dir, name_of(i, 5 + i * 37 % 250));
    ck_assert_uint_eq(each_set(dir, is_in_a_row), 400);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

static const struct {
    const char *what;
    unsigned lens[4];           /* of the names made, ends with 0 */
    const char *rows[3];        /* the first ones then */
} layouts[] = {
    { "nothing", { 0 }, { "dd--------------", "................" } },
    { "a short one", { 8, 0 }, { "ddf-------------", "................" } },
    { "a long one", { 14, 0 }, { "ddllf-----------", "................" } },
    { "to the row's end", { 13 * 13, 0 },
      { "ddlllllllllllllf", "................" } },
    { "one more than that", { 13 * 13 + 1, 0 },
      { "dd--------------", "llllllllllllllf-", "................" } },
    { "a gap that is filled", { 13 * 13 + 1, 20, 8, 0 },
      { "ddllff----------", "llllllllllllllf-", "................" } },
    { "more than a row", { 255, 0 },
      { "ddllllllllllllll", "llllllf---------", "................" } },
};

START_TEST(slots_are_laid_out)
{
    struct shale_vnode *dir;

    rig_make(16, 9000, 512, 2048, NULL);
    dir = rig_mkdir(rig.root, "dir");
    for (unsigned i = 0; layouts[_i].lens[i] != 0; i++)
        rig_touch(dir, name_of(i, layouts[_i].lens[i]));
    for (unsigned i = 0; i < 3 && layouts[_i].rows[i]; i++)
        ck_assert_msg(strcmp(row_text(dir, i), layouts[_i].rows[i]) == 0,
                      "%s: row %u is %s", layouts[_i].what, i,
                      row_text(dir, i));
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

/* ------------------------------------------------------- ends by others */

/* Fill COUNT slots of the root from SLOT on with BYTE. */
static void damage(size_t slot, size_t count, uint8_t byte)
{
    size_t root;

    rig_unmount();
    fatcheck_run(&rig.check, rig.bytes, rig.size);
    root = rig.check.root_at;
    for (size_t i = 0; i < count; i++)
        memset(rig.bytes + root + (slot + i) * 32, byte, 32);
    rig_mount(NULL);
}

static const struct {
    const char *what;
    size_t end;                 /* where the root ends, with something behind */
    unsigned len;               /* of the name made */
    const char *rows[2];
} ends[] = {
    { "room in the row", 5, 8, { "ffffff----------", ".lllllllllllllll" } },
    { "no room in the row", 14, 40,
      { "ffffffffffffff--", "llllf-----------" } },
    { "across rows", 5, 255, { "ffffflllllllllll", "lllllllllf------" } },
    { "at a row's start", 16, 8, { "ffffffffffffffff", "f---------------" } },
};

START_TEST(what_is_behind_the_end_does_not_come_back)
{
    rig_make(16, 9000, 512, 2048, NULL);
    for (unsigned i = 0; i < ends[_i].end; i++)
        rig_touch(rig.root, name_of(i, 8));
    damage(ends[_i].end, 1, 0);
    damage(ends[_i].end + 1, 60, 0x0f);
    rig_touch(rig.root, name_of(99, ends[_i].len));
    for (unsigned i = 0; i < 2; i++)
        ck_assert_msg(strcmp(row_text(rig.root, i), ends[_i].rows[i]) == 0,
                      "%s: row %u is %s", ends[_i].what, i,
                      row_text(rig.root, i));
    ck_assert_uint_eq(each_set(rig.root, NULL), ends[_i].end + 1);
    /* Nor as the directory goes on. */
    for (unsigned i = 2; i < 40; i++) {
        rig_touch(rig.root, name_of(i, 20));
        ck_assert_uint_eq(each_set(rig.root, NULL), ends[_i].end + i);
    }
    rig_unmount();
    rig_free();
}
END_TEST

/* ------------------------------------------------------------ used again */

START_TEST(freed_slots_are_used_again)
{
    struct shale_vnode *dir;
    uint64_t size;

    rig_make(16, 9000, 512, 512, NULL);
    dir = rig_mkdir(rig.root, "dir");
    for (unsigned i = 0; i < 100; i++)
        rig_touch(dir, name_of(i, 20));
    size = dir->size;
    for (unsigned i = 0; i < 1000; i++) {
        GOOD(rig_unlink(dir, name_of(i, 20)));
        rig_touch(dir, name_of(i + 100, 20));
    }
    ck_assert_uint_eq(dir->size, size);
    ck_assert_uint_eq(each_set(dir, is_in_a_row), 100);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

START_TEST(slots_freed_late_are_used_in_the_next_batch)
{
    struct shale_vnode *dir, *other;
    uint64_t batch, size;

    rig_make(16, 9000, 512, 512, NULL);
    dir = rig_mkdir(rig.root, "dir");
    other = rig_mkdir(rig.root, "other");
    for (unsigned i = 0; i < 7; i++)
        rig_touch(dir, name_of(i, 20));
    size = dir->size;
    ck_assert_uint_eq(size, 1024);
    GOOD(shale_sync(rig.v.fs));
    rig_touch(other, "other");
    batch = shale_tx_batch(rig.v.fs->tx);
    for (unsigned i = 0; i < 7; i++) {
        char name[32];

        strcpy(name, name_of(i, 20));
        GOOD(rig_rename(dir, name, other, name));
    }
    ck_assert_str_eq(row_text(dir, 0), "dd--------------");
    rig_touch(dir, name_of(50, 190));
    ck_assert_uint_eq(shale_tx_batch(rig.v.fs->tx), batch);
    ck_assert_uint_eq(dir->size, 1536);
    GOOD(shale_sync(rig.v.fs));
    rig_touch(dir, name_of(51, 20));
    ck_assert_str_eq(row_text(dir, 0), "ddllf-----------");
    shale_vnode_put(other);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

/* -------------------------------------------------------------- full ones */

/* A root of 512 slots, filled with names of LEN characters. */
static unsigned fill_root(unsigned len)
{
    unsigned made = 0;

    while (rig_try(rig.root, name_of(made, len), SHALE_S_IFREG, NULL) == 0)
        made++;
    ck_assert_int_eq(rig_try(rig.root, name_of(made, len), SHALE_S_IFREG,
                             NULL), SHALE_ENOSPC);
    return made;
}

static const struct {
    unsigned len, count;        /* of names, and how many fit */
} fills[] = {
    /* In rows of 16 slots: what is left over of each is not enough. */
    { 8, 512 }, { 13, 256 }, { 14, 160 }, { 40, 96 }, { 100, 32 },
    { 190, 32 }, { 255, 24 },
};

START_TEST(a_root_of_fat16_is_filled)
{
    rig_make(16, 9000, 512, 2048, NULL);
    ck_assert_uint_eq(fill_root(fills[_i].len), fills[_i].count);
    ck_assert_uint_eq(each_set(rig.root, NULL), fills[_i].count);
    /* One goes, one comes. */
    GOOD(rig_unlink(rig.root, name_of(7, fills[_i].len)));
    GOOD(shale_sync(rig.v.fs));
    rig_touch(rig.root, name_of(1000, fills[_i].len));
    rig_end();
}
END_TEST

START_TEST(a_name_may_be_in_two_rows_where_it_must)
{
    rig_make(16, 9000, 512, 2048, NULL);
    ck_assert_uint_eq(fill_root(8), 512);
    for (unsigned i = 100; i < 124; i++)
        GOOD(rig_unlink(rig.root, name_of(i, 8)));
    GOOD(shale_sync(rig.v.fs));
    /* 100 to 111, 112 to 123: a name of 14 slots has to cross. */
    rig_touch(rig.root, name_of(1, 13 * 13));
    ck_assert_uint_eq(each_set(rig.root, NULL), 489);
    rig_end();
}
END_TEST

START_TEST(a_directory_grows_by_as_much_as_it_takes)
{
    struct shale_vnode *dir;

    rig_make(16, 9000, 512, 512, NULL);
    dir = rig_mkdir(rig.root, "dir");
    for (unsigned i = 0; i < 50; i++)
        rig_touch(dir, name_of(i, 255));
    ck_assert_uint_eq(each_set(dir, NULL), 50);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

/* Make CLUSTER, which is free, a bad one, on a volume of FAT12. */
static void make_bad(uint32_t cluster)
{
    size_t reserved = rig.bytes[14], size = rig.bytes[22];

    for (unsigned copy = 0; copy < rig.bytes[16]; copy++) {
        uint8_t *at = rig.bytes + (reserved + copy * size) * 512 +
                      cluster * 3 / 2;

        at[0] |= cluster & 1 ? 0x70 : 0xf7;
        at[1] |= cluster & 1 ? 0xff : 0x0f;
    }
}

/*
 * A name takes two clusters of 512 bytes, the second of which shares a byte of
 * the FAT with the one that the directory ended with so far.
 */
START_TEST(a_directory_grows_by_a_neighbour_of_its_end)
{
    static const char *const names[] = { "a", "b", "c" };
    struct shale_vnode *dir, *vn;
    uint32_t firsts[3], end;
    unsigned which;

    rig_make(12, 1000, 512, 512, NULL);
    vn = rig_create(rig.root, "low");
    rig_write(vn, 1, 512, 0);
    shale_vnode_put(vn);
    vn = rig_create(rig.root, "between");
    rig_write(vn, 1, 500 * 512, 0);
    shale_vnode_put(vn);
    for (unsigned i = 0; i < 3; i++) {
        dir = rig_mkdir(rig.root, names[i]);
        firsts[i] = fat_vnode_of(dir)->chain.first;
        shale_vnode_put(dir);
    }
    which = firsts[1] & 1 ? 1 : 2;
    end = firsts[which];
    ck_assert_uint_eq(firsts[which - 1], end ^ 1);
    rig_look();
    for (uint32_t c = 2; c < rig.check.cluster_count + 2; c++)
        if (fatcheck_fat(&rig.check, c) == 0)
            make_bad(c);

    rig_mount(NULL);
    GOOD(shale_lookup(rig.root, names[which], 1, &dir));
    for (unsigned i = 0; i < 14; i++)
        rig_touch(dir, name_of(i, 8));
    GOOD(rig_unlink(rig.root, "low"));
    GOOD(shale_rmdir(rig.root, names[which - 1], 1));
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), 2);
    GOOD(rig_try(dir, name_of(99, 255), SHALE_S_IFREG | 0644, NULL));
    ck_assert_uint_eq(fat_vnode_of(dir)->chain.last, end ^ 1);
    ck_assert_uint_eq(dir->size, 3 * 512);
    ck_assert_uint_eq(each_set(dir, NULL), 15);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

START_TEST(a_directory_does_not_grow_on_a_full_volume)
{
    struct shale_vnode *dir, *vn;
    unsigned made = 0;

    rig_make(16, 5000, 512, 512, NULL);
    dir = rig_mkdir(rig.root, "dir");
    vn = rig_create(rig.root, "all");
    rig_write(vn, 1, rig_free_clusters() * 512, 0);
    while (rig_try(dir, name_of(made, 8), SHALE_S_IFREG, NULL) == 0)
        made++;
    ck_assert_uint_eq(made, 14);
    ck_assert_uint_eq(dir->size, 512);
    GOOD(shale_truncate(vn, 512));
    rig_touch(dir, name_of(made, 8));
    ck_assert_uint_eq(dir->size, 1024);
    shale_vnode_put(vn);
    shale_vnode_put(dir);
    rig_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/entry");
    TCase *tc = tcase_create("entry");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_name_is_in_one_row);
    tcase_add_loop_test(tc, slots_are_laid_out, 0,
                        sizeof layouts / sizeof layouts[0]);
    tcase_add_loop_test(tc, what_is_behind_the_end_does_not_come_back, 0,
                        sizeof ends / sizeof ends[0]);
    tcase_add_test(tc, freed_slots_are_used_again);
    tcase_add_test(tc, slots_freed_late_are_used_in_the_next_batch);
    tcase_add_loop_test(tc, a_root_of_fat16_is_filled, 0,
                        sizeof fills / sizeof fills[0]);
    tcase_add_test(tc, a_name_may_be_in_two_rows_where_it_must);
    tcase_add_test(tc, a_directory_grows_by_as_much_as_it_takes);
    tcase_add_test(tc, a_directory_grows_by_a_neighbour_of_its_end);
    tcase_add_test(tc, a_directory_does_not_grow_on_a_full_volume);
    suite_add_tcase(s, tc);
    return s;
}
