/*
 * sort.c - in place, without recursion, n log n whatever comes
 *
 * Heap sort, from the bottom up: what is taken out of the heap's end is small,
 * so its place is looked for from a leaf upwards, along the path of the larger
 * children. That takes little more than n log n comparisons, half of what
 * looking downwards takes.
 */
#include "assert.h"
#include "check/state.h"

enum { SIZE_MAX_SORTED = 64 };

struct heap {
    uint8_t *base;
    size_t size;                /* of an element */
    int (*compare)(const void *a, const void *b);
};

static uint8_t *at(const struct heap *heap, size_t index)
{
    return heap->base + index * heap->size;
}

/*
 * ELEMENT is to go into the heap that AT is the top of, whose other places are
 * below END and in order. The place AT is free.
 */
static void put(const struct heap *heap, size_t top, size_t end,
                const uint8_t *element)
{
    size_t place = top, child;

    while ((child = 2 * place + 1) < end) {
        if (child + 1 < end &&
            heap->compare(at(heap, child), at(heap, child + 1)) < 0)
            child++;
        place = child;
    }
    while (place > top && heap->compare(element, at(heap, place)) > 0)
        place = (place - 1) / 2;

    /* All on the path down to PLACE move up by one. From there upwards is the
       only way known: so the hole is filled from below, by exchanging. */
    uint8_t moving[SIZE_MAX_SORTED], other[SIZE_MAX_SORTED];

    memcpy(moving, element, heap->size);
    for (;;) {
        memcpy(other, at(heap, place), heap->size);
        memcpy(at(heap, place), moving, heap->size);
        if (place == top)
            break;
        memcpy(moving, other, heap->size);
        place = (place - 1) / 2;
    }
}

static bool in_order(const struct heap *heap, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (heap->compare(at(heap, i - 1), at(heap, i)) > 0)
            return false;
    return true;
}

void check_sort(void *base, size_t count, size_t size,
                int (*compare)(const void *a, const void *b))
{
    const struct heap heap = { base, size, compare };
    uint8_t element[SIZE_MAX_SORTED];

    SHALE_ASSERT(size <= sizeof element);
    if (in_order(&heap, count))
        return;
    for (size_t i = count / 2; i-- > 0;) {
        memcpy(element, at(&heap, i), size);
        put(&heap, i, count, element);
    }
    for (size_t end = count - 1; end > 0; end--) {
        memcpy(element, at(&heap, end), size);
        memcpy(at(&heap, end), at(&heap, 0), size);
        put(&heap, 0, end, element);
    }
}
