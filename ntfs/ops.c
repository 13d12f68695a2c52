/*
 * ops.c - NTFS as the VFS sees it: mounting, unmounting, and the table
 */
#include "ntfs.h"
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
        .size = sizeof(struct ntfs_record) + vol->boot.record_size,
    };

    vol->records = shale_slab_create(vol->fs->mem, &slab);
    return vol->records ? 0 : SHALE_ENOMEM;
}

static void volume_free(struct ntfs_volume *vol)
{
    struct shale_mem *mem = vol->fs->mem;

    ntfs_recover_fini(vol);
    ntfs_security_fini(vol);
    ntfs_upcase_free(vol);
    ntfs_mft_fini(vol);
    if (vol->records)
        shale_slab_destroy(vol->records);
    shale_free(mem, vol, sizeof *vol);
}

static int volume_init(struct ntfs_volume *vol)
{
    int err = ntfs_options_load(vol->fs, &vol->options);

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
    if (!err)
        err = ntfs_security_init(vol);
    return err;
}

static void ntfs_unmount(struct shale_fs *fs)
{
    volume_free(ntfs_volume_of(fs));
    fs->volume = NULL;
}

static int ntfs_mount(struct shale_fs *fs)
{
    struct ntfs_volume *vol = shale_zalloc(fs->mem, sizeof *vol);
    int err;

    if (!vol)
        return SHALE_ENOMEM;
    vol->fs = fs;
    fs->volume = vol;           /* for what is looked up on the way */
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

const struct shale_fs_ops shale_ntfs = {
    .name       = "ntfs",
    .vnode_size = sizeof(struct ntfs_vnode),
    .options    = ntfs_option_names,
    .holes      = true,
    .traits     = SHALE_TRAIT_FOLDS_CASE | SHALE_TRAIT_DOS_FLAGS,
    .time_step  = 100,
    .name_max   = NTFS_NAME_BYTES,
    .probe      = ntfs_probe,
    .mount      = ntfs_mount,
    .unmount    = ntfs_unmount,
    .statfs     = ntfs_statfs,
    .describe   = ntfs_describe,
    .load       = ntfs_load,
    .evict      = ntfs_evict,
    .getattr    = ntfs_getattr,
    .peek       = ntfs_peek,
    .ahead      = ntfs_ahead,
    .lookup     = ntfs_lookup,
    .parent     = ntfs_parent,
    .iterate    = ntfs_iterate,
    .map        = ntfs_map,
    .decode     = ntfs_decode,
    .readlink   = ntfs_readlink,
    .getxattr   = ntfs_getxattr,
    .listxattr  = ntfs_listxattr,
    .deleted    = ntfs_deleted,
};
