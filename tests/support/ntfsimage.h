/*
 * ntfsimage.h - NTFS volumes put together by hand, in memory
 *
 * For what mkntfs does not make: any sizes, and any damage. A test says what
 * each record of the MFT holds; ntfsimage_finish() writes the records where
 * they belong, with fixups, and the bitmaps. Until then records are plain: they
 * can be changed at will, and written again by another finish.
 *
 *     struct ntfsimage image;
 *     uint64_t file;
 *
 *     ntfsimage_init(&image, NULL);
 *     file = ntfsimage_file(&image, NTFS_ROOT, "file");
 *     ntfsimage_resident(&image, file, NTFS_DATA, NULL, "abc", 3);
 *     ntfsimage_finish(&image);
 *     err = ntfsimage_mount(&image, NULL);
 *     ...
 *     leaked = ntfsimage_close(&image);
 *
 * Names are ASCII; NULL is none. What does not fit ends the program.
 */
#ifndef SUPPORT_NTFSIMAGE_H
#define SUPPORT_NTFSIMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ntfs/ntfs.h"
#include "volume.h"

#define NTFSIMAGE_HOLE UINT64_MAX

struct ntfsimage_run {
    uint64_t lcn, count;        /* LCN may be NTFSIMAGE_HOLE */
};

/* Sizes in bytes, but for counts. 0 is what is usual. */
struct ntfsimage_shape {
    uint32_t sector, cluster, record, index;
    uint32_t clusters;          /* of the volume */
    uint32_t records;           /* of the MFT */
    uint8_t major, minor;       /* version; 0.0: 3.1 */
    const struct ntfsimage_run *mft;    /* where the MFT is; NULL: in one */
    size_t mft_count;           /* run of the writer's choice */
};

struct ntfsimage {
    struct ntfsimage_shape shape;       /* completed */
    uint8_t *bytes;             /* the device, boot sector's copy included */
    size_t size;
    uint8_t *records;           /* shape.records of them, plain */
    uint8_t *used;              /* a byte for each cluster */
    struct ntfsimage_run mft_run;       /* shape.mft, if it was NULL */
    uint64_t mirror_lcn, bitmap_lcn, next_lcn;
    uint64_t next_record;
    struct volume v;
    bool open;                  /* v is to be closed */
};

/* ---------------------------------------------------------- the volume */

/* A volume with an empty root. SHAPE may be NULL. */
void ntfsimage_init(struct ntfsimage *image,
                    const struct ntfsimage_shape *shape);

/* Write everything to image->bytes. */
void ntfsimage_finish(struct ntfsimage *image);

/* Mount what image->bytes holds; or only a device of the first SIZE bytes. */
int ntfsimage_mount(struct ntfsimage *image, const char *options);
int ntfsimage_mount_part(struct ntfsimage *image, size_t size,
                         const char *options);
struct ntfs_volume *ntfsimage_volume(struct ntfsimage *image);

/* Unmount; returns the bytes that are not freed. The image stays. */
size_t ntfsimage_unmount(struct ntfsimage *image);

/* The same, and free all. */
size_t ntfsimage_close(struct ntfsimage *image);

/* ------------------------------------------------------------- helpers */

/* End the program unless it is GOOD. */
void ntfsimage_need(bool good, const char *what);

static inline size_t ntfsimage_align(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* How many clusters hold so many bytes. */
uint64_t ntfsimage_clusters(const struct ntfsimage *image, uint64_t bytes);

/* ------------------------------------------------------------ clusters */

/* Take COUNT clusters in a row. */
uint64_t ntfsimage_alloc(struct ntfsimage *image, uint64_t count);
uint8_t *ntfsimage_cluster(struct ntfsimage *image, uint64_t lcn);

/* ------------------------------------------------------------- records */

/* The plain bytes of a record, and where finish() writes the first of them. */
uint8_t *ntfsimage_record(struct ntfsimage *image, uint64_t number);
uint64_t ntfsimage_place(const struct ntfsimage *image, uint64_t number);

/* Make record NUMBER one in use, without attributes, of FLAGS besides. */
void ntfsimage_begin(struct ntfsimage *image, uint64_t number, unsigned flags);

/* The reference to it. */
uint64_t ntfsimage_reference(struct ntfsimage *image, uint64_t number);

/* A new file or directory, with standard information, entered in PARENT: its
   number. An extension record of BASE. */
uint64_t ntfsimage_file(struct ntfsimage *image, uint64_t parent,
                        const char *name);
uint64_t ntfsimage_dir(struct ntfsimage *image, uint64_t parent,
                       const char *name);
uint64_t ntfsimage_extension(struct ntfsimage *image, uint64_t base);

/* Put fixups into SIZE bytes of a block whose head says where. */
void ntfsimage_fix(uint8_t *bytes, uint32_t size);

/* ---------------------------------------------------------- attributes */

/*
 * Add an attribute to record NUMBER, behind those of its type and below. What
 * is returned is its head, to be changed if a test wants to.
 */
uint8_t *ntfsimage_resident(struct ntfsimage *image, uint64_t number,
                            uint32_t type, const char *name,
                            const void *value, size_t len);

struct ntfsimage_piece {
    uint32_t type;
    const char *name;
    uint16_t flags, unit_shift;
    uint64_t first_vcn;         /* of this piece */
    const struct ntfsimage_run *runs;
    size_t count;
    uint64_t size;              /* bytes; with first_vcn 0 only */
    uint64_t unwritten;         /* ... of which so many, at the end, are not */
    uint64_t allocated;         /* 0: by the runs, holes included */
    uint64_t compressed;        /* 0: by the runs, without; if unit_shift */
};

uint8_t *ntfsimage_runs(struct ntfsimage *image, uint64_t number,
                        const struct ntfsimage_piece *piece);

/* LEN bytes in clusters of their own, in one run: the first cluster. */
uint64_t ntfsimage_data(struct ntfsimage *image, uint64_t number,
                        uint32_t type, const char *name, const void *bytes,
                        size_t len);

/* Find one; NULL if it is not there. Take it out. */
uint8_t *ntfsimage_find(struct ntfsimage *image, uint64_t number,
                        uint32_t type, const char *name);
void ntfsimage_remove(struct ntfsimage *image, uint64_t number, uint32_t type,
                      const char *name);

/* Encode RUNS as mapping pairs, ended by a 0. Returns their length. */
size_t ntfsimage_pairs(uint8_t *to, const struct ntfsimage_run *runs,
                       size_t count);

/*
 * The attribute list of a file whose base record is RECORDS[0], the others its
 * extensions, as they are now: its length. TO has room for 64 KiB, or is NULL
 * and the list is added to the base record, resident.
 */
size_t ntfsimage_list(struct ntfsimage *image, const uint64_t *records,
                      size_t count, uint8_t *to);

/* ------------------------------------------------------------- indexes */

/* The value of $FILE_NAME: returns its length. */
size_t ntfsimage_key(struct ntfsimage *image, uint8_t *to, uint64_t parent,
                     const char *name, unsigned space);

/* An index entry; CHILD is the VCN below it, or -1. The last one of a node. */
size_t ntfsimage_entry(uint8_t *to, uint64_t reference, const void *key,
                       size_t key_len, int64_t child);
size_t ntfsimage_last(uint8_t *to, int64_t child);

/* The root of an index called NAME, with LEN bytes of entries. */
uint8_t *ntfsimage_root(struct ntfsimage *image, uint64_t number,
                        const char *name, uint32_t type, uint32_t collation,
                        const void *entries, size_t len, bool has_children);

/* An index block, fixups included, at TO. */
void ntfsimage_block(struct ntfsimage *image, uint8_t *to, uint64_t vcn,
                     const void *entries, size_t len, bool has_children);

/* Give NUMBER the NAME in DIR, both as an attribute and in the index's root,
   which must have no children. */
void ntfsimage_enter(struct ntfsimage *image, uint64_t dir, uint64_t number,
                     const char *name, unsigned space);

#endif /* SUPPORT_NTFSIMAGE_H */
