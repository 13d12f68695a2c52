/*
 * index.c - B-trees: loading them, their blocks, and the way down
 *
 * The VCN of an index block counts clusters, or units of 512 bytes where a
 * cluster is larger than the block. (libfsntfs, "The index"; and what mkntfs
 * makes, whatever the sectors are.)
 *
 * Nothing of a tree is believed but the way down to one key: that ends after
 * NTFS_INDEX_DEPTH levels, whatever the pointers say.
 */
#include "index.h"
#include "memfn.h"

#define UNIT_SHIFT 9u           /* of a VCN in clusters larger than a block */
#define BITMAP_WINDOW 64u       /* bytes of a bitmap looked at together */

/* Blocks of an index: so that a cookie has room for their numbers. */
#define BLOCKS_MAX (UINT64_C(1) << 36)

/* ------------------------------------------------------------ the blocks */

static uint64_t offset_of(const struct ntfs_index *index, uint64_t number)
{
    return number * index->block_size;
}

const char *ntfs_node_decode(const uint8_t *bytes, size_t room,
                             struct ntfs_index_node *out)
{
    const struct ntfs_disk_node *head = (const struct ntfs_disk_node *)bytes;
    uint32_t allocated;

    if (room < sizeof *head)
        return "ntfs: index node cut short";
    out->bytes = bytes;
    out->first = le32_get(head->entries_offset);
    out->used = le32_get(head->used);
    allocated = le32_get(head->allocated);
    if (allocated > room)
        return "ntfs: index node larger than the place it is in";
    if (out->used > allocated)
        return "ntfs: index node with more in use than it has";
    if (out->first < sizeof *head || out->first > out->used)
        return "ntfs: index node whose entries are not in it";
    return NULL;
}

int ntfs_index_block(struct ntfs_volume *vol, const struct ntfs_index *index,
                     uint64_t number, bool ahead, uint8_t *buf,
                     struct ntfs_index_node *out)
{
    const struct ntfs_disk_index_block *block = (const void *)buf;
    const uint32_t head = offsetof(struct ntfs_disk_index_block, node);
    const struct ntfs_runs *runs = &index->blocks.runs;
    uint64_t offset = offset_of(index, number);
    const char *wrong;
    int err = ntfs_runs_read(vol, runs, offset, buf, index->block_size,
                             ahead ? NTFS_READ_WHOLE
                                   : NTFS_READ_WHOLE | NTFS_READ_ALONE);

    if (err == SHALE_ENODATA)
        return shale_corrupt_inode(vol->fs, "ntfs: index with a hole",
                                   index->at, index->ino);
    if (err)
        return err;
    wrong = ntfs_fixup(buf, index->block_size, "INDX");
    if (!wrong && le64_get(block->vcn) != offset >> index->vcn_shift)
        wrong = "ntfs: index block that says it is another one";
    if (!wrong)
        wrong = ntfs_node_decode(buf + head, index->block_size - head, out);
    out->at = ntfs_runs_place(vol, runs, offset) + head;
    if (wrong)
        return shale_corrupt_inode(vol->fs, wrong, out->at - head, index->ino);
    return 0;
}

int ntfs_index_used(struct ntfs_volume *vol, const struct ntfs_index *index,
                    uint64_t *number)
{
    uint8_t bits[BITMAP_WINDOW];
    uint64_t n = *number;

    while (n < index->block_count) {
        uint64_t byte = n >> 3, end;
        size_t len = sizeof bits;
        int err;

        if (index->bitmap.type == 0 || byte >= index->bitmap.size)
            return shale_corrupt_inode(vol->fs, "ntfs: index whose bitmap is "
                                       "shorter than it", index->at,
                                       index->ino);
        if (len > index->bitmap.size - byte)
            len = (size_t)(index->bitmap.size - byte);
        err = ntfs_stream_read(vol, &index->bitmap, byte, bits, len);
        if (err)
            return err;
        end = (byte + len) << 3;
        for (; n < end && n < index->block_count; n++)
            if (bits[(n >> 3) - byte] >> (n & 7) & 1) {
                *number = n;
                return 1;
            }
    }
    return 0;
}

/* ----------------------------------------------------------- the entries */

const char *ntfs_entry_decode(const struct ntfs_index_node *node,
                              uint32_t offset, struct ntfs_entry *out)
{
    const struct ntfs_disk_entry *raw =
        (const struct ntfs_disk_entry *)(node->bytes + offset);
    uint32_t left = node->used - offset, need = sizeof *raw;
    uint16_t flags;

    if (left < sizeof *raw)
        return "ntfs: index entry cut short";
    flags = le16_get(raw->flags);
    out->bytes = node->bytes + offset;
    out->at = node->at + offset;
    out->offset = offset;
    out->length = le16_get(raw->length);
    out->reference = le64_get(raw->reference);
    out->last = (flags & NTFS_ENTRY_LAST) != 0;
    out->key = out->bytes + sizeof *raw;
    out->key_length = out->last ? 0 : le16_get(raw->key_length);
    out->child = NTFS_NO_CHILD;

    need += out->key_length;
    if (flags & NTFS_ENTRY_HAS_CHILD)
        need += (uint32_t)sizeof(le64);
    if (out->length > left)
        return "ntfs: index entry past the end of its node";
    if (out->length < need)
        return "ntfs: index entry shorter than what is in it";
    if (flags & NTFS_ENTRY_HAS_CHILD)
        out->child = le64_get(*(const le64 *)(out->bytes + out->length -
                                              sizeof(le64)));
    return NULL;
}

int ntfs_index_next(struct ntfs_volume *vol, const struct ntfs_index *index,
                    const struct ntfs_index_node *node, uint32_t *offset,
                    struct ntfs_entry *out)
{
    const char *wrong;

    if (*offset == UINT32_MAX)
        return 0;
    wrong = ntfs_entry_decode(node, *offset, out);
    if (wrong)
        return shale_corrupt_inode(vol->fs, wrong, node->at + *offset,
                                   index->ino);
    *offset = out->last ? UINT32_MAX : *offset + out->length;
    return 1;
}

/* --------------------------------------------------------------- loading */

struct ntfs_index_node ntfs_index_root(const struct ntfs_index *index)
{
    const uint32_t head = offsetof(struct ntfs_disk_index_root, node);
    struct ntfs_index_node node = { .bytes = NULL };

    (void)ntfs_node_decode(index->root.value + head,
                           (size_t)index->root.size - head, &node);
    node.at = index->at + head;
    return node;
}

/* Take ATTR, a piece of what is to be STREAM. */
static int piece_take(struct ntfs_volume *vol, struct ntfs_stream *stream,
                      const struct ntfs_attr *attr)
{
    int err;

    if (stream->type != 0)
        return ntfs_stream_add(vol, stream, attr);
    err = ntfs_stream_begin(vol, stream, attr);
    if (err)
        memset(stream, 0, sizeof *stream);
    return err;
}

/* Take the three attributes called NAME from BASE's file, as they come. */
static int pieces_take(struct ntfs_volume *vol, const struct ntfs_record *base,
                       const uint16_t *name, size_t len,
                       struct ntfs_index *index)
{
    struct ntfs_walk *walk = &base->room->walk;
    const struct ntfs_attr *attr = &walk->attr;
    int more = ntfs_walk_begin(vol, base, 0, walk);

    if (more)
        return more;
    while ((more = ntfs_walk_next(walk)) > 0) {
        struct ntfs_stream *stream = NULL;

        if (ntfs_attr_is(attr, NTFS_INDEX_ROOT, name, len))
            stream = &index->root;
        else if (ntfs_attr_is(attr, NTFS_INDEX_ALLOCATION, name, len))
            stream = &index->blocks;
        else if (ntfs_attr_is(attr, NTFS_BITMAP_ATTR, name, len))
            stream = &index->bitmap;
        if (!stream)
            continue;
        if (stream == &index->root)
            index->at = attr->at;
        more = piece_take(vol, stream, attr);
        if (more)
            break;
    }
    ntfs_walk_end(walk);
    return more;
}

APART static int streams_load(struct ntfs_volume *vol,
                              const struct ntfs_record *base,
                              const uint16_t *name, size_t len,
                              struct ntfs_index *index)
{
    int err = pieces_take(vol, base, name, len, index);

    if (!err && index->root.type != 0)
        err = ntfs_stream_end(vol, &index->root);
    if (!err && index->blocks.type != 0)
        err = ntfs_stream_end(vol, &index->blocks);
    if (!err && index->bitmap.type != 0)
        err = ntfs_stream_end(vol, &index->bitmap);
    return err;
}

/* Decode the value of $INDEX_ROOT, but for its entries. NULL, or why not. */
static const char *root_decode(const struct ntfs_volume *vol,
                               struct ntfs_index *index)
{
    const struct ntfs_disk_index_root *root;
    const uint32_t head = offsetof(struct ntfs_disk_index_root, node);
    struct ntfs_index_node node;

    if (!index->root.resident)
        return "ntfs: index root that is not in its record";
    if (index->root.size < sizeof *root)
        return "ntfs: index root cut short";
    root = (const struct ntfs_disk_index_root *)index->root.value;
    if (index->names &&
        (le32_get(root->type) != NTFS_FILE_NAME ||
         le32_get(root->collation) != NTFS_COLLATE_FILE_NAME))
        return "ntfs: directory whose index is not one of names";
    index->block_size = le32_get(root->block_size);
    if (index->block_size < NTFS_FIXUP_STRIDE ||
        index->block_size > NTFS_INDEX_MAX ||
        (index->block_size & (index->block_size - 1)) != 0)
        return "ntfs: index with blocks of an impossible size";
    index->vcn_shift = vol->boot.cluster_size <= index->block_size ?
                       vol->boot.cluster_shift : UNIT_SHIFT;
    return ntfs_node_decode(index->root.value + head,
                            (size_t)index->root.size - head, &node);
}

/* Decode what is outside of the root. NULL, or why not. */
static const char *blocks_decode(const struct ntfs_volume *vol,
                                 struct ntfs_index *index)
{
    const struct ntfs_stream *blocks = &index->blocks;

    if (blocks->type == 0)
        return "ntfs: index root with children, and no blocks";
    if (blocks->resident)
        return "ntfs: index blocks in a record";
    /* Else holes could make it as large as they like; and what the volume's
       size is, nobody has checked. */
    if (blocks->size > vol->fs->dev->size)
        return "ntfs: index larger than the device";
    index->block_count = (blocks->size < blocks->initialized ?
                          blocks->size : blocks->initialized) /
                         index->block_size;
    if (index->block_count > BLOCKS_MAX)
        return "ntfs: index of too many blocks";
    return NULL;
}

/* Check what has been read, the entries of the root included. */
APART static int index_check(struct ntfs_volume *vol,
                             struct ntfs_index *index)
{
    const char *wrong = root_decode(vol, index);
    struct ntfs_index_node node;
    struct ntfs_entry entry = { .child = NTFS_NO_CHILD };
    uint32_t offset;
    int more;

    if (wrong)
        return shale_corrupt_inode(vol->fs, wrong, index->at, index->ino);
    node = ntfs_index_root(index);
    offset = node.first;
    while ((more = ntfs_index_next(vol, index, &node, &offset, &entry)) > 0)
        if (entry.child != NTFS_NO_CHILD)
            index->branches = true;
    if (more == 0 && index->branches) {
        wrong = blocks_decode(vol, index);
        if (wrong)
            more = shale_corrupt_inode(vol->fs, wrong, index->at, index->ino);
    }
    return more;
}

static int index_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                      const uint16_t *name, size_t len, bool names,
                      struct ntfs_index **out)
{
    struct ntfs_index *index = shale_zalloc(vol->fs->mem, sizeof *index);
    int err;

    if (!index)
        return SHALE_ENOMEM;
    index->ino = base->number;
    index->at = base->at;
    index->names = names;
    err = streams_load(vol, base, name, len, index);
    if (!err && index->root.type == 0)
        err = names ? shale_corrupt_inode(vol->fs, "ntfs: directory without "
                                          "an index", base->at, base->number)
                    : SHALE_ENODATA;
    if (!err)
        err = index_check(vol, index);
    if (names && vol->options.recover &&
        (err == SHALE_ECORRUPT || err == SHALE_EIO)) {
        index->checked = NTFS_DAMAGED;
        err = 0;
    }
    if (err)
        ntfs_index_free(vol, index);
    else
        *out = index;
    return err;
}

int ntfs_index_load(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct ntfs_index **out)
{
    static const uint16_t name[] = { '$', 'I', '3', '0' };

    return index_load(vol, base, name, 4, true, out);
}

int ntfs_index_load_named(struct ntfs_volume *vol,
                          const struct ntfs_record *base,
                          const uint16_t *name, size_t len,
                          struct ntfs_index **out)
{
    return index_load(vol, base, name, len, false, out);
}

void ntfs_index_free(struct ntfs_volume *vol, struct ntfs_index *index)
{
    if (!index)
        return;
    ntfs_stream_close(vol, &index->bitmap);
    ntfs_stream_close(vol, &index->blocks);
    ntfs_stream_close(vol, &index->root);
    shale_free(vol->fs->mem, index, sizeof *index);
}
