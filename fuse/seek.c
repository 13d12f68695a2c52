/*
 * seek.c - where a file has data, and where holes
 *
 * The kernel asks us, and its cache may know better: what a program has put
 * into a mapping of a hole is there, unwritten, and a hole on the volume. To
 * call that a hole would lose it in a copy. So before a hole is an answer on a
 * writable mount, the kernel is told to give up what it has cached of it,
 * which makes it write what is unwritten; then we look again.
 *
 * It waits for our answers to these writes meanwhile, within our call. So
 *
 * (1) there have to be other threads to answer (serve_write_out());
 * (2) only one thread at a time does that. Another takes what it cannot be sure
 *     of for data, as anybody may;
 * (3) should the daemon be killed just then, the thread that waits cannot end
 *     before the supervisor breaks the connection (ending_abort()).
 *
 * Before 6.16 the kernel forgets that a page is being written as soon as it has
 * sent the request, and does not wait for that. And with -o writeback_cache we
 * do not know how long a file is. Then the kernel is to answer by itself: all
 * is data.
 */
#include <errno.h>
#include <unistd.h>

#include "fuse/ops.h"

/* The protocol of 6.16. */
#define WAITS_MINOR 44u

/* Pieces of unwritten data in a row, after which all the rest is data. */
enum { PIECES_MAX = 64 };

bool seek_possible(const struct service *service, unsigned minor)
{
    return !service->writable ||
           (minor >= WAITS_MINOR && !service->options->single &&
            !service->options->writeback_cache);
}

/* A file, and what is asked. */
struct search {
    const struct service *service;
    fuse_ino_t node;
    struct shale_vnode *vn;
};

static int64_t size_of(const struct search *s)
{
    struct shale_attr attr;
    int err = shale_getattr(s->vn, &attr);

    return err ? err : (int64_t)attr.size;
}

/* Where the hole at AT ends: where there is data, or the file's end. */
static int64_t hole_end(const struct search *s, int64_t at)
{
    int64_t end = shale_seek_data(s->vn, (uint64_t)at);

    if (end != SHALE_ENXIO)
        return end;
    end = size_of(s);
    return end < 0 || end > at ? end : SHALE_ENXIO;
}

/*
 * See to it that what is unwritten of the hole at AT, which ends before END, is
 * written. False if that cannot be.
 */
static bool write_out(const struct search *s, int64_t at, int64_t end)
{
    return serve_write_out(s->node, (uint64_t)at, (uint64_t)(end - at));
}

static int64_t find_data(const struct search *s, int64_t offset)
{
    int64_t end = hole_end(s, offset);

    if (end < 0 || end == offset)
        return end;
    if (!write_out(s, offset, end))
        return offset;
    return shale_seek_data(s->vn, (uint64_t)offset);
}

static int64_t find_hole(const struct search *s, int64_t offset)
{
    int64_t at = shale_seek_hole(s->vn, (uint64_t)offset);

    for (unsigned pieces = 0; at >= 0 && pieces < PIECES_MAX; pieces++) {
        int64_t before = at, end = hole_end(s, at);

        if (end == SHALE_ENXIO)
            return at;          /* the end, after which nothing is */
        if (end < 0)
            return end;
        if (!write_out(s, at, end))
            break;
        at = shale_seek_hole(s->vn, (uint64_t)offset);
        if (at == before)
            return at;
    }
    return at < 0 ? at : size_of(s);
}

static int64_t find(const struct search *s, int64_t offset, int whence)
{
    bool changes = s->service->writable;

    switch (whence) {
    case SEEK_DATA:
        return changes ? find_data(s, offset)
                       : shale_seek_data(s->vn, (uint64_t)offset);
    case SEEK_HOLE:
        return changes ? find_hole(s, offset)
                       : shale_seek_hole(s->vn, (uint64_t)offset);
    }
    return SHALE_EINVAL;
}

void op_lseek(fuse_req_t req, fuse_ino_t node, off_t offset, int whence,
              struct fuse_file_info *file)
{
    struct search s = { .service = service_of(req), .node = node };
    int64_t at;

    (void)file;
    if (!s.service->finds_holes) {
        fuse_reply_err(req, ENOSYS);    /* "do it without me" */
        return;
    }
    at = vnode_of(s.service, node, &s.vn);
    if (!at) {
        at = find(&s, offset, whence);
        shale_vnode_put(s.vn);
    }
    if (at < 0)
        reply_error(req, at);
    else
        fuse_reply_lseek(req, at);
}
