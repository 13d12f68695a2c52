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

    if (!model->can.folds_case)
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

static struct node *node_new(struct model *model, enum shale_type type,
                             uint32_t mode)
{
    struct node *node = need(sizeof *node);

    node->id = model->next_id++;
    node->refs = 1;
    node->type = type;
    node->is_dir = type == SHALE_TYPE_DIR;
    node->mode = mode;
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
    for (size_t i = 0; i < node->attribute_count; i++) {
        free(node->attributes[i].name);
        free(node->attributes[i].bytes);
    }
    free(node->attributes);
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
    node->names++;
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
    node->names--;
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

void model_init(struct model *model, const struct abilities *can)
{
    memset(model, 0, sizeof *model);
    model->next_id = 1;
    model->can = *can;
    model->root = node_new(model, SHALE_TYPE_DIR, 0755);
}

size_t model_subdirs(const struct node *dir)
{
    size_t count = 0;

    for (size_t i = 0; i < dir->count; i++)
        count += dir->entries[i].node->is_dir;
    return count;
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

enum { PATH_ROOM = 8192, SYMLINKS_MAX = 40 };

/* How long a name is, as the filesystem measures: in bytes, or in units of
   UTF-16, of which a lead byte is one, or a pair. */
static size_t length_of(const struct model *model, const char *name,
                        size_t len)
{
    size_t units = 0;

    if (!model->can.name_units)
        return len;
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
    const char *name;           /* in the path, or in `text` */
    size_t len;
    struct entry *entry;        /* NULL: not there */
    struct node *node;          /* the entry's; or that of ".", ".." */
    char text[PATH_ROOM];       /* a path that symlinks have led to */
};

/* The next step from DIR: what is called NAME there. */
static int step(const struct model *model, struct node *dir, const char *name,
                size_t len, struct place *out)
{
    if (!dir->is_dir)
        return SHALE_ENOTDIR;
    out->dir = dir;
    out->name = name;
    out->len = len;
    out->entry = NULL;
    out->node = dir;
    if (len == 1 && name[0] == '.')
        return 0;
    if (len == 2 && name[0] == '.' && name[1] == '.') {
        out->node = dir->parent ? dir->parent : dir;
        return 0;
    }
    if (length_of(model, name, len) > model->can.name_max)
        return SHALE_ENAMETOOLONG;
    out->entry = model_find(model, dir, name, len);
    out->node = out->entry ? out->entry->node : NULL;
    return 0;
}

/* Put the target of symlink LINK before REST. */
static int expand(struct place *out, const struct node *link, const char *rest)
{
    char text[PATH_ROOM];
    size_t len = strlen(rest);

    if (link->size + len + 1 > sizeof text)
        return SHALE_ENAMETOOLONG;
    memcpy(text, link->bytes, link->size);
    memcpy(text + link->size, rest, len + 1);
    memcpy(out->text, text, link->size + len + 1);
    return 0;
}

/* Follow PATH, and a symlink at its end if FOLLOW says so. */
static int find_place(const struct model *model, const char *path, bool follow,
                      struct place *out)
{
    struct node *dir = model->root;
    unsigned links = 0;

    for (;;) {
        size_t len;
        bool last;
        int err;

        path += strspn(path, "/");
        len = strcspn(path, "/");
        last = path[len] == '\0';
        err = step(model, dir, path, len, out);
        if (err || (last && !out->node))
            return err;
        if (!out->node)
            return SHALE_ENOENT;
        if (out->node->type == SHALE_TYPE_SYMLINK && (!last || follow)) {
            if (++links > SYMLINKS_MAX)
                return SHALE_ELOOP;
            err = expand(out, out->node, path + len);
            if (err)
                return err;
            path = out->text;
            continue;
        }
        if (last)
            return 0;
        dir = out->node;
        path += len;
    }
}

/* To the node at PATH, whatever it is. */
static int walk(const struct model *model, const char *path, bool follow,
                struct node **out)
{
    struct place place;
    int err;

    if (strspn(path, "/") == strlen(path)) {
        *out = model->root;
        return 0;
    }
    err = find_place(model, path, follow, &place);
    if (err)
        return err;
    *out = place.node;
    return place.node ? 0 : SHALE_ENOENT;
}

int model_walk(const struct model *model, const char *path, struct node **out)
{
    if (path[0] != '@')
        return walk(model, path, true, out);
    *out = model->slots[(unsigned)(path[1] - '0') % OP_SLOTS];
    return *out ? 0 : SHALE_ENOENT;
}

/* To a file with contents. */
static int walk_file(const struct model *model, const char *path,
                     struct node **out)
{
    int err = model_walk(model, path, out);

    if (!err && (*out)->is_dir)
        err = SHALE_EISDIR;
    if (!err && (*out)->type != SHALE_TYPE_FILE)
        err = SHALE_EINVAL;
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
    int err = find_place(model, op->path, false, &place);

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
    int err = walk(model, op->path, false, &node);

    if (err)
        return err;
    err = find_place(model, op->to, false, &place);
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
    int err = find_place(model, op->path, false, &place);

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
    int err = find_place(model, op->path, false, &from);

    if (err)
        return err;
    err = find_place(model, op->to, false, &to);
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

static int truncate_to(const struct model *model, struct node *file,
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

static int allocate(const struct model *model, struct node *file,
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

static int64_t copy(const struct model *model, struct node *from,
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

/* ------------------------------------------------------------ attributes */

static int change_mode(struct model *model, const struct op *op, bool apply)
{
    struct node *node;
    int err = walk(model, op->path, true, &node);

    if (!err && apply)
        node->mode = (uint32_t)op->a;
    return err;
}

static int change_owner(struct model *model, const struct op *op, bool apply)
{
    struct node *node;
    int err = walk(model, op->path, false, &node);

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
    int err = walk(model, op->path, true, out);

    /* Others have no attributes of users. */
    if (!err && (*out)->type != SHALE_TYPE_FILE && !(*out)->is_dir &&
        strncmp(op->to, "user.", 5) == 0)
        err = SHALE_EPERM;
    return err;
}

static int set_attribute(struct model *model, const struct op *op, bool apply)
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

static int remove_attribute(struct model *model, const struct op *op,
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

static int touch(struct model *model, const struct op *op, bool apply)
{
    struct node *node;
    int err = model_walk(model, op->path, &node);

    if (!err && apply) {
        node->mtime = (int64_t)op->a;
        node->mtime_nsec = model->can.fine_times ? (uint32_t)op->b : 0;
    }
    return err;
}

/* ----------------------------------------------------------------- all */

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
    case OP_SYMLINK:
    case OP_MKNOD:
        return make(model, op, apply);
    case OP_LINK:
        return make_link(model, op, apply);
    case OP_CHMOD:
        return change_mode(model, op, apply);
    case OP_CHOWN:
        return change_owner(model, op, apply);
    case OP_SETXATTR:
        return set_attribute(model, op, apply);
    case OP_REMOVEXATTR:
        return remove_attribute(model, op, apply);
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
        return touch(model, op, apply);
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
