/*
 * memory.c - a device over an array in memory
 */
#include "memfn.h"
#include "shale/bdev.h"

static struct shale_memory_bdev *memory_of(struct shale_bdev *dev)
{
    return (struct shale_memory_bdev *)dev;
}

static int memory_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                       size_t len)
{
    memcpy(buf, memory_of(dev)->bytes + offset, len);
    return 0;
}

static int memory_write(struct shale_bdev *dev, uint64_t offset,
                        const void *buf, size_t len)
{
    memcpy(memory_of(dev)->bytes + offset, buf, len);
    return 0;
}

static const void *memory_direct(struct shale_bdev *dev, uint64_t offset,
                                 size_t len)
{
    (void)len;
    return memory_of(dev)->bytes + offset;
}

static const struct shale_bdev_ops memory_ops = {
    .read   = memory_read,
    .write  = memory_write,
    .direct = memory_direct,
};

static const struct shale_bdev_ops memory_read_only_ops = {
    .read   = memory_read,
    .direct = memory_direct,
};

void shale_memory_bdev_init(struct shale_memory_bdev *memory, void *bytes,
                            uint64_t size, uint32_t block_size, bool read_only)
{
    *memory = (struct shale_memory_bdev){
        .base = {
            .ops = read_only ? &memory_read_only_ops : &memory_ops,
            .size = size - size % block_size,
            .block_size = block_size,
            .fd = -1,
        },
        .bytes = bytes,
    };
}
