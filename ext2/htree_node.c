/*
 * htree_node.c - adding entries to the nodes of an index
 *
 * A node without room for one more is split: the higher half of its entries go
 * to a new block at the directory's end, and the node above gets an entry for
 * it. The root, when all below it is full, moves its entries into a node of
 * their own.
 */
#include "htree.h"
#include "memfn.h"
#include "write.h"

static struct ext2_volume *vol_of(const struct ext2_vnode *dir)
{
    return ext2_volume_of(dir->base.fs);
}

static uint32_t node_start(const struct htree_node *node)
{
    return (uint32_t)((const uint8_t *)node->entries - node->buf->data);
}

struct ext2_disk_htree_entry *ext2_node_entries(const struct htree_node *node)
{
    return (struct ext2_disk_htree_entry *)(node->buf->data +
                                            node_start(node));
}

void ext2_node_set_counts(struct htree_node *node, uint32_t limit,
                          uint32_t count)
{
    /* The first entry's hash is where these are. */
    struct ext2_disk_htree_count *counts =
        (struct ext2_disk_htree_count *)ext2_node_entries(node);

    counts->limit = le16_make((uint16_t)limit);
    counts->count = le16_make((uint16_t)count);
    node->limit = limit;
    node->count = count;
}

/* Make NODE, whose empty block is BUF, out of COUNT ENTRIES. */
static void node_fill(const struct ext2_vnode *dir, struct htree_node *node,
                      struct shale_buf *buf,
                      const struct ext2_disk_htree_entry *entries,
                      uint32_t count)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    const struct ext2_new_name nothing = { .name = "" };
    uint32_t limit = (super->block_size - HTREE_NODE_START) /
                     (uint32_t)sizeof *entries;

    ext2_dirent_encode(super, buf->data, super->block_size, &nothing);
    node->buf = buf;
    node->entries = (const struct ext2_disk_htree_entry *)(buf->data +
                                                           HTREE_NODE_START);
    memcpy(ext2_node_entries(node), entries, count * sizeof *entries);
    ext2_node_set_counts(node, limit, count);
}

int ext2_node_insert(const struct ext2_vnode *dir, struct htree_node *node,
                     uint32_t hash, uint32_t index)
{
    struct ext2_disk_htree_entry *entry;
    int err = ext2_dir_change(dir, node->buf);

    if (err)
        return err;
    entry = ext2_node_entries(node) + node->at + 1;
    memmove(entry + 1, entry, (node->count - node->at - 1) * sizeof *entry);
    entry->hash = le32_make(hash);
    entry->block = le32_make(index);
    ext2_node_set_counts(node, node->limit, node->count + 1);
    return 0;
}

/* All entries of the root go to a node of their own, the only one below it. */
static int way_deepen(struct ext2_vnode *dir, struct htree_way *way)
{
    struct htree_node *root = &way->node[0];
    struct ext2_disk_htree_info *info;
    struct shale_buf *buf;
    uint32_t index;
    int err;

    if (way->depth >= ext2_htree_max_nodes(&vol_of(dir)->super))
        return SHALE_ENOSPC;
    err = ext2_dir_append(dir, &buf, &index);
    if (err)
        return err;
    err = ext2_dir_change(dir, root->buf);
    if (err) {
        shale_buf_put(buf);
        return err;
    }
    for (unsigned i = way->depth++; i > 1; i--)
        way->node[i] = way->node[i - 1];
    way->node[1].at = root->at;
    node_fill(dir, &way->node[1], buf, root->entries, root->count);

    root->at = 0;
    ext2_node_entries(root)->block = le32_make(index);
    ext2_node_set_counts(root, root->limit, 1);
    info = (struct ext2_disk_htree_info *)(root->buf->data + HTREE_ROOT_INFO);
    info->levels = (uint8_t)(way->depth - 1);
    return 0;
}

/* Split the node at DEPTH, above which there is room for one more entry. */
static int node_split(struct ext2_vnode *dir, struct htree_way *way,
                      unsigned depth)
{
    struct htree_node *node = &way->node[depth], *above = node - 1;
    uint32_t keep = node->count / 2, hash, index;
    struct htree_node fresh = { .at = 0 };
    struct shale_buf *buf;
    int err = ext2_dir_append(dir, &buf, &index);

    if (err)
        return err;
    hash = le32_get(node->entries[keep].hash);
    err = ext2_dir_change(dir, node->buf);
    if (!err)
        err = ext2_node_insert(dir, above, hash, index);
    if (err) {
        shale_buf_put(buf);
        return err;
    }
    node_fill(dir, &fresh, buf, node->entries + keep, node->count - keep);
    ext2_node_set_counts(node, node->limit, keep);
    if (node->at >= keep) {
        fresh.at = node->at - keep;
        above->at++;
        buf = node->buf;
        *node = fresh;
    }
    shale_buf_put(buf);
    return 0;
}

int ext2_way_make_room(struct ext2_vnode *dir, struct htree_way *way)
{
    unsigned depth = way->depth;
    int err = 0;

    while (depth > 0 &&
           way->node[depth - 1].count == way->node[depth - 1].limit)
        depth--;
    if (depth == 0) {
        err = way_deepen(dir, way);
        depth = 1;
    }
    for (; !err && depth < way->depth; depth++)
        if (way->node[depth].count == way->node[depth].limit)
            err = node_split(dir, way, depth);
    return err;
}
