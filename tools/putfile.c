/*
 * putfile.c - one file or directory of the host, into a volume
 *
 * What is in the way is removed and made anew. A file that cannot be copied to
 * its end is removed again: half of it is worth nothing to who reads it later.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "progress.h"
#include "put.h"

/* ------------------------------------------------------------- failures */

void put_fail_text(struct put *put, const char *text)
{
    volume_fail_text(put->vol, put->to, text);
    put->failed++;
}

void put_fail(struct put *put, int err)
{
    switch (err) {
    case SHALE_EINVAL:
        put_fail_text(put, "not a name that this volume can have; left out");
        return;
    case SHALE_EFBIG:
        put_fail_text(put, "larger than a file of this volume can be; left "
                      "out");
        return;
    case SHALE_ENOSPC:
        put->full = true;
        put->stop |= put->all_or_none;
        break;
    case SHALE_EROFS:
        put->stop = true;       /* it was writable: something has happened */
        break;
    }
    volume_fail(put->vol, put->to, err);
    put->failed++;
}

void put_fail_host(struct put *put, int error)
{
    char *shown = print_escaped(put->from, strlen(put->from));

    report("%s: %s", shown, strerror(error));
    free(shown);
    if (put->vol->status == STATUS_OK)
        put->vol->status = STATUS_FAILED;
    put->failed++;
}

static void done(struct put *put)
{
    char *from, *image, *to;

    put->done++;
    progress_file();
    if (!put->verbose)
        return;
    from = print_escaped(put->from, strlen(put->from));
    image = print_escaped(put->vol->name, strlen(put->vol->name));
    to = print_escaped(put->to, strlen(put->to));
    progress_hide();
    printf("%s -> %s:%s\n", from, image, to);
    free(from);
    free(image);
    free(to);
}

/* ------------------------------------------------------------ the entry */

/* Enter what *NODE says in DIR as NAME. Not reported, and nothing removed. */
static int make(struct put *put, struct shale_vnode *dir, const char *name,
                const struct shale_node *node, struct shale_vnode **out)
{
    int err = shale_create(dir, name, strlen(name), node, out);

    if (!err)
        inomap_add(&put->made, shale_vnode_ino(*out), 1);
    return err;
}

/*
 * May NAME, which is there, be replaced by a file? False if it has to stay,
 * which has been told unless it was asked for.
 */
static bool may_replace(struct put *put, struct shale_vnode *dir,
                        const char *name)
{
    struct shale_vnode *vn;
    enum shale_type type;
    uint64_t ino;
    int err = shale_lookup(dir, name, strlen(name), &vn);

    if (err) {
        put_fail(put, err);
        return false;
    }
    type = shale_vnode_type(vn);
    ino = shale_vnode_ino(vn);
    shale_vnode_put(vn);
    if (inomap_find(&put->made, ino)) {
        put_fail_text(put, "another file to copy has the same name here; left "
                      "out");
        return false;
    }
    if (put->no_clobber)
        return false;
    if (type == SHALE_TYPE_DIR) {
        put_fail_text(put, "a directory is in the way");
        return false;
    }
    return true;
}

/*
 * Make what *NODE says in place of NAME, which is there. For a file, which
 * any volume can have, it goes first, and its space is there to be used; for
 * anything else it goes when that has been made.
 */
static int make_over(struct put *put, struct shale_vnode *dir,
                     const char *name, const struct shale_node *node,
                     struct shale_vnode **out)
{
    char spare[VOLUME_SPARE_NAME];
    size_t len = strlen(name);
    int err;

    if (shale_type_of_mode(node->mode) == SHALE_TYPE_FILE) {
        err = shale_unlink(dir, name, len);
        return err ? err : make(put, dir, name, node, out);
    }
    err = volume_spare_name(dir, spare);
    if (!err)
        err = make(put, dir, spare, node, out);
    if (err)
        return err;
    err = shale_rename(dir, spare, strlen(spare), dir, name, len, 0);
    if (err) {
        shale_unlink(dir, spare, strlen(spare));
        shale_vnode_put(*out);
    }
    return err;
}

/* Make what *NODE says, a file, in place of what is there. */
static bool make_anew(struct put *put, struct shale_vnode *dir,
                      const char *name, const struct shale_node *node,
                      struct shale_vnode **out)
{
    int err = make(put, dir, name, node, out);

    if (err == SHALE_EEXIST) {
        if (!may_replace(put, dir, name))
            return false;
        err = make_over(put, dir, name, node, out);
    }
    if (err == SHALE_ENOTSUP && node->target)
        put_fail_text(put, "a symbolic link, which this volume cannot have; "
                      "left out (-L copies what it leads to)");
    else if (err == SHALE_ENOTSUP)
        put_fail_text(put, "neither file nor directory, which this volume "
                      "cannot have; left out");
    else if (err)
        put_fail(put, err);
    return !err;
}

bool put_dir(struct put *put, struct shale_vnode *dir, const char *name,
             const struct stat *st, struct shale_vnode **out)
{
    const struct shale_node node = {
        .mode = SHALE_S_IFDIR | (st->st_mode & 07777),
        .uid = put_uid(put, st), .gid = put_gid(put, st),
    };
    struct shale_vnode *vn;
    int err = make(put, dir, name, &node, &vn);

    if (err == SHALE_EEXIST)
        err = shale_lookup(dir, name, strlen(name), &vn);
    if (err) {
        put_fail(put, err);
        return false;
    }
    if (shale_vnode_type(vn) != SHALE_TYPE_DIR) {
        put_fail_text(put, "something that is no directory is in the way");
        shale_vnode_put(vn);
        return false;
    }
    done(put);
    *out = vn;
    return true;
}

/* -------------------------------------------------------------- the file */

/* Open ACCESS, which is a regular file and not the image; -1: told why not. */
static int open_source(struct put *put, const char *access, struct stat *st)
{
    /* Without -r, links are followed as well; see put_walk(). */
    bool follow = put->dereference || !put->recurse;
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
                (follow ? 0 : O_NOFOLLOW);
    /* Copying is no reading of the user's; where the file is not his, it is. */
    int fd = open(access, flags | O_NOATIME);

    if (fd < 0 && errno == EPERM)
        fd = open(access, flags);

    if (fd < 0 || fstat(fd, st) != 0) {
        put_fail_host(put, errno);
    } else if (!S_ISREG(st->st_mode)) {
        put_fail_text(put, "has become something else meanwhile");
    } else if (st->st_dev == put->image_dev && st->st_ino == put->image_ino) {
        put_fail_text(put, "that is the image itself; left out");
    } else {
        return fd;
    }
    if (fd >= 0)
        close(fd);
    return -1;
}

static void put_regular(struct put *put, struct shale_vnode *dir,
                        const char *name, const char *access)
{
    struct shale_node node = { .mode = SHALE_S_IFREG };
    struct shale_vnode *vn;
    struct stat st;
    int fd = open_source(put, access, &st);

    if (fd < 0)
        return;
    node.mode |= st.st_mode & 07777;
    node.uid = put_uid(put, &st);
    node.gid = put_gid(put, &st);
    if (make_anew(put, dir, name, &node, &vn)) {
        if (put_data(put, fd, vn, &st)) {
            put_attr(put, vn, &st);
            put_link_note(put, &st, vn);
            done(put);
        } else {
            (void)shale_unlink(dir, name, strlen(name));
        }
        shale_vnode_put(vn);
    }
    close(fd);
}

void put_stdin(struct put *put, struct shale_vnode *dir, const char *name,
               const char *path)
{
    const struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct shale_vnode *vn;

    put->from = "-";
    put->to = xstrdup(path);
    if (make_anew(put, dir, name, &node, &vn)) {
        if (put_stream(put, STDIN_FILENO, vn))
            done(put);
        else
            (void)shale_unlink(dir, name, strlen(name));
        shale_vnode_put(vn);
    }
    free(put->to);
    put->to = NULL;
}

/* A link or a device: all there is of it is in *NODE. */
static void put_node(struct put *put, struct shale_vnode *dir,
                     const char *name, const struct shale_node *node,
                     const struct stat *st)
{
    struct shale_vnode *vn;

    if (!make_anew(put, dir, name, node, &vn))
        return;
    put_attr(put, vn, st);
    put_link_note(put, st, vn);
    done(put);
    shale_vnode_put(vn);
}

/*
 * Give the copy of a file with several names, if there is one, another name.
 * False: it has to be copied (again), since the volume has no such thing.
 */
static bool put_name(struct put *put, struct shale_vnode *dir,
                     const char *name, const struct stat *st)
{
    struct shale_vnode *vn = put_link_find(put, st);
    int err;

    if (!vn)
        return false;
    err = shale_link(vn, dir, name, strlen(name));
    if (err == SHALE_EEXIST && may_replace(put, dir, name)) {
        err = shale_unlink(dir, name, strlen(name));
        if (!err)
            err = shale_link(vn, dir, name, strlen(name));
    }
    shale_vnode_put(vn);
    if (err == SHALE_ENOTSUP || err == SHALE_EMLINK)
        return false;
    if (!err)
        done(put);
    else if (err != SHALE_EEXIST)
        put_fail(put, err);
    progress_bytes((uint64_t)st->st_size);
    return true;
}

void put_file(struct put *put, struct shale_vnode *dir, const char *name,
              const char *access, const struct stat *st)
{
    struct shale_node node = {
        .mode = st->st_mode, .uid = put_uid(put, st), .gid = put_gid(put, st),
    };
    char target[SHALE_PATH_MAX];
    ssize_t len;

    if (st->st_nlink > 1 && put_name(put, dir, name, st))
        return;
    if (S_ISREG(st->st_mode)) {
        put_regular(put, dir, name, access);
        return;
    }
    if (S_ISLNK(st->st_mode)) {
        len = readlink(access, target, sizeof target);
        if (len < 0 || len == sizeof target) {
            put_fail_host(put, len < 0 ? errno : ENAMETOOLONG);
            return;
        }
        node.target = target;
        node.target_len = (size_t)len;
    } else {
        node.rdev_major = major(st->st_rdev);
        node.rdev_minor = minor(st->st_rdev);
    }
    put_node(put, dir, name, &node, st);
}
