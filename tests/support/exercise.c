/*
 * exercise.c - touch everything that a volume has
 *
 * Directories wait in a queue by inode number, each put there once, so a
 * directory that contains itself ends like any other.
 */
#include "exercise.h"

#include <stdlib.h>
#include <string.h>

#include "shale/fs.h"

enum { BUFFER = 1 << 17 };

struct name {
    char text[SHALE_NAME_MAX + 1];
    size_t len;
    uint64_t ino;
};

struct walk {
    struct shale_fs *fs;
    struct exercise *x;
    uint64_t *queue;            /* inode numbers of directories, all found */
    size_t queued, queue_room;
    struct name *names;         /* of one directory */
    size_t named, names_room;
    char *buf;                  /* BUFFER bytes */
};

static void note_error(struct exercise *x, int64_t err)
{
    if (err >= 0)
        return;
    for (unsigned i = 0; i < x->error_count; i++)
        if (x->errors[i] == (int)err)
            return;
    if (x->error_count < EXERCISE_ERRORS)
        x->errors[x->error_count++] = (int)err;
}

/* FNV-1a, over everything seen. */
static void add(struct exercise *x, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++)
        x->sum = (x->sum ^ at[i]) * 0x100000001b3u;
}

static void add_number(struct exercise *x, uint64_t number)
{
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(number >> (8 * i));
    add(x, bytes, sizeof bytes);
}

/* May one more of what USED counts be done? */
static bool within(struct exercise *x, uint64_t *used, uint64_t max)
{
    if (*used >= max) {
        x->cut_short = true;
        return false;
    }
    (*used)++;
    return true;
}

static void *grow(void *array, size_t *room, size_t size)
{
    *room = *room * 2 + 16;
    array = realloc(array, *room * size);
    if (!array)
        abort();
    return array;
}

/* -------------------------------------------------------------- one file */

static void read_data(struct walk *w, struct shale_vnode *file, uint64_t from,
                      uint64_t to, uint64_t *file_bytes)
{
    struct exercise *x = w->x;

    while (from < to && *file_bytes < x->max_file_bytes &&
           x->bytes < x->max_bytes) {
        uint64_t left = to - from;
        int64_t got = shale_read(file, w->buf,
                                 left < BUFFER ? (size_t)left : BUFFER, from);

        note_error(x, got);
        if (got > 0)
            add(x, w->buf, (size_t)got);
        /* After an error, go on behind it: the rest may be sound. */
        left = got > 0 ? (uint64_t)got : BUFFER;
        from += left;
        *file_bytes += left;
        x->bytes += left;
    }
    if (from < to)
        x->cut_short = true;
}

static void read_file(struct walk *w, struct shale_vnode *file, uint64_t size)
{
    struct exercise *x = w->x;
    uint64_t bytes = 0;
    int64_t data = 0, hole;
    char tail[2];

    while (within(x, &x->steps, x->max_steps)) {
        data = shale_seek_data(file, (uint64_t)data);
        if (data < 0)
            break;
        hole = shale_seek_hole(file, (uint64_t)data);
        note_error(x, hole);
        if (hole <= data)
            break;
        read_data(w, file, (uint64_t)data, (uint64_t)hole, &bytes);
        data = hole;
    }
    if (data < 0 && data != SHALE_ENXIO)
        note_error(x, data);

    /* The first bytes whatever they are, and the last with the end. */
    note_error(x, shale_read(file, w->buf, 4096, 0));
    if (size > 0)
        note_error(x, shale_read(file, tail, sizeof tail, size - 1));
}

static void map_file(struct walk *w, struct shale_vnode *file, uint64_t size)
{
    struct exercise *x = w->x;
    struct shale_extent extent;
    uint64_t at = 0;

    while (at < size && within(x, &x->steps, x->max_steps)) {
        int err = shale_map(file, at, size - at, &extent);

        note_error(x, err);
        if (err)
            return;
        add_number(x, extent.length ^ extent.device);
        if (extent.offset != at || extent.length == 0 ||
            extent.length > size - at)
            abort();            /* what the contract rules out */
        at += extent.length;
    }
}

/* Attributes that no list tells of; most files have some of them. */
static void read_unlisted(struct walk *w, struct shale_vnode *vn)
{
    static const char *const names[] = {
        "system.ntfs_attrib", "system.ntfs_times", "system.ntfs_acl",
        "system.ntfs_reparse_data", "system.ntfs_object_id",
        "system.ntfs_dos_name", "system.ntfs_ea", "system.ntfs_efsinfo",
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        int64_t got = shale_getxattr(vn, names[i], w->buf, BUFFER);

        if (got != SHALE_ENODATA && got != SHALE_ENOTSUP &&
            got != SHALE_EPERM && got != SHALE_EMLINK)
            note_error(w->x, got);
        if (got > 0)
            add(w->x, w->buf, (size_t)got);
    }
}

static void read_xattrs(struct walk *w, struct shale_vnode *vn)
{
    struct exercise *x = w->x;
    int64_t len = shale_listxattr(vn, w->buf, BUFFER / 2);
    char *value = w->buf + BUFFER / 2;

    if (len != SHALE_ENOTSUP)
        note_error(x, len);
    for (int64_t at = 0; at < len;
         at += (int64_t)strlen(w->buf + at) + 1) {
        int64_t got = shale_getxattr(vn, w->buf + at, value, BUFFER / 2);

        add(x, w->buf + at, strlen(w->buf + at));
        /* A corrupt volume may list a name that cannot be asked for. */
        if (got != SHALE_ENODATA)
            note_error(x, got);
        if (got > 0)
            add(x, value, (size_t)got);
    }
    read_unlisted(w, vn);
}

static void queue_dir(struct walk *w, uint64_t ino)
{
    for (size_t i = 0; i < w->queued; i++)
        if (w->queue[i] == ino)
            return;
    if (w->queued == w->queue_room)
        w->queue = grow(w->queue, &w->queue_room, sizeof *w->queue);
    w->queue[w->queued++] = ino;
}

static void add_attr(struct exercise *x, const struct shale_attr *attr)
{
    add_number(x, attr->ino);
    add_number(x, attr->size);
    add_number(x, attr->mode);
    add_number(x, (uint64_t)attr->uid << 32 | attr->gid);
    add_number(x, attr->links);
    add_number(x, (uint64_t)attr->mtime.sec ^ attr->mtime.nsec);
}

static void take_vnode(struct walk *w, struct shale_vnode *vn)
{
    struct exercise *x = w->x;
    struct shale_attr attr;
    int64_t len;
    int err = shale_getattr(vn, &attr);

    x->files++;
    note_error(x, err);
    if (err)
        return;
    add_attr(x, &attr);
    read_xattrs(w, vn);
    switch (shale_vnode_type(vn)) {
    case SHALE_TYPE_DIR:
        queue_dir(w, attr.ino);
        break;
    case SHALE_TYPE_FILE:
        read_file(w, vn, attr.size);
        map_file(w, vn, attr.size);
        break;
    case SHALE_TYPE_SYMLINK:
        len = shale_readlink(vn, w->buf, SHALE_PATH_MAX);
        note_error(x, len);
        if (len > 0)
            add(x, w->buf, (size_t)len);
        break;
    default:
        break;
    }
}

/* ---------------------------------------------------------- directories */

static int take_name(void *context, const struct shale_dirent *entry)
{
    struct walk *w = context;
    struct name *name;

    if (!within(w->x, &w->x->entries, w->x->max_entries))
        return 1;
    if (w->named == w->names_room)
        w->names = grow(w->names, &w->names_room, sizeof *w->names);
    name = &w->names[w->named++];
    if (entry->len < 1 || entry->len > SHALE_NAME_MAX)
        abort();                /* what the contract rules out */
    memcpy(name->text, entry->name, entry->len);
    name->text[entry->len] = '\0';
    name->len = entry->len;
    name->ino = entry->ino;
    return 0;
}

static void take_dir(struct walk *w, uint64_t ino)
{
    static const char absent[] = "no such name, hopefully";
    struct exercise *x = w->x;
    struct shale_vnode *dir, *vn;
    int err = shale_vnode_get(w->fs, ino, &dir);

    note_error(x, err);
    if (err)
        return;
    w->named = 0;
    err = shale_iterate(dir, 0, SHALE_ITERATE_ATTR, take_name, w);
    note_error(x, err);
    for (size_t i = 0; i < w->named; i++) {
        const struct name *name = &w->names[i];
        struct shale_attr attr;

        add(x, name->text, name->len);
        err = shale_lookup(dir, name->text, name->len, &vn);
        note_error(x, err);
        if (!err) {
            if (i > 1)
                take_vnode(w, vn);
            shale_vnode_put(vn);
        }
        note_error(x, shale_getattr_ino(w->fs, name->ino, &attr));
    }
    err = shale_lookup(dir, absent, sizeof absent - 1, &vn);
    if (!err)
        shale_vnode_put(vn);
    else if (err != SHALE_ENOENT)
        note_error(x, err);
    shale_vnode_put(dir);
}

/* --------------------------------------------------------- whole volumes */

static void text(struct shale_describe *to, const char *key, const char *value)
{
    (void)to;
    (void)key;
    (void)value;
}

static void number(struct shale_describe *to, const char *key, uint64_t value)
{
    (void)to;
    (void)key;
    (void)value;
}

static void time_at(struct shale_describe *to, const char *key, int64_t value)
{
    (void)to;
    (void)key;
    (void)value;
}

/* The numbers of deleted files. */
struct gone {
    uint64_t inos[64];
    size_t count;
};

static int take_gone(void *context, const struct shale_deleted *file)
{
    struct gone *gone = context;

    gone->inos[gone->count++] = file->ino;
    return gone->count == sizeof gone->inos / sizeof gone->inos[0];
}

static void take_deleted(struct walk *w)
{
    struct gone gone = { .count = 0 };
    struct shale_vnode *vn;
    int err = shale_deleted_iterate(w->fs, take_gone, &gone);

    if (err != SHALE_ENOTSUP)
        note_error(w->x, err);
    for (size_t i = 0; i < gone.count; i++) {
        err = shale_vnode_get(w->fs, gone.inos[i], &vn);
        note_error(w->x, err);
        if (err)
            continue;
        if (shale_vnode_type(vn) != SHALE_TYPE_DIR)
            take_vnode(w, vn);
        shale_vnode_put(vn);
    }
}

static void take_volume(struct walk *w)
{
    struct shale_describe sink = { text, number, time_at, text };
    struct shale_statfs st;
    struct shale_vnode *vn;

    note_error(w->x, shale_statfs(w->fs, &st));
    note_error(w->x, shale_describe(w->fs, &sink));
    if (shale_walk(w->fs, NULL, "/..//./", 0, &vn) == 0) {
        take_vnode(w, vn);
        shale_vnode_put(vn);
    }
}

int exercise(struct shale_fs *fs, struct exercise *x)
{
    struct walk w = { .fs = fs, .x = x, .buf = malloc(BUFFER) };

    if (!w.buf)
        abort();
    if (x->max_entries == 0)
        x->max_entries = 1000000;
    if (x->max_bytes == 0)
        x->max_bytes = (uint64_t)256 << 20;
    if (x->max_file_bytes == 0)
        x->max_file_bytes = (uint64_t)128 << 20;
    if (x->max_steps == 0)
        x->max_steps = 1000000;
    x->sum = 0xcbf29ce484222325u;

    take_volume(&w);
    queue_dir(&w, shale_root_ino(fs));
    for (size_t i = 0; i < w.queued; i++)
        take_dir(&w, w.queue[i]);
    take_deleted(&w);
    shale_fs_shrink(fs);

    free(w.queue);
    free(w.names);
    free(w.buf);
    return x->error_count > 0 ? x->errors[0] : 0;
}
