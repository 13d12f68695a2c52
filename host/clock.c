/*
 * clock.c - the system's clock and its time zone
 *
 * The zone's rules are read from a file, once: a program may lock itself out
 * of the file system afterwards, and localtime_r() need not look again.
 */
#include <pthread.h>
#include <time.h>

#include "shale/host.h"

static pthread_once_t zone_read = PTHREAD_ONCE_INIT;

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
    pthread_once(&zone_read, tzset);
    return localtime_r(&time, &local) ? (int32_t)local.tm_gmtoff : 0;
}

struct shale_clock shale_host_clock = {
    .now = host_now,
    .zone = host_zone,
};
