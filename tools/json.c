/*
 * json.c - JSON values: made, put together, written, freed
 *
 * By json-c, which is loaded when the first value is made: most runs of the
 * program write no JSON, and loading it takes a tenth of their memory.
 */
#include <dlfcn.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "host/library.h"
#include "json.h"
#include "tools.h"

/* What is used of the library. */
#define EACH_CALL(CALL)                         \
    CALL(json_object_new_object)                \
    CALL(json_object_new_array)                 \
    CALL(json_object_new_boolean)               \
    CALL(json_object_new_uint64)                \
    CALL(json_object_new_double_s)              \
    CALL(json_object_new_string_len)            \
    CALL(json_object_object_add)                \
    CALL(json_object_object_get)                \
    CALL(json_object_array_add)                 \
    CALL(json_object_get)                       \
    CALL(json_object_put)                       \
    CALL(json_object_get_object)                \
    CALL(json_object_to_json_string_length)

#define DECLARE(name) __typeof__(&(name)) name;
#define FIND(name) { #name, &calls.name },

static struct {
    bool loaded;
    EACH_CALL(DECLARE)
} calls;

static void load(void)
{
    static const struct library_call each[] = { EACH_CALL(FIND) };
    void *handle;

    if (calls.loaded)
        return;
    handle = dlopen("libjson-c.so.5", RTLD_NOW | RTLD_LOCAL);
    if (!handle || !library_find(handle, each, sizeof each / sizeof each[0])) {
        report("cannot write JSON: %s", dlerror());
        exit(STATUS_USAGE);
    }
    calls.loaded = true;
}

/* A struct json is the library's struct json_object; NULL is its null. */
static struct json *made(struct json_object *value)
{
    return memory_or_end(value);
}

static struct json_object *theirs(struct json *value)
{
    return (struct json_object *)value;
}

struct json *json_new(void)
{
    load();
    return made(calls.json_object_new_object());
}

struct json *json_list(void)
{
    load();
    return made(calls.json_object_new_array());
}

struct json *json_null(void)
{
    return NULL;
}

struct json *json_truth(bool value)
{
    load();
    return made(calls.json_object_new_boolean(value));
}

struct json *json_number(uint64_t value)
{
    load();
    return made(calls.json_object_new_uint64(value));
}

struct json *json_seconds(double value)
{
    char text[32];

    load();
    snprintf(text, sizeof text, "%.6f", value);
    return made(calls.json_object_new_double_s(value, text));
}

struct json *json_text(const char *text)
{
    return json_bytes(text, strlen(text));
}

struct json *json_bytes(const char *text, size_t len)
{
    load();
    return made(calls.json_object_new_string_len(text, (int)len));
}

void json_set(struct json *object, const char *key, struct json *value)
{
    if (calls.json_object_object_add(theirs(object), key, theirs(value)))
        memory_or_end(NULL);
}

void json_append(struct json *list, struct json *value)
{
    if (calls.json_object_array_add(theirs(list), theirs(value)))
        memory_or_end(NULL);
}

void json_merge(struct json *object, struct json *from)
{
    const struct lh_table *table = calls.json_object_get_object(theirs(from));

    for (const struct lh_entry *each = lh_table_head(table); each;
         each = lh_entry_next(each))
        json_set(object, lh_entry_k(each),
                 (struct json *)calls.json_object_get(lh_entry_v(each)));
    json_free(from);
}

struct json *json_get(struct json *object, const char *key)
{
    return (struct json *)calls.json_object_object_get(theirs(object), key);
}

void json_write_members(struct json *object, const char *before, FILE *to)
{
    const struct lh_table *table = calls.json_object_get_object(theirs(object));

    for (const struct lh_entry *each = lh_table_head(table); each;
         each = lh_entry_next(each)) {
        struct json *key = json_text(lh_entry_k(each));

        fputs(each == lh_table_head(table) ? "" : ",", to);
        fputs(before, to);
        json_write(key, false, to);
        fputs(": ", to);
        json_write((struct json *)lh_entry_v(each), false, to);
        json_free(key);
    }
}

void json_write(struct json *value, bool indented, FILE *to)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
                (indented ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                          : JSON_C_TO_STRING_PLAIN);
    size_t len = 4;
    const char *text = "null";      /* the value's, if there is one */

    if (value)
        text = calls.json_object_to_json_string_length(theirs(value), flags,
                                                       &len);
    if (!text)
        memory_or_end(NULL);
    fwrite(text, 1, len, to);
}

void json_free(struct json *value)
{
    if (value)
        calls.json_object_put(theirs(value));
}
