/*
 * cmd_help.c - shale help: what the tables of the commands say
 */
#include <stdio.h>
#include <string.h>

#include "tools.h"

enum { WIDTH = 80, HELP_AT = 27 };      /* columns */

void help_overview(FILE *to)
{
    fputs("Usage: shale COMMAND [OPTION...] IMAGE[:PATH] [PATH...]\n"
          "Work with the filesystem in a disk image.\n\n", to);
    for (const struct command *const *each = commands; *each; each++)
        fprintf(to, "  %-10s %s\n", (*each)->name, (*each)->summary);
    fputs("\nshale help COMMAND tells more. See also shale(1).\n", to);
}

/* Print TEXT from COLUMN on, and what has no room below, from INDENT on. */
static void print_wrapped(const char *text, int column, int indent)
{
    while (*text) {
        int len = (int)strcspn(text, " ");

        if (column + 1 + len > WIDTH) {
            printf("\n%*s", indent - 1, "");
            column = indent - 1;
        }
        column += printf(" %.*s", len, text);
        text += len;
        text += *text == ' ';
    }
    putchar('\n');
}

/*
 * One option: "  -p, --part N          the volume in partition N"; with its
 * long name only if LONG_ONLY.
 */
static void help_option(const struct command_option *option, bool long_only)
{
    char left[64];
    size_t at = 0;

    if (option->letter < OPTION_LONG && !long_only)
        at += (size_t)snprintf(left, sizeof left, "-%c%s", option->letter,
                               option->name ? ", " : "");
    else
        at += (size_t)snprintf(left, sizeof left, "    ");
    if (option->name)
        at += (size_t)snprintf(left + at, sizeof left - at, "--%s",
                               option->name);
    if (option->arg)
        snprintf(left + at, sizeof left - at, " %s", option->arg);
    print_wrapped(option->help, printf("  %-24s", left), HELP_AT);
}

static void help_options(const char *title, const struct command *command,
                         const struct command_option *table)
{
    bool own = table == command->options;

    printf("\n%s:\n", title);
    for (; table->letter; table++)
        help_option(table, !own && options_has(command, table->letter));
}

void help_command(const struct command *command)
{
    char operands[256];
    char *next = operands;

    snprintf(operands, sizeof operands, "%s", command->operands);
    for (const char *lead = "Usage:"; next; lead = "   or:") {
        const char *line = strsep(&next, "|");

        line += *line == ' ';
        printf("%s shale %s %s%s\n", lead, command->name,
               command->options || command->image ? "[OPTION...] " : "", line);
    }
    printf("%c%s.\n", command->summary[0] - 'a' + 'A', command->summary + 1);
    if (command->details)
        printf("\n%s", command->details);
    if (command->options)
        help_options("Options", command, command->options);
    if (command->image)
        help_options("Which volume", command, options_common);
    printf("\n  %-24s show this help\n", "    --help");
}

static int cmd_help(int argc, char **argv)
{
    const struct command *command;
    struct options options;
    char **operands;
    int count;

    options_init(&options, &command_help, argc, argv);
    if (options_next(&options) != OPTIONS_END)
        return options.status;
    count = options_operands(&options, &operands);
    if (count == 0) {
        help_overview(stdout);
        return finish_output(STATUS_OK);
    }
    if (count > 1)
        return options_complain(&options, "one command at a time");
    command = command_find(operands[0]);
    if (!command)
        return options_complain(&options, "no such command: %s", operands[0]);
    if (command->own_help) {
        char name[32], flag[] = "--help";
        char *arguments[] = { name, flag, NULL };

        snprintf(name, sizeof name, "shale %s", command->name);
        return command->run(2, arguments);
    }
    help_command(command);
    return finish_output(STATUS_OK);
}

const struct command command_help = {
    .name     = "help",
    .run      = cmd_help,
    .operands = "[COMMAND]",
    .summary  = "explain a command",
};
