/*
 * smallwork.c - volumes at work in one small array
 */
#include "smallwork.h"

#include <stdio.h>
#include <string.h>

#include "exercise.h"

struct shale_mem *smallwork_mem(struct shale_static_arena *arena,
                                uint8_t *array, size_t kib)
{
    shale_static_arena_init(arena, array, kib << 10);
    return shale_mem_create(&arena->source, NULL, 0);
}

int smallwork_mount(struct shale_mem *mem, struct shale_bdev *dev,
                    const char *type, size_t cache, bool write,
                    struct shale_fs **out)
{
    static const struct shale_fs_ops *const drivers[] = {
        &shale_ntfs, &shale_ext2, &shale_fat, NULL,
    };
    const struct shale_config config = {
        .dev = dev, .mem = mem, .drivers = drivers, .type = type,
        .read_only = !write, .cache_bytes = cache << 10,
        .decoded_bytes = 4 << 10, .vnode_max = 4,
    };

    return shale_mount(&config, out);
}

/* Write two pieces of VN, with a gap between them. */
static int fill(struct shale_vnode *vn, unsigned i, const char *name,
                size_t len)
{
    char bytes[3000];
    int64_t count;

    memset(bytes, (int)i, sizeof bytes);
    count = shale_write(vn, bytes, sizeof bytes, 0);
    if (count == (int64_t)sizeof bytes)
        count = shale_write(vn, name, len, 10000);
    if (count < 0)
        return (int)count;
    if (count != (int64_t)len)
        return SHALE_ENOSPC;
    return i % 4 == 0 ? shale_fsync(vn) : 0;
}

int smallwork_change(struct shale_fs *fs, unsigned i)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *root, *vn;
    char name[64];
    size_t len = (size_t)snprintf(name, sizeof name,
                                  "a name longer than eight %u.txt", i);
    int err = shale_walk(fs, NULL, "/", 0, &root);

    if (err)
        return err;
    err = shale_create(root, name, len, &node, &vn);
    if (!err) {
        err = fill(vn, i, name, len);
        shale_vnode_put(vn);
    }
    if (!err && i % 3 == 0)
        err = shale_unlink(root, name, len);
    else if (!err && i % 3 == 1)
        err = shale_rename(root, name, len, root, name + 2, len - 2, 0);
    shale_vnode_put(root);
    return err;
}

int smallwork_read(struct shale_fs *fs, uint64_t *sum)
{
    struct exercise x = { .max_file_bytes = 1 << 20 };
    int err = exercise(fs, &x);

    *sum = x.sum;
    if (!err && x.error_count > 0)
        err = x.errors[0];
    return err || x.entries > 0 ? err : SHALE_ENOENT;
}
