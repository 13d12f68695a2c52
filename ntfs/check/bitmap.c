/*
 * bitmap.c - what is free: $Bitmap and the MFT's own, against what was found
 *
 * Both become sets, which are small where they are simple; then two sets are
 * compared stretch by stretch, but for what cannot be read.
 */
#include "memfn.h"
#include "ntfs/check/check.h"

#define WINDOW (256u << 10)
#define PIECE  (4u << 10)       /* where one cannot be read */

/* Of an attribute that is in its record, or not. */
#define LENGTH_AT NTFS_CHECK_FIELD(ntfs_disk_resident, value_length)
#define SIZE_AT   NTFS_CHECK_FIELD(ntfs_disk_non_resident, size)
#define FLAGS_AT  NTFS_CHECK_FIELD(ntfs_disk_record, flags)

/* What a bitmap says. */
struct said {
    struct check_bits *set;
    struct check_bits *unread;  /* numbers whose bits cannot be read; NULL: none
                                   are so */
    uint64_t bits;              /* that there are, of set's */
};

/* --------------------------------------------------------------- loading */

/* Add the bits of the SIZE bytes at BYTES, the first of which is FIRST. */
static int bits_take(struct check_bits *to, uint64_t first,
                     const uint8_t *bytes, size_t size)
{
    size_t bit = 0, bits = size * 8;
    int err = 0;

    while (bit < bits && !err) {
        size_t start;

        /* Over what is all zeros, or all ones, in bytes. */
        while (bit < bits && !(bytes[bit / 8] >> bit % 8 & 1))
            bit += bit % 8 == 0 && bytes[bit / 8] == 0 ? 8 : 1;
        start = bit;
        while (bit < bits && (bytes[bit / 8] >> bit % 8 & 1))
            bit += bit % 8 == 0 && bytes[bit / 8] == 0xff ? 8 : 1;
        if (bit > start)
            err = check_bits_add(to, first + start, bit - start, NULL);
    }
    return err;
}

/* The bits of N bytes at AT of STREAM cannot be read: told, if they are the
   FIRST ones. */
static int bits_lack(struct ntfs_check *nc, const struct ntfs_stream *stream,
                     struct said *to, uint64_t at, size_t n,
                     bool first)
{
    uint64_t place = ntfs_data_place(nc->vol, stream, at);

    if (first)
        check_tell(nc->check, &check_codes[CHECK_READ], place,
                   &(struct check_note){
            .object = SHALE_OBJECT_RECORD, .number = stream->ino,
            .other = place,
        });
    if (!to->unread)
        to->unread = check_bits_create(nc->check, check_bits_size(to->set));
    return to->unread ? check_bits_add(to->unread, at * 8, (uint64_t)n * 8,
                                       NULL)
                      : SHALE_ENOMEM;
}

/* Is ERR no more than that something cannot be read? */
static bool is_lack(int err)
{
    return err && err != SHALE_ENOMEM && err != SHALE_EINTR;
}

/* Take the bits of N bytes at AT of STREAM. WINDOW has room for them. */
static int part_take(struct ntfs_check *nc, const struct ntfs_stream *stream,
                     struct said *to, uint64_t at, size_t n, uint8_t *window)
{
    int err = check_going(nc->check);

    if (!err)
        err = ntfs_stream_fetch(nc->vol, stream, at, window, n);
    return err ? err : bits_take(to->set, at * 8, window, n);
}

/* The same where not all of them can be read, in pieces: those that can. */
static int pieces_take(struct ntfs_check *nc, const struct ntfs_stream *stream,
                       struct said *to, uint64_t at, size_t n, uint8_t *window)
{
    bool told = false;
    int err = 0;

    for (size_t done = 0; done < n && !err; done += PIECE) {
        size_t part = n - done < PIECE ? n - done : PIECE;

        err = part_take(nc, stream, to, at + done, part, window);
        if (is_lack(err)) {
            err = bits_lack(nc, stream, to, at + done, part, !told);
            told = true;
        }
    }
    return err;
}

/* As long as bits are wanted and STREAM has them, window by window. */
static int stream_take(struct ntfs_check *nc, const struct ntfs_stream *stream,
                       struct said *to, uint8_t *window)
{
    uint64_t size = (check_bits_size(to->set) + 7) / 8;
    int err = 0;

    if (size > stream->size)
        size = stream->size;
    for (uint64_t at = 0; at < size && !err; at += WINDOW) {
        size_t n = size - at < WINDOW ? (size_t)(size - at) : WINDOW;

        err = part_take(nc, stream, to, at, n, window);
        if (is_lack(err))
            err = pieces_take(nc, stream, to, at, n, window);
    }
    return err;
}

/* Read the bitmap that is the attribute TYPE of record NUMBER. What is not
   there is not compared with anything. */
static int bitmap_load(struct ntfs_check *nc, uint64_t number, uint32_t type,
                       struct said *to)
{
    struct ntfs_record *record;
    struct ntfs_stream stream;
    uint8_t *window;
    int err = ntfs_record_get(nc->vol, number, &record), found;

    to->bits = 0;
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    found = ntfs_stream_open(nc->vol, record, type, NULL, 0, &stream);
    ntfs_record_put(nc->vol, record);
    if (found <= 0) {
        if (found != SHALE_ENOMEM)
            ntfs_check_tell(nc, NTFS_CHECK_BITMAP, number,
                            ntfs_check_at(nc, number, 0));
        return found == SHALE_ENOMEM ? found : 0;
    }
    window = check_alloc(nc->check, WINDOW);
    err = window ? stream_take(nc, &stream, to, window) : SHALE_ENOMEM;
    check_free(nc->check, window, WINDOW);
    to->bits = check_bits_size(to->set);
    if (stream.size < (to->bits + 7) / 8) {
        ntfs_check_differ(nc, NTFS_CHECK_BITMAP_SHORT, number,
                          stream.at + (stream.resident ? LENGTH_AT : SIZE_AT),
                          (to->bits + 7) / 8, stream.size);
        to->bits = stream.size * 8;
    }
    ntfs_stream_close(nc->vol, &stream);
    return err;
}

int ntfs_check_claimed(struct ntfs_check *nc)
{
    struct said said = { .set = nc->claimed };
    int err = bitmap_load(nc, NTFS_MFT, NTFS_BITMAP_ATTR, &said);

    nc->claims = said.bits;
    nc->claims_unread = said.unread;
    return err;
}

/* ------------------------------------------------------------- comparing */

/* COUNT numbers from FIRST on are in the set of what was FOUND, or else in that
   of what the volume says. */
typedef void differ_fn(struct ntfs_check *nc, uint64_t first, uint64_t count,
                       bool found);

/* Is AT in BITS? *END becomes no more than where that is no longer so. */
static bool has_until(struct check_bits *bits, uint64_t at, uint64_t *end)
{
    bool has = check_bits_has(bits, at);
    uint64_t next = check_bits_next(bits, at, !has);

    if (next < *end)
        *end = next;
    return has;
}

static int sets_compare(struct ntfs_check *nc, struct check_bits *found,
                        const struct said *said, differ_fn *differ)
{
    uint64_t at = 0, end;
    int err = 0;

    while (at < said->bits && !err) {
        bool a, b, known;

        end = said->bits;
        a = has_until(found, at, &end);
        b = has_until(said->set, at, &end);
        known = !said->unread || !has_until(said->unread, at, &end);
        if (a != b && known)
            differ(nc, at, end - at, a);
        at = end;
        err = check_going(nc->check);
    }
    return err;
}

static void clusters_differ(struct ntfs_check *nc, uint64_t first,
                            uint64_t count, bool found)
{
    uint32_t shift = nc->vol->boot.cluster_shift;

    /* Records that cannot be read may have them. */
    if (!found && check_bits_next(nc->unread, 0, true) < nc->record_count)
        return;
    check_tell(nc->check,
               &ntfs_check_codes[found ? NTFS_CHECK_CLUSTER_UNMARKED
                                       : NTFS_CHECK_CLUSTER_LOST],
               first << shift, &(struct check_note){
        .object = SHALE_OBJECT_CLUSTER, .number = first, .other = count,
        .found = first,
    });
    if (!found)
        check_claim(nc->check, &(struct shale_claim){
            .use = SHALE_USE_LOST, .object = SHALE_OBJECT_CLUSTER,
            .number = first, .at = first << shift, .length = count << shift,
            .position = SHALE_NOWHERE,
        });
}

static void records_differ(struct ntfs_check *nc, uint64_t first,
                           uint64_t count, bool found)
{
    for (uint64_t i = first; i < first + count; i++)
        /* Records that nobody has used yet may be kept for the system; and why
           others are not in use may have been told. */
        if (found || (i >= NTFS_FIRST_USER + 8 &&
                      !check_bits_has(nc->unread, i) &&
                      !ntfs_check_is_told(nc, i)))
            ntfs_check_tell(nc, found ? NTFS_CHECK_RECORD_UNMARKED
                                      : NTFS_CHECK_RECORD_LOST,
                            i, ntfs_check_at(nc, i, FLAGS_AT));
}

int ntfs_check_bitmaps(struct ntfs_check *nc)
{
    uint64_t clusters = nc->cluster_count;
    struct said records = { nc->claimed, nc->claims_unread, nc->claims };
    struct said said = { .set = NULL };
    int err;

    check_phase(nc->check, "bitmaps", 2);
    nc->check->result->units_used = check_bits_sum(nc->used, 0, clusters);
    err = sets_compare(nc, nc->in_use, &records, records_differ);
    check_done(nc->check, 1);
    if (err)
        return err;
    said.set = check_bits_create(nc->check, clusters);
    if (!said.set)
        return SHALE_ENOMEM;
    err = bitmap_load(nc, NTFS_BITMAP, NTFS_DATA, &said);
    if (!err)
        err = sets_compare(nc, nc->used, &said, clusters_differ);
    check_bits_destroy(said.unread);
    check_bits_destroy(said.set);
    check_done(nc->check, 1);
    return err;
}
