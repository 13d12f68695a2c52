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
 * kept than directories have blocks: the first ones, whatever order they come
 * in.
 */
#include "ext2/check/htree.h"
#include "ext2/ext2.h"

#define ROOT_INFO   24u         /* after the records of "." and ".." */
#define ROOT_COUNT  32u         /* where limit and count are, in the root */
#define NODE_COUNT  8u          /* ... and in a node */
#define DX_TAIL     8u          /* a reserved word, and the checksum */
#define BLOCK_MASK  0x0fffffffu
#define ROOT_FLAG_UNKNOWN 0x1u  /* names are hashed in a way of its own */
#define HASH_SIPHASH 6u         /* of names that are folded and encrypted */
#define ENTRIES_MORE 4096u      /* entries that may be there before any go */

void ext2_htree_begin(struct ext2_check_tree *tree, struct check *check)
{
    ext2_table_init(&tree->roots, check, sizeof(struct htree_root));
    ext2_table_init(&tree->nodes, check, sizeof(struct htree_node));
    ext2_table_init(&tree->entries, check, sizeof(struct htree_entry));
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

static int node_add(const struct ext2_dir_block *b, enum htree_kind kind,
                    uint32_t min, uint32_t max)
{
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct htree_node *row;

    check_lock(b->c->check, &tree->lock);
    row = ext2_table_add(&tree->nodes);
    if (row)
        *row = (struct htree_node){ b->at, b->ino, b->logical, min, max,
                                    kind };
    check_unlock(b->c->check, &tree->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* Take down COUNT entries of B, which are at START. */
static int entries_add(const struct ext2_dir_block *b, uint32_t start,
                       uint32_t count)
{
    const struct ext2_disk_htree_entry *raw = entries_of(b->bytes, start);
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct htree_entry *row = NULL;

    check_lock(b->c->check, &tree->lock);
    if (tree->entries.count > 2 * tree->entries_max + ENTRIES_MORE)
        ext2_htree_trim(tree);
    for (uint32_t i = 0; i < count; i++) {
        row = ext2_table_add(&tree->entries);
        if (!row)
            break;
        *row = (struct htree_entry){
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
            ext2_tell_block_at(b, start + i * 8 + 4, HTREE_BLOCK,
                               .other = b->logical, .compared = true,
                               .expected = b->blocks, .found = block);
        if (i > 1 && le32_get(raw[i].hash) < le32_get(raw[i - 1].hash))
            ext2_tell_block_at(b, start + i * 8, HTREE_ORDER,
                               .other = b->logical, .compared = true,
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
        ext2_tell_block_at(b, start + limit * 8 + 4, HTREE_CHECKSUM,
                           .other = b->logical, .compared = true,
                           .expected = crc, .found = found);
}

/* The entries of a root or a node. *SOUND: they have been taken down. */
static int index_check(struct ext2_dir_block *b, uint32_t start,
                       enum htree_kind kind, bool *sound)
{
    const struct ext2_disk_htree_count *counts = counts_of(b->bytes, start);
    const struct ext2_disk_htree_entry *raw = entries_of(b->bytes, start);
    uint32_t room = room_from(b->c, start), limit = le16_get(counts->limit);
    uint32_t count = le16_get(counts->count), min, max;
    int err;

    *sound = false;
    if (limit != room) {
        ext2_tell_block_at(b, start, HTREE_LIMIT, .other = b->logical,
                           .compared = true, .expected = room, .found = limit);
        limit = room;
    }
    if (count == 0 || count > limit) {
        ext2_tell_block_at(b, start + 2, HTREE_COUNT, .other = b->logical,
                           .compared = true, .expected = limit, .found = count);
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
    unsigned levels = s->large_dir ? HTREE_DEEPEST_LARGE : HTREE_DEEPEST;
    bool siphash = (b->flags & EXT2_CHECK_CASEFOLD) &&
                   (b->flags & EXT2_CHECK_CRYPT);
    bool known = siphash ? info->hash_version == HASH_SIPHASH
                         : info->hash_version <= EXT2_HASH_TEA;

    if (le32_get(info->reserved) != 0)
        ext2_tell_block_at(b, ROOT_INFO, HTREE_ROOT, .compared = true,
                           .expected = 0, .found = le32_get(info->reserved),
                           .name = "reserved", .len = 8);
    else if (info->info_length != sizeof *info)
        ext2_tell_block_at(b, ROOT_INFO + 5, HTREE_ROOT, .compared = true,
                           .expected = sizeof *info,
                           .found = info->info_length,
                           .name = "length", .len = 6);
    else if (!known)
        ext2_tell_block_at(b, ROOT_INFO + 4, HTREE_VERSION,
                           .found = info->hash_version);
    else if (info->flags & ROOT_FLAG_UNKNOWN)
        ext2_tell_block_at(b, ROOT_INFO + 7, HTREE_VERSION,
                           .found = info->hash_version);
    else if (info->levels >= levels)
        ext2_tell_block_at(b, ROOT_INFO + 6, HTREE_LEVELS, .compared = true,
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
    struct htree_root *row;
    bool sound;
    int err;

    if (!root_is_usable(b, info))
        return 0;
    err = index_check(b, ROOT_COUNT, HTREE_ROOT, &sound);
    if (err || !sound)
        return err;
    check_lock(b->c->check, &tree->lock);
    row = ext2_table_add(&tree->roots);
    if (row)
        *row = (struct htree_root){ b->at, b->ino, info->hash_version,
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

    return index_check(b, NODE_COUNT, HTREE_NODE, &sound);
}

/* ------------------------------------------------------------------ leaves */

/* NAME, with HASH, may be at EDGE of B; BEYOND: past all that were. */
static void edge_add(const struct ext2_dir_block *b, struct htree_edge *edge,
                     bool beyond, uint32_t hash, struct ext2_name name)
{
    if (beyond || edge->count == 0) {
        edge->hash = hash;
        edge->count = 0;
    }
    if (edge->hash == hash && edge->count < 8)
        edge->keys[edge->count++] = ext2_name_key(b->ino, name);
}

/*
 * Names that are folded and encrypted are hashed with a key; so R has the hash
 * behind its name ("Linear Directories", of "casefold" and "encrypt"). False:
 * there is no room for it.
 */
static bool kept_hash(const struct ext2_record *r, uint32_t *out)
{
    uint32_t name_end = (r->len + 3u) & ~3u;

    if (r->length - (uint32_t)sizeof(struct ext2_disk_dirent) <
        name_end + 2 * (uint32_t)sizeof(le32))
        return false;
    *out = le32_get(*(const le32 *)(r->name + name_end));
    return true;
}

void ext2_htree_hashes(const struct ext2_dir_block *b, unsigned version,
                        struct htree_edge *low, struct htree_edge *high)
{
    const struct ext2_check_super *s = &b->c->super;
    enum ext2_hash how = (enum ext2_hash)(version + (s->hash_unsigned ? 3 : 0));
    struct ext2_record r = { .at = 0 };

    low->hash = UINT32_MAX;
    high->hash = 0;
    low->count = high->count = 0;
    if (version > EXT2_HASH_TEA && version != HASH_SIPHASH)
        return;
    while (ext2_record_get(b->bytes, r.at, b->end, b->size == 65536, &r) > 0) {
        struct ext2_name name = ext2_fold_name(b->folding, 0, &r);
        uint32_t hash = 0;
        bool known = r.ino != 0 && r.len > 0;

        if (known && version == HASH_SIPHASH)
            known = kept_hash(&r, &hash);
        else if (known)
            hash = ext2_hash(how, s->hash_seed, (const char *)name.bytes,
                             name.len);
        if (known) {
            edge_add(b, low, hash < low->hash, hash, name);
            edge_add(b, high, hash > high->hash, hash, name);
        }
        r.at += r.length;
    }
}

int ext2_htree_leaf(struct ext2_dir_block *b)
{
    struct htree_edge low, high;
    int err;

    ext2_htree_hashes(b, b->c->super.raw.hash_version, &low, &high);
    err = ext2_check_names_add(b->c, low.keys, low.count);
    if (!err && low.hash != high.hash)
        err = ext2_check_names_add(b->c, high.keys, high.count);
    return err ? err : node_add(b, HTREE_LEAF, low.hash, high.hash);
}
