/*
 * supervise.c - the process that waits for the worker, and unmounts
 *
 * It lives as long as the mount, does nothing meanwhile, and sees to it that
 * whatever happens (a signal, the worker's death, an unmount by others) the
 * mount, the worker and the pid file go together. Its pid is the daemon's.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "fuse/daemon.h"

/* How long a worker may take to end once nothing is mounted any more. */
enum { GRACE_MS = 3000 };

/*
 * How far the kernel reads ahead in a file, at most, if we may say so. It asks
 * for 1 MiB at once then, which halves the time that streaming takes.
 */
#define READ_AHEAD_KIB "1024"

struct supervisor {
    const struct mount_options *options;
    char *pid_file;             /* absolute; NULL if there is none */
    pid_t worker;
    int reports, signals;       /* descriptors */
    struct placement *placement;        /* of the worker; or NULL */
    struct placement_watch watch;
    int outcome_fd;             /* where the caller waits; -1 in foreground */
    bool ready, stopping;
    bool has_device;
    unsigned major, minor;      /* of the mount */
    bool worker_ended;
    int worker_status;          /* from waitpid(2) */
};

void daemon_name(unsigned major, unsigned minor, char out[DAEMON_NAME_MAX])
{
    snprintf(out, DAEMON_NAME_MAX, "shale/%u:%u", major % 10,
             minor % 10000000);
}

/* ------------------------------------------------------------- the mount */

/* Learn the device number of the mount on top at our target. */
static bool top_device(const struct supervisor *s, unsigned *major,
                       unsigned *minor)
{
    const struct mount_entry *top;
    struct mount_entry *table;
    size_t count;

    if (!s->options->target || mount_table_read(&table, &count) != 0)
        return false;
    top = mount_table_top(table, count, s->options->target);
    if (top) {
        *major = top->major;
        *minor = top->minor;
    }
    mount_table_free(table, count);
    return top != NULL;
}

/*
 * Where our mount is by now: a folder above it may have been renamed, and there
 * may be bind mounts of it. Allocated; NULL if it is nowhere.
 */
static char *mounted_at(const struct supervisor *s)
{
    const struct mount_entry *entry;
    struct mount_entry *table;
    char *target = NULL;
    size_t count;

    if (!s->has_device || mount_table_read(&table, &count) != 0)
        return NULL;
    entry = mount_table_device(table, count, s->major, s->minor);
    if (entry && strcmp(entry->source, s->options->source) == 0)
        target = strdup(entry->target);
    mount_table_free(table, count);
    return target;
}

/*
 * Is what is mounted at TARGET without a worker? Only the mount itself can tell
 * once ours has ended: another one may have got our device number.
 */
static bool is_dead(const char *target)
{
    struct statfs st;

    return statfs(target, &st) < 0 && errno == ENOTCONN;
}

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

/* Make it early, so that it fails while somebody is there to be told. */
static int pid_file_create(struct supervisor *s, const char *path)
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

static void become_ready(struct supervisor *s)
{
    char name[DAEMON_NAME_MAX];
    int null;

    s->ready = true;
    raise_read_ahead(s);
    if (s->has_device) {
        daemon_name(s->major, s->minor, name);
        prctl(PR_SET_NAME, name);
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

/* --------------------------------------------------------------- messages */

static void say(const struct supervisor *s, enum shale_level level,
                const char *text)
{
    if (s->options->foreground || !s->ready)
        complain(NULL, "%s", text);
    else
        log_syslog(level, text);
}

static void take_log(const struct supervisor *s, const char *text)
{
    int level = text[0] - '0';

    if (level >= SHALE_LOG_ERROR && level <= SHALE_LOG_INFO)
        say(s, (enum shale_level)level, text + 1);
}

/* Take one report. False if there is none. */
static bool take_report(struct supervisor *s)
{
    char message[REPORT_MAX + 1];
    ssize_t got = recv(s->reports, message, REPORT_MAX, MSG_DONTWAIT);

    if (got <= 0)
        return false;
    message[got] = '\0';
    switch (message[0]) {
    case REPORT_MOUNTED:
        s->has_device = top_device(s, &s->major, &s->minor);
        break;
    case REPORT_READY:
        become_ready(s);
        break;
    case REPORT_BUSY:
        break;                  /* to wake us is all it is for */
    case REPORT_LOG:
        take_log(s, message + 1);
        break;
    }
    return true;
}

/* ---------------------------------------------------------------- the end */

/*
 * A signal says stop: unmount, by force if somebody still uses the mount. If
 * nobody does, the worker notices, and ends.
 */
static void stop(struct supervisor *s)
{
    char why[SHALE_WHY_MAX];
    char *target = mounted_at(s);
    int err = 0;

    s->stopping = true;
    if (!target)
        kill(s->worker, SIGTERM);
    while (target && !err) {
        err = mount_detach(target, false, why);
        if (err) {
            if (err == EBUSY)
                say(s, SHALE_LOG_WARNING, "stopped while files were in use");
            kill(s->worker, SIGKILL);   /* clean_up() removes the mount */
        }
        free(target);
        target = mounted_at(s);
    }
    free(target);
}

static void take_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo != SIGCHLD) {
        stop(s);
    } else if (waitpid(s->worker, &s->worker_status, WNOHANG) == s->worker) {
        while (take_report(s))  /* what it said last */
            continue;
        s->worker_ended = true;
    }
}

/* The worker has ended: unmount what it has left, wherever that is. */
static void remove_dead(const struct supervisor *s)
{
    char why[SHALE_WHY_MAX];
    char *target = mounted_at(s);
    int err = 0;

    while (target && !err && is_dead(target)) {
        err = mount_detach(target, true, why);
        if (err)
            say(s, SHALE_LOG_ERROR, why);
        free(target);
        target = mounted_at(s);
    }
    free(target);
}

/* The worker has ended. Leave nothing behind; returns the exit status. */
static int clean_up(struct supervisor *s)
{
    char text[80];
    bool killed = WIFSIGNALED(s->worker_status);

    remove_dead(s);
    if (s->pid_file)
        unlink(s->pid_file);
    free(s->pid_file);
    if (killed && !s->stopping) {
        snprintf(text, sizeof text, "the daemon was killed by signal %d (%s)",
                 WTERMSIG(s->worker_status),
                 strsignal(WTERMSIG(s->worker_status)));
        say(s, SHALE_LOG_ERROR, text);
    }
    if (s->stopping && s->ready)
        return MOUNT_OK;
    return killed ? MOUNT_SYSTEM : WEXITSTATUS(s->worker_status);
}

static void wait_for_worker(struct supervisor *s)
{
    struct pollfd fds[2] = {
        { .fd = s->signals, .events = POLLIN },
        { .fd = s->reports, .events = POLLIN },
    };

    while (!s->worker_ended) {
        int next = placement_tick(s->placement, &s->watch);
        int got = poll(fds, 2, s->stopping ? GRACE_MS : next);

        if (got == 0 && s->stopping)    /* another mount namespace holds it */
            kill(s->worker, SIGKILL);
        if (got > 0 && fds[1].revents & POLLIN)
            take_report(s);
        else if (got > 0 && fds[1].revents & POLLHUP)
            fds[1].fd = -1;     /* ended; the signal follows */
        if (got > 0 && fds[0].revents)
            take_signal(s);
    }
}

/* ------------------------------------------------------------- the start */

static int supervise(struct mount_options *options, int outcome_fd,
                     struct supervisor *s)
{
    sigset_t watched, before;
    int fds[2];
    int err;

    s->outcome_fd = outcome_fd;
    sigemptyset(&watched);
    sigaddset(&watched, SIGINT);
    sigaddset(&watched, SIGTERM);
    sigaddset(&watched, SIGHUP);
    sigaddset(&watched, SIGQUIT);
    sigaddset(&watched, SIGCHLD);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &watched, &before);
    s->placement = placement_create();
    placement_watch_init(&s->watch);
    err = report_open(fds);
    s->signals = signalfd(-1, &watched, SFD_CLOEXEC);
    fflush(NULL);
    s->worker = err || s->signals < 0 ? -1 : fork();
    if (s->worker < 0) {
        complain(NULL, "cannot start a process: %s",
                 strerror(err ? err : errno));
        return MOUNT_SYSTEM;
    }
    if (s->worker == 0) {
        close(fds[0]);
        close(s->signals);
        sigprocmask(SIG_SETMASK, &before, NULL);
        free(s->pid_file);
        exit(worker_run(options, fds[1], s->placement));
    }
    close(fds[1]);
    s->reports = fds[0];
    if (chdir("/") < 0)
        complain("/", "%s", strerror(errno));
    sandbox_close_others((const int[]){ s->reports, s->signals, outcome_fd,
                                        options->ready_fd },
                         4);
    wait_for_worker(s);
    return clean_up(s);
}

/* Wait for CHILD's outcome: a byte once it is ready, else how it ended. */
static int await_outcome(int fd, pid_t child)
{
    unsigned char status;
    int ended;
    ssize_t got;

    do {
        got = read(fd, &status, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1)
        return status;
    while (waitpid(child, &ended, 0) < 0)
        if (errno != EINTR)
            return MOUNT_SYSTEM;
    return WIFEXITED(ended) ? WEXITSTATUS(ended) : MOUNT_SYSTEM;
}

static int in_background(struct mount_options *options, struct supervisor *s)
{
    int fds[2];
    pid_t child;

    fflush(NULL);
    if (pipe2(fds, O_CLOEXEC) < 0 || (child = fork()) < 0) {
        complain(NULL, "cannot start a process: %s", strerror(errno));
        return MOUNT_SYSTEM;
    }
    if (child == 0) {
        close(fds[0]);
        setsid();
        exit(supervise(options, fds[1], s));
    }
    close(fds[1]);
    free(s->pid_file);
    return await_outcome(fds[0], child);
}

int daemon_run(struct mount_options *options)
{
    struct supervisor s = { .options = options };
    int status = mount_prepare(options);

    if (status)
        return status;
    if (options->asked_rw)
        complain(options->image, "warning: mounted read-only; this version "
                 "cannot write");
    if (options->fake)
        return MOUNT_OK;
    if (options->pid_file) {
        status = pid_file_create(&s, options->pid_file);
        if (status)
            return status;
    }
    if (options->foreground)
        return supervise(options, -1, &s);
    return in_background(options, &s);
}
