/*
 * table.h - what partition.c and gpt.c share while they read one table
 */
#ifndef BLOCK_TABLE_H
#define BLOCK_TABLE_H

#include <stdint.h>

#include "shale/bdev.h"
#include "shale/log.h"
#include "shale/partition.h"

/* Bytes of the one sector that reading a table allocates: the largest kind. */
#define TABLE_SECTOR_MAX 4096u

/* An extended partition's chain is followed for at most this many links. */
#define TABLE_LINKS_MAX 256u

union table_scratch {
    uint8_t sector[TABLE_SECTOR_MAX];
    struct {
        uint8_t sector[512];            /* one link's */
        uint32_t seen[TABLE_LINKS_MAX]; /* where the links so far were */
    } chain;
};

/* A table being read. */
struct table {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    struct shale_log *log;      /* or NULL */
    struct shale_table_info *info;
    int (*emit)(void *context, const struct shale_partition *partition);
    void *context;
    union table_scratch *scratch;
};

/* Tell the log, at WARNING. DETAIL may be NULL; AT is a byte on the device. */
void table_warn(const struct table *table, const char *what,
                const char *detail, uint64_t at);

/* As above at ERROR, for what fails the call with ERR, which is returned. */
int table_error(const struct table *table, int err, const char *what,
                const char *detail, uint64_t at);

/*
 * Give PARTITION to the sink; its nonzero answer is returned. Warns if it runs
 * past the end of the device: the image may be cut short.
 */
int table_emit(const struct table *table,
               const struct shale_partition *partition);

/* Read the GPT of a device whose sector 0 announces one. */
int gpt_partitions(struct table *table);

#endif /* BLOCK_TABLE_H */
