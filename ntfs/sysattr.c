/*
 * sysattr.c - system.ntfs_...: what NTFS keeps of a file, as it is
 *
 * Under the names and with the bytes that ntfs-3g gives them, which backup
 * programs know:
 *
 *     attrib        flags, 4 bytes                         and attrib_be
 *     times         made, written, read, changed: 8 bytes each, 100 ns since
 *                   1601                                   and times_be
 *     crtime        the first of these                     and crtime_be
 *     acl           the security descriptor
 *     reparse_data  the reparse point, head and all
 *     object_id     16 bytes and the 48 of its birth
 *     dos_name      the short name, in UTF-8
 *     efsinfo       $EFS of what is encrypted, with efs_raw only
 *     ea            all EAs as they are stored
 *
 * All are little-endian as on the volume, but for those in _be.
 */
#include "extras.h"
#include "memfn.h"

#define OBJECT_ID_SIZE 16u
#define BIRTH_SIZE 48u
#define VALUE_MAX (256u << 10)  /* of any attribute; $AttrDef allows 64 KiB */

int64_t ntfs_answer(const void *value, size_t len, void *buf, size_t size)
{
    if (size == 0)
        return (int64_t)len;
    if (len > size)
        return SHALE_ERANGE;
    if (len > 0)
        memcpy(buf, value, len);
    return (int64_t)len;
}

/* ------------------------------------------------------- flags and times */

/* COUNT numbers of WIDTH bytes each, from little-endian to big-endian. */
static void turn(uint8_t *bytes, size_t count, size_t width)
{
    for (; count > 0; count--, bytes += width) {
        for (size_t i = 0; i < width / 2; i++) {
            uint8_t byte = bytes[i];

            bytes[i] = bytes[width - 1 - i];
            bytes[width - 1 - i] = byte;
        }
    }
}

static int64_t flags_get(const struct ntfs_asked *asked, bool big)
{
    struct ntfs_disk_standard standard;
    uint32_t flags;
    le32 value;
    int err = ntfs_standard_get(asked->vol, asked->record, &standard);

    if (err)
        return err;
    flags = le32_get(standard.flags);
    if (asked->record->flags & NTFS_RECORD_DIRECTORY)
        flags |= NTFS_FILE_DIRECTORY;
    if (flags == 0)
        flags = NTFS_FILE_NORMAL;
    value = le32_make(flags);
    if (big)
        turn(value.b, 1, sizeof value);
    return ntfs_answer(&value, sizeof value, asked->buf, asked->size);
}

/* The first COUNT of the four times. */
static int64_t times_get(const struct ntfs_asked *asked, size_t count, bool big)
{
    struct ntfs_disk_standard standard;
    le64 times[4];
    int err = ntfs_standard_get(asked->vol, asked->record, &standard);

    if (err)
        return err;
    times[0] = standard.created;
    times[1] = standard.modified;
    times[2] = standard.accessed;
    times[3] = standard.changed;
    if (big)
        turn(times[0].b, count, sizeof times[0]);
    return ntfs_answer(times, count * sizeof times[0], asked->buf,
                       asked->size);
}

/* ------------------------------------------------------ whole attributes */

/* The value of the attribute of that type and name. */
static int64_t attr_get(const struct ntfs_asked *asked, uint32_t type,
                        const uint16_t *name, size_t len)
{
    struct ntfs_value value;
    int64_t answer;
    int found = ntfs_value_get(asked->vol, asked->record, type, name, len,
                               VALUE_MAX, &value);

    if (found <= 0)
        return found ? found : SHALE_ENODATA;
    answer = ntfs_answer(value.bytes, value.length, asked->buf, asked->size);
    ntfs_value_put(asked->vol, &value);
    return answer;
}

int64_t ntfs_efs_get(const struct ntfs_asked *asked)
{
    static const uint16_t name[] = { '$', 'E', 'F', 'S' };

    if (!asked->vol->options.efs_raw)
        return SHALE_EPERM;
    return attr_get(asked, NTFS_LOGGED_UTILITY_STREAM, name, 4);
}

/* ------------------------------------------------------------ object id */

/* Ids are collated as four numbers, the lowest byte of each first. */
static int by_object_id(const void *sought, const uint8_t *key, size_t len)
{
    const uint8_t *id = sought;

    if (len < OBJECT_ID_SIZE)
        return 1;
    for (size_t i = 0; i < OBJECT_ID_SIZE; i += 4)
        for (size_t byte = 4; byte-- > 0;)
            if (id[i + byte] != key[i + byte])
                return id[i + byte] < key[i + byte] ? -1 : 1;
    return 0;
}

/* An entry of $O in $Extend\$ObjId. */
struct object_entry {
    struct ntfs_disk_entry entry;
    uint8_t id[OBJECT_ID_SIZE];
    le64 file;                  /* reference */
    uint8_t birth[BIRTH_SIZE];
};

/* Find the rest of ID, at most, in the volume's index of them: 1, or 0. */
static int birth_find(struct ntfs_volume *vol, const uint8_t *id,
                      uint8_t birth[BIRTH_SIZE])
{
    static const uint8_t file[] = {
        '$', 0, 'O', 0, 'b', 0, 'j', 0, 'I', 0, 'd', 0,
    };
    static const uint16_t name[] = { '$', 'O' };
    struct object_entry entry;
    struct ntfs_record *record;
    struct ntfs_index *index;
    uint64_t number = NTFS_EXTEND;
    int64_t len = 0;
    int err = ntfs_path_find(vol, file, sizeof file / 2, &number);

    if (err <= 0)
        return err;
    err = ntfs_record_get(vol, number, &record);
    if (err)
        return err;
    err = ntfs_index_load_named(vol, record, name, 2, &index);
    if (!err) {
        len = ntfs_index_find(vol, index, by_object_id, id, &entry,
                              sizeof entry);
        ntfs_index_free(vol, index);
    }
    ntfs_record_put(vol, record);
    if (err)
        return err == SHALE_ENODATA ? 0 : err;
    if (len < (int64_t)sizeof entry)
        return len < 0 ? (int)len : 0;
    memcpy(birth, entry.birth, BIRTH_SIZE);
    return 1;
}

static int64_t object_id_get(const struct ntfs_asked *asked)
{
    uint8_t value[OBJECT_ID_SIZE + BIRTH_SIZE];
    struct ntfs_asked inner = *asked;
    size_t len = OBJECT_ID_SIZE;
    int64_t got;
    int found;

    inner.buf = value;
    inner.size = sizeof value;
    got = attr_get(&inner, NTFS_OBJECT_ID, NULL, 0);
    if (got < 0)
        return got == SHALE_ERANGE ? SHALE_ENODATA : got;
    if (got < (int64_t)OBJECT_ID_SIZE)
        return SHALE_ENODATA;
    found = birth_find(asked->vol, value, value + OBJECT_ID_SIZE);
    if (found < 0)
        return found;
    if (found > 0)
        len = sizeof value;
    else if (got > (int64_t)OBJECT_ID_SIZE)
        len = (size_t)got;      /* the attribute may have them itself */
    return ntfs_answer(value, len, asked->buf, asked->size);
}

/* ------------------------------------------------------------- DOS name */

/* What the names of a file say of its DOS name. */
struct dos_name {
    uint8_t units[2 * UINT8_MAX];       /* as on the volume */
    size_t len;                 /* 0: none */
    bool upper;                 /* it is the long name, but for its case */
    unsigned names;             /* how many the file has, it aside */
};

/* Take in ATTR, which may be a name. */
static void dos_name_add(struct dos_name *out, const struct ntfs_attr *attr)
{
    struct ntfs_disk_name name;

    if (attr->type != NTFS_FILE_NAME || !attr->resident ||
        attr->value_length < sizeof name)
        return;
    memcpy(&name, attr->value, sizeof name);
    if (name.space != NTFS_DOS)
        out->names++;
    if ((name.space != NTFS_DOS && name.space != NTFS_WIN32_AND_DOS) ||
        2u * name.length > attr->value_length - sizeof name)
        return;
    out->len = name.length;
    out->upper = name.space == NTFS_WIN32_AND_DOS;
    memcpy(out->units, attr->value + sizeof name, 2 * out->len);
}

static int dos_name_find(const struct ntfs_asked *asked, struct dos_name *out)
{
    struct ntfs_walk *walk = &asked->record->room->walk;
    int more = ntfs_walk_begin(asked->vol, asked->record, NTFS_FILE_NAME,
                               walk);

    out->len = 0;
    out->names = 0;
    if (more)
        return more;
    while ((more = ntfs_walk_next(walk)) > 0)
        dos_name_add(out, &walk->attr);
    ntfs_walk_end(walk);
    return more;
}

static void raise(const struct ntfs_volume *vol, uint8_t *units, size_t count)
{
    for (; count > 0; count--, units += 2) {
        uint16_t unit = ntfs_upper(vol,
                                   (uint16_t)(units[0] | units[1] << 8));

        units[0] = (uint8_t)unit;
        units[1] = (uint8_t)(unit >> 8);
    }
}

static int64_t dos_name_get(const struct ntfs_asked *asked)
{
    struct ntfs_text text = { asked->buf, asked->size, 0 };
    struct dos_name name;
    int err;

    if (asked->record->number == NTFS_ROOT)
        return SHALE_EPERM;
    err = dos_name_find(asked, &name);
    if (err)
        return err;
    if (name.len == 0)
        return SHALE_ENODATA;
    if (name.names > 1)
        return SHALE_EMLINK;    /* whose it is depends on the directory */
    if (name.upper)
        raise(asked->vol, name.units, name.len);
    ntfs_text_put_units(&text, name.units, name.len, false);
    return asked->size > 0 && text.len > asked->size ? SHALE_ERANGE :
        (int64_t)text.len;
}

/* ---------------------------------------------------------- system.ntfs_ */

enum kind {
    ATTRIB, ATTRIB_BE, TIMES, TIMES_BE, CRTIME, CRTIME_BE, ACL, REPARSE,
    OBJECT_ID, DOS_NAME, EFSINFO, EA,
};

static const struct {
    const char *name;           /* after "system.ntfs_" */
    enum kind kind;
} table[] = {
    { "attrib", ATTRIB },
    { "attrib_be", ATTRIB_BE },
    { "times", TIMES },
    { "times_be", TIMES_BE },
    { "crtime", CRTIME },
    { "crtime_be", CRTIME_BE },
    { "acl", ACL },
    { "reparse_data", REPARSE },
    { "object_id", OBJECT_ID },
    { "dos_name", DOS_NAME },
    { "efsinfo", EFSINFO },
    { "ea", EA },
};

static int64_t system_get(const struct ntfs_asked *asked, enum kind kind)
{
    switch (kind) {
    case ATTRIB:
    case ATTRIB_BE:
        return flags_get(asked, kind == ATTRIB_BE);
    case TIMES:
    case TIMES_BE:
        return times_get(asked, 4, kind == TIMES_BE);
    case CRTIME:
    case CRTIME_BE:
        return times_get(asked, 1, kind == CRTIME_BE);
    case ACL:
        return asked->vol->extras.owners
                   ? asked->vol->extras.owners->descriptor(
                         asked->vol, asked->record, asked->buf, asked->size)
                   : SHALE_ENOTSUP;
    case REPARSE:
        return attr_get(asked, NTFS_REPARSE_POINT, NULL, 0);
    case OBJECT_ID:
        return object_id_get(asked);
    case DOS_NAME:
        return dos_name_get(asked);
    case EFSINFO:
        return ntfs_efs_get(asked);
    case EA:
        break;
    }
    return attr_get(asked, NTFS_EA, NULL, 0);
}

int64_t ntfs_system_get(const struct ntfs_asked *asked, const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        const char *end;

        if (ntfs_begins(name, table[i].name, &end) && !*end)
            return system_get(asked, table[i].kind);
    }
    return SHALE_ENOTSUP;
}
