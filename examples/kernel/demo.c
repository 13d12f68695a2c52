/*
 * demo.c - threads that use a volume at the same time
 *
 * One thread writes a file again and again, each time with another byte
 * throughout; two read it meanwhile, and the timer takes turns among them. A
 * write is whole or not at all for who reads: as long as Shale's locks, which
 * are this kernel's (lock.c), do what they are for, no read ever finds two
 * different bytes.
 */
#include "kernel.h"

#define BYTES   ((size_t)256 << 10)
#define WRITES  64u
#define READERS 2u

static const char name[] = "threads.tmp";

struct demo {
    struct shale_vnode *file;
    atomic_bool over;           /* the writer has done its part */
    atomic_int err;             /* the first of any thread's */
    atomic_uint reads, torn;
    atomic_uint versions;       /* that readers saw, each counting its own */
};

static void note(struct demo *demo, int64_t result)
{
    int none = 0;

    if (result < 0)
        atomic_compare_exchange_strong(&demo->err, &none, (int)result);
}

static void write_often(void *arg)
{
    struct demo *demo = arg;
    unsigned char *bytes = shale_alloc(heap, BYTES);

    note(demo, bytes ? 0 : SHALE_ENOMEM);
    for (unsigned n = 1; bytes && n <= WRITES; n++) {
        memset(bytes, (int)n, BYTES);
        note(demo, shale_write(demo->file, bytes, BYTES, 0));
        thread_yield();
    }
    shale_free(heap, bytes, BYTES);
    demo->over = true;
}

static void read_often(void *arg)
{
    struct demo *demo = arg;
    unsigned char *bytes = shale_alloc(heap, BYTES);
    int last = -1;

    note(demo, bytes ? 0 : SHALE_ENOMEM);
    while (bytes && !demo->over) {
        int64_t len = shale_read(demo->file, bytes, BYTES, 0);

        note(demo, len);
        if (len > 1 && memcmp(bytes, bytes + 1, (size_t)len - 1) != 0)
            demo->torn++;
        if (len > 0 && bytes[0] != last) {
            last = bytes[0];
            demo->versions++;
        }
        demo->reads++;
        thread_yield();
    }
    shale_free(heap, bytes, BYTES);
}

/* Start all threads, and wait for those that there was memory for. */
static void run(struct demo *demo)
{
    struct thread *threads[READERS + 1];
    size_t count = 0;

    for (; count <= READERS; count++) {
        threads[count] = count < READERS
                             ? thread_start("reader", read_often, demo)
                             : thread_start("writer", write_often, demo);
        if (!threads[count]) {
            note(demo, SHALE_ENOMEM);
            demo->over = true;
            break;
        }
    }
    while (count-- > 0)
        thread_join(threads[count]);
}

int demo_threads(struct volume *volume)
{
    struct shale_node node = { .mode = SHALE_S_IFREG | 0644 };
    struct demo demo = { 0 };
    struct shale_vnode *root;
    int err = shale_walk(volume->fs, NULL, "/", 0, &root);

    if (err)
        return err;
    err = shale_create(root, name, sizeof name - 1, &node, &demo.file);
    if (!err) {
        run(&demo);
        shale_vnode_put(demo.file);
        err = shale_unlink(root, name, sizeof name - 1);
        err = demo.err ? demo.err : err;
    }
    shale_vnode_put(root);
    if (err) {
        print("threads: %s\n", shale_strerror(err));
        return err;
    }
    print("threads: %u writes of %zu KiB beside %u reads, which saw %u "
          "versions, %u torn\n", WRITES, BYTES >> 10, demo.reads,
          demo.versions, demo.torn);
    return demo.torn > 0 ? SHALE_EIO : 0;
}
