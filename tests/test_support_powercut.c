/*
 * test_support_powercut.c - the states that a power cut can leave
 *
 * Records are written as text: "w0A" writes a sector of As at sector 0, "w1BBB"
 * three of Bs from sector 1 on, "f" flushes, "m5" is a mark. The states of a
 * medium of four sectors are text as well: "A..B@3/5" with three records begun
 * and mark 5 the last.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "powercut.h"
#include "shale/host.h"
#include "suite.h"

enum { SECTOR = POWERCUT_SECTOR, SECTORS = 256, SHOWN = 4 };

static uint8_t image[SECTORS * SECTOR], lower_bytes[SECTORS * SECTOR];
static struct shale_mem *mem;
static struct shale_memory_bdev memory;
static struct shale_fault_bdev fault;
static char seen[1 << 16];

static void setup(void)
{
    seen[0] = '\0';
    memset(image, '.', sizeof image);
    mem = shale_host_mem_create(0);
    shale_memory_bdev_init(&memory, lower_bytes, sizeof lower_bytes, 1, false);
    ck_assert_int_eq(shale_fault_bdev_init(&fault, &memory.base, mem, NULL), 0);
}

static void teardown(void)
{
    shale_fault_bdev_fini(&fault);
    ck_assert_uint_eq(shale_mem_destroy(mem), 0);
}

static void write_at(uint64_t offset, size_t len, int letter)
{
    static uint8_t bytes[sizeof image];

    memset(bytes, letter, len);
    ck_assert_int_eq(shale_bdev_write(&fault.base, offset, bytes, len), 0);
}

/* Make the requests that TEXT says. */
static void record(const char *text)
{
    char *end;

    while (*text) {
        unsigned long number = strtoul(text + 1, &end, 10);

        if (*text == 'w') {
            size_t len = strcspn(end, " ");

            write_at(number * SECTOR, len * SECTOR, *end);
            end += len;
        } else if (*text == 'm') {
            ck_assert_int_eq(shale_fault_mark(&fault, number), 0);
        } else {
            ck_assert_int_eq(shale_bdev_flush(&fault.base), 0);
            end = strchr(text, 'f') + 1;
        }
        text = end + strspn(end, " ");
    }
}

/* A letter for each sector that holds one byte only, and "?" for others. */
static bool note(void *context, const struct powercut_state *state)
{
    char *end = strchr(seen, '\0');

    (void)context;
    ck_assert_uint_eq(state->size, sizeof image);
    for (unsigned i = 0; i < SHOWN; i++) {
        const uint8_t *sector = state->image + i * SECTOR;

        *end++ = memcmp(sector, sector + 1, SECTOR - 1) == 0 ? (char)*sector
                                                             : '?';
    }
    sprintf(end, "@%zu/%u ", state->begun, (unsigned)state->mark);
    return true;
}

static const struct {
    const char *what, *records, *seen;
} cases[] = {
    { "nothing", "", "....@0/0 " },
    { "one write", "w1A", "....@0/0 .A..@1/0 " },
    { "and a flush", "w1A f", "....@0/0 .A..@1/0 .A..@2/0 " },
    { "torn", "w0AAA", "....@0/0 A...@1/0 AA..@1/0 AAA.@1/0 " },
    { "two", "w0A w1B",
      "....@0/0 A...@1/0 AB..@2/0 .B..@2/0 " },
    { "three", "w0A w1B w2C",
      "....@0/0 A...@1/0 AB..@2/0 ABC.@3/0 "
      ".B..@3/0 ..C.@3/0 A.C.@3/0 .BC.@3/0 " },
    { "a flush between", "w0A f w1B",
      "....@0/0 A...@1/0 A...@2/0 AB..@3/0 " },
    { "over each other", "w0AA w1BB",
      "....@0/0 A...@1/0 AA..@1/0 AB..@2/0 ABB.@2/0 .BB.@2/0 " },
    { "the same twice", "w0A w0B w0C",
      "....@0/0 A...@1/0 B...@2/0 C...@3/0 "
      "B...@3/0 C...@3/0 C...@3/0 C...@3/0 " },
    { "a mark where it should be", "w0A f m5 w1B",
      "....@0/0 A...@1/0 A...@3/5 AB..@4/5 " },
    { "a mark too early", "w0A m5 f",
      "....@0/0 A...@2/5 ....@2/5 A...@2/5 A...@3/5 " },
    { "marks in a row", "m1 m2 w0A f m3 m4",
      "....@2/2 A...@3/2 A...@6/4 " },
    { "flushes in a row", "f f w3A f f",
      "....@0/0 ....@1/0 ....@2/0 ...A@3/0 ...A@4/0 ...A@5/0 " },
};

START_TEST(every_state)
{
    const struct powercut_options options = { .seed = 1 };
    uint64_t count;

    memset(lower_bytes, '.', sizeof lower_bytes);
    record(cases[_i].records);
    count = powercut_visit(image, sizeof image, fault.records, &options, note,
                           NULL);
    ck_assert_msg(strcmp(seen, cases[_i].seen) == 0, "%s: %s", cases[_i].what,
                  seen);
    for (const char *at = seen; (at = strchr(at, '@')); at++)
        count--;
    ck_assert_uint_eq(count, 0);
    ck_assert(memcmp(image, lower_bytes, sizeof image) == 0);
}
END_TEST

/* Boundaries are the medium's, not the write's. */
START_TEST(tears_on_the_medium)
{
    const struct powercut_options options = { .seed = 1 };

    write_at(SECTOR / 2, 2 * SECTOR, 'A');
    powercut_visit(image, sizeof image, fault.records, &options, note, NULL);
    ck_assert_str_eq(seen, "....@0/0 ?...@1/0 ?A..@1/0 ?A?.@1/0 ");
}
END_TEST

/* ------------------------------------------------------ more than can be */

/* How often each sector was old and new; the numbers of states. */
struct tally {
    unsigned states, before[SECTORS], after[SECTORS];
    uint64_t numbers[4096];
};

static bool count(void *context, const struct powercut_state *state)
{
    struct tally *tally = context;

    for (unsigned i = 0; i < SECTORS; i++)
        if (state->image[i * SECTOR] == '.')
            tally->before[i]++;
        else
            tally->after[i]++;
    ck_assert_uint_lt(tally->states, 4096);
    tally->numbers[tally->states++] = state->number;
    return true;
}

static void visit(struct tally *tally, const struct powercut_options *options)
{
    memset(tally, 0, sizeof *tally);
    memset(image, '.', sizeof image);
    ck_assert_uint_eq(powercut_visit(image, sizeof image, fault.records,
                                     options, count, tally),
                      tally->states);
}

/* A stretch of N writes, after one that has been flushed. */
static void record_stretch(unsigned n)
{
    write_at(0, SECTOR, 'A');
    ck_assert_int_eq(shale_bdev_flush(&fault.base), 0);
    for (unsigned i = 0; i < n; i++)
        write_at((1 + i) * SECTOR, SECTOR, 'B');
}

START_TEST(all_choices_of_ten)
{
    static struct tally tally;

    record_stretch(10);
    visit(&tally, &(struct powercut_options){ .seed = 3 });
    /* Nothing, A, and A flushed; prefixes of ten; and the other choices. */
    ck_assert_uint_eq(tally.states, 3 + 10 + (1024 - 11));
    for (unsigned i = 1; i <= 10; i++) {
        ck_assert_uint_eq(tally.before[i], 2 + 512);
        ck_assert_uint_eq(tally.after[i], 512);
    }
    ck_assert_uint_eq(tally.before[0], 1);
}
END_TEST

START_TEST(some_choices_of_more)
{
    static struct tally tally;

    record_stretch(11);
    visit(&tally, &(struct powercut_options){ .seed = 3 });
    ck_assert_uint_eq(tally.states, 3 + 11 + 200);
    for (unsigned i = 1; i <= 11; i++) {
        ck_assert_uint_gt(tally.before[i], 50);
        ck_assert_uint_gt(tally.after[i], 50);
    }
    ck_assert_uint_eq(tally.before[0], 1);
    visit(&tally, &(struct powercut_options){ .random_subsets = 9 });
    ck_assert_uint_eq(tally.states, 3 + 11 + 9);
    visit(&tally, &(struct powercut_options){ .all_up_to = 11 });
    ck_assert_uint_eq(tally.states, 3 + 2048 - 1);
}
END_TEST

START_TEST(some_tears_of_many)
{
    static struct tally tally;

    write_at(0, SECTORS * SECTOR, 'A');
    visit(&tally, &(struct powercut_options){ .seed = 3, .tears = 10 });
    ck_assert_uint_eq(tally.states, 1 + 10 + 1);
    visit(&tally, &(struct powercut_options){ .seed = 3, .tears = 1000 });
    ck_assert_uint_eq(tally.states, 1 + 255 + 1);
    for (unsigned i = 0; i < SECTORS; i++)
        ck_assert_uint_eq(tally.before[i], 1 + i);
}
END_TEST

/* A sample is evenly spread over the states, and the same if asked again. */
START_TEST(samples)
{
    static struct tally all, some, again, other;
    struct powercut_options options = { .seed = (uint64_t)_i };
    unsigned at = 0;

    record_stretch(9);
    visit(&all, &options);
    options.max_states = 100;
    visit(&some, &options);
    visit(&again, &options);
    options.seed += 1000;
    visit(&other, &options);

    ck_assert_uint_eq(all.states, 3 + 512 - 1);
    ck_assert_uint_eq(some.states, 100);
    ck_assert(memcmp(&some, &again, sizeof some) == 0);
    ck_assert(memcmp(some.numbers, other.numbers, sizeof some.numbers) != 0);
    for (unsigned i = 0; i < some.states; i++) {
        while (all.numbers[at] != some.numbers[i])
            at++;               /* in order, and there */
        if (i > 0)
            ck_assert_uint_le(some.numbers[i] - some.numbers[i - 1], 6);
    }
    options.max_states = 100000;
    visit(&other, &options);
    ck_assert_uint_eq(other.states, all.states);
}
END_TEST

static uint8_t last[sizeof image];
static unsigned left;           /* states to see before it is enough */

static bool enough(void *context, const struct powercut_state *state)
{
    (void)context;
    memcpy(last, state->image, sizeof last);
    return --left > 0;
}

/* A judge that has seen enough keeps the image as it saw it. */
START_TEST(stops)
{
    const struct powercut_options options = { .seed = 1 };

    record_stretch(6);
    for (unsigned stop = 1; stop <= 3 + 64 - 1; stop++) {
        memset(image, '.', sizeof image);
        left = stop;
        ck_assert_uint_eq(powercut_visit(image, sizeof image, fault.records,
                                         &options, enough, NULL), stop);
        if (stop < 3 + 64 - 1)
            ck_assert(memcmp(image, last, sizeof image) == 0);
    }
}
END_TEST

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

Suite *suite(void)
{
    Suite *s = suite_create("support/powercut");
    TCase *tc = tcase_create("powercut");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, every_state, 0, COUNT(cases));
    tcase_add_test(tc, tears_on_the_medium);
    tcase_add_test(tc, all_choices_of_ten);
    tcase_add_test(tc, some_choices_of_more);
    tcase_add_test(tc, some_tears_of_many);
    tcase_add_loop_test(tc, samples, 0, 5);
    tcase_add_test(tc, stops);
    suite_add_tcase(s, tc);
    return s;
}
