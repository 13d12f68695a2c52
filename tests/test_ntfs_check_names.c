/*
 * test_ntfs_check_names.c - what patches of a golden image cannot show: how
 * often something is told, and names that do not agree in great numbers
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "le.h"
#include "ntfs/disk.h"
#include "shale/check.h"
#include "suite.h"
#include "volume.h"

enum {
    RECORD = 1024, MFT_AT = 32 * 512,   /* of ntfs-small */
    HELLO = 64,                 /* the file that all entries will lead to */
    MANY_AT = 6193 * 512,       /* blocks of the index of /many */
    BLOCKS = 3, BLOCK = 4096,
    SIDES = 144 / 4,            /* that are compared at a time: see pairs.c */
};

static struct golden image;

/* What came of a check. */
static struct {
    uint64_t stray, unlisted, order, list_record;
} told;

static int on_finding(void *context, const struct shale_finding *finding)
{
    const char *code = finding->code->name;

    (void)context;
    told.stray += !strcmp(code, "ntfs.entry.stray");
    told.unlisted += !strcmp(code, "ntfs.name.unlisted");
    told.order += !strcmp(code, "ntfs.index.order");
    told.list_record += !strcmp(code, "ntfs.list.record");
    ck_assert_uint_ne(finding->at, SHALE_NOWHERE);
    return 0;
}

static void ask(void)
{
    struct shale_check_result result;
    struct shale_check_config config = {
        .checkers = shale_all_checkers, .finding = on_finding,
    };
    struct volume v;

    memset(&told, 0, sizeof told);
    ck_assert_int_eq(volume_of_bytes(&v, image.bytes, image.size), 0);
    config.dev = v.dev;
    config.mem = v.mem;
    ck_assert_int_eq(shale_check(&config, &result), 0);
    ck_assert(result.complete);
    ck_assert_uint_eq(volume_close(&v), 0);
}

/* Call EACH for every entry with a key of these blocks. Nothing of an entry
   that is changed here lies on a fixup. */
static void for_entries(void (*each)(struct ntfs_disk_entry *entry))
{
    for (unsigned i = 0; i < BLOCKS; i++) {
        uint8_t *block = image.bytes + MANY_AT + i * (size_t)BLOCK;
        uint8_t *node = block + offsetof(struct ntfs_disk_index_block, node);
        uint8_t *at = node + le32_load(node);
        struct ntfs_disk_entry *entry = (void *)at;

        ck_assert_int_eq(memcmp(block, "INDX", 4), 0);
        while (!(le16_get(entry->flags) & NTFS_ENTRY_LAST)) {
            each(entry);
            at += le16_get(entry->length);
            entry = (void *)at;
        }
    }
}

static unsigned redirected;

static void redirect(struct ntfs_disk_entry *entry)
{
    uint64_t number = NTFS_REFERENCE_NUMBER(le64_get(entry->reference));

    if (number <= HELLO)
        return;
    entry->reference = le64_make(HELLO | (uint64_t)1 << 48);
    redirected++;
}

/* More names of one file do not agree than are compared at a time. */
START_TEST(all_lead_to_one)
{
    golden_load(&image, "ntfs-small");
    redirected = 0;
    for_entries(redirect);
    ck_assert_uint_gt(redirected, SIDES);
    ask();
    ck_assert_uint_eq(told.stray, redirected);
    ck_assert_uint_eq(told.unlisted, redirected);
    golden_free(&image);
}
END_TEST

static void rename_it(struct ntfs_disk_entry *entry)
{
    uint8_t *name = (uint8_t *)(entry + 1) + sizeof(struct ntfs_disk_name);

    redirect(entry);
    /* "a file among many 17" */
    if (le16_get(entry->key_length) ==
        sizeof(struct ntfs_disk_name) + 2 * 20) {
        name[2 * 18] = '1';
        name[2 * 19] = '1';
    }
}

/* ... and most of them are the same, so that no hash tells them apart. */
START_TEST(all_are_one)
{
    golden_load(&image, "ntfs-small");
    redirected = 0;
    for_entries(rename_it);
    ask();
    ck_assert_uint_gt(told.stray, SIDES);
    ck_assert_uint_gt(told.order, 20);
    golden_free(&image);
}
END_TEST

/* Several entries of a list lead to a record of another file: it is one. */
START_TEST(lost_record_once)
{
    struct ntfs_disk_record *record;

    golden_load(&image, "ntfs-small");
    record = (void *)(image.bytes + MFT_AT + 99 * RECORD);
    ck_assert_uint_ne(le64_get(record->base), 0);
    record->base = le64_make(HELLO | (uint64_t)1 << 48);
    ask();
    ck_assert_uint_eq(told.list_record, 1);
    golden_free(&image);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ntfs/check/names");
    TCase *tc = tcase_create("names");

    tcase_add_test(tc, all_lead_to_one);
    tcase_add_test(tc, all_are_one);
    tcase_add_test(tc, lost_record_once);
    suite_add_tcase(s, tc);
    return s;
}
