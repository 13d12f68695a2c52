/* test_fat_time.c - FAT's dates and times */
#include "fat32/dirent.h"
#include "fat32/fat.h"
#include "suite.h"
#include "test_fat_image.h"

#define DATE(y, m, d) (uint16_t)(((y) - 1980) << 9 | (m) << 5 | (d))
#define TIME(h, m, s) (uint16_t)((h) << 11 | (m) << 5 | (s) / 2)

static struct fat_stamp encode(const struct fat_volume *vol,
                               struct shale_time time)
{
    struct fat_stamp stamp;

    fat_time_encode(vol, &time, &stamp);
    return stamp;
}

static struct shale_time decode(const struct fat_volume *vol,
                                struct fat_stamp stamp)
{
    struct shale_time time;

    fat_time_decode(vol, &stamp, &time);
    return time;
}

static const struct {
    const char *what;
    int64_t sec;
    uint32_t nsec;
    struct fat_stamp stamp;
} both_ways[] = {
    { "the first", 315532800, 0, { DATE(1980, 1, 1), 0, 0 } },
    { "odd second", 315532801, 0, { DATE(1980, 1, 1), 0, 100 } },
    { "10 ms", 315532800, 10000000, { DATE(1980, 1, 1), 0, 1 } },
    { "1990 ms", 315532801, 990000000, { DATE(1980, 1, 1), 0, 199 } },
    { "end of February", 951782399, 0,
      { DATE(2000, 2, 28), TIME(23, 59, 58), 100 } },
    { "leap day", 951782400, 0, { DATE(2000, 2, 29), 0, 0 } },
    { "after it", 951868800, 0, { DATE(2000, 3, 1), 0, 0 } },
    { "end of a year", 1609459198, 0,
      { DATE(2020, 12, 31), TIME(23, 59, 58), 0 } },
    { "2^31", 2147483648, 0, { DATE(2038, 1, 19), TIME(3, 14, 8), 0 } },
    { "2100 has no leap day", 4107542400, 0, { DATE(2100, 3, 1), 0, 0 } },
    { "2099, last day", 4102444798, 0,
      { DATE(2099, 12, 31), TIME(23, 59, 58), 0 } },
    { "2101", 4133980800, 0, { DATE(2101, 1, 1), 0, 0 } },
    { "the last", 4354819199, 990000000,
      { DATE(2107, 12, 31), TIME(23, 59, 58), 199 } },
};

START_TEST(converts_both_ways)
{
    struct fat_volume vol = { .options = { .utc = true } };
    struct shale_time time = { both_ways[_i].sec, both_ways[_i].nsec };
    struct fat_stamp stamp = encode(&vol, time), want;
    const char *what = both_ways[_i].what;

    want = both_ways[_i].stamp;
    ck_assert_msg(stamp.date == want.date && stamp.time == want.time &&
                      stamp.tenth == want.tenth,
                  "%s: %04x %04x %u", what, stamp.date, stamp.time,
                  stamp.tenth);
    time = decode(&vol, stamp);
    ck_assert_msg(time.sec == both_ways[_i].sec &&
                      time.nsec == both_ways[_i].nsec,
                  "%s: back to %lld.%09u", what, (long long)time.sec,
                  time.nsec);
}
END_TEST

/* Every day there is, one after the other. */
START_TEST(knows_the_calendar)
{
    struct fat_volume vol = { .options = { .utc = true } };
    int64_t sec = 315532800;

    for (; sec <= 4354819199; sec += 86400) {
        struct fat_stamp stamp = fat_stamp_make(sec, 0);

        ck_assert_int_eq(decode(&vol, stamp).sec, sec);
    }
}
END_TEST

static const struct {
    const char *what;
    int64_t sec;
    uint32_t nsec;
    struct fat_stamp stamp;
} clamped[] = {
    { "1970", 0, 5, { DATE(1980, 1, 1), 0, 0 } },
    { "before", -1, 999999999, { DATE(1980, 1, 1), 0, 0 } },
    { "first second less one", 315532799, 999999999,
      { DATE(1980, 1, 1), 0, 0 } },
    { "2108", 4354819200, 0, { DATE(2107, 12, 31), TIME(23, 59, 58), 199 } },
    { "far out", INT64_MAX / 2, 0,
      { DATE(2107, 12, 31), TIME(23, 59, 58), 199 } },
};

START_TEST(stays_within_1980_to_2107)
{
    struct fat_stamp stamp = fat_stamp_make(clamped[_i].sec, clamped[_i].nsec);

    ck_assert_msg(stamp.date == clamped[_i].stamp.date &&
                      stamp.time == clamped[_i].stamp.time &&
                      stamp.tenth == clamped[_i].stamp.tenth,
                  "%s: %04x %04x %u", clamped[_i].what, stamp.date, stamp.time,
                  stamp.tenth);
}
END_TEST

/* What no date is: volumes have them, and they have to mean something. */
START_TEST(takes_odd_stamps)
{
    struct fat_volume vol = { .options = { .utc = true } };
    struct fat_stamp none = { 0, TIME(1, 2, 4), 7 };
    struct fat_stamp month0 = { 1, 0, 0 };
    struct fat_stamp month15 = { 15 << 5 | 1, 0, 0 };
    struct fat_stamp all = { 0xffff, 0xffff, 255 };

    ck_assert_int_eq(decode(&vol, none).sec, 0);
    ck_assert_int_eq(decode(&vol, month0).sec, 315532800);
    ck_assert_int_eq(decode(&vol, month15).sec, 344476800);
    ck_assert_uint_lt(decode(&vol, all).nsec, 1000000000);
}
END_TEST

/* ------------------------------------------------------------ the zone */

/* One that is 2 hours ahead in summer, which began at second SUMMER. */
#define SUMMER 1591488000       /* 2020-06-07 00:00 UTC */

static int32_t zone(struct shale_clock *clock, int64_t sec)
{
    (void)clock;
    return sec >= SUMMER ? 7200 : 3600;
}

static int64_t decode_with(const char *options, struct shale_clock *clock,
                           struct fat_stamp stamp)
{
    struct image image;
    int64_t sec;

    image_init(&image, 12);
    image_mount(&image, options);
    image.v.fs->clock = clock;
    sec = decode(image_volume(&image), stamp).sec;
    stamp = encode(image_volume(&image), (struct shale_time){ .sec = sec });
    ck_assert_int_eq(decode(image_volume(&image), stamp).sec, sec);
    image_close(&image);
    return sec;
}

START_TEST(knows_zones)
{
    struct shale_clock clock = { .zone = zone };
    struct fat_stamp winter = { DATE(2020, 6, 6), TIME(12, 0, 0), 0 };
    struct fat_stamp summer = { DATE(2020, 6, 7), TIME(12, 0, 0), 0 };
    struct fat_stamp last = { DATE(2020, 6, 7), TIME(0, 59, 58), 0 };
    struct fat_stamp first = { DATE(2020, 6, 7), TIME(2, 0, 0), 0 };
    int64_t noon = SUMMER + 43200;

    ck_assert_int_eq(decode_with(NULL, NULL, summer), noon);
    ck_assert_int_eq(decode_with(NULL, &clock, summer), noon - 7200);
    ck_assert_int_eq(decode_with(NULL, &clock, winter), noon - 86400 - 3600);
    ck_assert_int_eq(decode_with(NULL, &clock, last), SUMMER - 2);
    ck_assert_int_eq(decode_with(NULL, &clock, first), SUMMER);
    ck_assert_int_eq(decode_with("tz=UTC", &clock, summer), noon);
    ck_assert_int_eq(decode_with("time_offset=90", &clock, summer),
                     noon - 5400);
    ck_assert_int_eq(decode_with("time_offset=-600", &clock, summer),
                     noon + 36000);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/time");
    TCase *tc = tcase_create("stamp");

    tcase_add_loop_test(tc, converts_both_ways, 0,
                        sizeof both_ways / sizeof both_ways[0]);
    tcase_add_test(tc, knows_the_calendar);
    tcase_add_loop_test(tc, stays_within_1980_to_2107, 0,
                        sizeof clamped / sizeof clamped[0]);
    tcase_add_test(tc, takes_odd_stamps);
    tcase_add_test(tc, knows_zones);
    suite_add_tcase(s, tc);
    return s;
}
