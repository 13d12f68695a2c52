/*
 * test_ntfs_index.c - B-trees: nodes and blocks, good and bad, and the way down
 */
#include "suite.h"
#include "test_ntfs_dirs.h"

/* ------------------------------------------------------------ a bad root */

static const struct {
    const char *what;
    unsigned offset, bytes;     /* of the value of $INDEX_ROOT */
    uint32_t value;
    const char *said;           /* NULL: nothing is wrong */
} roots[] = {
    { "nothing", 0, 4, NTFS_FILE_NAME, NULL },
    { "of another attribute", 0, 4, 0, "not one of names" },
    { "another collation", 4, 4, NTFS_COLLATE_ULONG, "not one of names" },
    { "blocks of 0 bytes", 8, 4, 0, "impossible size" },
    { "blocks of 256 bytes", 8, 4, 256, "impossible size" },
    { "blocks of 512 bytes", 8, 4, 512, NULL },
    { "blocks of 3000 bytes", 8, 4, 3000, "impossible size" },
    { "blocks of 64 KiB", 8, 4, 65536, NULL },
    { "blocks of 128 KiB", 8, 4, 131072, "impossible size" },
    { "entries in the head", 16, 4, 8, "entries are not in it" },
    { "entries past the end", 16, 4, 4096, "entries are not in it" },
    { "entries at the far end", 16, 4, UINT32_MAX, "entries are not in it" },
    { "entries at the end", 16, 4, 0x158, "entry cut short" },
    { "more used than allocated", 20, 4, 0x200, "more in use" },
    { "used ends in an entry", 20, 4, 0x98, "past the end of its node" },
    { "used ends between entries", 20, 4, 0xe0, "entry cut short" },
    { "allocated past the value", 24, 4, 0x160, "larger than the place" },
    { "entry of length 0", 32 + 8, 2, 0, "shorter than what is in it" },
    { "entry of length 15", 32 + 8, 2, 15, "shorter than what is in it" },
    { "entry past the node", 32 + 8, 2, 0x2000, "past the end of its node" },
    { "key past the entry", 32 + 10, 2, 0x100, "shorter than what is in it" },
    { "child without room", 32 + 12, 2, NTFS_ENTRY_HAS_CHILD,
      "shorter than what is in it" },
    { "no last entry", 16 + 0x148 + 12, 2, 0, "entry cut short" },
};

/* Three names and the last entry: 16 + 3 * 104 + 16 bytes. */
static void root_of_three(struct dirs_root *root)
{
    root_begin(root);
    node_name(&root->node, dirs_reference(50, 1), "alpha-00", NTFS_POSIX, 0,
              NTFS_NO_CHILD);
    node_name(&root->node, dirs_reference(51, 1), "beta-000", NTFS_POSIX, 0,
              NTFS_NO_CHILD);
    node_name(&root->node, dirs_reference(52, 1), "gamma-00", NTFS_POSIX, 0,
              NTFS_NO_CHILD);
    node_end(&root->node, NTFS_NO_CHILD);
}

START_TEST(roots_are_checked)
{
    struct dirs_root root;
    struct dirs d;
    int err;

    dirs_open(&d, 12, DIRS_BLOCK);
    root_of_three(&root);
    ck_assert_uint_eq(root.node.used, 0x158);
    for (unsigned i = 0; i < roots[_i].bytes; i++)
        root.value[roots[_i].offset + i] = (uint8_t)(roots[_i].value >> 8 * i);
    dirs_record(&d, &root, 0, NULL, 0);
    err = dirs_load(&d);
    if (roots[_i].said) {
        ck_assert_msg(err == SHALE_ECORRUPT, "%s: %d", roots[_i].what, err);
        ck_assert_msg(strstr(d.p.said, roots[_i].said) != NULL, "%s: %s",
                      roots[_i].what, d.p.said);
        ck_assert_uint_eq(d.p.ino, DIRS_INO);
    } else {
        ck_assert_msg(err == 0, "%s: %s", roots[_i].what, d.p.said);
    }
    dirs_close(&d);
}
END_TEST

START_TEST(roots_may_be_missing)
{
    static const uint16_t sii[] = { '$', 'S', 'I', 'I' };
    struct ntfs_record *record;
    struct ntfs_index *index = NULL;
    struct dirs d;

    dirs_open(&d, 12, DIRS_BLOCK);
    dirs_file(&d, DIRS_INO, DIRS_SEQUENCE);
    ck_assert_int_eq(dirs_load(&d), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(d.p.said, "without an index"));

    ck_assert_int_eq(ntfs_record_get(d.vol, DIRS_INO, &record), 0);
    d.p.said[0] = '\0';
    ck_assert_int_eq(ntfs_index_load_named(d.vol, record, sii, 4, &index),
                     SHALE_ENODATA);
    ck_assert_str_eq(d.p.said, "");
    ck_assert_ptr_null(index);
    ntfs_record_put(d.vol, record);
    dirs_close(&d);
}
END_TEST

/* ------------------------------------------------------------ the blocks */

/* Compares with the first unit of names. */
struct by_letter {
    uint8_t letter;
    uint64_t reference;
    unsigned compared;
};

static int by_letter(void *context, const struct ntfs_entry *entry)
{
    struct by_letter *by = context;
    uint8_t letter = entry->key[sizeof(struct ntfs_disk_name)];

    by->compared++;
    if (by->letter == letter)
        by->reference = entry->reference;
    return (int)by->letter - letter;
}

/*
 *                     [ g ]
 *            [ c ]             [ k ]
 *      [ a b ] [ d e f ] [ h i j ] [ l m ]
 */
static void three_levels(struct dirs *d)
{
    static const struct {
        const char *names[3];
        int children[4];
    } nodes[] = {
        { { "a", "b" },      { -1, -1, -1 } },
        { { "d", "e", "f" }, { -1, -1, -1, -1 } },
        { { "h", "i", "j" }, { -1, -1, -1, -1 } },
        { { "l", "m" },      { -1, -1, -1 } },
        { { "c" },           { 0, 1 } },
        { { "k" },           { 2, 3 } },
    };
    static const uint8_t bits[8] = { 0x3f };
    struct dirs_root root;

    for (unsigned i = 0; i < 6; i++) {
        struct dirs_node n = block_begin(d, i);
        unsigned k = 0;

        for (; k < 3 && nodes[i].names[k]; k++)
            node_name(&n, (uint8_t)nodes[i].names[k][0], nodes[i].names[k],
                      NTFS_POSIX, 0, nodes[i].children[k] < 0 ? NTFS_NO_CHILD
                          : block_vcn(d, (uint64_t)nodes[i].children[k]));
        block_end(d, i, &n, nodes[i].children[k] < 0 ? NTFS_NO_CHILD
                      : block_vcn(d, (uint64_t)nodes[i].children[k]));
    }
    root_begin(&root);
    node_name(&root.node, 'g', "g", NTFS_POSIX, 0, block_vcn(d, 4));
    node_end(&root.node, block_vcn(d, 5));
    dirs_record(d, &root, 6, bits, sizeof bits);
}

static const unsigned shifts[] = { 9, 10, 11, 12, 13, 16, 21 };

START_TEST(the_way_down)
{
    struct dirs d;

    dirs_open(&d, shifts[_i], 6 * DIRS_BLOCK);
    three_levels(&d);
    ck_assert_msg(dirs_load(&d) == 0, "%s", d.p.said);
    ck_assert(d.dir.index->branches);
    ck_assert_uint_eq(d.dir.index->block_count, 6);
    for (uint8_t c = 'a' - 1; c <= 'm' + 1; c++) {
        struct by_letter by = { .letter = c };
        struct shale_cache_stats before, after;
        uint64_t gets;
        int found;

        shale_cache_stats(d.p.fs->cache, &before);
        found = ntfs_index_descend(d.vol, d.dir.index, by_letter, &by);
        shale_cache_stats(d.p.fs->cache, &after);
        ck_assert_msg(found == (c >= 'a' && c <= 'm'), "%c: %d %s", c, found,
                      d.p.said);
        if (found == 1)
            ck_assert_uint_eq(by.reference, c);
        /* Two levels of blocks, eight of the cache's each. */
        gets = after.hits + after.misses - before.hits - before.misses;
        ck_assert_uint_le(gets, 16);
    }
    dirs_close(&d);
}
END_TEST

/* Look for LETTER: in vain, because of what D is told to have SAID. */
static void way_is_barred(struct dirs *d, char letter, const char *what,
                          const char *said)
{
    struct by_letter by = { .letter = (uint8_t)letter };
    int found;

    ck_assert_msg(dirs_load(d) == 0, "%s: %s", what, d->p.said);
    found = ntfs_index_descend(d->vol, d->dir.index, by_letter, &by);
    ck_assert_msg(found == SHALE_ECORRUPT, "%s: %d", what, found);
    ck_assert_msg(strstr(d->p.said, said) != NULL, "%s: %s", what, d->p.said);
    ck_assert_uint_eq(d->p.ino, DIRS_INO);
    ck_assert_uint_lt(by.compared, 200);
}

/* What is written to block 4, that "c" is in, after it has been made. */
static const struct {
    const char *what;
    unsigned offset, bytes;
    uint32_t value;
    const char *said;
} blocks[] = {
    { "another mark", 0, 4, 0x58444e49 + 1, "begin with its mark" },
    { "all is zeros", 0, 4, 0, "begin with its mark" },
    { "found bad before", 0, 4, 0x44414142, "found damaged before" },
    { "fixups outside", 4, 2, 510, "fixups outside" },
    { "fixups too few", 6, 2, 8, "fewer fixups" },
    { "another VCN", 16, 4, 5, "says it is another one" },
    { "a VCN far away", 20, 4, 1, "says it is another one" },
    { "entries outside", 24, 4, 4073, "entries are not in it" },
    { "more used than there is", 28, 4, 4073, "more in use" },
    { "more allocated than there is", 32, 4, 4073, "larger than the place" },
    { "torn", 1022, 2, 0x1234, "fixups differ" },
    { "an entry of length 0", 24 + 40 + 8, 2, 0, "shorter than what" },
    { "no last entry", 28, 4, 40 + 96, "entry cut short" },
};

START_TEST(blocks_are_checked)
{
    struct dirs d;
    uint8_t *block;

    dirs_open(&d, 12, 6 * DIRS_BLOCK);
    three_levels(&d);
    block = block_at(&d, 4);
    for (unsigned i = 0; i < blocks[_i].bytes; i++)
        block[blocks[_i].offset + i] = (uint8_t)(blocks[_i].value >> 8 * i);
    way_is_barred(&d, 'd', blocks[_i].what, blocks[_i].said);
    dirs_close(&d);
}
END_TEST

/* What the child of "c" is said to be. */
static const struct {
    const char *what;
    uint64_t vcn;
    unsigned shift;
    const char *said;
} children[] = {
    { "the node itself", 4 * 8, 9, "in a circle" },
    { "its neighbour, of two that lead to each other", 5 * 8, 9, "circle" },
    { "behind the index", 6 * 8, 9, "not in the index" },
    { "far behind", UINT64_MAX / 8 * 8 - 8, 9, "not in the index" },
    { "the last number", UINT64_C(0xfffffffffffffff8), 9, "not in the index" },
    { "within a block", 1, 9, "no whole block" },
    { "within a block, large clusters", 9, 16, "no whole block" },
    { "behind the index, large clusters", 48, 16, "not in the index" },
};

START_TEST(children_are_checked)
{
    struct dirs d;
    struct dirs_node n;

    dirs_open(&d, children[_i].shift, 6 * DIRS_BLOCK);
    three_levels(&d);
    n = block_begin(&d, 4);
    node_name(&n, 'c', "c", NTFS_POSIX, 0, children[_i].vcn);
    block_end(&d, 4, &n, NTFS_NO_CHILD);
    n = block_begin(&d, 5);
    node_name(&n, 'c', "c", NTFS_POSIX, 0, block_vcn(&d, 4));
    block_end(&d, 5, &n, NTFS_NO_CHILD);
    way_is_barred(&d, 'b', children[_i].what, children[_i].said);
    dirs_close(&d);
}
END_TEST

START_TEST(blocks_have_to_be_there)
{
    static const uint8_t bits[8] = { 0x3f };
    struct dirs_record r;
    struct dirs_root root;
    struct dirs d;

    /* None at all, some in the record, too many, in a hole. */
    for (unsigned i = 0; i < 4; i++) {
        static const char *const said[] = {
            "children, and no blocks", "blocks in a record",
            "larger than the device", NULL,
        };

        dirs_open(&d, 12, 6 * DIRS_BLOCK);
        three_levels(&d);
        root_begin(&root);
        node_name(&root.node, 'g', "g", NTFS_POSIX, 0, block_vcn(&d, 4));
        node_end(&root.node, block_vcn(&d, 5));
        r = record_begin(&d, DIRS_INO, DIRS_SEQUENCE, 3);
        record_value(&r, NTFS_INDEX_ROOT, "$I30", root.value,
                     root_size(&root));
        if (i == 1)
            record_value(&r, NTFS_INDEX_ALLOCATION, "$I30", bits, 8);
        if (i == 2)
            record_run(&d, &r, NTFS_INDEX_ALLOCATION, "$I30", 0, 1000,
                       d.vol->boot.size + 1);
        if (i == 3)
            record_run(&d, &r, NTFS_INDEX_ALLOCATION, "$I30", 0, 6,
                       6 * DIRS_BLOCK);
        record_value(&r, NTFS_BITMAP_ATTR, "$I30", bits, sizeof bits);
        record_end(&r);
        if (said[i]) {
            ck_assert_int_eq(dirs_load(&d), SHALE_ECORRUPT);
            ck_assert_msg(strstr(d.p.said, said[i]) != NULL, "%s", d.p.said);
        } else {
            way_is_barred(&d, 'a', "a hole", "with a hole");
        }
        dirs_close(&d);
    }
}
END_TEST

START_TEST(blocks_in_use)
{
    struct dirs d;
    uint8_t bits[80] = { 0 };
    struct dirs_root root;
    uint64_t n = 0;

    dirs_open(&d, 12, 600 * DIRS_BLOCK);
    root_begin(&root);
    node_end(&root.node, 0);
    bits[0] = 0x81;
    bits[64] = 0x10;
    bits[74] = 0x80;            /* the last one, 599 */
    bits[79] = 0xff;            /* there are not so many */
    dirs_record(&d, &root, 600, bits, sizeof bits);
    ck_assert_msg(dirs_load(&d) == 0, "%s", d.p.said);
    ck_assert_int_eq(ntfs_index_used(d.vol, d.dir.index, &n), 1);
    ck_assert_uint_eq(n++, 0);
    ck_assert_int_eq(ntfs_index_used(d.vol, d.dir.index, &n), 1);
    ck_assert_uint_eq(n++, 7);
    ck_assert_int_eq(ntfs_index_used(d.vol, d.dir.index, &n), 1);
    ck_assert_uint_eq(n++, 516);
    ck_assert_int_eq(ntfs_index_used(d.vol, d.dir.index, &n), 1);
    ck_assert_uint_eq(n++, 599);
    ck_assert_int_eq(ntfs_index_used(d.vol, d.dir.index, &n), 0);

    /* A bitmap that ends before its index does. */
    dirs_record(&d, &root, 600, bits, 74);
    ck_assert_int_eq(dirs_load(&d), 0);
    n = 517;
    ck_assert_int_eq(ntfs_index_used(d.vol, d.dir.index, &n), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(d.p.said, "shorter than it"));
    dirs_close(&d);
}
END_TEST

/* ----------------------------------------------------------- other keys */

static int seek_number(const void *sought, const uint8_t *key, size_t len)
{
    uint32_t a = *(const uint32_t *)sought, b;

    ck_assert_uint_eq(len, 4);
    b = le32_get(*(const le32 *)key);
    return a < b ? -1 : a > b;
}

/* As $Secure's $SII: the entry has data behind its key. */
START_TEST(entries_by_a_key_of_theirs)
{
    static const uint16_t name[] = { '$', 'S', 'I', 'I' };
    struct ntfs_index *index = NULL;
    struct ntfs_record *record;
    struct dirs_root root;
    struct dirs_record r;
    struct dirs d;

    dirs_open(&d, 12, DIRS_BLOCK);
    root_begin(&root);
    memset(root.value, 0, 8);
    root.value[4] = NTFS_COLLATE_ULONG;
    for (uint32_t id = 0x100; id < 0x110; id += 2) {
        uint8_t key[24] = { (uint8_t)id, (uint8_t)(id >> 8) };

        key[4] = (uint8_t)(id + 1);
        node_key(&root.node, 0x00140014, key, sizeof key, NTFS_NO_CHILD, 0);
        node_last(&root.node)->key_length = le16_make(4);
    }
    node_end(&root.node, NTFS_NO_CHILD);
    r = record_begin(&d, 60, 1, NTFS_RECORD_IN_USE);
    record_value(&r, NTFS_INDEX_ROOT, "$SII", root.value, root_size(&root));
    record_end(&r);
    ck_assert_int_eq(ntfs_record_get(d.vol, 60, &record), 0);
    ck_assert_msg(ntfs_index_load_named(d.vol, record, name, 4, &index) == 0,
                  "%s", d.p.said);
    ntfs_record_put(d.vol, record);
    for (uint32_t id = 0xff; id <= 0x111; id++) {
        bool there = id >= 0x100 && id < 0x110 && id % 2 == 0;
        uint8_t entry[64];
        int64_t len = ntfs_index_find(d.vol, index, seek_number, &id, entry,
                                      sizeof entry);

        ck_assert_int_eq(len, there ? 40 : 0);
        if (there)
            ck_assert_uint_eq(entry[20], (uint8_t)(id + 1));
        /* What has no room is left off. */
        entry[16] = 0x77;
        ck_assert_int_eq(ntfs_index_find(d.vol, index, seek_number, &id, entry,
                                         16), len);
        ck_assert_uint_eq(entry[16], 0x77);
    }
    ntfs_index_free(d.vol, index);
    dirs_close(&d);
}
END_TEST

/* ---------------------------------------------------------------- memory */

START_TEST(memory_runs_out)
{
    struct dirs d;
    int err = SHALE_ENOMEM;

    dirs_open(&d, 12, 6 * DIRS_BLOCK);
    three_levels(&d);
    for (uint64_t n = 0; err; n++) {
        struct by_letter by = { .letter = 'a' };

        shale_mem_fail_at(d.p.mem, n);
        err = dirs_load(&d);
        if (!err) {
            err = ntfs_index_descend(d.vol, d.dir.index, by_letter, &by);
            ck_assert(err == 1 || err == SHALE_ENOMEM);
            err = err == 1 ? 0 : err;
        }
        if (err)
            ck_assert_int_eq(err, SHALE_ENOMEM);
        if (!shale_mem_failed(d.p.mem))
            ck_assert_int_eq(err, 0);
    }
    shale_mem_fail_at(d.p.mem, UINT64_MAX);
    dirs_close(&d);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/index");
    TCase *tc = tcase_create("index");

    tcase_add_loop_test(tc, roots_are_checked, 0,
                        sizeof roots / sizeof roots[0]);
    tcase_add_test(tc, roots_may_be_missing);
    tcase_add_loop_test(tc, the_way_down, 0, sizeof shifts / sizeof shifts[0]);
    tcase_add_loop_test(tc, blocks_are_checked, 0,
                        sizeof blocks / sizeof blocks[0]);
    tcase_add_loop_test(tc, children_are_checked, 0,
                        sizeof children / sizeof children[0]);
    tcase_add_test(tc, blocks_have_to_be_there);
    tcase_add_test(tc, blocks_in_use);
    tcase_add_test(tc, entries_by_a_key_of_theirs);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(s, tc);
    return s;
}
