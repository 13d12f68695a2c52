/*
 * whole.c - the driver with all that there is
 */
#include "extras.h"
#include "fat.h"
#include "geometry.h"
#include "node.h"
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
    FAT_SHARED_OPS,
    .options    = fat_option_names,
    .probe      = fat_probe,
    .mount      = whole_mount,
    .describe   = fat_describe,
    .peek       = fat_node_peek,
    .getxattr   = fat_xattr_get,
    .listxattr  = fat_xattr_list,
    .setxattr   = WRITING(fat_xattr_set),
    .format     = WRITING(fat_format),
};
