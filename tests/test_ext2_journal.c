/*
 * test_ext2_journal.c - batches through a journal: an ext3's own, and one that
 * an ext2 has while it is in use
 *
 * The power is cut at moments all over a volume's use. Whatever is left,
 * e2fsck -p repairs it by itself, and so does our next mount; and what had been
 * written is there.
 */
#include <sys/wait.h>

#include "ext2/write.h"
#include "shale/host.h"
#include "suite.h"
#include "test_ext2_rig.h"

#include "powercut.h"

#define GOOD(call) ck_assert_int_eq((int)(call), 0)

static struct rig rig, left;
static struct shale_fault_bdev fault;
static struct shale_mem *records;

/* Make a volume of SIZE bytes; what is written to it will be recorded. */
static void open_rig(size_t size, const char *arguments)
{
    rig_init(&rig, size, arguments);
    rig_init(&left, size, arguments);
    records = shale_host_mem_create(0);
}

static void mount_recorded(void)
{
    GOOD(volume_to_write(&rig.v, rig.bytes, rig.size));
    GOOD(shale_fault_bdev_init(&fault, rig.v.dev, records, NULL));
    rig.v.dev = &fault.base;
    ck_assert_msg(volume_mount(&rig.v, NULL) == 0, "%s", rig.v.said);
}

static void close_rig(void)
{
    shale_fault_bdev_fini(&fault);
    shale_mem_destroy(records);
    rig_fini(&rig);
    rig_fini(&left);
}

static struct ext2_volume *volume(void)
{
    return ext2_volume_of(rig.v.fs);
}

static const struct ext2_disk_super *super_of(const uint8_t *image)
{
    return (const struct ext2_disk_super *)(image + EXT2_SUPER_OFFSET);
}

static bool has_journal(const uint8_t *image)
{
    return le32_get(super_of(image)->compat) & EXT2_COMPAT_HAS_JOURNAL;
}

/* --------------------------------------------------------------- the work */

static void make(const char *dir, const char *name, uint32_t mode)
{
    const struct shale_node node = { .mode = mode };
    struct shale_vnode *parent = rig_open(&rig, dir);

    GOOD(shale_create(parent, name, strlen(name), &node, NULL));
    shale_vnode_put(parent);
}

static void move(const char *from, const char *to, const char *name,
                 const char *to_name)
{
    struct shale_vnode *a = rig_open(&rig, from), *b = rig_open(&rig, to);

    GOOD(shale_rename(a, name, strlen(name), b, to_name, strlen(to_name), 0));
    shale_vnode_put(a);
    shale_vnode_put(b);
}

static void fill(const char *path, unsigned round, size_t size)
{
    struct shale_vnode *vn = rig_open(&rig, path);
    char bytes[3000];

    memset(bytes, 'a' + (int)(round % 26), sizeof bytes);
    ck_assert_int_eq(shale_write(vn, bytes, size, 0), (int64_t)size);
    shale_vnode_put(vn);
}

/* A target that begins as a journal's blocks do, in a block of its own. */
static const char target[] =
    "\xc0\x3b\x39\x98 is what blocks of a journal begin with, and so does this "
    "symlink, which is logged.";

static void make_symlink(void)
{
    const struct shale_node node = {
        .mode = SHALE_S_IFLNK | 0777,
        .target = target, .target_len = sizeof target - 1,
    };
    struct shale_vnode *root = rig_open(&rig, "/");

    GOOD(shale_create(root, "symlink", 7, &node, NULL));
    shale_vnode_put(root);
}

/* Make the directory PATH, NAME in the root, or remove it. */
static void make_or_remove(const char *path, const char *name)
{
    struct shale_vnode *root = rig_open(&rig, "/");
    struct shale_attr attr;

    if (shale_stat(rig.v.fs, path, &attr) == 0)
        GOOD(shale_rmdir(root, name, strlen(name)));
    else
        make("/", name, SHALE_S_IFDIR | 0755);
    shale_vnode_put(root);
}

/*
 * Directories that move back and forth, a file that is replaced, and one that
 * comes where a directory has gone.
 */
static void begin_work(void)
{
    make_symlink();
    make("/", "a", SHALE_S_IFDIR | 0755);
    make("/", "b", SHALE_S_IFDIR | 0755);
    make("/a", "moving", SHALE_S_IFDIR | 0755);
    make("/", "replaced", SHALE_S_IFREG | 0644);
    fill("/replaced", 0, 3000);
}

static void do_round(unsigned round)
{
    char name[20];

    move(round % 2 ? "/a" : "/b", round % 2 ? "/b" : "/a", "moving", "moving");
    make("/", "new", SHALE_S_IFREG | 0644);
    fill("/new", round, 3000);
    move("/", "/", "new", "replaced");
    snprintf(name, sizeof name, "file%u", round);
    make("/a", name, SHALE_S_IFREG | 0600);
    make_or_remove("/t1", "t1");
    make_or_remove("/t2", "t2");
    make_or_remove("/t3", "t3");
}

/* Rounds, each written when it is done; a mark says which one that is. */
static void work(unsigned rounds)
{
    begin_work();
    GOOD(shale_writeback(rig.v.fs));
    GOOD(shale_fault_mark(&fault, 1));
    for (unsigned round = 1; round <= rounds; round++) {
        do_round(round);
        GOOD(shale_writeback(rig.v.fs));
        GOOD(shale_fault_mark(&fault, round + 1));
    }
}

/* --------------------------------------------------------------- judging */

static void run_left(const struct powercut_state *state, const char *command,
                     int most)
{
    int status;
    const char *said = rig_run(&left, command, &status);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= most,
                  "%s, after round %u: %s: %s", state->what,
                  (unsigned)state->mark, command, said);
}

/* How many files of that name there are in the directory that moves about. */
static unsigned count_paths(struct shale_fs *fs, const char *a, const char *b)
{
    struct shale_attr attr;

    unsigned count = shale_stat(fs, a, &attr) == 0;

    return shale_stat(fs, b, &attr) == 0 ? count + 1 : count;
}

/* The volume has no journal: what takes several blocks may be torn. */
static bool by_rank;

/* Is what had been done by STATE's mark there, on the mounted volume? */
static void look(const struct powercut_state *state, struct shale_fs *fs)
{
    struct shale_attr attr;
    struct shale_vnode *vn;
    char path[200], byte = 0;

    for (unsigned round = 1; round < state->mark; round++) {
        snprintf(path, sizeof path, "/a/file%u", round);
        ck_assert_msg(shale_stat(fs, path, &attr) == 0, "%s: %s", state->what,
                      path);
    }
    if (state->mark > 0) {
        GOOD(shale_walk(fs, NULL, "/symlink", SHALE_WALK_NOFOLLOW, &vn));
        ck_assert_int_eq(shale_readlink(vn, path, sizeof path),
                         sizeof target - 1);
        ck_assert_msg(memcmp(path, target, sizeof target - 1) == 0, "%s: %s",
                      state->what, path);
        shale_vnode_put(vn);
    }
    if (state->mark == 0 || by_rank)
        return;
    ck_assert_msg(count_paths(fs, "/a/moving", "/b/moving") == 1, "%s: %u "
                  "moving after round %u", state->what,
                  count_paths(fs, "/a/moving", "/b/moving"),
                  (unsigned)state->mark);
    ck_assert_msg(shale_stat(fs, "/replaced", &attr) == 0 && attr.size == 3000,
                  "%s", state->what);
    GOOD(shale_walk(fs, NULL, "/replaced", 0, &vn));
    for (size_t at = 0; at < 3000; at += 100) {
        char before = byte;

        ck_assert_int_eq(shale_read(vn, &byte, 1, at), 1);
        ck_assert_msg(at == 0 || byte == before, "%s: two files in one",
                      state->what);
    }
    shale_vnode_put(vn);
    ck_assert_msg(byte == 'a' + (int)((state->mark - 1) % 26) ||
                  byte == 'a' + (int)(state->mark % 26), "%s: '%c' after "
                  "round %u", state->what, byte, (unsigned)state->mark);
}

/* e2fsck repairs it by itself; without a journal it may have to ask. */
static bool judge_e2fsck(void *context, const struct powercut_state *state)
{
    (void)context;
    memcpy(left.bytes, state->image, state->size);
    run_left(state, by_rank ? "e2fsck -fy @ 2>&1" : "e2fsck -fp @ 2>&1", 1);
    run_left(state, "e2fsck -fn @ 2>&1", 0);
    GOOD(volume_of_bytes(&left.v, left.bytes, left.size));
    GOOD(volume_mount(&left.v, NULL));
    look(state, left.v.fs);
    ck_assert_uint_eq(volume_close(&left.v), 0);
    return true;
}

/*
 * We go on with it, and e2fsck finds nothing then; but where there is no journal
 * it finds space that is nobody's.
 */
static bool judge_mount(void *context, const struct powercut_state *state)
{
    bool own = has_journal(state->image) && context;
    struct shale_vnode *root;

    memcpy(left.bytes, state->image, state->size);
    GOOD(volume_to_write(&left.v, left.bytes, left.size));
    ck_assert_msg(volume_mount(&left.v, NULL) == 0, "%s: %s", state->what,
                  left.v.said);
    look(state, left.v.fs);
    root = rig_open(&left, "/");
    GOOD(shale_create(root, "more", 4,
                      &(struct shale_node){ .mode = SHALE_S_IFREG | 0600 },
                      NULL));
    shale_vnode_put(root);
    GOOD(shale_unmount(left.v.fs));
    left.v.fs = NULL;
    ck_assert_uint_eq(volume_close(&left.v), 0);
    ck_assert_msg(has_journal(left.bytes) == own, "%s", state->what);
    /* What a journal is made of may be left, before and after there is one. */
    if (by_rank || !has_journal(state->image))
        run_left(state, "e2fsck -fp @ 2>&1", 1);
    run_left(state, "e2fsck -fn @ 2>&1", 0);
    return true;
}

static const struct {
    const char *what;
    size_t size;
    const char *arguments;
    unsigned rounds;
    bool journal;               /* its own */
} kinds[] = {
    { "ext2",            8u << 20, "-b 1024 -O ^has_journal", 6, false },
    { "ext2, 4 KiB",    24u << 20, "-b 4096", 4, false },
    { "ext3",            8u << 20, "-b 1024 -O has_journal", 6, true },
    { "around the ring", 8u << 20, "-b 1024", 200, false },
    { "no room for one", 4u << 20, "-b 1024", 4, false },
};

enum { NO_ROOM = sizeof kinds / sizeof kinds[0] - 1 };

/* What was recorded from the mount on, applied to what was there before. */
static void visit(const uint8_t *before, uint64_t states,
                  powercut_judge *judge, bool own_journal)
{
    const struct powercut_options options = {
        .seed = 1, .max_states = states, .all_up_to = 6, .random_subsets = 20,
    };
    uint8_t *image = malloc(rig.size);

    memcpy(image, before, rig.size);
    ck_assert_uint_gt(powercut_visit(image, rig.size, fault.records, &options,
                                     judge, own_journal ? &rig : NULL), 20);
    ck_assert(memcmp(image, rig.bytes, rig.size) == 0);
    free(image);
}

static void cut(unsigned kind, powercut_judge *judge)
{
    uint8_t *before = malloc(kinds[kind].size);

    by_rank = kind == NO_ROOM;
    open_rig(kinds[kind].size, kinds[kind].arguments);
    memcpy(before, rig.bytes, rig.size);
    mount_recorded();
    work(kinds[kind].rounds);
    ck_assert_int_eq(by_rank, !volume()->journal);
    rig_unmount(&rig);
    ck_assert_int_eq(has_journal(rig.bytes), kinds[kind].journal);
    visit(before, suite_states(50, 2000), judge, kinds[kind].journal);
    close_rig();
    free(before);
}

START_TEST(e2fsck_repairs)
{
    cut((unsigned)_i, judge_e2fsck);
}
END_TEST

START_TEST(mount_repairs)
{
    cut((unsigned)_i, judge_mount);
}
END_TEST

/* ----------------------------------------------------------- making room */

static uint64_t free_blocks(void)
{
    struct shale_statfs fs;

    GOOD(shale_statfs(rig.v.fs, &fs));
    return fs.blocks_free;
}

/* A journal of ours is free space to everybody, and is given up for it. */
START_TEST(gives_way)
{
    struct shale_vnode *vn;
    uint64_t at = 0, before;
    char bytes[1 << 16];
    int64_t n;

    memset(bytes, 'x', sizeof bytes);
    open_rig(8u << 20, "-b 1024 -m 0");
    mount_recorded();
    before = free_blocks();
    make("/", "large", SHALE_S_IFREG | 0644);
    ck_assert_uint_eq(free_blocks(), before);
    ck_assert_uint_gt(ext2_journal_own_blocks(volume()), 1024);

    vn = rig_open(&rig, "/large");
    while ((n = shale_write(vn, bytes, sizeof bytes, at)) > 0)
        at += (uint64_t)n;
    ck_assert_int_eq(n, SHALE_ENOSPC);
    ck_assert_uint_eq(free_blocks(), 0);
    ck_assert_uint_gt(at, (before - 40) << 10);
    ck_assert_uint_eq(ext2_journal_own_blocks(volume()), 0);
    ck_assert(!volume()->journal->active);

    /* One is made when there is room again, ... */
    GOOD(shale_truncate(vn, 0));
    shale_vnode_put(vn);
    GOOD(shale_writeback(rig.v.fs));
    GOOD(shale_writeback(rig.v.fs));
    make("/", "another", SHALE_S_IFREG | 0644);
    ck_assert(volume()->journal->active);

    /* ... or the volume is marked anew. */
    GOOD(shale_sync(rig.v.fs));
    ck_assert(!has_journal(rig.bytes));
    ck_assert_uint_eq(le16_get(super_of(rig.bytes)->state), EXT2_STATE_VALID);
    make("/", "small", SHALE_S_IFREG | 0644);
    ck_assert_uint_gt(ext2_journal_own_blocks(volume()), 1024);
    ck_assert(has_journal(rig.bytes));
    ck_assert_uint_eq(le16_get(super_of(rig.bytes)->state), 0);
    rig_unmount(&rig);
    ck_assert(!has_journal(rig.bytes));
    close_rig();
}
END_TEST

/* File number I loses its name, and stays open. */
static struct shale_vnode *orphan_make(unsigned i)
{
    char path[] = "/0";
    struct shale_vnode *root = rig_open(&rig, "/"), *vn;

    path[1] = (char)('0' + i);
    vn = rig_open(&rig, path);
    GOOD(shale_unlink(root, path + 1, 1));
    shale_vnode_put(root);
    return vn;
}

static bool judge_repair(void *context, const struct powercut_state *state)
{
    (void)context;
    memcpy(left.bytes, state->image, state->size);
    /* It names each orphan. */
    run_left(state, "e2fsck -fp @ 2>&1 >/dev/null", 1);
    run_left(state, "e2fsck -fn @ 2>&1", 0);
    return true;
}

/*
 * Files lose their names before and after the volume is so full that its log
 * is gone, and some are closed then. e2fsck mends by itself what a cut leaves.
 */
START_TEST(orphans_without_one)
{
    enum { FILES = 8, FULL = 4 };
    struct shale_vnode *files[FILES], *vn;
    uint8_t *before = malloc(8u << 20);
    char bytes[1 << 16] = "";
    uint64_t at = 0;

    open_rig(8u << 20, "-b 1024 -m 0");
    memcpy(before, rig.bytes, rig.size);
    mount_recorded();
    make("/", "large", SHALE_S_IFREG | 0644);
    for (unsigned i = 0; i < FILES; i++) {
        char name[] = { (char)('0' + i), 0 };

        make("/", name, SHALE_S_IFREG | 0644);
    }
    for (unsigned i = 0; i < FULL; i++)
        files[i] = orphan_make(i);
    GOOD(shale_writeback(rig.v.fs));
    ck_assert_uint_ne(le32_get(super_of(rig.bytes)->last_orphan), 0);
    vn = rig_open(&rig, "/large");
    for (int64_t n; (n = shale_write(vn, bytes, sizeof bytes, at)) > 0;)
        at += (uint64_t)n;
    shale_vnode_put(vn);
    ck_assert(!volume()->journal->active);
    ck_assert_uint_eq(le32_get(super_of(rig.bytes)->last_orphan), 0);
    for (unsigned i = FULL; i < FILES; i++) {
        files[i] = orphan_make(i);
        GOOD(shale_writeback(rig.v.fs));
    }
    ck_assert_uint_eq(ext2_last_orphan(volume()), 0);
    for (unsigned i = 1; i < FILES; i += 5) {
        shale_vnode_put(files[i]);
        GOOD(shale_writeback(rig.v.fs));
    }
    for (unsigned i = 0; i < FILES; i++)
        if (i % 5 != 1)
            shale_vnode_put(files[i]);
    rig_unmount(&rig);
    visit(before, suite_states(150, 2000), judge_repair, false);
    close_rig();
    free(before);
}
END_TEST

/*
 * There are more of them than a batch has room for. They are taken off the list
 * some at a time, through the log; so each cut leaves a list that is whole.
 */
START_TEST(many_orphans)
{
    enum { FILES = 1600 };
    static struct shale_vnode *files[FILES];
    struct shale_vnode *root, *vn;
    uint8_t *before = malloc(8u << 20);
    char bytes[1 << 16] = "", name[8];
    uint64_t at = 0;

    open_rig(8u << 20, "-b 1024 -m 0 -I 256 -N 2000");
    GOOD(volume_to_write(&rig.v, rig.bytes, rig.size));
    GOOD(volume_mount(&rig.v, NULL));
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "%u", i);
        make("/", name, SHALE_S_IFREG | 0644);
    }
    make("/", "large", SHALE_S_IFREG | 0644);
    rig_unmount(&rig);
    mount_recorded();
    root = rig_open(&rig, "/");
    for (unsigned i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "/%u", i);
        files[i] = rig_open(&rig, name);
        GOOD(shale_unlink(root, name + 1, strlen(name + 1)));
    }
    shale_vnode_put(root);
    GOOD(shale_writeback(rig.v.fs));
    ck_assert_uint_ne(le32_get(super_of(rig.bytes)->last_orphan), 0);

    /* What comes now goes through the log, until there is none left. */
    memcpy(before, rig.bytes, rig.size);
    shale_fault_forget(&fault);
    vn = rig_open(&rig, "/large");
    for (int64_t n; (n = shale_write(vn, bytes, sizeof bytes, at)) > 0;)
        at += (uint64_t)n;
    shale_vnode_put(vn);
    ck_assert(!volume()->journal->active);
    ck_assert_uint_eq(le32_get(super_of(rig.bytes)->last_orphan), 0);
    visit(before, suite_states(150, 2000), judge_repair, false);
    for (unsigned i = 0; i < FILES; i++)
        shale_vnode_put(files[i]);
    rig_unmount(&rig);
    close_rig();
    free(before);
}
END_TEST

/* An image that begins as a header does, does not in the journal. */
START_TEST(images_are_escaped)
{
    unsigned plain = 0, escaped = 0;

    open_rig(8u << 20, "-b 1024");
    mount_recorded();
    make_symlink();
    GOOD(shale_writeback(rig.v.fs));
    for (size_t at = 0; at < rig.size; at += 1024) {
        if (memcmp(rig.bytes + at + 4, target + 4, sizeof target - 5) != 0)
            continue;
        plain += memcmp(rig.bytes + at, target, 4) == 0;
        escaped += memcmp(rig.bytes + at, "\0\0\0\0", 4) == 0;
    }
    ck_assert_uint_eq(plain, 1);
    ck_assert_uint_eq(escaped, 1);
    rig_unmount(&rig);
    close_rig();
}
END_TEST

/* Its number, when a journal of ours is there. */
static uint32_t number_now(void)
{
    shale_vnode_put(rig_create(&rig, "file", SHALE_S_IFREG | 0644));
    GOOD(shale_writeback(rig.v.fs));
    return volume()->journal->sequence;
}

/*
 * The numbers of transactions go on from mount to mount. If where they ended is
 * not known any more, they begin elsewhere than the first time, though it may
 * be 1970 again: the blocks may hold logs of those.
 */
START_TEST(numbers)
{
    struct shale_vnode *root;
    struct ext2_disk_super *raw;
    uint32_t first, last, next;
    le32 *kept;

    open_rig(8u << 20, "-b 1024");
    mount_recorded();
    first = number_now();
    for (unsigned i = 0; i < 5; i++) {
        make_or_remove("/t1", "t1");
        GOOD(shale_writeback(rig.v.fs));
    }
    last = volume()->journal->sequence;
    ck_assert_uint_eq(last - first, 5);
    root = rig_open(&rig, "/");
    GOOD(shale_unlink(root, "file", 4));
    shale_vnode_put(root);
    rig_unmount(&rig);
    rig_mount(&rig);
    next = number_now();
    ck_assert_uint_gt(next - last, 0);
    ck_assert_uint_lt(next - last, 10);
    root = rig_open(&rig, "/");
    GOOD(shale_unlink(root, "file", 4));
    shale_vnode_put(root);
    rig_unmount(&rig);

    raw = (struct ext2_disk_super *)(rig.bytes + EXT2_SUPER_OFFSET);
    kept = &raw->journal_blocks[EXT2_POINTERS + 1];
    ck_assert_uint_ne(le32_get(*kept), 0);
    *kept = le32_make(0);
    rig_mount(&rig);
    ck_assert_uint_gt(number_now() - first, 1000);
    rig_unmount(&rig);
    close_rig();
}
END_TEST

/* -------------------------------------------------------------- failures */

/* Everything once, as far as it gets. */
static int everything(void)
{
    const struct shale_node dir = { .mode = SHALE_S_IFDIR | 0755 };
    struct shale_vnode *root = rig_open(&rig, "/"), *vn = NULL;
    char bytes[5000] = "";
    int err = shale_create(root, "dir", 3, &dir, &vn);

    if (!err)
        err = shale_writeback(rig.v.fs);
    if (!err)
        err = shale_rename(root, "dir", 3, root, "moved", 5, 0);
    if (!err)
        err = shale_unlink(root, "old", 3);
    if (!err)
        err = shale_sync(rig.v.fs);
    if (!err)
        err = shale_create(vn, "new", 3,
                           &(struct shale_node){ .mode = SHALE_S_IFREG | 0600 },
                           NULL);
    if (vn)
        shale_vnode_put(vn);
    vn = NULL;
    if (!err)
        err = shale_walk(rig.v.fs, NULL, "/moved/new", 0, &vn);
    if (!err && shale_write(vn, bytes, sizeof bytes, 0) < 0)
        err = SHALE_EIO;
    if (vn)
        shale_vnode_put(vn);
    shale_vnode_put(root);
    return err;
}

static void start_everything(const uint8_t *before)
{
    memcpy(rig.bytes, before, rig.size);
    shale_fault_bdev_fini(&fault);
    mount_recorded();
}

static void fsck_rig(const char *what, unsigned n)
{
    int status;
    const char *said = rig_run(&rig, "e2fsck -fp @ 2>&1", &status);

    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1,
                  "%s %u: %s", what, n, said);
}

static uint8_t *begin_failures(unsigned kind)
{
    uint8_t *before = malloc(8u << 20);

    open_rig(8u << 20, kind ? "-b 1024 -O has_journal" : "-b 1024");
    mount_recorded();
    make("/", "old", SHALE_S_IFREG | 0644);
    fill("/old", 1, 3000);
    rig_unmount(&rig);
    memcpy(before, rig.bytes, rig.size);
    return before;
}

/* Fail each request to the device; what is left e2fsck repairs by itself. */
START_TEST(requests_fail)
{
    uint8_t *before = begin_failures((unsigned)_i);
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        int err;

        start_everything(before);
        shale_fault_at(&fault, n, 1, SHALE_EIO);
        err = everything();
        if (!err)
            err = shale_unmount(rig.v.fs);
        else
            shale_unmount(rig.v.fs);
        rig.v.fs = NULL;
        failed = shale_fault_failed(&fault);
        shale_fault_at(&fault, 0, 0, 0);
        if (!failed)
            GOOD(err);
        ck_assert_uint_eq(volume_close(&rig.v), 0);
        fsck_rig("request", n);
    }
    close_rig();
    free(before);
}
END_TEST

/* Fail each allocation: it is freed and tried again, or nothing is changed. */
START_TEST(allocations_fail)
{
    uint8_t *before = begin_failures((unsigned)_i);
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        int err;

        start_everything(before);
        shale_mem_fail_at(rig.v.mem, n);
        err = everything();
        failed = shale_mem_failed(rig.v.mem);
        shale_mem_fail_at(rig.v.mem, UINT64_MAX);
        ck_assert(err == 0 || (failed && err == SHALE_ENOMEM));
        GOOD(shale_unmount(rig.v.fs));
        rig.v.fs = NULL;
        ck_assert_uint_eq(volume_close(&rig.v), 0);
        ck_assert_int_eq(has_journal(rig.bytes), _i == 1);
        if (n % 8 == 0)
            fsck_rig("allocation", n);
    }
    close_rig();
    free(before);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2/journal");
    TCase *tc = tcase_create("journal");

    rig_need_programs();
    tcase_set_timeout(tc, 600);
    tcase_add_loop_test(tc, e2fsck_repairs, 0, NO_ROOM + 1);
    tcase_add_loop_test(tc, mount_repairs, 0, NO_ROOM);
    tcase_add_test(tc, gives_way);
    tcase_add_test(tc, images_are_escaped);
    tcase_add_test(tc, orphans_without_one);
    tcase_add_test(tc, many_orphans);
    tcase_add_test(tc, numbers);
    tcase_add_loop_test(tc, requests_fail, 0, 2);
    tcase_add_loop_test(tc, allocations_fail, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
