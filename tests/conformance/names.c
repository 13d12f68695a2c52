/*
 * names.c - names come, go, and become others
 */
#include "conform.h"

#include "vfs/memfn.h"

enum { MANY = 150 };

/* An empty file called NAME. */
static int touch(struct shale_vnode *dir, const char *name)
{
    return conform_make(dir, name, CONFORM_FILE, NULL);
}

/* How many entries DIR has besides "." and ".."; -1 on an error. */
static int count_one(void *context, const struct shale_dirent *entry)
{
    (void)entry;
    ++*(int *)context;
    return 0;
}

static int count(struct shale_vnode *dir)
{
    int found = 0;

    return shale_iterate(dir, 0, 0, count_one, &found) ? -1 : found - 2;
}

/* ------------------------------------------------------- come and go */

static const char *a_file_comes_and_goes(struct conform *c)
{
    struct shale_vnode *file;

    MUST(conform_lookup(c->dir, "f", &file) == SHALE_ENOENT);
    MUST(conform_unlink(c->dir, "f") == SHALE_ENOENT);
    MUST(conform_make(c->dir, "f", CONFORM_FILE, &file) == 0);
    MUST(shale_vnode_type(file) == SHALE_TYPE_FILE);
    shale_vnode_put(file);
    MUST(touch(c->dir, "f") == SHALE_EEXIST);
    MUST(conform_make(c->dir, "f", CONFORM_DIR, NULL) == SHALE_EEXIST);
    MUST(conform_rmdir(c->dir, "f") == SHALE_ENOTDIR);
    MUST(count(c->dir) == 1);
    MUST(conform_unlink(c->dir, "f") == 0);
    MUST(conform_unlink(c->dir, "f") == SHALE_ENOENT);
    MUST(count(c->dir) == 0);
    return NULL;
}

static const char *a_directory_comes_and_goes(struct conform *c)
{
    struct shale_vnode *dir, *up;
    struct shale_attr attr;

    MUST(conform_make(c->dir, "d", CONFORM_DIR, &dir) == 0);
    MUST(shale_vnode_type(dir) == SHALE_TYPE_DIR && count(dir) == 0);
    MUST(conform_lookup(dir, "..", &up) == 0);
    MUST(shale_vnode_ino(up) == shale_vnode_ino(c->dir));
    shale_vnode_put(up);
    if (c->unix_files) {
        MUST(shale_getattr(c->dir, &attr) == 0 && attr.links == 3);
        MUST(shale_getattr(dir, &attr) == 0 && attr.links == 2);
    }
    MUST(touch(dir, "f") == 0);
    MUST(conform_unlink(c->dir, "d") == SHALE_EISDIR);
    MUST(conform_rmdir(c->dir, "d") == SHALE_ENOTEMPTY);
    MUST(conform_unlink(dir, "f") == 0);
    MUST(conform_rmdir(c->dir, "d") == 0);
    MUST(touch(dir, "f") == SHALE_ENOENT);
    shale_vnode_put(dir);
    MUST(count(c->dir) == 0);
    return NULL;
}

static const char *names_that_cannot_be(struct conform *c)
{
    const struct shale_node node = { .mode = CONFORM_FILE };
    char *name = (char *)c->bytes;

    MUST(touch(c->dir, "") == SHALE_EINVAL);
    MUST(touch(c->dir, "a/b") == SHALE_EINVAL);
    MUST(touch(c->dir, ".") == SHALE_EEXIST);
    MUST(touch(c->dir, "..") == SHALE_EEXIST);
    MUST(conform_unlink(c->dir, ".") < 0);
    MUST(conform_rmdir(c->dir, ".") == SHALE_EINVAL);
    memset(name, 'n', c->name_max + 1);
    MUST(shale_create(c->dir, name, c->name_max + 1, &node, NULL) ==
         SHALE_ENAMETOOLONG);
    MUST(count(c->dir) == 0);
    return NULL;
}

/* 255 letters are within every format's limit. */
static const char *long_names(struct conform *c)
{
    static const size_t lengths[] = { 1, 8, 11, 12, 13, 14, 26, 100, 255 };
    char *name = (char *)c->bytes;

    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct shale_vnode *file;

        memset(name, (int)('a' + i), lengths[i]);
        name[lengths[i]] = '\0';
        MUST(touch(c->dir, name) == 0);
        MUST(conform_lookup(c->dir, name, &file) == 0);
        shale_vnode_put(file);
        name[lengths[i] - 1] = '~';
        MUST(!conform_is_there(c->dir, name));
    }
    MUST(conform_remount(c) == 0);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        memset(name, (int)('a' + i), lengths[i]);
        name[lengths[i]] = '\0';
        MUST(conform_unlink(c->dir, name) == 0);
    }
    return NULL;
}

static const char *names_in_any_script(struct conform *c)
{
    static const char *const names[] = {
        "two words", "a.b.c", "file.TXT", "\xc3\xa9t\xc3\xa9", "+,;=[]",
        "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "\xf0\x9f\x90\x9a.txt",
        ".hidden", "x",
    };
    const int number = sizeof names / sizeof *names;

    for (int i = 0; i < number; i++)
        MUST(touch(c->dir, names[i]) == 0);
    MUST(count(c->dir) == number);
    MUST(conform_remount(c) == 0);
    MUST(count(c->dir) == number);
    for (int i = 0; i < number; i++)
        MUST(conform_unlink(c->dir, names[i]) == 0);
    return NULL;
}

static const char *case_counts_or_not(struct conform *c)
{
    MUST(touch(c->dir, "Name") == 0);
    if (c->folds_case) {
        MUST(conform_is_there(c->dir, "nAME"));
        MUST(touch(c->dir, "NAME") == SHALE_EEXIST);
        MUST(conform_rename(c->dir, "name", c->dir, "NAMe", 0) == 0);
        MUST(conform_unlink(c->dir, "name") == 0);
    } else {
        MUST(!conform_is_there(c->dir, "name"));
        MUST(touch(c->dir, "name") == 0);
        MUST(conform_unlink(c->dir, "name") == 0);
        MUST(conform_unlink(c->dir, "Name") == 0);
    }
    MUST(count(c->dir) == 0);
    return NULL;
}

/* ------------------------------------------------------------- many of them */

/* Name number N: "a fairly long name 012". */
static void many_name(unsigned n, char name[32])
{
    static const char start[] = "a fairly long name ";
    size_t at = sizeof start - 1;

    memcpy(name, start, at);
    name[at++] = (char)('0' + n / 100 % 10);
    name[at++] = (char)('0' + n / 10 % 10);
    name[at++] = (char)('0' + n % 10);
    name[at] = '\0';
}

struct listing {
    uint8_t seen[MANY];         /* how often each was */
    uint64_t next;
    unsigned left;              /* to be taken */
};

static int list_one(void *context, const struct shale_dirent *entry)
{
    struct listing *listing = context;
    unsigned n = 0;

    if (listing->left == 0)
        return 1;
    listing->left--;
    listing->next = entry->next;
    if (entry->len < 3 || entry->name[0] == '.')
        return 0;
    for (size_t i = entry->len - 3; i < entry->len; i++)
        n = n * 10 + (unsigned)(entry->name[i] - '0');
    if (n < MANY)
        listing->seen[n]++;
    return 0;
}

/* Every name is listed once, a few at a time, also while others go. */
static const char *many_names(struct conform *c)
{
    struct listing *listing = (struct listing *)c->bytes;
    char name[32];
    int more = 1;

    for (unsigned i = 0; i < MANY; i++) {
        many_name(i, name);
        MUST(touch(c->dir, name) == 0);
    }
    memset(listing, 0, sizeof *listing);
    while (more) {
        listing->left = 11;
        more = shale_iterate(c->dir, listing->next, 0, list_one, listing);
        MUST(more >= 0);
        /* One goes that has been seen. */
        for (unsigned i = 0; i < MANY; i++)
            if (listing->seen[i] == 1) {
                many_name(i, name);
                MUST(conform_unlink(c->dir, name) == 0);
                listing->seen[i] = 101;
                break;
            }
    }
    for (unsigned i = 0; i < MANY; i++) {
        MUST(listing->seen[i] % 100 == 1);
        many_name(i, name);
        MUST(conform_is_there(c->dir, name) == (listing->seen[i] == 1));
        if (listing->seen[i] == 1)
            MUST(conform_unlink(c->dir, name) == 0);
    }
    MUST(count(c->dir) == 0);
    return NULL;
}

/* ------------------------------------------------------------------ rename */

/* A file called NAME that has one byte, LETTER. */
static const char *file_with(struct shale_vnode *dir, const char *name,
                             char letter)
{
    struct shale_vnode *file;

    MUST(conform_make(dir, name, CONFORM_FILE, &file) == 0);
    MUST(shale_write(file, &letter, 1, 0) == 1);
    shale_vnode_put(file);
    return NULL;
}

static char letter_of(struct shale_vnode *dir, const char *name)
{
    struct shale_vnode *file;
    char letter = '?';

    if (conform_lookup(dir, name, &file))
        return '-';
    if (shale_read(file, &letter, 1, 0) != 1)
        letter = '?';
    shale_vnode_put(file);
    return letter;
}

static const char *renaming_files(struct conform *c)
{
    struct shale_vnode *d;

    MUST(conform_make(c->dir, "d", CONFORM_DIR, &d) == 0);
    MUST(file_with(c->dir, "a", 'a') == NULL);
    MUST(file_with(c->dir, "b", 'b') == NULL);
    MUST(conform_rename(c->dir, "a", c->dir, "a", 0) == 0);
    MUST(conform_rename(c->dir, "none", c->dir, "x", 0) == SHALE_ENOENT);
    MUST(conform_rename(c->dir, "a", c->dir, "another name", 0) == 0);
    MUST(letter_of(c->dir, "a") == '-');
    MUST(letter_of(c->dir, "another name") == 'a');
    MUST(conform_rename(c->dir, "another name", d, "a", 0) == 0);
    MUST(letter_of(d, "a") == 'a' && count(c->dir) == 2);
    MUST(conform_rename(d, "a", c->dir, "b", SHALE_RENAME_NOREPLACE) ==
         SHALE_EEXIST);
    MUST(letter_of(c->dir, "b") == 'b');
    MUST(conform_rename(d, "a", c->dir, "b", 0) == 0);
    MUST(letter_of(c->dir, "b") == 'a' && count(d) == 0);
    MUST(conform_rename(c->dir, "b", c->dir, "d", 0) == SHALE_EISDIR);
    MUST(conform_rename(c->dir, "d", c->dir, "b", 0) == SHALE_ENOTDIR);
    MUST(conform_unlink(c->dir, "b") == 0);
    MUST(conform_rmdir(c->dir, "d") == 0);
    shale_vnode_put(d);
    return NULL;
}

static const char *exchanging(struct conform *c)
{
    struct shale_vnode *d;

    MUST(conform_make(c->dir, "d", CONFORM_DIR, &d) == 0);
    MUST(file_with(c->dir, "a", 'a') == NULL);
    MUST(file_with(d, "b", 'b') == NULL);
    MUST(conform_rename(c->dir, "a", d, "none", SHALE_RENAME_EXCHANGE) ==
         SHALE_ENOENT);
    MUST(conform_rename(c->dir, "a", d, "b", SHALE_RENAME_EXCHANGE) == 0);
    MUST(letter_of(c->dir, "a") == 'b' && letter_of(d, "b") == 'a');
    MUST(conform_unlink(c->dir, "a") == 0);
    MUST(conform_unlink(d, "b") == 0);
    MUST(conform_rmdir(c->dir, "d") == 0);
    shale_vnode_put(d);
    return NULL;
}

static const char *renaming_directories(struct conform *c)
{
    struct shale_vnode *a, *b, *up;

    MUST(conform_make(c->dir, "a", CONFORM_DIR, &a) == 0);
    MUST(conform_make(a, "b", CONFORM_DIR, &b) == 0);
    MUST(touch(b, "f") == 0);
    MUST(conform_rename(c->dir, "a", a, "x", 0) == SHALE_EINVAL);
    MUST(conform_rename(c->dir, "a", b, "x", 0) == SHALE_EINVAL);
    MUST(conform_rename(a, "b", c->dir, "moved", 0) == 0);
    MUST(conform_lookup(b, "..", &up) == 0);
    MUST(shale_vnode_ino(up) == shale_vnode_ino(c->dir));
    shale_vnode_put(up);
    MUST(count(a) == 0 && count(b) == 1);
    /* Over an empty one, and not over one that is not. */
    MUST(conform_rename(c->dir, "a", c->dir, "moved", 0) == SHALE_ENOTEMPTY);
    MUST(conform_rename(c->dir, "moved", c->dir, "a", 0) == 0);
    MUST(count(c->dir) == 1 && conform_is_there(b, "f"));
    shale_vnode_put(a);
    shale_vnode_put(b);
    MUST(conform_remount(c) == 0);
    MUST(conform_lookup(c->dir, "a", &a) == 0);
    MUST(conform_unlink(a, "f") == 0);
    MUST(conform_rmdir(c->dir, "a") == 0);
    shale_vnode_put(a);
    return NULL;
}

/* ----------------------------------------------------------- other things */

static const char *a_file_without_a_name(struct conform *c)
{
    struct shale_vnode *file, *other;

    MUST(conform_make(c->dir, "f", CONFORM_FILE, &file) == 0);
    MUST(conform_write(c, file, 1, 0, 10000) == 0);
    MUST(conform_unlink(c->dir, "f") == 0);
    MUST(conform_holds(c, file, 1, 0, 10000));
    MUST(conform_make(c->dir, "f", CONFORM_FILE, &other) == 0);
    MUST(conform_write(c, other, 2, 0, 10000) == 0);
    MUST(conform_write(c, file, 3, 10000, 5000) == 0);
    MUST(conform_holds(c, file, 1, 0, 10000));
    MUST(conform_holds(c, file, 3, 10000, 5000));
    MUST(conform_holds(c, other, 2, 0, 10000));
    shale_vnode_put(file);
    shale_vnode_put(other);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

static const char *paths_lead_there(struct conform *c)
{
    struct shale_vnode *d, *vn;
    struct shale_attr attr;
    const char *name;
    size_t len;

    MUST(conform_make(c->dir, "d", CONFORM_DIR, &d) == 0);
    MUST(touch(d, "f") == 0);
    MUST(shale_stat(c->fs, "/conformance/d/f", &attr) == 0);
    MUST(shale_stat(c->fs, "conformance//d/./../d/f", &attr) == 0);
    MUST(shale_stat(c->fs, "/conformance/d/", &attr) == 0);
    MUST(shale_stat(c->fs, "/conformance/d/f/", &attr) == SHALE_ENOTDIR);
    MUST(shale_stat(c->fs, "/conformance/d/f/x", &attr) == SHALE_ENOTDIR);
    MUST(shale_stat(c->fs, "/conformance/x/f", &attr) == SHALE_ENOENT);
    MUST(shale_walk(c->fs, d, "f", 0, &vn) == 0);
    shale_vnode_put(vn);
    MUST(shale_walk_parent(c->fs, "/conformance/d/new/", &vn, &name,
                           &len) == 0);
    MUST(shale_vnode_ino(vn) == shale_vnode_ino(d) && len == 3);
    shale_vnode_put(vn);
    MUST(shale_walk_parent(c->fs, "/", &vn, &name, &len) == SHALE_EBUSY);
    MUST(conform_unlink(d, "f") == 0);
    MUST(conform_rmdir(c->dir, "d") == 0);
    shale_vnode_put(d);
    return NULL;
}

const struct conform_case conform_name_cases[] = {
    { "a file comes and goes", a_file_comes_and_goes },
    { "a directory comes and goes", a_directory_comes_and_goes },
    { "names that cannot be", names_that_cannot_be },
    { "long names", long_names },
    { "names in any script", names_in_any_script },
    { "case counts, or does not", case_counts_or_not },
    { "many names", many_names },
    { "renaming files", renaming_files },
    { "exchanging", exchanging },
    { "renaming directories", renaming_directories },
    { "a file without a name", a_file_without_a_name },
    { "paths lead there", paths_lead_there },
    { NULL, NULL },
};
