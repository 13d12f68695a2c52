/*
 * info_text.c - what `shale info` gathered, for people
 */
#include <inttypes.h>
#include <string.h>

#include "info.h"
#include "shale/fs.h"

/* "block_size" as "block size: ", in a column of its own. */
static void print_key(const char *key)
{
    printf("  ");
    for (const char *at = key; *at; at++)
        putchar(*at == '_' ? ' ' : *at);
    printf(":%*s ", strlen(key) < 20 ? (int)(20 - strlen(key)) : 0, "");
}

void info_sink_end(struct info_sink *sink)
{
    if (sink->list[0])
        putchar('\n');
    sink->list[0] = '\0';
}

static void text_text(struct shale_describe *to, const char *key,
                      const char *value)
{
    info_sink_end((struct info_sink *)to);
    print_key(key);
    if (*value)
        print_name(stdout, value, strlen(value));
    else
        putchar('-');
    putchar('\n');
}

static bool key_is_bytes(const char *key)
{
    size_t len = strlen(key);

    return (len >= 5 && !strcmp(key + len - 5, "_size")) ||
           (len >= 6 && !strcmp(key + len - 6, "_bytes"));
}

static void print_bytes(const char *key, uint64_t bytes)
{
    char size[PRINT_SIZE_MAX];

    print_key(key);
    print_size_long(bytes, size);
    if (bytes < 1024)
        printf("%s\n", size);
    else
        printf("%s (%" PRIu64 " bytes)\n", size, bytes);
}

static void text_number(struct shale_describe *to, const char *key,
                        uint64_t value)
{
    info_sink_end((struct info_sink *)to);
    if (key_is_bytes(key)) {
        print_bytes(key, value);
        return;
    }
    print_key(key);
    printf("%" PRIu64 "\n", value);
}

static void text_time(struct shale_describe *to, const char *key,
                      int64_t seconds)
{
    struct shale_time time = { seconds, 0 };
    char text[PRINT_TIME_MAX];

    info_sink_end((struct info_sink *)to);
    print_key(key);
    if (seconds == 0)
        strcpy(text, "never");
    else
        print_time_short(time, text);
    puts(text);
}

static void text_item(struct shale_describe *to, const char *key,
                      const char *value)
{
    struct info_sink *sink = (struct info_sink *)to;

    if (strcmp(sink->list, key) != 0) {
        info_sink_end(sink);
        print_key(key);
        snprintf(sink->list, sizeof sink->list, "%s", key);
    } else {
        putchar(' ');
    }
    print_name(stdout, value, strlen(value));
}

void info_sink_init(struct info_sink *sink)
{
    *sink = (struct info_sink){
        { text_text, text_number, text_time, text_item }, "",
    };
}

static void show_image(const struct info *info)
{
    char size[PRINT_SIZE_MAX];

    print_size_long(info->size, size);
    print_name(stdout, info->vol.name, strlen(info->vol.name));
    printf(": %s", size);
    if (info->size >= 1024)
        printf(" (%" PRIu64 " bytes)", info->size);
    if (info->table.info.kind == SHALE_TABLE_NONE && !info->whole_known &&
        info->content[0])
        printf(", %s", info->content);
    putchar('\n');
}

static void show_row(const struct table *table, const struct table_row *row)
{
    const struct shale_partition *part = &row->part;
    const char *type = table_type_name(table, part);
    char code[TABLE_GUID_MAX], size[PRINT_SIZE_MAX];

    table_type_code(table, part, code);
    print_size_long(part->size, size);
    printf("  %4u %15" PRIu64 " %11s  %c  %-12s  %s", part->number,
           part->start, size, part->bootable ? '*' : ' ',
           part->extended ? "-" : *row->content ? row->content : "?",
           type ? type : code);
    if (part->name[0]) {
        fputs(", '", stdout);
        print_name(stdout, part->name, strlen(part->name));
        putchar('\'');
    }
    putchar('\n');
}

static void show_table(const struct table *table)
{
    char guid[TABLE_GUID_MAX];

    if (table->info.kind == SHALE_TABLE_NONE)
        return;
    table_guid(table->info.disk_guid, guid);
    printf("\nPartition table: %s, sectors of %" PRIu32 " bytes, ",
           table_kind(table->info.kind), table->info.sector_size);
    if (table->info.kind == SHALE_TABLE_GPT)
        printf("disk %s%s\n", guid, table->info.backup_used
               ? " (the backup: the primary is damaged)" : "");
    else
        printf("disk 0x%08" PRIx32 "\n", table->info.mbr_id);
    if (table->count == 0)
        puts("  no partitions");
    else
        printf("  %4s %15s %11s %4s %-12s  %s\n", "PART", "START BYTE", "SIZE",
               "BOOT", "CONTENT", "TYPE");
    for (size_t i = 0; i < table->count; i++)
        show_row(table, &table->rows[i]);
}

static void show_usage(const struct shale_statfs *usage)
{
    uint64_t block = usage->block_size;
    uint64_t used = usage->blocks - usage->blocks_free;

    puts("\nUsage:");
    print_bytes("size", usage->blocks * block);
    print_bytes("used", used * block);
    print_bytes("free", usage->blocks_free * block);
    print_bytes("available", usage->blocks_available * block);
    print_key("in_use");
    printf("%.1f%%\n", usage->blocks ? 100.0 * (double)used /
                                       (double)usage->blocks : 0.0);
    print_key("files");
    printf("%" PRIu64 " of %" PRIu64 "\n", usage->files - usage->files_free,
           usage->files);
}

static void show_volume(struct info *info)
{
    struct info_sink sink;
    struct shale_image *image = info->vol.image;
    struct shale_statfs usage;
    int err;

    printf("\nVolume: %s", shale_fs_name(info->vol.fs));
    if (image->part)
        printf(" in partition %u", image->part);
    putchar('\n');
    info_sink_init(&sink);
    text_number(&sink.base, "first_byte", image->volume.start);
    err = shale_describe(info->vol.fs, &sink.base);
    info_sink_end(&sink);
    if (err)
        volume_fail(&info->vol, NULL, err);
    err = shale_statfs(info->vol.fs, &usage);
    if (err)
        volume_fail(&info->vol, NULL, err);
    else
        show_usage(&usage);
}

void info_show_text(struct info *info)
{
    show_image(info);
    show_table(&info->table);
    if (info->vol.fs)
        show_volume(info);
}
