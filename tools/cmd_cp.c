/*
 * cmd_cp.c - shale cp: files and trees, out of an image or into one
 *
 * The last operand is the destination, as for cp(1). If it is of the form
 * IMAGE:PATH, and IMAGE is there, all others are files of this machine and go
 * into the image; else the first operand is the image. What has no name of its
 * own, such as the root, is merged into an existing directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "copy.h"
#include "deleted.h"
#include "progress.h"
#include "put.h"

struct cp {
    struct volume vol;
    struct copy copy;
    bool recurse, dereference, deleted;
    const char *owner_text;     /* --owner */
    uint32_t owner[2];
    int progress;               /* 1 yes, 0 no, -1 on a terminal */
    char *dest_dir;             /* the directory that holds the copies */
    char *dest_name;            /* the copy's name in it; NULL: the source's */
    const char *dest_new_dir;   /* as given, if only a directory may come of
                                   it: there is none, and it ends in '/' */
    char **taken;               /* names that copies of files have got */
    size_t taken_count;
};

/* The last component of PATH, to be freed; NULL if it has no name in it. */
static char *last_name(const char *path)
{
    size_t end = strlen(path), start;
    char *name;

    while (end > 0 && path[end - 1] == '/')
        end--;
    start = end;
    while (start > 0 && path[start - 1] != '/')
        start--;
    name = xmalloc(end - start + 1);
    memcpy(name, path + start, end - start);
    name[end - start] = '\0';
    if (*name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
        return name;
    free(name);
    return NULL;
}

/* All before the last component of PATH, "." if that is nothing. */
static char *all_but_last(const char *path)
{
    size_t end = strlen(path);
    char *dir = xmalloc(end + 2);

    while (end > 0 && path[end - 1] == '/')
        end--;
    while (end > 0 && path[end - 1] != '/')
        end--;
    memcpy(dir, path, end);
    dir[end] = '\0';
    if (end == 0)
        strcpy(dir, ".");
    return dir;
}

/* Is DEST, no directory, a link to something to write to: /dev/stdout? */
static bool is_link_to_special(const char *dest, const struct stat *st)
{
    struct stat link;

    return !S_ISREG(st->st_mode) && lstat(dest, &link) == 0 &&
           S_ISLNK(link.st_mode);
}

/* Find out what DEST is, and open the directory to copy into. */
static bool open_dest(struct cp *cp, const char *dest)
{
    struct stat st;
    bool exists = stat(dest, &st) == 0;
    int error;

    if (!*dest) {
        report("'': %s", strerror(ENOENT));
        return false;
    }
    if (exists && S_ISDIR(st.st_mode)) {
        cp->dest_dir = xstrdup(dest);
    } else if (exists && is_link_to_special(dest, &st)) {
        report("%s: neither a file nor a directory (shale cat writes to such)",
               dest);
        return false;
    } else if (cp->vol.path_count > 1) {
        report("%s: not a directory, and there are several files to copy",
               dest);
        return false;
    } else {
        cp->dest_dir = all_but_last(dest);
        cp->dest_name = last_name(dest);
        if (dest[strlen(dest) - 1] == '/')
            cp->dest_new_dir = dest;
    }
    cp->copy.base_path = cp->dest_dir;
    cp->copy.base = open(cp->dest_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cp->copy.base >= 0)
        return true;
    error = errno;
    report("%s: %s", cp->dest_dir, strerror(error));
    return false;
}

/* Find the source PATH; a link itself if trees are copied. NULL: told why. */
static struct shale_vnode *find_source(struct cp *cp, const char *path)
{
    struct shale_vnode *vn = volume_walk(&cp->vol, path,
                                         cp->recurse ? SHALE_WALK_NOFOLLOW
                                                     : 0);

    if (vn && shale_vnode_type(vn) == SHALE_TYPE_DIR && !cp->recurse) {
        volume_fail_text(&cp->vol, path, "a directory; copied with -r only");
        shale_vnode_put(vn);
        return NULL;
    }
    if (vn && cp->dest_new_dir && shale_vnode_type(vn) != SHALE_TYPE_DIR) {
        report("%s: no such directory", cp->dest_new_dir);
        cp->vol.status = STATUS_FAILED;
        shale_vnode_put(vn);
        return NULL;
    }
    return vn;
}

/*
 * Is NAME, the copy's of the file VN, still to be had? Another operand's copy
 * may have got it, and has to stay. Directories are merged instead.
 */
static bool take_name(struct cp *cp, struct shale_vnode *vn, const char *name,
                      const char *path)
{
    if (!name || shale_vnode_type(vn) == SHALE_TYPE_DIR)
        return true;
    for (size_t i = 0; i < cp->taken_count; i++)
        if (!strcmp(cp->taken[i], name)) {
            volume_fail_text(&cp->vol, path, "another file to copy has the "
                             "same name; left out");
            return false;
        }
    cp->taken = xrealloc(cp->taken, cp->taken_count + 1, sizeof *cp->taken);
    cp->taken[cp->taken_count++] = xstrdup(name);
    return true;
}

/* Where the bar ends: a walk over all sources, of metadata only. */
static void measure(struct cp *cp)
{
    uint64_t bytes = 0, files = 0;

    for (int i = 0; i < cp->vol.path_count; i++) {
        struct shale_vnode *vn;

        if (shale_walk(cp->vol.fs, NULL, cp->vol.paths[i],
                       cp->recurse ? SHALE_WALK_NOFOLLOW : 0, &vn) != 0)
            continue;
        copy_measure(&cp->copy, vn, cp->vol.paths[i], &bytes, &files);
        shale_vnode_put(vn);
    }
    progress_start(bytes, files);
}

static void copy_sources(struct cp *cp)
{
    for (int i = 0; i < cp->vol.path_count; i++) {
        const char *path = *cp->vol.paths[i] ? cp->vol.paths[i] : "/";
        struct shale_vnode *vn = find_source(cp, path);
        char *name;

        if (!vn)
            continue;
        name = cp->dest_name ? xstrdup(cp->dest_name) : last_name(path);
        cp->copy.name = name;
        if (take_name(cp, vn, name, path))
            copy_tree(&cp->copy, vn, path);
        else
            shale_vnode_put(vn);
        free(name);
    }
    for (size_t i = 0; i < cp->taken_count; i++)
        free(cp->taken[i]);
    free(cp->taken);
}

static void copy_all(struct cp *cp)
{
    int fd = cp->vol.image->volume.base.fd;
    struct stat st;

    cp->copy.vol = &cp->vol;
    cp->copy.is_root = geteuid() == 0;
    cp->copy.buf = xmalloc(COPY_CHUNK);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        cp->copy.image_dev = st.st_dev;
        cp->copy.image_ino = st.st_ino;
    }
    if (cp->deleted) {
        deleted_copy(&cp->copy, cp->dest_name);
    } else {
        if (cp->progress)
            measure(cp);
        copy_sources(cp);
        progress_end();
    }
    copy_fini(&cp->copy);
}

/* Copy the COUNT operands of this machine into the image that DEST names. */
static int copy_into(struct cp *cp, const struct options *options,
                     char **operands, int count, char *dest)
{
    struct put put = {
        .recurse = cp->recurse, .dereference = cp->dereference,
        .no_clobber = cp->copy.no_clobber, .verbose = cp->copy.verbose,
        .progress = cp->progress != 0, .owner = cp->owner,
    };
    int status;

    if (cp->owner_text &&
        !owner_parse(cp->owner_text, &cp->owner[0], &cp->owner[1]))
        return options_complain(options, "not an owner: '%s'", cp->owner_text);

    for (int i = 0; i < count; i++)
        if (volume_names_inside(operands[i]))
            return options_complain(options, "%s: in an image, too; copy it "
                                    "out first", operands[i]);
    status = volume_open_write(&cp->vol, options, &dest, 1, "/");
    if (status != STATUS_OK)
        return status;
    put_init(&put, &cp->vol);
    put_sources(&put, operands, count, cp->vol.paths[0]);
    put_fini(&put);
    return finish_output(volume_close(&cp->vol));
}

enum {
    OPTION_PROGRESS = OPTION_LONG, OPTION_NO_PROGRESS, OPTION_OWNER,
    OPTION_DELETED,
};

static const struct command_option options_cp[] = {
    { 'r', "recursive", NULL, "copy directories with all that is in them" },
    { 'R', NULL, NULL, "the same" },
    { 'a', "archive", NULL, "the same" },
    { 'L', "dereference", NULL, "into an image: copy what symlinks lead to" },
    { OPTION_OWNER, "owner", "UID[:GID]", "into an image: whose files they "
      "are" },
    { OPTION_DELETED, "deleted", NULL, "NTFS: deleted files, by number or path "
      "(ls --deleted)" },
    { 'n', "no-clobber", NULL, "leave alone what exists already" },
    { 'v', "verbose", NULL, "print each file's name" },
    { OPTION_PROGRESS, "progress", NULL, "show a bar, terminal or not" },
    { OPTION_NO_PROGRESS, "no-progress", NULL, "show none" },
    { 0, NULL, NULL, NULL },
};

static void take_option(struct cp *cp, int letter)
{
    switch (letter) {
    case 'L': cp->dereference = true; break;
    case 'n': cp->copy.no_clobber = true; break;
    case 'v': cp->copy.verbose = true; break;
    case OPTION_OWNER:       cp->owner_text = optarg; break;
    case OPTION_DELETED:     cp->deleted = true; break;
    case OPTION_PROGRESS:    cp->progress = 1; break;
    case OPTION_NO_PROGRESS: cp->progress = 0; break;
    default:  cp->recurse = true; break;
    }
}

static int cmd_cp(int argc, char **argv)
{
    struct cp cp = {
        .progress = -1, .owner = { OWNER_KEEP, OWNER_KEEP },
        .copy = { .base = -1 },
    };
    struct options options;
    char **operands;
    int letter, count, status;

    options_init(&options, &command_cp, argc, argv);
    while ((letter = options_next(&options)) >= 0)
        take_option(&cp, letter);
    if (letter == OPTIONS_STOP)
        return options.status;
    if (cp.progress < 0)
        cp.progress = isatty(STDERR_FILENO) && !cp.copy.verbose;
    count = options_operands(&options, &operands);
    if (count < 2)
        return options_complain(&options, "copy what where to?");
    if (volume_names_inside(operands[count - 1]) && !cp.deleted)
        return copy_into(&cp, &options, operands, count - 1,
                         operands[count - 1]);
    if (cp.deleted)
        cp.progress = 0;
    if (cp.dereference || cp.owner_text)
        return options_complain(&options, "%s is for copies into an image",
                                cp.dereference ? "-L" : "--owner");
    status = volume_open(&cp.vol, &options, operands, count - 1, "/");
    if (status != STATUS_OK)
        return status;

    if (open_dest(&cp, operands[count - 1])) {
        copy_all(&cp);
        close(cp.copy.base);
    } else {
        cp.vol.status = STATUS_USAGE;
    }
    free(cp.dest_dir);
    free(cp.dest_name);
    return finish_output(volume_close(&cp.vol));
}

const struct command command_cp = {
    .name     = "cp",
    .run      = cmd_cp,
    .operands = "IMAGE[:PATH] [PATH...] DEST | FILE... IMAGE:DEST",
    .summary  = "copy files and trees out of the image, or into it",
    .details  =
        "DEST is a file or directory of this machine. Modes, times, hard\n"
        "links, holes and extended attributes are kept; as root, owners and\n"
        "devices too.\n"
        "With IMAGE:DEST at the end, FILEs of this machine are copied into\n"
        "the image, as by shale put.\n"
        "Without -r a symlink is followed; with it, copied.\n",
    .options  = options_cp,
    .image    = true,
};
