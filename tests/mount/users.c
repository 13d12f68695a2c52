/*
 * users.c - random system calls of several users, below two directories
 *
 *     users SEED COUNT DIR OTHER
 *
 * Each call is made below both, by root or by one of two others, and has to
 * have the same result; every so often all that is visible is compared. Says
 * what differs, and ends with status 1; the same seed makes the same calls.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---------------------------------------------------------------- choice */

static uint64_t state;

static unsigned draw(unsigned below)
{
    state = state * UINT64_C(6364136223846793005) +
            UINT64_C(1442695040888963407);
    return (unsigned)(state >> 33) % below;
}

static char longest[256], too_long[257];

static const char *const names[] = {
    "a", "b", "c", "d", "d/a", "d/b", "d/e", "d/e/f", "d/e/..", "d/.", "s",
    "s/x", "l", "l/y", "none/z", longest, too_long,
};
static const char *const targets[] = { "a", "d", "none", "d/a", "d/e", "l" };
static const mode_t modes[] = {
    0, 0777, 0666, 0644, 0700, 0755, 01777, 02755, 04755, 06777, 070, 02770,
    07, 0555, 02700,
};
static const int flags[] = {
    O_RDONLY, O_WRONLY, O_RDWR, O_CREAT | O_WRONLY, O_CREAT | O_EXCL | O_RDWR,
    O_TRUNC | O_WRONLY, O_DIRECTORY, O_NOFOLLOW, O_CREAT | O_TRUNC | O_WRONLY,
    O_TMPFILE | O_RDWR,
};
static const char *const attributes[] = {
    "user.a", "user.b", "trusted.t", "security.s", "system.x", "user.",
};
static const uid_t users[] = { 0, 1000, 1000, 1001 };
static const int owners[] = { -1, 0, 1000, 1001 };
static const int groups[] = { 0, 1000, 1001, 2000 };
static const size_t sizes[] = { 0, 1, 10, 100, 900, 3000 };
static const off_t lengths[] = { 0, 1, 5000, 100000 };

#define NOBODY 0xff, 0xff, 0xff, 0xff

static const uint8_t lists[][44] = {
    { 2, 0, 0, 0, 1, 0, 7, 0, NOBODY, 2, 0, 6, 0, 0xe8, 3, 0, 0, 4, 0, 5, 0,
      NOBODY, 16, 0, 7, 0, NOBODY, 32, 0, 0, 0, NOBODY },
    { 2, 0, 0, 0, 1, 0, 7, 0, NOBODY, 2, 0, 0, 0, 0xe9, 3, 0, 0, 4, 0, 7, 0,
      NOBODY, 16, 0, 3, 0, NOBODY, 32, 0, 1, 0, NOBODY },
    { 2, 0, 0, 0, 1, 0, 6, 0, NOBODY, 4, 0, 4, 0, NOBODY, 32, 0, 4, 0,
      NOBODY },
    { 2, 0, 0, 0, 1, 0, 6, 0, NOBODY },
};
static const size_t list_lens[] = { 44, 44, 28, 12 };

enum call {
    OPEN, MKDIR, RMDIR, UNLINK, RENAME, LINK, SYMLINK, CHMOD, CHOWN, LCHOWN,
    TRUNCATE, UTIMES, TOUCH, MKNOD, SETXATTR, REMOVEXATTR, SETACL, REMOVEACL,
    WRITE, READ, LIST, READLINK, ACCESS, CALLS,
};

static const char *const call_names[] = {
    "open", "mkdir", "rmdir", "unlink", "rename", "link", "symlink", "chmod",
    "chown", "lchown", "truncate", "utimes", "touch", "mknod", "setxattr",
    "removexattr", "setacl", "removeacl", "write", "read", "list", "readlink",
    "access",
};

/* A call with whatever it could need. */
struct step {
    enum call call;
    uid_t user;
    const char *path, *other, *target, *attribute, *list_name;
    mode_t mode, umask, type;
    int flags, owner, group, wanted;
    unsigned list;
    size_t size;
    off_t length;
};

#define PICK(array) (array)[draw(COUNT(array))]

static struct step choose(void)
{
    static const mode_t masks[] = { 0, 022, 077 };
    static const mode_t types[] = { S_IFCHR, S_IFIFO, S_IFSOCK, S_IFREG };
    static const char *const list_names[] = {
        "system.posix_acl_access", "system.posix_acl_default",
    };
    struct step s = { .call = (enum call)draw(CALLS + 3) };

    if (s.call >= CALLS)
        s.call = s.call == CALLS ? CHMOD : OPEN;
    s.user = PICK(users);
    s.path = PICK(names);
    s.other = PICK(names);
    s.target = PICK(targets);
    s.attribute = PICK(attributes);
    s.list_name = PICK(list_names);
    s.mode = PICK(modes);
    s.umask = PICK(masks);
    s.type = PICK(types);
    s.flags = PICK(flags);
    s.owner = PICK(owners);
    s.group = PICK(groups);
    s.wanted = (int)draw(8);
    s.list = draw(COUNT(lists));
    s.size = PICK(sizes);
    s.length = PICK(lengths);
    return s;
}

/* --------------------------------------------------------------- the call */

/* In one group only: a daemon is not told of the others. */
static int become(uid_t user)
{
    if (seteuid(0) || setegid(0) || setgroups(0, NULL))
        return -1;
    return user && (setegid(user) || seteuid(user)) ? -1 : 0;
}

/* A close() that keeps errno, and RESULT. */
static long closed(int fd, long result)
{
    int err = errno;

    close(fd);
    errno = err;
    return result;
}

static long open_and(const struct step *s, char *seen, size_t size)
{
    static char data[10000];
    int how = s->call == OPEN ? s->flags : s->call == READ ? O_RDONLY
                                                           : O_WRONLY;
    int fd = open(s->path, how | O_NONBLOCK, s->mode);
    struct stat st;

    if (fd < 0)
        return -1;
    if (s->call == READ)
        return closed(fd, read(fd, data, sizeof data));
    if (s->call == WRITE)
        return closed(fd, write(fd, data, s->size));
    if (fstat(fd, &st) < 0)
        return closed(fd, -1);
    snprintf(seen, size, "%o %ju", st.st_mode, (uintmax_t)st.st_nlink);
    return closed(fd, 0);
}

static long list(const char *path)
{
    DIR *dir = opendir(path);
    long count = 0;

    if (!dir)
        return -1;
    while (readdir(dir))
        count++;
    closedir(dir);
    return count;
}

static long perform(const struct step *s, char *seen, size_t size)
{
    static const struct timespec then[2] = { { 5, 0 }, { 1000, 0 } };
    static const char value[3000];

    switch (s->call) {
    case OPEN:
    case WRITE:
    case READ:     return open_and(s, seen, size);
    case MKDIR:    return mkdir(s->path, s->mode);
    case RMDIR:    return rmdir(s->path);
    case UNLINK:   return unlink(s->path);
    case RENAME:   return rename(s->path, s->other);
    case LINK:     return link(s->path, s->other);
    case SYMLINK:  return symlink(s->target, s->path);
    case CHMOD:    return chmod(s->path, s->mode);
    case CHOWN:    return chown(s->path, (uid_t)s->owner, (gid_t)s->group);
    case LCHOWN:   return lchown(s->path, (uid_t)s->owner, (gid_t)s->group);
    case TRUNCATE: return truncate(s->path, s->length);
    case UTIMES:   return utimensat(AT_FDCWD, s->path, then, 0);
    case TOUCH:    return utimensat(AT_FDCWD, s->path, NULL, 0);
    case MKNOD:
        return mknod(s->path, s->type | s->mode, makedev(1, 3));
    case SETXATTR:
        return setxattr(s->path, s->attribute, value, s->size, 0);
    case REMOVEXATTR:
        return removexattr(s->path, s->attribute);
    case SETACL:
        return setxattr(s->path, s->list_name, lists[s->list],
                        list_lens[s->list], 0);
    case REMOVEACL:
        return removexattr(s->path, s->list_name);
    case LIST:
        return list(s->path);
    case READLINK:
        return readlink(s->path, seen, size - 1);
    case ACCESS:
        return faccessat(AT_FDCWD, s->path, s->wanted, AT_EACCESS);
    case CALLS:
        break;
    }
    abort();
}

/* Make call S below ROOT, and put what came of it into words. */
static void make_call(const struct step *s, int root, char *out, size_t size)
{
    char seen[5000] = "";
    long result;
    int err;

    if (fchdir(root) < 0 || become(s->user) < 0) {
        perror("users");
        exit(2);
    }
    umask(s->umask);
    result = perform(s, seen, sizeof seen);
    err = errno;
    become(0);
    if (result < 0)
        snprintf(out, size, "%s", strerrorname_np(err));
    else
        snprintf(out, size, "%ld %s", result, seen);
}

/* ---------------------------------------------------------- what is there */

static void describe_attributes(const char *path, FILE *to)
{
    static char all[65536], value[65536];
    ssize_t len = llistxattr(path, all, sizeof all);
    unsigned long sum = 0;

    /* In any order. */
    for (ssize_t at = 0; at < len; at += (ssize_t)strlen(all + at) + 1) {
        ssize_t got = lgetxattr(path, all + at, value, sizeof value);
        unsigned long hash = (unsigned long)got;

        for (const char *c = all + at; *c; c++)
            hash = hash * 31 + (unsigned char)*c;
        for (ssize_t i = 0; i < got; i++)
            hash = hash * 31 + (unsigned char)value[i];
        sum += hash;
    }
    fprintf(to, " %lx", sum);
}

static int is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 &&
           strcmp(entry->d_name, "..") != 0 &&
           strcmp(entry->d_name, "lost+found") != 0;
}

static void describe(const char *path, FILE *to)
{
    struct dirent **entries;
    struct stat st;
    int count;

    if (lstat(path, &st) < 0) {
        fprintf(to, "%s: %s\n", path, strerrorname_np(errno));
        return;
    }
    fprintf(to, "%s: %o %ju %u:%u %jx", path, st.st_mode,
            (uintmax_t)st.st_nlink, st.st_uid, st.st_gid,
            (uintmax_t)st.st_rdev);
    if (!S_ISDIR(st.st_mode))
        fprintf(to, " %jd", (intmax_t)st.st_size);
    if (st.st_mtim.tv_sec == 1000)
        fprintf(to, " then");
    describe_attributes(path, to);
    fprintf(to, "\n");
    if (!S_ISDIR(st.st_mode))
        return;
    count = scandir(path, &entries, is_entry, alphasort);
    for (int i = 0; i < count; i++) {
        char below[4096];

        snprintf(below, sizeof below, "%s/%s", path, entries[i]->d_name);
        describe(below, to);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static char *tree(int root)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);

    if (!to || fchdir(root) < 0)
        exit(2);
    describe(".", to);
    fclose(to);
    return text;
}

/* Print the first line in which A and B differ. */
static void print_difference(const char *a, const char *b)
{
    for (;;) {
        size_t a_len = strcspn(a, "\n"), b_len = strcspn(b, "\n");

        if (a_len != b_len || memcmp(a, b, a_len) != 0) {
            printf("  %.*s\n  %.*s\n", (int)a_len, a, (int)b_len, b);
            return;
        }
        a += a_len + 1;
        b += b_len + 1;
    }
}

static int trees_differ(int a, int b)
{
    char *of_a = tree(a), *of_b = tree(b);
    int differ = strcmp(of_a, of_b) != 0;

    if (differ)
        print_difference(of_a, of_b);
    free(of_a);
    free(of_b);
    return differ;
}

int main(int argc, char **argv)
{
    long count = argc == 5 ? strtol(argv[2], NULL, 10) : 0;
    int a, b;

    if (count <= 0) {
        fprintf(stderr, "usage: users SEED COUNT DIR OTHER\n");
        return 2;
    }
    state = strtoull(argv[1], NULL, 10);
    memset(longest, 'x', sizeof longest - 1);
    memset(too_long, 'y', sizeof too_long - 1);
    a = open(argv[3], O_RDONLY | O_DIRECTORY);
    b = open(argv[4], O_RDONLY | O_DIRECTORY);
    if (a < 0 || b < 0) {
        perror("users");
        return 2;
    }
    for (long i = 0; i < count; i++) {
        static char of_a[6000], of_b[6000];
        struct step s = choose();

        make_call(&s, a, of_a, sizeof of_a);
        make_call(&s, b, of_b, sizeof of_b);
        if (strcmp(of_a, of_b) != 0 || (i % 16 == 0 && trees_differ(a, b))) {
            printf("call %ld: user %u: %s %.20s %.20s mode %o mask %o flags %o "
                   "owner %d:%d %s size %zu: %s, and %s\n", i, s.user,
                   call_names[s.call], s.path, s.other, s.mode, s.umask,
                   s.flags, s.owner, s.group, s.attribute, s.size, of_a, of_b);
            return 1;
        }
    }
    return trees_differ(a, b);
}
