/*
 * readonly.c - what is left of changing a volume where nothing is changed
 *
 * In place of the files that do it, in a build that only reads: every volume
 * is read-only there, and these say so. Nothing waits to be written.
 */
#include "vfs.h"

void settle(struct shale_fs *fs)
{
    (void)fs;
}

int shale_sync(struct shale_fs *fs)
{
    (void)fs;
    return 0;
}

int shale_writeback(struct shale_fs *fs)
{
    (void)fs;
    return 0;
}

int shale_fsync(struct shale_vnode *vn)
{
    (void)vn;
    return 0;
}

/* --------------------------------------------------------------- names */

int shale_create(struct shale_vnode *dir, const char *name, size_t len,
                 const struct shale_node *node, struct shale_vnode **out)
{
    (void)dir, (void)name, (void)len, (void)node, (void)out;
    return SHALE_EROFS;
}

int shale_create_unnamed(struct shale_vnode *dir,
                         const struct shale_node *node,
                         struct shale_vnode **out)
{
    (void)dir, (void)node, (void)out;
    return SHALE_EROFS;
}

int shale_link(struct shale_vnode *vn, struct shale_vnode *dir,
               const char *name, size_t len)
{
    (void)vn, (void)dir, (void)name, (void)len;
    return SHALE_EROFS;
}

int shale_unlink(struct shale_vnode *dir, const char *name, size_t len)
{
    (void)dir, (void)name, (void)len;
    return SHALE_EROFS;
}

int shale_rmdir(struct shale_vnode *dir, const char *name, size_t len)
{
    (void)dir, (void)name, (void)len;
    return SHALE_EROFS;
}

int shale_rename(struct shale_vnode *from, const char *name, size_t len,
                 struct shale_vnode *to, const char *to_name, size_t to_len,
                 unsigned flags)
{
    (void)from, (void)name, (void)len, (void)to, (void)to_name, (void)to_len;
    (void)flags;
    return SHALE_EROFS;
}

int shale_rename_leaving(struct shale_vnode *from, const char *name,
                         size_t len, struct shale_vnode *to,
                         const char *to_name, size_t to_len, unsigned flags,
                         const struct shale_node *left)
{
    (void)left;
    return shale_rename(from, name, len, to, to_name, to_len, flags);
}

/* ---------------------------------------------------------- attributes */

int shale_setattr(struct shale_vnode *vn, const struct shale_setattr *what)
{
    (void)vn, (void)what;
    return SHALE_EROFS;
}

int shale_setxattr(struct shale_vnode *vn, const char *name, const void *value,
                   size_t size, unsigned flags)
{
    (void)vn, (void)name, (void)value, (void)size, (void)flags;
    return SHALE_EROFS;
}

int shale_removexattr(struct shale_vnode *vn, const char *name)
{
    (void)vn, (void)name;
    return SHALE_EROFS;
}

int shale_set_label(struct shale_fs *fs, const char *label)
{
    (void)fs, (void)label;
    return SHALE_EROFS;
}

/* ---------------------------------------------------------------- data */

int64_t shale_writev(struct shale_vnode *file, const struct shale_iovec *iov,
                     size_t count, uint64_t offset)
{
    (void)file, (void)iov, (void)count, (void)offset;
    return SHALE_EROFS;
}

int64_t shale_write(struct shale_vnode *file, const void *buf, size_t len,
                    uint64_t offset)
{
    (void)file, (void)buf, (void)len, (void)offset;
    return SHALE_EROFS;
}

int64_t shale_append(struct shale_vnode *file, const void *buf, size_t len,
                     uint64_t *offset)
{
    (void)file, (void)buf, (void)len, (void)offset;
    return SHALE_EROFS;
}

int shale_truncate(struct shale_vnode *file, uint64_t size)
{
    (void)file, (void)size;
    return SHALE_EROFS;
}

int shale_allocate(struct shale_vnode *file, uint64_t offset, uint64_t len,
                   unsigned flags)
{
    (void)file, (void)offset, (void)len, (void)flags;
    return SHALE_EROFS;
}

int64_t shale_copy_range(struct shale_vnode *from, uint64_t from_offset,
                         struct shale_vnode *to, uint64_t to_offset,
                         uint64_t len)
{
    (void)from, (void)from_offset, (void)to, (void)to_offset, (void)len;
    return SHALE_EROFS;
}
