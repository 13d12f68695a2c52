/*
 * time.c - the local times of FAT, and UTC
 *
 *     date   year - 1980 | month 1-12 | day 1-31        7, 4, 5 bits
 *     time   hour | minute | second / 2                 5, 6, 5 bits
 *
 * Which zone is not on the volume. By default it is the host's, as of the date
 * in question; the mount options tz and time_offset say another.
 */
#include "fat.h"

#define DAY 86400
#define ZONE_STEP 900
#define YEAR_FIRST 1980
#define YEAR_LAST 2107
#define DAYS_TO_1980 3652       /* since 1970 */

/* The first and the last second that there is, of local time. */
#define SEC_FIRST ((int64_t)DAYS_TO_1980 * DAY)
#define SEC_LAST 4354819199

static const uint16_t days_before[12] = {
    0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334,
};

/* Of the years that FAT has, 2100 is the only one divisible by 4 that is no
   leap year. */
static bool is_leap(unsigned year)
{
    return year % 4 == 0 && year != 2100;
}

/* Days from 1970 to the first of MONTH (1 to 12) of YEAR. */
static int64_t days_to(unsigned year, unsigned month)
{
    unsigned years = year - YEAR_FIRST;
    unsigned leaps = (years + 3) / 4 - (year > 2100 ? 1 : 0);

    return DAYS_TO_1980 + 365 * (int64_t)years + leaps +
           days_before[month - 1] + (month > 2 && is_leap(year) ? 1 : 0);
}

/* -------------------------------------------------------------- the zone */

/*
 * Seconds that local time is ahead of UTC at LOCAL second. The host takes its
 * time to answer, and a listing asks three times a file: so what it said is
 * kept, by quarters of an hour, at which zones have changed since 1980.
 *
 *      63          20 19            0
 *     | quarter + 1  | offset + DAY |          0: nothing
 */
static int32_t zone_at(const struct fat_volume *vol, int64_t local)
{
    uint64_t quarter = (uint64_t)local / ZONE_STEP;
    struct pair *kept = &vol->zones[quarter % FAT_ZONES];
    uint64_t packed = pair_get(kept);
    int32_t offset;

    if (packed >> 20 == quarter + 1)
        return (int32_t)(packed & 0xfffff) - DAY;

    /* The zone is asked by UTC, which is what we are after: the second answer
       is right except for the hour that is there twice, or not at all. */
    offset = shale_zone(vol->fs, local);
    offset = shale_zone(vol->fs, local - offset);
    if (offset > -DAY && offset < DAY)
        pair_set(kept, (quarter + 1) << 20 | (uint64_t)(offset + DAY));
    return offset;
}

/* UTC of LOCAL, both seconds. */
static int64_t utc_of_local(const struct fat_volume *vol, int64_t local)
{
    if (vol->options.utc)
        return local - vol->options.utc_offset;
    return local - zone_at(vol, local);
}

static int64_t local_of_utc(const struct fat_volume *vol, int64_t utc)
{
    if (vol->options.utc)
        return utc + vol->options.utc_offset;
    return utc + shale_zone(vol->fs, utc);
}

/* ----------------------------------------------------------- the stamps */

struct shale_time fat_time_decode(const struct fat_volume *vol,
                                  struct fat_stamp stamp)
{
    unsigned year = YEAR_FIRST + (stamp.date >> 9);
    unsigned month = stamp.date >> 5 & 15, day = stamp.date & 31;
    struct shale_time time = { .sec = 0 };
    int64_t sec;

    if (stamp.date == 0)
        return time;

    /* What no date is, is taken for the nearest that is one. */
    if (month < 1)
        month = 1;
    if (month > 12)
        month = 12;
    if (day < 1)
        day = 1;
    sec = (days_to(year, month) + day - 1) * DAY;
    sec += (stamp.time >> 11) * 3600 + (stamp.time >> 5 & 63) * 60 +
           (stamp.time & 31) * 2 + stamp.tenth / 100;
    time.sec = utc_of_local(vol, sec);
    time.nsec = stamp.tenth % 100 * 10000000u;
    return time;
}

struct fat_stamp fat_stamp_make(int64_t sec, uint32_t nsec)
{
    unsigned year = YEAR_FIRST, month = 12;
    int64_t day;

    if (sec < SEC_FIRST) {
        sec = SEC_FIRST;
        nsec = 0;
    }
    if (sec > SEC_LAST) {
        sec = SEC_LAST;
        nsec = 999999999;
    }

    day = sec / DAY;
    sec -= day * DAY;
    year += (unsigned)((day - DAYS_TO_1980) / 366);
    while (year < YEAR_LAST && days_to(year + 1, 1) <= day)
        year++;
    while (days_to(year, month) > day)
        month--;
    day -= days_to(year, month);
    return (struct fat_stamp){
        .date = (uint16_t)((year - YEAR_FIRST) << 9 | month << 5 |
                           (unsigned)(day + 1)),
        .time = (uint16_t)(sec / 3600 << 11 | sec / 60 % 60 << 5 |
                           sec % 60 / 2),
        .tenth = (uint8_t)(sec % 2 * 100 + nsec / 10000000),
    };
}

struct fat_stamp fat_time_encode(const struct fat_volume *vol,
                                 struct shale_time time)
{
    return fat_stamp_make(local_of_utc(vol, time.sec), time.nsec);
}
