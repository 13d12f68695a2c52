/*
 * copytree.c - files of every kind, and trees of them, out of an image
 *
 * The walk holds no recursion, and neither does this: one descriptor, of the
 * directory we are in, however deep that is. The way up is "..", which must
 * be the directory that we came from, or somebody is moving the tree about.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "copy.h"
#include "progress.h"
#include "walk.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

char *copy_path(const struct copy *copy)
{
    const char *name = copy->name ? copy->name : "";
    const char *rest = copy->rest;
    char *path;

    if (!copy->name && *rest == '/')
        rest++;
    path = xmalloc(strlen(name) + strlen(rest) + 1);
    sprintf(path, "%s%s", name, rest);
    return path;
}

/* The whole path of the copy, escaped, for messages; to be freed. */
static char *shown_path(const struct copy *copy)
{
    char *path = copy_path(copy), *whole, *shown;
    size_t len = strlen(copy->base_path);
    bool slash = len > 0 && copy->base_path[len - 1] != '/' && *path;

    whole = xmalloc(len + strlen(path) + 2);
    sprintf(whole, "%s%s%s", copy->base_path, slash ? "/" : "", path);
    shown = print_escaped(whole, strlen(whole));
    free(whole);
    free(path);
    return shown;
}

static void copy_fail_text(struct copy *copy, const char *text)
{
    char *shown = shown_path(copy);

    report("%s: %s", shown, text);
    free(shown);
    if (copy->vol->status == STATUS_OK)
        copy->vol->status = STATUS_FAILED;
}

void copy_fail(struct copy *copy, int error)
{
    copy_fail_text(copy, strerror(error));
}

static void copy_tell(const struct copy *copy, const char *path)
{
    char *shown, *from;

    if (!copy->verbose)
        return;
    shown = shown_path(copy);
    from = print_escaped(path, strlen(path));
    progress_hide();
    printf("%s -> %s\n", from, shown);
    free(from);
    free(shown);
}

/* ------------------------------------------------------------ one file */

/*
 * Make sure that there is no NAME in DIR for a file of TYPE. False if the file
 * shall not or can not be copied there. A device gives way to another one
 * only: who copies a file to /dev/null does not want that to be its name.
 */
static bool make_way(struct copy *copy, enum shale_type type, int dir,
                     const char *name)
{
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
        copy_fail(copy, errno);
        return false;
    }
    if (copy->no_clobber)
        return false;
    if (S_ISDIR(st.st_mode)) {
        copy_fail_text(copy, "a directory is in the way");
        return false;
    }
    if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) &&
        type != SHALE_TYPE_CHAR && type != SHALE_TYPE_BLOCK) {
        copy_fail_text(copy, "a device is in the way");
        return false;
    }
    if (st.st_dev == copy->image_dev && st.st_ino == copy->image_ino) {
        copy_fail_text(copy, "that is the image itself");
        return false;
    }
    if (unlinkat(dir, name, 0) != 0) {
        copy_fail(copy, errno);
        return false;
    }
    return true;
}

static bool copy_regular(struct copy *copy, const char *path,
                         struct shale_vnode *vn, const struct shale_attr *attr,
                         int dir, const char *name)
{
    struct copy_target target = { .dir = dir, .name = name };
    bool ok;

    target.fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
                       O_CLOEXEC, 0600);
    if (target.fd < 0) {
        copy_fail(copy, errno);
        return false;
    }
    ok = copy_data(copy, path, vn, attr->size, target.fd);
    copy_attr(copy, path, vn, attr, &target);
    if (close(target.fd) != 0) {        /* where NFS says that it is full */
        copy_fail(copy, errno);
        ok = false;
    }
    return ok;
}

static bool copy_symlink(struct copy *copy, const char *path,
                         struct shale_vnode *vn, const struct shale_attr *attr,
                         int dir, const char *name)
{
    struct copy_target target = { .fd = -1, .dir = dir, .name = name };
    char text[SHALE_PATH_MAX];
    int64_t len = shale_readlink(vn, text, sizeof text);

    if (len < 0) {
        volume_fail(copy->vol, path, (int)len);
        return false;
    }
    if (symlinkat(text, dir, name) != 0) {
        copy_fail(copy, errno);
        return false;
    }
    copy_attr(copy, path, vn, attr, &target);
    return true;
}

/* A device, a fifo or a socket. */
static bool copy_special(struct copy *copy, const char *path,
                         struct shale_vnode *vn, const struct shale_attr *attr,
                         int dir, const char *name)
{
    struct copy_target target = { .fd = -1, .dir = dir, .name = name };
    dev_t dev = makedev(attr->rdev_major, attr->rdev_minor);
    enum shale_type type = shale_type_of_mode(attr->mode);

    if (mknodat(dir, name, (attr->mode & S_IFMT) | 0600, dev) != 0) {
        if (errno == EPERM &&
            (type == SHALE_TYPE_CHAR || type == SHALE_TYPE_BLOCK))
            copy_fail_text(copy, "only root may make a device; left out");
        else
            copy_fail(copy, errno);
        return false;
    }
    copy_attr(copy, path, vn, attr, &target);
    return true;
}

/*
 * Make NAME in DIR another name of LINK's file. False if that fails for any
 * reason: a copy of its own is then the next best thing.
 */
static bool link_again(struct copy *copy, const struct copy_link *link,
                       int dir, const char *name)
{
    char path[64];
    struct stat st;
    bool ok;
    int fd;

    fd = openat(copy->base, link->path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return false;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ok = fstat(fd, &st) == 0 && st.st_dev == link->dev &&
         st.st_ino == link->ino &&
         linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) == 0;
    close(fd);
    return ok;
}

/* Note where the first copy of inode INO has gone. */
static void remember_link(struct copy *copy, uint64_t ino, int dir,
                          const char *name)
{
    struct copy_link *link;
    struct stat st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        inomap_add(&copy->links_of, ino, copy->link_count + 1) != 0)
        return;
    if (copy->link_count == copy->link_capacity) {
        copy->link_capacity = copy->link_capacity ? 2 * copy->link_capacity
                                                  : 64;
        copy->links = xrealloc(copy->links, copy->link_capacity,
                               sizeof *copy->links);
    }
    link = &copy->links[copy->link_count++];
    link->path = copy_path(copy);
    link->dev = st.st_dev;
    link->ino = st.st_ino;
}

/* Copy VN, no directory, to NAME in DIR. True if all of it got there. */
static bool copy_file(struct copy *copy, const char *path,
                      struct shale_vnode *vn, const struct shale_attr *attr,
                      int dir, const char *name)
{
    enum shale_type type = shale_type_of_mode(attr->mode);
    uint64_t known = 0;
    bool ok;

    if (!make_way(copy, type, dir, name))
        return false;
    if (attr->links > 1 && copy->links_of.count > 0)
        known = inomap_find(&copy->links_of, attr->ino);
    if (known && link_again(copy, &copy->links[known - 1], dir, name)) {
        copy_tell(copy, path);
        return true;
    }
    if (type == SHALE_TYPE_FILE)
        ok = copy_regular(copy, path, vn, attr, dir, name);
    else if (type == SHALE_TYPE_SYMLINK)
        ok = copy_symlink(copy, path, vn, attr, dir, name);
    else
        ok = copy_special(copy, path, vn, attr, dir, name);
    if (ok && attr->links > 1)
        remember_link(copy, attr->ino, dir, name);
    if (ok)
        copy_tell(copy, path);
    return ok;
}

/* --------------------------------------------------------------- a tree */

/* A directory of the destination that we are in. */
struct level {
    dev_t dev;
    ino_t ino;
    bool existed;
};

struct descent {
    struct copy *copy;
    struct walk walk;
    int fd;                     /* the directory we are in */
    struct level *levels;
    size_t depth, capacity;
    bool lost;                  /* the tree was moved under our feet */
};

/* Make or find directory NAME in DIR; returns a descriptor, or -1. */
static int open_dir(struct copy *copy, int dir, const char *name,
                    bool *existed)
{
    int fd;

    *existed = false;
    if (mkdirat(dir, name, 0700) != 0) {
        if (errno != EEXIST) {
            copy_fail(copy, errno);
            return -1;
        }
        *existed = true;
    }
    fd = openat(dir, name, DIR_FLAGS);
    if (fd >= 0)
        return fd;
    if (errno == ENOTDIR || errno == ELOOP)
        copy_fail_text(copy, "something that is no directory is in the way");
    else
        copy_fail(copy, errno);
    return -1;
}

/* The walk has entered a directory: be in its copy, or skip it. */
static void descend(struct descent *d)
{
    struct copy *copy = d->copy;
    const char *name = d->depth > 0 ? d->walk.entry->name : copy->name;
    bool existed = true;
    struct stat st;
    int fd;

    fd = name ? open_dir(copy, d->fd, name, &existed)
              : openat(d->fd, ".", DIR_FLAGS);
    if (fd >= 0 && fstat(fd, &st) != 0) {
        close(fd);
        fd = -1;
    }
    if (fd < 0) {
        walk_skip(&d->walk);
        return;
    }
    if (d->depth == d->capacity) {
        d->capacity = d->capacity ? 2 * d->capacity : 16;
        d->levels = xrealloc(d->levels, d->capacity, sizeof *d->levels);
    }
    d->levels[d->depth++] = (struct level){ st.st_dev, st.st_ino, existed };
    if (d->fd != copy->base)
        close(d->fd);
    d->fd = fd;
    copy_tell(copy, d->walk.path);
}

/* The directory above, if it is still the one that we came from; or -1. */
static int open_above(struct descent *d)
{
    const struct level *above;
    struct stat st;
    int fd;

    if (d->depth == 1)
        return d->copy->base;
    above = &d->levels[d->depth - 2];
    fd = openat(d->fd, "..", DIR_FLAGS);
    if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == above->dev &&
        st.st_ino == above->ino)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

/* All that is in the directory is copied: finish it, and go up. */
static void ascend(struct descent *d)
{
    struct copy *copy = d->copy;
    const struct walk_level *level = walk_top(&d->walk);
    struct copy_target target = { .fd = d->fd, .dir = -1 };
    struct shale_vnode *vn;
    int above = open_above(d);
    int err;

    if (above < 0) {
        copy_fail_text(copy, "the destination was moved meanwhile");
        d->lost = true;
        return;
    }
    if (level->has_attr &&
        !(copy->no_clobber && d->levels[d->depth - 1].existed)) {
        err = shale_vnode_get(copy->vol->fs, level->attr.ino, &vn);
        if (err) {
            volume_fail(copy->vol, d->walk.path, err);
        } else {
            copy_attr(copy, d->walk.path, vn, &level->attr, &target);
            shale_vnode_put(vn);
        }
    }
    close(d->fd);
    d->fd = above;
    d->depth--;
}

/* An entry of the directory we are in; directories have steps of their own. */
static void copy_entry(struct descent *d)
{
    const struct listing_entry *entry = d->walk.entry;
    struct volume *vol = d->copy->vol;
    struct shale_vnode *vn;
    int err;

    if (!listing_name_sane(entry->name, entry->len)) {
        volume_fail_text(vol, d->walk.path, "no name for a file; left out");
        if (entry->type == SHALE_TYPE_DIR)
            walk_skip(&d->walk);
        return;
    }
    if (entry->type == SHALE_TYPE_DIR)
        return;
    vol->image->fault[0] = '\0';        /* of whatever came before */
    err = shale_vnode_get(vol->fs, entry->ino, &vn);
    if (!err && !entry->has_attr) {
        shale_vnode_put(vn);
        err = SHALE_EIO;
    }
    if (err) {
        volume_fail(vol, d->walk.path, err);
        return;
    }
    if (copy_file(d->copy, d->walk.path, vn, &entry->attr, d->fd, entry->name))
        progress_file();
    shale_vnode_put(vn);
}

static void copy_directory(struct copy *copy, struct shale_vnode *vn,
                           const char *path)
{
    struct descent d = { .copy = copy, .fd = copy->base };
    size_t path_len = strlen(path);
    enum walk_step step;

    while (path_len > 0 && path[path_len - 1] == '/')
        path_len--;
    walk_init(&d.walk, copy->vol, LISTING_ATTR | LISTING_HIDDEN, vn, path);
    while (!d.lost && (step = walk_next(&d.walk)) != WALK_END) {
        copy->rest = d.walk.path + path_len;
        if (!strcmp(copy->rest, "/"))
            copy->rest = "";
        if (step == WALK_ENTER)
            descend(&d);
        else if (step == WALK_LEAVE)
            ascend(&d);
        else
            copy_entry(&d);
    }
    copy->rest = "";
    walk_fini(&d.walk);
    if (d.fd != copy->base)
        close(d.fd);
    free(d.levels);
}

void copy_tree(struct copy *copy, struct shale_vnode *vn, const char *path)
{
    struct shale_attr attr;
    int err;

    copy->rest = "";
    copy->drop_acls = fgetxattr(copy->base, "system.posix_acl_default", NULL,
                                0) > 0;
    if (shale_vnode_type(vn) == SHALE_TYPE_DIR) {
        copy_directory(copy, vn, path);
        return;
    }
    err = shale_getattr(vn, &attr);
    if (err)
        volume_fail(copy->vol, path, err);
    else if (copy_file(copy, path, vn, &attr, copy->base, copy->name))
        progress_file();
    shale_vnode_put(vn);
}

/* ------------------------------------------------------------- the rest */

static void measure_one(const struct shale_attr *attr, uint64_t *bytes,
                        uint64_t *files)
{
    if (shale_type_of_mode(attr->mode) == SHALE_TYPE_FILE)
        *bytes += attr->size < attr->allocated ? attr->size : attr->allocated;
    *files += 1;
}

void copy_measure(struct copy *copy, struct shale_vnode *vn, const char *path,
                  uint64_t *bytes, uint64_t *files)
{
    enum walk_step step;
    struct shale_attr attr;
    struct walk walk;

    if (shale_vnode_type(vn) != SHALE_TYPE_DIR) {
        if (shale_getattr(vn, &attr) == 0)
            measure_one(&attr, bytes, files);
        return;
    }
    copy->vol->muted = true;    /* the copy itself will tell */
    shale_vnode_ref(vn);
    walk_init(&walk, copy->vol, LISTING_ATTR | LISTING_HIDDEN, vn, path);
    while ((step = walk_next(&walk)) != WALK_END)
        if (step == WALK_ENTRY && walk.entry->type != SHALE_TYPE_DIR)
            measure_one(&walk.entry->attr, bytes, files);
    walk_fini(&walk);
    copy->vol->muted = false;
}

void copy_fini(struct copy *copy)
{
    for (size_t i = 0; i < copy->link_count; i++)
        free(copy->links[i].path);
    free(copy->links);
    free(copy->buf);
    inomap_free(&copy->links_of);
}
