/*
 * checkplace.c - which volumes of an image are to be checked
 *
 * As for any other command, but a volume that is damaged may be one that no
 * driver recognises any more: where nothing better is known, the whole image,
 * or its only partition, is taken for it. A checker then says what it finds.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"
#include "checkuse.h"

static void add_place(struct places *places, const struct place *place)
{
    places->list = xrealloc(places->list, places->count + 1,
                            sizeof *places->list);
    places->list[places->count++] = *place;
}

static uint64_t image_size(const struct places *places)
{
    return shale_file_bdev(places->image->file)->size;
}

/* Is PART past the end of the image, all of it? */
static bool part_is_past(const struct places *places,
                         const struct shale_partition *part)
{
    return !part->extended && part->start >= image_size(places);
}

/* Let PLACE end where the image does. */
static void cut(const struct places *places, struct place *place)
{
    uint64_t end = image_size(places);
    uint64_t room = place->start < end ? end - place->start : 0;

    if (place->size > room) {
        place->missing = place->size - room;
        place->size = room;
    }
}

/* Of what the user named: all of the slice that was opened. */
static void add_opened(struct places *places)
{
    struct shale_image *image = places->image;
    struct place place = {
        .part = image->part,
        .start = image->volume.start,
        .size = image->volume.base.size,
    };

    cut(places, &place);
    place.known = table_content(image, place.start, place.size,
                                place.content);
    add_place(places, &place);
}

/* Is PLACE zeros where filesystems have what they are known by? */
static bool is_blank(const struct places *places, const struct place *place)
{
    struct shale_bdev *dev = shale_file_bdev(places->image->file);
    uint8_t piece[4096];

    for (uint64_t at = 0; at < 32 * sizeof piece && at < place->size;
         at += sizeof piece) {
        uint64_t left = place->size - at;
        size_t len = left < sizeof piece ? (size_t)left : sizeof piece;

        if (shale_bdev_read_bytes(dev, places->image->mem, place->start + at,
                                  piece, len) != 0)
            return false;
        for (size_t i = 0; i < len; i++)
            if (piece[i] != 0)
                return false;
    }
    return true;
}

static void add_row(struct places *places, const struct table *table,
                    const struct table_row *row, uint64_t limit)
{
    struct place place = {
        .part = row->part.number,
        .start = row->part.start,
        .size = row->part.size,
        .known = row->known,
        .meant = table_type_name(table, &row->part),
    };

    if (limit && place.size > limit)
        place.size = limit;
    cut(places, &place);
    strcpy(place.content, row->content);
    place.blank = !*place.content && is_blank(places, &place);
    add_place(places, &place);
}

/* Can ROW hold a volume, of TYPE if that is not NULL? */
static bool row_fits(const struct table_row *row, const char *type)
{
    return row->known && (!type || !strcmp(row->content, type));
}

void places_fail(struct places *places, const char *format, ...)
{
    va_list args;

    free(places->error);
    va_start(args, format);
    if (vasprintf(&places->error, format, args) < 0)
        places->error = NULL;
    va_end(args);
    if (places->error)
        report("%s: %s", places->name, places->error);
}

/* The choice is the user's: say what there is. */
static void explain_choice(struct places *places, const struct table *table,
                           const char *type, size_t fitting)
{
    char list[1024] = "", size[PRINT_SIZE_MAX];
    size_t at = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct table_row *row = &table->rows[i];
        int more;

        if (row->part.extended || (fitting && !row_fits(row, type)))
            continue;
        print_size_long(row->part.size, size);
        more = snprintf(list + at, sizeof list - at, "%s%u (%s, %s)",
                        at ? ", " : "", row->part.number,
                        part_is_past(places, &row->part)
                            ? "past the image's end"
                        : *row->content ? row->content : "unknown", size);
        if (more > 0 && (size_t)more < sizeof list - at)
            at += (size_t)more;
        else
            break;
    }
    places_fail(places, "%s: %s%s",
                fitting ? "several filesystems"
                        : "no filesystem that Shale knows",
                *list ? "choose with --part N: "
                      : "the partition table is empty", list);
}

/* Is any of TABLE's rows on the image at all? */
static bool table_is_real(const struct places *places,
                          const struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].part.start < image_size(places))
            return true;
    return table->info.kind == SHALE_TABLE_GPT;
}

/* Take the rows that the image has nothing of, but for ONLY. */
static void add_past(struct places *places, const struct table *table,
                     const struct table_row *only)
{
    for (size_t i = 0; i < table->count; i++)
        if (&table->rows[i] != only &&
            part_is_past(places, &table->rows[i].part))
            add_row(places, table, &table->rows[i], 0);
}

/* Choose by TABLE. False if nothing can be. */
static bool choose(struct places *places, const struct table *table,
                   const struct options *options, const char *type, bool all)
{
    const struct table_row *last = NULL, *only = NULL;
    size_t fitting = 0, volumes = 0;

    for (size_t i = 0; i < table->count; i++) {
        const struct table_row *row = &table->rows[i];

        if (row->part.extended)
            continue;
        if (all && (!type || row_fits(row, type) ||
                    part_is_past(places, &row->part)))
            add_row(places, table, row, options->image.size_limit);
        volumes++;
        last = row;
        if (row_fits(row, type)) {
            fitting++;
            only = row;
        }
    }
    if (places->count > 0)
        return true;
    if (fitting != 1)
        only = volumes == 1 ? last : NULL;
    if (only)
        add_row(places, table, only, options->image.size_limit);
    if (only || fitting == 0)
        add_past(places, table, only);
    if (places->count == 0)
        explain_choice(places, table, type, fitting);
    return places->count > 0;
}

/* Take what TABLE offers instead of the whole image. */
static bool take_table(struct places *places, const struct table *table,
                       const struct options *options, bool all)
{
    const char *type = options->image.type;

    places->count = 0;
    places->cut_off = table->info.cut_off;
    return choose(places, table, options, type ? checkrun_type(type) : NULL,
                  all);
}

/* Take partition NUMBER, which lies past the image's end; an error if it does
   not, and the image is closed. */
static int find_past(struct places *places, unsigned number)
{
    struct table table;
    int err = table_load(places->image, &table);

    for (size_t i = 0; i < table.count && !err; i++)
        if (table.rows[i].part.number == number &&
            part_is_past(places, &table.rows[i].part))
            add_row(places, &table, &table.rows[i], 0);
    table_free(&table);
    if (!err && places->count > 0)
        return 0;
    shale_image_close(places->image);
    places->image = NULL;
    return err ? err : SHALE_EINVAL;
}

/* Open the image, also where somebody else's lock is on it. */
static bool open_image(struct places *places, const struct options *options)
{
    struct shale_image_config config = options->image;
    char why[SHALE_WHY_MAX] = "", unused[SHALE_WHY_MAX];
    int err;

    config.path = places->name;
    err = shale_image_open_raw(&config, &places->image, why);
    if (err == SHALE_EAGAIN) {
        places->locked = config.no_lock = true;
        err = shale_image_open_raw(&config, &places->image, why);
    }
    if (err == SHALE_EINVAL && config.part) {   /* perhaps past the end */
        config.part = 0;
        if (shale_image_open_raw(&config, &places->image, unused) == 0)
            err = find_past(places, options->image.part);
    }
    if (err) {
        places_fail(places, "%s", *why ? why : shale_strerror(err));
        places->image = NULL;
        return false;
    }
    places->in_use = checkuse_find(places->name,
                                   shale_file_bdev(places->image->file)->fd);
    if (!places->in_use && places->locked)
        places->in_use = xstrdup(CHECKUSE_LOCKED);
    if (places->in_use && !options->quiet)
        report("%s: warning: %s: what changes meanwhile may look like damage",
               places->name, places->in_use);
    return true;
}

bool places_open(struct places *places, const char *name,
                 const struct options *options, bool all)
{
    const struct shale_image_config *config = &options->image;
    struct table table;
    bool chosen = true;
    int err;

    memset(places, 0, sizeof *places);
    places->name = name;
    if (!open_image(places, options))
        return false;
    if (places->count > 0)
        return true;
    add_opened(places);
    if (config->part || config->has_offset || places->list[0].known)
        return true;

    /* A table that cannot be read says nothing about where volumes are. */
    err = table_load(places->image, &table);
    if (!err && table.info.kind != SHALE_TABLE_NONE) {
        /* With a type nothing is guessed: then any table is one. */
        bool real = table_is_real(places, &table) ||
                    (config->type && table.count > 0);

        /* A boot sector that is damaged may look like a table. */
        places->guessed = table.known == 0 && !config->type &&
                          table.info.kind == SHALE_TABLE_MBR &&
                          (real || table.count > 0);
        if (real && !places->guessed)
            chosen = take_table(places, &table, options, all);
    }
    table_free(&table);
    return chosen;
}

bool places_next(struct places *places, const struct options *options,
                 bool all)
{
    struct table table;
    bool chosen;

    if (!places->guessed)
        return false;
    places->guessed = false;
    chosen = table_load(places->image, &table) == 0 &&
             take_table(places, &table, options, all);
    table_free(&table);
    return chosen;
}

void places_close(struct places *places)
{
    if (places->image)
        shale_image_close(places->image);
    free(places->list);
    free(places->in_use);
    free(places->error);
    memset(places, 0, sizeof *places);
}

bool place_is_past(const struct place *place)
{
    return place->size == 0 && place->missing > 0;
}

bool place_is_wiped(const struct place *place, char out[PLACE_WIPED_MAX])
{
    static const struct {
        const char *type, *what;
    } types[] = {
        { "FAT", "FAT" },           { "EFI system", "FAT" },
        { "NTFS", "NTFS or exFAT" }, { "Windows data", "NTFS, exFAT or FAT" },
        { "Windows recovery", "NTFS" },
        { "Linux root", "a filesystem" }, { "Linux home", "a filesystem" },
        { "Linux extended boot", "a filesystem" },
    };
    const char *what = NULL;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (place->meant &&
            !strncmp(place->meant, types[i].type, strlen(types[i].type)))
            what = types[i].what;
    if (place->meant && !strcmp(place->meant, "Linux"))
        what = "a filesystem";
    if (!what || *place->content)
        return false;
    snprintf(out, PLACE_WIPED_MAX, "it is meant for %s, and %s", what,
             place->blank ? "begins with zeros" : "holds none that is known");
    return true;
}

const char *place_cut(const struct place *place, char out[PLACE_CUT_MAX])
{
    char size[PRINT_SIZE_MAX];

    out[0] = '\0';
    if (place_is_past(place)) {
        snprintf(out, PLACE_CUT_MAX, "all of it lies past the end of the "
                 "image");
    } else if (place->missing) {
        print_size_long(place->missing, size);
        snprintf(out, PLACE_CUT_MAX, "the image ends %s before the partition "
                 "does", size);
    }
    return out;
}

char *place_title(const struct place *place, const char *name)
{
    char *shown = print_escaped(name, strlen(name));
    size_t room = strlen(shown) + 64;
    char *title = xmalloc(room);

    if (place->part)
        snprintf(title, room, "%s, partition %u", shown, place->part);
    else if (place->start)
        snprintf(title, room, "%s, byte %" PRIu64, shown, place->start);
    else
        snprintf(title, room, "%s", shown);
    free(shown);
    return title;
}

void places_explain(struct places *places, const struct place *place,
                    const struct options *options)
{
    struct shale_image_config config = options->image;
    char why[SHALE_WHY_MAX] = "", lacks[PLACE_CUT_MAX];
    struct shale_image *image;

    /* Mounting knows how to say what else it may be. */
    config.path = places->name;
    config.no_lock = places->locked;
    config.log = NULL;
    config.part = 0;
    config.has_offset = place->part || place->start;
    config.offset = place->start;
    config.size_limit = place->size;
    config.unreplayed = true;
    if (shale_image_open(&config, &image, why) == 0) {
        places_fail(places, "Shale cannot check %s", shale_fs_name(image->fs));
        shale_image_close(image);
        return;
    }
    place_cut(place, lacks);
    places_fail(places, "nothing that Shale can check: %s%s%s",
                *why ? why : "no filesystem that it knows",
                *lacks ? "; " : "", lacks);
}
