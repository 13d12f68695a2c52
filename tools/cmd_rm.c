/*
 * cmd_rm.c - shale rm: remove files and trees from an image
 *
 * A tree is walked with an explicit stack (walk.h): each file goes as it is
 * met, each directory when it is left. A directory is listed before anything
 * in it goes, so nothing is skipped.
 */
#include <stdlib.h>
#include <string.h>

#include "tools.h"
#include "walk.h"

struct rm {
    struct volume vol;
    bool recurse, force, verbose;
};

static void told(const struct rm *rm, const char *path)
{
    if (!rm->verbose)
        return;
    print_name(stdout, path, strlen(path));
    putchar('\n');
}

/* Remove NAME from DIR, PATH's last part; IS_DIR says which call that takes. */
static void remove_name(struct rm *rm, const char *path,
                        struct shale_vnode *dir, const char *name, size_t len,
                        bool is_dir)
{
    int err;

    rm->vol.image->fault[0] = '\0';     /* of whatever came before */
    err = is_dir ? shale_rmdir(dir, name, len) : shale_unlink(dir, name, len);
    if (err)
        volume_fail(&rm->vol, path, err);
    else
        told(rm, path);
}

/* Remove entry NAME of the directory numbered PARENT. */
static void remove_below(struct rm *rm, const char *path, uint64_t parent,
                         const char *name, size_t len, bool is_dir)
{
    struct shale_vnode *dir;
    int err = shale_vnode_get(rm->vol.fs, parent, &dir);

    if (err) {
        volume_fail(&rm->vol, path, err);
        return;
    }
    remove_name(rm, path, dir, name, len, is_dir);
    shale_vnode_put(dir);
}

/* Remove all that is in directory VN, a reference that is put, at PATH. */
static void empty(struct rm *rm, struct shale_vnode *vn, const char *path)
{
    enum walk_step step;
    struct walk walk;

    walk_init(&walk, &rm->vol, LISTING_ATTR | LISTING_HIDDEN, vn, path);
    while ((step = walk_next(&walk)) != WALK_END) {
        const struct walk_level *level = walk_top(&walk);
        const struct listing_entry *entry;

        if (step == WALK_ENTRY) {
            entry = walk.entry;
            if (entry->type != SHALE_TYPE_DIR)
                remove_below(rm, walk.path, level->ino, entry->name,
                             entry->len, false);
        } else if (step == WALK_LEAVE && walk.depth > 1) {
            const struct walk_level *above = level - 1;

            entry = &above->listing.entries[above->next - 1];
            remove_below(rm, walk.path, above->ino, entry->name, entry->len,
                         true);
        }
    }
    walk_fini(&walk);
}

static void remove_path(struct rm *rm, const char *path)
{
    struct shale_vnode *dir, *vn;
    const char *name;
    size_t len;
    bool is_dir;
    int err;

    rm->vol.image->fault[0] = '\0';
    err = shale_walk_parent(rm->vol.fs, path, &dir, &name, &len);
    if (err == SHALE_EBUSY) {
        volume_fail_text(&rm->vol, *path ? path : "/",
                         "not a name that can be removed");
        return;
    }
    if (!err) {
        err = shale_lookup(dir, name, len, &vn);
        if (err)
            shale_vnode_put(dir);
    }
    if (err) {
        if (err != SHALE_ENOENT || !rm->force)
            volume_fail(&rm->vol, path, err);
        return;
    }

    is_dir = shale_vnode_type(vn) == SHALE_TYPE_DIR;
    if (!is_dir && path_wants_dir(path)) {
        volume_fail(&rm->vol, path, SHALE_ENOTDIR);
        shale_vnode_put(vn);
    } else if (is_dir && !rm->recurse) {
        volume_fail_text(&rm->vol, path, "a directory; removed with -r only");
        shale_vnode_put(vn);
    } else {
        if (is_dir)
            empty(rm, vn, path);
        else
            shale_vnode_put(vn);
        remove_name(rm, path, dir, name, len, is_dir);
    }
    shale_vnode_put(dir);
}

static const struct command_option options_rm[] = {
    { 'r', "recursive", NULL, "remove directories with all that is in them" },
    { 'R', NULL, NULL, "the same" },
    { 'f', "force", NULL, "what is not there is no error" },
    { 'v', "verbose", NULL, "print each file's name" },
    { 0, NULL, NULL, NULL },
};

static int cmd_rm(int argc, char **argv)
{
    struct rm rm = { .recurse = false };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_rm, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        if (letter == 'f')
            rm.force = true;
        else if (letter == 'v')
            rm.verbose = true;
        else
            rm.recurse = true;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open_write(&rm.vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    for (int i = 0; i < rm.vol.path_count; i++)
        remove_path(&rm, rm.vol.paths[i]);
    return finish_output(volume_close(&rm.vol));
}

const struct command command_rm = {
    .name     = "rm",
    .run      = cmd_rm,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "remove files and trees",
    .options  = options_rm,
    .image    = true,
};
