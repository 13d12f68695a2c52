/*
 * owner.c - which entry a directory's first cluster belongs to
 *
 * Two things need that: finding the parent of a directory, whose ".." gives its
 * first cluster only, and refusing a second entry with the same one, for that
 * could be a directory within itself, and a tree without an end.
 *
 * What is remembered is one entry for each of COUNT places, by the cluster's
 * low bits; a later one takes its place. Nothing depends on it being there, or
 * right: whoever finds it looks at that entry again.
 *
 *      63        39 38                0
 *     | cluster / COUNT + 1  | entry's byte / 32 |        0: nothing
 */
#include "dirent.h"
#include "fat.h"
#include "node.h"
#include "pair.h"

#define PLACE_BITS 39           /* 2^32 sectors of 4096 bytes */
#define PLACE_MASK ((UINT64_C(1) << PLACE_BITS) - 1)

static struct pair *owner_of(struct fat_volume *vol, uint32_t cluster)
{
    return &vol->owners[cluster % vol->owner_count];
}

static uint32_t owner_key(const struct fat_volume *vol, uint32_t cluster)
{
    return cluster / vol->owner_count + 1;
}

/* Does the entry at AT say that it is a directory that begins with CLUSTER? */
static int owner_check(struct fat_volume *vol, uint32_t cluster, uint64_t at)
{
    struct fat_entry entry;
    int err = fat_entry_load(vol, at, &entry);

    if (err)
        return err == SHALE_ESTALE ? 0 : err;
    return (entry.attr & FAT_ATTR_DIR) && entry.cluster == cluster;
}

uint64_t fat_owner_find(struct fat_volume *vol, uint32_t cluster)
{
    uint64_t packed = pair_get(owner_of(vol, cluster));
    uint64_t at = (packed & PLACE_MASK) * FAT_ENTRY_SIZE;

    return packed >> PLACE_BITS == owner_key(vol, cluster) &&
                   owner_check(vol, cluster, at) > 0 ? at : 0;
}

int fat_owner_claim(struct fat_volume *vol, uint32_t cluster, uint64_t at)
{
    uint64_t other = 0;

    if (cluster != vol->boot.root_cluster)
        other = fat_owner_find(vol, cluster);
    if (cluster == vol->boot.root_cluster || (other != 0 && other != at))
        return shale_corrupt_inode(vol->fs, "fat: directory that begins where "
                                   "another one does", at,
                                   fat_ino_of(vol, at));
    pair_set(owner_of(vol, cluster),
             (uint64_t)owner_key(vol, cluster) << PLACE_BITS |
             at / FAT_ENTRY_SIZE);
    return 0;
}

void fat_owner_forget(struct fat_volume *vol, uint32_t cluster)
{
    struct pair *owner = owner_of(vol, cluster);

    if (pair_get(owner) >> PLACE_BITS == owner_key(vol, cluster))
        pair_set(owner, 0);
}
