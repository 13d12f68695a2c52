/*
 * alloc.c - one allocator, one kind of work, one number a line
 *
 *     alloc ALLOCATOR pairs OBJECT THREADS     ns to allocate and free one
 *     alloc ALLOCATOR bursts OBJECT THREADS    ... 64 of them, then all freed
 *     alloc ALLOCATOR handed OBJECT 2          ... 256, freed by another thread
 *     alloc ALLOCATOR slots THREADS            a load like that of programs
 *     alloc ALLOCATOR full                     256 MiB until there is no more
 *
 * ALLOCATOR is malloc (whatever the program was started with), shale (the
 * core's, by size), slab (the core's, a slab of the object; pairs, bursts and
 * handed only), each of these as locked- without places (see mem.h), or alone-
 * for one thread without locks, or void, which does nothing, to tell what the
 * harness costs.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "shale/host.h"

enum { THREADS_MAX = 2 };

static unsigned threads;

/* A thread's own time, which does not count who else is on the machine. */
static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* xorshift64*: a few cycles, and good enough to choose by. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * 0x2545f4914f6cdd1du;
}

/* ------------------------------------------------------------- allocators */

static struct shale_mem *mem;
static struct shale_slab *slab;
static _Thread_local uint8_t nothing[1 << 10];

static void *malloc_alloc(size_t size) { return malloc(size); }
static void malloc_free(void *ptr, size_t size) { (void)size; free(ptr); }
static void *shale_mem_alloc(size_t size) { return shale_alloc(mem, size); }
static void shale_mem_free(void *p, size_t size) { shale_free(mem, p, size); }
static void *slab_get(size_t size)
{
    (void)size;
    return shale_slab_alloc(slab);
}
static void slab_put(void *p, size_t size)
{
    (void)size;
    shale_slab_free(slab, p);
}
static void *void_alloc(size_t size) { (void)size; return nothing; }
static void void_free(void *ptr, size_t size) { (void)ptr; (void)size; }

struct allocator {
    const char *name;
    void *(*alloc)(size_t size);
    void (*free)(void *ptr, size_t size);
};

static const struct allocator allocators[] = {
    { "malloc", malloc_alloc, malloc_free },
    { "shale", shale_mem_alloc, shale_mem_free },
    { "slab", slab_get, slab_put },
    { "locked-shale", shale_mem_alloc, shale_mem_free },
    { "locked-slab", slab_get, slab_put },
    { "alone-shale", shale_mem_alloc, shale_mem_free },
    { "alone-slab", slab_get, slab_put },
    { "void", void_alloc, void_free },
};

static const struct allocator *a;

/* Memory for an allocator without locks. */
static void *lend(struct shale_arena_source *source, size_t min, size_t *size)
{
    size_t most = source ? (size_t)1 << 20 : 0;
    void *arena;

    *size = min > most ? (min + 4095) & ~(size_t)4095 : most;
    return posix_memalign(&arena, 1 << 16, *size) ? NULL : arena;
}

static void give_back(struct shale_arena_source *source, void *arena,
                      size_t size)
{
    (void)source;
    (void)size;
    free(arena);
}

static struct shale_arena_source arenas = {
    .lend = lend, .give_back = give_back,
};

static struct shale_mem *mem_create(size_t budget)
{
    struct shale_mem *made;

    if (strncmp(a->name, "alone-", 6) == 0)
        return shale_mem_create(&arenas, NULL, budget);
    made = shale_host_mem_create(budget);
    if (!made || (strncmp(a->name, "locked-", 7) != 0 &&
                  shale_mem_set_places(made, &shale_host_places)))
        abort();
    return made;
}

/* ---------------------------------------------------------------- objects */

static const struct object {
    const char *name;
    size_t size;
} objects[] = {
    { "name", 24 }, { "buffer", 80 }, { "vnode", 320 }, { "block", 4096 },
};

static const struct object *object;

enum { PAIRS = 4000000, BURST = 64, HANDED = 256 };

static pthread_barrier_t start;

static double pairs(uintptr_t self)
{
    double since = now();

    (void)self;
    for (unsigned i = 0; i < PAIRS; i++) {
        uint8_t *p = a->alloc(object->size);

        *(volatile uint8_t *)p = 1;
        a->free(p, object->size);
    }
    return now() - since;
}

static double bursts(uintptr_t self)
{
    void *held[BURST];
    double since = now();

    (void)self;
    for (unsigned i = 0; i < PAIRS / BURST; i++) {
        for (unsigned n = 0; n < BURST; n++) {
            held[n] = a->alloc(object->size);
            *(volatile uint8_t *)held[n] = 1;
        }
        for (unsigned n = 0; n < BURST; n++)
            a->free(held[n], object->size);
    }
    return now() - since;
}

/*
 * One makes them, box by box, the other takes them away: each waits by giving
 * way, and only what it takes to allocate and to free is counted.
 */
static struct box {
    atomic_bool is_full;
    void *objects[HANDED];
} boxes[2];

static void box_fill(struct box *box)
{
    for (unsigned n = 0; n < HANDED; n++) {
        box->objects[n] = a->alloc(object->size);
        *(volatile uint8_t *)box->objects[n] = 1;
    }
}

static void box_empty(struct box *box)
{
    for (unsigned n = 0; n < HANDED; n++)
        a->free(box->objects[n], object->size);
}

static double handed(uintptr_t self)
{
    bool empties = self != 0;
    double seconds = 0;

    for (unsigned i = 0; i < PAIRS / 4 / HANDED; i++) {
        struct box *box = &boxes[i % 2];
        double since;

        while (atomic_load(&box->is_full) != empties)
            sched_yield();
        since = now();
        (empties ? box_empty : box_fill)(box);
        seconds += now() - since;
        atomic_store(&box->is_full, !empties);
    }
    return seconds;
}

/* What one of the threads does, and how long it has taken for that. */
struct runner {
    double (*body)(uintptr_t self);
    uintptr_t self;
    double seconds;
};

static void *run(void *arg)
{
    struct runner *runner = arg;

    pthread_barrier_wait(&start);
    runner->seconds = runner->body(runner->self);
    return NULL;
}

/* All of them at once; returns the sum of what they have taken. */
static double run_threads(double (*body)(uintptr_t self))
{
    struct runner runners[THREADS_MAX];
    pthread_t ids[THREADS_MAX];
    double seconds = 0;

    pthread_barrier_init(&start, NULL, threads);
    for (unsigned i = 0; i < threads; i++) {
        runners[i] = (struct runner){ .body = body, .self = i };
        if (pthread_create(&ids[i], NULL, run, &runners[i]))
            abort();
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(ids[i], NULL);
        seconds += runners[i].seconds;
    }
    return seconds;
}

/* ------------------------------------------------------------------ slots */

/*
 * A slot is picked by six rules, each of which takes a fifth of what is left
 * four times of five. If it holds an object that is read and freed, else one is
 * allocated and written. Sizes of 16 to 1023 bytes: each doubling half as
 * likely as the one before it.
 */
enum { SLOTS = 1 << 18, STEPS = 10000000, RULES = 6 };

struct slot {
    uint8_t *ptr;
    uint32_t size;
};

static struct worker {
    struct slot *slots;
    uint64_t random, sum;
    size_t live, peak;
    char apart[128];            /* ... from the other thread's */
} workers[THREADS_MAX];

static size_t pick(uint64_t *random)
{
    size_t first = 0, count = SLOTS;
    uint64_t x = next_random(random) >> 8;

    for (unsigned i = 0; i < RULES; i++, x /= 5) {
        size_t fifth = count / 5;

        if (x % 5 != 0) {
            count = fifth;
        } else {
            first += fifth;
            count -= fifth;
        }
    }
    return first + next_random(random) % count;
}

static uint32_t some_size(uint64_t *random)
{
    uint64_t x = next_random(random) >> 8;
    uint32_t size = 16;

    while (size < 512 && x & 1) {
        size *= 2;
        x >>= 1;
    }
    return size + (uint32_t)(x >> 8) % size;
}

static double slots(uintptr_t self)
{
    struct worker *w = &workers[self];
    double since = now();

    for (unsigned i = 0; i < STEPS / threads; i++) {
        struct slot *slot = &w->slots[pick(&w->random)];

        if (slot->ptr) {
            for (uint32_t n = 0; n + 8 <= slot->size; n += 8) {
                uint64_t word;

                memcpy(&word, slot->ptr + n, 8);
                w->sum += word;
            }
            a->free(slot->ptr, slot->size);
            w->live -= slot->size;
            slot->ptr = NULL;
            continue;
        }
        slot->size = some_size(&w->random);
        slot->ptr = a->alloc(slot->size);
        memset(slot->ptr, (int)i, slot->size);
        w->live += slot->size;
        if (w->live > w->peak)
            w->peak = w->live;
    }
    return now() - since;
}

/* Of this program; getrusage() would tell of who has started it as well. */
static size_t most_resident(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    size_t kib = 0;

    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %zu", &kib) == 1)
            break;
    if (!file || kib == 0)
        abort();
    fclose(file);
    return kib << 10;
}

static void run_slots(void)
{
    size_t before, peak = 0;
    double seconds;

    for (unsigned i = 0; i < threads; i++) {
        size_t size = SLOTS * sizeof(struct slot);

        workers[i].slots = aligned_alloc(4096, size);
        memset(workers[i].slots, 0, size);
        workers[i].random = 88172645463325252u + i;
    }
    before = most_resident();
    seconds = run_threads(slots);
    for (unsigned i = 0; i < threads; i++)
        peak += workers[i].peak;
    printf("ns %.2f\nratio %.3f\nlive %zu\n", seconds * 1e9 / STEPS,
           (double)(most_resident() - before) / (double)peak, peak);
}

/* ------------------------------------------------------------------- full */

enum { FULL = 256 << 20, HELD_MAX = 4 << 20 };

/* Bytes of addresses this process has. */
static size_t addresses(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;

    if (!file || fscanf(file, "%zu", &pages) != 1)
        abort();
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* Two are allocated for each that is freed, until one is refused. */
static void run_full(void)
{
    struct slot *held = malloc(HELD_MAX * sizeof *held);
    uint64_t random = 88172645463325252u, actions = 0;
    size_t count = 0, live = 0;
    struct rlimit limit;
    double since;

    memset(held, 0, HELD_MAX * sizeof *held);
    if (a->alloc == shale_mem_alloc) {
        shale_mem_destroy(mem);
        mem = mem_create(FULL);
    } else {
        limit.rlim_cur = limit.rlim_max = addresses() + FULL;
        setrlimit(RLIMIT_AS, &limit);
    }
    since = now();
    for (;; actions++) {
        uint64_t x = next_random(&random) >> 8;

        if (count > 0 && x % 3 == 0) {
            size_t i = (x >> 2) % count;

            live -= held[i].size;
            a->free(held[i].ptr, held[i].size);
            held[i] = held[--count];
            continue;
        }
        held[count].size = some_size(&random);
        held[count].ptr = a->alloc(held[count].size);
        if (!held[count].ptr || count + 1 == HELD_MAX)
            break;
        live += held[count++].size;
    }
    printf("actions %.2f\nfull %.4f\n", (double)actions / (now() - since) / 1e6,
           (double)live / FULL);
}

/* ------------------------------------------------------------------- main */

static bool choose(const char *name, const char *what)
{
    for (size_t i = 0; i < sizeof allocators / sizeof allocators[0]; i++)
        if (strcmp(allocators[i].name, name) == 0)
            a = &allocators[i];
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        if (what && strcmp(objects[i].name, what) == 0)
            object = &objects[i];
    return a != NULL;
}

int main(int argc, char **argv)
{
    const char *work = argc > 2 ? argv[2] : "";
    struct shale_slab_config config = { .name = "object", .size = 16 };
    double (*body)(uintptr_t) = strcmp(work, "pairs") == 0 ? pairs :
                            strcmp(work, "bursts") == 0 ? bursts :
                            strcmp(work, "handed") == 0 ? handed : NULL;

    if (argc < 3 || !choose(argv[1], argc > 3 ? argv[3] : NULL))
        return 2;
    threads = (unsigned)atoi(argv[argc - 1]);
    if (threads < 1 || threads > THREADS_MAX)
        threads = 1;
    mem = mem_create(0);
    if (object)
        config.size = object->size;
    slab = shale_slab_create(mem, &config);
    if (body && object)
        printf("ns %.2f\n", run_threads(body) * 1e9 /
                                (body == handed ? PAIRS / 4 : PAIRS * threads));
    else if (strcmp(work, "slots") == 0)
        run_slots();
    else if (strcmp(work, "full") == 0)
        run_full();
    else
        return 2;
    return 0;
}
