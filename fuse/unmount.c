/*
 * unmount.c - shale umount
 *
 * Unmounting is over, for the kernel, before the daemon has closed its image.
 * Who copies or changes the image next wants to know when that has happened,
 * so we look for the daemon first, by the name that carries the mount's device
 * number, and return when it has ended; and tell if it could not write all.
 */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuse/daemon.h"

/* A mount that lives on in another namespace keeps its daemon. */
enum { WAIT_MS = 10000 };

/* ---------------------------------------------------------- its daemon */

/* Is process PID, whose folder in /proc is DIR, called NAME and trusted? */
static bool is_daemon(int proc, const char *pid, const char *name,
                      unsigned user)
{
    char path[64], comm[DAEMON_NAME_MAX + 2] = "";
    struct stat st;
    FILE *file;

    snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
    file = fopen(path, "re");
    if (!file)
        return false;
    if (!fgets(comm, sizeof comm, file))
        comm[0] = '\0';
    fclose(file);
    comm[strcspn(comm, "\n")] = '\0';
    return strcmp(comm, name) == 0 && fstatat(proc, pid, &st, 0) == 0 &&
           (st.st_uid == 0 || st.st_uid == user);
}

/* Wait until the process behind FD has ended. False after MS milliseconds. */
static bool await_end(int fd, int ms)
{
    struct pollfd waiting = { .fd = fd, .events = POLLIN };
    int got;

    do {
        got = poll(&waiting, 1, ms);
    } while (got < 0 && errno == EINTR);
    return got != 0;
}

/* A process that supervises a mount: descriptors of it and of its outcome. */
struct daemon {
    int fd, outcome;            /* -1: none */
    bool serving;
};

static void close_daemon(struct daemon *daemon)
{
    if (daemon->fd >= 0)
        close(daemon->fd);
    if (daemon->outcome >= 0)
        close(daemon->outcome);
    *daemon = (struct daemon){ -1, -1, false };
}

/* Open PID; false if it has ended, and nobody has collected it yet. */
static bool open_process(pid_t pid, struct daemon *out)
{
    char words[SHALE_WHY_MAX];

    *out = (struct daemon){ (int)syscall(SYS_pidfd_open, pid, 0), -1, false };
    if (out->fd >= 0 && await_end(out->fd, 0))
        close_daemon(out);
    if (out->fd < 0)
        return false;
    out->outcome = outcome_open(pid);
    out->serving = outcome_read(out->outcome, words) == OUTCOME_SERVING;
    return true;
}

/*
 * The process that supervises ENTRY. An earlier mount may have had the same
 * device number and be gone for the kernel, while its daemon still closes its
 * image: the one that serves is preferred, or else the later one.
 */
static struct daemon open_daemon(const struct mount_entry *entry)
{
    const char *id = strstr(entry->options, "user_id=");
    unsigned user = 0;
    char name[DAEMON_NAME_MAX];
    struct daemon best = { -1, -1, false }, found;
    struct dirent *process;
    DIR *proc = opendir("/proc");

    if (!proc)
        return best;
    if (id)
        sscanf(id, "user_id=%u", &user);
    daemon_name(entry->major, entry->minor, name);
    while ((process = readdir(proc))) {
        if (process->d_name[0] < '1' || process->d_name[0] > '9' ||
            !is_daemon(dirfd(proc), process->d_name, name, user) ||
            !open_process(atoi(process->d_name), &found))
            continue;
        if (best.serving && !found.serving) {
            close_daemon(&found);
            continue;
        }
        close_daemon(&best);
        best = found;
    }
    closedir(proc);
    return best;
}

/* ------------------------------------------------------------ the mount */

/* Did we mount ENTRY? With -o subtype=, its daemon alone can tell. */
static bool is_ours(const struct mount_entry *entry)
{
    struct daemon daemon;
    bool found;

    if (mount_is_shale(entry))
        return true;
    daemon = open_daemon(entry);
    found = daemon.fd >= 0;
    close_daemon(&daemon);
    return found;
}

/* Where else, by a bind mount, ENTRY's filesystem is. NULL: nowhere, now. */
static char *another_mount(const struct mount_entry *entry)
{
    const struct mount_entry *found;
    struct mount_entry *table;
    char *target = NULL;
    size_t count;

    if (mount_table_read(&table, &count) != 0)
        return NULL;
    found = mount_table_device(table, count, entry->major, entry->minor);
    if (found && strcmp(found->source, entry->source) == 0)
        target = strdup(found->target);
    mount_table_free(table, count);
    return target;
}

/* ENTRY is unmounted. Wait until DAEMON, its own, has ended. Returns an exit
   status. */
static int await_daemon(const struct mount_entry *entry,
                        const struct daemon *daemon)
{
    char *other = another_mount(entry);
    char words[SHALE_WHY_MAX];
    bool ended;

    if (other) {
        complain(entry->target, "unmounted, but its daemon goes on; it is also "
                 "mounted on %s", other);
        free(other);
        return MOUNT_FAILED;
    }
    do {
        ended = await_end(daemon->fd, WAIT_MS);
    } while (!ended &&
             outcome_read(daemon->outcome, words) == OUTCOME_CLOSING);
    if (!ended) {
        complain(entry->target, "unmounted here, but its daemon goes on; "
                 "perhaps another container or mount namespace still has it");
        return MOUNT_FAILED;
    }
    if (outcome_read(daemon->outcome, words) != OUTCOME_FAILED)
        return MOUNT_OK;
    complain(entry->target, "unmounted, but %s",
             *words ? words : "its daemon failed; the volume needs a check");
    return MOUNT_FAILED;
}

static int detach(const struct mount_entry *entry, bool lazy)
{
    char why[SHALE_WHY_MAX];
    struct daemon daemon = open_daemon(entry);
    int err = mount_detach(entry->target, lazy, why);
    int status = MOUNT_OK;

    if (err == EBUSY)
        complain(entry->target, "in use (fuser -vm %s shows by whom); -l "
                 "detaches it at once and ends it when nobody uses it",
                 entry->target);
    else if (err)
        complain(entry->target, "%s", why);
    if (err)
        status = err == EPERM ? MOUNT_USAGE : MOUNT_FAILED;
    else if (daemon.fd >= 0 && !lazy)
        status = await_daemon(entry, &daemon);
    close_daemon(&daemon);
    return status;
}

/* The only mount whose source is the image WHAT; says so if there is none. */
static const struct mount_entry *find_image(const struct mount_entry *entries,
                                            size_t count, const char *what)
{
    const struct mount_entry *found = NULL;
    char *source = realpath(what, NULL);

    for (size_t i = 0; i < count; i++) {
        if (!mount_is_shale(&entries[i]) ||
            strcmp(entries[i].source, source ? source : what) != 0)
            continue;
        if (found) {
            complain(what, "mounted on %s and on %s; say which",
                     found->target, entries[i].target);
            free(source);
            return NULL;
        }
        found = &entries[i];
    }
    if (!found)
        complain(what, "not mounted");
    free(source);
    return found;
}

int daemon_unmount(const char *what, bool lazy)
{
    const struct mount_entry *entry = NULL;
    struct mount_entry *table;
    char *target = mount_resolve(what);
    int status = MOUNT_FAILED;
    size_t count;
    int err = mount_table_read(&table, &count);

    if (err) {
        complain("/proc/self/mountinfo", "%s", strerror(err));
        free(target);
        return MOUNT_SYSTEM;
    }
    if (target)
        entry = mount_table_top(table, count, target);
    if (entry && !is_ours(entry)) {
        complain(what, "not ours: a mount of type %s; umount %s removes it",
                 entry->type, what);
        entry = NULL;
    } else if (!entry) {
        entry = find_image(table, count, what);
    }
    if (entry)
        status = detach(entry, lazy);
    mount_table_free(table, count);
    free(target);
    return status;
}
