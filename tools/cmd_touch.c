/*
 * cmd_touch.c - shale touch: set the times of files, and make empty ones
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "dates.h"
#include "epoch.h"
#include "tools.h"

struct touch {
    struct volume vol;
    bool no_create;
    bool time_given;            /* else it is the time now */
    struct shale_setattr what;
};

static void touch_path(struct touch *touch, const char *path)
{
    static const struct shale_node file = { .mode = SHALE_S_IFREG | 0644 };
    struct volume *vol = &touch->vol;
    struct shale_vnode *vn, *dir;
    const char *name;
    size_t len;
    int err;

    vol->image->fault[0] = '\0';        /* of whatever came before */
    err = shale_walk(vol->fs, NULL, path, 0, &vn);
    if (err == SHALE_ENOENT) {
        if (touch->no_create)
            return;
        if (!path_wants_dir(path))
            err = shale_walk_parent(vol->fs, path, &dir, &name, &len);
        if (!err) {
            err = shale_create(dir, name, len, &file, &vn);
            shale_vnode_put(dir);
        }
    }
    if (!err) {
        err = shale_setattr(vn, &touch->what);
        shale_vnode_put(vn);
    }
    if (err)
        volume_fail_new(vol, path, err);
}

/* Both times are those of the host's file at PATH. */
static bool take_reference(struct touch *touch, const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        report("%s: %s", path, strerror(errno));
        return false;
    }
    touch->what.atime = (struct shale_time){ st.st_atim.tv_sec,
                                             (uint32_t)st.st_atim.tv_nsec };
    touch->what.mtime = (struct shale_time){ st.st_mtim.tv_sec,
                                             (uint32_t)st.st_mtim.tv_nsec };
    touch->time_given = true;
    return true;
}

static struct shale_time time_now(void)
{
    struct shale_clock *clock = epoch_clock();
    struct shale_time now;

    clock->now(clock, &now);
    return now;
}

static bool take_date(struct touch *touch, const char *text, bool stamp)
{
    struct shale_time time;

    if (!(stamp ? date_parse_stamp(text, time_now(), &time)
                : date_parse(text, &time)))
        return false;
    touch->what.atime = touch->what.mtime = time;
    touch->time_given = true;
    return true;
}

static const struct command_option options_touch[] = {
    { 'a', NULL, NULL, "set the time of last access only" },
    { 'm', NULL, NULL, "set the time of last change only" },
    { 'c', "no-create", NULL, "do not make files that are not there" },
    { 'd', "date", "DATE", "that time: 2024-05-06 07:08:09, or with Z or "
      "+02:00, or @SECONDS" },
    { 't', NULL, "STAMP", "that time: [[CC]YY]MMDDhhmm[.ss]" },
    { 'r', "reference", "FILE", "the times of a file of this machine" },
    { 0, NULL, NULL, NULL },
};

/* STATUS_OK, or another status after a complaint. */
static int take_option(struct touch *touch, const struct options *options,
                       int letter)
{
    switch (letter) {
    case 'a':
        touch->what.valid |= SHALE_SET_ATIME;
        return STATUS_OK;
    case 'm':
        touch->what.valid |= SHALE_SET_MTIME;
        return STATUS_OK;
    case 'c':
        touch->no_create = true;
        return STATUS_OK;
    case 'r':
        return take_reference(touch, optarg) ? STATUS_OK : STATUS_USAGE;
    default:
        if (take_date(touch, optarg, letter == 't'))
            return STATUS_OK;
        return options_complain(options, "not a date: '%s'", optarg);
    }
}

static int cmd_touch(int argc, char **argv)
{
    struct touch touch = { .no_create = false };
    struct options options;
    char **operands;
    int letter, count, status;

    if (!epoch_init())
        return STATUS_USAGE;
    options_init(&options, &command_touch, argc, argv);
    while ((letter = options_next(&options)) >= 0) {
        status = take_option(&touch, &options, letter);
        if (status != STATUS_OK)
            return status;
    }
    if (letter == OPTIONS_STOP)
        return options.status;
    if (!touch.what.valid)
        touch.what.valid = SHALE_SET_ATIME | SHALE_SET_MTIME;
    if (!touch.time_given)
        touch.what.atime = touch.what.mtime = time_now();
    count = options_operands(&options, &operands);
    status = volume_open_write(&touch.vol, &options, operands, count, NULL);
    if (status != STATUS_OK)
        return status;

    for (int i = 0; i < touch.vol.path_count; i++)
        touch_path(&touch, touch.vol.paths[i]);
    return volume_close(&touch.vol);
}

const struct command command_touch = {
    .name     = "touch",
    .run      = cmd_touch,
    .operands = "IMAGE:PATH [PATH...] | IMAGE PATH...",
    .summary  = "set the times of files, and make empty files",
    .options  = options_touch,
    .image    = true,
};
