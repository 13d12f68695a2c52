/*
 * volume.c - the image and the volume that a command works on
 *
 * The grammar is IMAGE[:PATH] [PATH...]. An image's own name may hold colons:
 * an existing file of the whole name wins, else the longest part before a
 * colon that is one; what follows that colon is a path in the volume. Every
 * further operand is a path in the same volume, with the image's name before it
 * or without. A path that does not begin with '/' starts at the root as well.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "epoch.h"
#include "tools.h"

/*
 * How much of OPERAND is the image's name. With no such file in any reading,
 * all of it: opening it will say so.
 */
static size_t image_name_len(const char *operand)
{
    size_t whole = strlen(operand);
    char *name = xstrdup(operand);
    size_t len = whole;

    while (access(name, F_OK) != 0) {
        char *colon = strrchr(name, ':');

        if (!colon || colon == name) {
            len = whole;
            break;
        }
        *colon = '\0';
        len = (size_t)(colon - name);
    }
    free(name);
    return len;
}

bool volume_names_inside(const char *operand)
{
    size_t len = image_name_len(operand);

    return operand[len] == ':';
}

/*
 * Print the volume's warnings; errors come back to us as return values. The
 * last one is kept: it may be why the volume turns out to be read-only.
 */
static void volume_event(struct shale_log *log,
                         const struct shale_event *event)
{
    struct volume *vol = (struct volume *)log;

    if (event->level != SHALE_LOG_WARNING)
        return;
    shale_event_text(event, 0, vol->warning, sizeof vol->warning);
    if (!vol->quiet)
        report("%s: warning: %s", vol->name, vol->warning);
}

bool path_wants_dir(const char *path)
{
    size_t len = strlen(path);

    return len > 0 && path[len - 1] == '/';
}

void volume_init(struct volume *vol, const struct options *options,
                 const char *name)
{
    memset(vol, 0, sizeof *vol);
    vol->log.event = volume_event;
    vol->quiet = options->quiet;
    vol->name = xstrdup(name);
}

/*
 * PATH, but without the image's name in front of it: who has written
 * disk.img:/a may write disk.img:/b as well.
 */
static const char *without_image(const struct volume *vol, const char *path)
{
    size_t len = strlen(vol->name);

    return !strncmp(path, vol->name, len) && path[len] == ':' ? path + len + 1
                                                              : path;
}

int volume_parse(struct volume *vol, const struct options *options,
                 char **operands, int count, const char *default_path)
{
    size_t len;

    if (count < 1)
        return options_complain(options, "which image?");

    volume_init(vol, options, operands[0]);
    len = image_name_len(operands[0]);
    vol->paths = xrealloc(NULL, (size_t)count + 1, sizeof *vol->paths);
    if (vol->name[len] == ':') {
        vol->name[len] = '\0';
        vol->paths[vol->path_count++] = operands[0] + len + 1;
    }
    for (int i = 1; i < count; i++)
        vol->paths[vol->path_count++] = without_image(vol, operands[i]);
    if (vol->path_count == 0) {
        /* "no-such.img:/path" lacks no path: let opening it say what it is. */
        if (!default_path && access(vol->name, F_OK) != 0 &&
            strchr(vol->name, ':'))
            default_path = "/";
        if (!default_path) {
            free(vol->name);
            free(vol->paths);
            return options_complain(options, "which file of the image?");
        }
        vol->paths[vol->path_count++] = default_path;
    }
    return STATUS_OK;
}

/*
 * May a path of VOL's name a stream, "/dir/file:stream"? Where it does not, it
 * does no harm to look.
 */
static bool names_stream(const struct volume *vol)
{
    for (int i = 0; i < vol->path_count; i++) {
        const char *slash = strrchr(vol->paths[i], '/');

        if (strchr(slash ? slash : vol->paths[i], ':'))
            return true;
    }
    return false;
}

static int try_mount(struct volume *vol, const struct options *options,
                     bool write, char why[SHALE_WHY_MAX])
{
    struct shale_image_config config = options->image;
    int err;

    config.path = vol->name;
    config.log = &vol->log;
    config.write = write;
    config.streams = names_stream(vol);
    config.clock = epoch_clock();
    err = shale_image_open(&config, &vol->image, why);
    if (err)
        vol->image = NULL;
    else
        vol->fs = vol->image->fs;
    return err;
}

int volume_mount(struct volume *vol, const struct options *options,
                 char why[SHALE_WHY_MAX])
{
    return try_mount(vol, options, false, why);
}

/* Mount what volume_parse() has found to be meant. */
static int mount_parsed(struct volume *vol, const struct options *options,
                        bool write)
{
    char why[SHALE_WHY_MAX] = "";
    int err = try_mount(vol, options, write, why);

    if (!err)
        return STATUS_OK;
    report("%s: %s", vol->name, *why ? why : shale_strerror(err));
    vol->status = STATUS_USAGE;
    return volume_close(vol);
}

int volume_open(struct volume *vol, const struct options *options,
                char **operands, int count, const char *default_path)
{
    int status = volume_parse(vol, options, operands, count, default_path);

    return status == STATUS_OK ? mount_parsed(vol, options, false) : status;
}

int volume_open_write(struct volume *vol, const struct options *options,
                      char **operands, int count, const char *default_path)
{
    int status;

    if (!epoch_init())
        return STATUS_USAGE;
    status = volume_parse(vol, options, operands, count, default_path);
    if (status == STATUS_OK)
        status = mount_parsed(vol, options, true);
    if (status != STATUS_OK || !shale_fs_read_only(vol->fs))
        return status;
    if (*vol->warning)
        report("%s: cannot be changed: %s", vol->name, vol->warning);
    else
        report("%s: cannot be changed: Shale reads %s, but does not write it",
               vol->name, shale_fs_name(vol->fs));
    vol->status = STATUS_USAGE;
    return volume_close(vol);
}

int volume_close(struct volume *vol)
{
    int err = vol->image ? shale_image_close(vol->image) : 0;

    if (err) {
        report("%s: not all was written: %s", vol->name, shale_strerror(err));
        if (vol->status == STATUS_OK)
            vol->status = STATUS_FAILED;
    }
    free(vol->name);
    free(vol->paths);
    vol->image = NULL;
    vol->fs = NULL;
    vol->name = NULL;
    vol->paths = NULL;
    return vol->status;
}

void volume_fail_text(struct volume *vol, const char *path, const char *text)
{
    char *shown;

    if (vol->muted)
        return;
    shown = path ? print_escaped(path, strlen(path)) : NULL;
    if (shown)
        report("%s: %s: %s", vol->name, shown, text);
    else
        report("%s: %s", vol->name, text);
    free(shown);
    if (vol->status == STATUS_OK)
        vol->status = STATUS_FAILED;
}

/*
 * Was the fault that the volume told of last the reason for ERR? A missing
 * name has nothing to do with an inode that could not be read before it.
 */
static bool err_has_fault(int err)
{
    return err == SHALE_ECORRUPT || err == SHALE_EIO ||
           err == SHALE_ENOTSUP || err == SHALE_EACCES;
}

void volume_fail(struct volume *vol, const char *path, int err)
{
    char text[SHALE_WHY_MAX + 128];
    char *fault = vol->image ? vol->image->fault : NULL;

    if (fault && *fault && err_has_fault(err)) {
        snprintf(text, sizeof text, "%s: %s", shale_strerror(err), fault);
        *fault = '\0';          /* told once; not the next file's fault */
        volume_fail_text(vol, path, text);
        return;
    }
    volume_fail_text(vol, path, shale_strerror(err));
}

void volume_fail_new(struct volume *vol, const char *path, int err)
{
    if (err == SHALE_EINVAL)
        volume_fail_text(vol, path, "not a name that this volume can have");
    else
        volume_fail(vol, path, err);
}

struct shale_vnode *volume_parent(struct volume *vol, const char *path,
                                  const char **name, size_t *len)
{
    struct shale_vnode *dir;
    int err;

    vol->image->fault[0] = '\0';        /* of whatever came before */
    err = shale_walk_parent(vol->fs, path, &dir, name, len);
    if (!err)
        return dir;
    volume_fail(vol, *path ? path : "/", err);
    return NULL;
}

struct shale_vnode *volume_walk(struct volume *vol, const char *path,
                                unsigned flags)
{
    struct shale_vnode *vn;
    const char *from_root = *path ? path : "/";
    int err;

    vol->image->fault[0] = '\0';        /* of whatever came before */
    err = shale_walk(vol->fs, NULL, from_root, flags, &vn);
    if (!err)
        return vn;
    volume_fail(vol, from_root, err);
    return NULL;
}

int64_t volume_readlink(struct volume *vol, uint64_t ino, char *buf)
{
    struct shale_vnode *vn;
    int64_t len;
    int err = shale_vnode_get(vol->fs, ino, &vn);

    if (err)
        return err;
    len = shale_readlink(vn, buf, SHALE_PATH_MAX);
    shale_vnode_put(vn);
    return len;
}

int64_t volume_xattr_names(struct shale_vnode *vn, char **out)
{
    int64_t size = shale_listxattr(vn, NULL, 0), len;
    char *buf;

    if (size == SHALE_ENOTSUP)  /* the format has none */
        size = 0;
    if (size < 0)
        return size;
    buf = xmalloc((size_t)size);
    len = size > 0 ? shale_listxattr(vn, buf, (size_t)size) : 0;
    if (len < 0)
        free(buf);
    else
        *out = buf;
    return len;
}

int64_t volume_xattr_value(struct shale_vnode *vn, const char *name,
                           char **out)
{
    int64_t size = shale_getxattr(vn, name, NULL, 0), len;
    char *buf;

    if (size < 0)
        return size;
    buf = xmalloc((size_t)size);
    len = size > 0 ? shale_getxattr(vn, name, buf, (size_t)size) : 0;
    if (len < 0)
        free(buf);
    else
        *out = buf;
    return len;
}

int volume_spare_name(struct shale_vnode *dir, char name[VOLUME_SPARE_NAME])
{
    struct shale_attr attr;
    unsigned number = 0;
    int err;

    do {
        snprintf(name, VOLUME_SPARE_NAME, ".shale-%u", number++);
        err = shale_lookup_attr(dir, name, strlen(name), &attr);
    } while (!err);
    return err == SHALE_ENOENT ? 0 : err;
}
