/*
 * ext2.c - ext2, ext3 and ext4 without memory: any block size, maps and extents
 *
 * Blocks may be larger than the sector there is: pointers, descriptors, inodes
 * and records are read one by one, through it. shale_boot_file.where has what
 * is in the inode in place of the map: pointers, the root of an extent tree, or
 * data; and, behind that, which of these it is.
 *
 * A directory can have as many blocks as the device, and they may all be the
 * same. So a call looks at some MiB of directories (boot->left) and no more.
 */
#include "boot/ext2.h"
#include "ext2/dir.h"
#include "memfn.h"

/* The rest is for who writes, or checks. */
#define READABLE (EXT2_READABLE | EXT2_INCOMPAT_RECOVER |                    \
                  EXT2_INCOMPAT_EXTENTS | EXT2_INCOMPAT_64BIT |              \
                  EXT2_INCOMPAT_MMP | EXT2_INCOMPAT_FLEX_BG |                \
                  EXT2_INCOMPAT_EA_INODE | EXT2_INCOMPAT_CSUM_SEED |         \
                  EXT2_INCOMPAT_INLINE_DATA | EXT2_INCOMPAT_ENCRYPT |        \
                  EXT2_INCOMPAT_CASEFOLD)

#define INSIDE_MAX (EXT2_POINTERS * sizeof(le32))

/* What file->where has, says its last word. */
enum kind { MAP, EXTENTS, INSIDE, UNREADABLE };
enum { KIND = EXT2_POINTERS };

struct ext2_state {
    struct ext2_volume vol;     /* what is in the superblock only */
    union {
        struct ext2_disk_super super;           /* while it is opened */
        struct {
            uint8_t name[EXT2_NAME_MAX];        /* of a directory's record */
            char path[SHALE_BOOT_PATH + 1];     /* with symlinks */
        } text;
    } raw;
};

_Static_assert(sizeof(struct ext2_state) <= SHALE_BOOT_STATE, "state of ext2");
_Static_assert(sizeof((struct shale_boot_file *)0)->where >=
                   (KIND + 1) * sizeof(uint32_t), "room for pointers");

static struct ext2_state *state_of(struct shale_boot *boot)
{
    return (struct ext2_state *)(void *)boot->state.bytes;
}

static int ext2_open(struct shale_boot *boot)
{
    struct ext2_state *state = state_of(boot);
    struct ext2_super *super = &state->vol.super;
    const struct ext2_disk_super *raw = &state->raw.super;
    int err;

    memset(&state->vol, 0, sizeof state->vol);
    err = boot_bytes(boot, EXT2_SUPER_OFFSET, &state->raw.super,
                     EXT2_SUPER_SIZE);
    if (err)
        return err;
    if (le16_get(raw->magic) != EXT2_MAGIC)
        return SHALE_ECORRUPT;
    if (le32_get(raw->incompat) & ~READABLE)
        return SHALE_ENOTSUP;
    if ((le32_get(raw->incompat) & EXT2_INCOMPAT_64BIT) &&
        (raw->counts_high[0] | raw->counts_high[1] | raw->counts_high[2] |
         raw->counts_high[3]) != 0)
        return SHALE_ENOTSUP;   /* more than 2^32 blocks */
    if (ext2_super_decode(raw, super))
        return SHALE_ECORRUPT;
    super->at = EXT2_SUPER_OFFSET;
    ext2_volume_init(&state->vol);
    return 0;
}

/* ---------------------------------------------------------------- inodes */

/* Where inode INO is. */
static int inode_at(struct shale_boot *boot, uint32_t ino, uint64_t *at)
{
    const struct ext2_volume *vol = &state_of(boot)->vol;
    const struct ext2_super *super = &vol->super;
    uint32_t group = ext2_group_of_ino(super, ino), table;
    uint32_t in_group = (ino - 1) % super->inodes_per_group;
    uint32_t desc_size = super->block_size / super->descs_per_block;
    uint64_t block = ext2_group_table(vol, group / super->descs_per_block);
    struct ext2_disk_group raw;
    uint64_t desc;
    le32 high = le32_make(0);
    int err;

    if (block >= super->block_count)
        return SHALE_ECORRUPT;
    desc = ext2_block_at(vol, block) +
           group % super->descs_per_block * desc_size;
    err = boot_bytes(boot, desc, &raw, sizeof raw);
    if (!err && desc_size >= EXT2_DESC_SIZE_64)
        err = boot_bytes(boot, desc + EXT2_DESC_TABLE_HIGH, &high, sizeof high);
    if (err)
        return err;
    table = le32_get(raw.inode_table);
    if (le32_get(high) != 0 ||
        !ext2_in_volume(vol, table, super->table_blocks))
        return SHALE_ECORRUPT;
    *at = ext2_block_at(vol, table) + (uint64_t)in_group * super->inode_size;
    return 0;
}

/* How is what RAW, of TYPE and SIZE bytes, holds to be found? */
static enum kind kind_of(const struct ext2_super *super,
                         const struct ext2_disk_inode *raw,
                         enum shale_type type, uint64_t size)
{
    uint32_t flags = le32_get(raw->flags), own = le32_get(raw->blocks);

    if (le32_get(raw->acl_block) != 0 && !(flags & EXT2_INODE_HUGE_FILE))
        own -= super->block_size / 512;
    if (flags & EXT2_INODE_ENCRYPTED)
        return UNREADABLE;
    if (flags & EXT2_INODE_INLINE)      /* what is longer, attributes have */
        return size <= INSIDE_MAX ? INSIDE : UNREADABLE;
    if (flags & EXT2_INODE_EXTENTS)
        return EXTENTS;
    return type == SHALE_TYPE_SYMLINK && size < INSIDE_MAX && own == 0 ? INSIDE
                                                                       : MAP;
}

/* The file of inode INO, to which a name leads. */
static int inode_load(struct shale_boot *boot, uint32_t ino,
                      struct shale_boot_file *out)
{
    const struct ext2_volume *vol = &state_of(boot)->vol;
    struct ext2_disk_inode raw;
    enum shale_type type;
    uint64_t at, size;
    int err;

    if (ino > vol->super.inode_count ||
        (ino < vol->super.first_ino && ino != EXT2_ROOT_INO))
        return SHALE_ECORRUPT;
    err = inode_at(boot, ino, &at);
    if (!err)
        err = boot_bytes(boot, at, &raw, sizeof raw);
    if (err)
        return err;
    type = shale_type_of_mode(le16_get(raw.mode));
    size = le32_get(raw.size);
    if (type == SHALE_TYPE_UNKNOWN || le16_get(raw.links) == 0)
        return SHALE_ECORRUPT;
    if (((le32_get(raw.flags) & EXT2_INODE_EXTENTS) &&
         !(vol->super.incompat & EXT2_INCOMPAT_EXTENTS)) ||
        ((le32_get(raw.flags) & EXT2_INODE_INLINE) &&
         !(vol->super.incompat & EXT2_INCOMPAT_INLINE_DATA)))
        return SHALE_ECORRUPT;  /* which the volume does not declare */
    if (type == SHALE_TYPE_FILE ||
        (type == SHALE_TYPE_DIR &&
         (vol->super.incompat & EXT2_INCOMPAT_LARGE_DIR)))
        size |= (uint64_t)le32_get(raw.size_high) << 32;
    *out = (struct shale_boot_file){ .type = type, .size = size };
    memcpy(out->where, raw.block, sizeof raw.block);
    out->where[KIND] = kind_of(&vol->super, &raw, type, size);
    return size > (out->where[KIND] == MAP ? vol->max_size
                                           : ext2_block_at(vol, UINT32_MAX))
               ? SHALE_ECORRUPT : 0;
}

static int ext2_root(struct shale_boot *boot, struct shale_boot_file *out)
{
    int err = inode_load(boot, EXT2_ROOT_INO, out);

    return !err && out->type != SHALE_TYPE_DIR ? SHALE_ECORRUPT : err;
}

/* ------------------------------------------------------------- the map */

/* Where block INDEX of FILE is, by its map. */
static int pointer_find(struct shale_boot *boot,
                        const struct shale_boot_file *file, uint64_t index,
                        struct ext2_run *out)
{
    const struct ext2_volume *vol = &state_of(boot)->vol;
    const le32 *pointers = (const le32 *)(const void *)file->where;
    struct ext2_path path;
    uint32_t block;

    if (!ext2_path_find(&vol->super, index, &path))
        return SHALE_ECORRUPT;
    block = le32_get(pointers[path.root]);
    for (unsigned level = 0; level < path.depth && block != 0; level++) {
        le32 pointer;
        int err;

        if (!ext2_block_usable(vol, block))
            return SHALE_ECORRUPT;
        err = boot_bytes(boot, ext2_block_at(vol, block) +
                                   path.slot[level] * sizeof pointer,
                         &pointer, sizeof pointer);
        if (err)
            return err;
        block = le32_get(pointer);
    }
    if (block != 0 && !ext2_block_usable(vol, block))
        return SHALE_ECORRUPT;
    *out = (struct ext2_run){ .block = block, .count = 1 };
    return 0;
}

static int ext2_map_byte(struct shale_boot *boot, struct shale_boot_file *file,
                         uint64_t offset, uint64_t want, uint64_t *at,
                         uint64_t *len)
{
    const struct ext2_volume *vol = &state_of(boot)->vol;
    uint64_t index = offset >> vol->super.block_shift;
    uint64_t into = offset & (vol->super.block_size - 1);
    struct ext2_run run;
    int err = SHALE_ENOTSUP;

    (void)want;
    switch ((enum kind)file->where[KIND]) {
    case UNREADABLE:
        break;
    case INSIDE:
        *at = BOOT_INSIDE;
        *len = INSIDE_MAX - offset;
        return 0;
    case EXTENTS:
        err = boot_extent_find(boot, vol, file, (uint32_t)index, &run);
        break;
    case MAP:
        err = pointer_find(boot, file, index, &run);
        break;
    }
    if (err)
        return err;
    *at = run.block ? ext2_block_at(vol, run.block) + into : BOOT_HOLE;
    *len = (run.count << vol->super.block_shift) - into;
    return 0;
}

/* --------------------------------------------------------- directories */

/* A walk through the records of DIR, from byte AT on. */
struct walk {
    struct shale_boot_file *dir;
    uint64_t at;
    uint64_t place, len;        /* where that is, and how far; 0: to be asked */
    uint32_t room;              /* to the end of the block */
};

/* Behind the number of the parent there are records in the inode itself. */
static int walk_inside(struct walk *w)
{
    if (w->at < sizeof(le32))
        w->at = sizeof(le32);
    w->place = BOOT_INSIDE;
    w->room = w->at < w->dir->size ? (uint32_t)(w->dir->size - w->at) : 0;
    w->len = w->room;
    return w->room > 0;
}

/* See to it that w->place is known. 1, or 0 at the end. */
static int walk_place(struct shale_boot *boot, struct walk *w)
{
    uint32_t size = state_of(boot)->vol.super.block_size;

    if (w->dir->where[KIND] == UNREADABLE)
        return SHALE_ENOTSUP;
    if (w->dir->where[KIND] == INSIDE)
        return walk_inside(w);
    if ((w->dir->size & (size - 1)) != 0 || w->dir->size > boot->dev->size)
        return SHALE_ECORRUPT;
    while (w->at < w->dir->size) {
        int err = 0;

        w->room = size - (uint32_t)(w->at & (size - 1));
        if (w->room == size || w->len == 0) {   /* a block, to be counted */
            if (boot->left < size)
                return SHALE_EFBIG;
            boot->left -= size;
        }
        if (w->len == 0)
            err = ext2_map_byte(boot, w->dir, w->at, 1, &w->place, &w->len);
        if (err)
            return err;
        if (w->place != BOOT_HOLE)
            return 1;
        w->at += w->room;
        w->len = 0;
    }
    return 0;
}

/* Read LEN bytes of the record that W is at, from byte INTO of it on. */
static int walk_bytes(struct shale_boot *boot, const struct walk *w,
                      size_t into, void *buf, size_t len)
{
    if (w->place != BOOT_INSIDE)
        return boot_bytes(boot, w->place + into, buf, len);
    memcpy(buf, (const uint8_t *)w->dir->where + w->at + into, len);
    return 0;
}

/*
 * The next record of W that is in use, and neither "." nor, but with DOTS,
 * "..": its name is in state->raw. Returns 1, or 0 at the end.
 */
static int record_next(struct shale_boot *boot, struct walk *w, bool dots,
                       struct ext2_dirent *out)
{
    struct ext2_state *state = state_of(boot);
    uint8_t *name = state->raw.text.name;
    int more;

    while ((more = walk_place(boot, w)) > 0) {
        struct ext2_disk_dirent raw;
        int err;

        if (w->room < EXT2_DIRENT_HEAD || w->len < w->room)
            return SHALE_ECORRUPT;
        err = walk_bytes(boot, w, 0, &raw, sizeof raw);
        if (!err && ext2_dirent_head(&state->vol.super, &raw, w->room, out))
            err = SHALE_ECORRUPT;
        if (!err && out->ino != 0)
            err = walk_bytes(boot, w, sizeof raw, name, out->name_len);
        if (err)
            return err;
        out->name = name;
        w->at += out->rec_len;
        w->place += w->place == BOOT_INSIDE ? 0 : out->rec_len;
        w->len -= out->rec_len;
        if (out->ino != 0 && (!ext2_dirent_is_dots(out) ||
                              (dots && out->name_len == 2)))
            return 1;
    }
    return more;
}

static int ext2_next(struct shale_boot *boot, struct shale_boot_file *dir,
                     uint64_t *cookie, struct shale_boot_entry *out)
{
    struct walk w = { .dir = dir, .at = *cookie };
    struct ext2_dirent entry;
    int more = record_next(boot, &w, false, &entry), err;

    *cookie = w.at;
    if (more <= 0)
        return more;
    for (unsigned i = 0; i < entry.name_len; i++)
        if (entry.name[i] == '/' || entry.name[i] == '\0')
            return SHALE_ECORRUPT;
    if (entry.name_len == 0)
        return SHALE_ECORRUPT;
    out->len = entry.name_len;
    memcpy(out->name, entry.name, out->len);
    err = inode_load(boot, entry.ino, &out->file);
    return err ? err : 1;
}

static int ext2_find(struct shale_boot *boot, struct shale_boot_file *dir,
                     const char *name, size_t len, struct shale_boot_file *out)
{
    const le32 *inside = (const le32 *)(const void *)dir->where;
    struct walk w = { .dir = dir };
    struct ext2_dirent entry;
    int more;

    if (dir->where[KIND] == INSIDE && len == 2 && memcmp(name, "..", 2) == 0)
        return inode_load(boot, le32_get(inside[0]), out);
    while ((more = record_next(boot, &w, true, &entry)) > 0)
        if (ext2_dirent_has_name(&entry, name, len))
            return inode_load(boot, entry.ino, out);
    return more < 0 ? more : SHALE_ENOENT;
}

/* ------------------------------------------------------------- symlinks */

static int ext2_follow(struct shale_boot *boot, struct shale_boot_file *link,
                       const char **path)
{
    char *text = state_of(boot)->raw.text.path;
    size_t len = (size_t)link->size, rest = 0;
    int64_t count;

    while ((*path)[rest])
        rest++;
    if (link->size == 0)
        return SHALE_ECORRUPT;
    if (link->size > SHALE_BOOT_PATH || rest > SHALE_BOOT_PATH - len)
        return SHALE_ENAMETOOLONG;
    memmove(text + len, *path, rest + 1);
    count = boot_read(boot, link, text, len, 0);
    if (count < 0)
        return (int)count;
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0')
            return SHALE_ECORRUPT;
    *path = text;
    return 0;
}

const struct shale_boot_format shale_boot_ext2 = {
    .open   = ext2_open,
    .root   = ext2_root,
    .find   = ext2_find,
    .follow = ext2_follow,
    .list   = ext2_next,
    .map    = ext2_map_byte,
};
