/*
 * time.c - the local times of FAT, and UTC
 *
 *     date   year - 1980 | month 1-12 | day 1-31        7, 4, 5 bits
 *     time   hour | minute | second / 2                 5, 6, 5 bits
 *
 * Which zone is not on the volume. By default it is the host's, as of the date
 * in question; the mount options tz and time_offset say another.
 */
#include "dirent.h"
#include "fat.h"
#include "pair.h"

#define DAY 86400u
#define ZONE_STEP 900u
#define YEAR_FIRST 1980u
#define YEAR_LAST 2107u

/* The first second that there is, since 1970; the last, since the first. */
#define SEC_FIRST ((int64_t)3652 * DAY)
#define SEC_LAST 4039286399u

/* Of a year that is no leap year; also before the first month of the next. */
static const uint16_t days_before[13] = {
    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365,
};

/* Of the years that FAT has, 2100 is the only one divisible by 4 that is no
   leap year. */
static bool is_leap(unsigned year)
{
    return year % 4 == 0 && year != 2100;
}

/* Days from 1980 to the first of MONTH (1 to 13) of YEAR. */
static uint32_t days_to(unsigned year, unsigned month)
{
    unsigned years = year - YEAR_FIRST;
    unsigned leaps = (years + 3) / 4 - (year > 2100 ? 1 : 0);

    return 365 * years + leaps + days_before[month - 1] +
           (month > 2 && is_leap(year) ? 1 : 0);
}

/* -------------------------------------------------------------- the zone */

/*
 * Seconds that local time is ahead of UTC at LOCAL second of FAT's. The host
 * takes its time to answer, and a listing asks three times a file: so what it
 * said is kept, by quarters of an hour, at which zones have changed since 1980.
 *
 *      63          32 31            0
 *     | quarter + 1  | offset + DAY |          0: nothing
 */
static int32_t zone_at(const struct fat_volume *vol, uint32_t local)
{
    uint32_t quarter = local / ZONE_STEP;
    struct pair *kept = &vol->zones[quarter % FAT_ZONES];
    uint64_t packed = pair_get(kept);
    int64_t sec = SEC_FIRST + local;
    int32_t offset;

    if (packed >> 32 == quarter + 1)
        return (int32_t)(uint32_t)packed - (int32_t)DAY;

    /* The zone is asked by UTC, which is what we are after: the second answer
       is right except for the hour that is there twice, or not at all. */
    offset = shale_zone(vol->fs, sec);
    offset = shale_zone(vol->fs, sec - offset);
    if (offset > -(int32_t)DAY && offset < (int32_t)DAY)
        pair_set(kept, (uint64_t)(quarter + 1) << 32 |
                       (uint32_t)(offset + (int32_t)DAY));
    return offset;
}

/* ----------------------------------------------------------- the stamps */

void fat_time_decode(const struct fat_volume *vol,
                     const struct fat_stamp *stamp, struct shale_time *out)
{
    unsigned year = YEAR_FIRST + (stamp->date >> 9);
    unsigned month = stamp->date >> 5 & 15, day = stamp->date & 31;
    unsigned time = stamp->time, tenth = stamp->tenth;
    uint32_t sec;

    out->sec = 0;
    out->nsec = 0;
    if (stamp->date == 0)
        return;

    /* What no date is, is taken for the nearest that is one. */
    if (month < 1)
        month = 1;
    if (month > 12)
        month = 12;
    if (day < 1)
        day = 1;
    sec = (days_to(year, month) + day - 1) * DAY + (time >> 11) * 3600 +
          (time >> 5 & 63) * 60 + (time & 31) * 2 + tenth / 100;
    out->sec = SEC_FIRST + sec -
               (vol->options.utc ? vol->options.utc_offset : zone_at(vol, sec));
    out->nsec = tenth % 100 * 10000000;
}

struct fat_stamp fat_stamp_make(int64_t sec, uint32_t nsec)
{
    unsigned year = YEAR_FIRST, month = 1;
    uint32_t left = SEC_LAST, day;

    if (sec < SEC_FIRST) {
        left = 0;
        nsec = 0;
    } else if (sec - SEC_FIRST <= SEC_LAST) {
        left = (uint32_t)(sec - SEC_FIRST);
    } else {
        nsec = 999999999;
    }

    day = left / DAY;
    left -= day * DAY;
    year += day / 366;
    while (days_to(year, 13) <= day)
        year++;
    month += (day - days_to(year, 1)) / 32;
    while (days_to(year, month + 1) <= day)
        month++;
    day -= days_to(year, month);
    return (struct fat_stamp){
        .date = (uint16_t)((year - YEAR_FIRST) << 9 | month << 5 | (day + 1)),
        .time = (uint16_t)(left / 3600 << 11 | left / 60 % 60 << 5 |
                           left % 60 / 2),
        .tenth = (uint8_t)(left % 2 * 100 + nsec / 10000000),
    };
}

void fat_time_encode(const struct fat_volume *vol,
                     const struct shale_time *time, struct fat_stamp *out)
{
    int32_t ahead = vol->options.utc ? vol->options.utc_offset
                                     : shale_zone(vol->fs, time->sec);

    *out = fat_stamp_make(time->sec + ahead, time->nsec);
}
