/* test_ext2_super.c - superblocks: what is refused, and with which words */
#include "suite.h"
#include "test_ext2_image.h"

static const struct {
    const char *what;
    uint32_t offset;            /* of the field in the superblock */
    uint32_t size;              /* bytes of it */
    uint32_t value;
    int result;
    const char *says;           /* part of the error's words */
} cases[] = {
    { "as it is", 0x4c, 4, 1, 0, "" },
    { "no magic", 0x38, 2, 0xef52, SHALE_ENODEV, "" },
    { "1 << 32 blocks", 0x18, 4, 0x100, SHALE_ENODEV, "" },
    { "blocks of 128 KiB", 0x18, 4, 7, SHALE_ECORRUPT, "block size" },
    { "shift past the word", 0x18, 4, 40, SHALE_ECORRUPT, "block size" },
    { "inode size 0", 0x58, 2, 0, SHALE_ECORRUPT, "inode size" },
    { "inode size 64", 0x58, 2, 64, SHALE_ECORRUPT, "inode size" },
    { "inode size 192", 0x58, 2, 192, SHALE_ECORRUPT, "inode size" },
    { "inode larger than a block", 0x58, 2, 2048, SHALE_ECORRUPT,
      "inode size" },
    { "inode size ignored in revision 0", 0x4c, 4, 0, 0, "" },
    { "a revision yet to come", 0x4c, 4, 2, 0, "" },
    { "no inodes in a group", 0x28, 4, 0, SHALE_ECORRUPT, "inodes per group" },
    { "more inodes than bits", 0x28, 4, 8193, SHALE_ECORRUPT,
      "inodes per group" },
    { "another number of inodes", 0x28, 4, 32, SHALE_ECORRUPT,
      "does not match" },
    { "no inodes", 0x00, 4, 0, SHALE_ECORRUPT, "does not match" },
    { "all the inodes there can be", 0x00, 4, 0xffffffff, SHALE_ECORRUPT,
      "does not match" },
    { "no blocks in a group", 0x20, 4, 0, SHALE_ECORRUPT, "blocks per group" },
    { "more blocks than bits", 0x20, 4, 8193, SHALE_ECORRUPT,
      "blocks per group" },
    { "groups full of inode table", 0x20, 4, 10, SHALE_ECORRUPT,
      "smaller than their inode tables" },
    { "no blocks", 0x04, 4, 0, SHALE_ECORRUPT, "number of blocks" },
    { "one block", 0x04, 4, 1, SHALE_ECORRUPT, "number of blocks" },
    { "all the blocks there can be", 0x04, 4, 0xffffffff, SHALE_ECORRUPT,
      "does not match" },
    { "first block 2", 0x14, 4, 2, SHALE_ECORRUPT, "first data block" },
    { "first block far off", 0x14, 4, 0xffffffff, SHALE_ECORRUPT,
      "first data block" },
    { "first inode too low", 0x54, 4, 10, SHALE_ECORRUPT, "first inode" },
    { "extents", 0x60, 4, 0x42, SHALE_ENOTSUP, ": extents (" },
    { "two features", 0x60, 4, 0xc2, SHALE_ENOTSUP, ": extents, 64bit (" },
    { "a feature without a name", 0x60, 4, 0x80000002, SHALE_ENOTSUP,
      ": incompat_0x80000000 (" },
    { "dirty journal", 0x60, 4, 0x6, SHALE_ENOTSUP, "journal needs recovery" },
    { "journal device", 0x60, 4, 0x8, SHALE_ENOTSUP, "journal_dev" },
    { "without filetype", 0x60, 4, 0, 0, "" },
    { "clean journal", 0x5c, 4, 0x4, 0, "" },
    { "every compat", 0x5c, 4, 0xffffffff, 0, "" },
    { "ro_compat of any kind", 0x64, 4, 0xfffffdff, 0, "" },
    { "clusters of one block", 0x64, 4, 0x200, 0, "" },
    { "descriptors at home in their group", 0x60, 4, 0x12, 0, "" },
};

START_TEST(mounts_or_says_why)
{
    uint32_t at = cases[_i].offset;
    struct image image;
    int err;

    image_init(&image, 128);
    if (cases[_i].size == 2)
        put16(image_super(&image) + at, cases[_i].value);
    else
        put32(image_super(&image) + at, cases[_i].value);
    err = image_mount(&image, NULL);
    ck_assert_msg(err == cases[_i].result && strstr(image.v.said,
                                                    cases[_i].says),
                  "%s: %d, \"%s\"", cases[_i].what, err, image.v.said);
    image_close(&image, NULL);
}
END_TEST

/* Fields that only matter once a feature is on. */
START_TEST(features_have_rules)
{
    static const struct {
        uint32_t feature, bit, field, value;
        int result;
        const char *says;
    } rules[] = {
        { 0x64, 0x200, 0x1c, 20, 0, "" },
        { 0x64, 0x200, 0x1c, 21, SHALE_ECORRUPT, "cluster size" },
        { 0x64, 0x200, 0x1c, 0xffffffff, SHALE_ECORRUPT, "cluster size" },
        { 0x60, 0x12, 0x104, 1, 0, "" },
        { 0x60, 0x12, 0x104, 2, SHALE_ECORRUPT, "meta block group" },
        { 0x60, 0x02, 0x104, 2, 0, "" },
    };

    for (unsigned i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct image image;
        int err;

        image_init(&image, 128);
        put32(image_super(&image) + rules[i].feature, rules[i].bit);
        put32(image_super(&image) + rules[i].field, rules[i].value);
        err = image_mount(&image, NULL);
        ck_assert_msg(err == rules[i].result &&
                      strstr(image.v.said, rules[i].says),
                      "rule %u: %d, \"%s\"", i, err, image.v.said);
        image_close(&image, NULL);
    }
}
END_TEST

static const struct {
    const char *what;
    uint32_t ino_field, value, size;
    const char *says;
} roots[] = {
    { "root is a file", 0x00, 0100644, 2, "not a directory" },
    { "root is nothing", 0x00, 0, 2, "not in use" },
    { "root is deleted", 0x1a, 0, 2, "not in use" },
    { "root is empty", 0x04, 0, 4, "not a directory" },
};

START_TEST(needs_a_root)
{
    struct image image;
    uint8_t *at;
    int err;

    image_init(&image, 128);
    at = image_inode(&image, EXT2_ROOT_INO) + roots[_i].ino_field;
    if (roots[_i].size == 2)
        put16(at, roots[_i].value);
    else
        put32(at, roots[_i].value);
    err = image_mount(&image, NULL);
    ck_assert_msg(err == SHALE_ECORRUPT && strstr(image.v.said, roots[_i].says),
                  "%s: %d, \"%s\"", roots[_i].what, err, image.v.said);
    image_close(&image, NULL);
}
END_TEST

static const struct {
    const char *what;
    uint32_t table;
    int result;
} tables[] = {
    { "last place that fits", IMAGE_BLOCKS - 8, SHALE_ECORRUPT /* no root */ },
    { "one block too far", IMAGE_BLOCKS - 7, SHALE_ECORRUPT },
    { "before the volume", 0, SHALE_ECORRUPT },
    { "wraps around", 0xffffffff, SHALE_ECORRUPT },
    { "where it is", IMAGE_TABLE, 0 },
};

START_TEST(inode_table_is_in_the_volume)
{
    bool fits = tables[_i].table == IMAGE_TABLE || _i == 0;
    struct image image;

    image_init(&image, 128);
    put32(image_block(&image, 2) + 8, tables[_i].table);
    ck_assert_int_eq(image_mount(&image, NULL), tables[_i].result);
    ck_assert_msg(fits == !strstr(image.v.said, "inode table off volume"),
                  "%s: \"%s\"", tables[_i].what, image.v.said);
    image_close(&image, NULL);
}
END_TEST

static const struct {
    const char *options;
    int result;
} copies[] = {
    { "sb=100", 0 },
    { "sb=0x64", 0 },
    { "sb=1", SHALE_ECORRUPT },         /* wiped */
    { "sb=2", SHALE_ECORRUPT },         /* not one */
    { "sb=255", SHALE_ECORRUPT },
    { "sb=256", SHALE_EIO },            /* past the end */
    { "sb=18014398509481983", SHALE_EIO },
    { "sb=18014398509481984", SHALE_EINVAL },   /* times 1024 wraps */
    { "sb=", SHALE_EINVAL },
    { "sb=first", SHALE_EINVAL },
};

/* A copy at block 100, and after it a copy of the descriptors. */
START_TEST(uses_a_backup)
{
    struct shale_config config;
    struct image image;
    int err;

    image_init(&image, 128);
    memcpy(image_block(&image, 100), image_block(&image, 1), 2 * IMAGE_BLOCK);
    memset(image_block(&image, 1), 0, 2 * IMAGE_BLOCK);
    ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                     IMAGE_BLOCKS * IMAGE_BLOCK), 0);
    config = (struct shale_config){
        .dev = image.v.dev, .mem = image.v.mem, .drivers = shale_all_drivers,
        .type = "ext2", .options = copies[_i].options, .read_only = true,
        .log = &image.v.log,
    };
    err = shale_mount(&config, &image.v.fs);
    ck_assert_msg(err == copies[_i].result, "%s: %d", copies[_i].options, err);
    ck_assert_uint_eq(image.v.events, err ? 1 : 0);
    if (err)
        image.v.fs = NULL;
    image_close(&image, NULL);
}
END_TEST

/* A truncated volume mounts, with a warning; what is missing cannot be read. */
START_TEST(mounts_what_is_left)
{
    struct shale_vnode *vn;
    struct image image;
    uint8_t buf[16];

    image_init(&image, 128);
    image_file(&image, IMAGE_FILE, 0100644, 16, 120);
    ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                     100 * IMAGE_BLOCK), 0);
    ck_assert_int_eq(volume_mount(&image.v, NULL), 0);
    ck_assert_uint_eq(image.v.events, 1);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, IMAGE_FILE, &vn), 0);
    ck_assert_int_eq(shale_read(vn, buf, sizeof buf, 0), SHALE_EIO);
    image_close(&image, vn);
}
END_TEST

START_TEST(counts_as_df_does)
{
    struct shale_statfs s;
    struct image image;

    image_init(&image, 128);
    put32(image_super(&image) + 0x68, 0x11111111);
    put32(image_super(&image) + 0x70, 0x10101010);
    ck_assert_int_eq(image_mount(&image, NULL), 0);
    ck_assert_int_eq(shale_statfs(image.v.fs, &s), 0);
    /* Block 0, superblock, descriptors, two bitmaps, 8 of inode table. */
    ck_assert_uint_eq(s.blocks, IMAGE_BLOCKS - 13);
    ck_assert_uint_eq(s.blocks_free, 101);
    ck_assert_uint_eq(s.blocks_available, 91);
    ck_assert_uint_eq(s.files, IMAGE_INODES);
    ck_assert_uint_eq(s.files_free, 51);
    ck_assert_uint_eq(s.id, 0x01010101);
    image_close(&image, NULL);
}
END_TEST

/* The journal is not room for files. */
START_TEST(counts_out_the_journal)
{
    struct shale_statfs s;
    struct image image;

    image_init(&image, 128);
    image_file(&image, 8, 0100600, 20 * IMAGE_BLOCK, 100);
    put32(image_super(&image) + 0x5c, EXT2_COMPAT_HAS_JOURNAL);
    put32(image_super(&image) + 0xe0, _i == 0 ? 8 : IMAGE_INODES + 1);
    ck_assert_int_eq(image_mount(&image, NULL), 0);
    ck_assert_int_eq(shale_statfs(image.v.fs, &s), 0);
    ck_assert_uint_eq(s.blocks, IMAGE_BLOCKS - 13 - (_i == 0 ? 20 : 0));
    image_close(&image, NULL);
}
END_TEST

/* What statfs() counts as overhead, group by group as the kernel does. */
static uint64_t overhead_by_group(const struct ext2_super *super)
{
    uint64_t blocks = super->first_block;

    for (uint32_t g = 0; g < super->group_count; g++) {
        bool has_super = ext2_group_has_super(super, g);
        uint32_t in_meta = g % super->descs_per_block;

        blocks += 2 + super->table_blocks + has_super;
        if (g / super->descs_per_block < super->first_meta_bg)
            blocks += has_super ? super->first_meta_bg + super->reserved_desc
                                : 0;
        else
            blocks += in_meta < 2 || in_meta == super->descs_per_block - 1;
    }
    return blocks;
}

START_TEST(overhead_is_arithmetic)
{
    static const uint32_t counts[] = {
        1, 2, 3, 4, 7, 8, 9, 10, 27, 31, 32, 33, 34, 63, 64, 65, 343, 344, 5000,
    };
    static const struct {
        uint32_t compat, ro_compat, backups[2];
    } sets[] = {
        { 0, 0, { 0, 0 } },
        { 0, EXT2_RO_COMPAT_SPARSE_SUPER, { 0, 0 } },
        { EXT2_COMPAT_SPARSE_SUPER2, 0, { 1, 33 } },
        { EXT2_COMPAT_SPARSE_SUPER2, 0, { 0, 0 } },
        { EXT2_COMPAT_SPARSE_SUPER2, 0, { 3, 3 } },
    };

    for (unsigned i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct ext2_super super = {
            .first_block = 1, .table_blocks = 9, .descs_per_block = 32,
            .reserved_desc = 17,
            .group_count = counts[i], .desc_blocks = (counts[i] + 31) / 32,
            .compat = sets[_i].compat, .ro_compat = sets[_i].ro_compat,
            .backup_groups = { sets[_i].backups[0], sets[_i].backups[1] },
        };

        /* Without meta_bg, wholly with it, and the first block without. */
        for (unsigned meta = 0; meta < 3; meta++) {
            super.first_meta_bg = meta == 0 ? super.desc_blocks : meta - 1;
            ck_assert_msg(ext2_overhead(&super) == overhead_by_group(&super),
                          "set %d, %u groups, meta %u", _i, counts[i], meta);
        }
    }
}
END_TEST

START_TEST(probe_looks_no_further_than_told)
{
    struct image image;

    image_init(&image, 128);
    ck_assert(ext2_probe(image.bytes, 4096));
    ck_assert(ext2_probe(image.bytes, 2048));
    ck_assert(!ext2_probe(image.bytes, 2047));
    ck_assert(!ext2_probe(image.bytes, 0));
    free(image.bytes);
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/super");
    TCase *tc = tcase_create("super");

    LOOP(tc, mounts_or_says_why, cases);
    tcase_add_test(tc, features_have_rules);
    LOOP(tc, needs_a_root, roots);
    LOOP(tc, inode_table_is_in_the_volume, tables);
    LOOP(tc, uses_a_backup, copies);
    tcase_add_test(tc, mounts_what_is_left);
    tcase_add_test(tc, counts_as_df_does);
    tcase_add_loop_test(tc, counts_out_the_journal, 0, 2);
    tcase_add_loop_test(tc, overhead_is_arithmetic, 0, 5);
    tcase_add_test(tc, probe_looks_no_further_than_told);
    suite_add_tcase(s, tc);
    return s;
}
