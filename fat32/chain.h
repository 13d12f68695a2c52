/*
 * chain.h - the file allocation table, and the chains of clusters that it has
 */
#ifndef FAT32_CHAIN_H
#define FAT32_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fat.h"

/* ------------------------------------------------------------ table.c */

/* Values of FAT entries, whatever their width. The rest are clusters. */
#define FAT_FREE 0u
#define FAT_BAD  0x0ffffff7u
#define FAT_END  0x0fffffffu

/* The sector at which FAT number COPY begins. */
static inline uint32_t fat_table_sector(const struct fat_volume *vol,
                                        uint32_t copy)
{
    return vol->boot.reserved + copy * vol->boot.fat_sectors;
}

/* Keeps the block last looked at pinned; zero one to begin with. */
struct fat_cursor {
    struct shale_buf *buf;
    const uint8_t *bytes;       /* in it, of a FAT: ... */
    uint32_t from, count;       /* ... which of that, and how many */
};

void fat_cursor_put(struct fat_cursor *cursor);

/*
 * The entry of CLUSTER (0 and 1 too): FAT_FREE, FAT_BAD, FAT_END, or a number
 * that is a cluster if fat_is_cluster(). From another FAT if the first cannot
 * be read.
 */
int fat_table_get(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out);

/* The same, but the bits as they are: for entries 0 and 1. */
int fat_table_raw(struct fat_volume *vol, struct fat_cursor *cursor,
                  uint32_t cluster, uint32_t *out);

/* The byte of a FAT at which the entry of CLUSTER begins. */
static inline uint32_t fat_table_byte(const struct fat_volume *vol,
                                      uint32_t cluster)
{
    return cluster * (vol->boot.bits / 4) / 2;
}

/*
 * The entry of CLUSTER whose bytes begin at RAW, as they are: two bytes of
 * FAT12 and FAT16, four of FAT32; and what VALUE means, see above.
 */
uint32_t fat_table_decode(const struct fat_volume *vol, uint32_t cluster,
                          const uint8_t *raw);
uint32_t fat_table_meaning(const struct fat_volume *vol, uint32_t value);

/* Where on the device that is, in the FAT being read. */
uint64_t fat_table_at(const struct fat_volume *vol, uint32_t cluster);

/* The mark in entry 1 that all was written; FAT12 has no room for marks. */
static inline uint32_t fat_table_clean_bit(const struct fat_volume *vol)
{
    return vol->boot.bits == 16 ? 0x8000u : 0x08000000u;
}

/* Is that entry, of FAT12, in two atoms, so that it changes in two parts? */
bool fat_table_straddles(const struct fat_volume *vol, uint32_t cluster);

/*
 * Stores how many of the COUNT clusters from FIRST on are free, and clears
 * their bits in BITS, unless that is NULL: bit 0 is FIRST's. Clusters of FAT12
 * whose entries are in two sectors do not count: they are not used, see
 * space.c.
 */
int fat_table_free(struct fat_volume *vol, uint32_t first, uint32_t count,
                   uint32_t *bits, uint32_t *out);

/* ------------------------------------------------------------ chain.c */

/* Clusters of a file that lie in a row. */
struct fat_run {
    uint32_t index;             /* which of the file's the first one is */
    uint32_t cluster;
    uint32_t count;
};

#define FAT_UNKNOWN 0xffffffffu
#define FAT_CHAIN_INLINE 2u
#define FAT_CHAIN_PARTS 20u

/* A file's chain of clusters, and what is known of it; see chain.c. */
struct fat_chain {
    uint64_t ino;               /* whose, for reports */
    uint32_t first;             /* cluster; 0: there is none */
    uint32_t length;            /* clusters, or FAT_UNKNOWN; atomic. Once known
                                   it counts, whatever the FAT says */
    uint32_t last;              /* the last of them; published by length */

    uint32_t run_count;         /* atomic */
    uint32_t loop_mark;         /* a cluster of it, to be met in a loop */
    uint32_t loop_index;        /* ... that is number so much; or FAT_UNKNOWN */
    uint32_t busy;              /* somebody is adding runs; atomic */
    struct fat_run near[FAT_CHAIN_INLINE];
    struct fat_run *far[FAT_CHAIN_PARTS];
};

/* CHAIN is file INO's, from FIRST on (0: none); no more is known yet. */
void fat_chain_init(struct fat_chain *chain, uint64_t ino, uint32_t first);

/* Release its memory. */
void fat_chain_fini(struct fat_volume *vol, struct fat_chain *chain);

/* As fini and init. */
void fat_chain_reset(struct fat_volume *vol, struct fat_chain *chain,
                     uint32_t first);

/*
 * The run that begins with cluster INDEX of the file; of at least 1 cluster
 * and, if that costs nothing, of more than WANT. Returns 1, or 0 if the chain
 * ends before.
 */
int fat_chain_find(struct fat_volume *vol, struct fat_chain *chain,
                   uint32_t index, uint32_t want, struct fat_run *out);

/* Walk CHAIN to its end: length and last are known then. */
int fat_chain_measure(struct fat_volume *vol, struct fat_chain *chain);

/*
 * Note that the COUNT clusters from CLUSTER on follow CHAIN, whose length is
 * known. In memory only, and never fails; its undo is a cut.
 */
void fat_chain_append(struct fat_volume *vol, struct fat_chain *chain,
                      uint32_t cluster, uint32_t count);

/*
 * Note that CHAIN has LENGTH clusters, no more than before, from now on, of
 * which the last is LAST (0 and 0: none, and first is 0 then). In memory only;
 * its undo is an append, or a reset.
 */
void fat_chain_cut(struct fat_volume *vol, struct fat_chain *chain,
                   uint32_t length, uint32_t last);

#endif /* FAT32_CHAIN_H */
