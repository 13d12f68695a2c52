/*
 * test_fat_regressions.c - what other FAT drivers got wrong
 *
 * Each test is named for what must not happen. Those about order cut the power
 * at every moment of a few operations.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fatcheck.h"
#include "fatimage.h"
#include "powercut/cut.h"
#include "run.h"
#include "shale/err.h"
#include "shale/fault.h"
#include "shale/shale.h"
#include "suite.h"

/* The volume of a test, mounted. */
static struct image image;
static struct backend *backend;
static struct run run;
static struct fatcheck check;   /* what is on it */
static const struct lib_options plain;

static void mount(const char *shape)
{
    const struct fat_shape *of = fat_shape_named(shape);

    fatimage_make(&image, of);
    backend = backend_lib(image.bytes, image.size, of->sector, &plain);
    ck_assert_msg(run_init(&run, backend, shape_named(shape)), "%s", run.why);
}

/* Unmount, look at the image, and that is it. */
static void unmount(void)
{
    ck_assert_msg(run_remount(&run), "%s", run.why);
    backend_lib_free(backend);
    run_fini(&run);
    fatimage_free(&image);
}

static void must(enum op_kind kind, const char *path, const char *to,
                 uint64_t a, uint64_t b, uint64_t c)
{
    struct op op = { kind, path ? need_copy(path) : NULL,
                     to ? need_copy(to) : NULL, a, b, c };

    ck_assert_msg(run_op(&run, &op), "%s %s: %s", op_name(kind),
                  path ? path : "", run.why);
    op_free(&op);
}

static uint64_t free_clusters(void)
{
    struct space left;

    ck_assert_int_eq(backend->space(backend, &left), 0);
    return left.bytes / left.unit;
}

/* The order of what reaches the device, for the operations in TEXT. */
static void cut(const char *shape, const char *text)
{
    struct cut_totals totals = { 0 };
    struct image fresh;
    struct cut_settings settings = {
        .shape = shape_named(shape), .image = &fresh, .seed = 1, .sample = 20,
        .totals = &totals,
    };
    struct ops ops = { 0 };
    char why[2000], *copy = need_copy(text);
    FILE *from = fmemopen(copy, strlen(copy), "r");

    ck_assert(from && ops_parse(&ops, from));
    fclose(from);
    free(copy);
    shape_make(&fresh, settings.shape);
    ck_assert_msg(cut_sequence(&settings, &ops, why, sizeof why), "%s: %s",
                  shape, why);
    ck_assert_uint_gt(totals.states, 5);
    image_free(&fresh);
    ops_free(&ops);
}

static const char *const shapes[] = { "fat12", "fat16", "fat32" };

START_TEST(rename_does_not_delete_before_it_writes)
{
    cut(shapes[_i],
        "mkdir /dir - 0 0 0\n"
        "create /old - 0 0 0\n"
        "write /old - 0 2000 1\n"
        "create /dir/victim - 0 0 0\n"
        "write /dir/victim - 0 900 2\n"
        "sync - - 0 0 0\n"
        "rename /old /dir/a%20new%20name%20that%20is%20long 0 0 0\n"
        "writeback - - 0 0 0\n"
        "rename /dir/a%20new%20name%20that%20is%20long /dir/victim 0 0 0\n"
        "writeback - - 0 0 0\n"
        "rename /dir /elsewhere 0 0 0\n"
        "writeback - - 0 0 0\n");
}
END_TEST

START_TEST(a_directory_does_not_go_before_what_has_left_it)
{
    static const char *const sequences[] = {
        "rename /a/f /b/f 0 0 0\n"
        "rename /a/dir /b/dir 0 0 0\n"
        "rmdir /a - 0 0 0\n",

        "mkdir /c - 0 0 0\n"
        "rename /a/f /c/f 0 0 0\n"
        "rename /a/dir /c/dir 0 0 0\n"
        "rename /b /a 0 0 0\n",

        "rename /a/f /b/a%20longer%20name 0 0 0\n"
        "rename /b/a%20longer%20name /a/dir/f 0 0 0\n"
        "rmdir /b - 0 0 0\n",
    };

    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        char text[1000];

        snprintf(text, sizeof text, "%s%s%s",
                 "mkdir /a - 0 0 0\n"
                 "create /a/f - 0 0 0\n"
                 "write /a/f - 0 3000 1\n"
                 "mkdir /a/dir - 0 0 0\n"
                 "create /a/dir/inner - 0 0 0\n"
                 "mkdir /b - 0 0 0\n"
                 "sync - - 0 0 0\n",
                 sequences[i], "writeback - - 0 0 0\n");
        cut(shapes[_i], text);
    }
}
END_TEST

START_TEST(remove_does_not_free_before_it_unlinks)
{
    cut(shapes[_i],
        "create /file - 0 0 0\n"
        "write /file - 0 5000 1\n"
        "mkdir /dir - 0 0 0\n"
        "sync - - 0 0 0\n"
        "unlink /file - 0 0 0\n"
        "rmdir /dir - 0 0 0\n"
        "create /next - 0 0 0\n"
        "write /next - 0 9000 2\n"
        "sync - - 0 0 0\n");
}
END_TEST

START_TEST(a_chain_does_not_lead_to_what_is_not_allocated)
{
    cut(shapes[_i],
        "create /a - 0 0 0\n"
        "append /a - 0 100000 1\n"
        "create /b - 0 0 0\n"
        "append /b - 0 600 2\n"
        "sync - - 0 0 0\n"
        "append /a - 0 60000 3\n"
        "append /b - 0 2000 4\n"
        "append /a - 0 300 5\n"
        "fsync /a - 0 0 0\n");
}
END_TEST

START_TEST(an_unlinked_file_that_is_open_keeps_its_bytes)
{
    mount(shapes[_i]);
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_WRITE, "/file", NULL, 0, 30000, 1);
    must(OP_OPEN, "/file", NULL, 0, 0, 0);
    must(OP_UNLINK, "/file", NULL, 0, 0, 0);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_WRITE, "/file", NULL, 0, 200000, 2);
    must(OP_READ, "@0", NULL, 0, 30000, 0);
    must(OP_APPEND, "@0", NULL, 0, 5000, 3);
    must(OP_TRUNCATE, "@0", NULL, 100, 0, 0);
    must(OP_READ, "@0", NULL, 0, 30000, 0);
    unmount();
}
END_TEST

START_TEST(all_fats_are_updated)
{
    size_t reserved, fat, changed = 0;

    mount("fat16-3fats");
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_WRITE, "/file", NULL, 0, 30000, 1);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    reserved = (size_t)(image.bytes[14] | image.bytes[15] << 8) * 512;
    fat = (size_t)(image.bytes[22] | image.bytes[23] << 8) * 512;
    for (size_t copy = 1; copy < 3; copy++)
        ck_assert(memcmp(image.bytes + reserved,
                         image.bytes + reserved + copy * fat, fat) == 0);
    for (size_t i = 0; i < 60; i++)
        changed += image.bytes[reserved + 6 + 2 * i] != 0;
    ck_assert_uint_gt(changed, 50);
    unmount();
}
END_TEST

START_TEST(every_cluster_of_a_file_is_freed)
{
    uint64_t before;

    mount(shapes[_i]);
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    before = free_clusters();
    must(OP_WRITE, "/file", NULL, 0, 100 * 512, 1);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    ck_assert_uint_eq(free_clusters(), before - 100);
    must(OP_TRUNCATE, "/file", NULL, 7 * 512 + 1, 0, 0);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    ck_assert_uint_eq(free_clusters(), before - 8);
    must(OP_UNLINK, "/file", NULL, 0, 0, 0);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    ck_assert_uint_eq(free_clusters(), before);
    unmount();
}
END_TEST

/* Set the FAT's entry for CLUSTER in all copies. */
static void set_link(uint32_t cluster, uint32_t value)
{
    const uint8_t *b = image.bytes;
    size_t sector = (size_t)(b[11] | b[12] << 8);
    size_t fat = (size_t)(b[22] | b[23] << 8) * sector;

    if (fat == 0)
        fat = (size_t)(b[36] | b[37] << 8) * sector;
    for (unsigned copy = 0; copy < b[16]; copy++) {
        uint8_t *at = image.bytes + (size_t)(b[14] | b[15] << 8) * sector +
                      copy * fat;

        switch (check.bits) {
        case 12:
            at += cluster + cluster / 2;
            if (cluster % 2 == 0) {
                at[0] = (uint8_t)value;
                at[1] = (uint8_t)((at[1] & 0xf0) | value >> 8);
            } else {
                at[0] = (uint8_t)((at[0] & 0x0f) | value << 4);
                at[1] = (uint8_t)(value >> 4);
            }
            break;
        case 16:
            at[2 * cluster] = (uint8_t)value;
            at[2 * cluster + 1] = (uint8_t)(value >> 8);
            break;
        default:
            for (unsigned i = 0; i < 4; i++)
                at[4 * cluster + i] = (uint8_t)(value >> 8 * i);
            break;
        }
    }
}

/* What fatcheck found at PATH, after stop. */
static const struct fatcheck_entry *found(const char *path)
{
    fatcheck_run(&check, image.bytes, image.size);
    for (size_t i = 1; i < check.count; i++)
        if (strcmp(fatcheck_path(&check, &check.entries[i]), path) == 0)
            return &check.entries[i];
    ck_abort_msg("%s is not in the image", path);
    return NULL;
}

static void stop(void)
{
    ck_assert_int_eq(backend->stop(backend), 0);
}

static void start(void)
{
    ck_assert_int_eq(backend->start(backend), 0);
}

START_TEST(the_end_of_a_chain_has_many_values)
{
    for (uint32_t end = 0xff8; end <= 0xfff; end++) {
        const struct fatcheck_entry *entry;
        uint32_t last;

        mount(shapes[_i]);
        must(OP_CREATE, "/file", NULL, 0, 0, 0);
        must(OP_WRITE, "/file", NULL, 0, 1300, 1);
        stop();
        entry = found("/file");
        ck_assert_uint_eq(entry->chain_count, 3);
        last = check.clusters[entry->chain + 2];
        set_link(last, check.bits == 12 ? end :
                       check.bits == 16 ? end | 0xf000 :
                       end | 0x0ffff000);
        start();
        must(OP_READ, "/file", NULL, 0, 2000, 0);
        must(OP_APPEND, "/file", NULL, 0, 2000, 2);
        unmount();
    }
}
END_TEST

START_TEST(a_full_volume_is_not_searched_for_ever)
{
    struct op op = { .kind = OP_APPEND, .path = need_copy("/file"),
                     .b = 600 };
    struct shale_fault_bdev *fault;

    mount("fat32-whole");
    fault = backend_lib_fault(backend);
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_CREATE, "/hog", NULL, 0, 0, 0);
    must(OP_ALLOCATE, "/hog", NULL, 0, free_clusters() * 512, 0);
    ck_assert_uint_eq(free_clusters(), 0);
    ck_assert_int_eq(backend->op(backend, &op, NULL), SHALE_ENOSPC);
    shale_fault_at(fault, 0, 0, 0);
    for (unsigned i = 0; i < 100; i++)
        ck_assert_int_eq(backend->op(backend, &op, NULL), SHALE_ENOSPC);
    ck_assert_uint_le(shale_fault_requests(fault), 100);
    op_free(&op);
    must(OP_TRUNCATE, "/hog", NULL, 0, 0, 0);
    must(OP_APPEND, "/file", NULL, 0, 600, 1);
    unmount();
}
END_TEST

START_TEST(reads_do_not_end_at_a_cluster)
{
    static const struct {
        const char *shape;
        uint64_t cluster;
    } of[] = { { "fat12", 512 }, { "fat12-2k", 2048 }, { "fat16-1024", 1024 },
               { "fat32-4k", 4096 }, { "fat12-4096", 4096 } };
    uint64_t cluster = of[_i].cluster;

    mount(of[_i].shape);
    must(OP_CREATE, "/a", NULL, 0, 0, 0);
    must(OP_CREATE, "/b", NULL, 0, 0, 0);
    /* In pieces, which lie apart. */
    for (unsigned i = 0; i < 12; i++) {
        must(OP_APPEND, "/a", NULL, 0, cluster + i % 3, 2 * i);
        must(OP_APPEND, "/b", NULL, 0, cluster, 2 * i + 1);
        must(OP_SYNC, NULL, NULL, 0, 0, 0);
    }
    for (uint64_t edge = cluster; edge <= 12 * cluster; edge += cluster)
        for (uint64_t before = 0; before < 3; before++)
            for (uint64_t len = 1; len <= 2 * cluster + 1; len += cluster - 1)
                must(OP_READ, "/a", NULL, edge - before, len, 0);
    must(OP_READ, "/a", NULL, 0, 13 * cluster, 0);
    unmount();
}
END_TEST

START_TEST(the_length_of_a_name_is_not_counted_in_bytes)
{
    char path[1100];
    struct op op = { .kind = OP_CREATE, .path = path };

    mount(shapes[_i]);
    /* 255 units of three bytes each. */
    path[0] = '/';
    for (unsigned i = 0; i < 256; i++)
        memcpy(path + 1 + 3 * i, "\xe6\x97\xa5", 3);
    path[1 + 3 * 256] = '\0';
    ck_assert_int_eq(backend->op(backend, &op, NULL), SHALE_ENAMETOOLONG);
    path[1 + 3 * 255] = '\0';
    must(OP_CREATE, path, NULL, 0, 0, 0);
    must(OP_APPEND, path, NULL, 0, 10, 1);
    /* 255 of which most are halves of pairs. */
    for (unsigned i = 0; i < 128; i++)
        memcpy(path + 1 + 4 * i, "\xf0\x9f\x90\x9a", 4);
    path[1 + 4 * 128] = '\0';
    ck_assert_int_eq(backend->op(backend, &op, NULL), SHALE_ENAMETOOLONG);
    strcpy(path + 1 + 4 * 127, "x");
    must(OP_CREATE, path, NULL, 0, 0, 0);
    /* And 255 bytes of ASCII. */
    memset(path + 1, 'n', 256);
    path[257] = '\0';
    ck_assert_int_eq(backend->op(backend, &op, NULL), SHALE_ENAMETOOLONG);
    path[256] = '\0';
    must(OP_CREATE, path, NULL, 0, 0, 0);
    must(OP_COMPARE, NULL, NULL, 0, 0, 0);
    unmount();
}
END_TEST

/* What is done to FSInfo: so many bytes at an offset. */
static const struct {
    const char *what;
    size_t at, len;
    uint8_t byte;
    bool stays;                 /* it is no FSInfo any more, so none is fixed */
} damages[] = {
    { "no signature", 0, 4, 0, true },
    { "no second signature", 484, 4, 0, true },
    { "the count is unknown", 488, 4, 0xff, false },
    { "the count is absurd", 488, 4, 0x7f, false },
    { "the count is 0", 488, 4, 0, false },
    { "the next is unknown", 492, 4, 0xff, false },
    { "the next is absurd", 492, 4, 0x7f, false },
    { "the next is 0", 492, 4, 0, false },
};

START_TEST(a_bad_fsinfo_does_not_fail_the_mount)
{
    uint64_t right;

    mount("fat32-whole");
    right = free_clusters();
    stop();
    memset(image.bytes + 512 + damages[_i].at, damages[_i].byte,
           damages[_i].len);
    start();
    /* A plausible count is believed until it is known better. */
    if (strcmp(damages[_i].what, "the count is 0") != 0)
        ck_assert_msg(free_clusters() == right, "%s: %llu free",
                      damages[_i].what, (unsigned long long)free_clusters());
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_APPEND, "/file", NULL, 0, 5000, 1);
    must(OP_SYNC, NULL, NULL, 0, 0, 0);
    if (damages[_i].stays) {
        stop();
        fatcheck_run(&check, image.bytes, image.size);
        ck_assert_uint_eq(check.count, 2);
        backend_lib_free(backend);
        run_fini(&run);
        fatimage_free(&image);
        return;
    }
    unmount();
}
END_TEST

START_TEST(fat32_may_have_few_clusters)
{
    mount("fat32-small");
    must(OP_MKDIR, "/dir", NULL, 0, 0, 0);
    must(OP_CREATE, "/dir/file", NULL, 0, 0, 0);
    must(OP_APPEND, "/dir/file", NULL, 0, 50000, 1);
    must(OP_REMOUNT, NULL, NULL, 0, 0, 0);
    fatcheck_run(&check, image.bytes, image.size);
    ck_assert_uint_eq(check.bits, 32);
    must(OP_READ, "/dir/file", NULL, 0, 50000, 0);
    unmount();
}
END_TEST

/* A file whose chain comes back to its second cluster, and which says that it
   is as long as files can be. */
static void make_loop(const char *shape)
{
    const struct fatcheck_entry *entry;

    mount(shape);
    must(OP_CREATE, "/file", NULL, 0, 0, 0);
    must(OP_WRITE, "/file", NULL, 0, 5000, 1);
    stop();
    entry = found("/file");
    set_link(check.clusters[entry->chain + entry->chain_count - 1],
             check.clusters[entry->chain + 1]);
    memset(image.bytes + entry->at + 28, 0xff, 4);
    start();
}

START_TEST(a_chain_longer_than_the_volume_ends)
{
    /* More than there are clusters. */
    uint64_t most = (uint64_t)fat_shape_named(shapes[_i])->kib << 10;
    const struct op tries[] = {
        { OP_READ, (char[]){ "/file" }, NULL, 4000000000u, 100, 0 },
        { OP_READ, (char[]){ "/file" }, NULL, 0, most, 0 },
        { OP_WRITE, (char[]){ "/file" }, NULL, 4000000000u, 100, 0 },
        { OP_TRUNCATE, (char[]){ "/file" }, NULL, 3000000000u, 0, 0 },
        { OP_TRUNCATE, (char[]){ "/file" }, NULL, 0, 0, 0 },
        { OP_UNLINK, (char[]){ "/file" }, NULL, 0, 0, 0 },
    };
    uint8_t *buf = need((size_t)most);

    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        int64_t got;

        make_loop(shapes[_i]);
        got = backend->op(backend, &tries[i], buf);
        /* Removing it can be done; the rest cannot. */
        ck_assert_msg(got < 0 || i >= 3, "%s gave %lld",
                      op_name(tries[i].kind), (long long)got);
        backend->stop(backend);
        backend_lib_free(backend);
        run_fini(&run);
        fatimage_free(&image);
    }
    free(buf);
}
END_TEST

static void count_one(void *context, const struct seen *seen)
{
    unsigned long *count = context;

    (void)seen;
    ++*count;
}

START_TEST(a_directory_larger_than_any_sane_size_ends)
{
    struct op op = { .kind = OP_CREATE, .path = need_copy("/dir/new") };
    const struct fatcheck_entry *entry;
    unsigned long count = 0;

    mount(shapes[_i]);
    must(OP_MKDIR, "/dir", NULL, 0, 0, 0);
    /* With the dots, three clusters full of slots, and no end in them. */
    for (unsigned i = 0; i < 3 * 16 - 2; i++) {
        char path[80];

        snprintf(path, sizeof path, "/dir/F%u", i);
        must(OP_CREATE, path, NULL, 0, 0, 0);
    }
    stop();
    entry = found("/dir");
    ck_assert_uint_eq(entry->chain_count, 3);
    /* From its end back to its second cluster, for ever. */
    set_link(check.clusters[entry->chain + entry->chain_count - 1],
             check.clusters[entry->chain + 1]);
    start();
    ck_assert_int_eq(backend->list(backend, "/dir", count_one, &count),
                     SHALE_ECORRUPT);
    ck_assert_uint_le(count, 65536);
    ck_assert_int_lt(backend->op(backend, &op, NULL), 0);
    op_free(&op);
    backend->stop(backend);
    backend_lib_free(backend);
    run_fini(&run);
    fatimage_free(&image);
}
END_TEST

START_TEST(a_directory_has_no_more_than_65536_entries)
{
    char path[400], said[400];
    struct op op = { .kind = OP_CREATE, .path = path };
    int64_t got = 0;
    unsigned made = 0;

    mount("fat32-whole");
    must(OP_MKDIR, "/dir", NULL, 0, 0, 0);
    while (got == 0 && made < 4000) {
        snprintf(path, sizeof path, "/dir/%0250u", made);
        got = backend->op(backend, &op, NULL);
        made += got == 0;
    }
    ck_assert_int_eq(got, SHALE_ENOSPC);
    ck_assert_uint_gt(made, 65536 / 21 - 40);
    ck_assert_uint_le(made, 65536 / 21);
    stop();
    ck_assert_msg(fatimage_fsck(&image, said, sizeof said) == 0, "%s", said);
    ck_assert_uint_eq(fatcheck_run(&check, image.bytes, image.size), 0);
    ck_assert_uint_eq(check.count, made + 2);
    backend_lib_free(backend);
    run_fini(&run);
    fatimage_free(&image);
}
END_TEST

START_TEST(the_root_of_fat16_ends_and_nothing_changes)
{
    uint64_t before;
    int64_t got = 0;
    char path[80];
    struct op op = { .kind = OP_CREATE, .path = path };
    unsigned made = 0;

    mount("fat16-2k");
    while (made < 600) {
        struct op again;

        snprintf(path, sizeof path, "/file.%u", made);
        got = backend->op(backend, &op, NULL);
        if (got != 0)
            break;
        again = op;
        model_op(&run.model, &again, true, 0);
        made++;
    }
    ck_assert_int_eq(got, SHALE_ENOSPC);
    ck_assert_uint_eq(made, 512);
    before = free_clusters();
    op.kind = OP_MKDIR;
    ck_assert_int_eq(backend->op(backend, &op, NULL), SHALE_ENOSPC);
    ck_assert_uint_eq(free_clusters(), before);
    unmount();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("fat/regressions");
    TCase *tc = tcase_create("named");

    if (!fatimage_possible()) {
        puts("skipped: needs mkfs.fat and fsck.fat");
        return s;
    }
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, rename_does_not_delete_before_it_writes, 0, 3);
    tcase_add_loop_test(tc, a_directory_does_not_go_before_what_has_left_it, 0,
                        3);
    tcase_add_loop_test(tc, remove_does_not_free_before_it_unlinks, 0, 3);
    tcase_add_loop_test(tc, a_chain_does_not_lead_to_what_is_not_allocated, 0,
                        3);
    tcase_add_loop_test(tc, an_unlinked_file_that_is_open_keeps_its_bytes, 0,
                        3);
    tcase_add_test(tc, all_fats_are_updated);
    tcase_add_loop_test(tc, every_cluster_of_a_file_is_freed, 0, 3);
    tcase_add_loop_test(tc, the_end_of_a_chain_has_many_values, 0, 3);
    tcase_add_test(tc, a_full_volume_is_not_searched_for_ever);
    tcase_add_loop_test(tc, reads_do_not_end_at_a_cluster, 0, 5);
    tcase_add_loop_test(tc, the_length_of_a_name_is_not_counted_in_bytes, 0,
                        3);
    tcase_add_loop_test(tc, a_bad_fsinfo_does_not_fail_the_mount, 0,
                        sizeof damages / sizeof damages[0]);
    tcase_add_test(tc, fat32_may_have_few_clusters);
    tcase_add_loop_test(tc, a_chain_longer_than_the_volume_ends, 0, 3);
    tcase_add_loop_test(tc, a_directory_larger_than_any_sane_size_ends, 0, 3);
    tcase_add_test(tc, a_directory_has_no_more_than_65536_entries);
    tcase_add_test(tc, the_root_of_fat16_ends_and_nothing_changes);
    suite_add_tcase(s, tc);
    return s;
}
