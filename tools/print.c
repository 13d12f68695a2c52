/*
 * print.c - names, sizes, modes and times as text
 *
 * A name on an image is any bytes but '/' and NUL. On a terminal that is a way
 * to move the cursor, change the title, or worse, so control characters and
 * what is not UTF-8 are written as C escapes, as `ls -b` does; to a file or a
 * pipe goes what is there.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "escape.h"
#include "tools.h"

bool print_escape;

void print_name(FILE *to, const char *name, size_t len)
{
    if (!print_escape) {
        fwrite(name, 1, len, to);
        return;
    }
    while (len > 0) {
        char piece[ESCAPE_MAX];
        size_t taken = escape_one(name, len, piece);

        fputs(piece, to);
        name += taken;
        len -= taken;
    }
}

char *print_escaped(const char *name, size_t len)
{
    char *text = xrealloc(NULL, len + 1, 4);

    escape_message(name, len, text);
    return text;
}

void print_mode(uint32_t mode, char out[PRINT_MODE_MAX])
{
    static const char rwx[] = "rwxrwxrwx";
    static const char types[] = "?-dlcbps";

    out[0] = types[shale_type_of_mode(mode)];
    for (int i = 0; i < 9; i++)
        out[1 + i] = mode & 0400u >> i ? rwx[i] : '-';
    if (mode & 04000)
        out[3] = mode & 0100 ? 's' : 'S';
    if (mode & 02000)
        out[6] = mode & 0010 ? 's' : 'S';
    if (mode & 01000)
        out[9] = mode & 0001 ? 't' : 'T';
    out[10] = '\0';
}

const char *print_type(enum shale_type type)
{
    static const char *const words[] = {
        [SHALE_TYPE_UNKNOWN] = "unknown",
        [SHALE_TYPE_FILE]    = "regular file",
        [SHALE_TYPE_DIR]     = "directory",
        [SHALE_TYPE_SYMLINK] = "symbolic link",
        [SHALE_TYPE_CHAR]    = "character special file",
        [SHALE_TYPE_BLOCK]   = "block special file",
        [SHALE_TYPE_FIFO]    = "fifo",
        [SHALE_TYPE_SOCKET]  = "socket",
    };

    return words[type];
}

const char *print_type_key(enum shale_type type)
{
    static const char *const words[] = {
        [SHALE_TYPE_UNKNOWN] = "unknown",
        [SHALE_TYPE_FILE]    = "file",
        [SHALE_TYPE_DIR]     = "dir",
        [SHALE_TYPE_SYMLINK] = "symlink",
        [SHALE_TYPE_CHAR]    = "char",
        [SHALE_TYPE_BLOCK]   = "block",
        [SHALE_TYPE_FIFO]    = "fifo",
        [SHALE_TYPE_SOCKET]  = "socket",
    };

    return words[type];
}

const char *print_extent_key(enum shale_extent_kind kind)
{
    static const char *const words[] = {
        [SHALE_EXTENT_DATA]      = "data",
        [SHALE_EXTENT_HOLE]      = "hole",
        [SHALE_EXTENT_UNWRITTEN] = "unwritten",
        [SHALE_EXTENT_INLINE]    = "inline",
        [SHALE_EXTENT_ENCODED]   = "encoded",
    };

    return words[kind];
}

/* BYTES with the unit that keeps it below 1024; returns the unit's index. */
static unsigned scale(uint64_t bytes, double *value)
{
    unsigned unit = 0;

    *value = (double)bytes;
    while (*value >= 1023.95 && unit < 6) {
        *value /= 1024;
        unit++;
    }
    return unit;
}

void print_size_short(uint64_t bytes, char out[PRINT_SIZE_MAX])
{
    static const char units[] = " KMGTPE";
    double value;
    unsigned unit = scale(bytes, &value);

    if (unit == 0)
        snprintf(out, PRINT_SIZE_MAX, "%u", (unsigned)bytes);
    else
        snprintf(out, PRINT_SIZE_MAX, "%.*f%c", value < 9.95, value,
                 units[unit]);
}

void print_size_long(uint64_t bytes, char out[PRINT_SIZE_MAX])
{
    static const char *const units[] = {
        "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
    };
    double value;
    unsigned unit = scale(bytes, &value);

    if (unit == 0)
        snprintf(out, PRINT_SIZE_MAX, "%u bytes", (unsigned)bytes);
    else
        snprintf(out, PRINT_SIZE_MAX, "%.*f %s", value < 99.95, value,
                 units[unit]);
}

/* Break down TIME; false for a year that nothing can express. */
static bool broken_down(struct shale_time time,
                        struct tm *(*how)(const time_t *, struct tm *),
                        struct tm *out)
{
    time_t seconds = (time_t)time.sec;

    return how(&seconds, out) != NULL;
}

void print_time_short(struct shale_time time, char out[PRINT_TIME_MAX])
{
    struct tm tm;

    if (!broken_down(time, localtime_r, &tm) ||
        !strftime(out, PRINT_TIME_MAX, "%Y-%m-%d %H:%M", &tm))
        strcpy(out, "?");
}

void print_time_full(struct shale_time time, char out[PRINT_TIME_MAX])
{
    char date[32], zone[8];
    struct tm tm;

    if (!broken_down(time, localtime_r, &tm) ||
        !strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &tm) ||
        !strftime(zone, sizeof zone, "%z", &tm)) {
        strcpy(out, "?");
        return;
    }
    snprintf(out, PRINT_TIME_MAX, "%s.%09u %s", date, time.nsec, zone);
}

void print_time_iso(struct shale_time time, char out[PRINT_TIME_MAX])
{
    char date[32];
    struct tm tm;

    if (!broken_down(time, gmtime_r, &tm) ||
        !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm)) {
        strcpy(out, "?");
        return;
    }
    snprintf(out, PRINT_TIME_MAX, "%s.%09uZ", date, time.nsec);
}
