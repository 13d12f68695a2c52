/*
 * paths.c - paths of entries
 *
 * An entry is known by its place. Which directory that belongs to shows when
 * the clusters of all directories are gone through, in memory; its name is read
 * from the volume, and so are those of the directories above.
 */
#include "fat32/check/check.h"
#include "memfn.h"

#define SLOTS (FAT_LONG_PIECES + 1)     /* of one name, at most */
#define NAMES 200000u                   /* read for all paths there are; ... */
#define DEPTH 8u                        /* ... then only so many of each */

/* What it takes to read a name. */
struct reader {
    struct fat_check *v;
    uint8_t bytes[SLOTS * FAT_ENTRY_SIZE];
    char name[FAT_CHECK_NAME_BYTES];
};

/* -------------------------------------------------------------- one name */

/* Read what comes before AT, as far as it is the same row, into the reader,
   whose last slots are there already from *FROM on. */
static int read_before(struct reader *r, uint64_t start, uint64_t end,
                       size_t *from)
{
    size_t len = end - start < *from ? (size_t)(end - start) : *from;

    *from -= len;
    return check_read(r->v->check, end - len, r->bytes + *from, len);
}

/*
 * Read the slots up to the one at AT, which is in DIR, into the end of
 * r->bytes. *FROM: where they begin there.
 */
static int read_slots(struct reader *r, const struct fat_check_dir *dir,
                      uint64_t at, size_t *from)
{
    const struct fat_check *v = r->v;
    uint32_t wanted = (uint32_t)((at - v->data_at) >> v->boot.cluster_shift) +
                      FAT_FIRST_CLUSTER;
    uint32_t before[2] = { 0, 0 }, cluster = dir->first;
    int err;

    *from = sizeof r->bytes;
    if (dir->first == 0)
        return read_before(r, (uint64_t)v->boot.root_sector
                                  << v->boot.sector_shift,
                           at + FAT_ENTRY_SIZE, from);
    for (uint32_t i = 0; cluster != wanted; i++) {
        if (i == dir->clusters || !fat_check_is_cluster(v, cluster))
            return SHALE_EIO;   /* it is not there at all */
        before[1] = before[0];
        before[0] = cluster;
        cluster = fat_check_get(v, cluster);
    }
    err = read_before(r, fat_check_cluster_at(v, cluster),
                      at + FAT_ENTRY_SIZE, from);
    for (unsigned i = 0; !err && i < 2 && before[i] && *from > 0; i++) {
        uint64_t start = fat_check_cluster_at(v, before[i]);

        err = read_before(r, start, start + v->boot.cluster_size, from);
    }
    return err;
}

/* The name of the entry at AT in dirs[DIR]; *LEN is 0 if it cannot be read. */
static int read_name(struct reader *r, uint32_t dir, uint64_t at, size_t *len)
{
    struct fat_check_slots slots = { .dir = NULL };
    size_t from;
    int err = read_slots(r, &r->v->dirs[dir], at, &from);

    *len = 0;
    if (err)
        return err == SHALE_EIO ? 0 : err;
    slots.bytes = r->bytes + from;
    slots.count = (uint32_t)((sizeof r->bytes - from) / FAT_ENTRY_SIZE);
    *len = fat_check_name(&slots, slots.count - 1, r->name);
    return 0;
}

/* ------------------------------------------------------------- one path */

/* As fat_check_path_of(); the path is written from its end. */
static int write_path(struct reader *r, uint32_t dir, uint64_t at, char *out,
                      size_t size, size_t *used)
{
    struct fat_check *v = r->v;
    uint32_t depth = 0;
    bool known = true;
    size_t len;
    int err = 0;

    *used = 0;
    while (at != 0 && (depth++ < DEPTH || v->names_read < NAMES)) {
        v->names_read++;
        err = read_name(r, dir, at, &len);
        known = !err && len > 0;
        if (!known || len + 1 > size - *used)
            break;
        *used += len + 1;
        out[size - *used] = '/';
        memcpy(out + size - *used + 1, r->name, len);
        at = v->dirs[dir].at;
        dir = v->dirs[dir].parent;
    }
    if (!known)
        *used = 0;              /* the beginning of a long one may go */
    return err;
}

int fat_check_path_of(struct fat_check *v, uint32_t dir, uint64_t at,
                      char *out, size_t size, size_t *len)
{
    struct reader *r;
    int err;

    if (at == 0) {
        out[0] = '/';
        *len = 1;
        return 0;
    }
    r = check_alloc(v->check, sizeof *r);
    if (!r)
        return SHALE_ENOMEM;
    r->v = v;
    err = write_path(r, dir, at, out, size, len);
    memmove(out, out + size - *len, *len);
    check_free(v->check, r, sizeof *r);
    return err;
}

/* ------------------------------------------------------------- all of them */

/* Whose directory is to be found. */
struct wanted {
    uint32_t cluster;           /* of the place; 0: in FAT12's root */
    uint32_t dir;               /* where it is, or NOWHERE */
    struct check_path *path;
};

#define NOWHERE 0xffffffffu

static int by_cluster(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    return x->cluster < y->cluster ? -1 : x->cluster > y->cluster;
}

/* The clusters from FIRST on, COUNT of them, are directory DIR's. */
static void note_dir(struct wanted *wanted, size_t many, uint32_t first,
                     uint32_t count, uint32_t dir)
{
    size_t low = 0, high = many;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (wanted[middle].cluster < first)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < many && wanted[low].cluster - first < count; low++)
        wanted[low].dir = dir;
}

static void find_dirs(const struct fat_check *v, struct wanted *wanted,
                      size_t count)
{
    for (size_t i = 0; i < v->dir_count; i++) {
        const struct fat_check_dir *dir = &v->dirs[i];
        enum fat_check_end end = FAT_END_MET;
        uint32_t cluster = dir->first, left = dir->clusters, run, value;

        for (; left > 0 && end == FAT_END_MET; left -= run, cluster = value) {
            run = fat_check_run(v, cluster, &end, &value);
            if (run > left)
                run = left;
            if (run == 0)
                break;
            note_dir(wanted, count, cluster, run, (uint32_t)i);
        }
    }
}

/* What is known of the place NUMBER before any directory is looked at. */
static struct wanted want(const struct fat_check *v, struct check_path *path)
{
    uint64_t root = (uint64_t)v->boot.root_sector << v->boot.sector_shift;
    uint64_t at = path->number;
    struct wanted wanted = { .dir = NOWHERE, .path = path };

    if (at == 0 || (at >= root && at < v->data_at && v->boot.bits != 32))
        wanted.dir = 0;
    else if (at >= v->data_at && at < v->size)
        wanted.cluster = (uint32_t)((at - v->data_at) >>
                                    v->boot.cluster_shift) +
                         FAT_FIRST_CLUSTER;
    return wanted;
}

static int set_paths(struct fat_check *v, const struct wanted *wanted,
                     size_t count)
{
    enum { SIZE = 4096 };
    char *text = check_alloc(v->check, SIZE);
    size_t len;
    int err = text ? 0 : SHALE_ENOMEM;

    for (size_t i = 0; !err && i < count; i++) {
        if (wanted[i].dir == NOWHERE)
            continue;
        err = fat_check_path_of(v, wanted[i].dir, wanted[i].path->number, text,
                                SIZE, &len);
        if (!err)
            err = check_path_set(v->check, wanted[i].path, text, len);
    }
    check_free(v->check, text, SIZE);
    return err;
}

int fat_check_paths(struct check *check, struct check_path *paths,
                    size_t count)
{
    struct fat_check *v = check->volume;
    struct wanted *wanted;
    size_t many = 0;
    int err;

    if (!v || !v->dirs)
        return 0;
    wanted = check_alloc(check, count * sizeof *wanted);
    if (!wanted)
        return SHALE_ENOMEM;
    for (size_t i = 0; i < count; i++)
        if (paths[i].object == SHALE_OBJECT_FILE)
            wanted[many++] = want(v, &paths[i]);
    check_sort(wanted, many, sizeof *wanted, by_cluster);
    find_dirs(v, wanted, many);
    err = set_paths(v, wanted, many);
    check_free(check, wanted, count * sizeof *wanted);
    return err;
}
