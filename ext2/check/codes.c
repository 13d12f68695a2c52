/*
 * codes.c - the table of findings
 */
#include "ext2/check/check.h"

const struct shale_check_code ext2_check_codes[EXT2_CHECK_CODES] = {
#define CODE(id, name, severity, sentence, meaning, danger)             \
    [EXT2_CHECK_##id] = {                                               \
        name, SHALE_##severity, sentence, meaning, danger,              \
    },
#include "ext2/check/codes.def"
#undef CODE
};
