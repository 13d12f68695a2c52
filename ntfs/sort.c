/* sort.c - heap sort */
#include "sort.h"

/* Let the heap of COUNT things be one again below AT. */
static void sift(const struct ntfs_sorted *things, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && things->below(things->of, child, child + 1))
            child++;
        if (!things->below(things->of, at, child))
            break;
        things->swap(things->of, at, child);
    }
}

void ntfs_sort(const struct ntfs_sorted *things, size_t count)
{
    for (size_t at = count / 2; at-- > 0;)
        sift(things, at, count);
    for (size_t end = count; end-- > 1;) {
        things->swap(things->of, 0, end);
        sift(things, 0, end);
    }
}
