/*
 * test_vfs_room.c - what a call needs is made room for
 *
 * Changes wait in memory that is full. Whatever a call needs then, even one
 * that only reads, is to be had by writing them: it fails only if all that can
 * be given up is not enough. Nothing here depends on who is how fast.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "shale/cache.h"
#include "shale/host.h"
#include "suite.h"

enum { DIRS = 40, EACH = 30, CHANGES = DIRS * EACH };

#define MEMORY ((size_t)1 << 20)
#define DISK ((size_t)24 << 20)
#define DATA ((size_t)9000)
#define ROW ((size_t)48 << 10)

static const struct {
    const char *what;
    const struct shale_fs_ops *driver;
    struct shale_format format;
} cases[] = {
    { "ext2", &shale_ext2, { .block_size = 1024, .inodes = 2000 } },
    { "ext3", &shale_ext2,
      { .block_size = 1024, .inodes = 2000, .features = "has_journal" } },
    { "ext2, large blocks", &shale_ext2,
      { .block_size = 4096, .inodes = 2000 } },
    { "fat", &shale_fat, { .block_size = 0 } },
    { "fat, large clusters", &shale_fat, { .block_size = 4096 } },
};

enum { CASES = sizeof cases / sizeof cases[0] };

/* ---------------------------------------------------------------- volume */

static struct shale_memory_bdev dev;
static struct shale_mem *mem;
static struct shale_fs *fs;
static void *disk, *arena;
static struct shale_static_arena lender;

static void memory_begin(size_t size)
{
    arena = aligned_alloc(SHALE_PAGE_SIZE, size);
    ck_assert_ptr_nonnull(arena);
    shale_static_arena_init(&lender, arena, size);
    mem = shale_mem_create(&lender.source, &shale_host_locks, 0);
    ck_assert_ptr_nonnull(mem);
}

static void memory_end(void)
{
    ck_assert_ptr_null(shale_mem_check(mem));
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
    free(arena);
}

static void volume_begin(size_t budget)
{
    const struct shale_config config = {
        .dev = &dev.base, .mem = mem, .drivers = shale_all_drivers,
        .locks = &shale_host_locks, .cache_bytes = budget / 2,
        .decoded_bytes = budget / 8, .vnode_max = budget / 8 / 512,
    };

    ck_assert_int_eq(shale_mount(&config, &fs), 0);
}

static void disk_make(int i)
{
    disk = mmap(NULL, DISK, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ck_assert_ptr_ne(disk, MAP_FAILED);
    shale_memory_bdev_init(&dev, disk, DISK, 512, false);
    memory_begin((size_t)16 << 20);
    ck_assert_int_eq(shale_mkfs(cases[i].driver, &dev.base, mem, NULL,
                                &cases[i].format), 0);
    memory_end();
}

/* ------------------------------------------------------------------ tree */

static struct shale_vnode *root, *dirs[DIRS], *file, *link_to;

static size_t name_of(unsigned i, char *out, size_t size)
{
    return (size_t)snprintf(out, size, "a file of some length %05u", i);
}

static struct shale_vnode *make(struct shale_vnode *in, uint32_t mode,
                                const char *name, const char *target)
{
    const struct shale_node node = {
        .mode = mode, .target = target, .target_len = target ? 14 : 0,
    };
    struct shale_vnode *vn;

    ck_assert_int_eq(shale_create(in, name, strlen(name), &node, &vn), 0);
    return vn;
}

static bool is_ext2(int i)
{
    return cases[i].driver == &shale_ext2;
}

static void tree_make(int i)
{
    static char data[DATA];
    char name[40];

    ck_assert_int_eq(shale_vnode_get(fs, shale_root_ino(fs), &root), 0);
    for (unsigned d = 0; d < DIRS; d++) {
        snprintf(name, sizeof name, "d%u", d);
        dirs[d] = make(root, SHALE_S_IFDIR | 0755, name, NULL);
        for (unsigned f = 0; f < EACH; f++) {
            name_of(f, name, sizeof name);
            shale_vnode_put(make(dirs[d], SHALE_S_IFREG | 0644, name, NULL));
        }
    }
    memset(data, 'x', sizeof data);
    file = make(dirs[0], SHALE_S_IFREG | 0644, "data", NULL);
    ck_assert_int_eq(shale_write(file, data, sizeof data, 0), DATA);
    if (is_ext2(i)) {
        link_to = make(dirs[0], SHALE_S_IFLNK | 0777, "link",
                       "where/it/leads");
        ck_assert_int_eq(shale_setxattr(file, "user.one", "1", 1, 0), 0);
    }
    ck_assert_int_eq(shale_sync(fs), 0);
}

static void tree_let_go(void)
{
    for (unsigned d = 0; d < DIRS; d++)
        shale_vnode_put(dirs[d]);
    shale_vnode_put(link_to);
    shale_vnode_put(file);
    shale_vnode_put(root);
    link_to = NULL;
}

/* Somebody else's memory. */
static struct piece {
    struct piece *next;
    size_t size;
} *others;

/* Blocks that wait to be written. */
static size_t dirty(void)
{
    struct shale_cache_stats stats;

    shale_fs_cache_stats(fs, &stats);
    return stats.dirty;
}

/* Make change number I, of one file after the other; it waits to be written. */
static void change(unsigned i)
{
    const struct shale_setattr what = {
        .valid = SHALE_SET_MTIME, .mtime = { 1000000000 + 10 * i, 0 },
    };
    struct shale_vnode *vn;
    char name[40];
    size_t len = name_of(i / DIRS % EACH, name, sizeof name);

    ck_assert_int_eq(shale_lookup(dirs[i % DIRS], name, len, &vn), 0);
    ck_assert_int_eq(shale_setattr(vn, &what), 0);
    shale_vnode_put(vn);
}

/* Somebody else takes what is left, to the last byte. */
static void memory_take(void)
{
    for (size_t size = SHALE_PAGE_SIZE; size >= sizeof(struct piece);) {
        struct piece *piece = shale_alloc(mem, size);

        if (piece) {
            *piece = (struct piece){ others, size };
            others = piece;
        } else {
            size = size > 128 ? size / 2 : size - 16;
        }
    }
}

/*
 * Make changes from number *I on, and give up all that can be without writing
 * them. What memory is left then somebody else takes.
 */
static void memory_fill(unsigned *i)
{
    ck_assert_int_eq(shale_sync(fs), 0);
    shale_fs_shrink(fs);
    for (unsigned count = 0; count < CHANGES; count++)
        change((*i)++);
    shale_fs_shrink(fs);
    ck_assert_uint_gt(dirty(), DIRS);
    memory_take();
}

static void memory_give_back(void)
{
    struct piece *piece;

    while ((piece = others)) {
        others = piece->next;
        shale_free(mem, piece, piece->size);
    }
}

/* ----------------------------------------------------- one call after all */

static int call_lookup(void)
{
    struct shale_vnode *vn;
    char name[40];
    size_t len = name_of(EACH - 1, name, sizeof name);
    int err = shale_lookup(dirs[7], name, len, &vn);

    if (!err)
        shale_vnode_put(vn);
    return err;
}

static int call_lookup_attr(void)
{
    struct shale_attr attr;
    char name[40];
    size_t len = name_of(EACH - 1, name, sizeof name);

    return shale_lookup_attr(dirs[3], name, len, &attr);
}

static unsigned seen;

static int see(void *context, const struct shale_dirent *entry)
{
    uint64_t up = shale_root_ino(fs);

    (void)context;
    ck_assert_ptr_nonnull(entry->attr);
    if (entry->len == 2 && entry->name[0] == '.' && entry->name[1] == '.')
        ck_assert_uint_eq(entry->ino, up);
    seen++;
    return 0;
}

static int call_iterate(void)
{
    int err;

    seen = 0;
    err = shale_iterate(dirs[5], 0, SHALE_ITERATE_ATTR, see, NULL);
    if (!err)
        ck_assert_uint_eq(seen, EACH + 2);
    return err;
}

static int call_read(void)
{
    static char data[DATA];
    int64_t len = shale_read(file, data, sizeof data, 0);

    if (len > 0)
        ck_assert_int_eq(len, DATA);
    return len < 0 ? (int)len : 0;
}

static int call_read_ragged(void)
{
    char data[7];
    int64_t len = shale_read(file, data, sizeof data, DATA - 100);

    return len < 0 ? (int)len : 0;
}

static int call_seek(void)
{
    int64_t at = shale_seek_hole(file, 0);

    return at < 0 ? (int)at : 0;
}

static int call_map(void)
{
    struct shale_extent extent;

    return shale_map(file, 4096, 4096, &extent);
}

static int call_statfs(void)
{
    struct shale_statfs stat;

    return shale_statfs(fs, &stat);
}

static int call_stat(void)
{
    struct shale_attr attr;

    return shale_stat(fs, "/d9/../d8/data", &attr) == SHALE_ENOENT
               ? shale_stat(fs, "/d0/data", &attr) : SHALE_EIO;
}

static int call_open(void)
{
    struct shale_entry entry;
    struct shale_file *open;
    int err = shale_open(fs, "/d2", &open), got;

    if (err)
        return err;
    for (seen = 0; (got = shale_file_readdir(open, &entry)) > 0; seen++)
        ;
    shale_close(open);
    if (!got)
        ck_assert_uint_eq(seen, EACH + 2);
    return got;
}

static int call_readlink(void)
{
    char target[40];
    int64_t len = link_to ? shale_readlink(link_to, target, sizeof target) : 0;

    return len < 0 ? (int)len : 0;
}

static int call_follow(void)
{
    struct shale_attr attr;
    int err = link_to ? shale_stat(fs, "/d0/link", &attr) : SHALE_ENOENT;

    return err == SHALE_ENOENT ? 0 : err;
}

static int call_getxattr(void)
{
    char value[4];
    int64_t len = shale_getxattr(file, "user.one", value, sizeof value);

    return len < 0 && link_to ? (int)len : 0;
}

static int call_listxattr(void)
{
    char names[40];
    int64_t len = shale_listxattr(file, names, sizeof names);

    return len < 0 && link_to ? (int)len : 0;
}

static int call_write(void)
{
    int64_t len = shale_write(file, "yy", 2, 4095);

    return len < 0 ? (int)len : 0;
}

static int call_append(void)
{
    int64_t len = shale_write(file, "yy", 2, DATA + 5000);

    return len < 0 ? (int)len : shale_truncate(file, DATA);
}

static int call_copy(void)
{
    int64_t len = shale_copy_range(file, 1, file, 6001, 400);

    return len < 0 ? (int)len : 0;
}

static int call_create(void)
{
    const struct shale_node node = { .mode = SHALE_S_IFDIR | 0755 };
    struct shale_vnode *vn;
    int err = shale_create(dirs[4], "new", 3, &node, &vn);

    if (err)
        return err;
    shale_vnode_put(vn);
    return shale_rmdir(dirs[4], "new", 3);
}

static int call_exchange(void)
{
    char name[40];
    size_t len = name_of(EACH - 1, name, sizeof name);

    return shale_rename(dirs[1], name, len, dirs[2], name, len,
                        SHALE_RENAME_EXCHANGE);
}

static const struct call {
    const char *what;
    int (*run)(void);
} reading[] = {
    { "lookup", call_lookup },
    { "lookup of attributes", call_lookup_attr },
    { "listing", call_iterate },
    { "reading", call_read },
    { "reading a piece of a sector", call_read_ragged },
    { "seeking", call_seek },
    { "mapping", call_map },
    { "statfs", call_statfs },
    { "stat by path", call_stat },
    { "open and readdir", call_open },
    { "readlink", call_readlink },
    { "following a link", call_follow },
    { "getxattr", call_getxattr },
    { "listxattr", call_listxattr },
}, changing[] = {
    { "writing a piece of a sector", call_write },
    { "writing past the end", call_append },
    { "copying", call_copy },
    { "making and removing", call_create },
    { "exchanging", call_exchange },
};

enum {
    READING = sizeof reading / sizeof reading[0],
    CHANGING = sizeof changing / sizeof changing[0],
};

static void begin(int i)
{
    disk_make(i);
    memory_begin(MEMORY);
    volume_begin(4 * MEMORY);   /* nothing is written for its own sake */
}

static void end(void)
{
    tree_let_go();
    ck_assert_int_eq(shale_unmount(fs), 0);
    memory_end();
    munmap(disk, DISK);
}

/* CALL is answered, in a volume of case I. Had its batch to be written? */
static bool is_answered(const struct call *call, int i)
{
    size_t before = dirty();
    int err = call->run();
    bool written = dirty() < before / 2;

    memory_give_back();
    ck_assert_msg(err == 0, "%s: %s: %s", cases[i].what, call->what,
                  shale_strerror(err));
    return written;
}

START_TEST(what_waits_is_written_for_who_reads)
{
    unsigned needed = 0, changes = 0;

    begin(_i);
    tree_make(_i);
    for (unsigned i = 0; i < READING; i++) {
        memory_fill(&changes);
        needed += is_answered(&reading[i], _i);
    }
    ck_assert_uint_gt(needed, READING / 3);
    end();
}
END_TEST

/*
 * What writing gives back lies here and there, and a change may need pages in a
 * row: those it has from the start.
 */
START_TEST(what_waits_is_written_for_who_changes)
{
    unsigned changes = 0;
    int i = _i % CASES;
    void *row;

    begin(i);
    row = shale_alloc(mem, ROW);
    ck_assert_ptr_nonnull(row);
    tree_make(i);
    memory_fill(&changes);
    shale_free(mem, row, ROW);
    is_answered(&changing[_i / CASES], i);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/room");
    TCase *tc = tcase_create("room");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, what_waits_is_written_for_who_reads, 0, CASES);
    tcase_add_loop_test(tc, what_waits_is_written_for_who_changes, 0,
                        CASES * CHANGING);
    suite_add_tcase(s, tc);
    return s;
}
