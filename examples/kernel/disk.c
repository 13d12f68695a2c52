/*
 * disk.c - the disks that drivers have found
 */
#include "kernel.h"

struct disk disks[DISK_MAX];
size_t disk_count;
bool disk_polling;
unsigned disk_requests_peak;
struct disk_work disk_work;

void disk_add(const char *prefix, const char *kind, struct shale_bdev *dev)
{
    struct disk *disk = &disks[disk_count];
    unsigned letter = 'a';

    if (disk_count == countof(disks)) {
        print("%s: one disk too many, left alone\n", kind);
        return;
    }
    for (size_t i = 0; i < disk_count; i++)
        if (text_begins(disks[i].name, prefix))
            letter++;
    text_format(disk->name, sizeof disk->name, "%s%c", prefix, (int)letter);
    disk->kind = kind;
    disk->dev = dev;
    disk_count++;
    print("%s: %s, %lu MiB in blocks of %u\n", disk->name, kind,
          dev->size >> 20, dev->block_size);
}
