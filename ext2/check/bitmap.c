/*
 * bitmap.c - pass 5: bitmaps and counts of what is free, against what was found
 *
 * Bitmaps are read in the volume's order and compared whole; only where one
 * differs are its bits looked at. A group may say that its bitmap was never
 * written: then it must be true that only metadata is in use there.
 */
#include "ext2/check/check.h"
#include "memfn.h"

enum { BLOCKS, INODES };

#define DESC_FLAGS      0x12u   /* of a descriptor */
#define DESC_BLOCK_CSUM 0x18u
#define DESC_INODE_CSUM 0x1au

struct pass {
    struct ext2_check *c;
    struct check_queue *queue;  /* tag: group, BLOCKS or INODES */
    uint64_t free_clusters, free_inodes;
};

/* What bitmap KIND of GROUP is about. */
struct range {
    struct check_bits *found;
    uint64_t first, len;        /* of found; as far as the device goes */
    uint64_t whole;             /* as far as the volume does: len, as a rule */
    uint32_t bits;              /* in every group */
};

static struct range range_of(const struct ext2_check *c, uint32_t group,
                             uint64_t kind)
{
    const struct ext2_check_super *s = &c->super;
    struct range r;

    if (kind == INODES) {
        r.found = c->inodes;
        r.first = (uint64_t)group * s->inodes_per_group + 1;
        r.len = r.whole = r.bits = s->inodes_per_group;
        return r;
    }
    r.found = c->used;
    r.first = ext2_check_group_first(s, group) >> s->cluster_shift;
    r.bits = s->blocks_per_group >> s->cluster_shift;
    r.len = r.whole = (ext2_check_group_blocks(s, group) +
                       (UINT64_C(1) << s->cluster_shift) - 1)
                      >> s->cluster_shift;
    if (s->cluster_count - r.first < r.len)
        r.len = s->cluster_count - r.first;
    return r;
}

/* What a bit of a block bitmap stands for, in words. */
struct unit {
    const char *name;
    size_t len;
};

static struct unit unit_of(const struct ext2_check *c)
{
    return c->super.bigalloc ? (struct unit){ "clusters", 8 }
                             : (struct unit){ "blocks", 6 };
}

/* -------------------------------------------------------------- differences */

struct difference {
    uint64_t first, count;      /* bits, or rather what they stand for */
};

static void differ(struct difference *d, uint64_t n)
{
    if (d->count++ == 0)
        d->first = n;
}

/* What nobody has, for `shale map`: from bit FIRST to bit END of group. */
static void claim_lost(struct ext2_check *c, const struct range *r,
                       uint64_t first, uint64_t end, uint32_t group)
{
    unsigned shift = c->super.block_shift + c->super.cluster_shift;

    if (r->found == c->used && !c->unread && c->check->config->claim &&
        end > first)
        check_claim(c->check, &(const struct shale_claim){
            .use = SHALE_USE_LOST, .object = SHALE_OBJECT_GROUP,
            .number = group, .at = (r->first + first) << shift,
            .length = (end - first) << shift, .position = SHALE_NOWHERE,
        });
}

static void compare(struct ext2_check *c, uint32_t group, uint64_t kind,
                    const struct range *r, const uint8_t *stored,
                    const uint8_t *found, uint64_t at)
{
    struct difference lost = { 0, 0 }, unmarked = { 0, 0 };
    struct unit unit = kind == BLOCKS ? unit_of(c) : (struct unit){ NULL, 0 };
    unsigned shift = kind == BLOCKS ? c->super.cluster_shift : 0;
    uint64_t run = 0;

    for (uint64_t i = 0; i < r->len; i++) {
        bool marked = stored[i / 8] >> i % 8 & 1;
        bool used = found[i / 8] >> i % 8 & 1;

        /* Most bytes are the same. */
        if (i % 8 == 0 && stored[i / 8] == found[i / 8] && r->len - i >= 8) {
            claim_lost(c, r, run, i, group);
            i += 7;
            run = i + 1;
            continue;
        }
        if (marked && !used) {
            differ(&lost, r->first + i);
            continue;
        }
        claim_lost(c, r, run, i, group);
        run = i + 1;
        if (used && !marked)
            differ(&unmarked, r->first + i);
    }
    claim_lost(c, r, run, r->len, group);
#define TELL(code, d)                                                   \
    ext2_tell(c, code, at + ((d).first - r->first) / 8,                 \
              .object = SHALE_OBJECT_GROUP, .number = group,            \
              .other = (d).first << shift, .found = (d).count,          \
              .name = unit.name, .len = unit.len)
    if (lost.count > 0 && kind == BLOCKS && !c->unread)
        TELL(BITMAP_BLOCKS_LOST, lost);
    else if (lost.count > 0 && kind == INODES)
        TELL(BITMAP_INODES_LOST, lost);
    if (unmarked.count > 0 && kind == BLOCKS)
        TELL(BITMAP_BLOCKS_FREE, unmarked);
    else if (unmarked.count > 0)
        TELL(BITMAP_INODES_FREE, unmarked);
#undef TELL
}

/* Bits that stand for nothing are set: up to which byte? */
static uint64_t padded_to(const struct ext2_check *c, const struct range *r,
                          const uint8_t *stored)
{
    uint64_t bits = (uint64_t)c->super.block_size * 8;

    for (uint64_t i = r->whole; i < bits && i % 8 != 0; i++)
        if (!(stored[i / 8] >> i % 8 & 1))
            return i / 8;
    for (uint64_t b = (r->whole + 7) / 8; b < c->super.block_size; b++)
        if (stored[b] != 0xff)
            return b;
    return c->super.block_size;
}

static void check_sum(struct ext2_check *c, uint32_t group, uint64_t kind,
                      const struct range *r, const uint8_t *stored)
{
    const struct ext2_check_group *g = &c->groups[group];
    uint32_t found = kind == BLOCKS ? g->block_csum : g->inode_csum;
    uint32_t sum;

    if (!c->super.metadata_csum || g->uncounted)
        return;
    sum = ext2_check_crc(c, c->super.seed, stored, r->bits / 8);
    if (c->super.desc_size < 64)
        sum &= 0xffff;
    if (sum != found)
        ext2_tell(c, BITMAP_CHECKSUM,
                  ext2_check_desc_at(&c->super, group) +
                      (kind == BLOCKS ? DESC_BLOCK_CSUM : DESC_INODE_CSUM),
                  .object = SHALE_OBJECT_GROUP,
                  .number = group,
                  .name = kind == BLOCKS ? "block" : "inode", .len = 5,
                  .compared = true, .expected = sum, .found = found);
}

static int handle(struct check *check, const struct check_item *item,
                  uint8_t *stored, void *context)
{
    struct ext2_check *c = ((struct pass *)context)->c;
    uint32_t group = (uint32_t)item->tag[0];
    struct range r = range_of(c, group, item->tag[1]);
    size_t size = (size_t)(r.len + 7) / 8;
    uint64_t hole;
    uint8_t *found;

    check_done(check, 1);
    if (!stored) {
        check_tell(check, &check_codes[CHECK_READ], item->at,
                   &(const struct check_note){ .object = SHALE_OBJECT_GROUP,
                       .number = group, .other = item->at });
        return 0;
    }
    check_sum(c, group, item->tag[1], &r, stored);
    hole = padded_to(c, &r, stored);
    if (hole < c->super.block_size)
        ext2_tell(c, BITMAP_PADDING, item->at + hole,
                  .object = SHALE_OBJECT_GROUP, .number = group,
                  .name = item->tag[1] == BLOCKS ? "block" : "inode", .len = 5);
    if (item->tag[1] == INODES && c->groups[group].unread)
        return 0;
    found = check_alloc(check, size);
    if (!found)
        return SHALE_ENOMEM;
    check_bits_store(r.found, r.first, r.len, found);
    if (memcmp(stored, found, (size_t)(r.len / 8)) != 0 || r.len % 8 != 0)
        compare(c, group, item->tag[1], &r, stored, found, item->at);
    check_free(check, found, size);
    return 0;
}

/* ------------------------------------------------------------------ counts */

/* OFFSET is the field's, in the descriptor. */
static void tell_count(struct ext2_check *c, uint32_t group, size_t offset,
                       const char *what, size_t len, uint64_t expected,
                       uint64_t found)
{
    if (expected != found && !c->groups[group].uncounted)
        ext2_tell(c, GROUP_COUNT,
                  ext2_check_desc_at(&c->super, group) + offset,
                  .object = SHALE_OBJECT_GROUP, .number = group,
                  .name = what, .len = len, .compared = true,
                  .expected = expected, .found = found);
}

/* What GROUP says of its inodes, if all of them can be read. */
static void check_inodes(struct ext2_check *c, uint32_t group)
{
    const struct ext2_check_group *g = &c->groups[group];

    tell_count(c, group, offsetof(struct ext2_disk_group, free_inodes),
               "free inodes", 11,
               c->super.inodes_per_group - g->found_inodes, g->free_inodes);
    tell_count(c, group, offsetof(struct ext2_disk_group, used_dirs),
               "directories", 11, g->found_dirs, g->used_dirs);
    /* Who minds the marks though there is no feature would lose inodes. */
    if (g->said_unused > c->super.inodes_per_group - g->used_to)
        ext2_tell(c, GROUP_UNINIT_INODES,
                  ext2_check_desc_at(&c->super, group) + DESC_FLAGS,
                  .object = SHALE_OBJECT_GROUP, .number = group);
}

static void check_counts(struct pass *pass, uint32_t group)
{
    struct ext2_check *c = pass->c;
    const struct ext2_check_group *g = &c->groups[group];
    struct range r = range_of(c, group, BLOCKS);
    uint64_t used = check_bits_sum(c->used, r.first, r.len);
    uint64_t meta;

    pass->free_clusters += r.len - used;
    pass->free_inodes += c->super.inodes_per_group - g->found_inodes;
    c->check->result->units_used += used;
    if (r.len == r.whole && !c->unread)
        tell_count(c, group, offsetof(struct ext2_disk_group, free_blocks),
                   c->super.bigalloc ? "free clusters" : "free blocks",
                   c->super.bigalloc ? 13 : 11, r.len - used,
                   g->free_clusters);
    if (!g->unread)
        check_inodes(c, group);
    if (!(g->flags & EXT2_GROUP_BLOCK_UNINIT))
        return;
    meta = check_bits_sum(c->metadata, r.first, r.len);
    if (meta != used)
        ext2_tell(c, GROUP_BLOCK_UNINIT,
                  ext2_check_desc_at(&c->super, group) + DESC_FLAGS,
                  .object = SHALE_OBJECT_GROUP, .number = group,
                  .found = used - meta, .name = unit_of(c).name,
                  .len = unit_of(c).len);
}

/* The superblock's counts are brought up to date when the volume is unmounted,
   and nobody relies on them. */
static void check_sums(struct pass *pass)
{
    struct ext2_check *c = pass->c;
    const struct ext2_check_super *s = &c->super;
    uint64_t blocks = ext2_check_super_free(&s->raw) >> s->cluster_shift;
    uint64_t inodes = le32_get(s->raw.free_inodes);

    if (s->blocks_there != s->block_count || c->unread)
        return;
    if (blocks != pass->free_clusters)
        ext2_tell(c, SUPER_COUNT,
                  s->at + offsetof(struct ext2_disk_super, free_blocks),
                  .name = "blocks", .len = 6,
                  .compared = true,
                  .expected = pass->free_clusters << s->cluster_shift,
                  .found = ext2_check_super_free(&s->raw));
    if (inodes != pass->free_inodes)
        ext2_tell(c, SUPER_COUNT,
                  s->at + offsetof(struct ext2_disk_super, free_inodes),
                  .name = "inodes", .len = 6,
                  .compared = true, .expected = pass->free_inodes,
                  .found = inodes);
}

/* --------------------------------------------------------------------- all */

/* A bitmap that nobody has written, or perhaps not, may be anything. */
static int enter(struct pass *pass, uint32_t group)
{
    struct ext2_check *c = pass->c;
    const struct ext2_check_group *g = &c->groups[group];
    uint16_t flags = g->flags | g->perhaps_uninit;
    int err = 0;

    if (g->block_bitmap != 0 && !(flags & EXT2_GROUP_BLOCK_UNINIT))
        err = check_queue_add(pass->queue, &(const struct check_item){
            .at = ext2_check_at(c, g->block_bitmap), .tag = { group, BLOCKS },
        });
    if (!err && g->inode_bitmap != 0 && !(flags & EXT2_GROUP_INODE_UNINIT))
        err = check_queue_add(pass->queue, &(const struct check_item){
            .at = ext2_check_at(c, g->inode_bitmap), .tag = { group, INODES },
        });
    return err;
}

int ext2_check_bitmaps(struct ext2_check *c)
{
    struct pass pass = { .c = c };
    int err = 0;

    /* What is before the first group is in use. */
    c->check->result->units_used = c->super.first_block;
    pass.queue = check_queue_create(c->check, c->super.block_size);
    if (!pass.queue)
        return SHALE_ENOMEM;
    for (uint32_t g = 0; g < c->super.group_count && !err; g++) {
        check_counts(&pass, g);
        err = enter(&pass, g);
        if (!err && g % 4096 == 0)
            err = check_going(c->check);
    }
    check_sums(&pass);
    check_phase(c->check, "bitmaps", check_queue_count(pass.queue));
    if (!err)
        err = check_queue_run(pass.queue, handle, &pass);
    check_queue_destroy(pass.queue);
    return err;
}
