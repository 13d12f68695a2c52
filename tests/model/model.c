/*
 * model.c - what a filesystem should do, one operation after the other
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "attribute.h"
#include "content.h"
#include "shale/err.h"
#include "shale/shale.h"
#include "tree.h"

/* ------------------------------------------------------------ operations */

static struct node *node_for(struct model *model, const struct op *op)
{
    struct node *node;

    switch (op->kind) {
    case OP_MKDIR:
        return node_new(model, SHALE_TYPE_DIR, 0755);
    case OP_SYMLINK:
        node = node_new(model, SHALE_TYPE_SYMLINK, 0777);
        node->bytes = (uint8_t *)need_copy(op->to);
        node->size = strlen(op->to);
        return node;
    case OP_MKNOD:
        node = node_new(model, shale_type_of_mode((uint32_t)op->a), 0644);
        if (node->type == SHALE_TYPE_CHAR || node->type == SHALE_TYPE_BLOCK) {
            node->rdev_major = (uint32_t)op->b;
            node->rdev_minor = (uint32_t)op->c;
        }
        return node;
    default:
        return node_new(model, SHALE_TYPE_FILE, 0644);
    }
}

static int make(struct model *model, const struct op *op, bool apply)
{
    struct place place;
    int err = place_find(model, op->path, false, &place);

    if (err)
        return err;
    if (place.node)
        return SHALE_EEXIST;
    if (apply)
        entry_add(place.dir, place.name, node_for(model, op));
    return 0;
}

static int make_link(struct model *model, const struct op *op, bool apply)
{
    struct place place;
    struct node *node;
    int err = tree_walk(model, op->path, false, &node);

    if (err)
        return err;
    err = place_find(model, op->to, false, &place);
    if (err)
        return err;
    if (place.node)
        return SHALE_EEXIST;
    if (node->is_dir)
        return SHALE_EPERM;
    if (apply)
        entry_add(place.dir, place.name, node_ref(node));
    return 0;
}

static int unmake(struct model *model, const struct op *op, bool apply)
{
    struct place place;
    struct node *node;
    int err = place_find(model, op->path, false, &place);

    if (err)
        return err;
    if (!place.entry)
        return SHALE_ENOENT;
    node = place.entry->node;
    if (op->kind == OP_UNLINK && node->is_dir)
        return SHALE_EISDIR;
    if (op->kind == OP_RMDIR && !node->is_dir)
        return SHALE_ENOTDIR;
    if (node->is_dir && node->count > 0)
        return SHALE_ENOTEMPTY;
    if (apply)
        node_put(entry_take(place.dir, place.entry));
    return 0;
}

static void respell(const struct place *place)
{
    free(place->entry->name);
    place->entry->name = need_copy(place->name);
}

static int exchange(struct place *from, struct place *to, bool apply)
{
    struct node *node;

    if (!from->entry || !to->entry)
        return SHALE_ENOENT;
    if (tree_is_below(to->dir, from->entry->node) ||
        tree_is_below(from->dir, to->entry->node))
        return SHALE_EINVAL;
    if (!apply || from->entry->node == to->entry->node)
        return 0;
    node = from->entry->node;
    from->entry->node = to->entry->node;
    to->entry->node = node;
    from->dir->mtime = to->dir->mtime = -1;
    /* Each name is in the case in which it was asked for. */
    respell(from);
    respell(to);
    if (from->entry->node->is_dir)
        from->entry->node->parent = from->dir;
    if (node->is_dir)
        node->parent = to->dir;
    return 0;
}

static int rename_check(const struct place *from, const struct place *to,
                        uint64_t flags)
{
    struct node *node, *victim;

    if (!from->entry)
        return SHALE_ENOENT;
    node = from->entry->node;
    victim = to->entry ? to->entry->node : NULL;
    if (victim && (flags & SHALE_RENAME_NOREPLACE))
        return SHALE_EEXIST;
    if (node->is_dir && tree_is_below(to->dir, node))
        return SHALE_EINVAL;
    if (!victim || victim == node)
        return 0;
    /* Linux looks at this first, whatever is renamed. */
    if (victim->is_dir && tree_is_below(from->dir, victim))
        return SHALE_ENOTEMPTY;
    if (node->is_dir && !victim->is_dir)
        return SHALE_ENOTDIR;
    if (!node->is_dir && victim->is_dir)
        return SHALE_EISDIR;
    if (victim->is_dir && victim->count > 0)
        return SHALE_ENOTEMPTY;
    return 0;
}

static int move(struct model *model, const struct op *op, bool apply)
{
    struct place from, to;
    struct node *node;
    int err = place_find(model, op->path, false, &from);

    if (err)
        return err;
    err = place_find(model, op->to, false, &to);
    /* Who looks first, and who measures? */
    if (err == SHALE_ENAMETOOLONG && !from.entry &&
        (model->posix || model->can.name_units))
        return SHALE_ENOENT;
    if (err)
        return err;
    if (op->a & SHALE_RENAME_EXCHANGE)
        return exchange(&from, &to, apply);
    err = rename_check(&from, &to, op->a);
    if (err || !apply)
        return err;
    if (to.entry && to.entry != from.entry &&
        to.entry->node == from.entry->node)
        return 0;               /* two names of one file: both stay */
    if (to.entry && to.entry->node == from.entry->node) {
        /* From itself to itself: whatever case that is in, nothing. */
        if (from.len == to.len && memcmp(from.name, to.name, to.len) == 0)
            return 0;
        if (strcmp(from.name, to.name) == 0)
            return 0;           /* whatever the name's case on the volume */
        free(from.entry->name);
        from.entry->name = need_copy(to.name);
        from.dir->mtime = -1;
        return 0;
    }
    if (to.entry) {
        /* The name stays in the case that it has. */
        to.entry->node->names--;
        node_put(to.entry->node);
        to.entry->node = from.entry->node;
        to.entry->node->names++;
        node = entry_take(from.dir, from.entry);
        if (node->is_dir)
            node->parent = to.dir;
        to.dir->mtime = -1;
        return 0;
    }
    node = entry_take(from.dir, from.entry);
    entry_add(to.dir, to.name, node);
    return 0;
}

static int open_slot(struct model *model, const struct op *op, bool apply)
{
    struct node **slot = &model->slots[op->a % OP_SLOTS];
    struct node *node;
    int err = tree_walk_file(model, op->path, &node);

    if (err || !apply)
        return err;
    node_ref(node);
    if (*slot)
        node_put(*slot);
    *slot = node;
    return 0;
}

/* ------------------------------------------------------------------- all */

int64_t model_op(struct model *model, const struct op *op, bool apply,
                 uint64_t limit)
{
    struct node *node = NULL;
    int err = 0;

    switch (op->kind) {
    case OP_CREATE:
    case OP_MKDIR:
    case OP_SYMLINK:
    case OP_MKNOD:
        return make(model, op, apply);
    case OP_LINK:
        return make_link(model, op, apply);
    case OP_CHMOD:
        return attribute_chmod(model, op, apply);
    case OP_CHOWN:
        return attribute_chown(model, op, apply);
    case OP_SETXATTR:
        return attribute_set(model, op, apply);
    case OP_REMOVEXATTR:
        return attribute_remove(model, op, apply);
    case OP_UNLINK:
    case OP_RMDIR:
        return unmake(model, op, apply);
    case OP_RENAME:
        return move(model, op, apply);
    case OP_OPEN:
        return open_slot(model, op, apply);
    case OP_CLOSE:
        if (apply && model->slots[op->a % OP_SLOTS]) {
            node_put(model->slots[op->a % OP_SLOTS]);
            model->slots[op->a % OP_SLOTS] = NULL;
        }
        return 0;
    case OP_FSYNC:
        return model_walk(model, op->path, &node);
    case OP_TOUCH:
        return attribute_touch(model, op, apply);
    case OP_WRITE:
    case OP_APPEND:
    case OP_TRUNCATE:
    case OP_ALLOCATE:
    case OP_READ:
        err = tree_walk_file(model, op->path, &node);
        break;
    case OP_COPY:
        /* By system calls, the first file is opened first. */
        err = model->posix ? tree_walk_file(model, op->path, &node)
                           : model_walk(model, op->path, &node);
        break;
    default:
        break;
    }
    if (err)
        return err;

    switch (op->kind) {
    case OP_WRITE:
        return content_write(model, node, op->a, op, apply, limit);
    case OP_APPEND:
        return content_write(model, node, node->size, op, apply, limit);
    case OP_TRUNCATE:
        return content_truncate(model, node, op->a, apply);
    case OP_ALLOCATE:
        return content_allocate(model, node, op, apply);
    case OP_COPY:
        return content_copy(model, node, op, apply, limit);
    case OP_READ:
        return content_read(node, op);
    default:
        return 0;
    }
}
