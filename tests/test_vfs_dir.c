/* test_vfs_dir.c - looking names up, listing directories */
#include <string.h>

#include "suite.h"
#include "toyfs.h"
#include "watch.h"

enum {
    ROOT = TOY_ROOT, DIR, SUB, FILE_, SHY, LINK, STALE, EMPTY, AGED, RIGHT,
    WRONG,
};

static struct toy toy;

static void setup(void)
{
    toy_init(&toy);
    toy_add(&toy, ROOT, "dir", SHALE_TYPE_DIR);
    toy_add(&toy, DIR, "sub", SHALE_TYPE_DIR);
    toy_add(&toy, DIR, "file", SHALE_TYPE_FILE);
    toy_add(&toy, DIR, "shy", SHALE_TYPE_FIFO)->shy = true;
    toy_add_link(&toy, DIR, "link", "file");
    toy_add(&toy, DIR, "stale", SHALE_TYPE_FILE)->stale = true;
    toy_add(&toy, ROOT, "empty", SHALE_TYPE_DIR);
    toy_add(&toy, SUB, "aged", SHALE_TYPE_DIR);
    toy_add(&toy, AGED, "right", SHALE_TYPE_FILE)->means =
        toy_generation(RIGHT);
    toy_add(&toy, AGED, "wrong", SHALE_TYPE_FILE)->means =
        toy_generation(WRONG) - 1;
    toy_mount(&toy);
}

static void teardown(void)
{
    toy_fini(&toy);
}

/* ------------------------------------------------------------- lookup */

static char long_name[SHALE_NAME_MAX + 2];

static const struct {
    const char *name;
    size_t len;
    int64_t result;
} lookups[] = {
    { "file", 4, FILE_ },
    { "files", 4, FILE_ },              /* LEN counts, not a NUL */
    { "file", 3, SHALE_ENOENT },
    { ".", 1, DIR },
    { "..", 2, ROOT },
    { "...", 3, SHALE_ENOENT },
    { "..", 1, DIR },
    { "", 0, SHALE_EINVAL },
    { "a/b", 3, SHALE_EINVAL },
    { "/", 1, SHALE_EINVAL },
    { "file\0", 5, SHALE_EINVAL },
    { "\0file", 5, SHALE_EINVAL },
    { long_name, SHALE_NAME_MAX, SHALE_ENOENT },
    { long_name, SHALE_NAME_MAX + 1, SHALE_ENAMETOOLONG },
    { "link", 4, LINK },                /* not followed */
    { "stale", 5, SHALE_ECORRUPT },     /* its inode is not in use */
};

START_TEST(looks_up)
{
    struct shale_vnode *dir = toy_get(&toy, DIR), *out = NULL;
    struct shale_attr attr;
    int64_t r;

    memset(long_name, 'n', SHALE_NAME_MAX + 1);
    r = shale_lookup(dir, lookups[_i].name, lookups[_i].len, &out);
    if (r == 0) {
        r = (int64_t)shale_vnode_ino(out);
        shale_vnode_put(out);
    }
    ck_assert_int_eq(r, lookups[_i].result);
    ck_assert_uint_eq(watch_held(), 0);
    ck_assert_uint_eq(dir->refs, 1);

    /* Attributes alone have the same answer, and leave no vnode behind. */
    shale_fs_shrink(toy.fs);
    r = shale_lookup_attr(dir, lookups[_i].name, lookups[_i].len, &attr);
    ck_assert_int_eq(r ? r : (int64_t)attr.ino, lookups[_i].result);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(dir);
}
END_TEST

START_TEST(looks_up_in_a_file)
{
    struct shale_vnode *file = toy_get(&toy, FILE_), *out;

    ck_assert_int_eq(shale_lookup(file, ".", 1, &out), SHALE_ENOTDIR);
    ck_assert_int_eq(shale_lookup(file, "", 0, &out), SHALE_ENOTDIR);
    ck_assert_int_eq(shale_iterate(file, 0, 0, NULL, NULL), SHALE_ENOTDIR);
    shale_vnode_put(file);
}
END_TEST

/* ------------------------------------------------------------ listing */

#define MAX 16u

struct list {
    unsigned count, stop_at;
    int stop;                   /* what to answer there */
    struct {
        char name[8];
        uint64_t ino, next;
        enum shale_type type;
        bool has_attr;
        struct shale_attr attr;
    } entries[MAX];
};

static int take(void *context, const struct shale_dirent *entry)
{
    struct list *list = context;

    if (list->count == list->stop_at)
        return list->stop;
    ck_assert_uint_lt(list->count, MAX);
    ck_assert_uint_lt(entry->len, 8);
    memcpy(list->entries[list->count].name, entry->name, entry->len);
    list->entries[list->count].ino = entry->ino;
    list->entries[list->count].next = entry->next;
    list->entries[list->count].type = entry->type;
    if (entry->attr) {
        list->entries[list->count].has_attr = true;
        list->entries[list->count].attr = *entry->attr;
    }
    list->count++;
    return 0;
}

/* List INO from COOKIE. */
static struct list list_of(uint64_t ino, uint64_t cookie, unsigned flags)
{
    struct list list = { .stop_at = MAX };
    struct shale_vnode *dir = toy_get(&toy, ino);

    ck_assert_int_eq(shale_iterate(dir, cookie, flags, take, &list), 0);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(dir);
    return list;
}

static const struct {
    const char *name;
    uint64_t ino, next;
    enum shale_type type;
} in_dir[] = {
    { ".", DIR, 1, SHALE_TYPE_DIR },
    { "..", ROOT, 2, SHALE_TYPE_DIR },
    { "sub", SUB, 2 + SUB, SHALE_TYPE_DIR },
    { "file", FILE_, 2 + FILE_, SHALE_TYPE_FILE },
    { "shy", SHY, 2 + SHY, SHALE_TYPE_UNKNOWN },
    { "link", LINK, 2 + LINK, SHALE_TYPE_SYMLINK },
    { "stale", STALE, 2 + STALE, SHALE_TYPE_FILE },
};

#define ENTRIES (sizeof in_dir / sizeof in_dir[0])

START_TEST(lists_all)
{
    struct list list = list_of(DIR, 0, 0);

    ck_assert_uint_eq(list.count, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++) {
        ck_assert_str_eq(list.entries[i].name, in_dir[i].name);
        ck_assert_uint_eq(list.entries[i].ino, in_dir[i].ino);
        ck_assert_uint_eq(list.entries[i].next, in_dir[i].next);
        ck_assert_int_eq((int)list.entries[i].type, (int)in_dir[i].type);
        ck_assert(!list.entries[i].has_attr);
    }
    ck_assert_uint_eq(toy_calls(&toy, TOY_PEEK), 0);
    ck_assert_uint_eq(toy_calls(&toy, TOY_GETATTR), 0);
}
END_TEST

/* Going on from the cookie of the Nth entry lists what comes after it. */
START_TEST(goes_on_from_each_cookie)
{
    struct list list = list_of(DIR, in_dir[_i].next, 0);

    ck_assert_uint_eq(list.count, ENTRIES - 1 - (unsigned)_i);
    for (unsigned i = 0; i < list.count; i++)
        ck_assert_str_eq(list.entries[i].name,
                         in_dir[(unsigned)_i + 1 + i].name);
}
END_TEST

/* The entry at which a sink stops is not taken: stopping answers its answer. */
START_TEST(stops_where_the_sink_says)
{
    struct list list = { .stop_at = (unsigned)_i, .stop = SHALE_EINTR };
    struct shale_vnode *dir = toy_get(&toy, DIR);

    ck_assert_int_eq(shale_iterate(dir, 0, SHALE_ITERATE_ATTR, take, &list),
                     SHALE_EINTR);
    ck_assert_uint_eq(list.count, (unsigned)_i);
    list.stop = 77;
    ck_assert_int_eq(shale_iterate(dir, _i == 0 ? 0 : in_dir[_i - 1].next, 0,
                                   take, &list), 77);
    ck_assert_uint_eq(list.count, (unsigned)_i);
    ck_assert_uint_eq(watch_held(), 0);
    shale_vnode_put(dir);
}
END_TEST

START_TEST(cookies_from_nowhere)
{
    struct list list = { .stop_at = MAX };
    struct shale_vnode *dir = toy_get(&toy, DIR);

    ck_assert_int_eq(shale_iterate(dir, UINT64_MAX, 0, take, &list),
                     SHALE_EINVAL);
    ck_assert_int_eq(shale_iterate(dir, ((uint64_t)1 << 62) + 2, 0, take,
                                   &list), SHALE_EINVAL);
    ck_assert_int_eq(shale_iterate(dir, ((uint64_t)1 << 62) + 1, 0, take,
                                   &list), 0);
    ck_assert_uint_eq(list.count, 0);
    shale_vnode_put(dir);
}
END_TEST

START_TEST(lists_an_empty_directory_and_the_root)
{
    struct list list = list_of(EMPTY, 0, 0);

    ck_assert_uint_eq(list.count, 2);
    ck_assert_uint_eq(list.entries[1].ino, ROOT);
    list = list_of(ROOT, 0, 0);
    ck_assert_uint_eq(list.count, 4);
    ck_assert_uint_eq(list.entries[0].ino, ROOT);
    ck_assert_uint_eq(list.entries[1].ino, ROOT);
}
END_TEST

START_TEST(lists_attributes)
{
    struct shale_vnode *live = toy_get(&toy, FILE_);
    struct list list = list_of(DIR, 0, SHALE_ITERATE_ATTR);

    ck_assert_uint_eq(list.count, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++) {
        ck_assert_uint_eq(list.entries[i].ino, in_dir[i].ino);
        ck_assert(list.entries[i].has_attr == (in_dir[i].ino != STALE));
        if (list.entries[i].has_attr) {
            ck_assert_uint_eq(list.entries[i].attr.ino, in_dir[i].ino);
            ck_assert_int_eq(
                (int)list.entries[i].type,
                (int)shale_type_of_mode(list.entries[i].attr.mode));
        }
    }
    ck_assert_int_eq((int)list.entries[4].type, SHALE_TYPE_FIFO);

    /* ".", ".." and FILE are in memory; the others never get there. */
    ck_assert_uint_eq(toy_calls(&toy, TOY_GETATTR), 3);
    ck_assert_uint_eq(toy_calls(&toy, TOY_PEEK), 4);
    ck_assert_uint_eq(toy_calls(&toy, TOY_LOAD), 3);
    ck_assert_uint_eq(live->refs, 1);
    shale_vnode_put(live);
}
END_TEST

/* How many entries are put together depends on the cache; nothing else does. */
static const struct {
    size_t blocks;              /* of 4 KiB; a quarter of them are for that */
    unsigned ahead;             /* times the driver is told */
} batches[] = {
    { 4, 0 }, { 8, 2 }, { 12, 2 }, { 16, 1 }, { 20, 1 }, { 1000, 1 },
};

START_TEST(puts_entries_together)
{
    struct list plain = list_of(DIR, 0, 0), list;

    ck_assert_int_eq(shale_unmount(toy.fs), 0);
    toy.config.cache_bytes = batches[_i].blocks * 4096;
    toy_mount(&toy);
    list = list_of(DIR, 0, SHALE_ITERATE_ATTR);
    ck_assert_uint_eq(toy_calls(&toy, TOY_AHEAD), batches[_i].ahead);
    ck_assert_uint_eq(list.count, plain.count);
    for (unsigned i = 0; i < list.count; i++) {
        ck_assert_str_eq(list.entries[i].name, plain.entries[i].name);
        ck_assert_uint_eq(list.entries[i].ino, plain.entries[i].ino);
        ck_assert_uint_eq(list.entries[i].next, plain.entries[i].next);
        ck_assert(list.entries[i].has_attr == (in_dir[i].ino != STALE));
    }

    /* Stopped anywhere, it goes on from there. */
    for (unsigned stop = 0; stop < ENTRIES; stop++) {
        struct list part = { .stop_at = stop, .stop = 5 };
        struct shale_vnode *dir = toy_get(&toy, DIR);

        ck_assert_int_eq(shale_iterate(dir, 0, SHALE_ITERATE_ATTR, take,
                                       &part), 5);
        ck_assert_uint_eq(part.count, stop);
        part.stop_at = MAX;
        ck_assert_int_eq(shale_iterate(
            dir, stop ? part.entries[stop - 1].next : 0, SHALE_ITERATE_ATTR,
            take, &part), 0);
        ck_assert_uint_eq(part.count, ENTRIES);
        ck_assert_str_eq(part.entries[ENTRIES - 1].name, "stale");
        shale_vnode_put(dir);
    }
}
END_TEST

START_TEST(unreadable_files_are_still_listed)
{
    struct list list;

    toy.fail[TOY_PEEK] = SHALE_EIO;
    toy.fail[TOY_GETATTR] = SHALE_ECORRUPT;
    list = list_of(DIR, 0, SHALE_ITERATE_ATTR);
    ck_assert_uint_eq(list.count, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++) {
        ck_assert(!list.entries[i].has_attr);
        ck_assert_int_eq((int)list.entries[i].type, (int)in_dir[i].type);
    }
}
END_TEST

/* Of a directory that says which use of an inode's number it means. */
START_TEST(an_earlier_file_has_no_attributes)
{
    struct list list = list_of(AGED, 0, 0);

    ck_assert_uint_eq(list.count, 4);
    ck_assert_uint_eq(toy.events, 0);
    for (unsigned in_memory = 0; in_memory < 2; in_memory++) {
        struct shale_vnode *vn = in_memory ? toy_get(&toy, WRONG) : NULL;

        toy.events = 0;
        list = list_of(AGED, 0, SHALE_ITERATE_ATTR);
        ck_assert_uint_eq(list.count, 4);
        ck_assert_uint_eq(list.entries[2].ino, RIGHT);
        ck_assert(list.entries[2].has_attr);
        ck_assert_uint_eq(list.entries[3].ino, WRONG);
        ck_assert(!list.entries[3].has_attr);
        ck_assert_int_eq((int)list.entries[3].type, SHALE_TYPE_FILE);
        ck_assert_uint_eq(toy.events, 1);
        ck_assert_int_eq(toy.said.err, SHALE_ECORRUPT);
        ck_assert_uint_eq(toy.said.ino, WRONG);
        shale_vnode_put(vn);
    }
}
END_TEST

START_TEST(lost_parent_is_the_directory_itself)
{
    struct list list;

    toy.fail[TOY_PARENT] = SHALE_ECORRUPT;
    list = list_of(DIR, 0, SHALE_ITERATE_ATTR);
    ck_assert_uint_eq(list.count, ENTRIES);
    ck_assert_str_eq(list.entries[1].name, "..");
    ck_assert_uint_eq(list.entries[1].ino, DIR);
    ck_assert(list.entries[1].has_attr);
}
END_TEST

START_TEST(driver_errors_come_through)
{
    struct list list = { .stop_at = MAX };
    struct shale_vnode *dir = toy_get(&toy, DIR);

    toy.fail[TOY_ITERATE] = SHALE_EIO;
    ck_assert_int_eq(shale_iterate(dir, 0, 0, take, &list), SHALE_EIO);
    ck_assert_uint_eq(list.count, 2);
    shale_vnode_put(dir);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/dir");
    TCase *tc = tcase_create("dir");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, looks_up, 0, sizeof lookups / sizeof lookups[0]);
    tcase_add_test(tc, looks_up_in_a_file);
    tcase_add_test(tc, lists_all);
    tcase_add_loop_test(tc, goes_on_from_each_cookie, 0, ENTRIES);
    tcase_add_loop_test(tc, stops_where_the_sink_says, 0, ENTRIES);
    tcase_add_test(tc, cookies_from_nowhere);
    tcase_add_test(tc, lists_an_empty_directory_and_the_root);
    tcase_add_test(tc, lists_attributes);
    tcase_add_loop_test(tc, puts_entries_together, 0,
                        sizeof batches / sizeof batches[0]);
    tcase_add_test(tc, unreadable_files_are_still_listed);
    tcase_add_test(tc, an_earlier_file_has_no_attributes);
    tcase_add_test(tc, lost_parent_is_the_directory_itself);
    tcase_add_test(tc, driver_errors_come_through);
    suite_add_tcase(s, tc);
    return s;
}
