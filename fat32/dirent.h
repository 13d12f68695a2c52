/*
 * dirent.h - one 32-byte entry of a directory, native, and its times
 */
#ifndef FAT32_DIRENT_H
#define FAT32_DIRENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"
#include "shale/types.h"

struct fat_volume;

/* ------------------------------------------------------------- time.c */

/* A moment as an entry has it: local time. */
struct fat_stamp {
    uint16_t date, time;        /* 7/4/5 and 5/6/5 bits; date 0: not noted */
    uint8_t tenth;              /* 10 ms, 0 to 199 */
};

#define FAT_ZONES 64u           /* pairs at vol->zones */

/* 1970 for a stamp that was not noted. */
void fat_time_decode(const struct fat_volume *vol,
                     const struct fat_stamp *stamp, struct shale_time *out);

/* Rounded down to 10 ms, and into 1980 to 2107. */
void fat_time_encode(const struct fat_volume *vol,
                     const struct shale_time *time, struct fat_stamp *out);

/* The same for second SEC and nanosecond NSEC of what is local time already. */
struct fat_stamp fat_stamp_make(int64_t sec, uint32_t nsec);

/* ----------------------------------------------------------- dirent.c */

/* A short entry, native. */
struct fat_entry {
    uint8_t name[11];           /* as on the volume, 0x05 for 0xe5 included */
    uint8_t attr;               /* FAT_ATTR_... */
    uint8_t lower;              /* FAT_LOWER_... */
    uint32_t cluster;           /* unchecked */
    uint32_t size;              /* bytes; of directories 0 */
    struct fat_stamp created;
    struct fat_stamp written;   /* its tenth is 0 */
    uint16_t accessed;          /* date */
};

void fat_entry_decode(const struct fat_volume *vol,
                      const struct fat_disk_entry *raw, struct fat_entry *out);

/*
 * Store all of ENTRY in *RAW. On FAT12 and FAT16 the cluster's high half is
 * not: others keep something else there.
 */
void fat_entry_encode(const struct fat_volume *vol,
                      const struct fat_entry *entry,
                      struct fat_disk_entry *raw);

enum fat_slot {
    FAT_SLOT_END,               /* free, and so is all that follows */
    FAT_SLOT_FREE,
    FAT_SLOT_LONG,              /* a piece of a long name */
    FAT_SLOT_LABEL,             /* the volume's label */
    FAT_SLOT_DOTS,              /* "." or ".." */
    FAT_SLOT_FILE,              /* a file or a directory */
};

/* The dots of the short NAME "." or ".."; of others 0. */
unsigned fat_dots(const uint8_t name[11]);

/* What the FAT_ENTRY_SIZE bytes at RAW are. */
enum fat_slot fat_slot_kind(const uint8_t *raw);

/* The checksum of a short NAME, which ties long entries to it. */
uint8_t fat_checksum(const uint8_t name[11]);

/* Store piece ORDER (from 1) of the LEN units of NAME in *RAW. */
void fat_long_encode(const uint16_t *name, uint32_t len, uint32_t order,
                     uint8_t checksum, struct fat_disk_long *raw);

/* The FAT_LONG_UNITS units of a piece, whatever they are. */
void fat_long_decode(const struct fat_disk_long *raw, uint16_t *out);

/* The pieces that LEN units take. */
static inline uint32_t fat_long_pieces(uint32_t len)
{
    return (len + FAT_LONG_UNITS - 1) / FAT_LONG_UNITS;
}

#endif /* FAT32_DIRENT_H */
