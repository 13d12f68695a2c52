/*
 * dir_write.c - entering names into directories, and taking them out
 *
 * In which block; dir_record.c has how. Through the index, if there is one; or
 * else wherever there is room, and a directory that gets its second block gets
 * an index, too.
 */
#include "dir.h"
#include "write.h"

/* A directory's size has 32 bits. */
#define SIZE_MAX_BYTES UINT64_C(0xffffffff)

static const struct ext2_super *super_of(const struct ext2_vnode *dir)
{
    return &ext2_volume_of(dir->base.fs)->super;
}

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
APART static int append_insert(struct ext2_vnode *dir,
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

/* Enter WHAT wherever there is room. Returns 1; 0 if there is none; or an
   error. */
APART static int room_insert(struct ext2_vnode *dir,
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
    return done;
}

/* Enter WHAT in DIR, which has no index yet, or will not have one. */
static int insert_anywhere(struct ext2_vnode *dir,
                           const struct ext2_new_name *what)
{
    int done = room_insert(dir, what);

    if (done)
        return done < 0 ? done : 0;
    if (!ext2_htree_possible(dir))
        return append_insert(dir, what);
    done = ext2_htree_make(dir);
    if (done)
        return done;
    done = ext2_htree_insert(dir, what);
    return done < 0 ? done : done ? 0 : SHALE_ECORRUPT;
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
    err = ext2_block_remove(dir, &place, late, &room);
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
    struct ext2_place place;
    int err = ext2_dir_find(dir, name, len, &place);

    if (err)
        return err;
    err = ext2_block_replace(dir, &place, ino, type);
    shale_buf_put(place.buf);
    return err;
}

int ext2_dir_rename(struct ext2_vnode *dir, const char *name, size_t len,
                    const char *to, size_t to_len)
{
    struct ext2_place place;
    int done = ext2_dir_note(dir);

    if (!done)
        done = ext2_dir_find(dir, name, len, &place);
    if (done)
        return done;
    done = ext2_block_rename(dir, &place, to, to_len);
    if (done > 0) {
        ext2_names_remove(dir, name, len, place.index, place.at);
        ext2_names_add(dir, to, to_len, place.index, place.at);
    }
    shale_buf_put(place.buf);
    return done;
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
    int found, err = ext2_dir_get(dir, 0, &buf);

    if (err)
        return err;
    found = ext2_dir_find_in(dir, buf, "..", 2, &place);
    if (found > 0)
        err = ext2_dir_change(dir, buf);
    else if (found == 0)
        err = shale_corrupt_inode(dir->base.fs,
                                  "ext2: directory without \"..\"",
                                  dir->inode.at, dir->base.ino);
    else
        err = found;
    if (!err) {
        raw = (struct ext2_disk_dirent *)(buf->data + place.at);
        raw->inode = le32_make(parent);
    }
    shale_buf_put(buf);
    return err;
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
