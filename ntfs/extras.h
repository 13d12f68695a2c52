/*
 * extras.h - what the driver can do without, by what a program has named
 *
 * Files of the driver call those of an extra through here, and by no other
 * way: so none is linked unless it is named. A pointer is NULL where it is
 * not; what mount options ask for is there, for options.c has seen to that.
 */
#ifndef NTFS_EXTRAS_H
#define NTFS_EXTRAS_H

#include "data.h"
#include "index.h"
#include "meta.h"
#include "shale/ntfs.h"

/* Data packed by WOF: wof.c. */
struct ntfs_packed_ops {
    int (*wof_load)(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct ntfs_vnode *vn);
    void (*wof_free)(struct ntfs_volume *vol, struct ntfs_wof *wof);
    int (*wof_map)(struct ntfs_vnode *vn, uint64_t offset,
                   struct shale_extent *out);
    int (*wof_decode)(struct ntfs_vnode *vn, const struct shale_extent *extent,
                      void *buf);
};

/* Security descriptors: secure.c. */
struct ntfs_owners_ops {
    void (*owners_options)(struct shale_fs *fs, struct ntfs_options *out);
    int (*owners_init)(struct ntfs_volume *vol);
    void (*owners_fini)(struct ntfs_volume *vol);
    int (*rights)(struct ntfs_volume *vol, const struct ntfs_record *base,
                  const struct ntfs_info *info, struct ntfs_rights *out);
    int64_t (*descriptor)(struct ntfs_volume *vol,
                          const struct ntfs_record *base, void *buf,
                          size_t size);
};

/* Files of Unix: unix.c. */
struct ntfs_unix_ops {
    int (*wsl_load)(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct ntfs_info *info);
    int (*interix_load)(struct ntfs_volume *vol,
                        const struct ntfs_record *base,
                        struct ntfs_info *info);
    int64_t (*interix_target)(struct shale_vnode *vn, char *buf, size_t size);
};

/* Streams and attributes: streams.c, xattr.c, efs.c. */
struct ntfs_streams_ops {
    int (*streams_options)(struct shale_fs *fs, struct ntfs_options *out);
    int (*stream_load)(struct ntfs_volume *vol,
                       const struct ntfs_record *base, unsigned ordinal,
                       struct ntfs_info *info, struct ntfs_stream *data);
    int (*stream_lookup)(struct ntfs_volume *vol, uint64_t reference,
                         const char *name, size_t len, uint64_t *ino);
    int64_t (*xattr_get)(struct shale_vnode *vn, const char *name, void *buf,
                         size_t size);
    int (*xattr_list)(struct shale_vnode *vn,
                      int (*emit)(void *context, const char *name, size_t len),
                      void *context);
    uint64_t (*efs_size)(const struct ntfs_volume *vol, uint64_t size);
    int (*efs_map)(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                   uint64_t offset, struct shale_extent *out);
    void (*efs_decode)(const struct ntfs_volume *vol,
                       const struct ntfs_stream *stream, void *buf);
};

/* Directories without their index: recover.c, sound.c. As ntfs_sought_find()
   and ntfs_index_list(), which they go by as far as that leads. */
struct ntfs_recovery_ops {
    int (*root_make)(struct ntfs_volume *vol, struct ntfs_record **out);
    int (*sought_recover)(const struct ntfs_dir *dir,
                          struct ntfs_sought *sought);
    int (*listing_recover)(struct ntfs_listing *listing, uint64_t cookie);
    void (*recovery_fini)(struct ntfs_volume *vol);
};

/* One extra: puts itself where it belongs. */
struct shale_ntfs_extra {
    void (*extra_add)(struct ntfs_extras *to);
};

/* Mount FS with EXTRAS, which NULL ends; or with none, if they are NULL. */
int ntfs_mount_with(struct shale_fs *fs,
                    const struct shale_ntfs_extra *const *extras);
void ntfs_unmount(struct shale_fs *fs);

/*
 * The slots that both tables of the driver have alike. What only one of them
 * has, or has otherwise, its own table says.
 */
#define NTFS_SHARED_OPS                                                \
    .name       = "ntfs",                                              \
    .vnode_size = sizeof(struct ntfs_vnode),                           \
    .options    = ntfs_option_names,                                   \
    .holes      = true,                                                \
    .traits     = SHALE_TRAIT_FOLDS_CASE | SHALE_TRAIT_DOS_FLAGS,      \
    .time_step  = 100,                                                 \
    .name_max   = NTFS_NAME_BYTES,                                     \
    .probe      = ntfs_probe,                                          \
    .unmount    = ntfs_unmount,                                        \
    .statfs     = ntfs_statfs,                                         \
    .load       = ntfs_load,                                           \
    .evict      = ntfs_evict,                                          \
    .getattr    = ntfs_getattr,                                        \
    .peek       = ntfs_peek,                                           \
    .ahead      = ntfs_ahead,                                          \
    .lookup     = ntfs_lookup,                                         \
    .parent     = ntfs_parent,                                         \
    .iterate    = ntfs_iterate,                                        \
    .map        = ntfs_map,                                            \
    .decode     = ntfs_decode,                                         \
    .readlink   = ntfs_readlink

#endif /* NTFS_EXTRAS_H */
