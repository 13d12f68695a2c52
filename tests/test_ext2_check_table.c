/* test_ext2_check_table.c - rows in chunks: added, sorted, found */
#include "ext2/check/table.h"
#include "test_check_rig.h"

/* 20 bytes: no power of two, and no multiple of 8. */
struct row {
    uint32_t key, order;
    uint8_t rest[12];
};

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    return ext2_order(x->key, y->key);
}

static uint32_t key_of(unsigned how, uint32_t i, uint32_t count)
{
    switch (how) {
    case 0:
        return i;
    case 1:
        return count - i;
    case 2:
        return i / 7 * 7919 % 1000;
    case 3:
        return 5;
    default:
        return i * 2654435761u;
    }
}

static void fill(struct ext2_table *table, unsigned how, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct row *row = ext2_table_add(table);

        ck_assert_ptr_nonnull(row);
        row->key = key_of(how, i, count);
        row->order = i;
        memset(row->rest, (int)row->key, sizeof row->rest);
    }
    ck_assert_uint_eq(table->count, count);
}

/* Sorted, no row lost, none torn. */
static void is_sorted(const struct ext2_table *table, uint32_t count)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = ext2_table_at(table, i);

        sum += row->order;
        for (size_t k = 0; k < sizeof row->rest; k++)
            ck_assert_uint_eq(row->rest[k], row->key & 0xff);
        if (i > 0) {
            const struct row *before = ext2_table_at(table, i - 1);

            ck_assert_uint_le(before->key, row->key);
        }
    }
    ck_assert_uint_eq(sum, (uint64_t)count * (count - 1) / 2);
}

static int run_sort(struct check *check)
{
    static const uint32_t counts[] = { 1, 2, 3, 203, 204, 205, 5000 };
    struct ext2_table table;

    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        for (unsigned how = 0; how < 5; how++) {
            ext2_table_init(&table, check, sizeof(struct row));
            fill(&table, how, counts[c]);
            ext2_table_sort(&table, compare);
            is_sorted(&table, counts[c]);
            ext2_table_fini(&table);
            ck_assert_uint_eq(table.count, 0);
        }
    }
    return 0;
}

START_TEST(sorts)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_sort), 0);
    rig_close();
}
END_TEST

static size_t find(const struct ext2_table *table, uint32_t key)
{
    const struct row row = { .key = key };

    return ext2_table_find(table, &row, compare);
}

/* Of equal rows the first is found; of none, where it would be. */
static int run_find(struct check *check)
{
    struct ext2_table table;

    ext2_table_init(&table, check, sizeof(struct row));
    ext2_table_sort(&table, compare);
    ck_assert_uint_eq(find(&table, 0), 0);
    for (uint32_t i = 0; i < 3000; i++) {
        struct row *row = ext2_table_add(&table);

        *row = (struct row){ .key = 10 + i / 3 * 2 };
    }
    ck_assert_uint_eq(find(&table, 0), 0);
    ck_assert_uint_eq(find(&table, 10), 0);
    ck_assert_uint_eq(find(&table, 11), 3);
    ck_assert_uint_eq(find(&table, 12), 3);
    ck_assert_uint_eq(find(&table, 2008), 2997);
    ck_assert_uint_eq(find(&table, 2009), 3000);
    ck_assert_uint_eq(find(&table, UINT32_MAX), 3000);
    ext2_table_fini(&table);
    ext2_table_fini(&table);
    return 0;
}

START_TEST(finds_the_first)
{
    rig_open(1);
    ck_assert_int_eq(rig_check(run_find), 0);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("ext2_check_table");
    TCase *t = tcase_create("rows");

    tcase_add_test(t, sorts);
    tcase_add_test(t, finds_the_first);
    suite_add_tcase(s, t);
    return s;
}
