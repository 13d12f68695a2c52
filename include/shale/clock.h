/*
 * clock.h - the time, which the host lends
 */
#ifndef SHALE_CLOCK_H
#define SHALE_CLOCK_H

#include <stdint.h>

#include "shale/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Embed it as the first member of your own struct. Calls may overlap. */
struct shale_clock {
    /* Store the time now, UTC. */
    void (*now)(struct shale_clock *clock, struct shale_time *out);

    /*
     * How many seconds local time is ahead of UTC at UTC second SEC; within a
     * day. NULL: not at all.
     */
    int32_t (*zone)(struct shale_clock *clock, int64_t sec);
};

#ifdef __cplusplus
}
#endif

#endif /* SHALE_CLOCK_H */
