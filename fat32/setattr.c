/*
 * setattr.c - what of a file's attributes can be changed
 *
 * There are four attributes and three times, and nothing for owners and
 * permissions: the write permission is the attribute "read-only", and the rest
 * can only be set to what it is. With the option quiet, setting it to something
 * else is not an error, and does nothing.
 */
#include "dirent.h"
#include "fat.h"
#include "node.h"
#include "write.h"

#define ATTRS (FAT_ATTR_READ_ONLY | FAT_ATTR_HIDDEN | FAT_ATTR_SYSTEM | \
               FAT_ATTR_ARCHIVE)

/* Can ENTRY have MODE? Then it does. */
static bool set_mode(const struct fat_volume *vol, uint32_t mode,
                     struct fat_entry *entry)
{
    uint32_t now = fat_entry_mode(vol, entry);
    bool writable = mode & 0222;

    if ((mode ^ now) & 07555)
        return false;
    if (writable == ((now & 0222) != 0))
        return true;
    if ((entry->attr & FAT_ATTR_DIR) && !(vol->options.flags & FAT_RODIR))
        return false;
    entry->attr &= (uint8_t)~FAT_ATTR_READ_ONLY;
    if (!writable)
        entry->attr |= FAT_ATTR_READ_ONLY;
    return true;
}

static int set_flags(const struct fat_vnode *vn, uint32_t flags,
                     struct fat_entry *entry)
{
    if (flags & ~(ATTRS | FAT_ATTR_LABEL | FAT_ATTR_DIR))
        return SHALE_EINVAL;
    if (vn->base.ino == FAT_ROOT_INO && (flags & ATTRS))
        return SHALE_EINVAL;    /* it has no entry to note them in */

    /* What makes it a file or a directory is not for setting. */
    entry->attr = (uint8_t)((entry->attr & ~ATTRS) | (flags & ATTRS));
    return 0;
}

int fat_setattr(struct shale_vnode *base, const struct shale_setattr *what)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    struct fat_entry entry = vn->entry;
    struct fat_stamp accessed;
    int err = 0;

    /* The attribute that forbids all else can be taken away. */
    if (what->valid & ~SHALE_SET_FLAGS)
        err = fat_vnode_check(vn);
    /* The mode comes first: what can be set of it is, whoever is to own it. */
    if (!err && (((what->valid & SHALE_SET_MODE) &&
                  !set_mode(vol, what->mode, &entry)) ||
                 ((what->valid & SHALE_SET_UID) && what->uid != 0) ||
                 ((what->valid & SHALE_SET_GID) && what->gid != 0)) &&
        !(vol->options.flags & FAT_QUIET))
        err = SHALE_EPERM;
    if (!err && (what->valid & SHALE_SET_FLAGS))
        err = set_flags(vn, what->flags, &entry);
    if (err)
        return err;

    if (what->valid & SHALE_SET_ATIME) {
        fat_time_encode(vol, &what->atime, &accessed);
        entry.accessed = accessed.date;
    }
    if (what->valid & SHALE_SET_MTIME) {
        fat_time_encode(vol, &what->mtime, &entry.written);
        entry.written.tenth = 0;
    }
    if (what->valid & SHALE_SET_BTIME)
        fat_time_encode(vol, &what->btime, &entry.created);
    return base->ino == FAT_ROOT_INO ? 0 : fat_vnode_store(vn, &entry);
}
