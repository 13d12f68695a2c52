/*
 * map.h - what `shale map` knows of a volume's layout, and how it shows it
 *
 *      cmd_map.c       the command line
 *      mapgrid.c       the volume in equal cells: what each is used for
 *      mapsettle.c     what is in fragments, and the sums
 *      maptext.c       the cells on one screen of a terminal
 *      mapsvg.c        the cells as a picture
 *      mapjson.c       the cells for programs
 *      mapowner.c      whose a byte is
 *      mapfile.c       where a file's bytes lie
 *      mapext4.c       the same of a volume that cannot be mounted: mapext4.h
 */
#ifndef SHALE_TOOLS_MAP_H
#define SHALE_TOOLS_MAP_H

#include "checks.h"

/* ------------------------------------------------------------------ grid */

/* What a cell is shown as: one of enum shale_use, or one of these. */
enum {
    MAP_FREE = SHALE_USES,
    MAP_FRAGMENT,               /* data that does not follow what precedes it
                                   in its file */
    MAP_DAMAGED,
    MAP_LOOKS
};

/* How a kind is shown. */
struct map_look {
    const char *key;            /* "map"; in JSON */
    const char *name;           /* "pointer blocks" */
    char letter;
    unsigned colour;            /* 0xrrggbb, on white */
    unsigned ansi;              /* of 256 */
};

/* KIND's; MAP_FREE and so on, or an enum shale_use. */
struct map_look map_look(unsigned kind);

/* Its name as those know it who use volumes of TYPE: "FATs", "MFT records". */
const char *map_name(unsigned kind, const char *type);

/* All kinds, in the order of a legend. */
extern const uint8_t map_order[MAP_LOOKS];

struct map_cell {
    uint64_t used[SHALE_USES];  /* bytes */
    uint64_t fragmented;        /* of the data, bytes */
    uint64_t largest;           /* bytes of the largest piece in it, */
    struct shale_claim owner;   /*   and whose it is */
    uint64_t findings;          /* more severe than advice; the first: */
    const struct shale_check_code *code;
};

/* What a claim says, in less room; all of it is on the volume. */
struct map_piece {
    enum shale_object object;
    uint8_t use;
    bool fragment;              /* data that does not follow what precedes it
                                   in its file */
    uint64_t number, position, at, length;
};

struct map_path {
    enum shale_object object;
    uint64_t number;
    char *path;                 /* NULL: unknown */
};

struct map_grid {
    uint64_t size;              /* of the volume's device, bytes */
    uint64_t cell_size;         /* bytes */
    size_t count;
    struct map_cell *cells;
    uint64_t totals[SHALE_USES];        /* bytes */
    uint64_t shared;            /* bytes that claims have beyond these */

    struct map_piece *pieces;
    size_t piece_count, piece_room;
    uint64_t files, fragmented_files, fragments;
    uint64_t fragmented_bytes;

    struct map_path *paths;     /* of cells' owners, sorted */
    size_t path_count;
    uint64_t unplaced;          /* findings that are nowhere */
};

/*
 * Claims come in an order that threads settle; this one is always the same: by
 * use, object, number, position in it and place.
 */
int map_compare_claims(const struct shale_claim *one,
                       const struct shale_claim *other);

/* Divide SIZE bytes into at most COUNT cells of a round size. */
void mapgrid_init(struct map_grid *grid, uint64_t size, size_t count);
void mapgrid_free(struct map_grid *grid);

void mapgrid_claim(struct map_grid *grid, const struct shale_claim *claim);
void mapgrid_finding(struct map_grid *grid,
                     const struct shale_finding *finding);

/*
 * All claims are known: find out what is fragmented, and add up what is used
 * for what. Each byte counts once, however many claim it.
 */
void mapgrid_settle(struct map_grid *grid);

/* As in struct shale_check_config: the paths of the cells' owners. */
bool mapgrid_wanted(struct map_grid *grid, size_t index,
                    enum shale_object *object, uint64_t *number);
void mapgrid_path(struct map_grid *grid, enum shale_object object,
                  uint64_t number, const char *path);
const char *mapgrid_path_of(const struct map_grid *grid,
                            const struct map_cell *cell);

/* How large cell INDEX is; the last one may be smaller. */
uint64_t mapgrid_cell_bytes(const struct map_grid *grid, size_t index);

/* How much of the cell somebody claims. */
uint64_t mapgrid_cell_used(const struct map_grid *grid, size_t index);

/* What cell INDEX is to be shown as. */
unsigned mapgrid_kind(const struct map_grid *grid, size_t index);

/* Bytes of the volume that nobody claims, and that KIND has of all. */
uint64_t mapgrid_free_bytes(const struct map_grid *grid);
uint64_t mapgrid_bytes(const struct map_grid *grid, unsigned kind);

/* --------------------------------------------------------------- volumes */

/* What mounting tells of a volume, if it can be mounted. */
struct map_facts {
    bool known;
    char label[SHALE_LABEL_MAX + 1];
    uint64_t unit_size, unit_first, units_at;   /* as in struct
                                   shale_check_result */
};

void mapfacts_get(struct shale_fs *fs, struct map_facts *out);

/* A map, and the check that it is made by. */
struct map {
    struct checkrun run;        /* the first member */
    struct map_grid grid;
    struct map_facts facts;
};

/* On a screen of WIDTH columns and HEIGHT lines; how many cells fit there. */
void maptext_show(const struct map *map, bool colour, size_t width);
size_t maptext_cells(size_t width, size_t height);

void mapjson_show(const struct map *map);

/* Write the picture to TO. */
#define MAPSVG_CELLS 4608
void mapsvg_write(const struct map *map, FILE *to);

/*
 * checkrun() for a map. An error; SHALE_ECORRUPT if less of the volume could be
 * looked at than a map needs.
 */
int map_run(struct checkrun *run, struct shale_image *image,
            const struct checkrun_options *how);

/* "64.0 MiB, 1234 of 8192 blocks of 1.0 KiB in use (15 %)" */
#define MAP_USAGE_MAX 320
void map_usage(const struct map *map, char out[MAP_USAGE_MAX]);

/*
 * "the image ends here, 3.0 MiB before the volume does", where the cells do; ""
 * if all of the volume is there.
 */
const char *map_cut(const struct map *map, char out[MAP_USAGE_MAX]);

/* "12 of 345 files in 57 more fragments than files", or the like. */
void map_fragmentation(const struct map *map, char out[MAP_USAGE_MAX]);

/* "12.3 %" of WHOLE; what there is, is never 0. */
#define MAP_PERCENT_MAX 16
void map_percent(uint64_t part, uint64_t whole, char out[MAP_PERCENT_MAX]);

/* PART of WHOLE in tenths of a percent. */
unsigned map_permille(uint64_t part, uint64_t whole);

/* ----------------------------------------------------------- whose, where */

/* A place that is asked for. */
struct map_question {
    const char *text;           /* as the user wrote it */
    bool block;                 /* a unit, and as "b": see bigalloc */
    bool unit;                  /* of the volume, by its number; else: */
    uint64_t number;            /* a byte of the image */
};

/* Is TEXT such a place? */
bool mapowner_parse(const char *text, struct map_question *out);

/* Answer COUNT questions about what is at PLACE. An error, or 0. */
int mapowner_show(struct map_question *questions, size_t count,
                  const struct place *place, struct shale_image *image,
                  const char *name, const struct checkrun_options *options,
                  bool json);

/* The same of questions about bytes that none of PLACES' volumes has. */
void mapoutside_show(const struct map_question *questions, size_t count,
                     const struct places *places, bool json);

/*
 * Show where the files lie that VOL's paths name, which is parsed, and closed
 * then. An exit status.
 */
int mapfile_show(struct volume *vol, const struct options *options, bool json);

#endif /* SHALE_TOOLS_MAP_H */
