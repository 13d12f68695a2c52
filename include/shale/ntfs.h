/*
 * ntfs.h - NTFS in less code: a driver that reads, and what else to name
 *
 * shale_ntfs does all there is. shale_ntfs_small is the same driver for who
 * has little room: it mounts, finds names, lists directories, and reads
 * files, links, times and sizes, of data that is resident, sparse or compressed
 * in NTFS's own way. Of the rest it does what is named here, and the linker
 * drops what nobody names:
 *
 *     static const struct shale_ntfs_extra *const extras[] = {
 *         &shale_ntfs_packed, NULL,
 *     };
 *     struct shale_config config = {
 *         .drivers = drivers, .ntfs_extras = extras, ...
 *     };
 *
 * A mount option for something that is not named is SHALE_ENOTSUP, as is data
 * that needs it; but what is encrypted is SHALE_EACCES, as without efs_raw.
 */
#ifndef SHALE_NTFS_H
#define SHALE_NTFS_H

#ifdef __cplusplus
extern "C" {
#endif

struct shale_fs_ops;
struct shale_ntfs_extra;

extern const struct shale_fs_ops shale_ntfs_small;

/* Data that Windows packed: CompactOS, `compact /exe`. */
extern const struct shale_ntfs_extra shale_ntfs_packed;

/* Owners and permissions by security descriptors: options permissions and
   usermapping. Without it files are whose the options uid and gid say. */
extern const struct shale_ntfs_extra shale_ntfs_owners;

/* What Windows' own Unixes have made: owners, permissions and devices of WSL,
   and Interix's links, devices, fifos and sockets. */
extern const struct shale_ntfs_extra shale_ntfs_unix;

/* Named streams, and all that shale_getxattr() has: options streams_interface
   and efs_raw. */
extern const struct shale_ntfs_extra shale_ntfs_streams;

/* Damaged directories by the names that files have: option recover. */
extern const struct shale_ntfs_extra shale_ntfs_recovery;

/* shale_deleted_iterate(). */
extern const struct shale_ntfs_extra shale_ntfs_undelete;

/* shale_describe(). */
extern const struct shale_ntfs_extra shale_ntfs_about;

/* All of them, then NULL. */
extern const struct shale_ntfs_extra *const shale_all_ntfs_extras[];

#ifdef __cplusplus
}
#endif

#endif /* SHALE_NTFS_H */
