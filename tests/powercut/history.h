/*
 * history.h - all that a volume has held, and what of it may be there now
 *
 * While operations run on a model, the history notes after each of them which
 * names lead where, and what is in the files that have changed. After a power
 * cut the volume has to be somewhere between the last moment at which all was
 * known to be on the device and the operation that was under way:
 *
 *   - a name that is there was there at some moment in between, and one that
 *     was there all the time in between is there;
 *   - a file's every byte is one that it had there, at that place, in between,
 *     and so are its size, and its mode and owner;
 *   - what existed all the time in between exists, under one of the names that
 *     it has had.
 */
#ifndef POWERCUT_HISTORY_H
#define POWERCUT_HISTORY_H

#include "model/model.h"
#include "shape.h"

struct version {
    uint64_t id;                /* of the node */
    size_t since;               /* the moment from which on it was so */
    uint8_t *bytes;
    size_t size;
    uint32_t mode, uid, gid;
};

struct binding {
    uint64_t dir, id;           /* of nodes */
    char *name;
    enum shale_type type;
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
    bool unix_files;
    bool in_steps;              /* ... a batch: see struct shape */
    bool in_parts;              /* an operation goes to the volume in several
                                   requests, of which the last may be missing */

    char why[1000];             /* what history_judge found */
};

/* Begin with the model as it is, moment 0, which is on the device. */
void history_init(struct history *history, const struct model *model);
void history_fini(struct history *history);

/* OP has been done, and FLUSHED says whether all is on the device now. */
void history_note(struct history *history, const struct model *model,
                  const struct op *op, bool flushed);

/*
 * May what was FOUND be there if the power went after operation
 * DONE was done, and perhaps while the next one was? False with history->why.
 */
bool history_judge(struct history *history, const struct found *found,
                   size_t done);

#endif /* POWERCUT_HISTORY_H */
