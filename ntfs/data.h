/*
 * data.h - what the files on a file's data call on each other
 *
 *     map.c        where it is; sees which of the others knows
 *     compress.c   ... in compression units: lznt1.c
 *     wof.c        ... packed by WOF: xpress.c, lzx.c
 *     efs.c        ... encrypted
 */
#ifndef NTFS_DATA_H
#define NTFS_DATA_H

#include "ntfs.h"

/* -------------------------------------------------------------- map.c */

/* Decide on VN's layout, when all else is known of it. */
void ntfs_layout_set(struct ntfs_vnode *vn);

/* map() and decode() of STREAM as such, whatever its file's reparse point is.
   They keep no chunks: of a compression unit an extent is all. */
int ntfs_stream_map(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                    uint64_t offset, uint64_t len, struct shale_extent *out);
int ntfs_stream_decode(struct ntfs_volume *vol,
                       const struct ntfs_stream *stream,
                       const struct shale_extent *extent, void *buf);

/*
 * The clusters at OFFSET of STREAM, as they are. From VALID on they are
 * allocated, but nothing has been written there.
 */
int ntfs_clusters_map(struct ntfs_volume *vol,
                      const struct ntfs_stream *stream, uint64_t offset,
                      uint64_t valid, struct shale_extent *out);

/* The byte of the volume that is OFFSET of STREAM; in a hole, or of a resident
   one, where the stream is described. */
uint64_t ntfs_data_place(const struct ntfs_volume *vol,
                         const struct ntfs_stream *stream, uint64_t offset);

/*
 * Read LEN bytes at OFFSET, as they are in STREAM, from the device: data. None
 * of them is in a hole, else SHALE_ECORRUPT.
 */
int ntfs_data_read(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                   uint64_t offset, void *buf, size_t len);

/* --------------------------------------------------------- compress.c */

/* Is STREAM, not resident, made of compression units? */
bool ntfs_units_used(const struct ntfs_stream *stream);

/* Of which units of a stream, made for it, somebody has had a part lately. */
struct ntfs_lately {
    uint32_t count;
    uint32_t slots[];           /* by a unit's number; atomic; zero at first */
};
#define NTFS_LATELY_MAX 64u     /* slots: as many units of the usual size as the
                                   core keeps */

int ntfs_lately_create(struct ntfs_volume *vol,
                       const struct ntfs_stream *stream,
                       struct ntfs_lately **out);
void ntfs_lately_free(struct ntfs_volume *vol, struct ntfs_lately *lately);

/* As map() and decode() of STREAM. LATELY may be NULL: then whole units are
   unpacked, whatever is asked for. */
int ntfs_unit_map(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                  const struct ntfs_lately *lately, uint64_t offset,
                  uint64_t len, struct shale_extent *out);
int ntfs_unit_decode(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     struct ntfs_lately *lately,
                     const struct shale_extent *extent, void *buf);

/* ------------------------------------------------------- node.c, efs.c */

/* The name of the stream in which WOF has packed data. */
#define NTFS_WOF_NAME_UNITS 17u
extern const uint16_t ntfs_wof_name[NTFS_WOF_NAME_UNITS];

/* What a file whose encrypted data has SIZE bytes is shown to have; STREAM,
   which is that, so mapped; and the two bytes behind it. */
uint64_t ntfs_efs_size(const struct ntfs_volume *vol, uint64_t size);
int ntfs_efs_map(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                 uint64_t offset, struct shale_extent *out);
void ntfs_efs_decode(const struct ntfs_volume *vol,
                     const struct ntfs_stream *stream, void *buf);

/* ------------------------------------------- lznt1.c xpress.c lzx.c */

/*
 * Decode the IN_LEN bytes at IN to the OUT_LEN bytes at OUT. Returns NULL, or
 * which rule the input breaks; *AT is then the byte of it. A unit of LZNT1 may
 * make more than OUT_LEN bytes; of these the first NEED have to be there: it
 * may end after them, and the rest is zeros.
 */
const char *ntfs_lznt1_decode(const uint8_t *in, size_t in_len, uint8_t *out,
                              size_t out_len, size_t need, size_t *at);
/* Where in a unit of LZNT1 the chunk is that makes the 4096 bytes of that
   NUMBER, or the end, if it has not so many: *AT. Returns as the above. */
#define NTFS_LZNT1_CHUNK 4096u
const char *ntfs_lznt1_find(const uint8_t *in, size_t in_len, size_t number,
                            size_t *at);
/* These need memory for tables, the caller's, aligned as by shale_alloc(). */
#define NTFS_XPRESS_SCRATCH 8192u
#define NTFS_LZX_SCRATCH    16384u
const char *ntfs_xpress_decode(const uint8_t *in, size_t in_len, uint8_t *out,
                               size_t out_len, void *scratch, size_t *at);
const char *ntfs_lzx_decode(const uint8_t *in, size_t in_len, uint8_t *out,
                            size_t out_len, void *scratch, size_t *at);

#endif /* NTFS_DATA_H */
