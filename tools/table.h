/*
 * table.h - a disk's partition table, read into memory, for `shale info`
 */
#ifndef SHALE_TOOLS_TABLE_H
#define SHALE_TOOLS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "shale/host.h"

/* Content as text; long enough for libblkid's names. */
#define TABLE_CONTENT_MAX 64

struct table_row {
    struct shale_partition part;
    bool known;                 /* a driver knows what is in it */
    char content[TABLE_CONTENT_MAX];    /* "ext2", a guess, or "" */
};

struct table {
    struct shale_table_info info;
    struct table_row *rows;
    size_t count;
    size_t known;               /* rows that a driver knows */
};

/* Read the table of IMAGE's file. 0 or an error; table_free() it anyway. */
int table_load(struct shale_image *image, struct table *table);
void table_free(struct table *table);

/*
 * What is at START of the image, SIZE bytes: a driver's name, a guess, or "".
 * True if a driver knows it.
 */
bool table_content(struct shale_image *image, uint64_t start, uint64_t size,
                   char out[TABLE_CONTENT_MAX]);

/* "mbr" or "gpt". */
const char *table_kind(enum shale_table kind);

/* The partition's type, "Linux"; or NULL if the number is not a common one. */
const char *table_type_name(const struct table *table,
                            const struct shale_partition *part);

/* Its type as on disk, "0x83" or a GUID. */
#define TABLE_GUID_MAX 37
void table_type_code(const struct table *table,
                     const struct shale_partition *part,
                     char out[TABLE_GUID_MAX]);

/* "0fc63daf-8483-4772-8e79-3d69d8477de4" */
void table_guid(const uint8_t guid[16], char out[TABLE_GUID_MAX]);

#endif /* SHALE_TOOLS_TABLE_H */
