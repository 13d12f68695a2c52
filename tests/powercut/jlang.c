/*
 * jlang.c - workloads of others, for crash consistency, as operations
 *
 * The language of CrashMonkey and ACE: `# define` lists the paths, which the
 * other sections name without their slashes (ACfoo is A/C/foo); `# setup` and
 * `# run` are system calls, a line each. A file is used through a descriptor
 * from its `open` to its `close`, whatever becomes of its name.
 */
#include "jlang.h"

#include <stdlib.h>
#include <string.h>

#include "shale/shale.h"

enum { PATHS = 64, WORDS = 6 };

struct jlang {
    char *paths[PATHS];         /* "/A/C/foo" */
    char *names[PATHS];         /* "ACfoo" */
    int slots[PATHS];           /* where it is open, or -1 */
    unsigned count;
    unsigned next_slot;
    uint64_t stamp;
    struct ops *ops;
    bool unix_files;
    unsigned left_out;
};

static void define(struct jlang *j, const char *path)
{
    char *name = need(strlen(path) + 1), *out = name;
    char *full = need(strlen(path) + 2);

    for (const char *at = path; *at; at++)
        if (*at != '/')
            *out++ = *at;
    /* The folder that all happens in is called test. */
    snprintf(full, strlen(path) + 2, "/%s",
             strcmp(path, "test") == 0 ? "" : path);
    j->names[j->count] = name;
    j->paths[j->count] = full;
    j->slots[j->count++] = -1;
}

static int find(const struct jlang *j, const char *name)
{
    for (unsigned i = 0; i < j->count; i++)
        if (strcmp(j->names[i], name) == 0)
            return (int)i;
    return -1;
}

static void add(struct jlang *j, enum op_kind kind, char *path, char *to,
                uint64_t a, uint64_t b, uint64_t c)
{
    struct op op = { kind, path, to, a, b, c };

    ops_add(j->ops, &op);
}

/* File number WHICH, as one that is open or by its path. */
static char *file(const struct jlang *j, int which, char *text)
{
    if (j->slots[which] < 0)
        return j->paths[which];
    text[0] = '@';
    text[1] = (char)('0' + j->slots[which]);
    text[2] = '\0';
    return text;
}

static void open_file(struct jlang *j, int which, const char *flags)
{
    if (flags && strstr(flags, "O_CREAT"))
        add(j, OP_CREATE, j->paths[which], NULL, 0, 0, 0);
    if (flags && strstr(flags, "O_TRUNC"))
        add(j, OP_TRUNCATE, j->paths[which], NULL, 0, 0, 0);
    j->slots[which] = (int)(j->next_slot++ % OP_SLOTS);
    add(j, OP_OPEN, j->paths[which], NULL, (uint64_t)j->slots[which], 0, 0);
}

/* The flags of falloc, or what nobody has. */
static uint64_t falloc_flags(const char *word)
{
    uint64_t flags = 0;

    if (strstr(word, "FALLOC_FL_KEEP_SIZE"))
        flags |= SHALE_ALLOCATE_KEEP_SIZE;
    if (strstr(word, "FALLOC_FL_PUNCH_HOLE"))
        flags |= SHALE_ALLOCATE_PUNCH_HOLE;
    if (strstr(word, "FALLOC_FL_ZERO_RANGE"))
        flags |= SHALE_ALLOCATE_ZERO_RANGE;
    return flags;
}

static void falloc(struct jlang *j, int which, char **words)
{
    uint64_t flags = falloc_flags(words[2]);
    char text[3];

    if (flags & ~(uint64_t)SHALE_ALLOCATE_KEEP_SIZE && !j->unix_files) {
        j->left_out++;
        return;
    }
    add(j, OP_ALLOCATE, file(j, which, text), NULL,
        strtoull(words[3], NULL, 10), strtoull(words[4], NULL, 10), flags);
}

/* What only Unix's files have. False: none of it. */
static bool unix_line(struct jlang *j, const char *verb, int which, int other)
{
    char name[] = "user.xattr1";

    if (strcmp(verb, "link") != 0 && strcmp(verb, "symlink") != 0 &&
        strcmp(verb, "fsetxattr") != 0 && strcmp(verb, "removexattr") != 0)
        return false;
    if (!j->unix_files)
        j->left_out++;
    else if (strcmp(verb, "link") == 0 && other >= 0)
        add(j, OP_LINK, j->paths[which], j->paths[other], 0, 0, 0);
    else if (strcmp(verb, "symlink") == 0 && other >= 0)
        add(j, OP_SYMLINK, j->paths[other], j->paths[which] + 1, 0, 0, 0);
    else if (strcmp(verb, "fsetxattr") == 0)
        add(j, OP_SETXATTR, j->paths[which], name, j->stamp++, 40, 0);
    else if (strcmp(verb, "removexattr") == 0)
        add(j, OP_REMOVEXATTR, j->paths[which], name, 0, 0, 0);
    else
        return false;
    return true;
}

static bool line(struct jlang *j, char **words, unsigned count)
{
    const char *verb = words[0];
    char text[3];
    int which = count > 1 ? find(j, words[1]) : -1;
    int other = count > 2 ? find(j, words[2]) : -1;
    uint64_t a = count > 2 ? strtoull(words[2], NULL, 10) : 0;
    uint64_t b = count > 3 ? strtoull(words[3], NULL, 10) : 0;

    if (strcmp(verb, "sync") == 0) {
        add(j, OP_SYNC, NULL, NULL, 0, 0, 0);
        return true;
    }
    if (strcmp(verb, "checkpoint") == 0 || strcmp(verb, "none") == 0)
        return true;
    if (which < 0)
        return false;
    if (strcmp(verb, "mkdir") == 0)
        add(j, OP_MKDIR, j->paths[which], NULL, 0, 0, 0);
    else if (strcmp(verb, "open") == 0)
        open_file(j, which, count > 2 ? words[2] : NULL);
    else if (strcmp(verb, "opendir") == 0)
        return true;            /* it is synced by its path */
    else if (strcmp(verb, "close") == 0) {
        if (j->slots[which] >= 0)
            add(j, OP_CLOSE, NULL, NULL, (uint64_t)j->slots[which], 0, 0);
        j->slots[which] = -1;
    } else if (strcmp(verb, "write") == 0 || strcmp(verb, "dwrite") == 0 ||
               strcmp(verb, "mmapwrite") == 0)
        add(j, OP_WRITE, file(j, which, text), NULL, a, b, j->stamp++);
    else if (strcmp(verb, "truncate") == 0)
        add(j, OP_TRUNCATE, file(j, which, text), NULL, a, 0, 0);
    else if (strcmp(verb, "fsync") == 0 || strcmp(verb, "fdatasync") == 0)
        add(j, OP_FSYNC, file(j, which, text), NULL, 0, 0, 0);
    else if (strcmp(verb, "unlink") == 0 || strcmp(verb, "remove") == 0)
        add(j, OP_UNLINK, j->paths[which], NULL, 0, 0, 0);
    else if (strcmp(verb, "rmdir") == 0)
        add(j, OP_RMDIR, j->paths[which], NULL, 0, 0, 0);
    else if (strcmp(verb, "rename") == 0 && other >= 0)
        add(j, OP_RENAME, j->paths[which], j->paths[other], 0, 0, 0);
    else if (strcmp(verb, "falloc") == 0 && count == 5)
        falloc(j, which, words);
    else
        return unix_line(j, verb, which, other);
    return true;
}

static unsigned split(char *text, char **words)
{
    char *rest = NULL;
    unsigned count = 0;

    for (char *word = strtok_r(text, " \t\r\n", &rest); word && count < WORDS;
         word = strtok_r(NULL, " \t\r\n", &rest))
        words[count++] = word;
    return count;
}

bool jlang_parse(struct ops *ops, FILE *from, bool unix_files,
                 unsigned *left_out)
{
    struct jlang j = { .ops = ops, .stamp = 1, .unix_files = unix_files };
    char section[32] = "", *text = NULL, *words[WORDS];
    size_t room = 0;
    bool good = true;

    while (good && getline(&text, &room, from) >= 0) {
        unsigned count = split(text, words);

        if (count == 0)
            continue;
        if (strcmp(words[0], "#") == 0)
            snprintf(section, sizeof section, "%s",
                     count > 1 ? words[1] : "");
        else if (strcmp(section, "define") == 0 && j.count < PATHS)
            define(&j, words[0]);
        else if (strcmp(section, "setup") == 0 ||
                 strcmp(section, "run") == 0)
            good = line(&j, words, count);
        if (!good)
            fprintf(stderr, "not understood: %s ...\n", words[0]);
    }
    for (unsigned i = 0; i < j.count; i++) {
        free(j.paths[i]);
        free(j.names[i]);
    }
    free(text);
    *left_out = j.left_out;
    return good;
}
