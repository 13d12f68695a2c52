/*
 * run.c - operations carried out on a filesystem and on the model, compared
 */
#include "run.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

    if (found_look(&run->found, backend->image, backend->size) &
        ~run->tolerated)
        return wrong(run, "the image: %s", run->found.said);
    if (run->fsck_every > 0 && run->remounts % run->fsck_every == 0 &&
        !run->shape->kind->is_sound(run->image_path, said, sizeof said))
        return wrong(run, "%s: %s", run->shape->kind->needs, said);
    return run_compare_image(run);
}

bool run_init(struct run *run, struct backend *backend,
              const struct shape *shape)
{
    int err;

    memset(run, 0, sizeof *run);
    model_init(&run->model, &shape->can);
    run->backend = backend;
    run->shape = shape;
    run->found.kind = shape->kind;
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
    found_free(&run->found);
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

/* What only some formats keep of a file. */
static bool compare_attributes(struct run *run, const char *path,
                               const struct seen *seen, struct node *node)
{
    unsigned links = node->is_dir ? 2 + (unsigned)model_subdirs(node)
                                  : node->names;
    const char *name = seen->name;

    if ((seen->mode & 07777) != node->mode)
        return wrong(run, "%s/%s has mode %o, not %o", path, name,
                     seen->mode & 07777, node->mode);
    if (seen->uid != node->uid || seen->gid != node->gid)
        return wrong(run, "%s/%s is %u:%u's, not %u:%u's", path, name,
                     seen->uid, seen->gid, node->uid, node->gid);
    if (seen->links != links)
        return wrong(run, "%s/%s has %u links, not %u", path, name,
                     seen->links, links);
    if (seen->rdev_major != node->rdev_major ||
        seen->rdev_minor != node->rdev_minor)
        return wrong(run, "%s/%s is device %u:%u, not %u:%u", path, name,
                     seen->rdev_major, seen->rdev_minor, node->rdev_major,
                     node->rdev_minor);
    if (node->mtime >= 0 && node->mtime_nsec != seen->mtime_nsec)
        return wrong(run, "%s/%s was modified %u ns past a second, not %u",
                     path, name, seen->mtime_nsec, node->mtime_nsec);
    if (node->ino == 0)
        node->ino = seen->ino;
    if (node->ino != seen->ino)
        return wrong(run, "%s/%s has number %" PRIu64 ", not %" PRIu64, path,
                     name, seen->ino, node->ino);
    return true;
}

static void compare_one(void *context, const struct seen *seen)
{
    struct compare *c = context;
    struct entry *entry = model_find(&c->run->model, c->dir, seen->name,
                                     seen->len);
    const char *hidden = c->run->shape->kind->hidden;
    struct seen named = *seen;
    struct node *node;

    if (hidden && c->path[0] == '\0' && strlen(hidden) == seen->len &&
        memcmp(hidden, seen->name, seen->len) == 0)
        return;
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
    named.name = entry->name;
    if (node->type != seen->type)
        c->good = wrong(c->run, "%s/%s is of the wrong type", c->path,
                        entry->name);
    else if (!node->is_dir && node->size != seen->size)
        c->good = wrong(c->run, "%s/%s has %" PRIu64 " bytes, not %zu",
                        c->path, entry->name, seen->size, node->size);
    else if (node->mtime >= 0 && node->mtime != seen->mtime)
        c->good = wrong(c->run, "%s/%s was modified at %" PRId64 ", not "
                        "%" PRId64, c->path, entry->name, seen->mtime,
                        node->mtime);
    else if (c->run->model.can.unix_files)
        c->good = compare_attributes(c->run, c->path, &named, node);
}

static bool compare_target(struct run *run, const char *path,
                           const struct node *link)
{
    int64_t got = run->backend->readlink(run->backend, path,
                                         (char *)run->buf, run->buf_size);

    if (got != (int64_t)link->size ||
        memcmp(run->buf, link->bytes, link->size) != 0)
        return wrong(run, "%s leads to '%.*s'", path,
                     got < 0 ? 0 : (int)got, (char *)run->buf);
    return true;
}

static bool compare_xattrs(struct run *run, const char *path,
                           const struct node *node)
{
    struct backend *backend = run->backend;
    char names[2000];
    int64_t got = backend->listxattr(backend, path, names, sizeof names);
    size_t count = 0;

    for (const char *at = names; got > 0 && at < names + got;
         at += strlen(at) + 1) {
        if (!model_attribute(node, at))
            return wrong(run, "%s has attribute %s", path, at);
        count++;
    }
    if (got < 0 || count != node->attribute_count)
        return wrong(run, "%s has %" PRId64 " bytes of %zu attributes' names, "
                     "which are %zu", path, got, count,
                     node->attribute_count);
    for (size_t i = 0; i < count; i++) {
        const struct attribute *want = &node->attributes[i];

        got = backend->getxattr(backend, path, want->name, run->buf,
                                run->buf_size);
        if (got != (int64_t)want->size ||
            memcmp(run->buf, want->bytes, want->size) != 0)
            return wrong(run, "%s: attribute %s is not right: %" PRId64,
                         path, want->name, got);
    }
    return true;
}

static bool compare_file(struct run *run, const char *path,
                         const struct node *file)
{
    for (size_t at = 0; at < file->size;) {
        size_t len = file->size - at;
        int64_t got;
        bool same;

        if (len > run->buf_size)
            len = run->buf_size;
        got = run->backend->read(run->backend, path, run->buf, len, at);
        if (got != (int64_t)len)
            return wrong(run, "%s: reading %zu at %zu: %" PRId64 " %s", path,
                         len, at, got, run->backend->why);
        same = memcmp(run->buf, file->bytes + at, len) == 0;
        for (size_t i = 0; !same && i < len; i++)
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
        else if (entry->node->type == SHALE_TYPE_SYMLINK)
            c.good = compare_target(run, below, entry->node);
        else if (entry->node->type == SHALE_TYPE_FILE && !run->names_only)
            c.good = compare_file(run, below, entry->node);
        /* A symlink would be followed. */
        if (c.good && run->model.can.unix_files &&
            entry->node->type != SHALE_TYPE_SYMLINK)
            c.good = compare_xattrs(run, below, entry->node);
        free(below);
    }
    return c.good;
}

bool run_compare(struct run *run)
{
    return compare_dir(run, "", run->model.root);
}

static bool compare_entry(struct run *run, size_t number,
                          const struct node *node)
{
    const struct found_entry *entry = &run->found.entries[number];
    const char *path = found_path(&run->found, number);

    if (node->type != entry->type)
        return wrong(run, "in the image, %s is of the wrong type", path);
    if (run->model.can.unix_files &&
        ((entry->mode & 07777) != node->mode || entry->uid != node->uid ||
         entry->gid != node->gid))
        return wrong(run, "in the image, %s has mode %o, owner %u:%u", path,
                     entry->mode, entry->uid, entry->gid);
    if (node->is_dir)
        return true;
    if (node->size != entry->size)
        return wrong(run, "in the image, %s has %" PRIu64 " bytes, not %zu",
                     path, entry->size, node->size);
    for (size_t at = 0; at < node->size;) {
        size_t len = node->size - at;

        if (len > run->buf_size)
            len = run->buf_size;
        if (!found_read(&run->found, number, run->buf, len, at) ||
            memcmp(run->buf, node->bytes + at, len) != 0)
            return wrong(run, "in the image, %s has wrong bytes at %zu or "
                         "later", path, at);
        at += len;
    }
    return true;
}

bool run_compare_image(struct run *run)
{
    const struct found *found = &run->found;
    struct node **nodes = need(found->count * sizeof *nodes);
    size_t *counts = need(found->count * sizeof *counts);
    bool good = true;

    nodes[0] = run->model.root;
    for (size_t i = 1; good && i < found->count; i++) {
        const struct found_entry *entry = &found->entries[i];
        struct entry *want;

        if (found_is_hidden(found, i))
            continue;
        want = model_find(&run->model, nodes[entry->parent], entry->name,
                          strlen(entry->name));
        if (!want || strcmp(want->name, entry->name) != 0) {
            good = wrong(run, "in the image is %s, which should not be there",
                         found_path(found, i));
            break;
        }
        nodes[i] = want->node;
        counts[entry->parent]++;
        good = compare_entry(run, i, want->node);
    }
    for (size_t i = 0; good && i < found->count; i++)
        if (nodes[i] && nodes[i]->is_dir && counts[i] != nodes[i]->count)
            good = wrong(run, "in the image, %s has %zu entries, not %zu",
                         found_path(found, i), counts[i], nodes[i]->count);
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

/* Where OP ends what it writes, and where it begins. */
static uint64_t end_of(const struct op *op, const struct node *file,
                       uint64_t *begin)
{
    *begin = op->kind == OP_COPY ? op->c : op->kind == OP_APPEND ? file->size :
             op->a;
    if (op->kind == OP_TRUNCATE)
        return op->a;
    return *begin + op->b;
}

/* The most clusters, or blocks, of UNIT bytes that OP can take. */
static uint64_t units_for(const struct run *run, const struct op *op,
                          uint64_t unit)
{
    struct node *file;
    uint64_t end, begin, blocks;

    switch (op->kind) {
    case OP_CREATE:
    case OP_RENAME:
    case OP_LINK:
    case OP_SYMLINK:
    case OP_MKNOD:
    case OP_SETXATTR:
        /* 21 slots, in a directory that is full; an index that splits. */
        return run->model.can.unix_files ? 5 : 700 / unit + 2;
    case OP_MKDIR:
        return run->model.can.unix_files ? 6 : 700 / unit + 3;
    default:
        break;
    }
    if (model_walk(&run->model, op->kind == OP_COPY ? op->to : op->path,
                   &file) != 0)
        return 0;
    end = end_of(op, file, &begin);
    if (run->model.can.unix_files) {
        if (op->kind == OP_TRUNCATE)
            return 1;
        /* Holes are filled; and the map has its own. */
        blocks = (end + unit - 1) / unit - begin / unit;
        return blocks + 4 * blocks / unit + 8;
    }
    if (end <= file->size)
        return 0;
    return (end + unit - 1) / unit - (file->size + unit - 1) / unit;
}

/* Does what is to be set fit in any case? */
static bool attributes_fit(const struct run *run, const struct op *op)
{
    size_t sum = 16 + (strlen(op->to) + 3) / 4 * 4 +
                 (size_t)(op->b + 3) / 4 * 4;
    struct node *node;

    if (model_walk(&run->model, op->path, &node) != 0)
        return false;
    for (size_t i = 0; i < node->attribute_count; i++)
        if (strcmp(node->attributes[i].name, op->to) != 0)
            sum += 16 + (strlen(node->attributes[i].name) + 3) / 4 * 4 +
                   (node->attributes[i].size + 3) / 4 * 4;
    return sum <= run->model.can.xattr_room;
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

/* Does OP make a new file, or a new name? */
static bool makes_file(enum op_kind kind)
{
    return kind == OP_CREATE || kind == OP_MKDIR || kind == OP_SYMLINK ||
           kind == OP_MKNOD;
}

static bool makes_name(enum op_kind kind)
{
    return makes_file(kind) || kind == OP_RENAME || kind == OP_LINK;
}

/*
 * How often, and how long, to wait for space that is coming. Linux tells a
 * daemon when it likes that nobody has a file any more.
 */
enum { PATIENCE = 500 };

/* The first hundred are short, as a rule a few do; the others 40 s. */
static void wait_a_moment(unsigned waited)
{
    struct timespec moment = { 0, waited < 100 ? 10000000 : 100000000 };

    nanosleep(&moment, NULL);
}

/* Was SHALE_ENOSPC the right answer? */
static bool is_full(struct run *run, const struct op *op)
{
    struct space left;
    int err = run->backend->space(run->backend, &left);
    uint64_t needed;

    run->refused++;
    if (op->kind == OP_RENAME) {
        forget_times(run, op->path);
        forget_times(run, op->to);
    }
    if (err)
        return wrong(run, "statfs: %s", shale_strerror(err));
    if (run->model.can.unix_files) {
        if ((makes_file(op->kind) && left.files == 0) ||
            (op->kind == OP_SETXATTR && !attributes_fit(run, op)))
            return true;
    } else if (makes_name(op->kind)) {
        const char *path = op->kind == OP_RENAME ? op->to : op->path;

        /* The root of FAT12 and FAT16 has its own end. */
        if (strrchr(path, '/') == path || strrchr(op->path, '/') == op->path)
            return true;
    }
    needed = units_for(run, op, left.unit);
    if (left.bytes / left.unit >= needed)
        return wrong(run, "%s: no space, but %" PRIu64 " bytes and %" PRIu64
                     " files are free, and %" PRIu64 " bytes needed",
                     op_name(op->kind), left.bytes, left.files,
                     needed * left.unit);
    return run->refused % 8 != 0 || run_compare(run);
}

static bool takes_space(enum op_kind kind)
{
    return makes_name(kind) || kind == OP_WRITE || kind == OP_APPEND ||
           kind == OP_TRUNCATE || kind == OP_ALLOCATE || kind == OP_COPY ||
           kind == OP_SETXATTR;
}

/* May a name be refused with GOT? A change of case alone, told not to replace
   anything, may see itself in the way or not. */
static bool either_way(const struct run *run, const struct op *op, int64_t got)
{
    struct node *node, *to;

    return run->model.can.folds_case && op->kind == OP_RENAME &&
           op->a == SHALE_RENAME_NOREPLACE &&
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
    run->rest.b = 0;
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
    if (run->answers) {
        fprintf(run->answers, "%" PRId64 " ", got);
        op_print(op, run->answers);
    }
    if (got == want) {
        if (!check_read(run, op, got))
            return false;
        model_op(&run->model, op, got >= 0, (uint64_t)got);
        return true;
    }
    if (got == SHALE_ENOSPC && want >= 0 && takes_space(op->kind)) {
        bool full = is_full(run, op);

        if (full || !run->backend->frees_late || run->waited == PATIENCE)
            return full;
        wait_a_moment(run->waited);
        run->why[0] = '\0';
        run->waited++;
        full = run_op(run, op);
        run->waited = 0;
        return full;
    }
    if (got > 0 && got < want && op->kind != OP_READ) {
        struct op *rest = &run->rest;

        /* What has been done stays; the rest has to have had a reason. */
        model_op(&run->model, op, true, (uint64_t)got);
        *rest = *op;
        rest->b -= (uint64_t)got;
        if (op->kind != OP_APPEND)
            rest->a += (uint64_t)got;
        if (op->kind == OP_COPY)
            rest->c += (uint64_t)got;
        return is_full(run, rest) || run->backend->frees_late;
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
