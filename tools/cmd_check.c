/*
 * cmd_check.c - shale check: is the volume sound?
 *
 * Also fsck.shale, which fsck(8) runs: the same options, and exit statuses are
 * its bits for every name of the command. Nothing is written, whatever is
 * asked for.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checks.h"
#include "jsonout.h"
#include "terminal.h"

enum {
    OPTION_ALL = OPTION_LONG,
    OPTION_JSON,
    OPTION_JSONL,
    OPTION_SUMMARY,
    OPTION_STATS,
    OPTION_EXPLAIN,
    OPTION_LIMIT,
    OPTION_SUPERBLOCK,
    OPTION_THREADS,
};

static const struct command_option options_check[] = {
    { 'n', NULL, NULL, "change nothing: as always" },
    { 'a', NULL, NULL, "repair without asking: not done, as said above" },
    { 'p', NULL, NULL, "the same" },
    { 'y', NULL, NULL, "repair everything: not done either" },
    { 'r', NULL, NULL, "repair, having asked: not done either" },
    { 'f', NULL, NULL, "check even what is marked as clean: as always" },
    { 'v', NULL, NULL, "name each phase, and show --stats" },
    { 'V', NULL, NULL, "print the version" },
    { 'C', NULL, "FD", "tell descriptor FD in lines how far it is; 0: show "
      "a bar" },
    { OPTION_ALL, "all", NULL, "all partitions, one after the other" },
    { OPTION_JSON, "json", NULL, "one JSON object" },
    { OPTION_JSONL, "jsonl", NULL, "JSON Lines: a finding each, then a volume "
      "each" },
    { OPTION_SUMMARY, "summary", NULL, "how many of each kind, and no more" },
    { OPTION_STATS, "stats", NULL, "what was read, memory and its bound, "
      "time" },
    { OPTION_EXPLAIN, "explain", "CODE", "what a finding's code means; or "
      "\"all\"" },
    { OPTION_LIMIT, "limit", "N", "show N findings, count the others "
      "(10000)" },
    { 'b', "superblock", "N", "ext2: believe the superblock in block N" },
    { OPTION_THREADS, "threads", "N", "at most N at work (one for each "
      "processor)" },
    { 0, NULL, NULL, NULL },
};

/* What the command line says. */
struct settings {
    struct checkrun_options run;
    struct places places;
    const char *image;
    const char *explain;
    enum checks_form form;
    bool all, summary, stats, repair, version, colour;
    bool some;                  /* a volume has been checked */
    bool shown;                 /* a volume has been reported on, */
    bool block;                 /*   in more lines than one */
    bool next;                  /* the image is no volume: look on */
    int status;                 /* so far */
};

static int take_number(struct options *options, const char *what, uint64_t min,
                       uint64_t max, uint64_t *out)
{
    if (options_number(optarg, min, max, out))
        return STATUS_OK;
    return options_complain(options, "%s: not a number that will do: '%s'",
                            what, optarg);
}

/* -C FD; e2fsck's negative ones mean "later, maybe": never, here. */
static int take_progress(struct options *options, struct settings *set)
{
    char *end;
    long fd = strtol(optarg, &end, 10);

    if (end == optarg || *end || fd > 65535)
        return options_complain(options, "-C: not a descriptor: '%s'", optarg);
    if (fd == 0)
        set->run.bar = true;
    if (fd <= 0)
        return STATUS_OK;
    /* Or the number would soon be that of the image. */
    if (fcntl((int)fd, F_GETFD) < 0)
        return options_complain(options, "-C: no descriptor is open as %ld",
                                fd);
    set->run.progress_fd = (int)fd;
    signal(SIGPIPE, SIG_IGN);   /* who no longer reads there ends nothing */
    return STATUS_OK;
}

static int take_form(struct options *options, struct settings *set,
                     enum checks_form form)
{
    if (set->form != CHECKS_TEXT && set->form != form)
        return options_complain(options, "--json and --jsonl exclude each "
                                "other");
    set->form = form;
    return STATUS_OK;
}

/* Take the option LETTER. STATUS_OK, or another status after a complaint. */
static int take(struct options *options, struct settings *set, int letter)
{
    uint64_t number = 0;
    int status = STATUS_OK;

    switch (letter) {
    case 'a':
    case 'p':
    case 'r':
    case 'y':
        set->repair = true;
        break;
    case 'v':
        set->run.phases = true;
        set->stats = true;
        break;
    case 'V':
        set->version = true;
        break;
    case 'C':
        return take_progress(options, set);
    case OPTION_ALL:
        set->all = true;
        break;
    case OPTION_JSON:
    case OPTION_JSONL:
        return take_form(options, set, letter == OPTION_JSON ? CHECKS_JSON
                                                             : CHECKS_LINES);
    case OPTION_SUMMARY:
        set->summary = true;
        break;
    case OPTION_STATS:
        set->stats = true;
        break;
    case OPTION_EXPLAIN:
        set->explain = optarg;
        break;
    case OPTION_LIMIT:
        status = take_number(options, "--limit", 1, UINT32_MAX, &number);
        set->run.findings_max = (uint32_t)number;
        break;
    case 'b':
        status = take_number(options, "--superblock", 0, UINT64_MAX, &number);
        set->run.superblock = number;
        set->run.has_superblock = true;
        break;
    case OPTION_THREADS:
        status = take_number(options, "--threads", 1, 1024, &number);
        set->run.threads = (unsigned)number;
        break;
    default:                    /* -n, -f: as always */
        break;
    }
    return status;
}

/* Show what became of a volume. */
static void show(struct settings *set, struct checks *checks)
{
    set->shown = true;
    set->status |= checkrun_status(&checks->run);
    if (set->form == CHECKS_JSON)
        checkjson_end(checks);
    else if (set->form == CHECKS_LINES)
        checkjson_volume_line(checks);
    else if (checks->run.passed || checks->run.err != SHALE_ENODEV)
        checktext_end(checks);
    set->block = checks->block;
}

/* Check the volume at PLACE, unless the user has enough of it. */
static void check_place(struct settings *set, const struct options *options,
                        const struct place *place)
{
    struct checks checks = {
        .run = {
            .place = place,
            .image = set->image,
            .counted = checks_counted,
            .finding = set->summary ? NULL
                     : set->form == CHECKS_JSON ? checkjson_finding
                     : set->form == CHECKS_LINES ? checkjson_line
                     : checktext_finding,
            .passed = set->status & FSCK_STOPPED,
        },
        .summary = set->summary,
        .stats = set->stats,
        .colour = set->colour,
        .width = isatty(STDOUT_FILENO) ? terminal_width(STDOUT_FILENO) : 0,
        .apart = set->shown,
        .after_block = set->block,
    };
    char wiped[PLACE_WIPED_MAX];

    if (checks.run.passed) {
        checks.error = "interrupted";
    } else {
        checkrun(&checks.run, set->places.image, &set->run);
        checks.run.passed = checks.run.err == SHALE_ENODEV &&
                            set->places.count > 1;
        if (checks.run.passed && place_is_wiped(place, wiped))
            checks.error = wiped;
        set->some = set->some || checks.run.err != SHALE_ENODEV;
    }
    if (checks.run.err == SHALE_ENODEV && set->places.guessed) {
        set->next = true;
    } else {
        if (checks.run.err == SHALE_ENODEV && !checks.run.passed) {
            places_explain(&set->places, place, options);
            checks.error = set->places.error;
        }
        show(set, &checks);
    }
    code_counts_free(&checks.counts);
}

/* Check all that is to be checked; leaves the status in SET. */
static void check_places(struct settings *set, const struct options *options)
{
    for (size_t i = 0; i < set->places.count; i++)
        check_place(set, options, &set->places.list[i]);
    if (set->next) {
        set->next = false;
        if (places_next(&set->places, options, set->all))
            check_places(set, options);
        else
            set->status |= FSCK_FAILED;
        return;
    }
    if (!set->some && set->places.count > 1) {
        places_fail(&set->places, "there is no volume that Shale can check");
        set->status |= FSCK_FAILED;
    }
}

static int check_image(struct settings *set, const struct options *options)
{
    struct places *places = &set->places;

    if (set->repair && !options->quiet)
        report("%s: nothing is repaired: shale check only reads, and does so "
               "now", set->image);
    if (set->form == CHECKS_JSON)
        checkjson_begin(set->image);
    if (places_open(places, set->image, options, set->all))
        check_places(set, options);
    else
        set->status |= FSCK_FAILED;
    if (places->cut_off) {
        places_fail(places, "logical partitions go on past the end of the "
                    "image");
        set->status |= FSCK_DAMAGED;
    }
    if (set->form == CHECKS_JSON)
        checkjson_last(set->status, places->error, places->in_use);
    else if (set->form == CHECKS_LINES)
        checkjson_last_line(set->image, set->status, places->error,
                            places->in_use);
    places_close(places);
    return set->status;
}

/* "ext2", of a program called fsck.shale.ext2; else NULL. */
static const char *type_of_program(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    return !strncmp(name, "fsck.shale.", 11) && name[11] ? name + 11 : NULL;
}

/* An exit status of the other commands, in fsck(8)'s numbers. */
static int fsck_status(int status)
{
    return status == STATUS_USAGE ? FSCK_USAGE
         : status == STATUS_FAILED ? FSCK_FAILED : FSCK_SOUND;
}

/* Settle what depends on several options. */
static int settle(struct options *options, struct settings *set)
{
    if (options->image.type) {
        set->run.type = checkrun_type(options->image.type);
        if (!set->run.type)
            return options_complain(options, "Shale cannot check '%s'",
                                    options->image.type);
    }
    set->run.superblock_at = options_superblock(options);
    if (set->all && (options->image.part || options->image.has_offset))
        return options_complain(options, "--all excludes --part and --offset");
    if (set->form != CHECKS_TEXT)
        set->run.phases = false;
    if (set->run.progress_fd == CHECKRUN_NO_FD && !options->quiet &&
        isatty(STDERR_FILENO))
        set->run.bar = true;
    set->colour = terminal_colour();
    return STATUS_OK;
}

/* Print all there is to say of the image, or of a code. An fsck status. */
static int act(struct options *options, struct settings *set)
{
    char **operands;
    int count = options_operands(options, &operands);

    if (set->version)
        return fsck_status(command_version.run(1, options->argv));
    if (set->explain)
        return checkcodes_explain(options, set->explain);
    if (count != 1) {
        options_complain(options, count ? "one image at a time"
                                        : "which image?");
        return FSCK_USAGE;
    }
    set->image = operands[0];
    return check_image(set, options);
}

/* Does the command line ask for JSON, wrong as it may be otherwise? */
static bool wants_json(int argc, char **argv, enum checks_form *form)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
        if (!strcmp(argv[i], "--json") || !strcmp(argv[i], "--jsonl")) {
            *form = argv[i][6] ? CHECKS_LINES : CHECKS_JSON;
            return true;
        }
    return false;
}

/* Wrong usage is told where the result would be as well. */
static int usage_failed(const struct options *options, int status)
{
    enum checks_form form;
    const char *why = options_complaint();

    if (!why)
        why = "wrong usage";
    if (status != FSCK_SOUND &&
        wants_json(options->argc, options->argv, &form)) {
        if (form == CHECKS_JSON) {
            checkjson_begin(NULL);
            checkjson_last(status, why, NULL);
        } else {
            checkjson_last_line(NULL, status, why, NULL);
        }
    }
    return finish_output(STATUS_OK) == STATUS_OK ? status
                                                 : status | FSCK_FAILED;
}

static int cmd_check(int argc, char **argv)
{
    struct settings set = { .run = { .progress_fd = CHECKRUN_NO_FD } };
    struct options options;
    int letter, status = STATUS_OK;

    options_init(&options, &command_check, argc, argv);
    options.image.type = type_of_program(argv[0]);
    while (status == STATUS_OK && (letter = options_next(&options)) >= 0)
        status = take(&options, &set, letter);
    if (status == STATUS_OK && letter == OPTIONS_STOP)
        return usage_failed(&options, fsck_status(options.status));
    if (status == STATUS_OK)
        status = settle(&options, &set);
    if (status != STATUS_OK)
        return usage_failed(&options, fsck_status(status));

    status = act(&options, &set);
    if (status == FSCK_USAGE)
        return usage_failed(&options, status);
    return finish_output(STATUS_OK) == STATUS_OK ? status
                                                 : status | FSCK_FAILED;
}

const struct command command_check = {
    .name     = "check",
    .run      = cmd_check,
    .operands = "IMAGE|--explain CODE",
    .summary  = "tell what is wrong with the volume",
    .details  =
        "Reads all of its metadata, says which rules of its format are\n"
        "broken, and writes nothing, ever: if repair is asked for, it says\n"
        "that there is none, and checks all the same.\n"
        "\n"
        "Exit status, as of fsck(8): 0 sound, 4 damaged, 8 it could not be\n"
        "checked, 16 wrong usage, 32 interrupted; or-ed for several volumes.\n",
    .options  = options_check,
    .image    = true,
};
