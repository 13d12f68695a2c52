/*
 * walk.c - a tree of directories, one step at a time
 */
#include <stdlib.h>
#include <string.h>

#include "walk.h"

/* Cut the path to PATH_LEN bytes, and go on with NAME if it is not NULL. */
static void path_set(struct walk *walk, size_t path_len, const char *name,
                     size_t len)
{
    size_t end = path_len;

    if (path_len + len + 2 > walk->path_capacity) {
        walk->path_capacity = 2 * (path_len + len + 2);
        walk->path_buf = xrealloc(walk->path_buf, walk->path_capacity, 1);
    }
    if (name) {
        if (end == 0 || walk->path_buf[end - 1] != '/')
            walk->path_buf[end++] = '/';
        memcpy(walk->path_buf + end, name, len);
        end += len;
    }
    walk->path_buf[end] = '\0';
    walk->path = walk->path_buf;
}

void walk_init(struct walk *walk, struct volume *vol, unsigned flags,
               struct shale_vnode *root, const char *path)
{
    memset(walk, 0, sizeof *walk);
    walk->vol = vol;
    walk->flags = flags;
    walk->root = root;
    walk->path_capacity = strlen(path) + 256;
    walk->path_buf = xmalloc(walk->path_capacity);
    strcpy(walk->path_buf, path);
    walk->path = walk->path_buf;
}

struct walk_level *walk_top(struct walk *walk)
{
    return &walk->levels[walk->depth - 1];
}

/* List directory DIR, whose path is set, and go into it. */
static void push(struct walk *walk, struct shale_vnode *dir,
                 const struct shale_attr *attr)
{
    struct walk_level *level;
    uint64_t cookie = 0;
    int err;

    if (walk->depth == walk->capacity) {
        walk->capacity = walk->capacity ? 2 * walk->capacity : 16;
        walk->levels = xrealloc(walk->levels, walk->capacity,
                                sizeof *walk->levels);
    }
    level = &walk->levels[walk->depth++];
    memset(level, 0, sizeof *level);
    level->path_len = strlen(walk->path);
    level->ino = shale_vnode_ino(dir);
    if (attr) {
        level->attr = *attr;
        level->has_attr = true;
    } else {
        err = shale_getattr(dir, &level->attr);
        if (err)
            volume_fail(walk->vol, walk->path, err);
        level->has_attr = !err;
    }
    /* After an error, what could be read is still worth the visit. */
    err = listing_load(&level->listing, dir, walk->flags, 0, &cookie);
    if (err)
        volume_fail(walk->vol, walk->path, err);
}

static void pop(struct walk *walk)
{
    listing_free(&walk_top(walk)->listing);
    walk->depth--;
}

/* Go into the directory that the last step returned. True if that worked. */
static bool enter(struct walk *walk)
{
    const struct listing_entry *entry = walk->entry;
    struct shale_attr attr = entry->attr;
    struct shale_vnode *dir;
    int err;

    if (walk->max_depth && walk->depth >= walk->max_depth) {
        if (walk->max_depth == WALK_SHOWN_MAX)
            volume_fail_text(walk->vol, NULL, "directories nested too deep to "
                             "show; not entered");
        return false;
    }
    if (inomap_add(&walk->seen, entry->ino, 1) != 0) {
        volume_fail_text(walk->vol, walk->path, "the same directory again, "
                         "which no sound volume has; not entered");
        return false;
    }
    err = shale_vnode_get(walk->vol->fs, entry->ino, &dir);
    if (err) {
        volume_fail(walk->vol, walk->path, err);
        return false;
    }
    push(walk, dir, entry->has_attr ? &attr : NULL);
    shale_vnode_put(dir);
    return true;
}

static bool is_dots(const struct listing_entry *entry)
{
    return !strcmp(entry->name, ".") || !strcmp(entry->name, "..");
}

enum walk_step walk_next(struct walk *walk)
{
    struct walk_level *level;

    if (walk->root) {
        struct shale_vnode *root = walk->root;

        walk->root = NULL;
        inomap_add(&walk->seen, shale_vnode_ino(root), 1);
        push(walk, root, NULL);
        shale_vnode_put(root);
        return WALK_ENTER;
    }
    if (walk->left) {
        walk->left = false;
        pop(walk);
    }
    if (walk->descend) {
        walk->descend = false;
        if (enter(walk))
            return WALK_ENTER;
    }
    if (walk->depth == 0)
        return WALK_END;

    level = walk_top(walk);
    if (level->next == level->listing.count) {
        path_set(walk, level->path_len, NULL, 0);
        walk->left = true;
        return WALK_LEAVE;
    }
    walk->entry = &level->listing.entries[level->next++];
    walk->last = level->next == level->listing.count;
    path_set(walk, level->path_len, walk->entry->name, walk->entry->len);
    walk->descend = walk->entry->type == SHALE_TYPE_DIR &&
                    !is_dots(walk->entry);
    return WALK_ENTRY;
}

void walk_skip(struct walk *walk)
{
    if (walk->descend)
        walk->descend = false;
    else
        pop(walk);
}

void walk_fini(struct walk *walk)
{
    while (walk->depth > 0)
        pop(walk);
    shale_vnode_put(walk->root);
    inomap_free(&walk->seen);
    free(walk->levels);
    free(walk->path_buf);
}
