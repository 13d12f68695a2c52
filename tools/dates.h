/*
 * dates.h - dates as people and touch(1) write them
 */
#ifndef SHALE_TOOLS_DATES_H
#define SHALE_TOOLS_DATES_H

#include <stdbool.h>

#include "shale/types.h"

/*
 * "2024-05-06", "2024-05-06 07:08:09.5", "2024-05-06T07:08Z", "...+02:00", or
 * "@1714979289.5", seconds since 1970. Local time unless a zone is given.
 */
bool date_parse(const char *text, struct shale_time *out);

/* touch(1)'s [[CC]YY]MMDDhhmm[.ss], local time; the year NOW is in if none. */
bool date_parse_stamp(const char *text, struct shale_time now,
                      struct shale_time *out);

#endif /* SHALE_TOOLS_DATES_H */
