/*
 * memory.c - what the daemon has in memory, for those who ask
 *
 * Who mounted, and root, may read it from an attribute of the mount's root,
 * which is in no list: a line for each key, its name and its value. And with
 * SIGUSR1 a summary goes to the log. A thread waits for that signal, which all
 * others block: so it interrupts nothing.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/ops.h"
#include "fuse/told.h"
#include "shale/cache.h"
#include "shale/fs.h"

/* ------------------------------------------------------------ attribute */

/* Numbers may have become longer when who asked for the length comes back. */
enum { SLACK = 256 };

struct lines {
    struct shale_describe base;
    char *at;
    size_t size, len;           /* bytes there are; written */
};

static void line(struct lines *lines, const char *key, const char *value)
{
    int len = snprintf(lines->at + lines->len, lines->size - lines->len,
                       "%s %s\n", key, value);

    if (len > 0 && (size_t)len < lines->size - lines->len)
        lines->len += (size_t)len;
}

static void line_text(struct shale_describe *to, const char *key,
                      const char *value)
{
    line((struct lines *)to, key, value);
}

static void line_number(struct shale_describe *to, const char *key,
                        uint64_t value)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, value);
    line((struct lines *)to, key, text);
}

static void line_time(struct shale_describe *to, const char *key,
                      int64_t seconds)
{
    (void)to, (void)key, (void)seconds;         /* there is none */
}

/* What is told of SERVICE, in the SIZE bytes of TEXT; returns its length. */
static size_t describe(const struct service *service, char *text, size_t size)
{
    struct lines lines = {
        { line_text, line_number, line_time, line_text }, text, size, 0,
    };
    struct shale_describe *to = &lines.base;
    struct known_stats known;

    known_stats(service->known, &known);
    to->text(to, "filesystem", shale_fs_name(service->fs));
    to->number(to, "known_nodes", known.nodes);
    to->number(to, "known_in_sums", known.summed);
    to->number(to, "known_bytes", known.bytes);
    to->number(to, "known_budget_bytes", known.room);
    shale_describe_memory(service->fs, service->mem,
                          serve_threads(service->options), to);
    return lines.len;
}

bool memory_asked(fuse_ino_t node, const char *name)
{
    return node == FUSE_ROOT_ID && strcmp(name, MEMORY_ATTRIBUTE) == 0;
}

void memory_reply(fuse_req_t req, size_t size)
{
    const struct service *service = service_of(req);
    uid_t who = fuse_req_ctx(req)->uid;
    char *text = serve_scratch();
    size_t len;

    if (who != 0 && who != service->owner) {
        fuse_reply_err(req, EACCES);
        return;
    }
    len = describe(service, text, SERVE_SCRATCH);
    if (size == 0)
        fuse_reply_xattr(req, len + SLACK);
    else if (size < len)
        fuse_reply_err(req, ERANGE);
    else
        fuse_reply_buf(req, text, len);
}

/* --------------------------------------------------------------- signal */

struct teller {
    const struct service *service;
    pthread_t thread;
    atomic_bool stop;
};

static void tell(const struct service *service)
{
    struct shale_cache_stats cache;
    struct shale_vnode_stats vnodes;
    struct shale_mem_stats mem;
    struct known_stats known;
    char text[SHALE_WHY_MAX];

    shale_mem_stats(service->mem, &mem);
    shale_fs_cache_stats(service->fs, &cache);
    shale_fs_vnode_stats(service->fs, &vnodes);
    known_stats(service->known, &known);
    snprintf(text, sizeof text, "memory: %zu KiB of %zu KiB, %zu KiB live, "
             "%zu KiB at most; metadata %zu KiB, %" PRIu64 " hits, %" PRIu64
             " misses; %zu vnodes; the kernel knows %" PRIu64 " files",
             mem.borrowed >> 10, mem.budget >> 10, mem.live >> 10,
             (mem.peak + 1023) >> 10, cache.bytes >> 10, cache.hits,
             cache.misses, vnodes.used + vnodes.unused, known.nodes);
    log_text(service->log, SHALE_LOG_INFO, text);
}

static void wanted_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGUSR1);
}

static void *teller_main(void *context)
{
    struct teller *teller = context;
    sigset_t set;
    int signal;

    wanted_signals(&set);
    for (;;) {
        if (sigwait(&set, &signal) != 0)
            continue;
        if (atomic_load(&teller->stop))
            return NULL;
        tell(teller->service);
    }
}

void memory_block_signal(void)
{
    sigset_t set;

    wanted_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

bool memory_start(struct service *service)
{
    struct teller *teller = calloc(1, sizeof *teller);

    if (!teller)
        return false;
    teller->service = service;
    errno = pthread_create(&teller->thread, NULL, teller_main, teller);
    if (errno) {
        free(teller);
        return false;
    }
    service->teller = teller;
    return true;
}

void memory_stop(struct service *service)
{
    struct teller *teller = service->teller;

    if (!teller)
        return;
    atomic_store(&teller->stop, true);
    pthread_kill(teller->thread, SIGUSR1);
    pthread_join(teller->thread, NULL);
    free(teller);
    service->teller = NULL;
}
