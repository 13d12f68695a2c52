/* test_ext2_dir_write.c - changing a directory's records */
#include "ext2/dir.h"
#include "ext2/write.h"
#include "shale/tx.h"
#include "suite.h"
#include "test_ext2_rig.h"

/* A directory "d" of BLOCK_SIZE volumes, and a transaction under way. */
static struct rig rig;
static struct ext2_vnode *dir;

static void dir_open(const char *arguments)
{
    rig_init(&rig, 8 << 20, arguments);
    rig_mount(&rig);
    dir = (struct ext2_vnode *)rig_create(&rig, "d", 040755);
}

static void dir_close(void)
{
    shale_vnode_put(&dir->base);
    rig_unmount(&rig);
    rig_fini(&rig);
}

static struct shale_tx *tx(void)
{
    return rig.v.fs->tx;
}

static const struct ext2_super *super(void)
{
    return &ext2_volume_of(rig.v.fs)->super;
}

static int insert(const char *name, uint32_t ino)
{
    return ext2_dir_insert(dir, name, strlen(name), ino, SHALE_TYPE_FILE);
}

static int64_t find(const char *name)
{
    struct ext2_place place;
    int err = ext2_dir_find(dir, name, strlen(name), &place);

    if (err)
        return err;
    shale_buf_put(place.buf);
    return place.ino;
}

/* The records of block 0: "ino:rec_len:name ...", '-' where there is none. */
static const char *layout(void)
{
    static char text[2000];
    struct ext2_dirent entry;
    struct shale_buf *buf;
    size_t len = 0;

    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    for (uint32_t at = 0; at < super()->block_size; at += entry.rec_len) {
        ck_assert_ptr_null(ext2_dirent_decode(super(), buf->data, at, &entry));
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "%s%u:%u:%.*s", at ? " " : "", entry.ino,
                                entry.rec_len, entry.ino ? entry.name_len : 1,
                                entry.ino ? (const char *)entry.name : "-");
        ck_assert_uint_lt(len, sizeof text);
    }
    shale_buf_put(buf);
    return text;
}

/* Records of block 0 after the dots, to be there; the last takes the rest. */
struct record {
    uint32_t ino, rec_len;
    const char *name;
};

/* Write RECORDS there. */
static void records_write(const struct record *records, size_t count)
{
    struct shale_buf *buf;
    uint32_t at = 24;

    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    ck_assert_int_eq(shale_tx_change(tx(), buf, SHALE_RANK_NAME), 0);
    ext2_dirent_set_length(buf->data + 12, 12);
    for (size_t i = 0; i < count; i++) {
        const struct ext2_new_name what = {
            records[i].name, strlen(records[i].name), records[i].ino,
            SHALE_TYPE_FILE,
        };
        uint32_t rec_len = records[i].rec_len ? records[i].rec_len
                                              : super()->block_size - at;

        ext2_dirent_encode(super(), buf->data + at, rec_len, &what);
        at += rec_len;
    }
    ck_assert_uint_eq(at, super()->block_size);
    shale_buf_put(buf);
}

/* ------------------------------------------------------- where a name goes */

/* The layouts leave out the dots: they are "D:12:. 2:12:..". */
static const struct {
    const char *what;
    struct record before[4];
    const char *insert, *remove;
    const char *after;          /* without the dots */
} changes[] = {
    { "into the slack of the last record", { { 20, 0, "a" } }, "bcde", NULL,
      "20:12:a 99:988:bcde" },
    { "into the first slack that is enough",
      { { 20, 24, "a" }, { 21, 28, "b" }, { 22, 0, "c" } }, "12345", NULL,
      "20:24:a 21:12:b 99:16:12345 22:948:c" },
    { "into slack that is just enough", { { 20, 24, "a" }, { 22, 0, "c" } },
      "1234", NULL, "20:12:a 99:12:1234 22:976:c" },
    { "into a record that is not in use",
      { { 20, 12, "a" }, { 0, 40, "" }, { 22, 0, "c" } }, "new", NULL,
      "20:12:a 99:40:new 22:948:c" },
    { "not into one that is too short",
      { { 20, 12, "a" }, { 0, 12, "" }, { 22, 0, "c" } }, "newer", NULL,
      "20:12:a 0:12:- 22:12:c 99:964:newer" },
    { "removing adds to the record before",
      { { 20, 12, "a" }, { 21, 40, "b" }, { 22, 0, "c" } }, NULL, "b",
      "20:52:a 22:948:c" },
    { "removing the last", { { 20, 12, "a" }, { 21, 0, "b" } }, NULL, "b",
      "20:1000:a" },
    { "removing after what is not in use",
      { { 20, 12, "a" }, { 0, 12, "" }, { 21, 16, "b" }, { 22, 0, "c" } },
      NULL, "b", "20:12:a 0:28:- 22:960:c" },
    { "room made can be used",
      { { 20, 12, "a" }, { 21, 20, "b" }, { 22, 0, "c" } }, "nine long", "b",
      "20:12:a 99:20:nine long 22:968:c" },
};

START_TEST(records_change)
{
    char expected[400];
    size_t count = 0;

    dir_open("-b 1024 -O ^dir_index");
    while (count < 4 && changes[_i].before[count].name)
        count++;
    shale_tx_begin(tx());
    records_write(changes[_i].before, count);
    if (changes[_i].remove)
        ck_assert_int_eq(ext2_dir_remove(dir, changes[_i].remove,
                                         strlen(changes[_i].remove), false),
                         0);
    if (changes[_i].insert)
        ck_assert_int_eq(insert(changes[_i].insert, 99), 0);
    snprintf(expected, sizeof expected, "%u:12:. 2:12:.. %s",
             (unsigned)dir->base.ino, changes[_i].after);
    ck_assert_msg(strcmp(layout(), expected) == 0, "%s: %s", changes[_i].what,
                  layout());
    if (changes[_i].insert)
        ck_assert_int_eq(find(changes[_i].insert), 99);
    shale_tx_undo(tx());
    snprintf(expected, sizeof expected, "%u:12:. 2:1012:..",
             (unsigned)dir->base.ino);
    ck_assert_str_eq(layout(), expected);
    dir_close();
}
END_TEST

START_TEST(the_first_record_of_a_block_stays_and_is_free)
{
    struct shale_buf *buf;
    uint32_t index;

    dir_open("-b 1024 -O ^dir_index");
    shale_tx_begin(tx());
    ck_assert_int_eq(ext2_dir_append(dir, &buf, &index), 0);
    shale_buf_put(buf);
    shale_tx_undo(tx());

    shale_tx_begin(tx());
    for (char c = 'a'; c <= 'e'; c++) {
        char name[255];

        memset(name, c, sizeof name);
        ck_assert_int_eq(ext2_dir_insert(dir, name, sizeof name, 99,
                                         SHALE_TYPE_FILE), 0);
    }
    ck_assert_uint_eq(dir->base.size, 2048);
    ck_assert_int_eq(ext2_dir_get(dir, 1, &buf), 0);
    ck_assert_uint_eq(buf->data[0], 99);
    ck_assert_uint_eq(buf->data[8], 'd');
    ck_assert_int_eq(ext2_dir_remove(dir, (const char *)buf->data + 8, 255,
                                     false), 0);
    ck_assert_uint_eq(buf->data[0], 0);
    ck_assert_int_eq(buf->data[4] | buf->data[5] << 8, 264);
    ck_assert_int_eq(insert("x", 98), 0);
    shale_buf_put(buf);
    shale_tx_undo(tx());
    ck_assert_uint_eq(dir->base.size, 1024);
    dir_close();
}
END_TEST

static const char *const filetypes[] = {
    "-b 1024", "-b 1024 -O ^filetype",
};

START_TEST(an_entry_is_replaced_in_its_place)
{
    static const struct record record = { 20, 0, "name" };
    struct shale_buf *buf;

    dir_open(filetypes[_i]);
    shale_tx_begin(tx());
    records_write(&record, 1);
    ck_assert_int_eq(ext2_dir_replace(dir, "none", 4, 30, SHALE_TYPE_DIR),
                     SHALE_ENOENT);
    ck_assert_int_eq(ext2_dir_replace(dir, "name", 4, 30, SHALE_TYPE_DIR), 0);
    ck_assert_int_eq(find("name"), 30);
    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    ck_assert_uint_eq(buf->data[24 + 7], _i == 0 ? 2 : 0);
    shale_buf_put(buf);
    ck_assert_int_eq(ext2_dir_is_empty(dir), 0);
    ck_assert_int_eq(ext2_dir_remove(dir, "name", 4, false), 0);
    ck_assert_int_eq(ext2_dir_is_empty(dir), 1);
    ck_assert_int_eq(ext2_dir_remove(dir, "name", 4, false), SHALE_ENOENT);
    ck_assert_int_eq(ext2_dir_set_parent(dir, 77), 0);
    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    ck_assert_uint_eq(buf->data[12], 77);
    shale_buf_put(buf);
    shale_tx_undo(tx());
    dir_close();
}
END_TEST

/* Lengths of a record that break a rule, in the middle of the block. */
static const uint32_t bad_lengths[] = { 0, 4, 8, 13, 2048 };

START_TEST(nothing_is_changed_in_a_damaged_block)
{
    static const struct record records[] = {
        { 20, 12, "a" }, { 21, 12, "b" }, { 22, 0, "c" },
    };
    struct shale_buf *buf;
    uint8_t before[1024];

    dir_open("-b 1024");
    shale_tx_begin(tx());
    records_write(records, 3);
    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    ext2_dirent_set_length(buf->data + 36, bad_lengths[_i]);
    memcpy(before, buf->data, sizeof before);
    ck_assert_int_eq(insert("new", 99), SHALE_ECORRUPT);
    ck_assert_int_eq(ext2_dir_remove(dir, "a", 1, false),
                     SHALE_ECORRUPT);
    ck_assert_int_eq(ext2_dir_remove(dir, "c", 1, false),
                     SHALE_ECORRUPT);
    ck_assert_int_eq(ext2_dir_is_empty(dir), 0);
    ck_assert_int_eq(memcmp(before, buf->data, sizeof before), 0);
    shale_buf_put(buf);
    shale_tx_undo(tx());
    dir_close();
}
END_TEST

/* ------------------------------------------------------ many names, a model */

#define NAMES 400u

struct names {
    char name[NAMES][256];
    bool there[NAMES];
    unsigned seen[NAMES];
};

static struct names names;

/* Name I: of any length, and no other's. */
static void name_make(unsigned i, uint32_t random, unsigned max)
{
    unsigned len = 4 + random % (max - 3);

    snprintf(names.name[i], sizeof names.name[i], "%03u", i);
    memset(names.name[i] + 3, 'a' + (int)(random >> 9) % 26, len - 3);
    names.name[i][len] = '\0';
}

static int note_entry(void *context, const struct shale_dirent *entry)
{
    (void)context;
    if (entry->name[0] != '.') {
        unsigned i = (unsigned)atoi(entry->name);

        ck_assert_uint_lt(i, NAMES);
        ck_assert_uint_eq(entry->len, strlen(names.name[i]));
        ck_assert_int_eq(memcmp(entry->name, names.name[i], entry->len), 0);
        names.seen[i]++;
    }
    return 0;
}

/* Is all there that should be, once, and nothing else? */
static void names_check(struct shale_vnode *where)
{
    struct shale_attr attr;

    memset(names.seen, 0, sizeof names.seen);
    ck_assert_int_eq(shale_iterate(where, 0, 0, note_entry, NULL), 0);
    for (unsigned i = 0; i < NAMES; i++) {
        int err = shale_lookup_attr(where, names.name[i],
                                    strlen(names.name[i]), &attr);

        ck_assert_int_eq(err, names.there[i] ? 0 : SHALE_ENOENT);
        ck_assert_uint_eq(names.seen[i], names.there[i]);
    }
}

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Make name I in WHERE if it is not there, or else remove it. */
static void name_flip(struct shale_vnode *where, unsigned i)
{
    static const struct shale_node node = { .mode = 0100644 };
    size_t len = strlen(names.name[i]);

    if (names.there[i])
        ck_assert_int_eq(shale_unlink(where, names.name[i], len), 0);
    else
        ck_assert_int_eq(shale_create(where, names.name[i], len, &node, NULL),
                         0);
    names.there[i] = !names.there[i];
}

static const struct {
    const char *arguments;
    unsigned max;               /* the longest name */
} volumes[] = {
    { "-b 1024 -N 512 -O ^dir_index", 8 },
    { "-b 1024 -N 512 -O ^dir_index", 255 },
    { "-b 1024 -N 512", 8 },
    { "-b 1024 -N 512", 40 },
    { "-b 1024 -N 512", 255 },
    { "-b 2048 -N 512 -I 128 -O ^filetype", 100 },
    { "-b 4096 -N 512 -O ^dir_index", 255 },
    { "-b 4096 -N 512", 255 },
    { "-b 65536 -N 512 -O ^dir_index", 255 },
    { "-b 65536 -N 512", 255 },
};

START_TEST(names_come_and_go)
{
    struct shale_vnode *where;
    uint32_t state = (uint32_t)_i + 1;

    memset(&names, 0, sizeof names);
    for (unsigned i = 0; i < NAMES; i++)
        name_make(i, next_random(&state), volumes[_i].max);
    rig_init(&rig, 8 << 20, volumes[_i].arguments);
    rig_mount(&rig);
    where = rig_create(&rig, "d", 040755);
    for (unsigned round = 0; round < 12; round++) {
        /* Mostly more, and in the end nothing. */
        for (unsigned n = 0; n < NAMES / 2; n++) {
            unsigned i = next_random(&state) % NAMES;

            if (round < 10 || names.there[i])
                name_flip(where, i);
        }
        names_check(where);
    }
    for (unsigned i = 0; i < NAMES; i++)
        if (names.there[i])
            name_flip(where, i);
    names_check(where);
    shale_vnode_put(where);
    rig_unmount(&rig);

    /* Empty, but as large as it was; and it can be removed. */
    rig_mount(&rig);
    where = rig_open(&rig, "/");
    ck_assert_int_eq(shale_rmdir(where, "d", 1), 0);
    shale_vnode_put(where);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ------------------------------------------- listing what changes meanwhile */

struct listing {
    struct shale_vnode *where;
    unsigned left;              /* entries to be taken before a pause */
    uint64_t next;
};

static int take_some(void *context, const struct shale_dirent *entry)
{
    struct listing *listing = context;

    if (listing->left-- == 0)
        return 1;
    listing->next = entry->next;
    return note_entry(NULL, entry);
}

/*
 * Entries with even numbers stay all the time, odd ones come and go between
 * the calls of a listing. With no index, each of the former is met once; with
 * one, which moves names now and then, at least once.
 */
START_TEST(a_listing_misses_nothing_that_stays)
{
    bool indexed = !strstr(volumes[_i].arguments, "^dir_index");
    struct listing listing = { .left = 0 };
    uint32_t state = (uint32_t)_i + 77;
    int more;

    memset(&names, 0, sizeof names);
    for (unsigned i = 0; i < NAMES; i++)
        name_make(i, next_random(&state), volumes[_i].max);
    rig_init(&rig, 8 << 20, volumes[_i].arguments);
    rig_mount(&rig);
    listing.where = rig_create(&rig, "d", 040755);
    for (unsigned i = 0; i < NAMES; i += 2)
        name_flip(listing.where, i);
    for (unsigned round = 0; round < 4; round++) {
        memset(names.seen, 0, sizeof names.seen);
        listing.next = 0;
        do {
            listing.left = 1 + next_random(&state) % 9;
            more = shale_iterate(listing.where, listing.next, 0, take_some,
                                 &listing);
            ck_assert_int_ge(more, 0);
            for (unsigned n = 0; n < 20; n++)
                name_flip(listing.where, next_random(&state) % NAMES | 1);
        } while (more);
        for (unsigned i = 0; i < NAMES; i += 2) {
            ck_assert_uint_ge(names.seen[i], 1);
            if (!indexed)
                ck_assert_uint_eq(names.seen[i], 1);
        }
    }
    names_check(listing.where);
    shale_vnode_put(listing.where);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* What rm -r does: list some, remove those, go on from there. */
START_TEST(who_removes_what_he_lists_leaves_nothing)
{
    struct listing listing = { .left = 0 };
    uint32_t state = (uint32_t)_i + 5;
    int more;

    memset(&names, 0, sizeof names);
    for (unsigned i = 0; i < NAMES; i++)
        name_make(i, next_random(&state), volumes[_i].max);
    rig_init(&rig, 8 << 20, volumes[_i].arguments);
    rig_mount(&rig);
    listing.where = rig_create(&rig, "d", 040755);
    for (unsigned i = 0; i < NAMES; i++)
        name_flip(listing.where, i);
    do {
        memset(names.seen, 0, sizeof names.seen);
        listing.left = 1 + next_random(&state) % 50;
        more = shale_iterate(listing.where, listing.next, 0, take_some,
                             &listing);
        for (unsigned i = 0; i < NAMES; i++)
            if (names.seen[i])
                name_flip(listing.where, i);
    } while (more);
    names_check(listing.where);
    for (unsigned i = 0; i < NAMES; i++)
        ck_assert(!names.there[i]);
    shale_vnode_put(listing.where);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ------------------------------------------------------------------- undo */

/* What is undone leaves no trace, in memory either: everything is found. */
START_TEST(an_undo_leaves_nothing)
{
    uint32_t state = (uint32_t)_i + 3;

    memset(&names, 0, sizeof names);
    for (unsigned i = 0; i < NAMES; i++)
        name_make(i, next_random(&state), volumes[_i].max);
    rig_init(&rig, 8 << 20, volumes[_i].arguments);
    rig_mount(&rig);
    dir = (struct ext2_vnode *)rig_create(&rig, "d", 040755);
    for (unsigned i = 0; i < NAMES; i++)
        if (i % 3)
            name_flip(&dir->base, i);
    for (unsigned i = 0; i < NAMES; i++) {
        size_t len = strlen(names.name[i]);

        shale_tx_begin(tx());
        if (names.there[i])
            ck_assert_int_eq(ext2_dir_remove(dir, names.name[i], len,
                                             false), 0);
        else
            ck_assert_int_eq(ext2_dir_insert(dir, names.name[i], len, 99,
                                             SHALE_TYPE_FILE), 0);
        shale_tx_undo(tx());
        if (i % 50 == 0)
            names_check(&dir->base);
    }
    names_check(&dir->base);
    shale_vnode_put(&dir->base);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/dir_write");
    TCase *tc = tcase_create("records");

    rig_need_programs();
    LOOP(tc, records_change, changes);
    tcase_add_test(tc, the_first_record_of_a_block_stays_and_is_free);
    LOOP(tc, an_entry_is_replaced_in_its_place, filetypes);
    LOOP(tc, nothing_is_changed_in_a_damaged_block, bad_lengths);
    suite_add_tcase(s, tc);

    tc = tcase_create("names");
    tcase_set_timeout(tc, 60);
    LOOP(tc, names_come_and_go, volumes);
    LOOP(tc, a_listing_misses_nothing_that_stays, volumes);
    LOOP(tc, who_removes_what_he_lists_leaves_nothing, volumes);
    LOOP(tc, an_undo_leaves_nothing, volumes);
    suite_add_tcase(s, tc);
    return s;
}
