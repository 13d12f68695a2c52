/*
 * cmd_mv.c - shale mv: rename and move inside an image
 *
 * The last path is the destination, as for mv(1): a directory to move into, or
 * the new name.
 */
#include <stdlib.h>
#include <string.h>

#include "tools.h"

struct mv {
    struct volume vol;
    bool no_clobber, verbose;
    struct shale_vnode *dest;   /* the directory to move into */
    const char *dest_path;
    const char *dest_name;      /* the new name there; NULL: the old one */
    size_t dest_len;
};

/* Is the only source what is at DEST already, under a name of other case? */
static bool is_source(struct mv *mv, struct shale_vnode *dest)
{
    struct shale_vnode *vn;
    bool same;

    if (mv->vol.path_count != 2 ||
        shale_walk(mv->vol.fs, NULL, mv->vol.paths[0], SHALE_WALK_NOFOLLOW,
                   &vn) != 0)
        return false;
    same = shale_vnode_ino(vn) == shale_vnode_ino(dest);
    shale_vnode_put(vn);
    return same;
}

/* Find out what the last path is. False: told why it is nothing. */
static bool find_dest(struct mv *mv)
{
    const char *path = mv->vol.paths[mv->vol.path_count - 1];
    struct shale_vnode *vn;
    int err;

    mv->dest_path = *path ? path : "/";
    err = shale_walk(mv->vol.fs, NULL, mv->dest_path, 0, &vn);
    if (!err && shale_vnode_type(vn) == SHALE_TYPE_DIR && !is_source(mv, vn)) {
        mv->dest = vn;
        return true;
    }
    if (!err)
        shale_vnode_put(vn);
    if (mv->vol.path_count > 2) {
        volume_fail_text(&mv->vol, mv->dest_path, "not a directory, and there "
                         "are several files to move");
        return false;
    }
    mv->dest = volume_parent(&mv->vol, mv->dest_path, &mv->dest_name,
                             &mv->dest_len);
    return mv->dest != NULL;
}

/* Would NAME of FROM go below itself? */
static bool below_itself(struct mv *mv, struct shale_vnode *from,
                         const char *name, size_t len)
{
    uint64_t root = shale_root_ino(mv->vol.fs), moved;
    struct shale_vnode *at = mv->dest, *vn;
    bool found;

    if (shale_lookup(from, name, len, &vn) != 0)
        return false;
    moved = shale_vnode_ino(vn);
    shale_vnode_put(vn);
    shale_vnode_ref(at);
    while (!(found = shale_vnode_ino(at) == moved) &&
           shale_vnode_ino(at) != root &&
           shale_lookup(at, "..", 2, &vn) == 0) {
        shale_vnode_put(at);
        at = vn;
    }
    shale_vnode_put(at);
    return found;
}

/* Is NAME of FROM a directory? Returns 1, 0 or an error. */
static int is_dir(struct shale_vnode *from, const char *name, size_t len)
{
    struct shale_vnode *vn;
    int err = shale_lookup(from, name, len, &vn), found;

    if (err)
        return err;
    found = shale_vnode_type(vn) == SHALE_TYPE_DIR;
    shale_vnode_put(vn);
    return found;
}

/*
 * Is there a '/' at the end of PATH, or of the new name that NAME of FROM is to
 * get, and NAME is no directory? Told if so.
 */
static bool slash_forbids(struct mv *mv, const char *path,
                          struct shale_vnode *from, const char *name,
                          size_t len)
{
    const char *wanted = path_wants_dir(path) ? path
                       : mv->dest_name && path_wants_dir(mv->dest_path)
                             ? mv->dest_path : NULL;

    if (!wanted || is_dir(from, name, len) != 0)
        return false;
    volume_fail(&mv->vol, wanted, SHALE_ENOTDIR);
    return true;
}

static void move(struct mv *mv, const char *path)
{
    struct volume *vol = &mv->vol;
    struct shale_vnode *from;
    const char *name, *to_name;
    size_t len, to_len;
    int err;

    from = volume_parent(vol, path, &name, &len);
    if (!from)
        return;
    if (slash_forbids(mv, path, from, name, len)) {
        shale_vnode_put(from);
        return;
    }
    to_name = mv->dest_name ? mv->dest_name : name;
    to_len = mv->dest_name ? mv->dest_len : len;
    err = shale_rename(from, name, len, mv->dest, to_name, to_len,
                       mv->no_clobber ? SHALE_RENAME_NOREPLACE : 0);
    if (err == SHALE_EINVAL && below_itself(mv, from, name, len))
        volume_fail_text(vol, path, "a directory cannot go below itself");
    else if (err == SHALE_EINVAL)
        volume_fail_new(vol, mv->dest_path, err);
    else if (err && !(err == SHALE_EEXIST && mv->no_clobber))
        volume_fail(vol, path, err);
    shale_vnode_put(from);
    if (err || !mv->verbose)
        return;
    print_name(stdout, path, strlen(path));
    fputs(" -> ", stdout);
    print_name(stdout, mv->dest_path, strlen(mv->dest_path));
    if (!mv->dest_name) {
        if (mv->dest_path[strlen(mv->dest_path) - 1] != '/')
            putchar('/');
        print_name(stdout, to_name, to_len);
    }
    putchar('\n');
}

static const struct command_option options_mv[] = {
    { 'n', "no-clobber", NULL, "leave alone what exists already" },
    { 'v', "verbose", NULL, "print each file's name" },
    { 0, NULL, NULL, NULL },
};

static int cmd_mv(int argc, char **argv)
{
    struct mv mv = { .dest = NULL };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_mv, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        if (letter == 'n')
            mv.no_clobber = true;
        else
            mv.verbose = true;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    if (count < 2)
        return options_complain(&options, "move what where to?");
    status = volume_open_write(&mv.vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    if (mv.vol.path_count < 2)
        volume_fail_text(&mv.vol, NULL, "move it where to?");
    else if (find_dest(&mv))
        for (int i = 0; i < mv.vol.path_count - 1; i++)
            move(&mv, mv.vol.paths[i]);
    shale_vnode_put(mv.dest);
    return finish_output(volume_close(&mv.vol));
}

const struct command command_mv = {
    .name     = "mv",
    .run      = cmd_mv,
    .operands = "IMAGE:PATH [PATH...] DEST",
    .summary  = "rename files, or move them inside the image",
    .details  = "DEST is a directory of the image, or the new name.\n",
    .options  = options_mv,
    .image    = true,
};
