/*
 * utf8.c - is it UTF-8? (The Unicode Standard, table 3-7)
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "tools.h"
#include "utf8.h"

size_t utf8_decode(const char *text, size_t len, uint32_t *point)
{
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    const unsigned char *bytes = (const unsigned char *)text;
    size_t count;
    uint32_t value;

    if (len == 0 || bytes[0] == 0)
        return 0;
    if (bytes[0] < 0x80) {
        *point = bytes[0];
        return 1;
    }
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4)
        return 0;
    count = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    if (count > len)
        return 0;
    value = bytes[0] & (0x7fu >> count);
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (bytes[i] & 0x3f);
    }
    if (value < least[count] || value > 0x10ffff ||
        (value >= 0xd800 && value < 0xe000))
        return 0;
    *point = value;
    return count;
}

bool utf8_valid(const char *text, size_t len)
{
    uint32_t point;

    for (size_t at = 0, taken; at < len; at += taken) {
        taken = utf8_decode(text + at, len - at, &point);
        if (taken == 0)
            return false;
    }
    return true;
}

char *utf8_repaired(const char *text, size_t len)
{
    char *copy = xrealloc(NULL, len + 1, 3);
    char *end = copy;
    uint32_t point;

    for (size_t at = 0; at < len;) {
        size_t taken = utf8_decode(text + at, len - at, &point);

        if (taken == 0) {
            end = stpcpy(end, "\xef\xbf\xbd");
            at++;
            continue;
        }
        memcpy(end, text + at, taken);
        end += taken;
        at += taken;
    }
    *end = '\0';
    return copy;
}

size_t utf8_columns(const char *text, size_t len)
{
    size_t columns = 0;
    uint32_t point;

    for (size_t at = 0; at < len;) {
        size_t taken = utf8_decode(text + at, len - at, &point);
        int width = taken ? wcwidth((wchar_t)point) : 1;

        columns += width < 0 ? 1 : (size_t)width;
        at += taken ? taken : 1;
    }
    return columns;
}
