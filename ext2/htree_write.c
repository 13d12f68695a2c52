/*
 * htree_write.c - entering names through the index of a directory
 *
 * A name goes into the leaf where a search for it would begin. A leaf without
 * room is split: the records with the higher half of the hashes go to a new
 * block at the directory's end, and the index gets an entry for it. A node of
 * the index without room for that is split likewise, and the root, when all
 * below it is full, moves its entries into a node of their own.
 *
 * Who lists the directory meanwhile does so by the byte, so names may move to
 * higher bytes, where they are met (again), and never to lower ones, where they
 * would be missed. So what stays in a leaf that is split stays where it is; and
 * if it lies so that the gaps between are too small, it is packed against the
 * block's end.
 *
 * Names are taken out of a leaf as out of any block; leaves are never joined.
 */
#include "assert.h"
#include "htree.h"
#include "memfn.h"
#include "write.h"

/* One record of a leaf. */
struct leaf_record {
    uint32_t hash;
    uint16_t at;                /* in the block */
    uint16_t size;              /* bytes, without slack */
};

/* All records of a leaf, in memory of their own. */
struct leaf_map {
    struct leaf_record *records;
    size_t room;                /* records there is memory for */
    uint32_t count;
    uint32_t bytes;             /* of all of them */
};

/* What comes of a split. */
struct split {
    struct shale_buf *buf;      /* the new leaf */
    uint32_t index;             /* which block of the directory it is */
    uint32_t hash;              /* its least; bit 0 set: the old leaf has names
                                   with that hash, too */
};

static struct ext2_volume *vol_of(const struct ext2_vnode *dir)
{
    return ext2_volume_of(dir->base.fs);
}

static int buf_change(const struct ext2_vnode *dir, struct shale_buf *buf)
{
    return shale_tx_change(dir->base.fs->tx, buf, SHALE_RANK_NAME);
}

/* ---------------------------------------------------------------- nodes */

static uint32_t node_start(const struct htree_node *node)
{
    return (uint32_t)((const uint8_t *)node->entries - node->buf->data);
}

/* The entries of NODE, whose block may be changed. */
static struct ext2_disk_htree_entry *node_entries(const struct htree_node *node)
{
    return (struct ext2_disk_htree_entry *)(node->buf->data +
                                            node_start(node));
}

/* The first entry's hash is where these are. */
static void node_set_counts(struct htree_node *node, uint32_t limit,
                            uint32_t count)
{
    struct ext2_disk_htree_count *counts =
        (struct ext2_disk_htree_count *)node_entries(node);

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
    memcpy(node_entries(node), entries, count * sizeof *entries);
    node_set_counts(node, limit, count);
}

/* Add an entry for block INDEX, from HASH on, after the one followed. */
static int node_insert(const struct ext2_vnode *dir, struct htree_node *node,
                       uint32_t hash, uint32_t index)
{
    struct ext2_disk_htree_entry *entry;
    int err = buf_change(dir, node->buf);

    if (err)
        return err;
    entry = node_entries(node) + node->at + 1;
    memmove(entry + 1, entry, (node->count - node->at - 1) * sizeof *entry);
    entry->hash = le32_make(hash);
    entry->block = le32_make(index);
    node_set_counts(node, node->limit, node->count + 1);
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
    err = buf_change(dir, root->buf);
    if (err) {
        shale_buf_put(buf);
        return err;
    }
    for (unsigned i = way->depth++; i > 1; i--)
        way->node[i] = way->node[i - 1];
    way->node[1].at = root->at;
    node_fill(dir, &way->node[1], buf, root->entries, root->count);

    root->at = 0;
    node_entries(root)->block = le32_make(index);
    node_set_counts(root, root->limit, 1);
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
    err = buf_change(dir, node->buf);
    if (!err)
        err = node_insert(dir, above, hash, index);
    if (err) {
        shale_buf_put(buf);
        return err;
    }
    node_fill(dir, &fresh, buf, node->entries + keep, node->count - keep);
    node_set_counts(node, node->limit, keep);
    if (node->at >= keep) {
        fresh.at = node->at - keep;
        above->at++;
        buf = node->buf;
        *node = fresh;
    }
    shale_buf_put(buf);
    return 0;
}

/* See to it that the deepest node has room for one more entry. */
static int way_make_room(struct ext2_vnode *dir, struct htree_way *way)
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

/* --------------------------------------------------------------- leaves */

static void map_free(struct ext2_vnode *dir, struct leaf_map *map)
{
    shale_free(dir->base.fs->mem, map->records,
               map->room * sizeof *map->records);
}

/* Make a map of LEAF's records, in their order. The caller frees it. */
static int map_make(struct ext2_vnode *dir, const struct shale_buf *leaf,
                    enum ext2_hash version, struct leaf_map *map)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    struct ext2_dirent entry = { .ino = 0 };

    *map = (struct leaf_map){
        .room = super->block_size / ext2_dirent_need(1),
    };
    map->records = shale_alloc_array(dir->base.fs->mem, map->room,
                                     sizeof *map->records);
    if (!map->records)
        return SHALE_ENOMEM;
    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, leaf->data, at, &entry);
        struct leaf_record *record = &map->records[map->count];

        if (!wrong && entry.ino != 0 && entry.name_len == 0)
            wrong = "ext2: directory record with an empty name";
        if (wrong) {
            map_free(dir, map);
            return ext2_dir_bad_record(dir, leaf, at, wrong);
        }
        if (entry.ino == 0)
            continue;
        record->hash = ext2_hash(version, super->hash_seed,
                                 (const char *)entry.name, entry.name_len);
        record->at = (uint16_t)at;
        record->size = (uint16_t)ext2_dirent_need(entry.name_len);
        map->bytes += record->size;
        map->count++;
    }
    return 0;
}

/* Let record I of COUNT sink until none below it (heap) has a higher hash. */
static void heap_sink(struct leaf_record *records, uint32_t i, uint32_t count)
{
    struct leaf_record sinking = records[i];
    uint32_t child;

    while ((child = 2 * i + 1) < count) {
        if (child + 1 < count && records[child + 1].hash > records[child].hash)
            child++;
        if (records[child].hash <= sinking.hash)
            break;
        records[i] = records[child];
        i = child;
    }
    records[i] = sinking;
}

static void sort_by_hash(struct leaf_record *records, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0; )
        heap_sink(records, i, count);
    while (count-- > 1) {
        struct leaf_record highest = records[0];

        records[0] = records[count];
        records[count] = highest;
        heap_sink(records, 0, count);
    }
}

/* Of the records of MAP, in order of hash, the first that goes: about half. */
static uint32_t map_middle(const struct leaf_map *map)
{
    uint32_t moved = 0, first = map->count;

    while (first > 1) {
        uint32_t size = map->records[first - 1].size;

        if (first < map->count && moved + size / 2 > map->bytes / 2)
            break;
        moved += size;
        first--;
    }
    return first;
}

/* Add what is free in BUF to the record before it; at its start, keep it. */
static void leaf_merge(const struct ext2_super *super, struct shale_buf *buf)
{
    struct ext2_dirent entry = { .ino = 0 };
    uint32_t last = 0;

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        if (ext2_dirent_decode(super, buf->data, at, &entry))
            return;             /* cannot be: it has been walked */
        if (entry.ino != 0 || at == 0)
            last = at;
        ext2_dirent_set_length(buf->data + last, at + entry.rec_len - last);
    }
}

/* Pack the COUNT RECORDS of FROM, in any order, into the empty block TO. */
static void leaf_fill(const struct ext2_super *super, struct shale_buf *to,
                      const struct shale_buf *from,
                      const struct leaf_record *records, uint32_t count)
{
    const struct ext2_new_name nothing = { .name = "" };
    uint32_t at = 0;

    if (count == 0)
        ext2_dirent_encode(super, to->data, super->block_size, &nothing);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = records[i].size;

        memcpy(to->data + at, from->data + records[i].at, size);
        ext2_dirent_set_length(to->data + at, i + 1 < count
                                                  ? size
                                                  : super->block_size - at);
        at += size;
    }
}

/* Split LEAF, which has been mapped by MAP and is to be put after that. */
static int leaf_split(struct ext2_vnode *dir, struct htree_way *way,
                      struct shale_buf *leaf, struct leaf_map *map,
                      struct split *out)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    uint32_t first;
    int err;

    sort_by_hash(map->records, map->count);
    first = map_middle(map);
    out->hash = map->records[first].hash;
    if (map->records[first - 1].hash == out->hash)
        out->hash |= 1;

    err = way_make_room(dir, way);
    if (!err)
        err = buf_change(dir, leaf);
    if (!err)
        err = ext2_dir_append(dir, &out->buf, &out->index);
    if (err)
        return err;
    err = node_insert(dir, &way->node[way->depth - 1], out->hash, out->index);
    if (err) {
        shale_buf_put(out->buf);
        return err;
    }
    leaf_fill(super, out->buf, leaf, map->records + first, map->count - first);
    for (uint32_t i = first; i < map->count; i++) {
        uint8_t *record = leaf->data + map->records[i].at;

        ((struct ext2_disk_dirent *)record)->inode = le32_make(0);
    }
    leaf_merge(super, leaf);
    return 0;
}

/*
 * Pack the records of LEAF against its end, so that all that is free is in one
 * record at its start.
 */
static int leaf_pack(struct ext2_vnode *dir, struct shale_buf *leaf)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    const struct ext2_new_name nothing = { .name = "" };
    uint32_t end = super->block_size;
    struct leaf_map map;
    int err = map_make(dir, leaf, EXT2_HASH_LEGACY, &map);

    if (err)
        return err;
    err = buf_change(dir, leaf);
    for (uint32_t i = map.count; !err && i-- > 0; ) {
        const struct leaf_record *record = &map.records[i];

        end -= record->size;
        memmove(leaf->data + end, leaf->data + record->at, record->size);
        ext2_dirent_set_length(leaf->data + end, record->size);
    }
    if (!err && end > 0)
        ext2_dirent_encode(super, leaf->data, end, &nothing);
    map_free(dir, &map);
    return err;
}

/* Enter WHAT in BUF, block INDEX, whose records may move. */
static int leaf_insert(struct ext2_vnode *dir, struct shale_buf *buf,
                       uint32_t index, const struct ext2_new_name *what)
{
    uint32_t room;
    int done = ext2_block_insert(dir, buf, index, what, &room);

    if (done)
        return done;
    done = leaf_pack(dir, buf);
    return done ? done : ext2_block_insert(dir, buf, index, what, &room);
}

/* Enter WHAT, of HASH, in LEAF, which WAY leads to and has no gap for it. */
static int full_insert(struct ext2_vnode *dir, struct htree_way *way,
                       struct shale_buf *leaf, uint32_t hash,
                       const struct ext2_new_name *what)
{
    uint32_t size = vol_of(dir)->super.block_size;
    uint32_t index = ext2_way_block(way);
    struct split split;
    struct leaf_map map;
    int done = map_make(dir, leaf, way->version, &map);

    if (done)
        return done;
    ext2_names_forget(dir);

    /* It is not full, but what is free is in pieces. */
    if (map.bytes + ext2_dirent_need(what->len) <= size - size / 4) {
        map_free(dir, &map);
        return leaf_insert(dir, leaf, index, what);
    }
    done = leaf_split(dir, way, leaf, &map, &split);
    map_free(dir, &map);
    if (done)
        return done;
    if (hash >= (split.hash & ~1u))
        done = leaf_insert(dir, split.buf, split.index, what);
    else
        done = leaf_insert(dir, leaf, index, what);
    shale_buf_put(split.buf);
    return done;
}

static int way_insert(struct ext2_vnode *dir, struct htree_way *way,
                      const struct ext2_new_name *what)
{
    struct shale_buf *leaf;
    uint32_t hash, room;
    int done = ext2_way_find(way, what->name, what->len, &hash);

    if (!done)
        done = ext2_way_child(way, &leaf);
    if (done)
        return done;
    done = ext2_block_insert(dir, leaf, ext2_way_block(way), what, &room);
    if (!done)
        done = full_insert(dir, way, leaf, hash, what);
    shale_buf_put(leaf);
    return done;
}

int ext2_htree_insert(struct ext2_vnode *dir, const struct ext2_new_name *what)
{
    struct htree_way way = { .dir = dir };
    int done = way_insert(dir, &way, what);

    ext2_way_close(&way);
    return way.unusable ? 0 : done;
}

/* ------------------------------------------------------------ the index */

/* Does BUF begin with "." and "..", as the index wants it? */
static bool has_dots(const struct ext2_super *super,
                     const struct shale_buf *buf, struct ext2_dirent *dotdot)
{
    uint32_t first = ext2_dirent_need(1);
    struct ext2_dirent dot;

    return !ext2_dirent_decode(super, buf->data, 0, &dot) &&
           dot.rec_len == first && ext2_dirent_has_name(&dot, ".", 1) &&
           !ext2_dirent_decode(super, buf->data, first, dotdot) &&
           ext2_dirent_has_name(dotdot, "..", 2);
}

bool ext2_htree_possible(const struct ext2_vnode *dir)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    struct ext2_dirent dotdot;
    struct shale_buf *buf;
    bool possible;

    if (!(super->compat & EXT2_COMPAT_DIR_INDEX) ||
        super->hash_version > EXT2_HASH_TEA ||
        dir->base.size != super->block_size || ext2_dir_get(dir, 0, &buf))
        return false;
    possible = has_dots(super, buf, &dotdot);
    shale_buf_put(buf);
    return possible;
}

/* Write the root of an index whose only leaf is block LEAF. */
static void root_fill(const struct ext2_super *super, struct shale_buf *buf,
                      uint32_t leaf)
{
    uint32_t first = ext2_dirent_need(1);
    uint32_t limit = (super->block_size - HTREE_ROOT_START) /
                     (uint32_t)sizeof(struct ext2_disk_htree_entry);
    struct ext2_disk_htree_info *info =
        (struct ext2_disk_htree_info *)(buf->data + HTREE_ROOT_INFO);
    struct htree_node root = {
        .buf = buf,
        .entries = (const struct ext2_disk_htree_entry *)(buf->data +
                                                          HTREE_ROOT_START),
    };

    ext2_dirent_set_length(buf->data + first, super->block_size - first);
    memset(buf->data + HTREE_ROOT_INFO, 0, super->block_size - HTREE_ROOT_INFO);
    info->hash_version = super->hash_version;
    info->info_length = sizeof *info;
    node_entries(&root)->block = le32_make(leaf);
    node_set_counts(&root, limit, 1);
}

/* Move the names of the block FROM to the empty block TO, all but the dots. */
static int names_move(struct ext2_vnode *dir, struct shale_buf *from,
                      struct shale_buf *to)
{
    struct leaf_map map;
    int err = map_make(dir, from, EXT2_HASH_LEGACY, &map);

    if (err)
        return err;
    SHALE_ASSERT(map.count >= 2);
    leaf_fill(&vol_of(dir)->super, to, from, map.records + 2, map.count - 2);
    map_free(dir, &map);
    return 0;
}

int ext2_htree_make(struct ext2_vnode *dir)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    struct shale_buf *root, *leaf;
    uint32_t index;
    int err = ext2_dir_get(dir, 0, &root);

    if (err)
        return err;
    err = buf_change(dir, root);
    if (!err)
        err = ext2_dir_append(dir, &leaf, &index);
    if (err)
        goto put_root;
    err = names_move(dir, root, leaf);
    if (!err)
        err = ext2_vnode_note(dir);
    if (!err) {
        root_fill(super, root, index);
        ext2_names_forget(dir);
        ext2_room_forget(dir);
        dir->no_index = false;
        dir->inode.flags |= EXT2_INODE_INDEX;
        err = ext2_vnode_store(dir);
    }
    shale_buf_put(leaf);
put_root:
    shale_buf_put(root);
    return err;
}
