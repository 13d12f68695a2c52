/*
 * chain.c - one chain, followed and marked as somebody's
 *
 * A chain is followed in rows: clusters of which each is followed by the next.
 * A row ends before each multiple of ROW_MAX, too, so that who joins a long one
 * in its middle need not look at all of it. It is taken as a whole. If one of
 * its clusters had been taken before, then so had its end, and what comes after
 * that is whoever's took it first: all of a chain is taken by somebody, and
 * only few rows are followed twice.
 *
 * What is told must not depend on who was first. So a chain of few rows is
 * measured to its end whoever has it. What is wrong with a longer one is kept
 * until it is known whether it shares anything, and told if it does not.
 */
#include "fat32/chain.h"
#include "fat32/check/check.h"

#define ASK_EVERY 1024u         /* rows: is anybody waiting for us to stop? */
#define ROW_MAX 4096u           /* clusters; a power of two */

/* What ENTRY, of CLUSTER, does to a chain. */
static enum fat_check_end end_of(const struct fat_check *v, uint32_t cluster,
                                 uint32_t entry)
{
    if (entry == FAT_FREE)
        return fat_check_is_unknown(v, cluster) ? FAT_END_UNKNOWN
                                                : FAT_END_FREE;
    if (entry == (v->mask & FAT_BAD))
        return FAT_END_BAD;
    return entry >= (v->mask & ~(uint32_t)7) ? FAT_END_MARK
         : fat_check_is_cluster(v, entry) ? FAT_END_MET : FAT_END_NOWHERE;
}

/* Is a cluster with such an entry none of a chain, whatever points at it? */
static bool is_outside(enum fat_check_end end)
{
    return end == FAT_END_FREE || end == FAT_END_BAD;
}

uint32_t fat_check_run(const struct fat_check *v, uint32_t cluster,
                       enum fat_check_end *end, uint32_t *value)
{
    uint32_t entry = fat_check_get(v, cluster), count;

    *value = cluster;
    *end = end_of(v, cluster, entry);
    if (*end == FAT_END_UNKNOWN || is_outside(*end))
        return *end == FAT_END_UNKNOWN;
    count = ROW_MAX - cluster % ROW_MAX;
    if (count > v->last - cluster + 1)
        count = v->last - cluster + 1;
    count = fat_check_row(v, cluster, count);
    if (count > 1) {
        cluster += count - 1;
        entry = fat_check_get(v, cluster);
        *end = end_of(v, cluster, entry);
    }
    *value = is_outside(*end) ? cluster : entry;
    return is_outside(*end) ? count - 1 : count;
}

/* Clusters in a row that are a file's, of which others may follow. */
struct claimed {
    uint32_t cluster, count;
    uint32_t position;          /* of the first one in the file */
};

static void claim(const struct fat_check *v, const struct fat_check_use *use,
                  const struct claimed *row)
{
    if (row->count > 0)
        check_claim(v->check, &(struct shale_claim){
            .use = use->use, .object = SHALE_OBJECT_FILE, .number = use->at,
            .at = fat_check_cluster_at(v, row->cluster),
            .length = (uint64_t)row->count << v->boot.cluster_shift,
            .position = (uint64_t)row->position << v->boot.cluster_shift,
        });
}

/* COUNT more from CLUSTER on; those at *ROW are claimed if they end there. */
static void claim_more(const struct fat_check *v,
                       const struct fat_check_use *use, struct claimed *row,
                       uint32_t cluster, uint32_t count)
{
    if (!use || !v->check->config->claim)
        return;
    if (row->cluster + row->count != cluster) {
        claim(v, use, row);
        row->position += row->count;
        row->cluster = cluster;
        row->count = 0;
    }
    row->count += count;
}

uint32_t fat_check_before(struct check_bits *bits, uint32_t cluster,
                          uint32_t count)
{
    /* Where nothing is in, what comes first far away is not looked for. */
    if (check_bits_sum(bits, cluster, count) == 0)
        return count;
    return (uint32_t)(check_bits_next(bits, cluster, true) - cluster);
}

/*
 * Take the *COUNT clusters from CLUSTER on. *MET: somebody had, and *COUNT is
 * how many are sure to be ours.
 */
static int take(struct fat_check *v, struct check_bits *taken,
                uint32_t cluster, uint32_t *count, bool *met)
{
    uint32_t all = *count;
    uint64_t already;
    int err;

    /* Of directories one is taken at a time. Else others may come between. */
    if (taken == v->dir_clusters)
        *count = fat_check_before(taken, cluster, all);
    err = check_bits_add(taken, cluster, all, &already);
    *met = !err && already > 0;
    if (*met && taken == v->owned) {
        __atomic_store_n(&v->shared, true, __ATOMIC_RELAXED);
        *count = 0;
    }
    return err;
}

/* Measure the rest of a chain of few rows, from *OUT on, which is taken. */
static void measure(const struct fat_check *v, struct fat_check_chain *out)
{
    while (out->end == FAT_END_MET && out->rows < FAT_CHECK_FEW) {
        uint32_t cluster = out->value;
        uint32_t count = fat_check_run(v, cluster, &out->end, &out->value);

        out->rows++;
        out->length += count;
        if (count > 0)
            out->last = cluster + count - 1;
    }
}

int fat_check_follow(struct fat_check *v, uint32_t first,
                     struct check_bits *taken, const struct fat_check_use *use,
                     struct fat_check_chain *out)
{
    struct claimed row = { 0, 0, 0 };
    uint32_t cluster = first, count;
    bool met = false;
    int err = 0;

    *out = (struct fat_check_chain){ .end = FAT_END_MET };
    while (!err && !met && out->end == FAT_END_MET) {
        count = fat_check_run(v, cluster, &out->end, &out->value);
        if (count > 0) {
            claim_more(v, use, &row, cluster, count);
            err = take(v, taken, cluster, &count, &met);
        }
        if (count > 0) {
            out->length += count;
            out->last = cluster + count - 1;
        }
        if (met) {
            out->end = FAT_END_MET;
            out->value = cluster + count;
        }
        cluster = out->value;
        if (++out->rows % ASK_EVERY == 0 && !err)
            err = check_going(v->check);
    }
    claim(v, use, &row);
    if (taken == v->owned) {
        check_done(v->check, out->length);
        out->rows -= met;       /* that row is to be measured */
        measure(v, out);
    }
    return err;
}

/* An end that cannot be read has been told. */
bool fat_check_tell_end(struct fat_check *v, enum shale_object object,
                        uint64_t number, uint64_t at,
                        const struct fat_check_chain *chain)
{
    uint64_t where = chain->last ? fat_check_entry_at(v, chain->last) : at;

    if (chain->end == FAT_END_FREE)
        FAT_TELL(v, CHAIN_FREE, where, .object = object, .number = number,
                 .found = chain->value, .other = chain->length);
    else if (chain->end == FAT_END_BAD)
        FAT_TELL(v, CHAIN_BAD, where, .object = object, .number = number,
                 .found = chain->value, .other = chain->length);
    else if (chain->end == FAT_END_NOWHERE)
        FAT_TELL(v, CHAIN_NOWHERE, where, .object = object, .number = number,
                 .found = chain->value, .other = chain->last);
    return chain->end != FAT_END_MARK;
}
