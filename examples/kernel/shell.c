/*
 * shell.c - commands from the console, one after the other
 *
 * A line is a command and its arguments, in words; "..." holds words together.
 * A "!" before it says that it is to fail. What fails otherwise is remembered,
 * and is what the machine powers off with: a script of commands is a test.
 */
#include "shell.h"

enum { LINE = 1024, WORDS = 16 };

static const struct command *const tables[] = {
    look_commands, change_commands, system_commands, test_commands,
};

/* ------------------------------------------------- what commands stand on */

void *shell_buffer(void)
{
    void *buffer = shale_alloc(heap, SHELL_BUFFER);

    if (!buffer)
        print("no memory\n");
    return buffer;
}

void shell_buffer_free(void *buffer)
{
    shale_free(heap, buffer, SHELL_BUFFER);
}

int shell_tell(const char *name, int err)
{
    if (err)
        print("%s: %s\n", name, shale_strerror(err));
    return err;
}

struct volume *shell_volume(const char *name)
{
    size_t len = text_len(name);

    if (len > 0 && name[len - 1] == ':')
        len--;
    for (size_t i = 0; i < disk_count; i++) {
        struct volume *volume = &volumes[i];
        const char *disk = volume->disk->name;
        const char *kind = volume->fs ? shale_fs_name(volume->fs) : disk;

        if ((text_begins(name, disk) && text_len(disk) == len) ||
            (text_begins(name, kind) && text_len(kind) == len))
            return volume;
    }
    print("%.*s: no such volume\n", (int)len, name);
    return NULL;
}

struct volume *shell_mounted(const char *name)
{
    struct volume *volume = shell_volume(name);

    if (volume && !volume->fs)
        print("%s: not mounted\n", volume->disk->name);
    return volume && volume->fs ? volume : NULL;
}

struct shale_fs *shell_fs(const char *path, const char **rest)
{
    struct volume *volume = volume_of(path, rest);

    if (!volume || !volume->fs) {
        print("%s: %s\n", path, volume ? "not mounted" : "no such volume");
        return NULL;
    }
    if (!**rest)
        *rest = "/";
    return volume->fs;
}

int shell_find(const char *path, struct shale_vnode **out)
{
    const char *rest;
    struct shale_fs *fs = shell_fs(path, &rest);

    if (!fs)
        return SHALE_ENODEV;
    return shell_tell(path, shale_walk(fs, NULL, rest, 0, out));
}

/* --------------------------------------------------------------- the lines */

/* Cut LINE into WORDS at spaces. Answers how many, WORDS + 1 for too many. */
static unsigned cut(char *line, char **words)
{
    unsigned count = 0;
    char *to = line;

    for (;;) {
        bool quoted = false;

        while (*line == ' ' || *line == '\t')
            line++;
        if (!*line)
            return count;
        if (count == WORDS)
            return WORDS + 1;
        words[count++] = to;
        for (; *line && (quoted || (*line != ' ' && *line != '\t')); line++) {
            if (*line == '"')
                quoted = !quoted;
            else
                *to++ = *line;
        }
        if (*line)
            line++;
        *to++ = '\0';
    }
}

static const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < countof(tables); i++)
        for (const struct command *at = tables[i]; at && at->name; at++)
            if (text_equal(at->name, name))
                return at;
    return NULL;
}

static void help(void)
{
    for (size_t i = 0; i < countof(tables); i++)
        for (const struct command *at = tables[i]; at && at->name; at++)
            print("%-10s %-24s %s\n", at->name, at->arguments, at->what);
    print("%-10s %-24s %s\n", "poweroff", "[STATUS]",
          "0 if nothing failed and nothing else is said");
}

static int run(char **words, unsigned count)
{
    const struct command *command = command_named(words[0]);

    if (text_equal(words[0], "help")) {
        help();
        return 0;
    }
    if (!command) {
        print("%s: no such command; try help\n", words[0]);
        return SHALE_EINVAL;
    }
    if (count - 1 < command->least || count - 1 > command->most) {
        print("usage: %s %s\n", command->name, command->arguments);
        return SHALE_EINVAL;
    }
    return command->run(words, count);
}

/* Run it, and tell whether it did what it was to. */
static bool run_expected(char **words, unsigned count)
{
    bool to_fail = text_equal(words[0], "!");
    int err;

    if (to_fail && count < 2)
        return false;
    err = run(words + to_fail, count - to_fail);
    if (to_fail && !err)
        print("%s: was to fail, and did not\n", words[1]);
    return to_fail == (err != 0);
}

int shell(void)
{
    static char line[LINE], *words[WORDS];
    int status = 0;

    for (;;) {
        unsigned count;
        uint64_t number;

        print("> ");
        console_line(line, sizeof line);
        count = cut(line, words);
        if (count == 0 || words[0][0] == '#')
            continue;
        if (count > WORDS) {
            print("too many words\n");
            status = 1;
        } else if (text_equal(words[0], "poweroff")) {
            if (count > 1 && text_number(words[1], &number) && number < 126)
                status = (int)number;
            return status;
        } else if (!run_expected(words, count) || volumes_rest()) {
            print("failed: %s\n", words[0]);
            status = 1;
        }
    }
}
