/*
 * gen.c - random operations that are likely to mean something
 *
 * Names come from a small set, so that they meet: the same in another case,
 * short ones and long ones, those whose short names collide. Three times out
 * of four a path is that of something that exists.
 */
#include "gen.h"

#include <stdlib.h>
#include <string.h>

#include "shale/shale.h"

static const char *const some_names[] = {
    "A", "B", "C", "README.TXT", "readme.md", "Makefile", "x", "y.z",
    "DATA.BIN", "Mixed.Txt", ".hidden", "two.dots.here", "with space",
    "a longer name.text", "A longer name.text2", "longname1.dat",
    "longname2.dat", "longname3.dat", "longname~1.dat", "LONGNA~Z.DAT",
    "\xc3\xa9t\xc3\xa9.txt", "\xc3\x89T\xc3\x89 2", "\xd0\x96\xd1\x83\xd0\xba",
    "\xce\xb1\xce\xb2\xce\xb3", "\xe6\x97\xa5\xe6\x9c\xac", "+,;=[]",
    "\xf0\x9f\x90\x9a shell", "exactly-thirteen", "thirteen-unit",
    "a name of twenty-six units",
    "name of sixty units, which takes five slots for its length",
};

enum { SOME_NAMES = sizeof some_names / sizeof some_names[0] };

static bool one_in(struct gen *gen, uint64_t n)
{
    return rng_below(&gen->rng, n) == 0;
}

/* In other case, now and then. Only the letters of ASCII. */
static void recase(struct gen *gen, char *name)
{
    uint64_t how = rng_below(&gen->rng, 8);

    for (; *name && how < 2; name++) {
        if (how == 0 && *name >= 'a' && *name <= 'z')
            *name = (char)(*name - 32);
        else if (how == 1 && *name >= 'A' && *name <= 'Z')
            *name = (char)(*name + 32);
    }
}

/* A name that may or may not be there, at the end of PATH. */
static void add_name(struct gen *gen, char *path, size_t room)
{
    size_t len = strlen(path);
    char name[800];

    if (one_in(gen, 4)) {
        snprintf(name, sizeof name, "file number %u",
                 (unsigned)rng_below(&gen->rng, 40));
    } else if (gen->long_names && one_in(gen, 24)) {
        size_t units = 190 + (size_t)rng_below(&gen->rng, 70);

        memset(name, 'n', units);
        name[units] = '\0';
        memcpy(name, "very", 4);
    } else {
        snprintf(name, sizeof name, "%s",
                 some_names[rng_below(&gen->rng, SOME_NAMES)]);
    }
    if (!gen->exact_case)
        recase(gen, name);
    snprintf(path + len, room - len, "%s%s", len && path[len - 1] == '/' ?
             "" : "/", name);
}

/* Go down from the root at random; ends at a directory. */
static struct node *some_dir(struct gen *gen, const struct model *model,
                             char *path, size_t room)
{
    struct node *dir = model->root;

    path[0] = '\0';
    for (unsigned depth = 0; depth < 5; depth++) {
        struct entry *entry;
        size_t len = strlen(path);

        if (dir->count == 0 || one_in(gen, 3))
            break;
        entry = &dir->entries[rng_below(&gen->rng, dir->count)];
        if (!entry->node->is_dir)
            continue;
        snprintf(path + len, room - len, "/%s", entry->name);
        dir = entry->node;
    }
    return dir;
}

enum wanted { ANY, A_FILE, A_DIR, NEW };

static bool is_wanted(const struct node *node, enum wanted wanted)
{
    return wanted == ANY || wanted == NEW ||
           node->is_dir == (wanted == A_DIR);
}

static char *some_path(struct gen *gen, const struct model *model,
                       enum wanted wanted)
{
    char path[6000];
    struct node *dir = some_dir(gen, model, path, sizeof path);
    bool exists = wanted == NEW ? one_in(gen, 10) : !one_in(gen, 8);

    for (unsigned tries = 0; exists && dir->count > 0 && tries < 20; tries++) {
        struct entry *entry = &dir->entries[rng_below(&gen->rng, dir->count)];
        size_t len = strlen(path);

        if (!is_wanted(entry->node, wanted))
            continue;
        snprintf(path + len, sizeof path - len, "/%s", entry->name);
        if (!gen->exact_case)
            recase(gen, path + len);
        return need_copy(path);
    }
    add_name(gen, path, sizeof path);
    return need_copy(path);
}

/* A file by path, or one that is open. */
static char *some_file(struct gen *gen, const struct model *model)
{
    unsigned slot = (unsigned)rng_below(&gen->rng, OP_SLOTS);
    char text[3] = { '@', (char)('0' + slot), '\0' };

    if (one_in(gen, 3) && model->slots[slot])
        return need_copy(text);
    return some_path(gen, model, A_FILE);
}

static uint64_t some_size(struct gen *gen)
{
    static const uint64_t near[] = { 1, 31, 512, 1024, 4096, 8192, 32768 };
    uint64_t max = gen->file_max;

    switch (rng_below(&gen->rng, 6)) {
    case 0:
        return rng_below(&gen->rng, 600);
    case 1:
        return near[rng_below(&gen->rng, 7)] % max;
    case 2:
        return (near[rng_below(&gen->rng, 7)] + 1) % max;
    case 3:
        return near[rng_below(&gen->rng, 7)] - 1;
    case 4:
        return rng_below(&gen->rng, max / 8 + 1);
    default:
        return rng_below(&gen->rng, max);
    }
}

/* A place within a file, mostly. */
static uint64_t some_offset(struct gen *gen, const struct model *model,
                            const char *path)
{
    struct node *file;

    if (one_in(gen, 3) || model_walk(model, path, &file) != 0 ||
        file->is_dir)
        return some_size(gen);
    return one_in(gen, 3) ? file->size
                          : rng_below(&gen->rng, file->size + 1);
}

struct choice {
    unsigned weight;
    enum op_kind kind;
};

/* Where files are Unix's, with those at the end. */
static const struct choice choices[] = {
    { 130, OP_CREATE }, { 60, OP_MKDIR }, { 90, OP_UNLINK }, { 30, OP_RMDIR },
    { 150, OP_RENAME }, { 60, OP_OPEN }, { 30, OP_CLOSE }, { 160, OP_WRITE },
    { 60, OP_APPEND }, { 60, OP_TRUNCATE }, { 20, OP_ALLOCATE },
    { 15, OP_COPY }, { 60, OP_READ }, { 15, OP_TOUCH }, { 10, OP_SHRINK },
    { 6, OP_COMPARE }, { 4, OP_REMOUNT },
    { 60, OP_LINK }, { 50, OP_SYMLINK }, { 20, OP_MKNOD }, { 30, OP_CHMOD },
    { 30, OP_CHOWN }, { 60, OP_SETXATTR }, { 20, OP_REMOVEXATTR },
};

enum { ALL_CHOICES = sizeof choices / sizeof choices[0], UNIX_CHOICES = 7 };

static enum op_kind some_kind(struct gen *gen, const struct model *model)
{
    size_t count = ALL_CHOICES - (model->can.unix_files ? 0 : UNIX_CHOICES);
    unsigned syncs = gen->syncs ? gen->syncs : 40;
    uint64_t at = rng_below(&gen->rng, 1000);
    unsigned total = 0;

    if (at < syncs)
        return at % 3 == 0 ? OP_FSYNC : at % 3 == 1 ? OP_SYNC : OP_WRITEBACK;
    for (size_t i = 0; i < count; i++)
        total += choices[i].weight;
    at = rng_below(&gen->rng, total);
    for (size_t i = 0;; i++) {
        if (at < choices[i].weight)
            return choices[i].kind;
        at -= choices[i].weight;
    }
}

/*
 * Past all that the volume could hold, or what a file can be: where holes cost
 * nothing, a little further, so that maps get another level.
 */
static uint64_t far_away(struct gen *gen, const struct model *model)
{
    if (!model->can.unix_files)
        return model->can.file_max - rng_below(&gen->rng, 4096);
    return rng_below(&gen->rng, 3) == 0 ? model->can.file_max
                                        : rng_below(&gen->rng, 3 << 20);
}

static uint64_t some_allocation(struct gen *gen, const struct model *model)
{
    if (model->can.no_allocate)
        return SHALE_ALLOCATE_PUNCH_HOLE | SHALE_ALLOCATE_KEEP_SIZE;
    if (!model->can.unix_files || one_in(gen, 3))
        return one_in(gen, 3) ? SHALE_ALLOCATE_KEEP_SIZE : 0;
    if (one_in(gen, 3))
        return SHALE_ALLOCATE_ZERO_RANGE |
               (one_in(gen, 2) ? SHALE_ALLOCATE_KEEP_SIZE : 0);
    return SHALE_ALLOCATE_PUNCH_HOLE | SHALE_ALLOCATE_KEEP_SIZE;
}

static void fill_data(struct gen *gen, const struct model *model,
                      struct op *op)
{
    op->path = some_file(gen, model);
    op->a = some_offset(gen, model, op->path);
    op->b = some_size(gen) + (op->kind != OP_READ);
    switch (op->kind) {
    case OP_WRITE:
    case OP_APPEND:
        op->c = gen->stamp++;
        if (one_in(gen, model->can.unix_files ? 60 : 400))
            op->a = far_away(gen, model);
        break;
    case OP_TRUNCATE:
        if (one_in(gen, 4))
            op->a = 0;
        break;
    case OP_ALLOCATE:
        op->c = some_allocation(gen, model);
        break;
    case OP_COPY:
        op->to = some_file(gen, model);
        op->c = some_offset(gen, model, op->to);
        break;
    default:
        break;
    }
}

static void fill_rename(struct gen *gen, const struct model *model,
                        struct op *op)
{
    bool exact_case = gen->exact_case;

    op->path = some_path(gen, model, ANY);
    op->to = some_path(gen, model, one_in(gen, 3) ? ANY : NEW);
    switch (rng_below(&gen->rng, 12)) {
    case 0:
        op->a = SHALE_RENAME_NOREPLACE;
        break;
    case 1:
        op->a = SHALE_RENAME_EXCHANGE;
        free(op->path);
        free(op->to);
        /* As they are: what fails half way is put back as it was spelt. */
        gen->exact_case = true;
        op->path = some_path(gen, model, ANY);
        op->to = some_path(gen, model, ANY);
        gen->exact_case = exact_case;
        break;
    case 2:                     /* only the case, or nothing, changes */
        free(op->to);
        op->to = need_copy(op->path);
        if (!gen->exact_case)
            recase(gen, strrchr(op->to, '/'));
        break;
    default:
        break;
    }
}

/* ------------------------------------------------------- Unix's own things */

/*
 * Where a symlink may lead: to a name that is or is not there, from there or
 * from a directory or two above (but not out of a mount); now and then it is
 * long.
 */
static char *some_target(struct gen *gen, const struct model *model)
{
    char text[1200] = "", *path = some_path(gen, model, ANY);
    unsigned ups = model->posix ? 0 : (unsigned)rng_below(&gen->rng, 3);
    const char *name = one_in(gen, 2) ? path : strrchr(path, '/');
    size_t len;

    if (one_in(gen, 8)) {
        len = 50 + (size_t)rng_below(&gen->rng, 900);
        memset(text, 't', len);
        text[len] = '\0';
    } else {
        for (unsigned i = 0; i < ups; i++)
            memcpy(text + 3 * i, "../", sizeof "../");
        len = strlen(text);
        snprintf(text + len, sizeof text - len, "%.1000s", name + 1);
    }
    free(path);
    return need_copy(text);
}

static void fill_node(struct gen *gen, const struct model *model,
                      struct op *op)
{
    static const uint32_t types[] = { SHALE_S_IFIFO, SHALE_S_IFCHR,
                                      SHALE_S_IFBLK, SHALE_S_IFSOCK };

    op->path = some_path(gen, model, NEW);
    op->a = types[rng_below(&gen->rng, 4)];
    op->b = one_in(gen, 2) ? rng_below(&gen->rng, 256)
                           : rng_below(&gen->rng, 4096);
    op->c = one_in(gen, 2) ? rng_below(&gen->rng, 256)
                           : rng_below(&gen->rng, 1 << 20);
    if (op->a == SHALE_S_IFIFO || op->a == SHALE_S_IFSOCK)
        op->b = op->c = 0;
}

static char *some_attribute(struct gen *gen)
{
    static const char *const names[] = {
        "user.a", "user.comment", "user.b", "trusted.t", "user.a.long.one",
    };

    return need_copy(names[rng_below(&gen->rng, 5)]);
}

static void fill_attribute(struct gen *gen, const struct model *model,
                           struct op *op)
{
    op->path = some_path(gen, model, one_in(gen, 6) ? ANY : A_FILE);
    op->to = some_attribute(gen);
    if (op->kind == OP_REMOVEXATTR)
        return;
    /* The same value again is what makes files share a block. */
    op->a = one_in(gen, 2) ? 1 : gen->stamp++;
    op->b = one_in(gen, 3) ? 300 : rng_below(&gen->rng, 12) * 80;
    op->c = one_in(gen, 4) ? 1 + rng_below(&gen->rng, 2) : 0;
}

static void fill_unix(struct gen *gen, const struct model *model,
                      struct op *op)
{
    static const uint32_t ids[] = { 0, 1, 1000, 65535, 65536, 4000000000 };

    switch (op->kind) {
    case OP_LINK:
        op->path = some_path(gen, model, one_in(gen, 10) ? A_DIR : A_FILE);
        op->to = some_path(gen, model, NEW);
        break;
    case OP_SYMLINK:
        op->path = some_path(gen, model, NEW);
        op->to = some_target(gen, model);
        break;
    case OP_MKNOD:
        fill_node(gen, model, op);
        break;
    case OP_CHMOD:
        op->path = some_path(gen, model, ANY);
        op->a = rng_below(&gen->rng, 01000) | (one_in(gen, 4) ? 01000 : 0);
        break;
    case OP_CHOWN:
        op->path = some_path(gen, model, ANY);
        op->a = one_in(gen, 4) ? OP_KEEP : ids[rng_below(&gen->rng, 6)];
        op->b = one_in(gen, 4) ? OP_KEEP : ids[rng_below(&gen->rng, 6)];
        break;
    default:
        fill_attribute(gen, model, op);
        break;
    }
}

struct op gen_next(struct gen *gen, const struct model *model)
{
    struct op op = { .kind = some_kind(gen, model) };

    while (gen->no_whole && (op.kind == OP_COMPARE || op.kind == OP_REMOUNT))
        op.kind = some_kind(gen, model);
    switch (op.kind) {
    case OP_CREATE:
    case OP_MKDIR:
        op.path = some_path(gen, model, NEW);
        break;
    case OP_UNLINK:
        op.path = some_path(gen, model, one_in(gen, 10) ? A_DIR : A_FILE);
        break;
    case OP_RMDIR:
        op.path = some_path(gen, model, one_in(gen, 10) ? A_FILE : A_DIR);
        break;
    case OP_RENAME:
        fill_rename(gen, model, &op);
        break;
    case OP_OPEN:
        op.path = some_path(gen, model, A_FILE);
        op.a = rng_below(&gen->rng, OP_SLOTS);
        break;
    case OP_CLOSE:
        op.a = rng_below(&gen->rng, OP_SLOTS);
        break;
    case OP_WRITE:
    case OP_APPEND:
    case OP_TRUNCATE:
    case OP_ALLOCATE:
    case OP_COPY:
    case OP_READ:
        fill_data(gen, model, &op);
        break;
    case OP_TOUCH:
        op.path = some_path(gen, model, ANY);
        op.a = 1000000000 + 2 * rng_below(&gen->rng, 300000000);
        if (model->can.unix_files)
            op.b = rng_below(&gen->rng, 1000000000);
        break;
    case OP_LINK:
    case OP_SYMLINK:
    case OP_MKNOD:
    case OP_CHMOD:
    case OP_CHOWN:
    case OP_SETXATTR:
    case OP_REMOVEXATTR:
        fill_unix(gen, model, &op);
        break;
    case OP_FSYNC:
        op.path = some_file(gen, model);
        break;
    default:
        break;
    }
    return op;
}
