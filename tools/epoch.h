/*
 * epoch.h - the time, and SOURCE_DATE_EPOCH
 *
 * With SOURCE_DATE_EPOCH in the environment, seconds since 1970, whatever is
 * written depends on its input alone: that is the time now, local time is UTC,
 * and nothing is younger. See reproducible-builds.org.
 */
#ifndef SHALE_TOOLS_EPOCH_H
#define SHALE_TOOLS_EPOCH_H

#include "tools.h"

/*
 * Look at the environment. False, having complained, if the variable is there
 * but is not a time.
 */
bool epoch_init(void);

/* Is it there? */
bool epoch_fixed(void);

/* A clock that stands at it; the host's if it is not there. */
struct shale_clock *epoch_clock(void);

/* TIME, but no later than it. */
struct shale_time epoch_clamp(struct shale_time time);

#endif /* SHALE_TOOLS_EPOCH_H */
