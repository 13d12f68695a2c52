/*
 * test_block_txmodel.c - long random runs of transactions against a model
 *
 * A few blocks hold small cells. Transactions change cells, at once or in a
 * later step, and commit or undo; batches are written, and fail to be. The
 * model knows what each cell holds and which old values wait for which step, so
 * it can say what the device holds after each step's flush.
 */
#include "test_block_cache.h"

enum {
    BLOCKS = 24, CELL = 32, CELLS = RIG_BLOCK / CELL,
    STEPS = 4, LAST = STEPS - 1,
    FIRST = 100, END = FIRST + 40,      /* the blocks' place, with gaps */
    NOTES = 6,
};

struct cell {
    uint8_t value;
    unsigned notes;             /* late changes, oldest first */
    struct {
        unsigned step;
        uint8_t old;
    } note[NOTES];
};

struct model {
    struct cell cells[BLOCKS][CELLS];
};

static struct model now, committed;
static uint8_t medium[(END - FIRST) * RIG_BLOCK];
static bool disturbed;          /* a write has failed since the last success */
static uint64_t x;

static unsigned pick(unsigned count)
{
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(x >> 33) % count;
}

static uint64_t place(unsigned b)
{
    return FIRST + b + b / 5;
}

static enum shale_rank rank_of(unsigned b)
{
    return (enum shale_rank)(b / 2 % 3);
}

/* What the device holds of CELL once STEP, its rank's or later, is done. */
static uint8_t value_in(const struct cell *cell, unsigned step)
{
    for (unsigned i = 0; i < cell->notes; i++)
        if (cell->note[i].step > step)
            return cell->note[i].old;
    return cell->value;
}

static bool cell_is(const uint8_t *block, unsigned c, uint8_t value)
{
    for (unsigned i = 0; i < CELL; i++)
        if (block[c * CELL + i] != value)
            return false;
    return true;
}

/* One change of one cell in the transaction that is open. */
static void change(void)
{
    unsigned b = pick(BLOCKS), c = pick(CELLS), step = pick(STEPS);
    enum shale_rank rank = rank_of(b);
    struct cell *cell = &now.cells[b][c];
    struct shale_buf *buf = rig_get(place(b));
    int err;

    if (step <= (unsigned)rank || cell->notes == NOTES) {
        err = shale_tx_change(rig.tx, buf, rank);
    } else {
        if (step == LAST)
            err = shale_tx_change_late(rig.tx, buf, c * CELL, CELL, rank);
        else
            err = shale_tx_change_with(rig.tx, buf, c * CELL, CELL, rank,
                                       (enum shale_rank)step);
        cell->note[cell->notes].step = step;
        cell->note[cell->notes++].old = cell->value;
    }
    ck_assert_int_eq(err, 0);
    cell->value = (uint8_t)pick(256);
    memset(buf->data + c * CELL, cell->value, CELL);
    shale_buf_put(buf);
}

static void transaction(void)
{
    shale_tx_begin(rig.tx);
    for (unsigned n = pick(8); n > 0; n--)
        change();
    if (pick(3) == 0) {
        shale_tx_undo(rig.tx);
        now = committed;
    } else {
        shale_tx_commit(rig.tx);
        committed = now;
    }
}

static void check_cache(void)
{
    for (unsigned b = 0; b < BLOCKS; b++) {
        struct shale_buf *buf = rig_get(place(b));

        for (unsigned c = 0; c < CELLS; c++)
            ck_assert(cell_is(buf->data, c, now.cells[b][c].value));
        shale_buf_put(buf);
    }
}

/* STEP's flush has been made: is the medium as the model says? */
static void check_step(unsigned step, const uint8_t *before)
{
    for (unsigned b = 0; b < BLOCKS; b++) {
        size_t at = (size_t)(place(b) - FIRST) * RIG_BLOCK;

        if ((unsigned)rank_of(b) > step) {
            ck_assert_mem_eq(medium + at, before + at, RIG_BLOCK);
            continue;
        }
        for (unsigned c = 0; c < CELLS; c++)
            ck_assert(cell_is(medium + at, c,
                              value_in(&now.cells[b][c], step)));
    }
}

/* STEP is done: what waited for it waits no more. */
static void end_step(unsigned step)
{
    for (unsigned i = 0; i < BLOCKS * CELLS; i++) {
        struct cell *cell = &now.cells[i / CELLS][i % CELLS];
        unsigned kept = 0;

        for (unsigned n = 0; n < cell->notes; n++)
            if (cell->note[n].step > step)
                cell->note[kept++] = cell->note[n];
        cell->notes = kept;
    }
    committed = now;
}

/* Follow what the fault device has recorded. Returns the flushes. */
static unsigned follow(const uint8_t *before)
{
    unsigned flushes = 0;

    for (const struct shale_fault_record *r = rig.fault.records; r;
         r = r->next) {
        if (r->kind == SHALE_REQUEST_WRITE) {
            if (r->offset < END * RIG_BLOCK)
                memcpy(medium + (r->offset - FIRST * RIG_BLOCK), r->bytes,
                       r->len);
            continue;
        }
        if (flushes > 0) {
            if (!disturbed)
                check_step(flushes - 1, before);
            end_step(flushes - 1);
        }
        flushes++;
    }
    return flushes;
}

/* Write the batch, which has something for every step, perhaps in vain. */
static void write_back(void)
{
    static uint8_t before[sizeof medium];
    static uint8_t count;
    struct shale_buf *buf = rig_get(END + 3);
    unsigned flushes;
    int err;

    count++;
    for (unsigned rank = 0; rank < 3; rank++)
        rig_fill(END + 10 * rank, count, (enum shale_rank)rank);
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_change_late(rig.tx, buf, 0, 1,
                                          SHALE_RANK_NAME), 0);
    buf->data[0] = count;
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);

    memcpy(before, medium, sizeof medium);
    shale_fault_forget(&rig.fault);
    shale_fault_at(&rig.fault, pick(40), 1, SHALE_EIO);
    err = shale_tx_write(rig.tx);
    ck_assert_int_eq(err, shale_fault_failed(&rig.fault) ? SHALE_EIO : 0);
    shale_fault_at(&rig.fault, 0, 0, 0);

    flushes = follow(before);
    ck_assert_int_eq(flushes == STEPS + 1, err == 0);
    disturbed = err != 0;
    if (!err)
        ck_assert_mem_eq(medium, rig.bytes + FIRST * RIG_BLOCK, sizeof medium);
}

START_TEST(like_the_model)
{
    unsigned count = suite_is("quick") ? 500 : 2000, written = 0;

    x = (uint64_t)_i;
    rig_open(8);
    memset(rig.bytes + FIRST * RIG_BLOCK, 0, sizeof medium);
    memset(medium, 0, sizeof medium);
    memset(&now, 0, sizeof now);
    committed = now;
    disturbed = false;
    for (unsigned n = 0; n < count; n++) {
        transaction();
        if (pick(10) == 0)
            check_cache();
        if (pick(5) == 0) {
            write_back();
            written += !disturbed;
        }
    }
    check_cache();
    ck_assert_uint_gt(written, count / 40);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/txmodel");
    TCase *tc = tcase_create("model");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, like_the_model, 0, 8);
    suite_add_tcase(s, tc);
    return s;
}
