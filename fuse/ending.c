/*
 * ending.c - how the worker is made to end, and what follows when it has
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fuse/supervise.h"

/*
 * How long the kernel may take to hand over what it has not written, if
 * somebody keeps us from unmounting; and the worker to end if it may be waiting
 * for a slow medium.
 */
enum { HAND_OVER_MS = 10000, GRACE_WRITABLE_MS = 60000 };

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

/* --------------------------------------------------------------- a stop */

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

/*
 * A signal may come just before the worker waits for a request, so once is not
 * enough: see ending_press().
 */
static void tell(struct supervisor *s)
{
    s->told++;
    kill(s->worker, SIGTERM);
}

void ending_stop(struct supervisor *s)
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
            supervise_say(s, SHALE_LOG_WARNING,
                          "stopped while files were in use");
        if (err && s->writable)
            hand_over(target);
        if (err)
            tell(s);            /* clean_up() removes the mount */
        free(target);
        target = mounted_at(s);
    }
    free(target);
}

/* ---------------------------------------------------------------- the end */

/* The worker has ended: unmount what it has left, wherever that is. */
static void remove_dead(const struct supervisor *s)
{
    char why[SHALE_WHY_MAX];
    char *target = mounted_at(s);
    int err = 0;

    while (target && !err && is_dead(target)) {
        err = mount_detach(target, true, why);
        if (err)
            supervise_say(s, SHALE_LOG_ERROR, why);
        free(target);
        target = mounted_at(s);
    }
    free(target);
}

void ending_abort(const struct supervisor *s)
{
    char *target = mounted_at(s);
    char path[80];
    int fd;

    snprintf(path, sizeof path, "/sys/fs/fuse/connections/%u/abort", s->minor);
    fd = target ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (fd >= 0) {              /* which users can, too */
        if (write(fd, "1", 1) < 0)
            supervise_say(s, SHALE_LOG_ERROR, strerror(errno));
        close(fd);
    } else if (target) {
        umount2(target, MNT_FORCE | UMOUNT_NOFOLLOW);
    }
    free(target);
}

int ending_clean_up(struct supervisor *s)
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
        supervise_say(s, SHALE_LOG_ERROR, text);
    }
    if (killed && s->stopping && s->ready && !s->writable)
        status = MOUNT_OK;      /* nothing is lost */
    else
        status = killed ? MOUNT_SYSTEM : WEXITSTATUS(s->worker_status);
    outcome_set(s->outcome, status ? OUTCOME_FAILED : OUTCOME_WRITTEN);
    return status;
}

void ending_press(struct supervisor *s)
{
    unsigned patience = s->writable ? GRACE_WRITABLE_MS : GRACE_MS;

    if (s->told < patience / TELL_MS)
        tell(s);
    else
        kill(s->worker, SIGKILL);
}
