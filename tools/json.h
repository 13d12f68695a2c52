/*
 * json.h - JSON values: made, put together, written, freed
 *
 * Numbers are whole, all 64 bits of them, as the values on a volume are; those
 * who read them into floating point lose what is past 2^53. Strings are UTF-8,
 * which is up to the caller. Who runs out of memory ends the program.
 */
#ifndef SHALE_TOOLS_JSON_H
#define SHALE_TOOLS_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct json;

struct json *json_new(void);                    /* an object */
struct json *json_list(void);
struct json *json_null(void);
struct json *json_truth(bool value);
struct json *json_number(uint64_t value);
struct json *json_seconds(double value);        /* to the microsecond */
struct json *json_text(const char *text);
struct json *json_bytes(const char *text, size_t len);

/* Add VALUE, which is the object's or the list's from then on. */
void json_set(struct json *object, const char *key, struct json *value);
void json_append(struct json *list, struct json *value);

/* Move all members of FROM, which is freed, behind those of OBJECT. */
void json_merge(struct json *object, struct json *from);

/* OBJECT's member KEY; NULL if it has none. */
struct json *json_get(struct json *object, const char *key);

/* Write VALUE: on one line, or indented. No newline follows. */
void json_write(struct json *value, bool indented, FILE *to);

/* Write OBJECT's members without its braces, BEFORE in front of each: where
   others are written before or after them. */
void json_write_members(struct json *object, const char *before, FILE *to);

void json_free(struct json *value);

#endif /* SHALE_TOOLS_JSON_H */
