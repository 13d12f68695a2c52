/*
 * htree.c - the index of a large directory
 *
 * A tree of one or two levels, or three on a volume with large_dir, over the
 * directory's own blocks. Its leaves are ordinary blocks of records, each with
 * the names of a range of hashes, in no order; the root is hidden in block 0,
 * behind ".." whose record claims the rest of the block, and a node below it in
 * a block with one free record.
 *
 *     root    . ..  info   count  (hash block) (hash block) ...
 *     node    free record  count  (hash block) ...
 *
 * Entries are in order of hash, and each names the block for hashes from its
 * own up to the next one's. If names with one hash do not fit one leaf, the
 * entry of the next leaf has that hash with bit 0 set, and the search goes on.
 *
 * The index only says where to look: whatever is wrong with it, the names are
 * still in the leaves, and searching all of them finds them. So the answer "not
 * there" is given only if the leaf that was searched has names that belong in
 * it: an index made with another seed, or out of order, is well-formed too.
 */
#include "apart.h"
#include "htree.h"

#define SAMPLE 8u               /* names of a leaf that have to belong there */

bool ext2_htree_present(const struct ext2_vnode *dir)
{
    const struct ext2_super *super = &ext2_volume_of(dir->base.fs)->super;

    return (super->compat & EXT2_COMPAT_DIR_INDEX) &&
           (dir->inode.flags & EXT2_INODE_INDEX) &&
           dir->base.size > super->block_size &&
           !__atomic_load_n(&dir->no_index, __ATOMIC_RELAXED);
}

/* The index cannot be used: say so; the caller then searches all blocks. */
static int unusable(struct htree_way *way, const struct shale_buf *buf,
                    const char *why)
{
    const struct ext2_volume *vol = ext2_volume_of(way->dir->base.fs);
    uint64_t at = buf ? ext2_block_at(vol, buf->block) : way->dir->inode.at;

    way->unusable = true;
    shale_warn(way->dir->base.fs, "ext2: directory index not usable", why, at);
    return SHALE_ECORRUPT;
}

/* Entry 0 has no hash: its place is taken by the count. It is the least. */
static uint32_t entry_hash(const struct htree_node *node, uint32_t at)
{
    return at == 0 ? 0 : le32_get(node->entries[at].hash);
}

uint32_t ext2_way_block(const struct htree_way *way)
{
    const struct htree_node *node = &way->node[way->depth - 1];

    return le32_get(node->entries[node->at].block) & HTREE_BLOCK_MASK;
}

/* Set up NODE, whose entries begin at byte OFFSET of its block. */
static int node_open(struct htree_way *way, struct htree_node *node,
                     uint32_t offset)
{
    const struct ext2_super *super = &ext2_volume_of(way->dir->base.fs)->super;
    const uint8_t *start = node->buf->data + offset;
    const struct ext2_disk_htree_count *counts =
        (const struct ext2_disk_htree_count *)start;
    uint32_t room = (super->block_size - offset) /
                    (uint32_t)sizeof *node->entries;

    node->limit = le16_get(counts->limit);
    node->entries = (const struct ext2_disk_htree_entry *)start;
    node->count = le16_get(counts->count);
    node->at = 0;
    /* Metadata checksums take the last entry's place, so less is sound. */
    if (node->limit > room || node->count == 0 || node->count > node->limit)
        return unusable(way, node->buf, "bad number of entries");
    return 0;
}

/* Follow the last entry whose hash is not above HASH. */
static void node_search(struct htree_node *node, uint32_t hash)
{
    uint32_t low = 0, high = node->count;   /* the answer is in [low, high) */

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (entry_hash(node, middle) > hash)
            high = middle;
        else
            low = middle;
    }
    node->at = low;
}

int ext2_way_child(struct htree_way *way, struct shale_buf **out)
{
    const struct htree_node *node = &way->node[way->depth - 1];
    uint32_t block = ext2_way_block(way);
    int err;

    if (block == 0 || block >= way->blocks)
        return unusable(way, node->buf, "points outside the directory");
    err = ext2_dir_get(way->dir, block, out);
    if (err)
        return err;
    for (unsigned i = 0; i < way->depth; i++) {
        if ((*out)->block != way->node[i].buf->block)
            continue;
        shale_buf_put(*out);
        return unusable(way, node->buf, "points up instead of down");
    }
    return 0;
}

/* Add the node that the deepest one points to. */
static int way_descend(struct htree_way *way)
{
    struct htree_node *node = &way->node[way->depth];
    int err = ext2_way_child(way, &node->buf);

    if (err)
        return err;
    way->depth++;
    return node_open(way, node, HTREE_NODE_START);
}

void ext2_way_close(struct htree_way *way)
{
    while (way->depth > 0)
        shale_buf_put(way->node[--way->depth].buf);
}

unsigned ext2_htree_max_nodes(const struct ext2_super *super)
{
    return super->incompat & EXT2_INCOMPAT_LARGE_DIR ? HTREE_MAX_NODES
                                                     : HTREE_USUAL_NODES;
}

/* Check the root's description of the tree. */
static int root_check(struct htree_way *way, const struct shale_buf *buf,
                      unsigned *levels)
{
    const struct ext2_super *super = &ext2_volume_of(way->dir->base.fs)->super;
    const struct ext2_disk_htree_info *info =
        (const struct ext2_disk_htree_info *)(buf->data + HTREE_ROOT_INFO);
    struct ext2_dirent dot, dotdot;

    if (ext2_dirent_decode(super, buf->data, 0, &dot) || dot.rec_len != 12 ||
        ext2_dirent_decode(super, buf->data, 12, &dotdot) ||
        dotdot.rec_len != super->block_size - 12 || dotdot.name_len > 4)
        return unusable(way, buf, "no room for it in block 0");
    if (le32_get(info->reserved) != 0 || info->info_length != sizeof *info ||
        (info->flags & 1))
        return unusable(way, buf, "unknown layout");
    if (info->hash_version >= EXT2_HASH_COUNT)
        return unusable(way, buf, "unknown hash");
    if (info->levels >= ext2_htree_max_nodes(super))
        return unusable(way, buf, "too deep");

    *levels = info->levels;
    way->version = (enum ext2_hash)info->hash_version;
    if (info->hash_version <= EXT2_HASH_TEA && super->hash_unsigned)
        way->version = (enum ext2_hash)(info->hash_version + 3);
    return 0;
}

int ext2_way_find(struct htree_way *way, const char *name, size_t len,
                  uint32_t *hash)
{
    const struct ext2_super *super = &ext2_volume_of(way->dir->base.fs)->super;
    unsigned levels = 0;
    int err;

    way->blocks = way->dir->base.size >> super->block_shift;
    err = ext2_dir_get(way->dir, 0, &way->node[0].buf);
    if (err)
        return err;
    way->depth = 1;
    err = root_check(way, way->node[0].buf, &levels);
    if (err)
        return err;
    *hash = ext2_hash(way->version, super->hash_seed, name, len);
    err = node_open(way, &way->node[0], HTREE_ROOT_START);
    if (err)
        return err;
    node_search(&way->node[0], *hash);
    while (way->depth <= levels) {
        err = way_descend(way);
        if (err)
            return err;
        node_search(&way->node[way->depth - 1], *hash);
    }
    return 0;
}

/*
 * Go on to the next leaf, if it too has names with HASH. Returns 1, 0 or an
 * error.
 */
static int way_next(struct htree_way *way, uint32_t hash)
{
    unsigned full = way->depth;
    struct htree_node *node = &way->node[way->depth - 1];

    while (node->at + 1 >= node->count) {
        if (way->depth == 1)
            return 0;
        shale_buf_put(node->buf);
        way->depth--;
        node--;
    }
    node->at++;
    if ((entry_hash(node, node->at) & ~1u) != hash)
        return 0;
    while (way->depth < full) {
        int err = way_descend(way);

        if (err)
            return err;
    }
    return 1;
}

static bool node_is_sorted(const struct htree_node *node)
{
    for (uint32_t at = 1; at < node->count; at++) {
        if (entry_hash(node, at) < entry_hash(node, at - 1))
            return false;
    }
    return true;
}

/*
 * Was it right to look in LEAF? Its first names have to have hashes that WAY
 * leads to, from nodes in order.
 */
APART static bool leaf_belongs(const struct htree_way *way,
                               const struct shale_buf *leaf)
{
    const struct ext2_super *super = &ext2_volume_of(way->dir->base.fs)->super;
    uint32_t low = 0, high = UINT32_MAX;
    struct ext2_dirent entry;
    unsigned seen = 0;

    for (unsigned i = 0; i < way->depth; i++) {
        const struct htree_node *node = &way->node[i];
        uint32_t from = entry_hash(node, node->at) & ~1u;

        if (!node_is_sorted(node))
            return false;
        if (from > low)
            low = from;
        if (node->at + 1 < node->count &&
            entry_hash(node, node->at + 1) < high)
            high = entry_hash(node, node->at + 1);
    }
    for (uint32_t at = 0; at < super->block_size && seen < SAMPLE;
         at += entry.rec_len) {
        uint32_t hash;

        if (ext2_dirent_decode(super, leaf->data, at, &entry))
            return false;
        if (entry.ino == 0)
            continue;
        hash = ext2_hash(way->version, super->hash_seed,
                         (const char *)entry.name, entry.name_len);
        if (hash < low || hash > high)
            return false;
        seen++;
    }
    return true;
}

static int leaf_search(struct htree_way *way, const char *name, size_t len,
                       struct ext2_place *out)
{
    struct shale_buf *leaf;
    int found = ext2_way_child(way, &leaf);

    if (found)
        return found;
    found = ext2_dir_find_in(way->dir, leaf, name, len, out);
    if (found > 0) {
        out->buf = leaf;
        out->index = ext2_way_block(way);
        return found;
    }
    if (found == 0 && !leaf_belongs(way, leaf))
        found = unusable(way, leaf, "names are not where it says");
    shale_buf_put(leaf);
    return found;
}

/* Search leaf after leaf; there cannot be more of them than blocks. */
APART static int leaves_search(struct htree_way *way, const char *name,
                               size_t len, uint32_t hash,
                               struct ext2_place *out)
{
    uint32_t most = ext2_blocks_there(ext2_volume_of(way->dir->base.fs));
    int found, more;

    for (uint32_t leaves = 1; leaves < most; leaves++) {
        found = leaf_search(way, name, len, out);
        if (found)
            return found;
        more = way_next(way, hash);
        if (more <= 0)
            return more;
    }
    return unusable(way, way->node[0].buf, "more leaves than blocks");
}

int ext2_htree_find(struct ext2_vnode *dir, const char *name, size_t len,
                    struct ext2_place *out)
{
    struct htree_way way = { .dir = dir };
    uint32_t hash = 0;
    int found = ext2_way_find(&way, name, len, &hash);

    if (!found)
        found = leaves_search(&way, name, len, hash, out);
    ext2_way_close(&way);
    if (found == SHALE_ECORRUPT)
        __atomic_store_n(&dir->no_index, true, __ATOMIC_RELAXED);
    return found;
}
