/*
 * meta.h - what the files on owners, links, streams and attributes call on
 * each other
 *
 *     special.c    what a file is, whose, and who may: puts it together
 *     reparse.c    ... by its reparse point;  target.c: where a link leads
 *     unix.c       ... by what Windows' Unixes left: ea.c, interix.c
 *     secure.c     its security descriptor;  acl.c: what that says;  sid.c: of
 *                  whom
 *     xattr.c      all of it as extended attributes of Linux, and streams.c
 */
#ifndef NTFS_META_H
#define NTFS_META_H

#include "ntfs.h"

/* ---------------------------------------------------------- special.c */

/* $STANDARD_INFORMATION of BASE; the part since NTFS 3.0 zero if not there. */
int ntfs_standard_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_disk_standard *out);
/* NTFS_FILE_... of it; 0 after an error. */
int ntfs_flags_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                   uint32_t *out);

/* ------------------------------------------------------------- text */

/* Where text goes: counted, and stored as far as there is room. */
struct ntfs_text {
    char *buf;
    size_t size;                /* 0: only count */
    size_t len;                 /* bytes so far, room or not */
};

void ntfs_text_put(struct ntfs_text *text, const char *bytes, size_t len);
/* COUNT units of UTF-16, on the volume, as UTF-8; with SLASHES each \ as /. */
void ntfs_text_put_units(struct ntfs_text *text, const uint8_t *units,
                         size_t count, bool slashes);

/* ----------------------------------------------------------- reparse.c */

/* Read that of BASE's file; *OUT is the caller's until close. Returns 1, or 0
   if it has none. */
int ntfs_reparse_open(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_reparse *out);
void ntfs_reparse_close(struct ntfs_volume *vol, struct ntfs_reparse *point);

/* What kind of file POINT makes of one; UNKNOWN: none, it stays what it is. */
enum shale_type ntfs_reparse_type(const struct ntfs_reparse *point);

/* The numbers of the device that POINT makes of a file, if it says them. */
bool ntfs_reparse_device(const struct ntfs_reparse *point, uint32_t *major,
                         uint32_t *minor);

/* The target of POINT, which makes a symlink of BASE's file, to OUT. */
int ntfs_reparse_target(struct ntfs_volume *vol, const struct ntfs_record *base,
                        const struct ntfs_reparse *point,
                        struct ntfs_text *out);

/* ------------------------------------------------------------ target.c */

/*
 * Where a target as Windows has it, COUNT units on the volume, leads for BASE's
 * file: relative to that. IS_RELATIVE is the symlink's own word for it.
 */
int ntfs_target_put(struct ntfs_volume *vol, const struct ntfs_record *base,
                    const uint8_t *units, size_t count, bool is_relative,
                    struct ntfs_text *out);

/*
 * Walk from directory *NUMBER along a path of Windows, COUNT units as on the
 * volume: 1 and where it leads, 0 if that is not there. Ends, with 1,
 * at the first thing on the way that has a reparse point.
 */
int ntfs_path_find(struct ntfs_volume *vol, const uint8_t *path, size_t count,
                   uint64_t *number);

/* ---------------------------------------------------------------- ea.c */

/* One extended attribute of OS/2's kind. */
struct ntfs_ea {
    const uint8_t *name;        /* ASCII, and not terminated */
    uint8_t name_length;
    const uint8_t *value;
    uint16_t value_length;
};

/* All of a file's, the caller's until ntfs_value_put(). 1, or 0: none. */
int ntfs_eas_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                 struct ntfs_value *out);

/* The one at *OFFSET (0 to begin with), which moves past it. 1, or 0 at the
   end, or SHALE_ECORRUPT, which the caller has to report. */
int ntfs_ea_next(const struct ntfs_value *eas, size_t *offset,
                 struct ntfs_ea *out);

/* What WSL keeps of a file. */
struct ntfs_wsl {
    bool has_uid, has_gid, has_mode, has_device;
    uint32_t uid, gid, mode, rdev_major, rdev_minor;
};

int ntfs_wsl_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                 struct ntfs_wsl *out);

/*
 * Attributes of Linux that WSL keeps as EAs: NAME's value as getxattr(), or
 * SHALE_ENODATA; and the names of all in EAS, but for those that were hidden
 * there.
 */
int64_t ntfs_wsl_getxattr(struct ntfs_volume *vol,
                          const struct ntfs_record *base, const char *name,
                          void *buf, size_t size);
void ntfs_wsl_hide(struct ntfs_value *eas, const char *name, size_t len);
int ntfs_wsl_list(const struct ntfs_value *eas,
                  int (*emit)(void *context, const char *name, size_t len),
                  void *context);

/* ------------------------------------------------ sid.c acl.c secure.c */

#define NTFS_SID_HEAD 8u
#define NTFS_SID_SUBS 15u
#define NTFS_SID_MAX (NTFS_SID_HEAD + 4 * NTFS_SID_SUBS)

struct ntfs_sids;               /* which user or group is who */

/* Bytes of the SID at BYTES, of which LEFT can be read; 0: that is none. */
size_t ntfs_sid_length(const uint8_t *bytes, size_t left);
/* Are two, both checked, the same? */
bool ntfs_sid_same(const uint8_t *a, const uint8_t *b);
/* Store "S-1-5-32-544", LEN bytes, in OUT. Returns its bytes; 0: it is none. */
size_t ntfs_sid_parse(const char *text, size_t len, uint8_t out[NTFS_SID_MAX]);

/*
 * Make a mapping by LEN bytes of TEXT, or without one (NULL) the usual one.
 * SHALE_EINVAL, not reported, if it is not as it should be.
 */
int ntfs_sids_load(struct shale_mem *mem, const char *text, size_t len,
                   struct ntfs_sids **out);
void ntfs_sids_free(struct shale_mem *mem, struct ntfs_sids *sids);
uint32_t ntfs_sids_user(const struct ntfs_sids *sids, const uint8_t *sid);
uint32_t ntfs_sids_group(const struct ntfs_sids *sids, const uint8_t *sid);

/* What a security descriptor says in terms of POSIX. */
struct ntfs_rights {
    uint32_t uid, gid;
    uint32_t mode;              /* the permissions */
};

/* Returns NULL, or which rule the LEN bytes of a descriptor break, and at
   which of them. */
const char *ntfs_acl_decode(const struct ntfs_sids *sids, const uint8_t *bytes,
                            size_t len, struct ntfs_rights *out, size_t *at);

/*
 * Are owner and permissions to be had from the descriptor? As with ntfs-3g any
 * of uid, gid and the masks, if given, keeps descriptors from being asked at
 * all, unless usermapping= is given too, which then counts alone.
 */
static inline bool ntfs_by_descriptor(const struct ntfs_options *options)
{
    return options->mapping ||
           (options->permissions && !options->uid_given &&
            !options->gid_given && !options->fmask_given &&
            !options->dmask_given);
}

/* ------------------------------------------------- streams.c and xattr.c */

/* Is this the first piece of a named stream of a file's data? */
static inline bool ntfs_streams_is_first(const struct ntfs_attr *attr)
{
    return attr->type == NTFS_DATA && attr->name_length > 0 &&
           (attr->resident || attr->first_vcn == 0);
}

/* The ordinal of the stream NAME, in which case matters. 1, or 0: none. */
int ntfs_streams_find(struct ntfs_volume *vol, const struct ntfs_record *base,
                      const uint16_t *name, size_t len, unsigned *ordinal);

/* The bytes of stream number ORDINAL, however it is stored; as getxattr(). */
int64_t ntfs_streams_value(struct ntfs_volume *vol,
                           const struct ntfs_record *base, unsigned ordinal,
                           void *buf, size_t size);

/* LEN bytes at VALUE as the answer of getxattr(). */
int64_t ntfs_answer(const void *value, size_t len, void *buf, size_t size);

/* ------------------------------------------------- sysattr.c and xattr.c */

/* An attribute of which file is asked for, and where it goes. */
struct ntfs_asked {
    struct ntfs_volume *vol;
    struct ntfs_record *record;
    void *buf;
    size_t size;
};

/* system.ntfs_NAME; SHALE_ENOTSUP if there is none of that name. */
int64_t ntfs_system_get(const struct ntfs_asked *asked, const char *name);

/* The same for $EFS, which has two names. */
int64_t ntfs_efs_get(const struct ntfs_asked *asked);

/* Does NAME begin with WORD? What follows in *REST. */
bool ntfs_begins(const char *name, const char *word, const char **rest);

#endif /* NTFS_META_H */
