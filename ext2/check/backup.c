/*
 * backup.c - copies of the superblock and of the descriptors
 *
 * A copy is what saves a volume whose beginning is lost, so it is looked for
 * where a volume of each block size has its first ones; and copies that would
 * not save this one are told of.
 */
#include "ext2/check/check.h"
#include "memfn.h"

/* ------------------------------------------- when the first one is lost */

/* Where copies may be: groups of PER_GROUP blocks of 1024 << LOG bytes. */
struct places {
    uint32_t log, first_block;
    uint64_t per_group;
};

/* Is RAW, read from block BLOCK, a copy for group GROUP? */
static bool is_copy(const struct ext2_disk_super *raw,
                    const struct places *places, uint32_t group,
                    uint64_t block)
{
    uint64_t found;

    if (le16_get(raw->magic) != EXT2_MAGIC ||
        le32_get(raw->log_block_size) != places->log ||
        ext2_check_super_wrong(raw, &found))
        return false;
    return le32_get(raw->first_data_block) +
           (uint64_t)group * le32_get(raw->blocks_per_group) == block;
}

static int look(struct check *check, const struct places *places,
                struct ext2_disk_super *raw, uint64_t *at)
{
    static const uint8_t groups[] = { 1, 3, 5, 7 };

    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        uint64_t block = places->first_block + places->per_group * groups[i];
        uint64_t place = block << (10 + places->log);
        int err;

        if (place > check->dev->size ||
            check->dev->size - place < sizeof *raw)
            return 0;
        err = check_read(check, place, raw, sizeof *raw);
        if (err == SHALE_ENOMEM || err == SHALE_EINTR)
            return err;
        if (!err && is_copy(raw, places, groups[i], block)) {
            *at = place;
            return 0;
        }
    }
    return 0;
}

/* Groups as large as what is left of the first superblock says. */
static bool remembered(struct check *check, struct ext2_disk_super *raw,
                       struct places *places)
{
    if (check_read(check, EXT2_SUPER_OFFSET, raw, sizeof *raw))
        return false;
    places->log = le32_get(raw->log_block_size);
    places->first_block = le32_get(raw->first_data_block);
    places->per_group = le32_get(raw->blocks_per_group);
    return places->log <= EXT2_MAX_LOG_BLOCK && places->first_block <= 1 &&
           places->per_group != 0;
}

int ext2_check_backup_find(struct check *check, struct ext2_disk_super *raw,
                           uint64_t *at)
{
    struct places places;
    int err = 0;

    *at = 0;
    if (remembered(check, raw, &places))
        err = look(check, &places, raw, at);
    /* Groups as large as a bitmap allows. */
    for (uint32_t log = 0; log <= EXT2_MAX_LOG_BLOCK && !err && !*at; log++) {
        places.log = log;
        places.first_block = log == 0;
        places.per_group = UINT64_C(8192) << log;
        err = look(check, &places, raw, at);
    }
    return err;
}

/* ------------------------------------------------- would they be of use? */

static void tell(struct ext2_check *c, uint32_t group, uint64_t at,
                 const char *name, uint64_t expected, uint64_t found)
{
    size_t len = 0;

    while (name[len])
        len++;
    ext2_tell(c, SUPER_BACKUP, at + ext2_check_super_field(name),
              .object = SHALE_OBJECT_GROUP, .number = group, .name = name,
              .len = len, .compared = true, .expected = expected,
              .found = found);
}

/* What of a copy must be as in the first superblock: what reading depends on.
   Features may have been added since, but not such as change the layout. */
static void compare(struct ext2_check *c, uint32_t group, uint64_t at,
                    const struct ext2_disk_super *copy)
{
    const struct ext2_disk_super *raw = &c->super.raw;
    bool dynamic = le32_get(raw->rev_level) >= EXT2_DYNAMIC_REV;
    const struct {
        const char *name;
        uint64_t expected, found;
    } fields[] = {
        { "s_magic", EXT2_MAGIC, le16_get(copy->magic) },
        { "s_log_block_size", le32_get(raw->log_block_size),
          le32_get(copy->log_block_size) },
        { "s_blocks_count", c->super.block_count,
          ext2_check_super_blocks(copy) },
        { "s_inodes_count", le32_get(raw->inodes_count),
          le32_get(copy->inodes_count) },
        { "s_first_data_block", le32_get(raw->first_data_block),
          le32_get(copy->first_data_block) },
        { "s_blocks_per_group", le32_get(raw->blocks_per_group),
          le32_get(copy->blocks_per_group) },
        { "s_inodes_per_group", le32_get(raw->inodes_per_group),
          le32_get(copy->inodes_per_group) },
        { "s_rev_level", le32_get(raw->rev_level), le32_get(copy->rev_level) },
        { "s_inode_size", le16_get(raw->inode_size),
          le16_get(copy->inode_size) },
        { "s_block_group_nr", dynamic ? group : 0,
          dynamic ? le16_get(copy->block_group_nr) : 0 },
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (fields[i].expected != fields[i].found) {
            tell(c, group, at, fields[i].name, fields[i].expected,
                 fields[i].found);
            return;
        }
    if (memcmp(copy->uuid, raw->uuid, sizeof raw->uuid) != 0)
        tell(c, group, at, "s_uuid", le32_get((le32){{ raw->uuid[0],
             raw->uuid[1], raw->uuid[2], raw->uuid[3] }}),
             le32_get((le32){{ copy->uuid[0], copy->uuid[1], copy->uuid[2],
             copy->uuid[3] }}));
}

static int check_copy(struct check *check, uint64_t index, void *context)
{
    struct ext2_check *c = context;
    uint32_t group = (uint32_t)index + 1;
    uint64_t at = ext2_check_at(c, ext2_check_super_block(&c->super, group));
    struct ext2_disk_super *copy;
    bool good;
    int err;

    if (!ext2_check_has_backup(&c->super, group) || at == c->super.at)
        return 0;
    copy = check_alloc(check, sizeof *copy);
    if (!copy)
        return SHALE_ENOMEM;
    err = check_get(check, at, copy, sizeof *copy, SHALE_OBJECT_GROUP, group,
                    &good);
    if (!err && good)
        compare(c, group, at, copy);
    check_free(check, copy, sizeof *copy);
    return err;
}

#define SOON_MAX 64u            /* copies that the device is told of */

int ext2_check_backups(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    unsigned copies = 0;

    for (uint32_t g = 1; g < s->group_count && copies < SOON_MAX; g++)
        if (ext2_check_has_backup(s, g)) {
            check_soon(c->check,
                       ext2_check_at(c, ext2_check_super_block(s, g)),
                       EXT2_SUPER_SIZE);
            copies++;
        }
    return check_each(c->check, c->super.group_count - 1, check_copy, c);
}
