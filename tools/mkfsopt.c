/*
 * mkfsopt.c - the options of shale mkfs, and those of FAT
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "epoch.h"
#include "mkfs.h"
#include "owner.h"

const struct command_option mkfs_options[] = {
    { 'n', "label", "LABEL", "the volume's label" },
    { 'L', NULL, "LABEL", "the same" },
    { 'd', "directory", "DIR", "copy what is in DIR into the new volume" },
    { MKFS_DEREFERENCE, "dereference", NULL, "... and what symlinks there lead "
      "to" },
    { MKFS_OWNER, "owner", "UID[:GID]", "... as files of that owner" },
    { MKFS_SIZE, "size", "BYTES", "make the image file, or make it longer" },
    { MKFS_FORCE, "force", NULL, "overwrite what is there" },
    { MKFS_DRY_RUN, "dry-run", NULL, "write nothing, show what would be made" },
    { 'S', "sector-size", "BYTES", "of a sector: 512 to 4096" },

    { 'F', "fat-bits", "N", "FAT: 12, 16 or 32; else by size" },
    { 's', "cluster-size", "BYTES", "FAT: of a cluster; else by size" },
    { 'i', "id", "N", "FAT: its serial number; ext2: bytes for each inode" },
    { 'f', "fats", "N", "FAT: how many FATs: 1 to 4, else 2" },
    { 'R', "reserved", "N", "FAT: sectors before the first FAT" },
    { 'r', "root-entries", "N", "FAT12, FAT16: of the root; else 512" },
    { 'M', "media", "BYTE", "FAT: the descriptor: 0xf0, 0xf8 to 0xff" },
    { 'a', "no-align", NULL, "FAT: do not align the data to its clusters" },

    { 'b', "block-size", "BYTES", "ext2: of a block; else by size" },
    { 'I', "inode-size", "BYTES", "ext2: of an inode; else 256" },
    { MKFS_RATIO, "bytes-per-inode", "N", "ext2: as -i" },
    { 'N', "inodes", "N", "ext2: how many inodes; else by size" },
    { 'g', "blocks-per-group", "N", "ext2: else as many as can be" },
    { 'm', "reserved-percent", "N", "ext2: of the blocks, for root; else 5" },
    { 'O', "features", "LIST", "ext2: more features, ^ less, none" },
    { 'j', "journal", NULL, "ext2: with a journal, as ext3" },
    { 'J', "journal-size", "BYTES", "ext2: the same, of that size" },
    { 'U', "uuid", "UUID", "ext2: else by chance" },
    { MKFS_HASH_SEED, "hash-seed", "UUID", "ext2: of directories' indices; "
      "else by chance" },
    { MKFS_ROOT_OWNER, "root-owner", "UID[:GID]", "ext2: of the root "
      "directory" },
    { 'E', "extended", "LIST", "ext2: root_owner=UID:GID, hash_seed=UUID" },
    { 0, NULL, NULL, NULL },
};

/* Which formats an option is for; all others are for any. */
static const char fat_letters[] = "FsifRrMa";
static const int ext2_letters[] = {
    'b', 'I', 'i', 'N', 'g', 'm', 'O', 'j', 'J', 'U', 'E', MKFS_RATIO,
    MKFS_HASH_SEED, MKFS_ROOT_OWNER, 0,
};

static bool for_fat(int letter)
{
    return letter < OPTION_LONG && strchr(fat_letters, letter) != NULL;
}

static bool for_ext2(int letter)
{
    for (const int *each = ext2_letters; *each; each++)
        if (*each == letter)
            return true;
    return false;
}

int mkfs_number(const struct mkfs *mkfs, const char *what, const char *text,
                uint64_t min, uint64_t max, uint32_t *out)
{
    uint64_t value;

    if (!options_size(text, &value) || value < min || value > max)
        return options_complain(mkfs->options, "%s: not from %" PRIu64 " to %"
                                PRIu64 ": '%s'", what, min, max, text);
    *out = (uint32_t)value;
    return STATUS_OK;
}

/* ------------------------------------------------------------------- FAT */

/* A serial number: eight hexadecimal digits, maybe with a dash among them. */
static bool parse_id(const char *text, uint64_t *out)
{
    uint64_t id = 0;
    int digits = 0;

    if (!strncmp(text, "0x", 2))
        text += 2;
    for (; *text; text++) {
        const char *set = "0123456789abcdef0123456789ABCDEF";
        const char *digit = strchr(set, *text);

        if (*text == '-' && digits == 4)
            continue;
        if (!digit || ++digits > 8)
            return false;
        id = id << 4 | (uint64_t)((digit - set) % 16);
    }
    *out = id;
    return digits > 0;
}

int mkfs_take_fat(struct mkfs *mkfs, int letter, const char *text)
{
    struct shale_format *format = &mkfs->format;
    uint32_t number = 0;
    int status;

    switch (letter) {
    case 'F':
        if (strcmp(text, "12") != 0 && strcmp(text, "16") != 0 &&
            strcmp(text, "32") != 0)
            return options_complain(mkfs->options, "there is no FAT%s", text);
        format->fat_bits = (uint32_t)atoi(text);
        return STATUS_OK;
    case 's':
        return mkfs_number(mkfs, "cluster size", text, 512, 256 << 10,
                           &format->block_size);
    case 'f':
        return mkfs_number(mkfs, "FATs", text, 1, 4, &format->fat_count);
    case 'R':
        return mkfs_number(mkfs, "reserved sectors", text, 1, 65535,
                           &format->reserved);
    case 'r':
        return mkfs_number(mkfs, "root entries", text, 1, 65535,
                           &format->root_entries);
    case 'M':
        status = mkfs_number(mkfs, "media descriptor", text, 0xf0, 0xff,
                             &number);
        if (status == STATUS_OK)
            format->media = (uint8_t)number;
        return status;
    case 'i':
        mkfs->has_id = parse_id(text, &format->id);
        if (mkfs->has_id)
            return STATUS_OK;
        return options_complain(mkfs->options, "not a serial number: '%s'",
                                text);
    default:
        format->no_align = true;
        return STATUS_OK;
    }
}

void mkfs_choose_fat(struct mkfs *mkfs)
{
    uint32_t id = (uint32_t)mkfs->format.now.sec;

    if (mkfs->has_id)
        return;
    if (!epoch_fixed() && getrandom(&id, sizeof id, 0) < (ssize_t)sizeof id)
        id ^= (uint32_t)getpid() << 16;
    mkfs->format.id = id;
}

/* ------------------------------------------------------------------- all */

static int take_common(struct mkfs *mkfs, int letter, const char *text)
{
    switch (letter) {
    case 'n':
    case 'L':
        mkfs->format.label = text;
        return STATUS_OK;
    case 'S':
        return mkfs_number(mkfs, "sector size", text, 512, 4096,
                           &mkfs->format.sector_size);
    case MKFS_OWNER:
        if (owner_parse(text, &mkfs->owner[0], &mkfs->owner[1]))
            return STATUS_OK;
        return options_complain(mkfs->options, "not an owner: '%s'", text);
    case MKFS_SIZE:
        if (options_size(text, &mkfs->size) && mkfs->size > 0 &&
            mkfs->size <= INT64_MAX)
            return STATUS_OK;
        return options_complain(mkfs->options, "not a size: '%s'", text);
    default:
        return STATUS_OK;
    }
}

/* How the user wrote option LETTER. */
static void shown_letter(int letter, char out[64])
{
    for (const struct command_option *o = mkfs_options; o->letter; o++)
        if (o->letter == letter)
            snprintf(out, 64, "%s%s", letter < OPTION_LONG ? "-" : "--",
                     letter < OPTION_LONG ? (const char[]){ (char)letter, '\0' }
                                          : o->name);
}

int mkfs_take_options(struct mkfs *mkfs)
{
    const char *type = shale_driver_name(mkfs->driver);
    bool fat = !strcmp(type, "fat");
    int status = STATUS_OK;
    char shown[64] = "";

    for (int letter = 1; letter < MKFS_LETTERS && status == STATUS_OK;
         letter++) {
        const char *text = mkfs->given[letter];

        if (!text)
            continue;
        if (!for_fat(letter) && !for_ext2(letter)) {
            status = take_common(mkfs, letter, text);
        } else if (fat && for_fat(letter)) {
            status = mkfs_take_fat(mkfs, letter, text);
        } else if (!fat && for_ext2(letter)) {
            status = mkfs_take_ext2(mkfs, letter, text);
        } else {
            shown_letter(letter, shown);
            status = options_complain(mkfs->options, "%s: not for %s%s", shown,
                                      type, letter == 'F' ? "; to overwrite "
                                      "what is there: --force" : "");
        }
    }
    return status;
}
