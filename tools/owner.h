/*
 * owner.h - owners, as users write them
 */
#ifndef SHALE_TOOLS_OWNER_H
#define SHALE_TOOLS_OWNER_H

#include <stdbool.h>
#include <stdint.h>

struct volume;

#define OWNER_KEEP UINT32_MAX   /* the one that there is */

/*
 * Take "UID", "UID:GID", "UID:" or ":GID" apart; "UID:" is the group of the
 * same number. What is not said is OWNER_KEEP. Names mean nothing: those of
 * this machine are not the image's. False if TEXT is none of these.
 */
bool owner_parse(const char *text, uint32_t *uid, uint32_t *gid);

/* Could TEXT be "OWNER[:GROUP]" with numbers or names? */
bool owner_is_one(const char *text);

/*
 * The same of TEXT, which is one, with the names that VOL's own files of users
 * and groups have; "NAME:" is NAME's login group. False, having told why, if
 * there is no such name.
 */
bool owner_find(struct volume *vol, const char *text, uint32_t *uid,
                uint32_t *gid);

#endif /* SHALE_TOOLS_OWNER_H */
