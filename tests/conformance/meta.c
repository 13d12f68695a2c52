/*
 * meta.c - attributes, links, and what not every format has
 */
#include "conform.h"

#include "vfs/memfn.h"

enum { DAY = 1500000000 };      /* in 2017, and even, as FAT has it */

static const char *times_are_kept(struct conform *c)
{
    struct shale_setattr what = {
        .valid = SHALE_SET_MTIME, .mtime = { .sec = DAY },
    };
    struct shale_vnode *file;
    struct shale_attr attr;

    MUST(conform_make(c->dir, "f", CONFORM_FILE, &file) == 0);
    MUST(shale_setattr(file, &what) == 0);
    shale_vnode_put(file);
    MUST(conform_remount(c) == 0);
    MUST(conform_lookup(c->dir, "f", &file) == 0);
    MUST(shale_getattr(file, &attr) == 0);
    MUST(attr.mtime.sec == DAY && attr.mtime.nsec == 0);
    MUST(shale_write(file, "x", 1, 0) == 1);
    MUST(shale_getattr(file, &attr) == 0);
    MUST(attr.mtime.sec != DAY);
    shale_vnode_put(file);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

static const char *modes_and_owners(struct conform *c)
{
    struct shale_setattr what = {
        .valid = SHALE_SET_MODE | SHALE_SET_UID | SHALE_SET_GID,
        .mode = 0640, .uid = 1000, .gid = 70000,
    };
    struct shale_vnode *file;
    struct shale_attr attr;

    MUST(conform_make(c->dir, "f", CONFORM_FILE, &file) == 0);
    if (!c->unix_files) {
        what.valid = SHALE_SET_UID;
        MUST(shale_setattr(file, &what) == SHALE_EPERM);
    } else {
        MUST(shale_setattr(file, &what) == 0);
        MUST(shale_getattr(file, &attr) == 0);
        MUST(attr.mode == (SHALE_S_IFREG | 0640));
        MUST(attr.uid == 1000 && attr.gid == 70000);
    }
    shale_vnode_put(file);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

static const char *hard_links(struct conform *c)
{
    struct shale_vnode *file, *again;
    struct shale_attr attr;

    MUST(conform_make(c->dir, "f", CONFORM_FILE, &file) == 0);
    if (!c->unix_files) {
        MUST(shale_link(file, c->dir, "g", 1) == SHALE_ENOTSUP);
    } else {
        MUST(shale_link(file, c->dir, "g", 1) == 0);
        MUST(shale_link(file, c->dir, "g", 1) == SHALE_EEXIST);
        MUST(shale_link(c->dir, c->dir, "h", 1) == SHALE_EPERM);
        MUST(shale_getattr(file, &attr) == 0 && attr.links == 2);
        MUST(conform_lookup(c->dir, "g", &again) == 0);
        MUST(shale_vnode_ino(again) == shale_vnode_ino(file));
        shale_vnode_put(again);
        MUST(conform_unlink(c->dir, "g") == 0);
        MUST(shale_getattr(file, &attr) == 0 && attr.links == 1);
    }
    shale_vnode_put(file);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

/* A symlink called NAME to LEN bytes of TARGET. */
static int point(struct shale_vnode *dir, const char *name, const char *target,
                 size_t len)
{
    const struct shale_node node = {
        .mode = SHALE_S_IFLNK | 0777u, .target = target, .target_len = len,
    };

    return shale_create(dir, name, conform_len(name), &node, NULL);
}

static const char *symlinks(struct conform *c)
{
    static const size_t lengths[] = { 1, 59, 60, 61, 500, 1000 };
    char *target = (char *)c->bytes, *got = target + SHALE_PATH_MAX;

    if (!c->unix_files) {
        MUST(point(c->dir, "l", "x", 1) == SHALE_ENOTSUP);
        return NULL;
    }
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct shale_vnode *link;

        memset(target, 't', lengths[i]);
        MUST(point(c->dir, "l", target, lengths[i]) == 0);
        MUST(conform_lookup(c->dir, "l", &link) == 0);
        MUST(shale_vnode_type(link) == SHALE_TYPE_SYMLINK);
        MUST(shale_readlink(link, got, SHALE_PATH_MAX) ==
             (int64_t)lengths[i]);
        MUST(memcmp(got, target, lengths[i]) == 0 && got[lengths[i]] == '\0');
        shale_vnode_put(link);
        MUST(conform_unlink(c->dir, "l") == 0);
    }
    return NULL;
}

static const char *symlinks_are_followed(struct conform *c)
{
    struct shale_attr attr;

    if (!c->unix_files)
        return NULL;
    MUST(conform_make(c->dir, "f", CONFORM_FILE, NULL) == 0);
    MUST(point(c->dir, "relative", "f", 1) == 0);
    MUST(point(c->dir, "absolute", "/conformance/relative", 21) == 0);
    MUST(point(c->dir, "here", ".", 1) == 0);
    MUST(point(c->dir, "round", "round", 5) == 0);
    MUST(shale_stat(c->fs, "/conformance/absolute", &attr) == 0);
    MUST((attr.mode & SHALE_S_IFMT) == SHALE_S_IFREG);
    MUST(shale_stat(c->fs, "/conformance/here/here/f", &attr) == 0);
    MUST(shale_stat(c->fs, "/conformance/relative/", &attr) ==
         SHALE_ENOTDIR);
    MUST(shale_stat(c->fs, "/conformance/round", &attr) == SHALE_ELOOP);
    MUST(shale_lstat(c->fs, "/conformance/round", &attr) == 0);
    MUST((attr.mode & SHALE_S_IFMT) == SHALE_S_IFLNK);
    MUST(conform_unlink(c->dir, "f") == 0);
    MUST(shale_stat(c->fs, "/conformance/absolute", &attr) == SHALE_ENOENT);
    MUST(conform_unlink(c->dir, "relative") == 0);
    MUST(conform_unlink(c->dir, "absolute") == 0);
    MUST(conform_unlink(c->dir, "here") == 0);
    MUST(conform_unlink(c->dir, "round") == 0);
    return NULL;
}

static const char *devices(struct conform *c)
{
    const struct shale_node node = {
        .mode = SHALE_S_IFBLK | 0600u, .rdev_major = 8, .rdev_minor = 300,
    };
    struct shale_vnode *device;
    struct shale_attr attr;
    int err = shale_create(c->dir, "d", 1, &node, &device);

    MUST(err == (c->unix_files ? 0 : SHALE_ENOTSUP));
    if (err)
        return NULL;
    MUST(shale_getattr(device, &attr) == 0);
    MUST(attr.rdev_major == 8 && attr.rdev_minor == 300);
    shale_vnode_put(device);
    MUST(conform_unlink(c->dir, "d") == 0);
    return NULL;
}

static const char *extended_attributes(struct conform *c)
{
    static const char name[] = "user.colour";
    struct shale_vnode *file;
    char value[16];
    int err;

    MUST(conform_make(c->dir, "f", CONFORM_FILE, &file) == 0);
    MUST(shale_getxattr(file, name, value, sizeof value) < 0);
    err = shale_setxattr(file, name, "red", 3, SHALE_XATTR_REPLACE);
    MUST(err == SHALE_ENODATA || err == SHALE_ENOTSUP);
    if (err == SHALE_ENODATA) {
        MUST(shale_setxattr(file, name, "red", 3, SHALE_XATTR_CREATE) == 0);
        MUST(shale_setxattr(file, name, "blue", 4, SHALE_XATTR_CREATE) ==
             SHALE_EEXIST);
        MUST(shale_setxattr(file, name, "blue", 4, 0) == 0);
        MUST(shale_getxattr(file, name, NULL, 0) == 4);
        MUST(shale_getxattr(file, name, value, 3) == SHALE_ERANGE);
        MUST(shale_getxattr(file, name, value, sizeof value) == 4);
        MUST(memcmp(value, "blue", 4) == 0);
        MUST(shale_listxattr(file, value, sizeof value) == sizeof name);
        MUST(conform_equal(value, name));
        MUST(shale_removexattr(file, name) == 0);
        MUST(shale_removexattr(file, name) == SHALE_ENODATA);
        MUST(shale_listxattr(file, value, sizeof value) == 0);
    }
    shale_vnode_put(file);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

const struct conform_case conform_meta_cases[] = {
    { "times are kept", times_are_kept },
    { "modes and owners", modes_and_owners },
    { "hard links", hard_links },
    { "symlinks", symlinks },
    { "symlinks are followed", symlinks_are_followed },
    { "devices", devices },
    { "extended attributes", extended_attributes },
    { NULL, NULL },
};
