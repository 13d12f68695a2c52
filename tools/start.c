/*
 * start.c - what the programs of this folder begin with
 */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <unistd.h>

#include "start.h"
#include "tools.h"

/*
 * Whoever started us may have closed stdin, stdout or stderr. An image opened
 * next would get that number, and then our messages.
 */
static void open_standard_descriptors(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void program_start(void)
{
    open_standard_descriptors();
    signal(SIGXFSZ, SIG_IGN);       /* a limit of sizes is an error, too */
    setlocale(LC_CTYPE, "");        /* numbers and order are as in "C" */
    setlocale(LC_MESSAGES, "");
    print_escape = isatty(STDOUT_FILENO);
}
