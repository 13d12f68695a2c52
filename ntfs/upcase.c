/*
 * upcase.c - names without their case: $UpCase, and the order of names
 *
 * Every volume brings its own table of upper case, by which its indexes are
 * sorted: Windows has changed it over the years, and volumes keep theirs. So
 * the table that is built in is for volumes whose own one is bad.
 */
#include "index.h"
#include "memfn.h"
#include "upcase.h"

#define UNITS 65536u
#define TABLE_SIZE (UNITS * sizeof(uint16_t))

/* -------------------------------------------------------------- the table */

static void table_build_in(uint16_t *table)
{
    for (uint32_t i = 0; i < UNITS; i++)
        table[i] = (uint16_t)i;
    for (unsigned r = 0; r < ntfs_case_range_count; r++) {
        const struct ntfs_case_range *range = &ntfs_case_ranges[r];

        for (unsigned i = 0; i < range->count; i++) {
            unsigned unit = range->first + i * range->stride;

            table[unit] = (uint16_t)((int32_t)unit + range->delta);
        }
    }
}

/*
 * Is TABLE one of upper case? Every one that Windows has written leaves alone
 * what is upper case already, and has ASCII's. What was never written is zeros.
 */
static bool table_check(const uint16_t *table)
{
    for (uint32_t i = 0; i < 128; i++)
        if (table[i] != (i - 'a' < 26 ? i - ('a' - 'A') : i))
            return false;
    for (uint32_t i = 128; i < UNITS; i++)
        if (table[i] == 0 || table[table[i]] != table[i])
            return false;
    return true;
}

/* Make TABLE_SIZE bytes at BYTES the table that they are, where they are. */
static bool table_decode(uint8_t *bytes)
{
    uint16_t *table = (void *)bytes;

    for (uint32_t i = 0; i < UNITS; i++)
        table[i] = le16_load(bytes + 2 * i);
    return table_check(table);
}

/* The volume's own, in memory of TABLE_SIZE bytes. */
static int table_load(struct ntfs_volume *vol, uint16_t **out)
{
    const char *wrong = NULL;
    struct ntfs_record *record;
    struct ntfs_value value;
    int err = ntfs_record_get(vol, NTFS_UPCASE, &record);

    if (err)
        return err;
    err = ntfs_value_get(vol, record, NTFS_DATA, NULL, 0, TABLE_SIZE, &value);
    ntfs_record_put(vol, record);
    if (err < 0)
        return err;
    if (value.length != TABLE_SIZE)
        wrong = "ntfs: $UpCase of a wrong size";
    else if (!table_decode(value.bytes))
        wrong = "ntfs: $UpCase is not a table of upper case";
    if (wrong) {
        ntfs_value_put(vol, &value);
        return shale_corrupt_inode(vol->fs, wrong, value.at, NTFS_UPCASE);
    }
    *out = (void *)value.bytes;
    return 0;
}

int ntfs_upcase_load(struct ntfs_volume *vol)
{
    uint16_t *table = NULL;
    int err = table_load(vol, &table);

    if (err == SHALE_ENOMEM)
        return err;
    if (err) {
        shale_warn(vol->fs, "ntfs: $UpCase cannot be used",
                   "names are compared as by Windows since Vista",
                   SHALE_NOWHERE);
        table = shale_alloc(vol->fs->mem, TABLE_SIZE);
        if (!table)
            return SHALE_ENOMEM;
        table_build_in(table);
    }
    vol->upcase = table;
    return 0;
}

void ntfs_upcase_free(struct ntfs_volume *vol)
{
    shale_free(vol->fs->mem, vol->upcase, TABLE_SIZE);
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
