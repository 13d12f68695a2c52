/*
 * mount.c - from an image and a directory to a mount, and back
 *
 * libfuse could do this, but it prints what went wrong as it sees fit, and it
 * ties mounting to the process that serves. Here each failure becomes one line
 * that says why and what to try, and the pieces can be done by whoever has the
 * right to: root calls mount(2), everybody else asks fusermount3.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fuse/daemon.h"

/* ------------------------------------------------------------ checking */

char *mount_resolve(const char *dir)
{
    char *path = realpath(dir, NULL);
    char *copy, *slash, *parent, *result = NULL;

    if (path || errno != ENOTCONN)
        return path;
    copy = strdup(dir);
    if (!copy)
        return NULL;
    while (strlen(copy) > 1 && copy[strlen(copy) - 1] == '/')
        copy[strlen(copy) - 1] = '\0';
    slash = strrchr(copy, '/');
    if (slash)
        *slash = '\0';
    parent = realpath(!slash ? "." : slash == copy ? "/" : copy, NULL);
    if (parent && asprintf(&result, "%s/%s", strcmp(parent, "/") ? parent : "",
                           slash ? slash + 1 : copy) < 0)
        result = NULL;
    free(parent);
    free(copy);
    if (!result)
        errno = ENOTCONN;
    return result;
}

static int check_dir(const struct mount_options *options)
{
    struct stat st;

    if (stat(options->dir, &st) < 0) {
        if (errno == ENOENT)
            complain(options->dir,
                     "no such directory; make it first: mkdir %s",
                     options->dir);
        else if (errno == ENOTCONN)
            complain(options->dir, "a mount whose daemon has died is in the "
                     "way; remove it first: shale umount %s", options->dir);
        else
            complain(options->dir, "%s", strerror(errno));
        return MOUNT_FAILED;
    }
    if (!S_ISDIR(st.st_mode)) {
        complain(options->dir, "not a directory; an image is mounted on one");
        return MOUNT_FAILED;
    }
    return MOUNT_OK;
}

/* Refuse to mount the same image twice on the same directory. */
static int check_free(const struct mount_options *options)
{
    const struct mount_entry *top;
    struct mount_entry *table;
    size_t count;
    bool taken;

    if (mount_table_read(&table, &count) != 0)
        return MOUNT_OK;        /* no /proc: the kernel will decide */
    top = mount_table_top(table, count, options->target);
    taken = top && mount_is_shale(top) &&
            strcmp(top->source, options->source) == 0;
    mount_table_free(table, count);
    if (!taken)
        return MOUNT_OK;
    complain(options->image, "already mounted on %s; shale umount %s lets go",
             options->dir, options->dir);
    return MOUNT_FAILED;
}

/* Does /etc/fuse.conf let ordinary users say allow_other? */
static bool others_allowed(void)
{
    FILE *conf = fopen("/etc/fuse.conf", "re");
    char line[256];
    bool allowed = false;

    while (conf && fgets(line, sizeof line, conf)) {
        char word[32] = "";

        if (sscanf(line, " %31s", word) == 1 &&
            strcmp(word, "user_allow_other") == 0)
            allowed = true;
    }
    if (conf)
        fclose(conf);
    return allowed;
}

/* The descriptor that "/dev/fd/N" names; -1 if PATH is not of that form. */
static int fd_of_path(const char *path)
{
    unsigned fd;
    int end = 0;

    if (sscanf(path, "/dev/fd/%u%n", &fd, &end) == 1 && path[end] == '\0' &&
        fd <= INT_MAX)
        return (int)fd;
    return -1;
}

/* What the table of mounts shall show. NULL: no memory. */
static char *source_name(const struct mount_options *options)
{
    char *path;

    if (options->fsname)
        return strdup(options->fsname);
    path = realpath(options->image, NULL);
    return path ? path : strdup(options->image);
}

/*
 * Check that OPTIONS->dir_fd is the kernel's end of a mount: from anything
 * else we might wait for a request for ever.
 */
static int check_dir_fd(struct mount_options *options)
{
    struct stat st;

    if (fstat(options->dir_fd, &st) < 0) {
        complain(options->dir, "that descriptor is not open");
        return MOUNT_USAGE;
    }
    if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(10, 229)) {
        complain(options->dir, "that descriptor is not /dev/fuse");
        return MOUNT_USAGE;
    }
    if (options->dir_fd > STDERR_FILENO)
        return MOUNT_OK;
    /* In the background, those become /dev/null. */
    options->dir_fd = fcntl(options->dir_fd, F_DUPFD_CLOEXEC,
                            STDERR_FILENO + 1);
    if (options->dir_fd >= 0)
        return MOUNT_OK;
    complain(options->dir, "%s", strerror(errno));
    return MOUNT_SYSTEM;
}

int mount_prepare(struct mount_options *options)
{
    int status;

    options->source = source_name(options);
    options->dir_fd = fd_of_path(options->dir);
    if (options->dir_fd >= 0)
        return check_dir_fd(options);
    status = check_dir(options);
    if (status)
        return status;
    options->target = mount_resolve(options->dir);
    if (!options->target || !options->source) {
        complain(options->dir, "%s", strerror(errno));
        return MOUNT_SYSTEM;
    }
    if (options->allow_other && geteuid() != 0 && !others_allowed()) {
        complain(NULL, "option \"allow_other\" needs a line user_allow_other "
                 "in /etc/fuse.conf; ask the administrator, or leave it out");
        return MOUNT_USAGE;
    }
    return check_free(options);
}

/* ------------------------------------------------------------ mounting */

/* The data of mount(2) for FUSE; see the kernel's fuse.rst. NULL: no memory. */
static char *kernel_data(const struct mount_options *options, int fd)
{
    char max_read[32] = "";
    char *data;

    if (options->max_read)
        snprintf(max_read, sizeof max_read, ",max_read=%u", options->max_read);
    if (asprintf(&data, "fd=%d,rootmode=40000,user_id=%u,group_id=%u%s%s%s%s%s",
                 fd, (unsigned)getuid(), (unsigned)getgid(),
                 options->default_permissions ? ",default_permissions" : "",
                 options->allow_other ? ",allow_other" : "", max_read,
                 options->security ? "," : "",
                 options->security ? options->security : "") < 0)
        return NULL;
    return data;
}

static const char *mount_hint(int err)
{
    switch (err) {
    case ENODEV:
        return "; this kernel has no FUSE: modprobe fuse";
    case EPERM:
    case EACCES:
        return "; in a container, FUSE may need to be allowed";
    case EINVAL:
        return "; perhaps an SELinux context= where there is no SELinux";
    case EBUSY:
        return "; something else is mounted there";
    default:
        return "";
    }
}

int mount_attach(const struct mount_options *options, int *fd, char *why)
{
    unsigned long flags = options->flags;
    char type[64];
    char *data;
    int err;

    if (geteuid() != 0)
        return fusermount_attach(options, fd, why);

    *fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    if (*fd < 0) {
        err = errno;
        snprintf(why, SHALE_WHY_MAX, "/dev/fuse: %s%s", strerror(err),
                 err == ENOENT || err == ENODEV || err == ENXIO
                     ? "; this kernel has no FUSE: modprobe fuse"
                     : "");
        return MOUNT_FAILED;
    }
    data = kernel_data(options, *fd);
    snprintf(type, sizeof type, "fuse.%s", options->subtype);
    if (options->write == WRITE_NEVER)
        flags |= MS_RDONLY;
    if (data && mount(options->source, options->target, type, flags,
                      data) == 0) {
        free(data);
        return MOUNT_OK;
    }
    err = data ? errno : ENOMEM;
    free(data);
    close(*fd);
    if (err == EPERM)           /* root, but in somebody's container */
        return fusermount_attach(options, fd, why);
    snprintf(why, SHALE_WHY_MAX, "cannot mount: %s%s", strerror(err),
             mount_hint(err));
    return MOUNT_FAILED;
}

int mount_detach(const char *target, bool lazy, char *why)
{
    int flags = UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0);
    int err;

    if (geteuid() != 0)
        return fusermount_detach(target, lazy, why);
    if (umount2(target, flags) == 0)
        return 0;
    err = errno;
    if (err == EPERM)
        return fusermount_detach(target, lazy, why);
    snprintf(why, SHALE_WHY_MAX, "%s", strerror(err));
    return err;
}
