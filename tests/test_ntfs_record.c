/* test_ntfs_record.c - records of the MFT, their mirror, and $MFT itself */
#include <stdlib.h>

#include "ntfsimage.h"
#include "suite.h"

static struct ntfsimage image;

static void mount(const char *options)
{
    ntfsimage_finish(&image);
    ck_assert_msg(ntfsimage_mount(&image, options) == 0, "%s", image.v.said);
}

static void done(void)
{
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

/* Read record NUMBER and let go of it. */
static int get(uint64_t number)
{
    struct ntfs_volume *vol = ntfsimage_volume(&image);
    struct ntfs_record *record;
    int err = ntfs_record_get(vol, number, &record);

    if (!err)
        ntfs_record_put(vol, record);
    return err;
}

/* --------------------------------------------------------------- fixups */

/* A block of 1024 bytes with its fixups at 40, and 0xab all over. */
static void block_make(uint8_t *bytes)
{
    memset(bytes, 0xab, 1024);
    memcpy(bytes, "INDX", 4);
    bytes[4] = 40;
    bytes[5] = 0;
    bytes[6] = 3;
    bytes[7] = 0;
    bytes[510] = 1;
    bytes[511] = 2;
    bytes[1022] = 3;
    bytes[1023] = 4;
    ntfsimage_fix(bytes, 1024);
}

START_TEST(undoes_fixups)
{
    uint8_t bytes[1024];

    block_make(bytes);
    ck_assert_uint_eq(bytes[510], bytes[1022]);
    ck_assert_ptr_null(ntfs_fixup(bytes, 1024, "INDX"));
    ck_assert_uint_eq(bytes[510], 1);
    ck_assert_uint_eq(bytes[511], 2);
    ck_assert_uint_eq(bytes[1022], 3);
    ck_assert_uint_eq(bytes[1023], 4);
}
END_TEST

static const struct {
    const char *what;
    unsigned at;
    uint8_t bytes[2];
    const char *said;           /* NULL: still good */
} blocks[] = {
    { "another mark", 0, { 'J', 'N' }, "begin with its mark" },
    { "first part torn", 510, { 0x5a, 0x02 }, "not written whole" },
    { "last part torn", 1022, { 0, 0 }, "not written whole" },
    { "its number torn", 40, { 0x5b, 0x01 }, "not written whole" },
    { "too few", 6, { 2, 0 }, "fewer fixups" },
    { "none", 6, { 0, 0 }, "fewer fixups" },
    { "too many is no matter", 6, { 0xff, 0xff }, NULL },
    { "in the mark", 4, { 0, 0 }, "outside of the head" },
    { "on the guarded bytes", 4, { 0xfa, 1 }, "outside of the head" },
    { "just before those", 4, { 0xf8, 1 }, "not written whole" },
    { "past the block", 4, { 0xff, 0xff }, "outside of the head" },
};

START_TEST(checks_fixups)
{
    uint8_t bytes[1024];
    const char *wrong;

    block_make(bytes);
    memcpy(bytes + blocks[_i].at, blocks[_i].bytes, 2);
    wrong = ntfs_fixup(bytes, 1024, "INDX");
    if (blocks[_i].said)
        ck_assert_msg(wrong && strstr(wrong, blocks[_i].said), "%s: %s",
                      blocks[_i].what, wrong);
    else
        ck_assert_msg(!wrong, "%s: %s", blocks[_i].what, wrong);
}
END_TEST

START_TEST(names_a_block_known_as_bad)
{
    uint8_t bytes[1024];

    block_make(bytes);
    memcpy(bytes, "BAAD", 4);
    ck_assert_ptr_nonnull(strstr(ntfs_fixup(bytes, 1024, "FILE"),
                                 "found damaged before"));
}
END_TEST

/* --------------------------------------------------------------- records */

START_TEST(gets_records)
{
    struct ntfs_volume *vol;
    struct ntfs_record *record;
    uint64_t file, extension;

    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "file");
    extension = ntfsimage_extension(&image, file);
    ntfsimage_record(&image, 40)[0x10] = 0;
    mount(NULL);
    vol = ntfsimage_volume(&image);

    ck_assert_int_eq(ntfs_record_get(vol, file, &record), 0);
    ck_assert_uint_eq(record->number, file);
    ck_assert_uint_eq(record->at, ntfsimage_place(&image, file));
    ck_assert_uint_eq(record->sequence, 1);
    ck_assert_uint_eq(record->flags, NTFS_RECORD_IN_USE);
    ck_assert_uint_eq(record->base, 0);
    ck_assert_mem_eq(record->bytes + record->attrs,
                     ntfsimage_record(&image, file) + record->attrs,
                     record->used - record->attrs);
    ntfs_record_put(vol, record);
    ck_assert_int_eq(ntfs_record_get(vol, extension, &record), 0);
    ck_assert_uint_eq(record->base, file | UINT64_C(1) << 48);
    ntfs_record_put(vol, record);
    ntfs_record_put(vol, NULL);

    ck_assert_int_eq(get(40), SHALE_ESTALE);    /* zeros */
    ck_assert_int_eq(get(63), SHALE_ESTALE);
    ck_assert_int_eq(get(64), SHALE_ESTALE);    /* behind the last */
    ck_assert_int_eq(get(UINT64_MAX), SHALE_ESTALE);
    ck_assert_str_eq(image.v.said, "");
    done();
}
END_TEST

START_TEST(follows_references)
{
    struct ntfs_volume *vol;
    struct ntfs_record *record;
    uint64_t file, extension, unused;
    const uint64_t sequence = UINT64_C(1) << 48;

    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "file");
    extension = ntfsimage_extension(&image, file);
    unused = ntfsimage_file(&image, NTFS_ROOT, "gone");
    ntfsimage_record(&image, unused)[0x16] = 0;
    mount(NULL);
    vol = ntfsimage_volume(&image);
    ck_assert_int_eq(ntfs_record_by_reference(vol, file | sequence, &record),
                     0);
    ntfs_record_put(vol, record);
    ck_assert_int_eq(ntfs_record_by_reference(vol, file, &record), 0);
    ntfs_record_put(vol, record);
    ck_assert_int_eq(ntfs_record_by_reference(vol, file | 2 * sequence,
                                              &record), SHALE_ESTALE);
    ck_assert_int_eq(ntfs_record_by_reference(vol, extension, &record),
                     SHALE_ESTALE);
    ck_assert_int_eq(ntfs_record_by_reference(vol, unused, &record),
                     SHALE_ESTALE);
    ck_assert_int_eq(get(unused), 0);
    done();
}
END_TEST

static const struct {
    const char *what;
    unsigned at;
    uint32_t value;
    unsigned width;
    const char *said;
} heads[] = {
    { "more in use than there is", 0x18, 1025, 4, "more of a record" },
    { "all ones in use", 0x18, UINT32_MAX, 4, "more of a record" },
    { "attributes in the head", 0x14, 41, 2, "not in it" },
    { "attributes behind the end", 0x14, 0xffff, 2, "not in it" },
    { "nothing in use", 0x18, 0, 4, "not in it" },
};

START_TEST(checks_heads)
{
    uint64_t file;

    ntfsimage_init(&image, NULL);
    file = ntfsimage_file(&image, NTFS_ROOT, "file");
    for (unsigned i = 0; i < heads[_i].width; i++)
        ntfsimage_record(&image, file)[heads[_i].at + i] =
            (uint8_t)(heads[_i].value >> 8 * i);
    mount(NULL);
    ck_assert_int_eq(get(file), SHALE_ECORRUPT);
    ck_assert_msg(strstr(image.v.said, heads[_i].said), "%s: %s",
                  heads[_i].what, image.v.said);
    done();
}
END_TEST

/* ------------------------------------------------------------- the mirror */

/* Each of the first four is read from the mirror where it is damaged. */
START_TEST(uses_the_mirror)
{
    ntfsimage_init(&image, NULL);
    ntfsimage_finish(&image);
    image.bytes[ntfsimage_place(&image, (uint64_t)_i) + 1022] ^= 0xff;
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
    ck_assert_int_eq(get((uint64_t)_i), 0);
    ck_assert_uint_eq(image.v.events, 1);       /* one warning */
    ck_assert_str_eq(image.v.said, "");
    ck_assert_uint_eq(ntfsimage_volume(&image)->major, 3);
    done();
}
END_TEST

/* Want of memory says nothing about the mirror: who has some asks again. */
START_TEST(needs_memory_for_the_mirror)
{
    uint64_t n = 0;
    int err = SHALE_ENOMEM;

    for (; err && n < 50; n++) {
        ntfsimage_init(&image, NULL);
        ntfsimage_finish(&image);
        image.bytes[ntfsimage_place(&image, 1) + 1022] ^= 0xff;
        ck_assert_int_eq(ntfsimage_mount(&image, NULL), 0);
        /* Past the cache, by way of a block in memory. */
        ntfsimage_volume(&image)->cached_end = 0;
        image.v.dev->block_size = 4096;
        shale_mem_fail_at(image.v.mem, n);
        err = get(1);
        ck_assert_msg(!err || err == SHALE_ENOMEM, "%llu: %d",
                      (unsigned long long)n, err);
        shale_mem_fail_at(image.v.mem, UINT64_MAX);
        done();
    }
    ck_assert_int_eq(err, 0);
    ck_assert_uint_gt(n, 1);
}
END_TEST

/* The mirror is worse: nobody looks at it. */
START_TEST(needs_no_mirror)
{
    ntfsimage_init(&image, NULL);
    ntfsimage_finish(&image);
    memset(ntfsimage_cluster(&image, image.mirror_lcn), 0x55, 4096);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
    ck_assert_uint_eq(image.v.events, 0);
    done();
}
END_TEST

/* Both are bad: $MFT is the end, $Volume is not. */
START_TEST(stands_what_both_lack)
{
    const uint64_t number = _i ? NTFS_VOLUME : NTFS_MFT;

    ntfsimage_init(&image, NULL);
    ntfsimage_finish(&image);
    memset(ntfsimage_cluster(&image, image.mirror_lcn), 0, 4096);
    image.bytes[ntfsimage_place(&image, number) + 1022] ^= 0xff;
    if (number == NTFS_MFT) {
        ck_assert_int_eq(ntfsimage_mount(&image, NULL), SHALE_ECORRUPT);
        ck_assert_ptr_nonnull(strstr(image.v.said, "not written whole"));
    } else {
        ck_assert_int_eq(ntfsimage_mount(&image, NULL), 0);
        ck_assert_uint_eq(ntfsimage_volume(&image)->major, 0);
    }
    done();
}
END_TEST

/* What makes the first record useless, though it was written whole. */

static uint8_t *mft_data(void)
{
    return ntfsimage_find(&image, NTFS_MFT, NTFS_DATA, NULL);
}

static void without_data(void)
{
    ntfsimage_remove(&image, NTFS_MFT, NTFS_DATA, NULL);
}

static void of_size_0(void)
{
    memset(mft_data() + 48, 0, 16);
}

static void resident(void)
{
    without_data();
    ntfsimage_resident(&image, NTFS_MFT, NTFS_DATA, NULL, "FILE", 4);
}

static void compressed(void)
{
    mft_data()[12] = 1;
}

static void off_the_volume(void)
{
    const struct ntfs_disk_non_resident *raw =
        (const struct ntfs_disk_non_resident *)mft_data();

    mft_data()[le16_get(raw->runs_offset) + 2] = 0xf0;
}

static void attribute_too_long(void)
{
    mft_data()[4] = 0xf0;
}

static void blank(void)
{
    memset(ntfsimage_record(&image, 0), 0, 1024);
}

static const struct {
    const char *what;
    void (*damage)(void);
    const char *said;
} damages[] = {
    { "without data", without_data, "the MFT has no data" },
    { "of size 0", of_size_0, "the MFT has no records" },
    { "resident", resident, "not in plain clusters" },
    { "compressed", compressed, "not in plain clusters" },
    { "off the volume", off_the_volume, "leaves the volume" },
    { "attribute too long", attribute_too_long, "length that cannot be" },
    { "blank", blank, "first record of the MFT is empty" },
};

START_TEST(bootstraps_by_the_mirror)
{
    uint8_t mirror[4096];

    ntfsimage_init(&image, NULL);
    ntfsimage_finish(&image);
    memcpy(mirror, ntfsimage_cluster(&image, image.mirror_lcn), 4096);
    damages[_i].damage();
    ntfsimage_finish(&image);
    ck_assert_int_eq(ntfsimage_mount(&image, NULL), SHALE_ECORRUPT);
    ck_assert_msg(strstr(image.v.said, damages[_i].said), "%s: %s",
                  damages[_i].what, image.v.said);
    ck_assert_uint_eq(ntfsimage_unmount(&image), 0);

    memcpy(ntfsimage_cluster(&image, image.mirror_lcn), mirror, 4096);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s: %s",
                  damages[_i].what, image.v.said);
    ck_assert_int_eq(get(NTFS_ROOT), 0);
    done();
}
END_TEST

/* ------------------------------------------------------- $MFT in pieces */

/* Records of 1024 bytes in clusters of 512, each in two runs. */
START_TEST(puts_records_together)
{
    static struct ntfsimage_run runs[64];

    for (uint64_t i = 0; i < 64; i++)
        runs[i] = (struct ntfsimage_run){ 900 + i * 37 % 64 * 2, 1 };
    runs[1].lcn = 901;          /* but the first one, by which all begins */
    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .sector = 512, .cluster = 512, .record = 1024, .records = 32,
        .mft = runs, .mft_count = 64,
    });
    mount(NULL);
    ck_assert_uint_eq(ntfsimage_volume(&image)->mft_runs->count, 63);
    for (uint64_t i = 0; i < NTFS_EXTEND; i++)
        ck_assert_msg(get(i) == 0, "%d: %s", (int)i, image.v.said);
    ck_assert_uint_eq(image.v.events, 0);
    done();
}
END_TEST

#define PIECES 6u

static struct ntfsimage_run pieces[PIECES] = {
    { 100, 4 }, { 300, 2 }, { 200, 3 }, { 150, 1 }, { 250, 2 }, { 120, 4 },
};

/*
 * A $MFT whose data is described in its own record, from cluster 0 on, and in
 * extensions: records 12 to 14, which are in the first piece. In the list, and
 * in clusters of its own if FAR.
 */
static void in_pieces(bool far)
{
    uint64_t records[] = { NTFS_MFT, 12, 13, 14 }, vcn = 4;
    uint8_t list[1024];
    size_t len;

    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .sector = 512, .mft = pieces, .mft_count = PIECES,
    });
    ntfsimage_remove(&image, NTFS_MFT, NTFS_DATA, NULL);
    ntfsimage_runs(&image, NTFS_MFT, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .runs = pieces, .count = 1, .size = 16 * 4096,
        .allocated = 16 * 4096,
    });
    for (unsigned i = 1; i < 4; i++) {
        size_t count = i < 3 ? 1 : PIECES - 3;
        const struct ntfsimage_run *run = &pieces[i];

        ntfsimage_begin(&image, records[i], 0);
        memcpy(ntfsimage_record(&image, records[i]) + 0x20, "\0\0\0\0\0\0\1",
               7);
        ntfsimage_runs(&image, records[i], &(struct ntfsimage_piece){
            .type = NTFS_DATA, .first_vcn = vcn, .runs = run, .count = count,
        });
        vcn += run->count;
    }
    len = ntfsimage_list(&image, records, 4, list);
    if (far)
        ntfsimage_data(&image, NTFS_MFT, NTFS_ATTRIBUTE_LIST, NULL, list, len);
    else
        ntfsimage_resident(&image, NTFS_MFT, NTFS_ATTRIBUTE_LIST, NULL, list,
                           len);
}

START_TEST(follows_its_own_list)
{
    uint64_t file = 0;

    in_pieces(_i != 0);
    /* Files all over, in the last piece at last. */
    for (unsigned i = 0; i < 40; i++) {
        file = image.next_record++;
        ntfsimage_begin(&image, file, 0);
    }
    mount(NULL);
    ck_assert_uint_eq(image.v.events, 0);
    ck_assert_uint_eq(ntfsimage_volume(&image)->mft_runs->count, PIECES);
    ck_assert_uint_eq(ntfsimage_volume(&image)->record_count, 64);
    for (uint64_t i = 24; i <= file; i++)
        ck_assert_msg(get(i) == 0, "%d: %s", (int)i, image.v.said);
    done();
}
END_TEST

/* The third piece is not to be found: what is in the first two can be read. */
START_TEST(stands_a_lost_piece)
{
    in_pieces(false);
    memcpy(ntfsimage_record(&image, 13), "BAAD", 4);
    for (uint64_t i = 24; i < 64; i++)
        ntfsimage_begin(&image, i, 0);
    mount(NULL);
    ck_assert_uint_ge(image.v.events, 2);
    for (uint64_t i = 24; i < 64; i++)
        ck_assert_int_eq(get(i), i < 24 ? 0 : SHALE_EIO);
    ck_assert_int_eq(get(NTFS_ROOT), 0);
    ck_assert_int_eq(get(20), SHALE_ESTALE);
    ck_assert_int_eq(get(64), SHALE_ESTALE);
    done();
}
END_TEST

/* An extension that is described by itself only: nothing loops. */
START_TEST(stands_an_extension_in_itself)
{
    uint64_t records[] = { NTFS_MFT, 40 };

    in_pieces(false);
    ntfsimage_remove(&image, NTFS_MFT, NTFS_ATTRIBUTE_LIST, NULL);
    ntfsimage_begin(&image, 40, 0);
    memcpy(ntfsimage_record(&image, 40) + 0x20, "\0\0\0\0\0\0\1", 7);
    ntfsimage_runs(&image, 40, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .first_vcn = 4, .runs = pieces + 1,
        .count = PIECES - 1,
    });
    ntfsimage_list(&image, records, 2, NULL);
    mount(NULL);
    ck_assert_int_eq(get(NTFS_ROOT), 0);
    ck_assert_int_eq(get(40), SHALE_EIO);
    done();
}
END_TEST

/* ------------------------------------------------------------- cut images */

/* The device ends before the volume does, or in the middle of a block. */
START_TEST(reads_as_far_as_it_goes)
{
    size_t size;

    ntfsimage_init(&image, &(struct ntfsimage_shape){
        .sector = 512, .cluster = 512, .clusters = 8192,
    });
    for (uint64_t i = 24; i < 64; i++)
        ntfsimage_begin(&image, i, 0);
    ntfsimage_finish(&image);
    /* The MFT comes first. Cut in the middle of record 40. */
    size = (size_t)ntfsimage_place(&image, 40) + 512;
    ck_assert_int_eq(ntfsimage_mount_part(&image, size, NULL), 0);
    ck_assert_int_eq(get(39), 0);
    image.v.said[0] = '\0';
    ck_assert_int_eq(get(40), SHALE_EIO);
    ck_assert_ptr_nonnull(strstr(image.v.said, "the device ends before it"));
    ck_assert_int_eq(get(41), SHALE_EIO);
    done();
}
END_TEST

/* Every allocation of a mount may fail: nothing is left. */
START_TEST(mount_survives_no_memory)
{
    bool failed = true;
    int err;

    in_pieces(true);
    ntfsimage_finish(&image);
    for (uint64_t n = 0; failed; n++) {
        ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes, image.size),
                         0);
        image.v.type = "ntfs";
        shale_mem_fail_at(image.v.mem, n);
        err = volume_mount(&image.v, NULL);
        failed = shale_mem_failed(image.v.mem);
        ck_assert_msg(err == 0 || (failed && err == SHALE_ENOMEM), "%d: %d",
                      (int)n, err);
        ck_assert_uint_eq(volume_close(&image.v), 0);
    }
    done();
}
END_TEST

/* So may every read: then it fails, or goes on without what was not needed. */
START_TEST(mount_survives_io_errors)
{
    bool failed = true;

    in_pieces(true);
    ntfsimage_finish(&image);
    for (uint64_t n = 0; failed; n++) {
        struct shale_fault_bdev fault;
        int err;

        ck_assert_int_eq(volume_of_bytes(&image.v, image.bytes, image.size),
                         0);
        ck_assert_int_eq(shale_fault_bdev_init(&fault, image.v.dev, NULL,
                                               NULL), 0);
        shale_fault_at(&fault, n, 1, SHALE_EIO);
        image.v.dev = &fault.base;
        image.v.type = "ntfs";
        err = volume_mount(&image.v, NULL);
        failed = shale_fault_failed(&fault);
        ck_assert_msg(err == 0 || (failed && err == SHALE_EIO), "%d: %d, %s",
                      (int)n, err, image.v.said);
        ck_assert_uint_eq(volume_close(&image.v), 0);
        shale_fault_bdev_fini(&fault);
    }
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/record");
    TCase *tc = tcase_create("record");

    tcase_add_test(tc, undoes_fixups);
    tcase_add_loop_test(tc, checks_fixups, 0,
                        sizeof blocks / sizeof blocks[0]);
    tcase_add_test(tc, names_a_block_known_as_bad);
    tcase_add_test(tc, gets_records);
    tcase_add_test(tc, follows_references);
    tcase_add_loop_test(tc, checks_heads, 0, sizeof heads / sizeof heads[0]);
    tcase_add_loop_test(tc, uses_the_mirror, 0, 4);
    tcase_add_test(tc, needs_memory_for_the_mirror);
    tcase_add_test(tc, needs_no_mirror);
    tcase_add_loop_test(tc, stands_what_both_lack, 0, 2);
    tcase_add_loop_test(tc, bootstraps_by_the_mirror, 0,
                        sizeof damages / sizeof damages[0]);
    tcase_add_test(tc, puts_records_together);
    tcase_add_loop_test(tc, follows_its_own_list, 0, 2);
    tcase_add_test(tc, stands_a_lost_piece);
    tcase_add_test(tc, stands_an_extension_in_itself);
    tcase_add_test(tc, reads_as_far_as_it_goes);
    tcase_add_test(tc, mount_survives_no_memory);
    tcase_add_test(tc, mount_survives_io_errors);
    suite_add_tcase(s, tc);
    return s;
}
