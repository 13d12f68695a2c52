/*
 * cmd_ln.c - shale ln: more names for files in an image, and symlinks
 */
#include <string.h>

#include "tools.h"

struct ln {
    struct volume vol;
    bool force;
    const char *target;         /* -s: what the symlink says */
};

/* Enter what is asked for in DIR as NAME. */
static int make(struct ln *ln, struct shale_vnode *vn, struct shale_vnode *dir,
                const char *name, size_t len)
{
    const struct shale_node node = {
        .mode = SHALE_S_IFLNK | 0777,
        .target = ln->target,
        .target_len = ln->target ? strlen(ln->target) : 0,
    };

    if (vn)
        return shale_link(vn, dir, name, len);
    return shale_create(dir, name, len, &node, NULL);
}

/* The same in place of NAME, which goes only when that has been made. */
static int make_over(struct ln *ln, struct shale_vnode *vn,
                     struct shale_vnode *dir, const char *name, size_t len)
{
    char spare[VOLUME_SPARE_NAME];
    int err = volume_spare_name(dir, spare);

    if (!err)
        err = make(ln, vn, dir, spare, strlen(spare));
    if (err)
        return err;
    err = shale_rename(dir, spare, strlen(spare), dir, name, len, 0);
    if (err)
        shale_unlink(dir, spare, strlen(spare));
    return err;
}

/* The same at PATH, in place of what is there if that was asked for. */
static void make_at(struct ln *ln, struct shale_vnode *vn,
                    struct shale_vnode *dir, const char *name, size_t len,
                    const char *path)
{
    struct shale_vnode *there = NULL;
    int err = make(ln, vn, dir, name, len);

    if (err == SHALE_EEXIST && ln->force &&
        shale_lookup(dir, name, len, &there) == 0 && there != vn) {
        err = make_over(ln, vn, dir, name, len);
    } else if (err == SHALE_EEXIST && there) {
        err = 0;                /* it is that file already */
    }
    shale_vnode_put(there);
    if (err == SHALE_ENOTSUP)
        volume_fail_text(&ln->vol, path, vn
                         ? "a file of this volume has one name only"
                         : "this volume cannot have symbolic links");
    else if (err == SHALE_EPERM && vn &&
             shale_vnode_type(vn) == SHALE_TYPE_DIR)
        volume_fail_text(&ln->vol, path, "a directory has one name only");
    else if (err)
        volume_fail_new(&ln->vol, path, err);
}

/*
 * Make a name for VN, or the symlink: in DEST under the last name of FROM if
 * that is a directory, else DEST itself.
 */
static void place(struct ln *ln, struct shale_vnode *vn, const char *from,
                  const char *dest)
{
    const char *name, *end = from + strlen(from);
    struct shale_vnode *dir = NULL;
    size_t len;

    if (shale_walk(ln->vol.fs, NULL, dest, 0, &dir) == 0 &&
        shale_vnode_type(dir) == SHALE_TYPE_DIR) {
        while (end > from && end[-1] == '/')
            end--;
        for (name = end; name > from && name[-1] != '/'; name--)
            ;
        len = (size_t)(end - name);
        make_at(ln, vn, dir, name, len, dest);
        shale_vnode_put(dir);
        return;
    }
    shale_vnode_put(dir);
    dir = volume_parent(&ln->vol, dest, &name, &len);
    if (!dir)
        return;
    if (path_wants_dir(dest))
        volume_fail(&ln->vol, dest, SHALE_ENOTDIR);
    else
        make_at(ln, vn, dir, name, len, dest);
    shale_vnode_put(dir);
}

/* Hard links: all paths but the last are files, the last is where to. */
static void link_all(struct ln *ln)
{
    const char *const *paths = ln->vol.paths;
    int last = ln->vol.path_count - 1;
    struct shale_vnode *dir;
    bool is_dir;

    if (last > 1) {
        dir = volume_walk(&ln->vol, paths[last], 0);
        is_dir = dir && shale_vnode_type(dir) == SHALE_TYPE_DIR;
        if (dir && !is_dir)
            volume_fail(&ln->vol, paths[last], SHALE_ENOTDIR);
        shale_vnode_put(dir);
        if (!is_dir)
            return;
    }
    for (int i = 0; i < last; i++) {
        struct shale_vnode *vn = volume_walk(&ln->vol, paths[i],
                                             SHALE_WALK_NOFOLLOW);

        if (vn)
            place(ln, vn, paths[i], paths[last]);
        shale_vnode_put(vn);
    }
}

static const struct command_option options_ln[] = {
    { 's', "symbolic", NULL, "a symlink, be there such a TARGET or not" },
    { 'f', "force", NULL, "in place of a file that has the name" },
    { 0, NULL, NULL, NULL },
};

static int cmd_ln(int argc, char **argv)
{
    struct ln ln = { .force = false };
    struct options options;
    bool symbolic = false;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_ln, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        if (letter == 's')
            symbolic = true;
        else
            ln.force = true;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    if (count < 2)
        return options_complain(&options, "a link to what, where?");
    if (symbolic && !*operands[0])
        return options_complain(&options, "a symlink to nothing");
    if (symbolic)
        ln.target = operands[0];
    status = volume_open_write(&ln.vol, &options, operands + symbolic,
                               count - symbolic, NULL);
    if (status != STATUS_OK)
        return status;

    if (ln.vol.path_count != 1 + !symbolic &&
        (symbolic || ln.vol.path_count < 2)) {
        volume_fail_text(&ln.vol, NULL, symbolic ? "one symlink at a time"
                                                 : "which name?");
        ln.vol.status = STATUS_USAGE;
    } else if (symbolic) {
        place(&ln, NULL, ln.target, ln.vol.paths[0]);
    } else {
        link_all(&ln);
    }
    return volume_close(&ln.vol);
}

const struct command command_ln = {
    .name     = "ln",
    .run      = cmd_ln,
    .operands = "IMAGE:PATH [PATH...] DEST | -s TARGET IMAGE:DEST",
    .summary  = "give files more names, or make symlinks",
    .details  =
        "DEST is a directory of the image, or the new name. TARGET is what "
        "the\n"
        "symlink says, a path in the image.\n",
    .options  = options_ln,
    .image    = true,
};
