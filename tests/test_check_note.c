/*
 * test_check_note.c - findings: order, bounds, words, paths
 */
#include "test_check_rig.h"

static void tell(struct check *check, unsigned code, enum shale_object object,
                 uint64_t number, uint64_t at)
{
    check_tell(check, &rig_codes[code], at,
               &(struct check_note){ .object = object, .number = number });
}

/* ------------------------------------------------------------------ order */

static int run_some(struct check *check)
{
    tell(check, RIG_ODD, SHALE_OBJECT_INODE, 12, 500);
    tell(check, RIG_ODD, SHALE_OBJECT_INODE, 12, 400);
    tell(check, RIG_BAD, SHALE_OBJECT_INODE, 12, SHALE_NOWHERE);
    tell(check, RIG_BAD, SHALE_OBJECT_INODE, 3, 0);
    tell(check, RIG_BAD, SHALE_OBJECT_GROUP, 9, 0);
    tell(check, RIG_ODD, SHALE_OBJECT_VOLUME, 0, 1);
    ck_assert_uint_eq(check_told(check, &rig_codes[RIG_BAD]), 3);
    ck_assert_uint_eq(check_told(check, &rig_codes[RIG_ODD]), 3);
    ck_assert_uint_eq(check_told(check, &rig_codes[RIG_NAMED]), 0);
    ck_assert_uint_eq(check_told(check, &check_codes[CHECK_READ]), 0);
    return 0;
}

START_TEST(told_by_object_code_and_place)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_some), 0);
    ck_assert_str_eq(rig.told,
                     "rig.odd volume 0 1 - the volume is odd\n"
                     "rig.bad group 9 0 - group 9 is bad\n"
                     "rig.bad inode 3 0 - inode 3 is bad\n"
                     "rig.bad inode 12 -1 - inode 12 is bad\n"
                     "rig.odd inode 12 400 - inode 12 is odd\n"
                     "rig.odd inode 12 500 - inode 12 is odd\n");
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 3);
    ck_assert_uint_eq(rig.result.findings[SHALE_INCONSISTENCY], 0);
    ck_assert_uint_eq(rig.result.findings[SHALE_ADVICE], 3);
    ck_assert_uint_eq(rig.result.untold, 0);
    ck_assert(rig.result.complete);
    ck_assert_uint_eq(rig.done, 1);
    rig_close();
}
END_TEST

/* As the table of codes has them, by which "counts" comes last. */
static int run_causes(struct check *check)
{
    tell(check, RIG_COUNTS, SHALE_OBJECT_BLOCK, 7, 0);
    tell(check, RIG_ODD, SHALE_OBJECT_BLOCK, 7, 0);
    check_tell(check, &check_codes[CHECK_READ], 0,
               &(struct check_note){ .object = SHALE_OBJECT_BLOCK,
                                     .number = 7 });
    tell(check, RIG_BAD, SHALE_OBJECT_BLOCK, 7, 9);
    return 0;
}

START_TEST(causes_come_first)
{
    const char *read, *bad, *odd, *counts;

    rig_open(1);
    ck_assert_int_eq(rig_check(run_causes), 0);
    read = strstr(rig.told, "read.failed ");
    bad = strstr(rig.told, "rig.bad ");
    odd = strstr(rig.told, "rig.odd ");
    counts = strstr(rig.told, "rig.counts ");
    ck_assert_ptr_eq(read, rig.told);
    ck_assert(bad && odd && counts);
    ck_assert(read < bad && bad < odd && odd < counts);
    rig_close();
}
END_TEST

/* -------------------------------------------------------------- the bound */

static int tell_one(struct check *check, uint64_t index, void *context)
{
    char name[8];

    (void)context;
    snprintf(name, sizeof name, "n%u", (unsigned)(index % 7));
    check_tell(check, &rig_codes[index % 3 ? RIG_NAMED : RIG_BAD],
               index * 7919 % 1000,
               &(struct check_note){ .object = SHALE_OBJECT_INODE,
                                     .number = index * 31 % 101,
                                     .name = name, .len = strlen(name) });
    if (index % 100 == 0)
        tell(check, RIG_ODD, SHALE_OBJECT_VOLUME, 0, index);
    return 0;
}

static int run_many(struct check *check)
{
    return check_each(check, 5000, tell_one, NULL);
}

/* What the first BOUND of all findings are, by severity; as they are told. */
START_TEST(the_worst_stay_whoever_was_first)
{
    static char alone[RIG_TEXT];

    rig_open(1);
    rig.config.findings_max = 700;
    ck_assert_int_eq(rig_check(run_many), 0);
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 1667);
    ck_assert_uint_eq(rig.result.findings[SHALE_INCONSISTENCY], 3333);
    ck_assert_uint_eq(rig.result.findings[SHALE_ADVICE], 50);
    ck_assert_uint_eq(rig.result.untold, 5050 - 700);
    ck_assert_ptr_null(strstr(rig.told, "rig.odd"));
    ck_assert_ptr_null(strstr(rig.told, "rig.named"));
    ck_assert_ptr_nonnull(strstr(rig.told, "rig.bad inode 0 "));
    ck_assert_ptr_null(strstr(rig.told, "rig.bad inode 100 "));
    memcpy(alone, rig.told, sizeof alone);
    rig_close();

    for (unsigned i = 0; i < 5; i++) {
        rig_open(7);
        rig.config.findings_max = 700;
        ck_assert_int_eq(rig_check(run_many), 0);
        ck_assert_uint_eq(rig.result.untold, 5050 - 700);
        ck_assert_str_eq(rig.told, alone);
        rig_close();
    }
}
END_TEST

START_TEST(all_stay_if_there_is_room)
{
    size_t lines = 0;

    rig_open(5);
    rig.config.findings_max = _i ? 0 : 700;
    ck_assert_int_eq(rig_check(run_some), 0);
    for (const char *s = rig.told; *s; s++)
        lines += *s == '\n';
    ck_assert_uint_eq(lines, 6);
    rig_close();
}
END_TEST

static int take_three(void *context, const struct shale_finding *finding)
{
    unsigned *left = context;

    (void)finding;
    return --*left == 0 ? -77 : 0;
}

START_TEST(the_sink_may_end_it)
{
    unsigned left = 3;

    rig_open(1);
    rig.config.finding = take_three;
    rig.config.context = &left;
    ck_assert_int_eq(rig_check(run_many), -77);
    ck_assert_uint_eq(left, 0);
    ck_assert(!rig.result.complete);
    rig_close();
}
END_TEST

/* ------------------------------------------------------- counts, memory */

/* Append to rig.told how many there are of CODE. */
static void take_count(void *context, const struct shale_check_code *code,
                       uint64_t count)
{
    size_t len = strlen(rig.told);

    (void)context;
    snprintf(rig.told + len, sizeof rig.told - len, "%s: %llu\n", code->name,
             (unsigned long long)count);
}

/* Of all there are, however few are kept, and whoever finds them. */
START_TEST(all_are_counted_by_code)
{
    static const char counts[] = "rig.bad: 1667\nrig.odd: 50\n"
                                 "rig.named: 3333\n";
    static const uint32_t bounds[] = { 1, 700, 0 };

    for (unsigned workers = 1; workers < 8; workers += 3)
        for (size_t i = 0; i < 3; i++) {
            rig_open(workers);
            rig.config.counted = take_count;
            rig.config.findings_max = bounds[i];
            ck_assert_int_eq(rig_check(run_many), 0);
            ck_assert_int_eq(strncmp(rig.told, counts, strlen(counts)), 0);
            rig.config.finding = NULL;
            ck_assert_int_eq(rig_check(run_many), 0);
            ck_assert_str_eq(rig.told, counts);
            ck_assert_uint_eq(rig.result.untold, 0);
            ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 1667);
            rig_close();
        }
}
END_TEST

/* The shared codes come last, also of a check that fails. */
static int run_failing(struct check *check)
{
    bool good = true;

    tell(check, RIG_COUNTS, SHALE_OBJECT_VOLUME, 0, 0);
    shale_fault_at(&rig.fault, 0, UINT64_MAX, SHALE_EIO);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(check_get(check, 0, (uint8_t[512]){ 0 }, 512,
                                   SHALE_OBJECT_BLOCK, 7, &good), 0);
    ck_assert(!good);
    return SHALE_EIO;
}

START_TEST(codes_of_all_formats_are_counted)
{
    rig_open(1);
    rig.config.counted = take_count;
    rig.config.finding = NULL;
    ck_assert_int_eq(rig_check(run_failing), SHALE_EIO);
    ck_assert_str_eq(rig.told, "rig.counts: 1\nread.failed: 2\n");
    rig_close();
}
END_TEST

/* Each a path of two bytes. */
static int find_all(struct check *check, struct check_path *paths,
                    size_t count)
{
    int err = 0;

    for (size_t i = 0; !err && i < count; i++)
        err = check_path_set(check, &paths[i], "/p", 2);
    return err;
}

/* One that is like no other, with a name of two bytes. */
static int tell_other(struct check *check, uint64_t index, void *context)
{
    (void)context;
    check_tell(check, &rig_codes[RIG_NAMED], index,
               &(struct check_note){ .object = SHALE_OBJECT_INODE,
                                     .number = index, .name = "ab",
                                     .len = 2 });
    return 0;
}

static int run_others(struct check *check)
{
    return check_each(check, 9000, tell_other, NULL);
}

static int ignore(void *context, const struct shale_finding *finding)
{
    (void)context;
    (void)finding;
    return 0;
}

/* The heap's peak when BOUND are kept; 0: none. */
static size_t heap_peak(uint32_t bound)
{
    struct shale_mem_stats stats;

    rig_open(1);
    rig.paths = find_all;
    rig.config.findings_max = bound;
    rig.config.finding = bound ? ignore : NULL;
    ck_assert_int_eq(rig_check(run_others), 0);
    ck_assert_uint_eq(rig.result.untold, bound ? 9000 - bound : 0);
    shale_mem_stats(rig.mem, &stats);
    rig_close();
    return stats.peak;
}

/* CHECK_MEMORY_FINDINGS, which says what one takes; names and paths besides. */
START_TEST(memory_is_as_the_formula_has_it)
{
    static const uint32_t bounds[] = { 1, 64, 65, 700, 4096, 4097, 9000 };
    size_t none = heap_peak(0);

    ck_assert_ptr_nonnull(strstr(CHECK_MEMORY_FINDINGS, " 128 bytes "));
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        size_t room = bounds[i] < 64 ? 64 : bounds[i], peak;

        peak = heap_peak(bounds[i]);
        ck_assert_msg(peak <= none + room * (128 + 2 + 2), "%u: %zu, %zu",
                      (unsigned)bounds[i], none, peak);
        ck_assert_uint_gt(peak, none + bounds[i] * (size_t)80);
    }
}
END_TEST

START_TEST(nobody_need_listen)
{
    rig_open(1);
    rig.config.finding = NULL;
    ck_assert_int_eq(rig_check(run_some), 0);
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 3);
    rig_close();
}
END_TEST

/* ------------------------------------------------------------------ words */

static const struct {
    const char *what, *name;
    size_t len;
    const char *shown;
} names[] = {
    { "plain", "hello world.txt", 15, "hello world.txt" },
    { "a part of it", "hello", 2, "he" },
    { "UTF-8", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9a", 15,
      "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x9a" },
    { "backslash", "a\\b", 3, "a\\\\b" },
    { "quotes are text", "\"'", 2, "\"'" },
    { "controls", "a\nb\x1b[2J\x7f", 8, "a\\x0ab\\x1b[2J\\x7f" },
    { "a zero", "a\0b", 3, "a\\x00b" },
    { "C1 controls", "\xc2\x9b" "31m", 5, "\\xc2\\x9b31m" },
    { "Latin-1", "gr\xfc\xdf", 4, "gr\\xfc\\xdf" },
    { "cut off", "\xe2\x82", 2, "\\xe2\\x82" },
    { "a tail alone", "\x82\xac", 2, "\\x82\\xac" },
    { "too long a form", "\xc0\xaf\xe0\x80\xaf", 5,
      "\\xc0\\xaf\\xe0\\x80\\xaf" },
    { "surrogate", "\xed\xa0\x80", 3, "\\xed\\xa0\\x80" },
    { "past Unicode", "\xf4\x90\x80\x80\xff", 5,
      "\\xf4\\x90\\x80\\x80\\xff" },
    { "right to left", "a\xe2\x80\xae" "b", 5, "a\\xe2\\x80\\xaeb" },
    { "line separator", "\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8" },
    { "isolates", "\xe2\x81\xa6", 3, "\\xe2\\x81\\xa6" },
    { "a joiner is spelling", "\xe2\x80\x8d", 3, "\xe2\x80\x8d" },
    { "nothing", "", 0, "" },
};

static size_t which;

static int run_named(struct check *check)
{
    check_tell(check, &rig_codes[RIG_NAMED], 5,
               &(struct check_note){ .object = SHALE_OBJECT_RECORD,
                                     .number = 30, .name = names[which].name,
                                     .len = names[which].len });
    return 0;
}

START_TEST(names_are_safe_to_print)
{
    char line[200];

    which = (size_t)_i;
    rig_open(1);
    ck_assert_int_eq(rig_check(run_named), 0);
    snprintf(line, sizeof line, "rig.named MFT record 30 5 - MFT record 30 is "
             "called '%s'\n", names[which].shown);
    ck_assert_msg(strcmp(rig.told, line) == 0, "%s: %s", names[which].what,
                  rig.told);
    rig_close();
}
END_TEST

/* Longer than any format has, and each byte takes four. */
static int run_long(struct check *check)
{
    char name[3000];

    memset(name, 0xff, sizeof name);
    check_tell(check, &rig_codes[RIG_NAMED], 5,
               &(struct check_note){ .name = name, .len = sizeof name });
    return 0;
}

START_TEST(a_long_name_is_cut)
{
    size_t len;

    rig_open(1);
    ck_assert_int_eq(rig_check(run_long), 0);
    len = strlen(rig.told);
    ck_assert_uint_gt(len, 1020 * 4);
    ck_assert_uint_lt(len, 1020 * 4 + 80);
    rig_close();
}
END_TEST

static int run_numbers(struct check *check)
{
    check_tell(check, &rig_codes[RIG_NUMBERS], 0,
               &(struct check_note){
                   .object = SHALE_OBJECT_FILE, .number = UINT64_MAX,
                   .other = 0, .compared = true, .expected = 31,
                   .found = 0xdeadbeef });
    check_tell(check, &rig_codes[RIG_BAD], 0,
               &(struct check_note){ .object = SHALE_OBJECT_FILE });
    check_tell(check, &rig_codes[RIG_BAD], 0,
               &(struct check_note){ .object = SHALE_OBJECT_FILE,
                                     .number = 64 });
    return 0;
}

START_TEST(sentences_are_filled_in)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_numbers), 0);
    ck_assert_str_eq(rig.told,
        "rig.bad file 0 0 - the root directory is bad\n"
        "rig.bad file 64 0 - the file whose entry is at byte 64 is bad\n"
        "rig.numbers file 18446744073709551615 0 - 18446744073709551615 0 31 "
        "3735928559 0xffffffffffffffff 0x0 0x1f 0xdeadbeef {x} {n:y} {\n");
    rig_close();
}
END_TEST

static int run_counts(struct check *check)
{
    for (uint64_t n = 0; n < 3; n++)
        check_tell(check, &rig_codes[RIG_COUNTS], n,
                   &(struct check_note){ .other = n, .name = "free inodes",
                                         .len = 11 });
    for (uint64_t n = 1; n < 3; n++)
        for (uint64_t first = 1; first < 6; first += 4)
            check_tell(check, &rig_codes[RIG_RUNS], n,
                       &(struct check_note){ .other = n, .found = first });
    return 0;
}

START_TEST(one_is_not_several)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_counts), 0);
    ck_assert_str_eq(rig.told,
        "rig.counts volume 0 0 - 0 free blocks are free inodes, 0 of 0 "
        "entries, 0 free inodes are; there are 0 more files; 2^0 clusters, "
        "0x0 bytes, block 0 of bytes, 0 \n"
        "rig.counts volume 0 1 - 1 free block is free inodes, 1 of 1 "
        "entry, 1 free inode is; there is 1 more file; 2^1 clusters, "
        "0x1 bytes, block 1 of bytes, 1 \n"
        "rig.counts volume 0 2 - 2 free blocks are free inodes, 2 of 2 "
        "entries, 2 free inodes are; there are 2 more files; 2^2 clusters, "
        "0x2 bytes, block 2 of bytes, 2 \n"
        "rig.runs volume 0 1 - 1 cluster from 1 on is free, 1 MFT record from "
        "1 on is not\n"
        "rig.runs volume 0 1 - 1 cluster from 5 on is free, 1 MFT record from "
        "5 on is not\n"
        "rig.runs volume 0 2 - 2 clusters from 1 on are free, 2 MFT records "
        "from 1 on are not\n"
        "rig.runs volume 0 2 - 2 clusters from 5 on are free, 2 MFT records "
        "from 5 on are not\n");
    rig_close();
}
END_TEST

/* ------------------------------------------------------------------ paths */

static char asked[400];

/* Inode 3 has a path, with what is not to be printed; 12 is not known. */
static int find_paths(struct check *check, struct check_path *paths,
                      size_t count)
{
    int err = 0;

    asked[0] = '\0';
    for (size_t i = 0; !err && i < count; i++) {
        size_t len = strlen(asked);

        snprintf(asked + len, sizeof asked - len, "%s %u;",
                 shale_object_name(paths[i].object),
                 (unsigned)paths[i].number);
        if (paths[i].number == 3)
            err = check_path_set(check, &paths[i], "/a/b\x01", 5);
        if (!err && paths[i].number == 3)       /* a better one */
            err = check_path_set(check, &paths[i], "/a/c\x01", 5);
    }
    return err;
}

START_TEST(paths_are_found_once)
{
    rig_open(1);
    rig.paths = find_paths;
    ck_assert_int_eq(rig_check(run_some), 0);
    ck_assert_str_eq(asked, "inode 3;inode 12;");
    ck_assert_str_eq(rig.told,
                     "rig.odd volume 0 1 - the volume is odd\n"
                     "rig.bad group 9 0 - group 9 is bad\n"
                     "rig.bad inode 3 0 /a/c\\x01 inode 3 is bad\n"
                     "rig.bad inode 12 -1 - inode 12 is bad\n"
                     "rig.odd inode 12 400 - inode 12 is odd\n"
                     "rig.odd inode 12 500 - inode 12 is odd\n");
    rig_close();
}
END_TEST

static bool want_some(void *context, size_t index, enum shale_object *object,
                      uint64_t *number)
{
    static const uint64_t numbers[] = { 50, 3, 50, 40 };

    (void)context;
    if (index == sizeof numbers / sizeof numbers[0])
        return false;
    *object = SHALE_OBJECT_INODE;
    *number = numbers[index];
    return true;
}

static void take_path(void *context, enum shale_object object, uint64_t number,
                      const char *path)
{
    size_t len = strlen(rig.told);

    (void)context;
    snprintf(rig.told + len, sizeof rig.told - len, "%s %u %s\n",
             shale_object_name(object), (unsigned)number, path ? path : "-");
}

static int run_little(struct check *check)
{
    tell(check, RIG_ODD, SHALE_OBJECT_INODE, 12, 0);
    tell(check, RIG_ODD, SHALE_OBJECT_BLOCK, 3, 0);
    return 0;
}

START_TEST(paths_may_be_wanted)
{
    rig_open(1);
    rig.paths = find_paths;
    rig.config.wanted = want_some;
    rig.config.path = take_path;
    ck_assert_int_eq(rig_check(run_little), 0);
    ck_assert_str_eq(asked, "inode 3;inode 12;inode 40;inode 50;");
    ck_assert_str_eq(rig.told, "inode 3 /a/c\\x01\ninode 40 -\ninode 50 -\n"
                     "rig.odd block 3 0 - block 3 is odd\n"
                     "rig.odd inode 12 0 - inode 12 is odd\n");
    rig_close();
}
END_TEST

/* A path that is longer than what is kept: its end is. */
static int find_deep(struct check *check, struct check_path *paths,
                     size_t count)
{
    static char deep[10000];

    for (size_t i = 0; i < sizeof deep; i++)
        deep[i] = i % 10 ? 'd' : '/';
    deep[sizeof deep - 1] = 'e';
    return count ? check_path_set(check, &paths[0], deep, sizeof deep) : 0;
}

START_TEST(of_a_long_path_the_end_is_kept)
{
    rig_open(1);
    rig.paths = find_deep;
    ck_assert_int_eq(rig_check(run_little), 0);
    ck_assert_uint_gt(strlen(rig.told), 4096);
    ck_assert_uint_lt(strlen(rig.told), 4096 + 200);
    ck_assert_ptr_nonnull(strstr(rig.told, "/dddddddde inode 12"));
    rig_close();
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    rig_open(_i ? 3 : 1);
    rig.paths = find_paths;
    rig.config.wanted = want_some;
    rig.config.findings_max = 100;
    rig_fail_allocations(run_many);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/note");
    TCase *tc = tcase_create("note");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, told_by_object_code_and_place);
    tcase_add_test(tc, causes_come_first);
    tcase_add_test(tc, the_worst_stay_whoever_was_first);
    tcase_add_loop_test(tc, all_stay_if_there_is_room, 0, 2);
    tcase_add_test(tc, the_sink_may_end_it);
    tcase_add_test(tc, all_are_counted_by_code);
    tcase_add_test(tc, codes_of_all_formats_are_counted);
    tcase_add_test(tc, memory_is_as_the_formula_has_it);
    tcase_add_test(tc, nobody_need_listen);
    tcase_add_loop_test(tc, names_are_safe_to_print, 0,
                        sizeof names / sizeof names[0]);
    tcase_add_test(tc, a_long_name_is_cut);
    tcase_add_test(tc, sentences_are_filled_in);
    tcase_add_test(tc, one_is_not_several);
    tcase_add_test(tc, paths_are_found_once);
    tcase_add_test(tc, paths_may_be_wanted);
    tcase_add_test(tc, of_a_long_path_the_end_is_kept);
    tcase_add_loop_test(tc, every_allocation_fails_once, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
