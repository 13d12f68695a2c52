/*
 * test_ext2_order.c - what is on the device when, where batches are not whole
 *
 * The device is memory, so a test sees what has been written and what has not.
 * What a power cut leaves is for the proof of power cuts (ext2/powercut.sh).
 */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

static struct rig rig;
static struct shale_vnode *root;

/*
 * A volume without room for a journal, whose free blocks are not empty, changed
 * by the command CHANGE before it is mounted, or not (NULL).
 */
static void begin_changed(const char *arguments, const char *change)
{
    struct shale_vnode *file;
    uint8_t junk[1024];
    int status = 0;

    memset(junk, 0xa5, sizeof junk);
    rig_init(&rig, 1 << 20, arguments);
    if (change)
        rig_run(&rig, change, &status);
    ck_assert_int_eq(status, 0);
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    file = rig_create(&rig, "junk", 0100644);
    while (shale_write(file, junk, sizeof junk, file->size) == sizeof junk)
        continue;
    shale_vnode_put(file);
    ck_assert_int_eq(shale_unlink(root, "junk", 4), 0);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
}

static void begin(const char *arguments)
{
    begin_changed(arguments, NULL);
}

static void end(void)
{
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}

static struct ext2_volume *vol(void)
{
    return ext2_volume_of(rig.v.fs);
}

static uint32_t block_of(struct shale_vnode *vn, unsigned i)
{
    return le32_get(((struct ext2_vnode *)vn)->inode.block[i]);
}

/* The bytes of BLOCK that are on the device. */
static const uint8_t *on_device(uint32_t block)
{
    return rig.bytes + ext2_block_at(vol(), block);
}

static uint64_t batch(void)
{
    return shale_tx_batch(rig.v.fs->tx);
}

static bool is_there(const char *path)
{
    struct shale_attr attr;

    return shale_lstat(rig.v.fs, path, &attr) == 0;
}

static void move(const char *from, const char *to)
{
    ck_assert_int_eq(shale_rename(root, from, strlen(from), root, to,
                                  strlen(to), 0), 0);
}

static void make_names(const char *format, struct shale_vnode *dir,
                       unsigned first, unsigned end_at)
{
    const struct shale_node node = { .mode = 0100644 };

    for (unsigned i = first; i < end_at; i++) {
        char name[60];
        int len = snprintf(name, sizeof name, format, i);

        ck_assert_int_eq(shale_create(dir, name, (size_t)len, &node, NULL), 0);
    }
}

START_TEST(new_blocks_of_pointers_are_empty_before)
{
    struct shale_vnode *file;
    uint8_t bytes[1024] = { 1 };

    begin("-b 1024 -N 120");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_write(file, bytes, 1024, 300 * 1024), 1024);
    ck_assert_uint_ne(block_of(file, 13), 0);
    for (unsigned i = 0; i < 1024; i++)
        ck_assert_uint_eq(on_device(block_of(file, 13))[i], 0);
    shale_vnode_put(file);
    end();
}
END_TEST

START_TEST(new_blocks_of_records_are_empty_before)
{
    struct shale_vnode *dir;
    const uint8_t *record;

    begin("-b 1024 -N 120");
    dir = rig_create(&rig, "d", 040755);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    make_names("a rather long name for number %u", dir, 0, 40);
    ck_assert_uint_ne(block_of(dir, 1), 0);
    record = on_device(block_of(dir, 1));
    ck_assert_uint_eq(record[0] | record[1] | record[2] | record[3], 0);
    ck_assert_uint_eq(record[4] | (unsigned)record[5] << 8, 1024);
    shale_vnode_put(dir);
    end();
}
END_TEST

START_TEST(blocks_of_attributes_are_whole_before_and_not_changed)
{
    struct shale_vnode *file;
    char value[200];
    uint32_t first, second;

    memset(value, 'x', sizeof value);
    begin("-b 1024 -N 120 -I 128");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_setxattr(file, "user.a", value, 200, 0), 0);
    first = ((struct ext2_vnode *)file)->inode.acl_block;
    ck_assert_uint_eq(on_device(first)[3], 0xea);
    ck_assert_uint_eq(on_device(first)[1023], 'x');
    ck_assert_int_eq(shale_setxattr(file, "user.b", value, 100, 0), 0);
    second = ((struct ext2_vnode *)file)->inode.acl_block;
    ck_assert_uint_ne(first, second);
    ck_assert_uint_eq(on_device(second)[3], 0xea);
    shale_vnode_put(file);
    end();
}
END_TEST

/* One write changes the name, even of a directory, if its record has room. */
START_TEST(a_name_is_changed_where_it_is)
{
    static const struct {
        const char *from, *to;
        bool at_once;
    } moves[] = {
        { "directory", "other name", true },
        { "other name", "x", true },
        { "x", "a name that is longer", true },     /* the last has slack */
        { "first", "a longer one than it was", false },
    };

    begin("-b 1024 -N 120");
    shale_vnode_put(rig_create(&rig, "first", 040755));
    shale_vnode_put(rig_create(&rig, "directory", 040755));
    for (unsigned i = 0; i < sizeof moves / sizeof moves[0]; i++) {
        ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
        move(moves[i].from, moves[i].to);
        ck_assert_msg((vol()->moved_in != batch()) == moves[i].at_once, "%s",
                      moves[i].to);
    }
    ck_assert(is_there("/a name that is longer"));
    ck_assert(is_there("/a longer one than it was"));
    ck_assert(!is_there("/directory") && !is_there("/x"));
    end();
}
END_TEST

/* Has the directory PATH the record NAME, which lookups do not show? */
static bool has_record(const char *path, const char *name)
{
    struct shale_vnode *dir = rig_open(&rig, path);
    struct ext2_place place;
    int err = ext2_dir_find((struct ext2_vnode *)dir, name, strlen(name),
                            &place);

    shale_vnode_put(dir);
    ck_assert(err == 0 || err == SHALE_ENOENT);
    if (!err)
        shale_buf_put(place.buf);
    return !err;
}

START_TEST(a_replaced_file_is_in_lost_and_found_until_it_goes)
{
    struct shale_vnode *file, *dir;
    char name[20], path[40];

    begin("-b 1024 -N 120");
    shale_vnode_put(rig_create(&rig, "new", 0100644));
    file = rig_create(&rig, "old", 0100644);
    snprintf(name, sizeof name, "#%u", (unsigned)file->ino);
    snprintf(path, sizeof path, "/lost+found/%s", name);
    move("new", "old");
    ck_assert_uint_eq(file->links, 0);
    ck_assert(has_record("/lost+found", name));
    /* Nobody can give it another name, nor lose it. */
    ck_assert(!is_there(path));
    dir = rig_open(&rig, "/lost+found");
    ck_assert_int_eq(shale_rename(dir, name, strlen(name), root, "saved", 5, 0),
                     SHALE_ENOENT);
    ck_assert_int_eq(shale_unlink(dir, name, strlen(name)), SHALE_ENOENT);
    shale_vnode_put(dir);
    move("lost+found", "elsewhere");
    ck_assert(has_record("/elsewhere", name));
    shale_vnode_put(file);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    ck_assert(!has_record("/elsewhere", name));
    move("elsewhere", "lost+found");
    ck_assert(is_there("/old") && !is_there("/new"));
    end();
}
END_TEST

/* Nobody makes a second name like the one of a file that waits to go. */
START_TEST(the_name_of_a_replaced_file_is_taken)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *file, *dir;
    char name[20];

    begin("-b 1024 -N 120");
    dir = rig_open(&rig, "/lost+found");
    shale_vnode_put(rig_create(&rig, "new", 0100644));
    shale_vnode_put(rig_create(&rig, "other", 0100644));
    file = rig_create(&rig, "old", 0100644);
    snprintf(name, sizeof name, "#%u", (unsigned)file->ino);
    /* Looked for often, when it is not there yet. */
    for (unsigned i = 0; i < 4; i++)
        ck_assert(!has_record("/lost+found", name));
    move("new", "old");
    ck_assert_int_eq(shale_rename(root, "other", 5, dir, name, strlen(name),
                                  0), SHALE_EEXIST);
    ck_assert_int_eq(shale_create(dir, name, strlen(name), &node, NULL),
                     SHALE_EEXIST);
    shale_vnode_put(file);
    shale_vnode_put(dir);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    ck_assert(!has_record("/lost+found", name));
    ck_assert(is_there("/other"));
    end();
}
END_TEST

/* What is called so already, as e2fsck does it, is replaced like any other. */
START_TEST(a_file_that_was_found_is_replaced)
{
    struct shale_vnode *file, *dir;
    char name[20];

    begin("-b 1024 -N 120");
    dir = rig_open(&rig, "/lost+found");
    shale_vnode_put(rig_create(&rig, "new", 0100644));
    file = rig_create(&rig, "old", 0100644);
    snprintf(name, sizeof name, "#%u", (unsigned)file->ino);
    ck_assert_int_eq(shale_rename(root, "old", 3, dir, name, strlen(name), 0),
                     0);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    ck_assert_int_eq(shale_rename(root, "new", 3, dir, name, strlen(name), 0),
                     0);
    shale_vnode_put(file);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    ck_assert_int_eq(shale_unlink(dir, name, strlen(name)), 0);
    ck_assert(!has_record("/lost+found", name));
    shale_vnode_put(dir);
    end();
}
END_TEST

/* Unmount what e2fsck would not be content with. */
static void end_unchecked(void)
{
    shale_vnode_put(root);
    ck_assert_int_eq(shale_unmount(rig.v.fs), 0);
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    rig_fini(&rig);
}

/* No lost+found: the file is replaced all the same. */
START_TEST(a_file_is_replaced_without_lost_and_found)
{
    struct shale_vnode *file;

    begin("-b 1024 -N 120");
    ck_assert_int_eq(shale_rmdir(root, "lost+found", 10), 0);
    shale_vnode_put(rig_create(&rig, "new", 0100644));
    file = rig_create(&rig, "old", 0100644);
    move("new", "old");
    shale_vnode_put(file);
    ck_assert(is_there("/old") && !is_there("/new"));
    end_unchecked();
}
END_TEST

/* Nor is a name put where an index would not know of it. */
START_TEST(a_replaced_file_is_not_put_into_an_index)
{
    struct shale_vnode *file;
    char name[20];

    begin_changed("-b 1024 -N 120 -O ^dir_index", "debugfs -w -R "
                  "'sif lost+found flags 0x1000' @ 2>&1");
    shale_vnode_put(rig_create(&rig, "new", 0100644));
    file = rig_create(&rig, "old", 0100644);
    snprintf(name, sizeof name, "#%u", (unsigned)file->ino);
    move("new", "old");
    ck_assert(!has_record("/lost+found", name));
    shale_vnode_put(file);
    ck_assert(is_there("/old") && !is_there("/new"));
    end_unchecked();
}
END_TEST

/* A name goes when the one that came in the same batch is on the device. */
START_TEST(another_name_is_there_before_one_goes)
{
    struct shale_vnode *file;
    uint64_t then;

    begin("-b 1024 -N 120");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    then = batch();
    ck_assert_int_eq(shale_link(file, root, "g", 1), 0);
    ck_assert_uint_eq(batch(), then);
    ck_assert_int_eq(shale_unlink(root, "f", 1), 0);
    ck_assert_uint_gt(batch(), then);
    shale_vnode_put(file);
    end();
}
END_TEST

/* A leaf is not split: the directory does without its index from then on. */
START_TEST(an_index_that_would_grow_is_dropped)
{
    struct shale_vnode *dir, *file;
    uint8_t bytes[1024] = { 1 };

    rig_init(&rig, 8 << 20, "-b 1024 -N 2000");
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    dir = rig_create(&rig, "d", 040755);
    make_names("a rather long name for number %u", dir, 0, 300);
    ck_assert(((struct ext2_vnode *)dir)->inode.flags & EXT2_INODE_INDEX);
    file = rig_create(&rig, "rest", 0100644);
    while (shale_write(file, bytes, 1024, file->size) == 1024)
        continue;
    ck_assert(!ext2_batch_is_whole(vol()));
    ck_assert_int_eq(shale_truncate(file, file->size - 200 * 1024), 0);
    make_names("a rather long name for number %u", dir, 300, 600);
    ck_assert(!(((struct ext2_vnode *)dir)->inode.flags & EXT2_INODE_INDEX));
    for (unsigned i = 0; i < 600; i++) {
        char path[60];

        snprintf(path, sizeof path, "/d/a rather long name for number %u", i);
        ck_assert_msg(is_there(path), "%s", path);
    }
    shale_vnode_put(file);
    shale_vnode_put(dir);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/order");
    TCase *tc = tcase_create("steps");

    rig_need_programs();
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, new_blocks_of_pointers_are_empty_before);
    tcase_add_test(tc, new_blocks_of_records_are_empty_before);
    tcase_add_test(tc,
                   blocks_of_attributes_are_whole_before_and_not_changed);
    tcase_add_test(tc, a_name_is_changed_where_it_is);
    tcase_add_test(tc, a_replaced_file_is_in_lost_and_found_until_it_goes);
    tcase_add_test(tc, the_name_of_a_replaced_file_is_taken);
    tcase_add_test(tc, a_file_that_was_found_is_replaced);
    tcase_add_test(tc, a_replaced_file_is_not_put_into_an_index);
    tcase_add_test(tc, a_file_is_replaced_without_lost_and_found);
    tcase_add_test(tc, another_name_is_there_before_one_goes);
    tcase_add_test(tc, an_index_that_would_grow_is_dropped);
    suite_add_tcase(s, tc);
    return s;
}
