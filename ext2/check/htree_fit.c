/*
 * htree_fit.c - do the blocks of an index fit together?
 *
 * Every block of an indexed directory but the first is to be promised once, at
 * the depth that its root says, and to keep what was promised. An entry at the
 * edge of its node promises what that node was promised.
 */
#include "ext2/check/htree.h"

static int compare_nodes(const void *a, const void *b)
{
    const struct htree_node *x = a, *y = b;
    int order = ext2_order(x->ino, y->ino);

    return order ? order : ext2_order(x->logical, y->logical);
}

/* The order of siblings, too, does not depend on who came first. */
static int compare_entries(const void *a, const void *b)
{
    const struct htree_entry *x = a, *y = b;
    int order = ext2_order(x->ino, y->ino);

    if (!order)
        order = ext2_order(x->block, y->block);
    if (!order)
        order = ext2_order(x->parent, y->parent);
    if (!order)
        order = ext2_order(x->low, y->low);
    if (!order)
        order = ext2_order(x->high, y->high);
    return order ? order : ext2_order(x->first * 2u + x->last,
                                      y->first * 2u + y->last);
}

static int compare_roots(const void *a, const void *b)
{
    const struct htree_root *x = a, *y = b;

    return ext2_order(x->ino, y->ino);
}

/* Of entries that lead to one block the first two say all there is to say. */
void ext2_htree_trim(struct ext2_check_tree *tree)
{
    struct ext2_table *entries = &tree->entries;
    struct htree_entry last = { .ino = 0 };
    unsigned same = 0;
    size_t kept = 0;

    ext2_table_sort(entries, compare_entries);
    for (size_t i = 0; i < entries->count; i++) {
        const struct htree_entry row =
            *(const struct htree_entry *)ext2_table_at(entries, i);

        same = i > 0 && row.ino == last.ino && row.block == last.block ?
                   same + 1 : 0;
        last = row;
        if (same < 2)
            *(struct htree_entry *)ext2_table_at(entries, kept++) = row;
    }
    tree->entries_lost |= kept > tree->entries_max;
    entries->count = kept < tree->entries_max ? kept
                                              : (size_t)tree->entries_max;
}

/* ------------------------------------------------------- other hashes */

/* A leaf once more, of a directory with a hash of its own. */
static int leaf_again(struct check *check, const struct check_item *item,
                      uint8_t *bytes, void *context)
{
    struct ext2_check *c = context;
    const struct ext2_check_tree *tree = ext2_tree_of(c);
    struct ext2_dir_block b = {
        .c = c, .ino = (uint32_t)item->tag[0],
        .logical = (uint32_t)item->tag[1], .size = c->super.block_size,
        .end = c->super.block_size, .at = item->at, .bytes = bytes,
    };
    const struct htree_node key = { .ino = b.ino, .logical = b.logical };
    const struct htree_root root_key = { .ino = b.ino };
    size_t at = ext2_table_find(&tree->nodes, &key, compare_nodes);
    size_t root_at = ext2_table_find(&tree->roots, &root_key, compare_roots);
    const struct htree_root *root;
    struct htree_edge low, high;
    struct htree_node *row;
    int err;

    (void)check;
    if (!bytes || at == tree->nodes.count || root_at == tree->roots.count)
        return 0;
    row = ext2_table_at(&tree->nodes, at);
    if (compare_nodes(row, &key) != 0 || row->kind != HTREE_LEAF)
        return 0;
    b.flags = ext2_check_info_of(c, b.ino)->flags;
    root = ext2_table_at(&tree->roots, root_at);
    err = ext2_fold_begin(c, b.flags, &b.folding);
    if (err)
        return err;
    ext2_htree_hashes(&b, root->version, &low, &high);
    row->min = low.hash;
    row->max = high.hash;
    ext2_fold_end(c, b.folding);
    return 0;
}

/* Leaves were hashed as new directories are. Do so again where it is not so. */
static int hash_others(struct ext2_check *c)
{
    const struct ext2_check_tree *tree = ext2_tree_of(c);
    struct check_bits *others = NULL;
    int err = 0;

    for (size_t i = 0; i < tree->roots.count && !err; i++) {
        const struct htree_root *root = ext2_table_at(&tree->roots, i);

        if (root->version == c->super.raw.hash_version)
            continue;
        if (!others)
            others = check_bits_create(c->check,
                                       (uint64_t)c->super.inode_count + 1);
        err = others ? check_bits_add(others, root->ino, 1, NULL)
                     : SHALE_ENOMEM;
    }
    if (others && !err)
        err = ext2_tree_again(c, others, leaf_again, c);
    check_bits_destroy(others);
    return err;
}

/* --------------------------------------------------------------- the end */

/* The first entry for BLOCK of INO. NULL: none; *AGAIN: there is a second. */
static const struct htree_entry *entry_find(const struct ext2_check_tree *tree,
                                          uint32_t ino, uint32_t block,
                                          bool *again)
{
    const struct ext2_table *entries = &tree->entries;
    const struct htree_entry key = { .ino = ino, .block = block };
    size_t at = ext2_table_find(entries, &key, compare_entries);
    const struct htree_entry *row, *next;

    *again = false;
    if (at == entries->count)
        return NULL;
    row = ext2_table_at(entries, at);
    if (row->ino != ino || row->block != block)
        return NULL;
    if (at + 1 < entries->count) {
        next = ext2_table_at(entries, at + 1);
        *again = next->ino == ino && next->block == block;
    }
    return row;
}

/* Where a block is in its tree. */
struct standing {
    unsigned level;             /* 1: the root has an entry for it */
    uint32_t low, high;         /* hashes that it may have */
};

/* Follow ENTRY up to the root. False if that does not lead there. */
static bool standing_find(const struct ext2_check_tree *tree,
                          const struct htree_entry *entry, struct standing *out)
{
    bool first = entry->first, last = entry->last, again;

    *out = (struct standing){ 1, entry->low & ~1u, entry->high & ~1u };
    while (entry->parent != 0) {
        if (out->level > HTREE_DEEPEST_LARGE)
            return false;
        entry = entry_find(tree, entry->ino, entry->parent, &again);
        if (!entry)
            return false;
        if (first)
            out->low = entry->low & ~1u;
        if (last)
            out->high = entry->high & ~1u;
        first = first && entry->first;
        last = last && entry->last;
        out->level++;
    }
    return true;
}

/* Does the block of ROW have the hashes and the depth that it is to have? */
static void node_finish(struct ext2_check *c, const struct htree_root *root,
                        const struct htree_node *row)
{
    const struct ext2_check_tree *tree = ext2_tree_of(c);
    bool again, right;
    const struct htree_entry *entry = entry_find(tree, row->ino, row->logical,
                                               &again);
    struct standing is;

    if (!entry && tree->entries_lost)
        return;
    if (!entry) {
        ext2_tell_inode(c, HTREE_LOST, row->at, row->ino,
                        .other = row->logical);
        return;
    }
    if (again) {
        ext2_tell_inode(c, HTREE_TWICE, row->at, row->ino,
                        .other = row->logical);
        return;
    }
    if (!standing_find(tree, entry, &is))
        return;                 /* who leads to it has been told of */
    right = row->kind == HTREE_LEAF ? is.level == root->levels + 1u
                              : is.level <= root->levels;
    if (!right) {
        ext2_tell_inode(c, HTREE_DEPTH, row->at, row->ino,
                        .other = row->logical, .compared = true,
                        .expected = root->levels + 1u, .found = is.level);
        return;
    }
    if (row->min > row->max)
        return;
    if ((row->min & ~1u) < is.low)
        ext2_tell_inode(c, HTREE_RANGE, row->at, row->ino,
                        .other = row->logical, .compared = true,
                        .expected = is.low, .found = row->min,
                        .name = "below", .len = 5);
    else if ((row->max & ~1u) > is.high)
        ext2_tell_inode(c, HTREE_RANGE, row->at, row->ino,
                        .other = row->logical, .compared = true,
                        .expected = is.high, .found = row->max,
                        .name = "above", .len = 5);
}

int ext2_htree_finish(struct ext2_check *c)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    size_t at = 0;
    int err;

    ext2_table_sort(&tree->roots, compare_roots);
    ext2_table_sort(&tree->nodes, compare_nodes);
    ext2_htree_trim(tree);
    err = hash_others(c);
    for (size_t i = 0; i < tree->roots.count && !err; i++) {
        const struct htree_root *root = ext2_table_at(&tree->roots, i);
        const struct htree_node *row;

        for (; at < tree->nodes.count; at++) {
            row = ext2_table_at(&tree->nodes, at);
            if (row->ino > root->ino)
                break;
            if (row->ino == root->ino && row->kind != HTREE_ROOT)
                node_finish(c, root, row);
        }
        err = check_going(c->check);
    }
    return err;
}
