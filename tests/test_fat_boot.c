/* test_fat_boot.c - the boot sector: what is sound, and what is FAT at all */
#include "fat32/fat.h"
#include "suite.h"
#include "test_fat_image.h"

static struct image image;

/* A field, its width in bytes, and what is written there. */
struct patch {
    uint32_t at, width, value;
};

static void patch(uint8_t *bytes, const struct patch *p)
{
    for (uint32_t i = 0; i < p->width; i++)
        bytes[p->at + i] = (uint8_t)(p->value >> (8 * i));
}

static const struct {
    const char *what;
    unsigned bits;
    struct patch patch;
    const char *said;           /* NULL: it mounts */
    uint32_t at;                /* place reported */
} patches[] = {
    { "as it is", 12, { 0, 0, 0 }, NULL, 0 },
    { "as it is", 16, { 0, 0, 0 }, NULL, 0 },
    { "as it is", 32, { 0, 0, 0 }, NULL, 0 },
    { "no jump", 16, { 0x00, 1, 0x12 }, NULL, 0 },
    { "no signature", 12, { 0x1fe, 2, 0 }, NULL, 0 },
    { "media of a floppy", 12, { 0x15, 1, 0xf0 }, NULL, 0 },
    { "no extended BPB", 12, { 0x26, 1, 0 }, NULL, 0 },
    { "no geometry", 16, { 0x18, 4, 0 }, NULL, 0 },
    { "sectors of 0", 16, { 0x0b, 2, 0 }, "sectors of no size", 0x0b },
    { "sectors of 256", 16, { 0x0b, 2, 256 }, "sectors of no size", 0x0b },
    { "sectors of 8192", 16, { 0x0b, 2, 8192 }, "sectors of no size", 0x0b },
    { "sectors of 520", 16, { 0x0b, 2, 520 }, "sectors of no size", 0x0b },
    { "clusters of 0", 16, { 0x0d, 1, 0 }, "no power of two", 0x0d },
    { "clusters of 3", 16, { 0x0d, 1, 3 }, "no power of two", 0x0d },
    { "nothing reserved", 16, { 0x0e, 2, 0 }, "no reserved", 0x0e },
    { "all reserved", 16, { 0x0e, 2, 0xffff }, "no room", 0x10 },
    { "no FAT", 16, { 0x10, 1, 0 }, "no file allocation table", 0x10 },
    { "255 FATs", 16, { 0x10, 1, 255 }, "no room", 0x10 },
    { "no root", 12, { 0x11, 2, 0 }, "no root directory", 0x11 },
    { "root of an odd size", 12, { 0x11, 2, 63 }, NULL, 0 },
    { "large root", 12, { 0x11, 2, 0xffff }, "no room", 0x10 },
    { "no sectors", 12, { 0x13, 2, 0 }, "0 sectors", 0x20 },
    { "few sectors", 12, { 0x13, 2, 5 }, "no room", 0x10 },
    { "one sector of data", 12, { 0x13, 2, 8 }, NULL, 0 },
    { "no media byte", 16, { 0x15, 1, 0xf7 }, "media", 0x15 },
    { "a FAT too small", 16, { 0x16, 2, 1 }, NULL, 0 },
    { "a huge FAT", 16, { 0x16, 2, 0xffff }, "no room", 0x10 },
    { "FAT of 0 sectors", 32, { 0x24, 4, 0 }, "of 0 sectors", 0x24 },
    { "FAT of 2^32 - 1 sectors", 32, { 0x24, 4, 0xffffffff }, "no room",
      0x10 },
    { "no such active FAT", 32, { 0x28, 2, 0x82 }, "does not exist", 0x28 },
    { "root at 1", 32, { 0x2c, 4, 1 }, "root directory is outside", 0x2c },
    { "last cluster as root", 32, { 0x2c, 4, 301 }, NULL, 0 },
    { "root past the end", 32, { 0x2c, 4, 302 }, "root directory is outside",
      0x2c },
    { "no FSInfo", 32, { 0x30, 2, 0xffff }, NULL, 0 },
    { "FSInfo without signature", 32, { 0x200, 4, 0 }, NULL, 0 },
    { "no copy", 32, { 0x32, 2, 0 }, NULL, 0 },
};

START_TEST(checks_the_bpb)
{
    const char *said = patches[_i].said;
    struct fat_boot boot;
    uint32_t field = 0;
    const char *wrong;
    int err;

    image_init(&image, patches[_i].bits);
    patch(image.bytes, &patches[_i].patch);
    memset(image.bytes + 6 * SECTOR, 0, patches[_i].bits == 32 ? SECTOR : 0);
    wrong = fat_boot_decode(image.bytes, 0, &boot, &field);
    if (said)
        ck_assert_msg(wrong && strstr(wrong, said) &&
                          field == patches[_i].at,
                      "%s: %s, %#x", patches[_i].what, wrong, field);

    ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                     (size_t)image.sectors * SECTOR), 0);
    image.v.type = "fat";
    err = volume_mount(&image.v, NULL);
    ck_assert_msg(err == (said ? SHALE_ECORRUPT : 0), "%s: %d, %s",
                  patches[_i].what, err, image.v.said);
    image_close(&image);
}
END_TEST

/* A boot sector for a volume of SECTORS sectors, one to a cluster, FAT of
   FAT_SECTORS. */
static void make_head(uint8_t *head, uint32_t sectors, uint32_t fat_sectors,
                      bool is_fat32)
{
    memset(head, 0, FAT_HEAD_SIZE);
    head[0] = 0xeb;
    put16(head + 0x0b, 512);
    head[0x0d] = 1;
    put16(head + 0x0e, 1);
    head[0x10] = 1;
    put32(head + 0x20, sectors);
    head[0x15] = 0xf8;
    put16(head + 0x1fe, 0xaa55);
    if (is_fat32) {
        put32(head + 0x24, fat_sectors);
        put32(head + 0x2c, 2);
    } else {
        put16(head + 0x11, 16);
        put16(head + 0x16, fat_sectors);
    }
}

static const struct {
    const char *what;
    uint32_t clusters, fat_sectors;
    bool is_fat32;
    unsigned force, bits;       /* 0: refused */
} types[] = {
    { "one cluster", 1, 1, false, 0, 12 },
    { "most of FAT12", 4084, 12, false, 0, 12 },
    { "least of FAT16", 4085, 16, false, 0, 16 },
    { "most of FAT16", 65524, 256, false, 0, 16 },
    { "one too many", 65525, 257, false, 0, 0 },
    { "as FAT16, by option", 4084, 16, false, 16, 16 },
    { "as FAT12, by option", 4085, 13, false, 12, 0 },
    { "FAT32", 65525, 512, true, 0, 32 },
    { "few for FAT32", 100, 1, true, 0, 32 },
    { "an option does not make it less", 100, 1, true, 12, 32 },
    { "most of FAT32", 0x0ffffff5, 0x200000, true, 0, 32 },
    { "too many", 0x0ffffff6, 0x200000, true, 0, 0 },
};

START_TEST(tells_the_type)
{
    uint32_t root = types[_i].is_fat32 ? 0 : 1, field;
    uint8_t head[FAT_HEAD_SIZE];
    struct fat_boot boot;
    const char *wrong;

    make_head(head, 1 + types[_i].fat_sectors + root + types[_i].clusters,
              types[_i].fat_sectors, types[_i].is_fat32);
    wrong = fat_boot_decode(head, types[_i].force, &boot, &field);
    ck_assert_msg(!wrong == (types[_i].bits != 0), "%s: %s", types[_i].what,
                  wrong);
    if (wrong)
        return;
    ck_assert_msg(boot.bits == types[_i].bits, "%s: %u", types[_i].what,
                  boot.bits);
    ck_assert_uint_eq(boot.cluster_count, types[_i].clusters);
}
END_TEST

START_TEST(has_no_more_clusters_than_entries)
{
    uint8_t head[FAT_HEAD_SIZE];
    struct fat_boot boot;
    uint32_t field;

    make_head(head, 10000, 10, false);
    ck_assert_ptr_null(fat_boot_decode(head, 0, &boot, &field));
    ck_assert_uint_eq(boot.bits, 16);
    ck_assert_uint_eq(boot.cluster_count, 10 * 512 / 2 - 2);
}
END_TEST

/* Both fields of sectors; the 16-bit one counts if it is not 0. */
START_TEST(takes_either_count_of_sectors)
{
    uint8_t head[FAT_HEAD_SIZE];
    struct fat_boot boot;
    uint32_t field;

    make_head(head, 1000, 3, false);
    put16(head + 0x13, 900);
    ck_assert_ptr_null(fat_boot_decode(head, 0, &boot, &field));
    ck_assert_uint_eq(boot.sectors, 900);
}
END_TEST

START_TEST(takes_large_units)
{
    uint8_t head[FAT_HEAD_SIZE];
    struct fat_boot boot;
    uint32_t field;

    make_head(head, 20000, 4, false);
    put16(head + 0x0b, 4096);
    head[0x0d] = 64;
    ck_assert_ptr_null(fat_boot_decode(head, 0, &boot, &field));
    ck_assert_uint_eq(boot.cluster_size, 256 << 10);
    head[0x0d] = 128;
    ck_assert_ptr_nonnull(fat_boot_decode(head, 0, &boot, &field));
}
END_TEST

/* -------------------------------------------------------------- probing */

enum change {
    CHANGE_NOTHING,
    CHANGE_NTFS,                /* OEM name */
    CHANGE_EXFAT,
    CHANGE_BITLOCKER,
    CHANGE_MBR,                 /* a partition behind the first sector */
    CHANGE_MBR_WHOLE,           /* one from sector 0 on, as mkfs.fat --mbr */
    CHANGE_CODE,                /* a program where the table would be */
    CHANGE_ATARI,               /* a program for another processor */
    CHANGE_BARE,                /* no program, no signature */
    CHANGE_BARE_FAT,            /* ... and a FAT without the media byte */
    CHANGE_ZERO,                /* the first sector, where there is a copy */
    CHANGE_ZERO_ALL,
    CHANGE_TEXT,                /* something else in the first sector */
    CHANGE_TEXT_FAT32,          /* the same, but the type still stands there */
};

static void change_head(uint8_t *head, enum change change)
{
    uint8_t *table = head + 446;

    switch (change) {
    case CHANGE_NOTHING:
        break;
    case CHANGE_NTFS:
        memcpy(head + 3, "NTFS    ", 8);
        break;
    case CHANGE_EXFAT:
        memcpy(head + 3, "EXFAT   ", 8);
        break;
    case CHANGE_BITLOCKER:
        memcpy(head + 3, "-FVE-FS-", 8);
        break;
    case CHANGE_MBR:
    case CHANGE_MBR_WHOLE:
        table[0] = 0x80;
        table[4] = 0x0c;
        put32(table + 8, change == CHANGE_MBR ? 2048 : 0);
        put32(table + 12, 100000);
        break;
    case CHANGE_CODE:
        memset(table, 'x', 64);
        break;
    case CHANGE_ATARI:
        head[0] = 0x60;
        put16(head + 0x1fe, 0);
        break;
    case CHANGE_BARE:
    case CHANGE_BARE_FAT:
        head[0] = 0;
        put16(head + 0x1fe, 0);
        if (change == CHANGE_BARE_FAT)
            head[8 * SECTOR] = head[SECTOR] = 0;
        break;
    case CHANGE_ZERO:
        memset(head, 0, SECTOR);
        break;
    case CHANGE_ZERO_ALL:
        memset(head, 0, 8 * SECTOR);
        break;
    case CHANGE_TEXT:
        memset(head, 'T', SECTOR);
        break;
    case CHANGE_TEXT_FAT32:
        memset(head, 'T', 0x52);
        break;
    }
}

static const struct {
    const char *what;
    enum change change;
    bool is_fat[2];             /* FAT16, FAT32 */
} probes[] = {
    { "a volume", CHANGE_NOTHING, { true, true } },
    { "NTFS", CHANGE_NTFS, { false, false } },
    { "exFAT", CHANGE_EXFAT, { false, false } },
    { "BitLocker", CHANGE_BITLOCKER, { false, false } },
    { "a partitioned disk", CHANGE_MBR, { false, false } },
    { "a superfloppy with a table", CHANGE_MBR_WHOLE, { true, true } },
    { "a superfloppy with a program", CHANGE_CODE, { true, true } },
    { "Atari", CHANGE_ATARI, { true, true } },
    { "no program", CHANGE_BARE, { true, false } },
    { "no FAT", CHANGE_BARE_FAT, { false, false } },
    { "no first sector", CHANGE_ZERO, { false, true } },
    { "nothing", CHANGE_ZERO_ALL, { false, false } },
    { "text", CHANGE_TEXT, { false, false } },
    { "text before the type", CHANGE_TEXT_FAT32, { false, true } },
};

START_TEST(tells_fat_from_others)
{
    for (unsigned i = 0; i < 2; i++) {
        bool is_fat;

        image_init(&image, i == 0 ? 16 : 32);
        change_head(image.bytes, probes[_i].change);
        is_fat = fat_probe(image.bytes, 4096);
        ck_assert_msg(is_fat == probes[_i].is_fat[i], "%s, FAT%u",
                      probes[_i].what, image.bits);
        ck_assert(!fat_probe(image.bytes, 511));
        free(image.bytes);
    }
}
END_TEST

/* ------------------------------------------------------------- the copy */

START_TEST(uses_the_copy)
{
    for (unsigned how = 0; how < 2; how++) {
        image_init(&image, 32);
        memset(image.bytes + 0x0b, how ? 0xff : 0, 2);
        ck_assert_int_eq(volume_to_write(&image.v, image.bytes,
                                         (size_t)image.sectors * SECTOR), 0);
        image.v.write = true;
        ck_assert_msg(volume_mount(&image.v, NULL) == 0, "%s", image.v.said);
        ck_assert(shale_fs_read_only(image.v.fs));
        ck_assert_uint_eq(image_volume(&image)->boot.at, 6 * SECTOR);
        ck_assert_uint_ge(image.v.events, 1);
        image_close(&image);
    }
}
END_TEST

START_TEST(needs_a_sound_copy)
{
    image_init(&image, 32);
    image.bytes[0x0d] = 3;
    image.bytes[6 * SECTOR + 0x10] = 0;
    ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes,
                                     (size_t)image.sectors * SECTOR), 0);
    image.v.type = "fat";
    ck_assert_int_eq(volume_mount(&image.v, NULL), SHALE_ECORRUPT);
    /* The first one is what the report is about. */
    ck_assert_msg(strstr(image.v.said, "power of two"), "%s", image.v.said);
    image_close(&image);
}
END_TEST

/* ---------------------------------------------------------------- DOS 1 */

static const struct {
    uint32_t sectors, clusters;
    uint8_t media;
} floppies[] = {
    { 320, 313, 0xfe }, { 360, 351, 0xfc }, { 640, 315, 0xff },
    { 720, 354, 0xfd },
};

START_TEST(takes_floppies_of_dos_1)
{
    uint32_t sectors = floppies[_i].sectors;
    uint8_t *bytes = calloc(sectors, SECTOR);

    image.bytes = bytes;
    image.sectors = sectors;
    bytes[0] = 0xeb;
    bytes[1] = 0x27;
    bytes[2] = 0x90;
    bytes[SECTOR] = floppies[_i].media;
    bytes[SECTOR + 1] = bytes[SECTOR + 2] = 0xff;
    ck_assert_int_eq(volume_of_bytes(&image.v, bytes,
                                     (size_t)sectors * SECTOR), 0);
    /* It is known for what it is, and who has it is told what to say. */
    ck_assert_int_eq(volume_mount(&image.v, NULL), SHALE_EINVAL);
    ck_assert_msg(strstr(image.v.said, "a floppy of DOS 1"), "%s",
                  image.v.said);
    ck_assert_int_eq(volume_mount(&image.v, "dos1xfloppy"), 0);
    ck_assert_uint_eq(image_volume(&image)->boot.cluster_count,
                      floppies[_i].clusters);
    ck_assert_uint_eq(image_volume(&image)->boot.bits, 12);
    ck_assert_uint_eq(volume_close(&image.v), 0);

    /* DOS 1.0 has a date where the BPB begins later. */
    memcpy(bytes + 8, " 7-May-81", 9);
    ck_assert_int_eq(volume_of_bytes(&image.v, bytes,
                                     (size_t)sectors * SECTOR), 0);
    image.v.type = "fat";
    ck_assert_int_eq(volume_mount(&image.v, NULL), SHALE_ECORRUPT);
    ck_assert_int_eq(volume_mount(&image.v, "dos1xfloppy"), 0);
    ck_assert_uint_eq(volume_close(&image.v), 0);

    /* By size and media byte. */
    bytes[SECTOR] = 0xf8;
    ck_assert_int_eq(volume_of_bytes(&image.v, bytes,
                                     (size_t)sectors * SECTOR), 0);
    image.v.type = "fat";
    ck_assert_int_eq(volume_mount(&image.v, "dos1xfloppy"), SHALE_ECORRUPT);
    image_close(&image);
}
END_TEST

/* --------------------------------------------------------------- state */

static const struct {
    const char *what;
    unsigned bits;
    struct patch patch;
    uint32_t entry1;            /* 0: as it is */
    bool dirty, errors;
} states[] = {
    { "clean", 12, { 0, 0, 0 }, 0, false, false },
    { "dirty", 12, { 0x25, 1, 1 }, 0, true, false },
    { "errors", 12, { 0x25, 1, 2 }, 0, false, true },
    { "not if there is no such field", 12, { 0x25, 2, 3 }, 0, false, false },
    { "clean", 16, { 0, 0, 0 }, 0xffff, false, false },
    { "dirty in the FAT", 16, { 0, 0, 0 }, 0x7fff, true, false },
    { "errors in the FAT", 16, { 0, 0, 0 }, 0xbfff, false, true },
    { "clean", 32, { 0, 0, 0 }, 0x0fffffff, false, false },
    { "dirty in the FAT", 32, { 0, 0, 0 }, 0xf7ffffff, true, false },
    { "errors in the FAT", 32, { 0, 0, 0 }, 0xfbffffff, false, true },
    { "dirty in the BPB", 32, { 0x41, 1, 1 }, 0, true, false },
};

START_TEST(reads_the_state)
{
    const struct fat_volume *vol;

    image_init(&image, states[_i].bits);
    patch(image.bytes, &states[_i].patch);
    if (states[_i].entry1)
        image_link(&image, 1, states[_i].entry1);
    image_mount(&image, NULL);
    vol = image_volume(&image);
    ck_assert_msg(vol->was_dirty == states[_i].dirty &&
                      vol->had_errors == states[_i].errors,
                  "%s, FAT%u: %d, %d", states[_i].what, states[_i].bits,
                  vol->was_dirty, vol->had_errors);
    image_close(&image);
}
END_TEST

static const struct {
    const char *what;
    uint32_t free_count;        /* of the FSInfo */
    bool dirty;
    const char *options;
    uint32_t count;
} counts[] = {
    { "counted sooner", 77, false, NULL, 299 },
    { "asked for", 77, false, "usefree", 77 },
    { "not known", 0xffffffff, false, "usefree", 299 },
    { "more than there are", 301, false, "usefree", 299 },
    { "all that there are", 300, false, "usefree", 300 },
    { "not clean, but asked for", 77, true, "usefree", 77 },
};

START_TEST(believes_the_fsinfo)
{
    struct shale_statfs statfs;

    image_init(&image, 32);
    put32(image.bytes + SECTOR + 0x1e8, counts[_i].free_count);
    image.bytes[0x41] = counts[_i].dirty;
    image_mount(&image, counts[_i].options);
    ck_assert_int_eq(shale_statfs(image.v.fs, &statfs), 0);
    ck_assert_msg(statfs.blocks_free == counts[_i].count, "%s: %llu",
                  counts[_i].what, (unsigned long long)statfs.blocks_free);
    ck_assert_uint_eq(statfs.blocks, 300);
    ck_assert_uint_eq(statfs.block_size, 512);
    ck_assert_uint_eq(statfs.id, 0x1234abcd);
    ck_assert_uint_eq(statfs.name_max, FAT_NAME_BYTES);
    image_close(&image);
}
END_TEST

/* -------------------------------------------------------------- options */

static const struct {
    const char *options;
    int err;
} options[] = {
    { "codepage=850", 0 },
    { "codepage=0", SHALE_EINVAL },
    { "codepage=cp850", SHALE_EINVAL },
    { "codepage=65001", SHALE_EINVAL },
    { "shortname=lower", 0 },
    { "shortname=mixed", 0 },
    { "shortname=win95", 0 },
    { "shortname=winnt", 0 },
    { "shortname=win", SHALE_EINVAL },
    { "shortname=", SHALE_EINVAL },
    { "shortname", SHALE_EINVAL },
    { "tz=UTC", 0 },
    { "tz=CET", SHALE_EINVAL },
    { "tz", SHALE_EINVAL },
    { "time_offset=1440", 0 },
    { "time_offset=-1440", 0 },
    { "time_offset=1441", SHALE_EINVAL },
    { "time_offset=-", SHALE_EINVAL },
    { "time_offset=", SHALE_EINVAL },
    { "time_offset=1h", SHALE_EINVAL },
    { "time_offset=99999999999", SHALE_EINVAL },
    { "fat=12", 0 },
    { "fat=13", SHALE_EINVAL },
    { "quiet,showexec,sys_immutable,rodir,nonumtail,usefree", 0 },
    { "nonsense", SHALE_EINVAL },
    { "sb=1", SHALE_EINVAL },
};

START_TEST(checks_options)
{
    int err;

    image_init(&image, 12);
    err = image_try(&image, options[_i].options);
    ck_assert_msg(err == options[_i].err, "%s: %d", options[_i].options, err);
    if (err)
        ck_assert_msg(image.v.said[0] != '\0', "%s", options[_i].options);
    image_close(&image);
}
END_TEST

#define COUNT(array) (int)(sizeof (array) / sizeof (array)[0])

Suite *suite(void)
{
    Suite *s = suite_create("fat/boot");
    TCase *tc = tcase_create("boot");

    tcase_add_loop_test(tc, checks_the_bpb, 0, COUNT(patches));
    tcase_add_loop_test(tc, tells_the_type, 0, COUNT(types));
    tcase_add_test(tc, has_no_more_clusters_than_entries);
    tcase_add_test(tc, takes_either_count_of_sectors);
    tcase_add_test(tc, takes_large_units);
    tcase_add_loop_test(tc, tells_fat_from_others, 0, COUNT(probes));
    tcase_add_test(tc, uses_the_copy);
    tcase_add_test(tc, needs_a_sound_copy);
    tcase_add_loop_test(tc, takes_floppies_of_dos_1, 0, COUNT(floppies));
    tcase_add_loop_test(tc, reads_the_state, 0, COUNT(states));
    tcase_add_loop_test(tc, believes_the_fsinfo, 0, COUNT(counts));
    tcase_add_loop_test(tc, checks_options, 0, COUNT(options));
    suite_add_tcase(s, tc);
    return s;
}
