/*
 * shared.c - clusters that several have: who with whom
 *
 * Reached only if somebody met a cluster that was owned. All entries are read
 * once more, and put in the order of their places. Then
 *
 *  1. the chains are followed again, one after the other. Where one meets a
 *     cluster that has been seen, it joins: another chain, or itself, which is
 *     a loop;
 *  2. each chain is a member of the first join that it comes to;
 *  3. who is a member of one join comes to the joins behind it as well, and is
 *     a member there if fewer than two are;
 *  4. each member is told with another one.
 *
 * No stretch between two joins is followed twice in any of these, so the work
 * is that of the first reading, and memory a few words for each entry.
 */
#include "fat32/check/check.h"

#define NAMED 2000u             /* findings that say whom with */
#define NONE 0xffffffffu
#define PATH_BYTES 1020u

/* An entry that has a chain, or the root of FAT32. */
struct head {
    uint64_t at;                /* its place; 0: the root */
    uint32_t dir;               /* of dirs[] */
    uint32_t first;             /* cluster */
    uint32_t join;              /* the first that it comes to, or NONE */
};

struct join {
    uint32_t cluster;
    uint32_t next;              /* the join behind it, or NONE */
    uint32_t member[2];         /* heads, or NONE */
};

struct sharing {
    struct fat_check *v;
    struct head *heads;
    size_t head_count, head_room;
    struct join *joins;
    uint32_t join_count;
    struct check_bits *seen, *joined;
};

/* ---------------------------------------------------------- all the heads */

static int add_head(struct sharing *s, const struct head *head)
{
    struct head *heads = fat_check_grow(s->v->check, s->heads, s->head_count,
                                        &s->head_room, sizeof *heads);

    if (!heads)
        return SHALE_ENOMEM;
    s->heads = heads;
    heads[s->head_count++] = *head;
    return 0;
}

static int add_heads(struct fat_check *v, struct fat_check_slots *slots,
                     void *context)
{
    struct sharing *s = context;
    struct fat_check_scan scan = { 0, false };
    enum fat_check_kind kind;
    int err = check_going(v->check);

    while (!err && (kind = fat_check_next(v, slots, &scan)) != FAT_KIND_NONE) {
        uint32_t slot = scan.next - 1;
        struct head head = {
            .at = fat_check_slot_at(v, slots, slot), .dir = slots->index,
            .first = fat_check_first(v, fat_check_entry(slots, slot)),
            .join = NONE,
        };

        if ((kind == FAT_KIND_FILE || kind == FAT_KIND_LABEL) &&
            fat_check_is_cluster(v, head.first))
            err = add_head(s, &head);
    }
    return err;
}

static int by_place(const void *a, const void *b)
{
    const struct head *x = a, *y = b;

    return x->at < y->at ? -1 : x->at > y->at;
}

static int find_heads(struct sharing *s)
{
    struct fat_check *v = s->v;
    int err = 0;

    if (v->boot.bits == 32)
        err = add_head(s, &(struct head){ .first = v->boot.root_cluster,
                                          .join = NONE });
    for (size_t i = 0; !err && i < v->dir_count; i++)
        if (v->dirs[i].clusters > 0 || v->dirs[i].first == 0)
            err = fat_check_dir_read(v, (uint32_t)i, NULL, false, add_heads,
                                     s);
    if (!err)
        check_sort(s->heads, s->head_count, sizeof *s->heads, by_place);
    return err;
}

/* --------------------------------------------------------------- 1: joins */

/* Is CLUSTER among the first LENGTH ones of the chain from FIRST? */
static bool has_passed(const struct fat_check *v, uint32_t first,
                       uint32_t length, uint32_t cluster)
{
    enum fat_check_end end = FAT_END_MET;
    uint32_t at = first, run, value;

    for (; length > 0 && end == FAT_END_MET; length -= run, at = value) {
        run = fat_check_run(v, at, &end, &value);
        if (run > length)
            run = length;
        if (cluster >= at && cluster - at < run)
            return true;
        if (run == 0)
            break;
    }
    return false;
}

/* HEAD's chain joins at CLUSTER, behind LENGTH clusters of its own. */
static int add_join(struct sharing *s, const struct head *head,
                    uint32_t length, uint32_t cluster)
{
    struct fat_check *v = s->v;

    if (has_passed(v, head->first, length, cluster))
        FAT_TELL(v, CHAIN_LOOP, fat_check_entry_at(v, cluster),
                 .object = SHALE_OBJECT_FILE, .number = head->at,
                 .other = length, .found = cluster);
    return check_bits_add(s->joined, cluster, 1, NULL);
}

static int follow(struct sharing *s, const struct head *head)
{
    struct fat_check *v = s->v;
    enum fat_check_end end = FAT_END_MET;
    uint32_t at = head->first, length = 0, run, value;
    int err = 0;

    while (!err && end == FAT_END_MET) {
        uint32_t fresh;

        run = fat_check_run(v, at, &end, &value);
        fresh = fat_check_before(s->seen, at, run);
        if (fresh > 0)
            err = check_bits_add(s->seen, at, fresh, NULL);
        length += fresh;
        if (!err && fresh < run)
            return add_join(s, head, length, at + fresh);
        at = value;
        if (!err)
            err = check_going(v->check);
    }
    return err;
}

/* All that are joined, in s->joins. */
static int list_joins(struct sharing *s)
{
    uint64_t count = (uint64_t)s->v->last + 1, at = 0;
    uint32_t i = 0;

    s->join_count = (uint32_t)check_bits_sum(s->joined, 0, count);
    s->joins = check_alloc(s->v->check, s->join_count * sizeof *s->joins);
    if (!s->joins)
        return SHALE_ENOMEM;
    for (; (at = check_bits_next(s->joined, at, true)) < count; at++)
        s->joins[i++] = (struct join){
            .cluster = (uint32_t)at, .next = NONE, .member = { NONE, NONE },
        };
    return 0;
}

static int find_joins(struct sharing *s)
{
    int err = 0;

    for (size_t i = 0; !err && i < s->head_count; i++)
        err = follow(s, &s->heads[i]);
    return err;
}

/* ---------------------------------------------------------- 2, 3: members */

static uint32_t join_of(const struct sharing *s, uint32_t cluster)
{
    uint32_t low = 0, high = s->join_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (s->joins[middle].cluster < cluster)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The first join that the chain from CLUSTER on comes to, or NONE. */
static uint32_t next_join(const struct sharing *s, uint32_t cluster)
{
    enum fat_check_end end = FAT_END_MET;

    while (end == FAT_END_MET) {
        uint32_t value, run = fat_check_run(s->v, cluster, &end, &value);
        uint32_t before = fat_check_before(s->joined, cluster, run);

        if (before < run)
            return join_of(s, cluster + before);
        cluster = value;
    }
    return NONE;
}

/* Make HEAD a member of JOIN. False if there are enough, or it is one. */
static bool add_member(struct join *join, uint32_t head)
{
    if (join->member[0] == head || join->member[1] != NONE)
        return false;
    join->member[join->member[0] == NONE ? 0 : 1] = head;
    return true;
}

static int find_members(struct sharing *s)
{
    int err = 0;

    for (uint32_t i = 0; !err && i < s->head_count; i++) {
        uint32_t join = next_join(s, s->heads[i].first);

        s->heads[i].join = join;
        if (join != NONE)
            add_member(&s->joins[join], i);
        err = check_going(s->v->check);
    }
    for (uint32_t i = 0; !err && i < s->join_count; i++) {
        uint32_t value = fat_check_get(s->v, s->joins[i].cluster);

        if (fat_check_is_cluster(s->v, value))
            s->joins[i].next = next_join(s, value);
        err = check_going(s->v->check);
    }
    return err;
}

/* Bring the members of each join to those behind it. */
static void pass_members(struct sharing *s)
{
    for (uint32_t i = 0; i < s->join_count; i++)
        for (size_t k = 0; k < 2; k++) {
            uint32_t head = s->joins[i].member[k], at = s->joins[i].next;

            while (head != NONE && at != NONE &&
                   add_member(&s->joins[at], head))
                at = s->joins[at].next;
        }
}

/* ----------------------------------------------------------------- 4: tell */

static int tell(struct sharing *s, uint32_t index, uint32_t with, char *path,
                bool named)
{
    struct fat_check *v = s->v;
    const struct head *head = &s->heads[index], *other = &s->heads[with];
    uint32_t cluster = s->joins[head->join].cluster;
    const char *name = "another file";
    size_t len = 12;
    int err = 0;

    if (named) {
        err = fat_check_path_of(v, other->dir, other->at, path, PATH_BYTES,
                                &len);
        name = path;
    }
    if (!err)
        FAT_TELL(v, CHAIN_SHARED, fat_check_entry_at(v, cluster),
                 .object = SHALE_OBJECT_FILE, .number = head->at,
                 .other = cluster, .name = name, .len = len);
    return err;
}

static int tell_all(struct sharing *s)
{
    char *path = check_alloc(s->v->check, PATH_BYTES);
    uint32_t told = 0;
    int err = path ? 0 : SHALE_ENOMEM;

    for (uint32_t i = 0; !err && i < s->head_count; i++) {
        const struct join *join;
        uint32_t with;

        if (s->heads[i].join == NONE)
            continue;
        join = &s->joins[s->heads[i].join];
        with = join->member[0] == i ? join->member[1] : join->member[0];
        if (with != NONE)
            err = tell(s, i, with, path, told++ < NAMED);
    }
    check_free(s->v->check, path, PATH_BYTES);
    return err;
}

/* --------------------------------------------------- what had been kept */

/* Does the chain of the entry at AT come to a join? */
static bool has_join(const struct sharing *s, uint64_t at)
{
    size_t low = 0, high = s->head_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (s->heads[middle].at < at)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->head_count && s->heads[low].at == at &&
           s->heads[low].join != NONE;
}

static void tell_problems(const struct sharing *s)
{
    struct fat_check *v = s->v;

    for (size_t i = 0; i < v->problem_count; i++)
        if (!has_join(s, v->problems[i].at))
            fat_check_tell_problem(v, &v->problems[i]);
}

int fat_check_shared(struct fat_check *v)
{
    struct sharing s = { .v = v };
    uint64_t count = (uint64_t)v->last + 1;
    int err = SHALE_ENOMEM;

    if (!v->shared) {
        tell_problems(&s);
        return 0;
    }
    check_phase(v->check, "shared clusters", 1);
    s.seen = check_bits_create(v->check, count);
    s.joined = check_bits_create(v->check, count);
    if (s.seen && s.joined)
        err = find_heads(&s);
    if (!err)
        err = find_joins(&s);
    if (!err)
        err = list_joins(&s);
    if (!err)
        err = find_members(&s);
    if (!err) {
        pass_members(&s);
        tell_problems(&s);
        err = tell_all(&s);
    }
    check_free(v->check, s.joins, s.join_count * sizeof *s.joins);
    check_free(v->check, s.heads, s.head_room * sizeof *s.heads);
    check_bits_destroy(s.joined);
    check_bits_destroy(s.seen);
    check_done(v->check, 1);
    return err;
}
