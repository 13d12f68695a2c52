/*
 * codes.c - findings that every format may have, and words for enumerations
 */
#include "check/check.h"

#define CODE(id, name, severity, sentence, meaning, danger) \
    { name, SHALE_##severity, sentence, meaning, danger },
const struct shale_check_code check_codes[CHECK_CODES] = {
#include "check/codes.def"
};
#undef CODE

const char *shale_checker_name(const struct shale_checker *checker)
{
    return checker->name;
}

const struct shale_check_code *
shale_checker_code(const struct shale_checker *checker, size_t index)
{
    size_t count = checker ? checker->code_count : CHECK_CODES;

    if (index >= count)
        return NULL;
    return &(checker ? checker->codes : check_codes)[index];
}

const char *shale_severity_name(enum shale_severity severity)
{
    switch (severity) {
    case SHALE_ADVICE:          return "advice";
    case SHALE_INCONSISTENCY:   return "inconsistency";
    case SHALE_CORRUPTION:      return "corruption";
    }
    return "unknown";
}

const char *shale_object_name(enum shale_object object)
{
    switch (object) {
    case SHALE_OBJECT_VOLUME:   return "volume";
    case SHALE_OBJECT_GROUP:    return "group";
    case SHALE_OBJECT_BLOCK:    return "block";
    case SHALE_OBJECT_CLUSTER:  return "cluster";
    case SHALE_OBJECT_INODE:    return "inode";
    case SHALE_OBJECT_FILE:     return "file";
    case SHALE_OBJECT_RECORD:   return "MFT record";
    }
    return "unknown";
}

const char *shale_use_name(enum shale_use use)
{
    switch (use) {
    case SHALE_USE_BOOT:        return "boot sectors and superblocks";
    case SHALE_USE_TABLE:       return "tables";
    case SHALE_USE_BITMAP:      return "bitmaps";
    case SHALE_USE_INODES:      return "inodes";
    case SHALE_USE_DIRECTORY:   return "directories";
    case SHALE_USE_MAP:         return "pointer blocks";
    case SHALE_USE_ATTRIBUTES:  return "attributes";
    case SHALE_USE_JOURNAL:     return "journal";
    case SHALE_USE_DATA:        return "data";
    case SHALE_USE_SYSTEM:      return "system files";
    case SHALE_USE_BAD:         return "bad";
    case SHALE_USE_LOST:        return "lost";
    case SHALE_USES:            break;
    }
    return "unknown";
}
