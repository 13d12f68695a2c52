/* judge.c - see judge.h */
#include "judge.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS = 10 };

static _Noreturn void run(const char *name, const char *path, int to)
{
    struct rlimit time = { SECONDS, SECONDS };
    int nothing = open("/dev/null", O_RDONLY);

    setrlimit(RLIMIT_CPU, &time);
    dup2(nothing, 0);
    dup2(to, 1);
    dup2(to, 2);
    if (!strcmp(name, "e2fsck"))
        execlp(name, name, "-fn", path, (char *)NULL);
    else
        execlp(name, name, "-n", path, (char *)NULL);
    _exit(127);
}

/* A line of e2fsck's or fsck.fat's that they always say: their names, passes,
   what they counted; and that nothing was changed. */
static bool is_usual(const char *line)
{
    return line[0] == '\0' || strncmp(line, "e2fsck ", 7) == 0 ||
           strncmp(line, "Pass ", 5) == 0 ||
           strncmp(line, "fsck.fat ", 9) == 0 ||
           strstr(line, " files (") || strstr(line, " files, ") ||
           strstr(line, "** WARNING: Filesystem still has errors **") ||
           strncmp(line, "Leaving filesystem unchanged", 28) == 0;
}

/* Keep what is said, without what always is, on one line. */
static void listen(int from, char *said, size_t size)
{
    FILE *file = fdopen(from, "r");
    char line[512];
    size_t len = 0;

    if (!file)
        abort();
    said[0] = '\0';
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (is_usual(line) || len + 2 >= size)
            continue;
        snprintf(said + len, size - len, "%s%s", len ? " | " : "", line);
        len = strlen(said);
    }
    fclose(file);
}

enum judgement judge(const char *name, const char *path, char *said,
                     size_t size)
{
    int ends[2], status;
    pid_t child;

    if (pipe(ends))
        abort();
    child = fork();
    if (child < 0)
        abort();
    if (child == 0)
        run(name, path, ends[1]);
    close(ends[1]);
    listen(ends[0], said, size);
    if (waitpid(child, &status, 0) != child)
        abort();
    if (!WIFEXITED(status))
        return JUDGED_NOT;
    if (WEXITSTATUS(status) == 127) {
        fprintf(stderr, "cannot run %s\n", name);
        exit(2);
    }
    if (WEXITSTATUS(status) != 0)
        return JUDGED_BAD;
    return said[0] == '\0' ? JUDGED_SOUND : JUDGED_ODD;
}
