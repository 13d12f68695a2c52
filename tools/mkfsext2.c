/*
 * mkfsext2.c - the options of shale mkfs for ext2, and what chance decides
 *
 * With SOURCE_DATE_EPOCH there is no chance: the UUID, unless given, is made
 * out of the time, the size and the label, and the seed of the directories'
 * hashes out of the UUID.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "epoch.h"
#include "mkfs.h"
#include "owner.h"

/* 32 hexadecimal digits, with dashes anywhere among them. */
static bool parse_uuid(const char *text, uint8_t out[16])
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    unsigned count = 0;

    for (; *text; text++) {
        const char *digit = strchr(digits, *text);

        if (*text == '-')
            continue;
        if (!digit || count == 32)
            return false;
        out[count / 2] = (uint8_t)(out[count / 2] << 4 | (digit - digits) % 16);
        count++;
    }
    return count == 32;
}

static int take_uuid(struct mkfs *mkfs, const char *text, uint8_t out[16],
                     bool *given)
{
    *given = strcmp(text, "random") != 0;
    if (!*given)
        return STATUS_OK;
    memset(out, 0, 16);
    if (!strcmp(text, "clear") || !strcmp(text, "null") ||
        parse_uuid(text, out))
        return STATUS_OK;
    return options_complain(mkfs->options, "not a UUID: '%s'", text);
}

/* A percentage with up to two decimals. */
static int take_percent(struct mkfs *mkfs, const char *text)
{
    char *end;
    double percent = strtod(text, &end);

    if (*end || end == text || !(percent >= 0) || percent > 50)
        return options_complain(mkfs->options, "reserved blocks: not from 0 to "
                                "50 percent: '%s'", text);
    mkfs->format.spare = (uint32_t)(percent * 100 + 0.5);
    if (mkfs->format.spare == 0)
        mkfs->format.spare = SHALE_FORMAT_NONE;
    return STATUS_OK;
}

/* Add NAME to the list of features. */
static int add_feature(struct mkfs *mkfs, const char *name)
{
    size_t len = strlen(mkfs->features);

    if (len + strlen(name) + 2 > sizeof mkfs->features)
        return options_complain(mkfs->options, "too many features");
    snprintf(mkfs->features + len, sizeof mkfs->features - len, "%s%s",
             len ? "," : "", name);
    mkfs->format.features = mkfs->features;
    return STATUS_OK;
}

static int take_journal(struct mkfs *mkfs, const char *text)
{
    bool of_mke2fs = !strncmp(text, "size=", 5);        /* in MiB */
    uint64_t bytes;

    if (of_mke2fs ? !options_number(text + 5, 1, 4095, &bytes)
                  : !options_size(text, &bytes))
        bytes = 0;
    if (of_mke2fs)
        bytes <<= 20;
    if (bytes < 1 << 20 || bytes >> 32)
        return options_complain(mkfs->options, "journal size: not from 1 MiB "
                                "to 4 GiB: '%s'", text);
    mkfs->format.journal_size = bytes;
    return add_feature(mkfs, "has_journal");
}

static int take_root_owner(struct mkfs *mkfs, const char *text)
{
    struct shale_format *format = &mkfs->format;

    if (!owner_parse(text, &format->root_uid, &format->root_gid))
        return options_complain(mkfs->options, "not an owner: '%s'", text);
    if (format->root_uid == OWNER_KEEP)
        format->root_uid = 0;
    if (format->root_gid == OWNER_KEEP)
        format->root_gid = 0;
    return STATUS_OK;
}

/* What mke2fs has extended options for that change nothing here: all that is
   to be zero is made so, now, and as the device does it best. */
static bool is_moot(const char *item)
{
    static const char *const moot[] = {
        "lazy_itable_init", "lazy_journal_init", "discard", "nodiscard",
    };

    for (size_t i = 0; i < sizeof moot / sizeof *moot; i++) {
        size_t len = strlen(moot[i]);

        if (!strncmp(item, moot[i], len) && (!item[len] || item[len] == '='))
            return true;
    }
    return false;
}

/* One extended option of mke2fs's. */
static int take_extended(struct mkfs *mkfs, const char *item)
{
    if (!strncmp(item, "root_owner=", 11))
        return take_root_owner(mkfs, item + 11);
    if (!strcmp(item, "root_owner")) {
        mkfs->format.root_uid = getuid();
        mkfs->format.root_gid = getgid();
        return STATUS_OK;
    }
    if (!strncmp(item, "hash_seed=", 10))
        return take_uuid(mkfs, item + 10, mkfs->format.hash_seed,
                         &mkfs->has_seed);
    if (is_moot(item))
        return STATUS_OK;
    return options_complain(mkfs->options, "no extended option that Shale has: "
                            "'%s'", item);
}

static int take_all_extended(struct mkfs *mkfs, const char *text)
{
    char *list = xstrdup(text), *rest = list, *item;
    int status = STATUS_OK;

    while (status == STATUS_OK && (item = strsep(&rest, ",")) != NULL)
        status = take_extended(mkfs, item);
    free(list);
    return status;
}

int mkfs_take_ext2(struct mkfs *mkfs, int letter, const char *text)
{
    struct shale_format *format = &mkfs->format;

    switch (letter) {
    case 'b':
        return mkfs_number(mkfs, "block size", text, 1024, 65536,
                           &format->block_size);
    case 'I':
        return mkfs_number(mkfs, "inode size", text, 128, 4096,
                           &format->inode_size);
    case 'i':
    case MKFS_RATIO:
        return mkfs_number(mkfs, "bytes per inode", text, 1024, 64 << 20,
                           &format->inode_ratio);
    case 'N':
        return mkfs_number(mkfs, "inodes", text, 1, UINT32_MAX,
                           &format->inodes);
    case 'g':
        return mkfs_number(mkfs, "blocks per group", text, 256, 65528,
                           &format->group_blocks);
    case 'm':
        return take_percent(mkfs, text);
    case 'O':
        return add_feature(mkfs, text);
    case 'j':
        return add_feature(mkfs, "has_journal");
    case 'J':
        return take_journal(mkfs, text);
    case 'U':
        return take_uuid(mkfs, text, format->uuid, &mkfs->has_id);
    case MKFS_HASH_SEED:
        return take_uuid(mkfs, text, format->hash_seed, &mkfs->has_seed);
    case 'E':
        return take_all_extended(mkfs, text);
    default:
        return take_root_owner(mkfs, text);
    }
}

/* ---------------------------------------------------------------- chance */

/* Mix the LEN bytes at FROM into a hash: FNV-1a, 64 bits. */
static uint64_t mix(uint64_t hash, const void *from, size_t len)
{
    const uint8_t *bytes = from;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* 16 bytes that follow from a hash. */
static void spread(uint64_t hash, uint8_t out[16])
{
    for (unsigned i = 0; i < 16; i++) {
        const uint8_t step = (uint8_t)i;

        hash = mix(hash, &step, 1);
        out[i] = (uint8_t)(hash >> 32);
    }
}

static void by_chance(uint8_t out[16], uint64_t otherwise)
{
    if (getrandom(out, 16, 0) != 16)
        spread(otherwise, out);
}

void mkfs_choose_ext2(struct mkfs *mkfs, uint64_t size)
{
    struct shale_format *format = &mkfs->format;
    const char *label = format->label ? format->label : "";
    uint8_t bytes[8];
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)((uint64_t)format->now.sec >> 8 * i);
    hash = mix(hash, bytes, sizeof bytes);
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(size >> 8 * i);
    hash = mix(hash, bytes, sizeof bytes);
    hash = mix(hash, label, strlen(label));
    if (!epoch_fixed()) {
        const pid_t pid = getpid();

        hash = mix(hash, &pid, sizeof pid);
    }

    if (!mkfs->has_id) {
        if (epoch_fixed())
            spread(hash, format->uuid);
        else
            by_chance(format->uuid, hash);
        /* A UUID of version 4, RFC 4122's variant. */
        format->uuid[6] = (uint8_t)((format->uuid[6] & 0x0f) | 0x40);
        format->uuid[8] = (uint8_t)((format->uuid[8] & 0x3f) | 0x80);
    }
    hash = mix(hash, format->uuid, sizeof format->uuid);
    if (!mkfs->has_seed && epoch_fixed())
        spread(hash, format->hash_seed);
    else if (!mkfs->has_seed)
        by_chance(format->hash_seed, hash);
}
