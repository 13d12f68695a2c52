/*
 * owner.h - owners by number, as users write them
 */
#ifndef SHALE_TOOLS_OWNER_H
#define SHALE_TOOLS_OWNER_H

#include <stdbool.h>
#include <stdint.h>

#define OWNER_KEEP UINT32_MAX   /* the one that there is */

/*
 * Take "UID", "UID:GID", "UID:" or ":GID" apart; "UID:" is the group of the
 * same number. What is not said is OWNER_KEEP. Names mean nothing: those of
 * this machine are not the image's. False if TEXT is none of these.
 */
bool owner_parse(const char *text, uint32_t *uid, uint32_t *gid);

#endif /* SHALE_TOOLS_OWNER_H */
