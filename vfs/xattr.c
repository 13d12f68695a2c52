/*
 * xattr.c - extended attributes
 */
#include "assert.h"
#include "memfn.h"
#include "room.h"

int64_t shale_getxattr(struct shale_vnode *vn, const char *name, void *buf,
                       size_t size)
{
    struct shale_fs *fs = vn->fs;
    struct visit v;
    int64_t len;

    if (!fs->ops->getxattr)
        return SHALE_ENOTSUP;
    visit_shared(&v, fs);
    do
        len = fs->ops->getxattr(vn, name, buf, size);
    while (visit_again(&v, len));
    SHALE_ASSERT(len < 0 || size == 0 || (uint64_t)len <= size);
    return len;
}

/* Where listxattr puts names. */
struct name_list {
    char *buf;
    size_t size;                /* 0: only count */
    size_t len;                 /* bytes so far */
};

static int name_list_add(void *context, const char *name, size_t len)
{
    struct name_list *list = context;

    if (list->size > 0) {
        if (len >= list->size - list->len)
            return SHALE_ERANGE;
        memcpy(list->buf + list->len, name, len);
        list->buf[list->len + len] = '\0';
    }
    list->len += len + 1;
    return 0;
}

int64_t shale_listxattr(struct shale_vnode *vn, char *buf, size_t size)
{
    struct name_list list = { buf, size, 0 };
    struct shale_fs *fs = vn->fs;
    struct visit v;
    int err;

    if (!fs->ops->listxattr)
        return SHALE_ENOTSUP;
    visit_shared(&v, fs);
    do {
        list.len = 0;
        err = fs->ops->listxattr(vn, name_list_add, &list);
    } while (visit_again(&v, err));
    return err ? err : (int64_t)list.len;
}
