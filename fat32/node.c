/*
 * node.c - files: a short entry, and what is made of it
 *
 * A file has no inode: all that is known of it is in its entry, and where that
 * is gives the file its number. The root has no entry at all.
 */
#include "chain.h"
#include "dir.h"
#include "dirent.h"
#include "fat.h"
#include "memfn.h"
#include "node.h"

/* -------------------------------------------------------------- entries */

/* Can byte AT be an entry's, in the root or in a cluster? */
static bool is_place(const struct fat_volume *vol, uint64_t at)
{
    const struct fat_boot *boot = &vol->boot;
    uint64_t root = fat_sector_at(vol, boot->root_sector);

    return at % FAT_ENTRY_SIZE == 0 && at >= root &&
           (at < root + boot->root_entries * FAT_ENTRY_SIZE ||
            at >= fat_sector_at(vol, boot->data_sector)) &&
           at < fat_cluster_at(vol, FAT_FIRST_CLUSTER + boot->cluster_count);
}

int fat_entry_get(struct fat_volume *vol, uint64_t at, struct fat_spot *out)
{
    int err = is_place(vol, at) ? fat_spot_get(vol, at, out) : SHALE_ESTALE;

    if (!err && fat_slot_kind(out->raw) != FAT_SLOT_FILE) {
        shale_buf_put(out->buf);
        err = SHALE_ESTALE;
    }
    return err;
}

int fat_entry_load(struct fat_volume *vol, uint64_t at, struct fat_entry *out)
{
    struct fat_spot spot;
    int err = fat_entry_get(vol, at, &spot);

    if (err)
        return err;
    fat_entry_decode(vol, (const struct fat_disk_entry *)spot.raw, out);
    shale_buf_put(spot.buf);
    return 0;
}

/* The root, as if it had an entry. */
static void root_entry(const struct fat_volume *vol, struct fat_entry *out)
{
    *out = (struct fat_entry){
        .attr = FAT_ATTR_DIR, .cluster = vol->boot.root_cluster,
    };
}

/* Find the entry of number INO, which is at *AT; 0 for the root. */
static int entry_of(struct fat_volume *vol, uint64_t ino, uint64_t *at,
                    struct fat_entry *out)
{
    int err;

    *at = 0;
    if (ino == FAT_ROOT_INO) {
        root_entry(vol, out);
        return 0;
    }
    if (!fat_ino_place(vol, ino, at))
        return SHALE_ESTALE;
    err = fat_entry_load(vol, *at, out);
    if (!err && (out->attr & FAT_ATTR_DIR) && out->cluster != 0)
        err = fat_owner_claim(vol, out->cluster, *at);
    return err;
}

/* ----------------------------------------------------------------- size */

/* Bytes that the slots of a directory take, whose chain is CHAIN. */
static int dir_size(struct fat_volume *vol, uint64_t ino,
                    struct fat_chain *chain, uint32_t *out)
{
    uint32_t most = (FAT_DIR_ENTRIES * FAT_ENTRY_SIZE) >>
                    vol->boot.cluster_shift;
    struct fat_run run = { .count = 0 };
    int found = 1;

    *out = vol->boot.root_entries * FAT_ENTRY_SIZE;
    if (ino == FAT_ROOT_INO && vol->boot.bits != 32)
        return 0;

    /* Damage is for who lists it: up to there, it can be. */
    *out = 0;
    while (*out < most) {
        found = fat_chain_find(vol, chain, *out, most, &run);
        if (found <= 0)
            break;
        *out += run.count;
    }
    if (*out > most)
        *out = most;
    *out <<= vol->boot.cluster_shift;
    return found < 0 && found != SHALE_ECORRUPT ? found : 0;
}

int fat_node_load(struct shale_vnode *base)
{
    struct fat_vnode *vn = fat_vnode_of(base);
    struct fat_volume *vol = fat_volume_of(base->fs);
    uint32_t size;
    int err = entry_of(vol, base->ino, &vn->at, &vn->entry);

    if (err)
        return err;
    size = vn->entry.size;
    fat_chain_init(&vn->chain, base->ino, vn->entry.cluster);
    vn->names_made = (struct shale_once)SHALE_ONCE_INIT_POISON;
    base->links = 1;
    base->type = SHALE_TYPE_FILE;
    if (vn->entry.attr & FAT_ATTR_DIR) {
        base->type = SHALE_TYPE_DIR;
        err = dir_size(vol, base->ino, &vn->chain, &size);
    }
    base->size = size;
    if (err)
        fat_chain_fini(vol, &vn->chain);
    else if (base->ino == FAT_ROOT_INO)
        vol->root = vn;
    return err;
}

/* ------------------------------------------------------------- the data */

void fat_run_extent(const struct fat_volume *vol, const struct fat_run *run,
                    uint32_t into, struct shale_extent *out)
{
    uint32_t size = vol->boot.cluster_size;

    out->offset = (uint64_t)run->index * size + into;
    out->length = (uint64_t)run->count * size - into;
    out->device = fat_cluster_at(vol, run->cluster) + into;
    out->kind = SHALE_EXTENT_DATA;
}

int fat_extent_find(struct fat_vnode *vn, uint32_t offset, uint32_t len,
                 struct shale_extent *out)
{
    struct fat_volume *vol = fat_volume_of(vn->base.fs);
    uint32_t index = offset >> vol->boot.cluster_shift;
    uint32_t want = fat_clusters_of(vol, offset + len) - index;
    struct fat_run run;
    int found = fat_chain_find(vol, &vn->chain, index, want, &run);

    if (found > 0)
        fat_run_extent(vol, &run, offset & (vol->boot.cluster_size - 1), out);
    return found;
}

int fat_node_corrupt(const struct fat_vnode *vn, const char *what)
{
    return shale_corrupt_inode(vn->base.fs, what, vn->at, vn->base.ino);
}

int fat_chain_short(const struct fat_vnode *vn)
{
    return fat_node_corrupt(vn, "fat: a file's chain ends before the file "
                                "does");
}

int fat_node_map(struct shale_vnode *base, uint64_t offset, uint64_t len,
            struct shale_extent *out)
{
    struct fat_vnode *file = fat_vnode_of(base);
    uint32_t start = (uint32_t)offset, most = FAT_SIZE_MAX - start;
    int found = fat_extent_find(file, start, len < most ? (uint32_t)len : most,
                             out);

    if (found == 0)
        return fat_chain_short(file);
    return found < 0 ? found : 0;
}

/* ----------------------------------------------------------- attributes */

/* Is NAME that of a program, by its extension? */
static bool is_program(const uint8_t name[11])
{
    static const char known[][4] = { "EXE", "COM", "BAT" };

    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (memcmp(name + 8, known[i], 3) == 0)
            return true;
    }
    return false;
}

uint32_t fat_entry_mode(const struct fat_volume *vol,
                        const struct fat_entry *entry)
{
    unsigned flags = vol->options.flags;
    bool is_dir = entry->attr & FAT_ATTR_DIR;
    uint32_t mode = 0755;

    if (!is_dir && (flags & FAT_SHOWEXEC) && !is_program(entry->name))
        mode &= ~0111u;
    if ((entry->attr & FAT_ATTR_READ_ONLY) && (!is_dir || (flags & FAT_RODIR)))
        mode &= ~0222u;
    return mode | (is_dir ? SHALE_S_IFDIR : SHALE_S_IFREG);
}

/* The attributes of file INO with ENTRY, which has SIZE bytes. */
static void attr_fill(const struct fat_volume *vol, uint64_t ino,
                      const struct fat_entry *entry, uint32_t size,
                      struct shale_attr *out)
{
    uint32_t clusters = fat_clusters_of(vol, size);
    struct fat_stamp accessed = { .date = entry->accessed };

    *out = (struct shale_attr){
        .ino = ino,
        .size = size,
        .allocated = (uint64_t)clusters * vol->boot.cluster_size,
        .mode = fat_entry_mode(vol, entry),
        .links = 1,             /* of directories: not counted */
        .flags = entry->attr,
        .block_size = vol->boot.cluster_size,
    };
    if (vol->boot.bits != 32 && ino == FAT_ROOT_INO)
        out->allocated = size;
    fat_time_decode(vol, &entry->created, &out->btime);
    fat_time_decode(vol, &entry->written, &out->mtime);
    out->ctime = out->mtime;
    out->atime = out->mtime;
    if (accessed.date != 0)
        fat_time_decode(vol, &accessed, &out->atime);
}

int fat_node_getattr(struct shale_vnode *base, struct shale_attr *out)
{
    const struct fat_vnode *vn = fat_vnode_of(base);

    attr_fill(fat_volume_of(base->fs), base->ino, &vn->entry,
              (uint32_t)base->size, out);
    out->links = base->links;
    return 0;
}

int fat_node_peek(struct shale_fs *fs, uint64_t ino, struct shale_attr *out)
{
    struct fat_volume *vol = fat_volume_of(fs);
    struct fat_chain chain;
    struct fat_entry entry;
    uint32_t size;
    uint64_t at;
    int err = entry_of(vol, ino, &at, &entry);

    if (err)
        return err;
    size = entry.size;
    if (entry.attr & FAT_ATTR_DIR) {
        fat_chain_init(&chain, ino, entry.cluster);
        err = dir_size(vol, ino, &chain, &size);
        fat_chain_fini(vol, &chain);
    }
    if (!err)
        attr_fill(vol, ino, &entry, size, out);
    return err;
}

/* --------------------------------------------------------------- parent */

/*
 * The first cluster that the ".." of a directory gives, whose own first one is
 * CLUSTER; 0 is the root.
 */
static int dotdot_read(struct fat_volume *vol, uint32_t cluster, uint64_t ino,
                       uint32_t *out)
{
    uint64_t at = fat_cluster_at(vol, cluster) + FAT_ENTRY_SIZE;
    const struct fat_disk_entry *raw;
    const char *wrong = NULL;
    struct fat_entry entry;
    struct fat_spot spot;
    int err = fat_spot_get(vol, at, &spot);

    if (err)
        return err;
    raw = (const struct fat_disk_entry *)spot.raw;
    fat_entry_decode(vol, raw, &entry);
    shale_buf_put(spot.buf);
    *out = entry.cluster;
    if (*out == vol->boot.root_cluster)
        *out = 0;
    if (fat_dots(entry.name) != 2)
        wrong = "fat: directory without \"..\"";
    else if (*out != 0 && !fat_is_cluster(vol, *out))
        wrong = "fat: directory whose \"..\" leads out of the volume";
    return wrong ? shale_corrupt_inode(vol->fs, wrong, at, ino) : 0;
}

/* Search the files of DIR, for a directory that begins with CLUSTER. */
static int search_cluster(struct fat_vnode *dir, uint32_t cluster,
                          uint64_t *at)
{
    struct fat_volume *vol = fat_volume_of(dir->base.fs);
    struct fat_set *set = fat_set_get(vol);
    struct fat_walk walk;
    int found = SHALE_ENOMEM;

    if (!set)
        return found;
    fat_walk_start(&walk, dir, 0);
    while ((found = fat_walk_next(&walk, set)) > 0) {
        if ((set->entry.attr & FAT_ATTR_DIR) &&
            set->entry.cluster == cluster) {
            *at = set->at;
            break;
        }
    }
    fat_walk_stop(&walk);
    fat_set_put(vol, set);
    return found;
}

struct fat_vnode *fat_dir_borrow(struct fat_volume *vol, uint32_t cluster)
{
    struct fat_vnode *dir = shale_zalloc(vol->fs->mem, sizeof *dir);

    if (!dir)
        return NULL;
    dir->base.fs = vol->fs;
    dir->base.type = SHALE_TYPE_DIR;
    if (cluster == 0) {
        dir->base.ino = FAT_ROOT_INO;
        cluster = vol->boot.root_cluster;
    }
    fat_chain_init(&dir->chain, dir->base.ino, cluster);
    return dir;
}

void fat_dir_return(struct fat_volume *vol, struct fat_vnode *dir)
{
    if (!dir)
        return;
    fat_chain_fini(vol, &dir->chain);
    shale_free(vol->fs->mem, dir, sizeof *dir);
}

/*
 * Find the entry of the directory that begins with CLUSTER, in its parent,
 * which begins with UP (0: the root) and whose entry may not be known.
 */
static int entry_search(struct fat_volume *vol, uint32_t cluster, uint32_t up,
                        uint64_t *at)
{
    struct fat_vnode *dir = fat_dir_borrow(vol, up);
    int found = dir ? search_cluster(dir, cluster, at) : SHALE_ENOMEM;

    fat_dir_return(vol, dir);
    return found;
}

int fat_node_parent(struct shale_vnode *base, uint64_t *ino)
{
    struct fat_volume *vol = fat_volume_of(base->fs);
    struct fat_vnode *dir = fat_vnode_of(base);
    uint32_t parent = 0, up = 0;
    uint64_t at = 0;
    int found;

    if (!fat_is_cluster(vol, dir->chain.first))
        return fat_node_corrupt(dir, "fat: directory without clusters");
    found = dotdot_read(vol, dir->chain.first, base->ino, &parent);
    if (found < 0)
        return found;
    if (parent == 0) {
        *ino = FAT_ROOT_INO;
        return 0;
    }
    at = fat_owner_find(vol, parent);
    if (at == 0) {
        found = dotdot_read(vol, parent, base->ino, &up);
        if (!found)
            found = entry_search(vol, parent, up, &at);
        if (found < 0)
            return found;
        if (found == 0)
            return shale_corrupt_inode(vol->fs, "fat: directory whose parent "
                                       "has no entry",
                                       fat_cluster_at(vol, parent), base->ino);
        found = fat_owner_claim(vol, parent, at);
        if (found < 0)
            return found;
    }
    *ino = fat_ino_of(vol, at);
    return 0;
}
