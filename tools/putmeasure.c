/*
 * putmeasure.c - how much there is to copy
 *
 * A walk over the sources that looks at metadata alone. What it counts is the
 * least that a volume needs: a file with holes counts for nothing, since who
 * wants to know how many they are would have to read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "put.h"

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

FTS *put_walk(const struct put *put, const char *source)
{
    char *copy = xstrdup(source);
    char *paths[] = { copy, NULL };
    FTS *fts;

    /* Without -r a link is what it leads to, as for cp(1). */
    fts = fts_open(paths, (put->dereference ? FTS_LOGICAL : FTS_PHYSICAL) |
                   (put->recurse ? 0 : FTS_COMFOLLOW) | FTS_NOCHDIR,
                   by_name);
    free(copy);
    if (!fts)
        report("%s: %s", source, strerror(errno));
    return fts;
}

/* Add the units that a file of SIZE bytes takes. */
static void add_units(struct put_size *out, uint64_t size)
{
    for (unsigned i = 0; i < PUT_UNITS; i++)
        out->units[i] += (size >> (9 + i)) +
                         ((size & ((UINT64_C(512) << i) - 1)) != 0);
}

/* Is this the first name of the file with ST that is met? */
static bool is_new(struct inomap *met, const struct stat *st)
{
    /* Of several devices: whether two files clash hardly matters here. */
    uint64_t key = st->st_ino ^ st->st_dev * UINT64_C(0x9e3779b97f4a7c15);

    return st->st_nlink < 2 || S_ISDIR(st->st_mode) ||
           !inomap_add(met, key, 1);
}

static void measure_entry(const FTSENT *entry, struct inomap *met,
                          struct put_size *out)
{
    const struct stat *st = entry->fts_statp;
    bool regular = entry->fts_info == FTS_F;

    if (entry->fts_info == FTS_DP)
        return;
    out->names++;
    if (regular)
        out->bytes += (uint64_t)st->st_size;
    if (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR ||
        entry->fts_info == FTS_DC || !is_new(met, st))
        return;
    out->files++;
    if (regular && st->st_blocks >= st->st_size / 512)
        add_units(out, (uint64_t)st->st_size);
    else if (S_ISDIR(st->st_mode) && entry->fts_level > 0)
        add_units(out, 1);
}

void put_measure(const struct put *put, char **sources, int count,
                 struct put_size *out)
{
    struct inomap met = { .count = 0 };

    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++) {
        FTS *fts = put_walk(put, sources[i]);
        FTSENT *entry;

        while (fts && (entry = fts_read(fts)) != NULL)
            measure_entry(entry, &met, out);
        if (fts)
            fts_close(fts);
    }
    inomap_free(&met);
}
