/*
 * options.c - command lines, from the tables of the commands
 *
 * getopt_long(3) does the work. Its two lists are made here out of the
 * command's own table and the common one, which also make the help: what is
 * accepted and what is documented are the same thing.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "optionerr.h"
#include "tools.h"

enum {
    COMMON_OFFSET = 2 * OPTION_LONG,
    COMMON_SIZE_LIMIT,
    COMMON_HELP,

    /* Added to a common letter that the command uses for something else: the
       long name still works. */
    COMMON_LONG_ONLY = 4 * OPTION_LONG,
};

const struct command_option options_common[] = {
    { 'p', "part", "N", "the volume in partition N" },
    { COMMON_OFFSET, "offset", "BYTES",
      "the volume that starts there (K, M, G, T, or s for sectors)" },
    { COMMON_SIZE_LIMIT, "size-limit", "BYTES", "the volume ends after that" },
    { 't', "type", "TYPE", "the filesystem, instead of probing (fat, ext2, "
      "ntfs)" },
    { 'o', "options", "OPTIONS", "the filesystem's own options (sb=131072, "
      "codepage=850, recover)" },
    { 'q', "quiet", NULL, "no warnings, errors only" },
    { 0, NULL, NULL, NULL },
};

static const struct command_option options_help[] = {
    { COMMON_HELP, "help", NULL, "show this help" },
    { 0, NULL, NULL, NULL },
};

bool options_has(const struct command *command, int letter)
{
    const struct command_option *table = command->options;

    for (; table && table->letter; table++)
        if (table->letter == letter)
            return true;
    return false;
}

/* Add TABLE to what getopt_long() will accept. */
static void options_add(struct options *o, const struct command_option *table,
                        size_t *longs, size_t *shorts)
{
    bool own = table == o->command->options;

    for (; table && table->letter && *longs < OPTIONS_MAX; table++) {
        bool taken = !own && options_has(o->command, table->letter);

        if (table->name)
            o->longs[(*longs)++] = (struct option){
                table->name, table->arg ? required_argument : no_argument,
                NULL, taken ? table->letter + COMMON_LONG_ONLY : table->letter,
            };
        if (table->letter < OPTION_LONG && !taken) {
            o->shorts[(*shorts)++] = (char)table->letter;
            if (table->arg)
                o->shorts[(*shorts)++] = ':';
        }
    }
}

void options_init(struct options *o, const struct command *command, int argc,
                  char **argv)
{
    size_t longs = 0, shorts = 0;

    memset(o, 0, sizeof *o);
    o->shorts[shorts++] = ':';  /* we say what is wrong ourselves */
    opterr = 0;
    o->command = command;
    o->argc = argc;
    o->argv = argv;
    options_add(o, command->options, &longs, &shorts);
    if (command->image)
        options_add(o, options_common, &longs, &shorts);
    options_add(o, options_help, &longs, &shorts);
    optind = 0;                 /* glibc: start over */
}

static char complaint[512];

int options_complain(const struct options *o, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(complaint, sizeof complaint, format, args);
    va_end(args);
    report("%s: %s (try: shale %s --help)", o->command->name, complaint,
           o->command->name);
    return STATUS_USAGE;
}

const char *options_complaint(void)
{
    return *complaint ? complaint : NULL;
}

bool options_number(const char *text, uint64_t min, uint64_t max,
                    uint64_t *out)
{
    unsigned long long value;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, 10);
    if (errno || *end || value < min || value > max)
        return false;
    *out = value;
    return true;
}

bool options_size(const char *text, uint64_t *out)
{
    static const struct {
        char suffix;
        unsigned shift;
    } units[] = {
        { 's', 9 },  { 'k', 10 }, { 'K', 10 }, { 'm', 20 }, { 'M', 20 },
        { 'g', 30 }, { 'G', 30 }, { 't', 40 }, { 'T', 40 },
    };
    unsigned long long value;
    unsigned shift = 0;
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    /* Base 0 would make an octal number of 0512. */
    value = strtoull(text, &end, !strncmp(text, "0x", 2) ? 16 : 10);
    if (errno)
        return false;
    for (size_t i = 0; *end && i < sizeof units / sizeof units[0]; i++)
        if (*end == units[i].suffix) {
            shift = units[i].shift;
            end++;
            break;
        }
    if (*end || value > UINT64_MAX >> shift)
        return false;
    *out = (uint64_t)value << shift;
    return true;
}

/* Add TEXT to the driver's options. False if that is too much. */
static bool driver_options_add(struct options *o, const char *text)
{
    size_t old = strlen(o->driver_options);
    size_t room = sizeof o->driver_options - old;

    o->image.options = o->driver_options;
    return (size_t)snprintf(o->driver_options + old, room, "%s%s",
                            old ? "," : "", text) < room;
}

/* Does any driver that may be asked take the option NAME (LEN bytes)? */
static bool option_known(const struct options *o, const char *name,
                         size_t len)
{
    for (size_t i = 0; shale_all_drivers[i]; i++) {
        const struct shale_fs_ops *driver = shale_all_drivers[i];

        if (o->image.type && shale_driver_named(o->image.type) != driver)
            continue;
        if (shale_driver_has_option(driver, name, len))
            return true;
    }
    return false;
}

/* Are the options all meaningful? Only known once the last one was seen. */
static int options_check(const struct options *o)
{
    if (o->image.part && o->image.has_offset)
        return options_complain(o, "--part and --offset exclude each other");
    if (o->image.type && !shale_driver_named(o->image.type))
        return options_complain(o, "unknown filesystem type '%s'",
                                o->image.type);
    for (const char *at = o->image.options; at && *at;) {
        size_t len = strcspn(at, ",");
        size_t name_len = strcspn(at, ",=");

        if (len > 0 && !option_known(o, at, name_len))
            return options_complain(o, "unknown filesystem option '%.*s'",
                                    (int)name_len, at);
        at += len + (at[len] == ',');
    }
    return STATUS_OK;
}

/* Take a common option. STATUS_OK, or another status after a complaint. */
static int options_take(struct options *o, int letter)
{
    uint64_t number;

    switch (letter) {
    case 'p':
        if (!options_number(optarg, 1, 1000000, &number))
            return options_complain(o, "no such partition number: '%s'",
                                    optarg);
        o->image.part = (unsigned)number;
        return STATUS_OK;
    case COMMON_OFFSET:
        if (!options_size(optarg, &o->image.offset))
            return options_complain(o, "not an offset: '%s'", optarg);
        o->image.has_offset = true;
        return STATUS_OK;
    case COMMON_SIZE_LIMIT:
        if (!options_size(optarg, &o->image.size_limit) ||
            o->image.size_limit == 0)
            return options_complain(o, "not a size: '%s'", optarg);
        return STATUS_OK;
    case 't':
        o->image.type = optarg;
        return STATUS_OK;
    case 'o':
        if (!driver_options_add(o, optarg))
            return options_complain(o, "too many filesystem options");
        return STATUS_OK;
    default:
        o->quiet = true;
        return STATUS_OK;
    }
}

int options_next(struct options *o)
{
    for (;;) {
        int letter = getopt_long(o->argc, o->argv, o->shorts, o->longs, NULL);

        if (letter == -1) {
            o->status = options_check(o);
            return o->status == STATUS_OK ? OPTIONS_END : OPTIONS_STOP;
        }
        if (letter == COMMON_HELP) {
            help_command(o->command);
            o->status = finish_output(STATUS_OK);
            return OPTIONS_STOP;
        }
        if (letter == '?' || letter == ':') {
            char why[OPTIONERR_MAX];

            optionerr(o->argv, o->longs, letter, why);
            o->status = options_complain(o, "%s", why);
            return OPTIONS_STOP;
        }
        if (options_has(o->command, letter))
            return letter;
        o->status = options_take(o, letter >= COMMON_LONG_ONLY
                                        ? letter - COMMON_LONG_ONLY : letter);
        if (o->status != STATUS_OK)
            return OPTIONS_STOP;
    }
}

int options_operands(const struct options *o, char ***operands)
{
    *operands = o->argv + optind;
    return o->argc - optind;
}

uint64_t options_superblock(const struct options *options)
{
    uint64_t kib;

    for (const char *at = options->image.options; at && *at;) {
        size_t len = strcspn(at, ",");
        char value[24];

        if (!strncmp(at, "sb=", 3) && len - 3 < sizeof value) {
            memcpy(value, at + 3, len - 3);
            value[len - 3] = '\0';
            if (options_number(value, 1, UINT64_MAX >> 10, &kib))
                return kib << 10;
        }
        at += len + (at[len] == ',');
    }
    return 0;
}
