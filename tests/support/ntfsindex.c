/*
 * ntfsindex.c - indexes of the volumes that ntfsimage.c makes
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ntfsimage.h"

#define KEY_HEAD ((uint32_t)sizeof(struct ntfs_disk_name))

size_t ntfsimage_key(struct ntfsimage *image, uint8_t *to, uint64_t parent,
                     const char *name, unsigned space)
{
    struct ntfs_disk_name *key = (struct ntfs_disk_name *)to;
    size_t len = strlen(name);

    memset(to, 0, KEY_HEAD + 2 * len);
    key->parent = le64_make(ntfsimage_reference(image, parent));
    key->length = (uint8_t)len;
    key->space = (uint8_t)space;
    for (size_t i = 0; i < len; i++)
        to[KEY_HEAD + 2 * i] = (uint8_t)name[i];
    return KEY_HEAD + 2 * len;
}

size_t ntfsimage_entry(uint8_t *to, uint64_t reference, const void *key,
                       size_t key_len, int64_t child)
{
    struct ntfs_disk_entry *entry = (struct ntfs_disk_entry *)to;
    size_t length = ntfsimage_align(sizeof *entry + key_len) +
                    (child < 0 ? 0 : 8);
    le64 below = le64_make((uint64_t)child);

    memset(to, 0, length);
    entry->reference = le64_make(reference);
    entry->length = le16_make((uint16_t)length);
    entry->key_length = le16_make((uint16_t)key_len);
    memcpy(to + sizeof *entry, key, key_len);
    if (child >= 0) {
        entry->flags = le16_make(NTFS_ENTRY_HAS_CHILD);
        memcpy(to + length - 8, &below, 8);
    }
    return length;
}

size_t ntfsimage_last(uint8_t *to, int64_t child)
{
    struct ntfs_disk_entry *entry = (struct ntfs_disk_entry *)to;
    size_t length = ntfsimage_entry(to, 0, "", 0, child);

    entry->flags = le16_make((uint16_t)(le16_get(entry->flags) |
                                        NTFS_ENTRY_LAST));
    return length;
}

/* The head of a node of LEN bytes of entries that begin AT bytes behind it. */
static void node_put(struct ntfs_disk_node *node, size_t at, size_t len,
                     size_t room, bool has_children)
{
    node->entries_offset = le32_make((uint32_t)at);
    node->used = le32_make((uint32_t)(at + len));
    node->allocated = le32_make((uint32_t)room);
    node->has_children = has_children;
}

uint8_t *ntfsimage_root(struct ntfsimage *image, uint64_t number,
                        const char *name, uint32_t type, uint32_t collation,
                        const void *entries, size_t len, bool has_children)
{
    uint8_t value[4096];
    struct ntfs_disk_index_root *root = (struct ntfs_disk_index_root *)value;
    uint32_t unit = image->shape.cluster <= image->shape.index
                        ? image->shape.cluster : NTFS_FIXUP_STRIDE;

    if (sizeof *root + len > sizeof value) {
        fprintf(stderr, "ntfsimage: the index's root is full\n");
        abort();
    }
    memset(root, 0, sizeof *root);
    root->type = le32_make(type);
    root->collation = le32_make(collation);
    root->block_size = le32_make(image->shape.index);
    root->block_clusters = (uint8_t)(image->shape.index / unit);
    node_put(&root->node, sizeof root->node, len, sizeof root->node + len,
             has_children);
    memcpy(value + sizeof *root, entries, len);
    return ntfsimage_resident(image, number, NTFS_INDEX_ROOT, name, value,
                              sizeof *root + len);
}

void ntfsimage_block(struct ntfsimage *image, uint8_t *to, uint64_t vcn,
                     const void *entries, size_t len, bool has_children)
{
    struct ntfs_disk_index_block *block = (struct ntfs_disk_index_block *)to;
    uint32_t size = image->shape.index, strides = size / NTFS_FIXUP_STRIDE;
    size_t at = ntfsimage_align(sizeof *block + 2 * (strides + 1));
    size_t node_at = offsetof(struct ntfs_disk_index_block, node);

    if (at + len > size) {
        fprintf(stderr, "ntfsimage: the index block is full\n");
        abort();
    }
    memset(to, 0, size);
    memcpy(block->multi.magic, "INDX", 4);
    block->multi.fixup_offset = le16_make((uint16_t)sizeof *block);
    block->multi.fixup_count = le16_make((uint16_t)(strides + 1));
    block->vcn = le64_make(vcn);
    node_put(&block->node, at - node_at, len, size - node_at, has_children);
    memcpy(to + at, entries, len);
    ntfsimage_fix(to, size);
}

/* Does the NAME of LEN bytes go before the key at KEY, case aside? */
static bool name_before(const char *name, const uint8_t *key)
{
    const struct ntfs_disk_name *raw = (const struct ntfs_disk_name *)key;
    size_t len = strlen(name);

    for (size_t i = 0; i < len && i < raw->length; i++) {
        int a = toupper((unsigned char)name[i]);
        int b = toupper(key[KEY_HEAD + 2 * i]);

        if (a != b)
            return a < b;
    }
    return len < raw->length;
}

void ntfsimage_enter(struct ntfsimage *image, uint64_t dir, uint64_t number,
                     const char *name, unsigned space)
{
    struct ntfs_disk_record *record =
        (struct ntfs_disk_record *)ntfsimage_record(image, number);
    const uint8_t *attr = ntfsimage_find(image, dir, NTFS_INDEX_ROOT, "$I30");
    const struct ntfs_disk_resident *head =
        (const struct ntfs_disk_resident *)attr;
    const uint8_t *old = attr + le16_get(head->value_offset) +
                         sizeof(struct ntfs_disk_index_root);
    size_t old_len = le32_get(head->value_length) -
                     sizeof(struct ntfs_disk_index_root);
    uint8_t key[600], entry[700], all[8192];
    size_t key_len = ntfsimage_key(image, key, dir, name, space), len, at = 0;

    if (le16_get(record->flags) & NTFS_RECORD_DIRECTORY)
        ((struct ntfs_disk_name *)key)->flags =
            le32_make(NTFS_NAME_IS_DIRECTORY);
    len = ntfsimage_entry(entry, ntfsimage_reference(image, number), key,
                          key_len, -1);
    for (;;) {
        const struct ntfs_disk_entry *next =
            (const struct ntfs_disk_entry *)(old + at);

        if (le16_get(next->flags) & NTFS_ENTRY_LAST ||
            name_before(name, old + at + sizeof *next))
            break;
        at += le16_get(next->length);
    }
    memcpy(all, old, at);
    memcpy(all + at, entry, len);
    memcpy(all + at + len, old + at, old_len - at);
    ntfsimage_remove(image, dir, NTFS_INDEX_ROOT, "$I30");
    ntfsimage_root(image, dir, "$I30", NTFS_FILE_NAME, NTFS_COLLATE_FILE_NAME,
                   all, old_len + len, false);
    ntfsimage_resident(image, number, NTFS_FILE_NAME, NULL, key, key_len);
    record->links = le16_make((uint16_t)(le16_get(record->links) + 1));
}
