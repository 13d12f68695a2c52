/*
 * bdev.c - the checked calls in front of every device
 *
 * What a device implements may rely on ranges that are aligned and inside the
 * device; here is where that is made true, once for all of them.
 */
#include "shale/bdev.h"

#include "assert.h"
#include "memfn.h"
#include "profile.h"
#include "request.h"
#include "shale/err.h"
#include "shale/mem.h"
#include "shale/queue.h"

/* True if the LEN bytes at OFFSET lie inside the device. */
static bool inside(const struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    return offset <= dev->size && len <= dev->size - offset;
}

/* The rules that bdev.h states for every checked call. */
static int check_range(const struct shale_bdev *dev, uint64_t offset,
                       uint64_t len)
{
    if (((offset | len) & (dev->block_size - 1)) != 0)
        return SHALE_EINVAL;
    return inside(dev, offset, len) ? 0 : SHALE_EIO;
}

/* As check_range(), for a range that is to be changed. */
static int check_change(const struct shale_bdev *dev, uint64_t offset,
                        uint64_t len)
{
    int err = check_range(dev, offset, len);

    return err || dev->ops->write ? err : SHALE_EROFS;
}

int shale_bdev_read(struct shale_bdev *dev, uint64_t offset, void *buf,
                    size_t len)
{
    int err;

    if (len == 0)
        return 0;
    err = check_range(dev, offset, len);
    if (err)
        return err;
    return dev->ops->read(dev, offset, buf, len);
}

int shale_bdev_write(struct shale_bdev *dev, uint64_t offset, const void *buf,
                     size_t len)
{
    int err;

    if (len == 0)
        return 0;
    err = check_change(dev, offset, len);
    if (err)
        return err;
    return dev->ops->write(dev, offset, buf, len);
}

int shale_bdev_flush(struct shale_bdev *dev)
{
    return dev->ops->flush ? dev->ops->flush(dev) : 0;
}

int shale_bdev_discard(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    int err;

    if (len == 0)
        return 0;
    err = check_change(dev, offset, len);
    if (err)
        return err;
    return dev->ops->discard ? dev->ops->discard(dev, offset, len) : 0;
}

int shale_bdev_zero(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    int err;

    if (len == 0)
        return 0;
    err = check_change(dev, offset, len);
    if (err)
        return err;
    return dev->ops->zero ? dev->ops->zero(dev, offset, len) : SHALE_ENOTSUP;
}

const void *shale_bdev_direct(struct shale_bdev *dev, uint64_t offset,
                              size_t len)
{
    if (!dev->ops->direct || len == 0 || check_range(dev, offset, len))
        return NULL;
    return dev->ops->direct(dev, offset, len);
}

uint64_t shale_bdev_data_from(struct shale_bdev *dev, uint64_t offset)
{
    uint64_t at;

    if (!dev->ops->data_from || offset >= dev->size)
        return offset;
    at = dev->ops->data_from(dev, offset);
    if (at < offset)
        return offset;
    return at < dev->size ? at : dev->size;
}

void shale_bdev_soon(struct shale_bdev *dev, uint64_t offset, uint64_t len)
{
    if (!dev->ops->soon || offset >= dev->size)
        return;
    if (len > dev->size - offset)
        len = dev->size - offset;
    if (len > 0)
        dev->ops->soon(dev, offset, len);
}

/* ----------------------------------------------------- several at once */

void shale_bdev_complete(struct shale_bdev_request *request, int err)
{
    bool pushed;

    request->err = err;
    pushed = shale_queue_push(request->done, request);
    SHALE_ASSERT(pushed);
    (void)pushed;
}

static int check_request(const struct shale_bdev *dev,
                         const struct shale_bdev_request *request)
{
    return request->write ? check_change(dev, request->offset, request->len)
                          : check_range(dev, request->offset, request->len);
}

int bdev_request_do(struct shale_bdev *dev,
                    const struct shale_bdev_request *request)
{
    if (request->write)
        return PROFILE_WRITES ? shale_bdev_write(dev, request->offset,
                                                 request->buf, request->len)
                              : SHALE_EROFS;
    return shale_bdev_read(dev, request->offset, request->buf, request->len);
}

size_t shale_bdev_submit(struct shale_bdev *dev,
                         struct shale_bdev_request *const *requests,
                         size_t count)
{
    size_t begun = 0;

    while (begun < count) {
        size_t end = begun;
        int err = 0;

        while (dev->ops->submit && end < count && !err) {
            err = check_request(dev, requests[end]);
            end += !err;
        }
        if (end == begun) {     /* no submit(), or an error to be told */
            shale_bdev_complete(requests[begun],
                                err ? err
                                    : bdev_request_do(dev, requests[begun]));
            begun++;
            continue;
        }
        begun += dev->ops->submit(dev, requests + begun, end - begun);
        if (begun < end)
            break;
    }
    return begun;
}

void shale_bdev_wait(struct shale_bdev *dev, const struct shale_queue *done)
{
    if (dev->ops->wait)
        dev->ops->wait(dev, done);
}

/* --------------------------------------------------------- ragged ends */

/* Copy LEN bytes from WITHIN the block at OFFSET, read through BOUNCE. */
static int read_part(struct shale_bdev *dev, uint64_t offset, size_t within,
                     uint8_t *buf, size_t len, uint8_t *bounce)
{
    int err = shale_bdev_read(dev, offset, bounce, dev->block_size);

    if (!err)
        memcpy(buf, bounce + within, len);
    return err;
}

/* Head, middle and tail: the ends share one bounce block. */
static int read_ragged(struct shale_bdev *dev, uint64_t offset, uint8_t *buf,
                       size_t len, uint8_t *bounce)
{
    size_t block = dev->block_size;
    size_t within = (size_t)(offset & (block - 1));
    int err;

    if (within > 0) {
        size_t head = block - within < len ? block - within : len;

        err = read_part(dev, offset - within, within, buf, head, bounce);
        if (err)
            return err;
        offset += head;
        buf += head;
        len -= head;
    }

    size_t tail = len & (block - 1);

    err = shale_bdev_read(dev, offset, buf, len - tail);
    if (err || tail == 0)
        return err;
    return read_part(dev, offset + (len - tail), 0, buf + (len - tail), tail,
                     bounce);
}

int shale_bdev_read_bytes(struct shale_bdev *dev, struct shale_mem *mem,
                          uint64_t offset, void *buf, size_t len)
{
    uint8_t *bounce;
    int err;

    if (len == 0 || ((offset | len) & (dev->block_size - 1)) == 0)
        return shale_bdev_read(dev, offset, buf, len);
    if (!inside(dev, offset, len))
        return SHALE_EIO;

    bounce = shale_alloc(mem, dev->block_size);
    if (!bounce)
        return SHALE_ENOMEM;
    err = read_ragged(dev, offset, buf, len, bounce);
    shale_free(mem, bounce, dev->block_size);
    return err;
}

/* Copy LEN bytes of BUF to WITHIN the block at OFFSET, by way of BOUNCE. */
static int write_part(struct shale_bdev *dev, uint64_t offset, size_t within,
                      const uint8_t *buf, size_t len, uint8_t *bounce)
{
    int err = shale_bdev_read(dev, offset, bounce, dev->block_size);

    if (err)
        return err;
    memcpy(bounce + within, buf, len);
    return shale_bdev_write(dev, offset, bounce, dev->block_size);
}

/* As read_ragged(), the other way. */
static int write_ragged(struct shale_bdev *dev, uint64_t offset,
                        const uint8_t *buf, size_t len, uint8_t *bounce)
{
    size_t block = dev->block_size;
    size_t within = (size_t)(offset & (block - 1));
    size_t tail;
    int err;

    if (within > 0) {
        size_t head = block - within < len ? block - within : len;

        err = write_part(dev, offset - within, within, buf, head, bounce);
        if (err)
            return err;
        offset += head;
        buf += head;
        len -= head;
    }
    tail = len & (block - 1);
    err = shale_bdev_write(dev, offset, buf, len - tail);
    if (err || tail == 0)
        return err;
    return write_part(dev, offset + (len - tail), 0, buf + (len - tail), tail,
                      bounce);
}

int shale_bdev_write_bytes(struct shale_bdev *dev, struct shale_mem *mem,
                           uint64_t offset, const void *buf, size_t len)
{
    uint8_t *bounce;
    int err;

    if (len == 0 || ((offset | len) & (dev->block_size - 1)) == 0)
        return shale_bdev_write(dev, offset, buf, len);
    if (!inside(dev, offset, len))
        return SHALE_EIO;
    if (!dev->ops->write)
        return SHALE_EROFS;

    bounce = shale_alloc(mem, dev->block_size);
    if (!bounce)
        return SHALE_ENOMEM;
    err = write_ragged(dev, offset, buf, len, bounce);
    shale_free(mem, bounce, dev->block_size);
    return err;
}
