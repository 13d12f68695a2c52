/*
 * scan.c - all records of the MFT, in the device's order, by all workers
 *
 * The MFT is a file, perhaps in a thousand runs. Each run is cut into chunks of
 * at most a megabyte, the chunks are sorted by where they lie, and the workers
 * take one after the other. A record that begins in one run and ends in another
 * is a chunk of its own, put together through the driver.
 *
 * A chunk that is a hole of the image has no records in use: what bitmaps and
 * indexes say of them is found elsewhere. So a mostly empty volume costs what
 * is in it.
 */
#include "memfn.h"
#include "ntfs/check/check.h"

#define CHUNK_SIZE (1u << 20)

/* ----------------------------------------------------------- the chunks */

static int chunk_add(struct ntfs_check *nc, struct ntfs_check_chunk chunk)
{
    struct check *check = nc->check;

    if (nc->chunk_count == nc->chunk_room) {
        size_t room = nc->chunk_room ? 2 * nc->chunk_room : 64;
        struct ntfs_check_chunk *more =
            check_alloc(check, room * sizeof *more);

        if (!more)
            return SHALE_ENOMEM;
        if (nc->chunk_count > 0)
            memcpy(more, nc->chunks, nc->chunk_count * sizeof *more);
        check_free(check, nc->chunks, nc->chunk_room * sizeof *more);
        nc->chunks = more;
        nc->chunk_room = room;
    }
    nc->chunks[nc->chunk_count++] = chunk;
    return 0;
}

/* Cut the records from FIRST to before END, which lie in a row from AT on. */
static int cut(struct ntfs_check *nc, uint64_t first, uint64_t end, uint64_t at)
{
    uint32_t shift = nc->vol->boot.record_shift;
    uint64_t most = CHUNK_SIZE >> shift;
    int err = 0;

    while (first < end && !err) {
        uint64_t count = end - first < most ? end - first : most;

        err = chunk_add(nc, (struct ntfs_check_chunk){
            .first = first, .count = (uint32_t)count, .at = at,
        });
        first += count;
        at += count << shift;
    }
    return err;
}

/* Behind the last record that has ever been written, and there is room for. */
static uint64_t records_end(const struct ntfs_check *nc)
{
    return nc->vol->valid_records < nc->record_count ? nc->vol->valid_records
                                                     : nc->record_count;
}

/*
 * The records of RUN. Those that begin in the run before and end here have been
 * seen to; NEXT is the first that was not.
 */
static int run_cut(struct ntfs_check *nc, const struct ntfs_run *run,
                   uint64_t *next)
{
    const struct ntfs_boot *boot = &nc->vol->boot;
    uint64_t begin = run->vcn << boot->cluster_shift;
    uint64_t end = (run->vcn + run->count) << boot->cluster_shift;
    uint64_t first = (begin + boot->record_size - 1) >> boot->record_shift;
    uint64_t whole = end >> boot->record_shift;
    uint64_t place = run->lcn << boot->cluster_shift;
    uint64_t last = records_end(nc);
    int err = 0;

    if (first < *next)
        first = *next;
    if (whole > last)
        whole = last;
    if (run->lcn != NTFS_HOLE && first < whole)
        err = cut(nc, first, whole,
                  place + ((first << boot->record_shift) - begin));
    if (whole > *next)
        *next = whole;
    /* One that goes on in the next run. */
    if (!err && *next << boot->record_shift < end &&
        *next < last) {
        err = chunk_add(nc, (struct ntfs_check_chunk){
            .first = *next, .count = 1, .at = SHALE_NOWHERE,
        });
        ++*next;
    }
    return err;
}

static int by_place(const void *a, const void *b)
{
    const struct ntfs_check_chunk *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

int ntfs_check_chunks_make(struct ntfs_check *nc)
{
    const struct ntfs_runs *runs = nc->vol->mft_runs;
    uint64_t next = 0;
    int err = 0;

    for (size_t i = 0; i < runs->count && !err; i++)
        err = run_cut(nc, &runs->list[i], &next);
    if (!err)
        check_sort(nc->chunks, nc->chunk_count, sizeof *nc->chunks, by_place);
    return err;
}

void ntfs_check_chunks_free(struct ntfs_check *nc)
{
    check_free(nc->check, nc->chunks,
               nc->chunk_room * sizeof *nc->chunks);
    nc->chunks = NULL;
}

/* ------------------------------------------------------------- the scan */

struct scan {
    struct ntfs_check *nc;
    uint16_t flags;
    ntfs_check_each_fn *each;
};

/* Bytes of record NUMBER, wherever its pieces are. False: unreadable. */
static int split_read(struct ntfs_check *nc, uint64_t number, uint8_t *to,
                      bool *good)
{
    const struct ntfs_boot *boot = &nc->vol->boot;
    uint64_t offset = number << boot->record_shift;
    uint32_t left = boot->record_size;

    *good = true;
    while (left > 0) {
        const struct ntfs_run *run =
            ntfs_runs_find(nc->vol->mft_runs, offset >> boot->cluster_shift);
        uint64_t into = offset - (run->vcn << boot->cluster_shift);
        uint64_t most = (run->count << boot->cluster_shift) - into;
        uint32_t n = left < most ? left : (uint32_t)most;
        int err = 0;

        if (run->lcn == NTFS_HOLE)
            memset(to, 0, n);
        else
            err = check_read(nc->check,
                             (run->lcn << boot->cluster_shift) + into, to, n);
        if (err == SHALE_EIO)
            *good = false;
        else if (err)
            return err;
        to += n;
        offset += n;
        left -= n;
    }
    return 0;
}

/* Does anybody want one of the records of CHUNK? */
static bool is_wanted(struct scan *scan, const struct ntfs_check_chunk *chunk)
{
    struct ntfs_check *nc = scan->nc;
    uint64_t size = (uint64_t)chunk->count << nc->vol->boot.record_shift;

    if (scan->flags == 0)
        return chunk->at == SHALE_NOWHERE ||
               check_data_from(nc->check, chunk->at) < chunk->at + size;
    for (uint32_t i = 0; i < chunk->count; i++)
        if (ntfs_check_kept(nc, chunk->first + i).flags & scan->flags)
            return true;
    return false;
}

/* Hand out record NUMBER, whose bytes are at BYTES and come from AT. */
static int give(struct scan *scan, uint64_t number, uint64_t at,
                uint8_t *bytes)
{
    struct ntfs_room room;
    struct ntfs_record record = {
        .number = number, .at = at, .bytes = bytes, .room = &room,
    };

    if (scan->flags != 0 &&
        !(ntfs_check_kept(scan->nc, number).flags & scan->flags))
        return 0;
    return scan->each(scan->nc, &record);
}

/* Record by record, those that can be read: the device fails somewhere. */
static int one_by_one(struct scan *scan, const struct ntfs_check_chunk *chunk,
                      uint8_t *bytes)
{
    struct ntfs_check *nc = scan->nc;
    uint32_t shift = nc->vol->boot.record_shift;

    for (uint32_t i = 0; i < chunk->count; i++) {
        uint64_t number = chunk->first + i;
        uint64_t at = ntfs_data_place(nc->vol, nc->vol->mft, number << shift);
        bool good;
        int err = split_read(nc, number, bytes, &good);

        if (!err && good)
            err = give(scan, number, at, bytes);
        else if (!err && scan->flags == 0)
            err = check_bits_add(nc->unread, number, 1, NULL);
        if (err)
            return err;
    }
    return 0;
}

static int chunk_scan(struct scan *scan, const struct ntfs_check_chunk *chunk,
                      uint8_t *bytes)
{
    uint32_t shift = scan->nc->vol->boot.record_shift;
    int err;

    if (chunk->at == SHALE_NOWHERE)
        return one_by_one(scan, chunk, bytes);
    err = check_read(scan->nc->check, chunk->at, bytes,
                     (size_t)chunk->count << shift);
    if (err == SHALE_EIO && chunk->at >= scan->nc->check->dev->size)
        return scan->flags != 0 ? 0
                   : check_bits_add(scan->nc->unread, chunk->first,
                                    chunk->count, NULL);
    if (err == SHALE_EIO)
        return one_by_one(scan, chunk, bytes);
    for (uint32_t i = 0; i < chunk->count && !err; i++)
        err = give(scan, chunk->first + i,
                   chunk->at + ((uint64_t)i << shift),
                   bytes + ((size_t)i << shift));
    return err;
}

static int work(struct check *check, uint64_t index, void *context)
{
    struct scan *scan = context;
    struct ntfs_check *nc = scan->nc;
    const struct ntfs_check_chunk *chunk = &nc->chunks[index];
    size_t size = (size_t)chunk->count << nc->vol->boot.record_shift;
    uint8_t *bytes;
    int err;

    if (!is_wanted(scan, chunk)) {
        check_done(check, chunk->count);
        return 0;
    }
    bytes = check_alloc(check, size);
    if (!bytes)
        return SHALE_ENOMEM;
    err = chunk_scan(scan, chunk, bytes);
    check_free(check, bytes, size);
    check_done(check, chunk->count);
    return err;
}

int ntfs_check_scan(struct ntfs_check *nc, const char *what, uint16_t flags,
                    ntfs_check_each_fn *each)
{
    struct scan scan = { nc, flags, each };

    check_phase(nc->check, what, records_end(nc));
    return check_each(nc->check, nc->chunk_count, work, &scan);
}
