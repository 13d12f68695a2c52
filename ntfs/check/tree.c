/*
 * tree.c - directories: does the way up from each end at the root?
 *
 * The first scan has kept which directory each one is in, by its name. From
 * each the way up is gone until the root, or one that is known to lead there,
 * is reached; if it comes to where it has been, it is a circle.
 */
#include "ntfs/check/check.h"

static bool is_directory(const struct ntfs_check_record *kept)
{
    return kept->flags & NTFS_CHECK_IN_USE &&
           kept->flags & NTFS_CHECK_DIRECTORY &&
           !(kept->flags & NTFS_CHECK_EXTENSION);
}

/*
 * Where the way up from NUMBER ends, of which no more than STEPS are gone: the
 * first that is known to be reached, or the one that is in no directory, or,
 * if there are more steps than directories, one in a circle.
 */
static uint64_t climb(struct ntfs_check *nc, uint64_t number, uint64_t steps,
                      bool *reached, bool *circle)
{
    *reached = false;
    *circle = false;
    for (;;) {
        struct ntfs_check_record kept = ntfs_check_kept(nc, number);
        uint64_t up;

        if (kept.flags & NTFS_CHECK_REACHED) {
            *reached = true;
            return number;
        }
        up = check_array_get(nc->parents, number);
        if (!is_directory(&kept) || up == 0)
            return number;
        if (steps-- == 0) {
            *circle = true;
            return number;
        }
        number = NTFS_REFERENCE_NUMBER(up);
        if (number >= check_array_size(nc->parents))
            return number;
    }
}

/* Mark the way up from NUMBER to END as reached, or as seen to. */
static int mark_up(struct ntfs_check *nc, uint64_t number, uint64_t end)
{
    int err = 0;

    while (number != end && !err) {
        err = ntfs_check_mark(nc, number, NTFS_CHECK_REACHED);
        number = NTFS_REFERENCE_NUMBER(check_array_get(nc->parents, number));
    }
    return err;
}

/* Tell the circle that NUMBER is in, once, and call all of it reached. */
static int circle_tell(struct ntfs_check *nc, uint64_t number)
{
    uint64_t at = number, place;
    int err = ntfs_check_find(nc, number, NTFS_FILE_NAME, &place);

    if (err)
        return err;
    ntfs_check_tell(nc, NTFS_CHECK_DIRECTORY_LOOP, number, place);
    do {
        err = ntfs_check_mark(nc, at, NTFS_CHECK_REACHED);
        at = NTFS_REFERENCE_NUMBER(check_array_get(nc->parents, at));
    } while (!err && at != number);
    return err;
}

static int directory_judge(struct ntfs_check *nc, uint64_t number)
{
    uint64_t steps = nc->check->result->directories;
    bool reached, circle;
    uint64_t end = climb(nc, number, steps, &reached, &circle);
    int err;

    if (circle) {
        err = circle_tell(nc, end);
        if (!err)
            end = climb(nc, number, steps, &reached, &circle);
        return err ? err : mark_up(nc, number, end);
    }
    /* Where it ends elsewhere, a name without an entry has been told. */
    err = mark_up(nc, number, end);
    return err || end >= check_array_size(nc->records)
               ? err : ntfs_check_mark(nc, end, NTFS_CHECK_REACHED);
}

/* Directory NUMBER has several names. */
static int names_tell(struct ntfs_check *nc, uint64_t number)
{
    uint64_t at;
    int err = ntfs_check_find(nc, number, NTFS_FILE_NAME, &at);

    if (!err)
        ntfs_check_tell(nc, NTFS_CHECK_DIRECTORY_NAMES, number, at);
    return err;
}

int ntfs_check_tree(struct ntfs_check *nc)
{
    uint64_t count = check_array_size(nc->records);
    int err = ntfs_check_mark(nc, NTFS_ROOT, NTFS_CHECK_REACHED);

    for (uint64_t i = check_bits_next(nc->in_use, 0, true);
         i < count && !err; i = check_bits_next(nc->in_use, i + 1, true)) {
        struct ntfs_check_record kept = ntfs_check_kept(nc, i);

        err = check_going(nc->check);
        if (err || !is_directory(&kept))
            continue;
        /* That of the root is ".". */
        if (kept.flags & NTFS_CHECK_AGAIN)
            err = names_tell(nc, i);
        if (!err)
            err = directory_judge(nc, i);
    }
    return err;
}
