/*
 * info_json.c - what `shale info` gathered, for programs
 */
#include <inttypes.h>

#include "info.h"
#include "jsonout.h"
#include "shale/fs.h"

static void sink_text(struct shale_describe *to, const char *key,
                      const char *value)
{
    jsonout_text(((struct info_json_sink *)to)->object, key, value);
}

static void sink_number(struct shale_describe *to, const char *key,
                        uint64_t value)
{
    jsonout_number(((struct info_json_sink *)to)->object, key, value);
}

static void sink_time(struct shale_describe *to, const char *key,
                      int64_t seconds)
{
    struct json *object = ((struct info_json_sink *)to)->object;
    struct shale_time time = { seconds, 0 };

    if (seconds == 0)
        json_set(object, key, json_null());
    else
        jsonout_time(object, key, time);
}

static void sink_item(struct shale_describe *to, const char *key,
                      const char *value)
{
    struct json *object = ((struct info_json_sink *)to)->object;

    if (!json_get(object, key))
        json_set(object, key, json_list());
    json_append(json_get(object, key), json_text(value));
}

void info_json_sink_init(struct info_json_sink *sink, struct json *object)
{
    *sink = (struct info_json_sink){
        { sink_text, sink_number, sink_time, sink_item }, object,
    };
}

static struct json *row_json(const struct table *table,
                             const struct table_row *row)
{
    const struct shale_partition *part = &row->part;
    const char *type = table_type_name(table, part);
    struct json *object = json_new();
    char code[TABLE_GUID_MAX];

    jsonout_number(object, "number", part->number);
    jsonout_number(object, "start", part->start);
    jsonout_number(object, "size", part->size);
    table_type_code(table, part, code);
    jsonout_text(object, "type", code);
    json_set(object, "type_name", type ? json_text(type) : json_null());
    if (table->info.kind == SHALE_TABLE_GPT) {
        table_guid(part->guid, code);
        jsonout_text(object, "guid", code);
        jsonout_text(object, "name", part->name);
    }
    jsonout_bool(object, "bootable", part->bootable);
    jsonout_bool(object, "extended", part->extended);
    json_set(object, "content", *row->content ? json_text(row->content)
                                              : json_null());
    jsonout_bool(object, "supported", row->known);
    return object;
}

static struct json *table_json(const struct table *table)
{
    struct json *object, *rows;
    char guid[TABLE_GUID_MAX];

    if (table->info.kind == SHALE_TABLE_NONE)
        return json_null();
    object = json_new();
    rows = json_list();
    jsonout_text(object, "kind", table_kind(table->info.kind));
    jsonout_number(object, "sector_size", table->info.sector_size);
    if (table->info.kind == SHALE_TABLE_GPT) {
        table_guid(table->info.disk_guid, guid);
        jsonout_text(object, "id", guid);
        jsonout_bool(object, "backup_used", table->info.backup_used);
    } else {
        snprintf(guid, sizeof guid, "0x%08" PRIx32, table->info.mbr_id);
        jsonout_text(object, "id", guid);
    }
    for (size_t i = 0; i < table->count; i++)
        json_append(rows, row_json(table, &table->rows[i]));
    json_set(object, "partitions", rows);
    return object;
}

static struct json *usage_json(const struct shale_statfs *usage)
{
    struct json *object = json_new();

    jsonout_number(object, "block_size", usage->block_size);
    jsonout_number(object, "blocks", usage->blocks);
    jsonout_number(object, "blocks_free", usage->blocks_free);
    jsonout_number(object, "blocks_available", usage->blocks_available);
    jsonout_number(object, "files", usage->files);
    jsonout_number(object, "files_free", usage->files_free);
    jsonout_number(object, "name_max", usage->name_max);
    return object;
}

static struct json *volume_json(struct info *info)
{
    struct info_json_sink sink;
    struct shale_image *image = info->vol.image;
    struct shale_statfs usage;
    struct json *object;
    int err;

    if (!info->vol.fs)
        return json_null();
    object = json_new();
    jsonout_text(object, "filesystem", shale_fs_name(info->vol.fs));
    json_set(object, "partition", image->part
                ? json_number(image->part) : json_null());
    jsonout_number(object, "start", image->volume.start);
    jsonout_number(object, "size", image->volume.base.size);
    info_json_sink_init(&sink, json_new());
    err = shale_describe(info->vol.fs, &sink.base);
    json_set(object, "details", sink.object);
    if (err)
        volume_fail(&info->vol, NULL, err);
    err = shale_statfs(info->vol.fs, &usage);
    if (err)
        volume_fail(&info->vol, NULL, err);
    else
        json_set(object, "usage", usage_json(&usage));
    return object;
}

void info_show_json(struct info *info)
{
    struct json *document = json_new();

    jsonout_text(document, "image", info->vol.name);
    jsonout_number(document, "size", info->size);
    json_set(document, "content", *info->content
                ? json_text(info->content) : json_null());
    json_set(document, "table", table_json(&info->table));
    json_set(document, "volume", volume_json(info));
    jsonout_document(document);
}
