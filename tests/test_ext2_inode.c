/* test_ext2_inode.c - inodes: numbers in use, and what the fields mean */
#include "suite.h"
#include "test_ext2_image.h"

/* Up to three 32-bit patches of inode 12, a regular file of 100 bytes. */
struct patch {
    uint32_t offset, value;
};

/* --------------------------------------------------------------- errors */

static const struct {
    const char *what;
    struct patch patch[2];
    int result;
} validity[] = {
    { "in use", { { 0 } }, 0 },
    { "never used", { { 0x00, 0 } }, SHALE_ESTALE },
    { "deleted", { { 0x18, 0 } }, SHALE_ESTALE },
    { "deletion time alone", { { 0x14, 1000 } }, 0 },
    { "type 0", { { 0x00, 0000644 } }, SHALE_ECORRUPT },
    { "type 15", { { 0x00, 0170644 } }, SHALE_ECORRUPT },
    { "largest size", { { 0x04, 0x04043000 }, { 0x6c, 4 } }, 0 },
    { "one byte more", { { 0x04, 0x04043001 }, { 0x6c, 4 } }, SHALE_ECORRUPT },
    { "size below zero", { { 0x6c, 0xffffffff } }, SHALE_ECORRUPT },
    { "extra size not even", { { 0x80, 31 } }, SHALE_ECORRUPT },
    { "extra size too large", { { 0x80, 132 } }, SHALE_ECORRUPT },
    { "extra size all there is", { { 0x80, 128 } }, 0 },
    { "no extra size", { { 0x80, 0 } }, 0 },
};

static void file_patch(struct image *image, const struct patch *patch,
                       unsigned count)
{
    uint8_t *inode;

    image_init(image, 256);
    inode = image_file(image, IMAGE_FILE, 0100644, 100, IMAGE_FREE);
    for (unsigned i = 0; i < count; i++) {
        if (patch[i].offset != 0 || patch[i].value != 0 || i == 0)
            put32(inode + patch[i].offset, patch[i].value);
    }
}

START_TEST(loads_only_what_is_sound)
{
    static const struct patch none = { 0x78, 0 };
    const struct patch *patch = validity[_i].patch;
    struct shale_vnode *vn = NULL;
    struct shale_attr attr;
    struct image image;
    int err;

    file_patch(&image, _i == 0 ? &none : patch, _i == 0 ? 1 : 2);
    ck_assert_int_eq(image_mount(&image, NULL), 0);
    err = shale_vnode_get(image.v.fs, IMAGE_FILE, &vn);
    ck_assert_msg(err == validity[_i].result, "%s: %d", validity[_i].what, err);
    err = shale_getattr_ino(image.v.fs, IMAGE_FILE, &attr);
    ck_assert_msg(err == validity[_i].result, "%s: %d", validity[_i].what, err);
    image_close(&image, vn);
}
END_TEST

static const struct {
    uint64_t ino;
    int result;
} numbers[] = {
    { 0, SHALE_ESTALE },
    { 1, SHALE_ESTALE },        /* bad blocks: reserved, though in use */
    { EXT2_ROOT_INO, 0 },
    { 3, SHALE_ESTALE },
    { 10, SHALE_ESTALE },
    { 11, 0 },                  /* first that is not reserved */
    { IMAGE_INODES, 0 },
    { IMAGE_INODES + 1, SHALE_ESTALE },
    { UINT32_MAX, SHALE_ESTALE },
    { (UINT64_C(1) << 32) + 11, SHALE_ESTALE },
};

START_TEST(knows_its_numbers)
{
    struct shale_vnode *vn = NULL;
    struct image image;
    int err;

    image_init(&image, 256);
    for (uint32_t ino = 1; ino <= IMAGE_INODES; ino++)
        if (ino != EXT2_ROOT_INO)
            image_file(&image, ino, 0100644, 0, 0);
    ck_assert_int_eq(image_mount(&image, NULL), 0);
    err = shale_vnode_get(image.v.fs, numbers[_i].ino, &vn);
    ck_assert_msg(err == numbers[_i].result, "%llu: %d",
                  (unsigned long long)numbers[_i].ino, err);
    image_close(&image, vn);
}
END_TEST

/* A name that leads to an inode not in use is the volume's fault. */
START_TEST(name_of_nothing_is_corrupt)
{
    struct shale_vnode *vn, *root;
    struct image image;
    uint8_t *at;

    image_init(&image, 128);
    at = image_block(&image, IMAGE_ROOT) + 12;
    at = image_record(at, EXT2_ROOT_INO, "..", 12, 2);
    at = image_record(at, IMAGE_FILE, "free", 16, 1);
    at = image_record(at, 7, "kept", 16, 1);
    image_record(at, 4000000000, "far", IMAGE_BLOCK - 56, 1);
    root = image_open(&image, EXT2_ROOT_INO);
    ck_assert_int_eq(shale_lookup(root, "free", 4, &vn), SHALE_ECORRUPT);
    ck_assert_int_eq(shale_lookup(root, "kept", 4, &vn), SHALE_ECORRUPT);
    ck_assert_int_eq(shale_lookup(root, "far", 3, &vn), SHALE_ECORRUPT);
    image_close(&image, root);
}
END_TEST

/* ----------------------------------------------------------- attributes */

static struct shale_attr attr_of(struct image *image)
{
    struct shale_attr attr;

    ck_assert_int_eq(image_mount(image, NULL), 0);
    ck_assert_int_eq(shale_getattr_ino(image->v.fs, IMAGE_FILE, &attr), 0);
    image_close(image, NULL);
    return attr;
}

START_TEST(decodes_every_field)
{
    static const struct patch patch[] = {
        { 0x00, 0x5678u << 16 | 0104755 }, { 0x18, 3u << 16 | 0xdef0 },
        { 0x20, 0x80 }, { 0x64, 0xcafe },
        { 0x78, 0x9abc1234 },           /* high halves of gid and uid */
    };
    struct image image;
    struct shale_attr attr;

    file_patch(&image, patch, 5);
    attr = attr_of(&image);
    ck_assert_uint_eq(attr.ino, IMAGE_FILE);
    ck_assert_uint_eq(attr.mode, 0104755);
    ck_assert_uint_eq(attr.uid, 0x12345678);
    ck_assert_uint_eq(attr.gid, 0x9abcdef0);
    ck_assert_uint_eq(attr.links, 3);
    ck_assert_uint_eq(attr.size, 100);
    ck_assert_uint_eq(attr.allocated, IMAGE_BLOCK);
    ck_assert_uint_eq(attr.flags, 0x80);
    ck_assert_uint_eq(attr.generation, 0xcafe);
    ck_assert_uint_eq(attr.block_size, IMAGE_BLOCK);
    ck_assert_uint_eq(attr.rdev_major, 0);
}
END_TEST

static const struct {
    const char *what;
    uint32_t extra_isize, seconds, extra;
    int64_t sec;
    uint32_t nsec;
} times[] = {
    { "the epoch", 32, 0, 0, 0, 0 },
    { "before it", 32, 0xffffffff, 0, -1, 0 },
    { "long before it", 32, 0x80000000, 0, -2147483648, 0 },
    { "last of 32 bits", 32, 0x7fffffff, 0, 2147483647, 0 },
    { "2038", 32, 0x80000000, 1, INT64_C(2147483648), 0 },
    { "2106", 32, 0, 1, INT64_C(4294967296), 0 },
    { "2446, the last", 32, 0x7fffffff, 3, INT64_C(15032385535), 0 },
    { "nanoseconds", 32, 5, 999999999u << 2, 5, 999999999 },
    { "impossible nanoseconds", 32, 5, 1000000000u << 2, 5, 0 },
    { "both", 32, 5, 7u << 2 | 2, INT64_C(8589934597), 7 },
    { "field not in use", 4, 5, 7u << 2 | 2, 5, 0 },
};

START_TEST(decodes_times)
{
    /* Where seconds and the rest of them are. */
    static const uint8_t at[3][2] = {
        { 0x10, 0x88 }, { 0x0c, 0x84 }, { 0x08, 0x8c },
    };

    for (unsigned i = 0; i < 3; i++) {
        const struct patch patch[] = {
            { 0x80, times[_i].extra_isize }, { at[i][0], times[_i].seconds },
            { at[i][1], times[_i].extra },
        };
        struct image image;
        struct shale_attr attr;
        struct shale_time t;

        file_patch(&image, patch, 3);
        attr = attr_of(&image);
        t = i == 0 ? attr.mtime : i == 1 ? attr.ctime : attr.atime;
        ck_assert_msg(t.sec == times[_i].sec && t.nsec == times[_i].nsec,
                      "%s: %lld.%u", times[_i].what, (long long)t.sec, t.nsec);
    }
}
END_TEST

/* Extra sizes that end before, in and after the creation time. */
START_TEST(birth_needs_room)
{
    static const struct {
        uint32_t extra_isize;
        int64_t sec;
        uint32_t nsec;
    } rooms[] = { { 16, 0, 0 }, { 20, 77, 0 }, { 24, 77, 9 }, { 32, 77, 9 } };

    for (unsigned i = 0; i < 4; i++) {
        const struct patch patch[] = {
            { 0x80, rooms[i].extra_isize }, { 0x90, 77 }, { 0x94, 9u << 2 },
        };
        struct image image;
        struct shale_attr attr;

        file_patch(&image, patch, 3);
        attr = attr_of(&image);
        ck_assert_int_eq(attr.btime.sec, rooms[i].sec);
        ck_assert_uint_eq(attr.btime.nsec, rooms[i].nsec);
    }
}
END_TEST

static const struct {
    uint32_t mode, old, new, major, minor;
} devices[] = {
    { 0020644, 0x0103, 0, 1, 3 },
    { 0060644, 0xffff, 0, 255, 255 },
    { 0060644, 0, 0x11270, 0x112, 0x70 },
    { 0020644, 0, 0xfff0abff, 0x0ab, 0xfffff },
    { 0020644, 0, 0, 0, 0 },
    { 0010644, 0x0103, 0, 0, 0 },       /* a fifo is none */
};

START_TEST(decodes_devices)
{
    const struct patch patch[] = {
        { 0x00, devices[_i].mode }, { 0x28, devices[_i].old },
        { 0x2c, devices[_i].new },
    };
    struct image image;
    struct shale_attr attr;

    file_patch(&image, patch, 3);
    attr = attr_of(&image);
    ck_assert_uint_eq(attr.rdev_major, devices[_i].major);
    ck_assert_uint_eq(attr.rdev_minor, devices[_i].minor);
}
END_TEST

static const struct {
    uint32_t ro_compat, flags, high;
    uint64_t allocated;
} counts[] = {
    { 0, 0, 0, 5 * 512 },
    { 0, 0x40000, 1, 5 * 512 },         /* nobody declares huge files */
    { 8, 0, 0, 5 * 512 },
    { 8, 0, 1, (UINT64_C(1) << 41) + 5 * 512 },
    { 8, 0x40000, 1, (UINT64_C(1) << 42) + 5 * 1024 },
};

START_TEST(counts_blocks)
{
    const struct patch patch[] = {
        { 0x1c, 5 }, { 0x20, counts[_i].flags }, { 0x74, counts[_i].high },
    };
    struct image image;

    file_patch(&image, patch, 3);
    put32(image_super(&image) + 0x64, counts[_i].ro_compat);
    ck_assert_uint_eq(attr_of(&image).allocated, counts[_i].allocated);
}
END_TEST

/* ------------------------------------------------------------- symlinks */

static const struct {
    const char *what;
    uint32_t size, blocks, acl_block;
    const char *fast, *slow;    /* what is in the inode, and in its block */
    int64_t result;
} symlinks[] = {
    { "one byte", 1, 0, 0, "x", NULL, 1 },
    { "fast", 4, 0, 0, "here", NULL, 4 },
    { "longest fast", 59, 0, 0,
      "12345678901234567890123456789012345678901234567890123456789", NULL, 59 },
    { "too long to be fast", 60, 0, 0, "1234567890", NULL, SHALE_ECORRUPT },
    { "empty", 0, 0, 0, "", NULL, SHALE_ECORRUPT },
    { "NUL inside", 5, 0, 0, "here", NULL, SHALE_ECORRUPT },
    { "fast, with attributes", 4, 2, 200, "here", NULL, 4 },
    { "slow", 5, 2, 0, "", "there", 5 },
    { "slow, with attributes", 5, 4, 200, "", "there", 5 },
    { "slow, NUL inside", 6, 2, 0, "", "there", SHALE_ECORRUPT },
    { "slow, as long as its block", 1024, 2, 0, "", "there", SHALE_ECORRUPT },
    { "slow, longer than any path", 5000, 2, 0, "", "there", SHALE_ECORRUPT },
    { "slow, in a hole", 5, 2, 0, "", NULL, SHALE_ECORRUPT },
};

START_TEST(reads_symlinks)
{
    char target[SHALE_PATH_MAX];
    struct shale_vnode *vn;
    struct image image;
    uint8_t *inode;
    int64_t got;

    image_init(&image, 128);
    inode = image_file(&image, IMAGE_FILE, 0120777, symlinks[_i].size, 0);
    put32(inode + 0x1c, symlinks[_i].blocks);
    put32(inode + 0x68, symlinks[_i].acl_block);
    memcpy(inode + 0x28, symlinks[_i].fast, strlen(symlinks[_i].fast));
    if (symlinks[_i].slow) {
        put32(inode + 0x28, IMAGE_FREE);
        memcpy(image_block(&image, IMAGE_FREE), symlinks[_i].slow,
               strlen(symlinks[_i].slow));
    }
    vn = image_open(&image, IMAGE_FILE);
    got = shale_readlink(vn, target, sizeof target);
    ck_assert_msg(got == symlinks[_i].result, "%s: %d", symlinks[_i].what,
                  (int)got);
    if (got > 0)
        ck_assert_str_eq(target, symlinks[_i].slow ? symlinks[_i].slow
                                                   : symlinks[_i].fast);
    image_close(&image, vn);
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/inode");
    TCase *tc = tcase_create("inode");

    LOOP(tc, loads_only_what_is_sound, validity);
    LOOP(tc, knows_its_numbers, numbers);
    tcase_add_test(tc, name_of_nothing_is_corrupt);
    tcase_add_test(tc, decodes_every_field);
    LOOP(tc, decodes_times, times);
    tcase_add_test(tc, birth_needs_room);
    LOOP(tc, decodes_devices, devices);
    LOOP(tc, counts_blocks, counts);
    LOOP(tc, reads_symlinks, symlinks);
    suite_add_tcase(s, tc);
    return s;
}
