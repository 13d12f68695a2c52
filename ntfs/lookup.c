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
#include "index.h"
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

/* Prepare to look for the LEN bytes of NAME. */
static int sought_set(struct ntfs_volume *vol, const char *name, size_t len,
                      struct ntfs_sought *sought)
{
    int count = utf16_from_utf8(name, len, sought->units, NTFS_NAME_UNITS);

    if (count < 0)
        return count;
    sought->vol = vol;
    sought->length = (unsigned)count;
    sought->backwards = sought->exact = sought->similar = false;
    sought->wrong = NULL;
    for (unsigned i = 0; i < sought->length; i++)
        sought->upper[i] = ntfs_upper(vol, sought->units[i]);
    return 0;
}

/* One way down. */
static int index_search(struct ntfs_vnode *dir, struct ntfs_sought *sought)
{
    int found = ntfs_index_descend(sought->vol, dir->index, sought_compare,
                                   sought);

    if (found >= 0 && sought->wrong)
        return shale_corrupt_inode(dir->base.fs, sought->wrong,
                                   sought->wrong_at, dir->base.ino);
    return found < 0 ? found : 0;
}

static int sought_find(struct ntfs_vnode *dir, struct ntfs_sought *sought)
{
    int err;

    if (ntfs_index_is_damaged(dir->index))
        return ntfs_recover_lookup(dir, sought);
    err = index_search(dir, sought);
    if (!err && sought->similar && !sought->exact) {
        sought->backwards = true;
        err = index_search(dir, sought);
    }
    if (ntfs_recover_helps(dir, err) && !sought->exact)
        err = ntfs_recover_lookup(dir, sought);
    return err;
}

/*
 * Find NAME in DIR. Stores the reference of what it is; SHALE_ENOENT if it is
 * not there, or is not the name of any file.
 */
static int name_find(struct ntfs_vnode *dir, const char *name, size_t len,
                     uint64_t *reference)
{
    struct ntfs_volume *vol = ntfs_volume_of(dir->base.fs);
    struct ntfs_sought *sought = shale_alloc(vol->fs->mem, sizeof *sought);
    bool exact = vol->options.case_sensitive || dir->info.case_sensitive;
    int err;

    if (!sought)
        return SHALE_ENOMEM;
    err = sought_set(vol, name, len, sought);
    if (!err)
        err = sought_find(dir, sought);
    if (!err && !sought->exact && (exact || !sought->similar))
        err = SHALE_ENOENT;
    if (!err)
        *reference = sought->reference;
    shale_free(vol->fs->mem, sought, sizeof *sought);
    return err;
}

/* ---------------------------------------------------------- the operations */

/* Is there, in use, what REFERENCE means? If not, it is WRONG, at AT; but what
   DIR knows of others need not be true any more if it is deleted itself. */
static int reference_check(struct ntfs_vnode *dir, uint64_t reference,
                           const char *wrong, uint64_t at)
{
    struct ntfs_record *record;
    int err = ntfs_record_by_reference(ntfs_volume_of(dir->base.fs),
                                       reference, &record);

    if (err == SHALE_ESTALE && (dir->base.ino & NTFS_INO_DELETED))
        return SHALE_ENOENT;
    if (err == SHALE_ESTALE)
        return shale_corrupt_inode(dir->base.fs, wrong, at, dir->base.ino);
    if (!err)
        ntfs_record_put(ntfs_volume_of(dir->base.fs), record);
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
    struct ntfs_vnode *dir = (struct ntfs_vnode *)base;
    struct ntfs_volume *vol = ntfs_volume_of(base->fs);
    uint64_t reference = 0;
    size_t colon = len;
    int err;

    if (!dir->index)
        return SHALE_ENOENT;
    err = name_find(dir, name, len, &reference);
    /* A file whose own name has a ':' comes first: it is in the listing. */
    if (vol->options.streams == NTFS_STREAMS_WINDOWS &&
        (err == SHALE_ENOENT || err == SHALE_ENAMETOOLONG)) {
        colon = colon_find(name, len);
        if (colon > 0 && colon < len)
            err = name_find(dir, name, colon, &reference);
    }
    if (!err)
        err = reference_check(dir, reference, "ntfs: directory entry of a file "
                              "that is not there any more", dir->index->at);
    if (err)
        return err;
    if (colon < len)
        return ntfs_streams_lookup(vol, reference, name + colon + 1,
                                   len - colon - 1, ino);
    *ino = NTFS_REFERENCE_NUMBER(reference);
    return 0;
}

/* Store the reference of the directory that has the first name of BASE's file;
   0 if it has no name. */
static int parent_find(struct ntfs_volume *vol, const struct ntfs_record *base,
                       uint64_t *reference)
{
    struct ntfs_walk walk;
    struct ntfs_attr attr;
    struct ntfs_name name;
    int more = ntfs_walk_begin(vol, base, &walk);

    *reference = 0;
    if (more)
        return more;
    walk.only = NTFS_FILE_NAME;
    while ((more = ntfs_walk_next(&walk, &attr)) > 0) {
        if (attr.type != NTFS_FILE_NAME || !attr.resident ||
            ntfs_name_decode(attr.value, attr.value_length, &name))
            continue;
        *reference = name.parent;
        more = 0;
        break;
    }
    ntfs_walk_end(&walk);
    return more;
}

int ntfs_parent(struct shale_vnode *base, uint64_t *ino)
{
    struct ntfs_vnode *dir = (struct ntfs_vnode *)base;
    struct ntfs_volume *vol = ntfs_volume_of(base->fs);
    struct ntfs_record *record;
    uint64_t reference = 0;
    int err = ntfs_record_get(vol, NTFS_INO_RECORD(base->ino), &record);

    if (err)
        return err;
    err = parent_find(vol, record, &reference);
    if (!err && reference == 0)
        err = shale_corrupt_inode(base->fs, "ntfs: directory without a name",
                                  record->at, base->ino);
    if (!err)
        err = reference_check(dir, reference, "ntfs: directory in one that is "
                              "not there any more", record->at);
    ntfs_record_put(vol, record);
    if (!err)
        *ino = NTFS_REFERENCE_NUMBER(reference);
    return err;
}
