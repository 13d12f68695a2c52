/*
 * content.c - what the model's files have in them
 */
#include "content.h"

#include <string.h>

#include "shale/err.h"
#include "shale/shale.h"

static void resize(struct node *file, uint64_t size)
{
    if (size > file->room) {
        file->room = (size_t)size + (size_t)size / 2 + 512;
        file->bytes = need_more(file->bytes, file->room);
    }
    if (size > file->size)
        memset(file->bytes + file->size, 0, (size_t)size - file->size);
    file->size = (size_t)size;
    file->mtime = -1;
}

int64_t content_write(const struct model *model, struct node *file,
                      uint64_t offset, const struct op *op, bool apply,
                      uint64_t limit)
{
    uint64_t len = op->b;

    if (len == 0)
        return 0;
    if (offset >= model->can.file_max)
        return SHALE_EFBIG;
    if (len > model->can.file_max - offset)
        len = model->can.file_max - offset;
    if (!apply)
        return (int64_t)len;
    if (limit < len)
        len = limit;
    if (len > 0 && offset + len > file->size)
        resize(file, offset + len);
    if (len > 0)
        stamp_fill(file->bytes + offset, (size_t)len, offset, op->c);
    file->mtime = -1;
    return (int64_t)len;
}

int content_truncate(const struct model *model, struct node *file,
                     uint64_t size, bool apply)
{
    if (size > model->can.file_max)
        return SHALE_EFBIG;
    if (apply)
        resize(file, size);
    return 0;
}

static void clear(struct node *file, uint64_t offset, uint64_t len)
{
    if (offset >= file->size)
        return;
    if (len > file->size - offset)
        len = file->size - offset;
    memset(file->bytes + offset, 0, (size_t)len);
}

int content_allocate(const struct model *model, struct node *file,
                     const struct op *op, bool apply)
{
    bool punches = (op->c & SHALE_ALLOCATE_PUNCH_HOLE) != 0;
    bool zeroes = (op->c & SHALE_ALLOCATE_ZERO_RANGE) != 0;

    if (op->b == 0)
        return SHALE_EINVAL;
    if (model->can.no_allocate && !punches)
        return SHALE_ENOTSUP;
    if ((punches || zeroes) && !model->can.unix_files)
        return SHALE_ENOTSUP;
    if (op->a + op->b > model->can.file_max)
        return SHALE_EFBIG;
    /* Space past the end is what Unix files here do not have. */
    if (model->can.unix_files && !punches && op->a + op->b > file->size &&
        (op->c & SHALE_ALLOCATE_KEEP_SIZE))
        return SHALE_ENOTSUP;
    if (!apply)
        return 0;
    if (punches || zeroes)
        clear(file, op->a, op->b);
    if (!(op->c & SHALE_ALLOCATE_KEEP_SIZE) && op->a + op->b > file->size)
        resize(file, op->a + op->b);
    if (model->can.unix_files)
        file->mtime = -1;
    return 0;
}

int64_t content_copy(const struct model *model, struct node *from,
                     const struct op *op, bool apply, uint64_t limit)
{
    struct node *to;
    uint64_t len = op->b;
    int err = model_walk(model, op->to, &to);

    if (err)
        return err;
    if (from->type != SHALE_TYPE_FILE)
        return from->is_dir ? SHALE_EISDIR : SHALE_EINVAL;
    if (to->type != SHALE_TYPE_FILE)
        return to->is_dir ? SHALE_EISDIR : SHALE_EINVAL;
    if (op->a >= from->size)
        len = 0;
    else if (len > from->size - op->a)
        len = from->size - op->a;
    if (len == 0)
        return 0;
    if (from == to && op->a < op->c + len && op->c < op->a + len)
        return SHALE_EINVAL;
    if (op->c >= model->can.file_max || len > model->can.file_max - op->c)
        return SHALE_EFBIG;
    if (!apply)
        return (int64_t)len;
    if (limit < len)
        len = limit;
    if (op->c + len > to->size)
        resize(to, op->c + len);
    memmove(to->bytes + op->c, from->bytes + op->a, (size_t)len);
    to->mtime = -1;
    return (int64_t)len;
}

int64_t content_read(const struct node *file, const struct op *op)
{
    if (op->a >= file->size)
        return 0;
    return (int64_t)(op->b < file->size - op->a ? op->b : file->size - op->a);
}
