/*
 * fatcheck.h - another opinion on a FAT volume, in memory
 *
 * Reads a whole image and lists what is on it, and everything that is wrong
 * with it, in the terms of fsck.fat(8) and some stricter. It shares nothing
 * with the driver, not a header: it is what the driver's work is judged by,
 * thousands of times a second, where fsck.fat is run on a sample.
 */
#ifndef SUPPORT_FATCHECK_H
#define SUPPORT_FATCHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can be wrong. A power cut may leave the first few. */
enum {
    FATCHECK_LOST = 0x001,      /* clusters in use that nothing leads to */
    FATCHECK_LONG = 0x002,      /* a chain is longer than its file */
    FATCHECK_COPIES = 0x004,    /* the FATs differ */
    FATCHECK_FREE = 0x008,      /* FSInfo counts other free clusters */
    FATCHECK_DIRTY = 0x010,     /* marked as in use */
    FATCHECK_TWINS = 0x020,     /* one file under two names */
    FATCHECK_DOTDOT = 0x040,    /* ".." is another directory than the parent */
    FATCHECK_ORPHAN = 0x080,    /* parts of a long name without their file */
    FATCHECK_BAD = 0x100,       /* anything else */
};

struct fatcheck_entry {
    size_t name;                /* UTF-8, terminated, at this byte of `text` */
    size_t parent;              /* the directory's index; 0 for the root */
    size_t twin;                /* the entry that has the same chain, or 0 */
    size_t chain, chain_count;  /* its clusters, in `clusters` */
    uint64_t at;                /* of the short entry, byte of the image */
    uint32_t first, size;
    uint32_t dotdot;            /* a directory's ".." */
    uint16_t date, time;        /* of the last change, as on the volume */
    uint8_t attr;
    uint8_t raw_name[11];
    bool is_dir;
};

struct fatcheck {
    unsigned faults;            /* FATCHECK_..., or-ed */
    char said[400];             /* the first fault, the worst kind first */
    unsigned said_kind;

    unsigned bits;              /* 12, 16, 32 */
    uint32_t cluster_size;      /* bytes */
    uint32_t cluster_count, free_count;
    uint64_t data_at;           /* where cluster 2 is */

    /* The root is number 0; a directory comes before what it holds. */
    struct fatcheck_entry *entries;
    size_t count;
    char *text;

    /* Its own. */
    const uint8_t *image;
    uint64_t size;
    size_t entries_room, text_len, text_room;
    uint32_t *clusters, *owners;
    size_t cluster_len, cluster_room, owner_room;
    uint32_t root_cluster, root_slots;
    uint64_t fat_at, root_at;
    uint32_t fat_bytes, fat_total;
    uint16_t fsinfo_sector, sector_size;
};

/* Look at the SIZE bytes at IMAGE, which stay in use until the next call. A
   struct of zeros is ready for the first one. Returns the faults. */
unsigned fatcheck_run(struct fatcheck *check, const uint8_t *image,
                      uint64_t size);
void fatcheck_free(struct fatcheck *check);

static inline const char *fatcheck_name(const struct fatcheck *check,
                                        const struct fatcheck_entry *entry)
{
    return check->text + entry->name;
}

/* Copy LEN bytes at OFFSET of a file. False if its chain ends before that. */
bool fatcheck_read(const struct fatcheck *check,
                   const struct fatcheck_entry *entry, void *buf, size_t len,
                   uint64_t offset);

/* The path of an entry, for a message, in static storage. */
const char *fatcheck_path(const struct fatcheck *check,
                          const struct fatcheck_entry *entry);

/* The FAT's entry for CLUSTER. */
uint32_t fatcheck_fat(const struct fatcheck *check, uint32_t cluster);

#endif /* SUPPORT_FATCHECK_H */
