/*
 * write.c - data that changes
 *
 * A write(2) becomes requests of up to 1 MiB, which go from the request's
 * buffer to the image without another copy, and answers when that is done. So
 * an error is the answer to the call that met it, and sizes and times are ours.
 *
 * With -o writeback_cache the kernel puts off telling us, makes large writes of
 * small ones, and a file's size and mtime are its own while it knows the node.
 * That takes a SETATTR for each file written, renamed or removed, and a GETATTR
 * for the next look at it. In microseconds of processor time, both sides:
 *
 *                          without    with
 *     create, 3000 bytes        75      82
 *     append 5 bytes            20      50     opened and closed each time
 *     stat after that            3      15
 *     rename, unlink        32, 23  46, 35
 *     read it back              31       6     the kernel had not all of a page
 *     write 1 MiB by 4096     4600    1450
 *     write 1 MiB by 131072    950    1050
 *
 * Those who write large files write large pieces, so it is off by default.
 *
 * What is written to a shared mapping is put off either way, so there are late
 * errors, and how one reaches somebody is:
 *
 * (1) An error of a WRITE that was put off, the kernel notes at the file, and
 *     tells at the next fsync(2) or close(2): close sends what is unwritten,
 *     and waits for it. That takes no FLUSH.
 * (2) A program that only writes, and never looks, must not go on for ever. So
 *     we drop the kernel's attributes of that file; before the next write(2) it
 *     asks for them, and gets the error instead (take_late_error()).
 * (3) An error of writing back metadata is the volume's: it becomes read-only
 *     (or not, with -o errors=continue), says so in the log, fails every
 *     fsync(2) and every change from then on, and at the end is umount's exit
 *     status.
 *
 * FLUSH is not served. It could tell more only to a close of a file whose data
 * was all written before the volume failed. The kernel would send one for every
 * close, of files that were only read, too: to open, read and close a small
 * file that is cached took 5.6 us without, and 14.7 us with it. (FOPEN_NOFLUSH
 * would be the answer to an OPEN, which is not sent either.)
 */
#include <errno.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "fuse/ops.h"

/* Bytes that one request copies at most, as long as it keeps others waiting. */
#define COPY_MAX ((size_t)64 << 20)

/* --------------------------------------------------------- late errors */

/* The last few files that had one. An old one that nobody took is dropped. */
enum { LATE_MAX = 16 };

static struct {
    pthread_mutex_t lock;
    atomic_uint count;          /* of used slots */
    unsigned next;              /* slot to use */
    struct late {
        fuse_ino_t node;        /* 0: slot is free */
        int err;
    } slots[LATE_MAX];
} late = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note_late_error(const struct service *service, fuse_ino_t node,
                            int err)
{
    struct late *slot = NULL;

    pthread_mutex_lock(&late.lock);
    for (unsigned i = 0; i < LATE_MAX; i++)
        if (late.slots[i].node == node)
            slot = &late.slots[i];
    if (!slot)
        slot = &late.slots[late.next++ % LATE_MAX];
    if (slot->node == 0)
        atomic_fetch_add(&late.count, 1);
    *slot = (struct late){ .node = node, .err = err };
    pthread_mutex_unlock(&late.lock);
    drop_attr(service, node);
}

int take_late_error(fuse_ino_t node)
{
    int err = 0;

    if (atomic_load(&late.count) == 0)
        return 0;
    pthread_mutex_lock(&late.lock);
    for (unsigned i = 0; i < LATE_MAX; i++)
        if (late.slots[i].node == node) {
            err = late.slots[i].err;
            late.slots[i] = (struct late){ .node = 0 };
            atomic_fetch_sub(&late.count, 1);
        }
    pthread_mutex_unlock(&late.lock);
    return err;
}

/* -------------------------------------------------------------- reserve */

/* Blocks that a piece of a file may need to be found again. */
enum { POINTER_BLOCKS = 4 };

/* Is nothing kept from who sent REQ? The kernel itself writes as root. */
static bool may_use_reserve(fuse_req_t req)
{
    const struct mount_options *options = service_of(req)->options;
    const struct fuse_ctx *who = fuse_req_ctx(req);

    return who->uid == 0 || options->fakeroot ||
           (options->has_reserve_uid && who->uid == options->reserve_uid) ||
           (options->has_reserve_gid && who->gid == options->reserve_gid);
}

int check_reserve(fuse_req_t req, uint64_t blocks)
{
    struct shale_statfs volume;

    if (blocks == 0 || may_use_reserve(req) ||
        shale_statfs(service_of(req)->fs, &volume) ||
        volume.blocks_available == volume.blocks_free ||
        volume.blocks_available >= blocks)
        return 0;
    return SHALE_ENOSPC;
}

/*
 * The LEN bytes at OFFSET of VN: how many of them, from the first on, can be
 * written with BLOCKS more blocks, of SIZE bytes?
 */
static uint64_t fitting(struct shale_vnode *vn, uint64_t offset, uint64_t len,
                        uint64_t blocks, uint64_t size)
{
    uint64_t at = offset, end = offset + len;

    while (at < end) {
        struct shale_extent extent = { .kind = SHALE_EXTENT_HOLE };
        bool beyond = shale_map(vn, at, end - at, &extent) != 0;
        uint64_t here = end - at, within = at % size, wanted;

        /* What follows the end of a file in its last block is there. */
        if (beyond && within > 0)
            extent = (struct shale_extent){ .kind = SHALE_EXTENT_DATA,
                                            .length = size - within };
        else if (beyond)
            extent.length = here;
        if (here > extent.length)
            here = extent.length;
        wanted = (within + here + size - 1) / size;
        if (extent.kind == SHALE_EXTENT_HOLE && wanted > blocks)
            return at - offset + (blocks > 0 ? blocks * size - within : 0);
        if (extent.kind == SHALE_EXTENT_HOLE)
            blocks -= wanted;
        at += here;
    }
    return len;
}

/*
 * To count what is free takes its time on a large volume. So it is done when as
 * much as half of what there was may be gone: bytes left until then.
 */
static atomic_llong unseen;

static bool is_near(uint64_t len)
{
    return len > INT64_MAX / 2 ||
           atomic_fetch_sub(&unseen, (long long)len) < (long long)len;
}

static void note_available(const struct shale_statfs *volume)
{
    uint64_t half = volume->blocks_available / 2;

    if (half > (uint64_t)INT64_MAX / 4 / volume->block_size)
        half = (uint64_t)INT64_MAX / 4 / volume->block_size;
    atomic_store(&unseen, (long long)(half * volume->block_size));
}

int check_reserve_at(fuse_req_t req, struct shale_vnode *vn, uint64_t offset,
                     uint64_t *len)
{
    struct shale_statfs volume;
    bool near = is_near(*len);  /* others' bytes count, too */

    if (!near || may_use_reserve(req) ||
        shale_statfs(service_of(req)->fs, &volume))
        return 0;
    note_available(&volume);
    if (volume.blocks_available == volume.blocks_free ||
        volume.blocks_available >= *len / volume.block_size + POINTER_BLOCKS)
        return 0;
    *len = fitting(vn, offset, *len, volume.blocks_available,
                   volume.block_size);
    return *len > 0 ? 0 : SHALE_ENOSPC;
}

/* ---------------------------------------------------------------- write */

/*
 * Write all of DATA, or as much as can be: returns the count, or the error if
 * that is 0. WHOLE: or the error if it is not all.
 */
static int64_t write_data(struct shale_vnode *vn, const char *data,
                          size_t size, uint64_t offset, bool whole)
{
    int64_t got = shale_write(vn, data, size, offset);

    while (whole && got >= 0 && (size_t)got < size) {
        data += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
        got = shale_write(vn, data, size, offset);
    }
    return got;
}

/*
 * To a write that it had put off the kernel takes any answer for a complete
 * one, so a short one has to be an error; and a volume that has become
 * read-only since has lost data, which EROFS does not say.
 */
static int64_t write_put_off(const struct service *service, fuse_ino_t node,
                             struct shale_vnode *vn, const char *data,
                             size_t size, uint64_t offset)
{
    int64_t got = write_data(vn, data, size, offset, true);

    if (got >= 0)
        return (int64_t)size;
    if (got == SHALE_EROFS)
        got = SHALE_EIO;
    note_late_error(service, node, (int)got);
    return got;
}

void op_write(fuse_req_t req, fuse_ino_t node, const char *data, size_t size,
              off_t offset, struct fuse_file_info *file)
{
    struct service *service = service_of(req);
    struct shale_vnode *vn;
    int64_t got = vnode_of(service, node, &vn);
    uint64_t fits = size;

    if (!got) {
        got = check_mutable(service, vn);
        if (!got)
            got = check_reserve_at(req, vn, (uint64_t)offset, &fits);
        if (!got)
            got = drop_rights(req, vn, raw_kills_setid());
        if (!got && file->writepage)
            got = write_put_off(service, node, vn, data, size,
                                (uint64_t)offset);
        else if (!got)
            got = write_data(vn, data, (size_t)fits, (uint64_t)offset, false);
        got = changed(service, got);
        known_wrote(service->known, vn);
        shale_vnode_put(vn);
    }
    if (got < 0)
        reply_error(req, got);
    else
        fuse_reply_write(req, (size_t)got);
}

/* fallocate(2)'s flags in Shale's words; false for one it does not have. */
static bool allocate_flags(int mode, unsigned *out)
{
    *out = 0;
    if (mode & FALLOC_FL_KEEP_SIZE)
        *out |= SHALE_ALLOCATE_KEEP_SIZE;
    if (mode & FALLOC_FL_PUNCH_HOLE)
        *out |= SHALE_ALLOCATE_PUNCH_HOLE;
    if (mode & FALLOC_FL_ZERO_RANGE)
        *out |= SHALE_ALLOCATE_ZERO_RANGE;
    return !(mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
                      FALLOC_FL_ZERO_RANGE));
}

void op_fallocate(fuse_req_t req, fuse_ino_t node, int mode, off_t offset,
                  off_t len, struct fuse_file_info *file)
{
    struct service *service = service_of(req);
    uint64_t fits = (uint64_t)len;
    struct shale_vnode *vn;
    unsigned how;
    int err;

    (void)file;
    if (!allocate_flags(mode, &how)) {
        fuse_reply_err(req, EOPNOTSUPP);
        return;
    }
    err = vnode_of(service, node, &vn);
    if (!err) {
        err = check_mutable(service, vn);
        if (!err && !(how & SHALE_ALLOCATE_PUNCH_HOLE))
            err = check_reserve_at(req, vn, (uint64_t)offset, &fits);
        if (!err && fits < (uint64_t)len)
            err = SHALE_ENOSPC;
        if (!err)
            err = drop_rights(req, vn, fuse_req_ctx(req)->uid != 0);
        if (!err)
            err = shale_allocate(vn, (uint64_t)offset, (uint64_t)len, how);
        err = (int)changed(service, err);
        known_wrote(service->known, vn);
        shale_vnode_put(vn);
    }
    reply_error(req, err);
}

/* The kernel has sent what it had unwritten of both ranges. */
void op_copy_file_range(fuse_req_t req, fuse_ino_t from, off_t from_offset,
                        struct fuse_file_info *from_file, fuse_ino_t to,
                        off_t to_offset, struct fuse_file_info *to_file,
                        size_t len, int flags)
{
    struct service *service = service_of(req);
    struct shale_vnode *source, *target;
    int64_t got = flags ? SHALE_EINVAL : vnode_of(service, from, &source);
    /* A short count makes callers go on. */
    uint64_t fits = len < COPY_MAX ? len : COPY_MAX;

    (void)from_file, (void)to_file;
    if (!got) {
        got = vnode_of(service, to, &target);
        if (!got) {
            got = check_mutable(service, target);
            if (!got)
                got = check_reserve_at(req, target, (uint64_t)to_offset,
                                       &fits);
            if (!got)
                got = drop_rights(req, target, fuse_req_ctx(req)->uid != 0);
            if (!got)
                got = shale_copy_range(source, (uint64_t)from_offset, target,
                                       (uint64_t)to_offset, fits);
            got = changed(service, got);
            known_wrote(service->known, target);
            shale_vnode_put(target);
        }
        shale_vnode_put(source);
    }
    if (got < 0)
        reply_error(req, got);
    else
        fuse_reply_write(req, (size_t)got);
}

/* fsync and fdatasync, of files and of directories. */
void op_fsync(fuse_req_t req, fuse_ino_t node, int datasync,
              struct fuse_file_info *file)
{
    struct service *service = service_of(req);
    struct shale_vnode *vn;
    int err = vnode_of(service, node, &vn);

    (void)datasync, (void)file;
    take_late_error(node);      /* the kernel tells this caller of it */
    if (!err) {
        err = shale_fsync(vn);
        shale_vnode_put(vn);
    }
    reply_error(req, err);
}
