/*
 * interix.c - links, devices, fifos and sockets of Interix
 *
 * Interix, Microsoft's Unix of before WSL, had no reparse points for these, and
 * ntfs-3g makes them the same way. They are files with the SYSTEM attribute,
 * told by their data:
 *
 *     empty                        fifo, unless the file is HIDDEN
 *     1 byte                       socket, unless the file is HIDDEN
 *     "IntxLNK\1", UTF-16          symlink, and its target
 *     "IntxCHR\0", major, minor    device; both are 64 bits wide
 *     "IntxBLK\0", major, minor
 *
 * Windows' own system files (of which all that are empty are hidden) are none.
 * (As found in volumes that ntfs-3g made.)
 */
#include "memfn.h"
#include "ntfs.h"
#include "utf16.h"

#define MAGIC_SIZE 8u

struct interix_device {
    uint8_t magic[MAGIC_SIZE];
    le64 major, minor;
};

/* Bytes of the longest link: its target, in units, makes a path. */
#define LINK_SIZE_MAX (MAGIC_SIZE + 2 * (uint64_t)(SHALE_PATH_MAX - 1))

static bool magic_is(const void *bytes, const char *magic)
{
    return memcmp(bytes, magic, MAGIC_SIZE) == 0;
}

/* -------------------------------------------------------------- targets */

/*
 * Store the target of the link whose data is STREAM, as UTF-8 and up to a NUL,
 * in the SIZE bytes of BUF, if it has that room; BUF may be NULL, then SIZE is
 * 0. Returns its length.
 */
static int64_t target_get(struct ntfs_volume *vol,
                          const struct ntfs_stream *stream, char *buf,
                          size_t size)
{
    struct shale_mem *mem = vol->fs->mem;
    size_t count = (size_t)(stream->size - MAGIC_SIZE) / 2, used = 0, len;
    /* The units, and behind them their UTF-8. */
    uint16_t *units = shale_alloc(mem, 5 * count);
    char *text;
    int err;

    if (!units)
        return SHALE_ENOMEM;
    err = ntfs_stream_read(vol, stream, MAGIC_SIZE, units, 2 * count);
    if (err) {
        shale_free(mem, units, 5 * count);
        return err;
    }
    for (size_t i = 0; i < count; i++) {
        le16 unit;

        memcpy(&unit, units + i, sizeof unit);
        units[i] = le16_get(unit);
    }
    while (used < count && units[used] != 0)
        used++;
    text = (char *)(units + count);
    len = utf16_to_utf8(units, used, text);
    if (len > 0 && len <= size)
        memcpy(buf, text, len);
    shale_free(mem, units, 5 * count);
    return (int64_t)len;
}

/* ------------------------------------------------------------- what it is */

/* Is INFO of a special? DATA begins with what HEAD has of it. */
static int tell(struct ntfs_volume *vol, const struct ntfs_stream *data,
                const struct interix_device *head, struct ntfs_info *info)
{
    uint64_t major = le64_get(head->major), minor = le64_get(head->minor);
    int64_t len;

    if (magic_is(head->magic, "IntxLNK\1")) {
        len = target_get(vol, data, NULL, 0);
        if (len < 0)
            return (int)len;
        /* A path of UTF-8 has an end too. */
        if (len == 0 || len >= SHALE_PATH_MAX)
            return 0;
        info->type = SHALE_TYPE_SYMLINK;
        info->symlink_length = (uint64_t)len;
        return 0;
    }
    if (data->size != sizeof *head || major > UINT32_MAX || minor > UINT32_MAX)
        return 0;
    if (magic_is(head->magic, "IntxCHR\0"))
        info->type = SHALE_TYPE_CHAR;
    else if (magic_is(head->magic, "IntxBLK\0"))
        info->type = SHALE_TYPE_BLOCK;
    else
        return 0;
    info->rdev_major = (uint32_t)major;
    info->rdev_minor = (uint32_t)minor;
    return 0;
}

int ntfs_interix_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_info *info)
{
    struct interix_device head = { { 0 }, {{ 0 }}, {{ 0 }} };
    struct ntfs_stream data = { 0 };
    size_t len = sizeof head;
    int err;

    if (info->size <= 1) {
        if (!(info->flags & NTFS_FILE_HIDDEN))
            info->type = info->size == 0 ? SHALE_TYPE_FIFO : SHALE_TYPE_SOCKET;
        return 0;
    }
    if (info->size < MAGIC_SIZE + 2 || info->size > LINK_SIZE_MAX + 1)
        return 0;

    err = ntfs_stream_open(vol, base, NTFS_DATA, NULL, 0, &data);
    if (err <= 0)
        return err;
    err = 0;
    if (data.size < len)
        len = (size_t)data.size;
    /* A link that somebody compressed stays a file. */
    if (ntfs_stream_is_plain(&data) && len >= MAGIC_SIZE + 2) {
        err = ntfs_stream_read(vol, &data, 0, &head, len);
        if (!err)
            err = tell(vol, &data, &head, info);
    }
    ntfs_stream_close(vol, &data);
    return err;
}

int64_t ntfs_interix_readlink(struct shale_vnode *base, char *buf, size_t size)
{
    const struct ntfs_vnode *vn = (const struct ntfs_vnode *)base;
    int64_t len = target_get(ntfs_volume_of(base->fs), &vn->data, buf, size);

    return len > (int64_t)size ? SHALE_ERANGE : len;
}
