/*
 * acl.c - security descriptors, and the lists of access in them
 *
 * A descriptor ([MS-DTYP] 2.4.6) has an owner, a group, and a list of entries
 * (ACEs) that allow or deny a SID some of 32 rights:
 *
 *     01 00 | flags | owner | group | audit list | list      each at an offset
 *     list    02 00 | bytes | entries | 00 00 | entry | entry ...
 *     entry   type | flags | bytes | rights | SID
 *
 * Here they are found and checked; rights.c says what they come to.
 */
#include "acl.h"

#define HEAD_SIZE 20u           /* of a descriptor */
#define LIST_SIZE 8u            /* of the head of a list */
#define ACE_SIZE 8u             /* of what is before the SID */

#define HAS_LIST 0x0004u

#define ACE_ALLOW 0u
#define ACE_DENY  1u
#define ACE_INHERIT_ONLY 0x08u

/*
 * Take one entry off LIST: 1, with *OUT if it allows or denies, else with no
 * SID there; 0 at the end; -1 with *WHAT saying why not.
 */
static int entry_take(struct ntfs_acl *list, struct ntfs_ace *out,
                      const char **what)
{
    size_t left = list->end - list->at, size;
    const uint8_t *at;
    bool known;

    out->sid = NULL;
    if (list->left == 0)
        return 0;
    at = list->bytes + list->at;
    *what = "ntfs: access list ends before its entries";
    if (left < 4)
        return -1;
    *what = "ntfs: access list entry past the list's end";
    size = le16_load(at + 2);
    if (size < 4 || size > left)
        return -1;
    *what = "ntfs: access list entry for no valid SID";
    known = at[0] == ACE_ALLOW || at[0] == ACE_DENY;
    if (known && (size < ACE_SIZE ||
                  ntfs_sid_length(at + ACE_SIZE, size - ACE_SIZE) == 0))
        return -1;
    if (known) {
        out->denies = at[0] == ACE_DENY;
        out->inherit_only = at[1] & ACE_INHERIT_ONLY;
        out->mask = le32_load(at + 4);
        out->sid = at + ACE_SIZE;
    }
    list->at += size;
    list->left--;
    return 1;
}

bool ntfs_ace_next(struct ntfs_acl *list, struct ntfs_ace *out)
{
    const char *what;

    while (entry_take(list, out, &what) > 0)
        if (out->sid)
            return true;
    return false;
}

/* Decode the list at byte *AT of a descriptor of LEN bytes, all its entries
   included. NULL, or why not, and *AT is where. */
static const char *list_decode(const uint8_t *bytes, size_t len, size_t *at,
                               struct ntfs_acl *out)
{
    size_t size, where = *at;
    struct ntfs_acl list;
    struct ntfs_ace ace;
    const char *what;
    int more;

    if (where > len || len - where < LIST_SIZE)
        return "ntfs: access list past its descriptor's end";
    size = le16_load(bytes + where + 2);
    if (size < LIST_SIZE || size > len - where)
        return "ntfs: access list longer than its descriptor";
    *out = (struct ntfs_acl){
        .bytes = bytes,
        .at = where + LIST_SIZE,
        .end = where + size,
        .left = le16_load(bytes + where + 4),
    };
    list = *out;
    while ((more = entry_take(&list, &ace, &what)) > 0)
        ;
    *at = list.at;
    return more < 0 ? what : NULL;
}

/* The SID at byte WHERE, in *OUT; NULL for none. */
static const char *sid_decode(const uint8_t *bytes, size_t len, size_t where,
                              const uint8_t **out)
{
    *out = NULL;
    if (where == 0)
        return NULL;
    if (where > len || ntfs_sid_length(bytes + where, len - where) == 0)
        return "ntfs: security descriptor of no valid SID";
    *out = bytes + where;
    return NULL;
}

const char *ntfs_acl_decode(const struct ntfs_sids *sids, const uint8_t *bytes,
                            size_t len, struct ntfs_rights *out, size_t *at)
{
    const uint8_t *owner, *group;
    struct ntfs_acl list = { .left = 0 };
    const char *what;

    *at = 0;
    if (len < HEAD_SIZE)
        return "ntfs: security descriptor too short";
    if (bytes[0] != 1)
        return "ntfs: security descriptor of unknown revision";

    *at = le32_load(bytes + 4);
    what = sid_decode(bytes, len, *at, &owner);
    if (!what) {
        *at = le32_load(bytes + 8);
        what = sid_decode(bytes, len, *at, &group);
    }
    if (what)
        return what;

    *at = le32_load(bytes + 16);
    if (le16_load(bytes + 2) & HAS_LIST && *at != 0) {
        what = list_decode(bytes, len, at, &list);
        if (what)
            return what;
    }
    owner = ntfs_rights_owner(list, owner);
    out->mode = ntfs_rights_mode(sids, list, owner, group);
    out->uid = owner ? ntfs_sids_user(sids, owner) : 0;
    out->gid = group ? ntfs_sids_group(sids, group) : 0;
    return NULL;
}
