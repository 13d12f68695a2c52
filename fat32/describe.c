/*
 * describe.c - what a volume says about itself, for `shale info`
 */
#include "codepage.h"
#include "dir.h"
#include "dirent.h"
#include "fat.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "text.h"
#include "utf16.h"

#define LABEL_BYTES (11u * 3u + 1u)     /* as UTF-8, terminated */

int fat_label_find(struct fat_vnode *root, uint32_t *slot,
                   struct fat_entry *out)
{
    struct fat_volume *vol = fat_volume_of(root->base.fs);
    struct fat_walk walk;
    const uint8_t *raw;
    int found;

    fat_walk_start(&walk, root, 0);
    while ((found = fat_walk_slot(&walk, &raw, slot)) > 0) {
        enum fat_slot kind = fat_slot_kind(raw);

        if (kind == FAT_SLOT_END) {
            found = 0;
            break;
        }
        if (kind != FAT_SLOT_LABEL)
            continue;
        fat_entry_decode(vol, (const struct fat_disk_entry *)raw, out);
        if (!(out->attr & FAT_ATTR_DIR))
            break;
    }
    fat_walk_stop(&walk);
    return found;
}

/* The 11 bytes of LABEL, as text. */
static void label_text(const struct fat_volume *vol, const uint8_t label[11],
                       char *out)
{
    uint16_t units[11];
    size_t len = fat_label_decode(vol, label, units);

    out[utf16_to_utf8(units, len, out)] = '\0';
}

/* The label as Windows shows it, in the root, and the one as DOS formats. */
static int describe_labels(struct fat_volume *vol, struct shale_describe *to)
{
    const struct fat_boot *boot = &vol->boot;
    struct fat_vnode *root = fat_dir_borrow(vol, 0);
    char text[LABEL_BYTES];
    struct fat_entry entry;
    uint32_t slot;
    int found = SHALE_ENOMEM;

    if (root)
        found = fat_label_find(root, &slot, &entry);
    fat_dir_return(vol, root);
    if (found == SHALE_ENOMEM)
        return found;
    if (found > 0) {
        label_text(vol, entry.name, text);
        to->text(to, "label", text);
    }
    if (boot->has_label && memcmp(boot->label, "NO NAME    ", 11) != 0) {
        label_text(vol, boot->label, text);
        if (found <= 0)
            to->text(to, "label", text);
        to->text(to, "boot_label", text);
    }
    return 0;
}

/* "1A2B-3C4D" */
static void describe_id(uint32_t id, struct shale_describe *to)
{
    static const char digits[] = "0123456789ABCDEF";
    char text[10];

    for (unsigned i = 0; i < 8; i++)
        text[i < 4 ? i : i + 1] = digits[id >> (28 - 4 * i) & 15];
    text[4] = '-';
    text[9] = '\0';
    to->text(to, "volume_id", text);
}

static void describe_name(const struct fat_boot *boot,
                          struct shale_describe *to)
{
    char text[sizeof boot->oem + 1];
    size_t len = 0;

    /* Whoever formatted it wrote what they liked. */
    for (; len < sizeof boot->oem; len++)
        text[len] = boot->oem[len] >= ' ' && boot->oem[len] < 0x7f
                        ? (char)boot->oem[len] : '?';
    while (len > 0 && (text[len - 1] == ' ' || boot->oem[len - 1] == 0))
        len--;
    text[len] = '\0';
    to->text(to, "oem_name", text);
}

static void describe_geometry(const struct fat_boot *boot,
                              struct shale_describe *to)
{
    to->number(to, "sector_size", boot->sector_size);
    to->number(to, "cluster_size", boot->cluster_size);
    to->number(to, "sectors", boot->sectors);
    to->number(to, "clusters", boot->cluster_count);
    to->number(to, "reserved_sectors", boot->reserved);
    to->number(to, "fats", boot->fat_count);
    to->number(to, "fat_sectors", boot->fat_sectors);
    if (!boot->fat_mirrored)
        to->number(to, "active_fat", boot->fat_active + 1);
    if (boot->bits == 32)
        to->number(to, "root_cluster", boot->root_cluster);
    else
        to->number(to, "root_entries", boot->root_entries);
    to->number(to, "data_offset",
               (uint64_t)boot->data_sector << boot->sector_shift);
    to->number(to, "hidden_sectors", boot->hidden);
    to->number(to, "track_sectors", boot->track_sectors);
    to->number(to, "heads", boot->heads);
}

static void describe_copies(const struct fat_volume *vol,
                            struct shale_describe *to)
{
    const struct fat_boot *boot = &vol->boot;

    if (boot->info_sector != 0)
        to->number(to, "fsinfo_sector", boot->info_sector);
    if (boot->backup_sector != 0)
        to->number(to, "backup_boot_sector", boot->backup_sector);
    if (boot->at != 0)
        to->text(to, "boot_sector", "backup");
    if (vol->info.free_count != FAT_INFO_UNKNOWN)
        to->number(to, "fsinfo_free_clusters", vol->info.free_count);
    if (vol->info.next_free != FAT_INFO_UNKNOWN)
        to->number(to, "fsinfo_next_free", vol->info.next_free);
}

int fat_describe(struct shale_fs *fs, struct shale_describe *to)
{
    struct fat_volume *vol = fat_volume_of(fs);
    const struct fat_boot *boot = &vol->boot;
    struct text type = { .len = 0 };
    uint32_t free_clusters;
    int err;

    text_add(&type, "FAT");
    text_add_number(&type, boot->bits, 10);
    to->text(to, "type", type.bytes);
    err = describe_labels(vol, to);
    if (err)
        return err;
    if (boot->ext_at != 0)
        describe_id(boot->id, to);
    to->text(to, "state", vol->had_errors ? "errors"
                          : vol->was_dirty ? "not unmounted" : "clean");
    describe_geometry(boot, to);
    err = fat_info_free(vol, &free_clusters);
    if (err == SHALE_ENOMEM)
        return err;
    if (!err)
        to->number(to, "free_clusters", free_clusters);
    describe_copies(vol, to);
    describe_name(boot, to);
    to->number(to, "media", boot->media);
    to->number(to, "codepage", vol->options.codepage->number);
    return 0;
}
