/*
 * filename.c - names of files: the value of $FILE_NAME, which is also the key
 * of a directory's index
 *
 * A file has one for each of its names, and one more, of the name space DOS,
 * for a name that is long. Beside the name there is a copy of what the file
 * was when that name was last used: stale for files of several names.
 */
#include "index.h"
#include "utf16.h"

static uint16_t unit_get(const uint8_t *units, size_t i)
{
    return le16_load(units + 2 * i);
}

const char *ntfs_name_decode(const uint8_t *bytes, size_t len,
                             struct ntfs_name *out)
{
    const struct ntfs_disk_name *raw = (const struct ntfs_disk_name *)bytes;

    if (len < sizeof *raw)
        return "ntfs: file name cut short";
    out->parent = le64_get(raw->parent);
    out->flags = le32_get(raw->flags);
    out->extra = le32_get(raw->reparse_tag);
    out->length = raw->length;
    out->space = raw->space;
    out->units = bytes + sizeof *raw;
    if (out->length == 0)
        return "ntfs: file name without a character";
    if ((size_t)out->length * 2 > len - sizeof *raw)
        return "ntfs: file name past the end of its entry";
    return NULL;
}

enum shale_type ntfs_name_type(const struct ntfs_name *name)
{
    /* Links, Interix's special files, those whose type is in their EAs. */
    if (name->flags & NTFS_FILE_REPARSE)
        return SHALE_TYPE_UNKNOWN;
    if (name->flags & NTFS_NAME_IS_DIRECTORY)
        return SHALE_TYPE_DIR;
    if ((name->flags & NTFS_FILE_SYSTEM) || name->extra != 0)
        return SHALE_TYPE_UNKNOWN;
    return SHALE_TYPE_FILE;
}

const char *ntfs_name_check(const struct ntfs_name *name)
{
    for (size_t i = 0; i < name->length; i++) {
        uint16_t unit = unit_get(name->units, i);

        if (unit == 0 || unit == '/')
            return "ntfs: file name with a slash or NUL";
    }
    return NULL;
}

bool ntfs_name_is_dots(const struct ntfs_name *name)
{
    return (name->length == 1 || name->length == 2) &&
           unit_get(name->units, 0) == '.' &&
           unit_get(name->units, name->length - 1u) == '.';
}

size_t ntfs_name_text(const struct ntfs_name *name, char *out)
{
    size_t len = 0;

    for (size_t i = 0; i < name->length;) {
        uint16_t pair[2] = { unit_get(name->units, i++) };
        size_t count = 1;

        if (pair[0] < 0x80) {
            out[len++] = (char)pair[0];
            continue;
        }
        if ((pair[0] & 0xfc00) == 0xd800 && i < name->length) {
            pair[1] = unit_get(name->units, i);
            if ((pair[1] & 0xfc00) == 0xdc00) {
                count = 2;
                i++;
            }
        }
        len += utf16_to_utf8(pair, count, out + len);
    }
    return len;
}
