/*
 * failalloc.c - a volume is used, with one allocation failing, and the next
 *
 * What is done is a list of steps. One that fails has to say that memory was
 * short, to have changed nothing that is in the way of doing it again, and then
 * to work: only one allocation fails.
 */
#include "conform.h"

enum { SIZE = 20000 };

/* What the steps share. */
struct session {
    struct conform *c;
    struct shale_vnode *root, *dir, *file;
};

static int enough(int64_t done, int64_t len)
{
    return done < 0 ? (int)done : done < len ? SHALE_ENOMEM : 0;
}

static int mount(struct session *s)
{
    return s->c->mount(s->c);
}

static int get_root(struct session *s)
{
    return shale_vnode_get(s->c->fs, shale_root_ino(s->c->fs), &s->root);
}

static int ignore(void *context, const struct shale_dirent *entry)
{
    (void)context;
    (void)entry;
    return 0;
}

static int list_root(struct session *s)
{
    return shale_iterate(s->root, 0, SHALE_ITERATE_ATTR, ignore, NULL);
}

static int look_up(struct session *s)
{
    struct shale_vnode *vn;
    int err = conform_lookup(s->root, "no such name", &vn);

    return err == SHALE_ENOENT ? 0 : err ? err : SHALE_EEXIST;
}

static int count(struct session *s)
{
    struct shale_statfs st;

    return shale_statfs(s->c->fs, &st);
}

static int make_dir(struct session *s)
{
    return conform_make(s->root, "short of memory", CONFORM_DIR, &s->dir);
}

static int make_file(struct session *s)
{
    return conform_make(s->dir, "a file with a longer name", CONFORM_FILE,
                        &s->file);
}

static int write(struct session *s)
{
    return conform_write(s->c, s->file, 1, 0, SIZE);
}

static int append(struct session *s)
{
    return conform_write(s->c, s->file, 1, SIZE, SIZE);
}

static int read(struct session *s)
{
    int64_t got = shale_read(s->file, s->c->bytes, SIZE, 0);

    return enough(got, SIZE);
}

static int sync(struct session *s)
{
    return shale_sync(s->c->fs);
}

static int cut(struct session *s)
{
    return shale_truncate(s->file, SIZE / 3);
}

static int copy(struct session *s)
{
    return enough(shale_copy_range(s->file, 0, s->file, SIZE, 1000), 1000);
}

static int rename_file(struct session *s)
{
    return conform_rename(s->dir, "a file with a longer name", s->root,
                          "short of memory, too", 0);
}

static int list_dir(struct session *s)
{
    return shale_iterate(s->dir, 0, SHALE_ITERATE_ATTR, ignore, NULL);
}

static int shrink(struct session *s)
{
    shale_fs_shrink(s->c->fs);
    return 0;
}

static int unlink(struct session *s)
{
    return conform_unlink(s->root, "short of memory, too");
}

static int put_file(struct session *s)
{
    shale_vnode_put(s->file);
    return 0;
}

static int remove_dir(struct session *s)
{
    return conform_rmdir(s->root, "short of memory");
}

static int put_dir(struct session *s)
{
    shale_vnode_put(s->dir);
    return 0;
}

static int put_root(struct session *s)
{
    shale_vnode_put(s->root);
    return 0;
}

static int unmount(struct session *s)
{
    return s->c->unmount(s->c);
}

static const struct step {
    const char *name;
    int (*run)(struct session *s);
    bool writes;                /* not on a volume that is read-only */
} steps[] = {
    { "mount", mount, false },
    { "the root", get_root, false },
    { "list the root", list_root, false },
    { "look up", look_up, false },
    { "count", count, false },
    { "make a directory", make_dir, true },
    { "make a file", make_file, true },
    { "write", write, true },
    { "read", read, true },
    { "sync", sync, true },
    { "forget what is cached", shrink, false },
    { "append", append, true },
    { "cut", cut, true },
    { "copy", copy, true },
    { "rename", rename_file, true },
    { "list the directory", list_dir, true },
    { "sync again", sync, true },
    { "unlink", unlink, true },
    { "let the file go", put_file, true },
    { "remove the directory", remove_dir, true },
    { "let the directory go", put_dir, true },
    { "let the root go", put_root, false },
    { "unmount", unmount, false },
};

/* All steps, the first of which is the mount. */
static const char *one_session(struct session *s, bool *failed)
{
    struct shale_mem *mem = s->c->mem;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        int err;

        if (steps[i].writes && shale_fs_read_only(s->c->fs))
            continue;
        err = steps[i].run(s);
        if (err == 0)
            continue;
        if (err != SHALE_ENOMEM || !shale_mem_failed(mem) || *failed)
            return steps[i].name;
        *failed = true;
        if (steps[i].run(s) != 0)
            return steps[i].name;
    }
    *failed = shale_mem_failed(mem);
    return NULL;
}

static size_t live_bytes(struct shale_mem *mem)
{
    struct shale_mem_stats stats;

    shale_mem_stats(mem, &stats);
    return stats.live;
}

const char *conform_failalloc(struct conform *c, uint64_t step,
                              uint64_t *rounds)
{
    uint8_t *bytes = shale_alloc(c->mem, CONFORM_ROOM);
    size_t live = live_bytes(c->mem);
    const char *wrong = NULL;
    bool failed = true;

    MUST(bytes != NULL);
    c->bytes = bytes;
    *rounds = 0;
    for (uint64_t n = 0; failed && !wrong; n += step) {
        struct session s = { .c = c };

        failed = false;
        shale_mem_fail_at(c->mem, n);
        wrong = one_session(&s, &failed);
        shale_mem_fail_at(c->mem, UINT64_MAX);
        ++*rounds;
        if (!wrong && live_bytes(c->mem) != live)
            wrong = "memory is left";
        if (!wrong)
            wrong = shale_mem_check(c->mem);
    }
    shale_free(c->mem, bytes, CONFORM_ROOM);
    return wrong;
}
