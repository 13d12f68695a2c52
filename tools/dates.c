/*
 * dates.c - dates as people and touch(1) write them
 *
 * strptime(3) reads the fields. What it lets pass, a 31st of April, is found
 * by turning the time back into a date.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dates.h"

/* Read ".5" if it is there; returns where it ends. */
static const char *parse_fraction(const char *text, uint32_t *nsec)
{
    uint32_t unit = 100000000;

    *nsec = 0;
    if (*text != '.' || text[1] < '0' || text[1] > '9')
        return text;
    for (text++; *text >= '0' && *text <= '9'; text++) {
        *nsec += unit * (uint32_t)(*text - '0');
        unit /= 10;
    }
    return text;
}

static bool parse_seconds(const char *text, struct shale_time *out)
{
    const char *digits = text + (*text == '-');
    struct shale_time time;
    char *end;

    if (*digits < '0' || *digits > '9')
        return false;
    errno = 0;
    time.sec = strtoll(text, &end, 10);
    if (errno || *parse_fraction(end, &time.nsec))
        return false;
    if (*text == '-' && time.nsec > 0) {
        time.sec--;
        time.nsec = 1000000000 - time.nsec;
    }
    *out = time;
    return true;
}

/* The second that the fields of TM mean, in local time or in UTC. */
static bool second_of(const struct tm *tm, bool local, int64_t *out)
{
    struct tm fields = *tm;
    time_t second;

    fields.tm_isdst = -1;
    second = local ? mktime(&fields) : timegm(&fields);
    *out = second;
    return fields.tm_mday == tm->tm_mday && fields.tm_mon == tm->tm_mon &&
           fields.tm_year == tm->tm_year;
}

bool date_parse(const char *text, struct shale_time *out)
{
    struct tm tm, zone = { .tm_gmtoff = 0 };
    struct shale_time time = { 0, 0 };
    bool local = true;

    if (*text == '@')
        return parse_seconds(text + 1, out);
    memset(&tm, 0, sizeof tm);
    text = strptime(text, "%Y-%m-%d", &tm);
    if (text && (*text == 'T' || *text == ' '))
        text = strptime(text + 1, "%H:%M", &tm);
    if (text && *text == ':') {
        text = strptime(text + 1, "%S", &tm);
        if (text)
            text = parse_fraction(text, &time.nsec);
    }
    if (text && *text) {
        text = strptime(text, " %z", &zone);
        local = false;
    }
    if (!text || *text || !second_of(&tm, local, &time.sec))
        return false;
    time.sec -= zone.tm_gmtoff;
    *out = time;
    return true;
}

bool date_parse_stamp(const char *text, struct shale_time now,
                      struct shale_time *out)
{
    size_t digits = strspn(text, "0123456789");
    time_t second = (time_t)now.sec;
    char padded[32];
    struct tm tm;
    const char *end;

    if ((digits != 8 && digits != 10 && digits != 12) ||
        (text[digits] && strlen(text + digits) != 3))
        return false;
    memset(&tm, 0, sizeof tm);
    if (digits == 8) {
        if (!localtime_r(&second, &tm))
            return false;
        snprintf(padded, sizeof padded, "%04d%s", tm.tm_year + 1900, text);
        memset(&tm, 0, sizeof tm);
    } else if (digits == 10) {
        /* POSIX: 69 to 99 are of the last century. */
        snprintf(padded, sizeof padded, "%s%s",
                 strncmp(text, "69", 2) >= 0 ? "19" : "20", text);
    } else {
        snprintf(padded, sizeof padded, "%s", text);
    }
    end = strptime(padded, text[digits] ? "%Y%m%d%H%M.%S" : "%Y%m%d%H%M", &tm);
    out->nsec = 0;
    return end && !*end && second_of(&tm, true, &out->sec);
}
