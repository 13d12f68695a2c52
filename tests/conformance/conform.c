/*
 * conform.c - cases are run, and what they have in common
 */
#include "conform.h"

#include "vfs/memfn.h"

static const char place[] = "conformance";

static const struct conform_case *const tables[] = {
    conform_look_cases, conform_data_cases, conform_name_cases,
    conform_meta_cases,
};

const struct conform_case *conform_case(size_t index, bool read_only)
{
    size_t last = read_only ? 1 : sizeof tables / sizeof *tables;

    for (size_t i = 0; i < last; i++)
        for (const struct conform_case *one = tables[i]; one->name; one++)
            if (index-- == 0)
                return one;
    return NULL;
}

/* --------------------------------------------------------------- the runner */

static int get_root(struct shale_fs *fs, struct shale_vnode **out)
{
    return shale_vnode_get(fs, shale_root_ino(fs), out);
}

static const char *place_make(struct conform *c)
{
    struct shale_vnode *root;

    MUST(get_root(c->fs, &root) == 0);
    MUST(conform_make(root, place, CONFORM_DIR, &c->dir) == 0);
    shale_vnode_put(root);
    return NULL;
}

/* The case's directory goes, for which it has to be empty. */
static const char *place_remove(struct conform *c)
{
    struct shale_vnode *root;

    MUST(c->dir != NULL);
    shale_vnode_put(c->dir);
    c->dir = NULL;
    MUST(get_root(c->fs, &root) == 0);
    MUST(conform_rmdir(root, place) == 0);
    shale_vnode_put(root);
    return NULL;
}

const char *conform_run(struct conform *c, const struct conform_case *one)
{
    bool writes = !shale_fs_read_only(c->fs);
    const char *wrong;
    struct shale_statfs st;
    unsigned traits = shale_fs_traits(c->fs);

    MUST(shale_statfs(c->fs, &st) == 0);
    c->block_size = st.block_size;
    c->name_max = st.name_max;
    c->unix_files = !(traits & SHALE_TRAIT_NO_OWNERS);
    c->folds_case = traits & SHALE_TRAIT_FOLDS_CASE;
    c->dir = NULL;
    c->bytes = shale_alloc(c->mem, CONFORM_ROOM);
    MUST(c->bytes != NULL);
    wrong = writes ? place_make(c) : NULL;
    if (!wrong)
        wrong = one->run(c);
    if (!wrong && writes)
        wrong = place_remove(c);
    shale_free(c->mem, c->bytes, CONFORM_ROOM);
    return wrong;
}

int conform_remount(struct conform *c)
{
    struct shale_vnode *root;
    int err;

    shale_vnode_put(c->dir);
    c->dir = NULL;
    err = c->unmount(c);
    if (!err)
        err = c->mount(c);
    if (!err)
        err = get_root(c->fs, &root);
    if (!err) {
        err = conform_lookup(root, place, &c->dir);
        shale_vnode_put(root);
    }
    return err;
}

/* ------------------------------------------------------------------- names */

size_t conform_len(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return len;
}

bool conform_equal(const char *a, const char *b)
{
    size_t len = conform_len(a);

    return len == conform_len(b) && memcmp(a, b, len) == 0;
}

int conform_make(struct shale_vnode *dir, const char *name, uint32_t mode,
                 struct shale_vnode **out)
{
    const struct shale_node node = { .mode = mode };

    return shale_create(dir, name, conform_len(name), &node, out);
}

int conform_lookup(struct shale_vnode *dir, const char *name,
                   struct shale_vnode **out)
{
    return shale_lookup(dir, name, conform_len(name), out);
}

bool conform_is_there(struct shale_vnode *dir, const char *name)
{
    struct shale_attr attr;

    return shale_lookup_attr(dir, name, conform_len(name), &attr) == 0;
}

int conform_unlink(struct shale_vnode *dir, const char *name)
{
    return shale_unlink(dir, name, conform_len(name));
}

int conform_rmdir(struct shale_vnode *dir, const char *name)
{
    return shale_rmdir(dir, name, conform_len(name));
}

int conform_rename(struct shale_vnode *from, const char *name,
                   struct shale_vnode *to, const char *to_name, unsigned flags)
{
    return shale_rename(from, name, conform_len(name), to, to_name,
                        conform_len(to_name), flags);
}

/* -------------------------------------------------------------------- data */

uint64_t conform_size(struct shale_vnode *vn)
{
    struct shale_attr attr;

    return shale_getattr(vn, &attr) ? UINT64_MAX : attr.size;
}

/* The byte at AT of what SEED tells; never 0 but for SEED 0. */
static uint8_t byte_at(unsigned seed, uint64_t at)
{
    if (seed == 0)
        return 0;
    return (uint8_t)((at * 31 + (at >> 8) * 7 + seed * 101u) % 255 + 1);
}

int conform_write(struct conform *c, struct shale_vnode *file, unsigned seed,
                  uint64_t at, uint64_t len)
{
    while (len > 0) {
        size_t part = len < CONFORM_ROOM ? (size_t)len : CONFORM_ROOM;
        int64_t done;

        for (size_t i = 0; i < part; i++)
            c->bytes[i] = byte_at(seed, at + i);
        done = shale_write(file, c->bytes, part, at);
        if (done < 0)
            return (int)done;
        at += (uint64_t)done;
        len -= (uint64_t)done;
    }
    return 0;
}

bool conform_holds(struct conform *c, struct shale_vnode *file, unsigned seed,
                   uint64_t at, uint64_t len)
{
    while (len > 0) {
        size_t part = len < CONFORM_ROOM ? (size_t)len : CONFORM_ROOM;

        if (shale_read(file, c->bytes, part, at) != (int64_t)part)
            return false;
        for (size_t i = 0; i < part; i++)
            if (c->bytes[i] != byte_at(seed, at + i))
                return false;
        at += part;
        len -= part;
    }
    return true;
}
