/*
 * test_mem_queue.c - the bounded queue by one thread, and calls cut in half
 *
 * A call that was stopped halfway is made by hand: the head or the tail has
 * been moved, and the turn of the slot is yet to be set.
 */
#include <string.h>

#include "shale/queue.h"
#include "suite.h"

enum { SLOTS_MAX = 100 };

static const size_t capacities[] = { 1, 2, 3, 4, 5, 7, 8, 16, 33, SLOTS_MAX };

enum { CAPACITIES = sizeof capacities / sizeof capacities[0] };

static struct shale_queue_slot slots[SLOTS_MAX];
static struct shale_queue queue;
static int items[1000];         /* items are pointers to these */

static void open_queue(size_t capacity)
{
    memset(slots, 0xa5, sizeof slots);
    shale_queue_init(&queue, slots, capacity);
}

/* As if so many rounds had been made already that the word soon comes round. */
static void age(uintptr_t rounds_left)
{
    uintptr_t at = 0 - rounds_left * queue.lap;

    atomic_store(&queue.head, at);
    atomic_store(&queue.tail, at);
    for (size_t i = 0; i < queue.capacity; i++)
        atomic_store(&slots[i].turn, at);
}

static void push(int i)
{
    ck_assert(shale_queue_push(&queue, &items[i]));
}

static void pop_is(int i)
{
    ck_assert_ptr_eq(shale_queue_pop(&queue), &items[i]);
}

static void pop_is_none(void)
{
    ck_assert_ptr_null(shale_queue_pop(&queue));
    ck_assert(shale_queue_is_empty(&queue));
}

START_TEST(a_lap)
{
    static const struct {
        size_t count;
        uintptr_t lap;
    } cases[] = {
        { 1, 2 }, { 2, 2 }, { 3, 4 }, { 4, 4 }, { 5, 8 }, { 8, 8 }, { 9, 16 },
        { 1000, 1024 }, { 65536, 65536 }, { 65537, 131072 },
        { (size_t)1 << 28, (uintptr_t)1 << 28 },
        { ((size_t)1 << 27) + 1, (uintptr_t)1 << 28 },
    };

    ck_assert_uint_eq(SHALE_QUEUE_LAP(cases[_i].count), cases[_i].lap);
    (void)items;
}
END_TEST

START_TEST(made_before_the_program_starts)
{
    static struct shale_queue_slot three[3];
    static struct shale_queue still = SHALE_QUEUE_INIT(three);

    ck_assert(shale_queue_is_empty(&still));
    for (int i = 0; i < 3; i++)
        ck_assert(shale_queue_push(&still, &items[i]));
    ck_assert(!shale_queue_push(&still, &items[3]));
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_eq(shale_queue_pop(&still), &items[i]);
    ck_assert_ptr_null(shale_queue_pop(&still));
}
END_TEST

START_TEST(fills_and_empties)
{
    int capacity = (int)capacities[_i];

    open_queue(capacities[_i]);
    for (int round = 0; round < 5; round++) {
        pop_is_none();
        for (int i = 0; i < capacity; i++)
            push(i);
        ck_assert(!shale_queue_push(&queue, &items[capacity]));
        ck_assert(!shale_queue_is_empty(&queue));
        for (int i = 0; i < capacity; i++)
            pop_is(i);
    }
    pop_is_none();
}
END_TEST

START_TEST(the_oldest_makes_room)
{
    int capacity = (int)capacities[_i];
    void *dropped;

    open_queue(capacities[_i]);
    for (int i = 0; i < 3 * capacity; i++) {
        ck_assert(shale_queue_force(&queue, &items[i], &dropped));
        ck_assert_ptr_eq(dropped, i < capacity ? NULL : &items[i - capacity]);
    }
    for (int i = 2 * capacity; i < 3 * capacity; i++)
        pop_is(i);
    pop_is_none();
}
END_TEST

/*
 * Anything, in any order, beside an array in which it is plain; in the first
 * rounds there are, and where the word comes round.
 */
START_TEST(as_a_plain_one)
{
    size_t capacity = capacities[_i / 2];
    const int *plain[SLOTS_MAX];
    size_t count = 0;
    uint32_t x = 1;
    int next = 0;

    open_queue(capacity);
    if (_i % 2 == 1)
        age(50);
    for (unsigned n = 0; n < 20000; n++) {
        void *many[SLOTS_MAX + 1], *dropped;
        size_t want, got;

        x = x * 1664525 + 1013904223;
        want = (x >> 8) % (SLOTS_MAX + 2);
        switch (x >> 30) {
        case 0:
            ck_assert_int_eq(shale_queue_push(&queue, &items[next]),
                             count < capacity);
            if (count < capacity)
                plain[count++] = &items[next];
            next = (next + 1) % 1000;
            break;
        case 1:
            ck_assert(shale_queue_force(&queue, &items[next], &dropped));
            ck_assert_ptr_eq(dropped, count < capacity ? NULL : plain[0]);
            if (count == capacity)
                memmove(plain, plain + 1, --count * sizeof plain[0]);
            plain[count++] = &items[next];
            next = (next + 1) % 1000;
            break;
        case 2:
            ck_assert_ptr_eq(shale_queue_pop(&queue), count ? plain[0] : NULL);
            if (count > 0)
                memmove(plain, plain + 1, --count * sizeof plain[0]);
            break;
        case 3:
            want = want % 4 == 0 ? want : want % 4;
            got = shale_queue_pop_many(&queue, many, want);
            ck_assert_uint_eq(got, want < count ? want : count);
            for (size_t i = 0; i < got; i++)
                ck_assert_ptr_eq(many[i], plain[i]);
            count -= got;
            memmove(plain, plain + got, count * sizeof plain[0]);
            break;
        }
        ck_assert_int_eq(shale_queue_is_empty(&queue), count == 0);
    }
    if (_i % 2 == 1)                    /* it has come round */
        ck_assert_uint_lt(atomic_load(&queue.tail), (uintptr_t)1 << 28);
}
END_TEST

/* ------------------------------------------------------- stopped halfway */

enum { FILLED = 1 };

/* A push that has got slot 0 and no further; and the rest of it. */
static void push_half(void)
{
    ck_assert_uint_eq(atomic_load(&queue.tail), 0);
    atomic_store(&queue.tail, queue.capacity > 1 ? 1 : queue.lap);
}

static void push_rest(int i)
{
    slots[0].item = &items[i];
    atomic_store(&slots[0].turn, FILLED);
}

START_TEST(a_push_stopped_halfway)
{
    int capacity = (int)capacities[_i];
    void *dropped, *many[2];

    open_queue(capacities[_i]);
    push_half();
    pop_is_none();
    for (int i = 1; i < capacity; i++)
        push(i);
    pop_is_none();                      /* they wait for the first */
    ck_assert_uint_eq(shale_queue_pop_many(&queue, many, 2), 0);
    ck_assert(!shale_queue_push(&queue, &items[capacity]));
    ck_assert(!shale_queue_force(&queue, &items[capacity], &dropped));
    ck_assert_ptr_null(dropped);

    push_rest(0);
    for (int i = 0; i < capacity; i++)
        pop_is(i);
    pop_is_none();
}
END_TEST

START_TEST(a_pop_stopped_halfway)
{
    int capacity = (int)capacities[_i];
    void *dropped;

    open_queue(capacities[_i]);
    for (int i = 0; i < capacity; i++)
        push(i);
    atomic_store(&queue.head, capacity > 1 ? 1 : queue.lap);

    ck_assert(!shale_queue_push(&queue, &items[capacity]));
    ck_assert(!shale_queue_force(&queue, &items[capacity], &dropped));
    ck_assert_ptr_null(dropped);
    for (int i = 1; i < capacity; i++)
        pop_is(i);                      /* the others come out all the same */
    pop_is_none();
    ck_assert(!shale_queue_push(&queue, &items[capacity]));

    atomic_store(&slots[0].turn, queue.lap);    /* the rest of the pop */
    push(capacity);
    pop_is(capacity);
    pop_is_none();
}
END_TEST

/* With room left, what is in transit is in nobody's way. */
START_TEST(room_beside_a_pop_stopped_halfway)
{
    open_queue(3);
    push(0);
    atomic_store(&queue.head, 1);
    pop_is_none();
    push(1);
    push(2);
    pop_is(1);
    pop_is(2);
    ck_assert(!shale_queue_push(&queue, &items[3]));
    pop_is_none();
}
END_TEST

/* A force that has the oldest one's place, and has moved the tail or not. */
START_TEST(a_force_stopped_halfway)
{
    void *dropped;

    open_queue(3);
    for (int i = 0; i < 3; i++)
        push(i);
    atomic_store(&queue.head, 1);
    ck_assert(!shale_queue_push(&queue, &items[4]));
    ck_assert(!shale_queue_force(&queue, &items[4], &dropped));
    pop_is(1);
    ck_assert(!shale_queue_push(&queue, &items[4]));

    atomic_store(&queue.tail, queue.lap + 1);
    push(4);
    pop_is(2);
    pop_is_none();                      /* the forced one is the next */

    slots[0].item = &items[3];
    atomic_store(&slots[0].turn, queue.lap | FILLED);
    pop_is(3);
    pop_is(4);
    pop_is_none();
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("mem/queue");
    TCase *tc = tcase_create("queue");

    tcase_add_loop_test(tc, a_lap, 0, 12);
    tcase_add_test(tc, made_before_the_program_starts);
    tcase_add_loop_test(tc, fills_and_empties, 0, CAPACITIES);
    tcase_add_loop_test(tc, the_oldest_makes_room, 0, CAPACITIES);
    tcase_add_loop_test(tc, as_a_plain_one, 0, 2 * CAPACITIES);
    suite_add_tcase(s, tc);

    tc = tcase_create("stopped halfway");
    tcase_add_loop_test(tc, a_push_stopped_halfway, 0, CAPACITIES);
    tcase_add_loop_test(tc, a_pop_stopped_halfway, 0, CAPACITIES);
    tcase_add_test(tc, room_beside_a_pop_stopped_halfway);
    tcase_add_test(tc, a_force_stopped_halfway);
    suite_add_tcase(s, tc);
    return s;
}
