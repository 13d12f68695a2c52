/* test_fat_change.c - files come, go, get other names, keep their numbers */
#include "fat32/dir.h"
#include "fat32/node.h"
#include "suite.h"
#include "test_fat_rig.h"
#include "vfs/utf16.h"

static const struct {
    unsigned bits;
    size_t kib;
} shapes[] = { { 12, 720 }, { 16, 9000 }, { 32, 34000 } };

enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static void make(unsigned shape)
{
    rig_make(shapes[shape].bits, shapes[shape].kib, 512, 512, NULL);
}

static uint64_t batch(void)
{
    return shale_tx_batch(rig.v.fs->tx);
}

static uint64_t ino_of(struct shale_vnode *dir, const char *name)
{
    struct shale_attr attr;

    GOOD(shale_lookup_attr(dir, name, strlen(name), &attr));
    return attr.ino;
}

/* -------------------------------------------------------------- sequences */

/* "c DIR/NAME" creates, "d" makes a directory, "u" unlinks, "r" removes a
   directory, "m FROM TO" renames, "s" syncs; "!" before: it is an error. */
static int step(const char *text)
{
    const struct shale_node file = { .mode = SHALE_S_IFREG | 0644 };
    const struct shale_node dir = { .mode = SHALE_S_IFDIR | 0755 };
    struct shale_vnode *in, *to;
    const char *name, *to_name;
    char a[300] = "", b[300] = "";
    size_t len, to_len;
    int err;

    if (text[0] == 's')
        return shale_sync(rig.v.fs);
    ck_assert_int_ge(sscanf(text + 1, " %299[^>] > %299[^\n]", a, b), 1);
    while (a[strlen(a) - 1] == ' ')
        a[strlen(a) - 1] = '\0';
    err = shale_walk_parent(rig.v.fs, a, &in, &name, &len);
    if (err)
        return err;
    switch (text[0]) {
    case 'c':
        err = shale_create(in, name, len, &file, NULL);
        break;
    case 'd':
        err = shale_create(in, name, len, &dir, NULL);
        break;
    case 'u':
        err = shale_unlink(in, name, len);
        break;
    case 'r':
        err = shale_rmdir(in, name, len);
        break;
    case 'm':
        err = shale_walk_parent(rig.v.fs, b, &to, &to_name, &to_len);
        if (!err) {
            err = shale_rename(in, name, len, to, to_name, to_len, 0);
            shale_vnode_put(to);
        }
        break;
    }
    shale_vnode_put(in);
    return err;
}

static const struct {
    const char *what;
    const char *steps[10];      /* each has to succeed but the last ... */
    int last;                   /* ... which answers this */
    const char *list;           /* of the root, then */
} cases[] = {
    { "create", { "c a", "c b" }, 0, "a b " },
    { "twice", { "c a", "c a" }, SHALE_EEXIST, "a " },
    { "twice in another case", { "c a", "c A" }, SHALE_EEXIST, "a " },
    { "with a dot behind", { "c a", "c a." }, SHALE_EEXIST, "a " },
    { "by its short name", { "c a long name", "c ALONGN~1" }, SHALE_EEXIST,
      "a long name " },
    { "unlink", { "c a", "c b", "u a" }, 0, "b " },
    { "unlink in another case", { "c a", "u A" }, 0, "" },
    { "unlink by the short name", { "c a long name", "u alongn~1" }, 0, "" },
    { "unlink a directory", { "d a", "u a" }, SHALE_EISDIR, "a " },
    { "rmdir", { "d a", "r a" }, 0, "" },
    { "rmdir a file", { "c a", "r a" }, SHALE_ENOTDIR, "a " },
    { "rmdir of what is not empty", { "d a", "c a/b", "r a" },
      SHALE_ENOTEMPTY, "a " },
    { "rmdir of what was not", { "d a", "c a/b", "u a/b", "r a" }, 0, "" },
    { "again in its place", { "c a", "s", "u a", "c a" }, 0, "a " },
    { "rename", { "c a", "m a > b" }, 0, "b " },
    { "to a long name", { "c a", "m a > a long name of more slots" }, 0,
      "a long name of more slots " },
    { "to a short one", { "c a long name", "m a long name > a" }, 0, "a " },
    { "in another case", { "c abc", "m abc > ABC" }, 0, "ABC " },
    { "in another case, longer", { "c abc", "m abc > aBc" }, 0, "aBc " },
    { "case and back", { "c aBc", "m aBc > abc", "m abc > aBc" }, 0, "aBc " },
    { "to its own short name", { "c long name", "m long name > LONGNA~1" }, 0,
      "LONGNA~1 " },
    { "to itself", { "c a", "m a > a" }, 0, "a " },
    { "over a file", { "c a", "c b", "m a > b" }, 0, "b " },
    { "over one in another case", { "c a", "c B", "m a > b" }, 0, "B " },
    { "over a long one", { "c a", "c long name b", "m a > long name b" }, 0,
      "long name b " },
    { "over an empty directory", { "d a", "d b", "m a > b" }, 0, "b " },
    { "over a full directory", { "d a", "d b", "c b/c", "m a > b" },
      SHALE_ENOTEMPTY, "a b " },
    { "a file over a directory", { "c a", "d b", "m a > b" }, SHALE_EISDIR,
      "a b " },
    { "a directory over a file", { "d a", "c b", "m a > b" }, SHALE_ENOTDIR,
      "a b " },
    { "into a directory", { "c a", "d b", "m a > b/a" }, 0, "b " },
    { "and out again", { "c a", "d b", "m a > b/a", "m b/a > c" }, 0, "c b " },
    { "a directory into one", { "d a", "d b", "m a > b/a", "c b/a/c" }, 0,
      "b " },
    { "below itself", { "d a", "d a/b", "m a > a/b/c" }, SHALE_EINVAL, "a " },
    { "what is not there", { "m a > b" }, SHALE_ENOENT, "" },
    { "from one name to the next", { "c a", "m a > b", "c a", "m a > c",
      "c a" }, 0, "b c a " },
    { "round", { "c a", "c b", "m a > t", "m b > a", "m t > b" }, 0, "b a " },
    { "to a name that is going", { "c a", "d d", "c d/b", "m d/b > b", "s",
      "u b", "m a > d/b", "m d/b > b" }, 0, "d b " },
    { "many batches", { "c a", "s", "m a > b", "s", "m b > a", "s", "u a", "s",
      "c a" }, 0, "a " },
    { "a search that ended where a name is now", { "c x", "u x", "c Mixed.Txt",
      "m mixed.txt > b" }, 0, "b " },
    { "a name that cannot be", { "c a", "m a > b?" }, SHALE_EINVAL, "a " },
};

enum { CASES = sizeof cases / sizeof cases[0] };

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The words of TEXT in order, for slots do not matter here. */
static void sorted(const char *text, char *out)
{
    char *words[32], copy[4096];
    size_t count = 0;

    strcpy(copy, text);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    qsort(words, count, sizeof words[0], by_line);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        strcat(strcat(out, words[i]), " ");
}

START_TEST(does_what_it_is_told)
{
    unsigned which = (unsigned)_i % CASES, i = 0;
    char want[4096], got[4096];

    make((unsigned)_i / CASES);
    for (; cases[which].steps[i]; i++) {
        const char *text = cases[which].steps[i];
        bool last = i == 9 || !cases[which].steps[i + 1];
        int err = step(text);

        ck_assert_msg(err == (last ? cases[which].last : 0), "%s: %s: %d",
                      cases[which].what, text, err);
    }
    sorted(cases[which].list, want);
    sorted(rig_list(rig.root), got);
    ck_assert_msg(strcmp(got, want) == 0, "%s: %s", cases[which].what, got);
    rig_look();
    rig_mount(NULL);
    sorted(rig_list(rig.root), got);
    ck_assert_msg(strcmp(got, want) == 0, "%s, mounted again: %s",
                  cases[which].what, got);
    rig_end();
}
END_TEST

/* ------------------------------------------------------------ what is kept */

START_TEST(a_rename_keeps_number_and_content)
{
    struct shale_vnode *vn, *dir, *other;
    uint64_t ino;
    uint8_t got[100];

    make((unsigned)_i);
    dir = rig_mkdir(rig.root, "dir");
    vn = rig_create(rig.root, "file");
    ino = vn->ino;
    rig_write(vn, 7, 100, 0);
    ck_assert(shale_vnode_stays(vn) && shale_vnode_stays(rig.root));
    GOOD(rig_rename(rig.root, "file", dir, "a longer name than before"));
    ck_assert(!shale_vnode_stays(vn));  /* its number is its old place's */
    ck_assert(shale_vnode_stays(dir));
    ck_assert_uint_eq(ino_of(dir, "a longer name than before"), ino);
    ck_assert_uint_eq(vn->ino, ino);
    GOOD(shale_sync(rig.v.fs));

    /* Whoever comes to its place is somebody else. */
    other = rig_create(rig.root, "file");
    ck_assert_uint_ne(other->ino, ino);
    ck_assert(!shale_vnode_stays(other));
    rig_write(vn, 8, 50, 50);
    ck_assert_int_eq(shale_read(other, got, 100, 0), 0);
    ck_assert_int_eq(shale_read(vn, got, 100, 0), 100);
    ck_assert(got[49] == 7 && got[50] == 8);
    shale_vnode_put(other);
    shale_vnode_put(vn);
    shale_vnode_put(dir);

    /* Nobody holds them: now the place says the number. */
    shale_fs_shrink(rig.v.fs);
    GOOD(shale_sync(rig.v.fs));
    rig_end();
}
END_TEST

START_TEST(numbers_in_use_are_not_given_again)
{
    struct shale_vnode *held[200];
    char name[32];

    make(1);
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 100; i++) {
            struct shale_vnode *vn;

            snprintf(name, sizeof name, "file%u", i);
            vn = rig_create(rig.root, name);
            for (unsigned j = 0; j < round * 100 + i; j++)
                ck_assert_uint_ne(held[j]->ino, vn->ino);
            held[round * 100 + i] = vn;
        }
        for (unsigned i = 0; i < 100; i++) {
            snprintf(name, sizeof name, "file%u", i);
            GOOD(rig_unlink(rig.root, name));
        }
    }
    for (unsigned i = 0; i < 200; i++)
        shale_vnode_put(held[i]);
    rig_end();
}
END_TEST

START_TEST(a_victim_that_is_open_lives_on)
{
    struct shale_vnode *a, *b;
    uint8_t got[600];
    uint64_t before;

    make((unsigned)_i);
    before = rig_free_clusters();
    a = rig_create(rig.root, "a");
    b = rig_create(rig.root, "b");
    rig_write(a, 1, 600, 0);
    rig_write(b, 2, 600, 0);
    GOOD(rig_rename(rig.root, "a", rig.root, "b"));
    ck_assert_uint_eq(ino_of(rig.root, "b"), a->ino);
    ck_assert_uint_eq(b->links, 0);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_int_eq(shale_read(b, got, 600, 0), 600);
    ck_assert_uint_eq(got[599], 2);
    ck_assert_int_eq(shale_read(a, got, 600, 0), 600);
    ck_assert_uint_eq(got[599], 1);
    shale_vnode_put(b);
    GOOD(shale_sync(rig.v.fs));
    ck_assert_uint_eq(rig_free_clusters(), before - 2);
    shale_vnode_put(a);
    rig_end();
}
END_TEST

START_TEST(a_moved_directory_knows_its_parent)
{
    struct shale_vnode *a, *b, *dir, *up;

    make((unsigned)_i);
    a = rig_mkdir(rig.root, "a");
    b = rig_mkdir(rig.root, "b");
    dir = rig_mkdir(a, "dir");
    GOOD(rig_rename(a, "dir", b, "dir"));
    GOOD(shale_lookup(dir, "..", 2, &up));
    ck_assert_ptr_eq(up, b);
    shale_vnode_put(up);
    GOOD(rig_rename(b, "dir", rig.root, "dir"));
    GOOD(shale_lookup(dir, "..", 2, &up));
    ck_assert_ptr_eq(up, rig.root);
    shale_vnode_put(up);
    shale_vnode_put(dir);
    shale_vnode_put(a);
    shale_vnode_put(b);
    rig_end();              /* which looks at ".." too */
}
END_TEST

START_TEST(attributes_go_with_the_file)
{
    const struct shale_setattr what = {
        .valid = SHALE_SET_FLAGS | SHALE_SET_MTIME | SHALE_SET_BTIME,
        .flags = FAT_ATTR_HIDDEN | FAT_ATTR_READ_ONLY,
        .mtime = { .sec = 1000000000 }, .btime = { .sec = 900000000 },
    };
    struct shale_attr attr;
    struct shale_vnode *vn;

    make(2);
    vn = rig_create(rig.root, "a");
    rig_touch(rig.root, "b");
    GOOD(shale_setattr(vn, &what));
    GOOD(rig_rename(rig.root, "a", rig.root, "a name with pieces"));
    GOOD(rig_rename(rig.root, "a name with pieces", rig.root, "b"));
    shale_vnode_put(vn);
    rig_look();
    rig_mount(NULL);
    GOOD(shale_stat(rig.v.fs, "/b", &attr));
    ck_assert_uint_eq(attr.flags, FAT_ATTR_HIDDEN | FAT_ATTR_READ_ONLY);
    ck_assert_int_eq(attr.mtime.sec, 1000000000);
    ck_assert_int_eq(attr.btime.sec, 900000000);
    ck_assert_uint_eq(attr.mode & 0222, 0);
    rig_end();
}
END_TEST

/* ------------------------------------------------------- within a batch */

static const struct {
    const char *what;
    const char *first[4];       /* then all is written */
    const char *then[6];
    bool early;                 /* a batch is written before the last step */
} batches[] = {
    { "unlink and create", { "c a" }, { "u a", "c a" }, false },
    { "with others between", { "c a", "c b" }, { "u a", "u b", "c b", "c a" },
      false },
    { "somebody took its room", { "c a a a a a a a" },
      { "u a a a a a a a", "c b b b b b b b", "c a a a a a a a" }, false },
    { "rename in the row, and create", { "c a" }, { "m a > b", "c a" }, false },
    { "rename elsewhere, and create", { "c a", "d d" },
      { "m a > d/a", "c a" }, true },
    { "over somebody elsewhere, and create", { "c a", "d d", "c d/a" },
      { "m a > d/a", "c a" }, true },
    { "create what a short name was", { "c a long name" },
      { "u a long name", "c ALONGN~1" }, false },
    { "unlink, and move one there", { "c a", "d d", "c d/b" },
      { "u a", "m d/b > a" }, false },
};

START_TEST(a_name_comes_back_where_it_was_or_later)
{
    uint64_t before = 0;

    make(1);
    for (unsigned i = 0; batches[_i].first[i]; i++)
        GOOD(step(batches[_i].first[i]));
    GOOD(shale_sync(rig.v.fs));
    GOOD(step("c other"));
    for (unsigned i = 0; batches[_i].then[i]; i++) {
        before = batch();
        GOOD(step(batches[_i].then[i]));
    }
    ck_assert_msg((batch() > before) == batches[_i].early, "%s",
                  batches[_i].what);
    rig_end();
}
END_TEST

/* A short name that was somebody's in this batch is nobody else's. */
START_TEST(a_short_name_comes_back_later)
{
    struct fat_set *set;

    make(1);
    /* The row is full: what comes goes to another. */
    for (unsigned i = 0; i < 7; i++) {
        char text[32];

        snprintf(text, sizeof text, "c longname %u", i);
        GOOD(step(text));
    }
    GOOD(step("c x"));
    GOOD(step("c y"));
    GOOD(step("c z"));
    GOOD(shale_sync(rig.v.fs));
    GOOD(step("u longname 0"));
    GOOD(step("c longname of more pieces than it was"));
    set = fat_set_get(rig_volume());
    {
        static const char *const name = "longname of more pieces than it was";
        uint16_t units[64];
        int len = utf16_from_utf8(name, strlen(name), units, 64);

        GOOD(fat_dir_find(fat_vnode_of(rig.root), units, (size_t)len, set));
    }
    ck_assert_int_ne(memcmp(set->entry.name, "LONGNA~1", 8), 0);
    fat_set_put(rig_volume(), set);
    rig_end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/change");
    TCase *tc = tcase_create("change");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, does_what_it_is_told, 0, SHAPES * CASES);
    tcase_add_loop_test(tc, a_rename_keeps_number_and_content, 0, SHAPES);
    tcase_add_test(tc, numbers_in_use_are_not_given_again);
    tcase_add_loop_test(tc, a_victim_that_is_open_lives_on, 0, SHAPES);
    tcase_add_loop_test(tc, a_moved_directory_knows_its_parent, 0, SHAPES);
    tcase_add_test(tc, attributes_go_with_the_file);
    tcase_add_loop_test(tc, a_name_comes_back_where_it_was_or_later, 0,
                        sizeof batches / sizeof batches[0]);
    tcase_add_test(tc, a_short_name_comes_back_later);
    suite_add_tcase(s, tc);
    return s;
}
