/* test_ext2_htree_write.c - names that go through an index, which grows */
#include "ext2/htree.h"
#include "ext2/write.h"
#include "shale/tx.h"
#include "suite.h"
#include "test_ext2_rig.h"

static struct rig rig;
static struct ext2_vnode *dir;

static struct shale_tx *tx(void)
{
    return rig.v.fs->tx;
}

static const struct ext2_super *super(void)
{
    return &ext2_volume_of(rig.v.fs)->super;
}

/* A new volume with an empty directory "d". */
static void dir_make(size_t size, const char *arguments)
{
    rig_init(&rig, size, arguments);
    rig_mount(&rig);
    dir = (struct ext2_vnode *)rig_create(&rig, "d", 040755);
}

/* Unmount, have e2fsck look at it, and mount again. */
static void dir_check(void)
{
    shale_vnode_put(&dir->base);
    rig_unmount(&rig);
    rig_mount(&rig);
    dir = (struct ext2_vnode *)rig_open(&rig, "/d");
}

static void dir_close(void)
{
    shale_vnode_put(&dir->base);
    rig_unmount(&rig);
    rig_fini(&rig);
}

/* Name I, LEN bytes long or as its number is; terminated. */
static const char *name_of(unsigned i, size_t len)
{
    static char name[256];
    int digits = snprintf(name, sizeof name, "%u", i);

    if ((size_t)digits < len) {
        memset(name + digits, 'n', len - (size_t)digits);
        name[len] = '\0';
    }
    return name;
}

static int make(const char *name)
{
    static const struct shale_node node = { .mode = 0100644 };

    return shale_create(&dir->base, name, strlen(name), &node, NULL);
}

static int look_up(const char *name)
{
    struct shale_attr attr;

    return shale_lookup_attr(&dir->base, name, strlen(name), &attr);
}

/* Names of LEN bytes from FIRST to before END, each through the index. */
static void check_found(unsigned first, unsigned end, size_t len)
{
    for (unsigned i = first; i < end; i++) {
        struct ext2_place place;
        const char *name = name_of(i, len);

        ck_assert_msg(ext2_htree_find(dir, name, strlen(name), &place) == 1,
                      "%s",
                      name);
        shale_buf_put(place.buf);
    }
    ck_assert(ext2_htree_present(dir));
}

static int count_entry(void *context, const struct shale_dirent *entry)
{
    (void)entry;
    ++*(unsigned *)context;
    return 0;
}

/* Entries of the directory, but for the dots. */
static unsigned listed(void)
{
    unsigned count = 0;

    ck_assert_int_eq(shale_iterate(&dir->base, 0, 0, count_entry, &count), 0);
    return count - 2;
}

/* Levels of nodes between the root and the leaves. */
static unsigned levels(void)
{
    struct shale_buf *buf;
    unsigned levels;

    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    levels = buf->data[HTREE_ROOT_INFO + 6];
    shale_buf_put(buf);
    return levels;
}

/* ---------------------------------------------------------------- growth */

static const struct {
    size_t mib;                 /* with room for a journal */
    const char *arguments;
    const char *hash;           /* for tune2fs */
    uint32_t flags;             /* of the superblock */
} kinds[] = {
    { 16, "-b 1024 -N 4096", "half_md4", EXT2_FLAG_SIGNED_HASH },
    { 16, "-b 1024 -N 4096", "half_md4", EXT2_FLAG_UNSIGNED_HASH },
    { 16, "-b 1024 -N 4096", "tea", EXT2_FLAG_SIGNED_HASH },
    { 16, "-b 1024 -N 4096", "tea", EXT2_FLAG_UNSIGNED_HASH },
    { 16, "-b 1024 -N 4096", "legacy", EXT2_FLAG_SIGNED_HASH },
    { 16, "-b 1024 -N 4096", "legacy", EXT2_FLAG_UNSIGNED_HASH },
    { 32, "-b 4096 -N 4096 -O ^filetype", "half_md4", EXT2_FLAG_SIGNED_HASH },
    { 320, "-b 65536 -N 4096", "half_md4", EXT2_FLAG_SIGNED_HASH },
};

/* Every hash, with names that are not ASCII: debugfs and e2fsck agree. */
START_TEST(a_directory_that_outgrows_a_block_gets_an_index)
{
    char line[200];
    const char *said;
    int status;

    rig_init(&rig, kinds[_i].mib << 20, kinds[_i].arguments);
    snprintf(line, sizeof line, "tune2fs -E hash_alg=%s @ 2>&1",
             kinds[_i].hash);
    said = rig_run(&rig, line, &status);
    ck_assert_msg(status == 0, "%s", said);
    rig.bytes[1024 + 0x160] = (uint8_t)kinds[_i].flags;
    rig_mount(&rig);
    dir = (struct ext2_vnode *)rig_create(&rig, "d", 040755);

    for (unsigned i = 0; i < 1000; i++) {
        char name[40];

        snprintf(name, sizeof name, "%u\xe9\xff\x80%u", i, i * i);
        ck_assert_int_eq(make(name), 0);
        ck_assert_int_eq(look_up(name), 0);
        ck_assert_int_eq(make(name), SHALE_EEXIST);
        ck_assert_uint_eq((dir->inode.flags & EXT2_INODE_INDEX) != 0,
                          dir->base.size > super()->block_size);
    }
    ck_assert_uint_eq(listed(), 1000);
    dir_check();
    for (unsigned i = 0; i < 1000; i += 3) {
        char name[40];

        snprintf(name, sizeof name, "%u\xe9\xff\x80%u", i, i * i);
        ck_assert_int_eq(shale_unlink(&dir->base, name, strlen(name)), 0);
        ck_assert_int_eq(look_up(name), SHALE_ENOENT);
    }
    ck_assert_uint_eq(listed(), 666);
    dir_close();
}
END_TEST

/* The root of 124 leaves overflows, and then the nodes below it. */
START_TEST(an_index_grows_a_level)
{
    const unsigned count = 3000;
    const char *said;
    int status;

    dir_make(32 << 20, "-b 1024 -N 4096");
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(make(name_of(i, 100)), 0);
    ck_assert_uint_eq(levels(), 1);
    check_found(0, count, 100);
    dir_check();
    check_found(0, count, 100);
    said = rig_run(&rig, "debugfs -R 'htree_dump /d' @ 2>&1", &status);
    ck_assert_ptr_nonnull(strstr(said, "Indirect levels: 1"));
    ck_assert_ptr_null(strstr(said, "out of order"));

    /* And all of it goes again, by listing or by name. */
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(shale_unlink(&dir->base, name_of(i, 100), 100), 0);
    ck_assert_uint_eq(listed(), 0);
    ck_assert_int_eq(ext2_dir_is_empty(dir), 1);
    dir_check();

    /* Its blocks are used again. */
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(make(name_of(i, 90)), 0);
    ck_assert_uint_eq(levels(), 1);
    dir_close();
}
END_TEST

/* Enter name I, of 255 bytes, for FILE, without counting the links. */
static int enter(unsigned i, struct shale_vnode *file)
{
    int err;

    shale_tx_begin(tx());
    err = ext2_dir_insert(dir, name_of(i, 255), 255,
                          (uint32_t)shale_vnode_ino(file), SHALE_TYPE_FILE);
    if (err)
        shale_tx_undo(tx());
    else
        shale_tx_commit(tx());
    if (!err && shale_tx_dirty_bytes(tx()) > (1 << 20))
        ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    return err;
}

/* Unmount; e2fsck minds that FILE has not so many links, and nothing else. */
static void close_miscounted(struct shale_vnode *file)
{
    const char *said;
    int status;

    shale_vnode_put(file);
    shale_vnode_put(&dir->base);
    ck_assert_int_eq(shale_unmount(rig.v.fs), 0);
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    said = rig_run(&rig, "e2fsck -fn @ 2>&1", &status);
    ck_assert_msg(strstr(said, "ref count is 1, should be"), "%s", said);
    ck_assert_msg(!strstr(said, "HTREE"), "%s", said);
    rig_fini(&rig);
}

/*
 * With three names to a block of 1 KiB, two levels are full after at most
 * 124 * 127 blocks: then there is room for a name only in some leaves.
 */
START_TEST(a_full_index_is_no_space)
{
    unsigned made = 0, refused = 0;
    struct shale_vnode *file;

    dir_make(48 << 20, "-b 1024 -N 1024");
    file = rig_create(&rig, "f", 0100644);
    while (refused < 50 && made < 60000) {
        int err = enter(made + refused, file);

        ck_assert(err == 0 || err == SHALE_ENOSPC);
        made += !err;
        refused += err != 0;
    }
    ck_assert_uint_eq(refused, 50);
    ck_assert_uint_gt(made, 15000);
    ck_assert_uint_eq(levels(), 1);
    ck_assert(ext2_htree_present(dir));
    ck_assert_uint_eq(listed(), made);

    /* A leaf that loses a name takes another one with its hash. */
    shale_tx_begin(tx());
    ck_assert_int_eq(ext2_dir_remove(dir, name_of(0, 255), 255, false), 0);
    shale_tx_commit(tx());
    ck_assert_int_eq(enter(0, file), 0);
    close_miscounted(file);
}
END_TEST

START_TEST(a_large_index_has_three_levels)
{
    const unsigned count = 45000;
    struct shale_vnode *file;

    dir_make(64 << 20, "-b 1024 -N 1024 -O large_dir");
    file = rig_create(&rig, "f", 0100644);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(enter(i, file), 0);
    ck_assert_uint_eq(levels(), 2);
    check_found(0, count, 255);
    ck_assert_uint_eq(listed(), count);
    close_miscounted(file);
}
END_TEST

/* ------------------------------------------------------------ collisions */

#define TRIES 200000u

struct hashed {
    uint32_t hash;
    unsigned i;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static uint32_t hash_of(unsigned i)
{
    return ext2_hash((enum ext2_hash)(super()->hash_version +
                                      (super()->hash_unsigned ? 3 : 0)),
                     super()->hash_seed, name_of(i, 255), 255);
}

/* Four names, in order of hash, of which the first two have the same. */
static void names_collide(unsigned out[4])
{
    struct hashed *hashed = calloc(TRIES, sizeof *hashed);

    ck_assert_ptr_nonnull(hashed);
    for (unsigned i = 0; i < TRIES; i++)
        hashed[i] = (struct hashed){ hash_of(i), i };
    qsort(hashed, TRIES, sizeof *hashed, by_hash);
    for (unsigned k = 0; k + 3 < TRIES; k++) {
        if (hashed[k].hash != hashed[k + 1].hash ||
            hashed[k + 1].hash == hashed[k + 2].hash)
            continue;
        for (unsigned n = 0; n < 4; n++)
            out[n] = hashed[k + n].i;
        free(hashed);
        return;
    }
    ck_abort_msg("no two of %u names have the same hash", TRIES);
}

/*
 * Three of the names fill a block; the fourth splits it between the two that
 * collide, so that the entry for the second half says that it goes on.
 */
START_TEST(equal_hashes_may_be_in_two_leaves)
{
    static const unsigned orders[][4] = {
        { 0, 1, 2, 3 }, { 2, 1, 0, 3 }, { 3, 2, 1, 0 }, { 1, 3, 0, 2 },
    };
    unsigned names[4], split = 0;
    struct shale_buf *buf;

    dir_make(8 << 20, "-b 1024 -N 1024");
    names_collide(names);
    for (unsigned n = 0; n < 4; n++)
        ck_assert_int_eq(make(name_of(names[orders[_i][n]], 255)), 0);
    ck_assert(ext2_htree_present(dir));
    for (unsigned n = 0; n < 4; n++)
        ck_assert_int_eq(look_up(name_of(names[n], 255)), 0);
    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    for (unsigned e = 1; e < buf->data[34]; e++)
        split += buf->data[32 + 8 * e] & 1;
    shale_buf_put(buf);
    if (_i == 0)
        ck_assert_uint_eq(split, 1);
    dir_check();
    for (unsigned n = 0; n < 4; n++) {
        ck_assert_int_eq(look_up(name_of(names[n], 255)), 0);
        ck_assert_int_eq(shale_unlink(&dir->base, name_of(names[n], 255), 255),
                         0);
        ck_assert_int_eq(make(name_of(names[n], 255)), 0);
    }
    ck_assert_uint_eq(listed(), 4);
    dir_close();
}
END_TEST

/* ---------------------------------------------------------------- damage */

static const struct {
    const char *what;
    uint32_t at;                /* in block 0 of the directory */
    uint8_t value;
} damages[] = {
    { "another hash", HTREE_ROOT_INFO + 4, 9 },
    { "an info of another length", HTREE_ROOT_INFO + 5, 16 },
    { "too many levels", HTREE_ROOT_INFO + 6, 7 },
    { "more entries than room", HTREE_ROOT_START + 3, 0xff },
    { "an entry that leads outside", HTREE_ROOT_START + 6, 0x70 },
};

/* It is an ordinary directory from then on, with all its names. */
START_TEST(a_damaged_index_is_given_up)
{
    struct shale_buf *buf;

    dir_make(8 << 20, "-b 1024 -N 1024");
    for (unsigned i = 0; i < 40; i++)
        ck_assert_int_eq(make(name_of(i, 100)), 0);
    ck_assert(ext2_htree_present(dir));
    shale_tx_begin(tx());
    ck_assert_int_eq(ext2_dir_get(dir, 0, &buf), 0);
    ck_assert_int_eq(shale_tx_change(tx(), buf, SHALE_RANK_NAME), 0);
    buf->data[damages[_i].at] = damages[_i].value;
    /* All entries: whichever is followed. */
    if (damages[_i].at == HTREE_ROOT_START + 6)
        for (unsigned e = 0; e < buf->data[34]; e++)
            buf->data[HTREE_ROOT_START + 8 * e + 6] = damages[_i].value;
    shale_buf_put(buf);
    shale_tx_commit(tx());

    for (unsigned i = 40; i < 90; i++) {
        ck_assert_int_eq(make(name_of(i, 100)), 0);
        ck_assert_uint_eq(dir->inode.flags & EXT2_INODE_INDEX, 0);
    }
    for (unsigned i = 0; i < 90; i++)
        ck_assert_int_eq(look_up(name_of(i, 100)), 0);
    ck_assert_uint_eq(listed(), 90);
    ck_assert_uint_gt(rig.v.events, 0);
    dir_check();
    for (unsigned i = 0; i < 90; i++)
        ck_assert_int_eq(shale_unlink(&dir->base, name_of(i, 100), 100), 0);
    dir_close();
}
END_TEST

/* A leaf of small pieces is packed before it is split, and upwards only. */
START_TEST(a_leaf_in_pieces_is_packed)
{
    struct shale_buf *buf;
    uint64_t size;

    dir_make(8 << 20, "-b 1024 -N 1024");
    for (unsigned i = 0; i < 63; i++)
        ck_assert_int_eq(make(name_of(i, 8)), 0);
    ck_assert(ext2_htree_present(dir));
    size = dir->base.size;
    ck_assert_uint_eq(size, 2048);

    /* Every other record of each leaf. */
    for (uint32_t index = 1; index < size / 1024; index++) {
        struct ext2_dirent entry = { .ino = 0 };
        bool odd = false;

        ck_assert_int_eq(ext2_dir_get(dir, index, &buf), 0);
        for (uint32_t at = 0; at < 1024; at += entry.rec_len) {
            char name[16];

            ck_assert_ptr_null(ext2_dirent_decode(super(), buf->data, at,
                                                  &entry));
            memcpy(name, entry.name, entry.name_len);
            odd = entry.ino ? !odd : odd;
            if (entry.ino && odd)
                ck_assert_int_eq(shale_unlink(&dir->base, name,
                                              entry.name_len), 0);
        }
        shale_buf_put(buf);
    }
    ck_assert_int_eq(make(name_of(1000, 255)), 0);
    ck_assert_uint_eq(dir->base.size, size);
    ck_assert_int_eq(look_up(name_of(1000, 255)), 0);
    ck_assert_int_eq(ext2_dir_get(dir, 1, &buf), 0);
    ck_assert_uint_eq(buf->data[8 + 4], 'n');       /* at its start */
    ck_assert_uint_eq(buf->data[6], 255);
    shale_buf_put(buf);
    ck_assert_uint_eq(listed(), 32);
    dir_close();
}
END_TEST

/* ------------------------------------------------------------------ undo */

/* Each change is undone once before it is done, at every size. */
START_TEST(what_is_undone_was_not)
{
    dir_make(16 << 20, "-b 1024 -N 2048");
    for (unsigned i = 0; i < 1500; i++) {
        const char *name = name_of(i, 200);
        uint64_t size = dir->base.size;
        uint32_t flags = dir->inode.flags;

        shale_tx_begin(tx());
        ck_assert_int_eq(ext2_dir_insert(dir, name, 200, 12, SHALE_TYPE_DIR),
                         0);
        shale_tx_undo(tx());
        ck_assert_uint_eq(dir->base.size, size);
        ck_assert_uint_eq(dir->inode.flags, flags);
        ck_assert_int_eq(look_up(name), SHALE_ENOENT);
        ck_assert_int_eq(make(name), 0);
    }
    check_found(0, 1500, 200);
    ck_assert_uint_eq(listed(), 1500);
    dir_close();
}
END_TEST

/* Whatever fails for want of memory has not been, and can be done then. */
START_TEST(each_allocation_may_fail)
{
    unsigned failures = 0;

    dir_make(16 << 20, "-b 1024 -N 2048");
    for (unsigned i = 0; i < 1500; i++) {
        const char *name = name_of(i, 200);
        int err;

        shale_mem_fail_at(rig.v.mem, i % 47);
        err = make(name);
        failures += shale_mem_failed(rig.v.mem);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        if (err) {
            ck_assert_int_eq(err, SHALE_ENOMEM);
            ck_assert_int_eq(look_up(name), SHALE_ENOENT);
            ck_assert_int_eq(make(name), 0);
        }
        if (i % 7 == 3) {
            shale_mem_fail_at(rig.v.mem, i % 31);
            err = shale_unlink(&dir->base, name, 200);
            shale_mem_fail_at(rig.v.mem, UINT64_MAX);
            ck_assert(err == 0 || err == SHALE_ENOMEM);
            ck_assert_int_eq(look_up(name), err ? 0 : SHALE_ENOENT);
            if (!err)
                ck_assert_int_eq(make(name), 0);
        }
    }
    ck_assert_uint_gt(failures, 300);
    check_found(0, 1500, 200);
    ck_assert_uint_eq(listed(), 1500);
    dir_close();
}
END_TEST

/* A million names: if there is the time, and 700 MB of memory. */
START_TEST(a_million_names)
{
    const unsigned count = 1000000;

    if (!suite_is("long"))
        return;
    dir_make((size_t)700 << 20, "-b 4096 -I 128 -N 1000100");
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(make(name_of(i, 1)), 0);
    dir_check();
    check_found(0, count, 1);
    ck_assert_uint_eq(listed(), count);
    for (unsigned i = 0; i < count; i++) {
        const char *name = name_of(i, 1);

        ck_assert_int_eq(shale_unlink(&dir->base, name, strlen(name)), 0);
    }
    ck_assert_uint_eq(listed(), 0);
    dir_close();
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/htree_write");
    TCase *tc = tcase_create("htree");

    rig_need_programs();
    tcase_set_timeout(tc, 60);
    LOOP(tc, a_directory_that_outgrows_a_block_gets_an_index, kinds);
    tcase_add_test(tc, an_index_grows_a_level);
    tcase_add_test(tc, a_full_index_is_no_space);
    tcase_add_test(tc, a_large_index_has_three_levels);
    tcase_add_loop_test(tc, equal_hashes_may_be_in_two_leaves, 0, 4);
    LOOP(tc, a_damaged_index_is_given_up, damages);
    tcase_add_test(tc, a_leaf_in_pieces_is_packed);
    tcase_add_test(tc, what_is_undone_was_not);
    tcase_add_test(tc, each_allocation_may_fail);
    suite_add_tcase(s, tc);

    tc = tcase_create("many");
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, a_million_names);
    suite_add_tcase(s, tc);
    return s;
}
