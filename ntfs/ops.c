/*
 * ops.c - NTFS as the VFS sees it: mounting, unmounting, and the table of the
 * driver that does what it has to, and of the rest what is named
 */
#include "extras.h"
#include "shale/shale.h"

#define BLOCK_SHIFT 12u         /* of the buffer cache: 4 KiB, a page */

/*
 * Give the volume its blocks. As it is only read, they need not be sectors. The
 * boot sector's copy usually makes the last one whole, that the volume does
 * not; what is left over is read past the cache.
 */
static int blocks_init(struct ntfs_volume *vol)
{
    uint64_t end = vol->boot.size + ((1u << BLOCK_SHIFT) - 1);

    if (end > vol->fs->dev->size)
        end = vol->fs->dev->size;
    vol->block_shift = BLOCK_SHIFT;
    vol->block_size = 1u << BLOCK_SHIFT;
    vol->cached_end = end >> BLOCK_SHIFT << BLOCK_SHIFT;
    return shale_fs_set_blocks(vol->fs, vol->block_size, end >> BLOCK_SHIFT);
}

static int records_init(struct ntfs_volume *vol)
{
    const struct shale_slab_config slab = {
        .name = "ntfs_record",
        .size = NTFS_RECORD_HEAD + vol->boot.record_size,
    };

    vol->records = shale_slab_create(vol->fs->mem, &slab);
    return vol->records ? 0 : SHALE_ENOMEM;
}

static void volume_free(struct ntfs_volume *vol)
{
    struct shale_mem *mem = vol->fs->mem;

    if (vol->extras.recovery)
        vol->extras.recovery->recovery_fini(vol);
    if (vol->extras.owners)
        vol->extras.owners->owners_fini(vol);
    ntfs_upcase_free(vol);
    ntfs_mft_fini(vol);
    if (vol->records)
        shale_slab_destroy(vol->records);
    shale_free(mem, vol, sizeof *vol);
}

static int volume_init(struct ntfs_volume *vol)
{
    int err = ntfs_options_load(vol->fs, &vol->extras, &vol->options);

    if (!err)
        err = ntfs_boot_load(vol->fs, &vol->options, &vol->boot);
    if (!err)
        err = blocks_init(vol);
    if (!err)
        err = records_init(vol);
    if (!err)
        err = ntfs_mft_init(vol);
    if (!err)
        err = ntfs_volume_load(vol);
    if (!err)
        err = ntfs_upcase_load(vol);
    if (!err && vol->extras.owners)
        err = vol->extras.owners->owners_init(vol);
    return err;
}

void ntfs_unmount(struct shale_fs *fs)
{
    volume_free(ntfs_volume_of(fs));
    fs->volume = NULL;
}

int ntfs_mount_with(struct shale_fs *fs,
                    const struct shale_ntfs_extra *const *extras)
{
    struct ntfs_volume *vol = shale_zalloc(fs->mem, sizeof *vol);
    int err;

    if (!vol)
        return SHALE_ENOMEM;
    vol->fs = fs;
    fs->volume = vol;           /* for what is looked up on the way */
    for (; extras && *extras; extras++)
        (*extras)->extra_add(&vol->extras);
    err = volume_init(vol);
    if (err) {
        ntfs_unmount(fs);
        return err;
    }
    if (vol->options.case_sensitive)
        fs->traits &= ~SHALE_TRAIT_FOLDS_CASE;
    fs->root_ino = NTFS_ROOT;
    err = ntfs_state_tell(vol);
    if (err)
        ntfs_unmount(fs);
    return err;
}

/* ------------------------------------------------- by what has been named */

static int small_mount(struct shale_fs *fs)
{
    return ntfs_mount_with(fs, fs->ntfs_extras);
}

static int small_describe(struct shale_fs *fs, struct shale_describe *to)
{
    const struct ntfs_extras *extras = &ntfs_volume_of(fs)->extras;

    return extras->about_tell ? extras->about_tell(fs, to) : SHALE_ENOTSUP;
}

static int64_t small_getxattr(struct shale_vnode *vn, const char *name,
                               void *buf, size_t size)
{
    const struct ntfs_streams_ops *streams =
        ntfs_volume_of(vn->fs)->extras.streams;

    return streams ? streams->xattr_get(vn, name, buf, size) : SHALE_ENOTSUP;
}

static int small_listxattr(struct shale_vnode *vn,
                            int (*emit)(void *context, const char *name,
                                        size_t len),
                            void *context)
{
    const struct ntfs_streams_ops *streams =
        ntfs_volume_of(vn->fs)->extras.streams;

    return streams ? streams->xattr_list(vn, emit, context) : SHALE_ENOTSUP;
}

static int small_deleted(struct shale_fs *fs, shale_deleted_fn *emit,
                          void *context)
{
    const struct ntfs_extras *extras = &ntfs_volume_of(fs)->extras;

    return extras->deleted_each ? extras->deleted_each(fs, emit, context)
                                : SHALE_ENOTSUP;
}

const struct shale_fs_ops shale_ntfs_small = {
    NTFS_SHARED_OPS,
    .mount      = small_mount,
    .describe   = small_describe,
    .getxattr   = small_getxattr,
    .listxattr  = small_listxattr,
    .deleted    = small_deleted,
};
