/*
 * file_write.c - files that get longer, shorter, and go
 *
 * A file has no blocks past its size but the rest of its last one: e2fsck would
 * make it longer. And that rest is zeros, for the kernel and others take it for
 * what follows when the file gets longer again. So a file that is cut within a
 * block gets a copy of that block, zeros behind the cut: should the power fail,
 * the file is what it was, or what it was to be. Where there is no room for a
 * copy, the block is changed in its place, when nothing else can fail.
 */
#include "dir.h"
#include "memfn.h"
#include "shale/bdev.h"
#include "write.h"

/* A file this large needs large_file. */
#define LARGE_FILE (UINT64_C(1) << 31)

static uint64_t blocks_of(const struct ext2_volume *vol, uint64_t bytes)
{
    return (bytes + vol->super.block_size - 1) >> vol->super.block_shift;
}

/* -------------------------------------------------------------- growing */

int ext2_allocate(struct shale_vnode *base, uint64_t offset, uint64_t len,
                  struct shale_extent *out)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    struct ext2_volume *vol = ext2_volume_of(base->fs);
    uint32_t shift = vol->super.block_shift;
    uint64_t index = offset >> shift, count;
    struct ext2_run run;
    int err = ext2_may_add(vn);

    if (err)
        return err;
    if (offset >= base->fs->file_max || len > base->fs->file_max - offset)
        return SHALE_EFBIG;
    count = blocks_of(vol, offset + len) - index;
    err = ext2_map(vn, index, count, &run);
    if (err)
        return err;
    out->kind = SHALE_EXTENT_DATA;
    if (run.block == 0) {
        if (count > run.count)
            count = run.count;
        out->kind = SHALE_EXTENT_UNWRITTEN;
        err = ext2_vnode_note(vn);
        if (!err)
            err = ext2_map_grow(vn, index, count < UINT32_MAX
                                               ? (uint32_t)count : UINT32_MAX,
                                &run);
        if (!err)
            err = ext2_vnode_store(vn);
        if (err)
            return err;
    }
    out->offset = index << shift;
    out->length = run.count << shift;
    out->device = ext2_block_at(vol, run.block);
    return 0;
}

/*
 * BUF is a block that VN has got at its end, announced. Of a directory it is
 * one record that nobody uses, on the device, too, if that leads to it at once:
 * a file that is being made has no life before all else of it is there.
 */
static int block_begin(struct ext2_vnode *vn, struct shale_buf *buf)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);

    if ((vn->inode.mode & SHALE_S_IFMT) != SHALE_S_IFDIR)
        return 0;
    ext2_dirent_set_length(buf->data, vol->super.block_size);
    return vn->fresh ? 0 : ext2_fresh_write(vol, buf);
}

int ext2_append_block(struct ext2_vnode *vn, struct shale_buf **out,
                      uint32_t *index)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_inode *inode = &vn->inode;
    bool is_dir = (inode->mode & SHALE_S_IFMT) == SHALE_S_IFDIR;
    uint64_t next = is_dir ? blocks_of(vol, inode->size) : 0;
    struct shale_buf *buf;
    struct ext2_run run;
    int err;

    if (is_dir && next >= (LARGE_FILE >> vol->super.block_shift))
        return SHALE_EFBIG;
    err = ext2_vnode_note(vn);
    if (!err)
        err = ext2_map_grow(vn, next, 1, &run);
    if (err)
        return err;
    err = shale_buf_get_new(vol->fs->cache, run.block, &buf);
    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf,
                          is_dir ? SHALE_RANK_NAME : SHALE_RANK_NODE);
    if (!err)
        err = block_begin(vn, buf);
    if (is_dir)
        inode->size = (next + 1) << vol->super.block_shift;
    if (!err)
        err = ext2_vnode_store(vn);
    if (err) {
        shale_buf_put(buf);
        return err;
    }
    *out = buf;
    *index = (uint32_t)next;
    return 0;
}

/* ------------------------------------------------------------- shrinking */

/* What is left of a block that a file is cut in. */
struct tail {
    uint64_t index;             /* number of the block in the file */
    uint32_t block;             /* where it is */
    size_t keep;                /* bytes of it that stay */
    uint8_t *bytes;             /* all of it, zeros behind; NULL: there is
                                   nothing to be done */
};

static bool all_zeros(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* VN is going to end at byte SIZE: what is behind that in its block? */
static int tail_read(struct ext2_vnode *vn, uint64_t size, struct tail *tail)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    size_t block_size = vol->super.block_size;
    struct shale_fs *fs = vol->fs;
    struct ext2_run run;
    uint8_t *bytes;
    int err;

    *tail = (struct tail){
        .index = size >> vol->super.block_shift,
        .keep = (size_t)size & (block_size - 1),
    };
    if (tail->keep == 0)
        return 0;
    err = ext2_map(vn, tail->index, 1, &run);
    if (err || run.block == 0)
        return err;
    tail->block = run.block;
    bytes = shale_alloc(fs->mem, block_size);
    if (!bytes)
        return SHALE_ENOMEM;
    err = shale_bdev_read_bytes(fs->dev, fs->mem,
                                ext2_block_at(vol, tail->block), bytes,
                                block_size);
    if (err || all_zeros(bytes + tail->keep, block_size - tail->keep)) {
        shale_free(fs->mem, bytes, block_size);
        return err;
    }
    memset(bytes + tail->keep, 0, block_size - tail->keep);
    tail->bytes = bytes;
    return 0;
}

static void tail_free(struct ext2_vnode *vn, struct tail *tail)
{
    const struct ext2_volume *vol = ext2_volume_of(vn->base.fs);

    if (tail->bytes)
        shale_free(vol->fs->mem, tail->bytes, vol->super.block_size);
    tail->bytes = NULL;
}

/* Write TAIL to BLOCK. */
static int tail_write(struct ext2_vnode *vn, const struct tail *tail,
                      uint32_t block)
{
    const struct ext2_volume *vol = ext2_volume_of(vn->base.fs);

    return shale_bdev_write_bytes(vol->fs->dev, vol->fs->mem,
                                  ext2_block_at(vol, block), tail->bytes,
                                  vol->super.block_size);
}

/*
 * Put a copy of TAIL in its place. Without room for one all stays as it is, and
 * it is to be written where it is when nothing else can fail; unless there is
 * going to be room, which is SHALE_ENOSPC.
 */
static int tail_copy(struct ext2_vnode *vn, struct tail *tail)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_run copy, old = { tail->block, 1 };
    int err;

    if (!tail->bytes)
        return 0;
    err = ext2_block_take(vol, tail->block, 1, &copy);
    if (err == SHALE_ENOSPC && !shale_tx_frees_pending(vol->fs->tx))
        return 0;
    if (!err)
        err = tail_write(vn, tail, copy.block);
    if (!err)
        err = ext2_map_replace(vn, tail->index, copy.block);
    if (!err)
        err = ext2_block_free(vol, old);
    tail_free(vn, tail);
    return err;
}

/* The noted VN becomes SIZE bytes long, and its blocks and TAIL follow. */
static int size_change(struct ext2_vnode *vn, uint64_t size, struct tail *tail)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    bool shorter = size < vn->inode.size;
    int err = shorter ? tail_read(vn, size, tail) : 0;

    if (!err && shorter)
        err = tail_copy(vn, tail);
    if (!err && shorter)
        err = ext2_map_free(vn, blocks_of(vol, size), UINT64_MAX);
    if (!err && size >= LARGE_FILE)
        err = ext2_super_set_feature(vol, EXT2_RO_COMPAT,
                                     EXT2_RO_COMPAT_LARGE_FILE);
    if (err)
        return err;
    vn->inode.size = size;
    ext2_vnode_touch(vn, EXT2_MTIME | EXT2_CTIME);
    err = ext2_vnode_store(vn);

    /* This is not undone, and comes last. */
    return err || !tail->bytes ? err : tail_write(vn, tail, tail->block);
}

int ext2_resize(struct shale_vnode *base, uint64_t size)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    bool shorter = size < vn->inode.size;
    struct tail tail = { .bytes = NULL };
    int err = shorter ? ext2_may_change(vn) : ext2_may_add(vn);

    if (err)
        return err;
    if (size > base->fs->file_max && !shorter)
        return SHALE_EFBIG;
    err = ext2_vnode_note(vn);
    if (err)
        return err;
    if (shorter)
        ext2_block_release(ext2_volume_of(base->fs), (uint32_t)base->ino);
    err = size_change(vn, size, &tail);
    tail_free(vn, &tail);
    return err;
}

int ext2_punch(struct shale_vnode *base, uint64_t offset, uint64_t len)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    struct ext2_volume *vol = ext2_volume_of(base->fs);
    uint64_t first = blocks_of(vol, offset);
    uint64_t end = (offset + len) >> vol->super.block_shift;
    int err = ext2_may_change(vn);

    if (err)
        return err;
    err = ext2_vnode_note(vn);
    if (!err && first < end)
        err = ext2_map_free(vn, first, end);
    if (err)
        return err;
    ext2_vnode_touch(vn, EXT2_MTIME | EXT2_CTIME);
    return ext2_vnode_store(vn);
}

/* Does VN have a map of blocks? */
static bool has_map(const struct ext2_vnode *vn)
{
    switch (vn->base.type) {
    case SHALE_TYPE_FILE:
    case SHALE_TYPE_DIR:
        return true;
    case SHALE_TYPE_SYMLINK:
        return !ext2_inode_fast_symlink(ext2_volume_of(vn->base.fs),
                                        &vn->inode);
    default:
        return false;
    }
}

int ext2_release(struct shale_vnode *base)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    struct ext2_volume *vol = ext2_volume_of(base->fs);
    uint32_t ino = (uint32_t)base->ino;
    int err;

    /* Its name may lead to it until the batch is on the device. */
    if (!ext2_batch_is_whole(vol) &&
        vn->replaced_in == shale_tx_batch(vol->fs->tx))
        return SHALE_EAGAIN;
    err = ext2_vnode_note(vn);
    ext2_block_release(vol, ino);

    /* What is behind the damage of a map is lost; the rest is free. */
    if (!err && has_map(vn))
        err = ext2_map_free(vn, 0, UINT64_MAX);
    if (!err || err == SHALE_ECORRUPT)
        err = ext2_xattr_release(vn);
    if (!err || err == SHALE_ECORRUPT)
        err = ext2_orphan_remove(vn);
    if (!err || err == SHALE_ECORRUPT)
        err = ext2_unpark(vn);
    if (!err || err == SHALE_ECORRUPT)
        err = ext2_inode_clear(vn);
    if (!err)
        err = ext2_inode_free(vol, ino, base->type == SHALE_TYPE_DIR);
    return err;
}
