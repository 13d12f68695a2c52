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

/* s_usr_quota_inum and others: files without a name. */
static const uint16_t nameless_at[] = {
    0x240, 0x244, 0x26c,        /* quota of users, groups, projects */
    0x280,                      /* s_orphan_file_inum */
    0x0e0,                      /* s_journal_inum */
};

/* Is INO a file of the volume's own, which needs no name? */
static bool is_nameless(const struct ext2_check *c, uint32_t ino)
{
    const uint8_t *raw = (const uint8_t *)&c->super.raw;

    if (ino != EXT2_ROOT_INO && ino < c->super.first_ino)
        return true;
    for (size_t i = 0; i < sizeof nameless_at / sizeof nameless_at[0]; i++) {
        if (le32_get(*(const le32 *)(raw + nameless_at[i])) == ino)
            return true;
    }
    return c->orphans && check_bits_has(c->orphans, ino);
}

/* Count what ".." of all directories lead to. */
static int count_dotdots(struct ext2_check *c)
{
    uint64_t count = check_bits_size(c->dirs);
    uint64_t ino = check_bits_next(c->dirs, 1, true);
    int err = 0;

    for (; ino < count && !err; ino = check_bits_next(c->dirs, ino + 1, true)) {
        const struct ext2_check_dir *dir = ext2_check_dir_of(c, (uint32_t)ino);
        uint32_t parent = dir->parent != 0 ? dir->parent : dir->dotdot;

        if (ino != EXT2_ROOT_INO && parent != 0 && ext2_check_dir_of(c, parent))
            err = check_array_add(c->names, parent, 1);
    }
    return err;
}

static void check_links(struct ext2_check *c, uint32_t ino)
{
    const struct ext2_check_info *info = ext2_check_info_of(c, ino);
    uint64_t names = check_array_get(c->names, ino);
    bool is_dir;

    if (!info || (info->flags & (EXT2_CHECK_CLEAR | EXT2_CHECK_IMAGIC)) ||
        is_nameless(c, ino))
        return;
    is_dir = info->type == EXT2_S_IFDIR >> 12;
    if (!is_dir && names == 0) {
        ext2_tell_inode(c, INODE_UNNAMED, SHALE_NOWHERE, ino,
                        .other = info->links);
        return;
    }
    if (info->flags & EXT2_CHECK_EA)
        return;                 /* counted elsewhere: see xattr.c */
    if (is_dir)
        names += 2;
    if (is_dir && names > LINKS_MAX) {
        if (!(c->super.ro_compat & EXT2_RO_COMPAT_DIR_NLINK))
            ext2_tell_inode(c, LINKS_MANY, SHALE_NOWHERE, ino,
                            .other = names);
        names = 1;
    }
    if (names != info->links)
        ext2_tell_inode(c, LINKS, SHALE_NOWHERE, ino, .compared = true,
                        .expected = names, .found = info->links);
}

int ext2_check_links(struct ext2_check *c)
{
    uint64_t count = check_bits_size(c->inodes);
    uint64_t ino = check_bits_next(c->inodes, 1, true), done = 0;
    int err = count_dotdots(c);

    check_phase(c->check, "links", count);
    for (; ino < count && !err; ino = check_bits_next(c->inodes, ino + 1,
                                                      true)) {
        check_links(c, (uint32_t)ino);
        if (ino - done >= 4096) {
            check_done(c->check, ino - done);
            done = ino;
            err = check_going(c->check);
        }
    }
    check_done(c->check, count - done);
    return err;
}
