/* test_block_partition.c - MBR tables, chains of logicals, and no table */
#include <stdio.h>
#include <string.h>

#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { SECTORS = 4096, DISK = SECTORS * 512, PARTS_MAX = 300 };

static uint8_t disk[DISK];
static struct shale_mem *mem;

/* What a reading of the table said. */
static struct shale_partition parts[PARTS_MAX];
static unsigned count, stop_after;
static char said[256];          /* by the last event */
static unsigned events;

static int collect(void *context, const struct shale_partition *partition)
{
    ck_assert_ptr_eq(context, parts);
    ck_assert_uint_lt(count, PARTS_MAX);
    parts[count++] = *partition;
    return count == stop_after ? SHALE_EINTR : 0;
}

static void hear(struct shale_log *log, const struct shale_event *event)
{
    (void)log;
    events++;
    snprintf(said, sizeof said, "%s", event->what);
}

static struct shale_log listener = { .event = hear };

static int read_table(struct shale_bdev *dev, struct shale_table_info *info)
{
    count = 0;
    events = 0;
    said[0] = '\0';
    return shale_partitions(dev, mem, &listener, info, collect, parts);
}

static int read_disk(uint64_t size, struct shale_table_info *info)
{
    struct shale_memory_bdev memory;

    shale_memory_bdev_init(&memory, disk, size, 512, true);
    return read_table(&memory.base, info);
}

/* ------------------------------------------------------- making tables */

static void put32(uint8_t *at, uint32_t x)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(x >> 8 * i);
}

/* Write slot I of the table in sector SECTOR, and its 55AA. */
static void put_entry_of(uint32_t sector, uint32_t sector_size, unsigned i,
                         uint8_t status, uint8_t type, uint32_t start,
                         uint32_t size)
{
    uint8_t *base = disk + (size_t)sector * sector_size;
    uint8_t *entry = base + 446 + i * 16;

    base[510] = 0x55;
    base[511] = 0xaa;
    entry[0] = status;
    entry[4] = type;
    put32(entry + 8, start);
    put32(entry + 12, size);
}

static void put_entry(uint32_t sector, unsigned i, uint8_t status,
                      uint8_t type, uint32_t start, uint32_t size)
{
    put_entry_of(sector, 512, i, status, type, start, size);
}

static void put_fat(void)
{
    static const uint8_t boot[] = {
        0xeb, 0x3c, 0x90, 'm', 'k', 'f', 's', '.', 'f', 'a', 't',
        0x00, 0x02, 4, 1, 0, 2, 0x00, 0x02, 0x00, 0x10, 0xf8,
    };

    memcpy(disk, boot, sizeof boot);
    disk[510] = 0x55;
    disk[511] = 0xaa;
}

static void setup(void)
{
    memset(disk, 0, sizeof disk);
    stop_after = 0;
    mem = shale_host_mem_create(0);
}

static void teardown(void)
{
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

/* --------------------------------------------------- table or volume? */

static void make_zeros(void)
{
}

static void make_empty_table(void)
{
    put_entry(0, 0, 0, 0, 0, 0);
}

static void make_one(void)
{
    put_entry(0, 0, 0x80, 0x83, 1, 100);
}

static void make_unsigned(void)
{
    make_one();
    disk[511] = 0xab;
}

static void make_code(void)
{
    make_one();
    disk[446 + 3 * 16] = 'B';       /* "BOOTMGR is missing" */
}

static void make_fat(void)
{
    put_fat();
}

static void make_fat_and_table(void)
{
    put_fat();
    put_entry(0, 0, 0x80, 0x0c, 1, SECTORS - 1);
}

static void make_fat_and_noise(void)
{
    put_fat();
    put_entry(0, 2, 0x00, 0x20, 0x6b736964, 0x0a0d2020);
}

static void make_fat_covering(void)
{
    put_fat();
    put_entry(0, 0, 0x80, 0x0c, 0, SECTORS);
}

static void make_fat_too_long(void)
{
    put_fat();
    put_entry(0, 0, 0x80, 0x0c, 1, SECTORS);
}

static void make_ntfs(void)
{
    memcpy(disk, "\xeb\x52\x90NTFS    ", 11);
    put_entry(0, 0, 0, 0, 0, 0);
}

static void make_exfat(void)
{
    memcpy(disk, "\xeb\x76\x90" "EXFAT   ", 11);
    put_entry(0, 0, 0, 0, 0, 0);
}

static void make_grub(void)         /* a jump, but no parameters */
{
    memcpy(disk, "\xeb\x63\x90", 3);
    put_entry(0, 1, 0, 0x83, 64, SECTORS * 2);
}

static void make_type_zero(void)
{
    put_entry(0, 0, 0, 0, 1, 100);
}

static void make_size_zero(void)
{
    put_entry(0, 0, 0, 0x83, 1, 0);
}

static void make_isohybrid(void)    /* begins at sector 0, and is fine */
{
    put_entry(0, 0, 0x80, 0x17, 0, 1000);
}

static void make_type_ee_elsewhere(void)
{
    put_entry(0, 0, 0, 0xee, 2, 100);
}

static const struct {
    const char *what;
    void (*make)(void);
    uint64_t size;
    enum shale_table kind;
    unsigned count;
} kinds[] = {
    { "zeros",                  make_zeros, DISK, SHALE_TABLE_NONE, 0 },
    { "smaller than a sector",  make_one, 511, SHALE_TABLE_NONE, 0 },
    { "nothing at all",         make_one, 0, SHALE_TABLE_NONE, 0 },
    { "a sector and no more",   make_empty_table, 512, SHALE_TABLE_MBR, 0 },
    { "empty table",            make_empty_table, DISK, SHALE_TABLE_MBR, 0 },
    { "one partition",          make_one, DISK, SHALE_TABLE_MBR, 1 },
    { "no 55AA",                make_unsigned, DISK, SHALE_TABLE_NONE, 0 },
    { "text in a status byte",  make_code, DISK, SHALE_TABLE_NONE, 0 },
    { "FAT boot sector",        make_fat, DISK, SHALE_TABLE_NONE, 0 },
    { "FAT's BPB, sound table", make_fat_and_table, DISK, SHALE_TABLE_MBR, 1 },
    { "FAT, text as entry",     make_fat_and_noise, DISK, SHALE_TABLE_NONE, 0 },
    { "FAT, entry at 0",        make_fat_covering, DISK, SHALE_TABLE_NONE, 0 },
    { "FAT, entry too long",    make_fat_too_long, DISK, SHALE_TABLE_NONE, 0 },
    { "NTFS boot sector",       make_ntfs, DISK, SHALE_TABLE_NONE, 0 },
    { "exFAT boot sector",      make_exfat, DISK, SHALE_TABLE_NONE, 0 },
    { "boot loader's jump",     make_grub, DISK, SHALE_TABLE_MBR, 1 },
    { "type 0 is empty",        make_type_zero, DISK, SHALE_TABLE_MBR, 0 },
    { "size 0 is empty",        make_size_zero, DISK, SHALE_TABLE_MBR, 0 },
    { "isohybrid",              make_isohybrid, DISK, SHALE_TABLE_MBR, 1 },
    { "type EE elsewhere",      make_type_ee_elsewhere, DISK,
                                SHALE_TABLE_MBR, 1 },
};

START_TEST(decides)
{
    struct shale_table_info info;
    int r;

    kinds[_i].make();
    r = read_disk(kinds[_i].size, &info);
    ck_assert_msg(r == 0, "%s: %d", kinds[_i].what, r);
    ck_assert_msg(info.kind == kinds[_i].kind, "%s: kind %d", kinds[_i].what,
                  (int)info.kind);
    ck_assert_msg(count == kinds[_i].count, "%s: %u partitions", kinds[_i].what,
                  count);
    ck_assert_uint_eq(info.sector_size, 512);
}
END_TEST

/* ---------------------------------------------------------- partitions */

static void check_part(unsigned i, unsigned number, uint64_t start,
                       uint64_t sectors, uint8_t type)
{
    ck_assert_uint_lt(i, count);
    ck_assert_uint_eq(parts[i].number, number);
    ck_assert_uint_eq(parts[i].start, start * 512);
    ck_assert_uint_eq(parts[i].size, sectors * 512);
    ck_assert_uint_eq(parts[i].mbr_type, type);
    ck_assert_str_eq(parts[i].name, "");
}

START_TEST(primaries)
{
    struct shale_table_info info;

    put_entry(0, 0, 0x00, 0x83, 64, 100);
    put_entry(0, 2, 0x80, 0x0c, 1000, 50);      /* slot 2 is empty */
    put_entry(0, 3, 0x00, 0x82, 3000, 4000);    /* cut short */
    put32(disk + 440, 0xdeadbeef);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(info.mbr_id, 0xdeadbeef);
    ck_assert_uint_eq(count, 3);
    check_part(0, 1, 64, 100, 0x83);
    check_part(1, 3, 1000, 50, 0x0c);
    check_part(2, 4, 3000, 4000, 0x82);
    ck_assert(!parts[0].bootable && parts[1].bootable && !parts[2].bootable);
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(said, "partition: runs past the end of the disk");
}
END_TEST

/* The largest numbers an entry can hold do not wrap. */
START_TEST(largest_numbers)
{
    struct shale_table_info info;

    put_entry(0, 0, 0, 0x83, 0xffffffff, 0xffffffff);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    check_part(0, 1, 0xffffffff, 0xffffffff, 0x83);
}
END_TEST

static void make_logicals(void)
{
    put_entry(0, 0, 0, 0x83, 64, 100);
    put_entry(0, 1, 0, 0x05, 1000, 2000);
    put_entry(1000, 0, 0x00, 0x83, 2, 98);
    put_entry(1000, 1, 0x00, 0x05, 500, 100);   /* links need not rise */
    put_entry(1500, 0, 0x80, 0x82, 2, 98);
    put_entry(1500, 1, 0x00, 0x05, 100, 100);
    put_entry(1100, 0, 0x00, 0x07, 1, 99);
}

START_TEST(logicals)
{
    struct shale_table_info info;

    make_logicals();
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(count, 5);
    check_part(0, 1, 64, 100, 0x83);
    check_part(1, 2, 1000, 2000, 0x05);
    check_part(2, 5, 1002, 98, 0x83);
    check_part(3, 6, 1502, 98, 0x82);
    check_part(4, 7, 1101, 99, 0x07);
    for (unsigned i = 0; i < count; i++)
        ck_assert_int_eq(parts[i].extended, i == 1);
    ck_assert(parts[3].bootable);
    ck_assert_uint_eq(events, 0);
}
END_TEST

START_TEST(two_extended_partitions)
{
    struct shale_table_info info;

    put_entry(0, 0, 0, 0x0f, 1000, 500);
    put_entry(0, 3, 0, 0x85, 2000, 500);
    put_entry(1000, 0, 0, 0x83, 2, 98);
    put_entry(2000, 0, 0, 0x82, 2, 98);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(count, 4);
    check_part(2, 5, 1002, 98, 0x83);
    check_part(3, 6, 2002, 98, 0x82);
}
END_TEST

START_TEST(stops_when_told)
{
    struct shale_table_info info;

    make_logicals();
    for (stop_after = 1; stop_after <= 5; stop_after++) {
        ck_assert_int_eq(read_disk(DISK, &info), SHALE_EINTR);
        ck_assert_uint_eq(count, stop_after);
        ck_assert_int_eq(info.kind, SHALE_TABLE_MBR);
    }
}
END_TEST

/* -------------------------------------------------------- bad chains */

static void break_signature(void)
{
    disk[1500 * 512 + 510] = 0;
}

static void break_to_itself(void)
{
    put_entry(1500, 1, 0, 0x05, 500, 100);
}

static void break_to_start(void)
{
    put_entry(1100, 1, 0, 0x05, 0, 100);
}

static void break_past_end(void)
{
    put_entry(1500, 1, 0, 0x05, SECTORS - 1000, 100);
}

static void break_far_away(void)
{
    put_entry(1500, 1, 0, 0x05, 0xffffffff, 100);
}

static void break_with_text(void)
{
    memset(disk + 1500 * 512, 'x', 512);
}

static const struct {
    const char *what;
    void (*make)(void);
    unsigned count;             /* partitions found all the same */
    const char *said;
} chains[] = {
    { "no 55AA",         break_signature, 3,
      "mbr: chain of logical partitions is broken" },
    { "text",            break_with_text, 3,
      "mbr: chain of logical partitions is broken" },
    { "link to itself",  break_to_itself, 4,
      "mbr: logical partitions form a loop" },
    { "link to start",   break_to_start, 5,
      "mbr: logical partitions form a loop" },
    { "past the end",    break_past_end, 4,
      "mbr: logical partitions go on past the disk's end" },
    { "over 32 bits",    break_far_away, 4,
      "mbr: logical partitions go on past the disk's end" },
};

START_TEST(survives_bad_chains)
{
    struct shale_table_info info;
    int r;

    make_logicals();
    chains[_i].make();
    r = read_disk(DISK, &info);
    ck_assert_msg(r == 0, "%s: %d", chains[_i].what, r);
    ck_assert_msg(info.cut_off == !!strstr(chains[_i].said, "disk's end"),
                  "%s: cut off?", chains[_i].what);
    ck_assert_msg(count == chains[_i].count, "%s: %u partitions",
                  chains[_i].what, count);
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(said, chains[_i].said);
}
END_TEST

START_TEST(follows_256_links)
{
    struct shale_table_info info;

    put_entry(0, 0, 0, 0x05, 1000, 3000);
    put_entry(0, 1, 0, 0x05, 1000, 3000);       /* shares the 256 */
    for (unsigned i = 0; i < 300; i++) {
        put_entry(1000 + 2 * i, 0, 0, 0x83, 1, 1);
        put_entry(1000 + 2 * i, 1, 0, 0x05, 2 * i + 2, 2);
    }
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(count, 2 + 256);
    check_part(257, 260, 1000 + 2 * 255 + 1, 1, 0x83);
    ck_assert_uint_eq(events, 2);
    ck_assert_str_eq(said, "mbr: too many logical partitions");
}
END_TEST

/* ------------------------------------------------- devices and failures */

START_TEST(sectors_of_4096)
{
    struct shale_memory_bdev memory;
    struct shale_table_info info;

    put_entry_of(0, 4096, 0, 0, 0x83, 16, 20);
    put_entry_of(0, 4096, 1, 0, 0x05, 100, 200);
    put_entry_of(100, 4096, 0, 0, 0x82, 1, 10);
    shale_memory_bdev_init(&memory, disk, DISK, 4096, true);
    ck_assert_int_eq(read_table(&memory.base, &info), 0);
    ck_assert_uint_eq(info.sector_size, 4096);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(parts[0].start, 16 * 4096);
    ck_assert_uint_eq(parts[0].size, 20 * 4096);
    ck_assert_uint_eq(parts[2].start, 101 * 4096);

    shale_memory_bdev_init(&memory, disk, DISK, 1, true);   /* a file */
    ck_assert_int_eq(read_table(&memory.base, &info), 0);
    ck_assert_uint_eq(info.sector_size, 512);
    ck_assert_uint_eq(parts[0].start, 16 * 512);
}
END_TEST

START_TEST(no_log_is_fine)
{
    struct shale_memory_bdev memory;
    struct shale_table_info info;

    make_logicals();
    break_to_start();
    shale_memory_bdev_init(&memory, disk, DISK, 512, true);
    count = 0;
    ck_assert_int_eq(shale_partitions(&memory.base, mem, NULL, &info, collect,
                                      parts), 0);
    ck_assert_uint_eq(count, 5);
}
END_TEST

START_TEST(survives_io_errors)
{
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct shale_table_info info;
    bool failed = true;
    unsigned n;

    make_logicals();
    shale_memory_bdev_init(&memory, disk, DISK, 512, true);
    ck_assert_int_eq(
        shale_fault_bdev_init(&fault, &memory.base, NULL, NULL), 0);
    for (n = 0; failed; n++) {
        int err;

        shale_fault_at(&fault, n, 1, SHALE_EIO);
        err = read_table(&fault.base, &info);
        failed = shale_fault_failed(&fault);
        ck_assert_int_eq(err, failed ? SHALE_EIO : 0);
    }
    ck_assert_uint_eq(n, 5);        /* four sectors, and the round without */
    shale_fault_bdev_fini(&fault);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
    struct shale_memory_bdev memory;
    struct shale_table_info info;
    bool failed = true;
    unsigned n;

    make_logicals();
    shale_memory_bdev_init(&memory, disk, DISK, 4096, true);    /* bounces */
    for (n = 0; failed; n++) {
        int err;

        shale_mem_fail_at(mem, n);
        err = read_table(&memory.base, &info);
        failed = shale_mem_failed(mem);
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
    }
    ck_assert_uint_gt(n, 2);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/partition");
    TCase *tc = tcase_create("mbr");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, decides, 0, COUNT(kinds));
    tcase_add_test(tc, primaries);
    tcase_add_test(tc, largest_numbers);
    tcase_add_test(tc, logicals);
    tcase_add_test(tc, two_extended_partitions);
    tcase_add_test(tc, stops_when_told);
    tcase_add_loop_test(tc, survives_bad_chains, 0, COUNT(chains));
    tcase_add_test(tc, follows_256_links);
    tcase_add_test(tc, sectors_of_4096);
    tcase_add_test(tc, no_log_is_fine);
    tcase_add_test(tc, survives_io_errors);
    tcase_add_test(tc, survives_lack_of_memory);
    suite_add_tcase(s, tc);
    return s;
}
