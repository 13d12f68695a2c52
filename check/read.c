/*
 * read.c - reading, counted; stretches that are holes
 *
 * An image file that is mostly holes says where the next data is. A large
 * request is made of pieces, each looked up first, so that of an inode table
 * with one inode in it little more than that is read.
 */
#include "check/state.h"

/* A look-up costs less than reading this many bytes of a hole, and little
   beside reading as many of data. */
#define PIECE ((size_t)128 << 10)
#define LOOKED_UP ((size_t)16 << 10)    /* requests from here on */

/* Where a device that failed is asked once more, to find out what is lost. */
#define RETRY 4096u

static void count_read(struct check *check, size_t len)
{
    check_lock(check, &check->state->counts);
    check->result->bytes_read += len;
    check_unlock(check, &check->state->counts);
}

/* Read, whatever it is; the device's errors are one. */
static int read_all(struct check *check, uint64_t at, void *buf, size_t len)
{
    int err = shale_bdev_read_bytes(check->dev, check->mem, at, buf, len);

    if (err == SHALE_ENOMEM) {
        check_fail(check);
        return err;
    }
    if (err)
        return SHALE_EIO;
    count_read(check, len);
    return 0;
}

int check_read(struct check *check, uint64_t at, void *buf, size_t len)
{
    uint8_t *to = buf;
    int err = check_going(check);

    if (err)
        return err;
    if (at > check->dev->size || len > check->dev->size - at)
        return SHALE_EIO;
    if (!check->dev->ops->data_from || len < LOOKED_UP)
        return read_all(check, at, buf, len);

    while (len > 0) {
        uint64_t hole = check_data_from(check, at) - at;
        size_t zeros = hole < len ? (size_t)hole : len;
        size_t data = len - zeros < PIECE ? len - zeros : PIECE;

        memset(to, 0, zeros);
        if (data > 0)
            err = read_all(check, at + zeros, to + zeros, data);
        if (err)
            return err;
        to += zeros + data;
        at += zeros + data;
        len -= zeros + data;
    }
    return 0;
}

void check_soon(struct check *check, uint64_t at, uint64_t len)
{
    if (check->dev->ops->soon)
        shale_bdev_soon(check->dev, at, len);
}

/* As check_get(), once the device has failed: piece by piece. */
static int get_parts(struct check *check, uint64_t at, uint8_t *to, size_t len,
                     uint64_t *bad)
{
    *bad = SHALE_NOWHERE;
    while (len > 0) {
        size_t part = RETRY - (size_t)(at % RETRY);
        int err;

        if (part > len)
            part = len;
        err = check_read(check, at, to, part);
        if (err && err != SHALE_EIO)
            return err;
        if (err) {
            memset(to, 0, part);
            if (*bad == SHALE_NOWHERE)
                *bad = at;
        }
        to += part;
        at += part;
        len -= part;
    }
    return 0;
}

int check_get(struct check *check, uint64_t at, void *buf, size_t len,
              enum shale_object object, uint64_t number, bool *good)
{
    int err = check_read(check, at, buf, len);
    uint64_t bad;

    *good = err == 0;
    if (err != SHALE_EIO)
        return err;
    err = get_parts(check, at, buf, len, &bad);
    if (err)
        return err;
    *good = bad == SHALE_NOWHERE;       /* a device may come to its senses */
    if (!*good)
        check_tell(check, &check_codes[CHECK_READ], bad,
                   &(struct check_note){ .object = object, .number = number,
                                         .other = bad });
    return 0;
}

uint64_t check_data_from(struct check *check, uint64_t at)
{
    return shale_bdev_data_from(check->dev, at);
}

/*
 * Each byte is its neighbour, and the first is zero: memcmp() is the fastest
 * thing at hand, whatever the machine.
 */
bool check_is_zero(const void *bytes, size_t len)
{
    const uint8_t *b = bytes;

    return len == 0 || (b[0] == 0 && memcmp(b, b + 1, len - 1) == 0);
}
