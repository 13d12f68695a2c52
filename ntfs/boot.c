/*
 * boot.c - the boot sector: how large everything is, and where the MFT begins
 *
 * NTFS keeps a copy of it: since NT 4 behind the volume's last sector, before
 * that in the volume's middle. (Microsoft KB Q153973, Q121517) mkntfs puts it
 * into the last 512 bytes of the device but one or two sectors, by their size,
 * so it is looked for in the last 4 KiB, and in the middle. It is taken only if
 * the volume that it describes ends, or has its middle, there: a file may well
 * hold the boot sector of another volume.
 *
 * Where both are gone, the options say what is needed most, and the size of a
 * record is what the first one says of itself.
 *
 * Left out on purpose: the signature 0xaa55, which Windows does not look at;
 * the fields that NTFS has no use for; the size of index blocks, which each
 * index says again; the device's size, for images are cut short.
 */
#include "bits.h"
#include "memfn.h"
#include "ntfs.h"

#define FIELD(name) ((uint32_t)offsetof(struct ntfs_disk_boot, name))

#define SECTOR_MIN    256u
#define SECTOR_MAX    4096u
#define CLUSTER_MAX   (2u << 20)
#define RECORD_MIN    512u      /* one fixup stride */
#define RECORD_MAX    65536u    /* its offsets have 16 bits */
#define INDEX_USUAL   4096u
#define SECTOR_USUAL  512u
#define FAT_COUNT_AT  16u      /* in a boot sector of FAT */

/* Bytes at the device's end, and in the middle, to look for a copy in. */
#define SEARCH_SIZE   4096u

_Static_assert(sizeof(struct ntfs_disk_boot) == NTFS_HEAD_SIZE,
               "NTFS boot sector");

static bool is_power_of_two(uint64_t x)
{
    return x != 0 && (x & (x - 1)) == 0;
}

static uint32_t log2_of(uint32_t power)
{
    return bit_lowest32(power);
}

/* ------------------------------------------------------------- decoding */

/* A rule that is broken, by the field at *FIELD. */
#define BROKEN(where, what) (*field = (where), (what))

/* Sectors in a cluster, or 0. More than 128 do not fit into the byte. */
static uint32_t cluster_sectors(uint8_t byte)
{
    if (byte <= 128)
        return is_power_of_two(byte) ? byte : 0;
    return byte >= 256 - log2_of(SECTOR_MAX) ? 1u << (256 - byte) : 0;
}

/* Bytes in a record or index block, or 0. */
static uint32_t block_size(uint8_t byte, uint32_t cluster_size)
{
    uint64_t size;

    if (byte < 128)
        size = (uint64_t)byte * cluster_size;
    else
        size = 256u - byte < 32 ? UINT64_C(1) << (256 - byte) : 0;
    if (!is_power_of_two(size) || size < RECORD_MIN || size > RECORD_MAX)
        return 0;
    return (uint32_t)size;
}

static const char *decode_sizes(const struct ntfs_disk_boot *raw,
                                struct ntfs_boot *out, uint32_t *field)
{
    uint64_t sectors = le64_get(raw->sectors), cluster;

    out->sector_size = le16_get(raw->sector_size);
    if (!is_power_of_two(out->sector_size) ||
        out->sector_size < SECTOR_MIN || out->sector_size > SECTOR_MAX)
        return BROKEN(FIELD(sector_size),
                      "ntfs: sectors of no size from 256 to 4096");
    out->sector_shift = log2_of(out->sector_size);
    cluster = (uint64_t)cluster_sectors(raw->cluster_sectors) *
              out->sector_size;
    if (cluster == 0 || cluster > CLUSTER_MAX)
        return BROKEN(FIELD(cluster_sectors),
                      "ntfs: clusters of no size up to 2 MiB");
    out->cluster_size = (uint32_t)cluster;
    out->cluster_shift = log2_of(out->cluster_size);
    if (sectors == 0 || sectors > (uint64_t)INT64_MAX >> out->sector_shift)
        return BROKEN(FIELD(sectors), "ntfs: a volume of no size");
    out->size = sectors << out->sector_shift;
    out->cluster_count = out->size >> out->cluster_shift;
    if (out->cluster_count == 0)
        return BROKEN(FIELD(sectors), "ntfs: a volume without a cluster");
    return NULL;
}

const char *ntfs_boot_decode(const uint8_t *head, struct ntfs_boot *out,
                             uint32_t *field)
{
    const struct ntfs_disk_boot *raw = (const struct ntfs_disk_boot *)head;
    const char *wrong;

    memset(out, 0, sizeof *out);
    if (memcmp(raw->oem, "NTFS    ", sizeof raw->oem) != 0)
        return BROKEN(FIELD(oem), "ntfs: no boot sector of NTFS");
    wrong = decode_sizes(raw, out, field);
    if (wrong)
        return wrong;
    out->record_size = block_size(raw->record_clusters, out->cluster_size);
    if (out->record_size == 0)
        return BROKEN(FIELD(record_clusters),
                      "ntfs: records of no size from 512 to 65536");
    out->record_shift = log2_of(out->record_size);
    out->index_size = block_size(raw->index_clusters, out->cluster_size);
    if (out->index_size == 0)
        out->index_size = INDEX_USUAL;
    out->mft_lcn = le64_get(raw->mft_cluster);
    if (out->mft_lcn >= out->cluster_count)
        return BROKEN(FIELD(mft_cluster), "ntfs: the MFT is not in the volume");
    out->mirror_lcn = le64_get(raw->mirror_cluster);
    if (out->mirror_lcn >= out->cluster_count)
        out->mirror_lcn = NTFS_HOLE;    /* no matter until it is needed */
    out->serial = le64_get(raw->serial);
    return NULL;
}

/* -------------------------------------------------------------- probing */

/* What a boot sector is of that one could take for NTFS's; or NULL. */
static const char *other_name(const uint8_t *head)
{
    static const struct {
        char oem[9];
        const char *name;
    } others[] = {
        { "-FVE-FS-", "BitLocker has encrypted it" },
        { "ReFS\0\0\0\0", "it is a ReFS volume" },
        { "EXFAT   ", "it is an exFAT volume" },
    };

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (memcmp(head + FIELD(oem), others[i].oem, 8) == 0)
            return others[i].name;
    return NULL;
}

/*
 * Does the second sector of $Boot, where sectors have 512 bytes, begin as
 * Windows' does: with the names of its loader and of a directory's index, each
 * behind its length?
 */
static bool has_loader(const uint8_t *head, size_t len)
{
    static const uint8_t index[] = { 4, 0, '$', 0, 'I', 0, '3', 0, '0', 0 };
    const uint8_t *sector = head + SECTOR_USUAL;
    size_t name;

    if (len < SECTOR_USUAL + 64 || (sector[0] != 5 && sector[0] != 7))
        return false;
    name = 2 + 2u * sector[0];
    return sector[1] == 0 && memcmp(sector + name, index, sizeof index) == 0;
}

/* Is the first sector FAT's by now, which may leave the second as it was? NTFS
   has no FATs, where FAT says how many it has. */
static bool is_fat(const uint8_t *head)
{
    return head[FAT_COUNT_AT] == 1 || head[FAT_COUNT_AT] == 2;
}

bool ntfs_probe(const uint8_t *head, size_t len)
{
    struct ntfs_boot boot;
    uint32_t field;

    if (len < NTFS_HEAD_SIZE)
        return false;
    /* These are none of ours. The host names them, and mount() if asked. */
    if (other_name(head))
        return false;
    return !ntfs_boot_decode(head, &boot, &field) ||
           memcmp(head + FIELD(oem), "NTFS    ", 8) == 0 ||
           (has_loader(head, len) && !is_fat(head));
}

/* ------------------------------------------------------------- the copy */

static bool is_near(uint64_t a, uint64_t b)
{
    return (a > b ? a - b : b - a) <= SEARCH_SIZE;
}

/* Look for a copy from AT on; BYTES has room for SEARCH_SIZE. */
static bool copy_find(struct shale_fs *fs, uint64_t at, uint8_t *bytes,
                      struct ntfs_boot *out)
{
    uint64_t left = fs->dev->size - at;
    uint32_t size = left < SEARCH_SIZE ? (uint32_t)left : SEARCH_SIZE;
    uint32_t field;

    if (shale_bdev_read_bytes(fs->dev, fs->mem, at, bytes, size))
        return false;
    for (uint32_t i = size / SECTOR_MIN; i > 0; i--) {
        uint32_t offset = (i - 1) * SECTOR_MIN;

        if (offset + NTFS_HEAD_SIZE > size ||
            ntfs_boot_decode(bytes + offset, out, &field))
            continue;
        out->at = at + offset;
        if (is_near(out->at, out->size) || is_near(out->at, out->size / 2))
            return true;
    }
    return false;
}

static bool copy_load(struct shale_fs *fs, uint8_t *bytes,
                      struct ntfs_boot *out)
{
    uint64_t size = fs->dev->size & ~(uint64_t)(SECTOR_MIN - 1);
    uint64_t middle = size / 2 & ~(uint64_t)(SECTOR_USUAL - 1);

    if (size < 2 * SEARCH_SIZE)
        return false;
    return copy_find(fs, size - SEARCH_SIZE, bytes, out) ||
           copy_find(fs, middle - SEARCH_SIZE / 2, bytes, out);
}

/* -------------------------------------------------------------- by hand */

/* What is said of a volume without a boot sector. */
static void by_hand(const struct shale_fs *fs, struct ntfs_boot *out)
{
    *out = (struct ntfs_boot){
        .at = SHALE_NOWHERE,
        .sector_size = SECTOR_USUAL,
        .sector_shift = log2_of(SECTOR_USUAL),
        .size = fs->dev->size,
        .index_size = INDEX_USUAL,
        .mirror_lcn = NTFS_HOLE,
    };
}

/* May RAW be the MFT's first record? Since NTFS 3.1 each has its number; where
   that is, older ones have fixups. */
static bool is_first(const struct ntfs_disk_record *raw)
{
    return memcmp(raw->multi.magic, "FILE", 4) == 0 &&
           (le16_get(raw->multi.fixup_offset) < sizeof *raw ||
            le32_get(raw->number) == NTFS_MFT);
}

/* The size of records, by the first one. */
static int record_size_find(struct shale_fs *fs, struct ntfs_boot *out)
{
    uint64_t at = out->mft_lcn << out->cluster_shift;
    struct ntfs_disk_record raw;
    uint32_t size;
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, at, &raw, sizeof raw);

    if (err)
        return shale_fail(fs, err, "ntfs: the MFT cannot be read", NULL, at);
    size = le32_get(raw.allocated);
    if (!is_first(&raw) || !is_power_of_two(size) || size < RECORD_MIN ||
        size > RECORD_MAX)
        return shale_fail(fs, SHALE_EINVAL, "ntfs: the first record of the MFT "
                          "is not there", "options mft and cluster say where",
                          at);
    out->record_size = size;
    out->record_shift = log2_of(size);
    return 0;
}

/* What the options say goes before what *OUT says. */
static int options_apply(struct shale_fs *fs,
                         const struct ntfs_options *options,
                         struct ntfs_boot *out)
{
    if (options->cluster_size != 0) {
        out->cluster_size = options->cluster_size;
        out->cluster_shift = log2_of(out->cluster_size);
        out->cluster_count = out->size >> out->cluster_shift;
        out->mirror_lcn = NTFS_HOLE;
    }
    if (options->mft_lcn != 0)
        out->mft_lcn = options->mft_lcn;
    if (out->mft_lcn >= out->cluster_count)
        return shale_fail(fs, SHALE_EINVAL, "ntfs: options mft and cluster",
                          "the volume has no such cluster", SHALE_NOWHERE);
    return record_size_find(fs, out);
}

/* -------------------------------------------------------------- loading */

static int load_with(struct shale_fs *fs, const struct ntfs_options *options,
                     uint8_t *bytes, struct ntfs_boot *out)
{
    const char *wrong = "ntfs: the boot sector cannot be read";
    uint32_t field = 0;
    int err = shale_bdev_read_bytes(fs->dev, fs->mem, 0, bytes,
                                    NTFS_HEAD_SIZE);

    if (err == SHALE_ENOMEM)
        return err;
    if (!err && other_name(bytes))
        return shale_refuse(fs, "ntfs: this is no NTFS volume that can be "
                            "read", other_name(bytes), FIELD(oem));
    if (!err)
        wrong = ntfs_boot_decode(bytes, out, &field);
    if (!wrong)
        return 0;
    if (copy_load(fs, bytes, out)) {
        shale_warn(fs, wrong, "its copy is used", field);
        return 0;
    }
    if (options->mft_lcn != 0 && options->cluster_size != 0) {
        by_hand(fs, out);
        return 0;
    }
    return shale_fail(fs, err ? err : SHALE_ECORRUPT, wrong,
                      "nor is there a copy; options mft and cluster can say "
                      "where the MFT is", field);
}

int ntfs_boot_load(struct shale_fs *fs, const struct ntfs_options *options,
                   struct ntfs_boot *out)
{
    uint8_t *bytes = shale_alloc(fs->mem, SEARCH_SIZE);
    int err;

    if (!bytes)
        return SHALE_ENOMEM;
    err = load_with(fs, options, bytes, out);
    shale_free(fs->mem, bytes, SEARCH_SIZE);
    if (!err && (options->mft_lcn != 0 || options->cluster_size != 0))
        err = options_apply(fs, options, out);
    if (!err && out->cluster_count << out->cluster_shift > fs->dev->size)
        shale_warn(fs, "ntfs: the volume is larger than its device", NULL,
                   FIELD(sectors));
    return err;
}
