/*
 * checker.c - a check of an ext2, ext3 or ext4 volume, from beginning to end
 *
 * What keeps the journal of another volume has a superblock as well, with the
 * feature journal_dev and no inodes: there is nothing in it to be checked.
 */
#include "ext2/check/scan.h"
#include "memfn.h"

static bool probe(const uint8_t *head, size_t len)
{
    const struct ext2_disk_super *raw;

    if (len < EXT2_SUPER_OFFSET + EXT2_SUPER_SIZE)
        return false;
    raw = (const struct ext2_disk_super *)(head + EXT2_SUPER_OFFSET);
    return le16_get(raw->magic) == EXT2_MAGIC &&
           !ext2_check_super_of_journal(raw);
}

static bool probe_backup(struct check *check)
{
    struct ext2_disk_super *raw = check_alloc(check, sizeof *raw);
    uint64_t at = 0;
    int err;

    if (!raw)
        return false;
    err = ext2_check_backup_find(check, raw, &at);
    check_free(check, raw, sizeof *raw);
    return !err && at != 0;
}

static int begin(struct ext2_check *c)
{
    struct check *check = c->check;
    struct shale_check_result *result = check->result;
    const struct ext2_check_super *s = &c->super;

    result->unit_size = s->block_size << s->cluster_shift;
    result->block_size = s->block_size;
    result->units = s->cluster_count;
    result->size = ext2_check_at(c, s->block_count);
    c->used = check_bits_create(check, s->cluster_count);
    c->metadata = check_bits_create(check, s->cluster_count);
    c->twice = check_bits_create(check, s->cluster_count);
    return c->used && c->metadata && c->twice ? 0 : SHALE_ENOMEM;
}

/* Pass 0. *GOOD: the rest can be looked at as well. */
static int pass0(struct ext2_check *c, bool *good)
{
    int err = ext2_check_super(c, good);

    if (err || !*good)
        return err;
    check_phase(c->check, "groups", c->super.group_count);
    if (c->super.incompat & EXT2_INCOMPAT_JOURNAL_DEV) {
        ext2_tell(c, JOURNAL_DEVICE, EXT2_AT_SUPER(c, incompat), .other = 0);
        *good = false;
        return 0;
    }
    err = begin(c);
    if (!err)
        err = ext2_check_groups(c);
    if (!err)
        err = ext2_check_backups(c);
    if (err || c->unjudged) {
        *good = false;
        return err;
    }
    err = ext2_check_mmp(c);
    if (!err)
        err = ext2_check_journal(c);
    return err;
}

static int run(struct check *check)
{
    static int (*const passes[])(struct ext2_check *c) = {
        ext2_check_tree_begin, ext2_check_xattrs_begin,
        ext2_check_quota_begin, ext2_check_orphans, ext2_check_inodes,
        ext2_check_xattr_blocks, ext2_check_shared, ext2_check_quotas,
        ext2_check_dirs, ext2_check_connect, ext2_check_links,
        ext2_check_bitmaps,
    };
    struct ext2_check *c = check_zalloc(check, sizeof *c);
    bool good = false;
    int err;

    if (!c)
        return SHALE_ENOMEM;
    check->volume = c;
    c->check = check;
    err = ext2_check_crc_begin(c);
    if (!err)
        err = pass0(c, &good);
    for (size_t i = 0; i < sizeof passes / sizeof *passes && good && !err; i++)
        err = passes[i](c);
    check->result->counted = good;
    return err;
}

static void end_scan(struct ext2_check *c)
{
    if (!c->scan)
        return;
    ext2_check_rivals_end(c);
    check_queue_destroy(c->scan->nodes);
    check_lock_fini(c->check, &c->scan->lock);
    check_lock_fini(c->check, &c->names_lock);
    check_free(c->check, c->scan, sizeof *c->scan);
}

static void done(struct check *check)
{
    struct ext2_check *c = check->volume;
    struct check_bits *bits[11];

    if (!c)
        return;
    ext2_check_xattrs_end(c);
    ext2_check_tree_end(c);
    ext2_check_quota_end(c);
    end_scan(c);
    memcpy(bits, (struct check_bits *[]){
        c->used, c->metadata, c->twice, c->maps, c->dir_seen, c->dir_twice,
        c->inodes, c->dirs, c->orphans, c->special, c->named }, sizeof bits);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        check_bits_destroy(bits[i]);
    check_array_destroy(c->info);
    check_array_destroy(c->names);
    ext2_check_dirs_end(c);
    ext2_check_owned_end(c);
    check_queue_destroy(c->dir_blocks);
    if (c->groups)
        check_free(check, c->groups,
                   c->super.group_count * sizeof *c->groups);
    ext2_check_crc_end(c);
    check_free(check, c, sizeof *c);
    check->volume = NULL;
}

const struct shale_checker shale_ext2_checker = {
    .name = "ext2",
    .codes = ext2_check_codes,
    .code_count = EXT2_CHECK_CODES,
    .phases = 9,
    .memory = "80 bytes per block group; a bit per block and per inode where "
              "they are mixed, next to nothing where all or none of a stretch "
              "are in use; 6 bytes per inode that has several names or is no "
              "regular file, 48 per directory and per "
              "block of directories; with quotas 24 per user, group and "
              "project; 8 per name in directories of several blocks without "
              "an index, until all of these are read; up to 8 MiB at work"
              CHECK_MEMORY_FINDINGS
              ", 40 more and a name per part of these paths",
    .probe = probe,
    .probe_backup = probe_backup,
    .run = run,
    .paths = ext2_check_paths,
    .done = done,
};
