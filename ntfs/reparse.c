/*
 * reparse.c - reparse points: what makes a file another kind of file
 *
 * A file or directory may have an attribute that begins with a tag and whose
 * meaning is that tag's ([MS-FSCC] 2.1.2):
 *
 *     | tag 4 | length 2 | 0 2 | GUID 16, if the tag is not Microsoft's | data
 *
 * Symlinks, junctions and mount points are symlinks here; so are those of WSL,
 * whose fifos, sockets and devices are that, and those of the NFS server. What
 * other tags mean, we do not know, or it is about where the data is (map.c
 * sees to that): there the file or directory stays what it is, as it would be
 * to a Windows that does not know them either. Anyone may look at the whole
 * attribute, which is system.ntfs_reparse_data.
 */
#include "extras.h"
#include "memfn.h"

#define HEAD_SIZE 8u
#define GUID_SIZE 16u
#define DATA_MAX 16384u         /* [MS-FSCC] 2.1.2, with the head */

#define SYMLINK_HEAD 12u        /* what is before the names */
#define MOUNT_POINT_HEAD 8u
#define SYMLINK_RELATIVE 1u     /* its flag */

#define LX_SYMLINK_VERSION 2u

/* The first 8 bytes of an NFS one, which spell it: [MS-FSCC] 2.1.2.6. */
#define NFS_SYMLINK UINT64_C(0x014b4e4c)
#define NFS_CHAR    UINT64_C(0x00524843)
#define NFS_BLOCK   UINT64_C(0x004b4c42)
#define NFS_FIFO    UINT64_C(0x4f464946)
#define NFS_SOCKET  UINT64_C(0x4b434f53)

/* ------------------------------------------------------------ the head */

/* Take the head off POINT's value. Returns NULL, or which rule it breaks. */
static const char *head_decode(struct ntfs_reparse *point)
{
    struct ntfs_disk_reparse head;
    size_t skip = HEAD_SIZE;

    if (point->value.length < HEAD_SIZE)
        return "ntfs: reparse point too short";
    memcpy(&head, point->value.bytes, sizeof head);
    point->tag = le32_get(head.tag);
    if (!(point->tag & NTFS_TAG_MICROSOFT))
        skip += GUID_SIZE;
    if (point->value.length < skip ||
        le16_get(head.length) > point->value.length - skip)
        return "ntfs: reparse point longer than its attribute";
    point->data = point->value.bytes + skip;
    point->data_length = le16_get(head.length);
    return NULL;
}

int ntfs_reparse_open(struct ntfs_volume *vol, const struct ntfs_record *base,
                      struct ntfs_reparse *out)
{
    const char *wrong;
    int found;

    *out = (struct ntfs_reparse){ .tag = 0 };
    found = ntfs_value_get(vol, base, NTFS_REPARSE_POINT, NULL, 0,
                           DATA_MAX + GUID_SIZE, &out->value);
    if (found <= 0)
        return found;
    wrong = head_decode(out);
    if (!wrong)
        return 1;
    ntfs_reparse_close(vol, out);
    return shale_corrupt_inode(vol->fs, wrong, out->value.at, base->number);
}

void ntfs_reparse_close(struct ntfs_volume *vol, struct ntfs_reparse *point)
{
    ntfs_value_put(vol, &point->value);
}

/* ------------------------------------------------------------- the kind */

static uint64_t nfs_kind(const struct ntfs_reparse *point)
{
    if (point->data_length < 8)
        return 0;
    return le32_load(point->data) | (uint64_t)le32_load(point->data + 4) << 32;
}

static enum shale_type nfs_type(const struct ntfs_reparse *point)
{
    switch (nfs_kind(point)) {
    case NFS_SYMLINK:
        return point->data_length >= 10 ? SHALE_TYPE_SYMLINK :
            SHALE_TYPE_UNKNOWN;
    case NFS_CHAR:
        return SHALE_TYPE_CHAR;
    case NFS_BLOCK:
        return SHALE_TYPE_BLOCK;
    case NFS_FIFO:
        return SHALE_TYPE_FIFO;
    case NFS_SOCKET:
        return SHALE_TYPE_SOCKET;
    default:
        return SHALE_TYPE_UNKNOWN;
    }
}

/* The name that a symlink or mount point leads to; its length is 0 if there is
   none, or if that is not inside the data. */
struct name {
    const uint8_t *units;
    size_t count;
};

static struct name substitute_name(const struct ntfs_reparse *point)
{
    size_t head = point->tag == NTFS_TAG_SYMLINK ? SYMLINK_HEAD :
        MOUNT_POINT_HEAD;
    struct name name = { NULL, 0 };
    size_t offset, len;

    if (point->data_length < head)
        return name;
    offset = le16_load(point->data);
    len = le16_load(point->data + 2);
    if (offset > point->data_length - head ||
        len > point->data_length - head - offset)
        return name;
    name.units = point->data + head + offset;
    name.count = len / 2;
    while (name.count > 0 && le16_load(name.units + 2 * (name.count - 1)) == 0)
        name.count--;
    return name;
}

static bool has_nul(const struct name *name)
{
    for (size_t i = 0; i < name->count; i++)
        if (le16_load(name->units + 2 * i) == 0)
            return true;
    return false;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i] == 0)
            return false;
    return len > 0;
}

enum shale_type ntfs_reparse_type(const struct ntfs_reparse *point)
{
    struct name name;

    switch (point->tag) {
    case NTFS_TAG_SYMLINK:
    case NTFS_TAG_MOUNT_POINT:
        name = substitute_name(point);
        return name.count > 0 && !has_nul(&name) ? SHALE_TYPE_SYMLINK :
            SHALE_TYPE_UNKNOWN;
    case NTFS_TAG_LX_SYMLINK:
        return point->data_length > 4 &&
            le32_load(point->data) == LX_SYMLINK_VERSION &&
            is_text(point->data + 4, point->data_length - 4) ?
            SHALE_TYPE_SYMLINK : SHALE_TYPE_UNKNOWN;
    case NTFS_TAG_NFS:
        return nfs_type(point);
    case NTFS_TAG_AF_UNIX:
        return SHALE_TYPE_SOCKET;
    case NTFS_TAG_LX_FIFO:
        return SHALE_TYPE_FIFO;
    case NTFS_TAG_LX_CHR:
        return SHALE_TYPE_CHAR;
    case NTFS_TAG_LX_BLK:
        return SHALE_TYPE_BLOCK;
    default:
        return SHALE_TYPE_UNKNOWN;
    }
}

bool ntfs_reparse_device(const struct ntfs_reparse *point, uint32_t *major,
                         uint32_t *minor)
{
    uint64_t kind = point->tag == NTFS_TAG_NFS ? nfs_kind(point) : 0;

    if ((kind != NFS_CHAR && kind != NFS_BLOCK) || point->data_length < 16)
        return false;
    *major = le32_load(point->data + 8);
    *minor = le32_load(point->data + 12);
    return true;
}

/* ----------------------------------------------------------- the target */

int ntfs_reparse_target(struct ntfs_volume *vol,
                        const struct ntfs_record *base,
                        const struct ntfs_reparse *point,
                        struct ntfs_text *out)
{
    struct name name;
    bool is_relative;

    switch (point->tag) {
    case NTFS_TAG_LX_SYMLINK:
        ntfs_text_put(out, (const char *)point->data + 4,
                      point->data_length - 4);
        return 0;
    case NTFS_TAG_NFS:
        ntfs_text_put_units(out, point->data + 8,
                            (point->data_length - 8) / 2, false);
        return 0;
    default:
        break;
    }
    name = substitute_name(point);
    is_relative = point->tag == NTFS_TAG_SYMLINK &&
        le32_load(point->data + 8) & SYMLINK_RELATIVE;
    return ntfs_target_put(vol, base, name.units, name.count, is_relative,
                           out);
}

/* Where reparse point POINT of BASE's file leads, in BUF. */
static int64_t target_get(struct ntfs_volume *vol,
                          const struct ntfs_record *base, char *buf,
                          size_t size)
{
    struct ntfs_text text = { buf, size, 0 };
    struct ntfs_reparse point;
    int err = ntfs_reparse_open(vol, base, &point);

    if (err <= 0)
        return err ? err : SHALE_EINVAL;
    err = ntfs_reparse_type(&point) != SHALE_TYPE_SYMLINK ? SHALE_EINVAL :
        ntfs_reparse_target(vol, base, &point, &text);
    ntfs_reparse_close(vol, &point);
    if (err)
        return err;
    return text.len > size ? SHALE_ERANGE : (int64_t)text.len;
}

int64_t ntfs_readlink(struct shale_vnode *vn, char *buf, size_t size)
{
    const struct ntfs_vnode *node = (const struct ntfs_vnode *)vn;
    struct ntfs_volume *vol = ntfs_volume_of(vn->fs);
    struct ntfs_record *record;
    int64_t len;
    int err;

    if (node->info.reparse_tag == 0)
        return vol->extras.unixes->interix_target(vn, buf, size);
    err = ntfs_record_get(vol, NTFS_INO_RECORD(vn->ino), &record);
    if (err)
        return err;
    len = target_get(vol, record, buf, size);
    ntfs_record_put(vol, record);
    return len;
}
