/*
 * xattr.c - a file's streams, and what else there is, as attributes of Linux
 *
 *     user.NAME         a named stream, with streams_interface=xattr
 *     system.ntfs_...   see sysattr.c
 *
 * The latter are never listed, as with ntfs-3g: who copies all attributes that
 * are would meet them where they cannot be set. ntfs-3g keeps attributes of
 * other name spaces, "security.x", in streams called "ntfs-3g.security.x",
 * which are listed as neither. New are attributes that WSL has set, as what
 * they are to Linux: see ea.c.
 */
#include "extras.h"
#include "memfn.h"
#include "utf16.h"

#define USER_LENGTH 5u          /* of "user." */
#define OWN_PREFIX "ntfs-3g."   /* of streams that ntfs-3g made for itself */

/* Does NAME begin with WORD? What follows in *REST. */
bool ntfs_begins(const char *name, const char *word, const char **rest)
{
    while (*word)
        if (*name++ != *word++)
            return false;
    *rest = name;
    return true;
}

static size_t length_of(const char *s)
{
    size_t len = 0;

    while (s[len])
        len++;
    return len;
}

/* The system's own files keep theirs for themselves. */
static bool has_streams(const struct ntfs_asked *asked)
{
    return asked->vol->options.streams == NTFS_STREAMS_XATTR &&
           asked->record->number >= NTFS_FIRST_USER;
}

/* Is attribute NAME of a name space that ntfs-3g has its own streams for? */
static bool is_other_space(const char *name)
{
    const char *rest;

    return ntfs_begins(name, "system.", &rest) ||
        ntfs_begins(name, "security.", &rest) ||
        ntfs_begins(name, "trusted.", &rest);
}

/*
 * Is it the label that ls asks each file for, until it hears that there is no
 * such thing? Only somebody else's SELinux may have made some.
 */
static bool is_label(const char *name)
{
    const char *rest;

    return ntfs_begins(name, "security.selinux", &rest) && !*rest;
}

/* The stream called BEFORE and then NAME. */
static int64_t stream_get(const struct ntfs_asked *asked, const char *before,
                          const char *name)
{
    uint16_t units[NTFS_NAME_UNITS];
    size_t skip = length_of(before);
    unsigned ordinal;
    int count, found;

    for (size_t i = 0; i < skip; i++)
        units[i] = (uint8_t)before[i];
    count = utf16_from_utf8(name, length_of(name), units + skip,
                            NTFS_NAME_UNITS - skip);
    if (count < 0 || (count == 0 && skip == 0))
        return SHALE_ENODATA;
    found = ntfs_streams_find(asked->vol, asked->record, units,
                              skip + (size_t)count, &ordinal);
    if (found <= 0)
        return found ? found : SHALE_ENODATA;
    return ntfs_streams_value(asked->vol, asked->record, ordinal, asked->buf,
                              asked->size);
}

/* Attribute NAME, which is not one of system.ntfs_, of a file that has EAs or
   has none. */
static int64_t other_get(const struct ntfs_asked *asked, const char *name,
                         bool has_eas)
{
    int64_t answer = SHALE_ENODATA;
    const char *rest;

    if (ntfs_begins(name, "user.", &rest)) {
        if (asked->vol->options.efs_raw &&
            ntfs_begins(rest, "ntfs.efsinfo", &rest) && !*rest)
            return ntfs_efs_get(asked);
        if (has_streams(asked))
            answer = stream_get(asked, "", name + USER_LENGTH);
    } else if (is_other_space(name)) {
        if (has_streams(asked))
            answer = stream_get(asked, OWN_PREFIX, name);
    } else {
        return SHALE_ENOTSUP;
    }
    if (answer == SHALE_ENODATA && has_eas)
        answer = ntfs_wsl_getxattr(asked->vol, asked->record, name, asked->buf,
                                   asked->size);
    return answer == SHALE_ENODATA &&
        (asked->vol->options.streams != NTFS_STREAMS_XATTR ||
         is_label(name)) ? SHALE_ENOTSUP : answer;
}

int64_t ntfs_getxattr(struct shale_vnode *vn, const char *name, void *buf,
                      size_t size)
{
    const struct ntfs_vnode *node = (const struct ntfs_vnode *)vn;
    struct ntfs_asked asked = { ntfs_volume_of(vn->fs), NULL, buf, size };
    int64_t answer = SHALE_ENOTSUP;
    const char *rest;
    int err;

    /* There are none to be had: ls, for one, then stops asking. */
    if (ntfs_begins(name, "system.posix_acl_", &rest))
        return SHALE_ENOTSUP;
    err = ntfs_record_get(asked.vol, NTFS_INO_RECORD(vn->ino), &asked.record);
    if (err)
        return err;
    if (ntfs_begins(name, "system.ntfs_", &rest))
        answer = ntfs_system_get(&asked, rest);
    if (answer == SHALE_ENOTSUP)
        answer = other_get(&asked, name,
                           node->info.has & NTFS_HAS(NTFS_EA));
    ntfs_record_put(asked.vol, asked.record);
    return answer;
}

/* -------------------------------------------------------------- the list */

/* Who takes names, and which file has them. */
struct lister {
    struct ntfs_asked asked;
    struct ntfs_value eas;      /* WSL's, but for what a stream has as well */
    int (*emit)(void *context, const char *name, size_t len);
    void *context;
    char name[USER_LENGTH + 3 * UINT8_MAX + 1];
};

/* Emit ATTR, the first piece of a stream, unless only ntfs-3g means it. */
static int stream_emit(struct lister *lister, const struct ntfs_attr *attr)
{
    struct ntfs_text text = { lister->name, sizeof lister->name - 1, 0 };
    const char *rest;

    ntfs_text_put(&text, "user.", USER_LENGTH);
    ntfs_text_put_units(&text, attr->name, attr->name_length, false);
    lister->name[text.len] = '\0';
    ntfs_wsl_hide(&lister->eas, lister->name, text.len);
    if (ntfs_begins(lister->name + USER_LENGTH, OWN_PREFIX, &rest) &&
        is_other_space(rest))
        return 0;
    return lister->emit(lister->context, lister->name, text.len);
}

static int streams_list(struct lister *lister)
{
    const struct ntfs_asked *asked = &lister->asked;
    struct ntfs_walk *walk = &asked->record->room->walk;
    int stop = 0, more = ntfs_walk_begin(asked->vol, asked->record, NTFS_DATA,
                                         walk);

    if (more)
        return more;
    while (!stop && (more = ntfs_walk_next(walk)) > 0)
        if (ntfs_streams_is_first(&walk->attr))
            stop = stream_emit(lister, &walk->attr);
    ntfs_walk_end(walk);
    return stop ? stop : more;
}

static int efs_list(const struct lister *lister)
{
    static const char name[] = "user.ntfs.efsinfo";
    struct ntfs_asked asked = lister->asked;
    int64_t len;

    asked.size = 0;
    len = ntfs_efs_get(&asked);
    if (len < 0)
        return len == SHALE_ENODATA ? 0 : (int)len;
    return lister->emit(lister->context, name, sizeof name - 1);
}

/* Emit all that the file has; HAS_EAS: some may be there. */
static int list_all(struct lister *lister, bool has_eas)
{
    const struct ntfs_asked *asked = &lister->asked;
    int err = 0;

    if (has_eas)
        err = ntfs_eas_get(asked->vol, asked->record, &lister->eas);
    if (err < 0)
        return err;
    err = has_streams(asked) ? streams_list(lister) : 0;
    if (!err && asked->vol->options.efs_raw)
        err = efs_list(lister);
    if (!err)
        err = ntfs_wsl_list(&lister->eas, lister->emit, lister->context);
    ntfs_value_put(asked->vol, &lister->eas);
    return err;
}

int ntfs_listxattr(struct shale_vnode *vn,
                   int (*emit)(void *context, const char *name, size_t len),
                   void *context)
{
    const struct ntfs_vnode *node = (const struct ntfs_vnode *)vn;
    struct ntfs_volume *vol = ntfs_volume_of(vn->fs);
    struct lister *lister = shale_zalloc(vol->fs->mem, sizeof *lister);
    int err;

    if (!lister)
        return SHALE_ENOMEM;
    lister->asked.vol = vol;
    lister->emit = emit;
    lister->context = context;
    err = ntfs_record_get(vol, NTFS_INO_RECORD(vn->ino),
                          &lister->asked.record);
    if (!err) {
        err = list_all(lister, node->info.has & NTFS_HAS(NTFS_EA));
        ntfs_record_put(vol, lister->asked.record);
    }
    shale_free(vol->fs->mem, lister, sizeof *lister);
    return err;
}

/* ------------------------------------------------------------- the extra */

static const struct ntfs_streams_ops streams = {
    .streams_options = ntfs_streams_options,
    .stream_load     = ntfs_streams_load,
    .stream_lookup   = ntfs_streams_lookup,
    .xattr_get       = ntfs_getxattr,
    .xattr_list      = ntfs_listxattr,
    .efs_size        = ntfs_efs_size,
    .efs_map         = ntfs_efs_map,
    .efs_decode      = ntfs_efs_decode,
};

static void streams_add(struct ntfs_extras *to)
{
    to->streams = &streams;
}

const struct shale_ntfs_extra shale_ntfs_streams = { streams_add };
