/*
 * attribute.c - modes, owners, times and extended attributes of the model
 */
#include "attribute.h"

#include <stdlib.h>
#include <string.h>

#include "shale/err.h"
#include "shale/shale.h"
#include "tree.h"

int attribute_chmod(struct model *model, const struct op *op, bool apply)
{
    struct node *node;
    int err = tree_walk(model, op->path, true, &node);

    if (!err && apply)
        node->mode = (uint32_t)op->a;
    return err;
}

int attribute_chown(struct model *model, const struct op *op, bool apply)
{
    struct node *node;
    int err = tree_walk(model, op->path, false, &node);

    if (err || !apply)
        return err;
    if (op->a != OP_KEEP)
        node->uid = (uint32_t)op->a;
    if (op->b != OP_KEEP)
        node->gid = (uint32_t)op->b;
    return 0;
}

struct attribute *model_attribute(const struct node *node, const char *name)
{
    for (size_t i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

static int walk_attributes(struct model *model, const struct op *op,
                           struct node **out)
{
    int err = tree_walk(model, op->path, true, out);

    /* Others have no attributes of users. */
    if (!err && (*out)->type != SHALE_TYPE_FILE && !(*out)->is_dir &&
        strncmp(op->to, "user.", 5) == 0)
        err = SHALE_EPERM;
    return err;
}

int attribute_set(struct model *model, const struct op *op, bool apply)
{
    struct attribute *at;
    struct node *node;
    int err = walk_attributes(model, op, &node);

    if (err)
        return err;
    at = model_attribute(node, op->to);
    if (at && (op->c & SHALE_XATTR_CREATE))
        return SHALE_EEXIST;
    if (!at && (op->c & SHALE_XATTR_REPLACE))
        return SHALE_ENODATA;
    if (!apply)
        return 0;
    if (!at) {
        size_t count = ++node->attribute_count;

        node->attributes = need_more(node->attributes,
                                     count * sizeof *node->attributes);
        at = &node->attributes[count - 1];
        *at = (struct attribute){ .name = need_copy(op->to) };
    }
    free(at->bytes);
    at->size = (size_t)op->b;
    at->bytes = need(at->size);
    stamp_fill(at->bytes, at->size, 0, op->a);
    return 0;
}

int attribute_remove(struct model *model, const struct op *op,
                     bool apply)
{
    struct attribute *at;
    struct node *node;
    int err = walk_attributes(model, op, &node);

    if (err)
        return err;
    at = model_attribute(node, op->to);
    if (!at)
        return SHALE_ENODATA;
    if (!apply)
        return 0;
    free(at->name);
    free(at->bytes);
    *at = node->attributes[--node->attribute_count];
    return 0;
}

int attribute_touch(struct model *model, const struct op *op, bool apply)
{
    struct node *node;
    int err = model_walk(model, op->path, &node);

    if (!err && apply) {
        node->mtime = (int64_t)op->a;
        node->mtime_nsec = model->can.fine_times ? (uint32_t)op->b : 0;
    }
    return err;
}
