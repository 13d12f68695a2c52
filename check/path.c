/*
 * path.c - paths of what findings are about, and of what else is asked for
 *
 * Each object is looked for once: a checker has to go through all directories
 * for that, or up through all parents.
 */
#include "check/state.h"

enum { FIRST_ROOM = 64 };       /* objects */

static bool has_path(enum shale_object object)
{
    return object == SHALE_OBJECT_INODE || object == SHALE_OBJECT_FILE ||
           object == SHALE_OBJECT_RECORD;
}

int check_paths_reserve(struct check *check, struct check_paths *paths,
                        size_t room)
{
    struct check_path *at;

    if (room <= paths->room)
        return 0;
    at = room > SIZE_MAX / sizeof *at ? NULL :
                                        check_alloc(check, room * sizeof *at);
    if (!at)
        return SHALE_ENOMEM;
    if (paths->count)
        memcpy(at, paths->at, paths->count * sizeof *at);
    check_free(check, paths->at, paths->room * sizeof *at);
    paths->at = at;
    paths->room = room;
    return 0;
}

int check_paths_add(struct check *check, struct check_paths *paths,
                    enum shale_object object, uint64_t number)
{
    int err = 0;

    if (!has_path(object))
        return 0;
    if (paths->count == paths->room)
        err = check_paths_reserve(check, paths, paths->room ? paths->room * 2
                                                            : FIRST_ROOM);
    if (!err)
        paths->at[paths->count++] = (struct check_path){
            .object = object, .number = number,
        };
    return err;
}

void check_paths_free(struct check *check, struct check_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        check_free(check, paths->at[i].path, paths->at[i].size);
    check_free(check, paths->at, paths->room * sizeof *paths->at);
    *paths = (struct check_paths){ 0 };
}

static int by_object(const void *a, const void *b)
{
    const struct check_path *x = a, *y = b;
    int order = check_compare(x->object, y->object);

    return order ? order : check_compare(x->number, y->number);
}

/* Sort, and leave one of each. */
static void make_distinct(struct check_paths *paths)
{
    size_t distinct = 0;

    check_sort(paths->at, paths->count, sizeof *paths->at, by_object);
    for (size_t i = 0; i < paths->count; i++)
        if (distinct == 0 ||
            by_object(&paths->at[distinct - 1], &paths->at[i]) != 0)
            paths->at[distinct++] = paths->at[i];
    paths->count = distinct;
}

int check_path_set(struct check *check, struct check_path *path,
                   const char *text, size_t len)
{
    char *copy;

    if (len > CHECK_PATH_MAX) {
        text += len - CHECK_PATH_MAX;
        len = CHECK_PATH_MAX;
    }
    if (len == 0)
        return 0;
    copy = check_alloc(check, len);
    if (!copy)
        return SHALE_ENOMEM;
    memcpy(copy, text, len);
    check_free(check, path->path, path->size);
    path->path = copy;
    path->size = len;
    return 0;
}

const char *check_paths_text(const struct check_paths *paths,
                             enum shale_object object, uint64_t number,
                             struct check_text *text)
{
    const struct check_path key = { .object = object, .number = number };
    const struct check_path *found;
    size_t low = 0, high = paths->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (by_object(&paths->at[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == paths->count)
        return NULL;
    found = &paths->at[low];
    if (!found->path || by_object(found, &key) != 0)
        return NULL;
    check_text_start(text);
    check_text_name(text, found->path, found->size);
    return text->bytes;
}

/* Store in WANTED what the config asks for, each once. */
static int ask(struct check *check, struct check_paths *wanted)
{
    const struct shale_check_config *config = check->config;
    enum shale_object object;
    uint64_t number;
    int err = 0;

    for (size_t i = 0; !err && config->wanted &&
                       config->wanted(config->context, i, &object, &number);
         i++)
        err = check_paths_add(check, wanted, object, number);
    make_distinct(wanted);
    return err;
}

/* Ask the checker for the paths of all in PATHS, which gets WANTED as well. */
static int find(struct check *check, struct check_paths *paths,
                const struct check_paths *wanted)
{
    const struct shale_checker *checker = check->state->checker;
    int err = 0;

    for (size_t i = 0; !err && i < wanted->count; i++)
        err = check_paths_add(check, paths, wanted->at[i].object,
                              wanted->at[i].number);
    make_distinct(paths);
    if (err || !checker->paths || paths->count == 0)
        return err;
    return checker->paths(check, paths->at, paths->count);
}

int check_paths_find(struct check *check, struct check_paths *paths,
                     bool may_find, struct check_text *text)
{
    const struct shale_check_config *config = check->config;
    struct check_paths wanted = { 0 };
    int err = ask(check, &wanted);

    if (!err && may_find)
        err = find(check, paths, &wanted);
    for (size_t i = 0; config->path && i < wanted.count; i++)
        config->path(config->context, wanted.at[i].object,
                     wanted.at[i].number,
                     check_paths_text(paths, wanted.at[i].object,
                                      wanted.at[i].number, text));
    check_paths_free(check, &wanted);
    return err;
}
