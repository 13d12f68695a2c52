/*
 * quota.c - what users, groups and projects have, against what files of quotas
 * say
 *
 * With the feature "quota" the superblock names up to three files that nobody
 * sees, in which is written how much space and how many inodes each user, group
 * and project has. While inodes are scanned that is added up: a row is begun
 * where somebody comes who was not the last, and rows of one id are put
 * together when there are twice as many as were left the last time. In the end
 * they are held against what the files say.
 *
 * All that has a name counts, and the root; not what the volume has for itself.
 * ("Quota" in "ext4 Data Structures and Algorithms"; the files' format is that
 * of quotadoc, "V0 quota format", with numbers of 64 bits, called vfsv1)
 */
#include "ext2/check/quota.h"

#define ROWS_MORE 1024u

/* Of the superblock. */
static const uint16_t numbers_at[QUOTA_KINDS] = { 0x240, 0x244, 0x26c };

const char *const quota_kinds[QUOTA_KINDS] = { "user", "group", "project" };

int ext2_quota_by_id(const void *a, const void *b)
{
    const struct quota_use *x = a, *y = b;

    return ext2_order(x->id, y->id);
}

int ext2_check_quota_begin(struct ext2_check *c)
{
    struct ext2_check_quota *q;

    if (!(c->super.ro_compat & EXT2_RO_COMPAT_QUOTA))
        return 0;
    q = check_zalloc(c->check, sizeof *q);
    if (!q)
        return SHALE_ENOMEM;
    for (unsigned i = 0; i < QUOTA_KINDS; i++) {
        struct quota_file *file = &q->files[i];
        const uint8_t *raw = (const uint8_t *)&c->super.raw + numbers_at[i];

        file->ino = le32_get((le32){{ raw[0], raw[1], raw[2], raw[3] }});
        ext2_table_init(&file->runs, c->check, sizeof(struct quota_run));
        ext2_table_init(&file->used, c->check, sizeof(struct quota_use));
        ext2_table_init(&file->said, c->check, sizeof(struct quota_use));
    }
    c->quota = q;
    return check_lock_init(c->check, &q->lock);
}

void ext2_check_quota_end(struct ext2_check *c)
{
    if (!c->quota)
        return;
    for (unsigned i = 0; i < QUOTA_KINDS; i++) {
        ext2_table_fini(&c->quota->files[i].runs);
        ext2_table_fini(&c->quota->files[i].used);
        ext2_table_fini(&c->quota->files[i].said);
    }
    check_lock_fini(c->check, &c->quota->lock);
    check_free(c->check, c->quota, sizeof *c->quota);
    c->quota = NULL;
}

/* ---------------------------------------------------------------- adding up */

/* Make one row of all rows of one id. */
static void put_together(struct quota_file *file)
{
    struct ext2_table *used = &file->used;
    size_t kept = 0;

    ext2_table_sort(used, ext2_quota_by_id);
    for (size_t i = 0; i < used->count; i++) {
        const struct quota_use row =
            *(const struct quota_use *)ext2_table_at(used, i);
        struct quota_use *last = kept ? ext2_table_at(used, kept - 1) : NULL;

        if (last && last->id == row.id) {
            last->space += row.space;
            last->inodes += row.inodes;
        } else {
            *(struct quota_use *)ext2_table_at(used, kept++) = row;
        }
    }
    used->count = file->sums = kept;
}

static int add(struct quota_file *file, uint32_t id, uint64_t space,
               uint64_t inodes)
{
    struct ext2_table *used = &file->used;
    struct quota_use *row = NULL;

    if (used->count > 0)
        row = ext2_table_at(used, used->count - 1);
    if (!row || row->id != id) {
        if (used->count > 2 * file->sums + ROWS_MORE)
            put_together(file);
        row = ext2_table_add(used);
        if (!row)
            return SHALE_ENOMEM;
        *row = (struct quota_use){ .id = id };
    }
    row->space += space;
    row->inodes += inodes;
    return 0;
}

static struct quota_file *file_of(const struct ext2_check *c, uint32_t ino)
{
    for (unsigned i = 0; i < QUOTA_KINDS; i++)
        if (c->quota->files[i].ino == ino)
            return &c->quota->files[i];
    return NULL;
}

int ext2_check_quota_count(struct ext2_check *c,
                           const struct ext2_check_file *file)
{
    struct ext2_check_quota *q = c->quota;
    struct quota_file *own = file_of(c, file->ino);
    uint64_t space = file->sums.blocks << c->super.cluster_shift
                                       << c->super.block_shift;
    int err = 0;

    if (own && (file->mode & EXT2_S_IFMT) == EXT2_S_IFREG)
        own->size = file->size;
    if (own || file->links == 0 || (file->flags & EXT2_INODE_EA_INODE) ||
        (file->ino != EXT2_ROOT_INO && file->ino < c->super.first_ino))
        return 0;
    check_lock(c->check, &q->lock);
    for (unsigned i = 0; i < QUOTA_KINDS && !err; i++)
        if (q->files[i].ino != 0)
            err = add(&q->files[i], file->ids[i], space,
                      1 + file->values);
    check_unlock(c->check, &q->lock);
    return err;
}

int ext2_check_quota_run(struct ext2_check *c, uint32_t ino, uint64_t logical,
                         uint64_t block, uint64_t count)
{
    struct quota_file *file = file_of(c, ino);
    struct quota_run *row;

    if (!file)
        return 0;
    check_lock(c->check, &c->quota->lock);
    row = ext2_table_add(&file->runs);
    if (row)
        *row = (struct quota_run){ logical, block, count };
    check_unlock(c->check, &c->quota->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* --------------------------------------------------------------- comparing */

#define ENTRY_INODES 24u        /* of an entry */
#define ENTRY_SPACE  48u

/* The file of KIND says SAID of somebody who has USED. */
static void compare(struct ext2_check *c, unsigned kind,
                    const struct quota_use *used, const struct quota_use *said)
{
    uint32_t ino = c->quota->files[kind].ino;
    const char *name = quota_kinds[kind];
    size_t len = 0;

    while (name[len])
        len++;
    if (used->space != said->space)
        ext2_tell_inode(c, QUOTA_SPACE, said->at + ENTRY_SPACE, ino,
                        .other = said->id, .name = name, .len = len,
                        .compared = true, .expected = used->space,
                        .found = said->space);
    if (used->inodes != said->inodes)
        ext2_tell_inode(c, QUOTA_INODES, said->at + ENTRY_INODES, ino,
                        .other = said->id, .name = name, .len = len,
                        .compared = true, .expected = used->inodes,
                        .found = said->inodes);
}

static void tell_missing(struct ext2_check *c, unsigned kind,
                         const struct quota_use *used)
{
    const char *name = quota_kinds[kind];
    size_t len = 0;

    while (name[len])
        len++;
    ext2_tell_there(c, QUOTA_MISSING, c->quota->files[kind].ino,
                    .other = used->id, .name = name, .len = len,
                    .found = used->inodes);
}

/* Go through both tables, which are sorted. */
static int compare_all(struct ext2_check *c, unsigned kind)
{
    struct quota_file *file = &c->quota->files[kind];
    size_t u = 0, s = 0;

    put_together(file);
    while (u < file->used.count || s < file->said.count) {
        const struct quota_use *used =
            u < file->used.count ? ext2_table_at(&file->used, u) : NULL;
        const struct quota_use *said =
            s < file->said.count ? ext2_table_at(&file->said, s) : NULL;

        if (used && said && used->id == said->id) {
            compare(c, kind, used, said);
            u++;
            s++;
        } else if (used && (!said || used->id < said->id)) {
            tell_missing(c, kind, used);
            u++;
        } else {
            compare(c, kind, &(const struct quota_use){ .id = said->id },
                    said);
            s++;
        }
    }
    return check_going(c->check);
}

int ext2_check_quotas(struct ext2_check *c)
{
    int err = 0;

    if (!c->quota)
        return 0;
    check_phase(c->check, "quotas", QUOTA_KINDS);
    for (unsigned i = 0; i < QUOTA_KINDS && !err; i++) {
        bool sound = c->quota->files[i].size != 0;

        if (sound)
            err = ext2_quota_read(c, i, &sound);
        if (!err && sound && !c->unread)
            err = compare_all(c, i);
        check_done(c->check, 1);
    }
    return err;
}
