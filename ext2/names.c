/*
 * names.c - making, linking, removing and renaming files
 *
 * What a name leads to is an inode; here inodes, their counts of links and the
 * directories' records are kept in step. Nothing has an order: what is done in
 * one call is on the device as a whole or not at all, through a journal.
 *
 * A volume that has no room for one is written by rank (shale/tx.h), and a cut
 * may come in between (see order.c). Then a file that was on the device is on
 * it still, by a name, if
 *
 * (1) what takes the place of a file has been on the device before, and so has
 *     the directory that a file comes to;
 * (2) what loses its place keeps its links until its name leads elsewhere;
 * (3) the old name goes last, and no other takes its room in that batch;
 * (4) a name that is not the only one goes when the others are there;
 * (5) a directory goes when nothing is in it on the device.
 *
 * A directory's count is 2, for its name and its ".", and one more for the ".."
 * of each directory in it. Where dir_nlink allows more of these than can be
 * counted, it is 1 from then on and stays so.
 */
#include "ext2.h"
#include "memfn.h"
#include "shale/shale.h"
#include "write.h"

#define LINK_MAX     32000u     /* names of a file; links of a directory ... */
#define DIR_LINK_MAX 65000u     /* ... and with dir_nlink, which counts on to */

static struct ext2_vnode *vnode_of(struct shale_vnode *base)
{
    return (struct ext2_vnode *)base;
}

static uint32_t ino_of(const struct ext2_vnode *vn)
{
    return (uint32_t)vn->base.ino;
}

static bool is_dir(const struct ext2_vnode *vn)
{
    return vn->base.type == SHALE_TYPE_DIR;
}

/* ---------------------------------------------------------- link counts */

static bool uncounted(const struct ext2_vnode *dir)
{
    return ext2_volume_of(dir->base.fs)->super.ro_compat &
           EXT2_RO_COMPAT_DIR_NLINK;
}

/* 0 if one more directory can be in DIR. */
static int check_subdirectory(const struct ext2_vnode *dir)
{
    return dir->inode.links >= LINK_MAX && !uncounted(dir) ? SHALE_EMLINK : 0;
}

/* DIR, noted, has one more directory in it, which was checked. */
static void subdirectory_add(struct ext2_vnode *dir)
{
    if (dir->inode.links == 1)
        return;
    dir->inode.links++;
    if (dir->inode.links >= DIR_LINK_MAX)
        dir->inode.links = 1;
}

/* DIR, noted, has one less. A count that is wrong does not fall below 2. */
static void subdirectory_remove(struct ext2_vnode *dir)
{
    if (dir->inode.links > 2)
        dir->inode.links--;
}

/*
 * VN has lost a name: note, count, store; without one left it is an orphan.
 * A directory has no other names.
 */
static int name_lost(struct ext2_vnode *vn)
{
    int err = ext2_vnode_note(vn);

    if (err)
        return err;
    /* On a damaged volume more names than links may go. */
    vn->inode.links = is_dir(vn) || vn->inode.links == 0 ? 0
                                                         : vn->inode.links - 1;
    ext2_vnode_touch(vn, EXT2_CTIME);
    err = ext2_vnode_store(vn);
    if (!err && vn->inode.links == 0)
        err = ext2_orphan_add(vn);
    return err;
}

/* --------------------------------------------------------------- create */

/* The target of a symlink goes to a block of its own. */
static int target_store(struct ext2_vnode *link, const char *target,
                        size_t len)
{
    struct shale_buf *buf;
    uint32_t index;
    int err = ext2_append_block(link, &buf, &index);

    if (err)
        return err;
    memcpy(buf->data, target, len);
    shale_buf_put(buf);
    link->inode.size = len;
    return ext2_vnode_store(link);
}

/* Put into *FRESH->inode what does not need a block. */
static int node_check(const struct shale_node *node, struct ext2_vnode *fresh)
{
    struct ext2_volume *vol = ext2_volume_of(fresh->base.fs);
    struct ext2_inode *inode = &fresh->inode;

    if (fresh->base.type != SHALE_TYPE_SYMLINK)
        return 0;
    if (node->target_len >= vol->super.block_size)
        return SHALE_ENAMETOOLONG;
    if (node->target_len < sizeof inode->block) {
        memcpy(inode->block, node->target, node->target_len);
        inode->size = node->target_len;
    }
    return 0;
}

/* Make the inode of FRESH, and what is in it. */
static int node_create(struct ext2_vnode *dir, const struct shale_node *node,
                       struct ext2_vnode *fresh)
{
    struct ext2_volume *vol = ext2_volume_of(dir->base.fs);
    uint32_t ino;
    int err = ext2_inode_init(dir, node, &fresh->inode);

    if (!err)
        err = node_check(node, fresh);
    if (!err)
        err = ext2_batch_note(vol, &vol->made_in);
    if (!err)
        err = ext2_inode_take(vol, dir, fresh->inode.mode, &ino);
    if (err)
        return err;
    fresh->base.ino = ino;
    fresh->base.size = fresh->inode.size;
    fresh->base.links = fresh->inode.links;
    err = ext2_inode_create(vol, ino, &fresh->inode);
    if (!err)
        err = ext2_acl_inherit(dir, fresh, node->umask);
    if (err)
        return err;
    if (is_dir(fresh)) {
        err = ext2_new_dir_note(vol, ino);
        return err ? err : ext2_dir_start(fresh, ino_of(dir));
    }
    if (fresh->base.type == SHALE_TYPE_SYMLINK && fresh->inode.size == 0)
        return target_store(fresh, node->target, node->target_len);
    return 0;
}

/* As ext2_create(), in DIR, and FRESH is what it is going to be. */
static int create(struct ext2_vnode *dir, const char *name, size_t len,
                  const struct shale_node *node, struct ext2_vnode *fresh)
{
    int err = ext2_may_add(dir);

    if (!err && is_dir(fresh))
        err = check_subdirectory(dir);
    if (!err && ext2_new_dir_noted(dir))
        err = SHALE_EAGAIN;             /* keeps (1) */
    if (!err)
        err = node_create(dir, node, fresh);
    if (err || len == 0)
        return err;
    err = ext2_dir_insert(dir, name, len, ino_of(fresh), fresh->base.type);
    if (!err)
        err = ext2_vnode_note(dir);
    if (err)
        return err;
    if (is_dir(fresh))
        subdirectory_add(dir);
    ext2_vnode_touch(dir, EXT2_MTIME | EXT2_CTIME);
    return ext2_vnode_store(dir);
}

int ext2_create(struct shale_vnode *base, const char *name, size_t len,
                const struct shale_node *node, uint64_t *out)
{
    struct shale_mem *mem = base->fs->mem;
    struct ext2_vnode *fresh = shale_zalloc(mem, sizeof *fresh);
    int err;

    if (!fresh)                 /* a stack has no room for it */
        return SHALE_ENOMEM;
    fresh->base.fs = base->fs;
    fresh->base.type = shale_type_of_mode(node->mode);
    fresh->fresh = true;
    err = create(vnode_of(base), name, len, node, fresh);
    if (!err)
        *out = fresh->base.ino;
    shale_free(mem, fresh, sizeof *fresh);
    return err;
}

int ext2_unname(struct shale_vnode *vn)
{
    return name_lost(vnode_of(vn));
}

/* ----------------------------------------------------------------- link */

int ext2_link(struct shale_vnode *base, struct shale_vnode *in,
              const char *name, size_t len)
{
    struct ext2_vnode *vn = vnode_of(base), *dir = vnode_of(in);
    struct ext2_volume *vol = ext2_volume_of(base->fs);
    int err = ext2_may_add(dir);

    if (!err)
        err = ext2_may_change(vn);
    if (!err && vn->inode.links >= LINK_MAX)
        err = SHALE_EMLINK;
    if (!err && ext2_new_dir_noted(dir))
        err = SHALE_EAGAIN;             /* keeps (1) */
    if (!err)
        err = ext2_dir_insert(dir, name, len, ino_of(vn), vn->base.type);
    if (!err)
        err = ext2_batch_note(vol, &vol->linked_in);
    if (!err)
        err = ext2_touch(dir, EXT2_MTIME | EXT2_CTIME);
    if (!err && vn->inode.links == 0)
        err = ext2_links_late(vn);
    if (!err && vn->inode.links == 0)
        err = ext2_orphan_remove(vn);
    if (!err)
        err = ext2_vnode_note(vn);
    if (err)
        return err;
    vn->inode.links++;
    ext2_vnode_touch(vn, EXT2_CTIME);
    return ext2_vnode_store(vn);
}

/* --------------------------------------------------------------- remove */

/* 0 if VN may lose its name in DIR. */
static int check_removal(const struct ext2_vnode *dir,
                         const struct ext2_vnode *vn)
{
    int err = ext2_may_change(dir), empty;

    if (!err)
        err = ext2_may_change(vn);
    if (err || !is_dir(vn))
        return err;
    empty = ext2_dir_is_empty(vn);
    return empty < 0 ? empty : empty ? 0 : SHALE_ENOTEMPTY;
}

int ext2_remove(struct shale_vnode *in, const char *name, size_t len,
                struct shale_vnode *base)
{
    struct ext2_vnode *dir = vnode_of(in), *vn = vnode_of(base);
    struct ext2_volume *vol = ext2_volume_of(in->fs);
    int err = check_removal(dir, vn);

    if (err)
        return err;
    if (is_dir(vn) ? ext2_batch_noted(vol, vol->removed_in)
                   : vn->inode.links > 1 &&
                     ext2_batch_noted(vol, vol->linked_in))
        return SHALE_EAGAIN;            /* keeps (4) and (5) */
    err = ext2_batch_note(vol, &vol->removed_in);
    if (!err)
        err = ext2_dir_remove(dir, name, len, false);
    if (!err)
        err = ext2_vnode_note(dir);
    if (err)
        return err;
    if (is_dir(vn))
        subdirectory_remove(dir);
    ext2_vnode_touch(dir, EXT2_MTIME | EXT2_CTIME);
    err = ext2_vnode_store(dir);
    return err ? err : name_lost(vn);
}

/* --------------------------------------------------------------- rename */

/* 0 if nothing forbids it. */
static int check_rename(const struct shale_rename *what)
{
    const struct ext2_vnode *to = vnode_of(what->to), *vn = vnode_of(what->vn);
    int err = ext2_may_change(vnode_of(what->from));

    if (!err)
        err = ext2_may_change(vn);
    if (!err)
        err = ext2_may_add(to);
    if (!err && what->victim)
        err = check_removal(to, vnode_of(what->victim));
    else if (!err && is_dir(vn) && what->from != what->to)
        err = check_subdirectory(to);
    return err;
}

/* The two directories of a rename, maybe one, are about to change. */
static int ends_note(struct ext2_vnode *from, struct ext2_vnode *to)
{
    int err = ext2_vnode_note(from);

    return err || from == to ? err : ext2_vnode_note(to);
}

/* They have changed, now. */
static int ends_store(struct ext2_vnode *from, struct ext2_vnode *to)
{
    int err;

    ext2_vnode_touch(from, EXT2_MTIME | EXT2_CTIME);
    ext2_vnode_touch(to, EXT2_MTIME | EXT2_CTIME);
    err = ext2_vnode_store(from);
    return err || from == to ? err : ext2_vnode_store(to);
}

/* A directory has moved from FROM to TO, which were noted. */
static void ends_count(struct ext2_vnode *from, struct ext2_vnode *to)
{
    if (from == to)
        return;
    subdirectory_remove(from);
    subdirectory_add(to);
}

/* WHAT->vn gets its new name, and loses the old one. */
static int name_move(const struct shale_rename *what)
{
    struct ext2_vnode *from = vnode_of(what->from), *to = vnode_of(what->to);
    struct ext2_vnode *vn = vnode_of(what->vn);
    struct ext2_volume *vol = ext2_volume_of(what->to->fs);
    bool whole = ext2_batch_is_whole(vol);
    int err;

    if (!whole && from == to && !what->victim) {
        int done = ext2_dir_rename(to, what->name, what->len, what->to_name,
                                   what->to_len);

        if (done)
            return done < 0 ? done : 0;
    }
    if (from != to && ext2_batch_noted(vol, vol->made_in))
        return SHALE_EAGAIN;            /* keeps (1) */
    if (what->victim)
        err = ext2_dir_replace(to, what->to_name, what->to_len, ino_of(vn),
                               vn->base.type);
    else
        err = ext2_dir_insert(to, what->to_name, what->to_len, ino_of(vn),
                              vn->base.type);
    if (!err)
        err = ext2_dir_remove(from, what->name, what->len, !whole);
    return err ? err : ext2_batch_note(vol, &vol->moved_in);
}

/* VICTIM is going to lose its place to another. */
static int victim_prepare(struct ext2_vnode *victim)
{
    struct ext2_volume *vol = ext2_volume_of(victim->base.fs);
    int err;

    if (ext2_batch_is_whole(vol))
        return 0;
    if (ext2_batch_noted(vol, vol->made_in) ||
        ext2_batch_noted(vol, vol->linked_in) ||
        (is_dir(victim) && ext2_batch_noted(vol, vol->removed_in)))
        return SHALE_EAGAIN;            /* keeps (1), (4) and (5) */
    err = ext2_batch_note(vol, &victim->replaced_in);
    if (!err && !is_dir(victim) && victim->inode.links == 1)
        err = ext2_park(victim);
    return err ? err : ext2_links_late(victim);
}

int ext2_rename(const struct shale_rename *what)
{
    struct ext2_vnode *from = vnode_of(what->from), *to = vnode_of(what->to);
    struct ext2_vnode *vn = vnode_of(what->vn);
    int err = check_rename(what);

    if (!err && what->victim)
        err = victim_prepare(vnode_of(what->victim));
    if (!err)
        err = name_move(what);
    if (!err && is_dir(vn) && from != to)
        err = ext2_dir_set_parent(vn, ino_of(to));
    if (!err)
        err = ends_note(from, to);
    if (!err) {
        if (is_dir(vn) && what->victim)
            subdirectory_remove(from);
        else if (is_dir(vn))
            ends_count(from, to);
        err = ends_store(from, to);
    }
    if (!err)
        err = ext2_touch(vn, EXT2_CTIME);
    if (!err && what->victim)
        err = name_lost(vnode_of(what->victim));
    return err;
}

/* ------------------------------------------------------------- exchange */

/* 0 if nothing forbids that two files exchange their names. */
static int check_exchange(const struct shale_rename *what)
{
    const struct ext2_vnode *from = vnode_of(what->from);
    const struct ext2_vnode *to = vnode_of(what->to);
    const struct ext2_vnode *a = vnode_of(what->vn);
    const struct ext2_vnode *b = vnode_of(what->victim);
    int err = ext2_may_change(from);

    if (!err)
        err = ext2_may_change(to);
    if (!err)
        err = ext2_may_change(a);
    if (!err)
        err = ext2_may_change(b);
    if (err || from == to || is_dir(a) == is_dir(b))
        return err;
    return check_subdirectory(is_dir(a) ? to : from);
}

/* VN, which was in FROM, is what NAME in TO leads to from now on. */
static int take_place(struct ext2_vnode *vn, const struct ext2_vnode *from,
                      struct ext2_vnode *to, const char *name, size_t len)
{
    int err = ext2_dir_replace(to, name, len, ino_of(vn), vn->base.type);

    if (!err && is_dir(vn) && from != to)
        err = ext2_dir_set_parent(vn, ino_of(to));
    return err ? err : ext2_touch(vn, EXT2_CTIME);
}

int ext2_exchange(const struct shale_rename *what)
{
    struct ext2_vnode *from = vnode_of(what->from), *to = vnode_of(what->to);
    struct ext2_vnode *a = vnode_of(what->vn), *b = vnode_of(what->victim);
    int err;

    if (!ext2_batch_is_whole(ext2_volume_of(what->to->fs)))
        return SHALE_ENOTSUP;
    err = check_exchange(what);
    if (!err)
        err = take_place(a, from, to, what->to_name, what->to_len);
    if (!err)
        err = take_place(b, to, from, what->name, what->len);
    if (!err)
        err = ends_note(from, to);
    if (err)
        return err;
    if (is_dir(a) && !is_dir(b))
        ends_count(from, to);
    else if (is_dir(b) && !is_dir(a))
        ends_count(to, from);
    return ends_store(from, to);
}
