/*
 * columns.c - names side by side, as ls(1) puts them on a terminal
 */
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "tools.h"
#include "utf8.h"

#define GAP 2                   /* columns between two names */

/* The widest of names FROM up to TO. */
static size_t widest(const size_t *widths, size_t from, size_t to)
{
    size_t most = 0;

    for (size_t i = from; i < to; i++)
        if (widths[i] > most)
            most = widths[i];
    return most;
}

/* How wide the list is in ROWS rows. */
static size_t total_width(const size_t *widths, size_t count, size_t rows)
{
    size_t total = 0;

    for (size_t from = 0; from < count; from += rows)
        total += GAP + widest(widths, from,
                              from + rows < count ? from + rows : count);
    return total - GAP;
}

/* The fewest rows in which the list fits; a search over columns is short. */
static size_t fewest_rows(const size_t *widths, size_t count, size_t width)
{
    size_t columns = width / (GAP + 1) + 1;

    if (columns > count)
        columns = count;
    for (; columns > 1; columns--) {
        size_t rows = (count + columns - 1) / columns;

        if (total_width(widths, count, rows) <= width)
            return rows;
    }
    return count;
}

void columns_print(const struct listing_entry *entries, size_t count,
                   size_t width)
{
    size_t *widths = xrealloc(NULL, count, sizeof *widths);
    size_t rows;

    for (size_t i = 0; i < count; i++) {
        char *shown = print_escaped(entries[i].name, entries[i].len);

        widths[i] = utf8_columns(shown, strlen(shown));
        free(shown);
    }
    rows = count ? fewest_rows(widths, count, width) : 0;
    for (size_t row = 0; row < rows; row++) {
        for (size_t at = row; at < count; at += rows) {
            size_t first = at - row;
            size_t end = first + rows < count ? first + rows : count;
            size_t room = widest(widths, first, end) + GAP;

            print_name(stdout, entries[at].name, entries[at].len);
            if (end < count && at + rows < count)
                printf("%*s", (int)(room - widths[at]), "");
        }
        putchar('\n');
    }
    free(widths);
}
