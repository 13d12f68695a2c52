/*
 * test_fat_check_unread.c - FATs that cannot be read, or not all of them
 *
 * What one copy lacks another has, and what none has is not taken for free:
 * nothing is told but that it cannot be read.
 */
#include "suite.h"
#include "test_fat_check.h"

#define PART 4096u              /* what is read at once where reading fails */

static struct checked checked;


/* Part NUMBER of FAT COPY cannot be read from now on. */
static void lose(const struct image *image, unsigned nth, unsigned copy,
                 unsigned number)
{
    uint64_t at = image_fat_at(image, copy) + number * (uint64_t)PART;

    checked.bad[nth].from = at;
    checked.bad[nth].end = at + SECTOR;
}

/*
 * A FAT16 of three parts. The first file has clusters of all of them, in two
 * rows, and the second one of the last two; the third is short.
 */
static void fill(struct image *image)
{
    memset(&checked, 0, sizeof checked);
    checked_init(image, 16);
    image_entry(image_root(image), "LONG       ", 0, 1000, 2500 * SECTOR);
    image_chain(image, 1000, 2000);
    image_chain(image, 4200, 500);
    image_link(image, 2999, 4200);
    image_entry(image_root(image) + 32, "LATE       ", 0, 4000, 200 * SECTOR);
    image_chain(image, 4000, 200);
    image_entry(image_root(image) + 64, "SHORT      ", 0, 10, 3 * SECTOR);
    image_chain(image, 10, 3);
}

/* "read.failed AT PATH", of the first byte of part NUMBER of COPY. */
static const char *failed(const struct image *image, unsigned copy,
                          unsigned number)
{
    static char lines[4][64];
    static unsigned next;
    char *line = lines[next++ % 4];

    snprintf(line, sizeof lines[0], "read.failed %llu -\n",
             (unsigned long long)(image_fat_at(image, copy) +
                                  number * (uint64_t)PART));
    return line;
}

/* Where reading fails, 4 KiB of the device are asked for again. */
static bool tells_place(const char *line, const char *told)
{
    unsigned long long want, got;

    return sscanf(line, "read.failed %llu", &want) == 1 &&
           sscanf(told, "read.failed %llu", &got) == 1 &&
           got <= want && want - got < PART;
}

static unsigned count_lines(void)
{
    unsigned lines = 0;

    for (const char *at = checked.told; *at; at++)
        lines += *at == '\n';
    return lines;
}

START_TEST(one_has_it)
{
    struct image image;

    fill(&image);
    for (unsigned copy = 0; copy < 2; copy++)
        for (unsigned part = 0; part < 3; part++) {
            lose(&image, 0, copy, part);
            checked_image(&checked, &image);
            ck_assert_uint_eq(count_lines(), 1);
            ck_assert(tells_place(failed(&image, copy, part), checked.told));
            ck_assert_uint_eq(checked.result.units_used, 2703);
        }
    free(image.bytes);
}
END_TEST

/* Neither has all of it, and both together do. */
START_TEST(both_together)
{
    struct image image;

    fill(&image);
    lose(&image, 0, 0, 0);
    lose(&image, 1, 1, 2);
    checked_image(&checked, &image);
    ck_assert_uint_eq(count_lines(), 2);
    ck_assert(tells_place(failed(&image, 0, 0), checked.told));
    ck_assert_uint_eq(checked.result.units_used, 2703);
    free(image.bytes);
}
END_TEST

/* Nobody knows: what is there is not taken for free, nor marks for set. */
START_TEST(neither)
{
    struct image image;

    fill(&image);
    for (unsigned part = 0; part < 3; part++) {
        lose(&image, 0, 0, part);
        lose(&image, 1, 1, part);
        for (checked.workers = 1; checked.workers < 4; checked.workers++) {
            checked_image(&checked, &image);
            ck_assert_uint_eq(count_lines(), 2);
            ck_assert(tells_place(failed(&image, 0, part), checked.told));
            ck_assert_uint_eq(checked.result.files, 3);
        }
    }

    /* What is wrong elsewhere is found all the same; but what nobody has may be
       somebody's by what cannot be read. */
    image_link(&image, 11, 0);
    checked_image(&checked, &image);
    ck_assert_uint_eq(count_lines(), 3);
    ck_assert_ptr_nonnull(strstr(checked.told, "fat.chain.free"));
    memset(checked.bad, 0, sizeof checked.bad);
    checked_image(&checked, &image);
    ck_assert_ptr_nonnull(strstr(checked.told, "fat.lost.chain"));
    free(image.bytes);
}
END_TEST

/* An image that ends in its FATs; of FAT32 FSInfo counts what is not there. */
START_TEST(cut_off)
{
    static const unsigned types[] = { 12, 16, 32 };
    struct image image;
    uint64_t fats[2], end;

    memset(&checked, 0, sizeof checked);
    checked_init(&image, types[_i]);
    if (types[_i] == 32)
        put32(image.bytes + SECTOR + 488, 299);
    fats[0] = image_fat_at(&image, 0);
    fats[1] = image_fat_at(&image, 1);
    for (end = fats[0]; end < image_fat_at(&image, 2); end += SECTOR) {
        ck_assert_int_eq(checked_run(&checked, image.bytes, (size_t)end), 0);
        ck_assert(checked.result.complete);
        ck_assert_ptr_nonnull(strstr(checked.told, "fat.boot.size"));
        ck_assert_ptr_nonnull(strstr(checked.told, "read.failed"));
        ck_assert_ptr_null(strstr(checked.told, "fat.table"));
        ck_assert_ptr_null(strstr(checked.told, "fat.state"));
        ck_assert_ptr_null(strstr(checked.told, "fat.chain"));
        ck_assert_ptr_null(strstr(checked.told, "fat.info.free"));
    }
    ck_assert_uint_gt(end, fats[1]);
    free(image.bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/check/unread");
    TCase *tc = tcase_create("tables");

    tcase_add_test(tc, one_has_it);
    tcase_add_test(tc, both_together);
    tcase_add_test(tc, neither);
    tcase_add_loop_test(tc, cut_off, 0, 3);
    suite_add_tcase(s, tc);
    return s;
}
