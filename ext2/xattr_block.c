/*
 * xattr_block.c - the block of extended attributes, which files may share
 *
 * A block that is shared is not changed: it loses a reference, and the file
 * gets another. That is the block which was written last if it is the same: a
 * tree of files with one inherited ACL shares one.
 */
#include "memfn.h"
#include "shale/mem.h"
#include "write.h"
#include "xattr.h"

#define FILES_MAX 1024u         /* that share a block, as the kernel has it */

/* ... of the whole block: 0, which is nobody's, if an entry has none. */
static uint32_t block_hash(const struct ext2_xattr_image *image)
{
    uint32_t at = sizeof(struct ext2_disk_xattr_header), hash = 0;

    for (uint32_t i = 0; i < image->count; i++) {
        const struct ext2_disk_xattr_entry *raw =
            (const struct ext2_disk_xattr_entry *)(image->bytes + at);

        if (le32_get(raw->hash) == 0)
            return 0;
        hash = (hash << 16 | hash >> 16) ^ le32_get(raw->hash);
        at += (uint32_t)sizeof *raw + ext2_xattr_padded(raw->name_len);
    }
    return hash;
}

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
                       const struct ext2_xattr_image *image)
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

/*
 * Have VN share the block that was written last, if IMAGE is in it. Returns 1
 * if so, 0, or an error.
 */
static int block_share(struct ext2_vnode *vn,
                       const struct ext2_xattr_image *image)
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
static int block_make(struct ext2_vnode *vn,
                      const struct ext2_xattr_image *image)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint32_t group = ext2_group_of_ino(&vol->super, vn->base.ino);
    uint32_t goal = ext2_group_first(&vol->super, group);
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
    if (!err)
        err = ext2_fresh_write(vol, buf);
    shale_buf_put(buf);
    if (!err)
        err = block_remember(vol, run.block);
    if (!err)
        block_assign(vn, run.block);
    return err;
}

/*
 * IMAGE is what VN's block, pinned at OLD, is to be, which has no other users:
 * in its place if that is done whole or not at all, or if there is no other.
 */
static int block_renew(struct ext2_vnode *vn, struct shale_buf *old,
                       const struct ext2_xattr_image *image)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    const struct ext2_run run = { vn->inode.acl_block, 1 };
    bool more = shale_tx_frees_pending(vol->fs->tx);
    int err;

    if (ext2_batch_is_whole(vol))
        return block_write(vn, old, image);
    err = block_make(vn, image);
    if (err == SHALE_ENOSPC && !more)
        return block_write(vn, old, image);
    return err ? err : ext2_block_free(vol, run);
}

/* IMAGE is what VN's block, pinned at OLD or NULL, is to be. */
static int block_commit(struct ext2_vnode *vn, struct shale_buf *old,
                        const struct ext2_xattr_image *image)
{
    int done = 0;

    if (old && image->count > 0 && le32_get(header_of(old)->refcount) <= 1)
        return block_renew(vn, old, image);
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

int ext2_xattr_block_edit(struct ext2_vnode *vn,
                          const struct ext2_xattr_edit *edit)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_xattr_image image = {
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
        err = ext2_xattr_fill(vn, &image, &list, edit);
    if (!err && (edit->value || image.found))
        err = block_commit(vn, list.buf, &image);
    shale_free(vol->fs->mem, image.bytes, image.size);
    shale_buf_put(list.buf);
    return err ? err : image.found;
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
