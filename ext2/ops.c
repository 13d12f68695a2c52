/*
 * ops.c - ext2 as the VFS sees it
 *
 * Blocks become bytes here, and inodes vnodes; everything else is elsewhere.
 */
#include "dir.h"
#include "memfn.h"
#include "profile.h"
#include "shale/shale.h"
#include "write.h"

#define NAMES_MAX ((size_t)3 << 20)

static const char *const options[] = {
    "sb", "bsddf", "minixdf", "keep_reserved", "last_mounted", "norecovery",
    NULL,
};

/*
 * Tables of names may take as much memory as blocks, up to NAMES_MAX: enough
 * for a directory of 170,000 names, or two of 87,000.
 */
static void names_init(struct ext2_volume *vol)
{
    struct shale_cache_stats stats;

    shale_cache_stats(vol->fs->cache, &stats);
    vol->names.max = stats.budget < NAMES_MAX ? stats.budget : NAMES_MAX;
}

/* Without a root directory there is nothing to mount. */
static int root_check(struct ext2_volume *vol)
{
    struct ext2_inode root;
    int err = ext2_inode_load(vol, EXT2_ROOT_INO, &root);

    if (err == SHALE_ESTALE)
        return shale_corrupt_inode(vol->fs,
                                   "ext2: the root inode is not in use",
                                   SHALE_NOWHERE, EXT2_ROOT_INO);
    if (err)
        return err;
    if ((root.mode & SHALE_S_IFMT) != SHALE_S_IFDIR || root.size == 0)
        return shale_corrupt_inode(vol->fs, "ext2: the root inode is not a "
                                   "directory", root.at, EXT2_ROOT_INO);
    return 0;
}

static int ext2_mount(struct shale_fs *fs)
{
    struct ext2_volume *vol = shale_zalloc(fs->mem, sizeof *vol);
    int err;

    if (!vol)
        return SHALE_ENOMEM;
    vol->fs = fs;
    err = ext2_super_load(fs, &vol->super);
    if (err)
        goto free_volume;
    ext2_volume_init(vol);
    err = shale_fs_set_blocks(fs, vol->super.block_size,
                              vol->super.block_count);
    if (err)
        goto free_volume;
    fs->volume = vol;
    if (PROFILE_WRITES && !fs->read_only) {
        err = ext2_journal_init(vol);
        ext2_volume_init(vol);       /* by what the journal may have brought */
    }
    if (err)
        goto free_volume;
    names_init(vol);
    err = root_check(vol);
    if (PROFILE_WRITES && !err && !fs->read_only)
        err = ext2_space_init(vol);
    if (err)
        goto fini_journal;

    fs->root_ino = EXT2_ROOT_INO;
    if (PROFILE_WRITES)
        fs->file_max = ext2_map_write_max(vol->super.block_shift);
    if (vol->super.inode_size == EXT2_GOOD_OLD_INODE)
        fs->time_step = 1000000000;
    if (vol->super.last_orphan != 0)
        fs->unfinished = true;
    return 0;

fini_journal:
    if (PROFILE_WRITES)
        ext2_journal_fini(vol);
free_volume:
    fs->volume = NULL;
    shale_free(fs->mem, vol, sizeof *vol);
    return err;
}

static void ext2_unmount(struct shale_fs *fs)
{
    if (PROFILE_WRITES) {
        ext2_space_fini(ext2_volume_of(fs));
        ext2_journal_fini(ext2_volume_of(fs));
    }
    shale_free(fs->mem, fs->volume, sizeof(struct ext2_volume));
    fs->volume = NULL;
}

/* The two halves of the UUID, as statvfs's f_fsid on Linux. */
static uint64_t volume_id(const struct ext2_super *super)
{
    le64 half[2];

    memcpy(half, super->uuid, sizeof half);
    return le64_get(half[0]) ^ le64_get(half[1]);
}

/* Blocks of the journal, which no file has either. */
static int journal_blocks(struct ext2_volume *vol, uint64_t *out)
{
    uint32_t ino = vol->super.journal_ino;
    const struct ext2_disk_inode *raw;
    struct shale_buf *buf;
    size_t offset;
    int err;

    *out = 0;
    if (!(vol->super.compat & EXT2_COMPAT_HAS_JOURNAL) || ino == 0 ||
        ino > vol->super.inode_count)
        return 0;
    err = ext2_inode_get(vol, ino, &buf, &offset);
    if (err == SHALE_ENOMEM)
        return err;
    if (err)
        return 0;
    raw = (const struct ext2_disk_inode *)(buf->data + offset);
    *out = le32_get(raw->size) >> vol->super.block_shift;
    shale_buf_put(buf);
    return 0;
}

/*
 * Blocks that are free or in files, which is what Linux too calls the size,
 * unless asked to do as Minix does.
 */
static int blocks_for_files(struct ext2_volume *vol, uint64_t *out)
{
    uint64_t overhead = ext2_overhead(&vol->super), journal = 0;
    const char *text;
    size_t len;
    int err = 0;

    *out = vol->super.block_count;
    if (shale_option_text(vol->fs, "minixdf", &text, &len) > 0)
        return 0;
    if (!PROFILE_WRITES || ext2_journal_own_blocks(vol) == 0)
        err = journal_blocks(vol, &journal);
    overhead += journal;
    if (overhead < *out)
        *out -= overhead;
    return err;
}

/* What is free, or is going to be as soon as somebody needs it. */
static int free_count(struct ext2_volume *vol, uint64_t *blocks,
                      uint64_t *inodes)
{
    const struct ext2_space *space = vol->space;
    const struct shale_tx *tx = vol->fs->tx;
    int err = 0;

    if (space && space->sums.known) {
        *blocks = space->sums.free_blocks;
        *inodes = space->sums.free_inodes;
    } else {
        err = ext2_group_count_free(vol, blocks, inodes);
    }
    if (PROFILE_WRITES && !err && tx) {
        uint64_t freed = shale_tx_freed(tx, EXT2_FREE_INODE);

        *blocks += freed + ext2_journal_own_blocks(vol);
        *inodes += shale_tx_freed(tx, UINT64_MAX) - freed;
    }
    return err;
}

static int ext2_statfs(struct shale_fs *fs, struct shale_statfs *out)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    const struct ext2_super *super = &vol->super;
    uint64_t blocks, blocks_free, inodes_free;
    int err = blocks_for_files(vol, &blocks);

    if (!err)
        err = free_count(vol, &blocks_free, &inodes_free);
    if (err)
        return err;
    *out = (struct shale_statfs){
        .blocks = blocks,
        .blocks_free = blocks_free,
        .files = super->inode_count,
        .files_free = inodes_free,
        .block_size = super->block_size,
        .name_max = EXT2_NAME_MAX,
        .id = volume_id(super),
    };
    if (blocks_free > super->reserved_blocks)
        out->blocks_available = blocks_free - super->reserved_blocks;
    return 0;
}

static int ext2_load(struct shale_vnode *base)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;
    int err = ext2_inode_load(ext2_volume_of(base->fs), base->ino, &vn->inode);

    if (err)
        return err;
    base->size = vn->inode.size;
    base->links = vn->inode.links;
    base->generation = vn->inode.generation;
    base->type = shale_type_of_mode(vn->inode.mode);
    base->protection = ext2_inode_protection(&vn->inode);
    return 0;
}

static void ext2_evict(struct shale_vnode *base)
{
    struct ext2_vnode *vn = (struct ext2_vnode *)base;

    namehash_destroy(vn->names);
    if (PROFILE_WRITES) {
        ext2_room_forget(vn);
        ext2_orphan_forget(vn);
    }
}

static int ext2_getattr(struct shale_vnode *base, struct shale_attr *out)
{
    const struct ext2_vnode *vn = (const struct ext2_vnode *)base;

    ext2_inode_attr(ext2_volume_of(base->fs), base->ino, &vn->inode, out);
    return 0;
}

static int ext2_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    struct ext2_inode inode;
    int err = ext2_inode_load(vol, ino, &inode);

    if (err)
        return err;
    ext2_inode_attr(vol, ino, &inode, out);
    return 0;
}

static int ext2_lookup(struct shale_vnode *base, const char *name, size_t len,
                       uint64_t *out)
{
    struct ext2_place place;
    int err = ext2_dir_find((struct ext2_vnode *)base, name, len, &place);

    if (err)
        return err;
    shale_buf_put(place.buf);
    *out = place.ino;
    return 0;
}

static int ext2_parent(struct shale_vnode *base, uint64_t *out)
{
    const struct ext2_vnode *dir = (const struct ext2_vnode *)base;
    struct shale_buf *first;
    struct ext2_place place;
    int found = ext2_dir_get(dir, 0, &first);

    if (found)
        return found;
    found = ext2_dir_find_in(dir, first, "..", 2, &place);
    shale_buf_put(first);
    if (found < 0)
        return found;
    if (found == 0)
        return shale_corrupt_inode(base->fs, "ext2: directory without \"..\"",
                                   dir->inode.at, base->ino);
    *out = place.ino;
    return 0;
}

static int ext2_iterate(struct shale_vnode *base, uint64_t cookie,
                        shale_emit_fn *emit, void *context)
{
    return ext2_dir_iterate((struct ext2_vnode *)base, cookie, emit, context);
}

static int ext2_map_bytes(struct shale_vnode *base, uint64_t offset,
                          uint64_t len, struct shale_extent *out)
{
    const struct ext2_volume *vol = ext2_volume_of(base->fs);
    uint32_t shift = vol->super.block_shift;
    uint64_t into = offset & (vol->super.block_size - 1);
    uint64_t left = vol->max_size - offset;
    struct ext2_run run;
    int err;

    if (len > left)
        len = left;
    err = ext2_map((const struct ext2_vnode *)base, offset >> shift,
                   (into + len + vol->super.block_size - 1) >> shift, &run);
    if (err)
        return err;
    out->offset = offset;
    out->length = (run.count << shift) - into;
    out->device = 0;
    out->kind = SHALE_EXTENT_HOLE;
    if (run.block != 0) {
        out->device = ext2_block_at(vol, run.block) + into;
        out->kind = SHALE_EXTENT_DATA;
    }
    return 0;
}

/* Copy the target of a symlink that has a block to itself. */
static int64_t slow_symlink(const struct ext2_vnode *vn, char *buf)
{
    struct shale_fs *fs = vn->base.fs;
    size_t len = (size_t)vn->inode.size;
    struct shale_buf *block;
    struct ext2_run run;
    int err;

    err = ext2_map(vn, 0, 1, &run);
    if (err)
        return err;
    if (run.block == 0)
        return shale_corrupt_inode(fs, "ext2: symlink without its target",
                                   vn->inode.at, vn->base.ino);
    err = shale_buf_get(fs->cache, run.block, &block);
    if (err)
        return err;
    memcpy(buf, block->data, len);
    shale_buf_put(block);
    return 0;
}

static int64_t ext2_readlink(struct shale_vnode *base, char *buf, size_t size)
{
    const struct ext2_vnode *vn = (const struct ext2_vnode *)base;
    const struct ext2_inode *inode = &vn->inode;
    const struct ext2_volume *vol = ext2_volume_of(base->fs);
    bool is_fast = ext2_inode_fast_symlink(vol, inode);
    int64_t err;

    if (inode->size == 0 || (is_fast && inode->size >= sizeof inode->block))
        return shale_corrupt_inode(base->fs, "ext2: symlink of bad length",
                                   inode->at, base->ino);
    /* Before the buffer's size: SHALE_PATH_MAX is to be enough for any link. */
    if (inode->size >= vol->super.block_size || inode->size >= SHALE_PATH_MAX)
        return shale_corrupt_inode(base->fs, "ext2: symlink too long",
                                   inode->at, base->ino);
    if (inode->size > size)
        return SHALE_ERANGE;
    if (is_fast) {
        memcpy(buf, inode->block, (size_t)inode->size);
    } else {
        err = slow_symlink(vn, buf);
        if (err)
            return err;
    }
    for (size_t i = 0; i < inode->size; i++) {
        if (buf[i] == '\0')
            return shale_corrupt_inode(base->fs,
                                       "ext2: symlink's target has a NUL",
                                       inode->at, base->ino);
    }
    return (int64_t)inode->size;
}

static int64_t ext2_getxattr(struct shale_vnode *vn, const char *name,
                             void *buf, size_t size)
{
    return ext2_xattr_get((struct ext2_vnode *)vn, name, buf, size);
}

static int ext2_listxattr(struct shale_vnode *vn,
                          int (*emit)(void *context, const char *name,
                                      size_t len),
                          void *context)
{
    return ext2_xattr_list((struct ext2_vnode *)vn, emit, context);
}

const struct shale_fs_ops shale_ext2 = {
    .name       = "ext2",
    .vnode_size = sizeof(struct ext2_vnode),
    .options    = options,
    .traits     = SHALE_TRAIT_LINUX_FLAGS,
    .holes      = true,
    .exact      = true,
    .name_max   = EXT2_NAME_MAX,
    .probe      = ext2_probe,
    .mount      = ext2_mount,
    .unmount    = ext2_unmount,
    .statfs     = ext2_statfs,
    .describe   = ext2_describe,
    .format     = WRITING(ext2_format),
    .load       = ext2_load,
    .evict      = ext2_evict,
    .getattr    = ext2_getattr,
    .peek       = ext2_peek,
    .lookup     = ext2_lookup,
    .parent     = ext2_parent,
    .iterate    = ext2_iterate,
    .map        = ext2_map_bytes,
    .readlink   = ext2_readlink,
    .getxattr   = ext2_getxattr,
    .listxattr  = ext2_listxattr,
    .create     = WRITING(ext2_create),
    .unname     = WRITING(ext2_unname),
    .link       = WRITING(ext2_link),
    .remove     = WRITING(ext2_remove),
    .rename     = WRITING(ext2_rename),
    .exchange   = WRITING(ext2_exchange),
    .recover    = WRITING(ext2_recover),
    .setattr    = WRITING(ext2_setattr),
    .setxattr   = WRITING(ext2_setxattr),
    .allocate   = WRITING(ext2_allocate),
    .resize     = WRITING(ext2_resize),
    .punch      = WRITING(ext2_punch),
    .release    = WRITING(ext2_release),
    .reclaim    = WRITING(ext2_reclaim),
    .mark       = WRITING(ext2_mark),
    .make_room  = WRITING(ext2_make_room),
    .purge      = WRITING(ext2_purge),
    .set_label  = WRITING(ext2_set_label),
};
