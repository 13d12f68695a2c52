/*
 * order.c - how the keys of indexes are sorted
 *
 * (Linux-NTFS, "Index", COLLATION; libfsntfs, "Collation type")
 */
#include "memfn.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

static uint16_t unit_at(const uint8_t *units, size_t i)
{
    return (uint16_t)(units[2 * i] | units[2 * i + 1] << 8);
}

static int sign(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

/* Names: by their upper case; those that differ in case only, by it. */
static int by_name(const struct ntfs_volume *vol, const uint8_t *a,
                   size_t a_len, const uint8_t *b, size_t b_len)
{
    struct ntfs_name x, y;
    size_t len;

    if (ntfs_name_decode(a, a_len, &x) || ntfs_name_decode(b, b_len, &y))
        return -1;              /* which is told as such */
    len = x.length < y.length ? x.length : y.length;
    for (size_t i = 0; i < len; i++) {
        int p = ntfs_upper(vol, unit_at(x.units, i));
        int q = ntfs_upper(vol, unit_at(y.units, i));

        if (p != q)
            return p - q;
    }
    if (x.length != y.length)
        return x.length - y.length;
    for (size_t i = 0; i < len; i++)
        if (unit_at(x.units, i) != unit_at(y.units, i))
            return unit_at(x.units, i) - unit_at(y.units, i);
    return 0;
}

/* Numbers of 32 bits, one after the other; the shorter row is below. */
static int by_numbers(const uint8_t *a, size_t a_len, const uint8_t *b,
                      size_t b_len)
{
    size_t len = a_len < b_len ? a_len : b_len;

    for (size_t i = 0; i + 4 <= len; i += 4) {
        uint32_t x = le32_get(*(const le32 *)(a + i));
        uint32_t y = le32_get(*(const le32 *)(b + i));

        if (x != y)
            return x < y ? -1 : 1;
    }
    return sign(a_len, b_len);
}

static int by_bytes(const uint8_t *a, size_t a_len, const uint8_t *b,
                    size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order ? order : sign(a_len, b_len);
}

int ntfs_check_collate(const struct ntfs_volume *vol, uint32_t collation,
                       const uint8_t *a, size_t a_len, const uint8_t *b,
                       size_t b_len)
{
    switch (collation) {
    case NTFS_COLLATE_FILE_NAME:
        return by_name(vol, a, a_len, b, b_len);
    case NTFS_COLLATE_ULONG:
    case NTFS_COLLATE_ULONGS:
    case NTFS_COLLATE_SECURITY_HASH:    /* the hash, then the id */
        return by_numbers(a, a_len, b, b_len);
    default:
        return by_bytes(a, a_len, b, b_len);
    }
}
