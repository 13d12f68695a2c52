/*
 * fat.c - FAT without memory: FAT12, FAT16, FAT32, long names
 *
 * A chain of clusters is walked from its beginning, or from where the file was
 * read last: shale_boot_file.where has the first cluster, and which of the
 * file's clusters was found last, and where. No walk is longer than the volume
 * has clusters, so one that goes in a circle ends.
 */
#include "boot/boot.h"
#include "fat32/chain.h"
#include "fat32/dirent.h"
#include "fat32/fat.h"
#include "fat32/name.h"
#include "memfn.h"
#include "shale/codepage.h"
#include "utf16.h"

/* In shale_boot_file.where. */
enum { FIRST, INDEX, CLUSTER };

#define FIXED_ROOT 0xffffffffu  /* FIRST of a root that has no clusters */

struct fat_state {
    struct fat_volume vol;      /* boot and options only */
    uint16_t name[FAT_LONG_MAX + 1];
    uint16_t wanted[FAT_LONG_MAX];
    uint32_t wanted_len;
};

_Static_assert(sizeof(struct fat_state) <= SHALE_BOOT_STATE, "state of FAT");

static struct fat_state *state_of(struct shale_boot *boot)
{
    return (struct fat_state *)(void *)boot->state.bytes;
}

static int fat_open(struct shale_boot *boot)
{
    struct fat_state *state = state_of(boot);
    struct fat_volume *vol = &state->vol;
    uint8_t *head = (uint8_t *)state->name;     /* nothing is in it yet */
    uint32_t field;
    int err;

    _Static_assert(sizeof state->name >= FAT_HEAD_SIZE, "room for a sector");
    memset(vol, 0, sizeof *vol);
    vol->options.codepage = &shale_codepage_437;
    vol->options.flags = FAT_SHOW_NT;
    err = boot_bytes(boot, 0, head, FAT_HEAD_SIZE);
    if (err)
        return err;
    return fat_boot_decode(head, 0, &vol->boot, &field) ? SHALE_ECORRUPT : 0;
}

static int fat_root(struct shale_boot *boot, struct shale_boot_file *out)
{
    const struct fat_boot *bpb = &state_of(boot)->vol.boot;

    *out = (struct shale_boot_file){ .type = SHALE_TYPE_DIR };
    out->where[FIRST] = bpb->bits == 32 ? bpb->root_cluster : FIXED_ROOT;
    out->where[CLUSTER] = out->where[FIRST];
    return 0;
}

/* ----------------------------------------------------------- the chains */

/* The entry of CLUSTER in the table: what fat_table_get() would say. */
static int next_of(struct shale_boot *boot, uint32_t cluster, uint32_t *out)
{
    const struct fat_volume *vol = &state_of(boot)->vol;
    uint8_t raw[4] = { 0 };
    int err = boot_bytes(boot, fat_table_at(vol, cluster), raw,
                         vol->boot.bits == 32 ? 4 : 2);

    if (!err)
        *out = fat_table_meaning(vol, fat_table_decode(vol, cluster, raw));
    return err;
}

/* Go to cluster INDEX of FILE. Returns 1, 0 if its chain ends before. */
static int chain_seek(struct shale_boot *boot, struct shale_boot_file *file,
                      uint32_t index)
{
    const struct fat_volume *vol = &state_of(boot)->vol;
    uint32_t *where = file->where;

    if (index < where[INDEX]) {
        where[INDEX] = 0;
        where[CLUSTER] = where[FIRST];
    }
    if (!fat_is_cluster(vol, where[CLUSTER]) ||
        index >= vol->boot.cluster_count)
        return SHALE_ECORRUPT;
    while (where[INDEX] < index) {
        uint32_t next = 0;
        int err = next_of(boot, where[CLUSTER], &next);

        if (err)
            return err;
        if (next == FAT_END)
            return 0;
        if (!fat_is_cluster(vol, next))
            return SHALE_ECORRUPT;
        where[CLUSTER] = next;
        where[INDEX]++;
    }
    return 1;
}

static int fat_map(struct shale_boot *boot, struct shale_boot_file *file,
                   uint64_t offset, uint64_t want, struct shale_extent *out)
{
    const struct fat_volume *vol = &state_of(boot)->vol;
    uint32_t index = (uint32_t)(offset >> vol->boot.cluster_shift), start;
    uint32_t size = vol->boot.cluster_size;
    uint32_t into = (uint32_t)offset & (size - 1);
    int found = chain_seek(boot, file, index);

    if (found <= 0)
        return found ? found : SHALE_ECORRUPT;
    start = file->where[CLUSTER];
    out->kind = SHALE_EXTENT_DATA;
    out->device = fat_cluster_at(vol, start) + into;
    out->length = size - into;

    /* What lies in a row is read in one go. */
    while (out->length < want && chain_seek(boot, file, index + 1) > 0 &&
           file->where[CLUSTER] == start + 1) {
        index++;
        start++;
        out->length += size;
    }
    return 0;
}

/* -------------------------------------------------------------- a walk */

/* Where SLOT of DIR is. Returns 1, or 0 past the end. */
static int slot_at(struct shale_boot *boot, struct shale_boot_file *dir,
                   uint32_t slot, uint64_t *at)
{
    const struct fat_volume *vol = &state_of(boot)->vol;
    uint64_t byte = (uint64_t)slot * FAT_ENTRY_SIZE;
    int found;

    if (dir->where[FIRST] == FIXED_ROOT && vol->boot.bits != 32) {
        *at = ((uint64_t)vol->boot.root_sector << vol->boot.sector_shift) +
              byte;
        return slot < vol->boot.root_entries;
    }
    if (slot >= FAT_DIR_ENTRIES)
        return SHALE_ECORRUPT;
    found = chain_seek(boot, dir, (uint32_t)(byte >> vol->boot.cluster_shift));
    if (found > 0)
        *at = fat_cluster_at(vol, dir->where[CLUSTER]) +
              (byte & (vol->boot.cluster_size - 1));
    return found;
}

/*
 * The next file of DIR from *SLOT on, which moves past it: its entry, with the
 * long name in state->name and its length in *LEN; 0: it has none. Returns 1,
 * or 0 at the end.
 */
static int walk(struct shale_boot *boot, struct shale_boot_file *dir,
                uint32_t *slot, struct fat_entry *entry, uint32_t *len)
{
    struct fat_state *state = state_of(boot);
    struct fat_pieces pieces = { .count = 0 };
    uint8_t raw[FAT_ENTRY_SIZE];
    uint64_t at = 0;
    int found;

    while ((found = slot_at(boot, dir, *slot, &at)) > 0) {
        enum fat_slot kind;

        found = boot_bytes(boot, at, raw, sizeof raw);
        if (found)
            return found;
        kind = fat_slot_kind(raw);
        if (kind == FAT_SLOT_END)
            return 0;
        if (kind == FAT_SLOT_LONG)
            fat_pieces_add(&pieces, raw, *slot, state->name);
        ++*slot;
        if (kind == FAT_SLOT_FILE) {
            fat_entry_decode(&state->vol,
                             (const struct fat_disk_entry *)(void *)raw,
                             entry);
            *len = fat_pieces_end(&pieces, entry->name, state->name);
            return 1;
        }
        if (kind != FAT_SLOT_LONG)
            pieces.count = 0;
    }
    return found;
}

static void file_of(const struct fat_entry *entry, struct shale_boot_file *out)
{
    *out = (struct shale_boot_file){
        .type = entry->attr & FAT_ATTR_DIR ? SHALE_TYPE_DIR : SHALE_TYPE_FILE,
        .size = entry->size,
        .where = { [FIRST] = entry->cluster, [CLUSTER] = entry->cluster },
    };
}

static int fat_next(struct shale_boot *boot, struct shale_boot_file *dir,
                    uint64_t *cookie, struct shale_boot_entry *out)
{
    struct fat_state *state = state_of(boot);
    uint32_t slot = *cookie < FAT_DIR_ENTRIES ? (uint32_t)*cookie
                                              : FAT_DIR_ENTRIES;
    struct fat_entry entry;
    uint32_t len = 0;
    int found;

    do {
        found = walk(boot, dir, &slot, &entry, &len);
        if (found > 0 && len == 0)
            len = fat_short_shown(&state->vol, &entry, state->name);
    } while (found > 0 && len == 0);
    *cookie = slot;
    if (found <= 0)
        return found;
    file_of(&entry, &out->file);
    out->len = utf16_to_utf8(state->name, len, out->name);
    return 1;
}

static bool is_wanted(const struct fat_state *state, uint32_t len)
{
    return len > 0 && fat_name_equal(state->name, len, state->wanted,
                                     state->wanted_len);
}

static int fat_find(struct shale_boot *boot, struct shale_boot_file *dir,
                    const char *name, size_t len, struct shale_boot_file *out)
{
    struct fat_state *state = state_of(boot);
    int units = utf16_from_utf8(name, len, state->wanted, FAT_LONG_MAX), found;
    struct fat_entry entry;
    uint32_t slot = 0, long_len = 0;

    if (units < 0)
        return SHALE_ENOENT;    /* no file can be called so */
    state->wanted_len = (uint32_t)units;
    while ((found = walk(boot, dir, &slot, &entry, &long_len)) > 0) {
        if (is_wanted(state, long_len) ||
            is_wanted(state, fat_short_shown(&state->vol, &entry,
                                             state->name))) {
            file_of(&entry, out);
            return 0;
        }
    }
    return found < 0 ? found : SHALE_ENOENT;
}

const struct shale_boot_format shale_boot_fat = {
    .open = fat_open,
    .root = fat_root,
    .find = fat_find,
    .list = fat_next,
    .map  = fat_map,
};
