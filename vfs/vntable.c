/*
 * vntable.c - the table of the vnodes in memory, and its two lists
 */
#include "vntable.h"

#include "assert.h"
#include "shale/mem.h"

/* More than so many vnodes a bucket, and there are to be more buckets. */
#define BUCKET_LOAD 2u

static struct shale_vnode **bucket_of(struct vnode_table *table, uint64_t ino)
{
    /* Fibonacci hashing: the high bits of the product depend on all of INO,
       which may be a byte offset or an index. */
    uint64_t hash = ino * 0x9e3779b97f4a7c15u;

    return &table->buckets[(size_t)(hash >> (64 - table->bucket_bits))];
}

static void list_add_first(struct vnode_list *list, struct shale_vnode *vn)
{
    vn->lru_prev = NULL;
    vn->lru_next = list->first;
    if (list->first)
        list->first->lru_prev = vn;
    else
        list->last = vn;
    list->first = vn;
    list->count++;
}

static void list_remove(struct vnode_list *list, struct shale_vnode *vn)
{
    if (vn->lru_prev)
        vn->lru_prev->lru_next = vn->lru_next;
    else
        list->first = vn->lru_next;
    if (vn->lru_next)
        vn->lru_next->lru_prev = vn->lru_prev;
    else
        list->last = vn->lru_prev;
    list->count--;
}

/* The list that VN, which has no references, is or belongs in. */
static struct vnode_list *list_of(struct vnode_table *table,
                                  const struct shale_vnode *vn)
{
    return vn->orphan || vn->excess ? &table->unsettled : &table->unused;
}

static void hash_add(struct vnode_table *table, struct shale_vnode *vn)
{
    struct shale_vnode **bucket = bucket_of(table, vn->ino);

    vn->hash_next = *bucket;
    *bucket = vn;
}

static void hash_remove(struct vnode_table *table, struct shale_vnode *vn)
{
    struct shale_vnode **link = bucket_of(table, vn->ino);

    while (*link != vn)
        link = &(*link)->hash_next;
    *link = vn->hash_next;
}

struct shale_vnode *vntable_find(struct vnode_table *table, uint64_t ino)
{
    struct shale_vnode *vn = *bucket_of(table, ino);

    while (vn && vn->ino != ino)
        vn = vn->hash_next;
    return vn;
}

struct shale_vnode *vntable_get(struct vnode_table *table, uint64_t ino)
{
    struct shale_vnode *vn = vntable_find(table, ino);

    if (!vn || vn->leaving)
        return NULL;
    if (vn->refs == 0) {
        list_remove(list_of(table, vn), vn);
        table->used++;
    }
    vn->refs++;
    return vn;
}

/*
 * Twice as many buckets: who holds vnodes, a kernel that remembers files, may
 * hold a million of them. Without the memory it goes on as it is.
 */
static void buckets_grow(struct vnode_table *table, struct shale_mem *mem)
{
    struct shale_vnode **old = table->buckets, **buckets;
    size_t old_count = table->bucket_count;

    buckets = shale_alloc_array(mem, old_count * 2, sizeof *buckets);
    if (!buckets)
        return;
    table->buckets = buckets;
    table->bucket_count = old_count * 2;
    table->bucket_bits++;
    for (size_t i = 0; i < old_count; i++) {
        struct shale_vnode *vn = old[i], *next;

        for (; vn; vn = next) {
            next = vn->hash_next;
            hash_add(table, vn);
        }
    }
    shale_free(mem, old, old_count * sizeof *old);
}

void vntable_add(struct vnode_table *table, struct shale_vnode *vn)
{
    size_t count = table->used + table->unused.count + table->unsettled.count;

    if (count / BUCKET_LOAD >= table->bucket_count &&
        table->bucket_count < VNODE_BUCKETS_MAX)
        buckets_grow(table, vn->fs->mem);
    hash_add(table, vn);
    vn->refs = 1;
    table->used++;
}

struct shale_vnode *vntable_take_unused(struct vnode_table *table, size_t keep)
{
    struct shale_vnode *vn = table->unused.last;

    if (table->unused.count <= keep)
        return NULL;
    list_remove(&table->unused, vn);
    hash_remove(table, vn);
    return vn;
}

void vntable_unref(struct vnode_table *table, struct shale_vnode *vn)
{
    SHALE_ASSERT(vn->refs > 0);
    if (--vn->refs > 0)
        return;
    table->used--;
    list_add_first(list_of(table, vn), vn);
}

struct shale_vnode *vntable_take_unsettled(struct vnode_table *table)
{
    struct shale_vnode *vn = table->unsettled.last;

    if (!vn)
        return NULL;
    list_remove(&table->unsettled, vn);
    if (vn->orphan) {
        vn->leaving = true;
    } else {
        vn->excess = false;
        vn->refs = 1;
        table->used++;
    }
    return vn;
}

void vntable_return_unsettled(struct vnode_table *table,
                              struct shale_vnode *vn)
{
    if (vn->refs > 0) {
        vn->excess |= vn->refs == 1;    /* else it is theirs by now */
        vntable_unref(table, vn);
        return;
    }
    vn->leaving = false;
    list_add_first(&table->unsettled, vn);
}

void vntable_take_leaving(struct vnode_table *table, struct shale_vnode *vn)
{
    SHALE_ASSERT(vn->leaving);
    hash_remove(table, vn);
}
