/*
 * puttree.c - files and trees of the host, into a volume
 *
 * fts(3) walks; beside it goes a stack of the directories in the volume, one
 * for each level, with NULL where there is none because it could not be made.
 */
#include <errno.h>
#include <fts.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "epoch.h"
#include "progress.h"
#include "put.h"
#include "shale/fs.h"

/* One source on its way into the volume. */
struct tree {
    struct put *put;
    FTS *fts;
    size_t source_len;          /* of its path, as given */
    struct shale_vnode *dir;    /* where it goes ... */
    const char *dir_path;       /* ... which is there ... */
    const char *name;           /* ... as; NULL: its contents go into dir */
    struct shale_vnode **levels;
    size_t capacity;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
}

bool put_interrupted(void)
{
    return interrupted != 0;
}

/* The path in the volume of what ENTRY becomes; to be freed. */
static char *path_of(const struct tree *tree, const FTSENT *entry)
{
    const char *below = entry->fts_path;
    const char *name = tree->name ? tree->name : "";
    const char *end = tree->dir_path + strlen(tree->dir_path);
    char *path;

    below += tree->source_len < entry->fts_pathlen ? tree->source_len
                                                   : entry->fts_pathlen;
    below += strspn(below, "/");
    path = xmalloc(strlen(tree->dir_path) + strlen(name) + strlen(below) + 3);
    while (end > tree->dir_path && end[-1] == '/')
        end--;
    sprintf(path, "%.*s%s%s%s%s", (int)(end - tree->dir_path), tree->dir_path,
            *name ? "/" : "", name, *below ? "/" : "", below);
    if (!*path)
        strcpy(path, "/");
    return path;
}

/* Go into directory ENTRY; what cannot be made is not walked. */
static void enter(struct tree *tree, FTSENT *entry, struct shale_vnode *parent,
                  const char *name)
{
    size_t level = (size_t)entry->fts_level;
    struct shale_vnode *vn = NULL;

    if (level >= tree->capacity) {
        tree->capacity = 2 * level + 16;
        tree->levels = xrealloc(tree->levels, tree->capacity,
                                sizeof *tree->levels);
    }
    if (tree->put->stop) {
        /* Nothing more is made. */
    } else if (!tree->put->recurse) {
        put_fail_text(tree->put, "a directory; copied with -r only");
    } else if (!name) {
        vn = tree->dir;
        shale_vnode_ref(vn);
    } else if (!put_dir(tree->put, parent, name, entry->fts_statp, &vn)) {
        vn = NULL;
    }
    tree->levels[level] = vn;
    if (!vn)
        fts_set(tree->fts, entry, FTS_SKIP);
}

/* All that is in directory ENTRY is copied. */
static void leave(struct tree *tree, const FTSENT *entry)
{
    struct shale_vnode *vn = tree->levels[entry->fts_level];

    if (vn)
        put_attr(tree->put, vn, entry->fts_statp);
    shale_vnode_put(vn);
    tree->levels[entry->fts_level] = NULL;
}

static void visit(struct tree *tree, FTSENT *entry)
{
    bool top = entry->fts_level <= 0;
    struct shale_vnode *parent = top ? tree->dir
                                     : tree->levels[entry->fts_level - 1];
    const char *name = top ? tree->name : entry->fts_name;
    struct put *put = tree->put;

    switch (entry->fts_info) {
    case FTS_D:
        enter(tree, entry, parent, name);
        break;
    case FTS_DP:
        leave(tree, entry);
        break;
    case FTS_DNR:
        put_fail_host(put, entry->fts_errno);
        leave(tree, entry);
        break;
    case FTS_DC:
        put_fail_text(put, "leads back to a directory that it is in; left "
                      "out");
        break;
    case FTS_NS:
    case FTS_ERR:
        put_fail_host(put, entry->fts_errno);
        break;
    default:
        if (name)
            put_file(put, parent, name, entry->fts_accpath, entry->fts_statp);
        else
            put_fail_host(put, ENOTDIR);
        break;
    }
}

/* Copy SOURCE to NAME, or merge it if that is NULL, in DIR at DIR_PATH. */
static void put_tree(struct put *put, const char *source,
                     struct shale_vnode *dir, const char *dir_path,
                     const char *name)
{
    struct tree tree = {
        .put = put, .source_len = strlen(source),
        .dir = dir, .dir_path = dir_path, .name = name,
    };
    FTSENT *entry;

    tree.fts = put_walk(put, source);
    if (!tree.fts) {
        put->failed++;
        put->vol->status = STATUS_FAILED;
        return;
    }
    while ((errno = 0, entry = fts_read(tree.fts)) != NULL) {
        put->stop |= put_interrupted();
        if (put->stop && entry->fts_info != FTS_DP &&
            entry->fts_info != FTS_DNR) {
            fts_set(tree.fts, entry, FTS_SKIP);
            if (entry->fts_info != FTS_D)
                continue;
        }
        put->from = entry->fts_path;
        put->to = path_of(&tree, entry);
        visit(&tree, entry);
        free(put->to);
        put->to = NULL;
    }
    if (errno)
        put_fail_host(put, errno);
    fts_close(tree.fts);
    free(tree.levels);
}

/* --------------------------------------------------------------- sources */

/* The last name of PATH, to be freed; NULL if it ends in none. */
static char *last_name(const char *path)
{
    size_t end = strlen(path), start;
    char *name;

    while (end > 0 && path[end - 1] == '/')
        end--;
    start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    name = strndup(path + start, end - start);
    if (name && *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return name;
    free(name);
    return NULL;
}

/* Copy to the name that DEST ends in, which is not there or no directory. */
static void put_to_name(struct put *put, const char *source, const char *dest)
{
    bool is_stdin = !strcmp(source, "-");
    struct stat st;
    const char *name;
    size_t len;
    struct shale_vnode *dir = volume_parent(put->vol, dest, &name, &len);
    char *copy, *dir_path;

    if (!dir) {
        put->failed++;
        return;
    }
    if (dest[strlen(dest) - 1] == '/' &&
        (is_stdin || stat(source, &st) != 0 || !S_ISDIR(st.st_mode))) {
        volume_fail_text(put->vol, dest, "no such directory");
        put->failed++;
    } else {
        copy = strndup(name, len);
        dir_path = strndup(dest, (size_t)(name - dest));
        if (copy && is_stdin)
            put_stdin(put, dir, copy, dest);
        else if (copy && dir_path)
            put_tree(put, source, dir, dir_path, copy);
        free(copy);
        free(dir_path);
    }
    shale_vnode_put(dir);
}

void put_sources(struct put *put, char **sources, int count, const char *dest)
{
    struct shale_vnode *dir;
    struct put_size size;
    int err;

    dest = *dest ? dest : "/";
    if (put->progress) {
        put_measure(put, sources, count, &size);
        progress_start(size.bytes, size.names);
    }
    err = shale_walk(put->vol->fs, NULL, dest, 0, &dir);
    if (!err && shale_vnode_type(dir) == SHALE_TYPE_DIR) {
        for (int i = 0; i < count; i++) {
            char *name = last_name(sources[i]);

            if (!strcmp(sources[i], "-"))
                volume_fail_text(put->vol, dest, "a directory; standard input "
                                 "needs a name");
            else
                put_tree(put, sources[i], dir, dest, name);
            free(name);
        }
        shale_vnode_put(dir);
    } else {
        if (!err)
            shale_vnode_put(dir);
        if (count == 1)
            put_to_name(put, sources[0], dest);
        else
            volume_fail_text(put->vol, dest, "not a directory, and there are "
                             "several files to copy");
    }
    progress_end();
}

void put_contents(struct put *put, const char *source,
                  const struct put_size *size)
{
    struct shale_vnode *root = volume_walk(put->vol, "/", 0);

    if (root) {
        if (put->progress)
            progress_start(size->bytes, size->names);
        put_tree(put, source, root, "/", NULL);
        progress_end();
    }
    shale_vnode_put(root);
}

void put_init(struct put *put, struct volume *vol)
{
    const struct sigaction act = {
        .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND,
    };
    int fd = vol->image->volume.base.fd;
    struct shale_statfs statfs;
    struct stat st;

    sigaction(SIGINT, &act, NULL);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGHUP, &act, NULL);
    put->vol = vol;
    put->buf = xmalloc(PUT_CHUNK);
    /* Where a file has holes is the host's, and not to be seen in the image. */
    if (epoch_fixed() && vol->fs->ops->holes &&
        shale_statfs(vol->fs, &statfs) == 0)
        put->hole_unit = statfs.block_size;
    if (fd >= 0 && fstat(fd, &st) == 0) {
        put->image_dev = st.st_dev;
        put->image_ino = st.st_ino;
    }
}

void put_fini(struct put *put)
{
    if (put_interrupted()) {
        report("%s: interrupted", put->vol->name);
        put->vol->status = STATUS_FAILED;
    } else if (put->stop && !put->full) {
        report("%s: the volume takes no more changes", put->vol->name);
    }
    if (put->failed)
        report("%s: %ju not copied, %ju copied", put->vol->name,
               (uintmax_t)put->failed, (uintmax_t)put->done);
    free(put->buf);
    free(put->links);
    inomap_free(&put->made);
    inomap_free(&put->links_of);
}
