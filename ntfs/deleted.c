/*
 * deleted.c - files that are gone, and of which a record still tells
 *
 * Who deletes a file takes its name out of the directory, marks its clusters
 * as free and its record as not in use, and leaves the rest of the record as it
 * is until a new file needs one. So name, parent, times and the runs of the
 * data are there. What nobody can know is whether the clusters have been
 * another's in between; but whose are in use now are lost.
 */
#include "extras.h"

struct search {
    struct ntfs_volume *vol;
    shale_deleted_fn *emit;
    void *context;

    /* The record at hand. */
    struct shale_deleted file;
    bool has_data, has_good_name;
    uint64_t parent;            /* reference; 0: none */
    char name[NTFS_NAME_BYTES];

    struct ntfs_usage *usage;   /* NULL: nobody has asked yet */

    /* The last parent that was looked at: files are deleted in trees. */
    uint64_t known_parent, known_ino;
    int unread;                 /* SHALE_EIO: some could not be read */
};

/* Take the name that $FILE_NAME ATTR has, unless there is a better one. */
static void take_name(struct search *s, const struct ntfs_attr *attr)
{
    struct ntfs_name name;

    if (!attr->resident || s->has_good_name ||
        ntfs_name_decode(attr->value, attr->value_length, &name))
        return;
    s->file.name = s->name;
    s->file.len = ntfs_name_text(&name, s->name);
    s->has_good_name = name.space != NTFS_DOS;
    s->parent = name.parent;
}

static void take_attr(struct search *s, const struct ntfs_attr *attr)
{
    const struct ntfs_disk_standard *standard =
        (const struct ntfs_disk_standard *)attr->value;

    switch (attr->type) {
    case NTFS_STANDARD_INFORMATION:
        if (attr->resident &&
            attr->value_length >= offsetof(struct ntfs_disk_standard, changed))
            s->file.mtime = ntfs_time(le64_get(standard->modified));
        break;
    case NTFS_FILE_NAME:
        take_name(s, attr);
        break;
    case NTFS_DATA:
        s->has_data = true;
        break;
    default:
        break;
    }
}

static int take_attrs(struct search *s, const struct ntfs_record *record)
{
    struct ntfs_walk *walk = &record->room->walk;
    int found = ntfs_walk_begin(s->vol, record, 0, walk);

    if (found)
        return found;
    while ((found = ntfs_walk_next(walk)) > 0)
        take_attr(s, &walk->attr);
    ntfs_walk_end(walk);
    return found;
}

/*
 * Is ERR that this record is of no use any more? What cannot be read does not
 * hide the rest, and is told at the end.
 */
static bool is_gone(struct search *s, int err)
{
    if (err == SHALE_EIO)
        s->unread = err;
    return err == SHALE_ECORRUPT || err == SHALE_ESTALE || err == SHALE_EIO ||
           err == SHALE_ENOENT || err == SHALE_ENOTSUP;
}

/* How many clusters of RUN are another's by now? */
static int run_used(struct search *s, const struct ntfs_run *run,
                    uint64_t *used)
{
    int err = 0;

    if (!s->usage)
        err = ntfs_usage_open(s->vol, &s->usage);
    if (!err)
        err = ntfs_usage_count(s->vol, s->usage, run->lcn, run->count, used);
    return err;
}

/*
 * Add up what the stream called NAME took, and what of that is lost; SIZE:
 * store that. Where it cannot be told whose clusters are, they count as lost.
 */
static int take_stream(struct search *s, const struct ntfs_record *record,
                       const uint16_t *name, size_t len, uint64_t *size)
{
    struct ntfs_volume *vol = s->vol;
    uint64_t left = vol->boot.cluster_count;
    struct ntfs_stream stream;
    int err = ntfs_stream_open(vol, record, NTFS_DATA, name, len, &stream);

    if (err <= 0)
        return err;
    err = 0;
    if (size)
        *size = stream.size;
    for (size_t i = 0; i < stream.runs.count && !err && !stream.resident;
         i++) {
        const struct ntfs_run *run = &stream.runs.list[i];
        uint64_t used = 0;

        if (run->lcn == NTFS_HOLE)
            continue;
        /* Runs that overlap could be counted for ever. */
        if (run->count > left) {
            err = SHALE_ECORRUPT;
            break;
        }
        left -= run->count;
        err = run_used(s, run, &used);
        if (err && is_gone(s, err)) {
            err = 0;
            used = run->count;
        }
        s->file.allocated += run->count << vol->boot.cluster_shift;
        s->file.lost += used << vol->boot.cluster_shift;
    }
    ntfs_stream_close(vol, &stream);
    return err;
}

/*
 * The directory that s->parent means, if it is still the one: a record that is
 * freed, or used again, has another sequence number.
 */
static int take_parent(struct search *s)
{
    uint64_t number = NTFS_REFERENCE_NUMBER(s->parent);
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(s->parent);
    struct ntfs_record *record;
    int err;

    if (s->parent == 0 || s->parent == s->known_parent) {
        s->file.parent = s->parent == 0 ? 0 : s->known_ino;
        return 0;
    }
    s->known_parent = s->parent;
    s->known_ino = 0;
    err = ntfs_record_get(s->vol, number, &record);
    if (err)
        return is_gone(s, err) ? 0 : err;
    if (record->flags & NTFS_RECORD_DIRECTORY && record->base == 0) {
        bool in_use = record->flags & NTFS_RECORD_IN_USE;

        if (in_use && (record->sequence == sequence || sequence == 0))
            s->known_ino = number;
        /* Windows counts when a record is freed. */
        if (!in_use && (uint16_t)(record->sequence - sequence) <= 1)
            s->known_ino = number | NTFS_INO_DELETED;
    }
    ntfs_record_put(s->vol, record);
    s->file.parent = s->known_ino;
    return 0;
}

static int take_record(void *context, const struct ntfs_record *record)
{
    struct search *s = context;
    bool is_dir = record->flags & NTFS_RECORD_DIRECTORY;
    int err;

    if (record->flags & NTFS_RECORD_IN_USE || record->base != 0)
        return 0;
    s->file = (struct shale_deleted){
        .ino = record->number | NTFS_INO_DELETED, .name = s->name,
        .type = is_dir ? SHALE_TYPE_DIR : SHALE_TYPE_FILE,
    };
    s->has_data = s->has_good_name = false;
    s->parent = 0;
    err = take_attrs(s, record);
    if (!err && !s->has_data && s->file.len == 0)
        return 0;               /* one of those that wait for a first use */
    if (!err && s->has_data)
        err = take_stream(s, record, NULL, 0, &s->file.size);
    if (!err && s->has_data)
        err = take_stream(s, record, ntfs_wof_name, NTFS_WOF_NAME_UNITS, NULL);
    if (!err)
        err = take_parent(s);
    if (err)
        return is_gone(s, err) ? 0 : err;
    return s->emit(s->context, &s->file);
}

int ntfs_deleted(struct shale_fs *fs, shale_deleted_fn *emit, void *context)
{
    struct ntfs_volume *vol = ntfs_volume_of(fs);
    struct search *s = shale_zalloc(fs->mem, sizeof *s);
    int err;

    if (!s)
        return SHALE_ENOMEM;
    s->vol = vol;
    s->emit = emit;
    s->context = context;
    err = ntfs_scan(vol, take_record, s);
    if (!err)
        err = s->unread;
    ntfs_usage_close(vol, s->usage);
    shale_free(fs->mem, s, sizeof *s);
    return err;
}

static void undelete_add(struct ntfs_extras *to)
{
    to->deleted_each = ntfs_deleted;
}

const struct shale_ntfs_extra shale_ntfs_undelete = { undelete_add };
