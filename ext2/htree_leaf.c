/*
 * htree_leaf.c - moving the records of a leaf of an index
 *
 * Who lists a directory does so by the byte, so names may move to higher bytes,
 * where they are met (again), and never to lower ones, where they would be
 * missed. So what stays in a leaf that is split stays where it is; and if it
 * lies so that the gaps between are too small, it is packed against the block's
 * end.
 */
#include "htree.h"
#include "memfn.h"
#include "write.h"

static struct ext2_volume *vol_of(const struct ext2_vnode *dir)
{
    return ext2_volume_of(dir->base.fs);
}

void ext2_leaf_unmap(struct ext2_vnode *dir, struct ext2_leaf_map *map)
{
    shale_free(dir->base.fs->mem, map->records,
               map->room * sizeof *map->records);
}

int ext2_leaf_map(struct ext2_vnode *dir, const struct shale_buf *leaf,
                  enum ext2_hash version, struct ext2_leaf_map *map)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    struct ext2_dirent entry = { .ino = 0 };

    *map = (struct ext2_leaf_map){
        .room = super->block_size / ext2_dirent_need(1),
    };
    map->records = shale_alloc_array(dir->base.fs->mem, map->room,
                                     sizeof *map->records);
    if (!map->records)
        return SHALE_ENOMEM;
    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        const char *wrong = ext2_dirent_decode(super, leaf->data, at, &entry);
        struct ext2_leaf_record *record = &map->records[map->count];

        if (!wrong && entry.ino != 0 && entry.name_len == 0)
            wrong = "ext2: directory record with an empty name";
        if (wrong) {
            ext2_leaf_unmap(dir, map);
            return ext2_dir_bad_record(dir, leaf, at, wrong);
        }
        if (entry.ino == 0)
            continue;
        record->hash = ext2_hash(version, super->hash_seed,
                                 (const char *)entry.name, entry.name_len);
        record->at = (uint16_t)at;
        record->size = (uint16_t)ext2_dirent_need(entry.name_len);
        map->bytes += record->size;
        map->count++;
    }
    return 0;
}

/* Let record I of COUNT sink until none below it (heap) has a higher hash. */
static void heap_sink(struct ext2_leaf_record *records, uint32_t i,
                      uint32_t count)
{
    struct ext2_leaf_record sinking = records[i];
    uint32_t child;

    while ((child = 2 * i + 1) < count) {
        if (child + 1 < count && records[child + 1].hash > records[child].hash)
            child++;
        if (records[child].hash <= sinking.hash)
            break;
        records[i] = records[child];
        i = child;
    }
    records[i] = sinking;
}

static void sort_by_hash(struct ext2_leaf_record *records, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0; )
        heap_sink(records, i, count);
    while (count-- > 1) {
        struct ext2_leaf_record highest = records[0];

        records[0] = records[count];
        records[count] = highest;
        heap_sink(records, 0, count);
    }
}

uint32_t ext2_leaf_halve(struct ext2_leaf_map *map)
{
    uint32_t moved = 0, first = map->count;

    sort_by_hash(map->records, map->count);
    while (first > 1) {
        uint32_t size = map->records[first - 1].size;

        if (first < map->count && moved + size / 2 > map->bytes / 2)
            break;
        moved += size;
        first--;
    }
    return first;
}

/* Add what is free in BUF to the record before it; at its start, keep it. */
static void leaf_merge(const struct ext2_super *super, struct shale_buf *buf)
{
    struct ext2_dirent entry = { .ino = 0 };
    uint32_t last = 0;

    for (uint32_t at = 0; at < super->block_size; at += entry.rec_len) {
        if (ext2_dirent_decode(super, buf->data, at, &entry))
            return;             /* cannot be: it has been walked */
        if (entry.ino != 0 || at == 0)
            last = at;
        ext2_dirent_set_length(buf->data + last, at + entry.rec_len - last);
    }
}

void ext2_leaf_drop(const struct ext2_super *super, struct shale_buf *leaf,
                    const struct ext2_leaf_record *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *record = leaf->data + records[i].at;

        ((struct ext2_disk_dirent *)record)->inode = le32_make(0);
    }
    leaf_merge(super, leaf);
}

void ext2_leaf_fill(const struct ext2_super *super, struct shale_buf *to,
                    const struct shale_buf *from,
                    const struct ext2_leaf_record *records, uint32_t count)
{
    const struct ext2_new_name nothing = { .name = "" };
    uint32_t at = 0;

    if (count == 0)
        ext2_dirent_encode(super, to->data, super->block_size, &nothing);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = records[i].size;

        memcpy(to->data + at, from->data + records[i].at, size);
        ext2_dirent_set_length(to->data + at, i + 1 < count
                                                  ? size
                                                  : super->block_size - at);
        at += size;
    }
}

int ext2_leaf_pack(struct ext2_vnode *dir, struct shale_buf *leaf)
{
    const struct ext2_super *super = &vol_of(dir)->super;
    const struct ext2_new_name nothing = { .name = "" };
    uint32_t end = super->block_size;
    struct ext2_leaf_map map;
    int err = ext2_leaf_map(dir, leaf, EXT2_HASH_LEGACY, &map);

    if (err)
        return err;
    err = ext2_dir_change(dir, leaf);
    for (uint32_t i = map.count; !err && i-- > 0; ) {
        const struct ext2_leaf_record *record = &map.records[i];

        end -= record->size;
        memmove(leaf->data + end, leaf->data + record->at, record->size);
        ext2_dirent_set_length(leaf->data + end, record->size);
    }
    if (!err && end > 0)
        ext2_dirent_encode(super, leaf->data, end, &nothing);
    ext2_leaf_unmap(dir, &map);
    return err;
}
