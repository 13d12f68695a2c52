/* test_ext2_names.c - files that are made, linked, removed and renamed */
#include "ext2/ext2.h"
#include "shale/clock.h"
#include "shale/tx.h"
#include "suite.h"
#include "test_ext2_rig.h"

static struct rig rig;
static struct shale_vnode *root;
static int64_t now_sec;

static void test_now(struct shale_clock *clock, struct shale_time *out)
{
    (void)clock;
    *out = (struct shale_time){ now_sec, 5 };
}

/* Volumes of the first size get a journal, those of the second do not. */
static const size_t sizes[] = { 16 << 20, 1 << 20 };

static void begin_sized(size_t size, const char *arguments)
{
    rig_init(&rig, size, arguments);
    rig_mount(&rig);
    root = rig_open(&rig, "/");
}

static void begin(const char *arguments)
{
    begin_sized(sizes[0], arguments);
}

static void end(void)
{
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_fini(&rig);
}

static int make_in(struct shale_vnode *dir, const char *name, uint32_t mode)
{
    struct shale_node node = { .mode = mode };

    return shale_create(dir, name, strlen(name), &node, NULL);
}

static int make(const char *name, uint32_t mode)
{
    return make_in(root, name, mode);
}

static struct shale_attr attr_of(const char *path)
{
    struct shale_attr attr;

    ck_assert_msg(shale_lstat(rig.v.fs, path, &attr) == 0, "%s", path);
    return attr;
}

static bool is_there(const char *path)
{
    struct shale_attr attr;

    return shale_lstat(rig.v.fs, path, &attr) == 0;
}

static int rename_path(const char *from, const char *to)
{
    struct shale_vnode *a, *b;
    const char *name, *to_name;
    size_t len, to_len;
    int err;

    ck_assert_int_eq(shale_walk_parent(rig.v.fs, from, &a, &name, &len), 0);
    ck_assert_int_eq(shale_walk_parent(rig.v.fs, to, &b, &to_name, &to_len),
                     0);
    err = shale_rename(a, name, len, b, to_name, to_len, 0);
    shale_vnode_put(a);
    shale_vnode_put(b);
    return err;
}

/* ---------------------------------------------------------------- create */

static const struct {
    uint32_t mode, major, minor;
    int err;
} nodes[] = {
    { 0100644, 0, 0, 0 },
    { 0104755, 0, 0, 0 },
    { 0040711, 0, 0, 0 },
    { 0010600, 0, 0, 0 },
    { 0140777, 0, 0, 0 },
    { 0020666, 1, 3, 0 },
    { 0060660, 255, 255, 0 },
    { 0020600, 0, 0, 0 },
    { 0020600, 256, 0, 0 },
    { 0060600, 8, 256, 0 },
    { 0060600, 4095, 1048575, 0 },
    { 0020600, 4096, 0, SHALE_EINVAL },
    { 0020600, 0, 1048576, SHALE_EINVAL },
};

START_TEST(every_type)
{
    const struct shale_node node = {
        .mode = nodes[_i].mode, .uid = 70000, .gid = 80000,
        .rdev_major = nodes[_i].major, .rdev_minor = nodes[_i].minor,
    };
    bool dir = (node.mode & SHALE_S_IFMT) == SHALE_S_IFDIR;
    struct shale_attr attr;

    begin("-b 1024");
    ck_assert_int_eq(shale_create(root, "x", 1, &node, NULL), nodes[_i].err);
    if (nodes[_i].err) {
        ck_assert(!is_there("/x"));
        end();
        return;
    }
    for (unsigned again = 0; again < 2; again++) {
        attr = attr_of("/x");
        ck_assert_uint_eq(attr.mode, node.mode);
        ck_assert_uint_eq(attr.uid, 70000);
        ck_assert_uint_eq(attr.gid, 80000);
        ck_assert_uint_eq(attr.links, dir ? 2 : 1);
        ck_assert_uint_eq(attr.rdev_major, node.rdev_major);
        ck_assert_uint_eq(attr.rdev_minor, node.rdev_minor);
        ck_assert_uint_eq(attr.size, dir ? 1024 : 0);
        ck_assert_uint_eq(attr.allocated, dir ? 1024 : 0);
        ck_assert_uint_eq(attr_of("/").links, dir ? 4 : 3);

        shale_vnode_put(root);
        rig_unmount(&rig);
        rig_mount(&rig);
        root = rig_open(&rig, "/");
    }
    end();
}
END_TEST

static const struct {
    size_t len;
    int err;
    uint64_t allocated;
} symlinks[] = {
    { 1, 0, 0 }, { 59, 0, 0 }, { 60, 0, 1024 }, { 1023, 0, 1024 },
    { 1024, SHALE_ENAMETOOLONG, 0 }, { 4000, SHALE_ENAMETOOLONG, 0 },
};

START_TEST(symlinks_in_the_inode_and_in_a_block)
{
    char target[4096], got[SHALE_PATH_MAX];
    struct shale_node node = {
        .mode = 0120777, .target = target, .target_len = symlinks[_i].len,
    };
    struct shale_vnode *vn;

    memset(target, 't', sizeof target);
    begin("-b 1024");
    ck_assert_int_eq(shale_create(root, "s", 1, &node, NULL),
                     symlinks[_i].err);
    if (!symlinks[_i].err) {
        vn = rig_open(&rig, "/s");
        ck_assert_int_eq(shale_readlink(vn, got, sizeof got),
                         (int64_t)node.target_len);
        ck_assert_int_eq(memcmp(got, target, node.target_len), 0);
        ck_assert_uint_eq(attr_of("/s").size, node.target_len);
        ck_assert_uint_eq(attr_of("/s").allocated, symlinks[_i].allocated);
        shale_vnode_put(vn);
    }
    end();
}
END_TEST

START_TEST(a_name_has_255_bytes)
{
    char name[257];

    memset(name, 'n', sizeof name);
    begin("-b 1024");
    name[256] = '\0';
    ck_assert_int_eq(make(name, 0100644), SHALE_ENAMETOOLONG);
    name[255] = '\0';
    ck_assert_int_eq(make(name, 0100644), 0);
    ck_assert_int_eq(make(name, 0100644), SHALE_EEXIST);
    ck_assert_int_eq(shale_unlink(root, name, 255), 0);
    end();
}
END_TEST

START_TEST(a_setgid_directory_hands_on_its_group)
{
    const struct shale_setattr set = {
        .valid = SHALE_SET_MODE | SHALE_SET_GID, .mode = 02775, .gid = 55,
    };
    const struct shale_node dir = { .mode = 040755, .gid = 1 };
    const struct shale_node file = { .mode = 0100644, .gid = 1 };
    struct shale_vnode *vn;

    begin("-b 1024");
    ck_assert_int_eq(make("d", 040755), 0);
    vn = rig_open(&rig, "/d");
    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    ck_assert_int_eq(shale_create(vn, "f", 1, &file, NULL), 0);
    ck_assert_int_eq(shale_create(vn, "e", 1, &dir, NULL), 0);
    shale_vnode_put(vn);
    ck_assert_uint_eq(attr_of("/d/f").gid, 55);
    ck_assert_uint_eq(attr_of("/d/f").mode, 0100644);
    ck_assert_uint_eq(attr_of("/d/e").gid, 55);
    ck_assert_uint_eq(attr_of("/d/e").mode, 042755);
    end();
}
END_TEST

/* ---------------------------------------------------------------- counts */

/* Set the count of links of inode INO on the volume, while not mounted. */
static void links_set(uint64_t ino, unsigned links)
{
    char line[100];
    int status;

    snprintf(line, sizeof line,
             "debugfs -w -R 'sif <%u> links_count %u' @ 2>&1", (unsigned)ino,
             links);
    rig_run(&rig, line, &status);
    ck_assert_int_eq(status, 0);
}

static void remount(void)
{
    shale_vnode_put(root);
    ck_assert_int_eq(shale_unmount(rig.v.fs), 0);
    rig.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&rig.v), 0);
}

static void remounted(void)
{
    rig_mount(&rig);
    root = rig_open(&rig, "/");
}

START_TEST(a_file_has_32000_names_at_most)
{
    struct shale_vnode *vn;
    uint64_t ino;

    begin("-b 1024");
    ck_assert_int_eq(make("f", 0100644), 0);
    ino = attr_of("/f").ino;
    remount();
    links_set(ino, 31999);
    remounted();
    vn = rig_open(&rig, "/f");
    ck_assert_int_eq(shale_link(vn, root, "g", 1), 0);
    ck_assert_int_eq(shale_link(vn, root, "h", 1), SHALE_EMLINK);
    ck_assert_uint_eq(attr_of("/g").links, 32000);
    ck_assert(!is_there("/h"));
    shale_vnode_put(vn);
    remount();
    links_set(ino, 2);
    remounted();
    end();
}
END_TEST

/* Counts of a directory, and what one more directory in it makes of them. */
static const struct {
    const char *features;
    unsigned links;
    int err;
    unsigned with_one, without;
} counts[] = {
    { "", 31999, 0, 32000, 31999 },
    { "", 32000, SHALE_EMLINK, 32000, 32000 },
    { "-O dir_nlink", 32000, 0, 32001, 32000 },
    { "-O dir_nlink", 64998, 0, 64999, 64998 },
    { "-O dir_nlink", 64999, 0, 1, 1 },
    { "-O dir_nlink", 1, 0, 1, 1 },
};

START_TEST(a_directory_is_linked_by_those_in_it)
{
    char arguments[60];
    struct shale_vnode *vn;
    uint64_t ino;

    snprintf(arguments, sizeof arguments, "-b 1024 %s", counts[_i].features);
    begin(arguments);
    ck_assert_int_eq(make("d", 040755), 0);
    ck_assert_int_eq(make("mover", 040755), 0);
    ino = attr_of("/d").ino;
    remount();
    links_set(ino, counts[_i].links);
    remounted();
    vn = rig_open(&rig, "/d");
    ck_assert_int_eq(make_in(vn, "e", 040755), counts[_i].err);
    ck_assert_uint_eq(attr_of("/d").links, counts[_i].with_one);
    if (!counts[_i].err)
        ck_assert_int_eq(shale_rmdir(vn, "e", 1), 0);
    ck_assert_uint_eq(attr_of("/d").links, counts[_i].without);
    shale_vnode_put(vn);

    /* The same by renaming. */
    remount();
    links_set(ino, counts[_i].links);
    remounted();
    ck_assert_int_eq(rename_path("/mover", "/d/mover"), counts[_i].err);
    ck_assert_uint_eq(attr_of("/d").links, counts[_i].with_one);
    if (!counts[_i].err)
        ck_assert_int_eq(rename_path("/d/mover", "/mover"), 0);
    ck_assert_uint_eq(attr_of("/d").links, counts[_i].without);
    remount();
    links_set(ino, 2);
    remounted();
    end();
}
END_TEST

/* ---------------------------------------------------------------- rename */

/*
 * The tree: /a and /b, directories, in /a a file f, an empty directory e and a
 * full one, n, with a file; in /b a file f, a directory e.
 */
static void tree_make(void)
{
    static const struct { const char *dir, *name; uint32_t mode; } made[] = {
        { "/", "a", 040755 }, { "/", "b", 040755 },
        { "/a", "f", 0100644 }, { "/a", "e", 040755 }, { "/a", "n", 040755 },
        { "/a/n", "x", 0100644 }, { "/b", "f", 0100600 },
        { "/b", "e", 040700 },
    };

    for (size_t i = 0; i < sizeof made / sizeof *made; i++) {
        struct shale_vnode *dir = rig_open(&rig, made[i].dir);

        ck_assert_int_eq(make_in(dir, made[i].name, made[i].mode), 0);
        shale_vnode_put(dir);
    }
}

static const struct renaming {
    const char *from, *to;
    int err;
    unsigned root, a, b;        /* links afterwards */
} renames[] = {
    { "/a/f", "/a/g", 0, 5, 4, 3 },
    { "/a/f", "/b/g", 0, 5, 4, 3 },
    { "/a/f", "/b/f", 0, 5, 4, 3 },
    { "/a/f", "/b/e", SHALE_EISDIR, 5, 4, 3 },
    { "/a/e", "/b/f", SHALE_ENOTDIR, 5, 4, 3 },
    { "/a/e", "/a/moved", 0, 5, 4, 3 },
    { "/a/e", "/b/moved", 0, 5, 3, 4 },
    { "/a/e", "/b/e", 0, 5, 3, 3 },
    { "/a/n", "/b/e", 0, 5, 3, 3 },
    { "/b/e", "/a/n", SHALE_ENOTEMPTY, 5, 4, 3 },
    { "/a/e", "/a/n", SHALE_ENOTEMPTY, 5, 4, 3 },
    { "/a/n", "/a/e", 0, 5, 3, 3 },
    { "/a/n", "/n", 0, 6, 3, 3 },
    { "/b/e", "/e", 0, 6, 4, 2 },
    { "/a", "/a/n/a", SHALE_EINVAL, 5, 4, 3 },
    { "/a", "/b/a", 0, 4, 4, 4 },
    { "/a/f", "/a/f", 0, 5, 4, 3 },
};

#define RENAMES (sizeof renames / sizeof *renames)

START_TEST(renames_of_all_kinds)
{
    const struct renaming how = renames[(size_t)_i % RENAMES];
    struct shale_attr before, after, victim = { .ino = 0 }, from;
    struct shale_vnode *held = NULL, *up;
    bool stays = strcmp(how.from, how.to) == 0;
    const char *a = strcmp(how.to, "/b/a") ? "/a" : "/b/a";

    begin_sized(sizes[(size_t)_i / RENAMES], "-b 1024");
    tree_make();
    before = attr_of(how.from);
    if (is_there(how.to)) {
        victim = attr_of(how.to);
        held = rig_open(&rig, how.to);
    }
    ck_assert_int_eq(rename_path(how.from, how.to), how.err);
    ck_assert_uint_eq(attr_of("/").links, how.root);
    ck_assert_uint_eq(attr_of(a).links, how.a);
    ck_assert_uint_eq(attr_of("/b").links, how.b);
    from = is_there(how.from) ? attr_of(how.from) : victim;
    if (how.err) {
        ck_assert_uint_eq(from.ino, before.ino);
    } else {
        after = attr_of(how.to);
        ck_assert_uint_eq(after.ino, before.ino);
        ck_assert_uint_eq(after.links, before.links);
        ck_assert(stays || !is_there(how.from));
        if ((after.mode & SHALE_S_IFMT) == SHALE_S_IFDIR) {
            struct shale_vnode *vn = rig_open(&rig, how.to);
            char above[40];

            snprintf(above, sizeof above, "%s", how.to);
            *strrchr(above, '/') = '\0';
            ck_assert_int_eq(shale_lookup(vn, "..", 2, &up), 0);
            ck_assert_uint_eq(shale_vnode_ino(up),
                              attr_of(*above ? above : "/").ino);
            shale_vnode_put(up);
            shale_vnode_put(vn);
        }
    }
    if (held && !how.err && !stays) {
        ck_assert_int_eq(shale_getattr(held, &after), 0);
        ck_assert_uint_eq(after.links, 0);
    }
    shale_vnode_put(held);
    end();
}
END_TEST

static const struct exchanging {
    const char *from, *to;
    int err;
    unsigned root, a, b;        /* links afterwards */
} exchanges[] = {
    { "/a/f", "/b/f", 0, 5, 4, 3 },
    { "/a/f", "/a/e", 0, 5, 4, 3 },
    { "/a/f", "/b/e", 0, 5, 5, 2 },
    { "/b/e", "/a/f", 0, 5, 5, 2 },
    { "/a/n", "/b/e", 0, 5, 4, 3 },
    { "/a/n", "/b/f", 0, 5, 3, 4 },
    { "/a/n", "/a", SHALE_EINVAL, 5, 4, 3 },
    { "/a/n", "/b", 0, 5, 4, 3 },
    { "/a/f", "/a/f", 0, 5, 4, 3 },
};

#define EXCHANGES (sizeof exchanges / sizeof *exchanges)

/* Links of the directory that was /a, or /b, when that had inode INO. */
static unsigned links_of(uint64_t ino)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr_ino(rig.v.fs, ino, &attr), 0);
    return attr.links;
}

static uint64_t parent_of(const char *path)
{
    struct shale_vnode *vn = rig_open(&rig, path), *up;
    uint64_t ino;

    ck_assert_int_eq(shale_lookup(vn, "..", 2, &up), 0);
    ino = shale_vnode_ino(up);
    shale_vnode_put(up);
    shale_vnode_put(vn);
    return ino;
}

static int exchange(const char *from, const char *to)
{
    struct shale_vnode *a, *b;
    const char *name, *to_name;
    size_t len, to_len;
    int err;

    ck_assert_int_eq(shale_walk_parent(rig.v.fs, from, &a, &name, &len), 0);
    ck_assert_int_eq(shale_walk_parent(rig.v.fs, to, &b, &to_name, &to_len),
                     0);
    err = shale_rename(a, name, len, b, to_name, to_len,
                       SHALE_RENAME_EXCHANGE);
    shale_vnode_put(a);
    shale_vnode_put(b);
    return err;
}

START_TEST(exchanges_of_all_kinds)
{
    const struct exchanging how = exchanges[(size_t)_i % EXCHANGES];
    struct shale_attr from, to;
    uint64_t a, b, batch;
    bool moved;

    begin_sized(sizes[(size_t)_i / EXCHANGES], "-b 1024");
    tree_make();
    a = attr_of("/a").ino;
    b = attr_of("/b").ino;
    from = attr_of(how.from);
    to = attr_of(how.to);
    batch = shale_tx_batch(rig.v.fs->tx);
    ck_assert_int_eq(exchange(how.from, how.to), how.err);

    /* In one go, if there is a journal to make that whole. */
    if (!how.err && from.ino != to.ino)
        ck_assert_int_eq(shale_tx_batch(rig.v.fs->tx) == batch,
                         (size_t)_i / EXCHANGES == 0);
    moved = !how.err && strcmp(how.to, "/b") != 0;
    if (moved) {
        ck_assert_uint_eq(attr_of(how.from).ino, to.ino);
        ck_assert_uint_eq(attr_of(how.to).ino, from.ino);
        for (int i = 0; i < 2; i++) {
            const char *path = i ? how.to : how.from;
            char above[40];

            if (attr_of(path).mode >> 12 != SHALE_S_IFDIR >> 12)
                continue;
            snprintf(above, sizeof above, "%s", path);
            *strrchr(above, '/') = '\0';
            ck_assert_uint_eq(parent_of(path), attr_of(above).ino);
        }
    }
    ck_assert_uint_eq(attr_of("/").links, how.root);
    ck_assert_uint_eq(links_of(a), how.a);
    ck_assert_uint_eq(links_of(b), how.b);
    end();
}
END_TEST

/* ----------------------------------------------------------------- times */

/* What each call changes: which times of which paths are the call's. */
#define M 1u
#define C 2u

static const struct timed {
    const char *call, *path, *to;
    struct { const char *path; unsigned times; } changed[4];
} timed[] = {
    { "create", "/a/new", NULL, { { "/a", M | C }, { "/a/new", M | C } } },
    { "mkdir", "/a/new", NULL, { { "/a", M | C }, { "/a/new", M | C } } },
    { "link", "/a/f", "/b/new",
      { { "/b", M | C }, { "/a/f", C }, { "/b/new", C } } },
    { "unlink", "/a/f", NULL, { { "/a", M | C } } },
    { "rmdir", "/a/e", NULL, { { "/a", M | C } } },
    { "rename", "/a/f", "/a/g", { { "/a", M | C }, { "/a/g", C } } },
    { "rename", "/a/f", "/b/f",
      { { "/a", M | C }, { "/b", M | C }, { "/b/f", C } } },
    { "exchange", "/a/f", "/b/f",
      { { "/a", M | C }, { "/b", M | C }, { "/a/f", C }, { "/b/f", C } } },
    { "rename", "/a/e", "/b/new",
      { { "/a", M | C }, { "/b", M | C }, { "/b/new", C } } },
};

static void timed_call(const struct timed *t)
{
    struct shale_vnode *dir, *vn, *to;
    const char *name, *to_name;
    size_t len, to_len;
    int err;

    ck_assert_int_eq(shale_walk_parent(rig.v.fs, t->path, &dir, &name, &len),
                     0);
    if (strcmp(t->call, "create") == 0) {
        err = make_in(dir, name, 0100644);
    } else if (strcmp(t->call, "mkdir") == 0) {
        err = make_in(dir, name, 040755);
    } else if (strcmp(t->call, "unlink") == 0) {
        err = shale_unlink(dir, name, len);
    } else if (strcmp(t->call, "rmdir") == 0) {
        err = shale_rmdir(dir, name, len);
    } else if (strcmp(t->call, "link") == 0) {
        vn = rig_open(&rig, t->path);
        ck_assert_int_eq(shale_walk_parent(rig.v.fs, t->to, &to, &to_name,
                                           &to_len), 0);
        err = shale_link(vn, to, to_name, to_len);
        shale_vnode_put(to);
        shale_vnode_put(vn);
    } else {
        err = strcmp(t->call, "exchange") == 0 ? exchange(t->path, t->to)
                                               : rename_path(t->path, t->to);
    }
    shale_vnode_put(dir);
    ck_assert_int_eq(err, 0);
}

/* The rig's volume, mounted with a clock of the test's. */
static void begin_timed(void)
{
    static struct shale_clock clock = { .now = test_now };
    static const struct shale_fs_ops *const drivers[] = { &shale_ext2, NULL };
    struct shale_config config = { .drivers = drivers, .clock = &clock };

    rig_init(&rig, 16 << 20, "-b 1024 -I 256");
    ck_assert_int_eq(volume_to_write(&rig.v, rig.bytes, rig.size), 0);
    config.dev = rig.v.dev;
    config.mem = rig.v.mem;
    ck_assert_int_eq(shale_mount(&config, &rig.v.fs), 0);
    root = rig_open(&rig, "/");
}

START_TEST(times_change_as_they_should)
{
    static const char *const all[] = {
        "/", "/a", "/b", "/a/f", "/a/e", "/a/n", "/a/g", "/a/new", "/b/f",
        "/b/new",
    };

    now_sec = 1000;
    begin_timed();
    tree_make();
    now_sec = 2000;
    timed_call(&timed[_i]);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        unsigned times = 0;
        struct shale_attr attr;

        if (!is_there(all[i]))
            continue;
        for (size_t k = 0; k < 4 && timed[_i].changed[k].path; k++)
            if (strcmp(timed[_i].changed[k].path, all[i]) == 0)
                times = timed[_i].changed[k].times;
        attr = attr_of(all[i]);
        ck_assert_msg((attr.mtime.sec == 2000) == !!(times & M), "%s %s: M",
                      timed[_i].call, all[i]);
        ck_assert_msg((attr.ctime.sec == 2000) == !!(times & C), "%s %s: C",
                      timed[_i].call, all[i]);
        if (strcmp(all[i], "/") != 0)
            ck_assert_uint_eq(attr.ctime.nsec, 5);
    }
    end();
}
END_TEST

/* ----------------------------------------------------------------- flags */

static void flags_set(const char *path, uint32_t flags)
{
    const struct shale_setattr set = {
        .valid = SHALE_SET_FLAGS, .flags = flags,
    };
    struct shale_vnode *vn = rig_open(&rig, path);

    ck_assert_int_eq(shale_setattr(vn, &set), 0);
    shale_vnode_put(vn);
}

START_TEST(immutable_and_append_only)
{
    struct shale_vnode *a, *f;
    bool append = _i;

    begin("-b 1024");
    tree_make();
    a = rig_open(&rig, "/a");
    f = rig_open(&rig, "/a/f");

    /* The file. */
    flags_set("/a/f", append ? EXT2_INODE_APPEND : EXT2_INODE_IMMUTABLE);
    ck_assert_int_eq(shale_unlink(a, "f", 1), SHALE_EPERM);
    ck_assert_int_eq(shale_link(f, a, "l", 1), SHALE_EPERM);
    ck_assert_int_eq(rename_path("/a/f", "/a/g"), SHALE_EPERM);
    ck_assert_int_eq(rename_path("/b/f", "/a/f"), SHALE_EPERM);
    flags_set("/a/f", 0);

    /* The directory. */
    flags_set("/a", append ? EXT2_INODE_APPEND : EXT2_INODE_IMMUTABLE);
    ck_assert_int_eq(make_in(a, "g", 0100644), append ? 0 : SHALE_EPERM);
    ck_assert_int_eq(make_in(a, "h", 040755), append ? 0 : SHALE_EPERM);
    ck_assert_int_eq(shale_link(f, a, "l", 1), append ? 0 : SHALE_EPERM);
    ck_assert_int_eq(shale_unlink(a, "f", 1), SHALE_EPERM);
    ck_assert_int_eq(shale_rmdir(a, "e", 1), SHALE_EPERM);
    ck_assert_int_eq(rename_path("/a/f", "/b/g"), SHALE_EPERM);
    ck_assert_int_eq(rename_path("/b/f", "/a/m"), append ? 0 : SHALE_EPERM);
    ck_assert_int_eq(rename_path("/b/e", "/a/e"), SHALE_EPERM);
    flags_set("/a", 0);
    ck_assert_int_eq(shale_unlink(a, "f", 1), 0);
    shale_vnode_put(a);
    shale_vnode_put(f);
    end();
}
END_TEST

START_TEST(flags_are_inherited)
{
    const uint32_t flags = EXT2_INODE_SYNC | EXT2_INODE_NODUMP |
                           EXT2_INODE_NOATIME | EXT2_INODE_DIRSYNC |
                           EXT2_INODE_APPEND | EXT2_INODE_TOPDIR;
    struct shale_vnode *a;
    const struct shale_node link = {
        .mode = 0120777, .target = "t", .target_len = 1,
    };

    begin("-b 1024");
    tree_make();
    flags_set("/a", flags);
    a = rig_open(&rig, "/a");
    ck_assert_int_eq(make_in(a, "dir", 040755), 0);
    ck_assert_int_eq(make_in(a, "file", 0100644), 0);
    ck_assert_int_eq(make_in(a, "fifo", 0010644), 0);
    ck_assert_int_eq(shale_create(a, "link", 4, &link, NULL), 0);
    shale_vnode_put(a);
    ck_assert_uint_eq(attr_of("/a/dir").flags,
                      EXT2_INODE_SYNC | EXT2_INODE_NODUMP |
                          EXT2_INODE_NOATIME | EXT2_INODE_DIRSYNC);
    ck_assert_uint_eq(attr_of("/a/file").flags,
                      EXT2_INODE_SYNC | EXT2_INODE_NODUMP |
                          EXT2_INODE_NOATIME);
    ck_assert_uint_eq(attr_of("/a/fifo").flags,
                      EXT2_INODE_NODUMP | EXT2_INODE_NOATIME);
    ck_assert_uint_eq(attr_of("/a/link").flags,
                      EXT2_INODE_NODUMP | EXT2_INODE_NOATIME);
    end();
}
END_TEST

#define LOOP(tc, test, table) \
    tcase_add_loop_test(tc, test, 0, sizeof table / sizeof table[0])

Suite *suite(void)
{
    Suite *s = suite_create("ext2/names");
    TCase *tc = tcase_create("names");

    rig_need_programs();
    LOOP(tc, every_type, nodes);
    LOOP(tc, symlinks_in_the_inode_and_in_a_block, symlinks);
    tcase_add_test(tc, a_name_has_255_bytes);
    tcase_add_test(tc, a_setgid_directory_hands_on_its_group);
    tcase_add_test(tc, a_file_has_32000_names_at_most);
    LOOP(tc, a_directory_is_linked_by_those_in_it, counts);
    tcase_add_loop_test(tc, renames_of_all_kinds, 0, 2 * RENAMES);
    tcase_add_loop_test(tc, exchanges_of_all_kinds, 0, 2 * EXCHANGES);
    LOOP(tc, times_change_as_they_should, timed);
    tcase_add_loop_test(tc, immutable_and_append_only, 0, 2);
    tcase_add_test(tc, flags_are_inherited);
    suite_add_tcase(s, tc);
    return s;
}
