/*
 * boot.c - boot sector and backup, field by field
 *
 * The driver's decoder stops at the first field that it cannot live with. Here
 * that is told, and if the volume has a sound copy of the sector, the copy is
 * believed; else fields that can be guessed are, and the check goes on.
 *
 * What a sound sector says is then held against the device, against itself,
 * and against its copy. (FAT spec 1.03, "Boot Sector and BPB Structure")
 */
#include "fat32/check/check.h"
#include "memfn.h"

#define NO_SECTOR 0xffffu
#define FIELD(name) offsetof(struct fat_disk_boot, name)

/* ---------------------------------------------------------------- probing */

/* Does the sector call itself one of a FAT volume? */
static bool has_type(const uint8_t *head)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;

    return memcmp(raw->u.fat16.type, "FAT12   ", 8) == 0 ||
           memcmp(raw->u.fat16.type, "FAT16   ", 8) == 0 ||
           memcmp(raw->u.fat32.ext.type, "FAT32   ", 8) == 0;
}

/* Is all but the name FAT's, and the FAT where the boot sector has it? */
static bool is_misnamed(const uint8_t *head, size_t len)
{
    struct fat_boot boot;
    uint32_t field;
    uint64_t at;

    if (!fat_head_is_signed(head) || !has_type(head) ||
        fat_boot_decode(head, 0, &boot, &field))
        return false;
    at = (uint64_t)boot.reserved << boot.sector_shift;
    return at + 3 <= len && head[at] == boot.media && head[at + 1] == 0xff &&
           head[at + 2] == 0xff;
}

bool fat_check_probe(const uint8_t *head, size_t len)
{
    if (fat_probe(head, len))
        return true;
    if (len < FAT_HEAD_SIZE)
        return false;
    return fat_head_is_other(head) ? is_misnamed(head, len) : has_type(head);
}

/*
 * Look for the copy that FAT32 keeps of its boot sector, with sectors of any
 * size. *FOUND: it is in HEAD, and decoded.
 */
static int find_backup(struct check *check, uint8_t *head,
                       struct fat_boot *boot, bool *found)
{
    uint32_t field;
    int err = 0;

    *found = false;
    for (uint32_t size = FAT_SECTOR_MIN; size <= FAT_SECTOR_MAX; size *= 2) {
        uint64_t at = (uint64_t)FAT_BACKUP_SECTOR * size;

        if (at + FAT_HEAD_SIZE > check->dev->size)
            break;
        err = check_read(check, at, head, FAT_HEAD_SIZE);
        if (err && err != SHALE_EIO)
            return err;
        if (err || !fat_head_is_signed(head) || fat_head_is_other(head) ||
            fat_boot_decode(head, 0, boot, &field) || boot->bits != 32 ||
            boot->sector_size != size ||
            boot->backup_sector != FAT_BACKUP_SECTOR)
            continue;
        boot->at = at;
        *found = true;
        return 0;
    }
    return 0;
}

bool fat_check_probe_backup(struct check *check)
{
    uint8_t *head = check_alloc(check, FAT_HEAD_SIZE);
    int err = head ? 0 : SHALE_ENOMEM;
    struct fat_boot boot;
    bool found = false;

    if (!err)
        err = find_backup(check, head, &boot, &found);
    if (!err && !found)
        err = fat_check_find_tables(check, &found);
    check_free(check, head, FAT_HEAD_SIZE);
    return !err && found;
}

/* ---------------------------------------------------- a sector to believe */

static size_t length_of(const char *text)
{
    size_t len = 0;

    while (text[len])
        len++;
    return len;
}

/* RULE as fat_boot_decode() has it, with "fat: " before it. */
static void tell_bad(struct fat_check *v, const char *rule, uint32_t field)
{
    const char *text = rule;

    while (*text && *text != ':')
        text++;
    text = *text ? text + 2 : rule;
    FAT_TELL(v, BOOT_BAD, field, .name = text, .len = length_of(text));
}

/*
 * Put into the field at FIELD of the sector at HEAD what it most likely should
 * be. False if nobody can know.
 */
static bool guess(struct fat_check *v, uint8_t *head, uint32_t field)
{
    struct fat_disk_boot *raw = (struct fat_disk_boot *)head;
    uint64_t size = v->check->dev->size;
    uint32_t sector = le16_get(raw->sector_size);

    switch (field) {
    case FIELD(oem):
        memcpy(raw->oem, "MSDOS5.0", sizeof raw->oem);
        return true;
    case FIELD(media):
        raw->media = 0xf8;
        return true;
    case FIELD(sectors32):
        if (sector == 0 || size / sector > UINT32_MAX ||
            le32_get(raw->sectors32) == size / sector)
            return false;
        raw->sectors16 = le16_make(0);
        raw->sectors32 = le32_make((uint32_t)(size / sector));
        return true;
    case FIELD(u.fat32.flags):
        raw->u.fat32.flags = le16_make(0);
        return true;
    case FIELD(u.fat32.root_cluster):
        raw->u.fat32.root_cluster = le32_make(FAT_FIRST_CLUSTER);
        return true;
    default:
        return false;
    }
}

/* Is it a floppy of DOS 1? Then HEAD becomes what its boot sector would say. */
static int try_dos1x(struct fat_check *v, uint8_t *head, bool *is)
{
    uint8_t fat[3];
    int err;

    *is = false;
    if (!fat_head_is_blank(head))
        return 0;
    err = check_read(v->check, FAT_SECTOR_MIN, fat, sizeof fat);
    if (err)
        return err == SHALE_EIO ? 0 : err;
    *is = fat_dos1x_make(v->check->dev->size, fat, head);
    return 0;
}

/*
 * Read the boot sector into HEAD, or what is to be believed in its place.
 * *READ: it is there, bad as it may be.
 */
static int read_sector(struct fat_check *v, uint8_t *head, bool *read)
{
    int err;

    memset(head, 0, FAT_HEAD_SIZE);
    if (v->check->dev->size < FAT_HEAD_SIZE) {
        *read = false;
        FAT_TELL(v, BOOT_SHORT, 0, .expected = FAT_HEAD_SIZE,
                 .found = v->check->dev->size, .compared = true);
        return 0;
    }
    err = check_get(v->check, 0, head, FAT_HEAD_SIZE, SHALE_OBJECT_VOLUME, 0,
                    read);
    if (!err && *read)
        err = try_dos1x(v, head, &v->dos1x);
    return err;
}

/* What makes the sector at HEAD bad, and in which *FIELD. */
static const char *rule_of(struct fat_check *v, const uint8_t *head,
                           uint32_t *field)
{
    if (fat_head_is_other(head)) {
        *field = FIELD(oem);
        return "fat: the name of another filesystem";
    }
    return fat_boot_decode(head, 0, &v->boot, field);
}

/* The sector at HEAD is bad: find something else to believe. */
static int make_do(struct fat_check *v, uint8_t *head, uint8_t *copy,
                   bool read, bool *usable)
{
    uint32_t field = 0;
    const char *rule;
    int err;

    err = find_backup(v->check, copy, &v->boot, usable);
    if (err)
        return err;
    if (*usable) {
        rule = rule_of(v, head, &field);
        if (read)
            tell_bad(v, rule, field);
        FAT_TELL(v, BACKUP_USED, FAT_BACKUP_SECTOR * FAT_SECTOR_MIN,
                 .number = 0);
        memcpy(head, copy, FAT_HEAD_SIZE);
        return find_backup(v->check, copy, &v->boot, usable);
    }
    if (!read)
        return 0;

    /* Each guess makes another field sound, so that there are few. */
    for (int tries = 0; tries < 5; tries++) {
        rule = rule_of(v, head, &field);
        if (!rule)
            break;
        tell_bad(v, rule, field);
        if (!guess(v, head, field))
            return 0;
    }
    *usable = fat_boot_decode(head, 0, &v->boot, &field) == NULL;
    return 0;
}

/* ------------------------------------------------- the sector and itself */

static void check_size(struct fat_check *v, const uint8_t *head)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;
    const struct fat_boot *boot = &v->boot;
    uint64_t size = (uint64_t)boot->sectors << boot->sector_shift;
    bool few = boot->bits != 32 && le16_get(raw->sectors16) != 0;

    if (size > v->check->dev->size)
        FAT_TELL(v, BOOT_SIZE, few ? FIELD(sectors16) : FIELD(sectors32),
                 .compared = true, .expected = size,
                 .found = v->check->dev->size);
}

/* The FAT against the number of clusters. */
static void check_clusters(struct fat_check *v)
{
    const struct fat_boot *boot = &v->boot;
    uint64_t all = (boot->sectors - boot->data_sector) / boot->cluster_sectors;

    if (all > boot->cluster_count)
        FAT_TELL(v, TABLE_SMALL, boot->bits == 32 ? FIELD(u.fat32.fat_sectors)
                                                  : FIELD(fat_sectors16),
                 .compared = true, .expected = all,
                 .found = boot->cluster_count);
    if (boot->bits == 32 && all < FAT16_CLUSTERS)
        FAT_TELL(v, BOOT_FEW, FIELD(sectors32), .compared = true,
                 .expected = FAT16_CLUSTERS, .found = all);
    if (boot->fat_count > 2)
        FAT_TELL(v, BOOT_FATS, FIELD(fat_count), .other = boot->fat_count);
}

static void check_fields(struct fat_check *v, const uint8_t *head)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;
    uint32_t few = le16_get(raw->sectors16), many = le32_get(raw->sectors32);
    uint32_t entries = v->boot.root_entries;
    size_t mark_at = v->boot.bits == 32 ? FIELD(u.fat32.ext.signature)
                                        : FIELD(u.fat16.signature);

    if (!fat_head_is_signed(head))
        FAT_TELL(v, BOOT_SIGNATURE, FAT_SIGNATURE_AT, .compared = true,
                 .expected = FAT_SIGNATURE, .found = le16_get(raw->signature));
    if (head[mark_at] != FAT_EXT_ID_LABEL && has_type(head))
        FAT_TELL(v, BOOT_EXTENDED, mark_at, .compared = true,
                 .expected = FAT_EXT_ID_LABEL, .found = head[mark_at]);
    if (few != 0 && many != 0 && few != many)
        FAT_TELL(v, BOOT_SECTORS, FIELD(sectors32), .compared = true,
                 .expected = few, .found = many);
    if (v->boot.bits == 32 && entries != 0)
        FAT_TELL(v, BOOT_TWO_ROOTS, FIELD(root_entries), .other = entries);
    else if (entries * FAT_ENTRY_SIZE % v->boot.sector_size != 0)
        FAT_TELL(v, BOOT_ROOT, FIELD(root_entries), .other = entries);
    if (v->boot.bits == 32 && le16_get(raw->u.fat32.version) != 0)
        FAT_TELL(v, BOOT_VERSION, FIELD(u.fat32.version), .compared = true,
                 .expected = 0, .found = le16_get(raw->u.fat32.version));
}

/* -------------------------------------------------------------- its backup */

#define SAME(field, what) { FIELD(field), sizeof(((struct fat_disk_boot *)0)   \
                                                  ->field), what }

/* What a boot sector and its copy have to agree upon. */
static const struct {
    uint16_t offset, size;
    const char *name;
} same[] = {
    SAME(sector_size, "size of sectors"),
    SAME(cluster_sectors, "size of clusters"),
    SAME(reserved, "number of reserved sectors"),
    SAME(fat_count, "number of FATs"),
    SAME(root_entries, "number of root entries"),
    SAME(sectors16, "number of sectors (16 bits)"),
    SAME(fat_sectors16, "size of the FAT (16 bits)"),
    SAME(sectors32, "number of sectors"),
    SAME(u.fat32.fat_sectors, "size of the FAT"),
    SAME(u.fat32.flags, "flags"),
    SAME(u.fat32.version, "version"),
    SAME(u.fat32.root_cluster, "first cluster of the root"),
    SAME(u.fat32.info, "sector of FSInfo"),
    SAME(u.fat32.backup, "sector of the backup"),
};

static uint64_t number_at(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    while (size-- > 0)
        number = number << 8 | bytes[size];
    return number;
}

/* Tell of the first field by which COPY would be another volume. */
static bool tell_other(struct fat_check *v, const uint8_t *head,
                       const uint8_t *copy, uint64_t at)
{
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        size_t offset = same[i].offset, size = same[i].size;

        if (memcmp(head + offset, copy + offset, size) == 0)
            continue;
        FAT_TELL(v, BACKUP_DIFFERS, at + offset, .compared = true,
                 .expected = number_at(head + offset, size),
                 .found = number_at(copy + offset, size),
                 .name = same[i].name, .len = length_of(same[i].name));
        return true;
    }
    return false;
}

/* Is that a difference? The marks of a volume in use are not in the copy. */
static bool is_other_byte(size_t offset, uint8_t in_head, uint8_t in_copy)
{
    if (offset == FIELD(u.fat32.ext.state))
        in_head &= (uint8_t)~(FAT_STATE_DIRTY | FAT_STATE_ERRORS);
    return in_head != in_copy;
}

static void tell_old(struct fat_check *v, const uint8_t *head,
                     const uint8_t *copy, uint64_t at)
{
    for (size_t i = 0; i < FAT_HEAD_SIZE; i++)
        if (is_other_byte(i, head[i], copy[i])) {
            FAT_TELL(v, BACKUP_OLD, at + i, .compared = true,
                     .expected = head[i], .found = copy[i]);
            return;
        }
}

static int compare_backup(struct fat_check *v, const uint8_t *head,
                          uint8_t *copy)
{
    uint64_t at = (uint64_t)v->boot.backup_sector << v->boot.sector_shift;
    struct fat_boot boot;
    uint32_t field;
    bool good;
    int err;

    err = check_get(v->check, at, copy, FAT_HEAD_SIZE, SHALE_OBJECT_VOLUME, 0,
                    &good);
    if (err || !good)
        return err;
    if (fat_head_is_signed(copy) < fat_head_is_signed(head) ||
        fat_boot_decode(copy, 0, &boot, &field))
        FAT_TELL(v, BACKUP_BAD, at, .number = 0);
    else if (!tell_other(v, head, copy, at))
        tell_old(v, head, copy, at);
    return 0;
}

/* FAT32's copies, in the reserved sectors. */
static int check_backup(struct fat_check *v, const uint8_t *head,
                        uint8_t *copy)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;
    uint32_t sector = le16_get(raw->u.fat32.backup);
    bool room = v->boot.reserved > FAT_BACKUP_SECTOR + 1;   /* FSInfo's, too */

    if (v->boot.bits != 32 || v->boot.at != 0)
        return 0;
    if (sector == NO_SECTOR || (sector == 0 && !room))
        FAT_TELL(v, BACKUP_ABSENT, FIELD(u.fat32.backup), .number = 0);
    else if (sector == 0)
        FAT_TELL(v, BACKUP_NONE, FIELD(u.fat32.backup), .number = 0);
    else if (v->boot.backup_sector == 0)
        FAT_TELL(v, BACKUP_PLACE, FIELD(u.fat32.backup), .found = sector,
                 .other = v->boot.reserved);
    else
        return compare_backup(v, head, copy);
    return 0;
}

/* --------------------------------------------------------------- the whole */

/* What follows from the boot sector. */
static void derive(struct fat_check *v)
{
    const struct fat_boot *boot = &v->boot;
    struct shale_check_result *result = v->check->result;

    v->size = (uint64_t)boot->sectors << boot->sector_shift;
    v->data_at = (uint64_t)boot->data_sector << boot->sector_shift;
    v->last = boot->cluster_count + FAT_FIRST_CLUSTER - 1;
    v->mask = boot->bits == 32 ? 0x0fffffff
            : boot->bits == 16 ? 0xffff : 0xfff;
    v->copy = boot->fat_active;
    result->size = v->size;
    result->units = boot->cluster_count;
    result->unit_size = boot->cluster_size;
    result->block_size = boot->cluster_size;
    result->unit_first = FAT_FIRST_CLUSTER;
    result->units_at = v->data_at;
}

/* The decoder makes no difference between a bad number and none. */
static uint32_t info_sector_of(const uint8_t *head)
{
    const struct fat_disk_boot *raw = (const struct fat_disk_boot *)head;

    return le16_get(raw->u.fat32.info);
}

static int check_sectors(struct fat_check *v, uint8_t *head, uint8_t *copy,
                         bool *usable)
{
    uint32_t field;
    bool read;
    int err = read_sector(v, head, &read);

    if (err)
        return err;
    *usable = read && !fat_head_is_other(head) &&
              fat_boot_decode(head, 0, &v->boot, &field) == NULL;
    if (!*usable)
        err = make_do(v, head, copy, read, usable);
    if (err)
        return err;
    if (!*usable) {
        FAT_TELL(v, BOOT_LOST, 0, .number = 0);
        return 0;
    }
    derive(v);
    v->info_sector = info_sector_of(head);
    check_size(v, head);
    check_clusters(v);
    if (!v->dos1x)
        check_fields(v, head);
    return check_backup(v, head, copy);
}

int fat_check_boot(struct fat_check *v, bool *usable)
{
    uint8_t *head = check_alloc(v->check, 2 * FAT_HEAD_SIZE);
    int err = SHALE_ENOMEM;

    *usable = false;
    if (head)
        err = check_sectors(v, head, head + FAT_HEAD_SIZE, usable);
    check_free(v->check, head, 2 * FAT_HEAD_SIZE);
    return err;
}
