/*
 * history.h - all that a volume has held, and what of it may be there now
 *
 * While operations run on a model, the history notes after each of them which
 * names lead where, and what is in the files that have changed. After a power
 * cut the volume has to be somewhere between the last moment at which all was
 * known to be on the device and the operation that was under way:
 *
 *   - a name that is there was there at some moment in between;
 *   - a file's every byte is one that it had there, at that place, in between,
 *     and so is its size;
 *   - what existed all the time in between exists, under one of the names that
 *     it has had.
 */
#ifndef POWERCUT_HISTORY_H
#define POWERCUT_HISTORY_H

#include "fatcheck.h"
#include "model/model.h"

struct version {
    uint64_t id;                /* of the node */
    size_t since;               /* the moment from which on it was so */
    uint8_t *bytes;
    size_t size;
};

struct binding {
    uint64_t dir, id;           /* of nodes */
    char *name;
    bool is_dir;
};

/* After so many operations. */
struct moment {
    struct binding *bindings;
    size_t count, room;
    struct op op;               /* the one that led here; paths are not ours */
    size_t durable;             /* the last moment known to be on the device */
};

struct history {
    struct moment *moments;
    size_t count, room;
    struct version *versions;   /* in the order in which they came */
    size_t version_count, version_room;
    bool folds_case;

    char why[1000];             /* what history_judge found */
};

/* Begin with the model as it is, moment 0, which is on the device. */
void history_init(struct history *history, const struct model *model);
void history_fini(struct history *history);

/* OP has been done, and FLUSHED says whether all is on the device now. */
void history_note(struct history *history, const struct model *model,
                  const struct op *op, bool flushed);

/*
 * May CHECK, what fatcheck found, be there if the power went after operation
 * DONE was done, and perhaps while the next one was? False with history->why.
 */
bool history_judge(struct history *history, const struct fatcheck *check,
                   size_t done);

#endif /* POWERCUT_HISTORY_H */
