/*
 * mountinfo.c - what is mounted where
 *
 * The kernel's table, a line a mount, as proc(5) describes it:
 *
 *     36 35 98:0 /root /target rw,noatime master:1 - type source options
 *
 * with any number of optional fields before the dash, and blanks in names
 * written as \040. It is the one way to learn about a mount without touching
 * it: a dead one answers nothing, and another user's refuses.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/daemon.h"

static bool is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* Undo the kernel's \040, in place. */
static void unescape(char *text)
{
    char *to = text;

    for (const char *from = text; *from; to++) {
        if (from[0] == '\\' && is_octal(from[1]) && is_octal(from[2]) &&
            is_octal(from[3])) {
            *to = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 |
                         (from[3] - '0'));
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

/* A copy of the next word of *LINE, unescaped; NULL if there is none. */
static char *next_word(char **line)
{
    char *word = strsep(line, " \n");
    char *copy = word ? strdup(word) : NULL;

    if (copy)
        unescape(copy);
    return copy;
}

static void entry_free(struct mount_entry *entry)
{
    free(entry->target);
    free(entry->type);
    free(entry->source);
    free(entry->options);
}

/* Decode LINE, which is taken apart. False if it is no such line. */
static bool entry_decode(char *line, struct mount_entry *out)
{
    char *device, *word;

    *out = (struct mount_entry){ .major = 0 };
    strsep(&line, " ");
    strsep(&line, " ");
    device = strsep(&line, " ");
    if (!device || sscanf(device, "%u:%u", &out->major, &out->minor) != 2)
        return false;
    strsep(&line, " ");
    out->target = next_word(&line);
    do {
        word = strsep(&line, " ");
    } while (word && strcmp(word, "-") != 0);
    out->type = next_word(&line);
    out->source = next_word(&line);
    out->options = next_word(&line);
    if (out->target && out->type && out->source && out->options)
        return true;
    entry_free(out);
    return false;
}

int mount_table_read(struct mount_entry **out, size_t *count)
{
    FILE *table = fopen("/proc/self/mountinfo", "re");
    struct mount_entry *entries = NULL;
    size_t used = 0, room = 0, line_size = 0;
    char *line = NULL;

    if (!table)
        return errno;
    while (getline(&line, &line_size, table) >= 0) {
        if (used == room) {
            struct mount_entry *more;

            room = room ? 2 * room : 32;
            more = reallocarray(entries, room, sizeof *entries);
            if (!more)
                break;
            entries = more;
        }
        if (entry_decode(line, &entries[used]))
            used++;
    }
    free(line);
    fclose(table);
    *out = entries;
    *count = used;
    return 0;
}

void mount_table_free(struct mount_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++)
        entry_free(&entries[i]);
    free(entries);
}

const struct mount_entry *mount_table_top(const struct mount_entry *entries,
                                          size_t count, const char *target)
{
    /* Mounts on one directory are listed in the order they were made. */
    while (count-- > 0)
        if (strcmp(entries[count].target, target) == 0)
            return &entries[count];
    return NULL;
}

const struct mount_entry *mount_table_device(const struct mount_entry *entries,
                                             size_t count, unsigned major,
                                             unsigned minor)
{
    for (size_t i = count; i-- > 0;)
        if (entries[i].major == major && entries[i].minor == minor &&
            mount_table_top(entries, count, entries[i].target) == &entries[i])
            return &entries[i];
    return NULL;
}

bool mount_is_shale(const struct mount_entry *entry)
{
    return strcmp(entry->type, "fuse.shale") == 0;
}
