/*
 * xattr_write.c - setting and removing extended attributes
 *
 * A place, the inode's body or the block, is never edited: it is written anew,
 * whole, in memory, with its entries in the old order (the new one where the
 * block's order wants it) and the values packed against the end.
 *
 *     | entry entry entry 0 0 0 0       free        value value value |
 *       -> entry                                        value <-
 *
 * If that fits, it takes the place of what was there; an attribute goes to the
 * body if it fits, else to the block, and leaves the other place if it was
 * there. So what an image's author did to the offsets in it does no harm.
 *
 * Files may share a block. One that is shared is not changed: it loses a
 * reference, and the file gets another. That is the block which was written
 * last if it is the same: a tree of files with one inherited ACL shares one.
 */
#include "memfn.h"
#include "shale/mem.h"
#include "write.h"
#include "xattr.h"

/* What is to become of an attribute. */
struct edit {
    struct ext2_xattr_name name;
    const uint8_t *value;       /* NULL: it goes */
    uint32_t size;              /* bytes */
};

/* A place being written anew. */
struct image {
    uint8_t *bytes;             /* what the offsets of values refer to */
    uint32_t size;
    uint32_t entry;             /* where the next entry goes */
    uint32_t value;             /* where the last value begins */
    uint32_t count;             /* entries */
    bool hashed;                /* a block's entries have hashes */
    bool found;                 /* the attribute was there before */
};

static uint32_t padded(size_t len)
{
    return ((uint32_t)len + 3) & ~3u;
}

/* ---------------------------------------------------------------- hashes */

/* "Attribute Block Entry Hash": of the name, then of the padded value. */
static uint32_t entry_hash(const uint8_t *name, size_t len,
                           const uint8_t *value, uint32_t size)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++)
        hash = (hash << 5 | hash >> 27) ^ name[i];
    for (uint32_t i = 0; i < size; i += 4)
        hash = (hash << 16 | hash >> 16) ^ le32_get(*(const le32 *)(value + i));
    return hash;
}

/* ... of the whole block: 0, which is nobody's, if an entry has none. */
static uint32_t block_hash(const struct image *image)
{
    uint32_t at = sizeof(struct ext2_disk_xattr_header), hash = 0;

    for (uint32_t i = 0; i < image->count; i++) {
        const struct ext2_disk_xattr_entry *raw =
            (const struct ext2_disk_xattr_entry *)(image->bytes + at);

        if (le32_get(raw->hash) == 0)
            return 0;
        hash = (hash << 16 | hash >> 16) ^ le32_get(raw->hash);
        at += (uint32_t)sizeof *raw + padded(raw->name_len);
    }
    return hash;
}

/* ----------------------------------------------------------------- image */

/* Add an entry whose value will be VALUE. NULL if there is no room. */
static struct ext2_disk_xattr_entry *image_add(struct image *image,
                                               const struct edit *what)
{
    size_t len = what->name.len;
    uint32_t room = image->value - image->entry;
    uint32_t need = (uint32_t)sizeof(struct ext2_disk_xattr_entry) +
                    padded(len) + padded(what->size);
    struct ext2_disk_xattr_entry *raw;

    /* Four zero bytes end the list. */
    if (room < need + sizeof(le32))
        return NULL;
    raw = (struct ext2_disk_xattr_entry *)(image->bytes + image->entry);
    raw->name_len = (uint8_t)len;
    raw->name_index = (uint8_t)what->name.index;
    raw->value_size = le32_make(what->size);
    memcpy(raw + 1, what->name.text, len);
    if (what->size > 0) {
        image->value -= padded(what->size);
        memcpy(image->bytes + image->value, what->value, what->size);
        raw->value_offset = le16_make((uint16_t)image->value);
    }
    if (image->hashed)
        raw->hash = le32_make(entry_hash(what->name.text, len,
                                         image->bytes + image->value,
                                         what->size));
    image->entry += need - padded(what->size);
    image->count++;
    return raw;
}

/* Add an attribute that is there now, and stays. */
static bool image_keep(struct image *image, const struct ext2_xattr *old)
{
    const struct edit what = {
        .name = { old->index, old->name, old->name_len },
        .value = old->value.at,
        .size = (uint32_t)old->value.left,
    };
    struct ext2_disk_xattr_entry *raw = image_add(image, &what);

    if (raw && old->elsewhere) {
        raw->value_inode = old->raw->value_inode;
        raw->value_size = old->raw->value_size;
        raw->hash = old->raw->hash;
    }
    return raw != NULL;
}

/* The order of a block: by prefix, then by length, then by text. */
static int name_compare(const struct ext2_xattr_name *a,
                        const struct ext2_xattr *b)
{
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    if (a->len != b->name_len)
        return a->len < b->name_len ? -1 : 1;
    return memcmp(a->text, b->name, a->len);
}

/*
 * Fill IMAGE with what LIST has and what EDIT makes of it. SHALE_ENOSPC if that
 * does not fit.
 */
static int image_fill(const struct ext2_vnode *vn, struct image *image,
                      struct ext2_xattr_list *list, const struct edit *edit)
{
    bool wanted = edit->value != NULL;
    struct ext2_xattr old;
    int more = 0;

    while (list->buf && (more = ext2_xattr_next(vn, list, &old)) > 0) {
        int order = name_compare(&edit->name, &old);

        if (order == 0 && old.elsewhere)
            return shale_refuse(vn->base.fs, "ext2: attribute's value is in an "
                                "inode of its own", "ea_inode", old.at);
        if (wanted && order <= 0) {
            if (!image_add(image, edit))
                return SHALE_ENOSPC;
            wanted = false;
        }
        if (order == 0)
            image->found = true;
        else if (!image_keep(image, &old))
            return SHALE_ENOSPC;
    }
    if (more < 0)
        return more;
    return wanted && !image_add(image, edit) ? SHALE_ENOSPC : 0;
}

/* ------------------------------------------------------------ the block */

/* VN has block BLOCK of attributes, or 0, instead of what it had. */
static void block_assign(struct ext2_vnode *vn, uint32_t block)
{
    uint32_t size = ext2_volume_of(vn->base.fs)->super.block_size;

    if (vn->inode.acl_block != 0 && vn->inode.allocated >= size)
        vn->inode.allocated -= size;
    if (block != 0)
        vn->inode.allocated += size;
    vn->inode.acl_block = block;
}

static struct ext2_disk_xattr_header *header_of(struct shale_buf *buf)
{
    return (struct ext2_disk_xattr_header *)buf->data;
}

/* BLOCK, or none, is what the next file may share. */
static int block_remember(struct ext2_volume *vol, uint32_t block)
{
    int err = shale_tx_save(vol->fs->tx, &vol->xattr_block,
                            sizeof vol->xattr_block);

    if (!err)
        vol->xattr_block = block;
    return err;
}

/* VN's block, pinned at BUF, has one file less; without one it is free. */
static int block_leave(struct ext2_vnode *vn, struct shale_buf *buf)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    const struct ext2_run run = { vn->inode.acl_block, 1 };
    uint32_t files = le32_get(header_of(buf)->refcount);
    int err = 0;

    if (files <= 1 && vol->xattr_block == run.block)
        err = block_remember(vol, 0);
    if (err)
        return err;
    if (files <= 1)
        return ext2_block_free(vol, run);
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err)
        header_of(buf)->refcount = le32_make(files - 1);
    return err;
}

/* Copy IMAGE to the block at BUF, whose only user is VN. */
static int block_write(struct ext2_vnode *vn, struct shale_buf *buf,
                       const struct image *image)
{
    struct ext2_disk_xattr_header *header = header_of(buf);
    int err = shale_tx_change(vn->base.fs->tx, buf, SHALE_RANK_NODE);

    if (err)
        return err;
    memcpy(buf->data, image->bytes, image->size);
    header->magic = le32_make(EXT2_XATTR_MAGIC);
    header->refcount = le32_make(1);
    header->blocks = le32_make(1);
    header->hash = le32_make(block_hash(image));
    return 0;
}

#define FILES_MAX 1024u         /* that share a block, as the kernel has it */

/*
 * Have VN share the block that was written last, if IMAGE is in it. Returns 1
 * if so, 0, or an error.
 */
static int block_share(struct ext2_vnode *vn, const struct image *image)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    const size_t start = sizeof(struct ext2_disk_xattr_header);
    struct ext2_disk_xattr_header *header;
    struct shale_buf *buf;
    int done;

    if (vol->xattr_block == 0)
        return 0;
    done = shale_buf_get(vol->fs->cache, vol->xattr_block, &buf);
    if (done)
        return done;
    header = header_of(buf);
    if (le32_get(header->refcount) < FILES_MAX &&
        memcmp(buf->data + start, image->bytes + start,
               image->size - start) == 0) {
        done = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
        if (!done) {
            header->refcount = le32_make(le32_get(header->refcount) + 1);
            block_assign(vn, vol->xattr_block);
            done = 1;
        }
    }
    shale_buf_put(buf);
    return done;
}

/* Give VN a block with IMAGE in it, near its inode. */
static int block_make(struct ext2_vnode *vn, const struct image *image)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t group = (uint32_t)(vn->base.ino - 1) / vol->super.inodes_per_group;
    uint32_t goal = vol->super.first_block +
                    group * vol->super.blocks_per_group;
    struct ext2_run run;
    struct shale_buf *buf;
    int err = ext2_super_set_feature(vol, EXT2_COMPAT, EXT2_COMPAT_EXT_ATTR);

    if (!err)
        err = ext2_block_take(vol, goal, 1, &run);
    if (!err)
        err = shale_buf_get_new(vol->fs->cache, run.block, &buf);
    if (err)
        return err;
    err = block_write(vn, buf, image);
    shale_buf_put(buf);
    if (!err)
        err = block_remember(vol, run.block);
    if (!err)
        block_assign(vn, run.block);
    return err;
}

/* IMAGE is what VN's block, pinned at OLD or NULL, is to be. */
static int block_commit(struct ext2_vnode *vn, struct shale_buf *old,
                        const struct image *image)
{
    int done = 0;

    if (old && image->count > 0 && le32_get(header_of(old)->refcount) <= 1)
        return block_write(vn, old, image);
    if (old)
        done = block_leave(vn, old);
    if (done)
        return done;
    if (old)
        block_assign(vn, 0);
    if (image->count == 0)
        return 0;
    done = block_share(vn, image);
    if (done)
        return done < 0 ? done : 0;
    return block_make(vn, image);
}

/*
 * Apply EDIT to VN's block. Returns 1 if the attribute was there before, 0 if
 * not; SHALE_ENOSPC if it does not fit.
 */
static int block_edit(struct ext2_vnode *vn, const struct edit *edit)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct image image = {
        .size = vol->super.block_size,
        .entry = sizeof(struct ext2_disk_xattr_header),
        .value = vol->super.block_size,
        .hashed = true,
    };
    struct ext2_xattr_list list;
    int err = ext2_xattr_block(vn, &list);

    if (err || (!list.buf && !edit->value))
        return err;
    image.bytes = shale_zalloc(vol->fs->mem, image.size);
    if (!image.bytes)
        err = SHALE_ENOMEM;
    if (!err)
        err = image_fill(vn, &image, &list, edit);
    if (!err && (edit->value || image.found))
        err = block_commit(vn, list.buf, &image);
    shale_free(vol->fs->mem, image.bytes, image.size);
    shale_buf_put(list.buf);
    return err ? err : image.found;
}

/* -------------------------------------------------------------- the body */

/* IMAGE is what VN's inode is to have. */
static int body_commit(struct ext2_vnode *vn, const struct image *image)
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

/* As block_edit(), in VN's inode. */
static int body_edit(struct ext2_vnode *vn, const struct edit *edit)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t room = vol->super.inode_size - vn->inode.body;
    struct image image = { .size = room };
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
        err = image_fill(vn, &image, &list, edit);
    if (!err && (edit->value || image.found))
        err = body_commit(vn, &image);
    shale_free(vol->fs->mem, image.bytes, image.size);
    shale_buf_put(list.buf);
    return err ? err : image.found;
}

/* ----------------------------------------------------------- put, forget */

static int put_value(struct ext2_vnode *vn, const struct edit *edit)
{
    const struct edit gone = { .name = edit->name };
    int err = body_edit(vn, edit);

    if (err >= 0) {
        err = block_edit(vn, &gone);
    } else if (err == SHALE_ENOSPC) {
        err = block_edit(vn, edit);
        if (err >= 0)
            err = body_edit(vn, &gone);
    }
    return err < 0 ? err : 0;
}

static int remove_value(struct ext2_vnode *vn, const struct edit *edit)
{
    int in_body = body_edit(vn, edit), in_block;

    if (in_body < 0)
        return in_body;
    in_block = block_edit(vn, edit);
    if (in_block < 0)
        return in_block;
    return in_body || in_block ? 0 : SHALE_ENODATA;
}

int ext2_xattr_put(struct ext2_vnode *vn, const struct ext2_xattr_name *name,
                   const void *value, size_t size)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    const struct edit edit = {
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
        if (a.elsewhere || name_compare(name, &a) != 0)
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

int ext2_xattr_release(struct ext2_vnode *vn)
{
    struct ext2_xattr_list list;
    int err = ext2_vnode_note(vn);

    if (err)
        return err;
    /* What is no block of attributes is not the file's, and stays. */
    err = ext2_xattr_block(vn, &list);
    if (!err && list.buf)
        err = block_leave(vn, list.buf);
    shale_buf_put(list.buf);
    if (err && err != SHALE_ECORRUPT)
        return err;
    block_assign(vn, 0);
    return 0;
}
