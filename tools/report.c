/*
 * report.c - messages, the end of output, and memory that does not run out
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "progress.h"
#include "tools.h"

static int output_error;        /* errno of what could not be written, or 0 */

void report(const char *format, ...)
{
    char *text = NULL, *shown;
    va_list args;
    int len;

    progress_hide();
    output_flush();
    va_start(args, format);
    len = vasprintf(&text, format, args);
    va_end(args);
    if (len < 0)
        return;
    /* Names are in it: of images, of files. */
    shown = print_escaped(text, (size_t)len);
    fprintf(stderr, "shale: %s\n", shown);
    free(shown);
    free(text);
}

bool output_failed(void)
{
    if (ferror(stdout) && !output_error)
        output_error = errno ? errno : EIO;
    return output_error != 0;
}

bool output_flush(void)
{
    if (fflush(stdout) != 0 && !output_error)
        output_error = errno ? errno : EIO;
    return !output_failed();
}

int finish_output(int status)
{
    int copy;

    /* Some filesystems say on closing what they had no room for. */
    if (output_flush() && (copy = dup(STDOUT_FILENO)) >= 0 &&
        close(copy) != 0)
        output_error = errno;
    if (!output_error)
        return status;
    /* A reader that went away (EPIPE) has seen enough. */
    if (output_error != EPIPE)
        report("cannot write the output: %s", strerror(output_error));
    return status == STATUS_OK ? STATUS_FAILED : status;
}

void *memory_or_end(void *ptr)
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
