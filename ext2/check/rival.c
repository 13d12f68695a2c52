/*
 * rival.c - blocks of pointers or extents that several lead to
 *
 * Such a block is read once, as a part of one of them, and the others end
 * there. Which one must not depend on who comes first: or two checks of one
 * volume would find different things. So blocks are read in rounds, and (1) who
 * comes in a later round comes too late; (2) of those who come in the same one
 * the first by inode gets the block, then the first by place in the file.
 *
 * The block is queued for whoever comes first. A better one, if there is any,
 * is put down here, and found when the block has been read.
 */
#include "ext2/check/scan.h"
#include "ext2/check/table.h"

/* Rivals of one round: of those who came to a block after the first one, the
   best. */
struct round {
    struct check_array *index;  /* by block: number of the row, from 1 on; NULL:
                                   there are none */
    struct ext2_table rows;     /* struct check_item */
};

struct ext2_check_rivals {
    struct check_lock lock;
    struct check_bits *fresh;   /* blocks entered for the next round */
    bool any;                   /* ... there are some */
    struct round now, next;
};

int ext2_check_rivals_begin(struct ext2_check *c)
{
    struct ext2_check_rivals *r = check_zalloc(c->check, sizeof *r);

    if (!r)
        return SHALE_ENOMEM;
    c->scan->rivals = r;
    ext2_table_init(&r->now.rows, c->check, sizeof(struct check_item));
    ext2_table_init(&r->next.rows, c->check, sizeof(struct check_item));
    r->fresh = check_bits_create(c->check, c->super.blocks_there);
    return r->fresh ? check_lock_init(c->check, &r->lock) : SHALE_ENOMEM;
}

static void round_clear(struct round *round)
{
    check_array_destroy(round->index);
    ext2_table_fini(&round->rows);
    round->index = NULL;
}

void ext2_check_rivals_end(struct ext2_check *c)
{
    struct ext2_check_rivals *r = c->scan->rivals;

    if (!r)
        return;
    round_clear(&r->now);
    round_clear(&r->next);
    check_bits_destroy(r->fresh);
    check_lock_fini(c->check, &r->lock);
    check_free(c->check, r, sizeof *r);
    c->scan->rivals = NULL;
}

int ext2_check_rivals_round(struct ext2_check *c)
{
    struct ext2_check_rivals *r = c->scan->rivals;
    bool any = r->any;

    round_clear(&r->now);
    r->now = r->next;
    r->next.index = NULL;
    ext2_table_init(&r->next.rows, c->check, sizeof(struct check_item));
    r->any = false;
    return any ? check_bits_remove(r->fresh, 0, c->super.blocks_there) : 0;
}

/* ------------------------------------------------------------------ rivals */

static struct ext2_check_file *file_of(const struct check_item *item)
{
    return (struct ext2_check_file *)(uintptr_t)item->tag[0];
}

/* Does A come before B? */
static bool is_before(const struct check_item *a, const struct check_item *b)
{
    uint32_t ino = file_of(a)->ino, other = file_of(b)->ino;

    if (ino != other)
        return ino < other;
    if (a->tag[1] != b->tag[1])
        return a->tag[1] < b->tag[1];
    return a->tag[2] < b->tag[2];
}

/* ITEM's file does not get the block. */
static void lose(struct ext2_check *c, const struct check_item *item)
{
    check_lock(c->check, &c->scan->lock);
    file_of(item)->sums.broken = true;
    check_unlock(c->check, &c->scan->lock);
}

/* Where a rival for BLOCK in ROUND is, or NULL; MAKE: will be. */
static uint32_t *index_at(struct ext2_check *c, struct round *round,
                          uint64_t block, bool make)
{
    if (!round->index && make)
        round->index = check_array_create(c->check, c->super.blocks_there,
                                          sizeof(uint32_t));
    return round->index ? check_array_at(round->index, block, make) : NULL;
}

/* ITEM comes to BLOCK, which is for the next round already. With the lock. */
static int meet(struct ext2_check *c, uint64_t block,
                const struct check_item *item)
{
    struct round *round = &c->scan->rivals->next;
    uint32_t *index = index_at(c, round, block, true);
    struct check_item *row;

    if (!index)
        return SHALE_ENOMEM;
    if (*index != 0) {
        row = ext2_table_at(&round->rows, *index - 1);
        if (is_before(item, row)) {
            lose(c, row);
            *row = *item;
        } else {
            lose(c, item);
        }
        return 0;
    }
    row = ext2_table_add(&round->rows);
    if (!row)
        return SHALE_ENOMEM;
    *row = *item;
    *index = (uint32_t)round->rows.count;
    return 0;
}

/* As below, with the lock. */
static int enter(struct ext2_check_walk *walk, uint64_t block,
                 const struct check_item *item)
{
    struct ext2_check *c = walk->c;
    struct ext2_check_rivals *r = c->scan->rivals;
    uint64_t already = 0;
    int err = check_bits_add(c->maps, block, 1, &already);

    if (err)
        return err;
    if (already != 0 && r->any && check_bits_has(r->fresh, block))
        return meet(c, block, item);
    if (already != 0 || block >= c->super.blocks_there ||
        (!c->super.bigalloc && check_bits_has(c->metadata, block))) {
        walk->sums.broken = true;
        return 0;
    }
    r->any = true;
    err = check_bits_add(r->fresh, block, 1, NULL);
    return err ? err : check_queue_add(c->scan->nodes, item);
}

int ext2_check_rival_enter(struct ext2_check_walk *walk, uint64_t block,
                           const struct check_item *item)
{
    struct ext2_check_rivals *r = walk->scan->rivals;
    int err;

    check_lock(walk->c->check, &r->lock);
    err = enter(walk, block, item);
    check_unlock(walk->c->check, &r->lock);
    return err;
}

void ext2_check_rival_settle(struct ext2_check *c, struct check_item *item)
{
    struct round *round = &c->scan->rivals->now;
    uint64_t block = item->at >> c->super.block_shift;
    const uint32_t *index;
    const struct check_item *row;

    /* Nobody changes this round's any more. */
    index = index_at(c, round, block, false);
    if (!index || *index == 0)
        return;
    row = ext2_table_at(&round->rows, *index - 1);
    if (is_before(row, item)) {
        lose(c, item);
        *item = *row;
    } else {
        lose(c, row);
    }
}
