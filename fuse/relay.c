/*
 * relay.c - file data from the image to the kernel, past this process
 *
 * Of what lies on the image as it is, only the kernel needs to see the bytes:
 * they go from the image's page cache through a pipe into the reply, and are
 * copied once instead of twice. Not on a mount that writes: between our asking
 * where bytes are and their going there, somebody may put others there.
 *
 * A reply goes out in one piece, so all of it has to fit the pipe, which has a
 * slot for each page; requests are kept as small as that (RELAY_MAX).
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <linux/fuse.h>

#include "fuse/ops.h"

#define SLOT ((size_t)4096)     /* bytes; no page is smaller */
#define PIPE_SIZE (1 << 20)     /* what anybody may have */

/* Below this, copying costs less than the system calls. */
#define RELAY_MIN ((size_t)32 << 10)

/* ---------------------------------------------------------------- pipes */

void relay_init(struct relay *relay)
{
    int size;

    relay->slots = 0;
    if (pipe2(relay->ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        relay->ends[0] = relay->ends[1] = -1;
        return;
    }
    size = fcntl(relay->ends[1], F_SETPIPE_SZ, PIPE_SIZE);
    if (size > 0)
        relay->slots = (size_t)size / SLOT;
}

void relay_fini(const struct relay *relay)
{
    for (unsigned i = 0; i < 2; i++)
        if (relay->ends[i] >= 0)
            close(relay->ends[i]);
}

/* Throw away what is in the pipe. */
static void relay_drain(const struct relay *relay)
{
    ssize_t got;

    do
        got = read(relay->ends[0], serve_scratch(), SERVE_SCRATCH);
    while (got > 0 || (got < 0 && errno == EINTR));
}

/* --------------------------------------------------------------- replies */

/* Put LEN bytes from byte AT of FD into the pipe, behind a reply's head. */
static bool relay_fill(struct relay *relay, uint64_t unique, int fd,
                       uint64_t at, size_t len)
{
    const struct fuse_out_header head = {
        .len = (uint32_t)(sizeof head + len), .unique = unique,
    };
    loff_t from = (loff_t)at;

    if (write(relay->ends[1], &head, sizeof head) != sizeof head)
        return false;
    while (len > 0) {
        ssize_t got = splice(fd, &from, relay->ends[1], NULL, len, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EINVAL || errno == EPERM))
            relay->slots = 0;   /* not from such a file: never again */
        if (got <= 0)
            return false;
        len -= (size_t)got;
    }
    return true;
}

/* The bytes at OFFSET of VN, up to SIZE, if they lie in one piece. */
static bool find_piece(struct shale_vnode *vn, uint64_t offset, size_t size,
                       struct shale_extent *out)
{
    struct shale_attr attr;

    if (shale_map(vn, offset, size, out) || out->kind != SHALE_EXTENT_DATA)
        return false;
    if (out->length >= size) {
        out->length = size;
        return true;
    }
    /* Less is an answer only at the file's end. */
    return shale_getattr(vn, &attr) == 0 && attr.size == offset + out->length;
}

bool relay_read(fuse_req_t req, struct shale_vnode *vn, uint64_t offset,
                size_t size)
{
    const struct shale_bdev *dev = service_of(req)->dev;
    struct relay *relay = serve_relay();
    struct shale_extent piece;
    uint64_t at;

    if (!dev || dev->fd < 0 || size < RELAY_MIN || relay->slots == 0 ||
        !find_piece(vn, offset, size, &piece))
        return false;
    /* A truncated image's end is for who can say so. */
    if (piece.device > dev->size || piece.length > dev->size - piece.device)
        return false;
    at = dev->fd_offset + piece.device;
    if (1 + (at % SLOT + piece.length + SLOT - 1) / SLOT > relay->slots)
        return false;
    if (!relay_fill(relay, serve_unique(), dev->fd, at,
                    (size_t)piece.length)) {
        relay_drain(relay);
        return false;
    }
    /* Nothing is sent in part. If nobody waits any more, nor does it matter. */
    if (!serve_send(relay->ends[0],
                    sizeof(struct fuse_out_header) + (size_t)piece.length)) {
        relay_drain(relay);
        return false;
    }
    fuse_reply_none(req);       /* it has its answer */
    return true;
}
