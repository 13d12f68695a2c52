/*
 * connect.c - directories that cannot be reached, or by two ways
 *
 * By now each directory has the parent that has a name for it, and what its own
 * ".." says. Following parents must lead to the root. Each directory is walked
 * over once: where a walk comes to one that was walked before, it ends.
 */
#include "ext2/check/tree.h"

/* ------------------------------------------------------------ several names */

static int compare_links(const void *a, const void *b)
{
    const struct ext2_tree_link *x = a, *y = b;
    int order = ext2_order(x->child, y->child);

    return order ? order : ext2_order(x->parent, y->parent);
}

/*
 * Is PARENT, who has a name for CHILD, more likely to be the right one than
 * OTHER? One to which ".." leads is; else the lowest, so that the answer does
 * not depend on who came first.
 */
static bool is_better(uint32_t child, uint32_t dotdot, uint32_t parent,
                      uint32_t other)
{
    if (other == 0 || other == child)
        return parent != child;
    if (parent == child || other == dotdot)
        return false;
    return parent == dotdot || parent < other;
}

/* A name of CHILD in PARENT is one too many. */
static void tell_link(struct ext2_check *c, uint32_t child, uint32_t parent)
{
    ext2_tell_there(c, DIR_LINKED, child, .other = parent);
}

/* CHILD has a name in PARENT, besides the one that it is known by. */
static void another_name(struct ext2_check *c, uint32_t child, uint32_t parent)
{
    struct ext2_check_dir *dir = ext2_check_dir_of(c, child);

    if (!dir)
        return;
    if (is_better(child, dir->dotdot, parent, dir->parent)) {
        tell_link(c, child, dir->parent);
        dir->parent = parent;
    } else {
        tell_link(c, child, parent);
    }
}

/* The root is its own parent, and nobody else's name. */
static void settle_root(struct ext2_check *c)
{
    struct ext2_check_dir *root = ext2_check_dir_of(c, EXT2_ROOT_INO);

    if (!root)
        return;
    if (root->parent != 0)
        tell_link(c, EXT2_ROOT_INO, root->parent);
    root->parent = EXT2_ROOT_INO;
}

static void settle_names(struct ext2_check *c)
{
    struct ext2_table *links = &ext2_tree_of(c)->links;

    ext2_table_sort(links, compare_links);
    for (size_t i = 0; i < links->count; i++) {
        const struct ext2_tree_link *link = ext2_table_at(links, i);

        if (link->child == EXT2_ROOT_INO)
            tell_link(c, EXT2_ROOT_INO, link->parent);
        else
            another_name(c, link->child, link->parent);
    }
}

/* ------------------------------------------------------------------ walking */

struct walk {
    struct ext2_check *c;
    struct check_bits *done;    /* judged */
    struct check_bits *now;     /* on the way that is being walked */
};

static uint32_t parent_of(struct ext2_check *c, uint32_t ino)
{
    const struct ext2_check_dir *dir = ext2_check_dir_of(c, ino);

    return dir ? dir->parent : 0;
}

/* The way came back to INO: tell of the lowest of those who go round. */
static void tell_loop(struct ext2_check *c, uint32_t ino)
{
    uint32_t lowest = ino;

    for (uint32_t at = parent_of(c, ino); at != ino; at = parent_of(c, at))
        lowest = at < lowest ? at : lowest;
    if (parent_of(c, lowest) == lowest)
        tell_link(c, lowest, lowest);
    ext2_tell_there(c, DIR_LOOP, lowest,
                    .other = parent_of(c, lowest));
}

/* Walk up from INO, which has not been judged. */
static int walk_up(struct walk *w, uint32_t ino)
{
    uint32_t at = ino, top = 0;
    int err = 0;

    while (!err && at != 0 && at != EXT2_ROOT_INO &&
           !check_bits_has(w->done, at) && !check_bits_has(w->now, at)) {
        err = check_bits_add(w->now, at, 1, NULL);
        top = at;
        at = parent_of(w->c, at);
    }
    if (err)
        return err;
    if (at == 0 && !w->c->unread && !w->c->names_unread)
        ext2_tell_there(w->c, DIR_LOST, top,
                        .other = ext2_check_dir_of(w->c, top)->dotdot);
    else if (at != 0 && at != EXT2_ROOT_INO && check_bits_has(w->now, at))
        tell_loop(w->c, at);

    for (at = ino; !err && at != 0 && check_bits_has(w->now, at);
         at = parent_of(w->c, at)) {
        err = check_bits_remove(w->now, at, 1);
        if (!err)
            err = check_bits_add(w->done, at, 1, NULL);
    }
    return err;
}

/* What ".." of directory INO says, against who has a name for it. */
static void check_dotdot(struct ext2_check *c, uint32_t ino)
{
    const struct ext2_check_dir *dir = ext2_check_dir_of(c, ino);

    if (dir && dir->parent != 0 && dir->dotdot != 0 &&
        dir->dotdot != dir->parent)
        ext2_tell_there(c, DIR_PARENT, ino, .compared = true,
                        .expected = dir->parent, .found = dir->dotdot);
}

static int walk_all(struct walk *w)
{
    struct ext2_check *c = w->c;
    uint64_t count = check_bits_size(c->dirs);
    uint64_t ino = check_bits_next(c->dirs, 1, true);
    int err = check_going(c->check);

    for (; ino < count && !err; ino = check_bits_next(c->dirs, ino + 1, true)) {
        check_dotdot(c, (uint32_t)ino);
        if (ino != EXT2_ROOT_INO && !check_bits_has(w->done, ino))
            err = walk_up(w, (uint32_t)ino);
    }
    return err;
}

int ext2_check_connect(struct ext2_check *c)
{
    uint64_t count = (uint64_t)c->super.inode_count + 1;
    struct walk w = {
        .c = c,
        .done = check_bits_create(c->check, count),
        .now = check_bits_create(c->check, count),
    };
    int err = w.done && w.now ? 0 : SHALE_ENOMEM;

    check_phase(c->check, "connections", 1);
    if (!err) {
        settle_root(c);
        settle_names(c);
        err = walk_all(&w);
    }
    check_bits_destroy(w.done);
    check_bits_destroy(w.now);
    check_done(c->check, 1);
    return err;
}
