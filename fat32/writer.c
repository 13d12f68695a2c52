/*
 * writer.c - what the writing half keeps of a volume, made and freed
 */
#include "fat.h"
#include "write.h"

int fat_writer_init(struct fat_volume *vol)
{
    int err;

    vol->writer = shale_zalloc(vol->fs->mem, sizeof *vol->writer);
    if (!vol->writer)
        return SHALE_ENOMEM;
    err = fat_space_init(vol);
    if (err)
        fat_writer_fini(vol);
    return err;
}

void fat_writer_fini(struct fat_volume *vol)
{
    if (!vol->writer)
        return;
    fat_recent_fini(vol);
    fat_space_fini(vol);
    shale_free(vol->fs->mem, vol->writer, sizeof *vol->writer);
    vol->writer = NULL;
}
