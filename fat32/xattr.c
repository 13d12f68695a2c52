/*
 * xattr.c - the attribute byte as an extended attribute
 *
 * Under the names that ntfs-3g gave them, which backup programs know: the same
 * bits, since NT took them over from FAT. As there, they are not listed: who
 * copies all attributes that are would meet them where they cannot be set.
 */
#include "memfn.h"
#include "node.h"
#include "shale/shale.h"

#define VALUE_SIZE 4u
#define CHANGEABLE (FAT_ATTR_READ_ONLY | FAT_ATTR_HIDDEN | FAT_ATTR_SYSTEM | \
                    FAT_ATTR_ARCHIVE)

/* Is NAME one of the two? *BIG says whether its first byte is the highest. */
static bool is_attrib(const char *name, bool *big)
{
    static const char known[] = "system.ntfs_attrib";
    size_t len = sizeof known - 1, i = 0;

    while (i < len && name[i] == known[i])
        i++;
    if (i < len)
        return false;
    *big = name[len] != '\0';
    return !*big || (name[len] == '_' && name[len + 1] == 'b' &&
                     name[len + 2] == 'e' && name[len + 3] == '\0');
}

int64_t fat_xattr_get(struct shale_vnode *base, const char *name, void *buf,
                      size_t size)
{
    uint8_t value[VALUE_SIZE] = { 0 };
    bool big;

    /* Not ENODATA: no file has others, so there is no need to ask again. */
    if (!is_attrib(name, &big))
        return SHALE_ENOTSUP;
    value[big ? VALUE_SIZE - 1 : 0] = fat_vnode_of(base)->entry.attr;
    if (size == 0)
        return VALUE_SIZE;
    if (size < VALUE_SIZE)
        return SHALE_ERANGE;
    memcpy(buf, value, VALUE_SIZE);
    return VALUE_SIZE;
}

int fat_xattr_list(struct shale_vnode *base,
                   int (*emit)(void *context, const char *name, size_t len),
                   void *context)
{
    (void)base;
    (void)emit;
    (void)context;
    return 0;
}

int fat_xattr_set(struct shale_vnode *base, const char *name,
                  const void *value, size_t size)
{
    struct shale_setattr what = { .valid = SHALE_SET_FLAGS };
    const uint8_t *bytes = value;
    bool big;

    if (!is_attrib(name, &big))
        return SHALE_ENOTSUP;
    if (!value)
        return SHALE_EPERM;     /* every file has one */
    if (size != VALUE_SIZE)
        return SHALE_EINVAL;

    /* NT has more of them, and "normal", which are nothing here. */
    what.flags = (bytes[big ? VALUE_SIZE - 1 : 0] & CHANGEABLE) |
                 (fat_vnode_of(base)->entry.attr & ~CHANGEABLE);
    return base->fs->ops->setattr(base, &what);
}
