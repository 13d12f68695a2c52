/*
 * test_ext2_edges.c - one file, changed at random around the edges of blocks
 *
 * Writes, cuts, holes, zeros and copies of a file whose every byte is kept in
 * memory, too; on volumes that are full most of the time, with a journal or
 * without. What fails for want of space has changed nothing but what it says.
 * EDGES_ROUNDS in the environment is how many times as long to go on.
 */
#include "ext2/write.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define SIZE_MAX_BYTES 400000u

static struct rig rig;
static struct shale_vnode *file, *rest;
static uint8_t want[SIZE_MAX_BYTES], got[SIZE_MAX_BYTES + 1];
static size_t size;
static uint32_t block_size;
static uint64_t state;

static uint32_t below(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

/* A place near the edge of a block, mostly. */
static size_t place(void)
{
    size_t at = below(SIZE_MAX_BYTES - 2 * block_size);

    if (below(4) > 0)
        at = at / block_size * block_size + below(9);
    return at > 4 ? at - 4 : at;
}

static size_t length(size_t at)
{
    size_t most = below(3) == 0 ? 40u * block_size : 2u * block_size;
    size_t len = 1 + below((uint32_t)most);

    if (below(4) == 0)
        len = (len + block_size - 1) / block_size * block_size;
    return len < SIZE_MAX_BYTES - at ? len : SIZE_MAX_BYTES - at;
}

static void grow(size_t to)
{
    if (to > size)
        size = to;
}

static int do_write(size_t at, size_t len)
{
    static uint8_t bytes[SIZE_MAX_BYTES];
    int64_t done;

    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(below(255) + 1);
    done = shale_write(file, bytes, len, at);
    if (done < 0)
        return (int)done;
    memcpy(want + at, bytes, (size_t)done);
    grow(at + (size_t)done);
    return 0;
}

static int do_truncate(size_t to)
{
    int err = shale_truncate(file, to);

    if (err)
        return to > size ? err : 1;     /* to cut never fails */
    if (to < size)
        memset(want + to, 0, size - to);
    size = to;
    return 0;
}

static int do_range(size_t at, size_t len, unsigned flags)
{
    int err = shale_allocate(file, at, len, flags);

    if (err)
        return err;
    if (flags & (SHALE_ALLOCATE_PUNCH_HOLE | SHALE_ALLOCATE_ZERO_RANGE))
        memset(want + at, 0, len);
    if (!(flags & SHALE_ALLOCATE_KEEP_SIZE))
        grow(at + len);
    return 0;
}

static int do_copy(size_t from, size_t to, size_t len)
{
    int64_t done;

    if (from >= size || (from < to ? to - from : from - to) < len)
        return 0;
    done = shale_copy_range(file, from, file, to, len);
    if (done < 0)
        return (int)done;
    memmove(want + to, want + from, (size_t)done);
    grow(to + (size_t)done);
    return 0;
}

/* Give space, or take all that there is but for a few blocks. */
static int do_rest(void)
{
    static const uint8_t bytes[4096] = { 1 };

    if (below(2) == 0)
        return shale_truncate(rest, rest->size -
                                    below((uint32_t)rest->size + 1));
    while (shale_write(rest, bytes, block_size, rest->size) ==
           (int64_t)block_size)
        continue;
    return shale_truncate(rest, rest->size - below(4) * block_size);
}

static void remount(void)
{
    shale_vnode_put(file);
    shale_vnode_put(rest);
    rig_unmount(&rig);
    rig_mount(&rig);
    file = rig_open(&rig, "/file");
    rest = rig_open(&rig, "/rest");
}

static int step(uint32_t kind)
{
    size_t at = place(), len = length(at);

    switch (kind) {
    case 0: case 1: case 2:
        return do_write(at, len);
    case 3: case 4:
        return do_truncate(below(3) == 0 ? size - below((uint32_t)size + 1)
                                         : at);
    case 5:
        return do_range(at, len, SHALE_ALLOCATE_PUNCH_HOLE |
                                 SHALE_ALLOCATE_KEEP_SIZE);
    case 6:
        return do_range(at, len, SHALE_ALLOCATE_ZERO_RANGE);
    case 7:
        return do_range(at, len, 0);
    case 8:
        return do_copy(place(), at, len);
    case 9:
        return do_rest();
    default:
        return below(20) > 0 ? shale_writeback(rig.v.fs) : (remount(), 0);
    }
}

static void compare(unsigned round, uint32_t kind)
{
    int64_t len = shale_read(file, got, sizeof got, 0);

    ck_assert_msg(len == (int64_t)size, "%u, kind %u: %lld bytes, not %zu",
                  round, kind, (long long)len, size);
    for (size_t i = 0; i < size; i++) {
        if (got[i] != want[i])
            ck_abort_msg("%u, kind %u: byte %zu is %u, not %u", round, kind,
                         i, got[i], want[i]);
    }
}

static const struct {
    const char *arguments;
    size_t kib;
    uint32_t block_size;
} volumes[] = {
    { "-b 1024", 1024, 1024 },
    { "-b 4096", 2048, 4096 },
    { "-b 1024", 6144, 1024 },
    { "-b 4096", 24576, 4096 },
    { "-b 1024 -O has_journal -J size=1", 3072, 1024 },
};

START_TEST(at_the_edges)
{
    const char *times = getenv("EDGES_ROUNDS");
    unsigned rounds = 1500 * (times ? (unsigned)atoi(times) : 1);

    state = (uint64_t)_i + 1;
    block_size = volumes[_i].block_size;
    size = 0;
    memset(want, 0, sizeof want);
    rig_init(&rig, volumes[_i].kib << 10, volumes[_i].arguments);
    rig_mount(&rig);
    file = rig_create(&rig, "file", 0100644);
    rest = rig_create(&rig, "rest", 0100644);
    for (unsigned round = 0; round < rounds; round++) {
        uint32_t kind = below(11);
        int err = step(kind);

        ck_assert_msg(!err || err == SHALE_ENOSPC, "%u, kind %u: %d", round,
                      kind, err);
        compare(round, kind);
    }
    shale_vnode_put(file);
    shale_vnode_put(rest);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/edges");
    TCase *tc = tcase_create("random");

    rig_need_programs();
    tcase_set_timeout(tc, 1000);
    tcase_add_loop_test(tc, at_the_edges, 0,
                        sizeof volumes / sizeof volumes[0]);
    suite_add_tcase(s, tc);
    return s;
}
