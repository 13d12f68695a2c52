/* test_host_clock.c - the time, and the time zone */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "shale/host.h"
#include "suite.h"

START_TEST(tells_the_time)
{
    struct shale_time first = { 0, 0 }, second = { 0, 0 };
    time_t now = time(NULL);

    shale_host_clock.now(&shale_host_clock, &first);
    shale_host_clock.now(&shale_host_clock, &second);
    ck_assert_int_le(now, first.sec);
    ck_assert_int_le(first.sec, second.sec);
    ck_assert_int_le(second.sec - now, 60);
    ck_assert_uint_lt(first.nsec, 1000000000u);
}
END_TEST

/* Each in a process of its own (see suite()), so that the zone is read anew. */
static const struct {
    const char *zone;
    int64_t sec;
    int32_t ahead;
} zones[] = {
    { "UTC0", 0, 0 },
    { "LMT-5:30", 1000000000, 19800 },
    { "LMT+8", 1000000000, -28800 },
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1700000000, 3600 },         /* winter */
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1720000000, 7200 },         /* summer */
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1711846799, 3600 },         /* just so */
    { "CET-1CEST,M3.5.0,M10.5.0/3", 1711846800, 7200 },
    { "LMT+24", -1, -86400 },
    { "UTC0", INT64_MAX, 0 },   /* no such year */
};

START_TEST(tells_the_zone)
{
    ck_assert_int_eq(setenv("TZ", zones[_i].zone, 1), 0);
    ck_assert_int_eq(shale_host_clock.zone(&shale_host_clock, zones[_i].sec),
                     zones[_i].ahead);
    ck_assert_int_eq(setenv("TZ", "LMT-3", 1), 0);      /* too late */
    ck_assert_int_eq(shale_host_clock.zone(&shale_host_clock, zones[_i].sec),
                     zones[_i].ahead);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("host/clock");
    TCase *tc = tcase_create("clock");

    setenv("CK_FORK", "yes", 1);
    tcase_add_test(tc, tells_the_time);
    tcase_add_loop_test(tc, tells_the_zone, 0, sizeof zones / sizeof *zones);
    suite_add_tcase(s, tc);
    return s;
}
