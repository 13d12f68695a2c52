/*
 * text.c - building a line of text piece by piece in a fixed buffer
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "host/text.h"

/* How many bytes the UTF-8 character that starts with BYTE has. */
static size_t character_size(char byte)
{
    unsigned char c = (unsigned char)byte;

    return c < 0xc0 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* Take the last character off the LEN bytes at TEXT if its end is missing. */
static void drop_partial(char *text, size_t len)
{
    size_t start = len;

    while (start > 0 && len - start < 4) {
        start--;
        if (((unsigned char)text[start] & 0xc0) != 0x80) {
            if (character_size(text[start]) > len - start)
                text[start] = '\0';
            return;
        }
    }
}

void text_add(char *buf, size_t size, const char *format, ...)
{
    size_t used = strlen(buf);
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(buf + used, size - used, format, args);
    va_end(args);
    if (len < 0) {
        buf[used] = '\0';
        return;
    }

    if ((size_t)len >= size - used)
        drop_partial(buf + used, size - used - 1);
    for (char *c = buf + used; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            *c = '?';
}

void text_add_size(char *buf, size_t size, unsigned long long bytes)
{
    static const char *const units[] = {
        "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB",
    };
    double value = (double)bytes;
    unsigned unit = 0;

    while (value >= 1024 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    text_add(buf, size, "%.4g %s", value, units[unit]);
}
