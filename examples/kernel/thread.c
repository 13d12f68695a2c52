/*
 * thread.c - threads, which take turns
 *
 * A thread is a stack. Those that can run stand in one list, first come first,
 * and each runs until it waits or the timer's tick finds it running: then it
 * goes to the end of the list. The boot stack runs when the list is empty, and
 * is never in it.
 *
 * All lists are touched with interrupts off only, and with one processor that
 * is all the locking they need. A switch happens with interrupts off, too; who
 * goes on restores what it had.
 */
#include "arch.h"
#include "kernel.h"
#include "machine.h"

/* What a stack's unused part is full of. */
#define STACK_FILL 0xa5

/* Below each stack is a page that faults: machine_guard() sees to that. */
static _Alignas(GUARD_SIZE) struct stack {
    unsigned char guard[GUARD_SIZE];
    unsigned char bytes[THREAD_STACK_SIZE];
} stacks[THREAD_MAX];

struct thread {
    void *context;              /* the stack's top, while another one runs */
    struct thread *next;        /* in the one list that it is in */
    struct stack *stack;        /* NULL: it is free */
    const char *name;
    void (*entry)(void *arg);
    void *arg;
    uint64_t wake_at;           /* clock_ns(), of a sleeping one */
    bool ended;
    struct waiters joiners;
};

static struct thread threads[THREAD_MAX];
static struct thread idle = { .name = "idle" };
static struct thread *current = &idle;
static struct waiters ready;
static struct waiters sleepers;
static size_t stack_peak;
static bool ticked;             /* since the running thread began its turn */

/* ------------------------------------- lists, with interrupts off */

static void append(struct waiters *list, struct thread *thread)
{
    thread->next = NULL;
    if (list->last)
        list->last->next = thread;
    else
        list->first = thread;
    list->last = thread;
}

static struct thread *take_first(struct waiters *list)
{
    struct thread *thread = list->first;

    if (thread) {
        list->first = thread->next;
        if (!list->first)
            list->last = NULL;
    }
    return thread;
}

/* Let the next one run. CURRENT is in the list it belongs in. */
static void switch_away(void)
{
    struct thread *from = current, *to = take_first(&ready);

    ticked = false;
    current = to ? to : &idle;
    if (current != from)
        context_switch(&from->context, current->context);
}

/* ------------------------------------------------------------- waiting */

void wait_on(struct waiters *waiters, struct spinlock *lock)
{
    bool interrupts = lock->interrupts;

    append(waiters, current);
    atomic_store_explicit(&lock->held, 0, memory_order_release);
    switch_away();
    spin_lock(lock);
    lock->interrupts = interrupts;
}

void wake_one(struct waiters *waiters)
{
    bool interrupts = interrupts_off();
    struct thread *thread = take_first(waiters);

    if (thread)
        append(&ready, thread);
    interrupts_restore(interrupts);
}

void wake_all(struct waiters *waiters)
{
    bool interrupts = interrupts_off();
    struct thread *thread;

    while ((thread = take_first(waiters)) != NULL)
        append(&ready, thread);
    interrupts_restore(interrupts);
}

void thread_yield(void)
{
    bool interrupts = interrupts_off();

    append(&ready, current);
    switch_away();
    interrupts_restore(interrupts);
}

void thread_sleep(uint64_t ns)
{
    bool interrupts = interrupts_off();

    current->wake_at = clock_ns() + ns;
    append(&sleepers, current);
    switch_away();
    interrupts_restore(interrupts);
}

/* ------------------------------------------ from the timer's interrupt */

void thread_tick(void)
{
    struct waiters still = { NULL, NULL };
    uint64_t now = clock_ns();
    struct thread *thread;

    while ((thread = take_first(&sleepers)) != NULL)
        append(thread->wake_at <= now ? &ready : &still, thread);
    sleepers = still;
    ticked = true;
}

void thread_preempt(void)
{
    if (!ready.first || (current != &idle && !ticked))
        return;
    if (current != &idle)
        append(&ready, current);
    switch_away();
}

/* Who uses too much stack, or a null pointer, is to know. */
void thread_init(void)
{
    const void *pages[THREAD_MAX + 2] = { NULL, boot_stack_guard };

    _Static_assert(countof(pages) <= GUARDS_MAX, "each stack has a guard");
    for (size_t i = 0; i < THREAD_MAX; i++)
        pages[2 + i] = stacks[i].guard;
    machine_guard(pages, countof(pages));
}

bool thread_is_guard(uintptr_t address)
{
    if (address - (uintptr_t)boot_stack_guard < GUARD_SIZE)
        return true;
    for (size_t i = 0; i < THREAD_MAX; i++)
        if (address - (uintptr_t)stacks[i].guard < GUARD_SIZE)
            return true;
    return false;
}

_Noreturn void thread_idle(void)
{
    for (;;) {
        interrupts_off();
        if (ready.first)
            switch_away();
        else
            wait_for_interrupt();
    }
}

/* ----------------------------------------------------- a thread's life */

/* Bytes of STACK that have been used. */
static size_t stack_used(const struct stack *stack)
{
    size_t unused = 0;

    while (unused < THREAD_STACK_SIZE && stack->bytes[unused] == STACK_FILL)
        unused++;
    return THREAD_STACK_SIZE - unused;
}

/* Where a new thread's stack says to go on, with interrupts off. */
static void begin(void)
{
    interrupts_restore(true);
    current->entry(current->arg);

    interrupts_off();
    current->ended = true;
    wake_all(&current->joiners);
    switch_away();
    panic("a thread that has ended runs");
}

/* A thread that is free, and not any more; NULL if all are at work. */
static struct thread *thread_take(void)
{
    bool interrupts = interrupts_off();
    struct thread *thread = NULL;

    for (size_t i = 0; !thread && i < THREAD_MAX; i++) {
        if (!threads[i].stack) {
            thread = &threads[i];
            *thread = (struct thread){ .stack = &stacks[i] };
        }
    }
    interrupts_restore(interrupts);
    return thread;
}

struct thread *thread_start(const char *name, void (*entry)(void *arg),
                            void *arg)
{
    struct thread *thread = thread_take();
    bool interrupts;

    if (!thread)
        return NULL;
    memset(thread->stack->bytes, STACK_FILL, THREAD_STACK_SIZE);
    thread->name = name;
    thread->entry = entry;
    thread->arg = arg;
    thread->context = context_make(thread->stack->bytes + THREAD_STACK_SIZE,
                                   begin);

    interrupts = interrupts_off();
    append(&ready, thread);
    interrupts_restore(interrupts);
    return thread;
}

void thread_join(struct thread *thread)
{
    struct spinlock lock = { 0 };
    size_t used;

    spin_lock(&lock);           /* interrupts off: what END does, whole */
    while (!thread->ended)
        wait_on(&thread->joiners, &lock);
    spin_unlock(&lock);

    used = stack_used(thread->stack);
    if (used > stack_peak)
        stack_peak = used;
    thread->stack = NULL;
}

const char *thread_name(void)
{
    return current->name;
}

size_t thread_stack_peak(void)
{
    size_t used = current->stack ? stack_used(current->stack) : 0;

    return used > stack_peak ? used : stack_peak;
}
