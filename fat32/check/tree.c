/*
 * tree.c - directories, level by level
 *
 * Those of one level are known when the level above has been read. They are
 * put in order, their clusters are taken, one after the other, so that what is
 * found does not depend on who was first; and then their bytes are read in the
 * order of the device, by all workers. A directory that begins with a cluster
 * which some directory has already is not read again, so there is no way round
 * in circles.
 */
#include "fat32/check/check.h"
#include "memfn.h"

#define ROOT_AT offsetof(struct fat_disk_boot, u.fat32.root_cluster)

#define DIR_BYTES ((uint64_t)FAT_DIR_ENTRIES * FAT_ENTRY_SIZE)

int fat_check_dir_add(struct fat_check *v, const struct fat_check_dir *dir)
{
    struct fat_check_dir *dirs;

    check_lock(v->check, &v->lock);
    dirs = fat_check_grow(v->check, v->dirs, v->dir_count, &v->dir_room,
                          sizeof *dirs);
    if (dirs) {
        v->dirs = dirs;
        dirs[v->dir_count++] = *dir;
    }
    check_unlock(v->check, &v->lock);
    return dirs ? 0 : SHALE_ENOMEM;
}

/* ------------------------------------------------- the bytes of one of them */

/* The clusters of DIR, COUNT of them, in CLUSTERS. */
static void list_clusters(const struct fat_check *v,
                          const struct fat_check_dir *dir, uint32_t count,
                          uint32_t *clusters)
{
    uint32_t cluster = dir->first, done = 0;
    enum fat_check_end end = FAT_END_MET;

    while (done < count && end == FAT_END_MET) {
        uint32_t value, row = fat_check_run(v, cluster, &end, &value);

        for (uint32_t i = 0; i < row && done < count; i++)
            clusters[done++] = cluster + i;
        cluster = value;
    }
}

/* Read LEN bytes at AT of SLOTS; what cannot be read is free, cluster by
   cluster. */
static int read_bytes(struct fat_check *v, struct fat_check_slots *slots,
                      uint64_t at, uint8_t *bytes, size_t len, bool tell)
{
    size_t step = v->boot.cluster_size;
    int err = check_read(v->check, at, bytes, len);

    if (err != SHALE_EIO)
        return err;
    err = 0;
    for (size_t done = 0; !err && done < len; done += step) {
        size_t part = len - done < step ? len - done : step;
        bool good = true;

        if (tell)
            err = check_get(v->check, at + done, bytes + done, part,
                            SHALE_OBJECT_FILE, slots->dir->at, &good);
        else
            err = check_read(v->check, at + done, bytes + done, part);
        if (err == SHALE_EIO) {
            err = 0;
            good = false;
        }
        if (good)
            continue;
        memset(bytes + done, FAT_NAME_FREE, part);
        slots->unread = true;
        __atomic_store_n(&v->dirs_unread, true, __ATOMIC_RELAXED);
    }
    return err;
}

/* Read SLOTS, row by row. */
static int read_rows(struct fat_check *v, struct fat_check_slots *slots,
                     uint32_t count, bool tell)
{
    const uint32_t *clusters = slots->clusters;
    uint8_t *bytes = slots->bytes;
    int err = 0;

    for (uint32_t i = 0, row; !err && i < count; i += row) {
        size_t len;

        for (row = 1; i + row < count &&
                      clusters[i + row] == clusters[i] + row; row++)
            ;
        len = (size_t)row << v->boot.cluster_shift;
        err = read_bytes(v, slots, fat_check_cluster_at(v, clusters[i]),
                         bytes, len, tell);
        bytes += len;
    }
    return err;
}

/* The root of FAT12 and FAT16. */
static int fixed_read(struct fat_check *v, struct fat_check_slots *slots,
                      bool tell,
                      int (*each)(struct fat_check *v,
                                  struct fat_check_slots *slots,
                                  void *context),
                      void *context)
{
    size_t len = (size_t)v->boot.root_entries * FAT_ENTRY_SIZE;
    uint8_t *bytes = check_alloc(v->check, len);
    int err = SHALE_ENOMEM;

    slots->bytes = bytes;
    slots->count = v->boot.root_entries;
    slots->at = (uint64_t)v->boot.root_sector << v->boot.sector_shift;
    if (bytes)
        err = read_bytes(v, slots, slots->at, bytes, len, tell);
    if (!err)
        err = each(v, slots, context);
    check_free(v->check, bytes, len);
    return err;
}

int fat_check_dir_read(struct fat_check *v, uint32_t index,
                       uint8_t *first_bytes, bool tell,
                       int (*each)(struct fat_check *v,
                                   struct fat_check_slots *slots,
                                   void *context),
                       void *context)
{
    struct fat_check_dir dir;
    struct fat_check_slots slots = { .dir = &dir, .index = index };
    uint32_t count, *clusters;
    uint8_t *bytes;
    size_t len;
    int err = SHALE_ENOMEM;

    check_lock(v->check, &v->lock);
    dir = v->dirs[index];
    check_unlock(v->check, &v->lock);
    slots.shift = v->boot.cluster_shift - 5;
    if (dir.first == 0)
        return fixed_read(v, &slots, tell, each, context);

    count = (uint32_t)((DIR_BYTES + v->boot.cluster_size - 1)
                       >> v->boot.cluster_shift);
    if (dir.clusters < count)
        count = dir.clusters;
    len = (size_t)count << v->boot.cluster_shift;
    slots.count = (uint32_t)(len / FAT_ENTRY_SIZE);
    slots.at = fat_check_cluster_at(v, dir.first);
    if (count == 1 && first_bytes) {
        slots.bytes = first_bytes;
        slots.unread = fat_check_is_unknown(v, dir.first);
        return each(v, &slots, context);
    }
    clusters = check_alloc(v->check, count * sizeof *clusters);
    bytes = check_alloc(v->check, len);
    if (clusters && bytes) {
        list_clusters(v, &dir, count, clusters);
        /* Where it goes on may not be known. */
        slots.unread = count > 0 &&
                       fat_check_is_unknown(v, clusters[count - 1]);
        slots.clusters = clusters;
        slots.bytes = bytes;
        err = read_rows(v, &slots, count, tell);
    }
    if (!err)
        err = each(v, &slots, context);
    check_free(v->check, bytes, len);
    check_free(v->check, clusters, count * sizeof *clusters);
    return err;
}

/* -------------------------------------------------------------- one level */

static int check_one(struct fat_check *v, struct fat_check_slots *slots,
                     void *context)
{
    (void)context;
    return fat_check_dir(v, slots);
}

static int handle(struct check *check, const struct check_item *item,
                  uint8_t *bytes, void *context)
{
    struct fat_check *v = context;

    (void)check;
    return fat_check_dir_read(v, (uint32_t)item->tag[0], bytes, true,
                              check_one, NULL);
}

/* Tell if DIR has more clusters than entries can be numbered in. */
static void tell_large(struct fat_check *v, const struct fat_check_dir *dir)
{
    uint64_t most = (DIR_BYTES + v->boot.cluster_size - 1)
                    >> v->boot.cluster_shift;

    if (dir->clusters > most)
        FAT_TELL(v, DIR_LARGE, fat_check_cluster_at(v, dir->first),
                 .object = SHALE_OBJECT_FILE, .number = dir->at,
                 .compared = true, .expected = most, .found = dir->clusters);
}

/* Take the clusters of DIR, and have it read if they are its own. */
static int settle(struct fat_check *v, struct fat_check_dir *dir,
                  uint32_t index, struct check_queue *queue)
{
    struct fat_check_use use = { SHALE_USE_DIRECTORY, dir->at };
    struct fat_check_chain own, chain;
    struct check_item item = { .tag = { index, 0, 0 } };
    int err;

    err = fat_check_follow(v, dir->first, v->dir_clusters, NULL, &own);
    if (!err)
        err = fat_check_follow(v, dir->first, v->owned, &use, &chain);
    if (err)
        return err;
    /* The root of FAT32 has no entry. */
    fat_check_tell_end(v, SHALE_OBJECT_FILE, dir->at,
                       dir->at ? dir->at + FAT_ENTRY_FIELD(cluster_low)
                               : v->boot.at + ROOT_AT, &own);
    dir->clusters = own.length;
    if (dir->clusters == 0)
        return 0;
    tell_large(v, dir);
    item.at = fat_check_cluster_at(v, dir->first);
    return check_queue_add(queue, &item);
}

static int by_place(const void *a, const void *b)
{
    const struct fat_check_dir *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static int check_levels(struct fat_check *v, struct check_queue *queue)
{
    size_t from = 0, to;
    int err = 0;

    if (v->boot.bits != 32) {
        from = 1;
        err = fat_check_dir_read(v, 0, NULL, true, check_one, NULL);
    }
    for (; !err && from < v->dir_count; from = to) {
        to = v->dir_count;
        check_sort(v->dirs + from, to - from, sizeof *v->dirs, by_place);
        for (size_t i = from; !err && i < to; i++)
            err = settle(v, &v->dirs[i], (uint32_t)i, queue);
        if (!err)
            err = check_queue_run(queue, handle, v);
    }
    return err;
}

int fat_check_tree(struct fat_check *v)
{
    struct fat_check_dir root = { .first = v->boot.root_cluster };
    struct check_queue *queue;
    int err;

    v->owned = check_bits_create(v->check, (uint64_t)v->last + 1);
    v->dir_clusters = check_bits_create(v->check, (uint64_t)v->last + 1);
    if (!v->owned || !v->dir_clusters)
        return SHALE_ENOMEM;
    check_phase(v->check, "directories", v->check->result->units_used);
    err = fat_check_dir_add(v, &root);
    if (err)
        return err;
    queue = check_queue_create(v->check, v->boot.cluster_size);
    if (!queue)
        return SHALE_ENOMEM;
    err = check_levels(v, queue);
    check_queue_destroy(queue);
    return err;
}
