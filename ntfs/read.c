/*
 * read.c - where the bytes of runs are, and reading them
 *
 * Metadata goes through the buffer cache, with what lies behind it in the same
 * run; what is large and wanted once goes past it. Of the volume's last bytes
 * some may be in no whole block of the cache: these are read as they are.
 */
#include "memfn.h"
#include "ntfs.h"

const struct ntfs_run *ntfs_runs_at(const struct ntfs_volume *vol,
                                    const struct ntfs_runs *runs,
                                    uint64_t offset, uint64_t *at,
                                    uint64_t *left)
{
    uint32_t shift = vol->boot.cluster_shift;
    const struct ntfs_run *run;

    *at = SHALE_NOWHERE;
    if (offset >> shift >= runs->end)
        return NULL;
    run = ntfs_runs_find(runs, offset >> shift);
    *left = ((run->vcn + run->count) << shift) - offset;
    if (run->lcn != NTFS_HOLE)
        *at = ((run->lcn - run->vcn) << shift) + offset;
    return run;
}

uint64_t ntfs_runs_place(const struct ntfs_volume *vol,
                         const struct ntfs_runs *runs, uint64_t offset)
{
    uint64_t at, left;

    (void)ntfs_runs_at(vol, runs, offset, &at, &left);
    return at;
}

/* Read what is in no whole block of the cache, or not on the device at all. */
static int tail_read(struct ntfs_volume *vol, uint64_t at, void *buf,
                     size_t len)
{
    struct shale_fs *fs = vol->fs;
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, at, buf, len);

    if (!err || err == SHALE_ENOMEM)
        return err;
    return shale_fail(fs, err, "ntfs: metadata cannot be read",
                      at > fs->dev->size || len > fs->dev->size - at
                          ? "the device ends before it" : NULL, at);
}

/* As many of the *LEN bytes at AT, which are in RUN, as can be had together. */
static int some_read(struct ntfs_volume *vol, const struct ntfs_run *run,
                     uint64_t at, void *buf, size_t *len, unsigned flags)
{
    size_t into = (uint32_t)at & (vol->block_size - 1);
    uint64_t first = at, end = at + *len;
    struct shale_buf *block;
    int err;

    if (flags & NTFS_READ_PAST)
        return shale_bdev_read_bytes(vol->fs->dev, vol->fs->mem, at, buf,
                                     *len);
    if (at >= vol->cached_end)
        return tail_read(vol, at, buf, *len);
    if (!(flags & NTFS_READ_ALONE)) {
        first = run->lcn << vol->boot.cluster_shift;
        end = (run->lcn + run->count) << vol->boot.cluster_shift;
    }
    first >>= vol->block_shift;
    end = (end - 1) >> vol->block_shift;
    if (*len > vol->block_size - into)
        *len = vol->block_size - into;
    err = shale_buf_get_run(vol->fs->cache, at >> vol->block_shift, first,
                            end - first + 1, &block);
    if (err)
        return err;
    memcpy(buf, block->data + into, *len);
    shale_buf_put(block);
    return 0;
}

int ntfs_runs_read(struct ntfs_volume *vol, const struct ntfs_runs *runs,
                   uint64_t offset, void *buf, size_t len, unsigned flags)
{
    uint8_t *to = buf;

    while (len > 0) {
        uint64_t at, left;
        const struct ntfs_run *run = ntfs_runs_at(vol, runs, offset, &at,
                                                  &left);
        size_t n = len;
        int err = 0;

        if (!run || (at == SHALE_NOWHERE && flags & NTFS_READ_WHOLE))
            return SHALE_ENODATA;
        if (n > left)
            n = (size_t)left;
        if (at == SHALE_NOWHERE)
            memset(to, 0, n);
        else
            err = some_read(vol, run, at, to, &n, flags);
        if (err)
            return err;
        to += n;
        offset += n;
        len -= n;
    }
    return 0;
}
