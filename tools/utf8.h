/*
 * utf8.h - is it UTF-8? (The Unicode Standard, table 3-7)
 */
#ifndef SHALE_TOOLS_UTF8_H
#define SHALE_TOOLS_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Decode the character that TEXT, LEN bytes, begins with. Returns its length
 * in bytes, 1 to 4, or 0 if it is not well-formed: cut short, longer than it
 * need be, a surrogate, or past U+10FFFF. NUL, which no name holds, is 0 too.
 */
size_t utf8_decode(const char *text, size_t len, uint32_t *point);

/* Is all of TEXT well-formed? */
bool utf8_valid(const char *text, size_t len);

/*
 * A copy of TEXT, terminated, with U+FFFD in place of each byte that is not
 * part of a well-formed character. To be freed.
 */
char *utf8_repaired(const char *text, size_t len);

/* How many columns of a terminal it takes, to align a list. */
size_t utf8_columns(const char *text, size_t len);

#endif /* SHALE_TOOLS_UTF8_H */
