/*
 * mapoutside.c - bytes of a disk that no volume has
 *
 * The partition table, what lies between partitions, partitions with something
 * else in them. No volume has to be chosen to say so, nor to be read.
 */
#include <inttypes.h>

#include "jsonout.h"
#include "map.h"

/* The place of PLACES that has byte AT of the image; or NULL. */
static const struct place *place_of(const struct places *places, uint64_t at)
{
    for (size_t i = 0; i < places->count; i++)
        if (at >= places->list[i].start &&
            at - places->list[i].start < places->list[i].size)
            return &places->list[i];
    return NULL;
}

static void print_question(const struct map_question *question,
                           const struct places *places)
{
    uint64_t at = question->number;
    const struct place *place = place_of(places, at);

    printf("%s: ", question->text);
    if (at >= shale_file_bdev(places->image->file)->size) {
        puts("outside of the image");
        return;
    }
    printf("byte %" PRIu64 " of the image, sector %" PRIu64 "\n  ", at,
           at / 512);
    if (place)
        printf("in partition %u, which holds %s\n", place->part,
               *place->content ? place->content
                               : "no filesystem that Shale knows");
    else if (at < 512)
        puts("the partition table, outside of all volumes");
    else
        puts("outside of all volumes");
}

static struct json *question_json(const struct map_question *question)
{
    struct json *object = json_new();

    jsonout_text(object, "asked", question->text);
    jsonout_bool(object, "inside", false);
    json_set(object, "offset", json_null());
    json_set(object, "volume_offset", json_null());
    json_set(object, "unit", json_null());
    json_set(object, "owners", json_list());
    jsonout_number(object, "more_owners", 0);
    return object;
}

void mapoutside_show(const struct map_question *questions, size_t count,
                     const struct places *places, bool json)
{
    struct json *document, *list;

    if (!json) {
        for (size_t i = 0; i < count; i++)
            print_question(&questions[i], places);
        return;
    }
    document = json_new();
    list = json_list();
    jsonout_text(document, "image", places->name);
    json_set(document, "partition", json_null());
    json_set(document, "type", json_null());
    json_set(document, "unit_size", json_null());
    for (size_t i = 0; i < count; i++)
        json_append(list, question_json(&questions[i]));
    json_set(document, "answers", list);
    jsonout_document(document);
}
