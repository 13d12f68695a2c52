/*
 * ops.c - each request of the kernel's becomes a call of Shale's
 *
 * A node's number is its inode number, so a request carries all that is needed
 * to find its vnode and nothing has to be kept between two requests: FORGET is
 * free, and what is in memory is the core's bounded cache. Nothing can change
 * under the kernel, as the image is locked, so it may keep every answer, also
 * that a name does not exist; OPEN and OPENDIR it need not even send.
 *
 * Every handler answers exactly once, with no lock held and no vnode in hand
 * that it still needs: the kernel may come back before the reply returns.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <fuse_lowlevel.h>

#include "fuse/daemon.h"

static struct service *service_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

static void reply_error(fuse_req_t req, int64_t err)
{
    fuse_reply_err(req, convert_error(err));
}

/* The vnode of NODE, with a reference. */
static int vnode_of(const struct service *service, fuse_ino_t node,
                    struct shale_vnode **out)
{
    return shale_vnode_get(service->fs, convert_node(service->root_ino, node),
                           out);
}

/* ------------------------------------------------------------- session */

static void op_init(void *context, struct fuse_conn_info *conn)
{
    struct service *service = context;
    const struct mount_options *options = service->options;
    unsigned want = FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_IOCTL_DIR |
                    FUSE_CAP_READDIRPLUS | FUSE_CAP_ASYNC_DIO |
                    FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_CACHE_SYMLINKS;

    if (!options->sync_read)
        want |= FUSE_CAP_ASYNC_READ;
    /*
     * With this the kernel checks the ACLs too. They speak of the volume's own
     * users, so they would contradict an owner or mode put in their place.
     */
    if (options->default_permissions && !options->has_uid &&
        !options->has_gid && !options->has_file_mask && !options->has_dir_mask)
        want |= FUSE_CAP_POSIX_ACL;
    conn->want = conn->capable & want;

    service->no_open = conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
    service->no_opendir = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
    conn->max_background = options->max_background ? options->max_background
                                                   : 64;
    conn->congestion_threshold = options->congestion
                                     ? options->congestion
                                     : conn->max_background * 3 / 4;
    if (options->max_readahead &&
        options->max_readahead < conn->max_readahead)
        conn->max_readahead = options->max_readahead;
    service->started = true;
}

/* --------------------------------------------------------------- names */

/* The attributes of what is called NAME in NODE. */
static int find(const struct service *service, fuse_ino_t node,
                const char *name, struct shale_attr *out)
{
    struct shale_vnode *dir;
    int err;

    err = vnode_of(service, node, &dir);
    if (err)
        return err;
    if (strcmp(name, ".") == 0)     /* NFS asks so for files, too */
        err = shale_getattr(dir, out);
    else
        err = shale_lookup_attr(dir, name, strlen(name), out);
    shale_vnode_put(dir);
    return err;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    const struct service *service = service_of(req);
    struct fuse_entry_param entry = { .ino = 0 };
    struct shale_attr attr;
    int err = find(service, parent, name, &attr);

    if (err == SHALE_ENOENT && service->options->negative_timeout > 0) {
        /* Node 0: there is none, and the kernel may remember that. */
        entry.entry_timeout = service->options->negative_timeout;
    } else if (err) {
        reply_error(req, err);
        return;
    } else {
        convert_entry(service->options, service->root_ino, &attr, &entry);
    }
    fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t node,
                       struct fuse_file_info *file)
{
    const struct service *service = service_of(req);
    struct shale_attr attr;
    struct stat st;
    int err = shale_getattr_ino(service->fs,
                                convert_node(service->root_ino, node), &attr);

    (void)file;
    if (err) {
        reply_error(req, err);
        return;
    }
    convert_attr(service->options, &attr, &st);
    fuse_reply_attr(req, &st, service->options->attr_timeout);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
    char *target = serve_scratch();
    struct shale_vnode *vn;
    int64_t got = vnode_of(service_of(req), node, &vn);

    if (!got) {
        got = shale_readlink(vn, target, SHALE_PATH_MAX);
        shale_vnode_put(vn);
    }
    if (got < 0)
        reply_error(req, got);
    else
        fuse_reply_readlink(req, target);
}

/* --------------------------------------------------------- directories */

/* A listing on its way into the reply's buffer. */
struct listing {
    fuse_req_t req;
    const struct service *service;
    bool plus;                  /* with attributes */
    char *buf;
    size_t used, size;          /* bytes */
};

static int emit_entry(void *context, const struct shale_dirent *entry)
{
    struct listing *list = context;
    struct fuse_entry_param param = { .ino = 0 };
    char name[SHALE_NAME_MAX + 1];
    char *at = list->buf + list->used;
    size_t left = list->size - list->used;
    size_t took;

    memcpy(name, entry->name, entry->len);
    name[entry->len] = '\0';

    if (entry->attr && list->plus)
        convert_entry(list->service->options, list->service->root_ino,
                      entry->attr, &param);
    /* What has no attributes goes without a node: to be looked up if needed. */
    if (!entry->attr || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        param.ino = 0;
    param.attr.st_ino = entry->ino;
    if (!entry->attr || !list->plus)
        param.attr.st_mode = convert_type(entry->type);

    took = list->plus
               ? fuse_add_direntry_plus(list->req, at, left, name, &param,
                                        (off_t)entry->next)
               : fuse_add_direntry(list->req, at, left, name, &param.attr,
                                   (off_t)entry->next);
    if (took > left)
        return 1;               /* full */
    list->used += took;
    return 0;
}

static void list_dir(fuse_req_t req, fuse_ino_t node, size_t size,
                     off_t offset, bool plus)
{
    struct listing list = {
        .req = req,
        .service = service_of(req),
        .plus = plus,
        .buf = serve_scratch(),
        .size = size < SERVE_SCRATCH ? size : SERVE_SCRATCH,
    };
    struct shale_vnode *dir;
    int err = vnode_of(list.service, node, &dir);

    if (!err) {
        err = shale_iterate(dir, (uint64_t)offset,
                            plus ? SHALE_ITERATE_ATTR : 0, emit_entry, &list);
        shale_vnode_put(dir);
    }
    /* What came before an error is good; the next request will meet it. */
    if (err < 0 && list.used == 0)
        reply_error(req, err);
    else
        fuse_reply_buf(req, list.buf, list.used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t node, size_t size,
                       off_t offset, struct fuse_file_info *file)
{
    (void)file;
    list_dir(req, node, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t node, size_t size,
                           off_t offset, struct fuse_file_info *file)
{
    (void)file;
    list_dir(req, node, size, offset, true);
}

/* ---------------------------------------------------------------- data */

/* ENOSYS here means: fine, and never ask again. */
static void op_open(fuse_req_t req, fuse_ino_t node,
                    struct fuse_file_info *file)
{
    (void)node;
    file->keep_cache = 1;
    if (service_of(req)->no_open)
        fuse_reply_err(req, ENOSYS);
    else
        fuse_reply_open(req, file);
}

static void op_opendir(fuse_req_t req, fuse_ino_t node,
                       struct fuse_file_info *file)
{
    (void)node;
    file->keep_cache = 1;
    file->cache_readdir = 1;
    if (service_of(req)->no_opendir)
        fuse_reply_err(req, ENOSYS);
    else
        fuse_reply_open(req, file);
}

static void op_read(fuse_req_t req, fuse_ino_t node, size_t size, off_t offset,
                    struct fuse_file_info *file)
{
    char *data = serve_scratch();
    struct shale_vnode *vn;
    int64_t got;

    (void)file;
    if (size > SERVE_SCRATCH) {     /* more than we told the kernel to ask */
        fuse_reply_err(req, EINVAL);
        return;
    }
    got = vnode_of(service_of(req), node, &vn);
    if (!got) {
        got = shale_read(vn, data, size, (uint64_t)offset);
        shale_vnode_put(vn);
    }
    if (got < 0)
        reply_error(req, got);
    else
        fuse_reply_buf(req, data, (size_t)got);
}

static void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence,
                     struct fuse_file_info *file)
{
    struct shale_vnode *vn;
    int64_t at = vnode_of(service_of(req), node, &vn);

    (void)file;
    if (!at) {
        if (whence == SEEK_DATA)
            at = shale_seek_data(vn, (uint64_t)offset);
        else if (whence == SEEK_HOLE)
            at = shale_seek_hole(vn, (uint64_t)offset);
        else
            at = SHALE_EINVAL;
        shale_vnode_put(vn);
    }
    if (at < 0)
        reply_error(req, at);
    else
        fuse_reply_lseek(req, at);
}

/* Commands of ext2's, or of anybody's: there are none to be served. */
static void op_ioctl(fuse_req_t req, fuse_ino_t node, unsigned command,
                     void *arg, struct fuse_file_info *file, unsigned flags,
                     const void *in, size_t in_size, size_t out_size)
{
    (void)node, (void)command, (void)arg, (void)file, (void)flags;
    (void)in, (void)in_size, (void)out_size;
    fuse_reply_err(req, ENOTTY);
}

/* -------------------------------------------------------------- xattrs */

/* SIZE 0 was a question for the length. */
static void reply_xattr(fuse_req_t req, const char *data, int64_t got,
                        size_t size)
{
    if (got < 0)
        reply_error(req, got);
    else if (size == 0)
        fuse_reply_xattr(req, (size_t)got);
    else
        fuse_reply_buf(req, data, (size_t)got);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t node, const char *name,
                        size_t size)
{
    char *data = serve_scratch();
    struct shale_vnode *vn;
    int64_t got = vnode_of(service_of(req), node, &vn);

    if (size > SERVE_SCRATCH)
        size = SERVE_SCRATCH;
    if (!got) {
        got = shale_getxattr(vn, name, data, size);
        shale_vnode_put(vn);
    }
    reply_xattr(req, data, got, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
    char *data = serve_scratch();
    struct shale_vnode *vn;
    int64_t got = vnode_of(service_of(req), node, &vn);

    if (size > SERVE_SCRATCH)
        size = SERVE_SCRATCH;
    if (!got) {
        got = shale_listxattr(vn, data, size);
        shale_vnode_put(vn);
    }
    reply_xattr(req, data, got, size);
}

/* -------------------------------------------------------------- volume */

static void op_statfs(fuse_req_t req, fuse_ino_t node)
{
    struct shale_statfs volume;
    struct statvfs out;
    int err = shale_statfs(service_of(req)->fs, &volume);

    (void)node;
    if (err) {
        reply_error(req, err);
        return;
    }
    out = (struct statvfs){
        .f_bsize = volume.block_size,
        .f_frsize = volume.block_size,
        .f_blocks = volume.blocks,
        .f_bfree = volume.blocks_free,
        .f_bavail = volume.blocks_available,
        .f_files = volume.files,
        .f_ffree = volume.files_free,
        .f_namemax = volume.name_max,
    };
    fuse_reply_statfs(req, &out);
}

/* ------------------------------------------------------------- changes */

/*
 * The mount is read-only, so the kernel turns changes away by itself; but root
 * may remount it. Left out, these would answer ENOSYS, which is not the reason.
 */
static void op_setattr(fuse_req_t req, fuse_ino_t node, struct stat *attr,
                       int what, struct fuse_file_info *file)
{
    (void)node, (void)attr, (void)what, (void)file;
    fuse_reply_err(req, EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t dir, const char *name,
                     mode_t mode, dev_t device)
{
    (void)dir, (void)name, (void)mode, (void)device;
    fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t dir, const char *name,
                     mode_t mode)
{
    (void)dir, (void)name, (void)mode;
    fuse_reply_err(req, EROFS);
}

/* unlink, rmdir, and removexattr, which has the same shape. */
static void op_remove(fuse_req_t req, fuse_ino_t dir, const char *name)
{
    (void)dir, (void)name;
    fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t dir,
                       const char *name)
{
    (void)target, (void)dir, (void)name;
    fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t dir, const char *name,
                      fuse_ino_t to_dir, const char *to_name, unsigned flags)
{
    (void)dir, (void)name, (void)to_dir, (void)to_name, (void)flags;
    fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t node, fuse_ino_t dir,
                    const char *name)
{
    (void)node, (void)dir, (void)name;
    fuse_reply_err(req, EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t node, const char *data,
                     size_t size, off_t offset, struct fuse_file_info *file)
{
    (void)node, (void)data, (void)size, (void)offset, (void)file;
    fuse_reply_err(req, EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t node, const char *name,
                        const char *value, size_t size, int flags)
{
    (void)node, (void)name, (void)value, (void)size, (void)flags;
    fuse_reply_err(req, EROFS);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode,
                         off_t offset, off_t len, struct fuse_file_info *file)
{
    (void)node, (void)mode, (void)offset, (void)len, (void)file;
    fuse_reply_err(req, EROFS);
}

/*
 * Not in the table, and then dealt with by the kernel alone: access, flush,
 * release, fsync, locks, poll. forget has nothing to do.
 */
const struct fuse_lowlevel_ops service_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .getattr = op_getattr,
    .readlink = op_readlink,
    .open = op_open,
    .opendir = op_opendir,
    .read = op_read,
    .lseek = op_lseek,
    .readdir = op_readdir,
    .readdirplus = op_readdirplus,
    .ioctl = op_ioctl,
    .getxattr = op_getxattr,
    .listxattr = op_listxattr,
    .statfs = op_statfs,

    .setattr = op_setattr,
    .mknod = op_mknod,
    .mkdir = op_mkdir,
    .unlink = op_remove,
    .rmdir = op_remove,
    .removexattr = op_remove,
    .symlink = op_symlink,
    .rename = op_rename,
    .link = op_link,
    .write = op_write,
    .setxattr = op_setxattr,
    .fallocate = op_fallocate,
};
