/*
 * partition.h - MBR and GPT partition tables
 *
 * Reading a table allocates one sector and reports each partition to a sink,
 * in the order Linux numbers them: MBR primaries are 1 to 4 (an empty slot
 * leaves a gap), logical partitions count from 5, GPT entries by their index.
 *
 * Formats: the MBR and EBR as Linux and Windows write them; GPT by the UEFI
 * specification 2.10, chapter 5.
 */
#ifndef SHALE_PARTITION_H
#define SHALE_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_bdev;
struct shale_log;
struct shale_mem;

enum shale_table {
    SHALE_TABLE_NONE,           /* no partition table: perhaps a bare volume */
    SHALE_TABLE_MBR,
    SHALE_TABLE_GPT,
};

struct shale_partition {
    unsigned number;            /* as in /dev/sda3 */
    uint64_t start, size;       /* bytes */
    bool bootable;              /* MBR active flag; GPT legacy BIOS bootable */
    bool extended;              /* an MBR container of logical partitions */
    uint8_t mbr_type;           /* 0x83 ...; 0 on GPT */
    uint8_t type_guid[16];      /* GPT, in the order printed; 0 on MBR */
    uint8_t guid[16];           /* GPT, likewise */
    char name[109];             /* GPT, UTF-8, terminated; 36 UTF-16 units */
};

struct shale_table_info {
    enum shale_table kind;
    uint32_t sector_size;       /* bytes a table's sector numbers count in */
    uint32_t mbr_id;            /* MBR disk signature */
    uint8_t disk_guid[16];      /* GPT, in the order printed */
    bool backup_used;           /* the primary GPT was bad; this is the other */
    bool cut_off;               /* logical partitions go on past DEV's end */
};

/*
 * Read DEV's partition table. Stores what kind it is in *INFO and calls EMIT
 * for each partition that is not empty, in rising number; a nonzero answer
 * from EMIT ends the walk and is returned.
 *
 * Both GPT headers and the array's CRC are checked; with a bad primary the
 * backup is used and LOG (may be NULL) is told. A GPT of which neither copy
 * is sound is SHALE_ECORRUPT. A boot sector with 55AA that is a filesystem's
 * own (FAT, NTFS) and not a table is SHALE_TABLE_NONE. Extended partitions
 * form a chain, which may be cyclic on a hostile disk: it is followed for at
 * most 256 links.
 */
int shale_partitions(struct shale_bdev *dev, struct shale_mem *mem,
                     struct shale_log *log, struct shale_table_info *info,
                     int (*emit)(void *context,
                                 const struct shale_partition *partition),
                     void *context);

#ifdef __cplusplus
}
#endif

#endif /* SHALE_PARTITION_H */
