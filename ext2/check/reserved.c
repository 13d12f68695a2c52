/*
 * reserved.c - inodes that are not for people's files
 *
 *      1  the list of bad blocks        7  reserved descriptors (resize.c)
 *      2  the root                      8  the journal
 *      3, 4  quotas of users, groups    the rest: not in use
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define QUOTA_USER_INO  3u
#define QUOTA_GROUP_INO 4u
#define BOOT_LOADER_INO 5u              /* has what it likes */

/* Of the superblock. */
#define SUPER_QUOTA_USER    0x240       /* le32 */
#define SUPER_QUOTA_GROUP   0x244       /* le32 */
#define SUPER_QUOTA_PROJECT 0x26c       /* le32 */

static bool is_type(const struct ext2_check_inode *inode, unsigned type)
{
    return (inode->mode & EXT2_S_IFMT) == type;
}

/* Does it lead to anything? */
static bool has_blocks(const struct ext2_check_inode *inode)
{
    for (unsigned i = 0; i < EXT2_POINTERS; i++)
        if (le32_get(inode->block[i]) != 0)
            return true;
    return false;
}

/* Is there anything in an inode that should be empty? */
static bool has_data(const struct ext2_check_inode *inode)
{
    return inode->links != 0 || inode->sectors != 0 ||
           le32_get(inode->block[0]) != 0;
}

static void tell_mode(struct ext2_check *c,
                      const struct ext2_check_inode *inode, const char *what)
{
    size_t len = 0;

    while (what[len])
        len++;
    if (!c->scan->hunt)
        ext2_tell_inode(c, RESERVED_MODE, EXT2_AT(inode, mode), inode->ino,
                        .name = what, .len = len, .found = inode->mode);
}

/* --------------------------------------------------------------- each one */

/* It is nobody's, and has nothing but blocks. */
static bool is_list(const struct ext2_check_inode *inode)
{
    const struct ext2_disk_inode *raw =
        (const struct ext2_disk_inode *)inode->bytes;

    return (inode->mode == 0 || is_type(inode, EXT2_S_IFREG)) &&
           inode->links == 0 && le16_get(raw->uid) == 0 &&
           le16_get(raw->gid) == 0 && le32_get(raw->acl_block) == 0;
}

static int bad_blocks(struct ext2_check *c, struct ext2_check_claims *claims,
                      const struct ext2_check_inode *inode)
{
    static const char what[] = "has what only files have";

    if (!is_list(inode) && !c->scan->hunt)
        ext2_tell_inode(c, RESERVED_BAD, inode->at, inode->ino,
                        .name = what, .len = sizeof what - 1);
    return ext2_check_walk_file(c, claims, inode,
                                &(const struct ext2_check_charge){ 0, 0 },
                                has_blocks(inode));
}

static bool root_is_there(struct ext2_check *c,
                          const struct ext2_check_inode *inode)
{
    bool used = inode->links != 0;
    const char *what = used ? "is no directory" : "is not in use";

    if (used && is_type(inode, EXT2_S_IFDIR))
        return true;
    if (!c->scan->hunt)
        ext2_tell_inode(c, RESERVED_ROOT,
                        used ? EXT2_AT(inode, mode) : EXT2_AT(inode, links),
                        inode->ino,
                        .name = what, .len = used ? 15 : 13);
    return used;
}

/* True if it is what it is meant for. */
static bool journal(struct ext2_check *c,
                    const struct ext2_check_inode *inode)
{
    bool has = c->super.compat & EXT2_COMPAT_HAS_JOURNAL;
    bool named = le32_get(c->super.raw.journal_ino) == inode->ino;

    if (has && named) {
        if (inode->mode != 0 && !is_type(inode, EXT2_S_IFREG))
            tell_mode(c, inode, "is no regular file, as a journal would be");
    } else if (has_data(inode)) {
        if (!named)
            tell_mode(c, inode, "has data, though it is no journal");
        else if (!c->scan->hunt)
            ext2_tell_inode(c, JOURNAL_UNASKED, inode->at, inode->ino,
                            .other = 0);
    }
    return named;
}

static uint32_t super_le32(const struct ext2_check *c, size_t offset)
{
    le32 value;

    memcpy(&value, (const uint8_t *)&c->super.raw + offset, sizeof value);
    return le32_get(value);
}

/* Likewise. */
static bool quota(struct ext2_check *c, const struct ext2_check_inode *inode)
{
    bool on = c->super.ro_compat & EXT2_RO_COMPAT_QUOTA;
    uint32_t number = super_le32(c, inode->ino == QUOTA_USER_INO
                                    ? SUPER_QUOTA_USER : SUPER_QUOTA_GROUP);

    if (!on || number != inode->ino) {
        if (has_data(inode))
            tell_mode(c, inode, "has data, though there are no such quotas");
    } else if (!is_type(inode, EXT2_S_IFREG)) {
        tell_mode(c, inode, "is no regular file, as a quota file would be");
    }
    return on && number == inode->ino;
}

static void other(struct ext2_check *c, const struct ext2_check_inode *inode)
{
    if (inode->mode != 0 && !is_type(inode, EXT2_S_IFREG) &&
        inode->ino != BOOT_LOADER_INO)
        tell_mode(c, inode, "its mode is not that of a regular file");
}

int ext2_check_reserved(struct ext2_check *c, struct ext2_check_claims *claims,
                        const struct ext2_check_inode *inode, bool *own)
{
    *own = false;
    switch (inode->ino) {
    case EXT2_BAD_INO:
        *own = true;
        return bad_blocks(c, claims, inode);
    case EXT2_ROOT_INO:
        *own = !root_is_there(c, inode);
        return 0;
    case EXT2_RESIZE_INO:
        if (!(c->super.compat & EXT2_COMPAT_RESIZE_INODE))
            other(c, inode);
        *own = (c->super.compat & EXT2_COMPAT_RESIZE_INODE) ||
               inode->mode != 0;
        return ext2_check_resize(c, claims, inode);
    case EXT2_JOURNAL_INO:
        *own = !journal(c, inode) && inode->links == 0;
        break;
    case QUOTA_USER_INO:
    case QUOTA_GROUP_INO:
        *own = !quota(c, inode) && inode->links == 0;
        break;
    default:
        other(c, inode);
    }
    return 0;
}

/* May INO hold the quotas of kind INDEX? */
static bool quota_fits(const struct ext2_check *c, uint32_t ino, size_t index)
{
    if (ino > c->super.inode_count)
        return false;
    return ino >= c->super.first_ino ||
           (index < 2 && ino == QUOTA_USER_INO + index);
}

/* Quota files are inodes 3 and 4, or others that are in use. */
void ext2_check_quota_numbers(struct ext2_check *c)
{
    static const struct {
        const char *name;
        size_t len, offset;
    } files[] = {
        { "user", 4, SUPER_QUOTA_USER },
        { "group", 5, SUPER_QUOTA_GROUP },
        { "project", 7, SUPER_QUOTA_PROJECT },
    };
    bool on = c->super.ro_compat & EXT2_RO_COMPAT_QUOTA;

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint32_t ino = super_le32(c, files[i].offset);
        bool fits = ino == 0 || quota_fits(c, ino, i);
        const struct check_note note = {
            .name = files[i].name, .len = files[i].len, .found = ino,
        };
        const struct shale_check_code *code =
            &ext2_check_codes[EXT2_CHECK_QUOTA_NUMBER];

        /* Without the feature nobody looks there. */
        if (fits && (ino == 0 || check_bits_has(c->inodes, ino)))
            continue;
        if (!on && (!fits || i < 2) && ino != EXT2_ROOT_INO)
            code = &ext2_check_codes[EXT2_CHECK_QUOTA_UNASKED];
        check_tell(c->check, code, c->super.at + files[i].offset, &note);
    }
}
