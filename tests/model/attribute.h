/*
 * attribute.h - operations on modes, owners, times and extended attributes
 *
 * As model_op() has it: what the answer has to be, and if APPLY says so it is
 * done.
 */
#ifndef MODEL_ATTRIBUTE_H
#define MODEL_ATTRIBUTE_H

#include "model.h"

int attribute_chmod(struct model *model, const struct op *op, bool apply);

int attribute_chown(struct model *model, const struct op *op, bool apply);

int attribute_set(struct model *model, const struct op *op, bool apply);

int attribute_remove(struct model *model, const struct op *op,
                     bool apply);

int attribute_touch(struct model *model, const struct op *op, bool apply);

#endif /* MODEL_ATTRIBUTE_H */
