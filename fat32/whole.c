/*
 * whole.c - the driver with all that there is
 */
#include "extras.h"
#include "geometry.h"
#include "profile.h"
#include "shale/shale.h"
#include "write.h"

#define NAMES_MAX ((size_t)3 << 20)

static const struct fat_extras extras = {
    .options_load = fat_options_load,
    .boot_rescue  = fat_boot_rescue,
    .names_find   = fat_table_find,
    .names_add    = fat_table_add,
    .names_remove = fat_table_remove,
    .names_forget = fat_table_forget,
};

/*
 * Tables of names may take as much memory as blocks, up to NAMES_MAX: enough
 * for a directory of 65,000 files with long names.
 */
static void names_init(struct fat_volume *vol)
{
    struct shale_cache_stats stats;

    shale_cache_stats(vol->fs->cache, &stats);
    vol->names.max = stats.budget < NAMES_MAX ? stats.budget : NAMES_MAX;
}

static int whole_mount(struct shale_fs *fs)
{
    int err = fat_mount(fs, &extras);

    if (!err)
        names_init(fat_volume_of(fs));
    return err;
}

const struct shale_fs_ops shale_fat = {
    .name       = "fat",
    .vnode_size = sizeof(struct fat_vnode),
    .options    = fat_option_names,
    .file_max   = FAT_SIZE_MAX,
    .traits     = SHALE_TRAIT_NO_OWNERS | SHALE_TRAIT_FOLDS_CASE |
                  SHALE_TRAIT_NO_HANDLES | SHALE_TRAIT_DOS_FLAGS,
    .time_step  = 2000000000,
    .name_max   = FAT_NAME_BYTES,
    .probe      = fat_probe,
    .mount      = whole_mount,
    .unmount    = fat_unmount,
    .statfs     = fat_statfs,
    .describe   = fat_describe,
    .load       = fat_node_load,
    .evict      = fat_evict,
    .getattr    = fat_node_getattr,
    .peek       = fat_node_peek,
    .lookup     = fat_lookup,
    .parent     = fat_node_parent,
    .iterate    = fat_iterate,
    .map        = fat_map,
    .getxattr   = fat_xattr_get,
    .listxattr  = fat_xattr_list,
    .create     = WRITING(fat_create),
    .remove     = WRITING(fat_remove),
    .rename     = WRITING(fat_rename),
    .setattr    = WRITING(fat_setattr),
    .allocate   = WRITING(fat_allocate),
    .resize     = WRITING(fat_resize),
    .trim       = WRITING(fat_trim),
    .release    = WRITING(fat_release),
    .setxattr   = WRITING(fat_xattr_set),
    .set_label  = WRITING(fat_set_label),
    .reclaim    = WRITING(fat_reclaim),
    .mark       = WRITING(fat_mark),
    .purge      = fat_purge,
    .stays      = WRITING(fat_stays),
    .format     = WRITING(fat_format),
};
