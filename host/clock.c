/*
 * clock.c - the system's clock and its time zone
 *
 * The zone's rules are read from a file, once: a program may lock itself out
 * of the file system afterwards, and localtime_r() need not look again.
 */
#include <time.h>

#include "shale/host.h"

static struct shale_once zone_read = SHALE_ONCE_INIT;

static int zone_read_now(void *context)
{
    (void)context;
    tzset();
    return 0;
}

static void host_now(struct shale_clock *clock, struct shale_time *out)
{
    struct timespec now;

    (void)clock;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct shale_time){ now.tv_sec, (uint32_t)now.tv_nsec };
}

static int32_t host_zone(struct shale_clock *clock, int64_t sec)
{
    time_t time = (time_t)sec;
    struct tm local;

    (void)clock;
    shale_once(&zone_read, zone_read_now, NULL, &shale_host_once_wait);
    return localtime_r(&time, &local) ? (int32_t)local.tm_gmtoff : 0;
}

struct shale_clock shale_host_clock = {
    .now = host_now,
    .zone = host_zone,
};
