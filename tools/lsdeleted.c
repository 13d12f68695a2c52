/*
 * lsdeleted.c - shale ls --deleted: files that are gone
 */
#include <inttypes.h>
#include <string.h>

#include "deleted.h"
#include "jsonout.h"

static void print_text(const struct deleted_file *file, bool human)
{
    char size[PRINT_SIZE_MAX], time[PRINT_TIME_MAX];

    if (human)
        print_size_short(file->size, size);
    else
        snprintf(size, sizeof size, "%" PRIu64, file->size);
    print_time_short(file->mtime, time);
    printf("%10" PRIu64 " %12s %3u%% %s ", file->record, size,
           deleted_percent(file), time);
    print_name(stdout, file->path, strlen(file->path));
    puts(file->type == SHALE_TYPE_DIR ? "/" : "");
}

static void print_json(struct jsonout_array *array,
                       const struct deleted_file *file)
{
    struct json *object = json_new();

    jsonout_text(object, "name", file->name);
    jsonout_text(object, "path", file->path);
    jsonout_number(object, "record", file->record);
    jsonout_text(object, "type", print_type_key(file->type));
    jsonout_number(object, "size", file->size);
    jsonout_number(object, "allocated", file->allocated);
    jsonout_number(object, "lost", file->lost);
    jsonout_time(object, "mtime", file->mtime);
    jsonout_item(array, object);
}

/* Is FILE one of those that ALL's paths mean? */
static bool is_meant(const struct deleted *all, const struct deleted_file *file)
{
    bool exact;

    for (size_t i = 0; i < all->wanted_count; i++)
        if (deleted_matches(file, all->wanted[i], &exact))
            return true;
    return false;
}

void deleted_list(struct volume *vol, bool human, bool json)
{
    struct jsonout_array array;
    struct deleted all;
    bool some = false;

    if (!deleted_load(vol, &all))
        return;
    if (json)
        jsonout_begin(&array);
    for (size_t i = 0; i < all.count; i++) {
        if (!is_meant(&all, &all.files[i]))
            continue;
        if (!json && !some)
            printf("%10s %12s %4s %-16s %s\n", "RECORD", "SIZE", "LOST",
                   "MODIFIED", "PATH");
        some = true;
        if (json)
            print_json(&array, &all.files[i]);
        else
            print_text(&all.files[i], human);
    }
    if (json)
        jsonout_end(&array);
    deleted_free(&all);
}
