/*
 * cpdeleted.c - shale cp --deleted: files that are gone, brought back
 *
 * All go into one directory, by their own names; a name that is taken gets the
 * record's number. What nobody wants is a file full of another's data: one of
 * which nothing is left is an error, one of which a part is lost a warning.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "copy.h"
#include "deleted.h"
#include "listing.h"

/* Is there a file called NAME where COPY copies to? */
static bool is_taken(const struct copy *copy, const char *name)
{
    struct stat st;

    return fstatat(copy->base, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * What FILE's copy is called: WANT, as is the first that has no other name, or
 * else after FILE; to be freed.
 */
static char *name_of(const struct copy *copy, const struct deleted_file *file,
                     const char *want, bool first)
{
    char *name, *other;

    if (want && first)
        return xstrdup(want);
    name = want ? xstrdup(want)
         : listing_name_sane(file->name, strlen(file->name))
               ? xstrdup(file->name) : xstrdup("record");
    if ((want || *file->name) && !is_taken(copy, name))
        return name;
    other = xmalloc(strlen(name) + 24);
    sprintf(other, "%s.%" PRIu64, name, file->record);
    free(name);
    return other;
}

/* Is FILE worth a copy? Says so if not, or not quite. */
static bool is_worth(struct volume *vol, const struct deleted_file *file)
{
    char text[128];

    if (file->lost == 0)
        return true;
    if (file->lost >= file->allocated) {
        volume_fail_text(vol, file->path, "its space is used by others now; "
                         "left out");
        return false;
    }
    if (!vol->quiet) {
        char *shown = print_escaped(file->path, strlen(file->path));

        snprintf(text, sizeof text, "%" PRIu64 " of the %" PRIu64 " bytes that "
                 "it took are others' by now", file->lost, file->allocated);
        report("%s: warning: %s: %s", vol->name, shown, text);
        free(shown);
    }
    return true;
}

static void copy_one(struct copy *copy, const struct deleted_file *file,
                     const char *want, bool first)
{
    struct shale_vnode *vn;
    char *name;
    int err;

    if (!is_worth(copy->vol, file))
        return;
    copy->vol->image->fault[0] = '\0';
    err = shale_vnode_get(copy->vol->fs, file->ino, &vn);
    if (err) {
        volume_fail(copy->vol, file->path, err);
        return;
    }
    name = name_of(copy, file, want, first);
    copy->name = name;
    copy_tree(copy, vn, file->path);
    copy->name = NULL;
    free(name);
}

/* Copy what WHAT means: a number, a file, or all that was below a directory. */
static void copy_matching(struct copy *copy, const struct deleted *all,
                          const char *what, const char *name)
{
    bool some = false, exact;

    for (size_t i = 0; i < all->count; i++) {
        if (!deleted_matches(&all->files[i], what, &exact))
            continue;
        if (all->files[i].type == SHALE_TYPE_DIR)
            continue;           /* nothing is in it but what has been found */
        if (name && !exact) {
            volume_fail_text(copy->vol, what, "may be several files, and the "
                             "destination is not a directory");
            return;
        }
        copy_one(copy, &all->files[i], name, !some);
        some = true;
    }
    if (!some)
        volume_fail_text(copy->vol, what, "no deleted file of that name or "
                         "number is known");
}

void deleted_copy(struct copy *copy, const char *name)
{
    struct deleted all;

    if (!deleted_load(copy->vol, &all))
        return;
    for (size_t i = 0; i < all.wanted_count; i++)
        copy_matching(copy, &all, all.wanted[i], name);
    deleted_free(&all);
}
