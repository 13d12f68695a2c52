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
 * publishes it in one step; of two made at once one is thrown away. It takes 16
 * bytes for each name, in chunks; most of these are had before the MFT is read,
 * so that want of memory is no reason to read it again.
 */
#include "extras.h"
#include "memfn.h"
#include "sort.h"

#define CHUNK_SHIFT 10u                 /* 1,024 names, 16 KiB */
#define CHUNK ((size_t)1 << CHUNK_SHIFT)
#define CHUNKS_FIRST 16u
#define HASH_FIRST 0x811c9dc5u
#define ALIKE_MAX 64u                   /* entries of the table that are seen */

struct child {
    uint64_t high, low;
};

struct ntfs_children {
    struct ntfs_volume *vol;
    size_t count;
    struct child **chunks;
    size_t chunk_count, chunk_room;
};

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
        hash = hash_step(hash, ntfs_upper(vol, le16_load(name->units + 2 * i)));
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

static struct child *child_at(const struct ntfs_children *children, size_t i)
{
    return &children->chunks[i >> CHUNK_SHIFT][i & (CHUNK - 1)];
}

static int chunks_grow(struct ntfs_children *children)
{
    struct shale_mem *mem = children->vol->fs->mem;
    size_t before = children->chunk_room;
    size_t room = before ? before * 2 : CHUNKS_FIRST;
    struct child **chunks = shale_alloc_array(mem, room, sizeof *chunks);

    if (!chunks)
        return SHALE_ENOMEM;
    if (before)
        memcpy(chunks, children->chunks, before * sizeof *chunks);
    shale_free(mem, children->chunks, before * sizeof *chunks);
    children->chunks = chunks;
    children->chunk_room = room;
    return 0;
}

/* Have room for COUNT names. */
static int children_reserve(struct ntfs_children *children, uint64_t count)
{
    while ((uint64_t)children->chunk_count << CHUNK_SHIFT < count) {
        int err = children->chunk_count < children->chunk_room
                      ? 0 : chunks_grow(children);
        struct child *chunk = NULL;

        if (!err)
            chunk = shale_alloc_array(children->vol->fs->mem, CHUNK,
                                      sizeof *chunk);
        if (!chunk)
            return SHALE_ENOMEM;
        children->chunks[children->chunk_count++] = chunk;
    }
    return 0;
}

/* Give back what is room for more than COUNT names. */
static void children_trim(struct ntfs_children *children, size_t count)
{
    while (children->chunk_count > 0 &&
           (children->chunk_count - 1) << CHUNK_SHIFT >= count)
        shale_free(children->vol->fs->mem,
                   children->chunks[--children->chunk_count],
                   CHUNK * sizeof(struct child));
}

/*
 * Have room for as many names as there are likely to be: two for each second
 * file, if it can be told how many these are.
 */
static int children_expect(struct ntfs_children *children)
{
    struct ntfs_volume *vol = children->vol;
    uint64_t most = vol->fs->dev->size >> vol->boot.record_shift, used;
    int err = ntfs_records_used(vol, &used);

    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    if (used > most)
        used = most;
    return children_reserve(children, used + used / 2);
}

static bool by_parent(const void *of, size_t i, size_t j)
{
    const struct ntfs_children *children = of;

    return child_below(child_at(children, i), child_at(children, j));
}

static void exchange(void *of, size_t i, size_t j)
{
    const struct ntfs_children *children = of;
    struct child *a = child_at(children, i), *b = child_at(children, j);
    struct child moved = *a;

    *a = *b;
    *b = moved;
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
        err = children_reserve(children, children->count + 1);
        if (err)
            return err;
        *child_at(children, children->count++) =
            child_make(NTFS_REFERENCE_NUMBER(name.parent), number,
                       name_hash(children->vol, &name));
    }
    return 0;
}

static void children_free(struct ntfs_children *children)
{
    struct shale_mem *mem = children->vol->fs->mem;

    children_trim(children, 0);
    shale_free(mem, children->chunks,
               children->chunk_room * sizeof *children->chunks);
    shale_free(mem, children, sizeof *children);
}

static int children_make(struct ntfs_volume *vol, struct ntfs_children **out)
{
    struct ntfs_children *children = shale_zalloc(vol->fs->mem,
                                                  sizeof *children);
    int err;

    if (!children)
        return SHALE_ENOMEM;
    children->vol = vol;
    err = children_expect(children);
    if (!err)
        err = ntfs_scan(vol, record_take, children);
    /* After another error all has been seen but what cannot be. */
    if (err == SHALE_ENOMEM) {
        children_free(children);
        return err;
    }
    children_trim(children, children->count);
    ntfs_sort(&(struct ntfs_sorted){ children, by_parent, exchange },
              children->count);
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

static void forget_children(struct ntfs_volume *vol)
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

        if (child_below(child_at(children, middle), &first))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* --------------------------------------------------- the names of a record */

/* Whose names in the directory are visited. */
struct visit {
    const struct ntfs_dir *dir;
    uint32_t hash;              /* of the names to visit */
    size_t skip;                /* names of these that are passed over */
    struct ntfs_listing *listing;       /* of who lists ... */
    uint64_t next;
    bool stopped;
    struct ntfs_sought *sought;         /* ... and of who searches */
};

/* What is done with a name that a child of the directory has there. */
typedef int visit_fn(struct visit *visit, const struct ntfs_name *name,
                     uint64_t reference);

/* Is NAME in the directory of VISIT, and to be visited there? */
static bool visit_wants(struct visit *visit, const struct ntfs_name *name)
{
    const struct ntfs_dir *dir = visit->dir;
    uint16_t sequence = NTFS_REFERENCE_SEQUENCE(name->parent);

    if (NTFS_REFERENCE_NUMBER(name->parent) != NTFS_INO_RECORD(dir->ino) ||
        (sequence != 0 && dir->sequence != 0 && sequence != dir->sequence) ||
        ntfs_name_check(name) || name_hash(dir->vol, name) != visit->hash)
        return false;
    if (visit->skip > 0) {
        visit->skip--;
        return false;
    }
    return true;
}

static int names_visit(struct visit *visit, visit_fn *take,
                       const struct ntfs_record *record)
{
    uint64_t reference = (uint64_t)record->sequence << 48 | record->number;
    struct ntfs_walk *walk = &record->room->walk;
    const struct ntfs_attr *attr = &walk->attr;
    struct ntfs_name name;
    int r = ntfs_walk_begin(visit->dir->vol, record, NTFS_FILE_NAME, walk);

    if (r)
        return r;
    while ((r = ntfs_walk_next(walk)) > 0) {
        if (!attr->resident ||
            ntfs_name_decode(attr->value, attr->value_length, &name) ||
            !visit_wants(visit, &name))
            continue;
        r = take(visit, &name, reference);
        break;
    }
    ntfs_walk_end(walk);
    return r;
}

/*
 * Visit one name: entry I of the table, of several that are alike the one that
 * comes after as many as there are before I.
 */
static int child_visit(struct visit *visit, visit_fn *take,
                       const struct ntfs_children *children, size_t i)
{
    const struct child *child = child_at(children, i);
    struct ntfs_volume *vol = visit->dir->vol;
    struct ntfs_record *record;
    int r;

    visit->hash = child_hash(child);
    visit->skip = 0;
    while (visit->skip < i &&
           !child_below(child_at(children, i - visit->skip - 1), child))
        if (++visit->skip == ALIKE_MAX)
            return 0;
    r = ntfs_record_get(vol, child_record(child), &record);
    if (!r) {
        if ((record->flags & NTFS_RECORD_IN_USE) && record->base == 0)
            r = names_visit(visit, take, record);
        ntfs_record_put(vol, record);
    }
    /* What is damaged here is lost; the rest need not be. */
    return r == SHALE_ENOMEM || visit->stopped ? r : 0;
}

/* ---------------------------------------------------------- the operations */

static int name_give(struct visit *visit, const struct ntfs_name *name,
                     uint64_t reference)
{
    int r;

    visit->listing->name = *name;
    visit->listing->given.next = visit->next;
    r = ntfs_listing_give(visit->listing, reference);
    visit->stopped = r != 0;
    return r;
}

static int children_list(struct ntfs_listing *listing, uint64_t cookie)
{
    struct visit visit = {
        .dir = &listing->dir, .listing = listing,
    };
    uint64_t parent = NTFS_INO_RECORD(listing->dir.ino);
    uint64_t from = cookie & ~NTFS_RECOVER_COOKIE;
    struct ntfs_children *children;
    size_t i;
    int r = children_get(listing->dir.vol, &children);

    if (r)
        return r;
    i = children_find(children, parent);
    if (i < from)
        i = from < children->count ? (size_t)from : children->count;
    for (; !r && i < children->count; i++) {
        if (child_parent(child_at(children, i)) != parent)
            break;
        visit.next = NTFS_RECOVER_COOKIE | (i + 1);
        r = child_visit(&visit, name_give, children, i);
    }
    return r;
}

static int name_compare(struct visit *visit, const struct ntfs_name *name,
                        uint64_t reference)
{
    (void)ntfs_sought_compare(visit->sought, name, reference);
    return 0;
}

static int children_search(const struct ntfs_dir *dir,
                           struct ntfs_sought *sought)
{
    struct visit visit = { .dir = dir, .sought = sought };
    uint64_t parent = NTFS_INO_RECORD(dir->ino);
    uint32_t hash = HASH_FIRST;
    struct ntfs_children *children;
    int r = children_get(dir->vol, &children);

    if (r)
        return r;
    for (unsigned i = 0; i < sought->length; i++)
        hash = hash_step(hash, sought->upper[i]);
    for (size_t i = children_find(children, parent);
         !r && i < children->count && !sought->exact; i++) {
        if (child_parent(child_at(children, i)) != parent)
            break;
        if (child_hash(child_at(children, i)) == hash)
            r = child_visit(&visit, name_compare, children, i);
    }
    return r;
}

static int recover_listing(struct ntfs_listing *listing, uint64_t cookie)
{
    const struct ntfs_index *index = listing->dir.index;
    int err;

    if (cookie & NTFS_RECOVER_COOKIE)
        return children_list(listing, cookie);
    if (cookie == 0) {
        err = ntfs_index_examine(&listing->dir);
        if (err)
            return err;
    }
    return ntfs_index_is_damaged(index) ? children_list(listing, 0)
                                        : ntfs_index_list(listing, cookie);
}

/*
 * By the index, and if that fails by the names of all files. What is not met on
 * the way may be missing for the order being wrong.
 */
static int recover_sought(const struct ntfs_dir *dir,
                          struct ntfs_sought *sought)
{
    int err = ntfs_sought_find(dir, sought);
    bool needed = ntfs_recover_helps(dir->vol, err);

    if (sought->exact || (err && !needed))
        return err;
    if (!err && !sought->similar) {
        err = ntfs_index_examine(dir);
        needed = ntfs_index_is_damaged(dir->index);
    }
    return needed ? children_search(dir, sought) : err;
}

/* ------------------------------------------------------------- the root */

/*
 * A record of the root directory where its own is lost. It knows nothing, so
 * the root's index counts as damaged, and what says that it is in the root is
 * found by a scan. The caller's, until ntfs_record_put().
 */
static int make_root(struct ntfs_volume *vol, struct ntfs_record **out)
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
        .room = (struct ntfs_room *)(record + 1),
    };
    record->bytes = (uint8_t *)(record->room + 1);
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

/* ------------------------------------------------------------- the extra */

static const struct ntfs_recovery_ops recovery = {
    .root_make       = make_root,
    .sought_recover  = recover_sought,
    .listing_recover = recover_listing,
    .recovery_fini   = forget_children,
};

static void recovery_add(struct ntfs_extras *to)
{
    to->recovery = &recovery;
}

const struct shale_ntfs_extra shale_ntfs_recovery = { recovery_add };
