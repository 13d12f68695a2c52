/*
 * label.c - the volume's name
 *
 * It is kept twice: as an entry of the root directory, which is what Windows
 * shows and changes, and in the boot sector (and its copy), which is what DOS
 * formats. The latter says "NO NAME" for none.
 */
#include "codepage.h"
#include "dir.h"
#include "dirent.h"
#include "fat.h"
#include "fold.h"
#include "memfn.h"
#include "name.h"
#include "node.h"
#include "utf16.h"
#include "write.h"

#define LABEL_LEN 11u

static const uint8_t no_name[LABEL_LEN + 1] = "NO NAME    ";

/* May a label have UNIT in it? (FAT spec, "BS_VolLab", and short names) */
static bool label_takes(uint16_t unit)
{
    return unit >= 0x20 && unit != 0x7f &&
           !fat_is_one_of(unit, "\"*+,./:;<=>?[\\]|");
}

int fat_label_encode(const struct shale_codepage *page, const char *label,
                     size_t len, uint8_t out[11])
{
    uint16_t units[3 * LABEL_LEN];
    size_t used = 0;
    int count;

    /* No character of a code page takes more than three bytes here. */
    if (len > sizeof units / sizeof units[0])
        return SHALE_ENAMETOOLONG;
    count = utf16_from_utf8(label, len, units, sizeof units / sizeof units[0]);
    if (count < 0)
        return count;
    memset(out, ' ', LABEL_LEN);
    for (int i = 0; i < count; i++) {
        uint8_t bytes[2];
        size_t size = fat_codepage_encode(page, fat_upper(units[i]), bytes);

        if (!label_takes(units[i]) || size == 0 || (i == 0 && units[i] == ' '))
            return SHALE_EINVAL;
        if (size > LABEL_LEN - used)
            return SHALE_ENAMETOOLONG;
        memcpy(out + used, bytes, size);
        used += size;
    }
    return 0;
}

/* ------------------------------------------------------- the boot sector */

/*
 * Store LABEL in SECTOR, if that is a boot sector of VOL with room for one. A
 * sector that stays as it is is not written.
 */
static int boot_store(struct fat_volume *vol, uint32_t sector,
                      const uint8_t label[11])
{
    struct fat_disk_ext *ext;
    struct fat_spot spot;
    int err = fat_sector_change(vol, sector, &spot);

    if (err)
        return err;
    ext = (struct fat_disk_ext *)(spot.raw + vol->boot.ext_at);
    if (ext->signature == FAT_EXT_ID_LABEL &&
        le32_get(ext->id) == vol->boot.id)
        memcpy(ext->label, label, LABEL_LEN);
    shale_buf_put(spot.buf);
    return 0;
}

static int boot_change(struct fat_volume *vol, const uint8_t label[11])
{
    struct fat_boot *boot = &vol->boot;
    int err;

    if (!boot->has_label)
        return 0;
    err = shale_tx_save(vol->fs->tx, boot->label, sizeof boot->label);
    if (!err)
        err = boot_store(vol, 0, label);
    if (!err && boot->backup_sector != 0)
        err = boot_store(vol, boot->backup_sector, label);
    if (!err)
        memcpy(boot->label, label, LABEL_LEN);
    return err;
}

/* ------------------------------------------------------- the root's entry */

/* Make a free slot of the root the label's. */
static int entry_add(struct fat_vnode *root, const struct fat_entry *entry)
{
    struct fat_newname *name = &fat_volume_of(root->base.fs)->writer->name;
    struct fat_volume *vol = fat_volume_of(root->base.fs);
    struct fat_set *set = fat_set_get(vol);
    struct fat_room room;
    int err = SHALE_ENOMEM;

    if (set)
        err = fat_room_find(root, 1, &room);
    if (!err) {
        name->len = 0;
        name->is_long = false;
        name->lower = 0;
        memcpy(name->name, entry->name, sizeof name->name);
        err = fat_set_store(root, &room, name, entry, set);
    }
    fat_set_put(vol, set);
    return err;
}

/* Change the entry in SLOT to ENTRY. */
static int entry_change(struct fat_vnode *root, uint32_t slot,
                        const struct fat_entry *entry)
{
    struct fat_spot spot;
    int found = fat_dir_slot(root, slot, &spot);

    if (found <= 0)
        return found < 0 ? found : SHALE_EINVAL;
    return fat_spot_store(fat_volume_of(root->base.fs), &spot, entry);
}

/* The root's entry is to be LABEL; NULL for none. */
static int root_change(struct fat_volume *vol, const uint8_t *label)
{
    struct fat_vnode *root = vol->root;
    struct fat_entry entry;
    struct shale_time now = shale_now(vol->fs);
    uint32_t slot = 0;
    int found = fat_label_find(root, &slot, &entry);

    if (found < 0)
        return found;
    if (!label)
        return found ? fat_slot_erase(root, slot) : 0;
    if (!found)
        entry = (struct fat_entry){ .attr = FAT_ATTR_LABEL };
    memcpy(entry.name, label, LABEL_LEN);
    if (entry.name[0] == FAT_NAME_FREE)
        entry.name[0] = FAT_NAME_E5;
    fat_time_encode(vol, &now, &entry.written);
    entry.written.tenth = 0;
    return found ? entry_change(root, slot, &entry) : entry_add(root, &entry);
}

int fat_set_label(struct shale_fs *fs, const char *label, size_t len)
{
    struct fat_volume *vol = fat_volume_of(fs);
    uint8_t bytes[LABEL_LEN];
    int err = 0;

    if (len > 0)
        err = fat_label_encode(vol->options.codepage, label, len, bytes);
    else
        memcpy(bytes, no_name, sizeof bytes);
    if (!err)
        err = root_change(vol, len > 0 ? bytes : NULL);
    if (!err)
        err = boot_change(vol, bytes);
    return err;
}
