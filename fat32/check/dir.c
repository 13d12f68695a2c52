/*
 * dir.c - the entries of one directory
 *
 * A slot whose name begins with 0 ends a directory, and all behind it are to be
 * zero as well (FAT spec 1.03, "FAT Directory Structure"). Linux and fsck.fat
 * read on; Windows, DOS and Shale do not. So what is behind the end and makes a
 * sound entry is told, for it is there for some and not for others; its
 * clusters count as its own.
 */
#include "fat32/chain.h"
#include "fat32/check/check.h"
#include "fat32/dirent.h"
#include "memfn.h"

#define GARBAGE_MIN 8u          /* bad names, for a directory to be none */

static bool is_root(const struct fat_check_slots *slots)
{
    return slots->dir->at == 0;
}

/* ------------------------------------------------------------- the slots */

/* Could the entry RAW, behind the end of a directory, be a file's? */
static bool is_plausible(const struct fat_check *v,
                         const struct fat_disk_entry *raw)
{
    uint32_t first = fat_check_first(v, raw), entry;

    if (raw->attr & (0xc0 | FAT_ATTR_LABEL) || raw->name[0] == '.' ||
        !fat_check_name_is_legal(raw->name))
        return false;
    if (first == 0)
        return !(raw->attr & FAT_ATTR_DIR) && le32_get(raw->size) == 0;
    if (!fat_check_is_cluster(v, first))
        return false;
    entry = fat_check_get(v, first);
    return entry != FAT_FREE && entry != (v->mask & FAT_BAD);
}

enum fat_check_kind fat_check_next(const struct fat_check *v,
                                   const struct fat_check_slots *slots,
                                   struct fat_check_scan *scan)
{
    const struct fat_disk_entry *raw;

    if (scan->next >= slots->count)
        return FAT_KIND_NONE;
    raw = fat_check_entry(slots, scan->next++);
    if (raw->name[0] == FAT_NAME_END) {
        if (!scan->ended &&
            check_is_zero(raw, (size_t)(slots->count - scan->next + 1) *
                               FAT_ENTRY_SIZE))
            scan->next = slots->count;
        scan->ended = true;
        return FAT_KIND_FREE;
    }
    if (raw->name[0] == FAT_NAME_FREE)
        return FAT_KIND_FREE;
    if (scan->ended)
        return is_plausible(v, raw) ? FAT_KIND_FILE : FAT_KIND_FREE;
    if ((raw->attr & FAT_ATTR_LONG_MASK) == FAT_ATTR_LONG)
        return FAT_KIND_LONG;
    if ((raw->attr & (FAT_ATTR_LABEL | FAT_ATTR_DIR)) == FAT_ATTR_LABEL)
        return FAT_KIND_LABEL;
    if (fat_dots(raw->name))
        return FAT_KIND_DOTS;
    return FAT_KIND_FILE;
}

/* --------------------------------------------------------- "." and ".." */

/* Is there NAME, of LEN dots, in SLOT? Then its attributes and its target. */
static bool check_dot(struct fat_check *v, const struct fat_check_slots *slots,
                      uint32_t slot, size_t len, uint32_t target)
{
    uint64_t at = fat_check_slot_at(v, slots, slot);
    const struct fat_disk_entry *raw = fat_check_entry(slots, slot);
    uint32_t first = fat_check_first(v, raw);

    if (memcmp(raw->name, "..         ", len) != 0 ||
        memcmp(raw->name + len, "           ", 11 - len) != 0) {
        FAT_TELL(v, DOT_MISSING, at, .object = SHALE_OBJECT_FILE,
                 .number = slots->dir->at, .name = "..", .len = len);
        return false;
    }
    if (!(raw->attr & FAT_ATTR_DIR) || raw->lower & FAT_LOWER_NO_SHORT)
        FAT_TELL(v, DOT_ATTRIBUTES, at + FAT_ENTRY_FIELD(attr),
                 .object = SHALE_OBJECT_FILE, .number = slots->dir->at,
                 .name = "..", .len = len,
                 .found = raw->attr);
    if (first != target)
        FAT_TELL(v, DOT_TARGET, at + FAT_ENTRY_FIELD(cluster_low),
                 .object = SHALE_OBJECT_FILE, .number = slots->dir->at,
                 .name = "..", .len = len,
                 .compared = true, .expected = target, .found = first);
    return true;
}

/* The first two slots of all directories but the root. */
static bool check_dots(struct fat_check *v,
                       const struct fat_check_slots *slots)
{
    uint32_t above;
    bool first, second;

    if (is_root(slots) || slots->count < 2)
        return true;
    check_lock(v->check, &v->lock);
    above = slots->dir->parent == 0 ? 0 : v->dirs[slots->dir->parent].first;
    check_unlock(v->check, &v->lock);
    first = check_dot(v, slots, 0, 1, slots->dir->first);
    second = check_dot(v, slots, 1, 2, above);
    return first || second;
}

/*
 * Without its dots, a directory may be the data of something else: then most of
 * its names are none.
 */
static bool is_garbage(struct fat_check *v,
                       const struct fat_check_slots *slots)
{
    struct fat_check_scan scan = { 0, false };
    uint32_t all = 0, bad = 0;
    enum fat_check_kind kind;

    while ((kind = fat_check_next(v, slots, &scan)) != FAT_KIND_NONE) {
        if (kind != FAT_KIND_FILE)
            continue;
        all++;
        bad += !fat_check_name_is_legal(fat_check_entry(slots, scan.next - 1)
                                        ->name);
    }
    if (bad < GARBAGE_MIN || bad <= all / 2)
        return false;
    FAT_TELL(v, DIR_GARBAGE, slots->at, .object = SHALE_OBJECT_FILE,
             .number = slots->dir->at, .other = all, .found = bad);
    return true;
}

/* ------------------------------------------------------------- the labels */

static int check_label(struct fat_check *v,
                       const struct fat_check_slots *slots, uint32_t slot)
{
    const struct fat_disk_entry *raw = fat_check_entry(slots, slot);
    uint64_t at = fat_check_slot_at(v, slots, slot);

    if (!is_root(slots)) {
        FAT_TELL(v, LABEL_INSIDE, at, .object = SHALE_OBJECT_FILE,
                 .number = slots->dir->at, .name = (const char *)raw->name,
                 .len = sizeof raw->name);
    } else if (v->label_at != 0) {
        FAT_TELL(v, LABEL_MANY, at, .name = (const char *)raw->name,
                 .len = sizeof raw->name);
    } else {
        memcpy(v->label, raw->name, sizeof v->label);
        v->label_at = at;
    }
    return fat_check_label_data(v, raw, at);
}

/* ------------------------------------------------------------------ all */

/* What was met in one directory. */
struct counts {
    uint32_t files, dirs;
    uint32_t behind, first_behind;      /* the end: how many, and where */
};

static int check_entry(struct fat_check *v, struct fat_check_slots *slots,
                       const struct fat_check_scan *scan, bool has_long,
                       struct counts *counts)
{
    uint32_t slot = scan->next - 1;

    if (scan->ended && counts->behind++ == 0)
        counts->first_behind = slot;
    if (fat_check_entry(slots, slot)->attr & FAT_ATTR_DIR)
        counts->dirs++;
    else
        counts->files++;
    return fat_check_file(v, slots, slot, has_long);
}

static void check_stray_dots(struct fat_check *v,
                             const struct fat_check_slots *slots,
                             uint32_t slot)
{
    const struct fat_disk_entry *raw = fat_check_entry(slots, slot);

    /* What is in the first two slots has been looked at. */
    if (is_root(slots) || slot > 1)
        FAT_TELL(v, DOT_PLACE, fat_check_slot_at(v, slots, slot),
                 .object = SHALE_OBJECT_FILE, .number = slots->dir->at,
                 .name = "..", .len = raw->name[1] == '.' ? 2 : 1,
                 .other = slot);
}

static int check_slots(struct fat_check *v, struct fat_check_slots *slots,
                       struct counts *counts)
{
    struct fat_check_lfn lfn = { .count = 0 };
    struct fat_check_scan scan = { 0, false };
    enum fat_check_kind kind;
    int err = 0;

    while (!err && (kind = fat_check_next(v, slots, &scan)) != FAT_KIND_NONE) {
        uint32_t slot = scan.next - 1;
        bool has_long = false;

        if (kind == FAT_KIND_LONG) {
            fat_check_lfn_piece(v, slots, slot, &lfn);
            continue;
        }
        if (lfn.count)
            has_long = fat_check_lfn_end(v, slots, slot,
                                         kind == FAT_KIND_FILE ||
                                             kind == FAT_KIND_LABEL,
                                         &lfn);
        if (kind == FAT_KIND_FILE)
            err = check_entry(v, slots, &scan, has_long, counts);
        else if (kind == FAT_KIND_LABEL)
            err = check_label(v, slots, slot);
        else if (kind == FAT_KIND_DOTS)
            check_stray_dots(v, slots, slot);
    }
    if (lfn.count)
        fat_check_lfn_end(v, slots, slots->count, false, &lfn);
    return err;
}

int fat_check_dir(struct fat_check *v, struct fat_check_slots *slots)
{
    struct shale_check_result *result = v->check->result;
    struct counts counts = { 0, 0, 0, 0 };
    int err;

    if (slots->unread)
        v->root_unread |= is_root(slots);
    else if (!check_dots(v, slots) && is_garbage(v, slots))
        return 0;
    err = check_slots(v, slots, &counts);
    if (err)
        return err;
    if (counts.behind)
        FAT_TELL(v, DIR_END,
                 fat_check_slot_at(v, slots, counts.first_behind),
                 .object = SHALE_OBJECT_FILE, .number = slots->dir->at,
                 .found = counts.behind, .other = counts.first_behind);
    check_lock(v->check, &v->lock);
    result->files += counts.files;
    result->directories++;
    check_unlock(v->check, &v->lock);
    return fat_check_names(v, slots, counts.files + counts.dirs);
}
