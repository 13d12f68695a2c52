/*
 * feature.c - the names of the features, and which of them keep us out
 *
 * A volume declares what it uses in three sets of bits. A driver that meets a
 * bit it does not know may ignore it (compat), read but not write (ro_compat),
 * or must leave the volume alone (incompat). The names are mke2fs's.
 */
#include "ext2.h"
#include "text.h"

#define WRITABLE (EXT2_RO_COMPAT_SPARSE_SUPER | EXT2_RO_COMPAT_LARGE_FILE | \
                  EXT2_RO_COMPAT_BTREE_DIR | EXT2_RO_COMPAT_HUGE_FILE |     \
                  EXT2_RO_COMPAT_DIR_NLINK | EXT2_RO_COMPAT_EXTRA_ISIZE)

/* By bit number; NULL where the bit has no name. */
static const char *const compat_names[32] = {
    [0] = "dir_prealloc",     [1] = "imagic_inodes", [2] = "has_journal",
    [3] = "ext_attr",         [4] = "resize_inode",  [5] = "dir_index",
    [6] = "lazy_bg",          [8] = "exclude_bitmap",
    [9] = "sparse_super2",    [10] = "fast_commit",  [11] = "stable_inodes",
    [12] = "orphan_file",
};

static const char *const incompat_names[32] = {
    [0] = "compression",      [1] = "filetype",      [2] = "needs_recovery",
    [3] = "journal_dev",      [4] = "meta_bg",       [6] = "extents",
    [7] = "64bit",            [8] = "mmp",           [9] = "flex_bg",
    [10] = "ea_inode",        [12] = "dirdata",
    [13] = "metadata_csum_seed", [14] = "large_dir", [15] = "inline_data",
    [16] = "encrypt",         [17] = "casefold",
};

static const char *const ro_compat_names[32] = {
    [0] = "sparse_super",     [1] = "large_file",    [2] = "btree_dir",
    [3] = "huge_file",        [4] = "uninit_bg",     [5] = "dir_nlink",
    [6] = "extra_isize",      [7] = "snapshot",      [8] = "quota",
    [9] = "bigalloc",         [10] = "metadata_csum", [11] = "replica",
    [12] = "read-only",       [13] = "project",      [14] = "shared_blocks",
    [15] = "verity",          [16] = "orphan_present",
};

static const struct {
    const char *prefix;         /* for bits without a name */
    const char *const *names;
} sets[] = {
    [EXT2_COMPAT]    = { "compat_0x",    compat_names },
    [EXT2_INCOMPAT]  = { "incompat_0x",  incompat_names },
    [EXT2_RO_COMPAT] = { "ro_compat_0x", ro_compat_names },
};

void ext2_feature_names(enum ext2_feature_set set, uint32_t bits,
                        void (*emit)(void *context, const char *name),
                        void *context)
{
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = sets[set].names[bit];
        struct text unnamed = { .len = 0 };

        if (!(bits >> bit & 1))
            continue;
        if (!name) {
            text_add(&unnamed, sets[set].prefix);
            text_add_number(&unnamed, UINT64_C(1) << bit, 16);
            name = unnamed.bytes;
        }
        emit(context, name);
    }
}

static bool name_is(const char *full, const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (full[i] == '\0' || full[i] != name[i])
            return false;
    return full[len] == '\0';
}

bool ext2_feature_find(const char *name, size_t len, enum ext2_feature_set *set,
                       uint32_t *bit)
{
    for (unsigned s = EXT2_COMPAT; s <= EXT2_RO_COMPAT; s++)
        for (unsigned b = 0; b < 32; b++)
            if (sets[s].names[b] && name_is(sets[s].names[b], name, len)) {
                *set = (enum ext2_feature_set)s;
                *bit = UINT32_C(1) << b;
                return true;
            }
    return false;
}

static void name_append(void *context, const char *name)
{
    struct text *list = context;

    if (list->len > 0)
        text_add(list, ", ");
    text_add(list, name);
}

/* Unless FS is read-only: see to it that it is if the volume is not for us. */
static void check_write(struct shale_fs *fs, const struct ext2_super *super)
{
    uint32_t culprits = super->ro_compat & ~WRITABLE;
    struct text list = { .len = 0 };
    const char *why = NULL;

    if (fs->read_only)
        return;
    if (culprits != 0)
        why = "ext2: read-only, because of features for which only reading is "
              "supported";
    else if ((super->compat & EXT2_COMPAT_HAS_JOURNAL) &&
             super->journal_ino == 0)
        why = "ext2: read-only, since the journal is on another device";
    else if (super->at != EXT2_SUPER_OFFSET)
        why = "ext2: read-only, since this is a copy of the superblock";
    if (!why)
        return;
    ext2_feature_names(EXT2_RO_COMPAT, culprits, name_append, &list);
    shale_warn(fs, why, list.len > 0 ? list.bytes : NULL, super->at);
    fs->read_only = true;
}

/* Has a journal that was not replayed to be minded? */
static bool recovery_matters(struct shale_fs *fs,
                             const struct ext2_super *super)
{
    const char *text;
    size_t len;

    if (!fs->read_only)
        return !(super->compat & EXT2_COMPAT_HAS_JOURNAL);
    if (shale_option_text(fs, "norecovery", &text, &len) != 1)
        return true;
    shale_warn(fs, "ext2: the journal is left alone; what only it has is not "
               "seen, and the rest may not fit together", NULL, super->at);
    return false;
}

int ext2_feature_check(struct shale_fs *fs, const struct ext2_super *super)
{
    uint32_t culprits = super->incompat & ~EXT2_READABLE;
    struct text list = { .len = 0 };
    const char *what = "ext2: the volume uses features that are not supported";

    check_write(fs, super);
    if ((culprits & EXT2_INCOMPAT_RECOVER) && !recovery_matters(fs, super))
        culprits &= ~EXT2_INCOMPAT_RECOVER;
    if (culprits == 0)
        return 0;
    if (culprits == EXT2_INCOMPAT_RECOVER)
        what = "ext2: the journal needs recovery first (e2fsck does it, or a "
               "mount that may write; the option norecovery reads without)";
    ext2_feature_names(EXT2_INCOMPAT, culprits, name_append, &list);
    return shale_refuse(fs, what, list.bytes, super->at);
}
