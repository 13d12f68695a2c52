/*
 * boot.c - paths and bytes for the no-heap readers; the formats do the rest
 */
#include "boot/boot.h"

#include <stdbool.h>

#include "memfn.h"

/* The block of the device that byte AT is in is in the sector. */
static int sector_load(struct shale_boot *boot, uint64_t at)
{
    uint64_t start = at & ~(uint64_t)(boot->sector_size - 1);
    size_t len = boot->sector_size;
    int err;

    if (boot->sector_at == start)
        return 0;
    boot->sector_at = UINT64_MAX;
    /* An image's last sector may be cut short; a disk's cannot. */
    if (boot->dev->block_size == 1 && start < boot->dev->size &&
        boot->dev->size - start < len)
        len = (size_t)(boot->dev->size - start);
    err = shale_bdev_read(boot->dev, start, boot->sector, len);
    if (err)
        return err;
    boot->sector_at = start;
    return 0;
}

int boot_bytes(struct shale_boot *boot, uint64_t at, void *buf, size_t len)
{
    uint8_t *to = buf;
    int err = 0;

    if (at > boot->dev->size || len > boot->dev->size - at)
        return SHALE_EIO;
    while (len > 0 && !err) {
        size_t into = (size_t)(at & (boot->sector_size - 1));
        size_t n = boot->sector_size - into;

        if (into == 0 && len >= boot->sector_size) {
            n = len & ~(size_t)(boot->sector_size - 1);
            err = shale_bdev_read(boot->dev, at, to, n);
        } else {
            if (n > len)
                n = len;
            err = sector_load(boot, at);
            if (!err)
                memcpy(to, boot->sector + into, n);
        }
        at += n;
        to += n;
        len -= n;
    }
    return err;
}

int boot_begin(struct shale_boot *boot, const struct shale_boot_format *format,
               struct shale_bdev *dev, void *buf, size_t len)
{
    uint32_t size = dev->block_size < 512 ? 512 : dev->block_size;

    if (len < size || (size & (size - 1)) != 0)
        return SHALE_EINVAL;
    boot->format = format;
    boot->dev = dev;
    boot->sector = buf;
    boot->sector_size = size;
    boot->sector_at = UINT64_MAX;
    return 0;
}

int shale_boot_open(struct shale_boot *boot,
                    const struct shale_boot_format *format,
                    struct shale_bdev *dev, void *buf, size_t len)
{
    int err = boot_begin(boot, format, dev, buf, len);

    return err ? err : format->open(boot);
}

static bool is_dots(const char *name, size_t len)
{
    return name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.'));
}

/*
 * One step along *PATH, which begins with a name of LEN bytes, from the
 * directory *FILE.
 */
static int step(struct shale_boot *boot, const char **path, size_t len,
                struct shale_boot_file *file, unsigned *links)
{
    const struct shale_boot_format *format = boot->format;
    struct shale_boot_file next;
    int err;

    if (file->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (is_dots(*path, len) && !format->follow)
        return SHALE_EINVAL;
    if (is_dots(*path, len) && len == 1) {
        *path += len;
        return 0;
    }
    err = format->find(boot, file, *path, len, &next);
    if (err)
        return err;
    *path += len;
    if (next.type != SHALE_TYPE_SYMLINK || !format->follow) {
        *file = next;
        return 0;
    }
    if ((*links)++ == SHALE_BOOT_LINKS)
        return SHALE_ELOOP;
    err = format->follow(boot, &next, path);
    return err || **path != '/' ? err : format->root(boot, file);
}

int shale_boot_find(struct shale_boot *boot, const char *path,
                    struct shale_boot_file *out)
{
    struct shale_boot_file file;
    int err = boot->format->root(boot, &file);
    unsigned links = 0;

    boot->left = SHALE_BOOT_DIRS;
    while (!err) {
        size_t len = 0;

        while (*path == '/')
            path++;
        if (!*path)
            break;
        while (path[len] && path[len] != '/')
            len++;
        err = step(boot, &path, len, &file, &links);
    }
    if (!err)
        *out = file;
    return err;
}

int64_t boot_read(struct shale_boot *boot, struct shale_boot_file *file,
                  void *buf, size_t len, uint64_t offset)
{
    uint8_t *to = buf;
    size_t left;

    if (offset >= file->size)
        return 0;
    if (len > file->size - offset)
        len = (size_t)(file->size - offset);
    for (left = len; left > 0;) {
        struct shale_extent extent;
        int err = boot->format->map(boot, file, offset, left, &extent);
        size_t n = left;

        if (err)
            return err;
        if (n > extent.length)
            n = (size_t)extent.length;
        if (extent.kind == SHALE_EXTENT_HOLE ||
            extent.kind == SHALE_EXTENT_UNWRITTEN)
            memset(to, 0, n);
        else
            err = boot_bytes(boot, extent.device, to, n);
        if (err)
            return err;
        to += n;
        offset += n;
        left -= n;
    }
    return (int64_t)len;
}

int64_t shale_boot_read(struct shale_boot *boot, struct shale_boot_file *file,
                        void *buf, size_t len, uint64_t offset)
{
    if (file->type != SHALE_TYPE_FILE)
        return file->type == SHALE_TYPE_DIR ? SHALE_EISDIR : SHALE_EINVAL;
    return boot_read(boot, file, buf, len, offset);
}

int shale_boot_list(struct shale_boot *boot, struct shale_boot_file *dir,
                    uint64_t *cookie, struct shale_boot_entry *out)
{
    int more;

    if (dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    boot->left = SHALE_BOOT_DIRS;
    more = boot->format->list(boot, dir, cookie, out);
    if (more > 0)
        out->name[out->len] = '\0';
    return more;
}
