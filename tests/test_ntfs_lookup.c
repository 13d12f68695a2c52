/*
 * test_ntfs_lookup.c - finding names: case, short names, references, parents
 */
#include "suite.h"
#include "test_ntfs_dirs.h"

/* What DIR's NAME leads to; or, negative, why to nothing. */
static int64_t find(struct dirs *d, const char *name)
{
    uint64_t ino = 0;
    int err = ntfs_lookup(&d->dir.base, name, strlen(name), &ino);

    return err ? err : (int64_t)ino;
}

/* A directory of COUNT names, in this order, of files 50, 51 ... */
static void names_make(struct dirs *d, const char *const *names, unsigned count)
{
    struct dirs_root root;

    dirs_open(d, 12, DIRS_BLOCK);
    root_begin(&root);
    for (unsigned i = 0; i < count; i++) {
        node_name(&root.node, dirs_reference(50 + i, 3), names[i], NTFS_POSIX,
                  0, NTFS_NO_CHILD);
        dirs_file(d, 50 + i, 3);
    }
    node_end(&root.node, NTFS_NO_CHILD);
    dirs_record(d, &root, 0, NULL, 0);
    ck_assert_msg(dirs_load(d) == 0, "%s", d->p.said);
    /* That of Windows, for the test has none on its volume. */
    ck_assert_int_eq(ntfs_upcase_load(d->vol), 0);
}

/* ------------------------------------------------------------------ case */

static const struct {
    const char *what;
    const char *names[4];
    const char *sought;
    int64_t fold, exact;        /* found without case, and with it */
} cases[] = {
    { "the only one", { "one" }, "one", 50, 50 },
    { "another case", { "one" }, "ONE", 50, SHALE_ENOENT },
    { "upper case on the volume", { "ONE" }, "one", 50, SHALE_ENOENT },
    { "the beginning of a name", { "one" }, "on", SHALE_ENOENT,
      SHALE_ENOENT },
    { "more than a name", { "one" }, "ones", SHALE_ENOENT, SHALE_ENOENT },
    { "none at all", { NULL }, "one", SHALE_ENOENT, SHALE_ENOENT },
    { "the last", { "a", "b", "c" }, "c", 52, 52 },
    { "before the first", { "b", "c" }, "a", SHALE_ENOENT, SHALE_ENOENT },
    { "behind the last", { "b", "c" }, "d", SHALE_ENOENT, SHALE_ENOENT },
    { "exact, the first of two", { "Aa", "aa" }, "Aa", 50, 50 },
    { "exact, the last of two", { "Aa", "aa" }, "aa", 51, 51 },
    { "neither of two", { "Aa", "aa" }, "aA", 50, SHALE_ENOENT },
    { "exact, the first, ordered otherwise", { "aa", "Aa" }, "aa", 50, 50 },
    { "exact, the last, ordered otherwise", { "aa", "Aa" }, "Aa", 51, 51 },
    { "exact, of three", { "AA", "aA", "aa" }, "aA", 51, 51 },
    { "exact, of three, ordered otherwise", { "aa", "aA", "AA" }, "aA", 51,
      51 },
    { "underscore is above letters", { "Z", "_", "{" }, "_", 51, 51 },
    { "brackets are not letters", { "[", "{" }, "{", 51, 51 },
    { "a letter above ASCII", { "\xe4" }, "\xc3\xa4", 50, 50 },
    { "... in another case", { "\xe4" }, "\xc3\x84", 50, SHALE_ENOENT },
    { "... upper case on the volume", { "\xc4" }, "\xc3\xa4", 50,
      SHALE_ENOENT },
    { "sharp s has no upper case", { "\xdf" }, "SS", SHALE_ENOENT,
      SHALE_ENOENT },
    { "y with diaeresis, far away", { "\xff" }, "\xc5\xb8", 50,
      SHALE_ENOENT },
    { "a division sign is no letter", { "\xf7" }, "\xc3\x97", SHALE_ENOENT,
      SHALE_ENOENT },
    { "not UTF-8", { "\xff" }, "\xff", SHALE_ENOENT, SHALE_ENOENT },
};

static unsigned count_names(const char *const *names)
{
    unsigned n = 0;

    while (n < 4 && names[n])
        n++;
    return n;
}

START_TEST(names_and_their_case)
{
    struct dirs d;

    names_make(&d, cases[_i].names, count_names(cases[_i].names));
    ck_assert_msg(find(&d, cases[_i].sought) == cases[_i].fold, "%s: %lld %s",
                  cases[_i].what, (long long)find(&d, cases[_i].sought),
                  d.p.said);
    d.vol->options.case_sensitive = true;
    ck_assert_msg(find(&d, cases[_i].sought) == cases[_i].exact, "%s",
                  cases[_i].what);
    d.vol->options.case_sensitive = false;
    d.dir.info.case_sensitive = true;
    ck_assert_msg(find(&d, cases[_i].sought) == cases[_i].exact, "%s",
                  cases[_i].what);
    dirs_close(&d);
}
END_TEST

/* All of these are in a tree of many nodes, wherever its table puts them. */
START_TEST(exact_names_across_nodes)
{
    static const uint8_t bits[8] = { 0x07 };
    static const char *const all[] = { "AA", "Aa", "aA", "aa" };

    for (unsigned backwards = 0; backwards < 2; backwards++) {
        struct dirs_root root;
        struct dirs d;

        dirs_open(&d, 12, 3 * DIRS_BLOCK);
        ck_assert_int_eq(ntfs_upcase_load(d.vol), 0);
        for (unsigned i = 0; i < 4; i++) {
            unsigned name = backwards ? 3 - i : i;
            struct dirs_node n;

            dirs_file(&d, 50 + name, 3);
            if (i == 1)
                continue;
            n = block_begin(&d, i ? i - 1 : 0);
            node_name(&n, dirs_reference(50 + name, 3), all[name], NTFS_POSIX,
                      0, NTFS_NO_CHILD);
            block_end(&d, i ? i - 1 : 0, &n, NTFS_NO_CHILD);
        }
        root_begin(&root);
        node_name(&root.node, dirs_reference(50 + (backwards ? 2 : 1), 3),
                  all[backwards ? 2 : 1], NTFS_POSIX, 0, block_vcn(&d, 0));
        node_name(&root.node, dirs_reference(50 + (backwards ? 1 : 2), 3),
                  all[backwards ? 1 : 2], NTFS_POSIX, 0, block_vcn(&d, 1));
        node_end(&root.node, block_vcn(&d, 2));
        /* Block 1 has what stands before the second of the root's: nothing. */
        {
            struct dirs_node n = block_begin(&d, 1);

            block_end(&d, 1, &n, NTFS_NO_CHILD);
        }
        dirs_record(&d, &root, 3, bits, sizeof bits);
        ck_assert_msg(dirs_load(&d) == 0, "%s", d.p.said);
        ck_assert_int_eq(find(&d, all[backwards ? 3 : 0]),
                         50 + (backwards ? 3 : 0));
        ck_assert_int_eq(find(&d, "Aa"), 51);
        ck_assert_int_eq(find(&d, "aA"), 52);
        ck_assert_int_eq(find(&d, all[backwards ? 0 : 3]),
                         50 + (backwards ? 0 : 3));
        dirs_close(&d);
    }
}
END_TEST

/* ---------------------------------------------------------------- lengths */

START_TEST(long_names)
{
    char name[300], longer[300];
    const char *names[1] = { name };
    struct dirs d;

    memset(name, 'n', 255);
    name[255] = '\0';
    memset(longer, 'N', 256);
    longer[256] = '\0';
    names_make(&d, names, 1);
    ck_assert_int_eq(find(&d, name), 50);
    ck_assert_int_eq(find(&d, longer + 1), 50);
    ck_assert_int_eq(find(&d, longer), SHALE_ENAMETOOLONG);
    ck_assert_int_eq(find(&d, name + 1), SHALE_ENOENT);
    dirs_close(&d);
}
END_TEST

/* What is above the 16 bits of a unit takes two; half of one is a name, too. */
START_TEST(surrogates)
{
    static const uint16_t units[] = { 0xd83d, 0xde00, 0xd83d };
    struct dirs_root root;
    struct dirs d;

    dirs_open(&d, 12, DIRS_BLOCK);
    root_begin(&root);
    for (unsigned i = 0; i < 2; i++) {
        uint8_t key[sizeof(struct ntfs_disk_name) + 4];
        size_t len = name_make(key, 0, i ? "ab" : "a", NTFS_POSIX, 0);

        for (unsigned k = 0; k < 1 + i; k++) {
            key[sizeof(struct ntfs_disk_name) + 2 * k] = (uint8_t)units[k];
            key[sizeof(struct ntfs_disk_name) + 2 * k + 1] =
                (uint8_t)(units[k] >> 8);
        }
        node_key(&root.node, dirs_reference(50 + i, 3), key, len,
                 NTFS_NO_CHILD, 0);
        dirs_file(&d, 50 + i, 3);
    }
    node_end(&root.node, NTFS_NO_CHILD);
    dirs_record(&d, &root, 0, NULL, 0);
    ck_assert_int_eq(dirs_load(&d), 0);
    ck_assert_int_eq(find(&d, "\xed\xa0\xbd"), 50);
    ck_assert_int_eq(find(&d, "\xf0\x9f\x98\x80"), 51);
    dirs_close(&d);
}
END_TEST

/* ------------------------------------------------------------- references */

START_TEST(references)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
    struct dirs_record r;
    struct dirs_root root;
    struct dirs d;

    names_make(&d, names, 6);
    dirs_file(&d, 51, 4);               /* b: used again since */
    r = record_begin(&d, 52, 3, 0);     /* c: not in use */
    record_end(&r);
    memset(pretend_at(&d.p, 1) + 53 * DIRS_RECORD, 0, DIRS_RECORD);  /* d */
    dirs_forget(&d);
    ck_assert_int_eq(find(&d, "a"), 50);
    ck_assert_int_eq(find(&d, "b"), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(d.p.said, "not there any more"));
    ck_assert_int_eq(find(&d, "c"), SHALE_ECORRUPT);
    ck_assert_int_eq(find(&d, "d"), SHALE_ECORRUPT);
    ck_assert_int_eq(find(&d, "e"), 54);

    /* Without a sequence, none is checked; and there is no record 600. */
    root_begin(&root);
    node_name(&root.node, 50, "a", NTFS_POSIX, 0, NTFS_NO_CHILD);
    node_name(&root.node, 600, "b", NTFS_POSIX, 0, NTFS_NO_CHILD);
    node_end(&root.node, NTFS_NO_CHILD);
    dirs_record(&d, &root, 0, NULL, 0);
    ck_assert_int_eq(dirs_load(&d), 0);
    ck_assert_int_eq(find(&d, "a"), 50);
    ck_assert_int_eq(find(&d, "b"), SHALE_ECORRUPT);
    dirs_close(&d);
}
END_TEST

START_TEST(keys_that_are_no_names)
{
    static const struct {
        const char *what;
        size_t cut;             /* bytes left off the key's end */
        unsigned length;        /* of the name, as the key says */
        const char *said;
    } bad[] = {
        { "shorter than its head", 6, 2, "cut short" },
        { "name past the key", 0, 3, "past the end of its entry" },
        { "name far past the key", 0, 255, "past the end of its entry" },
        { "no name", 0, 0, "without a character" },
    };

    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t key[100];
        size_t len = name_make(key, 0, "ab", NTFS_POSIX, 0);
        struct dirs_root root;
        struct dirs d;

        key[64] = (uint8_t)bad[i].length;
        dirs_open(&d, 12, DIRS_BLOCK);
        root_begin(&root);
        node_key(&root.node, 50, key, len - bad[i].cut, NTFS_NO_CHILD, 0);
        node_end(&root.node, NTFS_NO_CHILD);
        dirs_record(&d, &root, 0, NULL, 0);
        ck_assert_int_eq(dirs_load(&d), 0);
        ck_assert_msg(find(&d, "ab") == SHALE_ECORRUPT, "%s", bad[i].what);
        ck_assert_msg(strstr(d.p.said, bad[i].said) != NULL, "%s: %s",
                      bad[i].what, d.p.said);
        dirs_close(&d);
    }
}
END_TEST

/* ---------------------------------------------------------------- parents */

START_TEST(parents)
{
    struct dirs_record r;
    uint64_t ino = 0;
    struct dirs d;

    dirs_open(&d, 12, DIRS_BLOCK);
    d.dir.base.fs = d.p.fs;
    d.dir.base.ino = 70;
    r = record_begin(&d, 70, 1, 3);
    record_name(&r, dirs_reference(71, 9), "SHORT~1", NTFS_DOS, 0);
    record_name(&r, dirs_reference(71, 9), "shorter", NTFS_WIN32, 0);
    record_end(&r);
    dirs_file(&d, 71, 9);
    ck_assert_int_eq(ntfs_parent(&d.dir.base, &ino), 0);
    ck_assert_uint_eq(ino, 71);

    dirs_file(&d, 71, 10);
    ck_assert_int_eq(ntfs_parent(&d.dir.base, &ino), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(d.p.said, "not there any more"));

    /* A deleted one's may be gone. */
    d.p.said[0] = '\0';
    d.dir.base.ino |= NTFS_INO_DELETED;
    ck_assert_int_eq(ntfs_parent(&d.dir.base, &ino), SHALE_ENOENT);
    ck_assert_str_eq(d.p.said, "");
    d.dir.base.ino = 70;

    dirs_file(&d, 70, 1);
    ck_assert_int_eq(ntfs_parent(&d.dir.base, &ino), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(d.p.said, "without a name"));
    dirs_close(&d);
}
END_TEST

/* ---------------------------------------------------------------- streams */

START_TEST(files_and_their_streams)
{
    static const char *const names[] = { "a", "b:c", "d" };
    struct dirs_record r;
    struct dirs d;

    names_make(&d, names, 3);
    r = record_begin(&d, 50, 3, NTFS_RECORD_IN_USE);
    record_value(&r, NTFS_DATA, "", "data", 4);
    record_value(&r, NTFS_DATA, "one", "1", 1);
    record_value(&r, NTFS_DATA, "two", "2", 1);
    record_end(&r);
    ck_assert_int_eq(find(&d, "a:one"), SHALE_ENOENT);
    d.vol->options.streams = NTFS_STREAMS_WINDOWS;
    ck_assert_int_eq(find(&d, "a"), 50);
    ck_assert_int_eq(find(&d, "a:"), 50);
    ck_assert_int_eq(find(&d, "a:one"),
                     50 | INT64_C(1) << NTFS_INO_STREAM_SHIFT);
    ck_assert_int_eq(find(&d, "A:two"),
                     50 | INT64_C(2) << NTFS_INO_STREAM_SHIFT);
    ck_assert_int_eq(find(&d, "a:TWO"), SHALE_ENOENT);
    ck_assert_int_eq(find(&d, "a:three"), SHALE_ENOENT);
    ck_assert_int_eq(find(&d, "x:one"), SHALE_ENOENT);
    ck_assert_int_eq(find(&d, ":one"), SHALE_ENOENT);
    ck_assert_int_eq(find(&d, "b:c"), 51);
    ck_assert_int_eq(find(&d, "b:d"), SHALE_ENOENT);
    dirs_close(&d);
}
END_TEST

START_TEST(memory_runs_out)
{
    static const char *const names[] = { "a", "b" };
    struct dirs d;
    int64_t found = SHALE_ENOMEM;

    names_make(&d, names, 2);
    for (uint64_t n = 0; found == SHALE_ENOMEM; n++) {
        shale_mem_fail_at(d.p.mem, n);
        found = find(&d, "b");
    }
    ck_assert_int_eq(found, 51);
    shale_mem_fail_at(d.p.mem, UINT64_MAX);
    dirs_close(&d);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/lookup");
    TCase *tc = tcase_create("lookup");

    tcase_add_loop_test(tc, names_and_their_case, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, exact_names_across_nodes);
    tcase_add_test(tc, long_names);
    tcase_add_test(tc, surrogates);
    tcase_add_test(tc, references);
    tcase_add_test(tc, keys_that_are_no_names);
    tcase_add_test(tc, parents);
    tcase_add_test(tc, files_and_their_streams);
    tcase_add_test(tc, memory_runs_out);
    suite_add_tcase(s, tc);
    return s;
}
