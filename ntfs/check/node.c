/*
 * node.c - one node of a B-tree: what its head and its entries say twice
 *
 *      head | entry | entry | ... | last entry |  used | allocated
 *
 * All that is decoded has been found to be within the node; here it is whether
 * what is said about lengths, and whether there are children, agrees.
 */
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define HAS_CHILDREN 1u         /* the one flag of a node */
#define ENTRY_FLAGS  (NTFS_ENTRY_HAS_CHILD | NTFS_ENTRY_LAST)

#define FIELD(name) NTFS_CHECK_FIELD(ntfs_disk_node, name)

static uint32_t align(uint32_t n)
{
    return (n + 7) & ~7u;
}

static const struct ntfs_disk_entry *raw_of(const struct ntfs_entry *entry)
{
    return (const struct ntfs_disk_entry *)entry->bytes;
}

static bool has_key(const struct ntfs_entry *entry)
{
    return le16_get(raw_of(entry)->key_length) != 0;
}

/* How long ENTRY has to be, with what is in it and nothing else. */
static uint32_t needs_of(const struct ntfs_entry *entry, bool names)
{
    uint32_t need = (uint32_t)sizeof(struct ntfs_disk_entry) +
                    entry->key_length;
    uint32_t child = entry->child == NTFS_NO_CHILD ? 0
                                                   : (uint32_t)sizeof(le64);

    if (!names && !entry->last) {
        /* The key, then data. */
        uint32_t data = le16_get(*(const le16 *)entry->bytes);
        uint32_t length = le16_get(*(const le16 *)(entry->bytes + 2));

        if (length > 0 && data + length > need)
            need = data + length;
    }
    return align(need) + child;
}

bool ntfs_check_entry(const struct ntfs_entry *entry, bool names,
                      uint32_t *needs)
{
    *needs = needs_of(entry, names);
    return entry->length == *needs;
}

const char *ntfs_check_node(const struct ntfs_index_node *node, uint32_t room,
                            bool block, uint32_t *at)
{
    const struct ntfs_disk_node *head = (const void *)node->bytes;
    bool children = head->has_children & HAS_CHILDREN;
    uint32_t offset = node->first;
    struct ntfs_entry entry;

    *at = FIELD(has_children);
    if (head->has_children & ~HAS_CHILDREN)
        return "ntfs: index node with flags that there are not";
    *at = FIELD(allocated);
    if (block && le32_get(head->allocated) != room)
        return "ntfs: index node of another size than its block";
    *at = FIELD(entries_offset);
    if (node->first % 8 != 0)
        return "ntfs: index node whose entries begin at no multiple of 8";
    do {
        *at = offset;
        if (ntfs_entry_decode(node, offset, &entry))
            return NULL;        /* which is told when it is come to */
        if (le16_get(raw_of(&entry)->flags) & ~ENTRY_FLAGS)
            return "ntfs: index entry with flags that there are not";
        if (entry.last && has_key(&entry))
            return "ntfs: index node whose last entry has a key";
        if ((entry.child != NTFS_NO_CHILD) != children)
            return children ? "ntfs: index node with children, and an entry "
                              "without"
                            : "ntfs: index node without children, and an "
                              "entry with one";
        offset += entry.length;
    } while (!entry.last);
    *at = FIELD(used);
    if (offset != node->used)
        return "ntfs: index node with something behind its last entry";
    return NULL;
}
