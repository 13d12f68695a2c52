/*
 * text.h - building a line of text piece by piece in a fixed buffer
 */
#ifndef HOST_TEXT_H
#define HOST_TEXT_H

#include <stddef.h>

/*
 * Append to the terminated string in the SIZE bytes of BUF what printf() makes
 * of FORMAT. What does not fit is cut off, between two characters; control
 * characters become question marks, so that the text stays one line.
 */
void text_add(char *buf, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Append BYTES as people say it: "512 bytes", "1.5 GiB". */
void text_add_size(char *buf, size_t size, unsigned long long bytes);

#endif /* HOST_TEXT_H */
