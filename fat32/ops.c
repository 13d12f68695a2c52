/*
 * ops.c - FAT as the VFS sees it
 *
 * Clusters become bytes here, and entries vnodes; everything else is
 * elsewhere.
 */
#include "chain.h"
#include "dir.h"
#include "dirent.h"
#include "extras.h"
#include "fat.h"
#include "node.h"
#include "pair.h"
#include "profile.h"
#include "shale/codepage.h"
#include "shale/fat.h"
#include "shale/shale.h"
#include "write.h"

#define BLOCK_SIZE_MAX 4096u

static int memory_init(struct fat_volume *vol)
{
    static const struct shale_slab_config sets = {
        .name = "fat_set", .size = sizeof(struct fat_set),
    };
    uint32_t count = FAT_OWNERS_MIN;
    struct shale_cache_stats stats;

    /* As many as there are 2 KiB of blocks, within reason. */
    shale_cache_stats(vol->fs->cache, &stats);
    while (count < FAT_OWNERS_MAX && count < stats.budget >> 11)
        count *= 2;
    vol->owner_count = count;
    vol->owners = shale_alloc_array(vol->fs->mem, count + FAT_ZONES,
                                    sizeof *vol->owners);
    vol->sets = shale_slab_create(vol->fs->mem, &sets);
    if (!vol->owners || !vol->sets)
        return SHALE_ENOMEM;
    vol->zones = vol->owners + count;
    return 0;
}

static void memory_fini(struct fat_volume *vol)
{
    if (PROFILE_WRITES)
        fat_writer_fini(vol);
    fat_moved_fini(vol);
    if (vol->sets)
        shale_slab_destroy(vol->sets);
    shale_free(vol->fs->mem, vol->owners,
               (vol->owner_count + FAT_ZONES) * sizeof *vol->owners);
    shale_free(vol->fs->mem, vol, sizeof *vol);
}

/*
 * Give the volume its blocks. What is to be written goes by sectors; else
 * larger ones save work, as far as they are whole to the end.
 */
static int blocks_init(struct fat_volume *vol)
{
    const struct fat_boot *boot = &vol->boot;
    uint32_t size = boot->sector_size, count = boot->sectors;

    vol->block_extra = 0;
    if (vol->fs->read_only &&
        fat_sector_at(vol, boot->sectors) <= vol->fs->dev->size)
        for (; size < BLOCK_SIZE_MAX && count % 2 == 0; size *= 2, count /= 2)
            vol->block_extra++;
    vol->block_sectors = (uint32_t)1 << vol->block_extra;
    vol->block_size = size;
    return shale_fs_set_blocks(vol->fs, size, count);
}

/* What there is without options: the code page that is named first. */
static void options_default(const struct shale_fs *fs, struct fat_options *out)
{
    out->flags = FAT_SHOW_NT | FAT_CREATE_NT;
    out->codepage = fs->codepages && fs->codepages[0] ? fs->codepages[0]
                                                      : &shale_codepage_437;
}

int fat_mount(struct shale_fs *fs, const struct fat_extras *extras)
{
    struct fat_volume *vol = shale_zalloc(fs->mem, sizeof *vol);
    int err = 0;

    if (!vol)
        return SHALE_ENOMEM;
    vol->fs = fs;
    vol->extras = extras;
    if (extras)
        err = extras->options_load(fs, &vol->options);
    else
        options_default(fs, &vol->options);
    if (!err)
        err = fat_boot_load(vol);
    if (!err)
        err = blocks_init(vol);
    if (!err)
        err = memory_init(vol);
    if (!err)
        err = fat_info_load(vol);
    if (PROFILE_WRITES && !err && !fs->read_only)
        err = fat_writer_init(vol);
    if (err) {
        memory_fini(vol);
        return err;
    }
    fs->volume = vol;
    fs->root_ino = FAT_ROOT_INO;
    return 0;
}

void fat_unmount(struct shale_fs *fs)
{
    memory_fini(fat_volume_of(fs));
    fs->volume = NULL;
}

int fat_statfs(struct shale_fs *fs, struct shale_statfs *out)
{
    struct fat_volume *vol = fat_volume_of(fs);
    uint32_t free_clusters;
    int err = fat_info_free(vol, &free_clusters);

    if (err)
        return err;
    /* What a full volume lacks is written and free before it is refused. */
    if (PROFILE_WRITES && fs->tx)
        free_clusters += (uint32_t)shale_tx_freed(fs->tx, UINT64_MAX);
    if (free_clusters > vol->boot.cluster_count)
        free_clusters = vol->boot.cluster_count;
    *out = (struct shale_statfs){
        .blocks = vol->boot.cluster_count,
        .blocks_free = free_clusters,
        .blocks_available = free_clusters,
        .block_size = vol->boot.cluster_size,
        .name_max = FAT_NAME_BYTES,
        .id = vol->boot.id,
    };
    return 0;
}

void fat_evict(struct shale_vnode *base)
{
    struct fat_vnode *vn = fat_vnode_of(base);

    fat_chain_fini(fat_volume_of(base->fs), &vn->chain);
    fat_names_forget(vn);
}

int fat_lookup(struct shale_vnode *dir, const char *name, size_t len,
               uint64_t *ino)
{
    return fat_dir_lookup(fat_vnode_of(dir), name, len, ino);
}

int fat_iterate(struct shale_vnode *dir, uint64_t cookie,
                shale_emit_fn *emit, void *context)
{
    return fat_dir_iterate(fat_vnode_of(dir), cookie, emit, context);
}

void fat_purge(struct shale_fs *fs)
{
    fat_moved_purge(fat_volume_of(fs));
}

/* ------------------------------------------------- the driver, in less code */

static int small_mount(struct shale_fs *fs)
{
    return fat_mount(fs, NULL);
}

const struct shale_fs_ops shale_fat_small = {
    FAT_SHARED_OPS,
    .probe      = fat_probe_sound,
    .mount      = small_mount,
};
