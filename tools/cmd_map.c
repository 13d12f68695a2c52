/*
 * cmd_map.c - shale map: what the bytes of a volume are used for
 *
 * Four answers from one reading: the layout on a terminal, the same as a
 * picture or as JSON, and whose a given byte is; and, by mounting where that is
 * possible, where a file's bytes lie. The reading is a check whose findings are
 * not told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"
#include "terminal.h"

#define QUESTIONS_MAX 1000
#define JSON_CELLS 1024

enum {
    OPTION_OWNER = OPTION_LONG,
    OPTION_FILE,
    OPTION_PICTURE,
    OPTION_JSON,
};

static const struct command_option options_map[] = {
    { OPTION_OWNER, "owner", "PLACE", "whose is this byte (or, with s, sector; "
      "b, c: block, cluster)" },
    { OPTION_FILE, "file", "PATH", "where this file's bytes lie" },
    { OPTION_PICTURE, "picture", "FILE", "write a picture (SVG)" },
    { OPTION_JSON, "json", NULL, "for programs" },
    { 0, NULL, NULL, NULL },
};

struct settings {
    struct map_question *questions;
    size_t count;
    char **files;
    int file_count;
    const char *picture;
    bool json;
    char *image;                /* its name */
};

/* Take the option LETTER. STATUS_OK, or another status after a complaint. */
static int take(const struct options *options, struct settings *set,
                int letter)
{
    switch (letter) {
    case OPTION_OWNER:
        if (set->count == QUESTIONS_MAX)
            return options_complain(options, "too many places");
        set->questions = xrealloc(set->questions, set->count + 1,
                                  sizeof *set->questions);
        if (!mapowner_parse(optarg, &set->questions[set->count++]))
            return options_complain(options, "not a place: '%s'", optarg);
        return STATUS_OK;
    case OPTION_FILE:
        set->files = xrealloc(set->files, (size_t)set->file_count + 1,
                              sizeof *set->files);
        set->files[set->file_count++] = optarg;
        return STATUS_OK;
    case OPTION_PICTURE:
        set->picture = optarg;
        return STATUS_OK;
    default:
        set->json = true;
        return STATUS_OK;
    }
}

/* ----------------------------------------------------------------- sinks */

static int on_finding(struct checkrun *run,
                      const struct shale_finding *finding)
{
    mapgrid_finding(&((struct map *)run)->grid, finding);
    return 0;
}

static void on_claim(struct checkrun *run, const struct shale_claim *claim)
{
    mapgrid_claim(&((struct map *)run)->grid, claim);
}

static bool on_wanted(struct checkrun *run, size_t index,
                      enum shale_object *object, uint64_t *number)
{
    return mapgrid_wanted(&((struct map *)run)->grid, index, object, number);
}

static void on_path(struct checkrun *run, enum shale_object object,
                    uint64_t number, const char *path)
{
    mapgrid_path(&((struct map *)run)->grid, object, number, path);
}

/* ---------------------------------------------------------------- output */

/* Would writing to PATH destroy the image NAME? */
static bool same_file(const char *path, const char *name)
{
    struct stat one, other;

    return stat(path, &one) == 0 && stat(name, &other) == 0 &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int write_picture(const struct map *map, const char *path)
{
    bool to_stdout = !strcmp(path, "-");
    FILE *to;
    bool failed;

    if (!to_stdout && same_file(path, map->run.image)) {
        report("%s: that is the image itself", path);
        return STATUS_USAGE;
    }
    to = to_stdout ? stdout : fopen(path, "w");
    if (!to) {
        report("%s: %s", path, strerror(errno));
        return STATUS_FAILED;
    }
    mapsvg_write(map, to);
    if (to_stdout)
        return STATUS_OK;
    failed = ferror(to) != 0;
    if (fclose(to) != 0 || failed) {
        report("%s: %s", path, strerror(errno ? errno : EIO));
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* What mounting knows of the volume; where that fails, nothing. */
static void learn_facts(struct map *map, const struct options *options)
{
    struct shale_image_config config = options->image;
    char why[SHALE_WHY_MAX];
    struct shale_image *image;

    config.path = map->run.image;
    config.no_lock = true;      /* it is open already */
    config.log = NULL;
    config.part = 0;
    config.has_offset = true;
    config.offset = map->run.place->start;
    config.size_limit = map->run.place->size;
    config.unreplayed = true;
    if (shale_image_open(&config, &image, why) != 0)
        return;
    mapfacts_get(image->fs, &map->facts);
    shale_image_close(image);
}

int map_run(struct checkrun *run, struct shale_image *image,
            const struct checkrun_options *how)
{
    checkrun(run, image, how);
    return run->err ? run->err : run->result.counted ? 0 : SHALE_ECORRUPT;
}

static int show_layout(const struct settings *set, const struct place *place,
                       struct shale_image *image,
                       const struct checkrun_options *how,
                       const struct options *options, int *err)
{
    struct map map = {
        .run = {
            .place = place, .image = set->image,
            .finding = on_finding, .claim = on_claim, .wanted = on_wanted,
            .path = on_path,
        },
    };
    size_t width = terminal_width(STDOUT_FILENO);
    size_t height = terminal_height(STDOUT_FILENO);
    int status = STATUS_OK;

    mapgrid_init(&map.grid, place->size,
                 set->picture ? MAPSVG_CELLS : set->json ? JSON_CELLS
                     : maptext_cells(width, height));
    *err = map_run(&map.run, image, how);
    if (*err == 0) {
        mapgrid_settle(&map.grid);
        learn_facts(&map, options);
        if (set->picture)
            status = write_picture(&map, set->picture);
        if (set->json)
            mapjson_show(&map);
        else if (!set->picture)
            maptext_show(&map, terminal_colour(), width);
    }
    mapgrid_free(&map.grid);
    return status;
}

/* Show what is at PLACE. An exit status, and shale_check()'s answer. */
static int show_place(const struct settings *set, const struct place *place,
                      struct shale_image *image,
                      const struct options *options, int *err)
{
    struct checkrun_options how = {
        .type = options->image.type ? checkrun_type(options->image.type)
                                    : NULL,
        .bar = !options->quiet && isatty(STDERR_FILENO),
        .progress_fd = CHECKRUN_NO_FD,
    };

    if (set->count == 0)
        return show_layout(set, place, image, &how, options, err);
    *err = mapowner_show(set->questions, set->count, place, image, set->image,
                         &how, set->json);
    return STATUS_OK;
}

/* Say why nothing is shown of PLACE. */
static void map_failed(const struct place *place, const char *name, int err)
{
    char why[PLACE_CUT_MAX];
    char *title = place_title(place, name);

    if (place_is_past(place))
        report("%s: %s", title, place_cut(place, why));
    else if (err == SHALE_ECORRUPT)
        report("%s: what it holds cannot be told; shale check says why",
               title);
    else
        report("%s: %s", name, err == SHALE_EINTR ? "interrupted"
                                                  : shale_strerror(err));
    free(title);
}

/* Does PLACE, which is a volume, have a byte that is asked for? */
static bool place_is_asked(const struct settings *set,
                           const struct place *place)
{
    for (size_t i = 0; i < set->count && place->known; i++)
        if (set->questions[i].number >= place->start &&
            set->questions[i].number - place->start < place->size)
            return true;
    return false;
}

/*
 * The volume of PLACES that has bytes that are asked for, if only one does.
 * *NONE if none does.
 */
static const struct place *place_asked(const struct settings *set,
                                       const struct places *places,
                                       bool *none)
{
    const struct place *asked = NULL;

    *none = true;
    for (size_t i = 0; i < places->count; i++) {
        if (!place_is_asked(set, &places->list[i]))
            continue;
        asked = *none ? &places->list[i] : NULL;
        *none = false;
    }
    return asked;
}

/*
 * A byte of the image says which volume is meant: answer for that one, or for
 * none, if all questions are about bytes, and not of several. False if they are
 * not; *OPENED if the image was opened, then.
 */
static bool map_asked(const struct settings *set,
                      const struct options *options, bool *opened,
                      int *status)
{
    const struct place *place = NULL;
    struct places places;
    bool answered = false, none = false;
    int err = 0;

    for (size_t i = 0; i < set->count; i++)
        if (set->questions[i].unit)
            return false;
    if (set->count == 0 || options->image.part || options->image.has_offset)
        return false;
    if (!places_open(&places, set->image, options, true)) {
        places_close(&places);
        *status = STATUS_USAGE;
        return true;
    }
    *opened = true;
    if (places.count > 1)
        place = place_asked(set, &places, &none);
    if (place) {
        answered = true;
        *status = show_place(set, place, places.image, options, &err);
        if (err) {
            map_failed(place, set->image, err);
            *status = STATUS_FAILED;
        }
    } else if (none) {
        answered = true;
        *status = STATUS_OK;
        mapoutside_show(set->questions, set->count, &places, set->json);
    }
    places_close(&places);
    return answered;
}

static int map_image(const struct settings *set, const struct options *options)
{
    struct places places;
    struct options quiet = *options;    /* warned once is enough */
    int status, err = 0;

    if (map_asked(set, options, &quiet.quiet, &status))
        return status;
    if (!places_open(&places, set->image, &quiet, false)) {
        places_close(&places);
        return STATUS_USAGE;
    }
    status = show_place(set, &places.list[0], places.image, options, &err);
    if (err == SHALE_ENODEV && places.guessed) {
        if (!places_next(&places, options, false)) {
            places_close(&places);
            return STATUS_USAGE;
        }
        status = show_place(set, &places.list[0], places.image, options, &err);
    }
    if (err == SHALE_ENODEV) {
        places_explain(&places, &places.list[0], options);
        status = STATUS_USAGE;
    } else if (err) {
        map_failed(&places.list[0], set->image, err);
        status = STATUS_FAILED;
    }
    places_close(&places);
    return status;
}

/* The files that --file names, or IMAGE:PATH. */
static int map_files(struct settings *set, struct options *options,
                     char **operands, int count)
{
    struct volume vol;
    int all = count + set->file_count, status;
    char **list = xrealloc(NULL, (size_t)all, sizeof *list);

    for (int i = 0; i < count; i++)
        list[i] = operands[i];
    for (int i = 0; i < set->file_count; i++)
        list[count + i] = set->files[i];
    status = volume_parse(&vol, options, list, all, NULL);
    free(list);
    return status == STATUS_OK ? mapfile_show(&vol, options, set->json)
                               : status;
}

static int act(struct settings *set, struct options *options)
{
    char **operands;
    int count = options_operands(options, &operands);
    bool files;

    if (count < 1)
        return options_complain(options, "which image?");
    files = set->file_count > 0 || volume_names_inside(operands[0]);
    if (count > 1)
        return options_complain(options, "one image at a time; files come "
                                "with --file");
    if (files + (set->count > 0) + (set->picture != NULL) > 1)
        return options_complain(options, "--owner, --file and --picture "
                                "exclude each other");
    if (set->picture && !strcmp(set->picture, "-") && set->json)
        return options_complain(options, "--json and the picture cannot both "
                                "be written there");
    print_escape = true;        /* what is shown is for eyes, or JSON */
    set->image = operands[0];
    return files ? map_files(set, options, operands, count)
                 : map_image(set, options);
}

static int cmd_map(int argc, char **argv)
{
    struct settings set = { .json = false };
    struct options options;
    int letter, status = STATUS_OK;

    options_init(&options, &command_map, argc, argv);
    while (status == STATUS_OK && (letter = options_next(&options)) >= 0)
        status = take(&options, &set, letter);
    if (status == STATUS_OK && letter == OPTIONS_STOP)
        status = options.status;
    else if (status == STATUS_OK)
        status = finish_output(act(&set, &options));
    free(set.questions);
    free(set.files);
    return status;
}

const struct command command_map = {
    .name     = "map",
    .run      = cmd_map,
    .operands = "IMAGE|--owner PLACE IMAGE|--file PATH IMAGE|"
                "--picture FILE IMAGE",
    .summary  = "show what the bytes of the volume are used for",
    .details  =
        "PLACE is a byte or, with s, a sector of 512 bytes of the image; with\n"
        "b or c, a block or cluster of the volume: 1263616, 2468s, 1234b.\n",
    .options  = options_map,
    .image    = true,
};
