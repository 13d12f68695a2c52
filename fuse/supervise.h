/*
 * supervise.h - what the files of the supervisor share
 *
 *     supervise.c   its start, and its loop
 *     ready.c       what follows when the mount works
 *     ending.c      how it is made to end, and what follows then
 */
#ifndef SHALE_FUSE_SUPERVISE_H
#define SHALE_FUSE_SUPERVISE_H

#include "fuse/daemon.h"

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

/* Tell whoever may listen, now, about the mount. */
void supervise_say(const struct supervisor *s, enum shale_level level,
                   const char *text);

/*
 * Make the pid file, early, so that it fails while somebody is there to be
 * told. Returns an exit status.
 */
int ready_pid_file(struct supervisor *s, const char *path);

/* The mount works: tell everybody, and go into the background. */
void ready_announce(struct supervisor *s);

/*
 * How long a worker may take to notice that nothing is mounted any more, or
 * that it shall stop; and how often it is told.
 */
enum { GRACE_MS = 3000, TELL_MS = 100 };

/*
 * A signal says stop: unmount, and the worker notices, and ends. If somebody
 * still uses the mount, he loses it: the worker is told to end. Either way it
 * writes first what it has to.
 */
void ending_stop(struct supervisor *s);

/*
 * It should have ended, or said that it is about to. Perhaps another mount
 * namespace holds the mount, so that it does not know. Tell it, again and
 * again; and at last make it.
 */
void ending_press(struct supervisor *s);

/*
 * The worker was killed, but a thread of it waits for the kernel, which waits
 * for what nobody answers any more (serve_write_out()). Break that.
 */
void ending_abort(const struct supervisor *s);

/* The worker has ended. Leave nothing behind; returns the exit status. */
int ending_clean_up(struct supervisor *s);

#endif /* SHALE_FUSE_SUPERVISE_H */
