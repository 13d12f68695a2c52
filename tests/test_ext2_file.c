/*
 * test_ext2_file.c - data of files: growing, cutting, punching, releasing
 *
 * Each test ends with e2fsck, which has to be silent. Files are written in the
 * pattern of a seed, so that a byte in the wrong place shows.
 */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

static struct rig rig;

static uint8_t pattern(unsigned seed, uint64_t at)
{
    return (uint8_t)((at ^ at >> 9 ^ at >> 18) * 31 + seed * 77 + 1);
}

static int64_t write_at(struct shale_vnode *file, unsigned seed,
                        uint64_t offset, size_t len)
{
    uint8_t *buf = malloc(len);
    int64_t done;

    ck_assert_ptr_nonnull(buf);
    for (size_t i = 0; i < len; i++)
        buf[i] = pattern(seed, offset + i);
    done = shale_write(file, buf, len, offset);
    free(buf);
    return done;
}

static void put(struct shale_vnode *file, unsigned seed, uint64_t offset,
                size_t len)
{
    ck_assert_int_eq(write_at(file, seed, offset, len), (int64_t)len);
}

/* The LEN bytes of FILE at OFFSET are SEED's; 0: zeros. */
static void expect(struct shale_vnode *file, unsigned seed, uint64_t offset,
                   size_t len)
{
    uint8_t *buf = malloc(len);

    ck_assert_ptr_nonnull(buf);
    ck_assert_int_eq(shale_read(file, buf, len, offset), (int64_t)len);
    for (size_t i = 0; i < len; i++) {
        uint8_t want = seed ? pattern(seed, offset + i) : 0;

        if (buf[i] != want)
            ck_abort_msg("byte %llu is %u, not %u",
                         (unsigned long long)(offset + i), buf[i], want);
    }
    free(buf);
}

static uint64_t allocated(struct shale_vnode *file)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr(file, &attr), 0);
    return attr.allocated;
}

static struct shale_statfs space(void)
{
    struct shale_statfs statfs;

    ck_assert_int_eq(shale_statfs(rig.v.fs, &statfs), 0);
    return statfs;
}

static void unlink_file(const char *name)
{
    struct shale_vnode *root = rig_open(&rig, "/");

    ck_assert_int_eq(shale_unlink(root, name, strlen(name)), 0);
    shale_vnode_put(root);
}

static void begin(size_t size, const char *arguments)
{
    rig_init(&rig, size, arguments);
    rig_mount(&rig);
}

static void end(void)
{
    rig_unmount(&rig);
    rig_fini(&rig);
}

/* ------------------------------------------------------------- the map */

#define P 256u                  /* pointers in a block of 1 KiB */

/* Blocks of 1 KiB at all places where a map changes its shape. */
static const struct {
    const char *what;
    uint64_t index;
    uint64_t blocks;            /* that one block there takes */
} places[] = {
    { "first", 0, 1 },
    { "last direct", 11, 1 },
    { "first indirect", 12, 2 },
    { "last indirect", 12 + P - 1, 2 },
    { "first double", 12 + P, 3 },
    { "second of double", 12 + P + P, 3 },
    { "last double", 12 + P + P * P - 1, 3 },
    { "first triple", 12 + P + P * P, 4 },
    { "in triple", 12 + P + P * P + 3 * P * P + 5 * P + 7, 4 },
    { "last", 12 + P + P * P + UINT64_C(1) * P * P * P - 1, 4 },
};

enum { PLACES = sizeof places / sizeof places[0] };

START_TEST(one_block)
{
    struct shale_vnode *file;
    uint64_t at = places[_i].index * 1024, blocks_free;

    begin(8 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    blocks_free = space().blocks_free;

    put(file, 1, at + 100, 50);
    expect(file, 1, at + 100, 50);
    expect(file, 0, at, 100);
    if (at > 0)
        expect(file, 0, at - 1, 1);
    ck_assert_uint_eq(allocated(file), places[_i].blocks * 1024);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_uint_eq(space().blocks_free, blocks_free - places[_i].blocks);

    ck_assert_int_eq(shale_truncate(file, at), 0);
    ck_assert_uint_eq(allocated(file), 0);
    ck_assert_uint_eq(space().blocks_free, blocks_free);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_uint_eq(space().blocks_free, blocks_free);
    shale_vnode_put(file);
    end();
}
END_TEST

/* All places at once; punched one by one, from the middle outwards. */
START_TEST(all_places)
{
    struct shale_vnode *file;

    begin(8 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    for (unsigned i = PLACES; i-- > 0;)
        put(file, i + 1, places[i].index * 1024, 1024);
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned n = i % 2 ? PLACES / 2 - 1 - i / 2 : PLACES / 2 + i / 2;

        ck_assert_int_eq(shale_sync(rig.v.fs), 0);
        expect(file, n + 1, places[n].index * 1024, 1024);
        ck_assert_int_eq(shale_allocate(file, places[n].index * 1024, 1024,
                                        SHALE_ALLOCATE_PUNCH_HOLE |
                                        SHALE_ALLOCATE_KEEP_SIZE), 0);
        expect(file, 0, places[n].index * 1024, 1024);
    }
    ck_assert_uint_eq(allocated(file), 0);
    shale_vnode_put(file);
    end();
}
END_TEST

static const struct {
    uint64_t offset, len;
    uint64_t left;              /* blocks of data that are there after it */
} punches[] = {
    { 0, 1, 600 },          { 0, 1024, 599 },       { 1, 1024, 600 },
    { 1, 2047, 599 },       { 1023, 2049, 598 },    { 11 * 1024, 2048, 598 },
    { 12 * 1024, 256 * 1024, 344 },
    { 12 * 1024, 255 * 1024, 345 },
    { 13 * 1024, 255 * 1024, 345 },
    { 100 * 1024 + 7, 400 * 1024, 201 },
    { 0, 600 * 1024, 0 },
    { 0, 599 * 1024 + 512, 0 },     /* to the end, which is in a block */
    { 599 * 1024, 1024, 599 },      /* over the end */
    { 599 * 1024, 1 << 30, 599 },
    { 600 * 1024, 1 << 30, 600 },
};

enum { PUNCHES = sizeof punches / sizeof punches[0] };

START_TEST(punches_this)
{
    const uint64_t size = 599 * 1024 + 512;
    uint64_t offset = punches[_i].offset, stop = offset + punches[_i].len;
    struct shale_vnode *file;
    uint64_t data = 0;

    begin(8 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    put(file, 1, 0, size);
    ck_assert_int_eq(shale_allocate(file, offset, punches[_i].len,
                                    SHALE_ALLOCATE_PUNCH_HOLE |
                                    SHALE_ALLOCATE_KEEP_SIZE), 0);
    if (stop > size)
        stop = size;
    if (offset > 0)
        expect(file, 1, 0, offset < size ? offset : size);
    if (offset < stop)
        expect(file, 0, offset, stop - offset);
    if (stop < size)
        expect(file, 1, stop, size - stop);
    for (uint64_t i = 0; i < 600; i++) {
        struct shale_extent extent;

        ck_assert_int_eq(shale_map(file, i * 1024, 1, &extent), 0);
        data += extent.kind == SHALE_EXTENT_DATA;
    }
    if (punches[_i].offset == 0 && punches[_i].len == size)
        ck_assert_uint_eq(data, 1);     /* less than the whole last block */
    else
        ck_assert_uint_eq(data, punches[_i].left);
    shale_vnode_put(file);
    end();
}
END_TEST

/* -------------------------------------------------------------- cutting */

/*
 * What is behind the end in the last block is zeros on the device, and the
 * block that it was in is as it was, for whoever comes back to it after a cut.
 */
START_TEST(a_cut_leaves_zeros)
{
    struct shale_extent before, after;
    struct shale_vnode *file;

    begin(8 << 20, "-b 4096");
    file = rig_create(&rig, "f", 0100644);
    put(file, 1, 0, 10000);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_int_eq(shale_map(file, 4096, 1, &before), 0);
    ck_assert_int_eq(shale_truncate(file, 5000), 0);
    for (unsigned i = 0; i < 4096; i++)
        ck_assert_uint_eq(rig.bytes[before.device + i], pattern(1, 4096 + i));
    ck_assert_int_eq(shale_map(file, 4096, 1, &after), 0);
    ck_assert_uint_ne(after.device, before.device);
    for (unsigned i = 0; i < 4096; i++)
        ck_assert_uint_eq(rig.bytes[after.device + i],
                          i < 904 ? pattern(1, 4096 + i) : 0);
    ck_assert_int_eq(shale_truncate(file, 20000), 0);
    expect(file, 1, 0, 5000);
    expect(file, 0, 5000, 15000);
    shale_vnode_put(file);
    end();
}
END_TEST

/* Without room for a copy, zeros are written in place. */
START_TEST(a_cut_on_a_full_volume)
{
    struct shale_vnode *file, *rest;

    begin(1 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    rest = rig_create(&rig, "rest", 0100644);
    put(file, 1, 0, 1000);
    while (write_at(rest, 2, rest->size, 1024) == 1024)
        continue;
    ck_assert_uint_eq(space().blocks_free, 0);
    ck_assert_int_eq(shale_truncate(file, 100), 0);
    ck_assert_int_eq(shale_truncate(file, 1024), 0);
    expect(file, 1, 0, 100);
    expect(file, 0, 100, 924);
    shale_vnode_put(file);
    shale_vnode_put(rest);
    end();
}
END_TEST

START_TEST(a_cut_within_few_blocks_of_cache)
{
    struct shale_vnode *file, *other;
    uint64_t blocks_free;

    rig_init(&rig, 32 << 20, "-b 1024");
    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    rig.v.cache_bytes = 32 << 10;
    ck_assert_int_eq(volume_mount(&rig.v, NULL), 0);
    blocks_free = space().blocks_free;
    file = rig_create(&rig, "f", 0100644);
    other = rig_create(&rig, "other", 0100644);
    for (unsigned i = 0; i < 6000; i++)
        put(file, 1, (uint64_t)(i * 2657 % 6000) * 2048, 1024);
    put(other, 2, 0, 2000);
    ck_assert_int_eq(shale_truncate(file, 3000 * 2048), 0);
    expect(file, 1, 0, 1024);
    unlink_file("f");
    shale_vnode_put(file);
    unlink_file("other");
    shale_vnode_put(other);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_uint_eq(space().blocks_free, blocks_free);
    end();
}
END_TEST

static void *lend_nothing(struct shale_arena_source *source, size_t min,
                          size_t *size)
{
    (void)source;
    (void)min;
    (void)size;
    return NULL;
}

/*
 * Nobody can keep in mind at once what a file in 200,000 pieces frees, with the
 * memory there is. FIRST: it is cut; it goes in any case.
 */
START_TEST(a_file_in_very_many_pieces)
{
    struct shale_vnode *file, *twin;
    uint64_t blocks_free;
    static uint8_t block[1024];

    begin(512u << 20, "-b 1024 -m 0");
    blocks_free = space().blocks_free;
    file = rig_create(&rig, "f", 0100644);
    twin = rig_create(&rig, "twin", 0100644);
    for (uint64_t i = 0; i < 200000; i++) {
        /* Each second block of its blocks' is its twin's. */
        struct ext2_space *all = ext2_volume_of(rig.v.fs)->space;

        memset(all->windows, 0, sizeof all->windows);
        if (shale_write(file, block, 1024, i * 2048) != 1024 ||
            shale_write(twin, block, 1, i * 2048) != 1)
            ck_abort_msg("block %llu", (unsigned long long)i);
    }
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    rig.v.arenas.lend = lend_nothing;
    if (_i == 0) {
        ck_assert_int_eq(shale_truncate(file, 10000), 0);
        ck_assert_uint_eq(file->size, 10000);
        ck_assert_uint_eq(allocated(file), 5 * 1024);
    }
    unlink_file("f");
    shale_vnode_put(file);
    unlink_file("twin");
    shale_vnode_put(twin);
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_uint_eq(space().blocks_free, blocks_free);
    end();
}
END_TEST

/* ---------------------------------------------------------------- limits */

static bool has_large_file(void)
{
    int status;

    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    return strstr(rig_run(&rig, "dumpe2fs -h @ 2>&1 | grep features", &status),
                  "large_file") != NULL;
}

START_TEST(large_files_are_declared)
{
    struct shale_vnode *file;

    begin(8 << 20, "-b 1024 -O ^large_file,^resize_inode");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_truncate(file, INT32_MAX), 0);
    ck_assert(!has_large_file());
    put(file, 1, INT32_MAX, 1);
    ck_assert(has_large_file());
    shale_vnode_put(file);
    end();
}
END_TEST

static const struct {
    const char *arguments;
    uint64_t max;               /* as the kernel has it */
} limits[] = {
    { "-b 1024", 17247252480 },
    { "-b 2048", 275415851008 },
    { "-b 4096", 2196873666560 },
};

START_TEST(no_longer_than_this)
{
    uint64_t max = limits[_i].max;
    struct shale_vnode *file;

    begin(8 << 20, limits[_i].arguments);
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_truncate(file, max + 1), SHALE_EFBIG);
    ck_assert_int_eq(shale_truncate(file, max), 0);
    ck_assert_int_eq(shale_truncate(file, 0), 0);
    ck_assert_int_eq(write_at(file, 1, max - 5, 10), 5);
    ck_assert_int_eq(write_at(file, 1, max, 1), SHALE_EFBIG);
    ck_assert_int_eq(shale_allocate(file, max - 5, 6, 0), SHALE_EFBIG);
    expect(file, 1, max - 5, 5);
    ck_assert_uint_eq(file->size, max);
    shale_vnode_put(file);
    end();
}
END_TEST

START_TEST(a_full_volume_takes_what_it_can)
{
    struct shale_vnode *file, *other;
    uint64_t size;

    begin(4 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    other = rig_create(&rig, "other", 0100644);
    put(other, 2, 0, 100000);
    put(other, 2, 100000, 100000);      /* which is given a window */
    size = (uint64_t)write_at(file, 1, 0, 8 << 20);
    ck_assert_uint_gt(size, 3 << 20);
    ck_assert_uint_eq(size % 1024, 0);
    expect(file, 1, 0, size);
    ck_assert_int_eq(write_at(file, 1, size, 1), SHALE_ENOSPC);
    ck_assert_uint_eq(space().blocks_free, 0);
    ck_assert_int_eq(shale_allocate(file, size, 4096, 0), SHALE_ENOSPC);
    ck_assert_uint_eq(file->size, size);

    /* What is freed is there at once. */
    ck_assert_int_eq(shale_truncate(other, 0), 0);
    put(file, 1, size, 100000);
    expect(file, 1, 0, size + 100000);
    shale_vnode_put(file);
    shale_vnode_put(other);
    end();
}
END_TEST

/* What fits into so many blocks, if one of them has to be of pointers. */
static const struct {
    uint64_t blocks_free;
    int64_t fits;               /* bytes of 20 KiB */
} ends[] = { { 11, 11264 }, { 12, 12288 }, { 13, 12288 }, { 14, 13312 } };

START_TEST(a_volume_ends_at_a_block_of_pointers)
{
    struct shale_vnode *file, *rest;
    int64_t fits = ends[_i].fits;

    begin(1 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    rest = rig_create(&rig, "rest", 0100644);
    while (space().blocks_free > ends[_i].blocks_free)
        put(rest, 2, rest->size, 1024);
    ck_assert_uint_eq(space().blocks_free, ends[_i].blocks_free);
    ck_assert_int_eq(write_at(file, 1, 0, 20480), fits);
    shale_vnode_put(file);
    shale_vnode_put(rest);
    rig_unmount(&rig);
    rig_mount(&rig);
    file = rig_open(&rig, "/f");
    expect(file, 1, 0, (size_t)fits);
    ck_assert_uint_eq(file->size, (uint64_t)fits);
    shale_vnode_put(file);
    end();
}
END_TEST

START_TEST(zeros_without_room_change_nothing)
{
    struct shale_vnode *file, *rest;

    begin(1 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    rest = rig_create(&rig, "rest", 0100644);
    put(file, 1, 0, 5000);
    put(file, 1, 100000, 5000);
    while (write_at(rest, 2, rest->size, 1024) == 1024)
        continue;
    ck_assert_int_eq(shale_allocate(file, 0, 105000,
                                    SHALE_ALLOCATE_ZERO_RANGE), SHALE_ENOSPC);
    expect(file, 1, 0, 5000);
    expect(file, 0, 5000, 95000);
    expect(file, 1, 100000, 5000);
    shale_vnode_put(file);
    shale_vnode_put(rest);
    end();
}
END_TEST

START_TEST(reserved_blocks_may_be_kept)
{
    struct shale_vnode *file;
    struct shale_statfs before;
    int64_t size;

    rig_init(&rig, 4 << 20, "-b 1024 -m 10");
    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    ck_assert_int_eq(volume_mount(&rig.v, "keep_reserved"), 0);
    before = space();
    ck_assert_uint_ge(before.blocks_free - before.blocks_available, 400);
    file = rig_create(&rig, "f", 0100644);
    size = write_at(file, 1, 0, 4 << 20);
    ck_assert_int_gt(size, 3 << 20);
    ck_assert_uint_eq(space().blocks_available, 0);
    ck_assert_uint_eq(space().blocks_free,
                      before.blocks_free - before.blocks_available);
    ck_assert_int_eq(write_at(file, 1, (uint64_t)size, 1), SHALE_ENOSPC);
    shale_vnode_put(file);
    end();
}
END_TEST

/* ----------------------------------------------------- fallocate, copies */

static const struct {
    const char *what;
    uint64_t offset, len;
    unsigned flags;
    int result;
    uint64_t size, blocks;      /* after it; 5000 bytes in 2 blocks before */
} reservations[] = {
    { "what is there", 0, 5000, 0, 0, 5000, 2 },
    { "what is there, kept", 0, 5000, 1, 0, 5000, 2 },
    { "over the end", 4000, 8288, 0, 0, 12288, 3 },
    { "far behind", 40960, 4096, 0, 0, 45056, 3 },
    { "kept over the end", 0, 5001, 1, SHALE_ENOTSUP, 5000, 2 },
    { "zeros", 0, 4096, 4, 0, 5000, 2 },
    { "zeros over the end", 4096, 8192, 4, 0, 12288, 3 },
    { "zeros, kept", 4096, 904, 5, 0, 5000, 2 },
    { "zeros kept over the end", 4096, 905, 5, SHALE_ENOTSUP, 5000, 2 },
    { "a hole", 0, 4096, 3, 0, 5000, 1 },
    { "a hole and not kept", 0, 4096, 2, SHALE_ENOTSUP, 5000, 2 },
    { "a hole and zeros", 0, 4096, 7, SHALE_ENOTSUP, 5000, 2 },
    { "what there is not", 0, 4096, 8, SHALE_EINVAL, 5000, 2 },
    { "nothing", 0, 0, 3, SHALE_EINVAL, 5000, 2 },
};

START_TEST(reserves)
{
    uint64_t offset = reservations[_i].offset;
    struct shale_vnode *file;
    int err;

    begin(8 << 20, "-b 4096");
    file = rig_create(&rig, "f", 0100644);
    put(file, 1, 0, 5000);
    err = shale_allocate(file, offset, reservations[_i].len,
                         reservations[_i].flags);
    ck_assert_msg(err == reservations[_i].result, "%s: %d",
                  reservations[_i].what, err);
    ck_assert_uint_eq(file->size, reservations[_i].size);
    ck_assert_uint_eq(allocated(file), reservations[_i].blocks * 4096);
    if (!err && reservations[_i].flags >= 3)
        expect(file, 0, offset, reservations[_i].len);
    else
        expect(file, 1, 0, 5000);
    if (file->size > 5000)
        expect(file, 0, 5000, file->size - 5000);
    shale_vnode_put(file);
    end();
}
END_TEST

START_TEST(a_hole_is_filled)
{
    struct shale_vnode *file;

    begin(8 << 20, "-b 4096");
    file = rig_create(&rig, "f", 0100644);
    ck_assert_int_eq(shale_truncate(file, 1 << 20), 0);
    put(file, 1, 300000, 10);
    ck_assert_int_eq(shale_allocate(file, 0, 1 << 20, 1), 0);
    ck_assert_uint_eq(allocated(file), (256 + 1) * 4096);
    expect(file, 0, 0, 300000);
    expect(file, 1, 300000, 10);
    expect(file, 0, 300010, 700000);
    shale_vnode_put(file);
    end();
}
END_TEST

START_TEST(copies_keep_holes)
{
    struct shale_vnode *from, *to;

    begin(8 << 20, "-b 1024");
    from = rig_create(&rig, "from", 0100644);
    to = rig_create(&rig, "to", 0100644);
    put(from, 1, 500000, 5000);
    put(from, 1, 2000000, 1);
    ck_assert_int_eq(shale_truncate(from, 3000000), 0);
    ck_assert_int_eq(shale_copy_range(from, 0, to, 0, UINT64_MAX), 3000000);
    ck_assert_uint_eq(to->size, 3000000);
    ck_assert_uint_eq(allocated(to), allocated(from));
    expect(to, 0, 0, 500000);
    expect(to, 1, 500000, 5000);
    expect(to, 0, 505000, 2000000 - 505000);
    expect(to, 1, 2000000, 1);
    expect(to, 0, 2000001, 999999);

    /* Over what is there, which becomes zeros. */
    put(to, 2, 0, 3000001);
    ck_assert_int_eq(shale_copy_range(from, 0, to, 7, UINT64_MAX), 3000000);
    expect(to, 2, 0, 7);
    expect(to, 0, 7, 500000);
    expect(to, 1 - 1, 505007, 100);
    ck_assert_uint_eq(to->size, 3000007);
    shale_vnode_put(from);
    shale_vnode_put(to);
    end();
}
END_TEST

/* ----------------------------------------------------------------- order */

static void side_by_side(unsigned steps, size_t step)
{
    struct shale_vnode *files[2];
    unsigned extents = 0;

    files[0] = rig_create(&rig, "a", 0100644);
    files[1] = rig_create(&rig, "b", 0100644);
    for (unsigned i = 0; i < steps; i++) {
        put(files[0], 1, (uint64_t)i * step, step);
        put(files[1], 2, (uint64_t)i * step, step);
    }
    for (unsigned i = 0; i < 2; i++) {
        struct shale_extent extent;

        for (uint64_t at = 0; at < files[i]->size; at += extent.length) {
            ck_assert_int_eq(shale_map(files[i], at, files[i]->size - at,
                                       &extent), 0);
            extents++;
        }
        expect(files[i], i + 1, 0, files[i]->size);
        shale_vnode_put(files[i]);
    }
    ck_assert_uint_gt(2 * steps * step / extents, 256 << 10);
}

START_TEST(files_side_by_side_lie_in_long_runs)
{
    begin(64 << 20, "-b 4096");
    side_by_side(2048, 4096);
    end();
}
END_TEST

START_TEST(statfs_as_minix)
{
    struct shale_statfs minix;

    rig_init(&rig, 8 << 20, "-b 1024");
    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    ck_assert_int_eq(volume_mount(&rig.v, "minixdf"), 0);
    minix = space();
    ck_assert_uint_eq(minix.blocks, 8192);
    rig_unmount(&rig);
    rig_mount(&rig);
    ck_assert_uint_lt(space().blocks, minix.blocks);
    ck_assert_uint_eq(space().blocks_free, minix.blocks_free);
    end();
}
END_TEST

/* --------------------------------------------------------------- damage */

/* Have debugfs carry out COMMAND, while it is not mounted. */
static void damage(const char *command)
{
    char line[200];
    int status;

    ck_assert_int_eq(shale_unmount(rig.v.fs), 0);
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
    snprintf(line, sizeof line, "debugfs -w -R '%s' @ 2>&1", command);
    rig_run(&rig, line, &status);
    ck_assert_int_eq(status, 0);
    rig_mount(&rig);
}

/* ... and have e2fsck repair what is left. */
static void end_damaged(void)
{
    int status;

    shale_unmount(rig.v.fs);
    rig.v.fs = NULL;
    volume_close(&rig.v);
    rig_run(&rig, "e2fsck -fy @ 2>&1", &status);
    ck_assert_int_lt(WEXITSTATUS(status), 4);
    rig_fini(&rig);
}

START_TEST(the_volume_s_own_blocks_are_not_given_away)
{
    struct shale_vnode *file;
    int64_t done = 0;

    begin(4 << 20, "-b 1024");
    damage("freeb 20 40");      /* descriptors, bitmaps, inode table */
    file = rig_create(&rig, "f", 0100644);
    while (done >= 0 && file->size < 4 << 20)
        done = write_at(file, 1, file->size, 1024);
    ck_assert_int_eq(done, SHALE_ECORRUPT);
    shale_vnode_put(file);
    end_damaged();
}
END_TEST

/* A file whose map leads anywhere can be removed all the same. */
static const char *const bad_maps[] = {
    "set_inode_field f block[0] 3",             /* a descriptor */
    "set_inode_field f block[1] 99999999",
    "set_inode_field f block[IND] 99999999",
    "set_inode_field f block[IND] 20",          /* the inode table */
    "set_inode_field f block[DIND] 99999999",
    "set_inode_field f block[TIND] 5000000",
};

START_TEST(a_file_with_a_bad_map_is_removed)
{
    struct shale_vnode *file;

    begin(8 << 20, "-b 1024");
    file = rig_create(&rig, "f", 0100644);
    put(file, 1, 0, 300 * 1024);
    shale_vnode_put(file);
    damage(bad_maps[_i]);
    unlink_file("f");
    ck_assert_int_eq(shale_sync(rig.v.fs), 0);
    ck_assert_uint_gt(rig.v.events, 0);
    ck_assert_int_eq(shale_walk(rig.v.fs, NULL, "/f", 0, &file), SHALE_ENOENT);
    end_damaged();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_file");
    TCase *tc = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, one_block, 0, PLACES);
    tcase_add_test(tc, all_places);
    tcase_add_loop_test(tc, punches_this, 0, PUNCHES);
    tcase_add_test(tc, a_cut_leaves_zeros);
    tcase_add_test(tc, a_cut_on_a_full_volume);
    tcase_add_test(tc, a_cut_within_few_blocks_of_cache);
    tcase_add_loop_test(tc, a_file_in_very_many_pieces, 0, 2);
    tcase_add_test(tc, large_files_are_declared);
    tcase_add_loop_test(tc, no_longer_than_this, 0,
                        sizeof limits / sizeof limits[0]);
    tcase_add_test(tc, a_full_volume_takes_what_it_can);
    tcase_add_loop_test(tc, a_volume_ends_at_a_block_of_pointers, 0,
                        sizeof ends / sizeof ends[0]);
    tcase_add_test(tc, zeros_without_room_change_nothing);
    tcase_add_test(tc, reserved_blocks_may_be_kept);
    tcase_add_loop_test(tc, reserves, 0,
                        sizeof reservations / sizeof reservations[0]);
    tcase_add_test(tc, a_hole_is_filled);
    tcase_add_test(tc, copies_keep_holes);
    tcase_add_test(tc, files_side_by_side_lie_in_long_runs);
    tcase_add_test(tc, statfs_as_minix);
    tcase_add_test(tc, the_volume_s_own_blocks_are_not_given_away);
    tcase_add_loop_test(tc, a_file_with_a_bad_map_is_removed, 0,
                        sizeof bad_maps / sizeof bad_maps[0]);
    suite_add_tcase(s, tc);
    return s;
}
