/*
 * calls_data.c - calls about files' data, who else uses it, and its space
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"

/* ------------------------------------------------------------ holes, ranges */

/* Where there is data. What is a mapping's, too, though nobody has synced. */
static void map(const char *path)
{
    int fd = open(path, O_RDONLY);
    off_t at = 0, data;

    printf("%s:", path);
    while ((data = lseek(fd, at, SEEK_DATA)) >= 0) {
        at = lseek(fd, data, SEEK_HOLE);
        printf(" %jd-%jd", (intmax_t)data, (intmax_t)at);
        if (at < 0)
            break;
    }
    printf(" %s\n", strerrorname_np(errno));
    close(fd);
}

static void holes(void)
{
    int fd = make("h", 0644, "");
    char *mapped;

    chapter("holes");
    map("h");
    SAY(ftruncate(fd, 1000000));
    map("h");
    SAY(pwrite(fd, "x", 1, 500000));
    map("h");
    mapped = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    mapped[200000] = 'm';
    map("h");
    mapped[300000] = 'm';
    mapped[304096] = 'm';
    mapped[700000] = 'm';
    mapped[999999] = 'm';
    map("h");
    SAY(pread(fd, mapped + 800000, 10, 200000));
    map("h");
    SAY(munmap(mapped, 1 << 20));
    map("h");
    SAY(lseek(fd, 1000000, SEEK_DATA));
    SAY(lseek(fd, 1000000, SEEK_HOLE));
    SAY(lseek(fd, 999999, SEEK_HOLE));
    SAY(lseek(fd, -1, SEEK_DATA));
    SAY(lseek(fd, -1, SEEK_HOLE));
    SAY(lseek(fd, -1, SEEK_SET));
    SAY(lseek(fd, 10, SEEK_END));
    SAY(lseek(fd, 0, 5));
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 600000));
    map("h");
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 4096));
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 0));
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, -1, 5));
    SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 2000000, 9));
    SAY(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, 65536));
    SAY(fallocate(fd, FALLOC_FL_INSERT_RANGE, 0, 65536));
    SAY(fallocate(fd, FALLOC_FL_UNSHARE_RANGE, 0, 65536));
    SAY(fallocate(fd, 0x1000, 0, 65536));
    close(fd);
    fd = open("h", O_RDONLY);
    SAY(fallocate(fd, 0, 0, 1));
    SAY(ftruncate(fd, 0));
    close(fd);
    fd = open(".", O_RDONLY);
    SAY(fallocate(fd, 0, 0, 1));
    SAY(lseek(fd, 0, SEEK_DATA));
    SAY(lseek(fd, -5, SEEK_SET));
    close(fd);
}

static void copies(void)
{
    int from = make("from", 0644, "0123456789"), to = make("to", 0644, "");
    int append = open("to", O_WRONLY | O_APPEND), dir = open(".", O_RDONLY);
    int reads = open("to", O_RDONLY);
    off_t zero = 0, five = 5, end = 10, far = 100;

    chapter("copies");
    SAY(copy_file_range(from, &zero, to, NULL, 5, 0));
    SAY(copy_file_range(from, NULL, to, NULL, 100, 0));
    SAY(copy_file_range(from, NULL, to, NULL, 100, 0));
    SAY(copy_file_range(from, &end, to, NULL, 1, 0));
    SAY(copy_file_range(from, &five, to, &far, 0, 0));
    SAY(copy_file_range(from, &five, to, &far, 3, 0));
    SAY(copy_file_range(from, &five, to, &far, 1, 1));
    SAY(copy_file_range(to, &zero, to, &five, 9, 0));
    SAY(copy_file_range(from, &five, append, NULL, 1, 0));
    SAY(copy_file_range(from, &five, reads, NULL, 1, 0));
    SAY(copy_file_range(dir, NULL, to, NULL, 1, 0));
    SAY(copy_file_range(from, NULL, dir, NULL, 1, 0));
    SAY(ioctl(to, FICLONE, from));
    zero = 0;
    SAY(sendfile(to, from, &zero, 10));
    show("to");
    close(from);
    close(to);
    close(append);
    close(dir);
    close(reads);
}

/* ------------------------------------------------- writing in other ways */

static void mappings(void)
{
    int fd = make("p", 0644, "0123456789"), reads = open("p", O_RDONLY);
    char *mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char text[20] = "";

    chapter("mappings");
    memcpy(mapped + 2, "AB", 2);
    SAY(pread(reads, text, 10, 0));
    printf("%s\n", text);
    SAY(msync(mapped, 8192, MS_SYNC));
    SAY(pwrite(fd, "CD", 2, 5));
    printf("%.10s\n", mapped);
    SAY(ftruncate(fd, 4));
    printf("%d %d\n", mapped[3], mapped[4]);
    SAY(ftruncate(fd, 10));
    SAY(pread(reads, text, 10, 0));
    printf("%d %d\n", text[4], text[7]);
    SAY(munmap(mapped, 8192));
    SAY(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, reads, 0) == MAP_FAILED ? -1 : 0);
    close(fd);
    close(reads);
}

/* Two processes append at once: nothing is lost. */
static void appends(void)
{
    enum { TIMES = 200, LENGTH = 37 };
    char line[LENGTH + 1];
    unsigned counts[2] = { 0, 0 }, torn = 0;
    FILE *file;

    chapter("appending");
    close(make("log", 0644, ""));
    for (int who = 0; who < 2; who++)
        if (fork() == 0) {
            int fd = open("log", O_WRONLY | O_APPEND);

            memset(line, 'a' + who, LENGTH);
            line[LENGTH - 1] = '\n';
            for (unsigned i = 0; i < TIMES; i++)
                if (write(fd, line, LENGTH) != LENGTH)
                    _exit(1);
            _exit(0);
        }
    while (wait(NULL) > 0)
        continue;
    file = fopen("log", "r");
    while (file && fgets(line, sizeof line, file)) {
        torn += strspn(line, line[0] == 'a' ? "a" : "b") != LENGTH - 1;
        counts[line[0] != 'a']++;
    }
    printf("%u and %u lines, %u torn\n", counts[0], counts[1], torn);
    if (file)
        fclose(file);
}

static void odd_writes(void)
{
    char bytes[] = "abcdef";
    struct iovec iov = { bytes, 6 };
    int fd = make("w", 0644, "0123456789"), ends[2];
    int direct = open("w", O_RDWR | O_DIRECT);
    void *page;

    chapter("other ways to write");
    SAY(pwritev2(fd, &iov, 1, 0, RWF_APPEND));
    SAY(pwritev2(fd, &iov, 1, 2, RWF_DSYNC));
    SAY(pwritev2(fd, &iov, 1, 2, RWF_SYNC));
    SAY(pwritev2(fd, &iov, 1, 2, 0x4000));
    SAY(pwrite(fd, "x", 1, -1));
    SAY(pwrite(fd, "x", 0, 1000));
    SAY(pwrite(fd, "x", 1, INT64_MAX));
    SAY(lseek(fd, 0, SEEK_CUR));
    SAY(sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE));
    SAY(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED));
    SAY(readahead(fd, 0, 100));
    SAY(syncfs(fd));
    SAY(fdatasync(fd));
    if (pipe(ends) == 0 && write(ends[1], "spliced", 7) == 7) {
        loff_t at = 20;

        SAY(splice(ends[0], NULL, fd, &at, 7, 0));
        SAY(tee(ends[0], ends[1], 7, 0));
    }
    if (posix_memalign(&page, 4096, 8192) == 0) {
        memset(page, 'd', 8192);
        SAY(pwrite(direct, page, 8192, 4096));
        SAY(pread(direct, page, 8192, 0));
        SAY(pread(direct, page, 8192, 8192));
        SAY(pread(direct, page, 4096, 16384));
        SAY(pread(fd, page, 8192, 8192));
        free(page);
    }
    show("w");
    close(fd);
    close(direct);
}

/* ---------------------------------------------------------- who else looks */

static void locks(void)
{
    int a = make("l", 0644, "0123456789"), b = open("l", O_RDWR);
    struct flock lock = { .l_type = F_WRLCK, .l_start = 2, .l_len = 5 };
    int status = 0;

    chapter("locks");
    SAY(flock(a, LOCK_EX));
    SAY(flock(b, LOCK_EX | LOCK_NB));
    SAY(flock(a, LOCK_SH));
    SAY(flock(b, LOCK_SH | LOCK_NB));
    SAY(flock(a, LOCK_UN));
    SAY(fcntl(a, F_OFD_SETLK, &lock));
    SAY(fcntl(b, F_OFD_SETLK, &lock));
    lock.l_type = F_UNLCK;
    SAY(fcntl(a, F_OFD_SETLK, &lock));
    lock.l_type = F_WRLCK;
    SAY(fcntl(a, F_SETLK, &lock));
    SAY(fcntl(b, F_SETLK, &lock));
    if (fork() == 0) {
        if (fcntl(b, F_SETLK, &lock) == 0)
            _exit(0);
        _exit(errno);
    }
    wait(&status);
    printf("another: %s\n", strerrorname_np(WEXITSTATUS(status)));
    close(b);
    SAY(fcntl(a, F_SETLEASE, F_RDLCK));
    SAY(fcntl(a, F_SETLEASE, F_WRLCK));
    SAY(fcntl(a, F_SETLEASE, F_UNLCK));
    close(a);
}

static void drain(int fd)
{
    char buf[8192] __attribute__((aligned(8)));
    ssize_t got;

    printf("events:");
    while ((got = read(fd, buf, sizeof buf)) > 0)
        for (char *at = buf; at < buf + got;) {
            const struct inotify_event *event = (void *)at;

            printf(" %d:%x%s%s", event->wd, event->mask,
                   event->len ? ":" : "", event->len ? event->name : "");
            at += sizeof *event + event->len;
        }
    puts("");
}

static void watches(void)
{
    int fd = inotify_init1(IN_NONBLOCK), file;

    chapter("inotify");
    SAY(mkdir("n", 0755));
    SAY(inotify_add_watch(fd, "n", IN_ALL_EVENTS));
    file = make("n/a", 0644, "x");
    SAY(inotify_add_watch(fd, "n/a", IN_ALL_EVENTS));
    drain(fd);
    SAY(write(file, "more", 4));
    SAY(ftruncate(file, 1));
    SAY(fchmod(file, 0600));
    close(file);
    drain(fd);
    SAY(link("n/a", "n/b"));
    SAY(rename("n/a", "n/c"));
    SAY(rename("n/c", "gone"));
    SAY(symlink("x", "n/s"));
    SAY(mkdir("n/sub", 0755));
    SAY(setxattr("n/b", "user.x", "1", 1, 0));
    SAY(utimensat(AT_FDCWD, "n/b", NULL, 0));
    drain(fd);
    SAY(unlink("n/b"));
    SAY(unlink("gone"));
    SAY(unlink("n/s"));
    SAY(rmdir("n/sub"));
    SAY(rmdir("n"));
    drain(fd);
    close(fd);
}

/* ------------------------------------------------------------------- space */

static void sync_here(void)
{
    int fd = open(".", O_RDONLY);

    if (fd < 0 || syncfs(fd) != 0)
        exit(2);
    close(fd);
}

static struct statvfs space(void)
{
    struct statvfs now;

    sync_here();
    if (statvfs(".", &now) != 0)
        exit(2);
    return now;
}

static void space_now(const char *when)
{
    struct statvfs now = space();

    printf("%s: %lu %lu: %ju blocks, %ju %ju free; %ju files, %ju %ju "
           "free; names %lu\n", when, now.f_bsize, now.f_frsize,
           (uintmax_t)now.f_blocks, (uintmax_t)now.f_bfree,
           (uintmax_t)now.f_bavail, (uintmax_t)now.f_files,
           (uintmax_t)now.f_ffree, (uintmax_t)now.f_favail, now.f_namemax);
}

/*
 * Wait, but not for ever, until there is as much as BEFORE: a daemon frees what
 * is removed when it is told that nobody has it any more.
 */
static void wait_for_space(const struct statvfs *before)
{
    const struct timespec a_moment = { 0, 20000000 };

    for (int i = 0; i < 3000; i++) {
        struct statvfs now = space();

        if (now.f_bfree == before->f_bfree && now.f_ffree == before->f_ffree)
            return;
        nanosleep(&a_moment, NULL);
    }
}

static void blocks_of(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0)
        printf("%s: %jd bytes, %jd blocks of 512, %ld at once\n", path,
               (intmax_t)st.st_size, (intmax_t)st.st_blocks,
               (long)st.st_blksize);
}

void space_calls(void)
{
    char target[2000], *bytes = calloc(1, 300000);
    struct statvfs before = space();
    int fd;

    chapter("space");
    space_now("before");
    SAY(mkdir("s", 0755));
    blocks_of("s");
    fd = make("s/f", 0644, "x");
    blocks_of("s/f");
    SAY(write(fd, bytes, 300000));
    blocks_of("s/f");
    SAY(pwrite(fd, "x", 1, 100000000));
    blocks_of("s/f");
    space_now("written");
    SAY(ftruncate(fd, 5000));
    blocks_of("s/f");
    close(fd);
    memset(target, 't', sizeof target);
    for (size_t len = 59; len < 1100; len += 500) {
        target[len] = '\0';
        say("symlink", symlink(target, "s/l"));
        blocks_of("s/l");
        target[len] = 't';
        say("unlink", unlink("s/l"));
    }
    SAY(setxattr("s/f", "user.big", bytes, 500, 0));
    blocks_of("s/f");
    SAY(mknod("s/null", S_IFCHR | 0600, makedev(1, 3)));
    blocks_of("s/null");
    SAY(unlink("s/f"));
    SAY(unlink("s/null"));
    SAY(rmdir("s"));
    wait_for_space(&before);
    space_now("removed");
    free(bytes);
}

void data_calls(void)
{
    holes();
    copies();
    mappings();
    appends();
    odd_writes();
    locks();
    watches();
}
