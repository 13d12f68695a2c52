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

/* Of what the user named: all of the slice that was opened. */
static void add_opened(struct places *places)
{
    struct shale_image *image = places->image;
    struct place place = {
        .part = image->part,
        .start = image->volume.start,
        .size = image->volume.base.size,
    };

    place.known = table_content(image, place.start, place.size,
                                place.content);
    add_place(places, &place);
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
    strcpy(place.content, row->content);
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
                        *row->content ? row->content : "unknown", size);
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

/* Is any of TABLE's rows on an image of SIZE bytes at all? */
static bool table_is_real(const struct table *table, uint64_t size)
{
    for (size_t i = 0; i < table->count; i++)
        if (table->rows[i].part.start < size)
            return true;
    return table->info.kind == SHALE_TABLE_GPT;
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
        if (all && (!type || row_fits(row, type)))
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
    else
        explain_choice(places, table, type, fitting);
    return only != NULL;
}

/* Take what TABLE offers instead of the whole image. */
static bool take_table(struct places *places, const struct table *table,
                       const struct options *options, bool all)
{
    const char *type = options->image.type;

    places->count = 0;
    return choose(places, table, options, type ? checkrun_type(type) : NULL,
                  all);
}

/* Open the image, also where somebody else's lock is on it. */
static bool open_image(struct places *places, const struct options *options)
{
    struct shale_image_config config = options->image;
    char why[SHALE_WHY_MAX] = "";
    int err;

    config.path = places->name;
    err = shale_image_open_raw(&config, &places->image, why);
    if (err == SHALE_EAGAIN) {
        places->locked = config.no_lock = true;
        err = shale_image_open_raw(&config, &places->image, why);
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
    add_opened(places);
    if (config->part || config->has_offset || places->list[0].known)
        return true;

    /* A table that cannot be read says nothing about where volumes are. */
    err = table_load(places->image, &table);
    if (!err && table_is_real(&table,
                              shale_file_bdev(places->image->file)->size)) {
        /* A boot sector that is damaged may look like a table. */
        places->guessed = table.known == 0 && !config->type &&
                          table.info.kind == SHALE_TABLE_MBR;
        if (!places->guessed)
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
    char why[SHALE_WHY_MAX] = "";
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
    places_fail(places, "nothing that Shale can check: %s",
                *why ? why : "no filesystem that it knows");
}
