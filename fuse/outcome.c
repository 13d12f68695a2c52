/*
 * outcome.c - how a mount ended, for whoever waits for it
 *
 * `shale umount` is no parent of the daemon that it waits for, so it gets no
 * exit status. The supervisor keeps a file in memory instead, which has one
 * byte of state and then words. Somebody who opens that by way of /proc, which
 * takes the same user or root, can read it after the supervisor has gone.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuse/daemon.h"

#define NAME "shale-outcome"

int outcome_create(void)
{
    int fd = memfd_create(NAME, MFD_CLOEXEC);

    if (fd >= 0)
        outcome_set(fd, OUTCOME_SERVING);
    return fd;
}

void outcome_set(int fd, enum outcome state)
{
    const char byte = (char)state;

    /* Nobody then learns of it, who would have to be told by other means. */
    if (pwrite(fd, &byte, 1, 0) < 0)
        return;
}

void outcome_words(int fd, const char *text)
{
    if (pwrite(fd, text, strlen(text) + 1, 1) < 0)
        return;
}

int outcome_open(pid_t supervisor)
{
    char path[64], link[64];
    struct dirent *entry;
    int fd = -1;
    DIR *dir;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)supervisor);
    dir = opendir(path);
    while (dir && fd < 0 && (entry = readdir(dir))) {
        ssize_t len = readlinkat(dirfd(dir), entry->d_name, link,
                                 sizeof link - 1);

        if (len < 0)
            continue;
        link[len] = '\0';
        if (strncmp(link, "/memfd:" NAME " ", sizeof "/memfd:" NAME) == 0)
            fd = openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC);
    }
    if (dir)
        closedir(dir);
    return fd;
}

enum outcome outcome_read(int fd, char *words)
{
    char text[1 + SHALE_WHY_MAX];
    ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);

    words[0] = '\0';
    if (got < 1)
        return OUTCOME_UNKNOWN;
    text[got] = '\0';
    strcpy(words, text + 1);
    return (enum outcome)text[0];
}
