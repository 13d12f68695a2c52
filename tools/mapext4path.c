/*
 * mapext4path.c - what a path leads to, on a volume that is not mounted
 *
 * Directories are read from their beginning, whatever index they have: its
 * blocks look like records that are not in use. A small one is in its inode,
 * in two pieces: behind the number of its parent, and in an attribute.
 */
#include <stdlib.h>
#include <string.h>

#include "ext2/dir.h"
#include "ext2/xattr.h"
#include "mapext4.h"

#define LINKS_MAX 40            /* symlinks on the way, as Linux has it */

/* The value of "system.data", in FILE's inode; NULL: there is none. */
static const uint8_t *inline_rest(const struct map_ext4 *vol,
                                  const struct map_ext4_file *file,
                                  uint32_t *size)
{
    const uint8_t *bytes = file->raw.bytes;
    uint32_t end = vol->core.super.inode_size, first, at;
    le32 magic;

    *size = 0;
    if (end < EXT2_GOOD_OLD_INODE + sizeof(le16))
        return NULL;
    first = EXT2_GOOD_OLD_INODE +
            le16_get(*(const le16 *)(bytes + EXT2_GOOD_OLD_INODE)) +
            (uint32_t)sizeof magic;
    if (first > end)
        return NULL;
    memcpy(&magic, bytes + first - sizeof magic, sizeof magic);
    if (le32_get(magic) != EXT2_XATTR_MAGIC)
        return NULL;
    for (at = first; at + sizeof(struct ext2_disk_xattr_entry) <= end;) {
        const struct ext2_disk_xattr_entry *entry =
            (const void *)(bytes + at);
        uint32_t value = first + le16_get(entry->value_offset);
        uint32_t len = le32_get(entry->value_size);

        if (entry->name_len == 0)       /* the end: zeros */
            return NULL;
        at += (uint32_t)sizeof *entry;
        if (entry->name_index == EXT2_XATTR_SYSTEM && entry->name_len == 4 &&
            at + 4 <= end && !memcmp(bytes + at, "data", 4)) {
            if (value > end || len > end - value)
                return NULL;
            *size = len;
            return bytes + value;
        }
        at += (entry->name_len + 3u) & ~3u;
    }
    return NULL;
}

/* ----------------------------------------------------------- directories */

/* Look for NAME among the records in SIZE BYTES. 1, if it is there. */
static int records_find(const struct map_ext4 *vol, const uint8_t *bytes,
                        uint32_t size, const char *name, size_t len,
                        uint32_t *ino)
{
    struct ext2_dirent entry;

    for (uint32_t at = 0; at < size; at += entry.rec_len) {
        if (size - at < EXT2_DIRENT_HEAD ||
            ext2_dirent_head(&vol->core.super, (const void *)(bytes + at),
                             size - at, &entry))
            return SHALE_ECORRUPT;
        entry.name = bytes + at + EXT2_DIRENT_HEAD;
        if (ext2_dirent_has_name(&entry, name, len)) {
            *ino = entry.ino;
            return 1;
        }
    }
    return 0;
}

static int inline_find(const struct map_ext4 *vol,
                       const struct map_ext4_file *dir, const char *name,
                       size_t len, uint32_t *ino)
{
    const le32 *block = dir->raw.inode.block;
    const uint8_t *rest;
    uint32_t size;
    int found = 1;

    if (len == 1 && *name == '.') {
        *ino = dir->ino;
    } else if (len == 2 && !memcmp(name, "..", 2)) {
        *ino = le32_get(block[0]);
    } else {
        found = records_find(vol, block[1].b,
                             EXT4_INSIDE - (uint32_t)sizeof *block, name, len,
                             ino);
        rest = inline_rest(vol, dir, &size);
        if (found == 0 && rest)
            found = records_find(vol, rest, size, name, len, ino);
    }
    return found;
}

static int blocks_find(struct map_ext4 *vol, const struct map_ext4_file *dir,
                       const char *name, size_t len, uint32_t *ino)
{
    uint32_t size = vol->core.super.block_size;
    int found = 0;

    if (dir->size % size != 0 || dir->size > vol->dev.base.size)
        return SHALE_ECORRUPT;
    for (uint64_t at = 0; at < dir->size && found == 0;) {
        struct shale_extent extent;
        const uint8_t *bytes;
        int err = mapext4_map(vol, dir, at, &extent);

        at += extent.length;
        if (!err && extent.kind == SHALE_EXTENT_HOLE)
            continue;
        for (uint64_t i = 0; i < extent.length && !err && !found; i += size) {
            err = ext4_block(vol, EXT4_CONTENT, (extent.device + i) / size,
                             &bytes);
            if (!err)
                found = records_find(vol, bytes, size, name, len, ino);
        }
        if (err)
            return err;
    }
    return found;
}

/* What NAME in DIR leads to; DIR and OUT may be the same. */
static int dir_find(struct map_ext4 *vol, const struct map_ext4_file *dir,
                    const char *name, size_t len, struct map_ext4_file *out)
{
    uint32_t ino = 0;
    int found;

    if (dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (len > EXT2_NAME_MAX)
        return SHALE_ENAMETOOLONG;
    if (dir->flags & EXT2_INODE_ENCRYPTED)
        return SHALE_ENOTSUP;
    found = dir->flags & EXT2_INODE_INLINE
                ? inline_find(vol, dir, name, len, &ino)
                : blocks_find(vol, dir, name, len, &ino);
    if (found <= 0)
        return found < 0 ? found : SHALE_ENOENT;
    return ext4_inode(vol, ino, out);
}

/* -------------------------------------------------------------- symlinks */

/* The target of LINK, and behind it what is left of the path, to be freed. */
static int link_follow(struct map_ext4 *vol, const struct map_ext4_file *link,
                       const char *left, char **out)
{
    const uint8_t *text = link->raw.inode.block->b, *rest = NULL;
    size_t len = (size_t)link->size, inside, more = strlen(left);
    uint32_t rest_size = 0;
    struct shale_extent extent;
    int err;

    if (link->flags & EXT2_INODE_ENCRYPTED)
        return SHALE_ENOTSUP;
    if (len == 0 || len >= SHALE_PATH_MAX)
        return SHALE_ECORRUPT;
    if (more >= SHALE_PATH_MAX - len)
        return SHALE_ENAMETOOLONG;
    inside = len < EXT4_INSIDE ? len : EXT4_INSIDE;
    if (link->flags & EXT2_INODE_INLINE) {
        rest = inline_rest(vol, link, &rest_size);
        if (len - inside > rest_size)
            return SHALE_ECORRUPT;
    } else if (len >= EXT4_INSIDE || (link->flags & EXT2_INODE_EXTENTS)) {
        err = mapext4_map(vol, link, 0, &extent);
        if (!err && (extent.kind != SHALE_EXTENT_DATA || extent.length < len))
            err = SHALE_ECORRUPT;
        if (!err)
            err = ext4_block(vol, EXT4_CONTENT,
                             extent.device >> vol->core.super.block_shift,
                             &text);
        if (err || len > vol->core.super.block_size)
            return err ? err : SHALE_ECORRUPT;
        inside = len;
    }
    *out = xmalloc(len + more + 1);
    memcpy(*out, text, inside);
    if (len > inside)
        memcpy(*out + inside, rest, len - inside);
    memcpy(*out + len, left, more + 1);
    return 0;
}

/* ----------------------------------------------------------------- paths */

int mapext4_find(struct map_ext4 *vol, const char *path,
                 struct map_ext4_file *out)
{
    char *text = xstrdup(path), *at = text, *next;
    unsigned links = 0;
    int err = ext4_inode(vol, EXT2_ROOT_INO, out);

    while (!err && *at) {
        size_t len = strcspn(at, "/");
        uint32_t dir = out->ino;

        if (len == 0) {
            err = out->type == SHALE_TYPE_DIR ? 0 : SHALE_ENOTDIR;
            at++;
            continue;
        }
        err = dir_find(vol, out, at, len, out);
        at += len;
        if (err || out->type != SHALE_TYPE_SYMLINK)
            continue;
        err = ++links > LINKS_MAX ? SHALE_ELOOP
                                  : link_follow(vol, out, at, &next);
        if (err)
            break;
        free(text);
        text = at = next;
        err = ext4_inode(vol, *at == '/' ? EXT2_ROOT_INO : dir, out);
    }
    free(text);
    return err;
}
