/*
 * paths.c - what a record is called
 *
 * A record says its name and which record that is in, so a path is found from
 * its end. It stops where a directory is not there any more, or after more
 * levels than a path has room for: then it is not known.
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define PATH_MAX_BYTES 32768u

/* A path that grows from its end to its beginning. */
struct tail {
    char *bytes;                /* PATH_MAX_BYTES of them */
    size_t at;                  /* where it begins so far */
    bool based;                 /* it began at a part of a file's record */
};

static bool tail_put(struct tail *tail, const char *bytes, size_t len)
{
    if (len > tail->at)
        return false;
    tail->at -= len;
    memcpy(tail->bytes + tail->at, bytes, len);
    return true;
}

/* The name of RECORD's file that people know: not the one for DOS, if there is
   another. It is in *RECORD, as long as that is held. 1, or 0: none. */
static int name_find(struct ntfs_check *nc, const struct ntfs_record *record,
                     struct ntfs_name *out, char *text, size_t *len)
{
    struct ntfs_walk walk;
    const struct ntfs_attr *attr = &walk.attr;
    struct ntfs_name name;
    bool found = false;
    int more = ntfs_walk_begin(nc->vol, record, NTFS_FILE_NAME, &walk);

    if (more)
        return more;
    while ((more = ntfs_walk_next(&walk)) > 0) {
        if (!attr->resident ||
            ntfs_name_decode(attr->value, attr->value_length, &name) ||
            (found && name.space == NTFS_DOS))
            continue;
        *out = name;
        *len = ntfs_name_text(&name, text);
        found = true;
        if (name.space != NTFS_DOS)
            break;
    }
    ntfs_walk_end(&walk);
    return more == SHALE_ENOMEM ? more : found;
}

/* Put NUMBER's name before TAIL, and go on to the directory that it is in.
   False: it is not known. */
static int climb(struct ntfs_check *nc, uint64_t *number, struct tail *tail,
                 bool *known)
{
    struct ntfs_record *record;
    char text[NTFS_NAME_BYTES];
    struct ntfs_name name = { .parent = 0 };
    size_t len = 0;
    int err = ntfs_record_get(nc->vol, *number, &record);

    *known = false;
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    if (record->base) {
        /* An extension is called what its file is, which is none itself: so
           those that belong to each other come to an end. */
        *number = NTFS_REFERENCE_NUMBER(record->base);
        *known = tail->at == PATH_MAX_BYTES && !tail->based;
        tail->based = true;
    } else {
        err = name_find(nc, record, &name, text, &len);
        *known = err > 0 && tail_put(tail, text, len) &&
                 tail_put(tail, "/", 1);
        if (err > 0)
            *number = NTFS_REFERENCE_NUMBER(name.parent);
    }
    ntfs_record_put(nc->vol, record);
    return err == SHALE_ENOMEM ? err : 0;
}

static int path_find(struct ntfs_check *nc, struct check_path *path,
                     struct tail *tail)
{
    uint64_t number = path->number;
    bool known = true;
    int err = 0;

    tail->at = PATH_MAX_BYTES;
    tail->based = false;
    while (number != NTFS_ROOT && known && !err) {
        err = check_going(nc->check);
        if (!err)
            err = climb(nc, &number, tail, &known);
    }
    if (err || !known)
        return err;
    if (tail->at == PATH_MAX_BYTES)
        tail_put(tail, "/", 1);
    return check_path_set(nc->check, path, tail->bytes + tail->at,
                          PATH_MAX_BYTES - tail->at);
}

int ntfs_check_paths(struct check *check, struct check_path *paths,
                     size_t count)
{
    struct ntfs_check *nc = ntfs_check_of(check);
    struct tail tail;
    int err = 0;

    if (!nc || !nc->fs)
        return 0;
    tail.bytes = check_alloc(check, PATH_MAX_BYTES);
    if (!tail.bytes)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < count && !err; i++)
        if (paths[i].object == SHALE_OBJECT_RECORD)
            err = path_find(nc, &paths[i], &tail);
    check_free(check, tail.bytes, PATH_MAX_BYTES);
    return err;
}
