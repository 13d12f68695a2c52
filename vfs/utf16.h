/*
 * utf16.h - names as UTF-8, and as the 16-bit units that some formats keep
 */
#ifndef VFS_UTF16_H
#define VFS_UTF16_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decode the SIZE bytes of UTF-8 at TEXT into the MAX units at OUT. Returns how
 * many; SHALE_EINVAL if it is not UTF-8 (unpaired surrogates are taken),
 * SHALE_ENAMETOOLONG for more than MAX, which is below 2^31.
 */
int utf16_from_utf8(const char *text, size_t size, uint16_t *out, size_t max);

/* Encode LEN units in the 3 * LEN bytes at OUT. Returns how many it took. */
size_t utf16_to_utf8(const uint16_t *units, size_t len, char *out);

#endif /* VFS_UTF16_H */
