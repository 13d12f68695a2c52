/*
 * attr.c - the attributes of files
 */
#include "vfs.h"

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
    unsigned tries = 0;
    int err;

    /* A vnode in memory may know better than the disk. */
    if (!vn && fs->ops->peek) {
        do
            err = fs->ops->peek(fs, ino, out);
        while (vfs_again(fs, err, &tries));
        return err;
    }
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
    int err;

    volume_lock_shared(vn->fs);
    err = vn->fs->ops->getattr(vn, out);
    volume_unlock(vn->fs);
    return err;
}

int shale_getattr_ino(struct shale_fs *fs, uint64_t ino,
                      struct shale_attr *out)
{
    int err;

    volume_lock_shared(fs);
    err = attr_of_ino_locked(fs, ino, out);
    volume_unlock(fs);
    return err;
}
