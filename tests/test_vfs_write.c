/* test_vfs_write.c - file data: written, cut, reserved, copied */
#include <check.h>
#include <string.h>

#include "inkdisk.h"
#include "inkfs.h"
#include "suite.h"
#include "watch.h"

/* Each test runs on a volume without holes, and on one with. */
static struct ink ink;
static struct shale_vnode *file, *other;

static void setup_of(bool holes)
{
    ink_init(&ink, holes);
    ink_mount(&ink);
    file = ink_create(&ink, "file");
    other = ink_create(&ink, "other");
}

static void setup(void)
{
    setup_of(false);
}

static void setup_holes(void)
{
    setup_of(true);
}

static void teardown(void)
{
    shale_vnode_put(file);
    shale_vnode_put(other);
    ink_fini(&ink);
}

static bool has_holes(void)
{
    return ink.config.drivers[0] == &ink_hole_ops;
}

static void remount(void)
{
    shale_vnode_put(file);
    shale_vnode_put(other);
    ink_unmount(&ink);
    ink_mount(&ink);
    file = ink_get(&ink, "/file");
    other = ink_get(&ink, "/other");
}

static uint64_t size_of(struct shale_vnode *vn)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    ck_assert_uint_eq(attr.size, vn->size);
    return attr.size;
}

static uint64_t allocated(struct shale_vnode *vn)
{
    struct shale_attr attr;

    ck_assert_int_eq(shale_getattr(vn, &attr), 0);
    return attr.allocated;
}

/* ---------------------------------------------------------------- write */

/* First a write, then another, at every kind of place to the first. */
static const struct {
    const char *what;
    uint64_t offset;
    size_t len;
    uint64_t offset2;
    size_t len2;
} writes[] = {
    { "one byte", 0, 1, 0, 0 },
    { "one byte again", 0, 1, 0, 1 },
    { "a unit", 0, 1024, 0, 0 },
    { "a unit and another", 0, 1024, 1024, 1024 },
    { "to a unit's end", 0, 1000, 1000, 24 },
    { "across it", 0, 1000, 1000, 25 },
    { "in the middle", 0, 5000, 1500, 1000 },
    { "over the end", 0, 5000, 4999, 2 },
    { "over all", 0, 3000, 0, 5000 },
    { "right behind", 0, 3000, 3000, 3000 },
    { "a gap in the unit", 0, 100, 200, 100 },
    { "a gap to the unit's end", 0, 100, 1024, 100 },
    { "a gap over a unit", 0, 100, 2047, 100 },
    { "a gap of units", 0, 1024, 10240, 1024 },
    { "a gap first", 5000, 100, 0, 0 },
    { "into the gap", 5000, 100, 2000, 100 },
    { "over the gap's end", 5000, 100, 4000, 1050 },
    { "the largest file", 0, 102400, 0, 0 },
    { "its last byte", 102399, 1, 0, 1 },
};

/* Where the bytes from AT on, up to SIZE, stop being of one kind. */
static uint64_t next_edge(int i, uint64_t at, uint64_t size)
{
    const uint64_t edges[] = {
        writes[i].offset, writes[i].offset + writes[i].len,
        writes[i].offset2, writes[i].offset2 + writes[i].len2,
    };

    for (size_t k = 0; k < sizeof edges / sizeof *edges; k++)
        if (edges[k] > at && edges[k] < size)
            size = edges[k];
    return size;
}

/* Assert that FILE is what writes[I] leave. */
static void check_written(int i)
{
    uint64_t end = writes[i].offset + writes[i].len;
    uint64_t end2 = writes[i].len2 ? writes[i].offset2 + writes[i].len2 : 0;
    uint64_t size = end > end2 ? end : end2;

    ck_assert_uint_eq(size_of(file), size);
    for (uint64_t at = 0; at < size;) {
        bool second = writes[i].len2 && at >= writes[i].offset2 && at < end2;
        bool first = at >= writes[i].offset && at < end;
        uint64_t edge = next_edge(i, at, size);

        ink_expect(file, second ? 2 : first ? 1 : 0, at, (size_t)(edge - at));
        at = edge;
    }
}

START_TEST(writes_this)
{
    ck_assert_int_eq(ink_write(file, 1, writes[_i].offset, writes[_i].len),
                     (int64_t)writes[_i].len);
    if (writes[_i].len2)
        ck_assert_int_eq(
            ink_write(file, 2, writes[_i].offset2, writes[_i].len2),
            (int64_t)writes[_i].len2);
    check_written(_i);
    remount();
    check_written(_i);
}
END_TEST

/* allocate() and map() tell little at a time. */
START_TEST(writes_in_pieces)
{
    ink.piece = 1;
    ck_assert_int_eq(ink_write(file, 1, 10, 20000), 20000);
    ink_expect(file, 0, 0, 10);
    ink_expect(file, 1, 10, 20000);
    ck_assert_int_eq(ink_write(file, 2, 5000, 20000), 20000);
    ink_expect(file, 1, 10, 4990);
    ink_expect(file, 2, 5000, 20000);
}
END_TEST

/* Two files that grow side by side: their units are not in a row. */
START_TEST(writes_in_fragments)
{
    for (unsigned i = 0; i < 40; i++) {
        ck_assert_int_eq(ink_write(file, 1, i * 1024, 1024), 1024);
        ck_assert_int_eq(ink_write(other, 2, i * 700, 700), 700);
    }
    ink_expect(file, 1, 0, 40 * 1024);
    ink_expect(other, 2, 0, 40 * 700);
    ck_assert_int_eq(ink_write(file, 3, 100, 39 * 1024), 39 * 1024);
    ink_expect(file, 3, 100, 39 * 1024);
    ink_expect(other, 2, 0, 40 * 700);
    remount();
    ink_expect(file, 3, 100, 39 * 1024);
}
END_TEST

static const struct {
    const char *what;
    uint64_t offset;
    size_t len;
    int64_t result;
} limits[] = {
    { "nothing", 0, 0, 0 },
    { "nothing past the end", 500, 0, 0 },
    { "nothing past what files can be", UINT64_MAX, 0, 0 },
    { "up to the limit", 102300, 100, 100 },
    { "over it, in part", 102300, 101, 100 },
    { "at it", 102400, 1, SHALE_EFBIG },
    { "past it", 102401, 1, SHALE_EFBIG },
    { "at 2^63", (uint64_t)1 << 63, 1, SHALE_EFBIG },
    { "at 2^64", UINT64_MAX, 1, SHALE_EFBIG },
};

START_TEST(keeps_to_the_limits)
{
    static uint8_t bytes[200];
    int64_t done = shale_write(file, bytes, limits[_i].len, limits[_i].offset);

    ck_assert_msg(done == limits[_i].result, "%s: %lld", limits[_i].what,
                  (long long)done);
    ck_assert_uint_eq(size_of(file),
                      done > 0 ? limits[_i].offset + (uint64_t)done : 0);
}
END_TEST

START_TEST(writes_vectors)
{
    char text[] = "abcdef";
    struct shale_iovec iov[4] = {
        { text, 2 }, { NULL, 0 }, { text + 2, 3 }, { text + 5, 1 },
    };
    struct shale_iovec huge[2] = { { text, SIZE_MAX }, { text, SIZE_MAX } };
    char got[8] = "";

    ck_assert_int_eq(shale_writev(file, iov, 4, 1022), 6);
    ck_assert_int_eq(shale_read(file, got, 7, 1021), 7);
    ck_assert_int_eq(memcmp(got, "\0abcdef", 7), 0);
    ck_assert_int_eq(shale_writev(file, iov, 0, 0), 0);
    ck_assert_int_eq(shale_writev(file, huge, 2, 0), SHALE_EINVAL);
    ck_assert_int_eq(shale_writev(file, iov, 4, 102397), 3);
    ck_assert_int_eq(shale_read(file, got, 7, 102397), 3);
    ck_assert_int_eq(memcmp(got, "abc", 3), 0);
}
END_TEST

START_TEST(appends)
{
    uint64_t at = 1;

    ck_assert_int_eq(shale_append(file, "abc", 3, &at), 3);
    ck_assert_uint_eq(at, 0);
    ck_assert_int_eq(shale_append(file, "de", 2, &at), 2);
    ck_assert_uint_eq(at, 3);
    ck_assert_uint_eq(size_of(file), 5);
    ck_assert_int_eq(shale_truncate(file, 102400), 0);
    ck_assert_int_eq(shale_append(file, "x", 1, &at), SHALE_EFBIG);
    ck_assert_uint_eq(at, 3);
}
END_TEST

START_TEST(writes_to_open_files)
{
    struct shale_file *handle;
    char got[8];

    ck_assert_int_eq(shale_open(ink.fs, "/file", &handle), 0);
    ck_assert_int_eq(shale_file_write(handle, "abc", 3), 3);
    ck_assert_int_eq(shale_file_write(handle, "def", 3), 3);
    ck_assert_int_eq(shale_file_seek(handle, -4, SHALE_SEEK_END), 2);
    ck_assert_int_eq(shale_file_write(handle, "X", 1), 1);
    ck_assert_int_eq(shale_file_read(handle, got, 8), 3);
    ck_assert_int_eq(memcmp(got, "def", 3), 0);
    shale_close(handle);
    ck_assert_int_eq(shale_read(file, got, 8, 0), 6);
    ck_assert_int_eq(memcmp(got, "abXdef", 6), 0);
    ck_assert_int_eq(shale_open(ink.fs, "/", &handle), 0);
    ck_assert_int_eq(shale_file_write(handle, "x", 1), SHALE_EISDIR);
    shale_close(handle);
}
END_TEST

START_TEST(writes_change_times)
{
    struct shale_attr attr;

    ck_assert_int_eq(ink_write(file, 1, 0, 100), 100);
    ink.now = 2000;
    ck_assert_int_eq(ink_write(file, 1, 0, 0), 0);
    ck_assert_int_eq(shale_getattr(file, &attr), 0);
    ck_assert_int_eq(attr.mtime.sec, 1000);
    ck_assert_int_eq(ink_write(file, 1, 50, 1), 1);
    ck_assert_int_eq(shale_getattr(file, &attr), 0);
    ck_assert_int_eq(attr.mtime.sec, 2000);
    ink.now = 3000;
    ck_assert_int_eq(shale_truncate(file, 100), 0);
    ck_assert_int_eq(shale_getattr(file, &attr), 0);
    ck_assert_int_eq(attr.mtime.sec, 3000);
}
END_TEST

START_TEST(only_files_have_data)
{
    struct shale_vnode *fifo = NULL;
    uint64_t at;

    ck_assert_int_eq(ink_write(ink.root, 1, 0, 1), SHALE_EISDIR);
    ck_assert_int_eq(shale_append(ink.root, "x", 1, &at), SHALE_EISDIR);
    ck_assert_int_eq(shale_truncate(ink.root, 0), SHALE_EISDIR);
    ck_assert_int_eq(shale_allocate(ink.root, 0, 1, 0), SHALE_EISDIR);
    ck_assert_int_eq(shale_copy_range(file, 0, ink.root, 0, 1), SHALE_EISDIR);
    ck_assert_int_eq(shale_copy_range(ink.root, 0, file, 0, 1), SHALE_EISDIR);
    ck_assert_int_eq(ink_make(&ink, NULL, "fifo", SHALE_S_IFIFO, &fifo), 0);
    ck_assert_int_eq(ink_write(fifo, 1, 0, 1), SHALE_EINVAL);
    ck_assert_int_eq(shale_truncate(fifo, 0), SHALE_EINVAL);
    shale_vnode_put(fifo);
}
END_TEST

/* ------------------------------------------------------------- truncate */

static const struct {
    const char *what;
    uint64_t from, to, then;    /* sizes */
    int result;
} cuts[] = {
    { "to nothing", 5000, 0, 5000, 0 },
    { "to one byte", 5000, 1, 5000, 0 },
    { "to a unit", 5000, 1024, 5000, 0 },
    { "to a unit and a byte", 5000, 1025, 5000, 0 },
    { "one byte less", 1024, 1023, 1025, 0 },
    { "the same", 5000, 5000, 6000, 0 },
    { "one more", 5000, 5001, 5002, 0 },
    { "to a unit's end", 5000, 5120, 5121, 0 },
    { "much longer", 1, 50000, 50001, 0 },
    { "from nothing", 0, 3000, 3001, 0 },
    { "as large as can be", 5000, 102400, 102400, 0 },
    { "larger", 5000, 102401, 5000, SHALE_EFBIG },
    { "2^63", 5000, (uint64_t)1 << 63, 5000, SHALE_EFBIG },
    { "2^64", 5000, UINT64_MAX, 5000, SHALE_EFBIG },
};

START_TEST(truncates)
{
    uint64_t left, from = cuts[_i].from;
    int err;

    ck_assert_int_eq(ink_write(file, 1, 0, (size_t)from), (int64_t)from);
    err = shale_truncate(file, cuts[_i].to);
    ck_assert_msg(err == cuts[_i].result, "%s: %d", cuts[_i].what, err);
    left = err || cuts[_i].to > from ? from : cuts[_i].to;
    ck_assert_uint_eq(size_of(file), err ? from : cuts[_i].to);
    ink_expect(file, 1, 0, (size_t)left);
    if (!err)
        ink_expect(file, 0, left, (size_t)(cuts[_i].to - left));

    /* What was cut off does not come back. */
    ck_assert_int_eq(shale_truncate(file, cuts[_i].then), 0);
    ink_expect(file, 1, 0, (size_t)left);
    ink_expect(file, 0, left, (size_t)(cuts[_i].then - left));
    remount();
    ink_expect(file, 1, 0, (size_t)left);
    ink_expect(file, 0, left, (size_t)(cuts[_i].then - left));
}
END_TEST

START_TEST(truncate_frees_space)
{
    unsigned before;

    ck_assert_int_eq(ink_write(file, 1, 0, 50000), 50000);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    before = ink_free_units(&ink);
    ck_assert_int_eq(shale_truncate(file, 1025), 0);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), before + 49 - 2);
}
END_TEST

/* ------------------------------------------------------------- allocate */

static const struct {
    const char *what;
    uint64_t size, offset, len;
    unsigned flags;
    int result;
    uint64_t new_size, units, hole_units;   /* without / with holes */
} reservations[] = {
    { "inside", 3000, 1000, 1000, 0, 0, 3000, 3, 3 },
    { "at the end", 3000, 3000, 3000, 0, 0, 6000, 6, 6 },
    { "over the end", 3000, 2000, 3000, 0, 0, 5000, 5, 5 },
    { "far behind", 1024, 5120, 1024, 0, 0, 6144, 6, 2 },
    { "of nothing", 0, 0, 2000, 0, 0, 2000, 2, 2 },
    { "kept inside", 3000, 0, 3000, 1, 0, 3000, 3, 3 },
    { "kept behind", 3000, 3000, 3000, 1, 0, 3000, 6, 6 },
    { "kept far behind", 1024, 5120, 1024, 1, 0, 1024, 6, 2 },
    { "no length", 0, 0, 0, 0, SHALE_EINVAL, 0, 0, 0 },
    { "a flag there is not", 0, 0, 1, 8, SHALE_EINVAL, 0, 0, 0 },
    { "nobody punches", 3000, 0, 2048, 3, SHALE_ENOTSUP, 3000, 3, 3 },
    { "a hole past the end", 3000, 0, 2048, 2, SHALE_ENOTSUP, 3000, 3, 3 },
    { "nobody zeroes", 3000, 0, 2048, 4, SHALE_ENOTSUP, 3000, 3, 3 },
    { "to the limit", 0, 102399, 1, 1, 0, 0, 100, 1 },
    { "over it", 0, 102399, 2, 0, SHALE_EFBIG, 0, 0, 0 },
    { "kept over it", 0, 102400, 1, 1, SHALE_EFBIG, 0, 0, 0 },
    { "over 2^64", 0, UINT64_MAX, 2, 0, SHALE_EFBIG, 0, 0, 0 },
};

START_TEST(reserves)
{
    uint64_t size = reservations[_i].size;
    uint64_t new_size = reservations[_i].new_size;
    int err;

    ck_assert_int_eq(ink_write(file, 1, 0, (size_t)size), (int64_t)size);
    err = shale_allocate(file, reservations[_i].offset, reservations[_i].len,
                         reservations[_i].flags);
    ck_assert_msg(err == reservations[_i].result, "%s: %d",
                  reservations[_i].what, err);
    ck_assert_uint_eq(size_of(file), new_size);
    ck_assert_uint_eq(allocated(file) / 1024,
                      has_holes() ? reservations[_i].hole_units
                                  : reservations[_i].units);
    ink_expect(file, 1, 0, (size_t)size);
    ink_expect(file, 0, size, (size_t)(new_size - size));

    /* What was kept comes as zeros, too, and is not left behind. */
    ck_assert_int_eq(shale_truncate(file, size + 5), 0);
    ink_expect(file, 0, size, 5);
    remount();
    ck_assert_uint_eq(size_of(file), size + 5);
    ck_assert_uint_le(allocated(file), (size + 5 + 1023) / 1024 * 1024);
}
END_TEST

START_TEST(what_was_reserved_is_used)
{
    unsigned calls;

    ck_assert_int_eq(shale_allocate(file, 0, 10240, 1), 0);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    calls = ink_free_units(&ink);
    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(ink_write(file, 1, i * 1024, 1024), 1024);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), calls);
    ink_expect(file, 1, 0, 10240);
}
END_TEST

/* ----------------------------------------------------------------- copy */

static const struct {
    const char *what;
    bool same;                  /* within one file */
    uint64_t from, to, len;
    int64_t result;
} copies[] = {
    { "all", false, 0, 0, 5000, 5000 },
    { "more than there is", false, 0, 0, UINT64_MAX, 5000 },
    { "nothing", false, 0, 0, 0, 0 },
    { "from the end", false, 5000, 0, 10, 0 },
    { "from past the end", false, 6000, 0, 10, 0 },
    { "the last byte", false, 4999, 0, 10, 1 },
    { "leaving a gap", false, 1000, 3000, 1000, 1000 },
    { "to the limit", false, 0, 102390, 100, 10 },
    { "over the limit", false, 0, 102400, 100, SHALE_EFBIG },
    { "behind itself", true, 0, 5000, 5000, 5000 },
    { "behind itself, at once", true, 0, 5000, UINT64_MAX, 5000 },
    { "in itself", true, 0, 2000, 2000, 2000 },
    { "in itself, back", true, 3000, 1000, 2000, 2000 },
    { "onto itself", true, 0, 0, 1, SHALE_EINVAL },
    { "overlapping", true, 0, 1999, 2000, SHALE_EINVAL },
    { "overlapping, back", true, 1999, 0, 2000, SHALE_EINVAL },
};

START_TEST(copies_this)
{
    struct shale_vnode *to = copies[_i].same ? file : other;
    int64_t done;

    ck_assert_int_eq(ink_write(file, 1, 0, 5000), 5000);
    done = shale_copy_range(file, copies[_i].from, to, copies[_i].to,
                            copies[_i].len);
    ck_assert_msg(done == copies[_i].result, "%s: %lld", copies[_i].what,
                  (long long)done);
    ck_assert_uint_eq(watch_held(), 0);
    for (int64_t i = 0; i < done; i++) {
        uint8_t byte = 0;

        ck_assert_int_eq(shale_read(to, &byte, 1, copies[_i].to + (uint64_t)i),
                         1);
        ck_assert_uint_eq(byte, ink_byte(1, copies[_i].from + (uint64_t)i));
    }
    if (done > 0 && !copies[_i].same)
        ink_expect(other, 0, 0, (size_t)copies[_i].to);
}
END_TEST

START_TEST(copies_between_volumes_are_refused)
{
    struct ink second;
    struct shale_vnode *vn;

    ink_init(&second, false);
    ink_mount(&second);
    vn = ink_create(&second, "x");
    ck_assert_int_eq(shale_copy_range(file, 0, vn, 0, 1), SHALE_EINVAL);
    ck_assert_int_eq(shale_rename(ink.root, "file", 4, second.root, "y", 1, 0),
                     SHALE_EINVAL);
    ck_assert_int_eq(shale_link(file, second.root, "y", 1), SHALE_EINVAL);
    shale_vnode_put(vn);
    ink_fini(&second);
}
END_TEST

/* -------------------------------------------------------- the volume full */

/* 200 units; OTHER takes 90 of them. */
static void fill(void)
{
    struct shale_vnode *third = ink_create(&ink, "third");

    ck_assert_int_eq(ink_write(other, 2, 0, 90 * 1024), 90 * 1024);
    ck_assert_int_eq(ink_write(third, 3, 0, 100 * 1024), 100 * 1024);
    shale_vnode_put(third);
}

START_TEST(a_full_volume_takes_what_it_can)
{
    fill();
    ck_assert_int_eq(ink_write(file, 1, 0, 20 * 1024), 10 * 1024);
    ck_assert_uint_eq(size_of(file), 10 * 1024);
    ink_expect(file, 1, 0, 10 * 1024);
    ck_assert_int_eq(ink_write(file, 1, 10 * 1024, 1), SHALE_ENOSPC);
    ck_assert_uint_eq(size_of(file), 10 * 1024);
    ck_assert_int_eq(ink_write(file, 4, 0, 10 * 1024), 10 * 1024);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), 0);
}
END_TEST

START_TEST(a_full_volume_undoes_the_rest)
{
    unsigned before;

    fill();
    ck_assert_int_eq(ink_write(file, 1, 0, 100), 100);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    before = ink_free_units(&ink);
    if (!has_holes()) {
        ck_assert_int_eq(ink_write(file, 1, 50 * 1024, 1), SHALE_ENOSPC);
        ck_assert_int_eq(shale_truncate(file, 50 * 1024), SHALE_ENOSPC);
    }
    ck_assert_int_eq(shale_allocate(file, 0, 50 * 1024, 0), SHALE_ENOSPC);
    ck_assert_int_eq(shale_allocate(file, 0, 50 * 1024, 1), SHALE_ENOSPC);
    ck_assert_uint_eq(size_of(file), 100);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_uint_eq(ink_free_units(&ink), before);
    ink_expect(file, 1, 0, 100);
}
END_TEST

/* What was freed, and not written yet, is written and then used. */
START_TEST(a_full_volume_uses_what_was_freed)
{
    fill();
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_int_eq(shale_truncate(other, 0), 0);
    ck_assert_int_eq(ink_write(file, 1, 0, 60 * 1024), 60 * 1024);
    ink_expect(file, 1, 0, 60 * 1024);
    ck_assert_int_eq(ink_unlink(&ink, "third"), 0);
    ck_assert_int_eq(ink_write(other, 2, 0, 100 * 1024), 100 * 1024);
    ink_expect(other, 2, 0, 100 * 1024);
    ink_expect(file, 1, 0, 60 * 1024);
}
END_TEST

/* -------------------------------------------------------- data not written */

static const struct {
    const char *what;
    uint64_t size, offset;
} broken_writes[] = {
    { "over the end", 5000, 4000 },
    { "behind it", 5000, 5000 },
    { "behind a unit", 5120, 5120 },
    { "behind a gap", 5000, 8000 },
};

/* What is left by a write of 8,000 bytes that answered DONE. */
static void check_broken(int i, int64_t done)
{
    uint64_t size = broken_writes[i].size, offset = broken_writes[i].offset;
    uint64_t end = done > 0 ? offset + (uint64_t)done : size;
    uint64_t kept = size < offset ? size : offset;

    ck_assert_uint_eq(size_of(file), end > size ? end : size);
    ink_expect(file, 1, 0, (size_t)kept);
    if (done > 0)
        ink_expect(file, 2, offset, (size_t)done);
    if (done > 0 && offset > size)
        ink_expect(file, 0, size, (size_t)(offset - size));
    if (!has_holes())
        ck_assert_uint_eq(allocated(file) / INK_BLOCK,
                          (size_of(file) + INK_BLOCK - 1) / INK_BLOCK);
}

/* Each request of a write fails in turn, while later ones work. */
START_TEST(data_that_cannot_be_written)
{
    uint64_t size = broken_writes[_i].size;
    bool failed = true;

    ck_assert_int_eq(ink_write(file, 1, 0, (size_t)size), (int64_t)size);
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_int_eq(ink_write(file, 1, 0, 1), 1);      /* marked from here */
    for (uint64_t n = 0; failed; n++) {
        int64_t done;

        ck_assert_int_eq(shale_truncate(file, size), 0);
        shale_fault_at(&ink.fault, n, 1, SHALE_EIO);
        done = ink_write(file, 2, broken_writes[_i].offset, 8000);
        failed = shale_fault_failed(&ink.fault);
        shale_fault_at(&ink.fault, 0, 0, 0);
        ck_assert_msg(failed ? done == SHALE_EIO || (done > 0 && done < 8000)
                             : done == 8000, "%s: %d",
                      broken_writes[_i].what, (int)done);
        check_broken(_i, done);
        ck_assert(!shale_fs_read_only(ink.fs));
    }
    ck_assert_int_eq(shale_sync(ink.fs), 0);
    ck_assert_ptr_null(ink_check(&ink, false));
}
END_TEST

static void add(TCase *tc)
{
    tcase_add_loop_test(tc, writes_this, 0, sizeof writes / sizeof *writes);
    tcase_add_test(tc, writes_in_pieces);
    tcase_add_test(tc, writes_in_fragments);
    tcase_add_loop_test(tc, keeps_to_the_limits, 0,
                        sizeof limits / sizeof *limits);
    tcase_add_test(tc, writes_vectors);
    tcase_add_test(tc, appends);
    tcase_add_test(tc, writes_to_open_files);
    tcase_add_test(tc, writes_change_times);
    tcase_add_test(tc, only_files_have_data);
    tcase_add_loop_test(tc, truncates, 0, sizeof cuts / sizeof *cuts);
    tcase_add_test(tc, truncate_frees_space);
    tcase_add_loop_test(tc, reserves, 0,
                        sizeof reservations / sizeof *reservations);
    tcase_add_test(tc, what_was_reserved_is_used);
    tcase_add_loop_test(tc, copies_this, 0, sizeof copies / sizeof *copies);
    tcase_add_test(tc, copies_between_volumes_are_refused);
    tcase_add_test(tc, a_full_volume_takes_what_it_can);
    tcase_add_test(tc, a_full_volume_undoes_the_rest);
    tcase_add_test(tc, a_full_volume_uses_what_was_freed);
    tcase_add_loop_test(tc, data_that_cannot_be_written, 0,
                        sizeof broken_writes / sizeof *broken_writes);
}

Suite *suite(void)
{
    Suite *s = suite_create("vfs/write");
    TCase *plain = tcase_create("plain"), *holes = tcase_create("holes");

    tcase_add_checked_fixture(plain, setup, teardown);
    add(plain);
    suite_add_tcase(s, plain);
    tcase_add_checked_fixture(holes, setup_holes, teardown);
    add(holes);
    suite_add_tcase(s, holes);
    return s;
}
