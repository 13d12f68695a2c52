/*
 * test_check_read.c - reading, and what is told if it fails
 */
#include "test_check_rig.h"

static uint8_t buf[64 << 10];
static bool good;

static int run_read(struct check *check)
{
    uint8_t byte;

    ck_assert_int_eq(check_read(check, 1, buf, 1023), 0);
    ck_assert_int_eq(memcmp(buf, rig.bytes + 1, 1023), 0);
    ck_assert_int_eq(check_read(check, RIG_SIZE, &byte, 0), 0);
    ck_assert_int_eq(check_read(check, RIG_SIZE, &byte, 1), SHALE_EIO);
    ck_assert_int_eq(check_read(check, RIG_SIZE - 1, buf, 2), SHALE_EIO);
    ck_assert_int_eq(check_read(check, UINT64_MAX, buf, 2), SHALE_EIO);
    ck_assert_uint_eq(check_data_from(check, 77), 77);
    return 0;
}

START_TEST(any_range_of_the_device)
{
    rig_open(1);
    for (unsigned i = 1; i < RIG_SIZE; i++)
        rig.bytes[i] = (uint8_t)(i * 7 >> 3);
    ck_assert_int_eq(rig_check(run_read), 0);
    ck_assert_uint_ge(rig.result.bytes_read, 4096 + 1023);
    ck_assert_str_eq(rig.told, "");
    rig_close();
}
END_TEST

/* The first request is for the head; the next for the whole. */
static int run_get(struct check *check)
{
    memset(buf, 0xaa, sizeof buf);
    return check_get(check, 8192, buf, 20000, SHALE_OBJECT_GROUP, 4, &good);
}

START_TEST(an_unreadable_place_is_told)
{
    rig_open(1);
    memset(rig.bytes + 8192, 0x55, 20000);
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(good);
    ck_assert_uint_eq(buf[19999], 0x55);

    shale_fault_at(&rig.fault, 1, 1, SHALE_EIO);    /* it was a moment's */
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(good);
    ck_assert_str_eq(rig.told, "");

    shale_fault_at(&rig.fault, 1, 2, SHALE_EIO);
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(!good);
    ck_assert_uint_eq(buf[0], 0);
    ck_assert_uint_eq(buf[4095], 0);
    ck_assert_uint_eq(buf[4096], 0x55);
    ck_assert_str_eq(rig.told, "read.failed group 4 8192 - group 4 cannot be "
                     "read in full\n");
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 1);

    shale_fault_at(&rig.fault, 1, UINT64_MAX, -5);
    ck_assert_int_eq(rig_check(run_get), 0);
    ck_assert(!good);
    ck_assert_uint_eq(rig.result.findings[SHALE_CORRUPTION], 1);
    ck_assert(rig.result.complete);
    rig_close();
}
END_TEST

/* Not aligned to the device's blocks: a bounce buffer may fail. */
static int run_ragged(struct check *check)
{
    return check_get(check, 8191, buf, 20001, SHALE_OBJECT_GROUP, 4, &good);
}

START_TEST(every_allocation_fails_once)
{
    rig_open(1);
    rig_fail_allocations(run_ragged);
    rig_close();
}
END_TEST

START_TEST(zeros_are_seen)
{
    static uint8_t bytes[300];

    for (size_t len = 0; len < sizeof bytes; len++)
        for (size_t at = 0; at <= len; at++) {
            if (at < len)
                bytes[at] = 1;
            ck_assert_int_eq(check_is_zero(bytes, len), at == len);
            bytes[at] = 0;
        }
}
END_TEST

START_TEST(devices_without_holes_do_not_know)
{
    struct shale_slice_bdev slice;

    rig_open(1);
    ck_assert_uint_eq(shale_bdev_data_from(&rig.memory.base, 5), 5);
    shale_slice_bdev_init(&slice, &rig.memory.base, 512, UINT64_MAX);
    ck_assert_uint_eq(shale_bdev_data_from(&slice.base, 5), 5);
    ck_assert_uint_eq(shale_bdev_data_from(&slice.base, UINT64_MAX),
                      UINT64_MAX);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("check/read");
    TCase *tc = tcase_create("read");

    tcase_add_test(tc, any_range_of_the_device);
    tcase_add_test(tc, an_unreadable_place_is_told);
    tcase_add_test(tc, every_allocation_fails_once);
    tcase_add_test(tc, zeros_are_seen);
    tcase_add_test(tc, devices_without_holes_do_not_know);
    suite_add_tcase(s, tc);
    return s;
}
