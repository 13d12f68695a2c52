/*
 * xattr_write.c - setting and removing extended attributes
 *
 * An attribute goes to the inode's body if it fits (see xattr_image.c), else to
 * the block (xattr_block.c), and leaves the other place if it was there.
 */
#include "memfn.h"
#include "shale/mem.h"
#include "write.h"
#include "xattr.h"

/* -------------------------------------------------------------- the body */

/* IMAGE is what VN's inode is to have. */
static int body_commit(struct ext2_vnode *vn,
                       const struct ext2_xattr_image *image)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct shale_buf *buf;
    size_t offset;
    uint8_t *body;
    int err = ext2_inode_get(vol, vn->base.ino, &buf, &offset);

    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err) {
        body = buf->data + offset + vn->inode.body;
        *(le32 *)body = le32_make(image->count > 0 ? EXT2_XATTR_MAGIC : 0);
        memcpy(body + sizeof(le32), image->bytes, image->size);
    }
    shale_buf_put(buf);
    return err;
}

/* As ext2_xattr_block_edit(), in VN's inode. */
static int body_edit(struct ext2_vnode *vn, const struct ext2_xattr_edit *edit)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t room = vol->super.inode_size - vn->inode.body;
    struct ext2_xattr_image image = { .size = room };
    struct ext2_xattr_list list;
    int err;

    /* No room: also in one whose end nobody knows. */
    if (room < 2 * sizeof(le32))
        return edit->value ? SHALE_ENOSPC : 0;
    image.size -= (uint32_t)sizeof(le32);
    image.value = image.size;
    err = ext2_xattr_body(vn, &list);
    if (err || (!list.buf && !edit->value))
        return err;
    image.bytes = shale_zalloc(vol->fs->mem, image.size);
    if (!image.bytes)
        err = SHALE_ENOMEM;
    if (!err)
        err = ext2_xattr_fill(vn, &image, &list, edit);
    if (!err && (edit->value || image.found))
        err = body_commit(vn, &image);
    shale_free(vol->fs->mem, image.bytes, image.size);
    shale_buf_put(list.buf);
    return err ? err : image.found;
}

/* ----------------------------------------------------------- put, forget */

static int put_value(struct ext2_vnode *vn, const struct ext2_xattr_edit *edit)
{
    const struct ext2_xattr_edit gone = { .name = edit->name };
    int err = body_edit(vn, edit);

    if (err >= 0) {
        err = ext2_xattr_block_edit(vn, &gone);
    } else if (err == SHALE_ENOSPC) {
        err = ext2_xattr_block_edit(vn, edit);
        if (err >= 0)
            err = body_edit(vn, &gone);
    }
    return err < 0 ? err : 0;
}

static int remove_value(struct ext2_vnode *vn,
                        const struct ext2_xattr_edit *edit)
{
    int in_body = body_edit(vn, edit), in_block;

    if (in_body < 0)
        return in_body;
    in_block = ext2_xattr_block_edit(vn, edit);
    if (in_block < 0)
        return in_block;
    return in_body || in_block ? 0 : SHALE_ENODATA;
}

int ext2_xattr_put(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                   const void *value, size_t size)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    const struct ext2_xattr_edit edit = {
        .name = *name, .value = value, .size = (uint32_t)size,
    };
    int err;

    if (size > vol->super.block_size)
        return SHALE_ENOSPC;
    err = ext2_vnode_note(vn);
    if (!err && value && vn->inode.extra == 0)
        err = ext2_vnode_store(vn);     /* perhaps there is room for more */
    if (err)
        return err;
    return value ? put_value(vn, &edit) : remove_value(vn, &edit);
}

int ext2_xattr_forget(struct ext2_vnode *vn, const char *name)
{
    struct ext2_xattr_name parsed;
    int err = ext2_xattr_name(name, &parsed);

    if (!err)
        err = ext2_xattr_put(vn, &parsed, NULL, 0);
    return err == SHALE_ENODATA ? 0 : err;
}

/* ------------------------------------------------------------------ copy */

/* Copy the value of NAME from LIST. Returns 1 if it is there, 0, an error. */
static int copy_from(struct ext2_vnode *vn, struct ext2_xattr_list *list,
                     const struct ext2_xattr_name *name, uint8_t **out,
                     size_t *size)
{
    struct ext2_xattr a;
    int more = 0;

    while (list->buf && (more = ext2_xattr_next(vn, list, &a)) > 0) {
        if (a.elsewhere || ext2_xattr_compare(name, &a) != 0)
            continue;
        /* Nothing is a value too, and 0 bytes cannot be had. */
        *out = shale_alloc(vn->base.fs->mem, a.value.left + 1);
        if (!*out)
            return SHALE_ENOMEM;
        memcpy(*out, a.value.at, a.value.left);
        *size = a.value.left;
        return 1;
    }
    return more;
}

int ext2_xattr_copy(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                    uint8_t **out, size_t *size)
{
    struct ext2_xattr_list list;
    int found = ext2_xattr_body(vn, &list);

    if (!found)
        found = copy_from(vn, &list, name, out, size);
    shale_buf_put(list.buf);
    if (found)
        return found < 0 ? found : 0;
    found = ext2_xattr_block(vn, &list);
    if (!found)
        found = copy_from(vn, &list, name, out, size);
    shale_buf_put(list.buf);
    if (found)
        return found < 0 ? found : 0;
    return SHALE_ENODATA;
}

/* ----------------------------------------------------------- driver's ops */

/* What of NAME a file like VN may have. */
static int check_name(const struct ext2_vnode *vn,
                      const struct ext2_xattr_name *name)
{
    switch (name->index) {
    case EXT2_XATTR_ACL_ACCESS:
    case EXT2_XATTR_ACL_DEFAULT:
        return 0;
    case EXT2_XATTR_USER:
        /* As on Linux: of what has permissions to speak of. */
        if (vn->base.type != SHALE_TYPE_FILE && vn->base.type != SHALE_TYPE_DIR)
            return SHALE_EPERM;
        break;
    case EXT2_XATTR_TRUSTED:
    case EXT2_XATTR_SECURITY:
        break;
    default:
        return SHALE_ENOTSUP;
    }
    if (name->len == 0)
        return SHALE_EINVAL;
    return name->len > UINT8_MAX ? SHALE_ERANGE : 0;
}

int ext2_setxattr(struct shale_vnode *base, const char *full,
                  const void *value, size_t size)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    struct ext2_xattr_name name;
    int err = ext2_xattr_name(full, &name);

    if (!err)
        err = check_name(vn, &name);
    if (!err)
        err = ext2_may_change(vn);
    if (err)
        return err;
    if (name.index == EXT2_XATTR_ACL_ACCESS ||
        name.index == EXT2_XATTR_ACL_DEFAULT)
        err = ext2_acl_set(vn, &name, value, size);
    else
        err = ext2_xattr_put(vn, &name, value, size);
    if (err)
        return err;
    ext2_vnode_touch(vn, EXT2_CTIME);
    return ext2_vnode_store(vn);
}
