/*
 * extras.h - what shale_fat does and shale_fat_small does without
 *
 * Files that both have call those of shale_fat only through here, and by no
 * other way: so a program that names shale_fat_small does not link them.
 */
#ifndef FAT32_EXTRAS_H
#define FAT32_EXTRAS_H

#include "fat.h"

struct fat_set;
struct fat_vnode;

struct fat_extras {
    /* Read FS's mount options into *OUT; SHALE_EINVAL has been reported. */
    int (*options_load)(struct shale_fs *fs, struct fat_options *out);

    /*
     * HEAD has been found to break rule *WRONG, by its *FIELD; or could not be
     * read, with ERR. Returns 1 having filled vol->boot some other way, 0 with
     * perhaps another rule, or an error that has been reported.
     */
    int (*boot_rescue)(struct fat_volume *vol, uint8_t *head, int err,
                       const char **wrong, uint32_t *field);

    /*
     * Call LOOK with each slot that may be that of a name with HASH in DIR,
     * until it says that it has seen enough. False if there is no table: the
     * slots have to be searched.
     */
    bool (*names_find)(struct fat_vnode *dir, uint32_t hash,
                       bool (*look)(void *context, uint32_t slot),
                       void *context);
    void (*names_add)(struct fat_vnode *dir, const struct fat_set *set);
    void (*names_remove)(struct fat_vnode *dir, const struct fat_set *set);
    void (*names_forget)(struct fat_vnode *dir);
};

/* ------------------------------------------------------------- boot.c */

/*
 * Do the LEN bytes at HEAD begin a volume, which *BOOT is filled by? Returns 1,
 * 0 if they have no BPB that is sound, or -1 if they are something else.
 */
int fat_probe_bpb(const uint8_t *head, size_t len, struct fat_boot *boot);

/* ----------------------------------------------- rescue.c, nametable.c */

/* As in struct fat_extras. */
int fat_boot_rescue(struct fat_volume *vol, uint8_t *head, int err,
                    const char **wrong, uint32_t *field);
bool fat_table_find(struct fat_vnode *dir, uint32_t hash,
                    bool (*look)(void *context, uint32_t slot), void *context);
void fat_table_add(struct fat_vnode *dir, const struct fat_set *set);
void fat_table_remove(struct fat_vnode *dir, const struct fat_set *set);
void fat_table_forget(struct fat_vnode *dir);

/* -------------------------------------------------------------- ops.c */

/* As in struct shale_fs_ops; EXTRAS may be NULL. */
int fat_mount(struct shale_fs *fs, const struct fat_extras *extras);
void fat_unmount(struct shale_fs *fs);
int fat_statfs(struct shale_fs *fs, struct shale_statfs *out);
void fat_evict(struct shale_vnode *base);
int fat_lookup(struct shale_vnode *dir, const char *name, size_t len,
               uint64_t *ino);
int fat_iterate(struct shale_vnode *dir, uint64_t cookie,
                shale_emit_fn *emit, void *context);
void fat_purge(struct shale_fs *fs);

/*
 * What the tables of both drivers have alike. What one of them has for itself,
 * or in another way, that one's table says: shale_fat's is in whole.c,
 * shale_fat_small's in ops.c.
 */
#define FAT_SHARED_OPS                                                  \
    .name       = "fat",                                                \
    .vnode_size = sizeof(struct fat_vnode),                             \
    .file_max   = FAT_SIZE_MAX,                                         \
    .traits     = SHALE_TRAIT_NO_OWNERS | SHALE_TRAIT_FOLDS_CASE |      \
                  SHALE_TRAIT_NO_HANDLES | SHALE_TRAIT_DOS_FLAGS,       \
    .time_step  = 2000000000,                                           \
    .name_max   = FAT_NAME_BYTES,                                       \
    .unmount    = fat_unmount,                                          \
    .statfs     = fat_statfs,                                           \
    .load       = fat_node_load,                                        \
    .evict      = fat_evict,                                            \
    .getattr    = fat_node_getattr,                                     \
    .lookup     = fat_lookup,                                           \
    .parent     = fat_node_parent,                                      \
    .iterate    = fat_iterate,                                          \
    .map        = fat_node_map,                                              \
    .create     = WRITING(fat_create),                                  \
    .remove     = WRITING(fat_remove),                                  \
    .rename     = WRITING(fat_rename),                                  \
    .setattr    = WRITING(fat_setattr),                                 \
    .allocate   = WRITING(fat_allocate),                                \
    .resize     = WRITING(fat_resize),                                  \
    .trim       = WRITING(fat_trim),                                    \
    .release    = WRITING(fat_release),                                 \
    .set_label  = WRITING(fat_set_label),                               \
    .reclaim    = WRITING(fat_reclaim),                                 \
    .mark       = WRITING(fat_mark),                                    \
    .purge      = fat_purge,                                            \
    .stays      = WRITING(fat_stays)

#endif /* FAT32_EXTRAS_H */
