/* sandbox.c - what a worker can do once it has given up the rest */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/daemon.h"
#include "suite.h"

/* Each tries something, and returns what a system call would. */
static pid_t other;             /* a process of the same user */
static int image = -1;          /* an open file */

static long reads(void)
{
    char byte;

    return pread(image, &byte, 1, 0);
}

static long takes_memory(void)
{
    const size_t size = (size_t)4 << 20;
    char *mem = malloc(size);

    if (!mem)
        return -1;
    memset(mem, 1, size);
    free(mem);
    return 0;
}

static long signals_itself(void)
{
    return syscall(SYS_tgkill, getpid(), gettid(), 0);
}

static long opens(void)
{
    return open("/dev/null", O_RDONLY);
}

static long writes_to_the_image(void)
{
    return pwrite(image, "x", 1, 0);
}

static long flushes_the_image(void)
{
    return fdatasync(image);
}

static long makes_a_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static long forks(void)
{
    return fork();
}

static long runs_a_program(void)
{
    char name[] = "true";
    char *argv[] = { name, NULL }, *none[] = { NULL };

    return execve("/bin/true", argv, none);
}

static long maps_code(void)
{
    void *at = mmap(NULL, 4096, PROT_READ | PROT_EXEC,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return at == MAP_FAILED ? -1 : 0;
}

static long signals_another(void)
{
    return syscall(SYS_tgkill, other, other, 0);
}

static long moves_itself(void)
{
    cpu_set_t set;

    return sched_getaffinity(0, sizeof set, &set) < 0
               ? -1
               : sched_setaffinity(0, sizeof set, &set);
}

static long moves_another(void)
{
    cpu_set_t set;

    memset(&set, 0xff, sizeof set);
    return sched_setaffinity(other, sizeof set, &set);
}

static long slows_another(void)
{
    const struct sched_param none = { .sched_priority = 0 };

    return sched_setscheduler(other, SCHED_BATCH, &none);
}

static long kills_another(void)
{
    return kill(other, 0);
}

static long traces_another(void)
{
    return ptrace(PTRACE_ATTACH, other, NULL, NULL);
}

static long changes_modes(void)
{
    return fchmod(image, 0666);
}

static const struct {
    const char *what;
    long (*attempt)(void);
    bool possible, if_writable; /* on a read-only mount; on another one */
} attempts[] = {
    { "reading the image", reads, true, true },
    { "memory", takes_memory, true, true },
    { "a signal to itself, as abort(3) sends it", signals_itself, true, true },
    { "writing to the image", writes_to_the_image, false, true },
    { "flushing the image", flushes_the_image, false, true },
    { "opening a file", opens, false, false },
    { "a socket", makes_a_socket, false, false },
    { "a process", forks, false, false },
    { "another program", runs_a_program, false, false },
    { "executable memory", maps_code, false, false },
    { "a signal to another process", signals_another, false, false },
    { "the same by kill(2)", kills_another, false, false },
    { "choosing its own processors", moves_itself, true, true },
    { "another process's processors", moves_another, false, false },
    { "another process's policy", slows_another, false, false },
    { "tracing another process", traces_another, false, false },
    { "a file's permissions", changes_modes, false, false },
};

/* The exit status tells: 0 as wanted, 1 not so, 2 no filter here. */
static int try_confined(long (*attempt)(void), bool possible, bool writable)
{
    long got;

    other = getppid();
    image = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (image < 0 || write(image, "x", 1) != 1 || !sandbox_drop_rights() ||
        !sandbox_filter(writable))
        return 2;
    errno = 0;
    got = attempt();
    if (possible)
        return got >= 0 ? 0 : 1;
    return got < 0 && errno == EPERM ? 0 : 1;
}

START_TEST(allows_what_serving_takes_and_no_more)
{
    bool writable = _i % 2;
    const char *what = attempts[_i / 2].what;
    bool possible = writable ? attempts[_i / 2].if_writable
                             : attempts[_i / 2].possible;
    int status;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(try_confined(attempts[_i / 2].attempt, possible, writable));
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(WIFEXITED(status), "%s: killed", what);
    ck_assert_msg(WEXITSTATUS(status) != 2, "no filter");
    ck_assert_msg(WEXITSTATUS(status) == 0, "%s is %s on a %s mount", what,
                  possible ? "impossible" : "possible",
                  writable ? "writable" : "read-only");
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fuse/sandbox");
    TCase *tc = tcase_create("filter");

    tcase_add_loop_test(tc, allows_what_serving_takes_and_no_more, 0,
                        2 * sizeof attempts / sizeof attempts[0]);
    suite_add_tcase(s, tc);
    return s;
}
