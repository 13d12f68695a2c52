/*
 * super_write.c - what the superblock says of the volume's use
 *
 * While a volume is in use by us its superblock does not say that it is valid,
 * so that e2fsck looks at all of it after a power cut: at worst some space is
 * lost. What it said when it was mounted comes back when all is written, and
 * with it what only then is right: the counts of what is free.
 *
 * Copies of the superblock are left alone, as by Linux; e2fsck takes from one
 * what does not change, if it has to.
 */
#include "memfn.h"
#include "write.h"

int ext2_super_change(struct ext2_volume *vol, struct shale_buf **out,
                      struct ext2_disk_super **raw)
{
    struct shale_buf *buf;
    int err = shale_buf_get(vol->fs->cache, vol->super_block, &buf);

    if (err)
        return err;
    err = shale_tx_change(vol->fs->tx, buf, SHALE_RANK_MAP);
    if (err) {
        shale_buf_put(buf);
        return err;
    }
    *raw = (struct ext2_disk_super *)
        (buf->data + (vol->super.at & (vol->super.block_size - 1)));
    *out = buf;
    return 0;
}

/* ----------------------------------------------------- single statements */

/*
 * Features belong to revision 1, which says what all volumes of revision 0 have
 * in common: e2fsck makes it that if it finds one that has a feature.
 */
static void revision_store(struct ext2_super *super,
                           struct ext2_disk_super *raw)
{
    if (super->rev_level != EXT2_GOOD_OLD_REV)
        return;
    super->rev_level = EXT2_DYNAMIC_REV;
    raw->rev_level = le32_make(super->rev_level);
    raw->first_ino = le32_make(super->first_ino);
    raw->inode_size = le16_make((uint16_t)super->inode_size);
}

int ext2_super_set_feature(struct ext2_volume *vol, enum ext2_feature_set set,
                           uint32_t bit)
{
    struct ext2_disk_super *raw;
    struct shale_buf *buf;
    uint32_t *known = set == EXT2_COMPAT ? &vol->super.compat :
                      set == EXT2_INCOMPAT ? &vol->super.incompat
                                           : &vol->super.ro_compat;
    le32 *field;
    int err;

    if (*known & bit)
        return 0;
    err = shale_tx_save(vol->fs->tx, known, sizeof *known);
    if (!err)
        err = shale_tx_save(vol->fs->tx, &vol->super.rev_level,
                            sizeof vol->super.rev_level);
    if (!err)
        err = ext2_super_change(vol, &buf, &raw);
    if (err)
        return err;
    field = set == EXT2_COMPAT ? &raw->compat :
            set == EXT2_INCOMPAT ? &raw->incompat : &raw->ro_compat;
    *field = le32_make(le32_get(*field) | bit);
    *known |= bit;
    revision_store(&vol->super, raw);
    shale_buf_put(buf);
    return 0;
}

uint32_t ext2_last_orphan(const struct ext2_volume *vol)
{
    return vol->super.last_orphan;
}

int ext2_last_orphan_set(struct ext2_volume *vol, uint32_t ino)
{
    struct ext2_disk_super *raw;
    struct shale_buf *buf;
    int err = shale_tx_save(vol->fs->tx, &vol->super.last_orphan,
                            sizeof vol->super.last_orphan);

    if (!err)
        err = ext2_super_change(vol, &buf, &raw);
    if (err)
        return err;
    vol->super.last_orphan = ino;
    raw->last_orphan = le32_make(ino);
    shale_buf_put(buf);
    return 0;
}

int ext2_set_label(struct shale_fs *fs, const char *label, size_t len)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    struct ext2_disk_super *raw;
    struct shale_buf *buf;
    int err;

    if (len > sizeof raw->label)
        return SHALE_ENAMETOOLONG;
    for (size_t i = 0; i < len; i++)
        if (label[i] == '\0' || label[i] == '\n')
            return SHALE_EINVAL;
    err = shale_tx_save(fs->tx, vol->super.label, sizeof vol->super.label);
    if (!err)
        err = ext2_super_change(vol, &buf, &raw);
    if (err)
        return err;
    memset(vol->super.label, 0, sizeof vol->super.label);
    memcpy(vol->super.label, label, len);
    memcpy(raw->label, vol->super.label, sizeof raw->label);
    shale_buf_put(buf);
    return 0;
}

/* ------------------------------------------------------------------- marks */

/* Where the option says that the volume is mounted; "" if it does not. */
static void last_mounted_store(struct ext2_volume *vol,
                               struct ext2_disk_super *raw)
{
    const char *path;
    size_t len;

    if (!shale_option_text(vol->fs, "last_mounted", &path, &len))
        return;
    if (len > sizeof raw->last_mounted)
        len = sizeof raw->last_mounted;
    memset(raw->last_mounted, 0, sizeof raw->last_mounted);
    memcpy(raw->last_mounted, path, len);
}

/* The volume is in use. */
static int use_store(struct ext2_volume *vol, struct ext2_disk_super *raw,
                     struct shale_time now)
{
    int err;

    raw->state = le16_make((uint16_t)(vol->super.state &
                                      ~EXT2_STATE_VALID));
    if (vol->marked)
        return 0;
    err = shale_tx_save(vol->fs->tx, &vol->marked, sizeof vol->marked);
    if (err)
        return err;
    vol->marked = true;
    raw->mount_count = le16_make((uint16_t)(le16_get(raw->mount_count) + 1));
    raw->mtime = le32_make((uint32_t)now.sec);
    raw->mtime_high = (uint8_t)(now.sec >> 32);
    last_mounted_store(vol, raw);
    return 0;
}

/* The volume is as it was found, all being written. */
static int clean_store(struct ext2_volume *vol, struct shale_buf *buf,
                       struct ext2_disk_super *raw)
{
    size_t offset = (size_t)(vol->super.at & (vol->super.block_size - 1));
    bool own = ext2_journal_own_blocks(vol) > 0;
    int err = ext2_journal_end(vol, raw);

    /* It says so after all else, if this is not all there is. */
    if (!err && own)
        err = shale_tx_change_late(vol->fs->tx, buf,
                                   offset + offsetof(struct ext2_disk_super,
                                                     state),
                                   sizeof raw->state, SHALE_RANK_MAP);
    if (!err)
        err = ext2_space_count(vol);
    if (err)
        return err;
    raw->free_blocks = le32_make((uint32_t)vol->space->sums.free_blocks);
    raw->free_inodes = le32_make((uint32_t)vol->space->sums.free_inodes);
    if (own)
        err = ext2_journal_disown(vol, buf);
    raw->state = le16_make(vol->super.state);
    return err;
}

int ext2_mark(struct shale_fs *fs, bool clean)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    struct shale_time now = shale_now(fs);
    struct ext2_disk_super *raw;
    struct shale_buf *buf;
    int err = ext2_super_change(vol, &buf, &raw);

    if (err)
        return err;
    err = ext2_errors_store(vol, raw);
    if (!err && clean)
        err = clean_store(vol, buf, raw);
    if (!err && !clean)
        err = use_store(vol, raw, now);
    if (!err && !clean)
        err = ext2_journal_begin(vol, buf, raw);
    raw->wtime = le32_make((uint32_t)now.sec);
    raw->wtime_high = (uint8_t)(now.sec >> 32);
    shale_buf_put(buf);
    return err;
}
