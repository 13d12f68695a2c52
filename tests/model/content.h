/*
 * content.h - operations on what the model's files have in them
 *
 * As model_op() has it: what the answer has to be, and if APPLY says so it is
 * done, LIMIT bytes of it at most. FILE is one that operation OP names.
 */
#ifndef MODEL_CONTENT_H
#define MODEL_CONTENT_H

#include "model.h"

int64_t content_write(const struct model *model, struct node *file,
                      uint64_t offset, const struct op *op, bool apply,
                      uint64_t limit);

int content_truncate(const struct model *model, struct node *file,
                     uint64_t size, bool apply);

int content_allocate(const struct model *model, struct node *file,
                     const struct op *op, bool apply);

int64_t content_copy(const struct model *model, struct node *from,
                     const struct op *op, bool apply, uint64_t limit);

int64_t content_read(const struct node *file, const struct op *op);

#endif /* MODEL_CONTENT_H */
