/*
 * data.c - what is written to files is what they hold
 */
#include "conform.h"

/* Make the file "f", and let it go again. */
static const char *file_open(struct conform *c, struct shale_vnode **out)
{
    MUST(conform_make(c->dir, "f", CONFORM_FILE, out) == 0);
    MUST(conform_size(*out) == 0);
    return NULL;
}

static const char *file_done(struct conform *c, struct shale_vnode *file)
{
    shale_vnode_put(file);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

#define OPEN(file) \
    do { \
        if (file_open(c, &(file))) \
            return "the file cannot be made"; \
    } while (0)

static const char *bytes_are_as_written(struct conform *c)
{
    uint64_t block = c->block_size;
    const uint64_t sizes[] = {
        0, 1, 511, 512, 513, block - 1, block, block + 1, 3 * block + 7,
        13 * block, 100000,
    };

    for (unsigned i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct shale_vnode *file;

        OPEN(file);
        MUST(conform_write(c, file, i + 1, 0, sizes[i]) == 0);
        MUST(conform_size(file) == sizes[i]);
        MUST(conform_holds(c, file, i + 1, 0, sizes[i]));
        MUST(shale_read(file, c->bytes, 1, sizes[i]) == 0);
        MUST(file_done(c, file) == NULL);
    }
    return NULL;
}

static const char *a_gap_is_zeros(struct conform *c)
{
    uint64_t far = 5 * (uint64_t)c->block_size + 3;
    struct shale_vnode *file;

    OPEN(file);
    MUST(conform_write(c, file, 1, 0, 10) == 0);
    MUST(conform_write(c, file, 2, far, 100) == 0);
    MUST(conform_size(file) == far + 100);
    MUST(conform_holds(c, file, 1, 0, 10));
    MUST(conform_holds(c, file, 0, 10, far - 10));
    MUST(conform_holds(c, file, 2, far, 100));
    return file_done(c, file);
}

static const char *writing_over(struct conform *c)
{
    uint64_t size = 4 * (uint64_t)c->block_size + 100;
    const struct {
        uint64_t at, len;
    } parts[] = {
        { 0, 1 }, { 1, 1 }, { c->block_size - 1, 2 },
        { c->block_size, c->block_size }, { size - 1, 1 }, { 0, size },
    };

    for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
        uint64_t end = parts[i].at + parts[i].len;
        struct shale_vnode *file;

        OPEN(file);
        MUST(conform_write(c, file, 1, 0, size) == 0);
        MUST(conform_write(c, file, 2, parts[i].at, parts[i].len) == 0);
        MUST(conform_size(file) == size);
        MUST(conform_holds(c, file, 1, 0, parts[i].at));
        MUST(conform_holds(c, file, 2, parts[i].at, parts[i].len));
        MUST(conform_holds(c, file, 1, end, size - end));
        MUST(file_done(c, file) == NULL);
    }
    return NULL;
}

static const char *appending(struct conform *c)
{
    struct shale_vnode *file;
    uint64_t at;

    OPEN(file);
    for (unsigned i = 0; i < 50; i++) {
        MUST(shale_append(file, "0123456789abcdef", 16, &at) == 16);
        MUST(at == 16 * i);
    }
    MUST(conform_size(file) == 800);
    MUST(shale_read(file, c->bytes, 800, 0) == 800);
    for (unsigned i = 0; i < 800; i++)
        MUST(c->bytes[i] == "0123456789abcdef"[i % 16]);
    return file_done(c, file);
}

static const char *cutting(struct conform *c)
{
    uint64_t size = 6 * (uint64_t)c->block_size + 5;
    const uint64_t cuts[] = {
        size - 1, size - 5, size - 6, (uint64_t)c->block_size + 1,
        c->block_size, c->block_size - 1, 1, 0,
    };

    for (unsigned i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        struct shale_vnode *file;

        OPEN(file);
        MUST(conform_write(c, file, 3, 0, size) == 0);
        MUST(shale_truncate(file, cuts[i]) == 0);
        MUST(conform_size(file) == cuts[i]);
        MUST(conform_holds(c, file, 3, 0, cuts[i]));
        /* What is past the cut does not come back. */
        MUST(shale_truncate(file, size + 10) == 0);
        MUST(conform_size(file) == size + 10);
        MUST(conform_holds(c, file, 3, 0, cuts[i]));
        MUST(conform_holds(c, file, 0, cuts[i], size + 10 - cuts[i]));
        MUST(file_done(c, file) == NULL);
    }
    return NULL;
}

static const char *two_files_in_turns(struct conform *c)
{
    struct shale_vnode *a, *b;

    MUST(conform_make(c->dir, "a", CONFORM_FILE, &a) == 0);
    MUST(conform_make(c->dir, "b", CONFORM_FILE, &b) == 0);
    for (uint64_t at = 0; at < 60000; at += 1500) {
        MUST(conform_write(c, a, 4, at, 1500) == 0);
        MUST(conform_write(c, b, 5, at, 1500) == 0);
    }
    MUST(conform_holds(c, a, 4, 0, 60000));
    MUST(conform_holds(c, b, 5, 0, 60000));
    shale_vnode_put(a);
    MUST(conform_unlink(c->dir, "a") == 0);
    MUST(conform_holds(c, b, 5, 0, 60000));
    shale_vnode_put(b);
    MUST(conform_unlink(c->dir, "b") == 0);
    return NULL;
}

static const char *copying(struct conform *c)
{
    struct shale_vnode *a, *b;

    MUST(conform_make(c->dir, "a", CONFORM_FILE, &a) == 0);
    MUST(conform_make(c->dir, "b", CONFORM_FILE, &b) == 0);
    MUST(conform_write(c, a, 6, 0, 30000) == 0);
    MUST(shale_copy_range(a, 0, b, 0, 40000) == 30000);
    MUST(conform_size(b) == 30000 && conform_holds(c, b, 6, 0, 30000));
    MUST(shale_copy_range(a, 0, a, 100, 1000) == SHALE_EINVAL);
    MUST(shale_copy_range(a, 30000, b, 0, 10) == 0);
    shale_vnode_put(a);
    shale_vnode_put(b);
    MUST(conform_unlink(c->dir, "a") == 0);
    MUST(conform_unlink(c->dir, "b") == 0);
    return NULL;
}

static const char *reserving(struct conform *c)
{
    uint64_t size = 10 * (uint64_t)c->block_size;
    struct shale_vnode *file;
    int err;

    OPEN(file);
    MUST(conform_write(c, file, 1, 0, size / 2) == 0);
    MUST(shale_allocate(file, 0, size, 0) == 0);
    MUST(conform_size(file) == size);
    MUST(conform_holds(c, file, 1, 0, size / 2));
    MUST(conform_holds(c, file, 0, size / 2, size - size / 2));
    err = shale_allocate(file, c->block_size, c->block_size,
                         SHALE_ALLOCATE_KEEP_SIZE | SHALE_ALLOCATE_PUNCH_HOLE);
    MUST(err == (c->unix_files ? 0 : SHALE_ENOTSUP));
    if (!err) {
        MUST(conform_holds(c, file, 0, c->block_size, c->block_size));
        MUST(shale_seek_hole(file, 0) == (int64_t)c->block_size);
        MUST(shale_seek_data(file, c->block_size) ==
             2 * (int64_t)c->block_size);
    }
    MUST(conform_holds(c, file, 1, 0, c->block_size));
    return file_done(c, file);
}

static const char *files_have_an_end(struct conform *c)
{
    struct shale_vnode *file;

    OPEN(file);
    MUST(shale_write(file, "x", 1, UINT64_MAX - 10) == SHALE_EFBIG);
    MUST(shale_truncate(file, UINT64_MAX) == SHALE_EFBIG);
    if (!c->unix_files)         /* FAT has 32 bits for a size */
        MUST(shale_write(file, "x", 1, UINT32_MAX) == SHALE_EFBIG);
    MUST(shale_seek_data(file, 0) == SHALE_ENXIO);
    MUST(conform_size(file) == 0);
    return file_done(c, file);
}

static const char *synced_data_stays(struct conform *c)
{
    struct shale_vnode *file;

    OPEN(file);
    MUST(conform_write(c, file, 7, 0, 50000) == 0);
    MUST(shale_fsync(file) == 0);
    MUST(conform_write(c, file, 8, 1000, 5000) == 0);
    shale_vnode_put(file);
    MUST(conform_remount(c) == 0);
    MUST(conform_lookup(c->dir, "f", &file) == 0);
    MUST(conform_size(file) == 50000);
    MUST(conform_holds(c, file, 7, 0, 1000));
    MUST(conform_holds(c, file, 8, 1000, 5000));
    MUST(conform_holds(c, file, 7, 6000, 44000));
    return file_done(c, file);
}

static const char *what_is_removed_is_free(struct conform *c)
{
    struct shale_statfs before, full, after;
    struct shale_vnode *file;

    MUST(shale_sync(c->fs) == 0);
    MUST(shale_statfs(c->fs, &before) == 0);
    OPEN(file);
    MUST(conform_write(c, file, 9, 0, 200000) == 0);
    MUST(shale_statfs(c->fs, &full) == 0);
    MUST(full.blocks_free <= before.blocks_free - 200000 / c->block_size);
    MUST(file_done(c, file) == NULL);
    MUST(shale_sync(c->fs) == 0);
    MUST(shale_statfs(c->fs, &after) == 0);
    MUST(after.blocks_free == before.blocks_free);
    MUST(after.files_free == before.files_free);
    return NULL;
}

static const char *a_position_moves(struct conform *c)
{
    struct shale_file *file;
    struct shale_vnode *vn;

    OPEN(vn);
    shale_vnode_put(vn);
    MUST(shale_open(c->fs, "/conformance/f", &file) == 0);
    MUST(shale_file_write(file, "hello world", 11) == 11);
    MUST(shale_file_seek(file, -5, SHALE_SEEK_END) == 6);
    MUST(shale_file_read(file, c->bytes, 100) == 5);
    MUST(c->bytes[0] == 'w' && c->bytes[4] == 'd');
    MUST(shale_file_read(file, c->bytes, 100) == 0);
    MUST(shale_file_seek(file, 4, SHALE_SEEK_SET) == 4);
    MUST(shale_file_seek(file, 2, SHALE_SEEK_CUR) == 6);
    MUST(shale_file_seek(file, -1, SHALE_SEEK_SET) == SHALE_EINVAL);
    shale_close(file);
    MUST(conform_unlink(c->dir, "f") == 0);
    return NULL;
}

const struct conform_case conform_data_cases[] = {
    { "bytes are as they were written", bytes_are_as_written },
    { "a gap is zeros", a_gap_is_zeros },
    { "writing over", writing_over },
    { "appending", appending },
    { "cutting, and growing again", cutting },
    { "two files that grow in turns", two_files_in_turns },
    { "copying", copying },
    { "reserving, and holes", reserving },
    { "files have an end", files_have_an_end },
    { "synced data stays", synced_data_stays },
    { "what is removed is free", what_is_removed_is_free },
    { "a position moves", a_position_moves },
    { NULL, NULL },
};
