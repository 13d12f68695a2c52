/*
 * sort.h - heap sort: no memory but that of what is sorted, and n log n steps
 * whatever a volume says
 */
#ifndef NTFS_SORT_H
#define NTFS_SORT_H

#include <stdbool.h>
#include <stddef.h>

/* What is sorted: things known by their places, from 0 on. */
struct ntfs_sorted {
    void *of;
    bool (*below)(const void *of, size_t i, size_t j);
    void (*swap)(void *of, size_t i, size_t j);
};

void ntfs_sort(const struct ntfs_sorted *things, size_t count);

#endif /* NTFS_SORT_H */
