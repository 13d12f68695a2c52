/*
 * xattr_list.c - one list of attributes
 *
 *      | entry | entry | ... | 0 |   room   | values ... |
 *
 * Entries grow from the beginning, values from the end; a value is where its
 * entry says, and no byte belongs to two of all these. ("Extended Attributes"
 * in "ext4 Data Structures and Algorithms")
 */
#include "ext2/check/xattr.h"
#include "ext2/xattr.h"
#include "memfn.h"

#define UNIT        4u          /* names and values begin at multiples of it */
#define MAP_BITS    4096u       /* units looked at together: 16 KiB */

/* CODE, about ENTRY at AT of LIST. */
#define tell_entry(list, at_, entry, code, ...)                             \
    ext2_tell((list)->c, code, (list)->at + (at_), .object = (list)->object, \
              .number = (list)->number, .name = name_of(entry),             \
              .len = name_length(entry), __VA_ARGS__)

/* Of an entry. */
#define FIELD(field) \
    (uint32_t)offsetof(struct ext2_disk_xattr_entry, field)

/* Names that are nothing but a prefix, by its number. */
static const char *const whole_names[] = {
    [EXT2_XATTR_ACL_ACCESS] = "posix_acl_access",
    [EXT2_XATTR_ACL_DEFAULT] = "posix_acl_default",
    [EXT2_XATTR_RICHACL] = "richacl",
};

/* What to call the attribute of ENTRY; its prefix is left out. */
static const char *name_of(const struct ext2_disk_xattr_entry *entry)
{
    unsigned index = entry->name_index;

    if (entry->name_len > 0)
        return (const char *)(entry + 1);
    if (index < sizeof whole_names / sizeof whole_names[0] &&
        whole_names[index])
        return whole_names[index];
    return "";
}

static size_t name_length(const struct ext2_disk_xattr_entry *entry)
{
    const char *name = name_of(entry);
    size_t len = 0;

    if (entry->name_len > 0)
        return entry->name_len;
    while (name[len] != '\0')
        len++;
    return len;
}

static const struct ext2_disk_xattr_entry *entry_at(
    const struct ext2_attrs *list, uint32_t at)
{
    return (const struct ext2_disk_xattr_entry *)(list->bytes + at);
}

static uint32_t padded(uint32_t len)
{
    return (len + UNIT - 1) & ~(UNIT - 1);
}

static uint32_t entry_size(const struct ext2_disk_xattr_entry *entry)
{
    return (uint32_t)sizeof *entry + padded(entry->name_len);
}

/* Is the entry at AT whole? 1; 0: the list ends; -1: it leaves its place. */
static int entry_get(const struct ext2_attrs *list, uint32_t at)
{
    uint32_t left = list->size - at;

    if (left < sizeof(le32))
        return -1;
    if (le32_get(*(const le32 *)(list->bytes + at)) == 0)
        return 0;
    if (left < sizeof(struct ext2_disk_xattr_entry) ||
        left < entry_size(entry_at(list, at)))
        return -1;
    return 1;
}

/* Does ENTRY's value lie in the list's place, padding and all? */
static bool value_fits(const struct ext2_attrs *list,
                       const struct ext2_disk_xattr_entry *entry)
{
    uint32_t offset = le16_get(entry->value_offset);
    uint32_t size = le32_get(entry->value_size);

    return offset <= list->size && size <= list->size - offset &&
           padded(size) <= list->size - offset;
}

bool ext2_attrs_open(struct ext2_check *c, const struct ext2_check_inode *inode,
                     struct ext2_attrs *list)
{
    uint32_t start = EXT2_GOOD_OLD_INODE + inode->extra;
    uint32_t size = c->super.inode_size;

    if (inode->extra == 0 || size < 2 * sizeof(le32) ||
        start > size - 2 * sizeof(le32) ||
        le32_get(*(const le32 *)(inode->bytes + start)) != EXT2_XATTR_MAGIC)
        return false;
    start += (uint32_t)sizeof(le32);
    *list = (struct ext2_attrs){
        .c = c, .bytes = inode->bytes + start, .size = size - start,
        .at = inode->at + start, .object = SHALE_OBJECT_INODE,
        .number = inode->ino, .owner = inode->ino, .in_inode = true,
    };
    return true;
}

const uint8_t *ext2_attrs_find(const struct ext2_attrs *list, unsigned index,
                               const char *name, uint32_t *size)
{
    uint32_t len = 0;

    while (name[len] != '\0')
        len++;
    for (uint32_t at = list->start; entry_get(list, at) > 0;
         at += entry_size(entry_at(list, at))) {
        const struct ext2_disk_xattr_entry *entry = entry_at(list, at);

        if (entry->name_index != index || entry->name_len != len ||
            memcmp(entry + 1, name, len) != 0)
            continue;
        if (le32_get(entry->value_inode) != 0 || !value_fits(list, entry))
            return NULL;
        *size = le32_get(entry->value_size);
        return list->bytes + le16_get(entry->value_offset);
    }
    return NULL;
}

/* ------------------------------------------------------------------ hashes */

/*
 * The hash of an entry: of the name's bytes, as unsigned ones or as signed ones
 * (which differ past 127, and both are about), then of the value by words.
 */
static uint32_t entry_hash(const struct ext2_disk_xattr_entry *entry,
                           const uint8_t *value, uint32_t size,
                           bool is_signed)
{
    const uint8_t *name = (const uint8_t *)(entry + 1);
    uint32_t hash = 0;

    for (unsigned i = 0; i < entry->name_len; i++) {
        uint32_t byte = name[i];

        if (is_signed && byte > 127)
            byte |= 0xffffff00u;
        hash = (hash << 5 | hash >> 27) ^ byte;
    }
    for (uint32_t i = 0; i < size; i += UNIT)
        hash = (hash << 16 | hash >> 16) ^
               le32_get(*(const le32 *)(value + i));
    return hash;
}

static bool hash_check(const struct ext2_attrs *list, uint32_t at)
{
    const struct ext2_disk_xattr_entry *entry = entry_at(list, at);
    const uint8_t *value = list->bytes + le16_get(entry->value_offset);
    uint32_t size = le32_get(entry->value_size), want;
    uint32_t found = le32_get(entry->hash);

    /* Inodes had none, once. */
    if (list->in_inode && found == 0)
        return true;
    want = entry_hash(entry, value, size, false);
    if (found == want || found == entry_hash(entry, value, size, true))
        return true;
    tell_entry(list, at + FIELD(hash), entry, XATTR_HASH, .compared = true,
               .expected = want, .found = found);
    return false;
}

/* ----------------------------------------------------------------- overlaps */

/* Set LEN units from FIRST on, as far as they are in MAP, whose first is FROM.
   True if one was set already. */
static bool map_set(uint64_t *map, uint32_t from, uint32_t first, uint32_t len)
{
    bool already = false;

    for (uint32_t unit = first; unit < first + len; unit++) {
        uint64_t bit = UINT64_C(1) << (unit & 63);

        if (unit < from || unit >= from + MAP_BITS)
            continue;
        already |= (map[(unit - from) / 64] & bit) != 0;
        map[(unit - from) / 64] |= bit;
    }
    return already;
}

/* Tell if a value shares bytes with another one, or with entries up to END. */
static bool overlap_check(const struct ext2_attrs *list, uint32_t end)
{
    for (uint32_t from = 0; from < list->size / UNIT; from += MAP_BITS) {
        uint64_t map[MAP_BITS / 64] = { 0 };

        (void)map_set(map, from, 0, (end + UNIT - 1) / UNIT);
        for (uint32_t at = list->start; entry_get(list, at) > 0;
             at += entry_size(entry_at(list, at))) {
            const struct ext2_disk_xattr_entry *entry = entry_at(list, at);
            uint32_t offset = le16_get(entry->value_offset);
            uint32_t size = le32_get(entry->value_size);

            if (le32_get(entry->value_inode) != 0 || size == 0)
                continue;
            if (map_set(map, from, offset / UNIT,
                        (offset % UNIT + padded(size) + UNIT - 1) / UNIT)) {
                tell_entry(list, at + FIELD(value_offset), entry,
                           XATTR_OVERLAP, .other = offset);
                return false;
            }
        }
    }
    return true;
}

/* ------------------------------------------------------------------ entries */

/* Is ENTRY's name one? Prefix 0 is nobody's. */
static bool name_check(const struct ext2_attrs *list, uint32_t at)
{
    const struct ext2_disk_xattr_entry *entry = entry_at(list, at);
    const uint8_t *name = (const uint8_t *)(entry + 1);
    bool sound = entry->name_index != 0;

    for (unsigned i = 0; i < entry->name_len; i++)
        sound = sound && name[i] != '\0';
    if (!sound)
        tell_entry(list, at, entry, XATTR_NAME, .other = entry->name_index);
    return sound;
}

static bool place_check(const struct ext2_attrs *list, uint32_t at)
{
    const struct ext2_disk_xattr_entry *entry = entry_at(list, at);

    /* A value that is elsewhere has no place here. */
    if (le32_get(entry->value_inode) != 0 ? le16_get(entry->value_offset) == 0
                                          : value_fits(list, entry))
        return true;
    tell_entry(list, at + FIELD(value_offset), entry, XATTR_VALUE,
               .compared = true, .expected = list->size,
               .found = le32_get(entry->value_size));
    return false;
}

/* What the value of the entry at AT says; no other has these bytes. */
static bool value_check(const struct ext2_attrs *list, uint32_t at)
{
    const struct ext2_disk_xattr_entry *entry = entry_at(list, at);
    const uint8_t *value = list->bytes + le16_get(entry->value_offset);
    uint32_t size = le32_get(entry->value_size);

    if (!hash_check(list, at))
        return false;
    if ((entry->name_index == EXT2_XATTR_ACL_ACCESS ||
         entry->name_index == EXT2_XATTR_ACL_DEFAULT) && size > 0 &&
        !ext2_acl_is_sound(value, size))
        tell_entry(list, le16_get(entry->value_offset), entry, XATTR_ACL,
                   .other = size);
    return true;
}

/* The entry at AT has its value in another inode, to be looked at later. */
static int value_refer(const struct ext2_attrs *list, uint32_t at)
{
    const struct ext2_disk_xattr_entry *entry = entry_at(list, at);
    const struct ext2_attr_ref ref = {
        .at = list->at + at, .number = list->number, .owner = list->owner,
        .object = list->object, .ino = le32_get(entry->value_inode),
        .size = le32_get(entry->value_size), .hash = le32_get(entry->hash),
        .name_hash = entry_hash(entry, NULL, 0, false),
    };

    return ext2_attrs_refer(list->c, &ref);
}

/* Add what the value of ENTRY explains. BYTES is memory for an inode. */
static int value_charge(const struct ext2_attrs *list,
                        const struct ext2_disk_xattr_entry *entry,
                        uint8_t *bytes, struct ext2_check_charge *charge)
{
    const struct ext2_check_super *s = &list->c->super;
    uint32_t shift = s->block_shift + s->cluster_shift;
    uint64_t size = le32_get(entry->value_size);
    struct ext2_check_inode inode;
    bool good;
    int err = ext2_check_inode_read(list->c, le32_get(entry->value_inode),
                                    bytes, &inode, &good);

    if (!err && good &&
        !ext2_value_is_own((const struct ext2_disk_inode *)bytes,
                           list->owner)) {
        charge->clusters += (size + (UINT64_C(1) << shift) - 1) >> shift;
        charge->values++;
    }
    return err;
}

int ext2_attrs_charge(const struct ext2_attrs *list,
                      struct ext2_check_charge *charge)
{
    size_t size = list->c->super.inode_size;
    uint8_t *bytes = NULL;
    int err = 0;

    for (uint32_t at = list->start; !err && entry_get(list, at) > 0;
         at += entry_size(entry_at(list, at))) {
        if (le32_get(entry_at(list, at)->value_inode) == 0)
            continue;
        if (!bytes)
            bytes = check_alloc(list->c->check, size);
        err = bytes ? value_charge(list, entry_at(list, at), bytes, charge)
                    : SHALE_ENOMEM;
    }
    check_free(list->c->check, bytes, size);
    return err;
}

/* Entries, one after the other. Stores where they end. */
static int entries_check(const struct ext2_attrs *list, uint32_t *end,
                         bool *sound)
{
    uint32_t at = list->start;
    int more, err = 0;

    while (!err && *sound && (more = entry_get(list, at)) != 0) {
        const struct ext2_disk_xattr_entry *entry = entry_at(list, at);

        if (more < 0) {
            ext2_tell(list->c, XATTR_ENTRY, list->at + at,
                      .object = list->object, .number = list->number);
            *sound = false;
        } else if (!name_check(list, at)) {
            *sound = false;
        } else if (!place_check(list, at)) {
            *sound = false;
        } else if (le32_get(entry->value_inode) != 0) {
            err = value_refer(list, at);
        }
        if (more > 0)
            at += entry_size(entry);
    }
    *end = at + (uint32_t)sizeof(le32);
    return err;
}

int ext2_attrs_check(const struct ext2_attrs *list, bool *sound)
{
    uint32_t end;
    int err;

    *sound = true;
    err = entries_check(list, &end, sound);
    /* Only then: values that are all the same bytes could take for ever. */
    if (!err && *sound)
        *sound = overlap_check(list, end);
    for (uint32_t at = list->start; !err && *sound && entry_get(list, at) > 0;
         at += entry_size(entry_at(list, at))) {
        if (le32_get(entry_at(list, at)->value_inode) == 0)
            *sound = value_check(list, at);
    }
    return err;
}
