/*
 * shared.c - pass 1b: blocks that several have, and who they are
 *
 * The first walk over all inodes noted which blocks were claimed more than
 * once. If there are any, a second walk, which tells nothing, notes whose these
 * are. Sorted by block, neighbours with the same owners make one finding for
 * each two of them.
 *
 * The second walk is one thread's, who comes to inodes and nodes in a fixed
 * order. So where only the first owners count, they are always the same ones:
 * when there are more than can be noted, and for blocks that several
 * directories have, which are looked at as part of one of them.
 */
#include "ext2/check/scan.h"
#include "ext2/check/table.h"
#include "memfn.h"

/* Owners noted; more are counted only. 16 bytes each. */
#define OWNERS_MAX 262144u

static int compare(const void *left, const void *right)
{
    const struct ext2_check_owner *a = left, *b = right;

    if (a->cluster != b->cluster)
        return a->cluster < b->cluster ? -1 : 1;
    if (a->ino != b->ino)
        return a->ino < b->ino ? -1 : 1;
    return (a->use > b->use) - (a->use < b->use);
}

/* ---------------------------------------------------------------- telling */

/* The owners of one cluster, within the sorted array. */
struct group {
    const struct ext2_check_owner *owners;
    size_t count;
};

/* Several inodes may have one block of attributes in common. */
static bool both_attributes(const struct ext2_check_owner *a,
                            const struct ext2_check_owner *b)
{
    return a->use == SHALE_USE_ATTRIBUTES && b->use == SHALE_USE_ATTRIBUTES;
}

static bool same_owners(const struct group *a, const struct group *b,
                        uint64_t distance)
{
    if (a->count != b->count ||
        b->owners[0].cluster != a->owners[0].cluster + distance)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->owners[i].ino != b->owners[i].ino ||
            a->owners[i].use != b->owners[i].use)
            return false;
    return true;
}

static void tell_one(struct ext2_check *c, uint64_t block, uint64_t count,
                     uint32_t ino, uint32_t other)
{
    uint64_t at = ext2_check_at(c, block);

    if (ino == other)
        ext2_tell_inode(c, BLOCK_TWICE, at, ino, .other = block,
                        .found = count);
    else
        ext2_tell_inode(c, BLOCK_SHARED, at, ino, .other = other,
                        .expected = block, .found = count);
}

/* LEN clusters from GROUP's on have its owners. */
static void tell_group(struct ext2_check *c, const struct group *g,
                       uint64_t len)
{
    const struct ext2_check_owner *first = g->owners;
    uint64_t block = first->cluster << c->super.cluster_shift;
    uint64_t count = len << c->super.cluster_shift;
    bool meta = check_bits_has(c->metadata, first->cluster);

    for (size_t i = 0; i < g->count; i++) {
        const struct ext2_check_owner *o = &first[i];

        if (meta)
            ext2_tell_inode(c, BLOCK_METADATA, ext2_check_at(c, block),
                            o->ino, .other = block, .found = count);
        if (i == 0 || both_attributes(o, &first[i - 1]))
            continue;
        /* Pieces of one file in a cluster are as it should be. */
        if (o->ino == first[i - 1].ino && c->super.bigalloc)
            continue;
        tell_one(c, block, count, first->ino, o->ino);
        if (o->ino != first->ino)
            tell_one(c, block, count, o->ino, first->ino);
    }
}

static struct group group_at(const struct ext2_check_scan *scan, size_t i)
{
    struct group g = { &scan->owners[i], 0 };

    while (i + g.count < scan->owner_count &&
           g.owners[g.count].cluster == g.owners[0].cluster)
        g.count++;
    return g;
}

static void tell_all(struct ext2_check *c)
{
    const struct ext2_check_scan *scan = c->scan;
    struct group g = { NULL, 0 };
    uint64_t len = 0;

    for (size_t i = 0; i < scan->owner_count;) {
        struct group next = group_at(scan, i);
        bool meta = check_bits_has(c->metadata, next.owners[0].cluster);

        if (g.count > 0 && same_owners(&g, &next, len) &&
            meta == check_bits_has(c->metadata, g.owners[0].cluster)) {
            len++;
        } else {
            if (g.count > 0)
                tell_group(c, &g, len);
            g = next;
            len = 1;
        }
        i += next.count;
    }
    if (g.count > 0)
        tell_group(c, &g, len);
    if (scan->owners_lost > 0)
        ext2_tell(c, BLOCK_MORE_SHARED, SHALE_NOWHERE,
                  .other = scan->owners_lost);
}

/* ------------------------------------------------- blocks of directories */

struct ext2_check_owned {
    struct ext2_table rows;     /* struct check_item, by place */
};

static int compare_places(const void *left, const void *right)
{
    const struct check_item *a = left, *b = right;

    return ext2_order(a->at, b->at);
}

int ext2_check_dir_owner(struct ext2_check *c, const struct check_item *item)
{
    struct check_item *row = ext2_table_add(&c->owned->rows);

    if (!row)
        return SHALE_ENOMEM;
    *row = *item;
    return 0;
}

void ext2_check_dir_settle(const struct ext2_check *c, struct check_item *item)
{
    const struct check_item *row;
    size_t at;

    if (!c->owned)
        return;
    at = ext2_table_find(&c->owned->rows, item, compare_places);
    if (at == c->owned->rows.count)
        return;
    row = ext2_table_at(&c->owned->rows, at);
    if (row->at == item->at)
        *item = *row;
}

void ext2_check_owned_end(struct ext2_check *c)
{
    if (!c->owned)
        return;
    ext2_table_fini(&c->owned->rows);
    check_free(c->check, c->owned, sizeof *c->owned);
    c->owned = NULL;
}

/* --------------------------------------------------------------------- all */

static int hunt(struct ext2_check *c)
{
    struct ext2_check_scan *scan = c->scan;
    int err;

    check_bits_destroy(c->maps);
    c->maps = check_bits_create(c->check, c->super.blocks_there);
    if (!c->maps)
        return SHALE_ENOMEM;
    c->owned = check_zalloc(c->check, sizeof *c->owned);
    if (!c->owned)
        return SHALE_ENOMEM;
    ext2_table_init(&c->owned->rows, c->check, sizeof(struct check_item));
    scan->hunt = true;
    check_alone(c->check, true);
    err = ext2_check_scan_all(c);
    check_alone(c->check, false);
    scan->hunt = false;
    ext2_table_sort(&c->owned->rows, compare_places);
    return err;
}

int ext2_check_shared(struct ext2_check *c)
{
    struct ext2_check_scan *scan = c->scan;
    uint64_t twice = check_bits_sum(c->twice, 0, c->super.cluster_count);
    size_t size = OWNERS_MAX * sizeof *scan->owners;
    bool dirs = check_bits_next(c->dir_twice, 0, true) <
                check_bits_size(c->dir_twice);
    int err;

    /* Sharing may be meant: such volumes are read-only. */
    if (c->super.ro_compat & EXT2_RO_COMPAT_SHARED_BLOCKS)
        twice = 0;
    if (twice == 0 && !dirs)
        return 0;
    check_phase(c->check, "shared blocks", c->super.inode_count);
    if (twice < OWNERS_MAX / 64 - 16)
        size = ((size_t)twice * 64 + 1024) * sizeof *scan->owners;
    scan->owners = check_alloc(c->check, size);
    if (!scan->owners)
        return SHALE_ENOMEM;
    scan->owner_room = size / sizeof *scan->owners;
    err = hunt(c);
    if (!err && twice != 0) {
        check_sort(scan->owners, scan->owner_count, sizeof *scan->owners,
                   compare);
        tell_all(c);
    }
    check_free(c->check, scan->owners, size);
    scan->owners = NULL;
    return err;
}
