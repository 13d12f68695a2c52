/*
 * node.c - one inode: does it make sense, and where do its blocks begin?
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define INODE_CHECKSUM_LOW  0x7c        /* in osd2, le16 */
#define INODE_CHECKSUM_HIGH 0x82        /* le16, if i_extra_isize says so */
#define EXTRA_HAS_CHECKSUM  4u

#define DAY 86400

/* ---------------------------------------------------------------- checksum */

static uint32_t get16(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

/* Fields that there are today end here; what follows is attributes. */
#define FIELDS_END 160u

void ext2_check_inode_sum(struct ext2_check *c,
                          const struct ext2_check_inode *inode)
{
    const uint8_t *b = inode->bytes;
    uint32_t size = c->super.inode_size, sum;
    uint32_t head = size < FIELDS_END ? size : FIELDS_END;
    uint32_t found = get16(b + INODE_CHECKSUM_LOW);
    uint8_t fields[FIELDS_END];
    bool high = size > EXT2_GOOD_OLD_INODE &&
                get16(b + EXT2_GOOD_OLD_INODE) >= EXTRA_HAS_CHECKSUM;

    memcpy(fields, b, head);
    memset(fields + INODE_CHECKSUM_LOW, 0, 2);
    if (high) {
        found |= get16(b + INODE_CHECKSUM_HIGH) << 16;
        memset(fields + INODE_CHECKSUM_HIGH, 0, 2);
    }
    sum = ext2_check_crc(c, inode->seed, fields, head);
    sum = ext2_check_crc(c, sum, b + head, size - head);
    if (!high)
        sum &= 0xffff;
    /* One that was never written is all zeros. */
    if (sum != found && !check_is_zero(b, size))
        ext2_tell_inode(c, INODE_CHECKSUM, inode->at + INODE_CHECKSUM_LOW,
                        inode->ino,
                        .compared = true, .expected = sum, .found = found);
}

/* ---------------------------------------------------------------- in use? */

static bool is_orphan(struct ext2_check *c, uint32_t ino)
{
    return c->orphans && check_bits_has(c->orphans, ino);
}

/* A small i_dtime is no time, but the next inode of a list of orphans. */
static bool looks_orphaned(struct ext2_check *c,
                           const struct ext2_check_inode *inode)
{
    return inode->dtime != 0 &&
           inode->dtime < le32_get(c->super.raw.inodes_count) &&
           !is_orphan(c, inode->ino);
}

void ext2_check_unused(struct ext2_check *c,
                       const struct ext2_check_inode *inode)
{
    if (looks_orphaned(c, inode))
        ext2_tell_inode(c, INODE_ORPHAN, EXT2_AT(inode, dtime), inode->ino,
                        .found = inode->dtime);
    else if (inode->dtime == 0 && inode->mode != 0 &&
             !is_orphan(c, inode->ino))
        ext2_tell_inode(c, INODE_DELETED, EXT2_AT(inode, dtime), inode->ino,
                        .other = 0);
}

/* ------------------------------------------------------------------ fields */

static void tell_field(struct ext2_check *c,
                       const struct ext2_check_inode *inode, const char *name,
                       size_t len, uint64_t at, uint64_t found)
{
    if (found != 0)
        ext2_tell_inode(c, INODE_FIELD, at, inode->ino, .name = name,
                        .len = len, .compared = true, .found = found);
}

/* Fields that only some features give a meaning. */
static void check_fields(struct ext2_check *c,
                         const struct ext2_check_inode *inode)
{
    const struct ext2_disk_inode *raw =
        (const struct ext2_disk_inode *)inode->bytes;
    const struct ext2_check_super *s = &c->super;
    uint32_t os = le32_get(s->raw.creator_os);
    bool dir = (inode->mode & EXT2_S_IFMT) == EXT2_S_IFDIR;

    tell_field(c, inode, "i_faddr", 7, EXT2_AT(inode, fragment),
               le32_get(raw->fragment));
    if (os == EXT2_OS_LINUX && !s->huge_file)
        tell_field(c, inode, "i_blocks_high", 13, EXT2_AT(inode, blocks_high),
                   le16_get(raw->blocks_high));
    if (os == EXT2_OS_LINUX && !s->is64)
        tell_field(c, inode, "i_file_acl_high", 15,
                   EXT2_AT(inode, acl_block_high),
                   le16_get(raw->acl_block_high));
    if (dir && !s->large_dir)
        tell_field(c, inode, "i_size_high", 11, EXT2_AT(inode, size_high),
                   le32_get(raw->size_high));
    if (s->inode_size > EXT2_GOOD_OLD_INODE) {
        uint32_t extra = get16(inode->bytes + EXT2_GOOD_OLD_INODE);

        if (extra != inode->extra)
            ext2_tell_inode(c, INODE_EXTRA, inode->at + EXT2_GOOD_OLD_INODE,
                            inode->ino, .found = extra);
    }
}

static void check_times(struct ext2_check *c,
                        const struct ext2_check_inode *inode)
{
    const struct ext2_disk_inode *raw =
        (const struct ext2_disk_inode *)inode->bytes;
    const struct {
        const char *name;
        le32 time;
        uint32_t extra;         /* offset of the rest, with 2 bits of epochs */
        uint64_t at;
    } times[] = {
        { "i_atime", raw->atime, 0x8c, EXT2_AT(inode, atime) },
        { "i_ctime", raw->ctime, 0x84, EXT2_AT(inode, ctime) },
        { "i_mtime", raw->mtime, 0x88, EXT2_AT(inode, mtime) },
    };

    for (unsigned i = 0; i < 3 && c->check->now != 0; i++) {
        int64_t time = (int32_t)le32_get(times[i].time);

        if (inode->extra + EXT2_GOOD_OLD_INODE >= times[i].extra + 4)
            time += (int64_t)(inode->bytes[times[i].extra] & 3) << 32;
        if (time > c->check->now + DAY)
            ext2_tell_inode(c, INODE_FUTURE, times[i].at, inode->ino,
                            .name = times[i].name, .len = 7,
                            .compared = true,
                            .expected = (uint64_t)c->check->now,
                            .found = (uint64_t)time);
    }
}

/* ------------------------------------------------------------------- flags */

static void check_flags(struct ext2_check *c,
                        const struct ext2_check_inode *inode)
{
    const struct ext2_check_super *s = &c->super;
    bool dir = (inode->mode & EXT2_S_IFMT) == EXT2_S_IFDIR;
    const struct {
        uint32_t flag;
        bool allowed;
        const char *name;
        size_t len;
    } rules[] = {
        { EXT2_INODE_INDEX, dir && s->dir_index, "of an index", 11 },
        { EXT2_INODE_EXTENTS, s->extents, "of extents", 10 },
        { EXT2_INODE_INLINE, s->inline_data, "of inline data", 14 },
        { EXT2_INODE_IMAGIC, s->compat & EXT2_COMPAT_IMAGIC_INODES,
          "imagic", 6 },
        { EXT2_INODE_CASEFOLD, dir && s->casefold, "of folded case", 14 },
    };

    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if ((inode->flags & rules[i].flag) && !rules[i].allowed)
            ext2_tell_inode(c, INODE_FLAG, EXT2_AT(inode, flags), inode->ino,
                            .name = rules[i].name, .len = rules[i].len);
}

/* --------------------------------------------------------------- contents */

static void tell_format(struct ext2_check *c,
                        const struct ext2_check_inode *inode, const char *what)
{
    size_t len = 0;

    while (what[len])
        len++;
    if (!c->scan->hunt)
        ext2_tell_inode(c, INODE_FORMAT, EXT2_AT(inode, block), inode->ino,
                        .name = what, .len = len);
}

/* A device, pipe or socket. */
static void check_special(struct ext2_check *c,
                          const struct ext2_check_inode *inode,
                          struct ext2_check_info *info)
{
    const char *what = NULL;
    size_t len = 0;

    if (inode->flags & (EXT2_INODE_IMMUTABLE | EXT2_INODE_APPEND))
        ext2_tell_inode(c, INODE_SPECIAL_FLAG, EXT2_AT(inode, flags),
                        inode->ino, .other = 0);
    if (inode->size != 0)
        ext2_tell_inode(c, INODE_SPECIAL_SIZE, EXT2_AT(inode, size), inode->ino,
                        .compared = true, .found = inode->size);
    if (inode->flags & EXT2_INODE_EXTENTS) {
        what = "an extent tree";
        len = 14;
    } else if (inode->flags & EXT2_INODE_INLINE) {
        what = "inline data";
        len = 11;
    } else if (inode->flags & EXT2_INODE_INDEX) {
        what = "an index";
        len = 8;
    }
    if (!what)
        return;
    info->flags |= EXT2_CHECK_CLEAR;
    ext2_tell_inode(c, INODE_SPECIAL, EXT2_AT(inode, flags), inode->ino,
                    .name = what, .len = len);
}

/* Walk the blocks that the inode itself leads to, as its flags say. */
static int walk_root(struct ext2_check_walk *walk,
                     const struct ext2_check_inode *inode)
{
    const struct ext2_check_super *s = &walk->c->super;

    if (inode->flags & EXT2_INODE_EXTENTS) {
        if (s->extents || ext2_check_is_extents(inode->block))
            return ext2_check_extent_root(walk, inode->block);
    } else if (s->bigalloc && inode->ino >= s->first_ino) {
        for (unsigned i = 0; i < EXT2_POINTERS; i++)
            if (le32_get(inode->block[i]) != 0) {
                tell_format(walk->c, inode, "with bigalloc there are no block "
                            "maps");
                break;
            }
    }
    return ext2_check_map_root(walk, inode->block);
}

/* A symlink short enough is in the inode. */
static bool is_fast(const struct ext2_check_inode *inode)
{
    return inode->size < sizeof inode->block &&
           !(inode->flags & EXT2_INODE_EXTENTS);
}

int ext2_check_walk_file(struct ext2_check *c,
                         struct ext2_check_claims *claims,
                         const struct ext2_check_inode *inode,
                         const struct ext2_check_charge *charge,
                         bool has_blocks)
{
    struct ext2_check_file file;
    struct ext2_check_walk walk = {
        .c = c, .scan = c->scan, .claims = claims, .file = &file,
        .last_cluster = UINT64_MAX,
    };
    bool link = (inode->mode & EXT2_S_IFMT) == EXT2_S_IFLNK;
    uint64_t first;
    int err = 0;

    ext2_check_file_begin(&file, inode);
    file.values = charge->values;
    walk.sums.blocks = charge->clusters;
    if (has_blocks)
        err = walk_root(&walk, inode);
    first = walk.sums.first;
    ext2_check_add_sums(&walk);
    if (!err && !walk.kept)
        err = ext2_check_file_end(c, &file);
    if (!err && link && !c->scan->hunt)
        err = ext2_check_symlink(c, inode, first);
    return err;
}

/* Inline data: what there is of it, against the size. */
static void check_inline(struct ext2_check *c,
                         const struct ext2_check_inode *inode)
{
    bool dir = (inode->mode & EXT2_S_IFMT) == EXT2_S_IFDIR, has_data;
    uint64_t size = ext2_check_inline_size(c, inode, &has_data);

    if (ext2_check_is_extents(inode->block) &&
        !(inode->flags & EXT2_INODE_EXTENTS) && inode->size > 4)
        tell_format(c, inode, "an extent tree where inline data should be");
    else if (inode->flags & EXT2_INODE_EXTENTS)
        tell_format(c, inode, "both inline data and extents");
    else if (!has_data)
        tell_format(c, inode, "no attribute with the inline data");
    else if (dir && size != inode->size)
        ext2_tell_inode(c, INODE_SIZE, EXT2_AT(inode, size), inode->ino,
                        .compared = true, .expected = size,
                        .found = inode->size);
    else if (inode->size > UINT32_MAX)
        ext2_tell_inode(c, INODE_TOO_BIG, EXT2_AT(inode, size), inode->ino,
                        .compared = true, .expected = size,
                        .found = inode->size);
    else if (size < inode->size)
        ext2_tell_inode(c, INODE_INLINE_SIZE, EXT2_AT(inode, size), inode->ino,
                        .compared = true, .expected = size,
                        .found = inode->size);
}

static int check_contents(struct ext2_check *c,
                          struct ext2_check_claims *claims,
                          const struct ext2_check_inode *inode,
                          struct ext2_check_info *info,
                          const struct ext2_check_charge *charge)
{
    unsigned type = inode->mode & EXT2_S_IFMT;
    bool inlined = (inode->flags & EXT2_INODE_INLINE) && c->super.inline_data;
    bool tells = !c->scan->hunt;

    switch (type) {
    case EXT2_S_IFREG:
    case EXT2_S_IFDIR:
    case EXT2_S_IFLNK:
        break;
    case EXT2_S_IFCHR:
    case EXT2_S_IFBLK:
    case EXT2_S_IFIFO:
    case EXT2_S_IFSOCK:
        if (tells)
            check_special(c, inode, info);
        return ext2_check_walk_file(c, claims, inode, charge, false);
    default:
        if (tells)
            ext2_tell_inode(c, INODE_MODE, EXT2_AT(inode, mode), inode->ino,
                            .found = inode->mode);
        info->type = 0;
        info->flags |= EXT2_CHECK_CLEAR;
        return ext2_check_walk_file(c, claims, inode, charge, false);
    }
    if (type == EXT2_S_IFLNK && tells &&
        (inode->flags & (EXT2_INODE_IMMUTABLE | EXT2_INODE_APPEND)))
        ext2_tell_inode(c, INODE_SPECIAL_FLAG, EXT2_AT(inode, flags),
                        inode->ino, .other = 0);
    if (!(inode->flags & (EXT2_INODE_EXTENTS | EXT2_INODE_INLINE)) &&
        type != EXT2_S_IFLNK && ext2_check_is_extents(inode->block))
        tell_format(c, inode, "an extent tree, without the flag for it");
    if (inlined && tells) {
        check_inline(c, inode);
        if (type == EXT2_S_IFDIR) {
            int err = ext2_check_inline_dir(c, inode);

            if (err)
                return err;
        }
    }
    return ext2_check_walk_file(c, claims, inode, charge, !inlined &&
                                !(type == EXT2_S_IFLNK && is_fast(inode)));
}

/* ------------------------------------------------------------------- one */

uint8_t ext2_check_kept_flags(const struct ext2_check *c, uint32_t flags)
{
    const struct {
        uint32_t flag;
        uint8_t kept;
    } table[] = {
        { EXT2_INODE_INDEX, EXT2_CHECK_INDEXED },
        { EXT2_INODE_INLINE, EXT2_CHECK_INLINE },
        { EXT2_INODE_CASEFOLD, EXT2_CHECK_CASEFOLD },
        { EXT2_INODE_ENCRYPTED, EXT2_CHECK_CRYPT },
        { EXT2_INODE_EA_INODE, EXT2_CHECK_EA },
        { EXT2_INODE_IMAGIC, EXT2_CHECK_IMAGIC },
    };
    uint8_t kept = EXT2_CHECK_IN_USE;

    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (flags & table[i].flag)
            kept |= table[i].kept;
    if (!(c->super.compat & EXT2_COMPAT_IMAGIC_INODES))
        kept &= (uint8_t)~EXT2_CHECK_IMAGIC;
    return kept;
}

static void fill_info(const struct ext2_check *c,
                      const struct ext2_check_inode *inode,
                      struct ext2_check_info *info)
{
    info->links = inode->links;
    info->type = (uint8_t)(inode->mode >> 12);
    info->flags = ext2_check_kept_flags(c, inode->flags);
}

static void check_itself(struct ext2_check *c,
                         const struct ext2_check_inode *inode)
{
    if (looks_orphaned(c, inode))
        ext2_tell_inode(c, INODE_ORPHAN, EXT2_AT(inode, dtime), inode->ino,
                        .found = inode->dtime);
    else if (inode->dtime != 0 && !is_orphan(c, inode->ino) &&
             (inode->ino == EXT2_ROOT_INO ||
              ext2_check_is_plain(c, inode->ino)))
        ext2_tell_inode(c, INODE_DTIME, EXT2_AT(inode, dtime), inode->ino,
                        .compared = true, .found = inode->dtime);
    check_fields(c, inode);
    check_flags(c, inode);
    check_times(c, inode);
}

/* What matters of any reserved inode, whatever it is for. */
static void check_marks(struct ext2_check *c,
                        const struct ext2_check_inode *inode)
{
    bool dir = (inode->mode & EXT2_S_IFMT) == EXT2_S_IFDIR;

    if (looks_orphaned(c, inode))
        ext2_tell_inode(c, INODE_ORPHAN, EXT2_AT(inode, dtime), inode->ino,
                        .found = inode->dtime);
    if (!dir && (inode->flags & (EXT2_INODE_INDEX | EXT2_INODE_CASEFOLD)))
        ext2_tell_inode(c, INODE_FLAG, EXT2_AT(inode, flags), inode->ino,
                        .name = "of directories", .len = 14);
    if (inode->ino == EXT2_BAD_INO && (inode->flags & EXT2_INODE_INLINE))
        ext2_tell_inode(c, INODE_FLAG, EXT2_AT(inode, flags), inode->ino,
                        .name = "of inline data", .len = 14);
    if ((inode->flags & EXT2_INODE_EXTENTS) && !c->super.extents &&
        (inode->ino == EXT2_BAD_INO || inode->ino == EXT2_RESIZE_INO ||
         inode->ino == EXT2_JOURNAL_INO))
        ext2_tell_inode(c, INODE_FLAG, EXT2_AT(inode, flags), inode->ino,
                        .name = "of extents", .len = 10);
}

/* A reserved inode that nobody uses: most of it may be anything. */
static int check_idle(struct ext2_check *c, struct ext2_check_claims *claims,
                      const struct ext2_check_inode *inode)
{
    struct ext2_check_charge charge = { 0, 0 };
    int err = 0;

    if (c->scan->hunt)
        return 0;
    check_marks(c, inode);
    if (ext2_check_fits(c, inode->acl, 1))
        err = ext2_check_xattrs(c, inode, claims, &charge);
    if (err)
        return err;
    return ext2_check_walk_file(c, claims, inode, &charge, false);
}

static int check_blocks(struct ext2_check *c, struct ext2_check_claims *claims,
                        const struct ext2_check_inode *inode,
                        struct ext2_check_info *info)
{
    struct ext2_check_charge charge = { 0, 0 };
    int err = 0;

    if (!c->scan->hunt)
        err = ext2_check_xattrs(c, inode, claims, &charge);
    else if (inode->acl != 0 && ext2_check_fits(c, inode->acl, 1))
        err = ext2_check_take(claims, inode->acl, 1, SHALE_USE_ATTRIBUTES,
                              inode->ino, SHALE_NOWHERE);
    return err ? err : check_contents(c, claims, inode, info, &charge);
}

int ext2_check_one(struct ext2_check *c, struct ext2_check_claims *claims,
                   const struct ext2_check_inode *inode,
                   struct ext2_check_info *info)
{
    bool plain = ext2_check_is_plain(c, inode->ino), own = false;
    int err = 0;

    fill_info(c, inode, info);
    if (!plain)
        err = ext2_check_reserved(c, claims, inode, &own);
    if (own)
        info->type = 0;         /* nothing that names may lead to */
    else if (!err && !plain && inode->mode == 0)
        return check_idle(c, claims, inode);
    if (!c->scan->hunt && !err) {
        if (own)
            check_marks(c, inode);
        else
            check_itself(c, inode);
    }
    return err || own ? err : check_blocks(c, claims, inode, info);
}
