/*
 * worker.c - the process that opens the image and serves it
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuse/ops.h"

struct worker {
    struct mount_options *options;
    struct daemon_log log;
    struct shale_image *image;
    int report_fd;
    struct placement *placement;
    int null_fd;                /* /dev/null, to be stdin, stdout and stderr;
                                   -1 in the foreground */
};

/* ------------------------------------------------------------ the image */

static int open_as(struct worker *worker, bool write, char *why)
{
    const struct mount_options *options = worker->options;
    struct shale_image_config config = {
        .path = options->image,
        .part = options->part,
        .has_offset = options->has_offset,
        .offset = options->offset,
        .size_limit = options->size_limit,
        .write = write,
        .errors_continue = options->errors_continue,
        .type = options->type,
        .options = options->driver_options,
        .place = options->target ? options->target : options->dir,
        .has_owner = true,
        .owner_uid = getuid(),
        .owner_gid = getgid(),
        .log = &worker->log.base,
    };

    budget_choose(options, write, &config);
    log_drop(&worker->log);
    return shale_image_open(&config, &worker->image, why);
}

/*
 * Open the image to be written to. A volume that its driver can read only
 * counts as an error, too.
 */
static int open_writable(struct worker *worker, char *why)
{
    const char *reason, *name;
    int err = open_as(worker, true, why);

    if (err || !shale_fs_read_only(worker->image->fs))
        return err;
    reason = log_last(&worker->log);
    name = shale_fs_name(worker->image->fs);
    if (!shale_driver_writes(shale_driver_named(name)))
        snprintf(why, SHALE_WHY_MAX, "%s is not a format that shale writes",
                 name);
    else if (*reason)
        snprintf(why, SHALE_WHY_MAX, "%s", reason);
    else
        snprintf(why, SHALE_WHY_MAX, "it is read-only");
    shale_image_close(worker->image);
    return SHALE_EROFS;
}

static int open_image(struct worker *worker)
{
    struct mount_options *options = worker->options;
    char why[SHALE_WHY_MAX], line[SHALE_WHY_MAX + 32];
    int err = SHALE_EROFS;

    if (options->write != WRITE_NEVER) {
        err = open_writable(worker, why);
        snprintf(line, sizeof line, "mounted read-only: %s", why);
    }
    if (err && options->write != WRITE_ALWAYS) {
        err = open_as(worker, false, why);
        if (!err && options->write == WRITE_IF_POSSIBLE)
            log_hold(&worker->log, line);
        options->write = WRITE_NEVER;
    }
    if (!err && !budget_suffices(options, worker->image->fs, why)) {
        complain(options->image, "%s", why);
        shale_image_close(worker->image);
        return MOUNT_USAGE;
    }
    if (!err) {
        mount_options_settle(options, worker->image->fs);
        return MOUNT_OK;
    }
    complain(options->image, options->write == WRITE_ALWAYS
                                 ? "cannot be mounted to be written to: %s"
                                 : "%s", why);
    return err == SHALE_ENOMEM ? MOUNT_SYSTEM : MOUNT_FAILED;
}

/* All requests are answered. Write what is not written, and let go. */
static int close_image(struct worker *worker)
{
    char text[SHALE_WHY_MAX];
    int err;

    /* What takes its time now, must not be taken for being stuck. */
    report_send(worker->report_fd, REPORT_CLOSING, "");
    err = shale_image_close(worker->image);
    if (!err)
        return MOUNT_OK;
    snprintf(text, sizeof text, "the last changes could not be written: %s; "
             "the volume needs a check", strerror(-err));
    report_send(worker->report_fd, REPORT_FAILED, text);
    return MOUNT_FAILED;
}

/* ---------------------------------------------------------- its service */

/* The mount works. Nobody is there any more to read what is printed. */
static void on_ready(void *context)
{
    struct worker *worker = context;

    if (worker->null_fd >= 0)
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
            dup3(worker->null_fd, fd, 0);
    report_send(worker->report_fd, REPORT_READY, "");
}

/* Mount the open image and serve it until it is unmounted. */
static int attach_and_serve(struct worker *worker, struct service *service)
{
    const struct mount_options *options = worker->options;
    char why[SHALE_WHY_MAX];
    int fd = options->dir_fd;
    sigset_t stop;
    int status;

    /* Stopped in between, we would leave a mount that nobody knows of. */
    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    if (fd < 0) {
        status = mount_attach(options, &fd, why);
        if (status) {
            complain(options->dir, "%s", why);
            return status;
        }
    }
    report_send(worker->report_fd, REPORT_MOUNTED,
                service->writable ? "w" : "");
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    log_release(&worker->log);
    if (chdir("/") < 0)         /* keep nobody's directory busy */
        return MOUNT_SYSTEM;
    if (!options->foreground)
        worker->null_fd = open("/dev/null", O_RDWR);
    sandbox_close_others((const int[]){ worker->report_fd, worker->null_fd, fd,
                                        worker->image->volume.base.fd },
                         4);
    return serve(service, fd, on_ready, worker);
}

static int serve_image(struct worker *worker)
{
    const struct mount_options *options = worker->options;
    struct shale_image *image = worker->image;
    struct service service = {
        .options = options,
        .fs = image->fs,
        .mem = image->mem,
        .dev = options->write == WRITE_NEVER ? &image->volume.base : NULL,
        .root_ino = shale_root_ino(image->fs),
        .owner = getuid(),
        .writable = options->write != WRITE_NEVER,
        .placement = worker->placement,
        .log = &worker->log,
        .report_fd = worker->report_fd,
    };
    bool folds = shale_fs_traits(image->fs) & SHALE_TRAIT_FOLDS_CASE;
    int status;

    if (service.writable) {
        service.known = known_create(image->fs, image->mem,
                                     budget_for_known(options), folds);
        if (!service.known) {
            complain(options->image, "out of memory");
            return MOUNT_SYSTEM;
        }
        known_ask(service.known, node_gone, &service);
    }
    status = attach_and_serve(worker, &service);
    known_destroy(service.known);
    return status;
}

int worker_run(struct mount_options *options, int report_fd,
               struct placement *placement)
{
    struct worker worker = {
        .options = options,
        .report_fd = report_fd,
        .placement = placement,
        .null_fd = -1,
    };
    int status, ended;

    /* Ctrl-C is for the supervisor, which unmounts; we end with the mount. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    memory_block_signal();

    /* Where the image's size is limited, a write fails; that is enough. */
    signal(SIGXFSZ, SIG_IGN);

    log_init(&worker.log, options->image, options->foreground ? -1 : report_fd);
    status = open_image(&worker);
    if (status)
        return status;
    status = serve_image(&worker);
    ended = close_image(&worker);
    return status ? status : ended;
}
