/*
 * quota_tree.c - what a file of quotas says
 *
 * It is made of blocks of 1 KiB, whatever the volume's are. Block 0 is a
 * header; block 1 is the root of a tree of four levels of 256 block numbers,
 * in which the bytes of an id, the highest first, lead to the block that has
 * its entry, among others'. All integers are little-endian:
 *
 *     0     magic 32, version 32, grace times 2 * 32, flags 32,
 *           blocks 32, first free block 32, first block with room 32
 *     1...  256 * number of a block 32, or 0
 *     data  next free 32, previous free 32, entries 16, unused 48,
 *           14 * (id 32, unused 32, limits of inodes 2 * 64, inodes 64,
 *           limits of space 2 * 64, space 64, grace times 2 * 64)
 *
 * An entry of nothing but zeros is not in use. The tree is gone through level
 * by level, each block once; then each block of entries is read once, for all
 * ids that lead there. After quotadoc, "V0 quota format", and files that mke2fs
 * and e2fsck make.
 */
#include "ext2/check/quota.h"
#include "memfn.h"

#define BLOCK       1024u
#define SHIFT       10u
#define ROOT        1u
#define LEVELS      4u
#define REFS        256u        /* in a block of the tree */
#define VERSION     1u
#define HEAD        32u         /* bytes of the header that are in use */
#define DATA_HEAD   16u
#define ENTRY       72u
#define ENTRIES     ((BLOCK - DATA_HEAD) / ENTRY)

static const uint32_t magics[QUOTA_KINDS] = {
    0xd9c01f11, 0xd9c01927, 0xd9c03f14,
};

/* The tree leads from ID to block NUMBER. */
struct ref {
    uint32_t number, id;
};

/* A file of quotas that is being read. */
struct reader {
    struct ext2_check *c;
    struct quota_file *file;
    unsigned kind;
    uint32_t blocks;            /* that the file has, of 1 KiB */
    struct check_bits *seen;    /* blocks of the tree */
    struct check_queue *queue;  /* tag[0]: level, or LEVELS: entries; tag[1]:
                                   the block; tag[2]: the id so far */
    struct check_lock lock;     /* of the tables */
    struct ext2_table refs;     /* struct ref */
};

static uint32_t get16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t get32(const uint8_t *b)
{
    return get16(b) | get16(b + 2) << 16;
}

static uint64_t get64(const uint8_t *b)
{
    return get32(b) | (uint64_t)get32(b + 4) << 32;
}

static size_t length(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return len;
}

/* ------------------------------------------------------------------ places */

static int by_logical(const void *a, const void *b)
{
    const struct quota_run *x = a, *y = b;

    return ext2_order(x->logical, y->logical);
}

/* Where the file's block NUMBER of 1 KiB lies; SHALE_NOWHERE: it is a hole. */
static uint64_t place_of(const struct reader *r, uint32_t number)
{
    const struct ext2_check_super *s = &r->c->super;
    uint64_t byte = (uint64_t)number << SHIFT;
    const struct quota_run key = { .logical = (byte >> s->block_shift) + 1 };
    size_t next = ext2_table_find(&r->file->runs, &key, by_logical);
    const struct quota_run *run;
    uint64_t block;

    if (next == 0)
        return SHALE_NOWHERE;
    run = ext2_table_at(&r->file->runs, next - 1);
    block = key.logical - 1 - run->logical;
    if (block >= run->count || run->block + block >= s->blocks_there)
        return SHALE_NOWHERE;
    return ext2_check_at(r->c, run->block + block) +
           (byte & (s->block_size - 1));
}

static void tell_tree(struct reader *r, uint64_t at, uint64_t number,
                      const char *what)
{
    ext2_tell_inode(r->c, QUOTA_TREE, at, r->file->ino, .other = number,
                    .name = what, .len = length(what));
}

/* Queue the file's block NUMBER; a hole has nothing in it. */
static int queue(struct reader *r, unsigned level, uint32_t number,
                 uint32_t id)
{
    uint64_t at = place_of(r, number);

    if (at == SHALE_NOWHERE)
        return 0;
    return check_queue_add(r->queue, &(const struct check_item){
        .at = at, .tag = { level, number, id },
    });
}

/* ---------------------------------------------------------------- the tree */

/* From ID at byte AT of the tree a number leads to a block of entries. */
static int ref_add(struct reader *r, uint32_t number, uint32_t id)
{
    struct ref *row;

    check_lock(r->c->check, &r->lock);
    row = ext2_table_add(&r->refs);
    if (row)
        *row = (struct ref){ number, id };
    check_unlock(r->c->check, &r->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* A block of the tree: what its numbers lead to. */
static int tree_block(struct reader *r, const struct check_item *item,
                      const uint8_t *bytes)
{
    unsigned level = (unsigned)item->tag[0];
    uint32_t prefix = (uint32_t)item->tag[2];
    int err = 0;

    for (uint32_t i = 0; i < REFS && !err; i++) {
        uint32_t number = get32(bytes + i * 4);
        uint32_t id = prefix | i << (LEVELS - 1 - level) * 8;
        uint64_t already = 0;

        if (number == 0)
            continue;
        if (number <= ROOT || number >= r->blocks) {
            tell_tree(r, item->at + i * 4, item->tag[1],
                      "leads to a block that is not in the file");
            continue;
        }
        if (level + 1 == LEVELS) {
            err = ref_add(r, number, id);
            continue;
        }
        err = check_bits_add(r->seen, number, 1, &already);
        if (!err && already != 0)
            tell_tree(r, item->at + i * 4, item->tag[1],
                      "leads to a block that something else leads to");
        else if (!err)
            err = queue(r, level + 1, number, id);
    }
    return err;
}

/* ----------------------------------------------------------------- entries */

static int by_number(const void *a, const void *b)
{
    const struct ref *x = a, *y = b;
    int order = ext2_order(x->number, y->number);

    return order ? order : ext2_order(x->id, y->id);
}

static bool leads(const struct reader *r, uint32_t number, uint32_t id)
{
    const struct ref key = { number, id };
    size_t at = ext2_table_find(&r->refs, &key, by_number);

    return at < r->refs.count &&
           by_number(ext2_table_at(&r->refs, at), &key) == 0;
}

static int said_add(struct reader *r, const struct quota_use *use)
{
    struct quota_use *row;

    check_lock(r->c->check, &r->lock);
    row = ext2_table_add(&r->file->said);
    if (row)
        *row = *use;
    check_unlock(r->c->check, &r->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* How many ids lead to block NUMBER, and the first row of these. */
static size_t refs_of(const struct reader *r, uint32_t number, size_t *first)
{
    const struct ref from = { number, 0 }, to = { number + 1, 0 };

    *first = ext2_table_find(&r->refs, &from, by_number);
    return ext2_table_find(&r->refs, &to, by_number) - *first;
}

/* Has the block an entry for ID? */
static bool has_entry(const uint8_t *bytes, uint32_t id)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        const uint8_t *entry = bytes + DATA_HEAD + i * ENTRY;

        if (get32(entry) == id && !check_is_zero(entry, ENTRY))
            return true;
    }
    return false;
}

/* A block of entries: what each says, and whether the tree leads there. */
static int data_block(struct reader *r, const struct check_item *item,
                      const uint8_t *bytes)
{
    uint32_t number = (uint32_t)item->tag[1];
    size_t first, refs = refs_of(r, number, &first);
    unsigned used = 0;
    int err = 0;

    for (unsigned i = 0; i < ENTRIES && !err; i++) {
        const uint8_t *entry = bytes + DATA_HEAD + i * ENTRY;
        uint64_t at = item->at + DATA_HEAD + i * ENTRY;

        if (check_is_zero(entry, ENTRY))
            continue;
        used++;
        if (leads(r, number, get32(entry)))
            err = said_add(r, &(const struct quota_use){
                .space = get64(entry + 48), .inodes = get64(entry + 24),
                .at = at, .id = get32(entry),
            });
        else
            tell_tree(r, at, number,
                      "has an entry that nothing leads to");
    }
    for (size_t i = 0; i < refs && !err; i++) {
        const struct ref *ref = ext2_table_at(&r->refs, first + i);

        if (!has_entry(bytes, ref->id))
            tell_tree(r, item->at, number,
                      "does not have an entry that the tree expects");
    }
    if (used != get16(bytes + 8))
        tell_tree(r, item->at + 8, number, "counts its entries wrongly");
    return err;
}

static int handle(struct check *check, const struct check_item *item,
                  uint8_t *bytes, void *context)
{
    struct reader *r = context;

    if (!bytes) {
        check_tell(check, &check_codes[CHECK_READ], item->at,
                   &(const struct check_note){
                       .object = SHALE_OBJECT_INODE, .number = r->file->ino,
                       .other = item->at });
        return 0;
    }
    return item->tag[0] < LEVELS ? tree_block(r, item, bytes)
                                 : data_block(r, item, bytes);
}

/* Queue all blocks of entries. */
static int queue_data(struct reader *r)
{
    uint32_t last = 0;
    int err = 0;

    ext2_table_sort(&r->refs, by_number);
    for (size_t i = 0; i < r->refs.count && !err; i++) {
        const struct ref *ref = ext2_table_at(&r->refs, i);

        if (ref->number == last)
            continue;
        last = ref->number;
        if (check_bits_has(r->seen, last))
            tell_tree(r, ext2_check_inode_at(r->c, r->file->ino), last,
                      "is of the tree, and leads to itself as entries");
        else
            err = queue(r, LEVELS, last, 0);
    }
    return err;
}

/* -------------------------------------------------------------- the header */

/* What is wrong with the header at BYTES, and where in it; NULL: nothing. */
static const char *wrong(struct reader *r, const uint8_t *bytes, size_t *offset)
{
    uint64_t there = r->file->size >> SHIFT;
    uint32_t blocks = get32(bytes + 20);

    *offset = 0;
    if (get32(bytes) != magics[r->kind])
        return "does not begin with the right magic number";
    *offset = 4;
    if (get32(bytes + 4) != VERSION)
        return "is of a version that is not known";
    *offset = 20;
    if (blocks <= ROOT || blocks > there)
        return "says that it has more blocks than are there, or none";
    r->blocks = blocks;
    *offset = 24;
    if (get32(bytes + 24) >= blocks)
        return "says that its free blocks begin where none is";
    *offset = 28;
    if (get32(bytes + 28) >= blocks)
        return "says that there is room in a block that is not there";
    return NULL;
}

static int head_check(struct reader *r, bool *sound)
{
    uint64_t at = place_of(r, 0);
    uint8_t bytes[HEAD] = { 0 };
    const char *what;
    size_t offset;
    bool good = true;
    int err = 0;

    *sound = false;
    if (at != SHALE_NOWHERE)
        err = check_get(r->c->check, at, bytes, sizeof bytes,
                        SHALE_OBJECT_INODE, r->file->ino, &good);
    if (err || !good)
        return err;
    if (at == SHALE_NOWHERE)
        at = ext2_check_inode_at(r->c, r->file->ino);
    what = wrong(r, bytes, &offset);
    if (what)
        ext2_tell_inode(r->c, QUOTA_FILE, at + offset, r->file->ino,
                        .name = what, .len = length(what));
    *sound = !what;
    return 0;
}

/* ------------------------------------------------------------- all of it */

static int read_all(struct reader *r)
{
    int err;

    r->seen = check_bits_create(r->c->check, r->blocks);
    r->queue = check_queue_create(r->c->check, BLOCK);
    if (!r->seen || !r->queue)
        return SHALE_ENOMEM;
    err = check_bits_add(r->seen, ROOT, 1, NULL);
    if (!err)
        err = queue(r, 0, ROOT, 0);
    if (!err)
        err = check_queue_run(r->queue, handle, r);
    if (!err)
        err = queue_data(r);
    if (!err)
        err = check_queue_run(r->queue, handle, r);
    ext2_table_sort(&r->file->said, ext2_quota_by_id);
    return err;
}

int ext2_quota_read(struct ext2_check *c, unsigned kind, bool *sound)
{
    struct reader r = {
        .c = c, .file = &c->quota->files[kind], .kind = kind,
    };
    int err = check_lock_init(c->check, &r.lock);

    if (err)
        return err;
    ext2_table_init(&r.refs, c->check, sizeof(struct ref));
    ext2_table_sort(&r.file->runs, by_logical);
    err = head_check(&r, sound);
    if (!err && *sound)
        err = read_all(&r);
    check_queue_destroy(r.queue);
    check_bits_destroy(r.seen);
    ext2_table_fini(&r.refs);
    check_lock_fini(c->check, &r.lock);
    return err;
}
