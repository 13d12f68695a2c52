/* test_block_gpt.c - GUID partition tables, whole and damaged */
#include <stdio.h>
#include <string.h>

#include "shale/err.h"
#include "shale/fault.h"
#include "shale/host.h"
#include "suite.h"

enum { DISK = 2 << 20, PARTS_MAX = 16 };

static uint8_t disk[DISK];
static struct shale_mem *mem;

/* What a reading of the table said. */
static struct shale_partition parts[PARTS_MAX];
static unsigned count, stop_after, events;
static char said[256], detail[256];     /* by the first event */

static int collect(void *context, const struct shale_partition *partition)
{
    (void)context;
    ck_assert_uint_lt(count, PARTS_MAX);
    parts[count++] = *partition;
    return count == stop_after ? SHALE_EINTR : 0;
}

static void hear(struct shale_log *log, const struct shale_event *event)
{
    (void)log;
    if (events++ > 0)
        return;
    snprintf(said, sizeof said, "%s", event->what);
    snprintf(detail, sizeof detail, "%s", event->detail ? event->detail : "");
}

static struct shale_log listener = { .event = hear };

static int read_table(struct shale_bdev *dev, struct shale_table_info *info)
{
    count = events = 0;
    said[0] = detail[0] = '\0';
    return shale_partitions(dev, mem, &listener, info, collect, NULL);
}

static int read_disk(uint64_t size, struct shale_table_info *info)
{
    struct shale_memory_bdev memory;

    shale_memory_bdev_init(&memory, disk, size, 1, true);
    return read_table(&memory.base, info);
}

/* ------------------------------------------------------- making tables */

static void put(uint8_t *at, uint64_t x, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(x >> 8 * i);
}

/* CRC32, a bit at a time, as the definition goes. */
static uint32_t crc32(const uint8_t *bytes, size_t len)
{
    uint32_t crc = ~0u;

    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

/* How the disk of a test is laid out. */
static struct shape {
    uint32_t sector, entry_size, entries, header_size;
} shape;

static uint32_t lbas(void)
{
    return DISK / shape.sector;
}

static uint32_t array_lbas(void)
{
    return (shape.entries * shape.entry_size + shape.sector - 1) / shape.sector;
}

static uint32_t array_lba(bool backup)
{
    return backup ? lbas() - 1 - array_lbas() : 2;
}

static uint8_t *header_at(bool backup)
{
    return disk + (size_t)(backup ? lbas() - 1 : 1) * shape.sector;
}

static uint8_t *entry_at(bool backup, unsigned i)
{
    return disk + (size_t)array_lba(backup) * shape.sector +
           (size_t)i * shape.entry_size;
}

/* Make the header's CRCs true for what is there now. */
static void seal(bool backup)
{
    uint8_t *header = header_at(backup);
    uint32_t size = (uint32_t)(header[12] | header[13] << 8);

    put(header + 88, crc32(entry_at(backup, 0),
                           (size_t)shape.entries * shape.entry_size), 4);
    put(header + 16, 0, 4);
    put(header + 16, crc32(header, size), 4);
}

static void make_header(bool backup)
{
    uint8_t *header = header_at(backup);

    memcpy(header, "EFI PART", 8);
    put(header + 8, 0x00010000, 4);
    put(header + 12, shape.header_size, 4);
    put(header + 24, backup ? lbas() - 1 : 1, 8);
    put(header + 32, backup ? 1 : lbas() - 1, 8);
    put(header + 40, 2 + array_lbas(), 8);
    put(header + 48, lbas() - array_lbas() - 2, 8);
    for (unsigned i = 0; i < 16; i++)
        header[56 + i] = (uint8_t)(0xd0 + i);
    put(header + 72, array_lba(backup), 8);
    put(header + 80, shape.entries, 4);
    put(header + 84, shape.entry_size, 4);
}

static void make_entry(unsigned i, uint64_t first, uint64_t last,
                       uint64_t attributes, const char *name)
{
    for (unsigned backup = 0; backup < 2; backup++) {
        uint8_t *entry = entry_at(backup, i);

        for (unsigned b = 0; b < 16; b++) {
            entry[b] = (uint8_t)(0xa0 + b);
            entry[16 + b] = (uint8_t)(0xb0 + b);
        }
        put(entry + 32, first, 8);
        put(entry + 40, last, 8);
        put(entry + 48, attributes, 8);
        for (unsigned b = 0; name[b]; b++)
            put(entry + 56 + 2 * b, (uint8_t)name[b], 2);
    }
}

static void seal_both(void)
{
    seal(false);
    seal(true);
}

static void make_disk(uint32_t sector, uint32_t entry_size, uint32_t entries)
{
    memset(disk, 0, sizeof disk);
    shape = (struct shape){ sector, entry_size, entries, 92 };
    disk[446 + 4] = 0xee;
    put(disk + 446 + 8, 1, 4);
    put(disk + 446 + 12, lbas() - 1, 4);
    disk[510] = 0x55;
    disk[511] = 0xaa;
    make_header(false);
    make_header(true);
    make_entry(0, 300, 399, 0, "first");
    make_entry(2, 400, 400, 4, "third");
    make_entry(entries - 1, 401, 440, 0xfffffffffffffffb, "");
    seal_both();
}

static void setup(void)
{
    stop_after = 0;
    mem = shale_host_mem_create(0);
    make_disk(512, 128, 128);
}

static void teardown(void)
{
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

/* --------------------------------------------------------- sound tables */

static const struct {
    const char *what;
    uint32_t sector, entry_size, entries;
} shapes[] = {
    { "the usual",          512, 128, 128 },
    { "sectors of 4096",    4096, 128, 128 },
    { "larger entries",     512, 512, 32 },
    { "largest entries",    4096, 4096, 8 },
    { "ragged array",       512, 128, 37 },
    { "most entries",       512, 128, 1024 },
    { "fewest",             512, 128, 4 },
};

START_TEST(reads_shapes)
{
    static const uint8_t type[16] = {
        0xa3, 0xa2, 0xa1, 0xa0, 0xa5, 0xa4, 0xa7, 0xa6,
        0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
    };
    uint32_t sector = shapes[_i].sector;
    struct shale_table_info info;
    int r;

    make_disk(sector, shapes[_i].entry_size, shapes[_i].entries);
    r = read_disk(DISK, &info);
    ck_assert_msg(r == 0, "%s: %d %s: %s", shapes[_i].what, r, said, detail);
    ck_assert_int_eq(info.kind, SHALE_TABLE_GPT);
    ck_assert_uint_eq(info.sector_size, sector);
    ck_assert(!info.backup_used);
    ck_assert_uint_eq(info.disk_guid[0], 0xd3);
    ck_assert_uint_eq(info.disk_guid[15], 0xdf);
    ck_assert_msg(events == 0, "%s: %s: %s", shapes[_i].what, said, detail);

    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(parts[0].number, 1);
    ck_assert_uint_eq(parts[0].start, 300 * sector);
    ck_assert_uint_eq(parts[0].size, 100 * sector);
    ck_assert_str_eq(parts[0].name, "first");
    ck_assert_mem_eq(parts[0].type_guid, type, 16);
    ck_assert_uint_eq(parts[0].guid[0], 0xb3);
    ck_assert_uint_eq(parts[0].mbr_type, 0);
    ck_assert(!parts[0].bootable && !parts[0].extended);
    ck_assert_uint_eq(parts[1].number, 3);
    ck_assert_uint_eq(parts[1].size, sector);
    ck_assert(parts[1].bootable);
    ck_assert_uint_eq(parts[2].number, shapes[_i].entries);
    ck_assert_str_eq(parts[2].name, "");
    ck_assert(!parts[2].bootable);
}
END_TEST

/* A header may be longer than we know, up to a sector. */
START_TEST(longer_headers)
{
    struct shale_table_info info;

    put(header_at(false) + 12, 512, 4);
    seal(false);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(events, 0);
    header_at(false)[511] ^= 1;
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert(info.backup_used);
}
END_TEST

START_TEST(hybrid_is_gpt)
{
    struct shale_table_info info;

    memcpy(disk + 446 + 32, disk + 446, 16);    /* not in the first slot */
    disk[446 + 4] = 0x83;
    put(disk + 446 + 8, 100, 4);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_int_eq(info.kind, SHALE_TABLE_GPT);
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(no_protection_no_gpt)
{
    struct shale_table_info info;

    disk[446 + 4] = 0x83;
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_int_eq(info.kind, SHALE_TABLE_MBR);
    disk[510] = 0;
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_int_eq(info.kind, SHALE_TABLE_NONE);
}
END_TEST

START_TEST(stops_when_told)
{
    struct shale_table_info info;

    for (stop_after = 1; stop_after <= 3; stop_after++) {
        ck_assert_int_eq(read_disk(DISK, &info), SHALE_EINTR);
        ck_assert_uint_eq(count, stop_after);
    }
}
END_TEST

/* ------------------------------------------------------ damaged headers */

/* Each harms one copy. SEALED: with true CRCs over the nonsense. */
static const struct {
    const char *what;
    unsigned offset;            /* into the header */
    uint64_t value;
    unsigned bytes;
    bool sealed;
    int both;                   /* the answer if both copies have it */
    const char *why;
} harms[] = {
    { "signature", 0, 'X', 1, true, SHALE_ECORRUPT, "no header" },
    { "a flipped bit", 60, 0xff, 1, false, SHALE_ECORRUPT,
      "header has a wrong checksum" },
    { "size too small", 12, 91, 4, true, SHALE_ECORRUPT,
      "header has an impossible size" },
    { "size over a sector", 12, 513, 4, false, SHALE_ECORRUPT,
      "header has an impossible size" },
    { "size huge", 12, 0xffffffff, 4, false, SHALE_ECORRUPT,
      "header has an impossible size" },
    { "not its own LBA", 24, 77, 8, true, SHALE_ECORRUPT,
      "header is not in its place" },
    { "first over last", 40, 5000, 8, true, SHALE_ECORRUPT,
      "usable area makes no sense" },
    { "last not in bytes", 48, UINT64_MAX / 512, 8, true, SHALE_ECORRUPT,
      "usable area makes no sense" },
    { "array beyond bytes", 72, UINT64_MAX / 512, 8, true, SHALE_ECORRUPT,
      "entries are off the disk" },
    { "array past the end", 72, DISK / 512, 8, true, SHALE_ECORRUPT,
      "entries are off the disk" },
    { "array over the end", 72, DISK / 512 - 31, 8, true, SHALE_ECORRUPT,
      "entries are off the disk" },
    { "1025 entries", 80, 1025, 4, true, SHALE_ENOTSUP, "too many entries" },
    { "2^32 - 1 entries", 80, 0xffffffff, 4, true, SHALE_ENOTSUP,
      "too many entries" },
    { "127 entries", 80, 127, 4, true, SHALE_ECORRUPT,
      "entries have a wrong checksum" },
    { "entries of 0", 84, 0, 4, true, SHALE_ECORRUPT,
      "entries have an impossible size" },
    { "entries of 64", 84, 64, 4, true, SHALE_ECORRUPT,
      "entries have an impossible size" },
    { "entries of 129", 84, 129, 4, true, SHALE_ECORRUPT,
      "entries have an impossible size" },
    { "entries of 384", 84, 384, 4, true, SHALE_ECORRUPT,
      "entries have an impossible size" },
    { "entries of 8192", 84, 8192, 4, true, SHALE_ENOTSUP,
      "entries are too large" },
    { "array's CRC", 88, 0x12345678, 4, false, SHALE_ECORRUPT,
      "header has a wrong checksum" },
};

static void harm(unsigned which, bool backup)
{
    uint8_t *header = header_at(backup);

    put(header + harms[which].offset, harms[which].value, harms[which].bytes);
    if (harms[which].sealed) {
        uint32_t size = (uint32_t)(header[12] | header[13] << 8);

        put(header + 16, 0, 4);
        put(header + 16, crc32(header, size), 4);
    }
}

START_TEST(survives_a_bad_primary)
{
    struct shale_table_info info;
    int r;

    harm((unsigned)_i, false);
    r = read_disk(DISK, &info);
    ck_assert_msg(r == 0, "%s: %d", harms[_i].what, r);
    ck_assert(info.backup_used);
    ck_assert_uint_eq(info.sector_size, 512);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(said, "gpt: primary table is damaged, using the backup");
    ck_assert_msg(strcmp(detail, harms[_i].why) == 0, "%s: %s", harms[_i].what,
                  detail);
}
END_TEST

START_TEST(warns_of_a_bad_backup)
{
    struct shale_table_info info;

    harm((unsigned)_i, true);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert(!info.backup_used);
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(said, "gpt: the backup table is damaged");
    ck_assert_msg(strcmp(detail, harms[_i].why) == 0, "%s: %s", harms[_i].what,
                  detail);
}
END_TEST

START_TEST(refuses_two_bad_ones)
{
    struct shale_table_info info;
    int r;

    harm((unsigned)_i, false);
    harm((unsigned)_i, true);
    r = read_disk(DISK, &info);
    ck_assert_msg(r == harms[_i].both, "%s: %d", harms[_i].what, r);
    ck_assert_int_eq(info.kind, SHALE_TABLE_GPT);
    ck_assert_uint_eq(count, 0);
    ck_assert_uint_eq(events, 1);
    ck_assert_str_eq(said, "gpt: neither copy of the table is sound");
    ck_assert_str_eq(detail, harms[_i].why);
}
END_TEST

START_TEST(checks_the_array)
{
    struct shale_table_info info;

    entry_at(false, 127)[127] ^= 1;
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert(info.backup_used);
    ck_assert_str_eq(detail, "entries have a wrong checksum");
    entry_at(true, 127)[127] ^= 1;
    ck_assert_int_eq(read_disk(DISK, &info), SHALE_ECORRUPT);
}
END_TEST

START_TEST(warns_if_the_two_differ)
{
    struct shale_table_info info;

    put(entry_at(true, 0) + 40, 150, 8);
    seal(true);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(parts[0].size, 100 * 512);
    ck_assert_str_eq(said, "gpt: the backup table differs");
}
END_TEST

/* A disk that was enlarged: only the primary knows where the backup is. */
START_TEST(backup_is_where_the_primary_says)
{
    struct shale_memory_bdev memory;
    struct shale_table_info info;
    static uint8_t larger[DISK + (1 << 20)];

    harm(1, false);                     /* a flipped bit elsewhere */
    memcpy(larger, disk, DISK);
    shale_memory_bdev_init(&memory, larger, sizeof larger, 512, true);
    ck_assert_int_eq(read_table(&memory.base, &info), 0);
    ck_assert(info.backup_used);
    ck_assert_uint_eq(count, 3);
}
END_TEST

/* ... and if the primary's word is worth nothing, the last sector is it. */
static const uint64_t elsewhere[] = { 0, 1, 2, 500, DISK / 512, UINT64_MAX };

START_TEST(backup_is_at_the_end)
{
    struct shale_table_info info;

    put(header_at(false) + 32, elsewhere[_i], 8);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert(info.backup_used);
    memset(header_at(false), 0, 512);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert(info.backup_used);
    ck_assert_uint_eq(count, 3);
}
END_TEST

START_TEST(backup_of_4096)
{
    struct shale_table_info info;

    make_disk(4096, 128, 128);
    memset(header_at(false), 0, 4096);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert(info.backup_used);
    ck_assert_uint_eq(info.sector_size, 4096);
    ck_assert_uint_eq(parts[0].start, 300 * 4096);
}
END_TEST

/* Sizes at which one structure or other no longer fits. */
static const struct {
    uint64_t size;
    int result;
} cuts[] = {
    { DISK - 1, 0 }, { DISK / 2, 0 }, { 34 * 512, 0 },
    { 34 * 512 - 1, SHALE_ECORRUPT }, { 3 * 512, SHALE_ECORRUPT },
    { 2 * 512, SHALE_ECORRUPT }, { 1023, SHALE_ECORRUPT },
    { 512, SHALE_ECORRUPT },
};

START_TEST(survives_truncation)
{
    struct shale_table_info info;
    int r = read_disk(cuts[_i].size, &info);

    ck_assert_msg(r == cuts[_i].result, "cut to %u: %d",
                  (unsigned)cuts[_i].size, r);
    if (r)
        return;
    ck_assert_uint_eq(count, 3);        /* those past the end, too */
    ck_assert_str_eq(said, "gpt: the backup table is damaged");
    ck_assert_str_eq(detail, "header is off the disk");
    ck_assert_uint_eq(events, 1 + (cuts[_i].size == 34 * 512 ? 3 : 0));
}
END_TEST

/* -------------------------------------------------------------- entries */

static const struct {
    const char *what;
    uint64_t first, last;
    bool listed;
} places[] = {
    { "first usable sector",  34, 34, true },
    { "last usable sector",   DISK / 512 - 34, DISK / 512 - 34, true },
    { "all of it",            34, DISK / 512 - 34, true },
    { "in the array",         33, 40, false },
    { "in the backup",        34, DISK / 512 - 33, false },
    { "ends before it begins", 101, 100, false },
    { "far away",             UINT64_MAX - 1, UINT64_MAX, false },
    { "to the end of time",   100, UINT64_MAX, false },
};

START_TEST(checks_places)
{
    struct shale_table_info info;

    make_entry(0, places[_i].first, places[_i].last, 0, "first");
    seal_both();
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_msg(count == (places[_i].listed ? 3u : 2u), "%s: %u",
                  places[_i].what, count);
    if (places[_i].listed) {
        ck_assert_uint_eq(parts[0].start, places[_i].first * 512);
        ck_assert_uint_eq(parts[0].size,
                          (places[_i].last - places[_i].first + 1) * 512);
        ck_assert_uint_eq(events, 0);
    } else {
        ck_assert_str_eq(said, "gpt: a partition lies outside the usable area");
    }
}
END_TEST

static const struct {
    uint16_t units[8];
    const char *utf8;
} names[] = {
    { { 'a', 0, 'b' }, "a" },
    { { 0x7f, 0x80 }, "\x7f\xc2\x80" },
    { { 0x7ff, 0x800 }, "\xdf\xbf\xe0\xa0\x80" },
    { { 0xe4, 0x20ac, 0xffff }, "\xc3\xa4\xe2\x82\xac\xef\xbf\xbf" },
    { { 0xd800, 0xdc00 }, "\xf0\x90\x80\x80" },
    { { 0xd83d, 0xde00, 'x' }, "\xf0\x9f\x98\x80x" },
    { { 0xdbff, 0xdfff }, "\xf4\x8f\xbf\xbf" },
    { { 0xd83d, 'x' }, "\xef\xbf\xbdx" },
    { { 0xd83d }, "\xef\xbf\xbd" },
    { { 0xde00, 0xd83d }, "\xef\xbf\xbd\xef\xbf\xbd" },
    { { 0xd83d, 0xd83d, 0xde00 }, "\xef\xbf\xbd\xf0\x9f\x98\x80" },
    { { 0xd7ff, 0xe000 }, "\xed\x9f\xbf\xee\x80\x80" },
};

START_TEST(decodes_names)
{
    struct shale_table_info info;

    for (unsigned i = 0; i < 8; i++)
        put(entry_at(false, 0) + 56 + 2 * i, names[_i].units[i], 2);
    seal(false);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_str_eq(parts[0].name, names[_i].utf8);
}
END_TEST

START_TEST(longest_names)
{
    struct shale_table_info info;
    size_t len = sizeof parts[0].name - 1;

    for (unsigned i = 0; i < 36; i++)
        put(entry_at(false, 0) + 56 + 2 * i, 0x20ac, 2);
    put(entry_at(false, 2) + 56 + 2 * 35, 0xd800, 2);   /* then the array */
    for (unsigned i = 0; i < 35; i++)
        put(entry_at(false, 2) + 56 + 2 * i, 'n', 2);
    put(entry_at(false, 3), 0xdc00, 2);
    seal(false);
    ck_assert_int_eq(read_disk(DISK, &info), 0);
    ck_assert_uint_eq(len, 108);
    ck_assert_uint_eq(strlen(parts[0].name), len);
    ck_assert_str_eq(parts[0].name + len - 3, "\xe2\x82\xac");
    ck_assert_str_eq(parts[1].name + 34, "n\xef\xbf\xbd");
}
END_TEST

/* ---------------------------------------------------- devices, failures */

static const uint32_t blocks[] = { 1, 512, 1024, 4096 };

START_TEST(any_device)
{
    struct shale_memory_bdev memory;
    struct shale_table_info info;

    for (unsigned sector = 512; sector <= 4096; sector *= 8) {
        make_disk(sector, 128, 37);
        shale_memory_bdev_init(&memory, disk, DISK, blocks[_i], true);
        ck_assert_int_eq(read_table(&memory.base, &info), 0);
        ck_assert_uint_eq(info.sector_size, sector);
        ck_assert_uint_eq(count, 3);
        ck_assert_uint_eq(events, 0);
    }
}
END_TEST

/*
 * One failed request: before the second reading of the primary's array, which
 * is not redundant any more, the other copy answers.
 */
START_TEST(survives_io_errors)
{
    struct shale_memory_bdev memory;
    struct shale_fault_bdev fault;
    struct shale_table_info info;
    bool failed = true;
    unsigned n;

    shale_memory_bdev_init(&memory, disk, DISK, 512, true);
    ck_assert_int_eq(
        shale_fault_bdev_init(&fault, &memory.base, NULL, NULL), 0);
    for (n = 0; failed; n++) {
        bool in_copy = n >= 1 && n <= 10;       /* headers and arrays */
        int err;

        shale_fault_at(&fault, n, 1, SHALE_EIO);
        err = read_table(&fault.base, &info);
        failed = shale_fault_failed(&fault);
        ck_assert_msg(err == (failed && !in_copy ? SHALE_EIO : 0),
                      "request %u: %d", n, err);
        if (in_copy) {
            ck_assert_int_eq(info.backup_used, n <= 5);
            ck_assert_uint_eq(count, 3);
            ck_assert_uint_eq(events, 1);
        }
    }
    ck_assert_uint_eq(n, 1 + 5 + 5 + 4 + 1);

    /* Nothing can be read: that, and not corruption, is the answer. */
    shale_fault_at(&fault, 1, UINT64_MAX, SHALE_EIO);
    ck_assert_int_eq(read_table(&fault.base, &info), SHALE_EIO);
    shale_fault_bdev_fini(&fault);
}
END_TEST

START_TEST(survives_lack_of_memory)
{
    struct shale_memory_bdev memory;
    struct shale_table_info info;
    bool failed = true;
    unsigned n;

    shale_memory_bdev_init(&memory, disk, DISK, 4096, true);    /* bounces */
    for (n = 0; failed; n++) {
        int err;

        shale_mem_fail_at(mem, n);
        err = read_table(&memory.base, &info);
        failed = shale_mem_failed(mem);
        ck_assert_msg(err == (failed ? SHALE_ENOMEM : 0), "%u: %d", n, err);
    }
    ck_assert_uint_gt(n, 10);
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/gpt");
    TCase *tc = tcase_create("gpt");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, reads_shapes, 0, COUNT(shapes));
    tcase_add_test(tc, longer_headers);
    tcase_add_test(tc, hybrid_is_gpt);
    tcase_add_test(tc, no_protection_no_gpt);
    tcase_add_test(tc, stops_when_told);
    tcase_add_loop_test(tc, survives_a_bad_primary, 0, COUNT(harms));
    tcase_add_loop_test(tc, warns_of_a_bad_backup, 0, COUNT(harms));
    tcase_add_loop_test(tc, refuses_two_bad_ones, 0, COUNT(harms));
    tcase_add_test(tc, checks_the_array);
    tcase_add_test(tc, warns_if_the_two_differ);
    tcase_add_test(tc, backup_is_where_the_primary_says);
    tcase_add_loop_test(tc, backup_is_at_the_end, 0, COUNT(elsewhere));
    tcase_add_test(tc, backup_of_4096);
    tcase_add_loop_test(tc, survives_truncation, 0, COUNT(cuts));
    tcase_add_loop_test(tc, checks_places, 0, COUNT(places));
    tcase_add_loop_test(tc, decodes_names, 0, COUNT(names));
    tcase_add_test(tc, longest_names);
    tcase_add_loop_test(tc, any_device, 0, COUNT(blocks));
    tcase_add_test(tc, survives_io_errors);
    tcase_add_test(tc, survives_lack_of_memory);
    suite_add_tcase(s, tc);
    return s;
}
