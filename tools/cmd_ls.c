/*
 * cmd_ls.c - shale ls: what is in directories
 *
 * Owners are always numbers: the names that this machine has for them say
 * nothing about the image.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "columns.h"
#include "deleted.h"
#include "jsonout.h"
#include "streams.h"
#include "terminal.h"
#include "walk.h"

/* How many entries of an unsorted listing are held at a time. */
#define BATCH 4096

struct ls {
    struct volume vol;
    unsigned flags;             /* of listing_load() */
    bool details, recurse, directory, human, inodes, one, json;
    bool streams, deleted;
    bool headings;              /* "path:" before each listing */
    bool some;                  /* something has been printed */
    struct jsonout_array array;
};

/* ------------------------------------------------------------ one entry */

/* Widths of the columns of a long listing. */
struct widths {
    int ino, links, uid, gid, size;
};

static int digits(uint64_t number)
{
    int count = 1;

    while (number >= 10) {
        number /= 10;
        count++;
    }
    return count;
}

static void widen(int *width, int want)
{
    if (*width < want)
        *width = want;
}

/* SIZE as text, or the device's numbers. */
static void size_text(const struct ls *ls, const struct shale_attr *attr,
                      char out[PRINT_SIZE_MAX])
{
    enum shale_type type = shale_type_of_mode(attr->mode);

    if (type == SHALE_TYPE_CHAR || type == SHALE_TYPE_BLOCK)
        snprintf(out, PRINT_SIZE_MAX, "%u, %u", attr->rdev_major,
                 attr->rdev_minor);
    else if (ls->human)
        print_size_short(attr->size, out);
    else
        snprintf(out, PRINT_SIZE_MAX, "%" PRIu64, attr->size);
}

static struct widths measure(const struct ls *ls,
                             const struct listing_entry *entries, size_t count)
{
    struct widths w = { 1, 1, 1, 1, 1 };
    char text[PRINT_SIZE_MAX];

    for (size_t i = 0; i < count; i++) {
        const struct shale_attr *attr = &entries[i].attr;

        widen(&w.ino, digits(entries[i].ino));
        if (!entries[i].has_attr)
            continue;
        widen(&w.links, digits(attr->links));
        widen(&w.uid, digits(attr->uid));
        widen(&w.gid, digits(attr->gid));
        size_text(ls, attr, text);
        widen(&w.size, (int)strlen(text));
    }
    return w;
}

static char *path_join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    char *path = xmalloc(len + strlen(name) + 2);
    bool slash = len > 0 && dir[len - 1] != '/';

    sprintf(path, "%s%s%s", dir, slash ? "/" : "", name);
    return path;
}

/* ENTRY's path, to be freed. DIR is NULL for an operand, named by its path. */
static char *entry_path(const char *dir, const struct listing_entry *entry)
{
    return dir ? path_join(dir, entry->name) : xstrdup(entry->name);
}

/* ENTRY of DIR failed with ERR. */
static void entry_fail(struct ls *ls, const char *dir,
                       const struct listing_entry *entry, int err)
{
    char *path = entry_path(dir, entry);

    volume_fail(&ls->vol, path, err);
    free(path);
}

/*
 * The target of symlink ENTRY of DIR, terminated, in BUF of SHALE_PATH_MAX
 * bytes, and its length; having said so, 0 if it cannot be read.
 */
static size_t target_of(struct ls *ls, const char *dir,
                        const struct listing_entry *entry, char *buf)
{
    int64_t len = volume_readlink(&ls->vol, entry->ino, buf);

    if (len >= 0)
        return (size_t)len;
    entry_fail(ls, dir, entry, (int)len);
    return 0;
}

/* The inode of ENTRY of DIR could not be read: say why. */
static void say_unreadable(struct ls *ls, const char *dir,
                           const struct listing_entry *entry)
{
    struct shale_attr attr;
    int err = shale_getattr_ino(ls->vol.fs, entry->ino, &attr);

    entry_fail(ls, dir, entry, err ? err : SHALE_EIO);
}

static void print_details(struct ls *ls, const char *dir,
                          const struct listing_entry *entry,
                          const struct widths *w)
{
    const struct shale_attr *attr = &entry->attr;
    char mode[PRINT_MODE_MAX], size[PRINT_SIZE_MAX], time[PRINT_TIME_MAX],
        target[SHALE_PATH_MAX];

    if (ls->inodes)
        printf("%*" PRIu64 " ", w->ino, entry->ino);
    if (entry->has_attr) {
        print_mode(attr->mode, mode);
        size_text(ls, attr, size);
        print_time_short(attr->mtime, time);
        printf("%s %*u %*u %*u %*s %s ", mode, w->links, attr->links, w->uid,
               attr->uid, w->gid, attr->gid, w->size, size, time);
    } else {
        printf("?????????? %*s %*s %*s %*s %16s ", w->links, "?", w->uid, "?",
               w->gid, "?", w->size, "?", "?");
    }
    print_name(stdout, entry->name, entry->len);
    if (entry->has_attr && entry->type == SHALE_TYPE_SYMLINK) {
        size_t len = target_of(ls, dir, entry, target);

        fputs(" -> ", stdout);
        print_name(stdout, target, len);
    }
    putchar('\n');
}

static void print_json(struct ls *ls, const char *dir,
                       const struct listing_entry *entry)
{
    struct json *object = json_new();
    char *path = entry_path(dir, entry);
    const char *slash = strrchr(entry->name, '/');
    const char *name = slash && slash[1] ? slash + 1 : entry->name;
    char target[SHALE_PATH_MAX];

    jsonout_text(object, "name", name);
    jsonout_text(object, "path", path);
    free(path);
    jsonout_number(object, "ino", entry->ino);
    if (entry->has_attr)
        jsonout_attr(object, &entry->attr);
    else
        jsonout_text(object, "type", print_type_key(entry->type));
    if (entry->stream)
        jsonout_text(object, "stream", entry->name + entry->stream);
    if (entry->has_attr && entry->type == SHALE_TYPE_SYMLINK) {
        size_t len = target_of(ls, dir, entry, target);

        jsonout_bytes(object, "target", target, len);
    }
    jsonout_item(&ls->array, object);
}

/* ------------------------------------------------------------- listings */

static void print_rows(struct ls *ls, const struct listing_entry *entries,
                       size_t count, const char *dir)
{
    struct widths w = measure(ls, entries, count);

    for (size_t i = 0; i < count; i++) {
        const struct listing_entry *entry = &entries[i];

        if (!entry->has_attr && ls->flags & LISTING_ATTR)
            say_unreadable(ls, dir, entry);
        if (ls->json) {
            print_json(ls, dir, entry);
        } else if (ls->details) {
            print_details(ls, dir, entry, &w);
        } else if (ls->one) {
            if (ls->inodes)
                printf("%*" PRIu64 " ", w.ino, entry->ino);
            print_name(stdout, entry->name, entry->len);
            putchar('\n');
        }
    }
    if (!ls->json && !ls->details && !ls->one)
        columns_print(entries, count, terminal_width(STDOUT_FILENO));
    if (count > 0)
        ls->some = true;
}

/* Print entries of directory DIR; NULL: operands, named by their paths. */
static void print_entries(struct ls *ls, const struct listing_entry *entries,
                          size_t count, const char *dir)
{
    struct streams streams;

    if (!ls->streams) {
        print_rows(ls, entries, count, dir);
        return;
    }
    streams_add(&ls->vol, dir, entries, count, &streams);
    print_rows(ls, streams.entries, streams.count, dir);
    streams_free(&streams);
}

static void print_heading(struct ls *ls, const char *path)
{
    if (ls->json || !ls->headings)
        return;
    printf("%s", ls->some ? "\n" : "");
    print_name(stdout, path, strlen(path));
    puts(":");
    ls->some = true;
}

/* What the files of a listing take, as the first line of `ls -l` tells. */
static void print_total(const struct ls *ls, const struct listing *listing)
{
    char text[PRINT_SIZE_MAX];
    uint64_t bytes = 0;

    if (!ls->details || ls->json)
        return;
    for (size_t i = 0; i < listing->count; i++)
        bytes += listing->entries[i].attr.allocated;
    if (ls->human)
        print_size_short(bytes, text);
    else
        snprintf(text, sizeof text, "%" PRIu64, (bytes + 1023) / 1024);
    printf("total %s\n", text);
}

/* List DIR in its own order, without ever holding all of it. */
static void list_unsorted(struct ls *ls, struct shale_vnode *dir,
                          const char *path)
{
    struct listing listing = { 0 };
    uint64_t cookie = 0;
    int err;

    print_heading(ls, path);
    do {
        err = listing_load(&listing, dir, ls->flags, BATCH, &cookie);
        print_entries(ls, listing.entries, listing.count, path);
    } while (!err && listing.count == BATCH);
    if (err)
        volume_fail(&ls->vol, path, err);
    listing_free(&listing);
}

/* List DIR, a reference that is put; and all below it with -R. */
static void list_tree(struct ls *ls, struct shale_vnode *dir, const char *path)
{
    enum walk_step step;
    struct walk walk;

    if (ls->flags & LISTING_UNSORTED && !ls->recurse) {
        list_unsorted(ls, dir, path);
        shale_vnode_put(dir);
        return;
    }
    walk_init(&walk, &ls->vol, ls->flags, dir, path);
    walk.max_depth = ls->recurse ? WALK_SHOWN_MAX : 1;
    while ((step = walk_next(&walk)) != WALK_END) {
        const struct listing *listing;

        if (step != WALK_ENTER)
            continue;
        listing = &walk_top(&walk)->listing;
        print_heading(ls, walk.path);
        print_total(ls, listing);
        print_entries(ls, listing->entries, listing->count, walk.path);
        if (!ls->recurse)
            walk_skip(&walk);
    }
    walk_fini(&walk);
}

/* ------------------------------------------------------------- operands */

/* Find an operand. As ls(1): a link is followed, unless details are asked. */
static struct shale_vnode *find_operand(struct ls *ls, const char *path)
{
    struct shale_vnode *vn;

    if (!ls->details && !ls->directory && *path &&
        shale_walk(ls->vol.fs, NULL, path, 0, &vn) == 0)
        return vn;
    return volume_walk(&ls->vol, path, SHALE_WALK_NOFOLLOW);
}

/* Print operand VN as a file: itself, not what is in it. */
static void list_file(struct ls *ls, struct shale_vnode *vn, const char *path)
{
    struct listing_entry entry = {
        .name = path,
        .len = strlen(path),
        .ino = shale_vnode_ino(vn),
        .type = shale_vnode_type(vn),
    };
    int err = shale_getattr(vn, &entry.attr);

    entry.has_attr = !err;
    if (err)
        volume_fail(&ls->vol, path, err);
    else
        print_entries(ls, &entry, 1, NULL);
}

/* Files first, then directories, as ls(1). */
static void list_operands(struct ls *ls)
{
    int count = ls->vol.path_count;
    struct shale_vnode **dirs = xrealloc(NULL, (size_t)count, sizeof *dirs);

    for (int i = 0; i < count; i++) {
        const char *path = *ls->vol.paths[i] ? ls->vol.paths[i] : "/";
        struct shale_vnode *vn = find_operand(ls, path);

        dirs[i] = NULL;
        if (!vn)
            continue;
        if (shale_vnode_type(vn) == SHALE_TYPE_DIR && !ls->directory) {
            dirs[i] = vn;
            continue;
        }
        list_file(ls, vn, path);
        shale_vnode_put(vn);
    }
    for (int i = 0; i < count; i++)
        if (dirs[i])
            list_tree(ls, dirs[i], *ls->vol.paths[i] ? ls->vol.paths[i] : "/");
    free(dirs);
}

enum { OPTION_JSON = OPTION_LONG, OPTION_STREAMS, OPTION_DELETED };

static const struct command_option options_ls[] = {
    { 'a', "all", NULL, "names that begin with a dot too" },
    { 'A', "almost-all", NULL, "the same, but not . and .." },
    { 'l', "long", NULL, "with mode, links, owner, group, size and time" },
    { 'n', "numeric-uid-gid", NULL, "like -l: owners are always numbers" },
    { 'h', "human-readable", NULL, "with -l: sizes such as 1.5M" },
    { 'i', "inode", NULL, "with inode numbers" },
    { 'd', "directory", NULL, "directories themselves, not their contents" },
    { 'R', "recursive", NULL, "all directories below as well" },
    { 'U', "unsorted", NULL, "in the directory's own order, at once" },
    { '1', NULL, NULL, "one name a line, also on a terminal" },
    { 'b', "escape", NULL, "control characters as \\n, \\033 ..., always" },
    { OPTION_STREAMS, "streams", NULL, "NTFS: each file's streams after it" },
    { OPTION_DELETED, "deleted", NULL, "NTFS: what is deleted, and how much of "
      "it is lost" },
    { OPTION_JSON, "json", NULL, "one JSON array of objects" },
    { 0, NULL, NULL, NULL },
};

static void take_option(struct ls *ls, int letter)
{
    switch (letter) {
    case 'a': ls->flags |= LISTING_HIDDEN | LISTING_DOTS; break;
    case 'A': ls->flags |= LISTING_HIDDEN; break;
    case 'l':
    case 'n': ls->details = true; break;
    case 'h': ls->human = true; break;
    case 'i': ls->inodes = ls->one = true; break;
    case 'd': ls->directory = true; break;
    case 'R': ls->recurse = true; break;
    case 'U': ls->flags |= LISTING_UNSORTED; break;
    case '1': ls->one = true; break;
    case 'b': print_escape = true; break;
    case OPTION_STREAMS: ls->streams = true; break;
    case OPTION_DELETED: ls->deleted = true; break;
    default:  ls->json = true; break;
    }
}

static int cmd_ls(int argc, char **argv)
{
    struct ls ls = { .one = !isatty(STDOUT_FILENO) };
    struct options options;
    char **operands;
    int letter, status;

    options_init(&options, &command_ls, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        take_option(&ls, letter);
    if (letter == OPTIONS_STOP)
        return options.status;
    status = options_operands(&options, &operands);
    status = volume_open(&ls.vol, &options, operands, status, "/");
    if (status != STATUS_OK)
        return status;

    if (ls.deleted) {
        deleted_list(&ls.vol, ls.human, ls.json);
        return finish_output(volume_close(&ls.vol));
    }
    if (ls.streams && !streams_possible(&ls.vol)) {
        ls.vol.status = STATUS_USAGE;
        return volume_close(&ls.vol);
    }
    if (ls.details || ls.json || ls.recurse)
        ls.flags |= LISTING_ATTR;
    ls.headings = ls.recurse || ls.vol.path_count > 1;
    if (ls.json)
        jsonout_begin(&ls.array);
    list_operands(&ls);
    if (ls.json)
        jsonout_end(&ls.array);
    return finish_output(volume_close(&ls.vol));
}

const struct command command_ls = {
    .name     = "ls",
    .run      = cmd_ls,
    .operands = "IMAGE[:DIR] [PATH...]",
    .summary  = "list directories",
    .options  = options_ls,
    .image    = true,
};
