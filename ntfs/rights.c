/*
 * rights.c - what a list of access comes to as owner, group and others
 *
 * A list says who of any number of accounts may or may not what, in 32 rights
 * and in order; POSIX knows three classes with three rights each. So much is
 * lost, and which of it is a choice: here it is ntfs-3g's, so that a volume
 * shows the same by both, and what ntfs-3g wrote comes back as it was. It was
 * found out by giving it 50,000 lists, made at random of all kinds of entries,
 * to each of which but a dozen this gives the same mode.
 *
 * Whose an entry is:
 *
 * (1) The owner is the first account (S-1-5-21 and four more numbers) that is
 *     allowed to change the owner, as by every "full control", be it only to
 *     be inherited; if there is none, who the descriptor says.
 * (2) An entry is the owner's if its SID is; else the group's; else one of all
 *     others, if it is of Everyone, Authenticated Users or Users. An entry that
 *     is only there to be inherited gives nothing; but for (1), and where it is
 *     what says owner and group apart, by (7) and (10), it is there.
 * (3) r is reading data, w writing or appending some, x executing, or the
 *     generic right of that name. "Full" is an entry that has the right to
 *     change the owner, or the generic right to all.
 * (4) Nobody (S-1-0-0) being allowed 1, 2 or 4 is the sticky, set-group-ID or
 *     set-user-ID bit.
 *
 * What is allowed:
 *
 * (5) The owner has what his full entries give; without any, all three.
 * (6) The group has what its first entry gives, if it is the owner as well what
 *     all give; without any, what all others have.
 * (7) The owner is in the group, and both are among the others: so he has
 *     besides what entries of groups and others give, and the group what the
 *     last entry of others gives. Not if it is said apart what they have: the
 *     owner is the group, or has an entry that is not full, or (10) holds.
 *
 * What is denied:
 *
 * (8) To the owner: what his entries deny but the full ones, which change
 *     nothing, only that those after them do not count either, as long as he
 *     has not been allowed something. To the group: what its entries deny
 *     before it is allowed something. Then there has been an entry, as of (5)
 *     and (6).
 * (9) To all others: what their entries deny; of these the last also counts for
 *     owner and group.
 *
 * The Administrators, and the system, are in nearly every list, with "full
 * control" at the end of what ntfs-3g writes. So:
 *
 * (10) An entry of the Administrators as owner or group counts if it has the
 *      rights to read EAs and to synchronize, as all that are meant for files;
 *      as the owner, the first that allows and the first that denies. Owner and
 *      group then are said apart, without (8), and (9) is by the last entry.
 * (11) A full entry of theirs, or the system's, is never the group's, but one
 *      behind it is not either. The system's is never the owner's.
 */
#include "acl.h"
#include "memfn.h"

#define MAY_READ    0x80000001u
#define MAY_WRITE   0x40000006u
#define MAY_EXECUTE 0x20000020u
#define MAY_OWN     0x00080000u         /* WRITE_OWNER */
#define MAY_ALL     0x10000000u         /* GENERIC_ALL */
#define FOR_FILES   0x00100008u         /* SYNCHRONIZE, FILE_READ_EA */

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
/* Accounts of a machine or a domain. */
static const uint8_t account[] = { 1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0 };

static uint32_t rwx(uint32_t mask)
{
    return (mask & MAY_READ ? 4u : 0) | (mask & MAY_WRITE ? 2u : 0) |
           (mask & MAY_EXECUTE ? 1u : 0);
}

static bool is_full(const struct ntfs_ace *ace)
{
    return (ace->mask & (MAY_OWN | MAY_ALL)) != 0;
}

static bool is_admin(const uint8_t *sid)
{
    return ntfs_sid_same(sid, administrators);
}

static bool is_system(const uint8_t *sid)
{
    return ntfs_sid_same(sid, local_system);
}

static bool is_others(const uint8_t *sid)
{
    return ntfs_sid_same(sid, everyone) || ntfs_sid_same(sid, authenticated) ||
           ntfs_sid_same(sid, users);
}

/* Rule (1). */
const uint8_t *ntfs_rights_owner(struct ntfs_acl list, const uint8_t *owner)
{
    struct ntfs_ace ace;

    while (ntfs_ace_next(&list, &ace))
        if (!ace.denies && ace.mask & MAY_OWN &&
            memcmp(ace.sid, account, sizeof account) == 0)
            return ace.sid;
    return owner;
}

/* What owner or group are told, as rwx. */
struct class {
    uint32_t allowed, denied;
    bool said;                  /* anything at all */
    bool closed;                /* some entries do not count any more: of the
                                   group, that allow another time or deny; of
                                   the owner, that deny */
    bool granted;               /* the owner, something */
};

/* All classes, as far as a list has been walked. */
struct classes {
    const struct ntfs_sids *sids;
    const uint8_t *owner, *group;       /* SIDs, or NULL */
    struct class own, grp;
    uint32_t groups;            /* what (7) gives the owner for being in some */
    uint32_t others, others_last;
    uint32_t denied, denied_last;       /* to others */
    uint32_t special;           /* the bits above rwx */
    bool same;                  /* owner and group */
    bool apart;                 /* rule (7) is not to be applied */
    bool by_admin;              /* rule (10) holds */
};

/* Is SID a group in the mapping, and not root's? */
static bool is_group(const struct classes *c, const uint8_t *sid)
{
    return ntfs_sids_group(c->sids, sid) != 0;
}

static void owner_allow(struct classes *c, const struct ntfs_ace *ace)
{
    bool admin = is_admin(ace->sid);

    if (!is_full(ace)) {
        c->apart = true;
        if (c->same) {
            c->grp.allowed |= rwx(ace->mask);
            c->grp.said = true;
        }
        return;
    }
    if (is_system(ace->sid))
        return;
    if (admin)
        c->by_admin = true;
    if (admin && c->own.granted)
        return;
    c->own.allowed |= rwx(ace->mask);
    c->own.said = c->own.granted = true;
}

static void owner_deny(struct classes *c, const struct ntfs_ace *ace)
{
    bool full = (ace->mask & MAY_OWN) != 0;

    if (is_system(ace->sid))
        return;
    if (is_admin(ace->sid)) {
        if (!full && !c->own.closed && !c->own.granted)
            c->own.said = c->own.granted = c->by_admin = true;
        c->own.closed = true;
    } else if (full) {
        c->own.closed = true;
    } else if (c->own.granted || !c->own.closed) {
        c->own.denied |= rwx(ace->mask);
        c->own.said = true;
    }
}

static void group_allow(struct classes *c, const struct ntfs_ace *ace)
{
    bool admin = is_admin(ace->sid);

    if (admin)
        c->by_admin = true;
    if (is_full(ace) && (admin || is_system(ace->sid))) {
        c->grp.closed = true;
        return;
    }
    if (!c->grp.closed) {
        c->grp.allowed = rwx(ace->mask);
        c->grp.said = c->grp.closed = true;
        c->groups |= rwx(ace->mask);
    } else if (is_group(c, ace->sid)) {
        c->groups |= rwx(ace->mask);
    }
}

static void group_deny(struct classes *c, const struct ntfs_ace *ace)
{
    bool admin = is_admin(ace->sid);

    if (c->grp.closed || (admin ? is_full(ace) : (ace->mask & MAY_OWN) != 0))
        return;
    c->grp.said = true;
    if (admin)
        c->by_admin = true;
    else
        c->grp.denied |= rwx(ace->mask);
}

static bool is_sid(const uint8_t *sid, const uint8_t *other)
{
    return other && ntfs_sid_same(sid, other);
}

/* ACE is there only to be inherited: does it say owner and group apart? */
static void pass_over(struct classes *c, const struct ntfs_ace *ace)
{
    bool full = is_full(ace);

    if (is_sid(ace->sid, c->owner))
        c->apart |= !ace->denies && !full;
    else if (is_admin(ace->sid) && is_sid(ace->sid, c->group))
        c->by_admin |= !ace->denies || !full;
}

static void allow(struct classes *c, const struct ntfs_ace *ace)
{
    if (is_admin(ace->sid) && (ace->mask & FOR_FILES) != FOR_FILES)
        return;
    if (ace->inherit_only) {
        pass_over(c, ace);
    } else if (is_sid(ace->sid, c->owner)) {
        owner_allow(c, ace);
    } else if (is_sid(ace->sid, c->group)) {
        group_allow(c, ace);
    } else if (is_others(ace->sid)) {
        c->others_last = rwx(ace->mask);
        c->others |= c->others_last;
    } else if (ntfs_sid_same(ace->sid, nobody)) {
        c->special |= (ace->mask & 7) << 9;
    } else if (is_group(c, ace->sid) &&
               ntfs_sids_user(c->sids, ace->sid) == 0) {
        c->groups |= rwx(ace->mask);
    }
}

static void deny(struct classes *c, const struct ntfs_ace *ace)
{
    if (ace->inherit_only) {
        pass_over(c, ace);
    } else if (is_sid(ace->sid, c->owner)) {
        owner_deny(c, ace);
    } else if (is_sid(ace->sid, c->group)) {
        group_deny(c, ace);
    } else if (is_others(ace->sid)) {
        c->denied_last = rwx(ace->mask);
        c->denied |= c->denied_last;
    }
}

/* Rules (5) to (10), when all entries have been taken in. */
static uint32_t classes_mode(const struct classes *c)
{
    bool apart = c->apart || c->same || c->by_admin;
    uint32_t others = c->grp.said ? c->others_last : c->others;
    uint32_t own = 7, grp = c->others, rest = c->others;

    if (c->own.said)
        own = c->own.allowed | (apart ? 0 : others | c->groups);
    if (c->grp.said)
        grp = c->grp.allowed | (apart ? 0 : others);
    if (!c->by_admin) {
        own &= ~c->own.denied;
        grp &= ~c->grp.denied;
    }
    own &= ~c->denied_last;
    grp &= ~c->denied_last;
    rest &= ~(c->by_admin ? c->denied_last : c->denied);
    return c->special | own << 6 | grp << 3 | rest;
}

uint32_t ntfs_rights_mode(const struct ntfs_sids *sids, struct ntfs_acl list,
                          const uint8_t *owner, const uint8_t *group)
{
    struct classes classes = {
        .sids = sids, .owner = owner, .group = group,
        .same = owner && is_sid(owner, group),
    };
    struct ntfs_ace ace;

    while (ntfs_ace_next(&list, &ace)) {
        if (ace.denies)
            deny(&classes, &ace);
        else
            allow(&classes, &ace);
    }
    return classes_mode(&classes);
}
