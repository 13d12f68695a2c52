/*
 * acl_write.c - setting access control lists, and what modes have to do with
 * them
 *
 * The mode's permissions are those of owner, mask (or, without one, group) and
 * other: changing one side changes the other, see acl(5). A list that has
 * nothing else in it is not stored.
 */
#include "acl.h"
#include "memfn.h"
#include "shale/mem.h"
#include "write.h"
#include "xattr.h"

static const struct ext2_xattr_name access_list = {
    EXT2_XATTR_ACL_ACCESS, (const uint8_t *)"", 0,
};
static const struct ext2_xattr_name default_list = {
    EXT2_XATTR_ACL_DEFAULT, (const uint8_t *)"", 0,
};

/* ------------------------------------------------------------------ set */

/* What there is in a list. */
struct summary {
    uint32_t mode;              /* its permissions */
    bool extended;              /* it says more than a mode can */
};

/* Is TAG one of the two that come with an id? */
static bool tag_has_id(unsigned tag)
{
    return tag == EXT2_ACL_USER || tag == EXT2_ACL_GROUP;
}

/* 0 if an entry of TAG and ID may follow one of tag LAST (0: the first). */
static bool order_is_sound(unsigned last, unsigned tag, uint32_t id)
{
    /* As acl_valid(3): owner, users, group, groups, mask, other. */
    if (last == 0)
        return tag == EXT2_ACL_USER_OBJ;
    if (tag_has_id(tag))
        return id != EXT2_ACL_NO_ID && (tag == last || tag == last << 1);
    switch (tag) {
    case EXT2_ACL_GROUP_OBJ:
        return last == EXT2_ACL_USER_OBJ || last == EXT2_ACL_USER;
    case EXT2_ACL_MASK:
        return last == EXT2_ACL_GROUP_OBJ || last == EXT2_ACL_GROUP;
    case EXT2_ACL_OTHER:
        return last == EXT2_ACL_GROUP_OBJ || last == EXT2_ACL_MASK;
    }
    return false;
}

/*
 * Check the entries of Linux's form at S, and sum them up. SHALE_EINVAL if
 * nobody can have such a list.
 */
static int linux_check(struct span s, struct summary *out)
{
    unsigned last = 0;

    *out = (struct summary){ .extended = false };
    while (s.left > 0) {
        const struct ext2_acl_entry *entry =
            (const struct ext2_acl_entry *)span_take(&s, sizeof *entry);
        unsigned tag, perm;

        if (!entry)
            return SHALE_EINVAL;
        tag = le16_get(entry->tag);
        perm = le16_get(entry->perm);
        if (perm > 7 || !order_is_sound(last, tag, le32_get(entry->id)))
            return SHALE_EINVAL;
        if (tag == EXT2_ACL_OTHER && out->extended && last != EXT2_ACL_MASK)
            return SHALE_EINVAL;
        if (tag == EXT2_ACL_USER_OBJ)
            out->mode |= perm << 6;
        if (tag == EXT2_ACL_GROUP_OBJ)
            out->mode |= perm << 3;
        if (tag == EXT2_ACL_MASK)
            out->mode = (out->mode & ~0070u) | perm << 3;
        if (tag == EXT2_ACL_OTHER)
            out->mode |= perm;
        out->extended |= tag_has_id(tag) || tag == EXT2_ACL_MASK;
        last = tag;
    }
    return last == EXT2_ACL_OTHER ? 0 : SHALE_EINVAL;
}

/* Convert the entries at S, which are sound, to the volume's form at TO. */
static size_t disk_encode(struct span s, uint8_t *to)
{
    const le32 version = le32_make(EXT2_ACL_DISK_VERSION);
    const struct ext2_acl_entry *entry;
    size_t len = sizeof version;

    memcpy(to, &version, len);
    while (s.left > 0) {
        entry = (const struct ext2_acl_entry *)span_take(&s, sizeof *entry);
        memcpy(to + len, entry, sizeof(struct ext2_disk_acl_entry));
        len += sizeof(struct ext2_disk_acl_entry);
        if (!tag_has_id(le16_get(entry->tag)))
            continue;
        memcpy(to + len, &entry->id, sizeof entry->id);
        len += sizeof entry->id;
    }
    return len;
}

/* Remove list NAME, which need not be there. */
static int list_remove(struct ext2_vnode *vn,
                       const struct ext2_xattr_name *name)
{
    int err = ext2_xattr_put(vn, name, NULL, 0);

    return err == SHALE_ENODATA ? 0 : err;
}

/* Store the list whose entries, sound ones, are at S. */
static int list_store(struct ext2_vnode *vn,
                      const struct ext2_xattr_name *name, struct span s)
{
    struct shale_mem *mem = vn->base.fs->mem;
    size_t room = sizeof(le32) + s.left;        /* more than it will take */
    uint8_t *bytes = shale_alloc(mem, room);
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    err = ext2_xattr_put(vn, name, bytes, disk_encode(s, bytes));
    shale_free(mem, bytes, room);
    return err;
}

int ext2_acl_set(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                 const void *value, size_t size)
{
    bool is_access = name->index == EXT2_XATTR_ACL_ACCESS;
    struct span s = { value, size };
    const le32 *version;
    struct summary sum;
    int err;

    if (vn->base.type == SHALE_TYPE_SYMLINK)
        return SHALE_ENOTSUP;
    if (!value || size == 0)
        return list_remove(vn, name);
    version = (const le32 *)span_take(&s, sizeof *version);
    if (!version)
        return SHALE_EINVAL;
    if (le32_get(*version) != EXT2_ACL_LINUX_VERSION)
        return SHALE_ENOTSUP;
    if (s.left == 0)
        return list_remove(vn, name);
    err = linux_check(s, &sum);
    if (err)
        return err;
    if (!is_access && vn->base.type != SHALE_TYPE_DIR)
        return SHALE_EACCES;

    err = ext2_vnode_note(vn);
    if (err)
        return err;
    if (is_access)
        vn->inode.mode = (vn->inode.mode & ~0777u) | sum.mode;
    if (is_access && !sum.extended)
        return list_remove(vn, name);
    return list_store(vn, name, s);
}

/* ------------------------------------------------------- chmod, inherit */

/*
 * Give the list of SIZE bytes at BYTES, of the volume's form, the permissions
 * of MODE; or, if it is INHERITED, leave those which MODE has, too. Stores what
 * is left in *OUT. SHALE_ECORRUPT.
 */
static int list_apply(uint8_t *bytes, size_t size, uint32_t mode,
                      bool inherited, struct summary *out)
{
    struct span s = { bytes, size };
    const le32 *version = (const le32 *)span_take(&s, sizeof *version);
    struct ext2_disk_acl_entry *group = NULL, *mask = NULL;
    struct ext2_acl_entry entry;
    int more;

    *out = (struct summary){ .extended = false };
    if (!version || le32_get(*version) != EXT2_ACL_DISK_VERSION)
        return SHALE_ECORRUPT;
    for (;;) {
        struct ext2_disk_acl_entry *raw =
            (struct ext2_disk_acl_entry *)(bytes + (size_t)(s.at - bytes));
        unsigned shift, perm, asked;

        more = ext2_acl_next(&s, &entry);
        if (more <= 0)
            break;
        out->extended |= tag_has_id(le16_get(entry.tag));
        switch (le16_get(entry.tag)) {
        case EXT2_ACL_USER_OBJ: shift = 6; break;
        case EXT2_ACL_OTHER:    shift = 0; break;
        case EXT2_ACL_GROUP_OBJ: group = raw; continue;
        case EXT2_ACL_MASK:     mask = raw; continue;
        default:           continue;
        }
        asked = mode >> shift & 7;
        perm = inherited ? le16_get(raw->perm) & asked : asked;
        raw->perm = le16_make((uint16_t)perm);
        out->mode |= perm << shift;
    }
    if (more < 0 || (!mask && !group))
        return SHALE_ECORRUPT;
    if (mask) {
        out->extended = true;
        group = mask;
    }
    mode = mode >> 3 & 7;
    if (inherited)
        mode &= le16_get(group->perm);
    group->perm = le16_make((uint16_t)mode);
    out->mode |= mode << 3;
    return 0;
}

static int bad_list(const struct ext2_vnode *vn)
{
    return shale_corrupt_inode(vn->base.fs, "ext2: bad access control list",
                               vn->inode.at, vn->base.ino);
}

int ext2_acl_chmod(struct ext2_vnode *vn)
{
    struct summary sum;
    uint8_t *bytes;
    size_t size;
    int err = ext2_xattr_copy(vn, &access_list, &bytes, &size);

    if (err)
        return err == SHALE_ENODATA ? 0 : err;
    err = list_apply(bytes, size, vn->inode.mode, false, &sum);
    if (!err)
        err = ext2_xattr_put(vn, &access_list, bytes, size);
    else
        err = bad_list(vn);
    shale_free(vn->base.fs->mem, bytes, size + 1);
    return err;
}

/* FRESH inherits the default list of SIZE bytes at BYTES. */
static int list_inherit(struct ext2_vnode *fresh, uint8_t *bytes, size_t size)
{
    struct summary sum;
    int err = 0;

    if ((fresh->inode.mode & SHALE_S_IFMT) == SHALE_S_IFDIR)
        err = ext2_xattr_put(fresh, &default_list, bytes, size);
    if (err)
        return err;
    err = list_apply(bytes, size, fresh->inode.mode, true, &sum);
    if (err)
        return err;
    fresh->inode.mode = (fresh->inode.mode & ~0777u) | sum.mode;
    return sum.extended ? ext2_xattr_put(fresh, &access_list, bytes, size) : 0;
}

int ext2_acl_inherit(struct ext2_vnode *dir, struct ext2_vnode *fresh,
                     uint32_t umask)
{
    uint8_t *bytes;
    size_t size;
    int err;

    if ((fresh->inode.mode & SHALE_S_IFMT) == SHALE_S_IFLNK)
        return 0;
    err = ext2_xattr_copy(dir, &default_list, &bytes, &size);
    if (err == SHALE_ENODATA) {
        if (!(fresh->inode.mode & umask & 0777))
            return 0;
        fresh->inode.mode &= ~(umask & 0777);
        return ext2_vnode_store(fresh);
    }
    if (err)
        return err;
    err = list_inherit(fresh, bytes, size);
    if (err == SHALE_ECORRUPT)
        err = bad_list(dir);
    shale_free(dir->base.fs->mem, bytes, size + 1);
    return err ? err : ext2_vnode_store(fresh);
}
