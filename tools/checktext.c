/*
 * checktext.c - what a check found, for people
 *
 * Findings come sorted by what they are about, so each such object gets a line,
 * and below it what is wrong with it:
 *
 *     inode 12, /etc/hosts
 *       corruption     block 1234 is part of inode 15 as well
 *                      ext2.block.shared, byte 1263616: expected 0, found 15
 *
 * The last line of all is the verdict.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "checks.h"

#define INDENT 17               /* where sentences begin */
#define NARROW 48               /* a terminal that has no room for that */

/* ------------------------------------------------------------- counting */

void code_counts_add(struct code_counts *counts,
                     const struct shale_check_code *code, uint64_t count)
{
    if (counts->count == counts->room) {
        counts->room = 2 * counts->room + 16;
        counts->list = xrealloc(counts->list, counts->room,
                                sizeof *counts->list);
    }
    counts->list[counts->count++] = (struct code_count){ code, count };
}

void checks_counted(struct checkrun *run, const struct shale_check_code *code,
                    uint64_t count)
{
    struct checks *checks = (struct checks *)run;

    code_counts_add(&checks->counts, code, count);
}

static int compare_counts(const void *a, const void *b)
{
    const struct code_count *one = a, *other = b;

    if (one->code->severity != other->code->severity)
        return one->code->severity > other->code->severity ? -1 : 1;
    return strcmp(one->code->name, other->code->name);
}

void code_counts_sort(struct code_counts *counts)
{
    if (counts->count > 0)
        qsort(counts->list, counts->count, sizeof *counts->list,
              compare_counts);
}

void code_counts_free(struct code_counts *counts)
{
    free(counts->list);
    memset(counts, 0, sizeof *counts);
}

/* ------------------------------------------------------------- findings */

enum look { LOOK_PLAIN, LOOK_BOLD, LOOK_DIM, LOOK_RED, LOOK_YELLOW, LOOK_CYAN,
            LOOK_GREEN };

/* From now on, text looks like that; where colours are wanted. */
static void look(const struct checks *checks, enum look look)
{
    static const char *const codes[] = {
        [LOOK_PLAIN]  = "\033[0m",
        [LOOK_BOLD]   = "\033[1m",
        [LOOK_DIM]    = "\033[2m",
        [LOOK_RED]    = "\033[1;31m",
        [LOOK_YELLOW] = "\033[33m",
        [LOOK_CYAN]   = "\033[36m",
        [LOOK_GREEN]  = "\033[32m",
    };

    if (checks->colour)
        fputs(codes[look], stdout);
}

static void look_severe(const struct checks *checks,
                        enum shale_severity severity)
{
    static const enum look looks[] = {
        [SHALE_ADVICE]        = LOOK_CYAN,
        [SHALE_INCONSISTENCY] = LOOK_YELLOW,
        [SHALE_CORRUPTION]    = LOOK_RED,
    };

    look(checks, looks[severity]);
}

/* "inode 12, /etc/hosts" */
static void print_object(struct checks *checks,
                         const struct shale_finding *finding)
{
    const char *kind = shale_object_name(finding->object);
    bool place_only = finding->object == SHALE_OBJECT_FILE;

    if (checks->some || checks->apart)
        putchar('\n');
    look(checks, LOOK_BOLD);
    if (finding->object == SHALE_OBJECT_VOLUME)
        fputs(kind, stdout);
    else if (!place_only)
        printf("%s %" PRIu64, kind, finding->number);
    if (finding->path) {
        fputs(place_only ? "" : ", ", stdout);
        fputs(finding->path, stdout);   /* it is safe to print */
    }
    if (place_only && finding->number)
        printf("%s at byte %" PRIu64, finding->path ? ", entry" : kind,
               checks->run.place->start + finding->number);
    else if (place_only && !finding->path)
        fputs("the root directory", stdout);
    look(checks, LOOK_PLAIN);
    putchar('\n');
    checks->some = true;
    checks->object = finding->object;
    checks->number = finding->number;
}

/* A number, and what it is as bits if it is more than a count; after TEXT, of
   SIZE bytes. */
static void add_value(char *text, size_t size, const char *what, uint64_t value)
{
    size_t len = strlen(text);

    snprintf(text + len, size - len, value < 0x10000
                 ? "%s %" PRIu64 : "%s %" PRIu64 " (%#" PRIx64 ")",
             what, value, value);
}

/* "ext2.block.shared, byte 1263616: expected 0, found 15" */
static void describe(const struct checkrun *run,
                     const struct shale_finding *finding, char *text,
                     size_t size)
{
    snprintf(text, size, "%s", finding->code->name);
    if (finding->at != SHALE_NOWHERE)
        snprintf(text + strlen(text), size - strlen(text), ", byte %" PRIu64,
                 run->place->start + finding->at);
    if (finding->compared) {
        add_value(text, size, ": expected", finding->expected);
        add_value(text, size, ", found", finding->found);
    }
}

int checktext_finding(struct checkrun *run,
                      const struct shale_finding *finding)
{
    struct checks *checks = (struct checks *)run;
    enum shale_severity severity = finding->code->severity;
    bool narrow = checks->width && checks->width < NARROW;
    size_t indent = narrow ? 4 : INDENT;
    size_t width = checks->width ? checks->width : SIZE_MAX;
    char text[256];
    int word;

    if (!checks->some || checks->object != finding->object ||
        checks->number != finding->number)
        print_object(checks, finding);

    fputs("  ", stdout);
    look_severe(checks, severity);
    word = printf("%s", shale_severity_name(severity));
    look(checks, LOOK_PLAIN);
    printf("%s%*s", narrow ? "\n" : "",
           narrow ? (int)indent : INDENT - 2 - word, "");
    checkcodes_wrapped(finding->sentence, indent, indent, width);
    describe(run, finding, text, sizeof text);
    printf("%*s", (int)indent, "");
    look(checks, LOOK_DIM);
    checkcodes_wrapped(text, indent, indent, width);
    look(checks, LOOK_PLAIN);
    return output_failed() ? SHALE_EIO : 0;
}

/* -------------------------------------------------------------- the end */

static void print_summary(struct checks *checks)
{
    code_counts_sort(&checks->counts);
    for (size_t i = 0; i < checks->counts.count; i++) {
        const struct code_count *each = &checks->counts.list[i];
        enum shale_severity severity = each->code->severity;
        int width;

        printf("%9" PRIu64 "  ", each->count);
        look_severe(checks, severity);
        width = printf("%s", shale_severity_name(severity));
        look(checks, LOOK_PLAIN);
        printf("%*s%s\n", INDENT - 2 - width, "", each->code->name);
    }
}

static void print_stats(const struct checks *checks)
{
    const struct checkrun *run = &checks->run;
    const struct shale_check_result *result = &run->result;
    char size[PRINT_SIZE_MAX];

    print_size_long(result->bytes_read, size);
    printf("read    %s (%" PRIu64 " bytes)\n", size, result->bytes_read);
    print_size_long(result->memory_peak, size);
    printf("memory  %s (%" PRIu64 " bytes)\n", size, result->memory_peak);
    if (result->memory_formula) {
        fputs("bound   ", stdout);
        checkcodes_wrapped(result->memory_formula, 8, 8, checks->width
                               ? checks->width : CHECKS_WIDTH);
    }
    printf("time    %.3f s\n", run->seconds);
}

const char *checks_verdict(const struct checkrun *run)
{
    int status = checkrun_status(run);

    if (run->passed || run->err == SHALE_ENODEV)
        return "not checked";
    if (status & FSCK_STOPPED)
        return "interrupted";
    if (status & FSCK_FAILED)
        return "not finished";
    return status & FSCK_DAMAGED ? "damaged" : "sound";
}

/* "3 corruptions, 1 inconsistency"; "" if nothing was found. */
static void print_counts(const struct shale_check_result *result)
{
    static const struct {
        enum shale_severity severity;
        const char *one, *many;
    } rows[] = {
        { SHALE_CORRUPTION, "corruption", "corruptions" },
        { SHALE_INCONSISTENCY, "inconsistency", "inconsistencies" },
        { SHALE_ADVICE, "piece of advice", "pieces of advice" },
    };
    char text[CHECKRUN_COUNT_MAX];
    const char *between = ": ";

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t count = result->findings[rows[i].severity];

        if (count == 0)
            continue;
        checkrun_count(count, rows[i].one, rows[i].many, text);
        printf("%s%s", between, text);
        between = ", ";
    }
}

/* What the volume holds; of a check that ran to its end. */
static void print_contents(const struct shale_check_result *result)
{
    char files[CHECKRUN_COUNT_MAX], dirs[CHECKRUN_COUNT_MAX];

    checkrun_count(result->files, "file", "files", files);
    checkrun_count(result->directories, "directory", "directories", dirs);
    printf("; %s, %s, %" PRIu64 "/%" PRIu64 " %ss", files, dirs,
           result->units_used, result->units, checkrun_result_unit(result));
}

/* Is there more to show than the verdict? Verdicts alone stand together. */
static bool has_lines(const struct checks *checks)
{
    bool counts = checks->summary && checks->counts.count > 0;

    return checks->some || checks->run.result.untold ||
           (!checks->run.passed && (checks->stats || counts));
}

void checktext_end(struct checks *checks)
{
    const struct checkrun *run = &checks->run;
    const struct shale_check_result *result = &run->result;
    int status = checkrun_status(run);
    char *title = place_title(run->place, run->image);
    bool past = place_is_past(run->place);
    char lacks[PLACE_CUT_MAX];

    checks->block = has_lines(checks);
    if (checks->some ||
        (checks->apart && (checks->block || checks->after_block)))
        putchar('\n');
    if (checks->summary)
        print_summary(checks);
    if (result->untold)
        printf("%" PRIu64 " more findings are not shown (--limit)\n",
               result->untold);
    if (checks->stats && !run->passed)
        print_stats(checks);

    look(checks, LOOK_BOLD);
    printf("%s: %s: ", title, result->type ? result->type
                            : *run->place->content ? run->place->content
                            : (run->passed || past) && run->place->meant
                                ? run->place->meant : "unknown");
    look(checks, LOOK_PLAIN);
    look(checks, status != FSCK_SOUND ? LOOK_RED
               : run->passed ? LOOK_YELLOW : LOOK_GREEN);
    fputs(checks_verdict(run), stdout);
    look(checks, LOOK_PLAIN);
    print_counts(result);
    if (run->err && !run->passed && !(status & FSCK_STOPPED))
        printf("; %s", checkrun_why(run));
    if (result->counted)
        print_contents(result);
    else if (result->complete)
        fputs("; the rest of it cannot be looked at", stdout);
    if (checks->error && run->passed && run->err)
        printf("; %s", checks->error);
    if (!past && *place_cut(run->place, lacks))
        printf("; %s", lacks);
    putchar('\n');
    output_flush();
    free(title);
}
