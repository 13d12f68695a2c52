/*
 * kernel.h - what the parts of this kernel offer each other
 *
 * One processor, one address space in which an address is the memory's own,
 * and nothing under it but the machine. What differs between machines is in
 * machine.h; all else is here: a console, a clock, threads and what they wait
 * on, a heap, disks, and the volumes found on them.
 *
 * Units      bytes and nanoseconds
 * Errors     0 or a negative enum shale_err, as in Shale itself
 * Context    what an interrupt handler may call says so; all else is for
 *            threads, and may wait
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/shale.h"

#define countof(array) (sizeof(array) / sizeof *(array))

/* ------------------------------------------------- text (text.c, memory.c) */

/*
 * The four functions that Shale asks for, and that a compiler may call on its
 * own.
 */
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

size_t text_len(const char *text);
bool text_equal(const char *a, const char *b);
bool text_begins(const char *text, const char *start);

/* The decimal number that TEXT is, whole; false if it is none. */
bool text_number(const char *text, uint64_t *out);

/*
 * printf(3)'s %c %s %d %u %x %p %%, with '-', '0', a width, a precision of %s
 * (both may be '*'), and the lengths l, ll and z. A uint64_t is an unsigned
 * long on both machines: %lu. Stores at most SIZE bytes with the NUL and
 * answers how long the whole text is.
 */
__attribute__((format(printf, 3, 4)))
size_t text_format(char *out, size_t size, const char *format, ...);

/* Tell EMIT the characters, one after the other; what the two others stand
 * on. */
void text_vformat(void (*emit)(void *context, char c), void *context,
                  const char *format, va_list args);

/* ----------------------------------------------------- console (console.c) */

/*
 * Write to the serial line; "\n" becomes "\r\n". Lines of different threads
 * may alternate, but a call's text stays in one piece. From interrupts, too.
 */
void console_write(const char *text, size_t len);
__attribute__((format(printf, 1, 2)))
void print(const char *format, ...);

/* For a panic: whoever is writing will not go on, so the console is ours. */
void console_seize(void);

/* The next byte from the serial line; waits for it. */
char console_getc(void);

/*
 * A line, without its end, cut to SIZE - 1 bytes and terminated; answers its
 * length. Echoes what is typed and knows backspace.
 */
size_t console_line(char *out, size_t size);

/* Where a volume's events go: a line each. Lend it as shale_config.log. */
extern struct shale_log console_log;

/* --------------------------------------------------------- clock (clock.c) */

/* Nanoseconds since the start; never goes back. From interrupts, too. */
uint64_t clock_ns(void);

/* The time of day. Lend it as shale_config.clock. */
extern struct shale_clock kernel_clock;

/* ------------------------------------------------------- threads (thread.c) */

struct thread;

/*
 * Start a thread that runs ENTRY(ARG) and ends when that returns. NAME is
 * static storage. NULL if there are THREAD_MAX.
 */
struct thread *thread_start(const char *name, void (*entry)(void *arg),
                            void *arg);

#define THREAD_MAX 12u

/* Wait until THREAD has ended, and free it. Once for every thread. */
void thread_join(struct thread *thread);

void thread_yield(void);                /* let others run */
void thread_sleep(uint64_t ns);         /* to the next tick after so long */
const char *thread_name(void);          /* of the one that runs */

/* Most bytes of its stack that any thread has used; a stack's size. */
size_t thread_stack_peak(void);
#define THREAD_STACK_SIZE 16384u

/* ----------------------------------------------------------- locks (lock.c) */

/*
 * Held for a few instructions, with interrupts off; taken by threads and by
 * interrupt handlers. One that is all zeros is free.
 */
struct spinlock {
    atomic_uint held;
    bool interrupts;            /* were they on? */
};

void spin_lock(struct spinlock *lock);
void spin_unlock(struct spinlock *lock);

/* Threads that wait for something, first come first. All zeros: none. */
struct waiters {
    struct thread *first, *last;
};

/*
 * Open LOCK, wait to be woken, take LOCK again: the caller looks again at
 * what it waits for. LOCK is also held by who wakes, so no waking is missed.
 */
void wait_on(struct waiters *waiters, struct spinlock *lock);
void wake_one(struct waiters *waiters);
void wake_all(struct waiters *waiters);

/*
 * One writer or any number of readers; others sleep. A writer that waits goes
 * before readers that come after it. As a mutex: lock_exclusive() alone.
 */
struct lock {
    atomic_uint state;          /* who holds it: see lock.c */
    struct spinlock spin;       /* of what is below, and those who wait */
    unsigned writers_waiting;
    struct waiters readers, writers;
};

void lock_exclusive(struct lock *lock);
void lock_shared(struct lock *lock);
void lock_release(struct lock *lock);

/* These locks as Shale takes them. Lend it as shale_config.locks. */
extern const struct shale_lock_ops kernel_locks;

/* ----------------------------------------------------------- heap (heap.c) */

/*
 * A static array of KERNEL_HEAP_SIZE bytes is lent to allocators, of which this
 * is the kernel's own, for all that is not a volume's.
 */
extern struct shale_mem *heap;

/* Make another. NULL if nothing is left. shale_mem_destroy() ends it. */
struct shale_mem *heap_make(void);

size_t heap_size(void);
size_t heap_peak(void);         /* most that was lent at once */

/* ---------------------------------------------------------- disks (disk.c) */

#define DISK_MAX 8u

struct disk {
    char name[8];               /* "vda", "hda" */
    const char *kind;           /* "virtio-blk", "IDE" */
    struct shale_bdev *dev;
};

extern struct disk disks[DISK_MAX];
extern size_t disk_count;

/* A driver has found DEV: the next free name that begins with PREFIX. */
void disk_add(const char *prefix, const char *kind, struct shale_bdev *dev);

/*
 * How drivers that can do both wait for a request: by interrupts, which is how
 * the kernel starts, or by looking again and again.
 */
extern bool disk_polling;

/* Most requests that any disk has had under way at once. */
extern unsigned disk_requests_peak;

/*
 * What disks that do many requests at once have been asked since the start: so
 * many, and the device told of them, and a thread sent to sleep, so often.
 */
struct disk_work {
    uint64_t requests, told, sleeps;
};
extern struct disk_work disk_work;

/* ------------------------------------------------------ volumes (volume.c) */

/* What each may keep in memory beyond what it is using. */
#define VOLUME_CACHE_BYTES   ((size_t)512 << 10)
#define VOLUME_DECODED_BYTES ((size_t)256 << 10)
#define VOLUME_VNODE_MAX     64u

/* What commands do at once with a volume, at most: for the memory formula. */
#define VOLUME_VNODES_HELD   32u
#define VOLUME_CALLS         4u

/* ... and where all volumes have one small array together. */
#define SHARED_MAX           ((size_t)128 << 10)
#define SHARED_CACHE_BYTES   ((size_t)2 << 10)
#define SHARED_DECODED_BYTES ((size_t)4 << 10)
#define SHARED_VNODE_MAX     4u

struct volume {
    struct disk *disk;
    struct shale_fs *fs;        /* NULL: nothing is mounted */
    struct shale_mem *mem;      /* what it takes; NULL: nothing is mounted */
};

/* One for each disk, in their order; there once volumes_mount() was called. */
extern struct volume volumes[DISK_MAX];

/*
 * Mount what VOLUME's disk holds, by asking all drivers, and say so on the
 * console / sync it and unmount it, and tell what memory it took. SHALE_EBUSY
 * if it is mounted already.
 */
int volume_mount(struct volume *volume, bool read_only);
int volume_unmount(struct volume *volume);

/*
 * Tell how much memory VOLUME, which is mounted, has now, had at most, and may
 * have by the formula: shale_memory_bound(). SHALE_ENOMEM if it was more.
 */
int volume_memory(const struct volume *volume);

/* The same for all, for writing. Answers how many failed. */
unsigned volumes_mount(void);
unsigned volumes_unmount(void);

/*
 * Unmount all volumes, and mount them with SIZE bytes of memory for all of them
 * together, up to SHARED_MAX, until the last one is unmounted. 0: each has its
 * own again. The error has been told.
 */
int volumes_share(size_t size);

/*
 * Volumes do not give up their memory for each other. Between two commands we
 * have those that share theirs write down what waits, and keep nothing that is
 * only there to be fast. Answers the first error, which has been told.
 */
int volumes_rest(void);

/*
 * Where PATH is: "vda:/etc/hosts" or, by the kind of volume, "ext2:/etc/hosts".
 * Stores the rest of PATH in *REST. NULL if there is no such volume.
 */
struct volume *volume_of(const char *path, const char **rest);

/* ------------------------------------------------------------------- others */

/*
 * Commands in the shell, which start what they say: threads that read while
 * one writes (demo.c), and a file's speed beside that of its sectors read
 * without a filesystem (speed.c). Print what they find.
 */
int demo_threads(struct volume *volume);
int speed_file(struct volume *volume, const char *path);

/* Read and run commands until one of them is to power off; its status. */
int shell(void);

/* Switch the machine off; QEMU ends with STATUS, 0 to 125, see README.md. */
_Noreturn void poweroff(int status);

/*
 * Our own code is wrong, or the machine is not what it must be: say so and
 * switch off with PANIC_STATUS.
 */
#define PANIC_STATUS 99
_Noreturn void panic(const char *what);

#endif /* KERNEL_H */
