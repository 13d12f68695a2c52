/*
 * dumptree.c - the tree of an image, through the library, as dump.h says
 *
 * On the way it holds the library to its word: listings agree with lookups,
 * listed attributes with asked ones, cookies resume where they say, and
 * nothing is left allocated. Anything wrong ends the program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dump.h"
#include "volume.h"

enum {
    BATCH = 97,                 /* entries to take from a listing at once */
    XATTR_MAX = 1 << 17,
};

struct name {
    char text[SHALE_NAME_MAX + 1];
    size_t len;
    uint64_t ino;
    enum shale_type type;
    bool has_attr;
    struct shale_attr attr;
};

struct names {
    struct name *all;
    size_t count, room, limit;
    uint64_t next;
};

/* A directory still to be listed. */
struct todo {
    struct todo *next;
    uint64_t ino, parent;
    char *path;
};

static struct volume volume;
static struct dump dump;
static struct todo *todo;
static char names_buf[XATTR_MAX], value[XATTR_MAX];

static void *must(void *ptr)
{
    if (!ptr)
        dump_die("out of memory");
    return ptr;
}

static void must_work(const char *path, const char *call, int64_t err)
{
    if (err < 0)
        dump_die("%s: %s: %s%s%s", path, call, shale_strerror((int)err),
                 volume.said[0] ? ": " : "", volume.said);
}

static void read_at(void *file, void *buf, size_t len, uint64_t offset)
{
    int64_t got = shale_read(file, buf, len, offset);

    must_work("a file", "read", got);
    if ((uint64_t)got != len)
        dump_die("a file is too short");
}

static int64_t seek(void *file, uint64_t offset, bool hole)
{
    int64_t at = hole ? shale_seek_hole(file, offset)
                      : shale_seek_data(file, offset);

    if (at == SHALE_ENXIO)
        return -1;
    must_work("a file", "seek", at);
    return at;
}

static void take_xattrs(struct dump_node *node, struct shale_vnode *vn)
{
    int64_t len = shale_listxattr(vn, names_buf, sizeof names_buf);

    if (len == SHALE_ENOTSUP)
        return;
    must_work(node->path, "listxattr", len);
    if (shale_listxattr(vn, NULL, 0) != len)
        dump_die("%s: listxattr gives two lengths", node->path);
    for (int64_t at = 0; at < len; at += (int64_t)strlen(names_buf + at) + 1) {
        const char *name = names_buf + at;
        int64_t size = shale_getxattr(vn, name, NULL, 0);

        must_work(node->path, name, size);
        if (size > (int64_t)sizeof value)
            continue;           /* longer than any that Linux can show */
        if (shale_getxattr(vn, name, value, sizeof value) != size)
            dump_die("%s: %s has two lengths", node->path, name);
        dump_xattr(node, name, value, (size_t)size);
    }
}

static void take_data(struct dump_node *node, struct shale_vnode *vn)
{
    static char target[SHALE_PATH_MAX + 1];
    struct dump_source source = {
        .file = vn, .size = node->size, .read = read_at, .seek = seek,
    };
    int64_t len;

    switch (shale_vnode_type(vn)) {
    case SHALE_TYPE_FILE:
        node->data = dump_hash(&dump, &source);
        if (dump.options.holes)
            node->ranges = dump_ranges(&source);
        break;
    case SHALE_TYPE_SYMLINK:
        len = shale_readlink(vn, target, sizeof target);
        must_work(node->path, "readlink", len);
        node->data = dump_target(target, (size_t)len);
        break;
    default:
        node->data = must(strdup("-"));
        break;
    }
}

static void take_node(struct shale_vnode *vn, const char *path,
                      struct shale_attr *attr)
{
    struct dump_node node = { .path = must(strdup(path)) };

    must_work(path, "getattr", shale_getattr(vn, attr));
    if (attr->ino != shale_vnode_ino(vn) ||
        shale_type_of_mode(attr->mode) != shale_vnode_type(vn))
        dump_die("%s: vnode and attributes differ", path);
    node.ino = attr->ino;
    node.size = attr->size;
    node.links = attr->links;
    node.mode = attr->mode;
    node.uid = attr->uid;
    node.gid = attr->gid;
    node.rdev_major = attr->rdev_major;
    node.rdev_minor = attr->rdev_minor;
    node.mtime = attr->mtime;
    node.atime = attr->atime;
    node.ctime = attr->ctime;
    take_xattrs(&node, vn);
    take_data(&node, vn);
    dump_add(&dump, &node);
}

/* ------------------------------------------------------------- listing */

static int take_name(void *context, const struct shale_dirent *entry)
{
    struct names *names = context;
    struct name *name;

    if (names->count == names->limit)
        return 1;               /* not taken: the next batch begins with it */
    if (names->count == names->room) {
        names->room = names->room * 2 + BATCH;
        names->all = must(realloc(names->all,
                                  names->room * sizeof *names->all));
    }
    name = &names->all[names->count++];
    memset(name, 0, sizeof *name);
    memcpy(name->text, entry->name, entry->len);
    name->len = entry->len;
    name->ino = entry->ino;
    name->type = entry->type;
    if (entry->attr) {
        name->has_attr = true;
        name->attr = *entry->attr;
    }
    names->next = entry->next;
    return 0;
}

static void list(struct shale_vnode *dir, const char *path,
                 struct names *names)
{
    int more = 1;

    while (more) {
        names->limit = names->count + BATCH;
        more = shale_iterate(dir, names->next, SHALE_ITERATE_ATTR, take_name,
                             names);
        must_work(path, "iterate", more);
    }
}

static bool same_time(struct shale_time a, struct shale_time b)
{
    return a.sec == b.sec && a.nsec == b.nsec;
}

static bool same_attr(const struct shale_attr *a, const struct shale_attr *b)
{
    return a->ino == b->ino && a->size == b->size &&
           a->allocated == b->allocated && a->mode == b->mode &&
           a->uid == b->uid && a->gid == b->gid && a->links == b->links &&
           a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor &&
           a->generation == b->generation && a->flags == b->flags &&
           same_time(a->atime, b->atime) && same_time(a->mtime, b->mtime) &&
           same_time(a->ctime, b->ctime) && same_time(a->btime, b->btime);
}

static void push(uint64_t ino, uint64_t parent, char *path)
{
    struct todo *more = must(malloc(sizeof *more));

    *more = (struct todo){ todo, ino, parent, path };
    todo = more;
}

static void take_entry(struct shale_vnode *dir, const char *dir_path,
                       const struct name *name)
{
    char *path = dump_join(dir_path, name->text, name->len);
    struct shale_vnode *vn;
    struct shale_attr attr;

    must_work(path, "lookup", shale_lookup(dir, name->text, name->len, &vn));
    take_node(vn, path, &attr);
    if (attr.ino != name->ino)
        dump_die("%s: lookup and listing differ", path);
    if (name->type != SHALE_TYPE_UNKNOWN &&
        name->type != shale_vnode_type(vn))
        dump_die("%s: the listing has another type", path);
    if (!name->has_attr || !same_attr(&name->attr, &attr))
        dump_die("%s: the listing has other attributes", path);
    if (shale_vnode_type(vn) == SHALE_TYPE_DIR)
        push(attr.ino, shale_vnode_ino(dir), must(strdup(path)));
    shale_vnode_put(vn);
    free(path);
}

static void take_dir(const struct todo *at)
{
    struct names names = { 0 };
    struct shale_vnode *dir;

    must_work(at->path, "get", shale_vnode_get(volume.fs, at->ino, &dir));
    list(dir, at->path, &names);
    if (names.count < 2 || strcmp(names.all[0].text, ".") != 0 ||
        strcmp(names.all[1].text, "..") != 0)
        dump_die("%s: a listing does not begin with . and ..", at->path);
    if (names.all[0].ino != at->ino || names.all[1].ino != at->parent)
        dump_die("%s: . or .. is somewhere else", at->path);
    for (size_t i = 2; i < names.count; i++)
        take_entry(dir, at->path, &names.all[i]);
    free(names.all);
    shale_vnode_put(dir);
}

static uint64_t offset;
static const char *options, *type;

static void take_option(int letter, const char *text)
{
    if (letter == 'o')
        options = text;
    else if (letter == 't')
        type = text;
    else
        offset = strtoull(text, NULL, 0);
}

int main(int argc, char **argv)
{
    static const char usage[] =
        "dumptree [-sHdb] [-o OPTIONS] [-O OFFSET] [-t TYPE] IMAGE";
    struct shale_vnode *root;
    struct shale_attr attr;
    size_t leaked;
    int at = dump_getopt(argc, argv, "o:O:t:", usage, take_option,
                         &dump.options);

    if (at != argc - 1)
        dump_die("usage: %s", usage);
    if (volume_of_file(&volume, argv[at], offset))
        dump_die("%s: %s", argv[at], strerror(errno));
    volume.type = type;
    must_work(argv[at], "mount", volume_mount(&volume, options));
    must_work("/", "get", shale_vnode_get(volume.fs,
                                          shale_root_ino(volume.fs), &root));
    take_node(root, "", &attr);
    shale_vnode_put(root);
    push(attr.ino, attr.ino, must(strdup("")));
    while (todo) {
        struct todo *now = todo;

        todo = now->next;
        take_dir(now);
        free(now->path);
        free(now);
    }
    if (volume.events > 0 && volume.said[0])
        dump_die("%s: %s", argv[at], volume.said);
    leaked = volume_close(&volume);
    if (leaked > 0)
        dump_die("%s: %zu bytes were left allocated", argv[at], leaked);
    dump_print(&dump);
    return 0;
}
