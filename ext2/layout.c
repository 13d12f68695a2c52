/*
 * layout.c - how a new ext2 volume is going to look
 *
 * Pure arithmetic. What is not asked for is chosen by size, in the classes
 * that mke2fs.conf(5) calls floppy, small, default, big and huge. The rest
 * follows: as many groups as blocks need, or as inodes need if these are the
 * more; in each its share of the inodes, in whole blocks of them.
 *
 *     | boot | super | descriptors, spare | bitmap bitmap | inodes | data ...
 *              only in some groups
 */
#include "format.h"
#include "journal_disk.h"
#include "memfn.h"
#include "text.h"

#define KIB UINT64_C(1024)
#define MIB (KIB << 10)
#define TIB (KIB << 30)

/* Group descriptors count in 16 bits, and a bitmap in whole bytes. */
#define GROUP_BLOCKS_MAX 65528u
#define GROUP_BLOCKS_MIN 256u
#define GROUP_INODES_MAX 65536u

#define GROUP_DATA_MIN 8u

/* A last group with less room for data than this is left out. */
#define LAST_GROUP_MIN 50u

/* What a volume needs of inodes: the reserved, lost+found, and some more. */
#define INODES_MIN 16u

/* Of files that are to come, one for so many is left over. */
#define SPARE_FILES 8u

/* Inodes take not more than 1/8 of a volume, unless asked for. */
#define INODES_PART_MAX UINT64_C(8)

#define JOURNAL_MAX 65536u      /* blocks */
#define JOURNAL_USUAL_MAX 32768u

/* Growing to this many times the size is provided for. */
#define GROWTH 1024u

static const struct usage {
    uint64_t below;             /* bytes that the volume has at most */
    uint32_t block_size, inode_ratio;
} usages[] = {
    { 3 * MIB,    1024, 8192 },
    { 512 * MIB,  1024, 4096 },
    { 4 * TIB,    4096, 16384 },
    { 16 * TIB,   4096, 32768 },
    { UINT64_MAX, 4096, 65536 },
};

static const uint32_t features_usual[] = {
    [EXT2_COMPAT] = EXT2_COMPAT_EXT_ATTR | EXT2_COMPAT_RESIZE_INODE |
                    EXT2_COMPAT_DIR_INDEX,
    [EXT2_INCOMPAT] = EXT2_INCOMPAT_FILETYPE,
    [EXT2_RO_COMPAT] = EXT2_RO_COMPAT_SPARSE_SUPER | EXT2_RO_COMPAT_LARGE_FILE,
};

/* What can be had beside these. */
static const uint32_t features_more[] = {
    [EXT2_COMPAT] = EXT2_COMPAT_HAS_JOURNAL,
    [EXT2_INCOMPAT] = EXT2_INCOMPAT_LARGE_DIR,
    [EXT2_RO_COMPAT] = EXT2_RO_COMPAT_HUGE_FILE | EXT2_RO_COMPAT_DIR_NLINK |
                       EXT2_RO_COMPAT_EXTRA_ISIZE,
};

static int refuse(struct shale_log *log, const char *what, const char *detail)
{
    const struct shale_event event = {
        .level = SHALE_LOG_ERROR, .err = SHALE_EINVAL,
        .what = what, .detail = detail, .at = SHALE_NOWHERE,
    };

    if (log)
        log->event(log, &event);
    return SHALE_EINVAL;
}

/* The same with "FROM to TO" for what would do, or as JOIN has it. */
static int refuse_range(struct shale_log *log, const char *what, uint64_t from,
                        const char *join, uint64_t to)
{
    struct text t = { .len = 0 };

    text_add_number(&t, from, 10);
    text_add(&t, join);
    text_add_number(&t, to, 10);
    return refuse(log, what, t.bytes);
}

static bool power_of_two(uint32_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

static uint64_t divide_up(uint64_t x, uint64_t by)
{
    return x / by + (x % by != 0);
}

/* -------------------------------------------------------------- features */

/* Change SETS as one item of the list says: "name", "^name" or "none". */
static int take_feature(uint32_t sets[3], const char *item, size_t len,
                        struct shale_log *log)
{
    struct text shown = { .len = 0 };
    enum ext2_feature_set set;
    bool off = len > 0 && *item == '^';
    uint32_t bit;

    if (len == 4 && memcmp(item, "none", 4) == 0) {
        memset(sets, 0, 3 * sizeof sets[0]);
        return 0;
    }
    /* Any that there is may be taken away. */
    if (ext2_feature_find(item + off, len - off, &set, &bit) &&
        (off || ((features_usual[set] | features_more[set]) & bit))) {
        sets[set] = off ? sets[set] & ~bit : sets[set] | bit;
        return 0;
    }
    for (size_t i = 0; i < len && i < sizeof shown.bytes - 1; i++)
        text_add(&shown, (const char[]){ item[i], '\0' });
    return refuse(log, "ext2: no feature that Shale makes",
                  shown.len ? shown.bytes : "''");
}

static int choose_features(struct ext2_new *v, struct shale_log *log)
{
    const char *list = v->format->features;
    uint32_t sets[3];
    int err = 0;

    memcpy(sets, features_usual, sizeof sets);
    while (list && *list && !err) {
        size_t len = 0;

        while (list[len] && list[len] != ',')
            len++;
        err = take_feature(sets, list, len, log);
        list += len + (list[len] == ',');
    }
    v->super.compat = sets[EXT2_COMPAT];
    v->super.incompat = sets[EXT2_INCOMPAT];
    v->super.ro_compat = sets[EXT2_RO_COMPAT];
    if (!err && (v->super.compat & EXT2_COMPAT_RESIZE_INODE) &&
        !(v->super.ro_compat & EXT2_RO_COMPAT_SPARSE_SUPER))
        return refuse(log, "ext2: without sparse_super there can be no "
                      "resize_inode", NULL);
    return err;
}

/* ----------------------------------------------------------------- sizes */

/* The least block: what the device, or its sectors, allow. */
static uint32_t least_block(const struct ext2_new *v)
{
    uint32_t size = v->format->sector_size;

    if (v->dev->block_size > size)
        size = v->dev->block_size;
    return size > 1024 ? size : 1024;
}

/* Block size and inode size, and so the number of blocks. */
static int choose_sizes(struct ext2_new *v, const struct usage *usage,
                        struct shale_log *log)
{
    const struct shale_format *format = v->format;
    struct ext2_super *super = &v->super;
    uint32_t least = least_block(v);
    uint32_t size = format->block_size;
    uint64_t blocks;

    if (!size)
        size = usage->block_size > least ? usage->block_size : least;
    if (!power_of_two(size) || size < least ||
        size > 1024u << EXT2_MAX_LOG_BLOCK)
        return refuse(log, "ext2: no such block size", "a power of two from "
                      "1024 (or the device's) to 65536");
    super->block_size = size;
    for (super->block_shift = 10; size > 1024; size /= 2)
        super->block_shift++;

    size = format->inode_size ? format->inode_size : 256;
    if (!power_of_two(size) || size < EXT2_GOOD_OLD_INODE ||
        size > EXT2_MAX_INODE_SIZE || size > super->block_size)
        return refuse(log, "ext2: no such inode size", "a power of two from "
                      "128 to 4096 (or a block)");
    super->inode_size = size;

    blocks = v->dev->size >> super->block_shift;
    if (blocks > UINT32_MAX)
        return refuse(log, "ext2: the volume is too large", "it has 4294967295 "
                      "blocks at most; larger ones would help");
    super->block_count = (uint32_t)blocks;
    super->first_block = super->block_size == 1024;
    super->descs_per_block = super->block_size / sizeof(struct ext2_disk_group);
    return 0;
}

/* Was it said how many inodes there are to be? */
static bool is_counted(const struct shale_format *format)
{
    return format->inodes || format->inode_ratio;
}

/* Inodes for the files that are to come, and some to go on with. */
static uint64_t with_files(const struct shale_format *format)
{
    uint64_t files = format->files;

    return files ? EXT2_LOST_INO + files + files / SPARE_FILES : 0;
}

/* How many inodes there should be. */
static uint64_t wanted_inodes(const struct ext2_new *v,
                              const struct usage *usage)
{
    const struct shale_format *format = v->format;
    uint64_t ratio = format->inode_ratio, count = format->inodes;

    if (!ratio) {
        /* A small file has a block; and inodes should not be all there is. */
        ratio = usage->inode_ratio;
        if (ratio < v->super.block_size)
            ratio = v->super.block_size;
        if (ratio < v->super.inode_size * INODES_PART_MAX)
            ratio = v->super.inode_size * INODES_PART_MAX;
    }
    if (!count)
        count = ((uint64_t)v->super.block_count << v->super.block_shift) /
                ratio;
    if (!is_counted(format) && count < with_files(format))
        count = with_files(format);
    return count > INODES_MIN ? count : INODES_MIN;
}

/* ---------------------------------------------------------------- groups */

uint32_t ext2_group_own(const struct ext2_super *super, uint32_t group)
{
    return ext2_group_head(super, group) + 2 + super->table_blocks;
}

/*
 * Blocks to keep behind the descriptors, so that there can be GROWTH times as
 * many; one block lists them all, which bounds their number.
 */
static uint32_t spare_descs(const struct ext2_super *super)
{
    uint64_t blocks = (uint64_t)super->block_count * GROWTH, descs;
    uint32_t limit = super->block_size / sizeof(le32);

    if (!(super->compat & EXT2_COMPAT_RESIZE_INODE))
        return 0;
    if (blocks > UINT32_MAX)
        blocks = UINT32_MAX;
    if (limit > super->blocks_per_group / 4)
        limit = super->blocks_per_group / 4;
    descs = divide_up(divide_up(blocks - super->first_block,
                                super->blocks_per_group),
                      super->descs_per_block) - super->desc_blocks;
    return descs < limit ? (uint32_t)descs : limit;
}

/* Inodes that a group can have: a bit each, in whole blocks of inodes. */
static uint32_t most_inodes(const struct ext2_super *super)
{
    uint32_t per_block = super->block_size / super->inode_size;
    uint32_t most = GROUP_INODES_MAX - per_block;

    return super->block_size * 8 < most ? super->block_size * 8 : most;
}

/*
 * Blocks of a group, before anything is known of what is in it: as many as a
 * bitmap has bits, or fewer if the inodes ask for more groups than that makes.
 * 0 if there cannot be that many inodes.
 */
static uint32_t choose_group_blocks(const struct ext2_new *v, uint64_t inodes)
{
    const struct ext2_super *super = &v->super;
    uint64_t blocks = super->block_count - super->first_block;
    uint64_t most = super->block_size * 8, groups;

    if (most > GROUP_BLOCKS_MAX)
        most = GROUP_BLOCKS_MAX;
    if (v->format->group_blocks)
        most = v->format->group_blocks;
    groups = divide_up(inodes, most_inodes(super));
    if (divide_up(blocks, most) < groups && !v->format->group_blocks)
        most = blocks / groups / 8 * 8;
    if (most < GROUP_BLOCKS_MIN || divide_up(blocks, most) < groups)
        return 0;
    return (uint32_t)most;
}

/* With that many blocks, what do the groups look like? */
static void lay_out(struct ext2_super *super, uint64_t inodes)
{
    uint32_t per_block = super->block_size / super->inode_size;
    uint32_t step = per_block > 8 ? per_block : 8;
    uint64_t each;

    super->group_count =
        (uint32_t)divide_up(super->block_count - super->first_block,
                            super->blocks_per_group);
    each = divide_up(inodes, super->group_count);
    super->inodes_per_group = (uint32_t)(divide_up(each, step) * step);
    super->table_blocks = super->inodes_per_group / per_block;
    super->desc_blocks =
        (uint32_t)divide_up(super->group_count, super->descs_per_block);
    super->first_meta_bg = super->desc_blocks;
    super->reserved_desc = spare_descs(super);
}

/* Blocks of files that a volume cannot do without, those of maps included. */
static uint32_t least_data(const struct ext2_new *v)
{
    return 8 + v->journal_blocks + v->journal_blocks / 128;
}

/*
 * Cut the blocks into groups. A last group that would hold little but its own
 * bitmaps and inodes is left out, with all that follows from that.
 */
static int choose_groups(struct ext2_new *v, uint64_t inodes,
                         struct shale_log *log)
{
    struct ext2_super *super = &v->super;
    uint32_t last, blocks;

    for (;;) {
        lay_out(super, inodes);
        if ((uint64_t)super->inodes_per_group * super->group_count >
            UINT32_MAX || super->inodes_per_group > most_inodes(super))
            return refuse(log, "ext2: too many inodes for that many blocks",
                          NULL);
        last = super->group_count - 1;
        blocks = ext2_group_blocks(super, last);
        if (last == 0 || blocks >= ext2_group_own(super, last) + LAST_GROUP_MIN)
            break;
        super->block_count -= blocks;
        if (!v->format->inodes && inodes > (uint64_t)last * most_inodes(super))
            inodes = (uint64_t)last * most_inodes(super);
    }
    /* Group 1 has all that a group can have. */
    if (last > 0)
        blocks = super->blocks_per_group;
    if (ext2_group_own(super, last > 0) + GROUP_DATA_MIN > blocks)
        return refuse(log, "ext2: the inodes leave no room for data", NULL);
    super->inode_count = super->inodes_per_group * super->group_count;
    if (super->inode_count < (uint64_t)EXT2_LOST_INO + v->format->files)
        return refuse_range(log, "ext2: too few inodes for the files",
                            super->inode_count - EXT2_LOST_INO, " free, for ",
                            v->format->files);
    return 0;
}

/* ------------------------------------------------------------- the rest */

uint64_t ext2_resize_size(const struct ext2_super *super)
{
    uint64_t pointers = super->block_size / sizeof(le32);

    return (EXT2_DIRECT + pointers + pointers * pointers)
           << super->block_shift;
}

/* The resize inode may be the first large file. */
static void add_large_file(struct ext2_super *super)
{
    if ((super->compat & EXT2_COMPAT_RESIZE_INODE) &&
        ext2_resize_size(super) > INT32_MAX)
        super->ro_compat |= EXT2_RO_COMPAT_LARGE_FILE;
}

/* Blocks of the journal: 1/64 of the volume, within limits. */
static int choose_journal(struct ext2_new *v, struct shale_log *log)
{
    uint64_t blocks = v->format->journal_size >> v->super.block_shift;

    if (!(v->super.compat & EXT2_COMPAT_HAS_JOURNAL))
        return 0;
    if (!v->format->journal_size) {
        blocks = v->super.block_count / 64;
        blocks = blocks < JOURNAL_USUAL_MAX ? blocks : JOURNAL_USUAL_MAX;
        blocks = blocks > JOURNAL_MIN_BLOCKS ? blocks : JOURNAL_MIN_BLOCKS;
    }
    if (blocks < JOURNAL_MIN_BLOCKS || blocks > JOURNAL_MAX)
        return refuse_range(log, "ext2: no such journal, in blocks",
                            JOURNAL_MIN_BLOCKS, " to ", JOURNAL_MAX);
    v->journal_blocks = (uint32_t)blocks;
    return 0;
}

static int choose_spare(struct ext2_new *v, struct shale_log *log)
{
    uint32_t part = v->format->spare;

    if (part == SHALE_FORMAT_NONE)
        part = 0;
    else if (part == 0)
        part = 500;
    if (part > 5000)
        return refuse(log, "ext2: more than half of the blocks reserved", NULL);
    v->super.reserved_blocks =
        (uint32_t)((uint64_t)v->super.block_count * part / 10000);
    return 0;
}

static int choose_label(struct ext2_new *v, struct shale_log *log)
{
    const char *label = v->format->label;
    size_t len = 0;

    while (label && label[len])
        len++;
    if (len > sizeof v->super.label - 1)
        return refuse(log, "ext2: the label is too long", "16 bytes at most");
    if (len)
        memcpy(v->super.label, label, len);
    return 0;
}

int ext2_layout_choose(struct ext2_new *v, struct shale_log *log)
{
    const struct usage *usage = usages;
    struct ext2_super *super = &v->super;
    uint32_t asked = v->format->group_blocks;
    uint64_t inodes, room;
    int err;

    while (v->dev->size >= usage->below && usage->below != UINT64_MAX)
        usage++;
    err = choose_features(v, log);
    if (!err)
        err = choose_label(v, log);
    if (!err)
        err = choose_sizes(v, usage, log);
    if (err)
        return err;
    add_large_file(super);

    if (asked && (asked % 8 != 0 || asked < GROUP_BLOCKS_MIN ||
                  asked > GROUP_BLOCKS_MAX || asked > super->block_size * 8))
        return refuse(log, "ext2: no such number of blocks per group",
                      "a multiple of 8 from 256, with a bit each in one block");
    if (super->block_count < 32)
        return refuse(log, "ext2: the volume is too small", "32 blocks");
    inodes = wanted_inodes(v, usage);
    super->blocks_per_group = choose_group_blocks(v, inodes);
    if (!super->blocks_per_group)
        return refuse(log, "ext2: too many inodes for that many blocks", NULL);
    err = choose_groups(v, inodes, log);
    if (!err)
        err = choose_journal(v, log);
    if (!err)
        err = choose_spare(v, log);
    if (err)
        return err;

    room = super->block_count - ext2_overhead(super);
    if (room < least_data(v))
        return refuse(log, v->journal_blocks
                      ? "ext2: the volume is too small for a journal"
                      : "ext2: the volume is too small", NULL);
    return 0;
}
