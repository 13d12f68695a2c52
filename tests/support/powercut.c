/*
 * powercut.c - what a power cut would have left on a medium
 *
 * A stretch is gone through twice: write by write and sector by sector, then
 * choice by choice. Each write keeps what it overwrote, so that going back is
 * as cheap as going on; nothing ever copies the image.
 *
 * All that is random is a hash of the seed and of what is chosen, so that the
 * states can be counted in a first pass, and those to judge be picked evenly.
 */
#include "powercut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct write {
    const struct shale_fault_record *record;
    size_t index;               /* in the list of records */
    uint8_t *saved;             /* what it overwrote */
};

struct visit {
    uint8_t *image;
    size_t size;
    struct powercut_options options;
    powercut_judge *judge;      /* NULL: count only */
    void *context;
    bool stopped;
    uint64_t number, judged;    /* states gone through; shown to the judge */
    uint64_t total;             /* states there are, if they are counted */

    /* The stretch. */
    struct write *writes;
    size_t count, room;
    size_t end;                 /* index of the flush that ends it */
    uint64_t mark, end_mark;    /* the last one before; and before its end */
    const struct shale_fault_record *next;      /* after it */
    char what[128];
};

/* --------------------------------------------------------------- chance */

/* The finalizer of SplitMix64, over the seed and two numbers. */
static uint64_t chance(const struct visit *v, uint64_t a, uint64_t b)
{
    uint64_t x = v->options.seed * 0x9e3779b97f4a7c15u +
                 a * 0xbf58476d1ce4e5b9u + b;

    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* Is I one of SOME out of COUNT that are evenly spread from SHIFT on? */
static bool is_spread(uint64_t i, uint64_t some, uint64_t count, uint64_t shift)
{
    return some >= count || (i * some + shift % count) % count < some;
}

/* Number the next state. Is it one to be judged? */
static bool is_chosen(struct visit *v)
{
    uint64_t number = v->number++;

    return v->judge && is_spread(number, v->options.max_states, v->total,
                                 chance(v, 0, 0));
}

/* ---------------------------------------------------------------- states */

static uint8_t *place(const struct visit *v, const struct write *w)
{
    return v->image + w->record->offset;
}

static void save(const struct visit *v, const struct write *w)
{
    memcpy(w->saved, place(v, w), w->record->len);
}

static void apply(const struct visit *v, const struct write *w)
{
    save(v, w);
    memcpy(place(v, w), w->record->bytes, w->record->len);
}

static void revert(const struct visit *v, const struct write *w)
{
    memcpy(place(v, w), w->saved, w->record->len);
}

/* Show the image as it is. Its number has been taken. */
static void show(struct visit *v, size_t begun, uint64_t mark)
{
    const struct powercut_state state = {
        .image = v->image, .size = v->size, .begun = begun, .mark = mark,
        .number = v->number - 1, .what = v->what,
    };

    v->judged++;
    if (!v->judge(v->context, &state))
        v->stopped = true;
}

/* The marks that follow record number *INDEX, up to the next request. */
static void pass_marks(const struct shale_fault_record *record, size_t *index,
                       uint64_t *mark)
{
    for (; record && record->kind == SHALE_REQUEST_MARK;
         record = record->next) {
        ++*index;
        *mark = record->offset;
    }
}

/* ------------------------------------------------------------- in order */

/* The first so many bytes of W's record that end with a boundary. */
static size_t first_boundary(const struct write *w)
{
    return POWERCUT_SECTOR - (size_t)(w->record->offset % POWERCUT_SECTOR);
}

/* W as it is made: torn, and then whole. */
static void visit_write(struct visit *v, const struct write *w, uint64_t *mark)
{
    size_t len = w->record->len, first = first_boundary(w), done = 0;
    size_t tears = first < len ? (len - 1 - first) / POWERCUT_SECTOR + 1 : 0;
    uint64_t shift = chance(v, 1, w->index);
    size_t begun = w->index + 1;

    if (v->judge)
        save(v, w);
    for (size_t i = 0; i < tears && !v->stopped; i++) {
        size_t to = first + i * POWERCUT_SECTOR;

        if (!is_spread(i, v->options.tears, tears, shift) || !is_chosen(v))
            continue;
        memcpy(place(v, w) + done, w->record->bytes + done, to - done);
        done = to;
        snprintf(v->what, sizeof v->what, "record %zu torn after %zu bytes",
                 w->index, to);
        show(v, begun, *mark);
    }
    if (v->stopped)
        return;
    if (v->judge)
        memcpy(place(v, w) + done, w->record->bytes + done, len - done);
    pass_marks(w->record->next, &begun, mark);
    if (is_chosen(v)) {
        snprintf(v->what, sizeof v->what, "up to record %zu", w->index);
        show(v, begun, *mark);
    }
}

static void visit_in_order(struct visit *v)
{
    uint64_t mark = v->mark;

    for (size_t i = 0; i < v->count && !v->stopped; i++)
        visit_write(v, &v->writes[i], &mark);
    if (v->stopped || !v->judge)
        return;
    for (size_t i = v->count; i > 0; i--)
        revert(v, &v->writes[i - 1]);
}

/* ------------------------------------------------------------ by choice */

/* Is write I in choice C? Either the bits of C, or random, thick and thin. */
static bool is_in(const struct visit *v, bool all, uint64_t c, size_t i)
{
    uint64_t thickness;

    if (all)
        return c >> i & 1;
    thickness = chance(v, 2, c) % 7 + 1;
    return chance(v, v->writes[i].index + 3, c) % 8 < thickness;
}

static void describe_choice(struct visit *v, bool all, uint64_t c)
{
    const size_t most = sizeof v->what - 32;
    size_t len = (size_t)snprintf(v->what, sizeof v->what,
                                  "before record %zu, of the stretch:", v->end);

    for (size_t i = 0; i < v->count; i++) {
        if (!is_in(v, all, c, i))
            continue;
        if (len > most) {
            memcpy(v->what + len, " ...", sizeof " ...");
            return;
        }
        len += (size_t)snprintf(v->what + len, sizeof v->what - len, " %zu",
                                v->writes[i].index);
    }
}

static void visit_choice(struct visit *v, bool all, uint64_t c)
{
    if (!is_chosen(v))
        return;
    for (size_t i = 0; i < v->count; i++)
        if (is_in(v, all, c, i))
            apply(v, &v->writes[i]);
    describe_choice(v, all, c);
    show(v, v->end, v->end_mark);
    if (v->stopped)
        return;
    for (size_t i = v->count; i > 0; i--)
        if (is_in(v, all, c, i - 1))
            revert(v, &v->writes[i - 1]);
}

static void visit_choices(struct visit *v)
{
    bool all = v->count <= v->options.all_up_to;
    uint64_t choices = all ? (uint64_t)1 << v->count
                           : v->options.random_subsets;

    for (uint64_t c = 0; c < choices && !v->stopped; c++) {
        /* The first few: seen in order, with the same marks. */
        if (all && (c & (c + 1)) == 0 && v->mark == v->end_mark)
            continue;
        visit_choice(v, all, c);
    }
}

/* ------------------------------------------------------------- stretches */

static void add_write(struct visit *v, const struct shale_fault_record *record,
                      size_t index)
{
    if (record->offset > v->size || record->len > v->size - record->offset) {
        fprintf(stderr, "powercut: record %zu is off the image\n", index);
        abort();
    }
    if (v->count == v->room) {
        v->room = v->room ? 2 * v->room : 64;
        v->writes = realloc(v->writes, v->room * sizeof *v->writes);
        if (!v->writes)
            abort();
    }
    v->writes[v->count++] = (struct write){
        .record = record, .index = index, .saved = malloc(record->len + 1),
    };
    if (!v->writes[v->count - 1].saved)
        abort();
}

/* Gather the writes from RECORD, number INDEX, up to the next flush. */
static void stretch_begin(struct visit *v,
                          const struct shale_fault_record *record,
                          size_t index)
{
    v->count = 0;
    v->end_mark = v->mark;
    for (; record && record->kind != SHALE_REQUEST_FLUSH;
         record = record->next, index++) {
        if (record->kind == SHALE_REQUEST_WRITE)
            add_write(v, record, index);
        else
            v->end_mark = record->offset;
    }
    v->end = index;
    v->next = record;
}

static void stretch_end(struct visit *v)
{
    for (size_t i = 0; i < v->count; i++) {
        if (v->judge && !v->stopped)
            apply(v, &v->writes[i]);
        free(v->writes[i].saved);
    }
    v->mark = v->end_mark;
}

/* All states, or as many as there are until the judge has enough. */
static void visit_all(struct visit *v, const struct shale_fault_record *record)
{
    size_t index = 0;

    v->mark = 0;
    pass_marks(record, &index, &v->mark);
    for (size_t i = 0; i < index; i++)
        record = record->next;
    if (is_chosen(v)) {
        snprintf(v->what, sizeof v->what, "before record %zu", index);
        show(v, index, v->mark);
    }
    while (record && !v->stopped) {
        stretch_begin(v, record, index);
        visit_in_order(v);
        if (!v->stopped)
            visit_choices(v);
        stretch_end(v);
        record = v->next;
        index = v->end;
        if (!record)
            break;

        /* The flush is done, and what the test has marked since. */
        index++;
        record = record->next;
        pass_marks(record, &index, &v->mark);
        while (record && record->kind == SHALE_REQUEST_MARK)
            record = record->next;
        if (!v->stopped && is_chosen(v)) {
            snprintf(v->what, sizeof v->what, "after the flush before record "
                     "%zu", index);
            show(v, index, v->mark);
        }
    }
    free(v->writes);
    v->writes = NULL;
    v->room = 0;
}

uint64_t powercut_visit(uint8_t *image, size_t size,
                        const struct shale_fault_record *records,
                        const struct powercut_options *options,
                        powercut_judge *judge, void *context)
{
    struct visit v = {
        .image = image, .size = size, .options = *options, .context = context,
    };

    if (v.options.all_up_to == 0)
        v.options.all_up_to = 10;
    if (v.options.all_up_to > 20)
        v.options.all_up_to = 20;
    if (v.options.random_subsets == 0)
        v.options.random_subsets = 200;
    if (v.options.tears == 0)
        v.options.tears = 64;
    if (v.options.max_states > 0) {
        visit_all(&v, records);
        v.total = v.number;
        v.number = 0;
    } else {
        v.options.max_states = 1;
        v.total = 1;            /* one of each one */
    }
    v.judge = judge;
    visit_all(&v, records);
    return v.judged;
}
