/*
 * powercut.h - what a power cut would have left on a medium
 *
 * From the list of writes and flushes that a fault device recorded, rebuild
 * every state that the medium may be in after a cut, and show it to a judge.
 * What was written before the last flush is there. What came after it, a
 * stretch of writes, is there
 *
 *      up to some write, that one whole or torn at a sector's boundary; or
 *      as any choice of whole writes: a device may reorder them.
 *
 * The number of choices is bounded: see struct powercut_options.
 */
#ifndef SUPPORT_POWERCUT_H
#define SUPPORT_POWERCUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shale/fault.h"

#define POWERCUT_SECTOR 512u

struct powercut_options {
    uint64_t seed;              /* of all that is chosen */
    unsigned all_up_to;         /* every choice of up to so many writes of a
                                   stretch (at most 20); 0: 10 */
    unsigned random_subsets;    /* of a longer one, so many random; 0: 200 */
    unsigned tears;             /* boundaries within one write; 0: 64 */
    uint64_t max_states;        /* judge about so many, evenly spread over all;
                                   0: all */
};

struct powercut_state {
    const uint8_t *image;       /* what the medium holds */
    size_t size;
    size_t begun;               /* the first so many records had been made when
                                   the power went */
    uint64_t mark;              /* the last mark among them; 0: none */
    uint64_t number;            /* of the state, the same in each visit of the
                                   same records with the same options */
    const char *what;           /* it is, in words, to find it again */
};

/* False ends the visit. */
typedef bool powercut_judge(void *context, const struct powercut_state *state);

/*
 * Let JUDGE see the states that RECORDS lead to. The SIZE bytes of IMAGE hold
 * what the medium held before the first of them. They are changed in place, a
 * write at a time, and afterwards hold the medium with all writes made; or, if
 * the judge ended the visit, the state that it saw last. Returns how many
 * states were judged.
 */
uint64_t powercut_visit(uint8_t *image, size_t size,
                        const struct shale_fault_record *records,
                        const struct powercut_options *options,
                        powercut_judge *judge, void *context);

#endif /* SUPPORT_POWERCUT_H */
