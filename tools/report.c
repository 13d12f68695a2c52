/*
 * report.c - messages, the end of output, and memory that does not run out
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "progress.h"
#include "tools.h"

void report(const char *format, ...)
{
    va_list args;

    progress_hide();
    fflush(stdout);
    fputs("shale: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

int finish_output(int status)
{
    bool failed = ferror(stdout) != 0;

    errno = 0;
    if (fflush(stdout) != 0 || failed) {
        /* A reader that went away (EPIPE) has seen enough. */
        if (errno != EPIPE)
            report("cannot write the output: %s",
                   strerror(errno ? errno : EIO));
        if (status == STATUS_OK)
            status = STATUS_FAILED;
    }
    return status;
}

static void *memory_or_end(void *ptr)
{
    if (ptr)
        return ptr;
    fputs("shale: out of memory\n", stderr);
    exit(STATUS_USAGE);
}

void *xmalloc(size_t size)
{
    return memory_or_end(malloc(size ? size : 1));
}

void *xrealloc(void *ptr, size_t count, size_t size)
{
    return memory_or_end(reallocarray(ptr, count ? count : 1, size));
}

char *xstrdup(const char *text)
{
    return memory_or_end(strdup(text));
}
