/* test_ext2_dir.c - directory records, sound and not; listings and cookies */
#include "ext2/dir.h"
#include "suite.h"
#include "test_ext2_image.h"

/* -------------------------------------------------------------- records */

static const struct {
    const char *what;
    uint32_t block_size, offset;
    uint8_t bytes[12];          /* the record */
    const char *wrong;          /* part of the answer; NULL if it is sound */
    uint32_t ino, rec_len;
    uint8_t name_len, type;
} records[] = {
    { "an entry", 1024, 0, { 12, 0, 0, 0, 16, 0, 5, 1 }, NULL, 12, 16, 5, 1 },
    { "no slack", 1024, 0, { 12, 0, 0, 0, 12, 0, 4, 1 }, NULL, 12, 12, 4, 1 },
    { "free, of least size", 1024, 0, { 0, 0, 0, 0, 8, 0, 0, 0 }, NULL, 0, 8, 0,
      0 },
    { "to the block's end", 1024, 1008, { 12, 0, 0, 0, 16, 0, 8, 2 }, NULL, 12,
      16, 8, 2 },
    { "past it", 1024, 1008, { 12, 0, 0, 0, 20, 0, 8, 2 }, "leaves its block",
      0, 0, 0, 0 },
    { "far past it", 1024, 0, { 12, 0, 0, 0, 0xfc, 0xff, 8, 2 },
      "leaves its block", 0, 0, 0, 0 },
    { "length 0", 1024, 0, { 12 }, "shorter than its name", 0, 0, 0, 0 },
    { "length 4", 1024, 0, { 0, 0, 0, 0, 4 }, "shorter than its name", 0, 0, 0,
      0 },
    { "shorter than the name", 1024, 0, { 12, 0, 0, 0, 12, 0, 5, 1 },
      "shorter than its name", 0, 0, 0, 0 },
    { "not a multiple of 4", 1024, 0, { 12, 0, 0, 0, 18, 0, 5, 1 },
      "multiple of 4", 0, 0, 0, 0 },
    { "half a head left", 1024, 1020, { 12 }, "less than a record", 0, 0, 0,
      0 },
    { "65532 of 64 KiB", 65536, 0, { 12, 0, 0, 0, 0xfc, 0xff, 5, 1 }, NULL, 12,
      65532, 5, 1 },
    { "all of 64 KiB as 0", 65536, 0, { 12, 0, 0, 0, 0, 0, 5, 1 }, NULL, 12,
      65536, 5, 1 },
    { "all of 64 KiB as 65535", 65536, 0, { 12, 0, 0, 0, 0xff, 0xff, 5, 1 },
      NULL, 12, 65536, 5, 1 },
    { "that, not at the start", 65536, 12, { 12, 0, 0, 0, 0, 0, 5, 1 },
      "leaves its block", 0, 0, 0, 0 },
    { "0 in 32 KiB", 32768, 0, { 12, 0, 0, 0, 0, 0, 5, 1 },
      "shorter than its name", 0, 0, 0, 0 },
};

START_TEST(decodes_a_record)
{
    struct ext2_super super = {
        .block_size = records[_i].block_size,
        .incompat = EXT2_INCOMPAT_FILETYPE,
    };
    uint8_t *block = calloc(1, super.block_size + sizeof records[_i].bytes);
    struct ext2_dirent entry;
    const char *wrong;

    memcpy(block + records[_i].offset, records[_i].bytes,
           sizeof records[_i].bytes);
    wrong = ext2_dirent_decode(&super, block, records[_i].offset, &entry);
    if (records[_i].wrong) {
        ck_assert_msg(wrong && strstr(wrong, records[_i].wrong), "%s: %s",
                      records[_i].what, wrong ? wrong : "sound");
    } else {
        ck_assert_msg(!wrong, "%s: %s", records[_i].what, wrong);
        ck_assert_uint_eq(entry.ino, records[_i].ino);
        ck_assert_uint_eq(entry.rec_len, records[_i].rec_len);
        ck_assert_uint_eq(entry.name_len, records[_i].name_len);
        ck_assert_uint_eq(entry.file_type, records[_i].type);
        ck_assert_ptr_eq(entry.name, block + records[_i].offset + 8);
    }
    free(block);
}
END_TEST

/* ------------------------------------------------------------- listings */

/* What a listing told, as text: "name:ino:type " ... */
struct told {
    char text[512];
    uint64_t next[16];          /* cookies */
    unsigned count, stop_at;
};

static int tell(void *context, const struct shale_dirent *entry)
{
    struct told *told = context;
    size_t len = strlen(told->text);

    if (told->count == told->stop_at)
        return 1;
    snprintf(told->text + len, sizeof told->text - len, "%.*s:%llu:%d ",
             (int)entry->len, entry->name, (unsigned long long)entry->ino,
             (int)entry->type);
    told->next[told->count++] = entry->next;
    return 0;
}

/*
 * A directory of four blocks: entries, one of them free; a hole; entries; and
 * one with the dots where nobody expects them.
 */
static uint8_t *dir_build(struct image *image)
{
    uint8_t *inode, *at;

    image_init(image, 128);
    inode = image_file(image, IMAGE_FILE, 040755, 4 * IMAGE_BLOCK, IMAGE_FREE);
    put32(inode + 0x28 + 4, 0);

    at = image_block(image, IMAGE_FREE);
    at = image_record(at, IMAGE_FILE, ".", 12, 2);
    at = image_record(at, EXT2_ROOT_INO, "..", 12, 2);
    at = image_record(at, 20, "one", 40, 1);
    at = image_record(at, 0, "gone", 16, 1);
    image_record(at, 21, "two", IMAGE_BLOCK - 80, 7);
    at = image_block(image, IMAGE_FREE + 2);
    at = image_record(at, 0, "", 8, 0);
    at = image_record(at, 22, "three", 16, 9);
    image_record(at, 23, "four", IMAGE_BLOCK - 24, 5);
    at = image_block(image, IMAGE_FREE + 3);
    at = image_record(at, 24, "..", 12, 2);
    image_record(at, 25, "...", IMAGE_BLOCK - 12, 3);
    return inode;
}

/* The driver's own listing, without what the VFS adds. */
static int list(struct shale_vnode *dir, uint64_t cookie, struct told *told)
{
    told->text[0] = '\0';
    told->count = 0;
    return ext2_dir_iterate((struct ext2_vnode *)dir, cookie, tell, told);
}

#define TYPES_ALL "one:20:1 two:21:3 three:22:0 four:23:6 ...:25:4 "

START_TEST(lists_a_directory)
{
    struct told told = { .stop_at = 16 };
    struct shale_vnode *dir;
    struct image image;

    dir_build(&image);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, 0, &told), 0);
    ck_assert_str_eq(told.text, TYPES_ALL);
    image_close(&image, dir);
}
END_TEST

START_TEST(types_need_the_feature)
{
    struct told told = { .stop_at = 16 };
    struct shale_vnode *dir;
    struct image image;

    dir_build(&image);
    put32(image_super(&image) + 0x60, 0);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, 0, &told), 0);
    ck_assert_str_eq(told.text,
                     "one:20:0 two:21:0 three:22:0 four:23:0 ...:25:0 ");
    image_close(&image, dir);
}
END_TEST

/* Stop after each entry in turn, and go on from its cookie. */
START_TEST(goes_on_from_a_cookie)
{
    struct told all = { .stop_at = 16 }, first, rest = { .stop_at = 16 };
    struct shale_vnode *dir;
    struct image image;

    dir_build(&image);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, 0, &all), 0);
    for (unsigned n = 0; n < all.count; n++) {
        uint64_t cookie;

        first = (struct told){ .stop_at = n };
        ck_assert_int_eq(list(dir, 0, &first), 1);
        cookie = n == 0 ? 0 : first.next[n - 1];
        ck_assert_int_eq(list(dir, cookie, &rest), 0);
        strcat(first.text, rest.text);
        ck_assert_str_eq(first.text, all.text);
    }
    ck_assert_int_eq(list(dir, all.next[all.count - 1], &rest), 0);
    ck_assert_str_eq(rest.text, "");
    image_close(&image, dir);
}
END_TEST

static const struct {
    uint64_t cookie;
    const char *text;
} cookies[] = {
    { 24, TYPES_ALL },
    { 25, "two:21:3 three:22:0 four:23:6 ...:25:4 " },  /* inside "one" */
    { 64, "two:21:3 three:22:0 four:23:6 ...:25:4 " },
    { 81, "three:22:0 four:23:6 ...:25:4 " },
    { 1500, "three:22:0 four:23:6 ...:25:4 " },         /* in the hole */
    { 2048 + 9, "four:23:6 ...:25:4 " },
    { 4096, "" },
    { 4097, "" },
    { (UINT64_C(1) << 62) - 1, "" },
};

START_TEST(takes_any_cookie)
{
    struct told told = { .stop_at = 16 };
    struct shale_vnode *dir;
    struct image image;

    dir_build(&image);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, cookies[_i].cookie, &told), 0);
    ck_assert_str_eq(told.text, cookies[_i].text);
    image_close(&image, dir);
}
END_TEST

/* --------------------------------------------------------------- damage */

static const struct {
    const char *what;
    uint32_t block, offset;     /* of a 16-bit patch of the directory */
    uint16_t value;
    const char *text;           /* what is listed before the error */
    const char *says;
} damages[] = {
    { "record leaves its block", 0, 84, 0x3b8, "one:20:1 ", "leaves its" },
    { "name of no length", 2, 14, 0, "one:20:1 two:21:3 ", "empty name" },
    { "name with a slash", 2, 16, '/' << 8 | 't', "one:20:1 two:21:3 ",
      "slash" },
    { "name with a NUL", 2, 18, 'r', "one:20:1 two:21:3 ", "slash or NUL" },
    { "length 0", 0, 28, 0, "", "shorter" },
};

START_TEST(lists_up_to_the_damage)
{
    uint32_t block = IMAGE_FREE + damages[_i].block;
    struct told told = { .stop_at = 16 };
    struct shale_vnode *dir, *vn;
    struct image image;

    dir_build(&image);
    image_file(&image, 25, 0100644, 0, 0);
    put16(image_block(&image, block) + damages[_i].offset, damages[_i].value);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, 0, &told), SHALE_ECORRUPT);
    ck_assert_msg(strcmp(told.text, damages[_i].text) == 0, "%s: %s",
                  damages[_i].what, told.text);
    ck_assert_msg(strstr(image.v.said, damages[_i].says), "%s: %s",
                  damages[_i].what, image.v.said);

    /* What another block holds is still found by name. */
    ck_assert_int_eq(shale_lookup(dir, "...", 3, &vn), 0);
    ck_assert_uint_eq(shale_vnode_ino(vn), 25);
    shale_vnode_put(vn);
    image_close(&image, dir);
}
END_TEST

START_TEST(finds_by_name)
{
    struct shale_vnode *dir, *vn;
    struct image image;

    dir_build(&image);
    image_file(&image, 20, 0100644, 0, 0);
    image_file(&image, 23, 0140644, 0, 0);
    dir = image_open(&image, IMAGE_FILE);
    for (unsigned again = 0; again < 2; again++) {
        /* The second time, the search begins where the first one ended. */
        ck_assert_int_eq(shale_lookup(dir, "four", 4, &vn), 0);
        ck_assert_uint_eq(shale_vnode_ino(vn), 23);
        shale_vnode_put(vn);
        ck_assert_int_eq(shale_lookup(dir, "one", 3, &vn), 0);
        ck_assert_uint_eq(shale_vnode_ino(vn), 20);
        shale_vnode_put(vn);
    }
    ck_assert_int_eq(shale_lookup(dir, "gone", 4, &vn), SHALE_ENOENT);
    ck_assert_int_eq(shale_lookup(dir, "on", 2, &vn), SHALE_ENOENT);
    ck_assert_int_eq(shale_lookup(dir, "ones", 4, &vn), SHALE_ENOENT);
    ck_assert_int_eq(shale_lookup(dir, "..", 2, &vn), 0);
    ck_assert_uint_eq(shale_vnode_ino(vn), EXT2_ROOT_INO);
    shale_vnode_put(vn);
    image_close(&image, dir);
}
END_TEST

static const struct {
    const char *what;
    uint32_t field, value;      /* 32 bits of the directory's inode */
    int listed, parent;
    const char *text;
} inodes[] = {
    { "size no multiple of blocks", 0x04, 1000, SHALE_ECORRUPT, 0, "" },
    { "empty", 0x04, 0, 0, 0, "" },
    { "larger than its blocks", 0x04, 0xfffffc00, 0, 0, TYPES_ALL },
    { "first block is a hole", 0x28, 0, 0, SHALE_ECORRUPT,
      "three:22:0 four:23:6 ...:25:4 " },
    { "first block off the volume", 0x28, 5000, SHALE_ECORRUPT, SHALE_ECORRUPT,
      "" },
};

START_TEST(survives_a_bad_inode)
{
    struct told told = { .stop_at = 16 };
    struct shale_vnode *dir, *vn = NULL;
    struct image image;

    put32(dir_build(&image) + inodes[_i].field, inodes[_i].value);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, 0, &told), inodes[_i].listed);
    ck_assert_msg(strcmp(told.text, inodes[_i].text) == 0, "%s: %s",
                  inodes[_i].what, told.text);
    ck_assert_int_eq(shale_lookup(dir, "..", 2, &vn), inodes[_i].parent);
    shale_vnode_put(vn);
    image_close(&image, dir);
}
END_TEST

/*
 * One block, used for all of a directory far larger than the volume; or than
 * the device, of a volume that claims to be larger.
 */
START_TEST(stops_in_a_loop)
{
    struct told told = { .stop_at = 0 };
    struct shale_vnode *dir;
    struct image image;
    uint8_t *inode, *at;

    inode = dir_build(&image);
    put32(image_super(&image) + 0x04, _i == 0 ? IMAGE_BLOCKS : 8193);
    put32(inode + 0x04, 0x400000);
    put32(inode + 0x28 + 4 * 13, IMAGE_FREE + 5);
    for (uint32_t i = 0; i < 256; i++) {
        put32(image_block(&image, IMAGE_FREE + 5) + 4 * i, IMAGE_FREE + 6);
        put32(image_block(&image, IMAGE_FREE + 6) + 4 * i, IMAGE_FREE + 7);
    }
    at = image_block(&image, IMAGE_FREE + 7);
    image_record(at, 0, "", IMAGE_BLOCK, 0);
    dir = image_open(&image, IMAGE_FILE);
    ck_assert_int_eq(list(dir, 4096, &told), SHALE_ECORRUPT);
    ck_assert_ptr_nonnull(strstr(image.v.said, "larger than the volume"));
    image_close(&image, dir);
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/dir");
    TCase *tc = tcase_create("dir");

    LOOP(tc, decodes_a_record, records);
    tcase_add_test(tc, lists_a_directory);
    tcase_add_test(tc, types_need_the_feature);
    tcase_add_test(tc, goes_on_from_a_cookie);
    LOOP(tc, takes_any_cookie, cookies);
    LOOP(tc, lists_up_to_the_damage, damages);
    tcase_add_test(tc, finds_by_name);
    LOOP(tc, survives_a_bad_inode, inodes);
    tcase_add_loop_test(tc, stops_in_a_loop, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
