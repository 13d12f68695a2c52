/*
 * model.c - what a filesystem should be: a tree in memory
 */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "shale/err.h"
#include "shale/shale.h"

/* ---------------------------------------------------------------- names */

/*
 * The next code point at *AT, without its case; only the alphabets that the
 * generator writes in are known. The names here are valid UTF-8.
 */
static uint32_t next_folded(const char **at, const char *end)
{
    const unsigned char *s = (const unsigned char *)*at;
    size_t left = (size_t)(end - *at), len = 1;
    uint32_t c = s[0];

    if (c >= 0xf0 && left >= 4) {
        c = (c & 7) << 18 | (s[1] & 0x3fu) << 12 | (s[2] & 0x3fu) << 6 |
            (s[3] & 0x3fu);
        len = 4;
    } else if (c >= 0xe0 && left >= 3) {
        c = (c & 0xf) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
        len = 3;
    } else if (c >= 0xc0 && left >= 2) {
        c = (c & 0x1f) << 6 | (s[1] & 0x3fu);
        len = 2;
    }
    *at += len;
    if (c >= 'A' && c <= 'Z')
        return c + 32;
    if (c >= 0xc0 && c <= 0xde && c != 0xd7)            /* Latin-1 */
        return c + 32;
    if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2)         /* Greek */
        return c + 32;
    if (c >= 0x410 && c <= 0x42f)                       /* Cyrillic */
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    return c;
}

bool model_same_name(const struct model *model, const char *a, size_t a_len,
                     const char *b, size_t b_len)
{
    const char *a_end = a + a_len, *b_end = b + b_len;

    if (!model->folds_case)
        return a_len == b_len && memcmp(a, b, a_len) == 0;
    while (a < a_end && b < b_end)
        if (next_folded(&a, a_end) != next_folded(&b, b_end))
            return false;
    return a == a_end && b == b_end;
}

struct entry *model_find(const struct model *model, struct node *dir,
                         const char *name, size_t len)
{
    for (size_t i = 0; i < dir->count; i++) {
        struct entry *entry = &dir->entries[i];

        if (model_same_name(model, entry->name, strlen(entry->name), name,
                            len))
            return entry;
    }
    return NULL;
}

/* ---------------------------------------------------------------- nodes */

static struct node *node_new(struct model *model, bool is_dir)
{
    struct node *node = need(sizeof *node);

    node->id = model->next_id++;
    node->refs = 1;
    node->is_dir = is_dir;
    node->mtime = -1;
    return node;
}

struct node *node_ref(struct node *node)
{
    node->refs++;
    return node;
}

void node_put(struct node *node)
{
    if (--node->refs > 0)
        return;
    free(node->bytes);
    free(node->entries);
    free(node);
}

static void entry_add(struct node *dir, const char *name, struct node *node)
{
    struct entry *entry;

    if (dir->count == dir->entries_room) {
        dir->entries_room = dir->entries_room * 2 + 8;
        dir->entries = need_more(dir->entries,
                                 dir->entries_room * sizeof *dir->entries);
    }
    entry = &dir->entries[dir->count++];
    entry->name = need_copy(name);
    entry->node = node;
    dir->mtime = -1;
    if (node->is_dir)
        node->parent = dir;
}

/* Take ENTRY out of DIR, which gives its reference to the caller. */
static struct node *entry_take(struct node *dir, struct entry *entry)
{
    struct node *node = entry->node;

    free(entry->name);
    *entry = dir->entries[--dir->count];
    dir->mtime = -1;
    if (node->is_dir)
        node->parent = NULL;
    return node;
}

static void remove_all(struct node *dir)
{
    while (dir->count > 0) {
        struct node *node = entry_take(dir, &dir->entries[dir->count - 1]);

        if (node->is_dir)
            remove_all(node);
        node_put(node);
    }
}

void model_init(struct model *model)
{
    memset(model, 0, sizeof *model);
    model->next_id = 1;
    model->root = node_new(model, true);
    model->file_max = UINT64_MAX >> 1;
    model->name_max = SIZE_MAX;
}

void model_fini(struct model *model)
{
    for (unsigned i = 0; i < OP_SLOTS; i++)
        if (model->slots[i])
            node_put(model->slots[i]);
    remove_all(model->root);
    node_put(model->root);
    memset(model, 0, sizeof *model);
}

/* ---------------------------------------------------------------- paths */

/* How many units of UTF-16 a name has: a lead byte is one, or a pair. */
static size_t units_of(const char *name, size_t len)
{
    size_t units = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        if ((c & 0xc0) != 0x80)
            units += c >= 0xf0 ? 2 : 1;
    }
    return units;
}

/* Where a path leads: the last name, the directory it is in, what it is. */
struct place {
    struct node *dir;
    const char *name;
    size_t len;
    struct entry *entry;        /* NULL: not there */
};

static int find_place(const struct model *model, const char *path,
                      struct place *out)
{
    struct node *dir = model->root;

    for (;;) {
        size_t len;

        path += strspn(path, "/");
        len = strcspn(path, "/");
        if (!dir->is_dir)
            return SHALE_ENOTDIR;
        out->dir = dir;
        out->name = path;
        out->len = len;
        if (units_of(path, len) > model->name_max)
            return SHALE_ENAMETOOLONG;
        out->entry = model_find(model, dir, path, len);
        if (path[len] == '\0')
            return 0;
        if (!out->entry)
            return SHALE_ENOENT;
        dir = out->entry->node;
        path += len;
    }
}

int model_walk(const struct model *model, const char *path, struct node **out)
{
    struct place place;
    int err;

    if (path[0] == '@') {
        *out = model->slots[(unsigned)(path[1] - '0') % OP_SLOTS];
        return *out ? 0 : SHALE_ENOENT;
    }
    if (strspn(path, "/") == strlen(path)) {
        *out = model->root;
        return 0;
    }
    err = find_place(model, path, &place);
    if (err)
        return err;
    if (!place.entry)
        return SHALE_ENOENT;
    *out = place.entry->node;
    return 0;
}

static int walk_file(const struct model *model, const char *path,
                     struct node **out)
{
    int err = model_walk(model, path, out);

    if (!err && (*out)->is_dir)
        err = SHALE_EISDIR;
    return err;
}

/* Is DIR equal to, or somewhere below, ABOVE? */
static bool is_below(const struct node *dir, const struct node *above)
{
    while (dir && dir != above)
        dir = dir->parent;
    return dir == above;
}

/* ------------------------------------------------------------ operations */

static int make(struct model *model, const struct op *op, bool apply)
{
    struct place place;
    int err = find_place(model, op->path, &place);

    if (err)
        return err;
    if (place.entry)
        return SHALE_EEXIST;
    if (apply)
        entry_add(place.dir, place.name,
                  node_new(model, op->kind == OP_MKDIR));
    return 0;
}

static int unmake(struct model *model, const struct op *op, bool apply)
{
    struct place place;
    struct node *node;
    int err = find_place(model, op->path, &place);

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
    if (is_below(to->dir, from->entry->node) ||
        is_below(from->dir, to->entry->node))
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
    if (node->is_dir && is_below(to->dir, node))
        return SHALE_EINVAL;
    if (!victim || victim == node)
        return 0;
    /* Linux looks at this first, whatever is renamed. */
    if (victim->is_dir && is_below(from->dir, victim))
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
    int err = find_place(model, op->path, &from);

    if (err)
        return err;
    err = find_place(model, op->to, &to);
    if (err == SHALE_ENAMETOOLONG && !from.entry)
        return SHALE_ENOENT;
    if (err)
        return err;
    if (op->a & SHALE_RENAME_EXCHANGE)
        return exchange(&from, &to, apply);
    err = rename_check(&from, &to, op->a);
    if (err || !apply)
        return err;
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
        node_put(to.entry->node);
        to.entry->node = from.entry->node;
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
    int err = walk_file(model, op->path, &node);

    if (err || !apply)
        return err;
    node_ref(node);
    if (*slot)
        node_put(*slot);
    *slot = node;
    return 0;
}

/* -------------------------------------------------------------- contents */

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

static int64_t write_at(const struct model *model, struct node *file,
                        uint64_t offset, const struct op *op, bool apply,
                        uint64_t limit)
{
    uint64_t len = op->b;

    if (len == 0)
        return 0;
    if (offset >= model->file_max)
        return SHALE_EFBIG;
    if (len > model->file_max - offset)
        len = model->file_max - offset;
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

static int truncate_to(const struct model *model, struct node *file,
                       uint64_t size, bool apply)
{
    if (size > model->file_max)
        return SHALE_EFBIG;
    if (apply)
        resize(file, size);
    return 0;
}

static int allocate(const struct model *model, struct node *file,
                    const struct op *op, bool apply)
{
    if (op->b == 0)
        return SHALE_EINVAL;
    if (op->a + op->b > model->file_max)
        return SHALE_EFBIG;
    if (apply && !(op->c & SHALE_ALLOCATE_KEEP_SIZE) &&
        op->a + op->b > file->size)
        resize(file, op->a + op->b);
    return 0;
}

static int64_t copy(const struct model *model, struct node *from,
                    const struct op *op, bool apply, uint64_t limit)
{
    struct node *to;
    uint64_t len = op->b;
    int err = model_walk(model, op->to, &to);

    if (err)
        return err;
    if (from->is_dir || to->is_dir)
        return SHALE_EISDIR;
    if (op->a >= from->size)
        len = 0;
    else if (len > from->size - op->a)
        len = from->size - op->a;
    if (len == 0)
        return 0;
    if (from == to && op->a < op->c + len && op->c < op->a + len)
        return SHALE_EINVAL;
    if (op->c >= model->file_max || len > model->file_max - op->c)
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

static int64_t read_count(const struct node *file, const struct op *op)
{
    if (op->a >= file->size)
        return 0;
    return (int64_t)(op->b < file->size - op->a ? op->b : file->size - op->a);
}

int64_t model_op(struct model *model, const struct op *op, bool apply,
                 uint64_t limit)
{
    struct node *node = NULL;
    int err = 0;

    switch (op->kind) {
    case OP_CREATE:
    case OP_MKDIR:
        return make(model, op, apply);
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
        err = model_walk(model, op->path, &node);
        if (!err && apply)
            node->mtime = (int64_t)op->a;
        return err;
    case OP_WRITE:
    case OP_APPEND:
    case OP_TRUNCATE:
    case OP_ALLOCATE:
    case OP_READ:
        err = walk_file(model, op->path, &node);
        break;
    case OP_COPY:
        /* By system calls, the first file is opened first. */
        err = model->posix ? walk_file(model, op->path, &node)
                           : model_walk(model, op->path, &node);
        break;
    default:
        break;
    }
    if (err)
        return err;

    switch (op->kind) {
    case OP_WRITE:
        return write_at(model, node, op->a, op, apply, limit);
    case OP_APPEND:
        return write_at(model, node, node->size, op, apply, limit);
    case OP_TRUNCATE:
        return truncate_to(model, node, op->a, apply);
    case OP_ALLOCATE:
        return allocate(model, node, op, apply);
    case OP_COPY:
        return copy(model, node, op, apply, limit);
    case OP_READ:
        return read_count(node, op);
    default:
        return 0;
    }
}
