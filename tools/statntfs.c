/*
 * statntfs.c - what `shale stat` shows of a file on NTFS besides
 *
 * It comes as the attributes that ntfs-3g made known, system.ntfs_*, which
 * hold bytes as they are on the volume: [MS-FSCC] 2.6 for the flags, 2.1.2.1
 * for the tags of reparse points, [MS-DTYP] 2.4.6 for descriptors.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "statntfs.h"

static const struct {
    uint32_t bit;
    const char *name;
} flag_names[] = {
    { 0x1, "readonly" },        { 0x2, "hidden" },
    { 0x4, "system" },          { 0x10, "directory" },
    { 0x20, "archive" },        { 0x40, "device" },
    { 0x80, "normal" },         { 0x100, "temporary" },
    { 0x200, "sparse" },        { 0x400, "reparse_point" },
    { 0x800, "compressed" },    { 0x1000, "offline" },
    { 0x2000, "not_indexed" },  { 0x4000, "encrypted" },
    { 0x8000, "integrity" },    { 0x20000, "no_scrub" },
    { 0x40000, "recall_on_open" }, { 0x80000, "pinned" },
    { 0x100000, "unpinned" },   { 0x400000, "recall_on_data_access" },
};

static const struct {
    uint32_t tag;
    const char *name;
} tag_names[] = {
    { 0xa0000003, "mount point" },  { 0xa000000c, "symbolic link" },
    { 0xa000001d, "WSL symbolic link" }, { 0x80000023, "socket" },
    { 0x80000024, "WSL fifo" },     { 0x80000025, "WSL character device" },
    { 0x80000026, "WSL block device" }, { 0x80000017, "compressed by WOF" },
    { 0x80000013, "deduplicated" }, { 0xc0000004, "in remote storage" },
    { 0x80000006, "in remote storage" }, { 0x80000007, "single instance" },
    { 0x80000014, "NFS" },          { 0x8000001b, "application link" },
    { 0x80000018, "container" },    { 0x80000021, "OneDrive" },
    { 0x9000001c, "projected" },    { 0x8000001e, "storage sync" },
};

static const char *tag_name(uint32_t tag)
{
    for (size_t i = 0; i < sizeof tag_names / sizeof tag_names[0]; i++)
        if (tag_names[i].tag == tag)
            return tag_names[i].name;
    return (tag & 0xffff0fffu) == 0x9000001au ? "cloud file" : NULL;
}

/* What there is of a file; what is not is 0 or NULL. */
struct facts {
    bool ntfs;
    uint32_t flags, tag;
    char *dos_name;             /* not terminated */
    size_t dos_name_len;
    char object_id[37];         /* as Windows writes a GUID; or "" */
    char owner[192], group[192];        /* SIDs, "S-1-5-32-544"; or "" */
};

static uint32_t le32_at(const char *bytes)
{
    const unsigned char *b = (const unsigned char *)bytes;

    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
           (uint32_t)b[3] << 24;
}

/* The value of attribute NAME, to be freed; NULL if there is none. */
static char *value_of(struct shale_vnode *vn, const char *name, size_t *len)
{
    char *value = NULL;
    int64_t got = volume_xattr_value(vn, name, &value);

    if (got < 0)
        return NULL;
    *len = (size_t)got;
    return value;
}

static void take_flags(struct shale_vnode *vn, struct facts *out)
{
    size_t len;
    char *value = value_of(vn, "system.ntfs_attrib", &len);

    out->ntfs = value && len == 4;
    if (out->ntfs)
        out->flags = le32_at(value);
    free(value);
}

static void take_tag(struct shale_vnode *vn, struct facts *out)
{
    size_t len;
    char *value = value_of(vn, "system.ntfs_reparse_data", &len);

    if (value && len >= 4)
        out->tag = le32_at(value);
    free(value);
}

/* The first three parts of a GUID are numbers, little-endian. */
static void take_object_id(struct shale_vnode *vn, struct facts *out)
{
    static const uint8_t order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12,
                                     13, 14, 15 };
    size_t len;
    char *value = value_of(vn, "system.ntfs_object_id", &len);
    char *at = out->object_id;

    for (size_t i = 0; value && len >= 16 && i < 16; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;

        at += sprintf(at, "%s%02x", dash ? "-" : "",
                      (unsigned char)value[order[i]]);
    }
    free(value);
}

/* Put the SID at byte AT of the LEN bytes of DESCRIPTOR into words. */
static void sid_text(const char *descriptor, size_t len, uint32_t at,
                     char *out, size_t size)
{
    const unsigned char *sid = (const unsigned char *)descriptor + at;
    uint64_t authority = 0;
    size_t used;

    if (at == 0 || at > len || len - at < 8 || sid[1] > 15 ||
        (len - at - 8) / 4 < sid[1])
        return;
    for (int i = 2; i < 8; i++)
        authority = authority << 8 | sid[i];
    used = (size_t)snprintf(out, size, "S-%u-%" PRIu64, sid[0], authority);
    for (unsigned i = 0; i < sid[1] && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "-%" PRIu32,
                                 le32_at(descriptor + at + 8 + 4 * i));
}

static void take_owners(struct shale_vnode *vn, struct facts *out)
{
    size_t len;
    char *value = value_of(vn, "system.ntfs_acl", &len);

    if (value && len >= 20) {
        sid_text(value, len, le32_at(value + 4), out->owner,
                 sizeof out->owner);
        sid_text(value, len, le32_at(value + 8), out->group,
                 sizeof out->group);
    }
    free(value);
}

/* False if VN is not on NTFS. */
static bool facts_of(struct shale_vnode *vn, struct facts *out)
{
    *out = (struct facts){ .ntfs = false };
    if (strcmp(shale_fs_name(shale_vnode_fs(vn)), "ntfs") != 0)
        return false;
    take_flags(vn, out);
    take_tag(vn, out);
    take_object_id(vn, out);
    take_owners(vn, out);
    out->dos_name = value_of(vn, "system.ntfs_dos_name", &out->dos_name_len);
    return out->ntfs;
}

void statntfs_print(struct shale_vnode *vn)
{
    struct facts f;

    if (facts_of(vn, &f)) {
        printf(" Flags: 0x%08" PRIx32, f.flags);
        for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++)
            if (f.flags & flag_names[i].bit)
                printf(" %s", flag_names[i].name);
        putchar('\n');
        if (f.dos_name) {
            fputs("   DOS: ", stdout);
            print_name(stdout, f.dos_name, f.dos_name_len);
            putchar('\n');
        }
        if (f.tag)
            printf("   Tag: 0x%08" PRIx32 " %s\n", f.tag,
                   tag_name(f.tag) ? tag_name(f.tag) : "");
        if (f.object_id[0])
            printf("Object: %s\n", f.object_id);
        if (f.owner[0] || f.group[0])
            printf(" Owner: %s  Group: %s\n", f.owner[0] ? f.owner : "-",
                   f.group[0] ? f.group : "-");
    }
    free(f.dos_name);
}

void statntfs_json(struct shale_vnode *vn, struct json *object)
{
    struct json *ntfs, *flags;
    struct facts f;

    if (!facts_of(vn, &f)) {
        free(f.dos_name);
        return;
    }
    ntfs = json_new();
    flags = json_list();
    for (size_t i = 0; i < sizeof flag_names / sizeof flag_names[0]; i++)
        if (f.flags & flag_names[i].bit)
            json_append(flags, json_text(flag_names[i].name));
    json_set(ntfs, "flags", flags);
    if (f.dos_name)
        jsonout_bytes(ntfs, "dos_name", f.dos_name, f.dos_name_len);
    if (f.tag)
        jsonout_number(ntfs, "reparse_tag", f.tag);
    if (f.object_id[0])
        jsonout_text(ntfs, "object_id", f.object_id);
    if (f.owner[0])
        jsonout_text(ntfs, "owner", f.owner);
    if (f.group[0])
        jsonout_text(ntfs, "group", f.group);
    json_set(object, "ntfs", ntfs);
    free(f.dos_name);
}
