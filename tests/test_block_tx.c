/* test_block_tx.c - transactions: whole or not at all */
#include "test_block_cache.h"

static void setup(void)
{
    rig_open(64);
}

static void teardown(void)
{
    rig_close();
}

static void change(uint64_t block, size_t at, uint8_t byte)
{
    struct shale_buf *buf = rig_get(block);

    ck_assert_int_eq(shale_tx_change(rig.tx, buf, SHALE_RANK_NODE), 0);
    buf->data[at] = byte;
    shale_buf_put(buf);
}

static void change_late(uint64_t block, size_t at, uint8_t byte)
{
    struct shale_buf *buf = rig_get(block);

    ck_assert_int_eq(shale_tx_change_late(rig.tx, buf, at, 1,
                                          SHALE_RANK_NODE), 0);
    buf->data[at] = byte;
    shale_buf_put(buf);
}

/* -------------------------------------------------------- commit and undo */

START_TEST(commit_is_dirty_undo_is_not)
{
    ck_assert(!shale_tx_dirty(rig.tx));
    shale_tx_begin(rig.tx);
    change(3, 0, 0xaa);
    ck_assert(!shale_tx_dirty(rig.tx));
    shale_tx_undo(rig.tx);
    ck_assert(!shale_tx_dirty(rig.tx));
    rig_touch(3);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), RIG_BLOCK);

    shale_tx_begin(rig.tx);
    change(3, 0, 0xaa);
    change(4, 0, 0xaa);
    shale_tx_commit(rig.tx);
    ck_assert_uint_eq(shale_tx_dirty_bytes(rig.tx), 2 * RIG_BLOCK);
    ck_assert_uint_eq(rig_stats().dirty, 2);
    ck_assert_uint_eq(rig_stats().pinned, 0);
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), 0);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK], 0xaa);
}
END_TEST

/* A block that is dirty goes back to what the batch had, and stays dirty. */
START_TEST(undo_goes_back_to_the_commit)
{
    struct shale_buf *buf = rig_get(3);

    rig_fill(3, 0x11, SHALE_RANK_NODE);
    shale_tx_begin(rig.tx);
    change(3, 0, 0xaa);
    change(3, RIG_BLOCK - 1, 0xbb);
    change_late(3, 500, 0xcc);
    shale_tx_undo(rig.tx);
    for (size_t i = 0; i < RIG_BLOCK; i++)
        ck_assert_uint_eq(buf->data[i], 0x11);
    shale_buf_put(buf);
    ck_assert_uint_eq(rig_stats().dirty, 1);
    rig_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w3+1 f ");
    ck_assert(rig_filled(3, 0x11));
}
END_TEST

/* A transaction's own pin keeps what its driver has let go. */
START_TEST(changed_blocks_stay)
{
    struct shale_buf *buf;

    shale_tx_begin(rig.tx);
    change(3, 7, 0xaa);
    for (unsigned i = 100; i < 300; i++)
        rig_touch(i);
    shale_cache_shrink(rig.cache, SIZE_MAX);
    rig_forget();
    buf = rig_get(3);
    ck_assert_uint_eq(buf->data[7], 0xaa);
    ck_assert_str_eq(rig.asked, "");
    shale_buf_put(buf);
    shale_tx_undo(rig.tx);
    rig_touch(3);
}
END_TEST

/* What a transaction leaves as it found it is not written. */
START_TEST(no_change_is_no_write)
{
    struct shale_buf *buf = rig_get(3);
    uint8_t was = buf->data[9];

    shale_tx_begin(rig.tx);
    change(3, 9, (uint8_t)(was + 1));
    change(3, 9, was);
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
    ck_assert(!shale_tx_dirty(rig.tx));
    ck_assert_uint_eq(shale_cache_shrink(rig.cache, SIZE_MAX), RIG_BLOCK);

    /* But going back in a second transaction is a change. */
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    rig_fill(3, 0x22, SHALE_RANK_NODE);
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    ck_assert(shale_tx_dirty(rig.tx));
}
END_TEST

START_TEST(empty_transactions)
{
    shale_tx_begin(rig.tx);
    shale_tx_commit(rig.tx);
    shale_tx_begin(rig.tx);
    shale_tx_undo(rig.tx);
    ck_assert(!shale_tx_dirty(rig.tx));
    ck_assert(!shale_tx_frees_pending(rig.tx));
    ck_assert_uint_eq(shale_tx_batch(rig.tx), 1);
    shale_tx_destroy(NULL);
}
END_TEST

/* A late change that is undone was not made; one committed before stays. */
START_TEST(undo_of_late_changes)
{
    uint8_t was = rig_byte(3, 10);

    shale_tx_begin(rig.tx);
    change_late(3, 10, (uint8_t)(was + 1));
    shale_tx_undo(rig.tx);
    ck_assert(!shale_tx_dirty(rig.tx));

    shale_tx_begin(rig.tx);
    change_late(3, 10, (uint8_t)(was + 1));
    shale_tx_commit(rig.tx);
    shale_tx_begin(rig.tx);
    change_late(3, 10, (uint8_t)(was + 2));
    change_late(3, 11, 0);
    change(3, 12, 0);
    shale_tx_undo(rig.tx);
    rig_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w3+1 f ");
    ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK + 10], was + 1);
    ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK + 11], rig_byte(3, 11));
}
END_TEST

/* At the block's ends, as long as can be, and nothing at all. */
static const struct {
    size_t offset, len;
} ranges[] = {
    { 0, 1 }, { 0, SHALE_TX_LATE_MAX }, { RIG_BLOCK - 1, 1 },
    { RIG_BLOCK - SHALE_TX_LATE_MAX, SHALE_TX_LATE_MAX }, { 100, 0 },
};

START_TEST(late_at_the_edges)
{
    struct shale_buf *buf = rig_get(3);
    size_t offset = ranges[_i].offset, len = ranges[_i].len;
    const struct shale_fault_record *write;

    shale_tx_begin(rig.tx);
    change(3, 512, 0x99);
    ck_assert_int_eq(shale_tx_change_late(rig.tx, buf, offset, len,
                                          SHALE_RANK_NODE), 0);
    memset(buf->data + offset, 0x77, len);
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    write = rig.fault.records->next;
    for (size_t i = 0; i < RIG_BLOCK; i++)
        ck_assert_uint_eq(write->bytes[i], i == 512 ? 0x99 : rig_byte(3, i));
    for (size_t i = offset; i < offset + len; i++)
        ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK + i], 0x77);
}
END_TEST

/* ---------------------------------------------------------- undo notes */

static char noted[2048];

static void note(void *context, uint64_t a, uint64_t b)
{
    char *end = strchr(noted, '\0');
    const struct shale_buf *buf = context;

    snprintf(end, (size_t)(noted + sizeof noted - end), "%u/%u/%u ",
             (unsigned)a, (unsigned)b, buf->data[0]);
}

START_TEST(notes_are_called_last_first)
{
    struct shale_buf *buf = rig_get(3);
    uint8_t was = buf->data[0];
    char wanted[64];

    noted[0] = '\0';
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_on_undo(rig.tx, note, buf, 1, 2), 0);
    change(3, 0, 0xaa);
    ck_assert_int_eq(shale_tx_on_undo(rig.tx, note, buf, 3, 4), 0);
    shale_tx_undo(rig.tx);
    snprintf(wanted, sizeof wanted, "3/4/%u 1/2/%u ", was, was);
    ck_assert_str_eq(noted, wanted);

    /* Not of one that was committed, and not twice. */
    noted[0] = '\0';
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_on_undo(rig.tx, note, buf, 5, 6), 0);
    shale_tx_commit(rig.tx);
    shale_tx_begin(rig.tx);
    shale_tx_undo(rig.tx);
    ck_assert_str_eq(noted, "");
    shale_buf_put(buf);
}
END_TEST

static void count_down(void *context, uint64_t a, uint64_t b)
{
    uint64_t *next = context;

    ck_assert_uint_eq(a, --*next);
    ck_assert_uint_eq(b, ~a);
}

START_TEST(many_notes)
{
    uint64_t next = 1000;

    shale_tx_begin(rig.tx);
    for (uint64_t i = 0; i < 1000; i++)
        ck_assert_int_eq(shale_tx_on_undo(rig.tx, count_down, &next, i, ~i), 0);
    shale_tx_undo(rig.tx);
    ck_assert_uint_eq(next, 0);
}
END_TEST

/* Saved fields come back, to what the first save saw; notes in between. */
START_TEST(saved_fields_come_back)
{
    struct {
        uint32_t a;
        char text[100];
    } field = { 1, "before" };

    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_save(rig.tx, &field, sizeof field), 0);
    field.a = 2;
    strcpy(field.text, "between");
    ck_assert_int_eq(shale_tx_save(rig.tx, &field.a, sizeof field.a), 0);
    field.a = 3;
    shale_tx_undo(rig.tx);
    ck_assert_uint_eq(field.a, 1);
    ck_assert_str_eq(field.text, "before");

    /* Not after a commit, by an undo of the next one. */
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_save(rig.tx, &field, sizeof field), 0);
    field.a = 4;
    shale_tx_commit(rig.tx);
    shale_tx_begin(rig.tx);
    shale_tx_undo(rig.tx);
    ck_assert_uint_eq(field.a, 4);
}
END_TEST

/* ------------------------------------------------------------- failures */

static int everything(void)
{
    static char field[50];
    struct shale_buf *buf = rig_get(3), *late = rig_get(4);
    int err;

    shale_tx_begin(rig.tx);
    err = shale_tx_on_undo(rig.tx, note, buf, 1, 2);
    if (!err)
        err = shale_tx_save(rig.tx, field, sizeof field);
    if (!err)
        err = shale_tx_change(rig.tx, buf, SHALE_RANK_NODE);
    if (!err)
        buf->data[5] ^= 0xff;
    if (!err)
        err = shale_tx_change_late(rig.tx, late, 7, 3, SHALE_RANK_NAME);
    if (!err)
        late->data[8] ^= 0xff;
    for (unsigned i = 0; i < 70 && !err; i++)
        err = shale_tx_free(rig.tx, (struct shale_tx_run){ 2 * i, 1 });
    for (unsigned i = 0; i < 20 && !err; i++)
        err = shale_tx_on_undo(rig.tx, note, buf, 3, 4);
    if (err)
        shale_tx_undo(rig.tx);
    else
        shale_tx_commit(rig.tx);
    shale_buf_put(buf);
    shale_buf_put(late);
    return err;
}

/* Fail each allocation of a transaction that does everything once. */
START_TEST(survives_lack_of_memory)
{
    bool failed = true;
    unsigned n;

    for (n = 0; failed; n++) {
        int err;

        rig_touch(3);
        rig_touch(4);
        noted[0] = '\0';
        shale_mem_fail_at(rig.mem, n);
        err = everything();
        failed = shale_mem_failed(rig.mem);
        shale_mem_fail_at(rig.mem, UINT64_MAX);
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
        ck_assert_int_eq(shale_tx_dirty(rig.tx), !failed);
        ck_assert_int_eq(shale_tx_frees_pending(rig.tx), !failed);
        if (failed)
            rig_fresh(64);          /* and with nothing left to grow into */
    }
    ck_assert_uint_eq(n, 10 + 1);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK + 5], rig_byte(3, 5) ^ 0xff);
    ck_assert_uint_eq(rig.bytes[4 * RIG_BLOCK + 8], rig_byte(4, 8) ^ 0xff);
}
END_TEST

START_TEST(create_survives_lack_of_memory)
{
    struct shale_tx *tx = NULL;
    bool failed = true;

    for (unsigned n = 0; failed; n++) {
        int err;

        shale_mem_fail_at(rig.mem, n);
        err = shale_tx_create(rig.cache, rig.mem, &tx);
        failed = shale_mem_failed(rig.mem);
        ck_assert_int_eq(err, failed ? SHALE_ENOMEM : 0);
        ck_assert_int_eq(tx == NULL, failed);
    }
    shale_tx_destroy(tx);
}
END_TEST

/* What was not written is gone, from memory as well. */
START_TEST(destroy_drops_all)
{
    struct shale_buf *held = rig_get(5);

    rig_fill(3, 3, SHALE_RANK_MAP);
    rig_fill(4, 4, SHALE_RANK_NODE);
    rig_fill(5, 5, SHALE_RANK_NAME);
    shale_tx_begin(rig.tx);
    change_late(4, 10, 10);
    ck_assert_int_eq(shale_tx_free(rig.tx, (struct shale_tx_run){ 1, 1 }), 0);
    shale_tx_commit(rig.tx);
    shale_tx_destroy(rig.tx);
    rig.tx = NULL;
    ck_assert_uint_eq(rig_stats().dirty, 0);
    ck_assert_uint_eq(rig_stats().bytes, RIG_BLOCK);
    shale_buf_put(held);
    rig_touch(3);
    rig_touch(4);
    for (unsigned i = 0; i < 10; i++)
        ck_assert(rig_is(rig.bytes + i * RIG_BLOCK, i));
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("block/tx");
    TCase *tc = tcase_create("tx");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, commit_is_dirty_undo_is_not);
    tcase_add_test(tc, undo_goes_back_to_the_commit);
    tcase_add_test(tc, changed_blocks_stay);
    tcase_add_test(tc, no_change_is_no_write);
    tcase_add_test(tc, empty_transactions);
    tcase_add_test(tc, undo_of_late_changes);
    tcase_add_loop_test(tc, late_at_the_edges, 0, COUNT(ranges));
    tcase_add_test(tc, notes_are_called_last_first);
    tcase_add_test(tc, many_notes);
    tcase_add_test(tc, saved_fields_come_back);
    tcase_add_test(tc, survives_lack_of_memory);
    tcase_add_test(tc, create_survives_lack_of_memory);
    tcase_add_test(tc, destroy_drops_all);
    suite_add_tcase(s, tc);
    return s;
}
