/*
 * meter.c - time one kind of access to a mounted tree
 *
 *     meter list DIR          list every directory
 *     meter walk DIR          ... and lstat every entry
 *     meter lookup DIR        lstat every name of a list made before, shuffled
 *     meter files DIR         read every file whole
 *     meter stream FILE       read FILE from start to end, 1 MiB a call
 *     meter random FILE       20,000 reads of 4 KiB at random places
 *     meter near FILE         ... of the first 64 MiB
 *     meter deep FILE         ... of the last 64 MiB
 *     meter create DIR [N]    make N (10,000) empty files
 *     meter rename DIR [N]    give each of them another name
 *     meter unlink DIR [N]    remove those
 *     meter overwrite FILE    10,000 random writes of 4 KiB, one fsync
 *     meter fsync FILE        400 such writes, an fsync after each
 *
 * Prints the seconds that took, and a checksum of what was seen so that peers
 * can be compared for having done the same work. `lookup` reads the names from
 * standard input, relative to DIR, so that listing them is not timed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    RANDOM_READS = 20000, RANDOM_WRITES = 10000, SYNCED_WRITES = 400,
    CHURN_FILES = 10000,
    BIG = 1 << 20, SMALL = 4096, PART = 64 << 20
};

static char buffer[BIG];
static uint64_t seen;           /* order-independent sum over what was read */

static void die(const char *what)
{
    fprintf(stderr, "meter: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* xorshift64*: the same sequence in every run. */
static uint64_t next_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717u;
}

static void read_whole(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY);
    ssize_t got;

    if (fd < 0)
        die(name);
    while ((got = read(fd, buffer, sizeof buffer)) > 0)
        seen += (uint64_t)got + (uint8_t)buffer[got - 1];
    if (got < 0)
        die(name);
    close(fd);
}

/* What a visit does to each entry, in turn: more and more. */
enum depth { NAMES, ATTRIBUTES, CONTENTS };

/* Visit the tree under the open directory FD, which is closed. */
static void walk(int fd, enum depth depth)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;

    if (!dir)
        die("opendir");
    while ((entry = readdir(dir))) {
        struct stat st = { .st_mode = DTTOIF(entry->d_type) };

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if ((depth > NAMES || entry->d_type == DT_UNKNOWN) &&
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW))
            die(entry->d_name);
        seen += (uint64_t)st.st_mtime + (uint64_t)st.st_mode +
                (S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0);
        if (S_ISREG(st.st_mode) && depth == CONTENTS)
            read_whole(fd, entry->d_name);
        if (S_ISDIR(st.st_mode)) {
            int child = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY);

            if (child < 0)
                die(entry->d_name);
            walk(child, depth);
        }
    }
    closedir(dir);
}

static char **names;
static size_t name_count;

static void names_load(void)
{
    char *line = NULL;
    size_t room = 0, size = 0;
    ssize_t len;

    while ((len = getline(&line, &size, stdin)) > 0) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (name_count == room) {
            room = room ? 2 * room : 1024;
            names = realloc(names, room * sizeof *names);
        }
        names[name_count++] = strdup(line);
    }
    for (size_t i = name_count; i > 1; i--) {
        size_t j = (size_t)(next_random() % i);
        char *swap = names[i - 1];

        names[i - 1] = names[j];
        names[j] = swap;
    }
    free(line);
}

static void lookup(int dir)
{
    for (size_t i = 0; i < name_count; i++) {
        struct stat st;

        if (fstatat(dir, names[i], &st, AT_SYMLINK_NOFOLLOW))
            die(names[i]);
        seen += (uint64_t)st.st_mtime + (uint64_t)st.st_mode;
    }
}

/* Read at random places of PATH, or of its first or last PART bytes. */
static void random_reads(const char *path, const char *verb)
{
    int fd = open(path, O_RDONLY);
    struct stat st;
    uint64_t blocks, first = 0;

    if (fd < 0 || fstat(fd, &st))
        die(path);
    blocks = (uint64_t)st.st_size / SMALL;
    if (strcmp(verb, "random") && blocks > PART / SMALL) {
        if (!strcmp(verb, "deep"))
            first = blocks - PART / SMALL;
        blocks = PART / SMALL;
    }
    for (int i = 0; i < RANDOM_READS; i++) {
        off_t at = (off_t)((first + next_random() % blocks) * SMALL);

        if (pread(fd, buffer, SMALL, at) != SMALL)
            die(path);
        seen += (uint8_t)buffer[7];
    }
    close(fd);
}

static int is_random(const char *verb)
{
    return !strcmp(verb, "random") || !strcmp(verb, "near") ||
           !strcmp(verb, "deep");
}

/* COUNT writes to PATH; fsync after all of them or, if EACH, after each. */
static void random_writes(const char *path, int count, int each)
{
    int fd = open(path, O_WRONLY);
    struct stat st;
    uint64_t blocks;

    if (fd < 0 || fstat(fd, &st))
        die(path);
    blocks = (uint64_t)st.st_size / SMALL;
    for (int i = 0; i < count; i++) {
        off_t at = (off_t)(next_random() % blocks * SMALL);

        memset(buffer, i, SMALL);
        if (pwrite(fd, buffer, SMALL, at) != SMALL ||
            ((each || i + 1 == count) && fsync(fd)))
            die(path);
        seen++;
    }
    close(fd);
}

/* Make, rename or unlink COUNT files in the open directory. */
static void churn(int dir, const char *verb, int count)
{
    for (int i = 0; i < count; i++) {
        char name[32], other[32];
        int fd, r = 0;

        snprintf(name, sizeof name, "file-number-%05d.data", i);
        snprintf(other, sizeof other, "renamed-%05d.data", i);
        if (!strcmp(verb, "create")) {
            fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
            r = fd < 0 ? -1 : close(fd);
        } else if (!strcmp(verb, "rename")) {
            r = renameat(dir, name, dir, other);
        } else {
            r = unlinkat(dir, other, 0);
        }
        if (r < 0)
            die(name);
        seen++;
    }
}

int main(int argc, char **argv)
{
    int count = argc > 3 ? atoi(argv[3]) : CHURN_FILES;
    double start;
    int dir = -1;

    if (argc < 3 || argc > 4 || count <= 0) {
        fprintf(stderr, "usage: meter list|walk|lookup|files|stream|random|"
                        "near|deep|create|rename|unlink|overwrite|fsync PATH "
                        "[COUNT]\n");
        return 2;
    }
    if (strcmp(argv[1], "stream") && !is_random(argv[1]) &&
        strcmp(argv[1], "overwrite") && strcmp(argv[1], "fsync")) {
        dir = open(argv[2], O_RDONLY | O_DIRECTORY);
        if (dir < 0)
            die(argv[2]);
    }
    if (!strcmp(argv[1], "lookup"))
        names_load();

    start = now();
    if (!strcmp(argv[1], "list"))
        walk(dir, NAMES);
    else if (!strcmp(argv[1], "walk"))
        walk(dir, ATTRIBUTES);
    else if (!strcmp(argv[1], "files"))
        walk(dir, CONTENTS);
    else if (!strcmp(argv[1], "lookup"))
        lookup(dir);
    else if (!strcmp(argv[1], "stream"))
        read_whole(AT_FDCWD, argv[2]);
    else if (is_random(argv[1]))
        random_reads(argv[2], argv[1]);
    else if (!strcmp(argv[1], "overwrite"))
        random_writes(argv[2], RANDOM_WRITES, 0);
    else if (!strcmp(argv[1], "fsync"))
        random_writes(argv[2], SYNCED_WRITES, 1);
    else if (!strcmp(argv[1], "create") || !strcmp(argv[1], "rename") ||
             !strcmp(argv[1], "unlink"))
        churn(dir, argv[1], count);
    else
        return 2;
    printf("%.6f %" PRIu64 "\n", now() - start, seen);
    return 0;
}
