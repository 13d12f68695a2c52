/*
 * escape.h - names in a form that does no harm to a terminal
 *
 * Control characters, C1 among them, and bytes that are not UTF-8 become C
 * escapes; all else stays as it is.
 */
#ifndef SHALE_TOOLS_ESCAPE_H
#define SHALE_TOOLS_ESCAPE_H

#include <stddef.h>

/* What a byte takes at most, with its terminator. */
#define ESCAPE_MAX 5

/*
 * Write the next character of TEXT, LEN bytes, to OUT, with "\\" for a
 * backslash, terminated. Returns how many bytes of TEXT that was.
 */
size_t escape_one(const char *text, size_t len, char out[ESCAPE_MAX]);

/*
 * Write TEXT, LEN bytes, to OUT, terminated, as a message has it: there a
 * backslash is one. OUT has room for 4 * LEN + 1 bytes.
 */
void escape_message(const char *text, size_t len, char *out);

#endif /* SHALE_TOOLS_ESCAPE_H */
