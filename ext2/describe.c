/*
 * describe.c - what a volume says about itself, for `shale info`
 */
#include "ext2.h"
#include "format.h"
#include "text.h"

/* By s_creator_os. */
static const char *const systems[] = {
    "Linux", "Hurd", "Masix", "FreeBSD", "Lites",
};

static const char *const hashes[EXT2_HASH_COUNT] = {
    [EXT2_HASH_LEGACY] = "legacy",
    [EXT2_HASH_HALF_MD4] = "half_md4",
    [EXT2_HASH_TEA] = "tea",
    [EXT2_HASH_LEGACY_UNSIGNED] = "legacy_unsigned",
    [EXT2_HASH_HALF_MD4_UNSIGNED] = "half_md4_unsigned",
    [EXT2_HASH_TEA_UNSIGNED] = "tea_unsigned",
};

static const char *system_name(uint32_t os)
{
    return os < sizeof systems / sizeof systems[0] ? systems[os] : "unknown";
}

static const char *hash_name(const struct ext2_super *super)
{
    unsigned version = super->hash_version;

    if (version <= EXT2_HASH_TEA && super->hash_unsigned)
        version += EXT2_HASH_LEGACY_UNSIGNED;
    return version < EXT2_HASH_COUNT ? hashes[version] : "unknown";
}

static const char *state_name(const struct ext2_super *super)
{
    if (super->state & EXT2_STATE_ERRORS)
        return "errors";
    /* With a journal a volume in use is one that needs it. */
    return (super->state & EXT2_STATE_VALID) &&
           !(super->incompat & EXT2_INCOMPAT_RECOVER) ? "clean"
                                                      : "not unmounted";
}

/* 8-4-4-4-12 hexadecimal digits. */
static void describe_uuid(const struct ext2_super *super,
                          struct shale_describe *to)
{
    static const char digits[] = "0123456789abcdef";
    char text[37];
    size_t at = 0;

    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            text[at++] = '-';
        text[at++] = digits[super->uuid[i] >> 4];
        text[at++] = digits[super->uuid[i] & 15];
    }
    text[at] = '\0';
    to->text(to, "uuid", text);
}

struct item_job {
    struct shale_describe *to;
    const char *key;
};

static void item_emit(void *context, const char *name)
{
    struct item_job *job = context;

    job->to->item(job->to, job->key, name);
}

static void describe_features(const struct ext2_super *super,
                              struct shale_describe *to)
{
    struct item_job job = { .to = to };

    job.key = "features_compat";
    ext2_feature_names(EXT2_COMPAT, super->compat, item_emit, &job);
    job.key = "features_incompat";
    ext2_feature_names(EXT2_INCOMPAT, super->incompat, item_emit, &job);
    job.key = "features_ro_compat";
    ext2_feature_names(EXT2_RO_COMPAT, super->ro_compat, item_emit, &job);
}

static void describe_geometry(const struct ext2_super *super,
                              struct shale_describe *to)
{
    to->number(to, "block_size", super->block_size);
    to->number(to, "inode_size", super->inode_size);
    to->number(to, "block_count", super->block_count);
    to->number(to, "reserved_blocks", super->reserved_blocks);
    to->number(to, "inode_count", super->inode_count);
    to->number(to, "first_inode", super->first_ino);
    to->number(to, "group_count", super->group_count);
    to->number(to, "blocks_per_group", super->blocks_per_group);
    to->number(to, "inodes_per_group", super->inodes_per_group);
    to->number(to, "superblock_at", super->at);
}

static void describe_history(const struct ext2_super *super,
                             struct shale_describe *to)
{
    int limit = super->max_mount_count;

    to->time(to, "created", super->mkfs_time);
    to->time(to, "last_mounted", super->mtime);
    to->time(to, "last_written", super->wtime);
    to->time(to, "last_checked", super->last_check);
    if (super->last_mounted[0] != '\0')
        to->text(to, "last_mounted_on", super->last_mounted);
    to->number(to, "mount_count", super->mount_count);
    if (limit > 0)
        to->number(to, "max_mount_count", (uint64_t)limit);
    to->text(to, "creator_os", system_name(super->creator_os));
}

static void describe_journal(const struct ext2_super *super,
                             struct shale_describe *to)
{
    if (!(super->compat & EXT2_COMPAT_HAS_JOURNAL))
        return;
    to->number(to, "journal_inode", super->journal_ino);
    to->text(to, "journal_state", super->incompat & EXT2_INCOMPAT_RECOVER
                                  ? "needs replay" : "empty");
}

void ext2_describe_new(const struct ext2_new *v, struct shale_describe *to)
{
    const struct ext2_super *super = &v->super;
    uint64_t own = ext2_overhead(super) + v->journal_blocks;

    to->text(to, "label", super->label);
    describe_uuid(super, to);
    describe_geometry(super, to);
    to->number(to, "journal_blocks", v->journal_blocks);
    to->number(to, "blocks_for_files", super->block_count - own);
    describe_features(super, to);
}

int ext2_describe(struct shale_fs *fs, struct shale_describe *to)
{
    struct ext2_volume *vol = ext2_volume_of(fs);
    const struct ext2_super *super = &vol->super;
    uint64_t blocks_free, inodes_free;
    int err = ext2_group_count_free(vol, &blocks_free, &inodes_free);

    if (err)
        return err;
    to->text(to, "label", super->label);
    describe_uuid(super, to);
    to->number(to, "revision", super->rev_level);
    to->text(to, "state", state_name(super));
    describe_geometry(super, to);
    to->number(to, "blocks_free", blocks_free);
    to->number(to, "inodes_free", inodes_free);

    describe_features(super, to);
    if (super->compat & EXT2_COMPAT_DIR_INDEX)
        to->text(to, "hash", hash_name(super));
    describe_journal(super, to);
    describe_history(super, to);
    return 0;
}
