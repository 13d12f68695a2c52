/*
 * ops.h - what the files that answer requests share
 *
 *     ops.c     the session, reading, and the table of all handlers
 *     nodes.c   names and directories; what the kernel knows (known.c)
 *     make.c    names that come, go and move
 *     change.c  attributes
 *     write.c   data
 *     seek.c    where there are holes
 *     atime.c   when files were read
 *     ioctl.c   what has no call of its own
 *     raw.c     what libfuse leaves out
 *     memory.c  what is in memory
 *
 * Every handler answers exactly once, with no lock held and no vnode in hand
 * that it still needs: the kernel may come back before the reply returns.
 */
#ifndef SHALE_FUSE_OPS_H
#define SHALE_FUSE_OPS_H

#include <fuse_lowlevel.h>

#include "fuse/daemon.h"
#include "fuse/known.h"

/* --------------------------------------------------------------- ops.c */

struct service *service_of(fuse_req_t req);

/* Answer with ERR, a negative shale_err or 0. */
void reply_error(fuse_req_t req, int64_t err);

/* The vnode of NODE, with a reference. */
int vnode_of(const struct service *service, fuse_ino_t node,
             struct shale_vnode **out);

/* Has VOLUME's format this trait (SHALE_TRAIT_...)? */
static inline bool has_trait(const struct service *service, unsigned trait)
{
    return (shale_fs_traits(service->fs) & trait) != 0;
}

/* ------------------------------------------------------------- nodes.c */

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t req, fuse_ino_t node, uint64_t count);
void op_forget_multi(fuse_req_t req, size_t count,
                     struct fuse_forget_data *forgets);
void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                struct fuse_file_info *file);
void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                    struct fuse_file_info *file);

/* Has the kernel nothing of file INO of CONTEXT, a service? See known_ask(). */
bool node_gone(void *context, uint64_t ino);

/*
 * Answer a request for NAME in directory DIR with VN, which the kernel knows
 * from then on; FILE if it is open as well, else NULL.
 */
void reply_node(fuse_req_t req, struct shale_vnode *dir, const char *name,
                struct shale_vnode *vn, const struct fuse_file_info *file);

/*
 * Does the kernel know VN, which is called NAME in DIR, by another name, too,
 * that would outlive this one? VN may be NULL. And: it does no longer.
 */
bool other_names(const struct service *service, struct shale_vnode *dir,
                 const char *name, const struct shale_vnode *vn);
void drop_names(void);

/* VN has moved: NAME in DIR is its only name. */
void rename_node(const struct service *service, struct shale_vnode *dir,
                 const char *name, struct shale_vnode *vn);

/* -------------------------------------------------------------- make.c */

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
              dev_t device);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
               mode_t mode, struct fuse_file_info *file);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
              mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
                const char *name);
void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t parent,
             const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t from, const char *name,
               fuse_ino_t to, const char *to_name, unsigned flags);

/* ------------------------------------------------------------ change.c */

void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr, int what,
                struct fuse_file_info *file);
void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name,
                 const char *value, size_t size, int flags);
void op_removexattr(fuse_req_t req, fuse_ino_t node, const char *name);

/*
 * VN's data is changed: no capabilities go with it any more, and with KILL no
 * set-id bits. Who has CAP_FSETID may keep these.
 */
int drop_rights(fuse_req_t req, struct shale_vnode *vn, bool kill);

/* May who sent REQ change what only VN's owner may? 0 or an error. */
int check_owner(fuse_req_t req, struct shale_vnode *vn);

/*
 * With -o sys_immutable: SHALE_EPERM if VN, or DIR or what is NAME in it,
 * has the system attribute of DOS; else 0, or an error.
 */
int check_mutable(const struct service *service, struct shale_vnode *vn);
int check_mutable_name(const struct service *service, struct shale_vnode *dir,
                       const char *name);

/* The kernel's copy of NODE's attributes is out of date. Returns -ENOENT if it
   does not know NODE, else what does not matter. */
int drop_attr(const struct service *service, fuse_ino_t node);

/* ------------------------------------------------------------- atime.c */

/* VN has just been read. */
void note_read(struct service *service, struct shale_vnode *vn);

/* ------------------------------------------------------------- write.c */

void op_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size,
              off_t offset, struct fuse_file_info *file);
void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t offset,
                  off_t len, struct fuse_file_info *file);
void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
                        struct fuse_file_info *from_file, fuse_ino_t to,
                        off_t to_offset, struct fuse_file_info *to_file,
                        size_t len, int flags);
void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync,
              struct fuse_file_info *file);

/*
 * SHALE_ENOSPC if who sent REQ may not use what the volume keeps for root, and
 * BLOCKS more would take of that. / Likewise for the *LEN bytes at OFFSET of
 * VN, if it is all of them; else *LEN becomes how many do not.
 */
int check_reserve(fuse_req_t req, uint64_t blocks);
int check_reserve_at(fuse_req_t req, struct shale_vnode *vn, uint64_t offset,
                     uint64_t *len);

/*
 * The error of a write that the kernel had put off, if NODE had one that no
 * write(2) has been told of yet; 0 if not. Told once.
 */
int take_late_error(fuse_ino_t node);

/* ------------------------------------------------------------ memory.c */

/* Is it what tells of our memory that is asked for? Then answer that. */
bool memory_asked(fuse_ino_t node, const char *name);
void memory_reply(fuse_req_t req, size_t size);

/* -------------------------------------------------------------- seek.c */

void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence,
              struct fuse_file_info *file);

/* Can holes be told from data, with a kernel of that protocol? */
bool seek_possible(const struct service *service, unsigned minor);

/* ------------------------------------------------------------- ioctl.c */

void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned command, void *arg,
              struct fuse_file_info *file, unsigned flags, const void *in,
              size_t in_size, size_t out_size);

/* --------------------------------------------------------------- raw.c */

struct iovec;

/* A request has come: what is in BUF is what libfuse shall see. */
void raw_request(const struct service *service, struct fuse_buf *buf);

/* A reply is about to go. */
void raw_reply(struct service *service, const struct iovec *iov, int count);

/*
 * Does the request that this thread serves want the set-id bits to go, since
 * who sent it may not keep them?
 */
bool raw_kills_setid(void);

/* The name of a file that is to have none. */
#define RAW_NO_NAME "/"

/* --------------------------------------------------------- writeback.c */

/*
 * A call that changes the volume has answered RESULT, and has done something
 * if that is not negative: see to it that it is written in time. Returns what
 * to answer: RESULT, or why it could not be written at once, which a mount
 * with -o sync wants.
 */
int64_t changed(struct service *service, int64_t result);

/* The same where names were changed, which -o dirsync wants written, too. */
int changed_names(struct service *service, int err);

/* -------------------------------------------------------------- relay.c */

/* Most that is asked for at once where this is used: half of what fits. */
#define RELAY_MAX (512u << 10)

/* One thread's pipe. */
struct relay {
    int ends[2];                /* to read from and to write to; or -1 */
    size_t slots;               /* pages it takes; 0: not to be used */
};

void relay_init(struct relay *relay);
void relay_fini(const struct relay *relay);

/*
 * Answer REQ, a read of SIZE bytes at OFFSET of VN, without having the bytes
 * here. False if that cannot be: then it is not answered.
 */
bool relay_read(fuse_req_t req, struct shale_vnode *vn, uint64_t offset,
                size_t size);

/* serve.c: this thread's pipe, the number of the request it answers, and
   sending the LEN bytes in PIPE; false if the kernel does not take them. */
struct relay *serve_relay(void);
uint64_t serve_unique(void);
bool serve_send(int pipe, size_t len);

#endif /* SHALE_FUSE_OPS_H */
