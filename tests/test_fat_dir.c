/* test_fat_dir.c - directories: which files they have, and finding them */
#include "fat32/chain.h"
#include "fat32/dir.h"
#include "fat32/node.h"
#include "shale/fs.h"
#include "suite.h"
#include "test_fat_image.h"

static struct image image;
static struct image_list list;

#define NAME1 "LONGFI~1TXT"
#define LONG1 "Long file name.txt"      /* two pieces */

/* ------------------------------------------------------ what is in a root */

/* A file of the long name TEXT; returns where the next one goes. */
static uint8_t *long_file(uint8_t *at, const char *text, const char *name)
{
    return image_entry(image_long(at, text, name), name, 0, 0, 0);
}

/* Each writes a root at AT, in which the list of names is to be SHOWN. */
static void root_empty(uint8_t *at)
{
    (void)at;
}

static void root_plain(uint8_t *at)
{
    at = image_entry(at, "README  TXT", 0, 0, 0);
    at = image_entry(at, "SUBDIR     ", FAT_ATTR_DIR, 50, 0);
    image_entry(at, "NOEXT      ", FAT_ATTR_ARCHIVE, 0, 0);
}

static void root_long(uint8_t *at)
{
    long_file(at, LONG1, NAME1);
}

static void root_deleted(uint8_t *at)
{
    uint8_t *start = at;

    at = long_file(at, LONG1, NAME1);
    for (; start < at; start += 32)
        *start = FAT_NAME_FREE;
    at = image_entry(at, "AFTER      ", 0, 0, 0);
    memset(at, 0, 32);
    image_entry(at + 32, "BEHIND     ", 0, 0, 0);      /* the end mark */
}

/* The short entry was removed by somebody who knows of no long names. */
static void root_orphan(uint8_t *at)
{
    at = long_file(at, LONG1, NAME1);
    at[-32] = FAT_NAME_FREE;
    image_entry(at, "OTHER   TXT", 0, 0, 0);
}

/* ... and another one made in its place. */
static void root_checksum(uint8_t *at)
{
    at = image_long(at, LONG1, NAME1);
    image_entry(at, "OTHER   TXT", 0, 0, 0);
}

static void root_piece_missing(uint8_t *at)
{
    uint8_t *start = at;

    long_file(at, LONG1, NAME1);
    memmove(start, start + 32, 64);             /* the last piece */
    memset(start + 64, 0, 32);
}

static void root_piece_lost(uint8_t *at)
{
    at = long_file(at, LONG1, NAME1);
    at[-64] = FAT_NAME_FREE;                    /* the first piece */
}

static void root_order(uint8_t *at)
{
    at = long_file(at, LONG1, NAME1);
    at[-64] = 2;
}

static void root_order_0(uint8_t *at)
{
    at = long_file(at, LONG1, NAME1);
    at[-96] = 0x40;
}

static void root_order_31(uint8_t *at)
{
    at = long_file(at, LONG1, NAME1);
    at[-96] = 0x5f;
}

static void root_two_sums(uint8_t *at)
{
    at = long_file(at, LONG1, NAME1);
    at[-96 + 0x0d] ^= 1;
}

/* A name begins, and then another one. */
static void root_begun_twice(uint8_t *at)
{
    at = image_long(at, LONG1, NAME1) - 32;
    long_file(at, "the second", "SECOND~1   ");
}

static void root_label_between(uint8_t *at)
{
    at = image_long(at, LONG1, NAME1);
    at = image_entry(at, "A LABEL    ", FAT_ATTR_LABEL, 0, 0);
    image_entry(at, NAME1, 0, 0, 0);
}

static void root_labels(uint8_t *at)
{
    at = image_entry(at, "A LABEL    ", FAT_ATTR_LABEL, 0, 0);
    at = image_entry(at, "LABEL 2    ", FAT_ATTR_LABEL | FAT_ATTR_ARCHIVE, 0,
                     0);
    image_entry(at, "FILE       ", 0, 0, 0);
}

static void root_dots(uint8_t *at)
{
    at = image_entry(at, ".          ", FAT_ATTR_DIR, 0, 0);
    at = image_entry(at, "..         ", FAT_ATTR_DIR, 0, 0);
    image_entry(at, "FILE       ", 0, 0, 0);
}

static void root_slash(uint8_t *at)
{
    long_file(at, "a/b", "A_B        ");
}

static void root_nul(uint8_t *at)
{
    at = image_long(at, "ab", "AB~1       ");
    at[-32 + 1] = at[-32 + 2] = 0;
    image_entry(at, "AB~1       ", 0, 0, 0);
}

static void root_long_dots(uint8_t *at)
{
    at = long_file(at, "..", "DOTS~1     ");
    long_file(at, "...", "DOTS~2     ");
}

static void root_short_dots(uint8_t *at)
{
    image_entry(at, "        .  ", 0, 0, 0);
}

static void root_no_name(uint8_t *at)
{
    at = image_entry(at, "           ", 0, 0, 0);
    image_entry(at, "FILE       ", 0, 0, 0);
}

static void root_13(uint8_t *at)
{
    at = long_file(at, "thirteen unit", "THIRTE~1   ");
    long_file(at, "fourteen units", "FOURTE~1   ");
}

static char text255[256];

static void root_255(uint8_t *at)
{
    memset(text255, 'x', 255);
    long_file(at, text255, "XXXXXX~1   ");
}

/* 20 pieces without an end: 256 units and more. */
static void root_256(uint8_t *at)
{
    memset(text255, 'x', 255);
    at = image_long(at, text255, "XXXXXX~1   ");
    put16(at - 20 * 32 + 0x14, 'x');            /* unit 255, which was 0 */
    image_entry(at, "XXXXXX~1   ", 0, 0, 0);
}

static void root_trailing(uint8_t *at)
{
    at = long_file(at, "dot.", "DOT~1      ");
    long_file(at, "space ", "SPACE~1    ");
}

static void root_unicode(uint8_t *at)
{
    at = long_file(at, "Grüße ☃ \xf0\x9f\x98\x80", "GRE~1      ");
    long_file(at, "half \xed\xa0\xbd", "HALF~1     ");
}

static void root_case(uint8_t *at)
{
    at = image_entry(at, "LOWER   TXT", 0, 0, 0);
    at[-32 + 0x0c] = FAT_LOWER_BASE | FAT_LOWER_EXT;
    at = image_entry(at, "\x05UMLAUT    ", 0, 0, 0);
    image_entry(at, "A B     C  ", 0, 0, 0);
}

/* Attributes that no version knows are no long name, and no label. */
static void root_attr(uint8_t *at)
{
    at = image_entry(at, "DEVICE     ", 0x40, 0, 0);
    image_entry(at, "BOTH       ", 0x80 | FAT_ATTR_DIR, 50, 0);
}

static const struct {
    const char *what;
    void (*make)(uint8_t *at);
    const char *shown;
} roots[] = {
    { "empty", root_empty, "" },
    { "plain", root_plain, "README.TXT|SUBDIR/|NOEXT" },
    { "long name", root_long, LONG1 },
    { "deleted, and behind the end", root_deleted, "AFTER" },
    { "orphaned pieces", root_orphan, "OTHER.TXT" },
    { "pieces of another file", root_checksum, "OTHER.TXT" },
    { "last piece missing", root_piece_missing, "LONGFI~1.TXT" },
    { "first piece missing", root_piece_lost, "LONGFI~1.TXT" },
    { "pieces in no order", root_order, "LONGFI~1.TXT" },
    { "piece 0", root_order_0, "LONGFI~1.TXT" },
    { "piece 31", root_order_31, "LONGFI~1.TXT" },
    { "two checksums", root_two_sums, "LONGFI~1.TXT" },
    { "begun twice", root_begun_twice, "the second" },
    { "label in between", root_label_between, "LONGFI~1.TXT" },
    { "labels", root_labels, "FILE" },
    { "dots", root_dots, "FILE" },
    { "slash in a long name", root_slash, "A_B" },
    { "empty long name", root_nul, "AB~1" },
    { "long dots", root_long_dots, "DOTS~1|..." },
    { "short dots", root_short_dots, "\xef\xbf\xbd." },
    { "no name", root_no_name, "FILE" },
    { "13 and 14 units", root_13, "thirteen unit|fourteen units" },
    { "255 units", root_255, text255 },
    { "256 units", root_256, "XXXXXX~1" },
    { "dot and space at the end", root_trailing, "dot.|space " },
    { "Unicode", root_unicode, "Grüße ☃ \xf0\x9f\x98\x80|half \xed\xa0\xbd" },
    { "lower case, 0xe5, spaces", root_case, "lower.txt|σUMLAUT|A B.C" },
    { "odd attributes", root_attr, "DEVICE|BOTH/" },
};

/* Every name that is shown leads to a file, and the listing to its number. */
static int find_again(void *context, const struct shale_dirent *entry)
{
    struct fat_vnode *root = context;
    uint64_t ino = 0;

    if (entry->next <= 2)
        return 0;
    ck_assert_int_eq(fat_dir_lookup(root, entry->name, entry->len, &ino), 0);
    ck_assert_uint_eq(ino, entry->ino);
    ck_assert_ptr_nonnull(entry->attr);
    ck_assert_uint_eq(entry->attr->ino, ino);
    return 0;
}

START_TEST(lists_what_is_there)
{
    static const unsigned bits[] = { 12, 16, 32 };

    for (unsigned i = 0; i < 3; i++) {
        struct fat_vnode *root;

        image_init(&image, bits[i]);
        if (bits[i] == 32) {
            image_link(&image, 2, 40);
            image_link(&image, 40, FAT_END);
        }
        roots[_i].make(image_root(&image));
        if (bits[i] == 32)      /* the root's second sector is elsewhere */
            memcpy(image_cluster(&image, 40), image_root(&image) + SECTOR,
                   SECTOR);
        image_mount(&image, NULL);
        ck_assert_int_eq(image_list(&image, "/", &list), 0);
        ck_assert_msg(strcmp(list.text, roots[_i].shown) == 0, "%s: %s",
                      roots[_i].what, list.text);
        root = image_get(&image, "/");
        ck_assert_int_eq(shale_iterate(&root->base, 0, SHALE_ITERATE_ATTR,
                                       find_again, root), 0);
        image_put(root);
        image_close(&image);
    }
}
END_TEST

/* --------------------------------------------------------------- finding */

static int64_t find(const char *name)
{
    struct fat_vnode *vn;
    int err = image_walk(&image, name, &vn);
    uint64_t cluster;

    if (err)
        return err;
    cluster = vn->entry.cluster;        /* tells who it is */
    image_put(vn);
    return (int64_t)cluster;
}

START_TEST(finds_by_either_name)
{
    uint8_t *at;

    image_init(&image, 12);
    at = image_root(&image);
    at = image_long(at, "Ärger & Co.txt", "RGER&C~1TXT");
    at = image_entry(at, "RGER&C~1TXT", 0, 20, 0);
    at = image_entry(at, "PLAIN   TXT", 0, 21, 0);
    at = image_long(at, "case", "CASE~1     ");
    at = image_entry(at, "CASE~1     ", 0, 22, 0);
    at = image_long(at, "CASE", "CASE~2     ");
    at = image_entry(at, "CASE~2     ", 0, 23, 0);
    at = image_long(at, "rger&c~1.TXT", "X          ");
    at = image_entry(at, "X          ", 0, 24, 0);
    at = image_long(at, "dot.", "DOT~1      ");
    at = image_entry(at, "DOT~1      ", 0, 25, 0);
    image_entry(at, "DOT        ", 0, 26, 0);
    image_mount(&image, NULL);

    ck_assert_int_eq(find("Ärger & Co.txt"), 20);
    ck_assert_int_eq(find("äRGER & cO.TXT"), 20);
    ck_assert_int_eq(find("RGER&C~1.TXT"), 24);     /* a long one goes first */
    ck_assert_int_eq(find("plain.txt"), 21);
    ck_assert_int_eq(find("PLAIN.TXT."), 21);
    ck_assert_int_eq(find("plain"), SHALE_ENOENT);
    ck_assert_int_eq(find("case"), 22);             /* exactly, if it can be */
    ck_assert_int_eq(find("CASE"), 23);
    ck_assert_int_eq(find("Case"), 22);
    ck_assert_int_eq(find("case~2"), 23);
    ck_assert_int_eq(find("x"), 24);
    ck_assert_int_eq(find("dot."), 25);
    ck_assert_int_eq(find("dot"), 26);
    ck_assert_int_eq(find("dot.."), 26);
    ck_assert_int_eq(find("\xff"), SHALE_ENOENT);
    image_close(&image);
}
END_TEST

/* COUNT files "file number 000" ... in a directory of clusters from 10 on. */
static void make_many(unsigned count)
{
    uint32_t clusters = 2 + count * 3 / 16;
    uint8_t *at;

    image_init(&image, 16);
    image_entry(image_root(&image), "MANY       ", FAT_ATTR_DIR, 10, 0);
    at = image_dir(&image, 10, 0);
    image_chain(&image, 10, clusters);
    for (unsigned i = 0; i < count; i++) {
        char name[32], alias[16];

        snprintf(name, sizeof name, "File Number %03u", i);
        snprintf(alias, sizeof alias, "FN%06u   ", i);
        at = image_long(at, name, alias);
        at = image_entry(at, alias, 0, 1000 + i, 0);
    }
}

/* Search for all of them, several times: slots first, then the table. */
START_TEST(finds_among_many)
{
    enum { COUNT = 900 };
    struct fat_vnode *dir;

    make_many(COUNT);
    image_mount(&image, NULL);
    dir = image_get(&image, "/many");
    ck_assert_int_eq(find("/many/file number 899"), 1899);
    ck_assert_int_eq(find("/many/nobody"), SHALE_ENOENT);
    for (unsigned i = COUNT; i-- > 0;) {
        char name[40];

        snprintf(name, sizeof name, "/MANY/file NUMBER %03u", i);
        ck_assert_int_eq(find(name), 1000 + i);
        snprintf(name, sizeof name, "/many/fn%06u", i);
        ck_assert_int_eq(find(name), 1000 + i);
        snprintf(name, sizeof name, "/many/no %06u", i);
        ck_assert_int_eq(find(name), SHALE_ENOENT);
    }
    ck_assert_ptr_nonnull(dir->names);
    image_put(dir);
    image_close(&image);
}
END_TEST

/* What the table says is looked at again. */
START_TEST(does_not_believe_its_table)
{
    struct fat_vnode *dir;
    struct fat_set set;

    make_many(200);
    image_mount(&image, NULL);
    dir = image_get(&image, "/many");
    find("/many/nobody");
    find("/many/nobody");
    ck_assert_ptr_nonnull(dir->names);

    /* A set that comes is found; twice is as good as once. */
    ck_assert_int_eq(fat_set_read(dir, 2, &set), 1);
    set.slot = 5;
    fat_names_add(dir, &set);
    fat_names_add(dir, &set);
    ck_assert_ptr_nonnull(dir->names);
    ck_assert_int_eq(find("/many/file number 000"), 1000);
    ck_assert_int_eq(find("/many/file number 001"), 1001);

    fat_names_forget(dir);
    ck_assert_int_eq(find("/many/file number 001"), 1001);
    image_put(dir);
    image_close(&image);
}
END_TEST

/* --------------------------------------------------------------- listing */

static int take_one(void *context, const struct shale_dirent *entry)
{
    uint64_t *next = context;

    if (*next != 0)
        return 1;
    *next = entry->next;
    return 0;
}

START_TEST(goes_on_from_any_cookie)
{
    struct fat_vnode *dir;
    uint64_t cookie = 0;
    unsigned count = 0;

    make_many(100);
    image_mount(&image, NULL);
    dir = image_get(&image, "/many");
    for (;; count++) {
        uint64_t next = 0;

        shale_iterate(&dir->base, cookie, 0, take_one, &next);
        if (next == 0)
            break;
        ck_assert_uint_gt(next, cookie);
        cookie = next;
    }
    ck_assert_uint_eq(count, 102);
    ck_assert_int_eq(shale_iterate(&dir->base, 65536 + 2, 0, take_one,
                                   &cookie), 0);
    image_put(dir);
    image_close(&image);
}
END_TEST

/*
 * Where a listing has stopped, behind a set of three, a set has come to lie
 * that began before: it is shown with its whole name, or not at all.
 */
START_TEST(knows_what_lies_across_a_cookie)
{
    struct fat_vnode *root;
    uint8_t *at;

    image_init(&image, 12);
    at = image_root(&image);
    at = image_long(at, "a name of more than thirteen, three pieces",
                    "LONG~1     ");
    image_entry(at, "LONG~1     ", 0, 20, 0);
    image_mount(&image, NULL);
    root = image_get(&image, "/");
    for (uint64_t cookie = 0; cookie < 8; cookie++) {
        list.text[0] = '\0';
        list.count = 0;
        ck_assert_int_eq(shale_iterate(&root->base, cookie + 2, 0,
                                       image_list_emit, &list), 0);
        ck_assert_str_eq(list.text, cookie < 5 ? "a name of more than thirteen"
                                                 ", three pieces" : "");
    }
    image_put(root);
    image_close(&image);
}
END_TEST

/* ---------------------------------------------------------------- damage */

static const struct {
    const char *what;
    uint32_t link;              /* from the first cluster of a directory */
    const char *said;
} damages[] = {
    { "free", FAT_FREE, "free cluster" },
    { "bad", FAT_BAD, "bad cluster" },
    { "off the volume", 0xfff0, "leaves the volume" },
    { "itself", 10, "loop" },
};

START_TEST(shows_what_is_before_damage)
{
    make_many(5);
    image_link(&image, 10, damages[_i].link);
    image_mount(&image, NULL);
    ck_assert_int_eq(image_list(&image, "/many", &list), SHALE_ECORRUPT);
    ck_assert_msg(strstr(image.v.said, damages[_i].said), "%s: %s",
                  damages[_i].what, image.v.said);
    ck_assert_uint_ge(list.count, 4);
    ck_assert_int_eq(find("/many/file number 002"), 1002);
    ck_assert_int_eq(find("/many/nobody"), SHALE_ECORRUPT);
    image_close(&image);
}
END_TEST

/* 65,536 slots, and no more. */
START_TEST(refuses_an_endless_directory)
{
    static const uint32_t clusters[] = { 4096, 4097 };

    for (unsigned i = 0; i < 2; i++) {
        struct fat_vnode *dir;

        image_init(&image, 16);
        image_entry(image_root(&image), "HUGE       ", FAT_ATTR_DIR, 10, 0);
        image_dir(&image, 10, 0);
        image_chain(&image, 10, clusters[i]);
        for (uint32_t n = 0; n < clusters[i]; n++)
            memset(image_cluster(&image, 10 + n), FAT_NAME_FREE, SECTOR);
        image_entry(image_cluster(&image, 10 + 4095) + SECTOR - 32,
                    "LAST       ", 0, 77, 0);
        image_mount(&image, NULL);
        dir = image_get(&image, "/huge");
        ck_assert_uint_eq(dir->base.size, 2 << 20);
        image_put(dir);
        ck_assert_int_eq(image_list(&image, "/huge", &list),
                         i == 0 ? 0 : SHALE_ECORRUPT);
        ck_assert_str_eq(list.text, "LAST");
        ck_assert_int_eq(find("/huge/last"), 77);
        image_close(&image);
    }
}
END_TEST

/* ------------------------------------------------------------- the tree */

/* "/A/B/C" on FAT32: clusters 10 and 11, and C begins with CLUSTER. */
static void make_tree(uint32_t cluster)
{
    uint8_t *at;

    image_init(&image, 32);
    image_entry(image_root(&image), "A          ", FAT_ATTR_DIR, 10, 0);
    at = image_dir(&image, 10, 0);
    image_entry(at, "B          ", FAT_ATTR_DIR, 11, 0);
    at = image_dir(&image, 11, 10);
    image_entry(at, "C          ", FAT_ATTR_DIR, cluster, 0);
}

START_TEST(knows_parents)
{
    struct fat_vnode *deep, *up;
    static const char *const ways[] = { "/A/B/C/..", "/A/B/C/../..",
                                        "/A/B/C/../../..", "/A/.." };
    static const uint32_t clusters[] = { 11, 10, 2, 2 };

    make_tree(12);
    image_dir(&image, 12, 11);
    image_mount(&image, NULL);
    deep = image_get(&image, "/a/b/c");
    for (unsigned i = 0; i < 4; i++) {
        up = image_get(&image, ways[i]);
        ck_assert_uint_eq(up->chain.first, clusters[i]);
        image_put(up);

        /* By search, when nobody has come that way. */
        for (uint32_t c = 2; c < 16; c++)
            fat_owner_forget(image_volume(&image), c);
    }
    image_put(deep);
    image_close(&image);
}
END_TEST

static const struct {
    const char *what;
    uint32_t cluster;           /* that the second directory begins with */
    const char *said;
} loops[] = {
    { "itself", 11, "begins where" },
    { "its parent", 10, "begins where" },
    { "the root", 2, "begins where" },
};

START_TEST(refuses_a_directory_within_itself)
{
    struct fat_vnode *vn;

    make_tree(loops[_i].cluster);
    image_mount(&image, NULL);
    ck_assert_int_eq(image_walk(&image, "/a/b/c", &vn), SHALE_ECORRUPT);
    ck_assert_msg(strstr(image.v.said, loops[_i].said), "%s: %s",
                  loops[_i].what, image.v.said);
    ck_assert_int_eq(image_list(&image, "/a/b", &list), 0);
    ck_assert_str_eq(list.text, "C/");
    image_close(&image);
}
END_TEST

START_TEST(does_without_dotdot)
{
    struct fat_vnode *dir, *vn;

    image_init(&image, 12);
    image_entry(image_root(&image), "A          ", FAT_ATTR_DIR, 10, 0);
    image_link(&image, 10, FAT_END);
    image_entry(image_cluster(&image, 10), "FILE       ", 0, 0, 0);
    image_entry(image_root(&image) + 32, "EMPTY      ", FAT_ATTR_DIR, 0, 0);
    image_mount(&image, NULL);
    ck_assert_int_eq(image_list(&image, "/a", &list), 0);
    ck_assert_str_eq(list.text, "FILE");
    ck_assert_int_eq(image_list(&image, "/empty", &list), 0);
    ck_assert_str_eq(list.text, "");
    dir = image_get(&image, "/empty");
    ck_assert_uint_eq(dir->base.size, 0);
    image_put(dir);
    ck_assert_int_eq(image_walk(&image, "/a/..", &vn), SHALE_ECORRUPT);
    ck_assert_int_eq(image_walk(&image, "/empty/..", &vn), SHALE_ECORRUPT);
    image_close(&image);
}
END_TEST

#define COUNT_OF(array) (int)(sizeof (array) / sizeof (array)[0])

Suite *suite(void)
{
    Suite *s = suite_create("fat/dir");
    TCase *tc = tcase_create("dir");

    tcase_add_loop_test(tc, lists_what_is_there, 0, COUNT_OF(roots));
    tcase_add_test(tc, finds_by_either_name);
    tcase_add_test(tc, finds_among_many);
    tcase_add_test(tc, does_not_believe_its_table);
    tcase_add_test(tc, goes_on_from_any_cookie);
    tcase_add_test(tc, knows_what_lies_across_a_cookie);
    tcase_add_loop_test(tc, shows_what_is_before_damage, 0, COUNT_OF(damages));
    tcase_add_test(tc, refuses_an_endless_directory);
    tcase_add_test(tc, knows_parents);
    tcase_add_loop_test(tc, refuses_a_directory_within_itself, 0,
                        COUNT_OF(loops));
    tcase_add_test(tc, does_without_dotdot);
    suite_add_tcase(s, tc);
    return s;
}
