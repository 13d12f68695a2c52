/*
 * look.c - what is so on every volume, whatever is on it
 *
 * Directories wait in a list, by their numbers, and are seen once each.
 */
#include "conform.h"

#include "vfs/memfn.h"

enum { DIRS = 512, BATCH = 7 };

struct name {
    char text[SHALE_NAME_MAX + 1];
    size_t len;
    uint64_t ino, next;
    enum shale_type type;
    bool has_attr;
    struct shale_attr attr;
};

struct look {
    struct conform *c;
    const char *(*check)(struct look *look, const struct name *name,
                         struct shale_vnode *vn);
    uint64_t dirs[DIRS];        /* those met so far */
    unsigned dir_count;
    uint64_t cookie;            /* of the listing */
    struct name names[BATCH];   /* a part of it */
    unsigned count;
};

static void dir_met(struct look *look, uint64_t ino)
{
    for (unsigned i = 0; i < look->dir_count; i++)
        if (look->dirs[i] == ino)
            return;
    if (look->dir_count < DIRS)
        look->dirs[look->dir_count++] = ino;
}

/* The entry after BATCH others is not taken: the listing goes on with it. */
static int take(void *context, const struct shale_dirent *entry)
{
    struct look *look = context;
    struct name *name = &look->names[look->count];

    if (look->count == BATCH)
        return 1;
    memcpy(name->text, entry->name, entry->len);
    name->text[entry->len] = '\0';
    name->len = entry->len;
    name->ino = entry->ino;
    name->type = entry->type;
    name->has_attr = entry->attr != NULL;
    if (entry->attr)
        name->attr = *entry->attr;
    look->cookie = entry->next;
    look->count++;
    return 0;
}

static const char *check_name(struct look *look, struct shale_vnode *dir,
                              const struct name *name)
{
    struct shale_vnode *vn;
    const char *wrong;

    MUST(shale_lookup(dir, name->text, name->len, &vn) == 0);
    if (shale_vnode_type(vn) == SHALE_TYPE_DIR)
        dir_met(look, shale_vnode_ino(vn));
    wrong = look->check(look, name, vn);
    shale_vnode_put(vn);
    return wrong;
}

static const char *check_dir(struct look *look, struct shale_vnode *dir)
{
    bool first = true;
    int more = 1;

    look->cookie = 0;
    while (more) {
        unsigned from = 0;

        look->count = 0;
        more = shale_iterate(dir, look->cookie, SHALE_ITERATE_ATTR, take,
                             look);
        MUST(more >= 0);
        if (first) {
            MUST(look->count >= 2);
            MUST(conform_equal(look->names[0].text, "."));
            MUST(conform_equal(look->names[1].text, ".."));
            MUST(look->names[0].ino == shale_vnode_ino(dir));
            from = 2;
        }
        first = false;
        for (unsigned i = from; i < look->count; i++) {
            const char *wrong = check_name(look, dir, &look->names[i]);

            if (wrong)
                return wrong;
        }
    }
    return NULL;
}

static const char *each_dir(struct look *look)
{
    for (unsigned i = 0; i < look->dir_count; i++) {
        struct shale_vnode *dir;
        const char *wrong;

        MUST(shale_vnode_get(look->c->fs, look->dirs[i], &dir) == 0);
        wrong = check_dir(look, dir);
        shale_vnode_put(dir);
        if (wrong)
            return wrong;
    }
    return NULL;
}

/* Tell CHECK of every name on the volume. */
static const char *each_name(struct conform *c,
                             const char *(*check)(struct look *look,
                                                  const struct name *name,
                                                  struct shale_vnode *vn))
{
    struct look *look = shale_zalloc(c->mem, sizeof *look);
    const char *wrong;

    MUST(look != NULL);
    look->c = c;
    look->check = check;
    dir_met(look, shale_root_ino(c->fs));
    wrong = each_dir(look);
    shale_free(c->mem, look, sizeof *look);
    return wrong;
}

/* ------------------------------------------------------------------- cases */

static bool same_time(struct shale_time a, struct shale_time b)
{
    return a.sec == b.sec && a.nsec == b.nsec;
}

static const char *check_attr(struct look *look, const struct name *name,
                              struct shale_vnode *vn)
{
    struct shale_attr attr, by_ino;

    MUST(shale_getattr(vn, &attr) == 0);
    MUST(attr.ino == name->ino && attr.ino == shale_vnode_ino(vn));
    MUST(shale_type_of_mode(attr.mode) == shale_vnode_type(vn));
    MUST(name->type == SHALE_TYPE_UNKNOWN ||
         name->type == shale_vnode_type(vn));
    MUST(name->has_attr);
    MUST(name->attr.size == attr.size && name->attr.mode == attr.mode);
    MUST(name->attr.links == attr.links && name->attr.uid == attr.uid);
    MUST(same_time(name->attr.mtime, attr.mtime));
    MUST(shale_getattr_ino(look->c->fs, attr.ino, &by_ino) == 0);
    MUST(by_ino.size == attr.size && by_ino.mode == attr.mode);
    return NULL;
}

static const char *listings_agree(struct conform *c)
{
    return each_name(c, check_attr);
}

/* A sum of the file's bytes, read in pieces of PIECE bytes. */
static const char *sum_of(struct conform *c, struct shale_vnode *vn,
                          size_t piece, uint64_t *sum, uint64_t *size)
{
    int64_t got;

    *sum = 0xcbf29ce484222325u;
    *size = 0;
    while ((got = shale_read(vn, c->bytes, piece, *size)) > 0) {
        for (int64_t i = 0; i < got; i++)
            *sum = (*sum ^ c->bytes[i]) * 0x100000001b3u;
        *size += (uint64_t)got;
    }
    MUST(got == 0);
    return NULL;
}

static const char *check_data(struct look *look, const struct name *name,
                              struct shale_vnode *vn)
{
    struct conform *c = look->c;
    uint64_t large, small, size, again, real = conform_size(vn);
    int64_t len;

    if (shale_vnode_type(vn) == SHALE_TYPE_SYMLINK) {
        len = shale_readlink(vn, (char *)c->bytes, SHALE_PATH_MAX);
        MUST(len > 0 && c->bytes[len] == '\0');
        MUST(shale_readlink(vn, (char *)c->bytes, (size_t)len) ==
             SHALE_ERANGE);
    }
    if (shale_vnode_type(vn) == SHALE_TYPE_DIR)
        MUST(shale_read(vn, c->bytes, 1, 0) == SHALE_EISDIR);
    /* Two gigabytes of holes prove nothing more than a few of them. */
    if (shale_vnode_type(vn) != SHALE_TYPE_FILE || real > 16u << 20)
        return NULL;
    (void)name;
    if (sum_of(c, vn, CONFORM_ROOM, &large, &size) ||
        sum_of(c, vn, 2999, &small, &again))
        return "a file that cannot be read";
    MUST(size == real && again == real && large == small);
    MUST(shale_read(vn, c->bytes, 10, real) == 0);
    MUST(shale_read(vn, c->bytes, 10, real + 12345) == 0);
    return NULL;
}

static const char *pieces_agree(struct conform *c)
{
    return each_name(c, check_data);
}

static const char *check_map(struct look *look, const struct name *name,
                             struct shale_vnode *vn)
{
    uint64_t size = conform_size(vn), at = 0;
    struct shale_extent extent;

    (void)look;
    (void)name;
    if (shale_vnode_type(vn) != SHALE_TYPE_FILE)
        return NULL;
    while (at < size) {
        MUST(shale_map(vn, at, size - at, &extent) == 0);
        MUST(extent.offset == at && extent.length > 0);
        MUST(extent.length <= size - at);
        at += extent.length;
    }
    MUST(shale_map(vn, size, 1, &extent) == SHALE_ENXIO);
    return NULL;
}

static const char *extents_cover_files(struct conform *c)
{
    return each_name(c, check_map);
}

static const char *what_is_not_there(struct conform *c)
{
    struct shale_vnode *root, *vn;
    struct shale_attr attr;

    MUST(shale_vnode_get(c->fs, shale_root_ino(c->fs), &root) == 0);
    MUST(conform_lookup(root, "no such name", &vn) == SHALE_ENOENT);
    MUST(shale_lookup(root, "", 0, &vn) == SHALE_EINVAL);
    MUST(shale_lookup(root, "a/b", 3, &vn) == SHALE_EINVAL);
    MUST(shale_lookup(root, "a\0b", 3, &vn) == SHALE_EINVAL);
    memset(c->bytes, 'x', SHALE_NAME_MAX + 1);
    MUST(shale_lookup(root, (const char *)c->bytes, SHALE_NAME_MAX + 1,
                      &vn) == SHALE_ENAMETOOLONG);
    shale_vnode_put(root);
    MUST(shale_stat(c->fs, "/no/such/name", &attr) == SHALE_ENOENT);
    MUST(shale_vnode_get(c->fs, UINT64_MAX, &vn) == SHALE_ESTALE);
    return NULL;
}

static const char *the_root_is_its_parent(struct conform *c)
{
    static const char *const paths[] = {
        "/", ".", "..", "/..", "//", "/../..", "/./../.",
    };
    struct shale_attr attr;

    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct shale_vnode *vn;

        MUST(shale_walk(c->fs, NULL, paths[i], 0, &vn) == 0);
        MUST(shale_vnode_ino(vn) == shale_root_ino(c->fs));
        MUST(shale_getattr(vn, &attr) == 0);
        MUST((attr.mode & SHALE_S_IFMT) == SHALE_S_IFDIR);
        shale_vnode_put(vn);
    }
    return NULL;
}

static const char *counts_make_sense(struct conform *c)
{
    struct shale_statfs st;

    MUST(shale_statfs(c->fs, &st) == 0);
    MUST(st.block_size >= 512 && (st.block_size & (st.block_size - 1)) == 0);
    MUST(st.blocks > 0 && st.blocks_free <= st.blocks);
    MUST(st.blocks_available <= st.blocks_free);
    MUST(st.files_free <= st.files || st.files == 0);
    MUST(st.name_max >= 255 && st.name_max <= SHALE_NAME_MAX);
    return NULL;
}

static const char *in_use_is_busy(struct conform *c)
{
    struct shale_vnode *root;

    MUST(shale_vnode_get(c->fs, shale_root_ino(c->fs), &root) == 0);
    MUST(shale_unmount(c->fs) == SHALE_EBUSY);
    shale_vnode_put(root);
    return NULL;
}

static const char *read_only_stays_as_it_is(struct conform *c)
{
    const struct shale_setattr what = { .valid = SHALE_SET_MODE };
    struct shale_vnode *root;

    if (!shale_fs_read_only(c->fs))
        return NULL;
    MUST(shale_vnode_get(c->fs, shale_root_ino(c->fs), &root) == 0);
    MUST(conform_make(root, "new", CONFORM_FILE, NULL) == SHALE_EROFS);
    MUST(conform_make(root, "new", CONFORM_DIR, NULL) == SHALE_EROFS);
    MUST(conform_unlink(root, "old") == SHALE_EROFS);
    MUST(conform_rmdir(root, "old") == SHALE_EROFS);
    MUST(conform_rename(root, "old", root, "new", 0) == SHALE_EROFS);
    MUST(shale_setattr(root, &what) == SHALE_EROFS);
    shale_vnode_put(root);
    MUST(shale_sync(c->fs) == 0);
    return NULL;
}

const struct conform_case conform_look_cases[] = {
    { "listings agree with lookups", listings_agree },
    { "a file is the same in any pieces", pieces_agree },
    { "extents cover files", extents_cover_files },
    { "what is not there", what_is_not_there },
    { "the root is its own parent", the_root_is_its_parent },
    { "counts make sense", counts_make_sense },
    { "what is in use is busy", in_use_is_busy },
    { "read-only stays as it is", read_only_stays_as_it_is },
    { NULL, NULL },
};
