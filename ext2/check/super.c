/*
 * super.c - the superblock: which one to believe, and what is wrong with it
 *
 * The fields that say where everything is must fit together, or nothing can be
 * read: if they do not, a backup is taken. The others are looked at one by one.
 * Rules are those of "ext4 Data Structures and Algorithms", "The Super Block".
 */
#include "ext2/check/check.h"
#include "ext2/ext2.h"
#include "memfn.h"
#include "text.h"

#define SUPER_LOG_FLEX      0x174       /* one byte */
#define SUPER_ENCODING      0x27c       /* le16, with casefold */
#define ENCODING_UTF8       1u          /* Unicode 12.1 */
#define SUPER_CHECKSUM      0x3fc       /* le32, of all before it */
#define CLUSTER_LOG_MAX     19u         /* 512 MiB */

#define KNOWN_COMPAT                                                         \
    (EXT2_COMPAT_DIR_PREALLOC | EXT2_COMPAT_IMAGIC_INODES |                  \
     EXT2_COMPAT_HAS_JOURNAL | EXT2_COMPAT_EXT_ATTR |                        \
     EXT2_COMPAT_RESIZE_INODE | EXT2_COMPAT_DIR_INDEX |                      \
     EXT2_COMPAT_SPARSE_SUPER2 | EXT2_COMPAT_FAST_COMMIT |                   \
     EXT2_COMPAT_STABLE_INODES | EXT2_COMPAT_ORPHAN_FILE)
#define KNOWN_INCOMPAT                                                       \
    (EXT2_INCOMPAT_FILETYPE | EXT2_INCOMPAT_RECOVER |                        \
     EXT2_INCOMPAT_JOURNAL_DEV | EXT2_INCOMPAT_META_BG |                     \
     EXT2_INCOMPAT_EXTENTS | EXT2_INCOMPAT_64BIT | EXT2_INCOMPAT_MMP |       \
     EXT2_INCOMPAT_FLEX_BG | EXT2_INCOMPAT_EA_INODE |                        \
     EXT2_INCOMPAT_CSUM_SEED | EXT2_INCOMPAT_LARGE_DIR |                     \
     EXT2_INCOMPAT_INLINE_DATA | EXT2_INCOMPAT_ENCRYPT |                     \
     EXT2_INCOMPAT_CASEFOLD)
#define KNOWN_RO_COMPAT                                                      \
    (EXT2_RO_COMPAT_SPARSE_SUPER | EXT2_RO_COMPAT_LARGE_FILE |               \
     EXT2_RO_COMPAT_BTREE_DIR | EXT2_RO_COMPAT_HUGE_FILE |                   \
     EXT2_RO_COMPAT_GDT_CSUM | EXT2_RO_COMPAT_DIR_NLINK |                    \
     EXT2_RO_COMPAT_EXTRA_ISIZE | EXT2_RO_COMPAT_QUOTA |                     \
     EXT2_RO_COMPAT_BIGALLOC | EXT2_RO_COMPAT_METADATA_CSUM |                \
     EXT2_RO_COMPAT_READONLY | EXT2_RO_COMPAT_PROJECT |                      \
     EXT2_RO_COMPAT_SHARED_BLOCKS | EXT2_RO_COMPAT_VERITY |                  \
     EXT2_RO_COMPAT_ORPHAN_PRESENT)

/* Features that no program ever had in earnest, or that hide everything. */
#define UNREADABLE (EXT2_INCOMPAT_JOURNAL_DEV)

static bool power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* ---------------------------------------------------------- fields by name */

uint64_t ext2_check_super_field(const char *name)
{
#define FIELD(name, field) { name, offsetof(struct ext2_disk_super, field) }
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        FIELD("s_inodes_count", inodes_count),
        FIELD("s_blocks_count", blocks_count),
        FIELD("s_r_blocks_count", reserved_blocks),
        FIELD("s_first_data_block", first_data_block),
        FIELD("s_log_block_size", log_block_size),
        FIELD("s_log_cluster_size", log_cluster_size),
        FIELD("s_blocks_per_group", blocks_per_group),
        FIELD("s_clusters_per_group", clusters_per_group),
        FIELD("s_inodes_per_group", inodes_per_group),
        FIELD("s_mtime", mtime),
        FIELD("s_wtime", wtime),
        FIELD("s_magic", magic),
        FIELD("s_lastcheck", last_check),
        FIELD("s_rev_level", rev_level),
        FIELD("s_first_ino", first_ino),
        FIELD("s_inode_size", inode_size),
        FIELD("s_block_group_nr", block_group_nr),
        FIELD("s_uuid", uuid),
        FIELD("s_reserved_gdt_blocks", reserved_gdt_blocks),
        FIELD("s_desc_size", desc_size),
        FIELD("s_min_extra_isize", min_extra_isize),
        FIELD("s_want_extra_isize", want_extra_isize),
        { "s_log_groups_per_flex", SUPER_LOG_FLEX },
    };
#undef FIELD

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        size_t n = 0;

        while (name[n] && name[n] == fields[i].name[n])
            n++;
        if (name[n] == fields[i].name[n])
            return fields[i].offset;
    }
    return 0;
}

/* ------------------------------------------------- what has to fit together */

/* The field's value if its bounds do not hold. */
struct bound {
    const char *name;
    uint64_t value, least, most;
};

static const char *first_outside(const struct bound *bounds, size_t count,
                                 uint64_t *found)
{
    for (size_t i = 0; i < count; i++)
        if (bounds[i].value < bounds[i].least ||
            bounds[i].value > bounds[i].most) {
            *found = bounds[i].value;
            return bounds[i].name;
        }
    return NULL;
}

/* Sizes: of blocks, clusters, inodes. */
static const char *wrong_sizes(const struct ext2_disk_super *raw,
                               uint64_t *found)
{
    bool dynamic = le32_get(raw->rev_level) >= EXT2_DYNAMIC_REV;
    uint32_t log_block = le32_get(raw->log_block_size);
    uint32_t inode_size = dynamic ? le16_get(raw->inode_size)
                                  : EXT2_GOOD_OLD_INODE;
    const struct bound first[] = {
        { "s_magic", le16_get(raw->magic), EXT2_MAGIC, EXT2_MAGIC },
        { "s_rev_level", le32_get(raw->rev_level), 0, EXT2_DYNAMIC_REV },
        { "s_log_block_size", log_block, 0, EXT2_MAX_LOG_BLOCK },
    };
    const char *name = first_outside(first, sizeof first / sizeof *first,
                                     found);

    if (name)
        return name;
    *found = inode_size;
    if (!power_of_two(inode_size) || inode_size < EXT2_GOOD_OLD_INODE ||
        inode_size > 1024u << log_block)
        return "s_inode_size";
    *found = le32_get(raw->log_cluster_size);
    if (dynamic && (le32_get(raw->ro_compat) & EXT2_RO_COMPAT_BIGALLOC) &&
        (*found < log_block || *found > CLUSTER_LOG_MAX))
        return "s_log_cluster_size";
    return NULL;
}

/* Counts: of blocks and inodes, in all and in each group. */
static const char *wrong_counts(const struct ext2_disk_super *raw,
                                uint64_t *found)
{
    bool dynamic = le32_get(raw->rev_level) >= EXT2_DYNAMIC_REV;
    bool bigalloc = dynamic &&
                    (le32_get(raw->ro_compat) & EXT2_RO_COMPAT_BIGALLOC);
    uint32_t log_block = le32_get(raw->log_block_size);
    uint32_t size = 1024u << log_block;
    uint32_t shift = bigalloc ? le32_get(raw->log_cluster_size) - log_block : 0;
    uint32_t per_block = size / (dynamic ? le16_get(raw->inode_size)
                                         : EXT2_GOOD_OLD_INODE);
    uint32_t first = size == 1024 && !bigalloc;
    uint32_t per_group = le32_get(raw->blocks_per_group);
    uint64_t blocks = ext2_check_super_blocks(raw), groups;
    const struct bound bounds[] = {
        { "s_blocks_count", blocks, first + 1u, UINT64_C(1) << 48 },
        { "s_first_data_block", le32_get(raw->first_data_block), 0, first },
        { "s_blocks_per_group", per_group, 8u << shift,
          (uint64_t)size * 8 << shift },
        { "s_inodes_per_group", le32_get(raw->inodes_per_group), 1,
          size * 8 },
    };
    const char *name = first_outside(bounds, sizeof bounds / sizeof *bounds,
                                     found);

    if (name)
        return name;
    *found = le32_get(raw->clusters_per_group);
    if (bigalloc && *found << shift != per_group)
        return "s_clusters_per_group";
    *found = le32_get(raw->inodes_per_group);
    if (*found > 65536 && *found > 65536 - per_block)
        return "s_inodes_per_group";
    groups = (blocks - le32_get(raw->first_data_block) + per_group - 1) /
             per_group;
    *found = blocks;
    if (groups > UINT32_MAX / le32_get(raw->inodes_per_group))
        return "s_blocks_count";
    return NULL;
}

const char *ext2_check_super_wrong(const struct ext2_disk_super *raw,
                                   uint64_t *found)
{
    const char *name = wrong_sizes(raw, found);

    return name ? name : wrong_counts(raw, found);
}

bool ext2_check_super_of_journal(const struct ext2_disk_super *raw)
{
    return (le32_get(raw->incompat) & EXT2_INCOMPAT_JOURNAL_DEV) != 0 &&
           le32_get(raw->inodes_count) == 0;
}

static bool checksum_wrong(const struct ext2_check *c,
                           const struct ext2_disk_super *raw,
                           uint32_t *expected, uint32_t *found)
{
    le32 stored;

    if (!(le32_get(raw->ro_compat) & EXT2_RO_COMPAT_METADATA_CSUM) ||
        le32_get(raw->rev_level) < EXT2_DYNAMIC_REV)
        return false;
    memcpy(&stored, (const uint8_t *)raw + SUPER_CHECKSUM, sizeof stored);
    *found = le32_get(stored);
    *expected = ext2_check_crc(c, ~UINT32_C(0), raw, SUPER_CHECKSUM);
    return *found != *expected;
}

/* ------------------------------------------------- which one is believed */

static void tell_field(struct ext2_check *c, uint64_t at, const char *name,
                       uint64_t expected, uint64_t found)
{
    size_t len = 0;

    while (name[len])
        len++;
    ext2_tell(c, SUPER_FIELD, at + ext2_check_super_field(name), .name = name,
              .len = len, .compared = true, .expected = expected,
              .found = found);
}

static void tell_unusable(struct ext2_check *c, uint64_t at, const char *name,
                          uint64_t found)
{
    size_t len = 0;

    while (name[len])
        len++;
    ext2_tell(c, SUPER_BAD, at + ext2_check_super_field(name), .other = at,
              .name = name, .len = len, .found = found);
}

/* Read the superblock at AT; *GOOD if it may be believed. */
static int take_super(struct ext2_check *c, uint64_t at, bool *good)
{
    struct ext2_disk_super *raw = &c->super.raw;
    uint32_t expected, stored;
    const char *name;
    uint64_t found;
    int err = check_get(c->check, at, raw, sizeof *raw, SHALE_OBJECT_VOLUME, 0,
                        good);

    if (err || !*good)
        return err;
    name = ext2_check_super_wrong(raw, &found);
    *good = !name;
    if (name && ext2_check_super_of_journal(raw))
        ext2_tell(c, JOURNAL_DEVICE, at + offsetof(struct ext2_disk_super,
                                                   incompat), .other = 0);
    else if (name)
        tell_unusable(c, at, name, found);
    else if (checksum_wrong(c, raw, &expected, &stored))
        ext2_tell(c, SUPER_CHECKSUM_BAD, at + SUPER_CHECKSUM, .compared = true,
                  .expected = expected, .found = stored);
    return 0;
}

static int choose_super(struct ext2_check *c, bool *good)
{
    uint64_t asked = c->check->config->superblock;
    uint64_t at = asked ? asked : EXT2_SUPER_OFFSET;
    struct ext2_disk_super raw;
    int err = take_super(c, at, good);

    if (!err && *good) {
        raw = c->super.raw;
    } else if (!err && !asked && !ext2_check_super_of_journal(&c->super.raw)) {
        err = ext2_check_backup_find(c->check, &raw, &at);
        *good = at != 0;
        if (!err && *good)
            ext2_tell(c, SUPER_BACKUP_USED, at, .other = at);
    }
    if (!err && *good)
        ext2_check_super_decode(c, at, &raw);
    return err;
}

/* -------------------------------------------------------------- features */

struct unknown {
    struct ext2_check *c;
    uint64_t at;                /* of the field that has it */
};

static void tell_unknown(void *context, const char *name)
{
    const struct unknown *unknown = context;
    struct ext2_check *c = unknown->c;
    size_t len = 0;

    while (name[len])
        len++;
    ext2_tell(c, FEATURE_UNKNOWN, unknown->at, .name = name, .len = len);
}

static void check_unknown(struct ext2_check *c)
{
    struct ext2_check_super *s = &c->super;
    struct unknown unknown = { c, EXT2_AT_SUPER(c, compat) };

    ext2_feature_names(EXT2_COMPAT, s->compat & ~KNOWN_COMPAT, tell_unknown,
                       &unknown);
    unknown.at = EXT2_AT_SUPER(c, incompat);
    ext2_feature_names(EXT2_INCOMPAT, s->incompat & ~KNOWN_INCOMPAT,
                       tell_unknown, &unknown);
    unknown.at = EXT2_AT_SUPER(c, ro_compat);
    ext2_feature_names(EXT2_RO_COMPAT, s->ro_compat & ~KNOWN_RO_COMPAT,
                       tell_unknown, &unknown);
    if ((s->incompat & ~KNOWN_INCOMPAT) || (s->incompat & UNREADABLE) ||
        (s->ro_compat & ~KNOWN_RO_COMPAT))
        c->unjudged = true;
}

static unsigned encoding(const struct ext2_disk_super *raw)
{
    const uint8_t *b = (const uint8_t *)raw + SUPER_ENCODING;

    return b[0] | (unsigned)b[1] << 8;
}

/* A feature that needs another, or cannot be with it. */
static void check_pairs(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    const struct {
        bool wrong;
        uint64_t at;
        const char *name;
        size_t len;
    } pairs[] = {
#define PAIR(wrong, field, name)                                            \
    { (wrong), EXT2_AT_SUPER(c, field), name, sizeof name - 1 }
        PAIR((s->compat & EXT2_COMPAT_ORPHAN_FILE) &&
             !(s->compat & EXT2_COMPAT_HAS_JOURNAL), compat,
             "orphan_file needs a journal"),
        PAIR((s->ro_compat & EXT2_RO_COMPAT_ORPHAN_PRESENT) &&
             !(s->compat & EXT2_COMPAT_ORPHAN_FILE), ro_compat,
             "orphan_present needs orphan_file"),
        PAIR(s->casefold && encoding(&s->raw) != ENCODING_UTF8,
             incompat, "casefold needs an encoding that is known"),
        PAIR(s->is64 && !s->extents &&
             s->block_count > UINT32_MAX, incompat,
             "so many blocks need extents"),
        PAIR(s->bigalloc && !s->extents, ro_compat, "bigalloc needs extents"),
        PAIR((s->incompat & EXT2_INCOMPAT_META_BG) &&
             (s->compat & EXT2_COMPAT_RESIZE_INODE), incompat,
             "meta_bg and resize_inode exclude each other"),
#undef PAIR
    };

    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pairs[i].wrong)
            ext2_tell(c, FEATURE_PAIR, pairs[i].at, .name = pairs[i].name,
                      .len = pairs[i].len);
    if ((s->incompat & EXT2_INCOMPAT_CSUM_SEED) && !s->metadata_csum)
        ext2_tell(c, FEATURE_SEED, EXT2_AT_SUPER(c, incompat), .number = 0);
    if (s->metadata_csum && (s->ro_compat & EXT2_RO_COMPAT_GDT_CSUM))
        ext2_tell(c, FEATURE_REDUNDANT, EXT2_AT_SUPER(c, ro_compat),
                  .number = 0);
    if (le32_get(s->raw.rev_level) == EXT2_GOOD_OLD_REV &&
        (le32_get(s->raw.compat) | le32_get(s->raw.incompat) |
         le32_get(s->raw.ro_compat)) != 0)
        ext2_tell(c, FEATURE_REVISION, EXT2_AT_SUPER(c, rev_level),
                  .number = 0);
}

/* ---------------------------------------------------------- other fields */

/* Descriptors' size counts with 64bit only, but should be one. */
static bool desc_size_wrong(const struct ext2_check_super *s)
{
    uint32_t size = le16_get(s->raw.desc_size);

    if (s->is64)
        return size != s->desc_size;
    return (size & (size - 1)) != 0 || size > 1024;
}

/* Fields that must be within bounds, though nothing depends on them. */
static void check_bounds(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    const struct ext2_disk_super *raw = &s->raw;
    bool dynamic = le32_get(raw->rev_level) >= EXT2_DYNAMIC_REV;
    uint64_t reserved = ext2_check_super_reserved(raw);
    uint64_t first = s->block_size == 1024 && !s->bigalloc;
    const struct bound bounds[] = {
        { "s_first_data_block", s->first_block, first, first },
        { "s_r_blocks_count", reserved, 0, s->block_count / 2 },
        { "s_first_ino", dynamic ? le32_get(raw->first_ino) : 11,
          EXT2_GOOD_OLD_FIRST, s->inode_count },
        { "s_reserved_gdt_blocks", le16_get(raw->reserved_gdt_blocks), 0,
          s->block_size / 4 },
        { "s_inodes_per_group", s->inodes_per_group, s->inodes_per_block,
          UINT32_MAX },
        { "s_log_groups_per_flex",
          ((const uint8_t *)raw)[SUPER_LOG_FLEX], 0, 31 },
    };

    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        const struct bound *b = &bounds[i];

        if (b->value < b->least)
            tell_field(c, s->at, b->name, b->least, b->value);
        else if (b->value > b->most)
            tell_field(c, s->at, b->name, b->most, b->value);
    }
}

/* i_extra_isize that all inodes are promised to have. */
static void check_extra(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    uint32_t most = s->inode_size - EXT2_GOOD_OLD_INODE;
    const struct {
        const char *name;
        size_t len;
        uint32_t value;
    } fields[] = {
        { "s_min_extra_isize", 17, le16_get(s->raw.min_extra_isize) },
        { "s_want_extra_isize", 18, le16_get(s->raw.want_extra_isize) },
    };

    if (s->inode_size <= EXT2_GOOD_OLD_INODE)
        return;
    for (unsigned i = 0; i < 2; i++)
        if (fields[i].value > most || fields[i].value % 4 != 0)
            ext2_tell(c, SUPER_EXTRA,
                      s->at + ext2_check_super_field(fields[i].name),
                      .name = fields[i].name, .len = fields[i].len,
                      .compared = true, .expected = 32 < most ? 32 : most,
                      .found = fields[i].value);
}

static void check_counts(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    uint64_t groups = (s->block_count - s->first_block - 1) /
                      s->blocks_per_group + 1;
    uint64_t inodes = groups * s->inodes_per_group;
    uint32_t log_block = le32_get(s->raw.log_block_size);

    if (le32_get(s->raw.inodes_count) != inodes)
        tell_field(c, s->at, "s_inodes_count", inodes,
                   le32_get(s->raw.inodes_count));
    if (desc_size_wrong(s))
        tell_field(c, s->at, "s_desc_size", s->desc_size,
                   le16_get(s->raw.desc_size));
    if (s->blocks_there < s->block_count)
        ext2_tell(c, SUPER_TRUNCATED, EXT2_AT_SUPER(c, blocks_count),
                  .compared = true,
                  .expected = s->block_count, .found = s->blocks_there);
    if (!s->bigalloc && le32_get(s->raw.log_cluster_size) != log_block)
        tell_field(c, s->at, "s_log_cluster_size", log_block,
                   le32_get(s->raw.log_cluster_size));
    if (!s->bigalloc &&
        le32_get(s->raw.clusters_per_group) != s->blocks_per_group)
        tell_field(c, s->at, "s_clusters_per_group", s->blocks_per_group,
                   le32_get(s->raw.clusters_per_group));
    if (le16_get(s->raw.reserved_gdt_blocks) != 0 &&
        !(s->compat & EXT2_COMPAT_RESIZE_INODE))
        ext2_tell(c, SUPER_RESERVED, EXT2_AT_SUPER(c, reserved_gdt_blocks),
                  .compared = true,
                  .found = le16_get(s->raw.reserved_gdt_blocks));
}

/* What a person should know, though the volume is sound. */
static void check_state(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    const struct {
        const char *name;
        size_t len;
        le32 low;
        uint8_t high;
    } times[] = {
        { "s_mtime", 7, s->raw.mtime, s->raw.mtime_high },
        { "s_wtime", 7, s->raw.wtime, s->raw.wtime_high },
        { "s_lastcheck", 11, s->raw.last_check, s->raw.last_check_high },
    };
    uint16_t state = le16_get(s->raw.state);

    if (!(state & EXT2_STATE_VALID))
        ext2_tell(c, SUPER_DIRTY, EXT2_AT_SUPER(c, state), .number = 0);
    if (state & EXT2_STATE_ERRORS)
        ext2_tell(c, SUPER_ERRORS, EXT2_AT_SUPER(c, state), .other =
                  le32_get(s->raw.error_count));
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        int64_t time = (int64_t)le32_get(times[i].low) |
                       (int64_t)times[i].high << 32;

        /* A day's grace: clocks differ. */
        if (c->check->now != 0 && time > c->check->now + 86400)
            ext2_tell(c, SUPER_FUTURE,
                      s->at + ext2_check_super_field(times[i].name),
                      .name = times[i].name, .len = times[i].len,
                      .compared = true, .expected = (uint64_t)c->check->now,
                      .found = (uint64_t)time);
    }
}

int ext2_check_super(struct ext2_check *c, bool *good)
{
    int err = choose_super(c, good);

    if (err || !*good)
        return err;
    check_unknown(c);
    check_pairs(c);
    check_bounds(c);
    check_extra(c);
    check_counts(c);
    check_state(c);
    return 0;
}
