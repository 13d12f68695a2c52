/*
 * check.h - what the checkers of all formats stand on
 *
 *      run.c       shale_check(): who knows this volume, what came of it
 *      base.c      memory, which is counted; locks; when to stop
 *      progress.c  how far it is, and whose bytes are whose
 *      note.c      findings: kept, sorted, given paths and words, told
 *      path.c      paths of what findings are about
 *      sentence.c  a code's sentence, filled in
 *      bits.c      a set of blocks or inodes, small where it is simple
 *      chunk.c     a stretch of such a set
 *      array.c     one small number per inode, where there is one
 *      queue.c     places to be read, sorted, in large runs, by all workers
 *      each.c      the same work for many, by all workers
 *      sort.c      in place
 *      read.c      reading, counted; stretches that are holes
 *      codes.c     findings that every format may have
 *
 * A checker (ext2/check/, fat32/check/, ntfs/check/) reads in phases. In each,
 * what is to be read is known beforehand and read in the device's order: a
 * table from end to end (check_each), or places gathered from what was read
 * before (struct check_queue), sorted.
 *
 * It goes on whatever it finds. What it cannot believe it tells, and takes as
 * not there. All it believes has been compared with the device's size, so work
 * and memory are bounded by that.
 *
 * Errors     of int functions: 0, or SHALE_ENOMEM or SHALE_EINTR (stopped),
 *            which are to be returned at once; a device's error is told, and
 *            is none
 * Locking    everything here may be called by all workers at the same time,
 *            unless its comment says otherwise
 */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/check.h"

struct check;

/* ------------------------------------------------------------- a checker */

struct check_path;

/* What findings take, whatever the format: the end of each formula. */
#define CHECK_MEMORY_FINDINGS "; 128 bytes per finding kept, its name and " \
                              "the path of what it is about"

/* What a format supplies. */
struct shale_checker {
    const char *name;
    const struct shale_check_code *codes;
    size_t code_count;
    unsigned phases;            /* that run() announces, at most */
    const char *memory;         /* the formula, in words */

    /* As in struct shale_fs_ops, but lenient: damage is to be found. */
    bool (*probe)(const uint8_t *head, size_t len);

    /*
     * Is there a volume on the device though probe() says no: by a backup of
     * what the beginning should have? May read. NULL: there are no backups.
     */
    bool (*probe_backup)(struct check *check);

    /* Check all. Fills check->result's counts. Keeps its own in check->volume,
       which paths() may use; done() frees it, whatever run() answered. */
    int (*run)(struct check *check);

    /*
     * Find out the path of each of the COUNT objects at PATHS (distinct,
     * sorted), as far as it can be known; see check_path_set(). Called once,
     * after run(), by one thread. NULL: the format cannot.
     */
    int (*paths)(struct check *check, struct check_path *paths, size_t count);

    void (*done)(struct check *check);
};

/* One check, as the checker sees it. */
struct check {
    struct shale_bdev *dev;
    struct shale_mem *mem;
    const struct shale_check_config *config;
    struct shale_check_result *result;  /* the checker's: files, directories,
                                           size, and all of units */
    void *volume;               /* the checker's */
    unsigned workers;           /* at least 1 */
    int64_t now;                /* seconds, UTC; 0: not known */

    struct check_notes *notes;  /* the rest is check/'s */
    struct check_state *state;
};

/* --------------------------------------------------------------- findings */

/* What goes into a finding. All may be left zero but what the sentence says. */
struct check_note {
    enum shale_object object;
    uint64_t number;            /* {n} in the sentence */
    uint64_t other;             /* {o} */
    bool compared;
    uint64_t expected, found;   /* {e}, {f}; with {e:x}, {f:x} in hexadecimal */
    const char *name;           /* {name}: LEN bytes, copied; UTF-8, or what
                                   was meant to be: made safe to print */
    size_t len;
};

/* Tell of a CODE at byte AT of the volume, or SHALE_NOWHERE. */
void check_tell(struct check *check, const struct shale_check_code *code,
                uint64_t at, const struct check_note *note);

/* How many findings of CODE there were so far. Not while workers run. */
uint64_t check_told(struct check *check, const struct shale_check_code *code);

/* Findings of all formats; check/codes.def. */
enum {
#define CODE(id, name, severity, sentence, meaning, danger) CHECK_##id,
#include "check/codes.def"
#undef CODE
    CHECK_CODES
};
extern const struct shale_check_code check_codes[CHECK_CODES];

/* An object whose path is wanted. */
struct check_path {
    enum shale_object object;
    uint64_t number;
    char *path;                 /* NULL until it is known */
    size_t size;                /* of path's memory */
};

/* PATH's is the LEN bytes at TEXT, "/" at their beginning. */
int check_path_set(struct check *check, struct check_path *path,
                   const char *text, size_t len);

/* --------------------------------------------------------------- sorting */

/*
 * Sort COUNT elements of SIZE bytes, 64 at most, at BASE: in place, in
 * n log n, in no time if they are in order. COMPARE as for qsort(3). Those that
 * it calls equal end up in any order.
 */
void check_sort(void *base, size_t count, size_t size,
                int (*compare)(const void *a, const void *b));

/* ----------------------------------------------------------------- memory */

/*
 * SIZE bytes of check->mem, counted for the result's memory_peak; the second
 * clears them. NULL if there are none, which is SHALE_ENOMEM from then on. SIZE
 * comes back with check_free(), as with shale_free().
 */
void *check_alloc(struct check *check, size_t size);
void *check_zalloc(struct check *check, size_t size);
void check_free(struct check *check, void *ptr, size_t size);

/* ---------------------------------------------------------------- reading */

/*
 * Read LEN bytes at AT into BUF. 0, SHALE_EIO if the device cannot (or ends
 * before), SHALE_ENOMEM, SHALE_EINTR. Holes of an image are not read.
 */
int check_read(struct check *check, uint64_t at, void *buf, size_t len);

/*
 * As check_read(), but an unreadable place is told (about OBJECT NUMBER) and
 * *GOOD is false.
 */
int check_get(struct check *check, uint64_t at, void *buf, size_t len,
              enum shale_object object, uint64_t number, bool *good);

/*
 * The first byte at or after AT that may be other than zero; dev->size if
 * there is none. AT itself on a device that does not know.
 */
uint64_t check_data_from(struct check *check, uint64_t at);

/*
 * LEN bytes at AT are going to be read soon. A hint: worth giving for what is
 * far apart, or large.
 */
void check_soon(struct check *check, uint64_t at, uint64_t len);

/* Is every byte zero? */
bool check_is_zero(const void *bytes, size_t len);

/* 0, or SHALE_EINTR, SHALE_ENOMEM: to be asked by loops that read nothing. */
int check_going(struct check *check);

/* ------------------------------------------------------- phases, workers */

/* The next phase begins: TOTAL units of what WHAT says. Not by workers. */
void check_phase(struct check *check, const char *what, uint64_t total);

/* N more units of the phase are done. */
void check_done(struct check *check, uint64_t n);

/*
 * Call WORK for 0 to COUNT - 1, in that order as far as the workers keep it.
 * Ends early with the first error, which is returned. Not by workers.
 */
int check_each(struct check *check, uint64_t count,
               int (*work)(struct check *check, uint64_t index,
                           void *context),
               void *context);

/*
 * Until the same is called with false, check_each() and queues do all on the
 * caller's thread, and so in one order: for what depends on who comes first.
 * Not by workers.
 */
void check_alone(struct check *check, bool alone);

/* Whose bytes these are; see struct shale_claim. Costs nothing if nobody
   asks. */
void check_claim(struct check *check, const struct shale_claim *claim);

/* A lock, which is nothing where there is one worker. */
struct check_lock {
    void *lock;
};
int check_lock_init(struct check *check, struct check_lock *lock);
void check_lock_fini(struct check *check, struct check_lock *lock);
void check_lock(struct check *check, struct check_lock *lock);
void check_unlock(struct check *check, struct check_lock *lock);

/* -------------------------------------------------------------- bits.c */

/*
 * A set of numbers below COUNT. Its memory is 8 bytes per 32,768 numbers, and
 * for each such stretch what is in it takes: nothing if it is empty or full, 64
 * bytes if it is a few runs, at most 4 KiB.
 */
struct check_bits;

struct check_bits *check_bits_create(struct check *check, uint64_t count);
void check_bits_destroy(struct check_bits *bits);       /* or NULL */
uint64_t check_bits_size(const struct check_bits *bits);        /* COUNT */

/*
 * Add LEN numbers from FIRST on; what lies past COUNT is left out. *ALREADY
 * (or NULL) is how many of them were there before.
 */
int check_bits_add(struct check_bits *bits, uint64_t first, uint64_t len,
                   uint64_t *already);

/* Likewise; those that were there before are added to TWICE, another set. */
int check_bits_claim(struct check_bits *bits, uint64_t first, uint64_t len,
                     struct check_bits *twice);
int check_bits_remove(struct check_bits *bits, uint64_t first, uint64_t len);
bool check_bits_has(struct check_bits *bits, uint64_t n);

/* How many of LEN numbers from FIRST on are in the set? */
uint64_t check_bits_sum(struct check_bits *bits, uint64_t first, uint64_t len);

/* The first number from AT on that is in the set, or not in it; COUNT if none
   is. */
uint64_t check_bits_next(struct check_bits *bits, uint64_t at, bool in);

/*
 * Store LEN numbers from FIRST on as a bitmap in OUT, LEN / 8 bytes rounded up,
 * the lowest bit first, as ext2 and NTFS have them. FIRST and what is left over
 * are as they come; bits past LEN are zero.
 */
void check_bits_store(struct check_bits *bits, uint64_t first, uint64_t len,
                      uint8_t *out);

/* ------------------------------------------------------------- array.c */

/*
 * COUNT elements of SIZE bytes (2, 4, 8, 16), zero until they are set. Memory
 * in pieces of 512 bytes for what was set, 4 KiB more for each 512 neighbouring
 * pieces if there is one of them, and 8 bytes if there is none.
 */
struct check_array;

struct check_array *check_array_create(struct check *check, uint64_t count,
                                       size_t size);
void check_array_destroy(struct check_array *array);    /* or NULL */
uint64_t check_array_size(const struct check_array *array);

/*
 * The element INDEX, to be read and changed by one thread at a time (see
 * check_array_lock()); NULL if it is zero and MAKE is false, or there is no
 * memory. It stays where it is.
 */
void *check_array_at(struct check_array *array, uint64_t index, bool make);

/* The array's own lock; round check_array_at() and what is done with it. */
void check_array_lock(struct check_array *array);
void check_array_unlock(struct check_array *array);

/* Add N to INDEX, of an array of 2 or 4 or 8 bytes; it stops at the largest. */
int check_array_add(struct check_array *array, uint64_t index, uint64_t n);
uint64_t check_array_get(struct check_array *array, uint64_t index);

/* The first index from AT on whose piece of the array exists; COUNT if none. */
uint64_t check_array_next(struct check_array *array, uint64_t at);

/* ------------------------------------------------------------- queue.c */

/* A place to be read, and what its reader has to know. */
struct check_item {
    uint64_t at;                /* byte of the volume */
    uint64_t tag[3];            /* the checker's */
};

/*
 * Places to be read, LENGTH bytes each. Whoever adds sees to it that no place
 * is added without bound: by claiming its block first.
 */
struct check_queue;

struct check_queue *check_queue_create(struct check *check, size_t length);
void check_queue_destroy(struct check_queue *queue);    /* or NULL */

int check_queue_add(struct check_queue *queue, const struct check_item *item);
uint64_t check_queue_count(struct check_queue *queue);

/*
 * Read what is in QUEUE, sorted, neighbours together, and call HANDLE for each
 * with its BYTES, which may be changed (NULL: unreadable, which has not been
 * told). HANDLE may add: goes on until nothing is left. Ends early with the
 * first error, which is returned. Not by workers.
 */
int check_queue_run(struct check_queue *queue,
                    int (*handle)(struct check *check,
                                  const struct check_item *item,
                                  uint8_t *bytes, void *context),
                    void *context);

/* Likewise, but what HANDLE adds is left for the next time. */
int check_queue_round(struct check_queue *queue,
                      int (*handle)(struct check *check,
                                    const struct check_item *item,
                                    uint8_t *bytes, void *context),
                      void *context);

#endif /* CHECK_CHECK_H */
