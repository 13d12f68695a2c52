/*
 * dir_record.c - changing the records of a block of a directory
 *
 * A record is made in the slack of another one, or in one that is not in use,
 * and goes by being added to the slack of the one before it. No other record
 * moves. So who lists the directory meanwhile, and comes back with the byte at
 * which he was, misses no name that is there all the time, and meets none
 * twice. (An index moves names, but only to higher bytes: see htree_leaf.c.)
 *
 * A block is walked from end to end, and each record checked, before any byte
 * of it is changed.
 */
#include "dir.h"
#include "memfn.h"
#include "write.h"

/* Bytes that a device writes all or not at all. */
#define SECTOR 512u

static const struct ext2_super *super_of(const struct ext2_vnode *dir)
{
    return &ext2_volume_of(dir->base.fs)->super;
}

int ext2_dir_change(const struct ext2_vnode *dir, struct shale_buf *buf)
{
    return shale_tx_change(dir->base.fs->tx, buf, SHALE_RANK_NAME);
}

void ext2_dirent_set_length(uint8_t *bytes, uint32_t rec_len)
{
    struct ext2_disk_dirent *raw = (struct ext2_disk_dirent *)bytes;

    /* The whole of a block of 64 KiB: see dir.c. */
    raw->rec_len = le16_make((uint16_t)(rec_len == 65536 ? 65535 : rec_len));
}

static uint8_t type_encode(const struct ext2_super *super,
                           enum shale_type type)
{
    static const uint8_t types[] = {
        [SHALE_TYPE_FILE] = 1, [SHALE_TYPE_DIR] = 2,  [SHALE_TYPE_CHAR] = 3,
        [SHALE_TYPE_BLOCK] = 4, [SHALE_TYPE_FIFO] = 5, [SHALE_TYPE_SOCKET] = 6,
        [SHALE_TYPE_SYMLINK] = 7,
    };

    if (!(super->incompat & EXT2_INCOMPAT_FILETYPE) || type >= sizeof types)
        return 0;
    return types[type];
}

/* RAW has room for NAME, and zeros up to the next record. */
static void name_encode(struct ext2_disk_dirent *raw, const char *name,
                        size_t len)
{
    uint8_t *to = (uint8_t *)(raw + 1);

    memcpy(to, name, len);
    memset(to + len, 0, ext2_dirent_need(len) - EXT2_DIRENT_HEAD - len);
}

void ext2_dirent_encode(const struct ext2_super *super, uint8_t *bytes,
                        uint32_t rec_len, const struct ext2_new_name *what)
{
    struct ext2_disk_dirent *raw = (struct ext2_disk_dirent *)bytes;

    raw->inode = le32_make(what->ino);
    ext2_dirent_set_length(bytes, rec_len);
    raw->name_len = (uint8_t)what->len;
    raw->file_type = type_encode(super, what->type);
    name_encode(raw, what->name, what->len);
}

/* Bytes of ENTRY that are taken; the rest is slack. */
static uint32_t record_taken(const struct ext2_dirent *entry)
{
    return entry->ino == 0 ? 0 : ext2_dirent_need(entry->name_len);
}

/* Where a record fits into a block. */
struct gap {
    uint32_t at;                /* the record whose slack it is */
    uint32_t taken;             /* bytes of that */
    uint32_t rec_len;
    uint32_t room;              /* bytes of the largest other gap */
};

/*
 * Find the first gap of NEED bytes in BUF. Returns 1, 0 or an error, and
 * stores the size of the largest gap besides it, unless that is an error.
 */
static int gap_find(const struct ext2_vnode *dir, const struct shale_buf *buf,
                    uint32_t need, struct gap *out)
{
    const struct ext2_super *super = super_of(dir);
    struct ext2_dirent entry = { .ino = 0 };
    int found = 0;

    *out = (struct gap){ .at = 0 };
    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, at, &entry);
        uint32_t taken, slack;

        if (wrong)
            return ext2_dir_bad_record(dir, buf, at, wrong);
        taken = record_taken(&entry);
        slack = entry.rec_len - taken;
        if (!found && slack >= need) {
            found = 1;
            out->at = at;
            out->taken = taken;
            out->rec_len = entry.rec_len;
            slack -= need;
        }
        if (slack > out->room)
            out->room = slack;
    }
    return found;
}

/*
 * BUF is about to get a record in GAP. What makes it one, the length of the
 * record before it or its inode, reaches the device when the rest is there.
 */
static int gap_change(const struct ext2_vnode *dir, struct shale_buf *buf,
                      const struct gap *gap)
{
    size_t link = gap->taken > 0 ? offsetof(struct ext2_disk_dirent, rec_len)
                                 : offsetof(struct ext2_disk_dirent, inode);
    size_t len = gap->taken > 0 ? sizeof(le16) : sizeof(le32);
    struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    int err = ext2_batch_note(vol, &vol->entered_in);

    if (!err && !ext2_batch_is_whole(vol))
        err = shale_tx_change_with(dir->base.fs->tx, buf, gap->at + link, len,
                                   SHALE_RANK_NAME, SHALE_STEP_WHOLE);
    return err ? err : ext2_dir_change(dir, buf);
}

int ext2_block_insert(struct ext2_vnode *dir, struct shale_buf *buf,
                      uint64_t index, const struct ext2_new_name *what,
                      uint32_t *room)
{
    struct gap gap;
    int found = gap_find(dir, buf, ext2_dirent_need(what->len), &gap), err;
    uint32_t at;

    if (found < 0)
        return found;
    *room = gap.room;
    if (!found)
        return 0;
    err = gap_change(dir, buf, &gap);
    if (err)
        return err;
    at = gap.at + gap.taken;
    ext2_dirent_encode(super_of(dir), buf->data + at, gap.rec_len - gap.taken,
                       what);
    if (gap.taken > 0)
        ext2_dirent_set_length(buf->data + gap.at, gap.taken);
    ext2_names_add(dir, what->name, what->len, index, at);
    return 1;
}

int ext2_block_remove(const struct ext2_vnode *dir,
                      const struct ext2_place *place, bool late,
                      uint32_t *room)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    const struct ext2_super *super = &vol->super;
    struct shale_buf *buf = place->buf;
    uint32_t at = place->at;
    struct ext2_dirent entry = { .ino = 0 }, before = entry, gone = entry;
    uint32_t before_at = 0, here;
    int err;

    for (here = 0; here < super->block_size; here += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, here, &entry);

        if (wrong)
            return ext2_dir_bad_record(dir, buf, here, wrong);
        if (here + entry.rec_len == at) {
            before = entry;
            before_at = here;
        }
        if (here == at)
            gone = entry;
    }
    err = late ? shale_tx_change_late(dir->base.fs->tx, buf, at, sizeof(le32),
                                      SHALE_RANK_NAME)
               : ext2_dir_change(dir, buf);
    if (err)
        return err;
    *room = gone.rec_len;
    ((struct ext2_disk_dirent *)(buf->data + at))->inode = le32_make(0);
    /* What is to reach the device in another step stays a record's head. */
    if (at > 0 && !late && !ext2_batch_noted(vol, vol->entered_in)) {
        ext2_dirent_set_length(buf->data + before_at,
                               before.rec_len + gone.rec_len);
        *room += before.rec_len - record_taken(&before);
    }
    return 0;
}

int ext2_block_replace(const struct ext2_vnode *dir,
                       const struct ext2_place *place, uint32_t ino,
                       enum shale_type type)
{
    struct ext2_disk_dirent *raw =
        (struct ext2_disk_dirent *)(place->buf->data + place->at);
    struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    int err = ext2_batch_note(vol, &vol->entered_in);

    if (!err)
        err = shale_tx_change_with(vol->fs->tx, place->buf, place->at,
                                   EXT2_DIRENT_HEAD, SHALE_RANK_NAME,
                                   SHALE_STEP_WHOLE);
    if (err)
        return err;
    raw->inode = le32_make(ino);
    raw->file_type = type_encode(super_of(dir), type);
    return 0;
}

/* Can the record at PLACE get a name of LEN bytes, in one sector? */
static bool renames_at_once(const struct ext2_vnode *dir,
                            const struct ext2_place *place, size_t len)
{
    const struct ext2_super *super = super_of(dir);
    uint32_t need = ext2_dirent_need(len);
    struct ext2_dirent entry;

    return !(dir->inode.flags & EXT2_INODE_INDEX) &&
           place->at / SECTOR == (place->at + need - 1) / SECTOR &&
           !ext2_dirent_decode(super, place->buf->data, place->at, &entry) &&
           need <= entry.rec_len;
}

int ext2_block_rename(const struct ext2_vnode *dir,
                      const struct ext2_place *place, const char *name,
                      size_t len)
{
    struct ext2_disk_dirent *raw =
        (struct ext2_disk_dirent *)(place->buf->data + place->at);
    int err;

    if (!renames_at_once(dir, place, len))
        return 0;
    err = ext2_dir_change(dir, place->buf);
    if (err)
        return err;
    raw->name_len = (uint8_t)len;
    name_encode(raw, name, len);
    return 1;
}
