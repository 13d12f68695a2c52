/*
 * note.c - findings: kept, sorted, given paths and words, told
 *
 * All are counted, by code. At most findings_max are kept, and none if nobody
 * is to be told. When there are more, those stay that matter most, and of
 * equals the lowest, whichever worker came first: what is told of a volume is
 * always the same. So the notes are a heap while there are as many as may be,
 * whose top is the next to go.
 *
 * Names are kept as they are on the volume, and made printable when they are
 * told, in memory that is taken beforehand: a check that has run out of it
 * still tells what it has found.
 */
#include "check/state.h"

enum {
    NAME_MAX_KEPT = 1020,       /* 255 characters of UTF-8; NTFS has 765 */
    ESCAPED = 4,                /* \xHH */
    NAME_TEXT = NAME_MAX_KEPT * ESCAPED,
    PATH_TEXT = CHECK_PATH_MAX * ESCAPED,
    SENTENCE_TEXT = NAME_TEXT + 2048,
    TEXTS = NAME_TEXT + PATH_TEXT + SENTENCE_TEXT + 3,
    FIRST_ROOM = 64,            /* notes */
};

/* A finding, before it has words. note.name is our own memory. */
struct noted {
    const struct shale_check_code *code;
    uint64_t at;
    struct check_note note;
};

struct check_notes {
    struct check_lock lock;     /* guards all of this */
    struct noted **kept;        /* COUNT, in an array with ROOM */
    size_t count, room, max;
    bool heap;                  /* kept[0] is the next to go */

    uint64_t *told;             /* by code: the checker's, then check_codes */
    size_t codes;

    struct check_paths paths;   /* of their objects, and what else is wanted */
    char *texts;                /* room for a name, a path and a sentence */
};

/* ------------------------------------------------------------------ order */

static int compare_names(const struct check_note *a, const struct check_note *b)
{
    size_t len = a->len < b->len ? a->len : b->len;
    int order = len ? memcmp(a->name, b->name, len) : 0;

    return order ? order : check_compare(a->len, b->len);
}

static bool is_shared(const struct shale_check_code *code)
{
    for (size_t i = 0; i < CHECK_CODES; i++)
        if (code == &check_codes[i])
            return true;
    return false;
}

/* In the order of their table, which has causes before what comes of them;
   those of all formats before any. */
static int compare_codes(const struct shale_check_code *a,
                         const struct shale_check_code *b)
{
    if (is_shared(a) != is_shared(b))
        return is_shared(a) ? -1 : 1;
    return a < b ? -1 : a > b;
}

/* As they are told: 0 only for those between which there is no difference. */
static int compare_notes(const struct noted *a, const struct noted *b)
{
    const uint64_t pairs[][2] = {
        { a->at, b->at },
        { a->note.other, b->note.other },
        { a->note.compared, b->note.compared },
        { a->note.expected, b->note.expected },
        { a->note.found, b->note.found },
    };
    int order = check_compare(a->note.object, b->note.object);

    if (!order)
        order = check_compare(a->note.number, b->note.number);
    if (!order)
        order = compare_codes(a->code, b->code);
    for (size_t i = 0; !order && i < sizeof pairs / sizeof pairs[0]; i++)
        order = check_compare(pairs[i][0], pairs[i][1]);
    return order ? order : compare_names(&a->note, &b->note);
}

static int by_telling(const void *a, const void *b)
{
    return compare_notes(*(struct noted *const *)a, *(struct noted *const *)b);
}

/* Is A to go before B? The mildest first, then the last. */
static bool goes_first(const struct noted *a, const struct noted *b)
{
    if (a->code->severity != b->code->severity)
        return a->code->severity < b->code->severity;
    return compare_notes(a, b) > 0;
}

/* ------------------------------------------------------- keeping the best */

/* kept[AT] may be one to stay: let it sink to where it belongs. */
static void sink(struct check_notes *notes, size_t at)
{
    struct noted *moving = notes->kept[at];
    size_t child;

    while ((child = 2 * at + 1) < notes->count) {
        if (child + 1 < notes->count &&
            goes_first(notes->kept[child + 1], notes->kept[child]))
            child++;
        if (!goes_first(notes->kept[child], moving))
            break;
        notes->kept[at] = notes->kept[child];
        at = child;
    }
    notes->kept[at] = moving;
}

static void noted_free(struct check *check, struct noted *noted)
{
    if (!noted)
        return;
    if (noted->note.name) {
        /* It is ours, but the struct has it as the checkers give it. */
        union { const char *theirs; char *ours; } name = { noted->note.name };

        check_free(check, name.ours, noted->note.len);
    }
    check_free(check, noted, sizeof *noted);
}

/* A copy of what the checker tells; NULL without memory. */
static struct noted *noted_create(struct check *check,
                                  const struct noted *from)
{
    struct noted *noted = check_alloc(check, sizeof *noted);
    char *name;

    if (!noted)
        return NULL;
    *noted = *from;
    if (noted->note.len == 0) {
        noted->note.name = NULL;
        return noted;
    }
    name = check_alloc(check, noted->note.len);
    if (!name) {
        check_free(check, noted, sizeof *noted);
        return NULL;
    }
    memcpy(name, from->note.name, noted->note.len);
    noted->note.name = name;
    return noted;
}

/* Make room for one more, of MAX at most. */
static bool make_room(struct check *check, struct check_notes *notes)
{
    size_t room = notes->room ? notes->room * 2 : FIRST_ROOM;
    struct noted **kept;

    if (notes->count < notes->room)
        return true;
    if (room > notes->max)
        room = notes->max;
    kept = check_alloc(check, room * sizeof(struct noted *));
    if (!kept)
        return false;
    if (notes->count)
        memcpy(kept, notes->kept, notes->count * sizeof(struct noted *));
    check_free(check, notes->kept, notes->room * sizeof(struct noted *));
    notes->kept = kept;
    notes->room = room;
    return true;
}

/* Keep a copy of FROM, if it is among the first. With the lock. */
static void keep(struct check *check, const struct noted *from)
{
    struct check_notes *notes = check->notes;
    struct noted *noted;

    if (notes->count == notes->max && !notes->heap) {
        for (size_t i = notes->count / 2; i-- > 0;)
            sink(notes, i);
        notes->heap = true;
    }
    if (notes->heap && !goes_first(notes->kept[0], from))
        return;
    if (!notes->heap && !make_room(check, notes))
        return;
    noted = noted_create(check, from);
    if (!noted)
        return;
    if (!notes->heap) {
        notes->kept[notes->count++] = noted;
        return;
    }
    noted_free(check, notes->kept[0]);
    notes->kept[0] = noted;
    sink(notes, 0);
}

/* Which of the counters is CODE's; notes->codes if it is nobody's. */
static size_t code_index(const struct check *check,
                         const struct shale_check_code *code)
{
    const struct shale_checker *checker = check->state->checker;

    for (size_t i = 0; i < CHECK_CODES; i++)
        if (code == &check_codes[i])
            return checker->code_count + i;
    if (code >= checker->codes && code < checker->codes + checker->code_count)
        return (size_t)(code - checker->codes);
    return check->notes->codes;
}

void check_tell(struct check *check, const struct shale_check_code *code,
                uint64_t at, const struct check_note *note)
{
    struct check_notes *notes = check->notes;
    struct noted noted = { .code = code, .at = at, .note = *note };
    size_t index;

    if (!notes)                 /* nobody knows yet whose volume it is */
        return;
    index = code_index(check, code);
    if (noted.note.len > NAME_MAX_KEPT)
        noted.note.len = NAME_MAX_KEPT;
    if (!note->name)
        noted.note.len = 0;
    check_lock(check, &notes->lock);
    if (index < notes->codes)
        notes->told[index]++;
    check->result->findings[code->severity]++;
    if (check->config->finding)
        keep(check, &noted);
    check_unlock(check, &notes->lock);
}

uint64_t check_told(struct check *check, const struct shale_check_code *code)
{
    size_t index = code_index(check, code);

    return index < check->notes->codes ? check->notes->told[index] : 0;
}

/* ------------------------------------------------------ create and destroy */

int check_notes_create(struct check *check)
{
    struct check_notes *notes = check_zalloc(check, sizeof *notes);

    if (!notes)
        return SHALE_ENOMEM;
    notes->max = check->config->findings_max ? check->config->findings_max :
                                               CHECK_FINDINGS_MAX;
    if (notes->max > SIZE_MAX / sizeof(struct noted *))
        notes->max = SIZE_MAX / sizeof(struct noted *);
    notes->codes = check->state->checker->code_count + CHECK_CODES;
    check->notes = notes;
    notes->told = check_zalloc(check, notes->codes * sizeof *notes->told);
    notes->texts = check_alloc(check, TEXTS);
    if (!notes->told || !notes->texts)
        return SHALE_ENOMEM;
    return check_lock_init(check, &notes->lock);
}

void check_notes_destroy(struct check *check)
{
    struct check_notes *notes = check->notes;

    if (!notes)
        return;
    for (size_t i = 0; i < notes->count; i++)
        noted_free(check, notes->kept[i]);
    check_paths_free(check, &notes->paths);
    check_free(check, notes->kept, notes->room * sizeof(struct noted *));
    check_free(check, notes->told, notes->codes * sizeof *notes->told);
    check_free(check, notes->texts, TEXTS);
    check_lock_fini(check, &notes->lock);
    check_free(check, notes, sizeof *notes);
    check->notes = NULL;
}

/* ---------------------------------------------------------------- telling */

int check_notes_paths(struct check *check, bool find)
{
    struct check_notes *notes = check->notes;
    struct check_text text = { .bytes = notes->texts, .size = PATH_TEXT };
    int err = find ? check_paths_reserve(check, &notes->paths, notes->count)
                   : 0;

    for (size_t i = 0; find && !err && i < notes->count; i++)
        err = check_paths_add(check, &notes->paths,
                              notes->kept[i]->note.object,
                              notes->kept[i]->note.number);
    if (err)
        return err;
    return check_paths_find(check, &notes->paths, find, &text);
}

static int tell(struct check *check, const struct noted *noted)
{
    struct check_notes *notes = check->notes;
    struct check_text path = { .bytes = notes->texts, .size = PATH_TEXT };
    char *after_path = notes->texts + PATH_TEXT + 1;
    struct check_text name = { .bytes = after_path, .size = NAME_TEXT };
    struct check_text sentence = {
        .bytes = after_path + NAME_TEXT + 1, .size = SENTENCE_TEXT,
    };
    const struct check_note *note = &noted->note;

    check_text_start(&name);
    check_text_start(&sentence);
    check_text_name(&name, note->name, note->len);
    check_text_sentence(&sentence, noted->code->sentence, note, name.bytes);
    return check->config->finding(check->config->context,
                                  &(struct shale_finding){
        .code = noted->code,
        .object = note->object,
        .number = note->number,
        .at = noted->at,
        .compared = note->compared,
        .expected = note->expected,
        .found = note->found,
        .path = check_paths_text(&notes->paths, note->object, note->number,
                                 &path),
        .name = note->name ? name.bytes : NULL,
        .sentence = sentence.bytes,
    });
}

/* How often each code was found, to who wants to know. */
static void tell_counts(struct check *check)
{
    const struct shale_check_config *config = check->config;
    const struct shale_checker *checker = check->state->checker;
    const uint64_t *told = check->notes->told;

    for (size_t i = 0; config->counted && i < check->notes->codes; i++)
        if (told[i])
            config->counted(config->context, i < checker->code_count
                                ? &checker->codes[i]
                                : &check_codes[i - checker->code_count],
                            told[i]);
}

int check_notes_tell(struct check *check)
{
    struct check_notes *notes = check->notes;
    uint64_t *findings = check->result->findings;
    int err = 0;

    tell_counts(check);
    if (!check->config->finding)
        return 0;
    check->result->untold = findings[SHALE_ADVICE] +
                            findings[SHALE_INCONSISTENCY] +
                            findings[SHALE_CORRUPTION] - notes->count;
    check_sort(notes->kept, notes->count, sizeof *notes->kept, by_telling);
    for (size_t i = 0; !err && i < notes->count; i++)
        err = tell(check, notes->kept[i]);
    return err;
}
