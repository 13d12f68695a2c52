/*
 * known.h - which nodes the kernel knows, and which of them we have to hold
 *
 * The kernel counts the answers by which it has got to know a node, and gives
 * as many back with FORGET. It may know a million, each of which costs it a
 * kilobyte or so; here a node takes little more than a byte:
 *
 *   1. Numbers come in chunks of 64 neighbours. A chunk with a node that is
 *      known has a count for each of its numbers, of 1, 2 or 4 bytes each,
 *      whatever the largest takes; and for a format that folds case 4 bytes for
 *      the name it is known by.
 *   2. All chunks together take no more than a fixed part of the volume's
 *      memory. Where there is no room for a chunk, its nodes are counted
 *      together with others' in one of SUMS sums.
 *   3. A chunk that is counted in a sum stays so until the sum is 0: all counts
 *      of a node are in one place.
 *
 * So no answer ever fails for want of memory. What a sum costs: who needs to
 * know that a node is not known any more waits until none of the sum's is. But
 * removed files that wait for that take memory; where they are many, the kernel
 * is asked, whenever it gives anything of one back, whether that was all.
 *
 * Few nodes have to be held, which is to say in memory, as long as the kernel
 * knows them: those that are not to be found again by their number alone
 * (shale_vnode_stays()). They are remembered in the core, once each.
 *
 * Besides, files that were written lately are kept in memory, RECENT of them:
 * a file that is being written has space beyond its end, which the core takes
 * back as soon as nobody holds the file.
 *
 * Locking    all calls may overlap. None may be made with a lock of the core's
 * NULL       is a table of what is not counted, as on a read-only mount
 */
#ifndef SHALE_FUSE_KNOWN_H
#define SHALE_FUSE_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct known;
struct shale_fs;
struct shale_mem;
struct shale_vnode;

/* A name that a node is known by: a hash of it. */
#define KNOWN_NO_NAME 0u
#define KNOWN_SEVERAL UINT32_MAX        /* or nobody knows which */

/*
 * Count the nodes of FS in at most ROOM bytes of MEM, and NAMED: note names.
 * NULL if there is no memory.
 */
struct known *known_create(struct shale_fs *fs, struct shale_mem *mem,
                           size_t room, bool named);

/*
 * Ask IS_GONE whether the kernel has nothing of INO any more, a removed file;
 * no counts are needed then. "No" is never wrong. Before any other call.
 */
typedef bool known_gone_fn(void *context, uint64_t ino);
void known_ask(struct known *known, known_gone_fn *is_gone, void *context);

/*
 * An answer is about to be given to who has no name, but a handle: no lock of
 * the kernel's tells when that is over, so it is not asked from now on.
 */
void known_by_handle(struct known *known);

/* Let go of all that is held, and free it. */
void known_destroy(struct known *known);

/* The kernel is about to learn of node INO, by NAME unless KNOWN_NO_NAME. */
void known_add(struct known *known, uint64_t ino, uint32_t name);

/* The kernel has forgotten INO, COUNT times. */
void known_drop(struct known *known, uint64_t ino, uint64_t count);

/* The name that INO is known by; KNOWN_NO_NAME if it is not. */
uint32_t known_name(struct known *known, uint64_t ino);

/* From now on it is NAME, if it is known. */
void known_rename(struct known *known, uint64_t ino, uint32_t name);

/*
 * VN has changed its name, or lost it, or is new, or has just been found: hold
 * it if the kernel knows it and could not find it again.
 */
void known_settle(struct known *known, struct shale_vnode *vn);

/* VN has been written: keep it in memory for a while. */
void known_wrote(struct known *known, struct shale_vnode *vn);

struct known_stats {
    uint64_t nodes;             /* that have a count of their own */
    uint64_t summed;            /* answers that are counted in sums */
    size_t bytes;               /* of memory */
    size_t room;
};

void known_stats(struct known *known, struct known_stats *out);

#endif /* SHALE_FUSE_KNOWN_H */
