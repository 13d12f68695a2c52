/* test_ext2_xattr.c - extended attributes, in the inode and in a block */
#include "suite.h"
#include "test_ext2_image.h"

#define BODY 160u               /* offset of the attributes in the inode */

/* A list of attributes being written. */
struct writer {
    uint8_t *base;              /* what value offsets refer to */
    uint8_t *entry;             /* where the next entry goes */
    uint32_t value;             /* offset at which the last value begins */
};

/* Add an attribute; returns its entry. */
static uint8_t *attribute_add(struct writer *w, uint8_t index, const char *name,
                              const void *value, uint32_t size)
{
    size_t len = strlen(name);
    uint8_t *entry = w->entry;

    w->value -= (size + 3) & ~3u;
    entry[0] = (uint8_t)len;
    entry[1] = index;
    put16(entry + 2, size ? w->value : 0);
    put32(entry + 8, size);
    memcpy(entry + 16, name, len);
    if (size > 0)
        memcpy(w->base + w->value, value, size);
    w->entry += 16 + ((len + 3) & ~(size_t)3);
    return entry;
}

/* Start on the attributes in inode IMAGE_FILE, of 256 bytes. */
static struct writer body_start(struct image *image)
{
    uint8_t *inode = image_inode(image, IMAGE_FILE);
    struct writer w = { .value = 256 - BODY - 4 };

    put16(inode + 0x80, BODY - 128);
    put32(inode + BODY, EXT2_XATTR_MAGIC);
    w.base = w.entry = inode + BODY + 4;
    return w;
}

/* Start on those in a block. */
static struct writer block_start(struct image *image)
{
    struct writer w = { .value = IMAGE_BLOCK };

    put32(image_inode(image, IMAGE_FILE) + 0x68, IMAGE_FREE);
    w.base = image_block(image, IMAGE_FREE);
    put32(w.base, EXT2_XATTR_MAGIC);
    put32(w.base + 4, 1);
    put32(w.base + 8, 1);
    w.entry = w.base + 32;
    return w;
}

static void file_init(struct image *image)
{
    image_init(image, 256);
    image_file(image, IMAGE_FILE, 0100644, 0, 0);
}

/* The names, with commas for their NULs; or the error. */
static int64_t list(struct shale_vnode *vn, char *text, size_t size)
{
    int64_t len = shale_listxattr(vn, text, size - 1);

    if (len < 0)
        return len;
    for (int64_t i = 0; i < len; i++)
        if (text[i] == '\0')
            text[i] = ',';
    text[len] = '\0';
    return len;
}

START_TEST(lists_and_gets)
{
    static const uint8_t acl[] = {
        1, 0, 0, 0, 1, 0, 6, 0, 4, 0, 4, 0, 32, 0, 4, 0,
    };
    struct shale_vnode *vn;
    struct image image;
    struct writer w;
    char buf[1024];

    file_init(&image);
    w = body_start(&image);
    attribute_add(&w, 1, "inside", "near", 4);
    attribute_add(&w, 1, "none", "", 0);
    w = block_start(&image);
    attribute_add(&w, 1, "outside", "far away", 8);
    attribute_add(&w, 4, "t", "1", 1);
    attribute_add(&w, 6, "selinux", "2", 1);
    attribute_add(&w, 7, "data", "3", 1);
    attribute_add(&w, 8, "", "4", 1);
    attribute_add(&w, 2, "", acl, sizeof acl);
    vn = image_open(&image, IMAGE_FILE);

    ck_assert_int_gt(list(vn, buf, sizeof buf), 0);
    ck_assert_str_eq(buf, "user.inside,user.none,user.outside,trusted.t,"
                          "security.selinux,system.data,system.richacl,"
                          "system.posix_acl_access,");
    ck_assert_int_eq(shale_getxattr(vn, "user.inside", buf, 4), 4);
    ck_assert_mem_eq(buf, "near", 4);
    ck_assert_int_eq(shale_getxattr(vn, "user.inside", buf, 3), SHALE_ERANGE);
    ck_assert_int_eq(shale_getxattr(vn, "user.inside", NULL, 0), 4);
    ck_assert_int_eq(shale_getxattr(vn, "user.none", buf, 1), 0);
    ck_assert_int_eq(shale_getxattr(vn, "user.outside", buf, 1024), 8);
    ck_assert_mem_eq(buf, "far away", 8);
    ck_assert_int_eq(shale_getxattr(vn, "system.richacl", buf, 1), 1);
    ck_assert_int_eq(shale_getxattr(vn, "system.posix_acl_access", buf, 1024),
                     28);
    ck_assert_int_eq(buf[0], 2);
    ck_assert_int_eq(shale_getxattr(vn, "user.insid", buf, 4), SHALE_ENODATA);
    ck_assert_int_eq(shale_getxattr(vn, "user.insides", buf, 4), SHALE_ENODATA);
    ck_assert_int_eq(shale_getxattr(vn, "trusted.inside", buf, 4),
                     SHALE_ENODATA);
    ck_assert_uint_eq(image.v.events, 0);
    image_close(&image, vn);
}
END_TEST

/* A file with none, and one whose inode has no room for any. */
START_TEST(finds_none)
{
    char buf[16];

    for (uint32_t size = 128; size <= 256; size *= 2) {
        struct shale_vnode *vn;
        struct image image;

        image_init(&image, size);
        image_file(&image, IMAGE_FILE, 0100644, 0, 0);
        vn = image_open(&image, IMAGE_FILE);
        ck_assert_int_eq(list(vn, buf, sizeof buf), 0);
        ck_assert_int_eq(shale_getxattr(vn, "user.a", buf, 1), SHALE_ENODATA);
        image_close(&image, vn);
    }
}
END_TEST

/* What nobody could ask for by name is passed over. */
START_TEST(skips_what_has_no_name)
{
    struct shale_vnode *vn;
    struct image image;
    struct writer w;
    uint8_t *entry;
    char buf[64];

    file_init(&image);
    w = block_start(&image);
    attribute_add(&w, 0, "zero", "1", 1);
    attribute_add(&w, 5, "lustre", "1", 1);
    attribute_add(&w, 9, "nine", "1", 1);
    attribute_add(&w, 255, "last", "1", 1);
    attribute_add(&w, 1, "", "1", 1);
    attribute_add(&w, 2, "more", "1", 1);
    entry = attribute_add(&w, 1, "nul", "1", 1);
    entry[17] = '\0';
    attribute_add(&w, 1, "sound", "1", 1);
    vn = image_open(&image, IMAGE_FILE);
    ck_assert_int_gt(list(vn, buf, sizeof buf), 0);
    ck_assert_str_eq(buf, "user.sound,");
    image_close(&image, vn);
}
END_TEST

/* --------------------------------------------------------------- damage */

static const struct {
    const char *what;
    bool in_inode;
    uint32_t offset, value;     /* 32 bits, from the header or magic on */
    int64_t listed, got;
} damages[] = {
    { "sound, in a block", false, 4, 1, 7, 5 },
    { "sound, in the inode", true, 4 + 12, 0, 7, 5 },
    { "no magic", false, 0, 0, SHALE_ECORRUPT, SHALE_ECORRUPT },
    { "no magic in the inode", true, 0, 0, 0, SHALE_ENODATA },
    { "two blocks", false, 8, 2, SHALE_ECORRUPT, SHALE_ECORRUPT },
    { "value ends at the block's end", false, 32, 0x03fb0101, 7, 5 },
    { "value passes it", false, 32, 0x03fc0101, SHALE_ECORRUPT,
      SHALE_ECORRUPT },
    { "value far beyond", false, 32, 0xffff0101, SHALE_ECORRUPT,
      SHALE_ECORRUPT },
    { "value of 4 GiB", false, 32 + 8, 0xffffffff, SHALE_ECORRUPT,
      SHALE_ECORRUPT },
    { "value passes the inode", true, 4, 0x00580101, SHALE_ECORRUPT,
      SHALE_ECORRUPT },
    { "name passes the inode", true, 4, 0x000001ff, SHALE_ECORRUPT,
      SHALE_ECORRUPT },
    { "value in an inode of its own", false, 32 + 4, 13, 7, SHALE_ENOTSUP },
};

START_TEST(survives_damage)
{
    struct shale_vnode *vn;
    struct image image;
    struct writer w;
    uint8_t *start;
    int64_t result;
    char buf[64];

    file_init(&image);
    w = damages[_i].in_inode ? body_start(&image) : block_start(&image);
    start = damages[_i].in_inode ? w.base - 4 : w.base;
    attribute_add(&w, 1, "a", "value", 5);
    put32(start + damages[_i].offset, damages[_i].value);
    vn = image_open(&image, IMAGE_FILE);
    result = list(vn, buf, sizeof buf);
    ck_assert_msg(result == damages[_i].listed, "%s: listed %d",
                  damages[_i].what, (int)result);
    result = shale_getxattr(vn, "user.a", buf, sizeof buf);
    ck_assert_msg(result == damages[_i].got, "%s: got %d", damages[_i].what,
                  (int)result);
    image_close(&image, vn);
}
END_TEST

/* Entries up to the very end, with no zeros after the last one. */
START_TEST(needs_an_end)
{
    struct shale_vnode *vn;
    struct image image;
    struct writer w;
    char buf[2048];

    file_init(&image);
    w = block_start(&image);
    while (w.entry < w.base + IMAGE_BLOCK)
        attribute_add(&w, 1, "name of 16 bytes", "", 0);
    vn = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(vn, buf, sizeof buf), SHALE_ECORRUPT);
    image_close(&image, vn);
}
END_TEST

static const struct {
    uint32_t block;
    int64_t listed;
} places[] = {
    { 1, SHALE_ECORRUPT },              /* the superblock */
    { IMAGE_BLOCKS - 1, SHALE_ECORRUPT },       /* no magic there */
    { IMAGE_BLOCKS, SHALE_ECORRUPT },
    { 0xffffffff, SHALE_ECORRUPT },
};

/* A bad block of attributes costs the attributes, not the file. */
START_TEST(block_is_in_the_volume)
{
    struct shale_vnode *vn;
    struct image image;
    char buf[16];

    file_init(&image);
    put32(image_inode(&image, IMAGE_FILE) + 0x68, places[_i].block);
    vn = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(vn, buf, sizeof buf), places[_i].listed);
    ck_assert_int_eq(shale_read(vn, buf, sizeof buf, 0), 0);
    image_close(&image, vn);
}
END_TEST

START_TEST(bad_acl_is_corrupt)
{
    struct shale_vnode *vn;
    struct image image;
    struct writer w;
    char buf[16];

    file_init(&image);
    w = body_start(&image);
    attribute_add(&w, 2, "", "\2\0\0\0", 4);
    vn = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(shale_getxattr(vn, "system.posix_acl_access", buf, 16),
                     SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(image.v.said, "access control list"));
    image_close(&image, vn);
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/xattr");
    TCase *tc = tcase_create("xattr");

    tcase_add_test(tc, lists_and_gets);
    tcase_add_test(tc, finds_none);
    tcase_add_test(tc, skips_what_has_no_name);
    LOOP(tc, survives_damage, damages);
    tcase_add_test(tc, needs_an_end);
    LOOP(tc, block_is_in_the_volume, places);
    tcase_add_test(tc, bad_acl_is_corrupt);
    suite_add_tcase(s, tc);
    return s;
}
