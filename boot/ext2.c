/*
 * ext2.c - ext2 and ext3 without memory: all block sizes, maps of three levels
 *
 * Blocks may be larger than the sector there is: pointers, descriptors, inodes
 * and records are read one by one, through it. shale_boot_file.where has the
 * inode's pointers.
 *
 * A directory has no more blocks than the device, so that one whose blocks are
 * all the same, however many, is seen through in bounded time.
 */
#include "boot/boot.h"
#include "ext2/dir.h"
#include "memfn.h"

struct ext2_state {
    struct ext2_volume vol;     /* what is in the superblock only */
    union {
        struct ext2_disk_super super;           /* while it is opened */
        uint8_t name[EXT2_NAME_MAX];
    } raw;
};

_Static_assert(sizeof(struct ext2_state) <= SHALE_BOOT_STATE, "state of ext2");
_Static_assert(sizeof((struct shale_boot_file *)0)->where >=
                   EXT2_POINTERS * sizeof(le32), "room for pointers");

static struct ext2_state *state_of(struct shale_boot *boot)
{
    return (struct ext2_state *)(void *)boot->state.bytes;
}

static int ext2_open(struct shale_boot *boot)
{
    struct ext2_state *state = state_of(boot);
    struct ext2_super *super = &state->vol.super;
    int err;

    memset(&state->vol, 0, sizeof state->vol);
    err = boot_bytes(boot, EXT2_SUPER_OFFSET, &state->raw.super,
                     EXT2_SUPER_SIZE);
    if (err)
        return err;
    if (le16_get(state->raw.super.magic) != EXT2_MAGIC)
        return SHALE_ECORRUPT;
    if (le32_get(state->raw.super.incompat) &
        ~(EXT2_READABLE | EXT2_INCOMPAT_RECOVER))
        return SHALE_ENOTSUP;
    if (ext2_super_decode(&state->raw.super, super))
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
    uint64_t block = ext2_group_table(vol, group / super->descs_per_block);
    struct ext2_disk_group raw;
    int err;

    if (block >= super->block_count)
        return SHALE_ECORRUPT;
    err = boot_bytes(boot, ext2_block_at(vol, block) +
                               group % super->descs_per_block * sizeof raw,
                     &raw, sizeof raw);
    if (err)
        return err;
    table = le32_get(raw.inode_table);
    if (!ext2_in_volume(vol, table, super->table_blocks))
        return SHALE_ECORRUPT;
    *at = ext2_block_at(vol, table) + (uint64_t)in_group * super->inode_size;
    return 0;
}

/* The file of inode INO, to which a name leads. */
static int inode_load(struct shale_boot *boot, uint32_t ino,
                      struct shale_boot_file *out)
{
    const struct ext2_volume *vol = &state_of(boot)->vol;
    struct ext2_disk_inode raw;
    uint32_t mode;
    uint64_t at;
    int err;

    if (ino > vol->super.inode_count ||
        (ino < vol->super.first_ino && ino != EXT2_ROOT_INO))
        return SHALE_ECORRUPT;
    err = inode_at(boot, ino, &at);
    if (!err)
        err = boot_bytes(boot, at, &raw, sizeof raw);
    if (err)
        return err;
    mode = le16_get(raw.mode);
    *out = (struct shale_boot_file){
        .type = shale_type_of_mode(mode), .size = le32_get(raw.size),
    };
    if (out->type == SHALE_TYPE_UNKNOWN || le16_get(raw.links) == 0)
        return SHALE_ECORRUPT;
    if (le32_get(raw.flags) & (EXT2_INODE_EXTENTS | EXT2_INODE_INLINE))
        return SHALE_ECORRUPT;  /* which the volume does not declare */
    if (out->type == SHALE_TYPE_FILE ||
        (out->type == SHALE_TYPE_DIR &&
         (vol->super.incompat & EXT2_INCOMPAT_LARGE_DIR)))
        out->size |= (uint64_t)le32_get(raw.size_high) << 32;
    if (out->size > vol->max_size)
        return SHALE_ECORRUPT;
    for (unsigned i = 0; i < EXT2_POINTERS; i++)
        out->where[i] = le32_get(raw.block[i]);
    return 0;
}

static int ext2_root(struct shale_boot *boot, struct shale_boot_file *out)
{
    int err = inode_load(boot, EXT2_ROOT_INO, out);

    return !err && out->type != SHALE_TYPE_DIR ? SHALE_ECORRUPT : err;
}

/* ------------------------------------------------------------- the map */

static int ext2_map_byte(struct shale_boot *boot, struct shale_boot_file *file,
                         uint64_t offset, uint64_t want, uint64_t *at,
                         uint64_t *len)
{
    const struct ext2_volume *vol = &state_of(boot)->vol;
    uint32_t size = vol->super.block_size, block;
    uint64_t into = offset & (size - 1);
    struct ext2_path path;

    (void)want;
    if (!ext2_path_find(&vol->super, offset >> vol->super.block_shift, &path))
        return SHALE_ECORRUPT;
    block = file->where[path.root];
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
    *at = block ? ext2_block_at(vol, block) + into : BOOT_HOLE;
    *len = size - into;
    return 0;
}

/* --------------------------------------------------------- directories */

/*
 * The record at byte *AT of DIR, or after it, that is in use and neither "."
 * nor "..": its name is in state->raw, and *AT behind it. Returns 1, or 0 at
 * the end.
 */
static int record_next(struct shale_boot *boot, struct shale_boot_file *dir,
                       uint64_t *at, struct ext2_dirent *out)
{
    struct ext2_state *state = state_of(boot);
    const struct ext2_super *super = &state->vol.super;
    uint32_t size = super->block_size;

    if ((dir->size & (size - 1)) != 0 || dir->size > boot->dev->size)
        return SHALE_ECORRUPT;
    while (*at < dir->size) {
        uint32_t room = size - (uint32_t)(*at & (size - 1));
        struct ext2_disk_dirent raw;
        uint64_t place, len;
        int err = ext2_map_byte(boot, dir, *at, 1, &place, &len);

        if (err)
            return err;
        if (place == BOOT_HOLE) {
            *at += room;
            continue;
        }
        if (room < EXT2_DIRENT_HEAD)
            return SHALE_ECORRUPT;
        err = boot_bytes(boot, place, &raw, sizeof raw);
        if (err)
            return err;
        if (ext2_dirent_head(super, &raw, room, out))
            return SHALE_ECORRUPT;
        *at += out->rec_len;
        out->name = state->raw.name;
        if (out->ino == 0)
            continue;
        err = boot_bytes(boot, place + sizeof raw, state->raw.name,
                         out->name_len);
        if (err)
            return err;
        if (!ext2_dirent_is_dots(out))
            return 1;
    }
    return 0;
}

static int ext2_next(struct shale_boot *boot, struct shale_boot_file *dir,
                     uint64_t *cookie, struct shale_boot_entry *out)
{
    struct ext2_dirent entry;
    int more = record_next(boot, dir, cookie, &entry), err;

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
    struct ext2_dirent entry;
    uint64_t at = 0;
    int more;

    while ((more = record_next(boot, dir, &at, &entry)) > 0)
        if (ext2_dirent_has_name(&entry, name, len))
            return inode_load(boot, entry.ino, out);
    return more < 0 ? more : SHALE_ENOENT;
}

const struct shale_boot_format shale_boot_ext2 = {
    .open = ext2_open,
    .root = ext2_root,
    .find = ext2_find,
    .list = ext2_next,
    .map  = ext2_map_byte,
};
