/*
 * htree.c - indexes of directories
 *
 * An index is a tree of at most three, or four, levels of blocks, sorted by the
 * hashes of names. Its leaves are the blocks that names are in.
 *
 *      root, block 0   "." ".." | info | limit, count | hash, block | ...
 *      node            a record not in use, to hide behind | the same
 *
 * Blocks come in any order. So each is taken down as one row, with the hashes
 * that it really has; each entry of the index as another, with the hashes that
 * it promises. In the end rows meet: every block is to be promised once, at the
 * right depth, and to keep what was promised. ("Hash Tree Directories" in "ext4
 * Data Structures and Algorithms")
 *
 * Bit 0 of an entry's hash says that the block before ends with the same hash.
 *
 * Since no two entries of sound indexes lead to one block, no more of them are
 * taken down than directories have blocks.
 */
#include "ext2/check/tree.h"
#include "ext2/ext2.h"

#define ROOT_INFO   24u         /* after the records of "." and ".." */
#define ROOT_COUNT  32u         /* where limit and count are, in the root */
#define NODE_COUNT  8u          /* ... and in a node */
#define DX_TAIL     8u          /* a reserved word, and the checksum */
#define BLOCK_MASK  0x0fffffffu
#define ROOT_FLAG_UNKNOWN 0x1u  /* names are hashed in a way of its own */
#define HASH_SIPHASH 6u         /* of names that are folded and encrypted */
#define LEVELS      2u          /* of nodes, the root's own included ... */
#define LEVELS_LARGE 3u         /* ... with large_dir */

enum kind { ROOT, NODE, LEAF };

/* A block of an indexed directory: what is in it. */
struct node_row {
    uint64_t at;                /* byte of the volume */
    uint32_t ino, logical;
    uint32_t min, max;          /* hashes; min > max: it has none */
    enum kind kind;
};

/* An entry of an index: what it promises. */
struct entry_row {
    uint32_t ino, block;
    uint32_t parent;            /* block that has the entry */
    uint32_t low, high;         /* hashes */
    bool first, last;           /* LOW, HIGH are for whoever has the parent */
};

struct root_row {
    uint64_t at;
    uint32_t ino;
    uint8_t version, levels;
};

static int compare_nodes(const void *a, const void *b)
{
    const struct node_row *x = a, *y = b;
    int order = ext2_order(x->ino, y->ino);

    return order ? order : ext2_order(x->logical, y->logical);
}

/* The order of siblings, too, does not depend on who came first. */
static int compare_entries(const void *a, const void *b)
{
    const struct entry_row *x = a, *y = b;
    int order = ext2_order(x->ino, y->ino);

    if (!order)
        order = ext2_order(x->block, y->block);
    if (!order)
        order = ext2_order(x->parent, y->parent);
    return order ? order : ext2_order(x->low, y->low);
}

static int compare_roots(const void *a, const void *b)
{
    const struct root_row *x = a, *y = b;

    return ext2_order(x->ino, y->ino);
}

void ext2_htree_begin(struct ext2_check_tree *tree, struct check *check)
{
    ext2_table_init(&tree->roots, check, sizeof(struct root_row));
    ext2_table_init(&tree->nodes, check, sizeof(struct node_row));
    ext2_table_init(&tree->entries, check, sizeof(struct entry_row));
}

void ext2_htree_end(struct ext2_check_tree *tree)
{
    ext2_table_fini(&tree->roots);
    ext2_table_fini(&tree->nodes);
    ext2_table_fini(&tree->entries);
}

/* --------------------------------------------------------- taking it down */

static const struct ext2_disk_htree_count *counts_of(const uint8_t *bytes,
                                                     uint32_t start)
{
    return (const struct ext2_disk_htree_count *)(bytes + start);
}

static const struct ext2_disk_htree_entry *entries_of(const uint8_t *bytes,
                                                      uint32_t start)
{
    return (const struct ext2_disk_htree_entry *)(bytes + start);
}

/* Entries that there is room for in a block of C, from START on. */
static uint32_t room_from(const struct ext2_check *c, uint32_t start)
{
    uint32_t tail = c->super.metadata_csum ? DX_TAIL : 0;

    return (c->super.block_size - start - tail) /
           (uint32_t)sizeof(struct ext2_disk_htree_entry);
}

static int node_add(const struct ext2_dir_block *b, enum kind kind,
                    uint32_t min, uint32_t max)
{
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct node_row *row;

    check_lock(b->c->check, &tree->lock);
    row = ext2_table_add(&tree->nodes);
    if (row)
        *row = (struct node_row){ b->at, b->ino, b->logical, min, max, kind };
    check_unlock(b->c->check, &tree->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* Take down COUNT entries of B, which are at START. */
static int entries_add(const struct ext2_dir_block *b, uint32_t start,
                       uint32_t count)
{
    const struct ext2_disk_htree_entry *raw = entries_of(b->bytes, start);
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct entry_row *row = NULL;

    check_lock(b->c->check, &tree->lock);
    if (count > tree->entries_max - tree->entries.count) {
        tree->entries_lost = true;
        count = (uint32_t)(tree->entries_max - tree->entries.count);
    }
    for (uint32_t i = 0; i < count; i++) {
        row = ext2_table_add(&tree->entries);
        if (!row)
            break;
        *row = (struct entry_row){
            .ino = b->ino, .parent = b->logical,
            .block = le32_get(raw[i].block) & BLOCK_MASK,
            .low = i > 0 ? le32_get(raw[i].hash) : 0,
            .high = i + 1 < count ? le32_get(raw[i + 1].hash) : UINT32_MAX,
            .first = i == 0, .last = i + 1 == count,
        };
    }
    check_unlock(b->c->check, &tree->lock);
    return row || count == 0 ? 0 : SHALE_ENOMEM;
}

/* What each entry says by itself: its block is there, and hashes rise. */
static void entries_check(struct ext2_dir_block *b, uint32_t start,
                          uint32_t count)
{
    const struct ext2_disk_htree_entry *raw = entries_of(b->bytes, start);

    for (uint32_t i = 0; i < count; i++) {
        uint32_t block = le32_get(raw[i].block) & BLOCK_MASK;

        if (block == 0 || block >= b->blocks)
            ext2_tell_block(b, HTREE_BLOCK, .other = b->logical,
                            .compared = true, .expected = b->blocks,
                            .found = block);
        if (i > 1 && le32_get(raw[i].hash) < le32_get(raw[i - 1].hash))
            ext2_tell_block(b, HTREE_ORDER, .other = b->logical,
                            .compared = true,
                            .expected = le32_get(raw[i - 1].hash),
                            .found = le32_get(raw[i].hash));
    }
}

/*
 * B's checksum: of all up to the last entry in use, then of the tail, which is
 * behind the last that could be.
 */
static void checksum_check(struct ext2_dir_block *b, uint32_t start,
                           uint32_t limit, uint32_t count)
{
    static const uint8_t zero[4];
    const uint8_t *tail = b->bytes + start + limit * 8;
    uint32_t crc, found = le32_get(*(const le32 *)(tail + 4));

    crc = ext2_check_crc(b->c, b->seed, b->bytes, start + count * 8);
    crc = ext2_check_crc(b->c, crc, tail, 4);
    crc = ext2_check_crc(b->c, crc, zero, sizeof zero);
    if (crc != found)
        ext2_tell_block(b, HTREE_CHECKSUM, .other = b->logical,
                        .compared = true, .expected = crc, .found = found);
}

/* The entries of a root or a node. *SOUND: they have been taken down. */
static int index_check(struct ext2_dir_block *b, uint32_t start, enum kind kind,
                       bool *sound)
{
    const struct ext2_disk_htree_count *counts = counts_of(b->bytes, start);
    const struct ext2_disk_htree_entry *raw = entries_of(b->bytes, start);
    uint32_t room = room_from(b->c, start), limit = le16_get(counts->limit);
    uint32_t count = le16_get(counts->count), min, max;
    int err;

    *sound = false;
    if (limit != room) {
        ext2_tell_block(b, HTREE_LIMIT, .other = b->logical, .compared = true,
                        .expected = room, .found = limit);
        limit = room;
    }
    if (count == 0 || count > limit) {
        ext2_tell_block(b, HTREE_COUNT, .other = b->logical, .compared = true,
                        .expected = limit, .found = count);
        return 0;
    }
    *sound = true;
    entries_check(b, start, count);
    if (b->c->super.metadata_csum && !b->broken)
        checksum_check(b, start, limit, count);
    min = count > 1 ? le32_get(raw[1].hash) : UINT32_MAX;
    max = count > 1 ? le32_get(raw[count - 1].hash) : 0;
    err = node_add(b, kind, min, max);
    return err ? err : entries_add(b, start, count);
}

/* Does INFO say something that can be gone by? Else it is told. */
static bool root_is_usable(struct ext2_dir_block *b,
                           const struct ext2_disk_htree_info *info)
{
    const struct ext2_check_super *s = &b->c->super;
    unsigned levels = s->large_dir ? LEVELS_LARGE : LEVELS;
    bool siphash = (b->flags & EXT2_CHECK_CASEFOLD) &&
                   (b->flags & EXT2_CHECK_CRYPT);
    bool known = siphash ? info->hash_version == HASH_SIPHASH
                         : info->hash_version <= EXT2_HASH_TEA;

    if (le32_get(info->reserved) != 0 || info->info_length != sizeof *info)
        ext2_tell_block(b, HTREE_ROOT, .compared = true,
                        .expected = sizeof *info, .found = info->info_length);
    else if (!known)
        ext2_tell_block(b, HTREE_VERSION, .found = info->hash_version);
    else if (info->flags & ROOT_FLAG_UNKNOWN)
        ext2_tell_block(b, HTREE_VERSION, .found = info->hash_version);
    else if (info->levels >= levels)
        ext2_tell_block(b, HTREE_LEVELS, .compared = true,
                        .expected = levels - 1, .found = info->levels);
    else
        return true;
    return false;
}

int ext2_htree_root(struct ext2_dir_block *b)
{
    const struct ext2_disk_htree_info *info =
        (const struct ext2_disk_htree_info *)(b->bytes + ROOT_INFO);
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct root_row *row;
    bool sound;
    int err;

    if (!root_is_usable(b, info))
        return 0;
    err = index_check(b, ROOT_COUNT, ROOT, &sound);
    if (err || !sound)
        return err;
    check_lock(b->c->check, &tree->lock);
    row = ext2_table_add(&tree->roots);
    if (row)
        *row = (struct root_row){ b->at, b->ino, info->hash_version,
                                  info->levels };
    check_unlock(b->c->check, &tree->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/*
 * A node hides behind a record that is not in use and fills the block; so may a
 * leaf without names, but where a node has its limit that has none, or what
 * once was a name.
 */
bool ext2_htree_is_node(const struct ext2_dir_block *b)
{
    struct ext2_record r;

    return ext2_record_get(b->bytes, 0, b->size, b->size == 65536, &r) > 0 &&
           r.ino == 0 && r.length == b->size && r.len == 0 &&
           le16_get(counts_of(b->bytes, NODE_COUNT)->limit) ==
               room_from(b->c, NODE_COUNT);
}

int ext2_htree_node(struct ext2_dir_block *b)
{
    bool sound;

    return index_check(b, NODE_COUNT, NODE, &sound);
}

/* ------------------------------------------------------------------ leaves */

/* Names at one edge of a leaf. */
struct edge {
    uint32_t hash;
    unsigned count;
    uint64_t keys[8];           /* more that have one hash are not looked for */
};

static void edge_add(struct edge *edge, bool beyond, uint32_t hash,
                     uint64_t key)
{
    if (beyond || edge->count == 0) {
        edge->hash = hash;
        edge->count = 0;
    }
    if (edge->hash == hash && edge->count < 8)
        edge->keys[edge->count++] = key;
}

/* The hashes of B's names, by VERSION. */
static void leaf_hashes(const struct ext2_dir_block *b, unsigned version,
                        struct edge *low, struct edge *high)
{
    const struct ext2_check_super *s = &b->c->super;
    enum ext2_hash how = (enum ext2_hash)(version + (s->hash_unsigned ? 3 : 0));
    struct ext2_record r = { .at = 0 };

    low->hash = UINT32_MAX;
    high->hash = 0;
    low->count = high->count = 0;
    /* Names are folded first, which nobody here can; or hashed with a key. */
    if ((b->flags & EXT2_CHECK_CASEFOLD) || version > EXT2_HASH_TEA)
        return;
    while (ext2_record_get(b->bytes, r.at, b->end, b->size == 65536, &r) > 0) {
        if (r.ino != 0 && r.len > 0) {
            uint32_t hash = ext2_hash(how, s->hash_seed, (const char *)r.name,
                                      r.len);
            uint64_t key = ext2_name_key(b->ino, &r);

            edge_add(low, hash < low->hash, hash, key);
            edge_add(high, hash > high->hash, hash, key);
        }
        r.at += r.length;
    }
}

int ext2_htree_leaf(struct ext2_dir_block *b)
{
    struct edge low, high;
    int err;

    leaf_hashes(b, b->c->super.raw.hash_version, &low, &high);
    err = ext2_check_names_add(b->c, low.keys, low.count);
    if (!err && low.hash != high.hash)
        err = ext2_check_names_add(b->c, high.keys, high.count);
    return err ? err : node_add(b, LEAF, low.hash, high.hash);
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
    const struct node_row key = { .ino = b.ino, .logical = b.logical };
    const struct root_row root_key = { .ino = b.ino };
    size_t at = ext2_table_find(&tree->nodes, &key, compare_nodes);
    size_t root_at = ext2_table_find(&tree->roots, &root_key, compare_roots);
    struct edge low, high;
    struct node_row *row;

    (void)check;
    if (!bytes || at == tree->nodes.count || root_at == tree->roots.count)
        return 0;
    row = ext2_table_at(&tree->nodes, at);
    if (compare_nodes(row, &key) != 0 || row->kind != LEAF)
        return 0;
    b.flags = ext2_check_info_of(c, b.ino)->flags;
    leaf_hashes(&b, ((struct root_row *)ext2_table_at(&tree->roots, root_at))
                        ->version, &low, &high);
    row->min = low.hash;
    row->max = high.hash;
    return 0;
}

/* Leaves were hashed as new directories are. Do so again where it is not so. */
static int hash_others(struct ext2_check *c)
{
    const struct ext2_check_tree *tree = ext2_tree_of(c);
    struct check_bits *others = NULL;
    int err = 0;

    for (size_t i = 0; i < tree->roots.count && !err; i++) {
        const struct root_row *root = ext2_table_at(&tree->roots, i);

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
static const struct entry_row *entry_find(const struct ext2_check_tree *tree,
                                          uint32_t ino, uint32_t block,
                                          bool *again)
{
    const struct ext2_table *entries = &tree->entries;
    const struct entry_row key = { .ino = ino, .block = block };
    size_t at = ext2_table_find(entries, &key, compare_entries);
    const struct entry_row *row, *next;

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
                          const struct entry_row *entry, struct standing *out)
{
    bool first = entry->first, last = entry->last, again;

    *out = (struct standing){ 1, entry->low & ~1u, entry->high & ~1u };
    while (entry->parent != 0) {
        if (out->level > LEVELS_LARGE)
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
static void node_finish(struct ext2_check *c, const struct root_row *root,
                        const struct node_row *row)
{
    const struct ext2_check_tree *tree = ext2_tree_of(c);
    bool again, right;
    const struct entry_row *entry = entry_find(tree, row->ino, row->logical,
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
    right = row->kind == LEAF ? is.level == root->levels + 1u
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
                        .expected = is.low, .found = row->min);
    else if ((row->max & ~1u) > is.high)
        ext2_tell_inode(c, HTREE_RANGE, row->at, row->ino,
                        .other = row->logical, .compared = true,
                        .expected = is.high, .found = row->max);
}

int ext2_htree_finish(struct ext2_check *c)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    size_t at = 0;
    int err;

    ext2_table_sort(&tree->roots, compare_roots);
    ext2_table_sort(&tree->nodes, compare_nodes);
    ext2_table_sort(&tree->entries, compare_entries);
    err = hash_others(c);
    for (size_t i = 0; i < tree->roots.count && !err; i++) {
        const struct root_row *root = ext2_table_at(&tree->roots, i);
        const struct node_row *row;

        for (; at < tree->nodes.count; at++) {
            row = ext2_table_at(&tree->nodes, at);
            if (row->ino > root->ino)
                break;
            if (row->ino == root->ino && row->kind != ROOT)
                node_finish(c, root, row);
        }
        err = check_going(c->check);
    }
    return err;
}
