/*
 * test_ntfs_list.c - listing directories, page by page, whole and damaged
 */
#include "suite.h"
#include "test_ntfs_dirs.h"

#define LINES 512u

/* What a listing has said. */
struct lines {
    unsigned count, stop_at;    /* stop at that many; 0: do not */
    uint64_t next[LINES];
    struct {
        char name[64];
        uint64_t ino;
        uint32_t generation;
        enum shale_type type;
    } line[LINES];
};

static int take(void *context, const struct shale_dirent *entry)
{
    struct lines *l = context;
    unsigned n = l->count;

    if (l->stop_at && n == l->stop_at)
        return 1;
    ck_assert_uint_lt(n, LINES);
    ck_assert_uint_lt(entry->len, sizeof l->line[0].name);
    ck_assert_uint_lt(entry->next, UINT64_C(1) << 62);
    memcpy(l->line[n].name, entry->name, entry->len);
    l->line[n].name[entry->len] = '\0';
    l->line[n].ino = entry->ino;
    l->line[n].generation = entry->generation;
    l->line[n].type = entry->type;
    l->next[n] = entry->next;
    l->count++;
    return 0;
}

static int list(struct dirs *d, uint64_t cookie, struct lines *l)
{
    memset(l, 0, sizeof *l);
    return ntfs_iterate(&d->dir.base, cookie, take, l);
}

/* Do the names of L, each followed by a space, make ALL? */
static void lines_are(const struct lines *l, const char *all)
{
    char text[2048] = "";

    for (unsigned i = 0; i < l->count; i++) {
        strcat(text, l->line[i].name);
        strcat(text, " ");
    }
    ck_assert_str_eq(text, all);
}

/* ------------------------------------------------------- what is left out */

static const struct {
    const char *name;
    uint64_t number;
    unsigned space;
    uint32_t flags;
} entries[] = {
    { "$MFT", 0, NTFS_WIN32_AND_DOS, NTFS_FILE_HIDDEN | NTFS_FILE_SYSTEM },
    { "$foo", 50, NTFS_POSIX, 0 },
    { ".", 5, NTFS_WIN32_AND_DOS, NTFS_NAME_IS_DIRECTORY },
    { "..", 51, NTFS_POSIX, NTFS_NAME_IS_DIRECTORY },
    { "...", 52, NTFS_POSIX, NTFS_NAME_IS_DIRECTORY },
    { ".dot", 53, NTFS_POSIX, NTFS_FILE_HIDDEN },
    { "LONGNA~1", 54, NTFS_DOS, 0 },
    { "Longname.text", 54, NTFS_WIN32, 0 },
    { "hidden", 55, NTFS_WIN32_AND_DOS, NTFS_FILE_HIDDEN },
    { "link", 56, NTFS_POSIX, NTFS_FILE_REPARSE },
    { "junction", 57, NTFS_POSIX, NTFS_FILE_REPARSE | NTFS_NAME_IS_DIRECTORY },
    { "system", 58, NTFS_POSIX, NTFS_FILE_SYSTEM },
};

static void entries_make(struct dirs *d)
{
    static const uint8_t bits[8] = { 1 };
    struct dirs_node n;
    struct dirs_root root;

    dirs_open(d, 12, DIRS_BLOCK);
    n = block_begin(d, 0);
    for (unsigned i = 0; i < sizeof entries / sizeof entries[0]; i++)
        node_name(&n, dirs_reference(entries[i].number, 6), entries[i].name,
                  entries[i].space, entries[i].flags, NTFS_NO_CHILD);
    block_end(d, 0, &n, NTFS_NO_CHILD);
    root_begin(&root);
    node_end(&root.node, 0);
    dirs_record(d, &root, 1, bits, sizeof bits);
    ck_assert_msg(dirs_load(d) == 0, "%s", d->p.said);
}

START_TEST(what_is_left_out)
{
    struct lines l;
    struct dirs d;

    entries_make(&d);
    ck_assert_int_eq(list(&d, 0, &l), 0);
    lines_are(&l, "$foo ... .dot Longname.text hidden link junction system ");
    for (unsigned i = 0; i < l.count; i++)
        ck_assert_uint_eq(l.line[i].generation, 6);
    ck_assert_int_eq(l.line[0].type, SHALE_TYPE_FILE);
    ck_assert_int_eq(l.line[1].type, SHALE_TYPE_DIR);
    ck_assert_uint_eq(l.line[3].ino, 54);
    for (unsigned i = 5; i < 8; i++)
        ck_assert_int_eq(l.line[i].type, SHALE_TYPE_UNKNOWN);

    d.vol->options.show_system = true;
    ck_assert_int_eq(list(&d, 0, &l), 0);
    lines_are(&l, "$MFT $foo ... .dot Longname.text hidden link junction "
              "system ");

    d.vol->options.hide_hidden = true;
    ck_assert_int_eq(list(&d, 0, &l), 0);
    lines_are(&l, "$MFT $foo ... Longname.text link junction system ");

    d.vol->options.show_system = false;
    ck_assert_int_eq(list(&d, 0, &l), 0);
    lines_are(&l, "$foo ... Longname.text link junction system ");
    dirs_close(&d);
}
END_TEST

/* --------------------------------------------------------- page by page */

/* Names in the root of the directory below. */
#define IN_ROOT 5u
#define IN_PAGES (IN_ROOT + 6 * 25)

/* Fill block B with 25 names; each stands where the one whose number differs
   in the bits of FLIP should. */
static void page_fill(struct dirs *d, unsigned b, unsigned flip)
{
    struct dirs_node n = block_begin(d, b);

    for (unsigned i = 0; i < 25; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%02u-%02u", b, i ^ flip);
        node_name(&n, dirs_reference(100 + b * 25 + (i ^ flip), 2), name,
                  NTFS_POSIX, 0, NTFS_NO_CHILD);
    }
    block_end(d, b, &n, NTFS_NO_CHILD);
}

/* 300 names in 12 blocks, of which those with odd numbers are not in use; the
   root leads to CHILDREN, in that order. */
static void pages_of(struct dirs *d, unsigned shift, const unsigned *children)
{
    static const uint8_t bits[8] = { 0x55, 0x05 };
    struct dirs_root root;

    dirs_open(d, shift, 12 * DIRS_BLOCK);
    root_begin(&root);
    for (unsigned b = 0; b < 12; b++)
        page_fill(d, b, 0);
    for (unsigned i = 0; i < IN_ROOT; i++) {
        char name[16];

        snprintf(name, sizeof name, "n%02u-r", 2 * i);
        node_name(&root.node, dirs_reference(90 + i, 2), name, NTFS_POSIX, 0,
                  block_vcn(d, children[i]));
    }
    node_end(&root.node, block_vcn(d, children[IN_ROOT]));
    dirs_record(d, &root, 12, bits, sizeof bits);
    ck_assert_msg(dirs_load(d) == 0, "%s", d->p.said);
}

static void pages_make(struct dirs *d, unsigned shift)
{
    static const unsigned children[] = { 0, 2, 4, 6, 8, 10 };

    pages_of(d, shift, children);
}

static const unsigned shifts[] = { 9, 11, 12, 13, 16 };

START_TEST(pages)
{
    struct lines all, l;
    struct dirs d;

    pages_make(&d, shifts[_i]);
    ck_assert_msg(list(&d, 0, &all) == 0, "%s", d.p.said);
    ck_assert_uint_eq(all.count, IN_PAGES);
    ck_assert_str_eq(all.line[0].name, "n00-r");
    ck_assert_str_eq(all.line[IN_ROOT].name, "n00-00");
    ck_assert_str_eq(all.line[IN_ROOT + 25].name, "n02-00");
    ck_assert_str_eq(all.line[all.count - 1].name, "n10-24");

    /* From every place on the rest is the same. */
    for (unsigned i = 0; i < all.count; i++) {
        ck_assert(i == 0 || all.next[i] > all.next[i - 1]);
        ck_assert_int_eq(list(&d, all.next[i], &l), 0);
        ck_assert_uint_eq(l.count, all.count - i - 1);
        if (l.count > 0)
            ck_assert_str_eq(l.line[0].name, all.line[i + 1].name);
    }
    /* Who stops gets what he stopped with, and may go on from there. */
    memset(&l, 0, sizeof l);
    l.stop_at = 30;
    ck_assert_int_eq(ntfs_iterate(&d.dir.base, 0, take, &l), 1);
    ck_assert_uint_eq(l.count, 30);
    dirs_close(&d);
}
END_TEST

/* A cookie that nobody was given leads somewhere, or to the end. */
START_TEST(any_cookie)
{
    static const uint64_t cookies[] = {
        1, 15, 17, 0xffffff, 0x1000000, 0x1000001, 0x1ffffff, 0xc000000,
        0xd000000, UINT64_C(1) << 60, (UINT64_C(1) << 60) - 1,
    };
    struct lines l;
    struct dirs d;

    pages_make(&d, 12);
    for (unsigned i = 0; i < sizeof cookies / sizeof cookies[0]; i++)
        ck_assert_int_eq(list(&d, cookies[i], &l), 0);
    dirs_close(&d);
}
END_TEST

/* All is read once, and in large requests. */
START_TEST(a_listing_reads_ahead)
{
    struct shale_cache_stats stats;
    struct lines l;
    struct dirs d;

    pages_make(&d, 12);
    ck_assert_int_eq(list(&d, 0, &l), 0);
    shale_cache_stats(d.p.fs->cache, &stats);
    /* The record of the directory, and its blocks. */
    ck_assert_uint_le(stats.reads, 3);
    dirs_close(&d);
}
END_TEST

/* ------------------------------------------------------------------ damage */

START_TEST(names_are_checked)
{
    static const struct {
        const char *name;
        unsigned at;            /* the unit that becomes ... */
        uint8_t unit;
    } bad[] = { { "ab", 0, '/' }, { "ab", 1, 0 }, { "ab", 1, '/' } };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct dirs_root root;
        struct lines l;
        struct dirs d;

        dirs_open(&d, 12, DIRS_BLOCK);
        root_begin(&root);
        node_name(&root.node, 60, "a", NTFS_POSIX, 0, NTFS_NO_CHILD);
        node_name(&root.node, 61, bad[i].name, NTFS_POSIX, 0, NTFS_NO_CHILD);
        ((uint8_t *)(node_last(&root.node) + 1))[66 + 2 * bad[i].at] =
            bad[i].unit;
        node_name(&root.node, 62, "c", NTFS_POSIX, 0, NTFS_NO_CHILD);
        node_end(&root.node, NTFS_NO_CHILD);
        dirs_record(&d, &root, 0, NULL, 0);
        ck_assert_int_eq(dirs_load(&d), 0);
        ck_assert_int_eq(list(&d, 0, &l), 0);
        lines_are(&l, "a c ");
        ck_assert_ptr_nonnull(strstr(d.p.said, "slash or NUL"));
        dirs_close(&d);
    }
}
END_TEST

START_TEST(a_damaged_block_is_an_error)
{
    struct lines l;
    struct dirs d;

    pages_make(&d, 12);
    memset(block_at(&d, 1), 0x55, DIRS_BLOCK);  /* is not in use */
    ck_assert_int_eq(list(&d, 0, &l), 0);
    memset(block_at(&d, 4), 0, DIRS_BLOCK);
    dirs_forget(&d);
    ck_assert_int_eq(list(&d, 0, &l), SHALE_ECORRUPT);
    ck_assert_uint_eq(l.count, IN_ROOT + 50);
    ck_assert_ptr_nonnull(strstr(d.p.said, "does not begin with its mark"));
    dirs_close(&d);
}
END_TEST

/* ----------------------------------------------------------------- recover */

/*
 * A directory of files that know their names: 100 to 119 "file-N", 100 with a
 * short name and 101 with two more links here, one of them the same but for
 * case, and one in another directory. 120 is deleted, 121 in a former use of
 * the directory, 122 an extension of 101 with one more name.
 */
static void lost_make(struct dirs *d)
{
    uint64_t dir = dirs_reference(DIRS_INO, DIRS_SEQUENCE);
    struct dirs_root root;
    struct dirs_record r;
    char name[16];

    dirs_open(d, 12, DIRS_BLOCK);
    for (unsigned i = 0; i < 20; i++) {
        r = record_begin(d, 100 + i, 4, i == 5 ? 3 : 1);
        snprintf(name, sizeof name, "file-%u", i);
        record_name(&r, dir, name, i ? NTFS_POSIX : NTFS_WIN32,
                    i == 5 ? NTFS_NAME_IS_DIRECTORY : 0);
        if (i == 0)
            record_name(&r, dir, "FILE-0~1", NTFS_DOS, 0);
        if (i == 1) {
            record_name(&r, dir, "FILE-1", NTFS_POSIX, 0);
            record_name(&r, dir, "again", NTFS_POSIX, 0);
            record_name(&r, dirs_reference(41, 1), "elsewhere", NTFS_POSIX, 0);
        }
        record_end(&r);
    }
    r = record_begin(d, 120, 4, 0);
    record_name(&r, dir, "deleted", NTFS_POSIX, 0);
    record_end(&r);
    r = record_begin(d, 121, 4, 1);
    record_name(&r, dirs_reference(DIRS_INO, DIRS_SEQUENCE - 1), "former",
                NTFS_POSIX, 0);
    record_end(&r);

    root_begin(&root);
    node_name(&root.node, dirs_reference(100, 4), "file-0", NTFS_WIN32, 0,
              NTFS_NO_CHILD);
    node_end(&root.node, NTFS_NO_CHILD);
    root.value[16 + 16 + 8] = 1;        /* the entry's length */
    dirs_record(d, &root, 0, NULL, 0);
    ck_assert_int_eq(ntfs_upcase_load(d->vol), 0);
}

static unsigned times(const struct lines *l, const char *name)
{
    unsigned n = 0;

    for (unsigned i = 0; i < l->count; i++)
        n += strcmp(l->line[i].name, name) == 0;
    return n;
}

static int64_t find(struct dirs *d, const char *name)
{
    uint64_t ino = 0;
    int err = ntfs_lookup(&d->dir.base, name, strlen(name), &ino);

    return err ? err : (int64_t)ino;
}

START_TEST(lost_children)
{
    struct lines all, l;
    struct dirs d;

    lost_make(&d);
    ck_assert_int_eq(dirs_load(&d), SHALE_ECORRUPT);
    d.vol->options.recover = true;
    ck_assert_int_eq(dirs_load(&d), 0);
    ck_assert_msg(list(&d, 0, &all) == 0, "%s", d.p.said);
    ck_assert_uint_eq(all.count, 22);
    for (unsigned i = 0; i < 20; i++) {
        char name[16];

        snprintf(name, sizeof name, "file-%u", i);
        ck_assert_uint_eq(times(&all, name), 1);
        ck_assert_int_eq(find(&d, name), 100 + (int)i);
    }
    ck_assert_uint_eq(times(&all, "FILE-1"), 1);
    ck_assert_uint_eq(times(&all, "again"), 1);
    ck_assert_uint_eq(all.line[0].generation, 4);

    for (unsigned i = 0; i < all.count; i++) {
        ck_assert_int_eq(list(&d, all.next[i], &l), 0);
        ck_assert_uint_eq(l.count, all.count - i - 1);
    }
    memset(&l, 0, sizeof l);
    l.stop_at = 3;
    ck_assert_int_eq(ntfs_iterate(&d.dir.base, 0, take, &l), 1);

    ck_assert_int_eq(find(&d, "FILE-1"), 101);
    ck_assert_int_eq(find(&d, "File-1"), 101);
    ck_assert_int_eq(find(&d, "FILE-0~1"), 100);
    ck_assert_int_eq(find(&d, "file-5"), 105);
    ck_assert_int_eq(find(&d, "deleted"), SHALE_ENOENT);
    ck_assert_int_eq(find(&d, "former"), SHALE_ENOENT);
    ck_assert_int_eq(find(&d, "elsewhere"), SHALE_ENOENT);
    d.dir.info.case_sensitive = true;
    ck_assert_int_eq(find(&d, "File-1"), SHALE_ENOENT);
    dirs_close(&d);
}
END_TEST

/* The files of the names in the blocks above, which know them. */
static void pages_files(struct dirs *d)
{
    uint64_t dir = dirs_reference(DIRS_INO, DIRS_SEQUENCE);

    for (unsigned b = 0; b < 12; b += 2)
        for (unsigned i = 0; i < 25; i++) {
            struct dirs_record r = record_begin(d, 100 + b * 25 + i, 2, 1);
            char name[16];

            snprintf(name, sizeof name, "n%02u-%02u", b, i);
            record_name(&r, dir, name, NTFS_POSIX, 0);
            record_end(&r);
        }
    ck_assert_int_eq(ntfs_upcase_load(d->vol), 0);
}

/* Where a block is bad, a name before it is found as ever, a listing does not
   give anything twice, and what it gives is found. */
START_TEST(a_block_is_lost)
{
    struct lines l;
    struct dirs d;

    pages_make(&d, 12);
    pages_files(&d);
    d.vol->options.recover = true;
    ck_assert_int_eq(dirs_load(&d), 0);
    ck_assert_msg(list(&d, 0, &l) == 0, "%s", d.p.said);
    ck_assert_uint_eq(l.count, IN_PAGES);
    ck_assert_int_eq(find(&d, "n04-99"), SHALE_ENOENT);
    ck_assert_msg(!d.vol->children, "%s", d.p.said);

    block_at(&d, 2)[3] = 'Y';
    dirs_forget(&d);
    ck_assert_int_eq(dirs_load(&d), 0);
    ck_assert_int_eq(find(&d, "n00-00"), 100);
    ck_assert_ptr_null(d.vol->children);
    ck_assert_int_eq(list(&d, 0, &l), 0);
    ck_assert_uint_eq(l.count, 150);
    ck_assert_ptr_nonnull(d.vol->children);
    ck_assert_int_eq(find(&d, "n00-24"), 124);
    dirs_close(&d);
}
END_TEST

/* Nothing is unreadable, but names are where no lookup comes by: two blocks
   have changed places, nothing leads to one, or the names of one are in
   another order. The one that is sought first is not found where it is. */
START_TEST(a_tree_is_out_of_order)
{
    static const unsigned children[][6] = {
        { 0, 2, 6, 4, 8, 10 }, { 0, 2, 2, 6, 8, 10 }, { 0, 2, 4, 6, 8, 10 },
        { 0, 2, 4, 6, 8, 10 },
    };
    static const unsigned flips[] = { 0, 0, 3, 16 };
    struct lines l;
    struct dirs d;

    pages_of(&d, 12, children[_i]);
    page_fill(&d, 4, flips[_i]);
    pages_files(&d);
    ck_assert_int_eq(find(&d, "n04-02"), SHALE_ENOENT);
    ck_assert_int_eq(list(&d, 0, &l), 0);
    ck_assert_uint_eq(l.count, IN_PAGES);

    d.vol->options.recover = true;
    for (unsigned first = 0; first < 2; first++) {
        ck_assert_int_eq(dirs_load(&d), 0);
        if (first == 0)
            ck_assert_int_eq(find(&d, "n04-02"), 202);
        ck_assert_int_eq(list(&d, 0, &l), 0);
        ck_assert_uint_eq(l.count, 150);
        ck_assert_int_eq(find(&d, "n04-02"), 202);
    }
    dirs_close(&d);
}
END_TEST

/* Names are found, and not listed: the bitmap lacks their block. */
START_TEST(a_block_is_not_in_use)
{
    struct lines l;
    struct dirs d;

    pages_make(&d, 12);
    pages_files(&d);
    d.dir.index->bitmap.value[0] &= (uint8_t)~(1u << (2 * _i));
    ck_assert_int_eq(list(&d, 0, &l), 0);
    ck_assert_uint_eq(l.count, IN_PAGES - 25);

    d.vol->options.recover = true;
    ck_assert_int_eq(list(&d, 0, &l), 0);
    ck_assert_uint_eq(l.count, 150);
    ck_assert_int_eq(find(&d, "n04-02"), 202);
    dirs_close(&d);
}
END_TEST

static int count(void *context, const struct shale_dirent *entry)
{
    unsigned *n = context;

    ck_assert_uint_gt(entry->len, 0);
    ++*n;
    return 0;
}

/* So many names that their table is in several chunks. */
START_TEST(many_lost_children)
{
    uint64_t dir = dirs_reference(DIRS_INO, DIRS_SEQUENCE);
    char name[16];
    unsigned n = 0;
    struct dirs d;

    lost_make(&d);
    for (unsigned i = 130; i < 500; i++) {
        struct dirs_record r = record_begin(&d, i, 4, 1);

        for (unsigned j = 0; j < 8; j++) {
            snprintf(name, sizeof name, "%u-%u", i, j);
            record_name(&r, dir, name, NTFS_POSIX, 0);
        }
        record_end(&r);
    }
    d.vol->options.recover = true;
    ck_assert_int_eq(dirs_load(&d), 0);
    ck_assert_int_eq(ntfs_iterate(&d.dir.base, 0, count, &n), 0);
    ck_assert_uint_eq(n, 22 + 370 * 8);
    for (unsigned i = 130; i < 500; i += 37) {
        snprintf(name, sizeof name, "%u-%u", i, i % 8);
        ck_assert_int_eq(find(&d, name), i);
    }
    dirs_close(&d);
}
END_TEST

/* The root without so much as a record. */
START_TEST(a_lost_root)
{
    struct dirs_record r;
    struct lines l;
    struct dirs d;

    dirs_open(&d, 12, DIRS_BLOCK);
    r = record_begin(&d, 60, 4, 1);
    record_name(&r, dirs_reference(NTFS_ROOT, 5), "in the root", NTFS_POSIX,
                0);
    record_end(&r);
    d.dir.base.fs = d.p.fs;
    d.dir.base.ino = NTFS_ROOT;
    ck_assert_int_eq(ntfs_load(&d.dir.base), SHALE_ECORRUPT);
    d.vol->options.recover = true;
    ck_assert_int_eq(ntfs_load(&d.dir.base), 0);
    ck_assert_int_eq(d.dir.base.type, SHALE_TYPE_DIR);
    ck_assert_int_eq(list(&d, 0, &l), 0);
    lines_are(&l, "in the root ");
    ck_assert_int_eq(find(&d, "In The Root"), 60);
    dirs_close(&d);
}
END_TEST

START_TEST(memory_runs_out)
{
    struct lines l;
    int err = SHALE_ENOMEM;
    struct dirs d;

    lost_make(&d);
    d.vol->options.recover = true;
    for (uint64_t n = 0; err; n++) {
        shale_mem_fail_at(d.p.mem, n);
        err = dirs_load(&d);
        if (!err)
            err = list(&d, 0, &l);
        ck_assert(err == 0 || err == SHALE_ENOMEM);
        if (shale_mem_failed(d.p.mem))
            ck_assert(err == SHALE_ENOMEM || l.count == 22);
    }
    ck_assert_uint_eq(l.count, 22);
    shale_mem_fail_at(d.p.mem, UINT64_MAX);
    dirs_close(&d);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/list");
    TCase *tc = tcase_create("list");

    tcase_add_test(tc, what_is_left_out);
    tcase_add_loop_test(tc, pages, 0, sizeof shifts / sizeof shifts[0]);
    tcase_add_test(tc, any_cookie);
    tcase_add_test(tc, a_listing_reads_ahead);
    tcase_add_test(tc, names_are_checked);
    tcase_add_test(tc, a_damaged_block_is_an_error);
    tcase_add_test(tc, lost_children);
    tcase_add_test(tc, a_block_is_lost);
    tcase_add_loop_test(tc, a_tree_is_out_of_order, 0, 4);
    tcase_add_loop_test(tc, a_block_is_not_in_use, 0, 4);
    tcase_add_test(tc, many_lost_children);
    tcase_add_test(tc, a_lost_root);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(s, tc);
    return s;
}
