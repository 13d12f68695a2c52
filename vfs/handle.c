/*
 * handle.c - open files: a vnode and a position
 *
 * The position of a directory is the cookie after the entry last read. Entries
 * come from the driver by the batch, packed into a page, so that reading them
 * one at a time does not search for the place again at each of them.
 */
#include "memfn.h"
#include "room.h"

/* One entry in a batch; its name follows. */
struct packed_entry {
    uint64_t ino, next;
    uint16_t len;
    uint8_t type;
};

#define PACKED_SIZE (offsetof(struct packed_entry, type) + 1)

struct shale_file {
    struct shale_vnode *vn;
    uint64_t position;
    uint8_t *batch;             /* SHALE_PAGE_SIZE bytes, or NULL so far */
    size_t batch_at, batch_end; /* what of it is still to be read */
};

int shale_open(struct shale_fs *fs, const char *path, struct shale_file **out)
{
    struct shale_file *file;
    struct shale_vnode *vn;
    int err = shale_walk(fs, NULL, path, 0, &vn);

    if (err)
        return err;
    if (vn->type != SHALE_TYPE_FILE && vn->type != SHALE_TYPE_DIR) {
        shale_vnode_put(vn);
        return SHALE_EINVAL;
    }
    file = vfs_alloc(fs, sizeof *file);
    if (!file) {
        shale_vnode_put(vn);
        return SHALE_ENOMEM;
    }
    *file = (struct shale_file){ .vn = vn };
    *out = file;
    return 0;
}

void shale_close(struct shale_file *file)
{
    struct shale_mem *mem;

    if (!file)
        return;
    mem = file->vn->fs->mem;
    if (file->batch)
        shale_free(mem, file->batch, SHALE_PAGE_SIZE);
    shale_vnode_put(file->vn);
    shale_free(mem, file, sizeof *file);
}

struct shale_vnode *shale_file_vnode(struct shale_file *file)
{
    return file->vn;
}

int64_t shale_file_read(struct shale_file *file, void *buf, size_t len)
{
    int64_t count = shale_read(file->vn, buf, len, file->position);

    if (count > 0)
        file->position += (uint64_t)count;
    return count;
}

int64_t shale_file_write(struct shale_file *file, const void *buf, size_t len)
{
    int64_t count = shale_write(file->vn, buf, len, file->position);

    if (count > 0)
        file->position += (uint64_t)count;
    return count;
}

/* --------------------------------------------------------------- seek */

/* OFFSET from BASE, which is not negative either. */
static int64_t seek_from(uint64_t base, int64_t offset)
{
    if (offset < 0)
        return base < 0 - (uint64_t)offset ? SHALE_EINVAL
                                           : (int64_t)base + offset;
    if ((uint64_t)offset > (uint64_t)INT64_MAX - base)
        return SHALE_EOVERFLOW;
    return (int64_t)base + offset;
}

int64_t shale_file_seek(struct shale_file *file, int64_t offset,
                        enum shale_whence whence)
{
    bool dir = file->vn->type == SHALE_TYPE_DIR;
    int64_t to = SHALE_EINVAL;
    uint64_t size;

    switch (whence) {
    case SHALE_SEEK_SET:
        to = seek_from(0, offset);
        break;
    case SHALE_SEEK_CUR:        /* cookies cannot be reckoned with */
        if (!dir || offset == 0)
            to = seek_from(file->position, offset);
        break;
    case SHALE_SEEK_END:
        if (dir)
            break;
        vnode_lock_shared(file->vn);
        size = file->vn->size;
        vnode_unlock(file->vn);
        to = seek_from(size, offset);
        break;
    case SHALE_SEEK_DATA:
        to = offset < 0 ? SHALE_ENXIO
                        : shale_seek_data(file->vn, (uint64_t)offset);
        break;
    case SHALE_SEEK_HOLE:
        to = offset < 0 ? SHALE_ENXIO
                        : shale_seek_hole(file->vn, (uint64_t)offset);
        break;
    }
    if (to < 0)
        return to;
    file->position = (uint64_t)to;
    file->batch_at = file->batch_end = 0;
    return to;
}

/* ------------------------------------------------------------ readdir */

/* Pack ENTRY; 1, which ends the batch, if it has no room left. */
static int batch_add(void *context, const struct shale_dirent *entry)
{
    struct shale_file *file = context;
    const struct packed_entry packed = {
        entry->ino, entry->next, (uint16_t)entry->len, (uint8_t)entry->type,
    };
    uint8_t *to = file->batch + file->batch_end;

    if (PACKED_SIZE + entry->len > SHALE_PAGE_SIZE - file->batch_end)
        return 1;
    memcpy(to, &packed, PACKED_SIZE);
    memcpy(to + PACKED_SIZE, entry->name, entry->len);
    file->batch_end += PACKED_SIZE + entry->len;
    return 0;
}

static int batch_fill(struct shale_file *file)
{
    int r;

    if (!file->batch) {
        file->batch = vfs_alloc(file->vn->fs, SHALE_PAGE_SIZE);
        if (!file->batch)
            return SHALE_ENOMEM;
    }
    file->batch_at = file->batch_end = 0;
    r = shale_iterate(file->vn, file->position, 0, batch_add, file);

    /* What came before an error is good; the error comes back after it. */
    return file->batch_end > 0 || r > 0 ? 0 : r;
}

int shale_file_readdir(struct shale_file *file, struct shale_entry *out)
{
    struct packed_entry packed = { 0 };
    const uint8_t *from;

    if (file->batch_at == file->batch_end) {
        int err = batch_fill(file);

        if (err)
            return err;
        if (file->batch_end == 0)
            return 0;
    }

    from = file->batch + file->batch_at;
    memcpy(&packed, from, PACKED_SIZE);
    out->ino = packed.ino;
    out->type = (enum shale_type)packed.type;
    memcpy(out->name, from + PACKED_SIZE, packed.len);
    out->name[packed.len] = '\0';
    file->batch_at += PACKED_SIZE + packed.len;
    file->position = packed.next;
    return 1;
}
