/*
 * path.c - following paths, and the symlinks on the way
 *
 * A walk holds one vnode, the place reached, and the rest of the path. A
 * symlink puts its target in front of that rest:
 *
 *     rest of the path         /b/c        after reading component "link"
 *     its target               x/y
 *     rest from now on         x/y/b/c
 *
 * From the first symlink on the rest lives at the end of one buffer of
 * SHALE_PATH_MAX bytes, so that a target goes in front of it without moving
 * it, and no nesting of links takes more memory or any recursion.
 */
#include "memfn.h"
#include "room.h"

#define LINKS_MAX 40u

struct walk {
    struct shale_fs *fs;
    struct shale_vnode *at;     /* referenced */
    const char *rest;           /* what is left to follow, terminated */
    char *buf;                  /* SHALE_PATH_MAX bytes, or NULL so far */
    unsigned links;             /* followed so far */
};

/* Store the target of symlink LINK, not terminated. Returns its length. */
static int64_t target_read(struct shale_vnode *link, char *buf, size_t size)
{
    struct shale_fs *fs = link->fs;
    struct visit v;
    int64_t len, end = 0;

    if (!fs->ops->readlink)
        return SHALE_ENOTSUP;
    visit_shared(&v, fs);
    do
        len = fs->ops->readlink(link, buf, size);
    while (visit_again(&v, len));
    if (len < 0)
        return len;

    /* A NUL ends a target, wherever a disk may have put one. */
    while (end < len && buf[end])
        end++;
    return end;
}

int64_t shale_readlink(struct shale_vnode *vn, char *buf, size_t size)
{
    int64_t len;

    if (vn->type != SHALE_TYPE_SYMLINK)
        return SHALE_EINVAL;
    if (size == 0)
        return SHALE_ERANGE;
    len = target_read(vn, buf, size - 1);
    if (len >= 0)
        buf[len] = '\0';
    return len;
}

static void walk_move(struct walk *walk, struct shale_vnode *to)
{
    shale_vnode_put(walk->at);
    walk->at = to;
}

static void walk_move_to_root(struct walk *walk)
{
    struct shale_vnode *root = walk->fs->state->root;

    shale_vnode_ref(root);
    walk_move(walk, root);
}

/* Bring the rest of the path to the end of a buffer of our own. */
static int walk_take_rest(struct walk *walk, size_t len)
{
    walk->buf = vfs_alloc(walk->fs, SHALE_PATH_MAX);
    if (!walk->buf)
        return SHALE_ENOMEM;
    walk->rest = memcpy(walk->buf + SHALE_PATH_MAX - len - 1, walk->rest,
                        len + 1);
    return 0;
}

/* Go on at the target of LINK, whose name was the last component taken. */
static int walk_follow(struct walk *walk, struct shale_vnode *link)
{
    size_t room;
    int64_t len;

    if (++walk->links > LINKS_MAX)
        return SHALE_ELOOP;

    room = (size_t)(walk->rest - walk->buf);
    len = target_read(link, walk->buf, room);
    if (len == SHALE_ERANGE)
        return SHALE_ENAMETOOLONG;
    if (len < 0)
        return (int)len;
    if (len == 0)
        return SHALE_ENOENT;

    /* What follows a component is '/' or nothing, so this joins them. */
    walk->rest = memmove(walk->buf + room - (size_t)len, walk->buf,
                         (size_t)len);
    if (walk->rest[0] == '/')
        walk_move_to_root(walk);
    return 0;
}

/* Follow the next component. Returns 1, or 0 if there is none, or an error. */
static int walk_step(struct walk *walk, unsigned flags)
{
    struct shale_vnode *next;
    const char *name;
    size_t len = 0, rest_len = 0;
    int err;

    /* Also what a trailing '/' asks for. */
    if (*walk->rest && walk->at->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;

    while (*walk->rest == '/')
        walk->rest++;
    if (!*walk->rest)
        return 0;

    name = walk->rest;
    while (name[len] && name[len] != '/')
        len++;
    err = shale_lookup(walk->at, name, len, &next);
    if (err)
        return err;
    walk->rest += len;

    if (next->type != SHALE_TYPE_SYMLINK ||
        (!*walk->rest && (flags & SHALE_WALK_NOFOLLOW))) {
        walk_move(walk, next);
        return 1;
    }

    if (!walk->buf) {
        while (walk->rest[rest_len])
            rest_len++;
        err = walk_take_rest(walk, rest_len);
    }
    if (!err)
        err = walk_follow(walk, next);
    shale_vnode_put(next);
    return err ? err : 1;
}

/* 0 if PATH is one that can be followed. */
static int check_path(const char *path)
{
    size_t len = 0;

    while (len < SHALE_PATH_MAX && path[len])
        len++;
    if (len == 0)
        return SHALE_ENOENT;
    return len < SHALE_PATH_MAX ? 0 : SHALE_ENAMETOOLONG;
}

int shale_walk(struct shale_fs *fs, struct shale_vnode *start,
               const char *path, unsigned flags, struct shale_vnode **out)
{
    struct walk walk = { .fs = fs, .rest = path };
    int r = check_path(path);

    if (r)
        return r;
    walk.at = start && path[0] != '/' ? start : fs->state->root;
    shale_vnode_ref(walk.at);

    do
        r = walk_step(&walk, flags);
    while (r > 0);

    if (walk.buf)
        shale_free(fs->mem, walk.buf, SHALE_PATH_MAX);
    if (r < 0) {
        shale_vnode_put(walk.at);
        return r;
    }
    *out = walk.at;
    return 0;
}

/* ----------------------------------------- the directory of a path's end */

/*
 * Where the last name of PATH, LEN bytes, begins. Stores its length, without
 * the '/' after it.
 */
static size_t last_name(const char *path, size_t len, size_t *name_len)
{
    size_t end, start;

    while (len > 0 && path[len - 1] == '/')
        len--;
    end = start = len;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *name_len = end - start;
    return start;
}

int shale_walk_parent(struct shale_fs *fs, const char *path,
                      struct shale_vnode **dir, const char **name,
                      size_t *len)
{
    size_t path_len = 0, start, name_len;
    struct shale_vnode *found;
    char *prefix;
    int err = check_path(path);

    if (err)
        return err;
    while (path[path_len])
        path_len++;
    start = last_name(path, path_len, &name_len);
    if (name_len == 0 || dir_is_dots(path + start, name_len))
        return SHALE_EBUSY;

    /* "a" is in ".", "/a" in "/" and "b/a" in "b/". */
    prefix = vfs_alloc(fs, start + 2);
    if (!prefix)
        return SHALE_ENOMEM;
    memcpy(prefix, path, start);
    memcpy(prefix + start, start == 0 ? "." : "", start == 0 ? 2 : 1);
    err = shale_walk(fs, NULL, prefix, 0, &found);
    shale_free(fs->mem, prefix, start + 2);
    if (err)
        return err;
    *dir = found;
    *name = path + start;
    *len = name_len;
    return 0;
}

/* ---------------------------------------------------------------- stat */

static int stat_walked(struct shale_fs *fs, const char *path, unsigned flags,
                       struct shale_attr *out)
{
    struct shale_vnode *vn;
    int err = shale_walk(fs, NULL, path, flags, &vn);

    if (err)
        return err;
    err = shale_getattr(vn, out);
    shale_vnode_put(vn);
    return err;
}

int shale_stat(struct shale_fs *fs, const char *path, struct shale_attr *out)
{
    return stat_walked(fs, path, 0, out);
}

int shale_lstat(struct shale_fs *fs, const char *path, struct shale_attr *out)
{
    return stat_walked(fs, path, SHALE_WALK_NOFOLLOW, out);
}
