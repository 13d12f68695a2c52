/*
 * cmd_change.c - commands that change volumes
 */
#include "shell.h"

#define PLAIN_FILE (SHALE_S_IFREG | 0644u)
#define DIRECTORY  (SHALE_S_IFDIR | 0755u)

/* Where something is, or is to be: a name in a directory. */
struct place {
    struct shale_fs *fs;
    struct shale_vnode *dir;
    const char *name;
    size_t len;
};

/* The place that PATH means; the directory has a reference. Tells errors. */
static int place_of(const char *path, struct place *out)
{
    const char *rest;

    out->fs = shell_fs(path, &rest);
    if (!out->fs)
        return SHALE_ENODEV;
    return shell_tell(path, shale_walk_parent(out->fs, rest, &out->dir,
                                              &out->name, &out->len));
}

static int make(const char *path, const struct shale_node *node)
{
    struct place at;
    int err = place_of(path, &at);

    if (err)
        return err;
    err = shale_create(at.dir, at.name, at.len, node, NULL);
    shale_vnode_put(at.dir);
    return shell_tell(path, err);
}

/*
 * The file at PATH, made if it is not there, and empty if EMPTY. Tells errors,
 * as make() does.
 */
static int open_to_write(const char *path, bool empty,
                         struct shale_vnode **out)
{
    const struct shale_node node = { .mode = PLAIN_FILE };
    struct place at;
    int err = place_of(path, &at);

    if (err)
        return err;
    err = shale_create(at.dir, at.name, at.len, &node, out);
    shale_vnode_put(at.dir);
    if (err != SHALE_EEXIST)
        return shell_tell(path, err);
    err = shell_find(path, out);
    if (!err && empty) {
        err = shell_tell(path, shale_truncate(*out, 0));
        if (err)
            shale_vnode_put(*out);
    }
    return err;
}

/* All LEN bytes, or an error. */
static int write_all(struct shale_vnode *file, const void *bytes, size_t len,
                     uint64_t at)
{
    int64_t done = shale_write(file, bytes, len, at);

    if (done < 0)
        return (int)done;
    return (size_t)done < len ? SHALE_ENOSPC : 0;
}

/* ------------------------------------------------------------ write, fill */

/* Write WORDS, with spaces between them and an end of line. */
static int write_words(const char *path, bool empty, char **words,
                       unsigned count)
{
    struct shale_vnode *file;
    struct shale_attr attr;
    int err = open_to_write(path, empty, &file);
    uint64_t at;

    if (err)
        return err;
    err = shale_getattr(file, &attr);
    at = attr.size;
    for (unsigned i = 0; i < count && !err; i++) {
        size_t len = text_len(words[i]);

        err = write_all(file, words[i], len, at);
        at += len;
        if (!err)
            err = write_all(file, i + 1 < count ? " " : "\n", 1, at++);
    }
    shale_vnode_put(file);
    return shell_tell(path, err);
}

static int write(char **words, unsigned count)
{
    return write_words(words[1], true, words + 2, count - 2);
}

static int append(char **words, unsigned count)
{
    return write_words(words[1], false, words + 2, count - 2);
}

/*
 * Numbers that look random and that anybody can make again: xorshift64, each
 * one's bytes from the lowest on.
 */
static uint64_t noise(uint64_t *state, uint8_t *to, size_t len)
{
    for (size_t i = 0; i < len; i += 8) {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        for (size_t j = 0; j < 8; j++)
            to[i + j] = (uint8_t)(*state >> 8 * j);
    }
    return *state;
}

static int fill(char **words, unsigned count)
{
    uint64_t size, state = 1, at = 0;
    struct shale_vnode *file;
    void *buffer;
    int err = 0;

    if (!text_number(words[2], &size))
        return shell_tell(words[2], SHALE_EINVAL);
    if (count > 3 && (!text_number(words[3], &state) || state == 0))
        return shell_tell(words[3], SHALE_EINVAL);
    buffer = shell_buffer();
    if (!buffer)
        return SHALE_ENOMEM;
    err = open_to_write(words[1], true, &file);
    if (!err) {
        while (at < size && !err) {
            size_t len = size - at < SHELL_BUFFER ? (size_t)(size - at)
                                                  : SHELL_BUFFER;

            noise(&state, buffer, SHELL_BUFFER);
            err = write_all(file, buffer, len, at);
            at += len;
        }
        shale_vnode_put(file);
        shell_tell(words[1], err);
    }
    shell_buffer_free(buffer);
    return err;
}

static int truncate(char **words, unsigned count)
{
    struct shale_vnode *file;
    uint64_t size;
    int err;

    (void)count;
    if (!text_number(words[2], &size))
        return shell_tell(words[2], SHALE_EINVAL);
    err = shell_find(words[1], &file);
    if (err)
        return err;
    err = shale_truncate(file, size);
    shale_vnode_put(file);
    return shell_tell(words[1], err);
}

/* -------------------------------------------------------------------- cp */

static int copy(struct shale_vnode *from, struct shale_vnode *to)
{
    void *buffer = shell_buffer();
    uint64_t at = 0;
    int64_t got = 1;
    int err = buffer ? 0 : SHALE_ENOMEM;

    while (!err && got > 0) {
        got = shale_read(from, buffer, SHELL_BUFFER, at);
        if (got > 0)
            err = write_all(to, buffer, (size_t)got, at);
        at += got > 0 ? (uint64_t)got : 0;
    }
    shell_buffer_free(buffer);
    return err ? err : (int)got;
}

static int cp(char **words, unsigned count)
{
    struct shale_vnode *from, *to;
    int err = shell_find(words[1], &from);

    (void)count;
    if (err)
        return err;
    if (shale_vnode_type(from) != SHALE_TYPE_FILE) {
        err = shell_tell(words[1], SHALE_EISDIR);
    } else {
        err = open_to_write(words[2], false, &to);
        if (!err) {
            if (to == from)
                err = SHALE_EINVAL;
            else
                err = shale_truncate(to, 0);
            if (!err)
                err = copy(from, to);
            shale_vnode_put(to);
            shell_tell(words[2], err);
        }
    }
    shale_vnode_put(from);
    return err;
}

/* ----------------------------------------------------------------- names */

static int mkdir(char **words, unsigned count)
{
    const struct shale_node node = { .mode = DIRECTORY };
    int err = 0;

    for (unsigned i = 1; i < count && !err; i++)
        err = make(words[i], &node);
    return err;
}

static int symlink(char **words, unsigned count)
{
    const struct shale_node node = {
        .mode = SHALE_S_IFLNK | 0777u,
        .target = words[1], .target_len = text_len(words[1]),
    };

    (void)count;
    return make(words[2], &node);
}

static int ln(char **words, unsigned count)
{
    struct shale_vnode *file;
    struct place to;
    int err = shell_find(words[1], &file);

    (void)count;
    if (err)
        return err;
    err = place_of(words[2], &to);
    if (!err) {
        err = shale_vnode_fs(file) == to.fs
                  ? shale_link(file, to.dir, to.name, to.len) : SHALE_EINVAL;
        shale_vnode_put(to.dir);
        shell_tell(words[2], err);
    }
    shale_vnode_put(file);
    return err;
}

static int rename(char **words, unsigned count)
{
    struct place from, to;
    int err = place_of(words[1], &from);

    (void)count;
    if (err)
        return err;
    err = place_of(words[2], &to);
    if (!err) {
        err = from.fs == to.fs ? shale_rename(from.dir, from.name, from.len,
                                              to.dir, to.name, to.len, 0)
                               : SHALE_EINVAL;
        shale_vnode_put(to.dir);
        shell_tell(words[2], err);
    }
    shale_vnode_put(from.dir);
    return err;
}

static int remove(const struct place *at)
{
    int err = shale_unlink(at->dir, at->name, at->len);

    return err == SHALE_EISDIR ? shale_rmdir(at->dir, at->name, at->len) : err;
}

/* What is below PATH of FS, from the leaves on. */
static int remove_below(struct shale_fs *fs, const char *path)
{
    struct walk *walk = NULL;
    int step = walk_start(fs, path, &walk), err = step;

    while (!err && (step = walk_next(walk)) > 0) {
        struct place at;

        if (step == WALK_FOUND && walk->enter)
            continue;           /* its turn comes when it is left */
        err = shale_walk_parent(fs, walk->path, &at.dir, &at.name, &at.len);
        if (!err) {
            err = remove(&at);
            shale_vnode_put(at.dir);
        }
    }
    walk_end(walk);
    return err ? err : step;
}

static int rm(char **words, unsigned count)
{
    bool all = text_equal(words[1], "-r");
    int err = all && count < 3 ? SHALE_EINVAL : 0;

    for (unsigned i = 1 + all; i < count && !err; i++) {
        struct place at;
        const char *rest;

        err = place_of(words[i], &at);
        if (err)
            break;
        err = remove(&at);
        if (err == SHALE_ENOTEMPTY && all && shell_fs(words[i], &rest)) {
            err = remove_below(at.fs, rest);
            if (!err)
                err = remove(&at);
        }
        shale_vnode_put(at.dir);
        shell_tell(words[i], err);
    }
    return err;
}

const struct command change_commands[] = {
    { "write", "PATH WORD...", "a file with these words", 2, 15, write },
    { "append", "PATH WORD...", "... at its end", 2, 15, append },
    { "fill", "PATH BYTES [SEED]", "a file of noise", 2, 3, fill },
    { "truncate", "PATH BYTES", "a file's size", 2, 2, truncate },
    { "cp", "FROM TO", "a file's bytes to another", 2, 2, cp },
    { "mkdir", "PATH...", "new directories", 1, 14, mkdir },
    { "ln", "FILE PATH", "one more name for a file", 2, 2, ln },
    { "symlink", "TARGET PATH", "a name that leads elsewhere", 2, 2, symlink },
    { "rename", "FROM TO", "another name for a file", 2, 2, rename },
    { "rm", "[-r] PATH...", "a name less, or a tree", 1, 14, rm },
    { NULL, NULL, NULL, 0, 0, NULL },
};
