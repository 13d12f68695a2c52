/*
 * jsonout.h - one JSON document on stdout
 *
 * Numbers are numbers; times are ISO 8601 in UTC with nanoseconds, null if
 * the volume records none. JSON strings are Unicode, names are bytes: a name
 * that is not UTF-8 has U+FFFD for each stray byte under "name", and under
 * "name_hex" its exact bytes, two hexadecimal digits each. Names that are
 * UTF-8 have no such second key.
 */
#ifndef SHALE_TOOLS_JSONOUT_H
#define SHALE_TOOLS_JSONOUT_H

#include "json.h"
#include "tools.h"

/* Set KEY, and KEY_hex if need be, to the LEN bytes at TEXT. */
void jsonout_bytes(struct json *object, const char *key, const char *text,
                   size_t len);

void jsonout_text(struct json *object, const char *key, const char *text);
void jsonout_number(struct json *object, const char *key, uint64_t value);
void jsonout_bool(struct json *object, const char *key, bool value);
void jsonout_time(struct json *object, const char *key, struct shale_time time);

/* Set what an inode says: type, mode, owners, size, times. */
void jsonout_attr(struct json *object, const struct shale_attr *attr);

/*
 * An array of many objects, written as they come: begin, each item (which is
 * freed), end.
 */
struct jsonout_array {
    bool some;
};

void jsonout_begin(struct jsonout_array *array);
void jsonout_item(struct jsonout_array *array, struct json *object);
void jsonout_end(struct jsonout_array *array);

/* Write DOCUMENT, indented, and free it. */
void jsonout_document(struct json *document);

#endif /* SHALE_TOOLS_JSONOUT_H */
