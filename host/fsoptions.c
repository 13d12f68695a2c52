/*
 * fsoptions.c - what a driver is told, from what the user and the host say
 *
 * A driver knows no more of the world than its device and a line of options.
 * What the host knows of the use of an image becomes options, too, where the
 * driver has them and the user has said nothing else. One option names a file
 * of this machine, which the core cannot open: it gets what is in the file.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/fsoptions.h"
#include "host/text.h"
#include "shale/err.h"

#define MAPPING "usermapping"
#define MAPPING_MAX 65536       /* bytes of text */

bool fsoptions_has(const char *options, const char *name)
{
    size_t want = strlen(name);

    while (options && *options) {
        size_t len = strcspn(options, ",=");

        if (len == want && memcmp(options, name, len) == 0)
            return true;
        options += strcspn(options, ",");
        options += *options == ',';
    }
    return false;
}

/* A list in the making. */
struct list {
    FILE *to;                   /* memory */
    bool some;
};

/* Begin one more option. */
static FILE *next(struct list *list)
{
    if (list->some)
        putc(',', list->to);
    list->some = true;
    return list->to;
}

/*
 * Add the lines of FILE, comments left out, with a semicolon after each. In a
 * list of options there is no way to write a comma.
 */
static int add_lines(FILE *file, FILE *to, const char *name, char *why)
{
    unsigned long number = 0, bytes = 0;
    const char *wrong = NULL;
    char *line = NULL;
    size_t size = 0;
    int err = 0;

    while (!wrong && getline(&line, &size, file) >= 0) {
        size_t len;

        number++;
        line[strcspn(line, "#\r\n")] = '\0';
        len = strlen(line);
        bytes += len + 1;
        if (strchr(line, ','))
            wrong = "a comma";
        else if (bytes > MAPPING_MAX)
            wrong = "too long";
        else if (len > 0)
            fprintf(to, "%s;", line);
    }
    /* It ends, or cannot be read: a directory, say; or there is no memory. */
    if (!wrong && !feof(file))
        err = errno ? -errno : SHALE_EIO;
    free(line);
    if (wrong) {
        err = SHALE_EINVAL;
        text_add(why, SHALE_WHY_MAX, "%s, line %lu: %s", name, number, wrong);
    } else if (err) {
        text_add(why, SHALE_WHY_MAX, "option " MAPPING ": %s: %s", name,
                 strerror(-err));
    }
    return err;
}

/* Add the mapping of users that the file NAME, LEN bytes, has. */
static int add_mapping(struct list *list, const char *name, size_t len,
                       char *why)
{
    char *path = strndup(name, len);
    FILE *file = path ? fopen(path, "re") : NULL;
    int err = 0;

    if (!path) {
        err = SHALE_ENOMEM;
    } else if (!file) {
        err = -errno;
        text_add(why, SHALE_WHY_MAX, "option " MAPPING ": %s: %s", path,
                 strerror(errno));
    } else {
        fputs(MAPPING "=", next(list));
        err = add_lines(file, list->to, path, why);
        fclose(file);
    }
    free(path);
    return err;
}

/* Add what the user has said. */
static int add_given(struct list *list, const char *options,
                     const struct shale_fs_ops *type, char *why)
{
    bool has_mapping = type && shale_driver_has_option(type, MAPPING,
                                                       strlen(MAPPING));
    int err = 0;

    while (*options && !err) {
        size_t len = strcspn(options, ",");
        size_t name_len = strcspn(options, ",=");

        if (has_mapping && name_len == strlen(MAPPING) && len > name_len &&
            memcmp(options, MAPPING, name_len) == 0)
            err = add_mapping(list, options + name_len + 1,
                              len - name_len - 1, why);
        else if (len > 0)
            fprintf(next(list), "%.*s", (int)len, options);
        options += len + (options[len] == ',');
    }
    return err;
}

/* Does TYPE take the option NAME, which the user has not given? */
static bool lacks(const struct shale_fs_ops *type, const char *options,
                  const char *name)
{
    return shale_driver_has_option(type, name, strlen(name)) &&
           !fsoptions_has(options, name);
}

/* Add what CONFIG says besides. */
static void add_config(struct list *list, const char *options,
                       const struct shale_image_config *config,
                       const struct shale_fs_ops *type)
{
    if (config->place && !strchr(config->place, ',') &&
        lacks(type, options, "last_mounted"))
        fprintf(next(list), "last_mounted=%s", config->place);
    if (config->unreplayed && lacks(type, options, "norecovery"))
        fputs("norecovery", next(list));
    if (config->streams && lacks(type, options, "streams_interface"))
        fputs("streams_interface=windows", next(list));
    if (config->has_owner && lacks(type, options, "owner_uid"))
        fprintf(next(list), "owner_uid=%" PRIu32, config->owner_uid);
    if (config->has_owner && lacks(type, options, "owner_gid"))
        fprintf(next(list), "owner_gid=%" PRIu32, config->owner_gid);
}

int fsoptions_make(const struct shale_image_config *config,
                   const struct shale_fs_ops *type, char **out, char *why)
{
    const char *options = config->options ? config->options : "";
    struct list list = { NULL, false };
    char *text = NULL;
    size_t size;
    int err;

    list.to = open_memstream(&text, &size);
    if (!list.to)
        return SHALE_ENOMEM;
    err = add_given(&list, options, type, why);
    if (!err && type)
        add_config(&list, options, config, type);
    if (fclose(list.to) != 0 && !err)
        err = SHALE_ENOMEM;
    if (err)
        free(text);
    else
        *out = text;
    return err;
}
