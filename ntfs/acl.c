/*
 * acl.c - what a security descriptor says, as owner, group and permissions
 *
 * A descriptor ([MS-DTYP] 2.4.6) has an owner, a group, and a list of entries
 * (ACEs) that allow or deny a SID some of 32 rights. POSIX has three classes
 * with three rights each, so much is lost; what is kept is what ntfs-3g shows,
 * found out by giving it some hundreds of descriptors, and so what it wrote
 * comes back as it was. (Where entries are many for the same SID, or deny much,
 * it may say something else.)
 *
 * (1) An entry is one of the owner's if its SID is the owner and it gives the
 *     right to change the owner, as every "full control" does; one of the
 *     group's if its SID is the group, unless that is the Administrators or
 *     the system, who have this right everywhere; one of all others' if it is
 *     Everyone, Authenticated Users or Users. Any other counts for nothing, nor
 *     does one that is only there to be inherited, nor one of another kind.
 * (2) The owner is the first account that rule (1) gives the right to change
 *     the owner; if there is none, the one that is called so.
 * (3) r is reading data, w writing or appending some, x executing, or the
 *     generic right of that name.
 * (4) The owner has what his entry gives; without one, all three. The group has
 *     what its entries give; without any, what all others have. Both have what
 *     all others have besides, unless the owner is the group as well, or the
 *     Administrators or the system.
 * (5) What is denied to a class, or to all others, is then taken off,
 *     wherever in the list that stands.
 * (6) Nobody (S-1-0-0) being allowed 1, 2 or 4 is the sticky, set-group-ID or
 *     set-user-ID bit.
 */
#include "memfn.h"
#include "meta.h"

#define HEAD_SIZE 20u           /* of a descriptor */
#define LIST_SIZE 8u            /* of the head of a list */
#define ACE_SIZE 8u             /* of what is before the SID */

#define HAS_LIST 0x0004u

#define ACE_ALLOW 0u
#define ACE_DENY  1u
#define ACE_INHERIT_ONLY 0x08u

#define MAY_READ    0x80000001u
#define MAY_WRITE   0x40000006u
#define MAY_EXECUTE 0x20000020u
#define MAY_OWN     0x10080000u         /* WRITE_OWNER, GENERIC_ALL */

/* Those known everywhere, [MS-DTYP] 2.4.2.4. */
static const uint8_t everyone[] = { 1, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0 };
static const uint8_t authenticated[] = {
    1, 1, 0, 0, 0, 0, 0, 5, 11, 0, 0, 0,
};
static const uint8_t users[] = {
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x21, 2, 0, 0,
};
static const uint8_t administrators[] = {
    1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0,
};
static const uint8_t local_system[] = {
    1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0,
};
static const uint8_t nobody[] = { 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
/* Accounts of a machine or a domain: S-1-5-21-... */
static const uint8_t account[] = { 0, 0, 0, 0, 0, 5, 21, 0, 0, 0 };

struct ace {
    uint8_t type, flags;
    uint32_t mask;
    const uint8_t *sid;         /* checked; of type ALLOW and DENY only */
};

/* A list of entries, and how far it has been walked. */
struct list {
    const uint8_t *bytes;       /* the descriptor's */
    size_t at, end;
    unsigned left;              /* entries */
};

/* What is allowed and denied to a class, as rwx. */
struct class {
    uint32_t allow, deny;
    bool said;                  /* anything at all */
};

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 |
           (uint32_t)at[3] << 24;
}

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t rwx(uint32_t mask)
{
    return (mask & MAY_READ ? 4u : 0) | (mask & MAY_WRITE ? 2u : 0) |
           (mask & MAY_EXECUTE ? 1u : 0);
}

/* Take the next entry: 1, 0 at the end, or -1 with *WHAT saying why not. */
static int list_next(struct list *list, struct ace *out, const char **what)
{
    size_t left = list->end - list->at, size;
    const uint8_t *at;

    if (list->left == 0)
        return 0;
    at = list->bytes + list->at;
    if (left < 4) {
        *what = "ntfs: access list ends before its entries";
        return -1;
    }
    size = get16(at + 2);
    if (size < 4 || size > left) {
        *what = "ntfs: access list entry past the list's end";
        return -1;
    }
    *out = (struct ace){ .type = at[0], .flags = at[1] };
    if (out->type == ACE_ALLOW || out->type == ACE_DENY) {
        if (size < ACE_SIZE ||
            ntfs_sid_length(at + ACE_SIZE, size - ACE_SIZE) == 0) {
            *what = "ntfs: access list entry for no valid SID";
            return -1;
        }
        out->mask = get32(at + 4);
        out->sid = at + ACE_SIZE;
    }
    list->at += size;
    list->left--;
    return 1;
}

/* Does ACE say anything about the file itself? */
static bool counts(const struct ace *ace)
{
    return ace->sid && !(ace->flags & ACE_INHERIT_ONLY);
}

static bool is_others(const uint8_t *sid)
{
    return ntfs_sid_same(sid, everyone) || ntfs_sid_same(sid, authenticated) ||
           ntfs_sid_same(sid, users);
}

static bool is_mighty(const uint8_t *sid)
{
    return ntfs_sid_same(sid, administrators) ||
           ntfs_sid_same(sid, local_system);
}

static bool is_account(const uint8_t *sid)
{
    return sid[1] > 1 && memcmp(sid + 2, account, sizeof account) == 0;
}

/* Rule (2). Reads the whole list, and so checks it. */
static const char *owner_find(struct list list, const uint8_t **owner,
                              size_t *at)
{
    const char *what = NULL;
    bool found = false;
    struct ace ace;
    int more;

    while ((more = list_next(&list, &ace, &what)) > 0) {
        if (!found && counts(&ace) && ace.type == ACE_ALLOW &&
            ace.mask & MAY_OWN && is_account(ace.sid)) {
            *owner = ace.sid;
            found = true;
        }
    }
    *at = list.at;
    return more < 0 ? what : NULL;
}

static void class_add(struct class *class, const struct ace *ace)
{
    class->said = true;
    if (ace->type == ACE_ALLOW)
        class->allow |= rwx(ace->mask);
    else
        class->deny |= rwx(ace->mask);
}

/* The classes, as far as a list has been walked. */
struct classes {
    const uint8_t *owner, *group;       /* SIDs, or NULL */
    struct class own, grp, others;
    uint32_t special;           /* the bits above rwx */
};

/* Rules (1), (3) and (6): take ACE in. */
static void classes_add(struct classes *c, const struct ace *ace)
{
    bool is_owner = c->owner && ntfs_sid_same(ace->sid, c->owner);
    bool is_group = c->group && ntfs_sid_same(ace->sid, c->group);

    if (ace->type == ACE_DENY) {
        if (is_owner)
            c->own.deny |= rwx(ace->mask);
        if (is_group)
            class_add(&c->grp, ace);
        if (!is_owner && !is_group && is_others(ace->sid))
            class_add(&c->others, ace);
    } else if (is_owner && ace->mask & MAY_OWN) {
        /* ntfs-3g ends what it writes with full control for the
           Administrators, who may be the owner that has said less. */
        if (!c->own.said)
            class_add(&c->own, ace);
    } else if (is_group) {
        if (!(ace->mask & MAY_OWN && is_mighty(ace->sid)))
            class_add(&c->grp, ace);
    } else if (is_others(ace->sid)) {
        class_add(&c->others, ace);
    } else if (ntfs_sid_same(ace->sid, nobody)) {
        c->special |= (ace->mask & 7) << 9;
    }
}

/* Rules (4) and (5). */
static uint32_t classes_mode(const struct classes *c)
{
    bool apart = c->owner && !is_mighty(c->owner) &&
                 !(c->group && ntfs_sid_same(c->owner, c->group));
    uint32_t besides = apart ? c->others.allow : 0;
    uint32_t own = c->own.said ? c->own.allow | besides : 7;
    uint32_t grp = c->grp.said ? c->grp.allow | besides : c->others.allow;

    own &= ~(c->own.deny | c->others.deny);
    grp &= ~(c->grp.deny | c->others.deny);
    return c->special | own << 6 | grp << 3 |
           (c->others.allow & ~c->others.deny);
}

/* What LIST says to the two SIDs, either of which may be NULL. */
static uint32_t mode_of(struct list list, const uint8_t *owner,
                        const uint8_t *group)
{
    struct classes classes = { .owner = owner, .group = group };
    const char *what;
    struct ace ace;

    while (list_next(&list, &ace, &what) > 0)
        if (counts(&ace))
            classes_add(&classes, &ace);
    return classes_mode(&classes);
}

/* Decode the list at byte WHERE of a descriptor of LEN bytes. */
static const char *list_decode(const uint8_t *bytes, size_t len, size_t where,
                               struct list *out)
{
    size_t size;

    if (where > len || len - where < LIST_SIZE)
        return "ntfs: access list past its descriptor's end";
    size = get16(bytes + where + 2);
    if (size < LIST_SIZE || size > len - where)
        return "ntfs: access list longer than its descriptor";
    *out = (struct list){
        .bytes = bytes,
        .at = where + LIST_SIZE,
        .end = where + size,
        .left = get16(bytes + where + 4),
    };
    return NULL;
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
    struct list list = { .left = 0 };
    const char *what;

    *at = 0;
    if (len < HEAD_SIZE)
        return "ntfs: security descriptor too short";
    if (bytes[0] != 1)
        return "ntfs: security descriptor of unknown revision";

    *at = get32(bytes + 4);
    what = sid_decode(bytes, len, *at, &owner);
    if (!what) {
        *at = get32(bytes + 8);
        what = sid_decode(bytes, len, *at, &group);
    }
    if (what)
        return what;

    *at = get32(bytes + 16);
    if (get16(bytes + 2) & HAS_LIST && *at != 0) {
        what = list_decode(bytes, len, *at, &list);
        if (!what)
            what = owner_find(list, &owner, at);
        if (what)
            return what;
    }
    out->mode = mode_of(list, owner, group);
    out->uid = owner ? ntfs_sids_user(sids, owner) : 0;
    out->gid = group ? ntfs_sids_group(sids, group) : 0;
    return NULL;
}
