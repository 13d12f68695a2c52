/* test_ext2_orphan.c - files without a name, in memory and on the volume */
#include "ext2/ext2.h"
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

#define FILES 5u
#define BIG   70000u            /* bytes: with an indirect block */

static struct rig rig;
static struct shale_vnode *root;
static uint64_t free_blocks, free_files;

static void counts(uint64_t *blocks, uint64_t *files)
{
    struct shale_statfs statfs;

    ck_assert_int_eq(shale_statfs(rig.v.fs, &statfs), 0);
    *blocks = statfs.blocks_free;
    *files = statfs.files_free;
}

static void begin(const char *arguments)
{
    rig_init(&rig, 16 << 20, arguments);
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    counts(&free_blocks, &free_files);
}

static void end(void)
{
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}

static struct ext2_volume *volume(void)
{
    return ext2_volume_of(rig.v.fs);
}

/* File number I, with data, open and without a name. */
static struct shale_vnode *orphan_make(unsigned i)
{
    static const char data[BIG];
    char name[2] = { (char)('a' + i), 0 };
    struct shale_vnode *vn = rig_create(&rig, name, 0100644);

    ck_assert_int_eq(shale_write(vn, data, i % 2 ? BIG : 100, 0),
                     i % 2 ? BIG : 100);
    ck_assert_int_eq(shale_unlink(root, name, 1), 0);
    return vn;
}

/* The numbers on the volume's list, which is in memory as in the cache. */
static unsigned list_read(uint32_t *inos, unsigned room)
{
    uint32_t ino = ext2_last_orphan(volume());
    unsigned count = 0;

    while (ino) {
        const struct ext2_disk_inode *raw;
        struct shale_buf *buf;
        size_t offset;

        ck_assert_uint_lt(count, room);
        inos[count++] = ino;
        ck_assert_int_eq(ext2_inode_get(volume(), ino, &buf, &offset), 0);
        raw = (const struct ext2_disk_inode *)(buf->data + offset);
        ino = le32_get(raw->dtime);
        shale_buf_put(buf);
    }
    return count;
}

static void check_list(struct shale_vnode *const *files, const unsigned *order,
                       unsigned count)
{
    uint32_t inos[FILES + 1];

    ck_assert_uint_eq(list_read(inos, FILES + 1), count);
    for (unsigned i = 0; i < count; i++)
        ck_assert_uint_eq(inos[i], shale_vnode_ino(files[order[i]]));
}

/* Five files lose their names, and go in this order. */
static const unsigned orders[][FILES] = {
    { 0, 1, 2, 3, 4 }, { 4, 3, 2, 1, 0 }, { 2, 0, 4, 1, 3 }, { 1, 3, 2, 4, 0 },
};

START_TEST(the_list_is_in_order)
{
    struct shale_vnode *files[FILES];
    unsigned left[FILES], count = 0;
    uint64_t blocks, inodes;

    begin("-b 1024");
    for (unsigned i = FILES; i-- > 0; ) {
        files[i] = orphan_make(i);
        left[count++] = i;
    }
    /* The last one that came is the first. */
    for (unsigned i = 0; i < FILES; i++)
        left[i] = i;
    check_list(files, left, FILES);
    for (unsigned i = 0; i < FILES; i++) {
        unsigned gone = orders[_i][i], k = 0;
        char byte;

        ck_assert_int_eq(shale_read(files[gone], &byte, 1, 99), 1);
        shale_vnode_put(files[gone]);
        while (left[k] != gone)
            k++;
        count--;
        memmove(left + k, left + k + 1, (count - k) * sizeof *left);
        check_list(files, left, count);
    }
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    counts(&blocks, &inodes);
    ck_assert_uint_eq(blocks, free_blocks);
    ck_assert_uint_eq(inodes, free_files);
    end();
}
END_TEST

/* Directories that are removed while open, and victims of a rename, too. */
START_TEST(everything_that_loses_its_name_is_on_it)
{
    struct shale_vnode *dir = NULL, *file = NULL;
    uint32_t inos[3];

    begin("-b 1024");
    dir = rig_create(&rig, "d", 040755);
    file = rig_create(&rig, "f", 0100644);
    shale_vnode_put(rig_create(&rig, "g", 0100644));
    ck_assert_int_eq(shale_rmdir(root, "d", 1), 0);
    ck_assert_int_eq(shale_rename(root, "g", 1, root, "f", 1, 0), 0);
    ck_assert_uint_eq(list_read(inos, 3), 2);
    ck_assert_uint_eq(inos[0], shale_vnode_ino(file));
    ck_assert_uint_eq(inos[1], shale_vnode_ino(dir));
    shale_vnode_put(dir);
    ck_assert_uint_eq(list_read(inos, 3), 1);
    shale_vnode_put(file);
    ck_assert_uint_eq(list_read(inos, 3), 0);
    end();
}
END_TEST

START_TEST(a_name_that_is_not_the_last_does_not_matter)
{
    struct shale_vnode *file;
    uint32_t inos[3];

    begin("-b 1024");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_link(file, root, "g", 1), 0);
    ck_assert_int_eq(shale_unlink(root, "f", 1), 0);
    ck_assert_uint_eq(list_read(inos, 3), 0);
    ck_assert_int_eq(shale_unlink(root, "g", 1), 0);
    ck_assert_uint_eq(list_read(inos, 3), 1);
    shale_vnode_put(file);
    end();
}
END_TEST

START_TEST(an_undo_puts_the_list_back)
{
    static const unsigned order[FILES] = { 0, 1, 2, 3, 4 };
    struct shale_vnode *files[FILES];

    begin("-b 1024");
    for (unsigned i = FILES; i-- > 0; )
        files[i] = orphan_make(i);
    for (unsigned i = 0; i < FILES; i++) {
        struct ext2_vnode *vn = (struct ext2_vnode *)files[i];

        shale_tx_begin(rig.v.fs->tx);
        ck_assert_int_eq(ext2_orphan_remove(vn), 0);
        ck_assert_int_eq(ext2_orphan_remove(vn), 0);
        ck_assert_int_eq(ext2_orphan_add(vn), 0);
        ck_assert_uint_eq(ext2_last_orphan(volume()), vn->base.ino);
        if (i % 2)
            ck_assert_int_eq(ext2_orphan_remove(vn), 0);
        shale_tx_undo(rig.v.fs->tx);
        check_list(files, order, FILES);
    }
    for (unsigned i = 0; i < FILES; i++) {
        shale_vnode_put(files[i]);
        check_list(files, order + i + 1, FILES - i - 1);
    }
    end();
}
END_TEST

/* ------------------------------------------------------- at the next mount */

/* What the volume has now, as if the power had gone. */
static void cut(void)
{
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
}

/* A copy of the image, to be looked at; RIG goes on with it. */
static void take_copy(struct rig *copy)
{
    memset(copy, 0, sizeof *copy);
    copy->size = rig.size;
    copy->fd = memfd_create("copy", 0);
    ck_assert_int_ge(copy->fd, 0);
    ck_assert_int_eq(ftruncate(copy->fd, (off_t)copy->size), 0);
    copy->bytes = mmap(NULL, copy->size, PROT_READ | PROT_WRITE, MAP_SHARED,
                       copy->fd, 0);
    ck_assert_ptr_ne(copy->bytes, MAP_FAILED);
    memcpy(copy->bytes, rig.bytes, rig.size);
}

/* Each has room for a journal; without one only e2fsck finds them. */
static const char *const volumes[] = {
    "-b 1024", "-b 2048", "-b 1024 -j", "-b 1024 -O ^resize_inode -I 128",
};

/* e2fsck repairs it by itself, and so do we. */
START_TEST(a_cut_leaves_orphans_that_the_next_mount_frees)
{
    struct shale_vnode *files[FILES];
    uint64_t blocks, inodes;
    struct rig copy;
    const char *said;
    int status;

    begin(volumes[_i]);
    for (unsigned i = 0; i < FILES; i++)
        files[i] = orphan_make(i);
    cut();
    take_copy(&copy);
    said = rig_run(&copy, "e2fsck -fp @ 2>&1", &status);
    ck_assert_msg(status == 0 || WEXITSTATUS(status) == 1, "%s", said);
    rig_fini(&copy);

    take_copy(&copy);
    for (unsigned i = 0; i < FILES; i++)
        shale_vnode_put(files[i]);
    end();

    rig = copy;
    rig_mount(&rig);
    ck_assert_uint_eq(ext2_last_orphan(volume()), 0);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    counts(&blocks, &inodes);
    ck_assert_uint_eq(blocks, free_blocks);
    ck_assert_uint_eq(inodes, free_files);
    root = rig_open(&rig, "/");
    end();
}
END_TEST

/* ---------------------------------------------- lists that others have made */

/* Set by debugfs, while not mounted: FIELD of inode INO, or of the super. */
static void poke(const char *command)
{
    char line[200];
    int status;

    snprintf(line, sizeof line, "debugfs -w -R '%s' @ 2>&1", command);
    rig_run(&rig, line, &status);
    ck_assert_int_eq(status, 0);
}

/* Volume with /a ... /e, 12 ... 16 or wherever they are, not mounted. */
static void others(uint64_t ino[FILES])
{
    static const char data[BIG];

    begin("-b 1024");
    for (unsigned i = 0; i < FILES; i++) {
        char name[2] = { (char)('a' + i), 0 };
        struct shale_vnode *vn = rig_create(&rig, name, 0100644);

        ck_assert_int_eq(shale_write(vn, data, BIG, 0), BIG);
        ino[i] = shale_vnode_ino(vn);
        shale_vnode_put(vn);
    }
    shale_vnode_put(root);
    rig_unmount(&rig);
}

static void poke_number(const char *format, uint64_t a, uint64_t b)
{
    char command[100];

    snprintf(command, sizeof command, format, (unsigned)a, (unsigned)b);
    poke(command);
}

/* A file with a name, on the list, was being made shorter. */
START_TEST(a_file_with_a_name_is_made_as_short_as_it_says)
{
    struct shale_attr attr;
    uint64_t ino[FILES];

    others(ino);
    poke_number("ssv last_orphan %u", ino[1], 0);
    poke_number("sif <%u> dtime %u", ino[1], ino[3]);
    poke_number("sif <%u> size %u", ino[1], 1500);
    poke_number("sif <%u> size %u", ino[3], 0);
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    ck_assert_uint_eq(ext2_last_orphan(volume()), 0);
    ck_assert_int_eq(shale_lstat(rig.v.fs, "/b", &attr), 0);
    ck_assert_uint_eq(attr.size, 1500);
    ck_assert_uint_eq(attr.allocated, 2048);
    ck_assert_int_eq(shale_lstat(rig.v.fs, "/d", &attr), 0);
    ck_assert_uint_eq(attr.allocated, 0);
    ck_assert_int_eq(shale_lstat(rig.v.fs, "/a", &attr), 0);
    ck_assert_uint_ge(attr.allocated, BIG);
    end();
}
END_TEST

/* Where the list leads, and whether that is worth a word. */
static const struct {
    const char *what;
    int64_t first, next;        /* numbers, or -1 - the number of a file */
    bool freed;                 /* the file has no name and no links */
    unsigned events;
} bad_lists[] = {
    { "past the last inode", 1000000, 0, false, 1 },
    { "a reserved inode", 5, 0, false, 1 },
    { "the root", 2, 0, false, 1 },
    { "an inode that is free", 200, 0, false, 1 },
    { "from a file to nowhere", -1, 999999, false, 1 },
    { "from a file to itself", -1, -1, false, 0 },
    { "from one without a name to itself", -1, -1, true, 1 },
    { "from one without a name to a time", -1, 1700000000, true, 1 },
};

START_TEST(a_bad_list_is_cut)
{
    uint64_t ino[FILES], first, next, blocks, inodes;
    int status;

    others(ino);
    first = bad_lists[_i].first < 0 ? ino[-1 - bad_lists[_i].first]
                                    : (uint64_t)bad_lists[_i].first;
    next = bad_lists[_i].next < 0 ? ino[-1 - bad_lists[_i].next]
                                  : (uint64_t)bad_lists[_i].next;
    poke_number("ssv last_orphan %u", first, 0);
    if (bad_lists[_i].first < 0)
        poke_number("sif <%u> dtime %u", first, next);
    if (bad_lists[_i].freed) {
        poke("unlink a");
        poke_number("sif <%u> links_count 0", first, 0);
    }
    rig_mount(&rig);
    root = rig_open(&rig, "/");
    ck_assert_uint_eq(ext2_last_orphan(volume()), 0);
    ck_assert_msg(rig.v.events == bad_lists[_i].events, "%s: %u events, %s",
                  bad_lists[_i].what, rig.v.events, rig.v.said);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    counts(&blocks, &inodes);
    ck_assert_uint_eq(inodes, free_files - FILES + bad_lists[_i].freed);

    /* An error is noted in the superblock, which e2fsck takes off. */
    shale_vnode_put(root);
    ck_assert_int_eq(shale_unmount(rig.v.fs), 0);
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    rig_run(&rig, "e2fsck -fp @ 2>&1", &status);
    ck_assert_int_le(WEXITSTATUS(status), 1);
    rig_fini(&rig);
}
END_TEST

/* --------------------------------------------------------------- cheapness */

/* To remove a file that nobody else holds costs no more with many orphans. */
START_TEST(orphans_do_not_make_each_other_dear)
{
    struct shale_cache_stats before, after;
    struct shale_vnode *files[200];

    begin("-b 1024");
    for (unsigned i = 0; i < 200; i++) {
        files[i] = rig_create(&rig, "x", 0100644);
        ck_assert_int_eq(shale_unlink(root, "x", 1), 0);
    }
    shale_vnode_put(rig_create(&rig, "y", 0100644));
    shale_fs_cache_stats(rig.v.fs, &before);
    ck_assert_int_eq(shale_unlink(root, "y", 1), 0);
    shale_fs_cache_stats(rig.v.fs, &after);
    ck_assert_uint_lt(after.hits + after.misses - before.hits - before.misses,
                      60);
    for (unsigned i = 0; i < 200; i++)
        shale_vnode_put(files[i * 77 % 200]);
    end();
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

/*
 * One cannot be freed, as the device fails, and is forgotten. It stays on the
 * list on the volume, and the others can go, in any order.
 */
START_TEST(one_stays)
{
    struct shale_fault_bdev fault;
    struct shale_vnode *files[FILES];
    uint32_t inos[FILES + 1];
    const char *said;
    int status;

    rig_init(&rig, 16 << 20, "-b 1024");
    GOOD(volume_to_write(&rig.v, rig.bytes, rig.size));
    GOOD(shale_fault_bdev_init(&fault, rig.v.dev, NULL, NULL));
    rig.v.dev = &fault.base;
    GOOD(volume_mount(&rig.v, NULL));
    root = rig_open(&rig, "/");
    for (unsigned i = 0; i < FILES; i++)
        files[i] = orphan_make(i);
    GOOD(shale_writeback(rig.v.fs));
    inos[FILES] = (uint32_t)shale_vnode_ino(files[3]);
    shale_cache_shrink(rig.v.fs->cache, SIZE_MAX);
    shale_fault_at(&fault, 0, 1000, SHALE_EIO);
    shale_vnode_put(files[3]);
    shale_fault_at(&fault, 0, 0, 0);
    files[3] = orphan_make(3);
    for (unsigned i = 0; i < FILES; i++)
        shale_vnode_put(files[orders[_i][i]]);
    ck_assert_uint_eq(list_read(inos, FILES), 1);
    ck_assert_uint_eq(inos[0], inos[FILES]);
    shale_vnode_put(root);
    GOOD(shale_unmount(rig.v.fs));
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    shale_fault_bdev_fini(&fault);
    said = rig_run(&rig, "e2fsck -fp @ 2>&1", &status);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s", said);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/orphan");
    TCase *tc = tcase_create("orphan");

    rig_need_programs();
    LOOP(tc, the_list_is_in_order, orders);
    LOOP(tc, one_stays, orders);
    tcase_add_test(tc, everything_that_loses_its_name_is_on_it);
    tcase_add_test(tc, a_name_that_is_not_the_last_does_not_matter);
    tcase_add_test(tc, an_undo_puts_the_list_back);
    LOOP(tc, a_cut_leaves_orphans_that_the_next_mount_frees, volumes);
    tcase_add_test(tc, a_file_with_a_name_is_made_as_short_as_it_says);
    LOOP(tc, a_bad_list_is_cut, bad_lists);
    tcase_add_test(tc, orphans_do_not_make_each_other_dear);
    suite_add_tcase(s, tc);
    return s;
}
