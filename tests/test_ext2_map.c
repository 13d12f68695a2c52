/* test_ext2_map.c - block maps: levels, edges, holes and bad pointers */
#include "suite.h"
#include "test_ext2_image.h"

#define P      256u             /* pointers in a block of 1 KiB */
#define DOUBLE (12u + P)        /* first block behind the double indirect */
#define TRIPLE (DOUBLE + P * P)
#define END    (TRIPLE + UINT64_C(1) * P * P * P)

/*
 * The file under test. Data blocks are pretended: their numbers matter, not
 * what is in them.
 *
 *     0 .. 2      100 101 102        3 .. 4   hole
 *     5           150                6        151      7 .. 11   hole
 *     12 .. 13    152 153, in a row with nothing before; then holes
 *     DOUBLE - 1  160
 *     DOUBLE      161, in a row with it across two blocks of pointers
 *     DOUBLE + 5P 170                then nothing as far as
 *     TRIPLE      180
 *     END - 1     190
 */
enum { IND = IMAGE_FREE, DBL, DBL0, DBL5, TRI, TRI0, TRI00, TRIX, TRIXX };

static void point(struct image *image, uint32_t block, uint32_t slot,
                  uint32_t to)
{
    put32(image_block(image, block) + 4 * slot, to);
}

static void map_build(struct image *image)
{
    static const uint8_t direct[] = { 100, 101, 102, 0, 0, 150, 151 };
    uint64_t size = END * IMAGE_BLOCK;
    uint8_t *inode;

    image_init(image, 128);
    inode = image_file(image, IMAGE_FILE, 0100644, (uint32_t)size, 0);
    put32(inode + 0x6c, (uint32_t)(size >> 32));
    for (unsigned i = 0; i < sizeof direct; i++)
        put32(inode + 0x28 + 4 * i, direct[i]);
    put32(inode + 0x28 + 48, IND);
    put32(inode + 0x28 + 52, DBL);
    put32(inode + 0x28 + 56, TRI);

    point(image, IND, 0, 152);
    point(image, IND, 1, 153);
    point(image, IND, P - 1, 160);
    point(image, DBL, 0, DBL0);
    point(image, DBL0, 0, 161);
    point(image, DBL, 5, DBL5);
    point(image, DBL5, 0, 170);
    point(image, TRI, 0, TRI0);
    point(image, TRI0, 0, TRI00);
    point(image, TRI00, 0, 180);
    point(image, TRI, P - 1, TRIX);
    point(image, TRIX, P - 1, TRIXX);
    point(image, TRIXX, P - 1, 190);
}

static const struct {
    const char *what;
    uint64_t index, count;
    uint32_t block;
    uint64_t at_least, at_most; /* blocks of the answer */
} cases[] = {
    { "first", 0, 1, 100, 1, 1 },
    { "a run, all of it", 0, 99, 100, 3, 3 },
    { "a run, less of it", 0, 2, 100, 2, 2 },
    { "inside a run", 2, 99, 102, 1, 1 },
    { "hole", 3, 99, 0, 2, 2 },
    { "hole of one asked for", 3, 1, 0, 1, 2 },
    { "after a hole", 5, 99, 150, 2, 2 },
    { "hole up to the last direct", 7, 99, 0, 5, 5 },
    { "first indirect", 12, 99, 152, 2, 2 },
    { "hole up to the last indirect", 14, 9999, 0, P - 3, P - 3 },
    { "from indirect to double", DOUBLE - 1, 99, 160, 2, 2 },
    { "that, one asked for", DOUBLE - 1, 1, 160, 1, 1 },
    { "first double", DOUBLE, 1, 161, 1, 1 },
    { "hole of whole subtrees", DOUBLE + 1, END, 0, 5 * P - 1, 5 * P - 1 },
    { "inside a missing subtree", DOUBLE + 2 * P + 7, 1, 0, P - 7, 3 * P - 7 },
    { "hole of missing subtrees in one array", TRIPLE + P * P, 999999, 0,
      999999, (P - 2) * P * P },
    { "in a row of missing subtrees", DOUBLE + 5 * P, 1, 170, 1, 1 },
    { "first triple", TRIPLE, 99, 180, 1, 1 },
    { "middle of the last hole", TRIPLE + 9 * P * P, 1, 0, P * P,
      (P - 1 - 9) * P * P + P * P - 1 },
    { "before the end", END - 2, 99, 0, 1, 1 },
    { "last", END - 1, 1, 190, 1, 1 },
    { "last, and more", END - 1, 99, 190, 1, 1 },
};

START_TEST(finds_blocks)
{
    struct shale_vnode *vn;
    struct ext2_run run;
    struct image image;
    int err;

    map_build(&image);
    vn = image_open(&image, IMAGE_FILE);
    err = ext2_map((struct ext2_vnode *)vn, cases[_i].index, cases[_i].count,
                   &run);
    ck_assert_msg(err == 0 && run.block == cases[_i].block &&
                  run.count >= cases[_i].at_least &&
                  run.count <= cases[_i].at_most,
                  "%s: error %d, block %u, %llu of them", cases[_i].what, err,
                  run.block, (unsigned long long)run.count);
    image_close(&image, vn);
}
END_TEST

/* Whatever the pieces, walking over them finds these runs of data. */
START_TEST(walks_to_the_end)
{
    static const uint64_t data[][2] = {
        { 0, 3 }, { 5, 7 }, { 12, 14 }, { DOUBLE - 1, DOUBLE + 1 },
        { DOUBLE + 5 * P, DOUBLE + 5 * P + 1 }, { TRIPLE, TRIPLE + 1 },
        { END - 1, END },
    };
    struct shale_vnode *vn;
    struct image image;
    int64_t at = 0;

    map_build(&image);
    vn = image_open(&image, IMAGE_FILE);
    for (unsigned i = 0; i < sizeof data / sizeof data[0]; i++) {
        at = shale_seek_data(vn, (uint64_t)at);
        ck_assert_int_eq(at, (int64_t)(data[i][0] * IMAGE_BLOCK));
        at = shale_seek_hole(vn, (uint64_t)at);
        ck_assert_int_eq(at, (int64_t)(data[i][1] * IMAGE_BLOCK));
    }
    ck_assert_int_eq(shale_seek_data(vn, (uint64_t)at), SHALE_ENXIO);
    ck_assert_uint_eq(image.v.events, 0);
    image_close(&image, vn);
}
END_TEST

static const struct {
    const char *what;
    uint32_t slot, to;          /* pointer of the inode */
    uint64_t index;
    int result;
} pointers[] = {
    { "the superblock", 0, 1, 0, SHALE_ECORRUPT },
    { "the descriptors", 0, 2, 0, SHALE_ECORRUPT },
    { "first that may be", 0, 3, 0, 0 },
    { "last of the volume", 0, IMAGE_BLOCKS - 1, 0, 0 },
    { "one past the last", 0, IMAGE_BLOCKS, 0, SHALE_ECORRUPT },
    { "far off", 0, 0xffffffff, 0, SHALE_ECORRUPT },
    { "another one is bad", 0, 0xffffffff, 5, 0 },
    { "indirect off the volume", 12, IMAGE_BLOCKS, 12, SHALE_ECORRUPT },
    { "indirect is the superblock", 12, 1, 12, SHALE_ECORRUPT },
    { "triple off the volume", 14, 0x80000000, TRIPLE, SHALE_ECORRUPT },
};

START_TEST(refuses_bad_pointers)
{
    struct shale_vnode *vn;
    struct ext2_run run;
    struct image image;
    int err;

    map_build(&image);
    put32(image_inode(&image, IMAGE_FILE) + 0x28 + 4 * pointers[_i].slot,
          pointers[_i].to);
    vn = image_open(&image, IMAGE_FILE);
    err = ext2_map((struct ext2_vnode *)vn, pointers[_i].index, 1, &run);
    ck_assert_msg(err == pointers[_i].result, "%s: %d", pointers[_i].what, err);
    image_close(&image, vn);
}
END_TEST

/* A run that goes up to the end of the volume stops there. */
START_TEST(stops_at_the_end_of_the_volume)
{
    struct shale_vnode *vn;
    struct ext2_run run;
    struct image image;

    map_build(&image);
    for (uint32_t i = 0; i < 4; i++)
        put32(image_inode(&image, IMAGE_FILE) + 0x28 + 4 * i,
              IMAGE_BLOCKS - 2 + i);
    vn = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(ext2_map((struct ext2_vnode *)vn, 0, 4, &run), 0);
    ck_assert_uint_eq(run.block, IMAGE_BLOCKS - 2);
    ck_assert_uint_eq(run.count, 2);
    ck_assert_int_eq(ext2_map((struct ext2_vnode *)vn, 2, 2, &run),
                     SHALE_ECORRUPT);
    image_close(&image, vn);
}
END_TEST

/* Pointers that lead back to themselves: every answer comes, and soon. */
START_TEST(survives_a_loop)
{
    struct shale_vnode *vn;
    struct ext2_run run;
    struct image image;

    map_build(&image);
    for (uint32_t slot = 0; slot < P; slot++)
        point(&image, TRI, slot, TRI);
    vn = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(ext2_map((struct ext2_vnode *)vn, TRIPLE, END, &run), 0);
    ck_assert_uint_eq(run.block, TRI);
    ck_assert_uint_eq(run.count, 1);
    image_close(&image, vn);
}
END_TEST

/* The volume does not declare what these flags say. */
START_TEST(refuses_other_kinds_of_map)
{
    static const uint32_t flags[] = { EXT2_INODE_EXTENTS, EXT2_INODE_INLINE };

    for (unsigned i = 0; i < 2; i++) {
        struct shale_vnode *vn;
        struct ext2_run run;
        struct image image;

        map_build(&image);
        put32(image_inode(&image, IMAGE_FILE) + 0x20, flags[i]);
        vn = image_open(&image, IMAGE_FILE);
        ck_assert_int_eq(ext2_map((struct ext2_vnode *)vn, 0, 1, &run),
                         SHALE_ECORRUPT);
        image_close(&image, vn);
    }
}
END_TEST

START_TEST(reaches_as_far_as_documented)
{
    ck_assert_uint_eq(ext2_map_max_size(10), UINT64_C(17247252480));
    ck_assert_uint_eq(ext2_map_max_size(12), UINT64_C(4402345721856));
    ck_assert_uint_eq(ext2_map_max_size(16), UINT64_C(288247969412284416));
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/map");
    TCase *tc = tcase_create("map");

    LOOP(tc, finds_blocks, cases);
    tcase_add_test(tc, walks_to_the_end);
    LOOP(tc, refuses_bad_pointers, pointers);
    tcase_add_test(tc, stops_at_the_end_of_the_volume);
    tcase_add_test(tc, survives_a_loop);
    tcase_add_test(tc, refuses_other_kinds_of_map);
    tcase_add_test(tc, reaches_as_far_as_documented);
    suite_add_tcase(s, tc);
    return s;
}
