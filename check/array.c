/*
 * array.c - one small number per inode, where there is one
 *
 * A directory of pieces of 4 KiB, which come when something in them is set.
 */
#include "check/state.h"

#define PIECE 4096u             /* bytes; whole elements, as they are powers of
                                   two */
struct check_array {
    struct check *check;
    uint64_t count;
    size_t size;                /* bytes of an element */
    uint64_t per_piece;         /* elements */
    uint64_t pieces;
    struct check_lock lock;     /* guards the elements and: */
    uint8_t **piece;            /* NULL: all zero */
};

struct check_array *check_array_create(struct check *check, uint64_t count,
                                       size_t size)
{
    struct check_array *array = check_zalloc(check, sizeof *array);
    uint64_t pieces;

    if (!array)
        return NULL;
    array->check = check;
    array->count = count;
    array->size = size;
    array->per_piece = PIECE / size;
    pieces = count / array->per_piece + 1;
    if (pieces <= SIZE_MAX / sizeof *array->piece)
        array->piece = check_zalloc(check,
                                    (size_t)pieces * sizeof *array->piece);
    else
        check_fail(check);
    if (!array->piece || check_lock_init(check, &array->lock)) {
        check_free(check, array->piece,
                   (size_t)pieces * sizeof *array->piece);
        check_free(check, array, sizeof *array);
        return NULL;
    }
    array->pieces = pieces;
    return array;
}

void check_array_destroy(struct check_array *array)
{
    struct check *check;

    if (!array)
        return;
    check = array->check;
    for (uint64_t i = 0; i < array->pieces; i++)
        check_free(check, array->piece[i], PIECE);
    check_free(check, array->piece,
               (size_t)array->pieces * sizeof *array->piece);
    check_lock_fini(check, &array->lock);
    check_free(check, array, sizeof *array);
}

uint64_t check_array_size(const struct check_array *array)
{
    return array->count;
}

void check_array_lock(struct check_array *array)
{
    check_lock(array->check, &array->lock);
}

void check_array_unlock(struct check_array *array)
{
    check_unlock(array->check, &array->lock);
}

void *check_array_at(struct check_array *array, uint64_t index, bool make)
{
    uint8_t **piece = &array->piece[index / array->per_piece];

    if (!*piece && make)
        *piece = check_zalloc(array->check, PIECE);
    if (!*piece)
        return NULL;
    return *piece + (size_t)(index % array->per_piece) * array->size;
}

static uint64_t element_get(const struct check_array *array, const void *at)
{
    uint16_t n2;
    uint32_t n4;
    uint64_t n8;

    switch (array->size) {
    case 2:
        memcpy(&n2, at, sizeof n2);
        return n2;
    case 4:
        memcpy(&n4, at, sizeof n4);
        return n4;
    default:
        memcpy(&n8, at, sizeof n8);
        return n8;
    }
}

static void element_set(const struct check_array *array, void *at, uint64_t n)
{
    uint16_t n2 = (uint16_t)n;
    uint32_t n4 = (uint32_t)n;

    switch (array->size) {
    case 2:
        memcpy(at, &n2, sizeof n2);
        break;
    case 4:
        memcpy(at, &n4, sizeof n4);
        break;
    default:
        memcpy(at, &n, sizeof n);
        break;
    }
}

/* The largest number an element holds. */
static uint64_t element_max(const struct check_array *array)
{
    return array->size < 8 ? ((uint64_t)1 << (array->size * 8)) - 1 :
                             UINT64_MAX;
}

int check_array_add(struct check_array *array, uint64_t index, uint64_t n)
{
    uint64_t max = element_max(array), now;
    void *at;

    check_array_lock(array);
    at = check_array_at(array, index, true);
    if (at) {
        now = element_get(array, at);
        element_set(array, at, n < max - now ? now + n : max);
    }
    check_array_unlock(array);
    return at ? 0 : SHALE_ENOMEM;
}

uint64_t check_array_get(struct check_array *array, uint64_t index)
{
    uint64_t n = 0;
    void *at;

    check_array_lock(array);
    at = check_array_at(array, index, false);
    if (at)
        n = element_get(array, at);
    check_array_unlock(array);
    return n;
}

uint64_t check_array_next(struct check_array *array, uint64_t at)
{
    uint64_t piece = at / array->per_piece;

    check_array_lock(array);
    while (piece < array->pieces && !array->piece[piece]) {
        piece++;
        at = piece * array->per_piece;
    }
    check_array_unlock(array);
    return at < array->count ? at : array->count;
}
