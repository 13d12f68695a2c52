/*
 * mapowner.c - whose a byte of the image is
 *
 * A check claims every byte that it understands; here only those claims are
 * kept that have the byte in question, the lowest of them if they are too many,
 * and always in the same order. A place that is given as the number of a
 * block or cluster needs to know where these lie, which a first check tells.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jsonout.h"
#include "map.h"

#define OWNERS_MAX 64           /* kept, of a byte that many claim */

struct owner {
    struct shale_claim claim;
    char *path;
};

struct answer {
    struct map_question question;
    uint64_t at;                /* byte of the volume */
    bool outside;
    struct owner *owners;       /* sorted */
    size_t count;
    uint64_t more;              /* owners that are not kept */
};

struct query {
    struct checkrun run;        /* the first member */
    struct answer *answers;
    size_t count;
};

bool mapowner_parse(const char *text, struct map_question *out)
{
    size_t len = strlen(text);
    char last = len > 0 ? text[len - 1] : '\0';

    memset(out, 0, sizeof *out);
    out->text = text;
    if (last == 'b' || last == 'c') {
        char number[24];

        /* In hexadecimal, these are digits. */
        if (!strncmp(text, "0x", 2) || len > sizeof number - 1)
            return options_size(text, &out->number);
        memcpy(number, text, len - 1);
        number[len - 1] = '\0';
        out->unit = true;
        out->block = last == 'b';
        return options_number(number, 0, UINT64_MAX, &out->number);
    }
    return options_size(text, &out->number);
}

/* ---------------------------------------------------------------- claims */

/* CLAIM is one of ANSWER's: put it where it belongs. */
static void add_owner(struct answer *answer, const struct shale_claim *claim)
{
    size_t at = answer->count;

    while (at > 0 &&
           map_compare_claims(claim, &answer->owners[at - 1].claim) < 0)
        at--;
    if (answer->count < OWNERS_MAX)
        answer->owners = xrealloc(answer->owners, ++answer->count,
                                  sizeof *answer->owners);
    else
        answer->more++;
    if (at == OWNERS_MAX)
        return;
    memmove(answer->owners + at + 1, answer->owners + at,
            (answer->count - 1 - at) * sizeof *answer->owners);
    answer->owners[at] = (struct owner){ *claim, NULL };
}

static void on_claim(struct checkrun *run, const struct shale_claim *claim)
{
    struct query *query = (struct query *)run;

    for (size_t i = 0; i < query->count; i++) {
        struct answer *answer = &query->answers[i];

        if (!answer->outside && answer->at >= claim->at &&
            answer->at - claim->at < claim->length)
            add_owner(answer, claim);
    }
}

/* The INDEXth owner of all answers; NULL past the last. */
static struct owner *owner_at(const struct query *query, size_t index)
{
    for (size_t i = 0; i < query->count; i++) {
        if (index < query->answers[i].count)
            return &query->answers[i].owners[index];
        index -= query->answers[i].count;
    }
    return NULL;
}

static bool on_wanted(struct checkrun *run, size_t index,
                      enum shale_object *object, uint64_t *number)
{
    const struct owner *owner = owner_at((struct query *)run, index);

    if (!owner)
        return false;
    *object = owner->claim.object;
    *number = owner->claim.number;
    return true;
}

static void on_path(struct checkrun *run, enum shale_object object,
                    uint64_t number, const char *path)
{
    struct owner *owner;

    for (size_t i = 0; (owner = owner_at((struct query *)run, i)) != NULL; i++)
        if (path && !owner->path && owner->claim.object == object &&
            owner->claim.number == number)
            owner->path = xstrdup(path);
}

/* ---------------------------------------------------------------- places */

/* Which byte of the volume ANSWER is about, RESULT being what is known. */
static void locate(struct answer *answer, const struct place *place,
                   const struct shale_check_result *result)
{
    const struct map_question *question = &answer->question;
    uint64_t number = question->number;
    uint32_t size = question->block ? result->block_size : result->unit_size;

    if (!question->unit) {
        answer->outside = number < place->start ||
                          number - place->start >= place->size;
        answer->at = number - place->start;
        return;
    }
    answer->outside = number < result->unit_first || size == 0 ||
        (number - result->unit_first) >=
            (UINT64_MAX - result->units_at) / size;
    if (answer->outside)
        return;
    answer->at = result->units_at + (number - result->unit_first) * size;
    answer->outside = answer->at >= place->size;
}

/* The unit that byte AT is in. False if units begin later. */
static bool unit_of(const struct shale_check_result *result, uint64_t at,
                    uint64_t *out)
{
    if (result->unit_size == 0 || at < result->units_at)
        return false;
    *out = (at - result->units_at) / result->unit_size;
    if (*out >= result->units)
        return false;
    *out += result->unit_first;
    return true;
}

/* ---------------------------------------------------------------- output */

static void print_owner(const struct query *query, const struct owner *owner,
                        uint64_t at)
{
    const struct shale_claim *claim = &owner->claim;
    uint64_t start = query->run.place->start + claim->at;

    bool named = claim->object != SHALE_OBJECT_FILE || !owner->path;

    printf("  %s: ", shale_use_name(claim->use));
    if (named)
        fputs(shale_object_name(claim->object), stdout);
    if (named && claim->object != SHALE_OBJECT_VOLUME)
        printf(" %" PRIu64, claim->number);
    if (owner->path) {
        fputs(named ? ", " : "", stdout);
        fputs(owner->path, stdout);     /* it is safe to print */
    }
    if (claim->position != SHALE_NOWHERE)
        printf(", byte %" PRIu64 " of it", claim->position + at - claim->at);
    printf("\n    in a run of %" PRIu64 " bytes, %" PRIu64 " to %" PRIu64
           " of the image\n", claim->length, start,
           start + claim->length - 1);
}

static void print_answer(const struct query *query, const struct answer *answer)
{
    const struct shale_check_result *result = &query->run.result;
    uint64_t byte = query->run.place->start + answer->at, unit;

    printf("%s: ", answer->question.text);
    if (answer->outside) {
        puts("outside of the volume");
        return;
    }
    printf("byte %" PRIu64 " of the image, sector %" PRIu64, byte, byte / 512);
    if (unit_of(result, answer->at, &unit))
        printf(", %s %" PRIu64, checkrun_result_unit(result), unit);
    putchar('\n');
    for (size_t i = 0; i < answer->count; i++)
        print_owner(query, &answer->owners[i], answer->at);
    if (answer->more > 0)
        printf("  and %" PRIu64 " more\n", answer->more);
    if (answer->count == 0)
        puts("  free, or nobody's");
}

static struct json *owner_json(const struct query *query,
                               const struct owner *owner, uint64_t at)
{
    const struct shale_claim *claim = &owner->claim;
    struct json *object = json_new();

    jsonout_text(object, "use", map_look(claim->use).key);
    jsonout_text(object, "object", shale_object_name(claim->object));
    if (claim->object != SHALE_OBJECT_VOLUME)
        jsonout_number(object, "number", claim->number);
    else
        json_set(object, "number", json_null());
    checkjson_name(object, "path", owner->path);
    if (claim->position != SHALE_NOWHERE)
        jsonout_number(object, "position", claim->position + at - claim->at);
    else
        json_set(object, "position", json_null());
    jsonout_number(object, "start", query->run.place->start + claim->at);
    jsonout_number(object, "length", claim->length);
    return object;
}

static struct json *answer_json(const struct query *query,
                                const struct answer *answer)
{
    struct json *object = json_new(), *owners = json_list();
    uint64_t start = query->run.place->start, unit = 0;
    bool inside = !answer->outside;

    jsonout_text(object, "asked", answer->question.text);
    jsonout_bool(object, "inside", inside);
    json_set(object, "offset", inside ? json_number(start + answer->at)
                                      : json_null());
    json_set(object, "volume_offset", inside ? json_number(answer->at)
                                             : json_null());
    json_set(object, "unit", inside && unit_of(&query->run.result, answer->at,
                                               &unit) ? json_number(unit)
                                                      : json_null());
    for (size_t i = 0; i < answer->count; i++)
        json_append(owners, owner_json(query, &answer->owners[i],
                                       answer->at));
    json_set(object, "owners", owners);
    jsonout_number(object, "more_owners", answer->more);
    return object;
}

static void print_answers(const struct query *query, bool json)
{
    struct json *document, *list;

    if (!json) {
        for (size_t i = 0; i < query->count; i++)
            print_answer(query, &query->answers[i]);
        return;
    }
    document = json_new();
    list = json_list();
    jsonout_text(document, "image", query->run.image);
    json_set(document, "partition", query->run.place->part
                                        ? json_number(query->run.place->part)
                                        : json_null());
    jsonout_text(document, "type", query->run.result.type);
    jsonout_number(document, "unit_size", query->run.result.unit_size);
    for (size_t i = 0; i < query->count; i++)
        json_append(list, answer_json(query, &query->answers[i]));
    json_set(document, "answers", list);
    jsonout_document(document);
}

/* -------------------------------------------------------------- the rest */

/* Find out where units lie, if any question needs it. An error, or 0. */
static int learn_units(const struct query *query, struct shale_image *image,
                       const struct checkrun_options *options,
                       struct shale_check_result *out)
{
    struct checkrun first = {
        .place = query->run.place, .image = query->run.image,
    };
    bool needed = false;
    int err = 0;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < query->count; i++)
        needed |= query->answers[i].question.unit;
    if (needed)
        err = map_run(&first, image, options);
    *out = first.result;
    return err;
}

int mapowner_show(struct map_question *questions, size_t count,
                  const struct place *place, struct shale_image *image,
                  const char *name, const struct checkrun_options *options,
                  bool json)
{
    struct query query = {
        .run = {
            .place = place, .image = name,
            .claim = on_claim, .wanted = on_wanted, .path = on_path,
        },
        .answers = xrealloc(NULL, count, sizeof *query.answers),
        .count = count,
    };
    struct shale_check_result units;
    int err;

    memset(query.answers, 0, count * sizeof *query.answers);
    for (size_t i = 0; i < count; i++)
        query.answers[i].question = questions[i];
    err = learn_units(&query, image, options, &units);
    for (size_t i = 0; i < count && !err; i++)
        locate(&query.answers[i], place, &units);
    if (!err)
        err = map_run(&query.run, image, options);
    if (!err)
        print_answers(&query, json);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < query.answers[i].count; j++)
            free(query.answers[i].owners[j].path);
        free(query.answers[i].owners);
    }
    free(query.answers);
    return err;
}
