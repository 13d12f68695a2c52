/*
 * entry.c - one entry: name, attributes, times, size against chain
 */
#include "fat32/check/check.h"
#include "fat32/name.h"

#define FILE_AT(at) .object = SHALE_OBJECT_FILE, .number = (at)

/* ---------------------------------------------------------------- the name */

/* What no short name has in it (FAT spec, "DIR_Name[0]"); nor does it have the
   dot, which is not kept. */
static bool is_never(uint8_t byte)
{
    if (byte >= 0x80 || (byte >= 'A' && byte <= 'Z') || byte == ' ')
        return false;
    return byte < 0x20 || fat_is_one_of(byte, "\"*./:<>?\\|\x7f");
}

bool fat_check_name_is_legal(const uint8_t name[11])
{
    if (name[0] == ' ')
        return false;
    for (size_t i = name[0] == FAT_NAME_E5 ? 1 : 0; i < 11; i++)
        if (is_never(name[i]))
            return false;
    return true;
}

static bool has_small_letters(const uint8_t name[11])
{
    for (size_t i = 0; i < 11; i++)
        if (name[i] >= 'a' && name[i] <= 'z')
            return true;
    return false;
}

/*
 * Windows 10 has a flag for files (encrypted ones) whose short name is not to
 * be looked at: then there has to be a long one.
 */
static void check_name(struct fat_check *v, const struct fat_disk_entry *raw,
                       uint64_t at, bool long_name)
{
    const char *name = (const char *)raw->name;

    if (raw->lower & FAT_LOWER_NO_SHORT) {
        if (!long_name)
            FAT_TELL(v, NAME_NONE, at + FAT_ENTRY_FIELD(lower), FILE_AT(at),
                     .name = name, .len = 11);
        return;
    }
    if (!fat_check_name_is_legal(raw->name))
        FAT_TELL(v, NAME_BAD, at, FILE_AT(at), .name = name, .len = 11);
    else if (has_small_letters(raw->name))
        FAT_TELL(v, NAME_SMALL, at, FILE_AT(at), .name = name, .len = 11);
}

/* --------------------------------------------------- attributes and times */

static void check_attributes(struct fat_check *v,
                             const struct fat_disk_entry *raw, uint64_t at)
{
    if ((raw->attr & (FAT_ATTR_LABEL | FAT_ATTR_DIR)) ==
        (FAT_ATTR_LABEL | FAT_ATTR_DIR))
        FAT_TELL(v, ENTRY_LABEL_DIR, at + FAT_ENTRY_FIELD(attr), FILE_AT(at),
                 .found = raw->attr);
    else if (raw->attr & 0xc0)
        FAT_TELL(v, ENTRY_ATTRIBUTES, at + FAT_ENTRY_FIELD(attr), FILE_AT(at),
                 .found = raw->attr);
    if (raw->lower & 0xc0)
        FAT_TELL(v, ENTRY_FLAGS, at + FAT_ENTRY_FIELD(lower), FILE_AT(at),
                 .found = raw->lower);
}

/* Days of MONTH, from 1, in the year that is YEAR after 1980. */
static unsigned days_of(unsigned month, unsigned year)
{
    static const uint8_t days[12] = {
        31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
    };

    /* 2100 is no leap year. */
    if (month == 2 && year % 4 == 0 && year != 120)
        return 29;
    return days[month - 1];
}

/* Is that a moment? A date of 0 is none, and allowed. */
static bool is_moment(uint32_t date, uint32_t time)
{
    unsigned month = date >> 5 & 15, day = date & 31;

    if (date == 0)
        return true;
    return month >= 1 && month <= 12 && day >= 1 &&
           day <= days_of(month, date >> 9) && time >> 11 < 24 &&
           (time >> 5 & 63) < 60 && (time & 31) < 30;
}

/* DATE and TIME, of which the date is in byte FIELD of the entry at AT. */
static void check_time(struct fat_check *v, uint64_t at, uint64_t field,
                       uint32_t date, uint32_t time, const char *which,
                       size_t len)
{
    uint32_t both = date << 16 | time;

    if (!is_moment(date, time))
        FAT_TELL(v, TIME_BAD, at + field, FILE_AT(at), .name = which,
                 .len = len, .found = both);
    else if (v->late && both >= v->late)
        FAT_TELL(v, TIME_FUTURE, at + field, FILE_AT(at), .name = which,
                 .len = len, .found = both);
}

static void check_times(struct fat_check *v, const struct fat_disk_entry *raw,
                        uint64_t at)
{
    check_time(v, at, FAT_ENTRY_FIELD(write_date), le16_get(raw->write_date),
               le16_get(raw->write_time), "change", 6);
    check_time(v, at, FAT_ENTRY_FIELD(create_date), le16_get(raw->create_date),
               le16_get(raw->create_time), "creation", 8);
    check_time(v, at, FAT_ENTRY_FIELD(access_date), le16_get(raw->access_date),
               0, "access", 6);
    if (raw->create_tenth > 199)
        FAT_TELL(v, TIME_BAD, at + FAT_ENTRY_FIELD(create_tenth), FILE_AT(at),
                 .name = "creation", .len = 8, .found = raw->create_tenth);
}

/* ----------------------------------------------------- clusters and size */

/* Does the file at AT begin with a cluster that there is? */
static bool check_first(struct fat_check *v, uint32_t first, uint64_t at)
{
    if (fat_check_is_cluster(v, first))
        return true;
    FAT_TELL(v, CHAIN_START, at + FAT_ENTRY_FIELD(cluster_low), FILE_AT(at),
             .found = first, .other = v->last);
    return false;
}

static int check_subdir(struct fat_check *v,
                        const struct fat_check_slots *slots,
                        const struct fat_disk_entry *raw, uint64_t at)
{
    uint32_t first = fat_check_first(v, raw);
    struct fat_check_dir dir = {
        .at = at, .first = first, .parent = slots->index,
    };

    if (le32_get(raw->size) != 0)
        FAT_TELL(v, DIR_SIZE, at + FAT_ENTRY_FIELD(size), FILE_AT(at),
                 .compared = true, .expected = 0,
                 .found = le32_get(raw->size));
    if (first == 0) {
        FAT_TELL(v, DIR_NOWHERE, at + FAT_ENTRY_FIELD(cluster_low),
                 FILE_AT(at), .found = 0);
        return 0;
    }
    return check_first(v, first, at) ? fat_check_dir_add(v, &dir) : 0;
}

/* The chain of LENGTH clusters is sound: is it as long as SIZE bytes take? */
static void check_length(struct fat_check *v, uint32_t length, uint32_t size,
                         uint64_t at)
{
    uint64_t needed = ((uint64_t)size + v->boot.cluster_size - 1)
                      >> v->boot.cluster_shift;
    uint64_t field = at + FAT_ENTRY_FIELD(size);

    if (needed == 0 && length > 0)
        FAT_TELL(v, SIZE_ZERO, field, FILE_AT(at), .compared = true,
                 .expected = needed, .found = length);
    else if (length > needed)
        FAT_TELL(v, SIZE_LESS, field, FILE_AT(at), .compared = true,
                 .expected = needed, .found = length, .other = size);
    else if (length < needed)
        FAT_TELL(v, SIZE_MORE, field, FILE_AT(at), .compared = true,
                 .expected = needed, .found = length, .other = size);
}

void fat_check_tell_problem(struct fat_check *v,
                            const struct fat_check_problem *problem)
{
    if (!fat_check_tell_end(v, SHALE_OBJECT_FILE, problem->at,
                            problem->at + FAT_ENTRY_FIELD(cluster_low),
                            &problem->chain))
        check_length(v, problem->chain.length, problem->size, problem->at);
}

/* Is anything wrong with that? */
static bool is_problem(const struct fat_check *v,
                       const struct fat_check_problem *problem)
{
    uint64_t room = (uint64_t)problem->chain.length << v->boot.cluster_shift;

    return problem->chain.end != FAT_END_MARK || room < problem->size ||
           room - problem->size >= v->boot.cluster_size;
}

/* Keep PROBLEM until all is known. By any worker. */
static int keep(struct fat_check *v, const struct fat_check_problem *problem)
{
    struct fat_check_problem *all;

    check_lock(v->check, &v->lock);
    all = fat_check_grow(v->check, v->problems, v->problem_count,
                         &v->problem_room, sizeof *all);
    if (all) {
        v->problems = all;
        all[v->problem_count++] = *problem;
    }
    check_unlock(v->check, &v->lock);
    return all ? 0 : SHALE_ENOMEM;
}

static int check_data(struct fat_check *v, const struct fat_disk_entry *raw,
                      uint64_t at)
{
    struct fat_check_use use = { SHALE_USE_DATA, at };
    uint32_t first = fat_check_first(v, raw), size = le32_get(raw->size);
    struct fat_check_problem problem = { .at = at, .size = size };
    int err;

    if (first == 0) {
        if (size != 0)
            FAT_TELL(v, SIZE_NOWHERE, at + FAT_ENTRY_FIELD(size), FILE_AT(at),
                     .other = size);
        return 0;
    }
    if (!check_first(v, first, at))
        return 0;
    err = fat_check_follow(v, first, v->owned, &use, &problem.chain);
    if (err || !is_problem(v, &problem))
        return err;
    if (problem.chain.rows > FAT_CHECK_FEW &&
        problem.chain.end != FAT_END_MET)
        return keep(v, &problem);
    fat_check_tell_problem(v, &problem);
    return 0;
}

int fat_check_label_data(struct fat_check *v,
                         const struct fat_disk_entry *raw, uint64_t at)
{
    uint32_t first = fat_check_first(v, raw), size = le32_get(raw->size);
    struct fat_check_use use = { SHALE_USE_DATA, at };
    struct fat_check_chain chain;

    if (first == 0 && size == 0)
        return 0;
    FAT_TELL(v, LABEL_DATA, at + (first ? FAT_ENTRY_FIELD(cluster_low)
                                        : FAT_ENTRY_FIELD(size)),
             FILE_AT(at), .other = size, .found = first);
    if (!fat_check_is_cluster(v, first))
        return 0;
    return fat_check_follow(v, first, v->owned, &use, &chain);
}

int fat_check_file(struct fat_check *v, struct fat_check_slots *slots,
                   uint32_t slot, bool long_name)
{
    const struct fat_disk_entry *raw = fat_check_entry(slots, slot);
    uint64_t at = fat_check_slot_at(v, slots, slot);

    check_name(v, raw, at, long_name);
    check_attributes(v, raw, at);
    check_times(v, raw, at);
    return raw->attr & FAT_ATTR_DIR ? check_subdir(v, slots, raw, at)
                                    : check_data(v, raw, at);
}
