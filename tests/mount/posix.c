/*
 * posix.c - system calls by name, and what came of each
 *
 *     posix DIR <COMMANDS
 *
 * Reads commands, a line each, makes the system call of that name with DIR as
 * the working directory, and prints the line with its answer: 0, a count, a
 * description, or the name of the error. The same commands on two file systems
 * that agree print the same text.
 *
 * In a word, {N} stands for a name of N letters, {/N} for a path of N bytes,
 * and "''" for nothing. Numbers of modes are octal. Besides system calls:
 *
 *     user UID GID [GROUP...]     go on as this user; root is 0 0
 *     umask MODE
 *     old PATH                    give it times of long ago
 *     changed PATH                which of them have come up to date since
 *     chain PATH N                N symlinks PATH.1 ..., each leads to the next
 *     run PATH                    a program, to its end
 *     busy PATH COMMAND...        COMMAND while the program at PATH runs
 *     held PATH COMMAND...        COMMAND while PATH is open for writing
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 12, ANCIENT = 946684800, WORD_ROOM = 6000 };

static char *words[WORDS + 1];
static unsigned count;

static long octal(const char *word)
{
    return strtol(word, NULL, 8);
}

/* An answer: its number, or the error's name. */
static void say(long got)
{
    if (got < 0)
        printf("%s\n", strerrorname_np(errno));
    else
        printf("%ld\n", got);
}

/* ---------------------------------------------------------- flags by name */

struct named {
    const char *name;
    int value;
};

static const struct named flags[] = {
    { "O_RDONLY", O_RDONLY },
    { "O_WRONLY", O_WRONLY },
    { "O_RDWR", O_RDWR },
    { "O_CREAT", O_CREAT },
    { "O_EXCL", O_EXCL },
    { "O_TRUNC", O_TRUNC },
    { "O_APPEND", O_APPEND },
    { "O_NOFOLLOW", O_NOFOLLOW },
    { "O_DIRECTORY", O_DIRECTORY },
    { "O_NONBLOCK", O_NONBLOCK },
    { "O_PATH", O_PATH },
    { "O_TMPFILE", O_TMPFILE },
    { "O_NOATIME", O_NOATIME },
    { "AT_REMOVEDIR", AT_REMOVEDIR },
    { "AT_SYMLINK_FOLLOW", AT_SYMLINK_FOLLOW },
    { "AT_SYMLINK_NOFOLLOW", AT_SYMLINK_NOFOLLOW },
    { "NOREPLACE", RENAME_NOREPLACE },
    { "EXCHANGE", RENAME_EXCHANGE },
    { "WHITEOUT", RENAME_WHITEOUT },
    { "R_OK", R_OK },
    { "W_OK", W_OK },
    { "X_OK", X_OK },
    { "F_OK", F_OK },
    { "fifo", S_IFIFO },
    { "char", S_IFCHR },
    { "block", S_IFBLK },
    { "socket", S_IFSOCK },
    { "file", S_IFREG },
    { "dir", S_IFDIR },
    { "0", 0 },
};

/* "O_CREAT|O_EXCL" */
static int flags_of(const char *word)
{
    char text[200], *rest = NULL;
    int value = 0;

    snprintf(text, sizeof text, "%s", word);
    for (char *name = strtok_r(text, "|", &rest); name;
         name = strtok_r(NULL, "|", &rest)) {
        size_t i = 0;

        while (i < sizeof flags / sizeof flags[0] &&
               strcmp(flags[i].name, name) != 0)
            i++;
        if (i == sizeof flags / sizeof flags[0]) {
            printf("no flag: %s\n", name);
            exit(2);
        }
        value |= flags[i].value;
    }
    return value;
}

/* ---------------------------------------------------------------- answers */

static char type_letter(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return '-';
    case S_IFDIR:
        return 'd';
    case S_IFLNK:
        return 'l';
    case S_IFIFO:
        return 'p';
    case S_IFCHR:
        return 'c';
    case S_IFBLK:
        return 'b';
    case S_IFSOCK:
        return 's';
    default:
        return '?';
    }
}

static void say_stat(const char *path, int how)
{
    struct stat st;

    if (fstatat(AT_FDCWD, path, &st, how) != 0) {
        say(-1);
        return;
    }
    printf("%c%04o %u:%u links %lu", type_letter(st.st_mode),
           st.st_mode & 07777u, st.st_uid, st.st_gid,
           (unsigned long)st.st_nlink);
    if (S_ISREG(st.st_mode) || S_ISLNK(st.st_mode))
        printf(" size %lld", (long long)st.st_size);
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        printf(" device %u:%u", major(st.st_rdev), minor(st.st_rdev));
    putchar('\n');
}

static void say_link(const char *path)
{
    char text[5000];
    ssize_t got = readlink(path, text, sizeof text);

    if (got < 0)
        say(got);
    else
        printf("%zd '%.*s'\n", got, (int)(got < 60 ? got : 60), text);
}

static void say_open(const char *path, int how, mode_t mode)
{
    int fd = open(path, how | O_CLOEXEC, mode);

    if (fd >= 0)
        close(fd);
    say(fd < 0 ? -1 : 0);
}

/* COUNT bytes, at the end. */
static void say_write(const char *path, size_t size)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    char *bytes = calloc(1, size + 1);
    ssize_t got = fd < 0 ? -1 : write(fd, bytes, size);

    say(got);
    free(bytes);
    if (fd >= 0)
        close(fd);
}

/* ------------------------------------------------------------------ times */

static void pause_ms(long ms)
{
    struct timespec time = { 0, ms * 1000000 };

    nanosleep(&time, NULL);
}

static bool earlier(struct timespec a, struct timespec b)
{
    return a.tv_sec < b.tv_sec ||
           (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static struct timespec before;

/*
 * The kernel stamps files with its coarse clock, which stands still between
 * two ticks, however late the next one is: so it is that one which has to pass
 * now, before what follows can be told from what was.
 */
static void make_old(const char *path)
{
    struct timespec times[2] = { { ANCIENT, 0 }, { ANCIENT, 0 } };
    struct timespec now;

    say(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW));
    clock_gettime(CLOCK_REALTIME, &now);
    do {
        pause_ms(1);
        clock_gettime(CLOCK_REALTIME_COARSE, &before);
    } while (!earlier(now, before));
}

static bool is_new(struct timespec time)
{
    return !earlier(time, before);
}

static void say_changed(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        say(-1);
        return;
    }
    printf("%s%s%s.\n", is_new(st.st_atim) ? "atime " : "",
           is_new(st.st_mtim) ? "mtime " : "",
           is_new(st.st_ctim) ? "ctime " : "");
}

/* "now", "omit", or seconds[.nanoseconds]. */
static struct timespec time_of(const char *word)
{
    struct timespec time = { 0, UTIME_NOW };
    char *end;

    if (strcmp(word, "now") == 0)
        return time;
    time.tv_nsec = UTIME_OMIT;
    if (strcmp(word, "omit") == 0)
        return time;
    time.tv_sec = strtol(word, &end, 10);
    time.tv_nsec = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return time;
}

static void say_times(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        say(-1);
    else
        printf("%lld.%09ld %lld.%09ld\n", (long long)st.st_atim.tv_sec,
               st.st_atim.tv_nsec, (long long)st.st_mtim.tv_sec,
               st.st_mtim.tv_nsec);
}

/* ------------------------------------------------------------------ users */

static long become(void)
{
    gid_t groups[WORDS];
    size_t wanted = 0;

    if (setresuid(0, 0, 0) != 0)
        return -1;
    for (unsigned i = 3; i < count; i++)
        groups[wanted++] = (gid_t)atol(words[i]);
    if (setgroups(wanted, groups) != 0 ||
        setresgid((gid_t)atol(words[2]), (gid_t)atol(words[2]), 0) != 0)
        return -1;
    return setresuid((uid_t)atol(words[1]), (uid_t)atol(words[1]), 0);
}

/* --------------------------------------------------------------- programs */

static pid_t start(const char *path, const char *argument)
{
    int ends[2];
    char byte;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) != 0)
        exit(2);
    child = fork();
    if (child == 0) {
        execl(path, path, argument, (char *)NULL);
        byte = (char)errno;
        if (write(ends[1], &byte, 1) != 1)
            _exit(2);
        _exit(1);
    }
    close(ends[1]);
    /* Nothing to be read: it runs. */
    if (read(ends[0], &byte, 1) == 1) {
        waitpid(child, NULL, 0);
        errno = byte;
        child = -1;
    }
    close(ends[0]);
    return child;
}

static void say_run(const char *path)
{
    pid_t child = start(path, "0");
    int status = 0;

    if (child > 0)
        waitpid(child, &status, 0);
    say(child < 0 ? -1 : status);
}

static void command(void);

static void shift(unsigned by)
{
    count -= by;
    memmove(words, words + by, (count + 1) * sizeof *words);
}

static void while_busy(void)
{
    pid_t child = start(words[1], "3000");

    if (child < 0) {
        say(-1);
        return;
    }
    shift(2);
    command();
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

static void while_held(void)
{
    int fd = open(words[1], O_WRONLY | O_CLOEXEC);

    if (fd < 0) {
        say(-1);
        return;
    }
    shift(2);
    command();
    close(fd);
}

static long make_chain(const char *path, unsigned length)
{
    char from[300], to[300];

    for (unsigned i = 1; i <= length; i++) {
        snprintf(from, sizeof from, "%s.%u", path, i);
        if (i == length)
            snprintf(to, sizeof to, ".");
        else
            snprintf(to, sizeof to, "%s.%u", path, i + 1);
        if (symlink(to, from) != 0)
            return -1;
    }
    return 0;
}

/* --------------------------------------------------------------- commands */

static bool is(const char *name, unsigned arguments)
{
    return strcmp(words[0], name) == 0 && count == arguments + 1;
}

/* Calls that make and remove names. */
static bool name_command(void)
{
    if (is("mkdir", 2))
        say(mkdir(words[1], (mode_t)octal(words[2])));
    else if (is("rmdir", 1))
        say(rmdir(words[1]));
    else if (is("unlink", 1))
        say(unlink(words[1]));
    else if (is("unlinkat", 2))
        say(unlinkat(AT_FDCWD, words[1], flags_of(words[2])));
    else if (is("link", 2))
        say(link(words[1], words[2]));
    else if (is("linkat", 3))
        say(linkat(AT_FDCWD, words[1], AT_FDCWD, words[2],
                   flags_of(words[3])));
    else if (is("symlink", 2))
        say(symlink(words[1], words[2]));
    else if (is("rename", 2))
        say(rename(words[1], words[2]));
    else if (is("renameat2", 3))
        say(renameat2(AT_FDCWD, words[1], AT_FDCWD, words[2],
                      (unsigned)flags_of(words[3])));
    else if (is("mkfifo", 2))
        say(mkfifo(words[1], (mode_t)octal(words[2])));
    else if (is("mknod", 5))
        say(mknod(words[1],
                  (mode_t)(flags_of(words[2]) | (int)octal(words[3])),
                  makedev((unsigned)atoi(words[4]), (unsigned)atoi(words[5]))));
    else if (is("chain", 2))
        say(make_chain(words[1], (unsigned)atoi(words[2])));
    else
        return false;
    return true;
}

/* Calls about what is there. */
static bool file_command(void)
{
    if (is("open", 2))
        say_open(words[1], flags_of(words[2]), 0);
    else if (is("open", 3))
        say_open(words[1], flags_of(words[2]), (mode_t)octal(words[3]));
    else if (is("write", 2))
        say_write(words[1], (size_t)atol(words[2]));
    else if (is("truncate", 2))
        say(truncate(words[1], atoll(words[2])));
    else if (is("chmod", 2))
        say(chmod(words[1], (mode_t)octal(words[2])));
    else if (is("chown", 3))
        say(chown(words[1], (uid_t)atol(words[2]), (gid_t)atol(words[3])));
    else if (is("lchown", 3))
        say(lchown(words[1], (uid_t)atol(words[2]), (gid_t)atol(words[3])));
    else if (is("access", 2))
        say(faccessat(AT_FDCWD, words[1], flags_of(words[2]), AT_EACCESS));
    else if (is("utimensat", 4)) {
        struct timespec times[2] = { time_of(words[2]), time_of(words[3]) };

        say(utimensat(AT_FDCWD, words[1], times, flags_of(words[4])));
    } else if (is("stat", 1))
        say_stat(words[1], 0);
    else if (is("lstat", 1))
        say_stat(words[1], AT_SYMLINK_NOFOLLOW);
    else if (is("readlink", 1))
        say_link(words[1]);
    else
        return false;
    return true;
}

static void command(void)
{
    if (name_command() || file_command())
        return;
    if (strcmp(words[0], "user") == 0 && count >= 3)
        say(become());
    else if (is("umask", 1)) {
        umask((mode_t)octal(words[1]));
        say(0);
    } else if (is("old", 1))
        make_old(words[1]);
    else if (is("changed", 1))
        say_changed(words[1]);
    else if (is("times", 1))
        say_times(words[1]);
    else if (is("run", 1))
        say_run(words[1]);
    else if (strcmp(words[0], "busy") == 0 && count > 2)
        while_busy();
    else if (strcmp(words[0], "held") == 0 && count > 2)
        while_held();
    else {
        printf("not understood\n");
        exit(2);
    }
}

/* Put WORD, expanded, at OUT. */
static void expand(const char *word, char *out)
{
    char *end = out + WORD_ROOM - 1;

    if (strcmp(word, "''") == 0)
        word = "";
    while (*word && out < end) {
        bool path = word[0] == '{' && word[1] == '/';
        long length = word[0] == '{' ? atol(word + 1 + path) : 0;

        if (length == 0) {
            *out++ = *word++;
            continue;
        }
        for (long i = 0; i < length && out < end; i++)
            *out++ = path ? (i % 2 ? '/' : '.') : 'n';
        word += strcspn(word, "}") + 1;
    }
    *out = '\0';
}

int main(int argc, char **argv)
{
    static char text[WORDS][WORD_ROOM];
    char line[1000];

    if (argc != 2 || chdir(argv[1]) != 0) {
        fprintf(stderr, "usage: posix DIR <COMMANDS\n");
        return 2;
    }
    umask(022);
    while (fgets(line, sizeof line, stdin)) {
        char *rest = NULL;

        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '\0')
            continue;
        printf("%s -> ", line);
        count = 0;
        for (char *word = strtok_r(line, " ", &rest); word && count < WORDS;
             word = strtok_r(NULL, " ", &rest)) {
            expand(word, text[count]);
            words[count] = text[count];
            count++;
        }
        words[count] = NULL;
        if (count > 0)
            command();
        fflush(stdout);
    }
    return 0;
}
