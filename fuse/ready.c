/*
 * ready.c - what follows when the mount works
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "fuse/supervise.h"

/*
 * How far the kernel reads ahead in a file, at most, if we may say so. It asks
 * for 1 MiB at once then, which halves the time that streaming takes.
 */
#define READ_AHEAD_KIB "1024"

static void raise_read_ahead(const struct supervisor *s)
{
    char path[80];
    int fd;

    if (!s->has_device || s->options->max_readahead)
        return;
    snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", s->major,
             s->minor);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;                 /* not root: the kernel's default stays */
    if (write(fd, READ_AHEAD_KIB, sizeof READ_AHEAD_KIB - 1) < 0)
        complain(path, "%s", strerror(errno));
    close(fd);
}

/* -------------------------------------------------------------- pid file */

int ready_pid_file(struct supervisor *s, const char *path)
{
    /* Not to wait for the reader of a fifo. */
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        complain(path, "%s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return MOUNT_SYSTEM;
    }
    close(fd);
    if (!S_ISREG(st.st_mode)) {         /* it would be removed at the end */
        complain(path, "not a regular file; a pid file must be one");
        return MOUNT_USAGE;
    }
    s->pid_file = realpath(path, NULL);
    if (s->pid_file)
        return MOUNT_OK;
    complain(path, "%s", strerror(errno));
    return MOUNT_SYSTEM;
}

static void pid_file_write(const struct supervisor *s)
{
    FILE *file = s->pid_file ? fopen(s->pid_file, "we") : NULL;

    if (!file)
        return;
    fprintf(file, "%ld\n", (long)getpid());
    if (fclose(file) != 0)
        complain(s->pid_file, "%s", strerror(errno));
}

/* --------------------------------------------------------- becoming ready */

static void tell_ready_fd(int fd)
{
    if (fd < 0)
        return;
    if (write(fd, "\n", 1) < 0)
        complain("--ready-fd", "%s", strerror(errno));
    if (fd > STDERR_FILENO)     /* those, a daemon redirects */
        close(fd);
}

static void tell_caller(const struct supervisor *s)
{
    const unsigned char status = MOUNT_OK;

    if (s->outcome_fd >= 0) {
        /* The caller may be gone; that is no reason to stop. */
        if (write(s->outcome_fd, &status, 1) < 0)
            return;
        close(s->outcome_fd);
    }
}

void ready_announce(struct supervisor *s)
{
    char name[DAEMON_NAME_MAX];
    int null;

    s->ready = true;
    raise_read_ahead(s);
    if (s->has_device) {
        daemon_name(s->major, s->minor, name);
        prctl(PR_SET_NAME, name);
        if (s->placement)
            memcpy(s->placement->name, name, sizeof name);
    }
    pid_file_write(s);
    tell_ready_fd(s->options->ready_fd);
    if (!s->options->foreground) {
        openlog("shale", LOG_PID, LOG_DAEMON);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        for (int fd = STDIN_FILENO; null >= 0 && fd <= STDERR_FILENO; fd++)
            dup2(null, fd);
        if (null > STDERR_FILENO)
            close(null);
    }
    tell_caller(s);
    s->outcome_fd = -1;
}
