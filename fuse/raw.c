/*
 * raw.c - what the kernel says and this libfuse has no words for
 *
 * libfuse decodes requests and encodes replies, but drops what came to the
 * protocol after it. So each request is looked at before libfuse gets it, and
 * the reply to INIT after:
 *
 * (1) FUSE_HANDLE_KILLPRIV_V2: before each write(2) the kernel asks for
 *     security.capability, so as to drop it, unless we promise to see to that
 *     and to the set-id bits. Then requests say when.
 * (2) FUSE_SETXATTR_EXT: with an ACL, SETXATTR says whether who sets it may
 *     keep the set-group-id bit.
 * (3) FUSE_TMPFILE is a CREATE of a file without a name, and is handed on as
 *     one; its name is "/", which no file can have.
 */
#include <stddef.h>
#include <string.h>
#include <sys/uio.h>

#include <linux/fuse.h>

#include "fuse/ops.h"

static _Thread_local struct {
    uint32_t offered;           /* by the INIT that is answered; else 0 */
    bool kill_setid;            /* the request wants these bits gone */
} raw;

bool raw_kills_setid(void)
{
    return raw.kill_setid;
}

/* ---------------------------------------------------------------- INIT */

/* Where the kernel tells more than libfuse takes, for formats with owners. */
#define PROMISES (FUSE_HANDLE_KILLPRIV_V2 | FUSE_SETXATTR_EXT)

void raw_reply(struct service *service, const struct iovec *iov, int count)
{
    struct fuse_init_out *out;
    uint32_t promises = PROMISES;

    if (!raw.offered)
        return;
    if (has_trait(service, SHALE_TRAIT_NO_OWNERS))
        promises = FUSE_HANDLE_KILLPRIV_V2;     /* which has none to kill */
    if (count >= 2 &&
        iov[1].iov_len >= offsetof(struct fuse_init_out, max_background)) {
        out = iov[1].iov_base;
        out->flags |= raw.offered & promises;
        service->extended = out->flags & FUSE_SETXATTR_EXT;
    }
    raw.offered = 0;
}

/* ------------------------------------------------------------- requests */

/* Take the second half of a SETXATTR's words, which libfuse does not know. */
static void take_setxattr(struct fuse_buf *buf)
{
    struct fuse_in_header *header = buf->mem;
    struct fuse_setxattr_in *in = (void *)(header + 1);
    char *short_end = (char *)in + FUSE_COMPAT_SETXATTR_IN_SIZE;
    size_t extra = sizeof *in - FUSE_COMPAT_SETXATTR_IN_SIZE;
    size_t before = sizeof *header + sizeof *in;

    if (buf->size < before)
        return;
    raw.kill_setid = in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
    memmove(short_end, in + 1, buf->size - before);
    buf->size -= extra;
    header->len -= (uint32_t)extra;
}

void raw_request(const struct service *service, struct fuse_buf *buf)
{
    struct fuse_in_header *header = buf->mem;
    const void *body = header + 1;

    raw.kill_setid = false;
    switch (header->opcode) {
    case FUSE_INIT:
        raw.offered = ((const struct fuse_init_in *)body)->flags;
        break;
    case FUSE_WRITE:
        raw.kill_setid = ((const struct fuse_write_in *)body)->write_flags &
                         FUSE_WRITE_KILL_SUIDGID;
        break;
    case FUSE_SETATTR:
        raw.kill_setid = ((const struct fuse_setattr_in *)body)->valid &
                         FATTR_KILL_SUIDGID;
        break;
    case FUSE_SETXATTR:
        if (service->extended)
            take_setxattr(buf);
        break;
    case FUSE_TMPFILE:
        header->opcode = FUSE_CREATE;
        break;
    }
}
