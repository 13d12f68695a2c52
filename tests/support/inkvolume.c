/*
 * inkvolume.c - a filesystem that writes: volumes of it, and what to do there
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inkdisk.h"
#include "watch.h"

/* -------------------------------------------------------------- volumes */

static void note(struct shale_log *log, const struct shale_event *event)
{
    struct ink *ink = (struct ink *)((char *)log - offsetof(struct ink, log));

    if (atomic_fetch_add(&ink->events, 1) == 0)
        ink->said = *event;
}

static void tell_time(struct shale_clock *clock, struct shale_time *out)
{
    const struct ink *ink =
        (struct ink *)((char *)clock - offsetof(struct ink, clock));

    *out = (struct shale_time){ ink->now, 0 };
}

static struct ink_file *file_at(const struct ink *ink, uint64_t ino)
{
    return (struct ink_file *)(void *)(ink->bytes +
                                       INK_FILE_BLOCK(ino) * INK_BLOCK);
}

static struct ink_name *name_at(const struct ink *ink, uint64_t slot)
{
    return (struct ink_name *)(void *)(ink->bytes +
                                       INK_NAME_BLOCK(slot) * INK_BLOCK) +
           slot % INK_NAMES_A_BLOCK;
}

void ink_init(struct ink *ink, bool holes)
{
    static const struct shale_fs_ops *const plain[] = { &ink_ops, NULL };
    static const struct shale_fs_ops *const holed[] = { &ink_hole_ops, NULL };

    memset(ink, 0, sizeof *ink);
    ink->bytes = malloc(INK_SIZE);
    ck_assert_ptr_nonnull(ink->bytes);
    memset(ink->bytes, 0, INK_SIZE);
    memcpy(ink->bytes, "INK", 3);
    for (uint64_t at = INK_UNIT_AT(1); at < INK_SIZE; at++)
        ink->bytes[at] = 0xee;          /* old data, nobody's to see */
    *file_at(ink, INK_ROOT) = (struct ink_file){
        .type = SHALE_TYPE_DIR, .links = 1, .mode = SHALE_S_IFDIR | 0755,
    };

    test_source_init(&ink->source, (size_t)1 << 20, 0);
    test_source_init(&ink->fault_source, (size_t)1 << 20, 0);
    ink->mem = shale_mem_create(&ink->source.base, &watch_plain_locks, 0);
    ink->fault_mem =
        shale_mem_create(&ink->fault_source.base, &watch_plain_locks, 0);
    shale_memory_bdev_init(&ink->memory, ink->bytes, INK_SIZE, 512, false);
    ck_assert_int_eq(shale_fault_bdev_init(&ink->fault, &ink->memory.base,
                                           ink->fault_mem, &watch_plain_locks),
                     0);
    ink->log.event = note;
    ink->clock.now = tell_time;
    ink->now = 1000;
    ink->config = (struct shale_config){
        .dev = &ink->fault.base, .mem = ink->mem,
        .drivers = holes ? holed : plain, .locks = &watch_locks,
        .log = &ink->log, .clock = &ink->clock,
    };
}

void ink_mount(struct ink *ink)
{
    ck_assert_int_eq(shale_mount(&ink->config, &ink->fs), 0);
    ck_assert_int_eq(shale_vnode_get(ink->fs, INK_ROOT, &ink->root), 0);
    ck_assert_uint_eq(watch_held(), 0);
}

void ink_unmount(struct ink *ink)
{
    shale_vnode_put(ink->root);
    ck_assert_int_eq(shale_unmount(ink->fs), 0);
    ink->fs = NULL;
    ck_assert_uint_eq(watch_held(), 0);
}

void ink_discard(struct ink *ink)
{
    test_mem_sound(ink->mem, "at the end");
    ck_assert_uint_eq(shale_mem_destroy(ink->mem), 0);
    shale_fault_bdev_fini(&ink->fault);
    ck_assert_uint_eq(shale_mem_destroy(ink->fault_mem), 0);
    free(ink->bytes);
}

void ink_fini(struct ink *ink)
{
    const char *wrong;

    if (ink->fs)
        ink_unmount(ink);
    wrong = ink_check(ink, false);
    ck_assert_msg(!wrong, "at the end: %s", wrong);
    ck_assert(!ink_marked(ink));
    ink_discard(ink);
}

/* ---------------------------------------------------------------- check */

/* What is wrong with the units of file INO; counts them in HOLDERS. */
static const char *check_units(const struct ink *ink, uint64_t ino,
                               uint8_t *holders)
{
    const struct ink_file *file = file_at(ink, ino);

    for (unsigned i = 0; i < INK_FILE_UNITS; i++) {
        uint32_t unit = file->units[i];

        if (unit == 0)
            continue;
        if (unit > INK_UNITS)
            return "a unit off the volume";
        if (!ink->bytes[INK_MAP_BLOCK * INK_BLOCK + unit])
            return "a unit that is free belongs to a file";
        if (holders[unit]++)
            return "two files share a unit";
    }
    return NULL;
}

/* What is wrong with the names; counts them in LINKS. */
static const char *check_names(const struct ink *ink, uint32_t *links)
{
    for (unsigned i = 0; i < INK_NAMES; i++) {
        const struct ink_name *entry = name_at(ink, i);

        if (!entry->ino)
            continue;
        if (entry->ino > INK_FILES || !file_at(ink, entry->ino)->type)
            return "a name leads to no file";
        if (file_at(ink, entry->dir)->type != SHALE_TYPE_DIR)
            return "a name is in no directory";
        for (unsigned k = 0; k < i; k++)
            if (name_at(ink, k)->ino && name_at(ink, k)->dir == entry->dir &&
                name_at(ink, k)->len == entry->len &&
                !memcmp(name_at(ink, k)->name, entry->name, entry->len))
                return "a name is there twice";
        links[entry->ino]++;
    }
    return NULL;
}

const char *ink_check(const struct ink *ink, bool leaks)
{
    uint8_t holders[INK_UNITS + 1] = { 0 };
    uint32_t links[INK_FILES + 1] = { 0 };
    const char *wrong = check_names(ink, links);

    links[INK_ROOT]++;
    for (uint64_t ino = 1; !wrong && ino <= INK_FILES; ino++) {
        const struct ink_file *file = file_at(ink, ino);

        if (file->type == 0)
            continue;
        wrong = check_units(ink, ino, holders);
        if (!wrong && !leaks && file->links != links[ino])
            wrong = "a file has more names or fewer than it says";
        if (!wrong && !leaks)
            for (uint64_t i = (file->size + INK_BLOCK - 1) / INK_BLOCK;
                 i < INK_FILE_UNITS; i++)
                if (file->units[i])
                    wrong = "a file has units past its end";
    }
    for (unsigned unit = 1; !wrong && !leaks && unit <= INK_UNITS; unit++)
        if (ink->bytes[INK_MAP_BLOCK * INK_BLOCK + unit] && !holders[unit])
            wrong = "a unit is lost";
    return wrong;
}

bool ink_marked(const struct ink *ink)
{
    return ink->bytes[INK_IN_USE_AT];
}

unsigned ink_free_units(const struct ink *ink)
{
    unsigned count = 0;

    for (unsigned unit = 1; unit <= INK_UNITS; unit++)
        count += !ink->bytes[INK_MAP_BLOCK * INK_BLOCK + unit];
    return count;
}

unsigned ink_calls(struct ink *ink, enum ink_op op)
{
    return atomic_load(&ink->calls[op]);
}

void ink_fail(struct ink *ink, enum ink_op op, unsigned times, int err)
{
    ink->fail[op] = err;
    ink->fail_times[op] = times;
}

/* ---------------------------------------------------------------- calls */

int ink_make(struct ink *ink, struct shale_vnode *dir, const char *name,
             uint32_t mode, struct shale_vnode **out)
{
    const struct shale_node node = { .mode = mode };
    int err = shale_create(dir ? dir : ink->root, name, strlen(name), &node,
                           out);

    ck_assert_uint_eq(watch_held(), 0);
    return err;
}

struct shale_vnode *ink_create(struct ink *ink, const char *name)
{
    struct shale_vnode *vn = NULL;

    ck_assert_int_eq(ink_make(ink, NULL, name, SHALE_S_IFREG | 0644, &vn), 0);
    return vn;
}

struct shale_vnode *ink_mkdir(struct ink *ink, const char *name)
{
    struct shale_vnode *vn = NULL;

    ck_assert_int_eq(ink_make(ink, NULL, name, SHALE_S_IFDIR | 0755, &vn), 0);
    return vn;
}

struct shale_vnode *ink_get(struct ink *ink, const char *path)
{
    struct shale_vnode *vn = NULL;
    int err = shale_walk(ink->fs, NULL, path, 0, &vn);

    ck_assert_msg(err == 0, "%s: %d", path, err);
    return vn;
}

int64_t ink_find(struct ink *ink, const char *path)
{
    struct shale_vnode *vn;
    int64_t r = shale_walk(ink->fs, NULL, path, 0, &vn);

    if (r == 0) {
        r = (int64_t)shale_vnode_ino(vn);
        shale_vnode_put(vn);
    }
    return r;
}

int ink_unlink(struct ink *ink, const char *name)
{
    return shale_unlink(ink->root, name, strlen(name));
}

int ink_rename(struct ink *ink, const char *from, const char *to,
               unsigned flags)
{
    int err = shale_rename(ink->root, from, strlen(from), ink->root, to,
                           strlen(to), flags);

    ck_assert_uint_eq(watch_held(), 0);
    return err;
}

uint8_t ink_byte(unsigned seed, uint64_t at)
{
    if (seed == 0)
        return 0;
    return (uint8_t)(1 + (seed * 37 + at * 11 + (at >> 8) * 5) % 223);
}

int64_t ink_write(struct shale_vnode *file, unsigned seed, uint64_t offset,
                  size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    int64_t done;

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < len; i++)
        bytes[i] = ink_byte(seed, offset + i);
    done = shale_write(file, bytes, len, offset);
    ck_assert_uint_eq(watch_held(), 0);
    free(bytes);
    return done;
}

void ink_expect(struct shale_vnode *file, unsigned seed, uint64_t offset,
                size_t len)
{
    uint8_t *bytes = malloc(len + 1);
    int64_t done;

    ck_assert_ptr_nonnull(bytes);
    done = shale_read(file, bytes, len, offset);
    ck_assert_int_eq(done, (int64_t)len);
    for (size_t i = 0; i < len; i++)
        if (bytes[i] != ink_byte(seed, offset + i))
            ck_abort_msg("byte %zu of the file is %02x, not %02x",
                         (size_t)offset + i, bytes[i],
                         ink_byte(seed, offset + i));
    free(bytes);
}
