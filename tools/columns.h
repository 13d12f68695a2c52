/*
 * columns.h - names side by side, as ls(1) puts them on a terminal
 */
#ifndef SHALE_TOOLS_COLUMNS_H
#define SHALE_TOOLS_COLUMNS_H

#include <stddef.h>

#include "listing.h"

/* Print the names in as many columns, read downwards, as fit in WIDTH. */
void columns_print(const struct listing_entry *entries, size_t count,
                   size_t width);

#endif /* SHALE_TOOLS_COLUMNS_H */
