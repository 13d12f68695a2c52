/*
 * orphan.c - files without a name, which somebody still holds
 *
 * Their inodes are in a list on the volume, so that after a crash somebody
 * frees them: the superblock has the number of the last one that came, and each
 * has in i_dtime, which means nothing else before its end, the number of the
 * one before. ("Orphan" in "ext4 Data Structures and Algorithms")
 *
 *     s_last_orphan -> inode -> inode -> ... -> 0
 *
 * The vnodes of those that came since the mount are in the same order in a list
 * in memory, and each knows the number of the one that leads to it, so that
 * this can lead on when it goes. One that could not be freed is gone from
 * memory, but not from the volume's list, where it still leads to the next.
 *
 * Others put files there, too, which have names: those were being made shorter.
 *
 * A list that was cut in the middle of a change is more than e2fsck repairs
 * without asking. So nobody is listed unless batches are whole; without a
 * journal e2fsck finds what has no name, and frees it.
 */
#include "ext2.h"
#include "memfn.h"
#include "shale/shale.h"
#include "write.h"

/* So many are taken off the list at once: their inodes fit any log. */
#define UNLIST_MAX 128u

/* Pin the inode INO, a valid number. */
static int raw_get(struct ext2_volume *vol, uint64_t ino,
                   struct shale_buf **out, struct ext2_disk_inode **raw)
{
    size_t offset;
    int err = ext2_inode_get(vol, ino, out, &offset);

    if (!err)
        *raw = (struct ext2_disk_inode *)((*out)->data + offset);
    return err;
}

/* The one that came before INO is NEXT from now on. */
static int next_set(struct ext2_volume *vol, uint64_t ino, uint32_t next)
{
    struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    int err = raw_get(vol, ino, &buf, &raw);

    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err)
        raw->dtime = le32_make(next);
    shale_buf_put(buf);
    return err;
}

static int next_get(struct ext2_volume *vol, uint64_t ino, uint32_t *next)
{
    struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    int err = raw_get(vol, ino, &buf, &raw);

    if (err)
        return err;
    *next = le32_get(raw->dtime);
    shale_buf_put(buf);
    return 0;
}

/* ------------------------------------------------------ those in memory */

/* If the transaction is undone, so is a change of *POINTER. */
static int save(struct ext2_volume *vol, struct ext2_vnode **pointer)
{
    return shale_tx_save(vol->fs->tx, pointer, sizeof *pointer);
}

/* Tell the transaction of the pointers to VN, and of its own. */
static int list_note(struct ext2_volume *vol, struct ext2_vnode *vn,
                     struct ext2_vnode *prev, struct ext2_vnode *next)
{
    int err = save(vol, prev ? &prev->orphan_next : &vol->orphans);

    if (!err && next)
        err = save(vol, &next->orphan_prev);
    if (!err && next)
        err = shale_tx_save(vol->fs->tx, &next->orphan_before,
                            sizeof next->orphan_before);
    if (!err)
        err = save(vol, &vn->orphan_prev);
    if (!err)
        err = shale_tx_save(vol->fs->tx, &vn->orphan_before,
                            sizeof vn->orphan_before);
    if (!err)
        err = shale_tx_save(vol->fs->tx, &vn->orphan_listed,
                            sizeof vn->orphan_listed);
    return err ? err : save(vol, &vn->orphan_next);
}

static void list_unlink(struct ext2_volume *vol, struct ext2_vnode *vn)
{
    if (vn->orphan_prev)
        vn->orphan_prev->orphan_next = vn->orphan_next;
    else
        vol->orphans = vn->orphan_next;
    if (vn->orphan_next)
        vn->orphan_next->orphan_prev = vn->orphan_prev;
    vn->orphan_prev = vn->orphan_next = NULL;
    vn->orphan_listed = false;
}

int ext2_orphan_add(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_vnode *first = vol->orphans;
    int err;

    if (vn->orphan_listed)
        return 0;
    if (!ext2_batch_is_whole(vol))
        return next_set(vol, vn->base.ino, 0);
    err = next_set(vol, vn->base.ino, ext2_last_orphan(vol));
    if (!err)
        err = ext2_last_orphan_set(vol, (uint32_t)vn->base.ino);
    if (!err)
        err = list_note(vol, vn, NULL, first);
    if (err)
        return err;
    vn->orphan_next = first;
    vn->orphan_before = 0;
    vn->orphan_listed = true;
    if (first)
        first->orphan_prev = vn;
    if (first && first->orphan_before == 0)
        first->orphan_before = (uint32_t)vn->base.ino;
    vol->orphans = vn;
    return 0;
}

int ext2_orphan_remove(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_vnode *after = vn->orphan_next;
    uint32_t next;
    int err;

    if (!vn->orphan_listed)
        return 0;
    err = next_get(vol, vn->base.ino, &next);
    if (!err)
        err = vn->orphan_before ? next_set(vol, vn->orphan_before, next)
                                : ext2_last_orphan_set(vol, next);
    if (!err)
        err = next_set(vol, vn->base.ino, 0);
    if (!err)
        err = list_note(vol, vn, vn->orphan_prev, after);
    if (err)
        return err;
    if (after && after->orphan_before == vn->base.ino)
        after->orphan_before = vn->orphan_before;
    list_unlink(vol, vn);
    return 0;
}

void ext2_orphan_forget(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);

    if (vn->orphan_listed)
        list_unlink(vol, vn);
}

int ext2_orphans_unlist(struct ext2_volume *vol)
{
    int err = 0;

    if (!vol->orphans)
        return SHALE_ENOENT;
    for (unsigned n = 0; vol->orphans && n < UNLIST_MAX && !err; n++)
        err = ext2_orphan_remove(vol->orphans);
    return err;
}

/* --------------------------------------------------- those from earlier */

/* The list leads to INO, which cannot be: it ends here. */
static int list_cut(struct ext2_volume *vol, uint32_t ino)
{
    shale_corrupt_inode(vol->fs, "ext2: the list of orphans leads to an inode "
                        "that is none", SHALE_NOWHERE, ino);
    return ext2_last_orphan_set(vol, 0);
}

/* Free VN, which has no name. */
static int orphan_free(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    int err = ext2_release(&vn->base);

    /* Should the list lead here again, it leads to no file any more. */
    if (!err)
        err = raw_get(vol, vn->base.ino, &buf, &raw);
    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_NODE);
    if (!err)
        raw->mode = le16_make(0);
    shale_buf_put(buf);
    return err;
}

/* VN, which has a name, was being made as short as it says. */
static int orphan_trim(struct ext2_vnode *vn)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    uint64_t size = vn->inode.size, mask = vol->super.block_size - 1;
    int err = next_set(vol, vn->base.ino, 0);

    if (!err && vn->base.type == SHALE_TYPE_FILE)
        err = ext2_map_free(vn, (size + mask) >> vol->super.block_shift,
                            vol->max_size >> vol->super.block_shift);
    return err ? err : ext2_vnode_store(vn);
}

int ext2_recover(struct shale_fs *fs)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    uint32_t ino = ext2_last_orphan(vol), next;
    struct ext2_vnode vn = {
        .base = { .fs = fs, .ino = ino }, .fresh = true,
    };
    int err;

    if (ino == 0)
        return SHALE_ENOENT;
    err = ext2_inode_load_any(vol, ino, &vn.inode);
    if (err == SHALE_ESTALE || err == SHALE_ECORRUPT)
        return list_cut(vol, ino);
    if (!err)
        err = next_get(vol, ino, &next);
    if (!err)
        err = ext2_last_orphan_set(vol, next);
    if (err)
        return err;
    vn.base.type = shale_type_of_mode(vn.inode.mode);
    vn.base.size = vn.inode.size;
    vn.base.links = vn.inode.links;
    return vn.inode.links == 0 ? orphan_free(&vn) : orphan_trim(&vn);
}
