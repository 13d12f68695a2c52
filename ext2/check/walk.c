/*
 * walk.c - blocks that an inode leads to, whichever way
 *
 * Claims go into the set of used clusters many at a time. What was there
 * already goes into the set "twice" as well, and it is pass 1b that finds out
 * whose it is.
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define TOLD_ILLEGAL 12u        /* of each inode */

/* ---------------------------------------------------------------- claims */

/* In the hunt: note who has what is in twice. */
static int note_owners(struct ext2_check *c, uint64_t first, uint64_t len,
                       enum shale_use use, uint32_t ino)
{
    struct ext2_check_scan *scan = c->scan;
    uint64_t end = first + len, n;

    if (end > c->super.cluster_count)
        end = c->super.cluster_count;
    n = check_bits_next(c->twice, first, true);
    if (n >= end)
        return 0;
    check_lock(c->check, &scan->lock);
    while (n < end && scan->owner_count < scan->owner_room) {
        scan->owners[scan->owner_count++] = (struct ext2_check_owner){
            .cluster = n, .ino = ino, .use = (uint32_t)use,
        };
        n = check_bits_next(c->twice, n + 1, true);
    }
    /* No more than that is looked for, lest it never ends. */
    if (n < end)
        scan->owners_lost++;
    check_unlock(c->check, &scan->lock);
    return 0;
}

int ext2_check_take_flush(struct ext2_check_claims *claims)
{
    struct ext2_check *c = claims->c;
    int err = 0;

    for (unsigned i = 0; i < claims->count && !err; i++)
        err = check_bits_claim(c->used, claims->runs[i].first,
                               claims->runs[i].len, c->twice);
    claims->count = 0;
    return err;
}

int ext2_check_take(struct ext2_check_claims *claims, uint64_t first,
                    uint64_t count, enum shale_use use, uint32_t ino,
                    uint64_t position)
{
    struct ext2_check *c = claims->c;
    uint64_t from = first >> c->super.cluster_shift;
    uint64_t len = ((first + count - 1) >> c->super.cluster_shift) - from + 1;
    unsigned n = claims->count;

    if (c->scan && c->scan->hunt)
        return note_owners(c, from, len, use, ino);
    if (c->check->config->claim)
        check_claim(c->check, &(const struct shale_claim){
            .use = use, .object = SHALE_OBJECT_INODE, .number = ino,
            .at = ext2_check_at(c, first), .length = ext2_check_at(c, count),
            .position = position,
        });
    if (n > 0) {
        uint64_t end = claims->runs[n - 1].first + claims->runs[n - 1].len;

        /* A file's next piece of the same cluster. */
        if (c->super.bigalloc && claims->ino == ino && from + 1 == end &&
            use != SHALE_USE_MAP) {
            from++;
            len--;
        }
        claims->ino = ino;
        if (from == end) {
            claims->runs[n - 1].len += len;
            return 0;
        }
    }
    claims->ino = ino;
    claims->runs[n].first = from;
    claims->runs[n].len = len;
    claims->count = n + 1;
    return claims->count == EXT2_CHECK_CLAIMS ? ext2_check_take_flush(claims)
                                              : 0;
}

/* ------------------------------------------------- blocks of directories */

/* BLOCK, which has been claimed, is one of a directory: enter it, unless
   somebody else has. */
static int enter_dir_block(struct ext2_check_walk *walk, uint64_t logical,
                           uint64_t block)
{
    struct ext2_check *c = walk->c;
    uint64_t already = 0;
    int err = check_bits_add(c->dir_seen, block, 1, &already);

    if (!err && already != 0)
        return check_bits_add(c->dir_twice, block, 1, NULL);
    if (err || (!c->super.bigalloc &&
                check_bits_has(c->metadata, block)))
        return err;
    return check_queue_add(c->dir_blocks, &(const struct check_item){
        .at = ext2_check_at(c, block),
        .tag = { walk->file->ino, logical, walk->file->seed },
    });
}

/* COUNT blocks of a directory: those that nobody has entered yet. */
static int enter_dir(struct ext2_check_walk *walk, uint64_t logical,
                     uint64_t block, uint64_t count)
{
    struct ext2_check *c = walk->c;
    uint64_t end = block + count, n = block;
    int err = 0;

    if (end > c->super.blocks_there)
        end = c->super.blocks_there;
    while (n < end && !err) {
        uint64_t next = check_bits_next(c->dir_seen, n, false);

        if (next > n)
            err = check_bits_add(c->dir_twice, n,
                                 (next < end ? next : end) - n, NULL);
        if (!err && next < end)
            err = enter_dir_block(walk, logical + (next - block), next);
        n = next + 1;
    }
    return err;
}

/* In the hunt, where they come in order: what of COUNT blocks several
   directories have is the first one's. */
static int own_dir(struct ext2_check_walk *walk, uint64_t logical,
                   uint64_t block, uint64_t count)
{
    struct ext2_check *c = walk->c;
    uint64_t n = check_bits_next(c->dir_twice, block, true);
    int err = 0;

    for (; n < block + count && n < c->super.blocks_there && !err;
         n = check_bits_next(c->dir_twice, n + 1, true)) {
        err = ext2_check_dir_owner(c, &(const struct check_item){
            .at = ext2_check_at(c, n),
            .tag = { walk->file->ino, logical + (n - block),
                     walk->file->seed },
        });
        if (!err)
            err = check_bits_remove(c->dir_twice, n, 1);
    }
    return err;
}

/* ----------------------------------------------------------------- files */

int ext2_check_keep(struct ext2_check_walk *walk)
{
    struct ext2_check_scan *scan = walk->scan;
    struct check *check = walk->c->check;
    struct ext2_check_chunk *chunk;
    int err = 0;

    if (walk->kept)
        return 0;
    check_lock(check, &scan->lock);
    chunk = scan->chunks;
    if (!chunk || chunk->used == EXT2_CHECK_CHUNK) {
        chunk = check_alloc(check, sizeof *chunk);
        if (chunk) {
            chunk->next = scan->chunks;
            chunk->used = 0;
            scan->chunks = chunk;
        }
    }
    if (chunk) {
        chunk->files[chunk->used] = *walk->file;
        walk->file = &chunk->files[chunk->used++];
        walk->kept = true;
    } else {
        err = SHALE_ENOMEM;
    }
    check_unlock(check, &scan->lock);
    return err;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

void ext2_check_add_sums(struct ext2_check_walk *walk)
{
    struct ext2_check_sums *to = &walk->file->sums, *from = &walk->sums;

    if (walk->kept)
        check_lock(walk->c->check, &walk->scan->lock);
    to->blocks += from->blocks;
    to->mapped += from->mapped;
    to->end = larger(to->end, from->end);
    to->init_end = larger(to->init_end, from->init_end);
    to->first = larger(to->first, from->first);
    to->illegal += from->illegal;
    to->leaves += from->leaves;
    to->broken = to->broken || from->broken;
    if (walk->kept)
        check_unlock(walk->c->check, &walk->scan->lock);
    memset(from, 0, sizeof *from);
}

enum shale_use ext2_check_use_of(const struct ext2_check *c,
                                 const struct ext2_check_file *file)
{
    if (file->ino == EXT2_BAD_INO)
        return SHALE_USE_BAD;
    if (file->ino == c->super.journal_ino)
        return SHALE_USE_JOURNAL;
    if ((file->mode & EXT2_S_IFMT) == EXT2_S_IFDIR)
        return SHALE_USE_DIRECTORY;
    return file->ino < c->super.first_ino ? SHALE_USE_SYSTEM : SHALE_USE_DATA;
}

/* ---------------------------------------------------------------- blocks */

static void tell_illegal(struct ext2_check_walk *walk, uint64_t logical,
                         uint64_t block)
{
    walk->sums.illegal++;
    if (ext2_check_tells(walk) && walk->sums.illegal <= TOLD_ILLEGAL)
        ext2_tell_inode(walk->c, BLOCK_ILLEGAL, walk->at, walk->file->ino,
                        .other = block, .found = logical);
}

/* Clusters that COUNT blocks from BLOCK on add to the file's own. */
static uint64_t new_clusters(struct ext2_check_walk *walk, uint64_t block,
                             uint64_t count)
{
    unsigned shift = walk->c->super.cluster_shift;
    uint64_t first = block >> shift, last = (block + count - 1) >> shift;
    uint64_t n = last - first + 1;

    /* The pieces of one cluster follow each other in the file as well. */
    if (shift != 0 && first == walk->last_cluster)
        n--;
    walk->last_cluster = last;
    return n;
}

int ext2_check_data(struct ext2_check_walk *walk, uint64_t logical,
                    uint64_t block, uint64_t count, bool unwritten)
{
    struct ext2_check *c = walk->c;
    struct ext2_check_file *file = walk->file;
    struct ext2_check_sums *sums = &walk->sums;
    int err;

    if (!ext2_check_fits(c, block, count)) {
        tell_illegal(walk, logical, block);
        return 0;
    }
    sums->blocks += new_clusters(walk, block, count);
    sums->mapped += count;
    sums->end = larger(sums->end, logical + count);
    if (!unwritten)
        sums->init_end = larger(sums->init_end, logical + count);
    if (logical == 0)
        sums->first = block;
    err = ext2_check_take(walk->claims, block, count,
                          ext2_check_use_of(c, file), file->ino,
                          logical << c->super.block_shift);
    if (!err && c->quota && !walk->scan->hunt)
        err = ext2_check_quota_run(c, file->ino, logical, block, count);
    if (err || (file->mode & EXT2_S_IFMT) != EXT2_S_IFDIR)
        return err;
    return walk->scan->hunt ? own_dir(walk, logical, block, count)
                            : enter_dir(walk, logical, block, count);
}

int ext2_check_node(struct ext2_check_walk *walk, uint64_t block,
                    uint64_t logical, unsigned level, uint64_t end)
{
    struct ext2_check *c = walk->c;
    int err;

    if (!ext2_check_fits(c, block, 1)) {
        tell_illegal(walk, logical, block);
        walk->sums.broken = true;
        return 0;
    }
    /* It fills a cluster, whatever else. */
    walk->sums.blocks++;
    err = ext2_check_take(walk->claims, block, 1, SHALE_USE_MAP,
                          walk->file->ino, SHALE_NOWHERE);
    if (!err)
        err = ext2_check_keep(walk);
    if (err)
        return err;
    return ext2_check_rival_enter(walk, block, &(const struct check_item){
        .at = ext2_check_at(c, block),
        .tag = { (uint64_t)(uintptr_t)walk->file,
                 logical | (uint64_t)level << EXT2_CHECK_LEVEL_SHIFT, end },
    });
}
