/*
 * wreck.c - is this what is left of a volume whose boot sector is gone?
 *
 * FAT12 and FAT16 keep no copy of it. But of the FAT there are two as a rule,
 * one right behind the other, that begin alike: with a byte for the medium, and
 * ones. Two such near the beginning of a device are nobody else's, but for what
 * is all ones: flash that was erased, a bitmap. Where they end, and how large
 * clusters are, they do not say: that there was a volume is all that can be
 * known.
 */
#include "fat32/check/check.h"
#include "memfn.h"

#define FIRST_MAX 64u           /* sectors before the first FAT */
#define TABLE_MAX 256u          /* sectors of a FAT16 */

/* Read sector INDEX. False if it is not there, or with *ERR. */
static bool get(struct check *check, uint32_t index, uint8_t *sector, int *err)
{
    uint64_t at = (uint64_t)index * FAT_SECTOR_MIN;

    if (at + FAT_SECTOR_MIN > check->dev->size)
        return false;
    *err = check_read(check, at, sector, FAT_SECTOR_MIN);
    if (*err != SHALE_EIO)
        return !*err;
    *err = 0;
    return false;
}

static bool is_beginning(const uint8_t *sector)
{
    return (sector[0] == 0xf0 || sector[0] >= 0xf8) && sector[1] == 0xff &&
           sector[2] == 0xff &&
           (sector[0] != 0xff ||
            memcmp(sector, sector + 1, FAT_SECTOR_MIN - 1) != 0);
}

/* Is there, a FAT's length behind sector FIRST, which is in A, the same? */
static bool has_second(struct check *check, uint32_t first, const uint8_t *a,
                       uint8_t *b, int *err)
{
    for (uint32_t len = 1; len <= TABLE_MAX && !*err; len++)
        if (get(check, first + len, b, err) &&
            memcmp(a, b, FAT_SECTOR_MIN) == 0)
            return true;
    return false;
}

int fat_check_find_tables(struct check *check, bool *found)
{
    uint8_t *a = check_alloc(check, 2 * FAT_SECTOR_MIN);
    int err = a ? 0 : SHALE_ENOMEM;

    *found = false;
    for (uint32_t i = 1; i <= FIRST_MAX && !err && !*found; i++)
        *found = get(check, i, a, &err) && is_beginning(a) &&
                 has_second(check, i, a, a + FAT_SECTOR_MIN, &err);
    check_free(check, a, 2 * FAT_SECTOR_MIN);
    return err;
}
