/* test_ntfs_boot.c - boot sectors, their copies, and none at all */
#include <stdio.h>
#include <stdlib.h>

#include "ntfsimage.h"
#include "suite.h"

#define MIB (1u << 20)

static uint8_t *le(uint8_t *at, uint64_t value, unsigned width)
{
    for (; width > 0; width--, value >>= 8)
        *at++ = (uint8_t)value;
    return at;
}

/* A boot sector of 512-byte sectors and 4 KiB clusters, 1000 of them. */
static void sound(uint8_t *head)
{
    memset(head, 0, NTFS_HEAD_SIZE);
    memcpy(head + 3, "NTFS    ", 8);
    le(head + 0x0b, 512, 2);
    head[0x0d] = 8;
    le(head + 0x28, 8000, 8);
    le(head + 0x30, 4, 8);
    le(head + 0x38, 500, 8);
    head[0x40] = 0xf6;
    head[0x44] = 1;
    le(head + 0x48, UINT64_C(0x1122334455667788), 8);
}

START_TEST(decodes)
{
    uint8_t head[NTFS_HEAD_SIZE];
    struct ntfs_boot boot;
    uint32_t field;

    sound(head);
    ck_assert_ptr_null(ntfs_boot_decode(head, &boot, &field));
    ck_assert_uint_eq(boot.sector_size, 512);
    ck_assert_uint_eq(boot.cluster_size, 4096);
    ck_assert_uint_eq(boot.cluster_shift, 12);
    ck_assert_uint_eq(boot.cluster_count, 1000);
    ck_assert_uint_eq(boot.size, 4096000);
    ck_assert_uint_eq(boot.record_size, 1024);
    ck_assert_uint_eq(boot.index_size, 4096);
    ck_assert_uint_eq(boot.mft_lcn, 4);
    ck_assert_uint_eq(boot.mirror_lcn, 500);
    ck_assert_uint_eq(boot.serial, UINT64_C(0x1122334455667788));
    ck_assert(ntfs_probe(head, sizeof head));
    ck_assert(!ntfs_probe(head, sizeof head - 1));
}
END_TEST

/* One field each, that makes it something else, or nothing. */
static const struct {
    const char *what;
    uint32_t at;
    uint64_t value;
    unsigned width;
    const char *said;           /* NULL: still sound, and then: */
    uint32_t cluster, record;
    uint64_t clusters;
} fields[] = {
    { "sectors of 256", 0x0b, 256, 2, NULL, 2048, 1024, 1000 },
    { "sectors of 4096", 0x0b, 4096, 2, NULL, 32768, 1024, 1000 },
    { "sectors of 128", 0x0b, 128, 2, "sectors of no size", 0, 0, 0 },
    { "sectors of 8192", 0x0b, 8192, 2, "sectors of no size", 0, 0, 0 },
    { "sectors of 513", 0x0b, 513, 2, "sectors of no size", 0, 0, 0 },
    { "sectors of 0", 0x0b, 0, 2, "sectors of no size", 0, 0, 0 },
    { "cluster of a sector", 0x0d, 1, 1, NULL, 512, 1024, 8000 },
    { "cluster of 128", 0x0d, 128, 1, NULL, 65536, 1024, 62 },
    { "cluster of 2^8", 0x0d, 248, 1, NULL, 131072, 1024, 31 },
    { "cluster of 2 MiB", 0x0d, 244, 1, "MFT is not in", 0, 0, 0 },
    { "cluster of 2^13", 0x0d, 243, 1, "clusters of no size", 0, 0, 0 },
    { "cluster of 129", 0x0d, 129, 1, "clusters of no size", 0, 0, 0 },
    { "cluster of 3", 0x0d, 3, 1, "clusters of no size", 0, 0, 0 },
    { "cluster of 0", 0x0d, 0, 1, "clusters of no size", 0, 0, 0 },
    { "odd sectors", 0x28, 8007, 8, NULL, 4096, 1024, 1000 },
    { "no sectors", 0x28, 0, 8, "no size", 0, 0, 0 },
    { "no cluster", 0x28, 7, 8, "without a cluster", 0, 0, 0 },
    { "2^54 sectors less one", 0x28, (UINT64_C(1) << 54) - 1, 8, NULL, 4096,
      1024, (UINT64_C(1) << 51) - 1 },
    { "2^54 sectors", 0x28, UINT64_C(1) << 54, 8, "no size", 0, 0, 0 },
    { "all ones", 0x28, UINT64_MAX, 8, "no size", 0, 0, 0 },
    { "MFT last", 0x30, 999, 8, NULL, 4096, 1024, 1000 },
    { "MFT behind", 0x30, 1000, 8, "MFT is not in", 0, 0, 0 },
    { "records of 512", 0x40, 0xf7, 1, NULL, 4096, 512, 1000 },
    { "records of 4096", 0x40, 1, 1, NULL, 4096, 4096, 1000 },
    { "records of 65536", 0x40, 16, 1, NULL, 4096, 65536, 1000 },
    { "records of 131072", 0x40, 32, 1, "records of no size", 0, 0, 0 },
    { "records of 256", 0x40, 0xf8, 1, "records of no size", 0, 0, 0 },
    { "records of 2^128", 0x40, 0x80, 1, "records of no size", 0, 0, 0 },
    { "records of 0", 0x40, 0, 1, "records of no size", 0, 0, 0 },
    { "records of 3", 0x40, 3, 1, "records of no size", 0, 0, 0 },
    { "another system", 3, 0, 1, "no boot sector", 0, 0, 0 },
};

START_TEST(checks_fields)
{
    uint8_t head[NTFS_HEAD_SIZE];
    struct ntfs_boot boot;
    uint32_t field = UINT32_MAX;
    const char *wrong;

    sound(head);
    le(head + fields[_i].at, fields[_i].value, fields[_i].width);
    wrong = ntfs_boot_decode(head, &boot, &field);
    if (fields[_i].said) {
        ck_assert_msg(wrong && strstr(wrong, fields[_i].said), "%s: %s",
                      fields[_i].what, wrong);
        ck_assert_uint_lt(field, NTFS_HEAD_SIZE);
        return;
    }
    ck_assert_msg(!wrong, "%s: %s", fields[_i].what, wrong);
    ck_assert_uint_eq(boot.cluster_size, fields[_i].cluster);
    ck_assert_uint_eq(boot.record_size, fields[_i].record);
    ck_assert_uint_eq(boot.cluster_count, fields[_i].clusters);
}
END_TEST

/* Neither a bad size of index blocks nor a mirror nowhere does any harm. */
START_TEST(leaves_out)
{
    uint8_t head[NTFS_HEAD_SIZE];
    struct ntfs_boot boot;
    uint32_t field;

    sound(head);
    head[0x44] = 3;
    le(head + 0x38, 1000, 8);
    ck_assert_ptr_null(ntfs_boot_decode(head, &boot, &field));
    ck_assert_uint_eq(boot.index_size, 4096);
    ck_assert_uint_eq(boot.mirror_lcn, NTFS_HOLE);
}
END_TEST

/* -------------------------------------------------------------- volumes */

static struct ntfsimage image;

static void make(const struct ntfsimage_shape *shape)
{
    ntfsimage_init(&image, shape);
    ntfsimage_finish(&image);
}

/* Mount; then see that nothing is left of it. */
static void expect(const char *options, int want, const char *said)
{
    int err = ntfsimage_mount(&image, options);

    ck_assert_msg(err == want, "%s: %d, %s", options, err, image.v.said);
    if (said)
        ck_assert_msg(strstr(image.v.said, said), "%s", image.v.said);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);
}

static const struct ntfsimage_shape shapes[] = {
    { .sector = 512 },
    { .sector = 256, .cluster = 256 },
    { .sector = 256, .cluster = 2048, .record = 512 },
    { .sector = 512, .cluster = 512, .record = 4096 },
    { .sector = 512, .cluster = 2 * MIB, .clusters = 16 },
    { .sector = 1024, .cluster = 4096, .index = 1024 },
    { .sector = 2048, .cluster = 2048, .record = 2048, .index = 2048 },
    { .sector = 4096, .cluster = 4096, .record = 4096 },
    { .sector = 4096, .cluster = 131072, .record = 8192, .index = 65536 },
    { .sector = 512, .cluster = 65536, .record = 65536, .records = 32 },
    { .sector = 512, .major = 1, .minor = 2 },
    { .sector = 512, .major = 3, .minor = 0 },
};

START_TEST(mounts_any_shape)
{
    const struct ntfs_volume *vol;
    struct shale_statfs statfs;
    uint64_t used = 0;

    make(&shapes[_i]);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%d: %s", _i,
                  image.v.said);
    ck_assert_msg(image.v.events == 0, "%d: %s", _i, image.v.said);
    vol = ntfsimage_volume(&image);
    ck_assert_uint_eq(vol->major, image.shape.major);
    ck_assert_uint_eq(vol->minor, image.shape.minor);
    ck_assert_uint_eq(vol->record_count, image.shape.records);
    ck_assert_int_eq(shale_statfs(image.v.fs, &statfs), 0);
    for (uint64_t i = 0; i < image.shape.clusters; i++)
        used += image.used[i];
    ck_assert_uint_eq(statfs.blocks, image.shape.clusters);
    ck_assert_uint_eq(statfs.blocks_free, image.shape.clusters - used);
    ck_assert_uint_eq(statfs.block_size, image.shape.cluster);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* The copy is used where it is, for all sizes of sectors, told once. */
START_TEST(uses_the_copy)
{
    make(&shapes[_i]);
    memset(image.bytes, 0, NTFS_HEAD_SIZE);
    if (image.shape.sector < NTFS_HEAD_SIZE) {
        /* There mkntfs puts it so that it ends with the last sector but one. */
        uint8_t *end = image.bytes + image.size / 512 * 512;

        le(end - 512 + 0x28, image.size / 256 - 1, 8);
        memcpy(end - 512 + 3, "NTFS    ", 8);
        le(end - 512 + 0x0b, 256, 2);
        end[-512 + 0x0d] = (uint8_t)(image.shape.cluster / 256);
        le(end - 512 + 0x30, image.shape.mft[0].lcn, 8);
        le(end - 512 + 0x38, image.mirror_lcn, 8);
        end[-512 + 0x40] = image.shape.record == 512 ? 0xf7 : 4;
        end[-512 + 0x44] = 0xf4;
    }
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
    ck_assert_uint_eq(image.v.events, 1);
    ck_assert_uint_ne(ntfsimage_volume(&image)->boot.at, 0);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* As before NT 4: the copy is in the middle. */
START_TEST(uses_the_copy_in_the_middle)
{
    uint64_t middle;

    make(NULL);
    middle = (uint64_t)image.shape.clusters * image.shape.cluster / 2;
    memcpy(image.bytes + middle, image.bytes, NTFS_HEAD_SIZE);
    memset(image.bytes, 0xff, NTFS_HEAD_SIZE);
    memset(image.bytes + image.size - 512, 0, 512);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
    ck_assert_uint_eq(ntfsimage_volume(&image)->boot.at, middle);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* A boot sector in the last clusters that is another volume's. */
START_TEST(knows_a_stranger)
{
    uint8_t *last;

    make(NULL);
    last = image.bytes + image.size - 512;
    le(last + 0x28, 1000000, 8);
    memset(image.bytes, 0, NTFS_HEAD_SIZE);
    expect(NULL, SHALE_ECORRUPT, "no boot sector of NTFS");
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* ---------------------------------------------------------------- by hand */

START_TEST(goes_by_hand)
{
    char options[64];

    make(&shapes[_i]);
    memset(image.bytes, 0, NTFS_HEAD_SIZE);
    memset(image.bytes + (image.size - image.shape.sector), 0,
           image.shape.sector);
    expect(NULL, SHALE_ECORRUPT, "no boot sector of NTFS");
    ck_assert_ptr_nonnull(strstr(image.v.said, "options mft and cluster"));
    snprintf(options, sizeof options, "mft=%llu,cluster=%u",
             (unsigned long long)image.shape.mft[0].lcn, image.shape.cluster);
    ck_assert_msg(ntfsimage_mount(&image, options) == 0, "%s", image.v.said);
    ck_assert_uint_eq(ntfsimage_volume(&image)->boot.at, SHALE_NOWHERE);
    ck_assert_uint_eq(ntfsimage_volume(&image)->boot.record_size,
                      image.shape.record);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);

    expect("mft=3000000,cluster=4096", SHALE_EINVAL, "no such cluster");
    snprintf(options, sizeof options, "mft=%llu,cluster=%u",
             (unsigned long long)image.bitmap_lcn, image.shape.cluster);
    expect(options, SHALE_EINVAL, "first record of the MFT is not there");
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* Another record of the MFT is not taken for its first. */
START_TEST(goes_by_no_other_record)
{
    char options[64];

    make(&(struct ntfsimage_shape){ .cluster = 1024, .record = 1024 });
    snprintf(options, sizeof options, "mft=%llu,cluster=1024",
             (unsigned long long)image.shape.mft[0].lcn + 2);
    expect(options, SHALE_EINVAL, "first record of the MFT is not there");
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

static const struct {
    const char *options, *said;
} options_bad[] = {
    { "mft=0", "option mft" },
    { "mft=x", "option mft" },
    { "mft", "option mft" },
    { "cluster=0", "option cluster" },
    { "cluster=1000", "option cluster" },
    { "cluster=128", "option cluster" },
    { "cluster=4194304", "option cluster" },
    { "uid=x", "option uid" },
    { "gid=4294967296", "option gid" },
    { "umask=8", "mask" },
    { "umask", "mask" },
    { "fmask=10000", "mask" },
    { "dmask=-1", "mask" },
    { "streams_interface=some", "streams_interface" },
    { "streams_interface", "streams_interface" },
    { "nonsense", "no such option" },
};

START_TEST(refuses_options)
{
    make(NULL);
    expect(options_bad[_i].options, SHALE_EINVAL, options_bad[_i].said);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

static const struct {
    const char *options;
    uint32_t fmask, dmask;
    bool fmask_given, dmask_given;
} masks[] = {
    { "ignore_case", 0, 0, false, false },
    { "umask=022", 022, 022, true, true },
    { "umask=077,fmask=0177", 0177, 077, true, true },
    { "fmask=0177,umask=077", 077, 077, true, true },
    { "umask=077,fmask=0177,umask=02", 02, 02, true, true },
    { "dmask=7777", 0, 07777, false, true },
};

START_TEST(later_masks_count)
{
    const struct ntfs_options *o;

    make(NULL);
    ck_assert_msg(ntfsimage_mount(&image, masks[_i].options) == 0, "%s",
                  image.v.said);
    o = &ntfsimage_volume(&image)->options;
    ck_assert_uint_eq(o->fmask, masks[_i].fmask);
    ck_assert_uint_eq(o->dmask, masks[_i].dmask);
    ck_assert_int_eq(o->fmask_given, masks[_i].fmask_given);
    ck_assert_int_eq(o->dmask_given, masks[_i].dmask_given);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

START_TEST(takes_owners)
{
    const struct ntfs_options *o;

    make(NULL);
    ck_assert_int_eq(ntfsimage_mount(&image, "owner_uid=5,owner_gid=6,gid=7"),
                     0);
    o = &ntfsimage_volume(&image)->options;
    ck_assert_uint_eq(o->uid, 5);
    ck_assert_uint_eq(o->gid, 7);
    ck_assert(!o->uid_given && o->gid_given);
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* ---------------------------------------------------------- what it is not */

static const struct {
    const char *oem, *name;
} others[] = {
    { "-FVE-FS-", "BitLocker" },
    { "ReFS\0\0\0\0", "ReFS" },
    { "EXFAT   ", "exFAT" },
};

START_TEST(names_others)
{
    make(NULL);
    memcpy(image.bytes + 3, others[_i].oem, 8);
    expect(NULL, SHALE_ENOTSUP, others[_i].name);
    ck_assert(!ntfs_probe(image.bytes, 4096));
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}
END_TEST

/* The boot sector is gone, and what is behind it is Windows'. */
START_TEST(probes_the_loader)
{
    static const uint8_t nt[] = "\5\0N\0T\0L\0D\0R\0\4\0$\0I\0003\0000\0";
    static const uint8_t vista[] =
        "\7\0B\0O\0O\0T\0M\0G\0R\0\4\0$\0I\0003\0000\0";
    uint8_t head[4096] = { 0 };

    ck_assert(!ntfs_probe(head, sizeof head));
    memcpy(head + 512, nt, sizeof nt - 1);
    ck_assert(ntfs_probe(head, sizeof head));
    ck_assert(!ntfs_probe(head, 512));
    memcpy(head + 512, vista, sizeof vista - 1);
    ck_assert(ntfs_probe(head, sizeof head));
    head[512 + 20] = 'J';
    ck_assert(!ntfs_probe(head, sizeof head));
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/boot");
    TCase *tc = tcase_create("boot");
    const int shape_count = sizeof shapes / sizeof shapes[0];

    tcase_add_test(tc, decodes);
    tcase_add_loop_test(tc, checks_fields, 0,
                        sizeof fields / sizeof fields[0]);
    tcase_add_test(tc, leaves_out);
    tcase_add_loop_test(tc, mounts_any_shape, 0, shape_count);
    tcase_add_loop_test(tc, uses_the_copy, 0, shape_count);
    tcase_add_test(tc, uses_the_copy_in_the_middle);
    tcase_add_test(tc, knows_a_stranger);
    tcase_add_loop_test(tc, goes_by_hand, 0, shape_count);
    tcase_add_test(tc, goes_by_no_other_record);
    tcase_add_loop_test(tc, refuses_options, 0,
                        sizeof options_bad / sizeof options_bad[0]);
    tcase_add_loop_test(tc, later_masks_count, 0,
                        sizeof masks / sizeof masks[0]);
    tcase_add_test(tc, takes_owners);
    tcase_add_loop_test(tc, names_others, 0,
                        sizeof others / sizeof others[0]);
    tcase_add_test(tc, probes_the_loader);
    suite_add_tcase(s, tc);
    return s;
}
