/*
 * serve.c - threads that take requests from the kernel and answer them
 *
 * libfuse decodes requests and encodes replies; which thread reads from which
 * descriptor is decided here. All threads are there from the start, each with
 * a channel of its own: a clone of the /dev/fuse descriptor and memory for the
 * largest reply. So nothing is created while serving, and the system calls for
 * creating things are forbidden first.
 *
 * One client that waits for each answer is served best by one thread, with its
 * caches warm: the kernel would wake several in turn. So the main thread serves
 * alone, and the helpers sleep at the gate. Whenever a thread, about to answer,
 * finds that another request is there already, it lets one helper through; and
 * a helper goes back to sleep after a while in which that never happened.
 *
 * Serving ends when the kernel says so, since nothing is mounted any more, or
 * with SIGTERM. Then the requests being served are still answered, and the
 * caller goes on to write what is not written.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/fuse.h>

#include "fuse/ops.h"

enum { THREADS_MIN = 4, THREADS_DEFAULT_MAX = 8, THREADS_MAX = 64 };

/* Requests after which a helper that was never needed goes to sleep. */
enum { HELPER_PATIENCE = 64 };

/*
 * To ask whether another request waits takes a system call, a few percent of
 * what a lookup costs. So only every so many of the quick ones ask.
 */
enum { ASK_EVERY = 8 };

/* Bytes from which on copying is most of what a read or a write costs. */
enum { LARGE = 65536 };

/* How often those that wait for a request are told to stop. */
enum { STOP_MS = 20 };

struct server;

/* One thread's way to the kernel. A reply goes out where its request came. */
struct channel {
    struct server *server;
    int fd;
    void *scratch;              /* SERVE_SCRATCH bytes */
    struct relay relay;
    uint64_t unique;            /* of the request that is being answered */
    unsigned quick;             /* requests so far, reads left out */
    bool ask;                   /* whether more wait, before this reply */
    bool crowded;               /* when it last asked, a request waited */
};

static _Thread_local struct channel *channel;

struct server {
    const struct service *service;
    struct fuse_session *session;
    sem_t gate;                 /* where they sleep; a post lets one through */
    atomic_int asleep;          /* helpers that nobody has called */
    atomic_bool writing_out;    /* a thread waits for what others answer */
    struct thread {
        pthread_t id;
        struct server *server;
        struct channel channel;
    } threads[THREADS_MAX];
    unsigned count;             /* threads, the main one included */
};

void *serve_scratch(void)
{
    return channel->scratch;
}

struct relay *serve_relay(void)
{
    return &channel->relay;
}

uint64_t serve_unique(void)
{
    return channel->unique;
}

static atomic_bool stopped;      /* by a signal, which any thread may get */

static void on_stop(int signal)
{
    (void)signal;
    stopped = true;
}

/* ------------------------------------------------------------- channels */

static ssize_t channel_read(int fd, void *buf, size_t len, void *context)
{
    (void)fd, (void)context;
    return read(channel->fd, buf, len);
}

/* Has the kernel another request right now? */
static bool more_waiting(void)
{
    struct pollfd waiting = { .fd = channel->fd, .events = POLLIN };

    return poll(&waiting, 1, 0) > 0 && waiting.revents & POLLIN;
}

static ssize_t channel_writev(int fd, struct iovec *iov, int count,
                              void *context)
{
    (void)fd;
    raw_reply(context, iov, count);
    /* Afterwards it could be the next one of the client that we answer. */
    if (channel->ask)
        channel->crowded = more_waiting();
    return writev(channel->fd, iov, count);
}

bool serve_send(int pipe, size_t len)
{
    if (channel->ask)
        channel->crowded = more_waiting();
    return splice(pipe, NULL, channel->fd, NULL, len, 0) == (ssize_t)len;
}

void serve_notify(int code)
{
    const struct fuse_out_header message = { .len = sizeof message,
                                             .error = code };

    /* A kernel that does not know it has not been relied upon. */
    if (write(channel->fd, &message, sizeof message) < 0)
        return;
}

static const struct fuse_custom_io channel_io = {
    .read = channel_read,
    .writev = channel_writev,
};

/* A second descriptor for the mount behind FD; FD itself if there is none. */
static int clone_device(int fd)
{
    int clone = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    uint32_t source = (uint32_t)fd;

    if (clone < 0)
        return fd;
    if (ioctl(clone, FUSE_DEV_IOC_CLONE, &source) < 0) {
        close(clone);
        return fd;
    }
    return clone;
}

static bool channel_init(struct channel *out, struct server *server, int fd)
{
    out->server = server;
    out->fd = fd;
    out->scratch = mmap(NULL, SERVE_SCRATCH, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    relay_init(&out->relay);
    return out->scratch != MAP_FAILED;
}

static void channel_fini(const struct channel *old, int session_fd)
{
    if (old->fd != session_fd)
        close(old->fd);
    if (old->scratch && old->scratch != MAP_FAILED)
        munmap(old->scratch, SERVE_SCRATCH);
    if (old->scratch)
        relay_fini(&old->relay);
}

/* -------------------------------------------------------------- threads */

/* Does nobody wait for the answer, if there is one? */
static bool is_afterthought(uint32_t opcode)
{
    return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET ||
           opcode == FUSE_RELEASE || opcode == FUSE_RELEASEDIR;
}

/* Note what the supervisor, and this thread's reply, will want to know. */
static void note_request(const struct service *service, const void *request)
{
    const struct fuse_in_header *header = request;
    const void *body = header + 1;
    const struct fuse_read_in *in = body;
    bool moves = header->opcode == FUSE_READ || header->opcode == FUSE_WRITE;
    bool large = moves && in->size > LARGE;     /* at the same place in both */

    _Static_assert(offsetof(struct fuse_read_in, size) ==
                       offsetof(struct fuse_write_in, size), "one place");
    channel->unique = header->unique;
    channel->ask = moves || ++channel->quick % ASK_EVERY == 0;
    if (!is_afterthought(header->opcode) &&
        placement_note(service->placement, (pid_t)header->pid, large))
        report_send(service->report_fd, REPORT_BUSY, "");
}

/* Take and answer one request. False if there are no more. */
static bool serve_one(struct server *server, struct fuse_buf *buf)
{
    int got = fuse_session_receive_buf(server->session, buf);

    if (got == -EINTR || got == -EAGAIN)
        return true;
    if (got <= 0)
        return false;
    note_request(server->service, buf->mem);
    raw_request(server->service, buf);
    fuse_session_process_buf(server->session, buf);
    return true;
}

static void call_helper(struct server *server)
{
    int asleep = atomic_load(&server->asleep);

    while (asleep > 0)
        if (atomic_compare_exchange_weak(&server->asleep, &asleep,
                                         asleep - 1)) {
            sem_post(&server->gate);
            return;
        }
}

/*
 * While one thread waits for the kernel, which waits for the answers of others,
 * none of these stops or goes to sleep.
 */
bool serve_write_out(uint64_t node, uint64_t offset, uint64_t len)
{
    struct server *server = channel->server;
    bool may;

    if (server->count < 2 || atomic_exchange(&server->writing_out, true))
        return false;
    may = !stopped;
    if (may) {
        call_helper(server);
        fuse_lowlevel_notify_inval_inode(server->session, node, (off_t)offset,
                                         (off_t)len);
    }
    atomic_store(&server->writing_out, false);
    if (stopped)
        pthread_kill(server->threads[0].id, SIGTERM);   /* it may have stayed */
    return may;
}

static bool is_over(const struct server *server)
{
    return fuse_session_exited(server->session) ||
           (stopped && !atomic_load(&server->writing_out));
}

/*
 * Serve until there are no more requests (false), or until PATIENCE of them in
 * a row came one at a time (true).
 */
static bool serve_many(struct server *server, struct fuse_buf *buf,
                       unsigned patience)
{
    unsigned alone = 0;

    while (alone < patience) {
        if (is_over(server) || !serve_one(server, buf))
            return false;
        alone++;
        if (channel->crowded)
            call_helper(server);
        if (channel->crowded || atomic_load(&server->writing_out))
            alone = 0;
        channel->crowded = false;
    }
    return true;
}

static void *helper_main(void *context)
{
    struct thread *thread = context;
    struct server *server = thread->server;
    struct fuse_buf buf = { .mem = NULL };

    channel = &thread->channel;
    placement_join(server->service->placement);
    do {
        atomic_fetch_add(&server->asleep, 1);
        if (atomic_load(&server->writing_out))
            call_helper(server);        /* which may be this one */
        while (sem_wait(&server->gate) < 0)
            continue;
    } while (serve_many(server, &buf, HELPER_PATIENCE));
    free(buf.mem);
    return NULL;
}

/*
 * How many suit the machine: enough to keep its processors, and the disk below
 * a cold image, busy. An idle one costs some kilobytes of stack.
 */
unsigned serve_threads(const struct mount_options *options)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (options->single)
        return 1;
    if (options->threads)
        return options->threads < THREADS_MAX ? options->threads : THREADS_MAX;
    if (processors < THREADS_MIN)
        return THREADS_MIN;
    return processors < THREADS_DEFAULT_MAX ? (unsigned)processors
                                            : THREADS_DEFAULT_MAX;
}

/* Start the threads. Fewer than asked will do. */
static void start_threads(struct server *server, unsigned count, int fd)
{
    while (server->count < count) {
        struct thread *thread = &server->threads[server->count];

        thread->server = server;
        if (!channel_init(&thread->channel, server, clone_device(fd)) ||
            pthread_create(&thread->id, NULL, helper_main, thread) != 0) {
            channel_fini(&thread->channel, fd);
            break;
        }
        server->count++;
    }
}

/*
 * Wait for THREAD's end. It may be waiting for a request, or about to. (Not by
 * pthread_clockjoin_np(), which ThreadSanitizer does not know.)
 */
static void join(pthread_t thread)
{
    struct timespec until;

    do {
        if (stopped)
            pthread_kill(thread, SIGTERM);
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += STOP_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
    } while (pthread_timedjoin_np(thread, NULL, &until) == ETIMEDOUT);
}

/* Serve until the end, which is seen by every thread that is awake. */
static void serve_all(struct server *server)
{
    struct fuse_buf buf = { .mem = NULL };

    while (serve_many(server, &buf, UINT_MAX))
        continue;
    free(buf.mem);
    for (unsigned i = 1; i < server->count; i++)
        sem_post(&server->gate);
    for (unsigned i = 1; i < server->count; i++)
        join(server->threads[i].id);
}

/* -------------------------------------------------------------- session */

static struct fuse_session *session_create(struct service *service, int fd)
{
    char program[] = "shale", debug[] = "-d";
    char *argv[] = { program, debug, NULL };
    struct fuse_args args = FUSE_ARGS_INIT(1, argv);
    struct fuse_session *session;

    if (service->options->debug)
        args.argc = 2;
    session = fuse_session_new(&args, &service_ops, sizeof service_ops,
                               service);
    fuse_opt_free_args(&args);
    if (!session)
        return NULL;
    if (fuse_session_custom_io(session, &channel_io, fd) != 0) {
        fuse_session_destroy(session);
        return NULL;
    }
    return session;
}

/* Answer INIT, with all rights given up. */
static bool begin(struct server *server, const struct service *service)
{
    struct fuse_buf buf = { .mem = NULL };

    while (!service->started && !fuse_session_exited(server->session) &&
           serve_one(server, &buf))
        continue;
    free(buf.mem);
    return service->started && !fuse_session_exited(server->session);
}

/*
 * Start what needs system calls that serving does not, and then forbid those.
 * Nobody waits for it: who asked for the mount has been told already, and no
 * request but INIT is answered before.
 */
static void lock_in(struct server *server, int fd)
{
    char text[SHALE_WHY_MAX];

    start_threads(server, serve_threads(server->service->options), fd);
    if (sandbox_filter(server->service->writable))
        return;
    snprintf(text, sizeof text, "serving without a system call filter: %s",
             strerror(errno));
    log_text(server->service->log, SHALE_LOG_WARNING, text);
}

/*
 * The threads that write back and tell of memory are not among those whose
 * placement changes, so they come before they do.
 */
static bool prepare(struct service *service)
{
    if (!memory_start(service))
        return false;
    if (!service->writable)
        return true;
    /* What we write is how the kernel gets rid of dirty pages of ours. */
    prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
    return writeback_start(service);
}

int serve(struct service *service, int fd, void (*ready)(void *context),
          void *context)
{
    const struct sigaction stop = { .sa_handler = on_stop };    /* no restart */
    struct server *server = calloc(1, sizeof *server);
    int status = MOUNT_SYSTEM;

    if (!server)
        return MOUNT_SYSTEM;
    sem_init(&server->gate, 0, 0);
    server->service = service;
    server->count = 1;
    placement_join(service->placement);
    server->threads[0].id = pthread_self();
    server->threads[0].channel.fd = fd;
    server->session = session_create(service, fd);
    if (!server->session ||
        !channel_init(&server->threads[0].channel, server, fd)) {
        complain(NULL, "cannot start a FUSE session: out of memory");
        goto out;
    }
    channel = &server->threads[0].channel;
    service->session = server->session;
    if (!prepare(service)) {
        complain(NULL, "cannot start a thread: %s", strerror(errno));
        goto out;
    }
    placement_survive(service->placement);
    if (!sandbox_drop_rights()) {
        complain(NULL, "cannot give up rights: %s", strerror(errno));
        goto out;
    }
    if (!begin(server, service)) {
        complain(NULL, "the kernel's FUSE is too old, or was unmounted again");
        goto out;
    }
    sigaction(SIGTERM, &stop, NULL);
    ready(context);
    lock_in(server, fd);
    serve_all(server);
    status = MOUNT_OK;
out:
    writeback_stop(service);
    memory_stop(service);
    for (unsigned i = 0; i < server->count; i++)
        channel_fini(&server->threads[i].channel, fd);
    if (server->session)
        fuse_session_destroy(server->session);
    else
        close(fd);
    free(server);
    return status;
}
