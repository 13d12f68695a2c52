/*
 * map_free.c - freeing a range of a file's blocks
 *
 * The range is walked from array to array of pointers. A block of pointers all
 * of which lead into the range is doomed: it is freed as it is, and not
 * changed before. So freeing a file changes its inode and no other block but
 * the bitmaps, whatever its size. It is freed before what it leads to, since
 * it usually lies in front of it, and both are one run then.
 */
#include "write.h"

/* A range of a file's blocks, being freed. */
struct cut {
    struct ext2_vnode *vn;
    struct ext2_volume *vol;
    uint64_t from, end;         /* the range */
    uint64_t index;             /* where we are in it */
    uint64_t freed;             /* blocks, so far */
};

/* An array of pointers on the way to where we are. */
struct node {
    struct shale_buf *buf;      /* pinned; NULL: the inode's */
    le32 *array;
    uint32_t slot;              /* the pointer on our way */
    uint64_t first, end;        /* blocks of the file below all its pointers */
    bool doomed;                /* it goes with all that is below it */
};

static int blocks_free(struct cut *cut, uint32_t block, uint64_t count)
{
    struct ext2_inode *inode = &cut->vn->inode;
    uint64_t bytes = count << cut->vol->super.block_shift;
    struct ext2_run run = { block, count };
    int err = ext2_block_free(cut->vol, run);

    inode->allocated -= bytes < inode->allocated ? bytes : inode->allocated;

    /* More than there are: the map of a damaged file, which is in a knot. */
    cut->freed += count;
    if (cut->freed > ext2_blocks_there(cut->vol))
        return shale_corrupt_inode(cut->vol->fs, "ext2: a file has more "
                                   "blocks than the volume", inode->at,
                                   cut->vn->base.ino);
    /* What it was is not to keep a damaged file from being removed. */
    return err == SHALE_ECORRUPT ? 0 : err;
}

static int node_change(struct cut *cut, struct node *node)
{
    if (!node->buf)
        return 0;
    return shale_tx_change(cut->vol->fs->tx, node->buf, SHALE_RANK_NODE);
}

/* Free what COUNT pointers of NODE, from its slot on, lead to. */
static int slots_free(struct cut *cut, struct node *node, uint32_t count)
{
    le32 *pointers = node->array + node->slot;
    bool changed = false;
    int err = 0;

    for (uint32_t i = 0, n; i < count && !err; i += n) {
        uint32_t first = le32_get(pointers[i]);

        n = 1;
        if (first == 0)
            continue;
        while (i + n < count && le32_get(pointers[i + n]) == first + n)
            n++;
        if (!node->doomed && !changed)
            err = node_change(cut, node);
        changed = true;
        if (!err)
            err = blocks_free(cut, first, n);
        for (uint32_t k = i; k < i + n && !err && !node->doomed; k++)
            pointers[k] = le32_make(0);
    }
    return err;
}

/* What the pointer of NODE at its slot led to is gone. */
static int slot_clear(struct cut *cut, struct node *node)
{
    int err;

    if (node->doomed)
        return 0;
    err = node_change(cut, node);
    if (!err)
        node->array[node->slot] = le32_make(0);
    return err;
}

static bool node_is_empty(const struct cut *cut, const struct node *node)
{
    uint32_t count = cut->vol->super.block_size / sizeof(le32);

    for (uint32_t i = 0; i < count; i++) {
        if (le32_get(node->array[i]) != 0)
            return false;
    }
    return true;
}

/* The blocks of the file below one pointer of the array at LEVEL of PATH. */
static uint64_t pointer_span(const struct cut *cut,
                             const struct ext2_path *path, unsigned level)
{
    uint32_t shift = cut->vol->super.block_shift - 2;

    return UINT64_C(1) << ((path->depth - level) * shift);
}

/* How far into what is below the array at LEVEL, 1 or more, is PATH's block? */
static uint64_t path_into(const struct cut *cut, const struct ext2_path *path,
                          unsigned level)
{
    uint32_t shift = cut->vol->super.block_shift - 2;
    uint64_t into = 0;

    for (unsigned i = level - 1; i < path->depth; i++)
        into = into << shift | path->slot[i];
    return into;
}

/*
 * Pin the array that NODE's slot leads to, if there is one, as NODE[1], which
 * is at LEVEL of PATH. 1, 0 if there is none, error.
 */
static int node_descend(struct cut *cut, struct node *node,
                        const struct ext2_path *path, unsigned level)
{
    uint32_t block = le32_get(node->array[node->slot]);
    struct node *below = node + 1;
    int err;

    if (block == 0)
        return 0;
    if (!ext2_block_usable(cut->vol, block)) {
        shale_corrupt_inode(cut->vol->fs, "ext2: block map leaves the volume",
                            cut->vn->inode.at, cut->vn->base.ino);
        return slot_clear(cut, node);
    }
    err = shale_buf_get(cut->vol->fs->cache, block, &below->buf);
    if (err)
        return err;
    below->array = (le32 *)below->buf->data;
    below->slot = path->slot[level - 1];
    below->first = cut->index - path_into(cut, path, level);
    below->end = below->first + pointer_span(cut, path, level - 1);
    below->doomed = below->first >= cut->from && below->end <= cut->end;
    return 1;
}

/*
 * NODE, a block of pointers, has been dealt with as far as the range goes. If
 * nothing is left of it, free it (a doomed LEAF has been) and clear the pointer
 * that leads to it: 1, else 0.
 */
static int node_finish(struct cut *cut, struct node *node, bool leaf)
{
    int err = 0;

    if (!node->doomed && !node_is_empty(cut, node))
        return 0;
    if (!node->doomed || !leaf)
        err = blocks_free(cut, (uint32_t)node->buf->block, 1);
    if (!err)
        err = slot_clear(cut, node - 1);
    return err ? err : 1;
}

/* Free what the pointers of LEAF from its slot on lead to. */
static int leaf_free(struct cut *cut, struct node *leaf, uint32_t slots)
{
    uint64_t count = slots - leaf->slot;
    int err = 0;

    if (count > cut->end - cut->index)
        count = cut->end - cut->index;
    if (leaf->doomed)
        err = blocks_free(cut, (uint32_t)leaf->buf->block, 1);
    if (!err)
        err = slots_free(cut, leaf, (uint32_t)count);
    cut->index += count;
    return err;
}

/* Deal with one array of pointers to data, or a hole in place of more. */
static int cut_step(struct cut *cut)
{
    uint32_t slots = cut->vol->super.block_size / sizeof(le32);
    struct node nodes[EXT2_DEPTH_MAX + 1] = {
        { .array = cut->vn->inode.block },
    };
    struct ext2_path path;
    unsigned level = 0;
    int found = 1, err;

    if (!ext2_path_find(&cut->vol->super, cut->index, &path))
        return SHALE_EFBIG;
    nodes[0].slot = path.root;
    while (level < path.depth && found > 0) {
        found = node_descend(cut, &nodes[level], &path, level + 1);
        level += found > 0;
    }
    err = found < 0 ? found : 0;
    if (!err && found > 0) {
        err = leaf_free(cut, &nodes[level],
                        level > 0 ? slots : EXT2_DIRECT);
    } else if (!err) {
        cut->index += pointer_span(cut, &path, level) -
                      path_into(cut, &path, level + 1);
    }

    /* Which arrays end here? */
    for (unsigned i = level; i > 0 && !err; i--) {
        if (cut->index < nodes[i].end && cut->index < cut->end)
            break;
        found = node_finish(cut, &nodes[i], i == path.depth);
        err = found < 0 ? found : 0;
        if (found == 0)
            break;
    }
    for (unsigned i = 1; i <= EXT2_DEPTH_MAX; i++)
        shale_buf_put(nodes[i].buf);
    return err;
}

int ext2_map_free(struct ext2_vnode *vn, uint64_t index, uint64_t end)
{
    struct ext2_volume *vol = ext2_volume_of(vn->base.fs);
    struct cut cut = {
        .vn = vn, .vol = vol, .from = index, .end = end, .index = index,
    };
    int err = 0;

    if (cut.end > vol->max_size >> vol->super.block_shift)
        cut.end = vol->max_size >> vol->super.block_shift;
    while (!err && cut.index < cut.end)
        err = cut_step(&cut);
    return err;
}
