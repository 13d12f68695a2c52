/*
 * index.c - a B-tree: its nodes, the order of its keys, and its bitmap
 *
 * A tree is walked in the order of its keys, child before entry, on a stack of
 * at most NTFS_INDEX_DEPTH nodes. So one comparison with the key before finds
 * what is out of order, within a node or between them. A block that comes twice
 * ends that way down: trees that bite their tails end too.
 *
 * Then the blocks that were come to are compared with the index's own bitmap.
 * An index that has shrunk to its root may have blocks still, all of them free.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

/* A node on the way down. */
struct level {
    uint8_t *block;             /* NULL: the root */
    struct ntfs_index_node node;
    struct ntfs_entry entry;
    uint32_t offset;            /* of the next entry */
    bool pending;               /* ENTRY's child was gone into */
};

struct walk {
    struct ntfs_tree tree;
    ntfs_tree_fn *each;
    uint64_t root_at;           /* byte of the volume: the root's value */
    uint32_t value_at;          /* of any attribute of that name in a record */
    uint64_t block_count;
    struct check_bits *seen;    /* blocks */
    struct level *levels;       /* NTFS_INDEX_DEPTH of them */
    unsigned depth;
    uint8_t *last;              /* the key before: memory of KEY_MAX bytes */
    size_t last_length;
    bool has_last;
};

/* No key is longer: an entry says so in 16 bits. */
#define KEY_MAX 65536u

/* Bytes of a bitmap that are looked at past what it needs. */
#define PAST_MAX 4096u

/* In an entry. */
#define LENGTH_AT NTFS_CHECK_FIELD(ntfs_disk_entry, length)
#define KEY_AT    ((uint32_t)sizeof(struct ntfs_disk_entry))

#define MULTI(name) NTFS_CHECK_FIELD(ntfs_disk_multi, name)
#define ROOT(name)  NTFS_CHECK_FIELD(ntfs_disk_index_root, name)

static uint64_t number_of(const struct walk *walk)
{
    return walk->tree.record->number;
}

static void tell(struct walk *walk, unsigned code, uint64_t at, uint64_t other)
{
    if (code != NTFS_CHECK_INDEX_ORDER && code != NTFS_CHECK_INDEX_PAST)
        walk->tree.broken = true;
    if (walk->tree.silent)
        return;
    check_tell(walk->tree.nc->check, &ntfs_check_codes[code], at,
               &(struct check_note){
        .object = SHALE_OBJECT_RECORD, .number = number_of(walk),
        .other = other,
    });
}

static void tell_rule(struct walk *walk, unsigned code, uint64_t at,
                      const char *what)
{
    if (code != NTFS_CHECK_INDEX_NODE && code != NTFS_CHECK_INDEX_HEAD)
        walk->tree.broken = true;
    if (!walk->tree.silent)
        ntfs_check_rule(walk->tree.nc, code, number_of(walk), at, what);
}

/* ---------------------------------------------------------------- nodes */

/* What NODE, with ROOM bytes, says that cannot be, but harms nobody yet. */
static void node_judge(struct walk *walk, const struct ntfs_index_node *node,
                       uint32_t room, bool block)
{
    uint32_t at;
    const char *wrong = ntfs_check_node(node, room, block, &at);

    if (wrong)
        tell_rule(walk, NTFS_CHECK_INDEX_NODE, node->at + at, wrong);
}

/* Has the block HEAD, at byte AT, as many fixups as it needs? */
static void fixups_judge(struct walk *walk, const struct ntfs_disk_multi *head,
                         uint64_t at)
{
    uint32_t need = ntfs_check_fixups(walk->tree.index->block_size);

    if (le16_get(head->fixup_count) > need && !walk->tree.silent)
        ntfs_check_differ(walk->tree.nc, NTFS_CHECK_FIXUP_COUNT,
                          number_of(walk), at + MULTI(fixup_count), need,
                          le16_get(head->fixup_count));
}

/* Read block NUMBER into LEVEL. NULL, or which rule it breaks; *ERR for what
   ends the check. */
static const char *block_take(struct walk *walk, uint64_t number,
                              struct level *level, int *err)
{
    const struct ntfs_index *index = walk->tree.index;
    const struct ntfs_disk_index_block *head = (const void *)level->block;
    const uint32_t node = offsetof(struct ntfs_disk_index_block, node);
    struct ntfs_volume *vol = walk->tree.nc->vol;
    uint64_t offset = number * index->block_size;
    const char *wrong;

    *err = ntfs_stream_fetch(vol, &index->blocks, offset, level->block,
                             index->block_size);
    if (*err == SHALE_ENOMEM)
        return NULL;
    if (*err) {
        /* What the device does not give may be as it should. */
        *err = *err != SHALE_EIO ? 0
             : ntfs_check_mark(walk->tree.nc,
                               ntfs_check_file_of(walk->tree.record),
                               NTFS_CHECK_PARTLY);
        return "ntfs: a block of it cannot be read";
    }
    wrong = ntfs_fixup(level->block, index->block_size, "INDX");
    if (!wrong && le64_get(head->vcn) != offset >> index->vcn_shift)
        wrong = "ntfs: index block that says it is another one";
    if (!wrong)
        wrong = ntfs_node_decode(level->block + node,
                                 index->block_size - node, &level->node);
    level->node.at = ntfs_data_place(vol, &index->blocks, offset) + node;
    if (!wrong) {
        fixups_judge(walk, &head->multi, level->node.at - node);
        node_judge(walk, &level->node, index->block_size - node, true);
    }
    return wrong;
}

/* Go down to the child at VCN, for which ENTRY stands. */
static int push(struct walk *walk, uint64_t vcn, uint64_t at)
{
    const struct ntfs_index *index = walk->tree.index;
    struct check *check = walk->tree.nc->check;
    struct level *level = &walk->levels[walk->depth];
    uint64_t offset = vcn << index->vcn_shift;
    uint64_t number = offset / index->block_size, already;
    const char *wrong;
    int err;

    if (walk->depth == NTFS_INDEX_DEPTH || offset >> index->vcn_shift != vcn ||
        offset % index->block_size != 0 || number >= index->block_count) {
        tell(walk, NTFS_CHECK_INDEX_CHILD, at, vcn);
        return 0;
    }
    err = check_bits_add(walk->seen, number, 1, &already);
    if (!err && already > 0) {
        tell(walk, NTFS_CHECK_INDEX_LOOP, at, vcn);
        return 0;
    }
    if (err)
        return err;
    *level = (struct level){ .block = check_alloc(check, index->block_size) };
    if (!level->block)
        return SHALE_ENOMEM;
    wrong = block_take(walk, number, level, &err);
    if (wrong)
        tell_rule(walk, NTFS_CHECK_INDEX_BLOCK,
                  ntfs_data_place(walk->tree.nc->vol, &index->blocks,
                                  number * index->block_size), wrong);
    if (wrong || err) {
        check_free(check, level->block, index->block_size);
        return err;
    }
    level->offset = level->node.first;
    walk->depth++;
    return 0;
}

static void pop(struct walk *walk)
{
    struct level *level = &walk->levels[--walk->depth];

    if (level->block)
        check_free(walk->tree.nc->check, level->block,
                   walk->tree.index->block_size);
}

/* --------------------------------------------------------------- entries */

/* Is ENTRY as long as it has to be? */
static void length_judge(struct walk *walk, const struct ntfs_entry *entry)
{
    bool names = walk->tree.collation == NTFS_COLLATE_FILE_NAME;
    uint32_t needs;

    if (!ntfs_check_entry(entry, names, &needs) && !walk->tree.silent)
        ntfs_check_differ(walk->tree.nc, NTFS_CHECK_INDEX_LENGTH,
                          number_of(walk),
                          entry->at + LENGTH_AT, needs, entry->length);
}

/* ENTRY comes after all that have come so far. */
static int key_take(struct walk *walk, const struct ntfs_entry *entry)
{
    if (walk->has_last &&
        ntfs_check_collate(walk->tree.nc->vol, walk->tree.collation,
                           walk->last, walk->last_length, entry->key,
                           entry->key_length) >= 0)
        tell(walk, NTFS_CHECK_INDEX_ORDER, entry->at + KEY_AT, 0);
    memcpy(walk->last, entry->key, entry->key_length);
    walk->last_length = entry->key_length;
    walk->has_last = true;
    return walk->each ? walk->each(&walk->tree, entry) : 0;
}

/* One step: an entry is taken, or its child gone into. */
static int step(struct walk *walk)
{
    struct level *level = &walk->levels[walk->depth - 1];
    struct ntfs_entry *entry = &level->entry;
    const char *wrong;

    if (!level->pending) {
        wrong = ntfs_entry_decode(&level->node, level->offset, entry);
        if (wrong) {
            tell_rule(walk, NTFS_CHECK_INDEX_ENTRY,
                      level->node.at + level->offset + LENGTH_AT, wrong);
            pop(walk);
            return 0;
        }
        length_judge(walk, entry);
        level->pending = true;
        if (entry->child != NTFS_NO_CHILD)
            return push(walk, entry->child,
                        entry->at + entry->length - sizeof(le64));
    }
    level->pending = false;
    if (entry->last) {
        pop(walk);
        return 0;
    }
    level->offset += entry->length;
    return key_take(walk, entry);
}

/* ---------------------------------------------------------------- bitmap */

/* How many blocks has INDEX, whether its root leads to any or not? */
static uint64_t blocks_of(struct ntfs_check *nc, const struct ntfs_index *index)
{
    const struct ntfs_stream *blocks = &index->blocks;
    uint64_t size = blocks->size < blocks->initialized ? blocks->size
                                                       : blocks->initialized;

    if (index->branches)
        return index->block_count;
    if (blocks->type == 0 || blocks->resident ||
        size > nc->check->dev->size)
        return 0;
    return size / index->block_size;
}

/* The COUNT bits at SAID, of the bitmap, against the blocks seen. */
static void bits_compare(struct walk *walk, const uint8_t *said,
                         const uint8_t *seen, uint64_t count)
{
    const struct ntfs_index *index = walk->tree.index;

    for (uint64_t i = 0; i < count; i++) {
        bool a = said[i / 8] >> i % 8 & 1, b = seen[i / 8] >> i % 8 & 1;

        if (a != b)
            tell(walk, a ? NTFS_CHECK_INDEX_LOST : NTFS_CHECK_INDEX_FREE,
                 ntfs_data_place(walk->tree.nc->vol, &index->blocks,
                                 i * index->block_size), i);
    }
}

/* The bits of the SIZE bytes at SAID that no block has: the first COUNT have
   one. */
static void past_check(struct walk *walk, const uint8_t *said, size_t size,
                       uint64_t count)
{
    const struct ntfs_stream *bitmap = &walk->tree.index->bitmap;

    for (uint64_t i = count; i < (uint64_t)size * 8; i++)
        if (said[i / 8] >> i % 8 & 1)
            tell(walk, NTFS_CHECK_INDEX_PAST,
                 bitmap->resident
                     ? bitmap->at + walk->value_at + i / 8
                     : ntfs_data_place(walk->tree.nc->vol, bitmap, i / 8), i);
}

/* The blocks that the index's bitmap says are in use, against those seen. */
static int bitmap_check(struct walk *walk)
{
    const struct ntfs_index *index = walk->tree.index;
    uint64_t count = walk->block_count;
    struct check *check = walk->tree.nc->check;
    size_t need = (size_t)((count + 7) / 8), size = need + PAST_MAX;
    uint8_t *said, *seen;
    int err = 0;

    if (index->bitmap.type == 0 || index->bitmap.size < need) {
        if (index->branches)
            tell(walk, NTFS_CHECK_INDEX_BITMAP, index->at, 0);
        return 0;
    }
    if (size > index->bitmap.size)
        size = (size_t)index->bitmap.size;
    said = check_alloc(check, size + need + 1);
    if (!said)
        return SHALE_ENOMEM;
    seen = said + size;
    err = ntfs_stream_fetch(walk->tree.nc->vol, &index->bitmap, 0, said, size);
    if (!err) {
        check_bits_store(walk->seen, 0, count, seen);
        bits_compare(walk, said, seen, count);
        past_check(walk, said, size, count);
    } else if (err != SHALE_ENOMEM) {
        tell(walk, NTFS_CHECK_INDEX_BITMAP, index->at, 0);
        err = 0;
    }
    check_free(check, said, size + need + 1);
    return err;
}

/* ------------------------------------------------------------- the tree */

static int tree_walk(struct walk *walk)
{
    int err = 0;

    walk->levels[0] = (struct level){ .node = ntfs_index_root(
                                          walk->tree.index) };
    walk->levels[0].node.at = walk->root_at + ROOT(node);
    walk->levels[0].offset = walk->levels[0].node.first;
    node_judge(walk, &walk->levels[0].node, 0, false);
    walk->depth = 1;
    while (walk->depth > 0 && !err) {
        err = step(walk);
        if (!err)
            err = check_going(walk->tree.nc->check);
    }
    while (walk->depth > 0)
        pop(walk);
    /* Where not all could be read, what was not come to is no finding. */
    if (!err && !walk->tree.silent && !walk->tree.broken)
        err = bitmap_check(walk);
    return err;
}

static int walk_with(struct walk *walk)
{
    struct check *check = walk->tree.nc->check;
    const size_t levels = NTFS_INDEX_DEPTH * sizeof *walk->levels;
    int err;

    walk->block_count = blocks_of(walk->tree.nc, walk->tree.index);
    walk->seen = check_bits_create(check, walk->block_count);
    walk->levels = check_alloc(check, levels);
    walk->last = check_alloc(check, KEY_MAX);
    err = walk->seen && walk->levels && walk->last ? tree_walk(walk)
                                                   : SHALE_ENOMEM;
    check_bits_destroy(walk->seen);
    check_free(check, walk->levels, levels);
    check_free(check, walk->last, KEY_MAX);
    return err;
}

/* How many clusters, or units of 512 bytes in a larger cluster, has a block? */
static uint32_t units_of(const struct ntfs_boot *boot, uint32_t block_size)
{
    return block_size >= boot->cluster_size
               ? block_size >> boot->cluster_shift
               : block_size / NTFS_FIXUP_STRIDE;
}

/* Does the head of the root say what it should? */
static void root_check(struct walk *walk)
{
    const struct ntfs_index *index = walk->tree.index;
    const struct ntfs_boot *boot = &walk->tree.nc->vol->boot;
    const struct ntfs_disk_index_root *root =
        (const struct ntfs_disk_index_root *)index->root.value;

    if (le32_get(root->collation) != walk->tree.collation &&
        !walk->tree.silent)
        ntfs_check_differ(walk->tree.nc, NTFS_CHECK_INDEX_COLLATION,
                          number_of(walk), walk->root_at + ROOT(collation),
                          walk->tree.collation, le32_get(root->collation));
    if (!index->names && le32_get(root->type) != 0)
        tell_rule(walk, NTFS_CHECK_INDEX_HEAD, walk->root_at,
                  "ntfs: it says that it is one of attributes");
    if (index->names && index->block_size != boot->index_size)
        tell_rule(walk, NTFS_CHECK_INDEX_HEAD,
                  walk->root_at + ROOT(block_size),
                  "ntfs: its blocks are not of the boot sector's size");
    else if (root->block_clusters != units_of(boot, index->block_size))
        tell_rule(walk, NTFS_CHECK_INDEX_HEAD,
                  walk->root_at + ROOT(block_clusters),
                  "ntfs: its blocks are not of as many clusters as it says");
}

static int index_walk(struct walk *walk, const uint16_t *name, size_t len)
{
    struct ntfs_volume *vol = walk->tree.nc->vol;
    const struct ntfs_record *record = walk->tree.record;
    bool names = walk->tree.collation == NTFS_COLLATE_FILE_NAME;
    int err = names ? ntfs_index_load(vol, record, &walk->tree.index)
                    : ntfs_index_load_named(vol, record, name, len,
                                            &walk->tree.index);

    if (err == SHALE_ENOMEM || err == SHALE_ENODATA)
        return err == SHALE_ENOMEM ? err : 0;
    if (err || ntfs_index_is_damaged(walk->tree.index)) {
        tell(walk, NTFS_CHECK_INDEX_ROOT, record->at, 0);
        if (!err)
            ntfs_index_free(vol, walk->tree.index);
        return 0;
    }
    /* A value is behind the name. */
    walk->value_at = (uint32_t)(sizeof(struct ntfs_disk_resident) + 2 * len +
                                7) & ~7u;
    walk->root_at = walk->tree.index->at + walk->value_at;
    root_check(walk);
    err = walk_with(walk);
    ntfs_index_free(vol, walk->tree.index);
    return err;
}

int ntfs_check_index(struct ntfs_check *nc, const struct ntfs_record *record,
                     const uint16_t *name, size_t len, uint32_t collation,
                     ntfs_tree_fn *each, void *context, bool *broken)
{
    struct walk walk = {
        .tree = { .nc = nc, .record = record, .collation = collation,
                  .context = context },
        .each = each,
    };
    int err = index_walk(&walk, name, len);

    if (broken)
        *broken = walk.tree.broken;
    return err;
}

int ntfs_check_reread(struct ntfs_check *nc, const struct ntfs_record *record,
                      const uint16_t *name, size_t len, uint32_t collation,
                      ntfs_tree_fn *each, void *context)
{
    struct walk walk = {
        .tree = { .nc = nc, .record = record, .collation = collation,
                  .silent = true, .context = context },
        .each = each,
    };

    return index_walk(&walk, name, len);
}
