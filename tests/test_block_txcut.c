/*
 * test_block_txcut.c - batches, and the power cut at any moment of them
 *
 * Each round changes some cells of some blocks, sets them to the round's
 * number, and writes the batch, perhaps in vain. A cell goes out in one step
 * always. Whatever a cut leaves, a cell of a round may be there only if all
 * those of the round's earlier steps are; and once a write has returned, all.
 */
#include "test_block_cache.h"

#include "powercut.h"

enum {
    BLOCKS = 18, STEPS = 5, LAST = STEPS - 1, ROUNDS = 12, SECTOR = 512,
    SIZE = 64 * RIG_BLOCK,
};

/* touched[r][s][b]: block B's cell of step S was changed in round R, from 1. */
static bool touched[ROUNDS + 1][STEPS][BLOCKS];
static uint64_t x;

static unsigned pick(unsigned count)
{
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(x >> 33) % count;
}

static enum shale_rank rank_of(unsigned b)
{
    return (enum shale_rank)(b % 3);
}

/* A rank's blocks are in two series of three neighbours. */
static size_t place(unsigned b)
{
    return b % 3 * 20 + b / 3 + b / 9;
}

/* Cells are in two sectors of the block. */
static size_t cell_at(unsigned step)
{
    return step % 2 * SECTOR + step * 8;
}

static void change(unsigned round)
{
    unsigned b = pick(BLOCKS), step = pick(STEPS);
    enum shale_rank rank = rank_of(b);
    size_t at = cell_at(step);
    struct shale_buf *buf;
    int err;

    if (step < (unsigned)rank)
        return;
    buf = rig_get(place(b));
    if (step == (unsigned)rank)
        err = shale_tx_change(rig.tx, buf, rank);
    else if (step == LAST)
        err = shale_tx_change_late(rig.tx, buf, at, 1, rank);
    else
        err = shale_tx_change_with(rig.tx, buf, at, 1, rank,
                                   (enum shale_rank)step);
    ck_assert_int_eq(err, 0);
    buf->data[at] = (uint8_t)round;
    touched[round][step][b] = true;
    shale_buf_put(buf);
}

/* Rounds of transactions; a mark says which is known to be written. */
static void work(void)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        unsigned transactions = 1 + pick(6);

        for (unsigned n = 0; n < transactions; n++) {
            shale_tx_begin(rig.tx);
            for (unsigned i = 1 + pick(4); i > 0; i--)
                change(round);
            shale_tx_commit(rig.tx);
        }
        shale_fault_at(&rig.fault, pick(15), 1, SHALE_EIO);
        if (shale_tx_write(rig.tx) == 0)
            ck_assert_int_eq(shale_fault_mark(&rig.fault, round), 0);
        shale_fault_at(&rig.fault, 0, 0, 0);
    }
}

static bool has(const uint8_t *image, unsigned round, unsigned step, unsigned b)
{
    return image[place(b) * RIG_BLOCK + cell_at(step)] >= round;
}

/* Of ROUND's cells, those up to some step, perhaps not all of that step's. */
static bool is_in_order(const uint8_t *image, unsigned round)
{
    bool all = true;

    for (unsigned step = 0; step < STEPS; step++) {
        bool before = all;

        for (unsigned b = 0; b < BLOCKS; b++) {
            if (!touched[round][step][b])
                continue;
            if (!has(image, round, step, b))
                all = false;
            else if (!before)
                return false;
        }
    }
    return true;
}

static bool is_all_there(const uint8_t *image, unsigned round)
{
    for (unsigned step = 0; step < STEPS; step++)
        for (unsigned b = 0; b < BLOCKS; b++)
            if (touched[round][step][b] && !has(image, round, step, b))
                return false;
    return true;
}

static bool judge(void *context, const struct powercut_state *state)
{
    (void)context;
    for (unsigned round = 1; round <= ROUNDS; round++) {
        ck_assert_msg(is_in_order(state->image, round), "%s: round %u",
                      state->what, round);
        if (round <= state->mark)
            ck_assert_msg(is_all_there(state->image, round), "%s: round %u, "
                          "mark %u", state->what, round, (unsigned)state->mark);
    }
    return true;
}

START_TEST(in_order_after_any_cut)
{
    static uint8_t image[SIZE];
    const struct powercut_options options = { .seed = (uint64_t)_i };
    uint64_t states;

    x = (uint64_t)_i;
    memset(touched, 0, sizeof touched);
    memset(image, 0, sizeof image);
    rig_open(8);
    memset(rig.bytes, 0, SIZE);
    work();
    states = powercut_visit(image, sizeof image, rig.fault.records, &options,
                            judge, NULL);
    ck_assert_uint_gt(states, 100);
    ck_assert(memcmp(image, rig.bytes, sizeof image) == 0);
    rig_close();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/txcut");
    TCase *tc = tcase_create("cut");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, in_order_after_any_cut, 0, 60);
    suite_add_tcase(s, tc);
    return s;
}
