/*
 * crypt.c - encrypted files and directories, without any key
 *
 * Each has an attribute that says how it is encrypted: its context, 28 bytes in
 * version 1, 40 in version 2, of which the last 16 are its own and the rest its
 * policy. What is in an encrypted directory has the directory's policy.
 * (Linux, "Filesystem-level encryption (fscrypt)")
 */
#include "ext2/check/tree.h"
#include "ext2/check/xattr.h"

#define ATTR_CRYPT  9u          /* prefix of "c" */
#define NONCE       16u
#define V1_SIZE     28u
#define V2_SIZE     40u

/* What inode INO's policy is. */
struct policy_row {
    uint64_t policy;            /* a number for it; 0: nobody knows */
    uint32_t ino;
};

void ext2_crypt_begin(struct ext2_check_tree *tree, struct check *check)
{
    ext2_table_init(&tree->policies, check, sizeof(struct policy_row));
}

static int compare_policies(const void *a, const void *b)
{
    const struct policy_row *x = a, *y = b;

    return ext2_order(x->ino, y->ino);
}

void ext2_crypt_sort(struct ext2_check_tree *tree)
{
    ext2_table_sort(&tree->policies, compare_policies);
}

/* FNV-1a of 64 bits; never 0. */
static uint64_t policy_of(const uint8_t *context, uint32_t size)
{
    uint64_t policy = UINT64_C(0xcbf29ce484222325);

    for (uint32_t i = 0; i < size - NONCE; i++)
        policy = (policy ^ context[i]) * UINT64_C(0x100000001b3);
    return policy | 1;
}

static bool context_is_sound(const uint8_t *context, uint32_t size)
{
    if (size == 0)
        return false;
    return context[0] == 1 ? size == V1_SIZE : context[0] == 2 &&
                                               size == V2_SIZE;
}

int ext2_crypt_check(struct ext2_check *c,
                     const struct ext2_check_inode *inode,
                     const struct ext2_attrs *list)
{
    struct ext2_check_tree *tree = ext2_tree_of(c);
    struct policy_row *row;
    const uint8_t *context = NULL;
    uint32_t size = 0;

    if (list)
        context = ext2_attrs_find(list, ATTR_CRYPT, "c", &size);
    if (!context) {
        /* It may be in the block of attributes, where there is one. */
        if (inode->acl == 0)
            ext2_tell_inode(c, CRYPT_NONE, EXT2_AT(inode, flags), inode->ino,
                            .other = 0);
        return 0;
    }
    if (!context_is_sound(context, size)) {
        ext2_tell_inode(c, CRYPT_CONTEXT,
                        list->at + (uint64_t)(context - list->bytes),
                        inode->ino, .other = size);
        return 0;
    }
    check_lock(c->check, &tree->lock);
    row = ext2_table_add(&tree->policies);
    if (row)
        *row = (struct policy_row){ policy_of(context, size), inode->ino };
    check_unlock(c->check, &tree->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* The number of INO's policy; 0: not known. */
static uint64_t policy_find(const struct ext2_check_tree *tree, uint32_t ino)
{
    const struct policy_row key = { .ino = ino };
    size_t at = ext2_table_find(&tree->policies, &key, compare_policies);
    const struct policy_row *row;

    if (at == tree->policies.count)
        return 0;
    row = ext2_table_at(&tree->policies, at);
    return row->ino == ino ? row->policy : 0;
}

bool ext2_crypt_fits(const struct ext2_check *c, uint32_t dir, uint32_t ino)
{
    uint64_t policy = policy_find(ext2_tree_of(c), dir);
    uint64_t other = policy_find(ext2_tree_of(c), ino);

    return policy == 0 || other == 0 || policy == other;
}
