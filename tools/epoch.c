/*
 * epoch.c - the time, and SOURCE_DATE_EPOCH
 */
#include <stdlib.h>

#include "epoch.h"

static struct {
    bool fixed;
    struct shale_time time;
} epoch;

static void fixed_now(struct shale_clock *clock, struct shale_time *out)
{
    (void)clock;
    *out = epoch.time;
}

static struct shale_clock fixed_clock = { .now = fixed_now };

bool epoch_init(void)
{
    const char *text = getenv("SOURCE_DATE_EPOCH");
    uint64_t seconds;

    if (!text)
        return true;
    if (!options_number(text, 0, INT64_MAX, &seconds)) {
        report("SOURCE_DATE_EPOCH is not a number of seconds: '%s'", text);
        return false;
    }
    epoch.fixed = true;
    epoch.time.sec = (int64_t)seconds;
    return true;
}

bool epoch_fixed(void)
{
    return epoch.fixed;
}

struct shale_clock *epoch_clock(void)
{
    return epoch.fixed ? &fixed_clock : &shale_host_clock;
}

struct shale_time epoch_clamp(struct shale_time time)
{
    return epoch.fixed && time.sec >= epoch.time.sec ? epoch.time : time;
}
