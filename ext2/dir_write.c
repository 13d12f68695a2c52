/*
 * dir_write.c - changing a directory's records
 *
 * A record is made in the slack of another one, or in one that is not in use,
 * and goes by being added to the slack of the one before it. No other record
 * moves. So who lists the directory meanwhile, and comes back with the byte at
 * which he was, misses no name that is there all the time, and meets none
 * twice. (An index moves names, but only to higher bytes: see htree_write.c.)
 *
 * A block is walked from end to end, and each record checked, before any byte
 * of it is changed.
 */
#include "dir.h"
#include "memfn.h"
#include "write.h"

/* A directory's size has 32 bits. */
#define SIZE_MAX_BYTES UINT64_C(0xffffffff)

static const struct ext2_super *super_of(const struct ext2_vnode *dir)
{
    return &ext2_volume_of(dir->base.fs)->super;
}

static int dir_change(const struct ext2_vnode *dir, struct shale_buf *buf)
{
    return shale_tx_change(dir->base.fs->tx, buf, SHALE_RANK_NAME);
}

/* -------------------------------------------------------------- records */

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

void ext2_dirent_encode(const struct ext2_super *super, uint8_t *bytes,
                        uint32_t rec_len, const struct ext2_new_name *what)
{
    struct ext2_disk_dirent *raw = (struct ext2_disk_dirent *)bytes;

    raw->inode = le32_make(what->ino);
    ext2_dirent_set_length(bytes, rec_len);
    raw->name_len = (uint8_t)what->len;
    raw->file_type = type_encode(super, what->type);
    memcpy(bytes + EXT2_DIRENT_HEAD, what->name, what->len);
    memset(bytes + EXT2_DIRENT_HEAD + what->len, 0,
           ext2_dirent_need(what->len) - EXT2_DIRENT_HEAD - what->len);
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
    err = dir_change(dir, buf);
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

/*
 * Take the record at AT out of BUF. Stores how many bytes there are free in a
 * row now.
 */
static int block_remove(const struct ext2_vnode *dir, struct shale_buf *buf,
                        uint32_t at, bool late, uint32_t *room)
{
    const struct ext2_super *super = super_of(dir);
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
               : dir_change(dir, buf);
    if (err)
        return err;
    *room = gone.rec_len;
    ((struct ext2_disk_dirent *)(buf->data + at))->inode = le32_make(0);
    if (at > 0 && !late) {
        ext2_dirent_set_length(buf->data + before_at,
                               before.rec_len + gone.rec_len);
        *room += before.rec_len - record_taken(&before);
    }
    return 0;
}

/* ---------------------------------------------------------- directories */

static void undo_note(void *context, uint64_t a, uint64_t b)
{
    struct ext2_vnode *dir = context;

    (void)a;
    (void)b;
    ext2_names_forget(dir);
    ext2_room_forget(dir);
}

int ext2_dir_note(struct ext2_vnode *dir)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);

    /* A record that goes late is not there any more, but is not free. */
    if (!ext2_batch_is_whole(vol) &&
        vol->moved_in == shale_tx_batch(dir->base.fs->tx))
        return SHALE_EAGAIN;
    if (dir->fresh)
        return 0;
    return shale_tx_on_undo(dir->base.fs->tx, undo_note, dir, 0, 0);
}

int ext2_dir_append(struct ext2_vnode *dir, struct shale_buf **out,
                    uint32_t *index)
{
    if (dir->base.size + super_of(dir)->block_size > SIZE_MAX_BYTES)
        return SHALE_ENOSPC;
    return ext2_append_block(dir, out, index);
}

/* Enter WHAT in a new block. */
static int append_insert(struct ext2_vnode *dir,
                         const struct ext2_new_name *what)
{
    const struct ext2_super *super = super_of(dir);
    struct shale_buf *buf;
    uint32_t index;
    int err = ext2_dir_append(dir, &buf, &index);

    if (err)
        return err;
    ext2_dirent_encode(super, buf->data, super->block_size, what);
    ext2_names_add(dir, what->name, what->len, index, 0);
    ext2_room_note(dir, index,
                   super->block_size - ext2_dirent_need(what->len));
    shale_buf_put(buf);
    return 0;
}

/* Enter WHAT in block INDEX. Returns 1; 0 if it has no room; or an error. */
static int try_block(struct ext2_vnode *dir, uint32_t index,
                     const struct ext2_new_name *what)
{
    struct ext2_run run;
    struct shale_buf *buf;
    uint32_t room = 0;
    int done = ext2_map(dir, index, 1, &run);

    if (done)
        return done;
    if (run.block == 0) {       /* a hole: searches pass it over, too */
        ext2_room_note(dir, index, 0);
        return 0;
    }
    done = shale_buf_get(dir->base.fs->cache, run.block, &buf);
    if (done)
        return done;
    done = ext2_block_insert(dir, buf, index, what, &room);
    shale_buf_put(buf);
    if (done >= 0)
        ext2_room_note(dir, index, room);
    return done;
}

/* Enter WHAT wherever there is room. */
static int insert_anywhere(struct ext2_vnode *dir,
                           const struct ext2_new_name *what)
{
    uint32_t need = ext2_dirent_need(what->len), tries = 0, index;
    int done = 0;

    while (done == 0) {
        index = ext2_room_find(dir, need, &tries);
        if (index == UINT32_MAX)
            break;
        done = try_block(dir, index, what);
    }
    if (done)
        return done < 0 ? done : 0;
    if (ext2_htree_possible(dir)) {
        int err = ext2_htree_make(dir);

        if (err)
            return err;
        done = ext2_htree_insert(dir, what);
        return done < 0 ? done : done ? 0 : SHALE_ECORRUPT;
    }
    return append_insert(dir, what);
}

/* DIR has no index (any more) that could be used. */
static int index_drop(struct ext2_vnode *dir)
{
    int err = ext2_vnode_note(dir);

    if (err)
        return err;
    dir->inode.flags &= ~EXT2_INODE_INDEX;
    return ext2_vnode_store(dir);
}

int ext2_dir_insert(struct ext2_vnode *dir, const char *name, size_t len,
                    uint32_t ino, enum shale_type type)
{
    const struct ext2_new_name what = { name, len, ino, type };
    int done = ext2_dir_note(dir);

    if (done)
        return done;
    if (ext2_htree_present(dir))
        done = ext2_htree_insert(dir, &what);
    if (done)
        return done < 0 ? done : 0;
    if (dir->inode.flags & EXT2_INODE_INDEX)
        done = index_drop(dir);
    return done ? done : insert_anywhere(dir, &what);
}

int ext2_dir_remove(struct ext2_vnode *dir, const char *name, size_t len,
                    bool late)
{
    struct ext2_place place;
    uint32_t room = 0;
    int err = ext2_dir_note(dir);

    if (!err)
        err = ext2_dir_find(dir, name, len, &place);
    if (err)
        return err;
    err = block_remove(dir, place.buf, place.at, late, &room);
    if (!err) {
        ext2_names_remove(dir, name, len, place.index, place.at);
        ext2_room_raise(dir, place.index, room);
    }
    shale_buf_put(place.buf);
    return err;
}

int ext2_dir_replace(struct ext2_vnode *dir, const char *name, size_t len,
                     uint32_t ino, enum shale_type type)
{
    struct ext2_disk_dirent *raw;
    struct ext2_place place;
    int err = ext2_dir_find(dir, name, len, &place);

    if (err)
        return err;
    err = dir_change(dir, place.buf);
    if (!err) {
        raw = (struct ext2_disk_dirent *)(place.buf->data + place.at);
        raw->inode = le32_make(ino);
        raw->file_type = type_encode(super_of(dir), type);
    }
    shale_buf_put(place.buf);
    return err;
}

/* Is there a name in BUF other than "." and ".."? */
static int block_is_empty(const struct ext2_vnode *dir,
                          const struct shale_buf *buf)
{
    const struct ext2_super *super = super_of(dir);
    struct ext2_dirent entry = { .ino = 0 };

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, at, &entry);

        if (wrong)
            return ext2_dir_bad_record(dir, buf, at, wrong);
        if (entry.ino != 0 && !ext2_dirent_is_dots(&entry))
            return 0;
    }
    return 1;
}

int ext2_dir_is_empty(const struct ext2_vnode *dir)
{
    struct ext2_walk walk;
    int empty = 1, more = ext2_walk_start(&walk, dir, 0);

    while (more >= 0 && empty > 0) {
        struct shale_buf *buf;
        uint64_t index;

        more = ext2_walk_next(&walk, &index, &buf);
        if (more <= 0)
            break;
        empty = block_is_empty(dir, buf);
        shale_buf_put(buf);
    }
    return more < 0 ? more : empty;
}

int ext2_dir_set_parent(struct ext2_vnode *dir, uint32_t parent)
{
    struct ext2_disk_dirent *raw;
    struct ext2_place place;
    struct shale_buf *buf;
    int found = ext2_dir_get(dir, 0, &buf), err;

    if (found)
        return found;
    found = ext2_dir_find_in(dir, buf, "..", 2, &place);
    if (found == 0)
        found = shale_corrupt_inode(dir->base.fs,
                                    "ext2: directory without \"..\"",
                                    dir->inode.at, dir->base.ino);
    if (found > 0) {
        err = dir_change(dir, buf);
        raw = (struct ext2_disk_dirent *)(buf->data + place.at);
        if (!err)
            raw->inode = le32_make(parent);
        found = err;
    }
    shale_buf_put(buf);
    return found;
}

int ext2_dir_start(struct ext2_vnode *dir, uint32_t parent)
{
    const struct ext2_super *super = super_of(dir);
    const struct ext2_new_name dot = {
        ".", 1, (uint32_t)dir->base.ino, SHALE_TYPE_DIR
    };
    const struct ext2_new_name dotdot = { "..", 2, parent, SHALE_TYPE_DIR };
    uint32_t first = ext2_dirent_need(1), index;
    struct shale_buf *buf;
    int err = ext2_dir_append(dir, &buf, &index);

    if (err)
        return err;
    ext2_dirent_encode(super, buf->data, first, &dot);
    ext2_dirent_encode(super, buf->data + first, super->block_size - first,
                       &dotdot);
    shale_buf_put(buf);
    return 0;
}
