/*
 * escape.c - names in a form that does no harm to a terminal
 */
#include <stdio.h>
#include <string.h>

#include "tools/escape.h"
#include "tools/utf8.h"

size_t escape_one(const char *text, size_t len, char out[ESCAPE_MAX])
{
    static const char letters[] = "abtnvfr";    /* of 0x07 to 0x0d */
    unsigned char first = (unsigned char)*text;
    uint32_t point;
    size_t taken = utf8_decode(text, len, &point);

    if (first == '\\') {
        strcpy(out, "\\\\");
    } else if (first >= 0x07 && first <= 0x0d) {
        snprintf(out, ESCAPE_MAX, "\\%c", letters[first - 0x07]);
    } else if (taken == 0 || point < 0x20 || point == 0x7f) {
        snprintf(out, ESCAPE_MAX, "\\%03o", first);
        return 1;
    } else if (point >= 0x80 && point < 0xa0) {
        /* C1 controls are two bytes: the first now, the second next time,
           when it is no UTF-8. */
        snprintf(out, ESCAPE_MAX, "\\%03o", first);
        return 1;
    } else {
        memcpy(out, text, taken);
        out[taken] = '\0';
        return taken;
    }
    return 1;
}

void escape_message(const char *text, size_t len, char *out)
{
    *out = '\0';
    while (len > 0) {
        char piece[ESCAPE_MAX];
        size_t taken = escape_one(text, len, piece);

        out = stpcpy(out, strcmp(piece, "\\\\") ? piece : "\\");
        text += taken;
        len -= taken;
    }
}
