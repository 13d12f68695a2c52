/*
 * attrs.h - records, attributes and streams in memory
 *
 * A stream is an attribute as a whole; an attribute is in a record, or in
 * pieces in several; and where a stream's clusters are, its runs say. For
 * units, names and errors see ntfs.h, which includes this.
 */
#ifndef NTFS_ATTRS_H
#define NTFS_ATTRS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk.h"

#define NTFS_HOLE UINT64_MAX            /* LCN of a run that is nowhere */

struct ntfs_room;
struct ntfs_volume;
struct span;

/* ---------------------------------------------------------- runlist.c */

/* Clusters of a stream that lie in a row. */
struct ntfs_run {
    uint64_t vcn;
    uint64_t lcn;               /* or NTFS_HOLE */
    uint64_t count;             /* clusters, at least 1 */
};

/* All of a stream's, by VCN, from 0 on and without gaps. */
struct ntfs_runs {
    struct ntfs_run *list;
    size_t count, room;
    uint64_t end;               /* VCN after the last; 0: none */
};

/* A run as it is on disk. */
struct ntfs_pair {
    uint64_t count;
    uint64_t lcn;               /* or NTFS_HOLE */
};

/*
 * Take the next pair from *BYTES; *LCN is that of the run before, 0 to begin
 * with. Returns 1; 0 at the end; -1, and which rule is broken, if that is so.
 * Neither number is bounded yet.
 */
int ntfs_pair_take(struct span *bytes, uint64_t *lcn, struct ntfs_pair *out,
                   const char **wrong);

void ntfs_runs_free(struct ntfs_volume *vol, struct ntfs_runs *runs);

/*
 * Add what the LEN bytes of mapping pairs at BYTES say, for VCNs from
 * runs->end to LAST_VCN. AT and INO are for reports.
 */
int ntfs_runs_decode(struct ntfs_volume *vol, struct ntfs_runs *runs,
                     const uint8_t *bytes, size_t len, uint64_t last_vcn,
                     uint64_t at, uint64_t ino);

/* The run that VCN, below runs->end, is in. */
const struct ntfs_run *ntfs_runs_find(const struct ntfs_runs *runs,
                                      uint64_t vcn);

/* ------------------------------------------------------------- read.c */

/* The run that OFFSET of RUNS is in, or NULL. *AT is the byte of the volume,
   SHALE_NOWHERE in a hole, and *LEFT how many follow each other there. */
const struct ntfs_run *ntfs_runs_at(const struct ntfs_volume *vol,
                                    const struct ntfs_runs *runs,
                                    uint64_t offset, uint64_t *at,
                                    uint64_t *left);

/* That byte alone; SHALE_NOWHERE too where there are no runs. */
uint64_t ntfs_runs_place(const struct ntfs_volume *vol,
                         const struct ntfs_runs *runs, uint64_t offset);

#define NTFS_READ_PAST  1u      /* past the buffer cache, and untold if that
                                   fails: for much that is needed once */
#define NTFS_READ_ALONE 2u      /* what lies behind it is not wanted too */
#define NTFS_READ_WHOLE 4u      /* a hole is SHALE_ENODATA, and not zeros */

/* Read LEN bytes at OFFSET of RUNS. SHALE_ENODATA where these end before. */
int ntfs_runs_read(struct ntfs_volume *vol, const struct ntfs_runs *runs,
                   uint64_t offset, void *buf, size_t len, unsigned flags);

/* ----------------------------------------------------------- record.c */

/* A record of the MFT in memory, its fixups undone and its head checked. */
struct ntfs_record {
    uint64_t number;
    uint64_t at;                /* where its first byte is */
    uint16_t sequence, flags;   /* NTFS_RECORD_... */
    uint64_t base;              /* reference; 0: this is no extension */
    uint32_t attrs, used;       /* offset of the first attribute, and the end */
    uint8_t *bytes;             /* record_size of them, right behind the room */
    struct ntfs_room *room;     /* right behind this */
};

/*
 * Undo the fixups of the SIZE bytes of a block whose head should have MAGIC.
 * Returns NULL, or which rule it breaks.
 */
const char *ntfs_fixup(uint8_t *bytes, uint32_t size, const char *magic);

/*
 * Read record NUMBER, in use or not: look at the flags. SHALE_ESTALE if there
 * is none of that number, or it has never been used ("FILE" is not there, all
 * zeros). The caller's, until put.
 */
int ntfs_record_get(struct ntfs_volume *vol, uint64_t number,
                    struct ntfs_record **out);
void ntfs_record_put(struct ntfs_volume *vol, struct ntfs_record *record);

/* As ntfs_record_get(), of what a reference means: SHALE_ESTALE too if it is
   not in use, or is by another now; or is an extension. */
int ntfs_record_by_reference(struct ntfs_volume *vol, uint64_t reference,
                             struct ntfs_record **out);

/* ------------------------------------------------------------- attr.c */

/* A piece of an attribute, in a record; points into that. */
struct ntfs_attr {
    uint32_t type;              /* enum ntfs_type */
    uint16_t flags;             /* NTFS_ATTR_... */
    uint16_t id;
    const uint8_t *name;        /* le16 units */
    uint8_t name_length;
    bool resident;
    const uint8_t *value;       /* resident */
    uint32_t value_length;
    uint64_t first_vcn, last_vcn;       /* not resident: this piece */
    const uint8_t *pairs;
    uint32_t pairs_length;
    uint16_t unit_shift;        /* the first piece has these */
    uint64_t allocated, size, initialized, compressed;
    const struct ntfs_record *record;   /* where it is */
    uint64_t at;                /* byte of the volume, about */
};

/*
 * The attribute of RECORD at byte *OFFSET (record->attrs to begin with), which
 * moves past it. Returns 1, or 0 at the end.
 */
int ntfs_attr_next(struct ntfs_volume *vol, const struct ntfs_record *record,
                   uint32_t *offset, struct ntfs_attr *out);

/* Does ATTR have that type and, unit for unit, that name (LEN units; 0: no
   name)? */
bool ntfs_attr_is(const struct ntfs_attr *attr, uint32_t type,
                  const uint16_t *name, size_t len);

/* --------------------------------------------------------- attrlist.c */

/* An entry of an $ATTRIBUTE_LIST, decoded. */
struct ntfs_list_entry {
    uint32_t type;
    uint16_t id;
    uint64_t first_vcn, record;
    const uint8_t *name;        /* le16 units */
    uint8_t name_length;
};

/*
 * A walk over all attributes of a file, wherever they are: those of the base
 * record, or what its $ATTRIBUTE_LIST names, in that order (pieces of one
 * attribute in the order of their VCNs).
 */
struct ntfs_walk {
    struct ntfs_volume *vol;
    const struct ntfs_record *base;     /* the caller's */
    uint32_t only;              /* 0, or which type the caller wants, who saves
                                   what the others would cost */
    struct ntfs_record *extension;      /* the walk's own; or NULL */
    uint8_t *list;              /* the attribute list; NULL: there is none */
    uint32_t list_length;
    uint64_t list_at;           /* where it is, or begins to say so */
    uint32_t offset;            /* in the list, or in base: there 0 is past the
                                   end */
    struct ntfs_list_entry entry;       /* where the walk is, if by a list */
    struct ntfs_attr attr;      /* ... and the attribute there */
};

/* WALK is base->room->walk, of which there is one, or the caller's. */
int ntfs_walk_begin(struct ntfs_volume *vol, const struct ntfs_record *base,
                    uint32_t only, struct ntfs_walk *walk);
/* Returns 1, with walk->attr valid until the next call, or 0 at the end. After
   an error the walk may go on, past what could not be read. */
int ntfs_walk_next(struct ntfs_walk *walk);
void ntfs_walk_end(struct ntfs_walk *walk);

/* ----------------------------------------------------------- stream.c */

/* An attribute as a whole. */
struct ntfs_stream {
    uint64_t ino;               /* whose, for reports */
    uint64_t at;                /* where it begins to be described, likewise */
    uint32_t type;
    uint16_t flags;             /* NTFS_ATTR_... */
    bool resident;
    uint8_t *value;             /* resident: size bytes, the stream's own */
    uint64_t size, initialized, allocated;
    uint64_t taken;             /* bytes that it takes of the volume */
    uint32_t unit_shift;        /* clusters of a compression unit, log 2 */
    struct ntfs_runs runs;
};

/*
 * Begin *STREAM with ATTR, its first piece, or go on with ATTR, the next one.
 * Pieces follow each other without gaps; the runs reach the size at the end.
 * Where it cannot be begun there is nothing to close.
 */
int ntfs_stream_begin(struct ntfs_volume *vol, struct ntfs_stream *stream,
                      const struct ntfs_attr *attr);
int ntfs_stream_add(struct ntfs_volume *vol, struct ntfs_stream *stream,
                    const struct ntfs_attr *attr);
int ntfs_stream_end(struct ntfs_volume *vol, struct ntfs_stream *stream);

/* Open the attribute of BASE's file of that type and name. Returns 1, or 0 if
   it has none. */
int ntfs_stream_open(struct ntfs_volume *vol, const struct ntfs_record *base,
                     uint32_t type, const uint16_t *name, size_t len,
                     struct ntfs_stream *out);
void ntfs_stream_close(struct ntfs_volume *vol, struct ntfs_stream *stream);

/*
 * Read LEN bytes at OFFSET, all below the size, of a stream that is plain,
 * through the buffer cache: metadata.
 */
int ntfs_stream_read(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                     uint64_t offset, void *buf, size_t len);

/* The same past the buffer cache: for much that is needed once. */
int ntfs_stream_fetch(struct ntfs_volume *vol, const struct ntfs_stream *stream,
                      uint64_t offset, void *buf, size_t len);

/* Is STREAM stored as it is: neither compressed nor encrypted? */
bool ntfs_stream_is_plain(const struct ntfs_stream *stream);

/* A small attribute's value, whole and in memory. */
struct ntfs_value {
    uint8_t *bytes;             /* or NULL */
    size_t length;
    uint64_t at;                /* about where it is, for reports */
};

/*
 * The value of BASE's attribute of that type and name, the caller's until put.
 * It is to be of at most MAX bytes, stored as it is, all of it: else
 * SHALE_ECORRUPT. Returns 1, or 0 if there is none.
 */
int ntfs_value_get(struct ntfs_volume *vol, const struct ntfs_record *base,
                   uint32_t type, const uint16_t *name, size_t len, size_t max,
                   struct ntfs_value *out);
/* The same of STREAM, which is closed, whatever this returns. */
int ntfs_value_take(struct ntfs_volume *vol, struct ntfs_stream *stream,
                    size_t max, struct ntfs_value *out);
void ntfs_value_put(struct ntfs_volume *vol, struct ntfs_value *value);

#endif /* NTFS_ATTRS_H */
