/*
 * run.c - operations carried out on a filesystem and on the model, compared
 */
#include "run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shale/err.h"
#include "shale/shale.h"

enum { BUFFER = 1 << 20 };

static bool wrong(struct run *run, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(run->why, sizeof run->why, format, args);
    va_end(args);
    for (run->kind = 0; *format; format++)
        run->kind = run->kind * 31 + (unsigned char)*format;
    return false;
}

static bool check_image(struct run *run)
{
    struct backend *backend = run->backend;
    char said[1200];

    if (fatcheck_run(&run->check, backend->image, backend->size) != 0)
        return wrong(run, "the image: %s", run->check.said);
    if (run->fsck && run->fsck(run->context, said, sizeof said) != 0)
        return wrong(run, "fsck.fat: %s", said);
    return run_compare_image(run);
}

bool run_init(struct run *run, struct backend *backend)
{
    int err;

    memset(run, 0, sizeof *run);
    model_init(&run->model);
    run->model.folds_case = true;
    run->model.file_max = UINT32_MAX;
    run->model.name_max = 255;
    run->backend = backend;
    run->buf_size = BUFFER;
    run->buf = need(run->buf_size);
    err = backend->start(backend);
    if (err)
        return wrong(run, "mount: %s: %s", shale_strerror(err), backend->why);
    return true;
}

void run_fini(struct run *run)
{
    model_fini(&run->model);
    fatcheck_free(&run->check);
    free(run->buf);
}

/* ------------------------------------------------------- comparing trees */

struct compare {
    struct run *run;
    struct node *dir;
    const char *path;
    size_t seen;
    bool good;
};

static void compare_one(void *context, const struct seen *seen)
{
    struct compare *c = context;
    struct entry *entry = model_find(&c->run->model, c->dir, seen->name,
                                     seen->len);
    const struct node *node;

    c->seen++;
    if (!c->good)
        return;
    if (!entry || strlen(entry->name) != seen->len ||
        memcmp(entry->name, seen->name, seen->len) != 0) {
        c->good = wrong(c->run, "%s has '%.*s', which is %s%s", c->path,
                        (int)seen->len, seen->name, entry ? "called " : "not "
                        "there", entry ? entry->name : "");
        return;
    }
    node = entry->node;
    if (node->is_dir != seen->is_dir)
        c->good = wrong(c->run, "%s/%s is of the wrong type", c->path,
                        entry->name);
    else if (!node->is_dir && node->size != seen->size)
        c->good = wrong(c->run, "%s/%s has %" PRIu64 " bytes, not %zu",
                        c->path, entry->name, seen->size, node->size);
    else if (node->mtime >= 0 && node->mtime != seen->mtime)
        c->good = wrong(c->run, "%s/%s was modified at %" PRId64 ", not "
                        "%" PRId64, c->path, entry->name, seen->mtime,
                        node->mtime);
}

static bool compare_file(struct run *run, const char *path,
                         const struct node *file)
{
    for (size_t at = 0; at < file->size;) {
        size_t len = file->size - at;
        int64_t got;

        if (len > run->buf_size)
            len = run->buf_size;
        got = run->backend->read(run->backend, path, run->buf, len, at);
        if (got != (int64_t)len)
            return wrong(run, "%s: reading %zu at %zu: %" PRId64 " %s", path,
                         len, at, got, run->backend->why);
        for (size_t i = 0; i < len; i++)
            if (run->buf[i] != file->bytes[at + i])
                return wrong(run, "%s: byte %zu of %zu is %02x, not %02x",
                             path, at + i, file->size, run->buf[i],
                             file->bytes[at + i]);
        at += len;
    }
    return true;
}

static bool compare_dir(struct run *run, const char *path, struct node *dir)
{
    struct compare c = { run, dir, path, 0, true };
    int err = run->backend->list(run->backend, path[0] ? path : "/",
                                 compare_one, &c);

    if (err)
        return wrong(run, "listing %s: %s: %s", path, shale_strerror(err),
                     run->backend->why);
    if (c.good && c.seen != dir->count)
        c.good = wrong(run, "%s has %zu entries, not %zu", path, c.seen,
                       dir->count);
    for (size_t i = 0; c.good && i < dir->count; i++) {
        const struct entry *entry = &dir->entries[i];
        size_t size = strlen(path) + strlen(entry->name) + 2;
        char *below = need(size);

        snprintf(below, size, "%s/%s", path, entry->name);
        if (entry->node->is_dir)
            c.good = compare_dir(run, below, entry->node);
        else if (!run->names_only)
            c.good = compare_file(run, below, entry->node);
        free(below);
    }
    return c.good;
}

bool run_compare(struct run *run)
{
    return compare_dir(run, "", run->model.root);
}

static bool compare_entry(struct run *run, const struct fatcheck_entry *entry,
                          const struct node *node)
{
    const char *path = fatcheck_path(&run->check, entry);

    if (node->is_dir != entry->is_dir)
        return wrong(run, "in the image, %s is of the wrong type", path);
    if (node->is_dir)
        return true;
    if (node->size != entry->size)
        return wrong(run, "in the image, %s has %u bytes, not %zu", path,
                     entry->size, node->size);
    for (size_t at = 0; at < node->size;) {
        size_t len = node->size - at;

        if (len > run->buf_size)
            len = run->buf_size;
        if (!fatcheck_read(&run->check, entry, run->buf, len, at) ||
            memcmp(run->buf, node->bytes + at, len) != 0)
            return wrong(run, "in the image, %s has wrong bytes at %zu or "
                         "later", path, at);
        at += len;
    }
    return true;
}

bool run_compare_image(struct run *run)
{
    const struct fatcheck *check = &run->check;
    struct node **nodes = need(check->count * sizeof *nodes);
    size_t *counts = need(check->count * sizeof *counts);
    bool good = true;

    nodes[0] = run->model.root;
    for (size_t i = 1; good && i < check->count; i++) {
        const struct fatcheck_entry *entry = &check->entries[i];
        const char *name = fatcheck_name(check, entry);
        struct entry *want = model_find(&run->model, nodes[entry->parent],
                                        name, strlen(name));

        if (!want || strcmp(want->name, name) != 0) {
            good = wrong(run, "in the image is %s, which should not be there",
                         fatcheck_path(check, entry));
            break;
        }
        nodes[i] = want->node;
        counts[entry->parent]++;
        good = compare_entry(run, entry, want->node);
    }
    for (size_t i = 0; good && i < check->count; i++)
        if (nodes[i]->is_dir && counts[i] != nodes[i]->count)
            good = wrong(run, "in the image, %s has %zu entries, not %zu",
                         fatcheck_path(check, &check->entries[i]), counts[i],
                         nodes[i]->count);
    free(nodes);
    free(counts);
    return good;
}

/* ------------------------------------------------------------ operations */

bool run_remount(struct run *run)
{
    struct backend *backend = run->backend;
    int err = backend->stop(backend);

    run->remounts++;
    for (unsigned i = 0; i < OP_SLOTS; i++) {
        struct op op = { .kind = OP_CLOSE, .a = i };

        model_op(&run->model, &op, true, 0);
    }
    if (err)
        return wrong(run, "unmount: %s: %s", shale_strerror(err),
                     backend->why);
    if (!check_image(run))
        return false;
    err = backend->start(backend);
    if (err)
        return wrong(run, "mount: %s: %s", shale_strerror(err), backend->why);
    return true;
}

/* The most clusters of UNIT bytes that OP can take. */
static uint64_t clusters_for(const struct run *run, const struct op *op,
                             uint64_t unit)
{
    struct node *file;
    uint64_t end;

    switch (op->kind) {
    case OP_CREATE:
    case OP_RENAME:
        return 700 / unit + 2;  /* 21 slots, in a directory that is full */
    case OP_MKDIR:
        return 700 / unit + 3;
    default:
        break;
    }
    if (model_walk(&run->model, op->kind == OP_COPY ? op->to : op->path,
                   &file) != 0)
        return 0;
    switch (op->kind) {
    case OP_TRUNCATE:
        end = op->a;
        break;
    case OP_APPEND:
        end = file->size + op->b;
        break;
    case OP_COPY:
        end = op->c + op->b;
        break;
    default:
        end = op->a + op->b;
        break;
    }
    if (end <= file->size)
        return 0;
    return (end + unit - 1) / unit - (file->size + unit - 1) / unit;
}

/* An exchange that is put back has touched the directories. */
static void forget_times(struct run *run, const char *path)
{
    char *dir = need_copy(path);
    struct node *node;

    *strrchr(dir, '/') = '\0';
    if (model_walk(&run->model, dir, &node) == 0)
        node->mtime = -1;
    free(dir);
}

/* Was SHALE_ENOSPC the right answer? */
static bool is_full(struct run *run, const struct op *op)
{
    uint64_t unit = 512, needed;
    int64_t left = run->backend->free_bytes(run->backend, &unit);
    const char *path = op->kind == OP_RENAME ? op->to : op->path;

    run->refused++;
    if (op->kind == OP_RENAME) {
        forget_times(run, op->path);
        forget_times(run, op->to);
    }
    if (left < 0)
        return wrong(run, "statfs: %s", shale_strerror((int)left));
    /* The root of FAT12 and FAT16 has its own end. */
    if ((op->kind == OP_CREATE || op->kind == OP_MKDIR ||
         op->kind == OP_RENAME) &&
        (strrchr(path, '/') == path || strrchr(op->path, '/') == op->path))
        return true;
    needed = clusters_for(run, op, unit);
    if ((uint64_t)left / unit >= needed)
        return wrong(run, "%s: no space, but %" PRId64 " bytes are free and %"
                     PRIu64 " needed", op_name(op->kind), left,
                     needed * unit);
    return run->refused % 8 != 0 || run_compare(run);
}

static bool takes_space(enum op_kind kind)
{
    return kind == OP_CREATE || kind == OP_MKDIR || kind == OP_RENAME ||
           kind == OP_WRITE || kind == OP_APPEND || kind == OP_TRUNCATE ||
           kind == OP_ALLOCATE || kind == OP_COPY;
}

/* May a name be refused with GOT? A change of case alone, told not to replace
   anything, may see itself in the way or not. */
static bool either_way(const struct run *run, const struct op *op, int64_t got)
{
    struct node *node, *to;

    return op->kind == OP_RENAME && op->a == SHALE_RENAME_NOREPLACE &&
           (got == 0 || got == SHALE_EEXIST) &&
           model_walk(&run->model, op->path, &node) == 0 &&
           model_walk(&run->model, op->to, &to) == 0 && node == to;
}

static bool check_read(struct run *run, const struct op *op, int64_t got)
{
    struct node *file;

    if (op->kind != OP_READ || got <= 0)
        return true;
    if (model_walk(&run->model, op->path, &file) != 0)
        return false;
    for (size_t i = 0; i < (size_t)got; i++)
        if (run->buf[i] != file->bytes[op->a + i])
            return wrong(run, "byte %zu read is %02x, not %02x",
                         (size_t)op->a + i, run->buf[i],
                         file->bytes[op->a + i]);
    return true;
}

bool run_op(struct run *run, const struct op *op)
{
    int64_t want, got;

    run->done++;
    if (op->kind == OP_COMPARE)
        return run_compare(run);
    if (op->kind == OP_REMOUNT)
        return run_remount(run);
    want = model_op(&run->model, op, false, 0);
    if (op->kind == OP_READ && op->b > run->buf_size) {
        run->buf_size = (size_t)op->b;
        run->buf = need_more(run->buf, run->buf_size);
    }
    run->backend->why[0] = '\0';
    got = run->backend->op(run->backend, op, run->buf);
    if (got == want) {
        if (!check_read(run, op, got))
            return false;
        model_op(&run->model, op, got >= 0, (uint64_t)got);
        return true;
    }
    if (got == SHALE_ENOSPC && want >= 0 && takes_space(op->kind))
        return is_full(run, op);
    if (got > 0 && got < want && op->kind != OP_READ) {
        struct op rest = *op;

        /* What has been done stays; the rest has to have had a reason. */
        model_op(&run->model, op, true, (uint64_t)got);
        rest.b -= (uint64_t)got;
        if (op->kind != OP_APPEND)
            rest.a += (uint64_t)got;
        if (op->kind == OP_COPY)
            rest.c += (uint64_t)got;
        return is_full(run, &rest);
    }
    if (either_way(run, op, got)) {
        struct op plain = *op;

        plain.a = 0;
        if (got == 0)
            model_op(&run->model, &plain, true, 0);
        return true;
    }
    wrong(run, "%s: %" PRId64 " (%s) instead of %" PRId64 " (%s) %s",
          op_name(op->kind), got, got < 0 ? shale_strerror((int)got) : "",
          want, want < 0 ? shale_strerror((int)want) : "",
          run->backend->why);
    run->kind += (unsigned)(op->kind * 7 + (got < 0 ? -got * 13 : 0) +
                            (want < 0 ? -want * 17 : 0));
    return false;
}
