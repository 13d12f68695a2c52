/*
 * table.c - a disk's partition table, read into memory, for `shale info`
 */
#include <stdlib.h>
#include <string.h>

#include "table.h"
#include "tools.h"

/* Types seen in practice; the table on disk holds the number alone. */
static const struct {
    uint8_t type;
    const char *name;
} mbr_types[] = {
    { 0x01, "FAT12" },          { 0x04, "FAT16" },
    { 0x05, "extended" },       { 0x06, "FAT16" },
    { 0x07, "NTFS or exFAT" },  { 0x0b, "FAT32" },
    { 0x0c, "FAT32" },          { 0x0e, "FAT16" },
    { 0x0f, "extended" },       { 0x27, "Windows recovery" },
    { 0x82, "Linux swap" },     { 0x83, "Linux" },
    { 0x85, "extended" },       { 0x8e, "Linux LVM" },
    { 0xa5, "FreeBSD" },        { 0xa6, "OpenBSD" },
    { 0xaf, "HFS" },            { 0xee, "GPT protective" },
    { 0xef, "EFI system" },     { 0xfd, "Linux RAID" },
};

static const struct {
    const char *guid, *name;
} gpt_types[] = {
    { "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system" },
    { "21686148-6449-6e6f-744e-656564454649", "BIOS boot" },
    { "0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux" },
    { "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap" },
    { "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux root (x86-64)" },
    { "b921b045-1df0-41c3-af44-4c6f280d3fae", "Linux root (ARM64)" },
    { "933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux home" },
    { "bc13c2ff-59e6-4262-a352-b275fd6f7172", "Linux extended boot" },
    { "e6d6d379-f507-44c2-a23c-238f2a3df928", "Linux LVM" },
    { "a19d880f-05fc-4d3b-a006-743f0f84911e", "Linux RAID" },
    { "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "Windows data" },
    { "e3c9e316-0b5c-4db8-817d-f92df00215ae", "Windows reserved" },
    { "de94bba4-06d1-4d40-a16a-bfd50179d6ac", "Windows recovery" },
    { "48465300-0000-11aa-aa11-00306543ecac", "HFS+" },
    { "7c3457ef-0000-11aa-aa11-00306543ecac", "APFS" },
};

const char *table_kind(enum shale_table kind)
{
    return kind == SHALE_TABLE_GPT ? "gpt"
         : kind == SHALE_TABLE_MBR ? "mbr" : "none";
}

void table_guid(const uint8_t guid[16], char out[TABLE_GUID_MAX])
{
    for (size_t i = 0; i < 16; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        out += snprintf(out, 4, "%s%02x", dash ? "-" : "", guid[i]);
    }
}

void table_type_code(const struct table *table,
                     const struct shale_partition *part,
                     char out[TABLE_GUID_MAX])
{
    if (table->info.kind == SHALE_TABLE_GPT)
        table_guid(part->type_guid, out);
    else
        snprintf(out, TABLE_GUID_MAX, "0x%02x", part->mbr_type);
}

const char *table_type_name(const struct table *table,
                            const struct shale_partition *part)
{
    char code[TABLE_GUID_MAX];

    if (table->info.kind == SHALE_TABLE_MBR) {
        for (size_t i = 0; i < sizeof mbr_types / sizeof mbr_types[0]; i++)
            if (mbr_types[i].type == part->mbr_type)
                return mbr_types[i].name;
        return NULL;
    }
    table_guid(part->type_guid, code);
    for (size_t i = 0; i < sizeof gpt_types / sizeof gpt_types[0]; i++)
        if (!strcmp(gpt_types[i].guid, code))
            return gpt_types[i].name;
    return NULL;
}

bool table_content(struct shale_image *image, uint64_t start, uint64_t size,
                   char out[TABLE_CONTENT_MAX])
{
    const struct shale_fs_ops *driver;
    struct shale_slice_bdev slice;

    out[0] = '\0';
    if (shale_slice_bdev_init(&slice, shale_file_bdev(image->file), start,
                              size) != 0)
        return false;
    if (shale_probe(&slice.base, image->mem, shale_all_drivers,
                    &driver) == 0) {
        snprintf(out, TABLE_CONTENT_MAX, "%s", shale_driver_name(driver));
        return true;
    }
    if (!shale_guess_type(&slice.base, out, TABLE_CONTENT_MAX))
        out[0] = '\0';
    /* "vfat" is what others call it. */
    driver = shale_driver_named(out);
    if (driver)
        snprintf(out, TABLE_CONTENT_MAX, "%s", shale_driver_name(driver));
    return false;
}

static int add_row(void *context, const struct shale_partition *part)
{
    struct table *table = context;

    table->rows = xrealloc(table->rows, table->count + 1, sizeof *table->rows);
    memset(&table->rows[table->count], 0, sizeof *table->rows);
    table->rows[table->count++].part = *part;
    return 0;
}

int table_load(struct shale_image *image, struct table *table)
{
    int err;

    memset(table, 0, sizeof *table);
    err = shale_partitions(shale_file_bdev(image->file), image->mem,
                           &image->log, &table->info, add_row, table);
    for (size_t i = 0; i < table->count; i++) {
        struct table_row *row = &table->rows[i];

        if (row->part.extended)
            continue;
        row->known = table_content(image, row->part.start, row->part.size,
                                   row->content);
        table->known += row->known;
    }
    return err;
}

void table_free(struct table *table)
{
    free(table->rows);
    table->rows = NULL;
}
