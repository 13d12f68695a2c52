/*
 * xattr.c - inodes and blocks that have attributes, and who refers to what
 *
 * Inodes are looked at as pass 1 comes to them. A block of attributes is
 * claimed by the first inode that has it, and queued; each further one is a
 * row of 8 bytes. When all inodes are known, blocks are read in the volume's
 * order, each once, and their reference counts held against the rows.
 *
 * Where there are values in inodes of their own ("ea_inode"), references to
 * them are rows as well, and all together count as a name of that inode.
 */
#include "ext2/check/tree.h"
#include "ext2/check/xattr.h"
#include "memfn.h"

struct ext2_check_xattrs {
    struct check_lock lock;     /* of the tables */
    struct check_bits *blocks;  /* with attributes, as some inode says */
    struct ext2_table more;     /* uint64_t: blocks, once for each user past
                                   the first */
    struct ext2_table refs;     /* struct ext2_attr_ref */
    struct check_queue *queue;  /* of blocks */
    struct check_array *charges;        /* struct charge by block, where values
                                   may be in inodes */
};

/* What the values that a block leads to are charged with. */
struct charge {
    uint32_t clusters, values;
    uint64_t known;             /* these are: not 0 */
};

int ext2_check_xattrs_begin(struct ext2_check *c)
{
    struct ext2_check_xattrs *x = check_zalloc(c->check, sizeof *x);
    int err;

    if (!x)
        return SHALE_ENOMEM;
    err = check_lock_init(c->check, &x->lock);
    if (err) {
        check_free(c->check, x, sizeof *x);
        return err;
    }
    c->xattrs = x;
    ext2_table_init(&x->more, c->check, sizeof(uint64_t));
    ext2_table_init(&x->refs, c->check, sizeof(struct ext2_attr_ref));
    x->blocks = check_bits_create(c->check, c->super.block_count);
    x->queue = check_queue_create(c->check, c->super.block_size);
    if (c->super.ea_inode) {
        x->charges = check_array_create(c->check, c->super.block_count,
                                        sizeof(struct charge));
        if (!x->charges)
            return SHALE_ENOMEM;
    }
    return x->blocks && x->queue ? 0 : SHALE_ENOMEM;
}

void ext2_check_xattrs_end(struct ext2_check *c)
{
    struct ext2_check_xattrs *x = c->xattrs;

    if (!x)
        return;
    check_queue_destroy(x->queue);
    check_array_destroy(x->charges);
    check_bits_destroy(x->blocks);
    ext2_table_fini(&x->more);
    ext2_table_fini(&x->refs);
    check_lock_fini(c->check, &x->lock);
    check_free(c->check, x, sizeof *x);
    c->xattrs = NULL;
}

/* ------------------------------------------------------------------ inodes */

/* One more inode has block BLOCK. */
static int user_add(struct ext2_check *c, uint64_t block)
{
    struct ext2_check_xattrs *x = c->xattrs;
    uint64_t *row;

    check_lock(c->check, &x->lock);
    row = ext2_table_add(&x->more);
    if (row)
        *row = block;
    check_unlock(c->check, &x->lock);
    return row ? 0 : SHALE_ENOMEM;
}

/* Find out what the attributes in BLOCK of inode INO explain. */
static int charge_find(struct ext2_check *c, uint32_t ino, uint64_t block,
                       struct ext2_check_charge *charge)
{
    uint32_t size = c->super.block_size;
    uint8_t *bytes = check_alloc(c->check, size);
    struct ext2_attrs list = {
        .c = c, .bytes = bytes, .size = size, .owner = ino,
        .start = sizeof(struct ext2_disk_xattr_header),
    };
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    err = check_read(c->check, ext2_check_at(c, block), bytes, size);
    if (!err && le32_get(*(const le32 *)bytes) == EXT2_XATTR_MAGIC)
        err = ext2_attrs_charge(&list, charge);
    check_free(c->check, bytes, size);
    return err == SHALE_EIO ? 0 : err;
}

static uint32_t clamp(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

/*
 * Add that. It is read here, out of order, and once for all who share it: few
 * volumes have values in inodes.
 */
static int block_charge(struct ext2_check *c, uint32_t ino, uint64_t block,
                        struct ext2_check_charge *charge)
{
    struct check_array *charges = c->xattrs->charges;
    struct ext2_check_charge found = { 0, 0 };
    struct charge *row, known = { .known = 0 };
    int err = 0;

    check_array_lock(charges);
    row = check_array_at(charges, block, false);
    if (row)
        known = *row;
    check_array_unlock(charges);
    if (!known.known) {
        err = charge_find(c, ino, block, &found);
        known = (struct charge){ clamp(found.clusters), clamp(found.values),
                                 1 };
        check_array_lock(charges);
        row = check_array_at(charges, block, true);
        if (row)
            *row = known;
        check_array_unlock(charges);
        if (!err && !row)
            err = SHALE_ENOMEM;
    }
    charge->clusters += known.clusters;
    charge->values += known.values;
    return err;
}

/* INODE says that it has a block of attributes. */
static int block_enter(struct ext2_check *c,
                       const struct ext2_check_inode *inode,
                       struct ext2_check_claims *claims,
                       struct ext2_check_charge *charge)
{
    const struct check_item item = {
        .at = ext2_check_at(c, inode->acl), .tag = { inode->ino, inode->acl },
    };
    uint64_t already;
    int err;

    if (!ext2_check_fits(c, inode->acl, 1) ||
        !(c->super.compat & EXT2_COMPAT_EXT_ATTR)) {
        ext2_tell_inode(c, XATTR_BLOCK, EXT2_AT(inode, acl_block), inode->ino,
                        .other = inode->acl);
        return 0;
    }
    charge->clusters++;
    if (c->super.ea_inode) {
        err = block_charge(c, inode->ino, inode->acl, charge);
        if (err)
            return err;
    }
    err = check_bits_add(c->xattrs->blocks, inode->acl, 1, &already);
    if (err)
        return err;
    if (already > 0)
        return user_add(c, inode->acl);
    err = ext2_check_take(claims, inode->acl, 1, SHALE_USE_ATTRIBUTES,
                          inode->ino, SHALE_NOWHERE);
    return err ? err : check_queue_add(c->xattrs->queue, &item);
}

int ext2_check_xattrs(struct ext2_check *c,
                      const struct ext2_check_inode *inode,
                      struct ext2_check_claims *claims,
                      struct ext2_check_charge *charge)
{
    struct ext2_attrs list;
    bool has_list = ext2_attrs_open(c, inode, &list), sound;
    int err = 0;

    if (has_list) {
        err = ext2_attrs_check(&list, &sound);
        if (!err)
            err = ext2_attrs_charge(&list, charge);
    }
    if (!err && (inode->flags & EXT2_INODE_ENCRYPTED))
        err = ext2_crypt_check(c, inode, has_list ? &list : NULL);
    if (!err && inode->acl != 0)
        err = block_enter(c, inode, claims, charge);
    return err;
}

/* ------------------------------------------------------------------ blocks */

static int compare_blocks(const void *a, const void *b)
{
    return ext2_order(*(const uint64_t *)a, *(const uint64_t *)b);
}

/* How many inodes have BLOCK? */
static uint64_t users_of(const struct ext2_check_xattrs *x, uint64_t block)
{
    uint64_t next = block + 1;

    return 1 + ext2_table_find(&x->more, &next, compare_blocks) -
           ext2_table_find(&x->more, &block, compare_blocks);
}

/* The checksum of a block: of its number, then of its bytes. */
static void checksum_check(const struct ext2_attrs *list, uint64_t block)
{
    const size_t offset = offsetof(struct ext2_disk_xattr_header, checksum);
    le32 halves[2];
    uint32_t crc, found = le32_get(*(const le32 *)(list->bytes + offset));

    halves[0] = le32_make((uint32_t)block);
    halves[1] = le32_make((uint32_t)(block >> 32));
    crc = ext2_check_crc(list->c, list->c->super.seed, halves, sizeof halves);
    crc = ext2_check_crc_without(list->c, crc, list->bytes, list->size, offset,
                                 sizeof(le32));
    if (crc != found)
        ext2_tell(list->c, XATTR_CHECKSUM, list->at + offset,
                  .object = list->object,
                  .number = block, .compared = true, .expected = crc,
                  .found = found);
}

/* A block that has been read. */
static int block_check(struct check *check, const struct check_item *item,
                       uint8_t *bytes, void *context)
{
    struct ext2_check *c = context;
    const struct ext2_disk_xattr_header *header =
        (const struct ext2_disk_xattr_header *)bytes;
    uint64_t block = item->tag[1], users = users_of(c->xattrs, block);
    uint32_t said;
    struct ext2_attrs list = {
        .c = c, .bytes = bytes, .size = c->super.block_size,
        .start = sizeof *header, .at = item->at, .object = SHALE_OBJECT_BLOCK,
        .number = block, .owner = (uint32_t)item->tag[0],
    };
    bool sound;
    int err;

    check_done(check, 1);
    if (!bytes) {
        check_tell(check, &check_codes[CHECK_READ], item->at,
                   &(const struct check_note){
                       .object = SHALE_OBJECT_BLOCK, .number = block,
                       .other = item->at });
        return 0;
    }
    if (le32_get(header->magic) != EXT2_XATTR_MAGIC ||
        le32_get(header->blocks) != 1) {
        ext2_tell(c, XATTR_HEADER, item->at, .object = SHALE_OBJECT_BLOCK,
                  .number = block, .compared = true,
                  .expected = EXT2_XATTR_MAGIC,
                  .found = le32_get(header->magic));
        return 0;
    }
    err = ext2_attrs_check(&list, &sound);
    if (!err && sound && c->super.metadata_csum)
        checksum_check(&list, block);
    said = le32_get(header->refcount);
    if (said != users && !(said > users && c->unread))
        ext2_tell(c, XATTR_USERS,
                  item->at + offsetof(struct ext2_disk_xattr_header, refcount),
                  .object = SHALE_OBJECT_BLOCK,
                  .number = block, .compared = true, .expected = users,
                  .found = said);
    return err;
}

/* -------------------------------------------------- values in other inodes */

int ext2_attrs_refer(struct ext2_check *c, const struct ext2_attr_ref *ref)
{
    struct ext2_attr_ref *row;

    check_lock(c->check, &c->xattrs->lock);
    row = ext2_table_add(&c->xattrs->refs);
    if (row)
        *row = *ref;
    check_unlock(c->check, &c->xattrs->lock);
    return row ? 0 : SHALE_ENOMEM;
}

static int compare_refs(const void *a, const void *b)
{
    const struct ext2_attr_ref *x = a, *y = b;
    int order = ext2_order(x->ino, y->ino);

    return order ? order : ext2_order(x->at, y->at);
}

/* Where a field of the entry is that refers to the value. */
#define ENTRY_AT(ref, field)                                                \
    ((ref)->at + offsetof(struct ext2_disk_xattr_entry, field))

/* May inode REF->ino hold the value? */
static bool ref_is_sound(struct ext2_check *c, const struct ext2_attr_ref *ref)
{
    const struct ext2_check_info *info;

    if (!ext2_check_is_plain(c, ref->ino))
        return false;
    info = ext2_check_info_of(c, ref->ino);
    return info && info->type == EXT2_S_IFREG >> 12 &&
           (info->flags & EXT2_CHECK_EA);
}

/*
 * An inode that holds a value has its size, and in fields that have no other
 * use there how many refer to it: i_ctime, and below that osd1; and a hash of
 * the value, i_atime, on which an entry's hash goes on from the name's.
 */
static void value_inode_check(struct ext2_check *c,
                              const struct ext2_check_inode *inode,
                              const struct ext2_attr_ref *ref, uint64_t refs)
{
    const struct ext2_disk_inode *raw =
        (const struct ext2_disk_inode *)inode->bytes;
    uint64_t count = (uint64_t)le32_get(raw->ctime) << 32 |
                     le32_get(raw->osd1);
    uint32_t hash = (ref->name_hash << 16 | ref->name_hash >> 16) ^
                    le32_get(raw->atime);

    if (ref->size == 0)
        return;                 /* nothing is to be found there */
    if (inode->size != ref->size)
        ext2_tell(c, XATTR_INODE_SIZE, ENTRY_AT(ref, value_size),
                  .object = ref->object,
                  .number = ref->number, .other = ref->ino, .compared = true,
                  .expected = ref->size, .found = inode->size);
    if (ext2_value_is_own(raw, ref->owner))
        return;
    if (ref->hash != hash)
        ext2_tell(c, XATTR_HASH, ENTRY_AT(ref, hash), .object = ref->object,
                  .number = ref->number, .compared = true, .expected = hash,
                  .found = ref->hash);
    if (count != refs)
        ext2_tell_inode(c, XATTR_INODE_USERS, EXT2_AT(inode, osd1), ref->ino,
                        .compared = true, .expected = refs, .found = count);
}

static int refs_check(struct ext2_check *c, uint8_t *bytes)
{
    const struct ext2_table *refs = &c->xattrs->refs;
    struct ext2_check_inode inode;
    size_t next;
    bool good;
    int err = 0;

    for (size_t i = 0; i < refs->count && !err; i = next) {
        const struct ext2_attr_ref *ref = ext2_table_at(refs, i);

        for (next = i + 1; next < refs->count; next++) {
            const struct ext2_attr_ref *other = ext2_table_at(refs, next);

            if (other->ino != ref->ino)
                break;
        }
        if (!ref_is_sound(c, ref)) {
            ext2_tell(c, XATTR_INODE, ENTRY_AT(ref, value_inode),
                      .object = ref->object,
                      .number = ref->number, .other = ref->ino);
            continue;
        }
        /* One link, however many refer to it. */
        err = check_array_add(c->names, ref->ino, 1);
        if (!err)
            err = ext2_check_inode_read(c, ref->ino, bytes, &inode, &good);
        if (!err && good)
            value_inode_check(c, &inode, ref, next - i);
    }
    return err;
}

int ext2_check_xattr_blocks(struct ext2_check *c)
{
    struct ext2_check_xattrs *x = c->xattrs;
    uint8_t *bytes;
    int err;

    check_phase(c->check, "attributes", check_queue_count(x->queue));
    ext2_table_sort(&x->more, compare_blocks);
    err = check_queue_run(x->queue, block_check, c);
    if (err || x->refs.count == 0)
        return err;
    ext2_table_sort(&x->refs, compare_refs);
    bytes = check_alloc(c->check, c->super.inode_size);
    if (!bytes)
        return SHALE_ENOMEM;
    err = refs_check(c, bytes);
    check_free(c->check, bytes, c->super.inode_size);
    return err;
}
