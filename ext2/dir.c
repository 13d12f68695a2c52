/*
 * dir.c - directories: blocks of records, and finding a name among them
 *
 *     inode | rec_len | name_len | type | name ...  slack up to rec_len
 *     4       2         1          1
 *
 * The records of a block follow each other by rec_len and fill it to the last
 * byte; none crosses into the next block. A record with inode 0 is free. An
 * index (htree.c) is hidden from all this inside records that look free.
 *
 * A cookie is the byte of the directory at which the next record begins.
 * Records may since have been merged, so a cookie is never jumped to: its
 * block is walked from the start, up to the first record not before it.
 *
 * A name is found by its index, or by reading one record after the other, or
 * in a large directory by a table made of it (nametable.c).
 */
#include "dir.h"
#include "memfn.h"

/* Returns NULL, or why no file can be called so. */
static const char *name_check(const struct ext2_dirent *entry)
{
    if (entry->name_len == 0)
        return "ext2: directory record with an empty name";
    for (unsigned i = 0; i < entry->name_len; i++) {
        if (entry->name[i] == '/' || entry->name[i] == '\0')
            return "ext2: directory record whose name has a slash or NUL";
    }
    return NULL;
}

bool ext2_dirent_is_dots(const struct ext2_dirent *entry)
{
    /* An empty name may begin where its block ends: it is not to be read. */
    return (entry->name_len == 1 && entry->name[0] == '.') ||
           (entry->name_len == 2 && entry->name[0] == '.' &&
            entry->name[1] == '.');
}

int ext2_dir_bad_record(const struct ext2_vnode *dir,
                        const struct shale_buf *buf, uint32_t offset,
                        const char *wrong)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);

    return shale_corrupt_inode(dir->base.fs, wrong,
                               ext2_block_at(vol, buf->block) + offset,
                               dir->base.ino);
}

/* ---------------------------------------------------- a walk over blocks */

int ext2_walk_start(struct ext2_walk *w, const struct ext2_vnode *dir,
                    uint64_t first)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    const struct ext2_super *super = &vol->super;

    if (dir->base.size & (super->block_size - 1))
        return shale_corrupt_inode(dir->base.fs,
                                   "ext2: directory of a size that is no "
                                   "multiple of blocks",
                                   dir->inode.at, dir->base.ino);
    *w = (struct ext2_walk){
        .dir = dir,
        .run_first = first,
        .next = first,
        .end = dir->base.size >> super->block_shift,
        .budget = ext2_blocks_there(vol),
    };
    return 0;
}

/*
 * A block, or a pointer to blocks that is bad, is about to be looked at. As
 * large a directory as W's budget uses some of its blocks several times.
 */
static int walk_charge(struct ext2_walk *w)
{
    if (w->budget-- > 0)
        return 0;
    w->budget = 0;
    w->end = 0;
    return shale_corrupt_inode(w->dir->base.fs,
                               "ext2: directory larger than the volume",
                               w->dir->inode.at, w->dir->base.ino);
}

int ext2_walk_next(struct ext2_walk *w, uint64_t *index,
                   struct shale_buf **out)
{
    struct shale_fs *fs = w->dir->base.fs;
    uint64_t into;
    int err;

    while (w->next < w->end) {
        into = w->next - w->run_first;
        if (into < w->run.count && w->run.block != 0)
            break;
        w->next += w->run.count - into;
        if (w->next >= w->end)
            return 0;
        w->run_first = w->next;
        err = ext2_map(w->dir, w->next, w->end - w->next, &w->run);
        if (err) {
            w->run.block = 0;
            (void)walk_charge(w);
            return err;
        }
    }
    if (w->next >= w->end)
        return 0;

    err = walk_charge(w);
    if (err)
        return err;
    into = w->next - w->run_first;
    *index = w->next++;
    err = shale_buf_get_run(fs->cache, w->run.block + into, w->run.block,
                            w->run.count, out);
    return err ? err : 1;
}

/* --------------------------------------------------------------- search */

int ext2_dir_get(const struct ext2_vnode *dir, uint64_t index,
                 struct shale_buf **out)
{
    struct shale_fs *fs = dir->base.fs;
    struct ext2_run run;
    int err = ext2_map(dir, index, 1, &run);

    if (err)
        return err;
    if (run.block == 0)
        return shale_corrupt_inode(fs, "ext2: hole in a directory",
                                   dir->inode.at, dir->base.ino);
    return shale_buf_get(fs->cache, run.block, out);
}

int ext2_dir_find_in(const struct ext2_vnode *dir, const struct shale_buf *buf,
                     const char *name, size_t len, struct ext2_place *out)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    struct ext2_dirent entry = { .ino = 0 };

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, at, &entry);

        if (wrong)
            return ext2_dir_bad_record(dir, buf, at, wrong);
        if (ext2_dirent_has_name(&entry, name, len)) {
            out->at = at;
            out->ino = entry.ino;
            return 1;
        }
    }
    return 0;
}

/*
 * Search the blocks from FIRST to before END. A damaged one hides its own
 * names only: the search goes on, and tells of the damage if it was in vain.
 */
static int find_between(struct ext2_vnode *dir, uint64_t first, uint64_t end,
                        const char *name, size_t len, struct ext2_place *out)
{
    int found, damage = SHALE_ENOENT;
    struct ext2_walk w;
    int err = ext2_walk_start(&w, dir, first);

    if (err)
        return err;
    if (w.end > end)
        w.end = end;
    for (;;) {
        found = ext2_walk_next(&w, &out->index, &out->buf);
        if (found == 0)
            return damage;
        if (found > 0) {
            found = ext2_dir_find_in(dir, out->buf, name, len, out);
            if (found > 0)
                break;
            shale_buf_put(out->buf);
        }
        if (found == SHALE_ENOMEM)
            return found;
        if (found < 0)
            damage = found;
    }
    __atomic_store_n(&dir->hint, (uint32_t)out->index, __ATOMIC_RELAXED);
    return 0;
}

/*
 * Who asks for one name after the other mostly does so in the order of the
 * directory, so a search begins where the last one ended, and wraps around.
 */
static int find_anywhere(struct ext2_vnode *dir, const char *name, size_t len,
                         struct ext2_place *out)
{
    uint32_t start = __atomic_load_n(&dir->hint, __ATOMIC_RELAXED);
    int damage, err = find_between(dir, start, UINT64_MAX, name, len, out);

    if (err == 0 || err == SHALE_ENOMEM || start == 0)
        return err;
    damage = err;
    err = find_between(dir, 0, start, name, len, out);
    return err == SHALE_ENOENT ? damage : err;
}

/* Find NAME without asking an index. */
static int find_unindexed(struct ext2_vnode *dir, const char *name, size_t len,
                          struct ext2_place *out)
{
    const struct namehash *names = ext2_names_of(dir);
    int found;

    if (names) {
        found = ext2_names_find(dir, names, name, len, out);
        if (found >= 0)
            return found ? 0 : SHALE_ENOENT;
        if (found == SHALE_ENOMEM)
            return found;
    }
    /* A block that cannot be read any more hides its own names only. */
    return find_anywhere(dir, name, len, out);
}

int ext2_dir_find(struct ext2_vnode *dir, const char *name, size_t len,
                  struct ext2_place *out)
{
    int found = SHALE_ECORRUPT;

    if (ext2_htree_present(dir)) {
        found = ext2_htree_find(dir, name, len, out);
        if (found >= 0)
            return found ? 0 : SHALE_ENOENT;
    }
    if (found == SHALE_ECORRUPT)
        found = find_unindexed(dir, name, len, out);
    return found;
}

/* -------------------------------------------------------------- listing */

static enum shale_type type_decode(uint8_t file_type)
{
    static const uint8_t types[] = {
        [1] = SHALE_TYPE_FILE, [2] = SHALE_TYPE_DIR,  [3] = SHALE_TYPE_CHAR,
        [4] = SHALE_TYPE_BLOCK, [5] = SHALE_TYPE_FIFO, [6] = SHALE_TYPE_SOCKET,
        [7] = SHALE_TYPE_SYMLINK,
    };

    if (file_type >= sizeof types)
        return SHALE_TYPE_UNKNOWN;
    return (enum shale_type)types[file_type];
}

/* Emit the entries of one block, which is at byte START of DIR. */
static int block_emit(const struct ext2_vnode *dir, const struct shale_buf *buf,
                      uint64_t start, uint64_t cookie, shale_emit_fn *emit,
                      void *context)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    struct ext2_dirent entry = { .ino = 0 };
    int err;

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, at, &entry);
        struct shale_dirent dirent = {
            .len = entry.name_len,
            .ino = entry.ino,
            .next = start + at + entry.rec_len,
            .type = type_decode(entry.file_type),
        };

        if (!wrong && entry.ino != 0)
            wrong = name_check(&entry);
        if (wrong)
            return ext2_dir_bad_record(dir, buf, at, wrong);
        if (entry.ino == 0 || ext2_dirent_is_dots(&entry) ||
            start + at < cookie)
            continue;
        dirent.name = (const char *)entry.name;
        err = emit(context, &dirent);
        if (err)
            return err;
    }
    return 0;
}

int ext2_dir_iterate(struct ext2_vnode *dir, uint64_t cookie,
                     shale_emit_fn *emit, void *context)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    struct ext2_walk w;
    int err = ext2_walk_start(&w, dir, cookie >> super->block_shift);

    while (!err) {
        struct shale_buf *buf;
        uint64_t index;

        err = ext2_walk_next(&w, &index, &buf);
        if (err <= 0)
            break;
        err = block_emit(dir, buf, index << super->block_shift, cookie, emit,
                         context);
        shale_buf_put(buf);
    }
    return err;
}
