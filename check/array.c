/*
 * array.c - one small number per inode, where there is one
 *
 * A tree of two levels over pieces of 512 bytes, which come when something in
 * them is set: few directories among many inodes take little, and so do few
 * inodes in a table that is made for many.
 *
 *      top -> node -> piece
 *      top    512 pointers to pieces, or NULL
 *             node -> elements, or NULL: all zero
 */
#include "check/state.h"

enum {
    PIECE = 512,                /* bytes; whole elements, as they are powers of
                                   two */
    NODE_SHIFT = 9,
    NODE = 1 << NODE_SHIFT,     /* pieces */
};

struct node {
    uint8_t *piece[NODE];
};

struct check_array {
    struct check *check;
    uint64_t count;
    size_t size;                /* bytes of an element */
    unsigned shift;             /* 2^SHIFT elements are a piece */
    struct check_lock lock;     /* guards the elements and: */
    uint64_t nodes;
    struct node **node;
};

static size_t top_size(uint64_t nodes)
{
    return (size_t)nodes * sizeof(struct node *);
}

struct check_array *check_array_create(struct check *check, uint64_t count,
                                       size_t size)
{
    struct check_array *array = check_zalloc(check, sizeof *array);
    uint64_t nodes;

    if (!array)
        return NULL;
    array->check = check;
    array->count = count;
    array->size = size;
    while (size << array->shift < PIECE)
        array->shift++;
    nodes = (count >> (array->shift + NODE_SHIFT)) + 1;
    if (nodes <= SIZE_MAX / sizeof *array->node)
        array->node = check_zalloc(check, top_size(nodes));
    else
        check_fail(check);
    if (!array->node || check_lock_init(check, &array->lock)) {
        check_free(check, array->node, top_size(nodes));
        check_free(check, array, sizeof *array);
        return NULL;
    }
    array->nodes = nodes;
    return array;
}

static void node_free(struct check *check, struct node *node)
{
    for (size_t i = 0; node && i < NODE; i++)
        check_free(check, node->piece[i], PIECE);
    check_free(check, node, sizeof *node);
}

void check_array_destroy(struct check_array *array)
{
    struct check *check;

    if (!array)
        return;
    check = array->check;
    for (uint64_t i = 0; i < array->nodes; i++)
        node_free(check, array->node[i]);
    check_free(check, array->node, top_size(array->nodes));
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
    uint64_t number = index >> array->shift;    /* of the piece */
    size_t within = (size_t)index & (((size_t)1 << array->shift) - 1);
    struct node **node = &array->node[number >> NODE_SHIFT];
    uint8_t **piece;

    if (!*node && make)
        *node = check_zalloc(array->check, sizeof **node);
    if (!*node)
        return NULL;
    piece = &(*node)->piece[number & (NODE - 1)];
    if (!*piece && make)
        *piece = check_zalloc(array->check, PIECE);
    return *piece ? *piece + within * array->size : NULL;
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

/* The first piece from NUMBER on that exists; past the last if none does. */
static uint64_t next_piece(const struct check_array *array, uint64_t number)
{
    uint64_t end = array->nodes << NODE_SHIFT;

    while (number < end) {
        const struct node *node = array->node[number >> NODE_SHIFT];

        if (!node)
            number = ((number >> NODE_SHIFT) + 1) << NODE_SHIFT;
        else if (!node->piece[number & (NODE - 1)])
            number++;
        else
            break;
    }
    return number;
}

uint64_t check_array_next(struct check_array *array, uint64_t at)
{
    uint64_t number = at >> array->shift, found;

    check_array_lock(array);
    found = next_piece(array, number);
    check_array_unlock(array);
    if (found > number)
        at = found << array->shift;
    return at < array->count ? at : array->count;
}
