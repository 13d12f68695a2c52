/*
 * test_ext2_check_many.c - a directory with more directories than its count of
 * links can tell
 *
 * Tools take minutes to make such a volume, so it is put together by hand: two
 * groups of 4096 blocks of 4 KiB and 32,768 inodes of 256 bytes. All of the
 * directories are empty, and in their inodes; the root has all of their names.
 *
 *      block  0      1            2     3     4 ...        2052   2053 ...
 *             super  descriptors  bits  bits  inode table  lost+  root
 *                                                          found
 *      and in group 1, from 4096 on, the same but for directories.
 */
#include "ext2/disk.h"
#include "test_ext2_check.h"

enum {
    BLOCK = 4096, GROUP = 4096, BLOCKS = 2 * GROUP,
    INODE = 256, PER_GROUP = 32768, INODES = 2 * PER_GROUP,
    TABLE = 4, TABLE_BLOCKS = PER_GROUP * INODE / BLOCK,
    FOUND_BLOCK = TABLE + TABLE_BLOCKS, ROOT_BLOCK,
    LOST_FOUND = 11, FIRST = 12,
    RECORD = 16,                /* of a name of five characters */
};

#define DIR_NLINK    0x20u
#define INLINE_DATA  0x10000000u
#define EXTENTS      0x80000u
#define NAMES_MOST   64998u     /* and lost+found: 65,001 links of the root */

static struct checked checked;

static void put16(uint8_t *at, uint32_t x)
{
    at[0] = (uint8_t)x;
    at[1] = (uint8_t)(x >> 8);
}

static void put32(uint8_t *at, uint32_t x)
{
    put16(at, x);
    put16(at + 2, x >> 16);
}

static uint8_t *inode(uint8_t *bytes, uint32_t ino)
{
    uint32_t group = (ino - 1) / PER_GROUP, index = (ino - 1) % PER_GROUP;

    return bytes + ((size_t)group * GROUP + TABLE) * BLOCK +
           (size_t)index * INODE;
}

/* ------------------------------------------------------------ directories */

/* One name, in a record of LENGTH bytes. */
static uint8_t *record(uint8_t *at, uint32_t ino, size_t length,
                       const char *name)
{
    put32(at, ino);
    put16(at + 4, (uint32_t)length);
    at[6] = (uint8_t)strlen(name);
    at[7] = 2;                  /* a directory */
    memcpy(at + 8, name, strlen(name));
    return at + length;
}

/* A directory of SIZE bytes, of what FLAGS say. */
static uint8_t *directory(uint8_t *bytes, uint32_t ino, uint32_t size,
                          uint32_t links, uint32_t flags)
{
    uint8_t *at = inode(bytes, ino);

    put16(at, 040755);
    put32(at + 4, size);
    put16(at + 26, links);
    put32(at + 32, flags);
    put16(at + 128, 32);        /* i_extra_isize */
    return at;
}

/* A directory of COUNT blocks from FIRST_BLOCK on. */
static void in_blocks(uint8_t *bytes, uint32_t ino, uint32_t links,
                      uint32_t first_block, uint32_t count)
{
    uint8_t *at = directory(bytes, ino, count * BLOCK, links, EXTENTS);

    put32(at + 28, count * (BLOCK / 512));
    put16(at + 40, 0xf30a);     /* an extent tree of one extent */
    put16(at + 42, 1);
    put16(at + 44, 4);
    put16(at + 56, count);
    put32(at + 60, first_block);
}

/* An empty one: its parent, and a record that nobody uses. */
static void in_inode(uint8_t *bytes, uint32_t ino)
{
    uint8_t *at = directory(bytes, ino, 60, 2, INLINE_DATA);

    put32(at + 40, EXT2_ROOT_INO);
    put16(at + 48, 56);
    put32(at + 160, 0xea020000);        /* the attribute "system.data", of no
                                           bytes beyond these */
    at[164] = 4;
    at[165] = 7;
    memcpy(at + 180, "data", 4);
}

/* The root, with NAMES directories. How many blocks it takes. */
static uint32_t root(uint8_t *bytes, uint32_t names, uint32_t links)
{
    uint8_t *start = bytes + (size_t)ROOT_BLOCK * BLOCK, *at = start;
    uint32_t room = BLOCK / RECORD, blocks;
    char name[12];

    at = record(at, EXT2_ROOT_INO, 12, ".");
    at = record(at, EXT2_ROOT_INO, 12, "..");
    at = record(at, LOST_FOUND, 3 * RECORD - 24, "lost+found");
    for (uint32_t i = 0; i < names; i++) {
        snprintf(name, sizeof name, "%05x", i);
        at = record(at, FIRST + i, RECORD, name);
    }
    blocks = (uint32_t)((size_t)(at - start) / RECORD + room - 1) / room;
    put16(at - RECORD + 4, (uint32_t)(start + (size_t)blocks * BLOCK -
                                      (at - RECORD)));
    in_blocks(bytes, EXT2_ROOT_INO, links, ROOT_BLOCK, blocks);
    return blocks;
}

/* ------------------------------------------------------ the volume's own */

static void mark(uint8_t *bitmap, uint32_t from, uint32_t end)
{
    for (; from < end; from++)
        bitmap[from / 8] |= (uint8_t)(1u << from % 8);
}

/* Bitmaps and descriptor of GROUP, of which USED blocks and SET inodes are in
   use, and DIRS of these directories. */
static void group(uint8_t *bytes, uint32_t number, uint32_t used, uint32_t set,
                  uint32_t dirs)
{
    uint32_t first = number * GROUP;
    uint8_t *desc = bytes + BLOCK + (size_t)number * 32;
    uint8_t *bits = bytes + (size_t)(first + 2) * BLOCK;

    mark(bits, 0, used);
    mark(bits, GROUP, 8 * BLOCK);
    mark(bits + BLOCK, 0, set);
    put32(desc, first + 2);
    put32(desc + 4, first + 3);
    put32(desc + 8, first + TABLE);
    put16(desc + 12, GROUP - used);
    put16(desc + 14, PER_GROUP - set);
    put16(desc + 16, dirs);
}

static void super(uint8_t *at, uint32_t free_blocks, uint32_t free_inodes,
                  bool counts_one)
{
    put32(at, INODES);
    put32(at + 4, BLOCKS);
    put32(at + 12, free_blocks);
    put32(at + 16, free_inodes);
    put32(at + 24, 2);          /* blocks of 4 KiB */
    put32(at + 28, 2);
    put32(at + 32, GROUP);
    put32(at + 36, GROUP);
    put32(at + 40, PER_GROUP);
    put16(at + 54, 0xffff);     /* mounted as often as one likes */
    put16(at + 56, EXT2_MAGIC);
    put16(at + 58, 1);          /* clean */
    put16(at + 60, 1);
    put32(at + 76, 1);          /* revision */
    put32(at + 84, FIRST - 1);
    put16(at + 88, INODE);
    put32(at + 92, 0x8);        /* ext_attr */
    put32(at + 96, 0x8042);     /* filetype, extent, inline_data */
    put32(at + 100, 0x41 | (counts_one ? DIR_NLINK : 0));
                                /* sparse_super, extra_isize */
    memset(at + 104, 0x5a, 16); /* UUID */
    put16(at + 348, 32);        /* inodes' least and wanted extra bytes */
    put16(at + 350, 32);
}

/* A volume with NAMES directories in the root, which says that it has LINKS. */
static uint8_t *make(uint32_t names, uint32_t links, bool counts_one)
{
    uint8_t *bytes = calloc(BLOCKS, BLOCK), *at;
    uint32_t last = FIRST + names - 1, used, more = last - PER_GROUP;

    ck_assert_ptr_nonnull(bytes);
    ck_assert_uint_gt(last, PER_GROUP);
    used = ROOT_BLOCK + root(bytes, names, links);
    at = bytes + (size_t)FOUND_BLOCK * BLOCK;
    record(record(at, LOST_FOUND, 12, "."), EXT2_ROOT_INO, BLOCK - 12, "..");
    in_blocks(bytes, LOST_FOUND, 2, FOUND_BLOCK, 1);
    for (uint32_t ino = FIRST; ino <= last; ino++)
        in_inode(bytes, ino);

    group(bytes, 0, used, PER_GROUP, PER_GROUP - FIRST + 3);
    group(bytes, 1, TABLE + TABLE_BLOCKS, more, more);
    super(bytes + 1024, BLOCKS - used - TABLE - TABLE_BLOCKS,
          INODES - last, counts_one);
    at = bytes + (size_t)GROUP * BLOCK;
    memcpy(at, bytes + 1024, 1024);
    put16(at + 90, 1);          /* the copy of group 1 */
    memcpy(at + BLOCK, bytes + BLOCK, 64);
    return bytes;
}

/* ---------------------------------------------------------------- the tests */

#define MANY  "ext2.inode.links_many 2 /\n"
#define LINKS "ext2.inode.links 2 /\n"

static const struct {
    const char *what;
    uint32_t names, links;
    bool counts_one;            /* dir_nlink */
    const char *told;
} cases[] = {
    { "as many as there may be", NAMES_MOST - 1, 65000, false, "" },
    { "one more, counted", NAMES_MOST, 65001, false, MANY },
    { "one more, not counted", NAMES_MOST, 1, false, MANY },
    { "one more, miscounted", NAMES_MOST, 65000, false, MANY LINKS },
    { "with dir_nlink", NAMES_MOST, 1, true, "" },
    { "with dir_nlink, counted", NAMES_MOST, 65001, true, LINKS },
    { "with dir_nlink, few", NAMES_MOST - 1, 1, true, LINKS },
};

START_TEST(links_of_the_root)
{
    uint8_t *bytes = make(cases[_i].names, cases[_i].links,
                          cases[_i].counts_one);

    ck_assert_int_eq(checked_run(&checked, bytes, (size_t)BLOCKS * BLOCK), 0);
    ck_assert_msg(!strcmp(checked.told, cases[_i].told), "%s: %s",
                  cases[_i].what, checked.told);
    ck_assert_uint_eq(checked.result.directories, cases[_i].names + 2);
    ck_assert_uint_lt(checked.result.memory_peak, 48u * cases[_i].names);
    free(bytes);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/check/many");
    TCase *tc = tcase_create("links");

    tcase_add_loop_test(tc, links_of_the_root, 0,
                        sizeof cases / sizeof cases[0]);
    suite_add_tcase(s, tc);
    return s;
}
