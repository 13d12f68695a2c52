/*
 * place.c - sectors and bytes of the volume, and the blocks they are in
 *
 * A block of the cache is a sector, or several where nothing is written; so
 * neither need begin or end with what is looked for in it.
 */
#include "fat.h"

int fat_view_get(struct fat_volume *vol, uint32_t sector, uint32_t first,
                 uint32_t count, struct fat_view *out)
{
    uint32_t extra = vol->block_extra, mask = vol->block_sectors - 1;
    uint32_t from = sector & ~mask, last = sector | mask;
    uint32_t end = first + count - 1, block = first >> extra;
    int err = shale_buf_get_run(vol->fs->cache, sector >> extra, block,
                                (end >> extra) - block + 1, &out->buf);

    if (err)
        return err;
    out->bytes = out->buf->data;
    if (from < first) {
        out->bytes += (first - from) * vol->boot.sector_size;
        from = first;
    }
    if (last > end)
        last = end;
    out->first = from;
    out->count = last - from + 1;
    return 0;
}

int fat_spot_get(struct fat_volume *vol, uint64_t at, struct fat_spot *out)
{
    uint32_t shift = vol->boot.sector_shift + vol->block_extra;
    int err = shale_buf_get(vol->fs->cache, at >> shift, &out->buf);

    if (err)
        return err;
    out->raw = out->buf->data + ((uint32_t)at & (vol->block_size - 1));
    return 0;
}

uint64_t fat_place_of(const struct fat_volume *vol,
                      const struct shale_buf *buf, const uint8_t *raw)
{
    return (uint64_t)(uint32_t)buf->block * vol->block_size +
           (size_t)(raw - buf->data);
}
