/* test_fat32_geometry.c - where everything of a new FAT volume goes */
#include <stdlib.h>
#include <string.h>

#include "fat32/geometry.h"
#include "shale/err.h"
#include "suite.h"

#define KIB UINT64_C(1024)
#define MIB (KIB << 10)
#define GIB (MIB << 10)

/* ------------------------------------------------------------- by hand */

static const struct {
    const char *what;
    uint64_t size;
    struct shale_format format;
    unsigned bits;              /* 0: it is refused */
    uint32_t cluster, reserved, fat, clusters;
} cases[] = {
    { "1.44 MB floppy", 1440 * KIB, { .id = 0 }, 12, 1, 1, 9, 2847 },
    { "2.88 MB floppy", 2880 * KIB, { .id = 0 }, 12, 2, 1, 9, 2863 },
    { "... is none with an offset", 2880 * KIB, { .hidden = 512 },
      12, 2, 2, 9, 2854 },
    { "... nor as FAT16", 2880 * KIB, { .fat_bits = 16 }, 16, 1, 1, 23, 5681 },
    { "a floppy with other clusters", 1440 * KIB, { .block_size = 1024 },
      12, 2, 1, 5, 1427 },
    { "no room at all", 0, { .id = 0 }, 0, 0, 0, 0, 0 },
    { "less than a sector", 511, { .id = 0 }, 0, 0, 0, 0, 0 },
    { "no room for a cluster", 35 * 512, { .id = 0 }, 0, 0, 0, 0, 0 },
    { "one cluster", 36 * 512, { .id = 0 }, 12, 1, 1, 1, 1 },
    { "the last FAT12", 8400 * 512, { .id = 0 }, 12, 4, 2, 7, 2088 },
    { "the first FAT16", 8401 * 512, { .id = 0 }, 16, 2, 2, 17, 4166 },
    { "the last FAT16", 512 * MIB, { .id = 0 }, 16, 16, 16, 256, 65501 },
    { "the first FAT32", 512 * MIB + 512, { .id = 0 }, 32, 8, 36, 1022,
      130812 },
    { "the largest", (uint64_t)UINT32_MAX * 512, { .id = 0 },
      32, 64, 62, 524161, 67092482 },
    { "one sector more", (uint64_t)UINT32_MAX * 512 + 512, { .id = 0 },
      0, 0, 0, 0, 0 },
    { "... of larger ones", (uint64_t)UINT32_MAX * 512 + 512,
      { .sector_size = 4096 }, 32, 8, 38, 65521, 67092479 },
    { "FAT32 as small as can be", (32 + 2 * 512 + 65525) * 512,
      { .fat_bits = 32, .no_align = true }, 32, 1, 32, 512, 65525 },
    { "... and one less", (32 + 2 * 512 + 65524) * 512,
      { .fat_bits = 32, .no_align = true }, 0, 0, 0, 0, 0 },
    { "FAT16 as small as can be", (1 + 2 * 16 + 32 + 4087) * 512,
      { .fat_bits = 16, .no_align = true }, 16, 1, 1, 16, 4087 },
    { "... and one less", (1 + 2 * 16 + 32 + 4086) * 512,
      { .fat_bits = 16, .no_align = true }, 0, 0, 0, 0, 0 },
    { "... is FAT12, but for two clusters",
      (1 + 2 * 12 + 32 + 4086) * 512,
      { .fat_bits = 12, .block_size = 512 }, 12, 1, 1, 12, 4084 },
    { "clusters decide the type", 100 * MIB, { .block_size = 512 },
      32, 1, 32, 1576, 201616 },
    { "... so does the number of root entries", 600 * MIB,
      { .root_entries = 512 }, 16, 32, 20, 150, 38389 },
    { "no FSInfo, no FAT32", 600 * MIB, { .reserved = 1 },
      16, 32, 1, 150, 38389 },
    { "one FAT", 64 * MIB, { .fat_count = 1 }, 16, 4, 4, 128, 32727 },
    { "three FATs behind an odd number: they grow", 64 * MIB,
      { .fat_count = 3, .reserved = 3 }, 16, 4, 3, 131, 32661 },
    { "two FATs never make it even", 64 * MIB, { .reserved = 3 },
      16, 4, 3, 128, 32695 },
};

static const struct fat_geometry *choose(uint64_t size, uint32_t block_size,
                                         const struct shale_format *format)
{
    static struct fat_geometry g;
    const struct shale_bdev dev = {
        .size = size - size % block_size, .block_size = block_size,
    };
    int err = fat_geometry_choose(&dev, NULL, format, &g);

    if (err)
        ck_assert_int_eq(err, SHALE_EINVAL);
    return err ? NULL : &g;
}

START_TEST(by_hand)
{
    const struct fat_geometry *g = choose(cases[_i].size, 1,
                                          &cases[_i].format);

    if (!cases[_i].bits) {
        ck_assert_msg(!g, "%s: not refused", cases[_i].what);
        return;
    }
    ck_assert_msg(g != NULL, "%s: refused", cases[_i].what);
    ck_assert_msg(g->bits == cases[_i].bits &&
                  g->cluster_sectors == cases[_i].cluster &&
                  g->reserved == cases[_i].reserved &&
                  g->fat_sectors == cases[_i].fat &&
                  g->clusters == cases[_i].clusters,
                  "%s: FAT%u, cluster %u, reserved %u, FAT %u, clusters %u",
                  cases[_i].what, g->bits, g->cluster_sectors, g->reserved,
                  g->fat_sectors, g->clusters);
}
END_TEST

/* --------------------------------------------------------- nonsense */

static const struct {
    const char *what;
    uint32_t block_size;        /* the device's */
    struct shale_format format;
} nonsense[] = {
    { "sector too small",        1, { .sector_size = 256 } },
    { "sector too large",        1, { .sector_size = 8192 } },
    { "sector no power of two",  1, { .sector_size = 1536 } },
    { "sector below device's",   4096, { .sector_size = 512 } },
    { "cluster no power of two", 1, { .block_size = 1536 } },
    { "cluster below sector",    1, { .block_size = 512,
                                      .sector_size = 1024 } },
    { "cluster of 256 sectors",  1, { .block_size = 131072 } },
    { "cluster too large",       1, { .block_size = 524288,
                                      .sector_size = 4096 } },
    { "no such type",            1, { .fat_bits = 8 } },
    { "too many FATs",           1, { .fat_count = 5 } },
    { "too much reserved",       1, { .reserved = 65536 } },
    { "FAT32 without FSInfo",    1, { .reserved = 1, .fat_bits = 32 } },
    { "FAT32's root entries",    1, { .root_entries = 1, .fat_bits = 32 } },
    { "too many root entries",   1, { .root_entries = 65535 } },
    { "media below f0",          1, { .media = 0xef } },
    { "media f1",                1, { .media = 0xf1 } },
    { "half a sector before it", 1, { .hidden = 256 } },
    { "too much before it",      1, { .hidden = UINT64_C(1) << 41 } },
};

START_TEST(refuses_nonsense)
{
    ck_assert_msg(!choose(GIB, nonsense[_i].block_size, &nonsense[_i].format),
                  "%s: not refused", nonsense[_i].what);
}
END_TEST

START_TEST(takes_the_devices_sector)
{
    const struct shale_format format = { .id = 0 };
    const struct fat_geometry *g = choose(GIB, 4096, &format);

    ck_assert_ptr_nonnull(g);
    ck_assert_uint_eq(g->sector_size, 4096);
}
END_TEST

/* ------------------------------------------------------------- at random */

static uint64_t bits_for(const struct fat_geometry *g, uint64_t clusters)
{
    return (clusters + 2) * g->bits;
}

/* What has to be true of every volume. */
static void check_rules(const struct fat_geometry *g,
                        const struct shale_format *format, uint64_t size)
{
    uint64_t data = fat_geometry_data(g);
    uint64_t end = data + (uint64_t)g->clusters * g->cluster_sectors;
    uint64_t fat_bits = (uint64_t)g->fat_sectors * g->sector_size * 8;
    uint64_t most = g->bits == 12 ? 4084 : g->bits == 16 ? 65524 : 0x0ffffff5;
    uint64_t least = g->bits == 12 ? 1 : g->bits == 16 ? 4087 : 65525;

    ck_assert_uint_le((uint64_t)g->sectors * g->sector_size, size);
    ck_assert_uint_le(end, g->sectors);
    ck_assert(g->clusters >= least && g->clusters <= most);
    ck_assert_uint_le(bits_for(g, g->clusters), fat_bits);
    ck_assert(g->bits == 32 ? g->root_sectors == 0 : g->root_sectors > 0);
    ck_assert_uint_le(g->root_entries, 0xffff);
    ck_assert_uint_eq(g->sectors % g->track_sectors, 0);
    ck_assert_uint_le(g->reserved, 0xffff);
    ck_assert(g->bits == 32 || g->fat_sectors <= 0xffff);
    ck_assert_uint_le(g->cluster_sectors, 128);
    if (format->reserved) {
        ck_assert_uint_eq(g->reserved, format->reserved);
    } else if (!format->no_align && !g->floppy) {
        ck_assert_uint_eq(data % g->cluster_sectors, 0);
    } else {
        /* Nothing wasted: no other cluster fits, not even with smaller FATs. */
        uint64_t fewer = data - g->fat_count;
        uint64_t more = (g->sectors - fewer) / g->cluster_sectors;

        ck_assert(g->clusters == most ||
                  end + g->cluster_sectors > g->sectors);
        ck_assert(g->fat_sectors == 1 || g->clusters == most ||
                  bits_for(g, more) > fat_bits - g->sector_size * UINT64_C(8));
    }
}

START_TEST(keeps_the_rules)
{
    static const unsigned types[] = { 12, 16, 32 };
    unsigned made = 0;

    srand(12345);
    for (unsigned n = 0; n < 20000; n++) {
        uint64_t size = ((uint64_t)rand() << 12 | (unsigned)rand() % 4096) >>
                        rand() % 40;
        const struct shale_format format = {
            .sector_size = rand() % 2 ? 512u << rand() % 4 : 0,
            .block_size = rand() % 2 ? 512u << rand() % 10 : 0,
            .fat_bits = rand() % 2 ? types[rand() % 3] : 0,
            .fat_count = (unsigned)rand() % 5,
            .reserved = rand() % 4 ? 0 : (unsigned)rand() % 100,
            .root_entries = rand() % 4 ? 0 : (unsigned)rand() % 2000,
            .no_align = rand() % 2,
        };
        const struct fat_geometry *g = choose(size, 1, &format);

        if (!g)
            continue;
        check_rules(g, &format, size);
        made++;
    }
    ck_assert_uint_gt(made, 2000);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat32/geometry");
    TCase *tc = tcase_create("choose");

    tcase_add_loop_test(tc, by_hand, 0, sizeof cases / sizeof cases[0]);
    tcase_add_loop_test(tc, refuses_nonsense, 0,
                        sizeof nonsense / sizeof nonsense[0]);
    tcase_add_test(tc, takes_the_devices_sector);
    tcase_add_test(tc, keeps_the_rules);
    suite_add_tcase(s, tc);
    return s;
}
