/* test_ext2_htree.c - indexed directories, sound and damaged */
#include "suite.h"
#include "test_ext2_image.h"

/*
 * A directory of COUNT names "n0000" ..., all of them the root directory's
 * inode 20, in LEAVES leaves, with one node between if LEVELS is 1:
 *
 *     block 0   root             -> 1, 2, ... or -> LEAVES + 1
 *     block 1.. leaves, in order of hash
 *     the last  node             -> 1, 2, ...
 *
 * It lies in a row from block IMAGE_FREE + 1 of the volume on; its indirect
 * block is IMAGE_FREE.
 */
#define COUNT  300u
#define LEAVES 12u
#define TARGET 20u
#define FIRST  (IMAGE_FREE + 1)

struct entry {
    char name[8];
    uint32_t hash;
};

static const uint32_t seed[4] = { 1, 2, 3, 4 };

static int by_hash(const void *a, const void *b)
{
    uint32_t x = ((const struct entry *)a)->hash;
    uint32_t y = ((const struct entry *)b)->hash;

    return x < y ? -1 : x > y;
}

static uint8_t *dir_block(struct image *image, uint32_t index)
{
    return image_block(image, FIRST + index);
}

/* Where the entries of the index begin, root or node. */
static uint8_t *entries_at(struct image *image, unsigned levels)
{
    return levels ? dir_block(image, LEAVES + 1) + 8 : dir_block(image, 0) + 32;
}

static void root_build(struct image *image, unsigned version, unsigned levels)
{
    uint8_t *root = dir_block(image, 0);
    uint8_t *node = dir_block(image, LEAVES + 1);

    image_record(root, IMAGE_FILE, ".", 12, 2);
    image_record(root + 12, EXT2_ROOT_INO, "..", IMAGE_BLOCK - 12, 2);
    root[28] = (uint8_t)version;
    root[29] = 8;
    root[30] = (uint8_t)levels;
    put16(root + 32, (IMAGE_BLOCK - 32) / 8);
    put16(root + 34, levels ? 1 : LEAVES);
    put32(root + 36, levels ? LEAVES + 1 : 1);
    image_record(node, 0, "", IMAGE_BLOCK, 0);
    if (levels) {
        put16(node + 8, (IMAGE_BLOCK - 8) / 8);
        put16(node + 10, LEAVES);
        put32(node + 12, 1);
    }
}

/* VERSION as enum ext2_hash: those from 3 on are told by the superblock. */
static void tree_build(struct image *image, unsigned version, unsigned levels)
{
    uint32_t blocks = LEAVES + 2, per_leaf = COUNT / LEAVES;
    struct entry names[COUNT];
    uint8_t *inode, *entries;

    image_init(image, 128);
    put32(image_super(image) + 0x5c, EXT2_COMPAT_DIR_INDEX);
    put32(image_super(image) + 0x160, version >= 3 ? 2 : 1);
    for (unsigned i = 0; i < 4; i++)
        put32(image_super(image) + 0xec + 4 * i, seed[i]);
    image_file(image, TARGET, 0100644, 0, 0);
    inode = image_file(image, IMAGE_FILE, 040755, blocks * IMAGE_BLOCK, FIRST);
    put32(inode + 0x20, EXT2_INODE_INDEX);
    put32(inode + 0x28 + 48, IMAGE_FREE);
    for (uint32_t i = EXT2_DIRECT; i < blocks; i++)
        put32(image_block(image, IMAGE_FREE) + 4 * (i - EXT2_DIRECT),
              FIRST + i);

    for (unsigned i = 0; i < COUNT; i++) {
        /* Every other one is not ASCII. */
        snprintf(names[i].name, sizeof names[i].name, "n%04u%s", i,
                 i % 2 ? "\xe9" : "");
        names[i].hash = ext2_hash((enum ext2_hash)version, seed, names[i].name,
                                  strlen(names[i].name));
    }
    qsort(names, COUNT, sizeof names[0], by_hash);

    root_build(image, version % 3, levels);
    entries = entries_at(image, levels);
    for (unsigned leaf = 0; leaf < LEAVES; leaf++) {
        uint8_t *at = dir_block(image, leaf + 1);

        put32(entries + 8 * leaf + 4, leaf + 1);
        if (leaf > 0)
            put32(entries + 8 * leaf, names[leaf * per_leaf].hash);
        for (unsigned i = 0; i < per_leaf; i++) {
            uint32_t rec_len = i + 1 < per_leaf
                                   ? 16 : IMAGE_BLOCK - 16 * (per_leaf - 1);

            at = image_record(at, TARGET, names[leaf * per_leaf + i].name,
                              rec_len, 1);
        }
    }
}

/* How many of the names are found, each by its own lookup. */
static unsigned names_found(struct shale_vnode *dir)
{
    unsigned found = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        struct shale_vnode *vn;
        char name[8];

        snprintf(name, sizeof name, "n%04u%s", i, i % 2 ? "\xe9" : "");
        if (shale_lookup(dir, name, strlen(name), &vn) == 0) {
            found += shale_vnode_ino(vn) == TARGET;
            shale_vnode_put(vn);
        }
    }
    return found;
}

static struct ext2_vnode *ext2_of(struct shale_vnode *vn)
{
    return (struct ext2_vnode *)vn;
}

/* What asking the index for NAME answers, and the inode number. */
static int ask(struct shale_vnode *dir, const char *name, uint32_t *ino)
{
    struct ext2_place place;
    int found = ext2_htree_find(ext2_of(dir), name, strlen(name), &place);

    if (found > 0) {
        *ino = place.ino;
        shale_buf_put(place.buf);
    }
    return found;
}

/* Six hashes, with and without a level of nodes. */
START_TEST(finds_through_the_index)
{
    struct shale_vnode *dir;
    struct image image;
    uint32_t ino;

    tree_build(&image, (unsigned)_i / 2, (unsigned)_i % 2);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert(ext2_htree_present(ext2_of(dir)));
    ck_assert_int_eq(ask(dir, "n0007\xe9", &ino), 1);
    ck_assert_uint_eq(ino, TARGET);
    ck_assert_int_eq(ask(dir, "n0008", &ino), 1);
    ck_assert_int_eq(ask(dir, "absent", &ino), 0);
    ck_assert_uint_eq(names_found(dir), COUNT);
    ck_assert(ext2_htree_present(ext2_of(dir)));
    ck_assert_uint_eq(image.v.events, 0);
    image_close(&image, dir);
}
END_TEST

/* An unsigned version may also be in the root itself. */
START_TEST(root_may_name_an_unsigned_hash)
{
    struct shale_vnode *dir;
    struct image image;
    uint32_t ino;

    tree_build(&image, EXT2_HASH_TEA_UNSIGNED, 0);
    put32(image_super(&image) + 0x160, 0);
    dir_block(&image, 0)[28] = EXT2_HASH_TEA_UNSIGNED;
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(ask(dir, "n0007\xe9", &ino), 1);
    image_close(&image, dir);
}
END_TEST

/* Names with one hash on both sides of a boundary, which bit 0 tells of. */
START_TEST(follows_a_collision)
{
    struct shale_vnode *dir, *vn;
    struct image image;
    uint8_t *entries, *leaf;
    unsigned levels = (unsigned)_i;
    uint32_t hash, ino;
    char name[8];

    /* Move the first name of the last leaf into one of its own, before it. */
    tree_build(&image, EXT2_HASH_HALF_MD4, levels);
    entries = entries_at(&image, levels);
    leaf = dir_block(&image, LEAVES);
    hash = ext2_hash(EXT2_HASH_HALF_MD4, seed, (const char *)leaf + 8, leaf[6]);
    memcpy(name, leaf + 8, leaf[6]);
    name[leaf[6]] = '\0';
    put32(entries + 8 * (LEAVES - 2), hash);
    put32(entries + 8 * (LEAVES - 1), hash | 1);
    image_record(dir_block(&image, LEAVES - 1), 0, "", IMAGE_BLOCK, 0);

    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(ask(dir, name, &ino), 1);
    ck_assert_int_eq(shale_lookup(dir, name, strlen(name), &vn), 0);
    shale_vnode_put(vn);
    image_close(&image, dir);

    /* Without that bit the leaf is not looked into, nor all the others. */
    tree_build(&image, EXT2_HASH_HALF_MD4, levels);
    entries = entries_at(&image, levels);
    put32(entries + 8 * (LEAVES - 2), hash);
    put32(entries + 8 * (LEAVES - 1), hash + 2);
    image_record(dir_block(&image, LEAVES - 1), 0, "", IMAGE_BLOCK, 0);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(ask(dir, name, &ino), 0);
    image_close(&image, dir);
}
END_TEST

/* --------------------------------------------------------------- damage */

enum where { ROOT, NODE, LEAF };

static const struct {
    const char *what;
    unsigned levels;
    enum where where;
    uint32_t offset;            /* of a 16-bit patch */
    uint16_t value;
    unsigned lost;              /* names that cannot be found any more */
} damages[] = {
    { "reserved field", 0, ROOT, 24, 1, 0 },
    { "info length", 0, ROOT, 28, 7 << 8 | 1, 0 },
    { "hash 6", 0, ROOT, 28, 8 << 8 | 6, 0 },
    { "hash 255", 0, ROOT, 28, 8 << 8 | 255, 0 },
    { "too deep", 0, ROOT, 30, 2, 0 },
    { "much too deep", 0, ROOT, 30, 255, 0 },
    { "unknown flag", 0, ROOT, 30, 1 << 8, 0 },
    { "no room behind ..", 0, ROOT, 16, 12, COUNT },    /* block 0 is bad */
    { "limit past the block", 0, ROOT, 32, 125, 0 },
    { "count of 0", 0, ROOT, 34, 0, 0 },
    { "count past the limit", 0, ROOT, 34, 125, 0 },
    { "leaf is block 0", 0, ROOT, 36, 0, 0 },
    { "leaf past the end", 0, ROOT, 36, LEAVES + 2, 0 },
    { "entries not in order", 0, ROOT, 40 + 8 * 5 + 2, 0xffff, 0 },
    { "another hash", 0, ROOT, 28, 8 << 8 | EXT2_HASH_TEA, 0 },
    { "node past the end", 1, ROOT, 36, LEAVES + 2, 0 },
    { "node is a leaf", 1, ROOT, 36, 3, 0 },
    { "limit of a node", 1, NODE, 8, 128, 0 },
    { "count of a node", 1, NODE, 10, 0, 0 },
    { "node points to itself", 1, NODE, 12, LEAVES + 1, 0 },
    { "a leaf is damaged", 0, LEAF, 4, 0, COUNT / LEAVES },
};

START_TEST(searches_all_if_the_index_is_bad)
{
    unsigned lost = damages[_i].lost == COUNT ? 0 : damages[_i].lost;
    struct shale_vnode *dir, *vn;
    struct image image;
    uint8_t *block;
    int err;

    tree_build(&image, EXT2_HASH_HALF_MD4, damages[_i].levels);
    block = dir_block(&image, damages[_i].where == ROOT ? 0 :
                              damages[_i].where == NODE ? LEAVES + 1 : 4);
    put16(block + damages[_i].offset, damages[_i].value);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_msg(names_found(dir) == COUNT - lost, "%s: %u found",
                  damages[_i].what, names_found(dir));
    ck_assert_msg(image.v.events > 0, "%s: no warning", damages[_i].what);
    ck_assert_msg(!ext2_htree_present(ext2_of(dir)), "%s: tried again",
                  damages[_i].what);
    err = shale_lookup(dir, "absent", 6, &vn);
    ck_assert_msg(err == (damages[_i].lost ? SHALE_ECORRUPT : SHALE_ENOENT),
                  "%s: %d", damages[_i].what, err);
    image_close(&image, dir);
}
END_TEST

/* All entries have one hash and lead to one leaf: it ends. */
START_TEST(ends_if_all_hashes_are_alike)
{
    struct shale_vnode *dir, *vn;
    struct image image;
    uint8_t *entries;
    uint32_t hash = ext2_hash(EXT2_HASH_HALF_MD4, seed, "absent", 6);

    tree_build(&image, EXT2_HASH_HALF_MD4, 0);
    entries = entries_at(&image, 0);
    put16(entries + 2, 124);
    for (unsigned i = 1; i < 124; i++) {
        put32(entries + 8 * i, hash | 1);
        put32(entries + 8 * i + 4, 2);
    }
    put32(entries + 8, hash);
    image_record(dir_block(&image, 2), 0, "", IMAGE_BLOCK, 0);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(shale_lookup(dir, "absent", 6, &vn), SHALE_ENOENT);
    image_close(&image, dir);
}
END_TEST

/* Without the flag or the feature the index is so much slack. */
START_TEST(index_needs_flag_and_feature)
{
    for (unsigned i = 0; i < 2; i++) {
        struct shale_vnode *dir;
        struct image image;

        tree_build(&image, EXT2_HASH_HALF_MD4, 0);
        if (i == 0)
            put32(image_super(&image) + 0x5c, 0);
        else
            put32(image_inode(&image, IMAGE_FILE) + 0x20, 0);
        dir = image_open(&image, IMAGE_FILE);
        ck_assert(!ext2_htree_present(ext2_of(dir)));
        ck_assert_uint_eq(names_found(dir), COUNT);
        image_close(&image, dir);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/htree");
    TCase *tc = tcase_create("htree");

    tcase_add_loop_test(tc, finds_through_the_index, 0, 2 * EXT2_HASH_COUNT);
    tcase_add_test(tc, root_may_name_an_unsigned_hash);
    tcase_add_loop_test(tc, follows_a_collision, 0, 2);
    tcase_add_loop_test(tc, searches_all_if_the_index_is_bad, 0,
                        sizeof damages / sizeof damages[0]);
    tcase_add_test(tc, ends_if_all_hashes_are_alike);
    tcase_add_test(tc, index_needs_flag_and_feature);
    suite_add_tcase(s, tc);
    return s;
}
