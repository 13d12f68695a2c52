/*
 * shale.h - mount a volume, read it and change it: by path for an embedder, by
 * vnode for a daemon
 *
 *     struct shale_config config = {
 *         .dev = &disk.base, .mem = mem, .drivers = shale_all_drivers,
 *     };
 *     struct shale_fs *fs;
 *     struct shale_file *file;
 *     int err = shale_mount(&config, &fs);
 *
 *     if (!err)
 *         err = shale_open(fs, "/etc/hostname", &file);
 *
 * Units      offsets, sizes and lengths are bytes
 * Names      UTF-8; a path is terminated by NUL, a single name has a length
 * Errors     0 or a negative enum shale_err; calls that count answer int64_t,
 *            the count or an error. Results go through the last parameter and
 *            are stored only on success
 * Locking    calls on one volume may overlap, and on different volumes share
 *            nothing, if the host lends locks; a struct shale_file is used by
 *            one thread at a time. No call returns with a lock held
 */
#ifndef SHALE_H
#define SHALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/bdev.h"
#include "shale/clock.h"
#include "shale/err.h"
#include "shale/lock.h"
#include "shale/log.h"
#include "shale/mem.h"
#include "shale/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SHALE_VERSION "0.1.0"

struct shale_cache_stats;
struct shale_codepage;
struct shale_describe;
struct shale_file;
struct shale_fs;
struct shale_fs_ops;
struct shale_ntfs_extra;
struct shale_vnode;

/* Drivers are chosen by naming them; the linker drops the rest. For NTFS in
   less code see ntfs.h. */
extern const struct shale_fs_ops shale_ext2;
extern const struct shale_fs_ops shale_fat;
extern const struct shale_fs_ops shale_ntfs;

/* Every driver there is, then NULL. */
extern const struct shale_fs_ops *const shale_all_drivers[];

/* ------------------------------------------------------------ volumes */

/* What the host lends to a volume, until it is unmounted. */
struct shale_config {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    const struct shale_fs_ops *const *drivers;  /* tried in order; then NULL */

    /* The rest may be left zero. */
    const struct shale_lock_ops *locks;     /* NULL: single-threaded */
    struct shale_log *log;                  /* NULL: nobody listens */
    const char *type;           /* only this driver, without probing; copied */
    const char *options;        /* the driver's, "sb=131072"; copied */
    struct shale_clock *clock;              /* NULL: it is always 1970 */
    const struct shale_codepage *const *codepages;      /* codepage.h; NULL:
                                   437 alone */
    const struct shale_ntfs_extra *const *ntfs_extras;  /* ntfs.h: what
                                   shale_ntfs_small does besides; NULL: no
                                   more */
    bool read_only;             /* write nothing, whatever the driver can */
    bool errors_continue;       /* after a write error go on; the default is to
                                   turn read-only */
    size_t cache_bytes;         /* metadata to keep in memory; 0: 4 MiB */
    size_t decoded_bytes;       /* likewise of what had to be decoded, of
                                   compressed files; 0: 4 MiB */
    size_t vnode_max;           /* unused vnodes to keep; 0: 1024 */
};

/*
 * Which driver knows the volume on DEV? Reads its first 4 KiB only. Stores
 * one of DRIVERS; SHALE_ENODEV if there is none.
 */
int shale_probe(struct shale_bdev *dev, struct shale_mem *mem,
                const struct shale_fs_ops *const *drivers,
                const struct shale_fs_ops **out);

/* The driver's name, such as "ext2". */
const char *shale_driver_name(const struct shale_fs_ops *driver);

/* Can DRIVER change a volume? */
bool shale_driver_writes(const struct shale_fs_ops *driver);

/* Does DRIVER take a mount option called NAME (LEN bytes)? */
bool shale_driver_has_option(const struct shale_fs_ops *driver,
                             const char *name, size_t len);

/*
 * Mount the volume on CONFIG->dev. Reads; on a read-only mount nothing is ever
 * written. SHALE_ENODEV if no driver knows it, SHALE_ENOTSUP or SHALE_ECORRUPT
 * with an event in the log that says why, SHALE_EINVAL likewise for an option
 * that the driver does not take; SHALE_ENOMEM also if CONFIG->mem is NULL, as
 * shale_mem_create() answers. On failure nothing is left behind.
 */
int shale_mount(const struct shale_config *config, struct shale_fs **out);

/*
 * Unmount: as shale_sync(), and FS is gone whatever that answers. SHALE_EBUSY,
 * and nothing happens, while a vnode or a file is held.
 */
int shale_unmount(struct shale_fs *fs);

const char *shale_fs_name(const struct shale_fs *fs);       /* "ext2" */
bool shale_fs_read_only(const struct shale_fs *fs);

/* What sets a format apart, for a host that shows its files to others. */
#define SHALE_TRAIT_NO_OWNERS  1u   /* files have no owner, and no permissions
                                       but to be written to, or not */
#define SHALE_TRAIT_FOLDS_CASE 2u   /* a file is found by more names than it is
                                       listed under */
#define SHALE_TRAIT_NO_HANDLES 4u   /* a file's number can become another's, and
                                       no generation tells */
#define SHALE_TRAIT_DOS_FLAGS  8u   /* flags: read-only 1, hidden 2, system 4,
                                       label 8, directory 16, archive 32 */
#define SHALE_TRAIT_LINUX_FLAGS 16u /* flags are those of chattr(1) */
unsigned shale_fs_traits(const struct shale_fs *fs);

/* The step, in nanoseconds, of the mtimes that the format keeps; 0: 1. */
uint32_t shale_fs_time_step(const struct shale_fs *fs);

int shale_statfs(struct shale_fs *fs, struct shale_statfs *out);

/* Tell TO (fs.h) about the volume: geometry, features, state. */
int shale_describe(struct shale_fs *fs, struct shale_describe *to);
void shale_fs_cache_stats(struct shale_fs *fs, struct shale_cache_stats *out);

/* Vnodes: of a volume's, now, and since it was mounted. */
struct shale_vnode_stats {
    size_t used, unused;        /* in memory, held by somebody or not */
    size_t unused_max;
    size_t size;                /* bytes of one, with its lock */
    uint64_t hits, misses;      /* those that were asked for */
};

void shale_fs_vnode_stats(struct shale_fs *fs, struct shale_vnode_stats *out);

/* Decoded units, likewise. */
struct shale_decoded_stats {
    size_t bytes, budget;
};

void shale_fs_decoded_stats(struct shale_fs *fs,
                            struct shale_decoded_stats *out);

/*
 * The memory formula: what a volume takes at most, in bytes, beside the
 * allocator's own. Its parts, and what is not in it, are in docs/memory.md.
 */
struct shale_memory_bound {
    size_t volume;              /* itself, and its driver's state */
    size_t cache;               /* blocks, and what finds them */
    size_t changes;             /* what waits to be written; not in the total
                                   of a volume that is read-only */
    size_t vnodes;
    size_t decoded;             /* units; 0: the format has none */
    size_t names;               /* tables of large directories */
    size_t passing;             /* while calls run */
    size_t total;
};

/*
 * Compute it for FS, as it is configured, where at most HELD vnodes are held
 * and CALLS calls run at once. What changes take depends on how much there is,
 * so this calls shale_statfs(): it takes the volume's lock, and may read from
 * the device. If that fails, what the format itself takes to be changed is 0.
 */
void shale_memory_bound(struct shale_fs *fs, size_t held, unsigned calls,
                        struct shale_memory_bound *out);

/* Drop what is cached and not in use: vnodes, decoded data, metadata. */
void shale_fs_shrink(struct shale_fs *fs);

/*
 * Write all changes to the device, so that they survive a power cut, and mark
 * the volume clean (not while a file without a name is held, or a write is
 * under way). If a write, of this call or one before, failed: its error, and
 * the volume is read-only unless errors_continue was asked for.
 */
int shale_sync(struct shale_fs *fs);

/*
 * As shale_sync(), but the volume stays marked as in use, and what has become
 * free may not have been noted on the device: what a host calls every few
 * seconds. Costs nothing if nothing has changed.
 */
int shale_writeback(struct shale_fs *fs);

/* The volume's label is LABEL, terminated; "" removes it. */
int shale_set_label(struct shale_fs *fs, const char *label);

/*
 * Make an empty volume of DRIVER's format on DEV. Everything on DEV may be
 * overwritten. SHALE_EINVAL, having told LOG (or NULL) why, if the format
 * cannot be as *FORMAT asks.
 */
int shale_mkfs(const struct shale_fs_ops *driver, struct shale_bdev *dev,
               struct shale_mem *mem, struct shale_log *log,
               const struct shale_format *format);

/* ------------------------------------------------------------ by vnode */

/* The volume's root directory's inode number, for a daemon's own table. */
uint64_t shale_root_ino(const struct shale_fs *fs);

/*
 * Get the file numbered INO, in use or deleted (shale_deleted_iterate()).
 * SHALE_ESTALE if no file has that number. The caller puts the reference that
 * it gets here, or from any call below.
 */
int shale_vnode_get(struct shale_fs *fs, uint64_t ino,
                    struct shale_vnode **out);

/* One more reference / one less. VN may be NULL for put. */
void shale_vnode_ref(struct shale_vnode *vn);
void shale_vnode_put(struct shale_vnode *vn);

uint64_t shale_vnode_ino(const struct shale_vnode *vn);
uint32_t shale_vnode_generation(const struct shale_vnode *vn);
enum shale_type shale_vnode_type(const struct shale_vnode *vn);
struct shale_fs *shale_vnode_fs(const struct shale_vnode *vn);

/*
 * For a daemon whose kernel remembers inode numbers: keep VN in memory, and
 * what it occupies on the volume, until the kernel has forgotten it. Remember
 * takes one more reference, forget returns COUNT of them, of the vnode
 * numbered INO. At shale_unmount() they are forgotten without being returned.
 */
void shale_vnode_remember(struct shale_vnode *vn);
void shale_vnode_forget(struct shale_fs *fs, uint64_t ino, uint64_t count);

/*
 * Forget VN wholly, if nobody but the caller, who puts his own, has a reference
 * besides. False if somebody has, or it was not remembered.
 */
bool shale_vnode_forget_unused(struct shale_vnode *vn);

/* Forget, wholly, each file that is remembered and for whose number WHOSE says
   so, which must not call back into FS. */
void shale_vnode_forget_some(struct shale_fs *fs,
                             bool (*whose)(void *context, uint64_t ino),
                             void *context);

/*
 * Will the number of VN lead to it again when it has not been in memory in
 * between? Not that of a file without a name; nor, where numbers are places
 * (SHALE_TRAIT_NO_HANDLES), of one that is not at its number's. So these have
 * to be remembered by a daemon whose kernel knows them, and no others.
 */
bool shale_vnode_stays(struct shale_vnode *vn);

/*
 * Find NAME, LEN bytes, in DIR; "." and ".." work. SHALE_ENAMETOOLONG for more
 * than the format's names have, SHALE_EINVAL for an empty name or one that
 * holds '/' or NUL.
 */
int shale_lookup(struct shale_vnode *dir, const char *name, size_t len,
                 struct shale_vnode **out);

/*
 * As shale_lookup() and then shale_getattr(), but without bringing a vnode
 * into memory: what a daemon's LOOKUP needs.
 */
int shale_lookup_attr(struct shale_vnode *dir, const char *name, size_t len,
                      struct shale_attr *out);

int shale_getattr(struct shale_vnode *vn, struct shale_attr *out);

/* The attributes of file number INO, without bringing a vnode into memory. */
int shale_getattr_ino(struct shale_fs *fs, uint64_t ino,
                      struct shale_attr *out);

#define SHALE_ITERATE_ATTR 1u   /* fill in shale_dirent.attr too */

/*
 * Call EMIT for the entries of DIR, "." and ".." first, from COOKIE on: 0 for
 * the start, or the `next` of the last entry taken. Returns 0 at the end, what
 * EMIT returned if it stopped, or an error. EMIT is called with the volume's
 * lock held, shared or not, and must not call back into it. A file whose inode
 * cannot be read is listed without attributes; but where there is no memory for
 * that, the listing ends with SHALE_ENOMEM.
 */
int shale_iterate(struct shale_vnode *dir, uint64_t cookie, unsigned flags,
                  shale_emit_fn *emit, void *context);

/*
 * Call EMIT for each file that is deleted and still described on the volume,
 * in no order. It can be opened by its number and read like any other; what of
 * its data is lost then reads as what is there now. EMIT is called with the
 * volume's lock held, shared or not, and must not call back into it.
 * SHALE_ENOTSUP for a format that keeps nothing of them.
 */
int shale_deleted_iterate(struct shale_fs *fs, shale_deleted_fn *emit,
                          void *context);

/* A piece of a caller's buffer. */
struct shale_iovec {
    void *base;
    size_t len;
};

/*
 * Read up to LEN bytes of FILE at OFFSET. Returns the count, short only at the
 * end of the file; an error in the middle is an error, never a short count.
 * SHALE_EISDIR, SHALE_EINVAL for what is not a regular file.
 */
int64_t shale_read(struct shale_vnode *file, void *buf, size_t len,
                   uint64_t offset);
int64_t shale_readv(struct shale_vnode *file, const struct shale_iovec *iov,
                    size_t count, uint64_t offset);

/*
 * Where the bytes of FILE at OFFSET live; see struct shale_extent. The extent
 * starts at OFFSET and ends at the file's end at the latest; adjacent extents
 * are merged as far as they lie within LEN, up to 16,384 of them. SHALE_ENXIO
 * at or past the end of the file.
 */
int shale_map(struct shale_vnode *file, uint64_t offset, uint64_t len,
              struct shale_extent *out);

/*
 * The first offset at or after OFFSET that is data / in a hole, as lseek(2)'s
 * SEEK_DATA and SEEK_HOLE: the end of the file counts as a hole. SHALE_ENXIO
 * past the end, or where no data follows. Behind data in more than 524,288
 * pieces no hole but the end is found.
 */
int64_t shale_seek_data(struct shale_vnode *file, uint64_t offset);
int64_t shale_seek_hole(struct shale_vnode *file, uint64_t offset);

/*
 * Store the target of a symlink, terminated, in the SIZE bytes of BUF. Returns
 * its length; SHALE_EINVAL if VN is no symlink, SHALE_ERANGE if it does not
 * fit with its NUL. SHALE_PATH_MAX always fits.
 */
int64_t shale_readlink(struct shale_vnode *vn, char *buf, size_t size);

/* As getxattr(2): SIZE 0 asks for the length. */
int64_t shale_getxattr(struct shale_vnode *vn, const char *name, void *buf,
                       size_t size);

/* As listxattr(2): names terminated by NUL, one after the other. */
int64_t shale_listxattr(struct shale_vnode *vn, char *buf, size_t size);

/* ----------------------------------------------------------- changing */

/*
 * Each call below is done whole or, on error, not at all. What is done is in
 * memory; shale_fsync() and shale_sync() make it durable. All answer
 * SHALE_EROFS on a volume that is read-only, SHALE_ENOTSUP for what the format
 * does not have, SHALE_ENOSPC, SHALE_EIO and SHALE_ENOMEM. A name that is "."
 * or ".." is SHALE_EINVAL, or SHALE_EEXIST where it is to be made.
 */

/*
 * Make a file, directory, symlink or device as *NODE says, called NAME (LEN
 * bytes) in DIR, and store it with a reference unless OUT is NULL.
 * SHALE_EEXIST, SHALE_ENAMETOOLONG.
 */
int shale_create(struct shale_vnode *dir, const char *name, size_t len,
                 const struct shale_node *node, struct shale_vnode **out);

/*
 * Make a file without a name, where one called something in DIR would be made;
 * it goes with its last reference unless shale_link() gives it a name.
 */
int shale_create_unnamed(struct shale_vnode *dir,
                         const struct shale_node *node,
                         struct shale_vnode **out);

/* Give VN one more name. SHALE_EPERM for a directory. */
int shale_link(struct shale_vnode *vn, struct shale_vnode *dir,
               const char *name, size_t len);

/*
 * Remove a name: of what is no directory, SHALE_EISDIR / of a directory that
 * is empty, SHALE_ENOTDIR, SHALE_ENOTEMPTY. Who holds the file can use it on.
 */
int shale_unlink(struct shale_vnode *dir, const char *name, size_t len);
int shale_rmdir(struct shale_vnode *dir, const char *name, size_t len);

#define SHALE_RENAME_NOREPLACE 1u       /* SHALE_EEXIST if there is a victim */
#define SHALE_RENAME_EXCHANGE  2u       /* both must be there; they swap */

/*
 * As renameat2(2): NAME in FROM becomes TO_NAME in TO, and what had that name
 * loses it. At any moment, also on the device, one of the names is there.
 * SHALE_EINVAL for a directory that would go below itself.
 */
int shale_rename(struct shale_vnode *from, const char *name, size_t len,
                 struct shale_vnode *to, const char *to_name, size_t to_len,
                 unsigned flags);

/*
 * The same, and LEFT is made where NAME was: both or nothing. Nothing is done
 * or left of a file that has both names, as nothing is renamed. SHALE_ENOTSUP
 * if it cannot be both.
 */
int shale_rename_leaving(struct shale_vnode *from, const char *name,
                         size_t len, struct shale_vnode *to,
                         const char *to_name, size_t to_len, unsigned flags,
                         const struct shale_node *left);

/*
 * Change the attributes of VN that WHAT says. SHALE_EPERM for what the format
 * cannot keep.
 */
int shale_setattr(struct shale_vnode *vn, const struct shale_setattr *what);

/*
 * Write LEN bytes to FILE at OFFSET; a gap before it reads as zeros. Returns
 * the count, which is less than LEN only if an error came after some: then all
 * bytes up to there are written. SHALE_EFBIG beyond what a file can be.
 */
int64_t shale_write(struct shale_vnode *file, const void *buf, size_t len,
                    uint64_t offset);
int64_t shale_writev(struct shale_vnode *file, const struct shale_iovec *iov,
                     size_t count, uint64_t offset);

/* As shale_write() at the end of FILE; stores where that was in *OFFSET. */
int64_t shale_append(struct shale_vnode *file, const void *buf, size_t len,
                     uint64_t *offset);

/* FILE is SIZE bytes long from now on; new ones are zeros. */
int shale_truncate(struct shale_vnode *file, uint64_t size);

#define SHALE_ALLOCATE_KEEP_SIZE  1u
#define SHALE_ALLOCATE_PUNCH_HOLE 2u    /* only with KEEP_SIZE */
#define SHALE_ALLOCATE_ZERO_RANGE 4u

/*
 * As fallocate(2). See to it that space is allocated for the LEN bytes at
 * OFFSET; new ones read as zeros. The file grows to hold them unless KEEP_SIZE
 * is said; then what is past its end is space kept for later, SHALE_ENOTSUP if
 * the format cannot say that. ZERO_RANGE: those that are there become zeros,
 * too. PUNCH_HOLE: they become a hole, as far as the format's units go, and
 * zeros. Both are SHALE_ENOTSUP in a format that has no holes.
 */
int shale_allocate(struct shale_vnode *file, uint64_t offset, uint64_t len,
                   unsigned flags);

/*
 * Copy up to LEN bytes from one file to another of the same volume, or within
 * one if the ranges do not overlap (SHALE_EINVAL). Holes stay holes if the
 * format has any. Returns the count, short only at FROM's end or as
 * shale_write().
 */
int64_t shale_copy_range(struct shale_vnode *from, uint64_t from_offset,
                         struct shale_vnode *to, uint64_t to_offset,
                         uint64_t len);

#define SHALE_XATTR_CREATE  1u          /* SHALE_EEXIST if it is there */
#define SHALE_XATTR_REPLACE 2u          /* SHALE_ENODATA if it is not */

int shale_setxattr(struct shale_vnode *vn, const char *name, const void *value,
                   size_t size, unsigned flags);
int shale_removexattr(struct shale_vnode *vn, const char *name);

/*
 * Make what was done to VN durable, data and metadata (of the whole volume,
 * since changes may depend on each other). Reports a late write error as
 * shale_sync() does.
 */
int shale_fsync(struct shale_vnode *vn);

/* ------------------------------------------------------------- by path */

#define SHALE_WALK_NOFOLLOW 1u  /* a symlink at the end is itself the result */

/*
 * Follow PATH from directory START (NULL: the root), through symlinks, at most
 * 40 of them (SHALE_ELOOP). A path, or a target, that begins with '/' starts
 * at the volume's root; ".." there stays there. A trailing '/' asks for a
 * directory (and so for a symlink's target).
 */
int shale_walk(struct shale_fs *fs, struct shale_vnode *start,
               const char *path, unsigned flags, struct shale_vnode **out);

int shale_stat(struct shale_fs *fs, const char *path, struct shale_attr *out);
int shale_lstat(struct shale_fs *fs, const char *path, struct shale_attr *out);

/*
 * The directory that PATH's last name is in, and that name, which points into
 * PATH: what the calls above that take a directory and a name want. SHALE_EBUSY
 * for a path that ends in no name: "/", "a/..". Trailing '/' are left off.
 */
int shale_walk_parent(struct shale_fs *fs, const char *path,
                      struct shale_vnode **dir, const char **name,
                      size_t *len);

/* Open the file or directory at PATH; close it to let go. */
int shale_open(struct shale_fs *fs, const char *path, struct shale_file **out);
void shale_close(struct shale_file *file);

/* The vnode under FILE; the reference stays FILE's. */
struct shale_vnode *shale_file_vnode(struct shale_file *file);

/* Read, or write, at the file's position, and move it by the count. */
int64_t shale_file_read(struct shale_file *file, void *buf, size_t len);
int64_t shale_file_write(struct shale_file *file, const void *buf, size_t len);

enum shale_whence {
    SHALE_SEEK_SET,
    SHALE_SEEK_CUR,
    SHALE_SEEK_END,
    SHALE_SEEK_DATA,
    SHALE_SEEK_HOLE,
};

/* Move the position; returns the new one. As lseek(2). */
int64_t shale_file_seek(struct shale_file *file, int64_t offset,
                        enum shale_whence whence);

/* One entry of an open directory, copied. */
struct shale_entry {
    uint64_t ino;
    enum shale_type type;
    char name[SHALE_NAME_MAX + 1];
};

/*
 * The next entry of open directory FILE. Returns 1 and fills *OUT, or 0 at the
 * end. shale_file_seek(file, 0, SHALE_SEEK_SET) starts over.
 */
int shale_file_readdir(struct shale_file *file, struct shale_entry *out);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_H */
