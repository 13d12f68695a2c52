/*
 * calls.c - system calls that are asked for less often, and what came of each
 *
 *     calls DIR
 *
 * Makes the calls below in DIR, an empty file system, as root and as others,
 * and prints a line for each: on two file systems that agree the same text.
 * Where two mounts have to differ (what type they are, space that a block map
 * cannot reserve) nothing is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "calls.h"

void say(const char *call, long result)
{
    if (result < 0)
        printf("%s = %s\n", call, strerrorname_np(errno));
    else
        printf("%s = %ld\n", call, result);
}

/* The same for a call that opens, and close again. */
#define SAY_OPEN(call) say_open(#call, (call))

static void say_open(const char *call, int fd)
{
    say(call, fd < 0 ? -1 : 0);
    if (fd >= 0)
        close(fd);
}

void chapter(const char *title)
{
    printf("\n%s\n", title);
}

/* Who goes on; in group GID, and EXTRA if that is not 0. */
static void become(uid_t uid, gid_t gid, gid_t extra)
{
    if (seteuid(0) != 0 || setgroups(extra != 0, &extra) != 0 ||
        setegid(gid) != 0 || seteuid(uid) != 0) {
        perror("calls");
        exit(2);
    }
}

static void root(void)
{
    become(0, 0, 0);
}

int make(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_CREAT | O_TRUNC | O_RDWR, mode);

    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) ||
        fchmod(fd, mode) != 0) {
        perror(path);
        exit(2);
    }
    return fd;
}

void show(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0) {
        say(path, -1);
        return;
    }
    printf("%s: %o %u:%u links %ju device %u:%u size %jd\n", path, st.st_mode,
           st.st_uid, st.st_gid, (uintmax_t)st.st_nlink, major(st.st_rdev),
           minor(st.st_rdev), S_ISDIR(st.st_mode) ? 0 : (intmax_t)st.st_size);
}

static void show_times(const char *path)
{
    struct stat st;

    if (lstat(path, &st) != 0)
        say(path, -1);
    else
        printf("%s: atime %jd.%09ld mtime %jd.%09ld\n", path,
               (intmax_t)st.st_atim.tv_sec, st.st_atim.tv_nsec,
               (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

/* ---------------------------------------------------------------- renames */

static long rename_how(const char *from, const char *to, unsigned how)
{
    return renameat2(AT_FDCWD, from, AT_FDCWD, to, how);
}

static void whiteouts(void)
{
    const unsigned both = RENAME_WHITEOUT | RENAME_NOREPLACE;

    chapter("RENAME_WHITEOUT");
    SAY(mkdir("d", 02777));
    SAY(chmod("d", 02777) | chown("d", 5, 6));
    SAY(mkdir("d/sub", 0755));
    close(make("d/a", 0644, "a"));
    close(make("d/b", 0644, "b"));
    SAY(link("d/a", "d/twin"));
    SAY(rename_how("d/a", "d/new", RENAME_WHITEOUT));
    show("d/a");
    show("d/new");
    SAY(rename_how("d/a", "d/b", RENAME_WHITEOUT));
    show("d/a");
    show("d/b");
    SAY(rename_how("d/new", "d/b", both));
    SAY(rename_how("d/new", "d/c", both));
    SAY(rename_how("d/c", "d/twin", RENAME_WHITEOUT));
    show("d/c");
    SAY(rename_how("d/c", "d/c", RENAME_WHITEOUT));
    SAY(rename_how("d/sub", "sub", RENAME_WHITEOUT));
    show("d");
    show("d/sub");
    show("sub");
    SAY(rename_how("sub", "d/sub", RENAME_WHITEOUT));
    SAY(rename_how("sub", "d/none/sub", RENAME_WHITEOUT));
    SAY(rename_how("none", "d/x", RENAME_WHITEOUT));
    SAY(rename_how("d/c", "d/x", RENAME_WHITEOUT | RENAME_EXCHANGE));
    SAY(rename_how("d/c", "d/x", 8));
    become(1000, 1000, 0);
    SAY(rename_how("d/c", "d/x", RENAME_WHITEOUT));
    SAY(rename_how("d/c", "x", RENAME_WHITEOUT));
    root();
    show("d/c");
    SAY(unlink("d/c"));
    SAY(rmdir("d"));
}

/* ------------------------------------------------------ files without names */

static void link_open(int fd, const char *to)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    say("linkat", linkat(AT_FDCWD, path, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
    show(to);
}

static void nameless(void)
{
    struct stat st;
    int fd;

    chapter("O_TMPFILE");
    SAY(mkdir("t", 0777) | chmod("t", 02777) | chown("t", 0, 2000));
    SAY_OPEN(open("t", O_TMPFILE | O_RDONLY, 0644));
    SAY_OPEN(open("none", O_TMPFILE | O_RDWR, 0644));
    for (int member = 0; member < 2; member++) {
        become(1000, 1000, member ? 2000 : 0);
        fd = open("t", O_TMPFILE | O_RDWR, 02775);
        SAY(write(fd, "data", 4));
        SAY(fstat(fd, &st));
        printf("%o %u:%u links %ju\n", st.st_mode, st.st_uid, st.st_gid,
               (uintmax_t)st.st_nlink);
        link_open(fd, member ? "t/member" : "t/other");
        close(fd);
        fd = open("t", O_TMPFILE | O_WRONLY | O_EXCL, 0600);
        link_open(fd, "t/excl");
        close(fd);
        close(open(member ? "t/made2" : "t/made1", O_CREAT | O_RDWR, 02775));
        SAY(mknod(member ? "t/fifo2" : "t/fifo1", S_IFIFO | 02777, 0));
        SAY(mkdir(member ? "t/dir2" : "t/dir1", 0755));
        show(member ? "t/made2" : "t/made1");
        show(member ? "t/fifo2" : "t/fifo1");
        show(member ? "t/dir2" : "t/dir1");
        root();
    }
    SAY(chmod("t", 0755));
    become(1000, 1000, 0);
    SAY_OPEN(open("t", O_TMPFILE | O_RDWR, 0644));
    root();
}

/* ------------------------------------------------------------------ times */

static void set_times(const char *path, long atime, long atime_ns, long mtime,
                      long mtime_ns)
{
    struct timespec times[2] = {
        { atime, atime_ns }, { mtime, mtime_ns },
    };

    printf("%ld.%ld %ld.%ld: ", atime, atime_ns, mtime, mtime_ns);
    say(path, utimensat(AT_FDCWD, path, times, 0));
}

static void times(void)
{
    static const long seconds[] = {
        0, -1, 0x7fffffff, 0x80000000, 0xffffffff, 0x17fffffff, 0x37fffffff,
        0x380000000, -0x80000000L, -0x80000001L, 1L << 40,
    };

    chapter("times");
    close(make("m", 0666, ""));
    for (unsigned i = 0; i < sizeof seconds / sizeof *seconds; i++) {
        set_times("m", seconds[i], 1, seconds[i], 999999999);
        show_times("m");
    }
    set_times("m", 5, 5, 6, 6);
    set_times("m", 0, UTIME_OMIT, 7, 7);
    set_times("m", 8, 8, 0, UTIME_OMIT);
    set_times("m", 0, UTIME_OMIT, 0, UTIME_OMIT);
    set_times("m", 1, 1000000000, 1, 0);
    set_times("m", 1, -1, 1, 0);
    show_times("m");
    become(1000, 1000, 0);
    set_times("m", 0, UTIME_NOW, 0, UTIME_NOW);
    set_times("m", 0, UTIME_NOW, 0, UTIME_OMIT);
    set_times("m", 0, UTIME_OMIT, 0, UTIME_OMIT);
    set_times("m", 1, 0, 1, 0);
    root();
    SAY(chmod("m", 0644));
    become(1000, 1000, 0);
    set_times("m", 0, UTIME_NOW, 0, UTIME_NOW);
    root();
}

/* ------------------------------------------------------------- attributes */

static void value_of(const char *path, const char *name, size_t size)
{
    static char value[70000];

    printf("%zu bytes: ", size);
    say(name, lsetxattr(path, name, value, size, 0));
}

static void attributes(void)
{
    static const size_t sizes[] = {
        0, 1, 100, 900, 960, 1000, 1024, 3000, 4000, 4096, 65536, 65537,
    };
    char name[300], value[70];

    chapter("extended attributes");
    close(make("x", 0644, ""));
    SAY(symlink("x", "xlink"));
    SAY(mkfifo("xpipe", 0644));
    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++)
        value_of("x", "user.v", sizes[i]);
    for (size_t len = 248; len < 254; len++) {
        memset(name, 'n', sizeof name);
        memcpy(name, "user.", 5);
        name[len + 5] = '\0';
        say("name", setxattr("x", name, "v", 1, 0));
        say("name", removexattr("x", name));
    }
    SAY(setxattr("x", "user.v", "12", 2, XATTR_CREATE));
    SAY(setxattr("x", "user.v", "12", 2, XATTR_REPLACE));
    SAY(setxattr("x", "user.w", "12", 2, XATTR_REPLACE));
    SAY(setxattr("x", "user.w", "12", 2, XATTR_CREATE | XATTR_REPLACE));
    SAY(setxattr("x", "user.w", "12", 2, 4));
    SAY(setxattr("x", "user.w", "1234567890", 10, 0));
    SAY(getxattr("x", "user.w", value, 0));
    SAY(getxattr("x", "user.w", value, 9));
    SAY(getxattr("x", "user.w", value, 10));
    SAY(getxattr("x", "user.none", value, 10));
    SAY(getxattr("x", "none", value, 10));
    SAY(getxattr("x", "user.", value, 10));
    SAY(getxattr("x", "", value, 10));
    SAY(listxattr("x", value, 0));
    SAY(listxattr("x", value, 5));
    SAY(listxattr("x", value, 70));
    SAY(removexattr("x", "user.none"));
    SAY(removexattr("x", "user."));
    SAY(setxattr("x", "user.", "1", 1, 0));
    SAY(setxattr("x", "what.ever", "1", 1, 0));
    SAY(setxattr("x", "system.x", "1", 1, 0));
    SAY(setxattr("x", "security.x", "1", 1, 0));
    SAY(setxattr("x", "system.posix_acl_access", "1", 1, 0));
    SAY(setxattr("x", "system.posix_acl_default", "\2\0\0\0", 4, 0));
    SAY(removexattr("x", "system.posix_acl_access"));
    SAY(getxattr("x", "system.posix_acl_access", value, 70));
    SAY(lsetxattr("xlink", "user.x", "1", 1, 0));
    SAY(lsetxattr("xlink", "trusted.x", "1", 1, 0));
    SAY(lsetxattr("xlink", "system.posix_acl_access", "\2\0\0\0", 4, 0));
    SAY(llistxattr("xlink", value, 70));
    SAY(setxattr("xpipe", "user.x", "1", 1, 0));
    SAY(getxattr("xpipe", "user.x", value, 70));
    SAY(setxattr("xpipe", "trusted.x", "1", 1, 0));
    SAY(setxattr("x", "trusted.x", "1", 1, 0));
    become(1000, 1000, 0);
    SAY(setxattr("x", "user.his", "1", 1, 0));
    SAY(setxattr("x", "trusted.his", "1", 1, 0));
    SAY(getxattr("x", "trusted.x", value, 70));
    SAY(removexattr("x", "trusted.x"));
    SAY(listxattr("x", value, 70));
    SAY(setxattr("x", "security.his", "1", 1, 0));
    SAY(setxattr("x", "system.posix_acl_access", "\2\0\0\0", 4, 0));
    root();
}

/* -------------------------------------------------------------- protection */

static void flags_set(const char *path, int flags)
{
    int fd = open(path, O_RDONLY);

    say(path, ioctl(fd, FS_IOC_SETFLAGS, &flags));
    close(fd);
}

static void append(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND);

    say("open to append", fd < 0 ? -1 : 0);
    if (fd < 0)
        return;
    SAY(write(fd, "more", 4));
    close(fd);
    show(path);
}

static void protection(void)
{
    static const char capability[20] = "\1\0\0\2\1";
    static const int flags[] = { FS_APPEND_FL, FS_IMMUTABLE_FL };
    char value[70];
    int fd;

    for (unsigned i = 0; i < 2; i++) {
        chapter(i == 0 ? "append-only" : "immutable");
        close(make("f", 0777, i == 0 ? "text" : "fixed"));
        SAY(setxattr("f", "security.capability", capability, 20, 0));
        fd = open("f", O_WRONLY | O_APPEND);
        flags_set("f", flags[i]);
        if (i == 0) {           /* one that is immutable FUSE opens */
            become(1000, 1000, 0);
            append("f");
            root();
            append("f");
        }
        SAY(getxattr("f", "security.capability", value, 70));
        SAY(write(fd, "held", 4));
        SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 5));
        SAY(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 99, 5));
        SAY(ftruncate(fd, 100));
        close(fd);
        show("f");
        SAY(truncate("f", 0));
        SAY(truncate("f", 1000));
        SAY(chmod("f", 0777));
        SAY(chown("f", 1, 1));
        set_times("f", 1, 0, 1, 0);
        set_times("f", 0, UTIME_NOW, 0, UTIME_NOW);
        set_times("f", 0, UTIME_NOW, 0, UTIME_OMIT);
        set_times("f", 0, UTIME_OMIT, 0, UTIME_NOW);
        set_times("f", 0, UTIME_OMIT, 0, UTIME_OMIT);
        set_times("f", 1, 0, 0, UTIME_NOW);
        become(1000, 1000, 0);
        set_times("f", 0, UTIME_NOW, 0, UTIME_NOW);
        set_times("f", 1, 0, 1, 0);
        root();
        SAY(utimensat(AT_FDCWD, "f", NULL, 0));
        SAY(setxattr("f", "user.x", "1", 1, 0));
        SAY(removexattr("f", "user.x"));
        SAY(link("f", "f2"));
        SAY(rename("f", "f2"));
        SAY(unlink("f"));
        SAY_OPEN(open("f", O_RDONLY | O_TRUNC));
        flags_set("f", 0);
        SAY(truncate("f", 0));
        flags_set("f", flags[i]);
        SAY(truncate("f", 0));
        SAY(truncate("f", 10));
        flags_set("f", 0);
        show("f");
        SAY(chmod("f", 06777));
        flags_set("f", flags[i]);
        become(1000, 1000, 0);
        if (i == 0)
            append("f");
        root();
        if (i == 0)
            append("f");
        flags_set("f", 0);
        SAY(unlink("f"));
    }
}

/* ------------------------------------------------------------------ ioctls */

static void ioctls_of(const char *path)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK), value = 0;
    struct fsxattr x;

    printf("%s:\n", path);
    SAY(ioctl(fd, FS_IOC_GETFLAGS, &value));
    printf("flags %x\n", value);
    SAY(ioctl(fd, FS_IOC_SETFLAGS, &value));
    SAY(ioctl(fd, FS_IOC_FSGETXATTR, &x));
    SAY(ioctl(fd, FIGETBSZ, &value));
    SAY(ioctl(fd, 0x1234, &value));
    close(fd);
}

static void ioctls(void)
{
    static const int flags[] = {
        FS_NODUMP_FL, FS_NOATIME_FL, FS_SYNC_FL, FS_DIRSYNC_FL, FS_TOPDIR_FL,
        FS_COMPR_FL, FS_SECRM_FL, FS_UNRM_FL, 0x01000000, FS_INDEX_FL,
    };

    chapter("ioctls");
    SAY(mkdir("i", 0755));
    close(make("i/file", 0644, ""));
    SAY(mkfifo("i/fifo", 0644));
    SAY(mknod("i/null", S_IFCHR | 0644, makedev(1, 3)));
    ioctls_of("i/file");
    ioctls_of("i/fifo");
    ioctls_of("i/null");
    ioctls_of("i");
    for (unsigned i = 0; i < sizeof flags / sizeof *flags; i++) {
        flags_set("i/file", flags[i]);
        ioctls_of("i/file");
        flags_set("i", flags[i]);
        ioctls_of("i");
    }
    flags_set("i", 0);
    flags_set("i/file", 0);
    become(1000, 1000, 0);
    flags_set("i/file", FS_NODUMP_FL);
    root();
    SAY(chown("i/file", 1000, 1000));
    become(1000, 1000, 0);
    flags_set("i/file", FS_NODUMP_FL);
    flags_set("i/file", FS_APPEND_FL);
    flags_set("i/file", FS_JOURNAL_DATA_FL);
    root();
}

/* ----------------------------------------------------------------- access */

/* access(2) asks for the real user, and what root may. */
static void accesses(void)
{
    static const mode_t modes[] = { 0, 0100, 0644, 0755, 0711 };

    chapter("access");
    close(make("o", 0600, ""));
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        SAY(chmod("o", modes[i]));
        SAY(access("o", R_OK));
        SAY(access("o", X_OK));
        SAY(faccessat(AT_FDCWD, "o", W_OK | X_OK, AT_EACCESS));
        become(1000, 1000, 0);
        SAY(access("o", R_OK));
        SAY(access("o", X_OK));
        SAY(faccessat(AT_FDCWD, "o", R_OK, AT_EACCESS));
        SAY(faccessat(AT_FDCWD, "o", W_OK, AT_EACCESS));
        SAY(faccessat(AT_FDCWD, "o", X_OK, AT_EACCESS));
        root();
    }
    SAY(access("o", 8));
    SAY(access("none", F_OK));
}

int main(int argc, char **argv)
{
    if (argc != 2 || chdir(argv[1]) != 0) {
        fprintf(stderr, "usage: calls DIR\n");
        return 2;
    }
    umask(022);
    setvbuf(stdout, NULL, _IOLBF, 0);
    space_calls();
    data_calls();
    whiteouts();
    nameless();
    times();
    attributes();
    protection();
    ioctls();
    accesses();
    return 0;
}
