/*
 * option.c - what each word after -o means
 *
 * mount(8), fstab and udisks put their own words among the user's, and libfuse
 * has a vocabulary of its own, so the tables below hold four kinds: what we
 * act on, what the kernel's mount flags cover, what is already the case here,
 * and what is none of our business. A word in none is an error that names
 * it, since an option silently ignored is one that the user relies on.
 *
 * mount(8) keeps `offset`, `sizelimit` and `loop` for itself even in a line
 * for a FUSE filesystem, so `img_offset`, `img_sizelimit` and `part` are the
 * spellings that survive an fstab.
 */
#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "fuse/daemon.h"

/* Not nodiratime: it does not know that, and read-only it does nothing. */
const struct mount_flag mount_flags[] = {
    { "nosuid", MS_NOSUID },      { "nodev", MS_NODEV },
    { "noexec", MS_NOEXEC },      { "noatime", MS_NOATIME },
    { "sync", MS_SYNCHRONOUS },   { "dirsync", MS_DIRSYNC },
    { "nosymfollow", MS_NOSYMFOLLOW }, { NULL, 0 },
};

/* What a row does with its option. */
enum action {
    SET_FLAG,                   /* mount flags: set a, clear b */
    SET_USER,                   /* the same; perhaps with a user's name */
    SET_BOOL,                   /* the bool at a becomes b */
    SET_COUNT,                  /* the unsigned at a; a number of at least b */
    SET_SECONDS,                /* the double at a */
    SET_TEXT,                   /* the string at a */
    SET_SIZE,                   /* bytes at a; b: the bool that says so, or 0 */
    SET_ID,                     /* a uid or gid at a; bool at b */
    SET_MASK,                   /* permission bits; a: FILES, DIRS or both */
    SET_SECURITY,               /* for the kernel, as it is */
    SET_TYPE,
    SET_WRITE,                  /* to a: an enum mount_write */
    SET_ERRORS,                 /* what a write error does */
    SET_UTF8,                   /* names' encoding, which is none but UTF-8 */
    REFUSE,                     /* for the reason in text */
};

enum { FILES = 1, DIRS = 2 };

struct row {
    const char *name;
    enum action action;
    unsigned long a, b;
    const char *text;
};

#define AT(member) offsetof(struct mount_options, member)

static const struct row rows[] = {
    /* Which volume. */
    { "part", SET_COUNT, AT(part), 1, NULL },
    { "offset", SET_SIZE, AT(offset), AT(has_offset), NULL },
    { "img_offset", SET_SIZE, AT(offset), AT(has_offset), NULL },
    { "sizelimit", SET_SIZE, AT(size_limit), 0, NULL },
    { "img_sizelimit", SET_SIZE, AT(size_limit), 0, NULL },
    { "type", SET_TYPE, 0, 0, NULL },

    /* Who sees what. */
    { "allow_other", SET_BOOL, AT(allow_other), true, NULL },
    { "default_permissions", SET_BOOL, AT(default_permissions), true, NULL },
    { "uid", SET_ID, AT(uid), AT(has_uid), NULL },
    { "gid", SET_ID, AT(gid), AT(has_gid), NULL },
    { "umask", SET_MASK, FILES | DIRS, 0, NULL },
    { "fmask", SET_MASK, FILES, 0, NULL },
    { "dmask", SET_MASK, DIRS, 0, NULL },
    { "fakeroot", SET_BOOL, AT(fakeroot), true, NULL },
    { "resuid", SET_ID, AT(reserve_uid), AT(has_reserve_uid), NULL },
    { "resgid", SET_ID, AT(reserve_gid), AT(has_reserve_gid), NULL },
    { "quiet", SET_BOOL, AT(quiet), true, NULL },
    { "sys_immutable", SET_BOOL, AT(sys_immutable), true, NULL },
    { "iocharset", SET_UTF8, 0, 0, NULL },
    { "utf8", SET_UTF8, 0, 0, NULL },
    { "nls", SET_UTF8, 0, 0, NULL },
    { "allow_root", REFUSE, 0, 0,
      "data the kernel caches would be open to every user; "
      "use allow_other, which checks permissions" },

    /* The mount. */
    { "ro", SET_WRITE, WRITE_NEVER, 0, NULL },
    { "rw", SET_WRITE, WRITE_ALWAYS, 0, NULL },
    { "errors", SET_ERRORS, 0, 0, NULL },
    { "flush", SET_BOOL, AT(flush), true, NULL },
    { "cache", SET_SIZE, AT(cache), AT(has_cache), NULL },
    { "suid", SET_FLAG, 0, MS_NOSUID, NULL },
    { "nosuid", SET_FLAG, MS_NOSUID, 0, NULL },
    { "dev", SET_FLAG, 0, MS_NODEV, NULL },
    { "nodev", SET_FLAG, MS_NODEV, 0, NULL },
    { "exec", SET_FLAG, 0, MS_NOEXEC, NULL },
    { "noexec", SET_FLAG, MS_NOEXEC, 0, NULL },
    { "atime", SET_FLAG, 0, MS_NOATIME, NULL },
    { "noatime", SET_FLAG, MS_NOATIME, 0, NULL },
    { "strictatime", SET_BOOL, AT(strict_atime), true, NULL },
    { "nostrictatime", SET_BOOL, AT(strict_atime), false, NULL },
    { "relatime", SET_BOOL, AT(strict_atime), false, NULL },
    { "diratime", SET_FLAG, 0, MS_NODIRATIME, NULL },
    { "nodiratime", SET_FLAG, MS_NODIRATIME, 0, NULL },
    { "async", SET_FLAG, 0, MS_SYNCHRONOUS, NULL },
    { "sync", SET_FLAG, MS_SYNCHRONOUS, 0, NULL },
    { "dirsync", SET_FLAG, MS_DIRSYNC, 0, NULL },
    { "symfollow", SET_FLAG, 0, MS_NOSYMFOLLOW, NULL },
    { "nosymfollow", SET_FLAG, MS_NOSYMFOLLOW, 0, NULL },
    { "user", SET_USER, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, NULL },
    { "users", SET_FLAG, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0, NULL },
    { "owner", SET_FLAG, MS_NOSUID | MS_NODEV, 0, NULL },
    { "group", SET_FLAG, MS_NOSUID | MS_NODEV, 0, NULL },
    { "remount", REFUSE, 0, 0,
      "only the kernel's own flags can change: mount -i -o remount,..." },
    { "context", SET_SECURITY, 0, 0, NULL },
    { "fscontext", SET_SECURITY, 0, 0, NULL },
    { "defcontext", SET_SECURITY, 0, 0, NULL },
    { "rootcontext", SET_SECURITY, 0, 0, NULL },

    /* FUSE's own. */
    { "fsname", SET_TEXT, AT(fsname), 0, NULL },
    { "subtype", SET_TEXT, AT(subtype), 0, NULL },
    { "debug", SET_BOOL, AT(debug), true, NULL },
    { "max_threads", SET_COUNT, AT(threads), 1, NULL },
    { "max_read", SET_COUNT, AT(max_read), 4096, NULL },
    { "max_readahead", SET_COUNT, AT(max_readahead), 1, NULL },
    { "max_background", SET_COUNT, AT(max_background), 1, NULL },
    { "congestion_threshold", SET_COUNT, AT(congestion), 1, NULL },
    { "writeback_cache", SET_BOOL, AT(writeback_cache), true, NULL },
    { "no_writeback_cache", SET_BOOL, AT(writeback_cache), false, NULL },
    { "sync_read", SET_BOOL, AT(sync_read), true, NULL },
    { "async_read", SET_BOOL, AT(sync_read), false, NULL },
    { "entry_timeout", SET_SECONDS, AT(entry_timeout), 0, NULL },
    { "attr_timeout", SET_SECONDS, AT(attr_timeout), 0, NULL },
    { "negative_timeout", SET_SECONDS, AT(negative_timeout), 0, NULL },
};

/* With a value or without. */
static const char *const ignored[] = {
    /* Already so. */
    "kernel_cache", "auto_cache", "noauto_cache", "ac_attr_timeout",
    "no_rofd_flush", "use_ino", "readdir_ino", "noforget", "remember",
    "big_writes", "clone_fd", "auto_unmount", "nonempty", "norelatime",
    "lazytime", "nolazytime", "bsddf", "loop", "max_write", "max_idle_threads",

    /* Linux's ext2's: so it is. */
    "acl", "user_xattr", "nogrpid", "sysvgroups", "orlov", "nocheck",

    /* Hints of Linux's vfat, and its stricter checks of names. */
    "allow_utime", "check", "discard", "nodiscard", "nfs", "uni_xlate",

    /* ntfs-3g's, for what is written. */
    "windows_names", "special_files", "compression", "nocompression",
    "delay_mtime", "inherit", "no_def_opts",

    /* mount(8)'s, fstab's, systemd's and udisks'. */
    "defaults", "auto", "noauto", "nouser", "nousers", "noowner", "nogroup",
    "nofail", "_netdev", "silent", "loud", "mand", "nomand", "iversion",
    "noiversion", "comment", "helper", "uhelper",
    NULL,
};

static void *member(struct mount_options *options, unsigned long at)
{
    return (char *)options + at;
}

/* ------------------------------------------------------------- values */

/* A decimal or octal number of at most MAX; false if TEXT is anything else. */
static bool parse_number(const char *text, int base, uint64_t max,
                         uint64_t *out)
{
    unsigned long long value;
    char *end;

    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, base);
    if (errno || *end || value > max)
        return false;
    *out = value;
    return true;
}

/* Bytes: a number, then nothing, K, M, G, T, or s for sectors of 512. */
static bool parse_size(const char *text, uint64_t *out)
{
    static const char units[] = "KMGT";
    unsigned shift = 0;
    unsigned long long value;
    const char *unit;
    char *end;

    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    value = strtoull(text, &end, 0);
    if (errno)
        return false;
    if (*end == 's') {
        shift = 9;
        end++;
    } else if (*end) {
        unit = strchr(units, *end >= 'a' ? *end - 'a' + 'A' : *end);
        if (!unit)
            return false;
        shift = 10 * ((unsigned)(unit - units) + 1);
        end++;
    }
    if (*end || value > ((uint64_t)INT64_MAX >> shift))
        return false;
    *out = (uint64_t)value << shift;
    return true;
}

static bool parse_seconds(const char *text, double *out)
{
    char *end;

    if (!text || !((text[0] >= '0' && text[0] <= '9') || text[0] == '.'))
        return false;
    *out = strtod(text, &end);
    return *end == '\0' && *out >= 0;
}

/* ------------------------------------------------------------ one word */

static bool take_mask(struct mount_options *options, unsigned long whose,
                      const char *value)
{
    uint64_t mask;

    if (!parse_number(value, 8, 07777, &mask))
        return false;
    if (whose & FILES) {
        options->file_mask = (uint32_t)mask;
        options->has_file_mask = true;
    }
    if (whose & DIRS) {
        options->dir_mask = (uint32_t)mask;
        options->has_dir_mask = true;
    }
    return true;
}

/* Append NAME=VALUE to the list *TO. */
static bool append(char **to, const char *name, const char *value)
{
    char *longer;

    if (asprintf(&longer, "%s%s%s%s%s", *to ? *to : "", *to ? "," : "", name,
                 value ? "=" : "", value ? value : "") < 0)
        return false;
    free(*to);
    *to = longer;
    return true;
}

/* Is VALUE, which may be NULL, in LIST? */
static bool is_one_of(const char *value, const char *const *list)
{
    for (size_t i = 0; value && list[i]; i++)
        if (strcmp(value, list[i]) == 0)
            return true;
    return false;
}

/* The names under which mount(8) knows the program are no driver's. */
static void take_type(struct mount_options *options, const char *value)
{
    static const char *const ours[] = { "auto", "fuse", "shale", "fuse.shale",
                                        "fuse3", NULL };

    if (!is_one_of(value, ours))
        options->type = value;
}

/* A daemon cannot stop the machine, so there is no errors=panic. */
static bool take_errors(struct mount_options *options, const char *value)
{
    static const char *const known[] = { "continue", "remount-ro", NULL };

    options->errors_continue = value && strcmp(value, "continue") == 0;
    return is_one_of(value, known);
}

/* Linux's vfat wants to be told; here names are UTF-8 in any case. */
static bool take_utf8(const char *value)
{
    static const char *const utf8[] = { "utf8", "UTF-8", "utf-8", "1", "yes",
                                        "true", NULL };

    return !value || is_one_of(value, utf8);
}

/* False if VALUE (NULL: none was given) is not one for ROW. */
static bool take(struct mount_options *options, const struct row *row,
                 const char *value)
{
    uint64_t number;

    switch (row->action) {
    case REFUSE:
        return false;
    case SET_FLAG:
    case SET_USER:
        options->flags = (options->flags & ~row->b) | row->a;
        return !value || row->action == SET_USER;
    case SET_BOOL:
        *(bool *)member(options, row->a) = row->b;
        return !value;
    case SET_COUNT:
        if (!parse_number(value, 10, INT_MAX, &number) || number < row->b)
            return false;
        *(unsigned *)member(options, row->a) = (unsigned)number;
        return true;
    case SET_SECONDS:
        return parse_seconds(value, member(options, row->a));
    case SET_TEXT:
        *(const char **)member(options, row->a) = value;
        return value && *value;
    case SET_SIZE:
        if (row->b)
            *(bool *)member(options, row->b) = true;
        return parse_size(value, member(options, row->a));
    case SET_ID:
        if (!parse_number(value, 10, UINT32_MAX - 1, &number))
            return false;
        *(uint32_t *)member(options, row->a) = (uint32_t)number;
        *(bool *)member(options, row->b) = true;
        return true;
    case SET_MASK:
        return take_mask(options, row->a, value);
    case SET_SECURITY:
        return value && append(&options->security, row->name, value);
    case SET_TYPE:
        if (value)
            take_type(options, value);
        return value && *value;
    case SET_WRITE:
        options->write = (enum mount_write)row->a;
        return !value;
    case SET_ERRORS:
        return take_errors(options, value);
    case SET_UTF8:
        return take_utf8(value);
    }
    return false;
}

/* Does some driver, or the one asked for, take an option of this name? */
static bool driver_takes(const struct mount_options *options, const char *name)
{
    for (size_t i = 0; shale_all_drivers[i]; i++) {
        const struct shale_fs_ops *driver = shale_all_drivers[i];

        if (options->type &&
            strcmp(options->type, shale_driver_name(driver)) != 0)
            continue;
        if (shale_driver_has_option(driver, name, strlen(name)))
            return true;
    }
    return false;
}

int option_take(struct mount_options *options, const char *name,
                const char *value, char *why)
{
    const size_t count = sizeof rows / sizeof rows[0];

    if (strncmp(name, "x-", 2) == 0 || strncmp(name, "X-", 2) == 0)
        return MOUNT_OK;
    if (is_one_of(name, ignored))
        return MOUNT_OK;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) != 0)
            continue;
        if (rows[i].action == REFUSE) {
            snprintf(why, SHALE_WHY_MAX, "option \"%s\" is not supported: %s",
                     name, rows[i].text);
            return MOUNT_USAGE;
        }
        if (take(options, &rows[i], value))
            return MOUNT_OK;
        if (value)
            snprintf(why, SHALE_WHY_MAX, "option \"%s\" cannot be \"%s\"",
                     name, value);
        else
            snprintf(why, SHALE_WHY_MAX, "option \"%s\" needs a value", name);
        return MOUNT_USAGE;
    }
    if (driver_takes(options, name) &&
        append(&options->driver_options, name, value))
        return MOUNT_OK;
    snprintf(why, SHALE_WHY_MAX,
             "unknown mount option \"%s\"; see shale mount --help", name);
    return MOUNT_USAGE;
}
