/*
 * upcase.c - names without their case: $UpCase, and the order of names
 *
 * Every volume brings its own table of upper case, by which its indexes are
 * sorted: Windows has changed it over the years, and volumes keep theirs. So
 * the table that is built in is for volumes whose own one is bad.
 *
 * Most characters have no case: of 256 rows of 256 units some 20 are kept, and
 * what is in no row is its own upper case.
 */
#include "index.h"
#include "memfn.h"
#include "upcase.h"

#define UNITS 65536u
#define ROW 256u
#define ROWS (UNITS / ROW)
#define ROW_SIZE (ROW * sizeof(uint16_t))
#define TABLE_SIZE (UNITS * sizeof(uint16_t))
#define PIECE (16u << 10)       /* of the table that is read at a time, bytes */

/* -------------------------------------------------------------- the table */

static uint16_t upper_of(uint16_t *const *rows, uint32_t unit)
{
    const uint16_t *row = rows[unit / ROW];

    return row ? row[unit % ROW] : (uint16_t)unit;
}

/* UPPER is that of UNIT: make its row, if it needs one. */
static int upper_set(struct ntfs_volume *vol, uint16_t **rows, uint32_t unit,
                     uint16_t upper)
{
    uint32_t first = unit - unit % ROW;
    uint16_t **row = &rows[unit / ROW];

    if (!*row && upper == unit)
        return 0;
    if (!*row) {
        *row = shale_alloc(vol->fs->mem, ROW_SIZE);
        if (!*row)
            return SHALE_ENOMEM;
        for (uint32_t i = 0; i < ROW; i++)
            (*row)[i] = (uint16_t)(first + i);
    }
    (*row)[unit % ROW] = upper;
    return 0;
}

static void rows_drop(struct ntfs_volume *vol, uint16_t **rows)
{
    for (unsigned i = 0; i < ROWS; i++) {
        shale_free(vol->fs->mem, rows[i], ROW_SIZE);
        rows[i] = NULL;
    }
}

static int table_build_in(struct ntfs_volume *vol, uint16_t **rows)
{
    int err = 0;

    for (unsigned r = 0; r < ntfs_case_range_count; r++) {
        const struct ntfs_case_range *range = &ntfs_case_ranges[r];

        for (unsigned i = 0; i < range->count && !err; i++) {
            unsigned unit = range->first + i * range->stride;

            err = upper_set(vol, rows, unit,
                            (uint16_t)((int32_t)unit + range->delta));
        }
    }
    return err;
}

/*
 * Is this a table of upper case? Every one that Windows has written leaves
 * alone what is upper case already, and has ASCII's. What was never written is
 * zeros.
 */
static bool table_check(uint16_t *const *rows)
{
    for (uint32_t i = 0; i < 128; i++)
        if (upper_of(rows, i) != (i - 'a' < 26 ? i - ('a' - 'A') : i))
            return false;
    for (uint32_t i = 128; i < UNITS; i++) {
        uint16_t upper = upper_of(rows, i);

        if (upper == 0 || upper_of(rows, upper) != upper)
            return false;
    }
    return true;
}

/* Fill ROWS by STREAM, of TABLE_SIZE bytes, of which PIECE at a time in BUF. */
static int table_read(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                      uint8_t *buf, uint16_t **rows)
{
    int err = 0;

    for (uint32_t at = 0; at < TABLE_SIZE && !err; at += PIECE) {
        err = ntfs_stream_fetch(vol, stream, at, buf, PIECE);
        for (uint32_t i = 0; i < PIECE / 2 && !err; i++)
            err = upper_set(vol, rows, at / 2 + i, le16_load(buf + 2 * i));
    }
    return err;
}

/* The volume's own, from STREAM. */
static int table_decode(struct ntfs_volume *vol,
                        const struct ntfs_stream *stream, uint16_t **rows)
{
    uint8_t *buf;
    int err;

    if (stream->size != TABLE_SIZE || !ntfs_stream_is_plain(stream))
        return shale_corrupt_inode(vol->fs, "ntfs: $UpCase of a wrong size",
                                   stream->at, NTFS_UPCASE);
    buf = shale_alloc(vol->fs->mem, PIECE);
    if (!buf)
        return SHALE_ENOMEM;
    err = table_read(vol, stream, buf, rows);
    shale_free(vol->fs->mem, buf, PIECE);
    if (!err && !table_check(rows))
        err = shale_corrupt_inode(vol->fs, "ntfs: $UpCase is not a table of "
                                  "upper case", stream->at, NTFS_UPCASE);
    return err;
}

static int table_load(struct ntfs_volume *vol, uint16_t **rows)
{
    struct ntfs_record *record;
    struct ntfs_stream stream;
    int found, err = ntfs_record_get(vol, NTFS_UPCASE, &record);

    if (err)
        return err;
    found = ntfs_stream_open(vol, record, NTFS_DATA, NULL, 0, &stream);
    ntfs_record_put(vol, record);
    if (found == 0)
        return shale_corrupt_inode(vol->fs, "ntfs: $UpCase without data",
                                   SHALE_NOWHERE, NTFS_UPCASE);
    if (found < 0)
        return found;
    err = table_decode(vol, &stream, rows);
    ntfs_stream_close(vol, &stream);
    return err;
}

int ntfs_upcase_load(struct ntfs_volume *vol)
{
    uint16_t **rows = shale_alloc_array(vol->fs->mem, ROWS, sizeof *rows);
    int err;

    if (!rows)
        return SHALE_ENOMEM;
    err = table_load(vol, rows);
    if (err && err != SHALE_ENOMEM) {
        shale_warn(vol->fs, "ntfs: $UpCase cannot be used",
                   "names are compared as by Windows since Vista",
                   SHALE_NOWHERE);
        rows_drop(vol, rows);
        err = table_build_in(vol, rows);
    }
    if (err) {
        rows_drop(vol, rows);
        shale_free(vol->fs->mem, rows, ROWS * sizeof *rows);
        return err;
    }
    vol->upcase = rows;
    return 0;
}

void ntfs_upcase_free(struct ntfs_volume *vol)
{
    if (!vol->upcase)
        return;
    rows_drop(vol, vol->upcase);
    shale_free(vol->fs->mem, vol->upcase, ROWS * sizeof *vol->upcase);
    vol->upcase = NULL;
}

/* -------------------------------------------------------------- the order */

int ntfs_name_compare(const struct ntfs_volume *vol, const uint16_t *a,
                      size_t a_len, const uint16_t *b, size_t b_len)
{
    size_t len = a_len < b_len ? a_len : b_len;

    for (size_t i = 0; i < len; i++) {
        int x = ntfs_upper(vol, a[i]), y = ntfs_upper(vol, b[i]);

        if (x != y)
            return x - y;
    }
    return a_len == b_len ? 0 : a_len < b_len ? -1 : 1;
}

static uint16_t unit_of(const struct ntfs_name *name, size_t i)
{
    return le16_load(name->units + 2 * i);
}

/* The order but for case. */
static int sought_fold(const struct ntfs_sought *sought,
                       const struct ntfs_name *name)
{
    unsigned len = sought->length < name->length ? sought->length
                                                 : name->length;

    for (unsigned i = 0; i < len; i++) {
        uint16_t unit = unit_of(name, i);
        int order;

        if (unit == sought->units[i])
            continue;
        order = sought->upper[i] - ntfs_upper(sought->vol, unit);
        if (order)
            return order;
    }
    return (int)sought->length - (int)name->length;
}

int ntfs_sought_compare(struct ntfs_sought *sought,
                        const struct ntfs_name *name, uint64_t reference)
{
    int order = sought_fold(sought, name);

    if (order)
        return order;
    for (unsigned i = 0; i < sought->length && order == 0; i++)
        order = sought->units[i] - unit_of(name, i);
    if (order == 0) {
        sought->exact = true;
        sought->reference = reference;
    } else if (!sought->similar && !sought->exact) {
        sought->similar = true;
        sought->reference = reference;
    }
    return sought->backwards ? -order : order;
}
