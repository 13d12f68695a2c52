/*
 * options.c - the list of words after -o, as a whole
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fuse/daemon.h"

/* Nobody's kernel forgets anything for this long. */
#define FOREVER 1e9             /* seconds */

/*
 * End the word at WORD, unescaping it in place, and return the next one; NULL
 * after the last. A comma after a backslash, or between double quotes (which
 * is how mount(8) writes an SELinux context), belongs to the word.
 */
static char *split(char *word)
{
    bool quoted = false;
    char *to = word;

    for (char *from = word; *from; from++) {
        if (*from == '"') {
            quoted = !quoted;
        } else if (*from == ',' && !quoted) {
            *to = '\0';
            return from + 1;
        } else if (*from == '\\' && from[1]) {
            from++;
        }
        *to++ = *from;
    }
    *to = '\0';
    return NULL;
}

/* A list as it came, taken apart; its words stay where they are. */
struct option_list {
    struct option_list *next;
    char text[];
};

/* A copy of LIST that OPTIONS own; NULL if there is no memory. */
static char *keep(struct mount_options *options, const char *list)
{
    size_t size = strlen(list) + 1;
    struct option_list *copy = malloc(sizeof *copy + size);

    if (!copy)
        return NULL;
    memcpy(copy->text, list, size);
    copy->next = options->lists;
    options->lists = copy;
    return copy->text;
}

int mount_options_parse(struct mount_options *options, const char *list,
                        char *why)
{
    char *word = keep(options, list);

    if (!word) {
        snprintf(why, SHALE_WHY_MAX, "out of memory");
        return MOUNT_SYSTEM;
    }
    while (word) {
        char *next = split(word);
        char *equals = strchr(word, '=');
        int status = MOUNT_OK;

        if (equals)
            *equals = '\0';
        if (*word || equals)
            status = option_take(options, word, equals ? equals + 1 : NULL,
                                 why);
        if (status)
            return status;
        word = next;
    }
    return MOUNT_OK;
}

int mount_options_finish(struct mount_options *options, char *why)
{
    if (options->part && options->has_offset) {
        snprintf(why, SHALE_WHY_MAX,
                 "part= and offset= exclude each other; give one of them");
        return MOUNT_USAGE;
    }
    if (options->has_cache &&
        (options->cache < BUDGET_MIN || options->cache > BUDGET_MAX)) {
        snprintf(why, SHALE_WHY_MAX, "cache= can be from %uM to %uG",
                 (unsigned)(BUDGET_MIN >> 20), (unsigned)(BUDGET_MAX >> 30));
        return MOUNT_USAGE;
    }
    /*
     * Who is let in besides the one who mounted would otherwise be let into
     * everything, since it is the kernel, or nobody, who checks permissions.
     */
    if (options->allow_other)
        options->default_permissions = true;
    if (options->fakeroot && options->default_permissions) {
        snprintf(why, SHALE_WHY_MAX, "fakeroot lets everybody do everything, "
                 "so it goes with neither allow_other nor "
                 "default_permissions");
        return MOUNT_USAGE;
    }
    /* mount(8) always says one of them: "rw" is no more than its default. */
    if (options->helper && options->write == WRITE_ALWAYS)
        options->write = WRITE_IF_POSSIBLE;
    return MOUNT_OK;
}

/* Is the driver's option NAME among OPTIONS? */
static bool driver_told(const struct mount_options *options, const char *name)
{
    const char *at = options->driver_options;
    size_t len = strlen(name);

    while (at && *at) {
        if (strncmp(at, name, len) == 0 && strchr(",=", at[len]))
            return true;
        at += strcspn(at, ",");
        at += *at == ',';
    }
    return false;
}

/* Linux's vfat takes these from the process that mounts. */
#define NO_OWNERS_MASK 022u

void mount_options_settle(struct mount_options *options,
                          const struct shale_fs *fs)
{
    options->no_owners = shale_fs_traits(fs) & SHALE_TRAIT_NO_OWNERS;
    /* Whoever says which user is which wants to see them. */
    if (driver_told(options, "usermapping"))
        options->has_uid = options->has_gid = options->has_file_mask =
            options->has_dir_mask = false;
    if (!options->no_owners) {
        /* Root may do anything; anybody else, what the files' owners let them,
           unless it is only to look at. */
        if (geteuid() != 0 && options->write != WRITE_NEVER &&
            !options->fakeroot)
            options->default_permissions = true;
        return;
    }
    if (!options->has_uid)
        options->uid = getuid();
    if (!options->has_gid)
        options->gid = getgid();
    if (!options->has_file_mask)
        options->file_mask = NO_OWNERS_MASK;
    if (!options->has_dir_mask)
        options->dir_mask = NO_OWNERS_MASK;
    options->has_uid = options->has_gid = true;
    options->has_file_mask = options->has_dir_mask = true;
    /*
     * They mean what is shown, a read-only file for one. Root may do anything
     * all the same, so if nobody else is let in, it is not worth the kernel's
     * asking for a directory's attributes before every change in it.
     */
    if (geteuid() != 0)
        options->default_permissions = true;
}

void mount_options_init(struct mount_options *options)
{
    *options = (struct mount_options){
        .dir_fd = -1,
        .ready_fd = -1,
        .flags = MS_NOSUID | MS_NODEV,  /* a stranger made the image */
        .subtype = "shale",
        .entry_timeout = FOREVER,
        .attr_timeout = FOREVER,
        .negative_timeout = FOREVER,
    };
}

void mount_options_fini(struct mount_options *options)
{
    while (options->lists) {
        struct option_list *next = options->lists->next;

        free(options->lists);
        options->lists = next;
    }
    free(options->driver_options);
    free(options->security);
    free(options->source);
    free(options->target);
}
