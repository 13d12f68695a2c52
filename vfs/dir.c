/*
 * dir.c - finding names and listing directories
 *
 * Drivers know names only. "." and ".." are made here, for every format alike,
 * and come first in a listing. The cookies of a listing are therefore:
 *
 *     0           before "."
 *     1           after "."
 *     2           after "..", where the driver's cookie 0 is
 *     2 + c       the driver's cookie c
 */
#include "memfn.h"
#include "room.h"

#define DRIVER_COOKIES 2u
#define COOKIE_END ((uint64_t)1 << 62)  /* a driver's are below */

/* ------------------------------------------------------------- lookup */

static bool is_dot(const char *name, size_t len)
{
    return len == 1 && name[0] == '.';
}

static bool is_dot_dot(const char *name, size_t len)
{
    return len == 2 && name[0] == '.' && name[1] == '.';
}

bool dir_is_dots(const char *name, size_t len)
{
    return is_dot(name, len) || is_dot_dot(name, len);
}

int dir_check_name(const struct shale_fs *fs, const char *name, size_t len)
{
    size_t max = fs->ops->name_max ? fs->ops->name_max : SHALE_NAME_MAX;

    if (len == 0)
        return SHALE_EINVAL;
    if (len > max)
        return SHALE_ENAMETOOLONG;
    for (size_t i = 0; i < len; i++)
        if (name[i] == '/' || name[i] == '\0')
            return SHALE_EINVAL;
    return 0;
}

/* The number of what is called NAME in DIR, with the volume's lock held. */
static int find_locked(struct shale_vnode *dir, const char *name, size_t len,
                       uint64_t *ino)
{
    struct shale_fs *fs = dir->fs;

    /* The root is its own parent, whatever the volume says. */
    if (is_dot(name, len) ||
        (is_dot_dot(name, len) && dir->ino == fs->root_ino)) {
        *ino = dir->ino;
        return 0;
    }
    if (is_dot_dot(name, len))
        return fs->ops->parent ? fs->ops->parent(dir, ino) : SHALE_ENOTSUP;
    return fs->ops->lookup ? fs->ops->lookup(dir, name, len, ino)
                           : SHALE_ENOTSUP;
}

/*
 * What finding NAME in DIR comes to, once ERR was the answer about the inode
 * it led to, and TYPE that inode's type.
 */
static int entry_error(struct shale_vnode *dir, const char *name, size_t len,
                       int err, enum shale_type type)
{
    /* From a number that the user gives it is stale; here the volume lies. */
    if (err == SHALE_ESTALE)
        return shale_corrupt_inode(dir->fs, "vfs: an entry of the directory "
                                   "names an inode that is not in use",
                                   SHALE_NOWHERE, dir->ino);
    if (!err && is_dot_dot(name, len) && type != SHALE_TYPE_DIR)
        return shale_corrupt_inode(dir->fs,
                                   "vfs: the directory's \"..\" is none",
                                   SHALE_NOWHERE, dir->ino);
    return err;
}

/* 0 if DIR is a directory and NAME can be in it. */
static int check_lookup(const struct shale_vnode *dir, const char *name,
                        size_t len)
{
    return dir->type == SHALE_TYPE_DIR ? dir_check_name(dir->fs, name, len)
                                       : SHALE_ENOTDIR;
}

int dir_find_locked(struct shale_vnode *dir, const char *name, size_t len,
                    struct shale_vnode **out)
{
    struct shale_vnode *vn = NULL;
    uint64_t ino;
    int err = find_locked(dir, name, len, &ino);

    if (err)
        return err;
    err = vnode_find(dir->fs, ino, &vn);
    err = entry_error(dir, name, len, err, vn ? vn->type : SHALE_TYPE_UNKNOWN);
    /* What a driver calls a file that is nameless is nobody's business. */
    if (!err && vn->orphan && !dir_is_dots(name, len))
        err = SHALE_ENOENT;
    if (err)
        vnode_put_locked(vn);
    else
        *out = vn;
    return err;
}

int shale_lookup(struct shale_vnode *dir, const char *name, size_t len,
                 struct shale_vnode **out)
{
    int err = check_lookup(dir, name, len);
    struct visit v;

    if (err)
        return err;
    visit_shared(&v, dir->fs);
    do
        err = dir_find_locked(dir, name, len, out);
    while (visit_again(&v, err));
    return err;
}

int shale_lookup_attr(struct shale_vnode *dir, const char *name, size_t len,
                      struct shale_attr *out)
{
    struct shale_attr attr = { .mode = 0 };
    int err = check_lookup(dir, name, len);
    struct visit v;
    uint64_t ino;

    if (err)
        return err;
    visit_shared(&v, dir->fs);
    do {
        err = find_locked(dir, name, len, &ino);
        if (!err) {
            err = attr_of_ino_locked(dir->fs, ino, &attr);
            err = entry_error(dir, name, len, err,
                              shale_type_of_mode(attr.mode));
        }
    } while (visit_again(&v, err));
    if (!err)
        *out = attr;
    return err;
}

/* ------------------------------------------------------------ listing */

/*
 * Entries whose attributes are wanted, together: so that the driver can read
 * what these take in an order that suits the device.
 */
#define BATCH_ENTRIES 128u
#define BATCH_NAMES 6144u       /* bytes */
#define BLOCK_USUAL 4096u       /* bytes, of the buffer cache */

struct batch {
    size_t count;               /* entries */
    size_t used;                /* bytes of names */
    struct shale_dirent entries[BATCH_ENTRIES];
    uint64_t numbers[BATCH_ENTRIES];
    char names[BATCH_NAMES];
};

_Static_assert(BATCH_NAMES >= SHALE_NAME_MAX, "room for any name");

/* A listing on its way from the driver to the caller. */
struct listing {
    struct shale_fs *fs;
    bool want_attr;
    size_t batch_most;          /* entries to put together; below 2: none */
    struct batch *batch;        /* made when the first comes; or NULL */
    struct shale_attr attr;     /* of the entry at hand */
    shale_emit_fn *emit;        /* the caller's */
    void *context;
    uint64_t next;              /* cookie after the last entry taken */
    bool stopped;               /* by the caller */
};

/*
 * Find the attributes of ENTRY. An error if its inode cannot be read, or is
 * another file's by now.
 */
static int listing_attr(struct listing *listing,
                        const struct shale_dirent *entry)
{
    int err = attr_of_ino_locked(listing->fs, entry->ino, &listing->attr);

    if (!err && entry->generation != 0 &&
        entry->generation != listing->attr.generation)
        err = shale_corrupt_inode(listing->fs, "vfs: an entry of a directory "
                                  "means an earlier file of that number",
                                  SHALE_NOWHERE, entry->ino);
    return err;
}

/* Give ENTRY, whose cookie is the caller's, with attributes if wanted. */
static int listing_give(struct listing *listing, struct shale_dirent *entry)
{
    int r = listing->want_attr ? listing_attr(listing, entry) : 0;

    /* One bad inode must not hide the rest of its directory. */
    if (r == SHALE_ENOMEM)
        return r;
    entry->attr = listing->want_attr && !r ? &listing->attr : NULL;
    if (entry->attr && entry->type == SHALE_TYPE_UNKNOWN)
        entry->type = shale_type_of_mode(listing->attr.mode);
    r = listing->emit(listing->context, entry);
    listing->stopped = r != 0;
    if (!r)
        listing->next = entry->next;
    return r;
}

/* Give the entries put together so far. */
static int batch_give(struct listing *listing)
{
    struct batch *batch = listing->batch;
    size_t count = batch ? batch->count : 0;
    int r = 0;

    if (count > 1)
        listing->fs->ops->ahead(listing->fs, batch->numbers, count);
    for (size_t i = 0; i < count && !r; i++)
        r = listing_give(listing, &batch->entries[i]);
    if (batch)
        batch->count = batch->used = 0;
    return r;
}

/* Put ENTRY to the others, having given these if there is no room. */
static int batch_add(struct listing *listing,
                     const struct shale_dirent *entry)
{
    struct batch *batch = listing->batch;
    struct shale_dirent *kept;
    int r = 0;

    if (batch->count == listing->batch_most ||
        entry->len > BATCH_NAMES - batch->used)
        r = batch_give(listing);
    if (r)
        return r;
    batch->numbers[batch->count] = entry->ino;
    kept = &batch->entries[batch->count++];
    *kept = *entry;
    kept->name = batch->names + batch->used;
    kept->next += DRIVER_COOKIES;
    memcpy(batch->names + batch->used, entry->name, entry->len);
    batch->used += entry->len;
    return 0;
}

/* Give its memory back. After a lack of it there is to be none. */
static void batch_free(struct listing *listing)
{
    shale_free(listing->fs->mem, listing->batch, sizeof *listing->batch);
    listing->batch = NULL;
    listing->batch_most = 0;
}

/* Give a driver's ENTRY at once. */
static int entry_give(struct listing *listing,
                      const struct shale_dirent *entry)
{
    struct shale_dirent e = *entry;

    e.next += DRIVER_COOKIES;
    return listing_give(listing, &e);
}

/* Take an entry, and a cookie, of the driver's. */
static int listing_emit(void *context, const struct shale_dirent *entry)
{
    struct listing *listing = context;

    if (listing->batch_most > 1 && !listing->batch) {
        listing->batch = shale_alloc(listing->fs->mem, sizeof *listing->batch);
        if (listing->batch)
            listing->batch->count = listing->batch->used = 0;
        else
            listing->batch_most = 0;
    }
    return listing->batch ? batch_add(listing, entry)
                          : entry_give(listing, entry);
}

/* Give "." or "..", as many DOTS, which stand for directory INO. Not inlined,
   as the stack below a listing of all else is to be small. */
static __attribute__((noinline)) int
emit_dots(struct listing *listing, uint64_t ino, unsigned dots)
{
    struct shale_dirent entry = {
        .name = "..", .len = dots, .ino = ino, .next = dots,
        .type = SHALE_TYPE_DIR,
    };

    return listing_give(listing, &entry);
}

static int iterate_locked(struct shale_vnode *dir, struct listing *listing)
{
    int r = 0, given = 0;
    uint64_t parent;

    if (listing->next == 0)
        r = emit_dots(listing, dir->ino, 1);
    if (!r && listing->next == 1) {
        /* A lost parent must not hide what is in DIR. */
        r = find_locked(dir, "..", 2, &parent);
        if (r == SHALE_ENOMEM)
            return r;
        r = emit_dots(listing, r ? dir->ino : parent, 2);
    }
    if (r)
        return r;
    r = dir->fs->ops->iterate(dir, listing->next - DRIVER_COOKIES,
                              listing_emit, listing);
    if (!listing->stopped)
        given = batch_give(listing);
    return given ? given : r;
}

/* As many as a quarter of the cache can hold the inodes of, scattered. */
static size_t batch_most(const struct shale_fs *fs)
{
    size_t most = fs->state->cache_bytes / 4 / BLOCK_USUAL;

    return most < BATCH_ENTRIES ? most : BATCH_ENTRIES;
}

int shale_iterate(struct shale_vnode *dir, uint64_t cookie, unsigned flags,
                  shale_emit_fn *emit, void *context)
{
    struct listing listing = {
        .fs = dir->fs, .want_attr = (flags & SHALE_ITERATE_ATTR) != 0,
        .emit = emit, .context = context, .next = cookie,
    };
    struct visit v;
    int r;

    if (dir->type != SHALE_TYPE_DIR)
        return SHALE_ENOTDIR;
    if (!dir->fs->ops->iterate)
        return SHALE_ENOTSUP;
    if (cookie >= COOKIE_END + DRIVER_COOKIES)
        return SHALE_EINVAL;

    if (listing.want_attr && dir->fs->ops->ahead)
        listing.batch_most = batch_most(dir->fs);

    visit_shared(&v, dir->fs);
    do {
        uint64_t before = listing.next;

        r = iterate_locked(dir, &listing);
        batch_free(&listing);
        if (listing.next != before)
            visit_got_on(&v);
    } while (visit_again(&v, listing.stopped ? 0 : r));
    return r;
}
