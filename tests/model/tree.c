/*
 * tree.c - the model's names, nodes and paths
 */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

#include "shale/err.h"

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

struct node *node_new(struct model *model, enum shale_type type,
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

void entry_add(struct node *dir, const char *name, struct node *node)
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

struct node *entry_take(struct node *dir, struct entry *entry)
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

enum { SYMLINKS_MAX = 40 };

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
    char text[TREE_PATH_ROOM];
    size_t len = strlen(rest);

    if (link->size + len + 1 > sizeof text)
        return SHALE_ENAMETOOLONG;
    memcpy(text, link->bytes, link->size);
    memcpy(text + link->size, rest, len + 1);
    memcpy(out->text, text, link->size + len + 1);
    return 0;
}

int place_find(const struct model *model, const char *path, bool follow,
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

int tree_walk(const struct model *model, const char *path, bool follow,
              struct node **out)
{
    struct place place;
    int err;

    if (strspn(path, "/") == strlen(path)) {
        *out = model->root;
        return 0;
    }
    err = place_find(model, path, follow, &place);
    if (err)
        return err;
    *out = place.node;
    return place.node ? 0 : SHALE_ENOENT;
}

int model_walk(const struct model *model, const char *path, struct node **out)
{
    if (path[0] != '@')
        return tree_walk(model, path, true, out);
    *out = model->slots[(unsigned)(path[1] - '0') % OP_SLOTS];
    return *out ? 0 : SHALE_ENOENT;
}

int tree_walk_file(const struct model *model, const char *path,
                   struct node **out)
{
    int err = model_walk(model, path, out);

    if (!err && (*out)->is_dir)
        err = SHALE_EISDIR;
    if (!err && (*out)->type != SHALE_TYPE_FILE)
        err = SHALE_EINVAL;
    return err;
}

bool tree_is_below(const struct node *dir, const struct node *above)
{
    while (dir && dir != above)
        dir = dir->parent;
    return dir == above;
}
