/*
 * attr.c - the attributes of files
 */
#include "room.h"

enum shale_type shale_type_of_mode(uint32_t mode)
{
    switch (mode & SHALE_S_IFMT) {
    case SHALE_S_IFREG:  return SHALE_TYPE_FILE;
    case SHALE_S_IFDIR:  return SHALE_TYPE_DIR;
    case SHALE_S_IFLNK:  return SHALE_TYPE_SYMLINK;
    case SHALE_S_IFCHR:  return SHALE_TYPE_CHAR;
    case SHALE_S_IFBLK:  return SHALE_TYPE_BLOCK;
    case SHALE_S_IFIFO:  return SHALE_TYPE_FIFO;
    case SHALE_S_IFSOCK: return SHALE_TYPE_SOCKET;
    }
    return SHALE_TYPE_UNKNOWN;
}

int attr_of_ino_locked(struct shale_fs *fs, uint64_t ino,
                       struct shale_attr *out)
{
    struct shale_vnode *vn = vnode_cached(fs, ino);
    int err;

    /* A vnode in memory may know better than the disk. */
    if (!vn && fs->ops->peek)
        return fs->ops->peek(fs, ino, out);
    if (!vn) {
        err = vnode_find(fs, ino, &vn);
        if (err)
            return err;
    }
    err = fs->ops->getattr(vn, out);
    vnode_put_locked(vn);
    return err;
}

int shale_getattr(struct shale_vnode *vn, struct shale_attr *out)
{
    struct visit v;
    int err;

    visit_shared(&v, vn->fs);
    do
        err = vn->fs->ops->getattr(vn, out);
    while (visit_again(&v, err));
    return err;
}

int shale_getattr_ino(struct shale_fs *fs, uint64_t ino,
                      struct shale_attr *out)
{
    struct visit v;
    int err;

    visit_shared(&v, fs);
    do
        err = attr_of_ino_locked(fs, ino, out);
    while (visit_again(&v, err));
    return err;
}
