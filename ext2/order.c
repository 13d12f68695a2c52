/*
 * order.c - what keeps a volume sound whose batches are not whole
 *
 * Without a journal a batch is written by rank, and a power cut comes between
 * two steps or within one, where of several blocks any may be on the device,
 * and of one the first sectors. What that leaves is to be something that
 * e2fsck puts right without asking (-p): marks of what is in use and counts
 * that are too high, names of inodes without life, sizes that end before the
 * blocks do. So on such a volume
 *
 * (1) a block of pointers or of records that is new is on the device, empty,
 *     before the batch: whatever leads to it, and whenever, is right;
 * (2) a block of attributes is whole there before, and is not changed but for
 *     its count of files;
 * (3) a record is linked into its block, or gets its inode, a step after the
 *     rest of it, which may be in another sector; so in a batch in which that
 *     is done, a record that goes is not added to the slack of another;
 * (4) an inode lives from the last step on, so the directory that it is in has
 *     come in another batch; one whose place is taken by another keeps its life
 *     until then; one that is removed is dead before its name goes, and so is,
 *     a batch before, all that was in it;
 * (5) no record moves from block to block: an index gets no more nodes, and a
 *     directory that would need them is one without an index from then on.
 *
 * What takes a journal all the same: a directory that moves to another one, or
 * gets a name that is not in the sector of its old one, has two names for a
 * moment, and e2fsck asks which.
 */
#include "shale/bdev.h"
#include "write.h"

int ext2_batch_note(struct ext2_volume *vol, uint64_t *batch)
{
    int err;

    if (ext2_batch_is_whole(vol) || *batch == shale_tx_batch(vol->fs->tx))
        return 0;
    err = shale_tx_save(vol->fs->tx, batch, sizeof *batch);
    if (!err)
        *batch = shale_tx_batch(vol->fs->tx);
    return err;
}

bool ext2_batch_noted(const struct ext2_volume *vol, uint64_t batch)
{
    return !ext2_batch_is_whole(vol) && batch == shale_tx_batch(vol->fs->tx);
}

int ext2_new_dir_note(struct ext2_volume *vol, uint32_t ino)
{
    struct ext2_new_dirs *dirs = &vol->new_dirs;
    int err;

    if (ext2_batch_is_whole(vol))
        return 0;
    err = shale_tx_save(vol->fs->tx, dirs, sizeof *dirs);
    if (err)
        return err;
    if (dirs->batch != shale_tx_batch(vol->fs->tx))
        *dirs = (struct ext2_new_dirs){
            .batch = shale_tx_batch(vol->fs->tx),
        };
    if (dirs->count == sizeof dirs->ino / sizeof dirs->ino[0])
        return SHALE_EAGAIN;
    dirs->ino[dirs->count++] = ino;
    return 0;
}

bool ext2_new_dir_noted(const struct ext2_vnode *dir)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    const struct ext2_new_dirs *dirs = &vol->new_dirs;

    if (!ext2_batch_noted(vol, dirs->batch))
        return false;
    for (uint32_t i = 0; i < dirs->count; i++) {
        if (dirs->ino[i] == dir->base.ino)
            return true;
    }
    return false;
}

int ext2_fresh_write(struct ext2_volume *vol, const struct shale_buf *buf)
{
    if (ext2_batch_is_whole(vol))
        return 0;
    return shale_bdev_write(vol->fs->dev, ext2_block_at(vol, buf->block),
                            buf->data, vol->super.block_size);
}

int ext2_links_late(struct ext2_vnode *vn)
{
    const size_t first = offsetof(struct ext2_disk_inode, dtime);
    const size_t end = offsetof(struct ext2_disk_inode, links) + sizeof(le16);
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct shale_buf *buf;
    size_t offset;
    int err;

    if (ext2_batch_is_whole(vol))
        return 0;
    err = ext2_inode_get(vol, vn->base.ino, &buf, &offset);
    if (err)
        return err;
    err = shale_tx_change_late(vol->fs->tx, buf, offset + first, end - first,
                               SHALE_RANK_NODE);
    shale_buf_put(buf);
    return err;
}
