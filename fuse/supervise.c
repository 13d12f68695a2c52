/*
 * supervise.c - the process that waits for the worker, and unmounts
 *
 * It lives as long as the mount, does nothing meanwhile, and sees to it that
 * whatever happens (a signal, the worker's death, an unmount by others) the
 * mount, the worker and the pid file go together. Its pid is the daemon's.
 *
 * Should somebody kill it with SIGKILL, files that are in use had better stay:
 * the worker goes on alone and ends with the mount (placement_survive()). What
 * is left then is the pid file, as nobody has the right any more to remove it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/supervise.h"

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

/* --------------------------------------------------------------- messages */

void supervise_say(const struct supervisor *s, enum shale_level level,
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
        supervise_say(s, (enum shale_level)level, text + 1);
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
        ready_announce(s);
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
        supervise_say(s, SHALE_LOG_ERROR, message + 1);
        outcome_words(s->outcome, message + 1);
        break;
    }
    return true;
}

static void take_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGUSR1) {
        if (s->ready)
            kill(s->worker, SIGUSR1);   /* it is what has the memory */
    } else if (info.ssi_signo != SIGCHLD) {
        ending_stop(s);
    } else if (waitpid(s->worker, &s->worker_status, WNOHANG) == s->worker) {
        while (take_report(s))  /* what it said last */
            continue;
        s->worker_ended = true;
    }
}

/* How often, in milliseconds, it looks after a worker that has changes. */
enum { CHECK_MS = 5000 };

/* Milliseconds that the supervisor may sleep; -1: until something happens. */
static int time_to_wait(struct supervisor *s)
{
    int ms;

    if (s->closing)
        return -1;              /* as long as the medium takes */
    if (s->stopping)
        return s->told ? TELL_MS : GRACE_MS;
    ms = placement_tick(s->placement, &s->watch);
    return ms < 0 && s->writable ? CHECK_MS : ms;
}

/* Was the worker killed, but could not end? See "stat" in proc(5). */
static bool is_stuck(pid_t worker)
{
    char path[32], text[1024] = "", state = 0;
    unsigned long pending = 0;  /* of its first thread */
    const char *rest;
    int fd;

    snprintf(path, sizeof path, "/proc/%d/stat", (int)worker);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    if (read(fd, text, sizeof text - 1) < 0)
        text[0] = '\0';
    close(fd);
    rest = strrchr(text, ')');  /* its name may have anything in it */
    if (!rest || sscanf(rest + 1, " %c %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                        "%*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
                        "%*s %*s %*s %*s %*s %lu", &state, &pending) < 1)
        return false;
    return state == 'Z' || pending & 1ul << (SIGKILL - 1);
}

static void wait_for_worker(struct supervisor *s)
{
    struct pollfd fds[2] = {
        { .fd = s->signals, .events = POLLIN },
        { .fd = s->reports, .events = POLLIN },
    };

    while (!s->worker_ended) {
        int ms = time_to_wait(s), got = poll(fds, 2, ms);

        if (got == 0 && (ms == CHECK_MS || s->stopping) &&
            is_stuck(s->worker))
            ending_abort(s);
        if (got == 0 && s->stopping && !s->closing)
            ending_press(s);
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
    sigaddset(&watched, SIGUSR1);
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
    return ending_clean_up(s);
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
        status = ready_pid_file(&s, options->pid_file);
        if (status)
            return status;
    }
    if (options->foreground)
        return supervise(options, -1, &s);
    return in_background(options, &s);
}
