/*
 * memtext.c - what a volume has in memory, for people
 *
 * It comes as keys and values (shale_describe_memory()), from this library or
 * from a daemon that may be of another version. So all are gathered first, and
 * then taken into tables by their keys: one that is missing leaves its place
 * empty, and those that nobody has asked for are shown at the end as they came.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "info.h"

struct fact {
    char *key, *words;          /* NULL: a number */
    uint64_t number;
    bool shown;
};

struct facts {
    struct shale_describe base;
    struct fact *at;
    size_t count;
};

/* ------------------------------------------------------------ gathering */

static struct fact *add(struct shale_describe *to, const char *key)
{
    struct facts *facts = (struct facts *)to;
    struct fact *fact;

    facts->at = xrealloc(facts->at, facts->count + 1, sizeof *facts->at);
    fact = &facts->at[facts->count++];
    *fact = (struct fact){ .key = xstrdup(key) };
    return fact;
}

static void fact_text(struct shale_describe *to, const char *key,
                      const char *value)
{
    add(to, key)->words = xstrdup(value);
}

static void fact_number(struct shale_describe *to, const char *key,
                        uint64_t value)
{
    add(to, key)->number = value;
}

static void fact_time(struct shale_describe *to, const char *key,
                      int64_t seconds)
{
    (void)to, (void)key, (void)seconds;         /* there is none */
}

static void facts_free(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->at[i].key);
        free(facts->at[i].words);
    }
    free(facts->at);
}

/* The number called KEY, in *OUT. False, and 0, if there is none. */
static bool take(struct facts *facts, const char *key, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < facts->count; i++) {
        struct fact *fact = &facts->at[i];

        if (!fact->words && strcmp(fact->key, key) == 0) {
            fact->shown = true;
            *out = fact->number;
            return true;
        }
    }
    return false;
}

/* -------------------------------------------------------------- showing */

static void print_label(const char *label)
{
    printf("  %-22s", label);
}

static void print_cell(const char *text)
{
    printf(" %12s", text);
}

static void print_bytes(uint64_t bytes)
{
    char size[PRINT_SIZE_MAX];

    print_size_long(bytes, size);
    print_cell(size);
}

static void print_number(uint64_t number)
{
    printf(" %12" PRIu64, number);
}

/* The bytes called KEY in a cell, which is empty if there are none. */
static void bytes_cell(struct facts *facts, const char *key)
{
    uint64_t bytes;

    if (take(facts, key, &bytes))
        print_bytes(bytes);
    else
        print_cell("");
}

static void limit_cell(uint64_t bytes)
{
    if (bytes)
        print_bytes(bytes);
    else
        print_cell("no limit");
}

static void show_heap(struct facts *facts)
{
    static const struct {
        const char *label, *now, *most;
    } rows[] = {
        { "from the system", "heap_bytes", "heap_peak_bytes" },
        { "... in pages in use", "pages_bytes", "pages_peak_bytes" },
        { "... in objects in use", "live_bytes", "live_peak_bytes" },
    };
    uint64_t limit;

    printf("\n%-24s %12s %12s %12s\n", "Heap", "now", "most so far", "limit");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_label(rows[i].label);
        bytes_cell(facts, rows[i].now);
        bytes_cell(facts, rows[i].most);
        if (i == 0 && take(facts, "heap_budget_bytes", &limit))
            limit_cell(limit);
        putchar('\n');
    }
}

/* How many of HITS + MISSES were HITS; without floating point's surprises. */
static void rate_cells(uint64_t hits, uint64_t misses)
{
    uint64_t all = hits + misses;
    unsigned mille;
    char text[16];

    print_number(all);
    if (all == 0) {
        print_cell("-");
        return;
    }
    /* Never "100.0%" of what was not all. */
    mille = (unsigned)((double)hits * 1000.0 / (double)all);
    snprintf(text, sizeof text, "%u.%u%%", mille / 10, mille % 10);
    print_cell(text);
}

/* A cache with BYTES of LIMIT, and, if it counts them, HITS and MISSES. */
static void cache_line(struct facts *facts, const char *label, uint64_t bytes,
                       uint64_t limit, const char *hits_key,
                       const char *misses_key)
{
    uint64_t hits, misses;

    print_label(label);
    print_bytes(bytes);
    print_bytes(limit);
    if (hits_key && take(facts, hits_key, &hits) &&
        take(facts, misses_key, &misses))
        rate_cells(hits, misses);
    putchar('\n');
}

static void show_caches(struct facts *facts)
{
    uint64_t bytes, limit, used, unused, size;

    printf("\n%-24s %12s %12s %12s %12s\n", "Caches", "now", "limit",
           "asked for", "were there");
    if (take(facts, "metadata_bytes", &bytes) &&
        take(facts, "metadata_budget_bytes", &limit))
        cache_line(facts, "metadata", bytes, limit, "metadata_hits",
                   "metadata_misses");
    if (take(facts, "vnode_size", &size) &&
        take(facts, "vnodes_used", &used) &&
        take(facts, "vnodes_unused", &unused) &&
        take(facts, "vnodes_unused_max", &limit))
        cache_line(facts, "files", (used + unused) * size,
                   (used + limit) * size, "vnode_hits", "vnode_misses");
    if (take(facts, "decoded_bytes", &bytes) &&
        take(facts, "decoded_budget_bytes", &limit))
        cache_line(facts, "unpacked data", bytes, limit, NULL, NULL);
    if (take(facts, "known_bytes", &bytes) &&
        take(facts, "known_budget_bytes", &limit))
        cache_line(facts, "what the kernel knows", bytes, limit, NULL, NULL);
}

/* A line for KEY, if it is there. */
static void number_line(struct facts *facts, const char *label,
                        const char *key)
{
    uint64_t number;

    if (!take(facts, key, &number))
        return;
    print_label(label);
    print_number(number);
    putchar('\n');
}

static void show_blocks(struct facts *facts)
{
    char size[PRINT_SIZE_MAX];
    uint64_t bytes;

    if (!take(facts, "metadata_block_size", &bytes))
        return;
    print_size_long(bytes, size);
    printf("\nMetadata, in blocks of %s\n", size);
    number_line(facts, "in use", "metadata_pinned_blocks");
    number_line(facts, "to be written", "metadata_unwritten_blocks");
    number_line(facts, "requests to read", "metadata_reads");
}

static void show_files(struct facts *facts)
{
    char size[PRINT_SIZE_MAX];
    uint64_t bytes;

    if (!take(facts, "vnode_size", &bytes))
        return;
    print_size_long(bytes, size);
    printf("\nFiles in memory, of %s each\n", size);
    number_line(facts, "in use", "vnodes_used");
    number_line(facts, "not in use", "vnodes_unused");
    number_line(facts, "... which is at most", "vnodes_unused_max");
    number_line(facts, "known to the kernel", "known_nodes");
    number_line(facts, "... and by sums", "known_in_sums");
}

/* The parts of the formula, and their sum: with changes, if it is written. */
static void show_bound(struct facts *facts)
{
    static const struct {
        const char *label, *key;
    } rows[] = {
        { "the volume itself", "bound_volume_bytes" },
        { "metadata", "bound_metadata_bytes" },
        { "files", "bound_vnodes_bytes" },
        { "unpacked data", "bound_decoded_bytes" },
        { "names of directories", "bound_names_bytes" },
        { "calls under way", "bound_passing_bytes" },
    };
    uint64_t bytes, changes, total, sum = 0;

    if (!take(facts, "bound_bytes", &total))
        return;
    printf("\n%-24s %12s\n", "By the formula", "at most");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!take(facts, rows[i].key, &bytes) || bytes == 0)
            continue;
        sum += bytes;
        print_label(rows[i].label);
        print_bytes(bytes);
        putchar('\n');
    }
    take(facts, "bound_changes_bytes", &changes);
    if (total > sum) {
        print_label("changes");
        print_bytes(changes);
        putchar('\n');
    }
    print_label("all together");
    print_bytes(total);
    putchar('\n');
    if (total <= sum) {
        print_label("... changes, besides");
        print_bytes(changes);
        putchar('\n');
    }
}

/* Slabs: "NAME:LIVExSIZE/ROOM", of which only those with something in them. */
static void show_objects(struct facts *facts)
{
    bool some = false;

    for (size_t i = 0; i < facts->count; i++) {
        struct fact *fact = &facts->at[i];
        unsigned long long live, size, room;
        char name[32];

        if (!fact->words || strcmp(fact->key, "slabs") != 0 ||
            sscanf(fact->words, "%31[^:]:%llux%llu/%llu", name, &live, &size,
                   &room) != 4)
            continue;
        fact->shown = true;
        if (room == 0)
            continue;
        if (!some)
            printf("\n%-24s %12s %12s %12s\n", "Objects", "in use",
                   "room for", "of each");
        some = true;
        print_label(name);
        print_number(live);
        print_number(room);
        print_bytes(size);
        putchar('\n');
    }
}

/* What another version tells, and this one has no place for. */
static void show_rest(const struct facts *facts)
{
    struct info_sink sink;
    bool some = false;

    info_sink_init(&sink);
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->at[i];

        if (fact->shown)
            continue;
        if (!some)
            puts("\nBesides");
        some = true;
        if (fact->words)
            sink.base.text(&sink.base, fact->key, fact->words);
        else
            sink.base.number(&sink.base, fact->key, fact->number);
    }
    info_sink_end(&sink);
}

void memtext_show(const char *name, const char *state,
                  void (*tell)(void *context, struct shale_describe *to),
                  void *context)
{
    struct facts facts = {
        { fact_text, fact_number, fact_time, fact_text }, NULL, 0,
    };

    tell(context, &facts.base);
    print_name(stdout, name, strlen(name));
    printf(": ");
    for (size_t i = 0; i < facts.count; i++) {
        struct fact *fact = &facts.at[i];

        if (fact->words && strcmp(fact->key, "filesystem") == 0) {
            fact->shown = true;
            print_name(stdout, fact->words, strlen(fact->words));
            printf(", ");
        }
    }
    puts(state);
    show_heap(&facts);
    show_caches(&facts);
    show_blocks(&facts);
    show_files(&facts);
    show_bound(&facts);
    show_objects(&facts);
    show_rest(&facts);
    facts_free(&facts);
}
