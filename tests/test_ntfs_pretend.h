/*
 * test_ntfs_pretend.h - an NTFS volume without anything of NTFS on it
 *
 * What maps and decodes data needs a volume's geometry, a device and a stream's
 * runs, no records: tests put data where they like, and say where it is.
 */
#ifndef TEST_NTFS_PRETEND_H
#define TEST_NTFS_PRETEND_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arenas.h"
#include "ntfs/extras.h"
#include "vfs/vfs.h"

#define PRETEND_INO 77u

struct pretend {
    struct shale_fs_state state;
    struct shale_fs *fs;
    struct ntfs_volume vol;
    struct ntfs_vnode vn;       /* a file: its data is for the test to say */
    struct shale_memory_bdev memory;
    struct shale_mem *mem;
    uint8_t *disk;
    bool forgets;               /* vn.lately, before every map */
    struct shale_log log;
    char said[200];             /* the last error */
    uint64_t at, ino;           /* ... and of what */
};

static inline void pretend_event(struct shale_log *log,
                                 const struct shale_event *event)
{
    struct pretend *p =
        (struct pretend *)((char *)log - offsetof(struct pretend, log));

    snprintf(p->said, sizeof p->said, "%s%s%s", event->what,
             event->detail ? ": " : "", event->detail ? event->detail : "");
    p->at = event->at;
    p->ino = event->ino;
}

/* A volume of COUNT clusters of 2^SHIFT bytes, all of which differ. */
static inline void pretend_open(struct pretend *p, unsigned shift,
                                uint64_t count)
{
    static struct test_source source = {
        .base = { .lend = test_lend, .give_back = test_give_back },
        .chunk = 1 << 20,
        .lock = PTHREAD_MUTEX_INITIALIZER,
    };
    size_t size = (size_t)count << shift;

    memset(p, 0, sizeof *p);
    p->disk = malloc(size);
    for (size_t i = 0; i < size; i++)
        p->disk[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16) + 1);
    shale_memory_bdev_init(&p->memory, p->disk, size, 512, true);
    p->memory.base.fd = -1;
    p->mem = shale_mem_create(&source.base, NULL, 0);
    ck_assert_ptr_nonnull(p->mem);

    p->fs = &p->state.fs;
    p->log.event = pretend_event;
    p->state.log = &p->log;
    p->state.cache_bytes = 1 << 20;
    p->fs->state = &p->state;
    p->fs->dev = &p->memory.base;
    p->fs->mem = p->mem;
    p->fs->read_only = true;
    p->fs->volume = &p->vol;
    ck_assert_int_eq(shale_fs_set_blocks(p->fs, 512, size / 512), 0);

    p->vol.fs = p->fs;
    for (size_t i = 0; shale_all_ntfs_extras[i]; i++)
        shale_all_ntfs_extras[i]->extra_add(&p->vol.extras);
    p->vol.boot.cluster_shift = shift;
    p->vol.boot.cluster_size = 1u << shift;
    p->vol.boot.cluster_count = count;
    p->vol.boot.size = size;
    p->vol.cached_end = size;
    p->vol.block_size = 512;
    p->vol.block_shift = 9;

    p->vn.base.fs = p->fs;
    p->vn.base.ino = PRETEND_INO;
    p->vn.base.type = SHALE_TYPE_FILE;
    p->vn.info.type = SHALE_TYPE_FILE;
    p->vn.data.ino = PRETEND_INO;
    p->vn.data.at = 1;
}

static inline void pretend_close(struct pretend *p)
{
    ntfs_stream_close(&p->vol, &p->vn.data);
    ntfs_lately_free(&p->vol, p->vn.lately);
    if (p->vn.wof)
        p->vol.extras.packed->wof_free(&p->vol, p->vn.wof);
    ck_assert_uint_eq(shale_cache_destroy(p->fs->cache), 0);
    ck_assert_uint_eq(shale_mem_destroy(p->mem), 0);
    free(p->disk);
}

/* The byte of cluster LCN on the device. */
static inline uint8_t *pretend_at(struct pretend *p, uint64_t lcn)
{
    return p->disk + (lcn << p->vol.boot.cluster_shift);
}

/* STREAM goes on with COUNT clusters from LCN on, or with a hole. */
static inline void pretend_run(struct pretend *p, struct ntfs_stream *stream,
                               uint64_t lcn, uint64_t count)
{
    struct ntfs_runs *runs = &stream->runs;

    if (!runs->list) {
        runs->room = 64;
        runs->list = shale_alloc_array(p->mem, runs->room, sizeof *runs->list);
    }
    ck_assert_uint_lt(runs->count, runs->room);
    runs->list[runs->count++] =
        (struct ntfs_run){ .vcn = runs->end, .lcn = lcn, .count = count };
    runs->end += count;
}

/* The sizes of the file's data. */
static inline void pretend_size(struct pretend *p, uint64_t size,
                                uint64_t initialized)
{
    p->vn.base.size = p->vn.info.size = p->vn.data.size = size;
    p->vn.data.initialized = initialized;
    p->vn.data.allocated = p->vn.data.runs.end << p->vol.boot.cluster_shift;
    p->vn.data.taken = p->vn.data.allocated;
}

/* As ck_assert(), for loops: that writes to a file each time. */
static inline void pretend_need(bool good, const char *what, uint64_t at)
{
    if (!good)
        ck_abort_msg("%s, at %llu", what, (unsigned long long)at);
}

/* As the driver's map(), of a file that the test has just changed. */
static inline int pretend_map(struct pretend *p, uint64_t offset, uint64_t len,
                              struct shale_extent *out)
{
    ntfs_layout_set(&p->vn);
    return ntfs_map(&p->vn.base, offset, len, out);
}

/* Read LEN bytes at OFFSET of the file, as vfs/file.c would. */
static inline int pretend_read(struct pretend *p, uint64_t offset,
                               uint8_t *to, size_t len)
{
    while (len > 0) {
        struct shale_extent e = { 0 };
        int err;
        size_t skip, count;
        uint8_t *unit;

        if (p->forgets)
            memset(p->vn.lately->slots, 0,
                   p->vn.lately->count * sizeof p->vn.lately->slots[0]);
        err = pretend_map(p, offset, len, &e);
        if (err)
            return err;
        pretend_need(e.offset <= offset, "begins too late", offset);
        skip = (size_t)(offset - e.offset);
        pretend_need(e.length > skip, "ends too early", offset);
        count = e.length - skip < len ? (size_t)e.length - skip : len;
        switch (e.kind) {
        case SHALE_EXTENT_DATA:
            pretend_need(skip == 0, "begins too early", offset);
            pretend_need(e.device + count <= p->vol.boot.size, "off the volume",
                         offset);
            memcpy(to, p->disk + e.device, count);
            break;
        case SHALE_EXTENT_HOLE:
        case SHALE_EXTENT_UNWRITTEN:
            pretend_need(skip == 0, "begins too early", offset);
            memset(to, 0, count);
            break;
        case SHALE_EXTENT_INLINE:
        case SHALE_EXTENT_ENCODED:
            /* Cut at the size, and in a buffer of just that. */
            pretend_need(e.length <= p->vn.base.size - e.offset, "not cut",
                         offset);
            unit = malloc((size_t)e.length);
            memset(unit, 0xaa, (size_t)e.length);
            err = ntfs_decode(&p->vn.base, &e, unit);
            if (!err)
                memcpy(to, unit + skip, count);
            free(unit);
            if (err)
                return err;
        }
        to += count;
        offset += count;
        len -= count;
    }
    return 0;
}

/* The file's data is WANT, read as a whole and in pieces. */
static inline void pretend_same(struct pretend *p, const uint8_t *want)
{
    size_t size = (size_t)p->vn.base.size;
    uint8_t *got = malloc(size + 1);
    int err = pretend_read(p, 0, got, size);

    pretend_need(!err, p->said, 0);
    for (size_t i = 0; i < size; i++)
        pretend_need(got[i] == want[i], "another byte", i);
    for (size_t at = 0, n = 0; at < size; at += 331, n = (n * 5 + 1) % 9973) {
        size_t len = n + 1 < size - at ? n + 1 : size - at;

        err = pretend_read(p, at, got, len);
        pretend_need(!err, p->said, at);
        pretend_need(memcmp(got, want + at, len) == 0, "another byte", at);
    }
    free(got);
}

#endif /* TEST_NTFS_PRETEND_H */
