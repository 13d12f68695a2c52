/*
 * streams.c - the streams of files, as entries of a listing
 *
 * The library shows streams as extended attributes; "user.NAME" is the stream
 * NAME. Here they become what Windows calls them, "file:NAME".
 */
#include <stdlib.h>
#include <string.h>

#include "streams.h"

#define PREFIX "user."
/* Not a stream: how an encrypted file's keys are shown with efs_raw. */
#define NO_STREAM "user.ntfs.efsinfo"

bool streams_possible(struct volume *vol)
{
    static const char option[] = "streams_interface";
    const struct shale_fs_ops *driver =
        shale_driver_named(shale_fs_name(vol->fs));

    if (driver && shale_driver_has_option(driver, option, strlen(option)))
        return true;
    report("%s: files on %s have no streams", vol->name,
           shale_fs_name(vol->fs));
    return false;
}

static struct listing_entry *append(struct streams *streams)
{
    if (streams->count == streams->capacity) {
        streams->capacity = streams->capacity * 2 + 64;
        streams->entries = xrealloc(streams->entries, streams->capacity,
                                    sizeof *streams->entries);
    }
    return &streams->entries[streams->count++];
}

/* Add the stream NAME, SIZE bytes long, of FILE. */
static void add_stream(struct streams *streams,
                       const struct listing_entry *file, const char *name,
                       uint64_t size)
{
    struct listing_entry *entry = append(streams);
    size_t len = strlen(name);
    char *text = xmalloc(file->len + len + 2);

    sprintf(text, "%s:%s", file->name, name);
    *entry = *file;
    entry->name = text;
    entry->len = file->len + 1 + len;
    entry->stream = file->len + 1;
    entry->type = SHALE_TYPE_FILE;
    entry->attr.mode = SHALE_S_IFREG | (file->attr.mode & 07777);
    entry->attr.size = size;
}

/* The reason ENTRY's streams cannot be had. */
static void fail(struct volume *vol, const char *dir,
                 const struct listing_entry *entry, int err)
{
    char *path = xmalloc((dir ? strlen(dir) : 0) + entry->len + 2);

    sprintf(path, "%s%s%s", dir ? dir : "", dir ? "/" : "", entry->name);
    volume_fail(vol, path, err);
    free(path);
}

/* Add the streams of VN, which is ENTRY's. */
static int add_streams(struct streams *streams, struct shale_vnode *vn,
                       const struct listing_entry *entry)
{
    char *names;
    int64_t len = volume_xattr_names(vn, &names);
    int err = 0;

    if (len < 0)
        return (int)len;
    for (char *at = names; at < names + len && !err; at += strlen(at) + 1) {
        int64_t size;

        if (strncmp(at, PREFIX, strlen(PREFIX)) != 0 ||
            strcmp(at, NO_STREAM) == 0)
            continue;
        size = shale_getxattr(vn, at, NULL, 0);
        if (size >= 0)
            add_stream(streams, entry, at + strlen(PREFIX), (uint64_t)size);
        else
            err = (int)size;
    }
    free(names);
    return err;
}

void streams_add(struct volume *vol, const char *dir,
                 const struct listing_entry *entries, size_t count,
                 struct streams *out)
{
    *out = (struct streams){ NULL, 0, 0 };
    for (size_t i = 0; i < count; i++) {
        struct shale_vnode *vn;
        int err;

        *append(out) = entries[i];
        err = shale_vnode_get(vol->fs, entries[i].ino, &vn);
        if (!err) {
            err = add_streams(out, vn, &entries[i]);
            shale_vnode_put(vn);
        }
        if (err)
            fail(vol, dir, &entries[i], err);
    }
}

void streams_free(struct streams *streams)
{
    for (size_t i = 0; i < streams->count; i++)
        if (streams->entries[i].stream)
            free((void *)(uintptr_t)streams->entries[i].name);
    free(streams->entries);
}
