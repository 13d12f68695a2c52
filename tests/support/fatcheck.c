/*
 * fatcheck.c - another opinion on a FAT volume, in memory
 *
 * Directories are taken in the order in which they are found, so the list of
 * entries is the queue of directories too. Each cluster has one owner; a chain
 * that begins where another one does is its twin, one that runs into another
 * is a fault. Facts: Microsoft's "FAT: General Overview of On-Disk Format",
 * 1.03.
 */
#include "fatcheck.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire.h"

enum {
    SLOT = 32,
    ATTR_LABEL = 0x08,
    ATTR_DIR = 0x10,
    ATTR_LONG = 0x0f,
    LONG_UNITS = 20 * 13,
    PATH_ROOM = 8192,
};

/* A long name as its parts come in, last part first. */
struct long_name {
    uint16_t units[LONG_UNITS];
    unsigned next;              /* the part expected now; 0: all are there */
    unsigned parts;             /* 0: none began */
    uint8_t sum;
};

static void fault(struct fatcheck *check, unsigned kind, const char *format,
                  ...)
{
    va_list args;

    check->faults |= kind;
    if (check->said_kind >= kind)
        return;
    check->said_kind = kind;
    va_start(args, format);
    vsnprintf(check->said, sizeof check->said, format, args);
    va_end(args);
}

static void *more(void *old, size_t size)
{
    void *at = realloc(old, size);

    if (!at)
        abort();
    return at;
}

/* ------------------------------------------------------------- geometry */

static bool read_boot(struct fatcheck *check)
{
    const uint8_t *b = check->image;
    uint32_t per_cluster, reserved, total, fats, sectors, root;

    if (check->size < 512)
        return false;
    check->sector_size = get16(b + 11);
    per_cluster = b[13];
    reserved = get16(b + 14);
    fats = b[16];
    check->root_slots = get16(b + 17);
    total = get16(b + 19) ? get16(b + 19) : get32(b + 32);
    sectors = get16(b + 22) ? get16(b + 22) : get32(b + 36);
    if (check->sector_size < 512 || per_cluster == 0 || fats == 0 ||
        reserved == 0 || (uint64_t)total * check->sector_size > check->size)
        return false;
    root = (check->root_slots * SLOT + check->sector_size - 1) /
           check->sector_size;
    if (reserved + fats * sectors + root >= total)
        return false;

    check->cluster_size = per_cluster * check->sector_size;
    check->cluster_count = (total - reserved - fats * sectors - root) /
                           per_cluster;
    /* Small volumes with the boot sector of FAT32 exist, and are FAT32. */
    check->bits = get16(b + 22) == 0 || check->cluster_count >= 65525 ? 32 :
                  check->cluster_count < 4085 ? 12 : 16;
    check->fat_at = (uint64_t)reserved * check->sector_size;
    check->fat_bytes = sectors * check->sector_size;
    check->fat_total = fats;
    check->root_at = check->fat_at + (uint64_t)fats * check->fat_bytes;
    check->data_at = check->root_at + (uint64_t)root * check->sector_size;
    check->root_cluster = check->bits == 32 ? get32(b + 44) : 0;
    check->fsinfo_sector = check->bits == 32 ? get16(b + 48) : 0;
    if (check->fsinfo_sector >= reserved)
        check->fsinfo_sector = 0;
    return ((uint64_t)check->cluster_count + 2) * check->bits / 8 <=
           check->fat_bytes;
}

uint32_t fatcheck_fat(const struct fatcheck *check, uint32_t cluster)
{
    const uint8_t *fat = check->image + check->fat_at;

    switch (check->bits) {
    case 12:
        return get16(fat + cluster + cluster / 2) >> (cluster % 2 * 4) & 0xfff;
    case 16:
        return get16(fat + 2 * cluster);
    default:
        return get32(fat + 4 * (size_t)cluster) & 0x0fffffff;
    }
}

/* The values from BAD on are no links, in 28 bits whatever the width. */
enum { BAD = 0x0ffffff7 };

static uint32_t link_of(const struct fatcheck *check, uint32_t cluster)
{
    uint32_t value = fatcheck_fat(check, cluster);
    uint32_t top = check->bits == 12 ? 0xff7 :
                   check->bits == 16 ? 0xfff7 : BAD;

    return value >= top ? value - top + BAD : value;
}

static bool is_data(const struct fatcheck *check, uint32_t cluster)
{
    return cluster >= 2 && cluster < check->cluster_count + 2;
}

static const uint8_t *cluster_bytes(const struct fatcheck *check,
                                    uint32_t cluster)
{
    return check->image + check->data_at +
           (uint64_t)(cluster - 2) * check->cluster_size;
}

static void check_marks(struct fatcheck *check)
{
    const uint8_t *b = check->image;
    const uint8_t *fat = b + check->fat_at;
    uint32_t one = fatcheck_fat(check, 1);
    uint8_t state = check->bits == 32 ? b[65] : b[37];

    if (fat[0] != b[21])
        fault(check, FATCHECK_BAD, "the FAT begins with media %02x", fat[0]);
    if (state & 1)
        fault(check, FATCHECK_DIRTY, "the boot sector says dirty");
    if ((check->bits == 16 && !(one & 0x8000)) ||
        (check->bits == 32 && !(one & 0x08000000)))
        fault(check, FATCHECK_DIRTY, "the FAT says dirty");
    for (uint32_t copy = 1; copy < check->fat_total; copy++)
        if (memcmp(fat, fat + (uint64_t)copy * check->fat_bytes,
                   check->fat_bytes) != 0)
            fault(check, FATCHECK_COPIES, "FAT %u differs", copy + 1);
}

/* --------------------------------------------------------------- chains */

static void add_cluster(struct fatcheck *check, uint32_t cluster)
{
    if (check->cluster_len == check->cluster_room) {
        check->cluster_room = check->cluster_room * 2 + 1024;
        check->clusters = more(check->clusters, check->cluster_room *
                               sizeof *check->clusters);
    }
    check->clusters[check->cluster_len++] = cluster;
}

/* Follow the chain of entry number WHO, and own it. */
static void take_chain(struct fatcheck *check, size_t who)
{
    struct fatcheck_entry *entry = &check->entries[who];
    uint32_t cluster = entry->first;

    entry->chain = check->cluster_len;
    while (is_data(check, cluster)) {
        uint32_t owner = check->owners[cluster];
        uint32_t next = link_of(check, cluster);

        if (owner != 0) {
            struct fatcheck_entry *other = &check->entries[owner - 1];

            if (cluster == entry->first && other->first == cluster &&
                other->is_dir == entry->is_dir && owner - 1 != who) {
                fault(check, FATCHECK_TWINS, "%s is a second name of a file",
                      fatcheck_path(check, entry));
                entry->twin = owner - 1;
                entry->chain = other->chain;
                entry->chain_count = other->chain_count;
            } else {
                fault(check, FATCHECK_BAD, "%s runs into cluster %u, "
                      "somebody else's", fatcheck_path(check, entry),
                      cluster);
            }
            return;
        }
        check->owners[cluster] = (uint32_t)who + 1;
        add_cluster(check, cluster);
        entry->chain_count++;
        if (next > BAD)
            return;
        cluster = next;
    }
    fault(check, FATCHECK_BAD, "%s leads to cluster %u",
          fatcheck_path(check, entry), cluster);
}

static void check_file(struct fatcheck *check, size_t who)
{
    struct fatcheck_entry *entry = &check->entries[who];
    uint64_t room;

    if (entry->first == 0) {
        if (entry->size > 0)
            fault(check, FATCHECK_BAD, "%s has %u bytes and no cluster",
                  fatcheck_path(check, entry), entry->size);
        return;
    }
    take_chain(check, who);
    entry = &check->entries[who];
    room = (uint64_t)entry->chain_count * check->cluster_size;
    if (entry->size > room)
        fault(check, FATCHECK_BAD, "%s has %u bytes, its chain %llu",
              fatcheck_path(check, entry), entry->size,
              (unsigned long long)room);
    else if (room - entry->size >= check->cluster_size)
        fault(check, FATCHECK_LONG, "%s has %u bytes, its chain %llu",
              fatcheck_path(check, entry), entry->size,
              (unsigned long long)room);
}

static void check_space(struct fatcheck *check)
{
    uint32_t lost = 0;

    check->free_count = 0;
    for (uint32_t c = 2; c < check->cluster_count + 2; c++) {
        uint32_t value = link_of(check, c);

        if (value == 0)
            check->free_count++;
        else if (value != BAD && check->owners[c] == 0)
            lost++;
    }
    if (lost > 0)
        fault(check, FATCHECK_LOST, "%u clusters lost", lost);
    if (check->fsinfo_sector > 0) {
        const uint8_t *info = check->image +
                              (size_t)check->fsinfo_sector *
                                  check->sector_size;

        if (get32(info) != 0x41615252 || get32(info + 484) != 0x61417272)
            fault(check, FATCHECK_BAD, "FSInfo is none");
        else if (get32(info + 488) != check->free_count)
            fault(check, FATCHECK_FREE, "FSInfo says %d are free, not %u",
                  (int)get32(info + 488), check->free_count);
    }
}

/* ---------------------------------------------------------------- names */

static size_t put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xc0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xe0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3f));
        out[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3f));
    out[2] = (char)(0x80 | (c >> 6 & 0x3f));
    out[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

static size_t keep_text(struct fatcheck *check, const char *text, size_t len)
{
    size_t at = check->text_len;

    if (at + len + 1 > check->text_room) {
        check->text_room = (at + len + 1) * 2;
        check->text = more(check->text, check->text_room);
    }
    memcpy(check->text + at, text, len);
    check->text[at + len] = '\0';
    check->text_len += len + 1;
    return at;
}

/* Code page 437 from 0x80 on. */
static const char *const oem[128] = {
    "Ç", "ü", "é", "â", "ä", "à", "å", "ç", "ê", "ë", "è", "ï", "î", "ì", "Ä",
    "Å", "É", "æ", "Æ", "ô", "ö", "ò", "û", "ù", "ÿ", "Ö", "Ü", "¢", "£", "¥",
    "₧", "ƒ", "á", "í", "ó", "ú", "ñ", "Ñ", "ª", "º", "¿", "⌐", "¬", "½", "¼",
    "¡", "«", "»", "░", "▒", "▓", "│", "┤", "╡", "╢", "╖", "╕", "╣", "║", "╗",
    "╝", "╜", "╛", "┐", "└", "┴", "┬", "├", "─", "┼", "╞", "╟", "╚", "╔", "╩",
    "╦", "╠", "═", "╬", "╧", "╨", "╤", "╥", "╙", "╘", "╒", "╓", "╫", "╪", "┘",
    "┌", "█", "▄", "▌", "▐", "▀", "α", "ß", "Γ", "π", "Σ", "σ", "µ", "τ", "Φ",
    "Θ", "Ω", "δ", "∞", "φ", "ε", "∩", "≡", "±", "≥", "≤", "⌠", "⌡", "÷", "≈",
    "°", "∙", "·", "√", "ⁿ", "²", "■", "\u00a0",
};

static size_t short_part(const uint8_t *raw, size_t len, bool lower, char *out)
{
    size_t used = 0;

    while (len > 0 && raw[len - 1] == ' ')
        len--;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = raw[i];

        if (c >= 0x80) {
            const char *utf8 = oem[c - 0x80];

            memcpy(out + used, utf8, strlen(utf8));
            used += strlen(utf8);
        } else {
            if (lower && c >= 'A' && c <= 'Z')
                c = (uint8_t)(c + 32);
            out[used++] = (char)c;
        }
    }
    return used;
}

static size_t short_name(struct fatcheck *check, const uint8_t *slot)
{
    uint8_t raw[11];
    char out[64];
    size_t len, ext;

    memcpy(raw, slot, sizeof raw);
    if (raw[0] == 0x05)
        raw[0] = 0xe5;
    for (unsigned i = 0; i < 11; i++)
        if ((raw[i] < ' ' || memchr("\"*+,./:;<=>?[\\]|", raw[i], 16) ||
             (raw[i] >= 'a' && raw[i] <= 'z')) ||
            (i == 0 && raw[i] == ' '))
            fault(check, FATCHECK_BAD, "the short name %.11s", slot);
    len = short_part(raw, 8, (slot[12] & 0x08) != 0, out);
    out[len] = '.';
    ext = short_part(raw + 8, 3, (slot[12] & 0x10) != 0, out + len + 1);
    if (ext > 0)
        len += ext + 1;
    return keep_text(check, out, len);
}

static uint8_t name_sum(const uint8_t *raw)
{
    uint8_t sum = 0;

    for (unsigned i = 0; i < 11; i++)
        sum = (uint8_t)((sum << 7 | sum >> 1) + raw[i]);
    return sum;
}

static void orphan(struct fatcheck *check, struct long_name *name,
                   uint64_t at)
{
    if (name->parts > 0)
        fault(check, FATCHECK_ORPHAN, "a long name without a file before "
              "byte %llu", (unsigned long long)at);
    name->parts = 0;
}

static void take_part(struct fatcheck *check, struct long_name *name,
                      const uint8_t *slot, uint64_t at)
{
    static const uint8_t where[13] = { 1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24,
                                       28, 30 };
    unsigned number = slot[0] & 0x3f;

    if (slot[0] & 0x40) {
        orphan(check, name, at);
        name->parts = name->next = number;
        name->sum = slot[13];
    }
    if (name->parts == 0 || number != name->next || number == 0 ||
        number > LONG_UNITS / 13 || slot[13] != name->sum) {
        name->parts = 1;
        orphan(check, name, at);
        return;
    }
    name->next--;
    for (unsigned i = 0; i < 13; i++)
        name->units[(number - 1) * 13 + i] = get16(slot + where[i]);
}

/* The long name in UTF-8; what is no pair is written like one half of it. */
static size_t long_name(struct fatcheck *check, const struct long_name *name)
{
    char out[LONG_UNITS * 3 + 4];
    size_t len = 0;
    unsigned count = name->parts * 13;

    for (unsigned i = 0; i < count && name->units[i] != 0; i++) {
        uint32_t c = name->units[i];

        if (c >= 0xd800 && c < 0xdc00 && i + 1 < count &&
            name->units[i + 1] >= 0xdc00 && name->units[i + 1] < 0xe000)
            c = 0x10000 + ((c & 0x3ff) << 10 | (name->units[++i] & 0x3ff));
        len += put_utf8(out + len, c);
    }
    if (len == 0)
        fault(check, FATCHECK_BAD, "an empty long name");
    return keep_text(check, out, len);
}

const char *fatcheck_path(const struct fatcheck *check,
                          const struct fatcheck_entry *entry)
{
    static char path[PATH_ROOM];
    size_t at = sizeof path - 1;

    path[at] = '\0';
    if (entry == check->entries)
        return "/";
    while (entry != check->entries) {
        const char *name = fatcheck_name(check, entry);
        size_t len = strlen(name);

        if (len + 1 > at)
            break;
        at -= len;
        memcpy(path + at, name, len);
        path[--at] = '/';
        entry = &check->entries[entry->parent];
    }
    return path + at;
}

/* ----------------------------------------------------------- directories */

static void check_duplicates(struct fatcheck *check,
                             const struct fatcheck_entry *entry, size_t first)
{
    const char *name = fatcheck_name(check, entry);

    for (size_t i = first; &check->entries[i] < entry; i++) {
        const struct fatcheck_entry *other = &check->entries[i];

        if (memcmp(other->raw_name, entry->raw_name, 11) == 0)
            fault(check, FATCHECK_BAD, "%s: twice the short name %.11s",
                  fatcheck_path(check, entry), (const char *)entry->raw_name);
        if (strcasecmp(fatcheck_name(check, other), name) == 0)
            fault(check, FATCHECK_BAD, "%s is there twice",
                  fatcheck_path(check, entry));
    }
}

static void take_entry(struct fatcheck *check, size_t dir, size_t first,
                       const uint8_t *slot, struct long_name *name)
{
    struct fatcheck_entry *entry;
    size_t who = check->count;

    if (check->count == check->entries_room) {
        check->entries_room = check->entries_room * 2 + 64;
        check->entries = more(check->entries, check->entries_room *
                              sizeof *check->entries);
    }
    entry = &check->entries[check->count++];
    memset(entry, 0, sizeof *entry);
    entry->parent = dir;
    entry->at = (uint64_t)(slot - check->image);
    entry->first = get16(slot + 26);
    if (check->bits == 32)
        entry->first |= (uint32_t)get16(slot + 20) << 16;
    entry->size = get32(slot + 28);
    entry->time = get16(slot + 22);
    entry->date = get16(slot + 24);
    entry->attr = slot[11];
    entry->is_dir = (slot[11] & ATTR_DIR) != 0;
    memcpy(entry->raw_name, slot, 11);
    if (name->parts > 0 && name->next == 0 && name->sum == name_sum(slot)) {
        short_name(check, slot);
        entry->name = long_name(check, name);
        name->parts = 0;
    } else {
        orphan(check, name, entry->at);
        entry->name = short_name(check, slot);
    }
    check_duplicates(check, entry, first);
    if (!entry->is_dir) {
        check_file(check, who);
        return;
    }
    if (entry->size != 0)
        fault(check, FATCHECK_BAD, "directory %s has a size",
              fatcheck_path(check, entry));
    take_chain(check, who);
}

/* "." and "..", which are the first two slots of all but the root. */
static void check_dots(struct fatcheck *check, size_t dir,
                       const uint8_t *slot, unsigned number)
{
    struct fatcheck_entry *entry = &check->entries[dir];
    uint32_t first = get16(slot + 26);
    uint32_t right = entry->first;

    if (check->bits == 32)
        first |= (uint32_t)get16(slot + 20) << 16;
    if (memcmp(slot, number == 0 ? ".          " : "..         ", 11) != 0 ||
        !(slot[11] & ATTR_DIR)) {
        fault(check, FATCHECK_BAD, "%s lacks a dot",
              fatcheck_path(check, entry));
        return;
    }
    if (number == 0) {
        if (first != right)
            fault(check, FATCHECK_BAD, "'.' in %s is cluster %u",
                  fatcheck_path(check, entry), first);
        return;
    }
    entry->dotdot = first;
    right = entry->parent == 0 ? 0 : check->entries[entry->parent].first;
    if (first != right)
        fault(check, FATCHECK_DOTDOT, "'..' in %s is cluster %u, not %u",
              fatcheck_path(check, entry), first, right);
}

struct dir_walk {
    size_t dir, first;
    unsigned number;            /* of the slot in the directory */
    bool ended;
    struct long_name name;
};

static void take_slots(struct fatcheck *check, struct dir_walk *walk,
                       const uint8_t *slots, size_t len)
{
    for (size_t at = 0; at + SLOT <= len; at += SLOT, walk->number++) {
        const uint8_t *slot = slots + at;
        uint64_t where = (uint64_t)(slot - check->image);

        if (walk->dir > 0 && walk->number < 2) {
            check_dots(check, walk->dir, slot, walk->number);
            continue;
        }
        if (slot[0] == 0) {
            orphan(check, &walk->name, where);
            walk->ended = true;
        } else if (slot[0] == 0xe5) {
            orphan(check, &walk->name, where);
        } else if (walk->ended) {
            fault(check, FATCHECK_BAD, "a slot behind the end, at byte %llu",
                  (unsigned long long)where);
        } else if ((slot[11] & 0x3f) == ATTR_LONG) {
            take_part(check, &walk->name, slot, where);
        } else if (slot[11] & ATTR_LABEL) {
            orphan(check, &walk->name, where);
            if (walk->dir > 0)
                fault(check, FATCHECK_BAD, "a label at byte %llu",
                      (unsigned long long)where);
        } else {
            take_entry(check, walk->dir, walk->first, slot, &walk->name);
        }
    }
}

static void take_dir(struct fatcheck *check, size_t dir)
{
    struct dir_walk walk = { .dir = dir, .first = check->count };
    size_t chain = check->entries[dir].chain;
    size_t count = check->entries[dir].chain_count;

    if (dir > 0 && check->entries[dir].twin > 0) {
        /* What it holds has been seen; only its ".." is of interest. */
        if (count > 0) {
            const uint8_t *at = cluster_bytes(check, check->clusters[chain]);

            check_dots(check, dir, at + SLOT, 1);
        }
        return;
    }
    if (dir == 0 && check->bits != 32)
        take_slots(check, &walk, check->image + check->root_at,
                   (size_t)check->root_slots * SLOT);
    for (size_t i = 0; i < count; i++)
        take_slots(check, &walk,
                   cluster_bytes(check, check->clusters[chain + i]),
                   check->cluster_size);
    orphan(check, &walk.name, 0);
}

unsigned fatcheck_run(struct fatcheck *check, const uint8_t *image,
                      uint64_t size)
{
    check->image = image;
    check->size = size;
    check->faults = check->said_kind = 0;
    check->said[0] = '\0';
    check->count = check->text_len = check->cluster_len = 0;
    if (!read_boot(check)) {
        fault(check, FATCHECK_BAD, "no FAT volume");
        return check->faults;
    }
    check_marks(check);
    if (check->cluster_count + 2 > check->owner_room) {
        check->owner_room = check->cluster_count + 2;
        check->owners = more(check->owners,
                             check->owner_room * sizeof *check->owners);
    }
    memset(check->owners, 0,
           (check->cluster_count + 2) * sizeof *check->owners);

    /* The root. */
    if (check->entries_room == 0) {
        check->entries_room = 64;
        check->entries = more(NULL, check->entries_room *
                              sizeof *check->entries);
    }
    memset(check->entries, 0, sizeof *check->entries);
    check->entries->is_dir = true;
    check->entries->name = keep_text(check, "", 0);
    check->count = 1;
    if (check->bits == 32) {
        check->entries->first = check->root_cluster;
        take_chain(check, 0);
    }
    for (size_t i = 0; i < check->count; i++)
        if (check->entries[i].is_dir)
            take_dir(check, i);
    check_space(check);
    return check->faults;
}

void fatcheck_free(struct fatcheck *check)
{
    free(check->entries);
    free(check->text);
    free(check->clusters);
    free(check->owners);
    memset(check, 0, sizeof *check);
}

bool fatcheck_read(const struct fatcheck *check,
                   const struct fatcheck_entry *entry, void *buf, size_t len,
                   uint64_t offset)
{
    uint8_t *out = buf;

    while (len > 0) {
        size_t at = (size_t)(offset / check->cluster_size);
        size_t within = (size_t)(offset % check->cluster_size);
        size_t part = check->cluster_size - within;

        if (at >= entry->chain_count)
            return false;
        if (part > len)
            part = len;
        memcpy(out, cluster_bytes(check,
                                  check->clusters[entry->chain + at]) +
               within, part);
        out += part;
        offset += part;
        len -= part;
    }
    return true;
}
