/*
 * fusermount.c - mounting with the help of fusermount3
 *
 * An ordinary user may not call mount(2). The setuid program fusermount3 of
 * libfuse does it for him if the directory is his, and passes the descriptor
 * of /dev/fuse back over a socket whose number is in _FUSE_COMMFD. What it
 * says on stderr is caught, to become part of our one line.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/daemon.h"

extern char **environ;

#define HELPER "fusermount3"

/* ------------------------------------------------------------- running */

/*
 * Run ARGV with its stderr caught, the first line of which is stored in SAID.
 * KEEP stays open in the child (-1: none). Returns the exit status, or -1 with
 * errno set if it could not be run.
 */
static int run(char *const *argv, int keep, char *said, size_t size)
{
    posix_spawn_file_actions_t actions;
    char rest[256];
    ssize_t got;
    size_t used = 0;
    int fds[2];
    int err, status;
    pid_t pid;

    said[0] = '\0';
    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDERR_FILENO);
    if (keep >= 0)              /* onto itself: clears close-on-exec */
        posix_spawn_file_actions_adddup2(&actions, keep, keep);
    err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    if (err) {
        close(fds[0]);
        errno = err;
        return -1;
    }
    while (used + 1 < size &&
           (got = read(fds[0], said + used, size - 1 - used)) > 0)
        used += (size_t)got;
    while (read(fds[0], rest, sizeof rest) > 0)
        continue;
    said[used] = '\0';
    said[strcspn(said, "\n")] = '\0';
    close(fds[0]);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Without the program's name in front. */
static const char *reason(const char *said)
{
    static const char prefix[] = HELPER ": ";

    if (strncmp(said, prefix, sizeof prefix - 1) == 0)
        said += sizeof prefix - 1;
    return *said ? said : HELPER " failed and did not say why";
}

static void explain_absence(char *why)
{
    if (errno == ENOENT)
        snprintf(why, SHALE_WHY_MAX, HELPER " is not installed, which mounts "
                 "for users other than root; apt install fuse3");
    else
        snprintf(why, SHALE_WHY_MAX, HELPER ": %s", strerror(errno));
}

static const char *attach_hint(const char *said)
{
    if (strstr(said, "/dev/fuse"))
        return "; this user must be able to open /dev/fuse, and the kernel "
               "needs FUSE: modprobe fuse";
    if (strstr(said, "no write access") || strstr(said, "mountpoint"))
        return "; mount on a directory of your own";
    if (strstr(said, "too many"))
        return "; see mount_max in /etc/fuse.conf";
    if (strstr(said, "Operation not permitted"))
        return "; " HELPER " must be setuid root";
    return "";
}

/* ------------------------------------------------------------ mounting */

/* TEXT with commas and backslashes escaped, onto the end of TO. */
static void append_escaped(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == ',' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
}

static char *helper_options(const struct mount_options *options)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (!to)
        return NULL;
    fputs(options->write == WRITE_NEVER ? "ro,fsname=" : "rw,fsname=", to);
    append_escaped(to, options->source);
    fputs(",subtype=", to);
    append_escaped(to, options->subtype);
    if (options->allow_other)
        fputs(",allow_other", to);
    if (options->default_permissions)
        fputs(",default_permissions", to);
    if (options->max_read)
        fprintf(to, ",max_read=%u", options->max_read);
    for (const struct mount_flag *flag = mount_flags; flag->name; flag++)
        if (options->flags & flag->bit)
            fprintf(to, ",%s", flag->name);
    if (options->security)
        fprintf(to, ",%s", options->security);
    if (fclose(to) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

/* The descriptor that came with one byte over SOCKET; -1 if none did. */
static int receive_fd(int socket)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec iov = { &byte, 1 };
    struct msghdr message = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
        .msg_controllen = sizeof control,
    };
    const struct cmsghdr *header;
    int fd;

    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
        return -1;
    header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_type != SCM_RIGHTS)
        return -1;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

int fusermount_attach(const struct mount_options *options, int *fd, char *why)
{
    char said[SHALE_WHY_MAX / 2], number[16];
    char helper[] = HELPER, with[] = "-o", end[] = "--";
    char *list = helper_options(options);
    char *argv[] = { helper, with, list, end, options->target, NULL };
    int fds[2];
    int status;

    if (!list || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
        snprintf(why, SHALE_WHY_MAX, "%s", strerror(errno));
        free(list);
        return MOUNT_SYSTEM;
    }
    snprintf(number, sizeof number, "%d", fds[1]);
    setenv("_FUSE_COMMFD", number, 1);
    status = run(argv, fds[1], said, sizeof said);
    if (status < 0)
        explain_absence(why);
    unsetenv("_FUSE_COMMFD");
    free(list);
    close(fds[1]);
    *fd = status == 0 ? receive_fd(fds[0]) : -1;
    close(fds[0]);
    if (*fd >= 0)
        return MOUNT_OK;
    if (status >= 0)
        snprintf(why, SHALE_WHY_MAX, "%s%s", reason(said), attach_hint(said));
    return status < 0 ? MOUNT_SYSTEM : MOUNT_FAILED;
}

int fusermount_detach(const char *target, bool lazy, char *why)
{
    char said[SHALE_WHY_MAX / 2];
    char helper[] = HELPER, soon[] = "-u", now[] = "-uz", end[] = "--";
    char *copy = strdup(target);
    char *argv[] = { helper, lazy ? now : soon, end, copy, NULL };
    int status;

    if (!copy) {
        snprintf(why, SHALE_WHY_MAX, "%s", strerror(ENOMEM));
        return ENOMEM;
    }
    status = run(argv, -1, said, sizeof said);
    if (status < 0)
        explain_absence(why);
    else if (status > 0)
        snprintf(why, SHALE_WHY_MAX, "%s", reason(said));
    free(copy);
    if (status == 0)
        return 0;
    return status > 0 && strstr(said, "busy") ? EBUSY : EPERM;
}
