/*
 * daemon.h - what the files of the FUSE daemon share
 *
 * Mounting an image takes three processes, of which two remain:
 *
 *     the caller      waits for the outcome, returns it as its exit status
 *     the supervisor  keeps the right to unmount, and does nothing else
 *     the worker      opens the image, mounts it, gives up every right it no
 *                     longer needs, and serves the kernel's requests
 *
 * The worker handles bytes that a stranger may have written, so it is the one
 * that is locked in. It talks to the supervisor through reports (report.c).
 * In the foreground the caller is itself the supervisor.
 */
#ifndef SHALE_FUSE_DAEMON_H
#define SHALE_FUSE_DAEMON_H

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "shale/host.h"

struct fuse_session;

/* Exit statuses: mount(8)'s. */
enum {
    MOUNT_OK = 0,
    MOUNT_USAGE = 1,            /* wrong usage, or no permission */
    MOUNT_SYSTEM = 2,           /* no memory, no process, no pid file ... */
    MOUNT_FAILED = 32,          /* the image or the mount point did not do */
};

/* ------------------------------------------------------------ options.c */

/* Shall the volume be written to? */
enum mount_write {
    WRITE_IF_POSSIBLE,
    WRITE_NEVER,
    WRITE_ALWAYS,               /* or fail */
};

/* What the mount shall be like. */
struct mount_options {
    struct option_list *lists;  /* that strings below point into */

    const char *image;          /* as given */
    const char *dir;            /* as given */
    char *source;               /* what /proc/mounts shows: absolute path */
    char *target;               /* absolute mount point; NULL if dir_fd >= 0 */
    int dir_fd;                 /* /dev/fuse already open and mounted; or -1 */

    /* Which volume. */
    unsigned part;
    bool has_offset;
    uint64_t offset, size_limit;
    const char *type;
    char *driver_options;       /* "sb=131072,..." or NULL */

    /* Running. */
    bool foreground, debug, single;
    bool fake;                  /* mount(8) -f: everything but the mount */
    bool helper;                /* called by mount(8) */
    const char *pid_file;
    int ready_fd;               /* or -1 */
    unsigned threads;           /* 0: as many as suit the machine */

    /* The mount. */
    enum mount_write write;
    bool errors_continue;       /* a write error does not make it read-only */
    bool flush;                 /* write changes back soon */
    bool has_cache;
    uint64_t cache;             /* bytes the volume may take; see budget.c */
    bool allow_other, default_permissions;
    unsigned long flags;        /* MS_*, for mount(2) */
    char *security;             /* "context=...", for the kernel; or NULL */
    const char *fsname;         /* instead of source; or NULL */
    const char *subtype;
    unsigned max_read, max_readahead, max_background, congestion;   /* or 0 */
    bool sync_read;
    bool writeback_cache;       /* the kernel may put off what is written */

    /* What the kernel is told. */
    bool has_uid, has_gid;
    uint32_t uid, gid;
    uint32_t file_mask, dir_mask;       /* permission bits taken away */
    bool has_file_mask, has_dir_mask;
    bool no_owners;             /* the format has no idea of the above */
    bool fakeroot;              /* nobody checks owners and permissions */
    bool has_reserve_uid, has_reserve_gid;
    uint32_t reserve_uid, reserve_gid;  /* who may use the reserved blocks */
    bool strict_atime;          /* each read changes it */
    bool sys_immutable;         /* the system attribute forbids changes */
    bool quiet;                 /* owners that cannot be changed: no error */
    double entry_timeout, attr_timeout, negative_timeout;   /* seconds */
};

/*
 * Take one word: NAME, or NAME=VALUE (else NULL), as below; of option.c. The
 * strings have to live as long as OPTIONS.
 */
int option_take(struct mount_options *options, const char *name,
                const char *value, char *why);

/*
 * Take LIST apart, as it comes after -o, into OPTIONS. On failure stores one
 * line in WHY (SHALE_WHY_MAX bytes) and returns MOUNT_USAGE.
 */
int mount_options_parse(struct mount_options *options, const char *list,
                        char *why);

/* Check that the options agree with each other; as above. */
int mount_options_finish(struct mount_options *options, char *why);

/*
 * Complete them with what depends on the format: where it has no owners, all
 * files belong to who mounts.
 */
void mount_options_settle(struct mount_options *options,
                          const struct shale_fs *fs);

/* Make OPTIONS what a mount is if nobody says anything; and free them. */
void mount_options_init(struct mount_options *options);
void mount_options_fini(struct mount_options *options);

/* The row of the table that mount flag BIT is; NULL after the last. */
struct mount_flag {
    const char *name;           /* as fusermount3 takes it */
    unsigned long bit;
};
extern const struct mount_flag mount_flags[];        /* of option.c */

/* ------------------------------------------------------------- budget.c */

/* What -o cache=SIZE can be, bytes. */
#define BUDGET_MIN ((uint64_t)1 << 20)
#define BUDGET_MAX ((uint64_t)64 << 30)

/*
 * The memory that a volume mounted as OPTIONS say may take, WRITE: and changed;
 * and how much of it for what, which goes to CONFIG.
 */
void budget_choose(const struct mount_options *options, bool write,
                   struct shale_image_config *config);

/*
 * Is it enough for FS, mounted with it? If not, stores a line in WHY. The
 * largest blocks need more.
 */
bool budget_suffices(const struct mount_options *options, struct shale_fs *fs,
                     char *why);

/* How much of it for what is known of the kernel's nodes, bytes. */
size_t budget_for_known(const struct mount_options *options);

/* --------------------------------------------------------------- log.c */

/* "shale: SUBJECT: REASON" on stderr. SUBJECT may be NULL. */
void complain(const char *subject, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Where a running worker's messages go: to stderr if it is in the foreground,
 * else to the supervisor, which hands them to syslog. At most LOG_BURST in
 * LOG_SECONDS; the rest is counted.
 */
struct daemon_log {
    struct shale_log base;
    const char *subject;        /* what they are about: the image */
    int report_fd;              /* or -1: stderr */
    /*
     * Until the mount is there: an error would be told twice, and a failure is
     * to be one line, so warnings wait, as lines of text, for log_release().
     */
    bool starting;
    char held[2 * SHALE_WHY_MAX];
};

void log_init(struct daemon_log *log, const char *subject, int report_fd);
void log_release(struct daemon_log *log);

/* Keep TEXT as a warning; the last one kept, or ""; drop all that is kept. */
void log_hold(struct daemon_log *log, const char *text);
const char *log_last(struct daemon_log *log);
void log_drop(struct daemon_log *log);

void log_text(struct daemon_log *log, enum shale_level level, const char *text);

/* The supervisor's end: one line about SUBJECT to syslog. */
void log_syslog(enum shale_level level, const char *subject, const char *text);

/* ------------------------------------------------------------ report.c */

/* What a worker tells its supervisor. */
enum report_kind {
    REPORT_MOUNTED = 'M',       /* the kernel has the mount; "w": writable */
    REPORT_READY = 'R',         /* and its first request was answered */
    REPORT_BUSY = 'B',          /* requests come again: look at placement */
    REPORT_LOG = 'L',           /* a line for syslog, after its level */
    REPORT_CLOSING = 'C',       /* served its last request; now it writes */
    REPORT_FAILED = 'F',        /* which it could not; words say why */
};

#define REPORT_MAX (SHALE_WHY_MAX + 2)

/* Both ends of a channel that keeps messages apart. 0 or an errno. */
int report_open(int fds[2]);

/* Never blocks: what does not fit is lost. */
void report_send(int fd, enum report_kind kind, const char *text);

/* ----------------------------------------------------------- outcome.c */

/* How far a mount is on its way to its end. */
enum outcome {
    OUTCOME_UNKNOWN = 0,
    OUTCOME_SERVING = 's',
    OUTCOME_CLOSING = 'c',      /* unmounted; writes what it has */
    OUTCOME_WRITTEN = 'w',
    OUTCOME_FAILED = 'f',       /* words may say why */
};

/* The supervisor: a descriptor to note it in, or -1, which the others take. */
int outcome_create(void);
void outcome_set(int fd, enum outcome state);
void outcome_words(int fd, const char *text);

/*
 * Somebody else: a descriptor to read it from, of the daemon with that process
 * id, or -1. Words go to WORDS (SHALE_WHY_MAX bytes), "" if there are none.
 */
int outcome_open(pid_t supervisor);
enum outcome outcome_read(int fd, char *words);

/* ------------------------------------------------------------- mount.c */

/*
 * The absolute path of DIR, also where its last component is a dead mount.
 * Allocated; NULL with errno set.
 */
char *mount_resolve(const char *dir);

/*
 * Check that OPTIONS->dir can be mounted on, and fill in source, target and
 * dir_fd. Returns an exit status, having complained.
 */
int mount_prepare(struct mount_options *options);

/*
 * Mount. Stores the /dev/fuse descriptor that serves it in *FD. Returns an
 * exit status; on failure stores a line in WHY.
 */
int mount_attach(const struct mount_options *options, int *fd, char *why);

/*
 * Unmount TARGET, LAZY: detach now and finish when nobody uses it any more.
 * Returns 0, or an errno value with a line in WHY.
 */
int mount_detach(const char *target, bool lazy, char *why);

/* -------------------------------------------------------- fusermount.c */

/*
 * Ask the setuid helper fusermount3 to mount / unmount, as an ordinary user
 * must. As mount_attach() and mount_detach().
 */
int fusermount_attach(const struct mount_options *options, int *fd, char *why);
int fusermount_detach(const char *target, bool lazy, char *why);

/* --------------------------------------------------------- mountinfo.c */

/* A line of /proc/self/mountinfo. */
struct mount_entry {
    unsigned major, minor;
    char *target;
    char *type;
    char *source;
    char *options;              /* the filesystem's own */
};

/*
 * Read the table. Stores an array and its length; mount_table_free() both.
 * 0 or an errno value.
 */
int mount_table_read(struct mount_entry **out, size_t *count);
void mount_table_free(struct mount_entry *entries, size_t count);

/* The mount on top at TARGET; NULL if nothing is mounted there. */
const struct mount_entry *mount_table_top(const struct mount_entry *entries,
                                          size_t count, const char *target);

/*
 * Where the filesystem with device number MAJOR:MINOR is mounted and not hidden
 * by another mount on top; NULL if nowhere.
 */
const struct mount_entry *mount_table_device(const struct mount_entry *entries,
                                             size_t count, unsigned major,
                                             unsigned minor);

/* Is it one of ours? */
bool mount_is_shale(const struct mount_entry *entry);

/* ----------------------------------------------------------- convert.c */

struct fuse_entry_param;
struct service;
struct stat;

/*
 * FUSE gives the root node number 1, whatever its inode number. Swap the two:
 * every other node's number is its inode number, so that no table is needed.
 * But 0, which is none to FUSE and to readdir(3) and a file to NTFS, is swapped
 * with a number that no file has.
 */
uint64_t convert_node(uint64_t root_ino, uint64_t number);

/* What stat(2) shows for inode number INO. */
uint64_t convert_ino(uint64_t ino);

/* ATTR as the kernel shall see it. */
void convert_attr(const struct mount_options *options,
                  const struct shale_attr *attr, struct stat *out);

void convert_entry(const struct service *service,
                   const struct shale_attr *attr,
                   struct fuse_entry_param *out);

/* The type bits of a mode, for a listing; 0 if it is not known. */
mode_t convert_type(enum shale_type type);

/* The errno value to answer with for a negative shale_err. */
int convert_error(int64_t err);

/* --------------------------------------------------------------- ops.c */

struct fuse_lowlevel_ops;

/* What every request finds as its session's user data. */
struct service {
    const struct mount_options *options;
    struct shale_fs *fs;
    struct shale_mem *mem;              /* all that it takes is from here */
    const struct shale_bdev *dev;       /* its volume's, with a descriptor, if
                                   nothing changes it; else NULL */
    uint64_t root_ino;
    uid_t owner;                /* who mounts */
    bool writable;              /* it was when mounted */
    struct known *known;        /* what the kernel knows, where that counts:
                                   if it is writable; else NULL */
    struct placement *placement;        /* or NULL */
    struct writeback *writeback;        /* or NULL */
    struct teller *teller;              /* or NULL; see memory.c */
    struct daemon_log *log;
    int report_fd;
    struct fuse_session *session;

    /* Set by the first request, before there are threads to read them. */
    bool started;
    bool no_open, no_opendir;   /* the kernel can do without */
    bool strips_setgid;         /* it takes the bit from who may not have it */
    bool finds_holes;           /* it can be told to write what it has first */
    bool extended;              /* it says more with SETXATTR; see raw.c */
    double entry_timeout, absent_timeout;       /* seconds */
};

extern const struct fuse_lowlevel_ops service_ops;

/* --------------------------------------------------------- writeback.c */

/*
 * Start the thread that writes changes back; stop it, which writes nothing.
 * False, with errno set, if it cannot be started.
 */
bool writeback_start(struct service *service);
void writeback_stop(struct service *service);

/* ------------------------------------------------------------ memory.c */

/* SIGUSR1 is for the thread below: before any other is started. */
void memory_block_signal(void);

/* Start and stop the thread that answers it. False and errno as above. */
bool memory_start(struct service *service);
void memory_stop(struct service *service);

/* ------------------------------------------------------------- serve.c */

/*
 * Serve the mount behind descriptor FD, which is given away, until it is
 * unmounted. READY is called once the first request has been answered, with
 * all rights given up. Returns an exit status.
 */
int serve(struct service *service, int fd, void (*ready)(void *context),
          void *context);

/* How many threads serve a mount with OPTIONS. */
unsigned serve_threads(const struct mount_options *options);

/* This thread's scratch memory: as large as the largest reply. */
#define SERVE_SCRATCH ((size_t)1 << 20)
void *serve_scratch(void);

/*
 * Have the kernel write what it has unwritten of the LEN bytes at OFFSET of
 * NODE, which other threads take, and forget the rest. False if that cannot be
 * (now). No lock may be held.
 */
bool serve_write_out(uint64_t node, uint64_t offset, uint64_t len);

/* Tell the kernel something that needs no more words; see fuse_notify_code. */
#define SERVE_NOTIFY_INC_EPOCH 8
void serve_notify(int code);

/* ----------------------------------------------------------- sandbox.c */

/*
 * Give up, for this thread and all it starts, and for good: capabilities, and
 * ever gaining new ones. False if that fails; errno says why.
 */
bool sandbox_drop_rights(void);

/*
 * Then, for every thread of this process: all system calls but the few that
 * serving requests takes, WRITES: and changing the image. False if this kernel
 * cannot; errno says why.
 */
bool sandbox_filter(bool writes);

/* Close every descriptor but stdin, stdout, stderr and the COUNT at KEEP. */
void sandbox_close_others(const int *keep, size_t count);

/* --------------------------------------------------------- placement.c */

#define PLACEMENT_THREADS 64

/*
 * The name by which the supervisor of the mount with device number MAJOR:MINOR
 * goes in ps(1), and by which `shale umount` finds it to wait for.
 */
#define DAEMON_NAME_MAX 16
void daemon_name(unsigned major, unsigned minor, char out[DAEMON_NAME_MAX]);

/* What worker and supervisor share. All NULL where there is one processor. */
struct placement {
    atomic_uint requests;       /* so far */
    atomic_uint apart;          /* of those, from another caller than the one
                                   before, or large */
    atomic_int caller;          /* thread id of the last one */
    atomic_bool watched;        /* the supervisor is looking */
    cpu_set_t all;              /* processors that may be used */
    char name[DAEMON_NAME_MAX]; /* the supervisor's, once it has one */
    atomic_uint thread_count;
    atomic_int threads[PLACEMENT_THREADS];      /* ids of the worker's */
};

/* Before the worker is forked. */
struct placement *placement_create(void);

/* The worker: this thread serves. */
void placement_join(struct placement *p);

/*
 * The worker, which still has its rights: from now on, should the supervisor
 * die, go on without: be what was before placement, and take its name.
 */
void placement_survive(struct placement *p);

/*
 * The worker: thread CALLER sent a request, LARGE if copying is most of it.
 * True if the supervisor sleeps and has to be told (REPORT_BUSY).
 */
bool placement_note(struct placement *p, pid_t caller, bool large);

/* What the supervisor remembers from one look to the next. */
struct placement_watch {
    int processor;              /* where the worker is kept, or -1 */
    unsigned requests, apart;   /* seen so far */
    unsigned idle;              /* looks since the last request */
    unsigned rest;              /* looks until the worker may be moved again */
    bool tried, may_idle;       /* may we change policies? not known / known */
};

void placement_watch_init(struct placement_watch *watch);

/* Look, move the worker if need be. Milliseconds to the next look, or -1. */
int placement_tick(struct placement *p, struct placement_watch *watch);

/* ----------------------------------------------------------- worker.c */

/* Open, mount, serve, close: a process's whole life. Returns its status. */
int worker_run(struct mount_options *options, int report_fd,
               struct placement *placement);

/* -------------------------------------------------------- supervise.c */

/*
 * Do all that `shale mount` does after reading its command line; returns the
 * caller's exit status.
 */
int daemon_run(struct mount_options *options);

/* ----------------------------------------------------------- unmount.c */

/*
 * Do what `shale umount` does: unmount WHAT, a mount point or an image, and
 * wait until its daemon has ended, unless LAZY. Returns an exit status.
 */
int daemon_unmount(const char *what, bool lazy);

#endif /* SHALE_FUSE_DAEMON_H */
