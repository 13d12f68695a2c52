/*
 * each.c - doing something to files of a volume, or to trees of them
 */
#include "each.h"
#include "walk.h"

/* All that is below directory VN, a reference that is put. */
static void below(struct volume *vol, struct shale_vnode *vn, const char *path,
                  void (*do_it)(void *context, struct shale_vnode *vn,
                                const char *path),
                  void *context)
{
    enum walk_step step;
    struct walk walk;

    walk_init(&walk, vol, LISTING_HIDDEN, vn, path);
    while ((step = walk_next(&walk)) != WALK_END) {
        struct shale_vnode *file;
        int err;

        if (step != WALK_ENTRY)
            continue;
        err = shale_vnode_get(vol->fs, walk.entry->ino, &file);
        if (err) {
            volume_fail(vol, walk.path, err);
            continue;
        }
        do_it(context, file, walk.path);
        shale_vnode_put(file);
    }
    walk_fini(&walk);
}

void each_file(struct volume *vol, const char *path, unsigned flags,
               void (*do_it)(void *context, struct shale_vnode *vn,
                             const char *path),
               void *context)
{
    struct shale_vnode *vn;

    path = *path ? path : "/";
    vn = volume_walk(vol, path,
                     flags & EACH_NOFOLLOW ? SHALE_WALK_NOFOLLOW : 0);
    if (!vn)
        return;
    do_it(context, vn, path);
    if ((flags & EACH_RECURSE) && shale_vnode_type(vn) == SHALE_TYPE_DIR)
        below(vol, vn, path, do_it, context);
    else
        shale_vnode_put(vn);
}
