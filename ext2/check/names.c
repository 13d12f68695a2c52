/*
 * names.c - names that a directory has twice
 *
 * Only one of the two can ever be found; the other file is out of reach. (1) A
 * directory of one block is searched by itself. (2) So is a leaf of an index,
 * since equal names have equal hashes, and those are in one leaf; but at its
 * edges, where the next leaf may go on with the same hash. (3) Of all names in
 * any other directory 8 bytes are taken down, a number made of the directory
 * and the name, until its last block has been read; of names at edges, until
 * all blocks have. Where two numbers are equal, and only then, blocks are read
 * again, to see whether the names are.
 */
#include "ext2/check/tree.h"
#include "memfn.h"

#define ALONE_MAX   8192u       /* bytes of a block searched by itself */
#define OPEN_MAX    512u        /* directories told apart at a time */
#define SAME_MAX    16384u      /* names compared with each other, at most: the
                                   first of them by number, then inode ... */

/* A directory of several blocks, not all of which have been read. */
struct ext2_names_dir {
    struct ext2_names_dir *next;
    struct ext2_table keys;     /* uint64_t */
    uint32_t ino;
    uint32_t left;              /* blocks */
};

/* A name that may be there twice. */
struct same_row {
    uint64_t key, at;
    uint8_t *name;              /* memory of len bytes */
    uint32_t ino;
    uint8_t len;
};

void ext2_check_names_begin(struct ext2_check_tree *tree, struct check *check)
{
    ext2_table_init(&tree->names, check, sizeof(uint64_t));
    ext2_table_init(&tree->same, check, sizeof(struct same_row));
}

static void same_clear(struct ext2_check_tree *tree)
{
    for (size_t i = 0; i < tree->same.count; i++) {
        const struct same_row *row = ext2_table_at(&tree->same, i);

        check_free(tree->same.check, row->name, row->len);
    }
    ext2_table_fini(&tree->same);
}

static void dir_free(struct check *check, struct ext2_names_dir *dir)
{
    ext2_table_fini(&dir->keys);
    check_free(check, dir, sizeof *dir);
}

void ext2_check_names_end(struct ext2_check_tree *tree)
{
    for (size_t i = 0; i < sizeof tree->open / sizeof tree->open[0]; i++) {
        while (tree->open[i]) {
            struct ext2_names_dir *dir = tree->open[i];

            tree->open[i] = dir->next;
            dir_free(tree->names.check, dir);
        }
    }
    ext2_table_fini(&tree->names);
    same_clear(tree);
}

/* As FNV-1a, but eight bytes at a time; over the inode number, too. */
uint64_t ext2_name_key(uint32_t ino, struct ext2_name name)
{
    const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t key = UINT64_C(0xcbf29ce484222325) ^ ino ^
                   (uint64_t)name.len << 32;

    key *= prime;
    for (unsigned at = 0; at < name.len; at += 8) {
        unsigned len = name.len - at < 8 ? name.len - at : 8;
        uint64_t word = 0;

        if (len == 8)           /* a length that is known is one load */
            memcpy(&word, name.bytes + at, 8);
        else
            memcpy(&word, name.bytes + at, len);
        key = (key ^ key >> 32 ^ word) * prime;
    }
    /* The last bytes of a name are in the highest bits: bring them down. */
    key = (key ^ key >> 32) * prime;
    return key ^ key >> 32;
}

/* How two names of a directory are the same. */
enum same { DIFFERENT, FOLDED, SAME };

/* A and B are records of a directory that folds names with FOLDING. */
static enum same compare_names(struct ext2_folding *folding,
                               const struct ext2_record *a,
                               const struct ext2_record *b)
{
    struct ext2_name x, y;

    if (a->len == b->len && memcmp(a->name, b->name, b->len) == 0)
        return SAME;
    if (!folding)
        return DIFFERENT;
    x = ext2_fold_name(folding, 0, a);
    y = ext2_fold_name(folding, 1, b);
    return x.len == y.len && memcmp(x.bytes, y.bytes, y.len) == 0 ? FOLDED
                                                                  : DIFFERENT;
}

/* Add COUNT KEYS to TABLE. With the lock held. */
static int keys_add(struct ext2_table *table, const uint64_t *keys,
                    size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t *row = ext2_table_add(table);

        if (!row)
            return SHALE_ENOMEM;
        *row = keys[i];
    }
    return 0;
}

int ext2_check_names_add(struct ext2_check *c, const uint64_t *keys,
                         unsigned count)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    int err;

    check_lock(c->check, &tree->lock);
    err = keys_add(&tree->names, keys, count);
    check_unlock(c->check, &tree->lock);
    return err;
}

/* ------------------------------------------------------------- one block */

/* Is the name of R in B before R? */
static enum same is_before(const struct ext2_dir_block *b,
                           const struct ext2_record *r)
{
    struct ext2_record other = { .at = 0 };
    enum same best = DIFFERENT, same;

    while (other.at < r->at && best != SAME &&
           ext2_record_get(b->bytes, other.at, b->end, false, &other) > 0) {
        if (other.at < r->at && other.ino != 0) {
            same = compare_names(b->folding, &other, r);
            best = same > best ? same : best;
        }
        other.at += other.length;
    }
    return best;
}

/* Search B by itself. Only what sets a bit again is compared. */
static void block_search(struct ext2_dir_block *b)
{
    uint64_t met[64] = { 0 };
    struct ext2_record r = { .at = 0 };

    while (ext2_record_get(b->bytes, r.at, b->end, false, &r) > 0) {
        if (r.ino != 0 && r.len > 0 && !ext2_record_is_dots(&r)) {
            uint64_t key = ext2_name_key(b->ino,
                                         ext2_fold_name(b->folding, 0, &r));
            uint64_t bit = UINT64_C(1) << (key & 63);
            uint64_t *word = &met[key >> 6 & 63];
            enum same same = *word & bit ? is_before(b, &r) : DIFFERENT;

            if (same == SAME)
                ext2_tell_record(b, &r, NAME_TWICE, .other = r.ino);
            else if (same == FOLDED)
                ext2_tell_record(b, &r, NAME_FOLDED, .other = r.ino);
            *word |= bit;
        }
        r.at += r.length;
    }
}

/* ------------------------------------------------- several, of a directory */

static int compare_keys(const void *a, const void *b)
{
    return ext2_order(*(const uint64_t *)a, *(const uint64_t *)b);
}

static uint64_t key_at(const struct ext2_table *names, size_t index)
{
    return *(uint64_t *)ext2_table_at(names, index);
}

/*
 * Leave out most numbers that are there once, since sorting takes longer than
 * all else here. Those with the same low bits share a counter, of which there
 * are at least 4 for each number: 0, 1, or more. Who is alone there goes.
 */
static int leave_single(struct check *check, struct ext2_table *names)
{
    size_t size = 64, kept = 0;         /* bytes, each of 4 counters */
    uint8_t *counters;

    while (size < names->count)
        size *= 2;
    counters = check_zalloc(check, size);
    if (!counters)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < names->count; i++) {
        uint64_t key = key_at(names, i);
        uint8_t *byte = &counters[key >> 2 & (size - 1)];
        unsigned shift = (key & 3) * 2;

        *byte |= (uint8_t)((*byte >> shift & 3 ? 2u : 1u) << shift);
    }
    for (size_t i = 0; i < names->count; i++) {
        uint64_t key = key_at(names, i);

        if (counters[key >> 2 & (size - 1)] >> (key & 3) * 2 & 2)
            *(uint64_t *)ext2_table_at(names, kept++) = key;
    }
    names->count = kept;
    check_free(check, counters, size);
    return 0;
}

/* Keep only the numbers that are there twice, once each. */
static void keep_repeated(struct ext2_table *names)
{
    size_t kept = 0;

    ext2_table_sort(names, compare_keys);
    for (size_t i = 1; i < names->count; i++) {
        uint64_t key = key_at(names, i);

        if (key == key_at(names, i - 1) &&
            (kept == 0 || key != key_at(names, kept - 1)))
            *(uint64_t *)ext2_table_at(names, kept++) = key;
    }
    names->count = kept;
}

/* All of DIR has been read: what it has twice is taken down twice. */
static int dir_finish(struct ext2_check *c, struct ext2_names_dir *dir)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    int err = leave_single(c->check, &dir->keys);

    if (!err)
        keep_repeated(&dir->keys);
    check_lock(c->check, &tree->lock);
    for (size_t i = 0; i < dir->keys.count && !err; i++) {
        const uint64_t twice[] = { key_at(&dir->keys, i),
                                   key_at(&dir->keys, i) };

        err = keys_add(&tree->names, twice, 2);
    }
    check_unlock(c->check, &tree->lock);
    dir_free(c->check, dir);
    return err;
}

/* Where the open directory INO is noted, or would be. With the lock held. */
static struct ext2_names_dir **dir_find(struct ext2_check_tree *tree,
                                        uint32_t ino)
{
    size_t count = sizeof tree->open / sizeof tree->open[0];
    struct ext2_names_dir **at = &tree->open[ino % count];

    while (*at && (*at)->ino != ino)
        at = &(*at)->next;
    return at;
}

/* Open B's directory. With the lock held. */
static struct ext2_names_dir *dir_open(const struct ext2_dir_block *b)
{
    struct ext2_names_dir *dir = check_zalloc(b->c->check, sizeof *dir);

    if (!dir)
        return NULL;
    ext2_table_init(&dir->keys, b->c->check, sizeof(uint64_t));
    dir->ino = b->ino;
    dir->left = b->found;
    ext2_tree_of(b->c)->open_count++;
    return dir;
}

/*
 * COUNT KEYS more are in B. DONE: they are the last. Once too many directories
 * are open, none is opened any more: keys are taken down until the end.
 */
static int dir_add(const struct ext2_dir_block *b, const uint64_t *keys,
                   unsigned count, bool done)
{
    struct ext2_check_tree *tree = ext2_tree_of(b->c);
    struct ext2_names_dir **at, *dir;
    bool complete = false;
    int err;

    check_lock(b->c->check, &tree->lock);
    at = dir_find(tree, b->ino);
    tree->open_full |= tree->open_count == OPEN_MAX;
    if (!*at && !tree->open_full)
        *at = dir_open(b);
    dir = *at;
    if (dir)
        err = keys_add(&dir->keys, keys, count);
    else
        err = keys_add(&tree->names, keys, count);
    if (!err && done && dir && dir->left > 0)
        complete = --dir->left == 0;
    if (complete) {
        *at = dir->next;
        tree->open_count--;
    }
    check_unlock(b->c->check, &tree->lock);
    return complete ? dir_finish(b->c, dir) : err;
}

/* Take down all names of B. */
static int block_gather(struct ext2_dir_block *b)
{
    struct ext2_record r = { .at = 0 };
    uint64_t keys[48];
    unsigned count = 0;
    int err = 0;

    while (!err && ext2_record_get(b->bytes, r.at, b->end, b->size == 65536,
                                   &r) > 0) {
        if (r.ino != 0 && r.len > 0 && !ext2_record_is_dots(&r))
            keys[count++] = ext2_name_key(
                b->ino, ext2_fold_name(b->folding, 0, &r));
        if (count == sizeof keys / sizeof keys[0]) {
            err = dir_add(b, keys, count, false);
            count = 0;
        }
        r.at += r.length;
    }
    return err ? err : dir_add(b, keys, count, true);
}

int ext2_check_names_block(struct ext2_dir_block *b)
{
    bool alone = (b->flags & (EXT2_CHECK_INDEXED | EXT2_CHECK_INLINE)) ||
                 b->blocks <= 1;

    if (b->size > ALONE_MAX || !alone)
        return block_gather(b);
    block_search(b);
    return 0;
}

/* ------------------------------------------------------------- all blocks */

/* By name within a number: those that are the same to the byte come first. */
static int compare_same(const void *a, const void *b)
{
    const struct same_row *x = a, *y = b;
    int order = ext2_order(x->key, y->key);

    if (!order)
        order = ext2_order(x->ino, y->ino);
    if (!order)
        order = ext2_order(x->len, y->len);
    if (!order && x->len > 0)
        order = memcmp(x->name, y->name, x->len);
    return order ? order : ext2_order(x->at, y->at);
}

/* Leave the first SAME_MAX of the rows, whatever order they came in. */
static void same_trim(struct ext2_check_tree *tree)
{
    struct ext2_table *same = &tree->same;

    ext2_table_sort(same, compare_same);
    while (same->count > SAME_MAX) {
        const struct same_row *row = ext2_table_at(same, --same->count);

        check_free(same->check, row->name, row->len);
    }
}

/* R, at byte AT of the volume, may be one of two. */
static int same_add(struct ext2_check *c, uint32_t ino, uint64_t key,
                    const struct ext2_record *r, uint64_t at)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    struct same_row *row = NULL;
    uint8_t *name = check_alloc(c->check, r->len);

    if (!name)
        return SHALE_ENOMEM;
    memcpy(name, r->name, r->len);
    check_lock(c->check, &tree->lock);
    if (tree->same.count == 2 * SAME_MAX)
        same_trim(tree);
    row = ext2_table_add(&tree->same);
    if (row)
        *row = (struct same_row){ key, at, name, ino, r->len };
    check_unlock(c->check, &tree->lock);
    if (!row)
        check_free(c->check, name, r->len);
    return row ? 0 : SHALE_ENOMEM;
}

static uint8_t flags_of(struct ext2_check *c, uint32_t ino)
{
    const struct ext2_check_info *info = ext2_check_info_of(c, ino);

    return info ? info->flags : 0;
}

/* A block of directories once more. */
static int block_again(struct check *check, const struct check_item *item,
                       uint8_t *bytes, void *context)
{
    struct ext2_check *c = context;
    const struct ext2_table *names = &ext2_tree_of(c)->names;
    uint32_t ino = (uint32_t)item->tag[0], size = c->super.block_size;
    struct ext2_record r = { .at = 0 };
    struct ext2_folding *folding;
    int err = ext2_fold_begin(c, flags_of(c, ino), &folding);

    (void)check;
    while (!err && bytes &&
           ext2_record_get(bytes, r.at, size, size == 65536, &r) > 0) {
        uint64_t key = ext2_name_key(ino, ext2_fold_name(folding, 0, &r));
        size_t at = ext2_table_find(names, &key, compare_keys);

        if (r.ino != 0 && r.len > 0 && at < names->count &&
            key_at(names, at) == key)
            err = same_add(c, ino, key, &r, item->at + r.at);
        r.at += r.length;
    }
    ext2_fold_end(c, folding);
    return err;
}

/* Directories of which not all blocks could be read. */
static int dirs_finish(struct ext2_check *c)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    int err = 0;

    for (size_t i = 0; i < sizeof tree->open / sizeof tree->open[0]; i++) {
        while (tree->open[i] && !err) {
            struct ext2_names_dir *dir = tree->open[i];

            tree->open[i] = dir->next;
            err = dir_finish(c, dir);
        }
    }
    return err;
}

/* A and B have one number: are their names the same? */
static int same_compare(struct ext2_check *c, const struct same_row *a,
                        const struct same_row *b)
{
    const struct ext2_record x = { .name = a->name, .len = a->len };
    const struct ext2_record y = { .name = b->name, .len = b->len };
    struct ext2_folding *folding;
    int err = ext2_fold_begin(c, flags_of(c, b->ino), &folding);
    enum same same = err ? DIFFERENT : compare_names(folding, &x, &y);

    if (same == SAME)
        ext2_tell_inode(c, NAME_TWICE, b->at, b->ino,
                        .name = (const char *)b->name, .len = b->len);
    else if (same == FOLDED)
        ext2_tell_inode(c, NAME_FOLDED, b->at, b->ino,
                        .name = (const char *)b->name, .len = b->len);
    ext2_fold_end(c, folding);
    return err;
}

int ext2_check_names_finish(struct ext2_check *c)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    int err = dirs_finish(c);

    if (!err)
        err = leave_single(c->check, &tree->names);
    if (err)
        return err;
    keep_repeated(&tree->names);
    if (tree->names.count == 0) {
        ext2_table_fini(&tree->names);
        return 0;
    }
    err = ext2_tree_again(c, NULL, block_again, c);
    if (err)
        return err;
    same_trim(tree);
    for (size_t i = 1; i < tree->same.count && !err; i++) {
        const struct same_row *a = ext2_table_at(&tree->same, i - 1);
        const struct same_row *b = ext2_table_at(&tree->same, i);

        if (a->ino == b->ino && a->key == b->key)
            err = same_compare(c, a, b);
    }
    same_clear(tree);
    return err ? err : check_going(c->check);
}
