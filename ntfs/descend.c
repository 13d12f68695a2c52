/*
 * descend.c - from the root of a B-tree down to one key
 *
 * In a node the first entry whose key is not below what is sought is the one,
 * or else leads to it. A way down reads as many blocks as the tree has levels,
 * and no more than NTFS_INDEX_DEPTH of them, if pointers lead in a circle.
 */
#include "index.h"
#include "memfn.h"

/*
 * Look through NODE. Returns 1 if COMPARE has found it; else 0, and in *ENTRY
 * whose child to go on with.
 */
static int node_search(struct ntfs_volume *vol, const struct ntfs_index *index,
                       const struct ntfs_index_node *node,
                       ntfs_compare_fn *compare, void *context,
                       struct ntfs_entry *entry)
{
    uint32_t offset = node->first;
    int more, order;

    while ((more = ntfs_index_next(vol, index, node, &offset, entry)) > 0) {
        if (entry->last)
            return 0;
        order = compare(context, entry);
        if (order <= 0)
            return order == 0;
    }
    return more;
}

int ntfs_index_child(struct ntfs_volume *vol, const struct ntfs_index *index,
                     const struct ntfs_entry *entry, uint64_t *number)
{
    uint32_t per_block = index->block_size >> index->vcn_shift;

    if (entry->child % per_block != 0)
        return shale_corrupt_inode(vol->fs, "ntfs: index entry whose child is "
                                   "no whole block", entry->at, index->ino);
    *number = entry->child / per_block;
    if (*number >= index->block_count)
        return shale_corrupt_inode(vol->fs, "ntfs: index entry whose child is "
                                   "not in the index", entry->at, index->ino);
    return 0;
}

/* Where a way down is. */
struct descent {
    struct ntfs_index_node node;
    struct ntfs_entry entry;
    uint8_t *block;             /* of the node, but for the root's */
};

/* As ntfs_index_descend(), with memory for WAY. */
static int descend_by(struct ntfs_volume *vol, const struct ntfs_index *index,
                      ntfs_compare_fn *compare, void *context,
                      struct descent *way)
{
    uint64_t number = 0;
    int found;

    way->node = ntfs_index_root(index);
    for (unsigned level = 0; level < NTFS_INDEX_DEPTH; level++) {
        found = node_search(vol, index, &way->node, compare, context,
                            &way->entry);
        if (found || way->entry.child == NTFS_NO_CHILD)
            return found;
        found = ntfs_index_child(vol, index, &way->entry, &number);
        if (!found)
            found = ntfs_index_block(vol, index, number, false, way->block,
                                     &way->node);
        if (found)
            return found;
    }
    return shale_corrupt_inode(vol->fs, "ntfs: index whose nodes lead in a "
                               "circle", way->node.at, index->ino);
}

/* In two pieces: what is a little more than a page takes two. */
int ntfs_index_descend(struct ntfs_volume *vol, const struct ntfs_index *index,
                       ntfs_compare_fn *compare, void *context)
{
    size_t size = index->branches ? index->block_size : 0;
    struct shale_mem *mem = vol->fs->mem;
    struct descent *way = shale_alloc(mem, sizeof *way);
    int found;

    if (!way)
        return SHALE_ENOMEM;
    way->block = size > 0 ? shale_alloc(mem, size) : NULL;
    found = size > 0 && !way->block
                ? SHALE_ENOMEM
                : descend_by(vol, index, compare, context, way);
    shale_free(mem, way->block, size);
    shale_free(mem, way, sizeof *way);
    return found;
}

/* ------------------------------------------------- by a caller's own key */

struct seeking {
    ntfs_seek_fn *seek;
    const void *sought;
    void *entry;
    size_t size;
    uint32_t length;
};

static int seeking_compare(void *context, const struct ntfs_entry *entry)
{
    struct seeking *s = context;
    int order = s->seek(s->sought, entry->key, entry->key_length);

    if (order == 0) {
        s->length = entry->length;
        memcpy(s->entry, entry->bytes,
               entry->length < s->size ? entry->length : s->size);
    }
    return order;
}

int64_t ntfs_index_find(struct ntfs_volume *vol, const struct ntfs_index *index,
                        ntfs_seek_fn *seek, const void *sought, void *entry,
                        size_t size)
{
    struct seeking s = {
        .seek = seek, .sought = sought, .entry = entry, .size = size,
    };
    int found = ntfs_index_descend(vol, index, seeking_compare, &s);

    return found > 0 ? (int64_t)s.length : found;
}
