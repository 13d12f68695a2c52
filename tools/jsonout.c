/*
 * jsonout.c - one JSON document on stdout
 */
#include <stdlib.h>
#include <string.h>

#include "jsonout.h"
#include "utf8.h"

void jsonout_bytes(struct json *object, const char *key, const char *text,
                   size_t len)
{
    char *repaired, *hex;
    char hex_key[64];

    if (utf8_valid(text, len)) {
        json_set(object, key, json_bytes(text, len));
        return;
    }
    repaired = utf8_repaired(text, len);
    json_set(object, key, json_text(repaired));
    free(repaired);

    hex = xrealloc(NULL, len + 1, 2);
    for (size_t i = 0; i < len; i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)text[i]);
    snprintf(hex_key, sizeof hex_key, "%s_hex", key);
    json_set(object, hex_key, json_text(hex));
    free(hex);
}

void jsonout_text(struct json *object, const char *key, const char *text)
{
    jsonout_bytes(object, key, text, strlen(text));
}

void jsonout_number(struct json *object, const char *key, uint64_t value)
{
    json_set(object, key, json_number(value));
}

void jsonout_bool(struct json *object, const char *key, bool value)
{
    json_set(object, key, json_truth(value));
}

void jsonout_time(struct json *object, const char *key, struct shale_time time)
{
    char text[PRINT_TIME_MAX];

    print_time_iso(time, text);
    json_set(object, key, json_text(text));
}

void jsonout_attr(struct json *object, const struct shale_attr *attr)
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
        json_set(object, "btime", json_null());
}

void jsonout_begin(struct jsonout_array *array)
{
    array->some = false;
    putchar('[');
}

void jsonout_item(struct jsonout_array *array, struct json *object)
{
    fputs(array->some ? ",\n " : "\n ", stdout);
    json_write(object, false, stdout);
    json_free(object);
    array->some = true;
}

void jsonout_end(struct jsonout_array *array)
{
    fputs(array->some ? "\n]\n" : "]\n", stdout);
}

void jsonout_document(struct json *document)
{
    json_write(document, true, stdout);
    putchar('\n');
    json_free(document);
}
