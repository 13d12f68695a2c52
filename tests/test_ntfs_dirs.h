/*
 * test_ntfs_dirs.h - directories by hand: records of an MFT, and nodes
 *
 * What reads directories needs an MFT and clusters, but not the rest of a
 * volume: this lays both on a pretended one. The MFT begins at DIRS_MFT, what
 * is behind it is the test's.
 */
#ifndef TEST_NTFS_DIRS_H
#define TEST_NTFS_DIRS_H

#include "ntfs/index.h"
#include "test_ntfs_pretend.h"

#define DIRS_RECORD 1024u
#define DIRS_RECORDS 512u
#define DIRS_BLOCK 4096u
#define DIRS_INO 40u            /* of the directory at hand */
#define DIRS_SEQUENCE 7u
#define DIRS_BYTES ((uint64_t)DIRS_RECORDS * DIRS_RECORD)

struct dirs {
    struct pretend p;
    struct ntfs_run run;        /* of the MFT */
    struct ntfs_runs runs;
    struct ntfs_volume *vol;
    struct ntfs_vnode dir;
    uint64_t lcn;               /* first cluster behind the MFT */
};

static inline uint64_t dirs_reference(uint64_t number, unsigned sequence)
{
    return number | (uint64_t)sequence << 48;
}

/* A volume of clusters of 2^SHIFT bytes, as many as make BYTES behind the
   MFT. */
static inline void dirs_open(struct dirs *d, unsigned shift, uint64_t bytes)
{
    struct shale_slab_config slab = {
        .name = "record", .size = NTFS_RECORD_HEAD + DIRS_RECORD,
    };

    memset(d, 0, sizeof *d);
    d->lcn = 1 + (((uint64_t)DIRS_BYTES + (1u << shift) - 1) >> shift);
    pretend_open(&d->p, shift, d->lcn + ((bytes + (1u << shift) - 1) >> shift));
    d->vol = &d->p.vol;
    d->vol->cached_end = d->vol->boot.size;
    d->vol->boot.record_size = DIRS_RECORD;
    d->vol->boot.record_shift = 10;
    d->vol->boot.mirror_lcn = NTFS_HOLE;
    d->vol->record_count = d->vol->valid_records = DIRS_RECORDS;
    d->run = (struct ntfs_run){ .lcn = 1, .count = d->lcn - 1 };
    d->runs = (struct ntfs_runs){
        .list = &d->run, .count = 1, .room = 1, .end = d->lcn - 1,
    };
    d->vol->mft_runs = &d->runs;
    d->vol->records = shale_slab_create(d->p.mem, &slab);
    ck_assert_ptr_nonnull(d->vol->records);
    memset(pretend_at(&d->p, 1), 0, DIRS_BYTES);
}

static inline void dirs_close(struct dirs *d)
{
    ntfs_index_free(d->vol, d->dir.index);
    d->vol->extras.recovery->recovery_fini(d->vol);
    ntfs_upcase_free(d->vol);
    ck_assert_uint_eq(shale_slab_destroy(d->vol->records), 0);
    pretend_close(&d->p);
}

/* What is on the device has changed. */
static inline void dirs_forget(struct dirs *d)
{
    shale_cache_forget(d->p.fs->cache, 0, d->vol->boot.size / 512);
}

/* Guard the SIZE bytes of a block, whose fixups are at OFFSET. */
static inline void dirs_fixup(uint8_t *bytes, size_t size, unsigned offset)
{
    struct ntfs_disk_multi *head = (struct ntfs_disk_multi *)bytes;
    size_t strides = size / NTFS_FIXUP_STRIDE;

    head->fixup_offset = le16_make((uint16_t)offset);
    head->fixup_count = le16_make((uint16_t)(strides + 1));
    bytes[offset] = 0x5a;
    bytes[offset + 1] = 0xa5;
    for (size_t i = 0; i < strides; i++) {
        uint8_t *end = bytes + (i + 1) * NTFS_FIXUP_STRIDE - 2;

        memcpy(bytes + offset + 2 * (i + 1), end, 2);
        memcpy(end, bytes + offset, 2);
    }
}

/* ------------------------------------------------------------- a record */

struct dirs_record {
    uint8_t *bytes;
    uint32_t used;
    uint16_t id;
};

static inline struct dirs_record record_begin(struct dirs *d, uint64_t number,
                                              unsigned sequence, unsigned flags)
{
    struct dirs_record r = {
        .bytes = pretend_at(&d->p, 1) + number * DIRS_RECORD, .used = 56,
    };
    struct ntfs_disk_record *raw = (struct ntfs_disk_record *)r.bytes;

    dirs_forget(d);
    memset(r.bytes, 0, DIRS_RECORD);
    memcpy(raw->multi.magic, "FILE", 4);
    raw->sequence = le16_make((uint16_t)sequence);
    raw->flags = le16_make((uint16_t)flags);
    raw->attrs_offset = le16_make(56);
    raw->allocated = le32_make(DIRS_RECORD);
    raw->number = le32_make((uint32_t)number);
    return r;
}

/* Begin an attribute, whose head has HEAD bytes and then its NAME. Returns
   where what comes behind that is. */
static inline uint8_t *attr_begin(struct dirs_record *r, unsigned type,
                                  const char *name, size_t head, size_t *offset)
{
    struct ntfs_disk_attr *raw = (struct ntfs_disk_attr *)(r->bytes + r->used);
    size_t len = strlen(name);

    raw->type = le32_make(type);
    raw->name_length = (uint8_t)len;
    raw->name_offset = le16_make((uint16_t)head);
    raw->id = le16_make(r->id++);
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)raw)[head + 2 * i] = (uint8_t)name[i];
    *offset = (head + 2 * len + 7) & ~(size_t)7;
    return (uint8_t *)raw + *offset;
}

static inline void attr_end(struct dirs_record *r, size_t length)
{
    struct ntfs_disk_attr *raw = (struct ntfs_disk_attr *)(r->bytes + r->used);

    length = (length + 7) & ~(size_t)7;
    raw->length = le32_make((uint32_t)length);
    r->used += (uint32_t)length;
    ck_assert_uint_le(r->used + 8, DIRS_RECORD);
}

static inline void record_value(struct dirs_record *r, unsigned type,
                                const char *name, const void *value, size_t len)
{
    struct ntfs_disk_resident *raw =
        (struct ntfs_disk_resident *)(r->bytes + r->used);
    size_t offset;
    uint8_t *to = attr_begin(r, type, name, sizeof *raw, &offset);

    memcpy(to, value, len);
    raw->value_length = le32_make((uint32_t)len);
    raw->value_offset = le16_make((uint16_t)offset);
    attr_end(r, offset + len);
}

/* An attribute of COUNT clusters from LCN on; LCN 0: a hole. */
static inline void record_run(struct dirs *d, struct dirs_record *r,
                              unsigned type, const char *name, uint64_t lcn,
                              uint64_t count, uint64_t size)
{
    struct ntfs_disk_non_resident *raw =
        (struct ntfs_disk_non_resident *)(r->bytes + r->used);
    size_t offset;
    uint8_t *to = attr_begin(r, type, name, 64, &offset);

    raw->head.non_resident = 1;
    raw->last_vcn = le64_make(count - 1);
    raw->runs_offset = le16_make((uint16_t)offset);
    raw->allocated = le64_make(count << d->vol->boot.cluster_shift);
    raw->size = raw->initialized = le64_make(size);
    *to++ = lcn ? 0x44 : 0x04;
    for (unsigned i = 0; i < 4; i++)
        *to++ = (uint8_t)(count >> 8 * i);
    for (unsigned i = 0; lcn && i < 4; i++)
        *to++ = (uint8_t)(lcn >> 8 * i);
    *to = 0;
    attr_end(r, offset + 10);
}

static inline void record_end(struct dirs_record *r)
{
    struct ntfs_disk_record *raw = (struct ntfs_disk_record *)r->bytes;

    memset(r->bytes + r->used, 0xff, 4);
    raw->used = le32_make(r->used + 8);
    dirs_fixup(r->bytes, DIRS_RECORD, 48);
}

/* ---------------------------------------------------------------- a name */

/* A $FILE_NAME in TO. Units of NAME are its bytes. Returns its length. */
static inline size_t name_make(uint8_t *to, uint64_t parent, const char *name,
                               unsigned space, uint32_t flags)
{
    struct ntfs_disk_name *raw = (struct ntfs_disk_name *)to;
    size_t len = strlen(name);

    memset(raw, 0, sizeof *raw);
    raw->parent = le64_make(parent);
    raw->flags = le32_make(flags);
    raw->length = (uint8_t)len;
    raw->space = (uint8_t)space;
    for (size_t i = 0; i < len; i++) {
        to[sizeof *raw + 2 * i] = (uint8_t)name[i];
        to[sizeof *raw + 2 * i + 1] = 0;
    }
    return sizeof *raw + 2 * len;
}

static inline void record_name(struct dirs_record *r, uint64_t parent,
                               const char *name, unsigned space, uint32_t flags)
{
    uint8_t value[600];

    record_value(r, NTFS_FILE_NAME, "", value,
                 name_make(value, parent, name, space, flags));
}

/* ---------------------------------------------------------------- a node */

struct dirs_node {
    uint8_t *bytes;             /* from its head on */
    uint32_t room, used;
    uint32_t last;              /* offset of the entry added last */
    bool children;
};

/* Begin a node in the ROOM bytes at BYTES; its entries begin at FIRST. */
static inline struct dirs_node node_begin(uint8_t *bytes, uint32_t room,
                                          uint32_t first)
{
    struct dirs_node n = { .bytes = bytes, .room = room, .used = first };

    ((struct ntfs_disk_node *)bytes)->entries_offset = le32_make(first);
    return n;
}

static inline struct ntfs_disk_entry *node_last(struct dirs_node *n)
{
    return (struct ntfs_disk_entry *)(n->bytes + n->last);
}

/* Add an entry with the LEN bytes of KEY. */
static inline void node_key(struct dirs_node *n, uint64_t reference,
                            const void *key, size_t len, uint64_t child,
                            unsigned flags)
{
    struct ntfs_disk_entry *raw =
        (struct ntfs_disk_entry *)(n->bytes + n->used);
    size_t length = (sizeof *raw + len + 7) & ~(size_t)7;

    if (child != NTFS_NO_CHILD) {
        length += 8;
        flags |= NTFS_ENTRY_HAS_CHILD;
        n->children = true;
    }
    ck_assert_uint_le(n->used + length, n->room);
    memset(raw, 0, length);
    raw->reference = le64_make(reference);
    raw->length = le16_make((uint16_t)length);
    raw->key_length = le16_make((uint16_t)len);
    raw->flags = le16_make((uint16_t)flags);
    memcpy(raw + 1, key, len);
    if (child != NTFS_NO_CHILD)
        *(le64 *)((uint8_t *)raw + length - 8) = le64_make(child);
    n->last = n->used;
    n->used += (uint32_t)length;
}

static inline void node_name(struct dirs_node *n, uint64_t reference,
                             const char *name, unsigned space, uint32_t flags,
                             uint64_t child)
{
    uint8_t key[600];
    size_t len = name_make(key, dirs_reference(DIRS_INO, DIRS_SEQUENCE), name,
                           space, flags);

    node_key(n, reference, key, len, child, 0);
}

/* Add the last entry, and tell the head. */
static inline void node_end(struct dirs_node *n, uint64_t child)
{
    struct ntfs_disk_node *head = (struct ntfs_disk_node *)n->bytes;

    node_key(n, 0, "", 0, child, NTFS_ENTRY_LAST);
    head->used = head->allocated = le32_make(n->used);
    head->has_children = n->children;
}

/* ------------------------------------------------- the root, and a block */

struct dirs_root {
    uint8_t value[900];
    struct dirs_node node;
};

static inline void root_begin(struct dirs_root *root)
{
    struct ntfs_disk_index_root *raw =
        (struct ntfs_disk_index_root *)root->value;

    memset(root, 0, sizeof *root);
    raw->type = le32_make(NTFS_FILE_NAME);
    raw->collation = le32_make(NTFS_COLLATE_FILE_NAME);
    raw->block_size = le32_make(DIRS_BLOCK);
    root->node = node_begin(root->value + 16, sizeof root->value - 16, 16);
}

static inline size_t root_size(const struct dirs_root *root)
{
    return 16 + root->node.used;
}

/* Block NUMBER of the directory's index, which has its clusters right behind
   the MFT. */
static inline uint8_t *block_at(struct dirs *d, uint64_t number)
{
    return pretend_at(&d->p, d->lcn) + number * DIRS_BLOCK;
}

/* The VCN by which entries know it. */
static inline uint64_t block_vcn(const struct dirs *d, uint64_t number)
{
    uint32_t unit = d->vol->boot.cluster_size > DIRS_BLOCK
                        ? 512 : d->vol->boot.cluster_size;

    return number * (DIRS_BLOCK / unit);
}

static inline struct dirs_node block_begin(struct dirs *d, uint64_t number)
{
    uint8_t *bytes = block_at(d, number);
    struct ntfs_disk_index_block *raw = (struct ntfs_disk_index_block *)bytes;

    dirs_forget(d);
    memset(bytes, 0, DIRS_BLOCK);
    memcpy(raw->multi.magic, "INDX", 4);
    raw->vcn = le64_make(block_vcn(d, number));
    return node_begin(bytes + 24, DIRS_BLOCK - 24, 40);
}

static inline void block_end(struct dirs *d, uint64_t number,
                             struct dirs_node *n, uint64_t child)
{
    node_end(n, child);
    ((struct ntfs_disk_node *)n->bytes)->allocated =
        le32_make(DIRS_BLOCK - 24);
    dirs_fixup(block_at(d, number), DIRS_BLOCK, 40);
}

/*
 * The directory's record, with ROOT and, if BLOCKS is not 0, as many blocks,
 * in use as BITS says.
 */
static inline void dirs_record(struct dirs *d, const struct dirs_root *root,
                               uint64_t blocks, const void *bits, size_t len)
{
    struct dirs_record r =
        record_begin(d, DIRS_INO, DIRS_SEQUENCE,
                     NTFS_RECORD_IN_USE | NTFS_RECORD_DIRECTORY);
    uint64_t size = blocks * DIRS_BLOCK;

    record_name(&r, dirs_reference(NTFS_ROOT, 5), "dir", NTFS_WIN32_AND_DOS,
                NTFS_NAME_IS_DIRECTORY);
    record_value(&r, NTFS_INDEX_ROOT, "$I30", root->value, root_size(root));
    if (blocks > 0) {
        record_run(d, &r, NTFS_INDEX_ALLOCATION, "$I30", d->lcn,
                   (size + d->vol->boot.cluster_size - 1) >>
                       d->vol->boot.cluster_shift, size);
        record_value(&r, NTFS_BITMAP_ATTR, "$I30", bits, len);
    }
    record_end(&r);
}

/* Load the directory's index, as load() would. */
static inline int dirs_load(struct dirs *d)
{
    struct ntfs_record *record;
    int err = ntfs_record_get(d->vol, DIRS_INO, &record);

    if (err)
        return err;
    d->dir.base.fs = d->p.fs;
    d->dir.base.ino = DIRS_INO;
    d->dir.base.type = SHALE_TYPE_DIR;
    d->dir.info.number = DIRS_INO;
    d->dir.info.sequence = DIRS_SEQUENCE;
    d->dir.info.is_directory = true;
    ntfs_index_free(d->vol, d->dir.index);
    d->dir.index = NULL;
    err = ntfs_index_load(d->vol, record, &d->dir.index);
    ntfs_record_put(d->vol, record);
    return err;
}

/* A file's record, for references to lead to. */
static inline void dirs_file(struct dirs *d, uint64_t number, unsigned sequence)
{
    struct dirs_record r = record_begin(d, number, sequence,
                                        NTFS_RECORD_IN_USE);

    record_end(&r);
}

#endif /* TEST_NTFS_DIRS_H */
