/*
 * attrlist.c - a file's attributes, wherever they are
 *
 * A file has a base record. When its attributes outgrow that, they move to
 * extension records, and the base record gets an $ATTRIBUTE_LIST, resident or
 * not, with an entry for each attribute, or piece of one, and where it is:
 * those in the base record included, but not the list itself. Entries are in
 * the order of type, name and VCN. (Linux-NTFS, "$ATTRIBUTE_LIST")
 *
 * An entry means the attribute of that type, id, name and first VCN in that
 * record. Ids are unique in a record only, so it takes all of them.
 *
 * The list is at most LIST_MAX long, each entry of it makes at most one record
 * be read and searched, and a list in an extension record means nothing: that
 * bounds the work, however entries lead to each other.
 */
#include "memfn.h"
#include "ntfs.h"

/* As Windows has it. (Linux-NTFS, "$ATTRIBUTE_LIST") */
#define LIST_MAX (256u << 10)

#define ENTRY_SIZE 26u          /* of one without a name */

_Static_assert(sizeof(struct ntfs_disk_list_entry) == ENTRY_SIZE,
               "NTFS attribute list entry");

/* ------------------------------------------------------------- beginning */

void ntfs_walk_end(struct ntfs_walk *walk)
{
    ntfs_record_put(walk->vol, walk->extension);
    shale_free(walk->vol->fs->mem, walk->list, walk->list_length);
    walk->extension = NULL;
    walk->list = NULL;
}

/* Make STREAM the list that walk->attr is, or begins, and bring that into
   memory. */
static int list_take(struct ntfs_walk *walk, struct ntfs_stream *stream)
{
    struct ntfs_volume *vol = walk->vol;
    struct ntfs_value list;
    int err = ntfs_stream_begin(vol, stream, &walk->attr);

    if (err)
        return err;
    err = ntfs_stream_end(vol, stream);
    if (err) {
        ntfs_stream_close(vol, stream);
        return err;
    }
    err = ntfs_value_take(vol, stream, LIST_MAX, &list);
    walk->list = list.bytes;
    walk->list_length = (uint32_t)list.length;
    return err;
}

static int list_load(struct ntfs_walk *walk)
{
    struct shale_mem *mem = walk->vol->fs->mem;
    struct ntfs_stream *stream = shale_alloc(mem, sizeof *stream);
    int err;

    if (!stream)
        return SHALE_ENOMEM;
    err = list_take(walk, stream);
    shale_free(mem, stream, sizeof *stream);
    if (!err && walk->list_length == 0)
        err = shale_corrupt_inode(walk->vol->fs, "ntfs: an attribute list of "
                                  "no length", walk->attr.at,
                                  walk->base->number);
    walk->list_at = walk->attr.at;
    walk->offset = 0;
    return err;
}

int ntfs_walk_begin(struct ntfs_volume *vol, const struct ntfs_record *base,
                    uint32_t only, struct ntfs_walk *walk)
{
    uint32_t offset = base->attrs;
    int found;

    *walk = (struct ntfs_walk){
        .vol = vol, .base = base, .only = only, .offset = offset,
    };
    /* Attributes are in the order of their types. */
    while ((found = ntfs_attr_next(vol, base, &offset, &walk->attr)) > 0 &&
           walk->attr.type <= NTFS_ATTRIBUTE_LIST) {
        if (walk->attr.type == NTFS_ATTRIBUTE_LIST)
            return list_load(walk);
    }
    return found < 0 ? found : 0;
}

/* --------------------------------------------------------- by the list */

static int list_corrupt(const struct ntfs_walk *walk, const char *what)
{
    return shale_corrupt_inode(walk->vol->fs, what, walk->list_at,
                               walk->base->number);
}

/* Take the next entry; 1, 0 at the end. After an error it is the end. */
static int entry_take(struct ntfs_walk *walk)
{
    struct ntfs_list_entry *out = &walk->entry;
    const uint8_t *bytes = walk->list + walk->offset;
    const struct ntfs_disk_list_entry *raw =
        (const struct ntfs_disk_list_entry *)bytes;
    uint32_t left = walk->list_length - walk->offset, length;

    if (left == 0)
        return 0;
    walk->offset = walk->list_length;
    if (left < ENTRY_SIZE)
        return list_corrupt(walk, "ntfs: an attribute list is cut short");
    length = le16_get(raw->length);
    if (length < ENTRY_SIZE || length > left)
        return list_corrupt(walk, "ntfs: an entry of an attribute list has a "
                            "length that cannot be");
    if (raw->name_length > 0 &&
        (raw->name_offset > length ||
         2u * raw->name_length > length - raw->name_offset))
        return list_corrupt(walk, "ntfs: a name runs past its entry of an "
                            "attribute list");
    walk->offset -= left - length;
    out->type = le32_get(raw->type);
    out->id = le16_get(raw->id);
    out->first_vcn = le64_get(raw->first_vcn);
    out->record = le64_get(raw->record);
    out->name = bytes + raw->name_offset;
    out->name_length = raw->name_length;
    return 1;
}

/*
 * Is EXTENSION, which REFERENCE leads to, the file's? When a file is deleted,
 * its records count their uses up, but what leads to them is as it was.
 */
static const char *extension_check(const struct ntfs_walk *walk,
                                   const struct ntfs_record *extension,
                                   uint64_t reference)
{
    const struct ntfs_record *base = walk->base;
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(reference);
    uint16_t base_sequence = NTFS_REFERENCE_SEQUENCE(extension->base);
    bool in_use = extension->flags & NTFS_RECORD_IN_USE;

    if (base->flags & NTFS_RECORD_IN_USE && !in_use)
        return "ntfs: an extension record is not in use";
    if (in_use && sequence != 0 && sequence != extension->sequence)
        return "ntfs: an extension record has been reused";
    if (NTFS_REFERENCE_NUMBER(extension->base) != base->number)
        return "ntfs: an extension record is another file's";
    if (in_use && base_sequence != 0 && base_sequence != base->sequence)
        return "ntfs: an extension record is a former file's";
    return NULL;
}

/* The record that the entry at hand says, the walk's own or the base. */
static int record_find(struct ntfs_walk *walk, const struct ntfs_record **out)
{
    uint64_t number = NTFS_REFERENCE_NUMBER(walk->entry.record);
    struct ntfs_record *extension;
    const char *wrong;
    int err;

    if (number == walk->base->number) {
        *out = walk->base;
        return 0;
    }
    *out = walk->extension;
    if (walk->extension && walk->extension->number == number)
        return 0;
    err = ntfs_record_get(walk->vol, number, &extension);
    if (err == SHALE_ESTALE)
        return list_corrupt(walk, "ntfs: an extension record does not exist");
    if (err)
        return err;
    wrong = extension_check(walk, extension, walk->entry.record);
    if (wrong) {
        ntfs_record_put(walk->vol, extension);
        return list_corrupt(walk, wrong);
    }
    ntfs_record_put(walk->vol, walk->extension);
    walk->extension = extension;
    *out = extension;
    return 0;
}

static bool is_meant(const struct ntfs_list_entry *entry,
                     const struct ntfs_attr *attr)
{
    return attr->type == entry->type && attr->id == entry->id &&
           (attr->resident ? 0 : attr->first_vcn) == entry->first_vcn &&
           attr->name_length == entry->name_length &&
           (attr->name_length == 0 ||
            memcmp(attr->name, entry->name, 2u * attr->name_length) == 0);
}

/* The attribute that the entry at hand means. */
static int attr_find(struct ntfs_walk *walk)
{
    const struct ntfs_record *record;
    uint32_t offset;
    int found = record_find(walk, &record);

    if (found)
        return found;
    offset = record->attrs;
    while ((found = ntfs_attr_next(walk->vol, record, &offset,
                                   &walk->attr)) > 0)
        if (is_meant(&walk->entry, &walk->attr))
            return 1;
    if (found < 0)
        return found;
    return list_corrupt(walk, "ntfs: an attribute list names an attribute "
                        "that is not there");
}

/* ------------------------------------------------------------------ going */

int ntfs_walk_next(struct ntfs_walk *walk)
{
    const struct ntfs_list_entry *entry = &walk->entry;
    int found;

    while (!walk->list) {
        if (walk->offset == 0)
            return 0;
        found = ntfs_attr_next(walk->vol, walk->base, &walk->offset,
                               &walk->attr);
        if (found < 0)
            walk->offset = 0;
        if (found <= 0 || walk->only == 0 || walk->attr.type == walk->only)
            return found;
    }
    while ((found = entry_take(walk)) > 0) {
        if ((walk->only == 0 && entry->type != NTFS_ATTRIBUTE_LIST) ||
            (walk->only != 0 && entry->type == walk->only))
            return attr_find(walk);
    }
    return found;
}
