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
 * A name is found by reading one record after the other. For a large directory
 * that is done once; the second search makes a table of all names by hash, and
 * those after it look where that says. Only a directory that was read to its
 * end, and had no damage, gets one, so what is not in the table is not there.
 */
#include "ext2.h"
#include "memfn.h"

/* Bytes of the head of a record, before its name. */
#define HEAD ((uint32_t)sizeof(struct ext2_disk_dirent))

/* A directory of no more bytes is searched as fast without a table. */
#define NAMES_WORTH 8192u

/* In a table of names, positions are counted in: records begin at these. */
#define POSITION_SHIFT 2u

/*
 * The length is 16 bits, too few for one record that fills a block of 64 KiB:
 * there 0 and 65535 mean the whole block. ("Directory Entries")
 */
static uint32_t rec_len_decode(const struct ext2_super *super, le16 raw)
{
    uint32_t len = le16_get(raw);

    if (super->block_size == 65536 && (len == 0 || len == 65535))
        return 65536;
    return len;
}

const char *ext2_dirent_decode(const struct ext2_super *super,
                               const uint8_t *block, uint32_t offset,
                               struct ext2_dirent *out)
{
    uint32_t room = super->block_size - offset;
    const struct ext2_disk_dirent *raw;
    uint32_t need;

    if (room < HEAD)
        return "ext2: directory block ends in less than a record";
    raw = (const struct ext2_disk_dirent *)(block + offset);
    out->ino = le32_get(raw->inode);
    out->rec_len = rec_len_decode(super, raw->rec_len);
    out->name = block + offset + HEAD;
    out->name_len = raw->name_len;
    out->file_type = 0;
    if (super->incompat & EXT2_INCOMPAT_FILETYPE)
        out->file_type = raw->file_type;

    need = HEAD + ((out->name_len + 3u) & ~3u);
    if (out->rec_len % 4 != 0)
        return "ext2: directory record of a length that is no multiple of 4";
    if (out->rec_len < need)
        return "ext2: directory record shorter than its name";
    if (out->rec_len > room)
        return "ext2: directory record leaves its block";
    return NULL;
}

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

static bool is_dots(const struct ext2_dirent *entry)
{
    return entry->name[0] == '.' &&
           (entry->name_len == 1 ||
            (entry->name_len == 2 && entry->name[1] == '.'));
}

/* LEN is at least 1. Names in one directory tend to differ at their ends. */
static bool has_name(const struct ext2_dirent *entry, const char *name,
                     size_t len)
{
    return entry->ino != 0 && entry->name_len == len &&
           entry->name[len - 1] == (uint8_t)name[len - 1] &&
           memcmp(entry->name, name, len) == 0;
}

static int bad_record(const struct ext2_vnode *dir, const struct shale_buf *buf,
                      uint32_t offset, const char *wrong)
{
    const struct ext2_volume *vol = ext2_volume_of(dir->base.fs);

    return shale_corrupt_inode(dir->base.fs, wrong,
                               ext2_block_at(vol, buf->block) + offset,
                               dir->base.ino);
}

/* ---------------------------------------------------- a walk over blocks */

/* The blocks of a directory, in order, holes left out. */
struct walk {
    const struct ext2_vnode *dir;
    struct ext2_run run;        /* where blocks from run_first on are */
    uint64_t run_first;
    uint64_t next, end;         /* blocks of the directory */
    uint32_t budget;            /* blocks still to be handed out */
};

/* Start at block FIRST of DIR. */
static int walk_start(struct walk *w, const struct ext2_vnode *dir,
                      uint64_t first)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    uint64_t there = dir->base.fs->dev->size >> super->block_shift;

    if (dir->base.size & (super->block_size - 1))
        return shale_corrupt_inode(dir->base.fs,
                                   "ext2: directory of a size that is no "
                                   "multiple of blocks",
                                   dir->inode.at, dir->base.ino);
    *w = (struct walk){
        .dir = dir,
        .run_first = first,
        .next = first,
        .end = dir->base.size >> super->block_shift,
        .budget = super->block_count,
    };
    /* A superblock may promise 2^32 blocks on a device of a few. */
    if (w->budget > there)
        w->budget = (uint32_t)there;
    return 0;
}

/* Pin the next block. Returns 1 and stores its number and it, 0, or an error.
   Moves on even then. */
static int walk_next(struct walk *w, uint64_t *index, struct shale_buf **out)
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
            w->run = (struct ext2_run){ .count = 1 };
            return err;
        }
    }
    if (w->next >= w->end)
        return 0;

    /* As large a directory as that uses some of its blocks several times. */
    if (w->budget-- == 0) {
        w->end = 0;
        return shale_corrupt_inode(fs, "ext2: directory larger than the volume",
                                   w->dir->inode.at, w->dir->base.ino);
    }
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
                     const char *name, size_t len, uint32_t *ino)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    struct ext2_dirent entry = { .ino = 0 };

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, buf->data, at, &entry);

        if (wrong)
            return bad_record(dir, buf, at, wrong);
        if (has_name(&entry, name, len)) {
            *ino = entry.ino;
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
                        const char *name, size_t len, uint32_t *ino)
{
    int found, damage = SHALE_ENOENT;
    struct walk w;
    int err = walk_start(&w, dir, first);

    if (err)
        return err;
    if (w.end > end)
        w.end = end;
    for (;;) {
        struct shale_buf *buf;
        uint64_t index;

        found = walk_next(&w, &index, &buf);
        if (found == 0)
            return damage;
        if (found > 0) {
            found = ext2_dir_find_in(dir, buf, name, len, ino);
            shale_buf_put(buf);
        }
        if (found > 0) {
            __atomic_store_n(&dir->hint, (uint32_t)index, __ATOMIC_RELAXED);
            return 0;
        }
        if (found == SHALE_ENOMEM)
            return found;
        if (found < 0)
            damage = found;
    }
}

/*
 * Who asks for one name after the other mostly does so in the order of the
 * directory, so a search begins where the last one ended, and wraps around.
 */
static int find_anywhere(struct ext2_vnode *dir, const char *name, size_t len,
                         uint32_t *ino)
{
    uint32_t start = __atomic_load_n(&dir->hint, __ATOMIC_RELAXED);
    int damage, err = find_between(dir, start, UINT64_MAX, name, len, ino);

    if (err == 0 || err == SHALE_ENOMEM || start == 0)
        return err;
    damage = err;
    err = find_between(dir, 0, start, name, len, ino);
    return err == SHALE_ENOENT ? damage : err;
}

/* ------------------------------------------------------ table of names */

/* Add the names of one block, which is at byte START of DIR, to NAMES. */
static bool names_add(const struct ext2_vnode *dir, struct namehash *names,
                      const struct shale_buf *buf, uint64_t start)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    struct ext2_dirent entry = { .ino = 0 };

    if ((start + super->block_size) >> POSITION_SHIFT > UINT32_MAX)
        return false;
    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        uint32_t position = (uint32_t)((start + at) >> POSITION_SHIFT);

        if (ext2_dirent_decode(super, buf->data, at, &entry))
            return false;
        if (entry.ino != 0 &&
            !namehash_add(names, namehash_of(entry.name, entry.name_len),
                          position))
            return false;
    }
    return true;
}

/* Make a table of all names of DIR, or return NULL. */
static struct namehash *names_build(const struct ext2_vnode *dir)
{
    struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    struct namehash *names;
    struct walk w;
    bool added = true;
    int more;

    if (walk_start(&w, dir, 0))
        return NULL;
    names = namehash_create(dir->base.fs->mem, &vol->names);
    if (!names)
        return NULL;
    do {
        struct shale_buf *buf;
        uint64_t index;

        more = walk_next(&w, &index, &buf);
        if (more > 0) {
            added = names_add(dir, names, buf,
                              index << vol->super.block_shift);
            shale_buf_put(buf);
        }
    } while (more > 0 && added);
    if (more == 0)
        return names;
    namehash_destroy(names);
    return NULL;
}

/*
 * The table of DIR, built if it is time to, or NULL. Whoever moves the state
 * to BUILDING builds it; others search the blocks meanwhile.
 */
static const struct namehash *names_of(struct ext2_vnode *dir)
{
    uint8_t *state = &dir->names_state;
    uint8_t was = __atomic_load_n(state, __ATOMIC_ACQUIRE);
    uint8_t becomes = EXT2_NAMES_ASKED;

    if (was == EXT2_NAMES_READY)
        return dir->names;
    if (was > EXT2_NAMES_ASKED)
        return NULL;
    if (was == EXT2_NAMES_ASKED)
        becomes = EXT2_NAMES_BUILDING;
    else if (dir->base.size <= NAMES_WORTH)
        becomes = EXT2_NAMES_NEVER;
    if (!__atomic_compare_exchange_n(state, &was, becomes, false,
                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED) ||
        becomes != EXT2_NAMES_BUILDING)
        return NULL;

    dir->names = names_build(dir);
    becomes = dir->names ? EXT2_NAMES_READY : EXT2_NAMES_NEVER;
    __atomic_store_n(state, becomes, __ATOMIC_RELEASE);
    return dir->names;
}

/* Is NAME what the record at POSITION of DIR has? As ext2_dir_find_in(). */
static int names_compare(const struct ext2_vnode *dir, uint32_t position,
                         const char *name, size_t len, uint32_t *ino)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;
    uint64_t byte = (uint64_t)position << POSITION_SHIFT;
    uint32_t at = (uint32_t)(byte & (super->block_size - 1));
    struct ext2_dirent entry = { .ino = 0 };
    struct shale_buf *buf;
    const char *wrong;
    int found = ext2_dir_get(dir, byte >> super->block_shift, &buf);

    if (found)
        return found;
    wrong = ext2_dirent_decode(super, buf->data, at, &entry);
    if (wrong) {
        found = bad_record(dir, buf, at, wrong);
    } else if (has_name(&entry, name, len)) {
        *ino = entry.ino;
        found = 1;
    }
    shale_buf_put(buf);
    return found;
}

/* Find NAME through NAMES. Returns 1 and stores the inode number; 0; error. */
static int names_find(const struct ext2_vnode *dir,
                      const struct namehash *names, const char *name,
                      size_t len, uint32_t *ino)
{
    struct namehash_search search =
        namehash_start(names, namehash_of(name, len));
    uint32_t position;
    int found = 0;

    while (!found && namehash_next(&search, &position))
        found = names_compare(dir, position, name, len, ino);
    return found;
}

int ext2_dir_find(struct ext2_vnode *dir, const char *name, size_t len,
                  uint32_t *ino)
{
    const struct namehash *names = names_of(dir);
    int found;

    if (names) {
        found = names_find(dir, names, name, len, ino);
        if (found >= 0)
            return found ? 0 : SHALE_ENOENT;
        if (found == SHALE_ENOMEM)
            return found;
    }
    /* A block that cannot be read any more hides its own names only. */
    return find_anywhere(dir, name, len, ino);
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
            return bad_record(dir, buf, at, wrong);
        if (entry.ino == 0 || is_dots(&entry) || start + at < cookie)
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
    struct walk w;
    int err = walk_start(&w, dir, cookie >> super->block_shift);

    while (!err) {
        struct shale_buf *buf;
        uint64_t index;

        err = walk_next(&w, &index, &buf);
        if (err <= 0)
            break;
        err = block_emit(dir, buf, index << super->block_shift, cookie, emit,
                         context);
        shale_buf_put(buf);
    }
    return err;
}
