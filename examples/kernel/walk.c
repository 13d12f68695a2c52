/*
 * walk.c - all that is below a directory, without recursion
 */
#include "shell.h"

/* Open the directory at walk->path, which is LEN bytes long. */
static int descend(struct walk *walk, size_t len)
{
    int err;

    if (walk->depth == WALK_DEPTH)
        return SHALE_ENAMETOOLONG;
    err = shale_open(walk->fs, walk->path, &walk->levels[walk->depth].dir);
    if (!err)
        walk->levels[walk->depth++].len = len;
    return err;
}

int walk_start(struct shale_fs *fs, const char *path, struct walk **out)
{
    struct walk *walk = shale_zalloc(heap, sizeof *walk);
    size_t len = text_len(path);
    int err;

    if (!walk)
        return SHALE_ENOMEM;
    walk->fs = fs;
    while (len > 0 && path[len - 1] == '/')
        len--;
    if (len + 2 > sizeof walk->path) {
        walk_end(walk);
        return SHALE_ENAMETOOLONG;
    }
    memcpy(walk->path, path, len);
    memcpy(walk->path + len, "/", 2);
    err = descend(walk, len);
    if (err)
        walk_end(walk);
    else
        *out = walk;
    return err;
}

/* walk->path is that of the entry, which is in the directory opened last. */
static int name_entry(struct walk *walk, size_t *len)
{
    size_t at = walk->levels[walk->depth - 1].len;
    size_t name = text_len(walk->entry.name);

    if (at + 1 + name + 1 > sizeof walk->path)
        return SHALE_ENAMETOOLONG;
    walk->path[at] = '/';
    memcpy(walk->path + at + 1, walk->entry.name, name + 1);
    *len = at + 1 + name;
    return 0;
}

static bool is_dots(const char *name)
{
    return text_equal(name, ".") || text_equal(name, "..");
}

int walk_next(struct walk *walk)
{
    int more;
    size_t len;

    if (walk->enter) {
        int err = descend(walk, text_len(walk->path));

        walk->enter = false;
        if (err)
            return err;
    }
    do {
        if (walk->depth == 0)
            return WALK_END;
        more = shale_file_readdir(walk->levels[walk->depth - 1].dir,
                                  &walk->entry);
    } while (more > 0 && is_dots(walk->entry.name));
    if (more < 0)
        return more;
    if (more == 0) {
        walk->depth--;
        shale_close(walk->levels[walk->depth].dir);
        walk->path[walk->levels[walk->depth].len] = '\0';
        return walk->depth > 0 ? WALK_LEFT : WALK_END;
    }
    more = name_entry(walk, &len);
    if (more)
        return more;
    walk->enter = walk->entry.type == SHALE_TYPE_DIR;
    return WALK_FOUND;
}

void walk_end(struct walk *walk)
{
    if (!walk)
        return;
    while (walk->depth > 0)
        shale_close(walk->levels[--walk->depth].dir);
    shale_free(heap, walk, sizeof *walk);
}
