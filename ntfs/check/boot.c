/*
 * boot.c - the boot sector and its copy
 *
 * Checked as bytes on the device, before anything is mounted: the driver takes
 * the copy by itself where the first one is bad.
 */
#include "memfn.h"
#include "ntfs/check/check.h"

#define FIELD(name) ((uint32_t)offsetof(struct ntfs_disk_boot, name))

#define SECTOR_MIN      256u
#define OLD_COPY_SECTOR 512u
#define SEARCH_SIZE     4096u   /* of the device's end: its last sector, or what
                                   mkntfs takes for that */

static void volume_tell(struct ntfs_check *nc, unsigned code, uint64_t at,
                        struct check_note note)
{
    note.object = SHALE_OBJECT_VOLUME;
    check_tell(nc->check, &ntfs_check_codes[code], at, &note);
}

/* The rule that the driver found broken, without its own name. */
static void invalid_tell(struct ntfs_check *nc, const char *wrong,
                         uint32_t field)
{
    struct check_note note = { .other = field };

    note.name = wrong + sizeof "ntfs: " - 1;
    while (note.name[note.len])
        note.len++;
    volume_tell(nc, NTFS_CHECK_BOOT, field, note);
}

/*
 * Is the copy at AT one of the boot sector at HEAD? 1 if it is, and equal; 0,
 * with the first byte that is not, if it is another one; -1 if there is none.
 * Where AT is not THE place for it, a file could be: so the volume of the copy
 * has to end there.
 */
static int copy_compare(struct ntfs_check *nc, const uint8_t *head,
                        uint64_t at, bool the, uint8_t *bytes,
                        uint32_t *differs)
{
    struct ntfs_boot boot;
    uint32_t field;
    bool good;
    int err = check_get(nc->check, at, bytes, NTFS_HEAD_SIZE,
                        SHALE_OBJECT_VOLUME, 0, &good);

    if (err)
        return err;
    if (!good || ntfs_boot_decode(bytes, &boot, &field) ||
        (!the && (boot.size > at ? boot.size - at
                                 : at - boot.size) > SEARCH_SIZE))
        return -1;
    /* The code that starts a system is in none of the copies of some tools. */
    for (*differs = 0; *differs < FIELD(code); ++*differs)
        if (head[*differs] != bytes[*differs])
            return 0;
    return 1;
}

/*
 * Compare the sector at HEAD with what is at AT, which is on the device.
 * *FOUND: that is a copy; if it differs, that has been told.
 */
static int place_check(struct ntfs_check *nc, const uint8_t *head, uint64_t at,
                       bool the, uint8_t *bytes, bool *found)
{
    uint32_t differs = 0;
    int equal = copy_compare(nc, head, at, the, bytes, &differs);

    *found = equal >= 0;
    if (equal == 0)
        volume_tell(nc, NTFS_CHECK_BOOT_COPY, at + differs,
                    (struct check_note){
            .other = differs, .compared = true,
            .expected = head[differs], .found = bytes[differs],
        });
    return equal < -1 ? equal : 0;
}

/*
 * Look for the copy of the sector at HEAD, which BOOT is: behind the volume's
 * last sector, or in its middle. Where sectors are not of 512 bytes mkntfs has
 * its own idea of where that is, within the last SEARCH_SIZE of the device;
 * else it may be the device's last one.
 */
static int copy_check(struct ntfs_check *nc, const uint8_t *head,
                      const struct ntfs_boot *boot, uint8_t *bytes)
{
    uint64_t size = nc->check->dev->size & ~(uint64_t)(SECTOR_MIN - 1);
    uint64_t last = size < NTFS_HEAD_SIZE ? 0 : size - NTFS_HEAD_SIZE;
    uint64_t middle = (boot->size / 2) & ~(uint64_t)(OLD_COPY_SECTOR - 1);
    uint64_t search = boot->sector_size == OLD_COPY_SECTOR ? 1 : SEARCH_SIZE;
    bool found = false;
    int err = 0;

    if (boot->size <= last)
        err = place_check(nc, head, boot->size, true, bytes, &found);
    for (uint64_t at = last; !err && !found && at > boot->size / 2 &&
         at + search > last; at -= SECTOR_MIN)
        err = place_check(nc, head, at, false, bytes, &found);
    if (!err && !found && middle > 0 && middle <= last)
        err = place_check(nc, head, middle, true, bytes, &found);
    if (!err && !found)
        volume_tell(nc, NTFS_CHECK_BOOT_NO_COPY, boot->size,
                    (struct check_note){ .number = 0 });
    return err;
}

static int boot_check(struct ntfs_check *nc, uint8_t *head, uint8_t *bytes)
{
    uint64_t size = nc->check->dev->size;
    struct ntfs_boot boot;
    const char *wrong;
    uint32_t field;
    bool good;
    int err = check_get(nc->check, 0, head, NTFS_HEAD_SIZE,
                        SHALE_OBJECT_VOLUME, 0, &good);

    if (err || !good)
        return err;
    wrong = ntfs_boot_decode(head, &boot, &field);
    if (wrong) {
        invalid_tell(nc, wrong, field);
        return 0;
    }
    if (boot.cluster_count << boot.cluster_shift > size) {
        volume_tell(nc, NTFS_CHECK_BOOT_SIZE, FIELD(sectors),
                    (struct check_note){
            .compared = true, .expected = boot.size, .found = size,
        });
        return 0;
    }
    return copy_check(nc, head, &boot, bytes);
}

int ntfs_check_boot(struct ntfs_check *nc)
{
    struct check *check = nc->check;
    uint8_t *both = check_alloc(check, 2 * (size_t)NTFS_HEAD_SIZE);
    int err;

    if (!both)
        return SHALE_ENOMEM;
    err = boot_check(nc, both, both + NTFS_HEAD_SIZE);
    check_free(check, both, 2 * (size_t)NTFS_HEAD_SIZE);
    return err;
}

bool ntfs_check_probe_copy(struct check *check)
{
    uint64_t size = check->dev->size & ~(uint64_t)(OLD_COPY_SECTOR - 1);
    struct ntfs_boot boot;
    uint32_t field;
    uint8_t *bytes;
    bool found = false;

    if (size < 2 * SEARCH_SIZE)
        return false;
    bytes = check_alloc(check, SEARCH_SIZE);
    if (!bytes)
        return false;
    if (!check_read(check, size - SEARCH_SIZE, bytes, SEARCH_SIZE))
        for (uint32_t at = 0; at < SEARCH_SIZE && !found;
             at += OLD_COPY_SECTOR)
            found = !ntfs_boot_decode(bytes + at, &boot, &field) &&
                    boot.size <= size - SEARCH_SIZE + at &&
                    size - boot.size <= SEARCH_SIZE;
    check_free(check, bytes, SEARCH_SIZE);
    return found;
}
