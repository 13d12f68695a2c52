/*
 * write.c - writing to files, and how long they are
 *
 * The file's lock is held exclusive for the whole of a call: nobody sees half
 * of it. How the bytes get where they belong is in writer.c.
 */
#include "write.h"

#define COPY_BYTES ((size_t)1 << 20)

/* ---------------------------------------------------------------- write */

/* How much there is to write in IOV; SHALE_EINVAL if it cannot be counted. */
static int iov_len(const struct shale_iovec *iov, size_t count, uint64_t *out)
{
    uint64_t len = 0;

    for (size_t i = 0; i < count; i++) {
        if (iov[i].len > INT64_MAX - len)
            return SHALE_EINVAL;
        len += iov[i].len;
    }
    *out = len;
    return 0;
}

/* As shale_writev(), with FILE's lock held. */
static int64_t writev_locked(struct shale_vnode *file,
                             const struct shale_iovec *iov, size_t count,
                             uint64_t offset)
{
    uint64_t max = writer_size_max(file->fs);
    struct writer w;
    uint64_t left;
    int err = iov_len(iov, count, &left);

    if (err || left == 0)
        return err;
    if (offset >= max)
        return SHALE_EFBIG;
    if (left > max - offset)
        left = max - offset;

    err = writer_begin(&w, file, offset);
    if (err)
        return err;
    for (size_t i = 0; !err && left > 0; i++) {
        uint64_t len = iov[i].len < left ? iov[i].len : left;

        err = writer_put(&w, iov[i].base, len);
        left -= len;
    }
    return writer_end(&w, err);
}

int64_t shale_writev(struct shale_vnode *file, const struct shale_iovec *iov,
                     size_t count, uint64_t offset)
{
    int64_t done = writer_check(file);

    if (done)
        return done;
    vnode_lock_exclusive(file);
    done = writev_locked(file, iov, count, offset);
    vnode_unlock(file);
    return done;
}

/* BUF is only read, but an iovec cannot say so. */
static struct shale_iovec iovec_of(const void *buf, size_t len)
{
    union {
        const void *from;
        void *to;
    } pointer = { buf };

    return (struct shale_iovec){ pointer.to, len };
}

int64_t shale_write(struct shale_vnode *file, const void *buf, size_t len,
                    uint64_t offset)
{
    const struct shale_iovec iov = iovec_of(buf, len);

    return shale_writev(file, &iov, 1, offset);
}

int64_t shale_append(struct shale_vnode *file, const void *buf, size_t len,
                     uint64_t *offset)
{
    const struct shale_iovec iov = iovec_of(buf, len);
    int64_t done = writer_check(file);
    uint64_t at;

    if (done)
        return done;
    vnode_lock_exclusive(file);
    at = file->size;
    done = writev_locked(file, &iov, 1, at);
    vnode_unlock(file);
    if (done >= 0)
        *offset = at;
    return done;
}

/* ------------------------------------------------------- truncate */

/* FILE, whose lock is held, becomes longer: SIZE bytes. */
static int extend(struct shale_vnode *file, uint64_t size)
{
    struct writer w;
    int err = writer_begin(&w, file, size);

    return err ? err : writer_end_whole(&w, 0);
}

int shale_truncate(struct shale_vnode *file, uint64_t size)
{
    int err = writer_check(file);

    if (err)
        return err;
    if (size > writer_size_max(file->fs))
        return SHALE_EFBIG;
    vnode_lock_exclusive(file);
    err = writer_check_free(file);
    if (!err)
        err = size > file->size ? extend(file, size)
                                : file_resize(file, size);
    vnode_unlock(file);
    return err;
}

/* ------------------------------------------------------- allocate */

/* Reserve what is not allocated from OFFSET up to END. */
static int reserve(struct shale_vnode *file, uint64_t offset, uint64_t end)
{
    int err = 0;

    while (!err && offset < end) {
        uint64_t len = end - offset;
        struct shale_extent extent = { .kind = SHALE_EXTENT_HOLE };

        if (offset < file->size) {
            err = file_map(file, offset, len, &extent);
            if (err)
                return err;
            if (len > extent.length)
                len = extent.length;
        }
        if (extent.kind == SHALE_EXTENT_HOLE)
            err = file_reserve(file, offset, len, &len);
        offset += len;
    }
    return err;
}

/* The same for a format that has no space past a file's end: it may grow. */
static int reserve_exact(struct shale_vnode *file, uint64_t offset,
                         uint64_t end)
{
    uint64_t size = file->size;
    int err = reserve(file, offset, end < size ? end : size);

    if (offset < size)
        offset = size;
    if (!err && end > size)
        err = writer_put_zeros(file, offset, end - offset);
    return err;
}

/*
 * Make zeros of what FILE, in such a format, has from OFFSET up to END, which
 * is a hole then if PUNCH, else allocated. What it needs space for comes first,
 * so that a lack of it changes nothing.
 */
static int clear_exact(struct shale_vnode *file, uint64_t offset,
                       uint64_t end, bool punch)
{
    uint64_t below = end < file->size ? end : file->size;
    int err;

    if (punch && offset >= file->size)
        return 0;
    if (punch)
        err = file_punch(file, offset, end - offset);
    else
        err = reserve_exact(file, offset, end);
    if (!err)
        err = file_zero(file, offset, below);
    if (!err && !punch)
        err = file_resize(file, file->size);
    return err;
}

/* As shale_allocate() up to END, with FILE's lock held, ... */
static int allocate_exact(struct shale_vnode *file, uint64_t offset,
                          uint64_t end, unsigned flags)
{
    bool punch = flags & SHALE_ALLOCATE_PUNCH_HOLE;
    int err;

    if ((flags & SHALE_ALLOCATE_KEEP_SIZE) && !punch && end > file->size)
        return SHALE_ENOTSUP;
    err = sync_writer_enter(file->fs);
    if (err)
        return err;
    if (punch || (flags & SHALE_ALLOCATE_ZERO_RANGE))
        err = clear_exact(file, offset, end, punch);
    else
        err = reserve_exact(file, offset, end);
    sync_writer_leave(file->fs);
    return err;
}

/* ... in any format. */
static int allocate_locked(struct shale_vnode *file, uint64_t offset,
                           uint64_t end, unsigned flags)
{
    bool keep_size = flags & SHALE_ALLOCATE_KEEP_SIZE;
    bool holes = file->fs->ops->holes;
    bool grows = end > file->size;
    int err = 0;

    if (file->fs->ops->exact)
        return allocate_exact(file, offset, end, flags);

    /* What has no holes has all the space up to its end. */
    if (!holes && (!grows || !keep_size))
        return grows ? extend(file, end) : 0;
    if (!holes)
        offset = file->size;

    err = sync_writer_enter(file->fs);
    if (err)
        return err;
    err = reserve(file, offset, end);
    if (!err && grows && !keep_size)
        err = extend(file, end);
    if (grows && (err || keep_size))
        file->excess = true;    /* until the last reference goes */
    if (err && grows)
        file_trim(file);
    sync_writer_leave(file->fs);
    return err;
}

/* Can FILE's format do what FLAGS say? */
static int allocate_check(const struct shale_vnode *file, unsigned flags)
{
    const unsigned punch = SHALE_ALLOCATE_PUNCH_HOLE;
    const unsigned zero = SHALE_ALLOCATE_ZERO_RANGE;

    if (flags & ~(SHALE_ALLOCATE_KEEP_SIZE | punch | zero))
        return SHALE_EINVAL;
    if ((flags & (punch | zero)) == 0)
        return 0;
    if ((flags & punch) &&
        ((flags & zero) || !(flags & SHALE_ALLOCATE_KEEP_SIZE)))
        return SHALE_ENOTSUP;   /* as fallocate(2) */
    return file->fs->ops->punch && file->fs->ops->exact ? 0 : SHALE_ENOTSUP;
}

int shale_allocate(struct shale_vnode *file, uint64_t offset, uint64_t len,
                   unsigned flags)
{
    uint64_t max = writer_size_max(file->fs);
    int err = writer_check(file);

    if (err)
        return err;
    if (len == 0)
        return SHALE_EINVAL;
    err = allocate_check(file, flags);
    if (err)
        return err;
    if (offset > max || len > max - offset)
        return SHALE_EFBIG;
    vnode_lock_exclusive(file);
    err = flags & ~SHALE_ALLOCATE_KEEP_SIZE
              ? writer_check_free(file)
              : writer_check_at(file, file->size);
    if (!err)
        err = allocate_locked(file, offset, offset + len, flags);
    vnode_unlock(file);
    return err;
}

/* ---------------------------------------------------------------- copy */

/*
 * Two vnodes' locks are taken in the order of their addresses, and not of their
 * numbers: a lock outlives its vnode, and serves others with other numbers.
 */
static bool is_first(const struct shale_vnode *a, const struct shale_vnode *b)
{
    return (uintptr_t)a < (uintptr_t)b;
}

/* Take the lock of FROM shared and of TO exclusive; they may be one. */
static void lock_two(struct shale_vnode *from, struct shale_vnode *to)
{
    if (is_first(from, to))
        vnode_lock_shared(from);
    vnode_lock_exclusive(to);
    if (is_first(to, from))
        vnode_lock_shared(from);
}

static void unlock_two(struct shale_vnode *from, struct shale_vnode *to)
{
    if (is_first(to, from))
        vnode_unlock(from);
    vnode_unlock(to);
    if (is_first(from, to))
        vnode_unlock(from);
}

/* A copy under way. */
struct copy {
    struct shale_vnode *from;
    uint64_t offset, len;
    uint8_t *buf;
    size_t buf_size;
};

/* Copy some, and store how much in *DONE. A hole stays one. */
static int copy_some(struct copy *copy, struct writer *w, uint64_t *done)
{
    struct shale_extent extent;
    uint64_t count = copy->len;
    int err = file_map(copy->from, copy->offset, count, &extent);

    if (err)
        return err;
    if (count > extent.length)
        count = extent.length;
    *done = count;
    if (extent.kind == SHALE_EXTENT_HOLE)
        return writer_skip(w, count);
    if (count > copy->buf_size)
        *done = count = copy->buf_size;
    err = file_read_locked(copy->from, copy->buf, (size_t)count,
                           copy->offset);
    return err ? err : writer_put(w, copy->buf, count);
}

static int copy_all(struct copy *copy, struct writer *w)
{
    int err = 0;

    while (!err && copy->len > 0) {
        uint64_t done = 0;

        err = copy_some(copy, w, &done);
        copy->offset += done;
        copy->len -= done;
    }
    return err;
}

/* As shale_copy_range(), with both locks held. */
static int64_t copy_locked(struct copy *copy, struct shale_vnode *to,
                           uint64_t to_offset)
{
    uint64_t max = writer_size_max(to->fs);
    uint64_t apart = copy->offset < to_offset ? to_offset - copy->offset
                                              : copy->offset - to_offset;
    struct writer w;
    int err;

    if (copy->offset >= copy->from->size)
        return 0;
    if (copy->len > copy->from->size - copy->offset)
        copy->len = copy->from->size - copy->offset;
    if (copy->from == to && apart < copy->len)
        return SHALE_EINVAL;
    if (to_offset >= max)
        return SHALE_EFBIG;
    if (copy->len > max - to_offset)
        copy->len = max - to_offset;

    err = writer_begin(&w, to, to_offset);
    return err ? err : writer_end(&w, copy_all(copy, &w));
}

/* Give COPY a buffer of a size to be had. */
static int copy_buf(struct copy *copy, struct shale_fs *fs)
{
    copy->buf_size = copy->len < COPY_BYTES ? (size_t)copy->len : COPY_BYTES;
    copy->buf = shale_alloc(fs->mem, copy->buf_size);
    if (copy->buf)
        return 0;
    if (copy->buf_size > SHALE_PAGE_SIZE)
        copy->buf_size = SHALE_PAGE_SIZE;
    copy->buf = vfs_alloc(fs, copy->buf_size);
    return copy->buf ? 0 : SHALE_ENOMEM;
}

int64_t shale_copy_range(struct shale_vnode *from, uint64_t from_offset,
                         struct shale_vnode *to, uint64_t to_offset,
                         uint64_t len)
{
    struct copy copy = { .from = from, .offset = from_offset, .len = len };
    int64_t done = file_check(from);

    if (!done)
        done = writer_check(to);
    if (done || len == 0)
        return done;
    if (from->fs != to->fs)
        return SHALE_EINVAL;
    done = copy_buf(&copy, to->fs);
    if (done)
        return done;
    lock_two(from, to);
    done = copy_locked(&copy, to, to_offset);
    unlock_two(from, to);
    shale_free(to->fs->mem, copy.buf, copy.buf_size);
    return done;
}
