/*
 * write.h - writing file data, for the calls that do
 *
 * A write is a series of pieces, one behind the other, and an end:
 *
 *     err = writer_begin(&w, file, offset);
 *     if (err)
 *         return err;
 *     err = writer_put(&w, bytes, len);
 *     return writer_end(&w, err);
 *
 * with the file's lock exclusive all the time, and no other lock.
 */
#ifndef VFS_WRITE_H
#define VFS_WRITE_H

#include "vfs.h"

struct writer {
    struct shale_vnode *file;
    uint64_t start;             /* where the first piece goes */
    uint64_t at;                /* where the next one goes */
    bool excess;                /* space past the file's size was allocated */
    bool stamped;               /* the file's times are those of this write */
};

/* 0 if data of VN can be changed. */
int writer_check(struct shale_vnode *vn);

/*
 * SHALE_EPERM if FILE, whose lock is held, may not be written to from START
 * on / may not change in other ways: as on Linux, only a write appends.
 */
int writer_check_at(const struct shale_vnode *file, uint64_t start);
int writer_check_free(const struct shale_vnode *file);

/* Bytes that a file on FS can have. */
uint64_t writer_size_max(const struct shale_fs *fs);

/*
 * Begin to write to FILE at START. What is between the file's end and START
 * reads as zeros from then on. On error there is nothing to end.
 */
int writer_begin(struct writer *w, struct shale_vnode *file, uint64_t start);

/*
 * Write LEN bytes of BUF, or zeros if BUF is NULL. After an error some of them
 * may be written, up to w->at.
 */
int writer_put(struct writer *w, const void *buf, uint64_t len);

/*
 * The next LEN bytes are zeros: holes, if the format has any, where nothing is
 * allocated. Errors as writer_put().
 */
int writer_skip(struct writer *w, uint64_t len);

/*
 * End a write that ERR, if not 0, stopped: the file holds what was written up
 * to w->at. Returns how much that is, or if it is nothing, ERR.
 */
int64_t writer_end(struct writer *w, int err);

/*
 * The same for one that counts only as a whole: if ERR is not 0 the file stays
 * as long as it was.
 */
int writer_end_whole(struct writer *w, int err);

/*
 * Write LEN zeros to FILE at OFFSET: all the calls above in one. The space is
 * allocated then. On error the file is as long as it was.
 */
int writer_put_zeros(struct shale_vnode *file, uint64_t offset, uint64_t len);

/* ------------------------------------------------------------- space.c */

/* LEN bytes of BUF, or zeros if it is NULL, to byte AT of FILE's volume. */
int space_write(struct shale_vnode *file, uint64_t at, const void *buf,
                uint64_t len);

/* Space that is wanted, and then what was to be had. */
struct allocation {
    struct shale_vnode *file;
    uint64_t offset;
    const void *buf;            /* what goes there; NULL: zeros */
    uint64_t len;               /* as much as was asked for, then as there is */
    bool fill;                  /* ... is to be written, too */
    struct shale_extent extent;
};

/* Allocate, and fill if that is wanted; the first in a transaction. */
int space_allocate_in_tx(struct shale_fs *fs, void *context);
int space_allocate(struct allocation *a);

/* Overwrite what is there of FILE from OFFSET up to END, below its size. */
int file_zero(struct shale_vnode *file, uint64_t offset, uint64_t end);

/* Make a hole of the whole units inside that range; the driver can punch. */
int file_punch(struct shale_vnode *file, uint64_t offset, uint64_t len);

/* FILE is SIZE bytes long from now on, and has changed now. */
int file_resize(struct shale_vnode *file, uint64_t size);

/* Give back the space past FILE's end. */
void file_trim(struct shale_vnode *file);

/*
 * See to it that there is space at OFFSET for some of LEN bytes, zeros if the
 * format has holes. Stores how many.
 */
int file_reserve(struct shale_vnode *file, uint64_t offset, uint64_t len,
                 uint64_t *done);

#endif /* VFS_WRITE_H */
