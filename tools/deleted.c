/*
 * deleted.c - what is deleted on a volume, and where it was
 *
 * A deleted file knows its directory by number. For a path the names of that
 * and of those above are needed, which are in their parents' listings; most
 * deleted files share a few directories, so each is looked for once.
 */
#include <stdlib.h>
#include <string.h>

#include "deleted.h"

#define DEPTH_MAX 256           /* of what is deleted: names may go in rings */

/* What a number has set in it to say that it is a deleted file's. */
#define DELETED_BIT (UINT64_C(1) << 62)

static int take(void *context, const struct shale_deleted *file)
{
    struct deleted *all = context;
    struct deleted_file *copy;

    if (all->count == all->capacity) {
        all->capacity = all->capacity * 2 + 64;
        all->files = xrealloc(all->files, all->capacity, sizeof *all->files);
    }
    copy = &all->files[all->count++];
    *copy = (struct deleted_file){
        .ino = file->ino, .parent = file->parent,
        .record = file->ino & ~DELETED_BIT, .type = file->type,
        .size = file->size, .allocated = file->allocated, .lost = file->lost,
        .mtime = file->mtime,
        .name = xmalloc(file->len + 1),
    };
    if (file->len > 0)
        memcpy(copy->name, file->name, file->len);
    copy->name[file->len] = '\0';
    return 0;
}

/* ------------------------------------------------------ names of places */

struct wanted {
    uint64_t ino;
    char *name;
};

static int find_name(void *context, const struct shale_dirent *entry)
{
    struct wanted *wanted = context;
    bool dots = (entry->len == 1 && entry->name[0] == '.') ||
                (entry->len == 2 && !memcmp(entry->name, "..", 2));

    if (dots || entry->ino != wanted->ino)
        return 0;
    wanted->name = xmalloc(entry->len + 1);
    memcpy(wanted->name, entry->name, entry->len);
    wanted->name[entry->len] = '\0';
    return 1;
}

static char *join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    char *path = xmalloc(len + strlen(name) + 2);
    bool slash = len == 0 || dir[len - 1] != '/';

    sprintf(path, "%s%s%s", dir, slash ? "/" : "", name);
    return path;
}

/* The path of directory INO, which is in use; to be freed. */
static char *live_path(struct volume *vol, uint64_t ino)
{
    char *path = xstrdup("");
    struct shale_vnode *dir;

    if (shale_vnode_get(vol->fs, ino, &dir) != 0) {
        free(path);
        return xstrdup("/?");
    }
    for (unsigned depth = 0;
         shale_vnode_ino(dir) != shale_root_ino(vol->fs); depth++) {
        struct wanted wanted = { shale_vnode_ino(dir), NULL };
        struct shale_vnode *up;
        char *longer, *name;
        bool known = depth < DEPTH_MAX &&
                     shale_lookup(dir, "..", 2, &up) == 0;

        if (known) {
            shale_vnode_put(dir);
            dir = up;
            (void)shale_iterate(dir, 0, 0, find_name, &wanted);
        }
        name = join("", wanted.name ? wanted.name : "?");
        longer = xmalloc(strlen(name) + strlen(path) + 1);
        sprintf(longer, "%s%s", name, path);
        free(name);
        free(wanted.name);
        free(path);
        path = longer;
        if (!known || !wanted.name)
            break;
    }
    shale_vnode_put(dir);
    return path;
}

/* The path of directory INO, which is in use, as deleted->paths keep it. */
static const char *live_dir(struct volume *vol, struct deleted *all,
                            uint64_t ino)
{
    uint64_t index = inomap_find(&all->dirs, ino);

    if (index == 0) {
        all->paths = xrealloc(all->paths, all->path_count + 1,
                              sizeof *all->paths);
        all->paths[all->path_count++] = live_path(vol, ino);
        index = all->path_count;
        inomap_add(&all->dirs, ino, index);
    }
    return all->paths[index - 1];
}

/* Find FILE's path: up through directories that are deleted, too. */
static void find_path(struct volume *vol, struct deleted *all,
                      const struct inomap *by_ino, struct deleted_file *file)
{
    char *path = xstrdup(*file->name ? file->name : "?");
    uint64_t parent = file->parent;
    unsigned depth = 0;

    while (parent & DELETED_BIT && depth++ < DEPTH_MAX) {
        uint64_t index = inomap_find(by_ino, parent);
        const struct deleted_file *dir = index ? &all->files[index - 1] : NULL;
        char *longer = join(dir && *dir->name ? dir->name : "?", path);

        free(path);
        path = longer;
        parent = dir ? dir->parent : 0;
    }
    file->path = join(parent == 0 || parent & DELETED_BIT
                          ? "/?" : live_dir(vol, all, parent), path);
    free(path);
}

/* What the LEN bytes of PATH mean, if that is a directory in use: its path in
   the case that its names have, to be freed; else NULL. */
static char *live_dir_at(struct volume *vol, const char *path, size_t len)
{
    char *text = xmalloc(len + 2), *found = NULL;
    struct shale_vnode *dir;

    text[0] = '/';
    memcpy(text + 1, path, len);
    text[len + 1] = '\0';
    if (shale_walk(vol->fs, NULL, text, 0, &dir) == 0) {
        if (shale_vnode_type(dir) == SHALE_TYPE_DIR)
            found = live_path(vol, shale_vnode_ino(dir));
        shale_vnode_put(dir);
    }
    free(text);
    return found;
}

/*
 * PATH as file->path would have it, to be freed. The volume itself knows which
 * names mean the same; but only of directories that are in use.
 */
static char *path_wanted(struct volume *vol, const char *path)
{
    size_t len = strlen(path);
    char *dir, *all;

    while (!(dir = live_dir_at(vol, path, len)) && len > 0)
        for (len--; len > 0 && path[len] != '/'; len--)
            ;
    vol->image->fault[0] = '\0';
    if (!dir)
        return xstrdup(path);
    while (path[len] == '/')
        len++;
    all = path[len] || !*dir ? join(dir, path + len) : xstrdup(dir);
    free(dir);
    return all;
}

static void wanted_load(struct volume *vol, struct deleted *out)
{
    uint64_t record;

    out->wanted_count = (size_t)vol->path_count;
    out->wanted = xrealloc(NULL, out->wanted_count, sizeof *out->wanted);
    for (size_t i = 0; i < out->wanted_count; i++)
        out->wanted[i] = options_number(vol->paths[i], 0, UINT64_MAX, &record)
                             ? xstrdup(vol->paths[i])
                             : path_wanted(vol, vol->paths[i]);
}

static int by_path(const void *a, const void *b)
{
    const struct deleted_file *x = a, *y = b;
    int order = strcmp(x->path, y->path);

    return order ? order : (x->record > y->record) - (x->record < y->record);
}

bool deleted_load(struct volume *vol, struct deleted *out)
{
    struct inomap by_ino = { 0 };
    int err;

    memset(out, 0, sizeof *out);
    err = shale_deleted_iterate(vol->fs, take, out);
    vol->image->fault[0] = '\0';        /* of records that are half gone */
    if (err == SHALE_ENOTSUP) {
        report("%s: %s keeps nothing of deleted files that could be told",
               vol->name, shale_fs_name(vol->fs));
        vol->status = STATUS_USAGE;
        return false;
    }
    if (err)
        volume_fail(vol, NULL, err);    /* and show what there is */
    for (size_t i = 0; i < out->count; i++)
        inomap_add(&by_ino, out->files[i].ino, i + 1);
    for (size_t i = 0; i < out->count; i++)
        find_path(vol, out, &by_ino, &out->files[i]);
    inomap_free(&by_ino);
    wanted_load(vol, out);
    if (out->count > 0)
        qsort(out->files, out->count, sizeof *out->files, by_path);
    return true;
}

void deleted_free(struct deleted *deleted)
{
    for (size_t i = 0; i < deleted->count; i++) {
        free(deleted->files[i].name);
        free(deleted->files[i].path);
    }
    for (size_t i = 0; i < deleted->path_count; i++)
        free(deleted->paths[i]);
    for (size_t i = 0; i < deleted->wanted_count; i++)
        free(deleted->wanted[i]);
    free(deleted->wanted);
    free(deleted->files);
    free(deleted->paths);
    inomap_free(&deleted->dirs);
}

/* ------------------------------------------------------------- choosing */

bool deleted_matches(const struct deleted_file *file, const char *what,
                     bool *exact)
{
    size_t len = strlen(what);
    const char *path = file->path;
    uint64_t record;

    *exact = true;
    if (options_number(what, 0, UINT64_MAX, &record))
        return record == file->record;
    if (*what != '/')
        path++;
    if (!strcmp(path, what))
        return true;
    *exact = false;
    while (len > 0 && what[len - 1] == '/')
        len--;
    return len == 0 || (!strncmp(path, what, len) && path[len] == '/');
}

unsigned deleted_percent(const struct deleted_file *file)
{
    if (file->lost == 0)
        return 0;
    if (file->lost >= file->allocated)
        return 100;
    return (unsigned)((double)file->lost * 100 / (double)file->allocated) %
           100;
}
