/*
 * info_mem.c - shale info --mem: what a volume takes of memory
 *
 * Of an image: the parts of the memory formula, as if it were mounted. Of a
 * directory that something is mounted on: what its daemon has in memory now,
 * which it tells by an attribute of the mount's root. Either way they are keys
 * and values, shown as a driver's are.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../fuse/budget.h"
#include "info.h"

/* As of fuse/memory.c. */
#define MEMORY_ATTRIBUTE "system.shale.memory"

enum { ANSWER_MAX = 65536 };

/* Those that serve where there are a few processors. */
enum { THREADS = 4 };

bool info_is_directory(const char *name)
{
    struct stat st;

    return stat(name, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Show what TELL tells, with CONTEXT, of KIND (a JSON key) called NAME. */
static void show(const char *kind, const char *name, bool as_json,
                 void (*tell)(void *context, struct shale_describe *to),
                 void *context)
{
    struct info_json_sink json;
    struct info_sink text;
    struct json *document;

    if (as_json) {
        document = json_new();
        jsonout_text(document, kind, name);
        info_json_sink_init(&json, json_new());
        tell(context, &json.base);
        json_set(document, "memory", json.object);
        jsonout_document(document);
        return;
    }
    print_name(stdout, name, strlen(name));
    puts(":");
    info_sink_init(&text);
    tell(context, &text.base);
    info_sink_end(&text);
}

/* ------------------------------------------------------------- an image */

void info_mem_configure(struct shale_image_config *config)
{
    config->cache_bytes = BUDGET_METADATA;
}

static void tell_image(void *context, struct shale_describe *to)
{
    struct info *info = context;

    to->text(to, "filesystem", shale_fs_name(info->vol.fs));
    shale_describe_memory(info->vol.fs, info->vol.image->mem, THREADS, to);
}

void info_mem_image(struct info *info)
{
    if (info->vol.fs)
        show("image", info->vol.name, info->json, tell_image, info);
}

/* -------------------------------------------------------------- a mount */

/* Hand TO the lines of TEXT: a key, a blank, and a number or words. */
static void tell_lines(void *context, struct shale_describe *to)
{
    char *text = context, *line, *value, *end;

    while ((line = strsep(&text, "\n")) != NULL) {
        unsigned long long number;

        value = strchr(line, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        number = strtoull(value, &end, 10);
        if (*value && !*end)
            to->number(to, line, number);
        else if (strcmp(line, "slabs") == 0)
            to->item(to, line, value);
        else
            to->text(to, line, value);
    }
}

int info_mem_mounted(const char *name, bool as_json)
{
    char *text = xrealloc(NULL, ANSWER_MAX + 1, 1);
    ssize_t got = getxattr(name, MEMORY_ATTRIBUTE, text, ANSWER_MAX);
    int err = errno;

    if (got >= 0) {
        text[got] = '\0';
        show("mountpoint", name, as_json, tell_lines, text);
        free(text);
        return STATUS_OK;
    }
    free(text);
    if (err == EACCES || err == EPERM)
        report("%s: only who has mounted it, and root, may see that", name);
    else if (err == ENODATA || err == ENOTSUP)
        report("%s: not where shale has mounted something", name);
    else
        report("%s: %s", name, strerror(err));
    return STATUS_USAGE;
}
