/*
 * volume.c - $Volume: version of the format, flags, and the label
 *
 * Nothing depends on them, so a volume whose $Volume cannot be read, or is cut
 * off an image, is mounted all the same.
 */
#include "memfn.h"
#include "ntfs.h"

#define INFORMATION_SIZE ((uint32_t)sizeof(struct ntfs_disk_volume))

_Static_assert(sizeof(struct ntfs_disk_volume) == 12,
               "NTFS volume information");

/*
 * The resident attribute of that TYPE, of no name, in the record of $Volume:
 * 1 with *RECORD for the caller to put, 0 if it has none.
 */
static int volume_attr(struct ntfs_volume *vol, uint32_t type,
                       struct ntfs_record **record, struct ntfs_attr *out)
{
    uint32_t offset;
    int found = ntfs_record_get(vol, NTFS_VOLUME, record);

    if (found)
        return found;
    offset = (*record)->attrs;
    while ((found = ntfs_attr_next(vol, *record, &offset, out)) > 0)
        if (out->resident && ntfs_attr_is(out, type, NULL, 0))
            return 1;
    ntfs_record_put(vol, *record);
    return found;
}

int ntfs_volume_load(struct ntfs_volume *vol)
{
    const struct ntfs_disk_volume *raw;
    struct ntfs_record *record;
    struct ntfs_attr attr;
    int found = volume_attr(vol, NTFS_VOLUME_INFORMATION, &record, &attr);

    if (found == SHALE_ENOMEM)
        return found;
    if (found == 1 && attr.value_length >= INFORMATION_SIZE) {
        raw = (const struct ntfs_disk_volume *)attr.value;
        vol->major = raw->major;
        vol->minor = raw->minor;
        vol->flags = le16_get(raw->flags);
    } else {
        shale_warn(vol->fs, "ntfs: version and state of the volume are not "
                   "known", NULL, found == 1 ? attr.at : SHALE_NOWHERE);
    }
    if (found == 1)
        ntfs_record_put(vol, record);
    return 0;
}

int ntfs_label_get(struct ntfs_volume *vol, uint16_t *units)
{
    struct ntfs_record *record;
    struct ntfs_attr attr;
    uint32_t count;
    int found = volume_attr(vol, NTFS_VOLUME_NAME, &record, &attr);

    if (found <= 0)
        return found == SHALE_ESTALE ? 0 : found;
    count = attr.value_length / 2;
    if (count > NTFS_LABEL_UNITS)
        count = NTFS_LABEL_UNITS;
    for (uint32_t i = 0; i < count; i++)
        units[i] = le16_get(((const le16 *)attr.value)[i]);
    ntfs_record_put(vol, record);
    return (int)count;
}
