/*
 * cmd_tree.c - shale tree: directories drawn as a tree
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "walk.h"

struct tree {
    struct volume vol;
    unsigned flags;             /* of listing_load() */
    size_t max_depth;
    bool dirs_only, ascii;
    uint64_t dirs, files;
};

/* Is there an entry to be drawn after the one that LEVEL returned last? */
static bool more_follow(const struct tree *tree,
                        const struct walk_level *level)
{
    if (!tree->dirs_only)
        return level->next < level->listing.count;
    for (size_t i = level->next; i < level->listing.count; i++)
        if (level->listing.entries[i].type == SHALE_TYPE_DIR)
            return true;
    return false;
}

/* The branches to the left of an entry, and its name. */
static void draw_entry(struct tree *tree, struct walk *walk, bool *follow)
{
    const struct listing_entry *entry = walk->entry;
    char target[SHALE_PATH_MAX];
    size_t depth = walk->depth;

    follow[depth - 1] = more_follow(tree, walk_top(walk));
    for (size_t i = 0; i + 1 < depth; i++)
        fputs(!follow[i] ? "    " : tree->ascii ? "|   " : "│   ", stdout);
    if (tree->ascii)
        fputs(follow[depth - 1] ? "|-- " : "`-- ", stdout);
    else
        fputs(follow[depth - 1] ? "├── " : "└── ", stdout);
    print_name(stdout, entry->name, entry->len);
    if (entry->type == SHALE_TYPE_SYMLINK) {
        int64_t len = volume_readlink(&tree->vol, entry->ino, target);

        if (len < 0) {
            putchar('\n');
            volume_fail(&tree->vol, walk->path, (int)len);
            return;
        }
        fputs(" -> ", stdout);
        print_name(stdout, target, (size_t)len);
    }
    putchar('\n');
}

static void draw(struct tree *tree, struct shale_vnode *root, const char *path)
{
    bool *follow = xmalloc(WALK_SHOWN_MAX * sizeof *follow);
    enum walk_step step;
    struct walk walk;

    print_name(stdout, path, strlen(path));
    putchar('\n');
    walk_init(&walk, &tree->vol, tree->flags, root, path);
    walk.max_depth = tree->max_depth;
    while ((step = walk_next(&walk)) != WALK_END) {
        bool is_dir;

        if (step != WALK_ENTRY)
            continue;
        is_dir = walk.entry->type == SHALE_TYPE_DIR;
        if (is_dir)
            tree->dirs++;
        else if (tree->dirs_only)
            continue;
        else
            tree->files++;
        draw_entry(tree, &walk, follow);
    }
    walk_fini(&walk);
    free(follow);
}

static void print_counts(const struct tree *tree)
{
    printf("\n%" PRIu64 " director%s", tree->dirs,
           tree->dirs == 1 ? "y" : "ies");
    if (!tree->dirs_only)
        printf(", %" PRIu64 " file%s", tree->files,
               tree->files == 1 ? "" : "s");
    putchar('\n');
}

enum { OPTION_ASCII = OPTION_LONG };

static const struct command_option options_tree[] = {
    { 'a', "all", NULL, "names that begin with a dot too" },
    { 'd', "directories", NULL, "directories only" },
    { 'L', "level", "N", "not more than N levels deep" },
    { 'U', "unsorted", NULL, "in the directories' own order" },
    { OPTION_ASCII, "ascii", NULL, "branches without line-drawing characters" },
    { 0, NULL, NULL, NULL },
};

static int take_option(struct tree *tree, const struct options *options,
                       int letter)
{
    uint64_t depth;

    switch (letter) {
    case 'a': tree->flags |= LISTING_HIDDEN; break;
    case 'd': tree->dirs_only = true; break;
    case 'U': tree->flags |= LISTING_UNSORTED; break;
    case OPTION_ASCII: tree->ascii = true; break;
    default:
        if (!options_number(optarg, 1, WALK_SHOWN_MAX - 1, &depth))
            return options_complain(options, "not a number of levels: '%s'",
                                    optarg);
        tree->max_depth = (size_t)depth;
        break;
    }
    return STATUS_OK;
}

static int cmd_tree(int argc, char **argv)
{
    struct tree tree = {
        .flags = LISTING_ATTR, .max_depth = WALK_SHOWN_MAX,
    };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_tree, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        status = take_option(&tree, &options, letter);
        if (status != STATUS_OK)
            return status;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    count = options_operands(&options, &operands);
    status = volume_open(&tree.vol, &options, operands, count, "/");
    if (status != STATUS_OK)
        return status;

    for (int i = 0; i < tree.vol.path_count; i++) {
        const char *path = *tree.vol.paths[i] ? tree.vol.paths[i] : "/";
        struct shale_vnode *vn = volume_walk(&tree.vol, path, 0);

        if (vn && shale_vnode_type(vn) != SHALE_TYPE_DIR) {
            volume_fail(&tree.vol, path, SHALE_ENOTDIR);
            shale_vnode_put(vn);
        } else if (vn) {
            draw(&tree, vn, path);
        }
    }
    print_counts(&tree);
    return finish_output(volume_close(&tree.vol));
}

const struct command command_tree = {
    .name     = "tree",
    .run      = cmd_tree,
    .operands = "IMAGE[:DIR] [DIR...]",
    .summary  = "draw directories as a tree",
    .options  = options_tree,
    .image    = true,
};
