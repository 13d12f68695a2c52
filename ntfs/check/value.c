/*
 * value.c - what attributes hold whose form is documented
 *
 * Each rule here is of one value by itself. What several say together (names
 * and directories, ids and $Secure) is the business of others.
 */
#include "ntfs/meta.h"
#include "ntfs/check/check.h"
#include "ntfs/index.h"

#define VALUE_MAX   (64u << 10) /* by $AttrDef; that of EAs is the largest */
#define GUID_SIZE   16u
#define SYMLINK_HEAD 12u        /* where names of links are, and a flag */
#define MOUNT_POINT_HEAD 8u     /* ... without the flag */
#define LABEL_BYTES (2u * NTFS_LABEL_UNITS)

/* $EA_INFORMATION; [MS-FSCC] 2.4.12, and libfsntfs, "Extended attribute
   information" */
struct disk_ea_information {
    le16 packed, needed;
    le32 size;
};

#define SAID(name) NTFS_CHECK_FIELD(disk_ea_information, name)
#define PACKED_HEAD 5u          /* of an EA: flags, and two lengths */

/* A rule, or NULL, of the LEN bytes at BYTES; *AT: which of them break it. */
typedef const char *rule_fn(const uint8_t *bytes, size_t len, size_t *at);

static const char *standard_rule(const uint8_t *bytes, size_t len, size_t *at)
{
    const size_t old = offsetof(struct ntfs_disk_standard, owner_id);

    (void)bytes;
    *at = 0;
    /* A shorter one is told with those that are missing. */
    if (len > old && len != sizeof(struct ntfs_disk_standard))
        return "ntfs: times and flags of neither 48 nor 72 bytes";
    return NULL;
}

static const char *object_id_rule(const uint8_t *bytes, size_t len, size_t *at)
{
    (void)bytes;
    *at = 0;
    if (len < GUID_SIZE || len > 4 * GUID_SIZE || len % GUID_SIZE != 0)
        return "ntfs: an object id that is not one to four of 16 bytes";
    return NULL;
}

static const char *label_rule(const uint8_t *bytes, size_t len, size_t *at)
{
    (void)bytes;
    *at = 0;
    if (len % 2 != 0 || len > LABEL_BYTES)
        return "ntfs: a label that is not of up to 128 characters";
    return NULL;
}

static const char *volume_rule(const uint8_t *bytes, size_t len, size_t *at)
{
    (void)bytes;
    *at = 0;
    if (len != sizeof(struct ntfs_disk_volume))
        return "ntfs: version and state of the volume not in 12 bytes";
    return NULL;
}

/* Two names in the LEFT bytes behind the HEAD bytes at BYTES, which say where
   they are; [MS-FSCC] 2.1.2.4 and 2.1.2.5. */
static bool are_names(const uint8_t *bytes, size_t head, size_t left)
{
    const le16 *fields = (const le16 *)bytes;   /* offset, length; twice */

    if (left < head)
        return false;
    for (size_t i = 0; i < 4; i += 2) {
        size_t offset = le16_get(fields[i]), length = le16_get(fields[i + 1]);

        if (offset % 2 != 0 || length % 2 != 0 || offset > left - head ||
            length > left - head - offset)
            return false;
    }
    return true;
}

/* [MS-FSCC] 2.1.2: the length counts what is behind the head, or the GUID. */
static const char *reparse_rule(const uint8_t *bytes, size_t len, size_t *at)
{
    const struct ntfs_disk_reparse *head = (const void *)bytes;
    size_t need = sizeof *head;

    *at = 0;
    if (len < need)
        return "ntfs: a reparse point that is cut short";
    if (le32_get(head->tag) == 0)
        return "ntfs: a reparse point without a tag";
    if (!(le32_get(head->tag) & NTFS_TAG_MICROSOFT))
        need += GUID_SIZE;
    *at = offsetof(struct ntfs_disk_reparse, length);
    if (le16_get(head->length) + need != len)
        return "ntfs: a reparse point of another length than it says";
    *at = sizeof *head;
    if ((le32_get(head->tag) == NTFS_TAG_SYMLINK &&
         !are_names(bytes + *at, SYMLINK_HEAD, len - *at)) ||
        (le32_get(head->tag) == NTFS_TAG_MOUNT_POINT &&
         !are_names(bytes + *at, MOUNT_POINT_HEAD, len - *at)))
        return "ntfs: a link whose names are not within it";
    return NULL;
}

static const char *ea_information_rule(const uint8_t *bytes, size_t len,
                                       size_t *at)
{
    (void)bytes;
    *at = 0;
    if (len != sizeof(struct disk_ea_information))
        return "ntfs: sizes of extended attributes not in 8 bytes";
    return NULL;
}

static const char *ea_rule(const uint8_t *bytes, size_t len, size_t *at)
{
    /* Only read. */
    const struct ntfs_value eas = { .bytes = (uint8_t *)(uintptr_t)bytes,
                                    .length = len };
    struct ntfs_ea ea;
    size_t offset = 0;
    int more = 0;

    do {
        *at = offset;
        more = ntfs_ea_next(&eas, &offset, &ea);
    } while (more > 0 && ea.name_length > 0 &&
             ea.name[ea.name_length] == '\0');
    if (more < 0)
        return "ntfs: an extended attribute past the others' end";
    if (more > 0)
        return "ntfs: an extended attribute without a name";
    return NULL;
}

static const struct {
    uint32_t type;
    uint8_t since;              /* which major version of NTFS */
    unsigned code;
    rule_fn *rule;
} rules[] = {
    { NTFS_STANDARD_INFORMATION, 0, NTFS_CHECK_ATTR_CONTENT, standard_rule },
    { NTFS_OBJECT_ID, 3, NTFS_CHECK_ATTR_CONTENT, object_id_rule },
    { NTFS_SECURITY_DESCRIPTOR, 0, NTFS_CHECK_SECURITY,
      ntfs_check_descriptor },
    { NTFS_VOLUME_NAME, 0, NTFS_CHECK_ATTR_CONTENT, label_rule },
    { NTFS_VOLUME_INFORMATION, 0, NTFS_CHECK_ATTR_CONTENT, volume_rule },
    { NTFS_REPARSE_POINT, 3, NTFS_CHECK_ATTR_CONTENT, reparse_rule },
    { NTFS_EA_INFORMATION, 0, NTFS_CHECK_ATTR_CONTENT, ea_information_rule },
    { NTFS_EA, 0, NTFS_CHECK_ATTR_CONTENT, ea_rule },
};

enum { RULES = sizeof rules / sizeof rules[0] };

static void tell(struct ntfs_check *nc, const struct ntfs_attr *attr,
                 unsigned code, uint64_t at, const char *wrong)
{
    struct check_note note = {
        .object = SHALE_OBJECT_RECORD, .number = attr->record->number,
        .other = attr->type, .name = wrong + sizeof "ntfs: " - 1,
    };

    while (note.name[note.len])
        note.len++;
    check_tell(nc->check, &ntfs_check_codes[code], at, &note);
}

/* RULE number I of STREAM, which is not resident. */
static int stream_check(struct ntfs_check *nc, const struct ntfs_attr *attr,
                        const struct ntfs_stream *stream, size_t i)
{
    size_t len = (size_t)stream->size, at;
    uint8_t *bytes = check_alloc(nc->check, len);
    const char *wrong = NULL;
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    err = ntfs_stream_fetch(nc->vol, stream, 0, bytes, len);
    if (!err)
        wrong = rules[i].rule(bytes, len, &at);
    if (wrong)
        tell(nc, attr, rules[i].code, ntfs_data_place(nc->vol, stream, at),
             wrong);
    check_free(nc->check, bytes, len);
    return err == SHALE_ENOMEM ? err : 0;
}

/* RULE number I of ATTR, which is not resident: if it is in one piece. */
static int far_check(struct ntfs_check *nc, const struct ntfs_attr *attr,
                     size_t i)
{
    struct ntfs_stream stream;
    int err;

    if (attr->first_vcn != 0 || attr->size == 0 || attr->size > VALUE_MAX ||
        attr->last_vcn < (attr->size - 1) >> nc->vol->boot.cluster_shift)
        return 0;
    err = ntfs_stream_begin(nc->vol, &stream, attr);
    if (err)
        return err == SHALE_ENOMEM ? err : 0;
    err = ntfs_stream_end(nc->vol, &stream);
    if (!err)
        err = stream_check(nc, attr, &stream, i);
    ntfs_stream_close(nc->vol, &stream);
    return err == SHALE_ENOMEM ? err : 0;
}

int ntfs_check_value(struct ntfs_check *nc, const struct ntfs_attr *attr)
{
    const char *wrong;
    size_t at, i = 0;

    while (i < RULES && (rules[i].type != attr->type ||
                         rules[i].since > nc->vol->major))
        i++;
    if (i == RULES)
        return 0;
    if (!attr->resident)
        return far_check(nc, attr, i);
    wrong = rules[i].rule(attr->value, attr->value_length, &at);
    if (wrong)
        tell(nc, attr, rules[i].code, ntfs_check_value_at(nc, attr) + at,
             wrong);
    return 0;
}

const char *ntfs_check_name(const struct ntfs_name *name, size_t len)
{
    if (name->space > NTFS_WIN32_AND_DOS)
        return "ntfs: file name of a name space that there is not";
    if (len != sizeof(struct ntfs_disk_name) + 2u * (size_t)name->length)
        return "ntfs: file name with something behind it";
    return ntfs_name_check(name);
}

/* Bytes of EAS, in $EA, and in *PACKED as sent by OS/2: without padding, and
   with shorter heads. 0: they cannot be, which is told elsewhere. */
static uint32_t eas_measure(const struct ntfs_attr *eas, uint32_t *packed)
{
    const struct ntfs_value value = {
        .bytes = (uint8_t *)(uintptr_t)eas->value, .length = eas->value_length,
    };
    struct ntfs_ea ea;
    size_t offset = 0;
    int more;

    *packed = 0;
    while ((more = ntfs_ea_next(&value, &offset, &ea)) > 0)
        *packed += PACKED_HEAD + ea.name_length + ea.value_length;
    return more < 0 ? 0 : eas->value_length;
}

void ntfs_check_eas(struct ntfs_check *nc, const struct ntfs_record *record,
                    const struct ntfs_attr *eas, const struct ntfs_attr *sizes)
{
    const struct disk_ea_information *said = (const void *)sizes->value;
    uint32_t size, packed;

    if (!eas->type || !sizes->type) {
        ntfs_check_differ(nc, NTFS_CHECK_EA_SIZE, record->number,
                          ntfs_check_attr_at(nc, eas->type ? eas : sizes, 0),
                          eas->type != 0, sizes->type != 0);
        return;
    }
    if (!eas->resident || !sizes->resident ||
        sizes->value_length < sizeof *said)
        return;
    size = eas_measure(eas, &packed);
    if (size == 0)
        return;
    if (le32_get(said->size) != size)
        ntfs_check_differ(nc, NTFS_CHECK_EA_SIZE, record->number,
                          ntfs_check_value_at(nc, sizes) + SAID(size), size,
                          le32_get(said->size));
    else if (le16_get(said->packed) != packed)
        ntfs_check_differ(nc, NTFS_CHECK_EA_SIZE, record->number,
                          ntfs_check_value_at(nc, sizes) + SAID(packed),
                          packed, le16_get(said->packed));
}
