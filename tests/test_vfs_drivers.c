/*
 * test_vfs_drivers.c - whose volume it is, if several could say "mine"
 *
 * One filesystem is made over another, and what makes it does not wipe what it
 * does not use. A case writes the marks of some formats, those of the one that
 * was there last being whole.
 */
#include <string.h>

#include "shale/shale.h"
#include "suite.h"
#include "volume.h"

#define HEAD_SIZE 4096u

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void ntfs_boot(uint8_t *head)
{
    memcpy(head, "\xeb\x52\x90NTFS    ", 11);
    put16(head + 11, 512);      /* bytes of a sector */
    head[13] = 8;               /* sectors of a cluster */
    head[21] = 0xf8;
    put16(head + 40, 0xf000);   /* sectors of the volume */
    head[48] = 4;               /* cluster of the MFT, and of its mirror */
    head[56] = 2;
    head[64] = 0xf6;            /* records of 1 KiB */
    head[68] = 1;
    put16(head + 510, 0xaa55);
}

static void ntfs_oem(uint8_t *head)
{
    memcpy(head + 3, "NTFS    ", 8);
}

static void ntfs_loader(uint8_t *head)
{
    static const char text[] = "\5\0N\0T\0L\0D\0R\0\4\0$\0I\0003\0000";

    memcpy(head + 512, text, sizeof text);
}

static void exfat_boot(uint8_t *head)
{
    memcpy(head, "\xeb\x76\x90" "EXFAT   ", 11);
}

static void fat_boot(uint8_t *head)
{
    memcpy(head, "\xeb\x3c\x90mkfs.fat", 11);
    put16(head + 11, 512);      /* bytes of a sector */
    head[13] = 4;               /* sectors of a cluster */
    put16(head + 14, 4);        /* sectors before the FATs */
    head[16] = 2;               /* FATs */
    put16(head + 17, 512);      /* entries of the root */
    put16(head + 19, 40000);    /* sectors of the volume */
    head[21] = 0xf8;
    put16(head + 22, 40);       /* sectors of a FAT */
    put16(head + 510, 0xaa55);
}

static void ext2_super(uint8_t *head)
{
    put16(head + 1024 + 0x38, 0xef53);
    put16(head + 1024 + 0x4c, 1);
}

static const struct {
    const char *what;
    void (*marks[3])(uint8_t *head);
    const char *driver;         /* NULL: nobody's */
} cases[] = {
    { "nothing", { NULL }, NULL },
    { "NTFS", { ntfs_boot }, "ntfs" },
    { "NTFS with its loader", { ntfs_boot, ntfs_loader }, "ntfs" },
    { "NTFS, its first sector gone", { ntfs_loader }, "ntfs" },
    { "NTFS, all but its name gone", { ntfs_oem }, "ntfs" },
    { "exFAT", { exfat_boot }, NULL },
    { "FAT", { fat_boot }, "fat" },
    { "FAT over NTFS", { ntfs_loader, fat_boot }, "fat" },
    { "ext2", { ext2_super }, "ext2" },
    { "ext2 over FAT", { fat_boot, ext2_super }, "ext2" },
    { "ext2 within NTFS", { ntfs_boot, ext2_super }, "ntfs" },
};

START_TEST(finds_the_driver)
{
    static uint8_t bytes[16 * HEAD_SIZE];
    const struct shale_fs_ops *driver = NULL;
    struct volume v;
    int err;

    memset(bytes, 0, sizeof bytes);
    for (unsigned i = 0; i < 3 && cases[_i].marks[i]; i++)
        cases[_i].marks[i](bytes);
    ck_assert_int_eq(volume_of_bytes(&v, bytes, sizeof bytes), 0);
    err = shale_probe(v.dev, v.mem, shale_all_drivers, &driver);
    if (cases[_i].driver) {
        ck_assert_msg(err == 0, "%s: %d", cases[_i].what, err);
        ck_assert_msg(strcmp(shale_driver_name(driver), cases[_i].driver) == 0,
                      "%s: %s", cases[_i].what, shale_driver_name(driver));
    } else {
        ck_assert_msg(err == SHALE_ENODEV, "%s: %d", cases[_i].what, err);
    }
    ck_assert_uint_eq(volume_close(&v), 0);
}
END_TEST

START_TEST(some_drivers_only_read)
{
    for (unsigned i = 0; shale_all_drivers[i]; i++) {
        const char *name = shale_driver_name(shale_all_drivers[i]);

        ck_assert(shale_driver_writes(shale_all_drivers[i]) ==
                  (strcmp(name, "ntfs") != 0));
    }
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("vfs/drivers");
    TCase *tc = tcase_create("drivers");

    tcase_add_loop_test(tc, finds_the_driver, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_test(tc, some_drivers_only_read);
    suite_add_tcase(s, tc);
    return s;
}
