/*
 * test_block_tx_log.c - batches that go through a log: all of one, or nothing
 *
 * The log here is as simple as can be: some areas of the device itself, each a
 * head that says whether it is valid and which blocks it holds, and these. One
 * is enough as long as nothing fails. But a batch that is valid in the log and
 * could not be written in its places has to stay there while the next one,
 * which has all its blocks and more, is written to another area.
 */
#include "test_block_cache.h"

#include "powercut.h"

enum {
    BLOCKS = 18, ROUNDS = 12, SIZE = 220 * RIG_BLOCK,
    LOG = 64, AREAS = 6, CAPACITY = 24, AREA = 1 + CAPACITY,
};

/* ------------------------------------------------------------- a toy log */

static struct {
    struct shale_tx_log log;
    bool valid[AREAS];          /* on the device, perhaps */
    bool placed[AREAS];         /* so it need not be */
    unsigned sequence;
    char called[256];           /* since calls_forget() */
    int fail;                   /* the next call of anything */
} toy;

static void calls_forget(void)
{
    toy.called[0] = '\0';
    rig_forget();
}

static int call(const char *what, size_t count)
{
    char *end = strchr(toy.called, '\0');
    int err = toy.fail;

    snprintf(end, (size_t)(toy.called + sizeof toy.called - end), "%s%u ",
             what, (unsigned)count);
    toy.fail = 0;
    return err;
}

static int write_at(size_t block, const uint8_t *bytes, size_t len)
{
    return shale_bdev_write(&rig.fault.base, block * RIG_BLOCK, bytes, len);
}

/* Areas whose blocks are in their places are valid no more. */
static int make_void(void)
{
    static const uint8_t nothing[512];
    int flushed = shale_bdev_flush(&rig.fault.base);

    if (flushed)
        return flushed;
    for (unsigned area = 0; area < AREAS; area++) {
        int err;

        if (!toy.valid[area] || !toy.placed[area])
            continue;
        err = write_at(LOG + area * AREA, nothing, sizeof nothing);
        if (!err)
            err = shale_bdev_flush(&rig.fault.base);
        if (err)
            return err;
        toy.valid[area] = false;
    }
    return 0;
}

/* The blocks of WALK, behind a head: sequence, count, block numbers. */
static int area_write(unsigned area, struct shale_tx_walk *walk, size_t count)
{
    uint8_t head[512] = { (uint8_t)++toy.sequence, (uint8_t)count };
    const struct shale_buf *buf;
    size_t n = 0;
    int err = 0;

    while (!err && (buf = shale_tx_walk_next(walk))) {
        ck_assert(n == 0 || head[n + 1] < buf->block);
        head[n++ + 2] = (uint8_t)buf->block;
        err = write_at(LOG + area * AREA + n, buf->data, RIG_BLOCK);
    }
    if (!err)
        err = shale_bdev_flush(&rig.fault.base);
    if (err)
        return err;
    ck_assert_uint_eq(n, count);
    toy.valid[area] = true;     /* even if it fails: nobody knows */
    toy.placed[area] = false;
    err = write_at(LOG + area * AREA, head, sizeof head);
    return err ? err : shale_bdev_flush(&rig.fault.base);
}

static int toy_write(void *context, struct shale_tx_walk *walk, size_t count)
{
    int err = call("log", count);
    unsigned area = 0;

    ck_assert_ptr_eq(context, &toy);
    if (!err)
        err = make_void();
    if (err)
        return err;
    while (toy.valid[area])
        area++;
    ck_assert_uint_lt(area, AREAS);
    return area_write(area, walk, count);
}

static int toy_placed(void *context, bool is_to_be_void)
{
    int err = call("placed", is_to_be_void);

    ck_assert_ptr_eq(context, &toy);
    if (err)
        return err;
    memset(toy.placed, true, sizeof toy.placed);
    return is_to_be_void ? make_void() : 0;
}

/* Some numbers are of what it never holds. */
static bool toy_holds(void *context, struct shale_tx_run run)
{
    ck_assert_ptr_eq(context, &toy);
    call("holds", (size_t)run.first);
    return run.first < 1000;
}

static int toy_bypass(void *context, uint64_t block)
{
    int err = call("bypass", (size_t)block);

    ck_assert_ptr_eq(context, &toy);
    return err ? err : make_void();
}

static void toy_doubt(void *context)
{
    ck_assert_ptr_eq(context, &toy);
    call("doubt", 0);
}

/* What whoever finds IMAGE does with a log in it. */
static void toy_replay(uint8_t *image)
{
    for (unsigned sequence = 1; sequence <= toy.sequence; sequence++)
        for (unsigned area = 0; area < AREAS; area++) {
            const uint8_t *head = image + (LOG + area * AREA) * RIG_BLOCK;

            if (head[0] != sequence)
                continue;
            for (size_t n = 0; n < head[1]; n++)
                memcpy(image + head[n + 2] * RIG_BLOCK,
                       head + (n + 1) * RIG_BLOCK, RIG_BLOCK);
        }
}

static void setup(void)
{
    memset(&toy, 0, sizeof toy);
    toy.log = (struct shale_tx_log){
        .context = &toy, .capacity = CAPACITY,
        .write = toy_write, .placed = toy_placed,
        .holds = toy_holds, .bypass = toy_bypass, .doubt = toy_doubt,
    };
    rig_open(64);
    memset(rig.bytes + LOG * RIG_BLOCK, 0, AREAS * AREA * RIG_BLOCK);
}

static void teardown(void)
{
    rig_close();
}

/* Set a log, and end the batch that is without one. */
static void start(void)
{
    shale_tx_set_log(rig.tx, &toy.log);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    calls_forget();
}

/* ----------------------------------------------------------------- order */

START_TEST(log_then_places)
{
    start();
    rig_fill(9, 0x11, SHALE_RANK_NAME);
    rig_fill(7, 0x22, SHALE_RANK_MAP);
    rig_fill(8, 0x33, SHALE_RANK_NODE);
    rig_fill(20, 0x44, SHALE_RANK_NODE);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log4 placed0 ");
    ck_assert_str_eq(rig.asked, "f w65+1 w66+1 w67+1 w68+1 f w64+0 f "
                                "w7+3 w20+1 ");
    ck_assert(rig_filled(7, 0x22) && rig_filled(8, 0x33) &&
              rig_filled(9, 0x11) && rig_filled(20, 0x44));
    ck_assert(!shale_tx_dirty(rig.tx));

    /* Nothing to write is just a flush. */
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "");
    ck_assert_str_eq(rig.asked, "f ");
}
END_TEST

/* Late changes are in the log and in their places as all others. */
START_TEST(late_is_not_late)
{
    struct shale_buf *buf = rig_get(3);

    start();
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_change_late(rig.tx, buf, 5, 1, SHALE_RANK_MAP),
                     0);
    buf->data[5] = 0xaa;
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log1 placed0 ");
    ck_assert_uint_eq(rig.bytes[(LOG + 1) * RIG_BLOCK + 5], 0xaa);
    ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK + 5], 0xaa);
    ck_assert(!shale_tx_dirty(rig.tx));
}
END_TEST

/* The log is for the next batch; none is for this one. */
START_TEST(set_and_unset)
{
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    shale_tx_set_log(rig.tx, &toy.log);
    ck_assert_uint_eq(shale_tx_whole_bytes(rig.tx), CAPACITY * RIG_BLOCK);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "");
    rig_fill(3, 0x22, SHALE_RANK_NODE);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log1 placed0 ");
    rig_fill(3, 0x33, SHALE_RANK_NODE);
    shale_tx_set_log(rig.tx, NULL);
    ck_assert_uint_eq(shale_tx_whole_bytes(rig.tx), SIZE_MAX);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "");
    ck_assert_str_eq(rig.asked, "f w3+1 f ");
}
END_TEST

START_TEST(undo_puts_the_log_back)
{
    start();
    shale_tx_begin(rig.tx);
    shale_tx_set_log(rig.tx, NULL);
    shale_tx_undo(rig.tx);
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log1 placed0 ");

    shale_tx_set_log(rig.tx, NULL);
    shale_tx_begin(rig.tx);
    shale_tx_set_log(rig.tx, &toy.log);
    shale_tx_undo(rig.tx);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    rig_fill(3, 0x22, SHALE_RANK_NODE);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "");
}
END_TEST

/* A batch too large goes by rank, when the log has been made void. */
START_TEST(too_large)
{
    start();
    rig_fill(300, 0x11, SHALE_RANK_NODE);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    for (unsigned i = 0; i < CAPACITY; i++)
        rig_fill(i, 0x22, SHALE_RANK_NODE);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    for (unsigned i = 0; i <= CAPACITY; i++)
        rig_fill(i, 0x33, SHALE_RANK_NODE);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "placed1 placed0 ");
    ck_assert_str_eq(rig.asked, "f w64+0 f f w0+25 f ");
    ck_assert(rig_filled(CAPACITY, 0x33));
}
END_TEST

/* What could not be written to its places is not lost with the log. */
START_TEST(too_large_for_what_is_unplaced)
{
    start();
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    calls_forget();
    /* The log is two writes and three flushes; then come the places. */
    shale_fault_at(&rig.fault, 5, 1, SHALE_EIO);
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    shale_fault_at(&rig.fault, 0, 0, 0);
    ck_assert_str_eq(toy.called, "log1 ");
    for (unsigned i = 0; i <= CAPACITY; i++)
        rig_fill(i, 0x33, SHALE_RANK_NODE);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "doubt0 placed1 placed0 ");
    calls_forget();
    for (unsigned i = 0; i <= CAPACITY; i++)
        rig_fill(i, 0x44, SHALE_RANK_NODE);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "placed1 placed0 ");
}
END_TEST

/* ----------------------------------------------------------------- frees */

static void free_run(uint64_t first)
{
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_free(rig.tx, (struct shale_tx_run){ first, 1 }),
                     0);
    shale_tx_commit(rig.tx);
}

/* What is freed can be had when the log cannot come back. */
START_TEST(void_before_free)
{
    struct shale_tx_run run;

    start();
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    free_run(50);
    ck_assert(!shale_tx_take_free(rig.tx, &run));
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log1 holds50 placed1 ");
    ck_assert_str_eq(rig.asked, "f w65+1 f w64+0 f w3+1 f w64+0 f ");

    /* Others that follow need not wait for this one. */
    rig_fill(3, 0x22, SHALE_RANK_NODE);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log1 placed0 ");
    ck_assert(shale_tx_take_free(rig.tx, &run));
    ck_assert_uint_eq(run.first, 50);
    ck_assert(!shale_tx_frees_pending(rig.tx));
}
END_TEST

/* What the log does not hold it cannot bring back. */
START_TEST(free_without_void)
{
    struct shale_tx_run run;

    start();
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    free_run(1000);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log1 holds1000 placed0 ");
    ck_assert(shale_tx_take_free(rig.tx, &run));
}
END_TEST

/* ... and not if that fails; the next write sees to it. */
START_TEST(not_void_not_free)
{
    struct shale_tx_run run;

    start();
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    free_run(50);
    shale_fault_at(&rig.fault, 7, 1, SHALE_EIO);
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    shale_fault_at(&rig.fault, 0, 0, 0);
    ck_assert(!shale_tx_dirty(rig.tx));
    ck_assert(!shale_tx_take_free(rig.tx, &run));
    ck_assert(toy.valid[0]);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert(!toy.valid[0]);
    ck_assert(shale_tx_take_free(rig.tx, &run));
}
END_TEST

/* Change BLOCK on behalf of a run that was freed. Does it still fit? */
static bool note(uint64_t block, uint8_t byte)
{
    struct shale_buf *buf = rig_get(block);
    bool fits;

    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_change(rig.tx, buf, SHALE_RANK_MAP), 0);
    buf->data[0] = byte;
    fits = shale_tx_fits(rig.tx);
    if (fits)
        shale_tx_commit(rig.tx);
    else
        shale_tx_undo(rig.tx);
    shale_buf_put(buf);
    return fits;
}

/* What is noted of a run in its own batch is not taken after that. */
START_TEST(early)
{
    struct shale_tx_run run;

    free_run(40);
    ck_assert(!shale_tx_early(rig.tx, &run));   /* there is no log yet */
    ck_assert(!note(7, 0x77));
    start();
    while (shale_tx_take_free(rig.tx, &run))
        continue;
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    free_run(50);
    free_run(1000);
    ck_assert(shale_tx_early(rig.tx, &run));
    ck_assert_uint_eq(run.first, 50);
    ck_assert(note(7, 0x55));
    shale_tx_early_done(rig.tx);
    ck_assert_uint_eq(shale_tx_freed(rig.tx, UINT64_MAX), 1);
    free_run(51);                       /* is not joined with what is done */
    ck_assert_uint_eq(shale_tx_freed(rig.tx, UINT64_MAX), 2);
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(toy.called, "log2 holds50 placed1 ");
    ck_assert_uint_eq(rig.bytes[7 * RIG_BLOCK], 0x55);
    ck_assert(shale_tx_take_free(rig.tx, &run));
    ck_assert_uint_eq(run.first, 1000);
    ck_assert(!shale_tx_early(rig.tx, &run));
    ck_assert(shale_tx_take_free(rig.tx, &run));
    ck_assert_uint_eq(run.first, 51);
    ck_assert(!shale_tx_frees_pending(rig.tx));
}
END_TEST

/* A batch that fits is not made too large by it. */
START_TEST(early_fits)
{
    struct shale_tx_run run;

    start();
    for (unsigned i = 0; i < CAPACITY; i++)
        rig_fill(i, 0x22, SHALE_RANK_NODE);
    free_run(1000);
    ck_assert(shale_tx_early(rig.tx, &run));
    ck_assert(note(CAPACITY - 1, 0x23));
    ck_assert(!note(CAPACITY, 0x24));
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert(strncmp(toy.called, "log24 ", 6) == 0);
    ck_assert(shale_tx_take_free(rig.tx, &run));
    ck_assert_uint_eq(run.first, 1000);
}
END_TEST

/* ------------------------------------------------------------- one sector */

/* Byte AT of BLOCK becomes BYTE, in a transaction. */
static void poke(uint64_t block, size_t at, uint8_t byte, bool unordered)
{
    struct shale_buf *buf = rig_get(block);

    shale_tx_begin(rig.tx);
    if (unordered)
        shale_tx_unordered(rig.tx);
    ck_assert_int_eq(shale_tx_change(rig.tx, buf, SHALE_RANK_NODE), 0);
    buf->data[at] = byte;
    shale_tx_commit(rig.tx);
    shale_buf_put(buf);
}

static void free_nothing_held(void)
{
    shale_tx_begin(rig.tx);
    shale_tx_unordered(rig.tx);
    ck_assert_int_eq(shale_tx_free(rig.tx, (struct shale_tx_run){ 1000, 1 }),
                     0);
    shale_tx_commit(rig.tx);
}

static void one_byte(void)
{
    poke(3, 700, 1, true);
}

static void same_sector(void)
{
    poke(3, 512, 1, true);
    poke(3, 1023, 2, true);
    poke(3, 700, rig_byte(3, 700), true);       /* as it was */
}

static void two_sectors(void)
{
    poke(3, 511, 1, true);
    poke(3, 512, 1, true);
}

static void two_blocks(void)
{
    poke(3, 700, 1, true);
    poke(4, 700, 1, true);
}

static void one_is_ordered(void)
{
    poke(3, 700, 1, true);
    poke(3, 701, 1, false);
}

static void ordered_before(void)
{
    poke(3, 701, 1, false);
    poke(3, 700, 1, true);
}

static void with_frees(void)
{
    poke(3, 700, 1, true);
    free_nothing_held();
}

static void frees_before(void)
{
    free_nothing_held();
    poke(3, 700, 1, true);
}

static void undone_besides(void)
{
    struct shale_buf *buf = rig_get(4);

    poke(3, 700, 1, true);
    shale_tx_begin(rig.tx);
    ck_assert_int_eq(shale_tx_change(rig.tx, buf, SHALE_RANK_NODE), 0);
    buf->data[0] ^= 1;
    shale_tx_undo(rig.tx);
    shale_buf_put(buf);
}

static const struct {
    const char *what;
    void (*change)(void);
    const char *called, *asked, *asked_by_rank;
} sectors[] = {
    { "one byte", one_byte, "bypass3 placed0 ", "f w3+0 f ", "w3+0 f " },
    { "the same sector", same_sector, "bypass3 placed0 ", "f w3+0 f ",
      "w3+0 f " },
    { "beside what is undone", undone_besides, "bypass3 placed0 ", "f w3+0 f ",
      "w3+0 f " },
    { "two sectors", two_sectors, "log1 placed0 ", "f w65+1 f w64+0 f w3+1 ",
      "f w3+1 f " },
    { "two blocks", two_blocks, "log2 placed0 ",
      "f w65+1 w66+1 f w64+0 f w3+2 ", "f w3+2 f " },
    { "after data", one_is_ordered, "log1 placed0 ",
      "f w65+1 f w64+0 f w3+1 ", "f w3+1 f " },
    { "after data before", ordered_before, "log1 placed0 ",
      "f w65+1 f w64+0 f w3+1 ", "f w3+1 f " },
    { "with frees", with_frees, "log1 holds1000 placed0 ",
      "f w65+1 f w64+0 f w3+1 ", "f w3+1 f " },
    { "after frees", frees_before, "log1 holds1000 placed0 ",
      "f w65+1 f w64+0 f w3+1 ", "f w3+1 f " },
};

/* What is one sector, and waits for nothing, is written so, and flushed. */
START_TEST(one_sector)
{
    for (unsigned with_log = 0; with_log < 2; with_log++) {
        if (with_log)
            start();
        calls_forget();
        sectors[_i].change();
        calls_forget();
        ck_assert_int_eq(shale_tx_write(rig.tx), 0);
        ck_assert_msg(strcmp(toy.called,
                             with_log ? sectors[_i].called : "") == 0,
                      "%s: %s", sectors[_i].what, toy.called);
        ck_assert_msg(strcmp(rig.asked, with_log ? sectors[_i].asked
                                        : sectors[_i].asked_by_rank) == 0,
                      "%s: %s", sectors[_i].what, rig.asked);
        ck_assert(!shale_tx_dirty(rig.tx));
        rig_close();
        rig_open(64);
        memset(rig.bytes + LOG * RIG_BLOCK, 0, AREAS * AREA * RIG_BLOCK);
    }
}
END_TEST

/* Whatever fails of it, it is tried again. */
START_TEST(one_sector_fails)
{
    start();
    poke(3, 700, 1, true);
    for (unsigned i = 0; i < 2; i++) {
        shale_fault_at(&rig.fault, i, 1, SHALE_EIO);
        ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
        shale_fault_at(&rig.fault, 0, 0, 0);
        ck_assert(shale_tx_dirty(rig.tx));
    }
    toy.fail = SHALE_EIO;
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    ck_assert_str_eq(rig.asked, "");
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert_str_eq(rig.asked, "f w3+0 f ");
    ck_assert_uint_eq(rig.bytes[3 * RIG_BLOCK + 700], 1);
}
END_TEST

/* The log is told of a flush that fails, whoever asked for it. */
START_TEST(doubt)
{
    ck_assert_int_eq(shale_tx_flush(rig.tx), 0);
    ck_assert_str_eq(toy.called, "");
    start();
    for (unsigned i = 0; i < 2; i++) {
        calls_forget();
        shale_fault_at(&rig.fault, 0, 1, SHALE_EIO);
        ck_assert_int_eq(i ? shale_tx_flush(rig.tx) : shale_tx_write(rig.tx),
                         SHALE_EIO);
        shale_fault_at(&rig.fault, 0, 0, 0);
        ck_assert_str_eq(toy.called, i ? "" : "doubt0 ");
        ck_assert_str_eq(rig.asked, "f ");
    }
    calls_forget();
    ck_assert_int_eq(shale_tx_make_void(rig.tx), 0);
    ck_assert_str_eq(toy.called, "doubt0 placed1 ");
    shale_tx_set_log(rig.tx, NULL);
    calls_forget();
    ck_assert_int_eq(shale_tx_make_void(rig.tx), 0);
    ck_assert_str_eq(toy.called, "");
    ck_assert_str_eq(rig.asked, "f ");
}
END_TEST

/* -------------------------------------------------------------- failures */

/* Nothing of a batch whose log fails is in its place; it can be tried again. */
START_TEST(log_fails)
{
    start();
    rig_fill(3, 0x11, SHALE_RANK_NODE);
    toy.fail = SHALE_EIO;
    calls_forget();
    ck_assert_int_eq(shale_tx_write(rig.tx), SHALE_EIO);
    ck_assert_str_eq(rig.asked, "");
    ck_assert(shale_tx_dirty(rig.tx));
    ck_assert_uint_eq(shale_tx_batch(rig.tx), 2);
    ck_assert_int_eq(shale_tx_write(rig.tx), 0);
    ck_assert(rig_filled(3, 0x11));
    ck_assert_uint_eq(shale_tx_batch(rig.tx), 3);
}
END_TEST

/* ------------------------------------------------------------- power cuts */

/* touched[r][b]: block B was changed in round R, from 1. */
static bool touched[ROUNDS + 1][BLOCKS];
static uint64_t x;

static unsigned pick(unsigned count)
{
    x = x * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(x >> 33) % count;
}

static size_t place(unsigned b)
{
    return b % 3 * 20 + b / 3 + b / 9;
}

static void change(unsigned round)
{
    unsigned b = pick(BLOCKS);
    struct shale_buf *buf = rig_get(place(b));

    if (pick(4) == 0)
        ck_assert_int_eq(shale_tx_change_late(rig.tx, buf, 0, 1,
                                              (enum shale_rank)(b % 3)), 0);
    else
        ck_assert_int_eq(shale_tx_change(rig.tx, buf,
                                         (enum shale_rank)(b % 3)), 0);
    buf->data[0] = (uint8_t)round;
    touched[round][b] = true;
    shale_buf_put(buf);
}

static void work(void)
{
    for (unsigned round = 1; round <= ROUNDS; round++) {
        for (unsigned n = pick(2) ? 1 : 1 + pick(6); n > 0; n--) {
            shale_tx_begin(rig.tx);
            if (pick(2) == 0)
                shale_tx_unordered(rig.tx);
            for (unsigned i = 1 + pick(4); i > 0; i--)
                change(round);
            shale_tx_commit(rig.tx);
        }
        if (pick(3) == 0)
            free_run((pick(2) ? 500 : 1000) + round);
        shale_fault_at(&rig.fault, pick(30), pick(2), SHALE_EIO);
        if (shale_tx_write(rig.tx) == 0)
            ck_assert_int_eq(shale_fault_mark(&rig.fault, round), 0);
        shale_fault_at(&rig.fault, 0, 0, 0);
    }
}

/* All blocks are as some round left them, no earlier than the mark's. */
static bool is_after(const uint8_t *image, unsigned round)
{
    for (unsigned b = 0; b < BLOCKS; b++) {
        unsigned last = round;

        while (last > 0 && !touched[last][b])
            last--;
        if (image[place(b) * RIG_BLOCK] != last)
            return false;
    }
    return true;
}

static bool judge(void *context, const struct powercut_state *state)
{
    static uint8_t found[SIZE];
    unsigned round = (unsigned)state->mark;

    (void)context;
    memcpy(found, state->image, sizeof found);
    toy_replay(found);
    while (round <= ROUNDS && !is_after(found, round))
        round++;
    ck_assert_msg(round <= ROUNDS, "%s: not as any round from %u on left it",
                  state->what, (unsigned)state->mark);
    return true;
}

START_TEST(whole_after_any_cut)
{
    static uint8_t image[SIZE];
    const struct powercut_options options = { .seed = (uint64_t)_i };
    uint64_t states;

    x = (uint64_t)_i;
    memset(touched, 0, sizeof touched);
    memset(image, 0, sizeof image);
    memset(rig.bytes, 0, SIZE);
    start();
    shale_fault_forget(&rig.fault);
    work();
    states = powercut_visit(image, sizeof image, rig.fault.records, &options,
                            judge, NULL);
    ck_assert_uint_gt(states, 100);
    ck_assert(memcmp(image, rig.bytes, sizeof image) == 0);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("block/tx_log");
    TCase *tc = tcase_create("log");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, log_then_places);
    tcase_add_test(tc, late_is_not_late);
    tcase_add_test(tc, set_and_unset);
    tcase_add_test(tc, undo_puts_the_log_back);
    tcase_add_test(tc, too_large);
    tcase_add_test(tc, too_large_for_what_is_unplaced);
    tcase_add_test(tc, void_before_free);
    tcase_add_test(tc, free_without_void);
    tcase_add_test(tc, not_void_not_free);
    tcase_add_test(tc, early);
    tcase_add_test(tc, early_fits);
    tcase_add_loop_test(tc, one_sector, 0, sizeof sectors / sizeof sectors[0]);
    tcase_add_test(tc, one_sector_fails);
    tcase_add_test(tc, doubt);
    tcase_add_test(tc, log_fails);
    tcase_add_loop_test(tc, whole_after_any_cut, 0, 40);
    suite_add_tcase(s, tc);
    return s;
}
