/*
 * record.c - the records of a directory's block, one after the other
 *
 *      0         4        6          7       8
 *      | inode   | rec_len| name_len | type  | name ... | slack to rec_len |
 *
 * The rules are those of "Linear Directories" in "ext4 Data Structures and
 * Algorithms": lengths are multiples of 4, records fill the block, a name lies
 * within its record. They hold for records that are not in use as well.
 */
#include "ext2/check/tree.h"

int ext2_record_get(const uint8_t *bytes, uint32_t at, uint32_t end, bool huge,
                    struct ext2_record *out)
{
    const struct ext2_disk_dirent *raw;

    *out = (struct ext2_record){ .at = at, .name = bytes };
    if (at >= end)
        return 0;
    if (end - at < EXT2_RECORD_MIN)
        return -1;
    raw = (const struct ext2_disk_dirent *)(bytes + at);
    out->ino = le32_get(raw->inode);
    out->length = le16_get(raw->rec_len);
    if (huge && (out->length == 0 || out->length == 65535))
        out->length = 65536;
    out->len = raw->name_len;
    out->type = raw->file_type;
    out->name = bytes + at + sizeof *raw;
    if (out->length < EXT2_RECORD_MIN || out->length % 4 != 0 ||
        out->length > end - at || out->len > out->length - sizeof *raw)
        return -1;
    return 1;
}

bool ext2_record_is_dots(const struct ext2_record *r)
{
    return r->len > 0 && r->len <= 2 && r->name[0] == '.' &&
           r->name[r->len - 1] == '.';
}
