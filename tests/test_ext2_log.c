/*
 * test_ext2_log.c - what is safe by the log, and what goes past it: whatever
 * was promised is there after a power cut, though flushes may have failed
 *
 * Each round changes one thing and has it made durable: the bytes of a file are
 * replaced, which goes past the log, or a file is made, which does not. What is
 * left at any moment has to be what some round left, no earlier than the last
 * one of which that was promised.
 */
#include <limits.h>

#include "ext2/write.h"
#include "shale/clock.h"
#include "shale/host.h"
#include "suite.h"
#include "test_ext2_rig.h"

#include "powercut.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

enum { SIZE = 8 << 20, SECTOR = 512, ROUNDS = 26 };

static struct rig rig, left;

/* A second passes with each round. */
static int64_t seconds;

static void now(struct shale_clock *clock, struct shale_time *out)
{
    (void)clock;
    *out = (struct shale_time){ .sec = seconds };
}

static struct shale_clock ticking = { .now = now };

static void mount(struct volume *v, bool errors_continue, const char *what)
{
    struct shale_config config = {
        .dev = v->dev, .mem = v->mem, .drivers = shale_all_drivers,
        .log = &v->log, .clock = &ticking, .errors_continue = errors_continue,
    };

    ck_assert_msg(shale_mount(&config, &v->fs) == 0, "%s: %s", what, v->said);
}

/* ------------------------------------------------------------- the rounds */

/* What was there after a round: times of the two, and how many others. */
struct then {
    int64_t time[2];
    unsigned files;
};

static struct then history[ROUNDS + 1];
static const char *const names[] = { "/a", "/b" };

/* The two are in different blocks of inodes. */
static void begin(const char *arguments)
{
    struct shale_vnode *vn;

    rig_init(&rig, SIZE, arguments);
    rig_init(&left, SIZE, arguments);
    seconds = 1000;
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    mount(&rig.v, false, "first");
    vn = rig_create(&rig, "a", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_write(vn, "....", 4, 0), 4);
    shale_vnode_put(vn);
    for (unsigned i = 0; i < 8; i++) {
        char name[] = { 'x', (char)('0' + i), 0 };

        shale_vnode_put(rig_create(&rig, name, SHALE_S_IFREG | 0644));
    }
    vn = rig_create(&rig, "b", SHALE_S_IFREG | 0644);
    ck_assert_int_eq(shale_write(vn, "....", 4, 0), 4);
    shale_vnode_put(vn);
    rig_unmount(&rig);
    history[0] = (struct then){ { seconds, seconds }, 0 };
}

static void end(void)
{
    rig_fini(&rig);
    rig_fini(&left);
}

/* Do round N, from 1, and ask for it to be durable. */
static int do_round(unsigned n)
{
    static const char kinds[] = "aaabbaanabnnabababaaannnab";
    char kind = kinds[n - 1], name[8];
    struct shale_vnode *vn;
    int64_t got = 0;
    int err;

    seconds = 1000 + n;
    history[n] = history[n - 1];
    if (kind == 'n') {
        snprintf(name, sizeof name, "n%u", history[n].files++);
        vn = rig_create(&rig, name, SHALE_S_IFREG | 0644);
    } else {
        vn = rig_open(&rig, names[kind - 'a']);
        got = shale_write(vn, "data", 4, 0);
        if (got > 0)
            history[n].time[kind - 'a'] = seconds;
    }
    err = shale_fsync(vn);
    shale_vnode_put(vn);
    return got < 0 ? (int)got : err;
}

/* ---------------------------------------------------------------- judging */

/* Has the volume in LEFT what round N had left? */
static bool is_as_after(unsigned n)
{
    struct shale_attr attr;
    char name[8];

    for (unsigned i = 0; i < 2; i++) {
        GOOD(shale_stat(left.v.fs, names[i], &attr));
        if (attr.mtime.sec != history[n].time[i])
            return false;
    }
    for (unsigned i = 0; i < ROUNDS; i++) {
        snprintf(name, sizeof name, "/n%u", i);
        if ((shale_stat(left.v.fs, name, &attr) == 0) != (i < history[n].files))
            return false;
    }
    return true;
}

/* IMAGE is as it was left after a round from FIRST to LAST. */
static void judge(const uint8_t *image, unsigned first, unsigned last,
                  const char *what)
{
    const char *said;
    unsigned n = first;
    int status;

    memcpy(left.bytes, image, SIZE);
    GOOD(volume_to_write(&left.v, left.bytes, SIZE));
    mount(&left.v, false, what);
    while (n <= last && !is_as_after(n))
        n++;
    ck_assert_msg(n <= last, "%s: not as after any round from %u to %u", what,
                  first, last);
    GOOD(shale_unmount(left.v.fs));
    left.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&left.v), 0);
    said = rig_run(&left, "e2fsck -fp @ 2>&1", &status);
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%s: %s", what,
                  said);
}

static bool judge_cut(void *context, const struct powercut_state *state)
{
    (void)context;
    judge(state->image, (unsigned)state->mark, ROUNDS, state->what);
    return true;
}

/* ------------------------------------------------- a device that forgets */

/*
 * What is read is what was written. What a power cut leaves is what was there
 * at the last flush; a flush that fails takes with it what it was to keep.
 */
static struct {
    struct shale_bdev base;
    uint8_t *kept;
    bool written[SIZE / SECTOR];
    unsigned flushes, fails_at;
} device;

static int device_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                       size_t len)
{
    (void)dev;
    memcpy(buf, rig.bytes + offset, len);
    return 0;
}

static int device_write(struct shale_bdev *dev, uint64_t offset,
                        const void *buf, size_t len)
{
    (void)dev;
    memcpy(rig.bytes + offset, buf, len);
    memset(device.written + offset / SECTOR, true, len / SECTOR);
    return 0;
}

static int device_flush(struct shale_bdev *dev)
{
    bool fails = device.flushes++ == device.fails_at;

    (void)dev;
    for (size_t i = 0; i < SIZE / SECTOR; i++)
        if (device.written[i] && !fails)
            memcpy(device.kept + i * SECTOR, rig.bytes + i * SECTOR, SECTOR);
    memset(device.written, 0, sizeof device.written);
    return fails ? SHALE_EIO : 0;
}

static const struct shale_bdev_ops device_ops = {
    .read = device_read, .write = device_write, .flush = device_flush,
};

/* ------------------------------------------------------------------ tests */

static const char *const kinds[] = {
    "-b 1024", "-b 1024 -O has_journal",
};

/*
 * One flush after the other fails, and all goes on. From then on the power may
 * be cut after each round.
 */
START_TEST(flushes_fail)
{
    uint8_t *before = malloc(SIZE);
    bool failed = true;

    begin(kinds[_i]);
    memcpy(before, rig.bytes, SIZE);
    device.kept = malloc(SIZE);
    for (unsigned at = 0; failed; at++) {
        unsigned promised = 0;

        memcpy(rig.bytes, before, SIZE);
        memcpy(device.kept, before, SIZE);
        GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
        device.base = *rig.v.dev;
        device.base.ops = &device_ops;
        device.flushes = 0;
        device.fails_at = at;
        rig.v.dev = &device.base;
        mount(&rig.v, true, "to fail");
        for (unsigned n = 1; n <= ROUNDS; n++) {
            char what[40];

            snprintf(what, sizeof what, "flush %u, round %u", at, n);
            if (do_round(n) == 0)
                promised = n;
            else
                ck_assert_msg(device.flushes > at, "%s", what);
            if (device.flushes > at && device.flushes < at + 12)
                judge(device.kept, promised, n, what);
        }
        failed = device.flushes > at;
        device.fails_at = UINT_MAX;
        if (promised < ROUNDS)          /* late errors are told once */
            GOOD(shale_sync(rig.v.fs));
        rig_unmount(&rig);
    }
    free(device.kept);
    free(before);
    end();
}
END_TEST

/* The power is cut at any moment. */
START_TEST(power_is_cut)
{
    const struct powercut_options options = {
        .seed = (uint64_t)_i + 1, .max_states = suite_states(250, 3000),
        .all_up_to = 6, .random_subsets = 10,
    };
    struct shale_fault_bdev fault;
    struct shale_mem *records = shale_host_mem_create(0);
    uint8_t *image = malloc(SIZE);

    begin(kinds[_i]);
    memcpy(image, rig.bytes, SIZE);
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    GOOD(shale_fault_bdev_init(&fault, rig.v.dev, records, NULL));
    rig.v.dev = &fault.base;
    mount(&rig.v, false, "first");
    for (unsigned n = 1; n <= ROUNDS; n++) {
        GOOD(do_round(n));
        GOOD(shale_fault_mark(&fault, n));
    }
    rig_unmount(&rig);
    ck_assert_uint_gt(powercut_visit(image, SIZE, fault.records, &options,
                                     judge_cut, NULL), 100);
    shale_fault_bdev_fini(&fault);
    shale_mem_destroy(records);
    free(image);
    end();
}
END_TEST

static unsigned writes, flushes;

static void count(void *context, enum shale_request_kind kind,
                  uint64_t offset, size_t len)
{
    (void)context;
    (void)offset;
    (void)len;
    writes += kind == SHALE_REQUEST_WRITE;
    flushes += kind == SHALE_REQUEST_FLUSH;
}

/* What a round costs: bytes and times, and one flush; two for a new file. */
START_TEST(requests)
{
    static const struct { unsigned writes, flushes; } want[] = {
        { 2, 1 }, { 2, 1 }, { 2, 1 }, { 3, 2 }, { 2, 1 }, { 2, 1 }, { 2, 1 },
    };
    struct shale_fault_bdev fault;
    struct shale_mem *records = shale_host_mem_create(0);

    begin(kinds[_i]);
    GOOD(volume_to_write(&rig.v, rig.bytes, SIZE));
    GOOD(shale_fault_bdev_init(&fault, rig.v.dev, records, NULL));
    rig.v.dev = &fault.base;
    fault.watch = count;
    mount(&rig.v, false, "first");
    shale_vnode_put(rig_create(&rig, "first", SHALE_S_IFREG | 0644));
    GOOD(shale_writeback(rig.v.fs));
    GOOD(do_round(1));
    for (unsigned n = 2; n <= 7; n++) {
        writes = flushes = 0;
        GOOD(do_round(n));
        ck_assert_msg(writes == want[n - 1].writes &&
                      flushes == want[n - 1].flushes,
                      "round %u: %u writes, %u flushes", n, writes, flushes);
    }
    /* A file is made: bitmap, descriptor, inode, directory. */
    writes = flushes = 0;
    GOOD(do_round(8));
    ck_assert_uint_eq(flushes, 2);
    ck_assert_uint_le(writes, 8);
    rig_unmount(&rig);
    shale_fault_bdev_fini(&fault);
    shale_mem_destroy(records);
    end();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/log");
    TCase *tc = tcase_create("log");

    rig_need_programs();
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, requests, 0, 2);
    tcase_add_loop_test(tc, flushes_fail, 0, 2);
    tcase_add_loop_test(tc, power_is_cut, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
