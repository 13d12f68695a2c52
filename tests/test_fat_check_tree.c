/*
 * test_fat_check_tree.c - what patches of a golden image cannot show: large
 * directories, long paths, many owners of a cluster, several workers
 */
#include "fat32/chain.h"
#include "suite.h"
#include "test_fat_check.h"

#define DIR FAT_ATTR_DIR

static struct checked checked;

static void ask(struct image *image)
{
    checked_image(&checked, image);
}

static void expect(const char *told)
{
    ck_assert_str_eq(checked.told, told);
}

static void reset(void)
{
    memset(&checked, 0, sizeof checked);
}

/* ------------------------------------------------------------ sound ones */

static const unsigned types[] = { 12, 16, 32 };

START_TEST(empty_is_sound)
{
    struct image image;

    reset();
    checked_init(&image, types[_i]);
    ask(&image);
    expect(types[_i] == 32 ? "fat.boot.few_clusters 32 -\n"
                             "fat.info.unknown 1000 -\n" : "");
    ck_assert_uint_eq(checked.result.directories, 1);
    ck_assert_uint_eq(checked.result.files, 0);
    ck_assert_uint_eq(checked.result.units, image.clusters);
    ck_assert_uint_eq(checked.result.units_used, types[_i] == 32);
    ck_assert_uint_eq(checked.result.unit_first, 2);
    ck_assert_uint_eq(checked.result.units_at, image_cluster_at(&image, 2));
    free(image.bytes);
}
END_TEST

/* A long name, the pieces of which are in four clusters. */
START_TEST(name_across_clusters)
{
    char name[241];
    struct image image;
    uint8_t *at;

    reset();
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    checked_init(&image, 12);
    image_entry(image_root(&image), "DIRECTORY  ", DIR, 10, 0);
    at = image_dir(&image, 10, 0);
    image_chain(&image, 10, 3);
    for (unsigned i = 0; i < 12; i++)
        *at = 0xe5, at += 32;
    at = image_long(at, name, "NNNNNN~1   ");
    image_entry(at, "NNNNNN~1   ", 0, 20, 512);
    image_chain(&image, 20, 1);
    ask(&image);
    expect("");

    /* The path of its entry has the name, read back over cluster ends. */
    image_link(&image, 20, 0);
    ask(&image);
    ck_assert(strstr(checked.told, "fat.chain.free"));
    ck_assert_msg(strstr(checked.told, "/DIRECTOR.Y/nnnn"), "%s", checked.told);
    ck_assert(strstr(checked.told, name));
    free(image.bytes);
}
END_TEST

/* Floppies of DOS 1 have no boot sector that says anything. */
START_TEST(floppy_of_dos_1)
{
    uint8_t *bytes = calloc(320, SECTOR);
    static const uint8_t fat[] = { 0xfe, 0xff, 0xff, 0xff, 0x0f };

    ck_assert_ptr_nonnull(bytes);
    reset();
    memcpy(bytes, "\xeb\x2f\x90", 3);
    memcpy(bytes + SECTOR, fat, sizeof fat);
    memcpy(bytes + 2 * SECTOR, fat, sizeof fat);
    image_entry(bytes + 3 * SECTOR, "FILE       ", 0, 2, 512);
    ck_assert_int_eq(checked_run(&checked, bytes, 320 * SECTOR), 0);
    expect("");
    ck_assert_uint_eq(checked.result.files, 1);
    free(bytes);
}
END_TEST

/* ------------------------------------------------------- devices, clocks */

START_TEST(too_short)
{
    uint8_t bytes[SECTOR] = { 0xeb };

    reset();
    ck_assert_int_eq(checked_run(&checked, bytes, 0), 0);
    expect("fat.boot.short 0 -\nfat.boot.lost 0 -\n");
    ck_assert_int_eq(checked_run(&checked, bytes, sizeof bytes), 0);
    expect("fat.boot.bad 11 -\nfat.boot.lost 0 -\n");
}
END_TEST

/* 2020-06-07 10:20:30 is in the future until that day is near. */
START_TEST(future)
{
    struct image image;

    reset();
    checked_init(&image, 12);
    image_entry(image_root(&image), "FILE       ", 0, 0, 0);
    checked.now = 1591525230 - 2 * 86400;
    ask(&image);
    ck_assert(strstr(checked.told, "fat.time.future"));
    checked.now = 1591525230 - 43200;
    ask(&image);
    expect("");
    free(image.bytes);
}
END_TEST

/* ----------------------------------------------------- large directories */

START_TEST(too_large)
{
    struct image image;
    uint8_t *at;

    reset();
    checked_init(&image, 16);
    image_entry(image_root(&image), "LARGE      ", DIR, 10, 0);
    at = image_dir(&image, 10, 0);
    image_chain(&image, 10, 4096);
    for (uint32_t i = 2; i < FAT_DIR_ENTRIES; i++) {
        char name[12];

        snprintf(name, sizeof name, "%08x   ", i);
        for (char *c = name; *c; c++)
            if (*c >= 'a' && *c <= 'f')
                *c = (char)(*c - 'a' + 'A');
        at = image_entry(at, name, 0, 0, 0);
    }
    ask(&image);
    expect("");
    ck_assert_uint_eq(checked.result.files, FAT_DIR_ENTRIES - 2);

    image_chain(&image, 10, 4097);
    ask(&image);
    ck_assert_ptr_eq(strstr(checked.told, "fat.directory.large"),
                     checked.told);
    free(image.bytes);
}
END_TEST

/* Names that all have one hash do not take forever. */
START_TEST(all_alike)
{
    struct image image;
    uint8_t *at;

    reset();
    checked.findings_max = 1;
    checked_init(&image, 16);
    image_entry(image_root(&image), "SAME       ", DIR, 10, 0);
    at = image_dir(&image, 10, 0);
    image_chain(&image, 10, 4096);
    for (uint32_t i = 2; i < FAT_DIR_ENTRIES; i++)
        at = image_entry(at, "THE SAME   ", 0, 0, 0);
    ask(&image);
    ck_assert(strstr(checked.told, "fat.name.twice"));
    ck_assert_uint_eq(checked.result.untold, FAT_DIR_ENTRIES - 4);
    free(image.bytes);
}
END_TEST

/* ------------------------------------------------------- shared clusters */

/* A, B and C come together: A and B in 12, C in 14. D has its own. */
static void share(struct image *image)
{
    uint8_t *at;

    checked_init(image, 12);
    at = image_root(image);
    at = image_entry(at, "A          ", 0, 10, 6 * SECTOR);
    at = image_entry(at, "B          ", 0, 20, 5 * SECTOR);
    at = image_entry(at, "C          ", 0, 30, 3 * SECTOR);
    image_entry(at, "D          ", 0, 40, SECTOR);
    image_chain(image, 10, 6);
    image_link(image, 20, 12);
    image_link(image, 30, 14);
    image_chain(image, 40, 1);
}

START_TEST(three_share)
{
    struct image image;

    reset();
    checked.sentences = true;
    share(&image);
    ask(&image);
    expect("fat.chain.shared 530 /A from cluster 12 on its data is that of /B "
           "as well\n"
           "fat.chain.shared 530 /B from cluster 12 on its data is that of /A "
           "as well\n"
           "fat.chain.shared 533 /C from cluster 14 on its data is that of /A "
           "as well\n");
    free(image.bytes);
}
END_TEST

/* Two that go round in a circle, which one of them comes to in its middle. */
START_TEST(two_in_a_circle)
{
    struct image image;

    reset();
    share(&image);
    image_link(&image, 15, 13);
    image_link(&image, 30, FAT_END);
    image_entry(image_root(&image) + 64, "C          ", 0, 30, SECTOR);
    ask(&image);
    ck_assert(strstr(checked.told, "fat.chain.loop 531 /A\n"));
    ck_assert(strstr(checked.told, "fat.chain.shared 530 /A\n"));
    ck_assert(strstr(checked.told, "fat.chain.shared 530 /B\n"));
    ck_assert(!strstr(checked.told, "/C"));
    free(image.bytes);
}
END_TEST

/* A directory within itself, and one that two entries have. */
START_TEST(directories_share)
{
    struct image image;
    uint8_t *at;

    reset();
    checked_init(&image, 12);
    at = image_entry(image_root(&image), "ONE        ", DIR, 10, 0);
    image_entry(at, "TWO        ", DIR, 20, 0);
    at = image_dir(&image, 10, 0);
    image_entry(at, "ITSELF     ", DIR, 10, 0);
    at = image_dir(&image, 20, 0);
    image_entry(at, "OTHER      ", DIR, 10, 0);
    ask(&image);
    ck_assert(strstr(checked.told, "/ONE\n"));
    ck_assert(strstr(checked.told, "/ONE/ITSELF\n"));
    ck_assert(strstr(checked.told, "/TWO/OTHER\n"));
    ck_assert_uint_eq(checked.result.findings[SHALE_CORRUPTION], 3);
    ck_assert_uint_eq(checked.result.directories, 3);
    free(image.bytes);
}
END_TEST

/* ------------------------------------------------------- several workers */

/* 60 directories, damaged here and there. */
static void many(struct image *image)
{
    uint8_t *at;

    checked_init(image, 16);
    at = image_root(image);
    for (uint32_t i = 0; i < 60; i++) {
        uint8_t *in = image_dir(image, 10 + i, i % 7 ? 0 : 3);
        char name[12];

        snprintf(name, sizeof name, "DIR%02u      ", i);
        at = image_entry(at, name, DIR, 10 + i, 0);
        for (uint32_t k = 0; k < 14; k++) {
            uint32_t first = 100 + i * 20 + k;

            snprintf(name, sizeof name, "%sF%02u       ",
                     i % 11 ? "" : "*", k);
            in = image_entry(in, name, 0, first, k % 5 ? 1 : 600);
            image_link(image, first, k % 6 ? FAT_END : first - i % 4 * 3);
        }
    }
    image_chain(image, 3000, 5);
}

/* Make chains of their clusters that join, and are of many rows. */
static void entangle(struct image *image, uint32_t seed)
{
    uint64_t state = seed;

    for (uint32_t c = 100; c < 1400; c++) {
        uint32_t next;

        state = state * 6364136223846793005u + 1442695040888963407u;
        next = 100 + (uint32_t)(state >> 33) % 1300;
        if (state >> 60 != 0)
            image_link(image, c, seed % 2 || next > c ? next : c + 2);
    }
}

START_TEST(workers_agree)
{
    static struct checked alone;
    struct image image;

    reset();
    checked.sentences = true;
    many(&image);
    if (_i > 0)
        entangle(&image, (uint32_t)_i);
    ask(&image);
    alone = checked;
    ck_assert_uint_gt(strlen(alone.told), 1000);
    for (unsigned workers = 2; workers <= 4; workers++) {
        checked.workers = workers;
        ask(&image);
        ck_assert_str_eq(checked.told, alone.told);
        ck_assert_uint_eq(checked.result.files, alone.result.files);
        ck_assert_uint_eq(checked.result.directories,
                          alone.result.directories);
    }
    free(image.bytes);
}
END_TEST

/* A chain of so many rows that what is wrong with it is kept, and told. */
START_TEST(many_rows)
{
    struct image image;
    uint8_t *at;

    reset();
    checked_init(&image, 16);
    at = image_entry(image_root(&image), "ROWS       ", 0, 100, 5);
    for (uint32_t i = 0; i < 100; i++)
        image_link(&image, 100 + 2 * i, i < 99 ? 102 + 2 * i : FAT_END);
    ask(&image);
    ck_assert(strstr(checked.told, "fat.size.less"));

    /* If it shares clusters, nobody knows how long it should be. */
    image_entry(at, "TOO        ", 0, 298, 5);
    ask(&image);
    ck_assert(!strstr(checked.told, "fat.size"));
    ck_assert(strstr(checked.told, "/ROWS\n"));
    ck_assert(strstr(checked.told, "/TOO\n"));
    free(image.bytes);
}
END_TEST

/* ---------------------------------------------------------------- claims */

/* Each as a line in checked.told, which has no findings then. */
static void claimed(void *context, const struct shale_claim *claim)
{
    size_t len = strlen(checked.told);

    (void)context;
    if (claim->object == SHALE_OBJECT_FILE && claim->number != 0)
        snprintf(checked.told + len, sizeof checked.told - len,
                 "%s %llu+%llu %llu\n", shale_use_name(claim->use),
                 (unsigned long long)claim->at,
                 (unsigned long long)claim->length,
                 (unsigned long long)claim->position);
}

/* One for each row, however long. */
START_TEST(claims)
{
    struct image image;
    char want[200];
    unsigned long long at;

    reset();
    checked.claim = claimed;
    checked_init(&image, 16);
    at = image_cluster_at(&image, 2);
    image_entry(image_root(&image), "LONG       ", 0, 10, 4800 * SECTOR);
    image_chain(&image, 10, 4700);
    image_link(&image, 4709, 4800);
    image_chain(&image, 4800, 100);
    ask(&image);
    snprintf(want, sizeof want,
             "data %llu+%u 0\ndata %llu+%u %u\n", at + 8 * SECTOR,
             4700 * SECTOR, at + 4798 * SECTOR, 100 * SECTOR, 4700 * SECTOR);
    expect(want);
    free(image.bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/check/tree");
    TCase *tc = tcase_create("tree");

    tcase_add_loop_test(tc, empty_is_sound, 0, 3);
    tcase_add_test(tc, name_across_clusters);
    tcase_add_test(tc, floppy_of_dos_1);
    tcase_add_test(tc, too_short);
    tcase_add_test(tc, future);
    tcase_add_test(tc, too_large);
    tcase_add_test(tc, all_alike);
    tcase_add_test(tc, three_share);
    tcase_add_test(tc, two_in_a_circle);
    tcase_add_test(tc, directories_share);
    tcase_add_loop_test(tc, workers_agree, 0, SUITE_EMULATED ? 4 : 20);
    tcase_add_test(tc, many_rows);
    tcase_add_test(tc, claims);
    suite_add_tcase(s, tc);
    return s;
}
