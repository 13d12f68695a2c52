/*
 * mapsvg.c - a volume's layout as a picture
 *
 * One SVG file that needs nothing else:
 *
 *      title, what the volume is, is it sound
 *      a bar: how much of each kind there is
 *      the cells, row by row, the volume's beginning at the top left
 *      a legend with sizes
 *
 * Each cell says on hovering where it is and what is in it. Neighbours in a row
 * that are entirely free are drawn as one.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"
#include "utf8.h"

enum {
    WIDTH = 1200,
    MARGIN = 32,
    COLUMNS = 96,
    PITCH = 11,                 /* from one cell to the next */
    CELL = 10,
    GRID_LEFT = WIDTH - MARGIN - COLUMNS * PITCH + PITCH - CELL,
    BAR_TOP = 112,
    BAR_HEIGHT = 22,
    GRID_TOP = 164,
    LEGEND_COLUMNS = 3,
    LEGEND_GAP = 48,
    LEGEND_LINE = 24,
};

/* ------------------------------------------------------------------ text */

/* TEXT, LEN bytes of whatever, as text of XML. */
static void put_bytes(FILE *to, const char *text, size_t len)
{
    char *clean = NULL;

    if (!utf8_valid(text, len))
        text = clean = utf8_repaired(text, len);
    else
        text = clean = strndup(text, len);
    if (!text)
        return;
    for (const char *at = text; *at; at++) {
        switch (*at) {
        case '&':
            fputs("&amp;", to);
            break;
        case '<':
            fputs("&lt;", to);
            break;
        case '>':
            fputs("&gt;", to);
            break;
        default:                /* XML has no way to say control characters */
            putc((unsigned char)*at < 0x20 || *at == 0x7f ? '?' : *at, to);
            break;
        }
    }
    free(clean);
}

static void put_text(FILE *to, const char *text)
{
    put_bytes(to, text, strlen(text));
}

/* The last part of a file's name. */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash && slash[1] ? slash + 1 : path;
}

static const char style[] =
    "<style>\n"
    "text{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',"
    "sans-serif;fill:#1f2937}\n"
    ".h{font-size:26px;font-weight:600}.s{font-size:15px;fill:#4b5563}\n"
    ".l{font-size:13px}.n{font-size:13px;fill:#6b7280}\n"
    ".o{font-size:11px;fill:#9ca3af;text-anchor:end}\n";

/* A class for each kind: "k0", "k1" ... */
static void put_style(FILE *to)
{
    fputs(style, to);
    for (unsigned kind = 0; kind < MAP_LOOKS; kind++)
        fprintf(to, ".k%u{fill:#%06x}", kind, map_look(kind).colour);
    fputs("\npath:hover,rect.c:hover{stroke:#111827;stroke-width:1.5}\n"
          "</style>\n", to);
}

/* ---------------------------------------------------------------- header */

static void put_verdict(const struct map *map, FILE *to)
{
    const uint64_t *found = map->run.result.findings;
    uint64_t count = found[SHALE_CORRUPTION] + found[SHALE_INCONSISTENCY];
    char text[CHECKRUN_COUNT_MAX + 16] = "sound";
    unsigned width;

    if (count > 0) {
        char findings[CHECKRUN_COUNT_MAX];

        checkrun_count(count, "finding", "findings", findings);
        snprintf(text, sizeof text, "damaged: %s", findings);
    }
    width = (unsigned)strlen(text) * 8 + 28;
    fprintf(to, "<rect x=\"%u\" y=\"28\" width=\"%u\" height=\"28\" rx=\"14\" "
            "fill=\"%s\"/><text x=\"%u\" y=\"47\" class=\"l\" "
            "text-anchor=\"middle\" style=\"fill:#fff;font-weight:600\">"
            "%s</text>\n", WIDTH - MARGIN - width, width,
            count ? "#dc2626" : "#16a34a", WIDTH - MARGIN - width / 2, text);
}

static void put_header(const struct map *map, FILE *to)
{
    const struct shale_check_result *result = &map->run.result;
    char text[MAP_USAGE_MAX], dirs[CHECKRUN_COUNT_MAX];

    fprintf(to, "<text x=\"%d\" y=\"52\" class=\"h\">", MARGIN);
    put_text(to, map->facts.label[0] ? map->facts.label
                                     : base_name(map->run.image));
    fprintf(to, "</text>\n<text x=\"%d\" y=\"78\" class=\"s\">", MARGIN);
    if (map->facts.label[0]) {
        put_text(to, base_name(map->run.image));
        fputs(" · ", to);
    }
    if (map->run.place->part)
        fprintf(to, "partition %u · ", map->run.place->part);
    map_usage(map, text);
    fprintf(to, "%s · %s</text>\n", result->type, text);
    map_fragmentation(map, text);
    checkrun_count(result->directories, "directory", "directories", dirs);
    fprintf(to, "<text x=\"%d\" y=\"99\" class=\"s\">%s · %s</text>\n",
            MARGIN, dirs, text);
    put_verdict(map, to);
}

/* How much there is of each kind, to scale; what there is, is visible. */
static void put_bar(const struct map *map, FILE *to)
{
    const struct map_grid *grid = &map->grid;
    const double whole = WIDTH - 2 * MARGIN;
    double x = MARGIN;

    fprintf(to, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"4\" "
            "class=\"k%d\"/>\n", MARGIN, BAR_TOP, WIDTH - 2 * MARGIN,
            BAR_HEIGHT, MAP_FREE);
    for (size_t i = 0; i < MAP_LOOKS; i++) {
        unsigned kind = map_order[i];
        uint64_t bytes = mapgrid_bytes(grid, kind);
        double width = whole * (double)bytes / (double)grid->size;

        if (kind == MAP_FREE || bytes == 0)
            continue;
        width = width < 1 ? 1 : width;
        if (width > WIDTH - MARGIN - x)
            width = WIDTH - MARGIN - x;
        if (width > 0)
            fprintf(to, "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
                    "height=\"%d\" class=\"k%u\"><title>%s</title></rect>\n",
                    x, BAR_TOP, width, BAR_HEIGHT, kind,
                    map_name(kind, map->run.result.type));
        x += width;
    }
}

/* ----------------------------------------------------------------- cells */

/* Where cells FROM up to TO are; one tells what is in it. */
static void put_tooltip(const struct map *map, size_t from, size_t to_cell,
                        FILE *to)
{
    const struct map_grid *grid = &map->grid;
    const struct map_cell *cell = &grid->cells[from];
    uint64_t base = map->run.place->start, at = from * grid->cell_size;
    uint64_t length = mapgrid_cell_bytes(grid, to_cell - 1) +
                      (to_cell - 1 - from) * grid->cell_size;
    const char *path = mapgrid_path_of(grid, cell);
    char size[PRINT_SIZE_MAX];

    print_size_long(length, size);
    fprintf(to, "<title>bytes %" PRIu64 " to %" PRIu64 ", %s", base + at,
            base + at + length - 1, size);
    for (unsigned use = 0; use < SHALE_USES; use++) {
        if (cell->used[use] == 0)
            continue;
        print_size_long(cell->used[use], size);
        fprintf(to, "\n%s: %s", map_name(use, map->run.result.type), size);
        if (use == SHALE_USE_DATA && cell->fragmented) {
            print_size_long(cell->fragmented, size);
            fprintf(to, ", %s of it after a gap", size);
        }
    }
    if (mapgrid_cell_used(grid, from) == 0)
        fputs("\nfree", to);
    if (cell->largest > 0) {
        fprintf(to, "\nmost of it: %s", shale_object_name(cell->owner.object));
        if (cell->owner.object != SHALE_OBJECT_VOLUME)
            fprintf(to, " %" PRIu64, cell->owner.number);
    }
    if (path) {
        fputs(", ", to);
        put_text(to, path);
    }
    if (cell->findings)
        fprintf(to, "\ndamaged: %s%s", cell->code->name,
                cell->findings > 1 ? " and more" : "");
    fputs("</title>", to);
}

/* What is seen of a cell that is hardly used is not nothing. */
static double opacity(const struct map_grid *grid, size_t index, unsigned kind)
{
    double part = (double)mapgrid_cell_used(grid, index) /
                  (double)mapgrid_cell_bytes(grid, index);

    if (kind == MAP_FREE || kind == MAP_DAMAGED)
        return 1;
    return 0.3 + 0.7 * part;
}

/* Cells FROM up to END of a row, which look alike. */
static void put_cells(const struct map *map, size_t from, size_t end, FILE *to)
{
    unsigned kind = mapgrid_kind(&map->grid, from);
    unsigned x = GRID_LEFT + (unsigned)(from % COLUMNS) * PITCH;
    unsigned y = GRID_TOP + (unsigned)(from / COLUMNS) * PITCH;
    double shown = opacity(&map->grid, from, kind);

    fprintf(to, "<rect class=\"c k%u\" x=\"%u\" y=\"%u\" width=\"%u\" "
            "height=\"%d\"", kind, x, y,
            (unsigned)(end - from) * PITCH - (PITCH - CELL), CELL);
    if (shown < 0.995)
        fprintf(to, " fill-opacity=\"%.2f\"", shown);
    putc('>', to);
    put_tooltip(map, from, end, to);
    fputs("</rect>\n", to);
}

/* What is free is drawn as one: divide it as the rest is, ROWS of it. */
static void put_lines(unsigned rows, FILE *to)
{
    fputs("<path pointer-events=\"none\" stroke=\"#fff\" d=\"", to);
    for (unsigned i = 1; i < COLUMNS; i++)
        fprintf(to, "M%u.5 %dv%u", GRID_LEFT + i * PITCH - (PITCH - CELL),
                GRID_TOP, rows * PITCH);
    fputs("\"/>\n", to);
}

/* A mark behind the last cell, and a line of text below, if the volume goes on
   past that. */
static void put_end(const struct map *map, unsigned rows, FILE *to)
{
    unsigned columns = (unsigned)((map->grid.count - 1) % COLUMNS) + 1;
    unsigned bottom = GRID_TOP + rows * PITCH;
    char text[MAP_USAGE_MAX];

    if (!*map_cut(map, text))
        return;
    fprintf(to, "<path stroke=\"#dc2626\" stroke-width=\"3\" "
            "d=\"M%u %uv%d\"><title>%s</title></path>\n",
            GRID_LEFT + columns * PITCH, bottom - PITCH - 2, PITCH + 4, text);
    fprintf(to, "<text x=\"%d\" y=\"%u\" class=\"l\" "
            "style=\"fill:#dc2626\">%c%s.</text>\n", GRID_LEFT, bottom + 16,
            toupper((unsigned char)text[0]), text + 1);
}

static void put_row(const struct map *map, size_t from, FILE *to)
{
    const struct map_grid *grid = &map->grid;
    size_t end = from + COLUMNS < grid->count ? from + COLUMNS : grid->count;
    unsigned row = (unsigned)(from / COLUMNS);
    char label[PRINT_SIZE_MAX];

    if (row % 4 == 0) {
        print_size_long(from * grid->cell_size, label);
        fprintf(to, "<text x=\"%d\" y=\"%u\" class=\"o\">%s</text>\n",
                GRID_LEFT - 8, GRID_TOP + row * PITCH + CELL - 1,
                from ? label : "0");
    }
    while (from < end) {
        size_t next = from + 1;

        if (mapgrid_kind(grid, from) == MAP_FREE)
            while (next < end && mapgrid_kind(grid, next) == MAP_FREE)
                next++;
        put_cells(map, from, next, to);
        from = next;
    }
}

/* ---------------------------------------------------------------- legend */

static uint64_t damaged_cells(const struct map_grid *grid)
{
    uint64_t count = 0;

    for (size_t i = 0; i < grid->count; i++)
        count += grid->cells[i].findings > 0;
    return count;
}

/* One entry, the INDEXth of the legend, which begins at Y. */
static void put_legend_entry(const struct map *map, unsigned kind,
                             unsigned index, unsigned y, FILE *to)
{
    const struct map_grid *grid = &map->grid;
    const unsigned column = (WIDTH - 2 * MARGIN + LEGEND_GAP) / LEGEND_COLUMNS;
    unsigned left = MARGIN + index % LEGEND_COLUMNS * column;
    unsigned right = left + column - LEGEND_GAP;
    unsigned line = y + index / LEGEND_COLUMNS * LEGEND_LINE;
    uint64_t bytes = mapgrid_bytes(grid, kind);
    char size[PRINT_SIZE_MAX], part[MAP_PERCENT_MAX];
    char text[CHECKRUN_COUNT_MAX];

    fprintf(to, "<rect x=\"%u\" y=\"%u\" width=\"13\" height=\"13\" rx=\"2\" "
            "class=\"k%u\"/><text x=\"%u\" y=\"%u\" class=\"l\">%s</text>",
            left, line, kind, left + 21, line + 11,
            map_name(kind, map->run.result.type));
    if (kind == MAP_DAMAGED) {
        checkrun_count(damaged_cells(grid), "square", "squares", text);
        fprintf(to, "<text x=\"%u\" y=\"%u\" class=\"n\" text-anchor=\"end\">"
                "%s</text>\n", right, line + 11, text);
        return;
    }
    print_size_long(bytes, size);
    map_percent(bytes, grid->size, part);
    fprintf(to, "<text x=\"%u\" y=\"%u\" class=\"n\" text-anchor=\"end\">%s"
            "</text><text x=\"%u\" y=\"%u\" class=\"n\" text-anchor=\"end\">",
            right - 66, line + 11, size, right, line + 11);
    put_text(to, part);
    fputs("</text>\n", to);
}

/* Is KIND anywhere? */
static bool kind_is_there(const struct map_grid *grid, unsigned kind)
{
    return kind == MAP_DAMAGED ? damaged_cells(grid) > 0
                               : mapgrid_bytes(grid, kind) > 0;
}

static unsigned legend_entries(const struct map_grid *grid)
{
    unsigned count = 0;

    for (unsigned kind = 0; kind < MAP_LOOKS; kind++)
        count += kind_is_there(grid, kind);
    return count;
}

void mapsvg_write(const struct map *map, FILE *to)
{
    const struct map_grid *grid = &map->grid;
    unsigned rows = (unsigned)((grid->count + COLUMNS - 1) / COLUMNS);
    char size[PRINT_SIZE_MAX], text[MAP_USAGE_MAX];
    unsigned legend = GRID_TOP + rows * PITCH +
                      (*map_cut(map, text) ? 62 : 44);
    unsigned entries = legend_entries(grid);
    unsigned height = legend + (entries + LEGEND_COLUMNS - 1) /
                                   LEGEND_COLUMNS * LEGEND_LINE + MARGIN / 2;
    unsigned index = 0;

    fprintf(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d "
            "%u\" width=\"%d\" height=\"%u\" role=\"img\">\n<title>", WIDTH,
            height, WIDTH, height);
    put_text(to, base_name(map->run.image));
    fputs("</title>\n", to);
    put_style(to);
    fprintf(to, "<rect width=\"%d\" height=\"%u\" fill=\"#fff\"/>\n", WIDTH,
            height);
    put_header(map, to);
    put_bar(map, to);
    for (size_t from = 0; from < grid->count; from += COLUMNS)
        put_row(map, from, to);
    put_lines(rows, to);
    put_end(map, rows, to);
    print_size_long(grid->cell_size, size);
    fprintf(to, "<text x=\"%d\" y=\"%u\" class=\"n\">Each square is %s of the "
            "volume; the paler, the less of it is in use.</text>\n", GRID_LEFT,
            legend - 20, size);
    for (size_t i = 0; i < MAP_LOOKS; i++)
        if (kind_is_there(grid, map_order[i]))
            put_legend_entry(map, map_order[i], index++, legend, to);
    fputs("</svg>\n", to);
}
