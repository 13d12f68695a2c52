/*
 * maptext.c - a volume's layout on one screen of a terminal
 *
 * A character a cell, from the volume's beginning to its end; blocks in colours
 * on a terminal that has them, the fuller the more of the cell is in use, and
 * letters elsewhere.
 */
#include <ctype.h>
#include <inttypes.h>
#include <langinfo.h>
#include <string.h>

#include "map.h"

#define LABEL 11                /* columns in front of each line, */
#define LABEL_WIDTH 32          /*   if the terminal has that many */
#define LEGEND_COLUMN 40        /* of two side by side */
#define LEGEND_NARROW 26        /* less has no room for sizes */

/* How many cells a line has. */
static size_t columns_in(size_t width)
{
    return width < LABEL_WIDTH ? width : width - LABEL;
}

size_t maptext_cells(size_t width, size_t height)
{
    size_t rows = height > 24 ? height - 14 : 10;

    return columns_in(width) * (rows < 32 ? rows : 32);
}

unsigned map_permille(uint64_t part, uint64_t whole)
{
    return whole ? (unsigned)((double)part * 1000 / (double)whole + 0.5) : 0;
}

void map_percent(uint64_t part, uint64_t whole, char out[MAP_PERCENT_MAX])
{
    unsigned permille = map_permille(part, whole);

    if (permille == 0 && part > 0)
        snprintf(out, MAP_PERCENT_MAX, "< 0.1 %%");
    else
        snprintf(out, MAP_PERCENT_MAX, "%u.%u %%", permille / 10,
                 permille % 10);
}

void map_usage(const struct map *map, char out[MAP_USAGE_MAX])
{
    const struct shale_check_result *result = &map->run.result;
    const char *unit = checkrun_result_unit(result);
    char size[PRINT_SIZE_MAX], each[PRINT_SIZE_MAX], part[MAP_PERCENT_MAX];

    print_size_long(map->grid.size, size);
    print_size_long(result->unit_size, each);
    map_percent(result->units_used, result->units, part);
    snprintf(out, MAP_USAGE_MAX, "%s, %" PRIu64 " of %" PRIu64
             " %ss of %s in use (%s)", size, result->units_used,
             result->units, unit, each, part);
}

const char *map_cut(const struct map *map, char out[MAP_USAGE_MAX])
{
    const struct place *place = map->run.place;
    uint64_t volume = map->run.result.size, there = map->grid.size;
    uint64_t missing = volume > there ? volume - there : place->missing;
    bool of_image = !place->part || place->missing;
    char size[PRINT_SIZE_MAX];

    print_size_long(missing, size);
    snprintf(out, MAP_USAGE_MAX, "the %s ends here, %s before the %s does",
             of_image ? "image" : "partition", size,
             volume > there ? "volume" : "partition");
    if (!missing)
        out[0] = '\0';
    return out;
}

void map_fragmentation(const struct map *map, char out[MAP_USAGE_MAX])
{
    const struct map_grid *grid = &map->grid;
    char more[CHECKRUN_COUNT_MAX], files[CHECKRUN_COUNT_MAX];
    char part[MAP_PERCENT_MAX];

    checkrun_count(grid->files, "file", "files", files);
    checkrun_count(grid->fragments, "gap", "gaps", more);
    map_percent(grid->fragmented_files, grid->files, part);
    if (grid->files == 0)
        snprintf(out, MAP_USAGE_MAX, "no files with data");
    else if (grid->fragmented_files == 0)
        snprintf(out, MAP_USAGE_MAX, "%s with data, none fragmented", files);
    else if (grid->files == 1)
        snprintf(out, MAP_USAGE_MAX, "1 file with data, fragmented by %s",
                 more);
    else
        snprintf(out, MAP_USAGE_MAX, "%s with data, %" PRIu64 " of them "
                 "fragmented (%s), by %s", files, grid->fragmented_files, part,
                 more);
}

/* Cell INDEX, in colour; *ANSI is the colour that is set already. */
static void print_block(const struct map_grid *grid, size_t index, bool utf8,
                        unsigned *ansi)
{
    static const char *const shades[] = { "░", "▒", "▓", "█" };
    struct map_look look = map_look(mapgrid_kind(grid, index));
    uint64_t used = mapgrid_cell_used(grid, index);
    unsigned shade = 3 * map_permille(used, mapgrid_cell_bytes(grid, index)) /
                     1000;

    if (look.ansi != *ansi)
        printf("\033[38;5;%um", look.ansi);
    *ansi = look.ansi;
    if (!utf8)
        putchar(look.letter);
    else if (look.letter == '!' || look.letter == '.')
        fputs(look.letter == '.' ? "·" : "█", stdout);
    else
        fputs(shades[shade], stdout);
}

/* Cell INDEX as a letter; a small one if less than half of it is in use. */
static void print_letter(const struct map_grid *grid, size_t index)
{
    char letter = map_look(mapgrid_kind(grid, index)).letter;

    if (2 * mapgrid_cell_used(grid, index) < mapgrid_cell_bytes(grid, index))
        letter = letter == '#' ? '+' : (char)tolower((unsigned char)letter);
    putchar(letter);
}

static void print_grid(const struct map_grid *grid, bool colour, bool utf8,
                       size_t width)
{
    size_t columns = columns_in(width);

    for (size_t from = 0; from < grid->count; from += columns) {
        size_t to = from + columns < grid->count ? from + columns
                                                 : grid->count;
        char label[PRINT_SIZE_MAX];
        unsigned ansi = 0;

        print_size_long(from * grid->cell_size, label);
        if (width >= LABEL_WIDTH)
            printf("%*s ", LABEL - 1, from ? label : "0");
        for (size_t i = from; i < to; i++) {
            if (colour)
                print_block(grid, i, utf8, &ansi);
            else
                print_letter(grid, i);
        }
        puts(colour ? "\033[0m" : "");
    }
}

/* Where the cells end, if that is not where the volume does. */
static void print_end(const struct map *map, size_t width)
{
    char size[PRINT_SIZE_MAX], text[MAP_USAGE_MAX];

    if (!*map_cut(map, text))
        return;
    print_size_long(map->grid.size, size);
    if (width >= LABEL_WIDTH)
        printf("%*s ", LABEL - 1, size);
    puts(text);
}

/* How KIND looks in the grid. */
static void print_swatch(unsigned kind, bool colour, bool utf8)
{
    struct map_look look = map_look(kind);

    if (!colour) {
        putchar(look.letter);
        return;
    }
    printf("\033[38;5;%um", look.ansi);
    if (!utf8)
        putchar(look.letter);
    else
        fputs(kind == MAP_FREE ? "·" : "█", stdout);
    fputs("\033[0m", stdout);
}

/* The legend's entry of KIND; returns how many columns it took. */
static int print_entry(const struct map *map, unsigned kind, bool colour,
                       bool utf8, size_t width)
{
    const char *name = map_name(kind, map->run.result.type);
    uint64_t bytes = mapgrid_bytes(&map->grid, kind);
    char size[PRINT_SIZE_MAX], part[MAP_PERCENT_MAX];

    fputs("  ", stdout);
    print_swatch(kind, colour, utf8);
    print_size_long(bytes, size);
    map_percent(bytes, map->grid.size, part);
    if (width < LEGEND_NARROW)
        return 3 + printf(" %s", name);
    if (width < LEGEND_COLUMN)
        return 3 + printf(" %-16s %s", name, part);
    return 3 + printf(" %-17s %10s %7s", name, size, part);
}

/* Each kind that there is, two in a line if WIDTH has room. */
static void print_legend(const struct map *map, bool colour, bool utf8,
                         size_t width)
{
    bool two = width >= 2 * LEGEND_COLUMN;
    bool left = true;

    for (size_t i = 0; i < MAP_LOOKS; i++) {
        int taken;

        if (mapgrid_bytes(&map->grid, map_order[i]) == 0)
            continue;
        taken = print_entry(map, map_order[i], colour, utf8, width);
        left = !two || !left;
        if (left)
            putchar('\n');
        else
            printf("%*s", LEGEND_COLUMN - taken, "");
    }
    if (!left)
        putchar('\n');
}

static void print_damage(const struct map *map, bool colour, bool utf8)
{
    const uint64_t *found = map->run.result.findings;
    uint64_t count = found[SHALE_CORRUPTION] + found[SHALE_INCONSISTENCY];
    char text[CHECKRUN_COUNT_MAX];

    if (count == 0)
        return;
    checkrun_count(count, "finding", "findings", text);
    fputs("  ", stdout);
    print_swatch(MAP_DAMAGED, colour, utf8);
    printf(" damaged: %s; shale check lists them\n", text);
}

void maptext_show(const struct map *map, bool colour, size_t width)
{
    bool utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
    char text[MAP_USAGE_MAX], size[PRINT_SIZE_MAX];

    print_name(stdout, map->run.image, strlen(map->run.image));
    if (map->run.place->part)
        printf(", partition %u", map->run.place->part);
    printf(": %s", map->run.result.type);
    if (map->facts.label[0]) {
        fputs(" '", stdout);
        print_name(stdout, map->facts.label, strlen(map->facts.label));
        putchar('\'');
    }
    map_usage(map, text);
    printf(", %s\n", text);
    print_size_long(map->grid.cell_size, size);
    printf("%*s%s a character%s\n", width < LABEL_WIDTH ? 0 : LABEL, "", size,
           colour ? "" : "; small ones, and + for #: less than half in use");
    print_grid(&map->grid, colour, utf8, width);
    print_end(map, width);
    print_legend(map, colour, utf8, width);
    print_damage(map, colour, utf8);
    map_fragmentation(map, text);
    printf("%s\n", text);
}
