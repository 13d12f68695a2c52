/*
 * link.c - how many links an inode says it has, and how many names it has
 *
 * A directory has one link for its name, one for its own ".", and one for the
 * ".." of each directory in it. A wrong "." or "..", a missing name or one too
 * many have been told of, and are counted as what they should be, so that they
 * are not told of again.
 *
 * A directory with more links than fit has 1 ("dir_nlink" in "ext4 Data
 * Structures and Algorithms").
 */
#include "ext2/check/tree.h"

#define LINKS_MAX 65000u        /* as the kernel and e2fsck have it */

/* Fields of the superblock that say which files have no name. */
#define ORPHAN_FILE_INO 0x280u  /* s_orphan_file_inum: with its feature */
static const uint16_t nameless_at[] = {
    0x240, 0x244, 0x26c,        /* quota of users, groups, projects */
    0x0e0,                      /* s_journal_inum */
};
enum { QUOTAS = 3 };

static uint32_t field(const struct ext2_check *c, size_t offset)
{
    return le32_get(*(const le32 *)((const uint8_t *)&c->super.raw + offset));
}

/* Is INO a file of the volume's own, which needs no name? */
static bool is_nameless(const struct ext2_check *c, uint32_t ino)
{
    if (ino != EXT2_ROOT_INO && ino < c->super.first_ino)
        return true;
    for (size_t i = 0; i < sizeof nameless_at / sizeof nameless_at[0]; i++) {
        if (field(c, nameless_at[i]) == ino)
            return true;
    }
    if (c->super.compat & EXT2_COMPAT_ORPHAN_FILE &&
        field(c, ORPHAN_FILE_INO) == ino)
        return true;
    return c->orphans && check_bits_has(c->orphans, ino);
}

/* Count whose parents directories are. */
static int count_children(struct ext2_check *c)
{
    uint64_t count = check_bits_size(c->dirs);
    uint64_t ino = check_bits_next(c->dirs, 1, true);

    for (; ino < count; ino = check_bits_next(c->dirs, ino + 1, true)) {
        const struct ext2_check_dir *dir = ext2_check_dir_of(c, (uint32_t)ino);
        struct ext2_check_dir *parent = NULL;

        if (dir && ino != EXT2_ROOT_INO)
            parent = ext2_check_dir_of(c, dir->parent != 0 ? dir->parent
                                                           : dir->dotdot);
        if (parent)
            parent->children++;
    }
    return check_going(c->check);
}

static void check_links(struct ext2_check *c, uint32_t ino)
{
    const struct ext2_check_info *info = ext2_check_info_of(c, ino);
    uint64_t names = ext2_check_names_of(c, ino);
    bool unread = c->unread || c->names_unread;
    const struct ext2_check_dir *dir;
    bool is_dir;

    if (!info || (info->flags & (EXT2_CHECK_CLEAR | EXT2_CHECK_IMAGIC)) ||
        is_nameless(c, ino))
        return;
    is_dir = info->type == EXT2_S_IFDIR >> 12;
    if (!is_dir && names == 0) {
        if (unread)
            return;             /* its name may be there */
        ext2_tell_inode(c, INODE_UNNAMED, EXT2_AT_INO(c, ino, links), ino,
                        .other = info->links);
        return;
    }
    dir = is_dir ? ext2_check_dir_of(c, ino) : NULL;
    if (dir)
        names += dir->children;
    if (is_dir)
        names += 2;
    if (is_dir && names > LINKS_MAX) {
        bool many = c->super.ro_compat & EXT2_RO_COMPAT_DIR_NLINK;

        if (!many)
            ext2_tell_inode(c, LINKS_MANY, EXT2_AT_INO(c, ino, links), ino,
                            .other = names);
        /* That it counts them all the same is no second mistake. */
        if (many || names != info->links)
            names = 1;
    }
    /* What holds a value may have been given a name as well. */
    if ((info->flags & EXT2_CHECK_EA) && names == info->links + 1u)
        return;
    if (unread && names < info->links)
        return;
    if (names != info->links)
        ext2_tell_inode(c, LINKS, EXT2_AT_INO(c, ino, links), ino,
                        .compared = true, .expected = names,
                        .found = info->links);
}

/* Inodes looked at together, by their bits. */
#define STRETCH 4096u

struct stretch {
    uint8_t used[STRETCH / 8], named[STRETCH / 8], special[STRETCH / 8];
};

/* Those that are in use and special, or have no name. */
static void check_stretch(struct ext2_check *c, uint64_t first, uint64_t len,
                          struct stretch *s)
{
    check_bits_store(c->inodes, first, len, s->used);
    check_bits_store(c->named, first, len, s->named);
    check_bits_store(c->special, first, len, s->special);
    for (uint64_t b = 0; b < (len + 7) / 8; b++) {
        unsigned bits = s->used[b] & (s->special[b] | (s->named[b] ^ 0xffu));

        for (unsigned i = 0; bits != 0; i++, bits >>= 1)
            if (bits & 1)
                check_links(c, (uint32_t)(first + b * 8 + i));
    }
}

/* Files of quotas that users can see: with the feature or without. */
static void check_quotas(struct ext2_check *c)
{
    for (size_t i = 0; i < QUOTAS; i++) {
        uint32_t ino = field(c, nameless_at[i]);

        if (ino != 0 && ino < check_bits_size(c->inodes) &&
            check_bits_has(c->inodes, ino) && ext2_check_names_of(c, ino) > 0)
            ext2_tell_inode(c, QUOTA_NAMED, c->super.at + nameless_at[i], ino,
                            .other = ext2_check_names_of(c, ino));
    }
}

int ext2_check_links(struct ext2_check *c)
{
    uint64_t count = check_bits_size(c->inodes);
    struct stretch *s = check_alloc(c->check, sizeof *s);
    int err = s ? count_children(c) : SHALE_ENOMEM;

    check_phase(c->check, "links", count);
    for (uint64_t first = 0; first < count && !err;) {
        uint64_t next = check_bits_next(c->inodes, first, true);
        uint64_t len = STRETCH;

        check_done(c->check, next - first);
        first = next;
        if (len > count - first)
            len = count - first;
        if (len > 0)
            check_stretch(c, first, len, s);
        check_done(c->check, len);
        first += len;
        err = check_going(c->check);
    }
    if (s)
        check_free(c->check, s, sizeof *s);
    if (!err)
        check_quotas(c);
    return err;
}
