/*
 * mode.h - permissions as chmod(1) takes them
 */
#ifndef SHALE_TOOLS_MODE_H
#define SHALE_TOOLS_MODE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What the permissions OLD, of a directory or not, become by TEXT: octal digits
 * or clauses such as "u=rwX,g-w,+t", in which no letter before the sign means
 * all but what a umask of 022 leaves out. False if TEXT is neither.
 */
bool mode_change(const char *text, uint32_t old, bool is_dir, uint32_t *out);

#endif /* SHALE_TOOLS_MODE_H */
