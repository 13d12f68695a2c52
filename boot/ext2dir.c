/*
 * ext2dir.c - directories of ext2 without memory
 *
 * They are read from their beginning, whatever index they have: its blocks look
 * like records that are not in use. One can have as many blocks as the device,
 * and they may all be the same; so a call looks at some MiB of them
 * (boot->left) and no more.
 */
#include "boot/ext2.h"
#include "ext2/dir.h"
#include "memfn.h"

/* A walk through the records of DIR, from byte AT on. */
struct walk {
    struct shale_boot_file *dir;
    uint64_t at;
    uint64_t place, len;        /* where that is, and how far; 0: to be asked */
    uint32_t room;              /* to the end of the block */
};

/* No record goes over the end of a block, or of either part in the inode. */
static uint32_t room_of(const struct walk *w, uint32_t block_size)
{
    if (!(w->dir->where[BOOT_FLAGS] & EXT2_INODE_INLINE))
        return block_size - (uint32_t)(w->at & (block_size - 1));
    return (uint32_t)((w->at < BOOT_INSIDE ? BOOT_INSIDE : w->dir->size) -
                      w->at);
}

/* Can DIR have records? */
static int dir_check(struct shale_boot *boot, const struct shale_boot_file *dir)
{
    uint32_t flags = dir->where[BOOT_FLAGS];
    uint32_t size = boot_ext2_of(boot)->vol.super.block_size;

    if (flags & EXT2_INODE_ENCRYPTED)
        return SHALE_ENOTSUP;
    return !(flags & EXT2_INODE_INLINE) &&
           ((dir->size & (size - 1)) != 0 || dir->size > boot->dev->size)
               ? SHALE_ECORRUPT : 0;
}

/* Find out where W is, past what are holes. Returns 1, or 0 at the end. */
static int walk_place(struct shale_boot *boot, struct walk *w)
{
    uint32_t size = boot_ext2_of(boot)->vol.super.block_size;
    int err = dir_check(boot, w->dir);

    /* The number of the parent comes first. */
    if ((w->dir->where[BOOT_FLAGS] & EXT2_INODE_INLINE) &&
        w->at < sizeof(le32))
        w->at = sizeof(le32);
    while (!err && w->at < w->dir->size) {
        struct shale_extent extent;

        w->room = room_of(w, size);
        if (w->room == size || w->len == 0) {   /* a block, to be counted */
            if (boot->left < size)
                return SHALE_EFBIG;
            boot->left -= size;
        }
        if (w->len > 0)
            return 1;
        err = boot_ext2_map(boot, w->dir, w->at, 1, &extent);
        if (err)
            break;
        if (extent.kind == SHALE_EXTENT_DATA ||
            extent.kind == SHALE_EXTENT_INLINE) {
            w->place = extent.device;
            w->len = extent.length;
            return 1;
        }
        w->at += extent.length;
    }
    return err;
}

/*
 * The next record of W that is in use, and neither "." nor, but with DOTS,
 * "..": its name is in state->raw. Returns 1, or 0 at the end.
 */
static int record_next(struct shale_boot *boot, struct walk *w, bool dots,
                       struct ext2_dirent *out)
{
    struct boot_ext2 *state = boot_ext2_of(boot);
    uint8_t *name = state->raw.text.name;
    int more;

    while ((more = walk_place(boot, w)) > 0) {
        struct ext2_disk_dirent raw;
        int err;

        if (w->room < EXT2_DIRENT_HEAD || w->len < w->room)
            return SHALE_ECORRUPT;
        err = boot_bytes(boot, w->place, &raw, sizeof raw);
        if (!err && ext2_dirent_head(&state->vol.super, &raw, w->room, out))
            err = SHALE_ECORRUPT;
        if (!err && out->ino != 0)
            err = boot_bytes(boot, w->place + sizeof raw, name, out->name_len);
        if (err)
            return err;
        out->name = name;
        w->at += out->rec_len;
        w->place += out->rec_len;
        w->len -= out->rec_len;
        if (out->ino != 0 && (!ext2_dirent_is_dots(out) ||
                              (dots && out->name_len == 2)))
            return 1;
    }
    return more;
}

int boot_ext2_list(struct shale_boot *boot, struct shale_boot_file *dir,
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
    err = boot_ext2_load(boot, entry.ino, &out->file);
    return err ? err : 1;
}

int boot_ext2_find(struct shale_boot *boot, struct shale_boot_file *dir,
                   const char *name, size_t len, struct shale_boot_file *out)
{
    const le32 *inside = (const le32 *)(const void *)dir->where;
    struct walk w = { .dir = dir };
    struct ext2_dirent entry;
    int more;

    if ((dir->where[BOOT_FLAGS] & EXT2_INODE_INLINE) && len == 2 &&
        memcmp(name, "..", 2) == 0)
        return boot_ext2_load(boot, le32_get(inside[0]), out);
    while ((more = record_next(boot, &w, true, &entry)) > 0)
        if (ext2_dirent_has_name(&entry, name, len))
            return boot_ext2_load(boot, entry.ino, out);
    return more < 0 ? more : SHALE_ENOENT;
}
