/*
 * test_ext2_file_faults.c - every call that changes a file's data fails,
 * everywhere
 *
 * A round makes a file and does one call while one thing fails: the first
 * allocation of memory, the second, ..., or the first request to the device,
 * and so on until the call gets through untouched. A call that has failed for
 * want of memory has changed nothing; one whose bytes could not be written may
 * have brought some of them. The same call then works, unless the volume had to
 * become read-only, and e2fsck finds no fault, or with requests that failed
 * none that it cannot repair by itself.
 */
#include "ext2/write.h"
#include "shale/fault.h"
#include "suite.h"
#include "test_ext2_rig.h"

#define SIZE 60000u             /* of the file; blocks 15 to 39 are a hole */
#define HOLE_FROM 15360u
#define HOLE_TO 40960u
#define MOST 400000u

static struct rig rig;
static struct shale_fault_bdev fault;
static uint8_t *before, *after;         /* what the call has to lead to */
static size_t before_size, after_size;

static uint8_t byte_of(size_t at)
{
    return (uint8_t)(at * 7 + at / 256 + 1) | 1;
}

/* ------------------------------------------------------------- the calls */

static int bytes_write(struct shale_vnode *file, size_t offset, size_t len)
{
    uint8_t *buf = malloc(len);
    int64_t done;

    for (size_t i = 0; i < len; i++)
        buf[i] = byte_of(offset + i + 5);
    done = shale_write(file, buf, len, offset);
    free(buf);
    return done == (int64_t)len ? 0 : done < 0 ? (int)done : SHALE_EIO;
}

static int call_append(struct shale_vnode *file)
{
    return bytes_write(file, SIZE, 300000);
}

static int call_fill(struct shale_vnode *file)
{
    return bytes_write(file, 20000, 5000);
}

static int call_overwrite(struct shale_vnode *file)
{
    return bytes_write(file, 100, 5000);
}

static int call_shorten(struct shale_vnode *file)
{
    return shale_truncate(file, 5000);
}

static int call_lengthen(struct shale_vnode *file)
{
    return shale_truncate(file, 300000);
}

static int call_punch(struct shale_vnode *file)
{
    return shale_allocate(file, 1000, 50000, SHALE_ALLOCATE_PUNCH_HOLE |
                                             SHALE_ALLOCATE_KEEP_SIZE);
}

static int call_zero(struct shale_vnode *file)
{
    return shale_allocate(file, 1000, 100000, SHALE_ALLOCATE_ZERO_RANGE);
}

static int call_reserve(struct shale_vnode *file)
{
    return shale_allocate(file, 1000, 100000, 0);
}

static int call_copy(struct shale_vnode *file)
{
    int64_t done = shale_copy_range(file, 0, file, 100000, 50000);

    return done == 50000 ? 0 : done < 0 ? (int)done : SHALE_EIO;
}

static int call_release(struct shale_vnode *file)
{
    struct shale_vnode *root, *vn;
    int err = shale_walk(rig.v.fs, NULL, "/", 0, &root);

    (void)file;
    if (err)
        return err;
    err = shale_walk(rig.v.fs, NULL, "/gone", 0, &vn);
    if (!err) {
        err = shale_unlink(root, "gone", 4);
        shale_vnode_put(vn);
    }
    shale_vnode_put(root);
    return err;
}

static const struct call {
    const char *what;
    int (*call)(struct shale_vnode *file);
    bool whole;                 /* or not at all, whatever fails */
} calls[] = {
    { "append", call_append, false },
    { "fill", call_fill, false },
    { "overwrite", call_overwrite, false },
    { "shorten", call_shorten, true },
    { "lengthen", call_lengthen, true },
    { "punch", call_punch, false },
    { "zero", call_zero, false },
    { "reserve", call_reserve, true },
    { "copy", call_copy, false },
    { "release", call_release, true },
};

enum { CALLS = sizeof calls / sizeof calls[0] };

/* ------------------------------------------------------------- the rounds */

static struct shale_vnode *file_make(void)
{
    struct shale_vnode *file = rig_create(&rig, "f", 0100644);
    struct shale_vnode *gone = rig_create(&rig, "gone", 0100644);
    uint8_t *bytes = malloc(SIZE);

    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = byte_of(i);
    ck_assert_int_eq(shale_write(file, bytes, HOLE_FROM, 0), HOLE_FROM);
    ck_assert_int_eq(shale_write(file, bytes + HOLE_TO, SIZE - HOLE_TO,
                                 HOLE_TO), SIZE - HOLE_TO);
    ck_assert_int_eq(shale_write(gone, bytes, SIZE, 300000), SIZE);
    free(bytes);
    shale_vnode_put(gone);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
    return file;
}

static void file_drop(struct shale_vnode *file)
{
    struct shale_vnode *root = rig_open(&rig, "/");

    ck_assert_int_eq(shale_unlink(root, "f", 1), 0);
    shale_vnode_put(root);
    shale_vnode_put(file);
    call_release(NULL);
    ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
}

static size_t file_get(struct shale_vnode *file, uint8_t *to)
{
    struct shale_attr attr;
    int64_t got = shale_read(file, to, MOST, 0);

    ck_assert_int_eq(shale_getattr(file, &attr), 0);
    ck_assert_int_eq(got, (int64_t)attr.size);
    return attr.size;
}

static bool file_is(struct shale_vnode *file, const uint8_t *bytes,
                    size_t size)
{
    uint8_t *now = malloc(MOST);
    size_t now_size = file_get(file, now);
    bool is = now_size == size && memcmp(now, bytes, size) == 0;

    free(now);
    return is;
}

/* Each byte is what it was or what it shall be. */
static void file_is_between(struct shale_vnode *file, const char *what,
                            uint64_t nth)
{
    uint8_t *now = malloc(MOST);
    size_t size = file_get(file, now);

    if (before_size <= after_size)
        ck_assert(size >= before_size && size <= after_size);
    for (size_t i = 0; i < size; i++) {
        uint8_t old = i < before_size ? before[i] : 0;
        uint8_t new = i < after_size ? after[i] : 0;

        if (now[i] != old && now[i] != new)
            ck_abort_msg("%s, %llu: byte %zu is %u, not %u or %u", what,
                         (unsigned long long)nth, i, now[i], old, new);
    }
    free(now);
}

/* Find out what the call leads to if nothing fails. */
static void learn(const struct call *call)
{
    struct shale_vnode *file = file_make();

    before = malloc(MOST);
    after = malloc(MOST);
    before_size = file_get(file, before);
    ck_assert_int_eq(call->call(file), 0);
    after_size = file_get(file, after);
    file_drop(file);
}

START_TEST(each_allocation_fails)
{
    const struct call *call = &calls[_i];
    bool failed = true;

    rig_init(&rig, 8 << 20, "-b 1024");
    rig_mount(&rig);
    learn(call);
    for (uint64_t nth = 0; failed; nth++) {
        struct shale_vnode *file = file_make();
        int err;

        shale_cache_shrink(rig.v.fs->cache, SIZE_MAX);
        shale_mem_fail_at(rig.v.mem, nth);
        err = call->call(file);
        failed = shale_mem_failed(rig.v.mem);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        ck_assert_msg(!err || err == SHALE_ENOMEM, "%s, %llu: %d", call->what,
                      (unsigned long long)nth, err);
        if (!err)
            ck_assert_msg(file_is(file, after, after_size), "%s, %llu",
                          call->what, (unsigned long long)nth);
        else if (call->whole)
            ck_assert_msg(file_is(file, before, before_size), "%s, %llu",
                          call->what, (unsigned long long)nth);
        else
            file_is_between(file, call->what, nth);
        if (err) {
            ck_assert_int_eq(call->call(file), 0);
            ck_assert(file_is(file, after, after_size));
        }
        file_drop(file);
    }
    free(before);
    free(after);
    rig_unmount(&rig);
    rig_fini(&rig);
}
END_TEST

/* ---------------------------------------------------------------- requests */

static void mount_fault(void)
{
    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, rig.v.dev, NULL, NULL), 0);
    rig.v.dev = &fault.base;
    ck_assert_int_eq(volume_mount(&rig.v, NULL), 0);
}

/* Unmount, well or not; e2fsck repairs what is left without asking. */
static void unmount_fault(const char *what, uint64_t nth)
{
    int status;

    shale_unmount(rig.v.fs);
    rig.v.fs = NULL;
    volume_close(&rig.v);
    shale_fault_bdev_fini(&fault);
    rig_run(&rig, "e2fsck -fp @ 2>&1", &status);
    ck_assert_msg(WEXITSTATUS(status) <= 1, "%s, %llu: e2fsck answers %d",
                  what, (unsigned long long)nth, WEXITSTATUS(status));
}

/*
 * Without room for a copy a block is cut where it is, which nothing undoes: so
 * not before all else has been done.
 */
START_TEST(a_cut_without_room_is_whole)
{
    struct shale_vnode *file, *rest;
    uint8_t bytes[1024];
    int err = SHALE_EIO;

    memset(bytes, 7, sizeof bytes);
    before = malloc(MOST);
    rig_init(&rig, 1 << 20, "-b 1024");
    mount_fault();
    file = rig_create(&rig, "f", 0100644);
    rest = rig_create(&rig, "rest", 0100644);
    ck_assert_int_eq(bytes_write(file, 0, 3000), 0);
    while (shale_write(rest, bytes, 1024, rest->size) == 1024)
        continue;
    before_size = file_get(file, before);
    for (uint64_t nth = 0; err; nth++) {
        ck_assert_int_eq(shale_writeback(rig.v.fs), 0);
        shale_cache_shrink(rig.v.fs->cache, SIZE_MAX);
        shale_fault_at(&fault, nth, 1, SHALE_EIO);
        err = shale_truncate(file, 2500);
        shale_fault_at(&fault, UINT64_MAX, 0, 0);
        ck_assert(!err || err == SHALE_EIO);
        ck_assert_msg(!err || file_is(file, before, before_size), "%llu",
                      (unsigned long long)nth);
    }
    ck_assert(file_is(file, before, 2500));
    free(before);
    shale_vnode_put(file);
    shale_vnode_put(rest);
    unmount_fault("cut", 0);
    rig_fini(&rig);
}
END_TEST

START_TEST(each_request_fails)
{
    const struct call *call = &calls[_i];
    bool failed = true;

    rig_init(&rig, 8 << 20, "-b 1024");
    rig_mount(&rig);
    learn(call);
    rig_unmount(&rig);
    for (uint64_t nth = 0; failed; nth++) {
        struct shale_vnode *file;
        int err;

        mount_fault();
        file = file_make();
        shale_cache_shrink(rig.v.fs->cache, SIZE_MAX);
        shale_fault_at(&fault, nth, 1, SHALE_EIO);
        err = call->call(file);
        if (!err)
            err = shale_sync(rig.v.fs);
        failed = shale_fault_failed(&fault);
        shale_fault_at(&fault, UINT64_MAX, 0, 0);
        ck_assert_msg(!err || err == SHALE_EIO || err == SHALE_EROFS,
                      "%s, %llu: %d", call->what, (unsigned long long)nth,
                      err);
        file_is_between(file, call->what, nth);
        if (!rig.v.fs->read_only) {
            ck_assert_int_eq(call->call(file) == 0 ||
                             call->call == call_release, 1);
            ck_assert_msg(file_is(file, after, after_size), "%s, %llu",
                          call->what, (unsigned long long)nth);
            file_drop(file);
        } else {
            shale_vnode_put(file);
        }
        unmount_fault(call->what, nth);
        rig_fini(&rig);
        rig_init(&rig, 8 << 20, "-b 1024");
    }
    free(before);
    free(after);
    rig_fini(&rig);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_file_faults");
    TCase *tc = tcase_create("all");

    rig_need_programs();
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, each_allocation_fails, 0, CALLS);
    tcase_add_test(tc, a_cut_without_room_is_whole);
    tcase_add_loop_test(tc, each_request_fails, 0, CALLS);
    suite_add_tcase(s, tc);
    return s;
}
