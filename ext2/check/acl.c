/*
 * acl.c - access control lists: is what an attribute holds one?
 *
 * A version, then entries: of the owner, people by name, the owning group,
 * groups by name, the mask, all others, in this order, those by name by rising
 * numbers. The mask is there if anybody has an entry by name (POSIX 1003.1e
 * draft 17, 23.1; the form on the volume is in ext2/acl.h). Whoever meets a
 * list that breaks this gives no access to the file at all.
 */
#include "ext2/acl.h"
#include "ext2/check/xattr.h"

#define PERM_ALL 7u             /* read, write, execute */

/* What has been met of a list. */
struct acl_state {
    uint32_t tag;               /* of the last entry; 0: none yet */
    uint32_t id;                /* ... and whose it is */
    bool named, masked;
};

/* May ENTRY follow what STATE says? Tags rise as entries are to be ordered. */
static bool entry_fits(struct acl_state *state,
                       const struct ext2_acl_entry *entry)
{
    uint32_t tag = le16_get(entry->tag), id = le32_get(entry->id);
    bool by_name = tag == EXT2_ACL_USER || tag == EXT2_ACL_GROUP;

    if (le16_get(entry->perm) & ~PERM_ALL)
        return false;
    /* The first is the owner's; each kind but names is there once. */
    if (state->tag == 0 && tag != EXT2_ACL_USER_OBJ)
        return false;
    if (tag < state->tag || (tag == state->tag && !by_name))
        return false;
    if (tag > EXT2_ACL_GROUP_OBJ && state->tag < EXT2_ACL_GROUP_OBJ)
        return false;
    if (by_name && tag == state->tag && id <= state->id)
        return false;
    state->named |= by_name;
    state->masked |= tag == EXT2_ACL_MASK;
    state->tag = tag;
    state->id = id;
    return true;
}

bool ext2_acl_is_sound(const uint8_t *value, uint32_t len)
{
    struct span s = { value, len };
    const le32 *version = (const le32 *)span_take(&s, sizeof *version);
    struct acl_state state = { .tag = 0 };
    struct ext2_acl_entry entry;
    int more;

    if (!version || le32_get(*version) != EXT2_ACL_DISK_VERSION)
        return false;
    while ((more = ext2_acl_next(&s, &entry)) > 0) {
        if (!entry_fits(&state, &entry))
            return false;
    }
    /* A list without entries is none, and as good as no attribute. */
    if (more < 0 || (state.tag != 0 && state.tag != EXT2_ACL_OTHER))
        return false;
    return !state.named || state.masked;
}
