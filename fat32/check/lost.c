/*
 * lost.c - chains that nobody has
 *
 * A cluster that is in use, and no file's, is lost. Of the lost ones those that
 * no lost one points at begin chains, which are followed; what is left then
 * goes round in circles. Where not all of the FAT or of the directories can be
 * read, any of them may be a file's: then nothing is told.
 */
#include "fat32/check/check.h"
#include "fat32/dirent.h"

#define LOOKED_AT 10000u        /* chains: are they directories? */

struct lost {
    struct fat_check *v;
    struct check_bits *all;     /* lost clusters */
    struct check_bits *pointed; /* those that a lost one points at */
    struct check_bits *seen;    /* those that have been told */
    uint32_t looked_at;
};

/* --------------------------------------------------------------- gathering */

/* The clusters in use from CLUSTER on, none of them anybody's, below END. */
static int gather_run(struct lost *l, uint32_t cluster, uint32_t end,
                      uint32_t *count)
{
    struct fat_check *v = l->v;
    enum fat_check_end how;
    uint32_t value, run = fat_check_run(v, cluster, &how, &value);
    int err;

    *count = 1;                 /* a bad one */
    if (run == 0)
        return 0;
    if (run > end - cluster)
        run = end - cluster;
    *count = run;
    v->lost += run;
    err = check_bits_add(l->all, cluster, run, NULL);
    if (!err && run > 1)
        err = check_bits_add(l->pointed, cluster + 1, run - 1, NULL);
    value = fat_check_get(v, cluster + run - 1);
    if (!err && fat_check_is_cluster(v, value))
        err = check_bits_add(l->pointed, value, 1, NULL);
    return err;
}

/* All that is lost in the FAT from CLUSTER to END, which nobody has. */
static int gather_gap(struct lost *l, uint32_t cluster, uint32_t end)
{
    uint32_t count, rounds = 0;
    int err = 0;

    while (!err && (cluster = fat_check_skip_free(l->v, cluster)) < end) {
        err = gather_run(l, cluster, end, &count);
        cluster += count;
        if (++rounds % 1024 == 0 && !err)
            err = check_going(l->v->check);
    }
    return err;
}

static int gather(struct lost *l)
{
    struct fat_check *v = l->v;
    uint64_t at = FAT_FIRST_CLUSTER, end = (uint64_t)v->last + 1, stop;
    int err = 0;

    while (!err && (at = check_bits_next(v->owned, at, false)) < end) {
        stop = check_bits_next(v->owned, at, true);
        if (stop > end)
            stop = end;
        err = gather_gap(l, (uint32_t)at, (uint32_t)stop);
        at = stop;
    }
    return err;
}

/* ----------------------------------------------------------------- telling */

/* Does the chain that begins with CLUSTER look like a directory? */
static int look(struct lost *l, uint32_t cluster, bool *is_dir)
{
    struct fat_check *v = l->v;
    struct fat_disk_entry raw[2];
    int err;

    *is_dir = false;
    if (l->looked_at++ >= LOOKED_AT)
        return 0;
    err = check_read(v->check, fat_check_cluster_at(v, cluster), raw,
                     sizeof raw);
    if (err)
        return err == SHALE_EIO ? 0 : err;
    *is_dir = fat_dots(raw[0].name) == 1 && fat_dots(raw[1].name) == 2 &&
              raw[0].attr & FAT_ATTR_DIR && raw[1].attr & FAT_ATTR_DIR;
    return 0;
}

static void claim(struct fat_check *v, uint32_t first, uint32_t cluster,
                  uint32_t count)
{
    if (v->check->config->claim)
        check_claim(v->check, &(struct shale_claim){
            .use = SHALE_USE_LOST, .object = SHALE_OBJECT_CLUSTER,
            .number = first, .at = fat_check_cluster_at(v, cluster),
            .length = (uint64_t)count << v->boot.cluster_shift,
            .position = SHALE_NOWHERE,
        });
}

/*
 * Follow the lost chain from FIRST until it ends, or comes to what has been
 * told, or is not lost.
 */
static int follow(struct lost *l, uint32_t first, struct fat_check_chain *out)
{
    struct fat_check *v = l->v;
    uint32_t cluster = first;
    int err = 0;

    *out = (struct fat_check_chain){ .end = FAT_END_MET };
    while (!err && out->end == FAT_END_MET) {
        uint32_t run = fat_check_run(v, cluster, &out->end, &out->value);
        uint32_t ours = fat_check_before(v->owned, cluster, run);

        ours = fat_check_before(l->seen, cluster, ours);
        if (ours < run)
            out->end = FAT_END_MARK;    /* the rest is another's */
        run = ours;
        if (run > 0) {
            err = check_bits_add(l->seen, cluster, run, NULL);
            claim(v, first, cluster, run);
            out->length += run;
            out->last = cluster + run - 1;
        }
        cluster = out->value;
        if (!err)
            err = check_going(v->check);
    }
    return err;
}

static int tell_chain(struct lost *l, uint32_t first, bool is_loop)
{
    struct fat_check *v = l->v;
    uint64_t at = fat_check_entry_at(v, first), bytes;
    struct fat_check_chain chain;
    enum fat_check_code code;
    bool is_dir = false;
    int err = follow(l, first, &chain);

    if (!err)
        err = look(l, first, &is_dir);
    if (err)
        return err;
    bytes = (uint64_t)chain.length << v->boot.cluster_shift;
    code = is_loop ? FAT_CHECK_LOST_LOOP
         : is_dir  ? FAT_CHECK_LOST_DIR : FAT_CHECK_LOST_CHAIN;
    check_tell(v->check, &fat_check_codes[code], at,
               &(struct check_note){
                   .object = SHALE_OBJECT_CLUSTER, .number = first,
                   .other = bytes, .found = chain.length,
               });
    fat_check_tell_end(v, SHALE_OBJECT_CLUSTER, first, at, &chain);
    return 0;
}

/* Chains that begin somewhere, then those that do not. */
static int tell_all(struct lost *l)
{
    uint64_t end = (uint64_t)l->v->last + 1, at;
    int err = 0;

    for (at = 0; !err && (at = check_bits_next(l->all, at, true)) < end; at++)
        if (check_bits_has(l->pointed, at))
            at = check_bits_next(l->pointed, at, false) - 1;
        else
            err = tell_chain(l, (uint32_t)at, false);
    for (at = 0; !err && (at = check_bits_next(l->all, at, true)) < end; at++)
        if (check_bits_has(l->seen, at))
            at = check_bits_next(l->seen, at, false) - 1;
        else
            err = tell_chain(l, (uint32_t)at, true);
    return err;
}

int fat_check_lost(struct fat_check *v)
{
    struct lost l = { .v = v };
    uint64_t count = (uint64_t)v->last + 1;
    int err = SHALE_ENOMEM;

    check_phase(v->check, "lost clusters", 1);
    l.all = check_bits_create(v->check, count);
    l.pointed = check_bits_create(v->check, count);
    l.seen = check_bits_create(v->check, count);
    if (l.all && l.pointed && l.seen)
        err = gather(&l);
    if (!err && v->lost > 0 && !v->unknown && !v->dirs_unread)
        err = tell_all(&l);
    check_bits_destroy(l.seen);
    check_bits_destroy(l.pointed);
    check_bits_destroy(l.all);
    check_done(v->check, 1);
    return err;
}
