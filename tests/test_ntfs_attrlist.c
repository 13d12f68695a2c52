/* test_ntfs_attrlist.c - files in several records, and those who lie of it */
#include <stdio.h>
#include <stdlib.h>

#include "ntfsimage.h"
#include "suite.h"

#define LIST_ROOM 65536u

static struct ntfsimage image;
static uint64_t base, one, two; /* records of a file */

/*
 * A file of three records. The base has its times and name; `one` the streams
 * "a" and "b" and the first piece of the data, `two` "c" and the second.
 */
static void make(void)
{
    const struct ntfsimage_run first = { 300, 4 }, second = { 200, 2 };

    ntfsimage_init(&image, NULL);
    base = ntfsimage_file(&image, NTFS_ROOT, "file");
    one = ntfsimage_extension(&image, base);
    two = ntfsimage_extension(&image, base);
    ntfsimage_resident(&image, one, NTFS_DATA, "a", "stream a", 8);
    ntfsimage_resident(&image, one, NTFS_DATA, "b", "stream b", 8);
    ntfsimage_runs(&image, one, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .runs = &first, .count = 1, .size = 6 * 4096,
        .allocated = 6 * 4096,
    });
    ntfsimage_resident(&image, two, NTFS_DATA, "c", "stream c", 8);
    ntfsimage_runs(&image, two, &(struct ntfsimage_piece){
        .type = NTFS_DATA, .first_vcn = 4, .runs = &second, .count = 1,
    });
    for (unsigned i = 0; i < 4 * 4096; i++)
        ntfsimage_cluster(&image, 300)[i] = (uint8_t)(i / 7 + 1);
    for (unsigned i = 0; i < 2 * 4096; i++)
        ntfsimage_cluster(&image, 200)[i] = (uint8_t)(i / 5 + 9);
}

static size_t list(uint8_t *to)
{
    return ntfsimage_list(&image, (uint64_t[]){ base, one, two }, 3, to);
}

static void mount(void)
{
    ntfsimage_finish(&image);
    ck_assert_msg(ntfsimage_mount(&image, NULL) == 0, "%s", image.v.said);
}

static void done(void)
{
    ck_assert_uint_eq(ntfsimage_close(&image), 0);
}

/* Open the stream NAME (one unit, or 0) of the file. */
static int open_stream(uint16_t name, struct ntfs_stream *out)
{
    struct ntfs_volume *vol = ntfsimage_volume(&image);
    struct ntfs_record *record;
    int found = ntfs_record_get(vol, base, &record);

    ck_assert_int_eq(found, 0);
    found = ntfs_stream_open(vol, record, NTFS_DATA, &name, name != 0, out);
    ntfs_record_put(vol, record);
    return found;
}

/* What a walk comes to: a letter for each, '!' for an error. */
static const char *walk(uint32_t only)
{
    static char text[64];
    struct ntfs_volume *vol = ntfsimage_volume(&image);
    struct ntfs_record *record;
    struct ntfs_walk w;
    const struct ntfs_attr *attr = &w.attr;
    size_t len = 0;
    int found;

    ck_assert_int_eq(ntfs_record_get(vol, base, &record), 0);
    found = ntfs_walk_begin(vol, record, only, &w);
    if (found) {
        ntfs_record_put(vol, record);
        return "begin";
    }
    while ((found = ntfs_walk_next(&w)) != 0 && len < 60) {
        if (found < 0)
            text[len++] = '!';
        else if (attr->name_length > 0)
            text[len++] = (char)attr->name[0];
        else if (attr->type == NTFS_DATA)
            text[len++] = attr->first_vcn ? '2' : '1';
        else
            text[len++] = attr->type == NTFS_FILE_NAME ? 'N' : 'S';
    }
    text[len] = '\0';
    ntfs_walk_end(&w);
    ntfs_record_put(vol, record);
    return text;
}

/* ----------------------------------------------------------------- sound */

/* The list is in the record, or in clusters; or there is none. */
START_TEST(walks)
{
    uint8_t *bytes = malloc(LIST_ROOM);
    const char *all = "SN12abc", *data = "12abc";

    make();
    if (_i == 0) {
        list(NULL);
    } else if (_i == 1) {
        size_t len = list(bytes);

        ntfsimage_data(&image, base, NTFS_ATTRIBUTE_LIST, NULL, bytes, len);
    } else {
        all = "SN";
        data = "";
    }
    mount();
    ck_assert_str_eq(walk(0), all);
    ck_assert_str_eq(walk(NTFS_DATA), data);
    ck_assert_str_eq(walk(NTFS_FILE_NAME), "N");
    ck_assert_str_eq(walk(NTFS_OBJECT_ID), "");
    ck_assert_uint_eq(image.v.events, 0);
    free(bytes);
    done();
}
END_TEST

START_TEST(opens_streams)
{
    struct ntfs_volume *vol;
    struct ntfs_stream stream;
    uint8_t *got = malloc(6 * 4096);

    make();
    list(NULL);
    mount();
    vol = ntfsimage_volume(&image);
    ck_assert_int_eq(open_stream(0, &stream), 1);
    ck_assert_uint_eq(stream.ino, base);
    ck_assert_uint_eq(stream.size, 6 * 4096);
    ck_assert_int_eq(ntfs_stream_read(vol, &stream, 0, got, 6 * 4096), 0);
    ck_assert_mem_eq(got, ntfsimage_cluster(&image, 300), 4 * 4096);
    ck_assert_mem_eq(got + 4 * 4096, ntfsimage_cluster(&image, 200), 2 * 4096);
    ntfs_stream_close(vol, &stream);
    for (uint16_t name = 'a'; name <= 'c'; name++) {
        char want[9];

        snprintf(want, sizeof want, "stream %c", (char)name);
        ck_assert_int_eq(open_stream(name, &stream), 1);
        ck_assert_int_eq(ntfs_stream_read(vol, &stream, 0, got, 8), 0);
        ck_assert_mem_eq(got, want, 8);
        ntfs_stream_close(vol, &stream);
    }
    ck_assert_int_eq(open_stream('A', &stream), 0);
    ck_assert_int_eq(open_stream('d', &stream), 0);
    free(got);
    done();
}
END_TEST

/* Two attributes of a file may have one id, if they are in two records. */
START_TEST(tells_equal_ids_apart)
{
    struct ntfs_stream stream;
    uint8_t *attr, got[8];

    make();
    attr = ntfsimage_find(&image, one, NTFS_DATA, "a");
    memcpy(ntfsimage_find(&image, two, NTFS_DATA, "c") + 14, attr + 14, 2);
    list(NULL);
    mount();
    ck_assert_int_eq(open_stream('c', &stream), 1);
    ck_assert_int_eq(ntfs_stream_read(ntfsimage_volume(&image), &stream, 0,
                                      got, 8), 0);
    ck_assert_mem_eq(got, "stream c", 8);
    ntfs_stream_close(ntfsimage_volume(&image), &stream);
    done();
}
END_TEST

/* ----------------------------------------------------------------- damage */

static void number_16(uint64_t number, unsigned at, unsigned value)
{
    uint8_t *record = ntfsimage_record(&image, number);

    record[at] = (uint8_t)value;
    record[at + 1] = (uint8_t)(value >> 8);
}

static void reused(void)
{
    number_16(one, 0x10, 2);
}

static void not_in_use(void)
{
    number_16(one, 0x16, 0);
}

static void another_file(void)
{
    number_16(one, 0x20, 5);
}

static void a_former_file(void)
{
    number_16(one, 0x26, 2);
}

static void no_extension(void)
{
    memset(ntfsimage_record(&image, one) + 0x20, 0, 8);
}

static void blank(void)
{
    memset(ntfsimage_record(&image, one), 0, 1024);
}

static void torn(void)
{
    number_16(one, 6, 1);
}

static void other_ids(void)
{
    ntfsimage_find(&image, one, NTFS_DATA, "a")[14] = 99;
}

/* What is wrong with the record `one`, once the list is made. */
static const struct {
    const char *what;
    void (*damage)(void);
    const char *walk, *said;
} damages[] = {
    { "reused", reused, "SN!2!!c", "has been reused" },
    { "not in use", not_in_use, "SN!2!!c", "is not in use" },
    { "another file's", another_file, "SN!2!!c", "is another file's" },
    { "a former file's", a_former_file, "SN!2!!c", "is a former file's" },
    { "no extension", no_extension, "SN!2!!c", "is another file's" },
    { "blank", blank, "SN!2!!c", "does not exist" },
    { "torn", torn, "SN!2!!c", "fewer fixups" },
    { "other ids", other_ids, "SN12!bc", "that is not there" },
};

/* A walk goes on behind what it cannot read. */
START_TEST(checks_extensions)
{
    make();
    list(NULL);
    damages[_i].damage();
    mount();
    ck_assert_msg(strcmp(walk(0), damages[_i].walk) == 0, "%s: %s",
                  damages[_i].what, walk(0));
    ck_assert_msg(strstr(image.v.said, damages[_i].said), "%s: %s",
                  damages[_i].what, image.v.said);
    done();
}
END_TEST

/* Numbers in the list, of 5 entries without a name and 3 with one. */
static const struct {
    const char *what;
    unsigned at;
    uint8_t value;
    const char *walk, *said;
} entries[] = {
    { "length of 0", 4, 0, "!", "length that cannot be" },
    { "length of a head less one", 4, 25, "!", "length that cannot be" },
    { "length past the end", 5, 255, "!", "length that cannot be" },
    { "name past the entry", 6, 4, "!", "a name runs past" },
    { "an extension that is none", 64 + 16, 63, "SN!2abc",
      "does not exist" },
    { "far behind the MFT", 64 + 19, 63, "SN!2abc", "does not exist" },
    { "an attribute list in the list", 32, 0x20, "S12abc", "" },
    { "another VCN", 64 + 8, 1, "SN!2abc", "that is not there" },
    { "another type", 64, 0xf0, "SN!2abc", "that is not there" },
    { "the base where it is not", 64 + 16, 24, "SN!2abc",
      "that is not there" },
};

START_TEST(checks_entries)
{
    uint8_t *bytes = malloc(LIST_ROOM);
    size_t len;

    make();
    len = list(bytes);
    ck_assert_uint_eq(len, 7 * 32);
    ck_assert_uint_eq(base, 24);
    bytes[entries[_i].at] = entries[_i].value;
    ntfsimage_resident(&image, base, NTFS_ATTRIBUTE_LIST, NULL, bytes, len);
    mount();
    ck_assert_msg(strcmp(walk(0), entries[_i].walk) == 0, "%s: %s",
                  entries[_i].what, walk(0));
    ck_assert_msg(strstr(image.v.said, entries[_i].said), "%s: %s",
                  entries[_i].what, image.v.said);
    free(bytes);
    done();
}
END_TEST

/* Cut in, before or behind an entry: the list is read as far as it goes. */
START_TEST(stands_a_cut_list)
{
    uint8_t *bytes = malloc(LIST_ROOM);

    for (size_t len = 1; len < 7 * 32; len += len % 32 % 31 ? 10 : 1) {
        make();
        list(bytes);
        ntfsimage_resident(&image, base, NTFS_ATTRIBUTE_LIST, NULL, bytes,
                           len);
        mount();
        ck_assert_uint_eq(strlen(walk(0)), (len + 31) / 32);
        ck_assert(!strchr(walk(0), '!') == (len % 32 == 0));
        done();
    }
    free(bytes);
}
END_TEST

/* A list of no bytes, and one of more than 256 KiB. */
START_TEST(checks_the_size)
{
    const struct ntfsimage_run run = { 100, 65 };

    make();
    if (_i == 0)
        ntfsimage_resident(&image, base, NTFS_ATTRIBUTE_LIST, NULL, NULL, 0);
    else
        ntfsimage_runs(&image, base, &(struct ntfsimage_piece){
            .type = NTFS_ATTRIBUTE_LIST, .runs = &run, .count = 1,
            .size = (256 << 10) + 1,
        });
    mount();
    ck_assert_str_eq(walk(0), "begin");
    ck_assert_ptr_nonnull(strstr(image.v.said, _i == 0 ? "of no length" :
                                 "longer than one of its kind"));
    done();
}
END_TEST

/*
 * The largest list, in which each entry leads to another record than the one
 * before: an answer, and soon.
 */
START_TEST(bounds_its_work)
{
    const size_t size = 256 << 10;
    uint8_t *bytes = malloc(size + LIST_ROOM);
    struct ntfs_stream stream;

    make();
    list(bytes);
    for (size_t at = 0; at + 64 <= size; at += 64) {
        memmove(bytes + at, bytes + 64, 64);    /* the pieces of the data */
        memcpy(bytes + at + 64, bytes + at, 64);
    }
    ntfsimage_data(&image, base, NTFS_ATTRIBUTE_LIST, NULL, bytes, size);
    mount();
    ck_assert_int_eq(open_stream(0, &stream), SHALE_ECORRUPT);
    ck_assert_uint_eq(strlen(walk(0)), 60);
    ck_assert_int_eq(open_stream('x', &stream), 0);
    free(bytes);
    done();
}
END_TEST

/* A deleted file: its records are not in use, and have been counted up; one of
   them may be another file's now. */
START_TEST(walks_deleted_files)
{
    make();
    list(NULL);
    number_16(base, 0x10, 2);
    number_16(base, 0x16, 0);
    number_16(one, 0x10, 2);
    number_16(one, 0x16, 0);
    if (_i == 0)
        number_16(two, 0x16, 0);
    number_16(two, 0x10, 2);
    mount();
    ck_assert_str_eq(walk(0), _i == 0 ? "SN12abc" : "SN1!ab!");
    done();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/attrlist");
    TCase *tc = tcase_create("attrlist");

    tcase_add_loop_test(tc, walks, 0, 3);
    tcase_add_test(tc, opens_streams);
    tcase_add_test(tc, tells_equal_ids_apart);
    tcase_add_loop_test(tc, checks_extensions, 0,
                        sizeof damages / sizeof damages[0]);
    tcase_add_loop_test(tc, checks_entries, 0,
                        sizeof entries / sizeof entries[0]);
    tcase_add_test(tc, stands_a_cut_list);
    tcase_add_loop_test(tc, checks_the_size, 0, 2);
    tcase_add_test(tc, bounds_its_work);
    tcase_add_loop_test(tc, walks_deleted_files, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
