/*
 * history.c - all that a volume has held, and what of it may be there now
 */
#include "history.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "shale/shale.h"

/* The moments that may show, both included. */
struct window {
    size_t first, last;
};

/* ---------------------------------------------------------------- taking */

static void add_binding(struct moment *moment, const struct node *dir,
                        const struct entry *entry)
{
    if (moment->count == moment->room) {
        moment->room = moment->room * 2 + 16;
        moment->bindings = need_more(moment->bindings, moment->room *
                                     sizeof *moment->bindings);
    }
    moment->bindings[moment->count++] = (struct binding){
        .dir = dir->id, .id = entry->node->id,
        .name = need_copy(entry->name), .type = entry->node->type,
    };
}

static struct version *newest(const struct history *history, uint64_t id)
{
    for (size_t i = history->version_count; i > 0; i--)
        if (history->versions[i - 1].id == id)
            return &history->versions[i - 1];
    return NULL;
}

static void add_version(struct history *history, const struct node *file,
                        size_t since)
{
    const struct version *last = newest(history, file->id);
    struct version *version;

    if (last && last->size == file->size && last->mode == file->mode &&
        last->uid == file->uid && last->gid == file->gid &&
        (file->size == 0 || memcmp(last->bytes, file->bytes, file->size) == 0))
        return;
    if (history->version_count == history->version_room) {
        history->version_room = history->version_room * 2 + 32;
        history->versions = need_more(history->versions,
                                      history->version_room *
                                      sizeof *history->versions);
    }
    version = &history->versions[history->version_count++];
    *version = (struct version){
        .id = file->id, .since = since, .bytes = need(file->size),
        .size = file->size, .mode = file->mode, .uid = file->uid,
        .gid = file->gid,
    };
    if (file->size > 0)
        memcpy(version->bytes, file->bytes, file->size);
}

static void take_dir(struct history *history, const struct node *dir,
                     size_t at)
{
    for (size_t i = 0; i < dir->count; i++) {
        const struct entry *entry = &dir->entries[i];

        add_binding(&history->moments[at], dir, entry);
        add_version(history, entry->node, at);
        if (entry->node->is_dir)
            take_dir(history, entry->node, at);
    }
}

static void take(struct history *history, const struct model *model,
                 const struct op *op, bool flushed)
{
    size_t at = history->count++;
    struct moment *moment;

    if (history->count > history->room) {
        history->room = history->room * 2 + 64;
        history->moments = need_more(history->moments, history->room *
                                     sizeof *history->moments);
    }
    moment = &history->moments[at];
    memset(moment, 0, sizeof *moment);
    if (op)
        moment->op = *op;
    moment->durable = flushed ? at : history->moments[at - 1].durable;
    take_dir(history, model->root, at);
    /* A file that has no name any more may still have it on the device. */
    for (unsigned i = 0; i < OP_SLOTS; i++)
        if (model->slots[i])
            add_version(history, model->slots[i], at);
}

void history_init(struct history *history, const struct model *model)
{
    memset(history, 0, sizeof *history);
    history->unix_files = model->can.unix_files;
    take(history, model, NULL, true);
}

void history_note(struct history *history, const struct model *model,
                  const struct op *op, bool flushed)
{
    take(history, model, op, flushed);
}

void history_fini(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        for (size_t j = 0; j < history->moments[i].count; j++)
            free(history->moments[i].bindings[j].name);
        free(history->moments[i].bindings);
    }
    for (size_t i = 0; i < history->version_count; i++)
        free(history->versions[i].bytes);
    free(history->moments);
    free(history->versions);
    memset(history, 0, sizeof *history);
}

/* --------------------------------------------------------------- judging */

enum { CANDIDATES = 16 };

/* Nodes that something in the image may be. */
struct candidates {
    uint64_t ids[CANDIDATES];
    unsigned count;
};

static bool wrong(struct history *history, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(history->why, sizeof history->why, format, args);
    va_end(args);
    return false;
}

static bool has(const struct candidates *set, uint64_t id)
{
    for (unsigned i = 0; i < set->count; i++)
        if (set->ids[i] == id)
            return true;
    return false;
}

static void add(struct candidates *set, uint64_t id)
{
    if (!has(set, id) && set->count < CANDIDATES)
        set->ids[set->count++] = id;
}

static bool any_op(const struct history *history, struct window window,
                   enum op_kind kind, uint64_t flags)
{
    for (size_t at = window.first + 1; at <= window.last; at++)
        if (history->moments[at].op.kind == kind &&
            (history->moments[at].op.a & flags) == flags)
            return true;
    return false;
}

static bool has_binding(const struct moment *moment,
                        const struct binding *binding)
{
    for (size_t i = 0; i < moment->count; i++) {
        const struct binding *b = &moment->bindings[i];

        if (b->id == binding->id && b->dir == binding->dir &&
            strcmp(b->name, binding->name) == 0)
            return true;
    }
    return false;
}

/* While two names are exchanged, either file may have a third one. */
static void find_exchanged(const struct history *history, struct window window,
                           enum shale_type type,
                           struct candidates *found)
{
    for (size_t at = window.first + 1; at <= window.last; at++) {
        const struct moment *moment = &history->moments[at];
        const struct moment *before = moment - 1;

        if (moment->op.kind != OP_RENAME ||
            !(moment->op.a & SHALE_RENAME_EXCHANGE))
            continue;
        for (size_t i = 0; i < before->count; i++)
            if (before->bindings[i].type == type &&
                !has_binding(moment, &before->bindings[i]))
                add(found, before->bindings[i].id);
    }
}

/* What NAME in one of DIRS may lead to. */
static struct candidates find(const struct history *history,
                              struct window window,
                              const struct candidates *dirs, const char *name,
                              enum shale_type type)
{
    struct candidates found = { .count = 0 };

    for (size_t at = window.first; at <= window.last; at++) {
        const struct moment *moment = &history->moments[at];

        for (size_t i = 0; i < moment->count; i++) {
            const struct binding *b = &moment->bindings[i];

            if (b->type == type && has(dirs, b->dir) &&
                strcmp(b->name, name) == 0)
                add(&found, b->id);
        }
    }
    if (found.count == 0)
        find_exchanged(history, window, type, &found);
    return found;
}

/* Is version V of its file one that may show in WINDOW? */
static bool shows(const struct history *history, size_t v,
                  struct window window)
{
    const struct version *version = &history->versions[v];

    if (version->since > window.last)
        return false;
    /* Replaced by another before the window began? */
    for (size_t i = v + 1; i < history->version_count; i++)
        if (history->versions[i].id == version->id &&
            history->versions[i].since <= window.first)
            return false;
    return true;
}

/* Has an operation changed file ID of which a part may be there? */
static bool changed_in_part(const struct history *history,
                            struct window window, uint64_t id)
{
    for (size_t v = 0; v < history->version_count; v++)
        if (history->versions[v].id == id &&
            history->versions[v].since > window.first &&
            history->versions[v].since <= window.last)
            return history->in_parts;
    return false;
}

/* May file ID have had size SIZE? */
static bool size_shows(const struct history *history, struct window window,
                       uint64_t id, uint64_t size)
{
    for (size_t v = 0; v < history->version_count; v++)
        if (history->versions[v].id == id &&
            history->versions[v].size == size && shows(history, v, window))
            return true;
    /* A write behind the end first fills the gap. */
    for (size_t at = window.first + 1; at <= window.last; at++)
        if (history->moments[at].op.kind == OP_WRITE &&
            history->moments[at].op.a == size)
            return true;
    return changed_in_part(history, window, id);
}

/* May file ID have had the mode and the owner of ENTRY? */
static bool owner_shows(const struct history *history, struct window window,
                        uint64_t id, const struct found_entry *entry)
{
    if (!history->unix_files)
        return true;
    for (size_t v = 0; v < history->version_count; v++) {
        const struct version *version = &history->versions[v];

        if (version->id == id && version->mode == (entry->mode & 07777) &&
            version->uid == entry->uid && version->gid == entry->gid &&
            shows(history, v, window))
            return true;
    }
    return changed_in_part(history, window, id);
}

/* May entry NUMBER, whose content is at BYTES, be file ID? */
static bool is_file(struct history *history, const struct found *found,
                    size_t number, struct window window, uint64_t id,
                    const uint8_t *bytes)
{
    const struct found_entry *entry = &found->entries[number];
    const char *path = found_path(found, number);
    size_t size = (size_t)entry->size;
    const struct version *some[64];
    unsigned count = 0;

    for (size_t v = 0; v < history->version_count && count < 64; v++)
        if (history->versions[v].id == id && shows(history, v, window))
            some[count++] = &history->versions[v];
    if (!owner_shows(history, window, id, entry))
        return wrong(history, "%s has mode %o and owner %u:%u, which it never "
                     "had", path, entry->mode, entry->uid, entry->gid);
    if (!size_shows(history, window, id, size))
        return wrong(history, "%s has %zu bytes, which it never had", path,
                     size);
    for (unsigned i = 0; i < count; i++)
        if (some[i]->size == size &&
            (size == 0 || memcmp(some[i]->bytes, bytes, size) == 0))
            return true;
    for (size_t at = 0; at < size; at++) {
        bool known = false;

        for (unsigned i = 0; i < count && !known; i++)
            known = at < some[i]->size && some[i]->bytes[at] == bytes[at];
        /* Zeros fill the gap up to where one version was longer. */
        if (!known && !(bytes[at] == 0 && count > 1))
            return wrong(history, "%s: byte %zu of %zu is %02x, which was "
                         "never there", path, at, size, bytes[at]);
    }
    return true;
}

struct judging {
    struct history *history;
    const struct found *found;
    struct window window;
    struct candidates *may;     /* what each entry may be */
};

static bool judge_entry(struct judging *j, size_t number)
{
    const struct found_entry *entry = &j->found->entries[number];
    struct candidates *is = &j->may[number];
    struct candidates may = find(j->history, j->window,
                                 &j->may[entry->parent], entry->name,
                                 entry->type);
    uint8_t *bytes;

    if (may.count == 0)
        return wrong(j->history, "%s should not be there",
                     found_path(j->found, number));
    bytes = need((size_t)entry->size);
    if (entry->size > 0 &&
        !found_read(j->found, number, bytes, (size_t)entry->size, 0)) {
        free(bytes);
        return wrong(j->history, "%s cannot be read",
                     found_path(j->found, number));
    }
    for (unsigned i = 0; i < may.count; i++)
        if (is_file(j->history, j->found, number, j->window, may.ids[i],
                    bytes))
            add(is, may.ids[i]);
    free(bytes);
    return is->count > 0;
}

static bool has_name(const struct moment *moment, uint64_t id)
{
    for (size_t i = 0; i < moment->count; i++)
        if (moment->bindings[i].id == id)
            return true;
    return false;
}

/* What existed from the first moment to the last has to be there. */
static bool judge_lost(struct judging *j)
{
    const struct moment *first = &j->history->moments[j->window.first];

    for (size_t i = 0; i < first->count; i++) {
        const struct binding *b = &first->bindings[i];
        bool there = false;

        for (size_t at = j->window.first; at <= j->window.last; at++)
            if (!has_name(&j->history->moments[at], b->id))
                there = true;   /* it may be gone */
        for (size_t n = 1; n < j->found->count && !there; n++)
            there = has(&j->may[n], b->id);
        if (!there)
            return wrong(j->history, "'%s' is lost, which was synced",
                         b->name);
    }
    return true;
}

/* Is there an entry for B, or something that may be it? */
static bool is_there(const struct judging *j, const struct binding *b)
{
    for (size_t n = 1; n < j->found->count; n++) {
        const struct found_entry *entry = &j->found->entries[n];

        if (has(&j->may[n], b->id) && has(&j->may[entry->parent], b->dir) &&
            strcmp(entry->name, b->name) == 0)
            return true;
    }
    return false;
}

/* A name that was there from the first moment to the last has to be there. */
static bool judge_names(struct judging *j)
{
    const struct moment *first = &j->history->moments[j->window.first];

    for (size_t i = 0; i < first->count; i++) {
        const struct binding *b = &first->bindings[i];
        bool always = true;

        for (size_t at = j->window.first; at <= j->window.last && always; at++)
            always = has_binding(&j->history->moments[at], b);
        if (always && !is_there(j, b))
            return wrong(j->history, "the name '%s' is lost, which was synced",
                         b->name);
    }
    return true;
}

bool history_judge(struct history *history, const struct found *found,
                   size_t done)
{
    struct judging j = { .history = history, .found = found };
    bool good = true;
    unsigned tolerated = FOUND_LEFT;

    j.window.last = done + 1 < history->count ? done + 1 : done;
    j.window.first = history->moments[done].durable;
    if (history->in_steps)
        tolerated |= FOUND_STEPS;
    if (history->in_steps && any_op(history, j.window, OP_RENAME, 0))
        tolerated |= FOUND_RENAMED;
    if (found->faults & ~tolerated)
        return wrong(history, "%s", found->said);

    j.may = need(found->count * sizeof *j.may);
    add(&j.may[0], 1);          /* the root was the model's first node */
    for (size_t i = 1; good && i < found->count; i++) {
        const struct found_entry *entry = &found->entries[i];

        if (found_is_hidden(found, i))
            continue;
        good = judge_entry(&j, i);
        if (good && entry->twin > 0) {
            bool same = false;

            for (unsigned k = 0; k < j.may[i].count; k++)
                same |= has(&j.may[entry->twin], j.may[i].ids[k]);
            if (!same)
                good = wrong(history, "%s has the content of another file",
                             found_path(found, i));
        }
    }
    good = good && judge_lost(&j) && judge_names(&j);
    free(j.may);
    return good;
}
