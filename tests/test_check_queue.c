/*
 * test_check_queue.c - places are read sorted, together, once each, by all
 */
#include "test_check_rig.h"

enum { BLOCK = 1024, BLOCKS = RIG_SIZE / BLOCK };

static struct check_queue *queue;
static uint64_t last_at, handled, unreadable, wrong;
static unsigned seen[BLOCKS];
static uint64_t reads;

static void count_reads(void *context, enum shale_request_kind kind,
                        uint64_t offset, size_t len)
{
    (void)context;
    (void)offset;
    (void)len;
    if (kind == SHALE_REQUEST_READ)
        __atomic_add_fetch(&reads, 1, __ATOMIC_RELAXED);
}

/* Each block says where it is, but the first, which has the mark. */
static void number_blocks(void)
{
    for (unsigned i = 1; i < BLOCKS; i++)
        memcpy(rig.bytes + (size_t)i * BLOCK, &i, sizeof i);
    rig.fault.watch = count_reads;
}

static void open_with(unsigned workers)
{
    rig_open(workers);
    number_blocks();
    memset(seen, 0, sizeof seen);
    last_at = handled = unreadable = wrong = reads = 0;
}

static int add(uint64_t block)
{
    return check_queue_add(queue, &(struct check_item){
        .at = block * BLOCK, .tag = { block, ~block, 7 },
    });
}

static bool is_block(const struct check_item *item, const uint8_t *bytes)
{
    unsigned number = 0;

    memcpy(&number, bytes, sizeof number);
    return number == item->tag[0] && item->tag[1] == ~item->tag[0] &&
           item->tag[2] == 7 && item->at == item->tag[0] * BLOCK;
}

/* Asserts stay out of here: it may be a worker's thread. */
static int see(struct check *check, const struct check_item *item,
               uint8_t *bytes, void *context)
{
    (void)check;
    (void)context;
    __atomic_add_fetch(&handled, 1, __ATOMIC_RELAXED);
    __atomic_add_fetch(&seen[item->tag[0]], 1, __ATOMIC_RELAXED);
    if (!bytes)
        __atomic_add_fetch(&unreadable, 1, __ATOMIC_RELAXED);
    else if (!is_block(item, bytes))
        __atomic_add_fetch(&wrong, 1, __ATOMIC_RELAXED);
    else
        memset(bytes, 0xee, BLOCK);
    return 0;
}

/* ------------------------------------------------------------------ order */

static int see_in_order(struct check *check, const struct check_item *item,
                        uint8_t *bytes, void *context)
{
    if (item->at < last_at)
        wrong++;
    last_at = item->at;
    return see(check, item, bytes, context);
}

/* 100,003 items in no order make many chunks; and each place comes often. */
static int run_sorted(struct check *check)
{
    uint64_t seed = 42;
    int err = 0;

    queue = check_queue_create(check, BLOCK);
    for (unsigned i = 0; !err && i < 100003; i++)
        err = add(1 + rig_random(&seed) % (BLOCKS - 1));
    ck_assert_uint_eq(check_queue_count(queue), 100003);
    if (!err)
        err = check_queue_run(queue, see_in_order, NULL);
    ck_assert_uint_eq(check_queue_count(queue), 0);
    check_queue_destroy(queue);
    return err;
}

START_TEST(comes_in_order)
{
    open_with(1);
    ck_assert_int_eq(rig_check(run_sorted), 0);
    ck_assert_uint_eq(handled, 100003);
    ck_assert_uint_eq(wrong, 0);
    rig_close();
}
END_TEST

/* In one round, what handlers add is not read; alone, all is in order. */
static int see_and_add(struct check *check, const struct check_item *item,
                       uint8_t *bytes, void *context)
{
    int err = see_in_order(check, item, bytes, context);

    return err ? err : add(item->tag[0] - 1);
}

static int run_rounds(struct check *check)
{
    int err = 0;

    queue = check_queue_create(check, BLOCK);
    for (uint64_t i = 1000; !err && i < 2000; i += 2)
        err = add(i);
    check_alone(check, true);
    for (unsigned round = 1; !err && round <= 3; round++) {
        last_at = 0;
        err = check_queue_round(queue, see_and_add, NULL);
        ck_assert_uint_eq(handled, 500 * round);
        ck_assert_uint_eq(check_queue_count(queue), 500);
    }
    check_alone(check, false);
    check_queue_destroy(queue);
    return err;
}

START_TEST(a_round_is_what_was_there)
{
    open_with(4);
    ck_assert_int_eq(rig_check(run_rounds), 0);
    ck_assert_uint_eq(wrong, 0);
    rig_close();
}
END_TEST

/* A whole volume, backwards; every second block; and some far apart. */
static int run_together(struct check *check)
{
    int err = 0;

    queue = check_queue_create(check, BLOCK);
    for (uint64_t i = BLOCKS - 1; !err && i > 0; i--)
        err = add(i);
    reads = 0;
    err = err ? err : check_queue_run(queue, see_in_order, NULL);
    ck_assert_uint_le(reads, RIG_SIZE / (64 << 10));

    for (uint64_t i = 1; !err && i < BLOCKS; i += 2)
        err = add(i);
    last_at = reads = 0;
    err = err ? err : check_queue_run(queue, see_in_order, NULL);
    ck_assert_uint_le(reads, RIG_SIZE / (64 << 10));

    for (uint64_t i = 1; !err && i < BLOCKS; i += 1024)
        err = add(i);
    last_at = reads = rig.result.bytes_read = 0;
    err = err ? err : check_queue_run(queue, see_in_order, NULL);
    ck_assert_uint_eq(reads, 4);
    ck_assert_uint_eq(rig.result.bytes_read, (uint64_t)4 * BLOCK);
    check_queue_destroy(queue);
    return err;
}

START_TEST(neighbours_are_read_together)
{
    open_with(1);
    ck_assert_int_eq(rig_check(run_together), 0);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(unreadable, 0);
    rig_close();
}
END_TEST

/* ------------------------------------------------------------------- hints */

/* The rig's device, which knows what it was told of beforehand. */
static struct {
    struct shale_bdev base;
    bool soon[BLOCKS];
    unsigned hints, surprises;
} hinted;

static void hinted_soon(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    (void)dev;
    hinted.hints++;
    for (uint64_t i = offset / BLOCK; i < (offset + len) / BLOCK; i++)
        hinted.soon[i] = true;
}

static int hinted_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                       size_t len)
{
    (void)dev;
    for (uint64_t i = offset / BLOCK; i < (offset + len) / BLOCK; i++)
        hinted.surprises += !hinted.soon[i];
    return shale_bdev_read(&rig.memory.base, offset, buf, len);
}

static int run_hints(struct check *check)
{
    int err = 0;

    queue = check_queue_create(check, BLOCK);
    for (uint64_t i = 1; !err && i < BLOCKS; i += i % 100 < 50 ? 1 : 50)
        err = add(i);
    hinted.hints = hinted.surprises = 0;
    err = err ? err : check_queue_run(queue, see_in_order, NULL);
    check_queue_destroy(queue);
    return err;
}

START_TEST(the_device_knows_beforehand)
{
    static const struct shale_bdev_ops ops = {
        .read = hinted_read, .soon = hinted_soon,
    };

    open_with(1);
    hinted.base = rig.memory.base;
    hinted.base.ops = &ops;
    memset(hinted.soon, false, sizeof hinted.soon);
    rig.config.dev = &hinted.base;
    ck_assert_int_eq(rig_check(run_hints), 0);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_gt(handled, 2000);
    ck_assert_uint_eq(hinted.surprises, 0);
    /* Neighbours in one go; the ring cuts some of them. */
    ck_assert_uint_gt(hinted.hints, BLOCKS / 100 - 1);
    ck_assert_uint_lt(hinted.hints, BLOCKS / 20);
    rig_close();
}
END_TEST

/* ------------------------------------------------------------ many workers */

/* Each block leads to two others, as in a heap. */
static int follow(struct check *check, const struct check_item *item,
                  uint8_t *bytes, void *context)
{
    uint64_t block = item->tag[0];
    int err = see(check, item, bytes, context);

    if (!err && block * 2 < BLOCKS)
        err = add(block * 2);
    if (!err && block * 2 + 1 < BLOCKS)
        err = add(block * 2 + 1);
    return err;
}

static int run_tree(struct check *check)
{
    int err;

    queue = check_queue_create(check, BLOCK);
    if (!queue)
        return SHALE_ENOMEM;
    err = add(1);
    if (!err)
        err = check_queue_run(queue, follow, NULL);
    check_queue_destroy(queue);
    return err;
}

START_TEST(what_handlers_add_is_read_too)
{
    open_with(_i ? 6 : 1);
    ck_assert_int_eq(rig_check(run_tree), 0);
    ck_assert_uint_eq(handled, BLOCKS - 1);
    ck_assert_uint_eq(wrong, 0);
    ck_assert_uint_eq(unreadable, 0);
    for (unsigned i = 1; i < BLOCKS; i++)
        ck_assert_uint_eq(seen[i], 1);
    rig_close();
}
END_TEST

START_TEST(every_allocation_fails_once)
{
    open_with(_i ? 3 : 1);
    rig_fail_allocations(run_tree);
    rig_close();
}
END_TEST

/* ----------------------------------------------------------------- errors */

START_TEST(an_unreadable_place_is_handed_on)
{
    open_with(1);
    ck_assert_int_eq(rig_check(run_tree), 0);
    for (uint64_t nth = 1; nth < 6; nth++) {
        handled = unreadable = wrong = 0;
        shale_fault_at(&rig.fault, nth, 2, SHALE_EIO);
        ck_assert_int_eq(rig_check(run_tree), 0);
        ck_assert_uint_eq(handled, BLOCKS - 1);
        ck_assert_uint_eq(wrong, 0);
        ck_assert_uint_ge(unreadable, 1);
        ck_assert_uint_le(unreadable, 2);
        ck_assert_str_eq(rig.told, "");
    }
    rig_close();
}
END_TEST

/* Past the end, wherever that is. */
static int run_outside(struct check *check)
{
    const uint64_t places[] = {
        RIG_SIZE - 1, RIG_SIZE, UINT64_MAX - 5, UINT64_MAX,
    };
    int err = 0;

    queue = check_queue_create(check, BLOCK);
    for (size_t i = 0; !err && i < sizeof places / sizeof places[0]; i++)
        err = check_queue_add(queue, &(struct check_item){ .at = places[i] });
    err = err ? err : check_queue_run(queue, see, NULL);
    check_queue_destroy(queue);
    return err;
}

START_TEST(a_place_outside_is_unreadable)
{
    open_with(1);
    ck_assert_int_eq(rig_check(run_outside), 0);
    ck_assert_uint_eq(unreadable, 4);
    rig_close();
}
END_TEST

static int give_up(struct check *check, const struct check_item *item,
                   uint8_t *bytes, void *context)
{
    int err = see(check, item, bytes, context);

    return item->tag[0] == 1000 ? SHALE_EINTR : err;
}

static int run_giving_up(struct check *check)
{
    int err = 0;

    queue = check_queue_create(check, BLOCK);
    for (uint64_t i = 1; !err && i < BLOCKS; i++)
        err = add(i);
    err = err ? err : check_queue_run(queue, give_up, NULL);
    check_queue_destroy(queue);
    return err;
}

START_TEST(a_handlers_error_ends_it)
{
    open_with(_i ? 4 : 1);
    ck_assert_int_eq(rig_check(run_giving_up), SHALE_EINTR);
    ck_assert(!rig.result.complete);
    /* Others may have handled all there is before it is known. */
    if (_i == 0)
        ck_assert_uint_eq(handled, 1000);
    rig_close();
}
END_TEST

static int run_nothing(struct check *check)
{
    int err;

    queue = check_queue_create(check, BLOCK);
    err = check_queue_run(queue, see, NULL);
    check_queue_destroy(queue);
    check_queue_destroy(NULL);
    return err;
}

START_TEST(nothing_is_soon_read)
{
    open_with(4);
    ck_assert_int_eq(rig_check(run_nothing), 0);
    ck_assert_uint_eq(handled, 0);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/queue");
    TCase *tc = tcase_create("queue");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, comes_in_order);
    tcase_add_test(tc, a_round_is_what_was_there);
    tcase_add_test(tc, the_device_knows_beforehand);
    tcase_add_test(tc, neighbours_are_read_together);
    tcase_add_loop_test(tc, what_handlers_add_is_read_too, 0, 2);
    tcase_add_loop_test(tc, every_allocation_fails_once, 0, 2);
    tcase_add_test(tc, an_unreadable_place_is_handed_on);
    tcase_add_test(tc, a_place_outside_is_unreadable);
    tcase_add_loop_test(tc, a_handlers_error_ends_it, 0, 2);
    tcase_add_test(tc, nothing_is_soon_read);
    suite_add_tcase(s, tc);
    return s;
}
