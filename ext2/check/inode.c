/*
 * inode.c - the scan of the inode tables
 *
 * Tables are cut into pieces, pieces make batches; the pieces of a batch are
 * read by all workers, then the blocks that their inodes led to, then files
 * that were waiting for these are judged. While one batch is, the device may
 * fetch the next. What was never written is not read:
 * inodes that a group says are unused (where its checksum proves that), and
 * holes of the image.
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define PIECE_SIZE  (64u * 1024)       /* bytes of a table */
#define BATCH       64u                 /* pieces */
#define HINT_SIZE   (512u * 1024)       /* bytes of a hint, about */

struct piece {
    uint32_t group, first, count;       /* inodes of the group's table */
};

struct batch {
    struct ext2_check *c;
    unsigned count;
    struct piece pieces[BATCH];
};

/* Two of them, by turns; and what of the next the device has not been told. */
struct batches {
    struct ext2_check *c;
    struct batch batch[2];
    unsigned next;              /* which one is being filled */
    uint64_t at, end;
};

/* Neighbouring inodes in use, entered together. */
struct run {
    struct check_bits *bits;
    uint32_t first, len;
};

static int run_flush(struct run *run)
{
    int err = 0;

    if (run->len > 0)
        err = check_bits_add(run->bits, run->first, run->len, NULL);
    run->len = 0;
    return err;
}

static int run_add(struct run *run, uint32_t n)
{
    int err = 0;

    if (run->len > 0 && run->first + run->len != n)
        err = run_flush(run);
    if (run->len == 0)
        run->first = n;
    run->len++;
    return err;
}

/* ------------------------------------------------------------- one piece */

struct scanner {
    struct ext2_check *c;
    struct ext2_check_claims claims;
    struct run inodes, dirs, special;
    bool kept;                  /* there is something in info */
    uint32_t found_inodes, found_dirs, used_to;
    uint32_t types[16];         /* how many of each */
    struct ext2_check_info info[PIECE_SIZE / EXT2_GOOD_OLD_INODE];
};

/* Enter what is to be kept of the piece's inodes. */
static int keep_infos(struct scanner *sc, const struct piece *piece)
{
    struct check_array *to = sc->c->info;
    uint64_t ino = (uint64_t)piece->group * sc->c->super.inodes_per_group +
                   piece->first + 1;
    int err = 0;

    if (!sc->kept)
        return 0;
    check_array_lock(to);
    for (uint32_t i = 0; i < piece->count && !err; i++) {
        struct ext2_check_info *kept;

        if (sc->info[i].flags == 0)
            continue;
        kept = check_array_at(to, ino + i, true);
        if (kept)
            *kept = sc->info[i];
        else
            err = SHALE_ENOMEM;
    }
    check_array_unlock(to);
    return err;
}

/* Most inodes are regular files of one name; of others more is kept. */
static int keep(struct scanner *sc, uint32_t ino,
                const struct ext2_check_info *info,
                struct ext2_check_info *kept)
{
    bool dir = info->type == EXT2_S_IFDIR >> 12;

    if (info->links == 1 && info->type == EXT2_S_IFREG >> 12 &&
        info->flags == EXT2_CHECK_IN_USE && ino >= sc->c->super.first_ino)
        return 0;
    if (!dir || ino < sc->c->super.first_ino) {
        *kept = *info;
        sc->kept = true;
    }
    return run_add(&sc->special, ino);
}

/* Reserved inodes are in use whatever they hold. */
static bool in_use(const struct ext2_check *c,
                   const struct ext2_check_inode *inode)
{
    return inode->links != 0 || inode->ino < c->super.first_ino;
}

/* Of the group's table these bytes are INODE. */
static void claim_itself(struct ext2_check *c,
                         const struct ext2_check_inode *inode)
{
    if (c->check->config->claim)
        check_claim(c->check, &(const struct shale_claim){
            .use = SHALE_USE_INODES, .object = SHALE_OBJECT_INODE,
            .number = inode->ino, .at = inode->at,
            .length = c->super.inode_size, .position = SHALE_NOWHERE,
            .within = true,
        });
}

static int scan_one(struct scanner *sc, struct ext2_check_inode *inode,
                    uint32_t index, struct ext2_check_info *kept)
{
    struct ext2_check *c = sc->c;
    struct ext2_check_info info;
    bool hunt = c->scan->hunt;
    int err;

    if (!hunt && c->super.metadata_csum)
        ext2_check_inode_sum(c, inode);
    if (!in_use(c, inode)) {
        if (!hunt)
            ext2_check_unused(c, inode);
        return 0;
    }
    err = ext2_check_one(c, &sc->claims, inode, &info);
    if (err || hunt)
        return err;
    claim_itself(c, inode);
    sc->found_inodes++;
    sc->used_to = index + 1;
    err = run_add(&sc->inodes, inode->ino);
    if (inode->links == 0)
        return err;
    sc->types[inode->mode >> 12]++;
    if (!err && info.type == EXT2_S_IFDIR >> 12) {
        sc->found_dirs++;
        err = run_add(&sc->dirs, inode->ino);
    }
    return err ? err : keep(sc, inode->ino, &info, kept);
}

/* Nothing at all is there, as far as the first 128 bytes say. */
static bool is_blank(const uint8_t *bytes)
{
    const struct ext2_disk_inode *raw = (const struct ext2_disk_inode *)bytes;

    return le16_get(raw->mode) == 0 && le16_get(raw->links) == 0 &&
           le32_get(raw->dtime) == 0 && le32_get(raw->blocks) == 0 &&
           le32_get(raw->flags) == 0 && le32_get(raw->ctime) == 0;
}

/* GOOD: all of BUF could be read; else what could not is zeros. */
static int scan_bytes(struct scanner *sc, const struct piece *piece,
                      uint64_t at, const uint8_t *buf, bool good)
{
    struct ext2_check *c = sc->c;
    uint32_t size = c->super.inode_size;
    uint32_t ino = piece->group * c->super.inodes_per_group + piece->first + 1;
    struct ext2_check_inode inode;
    int err = 0;

    for (uint32_t i = 0; i < piece->count && !err; i++) {
        const uint8_t *bytes = buf + (size_t)i * size;

        if ((ino + i >= c->super.first_ino || !good) && is_blank(bytes) &&
            (!c->super.metadata_csum || check_is_zero(bytes, size)))
            continue;
        ext2_check_inode_decode(c, ino + i, at + (uint64_t)i * size, bytes,
                                &inode);
        err = scan_one(sc, &inode, piece->first + i, &sc->info[i]);
    }
    return err;
}

static void add_counts(struct ext2_check *c, const struct piece *piece,
                       const struct scanner *sc)
{
    struct ext2_check_group *g = &c->groups[piece->group];

    check_lock(c->check, &c->scan->lock);
    g->found_inodes += sc->found_inodes;
    g->found_dirs += sc->found_dirs;
    if (sc->used_to > g->used_to)
        g->used_to = sc->used_to;
    c->check->result->directories += sc->types[EXT2_S_IFDIR >> 12];
    for (unsigned i = 1; i < 16; i++)
        if (i != EXT2_S_IFDIR >> 12)
            c->check->result->files += sc->types[i];
    check_unlock(c->check, &c->scan->lock);
}

static int scan_piece(struct check *check, uint64_t index, void *context)
{
    struct batch *batch = context;
    struct ext2_check *c = batch->c;
    const struct piece *piece = &batch->pieces[index];
    size_t size = (size_t)piece->count * c->super.inode_size;
    uint64_t at = ext2_check_at(c, c->groups[piece->group].inode_table) +
                  (uint64_t)piece->first * c->super.inode_size;
    struct scanner *sc = check_alloc(check, sizeof *sc);
    uint8_t *buf = check_alloc(check, size);
    bool good = false;
    int err = sc && buf ? 0 : SHALE_ENOMEM;

    if (!err) {
        memset(sc, 0, sizeof *sc);
        sc->c = sc->claims.c = c;
        sc->inodes.bits = c->inodes;
        sc->dirs.bits = c->dirs;
        sc->special.bits = c->special;
        err = check_get(check, at, buf, size, SHALE_OBJECT_GROUP,
                        piece->group, &good);
    }
    if (!err && !good) {
        ext2_check_lacks(&c->groups[piece->group].unread);
        ext2_check_lacks(&c->unread);
    }
    if (!err)
        err = scan_bytes(sc, piece, at, buf, good);
    if (!err)
        err = run_flush(&sc->inodes);
    if (!err)
        err = run_flush(&sc->dirs);
    if (!err)
        err = run_flush(&sc->special);
    if (!err)
        err = keep_infos(sc, piece);
    if (!err)
        err = ext2_check_take_flush(&sc->claims);
    if (!err && !c->scan->hunt)
        add_counts(c, piece, sc);
    if (buf)
        check_free(check, buf, size);
    if (sc)
        check_free(check, sc, sizeof *sc);
    return err;
}

/* ------------------------------------------------------- nodes and files */

/* A node that has been READ for somebody who may have a better rival. */
static int handle_node(struct check *check, const struct check_item *read,
                       uint8_t *bytes, void *context)
{
    struct ext2_check *c = context;
    struct check_item own = *read, *item = &own;
    struct ext2_check_claims *claims;
    struct ext2_check_walk walk = {
        .c = c, .scan = c->scan, .kept = true, .last_cluster = UINT64_MAX,
    };
    unsigned level;
    int err = 0;

    ext2_check_rival_settle(c, item);
    level = (unsigned)(item->tag[1] >> EXT2_CHECK_LEVEL_SHIFT);
    walk.file = (struct ext2_check_file *)(uintptr_t)item->tag[0];
    if (!bytes) {
        if (!c->scan->hunt)
            check_tell(check, &check_codes[CHECK_READ], item->at,
                       &(const struct check_note){
                           .object = SHALE_OBJECT_INODE,
                           .number = walk.file->ino, .other = item->at });
        ext2_check_lacks(&c->unread);
        walk.sums.broken = true;
        ext2_check_add_sums(&walk);
        return 0;
    }
    claims = check_alloc(check, sizeof *claims);
    if (!claims)
        return SHALE_ENOMEM;
    claims->c = c;
    claims->count = 0;
    claims->ino = 0;
    walk.claims = claims;
    if (level & EXT2_CHECK_NODE_EXTENT)
        err = ext2_check_extent_node(&walk, item, bytes);
    else
        err = ext2_check_map_node(&walk, item, bytes);
    if (!err)
        err = ext2_check_take_flush(claims);
    ext2_check_add_sums(&walk);
    check_free(check, claims, sizeof *claims);
    return err;
}

/* Judge the files that waited, and forget them. */
static int end_files(struct ext2_check *c, bool judge)
{
    struct ext2_check_scan *scan = c->scan;
    int err = 0;

    while (scan->chunks) {
        struct ext2_check_chunk *chunk = scan->chunks;

        for (unsigned i = 0; i < chunk->used && judge && !err; i++)
            err = ext2_check_file_end(c, &chunk->files[i]);
        scan->chunks = chunk->next;
        check_free(c->check, chunk, sizeof *chunk);
    }
    return err;
}

/* All nodes that the inodes of a batch lead to, level by level. */
static int run_nodes(struct ext2_check *c)
{
    int err = 0;

    while (!err && check_queue_count(c->scan->nodes) > 0) {
        err = ext2_check_rivals_round(c);
        if (!err)
            err = check_queue_round(c->scan->nodes, handle_node, c);
    }
    return err ? err : ext2_check_rivals_round(c);
}

static int run_batch(struct batch *batch)
{
    struct ext2_check *c = batch->c;
    uint64_t inodes = 0;
    int err;

    if (batch->count == 0)
        return 0;
    err = check_each(c->check, batch->count, scan_piece, batch);
    if (!err)
        err = run_nodes(c);
    if (!err)
        err = end_files(c, true);
    for (unsigned i = 0; i < batch->count; i++)
        inodes += batch->pieces[i].count;
    check_done(c->check, inodes);
    batch->count = 0;
    return err;
}

/* --------------------------------------------------------------- all of it */

/* Inodes of GROUP's table that may be in use. */
static uint32_t worth_reading(const struct ext2_check *c, uint32_t group)
{
    const struct ext2_check_group *g = &c->groups[group];

    if (g->inode_table == 0 || ((g->flags & EXT2_GROUP_INODE_UNINIT) &&
                                c->super.group_csum))
        return 0;
    return c->super.inodes_per_group - g->unused_inodes;
}

/* Bytes FROM to TO will be read: neighbours are told of in one go. */
static void soon(struct batches *all, uint64_t from, uint64_t to)
{
    if (from != all->end || to - all->at > HINT_SIZE) {
        if (all->end > all->at)
            check_soon(all->c->check, all->at, all->end - all->at);
        all->at = from;
    }
    all->end = to;
}

/* The batch that was being filled is full, or the last one: run the other. */
static int turn(struct batches *all)
{
    all->next = 1 - all->next;
    return run_batch(&all->batch[all->next]);
}

/* Add PIECE, which is FROM to TO of the volume. */
static int add_piece(struct batches *all, const struct piece *piece,
                     uint64_t from, uint64_t to)
{
    struct batch *batch = &all->batch[all->next];

    soon(all, from, to);
    batch->pieces[batch->count++] = *piece;
    if (batch->count < BATCH)
        return 0;
    soon(all, 0, 0);
    return turn(all);
}

/* Add the pieces of GROUP's table that are no holes. *DATA is where the image
   is known to have something next. */
static int add_group(struct batches *all, uint32_t group, uint64_t *data)
{
    struct ext2_check *c = all->c;
    uint32_t size = c->super.inode_size, per = PIECE_SIZE / size;
    uint32_t count = worth_reading(c, group), n;
    uint64_t at = ext2_check_at(c, c->groups[group].inode_table);
    int err = 0;

    for (uint32_t first = 0; first < count && !err; first += n) {
        uint64_t from = at + (uint64_t)first * size, to;

        n = count - first < per ? count - first : per;
        to = from + (uint64_t)n * size;
        if (from >= *data)
            *data = check_data_from(c->check, from);
        if (*data >= to)        /* A hole; flexible groups may lie before
                                   others. */
            check_done(c->check, n);
        else
            err = add_piece(all, &(const struct piece){ group, first, n },
                            from, to);
    }
    if (count < c->super.inodes_per_group)
        check_done(c->check, c->super.inodes_per_group - count);
    return err;
}

int ext2_check_scan_all(struct ext2_check *c)
{
    struct batches *all = check_zalloc(c->check, sizeof *all);
    uint64_t data = 0, before = 0;
    int err = all ? 0 : SHALE_ENOMEM;

    if (err)
        return err;
    all->c = all->batch[0].c = all->batch[1].c = c;
    for (uint32_t g = 0; g < c->super.group_count && !err; g++) {
        uint64_t at = ext2_check_at(c, c->groups[g].inode_table);

        /* Tables need not lie in order. */
        if (at < before)
            data = 0;
        before = at;
        err = add_group(all, g, &data);
    }
    soon(all, 0, 0);
    for (unsigned i = 0; i < 2 && !err; i++)
        err = turn(all);
    end_files(c, false);
    check_free(c->check, all, sizeof *all);
    return err;
}

static int begin(struct ext2_check *c)
{
    struct check *check = c->check;
    uint64_t inodes = (uint64_t)c->super.inode_count + 1;

    c->maps = check_bits_create(check, c->super.blocks_there);
    c->dir_seen = check_bits_create(check, c->super.blocks_there);
    c->dir_twice = check_bits_create(check, c->super.blocks_there);
    c->inodes = check_bits_create(check, inodes);
    c->dirs = check_bits_create(check, inodes);
    c->special = check_bits_create(check, inodes);
    c->named = check_bits_create(check, inodes);
    c->info = check_array_create(check, inodes,
                                 sizeof(struct ext2_check_info));
    c->names = check_array_create(check, inodes, sizeof(uint16_t));
    c->dir_blocks = check_queue_create(check, c->super.block_size);
    c->scan = check_zalloc(check, sizeof *c->scan);
    if (!c->maps || !c->dir_seen || !c->dir_twice || !c->inodes || !c->dirs ||
        !c->special || !c->named || !c->info || !c->names || !c->dir_blocks ||
        !c->scan)
        return SHALE_ENOMEM;
    c->scan->nodes = check_queue_create(check, c->super.block_size);
    if (!c->scan->nodes)
        return SHALE_ENOMEM;
    if (ext2_check_rivals_begin(c) || check_lock_init(check, &c->scan->lock))
        return SHALE_ENOMEM;
    return check_lock_init(check, &c->names_lock);
}

int ext2_check_inodes(struct ext2_check *c)
{
    int err;

    check_phase(c->check, "inodes", c->super.inode_count);
    err = begin(c);
    if (!err)
        err = ext2_check_dirs_begin(c);
    if (!err)
        err = ext2_check_scan_all(c);
    if (!err)
        err = ext2_check_dirs_sort(c);
    if (!err && c->scan->large_files > 0 &&
        !(c->super.ro_compat & EXT2_RO_COMPAT_LARGE_FILE))
        ext2_tell(c, LARGE_FILES, EXT2_AT_SUPER(c, ro_compat),
                  .other = c->scan->large_files);
    if (!err)
        ext2_check_quota_numbers(c);
    return err;
}
