/*
 * options.c - mount options, named as those of ntfs-3g where it has them
 *
 * Of umask, fmask and dmask the one given last counts, umask being both others.
 * hide_dot_files is taken, and means nothing: it is about files that are made.
 */
#include "extras.h"

#define CLUSTER_MIN 256u
#define CLUSTER_MAX (2u << 20)
#define MODE_MAX    07777u

const char *const ntfs_option_names[] = {
    "uid", "gid", "umask", "fmask", "dmask", "permissions", "usermapping",
    "streams_interface", "efs_raw", "ignore_case", "case_sensitive",
    "recover", "norecover", "show_sys_files", "hide_hid_files",
    "hide_dot_files", "mft", "cluster", "owner_uid", "owner_gid", NULL,
};

/* An option has a value that it cannot have; WANT says which it can. */
static int bad_value(struct shale_fs *fs, const char *what, const char *want)
{
    return shale_fail(fs, SHALE_EINVAL, what, want, SHALE_NOWHERE);
}

/* Where option NAME is given last, to tell which of two was later; NULL if it
   is not. One without a value has none. */
static const char *place_of(const struct shale_fs *fs, const char *name)
{
    const char *text;
    size_t len;

    return shale_option_text(fs, name, &text, &len) == 1 ? text : NULL;
}

static bool is_given(const struct shale_fs *fs, const char *name)
{
    return place_of(fs, name) != NULL;
}

/* Are the LEN bytes at TEXT the terminated WORD? */
static bool is_word(const char *text, size_t len, const char *word)
{
    size_t i = 0;

    while (i < len && word[i] && text[i] == word[i])
        i++;
    return i == len && !word[i];
}

/* --------------------------------------------------------- owners, modes */

/* 1 if option NAME is given, with the id it says in *OUT. */
static int id_get(struct shale_fs *fs, const char *name, const char *what,
                  uint32_t *out)
{
    uint64_t value = 0;
    int found = shale_option(fs, name, &value);

    if (found < 0 || value >= UINT32_MAX)
        return bad_value(fs, what, "a number");
    if (found == 1)
        *out = (uint32_t)value;
    return found;
}

/* The owner that the host says files have that have none, then the user's. */
static int ids_load(struct shale_fs *fs, struct ntfs_options *out)
{
    int uid = id_get(fs, "owner_uid", "ntfs: option owner_uid", &out->uid);
    int gid = id_get(fs, "owner_gid", "ntfs: option owner_gid", &out->gid);

    if (uid >= 0 && gid >= 0) {
        uid = id_get(fs, "uid", "ntfs: option uid", &out->uid);
        gid = id_get(fs, "gid", "ntfs: option gid", &out->gid);
    }
    out->uid_given = uid == 1;
    out->gid_given = gid == 1;
    return uid < 0 ? uid : gid < 0 ? gid : 0;
}

/* A mask is octal. 1 if it is given. */
static int mask_get(struct shale_fs *fs, const char *name, uint32_t *out)
{
    const char *text;
    size_t len;
    uint32_t mask = 0;

    if (shale_option_text(fs, name, &text, &len) != 1)
        return 0;
    if (len == 0)
        return bad_value(fs, "ntfs: an option for a mask", "octal digits");
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '7' || mask > MODE_MAX)
            return bad_value(fs, "ntfs: an option for a mask", "octal digits");
        mask = mask * 8 + (uint32_t)(text[i] - '0');
    }
    if (mask > MODE_MAX)
        return bad_value(fs, "ntfs: an option for a mask", "octal, to 7777");
    *out = mask;
    return 1;
}

/* The mask called NAME, or umask if that comes later. */
static int mask_load(struct shale_fs *fs, const char *name, uint32_t *out,
                     bool *given)
{
    uint32_t own = 0, both = 0;
    int has_own = mask_get(fs, name, &own);
    int has_both = mask_get(fs, "umask", &both);

    if (has_own < 0)
        return has_own;
    if (has_both < 0)
        return has_both;
    if (has_both && has_own)
        has_both = place_of(fs, "umask") > place_of(fs, name);
    *given = has_own || has_both;
    *out = has_both ? both : own;
    return 0;
}

static int owners_load(struct shale_fs *fs, struct ntfs_options *out)
{
    int err = ids_load(fs, out);

    if (!err)
        err = mask_load(fs, "fmask", &out->fmask, &out->fmask_given);
    if (!err)
        err = mask_load(fs, "dmask", &out->dmask, &out->dmask_given);
    return err;
}

void ntfs_owners_options(struct shale_fs *fs, struct ntfs_options *out)
{
    const char *text;
    size_t len;

    out->permissions = is_given(fs, "permissions");
    if (shale_option_text(fs, "usermapping", &text, &len) != 1)
        return;
    out->mapping = text;
    out->mapping_length = len;
    out->permissions = true;
}

/* ---------------------------------------------------------------- the rest */

int ntfs_streams_options(struct shale_fs *fs, struct ntfs_options *out)
{
    const char *text;
    size_t len;

    out->efs_raw = is_given(fs, "efs_raw");
    out->streams = NTFS_STREAMS_XATTR;
    if (shale_option_text(fs, "streams_interface", &text, &len) != 1 ||
        is_word(text, len, "xattr") || is_word(text, len, "user_xattr"))
        return 0;
    if (is_word(text, len, "none"))
        out->streams = NTFS_STREAMS_NONE;
    else if (is_word(text, len, "windows"))
        out->streams = NTFS_STREAMS_WINDOWS;
    else
        return bad_value(fs, "ntfs: option streams_interface",
                         "one of none, xattr, windows");
    return 0;
}

static int place_load(struct shale_fs *fs, struct ntfs_options *out)
{
    uint64_t size = 0;
    int has_mft = shale_option(fs, "mft", &out->mft_lcn);
    int has_cluster = shale_option(fs, "cluster", &size);

    if (has_mft < 0 || (has_mft && out->mft_lcn == 0))
        return bad_value(fs, "ntfs: option mft",
                         "the number of the cluster that the MFT begins at");
    if (has_cluster < 0 ||
        (has_cluster && (size < CLUSTER_MIN || size > CLUSTER_MAX ||
                         (size & (size - 1)) != 0)))
        return bad_value(fs, "ntfs: option cluster", "the bytes of a cluster, "
                         "a power of two from 256 to 2097152");
    out->cluster_size = (uint32_t)size;
    return 0;
}

/* ------------------------------------------------------ options of extras */

/* Is option NAME given, and what it is of not there (EXTRA)? */
static int missing(struct shale_fs *fs, const char *name, const void *extra)
{
    return extra || !is_given(fs, name) ? 0 :
        shale_fail(fs, SHALE_ENOTSUP, "ntfs: a mount option for what this "
                   "program has not named", name, SHALE_NOWHERE);
}

static int extras_check(struct shale_fs *fs, const struct ntfs_extras *extras)
{
    int err = missing(fs, "permissions", extras->owners);

    if (!err)
        err = missing(fs, "usermapping", extras->owners);
    if (!err)
        err = missing(fs, "streams_interface", extras->streams);
    if (!err)
        err = missing(fs, "efs_raw", extras->streams);
    if (!err)
        err = missing(fs, "recover", extras->recovery);
    return err;
}

int ntfs_options_load(struct shale_fs *fs, const struct ntfs_extras *extras,
                      struct ntfs_options *out)
{
    int err = extras_check(fs, extras);

    if (err)
        return err;
    *out = (struct ntfs_options){
        .case_sensitive = is_given(fs, "case_sensitive") &&
                          !is_given(fs, "ignore_case"),
        .recover = is_given(fs, "recover") && !is_given(fs, "norecover"),
        .show_system = is_given(fs, "show_sys_files"),
        .hide_hidden = is_given(fs, "hide_hid_files"),
    };
    if (extras->owners)
        extras->owners->owners_options(fs, out);
    err = owners_load(fs, out);
    if (!err && extras->streams)
        err = extras->streams->streams_options(fs, out);
    if (!err)
        err = place_load(fs, out);
    return err;
}
