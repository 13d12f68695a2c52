/*
 * target.c - where a link of Windows leads, in terms of this mount
 *
 * Windows' links name their target by a path of its own, with backslashes and
 * drive letters. A volume does not know where it is mounted, here as little as
 * there; so what leads to the volume itself becomes relative to the link:
 *
 *     a\b                    a/b
 *     \a\b                   ../a/b, with one ".." for each directory that the
 *                            link is in; but not \Device\...
 *     \??\C:\a\b             the same, if there is such a file (or directory,
 *                            as the link is one): which letter a volume has is
 *                            not on it, so any is taken for its own
 *     otherwise, and         ../.NTFS-3G/C:/a/b
 *     \??\Volume{...}\       ../.NTFS-3G/Volume{...}
 *     \??\UNC\server\share   ../.NTFS-3G/UNC/server/share
 *
 * So what is not on the volume can still be read off the link; and as with
 * ntfs-3g, from which the name is, a directory .NTFS-3G in the root may hold
 * links called C: that lead to where the other volumes are.
 *
 * A file with several names counts as being where the first of them is.
 */
#include "index.h"
#include "memfn.h"
#include "meta.h"
#include "utf16.h"

#define DEPTH_MAX 1024u         /* of directories: no path is longer */
#define STEPS_MAX 256u          /* names of a target that are followed */
#define CHUNK 64u               /* units converted at once */

static const char elsewhere[] = ".NTFS-3G/";

/* ---------------------------------------------------------------- text */

void ntfs_text_put(struct ntfs_text *text, const char *bytes, size_t len)
{
    if (len > 0 && text->len <= text->size && len <= text->size - text->len)
        memcpy(text->buf + text->len, bytes, len);
    text->len += len;
}

static void put_word(struct ntfs_text *text, const char *word)
{
    size_t len = 0;

    while (word[len])
        len++;
    ntfs_text_put(text, word, len);
}

static uint16_t unit_at(const uint8_t *units, size_t i)
{
    return le16_load(units + 2 * i);
}

void ntfs_text_put_units(struct ntfs_text *text, const uint8_t *units,
                         size_t count, bool slashes)
{
    uint16_t chunk[CHUNK];
    char bytes[3 * CHUNK];

    for (size_t at = 0; at < count;) {
        size_t n = 0;

        while (n < CHUNK && at + n < count) {
            uint16_t unit = unit_at(units, at + n);

            /* A pair of surrogates stays in one chunk. */
            if (n == CHUNK - 1 && (unit & 0xfc00) == 0xd800)
                break;
            chunk[n++] = slashes && unit == '\\' ? '/' : unit;
        }
        at += n;
        ntfs_text_put(text, bytes, utf16_to_utf8(chunk, n, bytes));
    }
}

/* --------------------------------------------------------------- depth */

/* How many directories BASE's file is in, the root not counted. One that has
   been deleted is as deep as its directories can still be told. */
static int depth_of(struct ntfs_volume *vol, const struct ntfs_record *base,
                    unsigned *depth)
{
    uint64_t parent;
    int err = ntfs_parent_find(vol, base, &parent);

    *depth = 0;
    while (!err && parent != 0 && NTFS_REFERENCE_NUMBER(parent) != NTFS_ROOT) {
        struct ntfs_record *record;

        err = ntfs_record_by_reference(vol, parent, &record);
        if (err)
            return err == SHALE_ESTALE ? 0 : err;
        if (++*depth > DEPTH_MAX)
            err = shale_corrupt_inode(vol->fs,
                                      "ntfs: directories without a root",
                                      base->at, base->number);
        else
            err = ntfs_parent_find(vol, record, &parent);
        ntfs_record_put(vol, record);
    }
    return err;
}

/* The way from BASE's file to the root. What follows begins with a name; with
   LAST nothing does. */
static int put_up(struct ntfs_volume *vol, const struct ntfs_record *base,
                  bool last, struct ntfs_text *out)
{
    unsigned depth;
    int err = depth_of(vol, base, &depth);

    if (err)
        return err;
    if (last && depth == 0)
        put_word(out, ".");
    for (unsigned i = 0; i < depth; i++)
        put_word(out, last && i + 1 == depth ? ".." : "../");
    return 0;
}

/* ---------------------------------------------------------- on the volume */

/* Take the next name of a path from *AT on: its length; 0 at the end. */
static size_t take_name(const uint8_t *path, size_t count, size_t *at,
                        size_t *begin)
{
    size_t i = *at;

    while (i < count && unit_at(path, i) == '\\')
        i++;
    *begin = i;
    while (i < count && unit_at(path, i) != '\\')
        i++;
    *at = i;
    return i - *begin;
}

/* A step of a walk. */
struct step {
    uint64_t reference;
    bool is_directory, is_link;
};

/* What is at STEP; if that is a directory and no link, on to its NAME, unless
   that is none (LEN). */
static int step_on(struct ntfs_volume *vol, struct step *step,
                   const uint8_t *name, size_t len)
{
    struct ntfs_record *record;
    uint32_t flags;
    int err = ntfs_record_by_reference(vol, step->reference, &record);

    if (err)
        return err;
    err = ntfs_flags_get(vol, record, &flags);
    step->is_directory = record->flags & NTFS_RECORD_DIRECTORY;
    step->is_link = flags & NTFS_FILE_REPARSE;
    if (!err && len > 0 && step->is_directory && !step->is_link)
        err = ntfs_name_find_in(vol, record, name, len, &step->reference);
    ntfs_record_put(vol, record);
    return err;
}

/*
 * Walk from STEP, a directory, along PATH. Returns 1 with where it ends in
 * *STEP, or 0. What is behind a link is for that to say: *BEHIND is then true.
 */
static int walk(struct ntfs_volume *vol, const uint8_t *path, size_t count,
                struct step *step, bool *behind)
{
    size_t at = 0, begin, len;

    *behind = false;
    for (unsigned steps = 0; steps <= STEPS_MAX; steps++) {
        int err;

        len = take_name(path, count, &at, &begin);
        err = step_on(vol, step, path + 2 * begin, len);
        if (err)
            return err == SHALE_ENOENT || err == SHALE_ESTALE ? 0 : err;
        if (len == 0)
            return 1;
        *behind = step->is_link;
        if (step->is_link || !step->is_directory)
            return step->is_link;
    }
    return 0;
}

int ntfs_path_find(struct ntfs_volume *vol, const uint8_t *path, size_t count,
                   uint64_t *number)
{
    struct step step = { .reference = *number };
    bool behind;
    int found = walk(vol, path, count, &step, &behind);

    *number = NTFS_REFERENCE_NUMBER(step.reference);
    return found;
}

/* Is the path of COUNT units from the volume's root one of such a kind as
   BASE's file, a directory or none? 1 or 0. */
static int is_here(struct ntfs_volume *vol, const struct ntfs_record *base,
                   const uint8_t *units, size_t count)
{
    struct step step = { .reference = NTFS_ROOT };
    bool wants_directory = base->flags & NTFS_RECORD_DIRECTORY, behind;
    int found;

    if (count == 0)
        return 0;               /* some volume's root, likely another's */
    found = walk(vol, units, count, &step, &behind);
    if (found <= 0)
        return found;
    return behind || step.is_directory == wants_directory;
}

/* -------------------------------------------------------------- targets */

/* What is left of a target. */
struct rest {
    const uint8_t *units;
    size_t count;
};

static void rest_skip(struct rest *rest, size_t count)
{
    rest->units += 2 * count;
    rest->count -= count;
}

static bool begins(const struct rest *rest, const char *word)
{
    size_t i = 0;

    for (; word[i]; i++)
        if (i >= rest->count || unit_at(rest->units, i) != (uint8_t)word[i])
            return false;
    return true;
}

/* "C:", or "C:\" and on. */
static bool has_letter(const struct rest *rest)
{
    uint16_t letter = rest->count > 0 ? unit_at(rest->units, 0) | 0x20 : 0;

    return rest->count >= 2 && letter >= 'a' && letter <= 'z' &&
           unit_at(rest->units, 1) == ':' &&
           (rest->count == 2 || unit_at(rest->units, 2) == '\\');
}

static void skip_slashes(struct rest *rest)
{
    while (rest->count > 0 && unit_at(rest->units, 0) == '\\')
        rest_skip(rest, 1);
}

/* REST is a path from the volume's root. */
static int put_here(struct ntfs_volume *vol, const struct ntfs_record *base,
                    struct rest rest, struct ntfs_text *out)
{
    int err;

    skip_slashes(&rest);
    err = put_up(vol, base, rest.count == 0, out);
    if (!err)
        ntfs_text_put_units(out, rest.units, rest.count, true);
    return err;
}

/* REST is a path of Windows that is not of this volume. */
static int put_elsewhere(struct ntfs_volume *vol,
                         const struct ntfs_record *base, struct rest rest,
                         struct ntfs_text *out)
{
    bool is_unc = begins(&rest, "\\\\");
    int err = put_up(vol, base, false, out);

    if (err)
        return err;
    skip_slashes(&rest);
    if (begins(&rest, "Volume{") && unit_at(rest.units, rest.count - 1) == '\\')
        rest.count--;
    put_word(out, elsewhere);
    if (is_unc)
        put_word(out, "UNC/");
    ntfs_text_put_units(out, rest.units, rest.count, true);
    return 0;
}

int ntfs_target_put(struct ntfs_volume *vol, const struct ntfs_record *base,
                    const uint8_t *units, size_t count, bool is_relative,
                    struct ntfs_text *out)
{
    struct rest rest = { units, count };
    struct rest path;
    int here;

    if (is_relative && !begins(&rest, "\\") && !has_letter(&rest)) {
        ntfs_text_put_units(out, units, count, true);
        return 0;
    }
    if (begins(&rest, "\\??\\") || begins(&rest, "\\\\?\\"))
        rest_skip(&rest, 4);
    else if (begins(&rest, "\\") && !begins(&rest, "\\\\") &&
             !begins(&rest, "\\Device\\"))
        return put_here(vol, base, rest, out);
    if (!has_letter(&rest))
        return put_elsewhere(vol, base, rest, out);

    path = rest;
    rest_skip(&path, 2);
    skip_slashes(&path);
    here = is_here(vol, base, path.units, path.count);
    if (here < 0)
        return here;
    return here ? put_here(vol, base, path, out) :
        put_elsewhere(vol, base, rest, out);
}
