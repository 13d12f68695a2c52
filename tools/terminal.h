/*
 * terminal.h - what is known of the terminal, if there is one
 */
#ifndef SHALE_TOOLS_TERMINAL_H
#define SHALE_TOOLS_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>

/* How many columns and lines the one on FD has; 80 and 24 if it doesn't say. */
size_t terminal_width(int fd);
size_t terminal_height(int fd);

/* Is stdout one that shows colours, for somebody who wants them? */
bool terminal_colour(void);

#endif /* SHALE_TOOLS_TERMINAL_H */
