/*
 * lookup.c - finding a name in a directory, and a directory's parent
 *
 * An index of names is in the order of their upper case, and names that differ
 * in case only stand together. So one way down to the name as it was given
 * meets it if it is there; and if not, it meets one of those that differ in
 * case, for the place where the name would be is next to them. How these are
 * ordered among themselves (by their units, where ntfs-3g wrote them) is not
 * documented: if the way has met one of them, but not the very name, another
 * way is gone, by the opposite order.
 *
 * Short names (DOS) are in the index like others, and found like them.
 */
#include "extras.h"
#include "memfn.h"
#include "utf16.h"

/* ------------------------------------------------------------ one name */

static int sought_compare(void *context, const struct ntfs_entry *entry)
{
    struct ntfs_sought *sought = context;
    struct ntfs_name name;

    sought->wrong = ntfs_name_decode(entry->key, entry->key_length, &name);
    if (sought->wrong) {
        sought->wrong_at = entry->at;
        return 0;
    }
    return ntfs_sought_compare(sought, &name, entry->reference);
}

/* One way down. */
static int index_search(const struct ntfs_dir *dir, struct ntfs_sought *sought)
{
    int found = ntfs_index_descend(dir->vol, dir->index, sought_compare,
                                   sought);

    if (found >= 0 && sought->wrong)
        return shale_corrupt_inode(dir->vol->fs, sought->wrong,
                                   sought->wrong_at, dir->ino);
    return found < 0 ? found : 0;
}

int ntfs_sought_find(const struct ntfs_dir *dir, struct ntfs_sought *sought)
{
    int err;

    sought->vol = dir->vol;
    sought->backwards = sought->exact = sought->similar = false;
    sought->wrong = NULL;
    for (unsigned i = 0; i < sought->length; i++)
        sought->upper[i] = ntfs_upper(dir->vol, sought->units[i]);
    if (ntfs_index_is_damaged(dir->index))
        return 0;
    err = index_search(dir, sought);
    if (!err && sought->similar && !sought->exact) {
        sought->backwards = true;
        err = index_search(dir, sought);
    }
    return err;
}

/* What is sought in DIR, of which units and length are set: its reference. */
static int found(const struct ntfs_dir *dir, struct ntfs_sought *sought,
                 uint64_t *reference)
{
    const struct ntfs_options *options = &dir->vol->options;
    bool exact = options->case_sensitive || dir->case_sensitive;
    int err = options->recover
                  ? dir->vol->extras.recovery->sought_recover(dir, sought)
                  : ntfs_sought_find(dir, sought);

    if (err)
        return err;
    if (!sought->exact && (exact || !sought->similar))
        return SHALE_ENOENT;
    *reference = sought->reference;
    return 0;
}

/* The same of LEN UNITS as they are on the volume. */
static int units_find(const struct ntfs_dir *dir, const uint8_t *units,
                      size_t len, uint64_t *reference)
{
    struct ntfs_sought *sought;
    int err;

    if (len > NTFS_NAME_UNITS)
        return SHALE_ENOENT;
    sought = shale_alloc(dir->vol->fs->mem, sizeof *sought);
    if (!sought)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < len; i++)
        sought->units[i] = le16_load(units + 2 * i);
    sought->length = (unsigned)len;
    err = found(dir, sought, reference);
    shale_free(dir->vol->fs->mem, sought, sizeof *sought);
    return err;
}

int ntfs_name_find_in(struct ntfs_volume *vol, const struct ntfs_record *record,
                      const uint8_t *units, size_t len, uint64_t *reference)
{
    struct ntfs_dir dir = {
        .vol = vol, .ino = record->number, .sequence = record->sequence,
    };
    int err = ntfs_index_load(vol, record, &dir.index);

    if (err)
        return err;
    /* For one name it is not worth to examine it. */
    if (!ntfs_index_is_damaged(dir.index))
        dir.index->checked = NTFS_SOUND;
    err = units_find(&dir, units, len, reference);
    ntfs_index_free(vol, dir.index);
    return err;
}

/* The same for the LEN bytes of NAME. What is no UTF-8 is no file's name. */
static int text_find(const struct ntfs_dir *dir, const char *name, size_t len,
                     uint64_t *reference)
{
    struct shale_mem *mem = dir->vol->fs->mem;
    struct ntfs_sought *sought = shale_alloc(mem, sizeof *sought);
    int count;

    if (!sought)
        return SHALE_ENOMEM;
    count = utf16_from_utf8(name, len, sought->units, NTFS_NAME_UNITS);
    if (count >= 0) {
        sought->length = (unsigned)count;
        count = found(dir, sought, reference);
    }
    shale_free(mem, sought, sizeof *sought);
    return count == SHALE_EINVAL ? SHALE_ENOENT : count;
}

/* ---------------------------------------------------------- the operations */

/* Is there, in use, what REFERENCE means? If not, it is WRONG, at AT; but what
   DIR knows of others need not be true any more if it is deleted itself. */
static int reference_check(const struct shale_vnode *dir, uint64_t reference,
                           const char *wrong, uint64_t at)
{
    struct ntfs_volume *vol = ntfs_volume_of(dir->fs);
    struct ntfs_record *record;
    int err = ntfs_record_by_reference(vol, reference, &record);

    if (err == SHALE_ESTALE && (dir->ino & NTFS_INO_DELETED))
        return SHALE_ENOENT;
    if (err == SHALE_ESTALE)
        return shale_corrupt_inode(vol->fs, wrong, at, dir->ino);
    if (!err)
        ntfs_record_put(vol, record);
    return err;
}

/* Where in NAME the ':' is, behind which that of a stream begins; LEN: it has
   none. */
static size_t colon_find(const char *name, size_t len)
{
    size_t i = 0;

    while (i < len && name[i] != ':')
        i++;
    return i;
}

int ntfs_lookup(struct shale_vnode *base, const char *name, size_t len,
                uint64_t *ino)
{
    const struct ntfs_dir dir = ntfs_dir_of((struct ntfs_vnode *)base);
    uint64_t reference = 0;
    size_t colon = len;
    int err;

    if (!dir.index)
        return SHALE_ENOENT;
    err = text_find(&dir, name, len, &reference);
    /* A file whose own name has a ':' comes first: it is in the listing. */
    if (dir.vol->options.streams == NTFS_STREAMS_WINDOWS &&
        (err == SHALE_ENOENT || err == SHALE_ENAMETOOLONG)) {
        colon = colon_find(name, len);
        if (colon > 0 && colon < len)
            err = text_find(&dir, name, colon, &reference);
    }
    if (!err)
        err = reference_check(base, reference, "ntfs: directory entry of a "
                              "file that is not there any more",
                              dir.index->at);
    if (err)
        return err;
    if (colon < len)
        return dir.vol->extras.streams->stream_lookup(
            dir.vol, reference, name + colon + 1, len - colon - 1, ino);
    *ino = NTFS_REFERENCE_NUMBER(reference);
    return 0;
}

int ntfs_parent_find(struct ntfs_volume *vol, const struct ntfs_record *base,
                     uint64_t *reference)
{
    struct ntfs_walk *walk = &base->room->walk;
    const struct ntfs_attr *attr = &walk->attr;
    struct ntfs_name name;
    bool found = false;
    int more = ntfs_walk_begin(vol, base, NTFS_FILE_NAME, walk);

    *reference = 0;
    if (more)
        return more;
    while (!found && (more = ntfs_walk_next(walk)) > 0) {
        if (!attr->resident ||
            ntfs_name_decode(attr->value, attr->value_length, &name))
            continue;
        found = name.space != NTFS_DOS;
        if (found || *reference == 0)
            *reference = name.parent;
    }
    ntfs_walk_end(walk);
    return more < 0 ? more : 0;
}

int ntfs_parent(struct shale_vnode *base, uint64_t *ino)
{
    struct ntfs_volume *vol = ntfs_volume_of(base->fs);
    struct ntfs_record *record;
    uint64_t reference = 0;
    int err = ntfs_record_get(vol, NTFS_INO_RECORD(base->ino), &record);

    if (err)
        return err;
    err = ntfs_parent_find(vol, record, &reference);
    if (!err && reference == 0)
        err = shale_corrupt_inode(base->fs, "ntfs: directory without a name",
                                  record->at, base->ino);
    if (!err)
        err = reference_check(base, reference, "ntfs: directory in one that is "
                              "not there any more", record->at);
    ntfs_record_put(vol, record);
    if (!err)
        *ino = NTFS_REFERENCE_NUMBER(reference);
    return err;
}
