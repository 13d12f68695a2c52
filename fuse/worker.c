/*
 * worker.c - the process that opens the image and serves it
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuse/daemon.h"

/*
 * Metadata to keep: the inode tables of 32,000 files. With it the daemon stays
 * well below 16 MiB, both of its processes together. All else is small; the
 * budget is where a bug would end.
 */
#define CACHE_BYTES ((size_t)8 << 20)
#define MEMORY_BUDGET ((size_t)256 << 20)

struct worker {
    const struct mount_options *options;
    struct daemon_log log;
    struct shale_image *image;
    int report_fd;
    struct placement *placement;
    int null_fd;                /* /dev/null, to be stdin, stdout and stderr;
                                   -1 in the foreground */
};

static int open_image(struct worker *worker)
{
    const struct mount_options *options = worker->options;
    const struct shale_image_config config = {
        .path = options->image,
        .part = options->part,
        .has_offset = options->has_offset,
        .offset = options->offset,
        .size_limit = options->size_limit,
        .type = options->type,
        .options = options->driver_options,
        .log = &worker->log.base,
        .memory_budget = MEMORY_BUDGET,
        .cache_bytes = CACHE_BYTES,
    };
    char why[SHALE_WHY_MAX];
    int err;

    err = shale_image_open(&config, &worker->image, why);
    if (!err)
        return MOUNT_OK;
    complain(options->image, "%s", why);
    return err == SHALE_ENOMEM ? MOUNT_SYSTEM : MOUNT_FAILED;
}

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
static int attach_and_serve(struct worker *worker)
{
    const struct mount_options *options = worker->options;
    struct service service = {
        .options = options,
        .fs = worker->image->fs,
        .root_ino = shale_root_ino(worker->image->fs),
        .placement = worker->placement,
        .log = &worker->log,
        .report_fd = worker->report_fd,
    };
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
    report_send(worker->report_fd, REPORT_MOUNTED, "");
    sigprocmask(SIG_UNBLOCK, &stop, NULL);
    log_release(&worker->log);
    if (chdir("/") < 0)         /* keep nobody's directory busy */
        return MOUNT_SYSTEM;
    if (!options->foreground)
        worker->null_fd = open("/dev/null", O_RDWR);
    sandbox_close_others((const int[]){ worker->report_fd, worker->null_fd, fd,
                                        worker->image->volume.base.fd },
                         4);
    return serve(&service, fd, on_ready, worker);
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
    int status;

    /* Ctrl-C is for the supervisor, which unmounts; we end with the mount. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);

    log_init(&worker.log, options->foreground ? -1 : report_fd);
    status = open_image(&worker);
    if (status)
        return status;
    status = attach_and_serve(&worker);
    if (shale_image_close(worker.image) != 0 && status == MOUNT_OK)
        status = MOUNT_SYSTEM;
    return status;
}
