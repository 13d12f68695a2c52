/*
 * report.c - what a worker tells its supervisor
 *
 * A pair of sockets that keeps messages apart: one byte that says what kind it
 * is, then text. The worker's end never waits, as a worker that serves the
 * kernel must not depend on somebody reading its log.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fuse/daemon.h"

int report_open(int fds[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return errno;
    return 0;
}

void report_send(int fd, enum report_kind kind, const char *text)
{
    char message[REPORT_MAX];
    int len = snprintf(message, sizeof message, "%c%s", (char)kind, text);

    if (len >= (int)sizeof message)
        len = (int)sizeof message - 1;
    /* Lost if nobody listens (any more), which is not this process's fault. */
    if (send(fd, message, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
}
