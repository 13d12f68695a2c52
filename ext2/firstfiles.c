/*
 * firstfiles.c - the files that a new ext2 volume has: the root directory,
 * lost+found, and those without a name
 *
 * lost+found gets its blocks now: e2fsck, which fills it, may find none free.
 * The list of bad blocks is empty. What grows a mounted volume takes the blocks
 * reserved behind the descriptors from the resize inode, whose double indirect
 * block has a slot for each of them; the block in question is itself the list
 * of its copies in the other groups:
 *
 *     inode 7 -> double indirect -> reserved block i of group 0
 *                                     -> reserved block i of groups 1, 3, 5 ...
 */
#include "format.h"
#include "journal_disk.h"
#include "memfn.h"
#include "write.h"

#define LOST_SIZE 16384u        /* bytes */
#define LOST_BLOCKS_MIN 2u

/* The type that a directory's record says of a directory. */
#define RECORD_DIR 2u

#define INDIRECT        EXT2_DIRECT
#define DOUBLE_INDIRECT (EXT2_DIRECT + 1)

/* An inode's worth of a file. */
struct first_file {
    uint32_t ino;
    uint32_t mode, links;
    uint32_t uid, gid;
    uint64_t size;              /* bytes */
    uint64_t blocks;            /* of the volume, those of the map included */
    le32 map[EXT2_POINTERS];
};

/* ------------------------------------------------------------ the inode */

/* Write FILE's inode, all times of which are now. */
static int store(struct ext2_new *v, const struct first_file *file)
{
    const struct ext2_super *super = &v->super;
    uint32_t group = ext2_group_of_ino(super, file->ino);
    uint32_t index = (file->ino - 1) % super->inodes_per_group;
    uint64_t table = ext2_group_first(super, group) +
                     (uint64_t)ext2_group_head(super, group) + 2;
    bool large = super->inode_size > EXT2_GOOD_OLD_INODE;
    struct shale_time time = ext2_time_fit(v->format->now, large);
    le32 now = ext2_time_seconds(time);
    struct {
        struct ext2_disk_inode inode;
        struct ext2_disk_inode_extra extra;
    } raw;

    memset(&raw, 0, sizeof raw);
    raw.inode.mode = le16_make((uint16_t)file->mode);
    raw.inode.links = le16_make((uint16_t)file->links);
    raw.inode.uid = le16_make((uint16_t)file->uid);
    raw.inode.uid_high = le16_make((uint16_t)(file->uid >> 16));
    raw.inode.gid = le16_make((uint16_t)file->gid);
    raw.inode.gid_high = le16_make((uint16_t)(file->gid >> 16));
    raw.inode.size = le32_make((uint32_t)file->size);
    raw.inode.size_high = le32_make((uint32_t)(file->size >> 32));
    raw.inode.blocks =
        le32_make((uint32_t)(file->blocks << super->block_shift >> 9));
    raw.inode.atime = raw.inode.ctime = raw.inode.mtime = now;
    memcpy(raw.inode.block, file->map, sizeof file->map);
    if (large) {
        raw.extra.extra_isize = le16_make(EXT2_EXTRA_ISIZE);
        raw.extra.ctime_extra = ext2_time_extra(time);
        raw.extra.mtime_extra = raw.extra.atime_extra = raw.extra.ctime_extra;
        raw.extra.crtime = now;
        raw.extra.crtime_extra = raw.extra.ctime_extra;
    }
    return shale_bdev_write_bytes(v->dev, v->mem,
                                  (table << super->block_shift) +
                                  (uint64_t)index * super->inode_size, &raw,
                                  large ? sizeof raw : sizeof raw.inode);
}

/* ------------------------------------------------------------ its blocks */

/* The next block for a file. SHALE_ENOSPC after the last one. */
static int take(struct ext2_new *v, uint32_t *out)
{
    const struct ext2_super *super = &v->super;

    while (v->next < super->block_count) {
        uint32_t group = (v->next - super->first_block) /
                         super->blocks_per_group;
        uint32_t data = ext2_group_first(super, group) +
                        ext2_group_own(super, group);

        if (v->next >= data) {
            *out = v->next++;
            v->taken++;
            return 0;
        }
        v->next = data;
    }
    return SHALE_ENOSPC;
}

/* The same as a pointer. */
static int take_pointer(struct ext2_new *v, le32 *out)
{
    uint32_t block;
    int err = take(v, &block);

    if (!err)
        *out = le32_make(block);
    return err;
}

/* ----------------------------------------------------------- directories */

/* Put a record at AT of the block in v->buf, up to byte END of it. */
static void put_record(struct ext2_new *v, uint32_t at, uint32_t end,
                       uint32_t ino, const char *name, size_t len)
{
    struct ext2_disk_dirent *raw = (struct ext2_disk_dirent *)(v->buf + at);
    bool typed = v->super.incompat & EXT2_INCOMPAT_FILETYPE;

    raw->inode = le32_make(ino);
    /* The length of a whole block of 64 KiB has no 16 bits: 65535 stands for
       it. */
    raw->rec_len = le16_make(end - at > 65535 ? 65535 : (uint16_t)(end - at));
    raw->name_len = (uint8_t)len;
    raw->file_type = ino && typed ? RECORD_DIR : 0;
    memcpy(v->buf + at + sizeof *raw, name, len);
}

/* Block INDEX of directory INO, in the root, is going to be BLOCK. */
static int put_dir_block(struct ext2_new *v, uint32_t ino, uint32_t index,
                         uint32_t block)
{
    static const char lost[] = "lost+found";
    uint32_t size = v->super.block_size;

    memset(v->buf, 0, size);
    if (index > 0) {
        put_record(v, 0, size, 0, "", 0);
    } else {
        put_record(v, 0, 12, ino, ".", 1);
        if (ino == EXT2_ROOT_INO) {
            put_record(v, 12, 24, EXT2_ROOT_INO, "..", 2);
            put_record(v, 24, size, EXT2_LOST_INO, lost, sizeof lost - 1);
        } else {
            put_record(v, 12, size, EXT2_ROOT_INO, "..", 2);
        }
    }
    return ext2_new_put(v, block, v->buf, 1);
}

/* Give directory DIR as many blocks as dir->blocks says, and its inode. */
static int make_dir(struct ext2_new *v, struct first_file *dir)
{
    dir->size = dir->blocks << v->super.block_shift;
    for (uint32_t i = 0; i < dir->blocks; i++) {
        uint32_t block;
        int err = take(v, &block);

        if (!err)
            err = put_dir_block(v, dir->ino, i, block);
        if (err)
            return err;
        dir->map[i] = le32_make(block);
    }
    return store(v, dir);
}

static int make_dirs(struct ext2_new *v)
{
    struct first_file root = {
        .ino = EXT2_ROOT_INO, .mode = SHALE_S_IFDIR | 0755, .links = 3,
        .uid = v->format->root_uid, .gid = v->format->root_gid, .blocks = 1,
    };
    struct first_file lost = {
        .ino = EXT2_LOST_INO, .mode = SHALE_S_IFDIR | 0700, .links = 2,
        .blocks = LOST_SIZE >> v->super.block_shift,
    };
    uint64_t room = v->super.block_count - ext2_overhead(&v->super);
    int err;

    if (lost.blocks > EXT2_DIRECT)
        lost.blocks = EXT2_DIRECT;
    if (lost.blocks < LOST_BLOCKS_MIN)
        lost.blocks = LOST_BLOCKS_MIN;
    if (lost.blocks > room / 8)
        lost.blocks = 1;        /* on a tiny volume */
    err = make_dir(v, &root);
    return err ? err : make_dir(v, &lost);
}

/* ------------------------------------------------------ the resize inode */

/* Where reserved block I of GROUP is. */
static uint32_t reserved_block(const struct ext2_super *super, uint32_t group,
                               uint32_t i)
{
    return ext2_group_first(super, group) + 1 + super->desc_blocks + i;
}

/* Write the list of the copies of reserved block I; adds them to *COUNT. */
static int put_copies(struct ext2_new *v, uint32_t i, uint64_t *count)
{
    const struct ext2_super *super = &v->super;
    le32 *list = (le32 *)v->buf;
    uint32_t copies = 0;

    memset(list, 0, super->block_size);
    /* The groups with copies are so few that any block lists them all. */
    for (uint32_t group = 1; group < super->group_count; group++)
        if (ext2_group_has_super(super, group))
            list[copies++] = le32_make(reserved_block(super, group, i));
    *count += 1 + copies;
    return ext2_new_put(v, reserved_block(super, 0, i), list, 1);
}

static int make_resize_inode(struct ext2_new *v)
{
    const struct ext2_super *super = &v->super;
    uint32_t pointers = super->block_size / sizeof(le32), block;
    struct first_file file = {
        .ino = EXT2_RESIZE_INO, .mode = SHALE_S_IFREG | 0600, .links = 1,
        .blocks = 1,
    };
    le32 *slots = (le32 *)v->buf;
    int err = take(v, &block);

    for (uint32_t i = 0; i < super->reserved_desc && !err; i++)
        err = put_copies(v, i, &file.blocks);
    if (err)
        return err;

    /* In the slot of each: its number among all blocks of descriptors. */
    memset(slots, 0, super->block_size);
    for (uint32_t i = 0; i < super->reserved_desc; i++)
        slots[(super->desc_blocks + i) % pointers] =
            le32_make(reserved_block(super, 0, i));
    err = ext2_new_put(v, block, slots, 1);
    if (err)
        return err;
    file.map[DOUBLE_INDIRECT] = le32_make(block);
    file.size = ext2_resize_size(super);
    return store(v, &file);
}

/* ----------------------------------------------------------- the journal */

/* A journal's map on its way to the volume. */
struct journal_map {
    le32 *list;                 /* the indirect block being filled */
    le32 *lists;                /* the double indirect block */
    uint32_t pointers;          /* of a block */
    uint32_t run, run_count;    /* blocks taken and not cleared yet */
};

/* Take the blocks of pointers, which go first. */
static int take_lists(struct ext2_new *v, struct journal_map *map,
                      struct first_file *file)
{
    uint32_t left = v->journal_blocks - EXT2_DIRECT;
    uint32_t doubles = left > map->pointers ? (left - 1) / map->pointers : 0;
    int err = take_pointer(v, &file->map[INDIRECT]);

    if (!err && doubles)
        err = take_pointer(v, &file->map[DOUBLE_INDIRECT]);
    for (uint32_t i = 0; i < doubles && !err; i++)
        err = take_pointer(v, &map->lists[i]);
    if (!err && doubles)
        err = ext2_new_put(v, le32_get(file->map[DOUBLE_INDIRECT]), map->lists,
                           1);
    file->blocks += 1 + (doubles ? 1 + doubles : 0);
    return err;
}

/* Block I of the journal is BLOCK. */
static int put_pointer(struct ext2_new *v, struct journal_map *map,
                       struct first_file *file, uint32_t i, uint32_t block)
{
    uint32_t which, slot;
    le32 home;

    if (i < EXT2_DIRECT) {
        file->map[i] = le32_make(block);
        return 0;
    }
    which = (i - EXT2_DIRECT) / map->pointers;
    slot = (i - EXT2_DIRECT) % map->pointers;
    if (slot == 0)
        memset(map->list, 0, v->super.block_size);
    map->list[slot] = le32_make(block);
    if (slot + 1 < map->pointers && i + 1 < v->journal_blocks)
        return 0;
    home = which == 0 ? file->map[INDIRECT] : map->lists[which - 1];
    return ext2_new_put(v, le32_get(home), map->list, 1);
}

/* The journal's own superblock, in its first block: nothing is logged. */
static int put_journal_super(struct ext2_new *v, uint32_t block)
{
    struct journal_disk_super *raw = (struct journal_disk_super *)v->buf;

    memset(raw, 0, v->super.block_size);
    raw->header.magic = be32_make(JOURNAL_MAGIC);
    raw->header.type = be32_make(JOURNAL_SUPER_V2);
    raw->block_size = be32_make(v->super.block_size);
    raw->blocks = be32_make(v->journal_blocks);
    raw->first = be32_make(1);
    raw->sequence = be32_make(1);
    raw->users = be32_make(1);          /* this volume */
    memcpy(raw->uuid, v->format->uuid, sizeof raw->uuid);
    return ext2_new_put(v, block, raw, 1);
}

static int fill_journal(struct ext2_new *v, struct journal_map *map,
                        struct first_file *file)
{
    int err = take_lists(v, map, file);

    for (uint32_t i = 0; i < v->journal_blocks && !err; i++) {
        uint32_t block;

        err = take(v, &block);
        if (!err && block != map->run + map->run_count) {
            err = ext2_new_clear(v, map->run, map->run_count);
            map->run = block;
            map->run_count = 0;
        }
        map->run_count++;
        if (!err)
            err = put_pointer(v, map, file, i, block);
    }
    if (!err)
        err = ext2_new_clear(v, map->run, map->run_count);
    if (!err)
        err = put_journal_super(v, le32_get(file->map[0]));
    file->blocks += v->journal_blocks;
    return err;
}

static int make_journal(struct ext2_new *v)
{
    size_t size = v->super.block_size;
    struct first_file file = {
        .ino = EXT2_JOURNAL_INO, .mode = SHALE_S_IFREG | 0600, .links = 1,
        .size = (uint64_t)v->journal_blocks << v->super.block_shift,
    };
    struct journal_map map = { .pointers = (uint32_t)(size / sizeof(le32)) };
    int err;

    map.list = shale_zalloc(v->mem, 2 * size);
    if (!map.list)
        return SHALE_ENOMEM;
    map.lists = map.list + map.pointers;
    err = fill_journal(v, &map, &file);
    shale_free(v->mem, map.list, 2 * size);
    if (err)
        return err;
    memcpy(v->journal_map, file.map, sizeof file.map);
    return store(v, &file);
}

/* -------------------------------------------------------------- them all */

int ext2_first_files(struct ext2_new *v)
{
    const struct first_file bad = { .ino = EXT2_BAD_INO };
    int err = store(v, &bad);

    v->next = v->super.first_block;
    if (!err)
        err = make_dirs(v);
    if (!err && (v->super.compat & EXT2_COMPAT_RESIZE_INODE))
        err = make_resize_inode(v);
    if (!err && v->journal_blocks)
        err = make_journal(v);
    return err;
}
