/*
 * recover.c - directories without their index: option recover
 *
 * Every file knows its names and the directories that these are in. So where an
 * index is damaged the MFT is read once, from end to end, and a table made of
 * the names of all files, two numbers for each:
 *
 *      63                 16 15            0   63            32 31         0
 *     | parent's record     | record, high  | | record, low    | hash       |
 *
 * Sorted, the table has the names of a directory in a row, in the order of the
 * MFT. Names and references are not in it: they are read from the record when
 * they are asked for, and checked then.
 *
 * A table is made of the volume as it is, and never changes. Who makes one
 * publishes it in one step; of two made at once one is thrown away.
 */
#include "index.h"
#include "memfn.h"

#define CHILDREN_MAX ((size_t)4 << 20)  /* names; 64 MiB of them */
#define CHILDREN_FIRST 1024u
#define HASH_FIRST 0x811c9dc5u
#define ALIKE_MAX 64u                   /* entries of the table that are seen */

struct child {
    uint64_t high, low;
};

struct ntfs_children {
    struct shale_mem *mem;
    struct ntfs_volume *vol;
    size_t count, room;
    struct child *list;
};

bool ntfs_recover_helps(const struct ntfs_vnode *dir, int err)
{
    const struct ntfs_volume *vol = ntfs_volume_of(dir->base.fs);

    return vol->options.recover && (err == SHALE_ECORRUPT || err == SHALE_EIO);
}

/* ------------------------------------------------------------- the table */

/* FNV-1a of a name's units; of names that differ in case only the same. */
static uint32_t hash_step(uint32_t hash, uint16_t upper)
{
    return (hash ^ upper) * 0x01000193u;
}

static uint32_t name_hash(const struct ntfs_volume *vol,
                          const struct ntfs_name *name)
{
    uint32_t hash = HASH_FIRST;

    for (size_t i = 0; i < name->length; i++)
        hash = hash_step(hash, ntfs_upper(vol, (uint16_t)(name->units[2 * i] |
                                          name->units[2 * i + 1] << 8)));
    return hash;
}

static struct child child_make(uint64_t parent, uint64_t record, uint32_t hash)
{
    return (struct child){
        .high = parent << 16 | record >> 32,
        .low = record << 32 | hash,
    };
}

static uint64_t child_parent(const struct child *child)
{
    return child->high >> 16;
}

static uint64_t child_record(const struct child *child)
{
    return (child->high & 0xffff) << 32 | child->low >> 32;
}

static uint32_t child_hash(const struct child *child)
{
    return (uint32_t)child->low;
}

static bool child_below(const struct child *a, const struct child *b)
{
    return a->high != b->high ? a->high < b->high : a->low < b->low;
}

static int children_grow(struct ntfs_children *children)
{
    size_t room = children->room ? children->room * 2 : CHILDREN_FIRST;
    struct child *list;

    if (room > CHILDREN_MAX)
        return shale_fail(children->vol->fs, SHALE_ENOMEM, "ntfs: too many "
                          "names to recover a directory", "", SHALE_NOWHERE);
    list = shale_alloc_array(children->mem, room, sizeof *list);
    if (!list)
        return SHALE_ENOMEM;
    if (children->count)
        memcpy(list, children->list, children->count * sizeof *list);
    shale_free(children->mem, children->list,
               children->room * sizeof *list);
    children->list = list;
    children->room = room;
    return 0;
}

/* Put the child at I where it belongs in the heap of the first COUNT, which is
   one below it. */
static void heap_sift(struct child *list, size_t i, size_t count)
{
    struct child moved = list[i];

    while (2 * i + 1 < count) {
        size_t child = 2 * i + 1;

        if (child + 1 < count && child_below(&list[child], &list[child + 1]))
            child++;
        if (!child_below(&moved, &list[child]))
            break;
        list[i] = list[child];
        i = child;
    }
    list[i] = moved;
}

static void children_sort(struct ntfs_children *children)
{
    struct child *list = children->list;
    size_t count = children->count;

    for (size_t i = count / 2; i > 0; i--)
        heap_sift(list, i - 1, count);
    while (count > 1) {
        struct child last = list[--count];

        list[count] = list[0];
        list[0] = last;
        heap_sift(list, 0, count);
    }
}

/* Take note of the names in RECORD. What is damaged there has none. */
static int record_take(void *context, const struct ntfs_record *record)
{
    struct ntfs_children *children = context;
    uint32_t offset = record->attrs;
    uint64_t number = record->base ? NTFS_REFERENCE_NUMBER(record->base)
                                   : record->number;
    struct ntfs_attr attr;
    struct ntfs_name name;
    int err;

    if (!(record->flags & NTFS_RECORD_IN_USE))
        return 0;
    while (ntfs_attr_next(children->vol, record, &offset, &attr) > 0) {
        if (attr.type != NTFS_FILE_NAME || !attr.resident ||
            ntfs_name_decode(attr.value, attr.value_length, &name))
            continue;
        if (children->count == children->room) {
            err = children_grow(children);
            if (err)
                return err;
        }
        children->list[children->count++] =
            child_make(NTFS_REFERENCE_NUMBER(name.parent), number,
                       name_hash(children->vol, &name));
    }
    return 0;
}

static void children_free(struct ntfs_children *children)
{
    struct shale_mem *mem = children->mem;

    shale_free(mem, children->list, children->room * sizeof *children->list);
    shale_free(mem, children, sizeof *children);
}

static int children_make(struct ntfs_volume *vol, struct ntfs_children **out)
{
    struct ntfs_children *children = shale_zalloc(vol->fs->mem,
                                                  sizeof *children);
    int err;

    if (!children)
        return SHALE_ENOMEM;
    children->mem = vol->fs->mem;
    children->vol = vol;
    err = ntfs_scan(vol, record_take, children);
    /* After another error all has been seen but what cannot be. */
    if (err == SHALE_ENOMEM) {
        children_free(children);
        return err;
    }
    children_sort(children);
    *out = children;
    return 0;
}

/* The table of VOL, which is made if there is none. */
static int children_get(struct ntfs_volume *vol, struct ntfs_children **out)
{
    struct ntfs_children *made, *there;
    int err;

    there = __atomic_load_n(&vol->children, __ATOMIC_ACQUIRE);
    if (!there) {
        err = children_make(vol, &made);
        if (err)
            return err;
        if (__atomic_compare_exchange_n(&vol->children, &there, made, false,
                                        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            there = made;
        else
            children_free(made);
    }
    *out = there;
    return 0;
}

void ntfs_recover_fini(struct ntfs_volume *vol)
{
    if (vol->children)
        children_free(vol->children);
    vol->children = NULL;
}

/* The first place in the table that is of directory PARENT, or would be. */
static size_t children_find(const struct ntfs_children *children,
                            uint64_t parent)
{
    const struct child first = child_make(parent, 0, 0);
    size_t low = 0, high = children->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (child_below(&children->list[middle], &first))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --------------------------------------------------- the names of a record */

/* What is done with a name that a child of the directory has there. */
struct visit {
    struct ntfs_vnode *dir;
    int (*name)(struct visit *visit, const struct ntfs_name *name,
                uint64_t reference);
    uint32_t hash;              /* of the names to visit */
    size_t skip;                /* names of these that are passed over */
    struct ntfs_listing *listing;       /* of who lists ... */
    uint64_t next;
    bool stopped;
    struct ntfs_sought *sought;         /* ... and of who searches */
};

/* Is NAME in the directory of VISIT, and to be visited there? */
static bool visit_wants(struct visit *visit, const struct ntfs_name *name)
{
    const struct ntfs_vnode *dir = visit->dir;
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(name->parent);

    if (NTFS_REFERENCE_NUMBER(name->parent) != dir->info.number ||
        (sequence != 0 && dir->info.sequence != 0 &&
         sequence != dir->info.sequence) ||
        ntfs_name_check(name) ||
        name_hash(ntfs_volume_of(dir->base.fs), name) != visit->hash)
        return false;
    if (visit->skip > 0) {
        visit->skip--;
        return false;
    }
    return true;
}

static int names_visit(struct visit *visit, const struct ntfs_record *record)
{
    uint64_t reference = (uint64_t)record->sequence << 48 | record->number;
    struct ntfs_walk walk;
    struct ntfs_attr attr;
    struct ntfs_name name;
    int r = ntfs_walk_begin(ntfs_volume_of(visit->dir->base.fs), record,
                            &walk);

    if (r)
        return r;
    walk.only = NTFS_FILE_NAME;
    while ((r = ntfs_walk_next(&walk, &attr)) > 0) {
        if (attr.type != NTFS_FILE_NAME || !attr.resident ||
            ntfs_name_decode(attr.value, attr.value_length, &name) ||
            !visit_wants(visit, &name))
            continue;
        r = visit->name(visit, &name, reference);
        break;
    }
    ntfs_walk_end(&walk);
    return r;
}

/*
 * Visit one name: entry I of the table, of several that are alike the one that
 * comes after as many as there are before I.
 */
static int child_visit(struct visit *visit,
                       const struct ntfs_children *children, size_t i)
{
    const struct child *child = &children->list[i];
    struct ntfs_volume *vol = ntfs_volume_of(visit->dir->base.fs);
    struct ntfs_record *record;
    int r;

    visit->hash = child_hash(child);
    visit->skip = 0;
    while (visit->skip < i && !child_below(child - visit->skip - 1, child))
        if (++visit->skip == ALIKE_MAX)
            return 0;
    r = ntfs_record_get(vol, child_record(child), &record);
    if (!r) {
        if ((record->flags & NTFS_RECORD_IN_USE) && record->base == 0)
            r = names_visit(visit, record);
        ntfs_record_put(vol, record);
    }
    /* What is damaged here is lost; the rest need not be. */
    return r == SHALE_ENOMEM || visit->stopped ? r : 0;
}

/* ---------------------------------------------------------- the operations */

static int name_give(struct visit *visit, const struct ntfs_name *name,
                     uint64_t reference)
{
    int r = ntfs_listing_give(visit->listing, name, reference, visit->next);

    visit->stopped = r != 0;
    return r;
}

int ntfs_recover_iterate(struct ntfs_listing *listing, uint64_t cookie)
{
    struct visit visit = {
        .dir = listing->dir, .name = name_give, .listing = listing,
    };
    uint64_t parent = listing->dir->info.number;
    uint64_t from = cookie & ~NTFS_RECOVER_COOKIE;
    struct ntfs_children *children;
    size_t i;
    int r = children_get(ntfs_volume_of(listing->dir->base.fs), &children);

    if (r)
        return r;
    i = children_find(children, parent);
    if (i < from)
        i = from < children->count ? (size_t)from : children->count;
    for (; !r && i < children->count; i++) {
        if (child_parent(&children->list[i]) != parent)
            break;
        visit.next = NTFS_RECOVER_COOKIE | (i + 1);
        r = child_visit(&visit, children, i);
    }
    return r;
}

static int name_compare(struct visit *visit, const struct ntfs_name *name,
                        uint64_t reference)
{
    (void)ntfs_sought_compare(visit->sought, name, reference);
    return 0;
}

int ntfs_recover_lookup(struct ntfs_vnode *dir, struct ntfs_sought *sought)
{
    struct visit visit = {
        .dir = dir, .name = name_compare, .sought = sought,
    };
    uint64_t parent = dir->info.number;
    uint32_t hash = HASH_FIRST;
    struct ntfs_children *children;
    int r = children_get(sought->vol, &children);

    if (r)
        return r;
    for (unsigned i = 0; i < sought->length; i++)
        hash = hash_step(hash, sought->upper[i]);
    for (size_t i = children_find(children, parent);
         !r && i < children->count && !sought->exact; i++) {
        if (child_parent(&children->list[i]) != parent)
            break;
        if (child_hash(&children->list[i]) == hash)
            r = child_visit(&visit, children, i);
    }
    return r;
}

/* ------------------------------------------------------------- the root */

int ntfs_recover_root(struct ntfs_volume *vol, struct ntfs_record **out)
{
    struct ntfs_record *record = shale_slab_alloc(vol->records);
    struct ntfs_disk_resident *attr;
    uint32_t head = sizeof *attr, value = sizeof(struct ntfs_disk_standard);

    if (!record)
        return SHALE_ENOMEM;
    *record = (struct ntfs_record){
        .number = NTFS_ROOT, .at = SHALE_NOWHERE,
        .flags = NTFS_RECORD_IN_USE | NTFS_RECORD_DIRECTORY,
        .attrs = sizeof(struct ntfs_disk_record),
        .used = (uint32_t)sizeof(struct ntfs_disk_record) + head + value + 8,
        .bytes = (uint8_t *)(record + 1),
    };
    memset(record->bytes, 0, vol->boot.record_size);
    attr = (struct ntfs_disk_resident *)(record->bytes + record->attrs);
    attr->head.type = le32_make(NTFS_STANDARD_INFORMATION);
    attr->head.length = le32_make(head + value);
    attr->value_length = le32_make(value);
    attr->value_offset = le16_make((uint16_t)head);
    memset(record->bytes + record->used - 8, 0xff, 4);
    *out = record;
    return 0;
}
