/*
 * resize.c - the inode that owns the blocks reserved for descriptors
 *
 * It keeps them from being used until the volume grows. Its double indirect
 * block names the reserved blocks of group 0, in places that a table of all
 * descriptors would have; each of these blocks names its copies in the groups
 * with backups. As each can be computed, they are compared, not walked. After
 * "ext4 Data Structures and Algorithms", "Meta Block Groups".
 */
#include "ext2/check/scan.h"
#include "memfn.h"

#define READ_BLOCKS 64u

static uint32_t get32(const uint8_t *bytes, uint64_t index)
{
    const uint8_t *b = bytes + index * sizeof(le32);

    return le32_get((le32){{ b[0], b[1], b[2], b[3] }});
}

static void tell(struct ext2_check *c, const struct ext2_check_inode *inode,
                 uint64_t at, const char *what)
{
    size_t len = 0;

    while (what[len])
        len++;
    ext2_tell_inode(c, RESIZE, at, inode->ino, .name = what, .len = len);
}

/* The first block of each group that has copies, but group 0's; as many as a
   block has pointers, at most. */
struct keepers {
    uint32_t count, room;
    uint64_t first[];           /* less that of group 0 */
};

static struct keepers *keepers_find(struct ext2_check *c)
{
    const struct ext2_check_super *s = &c->super;
    uint32_t room = s->block_size / sizeof(le32);
    uint32_t groups = (uint32_t)((s->block_count - s->first_block - 1) /
                                 s->blocks_per_group + 1);
    struct keepers *k = check_alloc(c->check, sizeof *k +
                                    room * sizeof k->first[0]);

    if (!k)
        return NULL;
    k->count = 0;
    k->room = room;
    for (uint32_t g = 1; g < groups && k->count < room; g++)
        if (ext2_check_has_backup(s, g))
            k->first[k->count++] = (uint64_t)g * s->blocks_per_group;
    return k;
}

static void keepers_free(struct ext2_check *c, struct keepers *k)
{
    if (k)
        check_free(c->check, k, sizeof *k + k->room * sizeof k->first[0]);
}

/* Does the block of pointers for reserved block FIRST name all its copies? The
   number of the first pointer that is wrong; k->room if none is. */
static uint32_t first_wrong(const struct keepers *k, const uint8_t *bytes,
                            uint64_t first)
{
    uint32_t i = 0;

    while (i < k->room &&
           get32(bytes, i) == (i < k->count ? first + k->first[i] : 0))
        i++;
    return i;
}

/* The reserved blocks of group 0, from FIRST on, each a block of pointers. */
static int check_copies(struct ext2_check *c,
                        const struct ext2_check_inode *inode,
                        const struct keepers *k, uint64_t first, uint8_t *buf)
{
    const struct ext2_check_super *s = &c->super;
    uint32_t n;
    int err = 0;

    for (uint32_t i = 0; i < s->reserved_desc && !err; i += n) {
        bool good;

        n = s->reserved_desc - i < READ_BLOCKS ? s->reserved_desc - i
                                               : READ_BLOCKS;
        err = check_get(c->check, ext2_check_at(c, first + i), buf,
                        (size_t)n << s->block_shift, SHALE_OBJECT_INODE,
                        inode->ino, &good);
        for (uint32_t b = 0; b < n && !err && good; b++) {
            uint32_t at = first_wrong(k, buf + ((size_t)b << s->block_shift),
                                      first + i + b);

            if (at < k->room) {
                tell(c, inode,
                     ext2_check_at(c, first + i + b) + at * sizeof(le32),
                     "does not name the reserved blocks of all groups, and no "
                     "others");
                return 0;
            }
        }
    }
    return err;
}

/* Does the double indirect block name none at all? Then there are none to
   grow with, which e2fsck takes for sound where there is one group. */
static bool is_empty(const struct ext2_check *c, const uint8_t *map)
{
    return c->super.group_count == 1 &&
           check_is_zero(map, c->super.block_size);
}

/* The double indirect block, read into BUF. */
static int check_map(struct ext2_check *c,
                     const struct ext2_check_inode *inode, uint64_t block,
                     uint64_t first, uint8_t *buf, bool *right)
{
    const struct ext2_check_super *s = &c->super;
    uint32_t pointers = s->block_size / sizeof(le32), i;
    int err = check_get(c->check, ext2_check_at(c, block), buf, s->block_size,
                        SHALE_OBJECT_INODE, inode->ino, right);

    if (err || !*right || is_empty(c, buf))
        return err;
    for (i = 0; i < pointers && *right; i++) {
        /* The first of them comes where its descriptors will. */
        uint32_t n = (i + pointers - s->desc_blocks % pointers) % pointers;

        *right = get32(buf, i) == (n < s->reserved_desc ? first + n : 0);
    }
    if (!*right)
        tell(c, inode, ext2_check_at(c, block) + (i - 1) * sizeof(le32),
             "does not name the reserved blocks of group 0, and no others");
    return 0;
}

static void check_fields(struct ext2_check *c,
                         const struct ext2_check_inode *inode)
{
    uint64_t most = ext2_check_most_bytes(c, inode->flags);

    if (inode->size > most)
        ext2_tell_inode(c, INODE_TOO_BIG, EXT2_AT(inode, size), inode->ino,
                        .compared = true, .expected = most,
                        .found = inode->size);
    if ((inode->mode & EXT2_S_IFMT) != EXT2_S_IFREG || inode->links == 0)
        tell(c, inode, EXT2_AT(inode, mode), "is not a file in use");
    for (unsigned i = 0; i < EXT2_POINTERS; i++)
        if (i != EXT2_DIRECT + 1 && le32_get(inode->block[i]) != 0) {
            tell(c, inode, EXT2_AT(inode, block[i]),
                 "has blocks beside the reserved ones");
            return;
        }
}

static void check_count(struct ext2_check *c,
                        const struct ext2_check_inode *inode, uint64_t blocks)
{
    /* With bigalloc each of them counts as a cluster. */
    uint64_t sectors = blocks << (c->super.block_shift +
                                  c->super.cluster_shift - 9);

    if (inode->sectors != sectors)
        ext2_tell_inode(c, INODE_BLOCKS, EXT2_AT(inode, blocks), inode->ino,
                        .compared = true, .expected = sectors,
                        .found = inode->sectors);
}

/* ACL_BLOCKS of i_blocks are something else. */
static int check_all(struct ext2_check *c,
                     const struct ext2_check_inode *inode, uint64_t block,
                     uint64_t acl_blocks)
{
    const struct ext2_check_super *s = &c->super;
    size_t size = (size_t)READ_BLOCKS << s->block_shift;
    uint64_t first = ext2_check_super_block(s, 0) + 1 + s->desc_blocks;
    uint8_t *buf = check_alloc(c->check, size);
    struct keepers *k = keepers_find(c);
    bool right = false;
    int err = buf && k ? 0 : SHALE_ENOMEM;

    if (!err)
        err = check_map(c, inode, block, first, buf, &right);
    if (!err && right && is_empty(c, buf)) {
        check_count(c, inode, 1 + acl_blocks);
    } else if (!err && right) {
        err = check_copies(c, inode, k, first, buf);
        check_count(c, inode,
                    1 + acl_blocks +
                    (uint64_t)s->reserved_desc * (1 + k->count));
    }
    if (buf)
        check_free(c->check, buf, size);
    keepers_free(c, k);
    return err;
}

/* Without the feature: is there anything all the same? */
static void check_unasked(struct ext2_check *c,
                          const struct ext2_check_inode *inode)
{
    bool blank = inode->links == 0 && inode->sectors == 0;

    for (unsigned i = 0; i < EXT2_POINTERS && blank; i++)
        blank = le32_get(inode->block[i]) == 0;
    if (!blank)
        ext2_tell_inode(c, RESIZE_UNASKED, inode->at, inode->ino, .other = 0);
}

int ext2_check_resize(struct ext2_check *c, struct ext2_check_claims *claims,
                      const struct ext2_check_inode *inode)
{
    bool on = c->super.compat & EXT2_COMPAT_RESIZE_INODE;
    uint64_t block = le32_get(inode->block[EXT2_DIRECT + 1]);
    bool fits = ext2_check_fits(c, block, 1);
    struct ext2_check_charge charge = { 0, 0 };
    int err = 0;

    if (!c->scan->hunt && on)
        check_fields(c, inode);
    else if (!c->scan->hunt)
        check_unasked(c, inode);
    if (fits)
        err = ext2_check_take(claims, block, 1, SHALE_USE_MAP, inode->ino,
                              SHALE_NOWHERE);
    else if (on && !c->scan->hunt &&
             (c->super.reserved_desc > 0 || block != 0))
        tell(c, inode, EXT2_AT(inode, block[EXT2_DIRECT + 1]),
             "has no map of the reserved blocks");
    if (!err && !c->scan->hunt && on && ext2_check_fits(c, inode->acl, 1))
        err = ext2_check_xattrs(c, inode, claims, &charge);
    if (err || c->scan->hunt || !on || !fits || c->super.reserved_desc == 0)
        return err;
    return check_all(c, inode, block, charge.clusters);
}
