/*
 * index.c - a B-tree: its nodes, the order of its keys, and its bitmap
 *
 * A tree is walked in the order of its keys, child before entry, on a stack of
 * at most NTFS_INDEX_DEPTH nodes. So one comparison with the key before finds
 * what is out of order, within a node or between them. A block that comes twice
 * ends that way down: trees that bite their tails end too.
 *
 * Then the blocks that were come to are compared with the index's own bitmap.
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
    bool silent;
    struct check_bits *seen;    /* blocks */
    struct level *levels;       /* NTFS_INDEX_DEPTH of them */
    unsigned depth;
    uint8_t *last;              /* the key before: memory of KEY_MAX bytes */
    size_t last_length;
    bool has_last;
};

/* No key is longer: an entry says so in 16 bits. */
#define KEY_MAX 65536u

static uint64_t number_of(const struct walk *walk)
{
    return walk->tree.record->number;
}

static void tell(struct walk *walk, unsigned code, uint64_t at, uint64_t other)
{
    if (code != NTFS_CHECK_INDEX_ORDER)
        walk->tree.broken = true;
    if (walk->silent)
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
    walk->tree.broken = true;
    if (!walk->silent)
        ntfs_check_rule(walk->tree.nc, code, number_of(walk), at, what);
}

/* ---------------------------------------------------------------- nodes */

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
    if (*err && *err != SHALE_ENOMEM) {
        *err = 0;
        return "ntfs: a block of it cannot be read";
    }
    if (*err)
        return NULL;
    wrong = ntfs_fixup(level->block, index->block_size, "INDX");
    if (!wrong && le64_get(head->vcn) != offset >> index->vcn_shift)
        wrong = "ntfs: index block that says it is another one";
    if (!wrong)
        wrong = ntfs_node_decode(level->block + node,
                                 index->block_size - node, &level->node);
    level->node.at = ntfs_data_place(vol, &index->blocks, offset) + node;
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
        tell_rule(walk, NTFS_CHECK_INDEX_BLOCK, level->node.at, wrong);
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

/* ENTRY comes after all that have come so far. */
static int key_take(struct walk *walk, const struct ntfs_entry *entry)
{
    if (walk->has_last &&
        ntfs_check_collate(walk->tree.nc->vol, walk->tree.collation,
                           walk->last, walk->last_length, entry->key,
                           entry->key_length) >= 0)
        tell(walk, NTFS_CHECK_INDEX_ORDER, entry->at, 0);
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
                      level->node.at + level->offset, wrong);
            pop(walk);
            return 0;
        }
        level->pending = true;
        if (entry->child != NTFS_NO_CHILD)
            return push(walk, entry->child, entry->at);
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

/* The blocks that the index's bitmap says are in use, against those seen. */
static int bitmap_check(struct walk *walk)
{
    const struct ntfs_index *index = walk->tree.index;
    struct ntfs_volume *vol = walk->tree.nc->vol;
    struct check *check = walk->tree.nc->check;
    size_t size = (size_t)((index->block_count + 7) / 8);
    uint8_t *said, *seen;
    int err = 0;

    if (index->block_count == 0)
        return 0;
    if (index->bitmap.type == 0 || index->bitmap.size < size) {
        tell(walk, NTFS_CHECK_INDEX_BITMAP, index->at, 0);
        return 0;
    }
    said = check_alloc(check, 2 * size);
    if (!said)
        return SHALE_ENOMEM;
    seen = said + size;
    err = ntfs_stream_fetch(vol, &index->bitmap, 0, said, size);
    if (err && err != SHALE_ENOMEM) {
        tell(walk, NTFS_CHECK_INDEX_BITMAP, index->at, 0);
        err = 0;
    } else if (!err) {
        check_bits_store(walk->seen, 0, index->block_count, seen);
        for (uint64_t i = 0; i < index->block_count; i++) {
            bool a = said[i / 8] >> i % 8 & 1, b = seen[i / 8] >> i % 8 & 1;

            if (a != b)
                tell(walk, a ? NTFS_CHECK_INDEX_LOST : NTFS_CHECK_INDEX_FREE,
                     ntfs_data_place(vol, &index->blocks,
                                     i * index->block_size), i);
        }
    }
    check_free(check, said, 2 * size);
    return err;
}

/* ------------------------------------------------------------- the tree */

static int tree_walk(struct walk *walk)
{
    int err = 0;

    walk->levels[0] = (struct level){ .node = ntfs_index_root(
                                          walk->tree.index) };
    walk->levels[0].offset = walk->levels[0].node.first;
    walk->depth = 1;
    while (walk->depth > 0 && !err) {
        err = step(walk);
        if (!err)
            err = check_going(walk->tree.nc->check);
    }
    while (walk->depth > 0)
        pop(walk);
    /* Where not all could be read, what was not come to is no finding. */
    if (!err && !walk->silent && !walk->tree.broken)
        err = bitmap_check(walk);
    return err;
}

static int walk_with(struct walk *walk)
{
    struct check *check = walk->tree.nc->check;
    const size_t levels = NTFS_INDEX_DEPTH * sizeof *walk->levels;
    int err;

    walk->seen = check_bits_create(check, walk->tree.index->block_count);
    walk->levels = check_alloc(check, levels);
    walk->last = check_alloc(check, KEY_MAX);
    err = walk->seen && walk->levels && walk->last ? tree_walk(walk)
                                                   : SHALE_ENOMEM;
    check_bits_destroy(walk->seen);
    check_free(check, walk->levels, levels);
    check_free(check, walk->last, KEY_MAX);
    return err;
}

/* Does the head of the root say what it should? */
static void root_check(struct walk *walk)
{
    const struct ntfs_index *index = walk->tree.index;
    const struct ntfs_disk_index_root *root =
        (const struct ntfs_disk_index_root *)index->root.value;

    if (le32_get(root->collation) != walk->tree.collation && !walk->silent)
        ntfs_check_differ(walk->tree.nc, NTFS_CHECK_INDEX_COLLATION,
                          number_of(walk), index->at, walk->tree.collation,
                          le32_get(root->collation));
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
                      ntfs_tree_fn *each, void *context)
{
    struct walk walk = {
        .tree = { .nc = nc, .record = record,
                  .collation = NTFS_COLLATE_FILE_NAME, .context = context },
        .each = each, .silent = true,
    };

    return index_walk(&walk, NULL, 0);
}
