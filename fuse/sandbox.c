/*
 * sandbox.c - what a worker can no longer do
 *
 * A worker interprets an image that a stranger may have made. Should one ever
 * take it over, it finds a process without capabilities, which cannot start
 * another program, open a file, make a socket or map executable memory: it can
 * read the image (and write to it, if it is mounted so) and answer the kernel,
 * as before, and no more.
 *
 * What is not allowed fails with EPERM (and a line in the audit log) rather
 * than killing the process, so that a C library that one day tries something
 * new degrades instead of taking the mount with it.
 */
#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fuse/daemon.h"

/* Sanitizers' run-time libraries do as they please, and report at the end. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

bool sandbox_drop_rights(void)
{
    struct __user_cap_header_struct header = {
        .version = _LINUX_CAPABILITY_VERSION_3,
    };
    struct __user_cap_data_struct none[2] = { { .effective = 0 } };
    const struct rlimit no_core = { 0, 0 };

    setrlimit(RLIMIT_CORE, &no_core);   /* it would hold the image's secrets */
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_capset, &header, none) == 0;
}

static const int allowed[] = {
    /* requests, the image, messages */
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(splice), SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat), SCMP_SYS(sendto), SCMP_SYS(poll), SCMP_SYS(ppoll),
    SCMP_SYS(close), SCMP_SYS(flock), SCMP_SYS(dup3),
    /* memory; mmap and mprotect see below */
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    /* threads, and their end; tgkill see below */
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq),
    SCMP_SYS(sched_yield), SCMP_SYS(exit), SCMP_SYS(exit_group),
    SCMP_SYS(getpid), SCMP_SYS(gettid),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigtimedwait),
    SCMP_SYS(restart_syscall),
    /* what the C library asks for on its own */
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(getrandom), SCMP_SYS(sched_getaffinity),
};

/* To write to the image, and to have it on the medium. */
static const int allowed_to_write[] = {
    SCMP_SYS(pwrite64), SCMP_SYS(pwritev), SCMP_SYS(fdatasync),
    SCMP_SYS(fsync),
};

static int allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int err = 0;

    for (size_t i = 0; !err && i < count; i++)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
    return err;
}

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

bool sandbox_filter(bool writes)
{
    scmp_filter_ctx filter;
    int err = 0;

    if (SANITIZED)
        return true;
    filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter) {
        errno = ENOMEM;
        return false;
    }
    /* On every thread at once; told to the audit log where the kernel can. */
    err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    seccomp_attr_set(filter, SCMP_FLTATR_CTL_LOG, 1);
    if (!err)
        err = allow(filter, allowed, COUNT(allowed));
    if (!err && writes)
        err = allow(filter, allowed_to_write, COUNT(allowed_to_write));
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                               SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    /* abort(3)'s; other processes of the same user are none of ours. */
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
                               SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
    /* To do without a supervisor: a thread's own place, and its name. */
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
                               SCMP_SYS(sched_setaffinity), 1,
                               SCMP_A0(SCMP_CMP_EQ, 0, 0));
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
                               SCMP_SYS(sched_setscheduler), 1,
                               SCMP_A0(SCMP_CMP_EQ, 0, 0));
    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
                               SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
    if (!err)
        err = seccomp_load(filter);
    seccomp_release(filter);
    errno = -err;
    return err == 0;
}

/* Is FD one of the COUNT at KEEP? */
static bool is_kept(unsigned fd, const int *keep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (keep[i] >= 0 && (unsigned)keep[i] == fd)
            return true;
    return false;
}

void sandbox_close_others(const int *keep, size_t count)
{
    unsigned highest = STDERR_FILENO;

    for (size_t i = 0; i < count; i++)
        if (keep[i] >= 0 && (unsigned)keep[i] > highest)
            highest = (unsigned)keep[i];
    for (unsigned fd = STDERR_FILENO + 1; fd < highest; fd++)
        if (!is_kept(fd, keep, count))
            close((int)fd);
    close_range(highest + 1, ~0u, 0);
}
