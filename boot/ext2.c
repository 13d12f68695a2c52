/*
 * ext2.c - ext2, ext3 and ext4 without memory: the volume, inodes, symlinks
 *
 * Blocks may be larger than the sector there is: pointers, descriptors, inodes
 * and records are read one by one, through it.
 */
#include "boot/ext2.h"
#include "memfn.h"

/* The rest is for who writes, or checks. */
#define READABLE (EXT2_READABLE | EXT2_INCOMPAT_RECOVER |                    \
                  EXT2_INCOMPAT_EXTENTS | EXT2_INCOMPAT_64BIT |              \
                  EXT2_INCOMPAT_MMP | EXT2_INCOMPAT_FLEX_BG |                \
                  EXT2_INCOMPAT_EA_INODE | EXT2_INCOMPAT_CSUM_SEED |         \
                  EXT2_INCOMPAT_INLINE_DATA | EXT2_INCOMPAT_ENCRYPT |        \
                  EXT2_INCOMPAT_CASEFOLD)

int boot_ext2_open(struct shale_boot *boot, uint64_t at)
{
    struct boot_ext2 *state = boot_ext2_of(boot);
    struct ext2_super *super = &state->vol.super;
    const struct ext2_disk_super *raw = &state->raw.super;
    int err;

    memset(&state->vol, 0, sizeof state->vol);
    err = boot_bytes(boot, at, &state->raw.super, EXT2_SUPER_SIZE);
    if (err)
        return err;
    if (le16_get(raw->magic) != EXT2_MAGIC)
        return SHALE_ECORRUPT;
    if (le32_get(raw->incompat) & ~READABLE)
        return SHALE_ENOTSUP;
    if ((le32_get(raw->incompat) & EXT2_INCOMPAT_64BIT) &&
        (raw->counts_high[0] | raw->counts_high[1] | raw->counts_high[2] |
         raw->counts_high[3]) != 0)
        return SHALE_ENOTSUP;   /* 2^32 blocks or more */
    if (ext2_super_decode(raw, super))
        return SHALE_ECORRUPT;
    super->at = at;
    ext2_volume_init(&state->vol);
    return 0;
}

static int ext2_open(struct shale_boot *boot)
{
    return boot_ext2_open(boot, EXT2_SUPER_OFFSET);
}

/* ---------------------------------------------------------------- inodes */

int boot_ext2_inode_at(struct shale_boot *boot, uint32_t ino, uint64_t *at)
{
    const struct ext2_volume *vol = &boot_ext2_of(boot)->vol;
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

/*
 * What is to be known of how the inode RAW, of TYPE and SIZE bytes, has its
 * data. The target of a symlink that has no blocks of its own is inline, which
 * only larger ones say.
 */
static uint32_t flags_of(const struct ext2_super *super,
                         const struct ext2_disk_inode *raw,
                         enum shale_type type, uint64_t size)
{
    uint32_t flags = le32_get(raw->flags), own = le32_get(raw->blocks);

    if (le32_get(raw->acl_block) != 0 && !(flags & EXT2_INODE_HUGE_FILE))
        own -= super->block_size / 512;
    if (type == SHALE_TYPE_SYMLINK && size < BOOT_INSIDE && own == 0 &&
        !(flags & EXT2_INODE_EXTENTS))
        flags |= EXT2_INODE_INLINE;
    return flags;
}

/* Does the volume declare what FLAGS, of an inode, say? */
static bool is_declared(const struct ext2_super *super, uint32_t flags)
{
    return (!(flags & EXT2_INODE_EXTENTS) ||
            (super->incompat & EXT2_INCOMPAT_EXTENTS)) &&
           (!(flags & EXT2_INODE_INLINE) ||
            (super->incompat & EXT2_INCOMPAT_INLINE_DATA));
}

/* How large can a file be that has these FLAGS? */
static uint64_t size_limit(const struct ext2_volume *vol, uint32_t flags)
{
    return flags & EXT2_INODE_INLINE ? vol->super.inode_size :
           flags & EXT2_INODE_EXTENTS ? ext2_block_at(vol, UINT32_MAX)
                                      : vol->max_size;
}

int boot_ext2_load(struct shale_boot *boot, uint32_t ino,
                   struct shale_boot_file *out)
{
    const struct ext2_volume *vol = &boot_ext2_of(boot)->vol;
    struct ext2_disk_inode raw;
    enum shale_type type;
    uint64_t at, size;
    int err;

    if (ino == 0 || ino > vol->super.inode_count ||
        (ino < vol->super.first_ino && ino != EXT2_ROOT_INO))
        return SHALE_ECORRUPT;
    err = boot_ext2_inode_at(boot, ino, &at);
    if (!err)
        err = boot_bytes(boot, at, &raw, sizeof raw);
    if (err)
        return err;
    type = shale_type_of_mode(le16_get(raw.mode));
    size = le32_get(raw.size);
    if (type == SHALE_TYPE_UNKNOWN || le16_get(raw.links) == 0 ||
        !is_declared(&vol->super, le32_get(raw.flags)))
        return SHALE_ECORRUPT;
    if (type == SHALE_TYPE_FILE ||
        (type == SHALE_TYPE_DIR &&
         (vol->super.incompat & EXT2_INCOMPAT_LARGE_DIR)))
        size |= (uint64_t)le32_get(raw.size_high) << 32;
    *out = (struct shale_boot_file){ .type = type, .size = size };
    memcpy(out->where, raw.block, sizeof raw.block);
    out->where[BOOT_FLAGS] = flags_of(&vol->super, &raw, type, size);
    out->where[BOOT_INO] = ino;
    return size > size_limit(vol, out->where[BOOT_FLAGS]) ? SHALE_ECORRUPT : 0;
}

static int ext2_root(struct shale_boot *boot, struct shale_boot_file *out)
{
    int err = boot_ext2_load(boot, EXT2_ROOT_INO, out);

    return !err && out->type != SHALE_TYPE_DIR ? SHALE_ECORRUPT : err;
}

/* What is encrypted can be found, but not read. */
static int ext2_map_byte(struct shale_boot *boot, struct shale_boot_file *file,
                         uint64_t offset, uint64_t want,
                         struct shale_extent *out)
{
    if (file->where[BOOT_FLAGS] & EXT2_INODE_ENCRYPTED)
        return SHALE_ENOTSUP;
    return boot_ext2_map(boot, file, offset, want, out);
}

/* ------------------------------------------------------------- symlinks */

static int ext2_follow(struct shale_boot *boot, struct shale_boot_file *link,
                       const char **path)
{
    char *text = boot_ext2_of(boot)->raw.text.path;
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
    .find   = boot_ext2_find,
    .follow = ext2_follow,
    .list   = boot_ext2_list,
    .map    = ext2_map_byte,
};
