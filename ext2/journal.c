/*
 * journal.c - how batches become whole: our use of a journal
 *
 * Some changes take several blocks that have to reach the device all or none: a
 * directory that moves, a name that takes another's place, an index that grows.
 * No order of writing makes them safe, so batches go through a journal, which
 * whoever finds the volume after a power cut replays: we, e2fsck or Linux.
 *
 * An ext3 volume has one. An ext2 volume gets one for as long as it is in use:
 * made when it is marked as in use, removed when it is marked as clean, known
 * by its UUID if it is still there at the next mount. If there is no room for
 * one, batches are written by rank, as tx.h says.
 *
 * Here is when it is used; log.c has how, own_journal.c how one comes and goes.
 */
#include "journal.h"
#include "memfn.h"

/* More free blocks than this, and ENOSPC was about something else. */
#define SHORT_OF_BLOCKS 64u

void ext2_journal_fini(struct ext2_volume *vol)
{
    struct ext2_journal *j = vol->journal;

    if (!j)
        return;
    ext2_log_free(j);
    ext2_ring_fini(&j->ring);
    shale_free(vol->fs->mem, j, sizeof *j);
    vol->journal = NULL;
}

int ext2_journal_alloc(struct ext2_volume *vol, struct ext2_journal **out)
{
    struct ext2_journal *j = shale_zalloc(vol->fs->mem, sizeof *j);
    int err;

    if (!j)
        return SHALE_ENOMEM;
    err = ext2_ring_init(vol, &j->ring);
    if (err)
        shale_free(vol->fs->mem, j, sizeof *j);
    else
        *out = j;
    return err;
}

/* Load VOL's journal, if it has one. */
static int journal_load(struct ext2_volume *vol)
{
    int err;

    if (!(vol->super.compat & EXT2_COMPAT_HAS_JOURNAL))
        return 0;
    err = ext2_journal_alloc(vol, &vol->journal);
    return err ? err : ext2_ring_load(&vol->journal->ring);
}

/*
 * Replay what is in the journal's log. All that is known of the volume may be
 * different then, the journal itself, too.
 */
static int replay(struct ext2_volume *vol)
{
    uint32_t shift = vol->super.block_shift, count = vol->super.block_count;
    uint32_t transactions;
    int err = ext2_replay(&vol->journal->ring, &transactions);

    if (err)
        return err;
    vol->fs->unfinished = true;         /* it still says that it needs that */
    if (transactions == 0)
        return 0;
    ext2_journal_fini(vol);
    shale_cache_shrink(vol->fs->cache, SIZE_MAX);
    err = ext2_super_load(vol->fs, &vol->super);
    if (err)
        return err;
    if (vol->super.block_shift != shift || vol->super.block_count != count)
        return shale_corrupt(vol->fs, "ext2: the journal made a volume of "
                             "another size", vol->super.at);
    if (vol->fs->read_only)
        return shale_fail(vol->fs, SHALE_ENOTSUP, "ext2: the journal made a "
                          "volume that cannot be written", NULL,
                          vol->super.at);
    return journal_load(vol);
}

int ext2_journal_init(struct ext2_volume *vol)
{
    struct ext2_journal *j;
    int err = journal_load(vol);

    if (!err && vol->journal && (vol->super.incompat & EXT2_INCOMPAT_RECOVER))
        err = replay(vol);
    if (err)
        ext2_journal_fini(vol);
    vol->super.incompat &= ~EXT2_INCOMPAT_RECOVER;
    j = vol->journal;
    if (err || !j)
        return err;
    if (be32_get(ext2_ring_super(&j->ring)->error) != 0)
        vol->super.state |= EXT2_STATE_ERRORS;
    j->temporary = vol->super.journal_ino == EXT2_JOURNAL_INO &&
                   j->ring.count >= JOURNAL_MIN_BLOCKS &&
                   ext2_own_known(ext2_ring_super(&j->ring));
    if (j->temporary)
        vol->fs->unfinished = true;
    j->head = j->ring.first;
    j->sequence = be32_get(ext2_ring_super(&j->ring)->sequence);
    return 0;
}

int ext2_journal_begin(struct ext2_volume *vol, struct shale_buf *buf,
                       struct ext2_disk_super *raw)
{
    uint32_t blocks;
    int err;

    if (vol->journal && vol->journal->active)
        return 0;
    if (vol->super.compat & EXT2_COMPAT_HAS_JOURNAL) {
        if (vol->journal->ring.count - vol->journal->ring.first <
            JOURNAL_MIN_BLOCKS - 1)
            return 0;
        raw->incompat = le32_make(vol->super.incompat | EXT2_INCOMPAT_RECOVER);
        return ext2_log_start(vol->journal);
    }
    if (vol->super.rev_level == EXT2_GOOD_OLD_REV)
        return 0;
    err = ext2_own_size(vol, &blocks);
    if (err || blocks == 0 || vol->no_room)
        return err;
    err = ext2_own_make(vol, buf, raw, blocks);
    vol->no_room = err == SHALE_ENOSPC;         /* the next try does without */
    return err;
}

int ext2_journal_end(struct ext2_volume *vol, struct ext2_disk_super *raw)
{
    struct ext2_journal *j = vol->journal;
    int err;

    if (!j)
        return 0;
    err = j->active ? shale_tx_make_void(vol->fs->tx) : 0;
    if (err)
        return shale_fs_write_failed(vol->fs, err);
    err = shale_tx_save(vol->fs->tx, j, sizeof *j);
    if (!err)
        err = shale_tx_save(vol->fs->tx, &vol->super, sizeof vol->super);
    if (err)
        return err;
    shale_tx_set_log(vol->fs->tx, NULL);
    j->active = false;
    raw->incompat = le32_make(vol->super.incompat);
    return j->temporary ? ext2_own_remove(j, raw) : 0;
}

int ext2_make_room(struct shale_fs *fs)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    struct ext2_disk_super *raw;
    struct shale_buf *buf;
    uint64_t left;
    int err;

    if (!vol->journal || !vol->journal->temporary)
        return SHALE_ENOENT;
    err = ext2_space_count(vol);
    if (err)
        return err;
    left = vol->space->sums.free_blocks;
    if (vol->space->keep_reserved)
        left -= left < vol->super.reserved_blocks ? left
                                                  : vol->super.reserved_blocks;
    if (left > SHORT_OF_BLOCKS)
        return SHALE_ENOENT;    /* it was not for want of blocks */
    err = ext2_orphans_unlist(vol);     /* the last that has to be whole */
    if (err != SHALE_ENOENT)
        return err;
    err = ext2_super_change(vol, &buf, &raw);
    if (err)
        return err;
    err = ext2_journal_end(vol, raw);
    if (!err)
        err = ext2_journal_disown(vol, buf);
    shale_buf_put(buf);
    return err;
}

void ext2_purge(struct shale_fs *fs)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    uint32_t blocks;

    if (vol->journal && vol->journal->active)
        return;
    if (!(vol->super.compat & EXT2_COMPAT_HAS_JOURNAL) &&
        vol->super.rev_level != EXT2_GOOD_OLD_REV && !vol->no_room &&
        ext2_own_size(vol, &blocks) == 0 && blocks > 0)
        fs->mark_again = true;
}
