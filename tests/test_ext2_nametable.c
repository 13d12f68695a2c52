/* test_ext2_nametable.c - names in large directories, which have a table */
#include <pthread.h>
#include <stdatomic.h>

#include "shale/host.h"
#include "suite.h"
#include "test_ext2_image.h"

/*
 * A directory of BLOCKS blocks, in a row from block IMAGE_FREE of the volume
 * on: one with the dots; then, 32 to a block, names "name 0000" ... of inodes
 * FIRST, FIRST + 1 ... (which need not exist: only names are asked for), and
 * behind them in each block a record that is free.
 */
#define BLOCKS   12u
#define PER      32u
#define COUNT    ((BLOCKS - 1) * PER)
#define FIRST    1000u
#define NAME_LEN 9u

static struct image image;
static struct ext2_vnode *dir;

static uint8_t *dir_build(uint32_t blocks)
{
    uint8_t *inode, *at;
    char name[16];

    image_init(&image, 128);
    inode = image_file(&image, IMAGE_FILE, 040755, blocks * IMAGE_BLOCK,
                       IMAGE_FREE);
    at = image_block(&image, IMAGE_FREE);
    at = image_record(at, IMAGE_FILE, ".", 12, 2);
    image_record(at, EXT2_ROOT_INO, "..", IMAGE_BLOCK - 12, 2);
    for (uint32_t i = 0; i < (blocks - 1) * PER; i++) {
        at = image_block(&image, IMAGE_FREE + 1 + i / PER) + i % PER * 20;
        snprintf(name, sizeof name, "name %04u", i);
        at = image_record(at, FIRST + i, name, 20, 1);
        image_record(at, 0, "gone", IMAGE_BLOCK - PER * 20, 1);
    }
    return inode;
}

/* Where entry I is in the image. */
static uint8_t *entry_at(uint32_t i)
{
    return image_block(&image, IMAGE_FREE + 1 + i / PER) + i % PER * 20;
}

static void dir_open(const struct shale_lock_ops *locks)
{
    struct shale_vnode *vn;

    ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                     IMAGE_BLOCKS * IMAGE_BLOCK), 0);
    if (locks) {                /* threads allocate, too */
        ck_assert_uint_eq(shale_mem_destroy(image.v.mem), 0);
        image.v.mem = shale_mem_create(&image.v.arenas, locks, 0);
        ck_assert_ptr_nonnull(image.v.mem);
    }
    image.v.locks = locks;
    ck_assert_int_eq(volume_mount(&image.v, NULL), 0);
    ck_assert_int_eq(shale_vnode_get(image.v.fs, IMAGE_FILE, &vn), 0);
    dir = (struct ext2_vnode *)vn;
}

static void dir_close(void)
{
    image_close(&image, &dir->base);
}

/* The inode number of NAME, or an error. */
static int64_t find(const char *name)
{
    struct ext2_place place;
    int err = ext2_dir_find(dir, name, strlen(name), &place);

    if (err)
        return err;
    shale_buf_put(place.buf);
    return place.ino;
}

static int64_t find_entry(uint32_t i)
{
    char name[16];

    snprintf(name, sizeof name, "name %04u", i);
    return find(name);
}

/* Search twice, so that there is a table if there is ever to be one. */
static void dir_open_asked(void)
{
    dir_open(NULL);
    find("nothing");
    find("nothing");
}

static size_t tables(void)
{
    return ext2_volume_of(dir->base.fs)->names.used;
}

static uint64_t gets(void)
{
    struct shale_cache_stats stats;

    shale_fs_cache_stats(image.v.fs, &stats);
    return stats.hits + stats.misses;
}

/* ---------------------------------------------------------------- sound */

START_TEST(the_second_search_makes_a_table)
{
    dir_build(BLOCKS);
    dir_open(NULL);
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_UNASKED);
    ck_assert_int_eq(find_entry(COUNT - 1), FIRST + COUNT - 1);
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_ASKED);
    ck_assert_uint_eq(tables(), 0);
    ck_assert_int_eq(find_entry(0), FIRST);
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_READY);
    ck_assert_uint_gt(tables(), 0);
    dir_close();
}
END_TEST

/* With one block looked at for a name that is there, and else none. */
START_TEST(the_table_finds_everything)
{
    uint64_t before;

    dir_build(BLOCKS);
    dir_open_asked();
    before = gets();
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(find_entry(i * 37 % COUNT), FIRST + i * 37 % COUNT);
    ck_assert_uint_eq(gets() - before, COUNT);
    ck_assert_int_eq(find("."), IMAGE_FILE);
    ck_assert_int_eq(find(".."), EXT2_ROOT_INO);
    before = gets();
    ck_assert_int_eq(find("gone"), SHALE_ENOENT);
    ck_assert_int_eq(find("name 000"), SHALE_ENOENT);
    ck_assert_int_eq(find("name 00000"), SHALE_ENOENT);
    ck_assert_int_eq(find_entry(COUNT), SHALE_ENOENT);
    ck_assert_uint_eq(gets() - before, 0);
    dir_close();
}
END_TEST

START_TEST(a_vnode_that_goes_takes_its_table)
{
    struct ext2_volume *vol;

    dir_build(BLOCKS);
    dir_open_asked();
    vol = ext2_volume_of(dir->base.fs);
    ck_assert_uint_gt(vol->names.used, 0);
    shale_vnode_put(&dir->base);
    shale_fs_shrink(image.v.fs);
    ck_assert_uint_eq(vol->names.used, 0);
    image_close(&image, NULL);
}
END_TEST

/* A name that is there twice is the first one, with and without a table. */
START_TEST(the_first_of_equal_names_is_found)
{
    dir_build(BLOCKS);
    memcpy(entry_at(200) + 8, "name 0100", NAME_LEN);
    memcpy(entry_at(50) + 8, "name 0100", NAME_LEN);
    dir_open(NULL);
    for (unsigned again = 0; again < 3; again++)
        ck_assert_int_eq(find_entry(100), FIRST + 50);
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_READY);
    ck_assert_int_eq(find_entry(200), SHALE_ENOENT);
    dir_close();
}
END_TEST

START_TEST(small_directories_have_none)
{
    uint32_t blocks = _i ? 9 : 8;

    dir_build(blocks);
    dir_open_asked();
    ck_assert_int_eq(dir->names_state,
                     _i ? EXT2_NAMES_READY : EXT2_NAMES_NEVER);
    for (uint32_t i = 0; i < (blocks - 1) * PER; i++)
        ck_assert_int_eq(find_entry(i), FIRST + i);
    ck_assert_int_eq(find("nothing"), SHALE_ENOENT);
    dir_close();
}
END_TEST

/* --------------------------------------------------------------- not so */

/* Changes to the directory or its inode, and what is found in it then. */
static const struct {
    const char *what;
    uint32_t at, value;         /* 32 bits, in block IMAGE_FREE + 5 ... */
    bool in_inode;              /* ... or in the inode */
    int state;
    int64_t here, elsewhere;    /* entries 129, in that block, and 1 */
    int64_t nowhere;            /* no entry */
} changes[] = {
    { "nothing", 0, FIRST + 128, false, EXT2_NAMES_READY, FIRST + 129,
      FIRST + 1, SHALE_ENOENT },
    { "damage before the entry", 4, 0x01090003, false, EXT2_NAMES_NEVER,
      SHALE_ECORRUPT, FIRST + 1, SHALE_ECORRUPT },
    { "damage behind it", 60 + 4, 0x01090003, false, EXT2_NAMES_NEVER,
      FIRST + 129, FIRST + 1, SHALE_ECORRUPT },
    { "a hole", 0x28 + 4 * 5, 0, true, EXT2_NAMES_READY, SHALE_ENOENT,
      FIRST + 1, SHALE_ENOENT },
    { "a block off the volume", 0x28 + 4 * 5, 5000, true, EXT2_NAMES_NEVER,
      SHALE_ECORRUPT, FIRST + 1, SHALE_ECORRUPT },
    { "an uneven size", 0x04, BLOCKS * IMAGE_BLOCK - 4, true,
      EXT2_NAMES_NEVER, SHALE_ECORRUPT, SHALE_ECORRUPT, SHALE_ECORRUPT },
    { "a size without an end", 0x04, 0xfffffc00, true, EXT2_NAMES_READY,
      FIRST + 129, FIRST + 1, SHALE_ENOENT },
};

START_TEST(survives)
{
    uint8_t *inode = dir_build(BLOCKS);

    put32((changes[_i].in_inode ? inode : image_block(&image, IMAGE_FREE + 5))
              + changes[_i].at, changes[_i].value);
    dir_open_asked();
    ck_assert_msg((int)dir->names_state == changes[_i].state, "%s: state %d",
                  changes[_i].what, dir->names_state);
    for (unsigned again = 0; again < 2; again++) {
        ck_assert_int_eq(find_entry(129), changes[_i].here);
        ck_assert_int_eq(find_entry(1), changes[_i].elsewhere);
        ck_assert_int_eq(find("nothing"), changes[_i].nowhere);
    }
    ck_assert_int_eq(dir->names_state, changes[_i].state);
    ck_assert_int_eq(tables() > 0, changes[_i].state == EXT2_NAMES_READY);
    dir_close();
}
END_TEST

/* Somebody writes to the image, and a record is not what it was. */
START_TEST(a_position_may_go_bad)
{
    struct shale_buf *buf;

    dir_build(BLOCKS);
    dir_open_asked();
    ck_assert_int_eq(ext2_dir_get(dir, 1, &buf), 0);
    put16(buf->data + 20 + 4, 3);
    put16(buf->data + 40 + 4, 0xfffc);
    ck_assert_int_eq(find_entry(0), FIRST);
    ck_assert_int_eq(find_entry(1), SHALE_ECORRUPT);
    ck_assert_int_eq(find_entry(2), SHALE_ECORRUPT);
    ck_assert_int_eq(find_entry(3), FIRST + 3);
    ck_assert_int_eq(find_entry(COUNT - 1), FIRST + COUNT - 1);
    shale_buf_put(buf);
    dir_close();
}
END_TEST

/* One name so often that a search through the table would look at all. */
START_TEST(hostile_names_get_no_table)
{
    dir_build(BLOCKS);
    for (uint32_t i = 0; i <= NAMEHASH_SAME; i++)
        memcpy(entry_at(10 * i) + 8, "name 0000", NAME_LEN);
    dir_open_asked();
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_NEVER);
    ck_assert_uint_eq(tables(), 0);
    ck_assert_int_eq(find_entry(0), FIRST);
    ck_assert_int_eq(find_entry(1), FIRST + 1);
    dir_close();
}
END_TEST

/* ----------------------------------------------------------- no memory */

START_TEST(is_not_made_beyond_the_budget)
{
    dir_build(BLOCKS);
    dir_open(NULL);
    ck_assert_uint_gt(ext2_volume_of(dir->base.fs)->names.max, 0);
    ext2_volume_of(dir->base.fs)->names.max = 8192;     /* 352 names: 12 KiB */
    for (uint32_t i = 0; i < COUNT; i++)
        ck_assert_int_eq(find_entry(i), FIRST + i);
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_NEVER);
    ck_assert_uint_eq(tables(), 0);
    dir_close();
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    bool failed = true;
    uint64_t nth;

    for (nth = 0; failed; nth++) {
        dir_build(BLOCKS);
        dir_open(NULL);
        ck_assert_int_eq(find("nothing"), SHALE_ENOENT);    /* all is cached */
        shale_mem_fail_at(image.v.mem, nth);
        ck_assert_int_eq(find_entry(COUNT - 1), FIRST + COUNT - 1);
        failed = shale_mem_failed(image.v.mem);
        ck_assert_int_eq(dir->names_state,
                         failed ? EXT2_NAMES_NEVER : EXT2_NAMES_READY);
        ck_assert_int_eq(tables() > 0, !failed);
        ck_assert_int_eq(find_entry(1), FIRST + 1);
        ck_assert_int_eq(find("nothing"), SHALE_ENOENT);
        dir_close();
    }
    ck_assert_uint_ge(nth, 4);  /* a struct, slots, more slots, none */
}
END_TEST

/* --------------------------------------------------------------- threads */

#define THREADS 4u

static atomic_uint wrong;

static void *search(void *arg)
{
    uint32_t step = *(const uint32_t *)arg;

    for (uint32_t i = 0; i < 4 * COUNT; i++) {
        uint32_t entry = i * step % COUNT;

        if (find_entry(entry) != FIRST + (int64_t)entry)
            atomic_fetch_add(&wrong, 1);
    }
    return NULL;
}

START_TEST(one_of_several_threads_makes_it)
{
    static const uint32_t steps[THREADS] = { 1, 37, 101, 349 };
    pthread_t threads[THREADS];
    size_t one;

    dir_build(BLOCKS);
    dir_open_asked();
    one = tables();
    dir_close();

    atomic_store(&wrong, 0);
    dir_build(BLOCKS);
    dir_open(&shale_host_locks);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, search,
                                        (void *)(uintptr_t)&steps[i]), 0);
    for (unsigned i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
    ck_assert_uint_eq(atomic_load(&wrong), 0);
    ck_assert_int_eq(dir->names_state, EXT2_NAMES_READY);
    ck_assert_uint_eq(tables(), one);
    dir_close();
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/nametable");
    TCase *tc = tcase_create("names");

    tcase_add_test(tc, the_second_search_makes_a_table);
    tcase_add_test(tc, the_table_finds_everything);
    tcase_add_test(tc, a_vnode_that_goes_takes_its_table);
    tcase_add_test(tc, the_first_of_equal_names_is_found);
    tcase_add_loop_test(tc, small_directories_have_none, 0, 2);
    LOOP(tc, survives, changes);
    tcase_add_test(tc, a_position_may_go_bad);
    tcase_add_test(tc, hostile_names_get_no_table);
    tcase_add_test(tc, is_not_made_beyond_the_budget);
    tcase_add_test(tc, every_allocation_fails_once);
    tcase_add_test(tc, one_of_several_threads_makes_it);
    suite_add_tcase(s, tc);
    return s;
}
