/*
 * budget.h - what a mount keeps of a volume in memory if nobody says how much
 */
#ifndef SHALE_FUSE_BUDGET_H
#define SHALE_FUSE_BUDGET_H

#include <stddef.h>

/* Metadata, bytes: of a volume that is read; of one that is written to. */
#define BUDGET_METADATA ((size_t)8 << 20)
#define BUDGET_METADATA_WRITABLE ((size_t)16 << 20)

/* Vnodes of one that is written to. Else as many as the core has by itself. */
#define BUDGET_VNODES_WRITABLE ((size_t)8192)

/* All together, bytes. */
#define BUDGET_DEFAULT ((size_t)256 << 20)

#endif /* SHALE_FUSE_BUDGET_H */
