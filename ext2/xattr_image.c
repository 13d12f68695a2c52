/*
 * xattr_image.c - a place of extended attributes, written anew in memory
 *
 * A place, the inode's body or the block, is never edited: it is written anew,
 * whole, with its entries in the old order (the new one where the block's order
 * wants it) and the values packed against the end.
 *
 *     | entry entry entry 0 0 0 0       free        value value value |
 *       -> entry                                        value <-
 *
 * If that fits, it takes the place of what was there. So what an image's author
 * did to the offsets in it does no harm.
 */
#include "memfn.h"
#include "xattr.h"

/* "Attribute Block Entry Hash": of the name, then of the padded value. */
static uint32_t entry_hash(const uint8_t *name, size_t len,
                           const uint8_t *value, uint32_t size)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < len; i++)
        hash = (hash << 5 | hash >> 27) ^ name[i];
    for (uint32_t i = 0; i < size; i += 4)
        hash = (hash << 16 | hash >> 16) ^ le32_get(*(const le32 *)(value + i));
    return hash;
}

/* Add an entry whose value will be VALUE. NULL if there is no room. */
static struct ext2_disk_xattr_entry *
image_add(struct ext2_xattr_image *image, const struct ext2_xattr_edit *what)
{
    size_t len = what->name.len;
    uint32_t room = image->value - image->entry;
    uint32_t value_room = ext2_xattr_padded(what->size);
    uint32_t need = (uint32_t)sizeof(struct ext2_disk_xattr_entry) +
                    ext2_xattr_padded(len) + value_room;
    struct ext2_disk_xattr_entry *raw;

    /* Four zero bytes end the list. */
    if (room < need + sizeof(le32))
        return NULL;
    raw = (struct ext2_disk_xattr_entry *)(image->bytes + image->entry);
    raw->name_len = (uint8_t)len;
    raw->name_index = (uint8_t)what->name.index;
    raw->value_size = le32_make(what->size);
    memcpy(raw + 1, what->name.text, len);
    if (what->size > 0) {
        image->value -= value_room;
        memcpy(image->bytes + image->value, what->value, what->size);
        raw->value_offset = le16_make((uint16_t)image->value);
    }
    if (image->hashed)
        raw->hash = le32_make(entry_hash(what->name.text, len,
                                         image->bytes + image->value,
                                         what->size));
    image->entry += need - value_room;
    image->count++;
    return raw;
}

/* Add an attribute that is there now, and stays. */
static bool image_keep(struct ext2_xattr_image *image,
                       const struct ext2_xattr *old)
{
    const struct ext2_xattr_edit what = {
        .name = { old->index, old->name, old->name_len },
        .value = old->value.at,
        .size = (uint32_t)old->value.left,
    };
    struct ext2_disk_xattr_entry *raw = image_add(image, &what);

    if (raw && old->elsewhere) {
        raw->value_inode = old->raw->value_inode;
        raw->value_size = old->raw->value_size;
        raw->hash = old->raw->hash;
    }
    return raw != NULL;
}

int ext2_xattr_compare(const struct ext2_xattr_name *a,
                        const struct ext2_xattr *b)
{
    if (a->index != b->index)
        return a->index < b->index ? -1 : 1;
    if (a->len != b->name_len)
        return a->len < b->name_len ? -1 : 1;
    return memcmp(a->text, b->name, a->len);
}

int ext2_xattr_fill(const struct ext2_vnode *vn,
                    struct ext2_xattr_image *image,
                    struct ext2_xattr_list *list,
                    const struct ext2_xattr_edit *edit)
{
    bool wanted = edit->value != NULL;
    struct ext2_xattr old;
    int more = 0;

    while (list->buf && (more = ext2_xattr_next(vn, list, &old)) > 0) {
        int order = ext2_xattr_compare(&edit->name, &old);

        if (order == 0 && old.elsewhere)
            return shale_refuse(vn->base.fs, "ext2: attribute's value is in an "
                                "inode of its own", "ea_inode", old.at);
        if (wanted && order <= 0) {
            if (!image_add(image, edit))
                return SHALE_ENOSPC;
            wanted = false;
        }
        if (order == 0)
            image->found = true;
        else if (!image_keep(image, &old))
            return SHALE_ENOSPC;
    }
    if (more < 0)
        return more;
    return wanted && !image_add(image, edit) ? SHALE_ENOSPC : 0;
}
