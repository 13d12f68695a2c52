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
#include <time.h>
#include <unistd.h>

#include "fuse/daemon.h"

/*
 * How long a worker may take to notice that nothing is mounted any more, or
 * that it shall stop; how often it is told; and how long the kernel may take to
 * hand over what it has not written, if somebody keeps us from unmounting.
 */
enum { GRACE_MS = 3000, TELL_MS = 100, HAND_OVER_MS = 10000 };

/* With changes, requests may be waiting for a slow medium. */
enum { GRACE_WRITABLE_MS = 60000 };

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
    int outcome;                /* descriptor, for who waits for the end */
    bool writable;
    bool ready, stopping;
    bool closing;               /* the worker writes what it has, and ends */
    unsigned told;              /* times it was told to stop */
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
        complain(s->options->image, "%s", text);
    else
        log_syslog(level, s->options->source, text);
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
        s->writable = message[1] == 'w';
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
    case REPORT_CLOSING:
        s->closing = true;
        outcome_set(s->outcome, OUTCOME_CLOSING);
        break;
    case REPORT_FAILED:
        say(s, SHALE_LOG_ERROR, message + 1);
        outcome_words(s->outcome, message + 1);
        break;
    }
    return true;
}

/* ---------------------------------------------------------------- the end */

/*
 * Have the kernel hand what it has not written of the mount at TARGET to the
 * worker. That is for the worker to answer, so a process waits for it that we
 * can do without.
 */
static void hand_over(const char *target)
{
    const struct timespec pause = { .tv_nsec = 10000000 };
    pid_t child = fork();

    if (child == 0) {
        int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        _exit(fd >= 0 && syncfs(fd) == 0 ? 0 : 1);
    }
    for (int ms = 0; child > 0 && waitpid(child, NULL, WNOHANG) == 0;
         ms += 10) {
        if (ms >= HAND_OVER_MS)
            kill(child, SIGKILL);       /* collected once it can end */
        nanosleep(&pause, NULL);
        if (ms >= HAND_OVER_MS + GRACE_MS)
            return;
    }
}

/* A signal may come just before the worker waits for a request: see press(). */
static void tell(struct supervisor *s)
{
    s->told++;
    kill(s->worker, SIGTERM);
}

/*
 * A signal says stop: unmount, and the worker notices, and ends. If somebody
 * still uses the mount, he loses it: the worker is told to end. Either way it
 * writes first what it has to.
 */
static void stop(struct supervisor *s)
{
    char why[SHALE_WHY_MAX];
    char *target = mounted_at(s);
    int err = 0;

    s->stopping = true;
    if (!target)
        tell(s);
    while (target && !err) {
        err = mount_detach(target, false, why);
        if (err == EBUSY)
            say(s, SHALE_LOG_WARNING, "stopped while files were in use");
        if (err && s->writable)
            hand_over(target);
        if (err)
            tell(s);            /* clean_up() removes the mount */
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
    int status;

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
    if (killed && s->stopping && s->ready && !s->writable)
        status = MOUNT_OK;      /* nothing is lost */
    else
        status = killed ? MOUNT_SYSTEM : WEXITSTATUS(s->worker_status);
    outcome_set(s->outcome, status ? OUTCOME_FAILED : OUTCOME_WRITTEN);
    return status;
}

/*
 * It should have ended, or said that it is about to. Perhaps another mount
 * namespace holds the mount, so that it does not know. Tell it, again and
 * again; and at last make it.
 */
static void press(struct supervisor *s)
{
    unsigned patience = s->writable ? GRACE_WRITABLE_MS : GRACE_MS;

    if (s->told < patience / TELL_MS)
        tell(s);
    else
        kill(s->worker, SIGKILL);
}

/* Milliseconds that the supervisor may sleep; -1: until something happens. */
static int time_to_wait(struct supervisor *s)
{
    if (s->closing)
        return -1;              /* as long as the medium takes */
    if (s->stopping)
        return s->told ? TELL_MS : GRACE_MS;
    return placement_tick(s->placement, &s->watch);
}

static void wait_for_worker(struct supervisor *s)
{
    struct pollfd fds[2] = {
        { .fd = s->signals, .events = POLLIN },
        { .fd = s->reports, .events = POLLIN },
    };

    while (!s->worker_ended) {
        int got = poll(fds, 2, time_to_wait(s));

        if (got == 0 && s->stopping && !s->closing)
            press(s);
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
    s->outcome = outcome_create();
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
                                        options->ready_fd,
                                        s->outcome },
                         5);
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
