/*
 * runlist.c - decode the mapping pairs of a non-resident attribute
 *
 * They map a stream's clusters (VCN) to those of the volume (LCN). On disk each
 * run is one header byte, whose nibbles give the width of two integers, then an
 * unsigned length and a signed distance from the previous run's LCN. No
 * distance means a hole; a zero header ends the list. (Linux-NTFS, "Data runs")
 *
 *      21 18 34 56        24 clusters at previous LCN + 0x5634
 *      ||
 *      |+- length is 1 byte
 *      +-- distance is 2 bytes
 *
 * A run in memory begins and ends where the clusters no longer follow each
 * other, on the volume or by being nowhere, whatever the pairs were.
 */
#include "memfn.h"
#include "ntfs.h"
#include "span.h"

void ntfs_runs_free(struct ntfs_volume *vol, struct ntfs_runs *runs)
{
    shale_free(vol->fs->mem, runs->list, runs->room * sizeof *runs->list);
    *runs = (struct ntfs_runs){ .list = NULL };
}

/* ------------------------------------------------------------- decoding */

/* The unsigned integer of WIDTH bytes, at most 8. */
static uint64_t packed(const uint8_t *bytes, unsigned width)
{
    uint64_t value = 0;

    for (unsigned i = width; i > 0; i--)
        value = value << 8 | bytes[i - 1];
    return value;
}

/* The same, signed: its highest bit goes on to the left. */
static uint64_t packed_signed(const uint8_t *bytes, unsigned width)
{
    uint64_t value = packed(bytes, width);

    if (width < 8 && bytes[width - 1] & 0x80)
        value |= UINT64_MAX << (8 * width);
    return value;
}

int ntfs_pair_take(struct span *bytes, uint64_t *lcn, struct ntfs_pair *out,
                   const char **wrong)
{
    const uint8_t *header = span_take(bytes, 1), *length, *distance;
    unsigned length_width, distance_width;

    if (!header || *header == 0)
        return 0;
    length_width = *header & 0x0f;
    distance_width = *header >> 4;
    if (length_width < 1 || length_width > 8 || distance_width > 8) {
        *wrong = "ntfs: a run of no such width";
        return -1;
    }
    length = span_take(bytes, length_width);
    distance = span_take(bytes, distance_width);
    if (!length || !distance) {
        *wrong = "ntfs: a run goes on past the attribute";
        return -1;
    }
    out->count = packed(length, length_width);
    out->lcn = NTFS_HOLE;
    if (distance_width > 0) {
        *lcn += packed_signed(distance, distance_width);
        out->lcn = *lcn;
        if (out->lcn == NTFS_HOLE) {    /* what no run is to be called by */
            *wrong = "ntfs: a run leaves the volume";
            return -1;
        }
    }
    return 1;
}

/* The pairs at BYTES: no fewer than what is decoded of them. */
static size_t pairs_count(struct span bytes)
{
    size_t count = 0;

    for (;;) {
        const uint8_t *header = span_take(&bytes, 1);

        if (!header || *header == 0 ||
            !span_take(&bytes, (*header & 0x0fu) + (*header >> 4)))
            return count;
        count++;
    }
}

/* Have room for MORE runs. A list that grows piece by piece doubles. */
static int runs_reserve(struct ntfs_volume *vol, struct ntfs_runs *runs,
                        size_t more)
{
    size_t room = runs->count + more;
    struct ntfs_run *list;

    if (room <= runs->room)
        return 0;
    if (room < runs->room * 2)
        room = runs->room * 2;
    if (room > SIZE_MAX / sizeof *list)
        return SHALE_ENOMEM;
    list = shale_alloc(vol->fs->mem, room * sizeof *list);
    if (!list)
        return SHALE_ENOMEM;
    if (runs->count > 0)
        memcpy(list, runs->list, runs->count * sizeof *list);
    shale_free(vol->fs->mem, runs->list, runs->room * sizeof *list);
    runs->list = list;
    runs->room = room;
    return 0;
}

/* Add a run that has been checked, for which there is room. */
static void run_add(struct ntfs_runs *runs, const struct ntfs_pair *pair)
{
    if (runs->count > 0) {
        struct ntfs_run *last = &runs->list[runs->count - 1];
        bool hole = last->lcn == NTFS_HOLE;

        if (hole ? pair->lcn == NTFS_HOLE
                 : pair->lcn == last->lcn + last->count) {
            last->count += pair->count;
            runs->end += pair->count;
            return;
        }
    }
    runs->list[runs->count++] = (struct ntfs_run){
        .vcn = runs->end, .lcn = pair->lcn, .count = pair->count,
    };
    runs->end += pair->count;
}

/* Which rule does PAIR break, coming at runs->end? NULL: none. */
static const char *pair_check(const struct ntfs_volume *vol,
                              const struct ntfs_runs *runs,
                              const struct ntfs_pair *pair, uint64_t last_vcn)
{
    uint64_t clusters = vol->boot.cluster_count;

    if (pair->count == 0)
        return "ntfs: a run of no clusters";
    /* An attribute without clusters has none. */
    if (last_vcn == UINT64_MAX || runs->end > last_vcn ||
        pair->count - 1 > last_vcn - runs->end)
        return "ntfs: runs go on past the last cluster of their attribute";
    if (pair->lcn != NTFS_HOLE &&
        (pair->lcn >= clusters || pair->count > clusters - pair->lcn))
        return "ntfs: a run leaves the volume";
    return NULL;
}

int ntfs_runs_decode(struct ntfs_volume *vol, struct ntfs_runs *runs,
                     const uint8_t *bytes, size_t len, uint64_t last_vcn,
                     uint64_t at, uint64_t ino)
{
    struct span span = { bytes, len };
    const char *wrong = NULL;
    struct ntfs_pair pair;
    uint64_t lcn = 0;
    int more = runs_reserve(vol, runs, pairs_count(span));

    if (more)
        return more;
    /* An offset in the stream fits into 63 bits. */
    if (last_vcn != UINT64_MAX &&
        last_vcn >= (uint64_t)INT64_MAX >> vol->boot.cluster_shift)
        return shale_corrupt_inode(vol->fs, "ntfs: an attribute of more "
                                   "clusters than any file has", at, ino);
    while (!wrong && (more = ntfs_pair_take(&span, &lcn, &pair, &wrong)) > 0) {
        wrong = pair_check(vol, runs, &pair, last_vcn);
        if (!wrong)
            run_add(runs, &pair);
    }
    /* For an attribute without clusters the last one is number -1. */
    if (!wrong && runs->end != last_vcn + 1)
        wrong = "ntfs: runs end before their attribute does";
    if (wrong)
        return shale_corrupt_inode(vol->fs, wrong, at, ino);
    return 0;
}

/* ------------------------------------------------------------- searching */

const struct ntfs_run *ntfs_runs_find(const struct ntfs_runs *runs,
                                      uint64_t vcn)
{
    size_t low = 0, high = runs->count;

    /* The last run that does not begin after VCN. */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;

        if (runs->list[middle].vcn <= vcn)
            low = middle;
        else
            high = middle;
    }
    return &runs->list[low];
}
