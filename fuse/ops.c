/*
 * ops.c - each request of the kernel's becomes a call of Shale's
 *
 * The session, what only reads, and the table of all handlers. Nothing can
 * change under the kernel, as the image is locked, so it may keep every answer;
 * OPEN and OPENDIR it need not even send. What it knows, and how it changes,
 * see nodes.c and write.c.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fuse/ops.h"

struct service *service_of(fuse_req_t req)
{
    return fuse_req_userdata(req);
}

void reply_error(fuse_req_t req, int64_t err)
{
    fuse_reply_err(req, convert_error(err));
}

int vnode_of(const struct service *service, fuse_ino_t node,
             struct shale_vnode **out)
{
    return shale_vnode_get(service->fs, convert_node(service->root_ino, node),
                           out);
}

/* ------------------------------------------------------------- session */

/*
 * Since when a kernel takes the set-group-id bit from who may not make a file
 * with it: 6.0, which only the next protocol tells from others: 6.1's.
 */
#define STRIPS_MINOR 37u

/* Since when a kernel can be told to look up all names anew: 6.16. */
#define EPOCH_MINOR 44u

/* For how long, in seconds, it may keep names if it cannot. */
#define SHORT_TIMEOUT 1.0

/* How long the kernel may keep names; see nodes.c. */
static void choose_timeouts(struct service *service,
                            const struct fuse_conn_info *conn)
{
    const struct mount_options *options = service->options;

    service->entry_timeout = options->entry_timeout;
    service->absent_timeout = options->negative_timeout;
    if (!service->writable || !has_trait(service, SHALE_TRAIT_FOLDS_CASE))
        return;
    service->absent_timeout = 0;
    if (conn->proto_minor < EPOCH_MINOR &&
        service->entry_timeout > SHORT_TIMEOUT)
        service->entry_timeout = SHORT_TIMEOUT;
}

/* What to ask of the kernel. */
static unsigned choose_features(const struct service *service)
{
    const struct mount_options *options = service->options;
    unsigned want = FUSE_CAP_IOCTL_DIR | FUSE_CAP_READDIRPLUS |
                    FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS |
                    FUSE_CAP_CACHE_SYMLINKS;

    if (service->writable && options->writeback_cache)
        want |= FUSE_CAP_WRITEBACK_CACHE;
    /* A directory's default ACL goes before the umask. */
    if (!has_trait(service, SHALE_TRAIT_NO_OWNERS))
        want |= FUSE_CAP_DONT_MASK;
    /* A file handle must not lead to another file one day. */
    if (!service->writable || !has_trait(service, SHALE_TRAIT_NO_HANDLES))
        want |= FUSE_CAP_EXPORT_SUPPORT;
    if (!options->sync_read)
        want |= FUSE_CAP_ASYNC_READ;
    /*
     * With this the kernel checks the ACLs too. They speak of the volume's own
     * users, so they would contradict an owner or mode put in their place.
     */
    if (options->default_permissions && !options->has_uid &&
        !options->has_gid && !options->has_file_mask && !options->has_dir_mask)
        want |= FUSE_CAP_POSIX_ACL;
    return want;
}

/* FUSE has no name for a step of more than a second. */
#define TIME_STEP_MAX 1000000000u

static void op_init(void *context, struct fuse_conn_info *conn)
{
    struct service *service = context;
    const struct mount_options *options = service->options;
    uint32_t step = shale_fs_time_step(service->fs);

    conn->want = conn->capable & choose_features(service);
    choose_timeouts(service, conn);
    if (step > 0)
        conn->time_gran = step < TIME_STEP_MAX ? step : TIME_STEP_MAX;
    service->strips_setgid = conn->proto_minor >= STRIPS_MINOR;
    service->finds_holes = seek_possible(service, conn->proto_minor);
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
    if (service->dev && conn->max_write > RELAY_MAX)
        conn->max_write = RELAY_MAX;    /* and so what is read at once */
    service->started = true;
}

/* ---------------------------------------------------------- attributes */

static void op_getattr(fuse_req_t req, fuse_ino_t node,
                       struct fuse_file_info *file)
{
    const struct service *service = service_of(req);
    struct shale_attr attr;
    struct stat st;
    /* With a file it is asked for on behalf of a write(2), among others. */
    int err = file ? take_late_error(node) : 0;

    if (!err)
        err = shale_getattr_ino(service->fs,
                                convert_node(service->root_ino, node), &attr);
    if (err) {
        reply_error(req, err);
        return;
    }
    convert_attr(service->options, &attr, &st);
    fuse_reply_attr(req, &st, service->options->attr_timeout);
}

/*
 * access(2), and chdir(2), where the kernel does not check permissions since
 * whom they would stop is not let in: but even root runs no file without an x.
 */
static void op_access(fuse_req_t req, fuse_ino_t node, int mask)
{
    const struct service *service = service_of(req);
    struct shale_attr attr;
    struct stat st;
    int err = 0;

    if (!service->writable || service->options->fakeroot ||
        has_trait(service, SHALE_TRAIT_NO_OWNERS)) {
        fuse_reply_err(req, ENOSYS);    /* "yes, and never ask again" */
        return;
    }
    if (mask & X_OK)
        err = shale_getattr_ino(service->fs,
                                convert_node(service->root_ino, node), &attr);
    if (!err && mask & X_OK) {
        convert_attr(service->options, &attr, &st);
        if (S_ISREG(st.st_mode) && !(st.st_mode & 0111))
            err = SHALE_EACCES;
    }
    reply_error(req, err);
}

static void op_readlink(fuse_req_t req, fuse_ino_t node)
{
    struct service *service = service_of(req);
    char *target = serve_scratch();
    struct shale_vnode *vn;
    int64_t got = vnode_of(service, node, &vn);

    if (!got) {
        got = shale_readlink(vn, target, SHALE_PATH_MAX);
        if (got >= 0)
            note_read(service, vn);
        shale_vnode_put(vn);
    }
    if (got < 0)
        reply_error(req, got);
    else
        fuse_reply_readlink(req, target);
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
    if (!got && relay_read(req, vn, (uint64_t)offset, size)) {
        shale_vnode_put(vn);
        return;
    }
    if (!got) {
        got = shale_read(vn, data, size, (uint64_t)offset);
        if (got > 0)
            note_read(service_of(req), vn);
        shale_vnode_put(vn);
    }
    if (got < 0)
        reply_error(req, got);
    else
        fuse_reply_buf(req, data, (size_t)got);
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
    int64_t got;

    if (memory_asked(node, name)) {
        memory_reply(req, size);
        return;
    }
    got = vnode_of(service_of(req), node, &vn);
    if (size > SERVE_SCRATCH)
        size = SERVE_SCRATCH;
    if (!got) {
        got = shale_getxattr(vn, name, data, size);
        shale_vnode_put(vn);
    }
    reply_xattr(req, data, got, size);
}

/* Take the names that only root is to see out of LIST; returns its length. */
static size_t hide_trusted(char *list, size_t len)
{
    static const char trusted[] = "trusted.";
    size_t kept = 0;

    for (size_t at = 0, count; at < len; at += count) {
        count = strnlen(list + at, len - at) + 1;
        if (count > len - at)
            count = len - at;
        if (strncmp(list + at, trusted, sizeof trusted - 1) == 0)
            continue;
        memmove(list + kept, list + at, count);
        kept += count;
    }
    return kept;
}

static void op_listxattr(fuse_req_t req, fuse_ino_t node, size_t size)
{
    char *data = serve_scratch();
    struct shale_vnode *vn;
    int64_t got = vnode_of(service_of(req), node, &vn);

    if (!got) {
        got = shale_listxattr(vn, data, SERVE_SCRATCH);
        shale_vnode_put(vn);
    }
    if (got > 0 && fuse_req_ctx(req)->uid != 0 &&
        !service_of(req)->options->fakeroot)
        got = (int64_t)hide_trusted(data, (size_t)got);
    if (size > 0 && got > (int64_t)size)
        got = SHALE_ERANGE;
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

/* --------------------------------------------------------------- table */

/*
 * Changes are in it on a read-only mount as well: the kernel turns them away by
 * itself, but root may remount it, and then the volume says EROFS.
 *
 * Not in it, and then dealt with by the kernel alone: flush, release, locks,
 * poll.
 */
const struct fuse_lowlevel_ops service_ops = {
    .init = op_init,
    .lookup = op_lookup,
    .forget = op_forget,
    .forget_multi = op_forget_multi,
    .getattr = op_getattr,
    .access = op_access,
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
    .create = op_create,
    .mkdir = op_mkdir,
    .symlink = op_symlink,
    .link = op_link,
    .unlink = op_unlink,
    .rmdir = op_rmdir,
    .rename = op_rename,
    .write = op_write,
    .fallocate = op_fallocate,
    .copy_file_range = op_copy_file_range,
    .fsync = op_fsync,
    .fsyncdir = op_fsync,
    .setxattr = op_setxattr,
    .removexattr = op_removexattr,
};
