/*
 * sound.c - with the option recover: is a directory's index as it should be?
 *
 * A listing takes blocks as they lie, a lookup goes down from the root: so a
 * block that cannot be read is seen by both, but one that nothing leads to any
 * more, or that stands in a wrong place, only by who looks for a name in it and
 * is told that there is none; and one that the bitmap lacks only by who misses
 * its names in a listing. An index is sound if each of its names is found, and
 * what names lead to is listed.
 *
 * Where the names of a node are in order, and the ways down to the first and
 * to the last of them end at them, those to all between do. So it takes two
 * ways down for each node, once for each directory.
 */
#include "index.h"
#include "memfn.h"

struct check {
    const struct ntfs_dir *dir;
    struct ntfs_sought sought;
    unsigned length;            /* of the name before: 0: there is none */
    uint16_t before[NTFS_NAME_UNITS];
};

static int unsound(const struct check *check, const char *what, uint64_t at)
{
    return shale_corrupt_inode(check->dir->vol->fs, what, at, check->dir->ino);
}

/* Make the name of ENTRY, or none if it is the last of a node, what is sought.
   NULL, or what is wrong with it. */
static const char *name_take(struct check *check,
                             const struct ntfs_entry *entry)
{
    struct ntfs_sought *sought = &check->sought;
    struct ntfs_name name;
    const char *wrong = ntfs_name_decode(entry->key, entry->key_length, &name);

    if (!wrong)
        wrong = ntfs_name_check(&name);
    if (wrong)
        return wrong;
    for (unsigned i = 0; i < name.length; i++)
        sought->units[i] = le16_load(name.units + 2 * i);
    sought->length = name.length;
    return NULL;
}

/* Is ENTRY no lower than the one before it in its node? */
static int order_check(struct check *check, const struct ntfs_entry *entry)
{
    const struct ntfs_sought *sought = &check->sought;
    const char *wrong = name_take(check, entry);

    if (!wrong && ntfs_name_compare(check->dir->vol, check->before,
                                    check->length, sought->units,
                                    sought->length) > 0)
        wrong = "ntfs: directory whose names are not in order";
    if (wrong)
        return unsound(check, wrong, entry->at);
    check->length = sought->length;
    memcpy(check->before, sought->units,
           sought->length * sizeof check->before[0]);
    return 0;
}

/* Does the way down to the name of ENTRY end there? */
static int way_check(struct check *check, const struct ntfs_entry *entry)
{
    struct ntfs_sought *sought = &check->sought;
    const char *wrong = name_take(check, entry);
    int err;

    if (wrong)
        return unsound(check, wrong, entry->at);
    err = ntfs_sought_find(check->dir, sought);
    if (err)
        return err;
    return sought->exact && sought->reference == entry->reference ? 0 :
        unsound(check, "ntfs: directory with a name that is not found",
                entry->at);
}

/* Is the child of ENTRY, if it has one, among the blocks that are listed? */
static int child_check(const struct check *check,
                       const struct ntfs_entry *entry)
{
    const struct ntfs_dir *dir = check->dir;
    uint64_t number, next;
    int more;

    if (entry->child == NTFS_NO_CHILD)
        return 0;
    more = ntfs_index_child(dir->vol, dir->index, entry, &number);
    if (more)
        return more;
    next = number;
    more = ntfs_index_used(dir->vol, dir->index, &next);
    if (more < 0)
        return more;
    return more > 0 && next == number ? 0 :
        unsound(check, "ntfs: directory with a block that its bitmap lacks",
                entry->at);
}

static int node_check(struct check *check, const struct ntfs_index_node *node)
{
    const struct ntfs_dir *dir = check->dir;
    uint32_t offset = node->first;
    struct ntfs_entry entry, first, last;
    unsigned count = 0;
    int more, err = 0;

    check->length = 0;
    while (!err && (more = ntfs_index_next(dir->vol, dir->index, node, &offset,
                                           &entry)) != 0) {
        if (more < 0)
            return more;
        err = child_check(check, &entry);
        if (err || entry.last)
            continue;
        last = entry;
        if (count++ == 0)
            first = entry;
        err = order_check(check, &entry);
    }
    if (!err && count > 0)
        err = way_check(check, &first);
    if (!err && count > 1)
        err = way_check(check, &last);
    return err;
}

/* Check the root, and the blocks in use, each in the memory at BUF. */
static int nodes_check(struct check *check, uint8_t *buf)
{
    const struct ntfs_dir *dir = check->dir;
    struct ntfs_index_node node = ntfs_index_root(dir->index);
    uint64_t number = 0;
    int err = node_check(check, &node), more;

    while (!err && (more = ntfs_index_used(dir->vol, dir->index,
                                           &number)) != 0) {
        if (more < 0)
            return more;
        err = ntfs_index_block(dir->vol, dir->index, number, true, buf, &node);
        if (!err)
            err = node_check(check, &node);
        number++;
    }
    return err;
}

int ntfs_index_examine(const struct ntfs_dir *dir)
{
    struct shale_mem *mem = dir->vol->fs->mem;
    unsigned *checked = &dir->index->checked;
    uint32_t size = dir->index->block_size;
    struct check *check;
    uint8_t *buf;
    int err = SHALE_ENOMEM;

    if (!dir->vol->options.recover ||
        __atomic_load_n(checked, __ATOMIC_ACQUIRE) != NTFS_UNCHECKED)
        return 0;
    check = shale_alloc(mem, sizeof *check);
    buf = shale_alloc(mem, size);
    if (check && buf) {
        check->dir = dir;
        err = nodes_check(check, buf);
    }
    shale_free(mem, buf, size);
    shale_free(mem, check, sizeof *check);
    if (err && !ntfs_recover_helps(dir->vol, err))
        return err;
    __atomic_store_n(checked, err ? NTFS_DAMAGED : NTFS_SOUND,
                     __ATOMIC_RELEASE);
    return 0;
}
