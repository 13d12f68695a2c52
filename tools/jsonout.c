/*
 * jsonout.c - one JSON document on stdout, made with jansson
 */
#include <stdlib.h>
#include <string.h>

#include "jsonout.h"
#include "utf8.h"

static json_t *json_or_end(json_t *value)
{
    if (value)
        return value;
    fputs("shale: out of memory\n", stderr);
    exit(STATUS_USAGE);
}

json_t *jsonout_new_object(void)
{
    return json_or_end(json_object());
}

json_t *jsonout_new_array(void)
{
    return json_or_end(json_array());
}

void jsonout_set(json_t *object, const char *key, json_t *value)
{
    /* Fails for want of memory or of VALUE, which is freed either way. */
    if (json_object_set_new(object, key, value) != 0)
        json_or_end(NULL);
}

void jsonout_append(json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) != 0)
        json_or_end(NULL);
}

void jsonout_bytes(json_t *object, const char *key, const char *text,
                   size_t len)
{
    char *repaired, *hex;
    char hex_key[64];

    if (utf8_valid(text, len)) {
        jsonout_set(object, key, json_stringn(text, len));
        return;
    }
    repaired = utf8_repaired(text, len);
    jsonout_set(object, key, json_string(repaired));
    free(repaired);

    hex = xrealloc(NULL, len + 1, 2);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)text[i]);
    snprintf(hex_key, sizeof hex_key, "%s_hex", key);
    jsonout_set(object, hex_key, json_string(hex));
    free(hex);
}

void jsonout_text(json_t *object, const char *key, const char *text)
{
    jsonout_bytes(object, key, text, strlen(text));
}

void jsonout_number(json_t *object, const char *key, uint64_t value)
{
    /* JSON has no bound, but jansson's integers end at 2^63. */
    jsonout_set(object, key, value <= INT64_MAX
                                 ? json_integer((json_int_t)value)
                                 : json_real((double)value));
}

void jsonout_bool(json_t *object, const char *key, bool value)
{
    jsonout_set(object, key, json_boolean(value));
}

void jsonout_time(json_t *object, const char *key, struct shale_time time)
{
    char text[PRINT_TIME_MAX];

    print_time_iso(time, text);
    jsonout_set(object, key, json_string(text));
}

void jsonout_attr(json_t *object, const struct shale_attr *attr)
{
    enum shale_type type = shale_type_of_mode(attr->mode);
    char mode[8];

    snprintf(mode, sizeof mode, "%04o", attr->mode & 07777u);
    jsonout_text(object, "type", print_type_key(type));
    jsonout_text(object, "mode", mode);
    jsonout_number(object, "uid", attr->uid);
    jsonout_number(object, "gid", attr->gid);
    jsonout_number(object, "links", attr->links);
    jsonout_number(object, "size", attr->size);
    jsonout_number(object, "allocated", attr->allocated);
    if (type == SHALE_TYPE_CHAR || type == SHALE_TYPE_BLOCK) {
        jsonout_number(object, "rdev_major", attr->rdev_major);
        jsonout_number(object, "rdev_minor", attr->rdev_minor);
    }
    jsonout_time(object, "atime", attr->atime);
    jsonout_time(object, "mtime", attr->mtime);
    jsonout_time(object, "ctime", attr->ctime);
    if (attr->btime.sec || attr->btime.nsec)
        jsonout_time(object, "btime", attr->btime);
    else
        jsonout_set(object, "btime", json_null());
}

void jsonout_begin(struct jsonout_array *array)
{
    array->some = false;
    putchar('[');
}

void jsonout_item(struct jsonout_array *array, json_t *object)
{
    fputs(array->some ? ",\n " : "\n ", stdout);
    json_dumpf(object, stdout, JSON_COMPACT);
    json_decref(object);
    array->some = true;
}

void jsonout_end(struct jsonout_array *array)
{
    fputs(array->some ? "\n]\n" : "]\n", stdout);
}

void jsonout_document(json_t *document)
{
    json_dumpf(document, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(document);
}
