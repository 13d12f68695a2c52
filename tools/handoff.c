/*
 * handoff.c - mount and umount are a program of their own
 *
 * A daemon needs libfuse and libseccomp. Who looks at an image needs neither,
 * and would pay for them with a fourth of the memory and of the time that it
 * takes to start. So these verbs are shale-mount, which takes our place.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools.h"

enum { NO_PROGRAM = 2 };        /* mount(8)'s status: the system failed */

/* In a build both lie side by side; SHALE_LIBEXEC is where it is installed,
   seen from this program unless it is absolute. */
static const char *const places[] = {
    "shale-mount", SHALE_LIBEXEC "/shale-mount",
};

/* Store in PATH, of PATH_MAX bytes, where PLACE is. False if nobody knows. */
static bool resolve(const char *place, char *path)
{
    ssize_t len;
    char *slash;

    if (*place == '/')
        return snprintf(path, PATH_MAX, "%s", place) < PATH_MAX;
    len = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (len < 0)
        return false;
    path[len] = '\0';
    slash = strrchr(path, '/');
    if (!slash || (size_t)(slash + 1 - path) + strlen(place) >= PATH_MAX)
        return false;
    strcpy(slash + 1, place);
    return true;
}

/* What was typed, for who looks at the list of processes: "shale", "mount". */
static char **as_typed(int argc, char **argv)
{
    static char shale[] = "shale";
    char **words = xrealloc(NULL, (size_t)argc + 2, sizeof *words);
    char *verb = strncmp(argv[0], "shale ", 6) ? NULL : argv[0] + 6;

    if (!verb)                  /* mount.shale */
        return memcpy(words, argv, ((size_t)argc + 1) * sizeof *words);
    words[0] = shale;
    words[1] = verb;
    memcpy(words + 2, argv + 1, (size_t)argc * sizeof *words);
    return words;
}

int cmd_mount(int argc, char **argv)
{
    char path[PATH_MAX], **words = as_typed(argc, argv);

    errno = ENOENT;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (!resolve(places[i], path))
            break;
        execv(path, words);
        if (errno != ENOENT)
            break;
    }
    report("%s: shale-mount, which does this, cannot be run: %s", argv[0],
           strerror(errno));
    free(words);
    return NO_PROGRAM;
}

int cmd_umount(int argc, char **argv)
{
    return cmd_mount(argc, argv);
}
