/*
 * htree_write.c - entering names through the index of a directory
 *
 * A name goes into the leaf where a search for it would begin. A leaf without
 * room is split: the records with the higher half of the hashes go to a new
 * block at the directory's end (see htree_leaf.c), and the index gets an entry
 * for it (htree_node.c).
 *
 * Names are taken out of a leaf as out of any block; leaves are never joined.
 */
#include "assert.h"
#include "htree.h"
#include "memfn.h"
#include "write.h"

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

/* -------------------------------------------------------------- entering */

/* Split LEAF, which has been mapped by MAP and is to be put after that. */
static int leaf_split(struct ext2_vnode *dir, struct htree_way *way,
                      struct shale_buf *leaf, struct ext2_leaf_map *map,
                      struct split *out)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    uint32_t first;
    int err;

    first = ext2_leaf_halve(map);
    out->hash = map->records[first].hash;
    if (map->records[first - 1].hash == out->hash)
        out->hash |= 1;

    err = ext2_way_make_room(dir, way);
    if (!err)
        err = ext2_dir_change(dir, leaf);
    if (!err)
        err = ext2_dir_append(dir, &out->buf, &out->index);
    if (err)
        return err;
    err = ext2_node_insert(dir, &way->node[way->depth - 1], out->hash,
                           out->index);
    if (err) {
        shale_buf_put(out->buf);
        return err;
    }
    ext2_leaf_fill(super, out->buf, leaf, map->records + first,
                   map->count - first);
    ext2_leaf_drop(super, leaf, map->records + first, map->count - first);
    return 0;
}

/* Enter WHAT in BUF, block INDEX, whose records may move. */
static int leaf_insert(struct ext2_vnode *dir, struct shale_buf *buf,
                       uint32_t index, const struct ext2_new_name *what)
{
    uint32_t room;
    int done = ext2_block_insert(dir, buf, index, what, &room);

    if (done)
        return done;
    done = ext2_leaf_pack(dir, buf);
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
    struct ext2_leaf_map map;
    int done = ext2_leaf_map(dir, leaf, way->version, &map);

    if (done)
        return done;
    ext2_names_forget(dir);

    /* It is not full, but what is free is in pieces. */
    if (map.bytes + ext2_dirent_need(what->len) <= size - size / 4) {
        ext2_leaf_unmap(dir, &map);
        return leaf_insert(dir, leaf, index, what);
    }
    done = leaf_split(dir, way, leaf, &map, &split);
    ext2_leaf_unmap(dir, &map);
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
    if (!done && ext2_batch_is_whole(vol_of(dir)))
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

    if (!ext2_batch_is_whole(vol_of(dir)) ||
        !(super->compat & EXT2_COMPAT_DIR_INDEX) ||
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
    ext2_node_entries(&root)->block = le32_make(leaf);
    ext2_node_set_counts(&root, limit, 1);
}

/* Move the names of the block FROM to the empty block TO, all but the dots. */
static int names_move(struct ext2_vnode *dir, struct shale_buf *from,
                      struct shale_buf *to)
{
    struct ext2_leaf_map map;
    int err = ext2_leaf_map(dir, from, EXT2_HASH_LEGACY, &map);

    if (err)
        return err;
    SHALE_ASSERT(map.count >= 2);
    ext2_leaf_fill(&vol_of(dir)->super, to, from, map.records + 2,
                   map.count - 2);
    ext2_leaf_unmap(dir, &map);
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
    err = ext2_dir_change(dir, root);
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
